/* SPDX-License-Identifier: Apache-2.0 */
/* Laws over the operator table: a kernel computes each element from that element's inputs alone, whatever the length of
 * the strip, and every CPU level computes the same bits. (All NaNs are one: which of two NaNs an operation passes on is
 * the compiler's choice.) Meaning is compared with NumPy in kernels_vs_numpy.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "graph/graph.h"
#include "harness.h"
#include "tensor/half.h"

enum { N = 512, MAX_ELEMENT = 16 };

static const char *const level_names[] = { "v1", "v3", "v4" };
static const size_t lengths[] = { 0, 1, 2, 3, 7, 8, 63, 511, 512 };

static uint64_t random_bits(uint64_t i, uint64_t seed) {
        return hash_bytes(&i, sizeof(i), seed);
}

/* Numbers around zero, numbers of all sizes, and the special ones among the bits. */
static double random_f64(uint64_t i, uint64_t seed) {
        static const double special[] = { 0,     -0.0,    1,      -1,     0.5,    2,       3,    -7,
                                          1e300, -1e-300, 5e-324, 0x1p53, 0x1p31, -0x1p63, 65504 };
        uint64_t bits = random_bits(i, seed);

        switch (bits % 8) {
        case 0:
                return f64_from_bits(random_bits(i, seed + 1));
        case 1:
                return special[(bits >> 8) % ELEMENTSOF(special)];
        case 2:
                return (bits >> 8) % 2 ? (double) __builtin_inf() : -(double) __builtin_nan("");
        default:
                return ((double) (bits >> 11) * 0x1p-53 - 0.5) * (double) (1 << (bits >> 3) % 16);
        }
}

static void fill(DType t, void *p, size_t n, uint64_t seed) {
        for (size_t i = 0; i < n; i++) {
                char *at = (char *) p + i * dtype_size(t);
                uint64_t bits = random_bits(i, seed);
                double v = random_f64(i, seed), w = random_f64(i, seed + 9);

                switch (dtype_kind(t)) {
                case KIND_BOOL:
                        *at = bits & 1;
                        break;
                case KIND_INT:
                case KIND_UINT:
                        bits = bits % 3 == 0 ? bits % 9 : bits % 3 == 1 ? -(bits % 9) : bits;
                        memcpy(at, &bits, dtype_size(t));
                        break;
                case KIND_FLOAT:
                        memcpy(at, scalar_from_f64(t, v).bytes, dtype_size(t));
                        break;
                case KIND_COMPLEX:
                        if (t == DTYPE_C64)
                                memcpy(at, (float[]) { (float) v, (float) w }, 8);
                        else
                                memcpy(at, (double[]) { v, w }, 16);
                }
        }
}

static bool same_f64(double a, double b) {
        return (a != a && b != b) || f64_bits(a) == f64_bits(b);
}

static bool same_element(DType t, const char *a, const char *b) {
        switch (t) {
        case DTYPE_F16:
                return same_f64((double) f16_to_f32(*(const uint16_t *) a), (double) f16_to_f32(*(const uint16_t *) b));
        case DTYPE_F32:
                return same_f64((double) *(const float *) a, (double) *(const float *) b);
        case DTYPE_F64:
                return same_f64(*(const double *) a, *(const double *) b);
        case DTYPE_C64:
                return same_element(DTYPE_F32, a, b) && same_element(DTYPE_F32, a + 4, b + 4);
        case DTYPE_C128:
                return same_element(DTYPE_F64, a, b) && same_element(DTYPE_F64, a + 8, b + 8);
        default:
                return memcmp(a, b, dtype_size(t)) == 0;
        }
}

/* The bytes of both, the highest first. */
static const char *print_two(DType t, const char *a, const char *b) {
        static char text[4 * MAX_ELEMENT + 8];
        char *p = text;

        for (size_t i = dtype_size(t); i-- > 0;)
                p += sprintf(p, "%02x", (unsigned char) a[i]);
        p += sprintf(p, " ");
        for (size_t i = dtype_size(t); i-- > 0;)
                p += sprintf(p, "%02x", (unsigned char) b[i]);
        return text;
}

static void check_same(const Op *op, size_t row, const char *what, size_t n, DType t, const void *a, const void *b) {
        for (size_t i = 0; i < n; i++)
                ck_assert_msg(
                        same_element(t, (const char *) a + i * dtype_size(t), (const char *) b + i * dtype_size(t)),
                        "%s, row %zu, %s: element %zu of %zu differs: %s", op->name, row, what, i, n,
                        print_two(t, (const char *) a + i * dtype_size(t), (const char *) b + i * dtype_size(t)));
}

/* Rows whose kernels read parameters that a default cannot give. */
static const void *params_of(const Op *op) {
        static _Alignas(16) char space[4096];

        ck_assert_uint_le(op->params_size, sizeof(space));
        memset(space, 0, sizeof(space));
        return space;
}

typedef struct Rows {
        uint32_t n_in, n_out;
        void *in[MAX_OP_IN], *out[2], *other[2];
} Rows;

static void rows_set(Rows *r, const Op *op, const MapKernel *k, size_t row) {
        r->n_in = op->n_in;
        r->n_out = op_n_out(op);
        for (uint32_t i = 0; i < r->n_in; i++)
                fill(k->in[i], r->in[i], N, row * 7 + i);
}

static void run(const MapKernel *k, const Op *op, const Rows *r, void *const *out, size_t from, size_t n) {
        void *arg[MAX_OP_IN + 2];

        for (uint32_t i = 0; i < r->n_in; i++)
                arg[i] = (char *) r->in[i] + from * dtype_size(k->in[i]);
        for (uint32_t i = 0; i < r->n_out; i++)
                arg[r->n_in + i] = (char *) out[i] + from * dtype_size(k->out[i]);
        k->fn(n, arg, params_of(op));
}

static void rows_new(Rows *r) {
        for (int i = 0; i < MAX_OP_IN; i++)
                r->in[i] = aligned_alloc(64, N * MAX_ELEMENT);
        for (int i = 0; i < 2; i++) {
                r->out[i] = aligned_alloc(64, N * MAX_ELEMENT);
                r->other[i] = aligned_alloc(64, N * MAX_ELEMENT);
        }
}

static void rows_free(Rows *r) {
        for (int i = 0; i < MAX_OP_IN; i++)
                free(r->in[i]);
        for (int i = 0; i < 2; i++) {
                free(r->out[i]);
                free(r->other[i]);
        }
}

TEST(a_map_computes_each_element_by_itself_whatever_the_strip) {
        Rows r;

        rows_new(&r);
        for (const Op *const *o = op_table(); *o; o++)
                for (const MapKernel *k = (*o)->kernels; k && k->fn; k++) {
                        size_t row = (size_t) (k - (*o)->kernels);

                        rows_set(&r, *o, k, row);
                        for (size_t i = 0; i < N; i++)
                                run(k, *o, &r, r.other, i, 1);
                        for (size_t l = 0; l < ELEMENTSOF(lengths); l++) {
                                run(k, *o, &r, r.out, 0, lengths[l]);
                                for (uint32_t i = 0; i < r.n_out; i++)
                                        check_same(*o, row, "strip", lengths[l], k->out[i], r.out[i], r.other[i]);
                        }
                        /* a strip that begins in the middle of a vector */
                        run(k, *o, &r, r.out, 5, N - 6);
                        for (uint32_t i = 0; i < r.n_out; i++)
                                check_same(*o, row, "middle", N - 6, k->out[i],
                                           (char *) r.out[i] + 5 * dtype_size(k->out[i]),
                                           (char *) r.other[i] + 5 * dtype_size(k->out[i]));
                }
        rows_free(&r);
}

TEST(a_map_of_one_element_computes_what_it_computes_of_a_strip_of_it) {
        Rows r;
        size_t n_kernel = 0;

        rows_new(&r);
        for (const Op *const *o = op_table(); *o; o++)
                for (const MapKernel *k = (*o)->kernels; k && k->fn; k++)
                        for (uint32_t one = 0; one < 2; one++) {
                                size_t row = (size_t) (k - (*o)->kernels), size = dtype_size(k->in[one]);

                                if (!k->of_one[one])
                                        continue;
                                ck_assert_uint_eq((*o)->n_in, 2);
                                n_kernel++;
                                for (size_t which = 0; which < N; which += N / 7) {
                                        char *in = r.in[one];

                                        rows_set(&r, *o, k, row);
                                        memmove(in, in + which * size, size);
                                        for (size_t i = 1; i < N; i++)
                                                memcpy(in + i * size, in, size);
                                        run(k, *o, &r, r.other, 0, N);
                                        memset(in + size, 0xa5, (N - 1) * size); /* nobody looks at it */
                                        k->of_one[one](N, (void *[]) { r.in[0], r.in[1], r.out[0] }, params_of(*o));
                                        check_same(*o, row, one ? "right" : "left", N, k->out[0], r.out[0], r.other[0]);
                                }
                        }
        ck_assert_uint_gt(n_kernel, 500);
        rows_free(&r);
}

/* The rounded product of in[0] and in[1], element by element, at in[side]; the other input of the map is what in[2]
 * was. */
static void multiply(DType t, Rows *r, uint32_t side) {
        void *other = r->in[2];

        for (size_t i = 0; i < N; i++) {
                volatile float f = t == DTYPE_F32 ? ((float *) r->in[0])[i] * ((float *) r->in[1])[i] : 0;
                volatile double d = t == DTYPE_F64 ? ((double *) r->in[0])[i] * ((double *) r->in[1])[i] : 0;

                if (t == DTYPE_F32)
                        ((float *) r->in[side])[i] = f;
                else
                        ((double *) r->in[side])[i] = d;
        }
        r->in[2] = r->in[1 - side];
        r->in[1 - side] = other;
}

static void spread(DType t, char *p) {
        for (size_t i = 1; i < N; i++)
                memcpy(p + i * dtype_size(t), p, dtype_size(t));
}

TEST(a_map_of_a_product_computes_what_it_computes_of_the_rounded_product) {
        Rows r;
        size_t n_kernel = 0;

        rows_new(&r);
        for (const Op *const *o = op_table(); *o; o++)
                for (const MapKernel *k = (*o)->kernels; k && k->fn; k++)
                        for (uint32_t which = 0; k->kind != MAP_COMPARISON && which < 8; which++) {
                                const uint32_t side = which >> 2, one_factor = which >> 1 & 1, one_other = which & 1;
                                const DType t = k->in[0];
                                MapFn *fn = k->of_product[side][one_factor][one_other];

                                ck_assert_int_eq(!fn, !k->of_product[0][0][0]);
                                if (!fn)
                                        continue;
                                n_kernel++;
                                ck_assert(t == DTYPE_F32 || t == DTYPE_F64);
                                for (size_t seed = 0; seed < 7; seed++) {
                                        for (uint32_t i = 0; i < 3; i++)
                                                fill(t, r.in[i], N, seed * 3 + i);
                                        if (one_factor)
                                                spread(t, r.in[0]);
                                        if (one_other)
                                                spread(t, r.in[2]);
                                        fn(N - 3, (void *[]) { r.in[0], r.in[1], r.in[2], r.out[0] }, params_of(*o));
                                        multiply(t, &r, side);
                                        k->fn(N - 3, (void *[]) { r.in[0], r.in[1], r.other[0] }, params_of(*o));
                                        check_same(*o, which, "product", N - 3, t, r.out[0], r.other[0]);
                                }
                        }
        ck_assert_uint_eq(n_kernel, 3 * 2 * 8);
        rows_free(&r);
}

/* The kernel of a choice between elements of the dtype, or of their number. */
static const MapKernel *kernel_of_kind(const char *op, MapKind kind, DType made) {
        for (const MapKernel *k = op_find(op)->kernels; k->fn; k++)
                if (k->kind == kind && k->out[0] == made)
                        return k;
        ck_abort_msg("%s has no kernel of the kind", op);
}

TEST(a_comparison_that_decides_makes_what_the_choice_makes_of_its_result) {
        Rows r;
        size_t n_kernel = 0;

        rows_new(&r);
        for (const Op *const *o = op_table(); *o; o++)
                for (const MapKernel *k = (*o)->kernels; k && k->fn; k++)
                        for (uint32_t which = 0; k->kind == MAP_COMPARISON && which < 6; which++) {
                                const uint32_t one = which / 2, number = which % 2;
                                MapFn *fn        = (number ? k->decides.number : k->decides.choice)[one];
                                const DType made = k->in[0] == DTYPE_F32 ? DTYPE_F32 : DTYPE_F64;
                                const MapKernel *other;

                                ck_assert(fn);
                                n_kernel++;
                                ck_assert_uint_eq(dtype_size(made), dtype_size(k->in[0]));
                                other = number ? kernel_of_kind("cast", MAP_NUMBER, made)
                                               : kernel_of_kind("where", MAP_CHOICE, made);
                                for (size_t seed = 0; seed < 7; seed++) {
                                        void *const to = number ? r.in[2] : r.out[0];

                                        for (uint32_t i = 0; i < 4; i++)
                                                fill(i < 2 ? k->in[0] : made, r.in[i], N, seed * 4 + i);
                                        memcpy(r.in[1], r.in[0], N / 3 * dtype_size(made)); /* equal ones, too */
                                        if (one > 0)
                                                spread(k->in[0], r.in[one - 1]);
                                        k->fn(N - 3, (void *[]) { r.in[0], r.in[1], r.out[1] }, NULL);
                                        other->fn(N - 3,
                                                  number ? (void *[]) { r.out[1], r.other[0] }
                                                         : (void *[]) { r.out[1], r.in[2], r.in[3], r.other[0] },
                                                  NULL);
                                        fn(N - 3, (void *[]) { r.in[0], r.in[1], r.in[2], r.in[3], r.out[0] }, NULL);
                                        check_same(*o, which, "decided", N - 3, made, to, r.other[0]);
                                }
                        }
        ck_assert_uint_eq(n_kernel, 6 * 3 * 6);
        rows_free(&r);
}

TEST(every_cpu_level_has_the_same_operators) {
        uint32_t n = op_count();
        const Op **first = calloc(n, sizeof(*first));

        ck_assert_int_eq(op_level_set("v1", NULL), 0);
        memcpy(first, op_table(), n * sizeof(*first));
        for (size_t l = 0; l < ELEMENTSOF(level_names); l++) {
                if (op_level_set(level_names[l], NULL) < 0)
                        continue;
                ck_assert_str_eq(op_level(), level_names[l]);
                for (uint32_t i = 0; i < n; i++) {
                        const Op *op = op_table()[i];

                        ck_assert_str_eq(op->name, first[i]->name);
                        ck_assert_uint_eq(op_id(op), i);
                        ck_assert_uint_eq(op_id(first[i]), i);
                        ck_assert_ptr_eq(op_find(op->name), op);
                        for (size_t k = 0; op->kernels && op->kernels[k].fn; k++) {
                                ck_assert_int_eq(
                                        memcmp(op->kernels[k].in, first[i]->kernels[k].in, sizeof(op->kernels->in)), 0);
                                ck_assert_int_eq(
                                        memcmp(op->kernels[k].out, first[i]->kernels[k].out, sizeof(op->kernels->out)),
                                        0);
                        }
                }
        }
        ck_assert_ptr_null(op_table()[n]);
        ck_assert_ptr_null(op_find("nonesuch"));
        ck_assert_int_eq(op_level_set("v0", NULL), ERROR_VALUE);
        free(first);
}

TEST(every_cpu_level_computes_the_same_bits_in_maps) {
        Rows r;

        rows_new(&r);
        for (uint32_t o = 0; o < op_count(); o++)
                for (size_t row = 0;; row++) {
                        const MapKernel *k = NULL;

                        ck_assert_int_eq(op_level_set("v1", NULL), 0);
                        k = op_table()[o]->kernels ? &op_table()[o]->kernels[row] : NULL;
                        if (!k || !k->fn)
                                break;
                        rows_set(&r, op_table()[o], k, row);
                        run(k, op_table()[o], &r, r.other, 0, N);
                        for (size_t l = 1; l < ELEMENTSOF(level_names); l++) {
                                if (op_level_set(level_names[l], NULL) < 0)
                                        continue;
                                k = &op_table()[o]->kernels[row];
                                run(k, op_table()[o], &r, r.out, 0, N);
                                for (uint32_t i = 0; i < r.n_out; i++)
                                        check_same(op_table()[o], row, level_names[l], N, k->out[i], r.out[i],
                                                   r.other[i]);
                        }
                }
        rows_free(&r);
}

/* ---- Reductions
 * ------------------------------------------------------------------------------------------------------- */

typedef struct States {
        void *c[MAX_STATE];
} States;

static States states_new(void) {
        States s;

        for (int c = 0; c < MAX_STATE; c++)
                s.c[c] = aligned_alloc(64, N * MAX_ELEMENT);
        return s;
}

static void states_free(States *s) {
        for (int c = 0; c < MAX_STATE; c++)
                free(s->c[c]);
}

static void lift(const Fold *f, const void *in, States *s) {
        if (f->lift)
                f->lift(N, in, 3, 2, s->c);
        else
                memcpy(s->c[0], in, N * dtype_size(f->in));
}

static void check_states(const Op *op, size_t row, const char *what, size_t n, const Fold *f, const States *a,
                         const States *b) {
        for (uint8_t c = 0; c < f->n_state; c++)
                check_same(op, row, what, n, f->state[c], a->c[c], b->c[c]);
}

/* Takes the left (0) or right (1) ones of neighbouring states. */
static void half_of(const Fold *f, const States *from, int side, States *to) {
        for (uint8_t c = 0; c < f->n_state; c++) {
                size_t size = dtype_size(f->state[c]);

                for (size_t i = 0; i < N / 2; i++)
                        memcpy((char *) to->c[c] + i * size, (char *) from->c[c] + (2 * i + (size_t) side) * size,
                               size);
        }
}

TEST(merging_pairs_is_merging_neighbours_and_may_work_in_place) {
        States in = states_new(), left = states_new(), right = states_new(), merged = states_new(),
               pairs   = states_new();
        void *elements = aligned_alloc(64, N * MAX_ELEMENT);

        for (const Op *const *o = op_table(); *o; o++)
                for (const Fold *f = (*o)->folds; f && f->merge; f++) {
                        size_t row = (size_t) (f - (*o)->folds);

                        fill(f->in, elements, N, row);
                        lift(f, elements, &in);
                        for (int64_t each = 1; each <= 12; each = each == 1 ? 2 : each == 2 ? 12 : 99) {
                                half_of(f, &in, 0, &left);
                                half_of(f, &in, 1, &right);
                                f->merge_pairs(N / 2, in.c, pairs.c, each);
                                f->merge(N / 2, left.c, right.c, merged.c, each, each);
                                check_states(*o, row, "merge_pairs", N / 2, f, &pairs, &merged);
                                f->merge(N / 2, left.c, right.c, right.c, each, each);
                                check_states(*o, row, "out is b", N / 2, f, &right, &merged);
                                half_of(f, &in, 1, &right);
                                f->merge(N / 2, left.c, right.c, left.c, each, each);
                                check_states(*o, row, "out is a", N / 2, f, &left, &merged);
                        }
                        /* an incomplete right child, element by element */
                        half_of(f, &in, 0, &left);
                        half_of(f, &in, 1, &right);
                        f->merge(N / 2, left.c, right.c, merged.c, 4, 3);
                        for (size_t i = 0; i < N / 2; i++) {
                                void *a[MAX_STATE], *b[MAX_STATE], *out[MAX_STATE];

                                for (uint8_t c = 0; c < f->n_state; c++) {
                                        a[c] = (char *) left.c[c] + i * dtype_size(f->state[c]);
                                        b[c] = (char *) right.c[c] + i * dtype_size(f->state[c]);
                                        out[c] = (char *) pairs.c[c] + i * dtype_size(f->state[c]);
                                }
                                f->merge(1, a, b, out, 4, 3);
                        }
                        check_states(*o, row, "one by one", N / 2, f, &pairs, &merged);
                }
        states_free(&in);
        states_free(&left);
        states_free(&right);
        states_free(&merged);
        states_free(&pairs);
        free(elements);
}

/* What a fold does for speed at the leaves, against what it stands for: pairs of `base`, and pairs of those. */
static void check_shortcuts(const Op *op, const Fold *f, const void *elements, States *in, States *pairs, States *quads,
                            States *got) {
        size_t row = (size_t) (f - op->folds), size = dtype_size(f->in);

        if (f->lift)
                f->lift(N, elements, 3, 1, in->c);
        else
                memcpy(in->c[0], elements, N * size);
        f->merge_pairs(N / 2, in->c, pairs->c, 1);
        f->merge_pairs(N / 4, pairs->c, quads->c, 2);
        for (size_t l = 0; l < ELEMENTSOF(lengths) && lengths[l] <= N / 4; l++) {
                size_t n = lengths[l];

                if (f->lift_pairs) {
                        f->lift_pairs(n, elements, 3, got->c);
                        check_states(op, row, "lift_pairs", n, f, got, pairs);
                }
                if (f->lift_quads) {
                        f->lift_quads(n, elements, 3, got->c);
                        check_states(op, row, "lift_quads", n, f, got, quads);
                }
                if (f->merge_quads) {
                        f->merge_quads(n, in->c, got->c, 1);
                        check_states(op, row, "merge_quads", n, f, got, quads);
                }
        }
        if (f->lift_two &&
            f->lift) { /* rows: element i of the second row is the right neighbour of element i of the first */
                const char *right = (const char *) elements + N / 2 * size;
                void *left_state[MAX_STATE], *right_state[MAX_STATE];

                f->lift(N / 2, elements, 7, 0, in->c);
                for (uint8_t c = 0; c < f->n_state; c++) {
                        left_state[c] = in->c[c];
                        right_state[c] = (char *) in->c[c] + N / 2 * dtype_size(f->state[c]);
                }
                f->lift(N / 2, right, 8, 0, right_state);
                f->merge(N / 2, left_state, right_state, pairs->c, 1, 1);
                f->lift_two(N / 2, elements, right, 7, got->c);
                check_states(op, row, "lift_two", N / 2, f, got, pairs);
        }
}

/* Runs of elements, against their merges level by level. */
static void check_runs(const Op *op, const Fold *f, const void *elements, States *in, States *other, States *got) {
        States *at = in, *up = other;

        if (!f->lift_runs)
                return;
        if (f->lift)
                f->lift(N, elements, 3, 1, in->c);
        else
                memcpy(in->c[0], elements, N * dtype_size(f->in));
        for (int level = 1; level <= RUN_LEVEL; level++) {
                States *below = at;

                f->merge_pairs((size_t) N >> level, at->c, up->c, (int64_t) 1 << (level - 1));
                at = up;
                up = below;
                for (size_t n = (size_t) N >> level; n > 0 && level >= RUN_LEAST; n /= 2) {
                        f->lift_runs(n, level, elements, 3, got->c);
                        check_states(op, (size_t) (f - op->folds), "lift_runs", n, f, got, at);
                }
        }
}

/* Part k of eight of the states, where row k of the elements has its own. */
static void part_of(const Fold *f, const States *s, int k, void **ret) {
        for (uint8_t c = 0; c < f->n_state; c++)
                ret[c] = (char *) s->c[c] + (size_t) k * (N / 8) * dtype_size(f->state[c]);
}

/* Eight rows at once, against one by one and three levels of merges. */
static void check_eight(const Op *op, const Fold *f, const void *elements, States *in, States *got) {
        const size_t size = dtype_size(f->in);
        const void *row[8];
        void *left[MAX_STATE], *right[MAX_STATE];

        if (!f->lift_eight)
                return;
        for (int k = 0; k < 8; k++) {
                row[k] = (const char *) elements + (size_t) k * (N / 8) * size;
                part_of(f, in, k, left);
                if (f->lift)
                        f->lift(N / 8, row[k], 16 + k, 0, left);
                else
                        memcpy(left[0], row[k], N / 8 * size);
        }
        for (int each = 1; each < 8; each *= 2)
                for (int k = 0; k < 8; k += 2 * each) {
                        part_of(f, in, k, left);
                        part_of(f, in, k + each, right);
                        f->merge(N / 8, left, right, left, each, each);
                }
        for (size_t l = 0; l < ELEMENTSOF(lengths) && lengths[l] <= N / 8; l++) {
                f->lift_eight(lengths[l], row, 16, got->c);
                check_states(op, (size_t) (f - op->folds), "lift_eight", lengths[l], f, got, in);
        }
}

/* The kernel of an operator of two floats, or of one if b is NULL. */
static void map_rows(const char *op, DType dtype, size_t n, const void *a, const void *b, void *out) {
        const MapKernel *k = op_find(op)->kernels;

        while (k->in[0] != dtype)
                k++;
        k->fn(n, b ? (void *[]) { (void *) a, (void *) b, out } : (void *[]) { (void *) a, out }, NULL);
}

static void term_of_rows(DType dtype, Term term, size_t n, const char *a, const char *b, bool one, char *ret) {
        const size_t size = dtype_size(dtype);

        for (size_t i = 0; i < n; i++) {
                const char *right = b + (one ? 0 : i * size);
                char *to = ret + i * size;

                if (term == TERM_PRODUCT) {
                        map_rows("multiply", dtype, 1, a + i * size, right, to);
                        continue;
                }
                map_rows("subtract", dtype, 1, a + i * size, right, to);
                map_rows("square", dtype, 1, to, NULL, to);
        }
}

/* Terms of up to eight rows, against a kernel of the map and merges. */
static void check_terms(const Op *op, const Fold *f, const void *elements, States *in, States *got) {
        const size_t size = dtype_size(f->in);
        const char *half = (const char *) elements + N / 2 * size;
        const void *a[8], *b[8];

        for (int term = 0; term < N_TERM; term++)
                for (int one = 0; one < 2; one++)
                        for (int level = 0; f->lift_terms[term][one] && level <= TERMS_LEVEL; level++) {
                                const size_t n = N / 2 >> level;

                                for (int k = 0; k < 1 << level; k++) {
                                        a[k] = (const char *) elements + (size_t) k * n * size;
                                        b[k] = half + (size_t) k * n * size;
                                        term_of_rows(f->in, term, n, a[k], b[k], one,
                                                     (char *) in->c[0] + (size_t) k * n * size);
                                }
                                for (int each = 1; each < 1 << level; each *= 2)
                                        for (int k = 0; k < 1 << level; k += 2 * each) {
                                                void *left[] = { (char *) in->c[0] + (size_t) k * n * size },
                                                     *right[] = { (char *) in->c[0] + (size_t) (k + each) * n * size };

                                                f->merge(n, left, right, left, each, each);
                                        }
                                f->lift_terms[term][one](n, level, a, b, got->c[0]);
                                check_states(op, (size_t) (f - op->folds), "lift_terms", n, f, got, in);
                        }
}

TEST(shortcuts_of_reductions_make_the_same_bits) {
        States in = states_new(), pairs = states_new(), quads = states_new(), got = states_new();
        void *elements = aligned_alloc(64, N * MAX_ELEMENT);

        for (size_t l = 0; l < ELEMENTSOF(level_names); l++) {
                if (op_level_set(level_names[l], NULL) < 0)
                        continue;
                for (const Op *const *o = op_table(); *o; o++)
                        for (const Fold *f = (*o)->folds; f && f->merge; f++) {
                                fill(f->in, elements, N, (uint64_t) (f - (*o)->folds));
                                check_shortcuts(*o, f, elements, &in, &pairs, &quads, &got);
                                check_eight(*o, f, elements, &in, &got);
                                check_terms(*o, f, elements, &in, &got);
                                check_runs(*o, f, elements, &in, &pairs, &got);
                        }
        }
        states_free(&in);
        states_free(&pairs);
        states_free(&quads);
        states_free(&got);
        free(elements);
}

TEST(every_cpu_level_computes_the_same_bits_in_reductions) {
        States in = states_new(), first = states_new(), other = states_new();
        void *elements = aligned_alloc(64, N * MAX_ELEMENT), *a = aligned_alloc(64, N * MAX_ELEMENT),
             *b = aligned_alloc(64, N * MAX_ELEMENT);

        for (uint32_t o = 0; o < op_count(); o++)
                for (size_t row = 0;; row++) {
                        const Fold *f;

                        ck_assert_int_eq(op_level_set("v1", NULL), 0);
                        f = op_table()[o]->folds ? &op_table()[o]->folds[row] : NULL;
                        if (!f || !f->merge)
                                break;
                        fill(f->in, elements, N, row);
                        for (size_t l = 0; l < ELEMENTSOF(level_names); l++) {
                                if (op_level_set(level_names[l], NULL) < 0)
                                        continue;
                                f = &op_table()[o]->folds[row];
                                lift(f, elements, &in);
                                f->merge_pairs(N / 2, in.c, l == 0 ? first.c : other.c, 4);
                                if (f->finish)
                                        f->finish(N / 2, l == 0 ? first.c : other.c, 8, l == 0 ? a : b);
                                if (l == 0)
                                        continue;
                                check_states(op_table()[o], row, level_names[l], N / 2, f, &other, &first);
                                if (f->finish)
                                        check_same(op_table()[o], row, "finish", N / 2, f->out, a, b);
                        }
                }
        states_free(&in);
        states_free(&first);
        states_free(&other);
        free(elements);
        free(a);
        free(b);
}

/* ---- The table
 * --------------------------------------------------------------------------------------------------------- */

TEST(every_operator_is_described) {
        for (const Op *const *o = op_table(); *o; o++) {
                const Op *op = *o;
                const char *end = strchr(op->doc, '\n') ?: op->doc + strlen(op->doc);
                uint32_t n_inputs = 0;

                ck_assert_msg(op->doc && end > op->doc && end[-1] == '.', "%s: the first line of doc is one sentence",
                              op->name);
                ck_assert_msg(op->inputs != NULL, "%s: inputs have names", op->name);
                for (const char *c = op->inputs; *c; c++)
                        n_inputs += c == op->inputs || *c == ',';
                ck_assert_msg(op->variadic || n_inputs == op->n_in, "%s: %u names for %u inputs", op->name, n_inputs,
                              op->n_in);
                ck_assert_msg((op->params_size > 0) == (op->params != NULL), "%s: parameters", op->name);
                for (const Param *p = op->params; p && p->name; p++)
                        ck_assert_msg(p->doc && p->offset < op->params_size, "%s: parameter %s", op->name, p->name);
                for (const Fold *f = op->folds; f && f->merge; f++) {
                        ck_assert(f->merge_pairs && f->n_state >= 1 && f->n_state <= MAX_STATE);
                        ck_assert_msg(f->lift || (f->n_state == 1 && f->state[0] == f->in), "%s: a fold needs lift",
                                      op->name);
                        ck_assert_msg(f->finish || f->state[0] == f->out, "%s: a fold needs finish", op->name);
                        ck_assert_msg(!f->identity || f->identity->dtype == f->out, "%s: identity", op->name);
                }
        }
}
