/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How a tensor is cut: for every axis, where. Chunk k of an axis covers [cuts_edge(k), cuts_edge(k + 1)).
 *
 * A regular axis (all chunks `step` long but the last) needs no memory, whatever its number of chunks; an explicit one
 * points to its n + 1 edges, which belong to the arena of whoever made the tiling. An axis of extent 0 has one empty
 * chunk. An axis whose sizes are not known yet (the result of a mask) has `n` chunks of UNKNOWN extent. */
#include "base/arena.h"
#include "tensor/shape.h"

typedef struct Cuts {
        int64_t extent;        /* length of the axis, or UNKNOWN */
        int64_t step;          /* chunk length when regular; 0 when `edge` says */
        const int64_t *edge;   /* n + 1 ascending positions from 0 to extent, or NULL */
        uint32_t n;            /* chunks, at least 1 */
} Cuts;

typedef struct Tiling {
        int ndim;
        Cuts axis[MAX_NDIM];
} Tiling;

/* A box: an interval for every axis. */
typedef struct Box {
        int ndim;
        int64_t lo[MAX_NDIM], hi[MAX_NDIM];
} Box;

Cuts cuts_regular(int64_t extent, int64_t step);  /* step >= 1 (clamped to extent) */
Cuts cuts_whole(int64_t extent);
Cuts cuts_unknown(uint32_t n);
/* From the n_sizes lengths of chunks; 0 or ERROR_VALUE when they are negative or do not add up to extent, -ENOMEM.
 * Becomes regular if it can; keeps chunks of length 0, so there are n_sizes chunks (but one for an empty list). */
int cuts_from_sizes(Arena *arena, const int64_t *sizes, uint32_t n_sizes, int64_t extent, Cuts *ret, Error *err);
/* The coarsest cuts that have all edges of both, which have one extent: ERROR_VALUE if not, and for unknown
 * extents in different numbers of chunks; ERROR_OVERFLOW past MAX_PLAN_CHUNKS; ERROR_MEMORY. */
int cuts_refine(Arena *arena, const Cuts *a, const Cuts *b, Cuts *ret);
bool cuts_equal(const Cuts *a, const Cuts *b);     /* unknown ones: as many chunks, whatever they turn out to be */
int64_t cuts_edge(const Cuts *c, uint32_t k);      /* 0 <= k <= n */
uint32_t cuts_find(const Cuts *c, int64_t at);     /* the chunk that holds position `at`, 0 <= at < extent */

Tiling tiling_whole(const Shape *s);
bool tiling_equal(const Tiling *a, const Tiling *b);
bool tiling_known(const Tiling *t);
uint64_t tiling_n_chunks(const Tiling *t);         /* UINT64_MAX when they are more */
Shape tiling_shape(const Tiling *t);
/* Chunks are numbered in C order of their grid positions. */
void tiling_position(const Tiling *t, uint64_t chunk, uint32_t ret_pos[static MAX_NDIM]);
uint64_t tiling_chunk_at(const Tiling *t, const uint32_t *pos);
void tiling_box(const Tiling *t, uint64_t chunk, Box *ret);
/* True when only leading axes are cut so that each chunk is one contiguous run of the tensor in C order. */
bool tiling_is_rows(const Tiling *t);
int64_t box_size(const Box *b);                    /* elements, or UNKNOWN */

/* The default: runs of rows (whole C-order runs, so that neighbouring chunks can be neighbours in memory), powers of
 * two long, of AUTO_CHUNK_BYTES; more for tensors beyond 8 GiB, so that their number stays bounded, and down to
 * AUTO_LEAST_BYTES for those below AUTO_CHUNKS such chunks, so that there is something for every thread. It depends on
 * shape and dtype only, never on the machine, so that automatic cuts never change a bit of an answer. */
enum { AUTO_CHUNK_BYTES = 8 << 20, AUTO_LEAST_BYTES = 512 << 10, AUTO_CHUNKS = 8 };
Tiling tiling_auto(const Shape *s, DType dtype);

/* What a user may write as chunk_size=: per axis a length (-1: whole; 0: automatic) or the list of all lengths.
 * `flat` holds for each axis a group: n, then n numbers; a single group of n = 1 is for all axes. n = 1 is a
 * length, clamped to the axis. ERROR_VALUE with words that begin "chunk_size: axis 1: …", ERROR_MEMORY. */
int tiling_parse(Arena *arena, const Shape *s, DType dtype, const int64_t *flat, uint32_t n_flat, Tiling *ret,
                 Error *err);
