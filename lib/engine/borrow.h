/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Chunks that are read where they lie, in another process's memory files (AT, LET; docs/PROTOCOL.md). The other side
 * holds a chunk for us until we let it go, or the link is closed: then what we still read becomes memory of our own,
 * at the same address, and nobody who reads it notices.
 *
 * Everything here belongs to whoever owns the link: its loop's thread, or a lock that it takes. */
#include "store/foreign.h"
#include "store/store.h"
#include "wire/wire.h"

/* The other side of a link, as far as it lends. Zeroed is one that has lent nothing. */
typedef struct Lender {
        Foreign *file[STORE_MAX_FILES];
        uint32_t n_files;
        bool unmappable;        /* its files cannot be mapped here: bytes are asked for */
        struct Borrowed *first;
        void *owner;            /* the caller's, as long as anything is borrowed */
} Lender;

typedef struct Borrowed {
        Lender *lender;         /* NULL: it is gone, and the bytes are ours */
        Foreign *file;
        uint64_t chunk;
        const char *data;
        size_t size_bytes;
        struct Borrowed *next, *before; /* of the lender's */
        void *owner;            /* these are the caller's */
        struct Borrowed *also;
} Borrowed;

enum { BORROW_UNMAPPABLE = 1 };

/* What an AT says, with the descriptor that came with it (-1: none), which stays the caller's. 0; BORROW_UNMAPPABLE,
 * with words: bytes are to be asked for instead, after LET; ERROR_CORRUPT: the other side is not to be believed; or
 * -ENOMEM. */
int borrow(Lender *lender, const Wire_at *at, int fd, Borrowed **ret, Error *err);
/* Nobody reads it any more; to tell the lender, if there is one, is the caller's. */
Borrowed *borrowed_free(Borrowed *borrowed);
/* The link is closed, or will be. `keep`: what is borrowed will still be read. */
void lender_leave(Lender *lender, bool keep);
