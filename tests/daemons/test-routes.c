/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "daemons/web/web.h"
#include "harness.h"

typedef struct Found {
        const Route *route;
        char id[ROUTE_IDS][ROUTE_ID_MAX], allow[ALLOW_MAX];
} Found;

static Found find(const char *method, const char *path) {
        Found f = {};

        f.route = route_find(method, path, f.id, f.allow);
        return f;
}

/* The row's path with `id` in place of each {}. */
static void concrete(char ret[static 1024], const char *pattern, const char *id) {
        size_t n = 0;

        for (; *pattern; pattern++)
                if (strncmp(pattern, "{}", 2) == 0) {
                        n += (size_t) snprintf(ret + n, 1024 - n, "%s", id);
                        pattern++;
                } else
                        ret[n++] = *pattern;
        ret[n] = 0;
}

TEST(every_row_is_found_by_its_method_and_path_and_by_no_other_method) {
        static const char *const others[] = { "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "" };
        size_t n;
        const Route *rows = route_list(&n);
        char path[1024];

        for (size_t k = 0; k < n; k++) {
                concrete(path, rows[k].path, "17");
                ck_assert_ptr_eq(find(rows[k].method, path).route, &rows[k]);
                for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                        Found f = find(others[i], path);

                        ck_assert_ptr_null(f.route);
                        ck_assert_ptr_nonnull(strstr(f.allow, rows[k].method));
                }
        }
}

TEST(head_is_get) {
        ck_assert_ptr_eq(find("HEAD", "/api/v1/health").route, find("GET", "/api/v1/health").route);
        ck_assert_ptr_null(find("HEAD", "/api/v1/login").route);
}

TEST(what_stands_for_a_hole_is_told_and_is_not_empty_nor_without_end) {
        char path[1024], longest[ROUTE_ID_MAX + 1];
        Found f = find("DELETE", "/api/session/a b/graph/..");

        ck_assert_ptr_nonnull(f.route);
        ck_assert_str_eq(f.id[0], "a b");
        ck_assert_str_eq(f.id[1], "..");
        ck_assert_ptr_null(find("GET", "/api/v1/workers/").route);
        ck_assert_ptr_null(find("GET", "/api/v1/workers//log").route);
        memset(longest, 'x', ROUTE_ID_MAX);
        longest[ROUTE_ID_MAX] = 0;
        concrete(path, "/api/v1/workers/{}", longest);
        ck_assert_ptr_null(find("GET", path).route);
        longest[ROUTE_ID_MAX - 1] = 0;
        concrete(path, "/api/v1/workers/{}", longest);
        ck_assert_str_eq(find("GET", path).id[0], longest);
}

TEST(a_path_is_the_whole_text_of_one_row_or_nothing) {
        static const char *const nothing[] = { "",       "api",          "/api/",           "/api/v1",
                                               "//",     "/api/v1/",     "/api/v1/health/", "/api/v1/health2",
                                               "/a/b/c", "/api/v1/wire/1/2", "/API/V1/HEALTH",
                                               "/api/v1/workers/1/nothing" };

        for (size_t k = 0; k < ELEMENTSOF(nothing); k++) {
                Found f = find("GET", nothing[k]);

                ck_assert_msg(!f.route && !f.allow[0], "%s", nothing[k]);
        }
}

TEST(whatever_changes_something_is_of_another_method_than_get) {
        size_t n;
        const Route *rows = route_list(&n);

        for (size_t k = 0; k < n; k++)
                ck_assert_msg((strcmp(rows[k].method, "GET") == 0) == (rows[k].right != RIGHT_WRITE) ||
                                      strcmp(rows[k].path, "/api/v1/enter") == 0,
                              "%s %s", rows[k].method, rows[k].path);
}
