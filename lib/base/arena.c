/* SPDX-License-Identifier: Apache-2.0 */
/* A list of blocks; the first one is open and is filled from its start. A block is twice as large as the one
 * before, up to BLOCK_MAX, so a small graph costs one page and a large one few calls. An object that would waste
 * much of the open block gets a block of its own, behind the open one. Blocks come zeroed from calloc(), large
 * ones untouched. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

enum {
        ALIGN       = 16,
        BLOCK_FIRST = 4 << 10,
        BLOCK_MAX   = 1 << 20,
};

typedef struct Block {
        struct Block *next;
        size_t size_bytes; /* with this header */
} Block;

struct Arena {
        Block *open;         /* head of the list, or NULL */
        char *at, *end;      /* what is free in the open block */
        size_t next_bytes;   /* size of the next block */
        size_t size_bytes;
};

static_assert(sizeof(Block) % ALIGN == 0, "objects follow the header");

Arena *arena_new(void) {
        Arena *arena = calloc(1, sizeof(*arena));

        if (!arena)
                return NULL;
        arena->next_bytes = BLOCK_FIRST;
        arena->size_bytes = sizeof(*arena);
        return arena;
}

Arena *arena_free(Arena *arena) {
        if (!arena)
                return NULL;
        for (Block *b = arena->open, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        free(arena);
        return NULL;
}

static Block *block_new(Arena *arena, size_t size_bytes) {
        Block *b = calloc(1, size_bytes);

        if (!b)
                return NULL;
        b->size_bytes = size_bytes;
        arena->size_bytes += size_bytes;
        return b;
}

/* Rare: `size_bytes`, already a multiple of ALIGN, does not fit into the open block. */
static __attribute__((noinline)) void *arena_alloc_slow(Arena *arena, size_t size_bytes) {
        Block *b;

        if (arena->open && size_bytes > arena->next_bytes / 4) {
                b = block_new(arena, sizeof(Block) + size_bytes);
                if (!b)
                        return NULL;
                b->next = arena->open->next;
                arena->open->next = b;
                return b + 1;
        }

        b = block_new(arena, MAX(arena->next_bytes, sizeof(Block) + size_bytes));
        if (!b)
                return NULL;
        arena->next_bytes = MIN(arena->next_bytes * 2, (size_t) BLOCK_MAX);
        b->next = arena->open;
        arena->open = b;
        arena->at = (char *) (b + 1) + size_bytes;
        arena->end = (char *) b + b->size_bytes;
        return b + 1;
}

void *arena_alloc(Arena *arena, size_t size_bytes) {
        void *ret;

        if (size_bytes > PTRDIFF_MAX / 2)
                return NULL;
        size_bytes = MAX((size_bytes + ALIGN - 1) & ~(size_t) (ALIGN - 1), (size_t) ALIGN);
        if (_unlikely_((size_t) (arena->end - arena->at) < size_bytes))
                return arena_alloc_slow(arena, size_bytes);
        ret = arena->at;
        arena->at += size_bytes;
        return ret;
}

void *arena_copy(Arena *arena, const void *data, size_t size_bytes) {
        void *ret = arena_alloc(arena, size_bytes);

        if (ret && size_bytes > 0)
                memcpy(ret, data, size_bytes);
        return ret;
}

char *arena_printf(Arena *arena, const char *fmt, ...) {
        char *ret;
        va_list args;
        int n;

        va_start(args, fmt);
        n = vsnprintf(NULL, 0, fmt, args);
        va_end(args);
        if (n < 0)
                return NULL;
        ret = arena_alloc(arena, (size_t) n + 1);
        if (!ret)
                return NULL;
        va_start(args, fmt);
        vsnprintf(ret, (size_t) n + 1, fmt, args);
        va_end(args);
        return ret;
}

size_t arena_size_bytes(const Arena *arena) {
        return arena->size_bytes;
}
