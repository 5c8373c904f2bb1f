/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An arena owns many small objects with one lifetime: a graph's nodes, a plan's tasks. Nothing in it is freed alone.
 * Memory is zeroed and aligned to 16 bytes. */
#include "base/macro.h"

typedef struct Arena Arena;

Arena *arena_new(void); /* NULL when out of memory */
Arena *arena_free(Arena *arena);
DEFINE_CLEANUP(Arena *, arena_free)

void *arena_alloc(Arena *arena, size_t size_bytes) _must_check_; /* NULL when out of memory */
void *arena_copy(Arena *arena, const void *data, size_t size_bytes) _must_check_;
char *arena_printf(Arena *arena, const char *fmt, ...) _printf_(2, 3);
size_t arena_size_bytes(const Arena *arena); /* bytes taken from the system */

/* NULL also when n is negative or n elements are more bytes than can be counted. */
#define arena_new_array(arena, type, n)                                                                                \
        ({                                                                                                             \
                size_t _arena_bytes;                                                                                   \
                (type *) (__builtin_mul_overflow((n), sizeof(type), &_arena_bytes)                                     \
                                          ? NULL                                                                       \
                                          : arena_alloc((arena), _arena_bytes));                                       \
        })
