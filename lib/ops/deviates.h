/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Random numbers whose distribution has parameters for each element. They are maps: of the elements' indices and of the
 * parameters, which broadcast.
 *
 * Whoever rejects draws again, as often as it must. So each element has a stream of its own, of blocks that are
 * numbered by (draw, attempt, index): the attempt is in the upper bits of the draw's number, the index the lower half
 * of the counter. Neighbours, cuts and threads then change nothing. A strip is tried at once; what was rejected goes
 * into the next round together.
 *
 * u has two numbers of the open interval (0, 1) for each block, 52 bits each: logarithms and quotients are finite, and
 * differences from one are exact. */
#include "graph/infer.h"
#include "ops/kernel.h"
#include "ops/math-log.h"
#include "ops/math-trig.h"
#include "ops/philox.h"

typedef struct DeviateParams {
        int64_t seed; /* of the generator */
        int64_t draw; /* number of this draw within its generator */
} DeviateParams;

#define DEVIATE_PARAM_LIST(S)                                                                                          \
        PARAM(S, seed, PARAM_I64, NULL, "Seed of the generator."),                                                     \
                PARAM(S, draw, PARAM_I64, "0", "Number of the draw within its generator, below 2**40.")

enum { DRAW_BITS = 40, ATTEMPTS_MOST = 1 << 22, DEVIATE_BLOCKS = 2 };

/* One attempt of an element with the parameters p: whether *ret is a number of the distribution. Parameters that have
 * no distribution give NaN, at once. */
typedef bool DeviateFn(const double *u, const double *p, const void *params, double *ret);

static inline int infer_deviate(const OpCall *call, Spec *out, Error *err) {
        const DeviateParams *p = call->params;

        if (p->draw < 0 || p->draw >> DRAW_BITS)
                return error_set(err, ERROR_VALUE, "the number of a draw is between 0 and 2**%d, not %lld", DRAW_BITS,
                                 (long long) p->draw);
        return infer_map(call, out, err);
}

VM_INLINE double deviate_unit(uint64_t w) {
        return ((double) (int64_t) (w >> 12) + 0.5) * 0x1p-52;
}

/* The cosine half of Box and Muller. */
VM_INLINE double deviate_normal(double u, double v) {
        return sqrt(-2.0 * vm_log(u)) * vm_cos(v * 6.283185307179586);
}

/* Up to a strip of elements; n_blocks blocks and n_p parameters each. */
VM_INLINE void deviate_strip(size_t n, const int64_t *index, const double *const *p, size_t n_p, int n_blocks,
                             DeviateFn *fn, const void *params, double *ret) {
        const DeviateParams *stream = params;
        uint64_t w[DEVIATE_BLOCKS][2][STRIP + BLOCKS], counter[STRIP];
        size_t at[STRIP], n_left = n;

        for (size_t i = 0; i < n; i++)
                at[i] = i;
        for (uint64_t attempt = 0; n_left > 0 && attempt < ATTEMPTS_MOST; attempt++) {
                const size_t n_tried = n_left;

                for (size_t i = 0; i < n_tried; i++)
                        counter[i] = (uint64_t) index[at[i]];
                for (int b = 0; b < n_blocks; b++) {
                        const uint64_t number = attempt * (uint64_t) n_blocks + (uint64_t) b;
                        const PhiloxStream of = { .seed = (uint64_t) stream->seed,
                                                  .draw = (uint64_t) stream->draw | number << DRAW_BITS };

                        philox_blocks(of, n_tried, counter, (uint64_t *const[]) { w[b][0], w[b][1] });
                }
                n_left = 0;
                for (size_t i = 0; i < n_tried; i++) {
                        double u[2 * DEVIATE_BLOCKS], of[MAX_OP_IN];

                        for (int b = 0; b < n_blocks; b++)
                                for (int k = 0; k < 2; k++)
                                        u[2 * b + k] = deviate_unit(w[b][k][i]);
                        for (size_t k = 0; k < n_p; k++)
                                of[k] = p[k][at[i]];
                        if (!fn(u, of, params, &ret[at[i]]))
                                at[n_left++] = at[i];
                }
        }
        for (size_t i = 0; i < n_left; i++)
                ret[at[i]] = VM_NAN;
}

/* Kernels name_F64 and name_I64 of the attempts name_try(). */
#define DEVIATE_LOOP_(D, name, n_p_, n_blocks)                                                                         \
        static void name##_##D(size_t n, void *const *arg, const void *params) {                                       \
                MEMORY_##D *restrict out = arg[1 + (n_p_)];                                                            \
                double value[STRIP];                                                                                   \
                                                                                                                       \
                for (size_t first = 0, m; first < n; first += m) {                                                     \
                        const double *p[MAX_OP_IN] = {};                                                               \
                                                                                                                       \
                        m = MIN(n - first, (size_t) STRIP);                                                            \
                        for (size_t k = 0; k < (n_p_); k++)                                                            \
                                p[k] = (const double *) arg[1 + k] + first;                                            \
                        deviate_strip(m, (const int64_t *) arg[0] + first, p, n_p_, n_blocks, name##_try, params,      \
                                      value);                                                                          \
                        for (size_t i = 0; i < m; i++)                                                                 \
                                out[first + i] = DEVIATE_##D(value[i]);                                                \
                }                                                                                                      \
        }
#define DEVIATE_F64(v) (v)
#define DEVIATE_I64(v) i64_from_f64(v) /* the least integer for NaN */

#define DEVIATE_ROW_1(D, name) { { DTYPE_I64, DTYPE_F64 }, { DTYPE_##D, DTYPE_NONE }, name##_##D, {} },
#define DEVIATE_ROW_2(D, name) { { DTYPE_I64, DTYPE_F64, DTYPE_F64 }, { DTYPE_##D, DTYPE_NONE }, name##_##D, {} },
#define DEVIATE(D, name, n_p, n_blocks)                                                                                \
        DEVIATE_LOOP_(D, name, n_p, n_blocks)                                                                          \
        static const MapKernel name##_kernels[] = { DEVIATE_ROW_##n_p(D, name) {} };
