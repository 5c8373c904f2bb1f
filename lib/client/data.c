/* SPDX-License-Identifier: Apache-2.0 */
/* A file stays a name until it is computed: then it is opened again and must be what it was. Small ones, and those
 * whose bytes are not our elements (big-endian, booleans, odd addresses), are read into memory; large ones are
 * mapped, so that a file may be larger than memory. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "client/data.h"
#include "client/expr.h"
#include "client/parallel.h"
#include "client/times.h"
#include "io/file.h"
#include "tensor/strided.h"

enum {
        PIECE_BYTES  = 4 << 20,  /* one call of a copying thread */
        MAP_BYTES    = 64 << 20, /* smaller files are read: as fast, and nobody can shorten them under us */
};

typedef enum DataKind { DATA_MEMORY, DATA_LENT, DATA_MAPPED, DATA_FILE, DATA_READER } DataKind;

struct Data {
        _Atomic uint32_t n_ref;
        DataKind kind;
        Spec spec;
        Tiling tiling;
        Arena *arena;            /* of explicit cuts; or NULL */
        size_t size_bytes;
        const char *bytes;       /* all chunks, one after the other; not of a file */
        void (*release)(void *userdata); /* lent memory */
        void *userdata;
        FileMap map;
        char *path;              /* of a file */
        File file;               /* what it was when it was loaded; not open */
        NpyHeader header;
        DataReader reader;
};

Data *data_ref(Data *data) {
        atomic_fetch_add_explicit(&data->n_ref, 1, memory_order_relaxed);
        return data;
}

Data *data_unref(Data *data) {
        if (!data || atomic_fetch_sub(&data->n_ref, 1) > 1)
                return NULL;
        switch (data->kind) {
        case DATA_MEMORY:
                pages_free((char *) data->bytes, data->size_bytes);
                break;
        case DATA_LENT:
                if (data->release)
                        data->release(data->userdata);
                break;
        case DATA_MAPPED:
                file_unmap(&data->map);
                break;
        case DATA_FILE:
                free(data->path);
                break;
        case DATA_READER:
                data->reader.release(data->reader.userdata);
                break;
        }
        arena_free(data->arena);
        free(data);
        return NULL;
}

const Tiling *data_tiling(const Data *data) {
        return &data->tiling;
}

bool data_negative(const Data *data) {
        const size_t size = dtype_size(data->spec.dtype);

        if (data->kind != DATA_MEMORY || dtype_kind(data->spec.dtype) != KIND_INT)
                return false;
        for (size_t at = size - 1; at < data->size_bytes; at += size)
                if (data->bytes[at] < 0) /* the last byte has the sign */
                        return true;
        return false;
}

static int data_new(Data **ret, DataKind kind, const Spec *spec, Error *err) {
        Data *data = calloc(1, sizeof(*data));

        if (!data)
                return error_oom(err, sizeof(*data));
        data->n_ref      = 1;
        data->kind       = kind;
        data->spec       = *spec;
        data->size_bytes = (size_t) shape_size(&spec->shape) * dtype_size(spec->dtype);
        *ret             = data;
        return 0;
}

static int data_cut(Data *data, const int64_t *chunk_size, size_t n_chunk_size, Error *err) {
        assert(data);
        if (!chunk_size || n_chunk_size == 0) {
                data->tiling = tiling_auto(&data->spec.shape, data->spec.dtype);
                return 0;
        }
        if (n_chunk_size > UINT32_MAX)
                return error_set(err, ERROR_VALUE, "chunk_size has %zu numbers", n_chunk_size);
        data->arena = arena_new();
        if (!data->arena)
                return error_oom(err, sizeof(*data));
        return tiling_parse(data->arena, &data->spec.shape, data->spec.dtype, chunk_size, (uint32_t) n_chunk_size,
                            &data->tiling, err);
}

static int check_array(mars_dtype dtype, unsigned ndim, const int64_t *shape, Spec *ret, Error *err) {
        if (!type_exists((unsigned) dtype))
                return error_set(err, ERROR_TYPE, "there is no dtype of number %u", (unsigned) dtype);
        if (ndim > MAX_NDIM)
                return error_set(err, ERROR_VALUE, "maximum supported dimension for an ndarray is %d, found %u",
                                 MAX_NDIM, ndim);
        for (unsigned k = 0; k < ndim; k++)
                if (shape[k] < 0)
                        return error_set(err, ERROR_VALUE, "negative dimensions are not allowed");
        *ret = (Spec) { .dtype = type_dtype((unsigned) dtype), .shape = shape_of((int) ndim, shape) };
        return shape_check(&ret->shape, dtype_size(ret->dtype), err);
}

/* The expression that begins with the data; takes the data over. `type` is what its integers are to the user. */
static int data_expr(mars_tensor **ret, Data *data, unsigned type, Error *err) {
        Expr *e;
        int r = expr_new_leaf(&e, EXPR_DATA, &data->spec, err);

        if (r < 0) {
                data_unref(data);
                return r;
        }
        e->data         = data;
        e->out[0].dtype = (uint8_t) type;
        *ret            = &e->out[0];
        return 0;
}

/* ---- Memory ----------------------------------------------------------------------------------------------------- */

typedef struct Copy {
        const Data *data;
        const char *from;
        int64_t stride[MAX_NDIM];
        uint32_t n_split;  /* pieces of each chunk, along axis 0 */
        int64_t *offset;   /* of each chunk, in elements */
} Copy;

/* Bytes other than 0 and 1 are no booleans in C. */
static void make_bools(char *data, size_t n) {
        for (size_t i = 0; i < n; i++)
                data[i] = data[i] != 0;
}

static void copy_piece(void *userdata, uint32_t k) {
        const Copy *c       = userdata;
        const uint32_t part = k % c->n_split, chunk = k / c->n_split;
        const size_t size   = dtype_size(c->data->spec.dtype);
        int64_t dst_stride[MAX_NDIM];
        Shape shape = { .ndim = c->data->spec.shape.ndim };
        const char *from = c->from;
        Box box;
        char *to;

        tiling_box(&c->data->tiling, chunk, &box);
        for (int i = 0; i < box.ndim; i++)
                shape.dim[i] = box.hi[i] - box.lo[i];
        strided_of_shape(&shape, size, dst_stride);
        to = (char *) c->data->bytes + (size_t) c->offset[chunk] * size;
        if (box.ndim > 0) {
                const int64_t n = shape.dim[0], lo = n / c->n_split * part + MIN(n % c->n_split, (int64_t) part);

                shape.dim[0] = n / c->n_split + ((int64_t) part < n % c->n_split);
                box.lo[0] += lo;
                to += lo * dst_stride[0];
        }
        for (int i = 0; i < box.ndim; i++)
                from += box.lo[i] * c->stride[i];
        strided_copy(to, dst_stride, from, c->stride, &shape, size);
        if (c->data->spec.dtype == DTYPE_BOOL)
                make_bools(to, (size_t) shape_size(&shape));
}

static int data_copy(Data *data, const char *from, const int64_t *strides, Error *err) {
        const uint64_t n_chunks = tiling_n_chunks(&data->tiling);
        _cleanup_(freep) int64_t *offset = NULL;
        char *bytes = pages_alloc(data->size_bytes);
        Copy copy   = { .data = data, .from = from, .n_split = 1 };
        int64_t at  = 0;

        if (!bytes)
                return error_oom(err, data->size_bytes);
        data->bytes = bytes;
        if (data->size_bytes == 0)
                return 0;
        if (n_chunks > MAX_PLAN_CHUNKS)
                return error_set(err, ERROR_VALUE, "%llu chunks (at most %d)", (unsigned long long) n_chunks,
                                 MAX_PLAN_CHUNKS);
        copy.offset = offset = malloc(n_chunks * sizeof(*offset));
        if (!offset)
                return error_oom(err, n_chunks * sizeof(*offset));
        for (uint64_t k = 0; k < n_chunks; k++) {
                Box box;

                tiling_box(&data->tiling, k, &box);
                offset[k] = at;
                at += box_size(&box);
        }
        if (strides)
                memcpy(copy.stride, strides, (size_t) data->spec.shape.ndim * sizeof(*strides));
        else
                strided_of_shape(&data->spec.shape, dtype_size(data->spec.dtype), copy.stride);
        if (data->size_bytes < 2 * PIECE_BYTES) {
                for (uint32_t k = 0; k < n_chunks; k++)
                        copy_piece(&copy, k);
                return 0;
        }
        if (data->spec.shape.ndim > 0 && n_chunks < 1024)
                copy.n_split = (uint32_t) MIN(data->size_bytes / n_chunks / PIECE_BYTES + 1, (size_t) 1 << 16);
        parallel_each((uint32_t) n_chunks * copy.n_split, copy_piece, &copy);
        return 0;
}

int mars_from_memory(mars_tensor **ret, const void *data, mars_dtype dtype, unsigned ndim, const int64_t *shape,
                     const int64_t *strides, const int64_t *chunk_size, size_t n_chunk_size, mars_error *err) {
        _cleanup_(data_unrefp) Data *d = NULL;
        Spec spec;
        int r;

        r = check_array(dtype, ndim, shape, &spec, error_of(err));
        if (r < 0)
                return r;
        if (!data && (ndim == 0 || shape_size(&spec.shape) > 0))
                return error_set(error_of(err), ERROR_VALUE, "data is NULL");
        if (ndim == 0) {
                mars_scalar value = { .dtype = (int) dtype };

                memcpy(value.bytes, data, dtype_size(spec.dtype));
                return mars_scalar_strong(ret, value, err);
        }
        r = data_new(&d, DATA_MEMORY, &spec, error_of(err));
        if (r < 0)
                return r;
        r = data_cut(d, chunk_size, n_chunk_size, error_of(err));
        if (r < 0)
                return r;
        r = data_copy(d, data, strides, error_of(err));
        if (r < 0)
                return r;
        return data_expr(ret, TAKE_PTR(d), (unsigned) dtype, error_of(err));
}

int mars_lend_memory(mars_tensor **ret, const void *data, mars_dtype dtype, unsigned ndim, const int64_t *shape,
                     const int64_t *chunk_size, size_t n_chunk_size, void (*release)(void *userdata), void *userdata,
                     mars_error *err) {
        _cleanup_(data_unrefp) Data *d = NULL;
        Spec spec;
        int64_t n;
        int r;

        r = check_array(dtype, ndim, shape, &spec, error_of(err));
        if (r < 0)
                return r;
        n = shape_size(&spec.shape);
        if (!data && n > 0)
                return error_set(error_of(err), ERROR_VALUE, "data is NULL");
        if ((uintptr_t) data % MIN(dtype_size(spec.dtype), (size_t) 8) != 0)
                return error_set(error_of(err), ERROR_VALUE, "data is not aligned to its elements");
        r = data_new(&d, DATA_LENT, &spec, error_of(err));
        if (r < 0)
                return r;
        r = data_cut(d, chunk_size, n_chunk_size, error_of(err));
        if (r < 0)
                return r;
        if (!tiling_is_rows(&d->tiling))
                return error_set(error_of(err), ERROR_VALUE, "lent memory can be cut along leading axes only, so that "
                                                             "every chunk is one run of it");
        for (int64_t i = 0; spec.dtype == DTYPE_BOOL && i < n; i++)
                if (((const unsigned char *) data)[i] > 1)
                        return error_set(error_of(err), ERROR_VALUE, "byte %" PRId64 " of the booleans is %u", i,
                                         ((const unsigned char *) data)[i]);
        r = data_expr(ret, data_ref(d), (unsigned) dtype, error_of(err));
        if (r < 0)
                return r;
        d->bytes    = data; /* only now is the caller's memory ours to release */
        d->release  = release;
        d->userdata = userdata;
        return 0;
}

/* ---- .npy files ------------------------------------------------------------------------------------------------- */

/* The header of what lies in `part_bytes` from `offset` on, and whether the elements are all there. */
static int read_header(const File *file, const char *path, int64_t offset, int64_t part_bytes, NpyHeader *ret,
                       Error *err) {
        const size_t size = (size_t) MIN(part_bytes, (int64_t) NPY_HEADER_MAX);
        _cleanup_(freep) uint8_t *head = malloc(size + 1);
        int r;

        if (!head)
                return error_oom(err, size);
        r = file_read(file, path, head, size, offset, err);
        if (r < 0)
                return r;
        r = npy_parse(head, size, ret, err);
        if (r < 0)
                return error_prefix(err, r, "'%s'", path);
        if (ret->data_bytes > part_bytes - ret->data_offset)
                return error_set(err, ERROR_VALUE, "'%s' is truncated: its header promises %lld bytes of elements, "
                                                   "%lld are there", path, (long long) ret->data_bytes,
                                 (long long) (part_bytes - ret->data_offset));
        ret->data_offset += offset;
        return 0;
}

/* The view that turns the axes of `in` around: a file in Fortran order is the transpose of one in C order. */
static int reverse_axes(mars_tensor **ret, mars_tensor *in, mars_error *err) {
        const size_t n = in->ndim;
        int64_t shape[MAX_NDIM], axis[MAX_NDIM], start[MAX_NDIM], step[MAX_NDIM];
        const mars_param params[] = {
                { .name = "shape", .kind = MARS_PARAM_DIMS, .dims = shape, .n = n },
                { .name = "axis", .kind = MARS_PARAM_DIMS, .dims = axis, .n = n },
                { .name = "start", .kind = MARS_PARAM_DIMS, .dims = start, .n = n },
                { .name = "step", .kind = MARS_PARAM_DIMS, .dims = step, .n = n },
        };

        for (size_t k = 0; k < n; k++) {
                shape[k] = in->dim[n - 1 - k];
                axis[k]  = (int64_t) (n - 1 - k);
                start[k] = 0;
                step[k]  = 1;
        }
        return mars_op1(ret, "view", 1, &in, params, ELEMENTSOF(params), err);
}

static int rechunk(mars_tensor **ret, mars_tensor *in, const int64_t *chunk_size, size_t n, mars_error *err) {
        const mars_param param = { .name = "chunk_size", .kind = MARS_PARAM_DIMS, .dims = chunk_size, .n = n };

        return mars_op1(ret, "rechunk", 1, &in, &param, 1, err);
}

int mars_load_npy(mars_tensor **ret, const char *path, const int64_t *chunk_size, size_t n_chunk_size,
                  mars_error *err) {
        return mars_load_npy_part(ret, path, 0, UINT64_MAX, chunk_size, n_chunk_size, err);
}

int mars_load_npy_part(mars_tensor **ret, const char *path, uint64_t offset, uint64_t size_bytes,
                       const int64_t *chunk_size, size_t n_chunk_size, mars_error *err) {
        _cleanup_(tensor_unrefp) mars_tensor *whole = NULL, *turned = NULL;
        _cleanup_(data_unrefp) Data *d = NULL;
        _cleanup_(file_close) File file = FILE_NONE;
        bool reversed, cut = false;
        NpyHeader header;
        Spec spec;
        int r;

        if (!path)
                return error_set(error_of(err), ERROR_VALUE, "path is NULL");
        r = file_open(&file, path, error_of(err));
        if (r < 0)
                return r;
        if (offset > (uint64_t) file.size_bytes ||
            (size_bytes != UINT64_MAX && size_bytes > (uint64_t) file.size_bytes - offset))
                return error_set(error_of(err), ERROR_VALUE, "'%s' ends before the part that is to be read", path);
        size_bytes = MIN(size_bytes, (uint64_t) file.size_bytes - offset);
        r          = read_header(&file, path, (int64_t) offset, (int64_t) size_bytes, &header, error_of(err));
        if (r < 0)
                return r;

        reversed = header.fortran_order && header.shape.ndim > 1;
        spec     = (Spec) { .dtype = type_dtype(header.type), .shape = header.shape };
        for (int k = 0; reversed && k < header.shape.ndim; k++)
                spec.shape.dim[k] = header.shape.dim[header.shape.ndim - 1 - k];
        r = data_new(&d, DATA_FILE, &spec, error_of(err));
        if (r < 0)
                return r;
        d->header  = header;
        d->file    = file;
        d->file.fd = -1;
        d->path    = strdup(path);
        if (!d->path)
                return error_oom(error_of(err), strlen(path));

        /* Only cuts along leading axes are runs of the file; others are made of such. */
        if (chunk_size && !reversed) {
                r = data_cut(d, chunk_size, n_chunk_size, error_of(err));
                if (r < 0)
                        return r;
                cut = tiling_is_rows(&d->tiling);
        }
        if (!cut)
                d->tiling = tiling_auto(&spec.shape, spec.dtype);
        r = data_expr(&whole, TAKE_PTR(d), header.type, error_of(err));
        if (r < 0)
                return r;
        if (reversed) {
                r = reverse_axes(&turned, whole, err);
                if (r < 0)
                        return r;
        } else
                turned = TAKE_PTR(whole);
        if (chunk_size && !cut)
                return rechunk(ret, turned, chunk_size, n_chunk_size, err);
        *ret = TAKE_PTR(turned);
        return 0;
}

void elements_swap(char *data, size_t size_bytes, DType dtype) {
        const size_t size = dtype_size(dtype) / (dtype_kind(dtype) == KIND_COMPLEX ? 2 : 1);

        for (size_t i = 0; i < size_bytes; i += size) {
                uint64_t v;

                memcpy(&v, data + i, size);
                v = __builtin_bswap64(v) >> (64 - 8 * size);
                memcpy(data + i, &v, size);
        }
}

/* Ours, of bytes of the file. */
static void elements_make(const Data *data, char *bytes, size_t size_bytes) {
        if (data->header.swap)
                elements_swap(bytes, size_bytes, data->spec.dtype);
        if (data->spec.dtype == DTYPE_BOOL)
                make_bools(bytes, size_bytes);
}

typedef struct Reading {
        const Data *data;
        const File *file;
        char *to;
        _Atomic bool failed;
        pthread_mutex_t lock; /* of r, err */
        int r;
        Error *err;
} Reading;

static void read_piece(void *userdata, uint32_t k) {
        Reading *c         = userdata;
        const size_t at = (size_t) k * PIECE_BYTES, n = MIN(c->data->size_bytes - at, (size_t) PIECE_BYTES);
        Error err;
        int r;

        if (atomic_load(&c->failed))
                return;
        r = file_read(c->file, c->data->path, c->to + at, n, c->data->header.data_offset + (int64_t) at, &err);
        if (r < 0) {
                pthread_mutex_lock(&c->lock);
                if (!atomic_load(&c->failed)) {
                        c->r = r;
                        if (c->err)
                                *c->err = err;
                }
                atomic_store(&c->failed, true);
                pthread_mutex_unlock(&c->lock);
                return;
        }
        elements_make(c->data, c->to + at, n);
}

static int data_read(const Data *data, const File *file, Data *ret, Error *err) {
        Reading reading = { .data = data, .file = file, .lock = PTHREAD_MUTEX_INITIALIZER, .err = err };
        const uint64_t n = (data->size_bytes + PIECE_BYTES - 1) / PIECE_BYTES;

        if (n > UINT32_MAX)
                return error_oom(err, data->size_bytes);
        reading.to = pages_alloc(data->size_bytes);
        if (!reading.to)
                return error_oom(err, data->size_bytes);
        ret->bytes = reading.to;
        parallel_each((uint32_t) n, read_piece, &reading);
        return reading.r;
}

static int data_file_open(const Data *data, File *ret, Error *err) {
        int r = file_open(ret, data->path, err);

        if (r == 0 && !file_same(ret, &data->file))
                r = error_set(err, ERROR_VALUE, "'%s' was changed since it was loaded", data->path);
        return r;
}

/* What the file holds now, as data that can be adopted. */
static int data_open(const Data *data, Data **ret, Error *err) {
        _cleanup_(file_close) File file = FILE_NONE;
        _cleanup_(data_unrefp) Data *d  = NULL;
        const NpyHeader *h              = &data->header;
        const size_t align              = MIN(dtype_size(data->spec.dtype), (size_t) 8);
        const bool plain = !h->swap && data->spec.dtype != DTYPE_BOOL && h->data_offset % (int64_t) align == 0;
        int r;

        r = data_file_open(data, &file, err);
        if (r < 0)
                return r;
        r = data_new(&d, plain && data->size_bytes >= MAP_BYTES ? DATA_MAPPED : DATA_MEMORY, &data->spec, err);
        if (r < 0)
                return r;
        d->tiling = data->tiling; /* its cuts belong to `data`, which outlives the adoption */
        if (d->kind == DATA_MAPPED) {
                r        = file_map(&file, data->path, h->data_offset, data->size_bytes, &d->map, err);
                d->bytes = d->map.data;
        } else
                r = data_read(data, &file, d, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* ---- Readers ---------------------------------------------------------------------------------------------------- */

/* Multiples of the unit, about as large as chunks are that are cut automatically. */
static Tiling tiling_of_units(const Shape *shape, DType dtype, const int64_t *unit) {
        Tiling tiling = tiling_auto(shape, dtype);
        int64_t step[MAX_NDIM], n = 1, room;
        Box box;

        tiling_box(&tiling, 0, &box);
        room = box_size(&box);
        for (int k = 0; k < shape->ndim; k++) {
                step[k] = MIN(unit[k], shape->dim[k]);
                n *= step[k]; /* at most the elements of the tensor */
        }
        for (int k = shape->ndim; k-- > 0;) {
                const int64_t before = step[k], times = MAX(room / n, (int64_t) 1);

                step[k] = times < shape->dim[k] / before ? before * times : shape->dim[k];
                n       = n / before * step[k];
                tiling.axis[k] = cuts_regular(shape->dim[k], step[k]);
        }
        return tiling;
}

/* Every chunk has elements, and is made of whole units. */
static bool tiling_has_units(const Tiling *tiling, const int64_t *unit) {
        for (int k = 0; k < tiling->ndim; k++)
                for (uint32_t i = 0; i < tiling->axis[k].n; i++) {
                        const int64_t lo = cuts_edge(&tiling->axis[k], i), hi = cuts_edge(&tiling->axis[k], i + 1);

                        if (lo == hi || (unit && lo % unit[k] != 0))
                                return false;
                }
        return true;
}

/* Without axes or elements there is nothing to wait for. */
static int read_small(mars_tensor **ret, const Shape *shape, unsigned type, const DataReader *reader,
                      const int64_t *chunk_size, size_t n_chunk_size, Error *err) {
        const Box box     = { .ndim = 0 };
        mars_scalar value = { .dtype = (int) type };
        int r             = shape->ndim == 0 ? reader->read(reader->userdata, &box, (char *) value.bytes, err) : 0;

        reader->release(reader->userdata);
        if (r < 0)
                return r;
        return mars_from_memory(ret, value.bytes, (mars_dtype) type, (unsigned) shape->ndim, shape->dim, NULL,
                                chunk_size, n_chunk_size, (mars_error *) err);
}

int data_from_reader(mars_tensor **ret, const Shape *shape, unsigned type, const DataReader *reader,
                     const int64_t *unit, const int64_t *chunk_size, size_t n_chunk_size, Error *err) {
        const Spec spec                             = { .dtype = type_dtype(type), .shape = *shape };
        _cleanup_(tensor_unrefp) mars_tensor *whole = NULL;
        _cleanup_(data_unrefp) Data *d              = NULL;
        bool cut;
        int r;

        if (shape_size(shape) == 0 || shape->ndim == 0)
                return read_small(ret, shape, type, reader, chunk_size, n_chunk_size, err);
        r = data_new(&d, DATA_READER, &spec, err);
        if (r < 0) {
                reader->release(reader->userdata);
                return r;
        }
        d->reader = *reader;
        r         = data_cut(d, chunk_size, n_chunk_size, err);
        if (r < 0)
                return r;
        cut = tiling_has_units(&d->tiling, unit);
        if (!cut || (unit && !chunk_size))
                d->tiling = unit ? tiling_of_units(shape, spec.dtype, unit) : tiling_auto(shape, spec.dtype);
        r = data_expr(&whole, TAKE_PTR(d), type, err);
        if (r < 0)
                return r;
        if (chunk_size && !cut)
                return rechunk(ret, whole, chunk_size, n_chunk_size, (mars_error *) err);
        *ret = TAKE_PTR(whole);
        return 0;
}

typedef struct Foreign {
        mars_read read;
        void (*release)(void *userdata);
        void *userdata;
} Foreign;

static int foreign_read(void *userdata, const Box *box, char *to, Error *err) {
        const Foreign *f = userdata;

        return f->read(f->userdata, box->lo, box->hi, to, (mars_error *) err);
}

static void foreign_release(void *userdata) {
        Foreign *f = userdata;

        if (f->release)
                f->release(f->userdata);
        free(f);
}

int mars_from_reader(mars_tensor **ret, mars_dtype dtype, unsigned ndim, const int64_t *shape, const int64_t *unit,
                     const int64_t *chunk_size, size_t n_chunk_size, mars_read read,
                     void (*release)(void *userdata), void *userdata, mars_error *err) {
        Foreign *foreign = malloc(sizeof(*foreign));
        Spec spec;
        int r = foreign ? check_array(dtype, ndim, shape, &spec, error_of(err))
                        : error_oom(error_of(err), sizeof(*foreign));

        for (unsigned k = 0; unit && k < ndim && r == 0; k++)
                if (unit[k] < 1)
                        r = error_set(error_of(err), ERROR_VALUE, "the unit of axis %u is %" PRId64, k, unit[k]);
        if (r < 0) {
                free(foreign);
                if (release)
                        release(userdata);
                return r;
        }
        *foreign = (Foreign) { .read = read, .release = release, .userdata = userdata };
        return data_from_reader(ret, &spec.shape, (unsigned) dtype,
                                &(DataReader) { .read = foreign_read, .release = foreign_release, .userdata = foreign },
                                unit, chunk_size, n_chunk_size, error_of(err));
}

/* ---- Adoption --------------------------------------------------------------------------------------------------- */

static void release_data(void *userdata) {
        data_unref(userdata);
}

/* Of a file, which is opened for it: it must be what it was. */
static int read_file_chunk(void *userdata, uint64_t chunk, char *to, Error *err) {
        const Data *data                = userdata;
        _cleanup_(file_close) File file = FILE_NONE;
        const size_t size               = dtype_size(data->spec.dtype);
        int64_t at                      = 0;
        size_t n_bytes;
        Box box;
        int r;

        for (uint64_t k = 0; k < chunk; k++) {
                tiling_box(&data->tiling, k, &box);
                at += box_size(&box);
        }
        tiling_box(&data->tiling, chunk, &box);
        n_bytes = (size_t) box_size(&box) * size;
        r       = data_file_open(data, &file, err);
        if (r == 0)
                r = file_read(&file, data->path, to, n_bytes, data->header.data_offset + at * (int64_t) size, err);
        if (r == 0)
                elements_make(data, to, n_bytes);
        return r;
}

static int read_chunk(void *userdata, uint64_t chunk, char *to, Error *err) {
        const Data *data = userdata;
        Box box;
        int r;

        tiling_box(&data->tiling, chunk, &box);
        r = data->reader.read(data->reader.userdata, &box, to, err);
        if (r == 0 && data->spec.dtype == DTYPE_BOOL)
                make_bools(to, (size_t) box_size(&box));
        return r;
}

int data_adopt(Data *data, Engine *engine, TensorId *ret, Error *err) {
        const uint64_t n_chunks = tiling_n_chunks(&data->tiling);
        EngineOrigin again                  = { .read = read_file_chunk, .release = release_data, .userdata = data };
        const bool is_file                  = data->kind == DATA_FILE;
        _cleanup_(data_unrefp) Data *opened = NULL;
        _cleanup_(freep) const char **chunk = NULL;
        const char *at;
        int r;

        if (data->kind == DATA_FILE) {
                r = data_open(data, &opened, err);
                if (r < 0)
                        return r;
                data = opened;
        }
        if (n_chunks > MAX_PLAN_CHUNKS)
                return error_set(err, ERROR_VALUE, "%llu chunks (at most %d)", (unsigned long long) n_chunks,
                                 MAX_PLAN_CHUNKS);
        if (data->kind == DATA_READER)
                return engine_adopt_origin(engine, &data->spec, &data->tiling,
                                           &(EngineOrigin) { .read     = read_chunk,
                                                             .release  = release_data,
                                                             .userdata = data_ref(data) },
                                           ret, err);
        chunk = malloc(n_chunks * sizeof(*chunk));
        if (!chunk)
                return error_oom(err, n_chunks * sizeof(*chunk));
        at = data->bytes;
        for (uint64_t k = 0; k < n_chunks; k++) {
                Box box;

                tiling_box(&data->tiling, k, &box);
                chunk[k] = at;
                at += (size_t) box_size(&box) * dtype_size(data->spec.dtype);
        }
        if (is_file)
                data_ref(again.userdata);
        return engine_adopt(engine, &data->spec, &data->tiling, chunk, release_data, data_ref(data),
                            is_file ? &again : NULL, ret, err);
}
