/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The few macros that every file may use: cleanup on scope exit, ownership transfer, array sizes, integer
 * arithmetic that notices overflow. */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _must_check_ __attribute__((warn_unused_result))
#define _unused_ __attribute__((unused))
#define _likely_(x) __builtin_expect(!!(x), 1)
#define _unlikely_(x) __builtin_expect(!!(x), 0)

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)                                                                                                      \
        ({                                                                                                             \
                __typeof__(a) _min_a = (a);                                                                            \
                __typeof__(b) _min_b = (b);                                                                            \
                _min_a < _min_b ? _min_a : _min_b;                                                                     \
        })
#define MAX(a, b)                                                                                                      \
        ({                                                                                                             \
                __typeof__(a) _max_a = (a);                                                                            \
                __typeof__(b) _max_b = (b);                                                                            \
                _max_a > _max_b ? _max_a : _max_b;                                                                     \
        })

/* Hands a pointer over: the variable that owned it is NULL afterwards, so its cleanup does nothing. */
#define TAKE_PTR(p)                                                                                                    \
        ({                                                                                                             \
                __typeof__(p) _taken = (p);                                                                            \
                (p) = NULL;                                                                                            \
                _taken;                                                                                                \
        })

/* DEFINE_CLEANUP(Link *, link_free) makes link_freep() for _cleanup_(link_freep). */
#define DEFINE_CLEANUP(type, fn)                                                                                       \
        static inline void fn##p(type *p) {                                                                            \
                if (*p)                                                                                                \
                        fn(*p);                                                                                        \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}

/* True when a * b does not fit; the product is stored in *ret otherwise. Foreign sizes are multiplied by nothing
 * else. */
static inline bool mul_overflows(int64_t a, int64_t b, int64_t *ret) {
        return __builtin_mul_overflow(a, b, ret);
}

static inline int64_t div_up(int64_t a, int64_t b) {
        return a / b + (a % b > 0);
}

#define KiB ((size_t) 1 << 10)
#define MiB ((size_t) 1 << 20)
#define GiB ((size_t) 1 << 30)
