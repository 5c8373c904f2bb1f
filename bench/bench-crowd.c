/* SPDX-License-Identifier: Apache-2.0 */
/* Many workers in one process, for measurements of a scheduler and of pages: each has a link, says what it has and does
 * once a second, as workers do, and says of every task that it is given that it is done. There are no chunks: what they
 * have "made" cannot be fetched.
 *
 *     build/bench/bench-crowd ADDRESS [workers [tasks a second]]
 *
 * Ends with SIGTERM or when a link does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "base/vec.h"
#include "io/say.h"

enum {
        TICK_USEC   = 10 * 1000, /* each time some are done */
        A_SECOND    = 1000 * 1000 / TICK_USEC,
        BATCH       = 32, /* tasks of a message at most */
        N_THREADS   = 4,
        CACHE_BYTES = 1 << 30,
};

typedef struct Crowd Crowd;

typedef struct Task {
        uint64_t plan;
        uint32_t task;
} Task;

typedef struct One {
        Crowd *crowd;
        Link *link;
        uint32_t number, first; /* of its tasks that are not done */
        bool welcome;
        uint64_t n_done;
        Vec(Task) task;
} One;

struct Crowd {
        sd_event *event;
        One *one;
        const char *address;
        uint32_t n, turn;
        uint64_t per_tick, n_ticks;
};

static void must(int r, const Error *err) {
        if (r >= 0)
                return;
        fprintf(stderr, "%s\n", err && err->text[0] ? err->text : strerror(-r));
        exit(EXIT_FAILURE);
}

static void say(One *one, const WireMessage *m) {
        must(link_say(one->link, m), NULL);
}

/* What moves is what a worker's does: its processor time always, and the rest while it has tasks. */
static void say_status(One *one) {
        const uint64_t t = one->crowd->n_ticks / A_SECOND, k = one->number, n = one->n_done;

        say(one, &(WireMessage) { WIRE_IS_STATUS, .status = { .used_bytes   = (k * 7919 + n * 104729) % CACHE_BYTES,
                                                              .n_chunks     = (k + n) % 1000,
                                                              .n_done       = n,
                                                              .n_running    = one->task.n > one->first ? N_THREADS : 0,
                                                              .pages        = "transparent 2 MiB",
                                                              .pinned_bytes = (k * 31 + n) % (64 << 20),
                                                              .resident_bytes     = CACHE_BYTES,
                                                              .cpu_usec           = n * 10 + t * 1000,
                                                              .received_bytes     = n * 4096,
                                                              .sent_bytes         = n * 4096,
                                                              .disk_written_bytes = 0 } });
}

/* ---- What they hear ---------------------------------------------------------------------------------------------- */

static int on_message(void *userdata, Link *link _unused_, const Frame *frame, const uint8_t *body,
                      char *payload _unused_, int fd, Error *err) {
        _cleanup_(arena_freep) Arena *arena = NULL;
        One *one                            = userdata;
        WireMessage m;
        const int r = link_hear(frame, body, fd, &arena, &m, err);

        if (r < 0)
                return r;
        switch (m.kind) {
        case WIRE_IS_WELCOME:
                one->welcome = true;
                one->number  = m.welcome.number;
                say(one, &(WireMessage) { WIRE_IS_HOLDS, .holds = { .last = 1 } });
                say_status(one);
                return 0;
        case WIRE_IS_REFUSED:
                return error_set(err, m.refused.code, "%s", m.refused.text);
        case WIRE_IS_RUN:
                for (uint32_t k = 0; k < m.run.task_n; k += 2)
                        must(vec_push(&one->task, (Task) { m.run.plan, m.run.task[k] }), NULL);
                return 0;
        case WIRE_IS_FORGET:
                say(one, &(WireMessage) { WIRE_IS_FORGOTTEN, .forgotten = { .plan = m.forget.plan } });
                return 0;
        default:
                return 0;
        }
}

static void on_closed(void *userdata _unused_, Link *link _unused_, const Error *why) {
        fprintf(stderr, "%s\n", why->text);
        exit(EXIT_FAILURE);
}

static const LinkEvents events = { .message = on_message, .closed = on_closed };

/* ---- What they do ------------------------------------------------------------------------------------------------ */

/* Tasks of one plan, at most so many. */
static uint32_t work(One *one, uint32_t most) {
        uint32_t task[BATCH], n = 0;
        uint64_t plan = 0;

        while (one->first < one->task.n && n < MIN(most, (uint32_t) BATCH)) {
                const Task next = one->task.data[one->first];

                if (n > 0 && next.plan != plan)
                        break;
                plan      = next.plan;
                task[n++] = next.task;
                one->first++;
        }
        if (one->first == one->task.n)
                one->first = one->task.n = 0;
        if (n > 0)
                say(one, &(WireMessage) { WIRE_IS_DONE, .done = { .plan = plan, .task = task, .task_n = n } });
        one->n_done += n;
        return n;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Crowd *c      = userdata;
        uint64_t left = c->per_tick;

        for (uint32_t idle = 0; idle < c->n && left > 0; c->turn = (c->turn + 1) % c->n) {
                const uint32_t n = work(&c->one[c->turn], (uint32_t) MIN(left, (uint64_t) BATCH));

                left -= n;
                idle = n > 0 ? 0 : idle + 1;
        }
        for (uint32_t k = (uint32_t) (c->n_ticks++ % A_SECOND); k < c->n; k += A_SECOND)
                if (c->one[k].welcome)
                        say_status(&c->one[k]);
        (void) sd_event_source_set_time(source, usec + TICK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* One after another: of those who have not said who they are a scheduler lets in only so many at a time. */
static void join(Crowd *c, const char *key) {
        Error err = {};

        for (uint32_t k = 0; k < c->n; k++) {
                One *one = &c->one[k];
                char name[16], address[32];

                one->crowd = c;
                snprintf(name, sizeof(name), "node%04u", k);
                snprintf(address, sizeof(address), "192.0.2.%u:%u", k % 256, 7105 + k / 256);
                must(link_connect(&one->link, c->event, c->address, &events, one, &err), &err);
                say(one, &(WireMessage) { WIRE_IS_HELLO, .hello = { .role         = WIRE_WORKER,
                                                                    .version      = WIRE_VERSION,
                                                                    .build        = MARS_BUILD,
                                                                    .token        = key,
                                                                    .name         = name,
                                                                    .address      = address,
                                                                    .n_threads    = N_THREADS,
                                                                    .cache_bytes  = CACHE_BYTES,
                                                                    .memory_bytes = CACHE_BYTES,
                                                                    .task_bytes   = CACHE_BYTES / N_THREADS } });
                while (!one->welcome)
                        must(sd_event_run(c->event, UINT64_MAX), NULL);
        }
        printf("%u workers are there\n", c->n);
        fflush(stdout);
}

int main(int argc, char **argv) {
        Crowd c   = { .n = argc > 2 ? (uint32_t) atoi(argv[2]) : 1000, .per_tick = UINT64_MAX };
        char *key = NULL;
        Error err = {};

        if (argc < 2 || c.n == 0) {
                fprintf(stderr, "usage: bench-crowd ADDRESS [workers [tasks a second]]\n");
                return EXIT_FAILURE;
        }
        c.address = argv[1];
        if (argc > 3)
                c.per_tick = (uint64_t) atoll(argv[3]) / A_SECOND;
        must(token_find(&key, NULL, &err), &err);
        must(sd_event_default(&c.event), NULL);
        must(sd_event_set_signal_exit(c.event, true), NULL);
        c.one = calloc(c.n, sizeof(*c.one));
        if (!c.one)
                return EXIT_FAILURE;
        join(&c, key ?: "");
        must(sd_event_add_time_relative(c.event, NULL, CLOCK_MONOTONIC, TICK_USEC, 0, on_tick, &c), NULL);
        must(sd_event_loop(c.event), NULL);
        for (uint32_t k = 0; k < c.n; k++) {
                link_free(c.one[k].link);
                vec_free(&c.one[k].task);
        }
        free(c.one);
        free(key);
        sd_event_unref(c.event);
        return EXIT_SUCCESS;
}
