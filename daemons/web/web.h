/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* mars-web from within: one loop thread owns all of this.
 *
 *         serve.c    requests and answers, over the connections of httpd.c: its limits and time-outs
 *         routes.c   the one table of what there is: method, path, who may, who answers; what is not in it is refused
 *         gate.c     what stands before each answer: Host, Origin, the credential, how often he asks
 *         connect.c  links to the daemons, on behalf of whoever asks
 *         front.c    https
 *         relay.c    sessions over http
 *         carry.c    bytes both ways, of either
 *         api-*.c    the answers
 *
 * A request goes through the gate when its headers are there, and to its route when its body is, too. It is answered
 * exactly once, now or later, by whoever has it: nothing here waits. */
#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/arena.h"
#include "daemons/httpd.h"
#include "daemons/rate.h"
#include "io/address.h"
#include "io/say.h"
#include "io/token.h"

typedef struct Web Web;
typedef struct Request Request;
typedef struct Route Route;
typedef struct Check Check;
typedef struct Relay Relay;
struct Feed;
typedef struct Front Front;

enum { MAX_BODY = 1 << 20 }; /* bytes of a request's */

enum { PIECE_BYTES = 1 << 20 }; /* read at a time of what is relayed */

typedef struct Pipe {
        bool open;
        int in, out;
        size_t n; /* bytes that lie in it */
} Pipe;

typedef struct WebConfig {
        const char *const *scheduler; /* addresses, tried in turn */
        uint32_t n_schedulers;
        Tls *tls;                     /* what TCP to daemons goes through; NULL: there is no key */
        Tls *https;                   /* which becomes the web's; NULL: plain HTTP */
        const char *public_host, *public_origin; /* of a proxy before us: "host:port", "https://host:port"; or NULL */
        void (*log)(int level, const char *text);
        int (*print)(void *userdata, FILE *f); /* or NULL: the configuration in force, in JSON */
        void *print_userdata;
} WebConfig;

/* 128 random bits in hexadecimal, and the address around them. */
enum { LOGIN_CODE_MAX = 33, LOGIN_LINK_MAX = 256 };

struct Web {
        WebConfig config;
        sd_event *event;
        char host[192];        /* host:port that people write */
        char port[8];
        /* serve.c */
        Httpd *httpd;
        /* gate.c */
        Check *check;          /* credentials that are asked for, or were asked for lately */
        unsigned n_checks;
        Rate *rate;            /* of requests with a credential */
        Front *front;
        /* relay.c */
        Relay *relay;
        size_t held_bytes;     /* of all of them, read and not taken yet */
        uint8_t piece[PIECE_BYTES]; /* what is on its way from one side to the other, */
        Pipe pipe;                  /* and an empty one for that, for whoever needs it next */
        /* login.c */
        char token[TOKEN_MAX];     /* that of the cluster; "": not known yet */
        char code[LOGIN_CODE_MAX]; /* of the last link; "": it has been used, */
        char code_user[TOKEN_USER_MAX]; /* and as whom it signs in */
        uint64_t code_until;       /* seconds since 1970 */
        struct Feed *feed;         /* feed.h: what is known of the cluster */
        /* download.c */
        struct Download *download;
        unsigned n_downloads;
};

int web_new(Web **ret, sd_event *event, const WebConfig *config, Error *err);
Web *web_free(Web *web);
DEFINE_CLEANUP(Web *, web_free)
void web_accept(void *userdata, int fd); /* ListenerAccepted; userdata: the Web */
void web_set_host(Web *web, const char *address); /* host:port where others find it: before the first request */
void web_log(const Web *web, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- Routes ----------------------------------------------------------------------------------------------------- */

typedef enum Right {
        RIGHT_NONE,  /* anybody's: nothing of a cluster is in the answer */
        RIGHT_READ,  /* whoever has a credential */
        RIGHT_WRITE, /* likewise; and it is no other page of his browser that asks (gate.c) */
} Right;

/* Of what a route speaks. What is whose the daemons say, to whoever the token is of: this says what users may ask. */
typedef enum Of {
        OF_NOBODY, /* what is there says nothing of anybody's work, */
        OF_OWNER,  /* or it says of each what is his own, and all to the administrator, */
        OF_ADMIN,  /* or it is not for users (403) */
} Of;

struct Route {
        const char *method, *path; /* segments may be "{}": request->ids are what stands there */
        Right right;
        Of of;
        void (*answer)(Request *request); /* now or later */
};

/* The route, with ret_id (or ""); NULL: there is none, and *ret_allow names the methods that the path has, or is "". */
enum { ROUTE_IDS = 3, ROUTE_ID_MAX = 128, ALLOW_MAX = 64 };
const Route *route_find(const char *method, const char *path, char ret_id[static ROUTE_IDS][ROUTE_ID_MAX],
                        char ret_allow[static ALLOW_MAX]);
const Route *route_list(size_t *ret_n); /* all, for tests */
bool route_is_for(const Route *route, const char *user);

/* ---- Requests --------------------------------------------------------------------------------------------------- */

typedef enum RequestState {
        REQUEST_NEW,     /* its headers are there, and the gate looks at them */
        REQUEST_CHECKED, /* it was let in; its body comes */
        REQUEST_ASKED,   /* its route has it */
        REQUEST_SENT,
} RequestState;

struct Request {
        Web *web;
        struct MHD_Connection *connection;
        const Route *route;
        RequestState state;
        bool begun;            /* the library has told us of its headers, and been told to go on */
        bool suspended;        /* nothing happens to it, nor to its connection, until it is answered or passed */
        bool answered;
        char ids[ROUTE_IDS][ROUTE_ID_MAX]; /* the segments {} of the path, */
        const char *id;        /* of which this is the first; "": it has none */
        char token[TOKEN_MAX]; /* the credential that it has shown, which the scheduler has found good; "" */
        char user[TOKEN_USER_MAX]; /* whose it is, as the scheduler says; "": that of the cluster */
        uint8_t *body;         /* of a POST or PUT: text that ends with 0 */
        size_t body_bytes;
        struct MHD_Response *response; /* NULL when answered: there was no memory for it */
        unsigned status;
        Request *next_waiting; /* for the same check */
};

/* Copies the text. */
void request_answer(Request *request, unsigned status, const char *type, const char *text, size_t n_bytes);
void request_json(Request *request, const char *text);                 /* 200 */
/* {"status": …, "text": …}: the status says it to programs, the words to people. */
void request_refuse(Request *request, unsigned status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void request_refuse_with(Request *request, unsigned status, const char *header, const char *value, const char *fmt,
                         ...) __attribute__((format(printf, 5, 6)));
/* One that the caller has made, with its own headers; NULL: out of memory. It is the request's from now on. */
void request_respond(Request *request, unsigned status, struct MHD_Response *response);
/* Of an answer that comes in pieces: its connection, which was suspended in between, goes on. */
void request_wake(Request *request);
void downloads_end(Web *web); /* download.c: before the server stops */
const char *request_argument(const Request *request, const char *name); /* of the query, or NULL */

/* ---- gate.c ------------------------------------------------------------------------------------------------------ */

/* Passes the request (request_pass()) or answers it, now or later. */
void gate_check(Request *request, const char *method, const char *path);
int gate_begin(Web *web, Error *err);
uint64_t request_who(const Request *request, const char *token); /* his host and credential, as a number */
void gate_forget(Request *request); /* it is gone: no check has it any more */
void gate_end(Web *web);
void request_pass(Request *request, const char *token, const char *user);

/* ---- front.c: https ---------------------------------------------------------------------------------------------- */

/* Takes the connection. The socket at which plain HTTP is spoken, or -1. */
int front_new(Web *web, int fd);
void fronts_end(Web *web);

/* ---- carry.c ----------------------------------------------------------------------------------------------------- */

void carriers_end(Web *web); /* when none is left */

/* ---- relay.c ----------------------------------------------------------------------------------------------------- */

void relays_end(Web *web);
void relay_forget(Request *request); /* it is gone, before it became a session or after */

/* ---- login.c: browsers ------------------------------------------------------------------------------------------- */

/* Whom its cookie stands for; false: nobody. */
bool login_token(const Request *request, char ret[static TOKEN_MAX]);
/* A link that signs in once, as whoever has the token (NULL: as the one that is found); the one before it does not any
 * more. 0; LOGIN_NO_TOKEN: none is found; or a negative code. */
enum { LOGIN_NO_TOKEN = 1 };
int login_link(Web *web, const char *token, const char *user, char ret[static LOGIN_LINK_MAX]);

/* ---- connect.c: links on somebody's behalf ----------------------------------------------------------------------- */

typedef struct WebPeer {
        char text[ADDRESS_TEXT_MAX];
} WebPeer;
WebPeer request_peer(const Request *request); /* who it is, for people */
/* Begins to connect to the scheduler (the address `which` of the configuration) for whoever has the credential: what
 * mars-web itself may does not go with it. Its WELCOME says that the credential is good. */
/* The same to any daemon. */
int web_connect_to(Web *web, Link **ret, const char *address, const char *token, const char *peer,
                   const LinkEvents *events, void *userdata, Error *err);
int web_connect(Web *web, Link **ret, uint32_t which, const char *token, const char *peer, const LinkEvents *events,
                void *userdata, Error *err);
