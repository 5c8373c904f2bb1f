/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An engine without a scheduler: the worker of a cluster. What the scheduler says goes in as events of the worker's
 * machine (sched/work.h), what the machine says comes out as reports; threads run tasks in between. All calls may come
 * from any thread; reports come on any thread, with the engine's lock held: take note of them and return. */
#include "engine/engine.h"
#include "engine/spans.h"
#include "sched/work.h"

struct EngineReports {
        /* WORK_FETCH, DONE, FAILED, RECALLED, FORGOTTEN, TAKEN, LOST. 0, or -ENOMEM: then the engine is broken. */
        int (*report)(void *userdata, const WorkAction *action, const WorkActions *lists);
        /* A chunk that engine_chunk_pin() asked for: readable until engine_chunk_unpin(), or err. */
        void (*pinned)(void *userdata, uint64_t pin, const Error *err, const char *data, size_t size_bytes);
};

/* PLAN, RUN, RECALL, DROP, FORGET, EXPECT: what the scheduler or a client says. 0, or the engine's error. */
int engine_work(Engine *engine, const WorkEvent *event, Error *err);

/* A chunk that is here is asked for, for sending it (`brief`) or lending it: pinned() follows, perhaps before this
 * returns. The number is the caller's, as long as nobody else uses the engine. ENGINE_ABSENT: it is not here. */
int engine_chunk_pin(Engine *engine, uint64_t pin, uint64_t chunk, bool brief, Error *err);
void engine_chunk_unpin(Engine *engine, uint64_t pin, uint64_t chunk, bool brief); /* as it was pinned */
/* Where a pinned chunk lies, as store_file() says; ENGINE_ABSENT: in no memory file. */
int engine_chunk_file(Engine *engine, uint64_t chunk, int *ret_fd, uint64_t *ret_offset, size_t *ret_size);

/* Memory for a chunk that the machine wants fetched. 0, or the error: say engine_chunk_failed() then, too. */
int engine_chunk_arriving(Engine *engine, uint64_t chunk, size_t size_bytes, char **ret, Error *err);
void engine_chunk_arrived(Engine *engine, uint64_t chunk, size_t size_bytes);
/* It need not come: it is read in memory of somebody else, who holds it until release(), which is called with the
 * engine's lock held. 0 or -ENOMEM: then nothing has happened. */
int engine_chunk_borrowed(Engine *engine, uint64_t chunk, const char *data, size_t size_bytes,
                          void (*release)(void *userdata), void *userdata) _must_check_;
/* It will not come from there. `reserved`: its memory had been had. */
void engine_chunk_failed(Engine *engine, uint64_t chunk, uint32_t from, bool reserved);

/* What came is not right, or not all: it comes again. Its memory is given back. */
void engine_chunk_again(Engine *engine, uint64_t chunk);

/* What is here to stay: the next chunk from *at on, which begins at 0. False: there is no more. */
bool engine_chunk_list(Engine *engine, uint32_t *at, uint64_t *ret_chunk, size_t *ret_bytes);
/* WORK_CAREFUL: fewer threads, and what is forgotten in memory goes back to the system; 0 threads: as before. 0, or the
 * engine's error. */
int engine_careful(Engine *engine, uint32_t n_threads, Error *err);
/* When the engine is freed its chunks stay in the files that keep() got. */
void engine_leave_chunks(Engine *engine);

/* ---- For people -------------------------------------------------------------------------------------------------- */

/* Lanes of spans (spans.h): one of each thread, then these. */
typedef enum EngineLane { ENGINE_LANE_READ, ENGINE_LANE_WRITE, ENGINE_LANES } EngineLane;
uint32_t engine_n_lanes(const Engine *engine);
/* Copies what ends after since_usec into ret[SPANS_A_LANE]: how many there are, how many the lane
 * ever had, and whether some are gone. Those that were copied do not change any more. */
uint32_t engine_lane(Engine *engine, uint32_t lane, uint64_t since_usec, Span *ret, uint64_t *ret_end,
                     bool *ret_dropped);

typedef struct EngineDoing {
        uint32_t thread, task;
        uint64_t plan, since_usec;
        uint64_t cpu_usec;   /* that its thread has used so far */
        char label[SPAN_LABEL_BYTES];
} EngineDoing;
bool engine_doing(Engine *engine, uint32_t thread, EngineDoing *ret); /* false: it waits */

typedef struct EngineWhy {
        WorkWhy work;
        uint32_t thread;     /* RUNS: one of ours */
        uint64_t since_usec; /* RUNS: since then; 0: the thread took it with others that it does before */
} EngineWhy;
bool engine_why(Engine *engine, uint64_t plan, uint32_t task, EngineWhy *ret); /* false: it is not here (any more) */

typedef struct EngineDisk {
        char path[256]; /* or its beginning */
        bool failed, full;
        uint64_t used_bytes, free_bytes;
} EngineDisk;
bool engine_disk(Engine *engine, uint32_t k, EngineDisk *ret); /* false: there are no more than k, or none so far */

/* What the limits are: for what a worker tells its scheduler. */
size_t engine_memory_bytes(const Engine *engine); /* of chunks and scratch */
uint32_t engine_n_running(Engine *engine);         /* tasks */
bool engine_has_plenty(const Engine *engine);     /* tasks that could start, for each thread; from within a report */
size_t engine_task_bytes(const Engine *engine);   /* PlanLeaves.task_bytes */
