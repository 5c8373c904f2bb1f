/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Rows sorted in one task's memory. Elements are sorted by unsigned keys that order as they do (ops/order.h), by the
 * highest bits in which they differ: the keys are dealt into buckets, stably, and those of a bucket in the same way.
 * At most SMALL of them are dealt into about as many buckets as there are; then few are not in their places, and one
 * insertion puts all of these there. More of them are dealt first into buckets that LEAF_BITS can tell apart: memory
 * is read and written at as few places at a time as counters fit into the first cache.
 *
 * Of 2^20 keys in 16 MiB, uniform, normal or with logarithms that are: 9 ns an element, 1.5 ns for each of the two
 * dealings to count, 1 to 2 to move, 3 to insert. Digits from the lowest one up would need a pass for each, and vectors
 * merged by sorting networks took longer, since every step waits for the one before. */
#include "ops/order.h"

enum {
        RUN         = 1 << 20, /* elements: keys and their copies, 16 MiB, stay in the last cache */
        FEW         = 16,      /* no more are inserted */
        BUCKET_BITS = 11,
        BUCKETS     = 1 << BUCKET_BITS,
        SMALL       = BUCKETS, /* as many buckets as elements */
        LEAF_BITS   = 8,       /* larger ones are dealt into buckets of some 2^LEAF_BITS */
        LEAST_BITS  = 4,       /* of the key that any level takes: levels do not nest deeper than 64 / LEAST_BITS */
};

/* ---- Sorting keys, with what belongs to them
 * ---------------------------------------------------------------------- */

/* An element of the sort: its key and where it stands among the task's elements. */
typedef struct Item {
        uint64_t key;
        uint64_t at;
} Item;

#define KEY_ITSELF(x) (x)
#define KEY_OF_ITEM(x) ((x).key)

/* By how many bits of their keys n elements are dealt. */
static inline _unused_ int bits_to_deal(int64_t n) {
        const int wanted = 64 - __builtin_clzll((uint64_t) n - 1); /* as many buckets as elements */

        return n <= SMALL ? wanted : MAX(MIN(wanted - LEAF_BITS, (int) BUCKET_BITS), (int) LEAST_BITS);
}

/* Makes sort_name(): n elements of `from`, which end there, or in `to` (of the same size, overwritten in both
 * cases). insert_name() takes them from x, which may be where they go. */
#define SORT_LOOP_(name, T, K, key_of)                                                                                 \
        static _unused_ void insert_##name(const T *x, int64_t n, T *to) {                                             \
                for (int64_t i = 0; i < n; i++) {                                                                      \
                        const T v = x[i];                                                                              \
                        int64_t k;                                                                                     \
                                                                                                                       \
                        for (k = i; k > 0 && key_of(to[k - 1]) > key_of(v); k--)                                       \
                                to[k] = to[k - 1];                                                                     \
                        to[k] = v;                                                                                     \
                }                                                                                                      \
        }                                                                                                              \
        static _unused_ bool ascends_##name(const T *x, int64_t n) {                                                   \
                for (int64_t i = 1; i < n; i++)                                                                        \
                        if (key_of(x[i - 1]) > key_of(x[i]))                                                           \
                                return false;                                                                          \
                return true;                                                                                           \
        }                                                                                                              \
        static _unused_ void sort_##name(T *from, T *to, int64_t n, bool in_to) {                                      \
                uint32_t end[BUCKETS], sum = 0, most = 0;                                                              \
                K differ = 0;                                                                                          \
                                                                                                                       \
                if (n <= FEW) {                                                                                        \
                        insert_##name(from, n, in_to ? to : from);                                                     \
                        return;                                                                                        \
                }                                                                                                      \
                for (int64_t i = 1; i < n; i++)                                                                        \
                        differ |= (K) (key_of(from[i]) ^ key_of(from[0]));                                             \
                if (differ == 0) {                                                                                     \
                        if (in_to)                                                                                     \
                                memcpy(to, from, (size_t) n * sizeof(T));                                              \
                        return;                                                                                        \
                }                                                                                                      \
                const int range = 64 - __builtin_clzll((uint64_t) differ);                                             \
                const int bits = MIN(range, bits_to_deal(n)), shift = range - bits;                                    \
                const uint32_t mask = (1U << bits) - 1;                                                                \
                                                                                                                       \
                memset(end, 0, sizeof(*end) << bits);                                                                  \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        end[(uint32_t) (key_of(from[i]) >> shift) & mask]++;                                           \
                for (uint32_t d = 0; d <= mask; d++) {                                                                 \
                        const uint32_t count = end[d];                                                                 \
                                                                                                                       \
                        end[d] = sum;                                                                                  \
                        sum += count;                                                                                  \
                        most = MAX(most, count);                                                                       \
                }                                                                                                      \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        to[end[(uint32_t) (key_of(from[i]) >> shift) & mask]++] = from[i];                             \
                if (shift == 0 && !in_to)                                                                              \
                        memcpy(from, to, (size_t) n * sizeof(T));                                                      \
                else if (shift > 0 && most <= FEW)                                                                     \
                        insert_##name(to, n, in_to ? to : from);                                                       \
                else if (shift > 0)                                                                                    \
                        for (uint32_t d = 0, begin = 0; d <= mask; begin = end[d++])                                   \
                                if (end[d] > begin)                                                                    \
                                        sort_##name(to + begin, from + begin, end[d] - begin, !in_to);                 \
        }
SORT_LOOP_(keys_32, uint32_t, uint32_t, KEY_ITSELF)
SORT_LOOP_(keys_64, uint64_t, uint64_t, KEY_ITSELF)
SORT_LOOP_(items, Item, uint64_t, KEY_OF_ITEM)

/* The key at position k of n in order: those that share its highest differing bits move to the front, until few are
 * left. */
static _unused_ uint64_t pick_key(uint64_t *key, int64_t n, int64_t k) {
        for (;;) {
                uint32_t count[BUCKETS / 2] = {};
                uint64_t differ = 0;
                int64_t kept    = 0;

                if (n <= FEW) {
                        insert_keys_64(key, n, key);
                        return key[k];
                }
                for (int64_t i = 1; i < n; i++)
                        differ |= key[i] ^ key[0];
                if (differ == 0)
                        return key[0];
                const int range = 64 - __builtin_clzll(differ), wanted = 64 - __builtin_clzll((uint64_t) n);
                const int bits  = MIN(range, MIN(wanted, BUCKET_BITS - 1)), shift = range - bits;
                const uint64_t mask = (1U << bits) - 1;
                uint64_t digit      = 0;

                for (int64_t i = 0; i < n; i++)
                        count[key[i] >> shift & mask]++;
                while (k >= count[digit])
                        k -= count[digit++];
                for (int64_t i = 0; i < n; i++) {
                        const uint64_t v = key[i];

                        key[kept]  = v;
                        kept      += (v >> shift & mask) == digit;
                }
                n = kept;
        }
}

/* ---- One row
 * ---------------------------------------------------------------------------------------------------------- */

/* Memory for a row of n: items and their copies. */
static _unused_ size_t row_scratch(int64_t n) {
        return (size_t) n * 2 * sizeof(Item);
}

/* item[i].at: the position of the i-th smallest of n strided elements. */
static _unused_ void order_row(DType t, const char *in, int64_t stride, int64_t n, Item *item, Item *other) {
        uint64_t *key = (uint64_t *) other;

        for (int c = n_order_keys(t); c-- > 0;) { /* the more significant key last: sorting is stable */
                order_keys(t, c, in, stride, n, key);
                if (c == n_order_keys(t) - 1)
                        for (int64_t i = 0; i < n; i++)
                                item[i] = (Item) { key[i], (uint64_t) i };
                else {
                        for (int64_t i = 0; i < n; i++)
                                item[i].key = key[item[i].at];
                }
                if (!ascends_items(item, n))
                        sort_items(item, other, n, false);
        }
}

/* out[i] = in[item[i].at]: elements, or numbers that go with them. */
#define GATHER_LOOP_(type)                                                                                             \
        static _unused_ void gather_##type(const char *in, int64_t stride, const Item *item, int64_t n, char *out) {   \
                type *to = (type *) out;                                                                               \
                                                                                                                       \
                for (int64_t i = 0; i < n; i++)                                                                        \
                        to[i] = *(const type *) (in + (int64_t) item[i].at * stride);                                  \
        }
GATHER_LOOP_(uint8_t)
GATHER_LOOP_(uint16_t)
GATHER_LOOP_(uint32_t)
GATHER_LOOP_(uint64_t)
GATHER_LOOP_(c128)

static _unused_ void gather_items(const char *in, int64_t stride, const Item *item, int64_t n, size_t size, char *out) {
        switch (size) {
        case 1: gather_uint8_t(in, stride, item, n, out); break;
        case 2: gather_uint16_t(in, stride, item, n, out); break;
        case 4: gather_uint32_t(in, stride, item, n, out); break;
        case 8: gather_uint64_t(in, stride, item, n, out); break;
        default: gather_c128(in, stride, item, n, out);
        }
}

/* The value keys of n strided elements, from the `first` on; of complex ones there are none. */
static _unused_ void put_keys(DType t, const char *in, int64_t stride, int64_t n, void *key, int64_t first) {
        if (value_keys_32[t])
                value_keys_32[t](in, stride, n, (uint32_t *) key + first);
        else
                value_keys_64[t](in, stride, n, (uint64_t *) key + first);
}

/* Elements in order of their value keys, behind which there is room for a copy. */
static _unused_ void sort_by_keys(DType t, void *key, int64_t n, char *out) {
        if (value_keys_32[t]) {
                uint32_t *k = key;

                if (!ascends_keys_32(k, n))
                        sort_keys_32(k, k + n, n, false);
                of_keys_32[t](k, n, out);
        } else {
                uint64_t *k = key;

                if (!ascends_keys_64(k, n))
                        sort_keys_64(k, k + n, n, false);
                of_keys_64[t](k, n, out);
        }
}

static _unused_ void sort_row(DType t, const char *in, int64_t stride, int64_t n, char *out, void *scratch) {
        if (n_order_keys(t) == 1) {
                put_keys(t, in, stride, n, scratch, 0);
                sort_by_keys(t, scratch, n, out);
        } else {
                Item *item = scratch;

                order_row(t, in, stride, n, item, item + n);
                gather_items(in, stride, item, n, dtype_size(t), out);
        }
}

/* Calls one() for all batches of the task: the axes but the last `core` ones of the first input. */
static _unused_ void each_batch(BlockRun *run, int core,
                                void (*one)(BlockRun *run, const char *in, char *const *out, void *userdata),
                                void *userdata) {
        const View *in       = &run->in[0];
        const int batch      = in->shape.ndim - core;
        const uint32_t n_out = run->n_out;
        int64_t at[MAX_NDIM] = {};

        assert(n_out <= 2);
        for (;;) {
                const char *from = in->data;
                char *to[2]      = { run->out[0].data, n_out > 1 ? run->out[1].data : run->out[0].data };
                int k;

                for (k = 0; k < batch; k++) {
                        from += at[k] * in->stride[k];
                        for (uint32_t o = 0; o < n_out; o++)
                                to[o] += at[k] * run->out[o].stride[k];
                }
                one(run, from, to, userdata);
                for (k = batch; k-- > 0;) {
                        if (++at[k] < in->shape.dim[k])
                                break;
                        at[k] = 0;
                }
                if (k < 0)
                        return;
        }
}

/* Calls row() for each row of the batch axes. */
static _unused_ int each_row(BlockRun *run,
                             void (*row)(BlockRun *run, const char *in, char *const *out, void *userdata)) {
        if (shape_size(&run->in[0].shape) > 0)
                each_batch(run, 1, row, NULL);
        return 0;
}

static _unused_ int64_t last_length(const Shape *s) {
        return s->dim[s->ndim - 1];
}
