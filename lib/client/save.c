/* SPDX-License-Identifier: Apache-2.0 */
/* Results become .npy files, alone or as members of an archive. Where each element lies in the file is known before,
 * so threads write its runs, gathered from the chunks that they lie in, and in any order. What is large beside the
 * cache is written piece by piece, chunk by chunk. A file has its name when it is whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/execute.h"
#include "client/fetch.h"
#include "client/npy.h"
#include "client/session.h"
#include "io/file.h"
#include "io/zip.h"
#include "tensor/strided.h"

/* ---- Elements --------------------------------------------------------------------------------------------------- */

typedef struct Buffer Buffer;
struct Buffer {
        Buffer *next;
};

typedef struct Save {
        const EnginePin *pin;
        Draft *draft;
        int64_t begin;        /* of the .npy in the file */
        int64_t header_bytes; /* of it: elements follow */
        ZipSum *sum;          /* of the .npy, if it is a member of an archive */
        Tiling runs;
        size_t buffer_bytes;
        pthread_mutex_t lock; /* of the rest */
        Buffer *buffers;      /* not in use */
        int r;
        Error err;
} Save;

/* Bytes of the .npy. */
static int save_write(Save *s, const void *data, size_t bytes, int64_t at, Error *err) {
        const int r = draft_write(s->draft, data, bytes, s->begin + at, err);

        if (r >= 0 && s->sum)
                zip_sum_add(s->sum, data, bytes, (uint64_t) at);
        return r;
}

static Buffer *buffer_take(Save *s) {
        Buffer *b;

        pthread_mutex_lock(&s->lock);
        b = s->buffers;
        if (b)
                s->buffers = b->next;
        pthread_mutex_unlock(&s->lock);
        return b ?: pages_alloc(s->buffer_bytes);
}

static void buffer_put(Save *s, Buffer *b) {
        pthread_mutex_lock(&s->lock);
        b->next    = s->buffers;
        s->buffers = b;
        pthread_mutex_unlock(&s->lock);
}

/* One run of the file: straight from the chunks where they lie so, otherwise through a buffer. */
static int save_box(Save *s, const Box *box, Error *err) {
        const size_t size = dtype_size(s->pin->spec.dtype), bytes = (size_t) box_size(box) * size;
        int64_t stride[MAX_NDIM], at                              = 0;
        Shape shape = { .ndim = box->ndim };
        Buffer *buffer;
        int r;

        strided_of_shape(&s->pin->spec.shape, size, stride);
        for (int k = 0; k < box->ndim; k++)
                at += box->lo[k] * stride[k];
        if (s->pin->contiguous)
                return save_write(s, s->pin->contiguous + at, bytes, s->header_bytes + at, err);

        buffer = buffer_take(s);
        if (!buffer)
                return error_oom(err, s->buffer_bytes);
        for (int k = 0; k < box->ndim; k++)
                shape.dim[k] = box->hi[k] - box->lo[k];
        strided_of_shape(&shape, size, stride);
        pin_read(s->pin, box, (char *) buffer, stride);
        r = save_write(s, buffer, bytes, s->header_bytes + at, err);
        buffer_put(s, buffer);
        return r;
}

static void save_failed(Save *s, int r, const Error *err) {
        pthread_mutex_lock(&s->lock);
        if (s->r == 0)
                s->err = *err;
        s->r = r;
        pthread_mutex_unlock(&s->lock);
}

static void save_run(void *userdata, uint32_t k) {
        Save *s = userdata;
        Error err;
        Box box;
        int r;

        pthread_mutex_lock(&s->lock);
        r = s->r;
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
                return; /* what failed has failed */
        tiling_box(&s->runs, k, &box);
        r = save_box(s, &box, &err);
        if (r < 0)
                save_failed(s, r, &err);
}

/* The part of the file that a chunk is, row by row as far as it does not lie in one piece there. */
static int save_chunk_rows(Save *s, const Box *box, const char *from, Error *err) {
        const Shape *shape = &s->pin->spec.shape;
        int64_t stride[MAX_NDIM], at[MAX_NDIM];
        int axis = box->ndim; /* from here on the chunk is whole: what lies before is written by itself */
        size_t bytes;
        int r = 0;

        strided_of_shape(shape, dtype_size(s->pin->spec.dtype), stride);
        while (axis > 0 && box->lo[axis - 1] == 0 && box->hi[axis - 1] == shape->dim[axis - 1])
                axis--;
        axis  = MAX(axis - 1, 0);
        bytes = dtype_size(s->pin->spec.dtype);
        for (int k = axis; k < box->ndim; k++)
                bytes *= (size_t) (box->hi[k] - box->lo[k]);
        memcpy(at, box->lo, sizeof(at));
        while (r == 0) {
                int64_t offset = s->header_bytes;
                int k;

                for (k = 0; k < box->ndim; k++)
                        offset += at[k] * stride[k];
                r = save_write(s, from, bytes, offset, err);
                from += bytes;
                for (k = axis - 1; k >= 0 && ++at[k] == box->hi[k]; k--)
                        at[k] = box->lo[k];
                if (k < 0)
                        break;
        }
        return r;
}

static void save_chunk(void *userdata, uint32_t k) {
        Save *s = userdata;
        Error err;
        Box box;
        int r;

        tiling_box(&s->pin->tiling, s->pin->first + k, &box);
        r = box_size(&box) > 0 ? save_chunk_rows(s, &box, s->pin->data[k], &err) : 0;
        if (r < 0)
                save_failed(s, r, &err);
}

static int save_piece(void *userdata, const EnginePin *pin, Error *err) {
        Save *s = userdata;

        s->pin = pin;
        engine_each(pin->engine, (uint32_t) pin->n_chunks, save_chunk, s);
        if (s->r < 0 && err)
                *err = s->err;
        return s->r;
}

static int save_elements(Save *s, Error *err) {
        const uint64_t n_runs = tiling_n_chunks(&s->runs);
        Box box;

        tiling_box(&s->runs, 0, &box); /* none is larger */
        s->buffer_bytes = MAX((size_t) box_size(&box) * dtype_size(s->pin->spec.dtype), sizeof(Buffer));
        engine_each(s->pin->engine, (uint32_t) n_runs, save_run, s);
        while (s->buffers) {
                Buffer *next = s->buffers->next;

                pages_free(s->buffers, s->buffer_bytes);
                s->buffers = next;
        }
        if (s->r < 0 && err)
                *err = s->err;
        return s->r;
}

/* ---- Files ------------------------------------------------------------------------------------------------------ */

/* A tensor that is written: what keeps it, and the header of its .npy. */
typedef struct Saved {
        Engine *engine;
        Result *result;
        const Spec *spec;
        char header[NPY_WRITE_MAX];
        size_t header_bytes, size_bytes;
} Saved;

static void saved_clear(Saved *saved) {
        result_unref(saved->result);
}

static int saved_find(mars_session *session, mars_tensor *tensor, Saved *ret, Error *err) {
        const Tiling *tiling;
        int r = find_tensor(session, tensor, &ret->engine, &ret->result, err);

        if (r == 0)
                r = engine_says(engine_tensor(ret->engine, ret->result->id, &ret->spec, &tiling, err), err);
        if (r < 0)
                return r;
        ret->header_bytes = npy_print(tensor->dtype, &ret->spec->shape, ret->header);
        ret->size_bytes   = ret->header_bytes + (size_t) shape_size(&ret->spec->shape) * dtype_size(ret->spec->dtype);
        return 0;
}

/* The .npy, from `begin` of the file on. */
static int saved_write(const Saved *saved, Draft *draft, int64_t begin, ZipSum *sum, Error *err) {
        _cleanup_(engine_unpinp) EnginePin *pin = NULL;
        Save save                               = { .draft        = draft,
                                                    .begin        = begin,
                                                    .header_bytes = (int64_t) saved->header_bytes,
                                                    .sum          = sum,
                                                    .lock         = PTHREAD_MUTEX_INITIALIZER };
        int r                                   = save_write(&save, saved->header, saved->header_bytes, 0, err);

        if (r < 0 || shape_size(&saved->spec->shape) == 0)
                return r;
        if (goes_in_pieces(saved->engine, saved->spec) &&
            engine_pin_here(saved->engine, saved->result->id, true, &pin, NULL) != 0)
                return each_piece(saved->engine, saved->result->id, NULL, save_piece, &save, err);
        if (!pin)
                r = engine_says(engine_pin(saved->engine, saved->result->id, &pin, err), err);
        save.pin  = pin;
        save.runs = tiling_auto(&saved->spec->shape, saved->spec->dtype);
        return r < 0 ? r : save_elements(&save, err);
}

int mars_save_npy(mars_session *session, mars_tensor *tensor, const char *path, mars_error *err) {
        _cleanup_(saved_clear) Saved saved  = {};
        _cleanup_(draft_freep) Draft *draft = NULL;
        int r;

        if (!path || !tensor)
                return error_set(error_of(err), ERROR_VALUE, "%s is NULL", path ? "the tensor" : "path");
        r = mars_execute(session, 1, &tensor, err);
        if (r == 0)
                r = saved_find(session, tensor, &saved, error_of(err));
        if (r == 0)
                r = draft_new(&draft, path, (int64_t) saved.size_bytes, error_of(err));
        if (r == 0)
                r = saved_write(&saved, draft, 0, NULL, error_of(err));
        return r < 0 ? r : draft_publish(draft, error_of(err));
}

/* ---- Archives --------------------------------------------------------------------------------------------------- */

typedef struct Archive {
        size_t n;
        Saved *saved;
        ZipMember *member;
        char **name; /* with .npy */
} Archive;

static void archive_clear(Archive *a) {
        for (size_t k = 0; k < a->n; k++) {
                if (a->saved)
                        saved_clear(&a->saved[k]);
                if (a->name)
                        free(a->name[k]);
        }
        free(a->saved);
        free(a->member);
        free(a->name);
}

static int archive_find(Archive *a, mars_session *session, size_t n, const char *const *names,
                        mars_tensor *const *tensors, Error *err) {
        a->n      = n;
        a->saved  = calloc(n + 1, sizeof(*a->saved));
        a->member = calloc(n + 1, sizeof(*a->member));
        a->name   = calloc(n + 1, sizeof(*a->name));
        if (!a->saved || !a->member || !a->name)
                return error_oom(err, (n + 1) * (sizeof(*a->saved) + sizeof(*a->member)));
        for (size_t k = 0; k < n; k++) {
                const int r = saved_find(session, tensors[k], &a->saved[k], err);

                if (r < 0)
                        return error_prefix(err, r, "'%s'", names[k]);
                if (asprintf(&a->name[k], "%s.npy", names[k]) < 0) {
                        a->name[k] = NULL;
                        return error_oom(err, strlen(names[k]));
                }
                a->member[k] = (ZipMember) { .name = a->name[k], .size_bytes = a->saved[k].size_bytes };
        }
        return 0;
}

static int archive_write(Archive *a, Draft *draft, Error *err) {
        for (size_t k = 0; k < a->n; k++) {
                ZipMember *m                  = &a->member[k];
                const size_t header_bytes     = (size_t) (m->content - m->header);
                _cleanup_(freep) char *header = malloc(header_bytes);
                ZipSum sum;
                int r;

                if (!header)
                        return error_oom(err, header_bytes);
                zip_sum_init(&sum, m->size_bytes);
                r = saved_write(&a->saved[k], draft, (int64_t) m->content, &sum, err);
                if (r < 0)
                        return error_prefix(err, r, "'%s'", m->name);
                m->sum = sum.sum;
                zip_print_header(m, header);
                r = draft_write(draft, header, header_bytes, (int64_t) m->header, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

int mars_save_npz(mars_session *session, size_t n, const char *const *names, mars_tensor *const *tensors,
                  const char *path, mars_error *err) {
        _cleanup_(archive_clear) Archive archive = {};
        _cleanup_(draft_freep) Draft *draft      = NULL;
        _cleanup_(freep) char *directory         = NULL;
        uint64_t size_bytes                      = 0;
        size_t bytes;
        int r = 0;

        if (!path || (n > 0 && (!names || !tensors)))
                return error_set(error_of(err), ERROR_VALUE, "%s", path ? "names or tensors are NULL" : "path is NULL");
        for (size_t k = 0; k < n; k++)
                if (!names[k] || !tensors[k])
                        return error_set(error_of(err), ERROR_VALUE, "the %s of member %zu is NULL",
                                         names[k] ? "tensor" : "name", k);
        if (n > 0)
                r = mars_execute(session, n, tensors, err);
        if (r == 0)
                r = archive_find(&archive, session, n, names, tensors, error_of(err));
        if (r == 0)
                r = zip_place(archive.member, n, &size_bytes, error_of(err));
        if (r == 0)
                r = draft_new(&draft, path, (int64_t) size_bytes, error_of(err));
        if (r == 0)
                r = archive_write(&archive, draft, error_of(err));
        if (r < 0)
                return r;
        bytes     = zip_directory_bytes(archive.member, n);
        directory = malloc(bytes);
        if (!directory)
                return error_oom(error_of(err), bytes);
        zip_print_directory(archive.member, n, directory);
        r = draft_write(draft, directory, bytes, (int64_t) (size_bytes - bytes), error_of(err));
        return r < 0 ? r : draft_publish(draft, error_of(err));
}
