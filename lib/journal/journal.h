/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a scheduler remembers across its death: an SQLite file of what nobody could be asked for
 * (docs/decisions/0026-the-journal.md). Never tasks, never where chunks are.
 *
 * Rows are put and dropped by one thread, which never waits: they are a list in memory, which a thread of the
 * journal's own takes and commits, all of it at a time. What was put or dropped has a number, one more than that
 * before; all up to `committed` is on disk, whatever dies. Whatever dies, the file is what some first part of the
 * calls has left. One process has a journal at a time, a second one is refused.
 *
 *   session   a client's, with the key that it comes back with
 *   request   of a session: its graph, until it is done; then its outcome, until the client knows it
 *   recipe    a plan whose results live, or that runs: what it was made of
 *   tensor    what it is, and how it could be made again
 *   held      how many references to a tensor a session has
 *   name      a tensor that outlives its session
 *   worker    that had joined and had not left: it may have chunks */
#include <sys/types.h>

#include "base/error.h"

typedef struct Journal Journal;

typedef enum JournalTable {
        JOURNAL_SESSION,
        JOURNAL_REQUEST,
        JOURNAL_RECIPE,
        JOURNAL_TENSOR,
        JOURNAL_HELD,
        JOURNAL_NAME,
        JOURNAL_WORKER,
        N_JOURNAL_TABLES,
} JournalTable;

enum { JOURNAL_NUMBERS = 3 };

/* A row of any table; journal.c says which of these a table has, and what they are called there. What it does not
 * have is 0, NULL. */
typedef struct JournalRow {
        JournalTable table;
        uint64_t of, id; /* its key */
        uint64_t number[JOURNAL_NUMBERS];
        const char *text;
        const uint8_t *data;
        size_t data_bytes;
} JournalRow;

/* Opens the journal in the directory, which is made if it is missing, and commits an epoch that is larger than all
 * before and at least `epoch`. Refused with words: a journal that another process has (-EBUSY), that is no journal or
 * damaged (ERROR_CORRUPT), of a version of Mars that this one does not know (ERROR_SUPPORT), or where others may write
 * (-EACCES). */
int journal_open(Journal **ret, const char *directory, uint64_t epoch, Error *err);
/* Commits what it can, and closes. */
Journal *journal_free(Journal *journal);
DEFINE_CLEANUP(Journal *, journal_free)
/* Takes the files of a journal that nobody has open away, and their directory if nothing else is in it: of a cluster
 * that ends with its program. */
void journal_remove(const char *directory);
/* What it has need not outlive the machine, only processes: nothing waits for the disk any more. */
int journal_relax(Journal *journal, Error *err);
uint64_t journal_epoch(const Journal *journal);
const char *journal_path(const Journal *journal);

/* All rows of a table, in the order of their keys; before anything is put or dropped. A negative result of row() ends
 * it. */
int journal_read(Journal *journal, JournalTable table,
                 int (*row)(void *userdata, const JournalRow *row, Error *err), void *userdata, Error *err);

/* What is put and dropped between hold and let go is on disk together, or not at all. */
void journal_hold(Journal *journal, bool hold);
/* In place of the row with the same key, if there is one. 0 or -ENOMEM. */
int journal_put(Journal *journal, const JournalRow *row) _must_check_;
int journal_drop(Journal *journal, JournalTable table, uint64_t of, uint64_t id) _must_check_;
int journal_drop_of(Journal *journal, JournalTable table, uint64_t of) _must_check_; /* whatever their id */

typedef struct JournalStatus {
        uint64_t asked;     /* the number of what was put or dropped last */
        uint64_t committed; /* all up to this one is on disk */
        uint64_t waiting_bytes;
        bool full;          /* the disk is: it is tried again and again; nothing is lost but what dies with us */
        int broken;         /* negative: nothing will be committed any more, and what was need not be there */
        char text[MAX_ERROR_TEXT]; /* why it is full or broken */
} JournalStatus;

void journal_status(Journal *journal, JournalStatus *ret);
/* Readable when the status has changed for the better or the worse, until journal_heard(). */
int journal_fd(const Journal *journal);
void journal_heard(Journal *journal);
