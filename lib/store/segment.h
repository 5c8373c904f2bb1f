/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A segment: pages of one kind behind one run of addresses. They come from a memory file, which other processes may
 * map, or from the process's anonymous memory, of which a child after fork() keeps its own picture.
 *
 * Addresses are there from the beginning; they are opened in steps, and only a page that was claimed is there for
 * sure: touching it never fails, neither for want of memory nor of reserved pages. Claimed pages stay until they
 * are given back. A memory file has mode 0400 and its final size from the first moment, sealed; it is sparse. */
#include "store/store.h"

typedef struct SegmentKind {
        StoreRung rung;
        size_t page_bytes; /* what is claimed and given back is whole pages of this size */
        bool file;
} SegmentKind;

typedef struct Segment {
        SegmentKind kind;
        char *base;
        size_t limit_bytes;   /* of addresses: it ends where the next one begins */
        size_t file_bytes;    /* the size of the file */
        size_t open_bytes;    /* from base on: may be claimed */
        size_t step_bytes;
        size_t claimed_bytes;
        uint64_t *claimed;    /* a bit for each page */
        int fd;               /* of the memory file, or -1 */
        int reader;           /* another description of it, which cannot write; -1 until it is asked for */
        bool scattered;       /* only claimed pages are mapped: there were no reserved pages for the holes, too */
} Segment;

/* Of limit_bytes from `base` on, both multiples of the size of a page; the addresses are the caller's, mapped without
 * access. 0 or an errno with words. */
int segment_init(Segment *segment, const SegmentKind *kind, char *base, size_t limit_bytes, Error *err);
/* The same over a file that segment_init() once made, of which open_bytes were open; takes fd if it succeeds. Every
 * page is there that holds one of what segment_claim() is called for next; segment_settle() gives back the others. */
int segment_init_file(Segment *segment, const SegmentKind *kind, char *base, size_t limit_bytes, int fd,
                      size_t open_bytes, Error *err);
int segment_settle(Segment *segment);
void segment_done(Segment *segment); /* leaves the addresses to the caller */

enum { SEGMENT_NO_PAGES = 3 }; /* the pool of reserved pages has no more, or the system for a file */

int segment_open(Segment *segment, size_t open_bytes) _must_check_; /* 0, SEGMENT_NO_PAGES, -ENOMEM */
/* What is open behind that, and not claimed, is addresses without access again. 0 or an errno: it stays open. */
int segment_shut(Segment *segment, size_t open_bytes) _must_check_;
/* Bytes of pages that [data, data + size_bytes) needs and that are not claimed. */
size_t segment_missing(const Segment *segment, const char *data, size_t size_bytes);
/* 0, or SEGMENT_NO_PAGES; pages that it got until then stay claimed. */
int segment_claim(Segment *segment, const char *data, size_t size_bytes) _must_check_;
/* Gives back at most `enough` bytes (rounded up to pages) of whole pages within: how many. */
size_t segment_give_back(Segment *segment, const char *data, size_t size_bytes, size_t enough);
int segment_reader(Segment *segment); /* a descriptor that cannot write, of the segment; or an errno */

static inline size_t round_up(size_t size_bytes, size_t to) {
        return (size_bytes + to - 1) & ~(to - 1);
}

static inline bool segment_has(const Segment *segment, const char *data) {
        return data >= segment->base && data < segment->base + segment->limit_bytes;
}
