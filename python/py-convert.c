/* SPDX-License-Identifier: Apache-2.0 */
/* Python's values become tensors. Numbers of Python are weak (NEP 50: 2 * float32 stays float32); everything
 * else has a dtype of its own and comes through the buffer protocol, which NumPy's arrays and scalars have. What
 * has none, or an unusual one (lists, swapped bytes, subclasses with their own idea), is first given to the
 * package's read_array(). */
#include "py.h"

enum { LARGE_BYTES = 1 << 16 }; /* past this the copy is worth letting other threads run */

bool py_is_tensor(PyObject *object) {
        return Py_TYPE(object) == (PyTypeObject *) py.tensor_class || PyObject_TypeCheck(object, tensor_type);
}

mars_tensor *py_tensor(PyObject *object) {
        return ((PyTensor *) object)->tensor;
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* One of Python's own numbers: its kind as of mars_scalar_weak(), 0 when it is something else, -1 with an
 * exception set. NumPy's float64 and complex128 are subclasses of float and complex, and not weak. */
static int read_number(PyObject *object, mars_scalar *ret) {
        if (PyBool_Check(object)) {
                *ret = (mars_scalar) { .dtype = MARS_BOOL, .b = object == Py_True };
                return 'b';
        }
        if (PyFloat_CheckExact(object)) {
                *ret = (mars_scalar) { .dtype = MARS_FLOAT64, .f64 = PyFloat_AsDouble(object) };
                return 'f';
        }
        if (PyLong_Check(object)) {
                int overflow;
                long long value = PyLong_AsLongLongAndOverflow(object, &overflow);

                *ret = (mars_scalar) { .dtype = MARS_INT64, .i64 = value };
                if (overflow == 0)
                        return value == -1 && PyErr_Occurred() ? -1 : 'i';
                *ret = (mars_scalar) { .dtype = MARS_UINT64 };
                ret->u64 = PyLong_AsUnsignedLongLong(object);
                if (ret->u64 == UINT64_MAX && PyErr_Occurred()) {
                        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
                                return -1;
                        PyErr_SetString(PyExc_OverflowError, "Python integer is beyond 64 bits");
                        return -1;
                }
                return 'i';
        }
        if (PyComplex_CheckExact(object)) {
                *ret = (mars_scalar) { .dtype = MARS_COMPLEX128 };
                ret->c128[0] = PyComplex_RealAsDouble(object);
                ret->c128[1] = PyComplex_ImagAsDouble(object);
                return 'c';
        }
        return 0;
}

/* ---- Buffers ----------------------------------------------------------------------------------------------------- */

static const char *const formats[] = {
        [MARS_BOOL] = "?",    [MARS_INT8] = "b",    [MARS_UINT8] = "B",   [MARS_INT16] = "h",      [MARS_UINT16] = "H",
        [MARS_INT32] = "i",   [MARS_UINT32] = "I",  [MARS_INT64] = "l",   [MARS_UINT64] = "L",     [MARS_FLOAT16] = "e",
        [MARS_FLOAT32] = "f", [MARS_FLOAT64] = "d", [MARS_COMPLEX64] = "Zf", [MARS_COMPLEX128] = "Zd",
};

const char *py_format(mars_dtype dtype) {
        return (size_t) dtype < sizeof(formats) / sizeof(formats[0]) ? formats[dtype] : NULL;
}

/* False for what we do not have: structures, objects, long double, swapped bytes. */
static bool format_dtype(const char *format, Py_ssize_t item_bytes, mars_dtype *ret) {
        char c;

        if (!format)
                format = "B";
        if (*format == '@' || *format == '=' || *format == '<')
                format++;
        for (size_t t = 0; t < sizeof(formats) / sizeof(formats[0]); t++)
                if (strcmp(format, formats[t]) == 0 && mars_dtype_size((mars_dtype) t) == (size_t) item_bytes) {
                        *ret = (mars_dtype) t;
                        return true;
                }
        c = format[0];
        if (!c || format[1])
                return false;
        /* The same integer has several letters: l and q, and in standard sizes l is i. */
        if (!strchr("bhilqnBHILQN", c))
                return false;
        for (int t = MARS_INT8; t <= MARS_UINT64; t++)
                if (mars_dtype_size((mars_dtype) t) == (size_t) item_bytes && (formats[t][0] >= 'a') == (c >= 'a')) {
                        *ret = (mars_dtype) t;
                        return true;
                }
        return false;
}

int py_hold_buffer(PyObject *object, Py_buffer *ret, mars_dtype *ret_dtype) {
        if (!PyObject_CheckBuffer(object) || PyBytes_Check(object) || PyByteArray_Check(object) ||
            PyObject_TypeCheck(object, (PyTypeObject *) py.masked_class))
                return 1;
        if (PyObject_GetBuffer(object, ret, PyBUF_FULL_RO) < 0) {
                PyErr_Clear();
                return 1;
        }
        /* NumPy's dates are bytes without strides to the protocol. */
        if (ret->ndim <= MARS_MAX_NDIM && (ret->ndim == 0 || (ret->shape && ret->strides)) && !ret->suboffsets &&
            format_dtype(ret->format, ret->itemsize, ret_dtype))
                return 0;
        PyBuffer_Release(ret);
        return 1;
}

static int from_buffer(const Py_buffer *b, mars_dtype dtype, const int64_t *cuts, size_t n_cuts, mars_tensor **ret) {
        int64_t shape[MARS_MAX_NDIM], stride[MARS_MAX_NDIM];
        mars_error err = {};
        int r;

        for (int k = 0; k < b->ndim; k++) {
                shape[k] = b->shape[k];
                stride[k] = b->strides[k];
        }
        if (b->len < LARGE_BYTES)
                r = mars_from_memory(ret, b->buf, dtype, (unsigned) b->ndim, shape, stride, cuts, n_cuts, &err);
        else {
                Py_BEGIN_ALLOW_THREADS
                r = mars_from_memory(ret, b->buf, dtype, (unsigned) b->ndim, shape, stride, cuts, n_cuts, &err);
                Py_END_ALLOW_THREADS
        }
        if (r >= 0)
                return 0;
        py_raise(r, &err);
        return -1;
}

/* Buffers of one number are scalars, which need no memory of their own. */
static int from_strong_scalar(mars_scalar value, mars_tensor **ret) {
        mars_error err = {};
        int r = mars_scalar_strong(ret, value, &err);

        if (r >= 0)
                return 0;
        py_raise(r, &err);
        return -1;
}

/* What the package's slow reader has made: an array, or one of integers and the dtype that they are. */
static int hold_array(PyObject *array, Py_buffer *ret, mars_dtype *ret_dtype) {
        PyObject *dtype;

        if (!PyTuple_Check(array))
                return py_hold_buffer(array, ret, ret_dtype);
        dtype = PyTuple_GetItem(array, 1);
        if (!dtype || py_hold_buffer(PyTuple_GetItem(array, 0), ret, ret_dtype) > 0)
                return 1;
        *ret_dtype = (mars_dtype) PyLong_AsLong(dtype);
        return 0;
}

/* The package's slow reader. NULL without an exception: an object of which NumPy makes no data either. */
static PyObject *read_slowly(PyObject *object, bool operand) {
        PyObject *array = PyObject_CallFunctionObjArgs(py.read_array, object, NULL);

        if (!array && operand && PyErr_ExceptionMatches(PyExc_TypeError))
                PyErr_Clear();
        return array;
}

static int from_object(PyObject *object, bool operand, const int64_t *cuts, size_t n_cuts, mars_tensor **ret) {
        PyObject *array = NULL;
        mars_dtype dtype;
        Py_buffer b;
        int r;

        if (py_hold_buffer(object, &b, &dtype) > 0) {
                array = read_slowly(object, operand);
                if (!array)
                        return PyErr_Occurred() ? -1 : 1;
                if (hold_array(array, &b, &dtype) > 0) {
                        PyErr_Format(PyExc_TypeError, "no tensor can be made of %R", (PyObject *) Py_TYPE(object));
                        Py_DECREF(array);
                        return -1;
                }
        }
        if (b.ndim == 0) {
                mars_scalar value = { .dtype = (int) dtype };

                memcpy(value.bytes, b.buf, mars_dtype_size(dtype));
                r = from_strong_scalar(value, ret);
        } else
                r = from_buffer(&b, dtype, cuts, n_cuts, ret);
        PyBuffer_Release(&b);
        Py_XDECREF(array);
        return r;
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

int py_to_tensor(PyObject *object, bool operand, mars_tensor **ret) {
        mars_error err = {};
        mars_scalar value;
        int kind, r;

        if (py_is_tensor(object)) {
                if (!py_tensor(object)) {
                        PyErr_SetString(PyExc_ValueError, "a Tensor that was not initialised");
                        return -1;
                }
                *ret = mars_tensor_ref(py_tensor(object));
                return 0;
        }
        kind = read_number(object, &value);
        if (kind < 0)
                return -1;
        if (kind == 0)
                return from_object(object, operand, NULL, 0, ret);
        if (kind == 'b') /* bool is below all dtypes, so that a weak one is like a strong one */
                return from_strong_scalar(value, ret);
        r = mars_scalar_weak(ret, (char) kind, value, &err);
        if (r >= 0)
                return 0;
        py_raise(r, &err);
        return -1;
}

int py_to_data(PyObject *object, const int64_t *cuts, size_t n_cuts, mars_tensor **ret) {
        mars_scalar value;
        int kind = read_number(object, &value);

        if (kind < 0)
                return -1;
        return kind > 0 ? from_strong_scalar(value, ret) : from_object(object, false, cuts, n_cuts, ret);
}

int py_to_scalar(PyObject *object, mars_scalar *ret) {
        int kind = read_number(object, ret);
        PyObject *array = NULL;
        mars_dtype dtype;
        Py_buffer b;

        if (kind != 0)
                return kind < 0 ? -1 : 0;
        if (py_hold_buffer(object, &b, &dtype) > 0) {
                array = read_slowly(object, false);
                if (!array)
                        return -1;
                if (hold_array(array, &b, &dtype) > 0) {
                        PyErr_Format(PyExc_TypeError, "%R is not a number", object);
                        Py_DECREF(array);
                        return -1;
                }
        }
        *ret = (mars_scalar) { .dtype = (int) dtype };
        if (b.ndim == 0)
                memcpy(ret->bytes, b.buf, mars_dtype_size(dtype));
        else
                PyErr_Format(PyExc_TypeError, "only scalars can be used here, not an array with %d axes", b.ndim);
        PyBuffer_Release(&b);
        Py_XDECREF(array);
        return PyErr_Occurred() ? -1 : 0;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

const char *py_name(PyObject *object) {
        Py_ssize_t n;
        const char *name;

        if (!PyUnicode_Check(object)) {
                PyErr_Format(PyExc_TypeError, "a name is a str, not %R", object);
                return NULL;
        }
        name = PyUnicode_AsUTF8AndSize(object, &n);
        if (!name || strlen(name) == (size_t) n)
                return name;
        PyErr_Format(PyExc_ValueError, "no character of a name is NUL, as in %R", object);
        return NULL;
}

/* ---- dtypes and lists -------------------------------------------------------------------------------------------- */

int py_to_dtype(PyObject *object, mars_dtype *ret) {
        PyObject *code = PyDict_GetItemWithError(py.dtype_codes, object);

        if (code) {
                *ret = (mars_dtype) PyLong_AsLong(code);
                return 0;
        }
        PyErr_Clear(); /* not hashable */
        code = PyObject_CallFunctionObjArgs(py.read_dtype, object, NULL);
        if (!code)
                return -1;
        *ret = (mars_dtype) PyLong_AsLong(code);
        Py_DECREF(code);
        return PyErr_Occurred() ? -1 : 0;
}

static int read_index(PyObject *object, int64_t *ret) {
        PyObject *index = PyNumber_Index(object);

        if (!index)
                return -1;
        *ret = PyLong_AsLongLong(index);
        Py_DECREF(index);
        if (*ret != -1 || !PyErr_Occurred())
                return 0;
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
                PyErr_SetString(PyExc_ValueError, "Maximum allowed dimension exceeded");
        return -1;
}

/* The items of a list of integers, NULL without an exception for a single integer. NumPy's arrays are both to
 * the protocols: those with a length are lists. */
static PyObject *items_of(PyObject *object) {
        if (PyLong_Check(object))
                return NULL;
        if (PyTuple_Check(object) || PyList_Check(object))
                return PySequence_Tuple(object);
        if (PyIndex_Check(object) && PyObject_Length(object) < 0) {
                PyErr_Clear();
                return NULL;
        }
        return PySequence_Tuple(object);
}

int py_to_dims(PyObject *object, int64_t **ret, size_t *ret_n) {
        PyObject *items = items_of(object);
        Py_ssize_t n = items ? PyTuple_Size(items) : 1;
        int64_t *dims;
        int r = 0;

        if (!items && PyErr_Occurred())
                return -1;
        dims = malloc(((size_t) n + 1) * sizeof(*dims));
        if (!dims) {
                Py_XDECREF(items);
                PyErr_NoMemory();
                return -1;
        }
        for (Py_ssize_t i = 0; i < n && r >= 0; i++)
                r = read_index(items ? PyTuple_GetItem(items, i) : object, &dims[i]);
        Py_XDECREF(items);
        if (r < 0) {
                free(dims);
                return -1;
        }
        *ret = dims;
        *ret_n = (size_t) n;
        return 0;
}
