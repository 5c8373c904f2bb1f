/* SPDX-License-Identifier: Apache-2.0 */
/* What a web server between a worker and a client can carry at most: plain loops of three processes over TCP of
 * loopback, without frames, digests or events, beside two processes straight. The relay copies, or splices through a
 * pipe as daemons/web/carry.c does; the receiver is woken for whatever has come, or for as much as io/stream.c waits
 * for. For each way of pacing that there is (TCP_CONGESTION) the ways take turns, each turn with connections of its
 * own: GB/s of the median and of the lower quartile of the turns, and milliseconds of processor of each process for a
 * payload.
 *
 *         bench-relay [MIB [TURNS [WAY]]]
 *
 * With a WAY ("spliced") only ways of which the name begins so, paced as our own sockets are. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "io/socket.h"
#include "io/stream.h"

enum {
        MIB        = 128, /* of a payload, */
        TURNS      = 15,  /* unless it is said */
        MAX_TURNS  = 100,
        PER_TURN   = 3, /* payloads, the best of which counts */
        PIECE      = 1 << 20,
        PIPE_BYTES = 256 << 10,
};

typedef enum Hop { STRAIGHT, COPIED, SPLICED } Hop;

static const struct {
        const char *name;
        Hop hop;
        int ready_bytes; /* of the receiver's socket; 1: any */
} ways[] = {
        { "straight", STRAIGHT, 1 }, { "straight, much at a time", STRAIGHT, READY_BYTES },
        { "copied", COPIED, 1 },     { "copied, much at a time", COPIED, READY_BYTES },
        { "spliced", SPLICED, 1 },   { "spliced, much at a time", SPLICED, READY_BYTES },
};

/* Seconds of processor. */
typedef struct Used {
        double sender, relay, receiver;
} Used;

typedef struct Turn {
        double seconds; /* of a payload, the best */
        Used used;      /* for one */
} Turn;

static size_t size_bytes;
static char *memory;
static Used *shared; /* with the other processes */

static void must(bool truth, const char *what) {
        if (truth)
                return;
        perror(what);
        exit(EXIT_FAILURE);
}

static double now(clockid_t clock) {
        struct timespec t;

        clock_gettime(clock, &t);
        return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static char *touched_memory(void) {
        char *made = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        must(made != MAP_FAILED, "mmap");
        (void) madvise(made, size_bytes, MADV_HUGEPAGE);
        memset(made, 1, size_bytes);
        return made;
}

/* ---- Sockets ----------------------------------------------------------------------------------------------------- */

/* False: there is no such pacing here. */
static bool pace(int fd, const char *paced) {
        return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, paced, (socklen_t) strlen(paced)) == 0;
}

static void connection(const char *paced, int fd[2]) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n           = sizeof(at);
        const int listening   = socket(AF_INET, SOCK_STREAM, 0);

        must(listening >= 0 && bind(listening, (struct sockaddr *) &at, n) == 0 && listen(listening, 1) == 0 &&
                     getsockname(listening, (struct sockaddr *) &at, &n) == 0,
             "listen");
        fd[0] = socket(AF_INET, SOCK_STREAM, 0);
        must(connect(fd[0], (struct sockaddr *) &at, n) == 0, "connect");
        fd[1] = accept(listening, NULL, NULL);
        must(fd[1] >= 0 && pace(fd[0], paced) && pace(fd[1], paced), "accept");
        close(listening);
}

static void wait_for(int fd, short what) {
        struct pollfd ready = { fd, what, 0 };

        must(poll(&ready, 1, -1) == 1, "poll");
}

/* ---- The three --------------------------------------------------------------------------------------------------- */

static void send_one(int fd) {
        for (size_t at = 0; at < size_bytes;) {
                const ssize_t n = send(fd, memory + at, size_bytes - at, MSG_NOSIGNAL);

                must(n > 0, "send");
                at += (size_t) n;
        }
}

/* A payload whenever it is told to. */
static void sender(int fd, int told) {
        const double before = now(CLOCK_PROCESS_CPUTIME_ID);
        char byte;

        while (read(told, &byte, 1) == 1)
                send_one(fd);
        shared->sender = now(CLOCK_PROCESS_CPUTIME_ID) - before;
}

static void copy(int from, int to) {
        ssize_t n;

        while ((n = recv(from, memory, PIECE, 0)) > 0)
                for (ssize_t at = 0, sent; at < n; at += sent) {
                        sent = send(to, memory + at, (size_t) (n - at), MSG_NOSIGNAL);
                        must(sent > 0, "send");
                }
}

static ssize_t move(int from, int to, size_t n) {
        return splice(from, NULL, to, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

static void move_all(int from, int to, size_t left) {
        while (left > 0) {
                const ssize_t n = move(from, to, left);

                must(n > 0 || errno == EAGAIN, "splice");
                left -= (size_t) MAX(n, 0);
                if (n < 0)
                        wait_for(to, POLLOUT);
        }
}

static void splice_through(int from, int to) {
        int fd[2];
        ssize_t n;

        must(pipe2(fd, O_NONBLOCK) == 0 && fcntl(fd[1], F_SETPIPE_SZ, PIPE_BYTES) >= 0 &&
                     fcntl(from, F_SETFL, O_NONBLOCK) == 0 && fcntl(to, F_SETFL, O_NONBLOCK) == 0,
             "pipe");
        while ((n = move(from, fd[1], PIECE)) != 0) {
                must(n > 0 || errno == EAGAIN, "splice");
                if (n > 0)
                        move_all(fd[0], to, (size_t) n);
                else
                        wait_for(from, POLLIN);
        }
}

static void relay(Hop hop, int from, int to) {
        const double before = now(CLOCK_PROCESS_CPUTIME_ID);

        if (hop == COPIED)
                copy(from, to);
        else
                splice_through(from, to);
        shared->relay = now(CLOCK_PROCESS_CPUTIME_ID) - before;
}

/* What comes last is taken as it comes. */
static void receive(int fd, int ready_bytes, char *to) {
        socket_ready_at(fd, ready_bytes);
        for (size_t at = 0; at < size_bytes;) {
                const size_t left = size_bytes - at;
                ssize_t n;

                if (left < (size_t) ready_bytes)
                        socket_ready_at(fd, 1);
                n = recv(fd, to + at, left, MSG_DONTWAIT);
                must(n > 0 || (n < 0 && errno == EAGAIN), "recv");
                if (n < 0)
                        wait_for(fd, POLLIN);
                at += (size_t) MAX(n, 0);
        }
}

/* ---- Turns ------------------------------------------------------------------------------------------------------- */

static Turn turn(size_t way, const char *paced) {
        int in[2], out[2], go[2], fd;
        Turn t = { .seconds = 1e9 };
        double before;
        char *own; /* of the receiver: the others have a copy of what there was before them */

        *shared = (Used) {};
        connection(paced, in);
        must(pipe(go) == 0, "pipe");
        if (fork() == 0) {
                close(go[1]);
                close(in[1]);
                sender(in[0], go[0]);
                _exit(0);
        }
        close(go[0]);
        close(in[0]);
        fd = in[1];
        if (ways[way].hop != STRAIGHT) {
                connection(paced, out);
                if (fork() == 0) {
                        close(go[1]);
                        close(out[1]);
                        relay(ways[way].hop, in[1], out[0]);
                        _exit(0);
                }
                close(in[1]);
                close(out[0]);
                fd = out[1];
        }
        own    = touched_memory();
        before = now(CLOCK_PROCESS_CPUTIME_ID);
        for (int k = 0; k < PER_TURN; k++) {
                const double began = now(CLOCK_MONOTONIC);

                must(write(go[1], "", 1) == 1, "write");
                receive(fd, ways[way].ready_bytes, own);
                t.seconds = MIN(t.seconds, now(CLOCK_MONOTONIC) - began);
        }
        t.used.receiver = now(CLOCK_PROCESS_CPUTIME_ID) - before;
        close(go[1]);
        while (wait(NULL) > 0)
                ;
        close(fd);
        munmap(own, size_bytes);
        t.used = (Used) { shared->sender / PER_TURN, shared->relay / PER_TURN, t.used.receiver / PER_TURN };
        return t;
}

static int by_value(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* Of what lies at `first` in each of the turns. */
static double quantile(const double *first, unsigned n_turns, double part) {
        double v[MAX_TURNS];

        for (unsigned k = 0; k < n_turns; k++)
                v[k] = *(const double *) ((const char *) first + k * sizeof(Turn));
        qsort(v, n_turns, sizeof(*v), by_value);
        return v[(unsigned) (part * (n_turns - 1))];
}

static bool is_wanted(size_t way, const char *only) {
        return strncmp(ways[way].name, only, strlen(only)) == 0;
}

static void bench(const char *paced, unsigned n_turns, const char *only) {
        static Turn found[ELEMENTSOF(ways)][MAX_TURNS];

        for (unsigned k = 0; k < n_turns; k++)
                for (size_t way = 0; way < ELEMENTSOF(ways); way++)
                        if (is_wanted(way, only))
                                found[way][k] = turn(way, paced);
        for (size_t way = 0; way < ELEMENTSOF(ways); way++) {
                if (!is_wanted(way, only))
                        continue;
                const Turn *t   = found[way];
                const double gb = 1e-9 * (double) size_bytes;

                printf("%-6s  %-25s  %5.2f GB/s  %5.2f GB/s    %5.1f ms %5.1f ms %5.1f ms\n", paced, ways[way].name,
                       gb / quantile(&t->seconds, n_turns, 0.5), gb / quantile(&t->seconds, n_turns, 0.75),
                       1e3 * quantile(&t->used.sender, n_turns, 0.5), 1e3 * quantile(&t->used.relay, n_turns, 0.5),
                       1e3 * quantile(&t->used.receiver, n_turns, 0.5));
        }
        (void) fflush(stdout);
}

int main(int argc, char **argv) {
        static const char *const paced[] = { "reno", "cubic", "bbr" };
        const unsigned n_turns           = argc > 2 ? (unsigned) strtoul(argv[2], NULL, 10) : TURNS;
        const int fd                     = socket(AF_INET, SOCK_STREAM, 0);

        must(n_turns > 0 && n_turns <= MAX_TURNS, "turns");
        size_bytes = (size_t) (argc > 1 ? strtoul(argv[1], NULL, 10) : MIB) << 20;
        memory     = touched_memory();
        shared     = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        must(shared != MAP_FAILED, "mmap");
        printf("paced   way                        median      lower quartile    sender    relay receiver\n");
        for (size_t k = 0; k < (argc > 3 ? 1 : ELEMENTSOF(paced)); k++)
                if (pace(fd, paced[k]))
                        bench(paced[k], n_turns, argc > 3 ? argv[3] : "");
        return EXIT_SUCCESS;
}
