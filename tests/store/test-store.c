/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/store.h"

#include "harness.h"

static Store *store_with(size_t cache_bytes) {
        Store *s;

        ck_assert_int_eq(store_new(&s, &(StoreConfig) { .cache_bytes = cache_bytes }, NULL), 0);
        return s;
}

static StoreStats stats_of(const Store *s) {
        StoreStats stats;

        store_stats(s, &stats);
        return stats;
}

static void put(Store *s, ChunkId id, size_t size) {
        ck_assert_int_eq(store_reserve(s, 1, &id, &size), 0);
        if (size > 0)
                memset(store_writable(s, id), (int) id, size);
        store_seal(s, id, size);
}

static bool has(Store *s, ChunkId id, size_t size) {
        const char *data;
        size_t actual;
        bool same;

        if (store_pin(s, id, &data, &actual) != 0)
                return false;
        same = actual == size;
        for (size_t k = 0; k < actual; k++)
                same &= data[k] == (char) id;
        store_unpin(s, id);
        return same;
}

static void ck_assert_nothing_is_left(Store *s) {
        StoreStats stats = stats_of(s);

        ck_assert_uint_eq(stats.used_bytes, 0);
        ck_assert_uint_eq(stats.pinned_bytes, 0);
        ck_assert_uint_eq(stats.n_pins, 0);
        ck_assert_uint_eq(stats.n_chunks, 0);
        ck_assert_ptr_null(store_free(s));
}

TEST(sealed_chunk_has_the_bytes_that_were_written) {
        Store *s = store_with(8 * MiB);
        const char *data;
        size_t size;

        put(s, 1, 1000);
        put(s, 2, 1 * MiB);
        put(s, 3, 0);
        ck_assert(has(s, 1, 1000));
        ck_assert(has(s, 2, 1 * MiB));
        ck_assert(has(s, 3, 0));
        ck_assert_int_eq(store_pin(s, 3, &data, &size), 0);
        ck_assert_ptr_nonnull(data); /* empty, but somewhere */
        store_unpin(s, 3);
        ck_assert(!has(s, 4, 0));
        for (ChunkId id = 1; id <= 3; id++)
                store_drop(s, id);
        ck_assert(!has(s, 1, 1000));
        ck_assert_nothing_is_left(s);
}

TEST(chunk_that_is_being_written_cannot_be_read) {
        Store *s = store_with(8 * MiB);
        ChunkId id = 9;
        size_t size = 100;

        ck_assert_int_eq(store_reserve(s, 1, &id, &size), 0);
        ck_assert(!has(s, id, 100));
        ck_assert_uint_eq(stats_of(s).n_pins, 1);
        store_drop(s, id);
        ck_assert_nothing_is_left(s);
}

TEST(dropped_chunk_stays_until_its_last_pin) {
        Store *s = store_with(8 * MiB);
        const char *data;
        size_t size;

        put(s, 5, 4096);
        ck_assert_int_eq(store_pin(s, 5, &data, &size), 0);
        ck_assert_int_eq(store_pin(s, 5, &data, &size), 0);
        store_drop(s, 5);
        ck_assert_int_eq(store_pin(s, 5, &data, &size), STORE_ABSENT);
        store_unpin(s, 5);
        ck_assert_int_eq(data[4095], 5);
        ck_assert_uint_eq(stats_of(s).used_bytes, 4096);
        store_unpin(s, 5);
        ck_assert_nothing_is_left(s);
}

TEST(ledger_refuses_what_passes_the_capacity) {
        Store *s = store_with(1 * MiB);
        ChunkId ids[] = { 2, 3 };
        char *scratch;

        put(s, 1, 600 * KiB);
        ck_assert_int_eq(store_reserve(s, 1, ids, (size_t[]) { 500 * KiB }), STORE_FULL);
        ck_assert_int_eq(store_reserve(s, 2, ids, (size_t[]) { 200 * KiB, 300 * KiB }), STORE_FULL);
        ck_assert_int_eq(store_reserve(s, 2, ids, (size_t[]) { SIZE_MAX, 2 }), STORE_FULL);
        ck_assert_int_eq(store_scratch(s, 500 * KiB, &scratch), STORE_FULL);
        ck_assert_uint_eq(stats_of(s).n_chunks, 1);
        ck_assert_int_eq(store_scratch(s, 424 * KiB, &scratch), 0);
        ck_assert_int_eq(store_reserve(s, 1, ids, (size_t[]) { 1 }), STORE_FULL);
        store_scratch_free(s, scratch, 424 * KiB);
        store_drop(s, 1);
        ck_assert_nothing_is_left(s);
}

TEST(group_lies_in_one_piece_and_goes_chunk_by_chunk) {
        static const size_t sizes[] = { 1, 3, 64, 0, 200, 5, 5, 5, 1000, 4096, 0, 63, 65, 8 };
        enum { N = ELEMENTSOF(sizes) };
        ChunkId ids[N];

        /* Drop them in many orders; the others must keep their bytes. */
        for (uint32_t order = 1; order < 200; order++) {
                Store *s = store_with(1 * MiB);
                char *at = NULL;

                for (uint32_t k = 0; k < N; k++)
                        ids[k] = k + 1;
                ck_assert_int_eq(store_reserve(s, N, ids, sizes), 0);
                for (uint32_t k = 0; k < N; k++) {
                        char *data = store_writable(s, ids[k]);

                        ck_assert(!at || data == at);
                        at = data + sizes[k];
                        memset(data, (int) ids[k], sizes[k]);
                }
                ck_assert_uint_eq((uintptr_t) store_writable(s, ids[0]) % 64, 0);
                for (uint32_t k = 0; k < N; k++)
                        store_seal(s, ids[k], sizes[k]);
                for (uint32_t n = N, step = order; n > 0; n--, step = step * 7 + order) {
                        uint32_t k = step % n;
                        ChunkId id = ids[k];

                        store_drop(s, id);
                        ids[k] = ids[n - 1];
                        put(s, 1000 + id, 40); /* may reuse what became free, and nothing else */
                        for (uint32_t other = 0; other < n - 1; other++)
                                ck_assert(has(s, ids[other], sizes[ids[other] - 1]));
                }
                for (uint32_t k = 0; k < N; k++)
                        store_drop(s, 1000 + k + 1);
                ck_assert_nothing_is_left(s);
        }
}

TEST(shrunken_chunk_gives_the_rest_back) {
        Store *s = store_with(1 * MiB);
        ChunkId id = 1;
        size_t size = 512 * KiB;

        ck_assert_int_eq(store_reserve(s, 1, &id, &size), 0);
        memset(store_writable(s, id), 1, 1000);
        store_seal(s, id, 1000);
        ck_assert_uint_eq(stats_of(s).used_bytes, 1024);
        put(s, 2, 900 * KiB);
        ck_assert(has(s, 1, 1000));
        store_drop(s, 1);
        store_drop(s, 2);

        id = 3;
        ck_assert_int_eq(store_reserve(s, 1, &id, &size), 0);
        store_seal(s, id, 0);
        ck_assert_uint_eq(stats_of(s).used_bytes, 0);
        store_drop(s, id);
        ck_assert_nothing_is_left(s);
}

TEST(shrinking_in_a_group_takes_nothing_from_its_neighbours) {
        enum { N = 6 };

        for (uint64_t seed = 0; seed < 3000; seed++) {
                Store *s = store_with(1 * MiB);
                uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
                size_t reserved[N], sealed[N];
                ChunkId ids[N];

                for (uint32_t k = 0; k < N; k++) {
                        random = random * 6364136223846793005u + 1442695040888963407u;
                        ids[k] = k + 1;
                        reserved[k] = (random >> 33) % (k % 2 ? 40 : 400);
                        sealed[k] = reserved[k] > 0 ? (random >> 48) % (reserved[k] + 1) : 0;
                }
                ck_assert_int_eq(store_reserve(s, N, ids, reserved), 0);
                for (uint32_t k = 0; k < N; k++)
                        memset(store_writable(s, ids[k]), (int) ids[k], sealed[k]);
                for (uint32_t k = 0; k < N; k++) {
                        uint32_t which = (k * 5 + (uint32_t) seed) % N;

                        store_seal(s, ids[which], sealed[which]);
                        put(s, 100 + k, 30);
                }
                for (uint32_t k = 0; k < N; k++)
                        ck_assert(has(s, ids[k], sealed[k]));
                for (uint32_t k = 0; k < N; k++) {
                        store_drop(s, ids[k]);
                        store_drop(s, 100 + k);
                }
                ck_assert_nothing_is_left(s);
        }
}

static void count(void *userdata) {
        ++*(int *) userdata;
}

TEST(adopted_memory_is_released_once_after_its_last_pin) {
        static const char words[] = "somebody else's";
        Store *s = store_with(1 * MiB);
        const char *data;
        int released = 0;
        size_t size;

        ck_assert_int_eq(store_adopt(s, 1, words, sizeof(words), count, &released), 0);
        ck_assert_uint_eq(stats_of(s).used_bytes, 0);
        ck_assert_int_eq(store_pin(s, 1, &data, &size), 0);
        ck_assert_ptr_eq(data, words);
        store_drop(s, 1);
        ck_assert_int_eq(released, 0);
        store_unpin(s, 1);
        ck_assert_int_eq(released, 1);
        ck_assert_int_eq(store_adopt(s, 2, words, sizeof(words), count, &released), 0);
        ck_assert_ptr_null(store_free(s)); /* drops it */
        ck_assert_int_eq(released, 2);
}

TEST(second_run_takes_no_new_memory) {
        Store *s = store_with(256 * MiB);
        size_t first = 0;

        for (int run = 0; run < 20; run++) {
                for (ChunkId id = 1; id <= 64; id++) {
                        char *scratch;

                        put(s, id + (uint64_t) run * 1000, 64 * KiB * (1 + id % 3));
                        ck_assert_int_eq(store_scratch(s, 100 * KiB, &scratch), 0);
                        store_scratch_free(s, scratch, 100 * KiB);
                }
                for (ChunkId id = 1; id <= 64; id++)
                        store_drop(s, id + (uint64_t) run * 1000);
                first = first ?: stats_of(s).arena_bytes;
                ck_assert_uint_eq(stats_of(s).arena_bytes, first);
        }
        ck_assert_nothing_is_left(s);
}

TEST(limit_that_is_lowered_is_kept_by_what_is_free_at_once_and_by_chunks_when_they_go) {
        Store *s          = store_with(64 * MiB);
        const size_t more = 24 * MiB;

        put(s, 1, 24 * MiB);
        put(s, 2, 24 * MiB);
        store_drop(s, 1);
        ck_assert_uint_ge(stats_of(s).arena_bytes, 48 * MiB);
        store_limit(s, 32 * MiB);
        ck_assert_uint_le(stats_of(s).arena_bytes, 32 * MiB);
        ck_assert(has(s, 2, 24 * MiB));
        ck_assert_int_eq(store_reserve(s, 1, &(ChunkId) { 3 }, &more), STORE_FULL);
        store_limit(s, 8 * MiB);
        ck_assert(has(s, 2, 24 * MiB));
        store_drop(s, 2);
        ck_assert_uint_le(stats_of(s).arena_bytes, 8 * MiB);
        store_limit(s, 64 * MiB);
        put(s, 4, 40 * MiB);
        ck_assert(has(s, 4, 40 * MiB));
        store_drop(s, 4);
        ck_assert_nothing_is_left(s);
}

TEST(store_without_a_number_takes_half_of_the_free_memory) {
        Store *s = store_with(0);

        ck_assert_uint_gt(stats_of(s).cache_bytes, 100 * MiB);
        ck_assert_nothing_is_left(s);
}

TEST(chunk_for_a_disk_owns_whole_pages_around_it) {
        static const uint32_t offsets[] = { 0, 1, 64, 100, 2048, 4095 };
        static const size_t sizes[]     = { 1, 64, 4095, 4096, 4097, 100000, 0 };
        Store *s                        = store_with(4 * MiB);
        ChunkId id                      = 1;
        size_t used                     = 0;

        for (uint32_t k = 0; k < ELEMENTSOF(offsets); k++)
                for (uint32_t i = 0; i < ELEMENTSOF(sizes); i++) {
                        size_t bytes = store_paged_bytes(sizes[i], offsets[k]);
                        char *data;

                        put(s, 1000 + id, 8 + 72 * (k + i)); /* so that pages begin anywhere */
                        used = stats_of(s).used_bytes;
                        ck_assert_int_eq(store_reserve_at(s, id, sizes[i], offsets[k]), 0);
                        ck_assert_uint_eq(stats_of(s).used_bytes, used + bytes);
                        data = store_writable(s, id);
                        if (sizes[i] > 0) {
                                ck_assert_uint_eq((uintptr_t) data % STORE_PAGE, offsets[k]);
                                memset(data - offsets[k], (int) id, bytes); /* what the disk writes, all of it */
                        }
                        store_seal(s, id, sizes[i]);
                        id++;
                }
        for (ChunkId k = 1; k < id; k++) {
                ck_assert(has(s, k, sizes[(k - 1) % ELEMENTSOF(sizes)]));
                ck_assert(has(s, 1000 + k, 8 + 72 * ((k - 1) / ELEMENTSOF(sizes) + (k - 1) % ELEMENTSOF(sizes))));
                store_drop(s, k);
                store_drop(s, 1000 + k);
        }
        ck_assert_nothing_is_left(s);
}

TEST(chunk_for_a_disk_is_refused_past_the_capacity) {
        Store *s = store_with(1 * MiB);

        ck_assert_uint_eq(store_paged_bytes(SIZE_MAX - 100, 4095), SIZE_MAX);
        ck_assert_int_eq(store_reserve_at(s, 1, SIZE_MAX - 100, 4095), STORE_FULL);
        ck_assert_int_eq(store_reserve_at(s, 1, 1 * MiB, 64), STORE_FULL);
        ck_assert_int_eq(store_reserve_at(s, 1, 1 * MiB - 64, 64), 0);
        ck_assert_uint_eq(stats_of(s).used_bytes, 1 * MiB);
        store_drop(s, 1);
        ck_assert_nothing_is_left(s);
}
