/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The tables of a journal, from which all of its SQL is made, and what its files share. */
#include <pthread.h>
#include <sqlite3.h>

#include "base/vec.h"
#include "journal/journal.h"

enum {
        JOURNAL_ID     = 0x4d617273, /* "Mars", in the file's header */
        JOURNAL_SCHEMA = 1,
        SQL_BYTES      = 512,
};

typedef struct TableSpec {
        const char *name;
        const char *of, *id;                /* the key; of: NULL when there is none */
        const char *number[JOURNAL_NUMBERS];
        const char *text, *data;
} TableSpec;

extern const TableSpec journal_tables[N_JOURNAL_TABLES];

typedef enum WriteKind { WRITE_PUT, WRITE_DROP, WRITE_DROP_OF, N_WRITE_KINDS } WriteKind;

/* Something to be done, with copies of its text and data. */
typedef struct Write {
        WriteKind kind;
        JournalRow row;
        char *copy;
} Write;

typedef struct Writes {
        Vec(Write) write;
        uint64_t bytes;
} Writes;

struct Journal {
        sqlite3 *db;
        char *path;
        uint64_t epoch;
        sqlite3_stmt *stmt[N_JOURNAL_TABLES][N_WRITE_KINDS]; /* made when first needed */

        pthread_t thread;
        bool started;
        int changed;            /* eventfd */
        Writes doing;           /* the thread's: what it is committing */

        pthread_mutex_t lock;   /* of what follows */
        pthread_cond_t wake;
        Writes waiting;
        bool held, stop;
        JournalStatus status;
};

/* SQL that does what `kind` says, with the columns of the row as its parameters 1, 2, … */
void table_sql(JournalTable table, WriteKind kind, char sql[SQL_BYTES]);
void table_create_sql(JournalTable table, char sql[SQL_BYTES]);
void table_read_sql(JournalTable table, char sql[SQL_BYTES]);
int table_bind(sqlite3_stmt *stmt, WriteKind kind, const JournalRow *row);
/* What the thread can still commit is committed, and the thread ends. */
void journal_end_writes(Journal *j);
void table_row(sqlite3_stmt *stmt, JournalTable table, JournalRow *ret);
