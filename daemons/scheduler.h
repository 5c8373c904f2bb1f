/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler behind links: what clients and workers say becomes events of the machine (sched/sched.h), its actions
 * become messages. It decides nothing itself. One thread, the loop's.
 *
 *   conn      a link whose other side has said HELLO, or has not yet and may not say anything else
 *   client    its session: requests under way, and the references to tensors that it holds. All of it goes when the
 *             link does
 *   worker    a number of the machine. It is lost when its link is, or when nothing was heard of it for `dead_usec` */
#include "base/map.h"
#include "io/say.h"
#include "sched/sched.h"

typedef struct SchedulerConfig {
        const char *token;      /* what HELLO must say, but over unix sockets and over TLS */
        Tls *tls;               /* what TCP goes through; NULL: there is no key. Ours to keep a reference */
        uint64_t heartbeat_usec, dead_usec;
        uint32_t max_sessions, max_requests; /* requests of one session */
} SchedulerConfig;

typedef enum ConnKind { CONN_NEW, CONN_CLIENT, CONN_WORKER, CONN_CONTROL } ConnKind;

typedef struct Conn {
        struct Scheduler *scheduler;
        struct Conn *next, *before;
        Link *link;
        ConnKind kind;
        uint32_t number;        /* of the worker; of the session */
        char *name, *address;
        char peer[sizeof(((LinkPeer *) 0)->text)];
        uint64_t heard_usec;    /* when something was heard last */
        bool local;             /* over a unix socket: who may open it may come in */
        uid_t uid;              /* local: whose program it is */

        /* client */
        Map requests;           /* its number -> ours */
        Map refs;               /* tensor -> references that it holds */
        uint64_t n_finished;
        /* worker */
        uint32_t n_threads;
        uint64_t cache_bytes, memory_bytes, task_bytes;
        Wire_status status;
        char *pages;
        /* both: of which workers it knows the address */
        Map knows;              /* worker -> incarnation of the one that it was told of */
        uint64_t incarnation;
} Conn;

/* A request under way. */
typedef struct Asked {
        uint64_t id;            /* the machine's number */
        uint64_t request;       /* the client's number */
        Conn *client;
        uint64_t n_told;        /* tasks done, as of the last PROGRESS */
        uint64_t since_usec;
} Asked;

typedef struct Scheduler {
        SchedulerConfig config;
        sd_event *event;
        Door door;
        sd_event_source *tick;
        Sched *sched;
        SchedActions actions;
        Conn *conns;
        Conn *worker[MAX_WORKERS];
        uint32_t n_workers, n_clients;
        Map asked;              /* the machine's number -> Asked * */
        uint64_t next_request, next_session, next_incarnation, epoch;
        uint64_t began_usec;
        bool stepping;
        int failure;            /* the machine ran out of memory: the daemon must end */
        void (*log)(int level, const char *text); /* of syslog */
} Scheduler;

int scheduler_new(Scheduler **ret, sd_event *event, const SchedulerConfig *config,
                  void (*log)(int level, const char *text), Error *err);
Scheduler *scheduler_free(Scheduler *scheduler);
DEFINE_CLEANUP(Scheduler *, scheduler_free)
void scheduler_accept(void *scheduler, int fd); /* a ListenerAccepted */

/* ---- scheduler-say.c: actions become messages */
int scheduler_carry_out(Scheduler *s);
/* The tensor as a WireTensor, after whatever the other side must know to read it. */
int scheduler_put_tensor(Scheduler *s, Conn *to, uint64_t id, Writer *w);
/* "status", "workers", "sessions", "requests", "why <request>": JSON, which the caller frees; NULL for another
 * question, or when out of memory. */
char *scheduler_answer(const Scheduler *s, const char *what, uint64_t now_usec);
