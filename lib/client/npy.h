/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The .npy format, versions 1 to 3: magic, version, length of the header, a Python dict literal, then the elements. */
#include "tensor/shape.h"

enum {
        NPY_HEADER_MAX = 64 << 10, /* longest header that is read; NumPy writes 128 bytes for ordinary arrays */
        NPY_WRITE_MAX  = 1024,     /* npy_print(): 32 axes of 20 digits and the rest of the dict fit */
};

typedef struct NpyHeader {
        unsigned type;       /* of the elements: client/times.h */
        bool swap;           /* elements are big-endian */
        bool fortran_order;  /* the first index runs fastest */
        Shape shape;
        int64_t data_offset; /* in the file */
        int64_t data_bytes;
} NpyHeader;

/* Reads the header from the first `size` bytes of a file (at most NPY_HEADER_MAX matter). ERROR_VALUE: no or a
 * broken .npy file; ERROR_TYPE: a dtype that we do not have. */
int npy_parse(const uint8_t *data, size_t size, NpyHeader *ret, Error *err);
/* Writes the header of a C-ordered file; returns its size, a multiple of 64. */
size_t npy_print(unsigned type, const Shape *shape, char ret[static NPY_WRITE_MAX]);
