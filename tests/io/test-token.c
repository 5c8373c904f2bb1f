/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/token.h"

#include "harness.h"

#define TEXT "0123456789abcdef0123456789abcdef"

/* A home of the test's own; its token is path. */
static void home(char path[static 256]) {
        char folder[] = "/tmp/mars-token-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(folder));
        ck_assert_int_eq(setenv("XDG_CONFIG_HOME", folder, 1), 0);
        ck_assert_int_eq(unsetenv("MARS_TOKEN"), 0);
        snprintf(path, 256, "%s/mars/token", folder);
}

static void leave(char *path) {
        unlink(path);
        *strrchr(path, '/') = 0;
        rmdir(path);
        *strrchr(path, '/') = 0;
        ck_assert_int_eq(rmdir(path), 0);
}

static void put(const char *path, const char *text, mode_t mode) {
        FILE *f = fopen(path, "w");

        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs(text, f), 0);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(chmod(path, mode), 0);
}

TEST(a_token_is_made_once_and_only_its_owner_may_read_it) {
        char path[256], *made = NULL, *found = NULL;
        struct stat st;
        Error err = {};

        home(path);
        ck_assert_int_eq(token_find_or_make(&made, NULL, &err), 0);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_int_eq(st.st_mode & 0777, 0600);
        ck_assert_uint_eq(strlen(made), 64);
        ck_assert_int_eq(token_find_or_make(&found, NULL, &err), 0);
        ck_assert_str_eq(found, made);
        free(made);
        free(found);
        leave(path);
}

TEST(the_variable_comes_before_the_file_and_a_named_file_before_both) {
        char path[256], named[300], *found = NULL;
        Error err = {};

        home(path);
        ck_assert_int_eq(token_find_or_make(&found, NULL, &err), 0);
        free(found);
        ck_assert_int_eq(setenv("MARS_TOKEN", TEXT, 1), 0);
        ck_assert_int_eq(token_find(&found, NULL, &err), 0);
        ck_assert_str_eq(found, TEXT);
        free(found);
        snprintf(named, sizeof(named), "%s.named", path);
        put(named, "a-token-in-a-file-of-its-own\n", 0640);
        ck_assert_int_eq(token_find(&found, named, &err), 0);
        ck_assert_str_eq(found, "a-token-in-a-file-of-its-own");
        free(found);
        unlink(named);
        leave(path);
}

TEST(a_file_that_everybody_may_read_is_refused_with_the_command_that_mends_it) {
        char path[256], *found = NULL;
        Error err = {};

        home(path);
        ck_assert_int_eq(token_find_or_make(&found, NULL, &err), 0);
        free(found);
        ck_assert_int_eq(chmod(path, 0644), 0);
        ck_assert_int_eq(token_find(&found, NULL, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "chmod o="));
        leave(path);
}

TEST(only_the_token_itself_is_the_token) {
        static const char *const others[] = { "", "0", "0123456789abcdef", TEXT "0", TEXT TEXT, "0123456789abcdee" };

        ck_assert(token_same(TEXT, TEXT));
        for (size_t k = 0; k < ELEMENTSOF(others); k++) {
                ck_assert(!token_same(TEXT, others[k]));
                ck_assert(!token_same(NULL, others[k]));
                ck_assert(!token_same("", others[k]));
        }
}

TEST(what_is_no_token_is_refused) {
        static const char *const bad[] = { "", "short", "0123456789abcdef with blanks", "0123456789abcdef\x01" };
        char path[256], *found = NULL;
        Error err = {};

        home(path);
        ck_assert_int_eq(token_find_or_make(&found, NULL, &err), 0);
        free(found);
        for (size_t k = 0; k < ELEMENTSOF(bad); k++) {
                put(path, bad[k], 0600);
                ck_assert_int_eq(token_find(&found, NULL, &err), ERROR_VALUE);
        }
        ck_assert_int_eq(token_find(&found, "/nowhere/token", &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/token"));
        leave(path);
}

/* The example of RFC 4231, section 4.3. */
TEST(a_proof_is_that_of_everybody_who_knows_the_token) {
        char proof[TOKEN_PROOF_MAX];
        Error err = {};

        ck_assert_int_eq(token_prove(proof, "Jefe", "what do ya want for nothing?", &err), 0);
        ck_assert_str_eq(proof, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* ---- Users */

TEST(a_users_token_is_known_by_whoever_has_that_of_the_cluster_and_is_no_others) {
        char token[TOKEN_MAX], again[TOKEN_MAX], user[TOKEN_USER_MAX];
        Error err = {};

        ck_assert_int_eq(token_of_user(token, TEXT, "alice-2_b", &err), 0);
        ck_assert_int_eq(token_of_user(again, TEXT, "alice-2_b", &err), 0);
        ck_assert_str_eq(token, again);
        ck_assert(token_user(user, TEXT, token));
        ck_assert_str_eq(user, "alice-2_b");
        ck_assert(token_user(user, TEXT, TEXT)); /* that of the cluster itself */
        ck_assert_str_eq(user, "");
        ck_assert(token_user(user, token, token)); /* whose own cluster it is */
        ck_assert_str_eq(user, "");
        ck_assert(!token_user(user, TEXT "x", token));
        ck_assert(!token_user(user, NULL, token));
        ck_assert(!token_user(user, "", token));
        for (size_t k = 0; token[k]; k++) {
                char other[TOKEN_MAX];

                memcpy(other, token, sizeof(other));
                other[k] ^= 1;
                ck_assert(!token_user(user, TEXT, other));
                ck_assert_str_eq(user, "");
                other[k] = 0;
                ck_assert(!token_user(user, TEXT, other));
        }
}

TEST(names_of_users_are_short_plain_words_and_users_make_no_users) {
        static const char *const bad[] = {
                "", "Alice", "a.b", "a b", "a:b", "a\n", "0123456789012345678901234567890123"
        };
        char token[TOKEN_MAX], other[TOKEN_MAX];
        Error err = {};

        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                ck_assert_int_eq(token_of_user(token, TEXT, bad[k], &err), ERROR_VALUE);
        ck_assert_int_eq(token_of_user(token, TEXT, "01234567890123456789012345678901", &err), 0);
        ck_assert_int_eq(token_of_user(other, token, "bob", &err), ERROR_VALUE);
}

TEST(a_grant_is_for_one_user_and_these_chunks) {
        char grant[TOKEN_PROOF_MAX], other[TOKEN_PROOF_MAX];
        Error err = {};

        ck_assert_int_eq(token_grant(grant, TEXT, "alice", 7, 3, &err), 0);
        ck_assert_int_eq(token_grant(other, TEXT, "bob", 7, 3, &err), 0);
        ck_assert_str_ne(grant, other);
        ck_assert_int_eq(token_grant(other, TEXT, "alice", 7, 4, &err), 0);
        ck_assert_str_ne(grant, other);
        ck_assert_int_eq(token_grant(other, TEXT, "alice", 8, 3, &err), 0);
        ck_assert_str_ne(grant, other);
        ck_assert_int_eq(token_grant(grant, NULL, "alice", 7, 3, &err), -EACCES);
}

TEST(users_whose_tokens_were_taken_back_are_those_of_the_list_and_nobody_else) {
        static const char *const lists[] = { "alice", "bob,alice", "bob, alice ,carol", "  alice\tbob" };

        for (size_t k = 0; k < ELEMENTSOF(lists); k++) {
                ck_assert_int_eq(token_withdrawn_check(lists[k], NULL), 0);
                ck_assert(token_withdrawn(lists[k], "alice"));
                ck_assert(!token_withdrawn(lists[k], "alic"));
                ck_assert(!token_withdrawn(lists[k], "alicee"));
                ck_assert(!token_withdrawn(lists[k], "ob"));
                ck_assert(!token_withdrawn(lists[k], ""));
        }
        ck_assert(!token_withdrawn(NULL, "alice"));
        ck_assert(!token_withdrawn("", "alice"));
        ck_assert(!token_withdrawn(" , ", ""));
}

TEST(a_list_of_what_are_no_users_is_refused) {
        static const char *const wrong[] = { "Alice", "alice;bob", "alice bob.2", "ünïcode",
                                             "a-name-that-is-longer-than-names-may-be" };
        char many[TOKEN_WITHDRAWN_MAX + 1];
        Error err = {};

        for (size_t k = 0; k < ELEMENTSOF(wrong); k++)
                ck_assert_int_eq(token_withdrawn_check(wrong[k], &err), ERROR_VALUE);
        ck_assert_int_eq(token_withdrawn_check(NULL, &err), 0);
        memset(many, ' ', TOKEN_WITHDRAWN_MAX);
        many[TOKEN_WITHDRAWN_MAX] = 0;
        ck_assert_int_eq(token_withdrawn_check(many, &err), ERROR_VALUE);
}
