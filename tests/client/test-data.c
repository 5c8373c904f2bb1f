/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <unistd.h>

#include "client.h"

static char folder[64];

static const char *in_folder(const char *name) {
        static char path[128];

        if (!folder[0]) {
                strcpy(folder, "/tmp/mars-test-data-XXXXXX");
                ck_assert_ptr_nonnull(mkdtemp(folder));
        }
        snprintf(path, sizeof(path), "%s/%s", folder, name);
        return path;
}

static void clean(void) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", folder);
        ck_assert_int_eq(system(command), 0);
}

/* A version 1 file of the dict and the elements. */
static const char *npy(const char *name, const char *dict, const void *data, size_t size_bytes) {
        const char *path = in_folder(name);
        const size_t n   = strlen(dict);
        FILE *f          = fopen(path, "wb");

        ck_assert_ptr_nonnull(f);
        fwrite("\x93NUMPY\1\0", 8, 1, f);
        fputc((int) (n & 0xff), f);
        fputc((int) (n >> 8), f);
        fwrite(dict, n, 1, f);
        fwrite(data, size_bytes, 1, f);
        fclose(f);
        return path;
}

TEST(memory_is_copied_at_once_whatever_its_strides) {
        SESSION s     = session(1);
        double a[4][6];
        TENSOR t      = NULL;
        const int64_t shape[] = { 3, 2 }, strides[] = { -48, 24 };
        _cleanup_(freep) double *values = NULL;

        for (int i = 0; i < 4; i++)
                for (int k = 0; k < 6; k++)
                        a[i][k] = 10 * i + k;
        must(mars_from_memory(&t, &a[3][1], MARS_FLOAT64, 2, shape, strides, NULL, 0, &err));
        memset(a, 0, sizeof(a));
        must(mars_execute(s, 1, &t, &err));
        values = values_of(s, t, 6);
        for (int i = 0; i < 3; i++)
                for (int k = 0; k < 2; k++)
                        ck_assert_double_eq(values[2 * i + k], 10 * (3 - i) + 1 + 3 * k);
}

TEST(every_way_to_cut_gives_the_same_elements) {
        static const int64_t cuts[][8] = {
                { 1, 1 }, { 1, 2 }, { 1, 3 }, { 1, 7 }, { 2, 1, 4, 1, 3 }, { 1, -1, 3, 1, 1, 1 }, { 1, 2, 1, 2 },
        };
        static const size_t n[] = { 2, 2, 2, 2, 5, 6, 4 };
        SESSION s               = session(2);
        double a[15];

        for (int i = 0; i < 15; i++)
                a[i] = i;
        for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                TENSOR t = NULL;
                TENSOR u = NULL;
                _cleanup_(freep) double *values = NULL;

                must(mars_from_memory(&t, a, MARS_FLOAT64, 2, (const int64_t[]) { 5, 3 }, NULL, cuts[i], n[i], &err));
                u = op2("add", t, t);
                must(mars_execute(s, 1, &u, &err));
                values = values_of(s, u, 15);
                for (int k = 0; k < 15; k++)
                        ck_assert_double_eq(values[k], 2 * k);
        }
}

TEST(large_memory_is_copied_in_pieces) {
        SESSION s              = session(2);
        const int64_t shape[]  = { 3000, 1001 }, whole[] = { 1, -1, 1, -1 };
        double *a              = malloc(3000 * 1001 * sizeof(*a));
        TENSOR t               = NULL;
        TENSOR u               = NULL;
        _cleanup_(freep) double *values = NULL;

        for (int64_t i = 0; i < 3000 * 1001; i++)
                a[i] = (double) i;
        must(mars_from_memory(&t, a, MARS_FLOAT64, 2, shape, NULL, whole, 4, &err));
        must(mars_from_memory(&u, a, MARS_FLOAT64, 2, shape, NULL, NULL, 0, &err));
        must(mars_execute(s, 2, (mars_tensor *const[]) { t, u }, &err));
        values = values_of(s, t, 3000 * 1001);
        ck_assert_bytes_eq(values, a, 3000 * 1001 * sizeof(*a));
        free(values);
        values = values_of(s, u, 3000 * 1001);
        ck_assert_bytes_eq(values, a, 3000 * 1001 * sizeof(*a));
        free(a);
}

TEST(booleans_of_other_bytes_become_booleans) {
        SESSION s = session(1);
        TENSOR t  = NULL;
        uint8_t values[3];

        must(mars_from_memory(&t, "\0\1\7", MARS_BOOL, 1, (const int64_t[]) { 3 }, NULL, NULL, 0, &err));
        must(mars_execute(s, 1, &t, &err));
        must(mars_fetch(s, t, values, NULL, &err));
        ck_assert(values[0] == 0 && values[1] == 1 && values[2] == 1);
}

TEST(bad_arrays_are_refused) {
        static const int64_t shape[33] = { 3 }, minus[] = { -3 }, much[] = { INT64_MAX, 2 };
        mars_tensor *t = NULL;
        double a[3]    = {};

        must_fail(MARS_ERROR_TYPE, "number 200",
                  mars_from_memory(&t, a, (mars_dtype) 200, 1, shape, NULL, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "dimension", mars_from_memory(&t, a, MARS_INT8, 33, shape, NULL, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "negative", mars_from_memory(&t, a, MARS_INT8, 1, minus, NULL, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "NULL", mars_from_memory(&t, NULL, MARS_INT8, 1, shape, NULL, NULL, 0, &err));
        ck_assert_int_eq(mars_from_memory(&t, a, MARS_INT8, 2, much, NULL, NULL, 0, NULL), MARS_ERROR_VALUE);
        ck_assert_int_eq(mars_from_memory(&t, a, MARS_FLOAT64, 1, shape, NULL, (const int64_t[]) { 2, 1, 1 }, 3, NULL),
                         MARS_ERROR_VALUE);
        ck_assert_ptr_null(t);
}

static void note(void *userdata) {
        atomic_fetch_add((_Atomic int *) userdata, 1);
}

TEST(lent_memory_is_used_in_place_and_released_once) {
        static const double a[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
        _Atomic int n           = 0;
        SESSION s               = session(1);
        mars_tensor *t = NULL, *u;
        const void *data;
        mars_map *map;

        must(mars_lend_memory(&t, a, MARS_FLOAT64, 1, (const int64_t[]) { 4 }, NULL, 0, note, &n, &err));
        u = op1("negative", t);
        must(mars_execute(s, 2, (mars_tensor *const[]) { t, u }, &err));
        must(mars_map_new(&map, s, t, &data, &err));
        ck_assert_ptr_eq(data, a);
        mars_tensor_unref(t);
        mars_tensor_unref(u);
        ck_assert_int_eq(n, 0);
        mars_map_free(map);
        ck_assert_int_eq(n, 1);

        must_fail(MARS_ERROR_VALUE, "leading axes",
                  mars_lend_memory(&t, a, MARS_FLOAT64, 2, (const int64_t[]) { 2, 4 }, (const int64_t[]) { 1, 2 }, 2,
                                   note, &n, &err));
        must_fail(MARS_ERROR_VALUE, "byte 1 of the booleans is 2",
                  mars_lend_memory(&t, "\1\2", MARS_BOOL, 1, (const int64_t[]) { 2 }, NULL, 0, note, &n, &err));
        must_fail(MARS_ERROR_VALUE, "aligned",
                  mars_lend_memory(&t, (const char *) a + 1, MARS_FLOAT64, 1, (const int64_t[]) { 2 }, NULL, 0, note,
                                   &n, &err));
        ck_assert_int_eq(n, 1);
}

/* Expects the file to hold 0, 1, 2, … as float64 of shape (3, 4). */
static void check_file(const char *path, const int64_t *chunk_size, size_t n) {
        SESSION s = session(2);
        TENSOR t  = NULL;
        TENSOR u  = NULL;
        int64_t shape[MARS_MAX_NDIM];
        _cleanup_(freep) double *values = NULL;

        must(mars_load_npy(&t, path, chunk_size, n, &err));
        ck_assert_uint_eq(mars_tensor_shape(t, shape), 0);
        ck_assert(mars_tensor_ndim(t) == 2 && shape[0] == 3 && shape[1] == 4);
        u = op2("add", t, t);
        must(mars_execute(s, 2, (mars_tensor *const[]) { t, u }, &err));
        values = values_of(s, t, 12);
        for (int i = 0; i < 12; i++)
                ck_assert_double_eq(values[i], i);
}

TEST(npy_files_of_both_orders_are_read_in_any_cut) {
        static const int64_t cuts[][4] = { { 1, 1 }, { 1, 2 }, { 1, 1, 1, -1 }, { 1, -1, 1, 3 } };
        static const size_t n[]        = { 2, 2, 4, 4 };
        double c[12], fortran[12], swapped[12];
        char path[128];

        for (int i = 0; i < 12; i++) {
                uint64_t bits;

                c[i]                       = i;
                fortran[i / 4 + i % 4 * 3] = i;
                memcpy(&bits, &c[i], 8);
                bits = __builtin_bswap64(bits);
                memcpy(&swapped[i], &bits, 8);
        }
        for (size_t i = 0; i <= ELEMENTSOF(cuts); i++) {
                const int64_t *cut = i < ELEMENTSOF(cuts) ? cuts[i] : NULL;
                const size_t n_cut = cut ? n[i] : 0;

                strcpy(path, npy("c", "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }\n", c, sizeof(c)));
                check_file(path, cut, n_cut);
                strcpy(path, npy("f", "{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4)}", fortran, sizeof(c)));
                check_file(path, cut, n_cut);
                strcpy(path, npy("b", "{'descr': '>f8', 'fortran_order': False, 'shape': (3, 4)}", swapped, sizeof(c)));
                check_file(path, cut, n_cut);
        }
        clean();
}

TEST(complex_numbers_are_swapped_by_halves) {
        SESSION s = session(1);
        TENSOR t  = NULL;
        double value[2];

        must(mars_load_npy(&t, npy("z", "{'descr': '>c16', 'fortran_order': False, 'shape': ()}",
                                   "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 16), NULL, 0, &err));
        must(mars_execute(s, 1, &t, &err));
        must(mars_fetch(s, t, value, NULL, &err));
        ck_assert(value[0] == 1 && value[1] == -2);
        clean();
}

TEST(large_files_are_mapped) {
        const int64_t n = 9 << 20; /* 72 MiB */
        char dict[128];
        double *a = malloc((size_t) n * sizeof(*a));
        SESSION s = session(2);
        TENSOR t  = NULL;
        TENSOR u  = NULL;

        for (int64_t i = 0; i < n; i++)
                a[i] = (double) (i % 1000);
        snprintf(dict, sizeof(dict), "{'descr': '<f8', 'fortran_order': False, 'shape': (%lld,), }", (long long) n);
        while ((strlen(dict) + 10) % 8 != 0)
                strcat(dict, " ");
        must(mars_load_npy(&t, npy("large", dict, a, (size_t) n * sizeof(*a)), NULL, 0, &err));
        u = op1("sum", t);
        must(mars_execute(s, 2, (mars_tensor *const[]) { t, u }, &err));
        {
                _cleanup_(freep) double *values = values_of(s, t, n);

                ck_assert_bytes_eq(values, a, (size_t) n * sizeof(*a));
        }
        free(a);
        clean();
}

TEST(files_that_lie_or_change_are_refused) {
        static const char dict[] = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }";
        SESSION s                = session(1);
        TENSOR t                 = NULL;
        TENSOR gone              = NULL;
        mars_tensor *none        = NULL;
        double a[12]             = {};
        char path[128];

        strcpy(path, npy("short", dict, a, sizeof(a) - 1));
        must_fail(MARS_ERROR_VALUE, "is truncated: its header promises 96 bytes of elements, 95 are there",
                  mars_load_npy(&none, path, NULL, 0, &err));
        strcpy(path, npy("lie", "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,)}", a, 8));
        must_fail(MARS_ERROR_VALUE, "promises 799999999999992 bytes of elements, 8 are there",
                  mars_load_npy(&none, path, NULL, 0, &err));
        must_fail(-2 /* ENOENT */, "No such file", mars_load_npy(&none, in_folder("nothing"), NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "not a regular file", mars_load_npy(&none, folder, NULL, 0, &err));
        must_fail(MARS_ERROR_VALUE, "NULL", mars_load_npy(&none, NULL, NULL, 0, &err));

        strcpy(path, npy("changes", dict, a, sizeof(a)));
        must(mars_load_npy(&t, path, NULL, 0, &err));
        ck_assert_int_eq(truncate(path, 80), 0);
        must_fail(MARS_ERROR_VALUE, "was changed since it was loaded", mars_execute(s, 1, &t, &err));

        strcpy(path, npy("goes", dict, a, sizeof(a)));
        must(mars_load_npy(&gone, path, NULL, 0, &err));
        ck_assert_int_eq(unlink(path), 0);
        must_fail(-2 /* ENOENT */, "cannot open", mars_execute(s, 1, &gone, &err));
        ck_assert_ptr_null(none);
        clean();
}
