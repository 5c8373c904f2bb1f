/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A cluster in one process: what there is of it. The scheduler and the workers are the machines that daemons have; what
 * they say to each other goes over links as bytes (wire/), which keep their order but not their time, and are lost with
 * the link. What daemons add to the machines is here in its simplest form: the scheduler's journal (cluster-sched.h),
 * a client's session (cluster-session.h), workers' plans and memory (cluster-work.h), a client that keeps its data
 * (cluster-client.h). */
#include <stdio.h>

#include "base/hash.h"
#include "base/map.h"
#include "sched/book.h"
#include "sched/patience.h"
#include "sched/work.h"
#include "sim/fake-registry.h"
#include "wire/wire.h"

#include "harness.h"

enum {
        MAX_THREADS     = 3,
        PER_THREAD      = 2, /* tasks */
        MAX_NUMBERS     = MAX_THREADS * PER_THREAD,
        MAX_SIM_WORKERS = 8,
        MAX_FAULT_KINDS = 17,
        CAREFUL_SHARE   = 3,  /* one in so many processes that begin with what is there from before */
        CHECK_EVERY     = 37, /* events: the checks read everything, an event little */
};

/* ---- Time: in milliseconds, whatever others call it -------------------------------------------------------------- */

enum {
        TICK      = 100,
        HEARTBEAT = 10 * TICK,
        UNREACHED = 20 * TICK, /* until a worker says that it does not reach another one */
        CAREFUL_TIME = 6 * HEARTBEAT,
};

static const PatienceLimits sim_limits = {
        .look_usec    = HEARTBEAT,
        .dead_usec    = 10 * HEARTBEAT,
        .suspect_usec = 3 * HEARTBEAT,
        .doubt_usec   = 2 * HEARTBEAT,
        .lease_usec   = 12 * HEARTBEAT,
        .restore_usec = 3 * HEARTBEAT,
        .keep_usec    = 20 * HEARTBEAT,
};

typedef struct SimClock {
        uint64_t base, since;
        uint32_t per_mille; /* of the true time */
} SimClock;

static inline uint64_t clock_read(const SimClock *c, uint64_t now) {
        return c->base + (now - c->since) * c->per_mille / 1000;
}

/* ---- Links ------------------------------------------------------------------------------------------------------ */

typedef struct Letter {
        uint32_t kind, n;
        uint8_t *body;
} Letter;

typedef struct Channel {
        Vec(Letter) letter;
        uint32_t next;
} Channel;

/* ---- Workers ----------------------------------------------------------------------------------------------------- */

/* A plan as the worker made it itself. */
typedef struct Known {
        PlanRun run;
        Plan *plan;
        Arena *arena;
        uint64_t *leaf_first;
        bool *together;
} Known;

typedef struct Busy {
        bool busy;
        PlanRun *run;
        uint32_t task;
        uint64_t in[8];
} Busy;

typedef struct Fetch {
        uint64_t chunk;
        uint32_t from;
        uint64_t until; /* it is tried to reach whoever has it; 0: that has not failed yet */
} Fetch;

/* A chunk on its way to the disk, or back. */
typedef struct Flight {
        uint64_t chunk;
        bool write;
} Flight;

/* A chunk that is pinned, for those who fetch it, or for a client. */
typedef struct Serve {
        uint64_t pin, chunk, until;
        bool client;
        enum { SERVE_WAITS, SERVE_HERE, SERVE_FAILED } state;
} Serve;

typedef struct SimWorker {
        bool alive;         /* its process */
        bool linked;        /* the scheduler has a link to it */
        bool stale;         /* it has a link that the scheduler has closed, and reads what was said over it */
        bool cut;           /* nothing comes through for now */
        bool paused;        /* its process stands still */
        uint64_t careful_until; /* half of its threads compute; 0: all do */
        uint64_t slow_until, slow_at; /* each thing that it does takes long; nothing happens there before slow_at */
        bool local;         /* it is seen when its process ends */
        bool awaited;       /* by a scheduler that was restored */
        bool beats;         /* it has given a sign of life that nobody has read */
        uint64_t heard, away, doubted; /* in the scheduler's time */
        uint64_t reached;     /* listened(), when it gave a sign of life, or its link was closed */
        uint64_t noted;       /* s->now - s->stopped, when that was noted */
        uint64_t tick_at, lost;
        uint64_t retry_at, again_at; /* what was done to it is over; 0: it has not been drawn when */
        SimClock clock;
        Patience patience;
        bool known;         /* the scheduler counts it in: it is there, or away */
        bool left;          /* it has forgotten what the last scheduler said */
        bool draining;      /* it was asked to stop */
        bool stops;         /* and may */
        uint32_t n_takes;   /* that it was told of over this link, and has not answered */
        Work *work;
        Vec(Known *) plan;  /* also those that are ending */
        Map store, bytes;   /* chunk -> what it holds; and how large that is, plus 1 */
        Map disk, cold;     /* chunk -> what is written of it; and whether it is there alone */
        Vec(Flight) flight;
        Vec(Serve) serve;
        uint32_t n_threads, n_numbers; /* PER_THREAD numbers for each thread */
        Busy busy[MAX_NUMBERS];
        Vec(Fetch) fetch;
        Channel to, from;
} SimWorker;

/* ---- The journal: a log of which the end may be lost ------------------------------------------------------------ */

typedef enum RowKind {
        ROW_REQUEST,
        ROW_REQUEST_GONE,
        ROW_RECIPE,
        ROW_RECIPE_GONE,
        ROW_TENSOR,
        ROW_TENSOR_GONE,
        ROW_HELD,
        ROW_DONE,
} RowKind;

typedef struct Row {
        RowKind kind;
        uint64_t step;       /* on disk with all others of the same step, or not at all */
        uint64_t id;         /* of what it is about */
        uint64_t n_refs;     /* HELD */
        uint64_t request;    /* RECIPE: whose plan */
        SchedRecipe recipe;  /* lists of its own */
        SchedTensor tensor;
        Cuts cuts;           /* of the tensor, which has one axis; edges of its own */
        uint8_t *graph;      /* REQUEST */
        size_t graph_bytes;
        uint32_t n_tensors;  /* DONE: results */
        uint64_t *tensors;
        Error outcome;
} Row;

/* ---- The client ------------------------------------------------------------------------------------------------- */

typedef struct Waited {
        uint64_t id;
        uint8_t *graph;
        size_t graph_bytes;
        Vec(uint64_t) leaf; /* tensors that it reads: they are kept until it is done */
} Waited;

/* Data that the scheduler is to know. */
typedef struct Adopting {
        uint64_t request;
        int64_t length, step;
} Adopting;

/* Chunks that the client was asked for, and has not said whether it gave them. */
typedef struct Wanted {
        uint64_t tensor;
        uint64_t number; /* another one each time */
        uint32_t n;
        SchedPlace *place;
} Wanted;

/* A chunk of data on its way to a worker. */
typedef struct Put {
        uint64_t tensor, chunk;
        uint32_t worker;
        bool wanted;         /* the scheduler has asked for it */
        bool begun;
} Put;

/* What goes wrong in this seed, and how soon it is mended (cluster-mix.h). */
typedef struct Mix {
        uint32_t weight[MAX_FAULT_KINDS], total;
        uint32_t step;        /* that passes between events, about */
        uint32_t every;       /* events for a fault */
        uint32_t calm, storm; /* events that each lasts; 0: no difference */
        uint64_t retry;       /* who has lost his link tries again within that; */
        uint64_t again;       /* who was stopped, cut off or has died, is there again */
        bool reads;           /* clients read what they have */
        bool disks;           /* workers have little memory and a disk, */
        uint32_t damages;     /* which damages one chunk of so many, */
        uint32_t fills;       /* and has no room for one of so many; 0: never */
        bool stops_at_once;   /* who has been drained; else he waits, empty */
        bool stays_apart;     /* whoever does not reach whom, until the client has what it waits for: there is nothing
                                 then that cannot be made again on any side, which would be waited for */
        bool torn;            /* a scheduler that dies has written some of what it had not, the first part */
} Mix;

typedef struct Sim {
        uint64_t seed, random, n_events, epoch;
        uint64_t now;         /* the true time, which nobody knows */
        uint64_t sched_until; /* the scheduler stands still */
        uint64_t stopped;     /* for so long it did so far */
        uint64_t sched_tick_at, n_jumps;
        SimClock clock; /* the scheduler's */
        Patience patience;
        Sched *sched;
        SchedActions sched_actions;
        WorkActions work_actions;
        SimWorker worker[MAX_SIM_WORKERS];
        Vec(Row) row;
        uint32_t n_synced; /* rows that are on disk */
        uint64_t n_steps, journal_until; /* nothing gets to the disk before that */
        bool stepping;
        bool begun;
        Map expected;         /* chunk -> what it must hold */
        Map planned;          /* first chunks of plans that were seen */
        /* The client's session, as the scheduler knows it. */
        Book book;
        Vec(Wanted) wanted;
        Map given; /* tensors that are the client's data */
        uint64_t n_wanted; /* times that some was asked for */
        /* The client's. */
        bool client_linked, client_welcome;
        bool client_knocks; /* it waits for a scheduler that stands still */
        bool client_lost;   /* its session has ended, and it does not know */
        uint32_t ended_at;  /* the disk has that when it has so many rows: until then a restart brings it back */
        uint64_t client_away, client_reached, client_noted, client_retry_at;
        Channel to_client, from_client;
        Vec(Adopting) adopting;
        Vec(uint64_t) known; /* requests whose outcome has come, which it has not said yet */
        Vec(Waited) asked;
        Vec(uint64_t) tensor; /* references */
        Map length;           /* of these, plus 1 */
        Map data;             /* its own tensors, until it hears that it is not to keep them -> first chunk */
        Map data_bytes;       /* chunk -> size, plus 1 */
        Map data_wanted;      /* tensor -> number of what it was asked for last */
        Vec(Put) put;
        uint64_t n_requests, n_failed, n_succeeded, n_faults, n_killed, n_left, n_emptied, n_restarts, n_drained,
                n_again, n_silent, n_leases, n_dropped, n_damaged, n_unreached, n_pins, n_spared;
        Mix mix;
        uint64_t n_moves;
        uint64_t said; /* a digest of all that was heard */
        /* Two of them do not reach each other, in a table of both orders. */
        uint64_t apart_until[MAX_SIM_WORKERS][MAX_SIM_WORKERS];
        bool faults, failures, tight, refuses, poisons;
        bool wrong;         /* half of the workers say that what they have is something else */
        uint64_t n_digests, n_differed;
        bool mending;
        bool forgets; /* how things were made, after a few steps */
        bool late;    /* what workers say comes late */
} Sim;

static inline uint64_t sim_random(Sim *s, uint64_t n) {
        return fake_random(&s->random) % n;
}

static inline bool one_in(Sim *s, uint64_t n) {
        return sim_random(s, n) == 0;
}

/* The scheduler's own time. */
static inline uint64_t sched_now(const Sim *s) {
        return patience_now(&s->patience, &sim_limits, clock_read(&s->clock, s->now));
}

static inline bool is_silent(const Sim *s, const SimWorker *w) {
        return link_is_silent(&s->patience, &sim_limits, w->heard, w->doubted);
}

/* For how long it has listened, at most: what it does not see of a pause or a jump is one look. */
static inline uint64_t listened(const Sim *s) {
        return s->now - s->stopped + 2 * HEARTBEAT * s->n_jumps;
}

static inline SimClock clock_new(Sim *s) {
        return (SimClock) { .base      = sim_random(s, UINT32_MAX),
                            .since     = s->now,
                            .per_mille = 900 + (uint32_t) sim_random(s, 200) };
}

#define sim_assert(s, expr) ck_assert_msg(expr, "seed %llu: %s", (unsigned long long) (s)->seed, #expr)

/* SIM_TRACE=1: all that is said. */
static inline void trace(const char *who, int number, const WireMessage *m) {
        _cleanup_(arena_freep) Arena *arena = getenv("SIM_TRACE") ? arena_new() : NULL;

        if (arena)
                fprintf(stderr, "%s %d: %s\n", who, number, wire_print(m, arena));
}

static inline void post(Channel *c, const WireMessage *m) {
        Writer w = {};

        if (c->next == c->letter.n)
                c->next = c->letter.n = 0;
        wire_encode(m, &w);
        ck_assert_int_eq(w.r, 0);
        ck_assert_int_eq(vec_push(&c->letter, (Letter) { m->kind, w.bytes.n, w.bytes.data }), 0);
}

static inline bool channel_empty(const Channel *c) {
        return c->next == c->letter.n;
}

/* The next message; its lists lie in the arena. */
static inline WireMessage take_letter(Sim *s, Channel *c, Arena *arena, uint8_t **ret_body) {
        Letter *l = &c->letter.data[c->next++];
        WireMessage m;
        Error err = {};

        ck_assert_msg(wire_decode(l->kind, l->body, l->n, arena, &m, &err) == 0, "%s", err.text);
        s->said   = hash_bytes(l->body, l->n, s->said + l->kind);
        *ret_body = l->body;
        l->body   = NULL;
        return m;
}

static inline void channel_done(Channel *c) {
        for (; c->next < c->letter.n; c->next++)
                free(c->letter.data[c->next].body);
        vec_free(&c->letter);
        *c = (Channel) {};
}

static inline Error error_of(int code, const char *text) {
        Error err = {};

        if (code < 0)
                error_set(&err, code, "%s", text);
        return err;
}
