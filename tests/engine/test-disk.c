/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose results are larger than their memory, and what may go wrong with the disk meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "io/mounts.h"

enum { ROWS = 4096, COLUMNS = 1024, SIZE = ROWS * COLUMNS }; /* 32 MiB */

static char directory[64];

static void directory_new(void) {
        strcpy(directory, "/var/tmp/test-disk-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
}

/* Nothing is left in the directory. */
static void directory_end(void) {
        ck_assert_msg(rmdir(directory) == 0, "%s is not empty", directory);
}

static mars_session *small_session(const char *disk) {
        mars_session *s = NULL;

        must(mars_session_new(&s, NULL,
                              &(mars_session_options) {
                                      .n_threads = 2, .memory_bytes = 8 << 20, .disk = disk, .spill_dir = directory },
                              &err));
        return s;
}

static mars_tensor *numbers(int64_t columns_a_chunk) {
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 5 },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { ROWS, COLUMNS }, .n = 2 },
                { .name = "chunk_size",
                  .kind = MARS_PARAM_DIMS,
                  .dims = (const int64_t[]) { 1, 64, 1, columns_a_chunk },
                  .n    = 4 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "random_uniform", 0, NULL, params, 3, &err));
        return t;
}

/* Half of numbers(): it fits where they do not. */
static mars_tensor *fewer_numbers(void) {
        const mars_param params[] = {
                { .name = "seed", .kind = MARS_PARAM_I64, .i64 = 6 },
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { ROWS / 2, COLUMNS }, .n = 2 },
                { .name = "chunk_size",
                  .kind = MARS_PARAM_DIMS,
                  .dims = (const int64_t[]) { 1, 64, 1, COLUMNS },
                  .n    = 4 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "random_uniform", 0, NULL, params, 3, &err));
        return t;
}

static double *values_with_enough_memory(mars_tensor *t) {
        SESSION s = NULL;

        must(mars_session_new(&s, NULL, &(mars_session_options) { .n_threads = 2, .memory_bytes = 512 << 20 }, &err));
        must(mars_execute(s, 1, &t, &err));
        return values_of(s, t, SIZE);
}

TEST(result_larger_than_memory_is_fetched_and_saved) {
        for (int64_t columns = 128; columns <= COLUMNS; columns *= 8) {
                TENSOR x = numbers(columns);
                TENSOR y = op2("multiply", x, x);
                TENSOR back               = NULL;
                _cleanup_(freep) double *expected = values_with_enough_memory(y), *got = NULL, *saved = NULL;
                mars_session_stats stats;
                const void *view;
                char path[128];
                mars_map *map;

                directory_new();
                {
                        SESSION s = small_session(NULL);

                        must(mars_execute(s, 1, &y, &err));
                        must(mars_session_stat(s, &stats, &err));
                        ck_assert_uint_gt(stats.away_bytes, SIZE * sizeof(double) / 2);
                        got = values_of(s, y, SIZE);
                        ck_assert_bytes_eq(got, expected, SIZE * sizeof(double));
                        must(mars_map_new(&map, s, y, &view, &err));
                        ck_assert_ptr_null(map); /* it does not lie in one piece: that is no error */
                        snprintf(path, sizeof(path), "%s.npy", directory);
                        must(mars_save_npy(s, y, path, &err));
                }
                directory_end();
                {
                        SESSION s = session(2);

                        must(mars_load_npy(&back, path, NULL, 0, &err));
                        must(mars_execute(s, 1, &back, &err));
                        saved = values_of(s, back, SIZE);
                        ck_assert_bytes_eq(saved, expected, SIZE * sizeof(double));
                }
                unlink(path);
        }
}

typedef struct Reader {
        mars_session *s;
        mars_tensor *t;
        const double *expected;
} Reader;

static void *read_all(void *userdata) {
        Reader *r = userdata;

        for (int k = 0; k < 3; k++) {
                _cleanup_(freep) double *got = values_of(r->s, r->t, SIZE);

                ck_assert_bytes_eq(got, r->expected, SIZE * sizeof(double));
        }
        return NULL;
}

TEST(threads_fetch_what_is_larger_than_memory_while_others_compute) {
        TENSOR x = numbers(COLUMNS);
        TENSOR y = op2("add", x, x);
        _cleanup_(freep) double *x_values = values_with_enough_memory(x), *y_values = values_with_enough_memory(y);
        pthread_t thread[3];

        directory_new();
        {
                SESSION s = small_session(NULL);
                mars_tensor *both[] = { x, y };
                Reader reader[3];

                must(mars_execute(s, 2, both, &err));
                for (int k = 0; k < 3; k++) {
                        reader[k] = (Reader) { s, k % 2 ? x : y, k % 2 ? x_values : y_values };
                        ck_assert_int_eq(pthread_create(&thread[k], NULL, read_all, &reader[k]), 0);
                }
                for (int k = 0; k < 4; k++) {
                        TENSOR z   = op2("subtract", y, x);
                        TENSOR sum = op1("sum", z);

                        must(mars_execute(s, 1, &sum, &err));
                }
                for (int k = 0; k < 3; k++)
                        ck_assert_int_eq(pthread_join(thread[k], NULL), 0);
        }
        directory_end();
}

TEST(cancelled_while_it_spills_the_session_lives_on) {
        directory_new();
        for (int wait = 0; wait < 12; wait++) {
                SESSION s = small_session(NULL);
                TENSOR x = numbers(COLUMNS);
                TENSOR y = op2("add", x, x);
                TENSOR small = full(1, 30, 30);
                FUTURE f     = NULL;

                must(mars_submit(&f, s, 1, &y, &err));
                usleep((useconds_t) (wait * 4000)); /* any moment is right */
                mars_future_cancel(f);
                mars_future_wait(f, UINT64_MAX, NULL);
                must(mars_execute(s, 1, &small, &err));
        }
        directory_end();
}

TEST(session_is_closed_while_it_spills) {
        for (int wait = 0; wait < 12; wait++) {
                TENSOR x = numbers(COLUMNS);
                TENSOR y = op2("add", x, x);
                FUTURE f = NULL;

                directory_new();
                {
                        SESSION s = small_session(NULL);

                        must(mars_submit(&f, s, 1, &y, &err));
                        usleep((useconds_t) (wait * 4000)); /* any moment is right */
                        mars_session_close(s);
                        if (!mars_future_done(f))
                                must_fail(MARS_ERROR_CLOSED, "", mars_future_wait(f, UINT64_MAX, &err));
                }
                directory_end();
        }
}

TEST(full_disk_is_an_error_with_words_and_the_session_lives_on) {
        directory_new();
        {
                SESSION s = small_session("4m");
                TENSOR x  = numbers(COLUMNS);
                TENSOR total = op1("sum", x);
                TENSOR small = full(1, 30, 30);
                TENSOR kept  = full(1, 1000, 1000); /* 8 MB of 12 MiB */
                TENSOR more  = full(2, 1000, 1000);

                must(mars_execute(s, 1, &kept, &err));
                must_fail(MARS_ERROR_SPILL_FULL, "nothing more can be written", mars_execute(s, 1, &more, &err));
                must(mars_execute(s, 1, &small, &err));
                must(mars_execute(s, 1, &total, &err)); /* it needs no room */
        }
        {
                SESSION s   = small_session("0");
                TENSOR kept = full(1, 800, 1000);
                TENSOR more = full(2, 800, 1000);

                must(mars_execute(s, 1, &kept, &err));
                must_fail(MARS_ERROR_MEMORY, "more memory", mars_execute(s, 1, &more, &err));
        }
        directory_end();
}

TEST(results_that_no_disk_will_ever_have_room_for_are_refused_at_once) {
        mars_session_stats stats;

        directory_new();
        {
                SESSION s           = small_session("4m");
                TENSOR x            = numbers(COLUMNS);
                TENSOR half         = fewer_numbers();
                mars_tensor *both[] = { half, half };

                must_fail(MARS_ERROR_SPILL_FULL, "the results have 32.0 MiB, and memory and disks have room for 12.0",
                          mars_execute(s, 1, &x, &err));
                must_fail(MARS_ERROR_SPILL_FULL, "the results have 16.0 MiB", mars_execute(s, 2, both, &err));
                must(mars_session_stat(s, &stats, &err));
                ck_assert_uint_eq(stats.tasks_done, 0);
        }
        directory_end();
}

/* ---- Disks that fail in earnest --------------------------------------------------------------------------------- */

/* A session whose disk has just refused it what it wanted computes what needs no room there. */
static void computes(mars_session *s, mars_tensor *x) {
        TENSOR here = op1("sum", x);
        TENSOR there = op1("sum", x);
        SESSION enough = NULL;

        must(mars_session_new(&enough, NULL, &(mars_session_options) { .n_threads = 2, .memory_bytes = 512 << 20 },
                              &err));
        must(mars_execute(s, 1, &here, &err));
        must(mars_execute(enough, 1, &there, &err));
        ck_assert(value_of(s, here) == value_of(enough, there));
}

/* Larger than memory and not than the disk. */
static void spills(mars_session *s) {
        TENSOR y = fewer_numbers();
        TENSOR again = fewer_numbers();
        _cleanup_(freep) double *expected = NULL, *got = NULL;
        mars_session_stats stats;
        SESSION enough = NULL;

        must(mars_session_new(&enough, NULL, &(mars_session_options) { .n_threads = 2, .memory_bytes = 512 << 20 },
                              &err));
        must(mars_execute(enough, 1, &again, &err));
        expected = values_of(enough, again, SIZE / 2);
        must(mars_execute(s, 1, &y, &err));
        must(mars_session_stat(s, &stats, &err));
        ck_assert_uint_gt(stats.away_bytes, 4 << 20);
        got = values_of(s, y, SIZE / 2);
        ck_assert_bytes_eq(got, expected, SIZE / 2 * sizeof(*got));
}

TEST(spill_file_that_may_not_grow_is_an_error_with_words_and_the_session_lives_on) {
        const struct rlimit small = { .rlim_cur = 12 << 20, .rlim_max = RLIM_INFINITY };
        const struct rlimit large = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };

        directory_new();
        {
                SESSION s = small_session(NULL);
                TENSOR x  = numbers(COLUMNS);

                ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
                must_fail(MARS_ERROR_SPILL_FULL, "no disk has room", mars_execute(s, 1, &x, &err));
                computes(s, x);
                spills(s);
                ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &large), 0);
                must(mars_execute(s, 1, &x, &err));
        }
        directory_end();
}

TEST(disk_that_is_full_is_an_error_with_words_and_the_session_lives_on) {
        directory_new();
        if (!mounts_tmpfs(directory, "size=16m")) {
                directory_end();
                return;
        }
        {
                SESSION s = small_session(NULL);
                TENSOR half = fewer_numbers();

                for (int k = 0; k < 2; k++) {
                        {
                                TENSOR kept = op2("multiply", half, half);
                                TENSOR more = op2("add", half, half);

                                must(mars_execute(s, 1, &kept, &err));
                                must_fail(MARS_ERROR_SPILL_FULL, "no disk has room", mars_execute(s, 1, &more, &err));
                                computes(s, more);
                        }
                        spills(s);
                }
        }
        mounts_end(directory);
        directory_end();
}

/* A row of numbers(), computed. */
static mars_tensor *row_of(mars_tensor *x, int64_t row) {
        const mars_param params[] = {
                { .name = "start", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { row, 0 }, .n = 2 },
                { .name = "stop", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { row + 1, COLUMNS }, .n = 2 },
                { .name = "step", .kind = MARS_PARAM_DIMS, .dims = (const int64_t[]) { 1, 1 }, .n = 2 },
        };
        mars_tensor *t = NULL;

        must(mars_op1(&t, "slice", 1, &x, params, 3, &err));
        return t;
}

/* Every chunk is what it was, or is refused with the directory's name: how many are. */
static uint32_t lost_chunks(mars_session *s, mars_tensor *x, const double *expected, const char *dir) {
        uint32_t n = 0;

        for (int64_t row = 0; row < ROWS; row += 64) {
                TENSOR part                  = row_of(x, row);
                _cleanup_(freep) double *got = NULL;
                mars_error err               = {};
                int r                        = mars_execute(s, 1, &part, &err);

                if (r < 0) {
                        ck_assert_msg(r == -EIO || r == MARS_ERROR_CORRUPT, "%d %s", r, err.text);
                        ck_assert_msg(strstr(err.text, dir), "%s", err.text);
                        n++;
                        continue;
                }
                got = values_of(s, part, COLUMNS);
                ck_assert_bytes_eq(got, expected + row * COLUMNS, COLUMNS * sizeof(*got));
        }
        return n;
}

TEST(disk_that_loses_its_blocks_is_an_error_with_words_and_the_session_lives_on_with_another) {
        char image[80], both[160], other[80];

        directory_new();
        snprintf(image, sizeof(image), "%s.image", directory);
        snprintf(other, sizeof(other), "%s.other", directory);
        if (!mounts_image(directory, image, 64)) {
                directory_end();
                return;
        }
        ck_assert_int_eq(mkdir(other, 0700), 0);
        snprintf(both, sizeof(both), "%s:%s", directory, other);
        {
                SESSION s = NULL;
                TENSOR x = numbers(COLUMNS);
                TENSOR twin = numbers(COLUMNS);
                _cleanup_(freep) double *expected = values_with_enough_memory(twin);
                uint32_t n_lost;

                must(mars_session_new(
                        &s, NULL,
                        &(mars_session_options) { .n_threads = 2, .memory_bytes = 8 << 20, .spill_dir = both }, &err));
                must(mars_execute(s, 1, &x, &err));
                sync();
                ck_assert_int_eq(truncate(image, 4 << 20), 0);
                n_lost = lost_chunks(s, x, expected, directory);
                ck_assert_uint_gt(n_lost, 0);
                ck_assert_uint_lt(n_lost, ROWS / 64);
                computes(s, twin);
                spills(s);
        }
        mounts_end(directory);
        ck_assert_int_eq(unlink(image), 0);
        ck_assert_int_eq(rmdir(other), 0);
        directory_end();
}

TEST(what_a_view_holds_stays_and_the_rest_makes_room) {
        directory_new();
        {
                SESSION s    = small_session(NULL);
                TENSOR held  = full(7, 256, COLUMNS); /* 2 MiB */
                TENSOR x     = numbers(COLUMNS);
                mars_map *map = NULL;
                const void *view;

                must(mars_execute(s, 1, &held, &err));
                must(mars_map_new(&map, s, held, &view, &err));
                ck_assert_ptr_nonnull(map);
                must(mars_execute(s, 1, &x, &err));
                for (int k = 0; k < 256 * COLUMNS; k++)
                        ck_assert(((const double *) view)[k] == 7);
                mars_session_close(s);
                ck_assert(((const double *) view)[256 * COLUMNS - 1] == 7);
                mars_map_free(map);
        }
        directory_end();
}

/* Spills until it is killed; says when it has begun: from then on there is a file. */
static void spill_for_ever(int begun) {
        mars_session *s = small_session(NULL);

        for (;;) {
                TENSOR x = numbers(COLUMNS);

                must(mars_execute(s, 1, &x, &err));
                if (write(begun, "", 1) != 1)
                        _exit(1);
        }
}

static void next_start(int begun) {
        (void) begun;
        {
                SESSION s = small_session(NULL);
                TENSOR x  = numbers(COLUMNS);

                must(mars_execute(s, 1, &x, &err));
        }
        _exit(0);
}

/* Sessions run in processes of their own: this one has no thread, whose lock a child could keep for ever. */
static pid_t start(void (*run)(int begun), int begun) {
        const pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
                run(begun);
        return child;
}

TEST(what_a_session_that_was_killed_while_it_spilled_has_left_goes_with_the_next_start) {
        enum { ROUNDS = 12 };
        uint32_t n_left = 0;

        directory_new();
        for (int round = 0; round < ROUNDS; round++) {
                int begun[2];
                pid_t child;
                int status;
                char byte;

                ck_assert_int_eq(pipe(begun), 0);
                child = start(spill_for_ever, begun[1]);
                close(begun[1]);
                ck_assert_int_eq(read(begun[0], &byte, 1), 1);
                usleep((useconds_t) (round * 4000)); /* any moment is right */
                kill(child, SIGKILL);
                ck_assert_int_eq(waitpid(child, NULL, 0), child);
                close(begun[0]);
                if (rmdir(directory) == 0)
                        ck_assert_int_eq(mkdir(directory, 0700), 0);
                else
                        n_left++;
                child = start(next_start, -1);
                ck_assert_int_eq(waitpid(child, &status, 0), child);
                ck_assert_int_eq(status, 0);
                directory_end();
                ck_assert_int_eq(mkdir(directory, 0700), 0);
        }
        directory_end();
        ck_assert_uint_gt(n_left, ROUNDS / 2);
}

TEST(spill_directory_that_is_not_there_is_said_when_the_session_is_made) {
        mars_session *s = NULL;

        must_fail(-ENOENT, "spill_dir",
                  mars_session_new(&s, NULL, &(mars_session_options) { .spill_dir = "/nowhere/at/all" }, &err));
        must_fail(MARS_ERROR_VALUE, "cache_mem",
                  mars_session_new(&s, NULL, &(mars_session_options) { .cache_mem = "many" }, &err));
}
