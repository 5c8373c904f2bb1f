/* SPDX-License-Identifier: Apache-2.0 */
/* The table of messages as data, and what follows from it. */
#include <string.h>

#include "wire/wire.h"

/* Numbers, then what a pointer is kept to. */
typedef enum FieldType {
        TYPE_U32,
        TYPE_I32,
        TYPE_U64,
        TYPE_TEXT,
        TYPE_BYTES,
        TYPE_U32S,
        TYPE_U64S,
        TYPE_I64S,
} FieldType;

typedef struct Field {
        const char *name;
        FieldType type;
        size_t offset;
        size_t n_offset; /* lists: of their number */
        uint64_t most;
} Field;

#define N_OF_U32(s, name) 0
#define N_OF_I32(s, name) 0
#define N_OF_U64(s, name) 0
#define N_OF_TEXT(s, name) 0
#define N_OF_BYTES(s, name) offsetof(s, name##_n)
#define N_OF_U32S(s, name) offsetof(s, name##_n)
#define N_OF_U64S(s, name) offsetof(s, name##_n)
#define N_OF_I64S(s, name) offsetof(s, name##_n)
#define FIELD(type, name, most) { #name, TYPE_##type, offsetof(This, name), N_OF_##type(This, name), most },
#define FIELDS(KIND, number, struct_name)                                                                              \
        static const Field *struct_name##_fields(void) {                                                               \
                typedef Wire_##struct_name This;                                                                       \
                static const Field fields[] = { WIRE_##KIND(FIELD) {} };                                               \
                                                                                                                       \
                return fields;                                                                                         \
        }
WIRE_MESSAGES(FIELDS)

static const struct {
        unsigned kind;
        const char *name;
        const Field *(*fields)(void);
} messages[] = {
#define ROW(KIND, number, struct_name) { number, #KIND, struct_name##_fields },
        WIRE_MESSAGES(ROW)
};

static const Field *fields_of(unsigned kind) {
        for (size_t k = 0; k < ELEMENTSOF(messages); k++)
                if (messages[k].kind == kind)
                        return messages[k].fields();
        return NULL;
}

const char *wire_name(unsigned kind) {
        for (size_t k = 0; k < ELEMENTSOF(messages); k++)
                if (messages[k].kind == kind)
                        return messages[k].name;
        return NULL;
}

/* ---- Encoding --------------------------------------------------------------------------------------------------- */

static const char *body_of(const WireMessage *m) {
        return (const char *) &m->hello; /* all begin at the union */
}

/* Of a text or a list. */
static const void *list_at(const Field *f, const void *at) {
        return f->type >= TYPE_TEXT ? *(const void *const *) at : NULL;
}

void wire_encode(const WireMessage *m, Writer *w) {
        const char *body = body_of(m);

        for (const Field *f = fields_of(m->kind); f->name; f++) {
                const void *at = body + f->offset, *list = list_at(f, at);
                const uint32_t n = f->n_offset ? *(const uint32_t *) (body + f->n_offset) : 0;

                switch (f->type) {
                case TYPE_U32:
                        put_varint(w, *(const uint32_t *) at);
                        break;
                case TYPE_I32:
                        put_varint(w, zigzag(*(const int32_t *) at));
                        break;
                case TYPE_U64:
                        put_varint(w, *(const uint64_t *) at);
                        break;
                case TYPE_TEXT:
                        put_varint(w, list ? strlen(list) : 0);
                        put_bytes(w, list, list ? strlen(list) : 0);
                        break;
                case TYPE_BYTES:
                        put_varint(w, n);
                        put_bytes(w, list, n);
                        break;
                case TYPE_U32S:
                        put_varint(w, n);
                        for (uint32_t k = 0; k < n; k++)
                                put_varint(w, ((const uint32_t *) list)[k]);
                        break;
                case TYPE_U64S:
                        put_varint(w, n);
                        for (uint32_t k = 0; k < n; k++)
                                put_varint(w, ((const uint64_t *) list)[k]);
                        break;
                case TYPE_I64S:
                        put_varint(w, n);
                        for (uint32_t k = 0; k < n; k++)
                                put_varint(w, zigzag(((const int64_t *) list)[k]));
                        break;
                }
        }
}

/* ---- Decoding --------------------------------------------------------------------------------------------------- */

static int64_t get_signed(Reader *rd, uint64_t most) {
        const int64_t v = unzigzag(get_varint(rd, UINT64_MAX));

        if (v > (int64_t) MIN(most, (uint64_t) INT64_MAX) || v < -(int64_t) MIN(most, (uint64_t) INT64_MAX)) {
                reader_refuse(rd, "a number that is too large here");
                return 0;
        }
        return v;
}

static const char *get_text(Reader *rd, uint64_t most) {
        const uint32_t n     = get_count(rd, (uint32_t) most);
        const uint8_t *bytes = get_bytes(rd, n);
        char *text           = get_memory(rd, n + 1);

        if (!bytes || !text)
                return "";
        if (memchr(bytes, 0, n))
                reader_refuse(rd, "a text with a zero byte");
        memcpy(text, bytes, n);
        text[n] = 0;
        return text;
}

static void get_field(Reader *rd, const Field *f, char *body) {
        void *at   = body + f->offset;
        uint32_t n = f->n_offset ? get_count(rd, (uint32_t) f->most) : 0;
        void *list = NULL;

        if (f->n_offset)
                *(uint32_t *) (body + f->n_offset) = n;
        switch (f->type) {
        case TYPE_U32:
                *(uint32_t *) at = (uint32_t) get_varint(rd, f->most);
                return;
        case TYPE_I32:
                *(int32_t *) at = (int32_t) get_signed(rd, f->most);
                return;
        case TYPE_U64:
                *(uint64_t *) at = get_varint(rd, f->most);
                return;
        case TYPE_TEXT:
                *(const char **) at = get_text(rd, f->most);
                return;
        case TYPE_BYTES:
                *(const uint8_t **) at = get_bytes(rd, n);
                return;
        case TYPE_U32S:
                list = get_memory(rd, n * sizeof(uint32_t));
                for (uint32_t k = 0; k < n && list; k++)
                        ((uint32_t *) list)[k] = (uint32_t) get_varint(rd, UINT32_MAX);
                break;
        case TYPE_U64S:
                list = get_memory(rd, n * sizeof(uint64_t));
                for (uint32_t k = 0; k < n && list; k++)
                        ((uint64_t *) list)[k] = get_varint(rd, UINT64_MAX);
                break;
        case TYPE_I64S:
                list = get_memory(rd, n * sizeof(int64_t));
                for (uint32_t k = 0; k < n && list; k++)
                        ((int64_t *) list)[k] = unzigzag(get_varint(rd, UINT64_MAX));
                break;
        }
        *(void **) at = list;
}

int wire_decode(unsigned kind, const uint8_t *data, size_t size_bytes, Arena *arena, WireMessage *ret, Error *err) {
        const Field *fields = fields_of(kind);
        Reader rd = { .start = data, .at = data, .end = data + size_bytes, .what = wire_name(kind), .err = err,
                      .scratch = arena };

        if (!fields)
                return error_set(err, ERROR_VALUE, "there is no message of kind %u", kind);
        *ret = (WireMessage) { .kind = (WireKind) kind };
        for (const Field *f = fields; f->name && rd.r == 0; f++) {
                static const uint8_t zero[1];

                if (reader_left(&rd) == 0) /* this byte says 0, of each type */
                        rd.start = rd.at = zero, rd.end = zero + sizeof(zero);
                get_field(&rd, f, (char *) &ret->hello);
        }
        /* What follows was added by a later version; its sender does not need it to be understood. */
        return rd.r;
}

/* ---- Printing --------------------------------------------------------------------------------------------------- */

enum { PRINT_MANY = 8 }; /* entries of a list */

const char *wire_print(const WireMessage *m, Arena *arena) {
        const char *body = body_of(m), *text = arena_printf(arena, "%s", wire_name(m->kind));

        for (const Field *f = fields_of(m->kind); f->name && text; f++) {
                const void *at = body + f->offset, *list = list_at(f, at);
                const uint32_t n = f->n_offset ? *(const uint32_t *) (body + f->n_offset) : 0;

                text = arena_printf(arena, "%s %s=", text, f->name);
                switch (f->type) {
                case TYPE_U32:
                        text = arena_printf(arena, "%s%u", text, *(const uint32_t *) at);
                        continue;
                case TYPE_I32:
                        text = arena_printf(arena, "%s%d", text, *(const int32_t *) at);
                        continue;
                case TYPE_U64:
                        text = arena_printf(arena, "%s%llu", text, (unsigned long long) *(const uint64_t *) at);
                        continue;
                case TYPE_TEXT:
                        text = arena_printf(arena, "%s\"%.80s\"", text, list ? (const char *) list : "");
                        continue;
                case TYPE_BYTES:
                        text = arena_printf(arena, "%s<%u bytes>", text, n);
                        continue;
                case TYPE_U32S:
                case TYPE_U64S:
                case TYPE_I64S:
                        break;
                }
                text = arena_printf(arena, "%s[", text);
                for (uint32_t k = 0; k < MIN(n, (uint32_t) PRINT_MANY) && text; k++)
                        text = arena_printf(arena, "%s%s%lld", text, k > 0 ? ", " : "",
                                            f->type == TYPE_U32S   ? (long long) ((const uint32_t *) list)[k]
                                            : f->type == TYPE_U64S ? (long long) ((const uint64_t *) list)[k]
                                                                   : (long long) ((const int64_t *) list)[k]);
                text = arena_printf(arena, n > PRINT_MANY ? "%s, … (%u)]" : "%s]", text, n);
        }
        return text;
}
