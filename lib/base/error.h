/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Errors as values. A function returns 0, a positive condition that its header names, or a negative code; where a
 * person will read it, an Error carries the code and the words. Words grow outwards: the callee says what went
 * wrong, each caller that knows more puts its own context in front.
 *
 * The codes are errno values, so that a failed system call needs no translation. Those below have a meaning for
 * users: each becomes the Python exception that NumPy would raise. */
#include <errno.h>

#include "base/limits.h"
#include "base/macro.h"

enum {
        ERROR_VALUE    = -EINVAL,     /* ValueError: shapes that do not fit, a bad argument */
        ERROR_INDEX    = -ERANGE,     /* IndexError */
        ERROR_AXIS     = -ENOSTR,     /* numpy AxisError (a ValueError and an IndexError) */
        ERROR_TYPE     = -EPROTOTYPE, /* TypeError: dtypes that cannot */
        ERROR_MEMORY   = -ENOMEM,     /* MemoryError */
        ERROR_LINALG   = -EDOM,       /* LinAlgError: a singular matrix, no convergence */
        ERROR_OVERFLOW = -EOVERFLOW,  /* OverflowError: a number that does not fit its type */
        ERROR_CANCELED = -ECANCELED,  /* mars.errors.Cancelled */
        ERROR_CLOSED   = -ESHUTDOWN,  /* RuntimeError: the session is closed */
        ERROR_SUPPORT  = -EOPNOTSUPP, /* NotImplementedError */
        ERROR_CORRUPT  = -EBADMSG,    /* mars.errors.Corrupt: what was read back is not what was written */
        ERROR_SPILL_FULL = -EXFULL,   /* mars.errors.SpillFull (a MemoryError): neither memory nor disks have room */
};

typedef struct Error {
        int code; /* negative, or 0 while nothing has gone wrong */
        char text[MAX_ERROR_TEXT];
} Error;

/* Sets the words and returns `code`, so that `return error_set(err, ERROR_VALUE, …)` is one statement. */
int error_set(Error *err, int code, const char *fmt, ...) _printf_(3, 4);

/* Puts words in front of what is there: "clip" becomes "clip: shapes …". When the words there are not of `code`, the
 * callee gave only an errno and gets strerror() as its words. `err` may be NULL everywhere: nobody wants words. */
int error_prefix(Error *err, int code, const char *fmt, ...) _printf_(3, 4);

/* -ENOMEM with the size that could not be had. */
int error_oom(Error *err, size_t size_bytes);

/* All three return a negative code. Their callers' compilers and analyzers see it here: behind `r = error_oom(…)` there
 * is no path on which `r < 0` is false and a result is used that was never set. */
static inline int error_negative(int code) {
        if (code >= 0)
                __builtin_unreachable();
        return code;
}

#define error_set(...) error_negative(error_set(__VA_ARGS__))
#define error_prefix(...) error_negative(error_prefix(__VA_ARGS__))
#define error_oom(...) error_negative(error_oom(__VA_ARGS__))
