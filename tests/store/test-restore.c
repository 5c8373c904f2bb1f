/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sys/stat.h>

#include "store/hugepages.h"
#include "store/shared.h"

static void count(void *userdata, ChunkId id, size_t size_bytes) {
        (void) id, (void) size_bytes;
        ++*(uint32_t *) userdata;
}

static uint32_t n_sealed(const Store *s) {
        uint32_t n = 0;

        store_each(s, count, &n);
        return n;
}

static size_t file_bytes(int fd) {
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        return (size_t) st.st_blocks * 512;
}

TEST(store_comes_back_with_every_sealed_chunk_and_nothing_else) {
        static const size_t group[]     = { 1, 3, 64, 0, 200, 5, 5, 5, 1000, 4096, 0, 63, 65, 8 };
        ChunkId ids[ELEMENTSOF(group)], unsealed = 500;
        size_t size = 70000;
        Files files;
        Store *s = shared_new(&files, 4 * MiB);
        const char *data;
        char *scratch;

        for (uint32_t k = 0; k < ELEMENTSOF(group); k++)
                ids[k] = 100 + k;
        ck_assert_int_eq(store_reserve(s, ELEMENTSOF(group), ids, group), 0);
        for (uint32_t k = 0; k < ELEMENTSOF(group); k++) {
                fill(store_writable(s, ids[k]), group[k], ids[k]);
                store_seal(s, ids[k], group[k]);
        }
        store_drop(s, 104); /* between neighbours of one line */
        store_drop(s, 106);
        put(s, 1, MiB);
        ck_assert_int_eq(store_reserve_at(s, 2, 5000, 77), 0);
        fill(store_writable(s, 2), 5000, 2);
        store_seal(s, 2, 5000);
        ids[0] = 3;
        ck_assert_int_eq(store_reserve(s, 1, ids, &size), 0);
        fill(store_writable(s, 3), 100, 3);
        store_seal(s, 3, 100);
        ck_assert_int_eq(store_reserve(s, 1, &unsealed, &size), 0);
        ck_assert_int_eq(store_adopt(s, 501, "words", 5, NULL, NULL), 0);
        ck_assert_int_eq(store_scratch(s, 10000, &scratch), 0);
        put(s, 502, 1000);
        ck_assert_int_eq(store_pin(s, 502, &data, &size), 0);
        store_drop(s, 502); /* gone, but for who pins it */
        store_leave(s);

        for (int again = 0; again < 3; again++) {
                s = shared_again(&files, 4 * MiB);
                ck_assert_uint_eq(n_sealed(s), ELEMENTSOF(group) - 2 + 3);
                for (uint32_t k = 0; k < ELEMENTSOF(group); k++)
                        ck_assert(has(s, 100 + k, group[k]) == (k != 4 && k != 6));
                ck_assert(has(s, 1, MiB) && has(s, 2, 5000) && has(s, 3, 100));
                ck_assert(!has(s, 500, 70000) && !has(s, 501, 5) && !has(s, 502, 1000));
                ck_assert_uint_eq(stats_of(s).n_pins, 0);
                store_leave(s);
        }

        s = shared_again(&files, 4 * MiB);
        for (uint32_t k = 0; k < ELEMENTSOF(group); k++) { /* they can go one by one, and others take their room */
                if (k != 4 && k != 6)
                        store_drop(s, 100 + k);
                put(s, 1000 + k, 40);
                ck_assert(has(s, 1, MiB) && has(s, 2, 5000) && has(s, 3, 100));
                for (uint32_t other = k + 1; other < ELEMENTSOF(group); other++)
                        ck_assert(has(s, 100 + other, group[other]) == (other != 4 && other != 6));
        }
        store_leave(s);
        s = shared_again(&files, 4 * MiB);
        ck_assert_uint_eq(n_sealed(s), ELEMENTSOF(group) + 3);
        for (uint32_t k = 0; k < ELEMENTSOF(group); k++)
                store_drop(s, 1000 + k);
        for (ChunkId id = 1; id <= 3; id++)
                store_drop(s, id);
        ck_assert_uint_eq(stats_of(s).used_bytes, 0);
        store_free(s);
        s = shared_again(&files, 4 * MiB);
        ck_assert_uint_eq(n_sealed(s), 0);
        store_free(s);
        files_close(&files);
}

TEST(directory_grows_and_comes_back_whatever_the_number_of_chunks) {
        enum { N = 5000 };
        Files files;
        Store *s = shared_new(&files, 4 * MiB);
        size_t fixed;

        for (ChunkId id = 1; id <= N; id++)
                put(s, id, id % 50);
        fixed = stats_of(s).fixed_bytes;
        for (ChunkId id = 1; id <= N; id += 3)
                store_drop(s, id);
        store_leave(s);
        s = shared_again(&files, 4 * MiB);
        ck_assert_uint_eq(stats_of(s).fixed_bytes, fixed);
        for (ChunkId id = 1; id <= N; id++)
                ck_assert(has(s, id, id % 50) == (id % 3 != 1));
        for (ChunkId id = 1; id <= N; id += 3) /* slots are used again before the directory grows */
                put(s, id, id % 50);
        ck_assert_uint_eq(stats_of(s).fixed_bytes, fixed);
        put(s, N + 1, 1);
        for (ChunkId id = N + 2; id < N + 1000; id++)
                put(s, id, 1);
        ck_assert_uint_gt(stats_of(s).fixed_bytes, fixed);
        store_leave(s);
        s = shared_again(&files, 4 * MiB);
        ck_assert_uint_eq(n_sealed(s), N + 999);
        store_free(s);
        files_close(&files);
}

TEST(resident_memory_is_known_again_after_a_return) {
        Files files;
        Store *s = shared_new(&files, 16 * MiB);
        size_t resident;

        put(s, 1, 6 * MiB);
        put(s, 2, 2 * MiB);
        put(s, 3, 3 * MiB);
        store_drop(s, 1);
        ck_assert_uint_eq(file_bytes(files.fd[0]), stats_of(s).arena_bytes);
        store_leave(s);
        s        = shared_again(&files, 16 * MiB);
        resident = stats_of(s).arena_bytes;
        ck_assert_uint_le(resident, 6 * MiB);
        ck_assert_uint_eq(file_bytes(files.fd[0]), resident);
        put(s, 4, 10 * MiB - 128 * KiB);
        ck_assert_uint_le(stats_of(s).arena_bytes, 16 * MiB);
        ck_assert_uint_eq(file_bytes(files.fd[0]), stats_of(s).arena_bytes);
        ck_assert(has(s, 2, 2 * MiB) && has(s, 3, 3 * MiB) && has(s, 4, 10 * MiB - 128 * KiB));
        store_free(s);
        files_close(&files);
}

TEST(return_is_refused_with_words_and_changes_nothing) {
        Files files, none = {};
        Store *s           = shared_new(&files, 4 * MiB), *again = NULL;
        StoreConfig config = shared_config(&files, 4 * MiB);
        Error err          = {};
        int reader;
        char path[64];

        put(s, 1, 2 * MiB);
        store_leave(s);
        config.owner = 1;
        ck_assert_int_eq(store_restore(&again, &config, files.fd, 1, &err), ERROR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(err.text, "of session"));
        config             = shared_config(&files, 4 * MiB);
        config.cache_bytes = MiB;
        ck_assert_int_eq(store_restore(&again, &config, files.fd, 1, &err), ERROR_MEMORY);
        ck_assert_msg(strstr(err.text, "2.07 MiB") && strstr(err.text, "1.00 MiB"), "%s", err.text);
        config = shared_config(&files, 4 * MiB);
        ck_assert_int_eq(store_restore(&again, &config, none.fd, 0, &err), ERROR_CORRUPT);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", files.fd[0]);
        reader = open(path, O_RDONLY);
        ck_assert_int_eq(store_restore(&again, &config, &reader, 1, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "can be written"));
        s = shared_again(&files, 4 * MiB);
        ck_assert(has(s, 1, 2 * MiB));
        store_free(s);
        files_close(&files);
}

static int keep_one(void *userdata, int fd) {
        static uint32_t n_refused;

        return ((Files *) userdata)->n == 1 && n_refused++ == 0 ? -EIO : files_keep(userdata, fd);
}

TEST(two_kinds_of_pages_are_two_files_that_come_back_in_any_order) {
        HugePages pages;
        const struct HugePool *pool;
        size_t cache;
        Files files        = {}, swapped;
        StoreConfig config = shared_config(&files, 0);
        uint32_t n = 0, n_refused = 0;
        Error err = {};
        Store *s;

        hugepages_read(&pages, "");
        pool = hugepages_pool(&pages, 2 * MiB, 0);
        if (!pool || pool->n_free < 8 || pool->n_free > 128) {
                printf("# a pool of 8 to 128 reserved huge pages is not there: what is refused without one\n");
                config.pages       = STORE_PAGES_ON;
                config.cache_bytes = pool ? (pool->n_free + 1) * 2 * MiB : 2 * MiB;
                ck_assert_int_eq(store_new(&s, &config, &err), ERROR_MEMORY);
                ck_assert_ptr_nonnull(strstr(err.text, "vm.nr_hugepages"));
                return;
        }
        cache              = pool->n_free * 2 * MiB + 32 * MiB;
        config.cache_bytes = cache;
        config.pages       = STORE_PAGES_TRY;
        config.page_bytes  = 2 * MiB; /* however small the pool is */
        config.keep        = keep_one;
        ck_assert_msg(store_new(&s, &config, &err) == 0, "%s", err.text);
        while (stats_of(s).used_bytes + 3 * MiB < cache) {
                ChunkId id  = n + 1;
                size_t size = MiB;
                int r       = store_reserve(s, 1, &id, &size);

                n_refused += r == -EIO; /* a file that nobody keeps gets no chunk; the next one is tried */
                if (r == -EIO)
                        continue;
                ck_assert_int_eq(r, 0);
                store_drop(s, id);
                put(s, ++n, MiB);
        }
        ck_assert_uint_eq(n_refused, 1);
        ck_assert_uint_eq(files.n, 2);
        ck_assert_uint_gt(stats_of(s).rung_bytes[STORE_HUGETLB], 8 * MiB);
        ck_assert_uint_gt(stats_of(s).rung_bytes[STORE_PLAIN], 8 * MiB);
        ck_assert_uint_le(stats_of(s).arena_bytes, cache);
        for (ChunkId id = 1; id <= n; id += 4)
                store_drop(s, id);
        store_leave(s);

        swapped = (Files) { .fd = { files.fd[1], files.fd[0] }, .n = 2 };
        s       = NULL;
        ck_assert_msg(store_restore(&s, &config, swapped.fd, 2, &err) == 0, "%s", err.text);
        for (ChunkId id = 1; id <= n; id++)
                ck_assert(has(s, id, MiB) == (id % 4 != 1));
        put(s, 1000, MiB);
        ck_assert(has(s, 1000, MiB));
        ck_assert_uint_le(stats_of(s).arena_bytes, cache);
        store_leave(s);
        ck_assert_int_eq(store_restore(&s, &config, files.fd, 1, &err), ERROR_CORRUPT); /* one file is missing */
        ck_assert_ptr_nonnull(strstr(err.text, "not there"));
        files_close(&files);
}
