/* SPDX-License-Identifier: Apache-2.0 */
/* Workers here are texts that have some spans; whoever applies the changes has what is printed as a whole. */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "daemons/web/timeline.h"
#include "harness.h"

typedef struct json_object Json;

enum { LABEL = 200 }; /* characters, so that not many fit */
static char answer_text[8 << 20];

/* Of the worker's one lane: spans with the numbers from `from` to before `to`, a second each. */
static const char *answer(uint32_t worker, uint32_t from, uint32_t to, double epoch) {
        char *at = answer_text;

        at += sprintf(at, "{\"time\": %.6f, \"lanes\": [{\"lane\": %u, \"worker\": %u}], \"spans\": [", epoch + to,
                      worker * 100, worker);
        for (uint32_t k = from; k < to; k++)
                at += sprintf(at, "%s{\"lane\": %u, \"number\": %u, \"start\": %.6f, \"label\": \"]}, {[%*s\"}",
                              k > from ? ", " : "", worker * 100, k, epoch + k, LABEL, "");
        sprintf(at, "], \"dropped\": %d}", 3);
        return answer_text;
}

static Json *printed(const Timeline *t, void print(const Timeline *, FILE *)) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        Json *value;

        print(t, f);
        ck_assert_int_eq(fclose(f), 0);
        value = json_tokener_parse(text);
        ck_assert_msg(value != NULL, "%.200s", text);
        free(text);
        return value;
}

static size_t n_spans(Json *whole) {
        return json_object_array_length(json_object_object_get(whole, "spans"));
}

/* As docs/openapi.json says; takes *whole. */
static void apply(Json **whole, const Timeline *t) {
        Json *change = printed(t, timeline_print_change), *before = *whole;
        Json *in    = json_object_object_get(json_object_object_get(change, "in"), "spans");
        Json *spans = json_object_new_array(), *old = json_object_object_get(before, "spans");
        Json *append      = json_object_object_get(in, "append");
        const size_t from = (size_t) json_object_get_int(json_object_object_get(in, "shift"));

        for (size_t k = from; k < json_object_array_length(old); k++)
                json_object_array_add(spans, json_object_get(json_object_array_get_idx(old, k)));
        for (size_t k = 0; k < json_object_array_length(append); k++)
                json_object_array_add(spans, json_object_get(json_object_array_get_idx(append, k)));
        json_object_object_add(before, "spans", spans);
        json_object_object_foreach(json_object_object_get(change, "set"), name, value) {
                json_object_object_add(before, name, json_object_get(value));
        }
        json_object_put(change);
}

/* That the changes have made of it what is printed now. */
static void is_as_printed(Json *whole, const Timeline *t) {
        Json *now = printed(t, timeline_print);

        ck_assert_str_eq(json_object_to_json_string(whole), json_object_to_json_string(now));
        json_object_put(now);
}

static void round_of(Timeline *t, uint32_t n_workers, uint32_t from, uint32_t to, double epoch) {
        timeline_begin(t);
        for (uint32_t worker = 0; worker < n_workers; worker++)
                ck_assert_int_eq(timeline_add(t, worker, answer(worker, from, to, epoch)), 0);
        timeline_end(t, (uint64_t) (epoch + to) * 1000000, 7);
}

static void timeline_done(Timeline **t) {
        timeline_free(*t);
}

TEST(who_applies_the_changes_has_what_is_told_as_a_whole) {
        _cleanup_(timeline_done) Timeline *t = timeline_new();
        Json *whole;

        round_of(t, 2, 0, 3, 1000);
        whole = printed(t, timeline_print);
        ck_assert_uint_eq(n_spans(whole), 6);
        for (uint32_t k = 3; k < 50; k++) {
                round_of(t, k < 20 ? 2 : 3, k - 2, k + k % 3, 1000); /* what comes again is known; a worker comes */
                apply(&whole, t);
                is_as_printed(whole, t);
        }
        ck_assert_uint_eq(n_spans(whole), 2 * 50 + 32);
        json_object_put(whole);
}

TEST(nothing_new_is_no_more_than_the_time) {
        _cleanup_(timeline_done) Timeline *t = timeline_new();
        Json *change;

        round_of(t, 1, 0, 1000, 1000);
        round_of(t, 1, 999, 1000, 1000);
        change = printed(t, timeline_print_change);
        ck_assert_uint_lt(strlen(json_object_to_json_string(change)), 200);
        ck_assert(!json_object_object_get_ex(json_object_object_get(change, "set"), "lanes", NULL));
        json_object_put(change);
}

TEST(a_worker_is_asked_for_what_has_ended_since_it_answered_by_its_own_clock) {
        _cleanup_(timeline_done) Timeline *t = timeline_new();

        ck_assert_uint_eq(timeline_since(t, 0), 0);
        round_of(t, 1, 0, 5, 1000);
        ck_assert_uint_le(timeline_since(t, 0), 1005 * UINT64_C(1000000));
        ck_assert_uint_ge(timeline_since(t, 0), 1004 * UINT64_C(1000000));
        ck_assert_uint_eq(timeline_since(t, 1), 0);
}

TEST(a_worker_that_was_started_again_counts_anew) {
        _cleanup_(timeline_done) Timeline *t = timeline_new();
        Json *whole;

        round_of(t, 1, 0, 100, 1000);
        round_of(t, 1, 0, 3, 2000);
        round_of(t, 1, 2, 5, 2000);
        whole = printed(t, timeline_print);
        ck_assert_uint_eq(n_spans(whole), 105);
        json_object_put(whole);
}

TEST(the_oldest_go_where_there_are_more_than_fit_and_who_was_told_of_none_hears_how_many) {
        enum { SOME = 5000, MORE = 12000, MOST = 2 << 20 }; /* bytes */
        _cleanup_(timeline_done) Timeline *t = timeline_new();
        Json *whole, *first;
        size_t n;

        round_of(t, 1, 0, 10, 1000);
        whole = printed(t, timeline_print);
        /* What went before somebody looked does not count. */
        ck_assert_int_eq(json_object_get_int(json_object_object_get(whole, "dropped")), 0);
        round_of(t, 1, 10, SOME, 1000);
        round_of(t, 1, SOME, SOME + MORE, 1000);
        json_object_put(whole);
        whole = printed(t, timeline_print);
        n     = n_spans(whole);
        ck_assert_uint_lt(strlen(json_object_to_json_string_ext(whole, JSON_C_TO_STRING_SPACED)), 2 * MOST);
        ck_assert_uint_gt(n, 5000);
        first = json_object_array_get_idx(json_object_object_get(whole, "spans"), 0);
        ck_assert_uint_eq((size_t) json_object_get_int(json_object_object_get(first, "number")), SOME + MORE - n);
        /* Two rounds in which the worker itself had lost 3. */
        ck_assert_uint_ge((size_t) json_object_get_int(json_object_object_get(whole, "dropped")), MORE - n + 6);
        round_of(t, 1, SOME + MORE - 1, SOME + MORE + 100, 1000);
        apply(&whole, t);
        is_as_printed(whole, t);
        json_object_put(whole);
}

TEST(lists_of_answers_are_found_whatever_their_texts_have) {
        static const char text[] = "{\"a\": [{\"b\": \"]}\\\"[\"}, [1]], \"c\": []}";
        size_t n                 = 0;
        const char *list         = list_in(text, "\"a\": [", &n);

        ck_assert_uint_eq(n, strlen("{\"b\": \"]}\\\"[\"}, [1]"));
        ck_assert(list == strchr(text, '[') + 1);
        ck_assert(list_in(text, "\"c\": [", &n) != NULL);
        ck_assert_uint_eq(n, 0);
        ck_assert(list_in(text, "\"d\": [", &n) == NULL);
        ck_assert(list_in("{\"a\": [1, 2", "\"a\": [", &n) != NULL); /* which was cut off */
        ck_assert_uint_eq(n, 4);
        ck_assert_uint_eq(number_in("\"n\": 17}", "\"n\": "), 17);
        ck_assert_uint_eq(number_in("", "\"n\": "), 0);
}
