/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The room of one file, pure: which bytes of it are used, which are free, and which are holes that take no room on the
 * disk. Everything is a multiple of EXTENT_BYTES. An extent that is given back becomes one with free neighbours of its
 * kind; taking and giving back cost the same however many there are. */
#include "base/error.h"

enum {
        EXTENT_BYTES = 4096, /* what O_DIRECT wants of addresses, offsets and sizes on every disk that we know */
        EXTENTS_NONE = 1,
};

typedef enum ExtentKind {
        EXTENT_FREE, /* room on the disk that nothing uses */
        EXTENT_HOLE, /* no room on the disk */
        EXTENT_USED,
        _EXTENT_KIND_MAX,
} ExtentKind;

typedef struct Extent {
        uint64_t offset, size_bytes;
        ExtentKind kind;
        struct Extent *before, *after; /* in the file */
        struct Extent *prev, *next;    /* of the same kind and about the same size, or unused descriptions */
} Extent;

typedef struct Extents Extents;

int extents_new(Extents **ret, uint64_t limit_bytes, Error *err); /* one hole of so many bytes */
Extents *extents_free(Extents *extents);
DEFINE_CLEANUP(Extents *, extents_free)

/* Takes size_bytes out of the free ones, or out of the holes: 0, EXTENTS_NONE, -ENOMEM. */
int extents_take(Extents *extents, ExtentKind from, uint64_t size_bytes, Extent **ret) _must_check_;
/* Takes exactly these bytes, which must be of one hole: 0, EXTENTS_NONE if they are not, -ENOMEM. */
int extents_take_at(Extents *extents, uint64_t offset, uint64_t size_bytes, Extent **ret) _must_check_;
/* Takes all of the largest free extent: 0 or EXTENTS_NONE. */
int extents_take_largest(Extents *extents, Extent **ret) _must_check_;
void extents_give(Extents *extents, Extent *extent, ExtentKind as); /* EXTENT_FREE or EXTENT_HOLE */
/* Gives all but the first keep_bytes back as free; without memory for a description it keeps all. */
void extents_shrink(Extents *extents, Extent *extent, uint64_t keep_bytes);

uint64_t extents_bytes(const Extents *extents, ExtentKind kind);
const Extent *extents_first(const Extents *extents); /* then ->after: the whole file, in order */
