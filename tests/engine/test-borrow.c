/* SPDX-License-Identifier: Apache-2.0 */
/* Chunks that are read in another store's memory file: what is believed of it, and what becomes of them. */
#include <fcntl.h>
#include <sys/mman.h>

#include "engine/borrow.h"

#include "store/shared.h"

enum { ONE = 1, TWO = 2, BYTES = 300000 };

/* A store with two chunks, the second of which begins in the last page of the first. */
typedef struct Holder {
        Files files;
        Store *store;
        int fd;
        uint64_t offset[2];
        size_t size[2];
} Holder;

static void holder_begin(Holder *h) {
        const ChunkId ids[]  = { ONE, TWO };
        const size_t sizes[] = { BYTES, BYTES };

        h->store = shared_new(&h->files, 8 * MiB);
        ck_assert_int_eq(store_reserve(h->store, 2, ids, sizes), 0);
        for (int k = 0; k < 2; k++) {
                memset(store_writable(h->store, ids[k]), 'a' + k, BYTES);
                store_seal(h->store, ids[k], BYTES);
                ck_assert_int_eq(store_file(h->store, ids[k], &h->fd, &h->offset[k], &h->size[k]), 0);
        }
}

static void holder_end(Holder *h) {
        store_free(h->store);
        files_close(&h->files);
}

static Wire_at at(const Holder *h, int k, uint32_t file) {
        return (Wire_at) { .chunk      = k == 0 ? ONE : TWO,
                           .file       = file,
                           .offset     = h->offset[k],
                           .size_bytes = h->size[k] };
}

static void borrow_both(Lender *lender, const Holder *h, Borrowed **one, Borrowed **two) {
        const Wire_at first = at(h, 0, 0), second = at(h, 1, 0);
        Error err           = {};

        ck_assert_msg(borrow(lender, &first, h->fd, one, &err) == 0, "%s", err.text);
        ck_assert_msg(borrow(lender, &second, -1, two, &err) == 0, "%s", err.text);
}

static bool all_are(const Borrowed *b, char c) {
        for (size_t k = 0; k < b->size_bytes; k++)
                if (b->data[k] != c)
                        return false;
        return b->size_bytes == BYTES;
}

TEST(borrowed_chunks_are_read_where_they_lie) {
        Lender lender = {};
        Holder h      = {};
        Borrowed *one, *two;

        holder_begin(&h);
        borrow_both(&lender, &h, &one, &two);
        ck_assert(all_are(one, 'a') && all_are(two, 'b'));
        ck_assert_ptr_eq(one->data + (h.offset[1] - h.offset[0]), two->data); /* the file was mapped once */
        borrowed_free(two);
        borrowed_free(one);
        ck_assert_ptr_null(lender.first);
        lender_leave(&lender, true);
        holder_end(&h);
}

TEST(what_is_read_when_the_lender_goes_stays_as_it_is_at_its_address) {
        Lender lender = {};
        Holder h      = {};
        Borrowed *one, *two;
        const char *data;

        holder_begin(&h);
        borrow_both(&lender, &h, &one, &two);
        data = two->data;
        lender_leave(&lender, true);
        ck_assert(!one->lender && !two->lender);
        store_drop(h.store, ONE);
        store_drop(h.store, TWO);
        put(h.store, 3, 6 * MiB); /* writes where they lay */
        ck_assert(all_are(one, 'a') && all_are(two, 'b'));
        ck_assert_ptr_eq(two->data, data);
        borrowed_free(one);
        ck_assert(all_are(two, 'b'));
        borrowed_free(two);
        holder_end(&h);
}

/* The error of an AT that cannot be true. */
static int refused(const Wire_at *m, int fd) {
        Lender lender = {};
        Borrowed *b   = NULL;
        Error err     = {};
        int r         = borrow(&lender, m, fd, &b, &err);

        ck_assert_ptr_null(b);
        ck_assert_str_ne(err.text, "");
        lender_leave(&lender, false);
        return r;
}

TEST(a_place_outside_of_the_file_is_refused) {
        Holder h  = {};
        Wire_at m = {};

        holder_begin(&h);
        m        = at(&h, 0, 0);
        m.offset = UINT64_MAX;
        ck_assert_int_eq(refused(&m, h.fd), ERROR_CORRUPT);
        m.offset = 16 * MiB - 100;
        ck_assert_int_eq(refused(&m, h.fd), ERROR_CORRUPT);
        m.offset     = 0;
        m.size_bytes = UINT64_MAX;
        ck_assert_int_eq(refused(&m, h.fd), ERROR_CORRUPT);
        holder_end(&h);
}

TEST(a_file_that_did_not_come_or_came_twice_is_refused) {
        Lender lender = {};
        Holder h      = {};
        Wire_at m     = {};
        Error err     = {};
        Borrowed *one, *two = NULL;

        holder_begin(&h);
        m = at(&h, 0, 0);
        ck_assert_int_eq(refused(&m, -1), ERROR_CORRUPT);
        m.file = 1;
        ck_assert_int_eq(refused(&m, h.fd), ERROR_CORRUPT);
        m.file = STORE_MAX_FILES;
        ck_assert_int_eq(refused(&m, h.fd), ERROR_CORRUPT);
        m.file = 0;
        ck_assert_int_eq(borrow(&lender, &m, h.fd, &one, &err), 0);
        ck_assert_int_eq(borrow(&lender, &m, h.fd, &two, &err), ERROR_CORRUPT);
        borrowed_free(one);
        lender_leave(&lender, false);
        holder_end(&h);
}

TEST(what_could_be_cut_under_a_reader_is_never_mapped) {
        const Wire_at m = { .chunk = ONE, .size_bytes = 10 };
        char name[]     = "/tmp/mars-test-XXXXXX";
        int open_fd     = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), file_fd = mkstemp(name), pipe_fd[2];
        int empty_fd    = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

        ck_assert_int_eq(ftruncate(open_fd, MiB), 0);
        ck_assert_int_eq(ftruncate(file_fd, MiB), 0);
        ck_assert_int_eq(pipe(pipe_fd), 0);
        ck_assert_int_eq(fcntl(empty_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
        ck_assert_int_eq(refused(&m, open_fd), ERROR_VALUE);
        ck_assert_int_eq(refused(&m, file_fd), ERROR_VALUE);
        ck_assert_int_eq(refused(&m, pipe_fd[0]), ERROR_VALUE);
        ck_assert_int_eq(refused(&m, empty_fd), ERROR_VALUE);
        ck_assert_int_eq(fcntl(open_fd, F_ADD_SEALS, F_SEAL_GROW), 0);
        ck_assert_int_eq(refused(&m, open_fd), ERROR_VALUE);
        unlink(name);
        close(open_fd);
        close(file_fd);
        close(empty_fd);
        close(pipe_fd[0]);
        close(pipe_fd[1]);
}
