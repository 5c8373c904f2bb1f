/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every TEST() of the program. TEST() leaves a pointer in the section "tests"; the linker names its two ends.
 * What meson reads is TAP; a person at a terminal gets check's own words. The exit status says the same in one bit. */
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

extern const TTest *const __start_tests[], *const __stop_tests[];

void test_assert_bytes_eq(const void *a, const void *b, size_t n, const char *file, int line) {
        const unsigned char *x = a, *y = b;

        for (size_t i = 0; i < n; i++)
                if (x[i] != y[i])
                        ck_abort_msg("%s:%d: byte %zu of %zu differs: 0x%02x, 0x%02x", file, line, i, n, x[i], y[i]);
}

static int by_line(const void *a, const void *b) {
        const TTest *const *x = a, *const *y = b;

        return ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

int main(void) {
        size_t n_tests = (size_t) (__stop_tests - __start_tests);
        const TTest **tests = malloc(n_tests * sizeof(*tests));
        Suite *suite = suite_create("tests");
        SRunner *runner;
        int n_failed;

        if (!tests)
                return EXIT_FAILURE;
        /* The compiler may emit them in any order; the author wrote them in one. */
        for (size_t i = 0; i < n_tests; i++)
                tests[i] = __start_tests[i];
        qsort(tests, n_tests, sizeof(*tests), by_line);
        for (size_t i = 0; i < n_tests; i++) {
                TCase *c = tcase_create(tests[i]->name);

                tcase_set_timeout(c, TEST_TIMEOUT_SEC);
                tcase_add_test(c, tests[i]);
                suite_add_tcase(suite, c);
        }
        free(tests);

        runner = srunner_create(suite);
        if (!isatty(STDOUT_FILENO))
                srunner_set_tap(runner, "-");
        srunner_run_all(runner, isatty(STDOUT_FILENO) ? CK_NORMAL : CK_SILENT);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
