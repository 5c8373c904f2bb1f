/* SPDX-License-Identifier: Apache-2.0 */
#include "client.h"

static char *explained(mars_session *s, mars_tensor *t, const char *format) {
        char *text = NULL;

        must(mars_explain(&text, s, 1, &t, format, &err));
        return text;
}

static int count(const char *text, const char *word) {
        int n = 0;

        for (; (text = strstr(text, word)); text++)
                n++;
        return n;
}

TEST(text_names_operators_and_chunks) {
        TENSOR t = counted(10, 3);
        TENSOR u = op2("add", t, t);
        TENSOR v = op1("sum", u);
        _cleanup_(freep) char *text = explained(NULL, v, NULL), *same = explained(NULL, v, "text");

        ck_assert_ptr_nonnull(strstr(text, "add"));
        ck_assert_ptr_nonnull(strstr(text, "sum"));
        ck_assert_ptr_nonnull(strstr(text, "4 chunks"));
        ck_assert_str_eq(text, same);
}

TEST(dot_has_a_node_for_each_operation_and_an_edge_for_each_input) {
        TENSOR t = counted(10, 3);
        TENSOR u = op2("add", t, t);
        TENSOR v = op1("negative", u);
        _cleanup_(freep) char *dot = explained(NULL, v, "dot");

        ck_assert_int_eq(count(dot, "label="), 3);
        ck_assert_int_eq(count(dot, " -> "), 3);
        ck_assert_ptr_nonnull(strstr(dot, "negative\\nfloat64 (10,)\", penwidth=2"));
        ck_assert_int_eq(strncmp(dot, "digraph", 7), 0);
}

TEST(svg_is_well_formed_and_shows_what_is_executed) {
        SESSION s  = session(1);
        TENSOR t   = counted(10, 3);
        TENSOR two = weak_int(2);
        TENSOR u   = op2("less", t, two);
        TENSOR v   = op2("logical_and", u, u);
        _cleanup_(freep) char *before = explained(s, v, "svg"), *after = NULL;

        ck_assert_int_eq(strncmp(before, "<svg", 4), 0);
        ck_assert_str_eq(before + strlen(before) - 7, "</svg>\n");
        ck_assert_int_eq(count(before, "<g "), count(before, "</g>"));
        ck_assert_int_eq(count(before, "<g "), 4); /* data, 2, less, logical_and */
        must(mars_execute(s, 1, &u, &err));
        after = explained(s, v, "svg");
        ck_assert_ptr_nonnull(strstr(after, "less, executed"));
        ck_assert_int_eq(count(after, "<g "), 2);
}

TEST(text_shows_the_pieces_into_which_the_sessions_memory_cuts) {
        SESSION s = session(1); /* of 256 MiB */
        TENSOR t  = full(1, 1, 60 << 20);
        TENSOR u  = op1("sort", t);
        _cleanup_(freep) char *anywhere = explained(NULL, u, NULL), *here = explained(s, u, NULL);

        ck_assert_ptr_null(strstr(anywhere, "sort_block"));
        ck_assert_ptr_nonnull(strstr(here, "sort_block"));
}

TEST(what_cannot_be_drawn_is_refused) {
        TENSOR one     = weak_int(1);
        mars_tensor *x = full(0, 1, 1);
        char *text     = NULL;

        must_fail(MARS_ERROR_VALUE, "no format 'png'", mars_explain(&text, NULL, 1, &x, "png", &err));
        must_fail(MARS_ERROR_VALUE, "NULL", mars_explain(&text, NULL, 1, (mars_tensor *const[]) { NULL }, "svg", &err));
        for (int i = 0; i < 2100; i++) {
                mars_tensor *next = op2("add", x, one);

                mars_tensor_unref(x);
                x = next;
        }
        must_fail(MARS_ERROR_VALUE, "do not fit in a picture", mars_explain(&text, NULL, 1, &x, "svg", &err));
        mars_tensor_unref(x);
        ck_assert_ptr_null(text);
}
