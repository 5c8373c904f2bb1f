/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A hostile process at the other end of a link, as a fuzz input tells it: which messages it says, with which fields. It
 * has read what was said to it, so that it can name what exists: numbers that it has seen come up again. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "graph/graph.h"
#include "graph/op.h"
#include "io/say.h"

static void must(bool truth) {
        if (!truth)
                abort();
}

/* ---- The input -------------------------------------------------------------------------------------------------- */

typedef struct Input {
        const uint8_t *at, *end;
} Input;

static uint8_t byte(Input *in) {
        return in->at < in->end ? *in->at++ : 0;
}

static uint64_t number(Input *in, unsigned n_bytes) {
        uint64_t v = 0;

        while (n_bytes-- > 0)
                v = v << 8 | byte(in);
        return v;
}

/* ---- What is known ---------------------------------------------------------------------------------------------- */

enum { MAX_SEEN = 64, MAX_LIST = 8, MAX_HEARD = 1 << 16 };

typedef struct Seen {
        uint64_t number[MAX_SEEN];
        unsigned n;
} Seen;

static void seen_add(Seen *seen, uint64_t number) {
        for (unsigned k = 0; k < MIN(seen->n, (unsigned) MAX_SEEN); k++)
                if (seen->number[k] == number)
                        return;
        seen->number[seen->n++ % MAX_SEEN] = number;
}

static uint64_t draw(Input *in, const Seen *seen) {
        const uint8_t b = byte(in);

        if (b < 64)
                return b;
        if (b < 224 && seen->n > 0)
                return seen->number[b % MIN(seen->n, (unsigned) MAX_SEEN)] + (b >= 192 ? byte(in) : 0);
        return number(in, 1u << b % 4);
}

/* ---- Messages --------------------------------------------------------------------------------------------------- */

/* Bytes that mean something: a graph, a tensor; or any. */
typedef struct Sample {
        uint8_t *data;
        size_t n;
} Sample;

enum { MAX_SAMPLES = 8 };

typedef struct Samples {
        Sample of[MAX_SAMPLES];
        unsigned n;
} Samples;

static const uint8_t *draw_bytes(Input *in, const Samples *samples, uint32_t *ret_n) {
        const uint8_t b = byte(in), *at = in->at;

        must(samples->n > 0);
        if (b < 200) {
                *ret_n = (uint32_t) samples->of[b % samples->n].n;
                return samples->of[b % samples->n].data;
        }
        *ret_n = (uint32_t) MIN((size_t) b - 200, (size_t) (in->end - in->at));
        in->at += *ret_n;
        return at;
}

static void *draw_list(Input *in, const Seen *seen, Arena *arena, size_t size, uint32_t *ret_n) {
        void *list = arena_alloc(arena, MAX_LIST * sizeof(uint64_t));

        must(list);
        *ret_n = byte(in) % (MAX_LIST + 1);
        for (uint32_t k = 0; k < *ret_n; k++) {
                const uint64_t v = draw(in, seen);

                memcpy((char *) list + k * size, &v, size);
        }
        return list;
}

static const char *draw_text(Input *in, uint64_t most) {
        static const char *const texts[] = { "",       MARS_BUILD, "unix:/nowhere", "127.0.0.1:1",
                                             "status", "workers",  "why 1",         "sessions" };
        const char *text = texts[byte(in) % ELEMENTSOF(texts)];

        return strlen(text) <= most ? text : "";
}

#define DRAW_U32(name, most) m->name = (uint32_t) MIN(draw(in, seen), (uint64_t) (most));
#define DRAW_I32(name, most) m->name = -(int32_t) MIN(draw(in, seen), (uint64_t) (most));
#define DRAW_U64(name, most) m->name = MIN(draw(in, seen), (uint64_t) (most));
#define DRAW_TEXT(name, most) m->name = draw_text(in, most);
#define DRAW_BYTES(name, most) m->name = draw_bytes(in, samples, &m->name##_n);
#define DRAW_U32S(name, most) m->name = draw_list(in, seen, arena, sizeof(uint32_t), &m->name##_n);
#define DRAW_U64S(name, most) m->name = draw_list(in, seen, arena, sizeof(uint64_t), &m->name##_n);
#define DRAW_I64S(name, most) m->name = draw_list(in, seen, arena, sizeof(int64_t), &m->name##_n);
#define DRAW(type, name, most) DRAW_##type(name, most)
#define DRAW_MESSAGE(KIND, wire_number, struct_name)                                                                   \
        static void draw_##struct_name(Input *in _unused_, const Seen *seen _unused_, const Samples *samples _unused_, \
                                       Arena *arena _unused_, WireMessage *message) {                                  \
                Wire_##struct_name *m = &message->struct_name;                                                         \
                                                                                                                       \
                message->kind = WIRE_IS_##KIND;                                                                        \
                WIRE_##KIND(DRAW)                                                                                      \
        }
WIRE_MESSAGES(DRAW_MESSAGE)

static void (*const draw_any[])(Input *in, const Seen *seen, const Samples *samples, Arena *arena, WireMessage *m) = {
#define DRAW_ROW(KIND, wire_number, struct_name) draw_##struct_name,
        WIRE_MESSAGES(DRAW_ROW)
};

/* ---- The process ------------------------------------------------------------------------------------------------ */

typedef struct Stranger {
        int fd; /* -1: it has not come, or has gone */
        uint8_t heard[MAX_HEARD];
        size_t n_heard;
        unsigned n_of[128]; /* messages of a kind that came */
} Stranger;

static void stranger_leave(Stranger *s) {
        if (s->fd >= 0)
                close(s->fd);
        s->fd      = -1;
        s->n_heard = 0;
}

static void stranger_say_bytes(const Stranger *s, const void *data, size_t n) {
        if (s->fd >= 0)
                (void) send(s->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void stranger_say(const Stranger *s, const WireMessage *m, size_t payload_bytes) {
        uint8_t header[FRAME_BYTES];
        Writer w = {};

        wire_encode(m, &w);
        must(w.r == 0);
        frame_encode(&(Frame) { .kind          = (uint16_t) m->kind,
                                .body_bytes    = (uint32_t) w.bytes.n,
                                .payload_bytes = payload_bytes },
                     header);
        stranger_say_bytes(s, header, sizeof(header));
        if (w.bytes.n > 0)
                stranger_say_bytes(s, w.bytes.data, w.bytes.n);
        vec_free(&w.bytes);
}

/* Remembers numbers of what came, which is all of it well-formed: it is said by us. */
static void stranger_frame(Stranger *s, Seen *seen, const Frame *frame, const uint8_t *body) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        WireMessage m;

        must(arena && wire_decode(frame->kind, body, frame->body_bytes, arena, &m, NULL) == 0);
        s->n_of[MIN(frame->kind, (uint16_t) 127)]++;
        seen_add(seen, m.release.tensor_n);         /* of many kinds the first field is a number */
        seen_add(seen, m.kind == WIRE_IS_PLAN ? m.plan.plan : m.cancel.request);
        if (m.kind == WIRE_IS_PLAN)
                seen_add(seen, m.plan.first_id);
        if (m.kind == WIRE_IS_WELCOME)
                seen_add(seen, m.welcome.epoch);
        if (m.kind == WIRE_IS_ADOPTED || m.kind == WIRE_IS_FINISHED) {
                const uint8_t *bytes = m.kind == WIRE_IS_ADOPTED ? m.adopted.tensor : m.finished.tensors;
                const uint32_t n     = m.kind == WIRE_IS_ADOPTED ? m.adopted.tensor_n : m.finished.tensors_n;
                Reader rd            = { .start = bytes, .at = bytes, .end = bytes + n, .what = "tensor",
                                         .scratch = arena };
                WireTensor t;

                while (reader_left(&rd) > 0 && rd.r == 0) {
                        wire_get_tensor(&rd, &t);
                        must(rd.r == 0);
                        seen_add(seen, t.id);
                        seen_add(seen, t.chunk_first);
                }
        }
}

static void stranger_hear(Stranger *s, Seen *seen) {
        ssize_t n;

        while (s->fd >= 0 && (n = recv(s->fd, s->heard + s->n_heard, MAX_HEARD - s->n_heard, MSG_DONTWAIT)) > 0) {
                s->n_heard += (size_t) n;
                for (size_t at = 0;;) {
                        Frame frame;

                        if (s->n_heard - at >= FRAME_BYTES)
                                must(frame_decode(s->heard + at, &frame, NULL) == 0);
                        if (s->n_heard - at < FRAME_BYTES ||
                            s->n_heard - at < FRAME_BYTES + frame.body_bytes + frame.payload_bytes) {
                                memmove(s->heard, s->heard + at, s->n_heard - at);
                                s->n_heard -= at;
                                break;
                        }
                        stranger_frame(s, seen, &frame, s->heard + at + FRAME_BYTES);
                        at += FRAME_BYTES + (size_t) (frame.body_bytes + frame.payload_bytes);
                }
                if (s->n_heard == MAX_HEARD) /* more than it cares for */
                        stranger_leave(s);
        }
}

/* ---- Samples ---------------------------------------------------------------------------------------------------- */

static inline void sample_add(Samples *samples, uint8_t *data, size_t n) {
        must(samples->n < MAX_SAMPLES);
        samples->of[samples->n++] = (Sample) { data, n };
}

/* arange(n_chunks * step) * 2; its sum; its distinct values, of which nobody knows how many there are. */
static inline void sample_graph(Samples *samples, int64_t n_chunks, int64_t step, const char *then) {
        const int64_t chunk_size[] = { 1, step };
        ArangeParams params        = { .source = { .shape      = DIMS(n_chunks * step),
                                                   .dtype      = DTYPE_F64,
                                                   .chunk_size = { .n = 2, .given = true, .v = chunk_size } },
                                       .start  = scalar_from_f64(DTYPE_F64, 0),
                                       .step   = scalar_from_f64(DTYPE_F64, 1) };
        Error err                  = {};
        Build b                    = { .err = &err };
        uint8_t *bytes             = NULL;
        size_t n                   = 0;
        Ref a;

        must(graph_new(&b.graph) == 0);
        a = build_binary(&b, "multiply", build_op(&b, "arange", &params, 0, NULL), build_f64(&b, DTYPE_F64, 2));
        if (then && strcmp(then, "sum") == 0)
                a = build_reduce(&b, "sum", a, (Dims) {}, false, DTYPE_NONE);
        else if (then)
                a = build_op(&b, then, NULL, 1, &a);
        must(vec_push(&b.graph->wanted, a) == 0 && build_done(&b) == 0);
        must(graph_encode(b.graph, &bytes, &n) == 0);
        graph_free(b.graph);
        sample_add(samples, bytes, n);
}

static const Spec sample_spec = { .dtype = DTYPE_F64, .shape = { .ndim = 1, .dim = { 40 } } };

/* Twice a tensor that may exist. */
static inline void sample_stored(Sample *ret, uint64_t tensor) {
        Build b = {};
        uint32_t node;

        must(graph_new(&b.graph) == 0 && graph_add_stored(b.graph, tensor, &sample_spec, &node) == 0);
        must(vec_push(&b.graph->wanted,
                      build_binary(&b, "multiply", (Ref) { .node = node }, build_f64(&b, DTYPE_F64, 2))) == 0);
        must(build_done(&b) == 0);
        must(graph_encode(b.graph, &ret->data, &ret->n) == 0);
        graph_free(b.graph);
}

static inline void sample_tensor(Samples *samples, int64_t step) {
        const WireTensor t = { .spec = sample_spec, .tiling = { .ndim = 1, .axis = { cuts_regular(40, step) } } };
        Writer w           = {};

        wire_put_tensor(&w, &t);
        must(w.r == 0);
        sample_add(samples, w.bytes.data, w.bytes.n);
}
