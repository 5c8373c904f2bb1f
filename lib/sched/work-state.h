/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the worker remembers; shared by its files and by nobody else.
 *
 * The ledger: chunk_bytes is the sum over chunks in memory or on their way into it, the outputs of tasks that were
 * admitted, and values reserved together; scratch_bytes is that of admitted tasks. Each part is rounded up as the store
 * does it. The ledger predicts the store; the store decides (WORK_REFUSED). */
#include "base/idmap.h"
#include "sched/evict.h"
#include "sched/work.h"

#define NONE UINT32_MAX

/*                  dropped, or the last use of a copy
 *        ABSENT ─── made, adopted ──▶ HERE ──────────────▶ (forgotten)
 *          │  ▲                      ▲  ▲ │
 *          ▼  │ failed               │  │ ▼ evicted
 *        WANTED ──▶ FETCHING ────────┘  │ AWAY
 *                                       │  │ needed
 *          lost: ABSENT ◀────── RETURNING ◀┘
 */
typedef enum ChunkState {
        CHUNK_ABSENT,    /* awaited by tasks */
        CHUNK_WANTED,    /* to be fetched from another worker when there is room */
        CHUNK_FETCHING,
        CHUNK_HERE,
        CHUNK_AWAY,      /* on disk alone */
        CHUNK_RETURNING, /* on its way from there */
} ChunkState;

/* What was fetched is a copy, which is ours to free after the last use; everything else the scheduler drops, when
 * nobody anywhere will read it. A chunk that is dropped while a task or a client still reads it, or while it is on its
 * way, goes after that; until then no task may start that would make it anew. */
typedef struct Chunk {
        uint64_t id;
        size_t bytes;        /* that it takes in memory; 0: memory that is not ours */
        uint32_t first, last; /* Use: the tasks given to us that read it, in the order of plans; or NONE. `first` also
                                 chains unused entries */
        uint32_t claims;     /* admitted tasks that read it; known while `rating` */
        uint32_t pins;       /* clients that read it */
        union {
                uint32_t from;    /* WANTED, FETCHING */
                uint32_t used_at; /* else: when it was made or last read */
        };
        uint8_t state;       /* ChunkState */
        bool copy : 1, dropped : 1;
        bool own : 1;        /* WANTED, FETCHING: it is given to us to keep */
        bool take : 1;       /* the same: the scheduler has asked for it, and is owed an answer */
        bool writing : 1;    /* HERE: on its way to disk, and readable all the while */
        bool disk : 1;       /* written: whole on disk */
        bool paged : 1;      /* it was away once: it takes whole pages */
        uint16_t slack;      /* bytes - slack is what was made, or came */
} Chunk;

typedef struct Use {
        uint32_t task, next;
} Use;

typedef enum TaskState {
        TASK_UNUSED,
        TASK_WAITING,
        TASK_READY,
        TASK_LOADING, /* admitted; inputs are on their way from disk */
        TASK_LOADED,  /* admitted, and all inputs are here */
        TASK_RUNNING,
} TaskState;

typedef struct Task {
        uint32_t plan;       /* index of its Job */
        uint32_t task, position;
        uint32_t missing;    /* inputs that are not made or fetched yet; LOADING: that are not back */
        uint64_t refused_at; /* value of n_freed when memory for it could not be had */
        size_t bytes;        /* admitted: reserved for its outputs */
        TaskState state;
        bool claimed;        /* it counts in the claims of its inputs */
        bool retried;        /* the disk was asked once more before it would have failed */
        bool called;         /* RUNNING: it was called back, and others may do it meanwhile */
        uint32_t next_unused;
} Task;

/* Where a task stands: in the order of plans, and of the positions in them. */
typedef struct Order {
        uint64_t plan;
        uint32_t position;
} Order;

typedef struct Ready {
        uint32_t position, task;
} Ready;

typedef enum Together { TOGETHER_OPEN, TOGETHER_YES, TOGETHER_NO } Together;

/* A session that has plans here. */
typedef struct Sharer {
        uint64_t session;
        uint64_t served; /* work, as turns go by it: counted from where the others were when it came */
        uint64_t plans;  /* where the plan stood that had its last turn */
        uint32_t n_jobs; /* 0: unused */
        uint32_t n_ready;
} Sharer;

/* A plan that we know of. */
typedef struct Job {
        PlanRun *run;        /* NULL: unused */
        uint8_t *together;   /* [value] Together; NULL while nothing is */
        Vec(Ready) line;     /* tasks that became ready in their order: those from line_at on; */
        uint32_t line_at;
        Vec(Ready) early;    /* and those that became ready behind later ones: a heap */
        uint64_t *work;      /* [stage] of one of its tasks (plan_run_weigh) */
        uint64_t done_work;  /* of the tasks that were admitted, */
        uint64_t served;     /* and the same as turns of its session's plans go by it */
        uint32_t n_running;
        uint32_t share; /* of its session */
        bool ending;
        bool left;           /* whoever gave it is gone; `plans` has it no more, but perhaps one of its number */
        PlanDrop drop;       /* once it is ending */
} Job;

/* A client that waits for chunks. */
typedef struct Pin {
        uint64_t id, chunk;
        uint32_t n;
        uint32_t missing;    /* chunks that are not back */
        uint64_t refused_at;
        bool admitted, brief;
        bool retried;        /* as of a task */
} Pin;

struct Work {
        WorkLimits limits;
        size_t soft_cache;   /* of chunk_bytes */
        size_t chunk_bytes, scratch_bytes;
        size_t writing_bytes, clean_bytes; /* of chunks HERE: being written; written */
        size_t away_bytes, returning_bytes;
        uint64_t n_freed;    /* grows whenever memory becomes free */
        uint32_t n_refused;  /* tasks, by the store, since one was finished */
        IdMap chunks;        /* id -> index into chunk, plus 1 */
        Map plans;           /* id -> index into job, plus 1 */
        Vec(Chunk) chunk;
        Vec(Task) task;
        Vec(Use) use;
        Vec(Job) job;
        Vec(Sharer) share;
        Vec(uint32_t) passed; /* scratch of overtake() */
        uint32_t n_ready;    /* tasks, of all jobs */
        uint32_t turn;       /* the job whose tasks go first, */
        uint64_t turn_end;   /* until it has been served so much; */
        uint64_t served;     /* and where its session stood when its turn began */
        Vec(uint32_t) loading, loaded; /* tasks */
        Vec(Pin) pin;        /* that wait, in their order */
        Vec(uint64_t) wanted; /* chunks to be fetched, in their order; some may not be WANTED any more */
        uint32_t unused_chunk, unused_task, unused_use;
        uint32_t n_running, n_tasks;
        uint32_t n_stopping; /* running, and what they make is dropped: nobody else may make it meanwhile */
        uint32_t n_called;   /* tasks */
        uint32_t n_writing, n_returning, n_fetching, n_away; /* chunks; AWAY or RETURNING */
        uint32_t n_odd;      /* chunks that are a copy or dropped: rare, and in the way of tasks that make them */
        uint64_t n_pinned, n_brief; /* pins of chunks; and of them the brief ones */
        size_t pinned_bytes;
        uint32_t clock;      /* of used_at */
        uint32_t n_threads, n_places;
        uint32_t n_allowed;  /* threads that get tasks: all, unless it is careful */
        bool careful;
        uint32_t n_busy;     /* threads that have some */
        uint32_t *n_of;      /* [n_threads] tasks that run under its numbers */
        uint32_t *thread;    /* [n_places] task that runs under this number, or NONE */

        bool rating;         /* there was pressure: claims are counted, and these are kept: */
        Evict dirty, clean;  /* chunks that nobody needs now: not written; written */
        Error refusal;       /* of the last write, if it failed; code 0: there is room, for all we know */

        uint64_t n_spilled, n_evicted, n_returned;
        WorkActions *actions;
};

/* ---- work.c */
int work_act(Work *w, const WorkAction *action);
int work_fail(Work *w, const Job *job, uint32_t task, const Error *err); /* FAILED, in words of the task */

/* ---- work-chunk.c: chunks and who reads them */
size_t chunk_rounded(size_t bytes);
size_t chunk_paged(size_t bytes);       /* of one that comes back in whole pages, wherever in them it begins */
Chunk *chunk_find(Work *w, uint64_t id);
Chunk *chunk_get(Work *w, uint64_t id); /* new if need be; entries move when the next one is made */
bool chunk_in_memory(const Chunk *c);
int chunk_here(Work *w, Chunk *c);      /* who waited for it goes on */
int take_answer(Work *w, uint64_t chunk); /* it is here to stay, as the scheduler has asked */
int chunk_settle(Work *w, Chunk *c);    /* frees it if nobody needs it any more, or says what it is worth now */
int use_add(Work *w, Chunk *c, uint32_t task);
int use_remove(Work *w, Chunk *c, uint32_t task);
int work_drop(Work *w, uint64_t chunk, uint32_t n);
int work_adopt(Work *w, uint64_t chunk, uint32_t n);
int work_offer(Work *w, uint64_t chunk, size_t size_bytes);
int fetch_add(Work *w, const PlanRun *run, const RunFetch *fetch);
int fetches_go(Work *w);                /* those for which there is room */
int work_expect(Work *w, uint64_t chunk, size_t size_bytes);
int work_take(Work *w, const WorkEvent *e);
int work_restore(Work *w, uint64_t chunk, size_t size_bytes);
int takes_end(Work *w);                 /* nobody waits for them any more */
int chunk_lost(Work *w, Chunk *c, const Error *err); /* it was RETURNING, and is nowhere */
int work_fetched(Work *w, const WorkEvent *e);
int work_fetch_failed(Work *w, const WorkEvent *e);

/* ---- work-task.c: plans, tasks, who is ready */
bool order_before(const Order *a, const Order *b);
Order order_of(const Work *w, uint32_t task);
uint32_t ready_first(Work *w);          /* the next task to start; there is one */
uint32_t ready_pop(Work *w);            /* the same, which is ready no more */
int task_ready(Work *w, uint32_t task);
int task_end(Work *w, uint32_t task);   /* its inputs are read no more; the entry is unused */
int readers_wait(Work *w, const Chunk *c); /* the chunk was here, and is to come again */
Job *job_find(Work *w, uint64_t plan);
int plan_add(Work *w, PlanRun *run);
void job_clear(Job *job);
void job_serve(Work *w, Job *job, uint64_t work); /* a task of it is admitted */
int plan_end(Work *w, Job *job);        /* nothing of it runs any more */
int work_run(Work *w, const WorkEvent *e);
int work_recall(Work *w, const WorkEvent *e);
int work_forget(Work *w, uint64_t plan, PlanDrop drop);
int work_leave(Work *w);
static inline bool job_stopping(const Job *job) { /* what its tasks make is not kept */
        return job->ending && job->drop == DROP_TASKS;
}

/* ---- work-admit.c: who may start */
int work_next(Work *w, uint32_t thread);
bool being_made(const Work *w, uint64_t chunk); /* by a task that runs although it was called back, or forgotten */
int inputs_claim(Work *w, uint32_t task);    /* while `rating` */
int inputs_unclaim(Work *w, uint32_t task);
int work_refused(Work *w, uint32_t thread);
int task_refused(Work *w, uint32_t task); /* there was no room in the store: it is ready again, or fails */
size_t task_short(Work *w, uint32_t at); /* bytes that it lacks, besides what could be forgotten at once */
int work_finished(Work *w, const WorkEvent *e);
int admitted_end(Work *w, uint32_t task);    /* what was reserved for it is free; its inputs may go */
int together_free(Work *w, Job *job);      /* chunks reserved together that were not made */
int together_lost(Work *w, uint64_t chunk); /* one of them will be made again, and lie elsewhere */
void together_refused(Work *w, Job *job, uint32_t value);

/* ---- work-memory.c: what leaves memory, and what comes back */
/* What is missing for so many more bytes of chunks and of scratch, below the soft limits or the hard ones. */
size_t memory_short(const Work *w, size_t chunk_bytes, size_t scratch_bytes, bool soft);
/* Chunks may leave memory: they can be written, or were, or somebody else has them. */
static inline bool memory_gives(const Work *w) {
        return w->limits.spill || w->clean_bytes > 0 || w->n_away > 0;
}
bool work_still(const Work *w); /* nothing is under way here that would make room by itself, */
bool work_idle(const Work *w);  /* nor is anything fetched */
int rating_begin(Work *w);
int chunk_rate_now(Work *w, const Chunk *c);
static inline int chunk_rate(Work *w, const Chunk *c) { /* what it is worth has changed */
        return w->rating ? chunk_rate_now(w, c) : 0;
}
int room_make(Work *w, size_t short_bytes); /* forgets what is written, and writes as much more as is needed */
int chunk_return(Work *w, Chunk *c);
int work_spilled(Work *w, const WorkEvent *e);
int work_returned(Work *w, const WorkEvent *e);
void memory_error(const Work *w, size_t needed_bytes, Error *err); /* why so much cannot be had */
int memory_settle(Work *w);                /* after every event */

/* ---- work-pin.c: clients */
int work_pin(Work *w, const WorkEvent *e);
int work_unpin(Work *w, const WorkEvent *e);
int pins_go(Work *w);                      /* those for which there is room */
int pin_returned(Work *w, uint64_t chunk, bool here, const Error *err);
int pins_lost(Work *w, uint64_t chunk, const Error *err); /* all that wait for it end */
