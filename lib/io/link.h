/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A link: a connection on which frames go both ways (wire/frame.h). It belongs to the loop that it was made for, and
 * to that loop's thread: nothing here blocks, nothing here may be called from another thread.
 *
 * What is sent keeps its order. Bodies are copied; a payload is sent from where it lies, and stays there until the
 * link says so. What comes is put together first: a message is handed out once, whole. A payload goes straight to the
 * place that the receiver names when the body is there, so nothing is received for which there is no room.
 *
 * Addresses: "unix:/path", "host:port", "[2001:db8::1]:port" (io/address.h). For the address of a name a thread waits
 * (io/resolve.h); the link is opening until then. */
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "io/http.h"
#include "io/mover.h"
#include "wire/frame.h"

typedef struct Link Link;
typedef struct Listener Listener;

typedef struct LinkEvents {
        /* A message; its payload, if it has one, is at `payload`. The body is valid during the call; fd is -1, or a
         * descriptor that is the receiver's from now on. A negative result closes the link with that error. */
        int (*message)(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload, int fd,
                       Error *err);
        /* The body of a frame with a payload is there: says where frame->payload_bytes go, which stay valid until
         * message() or closed(); NULL: they are dropped, and message() gets NULL. A negative result closes the link.
         * Without this function payloads are refused. */
        int (*payload)(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char **ret, Error *err);
        /* Bytes of a payload have come to where they stay, behind those of the call before: for whoever reads them
         * while they are in the cache. NULL: nobody does. */
        void (*part)(void *userdata, const char *data, size_t size_bytes);
        /* Once, from the loop, when the link is of no use any more, after everything that came before: the other side
         * has closed it (why->code is -ECONNRESET, or 0 if nothing was under way), it broke, its host is silent
         * (-ETIMEDOUT, over TCP), or a callback refused. The owner frees it, now or later. */
        void (*closed)(void *userdata, Link *link, const Error *why);
} LinkEvents;

/* Takes the descriptor, a connected stream socket, also when it fails. */
int link_new(Link **ret, sd_event *event, int fd, const LinkEvents *events, void *userdata, Error *err);
/* Begins to connect; sending may begin at once, and what cannot be reached, or whose name or host does not answer for
 * 10 s, is closed() with words that name it. */
int link_connect(Link **ret, sd_event *event, const char *address, const LinkEvents *events, void *userdata,
                 Error *err);
/* Before anything was sent or received: all of it goes through TLS, which we begin. Nothing happens to unix sockets,
 * whose other side the kernel knows, and without a key (NULL). Whoever has another key, or none, is closed() with
 * words. */
int link_secure(Link *link, Tls *tls, Error *err);
/* Likewise: it was connected to a web server, which is to hand it over as the path says. Over https it is secured. */
int link_upgrade(Link *link, const Http *http, const char *path, Error *err);
/* Large payloads go through the mover of its loop from now on, where nothing is encrypted. NULL: as before. */
void link_move(Link *link, Mover *mover);
/* Closes it, from wherever: also out of its own callbacks. closed() is not called any more; done() of payloads is. */
Link *link_free(Link *link);
DEFINE_CLEANUP(Link *, link_free)

/* A message whose body is copied. 0 or -ENOMEM; on a link that is closed nothing happens. It is sent when the loop
 * comes round, with what has been queued by then; earlier when that is much. */
int link_send(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes) _must_check_;
/* One with a payload; done(userdata) is called once, when the bytes are not needed any more: from the loop, from
 * link_free(), or from here if it fails or the link is closed. */
int link_send_payload(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, const char *payload,
                      uint64_t payload_bytes, void (*done)(void *userdata), void *userdata) _must_check_;
/* The same with a body that is made when the payload's turn has come, or never: at most so many bytes are filled in. */
enum { LINK_BODY_BYTES = 64 };
typedef size_t LinkBody(void *userdata, uint8_t *body);
int link_send_payload_later(Link *link, uint16_t kind, LinkBody *body, const char *payload, uint64_t payload_bytes,
                            void (*done)(void *userdata), void *userdata) _must_check_;
/* One with a descriptor, which is duplicated; ERROR_SUPPORT unless the link is a unix socket. */
int link_send_fd(Link *link, uint16_t kind, const uint8_t *body, size_t body_bytes, int fd) _must_check_;

size_t link_queued_bytes(const Link *link); /* of headers and bodies: copied, not sent yet */
uint64_t link_heard_bytes(const Link *link); /* that have come so far: who sends any, lives */
/* For how long the host of the other side has not answered; 1 while it has not accepted us yet, 0: it answers, for all
 * one knows. A process that stands still is not the host: the kernel answers for it. Over TCP, and a second late of one
 * that is watched, which then is closed after some seconds (-ETIMEDOUT). */
uint32_t link_unanswered_msec(const Link *link);
void link_watch(Link *link); /* when it is connected; before, nothing happens */
/* Back-pressure: nothing is handed out, and closed() is not called, until it goes on. For however long: the other side
 * is not taken for dead. */
void link_stop_reading(Link *link, bool stop);
/* The memory that payload() has named for what comes now is not the link's any more: what is still to come is dropped.
 * Not through a mover, and not from part(). */
void link_forget_payload(Link *link);
void link_flush(Link *link);                /* tries to send now what is queued */

/* What those who come in come through. Until link_admit() they are guests: at most some dozens at a time, of whom the
 * oldest goes first, each for some seconds and with few bytes. All zeros is a door without a key. */
typedef struct Door {
        Tls *tls;                    /* NULL: no key */
        Mover *mover;                /* for large payloads (link_move()), or NULL */
        bool relays;                 /* there is a user who only ever speaks for others, whether he says VIA or not: */
        uid_t relay_uid;
        Link *oldest, *newest;
        unsigned n_guests;
} Door;

/* As link_new(), of a connection that somebody has made to us. The door must outlive its guests. */
int link_accept(Link **ret, sd_event *event, int fd, Door *door, const LinkEvents *events, void *userdata, Error *err);
void link_admit(Link *link);         /* he has said who he is */

typedef struct LinkPeer {
        bool local;   /* a unix socket: uid and pid say who it is */
        uid_t uid;
        pid_t pid;
        bool loopback; /* TCP of this machine */
        bool relayed;  /* its other side speaks for somebody else: none of the others is true; the door's user does */
        bool keyed;    /* over TLS: it has the key, */
        TlsRole role;  /* and came as that */
        char text[128]; /* for a log: "uid 1000, pid 4711" or "192.0.2.7:40312" */
} LinkPeer;
/* Its other side speaks for `who` (VIA) and may nothing for itself: link_peer() is about him from now on. */
void link_relayed(Link *link, const char *who);
/* Its other side hands a connection of its own over, which is the link from now on: a stream socket over TCP, which is
 * duplicated. From message(), when nothing was said yet but that. */
int link_take_over(Link *link, int fd, Error *err);
int link_peer(const Link *link, LinkPeer *ret); /* 0 or an errno; of a link that is connected */

/* ---- Listening -------------------------------------------------------------------------------------------------- */

/* accepted() gets the descriptor of each connection, which is its own from then on. */
typedef void ListenerAccepted(void *userdata, int fd);
/* Binds and listens. A unix socket file is made with mode `mode`; one that nobody listens to is replaced, one that
 * somebody does is refused (-EADDRINUSE). Port 0: a free one. */
int listener_new(Listener **ret, sd_event *event, const char *address, mode_t mode, ListenerAccepted *accepted,
                 void *userdata, Error *err);
/* The same of a socket that listens already (from the service manager); takes the descriptor. */
int listener_from_fd(Listener **ret, sd_event *event, int fd, ListenerAccepted *accepted, void *userdata, Error *err);
Listener *listener_free(Listener *listener); /* removes a socket file that it made */
DEFINE_CLEANUP(Listener *, listener_free)
int listener_fd(const Listener *listener); /* stays the listener's */
/* The address where it listens, in the form above, with the port that it got. */
const char *listener_address(const Listener *listener);

/* Whether the address is of this machine alone: a unix socket, or loopback. ERROR_VALUE if it is none. */
int address_is_local(const char *address, bool *ret, Error *err);
