/* SPDX-License-Identifier: Apache-2.0 */
/* Memory files of a store that somebody else wrote. An input is a list of records, each of which writes something into
 * one of two files: raw bytes, or a head, block, slot or link with a right check, so that what is behind the checks is
 * reached. Whatever they hold: it is refused with words, or everything that is believed lies within its file and
 * nothing overlaps; and a store made of it has these chunks, can drop them, and then has nothing. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
        FILE_BYTES  = 256 << 10,
        CACHE_BYTES = 1 << 20,
        OWNER       = 7,
        INCARNATION = 11,
};

typedef enum Kind { RAW, HEAD, BLOCK, SLOT, LINK, FLIP, N_KINDS } Kind;

typedef struct Record {
        uint8_t kind, file;
        uint16_t k;
        uint32_t offset;
        uint64_t a, b, c;
} Record;

static _Alignas(64) uint8_t bytes[STORE_MAX_FILES][FILE_BYTES];

static int read_bytes(void *userdata, uint32_t file, uint64_t offset, void *data, size_t size_bytes) {
        (void) userdata;
        if (offset > FILE_BYTES || size_bytes > FILE_BYTES - offset)
                return ERROR_CORRUPT;
        memcpy(data, &bytes[file][offset], size_bytes);
        return 0;
}

static void write_record(const Record *r) {
        uint32_t file = r->file % STORE_MAX_FILES, offset = r->offset % (FILE_BYTES - 64);
        uint32_t page = offset & ~(uint32_t) (STORE_PAGE - 1);
        uint8_t *at   = &bytes[file][0];

        switch (r->kind % N_KINDS) {
        case RAW:
                memcpy(at + offset, &r->a, sizeof(r->a));
                memcpy(at + offset + sizeof(r->a), &r->b, sizeof(r->b));
                break;
        case HEAD: {
                SegmentHead head = {
                        .magic       = SEGMENT_MAGIC,
                        .version     = DIRECTORY_VERSION,
                        .index       = r->k,
                        .owner       = r->a,
                        .incarnation = INCARNATION,
                        .file_bytes  = r->c,
                        .page_bytes  = (uint64_t) 1 << (r->b & 63),
                        .rung        = r->offset,
                };

                head.check = head_check(&head);
                head.first = link_make(INCARNATION, offsetof(SegmentHead, first), 0);
                memcpy(at, &head, sizeof(head));
                break;
        }
        case BLOCK: {
                Place place        = place_make(file, page);
                DirectoryHead head = {
                        .magic = DIRECTORY_MAGIC,
                        .place = place,
                        .check = block_check(INCARNATION, place),
                        .next  = link_make(INCARNATION, place + offsetof(DirectoryHead, next), r->a & ~(uint64_t) 4095),
                };

                memcpy(at + page, &head, sizeof(head));
                break;
        }
        case SLOT: {
                DirectorySlot slot = { .id = r->a, .place = r->b, .size_bytes = r->c };
                size_t own         = page + r->k % DIRECTORY_SLOTS * sizeof(slot);

                if (own > FILE_BYTES - sizeof(slot))
                        break;
                slot.word = slot_word(INCARNATION, place_make(file, own), &slot);
                memcpy(at + own, &slot, sizeof(slot));
                break;
        }
        case LINK: {
                uint64_t link = link_make(INCARNATION, offsetof(SegmentHead, first), r->a & ~(uint64_t) 4095);

                memcpy(at + offsetof(SegmentHead, first), &link, sizeof(link));
                break;
        }
        case FLIP:
                at[offset] ^= (uint8_t) (1 << r->a % 8);
                break;
        }
}

static void check_image(const DirectoryImage *image) {
        uint64_t end[STORE_MAX_FILES] = {};

        for (uint32_t k = 0; k < image->item.n; k++) {
                const struct DirectoryItem *item = &image->item.data[k];
                uint32_t file                    = place_file(item->place);

                assert(file < image->n_files);
                if (item->size_bytes == 0)
                        continue;
                assert(place_offset(item->place) >= end[file]); /* ascending, and nothing overlaps */
                end[file] = place_offset(item->place) + item->size_bytes;
                assert(end[file] > place_offset(item->place) && end[file] <= image->head[file].file_bytes);
                assert(end[file] <= image->used_bytes[file]);
        }
}

typedef struct Chunks {
        Store *store;
        uint32_t n, n_bytes;
        Vec(ChunkId) id;
} Chunks;

static void note_chunk(void *userdata, ChunkId id, size_t size_bytes) {
        Chunks *chunks = userdata;
        const char *data;
        size_t size;
        int r = store_pin(chunks->store, id, &data, &size);

        assert(r == 0 && size == size_bytes);
        for (size_t k = 0; k < size; k++)
                chunks->n_bytes += (uint8_t) data[k];
        store_unpin(chunks->store, id);
        r = vec_push(&chunks->id, id);
        assert(r == 0);
}

static int file_of(const uint8_t *data) {
        int fd = memfd_create("fuzz", MFD_ALLOW_SEALING | MFD_CLOEXEC);

        assert(fd >= 0);
        if (write(fd, data, FILE_BYTES) != FILE_BYTES || fchmod(fd, 0400) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
                abort();
        return fd;
}

static void check_store(const DirectoryImage *image) {
        const StoreConfig config = { .cache_bytes = CACHE_BYTES, .shared = true, .owner = OWNER };
        int fd[STORE_MAX_FILES];
        Chunks chunks = {};
        Error err     = {};
        uint32_t n    = 0;
        StoreStats stats;
        int r;

        for (uint32_t k = 0; k < image->n_files; k++)
                fd[k] = file_of(bytes[k]);
        for (uint32_t k = 0; k < image->item.n; k++)
                n += image->item.data[k].slot != 0;
        r = store_restore(&chunks.store, &config, fd, image->n_files, &err);
        if (r == 0) {
                store_each(chunks.store, note_chunk, &chunks);
                assert(chunks.id.n == n);
                while (chunks.id.n > 0)
                        store_drop(chunks.store, vec_pop(&chunks.id));
                store_stats(chunks.store, &stats);
                assert(stats.n_chunks == 0 && stats.used_bytes == 0 && stats.arena_bytes <= CACHE_BYTES);
                store_free(chunks.store);
        } else
                assert(err.code == r && err.text[0]); /* not of the size or the pages that its head says */
        vec_free(&chunks.id);
        for (uint32_t k = 0; k < image->n_files; k++)
                close(fd[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const DirectorySource source = { .n_files = size > 0 ? data[0] % 4 : 0, .read = read_bytes };
        DirectoryImage image;
        Error err = {};
        int r;

        memset(bytes, 0, sizeof(bytes));
        for (size_t at = 1; at + sizeof(Record) <= size; at += sizeof(Record)) {
                Record record;

                memcpy(&record, data + at, sizeof(record));
                write_record(&record);
        }
        r = directory_read(&image, &source, OWNER, &err);
        if (r < 0) {
                assert(r == ERROR_CORRUPT && err.code == r && err.text[0]);
                return 0;
        }
        assert(r == 0);
        check_image(&image);
        check_store(&image);
        directory_image_done(&image);
        return 0;
}
