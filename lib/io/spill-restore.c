/* SPDX-License-Identifier: Apache-2.0 */
/* After a restart: the table says where extents were whole, their headers say what they are. A slot or a header that is
 * not what it should be, or an extent that lies outside of the file or on another one, is left out and counted. What
 * then belongs to nobody is punched out, so that the ledger is true from the start. The content of every chunk is read
 * and checked: who is told of a chunk tells others, and one that turns out wrong when it is needed comes too late. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/spill-state.h"

typedef struct Found {
        SpillSlot slot;
        uint32_t number;
} Found;

typedef Vec(Found) FoundVec;

enum {
        BLOCK_SLOTS = 2048,    /* of the table are read at a time */
        CHECK_BYTES = 1 << 20, /* of a chunk */
};

static int by_offset(const void *a, const void *b) {
        const Found *x = a, *y = b;

        return (x->slot.offset > y->slot.offset) - (x->slot.offset < y->slot.offset);
}

/* Exactly size_bytes, or negative. */
static int read_at(int fd, void *data, size_t size_bytes, uint64_t offset) {
        for (char *at = data; size_bytes > 0;) {
                ssize_t n = pread(fd, at, size_bytes, (off_t) offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ENODATA;
                at += n;
                offset += (uint64_t) n;
                size_bytes -= (size_t) n;
        }
        return 0;
}

static bool is_zero(const uint8_t bytes[SPILL_SLOT]) {
        uint8_t any = 0;

        for (unsigned k = 0; k < SPILL_SLOT; k++)
                any |= bytes[k];
        return any == 0;
}

/* All slots that say something, in the order of the file; others can be used for new chunks. */
static int table_read(const Spill *s, SpillPlace *p, FoundVec *ret, uint32_t *refused) {
        _cleanup_(freep) uint8_t *block = malloc(BLOCK_SLOTS * SPILL_SLOT);
        struct stat st;
        uint64_t n;
        int r;

        if (!block)
                return -ENOMEM;
        if (fstat(p->dir.table_fd, &st) < 0)
                return -errno;
        n = (uint64_t) st.st_size / SPILL_SLOT;
        if (n >= SLOT_NONE)
                return -EFBIG;
        for (; p->n_slots < n; ) {
                const uint32_t here = (uint32_t) MIN(n - p->n_slots, (uint64_t) BLOCK_SLOTS);

                r = read_at(p->dir.table_fd, block, here * SPILL_SLOT, (uint64_t) p->n_slots * SPILL_SLOT);
                for (uint32_t k = 0; k < here && r == 0; k++, p->n_slots++) {
                        const uint8_t *bytes = block + k * SPILL_SLOT;
                        Found found          = { .number = p->n_slots };

                        if (spill_slot_decode(bytes, s->config.owner, p->n_slots, &found.slot))
                                r = vec_push(ret, found);
                        else {
                                *refused += !is_zero(bytes);
                                r = vec_push(&p->free_slots, p->n_slots);
                        }
                }
                if (r < 0)
                        return r;
        }
        if (ret->n > 0)
                qsort(ret->data, ret->n, sizeof(ret->data[0]), by_offset);
        return 0;
}

/* Whether what lies behind the header is what its digest was made of. */
static bool content_checks(const SpillPlace *p, const SpillHeader *h, uint64_t offset, uint8_t *pages) {
        const uint64_t begin = h->packed_bytes > 0 ? 0 : h->offset;
        const uint64_t end   = begin + (h->packed_bytes > 0 ? h->packed_bytes : h->chunk_bytes);
        XXH3_state_t hash;

        XXH3_INITSTATE(&hash);
        XXH3_64bits_reset(&hash);
        for (uint64_t at = 0; at < h->stored_bytes; at += CHECK_BYTES) {
                const uint64_t here = MIN(h->stored_bytes - at, (uint64_t) CHECK_BYTES);
                const uint64_t from = MAX(at, begin), to = MIN(at + here, end);

                if (read_at(p->dir.extents_fd, pages, here, offset + at) < 0)
                        return false;
                if (from < to)
                        XXH3_64bits_update(&hash, pages + (from - at), to - from);
        }
        return XXH3_64bits_digest(&hash) == h->digest;
}

/* 0: the chunk is back; 1: it is refused. */
static int entry_restore(Spill *s, SpillPlace *p, const Found *found, uint64_t file_bytes, uint8_t *page) {
        _cleanup_(freep) SpillHeader *h = malloc(sizeof(*h));
        _cleanup_(freep) Entry *e       = calloc(1, sizeof(*e));
        uint64_t check, size_bytes;
        int r;

        if (!h || !e)
                return -ENOMEM;
        if (found->slot.offset > file_bytes || file_bytes - found->slot.offset < SPILL_PAGE ||
            found->slot.offset % SPILL_PAGE != 0)
                return 1;
        r = read_at(p->dir.extents_fd, page, SPILL_PAGE, found->slot.offset);
        if (r < 0)
                return 1;
        if (spill_header_decode(page, s->config.owner, h, &check, NULL) < 0 || check != found->slot.check ||
            h->id != found->slot.id || map_get(&s->entries, h->id))
                return 1;
        size_bytes = SPILL_PAGE + h->stored_bytes;
        if (size_bytes > file_bytes - found->slot.offset)
                return 1;
        if (!content_checks(p, h, found->slot.offset + SPILL_PAGE, page))
                return 1;
        r = extents_take_at(p->extents, found->slot.offset, size_bytes, &e->extent);
        if (r != 0)
                return r < 0 ? r : 1;
        *e = (Entry) {
                .id             = h->id,
                .chunk_bytes    = h->chunk_bytes,
                .packed_bytes   = h->packed_bytes,
                .promised_bytes = size_bytes,
                .state          = ENTRY_WHOLE,
                .offset         = h->offset,
                .slot           = found->number,
                .check          = check,
                .place          = p,
                .extent         = e->extent,
        };
        r = map_set(&s->entries, e->id, (uintptr_t) e);
        if (r < 0)
                return r;
        TAKE_PTR(e);
        s->stats.n_chunks++;
        s->stats.chunk_bytes += h->chunk_bytes;
        s->stats.stored_bytes += size_bytes;
        s->stats.promised_bytes += size_bytes;
        s->stats.file_bytes += size_bytes;
        p->file_bytes += size_bytes;
        return 0;
}

/* Between and behind the extents nothing takes room on the disk. */
static void holes_punch(const SpillPlace *p) {
        uint64_t end = 0;

        for (const Extent *x = extents_first(p->extents); x; x = x->after) {
                if (x->kind == EXTENT_USED)
                        end = x->offset + x->size_bytes;
                else if (x->after) /* where holes cannot be made, the file is larger than the ledger says */
                        (void) fallocate(p->dir.extents_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                         (off_t) x->offset, (off_t) x->size_bytes);
        }
        while (ftruncate(p->dir.extents_fd, (off_t) end) < 0 && errno == EINTR)
                ;
}

static int place_restore(Spill *s, SpillPlace *p, uint32_t *refused, Error *err) {
        _cleanup_(freep) uint8_t *page = aligned_alloc(SPILL_PAGE, CHECK_BYTES);
        FoundVec found                 = {};
        struct stat st;
        int r;

        if (!page)
                return error_oom(err, CHECK_BYTES);
        r = fstat(p->dir.extents_fd, &st) < 0 ? -errno : table_read(s, p, &found, refused);
        for (uint32_t k = 0; k < found.n && r == 0; k++) {
                r = entry_restore(s, p, &found.data[k], (uint64_t) st.st_size, page);
                if (r == 1) {
                        (*refused)++;
                        r = vec_push(&p->free_slots, found.data[k].number);
                }
        }
        vec_free(&found);
        if (r < 0)
                return error_set(err, r, "cannot read what was spilled to '%s': %s", p->path, strerrordesc_np(-r));
        holes_punch(p);
        return 0;
}

int spill_restore(Spill **ret, const SpillConfig *config,
                  int (*found)(void *userdata, uint64_t id, size_t size_bytes, uint32_t offset), Error *err) {
        uint32_t refused = 0;
        Spill *s;
        int r;

        assert(config->keep);
        r = spill_prepare(&s, config, err);
        if (r < 0)
                return r;
        for (uint32_t k = 0; k < s->n_places && r == 0; k++) {
                SpillPlace *p = &s->place[k];

                r = spill_dir_reopen(&p->dir, p->path, config->owner, err);
                if (r == SPILL_DIR_ABSENT) {
                        r = 0;
                        continue;
                }
                if (r == 0)
                        r = spill_place_open(s, p, err);
                if (r == 0)
                        r = place_restore(s, p, &refused, err);
        }
        for (uint32_t k = 0; k < s->entries.capacity && r == 0; k++) {
                const Entry *e = (const Entry *) (uintptr_t) s->entries.entry[k].value;

                if (e)
                        r = found(config->userdata, e->id, e->chunk_bytes, e->offset);
        }
        if (r < 0) {
                spill_leave(s); /* to be looked at by somebody */
                return r;
        }
        if (refused > 0)
                spill_say(s, true, "%u spilled chunks were not restored: what the disk has of them does not add up",
                          refused);
        *ret = s;
        return 0;
}
