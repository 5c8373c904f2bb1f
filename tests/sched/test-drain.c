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

/* ---- Copies ------------------------------------------------------------------------------------------------------ */

/* A result that was cut off from what it was made of: worker 0 has it, worker 1 has copies, worker 2 has nothing. */
static Bed bed_with_copies(void) {
        SchedTensor said = { .id          = 5,
                             .chunk_first = 10,
                             .anchor      = true,
                             .n_refs      = 1,
                             .spec        = { .dtype = DTYPE_F64, .shape = SHAPE(10 * N_CHUNKS) },
                             .tiling      = { .ndim = 1, .axis = { cuts_regular(10 * N_CHUNKS, 10) } } };
        Bed b            = { .tensor = said.id };
        uint64_t id[N_CHUNKS], bytes[N_CHUNKS];
        Error err;

        ck_assert_int_eq(sched_new(&b.sched, false, fake_plan), 0);
        sched_number(b.sched, 100);
        ck_assert_int_eq(sched_restore_tensor(b.sched, &said, &err), 0);
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                id[k]    = chunk(&b, k);
                bytes[k] = tensor_chunk_bytes(sched_tensor(b.sched, b.tensor), k);
        }
        for (uint32_t w = 0; w < 3; w++) {
                tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = w, .holds = true });
                tell(&b, (SchedEvent) { .kind     = SCHED_HOLDS,
                                        .worker   = w,
                                        .chunk_id = id,
                                        .bytes    = bytes,
                                        .n        = w < 2 ? N_CHUNKS : 0,
                                        .last     = true });
        }
        tell(&b, (SchedEvent) { .kind = SCHED_BEGIN });
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert_uint_eq(holder(&b, k), 0);
                ck_assert_uint_eq(sched_tensor(b.sched, b.tensor)->spare[k], 1);
        }
        return b;
}

/* Worker 0 comes back, and has what it had. */
static void comes_back(Bed *b, bool with) {
        uint64_t id[N_CHUNKS], bytes[N_CHUNKS];

        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                id[k]    = chunk(b, k);
                bytes[k] = tensor_chunk_bytes(sched_tensor(b->sched, b->tensor), k);
        }
        tell(b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 0, .holds = true });
        ck_assert(!dropped(b, 1, 0) && !drained(b));
        tell(b, (SchedEvent) { .kind     = SCHED_HOLDS,
                               .worker   = 0,
                               .chunk_id = id,
                               .bytes    = bytes,
                               .n        = with ? N_CHUNKS : 0,
                               .last     = true });
}

/* Nothing says that worker 0 will come back: what worker 1 has is all there is. */
static Bed bed_with_copies_alone(bool silent) {
        Bed b = bed_with_copies();

        if (silent)
                tell(&b, (SchedEvent) { .kind = SCHED_SILENT, .worker = 0, .on = true });
        else
                tell(&b, (SchedEvent) { .kind = SCHED_AWAY, .worker = 0 });
        drain(&b, 1);
        ck_assert(!drained(&b));
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                ck_assert(!dropped(&b, 1, k));
        return b;
}

static void all_are_handed_on(Bed *b, uint32_t from) {
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert_uint_eq(holder(b, k), from);
                ck_assert_uint_eq(taker(b, k), 2);
        }
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert(!drained(b));
                taken(b, 2, k, true);
                ck_assert_uint_eq(holder(b, k), 2);
                ck_assert(dropped(b, from, k));
        }
        ck_assert(drained(b));
}

TEST(copies_go_at_once_from_a_worker_that_is_to_stop) {
        Bed b = bed_with_copies();

        drain(&b, 1);
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                ck_assert(dropped(&b, 1, k));
        ck_assert(drained(&b));
        bed_done(&b);
}

TEST(copy_of_what_only_a_worker_that_is_away_has_is_handed_on_when_that_one_is_lost) {
        Bed b = bed_with_copies_alone(false);

        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        all_are_handed_on(&b, 1);
        bed_done(&b);
}

TEST(copy_of_what_a_worker_has_lost_while_it_was_away_is_handed_on) {
        Bed b = bed_with_copies_alone(false);
        uint32_t to[N_CHUNKS];

        comes_back(&b, false);
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                to[k] = taker(&b, k);
                ck_assert_uint_eq(holder(&b, k), 1);
                ck_assert(to[k] == 0 || to[k] == 2);
        }
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert(!drained(&b));
                taken(&b, to[k], k, true);
                ck_assert_uint_eq(holder(&b, k), to[k]);
        }
        ck_assert(drained(&b));
        bed_done(&b);
}

TEST(copies_go_when_the_worker_that_has_the_chunks_is_there_again) {
        Bed away = bed_with_copies_alone(false), silent = bed_with_copies_alone(true);

        comes_back(&away, true);
        tell(&silent, (SchedEvent) { .kind = SCHED_SILENT, .worker = 0, .on = false });
        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                ck_assert(dropped(&away, 1, k) && dropped(&silent, 1, k));
                ck_assert_uint_eq(holder(&away, k), 0);
        }
        ck_assert(drained(&away) && drained(&silent));
        bed_done(&away);
        bed_done(&silent);
}

TEST(copy_is_named_by_a_worker_that_is_to_stop_while_the_other_is_away_and_stays) {
        Bed b = bed_with_copies();
        uint64_t id[N_CHUNKS], bytes[N_CHUNKS];

        for (uint32_t k = 0; k < N_CHUNKS; k++) {
                id[k]    = chunk(&b, k);
                bytes[k] = tensor_chunk_bytes(sched_tensor(b.sched, b.tensor), k);
        }
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 2 });
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 1 }); /* and was only slow */
        tell(&b, (SchedEvent) { .kind = SCHED_AWAY, .worker = 0 });
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 1, .holds = true });
        drain(&b, 1);
        tell(&b,
             (SchedEvent) {
                     .kind = SCHED_HOLDS, .worker = 1, .chunk_id = id, .bytes = bytes, .n = N_CHUNKS, .last = true });
        for (uint32_t k = 0; k < N_CHUNKS; k++)
                ck_assert(!dropped(&b, 1, k));
        ck_assert(!drained(&b));
        tell(&b, (SchedEvent) { .kind = SCHED_JOINED, .worker = 2 });
        tell(&b, (SchedEvent) { .kind = SCHED_LEFT, .worker = 0 });
        all_are_handed_on(&b, 1);
        bed_done(&b);
}
