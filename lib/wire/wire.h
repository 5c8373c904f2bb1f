/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Messages as structs, and their bytes. What is decoded comes from outside: every number, length and text is checked
 * against the limit that the table names, and no list is longer than the bytes that came. */
#include "base/bytes.h"
#include "tensor/tiling.h"
#include "wire/messages.h"

enum {
        WIRE_VERSION    = 2,
        WIRE_VERSION_LEAST = 1,    /* of clients: those of the version before are served (docs/PROTOCOL.md) */
        WIRE_MAX_CHUNKS = 1 << 24, /* of a tensor in a message: 64 MiB of holders, however few bytes say so */
};

typedef enum WireRole { WIRE_CLIENT = 1, WIRE_WORKER = 2, WIRE_CONTROL = 3 } WireRole;

/* What becomes of a worker: it works; it is given nothing, and others take its chunks; the same, and then it ends. */
typedef enum WireDrain { DRAIN_OFF, DRAIN_STAY, DRAIN_RETIRE } WireDrain;

/* What is done with a name (NAME). */
typedef enum WireName { NAME_SAVE, NAME_OPEN, NAME_LIST, NAME_REMOVE } WireName;

/* How a chunk is wanted: as bytes; or, where that is possible, to be read where it lies (AT), for a short time or for
 * as long as the reader likes. */
typedef enum WireHow { WIRE_BYTES, WIRE_BRIEFLY, WIRE_LONG } WireHow;

#define WIRE_TYPE_U32(name) uint32_t name;
#define WIRE_TYPE_I32(name) int32_t name;
#define WIRE_TYPE_U64(name) uint64_t name;
#define WIRE_TYPE_TEXT(name) const char *name; /* NULL is sent as "" */
#define WIRE_TYPE_BYTES(name) const uint8_t *name; uint32_t name##_n;
#define WIRE_TYPE_U32S(name) const uint32_t *name; uint32_t name##_n;
#define WIRE_TYPE_U64S(name) const uint64_t *name; uint32_t name##_n;
#define WIRE_TYPE_I64S(name) const int64_t *name; uint32_t name##_n;
#define WIRE_MEMBER(type, name, most) WIRE_TYPE_##type(name)

typedef enum WireKind {
#define WIRE_KIND(KIND, number, name) WIRE_IS_##KIND = (number),
        WIRE_MESSAGES(WIRE_KIND)
#undef WIRE_KIND
} WireKind;

#define WIRE_STRUCT(KIND, number, name)                                                                                \
        typedef struct Wire_##name {                                                                                   \
                WIRE_##KIND(WIRE_MEMBER)                                                                               \
        } Wire_##name;
WIRE_MESSAGES(WIRE_STRUCT)
#undef WIRE_STRUCT

typedef struct WireMessage {
        WireKind kind;
        union {
#define WIRE_UNION(KIND, number, name) Wire_##name name;
                WIRE_MESSAGES(WIRE_UNION)
#undef WIRE_UNION
        };
} WireMessage;

/* Appends the body of the message; writer->r says whether it could. */
void wire_encode(const WireMessage *message, Writer *w);
/* The lists and texts of the message point into `data` or lie in the arena. What is there ends with a field, not with
 * the last one: an earlier version has written it, and the others are 0 and empty. 0, ERROR_VALUE, -ENOMEM. */
int wire_decode(unsigned kind, const uint8_t *data, size_t size_bytes, Arena *arena, WireMessage *ret, Error *err);
const char *wire_name(unsigned kind); /* "SUBMIT"; NULL: there is no such message */
/* "RUN plan=3 task=[0, 0, 1, 1] fetch=[]", for a log; cut where it is too long. NULL when out of memory. */
const char *wire_print(const WireMessage *message, Arena *arena);

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

/* What a tensor is, how it is cut, and perhaps who has its chunks. */
typedef struct WireTensor {
        uint64_t id, chunk_first;
        Spec spec;
        Tiling tiling;     /* known */
        uint32_t n_holder; /* 0, or the number of chunks */
        const uint32_t *holder; /* worker numbers */
} WireTensor;

void wire_put_tensor(Writer *w, const WireTensor *tensor);
/* Lists lie in rd->scratch; shape, tiling and number of holders fit each other. */
void wire_get_tensor(Reader *rd, WireTensor *ret);
