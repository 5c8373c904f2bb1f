/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Operators of special functions: in double, by functions that are vector code or, element by element, by such that
 * branch. Integers and float16 become float32 or float64, as SciPy has it. */
#include "ops/kernel.h"
#include "ops/math-core.h"

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
/* Of one input, by vm_fast(x, &bad), which is vector code, and by `rare` of a where that raises bad, block by block. */
#define SPECIAL_FAST_LOOP_(D, op, vm_fast, rare)                                                                       \
        MAP_FUNCTION_(op##_##D) {                                                                                      \
                typedef CTYPE_##D T _unused_;                                                                          \
                const MEMORY_##D *in_a = arg[0];                                                                       \
                MEMORY_##D *out        = arg[1];                                                                       \
                                                                                                                       \
                for (size_t m; n > 0; n -= m, in_a += m, out += m) {                                                   \
                        MEMORY_##D y[VM_BLOCK];                                                                        \
                        VmBad bad = 0;                                                                                 \
                                                                                                                       \
                        m = n < VM_BLOCK ? n : VM_BLOCK;                                                               \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                y[i] = (MEMORY_##D) vm_fast((double) in_a[i], &bad);                                   \
                        if (VM_IS_BAD(bad))                                                                            \
                                op##_##D##_repair(m, in_a, y);                                                         \
                        memcpy(out, y, m * sizeof(*y));                                                                \
                }                                                                                                      \
        }
#define SPECIAL_REPAIR_(D, op, vm_fast, rare)                                                                          \
        VM_RARE void op##_##D##_repair(size_t n, const MEMORY_##D *restrict in, MEMORY_##D *restrict out) {            \
                typedef CTYPE_##D T _unused_;                                                                          \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const double a = in[i];                                                                        \
                        VmBad bad      = 0;                                                                            \
                                                                                                                       \
                        (void) vm_fast(a, &bad);                                                                       \
                        if (VM_IS_BAD(bad))                                                                            \
                                out[i] = (MEMORY_##D)(rare);                                                           \
                }                                                                                                      \
        }
#define SPECIAL1_FAST(name, inputs, doc, vm_fast, rare)                                                                \
        WHOLE_FLOATS(SPECIAL_REPAIR_, name, vm_fast, rare)                                                             \
        WHOLE_FLOATS(SPECIAL_FAST_LOOP_, name, vm_fast, rare)                                                          \
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
                INDEPENDENT                                                                                            \
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
