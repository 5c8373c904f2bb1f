/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files that answer people's questions share (scheduler/answer.c). */
#include "daemons/scheduler/scheduler.h"

enum {
        MAX_COUNTED_TENSORS = 4096, /* of a session, of which the bytes are added up: some 100 µs */
        MAX_SHOWN_STAGES    = 500,  /* of one request: more than a person reads, or a graph that can be drawn */
        MAX_SHOWN_TASKS     = 256,
        MAX_SHOWN_TENSORS   = 256,
        MAX_SHOWN_PLACES    = 64, /* workers that have chunks of one tensor */
};

typedef struct Asking {
        const Scheduler *s;
        Conn *to;
        uint64_t now_usec;
        uint64_t number[5]; /* that follow the question's word */
        uint32_t n;
        FILE *f;
} Asking;

/* Of all workers. */
typedef struct ClusterSums {
        uint32_t n_here, n_away, n_draining, n_threads, n_running;
        uint64_t cache_bytes, memory_bytes, used_bytes, pinned_bytes, scratch_bytes, resident_bytes, spilled_bytes;
        uint64_t cpu_usec, received_bytes, sent_bytes, disk_read_bytes, disk_written_bytes;
} ClusterSums;
void cluster_sums(const Scheduler *s, ClusterSums *ret);

uint64_t tensor_bytes(const SchedTensor *t);
void put_user(FILE *f, bool local, uid_t uid, const char *user); /* , "user": … */
/* Whose the request is, under way or done: a name, "" of nobody's; or NULL: there is none. */
const char *request_user(const Scheduler *s, uint64_t id);
void put_shape(FILE *f, const Shape *shape);

int put_requests(Asking *a); /* under way */
int put_recent(Asking *a);   /* these, and the last ones that are done; of one session */
int put_one_request(Asking *a);
int put_graph(Asking *a);
int put_why(Asking *a);
int put_tasks(Asking *a); /* of a request: those that workers have, and some of those that wait */
int put_task(Asking *a);
int put_tensors(Asking *a);
