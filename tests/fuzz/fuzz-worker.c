/* SPDX-License-Identifier: Apache-2.0 */
/* A worker behind links, and strangers who come to it as clients and other workers do, and say whatever the input
 * tells them: chunks that they want or bring, in any order, with payloads that are as long as they say or are not.
 * Whatever it is: the worker goes on, and an honest client beside them is answered as if it were alone.
 *
 *         op   mod 8, then what it takes from the input
 *          0   comes (stranger)
 *          1   goes (stranger)
 *          2   HELLO (stranger, role)
 *          3   PUT of a chunk, which the worker then asks for (stranger, chunk, bytes)
 *          4   CHUNK with a payload (stranger, chunk, bytes, how many of them come)
 *        5–6   a message (stranger, kind, its fields)
 *          7   bytes (stranger, how many) */
#include "daemons/worker/worker.h"
#include "fuzz/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_STRANGERS = 3, MAX_OPS = 100, TURNS = 64 };

typedef struct Play {
        sd_event *event;
        Worker *worker;
        Stranger stranger[N_STRANGERS];
        Stranger client; /* the honest one */
        Seen seen, nothing;
} Play;

static Samples samples;

static void quiet(int level _unused_, const char *text) {
        must(text[0]);
}

static void turn(Play *p) {
        for (int k = 0; k < TURNS && sd_event_run(p->event, 0) > 0; k++)
                for (int s = 0; s < N_STRANGERS; s++)
                        stranger_hear(&p->stranger[s], &p->seen);
        must(sd_event_get_state(p->event) != SD_EVENT_FINISHED);
}

static void come(Play *p, Stranger *s) {
        int fd[2];

        stranger_leave(s);
        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) == 0);
        s->fd = fd[0];
        worker_accept(p->worker, fd[1]);
}

static void hello(Stranger *s, WireRole role) {
        stranger_say(s, &(WireMessage) { WIRE_IS_HELLO, .hello = { .role = role, .version = WIRE_VERSION,
                                                                   .build = MARS_BUILD, .name = "somebody" } }, 0);
}

/* A payload of zeros, of which so many come; the digest is right. */
static void chunk(Stranger *s, uint64_t number, size_t size_bytes, size_t n_come) {
        static const char zeros[4096];

        stranger_say(s, &(WireMessage) { WIRE_IS_CHUNK, .chunk = { number, chunk_digest(zeros, size_bytes) } },
                     size_bytes);
        stranger_say_bytes(s, zeros, MIN(size_bytes, n_come));
}

static void op(Play *p, Input *in) {
        const uint8_t what = byte(in);
        Stranger *s        = &p->stranger[byte(in) % N_STRANGERS];
        Arena *arena       = arena_new();
        WireMessage m      = {};
        size_t n;

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
        case 3:
                m.kind           = WIRE_IS_PUT;
                m.put.chunk      = byte(in);
                m.put.size_bytes = byte(in) * UINT64_C(16);
                stranger_say(s, &m, 0);
                break;
        case 4:
                m.chunk.chunk = byte(in);
                n             = byte(in) * (size_t) 16;
                chunk(s, m.chunk.chunk, n, byte(in) * (size_t) 16);
                break;
        case 7:
                n = MIN((size_t) byte(in), (size_t) (in->end - in->at));
                stranger_say_bytes(s, in->at, n);
                in->at += n;
                break;
        default:
                draw_any[byte(in) % ELEMENTSOF(draw_any)](in, &p->seen, &samples, arena, &m);
                stranger_say(s, &m, 0);
        }
        turn(p);
        arena_free(arena);
}

/* A chunk that is not there. */
static void ask_honestly(Play *p) {
        const unsigned n_gone = p->client.n_of[WIRE_IS_GONE];

        stranger_say(&p->client, &(WireMessage) { WIRE_IS_GET, .get = { .chunk = UINT64_MAX - 1, .most = UINT64_MAX } },
                     0);
        for (int k = 0; k < 100 * TURNS && p->client.n_of[WIRE_IS_GONE] == n_gone; k++) {
                must(sd_event_run(p->event, 1000) >= 0);
                stranger_hear(&p->client, &p->nothing);
        }
        must(p->client.n_of[WIRE_IS_GONE] == n_gone + 1 && p->client.fd >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const nowhere[] = { "unix:/nowhere/at/all" };
        const WorkerConfig config          = { .engine         = { .n_threads = 1,
                                                                   .budget    = { .cache_mem = "4m", .phy_mem = "100%",
                                                                                  .disk = "0" } },
                                               .schedulers     = nowhere,
                                               .n_schedulers   = 1,
                                               .name           = "worker",
                                               .heartbeat_usec = 1000 * 1000 };
        Play *p                            = calloc(1, sizeof(*p));
        Input in                           = { data, data + size };
        Error err                          = {};

        if (samples.n == 0)
                sample_graph(&samples, 4, 10, NULL);
        must(p && sd_event_new(&p->event) >= 0);
        must(worker_new(&p->worker, p->event, &config, "unix:/nowhere", NULL, quiet, &err) == 0);
        for (int k = 0; k < N_STRANGERS; k++)
                p->stranger[k].fd = -1;
        p->client.fd = -1;
        come(p, &p->client);
        hello(&p->client, WIRE_CLIENT);
        ask_honestly(p);
        for (int k = 0; k < MAX_OPS && in.at < in.end; k++)
                op(p, &in);
        ask_honestly(p);
        for (int k = 0; k < N_STRANGERS; k++)
                stranger_leave(&p->stranger[k]);
        turn(p);
        ask_honestly(p);
        stranger_leave(&p->client);
        worker_free(p->worker);
        sd_event_unref(p->event);
        free(p);
        return 0;
}
