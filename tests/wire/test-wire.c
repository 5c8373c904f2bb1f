/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "wire/wire.h"

#include "harness.h"

static uint64_t chance_state;

static uint64_t chance(uint64_t n) {
        chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
        return (chance_state >> 33) % n;
}

static Reader reader_of(const Writer *w, Arena *arena, Error *err) {
        return (Reader) { .start = w->bytes.data, .at = w->bytes.data, .end = w->bytes.data + w->bytes.n,
                          .what = "tensor", .err = err, .scratch = arena };
}

static void assert_same(const WireTensor *a, const WireTensor *b) {
        ck_assert_uint_eq(a->id, b->id);
        ck_assert_uint_eq(a->chunk_first, b->chunk_first);
        ck_assert_int_eq(a->spec.dtype, b->spec.dtype);
        ck_assert(shape_equal(&a->spec.shape, &b->spec.shape));
        ck_assert(tiling_equal(&a->tiling, &b->tiling));
        ck_assert_uint_eq(a->n_holder, b->n_holder);
        ck_assert_bytes_eq(a->holder, b->holder, a->n_holder * sizeof(uint32_t));
}

/* Reads back the same, between other things; no part of its bytes does. */
static void assert_round_trip(const WireTensor *t) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Writer w                            = {};
        Error err                           = {};
        Reader rd;
        WireTensor back;

        wire_put_tensor(&w, t);
        put_u8(&w, 42);
        ck_assert_int_eq(w.r, 0);
        rd = reader_of(&w, arena, &err);
        wire_get_tensor(&rd, &back);
        ck_assert_msg(rd.r == 0, "%s", err.text);
        ck_assert_uint_eq(get_u8(&rd), 42);
        assert_same(t, &back);
        for (uint32_t n = 0; n + 1 < w.bytes.n; n++) {
                rd     = reader_of(&w, arena, &err);
                rd.end = rd.start + n;
                wire_get_tensor(&rd, &back);
                ck_assert_int_eq(rd.r, ERROR_VALUE);
        }
        vec_free(&w.bytes);
}

static WireTensor tensor_of(DType dtype, Shape shape, const Cuts *cuts) {
        WireTensor t = { .id = 7, .chunk_first = 1000, .spec = { .dtype = dtype, .shape = shape } };

        t.tiling.ndim = shape.ndim;
        for (int k = 0; k < shape.ndim; k++)
                t.tiling.axis[k] = cuts[k];
        return t;
}

TEST(tensors_of_regular_and_explicit_cuts_read_back) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const int64_t sizes[]               = { 3, 0, 500, 1 };
        Cuts cuts[3]                        = { cuts_regular(100, 7), cuts_whole(20) };
        WireTensor t;

        ck_assert_int_eq(cuts_from_sizes(arena, sizes, 4, 504, &cuts[2], NULL), 0);
        t = tensor_of(DTYPE_F64, SHAPE(100, 20, 504), cuts);
        assert_round_trip(&t);
        t.id = t.chunk_first = UINT64_MAX;
        assert_round_trip(&t);
}

TEST(scalars_and_empty_tensors_read_back) {
        const Cuts empty[] = { cuts_regular(0, 5), cuts_regular(INT64_MAX / 8, INT64_MAX / 8) };
        WireTensor t       = tensor_of(DTYPE_BOOL, shape_of(0, NULL), NULL);

        assert_round_trip(&t);
        t = tensor_of(DTYPE_F64, SHAPE(0, INT64_MAX / 8), empty);
        assert_round_trip(&t);
}

TEST(tensors_by_chance_read_back_with_their_holders) {
        for (uint64_t seed = 0; seed < 500; seed++) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                Cuts cuts[MAX_NDIM];
                Shape shape = { .ndim = (int) chance(5) };
                WireTensor t;
                uint32_t *holder;

                chance_state = seed;
                for (int k = 0; k < shape.ndim; k++) {
                        int64_t sizes[6], n = 1 + (int64_t) chance(6);

                        shape.dim[k] = 0;
                        for (int64_t i = 0; i < n; i++)
                                shape.dim[k] += sizes[i] = (int64_t) chance(4);
                        cuts[k] = cuts_regular(shape.dim[k], 1 + (int64_t) chance(5));
                        if (chance(2))
                                ck_assert_int_eq(cuts_from_sizes(arena, sizes, (uint32_t) n, shape.dim[k], &cuts[k],
                                                                 NULL),
                                                 0);
                }
                t = tensor_of((DType) chance(_DTYPE_MAX), shape, cuts);
                if (chance(2)) {
                        t.n_holder = (uint32_t) tiling_n_chunks(&t.tiling);
                        t.holder = holder = arena_new_array(arena, uint32_t, t.n_holder);
                        for (uint32_t i = 0; i < t.n_holder; i++)
                                holder[i] = i > 0 && chance(2) ? holder[i - 1] : (uint32_t) chance(MAX_WORKERS);
                }
                assert_round_trip(&t);
        }
}

TEST(holders_that_are_the_same_take_no_room) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const Cuts cuts[]                   = { cuts_regular(100000, 1) };
        WireTensor t                        = tensor_of(DTYPE_U8, SHAPE(100000), cuts);
        Writer w                            = {};

        t.n_holder = 100000;
        t.holder   = arena_new_array(arena, uint32_t, t.n_holder);
        wire_put_tensor(&w, &t);
        ck_assert_uint_le(w.bytes.n, 32);
        vec_free(&w.bytes);
        assert_round_trip(&t);
}

/* ---- Lies -------------------------------------------------------------------------------------------------------- */

/* id, first chunk, and what follows as numbers. */
static void assert_refused(const char *words, const uint64_t *v, size_t n) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err                           = {};
        Writer w                            = {};
        Reader rd;
        WireTensor t;

        put_varint(&w, 1);
        put_varint(&w, 2);
        for (size_t k = 0; k < n; k++)
                put_varint(&w, v[k]);
        rd = reader_of(&w, arena, &err);
        wire_get_tensor(&rd, &t);
        ck_assert_int_eq(rd.r, ERROR_VALUE);
        ck_assert_msg(strstr(err.text, words), "%s", err.text);
        ck_assert_int_eq(strncmp(err.text, "tensor: ", 8), 0);
        vec_free(&w.bytes);
}

#define ASSERT_REFUSED(words, ...)                                                                                     \
        assert_refused(words, (const uint64_t[]) { __VA_ARGS__ }, sizeof((const uint64_t[]) { __VA_ARGS__ }) / 8)

TEST(tensors_that_do_not_fit_themselves_are_refused) {
        ASSERT_REFUSED("dtype", _DTYPE_MAX, 0, 0);
        ASSERT_REFUSED("dimensions", DTYPE_F64, MAX_NDIM + 1);
        ASSERT_REFUSED("does not fit the axis", DTYPE_F64, 1, 10, 11, 0);      /* a chunk longer than the axis */
        ASSERT_REFUSED("does not fit the axis", DTYPE_F64, 1, 0, 2, 0);
        ASSERT_REFUSED("does not fit the axis", DTYPE_U8, 1, (uint64_t) 1 << 40, 1, 0); /* too many of them */
        ASSERT_REFUSED("add up", DTYPE_F64, 1, 10, 0, 2, 4, 5, 0);
        ASSERT_REFUSED("add up", DTYPE_F64, 1, 10, 0, 2, INT64_MAX, 1, 0);
        ASSERT_REFUSED("more things than bytes", DTYPE_F64, 1, 10, 0, 1000, 1);
        ASSERT_REFUSED("too large", DTYPE_F64, 1, (uint64_t) INT64_MAX + 1, 1, 0);
        /* 2^65 bytes */
        ASSERT_REFUSED("tensor: ", DTYPE_F64, 2, (uint64_t) 1 << 31, 1 << 20, (uint64_t) 1 << 31, 1 << 20, 0);
}

TEST(chunks_and_holders_that_are_not_as_many_are_refused) {
        ASSERT_REFUSED("not as many", DTYPE_F64, 1, 10, 5, 1, 0, 1);
        ASSERT_REFUSED("not as many", DTYPE_F64, 1, 10, 5, 3, 0, 3);
        ASSERT_REFUSED("too large", DTYPE_F64, 1, 10, 5, 2, 0, 3);              /* a run beyond the end */
        ASSERT_REFUSED("a run of no chunks", DTYPE_F64, 1, 10, 5, 2, 0, 0, 0, 2);
        ASSERT_REFUSED("not as many", DTYPE_F64, 2, 1 << 20, 1, 1 << 20, 1, 0); /* more chunks than a plan has */
}

TEST(a_tensor_with_a_bit_changed_is_another_or_refused) {
        const Cuts cuts[]       = { cuts_regular(100, 7), cuts_whole(20) };
        const uint32_t holder[] = { 1, 1, 1, 2, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5 };
        WireTensor t            = tensor_of(DTYPE_F64, SHAPE(100, 20), cuts);
        Writer w                = {};

        t.holder   = holder;
        t.n_holder = 15;
        wire_put_tensor(&w, &t);
        for (uint32_t bit = 0; bit < 8 * w.bytes.n; bit++) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                Error err                           = {};
                Reader rd                           = reader_of(&w, arena, &err);
                WireTensor back;

                w.bytes.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
                wire_get_tensor(&rd, &back);
                if (rd.r < 0)
                        ck_assert(rd.r == ERROR_VALUE && err.text[0]);
                else
                        assert_round_trip(&back);
                w.bytes.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
        vec_free(&w.bytes);
}
