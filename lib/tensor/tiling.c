/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts are kept in one form: what can be regular is regular, with step = extent when there is one chunk, so most
 * tilings are compared and looked up without reading edges. Chunks of no length are kept where the sizes name
 * them, because their producer has made them; nothing here makes new ones but the one chunk of an empty axis. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tiling.h"

Cuts cuts_regular(int64_t extent, int64_t step) {
        Cuts c = { .extent = extent, .n = 1 };
        int64_t n;

        if (extent == UNKNOWN)
                return cuts_unknown(1);
        assert(extent >= 0 && step >= 1);
        c.step = MAX(MIN(step, extent), (int64_t) 1);
        n = div_up(extent, c.step);
        assert(n <= UINT32_MAX);
        c.n = (uint32_t) MAX(n, (int64_t) 1);
        return c;
}

Cuts cuts_whole(int64_t extent) {
        return cuts_regular(extent, MAX(extent, (int64_t) 1));
}

Cuts cuts_unknown(uint32_t n) {
        assert(n >= 1);
        return (Cuts){ .extent = UNKNOWN, .n = n };
}

/* The few first of many sizes: "(2, 2)", "(1, 1, 1, 1, 1, 1, 1, 1, ...)". */
static const char *print_sizes(const int64_t *sizes, uint32_t n_sizes, char text[static SHAPE_TEXT]) {
        Shape s = shape_of((int) MIN(n_sizes, 8u), sizes);
        size_t n;

        shape_print(&s, text);
        n = strlen(text);
        if (n_sizes > 8)
                snprintf(text + n - 1, SHAPE_TEXT - n, ", ...)");
        return text;
}

int cuts_from_sizes(Arena *arena, const int64_t *sizes, uint32_t n_sizes, int64_t extent, Cuts *ret, Error *err) {
        char text[SHAPE_TEXT];
        bool regular = true;
        int64_t sum = 0, *edge;

        for (uint32_t i = 0; i < n_sizes; i++) {
                if (sizes[i] < 0)
                        return error_set(err, ERROR_VALUE, "size %" PRId64 " of chunk %" PRIu32 " is negative",
                                         sizes[i], i);
                if (__builtin_add_overflow(sum, sizes[i], &sum))
                        return error_set(err, ERROR_VALUE, "sizes add up to more than 2^63 - 1, not %" PRId64, extent);
                /* Only the last may be shorter, and only a single one may be empty. */
                regular = regular && (sizes[i] == sizes[0] || (i == n_sizes - 1 && sizes[i] < sizes[0])) &&
                          (sizes[i] > 0 || n_sizes == 1);
        }
        if (sum != extent)
                return error_set(err, ERROR_VALUE, "sizes %s add up to %" PRId64 ", not %" PRId64,
                                 print_sizes(sizes, n_sizes, text), sum, extent);
        if (n_sizes == 0 || regular) {
                *ret = cuts_regular(extent, n_sizes == 0 ? 1 : MAX(sizes[0], (int64_t) 1));
                return 0;
        }

        edge = arena_new_array(arena, int64_t, (uint64_t) n_sizes + 1);
        if (!edge)
                return error_oom(err, ((size_t) n_sizes + 1) * sizeof(*edge));
        for (uint32_t i = 0; i < n_sizes; i++)
                edge[i + 1] = edge[i] + sizes[i];
        *ret = (Cuts){ .extent = extent, .edge = edge, .n = n_sizes };
        return 0;
}

/* The next edge after `at` of either, while at < extent; *i and *k are the first edges that may be it. */
static int64_t next_edge(const Cuts *a, uint32_t *i, const Cuts *b, uint32_t *k, int64_t at) {
        while (cuts_edge(a, *i) <= at)
                ++*i;
        while (cuts_edge(b, *k) <= at)
                ++*k;
        return MIN(cuts_edge(a, *i), cuts_edge(b, *k));
}

int cuts_refine(Arena *arena, const Cuts *a, const Cuts *b, Cuts *ret) {
        int64_t first = 0, at = 0, *edge;
        uint64_t n = 0;
        bool regular = true;

        if (a->extent != b->extent)
                return ERROR_VALUE;
        if (cuts_equal(a, b)) {
                *ret = *a;
                return 0;
        }
        if (a->extent == UNKNOWN)
                return ERROR_VALUE;
        if (a->step > 0 && b->step > 0) {
                /* A single chunk has no inner edge; otherwise a multiple's edges are all in the finer one. */
                if (b->n == 1 || (a->n > 1 && b->step % a->step == 0)) {
                        *ret = *a;
                        return 0;
                }
                if (a->n == 1 || a->step % b->step == 0) {
                        *ret = *b;
                        return 0;
                }
        }

        for (uint32_t i = 1, k = 1; at < a->extent; n++) {
                int64_t next = next_edge(a, &i, b, &k, at);

                if (n == 0)
                        first = next;
                regular = regular && (next - at == first || (next == a->extent && next - at < first));
                at = next;
        }
        if (n > MAX_PLAN_CHUNKS)
                return ERROR_OVERFLOW;
        if (n == 0 || regular) {
                *ret = cuts_regular(a->extent, MAX(first, (int64_t) 1));
                return 0;
        }
        edge = arena_new_array(arena, int64_t, n + 1);
        if (!edge)
                return ERROR_MEMORY;
        for (uint32_t i = 1, k = 1, m = 0; m < n; m++)
                edge[m + 1] = next_edge(a, &i, b, &k, edge[m]);
        *ret = (Cuts){ .extent = a->extent, .edge = edge, .n = (uint32_t) n };
        return 0;
}

bool cuts_equal(const Cuts *a, const Cuts *b) {
        if (a->extent != b->extent || a->n != b->n || a->step != b->step)
                return false;
        return a->edge == b->edge || memcmp(a->edge, b->edge, ((size_t) a->n + 1) * sizeof(*a->edge)) == 0;
}

int64_t cuts_edge(const Cuts *c, uint32_t k) {
        assert(k <= c->n);
        if (c->edge)
                return c->edge[k];
        if (k == 0)
                return 0;
        return k == c->n ? c->extent : c->extent == UNKNOWN ? UNKNOWN : (int64_t) k * c->step;
}

uint32_t cuts_find(const Cuts *c, int64_t at) {
        uint32_t lo = 0, hi = c->n;

        assert(0 <= at && at < c->extent);
        if (!c->edge)
                return (uint32_t) (at / c->step);
        while (hi - lo > 1) { /* edge[lo] <= at < edge[hi] */
                uint32_t middle = lo + (hi - lo) / 2;

                if (c->edge[middle] <= at)
                        lo = middle;
                else
                        hi = middle;
        }
        return lo;
}

Tiling tiling_whole(const Shape *s) {
        Tiling t = { .ndim = s->ndim };

        for (int i = 0; i < s->ndim; i++)
                t.axis[i] = cuts_whole(s->dim[i]);
        return t;
}

bool tiling_equal(const Tiling *a, const Tiling *b) {
        if (a->ndim != b->ndim)
                return false;
        for (int i = 0; i < a->ndim; i++)
                if (!cuts_equal(&a->axis[i], &b->axis[i]))
                        return false;
        return true;
}

bool tiling_known(const Tiling *t) {
        for (int i = 0; i < t->ndim; i++)
                if (t->axis[i].extent == UNKNOWN)
                        return false;
        return true;
}

uint64_t tiling_n_chunks(const Tiling *t) {
        uint64_t n = 1;

        for (int i = 0; i < t->ndim; i++)
                if (__builtin_mul_overflow(n, (uint64_t) t->axis[i].n, &n))
                        return UINT64_MAX;
        return n;
}

Shape tiling_shape(const Tiling *t) {
        Shape s = { .ndim = t->ndim };

        for (int i = 0; i < t->ndim; i++)
                s.dim[i] = t->axis[i].extent;
        return s;
}

void tiling_position(const Tiling *t, uint64_t chunk, uint32_t ret_pos[static MAX_NDIM]) {
        for (int i = t->ndim - 1; i >= 0; i--) {
                uint32_t n = t->axis[i].n;

                if (n == 1) { /* most axes: spare the division */
                        ret_pos[i] = 0;
                        continue;
                }
                ret_pos[i] = (uint32_t) (chunk % n);
                chunk /= n;
        }
        assert(chunk == 0);
}

uint64_t tiling_chunk_at(const Tiling *t, const uint32_t *pos) {
        uint64_t chunk = 0;

        for (int i = 0; i < t->ndim; i++) {
                assert(pos[i] < t->axis[i].n);
                chunk = chunk * t->axis[i].n + pos[i];
        }
        return chunk;
}

void tiling_box(const Tiling *t, uint64_t chunk, Box *ret) {
        uint32_t pos[MAX_NDIM];

        tiling_position(t, chunk, pos);
        ret->ndim = t->ndim;
        for (int i = 0; i < t->ndim; i++) {
                ret->lo[i] = cuts_edge(&t->axis[i], pos[i]);
                ret->hi[i] = cuts_edge(&t->axis[i], pos[i] + 1);
        }
}

static bool cuts_are_ones(const Cuts *c) {
        for (uint32_t k = 0; c->edge && k < c->n; k++)
                if (c->edge[k + 1] - c->edge[k] > 1)
                        return false;
        return c->edge || c->step == 1;
}

/* Before the last axis that is cut there may be only single positions. */
bool tiling_is_rows(const Tiling *t) {
        int last = t->ndim - 1;

        while (last >= 0 && t->axis[last].n == 1)
                last--;
        for (int i = 0; i < last; i++)
                if (!cuts_are_ones(&t->axis[i]))
                        return false;
        return true;
}

int64_t box_size(const Box *b) {
        int64_t n = 1;

        for (int i = 0; i < b->ndim; i++) {
                if (b->lo[i] == UNKNOWN || b->hi[i] == UNKNOWN)
                        return UNKNOWN;
                n *= b->hi[i] - b->lo[i];
        }
        return n;
}

/* The largest power of two that is at most v, v >= 1. */
static int64_t power_below(int64_t v) {
        return (int64_t) 1 << (63 - __builtin_clzll((uint64_t) v));
}

/* 8 MiB chunks, twice as large for each doubling past 1024 of them: the last is more than half full, so there are
 * at most 2048 and a few; and half as large while there were fewer than eight of the small ones, but not where
 * nobody knows how many there are. From the first axis on: as many rows as fit; when not even one does, the axis is
 * cut into single positions and the next one is asked. Lengths that are not known count as 1. */
Tiling tiling_auto(const Shape *s, DType dtype) {
        int64_t target_bytes = AUTO_CHUNK_BYTES, row_bytes = (int64_t) dtype_size(dtype);
        Tiling t = tiling_whole(s);
        bool known = true;

        for (int i = 0; i < s->ndim; i++) {
                if (s->dim[i] == 0)
                        return t;
                if (s->dim[i] != UNKNOWN)
                        row_bytes *= s->dim[i];
                else
                        known = false;
        }
        while ((row_bytes - 1) / target_bytes >= 1024)
                target_bytes *= 2;
        while (known && target_bytes > AUTO_LEAST_BYTES && row_bytes < AUTO_CHUNKS * target_bytes)
                target_bytes /= 2;

        if (row_bytes <= target_bytes)
                return t;
        for (int i = 0; i < s->ndim; i++) {
                if (s->dim[i] == UNKNOWN)
                        continue;
                row_bytes /= s->dim[i];
                if (row_bytes <= target_bytes) {
                        t.axis[i] = cuts_regular(s->dim[i], power_below(target_bytes / row_bytes));
                        break;
                }
                t.axis[i] = cuts_regular(s->dim[i], 1);
        }
        return t;
}

/* One axis: its n numbers at `v`, and what tiling_auto() would do with it. */
static int parse_axis(Arena *arena, int64_t extent, const Cuts *automatic, const int64_t *v, int64_t n, Cuts *ret,
                      Error *err) {
        if (n == 1 && v[0] == 0) {
                *ret = *automatic;
                return 0;
        }
        if (n == 1 && v[0] == -1) {
                *ret = cuts_whole(extent);
                return 0;
        }
        if (extent == UNKNOWN)
                return error_set(err, ERROR_VALUE,
                                 "its length is not known before it is computed; give -1 (whole) or 0 (automatic)");
        if (n != 1)
                return cuts_from_sizes(arena, v, (uint32_t) n, extent, ret, err);
        if (v[0] < 0)
                return error_set(err, ERROR_VALUE,
                                 "%" PRId64 " is no length; give a positive one, -1 (whole) or 0 (automatic)", v[0]);
        if (div_up(extent, v[0]) > MAX_PLAN_CHUNKS)
                return error_set(err, ERROR_VALUE,
                                 "length %" PRId64 " makes %" PRId64 " chunks of %" PRId64
                                 ", more than the maximum of %d; give at least %" PRId64,
                                 v[0], div_up(extent, v[0]), extent, MAX_PLAN_CHUNKS, div_up(extent, MAX_PLAN_CHUNKS));
        *ret = cuts_regular(extent, v[0]);
        return 0;
}

int tiling_parse(Arena *arena, const Shape *s, DType dtype, const int64_t *flat, uint32_t n_flat, Tiling *ret,
                 Error *err) {
        Tiling automatic = tiling_auto(s, dtype), t = { .ndim = s->ndim };
        bool one_for_all = n_flat == 2 && flat[0] == 1;
        uint32_t n_groups = 0;
        char text[SHAPE_TEXT];

        for (uint32_t at = 0; at < n_flat; n_groups++) {
                if (flat[at] < 0 || flat[at] >= n_flat - at)
                        return error_set(err, ERROR_VALUE,
                                         "chunk_size: axis %" PRIu32 ": %" PRId64 " sizes announced, %" PRIu32 " given",
                                         n_groups, flat[at], n_flat - at - 1);
                at += (uint32_t) flat[at] + 1;
        }
        if (!one_for_all && n_groups != (uint32_t) s->ndim)
                return error_set(err, ERROR_VALUE, "chunk_size: given for %" PRIu32 " axes, but shape %s has %d",
                                 n_groups, shape_print(s, text), s->ndim);

        for (int i = 0; i < s->ndim; i++) {
                int r = parse_axis(arena, s->dim[i], &automatic.axis[i], flat + 1, flat[0], &t.axis[i], err);

                if (r < 0)
                        return error_prefix(err, r, "chunk_size: axis %d", i);
                if (!one_for_all)
                        flat += flat[0] + 1;
        }
        if (tiling_n_chunks(&t) > MAX_PLAN_CHUNKS)
                return error_set(err, ERROR_VALUE,
                                 "chunk_size: cuts shape %s into %" PRIu64
                                 " chunks, more than the maximum of %d; give larger sizes",
                                 shape_print(s, text), tiling_n_chunks(&t), MAX_PLAN_CHUNKS);
        *ret = t;
        return 0;
}
