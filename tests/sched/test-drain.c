/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that is to stop, and others that take what it has: what the scheduler says and believes, step by step. The
 * cluster of tests/sim drains workers in the middle of everything else. */
#include "sched/sched.h"
#include "sim/fake-registry.h"

#include "harness.h"

enum { N_CHUNKS = 2 };

typedef struct Bed {
        Sched *sched;
        SchedActions said;
        uint64_t tensor; /* at worker 0 */
} Bed;

static void tell(Bed *b, SchedEvent event) {
        sched_actions_clear(&b->said);
        ck_assert_int_eq(sched_step(b->sched, &event, &b->said), 0);
        ck_assert(sched_consistent(b->sched));
}

static uint64_t chunk(const Bed *b, uint32_t k) {
        return sched_tensor(b->sched, b->tensor)->chunk_first + k;
}

static uint32_t holder(const Bed *b, uint32_t k) {
        return sched_tensor(b->sched, b->tensor)->holder[k];
}

/* Who is told to take the chunk; WORKER_NONE: nobody. */
static uint32_t taker(const Bed *b, uint32_t k) {
        for (uint32_t i = 0; i < b->said.action.n; i++)
                if (b->said.action.data[i].kind == SCHED_TAKE && b->said.action.data[i].chunk == chunk(b, k))
                        return b->said.action.data[i].worker;
        return WORKER_NONE;
}

static bool dropped(const Bed *b, uint32_t worker, uint32_t k) {
        for (uint32_t i = 0; i < b->said.action.n; i++) {
                const SchedAction *a = &b->said.action.data[i];

                if (a->kind == SCHED_DROP && a->worker == worker && chunk(b, k) - a->chunk < a->n)
                        return true;
        }
        return false;
}

static bool drained(const Bed *b) {
        for (uint32_t i = 0; i < b->said.action.n; i++)
                if (b->said.action.data[i].kind == SCHED_DRAINED)
                        return true;
        return false;
}

static void taken(Bed *b, uint32_t worker, uint32_t k, bool asked) {
        tell(b, (SchedEvent) { .kind = SCHED_TAKEN, .worker = worker, .chunk = chunk(b, k), .asked = asked });
}

static void drain(Bed *b, uint32_t worker) {
        tell(b, (SchedEvent) { .kind = SCHED_DRAIN, .worker = worker, .on = true });
}

/* Worker 0 has a tensor of two chunks, two others have nothing. */
static Bed bed_new(void) {
        const Tiling tiling = { .ndim = 1, .axis = { cuts_regular(10 * N_CHUNKS, 10) } };
        const Spec spec     = { .dtype = DTYPE_F64, .shape = SHAPE(10 * N_CHUNKS) };
        Bed b               = {};

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        for (uint32_t w = 0; w < 3; w++)
                tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w });
        ck_assert_int_eq(sched_adopt(b.sched, &spec, &tiling, 0, &b.tensor), 0);
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                taken(&b, 0, k, false);
        return b;
}

static void bed_done(Bed *b) {
        SchedStats stats;

        tell(b, (SchedEvent) { .kind = SCHED_RELEASE, .tensor = b->tensor });
        sched_stats(b->sched, &stats);
        ck_assert_uint_eq(stats.n_tensors, 0);
        ck_assert_uint_eq(stats.state_bytes, 0);
        sched_free(b->sched);
        sched_actions_done(&b->said);
}

TEST(worker_that_is_to_stop_may_when_others_have_taken_all_that_it_had) {
        Bed b = bed_new();
        uint32_t to[N_CHUNKS];

        drain(&b, 0);
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                to[k] = taker(&b, k);
                ck_assert(to[k] == 1 || to[k] == 2);
        }
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert(!drained(&b));
                taken(&b, to[k], k, true);
                ck_assert_uint_eq(holder(&b, k), to[k]);
                ck_assert(dropped(&b, 0, k));
        }
        ck_assert(drained(&b));
        bed_done(&b);
}

/* What its disk has lost while others are to take it is not to be had from there, and whoever was to take it may be the
 * one who makes it again: it is told so first. */
TEST(chunk_that_is_lost_on_its_way_is_not_taken) {
        const Error gone = { .code = -EIO, .text = "it is gone" };
        Bed b            = bed_new();
        uint32_t to[N_CHUNKS];

        drain(&b, 0);
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                to[k] = taker(&b, k);
        tell(&b, (SchedEvent) { .kind = SCHED_LOST, .worker = 0, .chunk = chunk(&b, 0) });
        ck_assert(dropped(&b, to[0], 0));
        ck_assert_uint_eq(holder(&b, 0), WORKER_NONE);
        tell(&b, (SchedEvent) {
                         .kind = SCHED_TAKEN, .worker = to[0], .chunk = chunk(&b, 0), .asked = true, .error = &gone });
        ck_assert(!drained(&b));
        taken(&b, to[1], 1, true);
        ck_assert_uint_eq(holder(&b, 1), to[1]);
        ck_assert(drained(&b));
        bed_done(&b);
}

/* Its link breaks while others take what it had, and it comes back: they are asked again, by another message, and what
 * they say first is the answer to the first one. So it is when others, who were asked before them, have left. */
TEST(answer_of_before_is_not_taken_for_that_of_now) {
        Bed b = bed_new();
        uint64_t id[N_CHUNKS], bytes[N_CHUNKS];
        uint32_t first, second, mine;

        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                id[k]    = chunk(&b, k);
                bytes[k] = tensor_chunk_bytes(sched_tensor(b.sched, b.tensor), k);
        }
        drain(&b, 0);
        mine   = b.said.action.data[0].kind == SCHED_TAKE && b.said.action.data[0].chunk == id[0] ? 1
                                                                                                  : 0; /* asked last */
        first  = taker(&b, 1 - mine);
        second = taker(&b, mine);
        ck_assert_uint_ne(first, second);

        tell(&b, (SchedEvent) { .kind = SCHED_AWAY, .worker = 0 });
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0, .holds = true });
        tell(&b,
             (SchedEvent) {
                     .kind = SCHED_HOLDS, .worker = 0, .chunk_id = id, .bytes = bytes, .n = N_CHUNKS, .last = true });
        ck_assert(dropped(&b, first, 1 - mine) && dropped(&b, second, mine));
        ck_assert_uint_eq(taker(&b, 1 - mine), first);
        ck_assert_uint_eq(taker(&b, mine), second);
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = first });

        taken(&b, second, mine, true); /* it has dropped it since */
        ck_assert_uint_eq(holder(&b, mine), 0);
        ck_assert(!dropped(&b, 0, mine));
        taken(&b, second, mine, true);
        ck_assert_uint_eq(holder(&b, mine), second);
        ck_assert(dropped(&b, 0, mine));
        bed_done(&b);
}

TEST(where_nobody_can_take_chunks_that_is_said_and_they_stay) {
        Bed b = bed_new();

        for (uint32_t w = 1; w < 3; w++)
                tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = w });
        drain(&b, 0);
        ck_assert(drained(&b));
        ck_assert_ptr_nonnull(strstr(b.said.error.data[0].text, "no other worker"));
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert_uint_eq(taker(&b, k), WORKER_NONE);
                ck_assert_uint_eq(holder(&b, k), 0);
        }
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 1 });
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                ck_assert_uint_eq(taker(&b, k), 1);
        bed_done(&b);
}
