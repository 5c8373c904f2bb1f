/* SPDX-License-Identifier: Apache-2.0 */
/* The whole table, from the table: what is made, compared and bent here is what WIRE_MESSAGES lists. */
#include <stdio.h>
#include <string.h>

#include "wire/wire.h"

#include "harness.h"

static uint64_t chance_state;

static uint64_t chance(uint64_t n) {
        chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
        return (chance_state >> 33) % n;
}

static uint64_t number(uint64_t most) {
        switch (chance(5)) {
        case 0:
                return most;
        case 1:
                return most - MIN(most, (uint64_t) 1);
        case 2:
                return MIN(most, (uint64_t) 127 + chance(3));
        case 3:
                return MIN(most, chance(UINT32_MAX) << chance(33));
        default:
                return 0;
        }
}

static int64_t signed_number(uint64_t most) {
        const int64_t v = (int64_t) number(MIN(most, (uint64_t) INT64_MAX));

        return chance(2) ? v : -v;
}

/* How long lists and texts are: mostly short; the limit where that is not much. */
static uint32_t length(uint64_t most) {
        return (uint32_t) (chance(4) == 0 && most <= 4096 ? most : chance(20));
}

static char *text_of(Arena *arena, size_t n) {
        char *text = arena_alloc(arena, n + 1);

        for (size_t k = 0; k < n; k++)
                text[k] = (char) ('a' + chance(26));
        return text;
}

#define LIST(name, most, type, value)                                                                                  \
        {                                                                                                              \
                type *list   = arena_alloc(arena, ((m->name##_n = length(most)) + 1) * sizeof(type));                  \
                for (uint32_t k = 0; k < m->name##_n; k++)                                                             \
                        list[k] = (type) (value);                                                                      \
                m->name = list;                                                                                        \
        }
#define FILL_U32(name, most) m->name = (uint32_t) number(most);
#define FILL_I32(name, most) m->name = (int32_t) signed_number(most);
#define FILL_U64(name, most) m->name = number(most);
#define FILL_TEXT(name, most) m->name = text_of(arena, length(most));
#define FILL_BYTES(name, most) LIST(name, most, uint8_t, chance(256))
#define FILL_U32S(name, most) LIST(name, most, uint32_t, number(UINT32_MAX))
#define FILL_U64S(name, most) LIST(name, most, uint64_t, number(UINT64_MAX))
#define FILL_I64S(name, most) LIST(name, most, int64_t, chance(8) ? signed_number(INT64_MAX) : INT64_MIN)
#define FILL(type, name, most) FILL_##type(name, most)

#define SAME_NUMBER(name) ck_assert_msg(a->name == b->name, #name);
#define SAME_LIST(name)                                                                                                \
        ck_assert_msg(a->name##_n == b->name##_n, #name);                                                              \
        ck_assert_bytes_eq(a->name, b->name, a->name##_n * sizeof(*a->name));
#define SAME_U32(name) SAME_NUMBER(name)
#define SAME_I32(name) SAME_NUMBER(name)
#define SAME_U64(name) SAME_NUMBER(name)
#define SAME_TEXT(name) ck_assert_str_eq(a->name, b->name);
#define SAME_BYTES(name) SAME_LIST(name)
#define SAME_U32S(name) SAME_LIST(name)
#define SAME_U64S(name) SAME_LIST(name)
#define SAME_I64S(name) SAME_LIST(name)
#define SAME(type, name, most) SAME_##type(name)

#define FUNCTIONS(KIND, number, struct_name)                                                                           \
        static void fill_##struct_name(Arena *arena _unused_, WireMessage *message) {                                  \
                Wire_##struct_name *m = &message->struct_name;                                                         \
                                                                                                                       \
                message->kind = WIRE_IS_##KIND;                                                                        \
                WIRE_##KIND(FILL)                                                                                      \
        }                                                                                                              \
        static void same_##struct_name(const WireMessage *x, const WireMessage *y) {                                   \
                const Wire_##struct_name *a = &x->struct_name, *b = &y->struct_name;                                   \
                                                                                                                       \
                WIRE_##KIND(SAME)                                                                                      \
        }
WIRE_MESSAGES(FUNCTIONS)

static const struct {
        unsigned kind;
        const char *name;
        void (*fill)(Arena *arena, WireMessage *message);
        void (*same)(const WireMessage *a, const WireMessage *b);
} kinds[] = {
#define ROW(KIND, number, struct_name) { number, #KIND, fill_##struct_name, same_##struct_name },
        WIRE_MESSAGES(ROW)
};

/* Decodes a copy that lies in a block of its size. */
static int decode(unsigned kind, const Writer *w, size_t n, Arena *arena, WireMessage *ret, Error *err) {
        uint8_t *copy = malloc(MAX(n, (size_t) 1));
        int r;

        memcpy(copy, w->bytes.data, n);
        r = wire_decode(kind, copy, n, arena, ret, err);
        if (r == 0) { /* what is compared may point into it */
                uint8_t *kept = arena_copy(arena, copy, MAX(n, (size_t) 1));

                r = wire_decode(kind, kept, n, arena, ret, err);
        }
        free(copy);
        return r;
}

/* ---- The law ----------------------------------------------------------------------------------------------------- */

TEST(every_message_reads_back_as_it_was_written) {
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (uint64_t seed = 0; seed < 300; seed++) {
                        _cleanup_(arena_freep) Arena *arena = arena_new();
                        Writer w = {}, again = {};
                        WireMessage m, back;
                        Error err = {};
                        int r;

                        chance_state = seed;
                        kinds[k].fill(arena, &m);
                        wire_encode(&m, &w);
                        ck_assert_int_eq(w.r, 0);
                        r = decode(kinds[k].kind, &w, w.bytes.n, arena, &back, &err);
                        ck_assert_msg(r == 0, "%s", err.text);
                        ck_assert_uint_eq(back.kind, kinds[k].kind);
                        kinds[k].same(&m, &back);
                        wire_encode(&back, &again);
                        ck_assert_uint_eq(again.bytes.n, w.bytes.n);
                        ck_assert_bytes_eq(again.bytes.data, w.bytes.data, w.bytes.n);
                        vec_free(&w.bytes);
                        vec_free(&again.bytes);
                }
}

/* The first n bytes of `from` say the same as all of `to`, which may have more fields: they are 0. */
static void ck_assert_same_or_zero(const Writer *to, const Writer *from, size_t n) {
        ck_assert(n == 0 || memcmp(to->bytes.data, from->bytes.data, MIN((size_t) to->bytes.n, n)) == 0);
        for (size_t at = n; at < to->bytes.n; at++)
                ck_assert_uint_eq(to->bytes.data[at], 0);
}

/* Zeros behind it change nothing then: an earlier version has fewer fields. */
TEST(a_body_that_ends_too_early_is_refused_or_what_is_missing_is_zero) {
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (uint64_t seed = 0; seed < 10; seed++) {
                        _cleanup_(arena_freep) Arena *arena = arena_new();
                        WireMessage m, back;
                        Writer w = {};

                        chance_state = seed;
                        kinds[k].fill(arena, &m);
                        wire_encode(&m, &w);
                        for (size_t n = 0; n < w.bytes.n; n++) {
                                Error err    = {};
                                Writer again = {};

                                if (decode(kinds[k].kind, &w, n, arena, &back, &err) < 0) {
                                        ck_assert_int_eq(err.code, ERROR_VALUE);
                                        ck_assert(strncmp(err.text, kinds[k].name, strlen(kinds[k].name)) == 0);
                                        continue;
                                }
                                wire_encode(&back, &again);
                                ck_assert_uint_ge(again.bytes.n, n);
                                ck_assert_same_or_zero(&again, &w, n);
                                vec_free(&again.bytes);
                        }
                        vec_free(&w.bytes);
                }
}

TEST(what_follows_the_fields_comes_from_a_later_version_and_is_ignored) {
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                _cleanup_(arena_freep) Arena *arena = arena_new();
                WireMessage m, back;
                Writer w = {};

                chance_state = k;
                kinds[k].fill(arena, &m);
                wire_encode(&m, &w);
                put_bytes(&w, "\xff\xff\xff\x80\x00", 5);
                ck_assert_int_eq(decode(kinds[k].kind, &w, w.bytes.n, arena, &back, NULL), 0);
                kinds[k].same(&m, &back);
                vec_free(&w.bytes);
        }
}

/* Bits that are changed at random: refused, or a message of which these are the bytes. */
TEST(a_body_with_a_bit_changed_is_another_message_or_refused) {
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (uint64_t seed = 0; seed < 100; seed++) {
                        _cleanup_(arena_freep) Arena *arena = arena_new();
                        Writer w = {}, again = {};
                        WireMessage m, back;
                        Error err = {};

                        chance_state = seed;
                        kinds[k].fill(arena, &m);
                        wire_encode(&m, &w);
                        w.bytes.data[chance(w.bytes.n)] ^= (uint8_t) (1 << chance(8));
                        if (decode(kinds[k].kind, &w, w.bytes.n, arena, &back, &err) < 0)
                                ck_assert(err.code == ERROR_VALUE && err.text[0]);
                        else {
                                wire_encode(&back, &again);
                                ck_assert_same_or_zero(&again, &w, w.bytes.n);
                                ck_assert_ptr_nonnull(wire_print(&back, arena));
                        }
                        vec_free(&w.bytes);
                        vec_free(&again.bytes);
                }
}

/* ---- Limits ------------------------------------------------------------------------------------------------------ */

/* A message of which everything is 0 and empty but one field, which is the limit or one more. */
static void assert_limit(WireMessage *m, const char *field, bool beyond) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err                           = {};
        Writer w                            = {};
        WireMessage back;
        int r;

        wire_encode(m, &w);
        ck_assert_int_eq(w.r, 0);
        r = wire_decode(m->kind, w.bytes.data, w.bytes.n, arena, &back, &err);
        ck_assert_msg(r == (beyond ? ERROR_VALUE : 0), "%s %s: %s", wire_name(m->kind), field, err.text);
        vec_free(&w.bytes);
}

#define LIMIT_VALUE(name, value, beyond)                                                                               \
        {                                                                                                              \
                WireMessage message = { .kind = kind };                                                                \
                                                                                                                       \
                member(&message)->name = (value);                                                                      \
                assert_limit(&message, #name, beyond);                                                                 \
        }
#define LIMIT_U32(name, most)                                                                                          \
        LIMIT_VALUE(name, (uint32_t) (most), false)                                                                    \
        if ((most) < UINT32_MAX)                                                                                       \
                LIMIT_VALUE(name, (uint32_t) ((uint64_t) (most) + 1), true)
#define LIMIT_I32(name, most)                                                                                          \
        LIMIT_VALUE(name, (most), false)                                                                               \
        LIMIT_VALUE(name, -(most), false)                                                                              \
        LIMIT_VALUE(name, (most) + 1, true)                                                                            \
        LIMIT_VALUE(name, -(most) - 1, true)
#define LIMIT_U64(name, most)                                                                                          \
        LIMIT_VALUE(name, (most), false)                                                                               \
        if ((most) < UINT64_MAX)                                                                                       \
                LIMIT_VALUE(name, (uint64_t) (most) + 1, true)
/* What is as large as a body cannot be sent: with its length it is larger. */
#define LIMIT_FIRST(most) ((most) == MAX_BODY_BYTES)
#define LIMIT_TEXT(name, most)                                                                                         \
        for (unsigned more = LIMIT_FIRST(most); more < 2; more++) {                                                    \
                char *text = malloc((most) + more + 1);                                                                \
                                                                                                                       \
                memset(text, 'x', (most) + more);                                                                      \
                text[(most) + more] = 0;                                                                               \
                LIMIT_VALUE(name, text, more > 0)                                                                      \
                free(text);                                                                                            \
        }
#define LIMIT_LIST(name, most)                                                                                         \
        for (unsigned more = LIMIT_FIRST(most); more < 2; more++) {                                                    \
                WireMessage message     = { .kind = kind };                                                            \
                typeof(member(&message)) m = member(&message);                                                         \
                void *list              = calloc((most) + more, sizeof(*m->name));                                     \
                                                                                                                       \
                m->name    = list;                                                                                     \
                m->name##_n = (most) + more;                                                                           \
                assert_limit(&message, #name, more > 0);                                                               \
                free(list);                                                                                            \
        }
#define LIMIT_BYTES(name, most) LIMIT_LIST(name, most)
#define LIMIT_U32S(name, most) LIMIT_LIST(name, most)
#define LIMIT_U64S(name, most) LIMIT_LIST(name, most)
#define LIMIT_I64S(name, most) LIMIT_LIST(name, most)
#define LIMIT(type, name, most) LIMIT_##type(name, most)

#define LIMITS(KIND, number, struct_name)                                                                              \
        static Wire_##struct_name *struct_name##_of(WireMessage *m) {                                                  \
                return &m->struct_name;                                                                                \
        }                                                                                                              \
        static void limits_##struct_name(void) {                                                                       \
                Wire_##struct_name *(*const member)(WireMessage *) = struct_name##_of;                                 \
                const WireKind kind                                = WIRE_IS_##KIND;                                   \
                                                                                                                       \
                WIRE_##KIND(LIMIT)                                                                                     \
        }
WIRE_MESSAGES(LIMITS)

TEST(every_field_may_be_as_large_as_the_table_says_and_no_larger) {
#define RUN(KIND, number, struct_name) limits_##struct_name();
        WIRE_MESSAGES(RUN)
#undef RUN
}

TEST(texts_with_a_zero_byte_and_kinds_that_do_not_exist_are_refused) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        Error err;
        WireMessage m;
        Writer w = {};

        put_varint(&w, 7);
        put_varint(&w, 3);
        put_bytes(&w, "a\0b", 3);
        ck_assert_int_eq(wire_decode(WIRE_IS_ASK, w.bytes.data, w.bytes.n, arena, &m, &err), ERROR_VALUE);
        ck_assert(strstr(err.text, "zero"));
        ck_assert_int_eq(wire_decode(0, w.bytes.data, w.bytes.n, arena, &m, &err), ERROR_VALUE);
        ck_assert_int_eq(wire_decode(UINT16_MAX, w.bytes.data, w.bytes.n, arena, &m, &err), ERROR_VALUE);
        ck_assert_ptr_null(wire_name(0));
        vec_free(&w.bytes);
}

TEST(a_text_that_is_null_is_sent_as_an_empty_one) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        WireMessage m                       = { .kind = WIRE_IS_ASK, .ask.request = 3 }, back;
        Writer w                            = {};

        wire_encode(&m, &w);
        ck_assert_int_eq(wire_decode(m.kind, w.bytes.data, w.bytes.n, arena, &back, NULL), 0);
        ck_assert_str_eq(back.ask.what, "");
        vec_free(&w.bytes);
}

TEST(numbers_of_messages_are_used_once) {
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                ck_assert_str_eq(wire_name(kinds[k].kind), kinds[k].name);
                for (size_t i = 0; i < k; i++)
                        ck_assert_uint_ne(kinds[i].kind, kinds[k].kind);
        }
}

/* ---- Printing ---------------------------------------------------------------------------------------------------- */

TEST(a_message_prints_its_name_and_its_fields) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        const uint32_t task[]               = { 0, 0, 1, 1 };
        WireMessage run = { .kind = WIRE_IS_RUN, .run = { .plan = 3, .task = task, .task_n = 4 } };
        WireMessage gone = { .kind = WIRE_IS_GONE, .gone = { .chunk = UINT64_MAX, .code = -5, .text = "lost" } };
        WireMessage put  = { .kind = WIRE_IS_SUBMIT, .submit = { 1, (const uint8_t *) "x", 1 } };

        ck_assert_str_eq(wire_print(&run, arena), "RUN plan=3 task=[0, 0, 1, 1] fetch=[]");
        ck_assert_str_eq(wire_print(&gone, arena), "GONE chunk=18446744073709551615 code=-5 text=\"lost\"");
        ck_assert_str_eq(wire_print(&put, arena), "SUBMIT request=1 graph=<1 bytes>");
}

TEST(what_is_long_is_cut_when_printed) {
        _cleanup_(arena_freep) Arena *arena = arena_new();
        uint64_t tensor[100]                = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
        int64_t length[2]                   = { -1, INT64_MIN };
        char text[400]                      = "";
        WireMessage m = { .kind = WIRE_IS_RELEASE, .release = { .tensor = tensor, .tensor_n = 100 } };
        WireMessage done = { .kind = WIRE_IS_DONE, .done = { .length = length, .length_n = 2 } };
        WireMessage ask  = { .kind = WIRE_IS_ASK, .ask = { .what = text } };

        memset(text, 'x', sizeof(text) - 1);
        ck_assert_str_eq(wire_print(&m, arena), "RELEASE tensor=[1, 2, 3, 4, 5, 6, 7, 8, … (100)]");
        ck_assert_str_eq(wire_print(&done, arena), "DONE plan=0 task=[] length=[-1, -9223372036854775808]");
        ck_assert_uint_le(strlen(wire_print(&ask, arena)), 110);
}
