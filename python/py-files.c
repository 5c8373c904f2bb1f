/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of files, and of Python objects that are read part by part (reader()): then threads of the library call back
 * into the interpreter, which gives them memory of a chunk to fill. What the call raises becomes the error of whoever
 * waits for the chunk. */
#include <errno.h>
#include <stdio.h>

#include "py.h"

/* chunk_size in the flat form, or None. */
static int read_cuts(PyObject *object, int64_t **ret, size_t *ret_n) {
        *ret   = NULL;
        *ret_n = 0;
        return object == Py_None ? 0 : py_to_dims(object, ret, ret_n);
}

typedef int LoadFile(mars_tensor **ret, const char *path, const int64_t *chunk_size, size_t n_chunk_size,
                     mars_error *err);

static PyObject *load_file(PyObject *args, LoadFile *fn) {
        PyObject *path = NULL, *chunk_size;
        mars_error err = {};
        mars_tensor *t;
        int64_t *cuts;
        size_t n_cuts;
        int r;

        if (!PyArg_ParseTuple(args, "O&O", PyUnicode_FSConverter, &path, &chunk_size))
                return NULL;
        if (read_cuts(chunk_size, &cuts, &n_cuts) < 0) {
                Py_DECREF(path);
                return NULL;
        }
        Py_BEGIN_ALLOW_THREADS r = fn(&t, PyBytes_AsString(path), cuts, n_cuts, &err);
        Py_END_ALLOW_THREADS free(cuts);
        Py_DECREF(path);
        return r < 0 ? py_raise(r, &err) : py_wrap(t);
}

static PyObject *module_load(PyObject *module, PyObject *args) {
        (void) module;
        return load_file(args, mars_load_npy);
}

/* load_part(path, offset, size_bytes, chunk_size) */
static PyObject *module_load_part(PyObject *module, PyObject *args) {
        unsigned long long offset, size_bytes;
        PyObject *path = NULL, *chunk_size;
        mars_error err = {};
        mars_tensor *t;
        int64_t *cuts;
        size_t n_cuts;
        int r;

        (void) module;
        if (!PyArg_ParseTuple(args, "O&KKO", PyUnicode_FSConverter, &path, &offset, &size_bytes, &chunk_size))
                return NULL;
        if (read_cuts(chunk_size, &cuts, &n_cuts) < 0) {
                Py_DECREF(path);
                return NULL;
        }
        Py_BEGIN_ALLOW_THREADS r =
                mars_load_npy_part(&t, PyBytes_AsString(path), offset, size_bytes, cuts, n_cuts, &err);
        Py_END_ALLOW_THREADS free(cuts);
        Py_DECREF(path);
        return r < 0 ? py_raise(r, &err) : py_wrap(t);
}

static PyObject *module_load_zarr(PyObject *module, PyObject *args) {
        (void) module;
        return load_file(args, mars_load_zarr);
}

/* load_text(path, dtype, delimiter, comments, skip_rows, max_rows, missing, chunk_size) */
static PyObject *module_load_text(PyObject *module, PyObject *args) {
        PyObject *path            = NULL, *dtype, *missing, *chunk_size;
        mars_text_options options = {};
        unsigned long long skip_rows;
        long long max_rows;
        mars_error err = {};
        int64_t *cuts  = NULL;
        double value;
        mars_tensor *t;
        size_t n_cuts;
        int r;

        (void) module;
        if (!PyArg_ParseTuple(args, "O&OzsKLOO", PyUnicode_FSConverter, &path, &dtype, &options.delimiter,
                              &options.comments, &skip_rows, &max_rows, &missing, &chunk_size))
                return NULL;
        options.skip_rows = skip_rows;
        options.max_rows  = max_rows;
        if (missing != Py_None) {
                value           = PyFloat_AsDouble(missing);
                options.missing = &value;
        }
        if (PyErr_Occurred() || py_to_dtype(dtype, &options.dtype) < 0 || read_cuts(chunk_size, &cuts, &n_cuts) < 0) {
                Py_DECREF(path);
                return NULL;
        }
        Py_BEGIN_ALLOW_THREADS r = mars_load_text(&t, PyBytes_AsString(path), &options, cuts, n_cuts, &err);
        Py_END_ALLOW_THREADS free(cuts);
        Py_DECREF(path);
        return r < 0 ? py_raise(r, &err) : py_wrap(t);
}

/* ---- Objects that are read --------------------------------------------------------------------------------------- */

typedef struct Reader {
        PyObject *read;
        unsigned ndim;
        size_t element_bytes;
} Reader;

/* The exception that is set as an error: of the code whose class it is, with its own words. */
static int exception_of(mars_error *err) {
        PyObject *type, *value, *trace, *text, *code, *class;
        int ret       = -EPROTO; /* a MarsError */
        Py_ssize_t at = 0;

        PyErr_Fetch(&type, &value, &trace);
        PyErr_NormalizeException(&type, &value, &trace);
        while (py.errors && PyDict_Next(py.errors, &at, &code, &class))
                if (PyErr_GivenExceptionMatches(type, class)) {
                        ret = (int) PyLong_AsLong(code);
                        break;
                }
        text = PyObject_Str(value);
        snprintf(err->text, sizeof(err->text), "%s", text ? PyUnicode_AsUTF8AndSize(text, NULL) ?: "" : "");
        if (!err->text[0])
                snprintf(err->text, sizeof(err->text), "the object cannot be read");
        PyErr_Clear();
        Py_XDECREF(text);
        Py_XDECREF(type);
        Py_XDECREF(value);
        Py_XDECREF(trace);
        return err->code = ret;
}

static PyObject *tuple_of(unsigned n, const int64_t *v) {
        PyObject *ret = PyTuple_New((Py_ssize_t) n);

        for (unsigned k = 0; ret && k < n; k++) {
                PyObject *number = PyLong_FromLongLong(v[k]);

                if (!number)
                        Py_CLEAR(ret);
                else
                        PyTuple_SetItem(ret, (Py_ssize_t) k, number);
        }
        return ret;
}

/* read(lo, hi, buffer); nobody may keep the buffer, which is a chunk's. */
static int fill(const Reader *r, const int64_t *lo, const int64_t *hi, void *to) {
        size_t n = r->element_bytes;
        PyObject *view, *from, *end, *done = NULL, *released = NULL;

        for (unsigned k = 0; k < r->ndim; k++)
                n *= (size_t) (hi[k] - lo[k]);
        view = PyMemoryView_FromMemory(to, (Py_ssize_t) n, PyBUF_WRITE);
        from = tuple_of(r->ndim, lo);
        end  = tuple_of(r->ndim, hi);
        if (view && from && end)
                done = PyObject_CallFunctionObjArgs(r->read, from, end, view, NULL);
        if (done)
                released = PyObject_CallMethod(view, "release", NULL);
        Py_XDECREF(view);
        Py_XDECREF(from);
        Py_XDECREF(end);
        Py_XDECREF(done);
        Py_XDECREF(released);
        return released ? 0 : -1;
}

static int on_read(void *userdata, const int64_t *lo, const int64_t *hi, void *to, mars_error *err) {
        PyGILState_STATE state;
        int r;

        if (!Py_IsInitialized()) {
                snprintf(err->text, sizeof(err->text), "the interpreter has ended");
                return err->code = MARS_ERROR_CLOSED;
        }
        state = PyGILState_Ensure();
        r     = fill(userdata, lo, hi, to);
        if (r < 0)
                r = exception_of(err);
        PyGILState_Release(state);
        return r;
}

static void on_release(void *userdata) {
        Reader *r = userdata;

        if (Py_IsInitialized()) {
                PyGILState_STATE state = PyGILState_Ensure();

                Py_DECREF(r->read);
                PyGILState_Release(state);
        }
        free(r);
}

/* reader(read, dtype, shape, unit, chunk_size) */
static PyObject *module_reader(PyObject *module, PyObject *args) {
        PyObject *read, *dtype_object, *shape_object, *unit_object, *chunk_size;
        int64_t *shape = NULL, *unit = NULL, *cuts = NULL;
        size_t ndim, n_unit, n_cuts;
        PyObject *ret  = NULL;
        Reader *reader = NULL;
        mars_error err = {};
        mars_dtype dtype;
        mars_tensor *t;
        int r;

        (void) module;
        if (!PyArg_ParseTuple(args, "OOOOO", &read, &dtype_object, &shape_object, &unit_object, &chunk_size))
                return NULL;
        if (py_to_dtype(dtype_object, &dtype) < 0 || py_to_dims(shape_object, &shape, &ndim) < 0 ||
            read_cuts(unit_object, &unit, &n_unit) < 0 || read_cuts(chunk_size, &cuts, &n_cuts) < 0)
                goto finish;
        if (ndim > MARS_MAX_NDIM || (unit && n_unit != ndim)) {
                PyErr_Format(PyExc_ValueError, "a tensor of %zu dimensions, read in parts of %zu", ndim, n_unit);
                goto finish;
        }
        reader = malloc(sizeof(*reader));
        if (!reader) {
                PyErr_NoMemory();
                goto finish;
        }
        *reader =
                (Reader) { .read = Py_NewRef(read), .ndim = (unsigned) ndim, .element_bytes = mars_dtype_size(dtype) };
        Py_BEGIN_ALLOW_THREADS r = mars_from_reader(&t, dtype, (unsigned) ndim, shape, unit, cuts, n_cuts, on_read,
                                                    on_release, reader, &err);
        Py_END_ALLOW_THREADS ret = r < 0 ? py_raise(r, &err) : py_wrap(t);
finish:
        free(shape);
        free(unit);
        free(cuts);
        return ret;
}

static PyMethodDef methods[] = {
        { "load", module_load, METH_VARARGS, "load(path, chunk_size): a tensor of a .npy file." },
        { "load_part", module_load_part, METH_VARARGS,
          "load_part(path, offset, size_bytes, chunk_size): a tensor of a .npy within a file." },
        { "load_zarr", module_load_zarr, METH_VARARGS, "load_zarr(path, chunk_size): a tensor of a Zarr array." },
        { "load_text", module_load_text, METH_VARARGS,
          "load_text(path, dtype, delimiter, comments, skip_rows, max_rows, missing, chunk_size): of a text." },
        { "reader", module_reader, METH_VARARGS,
          "reader(read, dtype, shape, unit, chunk_size): a tensor of what read(lo, hi, buffer) puts into buffers." },
        {},
};

int py_files_add(PyObject *module) {
        return PyModule_AddFunctions(module, methods);
}
