/* SPDX-License-Identifier: Apache-2.0 */
/* The words are NumPy's where it has some, with '?' for a dimension that is not known yet. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tensor/shape.h"

Shape shape_of(int ndim, const int64_t *dims) {
        Shape s = { .ndim = ndim };

        assert(ndim >= 0);
        if (ndim > 0) /* more than MAX_NDIM are for shape_check() to refuse */
                memcpy(s.dim, dims, (size_t) MIN(ndim, (int) MAX_NDIM) * sizeof(*dims));
        return s;
}

bool shape_known(const Shape *s) {
        for (int i = 0; i < s->ndim; i++)
                if (s->dim[i] == UNKNOWN)
                        return false;
        return true;
}

bool shape_equal(const Shape *a, const Shape *b) {
        return a->ndim == b->ndim && memcmp(a->dim, b->dim, (size_t) a->ndim * sizeof(*a->dim)) == 0;
}

int64_t shape_size(const Shape *s) {
        uint64_t n = 1;

        if (!shape_known(s))
                return UNKNOWN;
        for (int i = 0; i < s->ndim; i++)
                n *= (uint64_t) s->dim[i];
        return (int64_t) n;
}

int shape_check(const Shape *s, size_t itemsize, Error *err) {
        int64_t n = (int64_t) itemsize;
        char text[SHAPE_TEXT];

        if (s->ndim > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %d",
                                 MAX_NDIM, s->ndim);
        for (int i = 0; i < s->ndim; i++)
                if (s->dim[i] < UNKNOWN)
                        return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
        /* As in NumPy an empty tensor must not be too big without its zeros: strides are such products. */
        for (int i = 0; i < s->ndim; i++)
                if (s->dim[i] > 0 && mul_overflows(n, s->dim[i], &n))
                        return error_set(err, ERROR_VALUE,
                                         "array is too big; shape %s of %zu-byte elements is larger than the maximum "
                                         "possible size of 2^63 - 1 bytes",
                                         shape_print(s, text), itemsize);
        return 0;
}

/* NumPy writes shapes without spaces here: "(2,3) (4,)". */
static int refuse_broadcast(const Shape *const *in, int n_in, Error *err) {
        char text[MAX_ERROR_TEXT];
        size_t n = 0;

        for (int k = 0; k < n_in; k++) {
                char one[SHAPE_TEXT], *to = one;

                shape_print(in[k], one);
                for (const char *from = one; *from; from++)
                        if (*from != ' ')
                                *to++ = *from;
                *to = '\0';
                n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%s", k ? " " : "", one);
                if (n >= sizeof(text))
                        break;
        }
        return error_set(err, ERROR_VALUE, "operands could not be broadcast together with shapes %s", text);
}

int shape_broadcast(const Shape *const *in, int n_in, Shape *ret, Error *err) {
        Shape s = {};

        for (int k = 0; k < n_in; k++)
                s.ndim = MAX(s.ndim, in[k]->ndim);
        for (int i = 0; i < s.ndim; i++)
                s.dim[i] = 1;
        for (int k = 0; k < n_in; k++)
                for (int i = 0, at = s.ndim - in[k]->ndim; i < in[k]->ndim; i++, at++) {
                        int64_t have = s.dim[at], more = in[k]->dim[i];

                        if (more == 1 || more == have || (more == UNKNOWN && have != 1))
                                continue;
                        if (have != 1 && have != UNKNOWN)
                                return refuse_broadcast(in, n_in, err);
                        s.dim[at] = more;
                }
        *ret = s;
        return 0;
}

int axis_normalize(int64_t axis, int ndim, int *ret, Error *err) {
        if (axis < -ndim || axis >= ndim)
                return error_set(err, ERROR_AXIS, "axis %" PRId64 " is out of bounds for array of dimension %d", axis,
                                 ndim);
        *ret = (int) (axis < 0 ? axis + ndim : axis);
        return 0;
}

char *shape_print(const Shape *s, char text[static SHAPE_TEXT]) {
        enum { TAIL = sizeof("..., ...)") }; /* what always must find room */
        size_t n = 1;

        text[0] = '(';
        for (int i = 0; i < s->ndim && i < MAX_NDIM; i++) {
                char dim[24];
                int length = s->dim[i] == UNKNOWN ? snprintf(dim, sizeof(dim), "?")
                                                  : snprintf(dim, sizeof(dim), "%" PRId64, s->dim[i]);

                if (n + (size_t) length + TAIL > SHAPE_TEXT) {
                        n += (size_t) snprintf(text + n, SHAPE_TEXT - n, ", ...");
                        break;
                }
                n += (size_t) snprintf(text + n, SHAPE_TEXT - n, "%s%s", i ? ", " : "", dim);
        }
        snprintf(text + n, SHAPE_TEXT - n, "%s", s->ndim == 1 ? ",)" : ")");
        return text;
}
