/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/address.h"
#include "io/link.h"

#include "harness.h"

TEST(an_address_has_one_text) {
        static const char *const same[] = { "unix:/run/mars/a.sock", "127.0.0.1:7103", "0.0.0.0:0", "192.0.2.7:65535",
                                            "[::1]:7103", "[::]:0", "[2001:db8::1]:1", "[fe80::1%lo]:7103" };
        static const char *const other[][2] = { { "localhost:7", "127.0.0.1:7" },
                                                { "[0:0:0:0:0:0:0:1]:007", "[::1]:7" },
                                                { "[2001:DB8::1]:1", "[2001:db8::1]:1" },
                                                { "[::ffff:192.0.2.7]:1", "192.0.2.7:1" } };
        char text[ADDRESS_TEXT_MAX];
        Address a;

        for (size_t k = 0; k < ELEMENTSOF(same); k++) {
                ck_assert_int_eq(address_parse(same[k], &a, NULL), 0);
                ck_assert_str_eq(address_print(&a, text), same[k]);
        }
        for (size_t k = 0; k < ELEMENTSOF(other); k++) {
                ck_assert_int_eq(address_parse(other[k][0], &a, NULL), 0);
                ck_assert_str_eq(address_print(&a, text), other[k][1]);
        }
}

TEST(what_is_no_address_is_refused_with_words_that_quote_it) {
        static const char *const bad[] = { "", ":", "unix:", "unix:here.sock", "unix:80",
                                           "127.0.0.1", "127.0.0.1:", ":7103",
                                           "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1",
                                           "127.0.0.1:1a", "127.0.0.1:0000007", "127.1:1", "1:1", "256.0.0.1:1",
                                           "::1:7103", "[::1]", "[::1]7103", "[]:1", "[::1:1", "::1]:1",
                                           "[127.0.0.1]:1",
                                           "[fe80::1%no-such-interface]:1", "[localhost]:1", "[:1" };
        Address a;
        Error err;
        bool local;

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                err = (Error) {};
                ck_assert_msg(address_parse(bad[k], &a, &err) == ERROR_VALUE, "'%s'", bad[k]);
                ck_assert(strstr(err.text, bad[k]));
                ck_assert_int_eq(address_is_local(bad[k], &local, NULL), ERROR_VALUE);
        }
}

TEST(a_name_is_what_the_system_says_and_parsing_alone_asks_nobody) {
        char text[ADDRESS_TEXT_MAX];
        Address a;
        Error err = {};

        ck_assert_int_eq(address_parse("name.invalid:80", &a, NULL), ERROR_VALUE);
        ck_assert_int_eq(address_resolve("name.invalid:80", &a, &err), -EHOSTUNREACH); /* RFC 6761: it never exists */
        ck_assert(strstr(err.text, "name.invalid:80"));
        ck_assert_int_eq(address_resolve("127.0.0.1:80", &a, NULL), 0);
        ck_assert_str_eq(address_print(&a, text), "127.0.0.1:80");
        ck_assert_int_eq(address_resolve("ip6-localhost:80", &a, &err) == 0 || err.code == -EHOSTUNREACH, 1);
        ck_assert_int_eq(address_resolve("bad name:80", &a, NULL), ERROR_VALUE);
}

TEST(a_path_is_as_long_as_the_kernel_takes_and_no_longer) {
        char text[256] = "unix:/", printed[ADDRESS_TEXT_MAX];
        Address a;
        Error err;

        memset(text + 6, 'x', 106);
        ck_assert_int_eq(address_parse(text, &a, NULL), 0);
        ck_assert_str_eq(address_print(&a, printed), text);
        text[112] = 'x';
        ck_assert_int_eq(address_parse(text, &a, &err), ERROR_VALUE);
        ck_assert(strstr(err.text, "107"));
}

TEST(local_are_unix_sockets_and_loopback) {
        static const char *const local[] = { "unix:/a", "127.0.0.1:1", "127.255.0.9:1", "localhost:1", "[::1]:1",
                                             "[::ffff:127.0.0.1]:1" };
        static const char *const remote[] = { "0.0.0.0:1", "[::]:1", "128.0.0.1:1", "192.0.2.7:1", "[2001:db8::1]:1",
                                              "[::ffff:10.0.0.1]:1", "[fe80::1]:1" };
        bool is;

        for (size_t k = 0; k < ELEMENTSOF(local); k++)
                ck_assert_msg(address_is_local(local[k], &is, NULL) == 0 && is, "%s", local[k]);
        for (size_t k = 0; k < ELEMENTSOF(remote); k++)
                ck_assert_msg(address_is_local(remote[k], &is, NULL) == 0 && !is, "%s", remote[k]);
}

typedef struct Place {
        char folder[32], address[64];
        int fd;
} Place;

/* A unix socket somewhere. */
static Place place_new(void) {
        Place p = { .folder = "/tmp/test-address-XXXXXX", .fd = socket(AF_UNIX, SOCK_STREAM, 0) };
        Address a;

        ck_assert_ptr_nonnull(mkdtemp(p.folder));
        snprintf(p.address, sizeof(p.address), "unix:%s/socket", p.folder);
        ck_assert_int_eq(address_parse(p.address, &a, NULL), 0);
        ck_assert_int_eq(bind(p.fd, &a.any, a.size_bytes), 0);
        return p;
}

static void place_end(Place *p) {
        close(p->fd);
        unlink(p->address + strlen("unix:"));
        ck_assert_int_eq(rmdir(p->folder), 0);
}

TEST(who_is_on_this_machine_is_found_at_the_socket_that_he_means) {
        Place p           = place_new();
        const uint64_t is = address_identity(p.address);

        ck_assert_uint_ne(is, 0);
        ck_assert_uint_eq(is, address_identity(p.address));
        ck_assert_str_eq(address_nearest("192.0.2.7:7105", p.address, is), p.address);
        place_end(&p);
}

TEST(a_socket_of_the_same_name_that_is_another_one_is_not_taken_for_his) {
        Place p = place_new(), other = place_new();

        ck_assert_str_eq(address_nearest("192.0.2.7:7105", other.address, address_identity(p.address)),
                         "192.0.2.7:7105");
        ck_assert_str_eq(address_nearest("192.0.2.7:7105", p.address, 0), "192.0.2.7:7105");
        ck_assert_str_eq(address_nearest("192.0.2.7:7105", "", 0), "192.0.2.7:7105");
        place_end(&p);
        place_end(&other);
}

TEST(what_is_no_socket_of_ours_has_no_identity) {
        Place p = place_new();

        ck_assert_uint_eq(address_identity("unix:/dev/null"), 0);
        ck_assert_uint_eq(address_identity("unix:/nowhere/at/all"), 0);
        ck_assert_uint_eq(address_identity("127.0.0.1:7105"), 0);
        ck_assert_uint_eq(address_identity(""), 0);
        ck_assert_int_eq(unlink(p.address + strlen("unix:")), 0);
        ck_assert_uint_eq(address_identity(p.address), 0);
        place_end(&p);
}

/* Which of two networks: machines of a test have one each, and one file system. */
TEST(a_network_of_its_own_is_a_machine_of_its_own) {
        Place p           = place_new();
        const uint64_t is = address_identity(p.address);
        int status;
        pid_t child = fork();

        if (child == 0) {
                if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 && unshare(CLONE_NEWNET) < 0)
                        _exit(2);
                _exit(address_identity(p.address) == is);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status));
        ck_assert_int_ne(WEXITSTATUS(status), 1); /* 2: this kernel makes none for us */
        place_end(&p);
}
