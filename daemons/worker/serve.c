/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that go from us: as bytes, or lent, to be read where they lie. Either way a chunk is pinned: until its bytes
 * are sent, or until the other side lets it go or its link is closed.
 *
 * Lending hands a descriptor of the store's memory file over, and with it everything that ever lies in the file. So it
 * goes to processes of our own user only, who could read our memory anyway (decision 0027). What is lent for long can
 * neither be spilled nor dropped, so only a part of the cache is. */
#include <syslog.h>
#include <unistd.h>

#include "daemons/worker/worker.h"
#include "graph/op.h"
#include "io/token.h"

enum { LENT_SHARE = 4 }; /* of the cache, that is lent for as long as the reader likes; then bytes are sent */

/* ---- What is lent ----------------------------------------------------------------------------------------------- */

static bool may_lend(const Worker *w, const Mate *mate, uint32_t how) {
        LinkPeer peer;

        if (how == WIRE_BYTES || !w->config.engine.shared || link_peer(mate->link, &peer) < 0 || !peer.local ||
            peer.uid != geteuid())
                return false;
        return how == WIRE_BRIEFLY || w->lent_bytes < w->lent_most_bytes;
}

void worker_lend_limit(Worker *w, size_t cache_bytes) {
        w->lent_most_bytes = cache_bytes / LENT_SHARE;
}

/* The number that the file has on the mate's link. */
static uint32_t file_number(Mate *mate, int fd, bool *ret_new) {
        uint32_t k = 0;

        while (k < mate->n_sent && mate->sent[k] != fd)
                k++;
        *ret_new = k == mate->n_sent;
        return k;
}

/* 0; ENGINE_ABSENT: it lies in no memory file; or an errno, and bytes are sent instead. */
static int lend(Worker *w, Serving *s) {
        Mate *mate     = s->mate;
        WireMessage at = { WIRE_IS_AT, .at = { .chunk = s->chunk } };
        size_t size_bytes;
        bool is_new;
        int fd, r;

        r = engine_chunk_file(w->engine, s->chunk, &fd, &at.at.offset, &size_bytes);
        if (r != 0)
                return r;
        at.at.size_bytes = size_bytes;
        at.at.file       = file_number(mate, fd, &is_new);
        r                = map_reserve(&w->lent, w->lent.n + 1);
        if (r == 0)
                r = link_say_fd(mate->link, &at, is_new ? fd : -1);
        if (r < 0)
                return r;
        s->also = (Serving *) (uintptr_t) map_get(&w->lent, s->chunk);
        r       = map_set(&w->lent, s->chunk, (uintptr_t) s);
        assert(r == 0);
        s->lent_bytes = size_bytes;
        w->lent_bytes += size_bytes;
        mate->lent_bytes += size_bytes;
        s->lent = true;
        if (is_new) {
                mate->sent[mate->n_sent++] = fd;
                worker_say(w, LOG_INFO, "chunks are lent to a process of this machine, not sent");
        }
        return 0;
}

static void unlend(Worker *w, Serving *s) {
        Serving *first = (Serving *) (uintptr_t) map_get(&w->lent, s->chunk);

        w->lent_bytes -= s->lent_bytes;
        if (s->mate)
                s->mate->lent_bytes -= s->lent_bytes;
        if (first != s) {
                while (first->also != s)
                        first = first->also;
                first->also = s->also;
                return;
        }
        map_remove(&w->lent, s->chunk);
        if (s->also && map_set(&w->lent, s->chunk, (uintptr_t) s->also) < 0)
                assert(false); /* there was room for it just now */
}

/* ---- Serving ---------------------------------------------------------------------------------------------------- */

/* Its bytes are with the kernel, or will never be. */
static void sent(Worker *w, Serving *s) {
        span_end(&w->send, worker_clock(), s->mate ? s->size_bytes : 0);
        if (!s->mate)
                return;
        w->sent_bytes += s->size_bytes;
        s->mate->sent_bytes += s->size_bytes;
}

static void serving_end(void *userdata) {
        Serving *s = userdata;
        Worker *w  = s->worker;

        if (s->lent)
                unlend(w, s);
        if (s->sending)
                sent(w, s);
        map_remove(&w->serving, s->pin);
        if (s->pinned)
                engine_chunk_unpin(w->engine, s->pin, s->chunk, s->brief);
        free(s);
}

static int say_gone(Mate *mate, uint64_t chunk, const Error *why) {
        return link_say(mate->link, &(WireMessage) { WIRE_IS_GONE, .gone = { chunk, why->code, why->text } });
}

/* To the scheduler, if it is there still: another one has not asked, and takes no notice. */
static int say_digest(Worker *w, uint64_t chunk, uint64_t digest, const Error *why) {
        return !w->welcome ? 0
                           : link_say(w->scheduler, &(WireMessage) { WIRE_IS_DIGESTED,
                                                                     .digested = { .chunk  = chunk,
                                                                                   .digest = digest,
                                                                                   .code   = why ? why->code : 0,
                                                                                   .text   = why ? why->text : NULL,
                                                                                   .level  = op_level() } });
}

void worker_send(Worker *w, const Report *report) {
        Serving *s = (Serving *) (uintptr_t) map_get(&w->serving, report->action.pin);

        s->pinned     = !report->error;
        s->size_bytes = report->size_bytes;
        if (s->digest) {
                if (say_digest(w, s->chunk, report->error ? 0 : chunk_digest(report->data, report->size_bytes),
                               report->error) < 0)
                        worker_say(w, LOG_WARNING, "out of memory: a chunk is not compared");
                serving_end(s);
        } else if (!s->mate)
                serving_end(s);
        else if (report->error) {
                if (say_gone(s->mate, s->chunk, report->error) < 0)
                        worker_say(w, LOG_WARNING, "out of memory: somebody waits in vain for a chunk");
                serving_end(s);
        } else if (s->lend && lend(w, s) == 0)
                return;
        else {
                s->sending = true;
                span_begin(&w->send, worker_clock());
                if (link_say_chunk(s->mate->link, s->chunk, report->data, report->size_bytes, NULL, serving_end, s) < 0)
                        worker_say(w, LOG_WARNING, "out of memory: somebody waits in vain for a chunk");
        }
}

bool worker_granted(const Worker *w, const Mate *mate, uint64_t chunk, uint64_t first, uint32_t n, const char *proof) {
        char ours[TOKEN_PROOF_MAX];
        Error err = {};

        if (!mate->user[0])
                return true;
        return chunk >= first && chunk - first < n && token_grant(ours, w->token, mate->user, first, n, &err) == 0 &&
               token_same(ours, proof);
}

int worker_hear_get(Worker *w, Mate *mate, const Wire_get *m, Error *err) {
        Serving *s = NULL;
        Error why  = {};
        int r;

        if (!worker_granted(w, mate, m->chunk, m->first, m->n, m->proof)) {
                error_set(&why, -EACCES, "chunk %llu is not %s's", (unsigned long long) m->chunk, mate->user);
                return say_gone(mate, m->chunk, &why) < 0 ? error_oom(err, sizeof(why)) : 0;
        }
        s = calloc(1, sizeof(*s));
        if (!s || map_set(&w->serving, w->next_pin + 1, (uintptr_t) s) < 0) {
                free(s);
                return error_oom(err, sizeof(*s));
        }
        *s = (Serving) { .pin    = ++w->next_pin,
                         .chunk  = m->chunk,
                         .worker = w,
                         .mate   = mate,
                         .lend   = may_lend(w, mate, m->how) };
        s->brief = !s->lend || m->how == WIRE_BRIEFLY;
        r        = engine_chunk_pin(w->engine, s->pin, s->chunk, s->brief, &why);
        if (r == 0)
                return 0;
        if (r > 0)
                error_set(&why, -ENOENT, "chunk %llu is not here", (unsigned long long) m->chunk);
        serving_end(s);
        return say_gone(mate, m->chunk, &why) < 0 ? error_oom(err, sizeof(why)) : 0;
}

int worker_hear_digest(Worker *w, uint64_t chunk, Error *err) {
        Serving *s = calloc(1, sizeof(*s));
        Error why  = {};
        int r;

        if (!s || map_set(&w->serving, w->next_pin + 1, (uintptr_t) s) < 0) {
                free(s);
                return error_oom(err, sizeof(*s));
        }
        *s = (Serving) { .pin = ++w->next_pin, .chunk = chunk, .worker = w, .brief = true, .digest = true };
        r  = engine_chunk_pin(w->engine, s->pin, chunk, s->brief, &why);
        if (r == 0)
                return 0;
        if (r > 0)
                error_set(&why, -ENOENT, "chunk %llu is not here", (unsigned long long) chunk);
        serving_end(s);
        return say_digest(w, chunk, 0, &why) < 0 ? error_oom(err, sizeof(why)) : 0;
}

int worker_hear_let(Worker *w, Mate *mate, const Wire_let *m, Error *err) {
        Serving *s = (Serving *) (uintptr_t) map_get(&w->lent, m->chunk);

        while (s && s->mate != mate)
                s = s->also;
        if (!s)
                return error_set(err, ERROR_CORRUPT, "LET of chunk %llu, which is not lent",
                                 (unsigned long long) m->chunk);
        serving_end(s);
        return 0;
}

void worker_serve_no_more(Worker *w, const Mate *mate) {
        for (uint32_t k = 0; k < w->serving.capacity;) {
                Serving *s = (Serving *) (uintptr_t) w->serving.entry[k].value;

                if (!s || s->mate != mate) {
                        k++;
                        continue;
                }
                s->mate = NULL;
                if (s->lent)
                        serving_end(s); /* another one may stand in its place now */
                else
                        k++; /* worker_send() ends it */
        }
}
