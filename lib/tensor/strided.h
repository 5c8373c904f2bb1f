/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Moving elements between strided memory and contiguous strips. Strides are in bytes; `size` is the bytes of one
 * element (1, 2, 4, 8 or 16). Nothing here knows dtypes: elements are copied as they are. */
#include "tensor/shape.h"

/* dst[i] = *(src + i * stride) */
void strided_gather(void *dst, const char *src, int64_t stride, size_t n, size_t size);
/* *(dst + i * stride) = src[i] */
void strided_scatter(char *dst, int64_t stride, const void *src, size_t n, size_t size);
/* dst[i] = *src */
void strided_fill(void *dst, const void *src, size_t n, size_t size);
/* Copies past the caches: for results that are larger than they are and nobody reads soon. strided_stream_end()
 * orders the stores before anything that follows; once per task is enough. */
void strided_stream(void *dst, const void *src, size_t size_bytes);
void strided_stream_end(void);
/* Several rows at once: *(dst + t * pitch + i * size) = *(src + t * row + i * lane) for t < n_rows, i < n. With
 * small `row` every cache line of src is read once, however large the power of two in `lane` is. */
void strided_pack(char *dst, size_t pitch, size_t n_rows, const char *src, int64_t row, int64_t lane, size_t n,
                  size_t size);

/* Strides of a C-contiguous block. */
void strided_of_shape(const Shape *shape, size_t size, int64_t ret_stride[static MAX_NDIM]);
/* Copies an n-dimensional block from one strided place to another. */
void strided_copy(char *dst, const int64_t *dst_stride, const char *src, const int64_t *src_stride, const Shape *shape,
                  size_t size);
