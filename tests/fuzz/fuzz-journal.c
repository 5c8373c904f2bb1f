/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the file of a journal; or "WAL:", a number of four bytes, so many bytes of the file, and the rest is its
 * log. Whatever it is, it is refused with words, or its rows are read and more of them written, which the next one
 * reads. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void must(bool truth) {
        if (!truth)
                abort();
}

static void folder_remove(void) {
        static const char *const names[] = { "/journal", "/journal-wal", "/journal-shm", "/journal-journal", "" };
        char path[128];

        for (size_t k = 0; k < ELEMENTSOF(names); k++) {
                snprintf(path, sizeof(path), "%s%s", folder, names[k]);
                remove(path);
        }
}

static void file_write(const char *name, const uint8_t *data, size_t size) {
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        f = fopen(path, "w");
        must(f && (size == 0 || fwrite(data, 1, size, f) == size) && fclose(f) == 0);
}

static int row(void *userdata, const JournalRow *row, _unused_ Error *err) {
        uint64_t *sum = userdata;

        must(row->data_bytes == 0 || row->data);
        for (size_t k = 0; k < row->data_bytes; k++)
                *sum += row->data[k];
        *sum += row->text ? strlen(row->text) : 0;
        return 0;
}

static bool journal_use(bool *ret_broken) {
        Journal *j   = NULL;
        Error err    = {};
        uint64_t sum = 0;
        JournalStatus status;
        int r = journal_open(&j, folder, 1, &err);

        if (r < 0) {
                must(!j && err.code == r && err.text[0]);
                return false;
        }
        for (JournalTable t = 0; t < N_JOURNAL_TABLES; t++)
                if (journal_read(j, t, row, &sum, &err) < 0)
                        must(err.text[0]);
        for (JournalTable t = 0; t < N_JOURNAL_TABLES; t++)
                must(journal_put(j, &(JournalRow) { .table = t, .id = 3, .text = "t", .data = (const uint8_t *) "d",
                                                    .data_bytes = 1 }) == 0 &&
                     journal_drop(j, t, 1, 1) == 0);
        for (;;) {
                journal_heard(j);
                journal_status(j, &status);
                if (status.committed == status.asked || status.broken < 0)
                        break;
                poll(&(struct pollfd) { .fd = journal_fd(j), .events = POLLIN }, 1, 10000);
        }
        *ret_broken = status.broken < 0;
        must(!*ret_broken || status.text[0]);
        journal_free(j);
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        uint32_t n_file;
        bool broken;

        snprintf(folder, sizeof(folder), "%s/mars-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        must(mkdtemp(folder) != NULL);
        if (size >= 8 && memcmp(data, "WAL:", 4) == 0) {
                memcpy(&n_file, data + 4, sizeof(n_file));
                n_file = MIN(n_file, (uint32_t) size - 8);
                file_write("journal", data + 8, n_file);
                file_write("journal-wal", data + 8 + n_file, size - 8 - n_file);
        } else
                file_write("journal", data, size);
        if (journal_use(&broken) && !broken)
                must(journal_use(&broken) && !broken);
        folder_remove();
        return 0;
}
