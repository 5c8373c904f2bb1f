/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/zarr.h"

#include "harness.h"

#define V2(more)                                                                                                       \
        "{\"zarr_format\": 2, \"shape\": [5, 7], \"chunks\": [2, 3], \"dtype\": \"<f8\", \"order\": \"C\", "           \
        "\"fill_value\": 0, \"filters\": null, \"compressor\": null" more "}"
#define V3_WITH(type, fill, grid, keys, codecs, more)                                                                  \
        "{\"zarr_format\": 3, \"node_type\": \"array\", \"shape\": [5, 7], \"data_type\": " type                       \
        ", \"fill_value\": " fill ", \"chunk_grid\": " grid ", \"chunk_key_encoding\": " keys                          \
        ", \"codecs\": " codecs more "}"
#define GRID "{\"name\": \"regular\", \"configuration\": {\"chunk_shape\": [2, 3]}}"
#define KEYS "{\"name\": \"default\"}"
#define BYTES "{\"name\": \"bytes\", \"configuration\": {\"endian\": \"little\"}}"

static int parse(int version, const char *text, ZarrMeta *ret, Error *err) {
        return zarr_parse(version, text, strlen(text), ret, err);
}

static ZarrMeta parsed(int version, const char *text) {
        ZarrMeta m;
        Error err = {};

        ck_assert_msg(parse(version, text, &m, &err) == 0, "%s: %s", text, err.text);
        return m;
}

static void expect_back(DType dtype, int version, CodecKind kind, int ndim) {
        ZarrMeta m                  = { .version = version,

                                        .type      = dtype,
                                        .dtype     = dtype,
                                        .shape     = { .ndim = ndim },
                                        .chunk     = { .ndim = ndim },
                                        .codec     = { .kind = kind, .level = -1, .compressor = "lz4" },
                                        .separator = ndim == 4 ? '.' : '/',
                                        .prefix    = version == 3 };
        _cleanup_(freep) char *text = NULL;
        ZarrMeta back;

        for (int k = 0; k < ndim; k++) {
                m.shape.dim[k] = k < 8 ? k : 1;
                m.chunk.dim[k] = k < 8 ? k + 1 : 1;
        }
        ck_assert_int_eq(zarr_print(&m, &text, NULL), 0);
        back = parsed(version, text);
        ck_assert_int_eq(back.dtype, dtype);
        ck_assert(!back.swap && back.separator == m.separator && back.prefix == m.prefix);
        ck_assert(shape_equal(&back.shape, &m.shape) && shape_equal(&back.chunk, &m.chunk));
        ck_assert_int_eq(back.codec.kind, kind);
        for (int k = 0; k < ndim; k++)
                ck_assert_int_eq(back.order[k], k);
        for (size_t k = 0; k < sizeof(back.fill.bytes); k++)
                ck_assert_int_eq(back.fill.bytes[k], 0);
}

TEST(metadata_that_is_written_reads_back_for_every_dtype_version_and_codec) {
        for (DType t = 0; t < _DTYPE_MAX; t++)
                for (int version = 2; version <= 3; version++)
                        for (CodecKind kind = CODEC_NONE; kind <= CODEC_BLOSC; kind++)
                                for (int ndim = 0; ndim <= MAX_NDIM; ndim += 4)
                                        if (version == 2 || kind != CODEC_ZLIB)
                                                expect_back(t, version, kind, ndim);
}

TEST(orders_of_bytes_and_axes_are_told) {
        ZarrMeta m =
                parsed(2, "{\"zarr_format\": 2, \"shape\": [5, 7, 9], \"chunks\": [2, 3, 9], \"dtype\": \">i4\", "
                          "\"order\": \"F\", \"fill_value\": null, \"filters\": [], \"dimension_separator\": \"/\", "
                          "\"compressor\": {\"id\": \"blosc\", \"cname\": \"lz4\"}}");

        ck_assert(m.swap && m.dtype == DTYPE_I32 && m.separator == '/' && m.codec.kind == CODEC_BLOSC);
        ck_assert(m.order[0] == 2 && m.order[1] == 1 && m.order[2] == 0);
        m = parsed(3,
                   V3_WITH("\"uint16\"", "7", GRID, "{\"name\": \"v2\", \"configuration\": {\"separator\": \"/\"}}",
                           "[{\"name\": \"transpose\", \"configuration\": {\"order\": [1, 0]}}, "
                           "{\"name\": \"bytes\", \"configuration\": {\"endian\": \"big\"}}, {\"name\": \"crc32c\"}, "
                           "{\"name\": \"gzip\", \"configuration\": {\"level\": 5}}, {\"name\": \"crc32c\"}]",
                           ", \"attributes\": {\"zarr_format\": 9}, \"x\": {\"must_understand\": false}"));
        ck_assert(m.swap && m.order[0] == 1 && m.order[1] == 0 && !m.prefix && m.separator == '/');
        ck_assert(m.codec.kind == CODEC_GZIP && m.n_inner_sums == 1 && m.n_outer_sums == 1);
        ck_assert_int_eq(m.fill.u64, 7);
}

TEST(transpositions_follow_one_another) {
        const ZarrMeta m =
                parsed(3, "{\"zarr_format\": 3, \"node_type\": \"array\", \"shape\": [2, 3, 4], \"data_type\": "
                          "\"int8\", \"fill_value\": 0, \"chunk_grid\": {\"name\": \"regular\", "
                          "\"configuration\": {\"chunk_shape\": [2, 3, 4]}}, \"chunk_key_encoding\": " KEYS
                          ", \"codecs\": [{\"name\": \"transpose\", \"configuration\": {\"order\": [1, 2, 0]}}, "
                          "{\"name\": \"transpose\", \"configuration\": {\"order\": [2, 0, 1]}}, "
                          "{\"name\": \"bytes\"}]}");

        ck_assert(m.order[0] == 0 && m.order[1] == 1 && m.order[2] == 2); /* one undoes the other */
}

static Scalar fill_of(const char *type, const char *fill) {
        char text[512];

        snprintf(text, sizeof(text), V3_WITH("\"%s\"", "%s", GRID, KEYS, "[" BYTES "]", ""), type, fill);
        return parsed(3, text).fill;
}

TEST(fill_values_are_of_the_dtype) {
        uint32_t bits;

        ck_assert(isnan(fill_of("float64", "\"NaN\"").f64));
        ck_assert_double_eq(fill_of("float64", "\"-Infinity\"").f64, -INFINITY);
        ck_assert_double_eq(fill_of("float64", "1e3").f64, 1000);
        ck_assert_double_eq(fill_of("float64", "3").f64, 3);
        memcpy(&bits, fill_of("float32", "\"0x7fc00001\"").bytes, sizeof(bits));
        ck_assert_uint_eq(bits, 0x7fc00001);
        ck_assert_uint_eq(fill_of("uint64", "18446744073709551615").u64, UINT64_MAX);
        ck_assert_int_eq((int8_t) fill_of("int8", "-128").bytes[0], -128);
        ck_assert(fill_of("bool", "true").b);
        ck_assert_double_eq(fill_of("complex128", "[1.5, \"Infinity\"]").c128[0], 1.5);
        ck_assert_double_eq(fill_of("complex128", "[1.5, \"Infinity\"]").c128[1], INFINITY);
}

TEST(names_of_chunks_stay_within_the_directory) {
        const int64_t at[] = { 3, INT64_MAX };
        ZarrMeta m         = { .version = 3, .prefix = true, .separator = '/', .shape = { .ndim = 2 } };
        char key[ZARR_KEY_MAX];

        zarr_key(&m, at, key);
        ck_assert_str_eq(key, "c/3/9223372036854775807");
        m.prefix    = false;
        m.separator = '.';
        zarr_key(&m, at, key);
        ck_assert_str_eq(key, "3.9223372036854775807");
        m.shape.ndim = 0;
        zarr_key(&m, at, key);
        ck_assert_str_eq(key, "0");
        m.prefix = true;
        zarr_key(&m, at, key);
        ck_assert_str_eq(key, "c");
}

TEST(what_is_broken_or_not_known_is_refused_with_the_reason) {
        static const struct {
                int version;
                const char *text, *words;
                int code;
        } bad[] = {
                { 2, "", "no JSON", ERROR_VALUE },
                { 2, "[]", "no JSON object", ERROR_VALUE },
                { 2, "{", "no JSON", ERROR_VALUE },
                { 2, "{}", "'zarr_format' is missing", ERROR_VALUE },
                { 2, "{\"zarr_format\": 3}", "not that of the file", ERROR_VALUE },
                { 2, "{\"zarr_format\": 2}", "'dtype' is missing", ERROR_VALUE },
                { 2, V2(", \"dtype\": \"|f8\""), "order of bytes", ERROR_VALUE },
                { 2, V2(", \"dtype\": \"<U5\""), "'<U5'", ERROR_TYPE },
                { 2, V2(", \"dtype\": \"<f16\""), "'<f16'", ERROR_TYPE },
                { 2, V2(", \"dtype\": [[\"a\", \"<f8\"]]"), "records", ERROR_TYPE },
                { 2, V2(", \"shape\": [5, -1]"), "no length", ERROR_VALUE },
                { 2, V2(", \"shape\": [5, 1.5]"), "no length", ERROR_VALUE },
                { 2, V2(", \"shape\": [5, 99999999999999999999]"), "no length", ERROR_VALUE },
                { 2, V2(", \"shape\": [4611686018427387904, 4]"), "Zarr array", ERROR_VALUE },
                { 2, V2(", \"shape\": [5]"), "1 dimensions, and its chunks have 2", ERROR_VALUE },
                { 2, V2(", \"shape\": {}"), "another type", ERROR_VALUE },
                { 2, V2(", \"chunks\": [0, 1]"), "no length", ERROR_VALUE },
                { 2, V2(", \"chunks\": [4611686018427387904, 4]"), "Zarr array", ERROR_VALUE },
                { 2, V2(", \"chunks\": [1048576, 1048576]"), "a chunk of the Zarr array has more than", ERROR_VALUE },
                { 2, V2(", \"order\": \"A\""), "neither C nor F", ERROR_VALUE },
                { 2, V2(", \"dimension_separator\": \"/../\""), "neither . nor /", ERROR_VALUE },
                { 2, V2(", \"dimension_separator\": \"/\\u0000\""), "another type", ERROR_VALUE },
                { 2, V2(", \"fill_value\": \"AAAA\""), "no float64", ERROR_VALUE },
                { 2, V2(", \"compressor\": {\"id\": \"lzma\"}"), "'lzma'", ERROR_SUPPORT },
                { 2, V2(", \"compressor\": \"zlib\""), "another type", ERROR_VALUE },
                { 2, V2(", \"filters\": [{\"id\": \"delta\"}]"), "'delta'", ERROR_SUPPORT },
                { 3, "{\"zarr_format\": 3, \"node_type\": \"group\"}", "a Zarr group", ERROR_VALUE },
                { 3, V3_WITH("\"r16\"", "0", GRID, KEYS, "[" BYTES "]", ""), "'r16'", ERROR_TYPE },
                { 3, V3_WITH("\"f8\"", "0", GRID, KEYS, "[" BYTES "]", ""), "'f8'", ERROR_TYPE },
                { 3, V3_WITH("{\"name\": \"datetime\"}", "0", GRID, KEYS, "[" BYTES "]", ""), "an extension",
                  ERROR_TYPE },
                { 3, V3_WITH("\"int8\"", "128", GRID, KEYS, "[" BYTES "]", ""), "no int8", ERROR_VALUE },
                { 3, V3_WITH("\"int8\"", "\"0x00\"", GRID, KEYS, "[" BYTES "]", ""), "no int8", ERROR_VALUE },
                { 3, V3_WITH("\"float32\"", "\"0x7fc0000g\"", GRID, KEYS, "[" BYTES "]", ""), "no float32",
                  ERROR_VALUE },
                { 3, V3_WITH("\"int8\"", "0", "{\"name\": \"rectangular\"}", KEYS, "[" BYTES "]", ""), "'rectangular'",
                  ERROR_SUPPORT },
                { 3, V3_WITH("\"int8\"", "0", GRID, "{\"name\": \"x\"}", "[" BYTES "]", ""), "'x'", ERROR_SUPPORT },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[{\"name\": \"bytes\"}]", ""), "'endian' is missing",
                  ERROR_VALUE },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[]", ""), "do not make bytes", ERROR_VALUE },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[" BYTES ", {\"name\": \"zlib\"}]", ""), "'zlib'",
                  ERROR_SUPPORT },
                { 3,
                  V3_WITH("\"int16\"", "0", GRID, KEYS, "[" BYTES ", {\"name\": \"gzip\"}, {\"name\": \"zstd\"}]", ""),
                  "more than once", ERROR_SUPPORT },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[{\"name\": \"sharding_indexed\"}]", ""), "sharded",
                  ERROR_SUPPORT },
                { 3,
                  V3_WITH("\"int16\"", "0", GRID, KEYS,
                          "[{\"name\": \"transpose\", \"configuration\": {\"order\": [0, 0]}}, " BYTES "]", ""),
                  "no permutation", ERROR_VALUE },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[" BYTES "]", ", \"quantum\": {}"), "'quantum'",
                  ERROR_SUPPORT },
                { 3, V3_WITH("\"int16\"", "0", GRID, KEYS, "[" BYTES "]", ", \"storage_transformers\": [{}]"),
                  "'storage_transformers'", ERROR_SUPPORT },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Error err = {};
                ZarrMeta m;
                int r = parse(bad[i].version, bad[i].text, &m, &err);

                ck_assert_msg(r == bad[i].code, "%s: %d %s", bad[i].text, r, err.text);
                ck_assert_msg(strstr(err.text, bad[i].words) != NULL, "%s: %s", bad[i].text, err.text);
        }
}

TEST(metadata_is_neither_deep_nor_long) {
        _cleanup_(freep) char *text = malloc(ZARR_META_MAX + 2);
        ZarrMeta m;

        memset(text, '[', 1000);
        ck_assert_int_eq(zarr_parse(2, text, 1000, &m, NULL), ERROR_VALUE);
        memset(text, ' ', ZARR_META_MAX + 1);
        ck_assert_int_eq(zarr_parse(2, text, ZARR_META_MAX + 1, &m, NULL), ERROR_VALUE);
}
