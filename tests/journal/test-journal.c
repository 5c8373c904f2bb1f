/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "journal/folder.h"

static const JournalRow rows[] = {
        { .table = JOURNAL_SESSION, .id = 1, .number = { 1000, 1 }, .text = "python3",
          .data = (const uint8_t *) "0123", .data_bytes = 4 },
        { .table = JOURNAL_SESSION, .id = UINT64_MAX, .number = { UINT64_MAX, 0 } },
        { .table = JOURNAL_REQUEST, .of = 1, .id = 7, .number = { 40, 0 }, .data = (const uint8_t *) "g\0raph",
          .data_bytes = 6 },
        { .table = JOURNAL_REQUEST, .of = 1, .id = 8, .number = { 41, 1 }, .data = (const uint8_t *) "",
          .data_bytes = 1 },
        { .table = JOURNAL_REQUEST, .of = 2, .id = 7, .number = { 42, 0 } },
        { .table = JOURNAL_RECIPE, .id = 3, .data = (const uint8_t *) "recipe", .data_bytes = 6 },
        { .table = JOURNAL_TENSOR, .id = 9, .number = { 3, 2 }, .data = (const uint8_t *) "tensor",
          .data_bytes = 6 },
        { .table = JOURNAL_HELD, .of = 1, .id = 9, .number = { 2 } },
        { .table = JOURNAL_NAME, .of = 1000, .id = 5, .number = { 9 }, .text = "the \"wind\" of 2026; DROP TABLE x" },
        { .table = JOURNAL_WORKER, .id = 2, .number = { 77 }, .text = "w2" },
};

static void put_all(Journal *j) {
        for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                ck_assert_int_eq(journal_put(j, &rows[k]), 0);
}

static void same_text(Journal *j, const char *want) {
        _cleanup_(freep) char *text = journal_text(j);

        ck_assert_str_eq(text, want);
}

static int refusal(const char *folder, Error *err) {
        Journal *j = NULL;
        int r;

        *err = (Error) {};
        r    = journal_open(&j, folder, 1, err);
        ck_assert_ptr_null(j);
        ck_assert_int_eq(r, err->code);
        ck_assert(err->text[0]);
        return r;
}

/* The file as another program would change it. */
static void change(const char *folder, const char *sql) {
        _cleanup_(freep) char *path = NULL;
        sqlite3 *db                 = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/journal", folder), 0);
        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
        sqlite3_close(db);
}

TEST(what_was_put_and_not_dropped_is_read_again) {
        _cleanup_(folder_freep) char *folder = folder_new();
        _cleanup_(freep) char *before        = NULL;
        Journal *j                           = journal_in(folder);
        JournalStatus status;

        put_all(j);
        ck_assert_int_eq(journal_put(j, &(JournalRow) { .table = JOURNAL_HELD, .of = 1, .id = 9, .number = { 1 } }), 0);
        status = journal_settle(j);
        ck_assert_uint_eq(status.committed, ELEMENTSOF(rows) + 1);
        ck_assert_uint_eq(status.waiting_bytes, 0);
        j = journal_free(j);

        j      = journal_in(folder);
        before = journal_text(j);
        ck_assert_ptr_nonnull(strstr(before, "3 0 "));
        ck_assert_ptr_nonnull(strstr(before, "4 1 9 1 0 0 ''"));
        ck_assert_ptr_nonnull(strstr(before, "the \"wind\" of 2026; DROP TABLE x"));
        ck_assert_ptr_nonnull(strstr(before, "670072617068"));
        ck_assert_int_eq(journal_drop_of(j, JOURNAL_REQUEST, 1), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_SESSION, 0, 1), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_SESSION, 0, 1), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_SESSION, 0, UINT64_MAX), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_RECIPE, 0, 3), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_TENSOR, 0, 9), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_HELD, 1, 9), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_NAME, 1000, 5), 0);
        ck_assert_int_eq(journal_drop(j, JOURNAL_WORKER, 0, 2), 0);
        j = journal_free(j); /* which commits */

        j = journal_in(folder);
        same_text(j, "1 2 7 42 0 0 '' \n");
        journal_free(j);
}

TEST(what_is_held_together_is_committed_together) {
        _cleanup_(folder_freep) char *folder = folder_new();
        Journal *j                           = journal_in(folder);
        JournalStatus status;

        for (uint64_t k = 0; k < 100; k++) {
                journal_hold(j, true);
                put_all(j);
                journal_status(j, &status);
                ck_assert_uint_eq(status.committed % ELEMENTSOF(rows), 0);
                journal_hold(j, false);
                journal_status(j, &status);
                ck_assert_uint_eq(status.committed % ELEMENTSOF(rows), 0);
        }
        ck_assert_uint_eq(journal_settle(j).committed, 100 * ELEMENTSOF(rows));
        journal_free(j);
}

TEST(epochs_grow_also_when_the_clock_goes_back) {
        _cleanup_(folder_freep) char *folder = folder_new();
        uint64_t before                      = 0;

        for (uint64_t clock = 5000; clock > 4990; clock--) {
                Journal *j = NULL;
                Error err  = {};

                ck_assert_int_eq(journal_open(&j, folder, clock, &err), 0);
                ck_assert_uint_gt(journal_epoch(j), before);
                ck_assert_uint_ge(journal_epoch(j), clock);
                before = journal_epoch(j);
                journal_free(j);
        }
}

TEST(a_second_scheduler_is_refused) {
        _cleanup_(folder_freep) char *folder = folder_new();
        Journal *j                           = journal_in(folder);
        Error err                            = {};
        int status                           = 0;
        pid_t child;

        ck_assert_int_eq(refusal(folder, &err), -EBUSY);
        ck_assert_ptr_nonnull(strstr(err.text, "another scheduler has the journal"));
        child = fork();
        if (child == 0) {
                Journal *mine = NULL;

                _exit(journal_open(&mine, folder, 1, &err) == -EBUSY ? 0 : 1);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        put_all(j);
        ck_assert_int_eq(journal_settle(j).broken, 0);
        journal_free(j);
        journal_free(journal_in(folder));
}

TEST(a_place_that_is_not_ours_alone_is_refused) {
        _cleanup_(folder_freep) char *folder = folder_new();
        _cleanup_(freep) char *path = NULL, *within = NULL;
        struct stat st;
        Error err = {};

        ck_assert_int_eq(chmod(folder, 0777), 0);
        ck_assert_int_eq(refusal(folder, &err), -EACCES);
        ck_assert_ptr_nonnull(strstr(err.text, "others may write"));
        ck_assert_int_eq(chmod(folder, 0700), 0);

        ck_assert_int_gt(asprintf(&path, "%s/journal", folder), 0);
        ck_assert_int_eq(symlink("/dev/null", path), 0);
        ck_assert_int_eq(refusal(folder, &err), -ELOOP);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(refusal("/proc/no/such/place", &err), -ENOENT);

        ck_assert_int_gt(asprintf(&within, "%s/a/b", folder), 0);
        journal_free(journal_in(within)); /* which is made */
        ck_assert_int_eq(stat(within, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0700);
        free(path);
        ck_assert_int_gt(asprintf(&path, "%s/journal", within), 0);
        ck_assert_int_eq(stat(path, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0600);
        unlink(path);
        rmdir(within);
        *strrchr(within, '/') = '\0';
        rmdir(within);
}

TEST(a_file_that_is_no_journal_is_refused_and_left_as_it_is) {
        static const struct {
                const char *sql;
                int code;
        } lies[] = {
                { "PRAGMA application_id = 7", ERROR_CORRUPT },
                { "PRAGMA user_version = 2", ERROR_SUPPORT },
                { "CREATE TABLE more(a)", ERROR_CORRUPT },
                { "CREATE TRIGGER t AFTER INSERT ON held BEGIN DELETE FROM session; END", ERROR_CORRUPT },
                { "CREATE VIEW v AS SELECT * FROM held", ERROR_CORRUPT },
                { "DROP TABLE held", ERROR_CORRUPT },
                { "DELETE FROM meta", ERROR_CORRUPT },
                { "UPDATE meta SET epoch = 9223372036854775807", ERROR_CORRUPT },
        };
        Error err = {};

        for (size_t k = 0; k < ELEMENTSOF(lies); k++) {
                _cleanup_(folder_freep) char *folder = folder_new();

                journal_free(journal_in(folder));
                change(folder, lies[k].sql);
                ck_assert_int_eq(refusal(folder, &err), lies[k].code);
                ck_assert_int_eq(refusal(folder, &err), lies[k].code);
        }
}

TEST(a_damaged_file_is_refused_or_has_the_rows_that_it_had) {
        _cleanup_(folder_freep) char *folder = folder_new();
        _cleanup_(freep) char *path = NULL, *want = NULL, *whole = NULL;
        uint32_t n_refused = 0;
        Journal *j         = journal_in(folder);
        struct stat st;
        int fd;

        put_all(j);
        journal_free(j);
        j    = journal_in(folder);
        want = journal_text(j);
        journal_free(j);
        ck_assert_int_gt(asprintf(&path, "%s/journal", folder), 0);
        fd = open(path, O_RDWR);
        ck_assert(fd >= 0 && fstat(fd, &st) == 0);
        whole = malloc((size_t) st.st_size);
        ck_assert_int_eq(pread(fd, whole, (size_t) st.st_size, 0), st.st_size);
        for (off_t at = 0; at < st.st_size; at += at < 256 ? 1 : 97) {
                Error err = {};

                ck_assert_int_eq(pwrite(fd, &(char) { (char) (whole[at] ^ 0x55) }, 1, at), 1);
                j = NULL;
                if (journal_open(&j, folder, 1, &err) == 0) {
                        _cleanup_(freep) char *text = NULL;
                        size_t n;
                        FILE *f = open_memstream(&text, &n);

                        for (JournalTable t = 0; t < N_JOURNAL_TABLES; t++)
                                (void) journal_read(j, t, row_print, f, &err);
                        fclose(f);
                } else {
                        ck_assert(err.text[0]);
                        n_refused++;
                }
                journal_free(j);
                ck_assert_int_eq(ftruncate(fd, st.st_size), 0);
                ck_assert_int_eq(pwrite(fd, whole, (size_t) st.st_size, 0), st.st_size);
        }
        close(fd);
        ck_assert_uint_gt(n_refused, 50);
        j = journal_in(folder);
        same_text(j, want);
        journal_free(j);
}

TEST(rows_that_go_give_their_room_back) {
        _cleanup_(folder_freep) char *folder = folder_new();
        _cleanup_(freep) uint8_t *graph      = malloc(1 << 20);
        Journal *j                           = journal_in(folder);

        memset(graph, 7, 1 << 20);
        for (uint32_t round = 0; round < 20; round++) {
                for (uint64_t k = 0; k < 5; k++)
                        ck_assert_int_eq(journal_put(j, &(JournalRow) { .table      = JOURNAL_REQUEST,
                                                                        .id         = k,
                                                                        .data       = graph,
                                                                        .data_bytes = 1 << 20 }),
                                         0);
                journal_settle(j);
                ck_assert_int_eq(journal_drop_of(j, JOURNAL_REQUEST, 0), 0);
                journal_settle(j);
                ck_assert_uint_lt(folder_bytes(folder), 20 << 20);
        }
        journal_free(j);
        ck_assert_uint_lt(folder_bytes(folder), 1 << 20);
}

/* ---- Disks that fail --------------------------------------------------------------------------------------------- */

TEST(a_full_disk_is_waited_for_and_nothing_is_lost) {
        _cleanup_(folder_freep) char *folder = folder_new();
        _cleanup_(freep) uint8_t *graph      = calloc(1, 1 << 20);
        Journal *j                           = journal_in(folder);
        struct rlimit limit;
        JournalStatus status;
        uint64_t n = 0;

        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &limit);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit) { .rlim_cur = 3 << 20, .rlim_max = limit.rlim_max });
        do {
                ck_assert_int_eq(journal_put(j, &(JournalRow) { .table      = JOURNAL_REQUEST,
                                                                .id         = ++n,
                                                                .data       = graph,
                                                                .data_bytes = 1 << 20 }),
                                 0);
                status = journal_settle(j);
        } while (!status.full && n < 100);
        ck_assert_msg(status.full && status.broken == 0, "%d %s", status.broken, status.text);
        ck_assert_uint_lt(status.committed, n);
        ck_assert_uint_gt(status.waiting_bytes, 1 << 20);
        ck_assert_ptr_nonnull(strstr(status.text, "journal"));
        put_all(j); /* they wait, too */

        setrlimit(RLIMIT_FSIZE, &limit);
        while (status.full) {
                struct pollfd fd = { .fd = journal_fd(j), .events = POLLIN };

                ck_assert_int_eq(poll(&fd, 1, 20000), 1);
                journal_heard(j);
                journal_status(j, &status);
        }
        status = journal_settle(j);
        ck_assert_uint_eq(status.committed, n + ELEMENTSOF(rows));
        journal_free(j);
        j = journal_in(folder);
        {
                _cleanup_(freep) char *text = journal_text(j);
                uint64_t n_rows             = 0;

                for (const char *c = text; *c; c++)
                        n_rows += *c == '\n';
                ck_assert_uint_eq(n_rows, n + ELEMENTSOF(rows));
        }
        journal_free(j);
}

/* A file system below SQLite's own that refuses to sync, from some time on. */
static sqlite3_vfs *real_vfs;
static sqlite3_io_methods methods[2]; /* of the file itself, which has locks, and of its log */
static int (*real_sync)(sqlite3_file *file, int flags);
static bool sync_fails;

static int bad_sync(sqlite3_file *file, int flags) {
        return __atomic_load_n(&sync_fails, __ATOMIC_SEQ_CST) ? SQLITE_IOERR_FSYNC : real_sync(file, flags);
}

static int bad_open(_unused_ sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *ret) {
        sqlite3_io_methods *mine = &methods[(flags & SQLITE_OPEN_MAIN_DB) == 0];
        int r                    = real_vfs->xOpen(real_vfs, name, file, flags, ret);

        if (r == SQLITE_OK) {
                real_sync      = file->pMethods->xSync;
                *mine          = *file->pMethods;
                mine->xSync    = bad_sync;
                file->pMethods = mine;
        }
        return r;
}

TEST(after_a_sync_that_failed_nothing_is_believed_any_more) {
        _cleanup_(folder_freep) char *folder = folder_new();
        JournalStatus status;
        sqlite3_vfs bad;
        Journal *j;

        real_vfs  = sqlite3_vfs_find(NULL);
        bad       = *real_vfs;
        bad.zName = "bad";
        bad.xOpen = bad_open;
        sqlite3_vfs_register(&bad, 1);
        j = journal_in(folder);
        put_all(j);
        ck_assert_uint_eq(journal_settle(j).committed, ELEMENTSOF(rows));
        __atomic_store_n(&sync_fails, true, __ATOMIC_SEQ_CST);
        ck_assert_int_eq(journal_drop_of(j, JOURNAL_REQUEST, 1), 0);
        status = journal_settle(j);
        ck_assert_int_eq(status.broken, -EIO);
        ck_assert(!status.full);
        ck_assert_uint_eq(status.committed, ELEMENTSOF(rows));
        __atomic_store_n(&sync_fails, false, __ATOMIC_SEQ_CST);
        ck_assert_int_eq(journal_put(j, &rows[0]), 0); /* the next one would succeed */
        status = journal_settle(j);
        ck_assert_int_eq(status.broken, -EIO);
        journal_free(j);
        sqlite3_vfs_unregister(&bad);
        journal_free(journal_in(folder));
}

TEST(what_is_removed_leaves_nothing_but_what_is_not_its_own) {
        _cleanup_(folder_freep) char *folder = folder_new();
        char inner[256], other[300];

        snprintf(inner, sizeof(inner), "%s/state", folder);
        snprintf(other, sizeof(other), "%s/other", inner);
        journal_free(journal_in(inner));
        ck_assert_int_eq(close(creat(other, 0600)), 0);
        journal_remove(inner);
        ck_assert_int_eq(access(other, F_OK), 0);
        ck_assert_int_eq(unlink(other), 0);
        journal_remove(inner);
        ck_assert_int_lt(access(inner, F_OK), 0);
}
