/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/borrow.h"

/* The file that is meant; a new one comes with the first message that names it. */
static int file_find(Lender *lender, const Wire_at *at, int fd, Foreign **ret, Error *err) {
        int r;

        if (at->file > lender->n_files || at->file >= STORE_MAX_FILES || (fd >= 0) != (at->file == lender->n_files))
                return error_set(err, ERROR_CORRUPT, "memory file %u, of %u that came%s", at->file, lender->n_files,
                                 fd >= 0 ? ", and one more" : "");
        if (fd >= 0) {
                r = lender->unmappable ? -ENODEV : foreign_open(&lender->file[at->file], fd, err);
                if (r == ERROR_VALUE)
                        return r;
                lender->unmappable |= r < 0;
                lender->n_files++;
        }
        *ret = lender->file[at->file];
        return *ret ? 0 : BORROW_UNMAPPABLE;
}

int borrow(Lender *lender, const Wire_at *at, int fd, Borrowed **ret, Error *err) {
        Borrowed *b;
        Foreign *file;
        const char *data;
        int r = file_find(lender, at, fd, &file, err);

        if (r != 0)
                return r;
        data = foreign_at(file, at->offset, at->size_bytes);
        if (!data)
                return error_set(err, ERROR_CORRUPT, "chunk %llu beyond the end of its memory file",
                                 (unsigned long long) at->chunk);
        b = calloc(1, sizeof(*b));
        if (!b)
                return error_oom(err, sizeof(*b));
        *b = (Borrowed) { .lender     = lender,
                          .file       = foreign_ref(file),
                          .chunk      = at->chunk,
                          .data       = data,
                          .size_bytes = at->size_bytes,
                          .next       = lender->first };
        if (b->next)
                b->next->before = b;
        lender->first = b;
        *ret          = b;
        return 0;
}

static void borrowed_part(Borrowed *b) {
        assert(b->lender);
        if (b->before)
                b->before->next = b->next;
        else
                b->lender->first = b->next;
        if (b->next)
                b->next->before = b->before;
        b->next = b->before = NULL;
        b->lender           = NULL;
}

Borrowed *borrowed_free(Borrowed *b) {
        if (!b)
                return NULL;
        if (b->lender)
                borrowed_part(b);
        foreign_unref(b->file);
        free(b);
        return NULL;
}

/* Where there is no memory for a copy the bytes stay where they are, and right as long as the other process lives or
 * nobody takes its files over: there is nothing better to be had. */
void lender_leave(Lender *lender, bool keep) {
        while (lender->first) {
                Borrowed *b = lender->first;

                if (keep)
                        (void) foreign_keep(b->file, b->data, b->size_bytes);
                borrowed_part(b);
        }
        for (uint32_t k = 0; k < lender->n_files; k++)
                foreign_unref(lender->file[k]);
        *lender = (Lender) {};
}
