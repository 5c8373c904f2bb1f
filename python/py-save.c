/* SPDX-License-Identifier: Apache-2.0 */
/* Methods of Session that write files: without the GIL, and each ends with its file, or with an error and none. */
#include "py-session.h"

/* save(tensor, path) */
PyObject *session_save(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        PyObject *path = NULL;
        mars_error err = {};
        mars_tensor *t;
        int r;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "save() takes 2 arguments, %zd given", n_args);
        if (!PyUnicode_FSConverter(args[1], &path))
                return NULL;
        t = one_tensor(self, args[0]);
        if (!t) {
                Py_DECREF(path);
                return NULL;
        }
        Py_BEGIN_ALLOW_THREADS r = mars_save_npy(session_of(self), t, PyBytes_AsString(path), &err);
        Py_END_ALLOW_THREADS mars_tensor_unref(t);
        Py_DECREF(path);
        if (r < 0)
                return py_raise(r, &err);
        Py_RETURN_NONE;
}

/* What the strings of a tuple are in UTF-8, in memory that is the caller's to free(); they stay with their objects. */
static const char **read_names(PyObject *tuple, size_t n) {
        const char **ret;

        if (!PyTuple_Check(tuple) || (size_t) PyTuple_Size(tuple) != n) {
                PyErr_SetString(PyExc_TypeError, "a name for each tensor is wanted");
                return NULL;
        }
        ret = calloc(n + 1, sizeof(*ret));
        if (!ret) {
                PyErr_NoMemory();
                return NULL;
        }
        for (size_t i = 0; i < n; i++) {
                Py_ssize_t size;

                ret[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(tuple, (Py_ssize_t) i), &size);
                if (ret[i] && strlen(ret[i]) != (size_t) size)
                        PyErr_SetString(PyExc_ValueError, "a name has a NUL in it");
                if (PyErr_Occurred()) {
                        free(ret);
                        return NULL;
                }
        }
        return ret;
}

/* _save_npz(names, tensors, path) */
PyObject *session_save_npz(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        PyObject *path = NULL;
        const char **name;
        mars_error err = {};
        Tensors t;
        int r = -1;

        if (n_args != 3)
                return PyErr_Format(PyExc_TypeError, "_save_npz() takes 3 arguments, %zd given", n_args);
        if (!session_ready(self) || !PyUnicode_FSConverter(args[2], &path))
                return NULL;
        if (read_tensors(args[1], &t) >= 0) {
                name = read_names(args[0], t.n);
                if (name) {
                        Py_BEGIN_ALLOW_THREADS r =
                                mars_save_npz(session_of(self), t.n, name, t.data, PyBytes_AsString(path), &err);
                        Py_END_ALLOW_THREADS if (r < 0) py_raise(r, &err);
                }
                free(name);
        }
        tensors_done(&t);
        Py_DECREF(path);
        if (r < 0)
                return NULL;
        Py_RETURN_NONE;
}

/* _save_zarr(tensor, path, version, chunks, codec, level, compressor, shuffle, separator) */
PyObject *session_save_zarr(PyObject *self, PyObject *args) {
        PyObject *object, *chunks, *path = NULL, *ret = NULL;
        mars_zarr_options options = {};
        const char *separator     = NULL;
        mars_tensor *t            = NULL;
        mars_error err            = {};
        int64_t *dims             = NULL;
        size_t n                  = 0;
        int r;

        if (!PyArg_ParseTuple(args, "OO&IOsizis", &object, PyUnicode_FSConverter, &path, &options.version, &chunks,
                              &options.codec, &options.level, &options.compressor, &options.shuffle, &separator))
                return NULL;
        options.separator = *separator;
        t                 = chunks == Py_None || py_to_dims(chunks, &dims, &n) == 0 ? one_tensor(self, object) : NULL;
        options.chunks    = dims;
        if (t && dims && n != mars_tensor_ndim(t))
                PyErr_Format(PyExc_ValueError, "chunks has %zu lengths for %u dimension(s)", n, mars_tensor_ndim(t));
        else if (t) {
                Py_BEGIN_ALLOW_THREADS r = mars_save_zarr(session_of(self), t, PyBytes_AsString(path), &options, &err);
                Py_END_ALLOW_THREADS ret = r < 0 ? py_raise(r, &err) : Py_NewRef(Py_None);
        }
        mars_tensor_unref(t);
        free(dims);
        Py_DECREF(path);
        return ret;
}
