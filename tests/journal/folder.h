/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A private directory for a journal, and its rows as one text: two journals are the same if their texts are. */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "journal/journal.h"

#include "harness.h"

static inline char *folder_new(void) {
        char *path = NULL;

        ck_assert_int_gt(asprintf(&path, "%s/mars-journal-XXXXXX", getenv("TMPDIR") ?: "/tmp"), 0);
        ck_assert_ptr_nonnull(mkdtemp(path));
        return path;
}

static inline void folder_free(char *path) {
        DIR *d = opendir(path);

        for (struct dirent *e; d && (e = readdir(d));)
                unlinkat(dirfd(d), e->d_name, 0);
        closedir(d);
        rmdir(path);
        free(path);
}

static inline void folder_freep(char **path) {
        if (*path)
                folder_free(*path);
}

static inline uint64_t folder_bytes(const char *path) {
        DIR *d         = opendir(path);
        uint64_t bytes = 0;
        struct stat st;

        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, 0) == 0)
                        bytes += (uint64_t) st.st_size;
        closedir(d);
        return bytes;
}

static inline Journal *journal_in(const char *folder) {
        Journal *j = NULL;
        Error err  = {};
        int r      = journal_open(&j, folder, 1, &err);

        ck_assert_msg(r == 0, "%s", err.text);
        return j;
}

/* Until all that was asked for is on disk, or something is wrong. */
static inline JournalStatus journal_settle(Journal *j) {
        JournalStatus status;

        for (;;) {
                struct pollfd fd = { .fd = journal_fd(j), .events = POLLIN };

                journal_heard(j);
                journal_status(j, &status);
                if (status.committed == status.asked || status.full || status.broken < 0)
                        return status;
                ck_assert_int_eq(poll(&fd, 1, 20000), 1);
        }
}

static inline int row_print(void *userdata, const JournalRow *row, _unused_ Error *err) {
        fprintf(userdata, "%d %llu %llu %llu %llu %llu '%s' ", row->table, (unsigned long long) row->of,
                (unsigned long long) row->id, (unsigned long long) row->number[0], (unsigned long long) row->number[1],
                (unsigned long long) row->number[2], row->text ?: "");
        for (size_t k = 0; k < row->data_bytes; k++)
                fprintf(userdata, "%02x", row->data[k]);
        fputc('\n', userdata);
        return 0;
}

static inline char *journal_text(Journal *j) {
        char *text = NULL;
        size_t n;
        FILE *f   = open_memstream(&text, &n);
        Error err = {};

        for (JournalTable t = 0; t < N_JOURNAL_TABLES; t++)
                ck_assert_msg(journal_read(j, t, row_print, f, &err) == 0, "%s", err.text);
        fclose(f);
        return text;
}
