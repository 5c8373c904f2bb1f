/* SPDX-License-Identifier: Apache-2.0 */
/* A column is a number, a text or bytes, and is always there; keys are one number or two. Numbers are unsigned here
 * and signed in SQLite: the same 64 bits. */
#include <stdio.h>

#include "journal/tables.h"

const TableSpec journal_tables[N_JOURNAL_TABLES] = {
        [JOURNAL_SESSION] = { "session", .id = "id", .number = { "uid", "local" }, .text = "name", .data = "key" },
        [JOURNAL_REQUEST] = { "request",
                              .of     = "session",
                              .id     = "number",
                              .number = { "id", "done" },
                              .data   = "body" },
        [JOURNAL_RECIPE]  = { "recipe", .id = "id", .number = { "request" }, .data = "body" },
        [JOURNAL_TENSOR]  = { "tensor", .id = "id", .number = { "recipe", "session" }, .data = "body" },
        [JOURNAL_HELD]    = { "held", .of = "session", .id = "tensor", .number = { "n" } },
        [JOURNAL_NAME]    = { "name", .of = "uid", .id = "id", .number = { "tensor" }, .text = "name" },
        [JOURNAL_WORKER]  = { "worker", .id = "number", .number = { "identity" }, .text = "name" },
};

/* fmt: once for each column, with its name and type. */
static int put_columns(const TableSpec *t, char *sql, int at, const char *fmt, bool keys_only) {
        const char *numbers[2 + JOURNAL_NUMBERS] = { t->of, t->id, t->number[0], t->number[1], t->number[2] };

        for (int k = 0; k < (keys_only ? 2 : (int) ELEMENTSOF(numbers)); k++)
                if (numbers[k])
                        at += snprintf(sql + at, (size_t) (SQL_BYTES - at), fmt, numbers[k], "INTEGER");
        if (t->text && !keys_only)
                at += snprintf(sql + at, (size_t) (SQL_BYTES - at), fmt, t->text, "TEXT");
        if (t->data && !keys_only)
                at += snprintf(sql + at, (size_t) (SQL_BYTES - at), fmt, t->data, "BLOB");
        assert(at < SQL_BYTES);
        return at;
}

void table_create_sql(JournalTable table, char sql[SQL_BYTES]) {
        const TableSpec *t = &journal_tables[table];
        int at             = snprintf(sql, SQL_BYTES, "CREATE TABLE %s(", t->name);

        at = put_columns(t, sql, at, "%s %s NOT NULL, ", false);
        if (t->of)
                snprintf(sql + at, (size_t) (SQL_BYTES - at), "PRIMARY KEY(%s, %s)) STRICT", t->of, t->id);
        else
                snprintf(sql + at, (size_t) (SQL_BYTES - at), "PRIMARY KEY(%s)) STRICT", t->id);
}

void table_sql(JournalTable table, WriteKind kind, char sql[SQL_BYTES]) {
        const TableSpec *t = &journal_tables[table];
        int at;

        switch (kind) {
        case WRITE_PUT:
                at = snprintf(sql, SQL_BYTES, "INSERT OR REPLACE INTO %s VALUES(", t->name);
                at = put_columns(t, sql, at, "?,", false);
                snprintf(sql + at - 1, (size_t) (SQL_BYTES - at + 1), ")");
                return;
        case WRITE_DROP:
                at = snprintf(sql, SQL_BYTES, "DELETE FROM %s WHERE ", t->name);
                at = put_columns(t, sql, at, "%s = ? AND ", true);
                sql[at - 5] = '\0';
                return;
        case WRITE_DROP_OF:
                assert(t->of);
                snprintf(sql, SQL_BYTES, "DELETE FROM %s WHERE %s = ?", t->name, t->of);
                return;
        default:
                assert(false);
        }
}

void table_read_sql(JournalTable table, char sql[SQL_BYTES]) {
        const TableSpec *t = &journal_tables[table];

        if (t->of)
                snprintf(sql, SQL_BYTES, "SELECT * FROM %s ORDER BY %s, %s", t->name, t->of, t->id);
        else
                snprintf(sql, SQL_BYTES, "SELECT * FROM %s ORDER BY %s", t->name, t->id);
}

int table_bind(sqlite3_stmt *stmt, WriteKind kind, const JournalRow *row) {
        const TableSpec *t = &journal_tables[row->table];
        int r = SQLITE_OK, at = 0;

        if (t->of)
                r = sqlite3_bind_int64(stmt, ++at, (int64_t) row->of);
        if (r == SQLITE_OK && kind != WRITE_DROP_OF)
                r = sqlite3_bind_int64(stmt, ++at, (int64_t) row->id);
        for (int k = 0; k < JOURNAL_NUMBERS && r == SQLITE_OK && kind == WRITE_PUT; k++)
                if (t->number[k])
                        r = sqlite3_bind_int64(stmt, ++at, (int64_t) row->number[k]);
        if (r == SQLITE_OK && kind == WRITE_PUT && t->text)
                r = sqlite3_bind_text(stmt, ++at, row->text ?: "", -1, SQLITE_STATIC);
        if (r == SQLITE_OK && kind == WRITE_PUT && t->data)
                r = row->data_bytes > 0 ? sqlite3_bind_blob64(stmt, ++at, row->data, row->data_bytes, SQLITE_STATIC)
                                        : sqlite3_bind_zeroblob(stmt, ++at, 0);
        return r;
}

void table_row(sqlite3_stmt *stmt, JournalTable table, JournalRow *ret) {
        const TableSpec *t = &journal_tables[table];
        int at             = 0;

        *ret = (JournalRow) { .table = table };
        if (t->of)
                ret->of = (uint64_t) sqlite3_column_int64(stmt, at++);
        ret->id = (uint64_t) sqlite3_column_int64(stmt, at++);
        for (int k = 0; k < JOURNAL_NUMBERS; k++)
                if (t->number[k])
                        ret->number[k] = (uint64_t) sqlite3_column_int64(stmt, at++);
        if (t->text)
                ret->text = (const char *) sqlite3_column_text(stmt, at++);
        if (t->data) {
                ret->data       = sqlite3_column_blob(stmt, at);
                ret->data_bytes = (size_t) sqlite3_column_bytes(stmt, at);
        }
}
