/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of numbers. The file is looked through once, in parallel, when it is loaded: where the lines of each segment
 * begin, and how many rows it has. Then any run of rows can be read without those before it, and what is read is what a
 * task needs. A row is a line that is not empty when its comment is left off; all have as many fields as the first. The
 * words of every error say in which line it is.
 *
 * The file stays open; it is read, not mapped, so nobody can shorten it under us. If it changes meanwhile its segments
 * have other rows, which is an error, or other numbers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/expr.h"
#include "client/number.h"
#include "client/parallel.h"
#include "io/file.h"

enum {
        SEGMENT_BYTES = 1 << 20,
        LOOK_BYTES    = 4 << 10, /* where the next line begins */
        LINE_MAX_     = 1 << 28, /* bytes of one: what is longer is no text of numbers */
        COLUMNS_MAX   = 1 << 24,
};

/* The lines that begin within one SEGMENT_BYTES of the file. */
typedef struct Segment {
        int64_t offset;
        uint64_t n_rows, n_lines; /* then those before it */
} Segment;

typedef struct Text {
        File file;
        char *path;
        char delimiter; /* 0: white space */
        char comments[8];
        bool has_missing;
        double missing;
        DType dtype;
        int64_t begin;      /* after what is skipped; */
        uint64_t n_skipped; /* so many lines */
        uint64_t n_rows, n_columns;
        uint32_t n_segments;
        Segment *segment; /* [n_segments + 1]: the last one is the end */
} Text;

static void text_free(void *userdata) {
        Text *t = userdata;

        if (!t)
                return;
        file_close(&t->file);
        free(t->segment);
        free(t->path);
        free(t);
}

static void text_freep(Text **t) {
        text_free(*t);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------ */

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The line at *at without its comment and the blanks around it; *at becomes the next one's. */
static void next_line(const Text *t, const char **at, const char *end, const char **ret_begin, const char **ret_end) {
        const char *line = *at, *stop = memchr(line, '\n', (size_t) (end - line)) ?: end;

        *at = MIN(stop + 1, end);
        for (const char *c = t->comments; *c; c++)
                stop = memchr(line, *c, (size_t) (stop - line)) ?: stop;
        /* With a delimiter that is a blank, blanks are fields. */
        while (line < stop && is_blank(*line) && *line != t->delimiter)
                line++;
        while (line < stop && is_blank(stop[-1]) && stop[-1] != t->delimiter)
                stop--;
        *ret_begin = line;
        *ret_end   = stop;
}

/* The next field of a row; *at is NULL behind the last one. */
static void next_field(const Text *t, const char **at, const char *end, const char **ret_begin, const char **ret_end) {
        const char *begin = *at, *stop;

        if (t->delimiter) {
                stop = memchr(begin, t->delimiter, (size_t) (end - begin)) ?: end;
                *at  = stop < end ? stop + 1 : NULL;
        } else {
                for (stop = begin; stop < end && !is_blank(*stop); stop++)
                        ;
                for (*at = stop; *at < end && is_blank(**at); (*at)++)
                        ;
                *at = *at < end ? *at : NULL;
        }
        while (begin < stop && is_blank(*begin))
                begin++;
        while (begin < stop && is_blank(stop[-1]))
                stop--;
        *ret_begin = begin;
        *ret_end   = stop;
}

/* ---- Looking through -------------------------------------------------------------------------------------------- */

typedef struct Look {
        Text *text;
        _Atomic bool failed;
        pthread_mutex_t lock; /* of the rest */
        int r;
        Error err;
} Look;

static void look_failed(Look *l, int r, const Error *err) {
        pthread_mutex_lock(&l->lock);
        if (l->r == 0) {
                l->r   = r;
                l->err = *err;
        }
        atomic_store(&l->failed, true);
        pthread_mutex_unlock(&l->lock);
}

/* Where the first line begins that does so at `at` or later. */
static int line_after(const Text *t, int64_t at, int64_t *ret, Error *err) {
        char look[LOOK_BYTES];
        int64_t from = at - 1;

        while (from < t->file.size_bytes) {
                const size_t n = (size_t) MIN(t->file.size_bytes - from, (int64_t) sizeof(look));
                const char *end;
                int r = file_read(&t->file, t->path, look, n, from, err);

                if (r < 0)
                        return r;
                end = memchr(look, '\n', n);
                if (end) {
                        *ret = from + (end - look) + 1;
                        return 0;
                }
                from += (int64_t) n;
        }
        *ret = t->file.size_bytes;
        return 0;
}

static void look_where(void *userdata, uint32_t k) {
        Look *l   = userdata;
        Error err = {};
        int r     = 0;

        if (k == 0)
                l->text->segment[0].offset = l->text->begin;
        else if (!atomic_load(&l->failed))
                r = line_after(l->text, l->text->begin + (int64_t) k * SEGMENT_BYTES, &l->text->segment[k].offset,
                               &err);
        if (r < 0)
                look_failed(l, r, &err);
}

/* The bytes of a segment, in memory that is the caller's to pages_free(). */
static int segment_read(const Text *t, uint32_t k, char **ret, size_t *ret_bytes, Error *err) {
        const size_t n = (size_t) (t->segment[k + 1].offset - t->segment[k].offset);
        char *data;
        int r;

        if (n > LINE_MAX_)
                return error_set(err, ERROR_VALUE, "'%s' has a line of more than %d bytes", t->path, LINE_MAX_);
        data = pages_alloc(MAX(n, (size_t) 1));
        if (!data)
                return error_oom(err, n);
        r = file_read(&t->file, t->path, data, n, t->segment[k].offset, err);
        if (r < 0) {
                pages_free(data, MAX(n, (size_t) 1));
                return r;
        }
        *ret       = data;
        *ret_bytes = n;
        return 0;
}

static void look_count(void *userdata, uint32_t k) {
        Look *l    = userdata;
        Segment *s = &l->text->segment[k];
        Error err  = {};
        size_t n;
        char *data;
        int r;

        if (atomic_load(&l->failed))
                return;
        r = segment_read(l->text, k, &data, &n, &err);
        if (r < 0) {
                look_failed(l, r, &err);
                return;
        }
        for (const char *at = data, *end = data + n; at < end; s->n_lines++) {
                const char *line, *stop;

                next_line(l->text, &at, end, &line, &stop);
                s->n_rows += line < stop;
        }
        pages_free(data, MAX(n, (size_t) 1));
}

/* Where the rows are. */
static int look_through(Text *t, Error *err) {
        Look look        = { .text = t, .lock = PTHREAD_MUTEX_INITIALIZER };
        const uint64_t n = (uint64_t) (t->file.size_bytes - t->begin) / SEGMENT_BYTES + 1;
        uint64_t rows = 0, lines = t->n_skipped;

        if (n > UINT32_MAX)
                return error_set(err, ERROR_VALUE, "'%s' is too large", t->path);
        t->n_segments = (uint32_t) n;
        t->segment    = calloc(n + 1, sizeof(*t->segment));
        if (!t->segment)
                return error_oom(err, n * sizeof(*t->segment));
        t->segment[n].offset = t->file.size_bytes;
        parallel_each((uint32_t) n, look_where, &look);
        if (look.r == 0)
                parallel_each((uint32_t) n, look_count, &look);
        if (look.r < 0) {
                if (err)
                        *err = look.err;
                return look.r;
        }
        for (uint32_t k = 0; k <= n; k++) {
                Segment *s          = &t->segment[k];
                const Segment count = *s;

                s->n_rows  = rows;
                s->n_lines = lines;
                rows += count.n_rows;
                lines += count.n_lines;
        }
        t->n_rows = rows;
        return 0;
}

static int skip_lines(Text *t, uint64_t n, Error *err) {
        for (; t->n_skipped < n && t->begin < t->file.size_bytes; t->n_skipped++) {
                int r = line_after(t, t->begin + 1, &t->begin, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* As many columns as the first row has fields. */
static int look_at_first(Text *t, Error *err) {
        const char *at, *end, *line = NULL, *stop = NULL, *from, *to;
        uint32_t k = 0;
        char *data;
        size_t n;
        int r;

        while (t->segment[k + 1].n_rows == 0)
                k++;
        r = segment_read(t, k, &data, &n, err);
        if (r < 0)
                return r;
        for (at = data, end = data + n; at < end && line == stop;)
                next_line(t, &at, end, &line, &stop);
        for (at = line; at && t->n_columns <= COLUMNS_MAX; t->n_columns++)
                next_field(t, &at, stop, &from, &to);
        pages_free(data, MAX(n, (size_t) 1));
        return t->n_columns <= COLUMNS_MAX
                       ? 0
                       : error_set(err, ERROR_VALUE, "'%s' has more than %d columns", t->path, COLUMNS_MAX);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static int bad_field(const Text *t, uint64_t line, uint64_t column, const char *from, const char *to, Error *err) {
        return error_set(err, ERROR_VALUE, "'%s', line %" PRIu64 ", column %" PRIu64 ": '%.*s' is no %s", t->path,
                         line + 1, column + 1, (int) MIN(to - from, 40), from, dtype_name(t->dtype));
}

/* The columns of the box, of one row. */
static int read_row(const Text *t, const char *line, const char *stop, uint64_t number, const Box *box, char *to,
                    Error *err) {
        const size_t size = dtype_size(t->dtype);
        uint64_t column   = 0;

        for (const char *at = line; at; column++) {
                const char *from, *end;

                next_field(t, &at, stop, &from, &end);
                if (column < (uint64_t) box->lo[1] || column >= (uint64_t) box->hi[1])
                        continue;
                if (!number_of(from, end, t->dtype, to)) {
                        Scalar missing;

                        if (!t->has_missing)
                                return bad_field(t, number, column, from, end, err);
                        missing = scalar_from_f64(t->dtype, t->missing);
                        memcpy(to, missing.bytes, size);
                }
                to += size;
        }
        if (column != t->n_columns)
                return error_set(err, ERROR_VALUE,
                                 "'%s', line %" PRIu64 ": %" PRIu64 " columns, where the first row has %" PRIu64,
                                 t->path, number + 1, column, t->n_columns);
        return 0;
}

/* Those rows of the segment that are in the box. */
static int read_segment(const Text *t, uint32_t k, const Box *box, char *to, Error *err) {
        const size_t row_bytes = (size_t) (box->hi[1] - box->lo[1]) * dtype_size(t->dtype);
        uint64_t row = t->segment[k].n_rows, number = t->segment[k].n_lines;
        char *data;
        size_t n;
        int r = segment_read(t, k, &data, &n, err);

        if (r < 0)
                return r;
        for (const char *at = data, *end = data + n; at < end && r == 0 && row < (uint64_t) box->hi[0]; number++) {
                const char *line, *stop;

                next_line(t, &at, end, &line, &stop);
                if (line == stop)
                        continue;
                if (row >= (uint64_t) box->lo[0])
                        r = read_row(t, line, stop, number, box, to + (row - (uint64_t) box->lo[0]) * row_bytes, err);
                row++;
        }
        pages_free(data, MAX(n, (size_t) 1));
        if (r == 0 && row < MIN(t->segment[k + 1].n_rows, (uint64_t) box->hi[0]))
                return error_set(err, ERROR_VALUE, "'%s' was changed since it was loaded", t->path);
        return r;
}

static int text_read(void *userdata, const Box *box, char *to, Error *err) {
        const Text *t = userdata;
        uint32_t lo = 0, hi = t->n_segments;
        int r = 0;

        while (hi - lo > 1) { /* the last segment whose first row is not behind the box's */
                const uint32_t middle = lo + (hi - lo) / 2;

                if (t->segment[middle].n_rows <= (uint64_t) box->lo[0])
                        lo = middle;
                else
                        hi = middle;
        }
        for (; r == 0 && lo < t->n_segments && t->segment[lo].n_rows < (uint64_t) box->hi[0]; lo++)
                r = read_segment(t, lo, box, to, err);
        return r;
}

/* ---- Loading ---------------------------------------------------------------------------------------------------- */

static int read_options(Text *t, const mars_text_options *o, Error *err) {
        if ((unsigned) o->dtype >= _DTYPE_MAX || dtype_kind((DType) o->dtype) == KIND_BOOL ||
            dtype_kind((DType) o->dtype) == KIND_COMPLEX)
                return error_set(err, ERROR_TYPE, "a text is read as integers or floats, not as %s",
                                 mars_dtype_name(o->dtype) ?: "?");
        if (o->delimiter && (strlen(o->delimiter) != 1 || *o->delimiter == '\n'))
                return error_set(err, ERROR_VALUE, "the delimiter is one character");
        if (o->comments && strlen(o->comments) >= sizeof(t->comments))
                return error_set(err, ERROR_VALUE, "there are at most %zu characters that begin a comment",
                                 sizeof(t->comments) - 1);
        t->dtype     = (DType) o->dtype;
        t->delimiter = o->delimiter ? *o->delimiter : '\0';
        snprintf(t->comments, sizeof(t->comments), "%s", o->comments ?: "#");
        t->has_missing = o->missing;
        t->missing     = o->missing ? *o->missing : 0;
        return 0;
}

int mars_load_text(mars_tensor **ret, const char *path, const mars_text_options *options, const int64_t *chunk_size,
                   size_t n_chunk_size, mars_error *error) {
        static const mars_text_options defaults = { .dtype = MARS_FLOAT64, .max_rows = -1 };
        _cleanup_(text_freep) Text *t           = calloc(1, sizeof(*t));
        Error *err                              = error_of(error);
        DType dtype;
        Shape shape;
        int r;

        if (!path)
                return error_set(err, ERROR_VALUE, "path is NULL");
        if (!t)
                return error_oom(err, sizeof(*t));
        options = options ?: &defaults;
        t->file = FILE_NONE;
        t->path = strdup(path);
        r       = t->path ? read_options(t, options, err) : error_oom(err, strlen(path));
        if (r == 0)
                r = file_open(&t->file, path, err);
        if (r == 0)
                r = skip_lines(t, options->skip_rows, err);
        if (r == 0)
                r = look_through(t, err);
        if (r == 0 && t->n_rows > 0)
                r = look_at_first(t, err);
        if (r < 0)
                return r;
        if (options->max_rows >= 0)
                t->n_rows = MIN(t->n_rows, (uint64_t) options->max_rows);
        shape = SHAPE((int64_t) t->n_rows, (int64_t) t->n_columns);
        dtype = t->dtype;
        r     = shape_check(&shape, dtype_size(dtype), err);
        if (r < 0)
                return error_prefix(err, r, "'%s'", path);
        return data_from_reader(ret, &shape, dtype,
                                &(DataReader) { .read = text_read, .release = text_free, .userdata = TAKE_PTR(t) },
                                NULL, chunk_size, n_chunk_size, err);
}
