/* SPDX-License-Identifier: Apache-2.0 */
/* Fourier transforms along the last axis, whole lines in one task. ops/fft-plan.h says how a length is taken apart,
 * ops/fft-pass.h has the passes, ops/fft-lines.h what is around them.
 *
 * Lines do not see each other and the arithmetic of a line depends on its length only: any cutting of the other axes
 * gives the same bits. */
#include <string.h>

#include "ops/fft-plan.h"
#include "ops/fft.h"

/* A task. */
typedef struct FftWork {
        FftKind kind;
        bool inverse;
        bool complex_; /* the input */
        bool paired;   /* real numbers two by two as complex ones */
        int64_t n, n_in, n_out;
        int64_t stride; /* of the input, in bytes */
        int64_t beside; /* from a line to the next one along the axis before the last */
        double scale;
        int64_t whole;
        int64_t row, n_row; /* the task's part of the axis before the last */
        FftPlan plan;
        FftRoots roots;     /* of n, if paired; of the whole */
        void *x, *y, *wide; /* work arrays */
} FftWork;

enum { WIDE_F64 = 8, WIDE_F32 = 16 }; /* lanes: two cache lines of complex numbers */

/* The registers of the CPU level, and two of them taken one element each in turn. */
#if defined(__AVX512F__)
#define REGISTER_BYTES 64
#define ZIP_LOW_F64(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH_F64(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define ZIP_LOW_F32(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH_F32(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif defined(__AVX__)
#define REGISTER_BYTES 32
#define ZIP_LOW_F64(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH_F64(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define ZIP_LOW_F32(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_HIGH_F32(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define REGISTER_BYTES 16
#define ZIP_LOW_F64(a, b) __builtin_shufflevector(a, b, 0, 2)
#define ZIP_HIGH_F64(a, b) __builtin_shufflevector(a, b, 1, 3)
#define ZIP_LOW_F32(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define ZIP_HIGH_F32(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif
typedef double RegisterF64 __attribute__((vector_size(REGISTER_BYTES), may_alias));
typedef float RegisterF32 __attribute__((vector_size(REGISTER_BYTES), may_alias));

#define T double
#define V RegisterF64
#define LANES WIDE_F64
#define FFT(x) fft_wide_f64_##x
#include "ops/fft-pass.h"
#undef V
#undef LANES
#undef FFT
#define V double
#define LANES 1
#define FFT(x) fft_single_f64_##x
#include "ops/fft-pass.h"
#undef V
#undef LANES
#undef FFT
#define V RegisterF64
#define ZIP_LOW(a, b) ZIP_LOW_F64(a, b)
#define ZIP_HIGH(a, b) ZIP_HIGH_F64(a, b)
#define FFT_WIDE WIDE_F64
#define WIDE(x) fft_wide_f64_##x
#define SINGLE(x) fft_single_f64_##x
#define NEGATIVE(x) f64_negative(x)
#define LINES(x) fft_f64_##x
#include "ops/fft-lines.h"
#undef V
#undef ZIP_LOW
#undef ZIP_HIGH
#undef FFT_WIDE
#undef WIDE
#undef SINGLE
#undef NEGATIVE
#undef LINES
#undef T

#define T float
#define V RegisterF32
#define LANES WIDE_F32
#define FFT(x) fft_wide_f32_##x
#include "ops/fft-pass.h"
#undef V
#undef LANES
#undef FFT
#define V float
#define LANES 1
#define FFT(x) fft_single_f32_##x
#include "ops/fft-pass.h"
#undef V
#undef LANES
#undef FFT
#define V RegisterF32
#define ZIP_LOW(a, b) ZIP_LOW_F32(a, b)
#define ZIP_HIGH(a, b) ZIP_HIGH_F32(a, b)
#define FFT_WIDE WIDE_F32
#define WIDE(x) fft_wide_f32_##x
#define SINGLE(x) fft_single_f32_##x
#define NEGATIVE(x) f32_negative(x)
#define LINES(x) fft_f32_##x
#include "ops/fft-lines.h"

/* Tables and work arrays of a task, which lie in scratch; only their size if that is NULL. */
static size_t fft_work(const FftBlockParams *p, DType dtype, void *scratch, FftWork *ret) {
        const size_t size   = dtype_size(dtype_real(dtype));
        const int64_t lanes = size == sizeof(double) ? WIDE_F64 : WIDE_F32;
        Carve c             = { .at = scratch };
        int64_t n_x;

        *ret = (FftWork) {
                .kind     = (FftKind) p->kind,
                .inverse  = p->inverse,
                .complex_ = dtype_kind(dtype) == KIND_COMPLEX,
                .paired   = p->kind != FFT_COMPLEX && p->n % 2 == 0,
                .n        = p->n,
                .scale    = p->scale,
                .whole    = p->whole,
        };
        ret->plan = fft_plan(ret->paired ? p->n / 2 : p->n, size, &c);
        if (ret->paired || p->whole > 0)
                ret->roots = fft_roots(p->whole > 0 ? p->whole : p->n, &c);
        n_x    = MAX(ret->plan.m, p->n / 2 + 1) * (ret->plan.halved ? 1 : lanes);
        ret->x = carve(&c, n_x, 2 * size);
        ret->y = carve(&c, n_x, 2 * size);
        if (ret->plan.halved)
                ret->wide = carve(&c, 2 * lanes * MAX(ret->plan.part[0].n, ret->plan.part[1].n), 2 * size);
        return c.used;
}

static size_t fft_scratch(const OpCall *call) {
        FftWork w;

        return fft_work(call->params, call->in[0].dtype, NULL, &w);
}

static int fft_run(BlockRun *run, _unused_ Error *err) {
        const View *in = &run->in[0], *out = &run->out[0];
        const int last    = in->shape.ndim - 1;
        const Shape stack = stack_of(out, 1);
        FftWork w;

        fft_work(run->params, in->dtype, run->scratch, &w);
        w.n_in   = in->shape.dim[last];
        w.n_out  = out->shape.dim[last];
        w.stride = in->stride[last];
        w.n_row  = 1;
        if (last > 0) {
                w.row    = run->domain->lo[last - 1];
                w.n_row  = in->shape.dim[last - 1];
                w.beside = in->stride[last - 1];
        }
        if (dtype_size(dtype_real(in->dtype)) == sizeof(double))
                fft_f64_run(&w, in, &stack, out->data);
        else
                fft_f32_run(&w, in, &stack, out->data);
        return 0;
}

static int infer_fft_block(const OpCall *call, Spec *out, Error *err) {
        const FftBlockParams *p = call->params;
        const DType t           = call->in[0].dtype;
        const DKind kind        = dtype_kind(t);
        const int ndim          = call->in[0].shape.ndim;

        if ((kind != KIND_FLOAT && kind != KIND_COMPLEX) || t == DTYPE_F16 || ndim == 0 || p->n < 1 || p->kind < 0 ||
            p->kind > FFT_HERMITIAN || (kind == KIND_COMPLEX && p->kind == FFT_REAL) || p->whole < 0 ||
            (p->whole > 0 && (ndim < 2 || p->kind != FFT_COMPLEX)))
                return error_set(err, ERROR_VALUE, "fft_block: no transform of %s", dtype_name(t));
        out->dtype               = p->kind == FFT_HERMITIAN ? dtype_real(t) : dtype_complex(t);
        out->weak                = WEAK_NONE;
        out->shape               = call->in[0].shape;
        out->shape.dim[ndim - 1] = p->kind == FFT_REAL ? p->n / 2 + 1 : p->n;
        return 0;
}

OP(fft_block) = {
        .name        = "fft_block",
        .doc         = "Fourier transforms along the last axis, each by one task.",
        .family      = FAMILY_BLOCK,
        .hidden      = true,
        .inputs      = "a",
        .n_in        = 1,
        .params_size = sizeof(FftBlockParams),
        .params      = (const Param[]) { PARAM(FftBlockParams, kind, PARAM_I64, NULL, "Of what into what."),
                                         PARAM(FftBlockParams, n, PARAM_I64, NULL, "Length of the transform."),
                                         PARAM(FftBlockParams, inverse, PARAM_BOOL, "False", "The other way."),
                                         PARAM(FftBlockParams, scale, PARAM_F64, "1.0", "Factor of the results."),
                                         PARAM(FftBlockParams, whole, PARAM_I64, "0",
                                               "Length of that of which this is a part."),
                                         {} },
        .infer       = infer_fft_block,
        .run         = fft_run,
        .scratch     = fft_scratch,
        .core_in     = { 1 },
        .core_out    = { 1 },
};

/* ---- Chirps ----------------------------------------------------------------------------------------------------- */

#define CHIRP_LOOP_(D, R)                                                                                              \
        static void fft_chirp_##D(size_t n, int64_t first, int64_t step, const void *params, void *out) {              \
                const ChirpParams *p = params;                                                                         \
                const int64_t size   = p->source.shape.v[0];                                                           \
                R *to                = out;                                                                            \
                                                                                                                       \
                for (size_t i = 0; i < n; i++) {                                                                       \
                        const int64_t at = first + (int64_t) i * step, k = at < p->n ? at : size - at;                 \
                        double root[2]   = {};                                                                         \
                                                                                                                       \
                        if (k < p->n)                                                                                  \
                                fft_root((int64_t) ((__int128) k * k % (2 * p->n)), 2 * p->n, root);                   \
                        to[2 * i]     = (R) (root[0] * p->scale);                                                      \
                        to[2 * i + 1] = (R) ((p->conjugated ? -root[1] : root[1]) * p->scale);                         \
                }                                                                                                      \
        }
CHIRP_LOOP_(C64, float)
CHIRP_LOOP_(C128, double)

OP(fft_chirp) = {
        .name        = "fft_chirp",
        .doc         = "A chirp.",
        .family      = FAMILY_SOURCE,
        .hidden      = true,
        .inputs      = "",
        .cost        = 50,
        .params_size = sizeof(ChirpParams),
        .params      = (const Param[]) { SOURCE_PARAM_LIST,
                                         PARAM(ChirpParams, n, PARAM_I64, NULL, "Length of its transform."),
                                         PARAM(ChirpParams, conjugated, PARAM_BOOL, "False", "The other way."),
                                         PARAM(ChirpParams, scale, PARAM_F64, "1.0", "A factor."),
                                         {} },
        .generate    = (const SourceKernel[]) { { DTYPE_C64, fft_chirp_C64 }, { DTYPE_C128, fft_chirp_C128 }, {} },
};
