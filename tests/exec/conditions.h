/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Operators of the tests of nests: a comparison, and what only asks whether it is true. The comparison has kernels that
 * decide (MapKernel.decides); that they are taken must not show, except in n_decided. */
#include "graph/op.h"

_unused_ static uint32_t n_decided;

#define TEST_LESS(fn, a_i, b_i, n_other, made_type, made, decides)                                                     \
        static void fn(size_t n, void *const *arg, _unused_ const void *params) {                                      \
                made_type *out = arg[2 + (n_other)];                                                                   \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const bool less = ((double *) arg[0])[a_i] < ((double *) arg[1])[b_i];                         \
                        out[i] = (made);                                                                               \
                }                                                                                                      \
                n_decided += (decides);                                                                                \
        }
#define TEST_LESS_DECIDES(fn, n_other, made)                                                                           \
        TEST_LESS(fn, i, i, n_other, double, made, 1)                                                                  \
        TEST_LESS(fn##_left, 0, i, n_other, double, made, 1)                                                           \
        TEST_LESS(fn##_right, i, 0, n_other, double, made, 1)
TEST_LESS(op_less_kernel, i, i, 0, bool, less, 0)
TEST_LESS_DECIDES(less_choice, 2, less ? ((double *) arg[2])[i] : ((double *) arg[3])[i])
TEST_LESS_DECIDES(less_number, 0, less ? 1.0 : 0.0)
static const MapKernel op_less_kernels[] = { { { DTYPE_F64, DTYPE_F64 },
                                               { DTYPE_BOOL },
                                               op_less_kernel,
                                               { .decides = { { less_choice, less_choice_left, less_choice_right },
                                                              { less_number, less_number_left, less_number_right } },
                                                 .kind    = MAP_COMPARISON } },
                                             {} };
_unused_ static const Op op_less = { .name = "less", .family = FAMILY_MAP, .n_in = 2, .kernels = op_less_kernels };

static void op_choice_kernel(size_t n, void *const *arg, _unused_ const void *params) {
        for (size_t i = 0; i < n; i++)
                ((double *) arg[3])[i] = ((double *) arg[((bool *) arg[0])[i] ? 1 : 2])[i];
}
static const MapKernel op_choice_kernels[] = {
        { { DTYPE_BOOL, DTYPE_F64, DTYPE_F64 }, { DTYPE_F64 }, op_choice_kernel, { {}, {}, MAP_CHOICE } }, {}
};
_unused_ static const Op op_choice = {
        .name = "choice", .family = FAMILY_MAP, .n_in = 3, .kernels = op_choice_kernels
};

static void op_number_kernel(size_t n, void *const *arg, _unused_ const void *params) {
        for (size_t i = 0; i < n; i++)
                ((double *) arg[1])[i] = ((bool *) arg[0])[i] ? 1.0 : 0.0;
}
static const MapKernel op_number_kernels[] = {
        { { DTYPE_BOOL }, { DTYPE_F64 }, op_number_kernel, { {}, {}, MAP_NUMBER } }, {}
};
_unused_ static const Op op_number = {
        .name = "number", .family = FAMILY_MAP, .n_in = 1, .kernels = op_number_kernels
};
