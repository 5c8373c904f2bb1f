/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/address.h"
#include "io/link.h"

#include "harness.h"

typedef struct Server {
        sd_event *event;
        Listener *listener;
        unsigned n_accepted;
        bool free_when_accepted;
        char dir[64], path[80], address[96];
} Server;

static void on_accepted(void *userdata, int fd) {
        Server *s = userdata;

        ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
        s->n_accepted++;
        close(fd);
        if (s->free_when_accepted)
                s->listener = listener_free(s->listener);
}

static void server_init(Server *s) {
        *s = (Server) {};
        snprintf(s->dir, sizeof(s->dir), "/tmp/mars-test-listen-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(s->dir));
        snprintf(s->path, sizeof(s->path), "%s/a.sock", s->dir);
        snprintf(s->address, sizeof(s->address), "unix:%s", s->path);
        ck_assert_int_ge(sd_event_new(&s->event), 0);
}

/* A loop stays in its process. */
static int child_listen(Server *s) {
        if (sd_event_new(&s->event) < 0)
                _exit(1);
        return listener_new(&s->listener, s->event, s->address, 0600, on_accepted, s, NULL);
}

static int server_listen(Server *s, const char *address, Error *err) {
        return listener_new(&s->listener, s->event, address, 0600, on_accepted, s, err);
}

/* The directory is empty: nothing is left behind. */
static void server_free(Server *s) {
        listener_free(s->listener);
        sd_event_unref(s->event);
        ck_assert_int_eq(rmdir(s->dir), 0);
}

static int connect_to(const char *text) {
        Address a;
        int fd;

        ck_assert_int_eq(address_parse(text, &a, NULL), 0);
        fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, &a.any, a.size_bytes) == 0)
                return fd;
        close(fd);
        return -1;
}

static void accept_one(Server *s) {
        const unsigned before = s->n_accepted;
        int fd                = connect_to(listener_address(s->listener));

        ck_assert_int_ge(fd, 0);
        while (s->n_accepted == before)
                ck_assert_int_gt(sd_event_run(s->event, 10000000), 0);
        close(fd);
}

/* ---- TCP --------------------------------------------------------------------------------------------------------- */

TEST(port_0_becomes_a_free_one_and_the_address_says_which) {
        static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0", "localhost:0" };

        for (size_t k = 0; k < ELEMENTSOF(addresses); k++) {
                Server s;
                bool local;

                server_init(&s);
                ck_assert_int_eq(server_listen(&s, addresses[k], NULL), 0);
                ck_assert(!strstr(listener_address(s.listener), ":0"));
                ck_assert(address_is_local(listener_address(s.listener), &local, NULL) == 0 && local);
                accept_one(&s);
                accept_one(&s);
                server_free(&s);
        }
}

TEST(a_port_can_be_had_again_at_once_after_its_listener_is_gone) {
        char address[ADDRESS_TEXT_MAX];
        Server s;

        server_init(&s);
        ck_assert_int_eq(server_listen(&s, "127.0.0.1:0", NULL), 0);
        snprintf(address, sizeof(address), "%s", listener_address(s.listener));
        accept_one(&s); /* our side closes first: its end of the connection waits for a minute */
        s.listener = listener_free(s.listener);
        ck_assert_int_eq(server_listen(&s, address, NULL), 0);
        accept_one(&s);
        server_free(&s);
}

TEST(a_port_where_somebody_listens_is_refused_with_words_that_name_it) {
        Server s, t;
        Error err;

        server_init(&s);
        server_init(&t);
        ck_assert_int_eq(server_listen(&s, "127.0.0.1:0", NULL), 0);
        ck_assert_int_eq(server_listen(&t, listener_address(s.listener), &err), -EADDRINUSE);
        ck_assert(strstr(err.text, listener_address(s.listener)));
        ck_assert_ptr_null(t.listener);
        server_free(&s);
        server_free(&t);
}

TEST(the_host_of_all_ipv6_takes_ipv4_too) {
        char v4[ADDRESS_TEXT_MAX];
        Server s;
        int fd;

        server_init(&s);
        ck_assert_int_eq(server_listen(&s, "[::]:0", NULL), 0);
        snprintf(v4, sizeof(v4), "127.0.0.1%s", strrchr(listener_address(s.listener), ':'));
        fd = connect_to(v4);
        ck_assert_int_ge(fd, 0);
        close(fd);
        server_free(&s);
}

/* ---- Files of unix sockets --------------------------------------------------------------------------------------- */

TEST(the_file_of_a_socket_has_the_mode_whatever_the_umask_is_and_goes_with_its_listener) {
        static const mode_t masks[] = { 0, 022, 0777 }, modes[] = { 0600, 0660, 0666 };

        for (size_t k = 0; k < ELEMENTSOF(masks); k++)
                for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                        struct stat st;
                        Server s;

                        server_init(&s);
                        umask(masks[k]);
                        ck_assert_int_eq(
                                listener_new(&s.listener, s.event, s.address, modes[i], on_accepted, &s, NULL), 0);
                        ck_assert_str_eq(listener_address(s.listener), s.address);
                        ck_assert_int_eq(stat(s.path, &st), 0);
                        ck_assert_uint_eq(st.st_mode & 0777, modes[i]);
                        accept_one(&s);
                        server_free(&s);
                }
}

TEST(a_file_where_somebody_listens_is_refused_and_stays) {
        Server s, t;
        Error err;

        server_init(&s);
        server_init(&t);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), 0);
        ck_assert_int_eq(server_listen(&t, s.address, &err), -EADDRINUSE);
        ck_assert(strstr(err.text, s.address));
        ck_assert_ptr_null(t.listener);
        accept_one(&s);
        server_free(&s);
        server_free(&t);
}

TEST(a_socket_of_another_program_that_answers_is_not_replaced) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        Server s;
        int fd;

        server_init(&s);
        memcpy(a.sun_path, s.path, strlen(s.path));
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert(bind(fd, (struct sockaddr *) &a, sizeof(a)) == 0 && listen(fd, 1) == 0);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), -EADDRINUSE);
        ck_assert_int_eq(access(s.path, F_OK), 0);
        close(fd);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), 0); /* now nobody answers there */
        accept_one(&s);
        server_free(&s);
}

TEST(what_is_no_socket_is_never_removed) {
        Server s;
        int fd;

        server_init(&s);
        fd = open(s.path, O_CREAT | O_WRONLY, 0600);
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), -EADDRINUSE);
        ck_assert_int_eq(unlink(s.path), 0);
        ck_assert_int_eq(symlink("/nowhere", s.path), 0);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), -EADDRINUSE);
        ck_assert_int_eq(unlink(s.path), 0);
        server_free(&s);
}

TEST(the_file_of_a_listener_that_was_killed_is_taken_over) {
        Server s;
        pid_t child;

        server_init(&s);
        child = fork();
        if (child == 0) {
                (void) child_listen(&s);
                raise(SIGKILL);
        }
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        ck_assert_int_eq(access(s.path, F_OK), 0);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), 0);
        accept_one(&s);
        server_free(&s);
}

/* Each child says through the pipe whether it listens, and does until the pipe's other end is closed. */
TEST(of_many_that_start_at_once_exactly_one_listens) {
        enum { N = 8, ROUNDS = 20 };

        for (int round = 0; round < ROUNDS; round++) {
                int said[2], go[2], n_listen = 0;
                Server s;

                server_init(&s);
                if (round % 2) { /* beside a file of one that was killed */
                        pid_t killed = fork();

                        if (killed == 0) {
                                (void) child_listen(&s);
                                raise(SIGKILL);
                        }
                        ck_assert_int_eq(waitpid(killed, NULL, 0), killed);
                        ck_assert_int_eq(access(s.path, F_OK), 0);
                }
                ck_assert(pipe(said) == 0 && pipe(go) == 0);
                for (int k = 0; k < N; k++)
                        if (fork() == 0) {
                                char c = child_listen(&s) == 0 ? 'y' : 'n';

                                close(go[1]);
                                if (write(said[1], &c, 1) != 1 || read(go[0], &c, 1) != 0)
                                        _exit(1);
                                listener_free(s.listener);
                                _exit(0);
                        }
                close(go[0]);
                for (int k = 0; k < N; k++) {
                        char c;

                        ck_assert_int_eq(read(said[0], &c, 1), 1);
                        n_listen += c == 'y';
                }
                ck_assert_int_eq(n_listen, 1);
                close(go[1]);
                for (int k = 0, status; k < N; k++) {
                        ck_assert_int_gt(wait(&status), 0);
                        ck_assert_int_eq(status, 0);
                }
                close(said[0]);
                close(said[1]);
                server_free(&s);
        }
}

/* ---- Accepting --------------------------------------------------------------------------------------------------- */

TEST(a_socket_that_listens_already_is_taken_and_its_file_left_alone) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        Server s;
        int fd;

        server_init(&s);
        memcpy(a.sun_path, s.path, strlen(s.path));
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert(bind(fd, (struct sockaddr *) &a, sizeof(a)) == 0 && listen(fd, 10) == 0);
        ck_assert_int_eq(listener_from_fd(&s.listener, s.event, fd, on_accepted, &s, NULL), 0);
        ck_assert_str_eq(listener_address(s.listener), s.address);
        accept_one(&s);
        s.listener = listener_free(s.listener);
        ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
        ck_assert_int_eq(unlink(s.path), 0);
        server_free(&s);
}

TEST(what_does_not_listen_is_refused_and_closed) {
        Server s;
        Error err;

        server_init(&s);
        for (int k = 0; k < 3; k++) {
                int fd = k == 0 ? dup(STDIN_FILENO) : socket(AF_UNIX, k == 1 ? SOCK_STREAM : SOCK_DGRAM, 0);

                ck_assert_int_eq(listener_from_fd(&s.listener, s.event, fd, on_accepted, &s, &err), ERROR_VALUE);
                ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
        }
        server_free(&s);
}

TEST(a_listener_may_be_freed_when_it_accepts) {
        Server s;
        int fd[3];

        server_init(&s);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), 0);
        s.free_when_accepted = true;
        for (int k = 0; k < 3; k++)
                fd[k] = connect_to(s.address);
        while (s.listener)
                ck_assert_int_gt(sd_event_run(s.event, 10000000), 0);
        ck_assert_uint_eq(s.n_accepted, 1);
        for (int k = 0; k < 3; k++)
                close(fd[k]);
        server_free(&s);
}

/* What cannot be accepted now is accepted when there are descriptors again, and nothing spins meanwhile. */
TEST(without_a_descriptor_left_connections_wait) {
        struct rlimit old, few = {};
        unsigned n_turns = 0;
        Server s;
        int fd;

        server_init(&s);
        ck_assert_int_eq(server_listen(&s, s.address, NULL), 0);
        fd = connect_to(s.address);
        ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
        few.rlim_max = old.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
        while (sd_event_run(s.event, 0) > 0)
                n_turns++;
        ck_assert_uint_le(n_turns, 3);
        ck_assert_uint_eq(s.n_accepted, 0);
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
        while (s.n_accepted == 0)
                ck_assert_int_gt(sd_event_run(s.event, 10000000), 0);
        close(fd);
        server_free(&s);
}
