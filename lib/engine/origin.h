/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What engine.c, tensor.c, disk.c and the uploads of a remote engine know of origins (origin.c). The engine's lock is
 * held. */
#include "engine/engine.h"

struct Call;

typedef struct Origin {
        EngineOrigin give;
        uint64_t first_chunk;      /* id */
        uint64_t n_chunks, n_left; /* that are not dropped */
        struct Call *released;
} Origin;

typedef struct Reading Reading;
typedef struct Readers Readers;

/* A chunk that is to be read, by the next reader that is free. */
struct Reading {
        Reading *next;
        const Origin *origin;
        uint64_t chunk; /* id */
        char *to;       /* NULL: memory is taken when the reading begins, and done() frees it */
        size_t size_bytes;
        void (*done)(Engine *e, Reading *reading, const Error *err); /* on the reader, with the lock; may give it up */
        void *userdata;
};

int origin_begin(Engine *e,
                 const Reading *reading); /* a copy of it is queued. 0, -ENOMEM, or no thread could be made */
int origin_return(Engine *e, const Origin *origin, uint64_t chunk, char *to,
                  size_t size_bytes);        /* then disk_landed() */
Origin *origin_new(const EngineOrigin *give); /* without chunks; NULL: no memory */
void origin_done(Engine *e, Origin *origin);  /* its release is called when the lock is given up; NULL: nothing */
void origin_drop(Engine *e, uint64_t chunk); /* nobody will read it again; nothing if it is no origin's */
void origins_close(Engine *e);               /* without the lock: nothing is to be read any more */
void origins_free(Engine *e);                /* those that an engine without memory has left */
int local_adopt_origin(Engine *e, const Spec *spec, const Tiling *tiling, const EngineOrigin *origin,
                       struct Call *released, TensorId *ret, Error *err);
