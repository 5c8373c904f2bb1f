/* SPDX-License-Identifier: Apache-2.0 */
/* Topics as server-sent events: one stream a page, with everything that the page shows. What a listener has not read
 * yet is not heaped up for him: of each topic the newest answer waits, and older ones that he was too slow for are
 * left out. Who wants changes (changes=1) has of each topic one answer as a whole, and then what turns that which he
 * was sent last into the newest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/vec.h"
#include "daemons/json.h"
#include "daemons/web/api.h"
#include "daemons/web/feed.h"

enum {
        MAX_STREAMS  = 512,               /* pages that are open at a time, */
        MAX_STREAMS_OF_ONE = 128,         /* with one credential at one host, */
        AGAIN_SEC    = 10,                /* after which he may try again */
        MAX_SUBJECTS = 8,                 /* topics of one */
        COMMENT_USEC = 15 * 1000 * 1000,  /* something comes at least as often, so that who has gone is noticed */
        STREAM_USEC  = 600 * 1000 * 1000, /* then it ends, and who comes again shows his credential again */
        BLOCK_BYTES  = 16 << 10,
};

typedef struct Subject {
        Stream *stream;
        Topic *topic;
        Seen *news; /* which waits; NULL: nothing new */
        Seen *told; /* what he has, for who wants changes; NULL: nothing that could be changed */
} Subject;

struct Stream {
        Feed *feed;
        Stream *next;
        Request *request; /* as long as the response is */
        uint64_t who;     /* request_who() */
        Subject subject[MAX_SUBJECTS];
        uint32_t n_subjects, at; /* the one whose news are being sent */
        char *sending;           /* or NULL */
        size_t n_sending, n_sent;
        uint64_t begun_usec, said_usec;
        bool changes, suspended, comment, ending;
};

static void wake(Stream *s) {
        if (!s->suspended)
                return;
        s->suspended = false;
        request_wake(s->request);
}

/* ---- News -------------------------------------------------------------------------------------------------------- */

static void on_seen(void *userdata, _unused_ const Seen *seen) {
        Subject *subject = userdata;
        Seen *news       = topic_keep(subject->topic);

        if (!news)
                return;
        seen_unref(subject->news);
        subject->news = news;
        wake(subject->stream);
}

/* A text of one line: JSON has no line ends in it. What cannot be had says so. */
static void put_event(Subject *subject, Seen *seen, FILE *f) {
        const char *name = topic_name(subject->topic), *changes = NULL;
        size_t n = 0;

        if (subject->told && seen->status == MHD_HTTP_OK)
                changes = seen_changes(seen, subject->told, &n);
        if (changes) {
                fputs("event: changes\ndata: {\"topic\": ", f);
                json_text(f, name);
                fprintf(f, ", \"change\": %.*s}\n\n", (int) n, changes);
        } else if (seen->status == MHD_HTTP_OK)
                fprintf(f, "event: %s\ndata: %s\n\n", name, seen->text);
        else {
                fputs("event: gone\ndata: {\"topic\": ", f);
                json_text(f, name);
                fprintf(f, ", \"status\": %u, \"text\": ", seen->status);
                json_text(f, seen->text);
                fputs("}\n\n", f);
        }
}

/* The event that is sent now; false: there is no memory for it, and what comes later says it. */
static bool begin_sending(Stream *s, Subject *subject, Seen *seen) {
        FILE *f = open_memstream(&s->sending, &s->n_sending);

        if (!f)
                return false;
        put_event(subject, seen, f);
        if (fclose(f) != 0) {
                free(s->sending);
                s->sending = NULL;
                return false;
        }
        s->n_sent     = 0;
        subject->told = seen_unref(subject->told);
        if (s->changes && seen->status == MHD_HTTP_OK)
                subject->told = seen_ref(seen);
        return true;
}

/* The next thing to be sent, in turn. */
static bool next_news(Stream *s) {
        for (uint32_t k = 0; k < s->n_subjects; k++) {
                Subject *subject = &s->subject[s->at = (s->at + 1) % s->n_subjects];
                Seen *seen       = TAKE_PTR(subject->news);
                const bool begun = seen && begin_sending(s, subject, seen);

                seen_unref(seen);
                if (begun)
                        return true;
        }
        if (!s->comment)
                return false;
        s->comment   = false;
        s->sending   = strdup(": here\n\n");
        s->n_sending = s->sending ? strlen(s->sending) : 0;
        s->n_sent    = 0;
        return s->sending != NULL;
}

static ssize_t on_read(void *userdata, _unused_ uint64_t at, char *to, size_t room) {
        Stream *s = userdata;
        size_t n;

        if ((s->ending || feed_clock() - s->begun_usec > STREAM_USEC) && !s->sending)
                return MHD_CONTENT_READER_END_OF_STREAM;
        if (!s->sending && !next_news(s)) {
                s->suspended = true;
                MHD_suspend_connection(s->request->connection);
                return 0;
        }
        n = MIN(room, s->n_sending - s->n_sent);
        memcpy(to, s->sending + s->n_sent, n);
        s->n_sent += n;
        s->said_usec = feed_clock();
        if (s->n_sent == s->n_sending) {
                free(s->sending);
                s->sending = NULL;
        }
        return (ssize_t) n;
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void on_gone(void *userdata) {
        Stream *s   = userdata;
        Stream **at = &s->feed->stream;

        while (*at && *at != s)
                at = &(*at)->next;
        if (*at) {
                *at = s->next;
                s->feed->n_streams--;
        }
        for (uint32_t k = 0; k < s->n_subjects; k++) {
                topic_leave(s->subject[k].topic, &s->subject[k]);
                seen_unref(s->subject[k].news);
                seen_unref(s->subject[k].told);
        }
        free(s->sending);
        free(s);
}

void streams_tick(Feed *feed, uint64_t now_usec) {
        for (Stream *s = feed->stream; s; s = s->next) {
                if (now_usec - s->said_usec > COMMENT_USEC)
                        s->comment = true;
                if (s->comment || now_usec - s->begun_usec > STREAM_USEC)
                        wake(s);
        }
}

void streams_end(Feed *feed) {
        for (Stream *s = feed->stream; s; s = s->next) {
                s->ending = true;
                wake(s);
        }
}

/* The topics, separated by commas: 0, or why not. */
static int subjects_add(Stream *s, const char *topics, Error *err) {
        while (*topics) {
                const size_t n = strcspn(topics, ",");
                char name[192];

                if (n >= sizeof(name) || n == 0)
                        return error_set(err, -ENOENT, "there is no such topic");
                if (s->n_subjects == MAX_SUBJECTS)
                        return error_set(err, ERROR_VALUE, "at most %d topics", MAX_SUBJECTS);
                snprintf(name, sizeof(name), "%.*s", (int) n, topics);
                s->subject[s->n_subjects] = (Subject) { .stream = s, .topic = topic_find(s->request, name, err) };
                if (!s->subject[s->n_subjects].topic)
                        return err->code;
                s->n_subjects++;
                topics += n + (topics[n] == ',');
        }
        return s->n_subjects > 0 ? 0 : error_set(err, ERROR_VALUE, "topics: of what?");
}

static unsigned n_streams_of(const Feed *feed, uint64_t who) {
        unsigned n = 0;

        for (const Stream *s = feed->stream; s; s = s->next)
                n += s->who == who;
        return n;
}

void api_events(Request *request) {
        Feed *feed         = request->web->feed;
        const char *topics = request_argument(request, "topics"), *changes = request_argument(request, "changes");
        const uint64_t who = request_who(request, request->token);
        struct MHD_Response *response;
        Error err = {};
        Stream *s;
        int r;

        if (changes && strcmp(changes, "0") != 0 && strcmp(changes, "1") != 0) {
                request_refuse(request, MHD_HTTP_BAD_REQUEST, "changes: 0 or 1");
                return;
        }
        if (feed->n_streams >= MAX_STREAMS) {
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "%d pages are open already", MAX_STREAMS);
                return;
        }
        if (n_streams_of(feed, who) >= MAX_STREAMS_OF_ONE) {
                char seconds[16];

                snprintf(seconds, sizeof(seconds), "%d", AGAIN_SEC);
                request_refuse_with(request, MHD_HTTP_TOO_MANY_REQUESTS, MHD_HTTP_HEADER_RETRY_AFTER, seconds,
                                    "you have %d pages open already", MAX_STREAMS_OF_ONE);
                return;
        }
        s = calloc(1, sizeof(*s));
        if (!s) {
                request_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
                return;
        }
        *s           = (Stream) { .feed       = feed,
                                  .request    = request,
                                  .who        = who,
                                  .changes    = changes && changes[0] == '1',
                                  .begun_usec = feed_clock(),
                                  .said_usec  = feed_clock(),
                                  .sending    = strdup("retry: 1000\n\n") };
        s->n_sending = s->sending ? strlen(s->sending) : 0;
        r            = subjects_add(s, topics ?: "", &err);
        response =
                r == 0 ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, s, on_gone) : NULL;
        if (!response) {
                s->n_subjects = 0; /* none is followed so far */
                on_gone(s);
                request_refuse(request, r < 0 ? status_of(r) : MHD_HTTP_SERVICE_UNAVAILABLE, "%s",
                               r < 0 ? err.text : "out of memory");
                return;
        }
        s->next      = feed->stream;
        feed->stream = s;
        feed->n_streams++;
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
        (void) MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* proxies pass it on as it comes */
        for (uint32_t k = 0; k < s->n_subjects; k++)
                if (topic_follow(s->subject[k].topic, on_seen, &s->subject[k]) < 0)
                        web_log(request->web, LOG_WARNING, "out of memory: a page hears nothing of %s",
                                topic_name(s->subject[k].topic));
        request_respond(request, MHD_HTTP_OK, response);
}
