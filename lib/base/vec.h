/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A growing array of any type:   Vec(uint32_t) ready = {};   vec_push(&ready, 7);   ready.data[0]; … vec_free(&ready);
 * vec_push() returns 0 or -ENOMEM and leaves the array whole. */
#include <errno.h>
#include <string.h>

#include "base/macro.h"

#define Vec(type)                                                                                                      \
        struct {                                                                                                       \
                type *data;                                                                                            \
                uint32_t n, capacity;                                                                                  \
        }

int vec_grow(void **data, uint32_t *capacity, uint32_t n_wanted, size_t element_bytes) _must_check_;

#define vec_reserve(v, n_wanted)                                                                                       \
        ((v)->capacity >= (n_wanted)                                                                                   \
                         ? 0                                                                                           \
                         : vec_grow((void **) &(v)->data, &(v)->capacity, (n_wanted), sizeof(*(v)->data)))
#define vec_push(v, ...)                                                                                               \
        ({                                                                                                             \
                int _vec_r = vec_reserve((v), (v)->n + 1);                                                             \
                if (_vec_r == 0)                                                                                       \
                        (v)->data[(v)->n++] = (__VA_ARGS__);                                                           \
                _vec_r;                                                                                                \
        })
#define vec_pop(v) ((v)->data[--(v)->n])
#define vec_free(v)                                                                                                    \
        do {                                                                                                           \
                free((v)->data);                                                                                       \
                (v)->data = NULL;                                                                                      \
                (v)->n = (v)->capacity = 0;                                                                            \
        } while (0)
