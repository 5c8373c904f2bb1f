/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>

#include "graph/ops.h"
#include "harness.h"

static const char *every_printed(Arena *arena, EveryParams p) {
        const char *text = params_print(arena, op_find("every"), &p);

        ck_assert_ptr_nonnull(text);
        return text;
}

static EveryParams every_default(void) {
        EveryParams p;

        ck_assert_int_eq(params_default(op_find("every"), &p, NULL), 0);
        return p;
}

TEST(parameters_print_as_python_writes_them) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        EveryParams p = every_default();

        ck_assert_str_eq(every_printed(arena, p),
                         "yes=True, count=-1, ratio=1e-05, value=None, start=2.5, dtype=None, kind=float32, axis=None, "
                         "axes=(0, 1), name=None, mode='linear'");
        p.value = (Scalar) { .dtype = DTYPE_C128, .c128 = { 1, -2.5 } };
        p.start = scalar_from_i64(DTYPE_U64, -1);
        p.axis  = DIMS(7);
        p.axes  = (Dims) { .given = true };
        p.ratio = 3;
        p.name  = "it's\n\"µ\"";
        p.mode  = "";
        ck_assert_str_eq(every_printed(arena, p),
                         "yes=True, count=-1, ratio=3.0, value=(1.0-2.5j), start=18446744073709551615, dtype=None, "
                         "kind=float32, axis=(7,), axes=(), name='it\\'s\\x0a\"µ\"', mode=''");
        ck_assert_str_eq(params_print(arena, op_find("add"), NULL), "");
}

TEST(numbers_print_with_the_digits_that_they_need) {
        static const struct {
                double value;
                const char *text;
        } cases[] = { { 0.1, "0.1" },
                      { 1e300, "1e+300" },
                      { -0.0, "-0.0" },
                      { 1.0 / 3, "0.3333333333333333" },
                      { 1e15, "1e+15" },
                      { 123456, "123456.0" },
                      { 5e-324, "4.94065645841247e-324" },
                      { __builtin_nan(""), "nan" },
                      { -__builtin_inf(), "-inf" } };
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const Param ratio[] = { { "x", PARAM_F64, 0, "0", "" }, {} };
        const Op op = { .name = "one", .params = ratio, .params_size = sizeof(double) };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_str_eq(params_print(arena, &op, &cases[i].value) + 2, cases[i].text);
                if (setlocale(LC_NUMERIC, "de_DE.UTF-8"))
                        ck_assert_str_eq(params_print(arena, &op, &cases[i].value) + 2, cases[i].text);
                setlocale(LC_NUMERIC, "C");
        }
}

TEST(long_values_are_cut) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        static int64_t many[100000];
        static char text[5000];
        EveryParams p = every_default();

        memset(text, 'x', sizeof(text) - 1);
        p.axis = (Dims) { .n = ELEMENTSOF(many), .given = true, .v = many };
        p.name = text;
        ck_assert_uint_lt(strlen(every_printed(arena, p)), 1000);
        ck_assert_ptr_nonnull(strstr(every_printed(arena, p), "… 100000 numbers)"));
}

TEST(a_graph_is_a_line_a_node) {
        _cleanup_(graph_freep) Graph *graph = NULL;
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Spec spec = OPS_SPEC(DTYPE_F64, 3, 4);
        Build b = {};
        Ref a = {}, parts, s;

        ck_assert_int_eq(graph_new(&graph), 0);
        ck_assert_str_eq(graph_print(graph, arena), "");
        b.graph = graph;
        ck_assert_int_eq(graph_add_stored(graph, 17, &spec, &a.node), 0);
        parts = build_unary(&b, "modf", a);
        parts.out = 1;
        s = build_reduce(&b, "sum", parts, DIMS(0), false, DTYPE_NONE);
        s = build_binary(&b, "add", s, build_f64(&b, DTYPE_F64, 1));
        ck_assert_int_eq(build_done(&b), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, s), 0);
        ck_assert_int_eq(vec_push(&graph->wanted, parts), 0);
        ck_assert_str_eq(graph_print(graph, arena),
                         "%0 = stored(17)  float64 (3, 4)\n"
                         "%1 = modf(%0)  float64 (3, 4), float64 (3, 4)\n"
                         "%2 = sum(%1.1, axis=(0,))  float64 (4,)\n"
                         "%3 = full(shape=(), dtype=float64, value=1.0)  float64 ()\n"
                         "%4 = add(%2, %3)  float64 (4,)\n"
                         "return %4, %1.1\n");
}
