/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What pages and programs see of a cluster. It is what the daemons say of themselves, passed on as it is:
 *
 *         upstream.c   links to the scheduler and to workers, over which they are asked
 *         topics.c     what there is to be seen, by name ("workers/3/history"), and how it is asked for. All who want
 *                      the same with the same token get the same answer, so that the daemons are asked as often for a
 *                      thousand pages as for one: at most twice a second, and less often what costs them more
 *         timeline.c   what threads did, of which only what is new is asked for and told
 *         seen.c       answers that several keep, and what changed between two of them (change.c)
 *         events.c     topics as they change, to whoever listens
 *
 * Nothing is asked while nobody looks. */
#include "daemons/lines.h"
#include "daemons/web/web.h"

typedef struct Feed Feed;
typedef struct Upstream Upstream;
typedef struct Topic Topic;
typedef struct Stream Stream;

struct Feed {
        Web *web;
        Upstream *upstream;
        Topic *topic;
        Stream *stream;
        uint32_t n_topics, n_streams;
        sd_event_source *tick;
        Lines *lines;               /* of our own log */
        uint64_t n_asked, n_failed; /* questions, so far */
};

int feed_new(Web *web, Error *err);
void feed_wake(Feed *feed); /* the clock runs, until nobody looks */
void feed_end(Web *web);    /* nothing is answered any more: before the server stops; */
void feed_free(Web *web);   /* after that */

/* ---- upstream.c */
enum { SCHEDULER = UINT32_MAX }; /* in place of a worker's number */

/* What a daemon says: 0 and JSON, or a negative code and words. cost_usec: what it took there. */
typedef void Answered(void *userdata, int code, const char *text, uint64_t cost_usec);

/* Says ASK, CANCEL, DRAIN or NAME for whoever has the token; answered() is called once, now or later. Texts of it
 * are copied. When very many daemons are asked it waits for its turn (-EBUSY: in vain). A worker is found where the
 * scheduler has said (upstream_worker()). */
void upstream_say(Feed *feed, const char *token, uint32_t worker, const WireMessage *message, Answered *answered,
                  void *userdata);
/* Whether the scheduler has said where the worker is. *at begins at 0 and goes on to the next one. */
bool upstream_worker(const Feed *feed, const char *token, uint32_t *at, uint32_t *ret_worker);
void upstream_tick(Feed *feed, uint64_t now_usec);
void upstreams_free(Feed *feed);
unsigned status_of(int code); /* HTTP's, of a code of ours */

/* ---- topics.c */
/* What was answered: JSON, or with a status other than 200 words. */
typedef struct Seen {
        unsigned status;
        const char *text;
        size_t n_bytes;
        /* seen.c */
        unsigned n_refs;
        struct Seen *since; /* or NULL; what has changed since that one: */
        char *changes;      /* NULL: so much that it is to be told as a whole */
        size_t n_changes;
} Seen;
typedef void TopicSeen(void *userdata, const Seen *seen);

/* What may be asked of a topic: numbers that are not negative, of so many bytes. */
enum { TOPIC_FILTERS = 5, TOPIC_NUMBER_MAX = 24 };
extern const char *const topic_filters[TOPIC_FILTERS];
bool topic_number_ok(const char *text, size_t n_bytes);

/* The topic of this name (with what is asked of it: "logs?level=4&request=7"), as whoever has the token of the request
 * sees it; or NULL: there is none, or it is not for him, or no memory. */
Topic *topic_find(const Request *request, const char *name, Error *err);
/* Once, now or later: what was answered a moment ago will do. */
void topic_see(Topic *topic, TopicSeen *seen, void *userdata);
/* Again and again, until topic_leave(). */
int topic_follow(Topic *topic, TopicSeen *seen, void *userdata) _must_check_;
void topic_leave(Topic *topic, void *userdata);
const char *topic_name(const Topic *topic);
Seen *topic_keep(const Topic *topic); /* what was seen last, or NULL; seen_unref() */
/* "logs?level=4&request=7" of the path and the arguments of the request. False: it is refused. */
bool request_topic_name(Request *request, const char *path, char *ret, size_t size_bytes);
void request_see(Request *request, const char *name, TopicSeen *seen); /* which answers it (api-topics.c) */
void request_cancel(Request *request, uint64_t number); /* likewise: it ends the work of that number */
void topics_stale(Feed *feed); /* something was done: what was answered before is not good any more */
void topics_tick(Feed *feed, uint64_t now_usec);
void topics_free(Feed *feed);

/* ---- seen.c */
Seen *seen_new(unsigned status, char *text, size_t n_bytes); /* takes the text; NULL: no memory */
Seen *seen_ref(Seen *seen);
Seen *seen_unref(Seen *seen);
/* What turns the one before into this one (change.h), or NULL: it is to be told as a whole. */
const char *seen_changes(Seen *seen, Seen *before, size_t *ret_bytes);

/* It is known already, and the text is taken. */
void seen_know_changes(Seen *seen, Seen *before, char *changes, size_t n_bytes);

/* ---- events.c */
void streams_tick(Feed *feed, uint64_t now_usec);
void streams_end(Feed *feed); /* who listens hears the end */
uint64_t feed_clock(void);    /* monotonic, in microseconds */
