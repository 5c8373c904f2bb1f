/* SPDX-License-Identifier: Apache-2.0 */
/* Links on which daemons are asked, in one loop with a scheduler and a host of workers, which are this test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/vec.h"
#include "daemons/web/feed.h"
#include "harness.h"

enum { LINKS = 128, MANY = 300, ANSWER_SEC = 5, IDLE_SEC = 30 }; /* as in upstream.c */

typedef struct Rig Rig;

/* What one daemon is linked with. */
typedef struct End {
        Rig *rig;
        Link *link;
        bool is_scheduler;
        unsigned n_asked; /* and not answered */
} End;

struct Rig {
        Web web;
        char folder[64], address[2][128];
        const char *scheduler[1];
        int listening[2];
        Vec(End *) end;
        unsigned n_links, n_links_most; /* of workers */
        bool holds;                     /* workers do not answer */
        unsigned n_answered, n_failed, n_late, n_busy;
};

static void answer(End *end) {
        for (; end->n_asked > 0; end->n_asked--)
                ck_assert_int_eq(link_say(end->link, &(WireMessage) { WIRE_IS_ANSWER, .answer = { .text = "{}" } }), 0);
}

static int on_message(void *userdata, Link *link, const Frame *frame, const uint8_t *body, char *payload _unused_,
                      int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        End *end                            = userdata;
        WireMessage m;

        ck_assert_int_eq(link_hear(frame, body, fd, &arena, &m, err), 0);
        if (m.kind == WIRE_IS_HELLO) {
                ck_assert_int_eq(link_say(link, &(WireMessage) { WIRE_IS_WELCOME, .welcome = { .key = "" } }), 0);
                for (uint32_t k = 0; end->is_scheduler && k < MANY; k++)
                        ck_assert_int_eq(
                                link_say(link, &(WireMessage) { WIRE_IS_PEER, .peer = { .worker  = k,
                                                                                        .address = end->rig->address[1],
                                                                                        .socket  = "" } }),
                                0);
        } else if (m.kind == WIRE_IS_ASK) {
                end->n_asked++;
                if (end->is_scheduler || !end->rig->holds)
                        answer(end);
        }
        return 0;
}

static void on_closed(void *userdata, Link *link _unused_, const Error *why _unused_) {
        End *end  = userdata;
        end->link = link_free(end->link);
        end->rig->n_links -= !end->is_scheduler;
        end->n_asked = 0;
}

static int on_accept(sd_event_source *source, int listening, uint32_t revents _unused_, void *userdata) {
        static const LinkEvents events = { .message = on_message, .closed = on_closed };
        Rig *rig                       = userdata;
        End *end                       = calloc(1, sizeof(*end));

        *end = (End) { .rig = rig, .is_scheduler = listening == rig->listening[0] };
        ck_assert_int_eq(link_new(&end->link, sd_event_source_get_event(source), accept(listening, NULL, NULL), &events,
                                  end, NULL),
                         0);
        ck_assert_int_eq(vec_push(&rig->end, end), 0);
        rig->n_links += !end->is_scheduler;
        rig->n_links_most = MAX(rig->n_links_most, rig->n_links);
        return 0;
}

static void on_answered(void *userdata, int code, const char *text _unused_, uint64_t cost_usec _unused_) {
        Rig *rig = userdata;

        rig->n_answered += code == 0;
        rig->n_failed += code != 0;
        rig->n_late += code == -ETIMEDOUT;
        rig->n_busy += code == -EBUSY;
}

static void ask(Rig *rig, const char *token, uint32_t worker) {
        upstream_say(rig->web.feed, token, worker, &(WireMessage) { WIRE_IS_ASK, .ask = { .what = "log" } },
                     on_answered, rig);
}

/* Until workers have been asked so much that they have not answered. */
static void until_held(Rig *rig, unsigned n) {
        for (unsigned held = 0; held < n;) {
                ck_assert_int_gt(sd_event_run(rig->web.event, 10000000), 0);
                held = 0;
                for (uint32_t k = 0; k < rig->end.n; k++)
                        held += rig->end.data[k]->n_asked;
        }
}

static void until(Rig *rig, unsigned n_answered) {
        while (rig->n_answered < n_answered)
                ck_assert_int_gt(sd_event_run(rig->web.event, 10000000), 0);
}

static Rig *rig_new(void) {
        Rig *rig = calloc(1, sizeof(*rig));

        snprintf(rig->folder, sizeof(rig->folder), "/tmp/mars-upstream-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(rig->folder));
        ck_assert_int_ge(sd_event_new(&rig->web.event), 0);
        for (int k = 0; k < 2; k++) {
                struct sockaddr_un at = { .sun_family = AF_UNIX };

                snprintf(at.sun_path, sizeof(at.sun_path), "%s/%d", rig->folder, k);
                snprintf(rig->address[k], sizeof(rig->address[k]), "unix:%s", at.sun_path);
                rig->listening[k] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                ck_assert_int_eq(bind(rig->listening[k], (struct sockaddr *) &at, sizeof(at)), 0);
                ck_assert_int_eq(listen(rig->listening[k], 2 * MANY), 0);
                ck_assert_int_ge(sd_event_add_io(rig->web.event, NULL, rig->listening[k], EPOLLIN, on_accept, rig), 0);
        }
        rig->scheduler[0] = rig->address[0];
        rig->web.config   = (WebConfig) { .scheduler = rig->scheduler, .n_schedulers = 1 };
        ck_assert_int_eq(feed_new(&rig->web, NULL), 0);
        ask(rig, "token", SCHEDULER); /* which says where workers are */
        until(rig, 1);
        rig->n_answered = 0;
        return rig;
}

static void rig_free(Rig *rig) {
        feed_end(&rig->web);
        feed_free(&rig->web);
        for (uint32_t k = 0; k < rig->end.n; k++) {
                link_free(rig->end.data[k]->link);
                free(rig->end.data[k]);
        }
        vec_free(&rig->end);
        for (int k = 0; k < 2; k++) {
                close(rig->listening[k]);
                unlink(rig->address[k] + strlen("unix:"));
        }
        rmdir(rig->folder);
        sd_event_unref(rig->web.event);
        free(rig);
}

TEST(more_daemons_than_links_are_all_asked_and_some_at_a_time) {
        Rig *rig = rig_new();

        for (uint32_t k = 0; k < MANY; k++)
                ask(rig, "token", k);
        until(rig, MANY);
        ck_assert_uint_eq(rig->n_failed, 0);
        ck_assert_uint_gt(rig->n_links_most, LINKS / 2);
        ck_assert_uint_le(rig->n_links_most, LINKS);
        rig_free(rig);
}

TEST(whoever_comes_when_all_are_busy_waits_for_the_first_that_is_not) {
        Rig *rig = rig_new();

        rig->holds = true;
        for (uint32_t k = 0; k < LINKS; k++) /* one of the links is to the scheduler */
                ask(rig, "token", k);
        until_held(rig, LINKS - 1);
        ck_assert_uint_eq(rig->n_answered + rig->n_failed, 0);
        ck_assert_uint_eq(rig->n_links, LINKS - 1);
        rig->holds = false;
        for (uint32_t k = 0; k < rig->end.n; k++)
                if (rig->end.data[k]->n_asked > 0) {
                        answer(rig->end.data[k]); /* one answers, and the last one is asked */
                        break;
                }
        until(rig, 2);
        ck_assert_uint_eq(rig->n_answered, 2);
        rig_free(rig);
}

TEST(whoever_waits_in_vain_hears_that_too_many_are_asked) {
        Rig *rig = rig_new();

        rig->holds = true;
        for (uint32_t k = 0; k < LINKS - 1; k++)
                ask(rig, "token", k);
        upstream_tick(rig->web.feed, feed_clock() + (ANSWER_SEC - 1) * UINT64_C(1000000));
        ck_assert_uint_eq(rig->n_failed, 0);
        ask(rig, "token", LINKS);
        upstream_tick(rig->web.feed, feed_clock() + (ANSWER_SEC + 1) * UINT64_C(1000000));
        ck_assert_uint_eq(rig->n_late, LINKS - 1);
        ck_assert_uint_eq(rig->n_busy, 1); /* it was not even asked */
        ck_assert_uint_eq(status_of(-EBUSY), 503);
        rig_free(rig);
}

TEST(many_users_are_answered_one_after_the_other) {
        Rig *rig = rig_new();

        for (unsigned k = 0; k < MANY; k++) {
                char token[32];

                snprintf(token, sizeof(token), "token of %u", k);
                ask(rig, token, SCHEDULER);
                until(rig, k + 1);
        }
        ck_assert_uint_eq(rig->n_failed, 0);
        upstream_tick(rig->web.feed, feed_clock() + (IDLE_SEC + 1) * UINT64_C(1000000));
        ck_assert_ptr_null(rig->web.feed->upstream);
        rig_free(rig);
}
