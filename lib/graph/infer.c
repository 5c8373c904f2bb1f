/* SPDX-License-Identifier: Apache-2.0 */
/* From specs of inputs to specs of outputs: the operator's own rule, or its family's. Whatever the rule says,
 * the result is checked here: shapes whose bytes cannot be counted do not get into a graph. */
#include <stdio.h>
#include <string.h>

#include "graph/infer.h"
#include "graph/params.h"
#include "graph/said.h"

const char *const family_names[_FAMILY_MAX] = {
        [FAMILY_MAP] = "map",           [FAMILY_REDUCE] = "reduce",   [FAMILY_SCAN] = "scan",
        [FAMILY_CONTRACT] = "contract", [FAMILY_MOVE] = "move",       [FAMILY_EXCHANGE] = "exchange",
        [FAMILY_SOURCE] = "source",     [FAMILY_SINK] = "sink",       [FAMILY_BLOCK] = "block",
};

static int (*const family_infer[_FAMILY_MAX])(const OpCall *call, Spec *out, Error *err) = {
        [FAMILY_MAP]    = infer_map,
        [FAMILY_REDUCE] = infer_reduce,
        [FAMILY_SCAN]   = infer_scan,
        [FAMILY_SOURCE] = infer_source,
};

static int check_count(const OpCall *call, Error *err) {
        const Op *op = call->op;

        if (op->variadic ? call->n_in >= op->n_in : call->n_in == op->n_in)
                return 0;
        return error_set(err, ERROR_TYPE, "%s() takes %s%u input%s but %u %s given", op_said(op),
                         op->variadic ? "at least " : "", op->n_in, op->n_in == 1 ? "" : "s", call->n_in,
                         call->n_in == 1 ? "was" : "were");
}

int op_infer(const OpCall *call, Spec *ret, Error *err) {
        const Op *op = call->op;
        int (*infer)(const OpCall *, Spec *, Error *) = op->infer ?: family_infer[op->family];
        int r;

        if (!infer)
                return error_set(err, ERROR_SUPPORT, "%s has no rule for shapes", op->name);
        r = check_count(call, err);
        if (r < 0)
                return r;
        memset(ret, 0, op_n_out(op) * sizeof(*ret));
        r = infer(call, ret, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < op_n_out(op); i++) {
                assert((unsigned) ret[i].dtype < _DTYPE_MAX);
                r = shape_check(&ret[i].shape, dtype_size(ret[i].dtype), err);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- What rules share ----------------------------------------------------------------------------------------- */

DType infer_promote(const OpCall *call, uint32_t mask) {
        DType strong = DTYPE_NONE, t;

        for (uint32_t i = 0; i < call->n_in; i++)
                if (call->in[i].weak == WEAK_NONE && (mask == 0 || (mask >> i & 1)))
                        strong = strong == DTYPE_NONE ? call->in[i].dtype : dtype_promote(strong, call->in[i].dtype);
        t = strong;
        for (uint32_t i = 0; i < call->n_in; i++) {
                Weak weak = call->in[i].weak;

                if (weak == WEAK_NONE || (mask != 0 && !(mask >> i & 1)))
                        continue;
                if (strong != DTYPE_NONE)
                        t = dtype_promote_weak(t, weak);
                else
                        t = t == DTYPE_NONE ? dtype_of_weak(weak) : dtype_promote(t, dtype_of_weak(weak));
        }
        return t;
}

int axes_normalize(const Dims *axis, int ndim, uint32_t *ret_mask, Error *err) {
        uint32_t mask = 0;

        static_assert(MAX_NDIM <= 32, "a set of axes is a uint32_t");
        if (!axis->given) {
                *ret_mask = ndim == 32 ? UINT32_MAX : ((uint32_t) 1 << ndim) - 1;
                return 0;
        }
        for (uint32_t i = 0; i < axis->n; i++) {
                int k, r;

                if (ndim == 0 && axis->n == 1 && (axis->v[0] == 0 || axis->v[0] == -1))
                        break; /* NumPy lets a number be reduced along its first axis */
                r = axis_normalize(axis->v[i], ndim, &k, err);
                if (r < 0)
                        return r;
                if (mask >> k & 1)
                        return error_set(err, ERROR_VALUE, "duplicate value in 'axis'");
                mask |= (uint32_t) 1 << k;
        }
        *ret_mask = mask;
        return 0;
}

int shape_from_dims(const Dims *dims, Shape *ret, Error *err) {
        if (dims->n > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %u",
                                 MAX_NDIM, dims->n);
        for (uint32_t i = 0; i < dims->n; i++)
                if (dims->v[i] < 0)
                        return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
        *ret = shape_of((int) dims->n, dims->v);
        return 0;
}

int chunk_size_check(const Dims *chunk_size, const Shape *shape, DType dtype, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        Tiling tiling;
        int r;

        if (!chunk_size->given || !shape_known(shape))
                return 0;
        r = shape_check(shape, dtype_size(dtype), err);
        if (r < 0)
                return r;
        arena = arena_new();
        if (!arena)
                return error_oom(err, sizeof(Tiling));
        return tiling_parse(arena, shape, dtype, chunk_size->v, chunk_size->n, &tiling, err);
}

char *shape_print_words(const Shape *s, char text[static SHAPE_TEXT]) {
        char number[24];
        size_t n = 0;

        text[n++] = '(';
        for (int i = 0; i < s->ndim; i++) {
                const char *word = number;
                size_t size;

                if (s->dim[i] < 0)
                        word = "newaxis";
                else
                        snprintf(number, sizeof(number), "%lld", (long long) s->dim[i]);
                size = strlen(word);
                if (n + size + 6 > SHAPE_TEXT) { /* 32 axes of many digits: the end says less than the beginning */
                        memcpy(text + n, "...", 3);
                        n += 3;
                        break;
                }
                memcpy(text + n, word, size);
                n += size;
                if (i + 1 < s->ndim || s->ndim == 1)
                        text[n++] = ',';
        }
        text[n++] = ')';
        text[n]   = '\0';
        return text;
}
