/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shapes are values. A dimension may be UNKNOWN: it depends on data (x[x > 0], unique) and is filled in once the
 * producing tasks have run. */
#include "base/error.h"
#include "tensor/dtype.h"

#define UNKNOWN ((int64_t) -1)

typedef struct Shape {
        int ndim;
        int64_t dim[MAX_NDIM];
} Shape;

/* What is known of a tensor before it is computed. */
typedef struct Spec {
        DType dtype;
        Weak weak; /* a Python scalar; WEAK_NONE for everything that is an array */
        Shape shape;
} Spec;

#define SHAPE(...)                                                                                                     \
        ({                                                                                                             \
                const int64_t _dims[] = { __VA_ARGS__ };                                                               \
                shape_of(ELEMENTSOF(_dims), _dims);                                                                    \
        })

Shape shape_of(int ndim, const int64_t *dims);
bool shape_known(const Shape *s); /* no UNKNOWN dimension */
bool shape_equal(const Shape *a, const Shape *b);
/* Number of elements; of a shape with UNKNOWN dimensions: UNKNOWN. Sizes are checked when shapes are made. */
int64_t shape_size(const Shape *s);
/* Refuses more than MAX_NDIM dimensions, negative ones but UNKNOWN (so look for -1 where a user gives dimensions),
 * and products (times itemsize, zeros left out as in NumPy) past 2^63. */
int shape_check(const Shape *s, size_t itemsize, Error *err);
/* NumPy's broadcasting. UNKNOWN with 1 or UNKNOWN is UNKNOWN; with n it is n, to be checked again when known.
 * `ret` may be one of the inputs. */
int shape_broadcast(const Shape *const *in, int n_in, Shape *ret, Error *err);
/* -ndim <= axis < ndim -> 0 <= *ret < ndim; else ERROR_AXIS with NumPy's words. */
int axis_normalize(int64_t axis, int ndim, int *ret, Error *err);
/* "(3, 4)", "(3,)", "()", "(?, 4)" into `text` (at least SHAPE_TEXT bytes; what does not fit is "..."); returns
 * text. */
enum { SHAPE_TEXT = 256 };
char *shape_print(const Shape *s, char text[static SHAPE_TEXT]);
