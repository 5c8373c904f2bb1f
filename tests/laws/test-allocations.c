/* SPDX-License-Identifier: Apache-2.0 */
/* The conservation law when the system has no memory: each allocation of the library fails once, and then all from
 * one on. Whatever was asked for is refused with MARS_ERROR_MEMORY and words, or done all the same, and nothing is
 * lost: as many allocations are alive afterwards as before. The linker puts the functions below in the place of the
 * library's allocators (tests/meson.build: --wrap). */
#include <stdlib.h>
#include <unistd.h>

#include "client/client.h"

static _Atomic int64_t n_live, n_left = INT64_MAX; /* allocations: alive; that will succeed */
static bool all_fail;
static _Atomic bool failed;
static int n_lent, n_released; /* memory of ours */

static bool may(void) {
        const int64_t left = n_left--;

        if (left > 0 || (!all_fail && left < 0))
                return true;
        failed = true;
        return false;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *data, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *data);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *data, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *data);

static void *born(void *data) {
        n_live += data != NULL;
        return data;
}

void *__wrap_malloc(size_t size) {
        return may() ? born(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t n, size_t size) {
        return may() ? born(__real_calloc(n, size)) : NULL;
}

void *__wrap_aligned_alloc(size_t align, size_t size) {
        return may() ? born(__real_aligned_alloc(align, size)) : NULL;
}

char *__wrap_strdup(const char *text) {
        return may() ? born(__real_strdup(text)) : NULL;
}

void *__wrap_realloc(void *data, size_t size) {
        void *ret = may() ? __real_realloc(data, size) : NULL;

        n_live += !data && ret;
        return ret;
}

void __wrap_free(void *data) {
        n_live -= data != NULL;
        __real_free(data);
}

/* ---- Jobs ------------------------------------------------------------------------------------------------------- */

static mars_session_options options;

/* One thread: then every run of a job allocates the same, unless a disk has its own. */
static int begin(mars_session **ret, mars_error *err) {
        options.n_threads    = 1;
        options.memory_bytes = options.memory_bytes ?: 64 << 20;
        return mars_session_new(ret, NULL, &options, err);
}

static int numbers(mars_tensor **ret, mars_error *err) {
        static const double data[35] = { 3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9 };

        return mars_from_memory(ret, data, MARS_FLOAT64, 2, (const int64_t[]){ 5, 7 }, NULL, (const int64_t[]){ 1, 2 },
                                2, err);
}

/* Executes and fetches. */
static int value(mars_session *s, mars_tensor *t, mars_error *err) {
        char data[1024];
        int r = mars_execute(s, 1, &t, err);

        return r < 0 ? r : mars_fetch(s, t, data, NULL, err);
}

static int sums(mars_session *s, mars_error *err) {
        TENSOR a = NULL;
        TENSOR b = NULL;
        TENSOR c = NULL;
        int r    = numbers(&a, err);

        if (r == 0)
                r = mars_op1(&b, "multiply", 2, (mars_tensor *[]) { a, a }, NULL, 0, err);
        if (r == 0)
                r = mars_op1(&c, "var", 1, &b, NULL, 0, err);
        return r < 0 ? r : value(s, c, err);
}

static int shape_that_depends_on_data(mars_session *s, mars_error *err) {
        TENSOR a  = NULL;
        TENSOR is = NULL;
        TENSOR b  = NULL;
        TENSOR c  = NULL;
        int r     = numbers(&a, err);

        if (r == 0)
                r = mars_op1(&is, "greater", 2, (mars_tensor *[]) { a, a }, NULL, 0, err);
        if (r == 0)
                r = mars_op1(&b, "mask", 2, (mars_tensor *[]) { a, is }, NULL, 0, err);
        if (r == 0)
                r = mars_op1(&c, "unique", 1, &b, NULL, 0, err);
        if (r == 0)
                r = mars_tensor_resolve(s, c, err);
        return r < 0 ? r : value(s, c, err);
}

static int several_of_one(mars_session *s, mars_error *err) {
        static const char *const names[] = { "sort", "cumsum", "qr", "argwhere" };
        mars_tensor *all[ELEMENTSOF(names)] = {};
        TENSOR a = NULL;
        int r    = numbers(&a, err);

        for (size_t k = 0; k < ELEMENTSOF(names) && r == 0; k++)
                r = mars_op1(&all[k], names[k], 1, &a, NULL, 0, err);
        if (r == 0)
                r = mars_execute(s, ELEMENTSOF(names), all, err);
        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                mars_tensor_unref(all[k]);
        return r;
}

static void count_release(void *userdata) {
        ++*(int *) userdata;
}

static int lent(mars_session *s, mars_error *err) {
        static const double data[1000] = {};
        mars_tensor *a = NULL, *b = NULL;
        int r;

        r = mars_lend_memory(&a, data, MARS_FLOAT64, 1, (const int64_t[]) { 1000 }, (const int64_t[]) { 1, 10 }, 2,
                             count_release, &n_released, err);
        n_lent += r == 0;
        if (r < 0)
                return r;
        r = mars_op1(&b, "sum", 1, &a, NULL, 0, err);
        if (r == 0)
                r = value(s, b, err);
        mars_tensor_unref(b);
        mars_tensor_unref(a);
        return r;
}

static int pictures(mars_session *s, mars_error *err) {
        static const char *const formats[] = { "text", "dot", "svg" };
        TENSOR a = NULL;
        TENSOR b = NULL;
        int r    = numbers(&a, err);

        if (r == 0)
                r = mars_op1(&b, "mean", 1, &a, NULL, 0, err);
        for (size_t k = 0; k < ELEMENTSOF(formats) && r == 0; k++) {
                char *text = NULL;

                r = mars_explain(&text, s, 1, &b, formats[k], err);
                __real_free(text); /* the C library's, as are its streams' */
        }
        return r;
}

static int in_slices(mars_session *s, mars_error *err) {
        TENSOR a         = NULL;
        TENSOR b         = NULL;
        mars_future *f   = NULL;
        int r            = numbers(&a, err);

        if (r == 0)
                r = mars_op1(&b, "prod", 1, &a, NULL, 0, err);
        if (r == 0)
                r = mars_begin(&f, s, 1, &b, err);
        while (r == 0 && (r = mars_future_wait(f, 1000, err)) == 1)
                r = 0;
        mars_future_unref(f);
        return r;
}

static const char *file; /* what a job writes, removed by the test */

static int file_and_back(mars_session *s, mars_error *err) {
        TENSOR a     = NULL;
        TENSOR again = NULL;
        int r        = numbers(&a, err);

        if (r == 0)
                r = mars_save_npy(s, a, file, err);
        if (r == 0)
                r = mars_load_npy(&again, file, (const int64_t[]) { 1, 3 }, 2, err);
        return r < 0 ? r : value(s, again, err);
}

/* Twice the session's memory and more, written and read back. */
static int spilled_and_back(mars_session *s, mars_error *err) {
        enum { N = 1 << 16 };
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 5 },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { N }, .n = 1 },
                { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, N / 8 }, .n = 2 },
        };
        mars_tensor *in[2] = {};
        TENSOR y           = NULL;
        TENSOR sum         = NULL;
        int r              = mars_op1(&in[0], "random_uniform", 0, NULL, params, 3, err);

        if (r == 0)
                r = mars_full(&in[1], MARS_FLOAT64, 1, (const int64_t[]) { N }, 1, err);
        if (r == 0)
                r = mars_execute(s, 2, in, err);
        if (r == 0)
                r = mars_op1(&y, "add", 2, in, NULL, 0, err);
        if (r == 0)
                r = mars_op1(&sum, "sum", 1, &y, NULL, 0, err);
        for (int k = 0; k < 2; k++)
                mars_tensor_unref(in[k]);
        return r < 0 ? r : value(s, sum, err);
}

/* ---- The law ---------------------------------------------------------------------------------------------------- */

/* The job in a session of its own, with allocation n (and all that follow) failing; false when it needs fewer. */
static bool run(int (*job)(mars_session *, mars_error *), int64_t n, bool all) {
        const int64_t before = n_live;
        mars_session *s      = NULL;
        mars_error err       = {};
        int r;

        n_left   = n;
        all_fail = all;
        failed   = false;
        n_lent = n_released = 0;
        r        = begin(&s, &err);
        if (r == 0)
                r = job(s, &err);
        n_left = INT64_MAX;
        mars_session_unref(s);
        ck_assert_msg(r == 0 || r == MARS_ERROR_MEMORY, "allocation %lld: %d %s", (long long) n, r, err.text);
        ck_assert_msg(r == 0 || err.text[0], "allocation %lld: no words", (long long) n);
        ck_assert_msg(n_released == n_lent, "allocation %lld: lent %d times, released %d times", (long long) n, n_lent,
                      n_released);
        /* There may be fewer: what the C library's streams allocate is not counted, but freed here. */
        ck_assert_msg(n_live <= before, "allocation %lld: %lld are lost (%s)", (long long) n,
                      (long long) (n_live - before), err.text);
        return failed;
}

static void every_allocation_of(int (*job)(mars_session *, mars_error *)) {
        ck_assert(!run(job, INT64_MAX, false)); /* what is made once in a process is made now */
        for (int all = 0; all < 2; all++)
                for (int64_t n = 0; run(job, n, all); n++)
                        ck_assert_int_lt(n, 100000);
}

TEST(reductions_without_memory_are_refused_and_lose_nothing) {
        every_allocation_of(sums);
}

TEST(shapes_that_depend_on_data_are_refused_without_memory_and_lose_nothing) {
        every_allocation_of(shape_that_depends_on_data);
}

TEST(sorts_scans_and_factorizations_without_memory_are_refused_and_lose_nothing) {
        every_allocation_of(several_of_one);
}

TEST(lent_memory_is_released_once_whatever_fails) {
        every_allocation_of(lent);
}

TEST(work_in_slices_without_memory_is_refused_and_loses_nothing) {
        every_allocation_of(in_slices);
}

TEST(files_without_memory_are_refused_and_lose_nothing) {
        char dir[] = "/tmp/mars-test-XXXXXX", name[64];

        ck_assert_ptr_nonnull(mkdtemp(dir));
        snprintf(name, sizeof(name), "%s/a.npy", dir);
        file = name;
        every_allocation_of(file_and_back);
        unlink(name);
        ck_assert_int_eq(rmdir(dir), 0); /* no draft is left */
}

TEST(pictures_without_memory_are_refused_and_lose_nothing) {
        every_allocation_of(pictures);
}

/* Of the two tensors one can be compressed. */
TEST(chunks_on_their_way_to_disk_without_memory_stay_or_are_refused_and_nothing_is_lost) {
        char dir[] = "/var/tmp/mars-test-XXXXXX";

        ck_assert_ptr_nonnull(mkdtemp(dir));
        options = (mars_session_options) {
                .memory_bytes = 256 << 10, .disk = "2m", .spill_dir = dir, .spill_codec = "lz4"
        };
        every_allocation_of(spilled_and_back);
        ck_assert_int_eq(rmdir(dir), 0); /* nothing of any of these sessions is left */
}
