/* SPDX-License-Identifier: Apache-2.0 */
#include "io/spill.h"
#include "disks.h"

static const RingBackend backends[] = { RING_AUTO, RING_SYNC };

TEST(a_chunk_returns_with_the_same_bytes_and_nothing_around_it_is_touched) {
        static const size_t sizes[]     = { 0, 1, 64, 4032, 4096, 4097, 8191, 8192, 100000, 1 << 20, (16 << 20) - 64,
                                            (16 << 20) + 64, (48 << 20) + 8 };
        static const uint32_t offsets[] = { 0, 64, 2048, 4032 };

        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                uint64_t id = 0;
                SpillTest t;

                test_dir(&t);
                test_open(&t, .ring = { .backend = backends[b] });
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++)
                        for (size_t j = 0; j < ELEMENTSOF(offsets); j++, id++) {
                                ck_assert_int_eq(test_write(&t, id, sizes[k], offsets[j]), 0);
                                ck_assert_uint_eq(spill_offset(t.spill, id), offsets[j]);
                                ck_assert_int_eq(test_read(&t, id, sizes[k]), 0);
                                ck_assert_int_eq(test_read(&t, id, sizes[k]), 0);
                                if (id % 3 == 0)
                                        spill_drop(t.spill, id);
                        }
                for (uint64_t k = 0; k < id; k++)
                        if (k % 3 != 0)
                                ck_assert_int_eq(test_read(&t, k, sizes[k / ELEMENTSOF(offsets)]), 0);
                ck_assert_uint_eq(test_stats(&t).n_chunks, id - (id + 2) / 3);
                ck_assert_uint_eq(test_stats(&t).n_busy, 0);
                test_close(&t);
        }
}

TEST(a_session_that_never_spills_touches_no_disk) {
        SpillTest t;

        test_dir(&t);
        test_open(&t, .limit_bytes = MiB);
        spill_drop(t.spill, 7);
        ck_assert_uint_eq(test_entries(t.dir), 0);
        test_close(&t);
}
