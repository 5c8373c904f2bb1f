/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs for people and for tests: every value as Python writes it, one line a node.
 *
 *     %0 = stored(17)  float64 (3, 4)
 *     %1 = sum(%0, axis=(0,))  float64 (4,)
 *     return %1
 *
 * What has its fallback is left out of a node's line. The text depends on the graph alone: no locale, no addresses. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/params.h"

enum {
        MAX_LIST_SHOWN =
                32, /* numbers of a list; the 10,000 chunk lengths of an axis would hide the rest of the line */
        MAX_TEXT_SHOWN = 256, /* bytes of a text */
        MAX_IN_SHOWN = 16,
};

/* A text that grows. The first failure sticks. */
typedef struct Text {
        Vec(char) bytes;
        int r;
} Text;

static _printf_(2, 3) void put(Text *t, const char *fmt, ...) {
        va_list args;
        int n;

        if (t->r < 0)
                return;
        va_start(args, fmt);
        n = vsnprintf(NULL, 0, fmt, args);
        va_end(args);
        if (n < 0 || (uint64_t) t->bytes.n + (uint64_t) n + 1 >= UINT32_MAX) {
                t->r = -ENOMEM;
                return;
        }
        t->r = vec_reserve(&t->bytes, t->bytes.n + (uint32_t) n + 1);
        if (t->r < 0)
                return;
        va_start(args, fmt);
        vsnprintf(t->bytes.data + t->bytes.n, (size_t) n + 1, fmt, args);
        va_end(args);
        t->bytes.n += (uint32_t) n;
}

static const char *text_take(Text *t, Arena *arena) {
        const char *ret = NULL;

        put(t, "%s", ""); /* an empty text is a text */
        if (t->r == 0)
                ret = arena_copy(arena, t->bytes.data, t->bytes.n + 1);
        vec_free(&t->bytes);
        return ret;
}

/* ---- Values --------------------------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number, with a point where the locale has something else. */
static void put_f64(Text *t, double v) {
        char number[40], plain[40];
        size_t n = 0;
        bool integral = true;

        if (__builtin_isnan(v) || __builtin_isinf(v)) {
                put(t, "%s", __builtin_isnan(v) ? "nan" : v < 0 ? "-inf" : "inf");
                return;
        }
        for (int digits = 15; digits <= 17; digits++) {
                snprintf(number, sizeof(number), "%.*g", digits, v);
                if (strtod(number, NULL) == v)
                        break;
        }
        for (const char *s = number; *s; s++) {
                const bool known = (*s >= '0' && *s <= '9') || *s == '-' || *s == '+' || *s == 'e';

                integral &= known && *s != 'e';
                if (known)
                        plain[n++] = *s;
                else if (n > 0 && plain[n - 1] != '.')
                        plain[n++] = '.';
        }
        plain[n] = '\0';
        put(t, "%s%s", plain, integral ? ".0" : "");
}

static void put_scalar(Text *t, Scalar s) {
        Scalar wide;

        switch (dtype_kind(s.dtype)) {
        case KIND_BOOL:
                put(t, "%s", s.b ? "True" : "False");
                break;
        case KIND_INT:
                put(t, "%lld", (long long) scalar_i64(s));
                break;
        case KIND_UINT:
                put(t, "%llu", (unsigned long long) scalar_cast(s, DTYPE_U64).u64);
                break;
        case KIND_FLOAT:
                put_f64(t, scalar_f64(s));
                break;
        case KIND_COMPLEX:
                wide = scalar_cast(s, DTYPE_C128);
                put(t, "(");
                put_f64(t, wide.c128[0]);
                put(t, "%s", wide.c128[1] >= 0 || __builtin_isnan(wide.c128[1]) ? "+" : "");
                put_f64(t, wide.c128[1]);
                put(t, "j)");
                break;
        }
}

static void put_dims(Text *t, const Dims *d) {
        put(t, "(");
        for (uint32_t i = 0; i < d->n && i < MAX_LIST_SHOWN; i++)
                put(t, "%s%lld", i > 0 ? ", " : "", (long long) d->v[i]);
        if (d->n > MAX_LIST_SHOWN)
                put(t, ", … %u numbers", d->n);
        put(t, d->n == 1 ? ",)" : ")");
}

/* UTF-8 passes, what would break the line does not. */
static void put_quoted(Text *t, const char *s) {
        put(t, "'");
        for (size_t i = 0; s[i]; i++) {
                if (i >= MAX_TEXT_SHOWN && (s[i] & 0xc0) != 0x80) {
                        put(t, "…");
                        break;
                }
                if (s[i] == '\'' || s[i] == '\\')
                        put(t, "\\%c", s[i]);
                else if ((unsigned char) s[i] < 0x20 || s[i] == 0x7f)
                        put(t, "\\x%02x", s[i]);
                else
                        put(t, "%c", s[i]);
        }
        put(t, "'");
}

static void put_param(Text *t, const Param *p, const void *params) {
        const void *at = param_at(p, params);

        put(t, "%s=", p->name);
        if (param_absent(p, params)) {
                put(t, "None");
                return;
        }
        switch (p->kind) {
        case PARAM_BOOL:
                put(t, "%s", *(const bool *) at ? "True" : "False");
                break;
        case PARAM_I64:
                put(t, "%lld", (long long) *(const int64_t *) at);
                break;
        case PARAM_F64:
                put_f64(t, *(const double *) at);
                break;
        case PARAM_SCALAR:
                put_scalar(t, *(const Scalar *) at);
                break;
        case PARAM_DTYPE:
                put(t, "%s", dtype_name((DType) * (const int *) at));
                break;
        case PARAM_DIMS:
                put_dims(t, at);
                break;
        case PARAM_TEXT:
                put_quoted(t, *(const char *const *) at);
                break;
        }
}

const char *params_print(Arena *arena, const Op *op, const void *params) {
        Text t = {};

        for (const Param *p = params_of(op); p->name; p++) {
                put(&t, "%s", p == op->params ? "" : ", ");
                put_param(&t, p, params);
        }
        return text_take(&t, arena);
}

/* ---- Graphs --------------------------------------------------------------------------------------------------- */

static void put_ref(Text *t, const Graph *graph, Ref ref) {
        put(t, "%%%u", ref.node);
        if (graph->node.data[ref.node].n_out > 1)
                put(t, ".%u", ref.out);
}

static void put_node(Text *t, const Graph *graph, const Node *node) {
        _Alignas(16) char fallback[MAX_PARAMS_BYTES] = {};
        bool first = node->n_in == 0;

        put(t, "%s(", node->op->name);
        for (uint32_t i = 0; i < node->n_in && i < MAX_IN_SHOWN; i++) {
                put(t, "%s", i > 0 ? ", " : "");
                put_ref(t, graph, node->in[i]);
        }
        if (node->n_in > MAX_IN_SHOWN)
                put(t, ", … %u inputs", node->n_in);
        for (const Param *p = params_of(node->op); p->name; p++) {
                if (param_default(p, fallback, NULL) == 0 && param_equal(p, node->params, fallback))
                        continue;
                put(t, "%s", first ? "" : ", ");
                put_param(t, p, node->params);
                first = false;
        }
        put(t, ")");
}

const char *graph_print(const Graph *graph, Arena *arena) {
        char shape[SHAPE_TEXT];
        Text t = {};

        for (uint32_t i = 0; i < graph->node.n; i++) {
                const Node *node = &graph->node.data[i];

                put(&t, "%%%u = ", i);
                if (node->op)
                        put_node(&t, graph, node);
                else
                        put(&t, "stored(%llu)", (unsigned long long) node->stored);
                for (uint32_t k = 0; k < node->n_out; k++)
                        put(&t, "%s%s %s", k > 0 ? ", " : "  ", dtype_name(node->out[k].dtype),
                            shape_print(&node->out[k].shape, shape));
                put(&t, "\n");
        }
        for (uint32_t i = 0; i < graph->wanted.n; i++) {
                put(&t, "%s", i > 0 ? ", " : "return ");
                put_ref(&t, graph, graph->wanted.data[i]);
        }
        put(&t, "%s", graph->wanted.n > 0 ? "\n" : "");
        return text_take(&t, arena);
}
