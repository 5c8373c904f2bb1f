/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors on the wire. Cuts of an axis are regular (their step), or the lengths of all chunks. */
#include "wire/wire.h"

static void put_cuts(Writer *w, const Cuts *cuts) {
        assert(cuts->extent != UNKNOWN);
        put_varint(w, (uint64_t) cuts->step); /* 0: lengths follow */
        if (cuts->step != 0)
                return;
        put_varint(w, cuts->n);
        for (uint32_t k = 0; k < cuts->n; k++)
                put_varint(w, (uint64_t) (cuts_edge(cuts, k + 1) - cuts_edge(cuts, k)));
}

void wire_put_tensor(Writer *w, const WireTensor *t) {
        const Shape *shape = &t->spec.shape;

        put_varint(w, t->id);
        put_varint(w, t->chunk_first);
        put_u8(w, t->spec.dtype);
        put_u8(w, (unsigned) shape->ndim);
        for (int k = 0; k < shape->ndim; k++) {
                put_varint(w, (uint64_t) shape->dim[k]);
                put_cuts(w, &t->tiling.axis[k]);
        }
        /* Neighbours are mostly at one place. */
        put_varint(w, t->n_holder);
        for (uint32_t k = 0, n; k < t->n_holder; k += n) {
                for (n = 1; k + n < t->n_holder && t->holder[k + n] == t->holder[k];)
                        n++;
                put_varint(w, t->holder[k]);
                put_varint(w, n);
        }
}

static void get_cuts(Reader *rd, int64_t extent, Cuts *ret) {
        const int64_t step = (int64_t) get_varint(rd, INT64_MAX);
        int64_t *size;
        uint32_t n;
        int r;

        if (rd->r < 0)
                return;
        if (step != 0) {
                if (step > MAX(extent, (int64_t) 1) || div_up(MAX(extent, (int64_t) 1), step) > MAX_PLAN_CHUNKS)
                        reader_refuse(rd, "a chunk length that does not fit the axis");
                else
                        *ret = cuts_regular(extent, step);
                return;
        }
        n    = get_count(rd, MAX_PLAN_CHUNKS);
        size = get_memory(rd, (size_t) n * sizeof(*size));
        for (uint32_t k = 0; k < n && size; k++)
                size[k] = (int64_t) get_varint(rd, INT64_MAX);
        if (rd->r < 0)
                return;
        r = cuts_from_sizes(rd->scratch, size, n, extent, ret, rd->err);
        if (r < 0)
                rd->r = error_prefix(rd->err, r, "%s", rd->what);
}

static const uint32_t *get_holders(Reader *rd, uint32_t n) {
        uint32_t *holder = get_memory(rd, (size_t) n * sizeof(*holder) + 1);

        for (uint32_t k = 0, at, run; k < n && holder; k += run) {
                at  = (uint32_t) get_varint(rd, UINT32_MAX);
                run = (uint32_t) get_varint(rd, n - k);
                if (rd->r == 0 && run == 0)
                        reader_refuse(rd, "a run of no chunks");
                if (rd->r < 0)
                        return NULL;
                for (uint32_t i = 0; i < run; i++)
                        holder[k + i] = at;
        }
        return holder;
}

void wire_get_tensor(Reader *rd, WireTensor *t) {
        Shape *shape = &t->spec.shape;
        uint64_t n_chunks;
        int r;

        *t               = (WireTensor) { .id = get_varint(rd, UINT64_MAX) };
        t->chunk_first   = get_varint(rd, UINT64_MAX);
        t->spec.dtype    = (DType) get_u8(rd);
        shape->ndim      = get_u8(rd);
        if (rd->r == 0 && t->spec.dtype >= _DTYPE_MAX)
                reader_refuse(rd, "a dtype that does not exist");
        if (rd->r == 0 && shape->ndim > MAX_NDIM)
                reader_refuse(rd, "more dimensions than a tensor can have");
        if (rd->r < 0)
                return;
        t->tiling.ndim = shape->ndim;
        for (int k = 0; k < shape->ndim && rd->r == 0; k++) {
                shape->dim[k] = (int64_t) get_varint(rd, INT64_MAX);
                get_cuts(rd, shape->dim[k], &t->tiling.axis[k]);
        }
        if (rd->r < 0)
                return;
        r = shape_check(shape, dtype_size(t->spec.dtype), rd->err);
        if (r < 0) {
                rd->r = error_prefix(rd->err, r, "%s", rd->what);
                return;
        }
        n_chunks    = tiling_n_chunks(&t->tiling);
        t->n_holder = (uint32_t) get_varint(rd, MAX_PLAN_CHUNKS);
        if (rd->r == 0 && (n_chunks > WIRE_MAX_CHUNKS || (t->n_holder != 0 && t->n_holder != n_chunks)))
                reader_refuse(rd, "chunks and their holders are not as many");
        if (rd->r == 0)
                t->holder = get_holders(rd, t->n_holder);
}
