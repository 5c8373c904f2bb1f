/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "engine/spans.h"
#include "harness.h"

enum { OTHER = 2 };
static const char kind[OTHER + 1]; /* addresses */

static uint32_t count(const SpanLane *lane, uint64_t since) {
        uint32_t n = 0;

        for (uint64_t at = 0; span_next(lane, since, &at);)
                n++;
        return n;
}

static const Span *last(const SpanLane *lane) {
        return &lane->span[(lane->n - 1) % SPANS_A_LANE];
}

TEST(span_that_goes_on_where_one_of_the_same_kind_ended_is_one_with_it) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        span_add(&lane, 1000, 1010, 7, &kind[0], 3, "add");
        span_add(&lane, 1010 + SPAN_GAP_USEC - 1, 2000, 7, &kind[0], 2, "add");
        ck_assert_uint_eq(lane.n, 1);
        ck_assert_uint_eq(last(&lane)->start_usec, 1000);
        ck_assert_uint_eq(last(&lane)->usec, 1000);
        ck_assert_uint_eq(last(&lane)->n, 5);
        span_add(&lane, 2000 + SPAN_GAP_USEC, 3000, 7, &kind[0], 1, "add"); /* too late, */
        span_add(&lane, 3000, 4000, 7, &kind[OTHER], 1, "sum");             /* another stage, */
        span_add(&lane, 4000, 5000, 8, &kind[OTHER], 1, "sum");             /* another plan */
        ck_assert_uint_eq(lane.n, 4);
        span_lane_clear(&lane);
}

TEST(span_is_not_longer_than_who_looks_wants_to_wait) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        for (uint64_t at = 0; at < 4 * (uint64_t) SPAN_LONG_USEC; at += 1000)
                span_add(&lane, at, at + 1000, 1, &kind[0], 1, "add");
        ck_assert_uint_eq(lane.n, 4);
        span_add(&lane, 10000000000, 20000000000, 1, &kind[0], 1, "add"); /* hours */
        ck_assert_uint_eq(last(&lane)->usec, UINT32_MAX);
        span_lane_clear(&lane);
}

TEST(span_that_somebody_was_told_of_does_not_change) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        span_told(&lane);
        span_add(&lane, 0, 1000, 1, &kind[0], 1, "add");
        span_add(&lane, 1000, 2000, 1, &kind[0], 1, "add");
        ck_assert_uint_eq(lane.n, 1);
        span_told(&lane);
        span_add(&lane, 2000, 3000, 1, &kind[0], 1, "add");
        span_add(&lane, 3000, 4000, 1, &kind[0], 1, "add");
        ck_assert_uint_eq(lane.n, 2);
        ck_assert_uint_eq(lane.span[0].usec, 2000);
        ck_assert_uint_eq(lane.span[1].usec, 2000);
        span_lane_clear(&lane);
}

TEST(label_is_cut_between_characters) {
        SpanLane lane;
        char long_label[] = "abcdefghijklmnopqrst → sum";

        ck_assert_int_eq(span_lane_init(&lane), 0);
        span_add(&lane, 0, 1, 1, &kind[0], 1, "12345678901234567890123");
        ck_assert_str_eq(last(&lane)->label, "12345678901234567890123");
        span_add(&lane, 0, 1, 2, &kind[0], 1, long_label); /* bytes 21 to 23 are the arrow */
        ck_assert_str_eq(last(&lane)->label, "abcdefghijklmnopqrst ");
        span_lane_clear(&lane);
}

TEST(chunks_that_are_carried_at_a_time_are_one_span) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        span_begin(&lane, 100);
        span_begin(&lane, 150);
        span_end(&lane, 200, 1000);
        span_begin(&lane, 250);
        span_end(&lane, 300, 0); /* it did not come */
        ck_assert_uint_eq(lane.n, 0);
        span_end(&lane, 400, 500);
        ck_assert_uint_eq(lane.n, 1);
        ck_assert_uint_eq(last(&lane)->start_usec, 100);
        ck_assert_uint_eq(last(&lane)->usec, 300);
        ck_assert_uint_eq(last(&lane)->n, 2);
        ck_assert_uint_eq(last(&lane)->bytes, 1500);
        span_begin(&lane, 900);
        span_end(&lane, 950, 0);
        ck_assert_uint_eq(lane.n, 1); /* nothing was carried */
        span_lane_clear(&lane);
}

TEST(carrying_that_does_not_end_is_seen_meanwhile) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        span_begin(&lane, 0);
        for (uint64_t at = 0; at < 4 * (uint64_t) SPAN_LONG_USEC; at += 1000) {
                span_begin(&lane, at);
                span_end(&lane, at + 1000, 10);
        }
        ck_assert_uint_eq(lane.n, 4);
        ck_assert_uint_eq(last(&lane)->start_usec, 3 * (uint64_t) SPAN_LONG_USEC);
        span_lane_clear(&lane);
}

TEST(oldest_spans_go_and_one_hears_of_it_if_one_asked_for_them) {
        SpanLane lane;

        ck_assert_int_eq(span_lane_init(&lane), 0);
        for (uint64_t k = 0; k < SPANS_A_LANE; k++)
                span_add(&lane, 1000 * k, 1000 * k + 500, k, &kind[0], 1, "add");
        ck_assert(!span_dropped(&lane, 0));
        ck_assert_uint_eq(count(&lane, 0), SPANS_A_LANE);
        ck_assert_uint_eq(count(&lane, 1000 * (SPANS_A_LANE - 1)), 1);
        for (uint64_t k = SPANS_A_LANE; k < SPANS_A_LANE + 10; k++)
                span_add(&lane, 1000 * k, 1000 * k + 500, k, &kind[0], 1, "add");
        ck_assert_uint_eq(count(&lane, 0), SPANS_A_LANE);
        ck_assert(span_dropped(&lane, 0));
        ck_assert(!span_dropped(&lane, 20000));
        span_lane_clear(&lane);
}
