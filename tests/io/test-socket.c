/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"
#include "io/socket.h"

#include "harness.h"

static int option(int fd, int level, int name) {
        int value   = -1;
        socklen_t n = sizeof(value);

        ck_assert_int_eq(getsockopt(fd, level, name, &value, &n), 0);
        return value;
}

TEST(a_socket_blocks_nobody_and_stays_in_its_program) {
        static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };

        for (size_t k = 0; k < ELEMENTSOF(families); k++) {
                const Address peer = { .any.sa_family = (sa_family_t) families[k] };
                int fd             = socket(families[k], SOCK_STREAM, 0);

                ck_assert_int_eq(socket_prepare(fd, &peer), 0);
                ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
                ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
                close(fd);
        }
        ck_assert_int_eq(socket_prepare(-1, &(Address) { .any.sa_family = AF_UNIX }), -EBADF);
}

/* Also while nobody reads: no timeout of the kernel's ends that (TCP_USER_TIMEOUT would). */
TEST(over_tcp_small_messages_go_at_once_and_a_host_that_is_silent_is_asked) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        ck_assert_int_eq(socket_prepare(fd, &(Address) { .any.sa_family = AF_INET }), 0);
        ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
        ck_assert_int_lt(1000 * option(fd, IPPROTO_TCP, TCP_KEEPIDLE), SOCKET_SILENCE_MSEC);
        ck_assert(!socket_is_silent(fd));
        close(fd);
        ck_assert(!socket_is_silent(-1));
}

static bool is_paced_as(int fd, const char *wanted) {
        char name[16] = "";
        socklen_t n   = sizeof(name);

        ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n), 0);
        return strcmp(name, wanted) == 0;
}

/* Whatever the machine has for its lines. */
TEST(nothing_is_paced_over_loopback_and_other_lines_are_the_machines) {
        static const char *const texts[] = { "127.0.0.1:7103", "[::1]:7103" };
        const int plain = socket(AF_INET, SOCK_STREAM, 0), far = socket(AF_INET, SOCK_STREAM, 0);
        char machines[16] = "";
        socklen_t n       = sizeof(machines);
        Address peer;
        Error err = {};

        for (size_t k = 0; k < ELEMENTSOF(texts); k++) {
                int fd;

                ck_assert_int_eq(address_parse(texts[k], &peer, &err), 0);
                fd = socket(peer.any.sa_family, SOCK_STREAM, 0);
                ck_assert_int_eq(socket_prepare(fd, &peer), 0);
                ck_assert(is_paced_as(fd, "reno"));
                close(fd);
        }
        ck_assert_int_eq(getsockopt(plain, IPPROTO_TCP, TCP_CONGESTION, machines, &n), 0);
        ck_assert_int_eq(address_parse("192.0.2.7:7103", &peer, &err), 0);
        ck_assert_int_eq(socket_prepare(far, &peer), 0);
        ck_assert(is_paced_as(far, machines));
        close(plain);
        close(far);
}

TEST(silent_is_who_does_not_answer_what_is_sent_again_or_asked_again) {
        static const struct {
                uint8_t retransmits, probes;
                uint32_t last_ack_msec;
                bool silent;
        } cases[] = {
                { 0, 0, 3600000, false }, /* nobody has asked */
                { 1, 0, 9999, false },
                { 1, 0, 10000, true },
                { 0, 1, 60000, false },   /* a closed window, and a probe on its way */
                { 0, 2, 60000, true },
                { 0, 2, 500, false },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const struct tcp_info info = { .tcpi_retransmits   = cases[k].retransmits,
                                               .tcpi_probes        = cases[k].probes,
                                               .tcpi_last_ack_recv = cases[k].last_ack_msec };

                ck_assert_msg(socket_info_is_silent(&info) == cases[k].silent, "case %zu", k);
        }
}

TEST(a_socket_is_ready_when_as_much_is_there_as_was_asked_for) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        socket_ready_at(fd, 1 << 20);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVLOWAT), 1 << 20);
        socket_ready_at(fd, 1);
        ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVLOWAT), 1);
        close(fd);
}
