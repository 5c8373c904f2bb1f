/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the engine share: engine.c (its life, requests), run.c (the machines, tasks, threads),
 * tensor.c (tensors and pins), disk.c (chunks on their way to disk and back), origin.c (chunks that are read), log.c,
 * worker.c (an engine whose scheduler is elsewhere) and remote.c (one of which everything is elsewhere).
 *
 * All state is behind one lock; a thread that holds it steps a machine and carries out the actions of both until none
 * is left (engine_pump). Without the lock threads do one thing only: exec_run() on pinned memory. Callbacks (on_done,
 * release of foreign memory) run after the lock has been given up, on whatever thread that was. */
#include <pthread.h>
#include <unistd.h>

#include "base/idmap.h"
#include "base/map.h"
#include "engine/origin.h"
#include "engine/spans.h"
#include "engine/worker.h"
#include "exec/exec.h"
#include "io/spill.h"
#include "sched/work.h"

enum { WORKER = 0 }; /* the only one */

typedef struct Call {
        void (*fn)(void *userdata);
        void *userdata;
        struct Call *next;
} Call;

struct EngineRequest {
        Engine *engine;
        uint64_t id;
        uint32_t n_refs;        /* of callers; they hold one reference of the engine together */
        bool running, done, taken, closing;
        uint32_t n_wanted;
        TensorId *tensor;       /* [n_wanted] when it has succeeded */
        uint64_t n_done;        /* tasks, once it is done */
        Error outcome;
        Call *calls;
};

enum {
        TASKS_AT_ONCE = 32, /* that a thread takes, if they are small: what the lock costs is shared by so many */
};

/* A task that was taken, with its memory. */
typedef struct Held {
        bool started;           /* the machine has said START */
        PlanRun *run;
        uint32_t task;
        Vec(ChunkMemory) in, out;
        char *scratch;
        size_t cost;            /* bytes to move, roughly */
        bool takes_long;        /* perhaps more than a millisecond */
} Held;

/* What a thread that computes needs. For the machine its tasks run on as many threads: TASKS_AT_ONCE a slot. */
typedef struct Slot {
        Exec *exec;
        Held held[TASKS_AT_ONCE];
        uint32_t n_held, at;    /* those before `at` have been reported */
        bool helped;            /* a helper is at it, not a caller of the engine */
        bool replaced;          /* nobody wants what it is at: another slot has its part until it returns from there */
        uint64_t began_usec;    /* atomic: of the one at `at`; 0: it does not run */
        clockid_t clock;        /* while it runs: of the thread that runs it */
        Vec(size_t) bytes;
        Vec(int64_t) length;
} Slot;

/* Pieces for engine_each(). */
typedef struct Each {
        void (*fn)(void *userdata, uint32_t k);
        void *userdata;
        uint32_t n, next, n_inside;
        struct Each *after;
} Each;

typedef struct EngineName {
        char *text;
        TensorId tensor;
} EngineName;

typedef struct LogLine {
        bool warning;
        char *text;
} LogLine;

/* Where requests are decided and chunks are: the machines in this process, or a cluster. The lock is held. */
typedef struct EngineOps {
        /* Begins the request: request_done() follows, perhaps at once. Takes the graph. */
        void (*submit)(Engine *e, EngineRequest *q, Graph *graph);
        void (*cancel)(Engine *e, EngineRequest *q, const Error *why);
        bool (*progress)(Engine *e, const EngineRequest *q, uint64_t *ret_done, uint64_t *ret_total);
        SchedTensor *(*tensor)(Engine *e, TensorId id); /* NULL: there is none */
        void (*release)(Engine *e, TensorId id);
        /* Chunks that are data[k]; `released` is to be made once they are not needed there any more. May give the
         * lock up in between. Takes `again`, if it succeeds. */
        int (*adopt)(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, Call *released,
                     Origin *again, TensorId *ret, Error *err);
        int (*adopt_origin)(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin,
                            Call *released, TensorId *ret, Error *err);
        /* The tensor's k-th chunk can be pinned without waiting for disks and without copying. */
        bool (*here)(Engine *e, const SchedTensor *t, uint64_t k);
        int (*pin)(Engine *e, EnginePin *pin);          /* pin_answered() follows; or -ENOMEM */
        void (*unpin)(Engine *e, EnginePin *pin);
        void (*close)(Engine *e);                       /* ends all work; may give the lock up in between */
        void (*free)(Engine *e);
        void (*stats)(Engine *e, EngineStats *ret);
        int (*name)(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err);
        void (*keep)(Engine *e, uint64_t most_bytes); /* engine_keep_given(); NULL: nothing is to be kept here */
} EngineOps;
extern const EngineOps engine_local;

struct Engine {
        const EngineOps *ops;
        pthread_mutex_t lock;
        pthread_cond_t wake;    /* for those who could compute: tasks became ready, a request is done */
        pthread_cond_t changed; /* for those who only wait: a request is done, a thread has ended */
        uint32_t n_refs;        /* atomic */
        pid_t pid;
        Error broken;           /* a machine ran out of memory: nothing works any more */

        Store *store;           /* these are NULL where they are elsewhere */
        Sched *sched;
        Work *work;
        const EngineReports *reports; /* instead of a scheduler of our own */
        void *reports_userdata;
        struct Remote *remote;
        SchedActions sched_actions;
        WorkActions work_actions;
        uint32_t sched_at, work_at; /* what is carried out already */

        Budget budget;
        size_t task_bytes;      /* of a task of which all threads may have one, */
        size_t alone_bytes;     /* and of one that is alone */
        size_t piece_bytes;     /* of results that are copied; 0: as the cache is large */
        Spill *spill;           /* NULL: not needed so far */
        char *spill_dirs;
        uint64_t spill_owner;   /* of files that outlive the process, as the memory files do; 0: they go with it */
        IdMap away;             /* chunk that is or was written, or that an origin has -> its bytes */
        IdMap origins;          /* chunk -> Origin * that has it */
        Readers *readers;       /* NULL: not needed so far */

        Map requests;           /* id -> EngineRequest * */
        Map pins;               /* id -> EnginePin * that waits */
        uint64_t next_request, next_pin, n_tasks_done, n_tasks_failed;
        uint64_t n_refused_at_once; /* chunks that the disk or the store would not take, said without waiting */
        Call *calls;            /* to be made when the lock is given up */
        Each *each;
        Vec(EngineName) name;   /* of a session of this process; each has a reference */

        Slot *slot;             /* [n_slots] */
        SpanLane *lane;         /* [n_threads + ENGINE_LANES]; NULL: nobody can ask for them */
        uint32_t *free_slot;    /* [n_free_slots] */
        uint32_t *spare_slot;   /* [n_spare_slots] for those that are replaced */
        uint32_t *handed;       /* [n_handed] slots with a task that a caller has left to helpers */
        pthread_t *thread;      /* [n_slots] helpers that were started */
        uint64_t busy_since_usec; /* since when there has always been something to do; 0: there is nothing */
        uint32_t n_threads, n_slots, n_free_slots, n_spare_slots, n_handed, n_started, n_alive, n_idle;
        SpillCodec spill_codec;
        bool tiny;              /* tasks take less time than a second thread would cost the one that runs them */
        uint32_t n_not_tiny;    /* batches in a row that took more */
        bool closing, closed;
        bool lingers;           /* closed, but for threads that nobody waits for */
        bool leaves;            /* chunks stay in their memory files */
        bool careful;           /* memory that chunks leave goes back to the system */

        uint64_t process_bytes;   /* resident when the engine was made */
        size_t copied_before, copied_more; /* copies of callers' memory: then, and since then */
        pthread_mutex_t log_lock; /* beneath all others */
        Vec(LogLine) log;
        unsigned pages_said;      /* 1 + the rung of which the log knows; 0: of none */
};

/* The engine whose helper this thread is. */
extern _Thread_local Engine *helper_of;

/* ---- engine.c */
bool engine_lock(Engine *e);             /* false in a child of fork(), where nobody may know who held it */
int engine_enter(Engine *e,
                 Error *err); /* takes the lock of an engine that works: 0, or the error with words, and no lock */
void engine_unlock(Engine *e);           /* gives up the lock and makes the calls that came up */
void request_free(EngineRequest *q);
int engine_make(Engine **ret, const EngineConfig *config, const EngineOps *ops, Error *err); /* without the rest */
void engine_calls_add(Engine *e, Call *call);

/* ---- run.c */
void request_done(Engine *e, EngineRequest *q);
void requests_end(Engine *e, const Error *why); /* all fail with it */
uint64_t now_usec(void);
int tell_sched(Engine *e, const SchedEvent *event);
int tell_work(Engine *e, const WorkEvent *event);
/* Carries out what the machines want until they want nothing. `r` is what the step before returned. */
void engine_pump(Engine *e, int r);
/* Wakes or starts one thread, if there is one. */
void engine_wake(Engine *e);
/* This thread computes no more: somebody else goes on, if there is anything. */
void engine_leave(Engine *e);
/* One thing for this thread to do, a task or a piece of an engine_each(); false if there is none. Who is not patient
 * leaves tasks that take long to helpers. The lock is held before and after. */
bool engine_help(Engine *e, bool patient);
bool engine_run_one(Engine *e, bool patient); /* the same, tasks only */

/* ---- close.c */
void local_close(Engine *e);
/* With the lock held: true, and neither lock nor engine any more, if this was the last thread of an engine that
 * lingers. */
bool engine_end_lingering(Engine *e);

/* ---- tensor.c: tensors and chunks of the machines in this process */
SchedTensor *local_tensor(Engine *e, TensorId id);
void local_release(Engine *e, TensorId id);
int local_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, Call *released,
                Origin *again, TensorId *ret, Error *err);
bool local_here(Engine *e, const SchedTensor *t, uint64_t k);
int local_pin(Engine *e, EnginePin *pin);
void local_unpin(Engine *e, EnginePin *pin);
void pin_answered(Engine *e, uint64_t pin, uint64_t chunk, const Error *err);
size_t tiling_chunk_bytes(const Tiling *tiling, DType dtype, uint64_t chunk);
void pins_end(Engine *e, const Error *err); /* nobody waits any more */

/* ---- worker.c */
void chunk_pinned(Engine *e, uint64_t pin, uint64_t chunk, const Error *err);

/* ---- names.c */
int local_name(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err);
int remote_name(Engine *e, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err);

/* ---- log.c */
void engine_say(Engine *e, bool warning, const char *text); /* from any thread, whatever it holds */
void log_done(Engine *e);

/* ---- disk.c: the lock is held */
int disk_open(Engine *e, Error *err);
int disk_restore(Engine *e, Error *err); /* what a process with our memory files had on disk is AWAY */
void disk_close(Engine *e); /* nothing is on its way; gives the lock up in between */
int disk_write(Engine *e, uint64_t chunk);
void disk_landed(Engine *e, uint64_t chunk, bool written, const Error *err); /* it is on disk, or back; or is not */
int disk_read(Engine *e, uint64_t chunk);
void disk_free(Engine *e, uint64_t chunk);
