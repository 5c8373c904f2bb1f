/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Maps by the strip functions of math-*.h: name_strip(n, in, out) of double and namef_strip() of float; float16 passes
 * through float, a strip at a time; complex numbers are computed in double, element by element. */
#include "ops/complex.h"
#include "ops/math-arc.h"
#include "ops/math-exp.h"
#include "ops/math-float.h"
#include "ops/math-log.h"
#include "ops/math-pow.h"
#include "ops/math-trig.h"

#define STRIP_UNARY_(op, fn)                                                                                           \
        MAP_FUNCTION_(op##_F16) {                                                                                      \
                const uint16_t *restrict a = arg[0];                                                                   \
                uint16_t *restrict out = arg[1];                                                                       \
                float from[STRIP], to[STRIP];                                                                          \
                                                                                                                       \
                for (size_t at = 0; at < n; at += STRIP) {                                                             \
                        const size_t m = MIN(n - at, (size_t) STRIP);                                                  \
                                                                                                                       \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                from[i] = f16_to_f32(a[at + i]);                                                       \
                        fn##f_strip(m, from, to);                                                                      \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                out[at + i] = f16_from_f32(to[i]);                                                     \
                }                                                                                                      \
        }                                                                                                              \
        MAP_FUNCTION_(op##_F32) {                                                                                      \
                fn##f_strip(n, arg[0], arg[1]);                                                                        \
        }                                                                                                              \
        MAP_FUNCTION_(op##_F64) {                                                                                      \
                fn##_strip(n, arg[0], arg[1]);                                                                         \
        }
#define STRIP_BINARY_(op, fn)                                                                                          \
        MAP_FUNCTION_(op##_F16) {                                                                                      \
                const uint16_t *restrict a = arg[0], *restrict b = arg[1];                                             \
                uint16_t *restrict out = arg[2];                                                                       \
                float left[STRIP], right[STRIP], to[STRIP];                                                            \
                                                                                                                       \
                for (size_t at = 0; at < n; at += STRIP) {                                                             \
                        const size_t m = MIN(n - at, (size_t) STRIP);                                                  \
                                                                                                                       \
                        for (size_t i = 0; i < m; i++) {                                                               \
                                left[i] = f16_to_f32(a[at + i]);                                                       \
                                right[i] = f16_to_f32(b[at + i]);                                                      \
                        }                                                                                              \
                        fn##f_strip(m, left, right, to);                                                               \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                out[at + i] = f16_from_f32(to[i]);                                                     \
                }                                                                                                      \
        }                                                                                                              \
        MAP_FUNCTION_(op##_F32) {                                                                                      \
                fn##f_strip(n, arg[0], arg[1], arg[2]);                                                                \
        }                                                                                                              \
        MAP_FUNCTION_(op##_F64) {                                                                                      \
                fn##_strip(n, arg[0], arg[1], arg[2]);                                                                 \
        }

/* Loops and table of an operator of floats; of floats and complex numbers, which c128_fn() does. */
#define STRIP_UNARY(op, fn)                                                                                            \
        STRIP_UNARY_(op, fn)                                                                                           \
        static const MapKernel op##_kernels[] = { UNARY_ROWS(FLOATS, op) {} };
#define STRIP_BINARY(op, fn)                                                                                           \
        STRIP_BINARY_(op, fn)                                                                                          \
        static const MapKernel op##_kernels[] = { BINARY_WHOLE_ROWS(FLOATS, op) {} };
#define STRIP_UNARY_COMPLEX(op, fn, complex_fn)                                                                        \
        STRIP_UNARY_(op, fn)                                                                                           \
        UNARY_LOOP_(C64, C64, op, complex_fn(c128_of(RE(a), IM(a))))                                                   \
        UNARY_LOOP_(C128, C128, op, complex_fn(a))                                                                     \
        static const MapKernel op##_kernels[] = { UNARY_ROWS(FLOATS, op) UNARY_ROWS(COMPLEXES, op) {} };
