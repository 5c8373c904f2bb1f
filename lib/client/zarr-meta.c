/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata is parsed by json-c into a tree of bounded depth. Every member that means something here is looked up by
 * its name and must have its type; what we do not know and may not ignore is refused by its name. */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/zarr.h"

typedef struct json_object Json;

static void json_putp(Json **j) {
        json_object_put(*j);
}

static void tokener_freep(struct json_tokener **t) {
        json_tokener_free(*t);
}

static int broken(Error *err, const char *what, const char *words) {
        return error_set(err, ERROR_VALUE, "the metadata of the Zarr array cannot be read: '%s' %s", what, words);
}

/* The member, if it has the type; or, with `optional`, NULL if it is not there or null. */
static int member(Json *object, const char *name, enum json_type type, bool optional, Json **ret, Error *err) {
        Json *value      = NULL;
        const bool there = json_object_object_get_ex(object, name, &value);

        *ret = NULL;
        if (optional && !value)
                return 0;
        if (!there)
                return broken(err, name, "is missing");
        if (!value || !json_object_is_type(value, type))
                return broken(err, name, "is of another type");
        *ret = value;
        return 0;
}

static int text_member(Json *object, const char *name, bool optional, const char **ret, Error *err) {
        Json *value;
        int r = member(object, name, json_type_string, optional, &value, err);

        if (r < 0)
                return r;
        if (!value) {
                assert(optional);
                *ret = NULL;
                return 0;
        }
        *ret = json_object_get_string(value);
        /* A name with a zero byte in it is none of those that we know. */
        if (strlen(*ret) != (size_t) json_object_get_string_len(value))
                return broken(err, name, "is of another type");
        return 0;
}

/* ---- Shapes ----------------------------------------------------------------------------------------------------- */

static int read_dims(Json *list, const char *name, int64_t least, Shape *ret, Error *err) {
        const size_t n = json_object_array_length(list);

        if (n > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "the Zarr array has more than %d dimensions", MAX_NDIM);
        ret->ndim = (int) n;
        for (size_t k = 0; k < n; k++) {
                Json *value     = json_object_array_get_idx(list, k);
                const int64_t v = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

                if (v < least || v == INT64_MAX) /* json-c says that of all larger numbers */
                        return broken(err, name, "holds what is no length");
                ret->dim[k] = v;
        }
        return 0;
}

static int dims_member(Json *object, const char *name, int64_t least, Shape *ret, Error *err) {
        Json *list;
        int r = member(object, name, json_type_array, false, &list, err);

        return r < 0 ? r : read_dims(list, name, least, ret, err);
}

static int check_shapes(const ZarrMeta *m, Error *err) {
        int r;

        if (m->chunk.ndim != m->shape.ndim)
                return error_set(err, ERROR_VALUE, "the Zarr array has %d dimensions, and its chunks have %d",
                                 m->shape.ndim, m->chunk.ndim);
        r = shape_check(&m->shape, dtype_size(m->dtype), err);
        if (r == 0)
                r = shape_check(&m->chunk, dtype_size(m->dtype), err);
        if (r < 0)
                return error_prefix(err, r, "the Zarr array");
        if (shape_size(&m->chunk) > ZARR_CHUNK_MAX / (int64_t) dtype_size(m->dtype))
                return error_set(err, ERROR_VALUE, "a chunk of the Zarr array has more than %lld bytes",
                                 (long long) ZARR_CHUNK_MAX);
        return 0;
}

/* ---- Fill values ------------------------------------------------------------------------------------------------ */

static bool special_number(const char *text, double *ret) {
        static const struct {
                const char *name;
                double value;
        } specials[] = { { "NaN", NAN }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY } };

        for (size_t k = 0; k < ELEMENTSOF(specials); k++)
                if (strcmp(text, specials[k].name) == 0) {
                        *ret = specials[k].value;
                        return true;
                }
        return false;
}

/* "0x7fc00000": the bits of a float. */
static bool bits_of(const char *text, DType dtype, Scalar *ret) {
        const size_t digits = 2 * dtype_size(dtype);
        uint64_t bits;
        char *end;

        if (strncmp(text, "0x", 2) != 0 || strlen(text) != 2 + digits || digits > 16 || text[2] == '+' ||
            text[2] == '-')
                return false;
        bits = strtoull(text + 2, &end, 16);
        if (*end)
                return false;
        *ret = (Scalar) { .dtype = dtype, .u64 = bits };
        return true;
}

static bool float_of(Json *value, DType dtype, Scalar *ret) {
        double v = 0;

        if (json_object_is_type(value, json_type_string)) {
                if (bits_of(json_object_get_string(value), dtype, ret))
                        return true;
                if (!special_number(json_object_get_string(value), &v))
                        return false;
        } else if (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double))
                v = json_object_get_double(value);
        else
                return false;
        *ret = scalar_from_f64(dtype, v);
        return true;
}

static bool complex_of(Json *value, DType dtype, Scalar *ret) {
        const DType half = dtype_real(dtype);
        Scalar part[2];

        if (!json_object_is_type(value, json_type_array)) { /* version 2 writes a real one like that */
                if (!float_of(value, half, &part[0]))
                        return false;
                part[1] = (Scalar) { .dtype = half };
        } else if (json_object_array_length(value) != 2 ||
                   !float_of(json_object_array_get_idx(value, 0), half, &part[0]) ||
                   !float_of(json_object_array_get_idx(value, 1), half, &part[1]))
                return false;
        *ret = (Scalar) { .dtype = dtype };
        for (int k = 0; k < 2; k++)
                memcpy(ret->bytes + (size_t) k * dtype_size(half), part[k].bytes, dtype_size(half));
        return true;
}

static bool integer_of(Json *value, DType dtype, Scalar *ret) {
        const uint64_t big = json_object_get_uint64(value);
        const double v     = json_object_get_double(value);

        if (json_object_is_type(value, json_type_double) && v == floor(v) && fabs(v) < 0x1p53)
                *ret = scalar_from_i64(DTYPE_I64, (int64_t) v); /* version 2 in some hands: 0.0 */
        else if (!json_object_is_type(value, json_type_int))
                return false;
        else if (big > INT64_MAX)
                *ret = (Scalar) { .dtype = DTYPE_U64, .u64 = big };
        else
                *ret = (Scalar) { .dtype = DTYPE_I64, .i64 = json_object_get_int64(value) };
        if (!scalar_fits(*ret, dtype))
                return false;
        *ret = scalar_cast(*ret, dtype);
        return true;
}

/* null is no particular value: it is zero here. */
static int read_fill(Json *value, ZarrMeta *ret, Error *err) {
        bool ok = true;

        ret->fill = (Scalar) { .dtype = ret->dtype };
        if (!value)
                return 0;
        switch (dtype_kind(ret->dtype)) {
        case KIND_BOOL:
                ok = json_object_is_type(value, json_type_boolean) || json_object_is_type(value, json_type_int);
                ret->fill.b = json_object_get_boolean(value);
                break;
        case KIND_INT:
        case KIND_UINT:
                ok = integer_of(value, ret->dtype, &ret->fill);
                break;
        case KIND_FLOAT:
                ok = float_of(value, ret->dtype, &ret->fill);
                break;
        case KIND_COMPLEX:
                ok = complex_of(value, ret->dtype, &ret->fill);
                break;
        }
        return ok ? 0
                  : error_set(err, ERROR_VALUE, "the fill value of the Zarr array is no %s", dtype_name(ret->dtype));
}

/* ---- Codecs ----------------------------------------------------------------------------------------------------- */

static const char *const codec_names[] = {
        [CODEC_ZLIB]  = "zlib",
        [CODEC_GZIP]  = "gzip",
        [CODEC_ZSTD]  = "zstd",
        [CODEC_BLOSC] = "blosc",
};

bool codec_from_name(const char *name, CodecKind *ret) {
        for (size_t k = CODEC_ZLIB; k < ELEMENTSOF(codec_names); k++)
                if (strcmp(name, codec_names[k]) == 0) {
                        *ret = (CodecKind) k;
                        return true;
                }
        return false;
}

static int no_codec(const char *name, Error *err) {
        return error_set(err, ERROR_SUPPORT,
                         "the Zarr array has the codec '%s': there are blosc, zstd, gzip, zlib, crc32c "
                         "and transpose",
                         name);
}

static int read_transpose(Json *configuration, ZarrMeta *ret, Error *err) {
        uint8_t before[MAX_NDIM];
        bool seen[MAX_NDIM] = {};
        Shape order;
        int r = dims_member(configuration, "order", 0, &order, err);

        if (r < 0)
                return r;
        memcpy(before, ret->order, sizeof(before));
        for (int k = 0; k < order.ndim; k++) {
                if (order.ndim != ret->shape.ndim || order.dim[k] >= order.ndim || seen[order.dim[k]])
                        return broken(err, "order", "is no permutation of the axes");
                seen[order.dim[k]] = true;
                ret->order[k]      = before[order.dim[k]];
        }
        return order.ndim == ret->shape.ndim ? 0 : broken(err, "order", "is no permutation of the axes");
}

static int read_endian(Json *configuration, ZarrMeta *ret, Error *err) {
        const char *endian = NULL;
        int r              = configuration ? text_member(configuration, "endian", true, &endian, err) : 0;

        if (r < 0)
                return r;
        if (dtype_size(ret->dtype) == 1)
                return 0;
        if (!endian)
                return broken(err, "endian", "is missing");
        ret->swap = strcmp(endian, "big") == 0;
        return ret->swap || strcmp(endian, "little") == 0 ? 0 : broken(err, "endian", "is neither little nor big");
}

/* One of the list of version 3: first those of arrays, then "bytes", then those of bytes. */
static int read_codec_3(Json *value, bool *bytes, ZarrMeta *ret, Error *err) {
        Json *configuration = NULL;
        const char *name;
        CodecKind kind;
        int r;

        if (!json_object_is_type(value, json_type_object))
                return broken(err, "codecs", "holds what is no object");
        r = text_member(value, "name", false, &name, err);
        if (r == 0)
                r = member(value, "configuration", json_type_object, true, &configuration, err);
        if (r < 0)
                return r;
        if (strcmp(name, "transpose") == 0 && !*bytes && configuration)
                return read_transpose(configuration, ret, err);
        if (strcmp(name, "bytes") == 0 && !*bytes) {
                *bytes = true;
                return read_endian(configuration, ret, err);
        }
        if (strcmp(name, "sharding_indexed") == 0)
                return error_set(err, ERROR_SUPPORT,
                                 "the Zarr array is sharded, which cannot be read here: copy it to one "
                                 "without shards");
        if (strcmp(name, "crc32c") == 0 && *bytes) {
                uint8_t *n = ret->codec.kind == CODEC_NONE ? &ret->n_inner_sums : &ret->n_outer_sums;

                if (++*n > ZARR_MAX_SUMS)
                        return broken(err, "codecs", "are too many");
                return 0;
        }
        if (!codec_from_name(name, &kind) || kind == CODEC_ZLIB)
                return no_codec(name, err);
        if (!*bytes || ret->codec.kind != CODEC_NONE)
                return error_set(err, ERROR_SUPPORT,
                                 "the Zarr array is compressed more than once, or before it is bytes");
        ret->codec.kind = kind;
        return 0;
}

static int read_codecs_3(Json *root, ZarrMeta *ret, Error *err) {
        bool bytes = false;
        Json *list;
        int r = member(root, "codecs", json_type_array, false, &list, err);

        for (size_t k = 0; r == 0 && k < json_object_array_length(list); k++)
                r = read_codec_3(json_object_array_get_idx(list, k), &bytes, ret, err);
        return r == 0 && !bytes ? broken(err, "codecs", "do not make bytes of the elements") : r;
}

static int read_codecs_2(Json *root, ZarrMeta *ret, Error *err) {
        Json *compressor, *filters, *first;
        const char *name;
        int r = member(root, "compressor", json_type_object, true, &compressor, err);

        if (r == 0)
                r = member(root, "filters", json_type_array, true, &filters, err);
        if (r < 0)
                return r;
        if (filters && json_object_array_length(filters) > 0) {
                first = json_object_array_get_idx(filters, 0);
                if (!json_object_is_type(first, json_type_object) || text_member(first, "id", false, &name, NULL) < 0)
                        name = "?";
                return error_set(err, ERROR_SUPPORT, "the Zarr array has the filter '%s': there are no filters here",
                                 name);
        }
        if (!compressor)
                return 0;
        r = text_member(compressor, "id", false, &name, err);
        if (r < 0)
                return r;
        return codec_from_name(name, &ret->codec.kind) ? 0 : no_codec(name, err);
}

/* ---- Version 2 -------------------------------------------------------------------------------------------------- */

static int no_dtype(const char *name, Error *err) {
        return error_set(err, ERROR_TYPE, "the Zarr array holds elements of type '%s'; only plain numbers can be read",
                         name);
}

/* "<f8", ">i4", "|b1", "<M8[ns]" */
static int read_dtype_2(Json *root, ZarrMeta *ret, Error *err) {
        Json *value = NULL;
        const char *name;
        bool times;

        json_object_object_get_ex(root, "dtype", &value);
        if (json_object_is_type(value, json_type_array))
                return error_set(err, ERROR_TYPE, "the Zarr array holds records; only plain numbers can be read");
        if (!json_object_is_type(value, json_type_string))
                return broken(err, "dtype", value ? "is of another type" : "is missing");
        name  = json_object_get_string(value);
        times = strlen(name) > 2 && strchr("mM", name[1]);
        if (strlen(name) < 3 || (!times && strlen(name) > 4) || !strchr("<>|", name[0]) ||
            (!times && !strchr("biufc", name[1])) || !type_from_name(name + 1, &ret->type))
                return no_dtype(name, err);
        ret->dtype = type_dtype(ret->type);
        if (dtype_size(ret->dtype) > 1 && name[0] == '|')
                return broken(err, "dtype", "does not say the order of bytes");
        ret->swap = dtype_size(ret->dtype) > 1 && name[0] == '>';
        return 0;
}

static int read_2(Json *root, ZarrMeta *ret, Error *err) {
        const char *order = NULL, *separator = NULL;
        Json *fill = NULL;
        int r      = read_dtype_2(root, ret, err);

        if (r == 0)
                r = dims_member(root, "shape", 0, &ret->shape, err);
        if (r == 0)
                r = dims_member(root, "chunks", 1, &ret->chunk, err);
        if (r == 0)
                r = check_shapes(ret, err);
        if (r == 0)
                r = text_member(root, "order", false, &order, err);
        if (r == 0)
                r = text_member(root, "dimension_separator", true, &separator, err);
        if (r < 0)
                return r;
        assert(order); /* it is not optional */
        if (strcmp(order, "C") != 0 && strcmp(order, "F") != 0)
                return broken(err, "order", "is neither C nor F");
        for (int k = 0; k < ret->shape.ndim; k++)
                ret->order[k] = (uint8_t) (order[0] == 'C' ? k : ret->shape.ndim - 1 - k);
        separator = separator ?: ".";
        if (strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0)
                return broken(err, "dimension_separator", "is neither . nor /");
        ret->separator = separator[0];
        json_object_object_get_ex(root, "fill_value", &fill);
        r = read_fill(fill, ret, err);
        return r < 0 ? r : read_codecs_2(root, ret, err);
}

/* ---- Version 3 -------------------------------------------------------------------------------------------------- */

static int read_grid(Json *root, ZarrMeta *ret, Error *err) {
        Json *grid, *configuration;
        const char *name;
        int r = member(root, "chunk_grid", json_type_object, false, &grid, err);

        if (r == 0)
                r = text_member(grid, "name", false, &name, err);
        if (r < 0)
                return r;
        if (strcmp(name, "regular") != 0)
                return error_set(err, ERROR_SUPPORT,
                                 "the chunk grid of the Zarr array is '%s': only regular ones can be "
                                 "read",
                                 name);
        r = member(grid, "configuration", json_type_object, false, &configuration, err);
        return r < 0 ? r : dims_member(configuration, "chunk_shape", 1, &ret->chunk, err);
}

static int read_keys(Json *root, ZarrMeta *ret, Error *err) {
        const char *name, *separator = NULL;
        Json *encoding, *configuration;
        int r = member(root, "chunk_key_encoding", json_type_object, false, &encoding, err);

        if (r == 0)
                r = text_member(encoding, "name", false, &name, err);
        if (r == 0)
                r = member(encoding, "configuration", json_type_object, true, &configuration, err);
        if (r == 0 && configuration)
                r = text_member(configuration, "separator", true, &separator, err);
        if (r < 0)
                return r;
        ret->prefix = strcmp(name, "default") == 0;
        if (!ret->prefix && strcmp(name, "v2") != 0)
                return error_set(err, ERROR_SUPPORT, "the chunks of the Zarr array are named in the way of '%s'", name);
        separator = separator ?: ret->prefix ? "/" : ".";
        if (strcmp(separator, ".") != 0 && strcmp(separator, "/") != 0)
                return broken(err, "separator", "is neither . nor /");
        ret->separator = separator[0];
        return 0;
}

/* What an array may have besides; a reader that does not know it must not go on, unless it says so itself. */
static int refuse_more(Json *root, Error *err) {
        static const char *const known[] = { "zarr_format",     "node_type",           "shape",
                                             "data_type",       "chunk_grid",          "fill_value",
                                             "codecs",          "chunk_key_encoding",  "attributes",
                                             "dimension_names", "storage_transformers" };

        json_object_object_foreach(root, name, value) {
                Json *must = NULL;
                bool found = false;

                for (size_t k = 0; k < ELEMENTSOF(known); k++)
                        found |= strcmp(name, known[k]) == 0;
                if (found && strcmp(name, "storage_transformers") == 0 && json_object_is_type(value, json_type_array) &&
                    json_object_array_length(value) > 0)
                        found = false;
                if (found || (json_object_is_type(value, json_type_object) &&
                              json_object_object_get_ex(value, "must_understand", &must) &&
                              json_object_is_type(must, json_type_boolean) && !json_object_get_boolean(must)))
                        continue;
                return error_set(err, ERROR_SUPPORT, "the Zarr array has '%.64s', which is not known here", name);
        }
        return 0;
}

static int read_3(Json *root, ZarrMeta *ret, Error *err) {
        const char *node, *dtype;
        Json *value, *fill = NULL;
        int r = text_member(root, "node_type", false, &node, err);

        if (r == 0 && strcmp(node, "array") != 0)
                return error_set(err, ERROR_VALUE, "this is a Zarr %s, not an array: name the array in it", node);
        if (r == 0)
                r = refuse_more(root, err);
        if (r < 0)
                return r;
        json_object_object_get_ex(root, "data_type", &value);
        if (json_object_is_type(value, json_type_object))
                return no_dtype("an extension", err);
        r = text_member(root, "data_type", false, &dtype, err);
        if (r < 0)
                return r;
        if (!dtype_from_name(dtype, &ret->dtype) || strcmp(dtype_name(ret->dtype), dtype) != 0)
                return no_dtype(dtype, err);
        ret->type = ret->dtype;
        r         = dims_member(root, "shape", 0, &ret->shape, err);
        if (r == 0)
                r = read_grid(root, ret, err);
        if (r == 0)
                r = check_shapes(ret, err);
        if (r == 0)
                r = read_keys(root, ret, err);
        if (r < 0)
                return r;
        for (int k = 0; k < ret->shape.ndim; k++)
                ret->order[k] = (uint8_t) k;
        json_object_object_get_ex(root, "fill_value", &fill);
        r = read_fill(fill, ret, err);
        return r < 0 ? r : read_codecs_3(root, ret, err);
}

int zarr_parse(int version, const char *text, size_t size, ZarrMeta *ret, Error *err) {
        _cleanup_(tokener_freep) struct json_tokener *tokener = json_tokener_new_ex(ZARR_DEPTH);
        _cleanup_(json_putp) Json *root                       = NULL;
        Json *format;
        int r;

        if (size > ZARR_META_MAX)
                return error_set(err, ERROR_VALUE, "the metadata of the Zarr array has %zu bytes (at most %d)", size,
                                 ZARR_META_MAX);
        if (!tokener)
                return error_oom(err, size);
        root = json_tokener_parse_ex(tokener, text, (int) size);
        if (!root || !json_object_is_type(root, json_type_object))
                return error_set(err, ERROR_VALUE, "the metadata of the Zarr array is no JSON object%s%s",
                                 root ? "" : ": ",
                                 root ? "" : json_tokener_error_desc(json_tokener_get_error(tokener)));
        r = member(root, "zarr_format", json_type_int, false, &format, err);
        if (r < 0)
                return r;
        if (json_object_get_int64(format) != version)
                return broken(err, "zarr_format", "is not that of the file");
        *ret = (ZarrMeta) { .version = version };
        return version == 2 ? read_2(root, ret, err) : read_3(root, ret, err);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void put_dims(FILE *f, const char *name, const Shape *shape) {
        fprintf(f, "\"%s\": [", name);
        for (int k = 0; k < shape->ndim; k++)
                fprintf(f, "%s%lld", k > 0 ? ", " : "", (long long) shape->dim[k]);
        fputs("]", f);
}

static const char *zero_of(DType dtype) {
        switch (dtype_kind(dtype)) {
        case KIND_BOOL:
                return "false";
        case KIND_INT:
        case KIND_UINT:
                break;
        case KIND_FLOAT:
                return "0.0";
        case KIND_COMPLEX:
                return "[0.0, 0.0]";
        }
        return "0";
}

/* The members of a codec's configuration. Levels that were left to the codec are those that it takes. */
static void put_codec(FILE *f, const Codec *codec, bool words) {
        static const char *const shuffles[] = { "noshuffle", "shuffle", "bitshuffle" };
        static const int levels[] = { [CODEC_ZLIB] = 6, [CODEC_GZIP] = 6, [CODEC_ZSTD] = 3, [CODEC_BLOSC] = 5 };
        const int level           = codec->level < 0 ? levels[codec->kind] : codec->level;

        if (codec->kind != CODEC_BLOSC) {
                fprintf(f, "\"level\": %d%s", level, words && codec->kind == CODEC_ZSTD ? ", \"checksum\": false" : "");
                return;
        }
        fprintf(f, "\"clevel\": %d, \"cname\": \"%s\", \"blocksize\": 0, \"shuffle\": ", level, codec->compressor);
        if (words)
                fprintf(f, "\"%s\", \"typesize\": %u", shuffles[codec->shuffle], codec->element_bytes);
        else
                fprintf(f, "%d", codec->shuffle);
}

static void print_2(FILE *f, const ZarrMeta *m) {
        put_dims(f, "chunks", &m->chunk);
        fprintf(f, ",\n  \"dtype\": \"%s\",\n  \"filters\": null,\n  \"order\": \"C\",\n", type_code(m->type));
        if (m->separator != '.')
                fprintf(f, "  \"dimension_separator\": \"%c\",\n", m->separator);
        fputs("  \"compressor\": ", f);
        if (m->codec.kind == CODEC_NONE)
                fputs("null", f);
        else {
                fprintf(f, "{ \"id\": \"%s\", ", codec_names[m->codec.kind]);
                put_codec(f, &m->codec, false);
                fputs(" }", f);
        }
}

static void print_3(FILE *f, const ZarrMeta *m) {
        fprintf(f, "\"node_type\": \"array\",\n  \"data_type\": \"%s\",\n", dtype_name(m->dtype));
        fputs("  \"chunk_grid\": { \"name\": \"regular\", \"configuration\": { ", f);
        put_dims(f, "chunk_shape", &m->chunk);
        fprintf(f,
                " } },\n  \"chunk_key_encoding\": { \"name\": \"default\", \"configuration\": { \"separator\": \"%c\" "
                "} },\n",
                m->separator);
        fprintf(f, "  \"codecs\": [\n    { \"name\": \"bytes\"%s }",
                dtype_size(m->dtype) > 1 ? ", \"configuration\": { \"endian\": \"little\" }" : "");
        if (m->codec.kind != CODEC_NONE) {
                fprintf(f, ",\n    { \"name\": \"%s\", \"configuration\": { ", codec_names[m->codec.kind]);
                put_codec(f, &m->codec, true);
                fputs(" } }", f);
        }
        fputs("\n  ],\n  \"attributes\": {}", f);
}

int zarr_print(const ZarrMeta *m, char **ret, Error *err) {
        char *text  = NULL;
        size_t size = 0;
        FILE *f     = open_memstream(&text, &size);

        if (!f)
                return error_oom(err, sizeof(*m));
        fprintf(f, "{\n  \"zarr_format\": %d,\n  ", m->version);
        put_dims(f, "shape", &m->shape);
        fprintf(f, ",\n  \"fill_value\": %s,\n  ", zero_of(m->dtype));
        (m->version == 2 ? print_2 : print_3)(f, m);
        fputs("\n}\n", f);
        if (ferror(f) | fclose(f)) {
                free(text);
                return error_oom(err, size);
        }
        *ret = text;
        return 0;
}
