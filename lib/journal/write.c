/* SPDX-License-Identifier: Apache-2.0 */
/* Rows on their way to disk. The thread takes the whole list and makes one transaction of it: while the disk works,
 * the next list grows, so that a slow disk has larger transactions and not a longer queue.
 *
 * A full disk is waited for: the transaction is undone, and tried again with what has come meanwhile. Anything else
 * that fails leaves nobody knowing what is on disk (after a failed fsync() the next one may well succeed, without the
 * bytes): then nothing is written any more. */
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "journal/tables.h"

enum { RETRY_SECONDS = 1 };

static void writes_free(Writes *w) {
        for (uint32_t k = 0; k < w->write.n; k++)
                free(w->write.data[k].copy);
        vec_free(&w->write);
}

/* ---- The thread ------------------------------------------------------------------------------------------------- */

static int write_one(Journal *j, const Write *w) {
        sqlite3_stmt **stmt = &j->stmt[w->row.table][w->kind];
        char sql[SQL_BYTES];
        int r = SQLITE_OK;

        if (!*stmt) {
                table_sql(w->row.table, w->kind, sql);
                r = sqlite3_prepare_v3(j->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
        }
        if (r == SQLITE_OK)
                r = table_bind(*stmt, w->kind, &w->row);
        if (r == SQLITE_OK)
                r = sqlite3_step(*stmt) == SQLITE_DONE ? SQLITE_OK : sqlite3_extended_errcode(j->db);
        sqlite3_reset(*stmt);
        return r;
}

static int write_all(Journal *j) {
        int r;

        errno = 0;
        r     = sqlite3_exec(j->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
        for (uint32_t k = 0; k < j->doing.write.n && r == SQLITE_OK; k++)
                r = write_one(j, &j->doing.write.data[k]);
        return r == SQLITE_OK ? sqlite3_exec(j->db, "COMMIT", NULL, NULL, NULL) : r;
}

/* Disks, quotas and file sizes have ends, and others may make room. */
static bool is_full(int sqlite, int os) {
        return (sqlite & 0xff) == SQLITE_FULL ||
               ((sqlite & 0xff) == SQLITE_IOERR && sqlite != SQLITE_IOERR_FSYNC && sqlite != SQLITE_IOERR_DIR_FSYNC &&
                (os == ENOSPC || os == EDQUOT || os == EFBIG));
}

/* The words of a failure, before anything else is asked of SQLite. */
static void status_failed(Journal *j, int sqlite, JournalStatus *ret) {
        const int os = errno; /* SQLite keeps it no longer than the statement */
        Error err    = {};

        ret->full = is_full(sqlite, os);
        error_set(&err, ret->full ? -ENOSPC : -EIO, "journal %s: %s%s%s", j->path, sqlite3_errmsg(j->db),
                  os > 0 ? ": " : "", os > 0 ? strerrordesc_np(os) ?: "" : "");
        ret->broken = ret->full ? 0 : err.code;
        memcpy(ret->text, err.text, sizeof(err.text));
}

/* All that has come is to be done; the lock is held. */
static int take(Journal *j) {
        Writes *to = &j->doing, *from = &j->waiting;

        if (to->write.n == 0) {
                const Writes empty = *to;

                *to   = *from;
                *from = empty;
                return 0;
        }
        if (vec_reserve(&to->write, to->write.n + from->write.n) < 0)
                return -ENOMEM;
        memcpy(to->write.data + to->write.n, from->write.data, from->write.n * sizeof(*from->write.data));
        to->write.n += from->write.n;
        to->bytes += from->bytes;
        from->write.n = 0;
        from->bytes   = 0;
        return 0;
}

static void tell(Journal *j) {
        const uint64_t one = 1;

        if (write(j->changed, &one, sizeof(one)) < 0)
                assert(errno == EAGAIN); /* it has been told very often */
}

static void *journal_main(void *userdata) {
        Journal *j = userdata;
        bool tried = false;

        pthread_mutex_lock(&j->lock);
        while (j->status.broken == 0) {
                JournalStatus now = {};
                uint64_t last;
                int r;

                if (j->stop && (tried || j->waiting.write.n + j->doing.write.n == 0))
                        break;
                if (j->status.full && !j->stop) {
                        struct timespec at;

                        clock_gettime(CLOCK_MONOTONIC, &at);
                        at.tv_sec += RETRY_SECONDS;
                        while (!j->stop && pthread_cond_timedwait(&j->wake, &j->lock, &at) == 0)
                                ;
                        while (j->held)
                                pthread_cond_wait(&j->wake, &j->lock);
                } else if (!j->stop && (j->waiting.write.n == 0 || j->held)) {
                        pthread_cond_wait(&j->wake, &j->lock);
                        continue;
                }
                tried = j->stop; /* the last time */
                if (take(j) < 0)
                        continue; /* what is being done first */
                last = j->status.asked;
                pthread_mutex_unlock(&j->lock);
                r = write_all(j);
                if (r != SQLITE_OK) {
                        status_failed(j, r, &now);
                        if (!sqlite3_get_autocommit(j->db))
                                sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
                } else
                        writes_free(&j->doing);
                pthread_mutex_lock(&j->lock);
                if (r == SQLITE_OK)
                        j->doing.bytes = 0; /* others look at it */
                now.asked     = j->status.asked;
                now.committed = r == SQLITE_OK ? last : j->status.committed;
                j->status     = now;
                tell(j);
        }
        pthread_mutex_unlock(&j->lock);
        return NULL;
}

/* ---- Others ----------------------------------------------------------------------------------------------------- */

static int start(Journal *j) {
        sigset_t all, before;

        sigfillset(&all); /* signals are for the program's own threads */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        j->started = pthread_create(&j->thread, NULL, journal_main, j) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return j->started ? 0 : -ENOMEM;
}

static int add(Journal *j, WriteKind kind, const JournalRow *row) {
        const size_t text_bytes = row->text ? strlen(row->text) + 1 : 0;
        Write w                 = { .kind = kind, .row = *row, .copy = malloc(row->data_bytes + text_bytes + 1) };
        int r                   = w.copy ? 0 : -ENOMEM;

        if (r == 0 && !j->started)
                r = start(j);
        if (r == 0) {
                if (row->data_bytes > 0)
                        memcpy(w.copy, row->data, row->data_bytes);
                w.row.data = (const uint8_t *) w.copy;
                if (row->text)
                        w.row.text = memcpy(w.copy + row->data_bytes, row->text, text_bytes);
                pthread_mutex_lock(&j->lock);
                r = vec_push(&j->waiting.write, w);
                if (r == 0) {
                        j->status.asked++;
                        j->waiting.bytes += sizeof(w) + row->data_bytes + text_bytes;
                        if (j->waiting.write.n == 1 && !j->status.full && !j->held)
                                pthread_cond_signal(&j->wake);
                }
                pthread_mutex_unlock(&j->lock);
        }
        if (r < 0)
                free(w.copy);
        return r;
}

int journal_put(Journal *j, const JournalRow *row) {
        return add(j, WRITE_PUT, row);
}

int journal_drop(Journal *j, JournalTable table, uint64_t of, uint64_t id) {
        return add(j, WRITE_DROP, &(JournalRow) { .table = table, .of = of, .id = id });
}

int journal_drop_of(Journal *j, JournalTable table, uint64_t of) {
        return add(j, WRITE_DROP_OF, &(JournalRow) { .table = table, .of = of });
}

void journal_hold(Journal *j, bool hold) {
        pthread_mutex_lock(&j->lock);
        j->held = hold;
        if (!hold && j->waiting.write.n > 0)
                pthread_cond_signal(&j->wake);
        pthread_mutex_unlock(&j->lock);
}

int journal_fd(const Journal *j) {
        return j->changed;
}

void journal_heard(Journal *j) {
        uint64_t n;

        if (read(j->changed, &n, sizeof(n)) < 0)
                assert(errno == EAGAIN);
}

void journal_status(Journal *j, JournalStatus *ret) {
        pthread_mutex_lock(&j->lock);
        *ret               = j->status;
        ret->waiting_bytes = j->waiting.bytes + (ret->committed < ret->asked ? j->doing.bytes : 0);
        pthread_mutex_unlock(&j->lock);
}

void journal_end_writes(Journal *j) {
        if (j->started) {
                pthread_mutex_lock(&j->lock);
                j->stop = true;
                pthread_cond_signal(&j->wake);
                pthread_mutex_unlock(&j->lock);
                pthread_join(j->thread, NULL);
        }
        writes_free(&j->waiting);
        writes_free(&j->doing);
}
