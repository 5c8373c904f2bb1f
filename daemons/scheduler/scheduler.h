/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The scheduler behind links: what clients and workers say becomes events of the machine (sched/sched.h), its actions
 * become messages. It decides nothing itself. One thread, the loop's.
 *
 *   conn      a link whose other side has said HELLO, or has not yet and may not say anything else
 *   session   a client's: its requests, and the references to tensors that it holds. It outlives its link: for `lease`
 *             the client may come back with its key (RESUME). It ends when the client says so (BYE), when the lease is
 *             over, and at once when the client was a process of this machine and has ended
 *   member    a number of the machine: a worker. When its link is gone it is away; when nothing was heard of it for
 *             `suspect_usec` it is given nothing new, after `dead_usec` it has left, with a link or without one. It has
 *             died when its process is known to have ended, when another one comes in its place, or when its side has
 *             ended the link and it does not come back: whoever is cut off comes back as the same process */
#include <string.h>

#include "base/map.h"
#include "daemons/lines.h"
#include "daemons/past.h"
#include "io/say.h"
#include "journal/journal.h"
#include "sched/book.h"
#include "sched/patience.h"
#include "sched/sched.h"

typedef struct SchedulerConfig {
        const char *token;      /* what HELLO must say, but over unix sockets and over TLS */
        const char *withdrawn;  /* users whose tokens are good no more (token_withdrawn()) */
        Tls *tls;               /* what TCP goes through; NULL: there is no key. Ours to keep a reference */
        const char *state_dir;  /* of the journal; NULL: there is none */
        bool brief;             /* it ends with whoever started it, and the journal need not outlive the machine */
        uint64_t heartbeat_usec, suspect_usec, dead_usec, lease_usec;
        uint32_t max_sessions, max_requests; /* requests of one session */
        bool strict_verify;     /* sched_strict() */
        int (*print)(void *userdata, FILE *f); /* or NULL: the configuration in force, in JSON; 0 or -ENOMEM */
        void *print_userdata;
} SchedulerConfig;

typedef enum ConnKind { CONN_NEW, CONN_CLIENT, CONN_WORKER, CONN_CONTROL } ConnKind;

enum {
        SESSION_KEY_BYTES = 16,
        SESSION_KEY_TEXT  = 2 * SESSION_KEY_BYTES + 1,
        PEER_TEXT         = sizeof(((LinkPeer *) 0)->text),
        MAX_KEPT          = 1024, /* outcomes that a client has not acknowledged: it does so by the dozen */
        MAX_RECENT        = 256,  /* requests that are done, for people: 200 KiB */
};

typedef struct Conn {
        struct Scheduler *scheduler;
        struct Conn *next, *before;
        Link *link;
        ConnKind kind;
        char *name;
        char peer[PEER_TEXT];
        uint64_t heard_usec;     /* when something was heard last: scheduler_now() */
        bool local;              /* over a unix socket: who may open it may come in */
        uid_t uid;               /* local: whose program it is */
        pid_t pid;
        char user[TOKEN_USER_MAX]; /* whose token it showed: he sees what is his; "": no user's */
        struct Session *session; /* of a client */
        struct Member *member;   /* of a worker */
        Map knows;               /* worker whose address it was told -> incarnation of that one */
} Conn;

typedef struct Session {
        struct Scheduler *scheduler;
        struct Session *next, *before;
        uint64_t number;
        char key[SESSION_KEY_TEXT]; /* who has it may come back */
        char *name;
        char peer[PEER_TEXT];
        bool local;
        uid_t uid;
        char user[TOKEN_USER_MAX]; /* as the Conn's that began it */
        Conn *conn;             /* NULL: it is away, */
        uint64_t away_usec;     /* since then */
        int process;            /* pidfd of a client of this machine; -1: not known */
        Book book;              /* what it has asked for and holds, and what of it the client knows */
        bool keeps;             /* its client keeps what it gives until it is told that it is wanted no more */
        uint32_t n_running;     /* of its requests */
        uint64_t n_finished;
} Session;

typedef struct Member {
        Conn *conn;             /* NULL: it is away, */
        uint64_t away_usec;     /* and was heard of last then */
        uint64_t doubted_usec;  /* another worker has said then that it does not reach it */
        bool silent;            /* nothing is heard of it: it is given nothing new */
        bool broke;             /* away, and it was the other side that has ended its link, without a goodbye */
        WireDrain drain;
        bool drained;           /* nothing is left there */
        bool bye;               /* it has said that it ends */
        uint64_t identity;      /* of its memory; 0: it has none that outlives the process */
        uint64_t start;         /* of its process; 0: not known */
        uint32_t number, n_threads;
        int process;            /* pidfd of one of this machine; -1: not known */
        char *name, *address;
        char *socket;             /* where its own machine finds it; "": nowhere else, */
        uint64_t socket_identity; /* and which one that is */
        uint64_t incarnation;   /* of all that ever joined */
        uint64_t cache_bytes, memory_bytes, task_bytes;
        Wire_status status;
        char *pages;
        char level[32];         /* of its operators, as it has said with a digest; "": not known */
} Member;

/* A tensor with a reference that is nobody's session's. */
typedef struct Name {
        uint64_t uid; /* whose programs it is for: owner_of() */
        uint64_t id, tensor;
        char *text;
} Name;

/* A request that is done, as people see it. */
typedef struct Recent {
        uint64_t id, session; /* session 0: it had ended */
        char name[64];        /* the beginning of the session's, */
        char peer[PEER_TEXT]; /* and what else is known of it */
        bool local;
        uid_t uid;
        char user[TOKEN_USER_MAX];
        uint64_t n_done, n_total, took_usec, finished_usec, result_bytes; /* finished: real time */
        int code; /* 0: it has succeeded; or `text` says why not */
        char text[MAX_ERROR_TEXT];
} Recent;

/* Chunks of a client's data that it is to give again. */
typedef struct Wanted {
        uint64_t tensor;
        uint64_t number; /* another one each time */
        uint32_t n;
        SchedPlace place[]; /* [n] */
} Wanted;

typedef struct Scheduler {
        SchedulerConfig config;
        sd_event *event;
        Door door;
        sd_event_source *tick;
        Sched *sched;
        SchedActions actions;
        Conn *conns;
        Session *sessions;
        Member *worker[MAX_WORKERS];
        uint32_t n_workers, n_sessions;
        Map asked; /* the machine's number -> Asked * under way */
        Vec(Name) name;
        Map giver;              /* tensor of a client's data -> the session that gave it */
        Map wanted;             /* the same -> Wanted *: it was asked, and has not answered */
        Journal *journal;       /* or NULL */
        sd_event_source *on_journal;
        uint64_t committed;     /* all up to this mark is on disk */
        bool journal_full;      /* answers do not wait for the disk any more */
        bool restoring;         /* work waits for workers that may have something of it, */
        Vec(char *) awaited;    /* of these names */
        uint64_t next_request, next_session, next_incarnation, next_wanted, epoch;
        uint64_t began_usec;
        Patience patience;      /* who is late, */
        PatienceLimits limits;  /* as the configuration says */
        Lines *lines;           /* of the log */
        Past *past;             /* figures over time */
        Recent *recent;         /* [MAX_RECENT] a ring: number k is at k % MAX_RECENT */
        uint64_t n_recent;      /* that there ever were */
        uint64_t answered_nsec; /* of processor, for what people and pages have asked */
        int failure;            /* the machine ran out of memory: the daemon must end */
        void (*log)(int level, const LineAbout *about, const char *text); /* of syslog */
} Scheduler;

int scheduler_new(Scheduler **ret, sd_event *event, const SchedulerConfig *config,
                  void (*log)(int level, const LineAbout *about, const char *text), Error *err);
Scheduler *scheduler_free(Scheduler *scheduler);
DEFINE_CLEANUP(Scheduler *, scheduler_free)
void scheduler_accept(void *scheduler, int fd); /* a ListenerAccepted */
void scheduler_step(Scheduler *s, const SchedEvent *event);
void scheduler_fail(Scheduler *s, const char *why); /* it ends */
uint64_t scheduler_clock(void); /* monotonic, in microseconds */
uint64_t scheduler_now(const Scheduler *s); /* in its own time (sched/patience.h), by which others are late */
void conn_close(Conn *conn);
/* From now on these are the users whose tokens are good no more: their sessions end, and workers hear of it. */
void scheduler_withdraw(Scheduler *s, const char *users);

/* Who is told only of what is his own. NULL, for metrics: the daemon asks itself. */
static inline bool conn_is_user(const Conn *c) {
        return c && c->user[0];
}

/* Whether he is told of what is this user's. All that people ask, and end, goes by it. */
static inline bool conn_sees(const Conn *c, const char *user) {
        return !conn_is_user(c) || strcmp(c->user, user) == 0;
}

/* ---- scheduler/client.c: what clients and marsctl say */
int client_hear(Conn *c, const WireMessage *m, Arena *arena, Error *err);
int control_hear(Conn *c, const WireMessage *m, Error *err);

/* ---- scheduler/session.c */
/* A session for who says HELLO, a new one or the one that it had; WELCOME follows. */
int session_begin(Conn *c, const Wire_hello *m, Error *err);
void session_leave(Conn *c);   /* its link is gone, or is no use any more */
void session_end(Session *session);
void session_restore(Scheduler *s, Session *session); /* one from the journal: it is away */
void sessions_tick(Scheduler *s);
Session *session_find(const Scheduler *s, uint64_t number);
int session_hold(Session *session, uint64_t tensor) _must_check_; /* a reference that is its own from now on */
int session_resume(Session *session, const Wire_resume *m, Error *err);
void session_know(Session *session, const Wire_known *m);
int session_finished(Scheduler *s, Asked *asked); /* it is told, sooner or later */
/* An answer that is said when all that was asked of the journal so far is on disk. */
int later_add(Session *session, LaterKind kind, uint64_t request, uint64_t tensor) _must_check_;
int later_say(Scheduler *s) _must_check_;

/* ---- scheduler/data.c */
int data_expect(Scheduler *s, uint64_t tensor) _must_check_; /* workers are told of the chunks that will come */
int data_wanted(Scheduler *s, const SchedAction *a) _must_check_;
int data_wanted_again(const Session *session) _must_check_;  /* its link is new */
int data_given(const Session *session, const Wire_given *m, Error *err);
void data_session_ends(Scheduler *s, uint64_t session);
int data_forget(Scheduler *s, uint64_t tensor) _must_check_; /* it is gone, and its row, too */
int data_say_kept(const Session *session) _must_check_;

/* ---- scheduler/names.c */
int session_name(Session *session, const Wire_name *m, Error *err);
int name_forget(Scheduler *s, uint64_t uid, const char *text, Error *err); /* of that owner's; -ENOKEY: there is none */
/* A number for whoever has names. */
uint64_t owner_of(bool local, uid_t uid, const char *user);

/* ---- scheduler/worker.c */
int worker_check(Scheduler *s, const Wire_hello *m, Error *err); /* whether it may join */
int worker_join(Conn *c, const Wire_hello *m, Error *err);
void worker_gone(Conn *c);      /* its link is gone */
void workers_tick(Scheduler *s);
void workers_free(Scheduler *s);
int worker_drain_ask(Scheduler *s, const Wire_drain *m, Error *err);
int worker_drained(Scheduler *s, uint32_t worker, const Error *why);
void worker_late(Scheduler *s, const SchedAction *action);
void worker_differs(Scheduler *s, uint32_t kept, uint32_t other, const Error *words);
int worker_hear(Conn *c, const WireMessage *m, Error *err);
void cluster_size(const Scheduler *s, uint64_t *ret_cache, uint32_t *ret_threads);

/* ---- scheduler/journal.c; without a journal nothing is written, and nothing was there */
int scheduler_remember(Scheduler *s, Error *err); /* once, before anything else happens */
void scheduler_forget(Scheduler *s);              /* the journal is closed */
int keep_more(Scheduler *s, Error *err);          /* whether it takes more requests */
uint64_t kept_mark(const Scheduler *s);           /* what was written last */
void keep_session(Scheduler *s, const Session *session);
void keep_request(Scheduler *s, const Asked *a, const uint8_t *graph, size_t graph_bytes);
void keep_outcome(Scheduler *s, const Asked *a);
void keep_held(Scheduler *s, const Session *session, uint64_t tensor);
void keep_recipe(Scheduler *s, uint64_t id, uint64_t request);
void keep_tensor(Scheduler *s, uint64_t id, uint64_t session);
void keep_name(Scheduler *s, const Name *name);
void keep_worker(Scheduler *s, const Member *member);
void forget_row(Scheduler *s, JournalTable table, uint64_t of, uint64_t id);
void forget_session(Scheduler *s, uint64_t session);
void restore_seen(Scheduler *s, const char *worker); /* it has said what it holds */
void restore_tick(Scheduler *s);

/* ---- scheduler/say.c: actions become messages */
int scheduler_carry_out(Scheduler *s);
int scheduler_tell_peer(const Scheduler *s, Conn *to, uint32_t worker); /* where it is found, once */
/* The tensor as a WireTensor, after whatever the other side must know to read it. */
int scheduler_put_tensor(Scheduler *s, Conn *to, uint64_t id, Writer *w);

/* ---- scheduler/past.c */
int past_begin(Scheduler *s) _must_check_;
void past_end(Scheduler *s);
void past_tick(Scheduler *s);
void past_request(Scheduler *s, const Asked *asked); /* it is done */
_printf_(3, 4) void scheduler_log(const Scheduler *s, int level, const char *fmt, ...);
/* About a session, a worker. */
_printf_(4, 5) void scheduler_log_session(const Session *session, const char *event, int level, const char *fmt, ...);
_printf_(5, 6) void scheduler_log_worker(const Scheduler *s, uint32_t worker, const char *event, int level,
                                         const char *fmt, ...);

/* ---- scheduler/answer.c */
/* JSON, which the caller frees, to one of the questions of its table. ERROR_VALUE: it is none; -ENOENT: what it asks
 * about is not there; -ENOMEM. */
/* Whoever is asked about a worker, or about all ("peers"), says where it is before: `to` may ask it the rest. NULL: the
 * daemon asks itself. */
int scheduler_answer(const Scheduler *s, Conn *to, const char *what, char **ret, Error *err);
