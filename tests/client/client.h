/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Short words for tests of the client: what is expected to work, or the test fails with the library's words. */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "mars.h"

#include "harness.h"

#define must(call)                                                                                                     \
        ({                                                                                                             \
                mars_error err = {};                                                                                   \
                int must_r     = (call);                                                                               \
                ck_assert_msg(must_r >= 0, "%s: %s (%d)", #call, err.text, must_r);                                    \
                must_r;                                                                                                \
        })

#define must_fail(wanted_code, words, call)                                                                            \
        ({                                                                                                             \
                mars_error err = {};                                                                                   \
                int fail_r     = (call);                                                                               \
                ck_assert_msg(fail_r == (wanted_code), "%s: %d %s", #call, fail_r, err.text);                          \
                ck_assert_msg(strstr(err.text, words), "%s: %s", #call, err.text);                                     \
        })

static inline void unref_tensor(mars_tensor **t) {
        mars_tensor_unref(*t);
}
static inline void unref_session(mars_session **s) {
        mars_session_unref(*s);
}
static inline void unref_future(mars_future **f) {
        mars_future_unref(*f);
}
#define TENSOR _cleanup_(unref_tensor) mars_tensor *
#define SESSION _cleanup_(unref_session) mars_session *
#define FUTURE _cleanup_(unref_future) mars_future *

static inline mars_session *session(unsigned n_threads) {
        mars_session *s = NULL;

        must(mars_session_new(&s, NULL, &(mars_session_options) { .n_threads = n_threads, .memory_bytes = 256 << 20 },
                              &err));
        return s;
}

static inline mars_tensor *f64s(int64_t n, const double *values) {
        mars_tensor *t = NULL;

        must(mars_from_memory(&t, values, MARS_FLOAT64, 1, &n, NULL, NULL, 0, &err));
        return t;
}

/* 0, 1, 2, … cut into chunks. */
static inline mars_tensor *counted(int64_t n, int64_t chunk) {
        _cleanup_(freep) double *values = malloc((size_t) n * sizeof(*values) + 1);
        mars_tensor *t                  = NULL;

        for (int64_t i = 0; i < n; i++)
                values[i] = (double) i;
        must(mars_from_memory(&t, values, MARS_FLOAT64, 1, &n, NULL, (const int64_t[]) { 1, chunk }, 2, &err));
        return t;
}

static inline mars_tensor *full(double value, int64_t a, int64_t b) {
        mars_tensor *t = NULL;

        must(mars_full(&t, MARS_FLOAT64, 2, (const int64_t[]) { a, b }, value, &err));
        return t;
}

static inline mars_tensor *weak_int(int64_t value) {
        mars_tensor *t = NULL;

        must(mars_scalar_weak(&t, 'i', (mars_scalar) { .dtype = MARS_INT64, .i64 = value }, &err));
        return t;
}

static inline mars_tensor *op1(const char *name, mars_tensor *a) {
        mars_tensor *t = NULL;

        must(mars_op1(&t, name, 1, &a, NULL, 0, &err));
        return t;
}

static inline mars_tensor *op2(const char *name, mars_tensor *a, mars_tensor *b) {
        mars_tensor *t = NULL;

        must(mars_op1(&t, name, 2, (mars_tensor *[]) { a, b }, NULL, 0, &err));
        return t;
}

/* The elements of an executed tensor of float64 that has n of them. */
static inline double *values_of(mars_session *s, mars_tensor *t, int64_t n) {
        double *values = malloc((size_t) n * sizeof(*values) + 1);
        int64_t shape[MARS_MAX_NDIM], size = 1;

        ck_assert_int_eq(mars_tensor_dtype(t), MARS_FLOAT64);
        ck_assert_uint_eq(mars_tensor_shape(t, shape), 0);
        for (unsigned k = 0; k < mars_tensor_ndim(t); k++)
                size *= shape[k];
        ck_assert_int_eq(size, n);
        must(mars_fetch(s, t, values, NULL, &err));
        return values;
}

static inline double value_of(mars_session *s, mars_tensor *t) {
        _cleanup_(freep) double *values = values_of(s, t, 1);

        return values[0];
}
