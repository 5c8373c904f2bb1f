/* SPDX-License-Identifier: Apache-2.0 */
/* The law: whoever has an answer and applies the changes one after another has every answer that came, to the byte.
 * apply() here is the meaning of change.h, with a JSON library; that of pages has examples of its own. */
#include <json.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "daemons/web/change.h"
#include "harness.h"

/* ---- Applying ---------------------------------------------------------------------------------------------------- */

typedef struct json_object Json;

static Json *member(const Json *object, const char *name) {
        Json *value;

        return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static Json *first_of(Json *row) {
        json_object_object_foreach(row, name, value) {
                (void) name;
                return value;
        }
        return NULL;
}

static int position(Json *rows, Json *key) {
        for (size_t k = 0; k < json_object_array_length(rows); k++)
                if (json_object_equal(first_of(json_object_array_get_idx(rows, k)), key))
                        return (int) k;
        return -1;
}

static Json *apply(Json *value, Json *change);

static void set_fields(Json *object, Json *set) {
        json_object_object_foreach(set, name, value) {
                ck_assert(json_object_object_get_ex(object, name, NULL));
                ck_assert_int_eq(json_object_object_add(object, name, json_object_get(value)), 0);
        }
}

static void change_fields(Json *object, Json *in) {
        json_object_object_foreach(in, name, change) {
                Json *was = json_object_get(member(object, name));

                ck_assert_int_eq(json_object_object_add(object, name, apply(was, change)), 0);
        }
}

static Json *apply_to_object(Json *object, Json *change) {
        Json *set = member(change, "set"), *in = member(change, "in");

        if (set)
                set_fields(object, set);
        if (in)
                change_fields(object, in);
        return object;
}

/* Items of a list from which one is taken or into which one is put, at `at`. */
static Json *without(Json *list, size_t at) {
        Json *made = json_object_new_array();

        for (size_t k = 0; k < json_object_array_length(list); k++)
                if (k != at)
                        json_object_array_add(made, json_object_get(json_object_array_get_idx(list, k)));
        json_object_put(list);
        return made;
}

static Json *with(Json *list, size_t at, Json *item) {
        Json *made = json_object_new_array();

        ck_assert_uint_le(at, json_object_array_length(list));
        for (size_t k = 0; k <= json_object_array_length(list); k++) {
                if (k == at)
                        json_object_array_add(made, json_object_get(item));
                if (k < json_object_array_length(list))
                        json_object_array_add(made, json_object_get(json_object_array_get_idx(list, k)));
        }
        json_object_put(list);
        return made;
}

static Json *apply_to_list(Json *list, Json *change) {
        Json *drop = member(change, "drop"), *rows = member(change, "rows"), *add = member(change, "add");
        Json *shift = member(change, "shift"), *append = member(change, "append");

        for (size_t k = 0; drop && k < json_object_array_length(drop); k++) {
                const int at = position(list, json_object_array_get_idx(drop, k));

                ck_assert_int_ge(at, 0);
                list = without(list, (size_t) at);
        }
        for (size_t k = 0; rows && k < json_object_array_length(rows); k++) {
                Json *row    = json_object_array_get_idx(rows, k);
                const int at = position(list, member(row, "key"));

                ck_assert_int_ge(at, 0);
                json_object_array_put_idx(list, (size_t) at,
                                          apply(json_object_get(json_object_array_get_idx(list, (size_t) at)), row));
        }
        for (size_t k = 0; add && k < json_object_array_length(add); k++) {
                Json *one = json_object_array_get_idx(add, k);

                list = with(list, (size_t) json_object_get_int(member(one, "at")), member(one, "row"));
        }
        for (int k = 0; shift && k < json_object_get_int(shift); k++)
                list = without(list, 0);
        for (size_t k = 0; append && k < json_object_array_length(append); k++)
                list = with(list, json_object_array_length(list), json_object_array_get_idx(append, k));
        return list;
}

/* Takes the value; what is returned is the caller's. */
static Json *apply(Json *value, Json *change) {
        Json *now;

        if (json_object_object_get_ex(change, "now", &now)) {
                json_object_put(value);
                return json_object_get(now);
        }
        return json_object_is_type(value, json_type_array) ? apply_to_list(value, change)
                                                           : apply_to_object(value, change);
}

static Json *parsed(const char *text) {
        enum json_tokener_error said;
        Json *value = json_tokener_parse_verbose(text, &said);

        ck_assert_msg(said == json_tokener_success, "%s", text);
        return value; /* NULL: that is null */
}

/* That the change turns the one into the other; its size in bytes, or 0: it would be too large. */
static size_t turns_into(const char *before, const char *now) {
        char *text;
        Json *change, *value;
        size_t n;
        const int r = change_make(before, now, &text, &n);

        if (r == CHANGE_LARGE)
                return 0;
        ck_assert_int_eq(r, 0);
        ck_assert_uint_eq(n, strlen(text));
        ck_assert_uint_lt(n, strlen(now));
        change = parsed(text);
        value  = apply(parsed(before), change);
        ck_assert_msg(strcmp(json_object_to_json_string(value), now) == 0, "%s\n and %s\n is %s\n, not %s", before,
                      text, json_object_to_json_string(value), now);
        json_object_put(change);
        json_object_put(value);
        free(text);
        return n;
}

/* ---- Generated answers ------------------------------------------------------------------------------------------- */

typedef struct Chance {
        uint64_t state;
} Chance;

static uint32_t below(Chance *c, uint32_t n) {
        c->state = c->state * 6364136223846793005u + 1442695040888963407u;
        return (uint32_t) (c->state >> 33) % n;
}

static Json *scalar(Chance *c) {
        static const char *const texts[] = { "", "works", "a \"quoted\" one", "]}, {[", "\\", "\\\"", "ünïcode", "\n" };

        switch (below(c, 5)) {
        case 0:
                return json_object_new_double((double) below(c, 1000) / 8);
        case 1:
                return json_object_new_boolean(below(c, 2));
        case 2:
                return json_object_new_string(texts[below(c, ELEMENTSOF(texts))]);
        case 3:
                return NULL;
        default:
                return json_object_new_int((int) below(c, 4) - 1);
        }
}

static Json *some(Chance *c, unsigned depth);

static Json *row_of(Chance *c, unsigned depth, const char *key_name, uint32_t key) {
        Json *row = json_object_new_object();

        json_object_object_add(row, key_name, json_object_new_int((int) key));
        json_object_object_add(row, "state", scalar(c));
        if (below(c, 4) > 0)
                json_object_object_add(row, "bytes", scalar(c));
        if (depth > 0)
                json_object_object_add(row, "more", some(c, depth - 1));
        return row;
}

static Json *some(Chance *c, unsigned depth) {
        static const char *const names[] = { "time", "a \\ \"name", "tasks", "errors" };
        const uint32_t kind = depth > 0 ? below(c, 4) : 0, n = below(c, 6);
        Json *made;

        if (kind == 0)
                return scalar(c);
        made = kind == 1 ? json_object_new_object() : json_object_new_array();
        for (uint32_t k = 0; k < n; k++)
                if (kind == 1)
                        json_object_object_add(made, names[k % ELEMENTSOF(names)], some(c, depth - 1));
                else if (kind == 2)
                        json_object_array_add(made, some(c, depth - 1));
                else
                        json_object_array_add(made, row_of(c, depth - 1, "worker", below(c, 3) ? k : below(c, 6)));
        return made;
}

static Json *changed(Chance *c, Json *value, unsigned depth);

/* Of a list: some items change, some go, from the front or anywhere, some come; or two change places. */
static Json *changed_list(Chance *c, Json *list, unsigned depth) {
        const uint32_t what = below(c, 6), n = (uint32_t) json_object_array_length(list);

        if (n == 0 || what == 0) {
                const uint32_t at = what == 0 ? below(c, n + 1) : n;
                Json *item        = below(c, 2) ? row_of(c, depth, "worker", 10 + below(c, 20)) : some(c, depth);

                list = with(list, at, item);
                json_object_put(item);
        } else if (what == 1)
                list = without(list, below(c, n));
        else if (what == 2) { /* a history goes on */
                Json *item = scalar(c);

                for (uint32_t k = below(c, n); k > 0; k--)
                        list = without(list, 0);
                list = with(list, json_object_array_length(list), item);
                json_object_put(item);
        } else if (what == 3) {
                const uint32_t from = below(c, n), to = below(c, n);
                Json *item = json_object_get(json_object_array_get_idx(list, from));

                list = with(without(list, from), to, item);
                json_object_put(item);
        } else
                for (uint32_t k = 0; k < n; k++)
                        if (below(c, 3) == 0)
                                json_object_array_put_idx(
                                        list, k,
                                        changed(c, json_object_get(json_object_array_get_idx(list, k)), depth));
        return list;
}

static Json *changed_object(Chance *c, Json *object, unsigned depth) {
        const char *names[8];
        uint32_t n = 0;

        json_object_object_foreach(object, name, value) {
                (void) value;
                if (n < ELEMENTSOF(names))
                        names[n++] = name;
        }
        for (uint32_t k = 0; k < n; k++)
                if (below(c, 3) == 0)
                        json_object_object_add(object, names[k],
                                               changed(c, json_object_get(member(object, names[k])), depth));
        if (below(c, 8) == 0)
                json_object_object_add(object, below(c, 2) ? "new" : "newer", scalar(c));
        if (below(c, 8) == 0 && n > 1)
                json_object_object_del(object, names[n - 1]);
        return object;
}

/* Another value than that, which it takes: mostly one that is alike. */
static Json *changed(Chance *c, Json *value, unsigned depth) {
        if (json_object_is_type(value, json_type_array) && below(c, 20) > 0)
                return changed_list(c, value, depth > 0 ? depth - 1 : 0);
        if (json_object_is_type(value, json_type_object) && below(c, 20) > 0)
                return changed_object(c, value, depth > 0 ? depth - 1 : 0);
        json_object_put(value);
        return some(c, depth);
}

/* A copy: what is changed later must not change it, too. */
static Json *copy_of(Json *value) {
        Json *made = NULL;

        if (value)
                ck_assert_int_eq(json_object_deep_copy(value, &made, NULL), 0);
        return made;
}

TEST(who_applies_the_changes_one_after_another_has_every_answer_to_the_byte) {
        enum { SEQUENCES = 4000, ANSWERS = 12, DEPTH = 4 };
        unsigned n_changes = 0, n_whole = 0;

        for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
                Chance c   = { seed };
                Json *now  = some(&c, DEPTH);
                char *text = strdup(json_object_to_json_string(now));

                for (unsigned k = 0; k < ANSWERS; k++) {
                        Json *next = changed(&c, copy_of(now), DEPTH);
                        char *then = strdup(json_object_to_json_string(next));

                        if (turns_into(text, then) > 0)
                                n_changes++;
                        else
                                n_whole++;
                        json_object_put(now);
                        free(text);
                        now  = next;
                        text = then;
                }
                json_object_put(now);
                free(text);
        }
        ck_assert_uint_gt(n_changes, SEQUENCES); /* the law is about them */
        ck_assert_uint_gt(n_whole, 0);
}

/* ---- What changes look like -------------------------------------------------------------------------------------- */

static void is_change(const char *before, const char *now, const char *expected) {
        char *text;
        size_t n;

        ck_assert_int_eq(change_make(before, now, &text, &n), 0);
        ck_assert_str_eq(text, expected);
        free(text);
}

#define PAD "\"pad\": \"................................................................................\""

TEST(a_field_that_has_changed_is_told_alone) {
        is_change("{\"a\": 1, \"b\": [1], " PAD "}", "{\"a\": 1, \"b\": [1], " PAD "}", "{}");
        is_change("{\"a\": 1, \"b\": null, " PAD "}", "{\"a\": 2, \"b\": null, " PAD "}", "{\"set\":{\"a\":2}}");
        is_change("{\"a\": {\"b\": 1, " PAD "}}", "{\"a\": {\"b\": \"x\", " PAD "}}",
                  "{\"in\":{\"a\":{\"set\":{\"b\":\"x\"}}}}");
}

TEST(rows_are_known_by_their_first_field) {
        is_change("[{\"w\": 1, \"n\": 5, " PAD "}, {\"w\": 2, \"n\": 6, " PAD "}, {\"w\": 3, \"n\": 7, " PAD "}]",
                  "[{\"w\": 1, \"n\": 5, " PAD "}, {\"w\": 3, \"n\": 8, " PAD "}, {\"w\": 4, \"n\": 9}]",
                  "{\"rows\":[{\"key\":3,\"set\":{\"n\":8}}],\"drop\":[2],"
                  "\"add\":[{\"at\":2,\"row\":{\"w\": 4, \"n\": 9}}]}");
}

TEST(a_row_that_has_other_fields_is_told_as_a_whole) {
        is_change("[{\"w\": 1, \"n\": 5}, {\"w\": 2, " PAD "}]", "[{\"w\": 1, \"m\": 5}, {\"w\": 2, " PAD "}]",
                  "{\"rows\":[{\"key\":1,\"now\":{\"w\": 1, \"m\": 5}}]}");
}

TEST(a_row_that_moves_down_goes_and_comes_and_the_others_stay) {
        is_change("[{\"w\": 1}, {\"w\": 2, " PAD "}, {\"w\": 3, " PAD "}]",
                  "[{\"w\": 2, " PAD "}, {\"w\": 3, " PAD "}, {\"w\": 1}]",
                  "{\"drop\":[1],\"add\":[{\"at\":2,\"row\":{\"w\": 1}}]}");
}

TEST(a_history_goes_on_where_it_was) {
        is_change("{\"t\": [1, 2, 3, 4, 5, 6], \"n\": [0, 0, 0, 0, 0, 0], " PAD "}",
                  "{\"t\": [3, 4, 5, 6, 7, 8], \"n\": [0, 0, 0, 0, 1, 0], " PAD "}",
                  "{\"in\":{\"t\":{\"shift\":2,\"append\":[7,8]},\"n\":{\"shift\":2,\"append\":[1,0]}}}");
        is_change("{\"t\": [1, 2, 3, 4], " PAD "}", "{\"t\": [1, 2, 3, 4, 5], " PAD "}",
                  "{\"in\":{\"t\":{\"append\":[5]}}}");
        is_change("{\"t\": [1, 2, 3, 4], " PAD "}", "{\"t\": [3, 4], " PAD "}", "{\"in\":{\"t\":{\"shift\":2}}}");
}

TEST(rows_of_which_two_have_the_same_key_are_a_list) {
        is_change("[{\"from\": 1, " PAD "}, {\"from\": 1, " PAD "}]",
                  "[{\"from\": 1, " PAD "}, {\"from\": 1, " PAD "}, {\"from\": 2}]", "{\"append\":[{\"from\": 2}]}");
}

TEST(what_is_too_unlike_or_is_no_json_is_to_be_told_as_a_whole) {
        static const char *const pairs[][2] = {
                { "[1, 2]", "[3, 4]" },
                { "{\"a\": 1}", "[1]" },
                { "", "1" },
                { "1", "" },
                { "{\"a\": 1", "{\"a\": 1}" },
                { "[1]", "[1]]" },
                { "\"a\\", "\"abc\"" },
                { "[\"]", "[1, 2, 3, 4]" },
        };
        char *text;
        size_t n;

        for (size_t k = 0; k < ELEMENTSOF(pairs); k++)
                ck_assert_int_eq(change_make(pairs[k][0], pairs[k][1], &text, &n), CHANGE_LARGE);
}

TEST(what_is_broken_inside_is_passed_on_as_it_is) {
        is_change("{\"a\": {\"b\" 1}, " PAD "}", "{\"a\": {\"b\": 1}, " PAD "}",
                  "{\"in\":{\"a\":{\"now\":{\"b\": 1}}}}");
        is_change("{\"a\": [1 2], " PAD "}", "{\"a\": [1, 2], " PAD "}", "{\"in\":{\"a\":{\"now\":[1, 2]}}}");
}

TEST(what_is_deeper_than_answers_are_is_told_as_a_whole_there) {
        char before[512] = "", now[512] = "", *text;
        size_t n;

        for (unsigned k = 0; k < 12; k++) {
                strcat(before, "{\"a\":");
                strcat(now, "{\"a\":");
        }
        strcat(before, "1");
        strcat(now, "2");
        for (unsigned k = 0; k < 12; k++) {
                strcat(before, k < 11 ? "}" : "," PAD "}");
                strcat(now, k < 11 ? "}" : "," PAD "}");
        }
        ck_assert_int_eq(change_make(before, now, &text, &n), 0);
        ck_assert_ptr_nonnull(strstr(text, "{\"now\":{\"a\":{\"a\":{\"a\":{\"a\":2}}}}}"));
        free(text);
}
