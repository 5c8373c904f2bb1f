/* SPDX-License-Identifier: Apache-2.0 */
/* Random sources. Element i depends on (seed, draw, i) and nothing else, and each distribution takes a fixed part of
 * the stream per element: a uniform double half a block, a uniform float a quarter, a pair of normals one block.
 *
 * The public entry computes strips: first the blocks of a strip's elements, then numbers of them, loop by loop, so
 * that all of it is vector code. Neighbouring elements share blocks; with other steps than one each element computes
 * its own. */
#include <math.h>
#include <string.h>

#include "ops/kernel.h"
#include "ops/math-log.h"
#include "ops/math-trig.h"
#include "ops/philox.h"
#include "ops/random.h"

typedef struct RandomIntegersParams {
        RandomParams random;
        int64_t low; /* the first value */
        Scalar high; /* the first value that is not drawn; uint64 reaches beyond int64 */
} RandomIntegersParams;

#define RANDOM_PARAM_LIST(S)                                                                                           \
        SOURCE_PARAM_LIST,                                                                                             \
        PARAM(S, seed, PARAM_I64, NULL, "Seed of the generator."),                                                     \
        PARAM(S, draw, PARAM_I64, "0", "Number of the draw within its generator.")

/* The blocks of a strip, their halves in arrays of their own; philox() writes whole vectors. */
typedef struct Words {
        uint64_t w[2][STRIP + BLOCKS];
} Words;
#define WORDS(words) ((uint64_t *const[]) { (words)->w[0], (words)->w[1] })

static PhiloxStream stream_of(const void *params) {
        const RandomParams *p = params;

        return (PhiloxStream) { .seed = (uint64_t) p->seed, .draw = (uint64_t) p->draw };
}

/* The block of each element when 1 << shift elements share one. */
static void words_of_elements(PhiloxStream stream, size_t n, int64_t first, int64_t step, int shift, Words *ret) {
        uint64_t block[STRIP];

        for (size_t i = 0; i < n; i++)
                block[i] = (uint64_t) (first + (int64_t) i * step) >> shift;
        philox_blocks(stream, n, block, WORDS(ret));
}

/* The upper 53 bits as a double in [0, 1), as lanes_unit() makes them. */
static inline double unit_f64(uint64_t w) {
        return (double) (int64_t) (w >> 11) * 0x1p-53;
}

/* The upper 24 bits of one of the block's four words. */
static inline float unit_f32(const Words *words, size_t i, size_t word) {
        const uint64_t w = words->w[word >> 1][i];

        return (float) (int32_t) ((uint32_t) (word & 1 ? w : w >> 32) >> 8) * 0x1p-24f;
}

/* ---- Uniform ---------------------------------------------------------------------------------------------------- */

static void uniform_F64(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        const PhiloxStream stream = stream_of(params);
        double *to = out;
        size_t i = 0;

        /* Two elements a block. */
        if (step == 1 && (first & 1) == 0)
                for (; i + 2 * BLOCKS <= n; i += 2 * BLOCKS) {
                        Lanes at[TOGETHER], w[TOGETHER][2];

                        blocks_to_interleave((uint64_t) (first + (int64_t) i) >> 1, at);
                        philox(stream, at, w);
                        for (int k = 0; k < TOGETHER; k++)
                                lanes_interleave(lanes_unit(w[k][0]), lanes_unit(w[k][1]), to + i + 2 * LANES * k);
                }
        if (i < n) {
                Words words;

                words_of_elements(stream, n - i, first + (int64_t) i * step, step, 1, &words);
                for (size_t k = 0; i + k < n; k++)
                        to[i + k] = unit_f64(words.w[(first + (int64_t) (i + k) * step) & 1][k]);
        }
}

static void uniform_F32(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        const PhiloxStream stream = stream_of(params);
        float *to = out;
        Words words;

        if (step == 1 && (first & 3) == 0) {
                philox_run(stream, (n + 3) / 4, (uint64_t) first >> 2, WORDS(&words));
                for (size_t i = 0; i < n / 4; i++)
                        for (size_t k = 0; k < 4; k++)
                                to[4 * i + k] = unit_f32(&words, i, k);
                for (size_t i = n / 4 * 4; i < n; i++)
                        to[i] = unit_f32(&words, i / 4, i & 3);
                return;
        }
        words_of_elements(stream, n, first, step, 2, &words);
        for (size_t i = 0; i < n; i++)
                to[i] = unit_f32(&words, i, (size_t) (first + (int64_t) i * step) & 3);
}

/* ---- Normal: Box and Muller ------------------------------------------------------------------------------------- */

/* Elements 2 k and 2 k + 1 are radius times cosine and sine of one angle; radius and angle are the block's two
 * doubles. */
static void normal_pairs(Words *words, size_t n, double *restrict cosine, double *restrict sine) {
        double u[STRIP], radius[STRIP], angle[STRIP];

        for (size_t i = 0; i < n; i++) {
                u[i]     = unit_f64(words->w[0][i]) + 0x1p-53; /* (0, 1]: the logarithm is finite */
                angle[i] = unit_f64(words->w[1][i]) * 6.283185307179586;
        }
        vm_log_strip(n, u, radius);
        vm_cos_strip(n, angle, cosine);
        vm_sin_strip(n, angle, sine);
        for (size_t i = 0; i < n; i++) {
                radius[i] = sqrt(-2.0 * radius[i]);
                cosine[i] *= radius[i];
                sine[i] *= radius[i];
        }
}

static void normal_F64(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        const PhiloxStream stream = stream_of(params);
        const bool run = step == 1; /* neighbours share blocks; else each element has its own */
        const int64_t first_block = first >> 1;
        double cosine[STRIP], sine[STRIP], *to = out;
        size_t n_block = n;
        Words words;

        if (n == 0)
                return;
        if (run) {
                n_block = (size_t) (((first + (int64_t) n - 1) >> 1) - first_block + 1);
                philox_run(stream, n_block, (uint64_t) first_block, WORDS(&words));
        } else
                words_of_elements(stream, n, first, step, 1, &words);
        assert(n_block > 0);
        normal_pairs(&words, n_block, cosine, sine);
        for (size_t i = 0; i < n; i++) {
                const int64_t at = first + (int64_t) i * step;

                to[i] = (at & 1 ? sine : cosine)[run ? (size_t) ((at >> 1) - first_block) : i];
        }
}

static void normal_F32(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        double value[STRIP];
        float *to = out;

        normal_F64(n, first, step, params, value);
        for (size_t i = 0; i < n; i++)
                to[i] = (float) value[i];
}

/* ---- Exponential: the logarithm of a uniform number -------------------------------------------------------------- */

static void exponential_F64(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        double u[STRIP], *to = out;

        uniform_F64(n, first, step, params, u);
        for (size_t i = 0; i < n; i++)
                u[i] = 1.0 - u[i]; /* (0, 1], exactly */
        vm_log_strip(n, u, to);
        for (size_t i = 0; i < n; i++)
                to[i] = -to[i];
}

static void exponential_F32(size_t n, int64_t first, int64_t step, const void *params, void *out) {
        double value[STRIP];
        float *to = out;

        exponential_F64(n, first, step, params, value);
        for (size_t i = 0; i < n; i++)
                to[i] = (float) value[i];
}

/* ---- Integers
 * ------------------------------------------------------------------------------------------------------ */

/* The upper 64 bits of (128 random bits) x range / 2^64: each value's probability is off by less than 2^-64, and
 * each element takes exactly one block, which rejection would not. */
static uint64_t below(uint64_t range, const Words *words, size_t i) {
        const uint64_t high = words->w[0][i], low = words->w[1][i];

        if (range == 0) /* all 2^64 values */
                return high;
        return (uint64_t) (((unsigned __int128) high * range + (uint64_t) ((unsigned __int128) low * range >> 64)) >>
                           64);
}

static void integer_words(size_t n, int64_t first, int64_t step, const void *params, uint64_t *ret) {
        const RandomIntegersParams *p = params;
        const uint64_t high           = p->high.dtype == DTYPE_U64 ? p->high.u64 : (uint64_t) scalar_i64(p->high);
        const uint64_t range          = high - (uint64_t) p->low;
        Words words;

        words_of_elements(stream_of(params), n, first, step, 0, &words);
        for (size_t i = 0; i < n; i++)
                ret[i] = (uint64_t) p->low + below(range, &words, i);
}

#define INTEGERS_LOOP_(D, ...)                                                                                         \
        static void integers_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {               \
                uint64_t value[STRIP];                                                                                 \
                MEMORY_##D *to = out;                                                                                  \
                                                                                                                       \
                integer_words(n, first, step, params, value);                                                          \
                for (size_t i = 0; i < n; i++)                                                                         \
                        to[i] = (MEMORY_##D) value[i];                                                                 \
        }
#define INTEGERS_ROW_(D, ...) { DTYPE_##D, integers_##D },
BITS(INTEGERS_LOOP_)

static int infer_integers(const OpCall *call, Spec *out, Error *err) {
        const RandomIntegersParams *p = call->params;
        const DType dtype = p->random.source.dtype == DTYPE_NONE ? DTYPE_I64 : (DType) p->random.source.dtype;
        const bool wide               = p->high.dtype == DTYPE_U64 && p->high.u64 > INT64_MAX;
        int r;

        if (dtype_kind(dtype) == KIND_FLOAT || dtype_kind(dtype) == KIND_COMPLEX)
                return error_set(err, ERROR_TYPE, "Unsupported dtype %s for randint", dtype_name(dtype));
        if (!wide && scalar_i64(p->high) <= p->low)
                return error_set(err, ERROR_VALUE, "low >= high: %lld >= %lld", (long long) p->low,
                                 (long long) scalar_i64(p->high));
        if (!scalar_fits(scalar_from_i64(DTYPE_I64, p->low), dtype))
                return error_set(err, ERROR_VALUE, "low is out of bounds for %s", dtype_name(dtype));
        if (dtype != DTYPE_U64 && (wide || !scalar_fits(scalar_from_i64(DTYPE_I64, scalar_i64(p->high) - 1), dtype)))
                return error_set(err, ERROR_VALUE, "high is out of bounds for %s", dtype_name(dtype));
        *out = (Spec) { .dtype = dtype, .shape = shape_of(p->random.source.shape.n, p->random.source.shape.v) };
        r    = shape_check(&out->shape, dtype_size(dtype), err);
        return r;
}

/* ---- The table
 * ------------------------------------------------------------------------------------------------------- */

OP(random_uniform) = {
        .name        = "random_uniform",
        .doc         = "Uniform random numbers in [0, 1).\n\n"
                       "A float64 has 53 random bits, a float32 has 24. Source: Philox4x32-10 of (seed, draw, element "
                       "index).",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .cost        = 10,
        .params_size = sizeof(RandomParams),
        .params      = (const Param[]) { RANDOM_PARAM_LIST(RandomParams), {} },
        .generate    = (const SourceKernel[]) { { DTYPE_F64, uniform_F64 }, { DTYPE_F32, uniform_F32 }, {} },
};

OP(random_normal) = {
        .name        = "random_normal",
        .doc         = "Random numbers of the standard normal distribution.\n\n"
                       "Source: the transformation of Box and Muller of Philox4x32-10 of (seed, draw, element index / "
                       "2).",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .cost        = 25,
        .params_size = sizeof(RandomParams),
        .params      = (const Param[]) { RANDOM_PARAM_LIST(RandomParams), {} },
        .generate    = (const SourceKernel[]) { { DTYPE_F64, normal_F64 }, { DTYPE_F32, normal_F32 }, {} },
};

OP(random_exponential) = {
        .name        = "random_exponential",
        .doc         = "Random numbers of the exponential distribution with scale one.\n\n"
                       "Source: the negative logarithm of a uniform number of Philox4x32-10.",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .cost        = 18,
        .params_size = sizeof(RandomParams),
        .params      = (const Param[]) { RANDOM_PARAM_LIST(RandomParams), {} },
        .generate    = (const SourceKernel[]) { { DTYPE_F64, exponential_F64 }, { DTYPE_F32, exponential_F32 }, {} },
};

OP(random_integers) = {
        .name        = "random_integers",
        .doc         = "Random integers from low to high, high excluded.\n\n"
                       "Raises ValueError where low >= high or a limit does not fit the dtype. Each value's "
                       "probability is "
                       "exact to 2**-64.",
        .family      = FAMILY_SOURCE,
        .inputs      = "",
        .cost        = 20,
        .params_size = sizeof(RandomIntegersParams),
        .params =
                (const Param[]) {
                        RANDOM_PARAM_LIST(RandomParams),
                        PARAM(RandomIntegersParams, low, PARAM_I64, "0", "The least value."),
                        PARAM(RandomIntegersParams, high, PARAM_SCALAR, NULL, "One more than the largest value."),
                        {},
                },
        .infer    = infer_integers,
        .generate = (const SourceKernel[]) { BITS(INTEGERS_ROW_) {} },
};
