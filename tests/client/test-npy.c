/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "client/npy.h"
#include "mars.h"

#include "harness.h"

/* A header of the given version around a dict. */
static size_t header_of(int version, const char *dict, uint8_t ret[static 2048]) {
        const size_t n = strlen(dict), at = version == 1 ? 10 : 12;

        memcpy(ret, "\x93NUMPY", 6);
        ret[6] = (uint8_t) version;
        ret[7] = 0;
        ret[8] = (uint8_t) n;
        ret[9] = (uint8_t) (n >> 8);
        if (version > 1)
                ret[10] = ret[11] = 0;
        memcpy(ret + at, dict, n);
        return at + n;
}

static int parse(int version, const char *dict, NpyHeader *ret, Error *err) {
        uint8_t data[2048];

        return npy_parse(data, header_of(version, dict, data), ret, err);
}

TEST(header_that_is_written_reads_back_for_every_dtype_and_rank) {
        for (DType t = 0; t < _DTYPE_MAX; t++)
                for (int ndim = 0; ndim <= MAX_NDIM; ndim++) {
                        Shape shape = { .ndim = ndim };
                        char text[NPY_WRITE_MAX];
                        NpyHeader h;
                        size_t n;

                        for (int k = 0; k < ndim; k++)
                                shape.dim[k] = k < 10 ? k + 1 : 1;
                        n = npy_print(t, &shape, text);
                        ck_assert_uint_eq(n % 64, 0);
                        ck_assert_int_eq(text[n - 1], '\n');
                        ck_assert_int_eq(npy_parse((uint8_t *) text, n, &h, NULL), 0);
                        ck_assert_int_eq(h.type, t);
                        ck_assert(!h.swap && !h.fortran_order);
                        ck_assert(shape_equal(&h.shape, &shape));
                        ck_assert_int_eq(h.data_offset, (int64_t) n);
                        ck_assert_int_eq(h.data_bytes, shape_size(&shape) * (int64_t) dtype_size(t));
                }
}

TEST(header_of_times_has_their_unit) {
        static const char *const codes[] = { "<M8[ns]", "<m8[D]", "<M8", ">M8[as]" };
        static const unsigned types[]    = { MARS_DATETIME64 + MARS_UNIT_NS, MARS_TIMEDELTA64 + MARS_UNIT_D,
                                             MARS_DATETIME64, MARS_DATETIME64 + MARS_UNIT_AS };
        const Shape shape = { 1, { 3 } };

        for (size_t k = 0; k < ELEMENTSOF(codes); k++) {
                char text[NPY_WRITE_MAX], *at;
                NpyHeader h;
                size_t n = npy_print(types[k], &shape, text);

                at = memmem(text, n, codes[k] + 1, strlen(codes[k] + 1));
                ck_assert_ptr_nonnull(at);
                at[-1] = codes[k][0];
                ck_assert_int_eq(npy_parse((uint8_t *) text, n, &h, NULL), 0);
                ck_assert_uint_eq(h.type, types[k]);
                ck_assert(h.swap == (codes[k][0] == '>') && h.data_bytes == 24);
        }
}

TEST(header_of_the_largest_shape_fits) {
        Shape shape = { .ndim = MAX_NDIM };
        char text[NPY_WRITE_MAX];

        for (int k = 0; k < MAX_NDIM; k++)
                shape.dim[k] = INT64_MAX;
        ck_assert_uint_le(npy_print(DTYPE_C128, &shape, text), NPY_WRITE_MAX);
}

TEST(all_versions_and_all_ways_to_write_the_dict_are_read) {
        static const char *const dicts[] = {
                "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }          \n",
                "{'descr':'<f8','fortran_order':False,'shape':(3,4)}",
                "  { \"shape\" : ( 3 , 4 , ) , \"fortran_order\" : False , \"descr\" : \"<f8\" , } \n",
                "{'shape': (3L, 4L), 'fortran_order': False, 'descr': '=f8'}",
        };

        for (int version = 1; version <= 3; version++)
                for (size_t i = 0; i < ELEMENTSOF(dicts); i++) {
                        Shape wanted = SHAPE(3, 4);
                        NpyHeader h;
                        Error err;

                        ck_assert_msg(parse(version, dicts[i], &h, &err) == 0, "%s: %s", dicts[i], err.text);
                        ck_assert_int_eq(h.type, DTYPE_F64);
                        ck_assert(shape_equal(&h.shape, &wanted));
                        ck_assert_int_eq(h.data_bytes, 96);
                }
}

TEST(order_of_axes_and_bytes_is_told) {
        NpyHeader h;

        ck_assert_int_eq(parse(1, "{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3)}", &h, NULL), 0);
        ck_assert(h.swap && h.fortran_order && h.type == DTYPE_I32);
        ck_assert_int_eq(parse(1, "{'descr': '|b1', 'fortran_order': False, 'shape': ()}", &h, NULL), 0);
        ck_assert(!h.swap && h.type == DTYPE_BOOL && h.shape.ndim == 0 && h.data_bytes == 1);
        ck_assert_int_eq(parse(1, "{'descr': '>u1', 'fortran_order': False, 'shape': (0,)}", &h, NULL), 0);
        ck_assert(!h.swap && h.type == DTYPE_U8 && h.data_bytes == 0);
}

TEST(what_is_broken_is_refused_with_the_reason) {
        static const struct {
                const char *dict, *words;
                int code;
        } bad[] = {
                { "", "not a dict", ERROR_VALUE },
                { "[1]", "not a dict", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False}", "shape is missing", ERROR_VALUE },
                { "{'descr': '<f8', 'shape': (1,)}", "fortran_order is missing", ERROR_VALUE },
                { "{'shape': (1,), 'fortran_order': False}", "descr is missing", ERROR_VALUE },
                { "{'descr': '<f8', 'descr': '<f8', 'shape': (1,)}", "twice", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "neither True nor False", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': 3}", "not a tuple", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (3)}", "not a tuple", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (3, x)}", "integers", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (3, -1)}", "negative", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}", "2^63", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", ".npy", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)", "does not end", ERROR_VALUE },
                { "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)} x", "follows", ERROR_VALUE },
                { "{'descr': '<f8, 'fortran_order': False, 'shape': (3,)}", "'<f8, '", ERROR_TYPE },
                { "{'descr': '<f8", "does not end", ERROR_VALUE },
                { "{'flavour': '<f8'}", "unexpected key 'flavour'", ERROR_VALUE },
                { "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "Python objects", ERROR_TYPE },
                { "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", "records", ERROR_TYPE },
                { "{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}", "'<U5'", ERROR_TYPE },
                { "{'descr': '<M8[25s]', 'fortran_order': False, 'shape': (1,)}", "'<M8[25s]'", ERROR_TYPE },
                { "{'descr': '<f16', 'fortran_order': False, 'shape': (1,)}", "do not exist", ERROR_TYPE },
                { "{'descr': '|f8', 'fortran_order': False, 'shape': (1,)}", "order of bytes", ERROR_VALUE },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                NpyHeader h;
                Error err;
                int r = parse(1, bad[i].dict, &h, &err);

                ck_assert_msg(r == bad[i].code, "%s: %d", bad[i].dict, r);
                ck_assert_msg(strstr(err.text, bad[i].words) != NULL, "%s: %s", bad[i].dict, err.text);
        }
}

TEST(more_dimensions_than_we_have_are_refused) {
        char dict[512] = "{'descr': '<f8', 'fortran_order': False, 'shape': (";
        NpyHeader h;
        Error err;

        for (int k = 0; k < MAX_NDIM + 1; k++)
                strcat(dict, "1, ");
        strcat(dict, ")}");
        ck_assert_int_eq(parse(1, dict, &h, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "more than 32 dimensions"));
}

TEST(no_prefix_of_a_header_is_read_as_one) {
        uint8_t data[2048];
        const size_t n = header_of(2, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }", data);

        for (size_t size = 0; size < n; size++) {
                NpyHeader h;

                ck_assert_int_eq(npy_parse(data, size, &h, NULL), ERROR_VALUE);
        }
}

TEST(foreign_files_versions_and_lengths_are_refused) {
        uint8_t data[2048];
        const size_t n = header_of(1, "{}", data);
        NpyHeader h;
        Error err;

        ck_assert_int_eq(npy_parse((const uint8_t *) "PK\3\4 a zip file", 15, &h, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "no .npy file"));
        data[6] = 4;
        ck_assert_int_eq(npy_parse(data, n, &h, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "version 4.0"));
        data[6] = 2;
        data[11] = 0x40;
        ck_assert_int_eq(npy_parse(data, n, &h, &err), ERROR_VALUE);
        ck_assert_ptr_nonnull(strstr(err.text, "at most"));
}
