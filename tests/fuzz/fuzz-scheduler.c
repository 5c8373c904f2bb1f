/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler behind links, and strangers who say whatever the input tells them, in any order: as clients, as
 * workers, as both; well-formed messages about what exists and what does not, bytes that are none. Whatever it is: the
 * scheduler goes on, and an honest client and an honest administrator beside them are answered as if they were
 * alone.
 *
 *         op   mod 8, then what it takes from the input
 *          0   comes (stranger)
 *          1   goes (stranger)
 *          2   HELLO as client, worker or control (stranger, role)
 *        3–5   a message (stranger, kind, its fields)
 *          6   SUBMIT of a tensor that may exist (stranger, request, tensor)
 *          7   bytes (stranger, how many) */
#include "daemons/scheduler/scheduler.h"
#include "fuzz/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_STRANGERS = 4, MAX_OPS = 200, TURNS = 64 };

typedef struct Play {
        sd_event *event;
        Scheduler *scheduler;
        Stranger stranger[N_STRANGERS];
        Stranger client, control; /* the honest ones */
        Seen seen;
        Seen nothing;             /* what the honest ones have seen is nobody's business */
} Play;

static Samples samples;

static void samples_once(void) {
        if (samples.n > 0)
                return;
        sample_graph(&samples, 4, 10, NULL);
        sample_graph(&samples, 4, 10, "sum");
        sample_graph(&samples, 1, 8, "unique");
        sample_tensor(&samples, 10);
        sample_tensor(&samples, 40);
}

static void quiet(int level _unused_, const LineAbout *about _unused_, const char *text) {
        must(text[0]);
}

static void turn(Play *p) {
        for (int k = 0; k < TURNS && sd_event_run(p->event, 0) > 0; k++)
                for (int s = 0; s < N_STRANGERS; s++)
                        stranger_hear(&p->stranger[s], &p->seen);
        must(p->scheduler->failure == 0);
}

static void come(Play *p, Stranger *s) {
        int fd[2];

        stranger_leave(s);
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0);
        s->fd = fd[0];
        scheduler_accept(p->scheduler, fd[1]);
}

static void hello(Stranger *s, WireRole role) {
        stranger_say(s, &(WireMessage) { WIRE_IS_HELLO, .hello = { .role         = role,
                                                                   .version      = WIRE_VERSION,
                                                                   .build        = MARS_BUILD,
                                                                   .name         = "somebody",
                                                                   .address      = "unix:/nowhere",
                                                                   .n_threads    = 2,
                                                                   .cache_bytes  = 1 << 30,
                                                                   .memory_bytes = 1 << 30,
                                                                   .task_bytes   = 1 << 28 } }, 0);
}

static void op(Play *p, Input *in) {
        const uint8_t what = byte(in);
        Stranger *s        = &p->stranger[byte(in) % N_STRANGERS];
        Arena *arena       = arena_new();
        Sample stored      = {};
        WireMessage m      = {};

        must(arena);
        switch (what % 8) {
        case 0:
                come(p, s);
                break;
        case 1:
                stranger_leave(s);
                break;
        case 2:
                hello(s, (WireRole) (byte(in) % 4));
                break;
        case 6:
                m = (WireMessage) { WIRE_IS_SUBMIT, .submit = { .request = draw(in, &p->seen) } };
                sample_stored(&stored, draw(in, &p->seen));
                m.submit.graph   = stored.data;
                m.submit.graph_n = (uint32_t) stored.n;
                stranger_say(s, &m, 0);
                break;
        case 7: {
                const size_t n = MIN((size_t) byte(in), (size_t) (in->end - in->at));

                stranger_say_bytes(s, in->at, n);
                in->at += n;
                break;
        }
        default:
                draw_any[byte(in) % ELEMENTSOF(draw_any)](in, &p->seen, &samples, arena, &m);
                stranger_say(s, &m, 0);
        }
        turn(p);
        free(stored.data);
        arena_free(arena);
}

/* A graph that is none, and a question: both have one answer. */
static void ask_honestly(Play *p) {
        const unsigned n_finished = p->client.n_of[WIRE_IS_FINISHED], n_answers = p->control.n_of[WIRE_IS_ANSWER];

        stranger_say(&p->client, &(WireMessage) { WIRE_IS_SUBMIT, .submit = { .request = n_finished + 1,
                                                                              .graph   = (const uint8_t *) "no graph",
                                                                              .graph_n = 8 } }, 0);
        stranger_say(&p->control, &(WireMessage) { WIRE_IS_ASK, .ask = { .request = 1, .what = "status" } }, 0);
        for (int k = 0; k < 100 * TURNS && (p->client.n_of[WIRE_IS_FINISHED] == n_finished ||
                                            p->control.n_of[WIRE_IS_ANSWER] == n_answers); k++) {
                must(sd_event_run(p->event, 0) >= 0);
                stranger_hear(&p->client, &p->nothing);
                stranger_hear(&p->control, &p->nothing);
        }
        must(p->client.n_of[WIRE_IS_FINISHED] == n_finished + 1 && p->control.n_of[WIRE_IS_ANSWER] == n_answers + 1);
        must(p->client.fd >= 0 && p->control.fd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const SchedulerConfig config = { .heartbeat_usec = 1000 * 1000,
                                         .dead_usec      = 60 * 1000 * 1000,
                                         .lease_usec     = 60 * 1000 * 1000,
                                         .max_sessions   = 16,
                                         .max_requests   = 16 };
        Play *p  = calloc(1, sizeof(*p));
        Input in = { data, data + size };

        samples_once();
        must(p && sd_event_new(&p->event) >= 0);
        must(scheduler_new(&p->scheduler, p->event, &config, quiet, NULL) == 0);
        for (int k = 0; k < N_STRANGERS; k++)
                p->stranger[k].fd = -1;
        p->client.fd = p->control.fd = -1;
        come(p, &p->client);
        hello(&p->client, WIRE_CLIENT);
        come(p, &p->control);
        hello(&p->control, WIRE_CONTROL);
        ask_honestly(p);
        for (int k = 0; k < MAX_OPS && in.at < in.end; k++)
                op(p, &in);
        ask_honestly(p);
        for (int k = 0; k < N_STRANGERS; k++)
                stranger_leave(&p->stranger[k]);
        turn(p);
        ask_honestly(p);
        stranger_leave(&p->client);
        stranger_leave(&p->control);
        scheduler_free(p->scheduler);
        sd_event_unref(p->event);
        free(p);
        return 0;
}
