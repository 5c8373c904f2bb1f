/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster in one process, from one seed: the scheduler's machine, workers' machines, a client, links that keep their
 * order but not their time, memory that is refused, disks that damage what they have, tasks that fail, requests that
 * are canceled, and faults (cluster-mix.h). All the while the machines' counters agree with what they count; nothing
 * starts without its inputs, bit for bit; what a request gets is there and right. Some time after the last fault
 * everything asked for has come, all that the client still has can be had, and when it has let go of it nothing is left
 * anywhere.
 *
 *     SIM_SEED=17 CK_FORK=no build/tests/test-cluster    one run again
 *     SIM_FIRST=2001 SIM_SEEDS=5000 …                    the seeds from one to another
 *     SIM_FAULT=apart …                                  each of them, if it has faults, has this one of the seldom */
#include "sim/cluster-time.h"

enum { ENOUGH_SEEDS = 2000 };

enum {
        MOST_SUBMITS  = 24,
        WAYS          = 7,                /* in which something can happen at a worker */
        LONGEST_WAIT  = 30 * HEARTBEAT,   /* after the last fault, until something happens that a client waits for */
        LONGEST_BAD   = 30 * HEARTBEAT,   /* as long again, if a task waits for two workers to reach each other */
        LONGEST_APART = 2000 * HEARTBEAT, /* until it has all, one task after the other, in a cluster in parts */
};

/* It is not done yet with what it did last. */
static bool is_slow(const Sim *s, const SimWorker *w) {
        return s->now < w->slow_at && s->now < w->slow_until;
}

static bool anybody_is_slow(const Sim *s) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                if (is_slow(s, &s->worker[k]))
                        return true;
        return false;
}

/* One thing happens at worker w, if anything can; true if it did. Not what it has said to the scheduler, if that is to
 * be late. */
static bool worker_moves(Sim *s, SimWorker *w, uint32_t what, bool late) {
        uint32_t thread = what % MAX_NUMBERS;

        if (!w->alive || ((w->paused || is_slow(s, w)) && what / MAX_NUMBERS % WAYS != 1))
                return false;
        switch (what / MAX_NUMBERS % WAYS) {
        case 0:
                if (w->cut)
                        return false;
                if (w->stale && channel_empty(&w->to)) {
                        link_lost(s, w);
                        return true;
                }
                if (channel_empty(&w->to))
                        return false;
                worker_hears(s, w);
                return true;
        case 1:
                if (late || w->cut || sched_stopped(s) || channel_empty(&w->from))
                        return false;
                sched_hears(s, w);
                return true;
        case 2:
                return w->fetch.n > 0 && fetch_end(s, w, what % w->fetch.n);
        case 3:
                if (thread >= w->n_numbers || !w->busy[thread].busy)
                        return false;
                finish(s, w, thread);
                return true;
        case 4:
                return disk_ends(s, w, what);
        case 5:
                return serve_end(s, w, what);
        default:
                if (thread >= w->n_numbers || w->busy[thread].busy || work_n_ready(w->work) == 0)
                        return false;
                what = work_n_ready(w->work);
                work_tell(s, w, (WorkEvent) { .kind = WORK_NEXT, .thread = thread });
                if (w->busy[thread].busy && work_n_running(w->work) > 1 && one_in(s, 20)) {
                        w->busy[thread].busy = false; /* the store had no room after all */
                        work_tell(s, w, (WorkEvent) { .kind = WORK_REFUSED, .thread = thread });
                        return false;
                }
                return what != work_n_ready(w->work);
        }
}

static bool client_moves(Sim *s, uint32_t what) {
        switch (what % 3) {
        case 0:
                if (channel_empty(&s->to_client))
                        return false;
                client_hears(s);
                return true;
        case 1:
                if (sched_stopped(s) || channel_empty(&s->from_client))
                        return false;
                session_hears(s);
                return true;
        default:
                return s->put.n > 0 && put_begin(s, what / 3 % s->put.n);
        }
}

static bool one_moves(Sim *s, bool late) {
        uint32_t first = (uint32_t) sim_random(s, MAX_SIM_WORKERS + 1), what = (uint32_t) sim_random(s, 1000);

        for (uint32_t k = 0; k <= MAX_SIM_WORKERS; k++) {
                const uint32_t who = (first + k) % (MAX_SIM_WORKERS + 1);

                for (uint32_t i = 0; i < WAYS * MAX_NUMBERS; i++) {
                        SimWorker *w = who == MAX_SIM_WORKERS ? NULL : &s->worker[who];

                        if (w ? !worker_moves(s, w, what + i, late) : !client_moves(s, what + i))
                                continue;
                        if (w && s->now < w->slow_until)
                                w->slow_at = s->now + sim_random(s, HEARTBEAT);
                        return true;
                }
        }
        return false;
}

static bool somebody_moves(Sim *s) {
        if ((s->late && !one_in(s, 8) && one_moves(s, true)) || one_moves(s, false))
                return true;
        for (uint32_t w = 0; w < MAX_SIM_WORKERS; w++)
                for (uint32_t k = 0; k < s->worker[w].serve.n && !s->worker[w].paused; k++)
                        if (serve_end(s, &s->worker[w], k))
                                return true;
        /* What is to be put and fetched is looked through at random. */
        for (uint32_t k = 0; k < s->put.n; k++)
                if (put_begin(s, k))
                        return true;
        for (uint32_t w = 0; w < MAX_SIM_WORKERS; w++)
                for (uint32_t k = 0; k < s->worker[w].fetch.n && !s->worker[w].paused; k++)
                        if (fetch_end(s, &s->worker[w], k))
                                return true;
        if (s->n_synced == s->row.n || sched_stopped(s) || s->now < s->journal_until)
                return false;
        journal_sync(s);
        return true;
}

/* A chunk of what it has, from who is said to have it. */
static void something_is_read(Sim *s) {
        const uint64_t id    = s->tensor.data[sim_random(s, s->tensor.n)];
        const SchedTensor *t = sched_tensor(s->sched, id);
        const uint32_t c     = t ? (uint32_t) sim_random(s, t->n_chunks) : 0;
        SimWorker *w         = t && t->holder[c] != WORKER_NONE ? &s->worker[t->holder[c]] : NULL;

        if (w && w->alive && !w->paused)
                client_reads(s, w, t->chunk_first + c);
}

/* While things go wrong, if they do in this seed. */
static void live(Sim *s) {
        uint32_t n_submits = 1 + (uint32_t) sim_random(s, MOST_SUBMITS);

        while (n_submits > 0 || s->asked.n > 0) {
                if (n_submits > 0 && (s->asked.n == 0 || one_in(s, 100))) {
                        submit(s);
                        n_submits--;
                }
                if (one_in(s, 150) && !s->mix.stays_apart)
                        adopt(s);
                if (s->tensor.n > 0 && one_in(s, 100))
                        release(s, (uint32_t) sim_random(s, s->tensor.n));
                if (s->mix.reads && s->tensor.n > 0 && one_in(s, 20))
                        something_is_read(s);
                if (s->n_requests > 0 && one_in(s, 6000))
                        cancel_one(s);
                if (one_in(s, 20) && !sched_stopped(s))
                        journal_sync(s);
                fault_perhaps(s);
                time_passes(s, 1 + sim_random(s, 2 * s->mix.step));
                if (!somebody_moves(s) && n_submits == 0 && !anybody_is_slow(s))
                        return; /* it waits for what must be mended, or for its time */
        }
}

/* Until nothing happens any more, and nobody waits for anybody who will not come. As long as the client waits,
 * something happens within LONGEST_WAIT. */
static void go_on(Sim *s) {
        const uint64_t longest_wait = LONGEST_WAIT + (s->n_unreached > 0 ? LONGEST_BAD : 0);
        const uint64_t longest      = 2 * (sim_limits.dead_usec + sim_limits.suspect_usec + sim_limits.lease_usec);

        for (uint64_t since = s->now; s->now - since < longest;) {
                time_passes(s, 1 + sim_random(s, 2 * s->mix.step));
                if (somebody_moves(s))
                        since = s->now;
                else
                        time_passes(s, TICK);
                sim_assert(s, s->asked.n + s->adopting.n == 0 || s->now - since < longest_wait);
        }
}

/* Some workers do not reach others, until the client has all that it waits for. */
static void go_on_apart(Sim *s) {
        const uint64_t began = s->now;

        for (uint64_t since = s->now; s->asked.n > 0;) {
                time_passes(s, 1 + sim_random(s, 2 * s->mix.step));
                if (somebody_moves(s))
                        since = s->now;
                else
                        time_passes(s, TICK);
                sim_assert(s, s->now - since < LONGEST_WAIT && s->now - began < LONGEST_APART);
        }
}

/* All that is broken is mended; what is gone is noticed by who waits for it. Then everything must end. */
static void mend(Sim *s) {
        s->mending       = true;
        s->sched_until   = s->now;
        s->journal_until = s->now;
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *w = &s->worker[k];

                if (w->draining && w->linked)
                        sched_tell(s, (SchedEvent) { .kind = SCHED_DRAIN, .worker = k });
                w->draining = w->paused = w->cut = false;
                w->slow_until                    = s->now;
        }
        if (s->mix.stays_apart)
                go_on_apart(s);
        memset(s->apart_until, 0, sizeof(s->apart_until));
        go_on(s);
        sim_assert(s, s->begun && s->asked.n == 0 && s->adopting.n == 0);
}

/* Somebody looks at all that is on a disk alone. */
static void read_away(Sim *s, SimWorker *w) {
        Vec(uint64_t) chunk = {};

        for (uint32_t k = 0; k < w->cold.capacity; k++)
                if (w->cold.entry[k].value)
                        ck_assert_int_eq(vec_push(&chunk, w->cold.entry[k].key), 0);
        for (uint32_t k = 0; k < chunk.n; k++)
                serve_begin(s, w, chunk.data[k]);
        vec_free(&chunk);
}

/* What the client has can be read. */
static void read_all(Sim *s) {
        /* Of what was made in many steps there is a second copy instead of a recipe: it takes two losses, by death,
         * of a disk, or because no scheduler came. All else is made again, unless the client or a task will not. A
         * worker that is emptied lets go of its copies before there are others (0041): then one loss will do. */
        const uint64_t n_losses = s->n_killed + s->n_dropped + s->n_damaged;
        const bool twice        = s->forgets && n_losses > 0 && n_losses + s->n_emptied > 1;
        const bool may_be_lost  = twice || s->refuses || s->failures || s->tight || s->poisons;

        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++)
                read_away(s, &s->worker[k]);
        go_on(s);
        if (s->tensor.n > 0)
                submit_all(s);
        go_on(s);
        sim_assert(s, s->asked.n == 0);
        for (uint32_t k = 0; k < s->tensor.n; k++) {
                const SchedTensor *t = sched_tensor(s->sched, s->tensor.data[k]);

                sim_assert(s, t->n_lost == 0 || may_be_lost);
                for (uint32_t c = 0; c < t->n_chunks; c++)
                        if (t->holder[c] != WORKER_NONE)
                                sim_assert(s, map_get(&s->worker[t->holder[c]].store, t->chunk_first + c) ==
                                                      map_get(&s->expected, t->chunk_first + c));
        }
}

static void say_figures(const Sim *s, const SchedStats *stats) {
        const struct {
                const char *what;
                uint64_t n;
        } figures[] = {
                { "requests succeeded", s->n_succeeded },
                { "failed", s->n_failed },
                { "were said again", s->n_again },
                { "faults", s->n_faults },
                { "workers died", s->n_killed },
                { "were silent for too long", s->n_silent },
                { "were counted out", s->n_left },
                { "were drained", s->n_drained },
                { "gave up the scheduler", s->n_dropped },
                { "chunks were damaged on a disk", s->n_damaged },
                { "workers were not reached by others", s->n_unreached },
                { "leases ended", s->n_leases },
                { "given tensors were spared", s->n_spared },
                { "times the scheduler died", s->n_restarts },
                { "digests were asked for", s->n_digests },
                { "chunks differed", s->n_differed },
                { "tasks", stats->n_tasks_done },
                { "tasks ran again", stats->n_remade },
                { "milliseconds", s->now },
        };

        fprintf(stderr, "seed %llu:", (unsigned long long) s->seed);
        for (size_t k = 0; k < ELEMENTSOF(figures); k++)
                fprintf(stderr, " %llu %s;", (unsigned long long) figures[k].n, figures[k].what);
        fputc('\n', stderr);
}

static void nothing_is_left(Sim *s) {
        SchedStats stats;

        while (s->tensor.n > 0)
                release(s, s->tensor.n - 1);
        known_say(s);
        while (somebody_moves(s))
                time_passes(s, s->mix.step);
        sim_assert(s, s->book.requests.n == 0 && s->book.refs.n == 0 && s->wanted.n == 0);
        sim_assert(s, s->given.n == 0 && s->data.n == 0); /* and the client keeps nothing */
        sched_stats(s->sched, &stats);
        sim_assert(s, stats.n_tensors == 0);
        sim_assert(s, stats.n_ghosts == 0);
        sim_assert(s, stats.n_recipes == 0);
        sim_assert(s, stats.n_requests == 0);
        sim_assert(s, stats.n_plans == 0);
        sim_assert(s, stats.state_bytes == 0);
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *w = &s->worker[k];
                WorkStats work;

                if (!w->alive)
                        continue;
                work_stats(w->work, &work);
                sim_assert(s, work.n_chunks == 0);
                sim_assert(s, work.n_tasks == 0);
                sim_assert(s, work.n_plans == 0);
                sim_assert(s, work.used_bytes == 0);
                sim_assert(s, w->store.n == 0 && w->disk.n == 0 && w->cold.n == 0);
                sim_assert(s, w->plan.n == 0);
        }
        if (getenv("SIM_SEED"))
                say_figures(s, &stats);
}

static void sim_free(Sim *s) {
        for (uint32_t k = 0; k < MAX_SIM_WORKERS; k++) {
                SimWorker *w = &s->worker[k];

                if (w->alive)
                        worker_end(s, w, false);
                channel_done(&w->to);
                map_done(&w->store);
                map_done(&w->bytes);
                map_done(&w->disk);
                map_done(&w->cold);
        }
        sched_free(s->sched);
        sched_actions_done(&s->sched_actions);
        work_actions_done(&s->work_actions);
        channel_done(&s->to_client);
        channel_done(&s->from_client);
        session_clear(s);
        vec_free(&s->adopting);
        vec_free(&s->known);
        for (uint32_t k = 0; k < s->row.n; k++)
                row_free(&s->row.data[k]);
        vec_free(&s->row);
        vec_free(&s->asked);
        vec_free(&s->tensor);
        vec_free(&s->put);
        map_done(&s->expected);
        map_done(&s->length);
        map_done(&s->planned);
        map_done(&s->data);
        map_done(&s->data_bytes);
        map_done(&s->data_wanted);
        free(s);
}

typedef struct Seen {
        uint64_t n_digests, n_differed;
} Seen;

/* A digest of all that was said; seen: what is added up over seeds, or NULL. */
static uint64_t run_seed(uint64_t seed, Seen *seen) {
        Sim *s = calloc(1, sizeof(*s));
        uint64_t said;

        s->seed     = seed;
        s->random   = seed * 0x1234567;
        s->faults   = seed % 4 > 0;
        s->failures = seed % 5 == 2;
        s->tight    = seed % 7 == 3;
        s->refuses  = seed % 6 == 5;
        s->poisons  = seed % 9 == 4;
        s->wrong    = seed % 10 >= 8;
        s->forgets  = seed % 8 >= 5;
        s->late     = seed % 3 == 1;
        s->begun    = true;
        mix_draw(s);
        s->forgets &= !s->mix.stays_apart;
        s->clock    = clock_new(s);
        s->patience = (Patience) { .clock_usec = clock_read(&s->clock, s->now) };
        sched_begin(s);
        s->client_linked = s->client_welcome = true;
        book_begin(&s->book, false);
        for (uint32_t n = 1 + (uint32_t) sim_random(s, 6); n > 0; n--) {
                worker_begin(s, &s->worker[n]);
                worker_joins(s, &s->worker[n]);
        }
        live(s);
        mend(s);
        read_all(s);
        nothing_is_left(s);
        said = s->said;
        if (seen) {
                seen->n_digests += s->n_digests;
                seen->n_differed += s->n_differed;
        }
        sim_free(s);
        return said;
}

TEST(every_seed_ends_with_the_right_chunks_and_nothing_left) {
        const char *one = getenv("SIM_SEED"), *many = getenv("SIM_SEEDS"), *first = getenv("SIM_FIRST");
        uint64_t n      = many ? strtoull(many, NULL, 10) : 2000;
        Seen seen       = {};

        if (one) {
                run_seed(strtoull(one, NULL, 10), NULL);
                return;
        }
        for (uint64_t seed = first ? strtoull(first, NULL, 10) : 1; seed <= n; seed++)
                run_seed(seed, &seen);
        fprintf(stderr, "%llu digests were asked for, %llu chunks differed\n", (unsigned long long) seen.n_digests,
                (unsigned long long) seen.n_differed);
        /* Chunks that were made twice are seldom, and where all is right they are the same. */
        ck_assert(first || n < ENOUGH_SEEDS || (seen.n_digests > 0 && seen.n_differed > 0));
}

/* Else a seed that fails could not be run again: nothing follows from where things lie in memory. */
TEST(a_seed_says_the_same_to_the_byte_whenever_it_is_run) {
        for (uint64_t seed = 1; seed <= 2000 && !getenv("SIM_SEED"); seed += 97) {
                const uint64_t said = run_seed(seed, NULL);
                void *aside         = malloc(seed * 1000);

                ck_assert_msg(run_seed(seed, NULL) == said, "seed %llu", (unsigned long long) seed);
                free(aside);
        }
}
