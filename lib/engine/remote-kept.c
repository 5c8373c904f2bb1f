/* SPDX-License-Identifier: Apache-2.0 */
/* What we gave is kept for when the cluster loses it: with a machine, whose workers were the only ones that had it. As
 * long as anything needs it, which the scheduler knows (SPARED), it is asked for again (WANTED) and goes the way that
 * it went before (remote-uploads.c).
 *
 * What a worker gets the second time is what one got the first time, or nothing: each chunk is read into memory of its
 * own, and sent if it has the digest that was sent then.
 *
 * Sources that are read (files, call-backs) cost nothing. Memory costs nothing while somebody here refers to the
 * tensor, since it stays as long as he does. After that it is kept if a worker of another machine had some of it: one
 * of ours is lost only with us, or with its memory files. All such memory together is limited; what was let go of first
 * goes first. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "engine/remote.h"

static void alone_remove(Remote *r, Upload *u) {
        if (!u->sooner && r->first_alone != u)
                return;
        *(u->sooner ? &u->sooner->later : &r->first_alone) = u->later;
        *(u->later ? &u->later->sooner : &r->last_alone)   = u->sooner;
        u->sooner = u->later = NULL;
        r->alone_bytes -= u->held_bytes;
}

static void alone_add(Remote *r, Upload *u) {
        u->sooner                                          = r->last_alone;
        *(u->sooner ? &u->sooner->later : &r->first_alone) = u;
        r->last_alone                                      = u;
        r->alone_bytes += u->held_bytes;
}

static void memory_leaves(Remote *r, Upload *u) {
        if (u->released)
                engine_calls_add(r->engine, TAKE_PTR(u->released));
        for (uint32_t k = 0; k < u->n_chunks; k++)
                u->chunk[k].data = NULL;
}

static void kept_free(Remote *r, Upload *u) {
        memory_leaves(r, u);
        origin_done(r->engine, u->source);
        remote_upload_free(u);
}

void remote_kept_settle(Remote *r, Upload *u) {
        if (!u->kept || u->n_left > 0)
                return;
        map_remove(&r->uploads, u->request);
        u->err       = (Error) {};
        u->lost_usec = u->again_usec = 0;
        u->n_lost                    = 0;
        if (__atomic_load_n(&u->n_sending, __ATOMIC_ACQUIRE) > 0)
                return;
        if (u->over)
                kept_free(r, u);
        else if (u->is != KEPT_WHOLE)
                memory_leaves(r, u);
}

/* ---- What is kept ------------------------------------------------------------------------------------------------ */

static bool all_sent(const Upload *u) {
        for (uint32_t k = 0; k < u->n_chunks; k++)
                if (u->chunk[k].digest == 0)
                        return false;
        return true;
}

void remote_keep(Remote *r, Upload *u, Origin *again) {
        vec_free(&u->description);
        u->kept   = true;
        u->source = again;
        if (again) {
                again->first_chunk = u->chunk_first;
                memory_leaves(r, u);
        }
        for (uint32_t k = 0; k < u->n_chunks; k++)
                u->held_bytes += u->chunk[k].data ? u->chunk[k].size_bytes : 0;
        u->checked = (Origin) { .give = { .read = remote_kept_read, .userdata = u }, .first_chunk = u->chunk_first };
        if (r->keep_bytes == 0 || r->failure.code < 0 || !all_sent(u) ||
            map_set(&r->kept, u->tensor, (uintptr_t) u) < 0)
                kept_free(r, u);
}

/* On a reader's thread, without the lock: what is looked at here stays as long as n_sending says so. */
int remote_kept_read(void *userdata, uint64_t k, char *to, Error *err) {
        const Upload *u      = userdata;
        const UploadChunk *c = &u->chunk[k];
        char shape[SHAPE_TEXT];
        int r = 0;

        if (u->source)
                r = u->source->give.read(u->source->give.userdata, k, to, err);
        else
                memcpy(to, c->data, c->size_bytes);
        if (r == 0 && chunk_digest(to, c->size_bytes) != c->digest)
                r = error_set(err, -ENODATA, "the array of %s and shape %s was changed after it was given",
                              dtype_name(u->spec.dtype), shape_print(&u->spec.shape, shape));
        return r;
}

/* ---- How long ---------------------------------------------------------------------------------------------------- */

static void kept_leaves(Remote *r, Upload *u, UploadIs why) {
        alone_remove(r, u);
        u->is = why;
        remote_kept_settle(r, u);
}

static void kept_over(Remote *r, Upload *u) {
        alone_remove(r, u);
        map_remove(&r->kept, u->tensor);
        u->over = true;
        remote_kept_settle(r, u);
}

static void tell_much(Remote *r) {
        char most[SIZE_TEXT_MAX], text[256];

        if (r->told_much)
                return;
        r->told_much = true;
        snprintf(text, sizeof(text),
                 "arrays that were given, and of which only results are left, would take more than %s here "
                 "(keep_source): the oldest are not kept, and lost if the machines are that have them",
                 size_print(r->keep_bytes, most));
        engine_say(r->engine, false, text);
}

void remote_keep_most(Engine *e, uint64_t most_bytes) {
        e->remote->keep_bytes = most_bytes;
}

void remote_kept_alone(Remote *r, TensorId tensor) {
        Upload *u = (Upload *) (uintptr_t) map_get(&r->kept, tensor);

        if (!u || u->source || u->is != KEPT_WHOLE)
                return;
        if (!u->far) {
                kept_leaves(r, u, KEPT_NOT_FAR);
                return;
        }
        alone_remove(r, u); /* it may have been opened by its name meanwhile */
        alone_add(r, u);
        while (r->first_alone && r->alone_bytes > r->keep_bytes) {
                tell_much(r);
                kept_leaves(r, r->first_alone, KEPT_TOO_MUCH);
        }
}

int remote_spared(Remote *r, const Wire_spared *m) {
        _cleanup_(map_done) Map said = {};

        for (uint32_t k = 0; k < m->tensor_n; k++) {
                Upload *u = m->but ? NULL : (Upload *) (uintptr_t) map_get(&r->kept, m->tensor[k]);

                if (u)
                        kept_over(r, u);
                else if (m->but && map_set(&said, m->tensor[k], 1) < 0)
                        return -ENOMEM;
        }
        for (uint32_t k = 0; m->but && k < r->kept.capacity;) {
                Upload *u = (Upload *) (uintptr_t) r->kept.entry[k].value;

                if (u && map_get(&said, u->tensor) == 0)
                        kept_over(r, u); /* another one may stand in its place now */
                else
                        k++;
        }
        return 0;
}

void remote_kept_end(Remote *r) {
        for (uint32_t k = 0; k < r->kept.capacity;) {
                Upload *u = (Upload *) (uintptr_t) r->kept.entry[k].value;

                if (u)
                        kept_over(r, u);
                else
                        k++;
        }
}

/* ---- What is not kept -------------------------------------------------------------------------------------------- */

void remote_kept_lost(Remote *r, const Upload *u, const Wire_wanted *wanted) {
        char most[SIZE_TEXT_MAX], shape[SHAPE_TEXT];
        Error why = {};

        if (!u)
                error_set(&why, -ENODATA, "its client keeps no copy of what it gave%s",
                          r->keep_bytes == 0 ? " (keep_source)" : "");
        else if (u->is == KEPT_NOT_FAR)
                error_set(&why, -ENODATA,
                          "nobody referred to the array of %s and shape %s any more, and the workers that had it were "
                          "on its client's own machine",
                          dtype_name(u->spec.dtype), shape_print(&u->spec.shape, shape));
        else
                error_set(&why, -ENODATA,
                          "nobody referred to the array of %s and shape %s any more, and of such the client keeps no "
                          "more than %s (keep_source)",
                          dtype_name(u->spec.dtype), shape_print(&u->spec.shape, shape),
                          size_print(r->keep_bytes, most));
        remote_given(r, wanted->tensor, wanted->number, &why);
}
