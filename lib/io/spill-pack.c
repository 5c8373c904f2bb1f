/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed chunks, by c-blosc: a chunk is compressed as a whole into memory of its own, which then moves like a chunk
 * that begins at a page. Its digest is checked before it is decompressed, so the decoder sees what we wrote.
 *
 * Memory is short when chunks are spilled: only chunks of a bounded size are compressed, few at a time, and one for
 * which there is no memory goes plain. */
#include <blosc.h>
#include <string.h>

#include "io/spill-state.h"

enum {
        SAMPLE   = 128 << 10, /* from the middle of a chunk */
        WORTH    = 5,         /* a fifth must be saved */
        LEVEL    = 5,         /* what c-blosc itself takes */
        ELEMENT  = 8,         /* bytes that are shuffled: most chunks are of float64 */
};

#define PACK_MAX (64 * MiB)

static int compress(SpillCodec codec, const void *data, size_t size_bytes, void *ret, size_t room_bytes) {
        const char *name = codec == SPILL_ZSTD ? BLOSC_ZSTD_COMPNAME : BLOSC_LZ4_COMPNAME;

        return blosc_compress_ctx(codec == SPILL_ZSTD ? 1 : LEVEL, BLOSC_SHUFFLE, ELEMENT, size_bytes, data, ret,
                                  room_bytes, name, 0, 1);
}

static bool is_worth(SpillCodec codec, const Job *job) {
        const size_t n                 = MIN((size_t) job->entry->chunk_bytes, (size_t) SAMPLE);
        const size_t room              = n - n / WORTH;
        _cleanup_(freep) char *compact = malloc(room);

        return compact && compress(codec, job->data + (job->entry->chunk_bytes - n) / 2, n, compact, room) > 0;
}

static int pack_alloc(Spill *s, Job *job, size_t size_bytes) {
        if (s->n_packs == SPILL_PACKS)
                return ROOM_LATER;
        job->packed_room = (size_bytes + SPILL_PAGE - 1) / SPILL_PAGE * SPILL_PAGE;
        job->packed      = aligned_alloc(SPILL_PAGE, job->packed_room);
        if (!job->packed)
                return -ENOMEM;
        s->n_packs++;
        pthread_mutex_lock(&s->lock);
        s->stats.staging_bytes += job->packed_room;
        pthread_mutex_unlock(&s->lock);
        return 0;
}

void spill_pack_free(Spill *s, Job *job) {
        if (!job->packed)
                return;
        free(TAKE_PTR(job->packed));
        s->n_packs--;
        pthread_mutex_lock(&s->lock);
        s->stats.staging_bytes -= job->packed_room;
        pthread_mutex_unlock(&s->lock);
}

int spill_pack(Spill *s, Job *job) {
        Entry *e = job->entry;
        int n;

        if (s->config.codec == SPILL_PLAIN || job->packed || job->plain)
                return 0;
        job->plain = e->chunk_bytes < SPILL_PAGE || e->chunk_bytes > PACK_MAX || !is_worth(s->config.codec, job);
        if (job->plain)
                return 0;
        n = pack_alloc(s, job, e->chunk_bytes - e->chunk_bytes / WORTH);
        if (n == ROOM_LATER)
                return n;
        if (n == 0)
                n = compress(s->config.codec, job->data, e->chunk_bytes, job->packed, job->packed_room);
        if (n <= 0) { /* the sample promised too much, or memory is too short */
                spill_pack_free(s, job);
                job->plain = true;
                return 0;
        }
        e->packed_bytes = (uint64_t) n;
        return 0;
}

int spill_unpack_begin(Spill *s, Job *job) {
        return pack_alloc(s, job, job->entry->packed_bytes);
}

int spill_unpack(const Job *job, Error *err) {
        const Entry *e = job->entry;
        size_t n;

        if (blosc_cbuffer_validate(job->packed, e->packed_bytes, &n) == 0 && n == e->chunk_bytes &&
            blosc_decompress_ctx(job->packed, job->data, n, 1) == (int) n)
                return 0;
        return error_set(err, ERROR_CORRUPT, "its %llu bytes cannot be decompressed",
                         (unsigned long long) e->packed_bytes);
}
