/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An engine of which everything is elsewhere: requests go to a scheduler, chunks come from workers (docs/PROTOCOL.md).
 *
 * One thread runs a loop that owns all links. Other threads leave what they have to say in a list (remote_post()) and
 * wake it; what comes in changes the engine's state under its lock, and wakes whoever waits. Tensors are remembered
 * with the references that the scheduler holds for us, and given back when the last handle goes. A link to the
 * scheduler that breaks is made again (remote-again.c). */
#include "base/map.h"
#include "engine/borrow.h"
#include "engine/inside.h"
#include "io/say.h"
#include "io/token.h"

enum {
        REMOTE_ANSWER_USEC = 10 * 1000 * 1000, /* a scheduler that lives answers sooner */
        REMOTE_QUIET_USEC  = 1 * 1000 * 1000,  /* and is asked whether it lives when it has been quiet for so long */
        REMOTE_FETCH_USEC  = 60 * 1000 * 1000, /* that chunks may not be had from where they are said to be */
        REMOTE_CACHE_BYTES = 1 << 30,          /* results larger than a part of this are fetched in pieces, */
        REMOTE_PIECE_BYTES = 16 << 20,         /* or larger than this, if they come over a network: */
        REMOTE_SPARES      = 2,                /* pieces land where pieces have landed before, */
        REMOTE_SPARE_BYTES = 64 << 20,         /* which are no larger than this */
};

/* Another process that we are linked with: the scheduler, or a worker. */
typedef struct Peer {
        struct Remote *remote;
        uint32_t worker;       /* WORKER_NONE: the scheduler */
        char *address;
        Link *link;            /* NULL: not yet, or not any more */
        uint64_t n_links;      /* so far: what was to be said over one is not said over the next */
        Lender lender;
        bool told;             /* the log knows how chunks come from it */
        struct Landing
                *receiving;  /* a reference: the link receives into its memory, or into that of its pin's caller; */
        bool direct;         /* that is so */
        ChunkDigest *digest; /* of what has come of the chunk */
} Peer;

/* Where the chunks of a pin are: memory that they are received into, also for what is under way when the pin has gone;
 * and what is read where it lies. Chunks that the pin's caller has a place for go there and nowhere else: as long as it
 * waits, since then the memory is his. */
typedef struct Landing {
        uint32_t n_refs;
        uint32_t n_direct;     /* links that receive into the caller's memory */
        bool left;             /* the pin has gone: they forget it, and it waits for that */
        size_t size_bytes;     /* of the memory */
        char *data;            /* NULL: nothing has come so far */
        Borrowed *borrowed;
} Landing;

/* A chunk that was asked for. */
typedef struct Get {
        uint64_t chunk;
        uint32_t worker;
        size_t size_bytes, at; /* at: in the landing */
        size_t align_bytes;
        Landing *landing;
        char *into;            /* the caller's memory, or NULL */
        bool placed;           /* it is coming, */
        const char *place;     /* to here; NULL: nobody waits for it, and it is dropped */
        EnginePin *pin;        /* NULL: it has gone, or failed */
        struct Get *next;      /* of the same chunk */
} Get;

/* Chunks that workers were told of and will ask for. */
typedef struct Put {
        const char *data;
        size_t size_bytes;
        uint32_t worker;       /* WORKER_NONE: whoever will be named */
        bool wanted;           /* the scheduler has asked for it, and is owed an answer */
        bool again;            /* the worker could not be reached, and is to be told again */
        struct Upload *upload;
} Put;

typedef struct UploadChunk {
        const char *data; /* NULL: it is read */
        size_t size_bytes;
        uint64_t digest; /* of what was sent; 0: not sent so far */
} UploadChunk;

typedef enum UploadIs {
        KEPT_WHOLE,
        KEPT_NOT_FAR,  /* its memory went when nobody here referred to it any more: only our own machine can be lost; */
        KEPT_TOO_MUCH, /* or since that of all those took too much */
} UploadIs;

/* A tensor of ours: while a caller waits until workers have its chunks, and afterwards if it is kept for when they lose
 * them (remote-kept.c). */
typedef struct Upload {
        uint64_t request;
        bool answered;
        uint32_t n_left;       /* chunks that are not stored; those on their way out of our memory */
        uint32_t n_sending;
        uint32_t n_wanted;     /* of the chunks that are not stored: for an answer to WANTED, */
        uint64_t wanted;       /* of this number */
        UploadChunk *chunk;    /* [n_chunks] */
        uint32_t n_chunks;
        uint64_t chunk_first;
        Spec spec;
        Origin *source; /* that reads them; NULL: they are in memory */
        Call *released; /* of that memory, when it is kept */
        TensorId tensor;
        Error err;
        Error last_words;      /* why chunks wait for another worker, */
        uint64_t lost_usec;    /* since when there are such, */
        uint64_t again_usec;   /* when to try again, or to ask for one; 0: not, or that is done */
        uint64_t asking;       /* the request that asks; 0: none */
        uint32_t n_lost;       /* in a row */
        __typeof__(((Writer *) 0)->bytes) description; /* what ADOPT says */
        bool kept;                                     /* nobody waits for it: */
        bool far;                                      /* a worker of another machine has, or had, some of it */
        UploadIs is;                                   /* or its memory goes when none of it is under way, */
        bool over;                                     /* and all of it */
        Origin checked;                /* reads them from the source or memory: what was sent before, or nothing */
        size_t held_bytes;             /* of its memory */
        char *proof;                   /* GRANT's, as of its RemoteTensor */
        struct Upload *later, *sooner; /* of those that nobody here refers to, when that began */
} Upload;

/* Somebody waits for an answer about a name. */
typedef struct Naming {
        uint64_t request;
        WireName what;
        const char *name;
        TensorId tensor;
        char *names;
        bool answered;
        Error err;
} Naming;

typedef struct RemoteTensor {
        SchedTensor t;
        char *proof;           /* GRANT's, or NULL: we are no user */
        uint32_t n_given;      /* references that the scheduler holds for us */
        Arena *arena;
} RemoteTensor;

/* What a user shows to workers for chunks of a tensor that is said next. */
typedef struct Grant {
        uint64_t first;
        char proof[TOKEN_PROOF_MAX];
} Grant;

/* What the scheduler was asked for and has not answered. */
typedef struct RemoteRequest {
        uint64_t id;
        uint8_t *graph;
        size_t graph_bytes;
        bool canceled;
        uint64_t pin, upload;  /* of the one that asks where its chunks are; both 0: it is a request of the engine's */
        Wire_progress progress; /* as of the last time */
} RemoteRequest;

typedef struct Post {
        uint32_t worker;       /* to whom; WORKER_NONE: the scheduler */
        uint64_t link;         /* n_links of the peer's; 0: whichever it is */
        uint16_t kind;
        Writer body;
} Post;

/* Of life. A process that is stopped keeps its sockets open, and the kernel answers for it. */
typedef struct Signs {
        bool answers; /* it has said ALIVE back: a scheduler of the version before never does */
        bool asked;
        uint64_t since_usec;  /* the last one; 0: we wait for nothing */
        uint64_t heard_bytes; /* then */
        size_t queued_bytes;
} Signs;

/* Memory in which a piece has landed. To touch it for the first time would cost more than to receive into it. */
typedef struct Spare {
        char *data;
        size_t size_bytes;
} Spare;

typedef struct Remote {
        Engine *engine;        /* a reference, until the thread ends */
        sd_event *event;
        int wake;              /* eventfd */
        pthread_t thread;
        bool started, woken, stop, ended;
        bool welcome, refused; /* the scheduler has said so */
        bool alone;            /* it has said that there is no worker */
        Error failure;         /* why nothing works any more */
        char *token;
        char *via;             /* on whose behalf; NULL: our own */
        Tls *tls;              /* what TCP goes through; NULL: there is no key */
        Http *http;            /* the web server through which everybody is reached; NULL: they are reached directly */
        Peer scheduler;
        Map peers;             /* worker -> Peer * */
        Vec(Post) post;
        Map tensors;           /* id -> RemoteTensor * */
        Vec(Grant) grant;      /* for the tensors of the next message */
        Map gets;              /* chunk -> Get * */
        uint32_t n_landings, n_spares;
        Spare spare[REMOTE_SPARES]; /* while there is any landing */
        Map puts;              /* chunk -> Put * */
        Map uploads;           /* request -> Upload * of which something is under way */
        Map kept;              /* tensor -> Upload * */
        Upload *first_alone, *last_alone; /* of these, those with memory that nobody here refers to, */
        uint64_t alone_bytes, keep_bytes; /* which take so much, and so much at most; 0: nothing is kept at all */
        bool told_much;                   /* the log knows that it was too much */
        struct Sending *read;  /* chunks that were read for workers, for the loop to send */
        Map namings;           /* request -> Naming * that waits for an answer */
        Map requests;          /* request -> RemoteRequest * */
        Vec(uint64_t) known;   /* requests whose outcome has come, which the scheduler is told with what comes next */
        Wire_welcome cluster;  /* what we were told of it */
        char key[256];         /* of the session */
        sd_event_source *timer;
        uint64_t due_usec;     /* of the timer; 0: it is off */
        uint64_t away_usec;    /* since when there is no link to the scheduler; 0: there is one */
        uint64_t try_usec;     /* not before */
        uint32_t attempt;
        Error last_words;      /* why there is no link */
        Signs signs;           /* of the scheduler */
} Remote;

/* Nothing works any more: everybody who waits hears why. The lock is held, here and below. */
void remote_fail(Remote *r, const Error *why);
void remote_fail_for_memory(Remote *r);
int remote_connect(Peer *peer, Error *err);
/* The graph is the remote's from now on. */
int remote_request(Remote *r, uint64_t id, uint8_t *graph, size_t graph_bytes, uint64_t pin, uint64_t upload);
void remote_canceled(Remote *r, EngineRequest *q); /* it ends here and now, whatever the scheduler does */

/* Leaves a message for the loop's thread. The engine's lock is held. 0 or -ENOMEM. */
int remote_post(Remote *remote, uint32_t worker, const WireMessage *message);
int remote_post_link(Remote *remote, const Peer *peer, const WireMessage *message); /* over this link or none */
void remote_wake(Remote *remote); /* from any thread, with the lock or without */

/* ---- remote-again.c */
int remote_timer(Remote *r);
void remote_arm(Remote *r, uint64_t at_usec);                     /* no later than then remote_tick() is called */
uint64_t remote_pause_usec(uint32_t attempt);                     /* before something is tried again */
int remote_ask_where(Remote *r, TensorId tensor, uint64_t pin, uint64_t upload, uint64_t *ret);
void remote_tick(Remote *r);                                      /* whatever is due */
void remote_away(Remote *r, const Error *why);                    /* the link to the scheduler broke */
int remote_welcome(Remote *r, const Wire_welcome *m, Error *err);
void remote_lost(Remote *r, EnginePin *pin, const Error *why);    /* a chunk of it could not be had */
void remote_located(Remote *r, uint64_t pin, uint64_t upload, const Wire_finished *m);

/* ---- names.c */
int remote_naming_say(Remote *r, const Naming *naming, bool again);
void remote_named(Remote *r, const Wire_named *m);

/* ---- remote-chunks.c: chunks on their way; the engine's lock is held */
int remote_pin(Engine *e, EnginePin *pin);
void remote_pin_again(Remote *r, EnginePin *pin);
void remote_unpin(Engine *e, EnginePin *pin);
int remote_place(Remote *r, Peer *from, const Wire_chunk *chunk, uint64_t size_bytes, char **ret, Error *err);
void remote_received(Remote *r, Peer *peer); /* whatever it was, it is over: all of it has come, or the link is gone */
void remote_forget(Remote *r);               /* on the loop: links do not receive into memory of pins that have gone */
void remote_chunk(Remote *r, Peer *from, const Wire_chunk *chunk, const char *data, size_t size_bytes);
int remote_at(Remote *r, Peer *from, const Wire_at *at, int fd, Error *err);
bool remote_here(Engine *e, const SchedTensor *t, uint64_t k);
void remote_gone(Remote *r, const Peer *from, const Wire_gone *gone);
/* What was under way from or to the worker (WORKER_NONE: to and from everybody) fails. */
void remote_chunks_fail(Remote *r, uint32_t worker, const Error *why);
int remote_tensor_add(Remote *r, Reader *rd, TensorId *ret); /* of a WireTensor, with a reference */
int remote_granted(Remote *r, const Wire_grant *m);

/* ---- remote-uploads.c: the engine's lock is held */
int remote_adopt(Engine *e, const Spec *spec, const Tiling *tiling, const char *const *data, Call *released,
                 Origin *again, TensorId *ret, Error *err);
int remote_adopt_origin(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin, Call *released,
                        TensorId *ret, Error *err);
void remote_send_read(Remote *r);  /* on the loop, or when there is none any more: what was read goes, or is let go */
void remote_adopted(Remote *r, const Wire_adopted *adopted);
int remote_wanted(Remote *r, const Wire_wanted *wanted, Error *err);
void remote_upload_free(Upload *u);                              /* but not what it was given */
void remote_given(Remote *r, TensorId tensor, uint64_t number, const Error *err); /* the answer to WANTED */
void remote_hear_get(Remote *r, Peer *from, const Wire_get *get);
void remote_stored(Remote *r, const Peer *from, const Wire_stored *stored);
void remote_puts_fail(Remote *r, uint32_t worker, const Error *why);
void remote_upload_located(Remote *r, uint64_t upload, const Error *why);
void remote_uploads_tick(Remote *r, uint64_t now);

/* ---- remote-kept.c: the engine's lock is held */
void remote_keep(Remote *r, Upload *u, Origin *again); /* all of it is stored; takes both */
void remote_keep_most(Engine *e, uint64_t most_bytes);
void remote_kept_alone(Remote *r, TensorId tensor); /* nobody here refers to it any more */
int remote_kept_read(void *userdata, uint64_t chunk, char *to, Error *err);
void remote_kept_settle(Remote *r, Upload *u); /* something of it that was under way is not any more; it may be gone */
void remote_kept_lost(Remote *r, const Upload *u, const Wire_wanted *wanted); /* and we have it not; u: or NULL */
int remote_spared(Remote *r, const Wire_spared *m);
void remote_kept_end(Remote *r); /* the session has failed, or ends */
