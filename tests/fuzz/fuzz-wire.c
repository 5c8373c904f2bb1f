/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from another process: the input is a stream of frames with their bodies. Whatever it is, a frame is
 * refused with words or is one whose header these bytes are, and so is a message; tensors in it fit themselves. */
#include <string.h>

#include "wire/frame.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth) {
        if (!truth)
                abort();
}

static void tensor(const uint8_t *data, size_t size, Arena *arena) {
        Error err = {};
        Reader rd = { .start = data, .at = data, .end = data + size, .what = "tensor", .err = &err, .scratch = arena };
        Writer w  = {};
        WireTensor t, back;

        wire_get_tensor(&rd, &t);
        if (rd.r < 0) {
                must(err.code == rd.r && err.text[0]);
                return;
        }
        wire_put_tensor(&w, &t);
        must(w.r == 0);
        rd = (Reader) { .start = w.bytes.data, .at = w.bytes.data, .end = w.bytes.data + w.bytes.n, .what = "tensor",
                        .err = &err, .scratch = arena };
        wire_get_tensor(&rd, &back);
        must(rd.r == 0 && rd.at == rd.end && tiling_equal(&t.tiling, &back.tiling) && t.n_holder == back.n_holder);
        must(t.n_holder == 0 || memcmp(t.holder, back.holder, t.n_holder * sizeof(uint32_t)) == 0);
        vec_free(&w.bytes);
}

static void message(unsigned kind, const uint8_t *body, size_t size, Arena *arena) {
        WireMessage m;
        Error err = {};
        Writer w  = {};
        int r;

        r = wire_decode(kind, body, size, arena, &m, &err);
        if (r < 0) {
                must(err.code == r && err.text[0]);
                return;
        }
        must(wire_print(&m, arena));
        wire_encode(&m, &w);
        must(w.r == 0 && (size == 0 || memcmp(w.bytes.data, body, MIN(w.bytes.n, size)) == 0));
        for (size_t k = size; k < w.bytes.n; k++) /* fields that its version did not have */
                must(w.bytes.data[k] == 0);
        vec_free(&w.bytes);
        if (m.kind == WIRE_IS_PLAN)
                tensor(m.plan.leaves, m.plan.leaves_n, arena);
        if (m.kind == WIRE_IS_ADOPT)
                tensor(m.adopt.tensor, m.adopt.tensor_n, arena);
        if (m.kind == WIRE_IS_FINISHED)
                tensor(m.finished.tensors, m.finished.tensors_n, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        while (size >= FRAME_BYTES) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                uint8_t again[FRAME_BYTES];
                Error err = {};
                Frame frame;
                int r;

                must(arena);
                r = frame_decode(data, &frame, &err);
                if (r < 0) {
                        must(err.code == r && err.text[0]);
                        return 0;
                }
                frame_encode(&frame, again);
                must(memcmp(data, again, FRAME_BYTES) == 0);
                data += FRAME_BYTES;
                size -= FRAME_BYTES;
                if (frame.body_bytes > size)
                        return 0;
                message(frame.kind, data, frame.body_bytes, arena);
                data += frame.body_bytes;
                size -= frame.body_bytes;
        }
        return 0;
}
