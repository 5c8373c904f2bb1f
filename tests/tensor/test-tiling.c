/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/tiling.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

#define CUTS(arena, extent, ...)                                                                                       \
        ({                                                                                                             \
                const int64_t _sizes[] = { __VA_ARGS__ };                                                              \
                Cuts _cuts;                                                                                            \
                ck_assert_int_eq(cuts_from_sizes((arena), _sizes, ELEMENTSOF(_sizes), (extent), &_cuts, NULL), 0);     \
                _cuts;                                                                                                 \
        })

static Tiling tiling_of(Cuts a, Cuts b) {
        return (Tiling){ .ndim = 2, .axis = { a, b } };
}

/* "3 3|2 1": the lengths of all chunks by axis that tiling_parse() makes of it, or its words. */
static const char *parse_flat(Shape s, const int64_t *flat, uint32_t n_flat) {
        static char text[MAX_ERROR_TEXT];
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err = {};
        Tiling t;
        int n = 0, r = tiling_parse(arena, &s, DTYPE_F64, flat, n_flat, &t, &err);

        if (r < 0) {
                ck_assert_int_eq(r, ERROR_VALUE);
                return strcpy(text, err.text);
        }
        ck_assert_int_eq(t.ndim, s.ndim);
        text[0] = '\0';
        for (int i = 0; i < t.ndim; i++) {
                ck_assert_int_eq(t.axis[i].extent, s.dim[i]);
                for (uint32_t k = 0; k < t.axis[i].n; k++) {
                        int64_t lo = cuts_edge(&t.axis[i], k), hi = cuts_edge(&t.axis[i], k + 1);

                        n += snprintf(text + n, sizeof(text) - (size_t) n, "%s%ld", k ? " " : i ? "|" : "",
                                      hi == UNKNOWN ? -1L : (long) (hi - lo));
                }
        }
        return text;
}
#define parse(shape, ...)                                                                                              \
        ({                                                                                                             \
                const int64_t _flat[] = { __VA_ARGS__ };                                                               \
                parse_flat((shape), _flat, ELEMENTSOF(_flat));                                                         \
        })

TEST(regular_cuts_cover_their_axis) {
        for (int64_t extent = 0; extent < 40; extent++)
                for (int64_t step = 1; step < 45; step++) {
                        Cuts c = cuts_regular(extent, step);

                        ck_assert_int_eq(c.n, extent == 0 ? 1 : (extent + step - 1) / step);
                        ck_assert_int_eq(cuts_edge(&c, 0), 0);
                        ck_assert_int_eq(cuts_edge(&c, c.n), extent);
                        for (int64_t at = 0; at < extent; at++) {
                                uint32_t k = cuts_find(&c, at);

                                ck_assert_int_eq(k, at / step);
                                ck_assert(cuts_edge(&c, k) <= at && at < cuts_edge(&c, k + 1));
                        }
                }
        ck_assert(cuts_equal(&(Cuts[]){ cuts_whole(5) }[0], &(Cuts[]){ cuts_regular(5, 99) }[0]));
}

TEST(cuts_by_sizes_become_regular_when_they_can) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Cuts c = CUTS(arena, 8, 3, 3, 2);

        ck_assert(c.step == 3 && c.n == 3 && !c.edge);
        c = CUTS(arena, 8, 8);
        ck_assert(c.step == 8 && c.n == 1 && !c.edge);
        c = CUTS(arena, 0, 0);
        ck_assert(c.n == 1 && !c.edge);
        c = CUTS(arena, 8, 2, 3, 3);
        ck_assert(c.step == 0 && c.n == 3 && c.edge[1] == 2 && c.edge[3] == 8);
        ck_assert_int_eq(cuts_from_sizes(arena, NULL, 0, 0, &c, NULL), 0);
        ck_assert_int_eq(c.n, 1);
}

TEST(chunks_without_length_stay_where_they_are_named) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Cuts c = CUTS(arena, 4, 0, 3, 0, 0, 1, 0);

        ck_assert_int_eq(c.n, 6);
        ck_assert_int_eq(cuts_find(&c, 0), 1);
        ck_assert_int_eq(cuts_find(&c, 2), 1);
        ck_assert_int_eq(cuts_find(&c, 3), 4);
        ck_assert_int_eq(CUTS(arena, 0, 0, 0, 0).n, 3); /* a mask that selects nothing of three chunks */
        ck_assert_int_eq(CUTS(arena, 6, 3, 3, 0).n, 3);
}

TEST(cuts_by_sizes_refuse_what_does_not_add_up) {
        Error err = {};
        Cuts c;

        ck_assert_int_eq(cuts_from_sizes(NULL, (int64_t[]){ 2, 2 }, 2, 5, &c, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "sizes (2, 2) add up to 4, not 5");
        ck_assert_int_eq(cuts_from_sizes(NULL, (int64_t[]){ 6, -1 }, 2, 5, &c, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "size -1 of chunk 1 is negative");
        ck_assert_int_eq(cuts_from_sizes(NULL, (int64_t[]){ INT64_MAX, 2 }, 2, 1, &c, &err), ERROR_VALUE);
        ck_assert_int_eq(cuts_from_sizes(NULL, (int64_t[20]){ 7 }, 20, 5, &c, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "sizes (7, 0, 0, 0, 0, 0, 0, 0, ...) add up to 7, not 5");
        ck_assert_int_eq(cuts_from_sizes(NULL, NULL, 0, 5, &c, &err), ERROR_VALUE);
        ck_assert_str_eq(err.text, "sizes () add up to 0, not 5");
}

/* All ways to cut an axis of length 7 are the subsets of its 6 inner positions. */
static Cuts cuts_of_mask(Arena *arena, unsigned mask) {
        int64_t sizes[7], last = 0;
        uint32_t n = 0;
        Cuts c;

        for (int64_t at = 1; at <= 7; at++)
                if (at == 7 || (mask >> (at - 1) & 1)) {
                        sizes[n++] = at - last;
                        last = at;
                }
        ck_assert_int_eq(cuts_from_sizes(arena, sizes, n, 7, &c, NULL), 0);
        return c;
}

TEST(refined_cuts_have_exactly_the_edges_of_both) {
        _cleanup_(arena_freep) Arena *arena = arena_new();

        for (unsigned a = 0; a < 64; a++)
                for (unsigned b = 0; b < 64; b++) {
                        Cuts x = cuts_of_mask(arena, a), y = cuts_of_mask(arena, b);
                        Cuts both = cuts_of_mask(arena, a | b), c;

                        ck_assert_int_eq(cuts_refine(arena, &x, &y, &c), 0);
                        ck_assert_msg(cuts_equal(&c, &both), "%u %u", a, b);
                        ck_assert(cuts_equal(&x, &y) == (a == b));
                }
}

TEST(regular_cuts_refine_without_memory_when_one_divides_the_other) {
        Cuts a = cuts_regular((int64_t) 1 << 40, 1 << 20), b = cuts_regular((int64_t) 1 << 40, 1 << 22), c;

        ck_assert_int_eq(cuts_refine(NULL, &a, &b, &c), 0);
        ck_assert(cuts_equal(&c, &a));
        ck_assert_int_eq(cuts_refine(NULL, &b, &a, &c), 0);
        ck_assert(cuts_equal(&c, &a));
        b = cuts_whole((int64_t) 1 << 40);
        ck_assert_int_eq(cuts_refine(NULL, &b, &a, &c), 0);
        ck_assert(cuts_equal(&c, &a));
}

TEST(cuts_that_cannot_be_refined_say_so) {
        Cuts a = cuts_whole(3), b = cuts_whole(4), u = cuts_unknown(3), v = cuts_unknown(4), c;

        ck_assert_int_eq(cuts_refine(NULL, &a, &b, &c), ERROR_VALUE);
        ck_assert_int_eq(cuts_refine(NULL, &u, &v, &c), ERROR_VALUE);
        ck_assert_int_eq(cuts_refine(NULL, &u, &u, &c), 0);
        ck_assert(c.n == 3 && c.extent == UNKNOWN);
        a = cuts_regular((int64_t) MAX_PLAN_CHUNKS * 2, 2);
        b = cuts_regular((int64_t) MAX_PLAN_CHUNKS * 2, 3);
        ck_assert_int_eq(cuts_refine(NULL, &a, &b, &c), ERROR_OVERFLOW);
}

TEST(unknown_axes_have_chunks_but_no_edges) {
        Cuts c = cuts_unknown(3);
        Tiling t = tiling_of(c, cuts_regular(10, 4));
        Box box;

        ck_assert_int_eq(cuts_edge(&c, 0), 0);
        ck_assert_int_eq(cuts_edge(&c, 1), UNKNOWN);
        ck_assert_int_eq(cuts_edge(&c, 3), UNKNOWN);
        ck_assert(!tiling_known(&t));
        ck_assert_uint_eq(tiling_n_chunks(&t), 9);
        tiling_box(&t, 4, &box);
        ck_assert(box.hi[0] == UNKNOWN && box.lo[1] == 4 && box.hi[1] == 8);
        ck_assert_int_eq(box_size(&box), UNKNOWN);
        ck_assert(cuts_whole(UNKNOWN).n == 1 && cuts_regular(UNKNOWN, 7).extent == UNKNOWN);
}

TEST(chunks_are_numbered_in_c_order_and_partition_the_tensor) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Tiling t = { .ndim = 3, .axis = { cuts_regular(5, 2), CUTS(arena, 6, 1, 4, 0, 1), cuts_regular(4, 3) } };
        uint8_t seen[5][6][4] = {};
        Shape s = tiling_shape(&t), expected = SHAPE(5, 6, 4);

        ck_assert(shape_equal(&s, &expected));
        ck_assert_uint_eq(tiling_n_chunks(&t), 3 * 4 * 2);
        for (uint64_t chunk = 0; chunk < 24; chunk++) {
                uint32_t pos[MAX_NDIM];
                int64_t n = 0;
                Box box;

                tiling_position(&t, chunk, pos);
                ck_assert_uint_eq(pos[0], chunk / 8);
                ck_assert_uint_eq(pos[1], chunk / 2 % 4);
                ck_assert_uint_eq(pos[2], chunk % 2);
                ck_assert_uint_eq(tiling_chunk_at(&t, pos), chunk);
                tiling_box(&t, chunk, &box);
                for (int64_t i = box.lo[0]; i < box.hi[0]; i++)
                        for (int64_t j = box.lo[1]; j < box.hi[1]; j++)
                                for (int64_t k = box.lo[2]; k < box.hi[2]; k++, n++)
                                        seen[i][j][k]++;
                ck_assert_int_eq(box_size(&box), n);
        }
        for (size_t i = 0; i < sizeof(seen); i++)
                ck_assert_int_eq(((uint8_t *) seen)[i], 1);
}

TEST(a_scalar_is_one_chunk) {
        Shape s = {};
        Tiling t = tiling_whole(&s), a = tiling_auto(&s, DTYPE_F64);
        Box box;

        ck_assert_uint_eq(tiling_n_chunks(&t), 1);
        ck_assert(tiling_equal(&t, &a) && tiling_is_rows(&t) && tiling_known(&t));
        tiling_box(&t, 0, &box);
        ck_assert_int_eq(box_size(&box), 1);
}

TEST(too_many_chunks_are_counted_as_the_most) {
        Tiling t = { .ndim = 3 };

        for (int i = 0; i < 3; i++)
                t.axis[i] = cuts_regular(UINT32_MAX, 1);
        ck_assert_uint_eq(tiling_n_chunks(&t), UINT64_MAX);
}

/* Contiguous means: the elements of the box are one run of C-order numbers. */
static bool chunks_are_runs(const Tiling *t) {
        for (uint64_t chunk = 0; chunk < tiling_n_chunks(t); chunk++) {
                int64_t next = -1;
                Box b;

                tiling_box(t, chunk, &b);
                for (int64_t i = b.lo[0]; i < b.hi[0]; i++)
                        for (int64_t j = b.lo[1]; j < b.hi[1]; j++)
                                for (int64_t k = b.lo[2]; k < b.hi[2]; k++) {
                                        int64_t at = (i * t->axis[1].extent + j) * t->axis[2].extent + k;

                                        if (next >= 0 && at != next)
                                                return false;
                                        next = at + 1;
                                }
        }
        return true;
}

TEST(rows_are_exactly_the_tilings_whose_chunks_are_runs) {
        enum { D = 3, N = D * D * D };

        for (int dims = 0; dims < N; dims++)
                for (int steps = 0; steps < N; steps++) {
                        Tiling t = { .ndim = 3 };

                        for (int i = 0, d = dims, k = steps; i < 3; i++, d /= D, k /= D)
                                t.axis[i] = cuts_regular(d % D + 1, k % D + 1);
                        ck_assert_msg(tiling_is_rows(&t) == chunks_are_runs(&t), "%d %d", dims, steps);
                }
}

TEST(automatic_cuts_are_runs_of_rows_of_a_bounded_size) {
        static const int64_t dims[] = { 1, 2, 7, 1000, 1 << 20, 3000017, (int64_t) 1 << 31 };
        static const DType dtypes[] = { DTYPE_BOOL, DTYPE_F64, DTYPE_C128 };
        unsigned n_checked = 0;

        for (size_t k = 0; k < ELEMENTSOF(dims) * ELEMENTSOF(dims) * ELEMENTSOF(dims) * ELEMENTSOF(dtypes); k++) {
                size_t n = ELEMENTSOF(dims);
                DType dtype = dtypes[k / (n * n * n)];
                Shape s = SHAPE(dims[k % n], dims[k / n % n], dims[k / n / n % n]), back;
                int64_t total_bytes, chunk_bytes;
                Tiling t;
                Box box;

                if (shape_check(&s, dtype_size(dtype), NULL) < 0)
                        continue;
                t = tiling_auto(&s, dtype);
                back = tiling_shape(&t);
                ck_assert(shape_equal(&back, &s));
                ck_assert(tiling_is_rows(&t));
                total_bytes = shape_size(&s) * (int64_t) dtype_size(dtype);
                tiling_box(&t, 0, &box);
                chunk_bytes = box_size(&box) * (int64_t) dtype_size(dtype);
                if (total_bytes <= AUTO_LEAST_BYTES)
                        ck_assert_uint_eq(tiling_n_chunks(&t), 1);
                if (total_bytes <= (int64_t) AUTO_CHUNK_BYTES * 1024)
                        ck_assert_int_le(chunk_bytes, AUTO_CHUNK_BYTES);
                else
                        ck_assert_int_le(chunk_bytes, total_bytes / 512);
                if (total_bytes > AUTO_LEAST_BYTES)
                        ck_assert_int_le(chunk_bytes, MAX(total_bytes / AUTO_CHUNKS, (int64_t) AUTO_LEAST_BYTES));
                ck_assert_uint_le(tiling_n_chunks(&t), 2 * 1024 + 1);
                n_checked++;
        }
        ck_assert_uint_gt(n_checked, 500);
}

TEST(automatic_cuts_of_known_shapes) {
        Shape s = SHAPE(10000000);
        Tiling t = tiling_auto(&s, DTYPE_F64);

        ck_assert(t.axis[0].step == 1 << 20 && t.axis[0].n == 10);
        s = SHAPE(12000, 12000);
        t = tiling_auto(&s, DTYPE_F64); /* 96 kB a row: 64 of them are 6 MB */
        ck_assert(t.axis[0].step == 64 && t.axis[1].n == 1);
        s = SHAPE(3, 2000, 2000);
        t = tiling_auto(&s, DTYPE_F64);
        ck_assert(t.axis[0].step == 1 && t.axis[1].step == 512 && t.axis[2].n == 1);
        s = SHAPE(2, 3, 241, 480);
        t = tiling_auto(&s, DTYPE_F32); /* 2.6 MiB: six of 452 KiB */
        ck_assert(t.axis[0].step == 1 && t.axis[1].step == 1 && t.axis[2].n == 1 && t.axis[3].n == 1);
        s = SHAPE(1 << 16);
        t = tiling_auto(&s, DTYPE_F64); /* 512 KiB */
        ck_assert_uint_eq(t.axis[0].n, 1);
        s = SHAPE(1 << 20, 1 << 10, 1 << 10);
        t = tiling_auto(&s, DTYPE_F64); /* 8 TiB: chunks of 8 GiB, a thousand of them */
        ck_assert(t.axis[0].step == 1024 && tiling_n_chunks(&t) == 1024);
        s = SHAPE(0, INT64_MAX / 8);
        t = tiling_auto(&s, DTYPE_F64);
        ck_assert_uint_eq(tiling_n_chunks(&t), 1);
        s = SHAPE(UNKNOWN, 4000, 1000);
        t = tiling_auto(&s, DTYPE_F64);
        ck_assert(t.axis[0].extent == UNKNOWN && t.axis[0].n == 1 && t.axis[1].step == 1024 && t.axis[2].n == 1);
}

TEST(chunk_size_means_what_users_write) {
        const int64_t big = 3 << 16;

        ck_assert_str_eq(parse(SHAPE(5, 5), 1, 3), "3 2|3 2");
        ck_assert_str_eq(parse(SHAPE(5, 5), 1, 3, 1, -1), "3 2|5");
        ck_assert_str_eq(parse(SHAPE(5, 5), 2, 3, 2, 3, 1, 2, 2), "3 2|1 2 2");
        ck_assert_str_eq(parse(SHAPE(5), 2, 2, 3), "2 3");
        ck_assert_str_eq(parse(SHAPE(5), 1, 5), "5");
        ck_assert_str_eq(parse(SHAPE(5), 1, 99), "5");
        ck_assert_str_eq(parse(SHAPE(5, 4, 3), 1, 0), "5|4|3");
        ck_assert_str_eq(parse(SHAPE(big), 1, 0), "65536 65536 65536");
        ck_assert_str_eq(parse(SHAPE(big, 2), 1, 0, 1, 1), "32768 32768 32768 32768 32768 32768|1 1");
        ck_assert_str_eq(parse(SHAPE(0, 2), 1, 3), "0|2");
        ck_assert_str_eq(parse(SHAPE(0, 2), 0, 1, 1), "0|1 1");
        ck_assert_str_eq(parse(SHAPE(UNKNOWN, 2), 1, -1, 1, 1), "-1|1 1");
        ck_assert_str_eq(parse_flat((Shape){}, (int64_t[]){ 1, 3 }, 2), "");
        ck_assert_str_eq(parse_flat((Shape){}, NULL, 0), "");
}

TEST(chunk_size_errors_name_axis_given_and_wanted) {
        ck_assert_str_eq(parse(SHAPE(5, 5), 1, 2, 2, 2, 2), "chunk_size: axis 1: sizes (2, 2) add up to 4, not 5");
        ck_assert_str_eq(parse(SHAPE(5, 5), 2, 6, -1, 1, 5), "chunk_size: axis 0: size -1 of chunk 1 is negative");
        ck_assert_str_eq(parse(SHAPE(5, 5), 1, -2),
                         "chunk_size: axis 0: -2 is no length; give a positive one, -1 (whole) or 0 (automatic)");
        ck_assert_str_eq(parse(SHAPE(5, 5), 1, 1, 1, 1, 1, 1), "chunk_size: given for 3 axes, but shape (5, 5) has 2");
        ck_assert_str_eq(parse(SHAPE(5, 5), 2, 3, 2), "chunk_size: given for 1 axes, but shape (5, 5) has 2");
        ck_assert_str_eq(parse_flat(SHAPE(5), NULL, 0), "chunk_size: given for 0 axes, but shape (5,) has 1");
        ck_assert_str_eq(parse(SHAPE(5), 0), "chunk_size: axis 0: sizes () add up to 0, not 5");
        ck_assert_str_eq(parse(SHAPE(5, UNKNOWN), 1, 3),
                         "chunk_size: axis 1: its length is not known before it is computed; give -1 (whole) or 0 "
                         "(automatic)");
}

TEST(chunk_size_refuses_more_chunks_than_a_plan_may_have) {
        const int64_t million = 1000000;

        ck_assert_str_eq(parse(SHAPE(million * million), 1, 1),
                         "chunk_size: axis 0: length 1 makes 1000000000000 chunks of 1000000000000, more than the "
                         "maximum of 268435456; give at least 3726");
        ck_assert_str_eq(parse(SHAPE(million, million), 1, 1),
                         "chunk_size: cuts shape (1000000, 1000000) into 1000000000000 chunks, more than the maximum "
                         "of 268435456; give larger sizes");
}

TEST(chunk_size_survives_lists_that_lie) {
        ck_assert_str_eq(parse(SHAPE(5), 3, 2, 3), "chunk_size: axis 0: 3 sizes announced, 2 given");
        ck_assert_str_eq(parse(SHAPE(5), -1), "chunk_size: axis 0: -1 sizes announced, 0 given");
        ck_assert_str_eq(parse(SHAPE(5, 5), 1, 5, INT64_MAX, 5),
                         "chunk_size: axis 1: 9223372036854775807 sizes announced, 1 given");
}
