/* SPDX-License-Identifier: Apache-2.0 */
/* Fourier transforms as graphs. Along one axis: that axis is moved to the end, lines of up to FFT_MOST numbers are
 * transformed whole (ops/fft-block.c), so that the axis is brought into one chunk and the others stay cut. A longer
 * line is a matrix of n[0] x n[1] numbers, of which columns and then rows are transformed (Bailey's four steps), in
 * tasks of their own: no task sees the whole line. Where its length has no such factors it is a convolution of a
 * convenient length (Bluestein). Along several axes: one after the other, the last one first.
 *
 * How a line is taken apart depends on its length alone. */
#include <math.h>
#include <string.h>

#include "ops/fft-plan.h"
#include "ops/fft.h"

enum {
        FFT_MOST = 1 << 20, /* numbers of a line in one task: with its work arrays 64 MiB */
};

typedef struct FftParams {
        Dims n; /* one number, or not given */
        int64_t axis;
        const char *norm;
} FftParams;

typedef struct FftnParams {
        Dims s, axes;
        const char *norm;
} FftnParams;

#define FFT_PARAMS                                                                                                     \
        (const Param[]) {                                                                                              \
                PARAM(FftParams, n, PARAM_DIMS, "None",                                                                \
                      "Length of the transform along the axis: the input is cut off or filled up with zeros."),        \
                        PARAM(FftParams, axis, PARAM_I64, "-1", "The axis."),                                          \
                        PARAM(FftParams, norm, PARAM_TEXT, "backward",                                                 \
                              "'backward' divides inverse transforms by n, 'forward' the others, 'ortho' both by the " \
                              "root of n."),                                                                           \
                {}                                                                                                     \
        }

#define FFTN_PARAMS                                                                                                    \
        (const Param[]) {                                                                                              \
                PARAM(FftnParams, s, PARAM_DIMS, "None",                                                               \
                      "Lengths of the transforms: the input is cut off or filled up with zeros."),                     \
                        PARAM(FftnParams, axes, PARAM_DIMS, "None",                                                    \
                              "The axes; None: the last ones, as many as s, or "                                       \
                              "all."),                                                                                 \
                        PARAM(FftnParams, norm, PARAM_TEXT, "backward",                                                \
                              "'backward' divides inverse transforms by n, 'forward' the others, 'ortho' both by the " \
                              "root of n."),                                                                           \
                {}                                                                                                     \
        }

/* ---- Inference -------------------------------------------------------------------------------------------------- */

/* One transform along one axis. */
typedef struct Line {
        FftKind kind;
        bool inverse;
        int axis;
        int64_t n; /* length of the transform, which may be UNKNOWN */
        double scale;
} Line;

static double fft_scale(const char *norm, bool inverse, int64_t n) {
        norm = norm ?: "backward";
        if (strcmp(norm, "ortho") == 0)
                return 1 / sqrt((double) n);
        return (strcmp(norm, "forward") == 0) == inverse ? 1 : 1 / (double) n;
}

static int fft_norm(const char *norm, Error *err) {
        if (norm && strcmp(norm, "backward") != 0 && strcmp(norm, "ortho") != 0 && strcmp(norm, "forward") != 0)
                return error_set(err, ERROR_VALUE,
                                 "Invalid norm value %.100s; should be \"backward\", \"ortho\" or \"forward\".", norm);
        return 0;
}

/* n is the wanted length, or UNKNOWN for that of the input. `spec` becomes that of the result. */
static int fft_line(FftKind kind, bool inverse, int64_t axis, const int64_t *n, const char *norm, Spec *spec, Line *ret,
                    Error *err) {
        const int64_t *length;
        int r;

        *ret = (Line) { .kind = kind, .inverse = inverse };
        r    = fft_norm(norm, err);
        if (r >= 0)
                r = axis_normalize(axis, spec->shape.ndim, &ret->axis, err);
        if (r < 0)
                return r;
        if (kind == FFT_REAL && dtype_kind(spec->dtype) == KIND_COMPLEX)
                return error_set(err, ERROR_TYPE, "a transform of real numbers, of %s", dtype_name(spec->dtype));
        length = &spec->shape.dim[ret->axis];
        if (n)
                ret->n = *n;
        else if (*length == UNKNOWN || kind != FFT_HERMITIAN)
                ret->n = *length;
        else
                ret->n = 2 * (*length - 1);
        if (n ? *n < 1 : *length != UNKNOWN && ret->n < 1)
                return error_set(err, ERROR_VALUE, "Invalid number of FFT data points (%lld) specified.",
                                 (long long) ret->n);
        if (ret->n != UNKNOWN)
                ret->scale = fft_scale(norm, inverse, ret->n);
        if (dtype_kind(spec->dtype) != KIND_COMPLEX)
                spec->dtype = spec->dtype == DTYPE_F16 || spec->dtype == DTYPE_F32 ? DTYPE_F32 : DTYPE_F64;
        spec->dtype                = kind == FFT_HERMITIAN ? dtype_real(spec->dtype) : dtype_complex(spec->dtype);
        spec->weak                 = WEAK_NONE;
        spec->shape.dim[ret->axis] = kind == FFT_REAL && ret->n != UNKNOWN ? ret->n / 2 + 1 : ret->n;
        return shape_check(&spec->shape, dtype_size(spec->dtype), err);
}

static int fft_line_of(const OpCall *call, FftKind kind, bool inverse, Spec *spec, Line *ret, Error *err) {
        const FftParams *p = call->params;

        *spec = call->in[0];
        if (p->n.given && p->n.n != 1)
                return error_set(err, ERROR_TYPE, "n is one number");
        return fft_line(kind, inverse, p->axis, p->n.given ? p->n.v : NULL, p->norm, spec, ret, err);
}

/* The transforms along several axes in their order; *ret_n of them. */
static int fft_lines_of(const OpCall *call, FftKind kind, bool inverse, Spec *spec, Line *ret, uint32_t *ret_n,
                        Error *err) {
        const FftnParams *p = call->params;
        const int ndim      = call->in[0].shape.ndim;
        const uint32_t n    = p->axes.given ? p->axes.n : p->s.given ? p->s.n : (uint32_t) ndim;
        int r               = fft_norm(p->norm, err);

        if (r < 0)
                return r;
        *spec  = call->in[0];
        *ret_n = n;
        if (p->s.given && n != p->s.n)
                return error_set(err, ERROR_VALUE, "Shape and axes have different lengths.");
        if (n > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "transforms along %u axes of %d", n, ndim);
        if (n == 0)
                return error_set(err, ERROR_INDEX, "a transform along no axis");
        for (uint32_t i = 0; i < n && r >= 0; i++) {
                /* That between real and complex numbers is along the last of the axes: forth it comes first, back it
                 * comes last. Of complex ones the last axis comes first. */
                const bool last      = kind == FFT_REAL ? i == 0 : i == n - 1;
                const uint32_t which = kind == FFT_COMPLEX ? n - 1 - i : last ? n - 1 : i - (kind == FFT_REAL);
                const FftKind own    = last ? kind : FFT_COMPLEX;
                const int64_t axis   = p->axes.given ? p->axes.v[which] : (int64_t) which - (int64_t) n;
                int64_t length       = UNKNOWN;
                int k;

                r = axis_normalize(axis, ndim, &k, err);
                if (r < 0)
                        return r;
                /* Of an axis that is named twice both transforms have the length that it had before. */
                if (call->in[0].shape.dim[k] != UNKNOWN)
                        length = own == FFT_HERMITIAN ? 2 * (call->in[0].shape.dim[k] - 1) : call->in[0].shape.dim[k];
                if (p->s.given)
                        length = p->s.v[which];
                r = fft_line(own, inverse, axis, p->s.given || length != UNKNOWN ? &length : NULL, p->norm, spec,
                             ret + i, err);
        }
        return r;
}

/* ---- Graphs ----------------------------------------------------------------------------------------------------- */

static Ref build_block(Build *b, Ref a, FftKind kind, bool inverse, int64_t n, double scale, int64_t whole) {
        const FftBlockParams params = { .kind = kind, .n = n, .inverse = inverse, .scale = scale, .whole = whole };

        return build_op(b, "fft_block", &params, 1, &a);
}

static Ref build_last_as(Build *b, Ref a, int64_t rows, int64_t columns) {
        Shape s = build_spec(b, a)->shape;

        s.dim[s.ndim - 1] = rows;
        s.dim[s.ndim++]   = columns;
        return build_reshape(b, a, &s);
}

static Ref build_padded(Build *b, Ref a, int64_t n) {
        const Spec spec = *build_spec(b, a);
        const int last  = spec.shape.ndim - 1;
        Shape rest      = spec.shape;
        Ref part[2];

        if (spec.shape.dim[last] == n)
                return a;
        rest.dim[last] = n - spec.shape.dim[last];
        part[0]        = a;
        part[1]        = build_broadcast(b, build_f64(b, spec.dtype, 0), &rest);
        return build_concatenate(b, part, 2, last);
}

static Ref build_chirp(Build *b, DType dtype, int64_t n, int64_t size, bool conjugated, double scale) {
        const ChirpParams params = { .source     = { .shape = DIMS(size), .dtype = (int) dtype },
                                     .n          = n,
                                     .conjugated = conjugated,
                                     .scale      = scale };

        return build_op(b, "fft_chirp", &params, 0, NULL);
}

static Ref build_complex(Build *b, Ref a, bool inverse, int64_t n, double scale);

/* j k = (j^2 + k^2 - (k - j)^2) / 2: a convolution with a chirp, between products with its conjugate. */
static Ref build_chirped(Build *b, Ref a, bool inverse, int64_t n, double scale) {
        const DType t     = build_spec(b, a)->dtype;
        const int last    = build_spec(b, a)->shape.ndim - 1;
        const int64_t m   = fft_convenient(2 * n - 1);
        const Ref chirp   = build_chirp(b, t, n, n, inverse, 1),
                  other   = build_complex(b, build_chirp(b, t, n, m, !inverse, 1 / (double) m), false, m, 1);

        a = build_complex(b, build_padded(b, build_binary(b, "multiply", a, chirp), m), false, m, 1);
        a = build_complex(b, build_binary(b, "multiply", a, other), true, m, 1);
        a = build_binary(b, "multiply", build_slice(b, a, last, 0, n, 1), chirp);
        return scale == 1 ? a : build_binary(b, "multiply", a, build_f64(b, dtype_real(t), scale));
}

/* Complex transforms of n numbers along the last axis, which has as many. */
static Ref build_complex(Build *b, Ref a, bool inverse, int64_t n, double scale) {
        const Shape s = build_spec(b, a)->shape;
        int64_t half[2];

        if (n <= FFT_MOST || s.ndim == MAX_NDIM)
                return build_block(b, a, FFT_COMPLEX, inverse, n, scale, 0);
        fft_halves(n, FFT_MOST, half);
        if (half[0] == 1)
                return build_chirped(b, a, inverse, n, scale);
        a = build_swap(b, build_last_as(b, a, half[0], half[1]));
        a = build_swap(b, build_block(b, a, FFT_COMPLEX, inverse, half[0], 1, n));
        a = build_swap(b, build_complex(b, a, inverse, half[1], scale));
        return build_reshape(b, a, &s);
}

/* All n numbers of a Hermitian spectrum of which n / 2 + 1 are given. */
static Ref build_hermitian(Build *b, Ref a, int64_t n) {
        const int last     = build_spec(b, a)->shape.ndim - 1;
        const int64_t half = (n - 1) / 2;
        Ref part[2];

        part[0] = a;
        part[1] = build_unary(b, "conjugate", build_slice(b, a, last, half, 0, -1));
        return build_concatenate(b, part, 2, last);
}

/* Longer than one task may take. */
static Ref build_long(Build *b, Ref a, const Line *line) {
        const DType t  = build_spec(b, a)->dtype;
        const int last = build_spec(b, a)->shape.ndim - 1;
        bool inverse   = line->inverse;

        if (line->kind == FFT_HERMITIAN) {
                a       = build_padded(b, a, line->n / 2 + 1);
                a       = build_hermitian(b, inverse ? a : build_unary(b, "conjugate", a), line->n);
                inverse = true;
        } else
                a = build_padded(b, a, line->n);
        a = build_complex(b, build_cast(b, a, dtype_complex(t)), inverse, line->n, line->scale);
        if (line->kind == FFT_HERMITIAN)
                return build_unary(b, "real", a);
        return line->kind == FFT_REAL ? build_slice(b, a, last, 0, line->n / 2 + 1, 1) : a;
}

/* a's axis k is axis order[k] of the input. The transformed axis becomes the last one and stays there: the axis that
 * was the last one is then the one before, whose lines are neighbours in memory. */
static Ref build_line(Build *b, Ref a, const Line *line, int *order) {
        const Spec spec    = *build_spec(b, a);
        const int last     = spec.shape.ndim - 1;
        const int64_t take = line->kind == FFT_HERMITIAN ? line->n / 2 + 1 : line->n;
        const DKind kind   = dtype_kind(spec.dtype);
        int to[MAX_NDIM], at = 0;

        if (b->r < 0)
                return a;
        while (order[at] != line->axis)
                at++;
        for (int k = 0; k <= last; k++)
                to[k] = k < at ? k : k < last ? k + 1 : at;
        for (int k = at; k < last; k++)
                order[k] = order[k + 1];
        order[last] = line->axis;
        if (spec.shape.dim[at] > take)
                a = build_slice(b, a, at, 0, take, 1);
        if (kind != KIND_COMPLEX)
                a = build_cast(b, a, spec.dtype == DTYPE_F16 || spec.dtype == DTYPE_F32 ? DTYPE_F32 : DTYPE_F64);
        a = build_transpose(b, a, to);
        if (line->n > FFT_MOST)
                return build_long(b, a, line);
        return build_block(b, a, line->kind, line->inverse, line->n, line->scale, 0);
}

static Ref build_lines(Build *b, Ref a, const Line *line, uint32_t n) {
        const int ndim = build_spec(b, a)->shape.ndim;
        int order[MAX_NDIM] = {}, back[MAX_NDIM] = {};

        for (int k = 0; k < ndim; k++)
                order[k] = k;
        for (uint32_t i = 0; i < n; i++)
                a = build_line(b, a, line + i, order);
        for (int k = 0; k < ndim; k++)
                back[order[k]] = k;
        return build_transpose(b, a, back);
}

/* ---- The operators ---------------------------------------------------------------------------------------------- */

#define FFT_OP(op, kind_, inverse_, doc_)                                                                              \
        static int infer_##op(const OpCall *call, Spec *out, Error *err) {                                             \
                Line line;                                                                                             \
                                                                                                                       \
                return fft_line_of(call, kind_, inverse_, out, &line, err);                                            \
        }                                                                                                              \
        static int expand_##op(Build *b, const OpCall *call, const Ref *in, Ref *out) {                                \
                Line line;                                                                                             \
                Spec spec;                                                                                             \
                const int r = fft_line_of(call, kind_, inverse_, &spec, &line, b->err);                                \
                                                                                                                       \
                if (r < 0)                                                                                             \
                        return b->r = r;                                                                               \
                out[0] = build_lines(b, in[0], &line, 1);                                                              \
                return build_done(b);                                                                                  \
        }                                                                                                              \
        OP(op) = { .name        = #op,                                                                                 \
                   .doc         = doc_,                                                                                \
                   .family      = FAMILY_BLOCK,                                                                        \
                   .inputs      = "a",                                                                                 \
                   .n_in        = 1,                                                                                   \
                   .params_size = sizeof(FftParams),                                                                   \
                   .params      = FFT_PARAMS,                                                                          \
                   .infer       = infer_##op,                                                                          \
                   .expand      = expand_##op }

#define FFTN_OP(op, kind_, inverse_, doc_)                                                                             \
        static int infer_##op(const OpCall *call, Spec *out, Error *err) {                                             \
                Line line[MAX_NDIM];                                                                                   \
                uint32_t n;                                                                                            \
                                                                                                                       \
                return fft_lines_of(call, kind_, inverse_, out, line, &n, err);                                        \
        }                                                                                                              \
        static int expand_##op(Build *b, const OpCall *call, const Ref *in, Ref *out) {                                \
                Line line[MAX_NDIM];                                                                                   \
                Spec spec;                                                                                             \
                uint32_t n;                                                                                            \
                const int r = fft_lines_of(call, kind_, inverse_, &spec, line, &n, b->err);                            \
                                                                                                                       \
                if (r < 0)                                                                                             \
                        return b->r = r;                                                                               \
                out[0] = build_lines(b, in[0], line, n);                                                               \
                return build_done(b);                                                                                  \
        }                                                                                                              \
        OP(op) = { .name        = #op,                                                                                 \
                   .doc         = doc_,                                                                                \
                   .family      = FAMILY_BLOCK,                                                                        \
                   .inputs      = "a",                                                                                 \
                   .n_in        = 1,                                                                                   \
                   .params_size = sizeof(FftnParams),                                                                  \
                   .params      = FFTN_PARAMS,                                                                         \
                   .infer       = infer_##op,                                                                          \
                   .expand      = expand_##op }

#define FFT_DTYPES                                                                                                     \
        "\n\nfloat32 and float16 are computed in complex64, complex64 stays, everything else is computed in "          \
        "complex128. A line of up to 2**20 numbers is transformed by one task."

FFT_OP(fft, FFT_COMPLEX, false, "The discrete Fourier transform along an axis." FFT_DTYPES);
FFT_OP(ifft, FFT_COMPLEX, true, "The inverse discrete Fourier transform along an axis." FFT_DTYPES);
FFT_OP(rfft, FFT_REAL, false,
       "The discrete Fourier transform of real numbers along an axis: its first n / 2 + 1 numbers, of which the others "
       "are conjugates." FFT_DTYPES);
FFT_OP(irfft, FFT_HERMITIAN, true, "The inverse of rfft: real numbers, 2 (m - 1) of m if n is not given." FFT_DTYPES);
FFT_OP(hfft, FFT_HERMITIAN, false,
       "The discrete Fourier transform, which is real, of a signal with Hermitian symmetry, of which half is given: 2 "
       "(m - 1) numbers of m if n is not given." FFT_DTYPES);
FFT_OP(ihfft, FFT_REAL, true, "The inverse of hfft: half of a signal with Hermitian symmetry." FFT_DTYPES);
FFTN_OP(fftn, FFT_COMPLEX, false, "The discrete Fourier transform along several axes." FFT_DTYPES);
FFTN_OP(ifftn, FFT_COMPLEX, true, "The inverse discrete Fourier transform along several axes." FFT_DTYPES);
FFTN_OP(rfftn, FFT_REAL, false,
        "The discrete Fourier transform of real numbers along several axes, of which the last one has the first n / 2 "
        "+ "
        "1 numbers." FFT_DTYPES);
FFTN_OP(irfftn, FFT_HERMITIAN, true, "The inverse of rfftn." FFT_DTYPES);
