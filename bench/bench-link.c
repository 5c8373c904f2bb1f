/* SPDX-License-Identifier: Apache-2.0 */
/* Links beside what their sockets can do: payloads of 64 MiB from one process to another, each on a processor of its
 * own, through a link at each end, through links with movers (io_uring in the loop), through links over TLS (TCP only),
 * through a plain loop of send() and recv(MSG_WAITALL), and through the same loop over io_uring, on connections of the
 * same kind, taking turns; medians in GB/s. Then small messages, there and back one at a time, and one way as many as
 * go.
 *
 * The goal: 90 % of the plain loop; over TLS more than 10 GbE carries (1.25 GB/s). */
#include <liburing.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "io/link.h"

enum {
        PAYLOAD_BYTES = 64 << 20,
        N_PAYLOADS    = 8,
        N_ECHOES      = 10000,
        N_MESSAGES    = 1000000,
        BODY_BYTES    = 40,
        BURST         = 1000, /* messages that are queued before the loop has a turn */
        ROUNDS        = 5,
};

typedef enum Kind { KIND_ECHO, KIND_MESSAGE, KIND_CHUNK, KIND_ALL_THERE, _KIND_MAX } Kind;

typedef struct End {
        sd_event *event;
        Link *link;
        Mover *mover;
        char *memory;
        unsigned n_got[_KIND_MAX];
} End;

static double now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void must(bool truth, const char *what) {
        if (truth)
                return;
        perror(what);
        exit(EXIT_FAILURE);
}

/* ---- Sockets ----------------------------------------------------------------------------------------------------- */

static void connection(int family, int fd[2]) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n           = sizeof(at);
        int listening;

        if (family == AF_UNIX) {
                must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
                return;
        }
        listening = socket(AF_INET, SOCK_STREAM, 0);
        must(listening >= 0 && bind(listening, (struct sockaddr *) &at, n) == 0 && listen(listening, 1) == 0 &&
                             getsockname(listening, (struct sockaddr *) &at, &n) == 0,
             "listen");
        fd[0] = socket(AF_INET, SOCK_STREAM, 0);
        must(connect(fd[0], (struct sockaddr *) &at, n) == 0, "connect");
        fd[1] = accept(listening, NULL, NULL);
        must(fd[1] >= 0, "accept");
        close(listening);
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

/* An echo is sent back, unless it has come back; of the others each whole lot is answered. */
static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload _unused_,
                      int fd _unused_, Error *err _unused_) {
        static const unsigned lot[_KIND_MAX] = { [KIND_MESSAGE] = N_MESSAGES, [KIND_CHUNK] = N_PAYLOADS };
        End *end                             = userdata;

        end->n_got[frame->kind]++;
        if (frame->kind == KIND_ECHO)
                return link_send(link, KIND_ALL_THERE, body, frame->body_bytes);
        if (lot[frame->kind] && end->n_got[frame->kind] % lot[frame->kind] == 0)
                return link_send(link, KIND_ALL_THERE, NULL, 0);
        return 0;
}

static int on_payload(void *userdata, Link *link _unused_, const Frame *frame _unused_, const uint8_t *body _unused_,
                      char **ret, Error *err _unused_) {
        *ret = ((End *) userdata)->memory;
        return 0;
}

static void on_closed(void *userdata, Link *link _unused_, const Error *why _unused_) {
        sd_event_exit(((End *) userdata)->event, 0);
}

static void on_done(void *userdata _unused_) {
}

static const LinkEvents events = { .message = on_message, .payload = on_payload, .closed = on_closed };

/* Moves at both ends, or at none. */
static void end_moves(End *end) {
        must(mover_new(&end->mover, end->event, NULL) == 0, "mover");
        link_move(end->link, end->mover);
}

static void end_init(End *end, int fd, char *memory, Tls *tls) {
        *end = (End) { .memory = memory };
        must(sd_event_new(&end->event) >= 0 && link_new(&end->link, end->event, fd, &events, end, NULL) == 0 &&
                             link_secure(end->link, tls, NULL) == 0,
             "link");
}

static void end_accept(End *end, int fd, char *memory, Tls *tls) {
        static Door door;

        *end     = (End) { .memory = memory };
        door.tls = tls;
        must(sd_event_new(&end->event) >= 0 &&
                             link_accept(&end->link, end->event, fd, &door, &events, end, NULL) == 0,
             "link");
        link_admit(end->link);
}

/* A key that both have. */
static Tls *key(const char *cipher) {
        Keys keys = {};
        Tls *tls  = NULL;

        keys.n = 1;
        must(tls_new_keys(&tls, &keys, TLS_WORKER, NULL) == 0, "TLS");
        tls_set(tls, cipher, 0);
        return tls;
}

static void end_wait(End *end, unsigned n_answers) {
        while (end->n_got[KIND_ALL_THERE] < n_answers)
                must(sd_event_run(end->event, UINT64_MAX) > 0, "sd_event_run");
}

static double link_payloads(End *end) {
        const double begin = now();

        for (int k = 0; k < N_PAYLOADS; k++)
                must(link_send_payload(end->link, KIND_CHUNK, NULL, 0, end->memory, PAYLOAD_BYTES, on_done, NULL) == 0,
                     "link_send_payload");
        end_wait(end, end->n_got[KIND_ALL_THERE] + 1);
        return now() - begin;
}

static double link_echoes(End *end) {
        const double begin = now();

        for (int k = 0; k < N_ECHOES; k++) {
                must(link_send(end->link, KIND_ECHO, (uint8_t *) end->memory, BODY_BYTES) == 0, "link_send");
                end_wait(end, end->n_got[KIND_ALL_THERE] + 1);
        }
        return now() - begin;
}

static double link_messages(End *end) {
        const double begin     = now();
        const unsigned answers = end->n_got[KIND_ALL_THERE] + 1;

        for (int k = 0; k < N_MESSAGES; k++) {
                must(link_send(end->link, KIND_MESSAGE, (uint8_t *) end->memory, BODY_BYTES) == 0, "link_send");
                while (k % BURST == 0 && link_queued_bytes(end->link) > 1 << 20)
                        must(sd_event_run(end->event, UINT64_MAX) > 0, "sd_event_run");
        }
        end_wait(end, answers);
        return now() - begin;
}

/* ---- The plain loop ---------------------------------------------------------------------------------------------- */

static void plain_serve(int fd, char *memory) {
        for (;;) {
                for (int k = 0; k < N_PAYLOADS; k++)
                        if (recv(fd, memory, PAYLOAD_BYTES, MSG_WAITALL) != PAYLOAD_BYTES)
                                return;
                must(send(fd, "", 1, MSG_NOSIGNAL) == 1, "send");
        }
}

static double plain_payloads(int fd, const char *memory) {
        const double begin = now();
        char answer;

        for (int k = 0; k < N_PAYLOADS; k++)
                for (size_t at = 0; at < PAYLOAD_BYTES;) {
                        const ssize_t n = send(fd, memory + at, PAYLOAD_BYTES - at, MSG_NOSIGNAL);

                        must(n > 0, "send");
                        at += (size_t) n;
                }
        must(recv(fd, &answer, 1, 0) == 1, "recv");
        return now() - begin;
}

/* ---- The same over io_uring -------------------------------------------------------------------------------------- */

static void uring_init(struct io_uring *ring) {
        must(io_uring_queue_init(1, ring, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0, "io_uring");
}

static int uring_move(struct io_uring *ring, int fd, bool sends, char *memory) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        struct io_uring_cqe *cqe = NULL;
        int n;

        if (sends)
                io_uring_prep_send(sqe, fd, memory, PAYLOAD_BYTES, MSG_WAITALL | MSG_NOSIGNAL);
        else
                io_uring_prep_recv(sqe, fd, memory, PAYLOAD_BYTES, MSG_WAITALL);
        must(io_uring_submit_and_wait(ring, 1) >= 0 && io_uring_wait_cqe(ring, &cqe) == 0, "io_uring");
        n = cqe->res;
        io_uring_cqe_seen(ring, cqe);
        return n;
}

static void uring_serve(int fd, char *memory) {
        struct io_uring ring;

        uring_init(&ring);
        for (;;) {
                for (int k = 0; k < N_PAYLOADS; k++)
                        if (uring_move(&ring, fd, false, memory) != PAYLOAD_BYTES)
                                return;
                must(send(fd, "", 1, MSG_NOSIGNAL) == 1, "send");
        }
}

static double uring_payloads(struct io_uring *ring, int fd, char *memory) {
        const double begin = now();
        char answer;

        for (int k = 0; k < N_PAYLOADS; k++)
                must(uring_move(ring, fd, true, memory) == PAYLOAD_BYTES, "send");
        must(recv(fd, &answer, 1, 0) == 1, "recv");
        return now() - begin;
}

/* ---- All three --------------------------------------------------------------------------------------------------- */

typedef enum Way { WAY_PLAIN, WAY_URING, WAY_LINK, WAY_MOVED, WAY_TLS, WAY_TLS_MOVED, _WAY_MAX } Way;

static void pin(int processor) {
        cpu_set_t set;

        CPU_ZERO(&set);
        CPU_SET(processor, &set);
        (void) sched_setaffinity(0, sizeof(set), &set); /* a wish: perhaps there is one alone */
}

/* The other end of a connection, in a process of its own; returns ours. */
static int serve(Way way, int family, char *memory, Tls *tls) {
        int fd[2];
        End end;

        connection(family, fd);
        if (fork() > 0) {
                close(fd[1]);
                return fd[0];
        }
        close(fd[0]);
        pin(1);
        if (way == WAY_PLAIN)
                plain_serve(fd[1], memory);
        else if (way == WAY_URING)
                uring_serve(fd[1], memory);
        else {
                end_accept(&end, fd[1], memory, tls);
                if (way == WAY_MOVED || way == WAY_TLS_MOVED)
                        end_moves(&end);
                sd_event_loop(end.event);
        }
        _exit(0);
}

static int by_value(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static double median(double v[static ROUNDS]) {
        qsort(v, ROUNDS, sizeof(*v), by_value);
        return v[ROUNDS / 2];
}

static void bench(const char *name, int family, char *memory, const char *cipher) {
        const double gb = 1e-9 * N_PAYLOADS * PAYLOAD_BYTES;
        double took[_WAY_MAX][ROUNDS], echoes[ROUNDS], messages[ROUNDS], tls_echoes[ROUNDS], tls_messages[ROUNDS];
        Tls *tls = cipher ? key(cipher) : NULL;
        struct io_uring ring;
        int fd[_WAY_MAX];
        End end, moved, secure, secure_moved;

        for (Way way = 0; way < _WAY_MAX; way++)
                fd[way] = serve(way, family, memory, way >= WAY_TLS ? tls : NULL);
        pin(0);
        uring_init(&ring);
        end_init(&end, fd[WAY_LINK], memory, NULL);
        end_init(&moved, fd[WAY_MOVED], memory, NULL);
        end_moves(&moved);
        end_init(&secure, fd[WAY_TLS], memory, tls);
        end_init(&secure_moved, fd[WAY_TLS_MOVED], memory, tls);
        end_moves(&secure_moved);
        for (int k = 0; k < ROUNDS; k++) {
                took[WAY_PLAIN][k] = plain_payloads(fd[WAY_PLAIN], memory);
                took[WAY_URING][k] = uring_payloads(&ring, fd[WAY_URING], memory);
                took[WAY_LINK][k]  = link_payloads(&end);
                took[WAY_MOVED][k] = link_payloads(&moved);
                echoes[k]          = link_echoes(&end);
                messages[k]        = link_messages(&end);
                took[WAY_TLS][k]   = link_payloads(&secure);
                took[WAY_TLS_MOVED][k] = link_payloads(&secure_moved);
                tls_echoes[k]      = link_echoes(&secure);
                tls_messages[k]    = link_messages(&secure);
        }
        link_free(end.link);
        link_free(moved.link);
        link_free(secure.link);
        link_free(secure_moved.link);
        mover_unref(moved.mover);
        mover_unref(secure_moved.mover);
        sd_event_unref(end.event);
        sd_event_unref(moved.event);
        sd_event_unref(secure.event);
        sd_event_unref(secure_moved.event);
        tls_unref(tls);
        io_uring_queue_exit(&ring);
        close(fd[WAY_PLAIN]);
        close(fd[WAY_URING]);
        printf("%-4s  plain %5.2f  io_uring %5.2f  link %5.2f  moved %5.2f GB/s, of plain %.2f", name,
               gb / median(took[WAY_PLAIN]), gb / median(took[WAY_URING]), gb / median(took[WAY_LINK]),
               gb / median(took[WAY_MOVED]), median(took[WAY_PLAIN]) / median(took[WAY_MOVED]));
        printf("   there and back %5.1f us   %.1f million messages/s\n", 1e6 * median(echoes) / N_ECHOES,
               1e-6 * N_MESSAGES / median(messages));
        if (cipher)
                printf("tls   %-9s  link %5.2f  moved %5.2f GB/s, of the plain link %.2f   there and back %5.1f us   "
                       "%.1f million messages/s\n",
                       cipher, gb / median(took[WAY_TLS]), gb / median(took[WAY_TLS_MOVED]),
                       median(took[WAY_LINK]) / median(took[WAY_TLS]),
                       1e6 * median(tls_echoes) / N_ECHOES, 1e-6 * N_MESSAGES / median(tls_messages));
}

int main(void) {
        char *memory = malloc(PAYLOAD_BYTES);

        must(memory, "malloc");
        memset(memory, 1, PAYLOAD_BYTES);
        bench("unix", AF_UNIX, memory, NULL);
        bench("tcp", AF_INET, memory, "aes256gcm");
        bench("tcp", AF_INET, memory, "chacha20");
        free(memory);
        return EXIT_SUCCESS;
}
