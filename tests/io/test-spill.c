/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "io/spill-header.h"
#include "io/spill-state.h"

#include "disks.h"
#include "faults.h"
#include "mounts.h"

static const RingBackend backends[] = { RING_AUTO, RING_SYNC };

TEST(a_chunk_returns_with_the_same_bytes_and_nothing_around_it_is_touched) {
        static const size_t sizes[]     = { 0, 1, 64, 4032, 4096, 4097, 8191, 8192, 100000, 1 << 20, (16 << 20) - 64,
                                            (16 << 20) + 64, (33 << 20) + 8 };
        static const uint32_t offsets[] = { 0, 64, 4032 };

        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                uint64_t id = 0;
                SpillTest t;

                test_dir(&t);
                test_open(&t, .ring = { .backend = backends[b] });
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++)
                        for (size_t j = 0; j < ELEMENTSOF(offsets); j++, id++) {
                                ck_assert_int_eq(test_write(&t, id, sizes[k], offsets[j]), 0);
                                ck_assert_uint_eq(spill_offset(t.spill, id), offsets[j]);
                                ck_assert_int_eq(test_read(&t, id, sizes[k]), 0);
                                if (id % 3 == 0)
                                        spill_drop(t.spill, id);
                        }
                for (uint64_t k = 0; k < id; k++)
                        if (k % 3 != 0)
                                ck_assert_int_eq(test_read(&t, k, sizes[k / ELEMENTSOF(offsets)]), 0);
                ck_assert_uint_eq(test_stats(&t).n_chunks, id - (id + 2) / 3);
                ck_assert_uint_eq(test_stats(&t).n_busy, 0);
                test_close(&t);
        }
}

TEST(a_session_that_never_spills_touches_no_disk) {
        SpillTest t;

        test_dir(&t);
        test_open(&t, .limit_bytes = MiB);
        spill_drop(t.spill, 7);
        ck_assert_uint_eq(test_entries(t.dir), 0);
        test_close(&t);
}

TEST(what_a_dead_owner_left_goes_at_the_next_start) {
        char dead[300], file[400];
        SpillTest t;

        test_dir(&t);
        snprintf(dead, sizeof(dead), "%s/mars-spill-0000000000000001-00000001", t.dir);
        snprintf(file, sizeof(file), "%s/extents", dead);
        ck_assert_int_eq(mkdir(dead, 0700), 0);
        ck_assert_int_eq(close(open(file, O_CREAT | O_WRONLY, 0600)), 0);
        test_open(&t);
        ck_assert_int_eq(test_write(&t, 1, 1000, 0), 0); /* after the disk thread has begun */
        ck_assert_uint_eq(test_entries(t.dir), 1);
        test_close(&t);
}

TEST(many_chunks_are_on_their_way_at_a_time_on_several_disks) {
        enum { N = 200, BYTES = 50000 };

        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                char *data[N], dirs[300], *again[N];
                SpillTest t;

                test_dir(&t);
                snprintf(dirs, sizeof(dirs), "%s/a:%s/b:%s/c", t.dir, t.dir, t.dir);
                for (const char *name = "abc"; *name; name++) {
                        char path[128];

                        snprintf(path, sizeof(path), "%s/%c", t.dir, *name);
                        ck_assert_int_eq(mkdir(path, 0700), 0);
                }
                test_open(&t, .dirs = dirs, .ring = { .backend = backends[b] });
                for (uint64_t k = 0; k < N; k++) {
                        data[k]  = test_memory(BYTES + k, k % 64 * 64);
                        again[k] = test_memory(BYTES + k, k % 64 * 64);
                        test_fill(data[k], k, BYTES + k);
                        ck_assert_int_eq(spill_write(t.spill, k, data[k], BYTES + k), 0);
                }
                for (uint64_t k = 0; k < N; k++)
                        ck_assert_int_eq(test_wait(&t, k, 1), 0);
                ck_assert_uint_eq(test_stats(&t).n_chunks, N);
                ck_assert_uint_eq(test_stats(&t).stored_bytes, test_stats(&t).promised_bytes);
                for (uint64_t k = 0; k < N; k++)
                        ck_assert_int_eq(spill_read(t.spill, k, again[k]), 0);
                for (uint64_t k = 0; k < N; k += 2)
                        spill_drop(t.spill, k); /* also while it is read */
                for (uint64_t k = 0; k < N; k++) {
                        ck_assert_int_eq(test_wait(&t, k, 2), 0);
                        ck_assert_bytes_eq(data[k], again[k], BYTES + k);
                }
                for (const char *name = "abc"; *name; name++) {
                        char path[128];

                        snprintf(path, sizeof(path), "%s/%c", t.dir, *name);
                        ck_assert_uint_eq(test_entries(path), 1);
                }
                for (uint64_t k = 0; k < N; k++) {
                        test_memory_free(data[k], k % 64 * 64);
                        test_memory_free(again[k], k % 64 * 64);
                }
                t.spill = spill_free(t.spill);
                test_remove(&t);
        }
}

TEST(the_limit_holds_however_the_files_are_fragmented) {
        enum { N = 64, LIMIT = 2 << 20 };
        uint64_t random = 1;
        uint32_t n_full = 0;
        size_t size[N]  = {};
        SpillTest t;

        test_dir(&t);
        test_open(&t, .limit_bytes = LIMIT);
        for (int step = 0; step < 1500; step++) {
                SpillStats stats;
                uint64_t id;
                int r;

                random = random * 6364136223846793005 + 1442695040888963407;
                id     = (random >> 33) % N;
                if (size[id]) {
                        if (step % 16 == 0)
                                ck_assert_int_eq(test_read(&t, id, size[id]), 0);
                        spill_drop(t.spill, id);
                        size[id] = 0;
                        continue;
                }
                size[id] = 1 + (random >> 20) % (id % 8 == 0 ? 1 << 20 : 1 << 16);
                r = test_write(&t, id, size[id], (uint32_t) (random >> 50 & 63) * 64);
                stats = test_stats(&t);
                ck_assert_uint_le(stats.promised_bytes, LIMIT);
                ck_assert_uint_le(stats.file_bytes, LIMIT);
                if (r != 0) { /* only what does not fit is refused */
                        ck_assert_int_eq(r, SPILL_FULL);
                        ck_assert_uint_gt(stats.promised_bytes + SPILL_PAGE + size[id] + 2 * SPILL_PAGE, LIMIT);
                        size[id] = 0;
                        n_full++;
                }
        }
        ck_assert_uint_gt(n_full, 10);
        for (uint64_t id = 0; id < N; id++)
                if (size[id])
                        ck_assert_int_eq(test_read(&t, id, size[id]), 0);
        test_close(&t);
}

TEST(a_chunk_that_is_dropped_while_it_is_written_is_not_there) {
        enum { BYTES = 40 << 20 };
        char *data = test_memory(BYTES, 64);
        SpillTest t;

        test_dir(&t);
        test_open(&t);
        memset(data, 1, BYTES);
        for (uint64_t id = 0; id < 20; id++) {
                ck_assert_int_eq(spill_write(t.spill, id, data, BYTES), 0);
                if (id % 2)
                        usleep((useconds_t) id * 500);
                spill_drop(t.spill, id);
                ck_assert_uint_eq(test_stats(&t).promised_bytes, 0);
        }
        for (uint64_t id = 0; id < 20; id++) { /* it may have been whole before it was dropped */
                int r = test_wait(&t, id, 1);

                ck_assert(r == 0 || r == ERROR_CANCELED);
        }
        ck_assert_uint_eq(test_stats(&t).n_chunks, 0);
        ck_assert_int_eq(test_write(&t, 1000, 1 << 20, 0), 0);
        ck_assert_int_eq(test_read(&t, 1000, 1 << 20), 0);
        ck_assert_int_eq(spill_write(t.spill, 30, data, BYTES), 0);
        t.spill = spill_free(t.spill); /* says done() for what is on its way */
        ck_assert_uint_eq(t.end[30].n, 1);
        test_close(&t);
        test_memory_free(data, 64);
}

typedef struct Restored {
        SpillTest *t;
        size_t size[TEST_IDS];
        uint32_t n;
} Restored;

static Restored restored;

static int on_found(void *userdata _unused_, uint64_t id, size_t size_bytes, uint32_t offset) {
        ck_assert_uint_lt(id, TEST_IDS);
        ck_assert_uint_eq(restored.size[id], 0);
        ck_assert_uint_lt(offset, SPILL_PAGE);
        restored.size[id] = size_bytes;
        restored.n++;
        return 0;
}

static void restore(SpillTest *t) {
        SpillConfig config = test_config(t, (SpillConfig) { .keep = true });
        Error err;
        int r;

        restored = (Restored) { .t = t };
        r = spill_restore(&t->spill, &config, on_found, &err);
        ck_assert_msg(r == 0, "%s", err.text);
}

/* Of few values, as many chunks are. */
static void fill_plainly(char *data, size_t size_bytes, uint32_t n_values) {
        for (size_t k = 0; k < size_bytes; k++)
                data[k] = (char) (k / 8 % n_values * (k % 8 == 0));
}

TEST(a_spill_ends_while_its_file_grows_for_a_chunk_that_nobody_wants_any_more) {
        enum { BYTES = 1 << 20 };
        char *data = test_memory(BYTES, 0);
        SpillTest t;

        test_dir(&t);
        memset(data, 1, BYTES);
        for (int round = 0; round < 100; round++) {
                test_open(&t);
                ck_assert_int_eq(spill_write(t.spill, (uint64_t) round, data, BYTES), 0);
                usleep((useconds_t) round * 10); /* any moment is right */
                spill_drop(t.spill, (uint64_t) round);
                t.spill = spill_free(t.spill);
        }
        test_memory_free(data, 0);
        test_close(&t);
}

TEST(chunks_are_compressed_where_it_saves_room_and_return_the_same) {
        static const size_t sizes[] = { 0, 100, 4096, 100000, 20 << 20, (64 << 20) + 8 };
        static char many[1 << 20];

        for (SpillCodec codec = SPILL_PLAIN; codec < SPILL_AUTO; codec++) {
                SpillTest t;
                uint64_t id = 0;

                test_dir(&t);
                test_open(&t, .codec = codec, .keep = true);
                for (size_t k = 0; k < ELEMENTSOF(sizes); k++, id++) {
                        char *data = test_memory(sizes[k], 192), *again = test_memory(sizes[k], 192);
                        SpillStats before = test_stats(&t), after;

                        fill_plainly(data, sizes[k], 50);
                        ck_assert_int_eq(spill_write(t.spill, id, data, sizes[k]), 0);
                        ck_assert_int_eq(test_wait(&t, id, 1), 0);
                        after = test_stats(&t);
                        ck_assert_uint_eq(after.n_packed - before.n_packed,
                                          codec != SPILL_PLAIN && sizes[k] >= 4096 && sizes[k] <= 64 << 20);
                        ck_assert_uint_eq(after.staging_bytes, before.staging_bytes ?: after.staging_bytes);
                        ck_assert_uint_eq(after.promised_bytes, after.stored_bytes);
                        if (after.n_packed > before.n_packed && sizes[k] > 4096)
                                ck_assert_uint_lt(after.stored_bytes - before.stored_bytes, sizes[k]);
                        ck_assert_int_eq(spill_read(t.spill, id, again), 0);
                        ck_assert_int_eq(test_wait(&t, id, 2), 0);
                        ck_assert_bytes_eq(data, again, sizes[k]);
                        if (k == 3) {
                                spill_leave(t.spill);
                                restored = (Restored) {};
                                restore(&t);
                                ck_assert_int_eq(spill_read(t.spill, id, again), 0);
                                ck_assert_int_eq(test_wait(&t, id, 3), 0);
                                ck_assert_bytes_eq(data, again, sizes[k]);
                                t.spill = spill_free(t.spill);
                                test_open(&t, .codec = codec, .keep = true);
                        }
                        test_memory_free(data, 192);
                        test_memory_free(again, 192);
                }
                /* What chance has made is not compressed; many at a time wait for the memory. */
                ck_assert_int_eq(test_write(&t, 50, 1 << 20, 64), 0);
                ck_assert_int_eq(test_read(&t, 50, 1 << 20), 0);
                fill_plainly(many, sizeof(many), 50);
                for (uint64_t k = 100; k < 130; k++)
                        ck_assert_int_eq(spill_write(t.spill, k, many, sizeof(many)), 0);
                for (uint64_t k = 100; k < 130; k++)
                        ck_assert_int_eq(test_wait(&t, k, 1), 0);
                test_close(&t);
        }
}

TEST(a_codec_is_chosen_by_what_it_saves_and_what_it_costs) {
        const PackRate lz4 = { .pack_nsec = 0.4, .unpack_nsec = 0.2, .share = 0.5 },
                       zstd = { .pack_nsec = 2, .unpack_nsec = 1, .share = 0.25 }, none = { .share = 1 };

        ck_assert_int_eq(spill_codec_choose(0.25, &lz4, &zstd), SPILL_PLAIN); /* 4 GB/s */
        ck_assert_int_eq(spill_codec_choose(1, &lz4, &zstd), SPILL_LZ4);
        ck_assert_int_eq(spill_codec_choose(1, &none, &zstd), SPILL_PLAIN);
        ck_assert_int_eq(spill_codec_choose(10, &lz4, &zstd), SPILL_ZSTD);
        ck_assert_int_eq(spill_codec_choose(10, &lz4, &none), SPILL_LZ4);
        ck_assert_int_eq(spill_codec_choose(10, &none, &none), SPILL_PLAIN);
}

TEST(a_disk_is_measured_on_plain_chunks_before_one_is_compressed) {
        enum { N = 48, BYTES = 4 << 20 };
        char *data = test_memory(BYTES, 192), *again = test_memory(BYTES, 192);
        SpillTest t;

        test_dir(&t);
        test_open(&t, .codec = SPILL_AUTO);
        fill_plainly(data, BYTES, 50);
        for (uint64_t k = 0; k < N; k++) {
                ck_assert_int_eq(spill_write(t.spill, k, data, BYTES), 0);
                ck_assert_int_eq(test_wait(&t, k, 1), 0);
                if ((k + 1) * BYTES <= 64 << 20)
                        ck_assert_uint_eq(test_stats(&t).n_packed, 0);
        }
        for (uint64_t k = 0; k < N; k++) {
                memset(again, 0, BYTES);
                ck_assert_int_eq(spill_read(t.spill, k, again), 0);
                ck_assert_int_eq(test_wait(&t, k, 2), 0);
                ck_assert_bytes_eq(data, again, BYTES);
        }
        test_memory_free(data, 192);
        test_memory_free(again, 192);
        test_close(&t);
}

/* ---- Disks that fail -------------------------------------------------------------------------------------------- */

enum { SCENE_IDS = 8, SCENE_BYTES = 60000 };

/* Writes, reads, drops and writes again; what is said to be on disk must come back or be refused. */
static void scene(SpillTest *t, size_t first_bytes, bool may_refuse) {
        bool there[2 * SCENE_IDS] = {};
        int r;

        for (uint64_t id = 0; id < SCENE_IDS; id++) {
                r = test_write(t, id, id == 0 ? first_bytes : SCENE_BYTES, 64);
                there[id] = r == 0;
                ck_assert_msg(r == 0 || may_refuse, "%s", t->end[id].text);
                ck_assert(r == 0 || r == SPILL_FULL || t->end[id].text[0]);
        }
        for (uint64_t id = 0; id < SCENE_IDS; id++) {
                if (!there[id])
                        continue;
                r = test_read(t, id, id == 0 ? first_bytes : SCENE_BYTES);
                ck_assert_msg(r == 0 || (may_refuse && t->end[id].text[0]), "%s", t->end[id].text);
                if (id % 2)
                        spill_drop(t->spill, id);
        }
        for (uint64_t id = SCENE_IDS; id < 2 * SCENE_IDS; id++)
                there[id] = test_write(t, id, SCENE_BYTES, 128) == 0;
        for (uint64_t id = SCENE_IDS; id < 2 * SCENE_IDS; id++)
                if (there[id]) {
                        r = test_read(t, id, SCENE_BYTES);
                        ck_assert_msg(r == 0 || may_refuse, "%s", t->end[id].text);
                }
        ck_assert_uint_eq(test_stats(t).n_busy, 0);
        ck_assert_uint_eq(test_stats(t).promised_bytes, test_stats(t).stored_bytes);
        ck_assert_uint_ge(test_stats(t).file_bytes, test_stats(t).stored_bytes);
}

TEST(whichever_operation_fails_every_chunk_is_right_or_refused_and_everything_is_given_back) {
        static const int errors[] = { -EIO, -ENOSPC, -EINTR, -EINVAL, -ENOMEM, -EOPNOTSUPP };

        for (size_t k = 0; k < ELEMENTSOF(errors); k++)
                for (int keep = k > 0; keep <= 1; keep++) { /* with a table there are more operations that can fail */
                        const size_t first_bytes = k == 0 && !keep ? 17 << 20 : 10000; /* several pieces, or one */
                        uint64_t n_ops           = 0;

                        for (uint64_t at = 0; at <= n_ops; at++) {
                                Faults faults = { .fail_at = at, .fail_with = errors[k] };
                                SpillTest t;

                                test_dir(&t);
                                test_open(&t, .ring = faults_config(&faults), .keep = keep);
                                scene(&t, first_bytes, at > 0);
                                test_close(&t);
                                if (at == 0)
                                        n_ops = faults.n_submitted;
                        }
                        ck_assert_uint_gt(n_ops, 30);
                }
}

enum { ROW = 24 }; /* chunks one behind the other */

/* Moves them all at a time; the disk thread goes on only when all have been begun. */
static void move_row(SpillTest *t, char *data, bool write) {
        bool begun[ROW];

        pthread_mutex_lock(&t->lock);
        for (uint64_t id = 0; id < ROW; id++) {
                begun[id] = write || t->end[id].code == 0;
                if (begun[id] && write)
                        ck_assert_int_eq(spill_write(t->spill, id, data + id * SCENE_BYTES, SCENE_BYTES), 0);
                else if (begun[id])
                        ck_assert_int_eq(spill_read(t->spill, id, data + id * SCENE_BYTES), 0);
        }
        pthread_mutex_unlock(&t->lock);
        for (uint64_t id = 0; id < ROW; id++)
                if (begun[id])
                        (void) test_wait(t, id, write ? 1 : 2);
}

static void row_scene(SpillTest *t, bool may_refuse) {
        enum { OFFSET = 64 };
        char *data = test_memory((size_t) ROW * SCENE_BYTES, OFFSET);

        for (uint64_t id = 0; id < ROW; id++)
                test_fill(data + id * SCENE_BYTES, id, SCENE_BYTES);
        move_row(t, data, true);
        memset(data, 0, (size_t) ROW * SCENE_BYTES);
        move_row(t, data, false);
        for (uint64_t id = 0; id < ROW; id++) {
                ck_assert_msg(may_refuse || t->end[id].code == 0, "%s", t->end[id].text);
                ck_assert(t->end[id].code == 0 ? test_same(data + id * SCENE_BYTES, id, SCENE_BYTES) :
                                                 t->end[id].text[0] != 0);
        }
        ck_assert_uint_eq(test_stats(t).n_busy, 0);
        ck_assert_uint_eq(test_stats(t).promised_bytes, test_stats(t).stored_bytes);
        test_memory_free(data, OFFSET);
}

TEST(chunks_that_lie_together_are_moved_together_and_whatever_fails_each_is_right_or_refused) {
        uint64_t n_ops = 0;

        for (uint64_t at = 0; at <= n_ops; at++) {
                Faults faults = { .fail_at = at, .fail_with = at % 2 ? -EIO : -EINVAL };
                SpillTest t;

                test_dir(&t);
                test_open(&t, .ring = faults_config(&faults));
                row_scene(&t, at > 0);
                test_close(&t);
                if (at == 0)
                        n_ops = faults.n_submitted;
        }
        ck_assert_uint_lt(n_ops, 2 * ROW); /* they were read together at least */
        for (uint64_t seed = 1; seed <= 24; seed++) {
                Faults faults = { .chance = seed };
                SpillTest t;

                test_dir(&t);
                test_open(&t, .ring = faults_config(&faults), .keep = seed % 2);
                row_scene(&t, false);
                test_close(&t);
        }
}

TEST(a_disk_that_always_fails_is_left_and_another_takes_its_chunks) {
        static const int errors[] = { -EIO, -ENOSPC };

        for (size_t k = 0; k < ELEMENTSOF(errors); k++) {
                Faults faults = { .fail_at = 1, .fail_n = 1 << 30, .fail_with = errors[k] };
                SpillTest t;
                int r;

                test_dir(&t);
                test_open(&t, .ring = faults_config(&faults));
                r = test_write(&t, 1, SCENE_BYTES, 0);
                ck_assert_int_eq(r, errors[k] == -EIO ? -EIO : ERROR_SPILL_FULL);
                ck_assert_int_eq(test_stats(&t).n_dirs_failed, errors[k] == -EIO);
                ck_assert(errors[k] != -EIO || strstr(t.said, "is spilled to no more: Input/output error"));
                ck_assert_uint_eq(test_stats(&t).promised_bytes, 0);
                test_close(&t);
        }
}

TEST(interrupted_cut_late_and_doubled_completions_change_nothing) {
        for (uint64_t seed = 1; seed <= 12; seed++) {
                Faults faults = { .chance = seed };
                SpillTest t;

                test_dir(&t);
                test_open(&t, .ring = faults_config(&faults), .keep = seed % 2);
                scene(&t, 17 << 20, false);
                test_close(&t);
                ck_assert_uint_gt(faults.n_lies, 0);
        }
}

/* The one file that ends with `name` beneath a directory's private one. */
static void file_of(const SpillTest *t, const char *name, char path[300]) {
        DIR *d = opendir(t->dir);

        ck_assert_ptr_nonnull(d);
        for (struct dirent *e; (e = readdir(d));)
                if (e->d_name[0] != '.')
                        snprintf(path, 300, "%s/%.60s/%s", t->dir, e->d_name, name);
        closedir(d);
}

static void flip(const char *path, off_t at) {
        int fd = open(path, O_RDWR);
        uint8_t byte;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
        close(fd);
}

TEST(what_a_disk_changes_is_noticed) {
        static const struct {
                off_t at;
                const char *words;
        } cases[] = {
                { 3, "no extent begins here" },
                { 24, "checksum of the extent's header" },
                { SPILL_PAGE - 1, "checksum of the extent's header" },
                { SPILL_PAGE + 64, "another checksum than when they were written" },
                { SPILL_PAGE + 64 + SCENE_BYTES - 1, "another checksum" },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                char path[300];
                SpillTest t;

                test_dir(&t);
                test_open(&t);
                ck_assert_int_eq(test_write(&t, 1, SCENE_BYTES, 64), 0);
                file_of(&t, "extents", path);
                flip(path, cases[k].at);
                ck_assert_int_eq(test_read(&t, 1, SCENE_BYTES), ERROR_CORRUPT);
                ck_assert_msg(strstr(t.end[1].text, cases[k].words), "%s", t.end[1].text);
                ck_assert_ptr_nonnull(strstr(t.end[1].text, t.dir));
                ck_assert_uint_eq(test_stats(&t).n_corrupt, 1);
                flip(path, cases[k].at);
                ck_assert_int_eq(test_read(&t, 1, SCENE_BYTES), 0);
                ck_assert_int_eq(truncate(path, SPILL_PAGE), 0);
                ck_assert_int_eq(test_read(&t, 1, SCENE_BYTES), ERROR_CORRUPT);
                test_close(&t);
        }
}

TEST(bytes_beside_a_chunk_are_not_written_to_disk) {
        char *data = test_memory(3 * SPILL_PAGE, 100 * 8), path[300], page[SPILL_PAGE];
        const uint32_t offset = 800;
        SpillTest t;
        int fd;

        test_dir(&t);
        test_open(&t);
        memset(data - offset, 0x77, 4 * SPILL_PAGE);
        test_fill(data, 5, SPILL_PAGE);
        ck_assert_int_eq(spill_write(t.spill, 5, data, SPILL_PAGE), 0);
        ck_assert_int_eq(test_wait(&t, 5, 1), 0);
        file_of(&t, "extents", path);
        fd = open(path, O_RDONLY);
        ck_assert_int_eq(pread(fd, page, SPILL_PAGE, SPILL_PAGE), SPILL_PAGE);
        for (uint32_t k = 0; k < offset; k++)
                ck_assert_int_eq(page[k], 0);
        ck_assert_bytes_eq(page + offset, data, SPILL_PAGE - offset);
        ck_assert_int_eq(pread(fd, page, SPILL_PAGE, 2 * SPILL_PAGE), SPILL_PAGE);
        ck_assert_bytes_eq(page, data + SPILL_PAGE - offset, offset);
        for (uint32_t k = offset; k < SPILL_PAGE; k++)
                ck_assert_int_eq(page[k], 0);
        close(fd);
        test_close(&t);
        test_memory_free(data, offset);
}

TEST(a_file_that_may_not_grow_is_a_full_disk) {
        const struct rlimit small = { .rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY };

        for (size_t b = 0; b < ELEMENTSOF(backends); b++) {
                SpillTest t;

                test_dir(&t);
                ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
                test_open(&t, .ring = { .backend = backends[b] });
                ck_assert_int_eq(test_write(&t, 1, 300000, 0), 0);
                ck_assert_int_eq(test_write(&t, 2, 300000, 0), 0);
                ck_assert_int_eq(test_write(&t, 3, 600000, 0), ERROR_SPILL_FULL);
                ck_assert_msg(strstr(t.end[3].text, "no disk has room for 0.6 MiB more"), "%s", t.end[3].text);
                ck_assert_int_eq(test_read(&t, 1, 300000), 0);
                spill_drop(t.spill, 1);
                spill_drop(t.spill, 2);
                ck_assert_int_eq(test_write(&t, 4, 600000, 0), 0);
                ck_assert_int_eq(test_read(&t, 4, 600000), 0);
                test_close(&t);
        }
}

TEST(a_full_disk_is_back_pressure_until_there_is_room_again) {
        enum { BYTES = 1 << 20 };
        uint64_t id = 0, n_first;
        SpillTest t;
        int r;

        test_dir(&t);
        if (!mounts_tmpfs(t.dir, "size=16m")) {
                rmdir(t.dir);
                return;
        }
        test_open(&t);
        ck_assert_ptr_nonnull(strstr(t.said, "tmpfs"));
        while ((r = test_write(&t, id, BYTES, 64)) == 0)
                id++;
        ck_assert(r == SPILL_FULL || r == ERROR_SPILL_FULL);
        ck_assert_uint_ge(id, 10);
        n_first = id;
        ck_assert_int_eq(test_write(&t, 500, BYTES, 64), SPILL_FULL); /* at once */
        for (uint64_t k = 0; k < n_first; k++)
                ck_assert_int_eq(test_read(&t, k, BYTES), 0);
        for (uint64_t k = 0; k < n_first; k += 2)
                spill_drop(t.spill, k);
        for (uint64_t k = 0; k < n_first / 2; k++) {
                /* What was dropped is given back by the disk thread, which may be about to. */
                while ((r = test_write(&t, 1000 + k, BYTES, 128)) == SPILL_FULL)
                        sched_yield();
                ck_assert_int_eq(r, 0);
        }
        for (uint64_t k = 1; k < n_first; k += 2)
                ck_assert_int_eq(test_read(&t, k, BYTES), 0);
        t.spill = spill_free(t.spill);
        ck_assert_uint_eq(test_entries(t.dir), 0);
        mounts_end(t.dir);
        ck_assert_int_eq(rmdir(t.dir), 0);
}

static uint64_t free_bytes(const char *path) {
        struct statvfs fs;

        ck_assert_int_eq(statvfs(path, &fs), 0);
        return (uint64_t) fs.f_bfree * fs.f_frsize;
}

TEST(room_is_back_when_a_spill_is_freed_if_the_disk_has_not_as_much_besides) {
        enum { BYTES = 1 << 20, N = 12 };
        uint64_t before;
        SpillTest t;

        test_dir(&t);
        if (!mounts_tmpfs(t.dir, "size=16m")) {
                rmdir(t.dir);
                return;
        }
        before = free_bytes(t.dir);
        test_open(&t);
        for (uint64_t id = 0; id < N; id++)
                ck_assert_int_eq(test_write(&t, id, BYTES, 0), 0);
        ck_assert_uint_lt(free_bytes(t.dir), before - N * BYTES);
        t.spill = spill_free(t.spill);
        ck_assert_uint_eq(test_entries(t.dir), 0);
        ck_assert_uint_eq(free_bytes(t.dir), before);
        mounts_end(t.dir);
        ck_assert_int_eq(rmdir(t.dir), 0);
}

TEST(a_disk_that_loses_its_blocks_fails_reads_and_is_written_no_more) {
        enum { BYTES = 1 << 20, N = 12 };
        char image[80];
        uint32_t n_lost = 0;
        SpillTest t;
        int r;

        test_dir(&t);
        snprintf(image, sizeof(image), "%s.image", t.dir);
        if (!mounts_image(t.dir, image, 32)) {
                rmdir(t.dir);
                return;
        }
        test_open(&t);
        for (uint64_t id = 0; id < N; id++)
                ck_assert_int_eq(test_write(&t, id, BYTES, 0), 0);
        sync();
        ck_assert_int_eq(truncate(image, 6 << 20), 0);
        for (uint64_t id = 0; id < N; id++) {
                r = test_read(&t, id, BYTES);
                ck_assert_msg(r == 0 || r == -EIO || r == ERROR_CORRUPT, "%d %s", r, t.end[id].text);
                ck_assert(r == 0 || strstr(t.end[id].text, t.dir));
                n_lost += r != 0;
        }
        ck_assert_uint_gt(n_lost, 0);
        r = test_write(&t, 100, BYTES, 0);
        ck_assert_msg(r != 0 || test_stats(&t).n_dirs_failed == 0, "a disk that has failed was written");
        t.spill = spill_free(t.spill);
        mounts_end(t.dir);
        ck_assert_int_eq(unlink(image), 0);
        ck_assert_int_eq(rmdir(t.dir), 0);
}

/* ---- After a restart -------------------------------------------------------------------------------------------- */

TEST(an_owner_that_returns_finds_its_chunks_and_nobody_elses) {
        SpillTest t;

        test_dir(&t);
        test_open(&t, .keep = true);
        for (uint64_t id = 1; id < 40; id++)
                ck_assert_int_eq(test_write(&t, id, id * 1000, (uint32_t) id * 64), 0);
        for (uint64_t id = 1; id < 40; id += 3)
                spill_drop(t.spill, id);
        spill_leave(t.spill);
        for (int again = 0; again < 2; again++) {
                restore(&t);
                ck_assert_uint_eq(restored.n, 26);
                ck_assert_uint_eq(test_stats(&t).n_chunks, 26);
                ck_assert_uint_eq(test_stats(&t).file_bytes, test_stats(&t).promised_bytes);
                for (uint64_t id = 1; id < 40; id++) {
                        ck_assert_uint_eq(restored.size[id], id % 3 == 1 ? 0 : id * 1000);
                        if (id % 3 != 1)
                                ck_assert_int_eq(test_read(&t, id, id * 1000), 0);
                }
                ck_assert_int_eq(test_write(&t, 100, 100000, 0), 0);
                spill_drop(t.spill, 100);
                spill_leave(t.spill);
        }
        /* A new Spill of that owner begins with nothing; another owner does not see them. */
        test_open(&t, .keep = true, .owner = 99);
        ck_assert_int_eq(test_write(&t, 200, 1, 0), 0);
        spill_free(t.spill);
        test_open(&t, .keep = true);
        ck_assert_int_eq(test_write(&t, 200, 1, 0), 0);
        ck_assert_uint_eq(test_stats(&t).n_chunks, 1);
        test_close(&t);
}

TEST(slots_and_headers_that_do_not_add_up_are_left_out) {
        char path[300];
        SpillTest t;

        test_dir(&t);
        test_open(&t, .keep = true);
        for (uint64_t id = 0; id < 5; id++)
                ck_assert_int_eq(test_write(&t, id, 10000, 0), 0);
        spill_leave(t.spill);
        file_of(&t, "table", path);
        flip(path, 8);                /* the slot of 0: another offset */
        flip(path, SPILL_SLOT + 31);  /* the slot of 1: its checksum */
        file_of(&t, "extents", path);
        flip(path, 2 * 4 * SPILL_PAGE + 30);         /* the header of 2 */
        ck_assert_int_eq(truncate(path, 5 * 4 * SPILL_PAGE - 1), 0); /* the end of 4 */
        restore(&t);
        ck_assert_uint_eq(restored.n, 1);
        ck_assert_uint_eq(restored.size[3], 10000);
        ck_assert_ptr_nonnull(strstr(t.said, "4 spilled chunks were not restored"));
        ck_assert_int_eq(test_read(&t, 3, 10000), 0);
        for (uint64_t id = 10; id < 20; id++)
                ck_assert_int_eq(test_write(&t, id, 10000, 0), 0);
        for (uint64_t id = 10; id < 20; id++)
                ck_assert_int_eq(test_read(&t, id, 10000), 0);
        test_close(&t);
}

/* What the child says of itself in memory that the parent has, too. */
typedef struct Shared {
        _Atomic uint32_t written[64], dropped[64]; /* generations of each id, before and after */
        _Atomic uint32_t dropping[64];
} Shared;

static Shared *shared;

static void child_done(void *userdata _unused_, uint64_t id, bool written, const Error *err) {
        if (written && !err)
                shared->written[id]++;
}

TEST(a_process_killed_at_any_moment_leaves_every_whole_chunk_and_nothing_else) {
        enum { N = 64, BYTES = 30000, ROUNDS = 60 };
        SpillTest t;
        uint32_t n_found = 0;

        test_dir(&t);
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert(shared != MAP_FAILED);
        for (uint32_t round = 0; round < ROUNDS; round++) {
                pid_t child;

                memset(shared, 0, sizeof(*shared));
                child = fork();
                ck_assert_int_ge(child, 0);
                if (child == 0) {
                        SpillConfig config = test_config(&t, (SpillConfig) { .keep = true });
                        static char data[N][BYTES + SPILL_PAGE];

                        config.done = child_done;
                        config.say  = NULL;
                        if (spill_new(&t.spill, &config, NULL) < 0)
                                _exit(1);
                        for (uint64_t k = 0; k < N; k++)
                                test_fill(data[k], k, BYTES);
                        for (uint64_t k = 0; k < N; k++)
                                if (spill_write(t.spill, k, data[k], BYTES) != 0)
                                        _exit(1);
                        for (uint64_t k = 0;; k = (k + 1) % N) {
                                while (shared->written[k] == shared->dropped[k])
                                        sched_yield();
                                shared->dropping[k]++;
                                spill_drop(t.spill, k);
                                shared->dropped[k]++;
                                if (spill_write(t.spill, k, data[k], BYTES) != 0)
                                        _exit(1);
                        }
                }
                usleep(round * 700);
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                restore(&t);
                for (uint64_t k = 0; k < N; k++) {
                        /* done() was said and drop was not begun: it must be there. Else it may be. */
                        if (shared->written[k] > shared->dropping[k])
                                ck_assert_uint_eq(restored.size[k], BYTES);
                        if (restored.size[k])
                                ck_assert_int_eq(test_read(&t, k, BYTES), 0);
                }
                n_found += restored.n;
                t.spill = spill_free(t.spill);
                memset(t.end, 0, sizeof(t.end));
        }
        ck_assert_uint_gt(n_found, N);
        munmap(shared, sizeof(*shared));
        test_close(&t);
}
