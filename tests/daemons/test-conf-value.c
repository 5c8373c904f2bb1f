/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

/* A program that has one key of each kind. */
typedef struct All {
        const char *text, *host, *address, *size, *whole, *path;
        ConfList addresses, paths;
        int port, choice;
        uint32_t count;
        uint64_t bytes, seconds;
        bool flag;
} All;

static const ConfChoice colours[] = { { "red", 1 }, { "green", 2 }, { "rouge", 1 }, { "blue", 0 }, {} };

#define ROW(KIND, field, ...)                                                                                          \
        { .name = #field, .kind = CONF_##KIND, .offset = offsetof(All, field), __VA_ARGS__ }
static const ConfKey keys[] = {
        ROW(TEXT, text),
        ROW(HOST, host),
        ROW(ADDRESS, address),
        ROW(ADDRESSES, addresses),
        ROW(PORT, port, .unset = "none"),
        ROW(COUNT, count, .least = 1, .most = 64, .unset = "auto"),
        ROW(SIZE, size, .share = true),
        ROW(SIZE, whole, .unset = "all"),
        ROW(BYTES, bytes, .least = 4096, .most = (uint64_t) 1 << 30, .unset = "auto"),
        ROW(SECONDS, seconds, .least = 10000, .most = 60000000),
        ROW(FLAG, flag),
        ROW(CHOICE, choice, .choices = colours),
        ROW(PATH, path),
        ROW(PATHS, paths),
};

static const ConfKey *key_of(const char *name) {
        for (size_t k = 0; k < ELEMENTSOF(keys); k++)
                if (strcmp(keys[k].name, name) == 0)
                        return &keys[k];
        ck_abort_msg("no key %s", name);
}

/* What the text is printed as, or the words of its refusal. */
static const char *read_as(Arena *arena, const char *name, const char *text, bool relative) {
        All all     = {};
        Error err   = {};
        const int r = conf_parse(&(ConfParse) { arena, relative }, key_of(name), text, &all, &err);

        ck_assert(r == 0 || r == ERROR_VALUE);
        return r == 0 ? conf_text(arena, key_of(name), &all) : arena_printf(arena, "%s", err.text);
}

TEST(what_is_printed_reads_back_to_the_same) {
        static const struct {
                const char *name, *text, *printed;
        } cases[] = {
                { "text", "a b", "a b" },
                { "host", "node-7.example.org", "node-7.example.org" },
                { "host", "192.0.2.7", "192.0.2.7" },
                { "host", "[2001:db8::1]", "2001:db8::1" },
                { "host", "::", "::" },
                { "address", "localhost:9010", "localhost:9010" },
                { "address", "[::1]:0", "[::1]:0" },
                { "addresses", "a:1", "a:1" },
                { "addresses", "a:1, [::1]:7103 ,unix:/run/s.sock", "a:1,[::1]:7103,unix:/run/s.sock" },
                { "port", "0", "0" },
                { "port", "65535", "65535" },
                { "port", "none", "none" },
                { "count", "64", "64" },
                { "count", "auto", "auto" },
                { "size", "512m", "512m" },
                { "size", "1.5 GiB", "1.5 GiB" },
                { "size", "50%", "50%" },
                { "whole", "0", "0" },
                { "whole", "all", "all" },
                { "bytes", "2M", "2m" },
                { "bytes", "1g", "1g" },
                { "bytes", "6000", "6000" },
                { "bytes", "auto", "auto" },
                { "seconds", "1", "1" },
                { "seconds", "1.50", "1.5" },
                { "seconds", "250ms", "0.25" },
                { "seconds", "0.0100009", "0.01" },
                { "seconds", "1 min", "60" },
                { "flag", "Yes", "yes" },
                { "flag", "off", "no" },
                { "flag", "1", "yes" },
                { "choice", "ROUGE", "red" },
                { "choice", "blue", "blue" },
                { "path", "/etc/mars/cluster.key", "/etc/mars/cluster.key" },
                { "paths", "/a", "/a" },
                { "paths", "/a:/b c", "/a:/b c" },
        };
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                const char *printed = read_as(arena, cases[k].name, cases[k].text, false);

                ck_assert_str_eq(printed, cases[k].printed);
                ck_assert_str_eq(read_as(arena, cases[k].name, printed, false), printed);
        }
}

TEST(refusals_say_what_is_wrong_and_what_would_be_right) {
        static const char host[]    = ": give a name or an IP address, without a port";
        static const char address[] = ": give host:port or [IPv6 address]:port";
        static const char addresses[] =
                ": give host:port, [IPv6 address]:port or unix:/path, several with commas between";
        static const char port[]    = " is not a port: give a number from 1 to 65535, 0 for any that is free, or none";
        static const char count[]   = ": give a number from 1 to 64, or auto";
        static const char share[]   = ": give a size such as 512m, 1.5g or 50%";
        static const char bytes[]   = ": give a size such as 2m or 1g, or auto";
        static const char seconds[] = ": give a time such as 2, 0.5, 200ms or 5min, from 0.01 to 60 s";
        static const char path[]    = ": give an absolute path";
        static const struct {
                const char *name, *text, *words, *right;
        } cases[] = {
                { "text", "", "is empty", ": give a text" },
                { "host", "", "'' is neither a name nor an IP address", host },
                { "host", "localhost:9012", "'localhost:9012' is neither a name nor an IP address", host },
                { "host", "a b", "'a b' is neither a name nor an IP address", host },
                { "host", "192.0.2", "'192.0.2' is not an IP address", host },
                { "host", "300.1.1.1", "'300.1.1.1' is not an IP address", host },
                { "host", "[fe80::1", "'[fe80::1' is neither a name nor an IP address", host },
                { "address", "localhost", "'localhost' has no port", address },
                { "address", ":7103", "':7103' has no host", address },
                { "address", "localhost:", "'' in 'localhost:' is not a port", address },
                { "address", "localhost:65536", "'65536' in 'localhost:65536' is not a port", address },
                { "address", "localhost:-1", "'-1' in 'localhost:-1' is not a port", address },
                { "address", "::1:7103", "'::1:7103' is an IPv6 address without brackets", address },
                { "address", "unix:/run/s.sock", "'unix:/run/s.sock' is a unix socket", address },
                { "addresses", "", "is empty", addresses },
                { "addresses", "a:1,,b:2", "'a:1,,b:2' has an empty part", addresses },
                { "addresses", "a:1,b", "'b' has no port", addresses },
                { "addresses", "a:0", "'0' in 'a:0' is not a port", addresses },
                { "addresses", "unix:s.sock", "'unix:s.sock' has no absolute path", addresses },
                { "addresses", "http://web:7104", "'http://web:7104' is a URL", addresses },
                { "port", "", "''", port },
                { "port", "-1", "'-1'", port },
                { "port", "70000", "'70000'", port },
                { "port", "7103x", "'7103x'", port },
                { "port", "99999999999999999999999", "'99999999999999999999999'", port },
                { "count", "many", "'many' is not a number", count },
                { "count", "0", "0 is too few", count },
                { "count", "65", "65 is too many", count },
                { "size", "much", "'much' is no size: 512m, 1.5GiB, 50% and 1048576 are", share },
                { "size", "110%", "'110%' is more than all of it", share },
                { "size", "5q", "'5q' has an unknown unit: k, m, g, t, p, e and % are known", share },
                { "whole", "50%", "'50%' is a share of something unknown",
                  ": give a size such as 512m or 1.5g, or all" },
                { "bytes", "50%", "'50%' is a share of something unknown", bytes },
                { "bytes", "1k", "'1k' is too little", bytes },
                { "bytes", "2g", "'2g' is too much", bytes },
                { "seconds", "", "'' is not a time", seconds },
                { "seconds", "soon", "'soon' is not a time", seconds },
                { "seconds", "3 days", "'3 days' is not a time", seconds },
                { "seconds", "0", "'0' is too short", seconds },
                { "seconds", "2min", "'2min' is too long", seconds },
                { "seconds", "18446744073709551615", "'18446744073709551615' is too long", seconds },
                { "seconds", "18446744073709551616", "'18446744073709551616' is too long", seconds },
                { "flag", "perhaps", "'perhaps' is neither yes nor no", ": give yes or no" },
                { "choice", "yellow", "'yellow' is none of the words", ": give red, green or blue" },
                { "path", "", "is empty", path },
                { "path", "spill", "'spill' is relative to whatever the working directory will be", path },
                { "paths", "/a::/b", "'/a::/b' has an empty part", ": give absolute paths with colons between" },
                { "paths", "/no-such-*", "'/no-such-*' matches no directory",
                  ": give absolute paths with colons between" },
        };
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (size_t k = 0; k < ELEMENTSOF(cases); k++)
                ck_assert_str_eq(read_as(arena, cases[k].name, cases[k].text, false),
                                 arena_printf(arena, "%s%s", cases[k].words, cases[k].right));
}

TEST(path_of_a_socket_that_the_kernel_would_not_take_is_refused) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const char *longest                 = arena_printf(arena, "unix:/%0106d", 0);
        const char *longer                  = arena_printf(arena, "unix:/%0107d", 0);

        ck_assert_str_eq(read_as(arena, "addresses", longest, false), longest);
        ck_assert_ptr_nonnull(strstr(read_as(arena, "addresses", longer, false), "longer than the 107 bytes"));
}

TEST(refusal_of_a_long_text_still_says_what_would_be_right) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        ck_assert_ptr_nonnull(strstr(read_as(arena, "port", arena_printf(arena, "%02000dx", 0), false),
                                     ": give a number from 1 to 65535"));
}

TEST(relative_paths_are_those_of_the_working_directory) {
        _cleanup_(arena_freep) Arena *arena  = arena_new();
        _cleanup_(folder_done) Folder folder = folder_new();

        ck_assert_int_eq(chdir(folder.path), 0);
        ck_assert_str_eq(read_as(arena, "path", "a/key", true), arena_printf(arena, "%s/a/key", folder.path));
        ck_assert_str_eq(read_as(arena, "paths", "a:/b", true), arena_printf(arena, "%s/a:/b", folder.path));
        ck_assert_int_eq(chdir("/"), 0);
        ck_assert_str_eq(read_as(arena, "path", "key", true), "/key");
}

TEST(pattern_of_directories_is_expanded_in_the_order_of_names) {
        _cleanup_(arena_freep) Arena *arena  = arena_new();
        _cleanup_(folder_done) Folder folder = folder_new();

        put_file(&folder, "disk2/x", "");
        put_file(&folder, "disk1/x", "");
        put_file(&folder, "other/x", "");
        ck_assert_str_eq(read_as(arena, "paths", arena_printf(arena, "/a:%s/disk*", folder.path), false),
                         arena_printf(arena, "/a:%s/disk1:%s/disk2", folder.path, folder.path));
}

TEST(directories_are_as_many_as_there_are_bits_for) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const char *text                    = "/d";

        for (uint32_t k = 1; k < MAX_SPILL_DIRS; k++)
                text = arena_printf(arena, "%s:/d", text);
        ck_assert_str_eq(read_as(arena, "paths", text, false), text);
        ck_assert_ptr_nonnull(strstr(read_as(arena, "paths", arena_printf(arena, "%s:/d", text), false),
                                     "are 65 directories, of at most 64"));
}

TEST(unset_values_are_null_empty_zero_or_no_port) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        All all;

        memset(&all, 0x5a, sizeof(all));
        ck_assert_int_eq(conf_parse(&(ConfParse) { arena, false }, key_of("whole"), "all", &all, NULL), 0);
        ck_assert_int_eq(conf_parse(&(ConfParse) { arena, false }, key_of("count"), "auto", &all, NULL), 0);
        ck_assert_int_eq(conf_parse(&(ConfParse) { arena, false }, key_of("bytes"), "auto", &all, NULL), 0);
        ck_assert_int_eq(conf_parse(&(ConfParse) { arena, false }, key_of("port"), "none", &all, NULL), 0);
        ck_assert_ptr_null(all.whole);
        ck_assert_uint_eq(all.count, 0);
        ck_assert_uint_eq(all.bytes, 0);
        ck_assert_int_eq(all.port, -1);
}
