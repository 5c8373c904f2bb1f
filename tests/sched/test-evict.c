/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "sched/evict.h"

#include "harness.h"

static EvictKey key(uint64_t plan, uint32_t position, size_t bytes, uint32_t used_at) {
        return (EvictKey) { .plan = plan, .position = position, .size_bytes = bytes, .used_at = used_at };
}

TEST(chunk_goes_the_earlier_the_later_it_is_read) {
        EvictKey never = key(EVICT_NEVER, 0, 1, 9), late = key(2, 0, 1, 0), mid = key(1, 7, 1000, 0);
        EvictKey soon  = key(1, 3, 1, 0);

        ck_assert(evict_before(&never, &late) && evict_before(&late, &mid) && evict_before(&mid, &soon));
        ck_assert(!evict_before(&soon, &mid) && !evict_before(&mid, &late) && !evict_before(&late, &never));
        ck_assert(evict_used_later(&never, &late) && !evict_used_later(&late, &late));
}

TEST(of_chunks_that_are_read_together_the_larger_goes_then_the_one_used_longest_ago) {
        EvictKey large = key(1, 1, 2000, 5), old = key(1, 1, 1000, 3), young = key(1, 1, 1000, 4);
        EvictKey before_the_turn = key(1, 1, 1000, UINT32_MAX);

        ck_assert(evict_before(&large, &old) && evict_before(&old, &young));
        ck_assert(evict_before(&before_the_turn, &old)); /* the clock goes round */
}

TEST(first_chunk_is_the_least_valuable_whatever_comes_and_goes) {
        enum { N = 300, STEPS = 20000 };
        EvictKey model[N];
        bool there[N] = {};
        Evict e       = {};

        srand(7);
        for (int step = 0; step < STEPS; step++) {
                uint32_t chunk = (uint32_t) rand() % N, best = N;

                if (rand() % 3 == 0) {
                        evict_remove(&e, chunk);
                        there[chunk] = false;
                } else {
                        model[chunk] = key(1 + (uint64_t) rand() % 3, (uint32_t) rand() % 20, 64,
                                           (uint32_t) rand() % 9);
                        model[chunk].chunk = chunk;
                        there[chunk]       = true;
                        ck_assert_int_eq(evict_set(&e, &model[chunk]), 0);
                }
                for (uint32_t k = 0; k < N; k++) {
                        ck_assert((evict_find(&e, k) != NULL) == there[k]);
                        if (there[k] && (best == N || evict_before(&model[k], &model[best])))
                                best = k;
                }
                ck_assert((evict_first(&e) == NULL) == (best == N));
                if (best < N)
                        ck_assert_uint_eq(evict_first(&e)->chunk, best);
        }
        evict_clear(&e);
        ck_assert_ptr_null(evict_first(&e));
        ck_assert_ptr_null(evict_find(&e, 5));
        evict_done(&e);
}
