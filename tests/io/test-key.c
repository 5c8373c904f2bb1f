/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/key.h"

#include "harness.h"

#define A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define B "FFfefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0"

/* A home of the test's own; ret is the path of its key. */
static void home(char ret[static 256]) {
        char folder[] = "/tmp/mars-key-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(folder));
        ck_assert_int_eq(setenv("XDG_CONFIG_HOME", folder, 1), 0);
        ck_assert_int_eq(unsetenv("MARS_KEY_FILE"), 0);
        snprintf(ret, 256, "%s/mars", folder);
        ck_assert_int_eq(mkdir(ret, 0700), 0);
        snprintf(ret, 256, "%s/mars/cluster.key", folder);
}

static void leave(char *path) {
        unlink(path);
        for (int k = 0; k < 2; k++) {
                *strrchr(path, '/') = 0;
                ck_assert_int_eq(rmdir(path), 0);
        }
}

static void put(const char *path, const char *text, mode_t mode) {
        FILE *f = fopen(path, "w");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(chmod(path, mode), 0);
}

TEST(a_new_key_is_found_and_its_group_may_read_it) {
        char path[256];
        struct stat st;
        Keys keys, again;
        Error err = {};

        home(path);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), KEYS_ABSENT);
        umask(077);
        ck_assert_int_eq(key_make(path, &err), 0);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 0777, 0640);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), 0);
        ck_assert_uint_eq(keys.n, 1);
        ck_assert_str_eq(keys.path, path);
        ck_assert_int_eq(key_make(path, &err), -EEXIST);
        ck_assert_ptr_nonnull(strstr(err.text, "there already"));
        ck_assert_int_eq(keys_find(&again, path, &err), 0);
        ck_assert_bytes_eq(again.key[0].secret, keys.key[0].secret, KEY_BYTES);
        leave(path);
}

TEST(no_two_new_keys_are_the_same) {
        char path[256];
        Keys one, two;

        home(path);
        ck_assert_int_eq(key_make(path, NULL), 0);
        ck_assert_int_eq(keys_find(&one, NULL, NULL), 0);
        unlink(path);
        ck_assert_int_eq(key_make(path, NULL), 0);
        ck_assert_int_eq(keys_find(&two, NULL, NULL), 0);
        ck_assert(memcmp(one.key[0].secret, two.key[0].secret, KEY_BYTES) != 0);
        ck_assert_str_ne(one.key[0].id, two.key[0].id);
        leave(path);
}

TEST(a_named_file_comes_before_the_variable_and_the_variable_before_the_users_own) {
        char path[256], named[300];
        Keys keys;
        Error err = {};

        home(path);
        put(path, A "\n", 0640);
        snprintf(named, sizeof(named), "%s.named", path);
        put(named, B "\n", 0600);
        ck_assert_int_eq(setenv("MARS_KEY_FILE", named, 1), 0);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), 0);
        ck_assert_str_eq(keys.path, named);
        ck_assert_int_eq(keys_find(&keys, path, &err), 0);
        ck_assert_str_eq(keys.path, path);
        ck_assert_int_eq(setenv("MARS_KEY_FILE", "none", 1), 0);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), KEYS_ABSENT);
        ck_assert_int_eq(keys_find(&keys, "none", &err), KEYS_ABSENT);
        ck_assert_int_eq(keys_find(&keys, "/nowhere/key", &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/key"));
        unlink(named);
        leave(path);
}

TEST(a_key_that_everybody_may_read_is_refused_with_the_command_that_mends_it) {
        char path[256];
        Keys keys;
        Error err = {};

        home(path);
        put(path, A "\n", 0644);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "chmod o="));
        leave(path);
}

TEST(a_file_may_have_several_keys_and_remarks) {
        Keys keys;
        Error err = {};

        ck_assert_int_eq(keys_parse(&keys, "# of March\n\n  " A "  # the new one\n" B "\r\n#" A, "here", &err), 0);
        ck_assert_uint_eq(keys.n, 2);
        ck_assert_uint_eq(keys.key[0].secret[31], 0x1f);
        ck_assert_uint_eq(keys.key[1].secret[0], 0xff);
}

TEST(what_is_no_key_is_refused_with_its_line) {
        static const struct {
                const char *text, *words;
        } bad[] = {
                { "", "no key" },
                { "# nothing\n", "no key" },
                { "short\n", "here:1: " },
                { A "\n" A "0\n", "here:2: " },
                { "\n\n" A " " A, "here:3: " },
                { "g" B, "here:1: " },
                { A "\n" A "\n" A "\n" A "\n" A "\n" A "\n" A "\n" A "\n" A "\n", "here:9: more than 8" },
        };
        Keys keys;

        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                Error err = {};

                ck_assert_int_eq(keys_parse(&keys, bad[k].text, "here", &err), ERROR_VALUE);
                ck_assert_ptr_nonnull(strstr(err.text, bad[k].words));
        }
}

/* The values are those of RFC 5869 as another program computes it (docs/PROTOCOL.md has the purposes):
 * python3 -c 'hkdf = …' in tests/python/test_keys.py derives them anew from the text of the protocol. */
TEST(a_derived_key_depends_on_the_key_and_on_the_purpose_alone) {
        uint8_t one[KEY_DERIVED_BYTES], two[KEY_DERIVED_BYTES];
        Keys keys;

        ck_assert_int_eq(keys_parse(&keys, A "\n" B, "here", NULL), 0);
        ck_assert_int_eq(key_derive(&keys.key[0], "one", one), 0);
        ck_assert_int_eq(key_derive(&keys.key[0], "one", two), 0);
        ck_assert_bytes_eq(one, two, sizeof(one));
        ck_assert_int_eq(key_derive(&keys.key[0], "two", two), 0);
        ck_assert(memcmp(one, two, sizeof(one)) != 0);
        ck_assert_int_eq(key_derive(&keys.key[1], "one", two), 0);
        ck_assert(memcmp(one, two, sizeof(one)) != 0);
        ck_assert_uint_eq(strlen(keys.key[0].id), 16);
}

TEST(forgotten_keys_are_not_in_memory) {
        Keys keys, zeros;

        memset(&zeros, 0, sizeof(zeros));
        ck_assert_int_eq(keys_parse(&keys, A, "here", NULL), 0);
        keys_forget(&keys);
        ck_assert_bytes_eq(&keys, &zeros, sizeof(keys));
}

TEST(what_the_service_manager_hands_over_comes_before_files_and_may_be_nothing) {
        char path[256], folder[] = "/tmp/mars-credentials-XXXXXX", handed[64];
        Keys keys;
        Error err = {};

        home(path);
        put(path, A "\n", 0640);
        ck_assert_ptr_nonnull(mkdtemp(folder));
        snprintf(handed, sizeof(handed), "%s/cluster.key", folder);
        ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), 0);
        ck_assert_str_eq(keys.path, path);
        put(handed, "none", 0400); /* SetCredential= of the unit, where there is no key */
        ck_assert_int_eq(keys_find(&keys, NULL, &err), 0);
        ck_assert_str_eq(keys.path, path);
        put(handed, B "\n", 0400);
        ck_assert_int_eq(keys_find(&keys, NULL, &err), 0);
        ck_assert_str_eq(keys.path, handed);
        ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        unlink(handed);
        rmdir(folder);
        leave(path);
}
