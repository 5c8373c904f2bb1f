/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Operators of special functions: element by element in double, by functions that branch. Integers and float16 become
 * float32 or float64, as SciPy has it. */
#include "ops/kernel.h"

#define SPECIAL_(name_, n_, inputs_, doc_, ...)                                                                        \
        OP(special_##name_) = {                                                                                        \
                .name    = "special_" #name_,                                                                          \
                .doc     = doc_,                                                                                       \
                .family  = FAMILY_MAP,                                                                                 \
                .inputs  = inputs_,                                                                                    \
                .n_in    = n_,                                                                                         \
                .cost    = 100,                                                                                        \
                .kernels = KERNELS(__VA_ARGS__),                                                                       \
        };
#define SPECIAL1(name, inputs, doc, expr)                                                                              \
        UNARY_LOOPS(name, WHOLE_FLOATS, expr)                                                                          \
        SPECIAL_(name, 1, inputs, doc, UNARY_ROWS(WHOLE_FLOATS, name))
#define SPECIAL2_LOOP_(D, op, expr) BINARY_LOOP_OF_(op##_##D, D, D, i, i, expr)
#define SPECIAL2(name, inputs, doc, expr)                                                                              \
        WHOLE_FLOATS(SPECIAL2_LOOP_, name, expr)                                                                       \
        SPECIAL_(name, 2, inputs, doc, BINARY_WHOLE_ROWS(WHOLE_FLOATS, name))
#define SPECIAL3(name, inputs, doc, expr)                                                                              \
        TERNARY_LOOPS(name, WHOLE_FLOATS, expr)                                                                        \
        SPECIAL_(name, 3, inputs, doc, TERNARY_ROWS(WHOLE_FLOATS, name))

#define SPECIAL4_LOOP_(D, op, expr)                                                                                    \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                const MEMORY_##D *restrict in_a = arg[0], *restrict in_b = arg[1];                                     \
                const MEMORY_##D *restrict in_c = arg[2], *restrict in_d = arg[3];                                     \
                MEMORY_##D *restrict out = arg[4];                                                                     \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const double a = in_a[i], b = in_b[i], c = in_c[i], d = in_d[i];                               \
                        out[i] = (MEMORY_##D)(expr);                                                                   \
                }                                                                                                      \
        }
#define SPECIAL4_ROW_(D, op)                                                                                           \
        { { DTYPE_##D, DTYPE_##D, DTYPE_##D, DTYPE_##D }, { DTYPE_##D, DTYPE_NONE }, op##_##D, {} },
#define SPECIAL4(name, inputs, doc, expr)                                                                              \
        WHOLE_FLOATS(SPECIAL4_LOOP_, name, expr)                                                                       \
        SPECIAL_(name, 4, inputs, doc, WHOLE_FLOATS(SPECIAL4_ROW_, name))

/* Two outputs of one input: the statement sets r and s. */
#define SPECIAL_PAIR_LOOP(name, D, O, statement)                                                                       \
        MAP_FUNCTION_(name##_##D) {                                                                                    \
                const MEMORY_##D *restrict in_a = arg[0];                                                              \
                MEMORY_##O *restrict out_r = arg[1], *restrict out_s = arg[2];                                         \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const double a = in_a[i];                                                                      \
                                                                                                                       \
                        statement;                                                                                     \
                        out_r[i] = (MEMORY_##O) r;                                                                     \
                        out_s[i] = (MEMORY_##O) s;                                                                     \
                }                                                                                                      \
        }
#define SPECIAL_PAIR_ROW_(D, O, name) { { DTYPE_##D }, { DTYPE_##O, DTYPE_##O }, name##_##D, {} },
#define SPECIAL_PAIR_(name_, doc_, O32, O64, statement)                                                                \
        SPECIAL_PAIR_LOOP(name_, F32, O32, statement)                                                                  \
        SPECIAL_PAIR_LOOP(name_, F64, O64, statement)                                                                  \
        OP(special_##name_) = {                                                                                        \
                .name    = "special_" #name_,                                                                          \
                .doc     = doc_,                                                                                       \
                .family  = FAMILY_MAP,                                                                                 \
                .inputs  = "x",                                                                                        \
                .n_in    = 1,                                                                                          \
                .n_out   = 2,                                                                                          \
                .cost    = 100,                                                                                        \
                .kernels = KERNELS(SPECIAL_PAIR_ROW_(F32, O32, name_) SPECIAL_PAIR_ROW_(F64, O64, name_)),             \
        };
#define SPECIAL_PAIR(name, doc, statement) SPECIAL_PAIR_(name, doc, F32, F64, statement)
#define SPECIAL_COMPLEX_PAIR(name, doc, statement) SPECIAL_PAIR_(name, doc, C64, C128, statement)
