/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MARS_H
#define MARS_H
/* libmars: chunked, NumPy-compatible tensors. The one installed header.
 *
 *         mars_session *session = NULL;
 *         mars_tensor *a = NULL, *four = NULL, *b = NULL;
 *         double values[25];
 *         mars_error err;
 *
 *         if (mars_session_new(&session, NULL, NULL, &err) < 0 ||
 *             mars_full(&a, MARS_FLOAT64, 2, (int64_t[]) { 5, 5 }, 1.0, &err) < 0 ||
 *             mars_integer(&four, 4, &err) < 0 ||
 *             mars_op1(&b, "multiply", 2, (mars_tensor *[]) { a, four }, NULL, 0, &err) < 0 ||
 *             mars_execute(session, 1, &b, &err) < 0 ||
 *             mars_fetch(session, b, values, NULL, &err) < 0)
 *                 fprintf(stderr, "%s\n", err.text);
 *         mars_tensor_unref(a), mars_tensor_unref(four), mars_tensor_unref(b);
 *         mars_session_unref(session);
 *
 * Tensors are lazy: an operation checks shapes and dtypes at once and computes nothing. mars_execute() computes
 * what it is asked for, all of it together; what lies between is fused away or dropped. The result stays in the
 * session, is not computed again, and may be an input of new operations; it is freed when nobody can ask for it any
 * more: no handle of the tensor is left, and no operation that is not executed itself has it as input.
 *
 * Handles are counted references: functions that make a handle give one reference (mars_tensor_unref gives it
 * back), and take none of those that they are given.
 *
 * Results: functions return 0, or a negative MARS_ERROR_ code with words in *err (err may be NULL; it need not be
 * initialised and means something only after a negative result). Outputs (first argument, ret_…) are set on success
 * only.
 *
 * Threads: all functions may be called from any thread at any time, also on the same tensor or session, as long as
 * each caller holds a reference. A tensor is immutable. Work given to a session from several threads is done
 * together or one after the other; each call returns when its own is done. Call-backs run on whichever thread
 * finished the work, maybe one of the library's, with no lock held: they may call everything here, but what waits
 * inside of one delays others.
 *
 * fork(): the child may build expressions and make sessions of its own; the use of a session that it inherited is
 * refused with MARS_ERROR_CLOSED. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* everything else in libmars is hidden */

#define MARS_VERSION "0.1.0"
#define MARS_MAX_NDIM 32

const char *mars_version(void);

/* ---- Errors
 * ----------------------------------------------------------------------------------------------------- */

/* Negative errno values (a file that is not there: -ENOENT); those with a meaning of their own (the Python
 * exception that they become): */
enum {
        MARS_ERROR_VALUE      = -22,  /* EINVAL: ValueError */
        MARS_ERROR_INDEX      = -34,  /* ERANGE: IndexError */
        MARS_ERROR_AXIS       = -60,  /* ENOSTR: AxisError */
        MARS_ERROR_TYPE       = -91,  /* EPROTOTYPE: TypeError */
        MARS_ERROR_MEMORY     = -12,  /* ENOMEM: MemoryError */
        MARS_ERROR_LINALG     = -33,  /* EDOM: LinAlgError */
        MARS_ERROR_OVERFLOW   = -75,  /* EOVERFLOW: OverflowError */
        MARS_ERROR_CANCELED   = -125, /* ECANCELED: the work was cancelled */
        MARS_ERROR_CLOSED     = -108, /* ESHUTDOWN: the session is closed */
        MARS_ERROR_SUPPORT    = -95,  /* EOPNOTSUPP: NotImplementedError */
        MARS_ERROR_CORRUPT    = -74,  /* EBADMSG: what was read back is not what was written */
        MARS_ERROR_DATA_LOST  = -61,  /* ENODATA: what was given to a cluster is lost there, and here, too: OSError */
        MARS_ERROR_SPILL_FULL = -54,  /* EXFULL: neither memory nor the spill directories have room: MemoryError */
        MARS_ERROR_NO_NAME    = -126, /* ENOKEY: no result has the name: KeyError */
        MARS_ERROR_NAME_TAKEN = -76,  /* ENOTUNIQ: another result has the name: ValueError */
};

typedef struct mars_error {
        int code;
        char text[512];
} mars_error;

/* ---- dtypes and scalars
 * ----------------------------------------------------------------------------------------- */

typedef enum mars_dtype {
        MARS_BOOL, MARS_INT8, MARS_UINT8, MARS_INT16, MARS_UINT16, MARS_INT32, MARS_UINT32, MARS_INT64, MARS_UINT64,
        MARS_FLOAT16, MARS_FLOAT32, MARS_FLOAT64, MARS_COMPLEX64, MARS_COMPLEX128,
        /* Times, counted in a unit: MARS_DATETIME64 + MARS_UNIT_NS is "datetime64[ns]". In memory they are int64; dates
         * count from the beginning of 1970; INT64_MIN is NaT. */
        MARS_TIMEDELTA64 = 0x40, MARS_DATETIME64 = 0x60,
        MARS_DTYPE_NONE = 0xff,
} mars_dtype;

/* MARS_UNIT_GENERIC has no length of its own: it becomes what it meets. */
typedef enum mars_unit {
        MARS_UNIT_GENERIC, MARS_UNIT_Y, MARS_UNIT_M, MARS_UNIT_W, MARS_UNIT_D, MARS_UNIT_H, MARS_UNIT_MIN, MARS_UNIT_S,
        MARS_UNIT_MS, MARS_UNIT_US, MARS_UNIT_NS, MARS_UNIT_PS, MARS_UNIT_FS, MARS_UNIT_AS,
} mars_unit;

size_t mars_dtype_size(mars_dtype dtype);      /* bytes of an element; 0 for an unknown number */
const char *mars_dtype_name(mars_dtype dtype); /* "float64" */
int mars_dtype_from_name(mars_dtype *ret, const char *name, mars_error *err); /* "float64", "f8", "<f8", "M8[ns]" */
mars_dtype mars_promote_types(mars_dtype a, mars_dtype b); /* NEP 50; MARS_DTYPE_NONE: there is none */
bool mars_can_cast(mars_dtype from, mars_dtype to, const char *casting);      /* "safe", "same_kind", … */

/* One value in the representation of its dtype. */
typedef struct mars_scalar {
        int dtype;
        union {
                unsigned char bytes[16];
                bool b;
                int64_t i64;
                uint64_t u64;
                float f32;
                double f64;
                double c128[2];
        };
} mars_scalar;

/* ---- Operators
 * -------------------------------------------------------------------------------------------------- */

typedef enum mars_param_kind {
        MARS_PARAM_BOOL,   /* .i64 0 or 1 */
        MARS_PARAM_I64,    /* .i64 */
        MARS_PARAM_F64,    /* .f64 */
        MARS_PARAM_SCALAR, /* .scalar */
        MARS_PARAM_DTYPE,  /* .i64 a mars_dtype */
        MARS_PARAM_DIMS,   /* .dims, .n */
        MARS_PARAM_TEXT,   /* .text */
} mars_param_kind;

/* A parameter by name. Those left out have their defaults. */
typedef struct mars_param {
        const char *name;
        mars_param_kind kind;
        union {
                int64_t i64;
                double f64;
                const char *text;
                mars_scalar scalar;
                struct {
                        const int64_t *dims;
                        size_t n;
                };
        };
} mars_param;

/* Parameters as expressions: mars_op1(&m, "mean", 1, &x, (mars_param[]) { mars_param_dims("axis", axes, 2) }, 1, &err).
 * What they point to must stay until the call returns. */
static inline mars_param mars_param_bool(const char *name, bool value) {
        mars_param p = { name, MARS_PARAM_BOOL, { value } };

        return p;
}
static inline mars_param mars_param_i64(const char *name, int64_t value) {
        mars_param p = { name, MARS_PARAM_I64, { value } };

        return p;
}
static inline mars_param mars_param_dtype(const char *name, mars_dtype dtype) {
        mars_param p = { name, MARS_PARAM_DTYPE, { (int64_t) dtype } };

        return p;
}
static inline mars_param mars_param_f64(const char *name, double value) {
        mars_param p = { name, MARS_PARAM_F64, { 0 } };

        p.f64 = value;
        return p;
}
static inline mars_param mars_param_text(const char *name, const char *text) {
        mars_param p = { name, MARS_PARAM_TEXT, { 0 } };

        p.text = text;
        return p;
}
static inline mars_param mars_param_scalar(const char *name, mars_scalar value) {
        mars_param p = { name, MARS_PARAM_SCALAR, { 0 } };

        p.scalar = value;
        return p;
}
static inline mars_param mars_param_dims(const char *name, const int64_t *dims, size_t n) {
        mars_param p = { name, MARS_PARAM_DIMS, { 0 } };

        p.dims = dims;
        p.n    = n;
        return p;
}

typedef struct mars_param_info {
        const char *name;
        mars_param_kind kind;
        const char *fallback; /* as Python writes it; NULL: must be given */
        const char *doc;
} mars_param_info;

typedef struct mars_op_info {
        const char *name, *doc, *family, *inputs;
        unsigned n_in, n_out, n_param;
        bool variadic, hidden;
        const mars_param_info *param;
} mars_op_info;

unsigned mars_op_count(void);
/* Description of operator `op`, 0 <= op < mars_op_count(); lives as long as the library. NULL past the end. */
const mars_op_info *mars_op_describe(unsigned op);
int mars_op_find(unsigned *ret, const char *name, mars_error *err);

/* ---- Tensors
 * ---------------------------------------------------------------------------------------------------- */

typedef struct mars_tensor mars_tensor;
typedef struct mars_session mars_session;
typedef struct mars_future mars_future;

mars_tensor *mars_tensor_ref(mars_tensor *tensor);
mars_tensor *mars_tensor_unref(mars_tensor *tensor); /* NULL is fine; returns NULL */

/* An operation: ret receives n_out handles (mars_op_info). `op` is the operator's number; mars_op1() takes its
 * name and returns the first output only. Everything that can be wrong with shapes, dtypes and parameters is wrong
 * here. */
int mars_op(mars_tensor **ret, unsigned op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
            size_t n_params, mars_error *err);
int mars_op1(mars_tensor **ret, const char *op, unsigned n_in, mars_tensor *const *in, const mars_param *params,
             size_t n_params, mars_error *err);

/* A Python-like scalar: it takes part in promotion with its kind only (NEP 50), and an integer that does not fit
 * the dtype that it meets is refused (MARS_ERROR_OVERFLOW). kind is 'b', 'i', 'f' or 'c', the value is in
 * .b/.i64/.f64/.c128; integers from 2^63 on say .dtype = MARS_UINT64. A strong scalar has its own dtype. */
int mars_scalar_weak(mars_tensor **ret, char kind, mars_scalar value, mars_error *err);
int mars_scalar_strong(mars_tensor **ret, mars_scalar value, mars_error *err);
/* The 4 and the 0.5 of a * 4 + 0.5: weak scalars. */
static inline int mars_integer(mars_tensor **ret, int64_t value, mars_error *err) {
        mars_scalar s = { MARS_INT64, { { 0 } } };

        s.i64 = value;
        return mars_scalar_weak(ret, 'i', s, err);
}
static inline int mars_number(mars_tensor **ret, double value, mars_error *err) {
        mars_scalar s = { MARS_FLOAT64, { { 0 } } };

        s.f64 = value;
        return mars_scalar_weak(ret, 'f', s, err);
}
int mars_full(mars_tensor **ret, mars_dtype dtype, unsigned ndim, const int64_t *shape, double value, mars_error *err);

/* A tensor of the caller's memory: strided (bytes; NULL: C order), any dtype; copied now (once, in parallel when
 * large). chunk_size says how to cut it, or NULL, 0 for automatic: for every axis the number n, then n chunk
 * lengths; a single length stands for all chunks of that axis (-1: whole, 0: automatic); { 1, 1000 } alone means
 * 1000 along every axis. */
int mars_from_memory(mars_tensor **ret, const void *data, mars_dtype dtype, unsigned ndim, const int64_t *shape,
                     const int64_t *strides, const int64_t *chunk_size, size_t n_chunk_size, mars_error *err);
/* The same of C-ordered memory that the caller lends, without a copy: it must be there and not change until
 * release(userdata) is called, once, when neither the tensor nor any result needs it (never, if this fails). A cluster
 * may lose it with a machine as long as any result comes from it, and is given it again (keep_source): if it was
 * changed, that is MARS_ERROR_DATA_LOST. Cut along leading axes only. release may be NULL. */
int mars_lend_memory(mars_tensor **ret, const void *data, mars_dtype dtype, unsigned ndim, const int64_t *shape,
                     const int64_t *chunk_size, size_t n_chunk_size, void (*release)(void *userdata), void *userdata,
                     mars_error *err);
/* A tensor of values that read() reads when they are needed: the elements lo[k] … hi[k] - 1 of each axis, C-contiguous,
 * to `to`. It is called from threads of the library, several at a time, and again for what was forgotten meanwhile: the
 * values must be the same. 0, or a negative code with words. A session of this process reads what it needs, also more
 * than memory holds; for a cluster all is read once, and again if it loses that. unit says in multiples of which
 * lengths it is read best (NULL: in any). release(userdata) is called once, when nothing will be read any more, also if
 * this fails; it may be NULL. */
typedef int (*mars_read)(void *userdata, const int64_t *lo, const int64_t *hi, void *to, mars_error *err);
int mars_from_reader(mars_tensor **ret, mars_dtype dtype, unsigned ndim, const int64_t *shape, const int64_t *unit,
                     const int64_t *chunk_size, size_t n_chunk_size, mars_read read, void (*release)(void *userdata),
                     void *userdata, mars_error *err);
/* A tensor of a Zarr array of version 2 or 3 (the directory that has .zarray or zarr.json), read like that, in whole
 * chunks of the array. What of Zarr there is: docs/USER-GUIDE.md. */
int mars_load_zarr(mars_tensor **ret, const char *path, const int64_t *chunk_size, size_t n_chunk_size,
                   mars_error *err);
/* A tensor of a text of numbers, row by row; always of two axes. The rows are counted now, and read when they are
 * needed, several at a time. */
typedef struct mars_text_options {
        mars_dtype dtype;
        const char *delimiter; /* one character, or NULL: white space */
        const char *comments;  /* each of its characters begins a comment; NULL: '#' */
        uint64_t skip_rows;    /* lines before the first row, comments and empty ones included */
        int64_t max_rows;      /* at most so many; negative: all */
        const double *missing; /* what stands for an empty field; NULL: it is an error */
} mars_text_options;
int mars_load_text(mars_tensor **ret, const char *path, const mars_text_options *options, const int64_t *chunk_size,
                   size_t n_chunk_size, mars_error *err);
/* A tensor that reads a .npy file when it is computed. The header is read and checked now; a file that was changed
 * or shortened since is refused then. Large files are mapped, not read: they may be larger than memory, and must
 * not be shortened while a result that came from them is in use. */
int mars_load_npy(mars_tensor **ret, const char *path, const int64_t *chunk_size, size_t n_chunk_size, mars_error *err);
/* The same of a .npy that is size_bytes of a file from `offset` on: a member of an .npz that is not compressed. */
int mars_load_npy_part(mars_tensor **ret, const char *path, uint64_t offset, uint64_t size_bytes,
                       const int64_t *chunk_size, size_t n_chunk_size, mars_error *err);

mars_dtype mars_tensor_dtype(const mars_tensor *tensor);
unsigned mars_tensor_ndim(const mars_tensor *tensor);
/* Fills shape[0 … ndim-1]; a dimension that depends on data and is not computed yet is -1. Returns how many are
 * -1. */
unsigned mars_tensor_shape(const mars_tensor *tensor, int64_t *shape);
/* Computes what must be computed to know the shape, and nothing else. Returns at once when the shape is known. */
int mars_tensor_resolve(mars_session *session, mars_tensor *tensor, mars_error *err);
/* One round of the same, for a caller who waits in slices (mars_begin()): 1 and work, after which to ask again; 0: the
 * shape is known, and there is no future. */
int mars_tensor_resolve_begin(mars_future **ret, mars_session *session, mars_tensor *tensor, mars_error *err);
/* 'b', 'i', 'f' or 'c' of a weak scalar, 0 of everything else. */
char mars_tensor_weak(const mars_tensor *tensor);
const char *mars_tensor_op_name(const mars_tensor *tensor); /* "scalar" and "data" of those */
/* Chunk lengths of an executed tensor, or those that it would have: for each axis n, then n lengths; needs no
 * execution unless shapes are unknown. *ret is freed by the caller with free(). */
int mars_tensor_chunks(const mars_tensor *tensor, int64_t **ret, size_t *ret_n, mars_error *err);
/* Whether the session has the result; session NULL: whether any open session has. */
bool mars_tensor_executed(const mars_tensor *tensor, const mars_session *session);

/* ---- Sessions
 * --------------------------------------------------------------------------------------------------- */

typedef struct mars_session_options {
        unsigned n_threads;    /* 0: one per CPU that this process may use */
        uint64_t memory_bytes; /* for chunks and work together; 0: cache_mem and phy_mem say it */
        uint64_t task_bytes;   /* that one task may take with all that it reads; larger ones are cut; 0: a share of
                                  the cache, so that every thread can have one */
        /* Sizes as people write them: "512m", "2g", "1.5GiB", "50%", bytes. NULL: the default. */
        const char *cache_mem; /* results in memory; default: half of the free memory (of which a share is one) */
        const char *phy_mem;   /* the process as a whole; default: all memory, or what its control group allows. Of it
                                  90 % are never passed, and above 75 % nothing new starts while anything runs */
        const char *disk;      /* results on disk; default: as much as there is; "0": nothing is spilled */
        const char *spill_dir; /* directories for that, separated by ':'; default: $MARS_SPILL_DIR, else $TMPDIR, else
                                  /var/tmp, in a private directory there, when it is first needed */
        const char *spill_codec; /* "none" (default); "lz4" or "zstd" where a sample says that it saves a fifth; "auto":
                                    the one of these, or none, with which the disk is done first */
        const char *hugepages;   /* memory of results and work: "try" (default) takes reserved huge pages while the
                                    system has free ones, then transparent ones, then small ones; "on" takes reserved
                                    ones or refuses; "off" takes small ones */
        const char *hugepage_size; /* of reserved ones: "auto" (default: the smallest), or a size that the system has,
                                      such as "2M" or "1G" */
        const char *key_file; /* shown at TCP connections: the cluster's key; "none": there is none. Default:
                                 $MARS_KEY_FILE, else ~/.config/mars/cluster.key, else /etc/mars/cluster.key, if there
                                 is one */
        const char *keep_source; /* of a cluster: what the session may take to keep arrays that it gave, when only
                                    results are left that come from them, for when the cluster loses them; default:
                                    25 % of memory (of which a share is one); "0": it keeps nothing, and what is lost
                                    with a machine is an error (MARS_ERROR_DATA_LOST) */
} mars_session_options;

/* endpoint NULL: threads of this process. */
int mars_session_new(mars_session **ret, const char *endpoint, const mars_session_options *options, mars_error *err);
/* The default session of the process; made (threads) at the first call. Not a new reference. */
int mars_session_default(mars_session **ret, mars_error *err);
void mars_session_set_default(mars_session *session); /* keeps a reference; NULL: none */
/* Ends all work, frees all results; handles of tensors remain valid as expressions. Later calls:
 * MARS_ERROR_CLOSED. Waits for calls of the session in other threads, and no longer than a second for its own threads
 * that are in a call of LAPACK for a request that was canceled: the last one of these frees its memory. */
void mars_session_close(mars_session *session);
bool mars_session_closed(const mars_session *session);
mars_session *mars_session_ref(mars_session *session);
mars_session *mars_session_unref(mars_session *session); /* closes with the last reference */

typedef struct mars_session_stats {
        uint64_t chunks, used_bytes, pinned_bytes, capacity_bytes, arena_bytes, tasks_done;
        uint64_t away_bytes;                /* of chunks on disk alone */
        uint64_t spilled, evicted, returned; /* chunks so far: written, forgotten, read back */
        unsigned n_threads;
        const char *pages; /* "hugetlb", "transparent", "plain"; "of workers", which have their own */
        /* What the process has in memory: arena_bytes (chunks and work, and what is free between them), what it had
         * when the session was made, copies of callers' memory (mars_from_memory(), of the whole process), buffers of
         * the disk, and the tables of chunks and tasks. */
        uint64_t process_bytes, copied_bytes, buffer_bytes, table_bytes;
        uint64_t file_bytes;    /* of disk */
        char pages_text[384];   /* which pages are in use, and what to set for better ones */
} mars_session_stats;
int mars_session_stat(mars_session *session, mars_session_stats *ret, mars_error *err);
/* The next line for the user's log, each once and in order: which pages are in use, how the disk is used, what failed
 * there. *ret is freed by the caller with free(); NULL: there is no more. *ret_warning: it wants to be read. */
int mars_session_log(mars_session *session, char **ret, bool *ret_warning, mars_error *err);

/* Results by name. In a cluster they outlive the session and the scheduler, until they are removed, and all programs of
 * the same user have the same ones; in a session of this process they are the session's own. Names are lines of text of
 * at most 255 bytes. */
int mars_save_as(mars_session *session, mars_tensor *tensor, const char *name, mars_error *err); /* executes it */
int mars_open(mars_tensor **ret, mars_session *session, const char *name, mars_error *err);
int mars_names(char **ret, mars_session *session, mars_error *err); /* one a line; freed by the caller with free() */
int mars_remove(mars_session *session, const char *name, mars_error *err); /* tensors that were opened stay */

/* Computes those of the tensors that are not computed yet, together, and keeps the results in the session. Waits;
 * the calling thread takes part in the work. */
int mars_execute(mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err);

/* The same in the background. */
int mars_submit(mars_future **ret, mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err);
/* The same for a caller who waits now, in slices (mars_future_wait()), to look at something else in between: tiny work
 * is done in those calls, and no thread is woken for it; what takes longer is left to the library's threads. */
int mars_begin(mars_future **ret, mars_session *session, size_t n, mars_tensor *const *tensors, mars_error *err);
/* Waits at most timeout_usec (UINT64_MAX: for ever), computing meanwhile what does not take longer: 0 just asks. 0:
 * done; 1: not yet; negative: the work failed. May be called again, and from several threads. */
int mars_future_wait(mars_future *future, uint64_t timeout_usec, mars_error *err);
bool mars_future_done(mars_future *future);
double mars_future_progress(mars_future *future); /* 0 … 1, by tasks */
void mars_future_cancel(mars_future *future);     /* the work ends at once, with MARS_ERROR_CANCELED */
/* Calls fn once, when done (now, if it is); may be called several times. MARS_ERROR_MEMORY: it will not be called. */
int mars_future_on_done(mars_future *future, void (*fn)(void *userdata), void *userdata, mars_error *err);
mars_future *mars_future_ref(mars_future *future);
mars_future *mars_future_unref(mars_future *future); /* does not cancel; NULL is fine; returns NULL */

/* ---- Results
 * ---------------------------------------------------------------------------------------------------- */

/* Copies an executed tensor into `data`, C order or strided (strides in bytes, NULL: C order), in parallel when
 * large. A tensor that is not executed is refused. */
int mars_fetch(mars_session *session, mars_tensor *tensor, void *data, const int64_t *strides, mars_error *err);

/* Read-only view of an executed tensor in C order without a copy; *ret_data is NULL if its chunks do not lie in
 * one such array (then use mars_fetch()); *ret is NULL then, too. The memory stays until mars_map_free(), also
 * when tensor and session have gone. */
typedef struct mars_map mars_map;
int mars_map_new(mars_map **ret, mars_session *session, mars_tensor *tensor, const void **ret_data, mars_error *err);
mars_map *mars_map_free(mars_map *map);

/* Writes an executed or lazy tensor as .npy, in parallel; the file appears whole under its name, or not at all. */
int mars_save_npy(mars_session *session, mars_tensor *tensor, const char *path, mars_error *err);
/* The same of n tensors as an .npz that is not compressed; names are UTF-8, without ".npy". */
int mars_save_npz(mars_session *session, size_t n, const char *const *names, mars_tensor *const *tensors,
                  const char *path, mars_error *err);

/* Writes it as a Zarr array, a chunk a file, in parallel, computing it if need be. `path` must not exist, or be an
 * empty directory; it becomes an array when all chunks are on the disk, and is none before. */
typedef struct mars_zarr_options {
        unsigned version;      /* 2 (also when 0) or 3 */
        const int64_t *chunks; /* lengths of a chunk; NULL: as the tensor is cut, if that is regular */
        const char *codec;     /* "blosc" (also when NULL), "zstd", "gzip", "zlib" (version 2), "none" */
        int level;             /* of compression; negative: what the codec itself takes */
        const char *compressor; /* within blosc: "lz4" (also when NULL), "lz4hc", "blosclz", "zlib", "zstd" */
        int shuffle;           /* within blosc: 0 nothing, 1 bytes (also when negative), 2 bits */
        char separator;        /* in the names of chunks, '.' or '/'; 0: what the version takes */
} mars_zarr_options;
int mars_save_zarr(mars_session *session, mars_tensor *tensor, const char *path, const mars_zarr_options *options,
                   mars_error *err);

/* What would run: stage by stage as text (format NULL or "text"), or the graph of operators as DOT ("dot") or SVG
 * ("svg"). session may be NULL: nothing counts as executed. *ret is freed by the caller with free(). */
int mars_explain(char **ret, mars_session *session, size_t n, mars_tensor *const *tensors, const char *format,
                 mars_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
