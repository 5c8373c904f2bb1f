/* SPDX-License-Identifier: Apache-2.0 */
/* Both texts are walked in step, and a value is looked into only where its bytes differ, so that an answer of which
 * little has changed costs about the reading of it. Nothing is parsed: values are runs of bytes, and are passed on as
 * they are. Where the two are too unlike, or too deep, the value is said as a whole; the one who applies the change
 * then has it all the same. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/vec.h"
#include "daemons/web/change.h"

enum { MAX_DEPTH = 8 }; /* objects and lists in each other that are looked into; what daemons answer has four */

/* A value, in one of the texts. */
typedef struct Span {
        const char *at;
        size_t n;
} Span;

/* A field with its name; or what a list has, with the name and the value of its first field, if it is an object. */
typedef struct Item {
        Span name, key, value;
} Item;

typedef struct Items {
        Vec(Item) of;
} Items;

typedef struct Maker {
        FILE *f;
        bool more; /* something stands before it, from which it is to be separated */
        int r;     /* of the first thing that went wrong */
} Maker;

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static const char *skip_space(const char *c) {
        return c + strspn(c, " \t\r\n");
}

/* Behind the quotes; NULL: they do not end. */
static const char *skip_text(const char *c) {
        for (c++; *c && *c != '"'; c++)
                if (*c == '\\' && !*++c)
                        return NULL;
        return *c ? c + 1 : NULL;
}

/* Behind a number or a word; NULL: there is none. */
static const char *skip_word(const char *c) {
        const char *begin = c;

        while ((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '-' || *c == '+' || *c == 'E')
                c++;
        return c > begin ? c : NULL;
}

/* Behind the value; NULL: there is none. What is between brackets is looked at when it is looked into. */
static const char *skip_value(const char *c) {
        size_t depth = 0;

        if (*c != '"' && *c != '{' && *c != '[')
                return skip_word(c);
        do {
                if (*c == '"') {
                        c = skip_text(c);
                        if (!c)
                                return NULL;
                        continue;
                }
                if (!*c)
                        return NULL;
                if (*c == '{' || *c == '[')
                        depth++;
                else if (*c == '}' || *c == ']')
                        depth--;
                c++;
        } while (depth > 0);
        return c;
}

static bool same(Span a, Span b) {
        return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

static bool is_container(Span value) {
        return value.at[0] == '{' || value.at[0] == '[';
}

/* NAME: VALUE, and what is behind it; NULL: that is no field. */
static const char *field_at(const char *c, Span *ret_name, Span *ret_value) {
        const char *end = *c == '"' ? skip_text(c) : NULL;

        if (!end)
                return NULL;
        *ret_name = (Span) { c, (size_t) (end - c) };
        c         = skip_space(end);
        if (*c != ':')
                return NULL;
        c   = skip_space(c + 1);
        end = skip_value(c);
        if (end)
                *ret_value = (Span) { c, (size_t) (end - c) };
        return end;
}

/* What is in an object or a list. False: it is neither, or is not well-formed. */
static bool items_of(Maker *m, Span value, Items *ret) {
        const char close = value.at[0] == '{' ? '}' : ']';
        const char *c;

        if (!is_container(value))
                return false;
        for (c = skip_space(value.at + 1); *c != close; c = skip_space(c + (*c == ','))) {
                const char *end;
                Item item = {};

                if (close == '}')
                        end = field_at(c, &item.name, &item.value);
                else {
                        end = skip_value(c);
                        if (end)
                                item.value = (Span) { c, (size_t) (end - c) };
                        if (end && *c == '{')
                                (void) field_at(skip_space(c + 1), &item.name, &item.key);
                }
                if (!end)
                        return false;
                if (vec_push(&ret->of, item) < 0) {
                        m->r = -ENOMEM;
                        return false;
                }
                c = skip_space(end);
                if (*c != ',' && *c != close)
                        return false;
        }
        return true;
}

static void items_done(Items *items) {
        vec_free(&items->of);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void next(Maker *m) {
        if (m->more)
                fputc(',', m->f);
        m->more = true;
}

static void put(Maker *m, Span value) {
        next(m);
        fwrite(value.at, 1, value.n, m->f);
}

static void name_span(Maker *m, Span name) {
        put(m, name);
        fputc(':', m->f);
        m->more = false;
}

static void name(Maker *m, const char *text) {
        next(m);
        fprintf(m->f, "\"%s\":", text);
        m->more = false;
}

static void begin(Maker *m, char c) {
        next(m);
        fputc(c, m->f);
        m->more = false;
}

static void end(Maker *m, char c) {
        fputc(c, m->f);
        m->more = true;
}

static void put_now(Maker *m, Span now) {
        name(m, "now");
        put(m, now);
}

/* ---- Comparing --------------------------------------------------------------------------------------------------- */

static void put_change(Maker *m, Span before, Span now, unsigned depth);

static bool same_names(const Items *before, const Items *now) {
        if (before->of.n != now->of.n)
                return false;
        for (uint32_t k = 0; k < now->of.n; k++)
                if (!same(before->of.data[k].name, now->of.data[k].name))
                        return false;
        return true;
}

static bool is_deep(const Item *before, const Item *now) {
        return is_container(before->value) && is_container(now->value);
}

static void put_fields(Maker *m, const Items *before, const Items *now, bool deep, unsigned depth) {
        bool any = false;

        for (uint32_t k = 0; k < now->of.n; k++) {
                const Item *was = &before->of.data[k], *is = &now->of.data[k];

                if (same(was->value, is->value) || is_deep(was, is) != deep)
                        continue;
                if (!any) {
                        name(m, deep ? "in" : "set");
                        begin(m, '{');
                }
                any = true;
                name_span(m, is->name);
                if (deep) {
                        begin(m, '{');
                        put_change(m, was->value, is->value, depth);
                        end(m, '}');
                } else
                        put(m, is->value);
        }
        if (any)
                end(m, '}');
}

/* Where in the list each key is, as 1, 2, …; false: these are no rows with keys, or there is no memory. */
static bool index_keys(Maker *m, const Items *items, Map *ret) {
        for (uint32_t k = 0; k < items->of.n; k++) {
                const Item *item    = &items->of.data[k];
                const uint64_t hash = item->key.at ? hash_bytes(item->key.at, item->key.n, 0) : 0;

                if (!item->key.at || is_container(item->key) || !same(item->name, items->of.data[0].name) ||
                    map_get(ret, hash) != 0)
                        return false;
                if (map_set(ret, hash, k + 1) < 0) {
                        m->r = -ENOMEM;
                        return false;
                }
        }
        return true;
}

/* Which row of `before` the row of `now` is, in rising order: the others are dropped and added. */
static void pair_rows(const Items *before, const Map *index, const Items *now, uint32_t *ret_was, bool *ret_kept) {
        uint32_t next_free = 0;

        for (uint32_t k = 0; k < now->of.n; k++) {
                const Span key   = now->of.data[k].key;
                const uint64_t i = map_get(index, hash_bytes(key.at, key.n, 0));

                ret_was[k] = UINT32_MAX;
                if (i <= next_free || !same(before->of.data[i - 1].key, key))
                        continue;
                ret_was[k]      = (uint32_t) i - 1;
                ret_kept[i - 1] = true;
                next_free       = (uint32_t) i;
        }
}

static void put_rows(Maker *m, const Items *before, const Items *now, const uint32_t *was, const bool *kept,
                     unsigned depth) {
        bool any = false;

        for (uint32_t k = 0; k < now->of.n; k++) {
                const Item *row = &now->of.data[k];

                if (was[k] == UINT32_MAX || same(before->of.data[was[k]].value, row->value))
                        continue;
                if (!any) {
                        name(m, "rows");
                        begin(m, '[');
                }
                any = true;
                begin(m, '{');
                name(m, "key");
                put(m, row->key);
                put_change(m, before->of.data[was[k]].value, row->value, depth);
                end(m, '}');
        }
        if (any)
                end(m, ']');
        any = false;
        for (uint32_t k = 0; k < before->of.n; k++) {
                if (kept[k])
                        continue;
                if (!any) {
                        name(m, "drop");
                        begin(m, '[');
                }
                any = true;
                put(m, before->of.data[k].key);
        }
        if (any)
                end(m, ']');
        any = false;
        for (uint32_t k = 0; k < now->of.n; k++) {
                if (was[k] != UINT32_MAX)
                        continue;
                if (!any) {
                        name(m, "add");
                        begin(m, '[');
                }
                any = true;
                begin(m, '{');
                name(m, "at");
                fprintf(m->f, "%u", k);
                m->more = true;
                name(m, "row");
                put(m, now->of.data[k].value);
                end(m, '}');
        }
        if (any)
                end(m, ']');
}

/* False: these are not rows with keys. */
static bool try_rows(Maker *m, const Items *before, const Items *now, unsigned depth) {
        Map index = {}, others = {};
        const bool rows = before->of.n > 0 && now->of.n > 0 && index_keys(m, before, &index) &&
                          index_keys(m, now, &others) && same(before->of.data[0].name, now->of.data[0].name);
        _cleanup_(freep) uint32_t *was = rows ? calloc(now->of.n, sizeof(*was)) : NULL;
        _cleanup_(freep) bool *kept    = rows ? calloc(before->of.n, sizeof(*kept)) : NULL;

        if (rows && was && kept) {
                pair_rows(before, &index, now, was, kept);
                put_rows(m, before, now, was, kept, depth);
        } else if (rows)
                m->r = -ENOMEM;
        map_done(&index);
        map_done(&others);
        return rows;
}

/* How many of the first of `now` are the last of `before`, at most: after Knuth, Morris and Pratt, so that a history of
 * nothing but zeros takes as long as any other. */
static uint32_t overlap(Maker *m, const Items *before, const Items *now) {
        _cleanup_(freep) uint32_t *border = calloc(now->of.n, sizeof(*border)); /* of the first 1, 2, … of now */
        uint32_t n                        = 0;

        if (!border) {
                m->r = -ENOMEM;
                return 0;
        }
        for (uint32_t k = 1; k < now->of.n; k++) {
                while (n > 0 && !same(now->of.data[k].value, now->of.data[n].value))
                        n = border[n - 1];
                n += same(now->of.data[k].value, now->of.data[n].value);
                border[k] = n;
        }
        n = 0;
        for (uint32_t k = 0; k < before->of.n; k++) {
                while (n > 0 && (n == now->of.n || !same(before->of.data[k].value, now->of.data[n].value)))
                        n = border[n - 1];
                n += same(before->of.data[k].value, now->of.data[n].value);
        }
        return n;
}

static void put_list(Maker *m, const Items *before, const Items *now, Span whole) {
        const uint32_t n = before->of.n > 0 && now->of.n > 0 ? overlap(m, before, now) : 0;

        if (n == 0) {
                put_now(m, whole);
                return;
        }
        if (n < before->of.n) {
                name(m, "shift");
                fprintf(m->f, "%u", before->of.n - n);
                m->more = true;
        }
        if (n == now->of.n)
                return;
        name(m, "append");
        begin(m, '[');
        for (uint32_t k = n; k < now->of.n; k++)
                put(m, now->of.data[k].value);
        end(m, ']');
}

/* The members of the change of one value. */
static void put_change(Maker *m, Span before, Span now, unsigned depth) {
        _cleanup_(items_done) Items was = {}, is = {};

        if (m->r < 0 || same(before, now))
                return;
        if (depth == MAX_DEPTH || before.at[0] != now.at[0] || !items_of(m, before, &was) || !items_of(m, now, &is))
                put_now(m, now);
        else if (now.at[0] == '[') {
                if (!try_rows(m, &was, &is, depth + 1) && m->r == 0)
                        put_list(m, &was, &is, now);
        } else if (!same_names(&was, &is))
                put_now(m, now);
        else {
                put_fields(m, &was, &is, false, depth + 1);
                put_fields(m, &was, &is, true, depth + 1);
        }
}

/* The one value that the text is. */
static bool whole(const char *text, Span *ret) {
        const char *begin = skip_space(text), *end = skip_value(begin);

        if (!end || *skip_space(end))
                return false;
        *ret = (Span) { begin, (size_t) (end - begin) };
        return true;
}

int change_make(const char *before, const char *now, char **ret, size_t *ret_bytes) {
        _cleanup_(freep) char *text = NULL;
        size_t n                    = 0;
        Maker m                     = {};
        Span was, is;

        if (!whole(before, &was) || !whole(now, &is))
                return CHANGE_LARGE;
        m.f = open_memstream(&text, &n);
        if (!m.f)
                return -ENOMEM;
        begin(&m, '{');
        put_change(&m, was, is, 0);
        end(&m, '}');
        if (fclose(m.f) != 0 || m.r < 0)
                return -ENOMEM;
        if (n >= is.n)
                return CHANGE_LARGE;
        *ret       = TAKE_PTR(text);
        *ret_bytes = n;
        return 0;
}
