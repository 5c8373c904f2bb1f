/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A worker behind links: what the scheduler says goes to an engine without a scheduler (engine/worker.h), what
 * the engine reports becomes messages; chunks go to whoever asks for them, and come from whoever has them. One thread,
 * the loop's; the engine's threads leave their reports in a list and wake it.
 *
 * While there is no scheduler the worker tries to reach one, again and again. Plans of one that is gone are forgotten;
 * chunks stay for `keep_usec`, also over the death of the process (worker/memory.c), and a scheduler that comes is told
 * of them. */
#include <pthread.h>

#include "base/map.h"
#include "daemons/lines.h"
#include "daemons/past.h"
#include "daemons/progress.h"
#include "daemons/service.h"
#include "engine/borrow.h"
#include "engine/worker.h"
#include "io/address.h"
#include "io/say.h"
#include "sched/patience.h"

typedef struct WorkerConfig {
        EngineConfig engine;
        const char *const *schedulers; /* addresses; the first one that answers is ours */
        uint32_t n_schedulers;
        Tls *tls;               /* what TCP goes through; NULL: there is no key. Ours to keep a reference */
        const char *token_path; /* as token_find() takes it: looked at with each attempt, since a scheduler makes it */
        const char *name;
        const char *socket;       /* where others of this machine find us, or NULL, */
        uint64_t socket_identity; /* and which one that is */
        uint64_t heartbeat_usec;
        uint64_t keep_usec;    /* for so long chunks stay without a scheduler */
        int (*print)(void *userdata, FILE *f); /* or NULL: the configuration in force, in JSON; 0 or -ENOMEM */
        void *print_userdata;
        uint64_t watchdog_usec; /* a service manager that hears nothing for so long ends the process; 0: none does */
        uint64_t drain_usec;   /* at most so long it waits until others have its chunks, when it is to stop; 0: not */
        bool killed;           /* the process before us, by the kernel for want of memory: */
        uint64_t careful_usec; /* then it does less for so long; 0: it does not */
} WorkerConfig;

/* A plan that the scheduler told us of, made here once more. */
typedef struct Held {
        PlanRun run;
        Plan *plan;
        Arena *arena;        /* of the leaves' tilings, to which the plan points */
        uint64_t *leaf_first;
        bool *together;
        Error *refusal;      /* why it could not be made: what is given of it fails with this */
} Held;

typedef enum MateKind { MATE_NEW, MATE_ASKS, MATE_SERVES } MateKind;

/* The other side of a link that chunks go over: who came to us, or another worker that we went to. */
typedef struct Mate {
        struct Worker *worker;
        struct Mate *next, *before;
        Link *link;
        MateKind kind;
        uint32_t number;     /* SERVES: of the worker */
        char *address;       /* SERVES */
        char *name;          /* ASKS: what it calls itself */
        uint64_t received_bytes, sent_bytes, lent_bytes; /* chunks; lent: at this moment */
        Lender lender;       /* SERVES */
        int sent[STORE_MAX_FILES]; /* ASKS: the store's descriptors that it has, in the order in which it got them */
        uint32_t n_sent;
        uint64_t since_usec;     /* SERVES: it has not been reached since then; 0: it is, for all we know */
        uint64_t unreached_usec; /* SERVES: and so the scheduler was told, then */
        bool waited;             /* SERVES: chunks are to come from it; scratch of on_reach() */
        uint32_t n_unexpected; /* ASKS: chunks that it has for us, of which the scheduler has said nothing */
        bool told;           /* SERVES: the log knows how chunks come from it */
        char user[TOKEN_USER_MAX]; /* ASKS: whose token it showed: only what he was granted is his; "": all is */
} Mate;

/* A chunk on its way to us. */
typedef struct Arriving {
        uint64_t chunk;
        uint32_t from;       /* worker; WORKER_NONE: it is given to us by `mate` */
        Mate *mate;          /* NULL: its link is gone */
        uint64_t size_bytes; /* given ones: as announced; all: when their first byte is here */
        bool asked;          /* `mate` was sent a GET: before that nothing is taken */
        uint64_t since_usec; /* given ones, of which the scheduler has not said that they will be: not for long */
        bool coming;         /* some of its bytes */
        char *data;          /* where it goes; NULL: nothing has come */
        char *aside;         /* the same memory, if the store had no room: it goes there later */
        size_t arrived_bytes;
} Arriving;

/* A chunk on its way from us, or lent. */
typedef struct Serving {
        uint64_t pin, chunk;
        struct Worker *worker;
        Mate *mate;          /* NULL: it does not want it any more */
        bool pinned, brief;
        bool sending;        /* its bytes */
        bool digest;         /* the scheduler wants to know its digest; there is no mate */
        bool lend;           /* instead of sending it, if it lies in a memory file; `lent`: that is so */
        bool lent;
        size_t size_bytes; /* when it is pinned */
        size_t lent_bytes;
        struct Serving *also; /* lent: the same chunk, to somebody else, or once more */
} Serving;

typedef struct Report {
        WorkAction action;   /* kind PINNED: a chunk to send */
        uint32_t first_length, n_lengths;
        const char *data;
        size_t size_bytes;
        Error *error;
} Report;

typedef struct Worker {
        WorkerConfig config;
        Engine *engine;
        sd_event *event;
        Door door;
        sd_event_source *tick, *retry, *woken, *gathered, *deadline;
        sd_event_source *reach; /* while chunks of other workers are to come */
        int wake;
        pthread_mutex_t lock;        /* of the reports */
        bool prompt;                 /* some of them is not to wait for others */
        Vec(Report) report, reading; /* reading: those that the loop is dealing with */
        Vec(int64_t) length, reading_length;

        Link *scheduler;
        bool welcome;
        bool ending;                 /* the engine, and with it all that reads what is borrowed */
        uint32_t number, attempt;    /* attempts to reach a scheduler */
        Patience patience;
        bool kept;                   /* what there is is kept for a scheduler that is away, */
        uint64_t lost_usec;          /* since then, in our own time */
        uint64_t epoch;              /* of the scheduler that was obeyed last: none of a smaller one is */
        uint64_t identity;           /* of our memory; 0: it does not outlive us */
        char memory_name[64];        /* under which it is kept */
        uint64_t start;              /* of our process: a random number */
        char *token;                 /* or NULL */
        char *withdrawn;             /* users whose tokens are good no more (token_withdrawn()); or NULL */
        char last_words[MAX_ERROR_TEXT]; /* why there is no scheduler: said once */
        char *announced;             /* where chunks are to be had: what the scheduler is told */
        Map plans;                   /* id -> Held * */
        Map mates;                   /* worker -> Mate * of kind SERVES */
        Mate *first_mate;
        Map arriving;                /* chunk -> Arriving * */
        Map expected;                /* chunk that a client is to give -> bytes at most, and one */
        Map serving;                 /* pin -> Serving * */
        Map lent;                    /* chunk -> Serving * */
        size_t lent_bytes, lent_most_bytes;
        Borrowed *let;               /* nobody reads these any more: behind the lock of the reports */
        uint64_t next_pin;
        Progress *progress;                  /* [n_progress]: of each thread; NULL: nobody watches */
        uint32_t n_progress;
        bool stuck;                          /* one of them: the service manager hears nothing of us */
        uint32_t n_allowed;                  /* threads that compute, until then; 0: all do */
        uint64_t careful_until_usec;
        Lines *lines;                        /* of the log */
        Past *past;                          /* figures over time */
        SpanLane receive, send;              /* when chunks came and went */
        uint64_t received_bytes, sent_bytes; /* chunks, so far */
        void (*log)(int level, const char *text);
        void (*ready)(void *userdata, bool joined); /* it has joined a scheduler, or lost it */
        void *userdata;
} Worker;

int worker_new(Worker **ret, sd_event *event, const WorkerConfig *config, const char *announced,
               const ServiceKept *kept, void (*log)(int level, const char *text), Error *err);
Worker *worker_free(Worker *worker);
DEFINE_CLEANUP(Worker *, worker_free)
void worker_accept(void *worker, int fd); /* a ListenerAccepted */
/* It is to stop: true if it ends later, by itself, when its chunks are elsewhere. */
bool worker_stop(void *worker);

/* ---- worker/chunks.c: chunks that come */
void worker_fetch(Worker *w, uint64_t chunk, uint32_t from);
int worker_reach_begin(Worker *w, Error *err);
void worker_let_go(Worker *w);                     /* of what was borrowed, and nobody reads any more */
void worker_chunks_retry(Worker *w);               /* those for which the store had no room */
void worker_has(Worker *w, uint64_t chunk);         /* one that is being given to us was here already */
int worker_expect(Worker *w, const Wire_expect *m, Error *err); /* chunks that a client may give from now on, */
void worker_expect_no_more(Worker *w, uint64_t chunk, uint32_t n); /* and may not */
int worker_peer(Worker *w, const Wire_peer *m);
void worker_servers_leave(Worker *w);              /* the workers that the scheduler named */
void worker_mates_leave(Worker *w);                /* all of them; the engine ends */

/* ---- worker/serve.c: chunks that go */
void worker_lend_limit(Worker *w, size_t cache_bytes);
void worker_send(Worker *w, const Report *report); /* what engine_chunk_pin() asked for */
int worker_hear_get(Worker *w, Mate *mate, const Wire_get *m, Error *err);
/* Whether the chunk is his, by what he shows for it (GRANT). */
bool worker_granted(const Worker *w, const Mate *mate, uint64_t chunk, uint64_t first, uint32_t n, const char *proof);
int worker_hear_digest(Worker *w, uint64_t chunk, Error *err);
int worker_hear_let(Worker *w, Mate *mate, const Wire_let *m, Error *err);
void worker_serve_no_more(Worker *w, const Mate *mate); /* its link is closed */

/* ---- worker/memory.c: what outlives the process, or the scheduler */
int worker_keep(void *userdata, int fd); /* a StoreConfig.keep */
int worker_engine_begin(Worker *w, const ServiceKept *kept, Error *err);
int worker_say_holds(Worker *w);
int worker_withdraw(Worker *w, const char *users) _must_check_; /* they are let in no more, and those who are here go */
void worker_lease(Worker *w, bool on); /* there is no scheduler; or one */
void worker_lease_look(Worker *w);     /* with each heartbeat */
void worker_may_end(Worker *w, const Wire_leave *m);

/* ---- worker/watch.c: what the service manager's watchdog hears */
int worker_watch_begin(Worker *w, Error *err);
void worker_watch(Worker *w); /* with each heartbeat */

/* ---- worker/careful.c: after a process that was killed for want of memory */
enum { WORKER_CAREFUL_TEXT = 128 };
int worker_careful_begin(Worker *w, Error *err);
void worker_careful_look(Worker *w); /* with each heartbeat */
const char *worker_careful_text(Worker *w, char ret[static WORKER_CAREFUL_TEXT]); /* for people; NULL: it is not */

/* ---- worker/answer.c: what people ask */
typedef struct WorkerFigures {
        EngineStats stats;
        uint64_t user_usec, system_usec;     /* of the process, so far */
        uint64_t resident_bytes, heap_bytes; /* heap: besides chunks and scratch */
        uint64_t transfer_bytes;             /* chunks that come or go */
        uint32_t n_running;
} WorkerFigures;
void worker_figures(Worker *w, WorkerFigures *ret);
void worker_status(const Worker *w, const WorkerFigures *figures, Wire_status *ret); /* as the scheduler is told */
Past *worker_past_new(void);
void worker_past_add(Worker *w, const WorkerFigures *figures); /* once a second */
/* "itself", "figures" (those that the scheduler says of it, too), "history", "configuration", "log LEVEL", "spans
 * SINCE", "task PLAN NUMBER": JSON, which the caller frees. ERROR_VALUE: nothing is known of it. */
int worker_answer(Worker *w, const char *what, char **ret, Error *err);

/* ---- worker.c */
uint64_t worker_clock(void); /* monotonic, in microseconds */
extern const EngineReports worker_reports;
_printf_(3, 4) void worker_say(const Worker *w, int level, const char *fmt, ...);
