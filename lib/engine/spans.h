/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What took time, and when: a lane for each thread and for each way that chunks go, in each lane a ring of spans that
 * do not overlap, the older ones go. Threads of a worker leave a span for what they run between two looks at the
 * engine's lock, with the times that they have taken anyway; a span that goes on where one of the same kind ended just
 * now becomes one with it, so that small tasks do not push everything else out. What was told does not change any more.
 *
 * Whoever calls has one lock for all of it. Times are those of CLOCK_MONOTONIC. */
#include <stdbool.h>
#include <stdint.h>

enum {
        SPANS_A_LANE     = 2048,   /* 128 KiB a thread: minutes of ordinary tasks */
        SPAN_LABEL_BYTES = 24,     /* "add → sum …": so that a span is a cache line */
        SPAN_GAP_USEC    = 200,    /* what lies nearer together is seen as one */
        SPAN_LONG_USEC   = 500000, /* but not more than this: who looks wants to see it soon */
};

typedef struct Span {
        uint64_t start_usec, plan; /* plan 0: of none */
        uint32_t usec;
        uint32_t n; /* tasks or chunks */
        uint64_t bytes;
        const void *of; /* what makes two spans the same kind, besides the plan; never followed */
        char label[SPAN_LABEL_BYTES];
} Span;

typedef struct SpanLane {
        Span *span;                    /* [SPANS_A_LANE] span k is at k % SPANS_A_LANE */
        uint64_t n, n_told;            /* that there ever were, and that somebody was told of */
        uint32_t n_under_way, n_ended; /* of what is carried, since since_usec */
        uint64_t since_usec, bytes;
} SpanLane;

void span_label(char ret[static SPAN_LABEL_BYTES], const char *label); /* the beginning, in whole characters */
int span_lane_init(SpanLane *lane);                                    /* 0 or -ENOMEM */
void span_lane_clear(SpanLane *lane);
/* Work of a thread. The label is copied. */
void span_add(SpanLane *lane, uint64_t start_usec, uint64_t end_usec, uint64_t plan, const void *of, uint32_t n,
              const char *label);
/* Chunks are carried several at a time: a span is a time in which some always were under way. */
void span_begin(SpanLane *lane, uint64_t now_usec);
void span_end(SpanLane *lane, uint64_t now_usec, uint64_t bytes); /* of one; 0: it did not come */
/* The next span that ends after since_usec, from *at on, which begins at 0. NULL: there is no more. */
const Span *span_next(const SpanLane *lane, uint64_t since_usec, uint64_t *at);
/* Somebody was told of all that are there: the last one does not go on. */
void span_told(SpanLane *lane);
/* Whether spans that end after since_usec are gone. */
bool span_dropped(const SpanLane *lane, uint64_t since_usec);
