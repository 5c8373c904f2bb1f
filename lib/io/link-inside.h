/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a link is made of: link.c moves bytes through it, link-peer.c says who is at its other side. */
#include "io/address.h"
#include "io/inbox.h"
#include "io/link.h"
#include "io/outbox.h"
#include "io/resolve.h"
#include "io/stream.h"

struct Link {
        unsigned n_ref;
        bool over;       /* nothing is read or sent any more; why says it */
        bool told;       /* closed() was called, or the owner wants to hear nothing */
        bool opening;    /* nothing can be sent or read yet: */
        bool connecting; /* the socket is not connected; else the stream is not open */
        Resolve *asking; /* not even that: what address its name has; the stream is what tells us */
        Tls *tls;        /* and what it is to go through then, or NULL */
        bool stopped;
        bool blocked; /* the kernel takes no more now */
        bool mute;    /* sending has failed; why says it, if it is the reason */
        Stream stream;
        uint32_t epoll; /* what we wait for */
        sd_event_source *io, *later;
        sd_event_source *clock;          /* of TCP, of what is opening, and of guests */
        Door *door;                      /* of a guest; */
        Link *guest_next, *guest_before; /* the list from the oldest to the newest */
        const LinkEvents *events;
        void *userdata;
        Inbox in;
        Outbox out;
        Mover *mover; /* NULL: all is sent and received by calls of our own */
        Move sending, receiving;
        uint64_t heard_bytes; /* so far */
        Error why;
        char text[ADDRESS_TEXT_MAX]; /* where it connects to; "": it was given a connection */
        bool relayed;
        char via[ADDRESS_TEXT_MAX]; /* for whom the other side speaks */
};

/* Something is to be sent that may not have gone yet. */
bool link_unsent(const Link *link);
