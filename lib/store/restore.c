/* SPDX-License-Identifier: Apache-2.0 */
/* A store from files that another process left. Where a chunk lay is all that has to be the same: addresses are new,
 * blocks are made of what the directory says, everything else is free, and its pages go back to the system, so
 * what is resident is known again. Chunks that share a cache line come back sharing it. */
#include <fcntl.h>
#include <unistd.h>

#include "base/size.h"
#include "store/inside.h"

static int read_file(void *userdata, uint32_t file, uint64_t offset, void *data, size_t size_bytes) {
        const int *fds = userdata;

        for (size_t done = 0; done < size_bytes;) {
                ssize_t n = pread(fds[file], (char *) data + done, size_bytes - done, (off_t) (offset + done));

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        return ERROR_CORRUPT; /* it ends before what its head says */
                done += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/* The kinds of the files, and below them what a new store could have. */
static int heap_config(const Store *s, const DirectoryImage *image, HeapConfig *ret) {
        StoreConfig config = s->config;
        Ladder ladder;
        HugePages pages;
        int r;

        for (uint32_t k = 0; k < image->n_files; k++)
                ret->ladder.rung[ret->ladder.n++] =
                        (SegmentKind) { (StoreRung) image->head[k].rung, image->head[k].page_bytes, true };
        if (image->head[image->n_files - 1].rung != STORE_HUGETLB || ret->ladder.n == MAX_RUNGS ||
            config.pages == STORE_PAGES_ON)
                return 0;
        config.page_bytes = 0;
        hugepages_read(&pages, "");
        r = ladder_make(&ladder, &pages, &config, NULL);
        if (r == 0 && ladder.rung[ladder.n - 1].rung != STORE_HUGETLB)
                ret->ladder.rung[ret->ladder.n++] = ladder.rung[ladder.n - 1];
        return r;
}

static int open_files(Store *s, const DirectoryImage *image, const int *fds, Error *err) {
        HeapFile file[STORE_MAX_FILES];
        HeapConfig config = {
                .cache_bytes = s->config.cache_bytes,
                .head_bytes  = SEGMENT_HEAD_BYTES,
                .begun       = store_segment_begun,
                .userdata    = s,
                .numa        = s->numa,
                .n_files     = image->n_files,
                .file        = file,
        };
        int r = heap_config(s, image, &config);

        if (r < 0)
                return error_prefix(err, r, "pages");
        for (uint32_t k = 0; k < image->n_files; k++)
                file[k] = (HeapFile) {
                        .fd         = fds[image->source[k]],
                        .file_bytes = image->head[k].file_bytes,
                        .used_bytes = image->used_bytes[k],
                };
        return heap_init(&s->heap, &config, err);
}

static char *address_of(const Store *s, Place place) {
        return s->heap.segment[place_file(place)].base + place_offset(place);
}

/* The bytes of cache lines that an item touches. */
static char *line_begin(const char *data) {
        return (char *) ((uintptr_t) data & ~(uintptr_t) (BLOCK_ALIGN - 1));
}

static char *line_end(const char *data, size_t size_bytes) {
        return line_begin(data + size_bytes + BLOCK_ALIGN - 1);
}

static int add_chunk(Store *s, const struct DirectoryItem *item) {
        Chunk *c = chunk_new(s);
        int r    = c ? vec_push(&s->group, c) : -ENOMEM;

        if (r < 0) {
                if (c)
                        chunk_unused(s, c);
                return r;
        }
        c->id         = item->id;
        c->state      = CHUNK_SEALED;
        c->data       = item->size_bytes > 0 ? address_of(s, item->place) : store_empty;
        c->size_bytes = item->size_bytes;
        c->slot       = (DirectorySlot *) address_of(s, item->slot);
        return idmap_set(&s->chunks, c->id, (uintptr_t) c);
}

/* Makes the items from `at` on, which share lines, one block and returns where the next ones begin. */
static int add_items(Store *s, const DirectoryImage *image, uint32_t *at) {
        const struct DirectoryItem *item = &image->item.data[*at];
        char *begin = line_begin(address_of(s, item->place)), *end = begin;
        Block *block;
        int r = 0;

        s->group.n = 0;
        for (; *at < image->item.n && r == 0; ++*at, item++) {
                const char *data = address_of(s, item->place);

                if (end > begin && line_begin(data) >= end)
                        break;
                end = line_end(data, item->size_bytes);
                if (item->slot)
                        r = add_chunk(s, item);
        }
        if (r == 0)
                r = heap_put(&s->heap, begin, (size_t) (end - begin), &block);
        if (r == 0)
                r = heap_prepare(&s->heap, s->group.n);
        if (r != 0)
                return r;
        if (s->group.n > 0)
                group_place(s, block);
        else
                s->heap.fixed_bytes += block->size_bytes; /* a block of the directory */
        return 0;
}

static int add_everything(Store *s, const DirectoryImage *image, Error *err) {
        char holds[SIZE_TEXT_MAX], cache[SIZE_TEXT_MAX];
        uint32_t at = 0;
        size_t used = 0;
        int r       = 0;

        s->group.n = 0;
        for (; at < image->item.n && image->item.data[at].size_bytes == 0 && r == 0; at++)
                r = add_chunk(s, &image->item.data[at]);
        for (uint32_t k = at; k < image->item.n; k++)
                used += image->item.data[k].size_bytes;
        while (at < image->item.n && r == 0)
                r = add_items(s, image, &at);
        if (r == 0)
                r = heap_settle(&s->heap);
        if (r == 0)
                r = directory_restore(&s->directory, &s->heap, image);
        if (r == STORE_FULL)
                return error_set(err, ERROR_MEMORY, "the files hold %s and the cache is %s", size_print(used, holds),
                                 size_print(s->config.cache_bytes, cache));
        if (r > 0)
                return error_set(err, ERROR_MEMORY, "the pool of huge pages has no longer the pages of the files");
        return r < 0 ? error_prefix(err, r, "memory") : 0;
}

int store_restore(Store **ret, const StoreConfig *config, const int *fds, uint32_t n_fds, Error *err) {
        DirectorySource source = { .n_files = n_fds, .read = read_file, .userdata = (void *) (uintptr_t) fds };
        DirectoryImage image;
        Store *s;
        int r;

        assert(config->shared);
        r = directory_read(&image, &source, config->owner, err);
        if (r < 0)
                return error_prefix(err, r, "store");
        s = store_begin(config, err);
        r = s ? open_files(s, &image, fds, err) : ERROR_MEMORY;
        if (r == 0)
                r = add_everything(s, &image, err);
        if (r == 0)
                *ret = TAKE_PTR(s);
        else
                error_prefix(err, r, "store");
        if (s)
                store_leave(s);
        directory_image_done(&image);
        return r;
}
