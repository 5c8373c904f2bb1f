/* SPDX-License-Identifier: Apache-2.0 */
/* DLPack: arrays of other libraries as structs behind a pointer, in a capsule with a name. Two layouts are in use, with
 * and without a version and flags; only the first can say that memory must not be written, so values of ours, which
 * nobody may change, go out as they are in the first and as a copy in the second (the package decides).
 *
 * A capsule is read once: whoever takes its contents renames it and calls the deleter; one that nobody took calls the
 * deleter itself. */
#include "py.h"

enum { DEVICE_CPU = 1, FLAG_READ_ONLY = 1 << 0, FLAG_COPIED = 1 << 1, VERSION_MAJOR = 1, VERSION_MINOR = 0 };

typedef enum DLCode { DL_INT = 0, DL_UINT = 1, DL_FLOAT = 2, DL_COMPLEX = 5, DL_BOOL = 6 } DLCode;

typedef struct DLArray {
        void *data;
        struct {
                int32_t type, id;
        } device;
        int32_t ndim;
        struct {
                uint8_t code, bits;
                uint16_t lanes;
        } dtype;
        int64_t *shape, *strides; /* in elements; strides may be NULL: C order */
        uint64_t byte_offset;
} DLArray;

typedef struct DLPlain {
        DLArray array;
        void *context;
        void (*deleter)(struct DLPlain *self);
} DLPlain;

typedef struct DLVersioned {
        struct {
                uint32_t major, minor;
        } version;
        void *context;
        void (*deleter)(struct DLVersioned *self);
        uint64_t flags;
        DLArray array;
} DLVersioned;

static const char plain_name[] = "dltensor", plain_used[] = "used_dltensor", versioned_name[] = "dltensor_versioned",
                  versioned_used[] = "used_dltensor_versioned";

static const struct {
        DLCode code;
        uint8_t bits;
} codes[] = {
        [MARS_BOOL] = { DL_BOOL, 8 },      [MARS_INT8] = { DL_INT, 8 },     [MARS_UINT8] = { DL_UINT, 8 },
        [MARS_INT16] = { DL_INT, 16 },     [MARS_UINT16] = { DL_UINT, 16 }, [MARS_INT32] = { DL_INT, 32 },
        [MARS_UINT32] = { DL_UINT, 32 },   [MARS_INT64] = { DL_INT, 64 },   [MARS_UINT64] = { DL_UINT, 64 },
        [MARS_FLOAT16] = { DL_FLOAT, 16 }, [MARS_FLOAT32] = { DL_FLOAT, 32 }, [MARS_FLOAT64] = { DL_FLOAT, 64 },
        [MARS_COMPLEX64] = { DL_COMPLEX, 64 }, [MARS_COMPLEX128] = { DL_COMPLEX, 128 },
};

/* ---- Out --------------------------------------------------------------------------------------------------------- */

/* What a capsule of ours holds: a buffer, for as long as somebody reads it. */
typedef struct Lent {
        union {
                DLPlain plain;
                DLVersioned versioned;
        };
        Py_buffer buffer;
        int64_t dims[2 * MARS_MAX_NDIM];
} Lent;

static void lent_free(Lent *lent) {
        PyGILState_STATE state;

        if (!Py_IsInitialized()) /* at the end of the process; the memory goes with it */
                return;
        state = PyGILState_Ensure();
        PyBuffer_Release(&lent->buffer);
        free(lent);
        PyGILState_Release(state);
}

static void plain_delete(DLPlain *self) {
        lent_free(self->context);
}

static void versioned_delete(DLVersioned *self) {
        lent_free(self->context);
}

static void capsule_delete(PyObject *capsule) {
        if (PyCapsule_IsValid(capsule, plain_name)) {
                DLPlain *plain = PyCapsule_GetPointer(capsule, plain_name);

                plain->deleter(plain);
        } else if (PyCapsule_IsValid(capsule, versioned_name)) {
                DLVersioned *versioned = PyCapsule_GetPointer(capsule, versioned_name);

                versioned->deleter(versioned);
        }
}

static int fill(Lent *lent, mars_dtype dtype, DLArray *ret) {
        const Py_buffer *b = &lent->buffer;

        if ((size_t) dtype >= sizeof(codes) / sizeof(codes[0])) {
                PyErr_SetString(PyExc_BufferError, "DLPack has no such dtype");
                return -1;
        }
        *ret = (DLArray) {
                .data    = b->buf,
                .device  = { DEVICE_CPU, 0 },
                .ndim    = b->ndim,
                .dtype   = { (uint8_t) codes[dtype].code, codes[dtype].bits, 1 },
                .shape   = lent->dims,
                .strides = lent->dims + MARS_MAX_NDIM,
        };
        for (int k = 0; k < b->ndim; k++) {
                if (b->strides[k] % b->itemsize != 0) {
                        PyErr_SetString(PyExc_BufferError, "DLPack's strides are whole elements");
                        return -1;
                }
                ret->shape[k] = b->shape[k];
                ret->strides[k] = b->strides[k] / b->itemsize;
        }
        return 0;
}

PyObject *py_to_dlpack(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
        PyObject *capsule = NULL;
        mars_dtype dtype;
        bool versioned;
        Lent *lent;
        int r;

        (void) module;
        if (n_args != 3)
                return PyErr_Format(PyExc_TypeError, "to_dlpack() takes 3 arguments, %zd given", n_args);
        versioned = args[1] == Py_True;
        lent = calloc(1, sizeof(*lent));
        if (!lent)
                return PyErr_NoMemory();
        r = py_hold_buffer(args[0], &lent->buffer, &dtype);
        if (r > 0)
                PyErr_Format(PyExc_TypeError, "to_dlpack() takes an array, not %R", (PyObject *) Py_TYPE(args[0]));
        if (r != 0) {
                free(lent);
                return NULL;
        }
        if (versioned) {
                lent->versioned.version.major = VERSION_MAJOR;
                lent->versioned.version.minor = VERSION_MINOR;
                lent->versioned.context = lent;
                lent->versioned.deleter = versioned_delete;
                lent->versioned.flags = (lent->buffer.readonly ? FLAG_READ_ONLY : 0) |
                                        (args[2] == Py_True ? FLAG_COPIED : 0);
        } else {
                lent->plain.context = lent;
                lent->plain.deleter = plain_delete;
        }
        if (fill(lent, dtype, versioned ? &lent->versioned.array : &lent->plain.array) >= 0)
                capsule = PyCapsule_New(lent, versioned ? versioned_name : plain_name, capsule_delete);
        if (!capsule)
                lent_free(lent);
        return capsule;
}

/* ---- In ---------------------------------------------------------------------------------------------------------- */

/* The dtype of an array that we can read: on this machine's memory, of a dtype of ours. */
static int array_dtype(const DLArray *a, mars_dtype *ret) {
        if (a->device.type != DEVICE_CPU) {
                PyErr_Format(PyExc_BufferError, "the array is not in memory, but on a device of DLPack's type %d",
                             (int) a->device.type);
                return -1;
        }
        if (a->ndim < 0 || a->ndim > MARS_MAX_NDIM) {
                PyErr_Format(PyExc_ValueError, "the array has %d axes; tensors have at most %d", (int) a->ndim,
                             MARS_MAX_NDIM);
                return -1;
        }
        for (size_t t = 0; a->dtype.lanes == 1 && t < sizeof(codes) / sizeof(codes[0]); t++)
                if (a->dtype.code == codes[t].code && a->dtype.bits == codes[t].bits) {
                        *ret = (mars_dtype) t;
                        return 0;
                }
        PyErr_Format(PyExc_TypeError, "tensors have no dtype of DLPack's code %d with %d lanes of %d bits",
                     (int) a->dtype.code, (int) a->dtype.lanes, (int) a->dtype.bits);
        return -1;
}

static PyObject *copied(const DLArray *a) {
        int64_t strides[MARS_MAX_NDIM];
        mars_tensor *tensor = NULL;
        mars_error err = {};
        mars_dtype dtype;
        int r;

        if (array_dtype(a, &dtype) < 0)
                return NULL;
        for (int k = 0; a->strides && k < a->ndim; k++)
                strides[k] = a->strides[k] * (int64_t) mars_dtype_size(dtype);
        Py_BEGIN_ALLOW_THREADS
        r = mars_from_memory(&tensor, (const char *) a->data + a->byte_offset, dtype, (unsigned) a->ndim, a->shape,
                             a->strides ? strides : NULL, NULL, 0, &err);
        Py_END_ALLOW_THREADS
        return r < 0 ? py_raise(r, &err) : py_wrap(tensor);
}

PyObject *py_from_dlpack(PyObject *module, PyObject *capsule) {
        PyObject *ret = NULL;

        (void) module;
        if (PyCapsule_IsValid(capsule, versioned_name)) {
                DLVersioned *v = PyCapsule_GetPointer(capsule, versioned_name);

                if (v->version.major != VERSION_MAJOR)
                        return PyErr_Format(PyExc_BufferError, "DLPack %u is not known here, only version %d",
                                            (unsigned) v->version.major, VERSION_MAJOR);
                ret = copied(&v->array);
                if (ret && PyCapsule_SetName(capsule, versioned_used) == 0 && v->deleter)
                        v->deleter(v);
        } else if (PyCapsule_IsValid(capsule, plain_name)) {
                DLPlain *p = PyCapsule_GetPointer(capsule, plain_name);

                ret = copied(&p->array);
                if (ret && PyCapsule_SetName(capsule, plain_used) == 0 && p->deleter)
                        p->deleter(p);
        } else
                PyErr_SetString(PyExc_TypeError, "not a capsule of DLPack, or one that was read already");
        return ret;
}
