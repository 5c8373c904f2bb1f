/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of spilling share: a directory of their own, chunks with content that follows from their id, and the
 * ends of operations to wait for. */
#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/spill.h"

#include "harness.h"

enum { TEST_IDS = 4096 };

typedef struct SpillTest {
        char dir[64];
        Spill *spill;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        uint32_t n_done;
        struct SpillTestEnd {
                uint32_t n; /* how often done() was said */
                int code;
                char text[MAX_ERROR_TEXT];
        } end[TEST_IDS];
        char said[4096];
} SpillTest;

static inline void test_done(void *userdata, uint64_t id, bool written _unused_, const Error *err) {
        SpillTest *t = userdata;

        pthread_mutex_lock(&t->lock);
        ck_assert(id < TEST_IDS);
        t->end[id].n++;
        t->end[id].code = err ? err->code : 0;
        snprintf(t->end[id].text, sizeof(t->end[id].text), "%s", err ? err->text : "");
        t->n_done++;
        pthread_cond_broadcast(&t->changed);
        pthread_mutex_unlock(&t->lock);
}

static inline void test_say(void *userdata, _unused_ bool warning, const char *text) {
        SpillTest *t = userdata;
        size_t n;

        pthread_mutex_lock(&t->lock);
        n = strlen(t->said);
        snprintf(t->said + n, sizeof(t->said) - n, "%s\n", text);
        pthread_mutex_unlock(&t->lock);
}

static inline void test_dir(SpillTest *t) {
        *t = (SpillTest) { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
        strcpy(t->dir, "/var/tmp/mars-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(t->dir));
}

static inline SpillConfig test_config(SpillTest *t, SpillConfig config) {
        if (!config.dirs)
                config.dirs = t->dir;
        if (!config.owner)
                config.owner = 0x1234;
        config.done     = test_done;
        config.say      = test_say;
        config.userdata = t;
        return config;
}

/* test_open(t, .limit_bytes = …) */
#define test_open(t, ...)                                                                                              \
        do {                                                                                                           \
                SpillConfig _config = test_config((t), (SpillConfig) { __VA_ARGS__ });                                 \
                Error _err;                                                                                            \
                int _r = spill_new(&(t)->spill, &_config, &_err);                                                      \
                                                                                                                       \
                ck_assert_msg(_r == 0, "%s", _err.text);                                                               \
        } while (0)

static inline int test_remove_one(const char *path, const struct stat *st _unused_, int kind _unused_,
                                  struct FTW *ftw _unused_) {
        return remove(path);
}

static inline uint32_t test_entries(const char *path) {
        DIR *d     = opendir(path);
        uint32_t n = 0;

        ck_assert_ptr_nonnull(d);
        for (struct dirent *e; (e = readdir(d));)
                n += e->d_name[0] != '.';
        closedir(d);
        return n;
}

/* Nothing may be left in the directory. */
static inline void test_close(SpillTest *t) {
        t->spill = spill_free(t->spill);
        ck_assert_uint_eq(test_entries(t->dir), 0);
        ck_assert_int_eq(rmdir(t->dir), 0);
}

static inline void test_remove(SpillTest *t) {
        ck_assert_int_eq(nftw(t->dir, test_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int test_wait(SpillTest *t, uint64_t id, uint32_t n) {
        int code;

        pthread_mutex_lock(&t->lock);
        while (t->end[id].n < n)
                pthread_cond_wait(&t->changed, &t->lock);
        ck_assert_uint_eq(t->end[id].n, n);
        code = t->end[id].code;
        pthread_mutex_unlock(&t->lock);
        return code;
}

/* The words of a chunk: no two chunks have a page in common. */
static inline uint64_t test_word(uint64_t id, size_t at) {
        uint64_t x = (id + 1) * 0x9e3779b97f4a7c15 + at * 0xd6e8feb86659fd93;

        return x ^ x >> 32;
}

static inline void test_fill(char *data, uint64_t id, size_t size_bytes) {
        for (size_t k = 0; k < size_bytes; k += 8) {
                const uint64_t word = test_word(id, k / 8);

                memcpy(data + k, &word, MIN(size_bytes - k, sizeof(word)));
        }
}

static inline bool test_same(const char *data, uint64_t id, size_t size_bytes) {
        for (size_t k = 0; k < size_bytes; k += 8) {
                const uint64_t word = test_word(id, k / 8);

                if (memcmp(data + k, &word, MIN(size_bytes - k, sizeof(word))) != 0)
                        return false;
        }
        return true;
}

/* Whole pages, of which the chunk begins at `offset`. */
static inline char *test_memory(size_t size_bytes, uint32_t offset) {
        char *pages = aligned_alloc(SPILL_PAGE, (offset + size_bytes + 2 * SPILL_PAGE - 1) / SPILL_PAGE * SPILL_PAGE);

        ck_assert_ptr_nonnull(pages);
        return pages + offset;
}

static inline void test_memory_free(char *data, uint32_t offset) {
        free(data - offset);
}

/* Begins to write a chunk with the content of its id: 0 or SPILL_FULL. Waits, so that the memory can go. */
static inline int test_write(SpillTest *t, uint64_t id, size_t size_bytes, uint32_t offset) {
        char *data       = test_memory(size_bytes, offset);
        const uint32_t n = t->end[id].n;
        int r;

        test_fill(data, id, size_bytes);
        r = spill_write(t->spill, id, data, size_bytes);
        if (r == 0)
                r = test_wait(t, id, n + 1);
        test_memory_free(data, offset);
        return r;
}

/* Reads it back: 0 and it is the same and nothing around it was touched, or the error. */
static inline int test_read(SpillTest *t, uint64_t id, size_t size_bytes) {
        const uint32_t offset = spill_offset(t->spill, id), n = t->end[id].n;
        char *data            = test_memory(size_bytes, offset);
        char *end             = data + size_bytes;
        int r;

        memset(data - offset, 0x5a, offset + size_bytes + 64);
        ck_assert_int_eq(spill_read(t->spill, id, data), 0);
        r = test_wait(t, id, n + 1);
        if (r == 0)
                ck_assert(test_same(data, id, size_bytes));
        for (uint32_t k = 0; k < offset; k++)
                ck_assert_int_eq(data[-1 - (int) k], 0x5a);
        for (uint32_t k = 0; k < 64; k++)
                ck_assert_int_eq(end[k], 0x5a);
        test_memory_free(data, offset);
        return r;
}

static inline SpillStats test_stats(const SpillTest *t) {
        SpillStats stats;

        spill_stats(t->spill, &stats);
        return stats;
}
