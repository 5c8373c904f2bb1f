/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed chunks, by c-blosc: a chunk is compressed as a whole into memory of its own, which then moves like a chunk
 * that begins at a page. Its digest is checked before it is decompressed, so the decoder sees what we wrote.
 *
 * Memory is short when chunks are spilled: only chunks of a bounded size are compressed, few at a time, and one for
 * which there is no memory goes plain.
 *
 * SPILL_AUTO compares what compressing costs the disk thread with what it saves: how long a plain byte takes, checksum
 * and disk, is measured on the first chunks, which all go plain; how long it takes to compress and decompress one, and
 * what remains of it, on a sample of each chunk. With a disk of 4 GB/s nothing pays; lz4 does from some 1 GB/s down. */
#include <blosc.h>
#include <string.h>
#include <time.h>

#include "io/spill-state.h"

enum {
        SAMPLE   = 128 << 10, /* from the middle of a chunk */
        WORTH    = 5,         /* a fifth must be saved */
        LEVEL    = 5,         /* what c-blosc itself takes */
        ELEMENT  = 8,         /* bytes that are shuffled: most chunks are of float64 */
        TIMED    = 64 << 20,  /* bytes of plain chunks that are measured */
};

#define PACK_MAX (64 * MiB)

static int compress(SpillCodec codec, const void *data, size_t size_bytes, void *ret, size_t room_bytes) {
        const char *name = codec == SPILL_ZSTD ? BLOSC_ZSTD_COMPNAME : BLOSC_LZ4_COMPNAME;

        return blosc_compress_ctx(codec == SPILL_ZSTD ? 1 : LEVEL, BLOSC_SHUFFLE, ELEMENT, size_bytes, data, ret,
                                  room_bytes, name, 0, 1);
}

static uint64_t now_nsec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}

void spill_time_begin(Spill *s) {
        if (s->config.codec == SPILL_AUTO && s->timed_bytes < TIMED)
                s->busy_since = now_nsec();
}

void spill_time_end(Spill *s, uint64_t moved_bytes) {
        const uint64_t since = s->busy_since;

        if (since == 0)
                return;
        s->busy_since   = now_nsec();
        s->timed_nsec  += s->busy_since - since;
        s->timed_bytes += moved_bytes;
        if (s->n_active == 0 || s->timed_bytes >= TIMED)
                s->busy_since = 0;
}

/* How a codec does on a sample from the middle of the chunk; share 1: it saves too little. */
static PackRate sample(SpillCodec codec, const Job *job) {
        const size_t n                 = MIN((size_t) job->entry->chunk_bytes, (size_t) SAMPLE);
        const size_t room              = n - n / WORTH;
        _cleanup_(freep) char *compact = malloc(room), *back = malloc(n);
        const uint64_t begin           = now_nsec();
        PackRate ret                   = { .share = 1 };
        uint64_t packed;
        int size;

        if (!compact || !back)
                return ret;
        size = compress(codec, job->data + (job->entry->chunk_bytes - n) / 2, n, compact, room);
        if (size <= 0)
                return ret;
        packed          = now_nsec();
        ret.share       = (double) size / (double) n;
        ret.pack_nsec   = (double) (packed - begin) / (double) n;
        blosc_decompress_ctx(compact, back, n, 1);
        ret.unpack_nsec = (double) (now_nsec() - packed) / (double) n;
        return ret;
}

static double packed_nsec(double disk_nsec, const PackRate *rate) {
        return rate->pack_nsec + rate->unpack_nsec + 2 * rate->share * disk_nsec;
}

SpillCodec spill_codec_choose(double disk_nsec, const PackRate *lz4, const PackRate *zstd) {
        double least   = 2 * disk_nsec;
        SpillCodec ret = SPILL_PLAIN;

        if (lz4->share < 1 && packed_nsec(disk_nsec, lz4) < least) {
                least = packed_nsec(disk_nsec, lz4);
                ret   = SPILL_LZ4;
        }
        return zstd->share < 1 && packed_nsec(disk_nsec, zstd) < least ? SPILL_ZSTD : ret;
}

static SpillCodec codec_for(const Spill *s, const Job *job) {
        const SpillCodec codec = s->config.codec;
        PackRate lz4, zstd = { .share = 1 };
        double disk_nsec;

        if (codec != SPILL_AUTO)
                return sample(codec, job).share < 1 ? codec : SPILL_PLAIN;
        if (s->timed_bytes < TIMED)
                return SPILL_PLAIN;
        disk_nsec = (double) s->timed_nsec / (double) s->timed_bytes;
        lz4       = sample(SPILL_LZ4, job);
        if (2 * lz4.share * disk_nsec > lz4.pack_nsec) /* zstd takes longer, and saves no more than that */
                zstd = sample(SPILL_ZSTD, job);
        return spill_codec_choose(disk_nsec, &lz4, &zstd);
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
        if (job->codec == SPILL_PLAIN && e->chunk_bytes >= SPILL_PAGE && e->chunk_bytes <= PACK_MAX)
                job->codec = codec_for(s, job);
        job->plain = job->codec == SPILL_PLAIN;
        if (job->plain)
                return 0;
        n = pack_alloc(s, job, e->chunk_bytes - e->chunk_bytes / WORTH);
        if (n == ROOM_LATER)
                return n;
        if (n == 0)
                n = compress(job->codec, job->data, e->chunk_bytes, job->packed, job->packed_room);
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
