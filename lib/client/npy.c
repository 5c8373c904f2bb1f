/* SPDX-License-Identifier: Apache-2.0 */
/* The header is text from outside: one reader with an end that it never passes, and every number is checked before
 * it is used. What NumPy writes is read, and what Python 2 wrote (shapes like "(3L,)"). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/npy.h"
#include "client/times.h"

static const uint8_t magic[6] = { 0x93, 'N', 'U', 'M', 'P', 'Y' };

/* ---- Reading: the subset of Python's literals that a header is made of ------------------------------------------ */

typedef struct Text {
        const char *at, *end;
        Error *err;
} Text;

static _printf_(2, 3) int broken(Text *t, const char *fmt, ...) {
        char words[128];
        va_list args;

        va_start(args, fmt);
        vsnprintf(words, sizeof(words), fmt, args);
        va_end(args);
        return error_set(t->err, ERROR_VALUE, "the header of the .npy file cannot be read: %s", words);
}

static void skip_blanks(Text *t) {
        while (t->at < t->end && (*t->at == ' ' || *t->at == '\n' || *t->at == '\t' || *t->at == '\r'))
                t->at++;
}

/* Skips blanks and c, if it is next. */
static bool take(Text *t, char c) {
        skip_blanks(t);
        if (t->at >= t->end || *t->at != c)
                return false;
        t->at++;
        return true;
}

static bool take_word(Text *t, const char *word) {
        const size_t n = strlen(word);

        skip_blanks(t);
        if ((size_t) (t->end - t->at) < n || memcmp(t->at, word, n) != 0)
                return false;
        t->at += n;
        return true;
}

static int read_string(Text *t, char *ret, size_t ret_size) {
        size_t n = 0;
        char quote;

        if (!take(t, '\'') && !take(t, '"'))
                return broken(t, "a string was expected");
        quote = t->at[-1];
        for (; t->at < t->end && *t->at != quote; t->at++) {
                if (*t->at == '\\' || (unsigned char) *t->at < ' ' || n + 1 >= ret_size)
                        return broken(t, "a string is too long or not plain");
                ret[n++] = *t->at;
        }
        if (t->at >= t->end)
                return broken(t, "a string does not end");
        t->at++;
        ret[n] = '\0';
        return 0;
}

static int read_dim(Text *t, int64_t *ret) {
        const char *begin;
        int64_t v = 0;

        skip_blanks(t);
        if (take(t, '-'))
                return broken(t, "a dimension is negative");
        for (begin = t->at; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++)
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *t->at - '0', &v))
                        return broken(t, "a dimension is larger than 2^63");
        if (t->at == begin)
                return broken(t, "the shape is not a tuple of integers");
        take(t, 'L'); /* Python 2 */
        *ret = v;
        return 0;
}

static int read_shape(Text *t, Shape *ret) {
        int r;

        ret->ndim = 0;
        if (!take(t, '('))
                return broken(t, "the shape is not a tuple");
        while (!take(t, ')')) {
                if (ret->ndim == MAX_NDIM)
                        return error_set(t->err, ERROR_VALUE, "the array of the .npy file has more than %d dimensions",
                                         MAX_NDIM);
                r = read_dim(t, &ret->dim[ret->ndim]);
                if (r < 0)
                        return r;
                ret->ndim++;
                if (!take(t, ',')) {
                        if (ret->ndim == 1 || !take(t, ')'))
                                return broken(t, "the shape is not a tuple");
                        break;
                }
        }
        return 0;
}

static int read_bool(Text *t, bool *ret) {
        *ret = take_word(t, "True");
        if (!*ret && !take_word(t, "False"))
                return broken(t, "fortran_order is neither True nor False");
        return 0;
}

/* "<f8", ">i4", "|b1", "<M8[ns]": an order of bytes, a kind, a size, the unit of times. */
static int read_descr(Text *t, unsigned *ret, bool *ret_swap) {
        char descr[32] = "";
        bool times;
        int r;

        skip_blanks(t);
        if (t->at < t->end && *t->at == '[')
                return error_set(t->err, ERROR_TYPE, "the .npy file holds records; only plain numbers can be read");
        r = read_string(t, descr, sizeof(descr));
        if (r < 0)
                return r;
        if (strchr(descr, 'O'))
                return error_set(t->err, ERROR_TYPE, "the .npy file holds Python objects; only plain numbers can be "
                                                     "read");
        *ret_swap = descr[0] == '>';
        times = strchr("mM", descr[1]);
        if (strlen(descr) < 3 || (!times && strlen(descr) > 4) || !strchr("<>|=", descr[0]) ||
            (!times && !strchr("biufc", descr[1])))
                return error_set(t->err, ERROR_TYPE, "the .npy file holds elements of type '%s'; only plain numbers "
                                                     "can be read", descr);
        if (!type_from_name(descr + 1, ret))
                return error_set(t->err, ERROR_TYPE, "the .npy file holds elements of type '%s', which do not exist "
                                                     "here", descr);
        if (dtype_size(type_dtype(*ret)) == 1)
                *ret_swap = false;
        else if (descr[0] == '|')
                return broken(t, "'%s' does not say the order of bytes", descr);
        return 0;
}

static int read_dict(Text *t, NpyHeader *ret) {
        enum { DESCR = 1, ORDER = 2, SHAPE_ = 4, ALL = 7 };
        unsigned seen = 0;

        if (!take(t, '{'))
                return broken(t, "it is not a dict");
        while (!take(t, '}')) {
                unsigned key;
                char name[24];
                int r;

                r = read_string(t, name, sizeof(name));
                if (r < 0)
                        return r;
                key = strcmp(name, "descr") == 0           ? DESCR
                      : strcmp(name, "fortran_order") == 0 ? ORDER
                      : strcmp(name, "shape") == 0         ? SHAPE_
                                                           : 0;
                if (key == 0)
                        return broken(t, "unexpected key '%s'", name);
                if (seen & key)
                        return broken(t, "'%s' is there twice", name);
                if (!take(t, ':'))
                        return broken(t, "'%s' has no value", name);
                r = key == DESCR   ? read_descr(t, &ret->type, &ret->swap)
                    : key == ORDER ? read_bool(t, &ret->fortran_order)
                                   : read_shape(t, &ret->shape);
                if (r < 0)
                        return r;
                seen |= key;
                if (!take(t, ',')) {
                        if (!take(t, '}'))
                                return broken(t, "the dict does not end");
                        break;
                }
        }
        if (seen != ALL)
                return broken(t, "%s is missing", seen & DESCR ? seen & ORDER ? "shape" : "fortran_order" : "descr");
        skip_blanks(t);
        return t->at == t->end ? 0 : broken(t, "something follows the dict");
}

int npy_parse(const uint8_t *data, size_t size, NpyHeader *ret, Error *err) {
        Text text = { .err = err };
        size_t at, length;
        int r;

        if (size < 10 || memcmp(data, magic, sizeof(magic)) != 0)
                return error_set(err, ERROR_VALUE, "this is no .npy file: it %s",
                                 size < 10 ? "is too short" : "does not begin with \\x93NUMPY");
        if (data[6] < 1 || data[6] > 3 || data[7] != 0)
                return error_set(err, ERROR_VALUE, "the .npy file has version %u.%u, we know 1.0 to 3.0", data[6],
                                 data[7]);
        at     = data[6] == 1 ? 10 : 12;
        length = data[8] | (size_t) data[9] << 8;
        if (data[6] > 1) {
                if (size < at)
                        return error_set(err, ERROR_VALUE, "the .npy file ends in its header");
                length |= (size_t) data[10] << 16 | (size_t) data[11] << 24;
        }
        if (length > NPY_HEADER_MAX - at)
                return error_set(err, ERROR_VALUE, "the header of the .npy file has %zu bytes (at most %zu)", length,
                                 NPY_HEADER_MAX - at);
        if (length > size - at)
                return error_set(err, ERROR_VALUE, "the .npy file ends in its header");

        *ret     = (NpyHeader) {};
        text.at  = (const char *) data + at;
        text.end = text.at + length;
        r        = read_dict(&text, ret);
        if (r < 0)
                return r;
        r = shape_check(&ret->shape, dtype_size(type_dtype(ret->type)), err);
        if (r < 0)
                return error_prefix(err, r, "the .npy file");
        ret->data_offset = (int64_t) (at + length);
        ret->data_bytes  = shape_size(&ret->shape) * (int64_t) dtype_size(type_dtype(ret->type));
        return 0;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

size_t npy_print(unsigned type, const Shape *shape, char ret[static NPY_WRITE_MAX]) {
        size_t n = sizeof(magic) + 4, total;

        n += (size_t) snprintf(ret + n, NPY_WRITE_MAX - n, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                               type_code(type));
        for (int k = 0; k < shape->ndim; k++)
                n += (size_t) snprintf(ret + n, NPY_WRITE_MAX - n, "%s%lld%s", k > 0 ? " " : "",
                                       (long long) shape->dim[k], k + 1 < shape->ndim || shape->ndim == 1 ? "," : "");
        n += (size_t) snprintf(ret + n, NPY_WRITE_MAX - n, "), }");

        total = (n + 1 + 63) / 64 * 64;
        assert(total <= NPY_WRITE_MAX);
        memset(ret + n, ' ', total - n - 1);
        ret[total - 1] = '\n';
        memcpy(ret, magic, sizeof(magic));
        ret[6] = 1;
        ret[7] = 0;
        ret[8] = (char) ((total - 10) & 0xff);
        ret[9] = (char) ((total - 10) >> 8);
        return total;
}
