/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows of an input, in the pieces in which they lie, by their numbers. */
#include <string.h>

#include "ops/kernel.h"
#include "ops/rows.h"
#include "tensor/strided.h"

static inline int64_t index_at(const View *v, int64_t i) {
        return *(const int64_t *) (v->data + i * v->stride[0]);
}

/* Rows, and the pieces in which they lie: in the order of their first rows; those that begin at the same one come
 * together. */
typedef struct Rows {
        const Piece *piece;
        uint32_t n;
        int64_t n_rows;
        double per_row; /* pieces: where to look first, since most are as long as others */
        int64_t length; /* of single elements: of every piece but the last, which have one stride; 0: they differ */
        int64_t stride;
        double per_length; /* its inverse */
        int shift;         /* its logarithm, if that is whole, else -1 */
} Rows;

/* The pieces of single elements that differ in nothing but where they are: an element is found by a quotient. */
static inline bool are_even(const Rows *rows, int64_t length) {
        for (uint32_t k = 0; k < rows->n; k++) {
                const Piece *piece = &rows->piece[k];
                const int64_t left = rows->n_rows - (int64_t) k * length;

                if (piece->view.shape.ndim != 1 || piece->box.lo[0] != (int64_t) k * length ||
                    piece->view.shape.dim[0] != MIN(left, length) || piece->view.stride[0] != rows->stride)
                        return false;
        }
        return true;
}

static inline Rows rows_of(const BlockRun *run, uint32_t input) {
        Rows rows = { .piece  = run->piece[input],
                      .n      = run->n_piece[input],
                      .n_rows = run->box[input].hi[0] - run->box[input].lo[0] };

        if (rows.n > 1)
                rows.per_row = (rows.n - 1) /
                               (double) MAX(rows.piece[rows.n - 1].box.lo[0] - run->box[input].lo[0], (int64_t) 1);
        if (rows.n > 0 && rows.piece[0].view.shape.ndim == 1) {
                const int64_t length = rows.piece[0].view.shape.dim[0];

                rows.stride = rows.piece[0].view.stride[0];
                if (length > 0 && are_even(&rows, length)) {
                        rows.length     = length;
                        rows.per_length = 1.0 / (double) length;
                        rows.shift      = (length & (length - 1)) == 0 ? __builtin_ctzll((uint64_t) length) : -1;
                }
        }
        return rows;
}

/* The last one that begins at the row or before it. */
static inline uint32_t piece_of_row(const Rows *rows, int64_t row) {
        const Piece *piece = rows->piece;
        uint32_t lo = 0, hi = rows->n, k;

        if (rows->n == 1)
                return 0;
        k = MIN((uint32_t) ((double) row * rows->per_row), rows->n - 1);
        if (piece[k].box.lo[0] <= row && (k + 1 == rows->n || piece[k + 1].box.lo[0] > row))
                return k;
        while (hi - lo > 1) {
                const uint32_t mid = lo + (hi - lo) / 2;

                if (piece[mid].box.lo[0] <= row)
                        lo = mid;
                else
                        hi = mid;
        }
        return lo;
}

static inline void copy_part(const Piece *piece, int64_t row, char *out, const int64_t *out_stride) {
        const View *v = &piece->view;
        Shape one     = v->shape;

        one.dim[0] = 1;
        for (int k = 1; k < v->shape.ndim; k++)
                out += piece->box.lo[k] * out_stride[k];
        strided_copy(out, out_stride, v->data + (row - piece->box.lo[0]) * v->stride[0], v->stride, &one,
                     dtype_size(v->dtype));
}

/* A row that may lie in several pieces. */
static inline void copy_row_of(const Rows *rows, int64_t row, char *out, const int64_t *out_stride) {
        uint32_t k = piece_of_row(rows, row);

        for (const int64_t lo = rows->piece[k].box.lo[0]; rows->piece[k].box.lo[0] == lo; k--) {
                copy_part(&rows->piece[k], row, out, out_stride);
                if (k == 0)
                        break;
        }
}

/* Which of the rows [lo, hi) a piece has, at their places in an output that begins with row `first`. */
static inline void copy_rows(const Piece *piece, int64_t lo, int64_t hi, int64_t first, View *out) {
        const View *v      = &piece->view;
        const int64_t from = MAX(lo - piece->box.lo[0], (int64_t) 0);
        Shape shape        = v->shape;
        char *to           = out->data + (from - first) * out->stride[0];

        shape.dim[0] = MIN(hi - piece->box.lo[0], shape.dim[0]) - from;
        if (shape.dim[0] <= 0)
                return;
        for (int k = 0; k < shape.ndim; k++)
                to += piece->box.lo[k] * out->stride[k];
        strided_copy(to, out->stride, v->data + from * v->stride[0], v->stride, &shape, dtype_size(v->dtype));
}

static inline void copy_input(const BlockRun *run, uint32_t input, int64_t lo, int64_t hi, View *out) {
        for (uint32_t k = 0; k < run->n_piece[input]; k++)
                copy_rows(&run->piece[input][k], lo, hi, run->box[input].lo[0], out);
}

/* Of rows that are single elements. */
static inline const char *element_of(const Rows *rows, int64_t row) {
        if (rows->length > 0 && rows->shift >= 0)
                return rows->piece[row >> rows->shift].view.data + (row & (rows->length - 1)) * rows->stride;
        if (rows->length > 0) {
                int64_t k = (int64_t) ((double) row * rows->per_length), at = row - k * rows->length;

                if (at < 0 || at >= rows->length) { /* a quotient that was rounded the other way */
                        k += at < 0 ? -1 : 1;
                        at = row - k * rows->length;
                }
                return rows->piece[k].view.data + at * rows->stride;
        }

        const Piece *piece = &rows->piece[piece_of_row(rows, row)];

        return piece->view.data + (row - piece->box.lo[0]) * piece->view.stride[0];
}

/* ---- What is done with rows that are set ------------------------------------------------------------------------- */

static inline bool is_set(const char *function) {
        return !function || strcmp(function, "set") == 0;
}

/* The loop of a universal function that takes and makes elements of one dtype; NULL: it has none. */
static inline MapFn *function_of(const char *name, DType dtype, uint32_t *ret_n_in) {
        const Op *op = op_find(name);

        if (!op || op->family != FAMILY_MAP || op->n_in > 2 || op->n_out > 1 || op->params)
                return NULL;
        *ret_n_in = op->n_in;
        for (const MapKernel *k = op->kernels; k->fn; k++)
                if (k->in[0] == dtype && (op->n_in == 1 || k->in[1] == dtype) && k->out[0] == dtype)
                        return k->fn;
        return NULL;
}
