/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared stores for tests: the files that keep() was told about, and chunks whose bytes follow from a number. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

#include "harness.h"

enum { OWNER = 0x5e55 };

typedef struct Files {
        int fd[STORE_MAX_FILES];
        uint32_t n;
} Files;

static inline int files_keep(void *userdata, int fd) {
        Files *files = userdata;

        ck_assert_uint_lt(files->n, STORE_MAX_FILES);
        files->fd[files->n] = dup(fd);
        ck_assert_int_ge(files->fd[files->n], 0);
        files->n++;
        return 0;
}

static inline void files_close(Files *files) {
        while (files->n > 0)
                close(files->fd[--files->n]);
}

static inline StoreConfig shared_config(Files *files, size_t cache_bytes) {
        return (StoreConfig) {
                .cache_bytes = cache_bytes,
                .pages       = STORE_PAGES_OFF,
                .shared      = true,
                .owner       = OWNER,
                .keep        = files_keep,
                .userdata    = files,
        };
}

static inline Store *shared_new(Files *files, size_t cache_bytes) {
        StoreConfig config = shared_config(files, cache_bytes);
        Error err          = {};
        Store *s           = NULL;

        *files = (Files) {};
        ck_assert_msg(store_new(&s, &config, &err) == 0, "%s", err.text);
        return s;
}

static inline Store *shared_again(Files *files, size_t cache_bytes) {
        StoreConfig config = shared_config(files, cache_bytes);
        Error err          = {};
        Store *s           = NULL;

        ck_assert_msg(store_restore(&s, &config, files->fd, files->n, &err) == 0, "%s", err.text);
        return s;
}

/* Bytes that differ at every offset and for every seed. */
static inline void fill(char *data, size_t size_bytes, uint64_t seed) {
        uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

        for (size_t k = 0; k < size_bytes; k++) {
                x       = x * 6364136223846793005u + 1442695040888963407u;
                data[k] = (char) (x >> 56);
        }
}

static inline bool is_filled(const char *data, size_t size_bytes, uint64_t seed) {
        uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;

        for (size_t k = 0; k < size_bytes; k++) {
                x = x * 6364136223846793005u + 1442695040888963407u;
                if (data[k] != (char) (x >> 56))
                        return false;
        }
        return true;
}

static inline void put(Store *s, ChunkId id, size_t size_bytes) {
        ck_assert_int_eq(store_reserve(s, 1, &id, &size_bytes), 0);
        fill(store_writable(s, id), size_bytes, id);
        store_seal(s, id, size_bytes);
}

static inline bool has(Store *s, ChunkId id, size_t size_bytes) {
        const char *data;
        size_t actual;
        bool same;

        if (store_pin(s, id, &data, &actual) != 0)
                return false;
        same = actual == size_bytes && is_filled(data, actual, id);
        store_unpin(s, id);
        return same;
}

static inline StoreStats stats_of(const Store *s) {
        StoreStats stats;

        store_stats(s, &stats);
        return stats;
}
