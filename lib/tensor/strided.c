/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor/strided.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* An element of 16 bytes: two words that move together. */
typedef struct Pair {
        uint64_t word[2];
} Pair;

/* Chunks come from anywhere and may hold elements that are not aligned: memcpy() is what compilers turn into plain
 * moves. */
#define EACH_SIZE(size, DO)                                                                                            \
        switch (size) {                                                                                                \
        case 1: DO(uint8_t) break;                                                                                     \
        case 2: DO(uint16_t) break;                                                                                    \
        case 4: DO(uint32_t) break;                                                                                    \
        case 8: DO(uint64_t) break;                                                                                    \
        case 16: DO(Pair) break;                                                                                       \
        default: assert(!"element size");                                                                              \
        }

void strided_gather(void *dst, const char *src, int64_t stride, size_t n, size_t size) {
        if (stride == (int64_t) size) {
                memcpy(dst, src, n * size);
                return;
        }
#define GATHER(type)                                                                                                   \
        for (size_t i = 0; i < n; i++)                                                                                 \
                memcpy((type *) dst + i, src + (int64_t) i * stride, sizeof(type));
        EACH_SIZE(size, GATHER)
#undef GATHER
}

void strided_scatter(char *dst, int64_t stride, const void *src, size_t n, size_t size) {
        if (stride == (int64_t) size) {
                memcpy(dst, src, n * size);
                return;
        }
#define SCATTER(type)                                                                                                  \
        for (size_t i = 0; i < n; i++)                                                                                 \
                memcpy(dst + (int64_t) i * stride, (const type *) src + i, sizeof(type));
        EACH_SIZE(size, SCATTER)
#undef SCATTER
}

static void move(char *dst, int64_t to, const char *src, int64_t from, size_t n, size_t size) {
#define MOVE(type)                                                                                                     \
        for (size_t i = 0; i < n; i++)                                                                                 \
                memcpy(dst + (int64_t) i * to, src + (int64_t) i * from, sizeof(type));
        EACH_SIZE(size, MOVE)
#undef MOVE
}

static inline __attribute__((always_inline)) void fill(void *dst, const void *src, size_t n, size_t size) {
#define FILL(type)                                                                                                     \
        {                                                                                                              \
                type value;                                                                                            \
                                                                                                                       \
                memcpy(&value, src, sizeof(value));                                                                    \
                for (size_t i = 0; i < n; i++)                                                                         \
                        ((type *) dst)[i] = value;                                                                     \
        }
        EACH_SIZE(size, FILL)
#undef FILL
}

/* Filling is all stores, so their width is its speed. */
#if defined(__x86_64__) && !defined(__AVX2__)
__attribute__((target("avx2"))) static void fill_avx2(void *dst, const void *src, size_t n, size_t size) {
        fill(dst, src, n, size);
}

void strided_fill(void *dst, const void *src, size_t n, size_t size) {
        if (__builtin_cpu_supports("avx2"))
                fill_avx2(dst, src, n, size);
        else
                fill(dst, src, n, size);
}
#else
void strided_fill(void *dst, const void *src, size_t n, size_t size) {
        fill(dst, src, n, size);
}
#endif

#ifdef __SSE2__
void strided_stream(void *dst, const void *src, size_t size_bytes) {
        size_t head = MIN((size_t) (-(uintptr_t) dst & 15), size_bytes), i;
        char *to = dst;
        const char *from = src;

        memcpy(to, from, head);
        for (i = head; i + 64 <= size_bytes; i += 64) {
                __m128i a = _mm_loadu_si128((const __m128i *) (from + i));
                __m128i b = _mm_loadu_si128((const __m128i *) (from + i + 16));
                __m128i c = _mm_loadu_si128((const __m128i *) (from + i + 32));
                __m128i d = _mm_loadu_si128((const __m128i *) (from + i + 48));

                _mm_stream_si128((__m128i *) (to + i), a);
                _mm_stream_si128((__m128i *) (to + i + 16), b);
                _mm_stream_si128((__m128i *) (to + i + 32), c);
                _mm_stream_si128((__m128i *) (to + i + 48), d);
        }
        memcpy(to + i, from + i, size_bytes - i);
}

void strided_stream_end(void) {
        _mm_sfence();
}
#else
void strided_stream(void *dst, const void *src, size_t size_bytes) {
        memcpy(dst, src, size_bytes);
}

void strided_stream_end(void) {
}
#endif

typedef uint64_t Word2 __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint32_t Word4 __attribute__((vector_size(16), aligned(1), may_alias));

/* Two rows of two elements become two columns: the inner step of transposing 8-byte elements. */
static inline void pack_8x2(char *dst, size_t pitch, const char *a, const char *b) {
        Word2 x = *(const Word2 *) a, y = *(const Word2 *) b;

        *(Word2 *) dst = __builtin_shufflevector(x, y, 0, 2);
        *(Word2 *) (dst + pitch) = __builtin_shufflevector(x, y, 1, 3);
}

static inline void pack_4x4(char *dst, size_t pitch, const char *a, int64_t lane) {
        Word4 r0 = *(const Word4 *) a, r1 = *(const Word4 *) (a + lane);
        Word4 r2 = *(const Word4 *) (a + 2 * lane), r3 = *(const Word4 *) (a + 3 * lane);
        Word4 t0 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), t1 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
        Word4 t2 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7), t3 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);

        *(Word4 *) dst = __builtin_shufflevector(t0, t1, 0, 1, 4, 5);
        *(Word4 *) (dst + pitch) = __builtin_shufflevector(t0, t1, 2, 3, 6, 7);
        *(Word4 *) (dst + 2 * pitch) = __builtin_shufflevector(t2, t3, 0, 1, 4, 5);
        *(Word4 *) (dst + 3 * pitch) = __builtin_shufflevector(t2, t3, 2, 3, 6, 7);
}

/* Packs whole squares of 8-byte elements; returns how many lanes and rows were done. */
static void pack_8(char *dst, size_t pitch, size_t n_rows, const char *src, int64_t lane, size_t n, size_t *ret_n,
                   size_t *ret_rows) {
        size_t i;

        for (i = 0; i + 2 <= n; i += 2) {
                const char *a = src + (int64_t) i * lane;

                for (size_t t = 0; t + 2 <= n_rows; t += 2)
                        pack_8x2(dst + t * pitch + i * 8, pitch, a + t * 8, a + lane + t * 8);
        }
        *ret_n = i;
        *ret_rows = n_rows & ~(size_t) 1;
}

#if defined(__x86_64__)
/* The same by squares of four. */
__attribute__((target("avx2"))) static void pack_8_avx2(char *dst, size_t pitch, size_t n_rows, const char *src,
                                                        int64_t lane, size_t n, size_t *ret_n, size_t *ret_rows) {
        typedef uint64_t Wide __attribute__((vector_size(32), aligned(1), may_alias));
        size_t i, t = 0;

        for (i = 0; i + 4 <= n; i += 4) {
                const char *a = src + (int64_t) i * lane;
                char *to = dst + i * 8;

                for (t = 0; t + 4 <= n_rows; t += 4, a += 32, to += 4 * pitch) {
                        Wide r0 = *(const Wide *) a, r1 = *(const Wide *) (a + lane);
                        Wide r2 = *(const Wide *) (a + 2 * lane), r3 = *(const Wide *) (a + 3 * lane);
                        Wide t0 = __builtin_shufflevector(r0, r1, 0, 4, 2, 6),
                             t1 = __builtin_shufflevector(r0, r1, 1, 5, 3, 7);
                        Wide t2 = __builtin_shufflevector(r2, r3, 0, 4, 2, 6),
                             t3 = __builtin_shufflevector(r2, r3, 1, 5, 3, 7);

                        *(Wide *) to = __builtin_shufflevector(t0, t2, 0, 1, 4, 5);
                        *(Wide *) (to + pitch) = __builtin_shufflevector(t1, t3, 0, 1, 4, 5);
                        *(Wide *) (to + 2 * pitch) = __builtin_shufflevector(t0, t2, 2, 3, 6, 7);
                        *(Wide *) (to + 3 * pitch) = __builtin_shufflevector(t1, t3, 2, 3, 6, 7);
                }
                for (; t + 2 <= n_rows; t += 2, a += 16, to += 2 * pitch) {
                        pack_8x2(to, pitch, a, a + lane);
                        pack_8x2(to + 16, pitch, a + 2 * lane, a + 3 * lane);
                }
        }
        *ret_n = i;
        *ret_rows = n_rows & ~(size_t) 1;
}
#endif

static void pack_4(char *dst, size_t pitch, size_t n_rows, const char *src, int64_t lane, size_t n, size_t *ret_n,
                   size_t *ret_rows) {
        size_t i;

        for (i = 0; i + 4 <= n; i += 4)
                for (size_t t = 0; t + 4 <= n_rows; t += 4)
                        pack_4x4(dst + t * pitch + i * 4, pitch, src + (int64_t) i * lane + (int64_t) t * 4, lane);
        *ret_n = i;
        *ret_rows = n_rows & ~(size_t) 3;
}

void strided_pack(char *dst, size_t pitch, size_t n_rows, const char *src, int64_t row, int64_t lane, size_t n,
                  size_t size) {
        size_t t = 0, i = 0;

        /* Whole squares first; what remains below and to the right goes element by element. */
        if (row == (int64_t) size && size == 8) {
#if defined(__x86_64__)
                if (__builtin_cpu_supports("avx2"))
                        pack_8_avx2(dst, pitch, n_rows, src, lane, n, &i, &t);
                else
#endif
                        pack_8(dst, pitch, n_rows, src, lane, n, &i, &t);
        } else if (row == (int64_t) size && size == 4) {
                pack_4(dst, pitch, n_rows, src, lane, n, &i, &t);
        }
        for (size_t k = t; k < n_rows; k++)
                strided_gather(dst + k * pitch, src + (int64_t) k * row, lane, i, size);
#define PACK(type)                                                                                                     \
        for (size_t j = i; j < n; j++)                                                                                 \
                for (size_t k = 0; k < n_rows; k++)                                                                    \
                        memcpy(dst + k * pitch + j * sizeof(type), src + (int64_t) k * row + (int64_t) j * lane,       \
                               sizeof(type));
        EACH_SIZE(size, PACK)
#undef PACK
}

void strided_of_shape(const Shape *shape, size_t size, int64_t ret_stride[static MAX_NDIM]) {
        int64_t stride = (int64_t) size;

        for (int k = shape->ndim - 1; k >= 0; k--) {
                ret_stride[k] = stride;
                stride *= MAX(shape->dim[k], (int64_t) 1);
        }
}

void strided_copy(char *dst, const int64_t *dst_stride, const char *src, const int64_t *src_stride, const Shape *shape,
                  size_t size) {
        int64_t n[MAX_NDIM], to[MAX_NDIM], from[MAX_NDIM], at[MAX_NDIM] = {};
        int ndim = 0;

        /* Axes that continue each other in both places are one axis. */
        for (int k = 0; k < shape->ndim; k++) {
                if (shape->dim[k] == 0)
                        return;
                if (shape->dim[k] == 1)
                        continue;
                if (ndim > 0 && to[ndim - 1] == dst_stride[k] * shape->dim[k] &&
                    from[ndim - 1] == src_stride[k] * shape->dim[k]) {
                        n[ndim - 1] *= shape->dim[k];
                        to[ndim - 1] = dst_stride[k];
                        from[ndim - 1] = src_stride[k];
                        continue;
                }
                n[ndim] = shape->dim[k];
                to[ndim] = dst_stride[k];
                from[ndim++] = src_stride[k];
        }
        if (ndim == 0) {
                memcpy(dst, src, size);
                return;
        }
        for (int last = ndim - 1;;) {
                int k = last - 1;

                if (to[last] == (int64_t) size)
                        strided_gather(dst, src, from[last], (size_t) n[last], size);
                else if (from[last] == (int64_t) size)
                        strided_scatter(dst, to[last], src, (size_t) n[last], size);
                else
                        move(dst, to[last], src, from[last], (size_t) n[last], size);
                for (; k >= 0; k--) {
                        dst += to[k];
                        src += from[k];
                        if (++at[k] < n[k])
                                break;
                        dst -= n[k] * to[k];
                        src -= n[k] * from[k];
                        at[k] = 0;
                }
                if (k < 0)
                        return;
        }
}
