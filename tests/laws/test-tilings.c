/* SPDX-License-Identifier: Apache-2.0 */
/* The tiling law over the operator table, through everything that a user's expression goes through: however tensors
 * are cut, on however many threads they are computed, the answer has the same bits. And the conservation law beside
 * it: when the tensors are gone, so are their chunks. */
#include "laws/cases.h"

/* Threads, and what a task may take: anything; or nearly nothing, so that all that can be cut is cut to pieces and
 * exchanged. */
static const mars_session_options sessions[] = {
        { .n_threads = 2, .memory_bytes = 256 << 20 },
        { .n_threads = 1, .memory_bytes = 256 << 20, .task_bytes = 100 },
        { .n_threads = 4, .memory_bytes = 256 << 20 },
        { .n_threads = 2, .memory_bytes = 256 << 20, .task_bytes = 100 },
};
/* The first ones are asked with all cuts. Sanitizers, which make all of it five times slower, look for other faults
 * than the law does, in code that the first sessions and cuts reach. */
#ifdef __SANITIZE_ADDRESS__
static const size_t n_cuts[] = { N_FEW_CUTS, N_FEW_CUTS };
#else
static const size_t n_cuts[] = { N_CUTS, N_CUTS, N_FEW_CUTS, N_FEW_CUTS };
#endif
enum { N_SESSIONS = ELEMENTSOF(n_cuts) };

typedef struct Tally {
        mars_session *session[N_SESSIONS];
        const char *family;
        unsigned *n_taken; /* [op] questions that it answered */
} Tally;

static void nothing_left(mars_session *s, const char *text) {
        mars_session_stats stats;

        must(mars_session_stat(s, &stats, &err));
        ck_assert_msg(stats.chunks == 0 && stats.used_bytes == 0 && stats.pinned_bytes == 0, "%s leaves %llu chunks",
                      text, (unsigned long long) stats.chunks);
}

static void hold(const Question *q, void *userdata) {
        Tally *tally = userdata;
        Bits whole   = {};

        if (strcmp(q->info->family, tally->family) != 0 || !compute(tally->session[0], q, cuts[0], &whole))
                return;
        tally->n_taken[q->op] += whole.code == 0;
        for (size_t t = 0; t < N_SESSIONS; t++) {
                for (size_t c = 0; c < n_cuts[t]; c++) {
                        Bits cut;

                        ck_assert_msg(compute(tally->session[t], q, cuts[c], &cut), "%s is refused in chunks of %d",
                                      q->text, cuts[c].length);
                        ck_assert_msg(bits_equal(&cut, &whole),
                                      "%s: chunks of %d%s on %u threads with %llu bytes a task change it", q->text,
                                      cuts[c].length, cuts[c].lazy ? " of lazy inputs" : "", sessions[t].n_threads,
                                      (unsigned long long) sessions[t].task_bytes);
                        bits_clear(&cut);
                }
                nothing_left(tally->session[t], q->text);
        }
        bits_clear(&whole);
}

/* Every operator of the family answered some question, or the law says nothing of it. */
static void hold_family(const char *family) {
        _cleanup_(freep) unsigned *n_taken = calloc(mars_op_count(), sizeof(*n_taken));
        Tally tally                        = { .family = family, .n_taken = n_taken };

        for (size_t t = 0; t < N_SESSIONS; t++)
                must(mars_session_new(&tally.session[t], NULL, &sessions[t], &err));
        each_question(hold, &tally);
        for (size_t t = 0; t < N_SESSIONS; t++)
                mars_session_unref(tally.session[t]);
        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);

                if (!info->hidden && strcmp(info->family, family) == 0)
                        ck_assert_msg(n_taken[op] > 0, "%s takes nothing that tests/laws/cases.h has for it",
                                      info->name);
        }
}

TEST(maps_have_the_same_bits_for_every_tiling) {
        hold_family("map");
}

TEST(reductions_have_the_same_bits_for_every_tiling) {
        hold_family("reduce");
}

TEST(scans_have_the_same_bits_for_every_tiling) {
        hold_family("scan");
}

TEST(moves_have_the_same_bits_for_every_tiling) {
        hold_family("move");
}

TEST(sources_have_the_same_bits_for_every_tiling) {
        hold_family("source");
}

TEST(exchanges_have_the_same_bits_for_every_tiling) {
        hold_family("exchange");
}

TEST(products_have_the_same_bits_for_every_tiling) {
        hold_family("contract");
}

TEST(factorizations_have_the_same_bits_for_every_tiling) {
        hold_family("block");
}

TEST(no_family_is_left_out) {
        static const char *const held[] = {
                "map", "reduce", "scan", "move", "source", "exchange", "contract", "block"
        };

        for (unsigned op = 0; op < mars_op_count(); op++) {
                const mars_op_info *info = mars_op_describe(op);
                bool found               = false;

                for (size_t k = 0; k < ELEMENTSOF(held); k++)
                        found |= strcmp(info->family, held[k]) == 0;
                ck_assert_msg(found, "%s is of family %s", info->name, info->family);
        }
}
