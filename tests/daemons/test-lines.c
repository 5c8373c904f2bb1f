/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "daemons/lines.h"
#include "harness.h"

static char *printed(const Lines *lines, LinesWanted wanted) {
        char *said = NULL;
        size_t n;
        FILE *f = open_memstream(&said, &n);

        ck_assert_ptr_nonnull(f);
        lines_print(lines, "scheduler", &wanted, f);
        ck_assert_int_eq(fclose(f), 0);
        return said;
}

static uint32_t count(const char *said) {
        uint32_t n = 0;

        for (const char *at = said; (at = strstr(at, "\"text\"")); at++)
                n++;
        return n;
}

static void told(const Lines *lines, LinesWanted wanted, const char *texts) {
        char *said = printed(lines, wanted), got[16] = "";

        for (const char *at = said; (at = strstr(at, "\"text\": \"")) && strlen(got) + 1 < sizeof(got);)
                strncat(got, at += strlen("\"text\": \""), 1);
        ck_assert_str_eq(got, texts);
        free(said);
}

TEST(line_says_when_how_important_and_what_it_is_about) {
        Lines *lines = lines_new();
        char *said;

        lines_add(lines, 1500000, 4, &(LineAbout) { .request = 7, .is_worker = true }, "it is \"lost\"");
        said = printed(lines, (LinesWanted) { .level = 7 });
        ck_assert_str_eq(
                said, "{\"lines\": [{\"time\": 1.500000, \"level\": 4, \"source\": \"scheduler\", \"session\": null, "
                      "\"request\": 7, \"worker\": 0, \"text\": \"it is \\\"lost\\\"\"}], \"dropped\": 0}");
        free(said);
        lines_free(lines);
}

TEST(lines_are_asked_for_by_level_time_and_what_they_are_about) {
        Lines *lines = lines_new();

        lines_add(lines, 10, 6, NULL, "a");
        lines_add(lines, 20, 3, &(LineAbout) { .session = 1 }, "b");
        lines_add(lines, 30, 4, &(LineAbout) { .session = 1, .request = 5 }, "c");
        lines_add(lines, 40, 6, &(LineAbout) { .is_worker = true, .worker = 0 }, "d");
        lines_add(lines, 50, 6, &(LineAbout) { .is_worker = true, .worker = 1 }, "e");
        told(lines, (LinesWanted) { .level = 7 }, "abcde");
        told(lines, (LinesWanted) { .level = 4 }, "bc");
        told(lines, (LinesWanted) { .level = 7, .since_usec = 30 }, "de");
        told(lines, (LinesWanted) { .level = 7, .about = { .session = 1 } }, "bc");
        told(lines, (LinesWanted) { .level = 7, .about = { .request = 5 } }, "c");
        told(lines, (LinesWanted) { .level = 7, .about = { .is_worker = true } }, "d");
        told(lines, (LinesWanted) { .level = 7, .about = { .is_worker = true, .worker = 1 } }, "e");
        told(lines, (LinesWanted) { .level = 7, .most = 2 }, "de");
        told(lines, (LinesWanted) { .level = 4, .most = 1 }, "c");
        lines_free(lines);
}

TEST(oldest_lines_go_and_are_counted) {
        Lines *lines = lines_new();
        char *said;

        for (uint64_t k = 0; k < MAX_LINES + 3; k++)
                lines_add(lines, k, 6, NULL, k < 3 ? "x" : "y");
        said = printed(lines, (LinesWanted) { .level = 7 });
        ck_assert_uint_eq(count(said), MAX_LINES);
        ck_assert(!strstr(said, "\"x\""));
        ck_assert(strstr(said, "\"dropped\": 3}"));
        free(said);
        lines_free(lines);
}

TEST(line_that_is_too_long_is_cut) {
        Lines *lines = lines_new();
        char text[MAX_LINE_BYTES + 100], *said;

        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        lines_add(lines, 1, 6, NULL, text);
        said = printed(lines, (LinesWanted) { .level = 7 });
        ck_assert_uint_lt(strlen(said), MAX_LINE_BYTES + 200);
        free(said);
        lines_free(lines);
}
