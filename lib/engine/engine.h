/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The cluster of one: a threaded session is the scheduler's machine, the worker's machine and a store, stepped under
 * one lock by whichever thread has something to report. There is no loop thread: who finishes a task reports it,
 * takes the next one and goes on; who waits for a request computes meanwhile, so a tiny job runs in its caller and
 * wakes nobody.
 *
 * Tensors are counted references to chunks. A request holds those that it reads; what it made is handed to the caller.
 * All calls may come from any thread. After fork() the child's engine refuses with words (ERROR_CLOSED), and freeing it
 * there does nothing. */
#include "engine/budget.h"
#include "graph/graph.h"
#include "io/spill.h"
#include "io/tls.h"
#include "store/store.h"
#include "tensor/tiling.h"
#include "wire/wire.h"

typedef struct Engine Engine;
typedef struct EngineRequest EngineRequest;
typedef uint64_t TensorId; /* `stored` of a graph's leaves; never 0, never used again */

enum { ENGINE_PENDING = 1, ENGINE_ABSENT = 1 };
enum { ENGINE_MAX_THREADS = 4096 }; /* more than any machine has CPUs: a larger number is a mistake */

/* Of an engine whose scheduler is elsewhere (worker.h). */
typedef struct EngineReports EngineReports;

typedef struct EngineConfig {
        unsigned n_threads;  /* tasks at a time, at most ENGINE_MAX_THREADS; 0: one per CPU that this process may use */
        BudgetOptions budget;
        const char *spill_dirs; /* "a:b:c"; NULL: where spill.h says, when it is first needed */
        SpillCodec spill_codec;
        StorePages pages;
        size_t page_bytes;      /* of reserved ones; 0: the smallest */
        bool shared;            /* chunks lie in memory files, which others may map (store.h) */
        /* Of a shared one: as in StoreConfig. What keep() got before, from an engine that died: its chunks are here. */
        uint64_t owner;
        int (*keep)(void *userdata, int fd);
        void *keep_userdata;
        const int *kept;
        uint32_t n_kept;
        size_t task_bytes;   /* PlanLeaves.task_bytes; 0: what lets all threads have one */
        const EngineReports *reports; /* NULL: the engine has a scheduler of its own */
        void *reports_userdata;
} EngineConfig;

int engine_new(Engine **ret, const EngineConfig *config, Error *err);
/* An engine that is a cluster elsewhere: the same calls, which go to its scheduler ("unix:/path", "host:port", or
 * "http://host:port" of its web daemon). Waits until the scheduler has answered, at most for the time that remote.h
 * says. */
int engine_connect(Engine **ret, const char *address, const char *token, Tls *tls, Error *err);
/* The same on behalf of somebody who is elsewhere (VIA): what this process may does not go with it, the token does. */
int engine_connect_via(Engine **ret, const char *address, const char *token, Tls *tls, const char *whom, Error *err);
/* Of what it gave (engine_adopt()) and nobody here refers to any more the session keeps so many bytes, for as long as
 * results come from it: the cluster asks for it again when it is lost with a machine. 0: it keeps nothing, whoever
 * refers to it. Nothing for an engine of this process. */
void engine_keep_given(Engine *engine, uint64_t most_bytes);
/* Ends all work (waiting callers get ERROR_CLOSED), joins the threads, drops all tensors. Pins stay valid: the memory
 * goes with the last of them. Later calls: ERROR_CLOSED. May be called again. */
void engine_close(Engine *engine);
bool engine_closed(Engine *engine);
Engine *engine_ref(Engine *engine);
Engine *engine_unref(Engine *engine); /* closes with the last reference; requests and pins hold one each */
DEFINE_CLEANUP(Engine *, engine_unref)

typedef struct EngineStats {
        StoreStats store;
        size_t cache_bytes;                      /* the limit of chunks in memory */
        size_t away_bytes;                       /* of chunks on disk alone */
        size_t chunk_bytes, scratch_bytes;       /* what there is in memory for chunks, and for tasks besides */
        uint64_t n_spilled, n_evicted, n_returned; /* chunks so far */
        uint64_t n_tensors, n_requests, n_tasks_done;
        unsigned n_threads;
        uint64_t process_bytes; /* resident when the engine was made */
        uint64_t buffer_bytes, file_bytes; /* of the disk: memory, and what it takes there */
        uint64_t disk_read_bytes, disk_written_bytes, n_disk_busy; /* of chunks, so far; operations under way */
        uint64_t soft_bytes, hard_bytes; /* of chunks and scratch: from here on chunks are written; never passed */
        uint64_t table_bytes;   /* of the machines and the plans */
        bool elsewhere;         /* memory is that of workers */
        char pages_text[STORE_TEXT_MAX];
        char disk_text[192]; /* which way chunks go to disk; "": none did so far */
} EngineStats;
void engine_stats(Engine *engine, EngineStats *ret);
/* PlanLeaves.task_bytes and .alone_bytes of its requests. */
void engine_plan_limits(const Engine *engine, size_t *ret_task_bytes, size_t *ret_alone_bytes);

/* The next line for the log, which is the caller's to free(), or NULL. *ret_warning: it wants to be read. */
char *engine_log(Engine *engine, bool *ret_warning);

/* ---- Requests --------------------------------------------------------------------------------------------------- */

/* Plans the graph and makes its tasks ready; takes the graph over, also when it fails. What the planner refuses is the
 * outcome of the request. `background`: threads start on it now; otherwise the caller is about to wait, which
 * computes. */
int engine_submit(Engine *engine, Graph *graph, bool background, EngineRequest **ret, Error *err);
/* Waits at most timeout_usec (UINT64_MAX: for ever), computing meanwhile; a task that was begun is ended first, so who
 * waits for some time only begins none that takes long. 0: done; ENGINE_PENDING; negative: the outcome. May be called
 * again, from any number of threads. */
int engine_wait(EngineRequest *request, uint64_t timeout_usec, Error *err);
bool engine_request_done(EngineRequest *request);
/* Tasks done and known so far; both grow while data-dependent shapes are found out. */
void engine_request_progress(EngineRequest *request, uint64_t *ret_done, uint64_t *ret_total);
/* The outcome becomes ERROR_CANCELED, as soon as running tasks have noticed. Nothing when it is done. */
void engine_request_cancel(EngineRequest *request);
/* Calls fn once, when done, without locks held, on the thread that finished it (now, on this one, if it is done). */
int engine_request_on_done(EngineRequest *request, void (*fn)(void *userdata), void *userdata) _must_check_;
/* The tensors of a request that succeeded, one per wanted output; each with a reference that is the caller's from now
 * on (engine_release). Once per request: 0, or ENGINE_ABSENT when there are none (any more). */
int engine_request_take(EngineRequest *request, TensorId *ret) _must_check_;
EngineRequest *engine_request_ref(EngineRequest *request);
EngineRequest *engine_request_unref(EngineRequest *request); /* does not cancel; tensors not taken are released */
DEFINE_CLEANUP(EngineRequest *, engine_request_unref)

/* ---- Tensors ---------------------------------------------------------------------------------------------------- */

/* What a tensor is: its actual shape, and how it is cut. The pointers are valid while the caller holds its reference
 * and one of the engine, even if somebody else closes the engine meanwhile. 0, ENGINE_ABSENT, or the engine's error. */
int engine_tensor(Engine *engine, TensorId id, const Spec **ret_spec, const Tiling **ret_tiling, Error *err);
int engine_retain(Engine *engine, TensorId id) _must_check_; /* one more reference; 0, ENGINE_ABSENT, ERROR_CLOSED */
void engine_release(Engine *engine, TensorId id);            /* one less */

/* Chunks that can be read at any time, more than once, with the same bytes each time. read() puts chunk `chunk` of the
 * tensor, C-contiguous, at `to`; it is called from threads of the engine, several at a time, without locks. 0, or the
 * error with words. */
typedef struct EngineOrigin {
        int (*read)(void *userdata, uint64_t chunk, char *to, Error *err);
        void (*release)(void *userdata); /* once, when no chunk will be read any more (at once if adopting fails) */
        void *userdata;
} EngineOrigin;
/* Makes a tensor of memory that is somebody else's: chunk k of the tiling, C-contiguous, lies at data[k] (aligned to
 * the element) and does not change. release(userdata) is called once, when no chunk is used any more (at once if this
 * fails): in a cluster that is when it cannot be lost any more, or the session does not keep it (engine_keep_given()).
 * again: how the same chunks can be read once more when data[] is released, which it then is as soon as workers have
 * them; or NULL. */
int engine_adopt(Engine *engine, const Spec *spec, const Tiling *tiling, const char *const *data,
                 void (*release)(void *userdata), void *userdata, const EngineOrigin *again, TensorId *ret, Error *err);
/* Makes a tensor of chunks that are read. Every chunk has elements. A session of this process reads a chunk when it is
 * needed and forgets it when room is; for a cluster all are read now, kept by the workers, and read again when they are
 * lost there. */
int engine_adopt_origin(Engine *engine, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin,
                        TensorId *ret, Error *err);

/* NAME_SAVE: *tensor, of which the caller has a reference, under the name. NAME_OPEN: *tensor with a reference that is
 * the caller's. NAME_LIST: all names, one a line. -ENOKEY: there is no such name, with *ret_names as for LIST;
 * -ENOTUNIQ: there is one already. *ret_names is freed by the caller, also after an error. */
int engine_name(Engine *engine, WireName what, const char *name, TensorId *tensor, char **ret_names, Error *err);

/* Chunks of a tensor in a row, held for reading. */
typedef struct EnginePin {
        Engine *engine;
        Spec spec;
        Tiling tiling;            /* valid as long as the pin */
        const char *contiguous;   /* the tensor as one C-contiguous array, if its chunks happen to lie so; else NULL */
        uint64_t first, n_chunks; /* of the tensor's chunks */
        const char **data;        /* of each of these, C-contiguous */
        char **into;              /* where each of them may go, or NULL */
        uint64_t chunk_id;        /* of the first */
        TensorId tensor;
        uint64_t id;
        bool brief, waits, unpin;
        Error failure;
        struct Landing *landing;  /* memory of its own, where chunks come from elsewhere */
        uint64_t n_missing;
        bool is_lost;             /* it waits to ask where its chunks are: */
        uint32_t n_lost;          /* they were not where they were said to be so often, */
        uint64_t lost_usec;       /* since then, the scheduler's time to make them again left out; */
        uint64_t again_usec;      /* not before; */
        uint64_t asked_usec;      /* it was asked then */
} EnginePin;

/* All chunks, for as long as the caller likes. Those that were spilled are called back, and the caller waits for them,
 * computing meanwhile. A tensor that is larger than the cache is refused with words. */
int engine_pin(Engine *engine, TensorId id, EnginePin **ret, Error *err);
/* All chunks, if they are in memory: 0, or ENGINE_ABSENT. `brief`: the caller reads them and lets go, without waiting
 * for anything of the engine in between but for other brief pins; tasks that need the room wait for it. */
int engine_pin_here(Engine *engine, TensorId id, bool brief, EnginePin **ret, Error *err);
/* Memory of the caller's for chunks that come over a network, C-contiguous, or NULL: he has none for this one. */
typedef struct EngineInto {
        char *(*where)(void *userdata, const Tiling *tiling, DType dtype, uint64_t chunk);
        void *userdata;
} EngineInto;
/* Some chunks, briefly. Begins to call them back; engine_pin_wait() waits until they are here. With `into` (or NULL)
 * those that were received are there, and it is theirs until the pin is let go; whatever happens, also halves of
 * others may be. */
int engine_pin_begin(Engine *engine, TensorId id, uint64_t first, uint64_t n_chunks, const EngineInto *into,
                     EnginePin **ret, Error *err);
int engine_pin_wait(EnginePin *pin, Error *err);
/* How many bytes of chunks may well be pinned at a time by such a caller. */
size_t engine_piece_bytes(const Engine *engine);
EnginePin *engine_unpin(EnginePin *pin); /* NULL is fine; also of one that waits, and after engine_close() */
DEFINE_CLEANUP(EnginePin *, engine_unpin)

/* Calls fn(userdata, k) for k = 0 … n - 1 on this thread and on idle ones: copying in and out. Returns when all are
 * done. */
void engine_each(Engine *engine, uint32_t n, void (*fn)(void *userdata, uint32_t k), void *userdata);
