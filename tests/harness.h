/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A test file is a program: include this, write TEST(sentence_that_it_proves) { … } as often as you like, and add the
 * file's name to tests/meson.build. There is no main() and no list of tests to write.
 *
 * Every test runs in a process of its own, so a crash or a leak is the failure of one test and no test sees what
 * another left.
 *     build/tests/test-arena                            all tests of the file
 *     CK_RUN_CASE=sentence_that… build/tests/test-arena one of them
 *     CK_FORK=no gdb build/tests/test-arena             in one process, for debuggers
 * A test may take TEST_TIMEOUT_SEC; CK_TIMEOUT_MULTIPLIER stretches that for slow builds. */
#include <check.h>

enum { TEST_TIMEOUT_SEC = 300 };

/* check writes down where it is at each assertion that holds, into a file: an assertion in an inner loop would cost
 * more than what it tests. All of its others are made of this one. */
#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                                                                                       \
        ((expr) ? (void) 0 : _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__))

/* What check's assertions cannot say in one word: n bytes are the same, with the first difference in the words. */
#define ck_assert_bytes_eq(a, b, n) test_assert_bytes_eq((a), (b), (n), __FILE__, __LINE__)
void test_assert_bytes_eq(const void *a, const void *b, size_t n, const char *file, int line);

#define TEST(name)                                                                                                     \
        static void name(int _i);                                                                                      \
        static const TTest name##_test = { #name, name, __FILE__, __LINE__ };                                          \
        static const TTest *const name##_entry __attribute__((section("tests"), used)) = &name##_test;                 \
        static void name(int _i __attribute__((unused)))
