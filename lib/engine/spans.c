/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/spans.h"

int span_lane_init(SpanLane *lane) {
        *lane = (SpanLane) { .span = calloc(SPANS_A_LANE, sizeof(*lane->span)) };
        return lane->span ? 0 : -ENOMEM;
}

void span_lane_clear(SpanLane *lane) {
        free(lane->span);
        *lane = (SpanLane) {};
}

void span_label(char ret[static SPAN_LABEL_BYTES], const char *label) {
        size_t n = strnlen(label, SPAN_LABEL_BYTES);

        if (n == SPAN_LABEL_BYTES)
                for (n--; n > 0 && ((unsigned char) label[n] & 0xc0) == 0x80;)
                        n--;
        memcpy(ret, label, n);
        ret[n] = 0;
}

static uint32_t usec_between(uint64_t start_usec, uint64_t end_usec) {
        return end_usec - start_usec < UINT32_MAX ? (uint32_t) (end_usec - start_usec) : UINT32_MAX; /* over an hour */
}

void span_add(SpanLane *lane, uint64_t start_usec, uint64_t end_usec, uint64_t plan, const void *of, uint32_t n,
              const char *label) {
        Span *last = &lane->span[(lane->n + SPANS_A_LANE - 1) % SPANS_A_LANE];

        if (lane->n > lane->n_told && last->of == of && last->plan == plan && last->usec < SPAN_LONG_USEC &&
            start_usec - (last->start_usec + last->usec) < SPAN_GAP_USEC) {
                last->usec = usec_between(last->start_usec, end_usec);
                last->n += n;
                return;
        }
        last  = &lane->span[lane->n++ % SPANS_A_LANE];
        *last = (Span) {
                .start_usec = start_usec, .plan = plan, .usec = usec_between(start_usec, end_usec), .n = n, .of = of
        };
        span_label(last->label, label);
}

/* What has been carried since since_usec. */
static void carried(SpanLane *lane, uint64_t now_usec) {
        if (lane->n_ended > 0)
                lane->span[lane->n++ % SPANS_A_LANE] = (Span) { .start_usec = lane->since_usec,
                                                                .usec       = usec_between(lane->since_usec, now_usec),
                                                                .n          = lane->n_ended,
                                                                .bytes      = lane->bytes };
        lane->since_usec = now_usec;
        lane->n_ended    = 0;
        lane->bytes      = 0;
}

void span_begin(SpanLane *lane, uint64_t now_usec) {
        if (lane->n_under_way++ == 0)
                carried(lane, now_usec);
}

void span_end(SpanLane *lane, uint64_t now_usec, uint64_t bytes) {
        lane->n_ended += bytes > 0;
        lane->bytes += bytes;
        if (--lane->n_under_way == 0 || now_usec - lane->since_usec >= SPAN_LONG_USEC)
                carried(lane, now_usec);
}

static uint64_t first(const SpanLane *lane) {
        return lane->n > SPANS_A_LANE ? lane->n - SPANS_A_LANE : 0;
}

const Span *span_next(const SpanLane *lane, uint64_t since_usec, uint64_t *at) {
        if (*at < first(lane))
                *at = first(lane);
        while (*at < lane->n) {
                const Span *span = &lane->span[(*at)++ % SPANS_A_LANE];

                if (span->start_usec + span->usec > since_usec)
                        return span;
        }
        return NULL;
}

void span_told(SpanLane *lane) {
        lane->n_told = lane->n;
}

bool span_dropped(const SpanLane *lane, uint64_t since_usec) {
        return first(lane) > 0 && lane->span[lane->n % SPANS_A_LANE].start_usec > since_usec;
}
