/* SPDX-License-Identifier: Apache-2.0 */
/* The file: who may have it, and whether it is one of ours. What stands in it is believed only when the whole of it
 * is: its header, its tables letter by letter, SQLite's own check. So a file of anybody's, whatever is in it, is
 * refused or is rows of the right types. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/tables.h"

enum {
        BUSY_MSEC    = 1000,    /* a process that was killed has its lock until it has ended */
        CACHE_KIB    = 1024,
        WAL_BYTES    = 4 << 20, /* that stay, once the log has been longer */
        EPOCH_MARGIN = 1 << 22, /* beyond the one before, when the clock has gone back */
};

/* Set for each connection, before anything of the file is read. Nothing of a schema is trusted, it is compared; files
 * shrink when rows go. */
static const char settings[] =
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = FULL; PRAGMA temp_store = MEMORY;";

/* ---- SQLite's errors -------------------------------------------------------------------------------------------- */

static int fail(Journal *j, int sqlite, Error *err) {
        const int os = j->db ? sqlite3_system_errno(j->db) : 0;

        switch (sqlite & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return error_set(err, -EBUSY,
                                 "another scheduler has the journal %s: give one of them another state_dir", j->path);
        case SQLITE_NOMEM:
                return error_oom(err, 0);
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
                return error_set(err, ERROR_CORRUPT,
                                 "%s is no journal, or a damaged one (%s): put it away, and what was to be remembered "
                                 "is forgotten",
                                 j->path, j->db ? sqlite3_errmsg(j->db) : sqlite3_errstr(sqlite));
        case SQLITE_FULL:
                return error_set(err, -ENOSPC, "journal %s: the disk is full", j->path);
        default:
                return error_set(err, os > 0 ? -os : -EIO, "journal %s: %s%s%s", j->path,
                                 j->db ? sqlite3_errmsg(j->db) : sqlite3_errstr(sqlite), os > 0 ? ": " : "",
                                 os > 0 ? strerrordesc_np(os) ?: "" : "");
        }
}

static int run(Journal *j, const char *sql, Error *err) {
        const int r = sqlite3_exec(j->db, sql, NULL, NULL, NULL);

        return r == SQLITE_OK ? 0 : fail(j, r, err);
}

/* The first column of the first row; 0 when there is none. */
static int ask_number(Journal *j, const char *sql, uint64_t *ret, Error *err) {
        sqlite3_stmt *stmt = NULL;
        int r              = sqlite3_prepare_v2(j->db, sql, -1, &stmt, NULL);

        *ret = 0;
        if (r == SQLITE_OK) {
                r = sqlite3_step(stmt);
                if (r == SQLITE_ROW)
                        *ret = (uint64_t) sqlite3_column_int64(stmt, 0);
        }
        sqlite3_finalize(stmt);
        return r == SQLITE_ROW || r == SQLITE_DONE ? 0 : fail(j, r, err);
}

/* ---- Is it one of ours? ----------------------------------------------------------------------------------------- */

static const char meta_sql[] = "CREATE TABLE meta(epoch INTEGER NOT NULL) STRICT";

static int create(Journal *j, Error *err) {
        char sql[SQL_BYTES];
        int r = run(j, meta_sql, err);

        for (JournalTable t = 0; t < N_JOURNAL_TABLES && r == 0; t++) {
                table_create_sql(t, sql);
                r = run(j, sql, err);
        }
        snprintf(sql, sizeof(sql), "INSERT INTO meta VALUES(0); PRAGMA application_id = %d; PRAGMA user_version = %d",
                 JOURNAL_ID, JOURNAL_SCHEMA);
        return r == 0 ? run(j, sql, err) : r;
}

/* Letter by letter, with nothing besides: no view, no trigger, no index of somebody's. */
static int check_tables(Journal *j, Error *err) {
        char sql[SQL_BYTES];
        sqlite3_stmt *stmt = NULL;
        uint32_t n         = 0;
        bool same          = true;
        int r = sqlite3_prepare_v2(j->db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", -1,
                                   &stmt, NULL);

        while (r == SQLITE_OK && same && (r = sqlite3_step(stmt)) == SQLITE_ROW) {
                const char *found = (const char *) sqlite3_column_text(stmt, 0);

                if (n > 0 && n <= N_JOURNAL_TABLES)
                        table_create_sql((JournalTable) (n - 1), sql);
                same = found && n <= N_JOURNAL_TABLES && strcmp(found, n == 0 ? meta_sql : sql) == 0;
                n++;
                r    = SQLITE_OK;
        }
        sqlite3_finalize(stmt);
        if (r != SQLITE_OK && r != SQLITE_DONE)
                return fail(j, r, err);
        return same && n == N_JOURNAL_TABLES + 1 ? 0 : fail(j, SQLITE_NOTADB, err);
}

static int check_pages(Journal *j, Error *err) {
        sqlite3_stmt *stmt = NULL;
        int r              = sqlite3_prepare_v2(j->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);

        if (r == SQLITE_OK)
                r = sqlite3_step(stmt);
        if (r == SQLITE_ROW)
                r = strcmp((const char *) sqlite3_column_text(stmt, 0) ?: "", "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
        sqlite3_finalize(stmt);
        return r == SQLITE_OK ? 0 : fail(j, r == SQLITE_DONE ? SQLITE_CORRUPT : r, err);
}

static int check(Journal *j, Error *err) {
        uint64_t id, version, n;
        int r = ask_number(j, "PRAGMA application_id", &id, err);

        if (r == 0)
                r = ask_number(j, "PRAGMA user_version", &version, err);
        if (r == 0)
                r = ask_number(j, "SELECT count(*) FROM sqlite_schema", &n, err);
        if (r == 0 && id == 0 && version == 0 && n == 0)
                return create(j, err);
        if (r == 0 && id != JOURNAL_ID)
                return fail(j, SQLITE_NOTADB, err);
        if (r == 0 && version != JOURNAL_SCHEMA)
                return error_set(err, ERROR_SUPPORT,
                                 "journal %s is of another version of Mars (%lld; this one writes %d): install that, "
                                 "or give another state_dir",
                                 j->path, (long long) version, JOURNAL_SCHEMA);
        if (r == 0)
                r = check_tables(j, err);
        if (r == 0)
                r = check_pages(j, err);
        if (r == 0)
                r = ask_number(j, "SELECT count(*) FROM meta", &n, err);
        return r == 0 && n != 1 ? fail(j, SQLITE_CORRUPT, err) : r;
}

/* Nobody may obey the one before once this is on disk. */
static int begin_epoch(Journal *j, uint64_t epoch, Error *err) {
        char sql[SQL_BYTES];
        uint64_t before;
        int r = ask_number(j, "SELECT epoch FROM meta", &before, err);

        if (r < 0)
                return r;
        if (before > INT64_MAX - EPOCH_MARGIN)
                return fail(j, SQLITE_CORRUPT, err);
        j->epoch = before < epoch ? epoch : before + EPOCH_MARGIN;
        snprintf(sql, sizeof(sql), "UPDATE meta SET epoch = %llu", (unsigned long long) j->epoch);
        return run(j, sql, err);
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

/* Whoever may write here could make us remember anything. */
static int make_directory(const char *directory, Error *err) {
        _cleanup_(freep) char *path = strdup(directory);
        struct stat st;

        if (!path)
                return error_oom(err, strlen(directory));
        for (char *end = path; end;) {
                end = strchr(end + 1, '/');
                if (end)
                        *end = '\0';
                if (mkdir(path, 0700) < 0 && errno != EEXIST && access(path, X_OK) < 0)
                        return error_set(err, -errno, "directory %s: %s", path, strerrordesc_np(errno));
                if (end)
                        *end = '/';
        }
        if (stat(path, &st) < 0)
                return error_set(err, -errno, "directory %s: %s", path, strerrordesc_np(errno));
        if (!S_ISDIR(st.st_mode))
                return error_set(err, -ENOTDIR, "%s is no directory", path);
        if ((st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return error_set(err, -EACCES, "others may write to %s: a journal must be where only we may", path);
        return 0;
}

static int open_file(Journal *j, Error *err) {
        /* SQLite would let others read it */
        int r, fd = open(j->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

        if (fd < 0)
                return error_set(err, -errno, "journal %s: %s", j->path, strerrordesc_np(errno));
        close(fd);
        r = sqlite3_open_v2(j->path, &j->db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX, NULL);
        if (r != SQLITE_OK)
                return fail(j, r, err);
        sqlite3_extended_result_codes(j->db, 1);
        sqlite3_busy_timeout(j->db, BUSY_MSEC);
        sqlite3_db_config(j->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_db_config(j->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        sqlite3_db_config(j->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
        sqlite3_limit(j->db, SQLITE_LIMIT_LENGTH, 2 * MAX_BODY_BYTES);
        sqlite3_limit(j->db, SQLITE_LIMIT_ATTACHED, 0);
        return run(j, settings, err);
}

int journal_open(Journal **ret, const char *directory, uint64_t epoch, Error *err) {
        _cleanup_(journal_freep) Journal *j = calloc(1, sizeof(*j));
        pthread_condattr_t attr;
        char sql[SQL_BYTES];
        int r;

        if (!j)
                return error_oom(err, sizeof(*j));
        pthread_mutex_init(&j->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&j->wake, &attr);
        pthread_condattr_destroy(&attr);
        j->changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (j->changed < 0)
                return error_set(err, -errno, "eventfd: %s", strerrordesc_np(errno));
        if (asprintf(&j->path, "%s/journal", directory) < 0) {
                j->path = NULL;
                return error_oom(err, strlen(directory));
        }
        r = make_directory(directory, err);
        if (r == 0)
                r = open_file(j, err);
        snprintf(sql, sizeof(sql),
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = %d;"
                 "PRAGMA cache_size = -%d; BEGIN IMMEDIATE", WAL_BYTES, CACHE_KIB);
        if (r == 0)
                r = run(j, sql, err);
        if (r == 0)
                r = check(j, err);
        if (r == 0)
                r = begin_epoch(j, epoch, err);
        if (r == 0)
                r = run(j, "COMMIT", err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(j);
        return 0;
}

Journal *journal_free(Journal *j) {
        if (!j)
                return NULL;
        journal_end_writes(j);
        for (JournalTable t = 0; t < N_JOURNAL_TABLES; t++)
                for (WriteKind kind = 0; kind < N_WRITE_KINDS; kind++)
                        sqlite3_finalize(j->stmt[t][kind]);
        sqlite3_close(j->db);
        if (j->changed >= 0)
                close(j->changed);
        pthread_mutex_destroy(&j->lock);
        pthread_cond_destroy(&j->wake);
        free(j->path);
        free(j);
        return NULL;
}

int journal_relax(Journal *j, Error *err) {
        return run(j, "PRAGMA synchronous = OFF", err);
}

uint64_t journal_epoch(const Journal *j) {
        return j->epoch;
}

void journal_remove(const char *directory) {
        static const char *const names[] = { "journal", "journal-wal", "journal-shm" };
        char path[PATH_MAX];

        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                if (snprintf(path, sizeof(path), "%s/%s", directory, names[k]) < (int) sizeof(path))
                        unlink(path);
        rmdir(directory);
}

const char *journal_path(const Journal *j) {
        return j->path;
}

int journal_read(Journal *j, JournalTable table, int (*row)(void *userdata, const JournalRow *row, Error *err),
                 void *userdata, Error *err) {
        sqlite3_stmt *stmt = NULL;
        char sql[SQL_BYTES];
        JournalRow found;
        int r, ret = 0;

        assert(!j->started);
        table_read_sql(table, sql);
        r = sqlite3_prepare_v2(j->db, sql, -1, &stmt, NULL);
        while (r == SQLITE_OK && ret == 0 && (r = sqlite3_step(stmt)) == SQLITE_ROW) {
                table_row(stmt, table, &found);
                r   = SQLITE_OK;
                ret = row(userdata, &found, err);
        }
        if (ret == 0 && r != SQLITE_DONE)
                ret = fail(j, r, err);
        sqlite3_finalize(stmt);
        return ret;
}
