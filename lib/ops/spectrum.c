/* SPDX-License-Identifier: Apache-2.0 */
/* A Hermitian matrix as two smaller ones: spectral divide and conquer (Nakatsukasa, Higham: Stable and efficient
 * spectral divide and conquer algorithms; 2013). With s, the mean of the eigenvalues, U = sign(a - s I) says of each
 * on which side of s it is, and P = (I + U) / 2 projects on the vectors of those above. A QR of P times random vectors
 * has a basis V of that space in its first columns and one of the other space in the others; a second QR, of what P
 * and I - P make of them, has it to the last digit. Then V^H a V has nothing but two blocks on its diagonal.
 *
 * How many columns belong to the first block, depends on data: its length is unknown until then. Neither block is
 * empty, since no mean is below or above all. */
#include <math.h>
#include <string.h>

#include "ops/linalg.h"
#include "ops/random.h"

enum { SEED = 59 };

/* ---- What was found
 * -------------------------------------------------------------------------------------------------- */

static double real_at(const View *v) {
        return v->dtype == DTYPE_F32 ? (double) *(const float *) v->data : *(const double *) v->data;
}

static int split_run(BlockRun *run, Error *err) {
        const View *count = &run->in[0];
        const double outside = real_at(&run->in[1]), all = real_at(&run->in[2]);
        const double precision = count->dtype == DTYPE_F32 ? 0x1p-23 : 0x1p-52;

        if (!(outside <= 0x1p10 * precision * all))
                return error_set(err, ERROR_LINALG, "Eigenvalues did not converge");
        memcpy(run->out[0].data, count->data, dtype_size(count->dtype));
        return 0;
}

static int infer_split(const OpCall *call, Spec *out, Error *err) {
        for (uint32_t i = 0; i < call->n_in; i++)
                if (call->in[i].shape.ndim != 0 || call->in[i].dtype != call->in[0].dtype ||
                    (call->in[0].dtype != DTYPE_F32 && call->in[0].dtype != DTYPE_F64))
                        return error_set(err, ERROR_VALUE, "%s: of real numbers", call->op->name);
        *out = call->in[0];
        return 0;
}

OP(split_check) = {
        .name     = "split_check",
        .doc      = "The count, if the norm outside of two blocks is nothing beside that of all; else LinAlgError.",
        .family   = FAMILY_BLOCK,
        .hidden   = true,
        .inputs   = "count, outside, all",
        .n_in     = 3,
        .infer    = infer_split,
        .run      = split_run,
        .core_in  = { CORE_ALL, CORE_ALL, CORE_ALL },
        .core_out = { CORE_ALL },
};

/* ---- Dividing
 * -------------------------------------------------------------------------------------------------------- */

static Ref build_trace(Build *b, Ref a, DType real) {
        a = build_large_diagonal(b, a);
        if (dtype_kind(build_spec(b, a)->dtype) == KIND_COMPLEX)
                a = build_unary(b, "real", a);
        return build_reduce(b, "sum", a, (Dims) {}, false, real);
}

static Ref build_random(Build *b, DType dtype, int64_t n) {
        const int64_t shape[]     = { n, n };
        const RandomParams params = { .source = { .shape = { .n = 2, .given = true, .v = shape },
                                                  .dtype = (int) dtype_real(dtype) },
                                      .seed   = SEED };

        return build_cast(b, build_op(b, "random_normal", &params, 0, NULL), dtype);
}

static Ref build_half(Build *b, const char *op, DType dtype, Ref a, Ref c) {
        return build_binary(b, "multiply", build_f64(b, dtype, 0.5), build_binary(b, op, a, c));
}

/* The norm of a with |a| in place of elements: the largest sum of a row. */
static Ref build_norm(Build *b, Ref a, Ref where) {
        const DType real = dtype_real(build_spec(b, a)->dtype);

        a = build_op(b, "where", NULL, 3,
                     (const Ref[]) { where, build_unary(b, "absolute", a), build_f64(b, real, 0) });
        a = build_reduce(b, "sum", a, DIMS(1), false, real);
        return build_reduce(b, "max", a, (Dims) {}, false, DTYPE_NONE);
}

static int infer_divide(const OpCall *call, Spec *out, Error *err) {
        const Shape *s = &call->in[0].shape;
        DType dtype;
        int r;

        r = linalg_one(call, true, &dtype, err);
        if (r < 0)
                return r;
        if (s->ndim > 2)
                return error_set(err, ERROR_VALUE, "%s: of one matrix", call->op->name);
        out[0] = out[1] = (Spec) { .dtype = dtype, .shape = *s };
        out[2] = (Spec) { .dtype = DTYPE_BOOL, .shape = SHAPE(s->dim[0]) };
        return 0;
}

static int expand_divide(Build *b, const OpCall *call, const Ref *in, Ref *out) {
        const DType dtype = call->in[0].dtype, real = dtype_real(dtype);
        const int64_t n   = call->in[0].shape.dim[0];
        const struct { bool hermitian; } params = { true };
        const Ref a = in[0], random = build_random(b, dtype, n), index = build_counting(b, n);
        Ref mean = build_binary(b, "divide", build_trace(b, a, real), build_f64(b, real, (double) n)), sign, count,
            upper, side, same, q, v, product, parts;

        sign  = build_binary(b, "subtract", a,
                             build_binary(b, "multiply", build_eye(b, dtype, n, n), build_cast(b, mean, dtype)));
        sign  = build_op(b, "polar", &params, 1, &sign);
        count = build_half(b, "add", real, build_trace(b, sign, real), build_f64(b, real, (double) n));
        count = build_binary(b, "minimum", build_unary(b, "rint", count), build_f64(b, real, (double) n - 1));
        count = build_binary(b, "maximum", count, build_f64(b, real, 1));

        /* side: 1 for columns of the upper space, -1 for the others */
        upper = build_binary(b, "less", index, build_cast(b, count, DTYPE_I64));
        side  = build_op(b, "where", NULL, 3, (const Ref[]) { upper, build_f64(b, dtype, 1), build_f64(b, dtype, -1) });
        q       = build_half(b, "add", dtype, random, build_binary(b, "matmul", sign, random));
        q     = build_op(b, "qr", NULL, 1, &q);
        product = build_binary(b, "multiply", build_binary(b, "matmul", sign, q), build_insert_axis(b, side, 0));
        v       = build_half(b, "add", dtype, q, product);
        v       = build_op(b, "qr", NULL, 1, &v);
        parts   = build_binary(b, "matmul", build_adjoint(b, v), build_binary(b, "matmul", a, v));

        same  = build_binary(b, "equal", build_insert_axis(b, upper, 0), build_insert_axis(b, upper, 1));
        count = build_op(b, "split_check", NULL, 3,
                         (const Ref[]) { count, build_norm(b, parts, build_unary(b, "logical_not", same)),
                                         build_norm(b, parts, same) });
        out[0] = v;
        out[1] = parts;
        out[2] = build_binary(b, "less", index, build_cast(b, count, DTYPE_I64));
        return build_done(b);
}

OP(divide_spectrum) = {
        .name   = "divide_spectrum",
        .doc    = "V, V^H a V, and which of its columns are of eigenvalues above their mean, of a Hermitian a.",
        .family = FAMILY_BLOCK,
        .hidden = true,
        .inputs = "a",
        .n_in   = 1,
        .n_out  = 3,
        .infer  = infer_divide,
        .expand = expand_divide,
};
