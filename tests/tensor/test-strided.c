/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/strided.h"

#include <string.h>

#include "harness.h"

enum { SPACE = 1 << 14, MOST_SIZE = 16 };

static const size_t sizes[] = { 1, 2, 4, 8, MOST_SIZE };

/* What the place of an element in its memory is when axes are in the given order, in front of gaps or backwards. */
static int64_t lay_out(const Shape *shape, const int *order, int64_t gap, bool backwards, size_t size,
                       int64_t *ret_stride) {
        int64_t at = (int64_t) size * gap, first = 0;

        for (int k = shape->ndim; k-- > 0;) {
                const int axis = order[k];

                ret_stride[axis] = backwards && axis == 0 ? -at : at;
                if (ret_stride[axis] < 0)
                        first = at * (shape->dim[axis] - 1);
                at *= shape->dim[axis];
        }
        ck_assert_int_le(at, SPACE);
        return first;
}

/* One element after the other. */
static void copy_slowly(char *dst, const int64_t *to, const char *src, const int64_t *from, const Shape *shape,
                        size_t size) {
        for (int64_t i = 0; i < shape->dim[0]; i++)
                for (int64_t j = 0; j < shape->dim[1]; j++)
                        for (int64_t k = 0; k < shape->dim[2]; k++)
                                memcpy(dst + i * to[0] + j * to[1] + k * to[2],
                                       src + i * from[0] + j * from[1] + k * from[2], size);
}

TEST(a_block_is_copied_from_any_layout_to_any_other) {
        static const Shape shapes[] = {
                { .ndim = 3, .dim = { 3, 5, 4 } }, { .ndim = 3, .dim = { 7, 6, 1 } }, { .ndim = 3, .dim = { 1, 1, 9 } },
                { .ndim = 3, .dim = { 1, 1, 1 } }, { .ndim = 3, .dim = { 2, 0, 3 } },
        };
        static const int order[][3] = { { 0, 1, 2 }, { 2, 0, 1 }, { 1, 2, 0 } };
        static char src[SPACE], made[SPACE], wanted[SPACE];

        for (size_t i = 0; i < sizeof(src); i++)
                src[i] = (char) (i * 31 + i / 251);
        for (size_t s = 0; s < ELEMENTSOF(shapes); s++)
                for (size_t z = 0; z < ELEMENTSOF(sizes); z++)
                        for (int way = 0; way < 3 * 3 * 2 * 2 * 2; way++) {
                                const Shape *shape = &shapes[s];
                                const int to_gap = 1 + way / 9 % 2, from_gap = 1 + way / 18 % 2;
                                int64_t to[MAX_NDIM], from[MAX_NDIM];
                                const int64_t first_to = lay_out(shape, order[way % 3], to_gap, false, sizes[z], to);
                                const int64_t first = lay_out(shape, order[way / 3 % 3], from_gap, way / 36, sizes[z],
                                                              from);

                                memset(made, 'x', sizeof(made));
                                memset(wanted, 'x', sizeof(wanted));
                                copy_slowly(wanted + first_to, to, src + first, from, shape, sizes[z]);
                                strided_copy(made + first_to, to, src + first, from, shape, sizes[z]);
                                ck_assert_mem_eq(made, wanted, sizeof(made));
                        }
}

TEST(a_row_that_is_gathered_and_scattered_comes_back) {
        static char src[SPACE], row[SPACE], back[SPACE];

        for (size_t i = 0; i < sizeof(src); i++)
                src[i] = (char) (i * 7 + i / 256);
        for (size_t z = 0; z < ELEMENTSOF(sizes); z++)
                for (int64_t step = 1; step <= 5; step++) {
                        const int64_t stride = step * (int64_t) sizes[z];
                        const size_t n       = (size_t) (SPACE / stride);

                        memset(back, 0, sizeof(back));
                        strided_gather(row, src, stride, n, sizes[z]);
                        strided_scatter(back, stride, row, n, sizes[z]);
                        for (size_t i = 0; i < n; i++)
                                ck_assert_mem_eq(back + (int64_t) i * stride, src + (int64_t) i * stride, sizes[z]);
                        strided_fill(row, src + 3 * stride, n, sizes[z]);
                        for (size_t i = 0; i < n; i++)
                                ck_assert_mem_eq(row + i * sizes[z], src + 3 * stride, sizes[z]);
                }
}
