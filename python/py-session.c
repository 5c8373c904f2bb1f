/* SPDX-License-Identifier: Apache-2.0 */
/* The types Session, Future and Map. All waiting is here: without the GIL, in slices, between which signals are
 * looked at. Ctrl-C cancels the work and waits for nothing: tasks that run end at their next strip, a factorization
 * when it is done, on the library's threads; the session stays usable. */
#include <limits.h>

#include "py-session.h"

enum { SLICE_USEC = 20 * 1000 };

typedef struct PySession {
        PyObject_HEAD
        mars_session *session;
} PySession;

typedef struct PyFuture {
        PyObject_HEAD
        mars_future *future;
} PyFuture;

/* A read-only buffer over the memory of a result, which stays as long as the Map. */
typedef struct PyMap {
        PyObject_HEAD
        mars_map *map;
        const void *data;
        mars_dtype dtype;
        int ndim;
        Py_ssize_t shape[MARS_MAX_NDIM], stride[MARS_MAX_NDIM];
} PyMap;

static PyTypeObject *session_type, *future_type, *map_type;

static void free_instance(PyObject *self) {
        PyTypeObject *type = Py_TYPE(self);

        ((freefunc) PyType_GetSlot(type, Py_tp_free))(self);
        Py_DECREF(type);
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

/* After an exception between two slices: ends the work, keeps the exception. */
static void cancel(mars_future *future) {
        PyObject *type, *value, *traceback;

        PyErr_Fetch(&type, &value, &traceback);
        Py_BEGIN_ALLOW_THREADS
        mars_future_cancel(future);
        Py_END_ALLOW_THREADS
        PyErr_Restore(type, value, traceback);
}

/* 0: done; 1: not yet, after timeout_usec; -1 with an exception set. tick(progress) is called after every slice.
 * An exception of tick or of a signal handler cancels the work. */
static int wait(mars_future *future, uint64_t timeout_usec, PyObject *tick) {
        mars_error err = {};

        for (;;) {
                const uint64_t slice = timeout_usec < SLICE_USEC ? timeout_usec : SLICE_USEC;
                int r;

                Py_BEGIN_ALLOW_THREADS
                r = mars_future_wait(future, slice, &err);
                Py_END_ALLOW_THREADS
                if (r < 0) {
                        py_raise(r, &err);
                        return -1;
                }
                if (PyErr_CheckSignals() < 0) {
                        cancel(future);
                        return -1;
                }
                if (r == 0)
                        return 0;
                if (tick && tick != Py_None) {
                        PyObject *done = PyObject_CallFunction(tick, "d", mars_future_progress(future));

                        if (!done) {
                                cancel(future);
                                return -1;
                        }
                        Py_DECREF(done);
                }
                if (timeout_usec != UINT64_MAX) {
                        timeout_usec -= slice;
                        if (timeout_usec == 0)
                                return 1;
                }
        }
}

/* ---- Future ------------------------------------------------------------------------------------------------------ */

static mars_future *future_of(PyObject *self) {
        return ((PyFuture *) self)->future;
}

static void future_dealloc(PyObject *self) {
        mars_future_unref(future_of(self));
        free_instance(self);
}

/* wait(timeout_usec or None, tick) -> whether it is done; raises what the work raised. */
static PyObject *future_wait(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        uint64_t timeout = UINT64_MAX;
        int r;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "wait() takes 2 arguments, %zd given", n_args);
        if (args[0] != Py_None) {
                timeout = PyLong_AsUnsignedLongLong(args[0]);
                if (timeout == UINT64_MAX && PyErr_Occurred())
                        return NULL;
        }
        r = wait(future_of(self), timeout, args[1]);
        return r < 0 ? NULL : PyBool_FromLong(r == 0);
}

static PyObject *future_done(PyObject *self, PyObject *unused) {
        (void) unused;
        return PyBool_FromLong(mars_future_done(future_of(self)));
}

static PyObject *future_progress(PyObject *self, PyObject *unused) {
        (void) unused;
        return PyFloat_FromDouble(mars_future_progress(future_of(self)));
}

static PyObject *future_cancel(PyObject *self, PyObject *unused) {
        (void) unused;
        Py_BEGIN_ALLOW_THREADS
        mars_future_cancel(future_of(self));
        Py_END_ALLOW_THREADS
        Py_RETURN_NONE;
}

/* On a thread of the library; the reference to `userdata` is ours. After the interpreter's end nobody listens. */
static void call_back(void *userdata) {
        PyGILState_STATE state;
        PyObject *fn = userdata, *ret;

        if (!Py_IsInitialized())
                return;
        state = PyGILState_Ensure();
        ret = PyObject_CallFunctionObjArgs(fn, NULL);
        if (!ret)
                PyErr_WriteUnraisable(fn);
        Py_XDECREF(ret);
        Py_DECREF(fn);
        PyGILState_Release(state);
}

static PyObject *future_on_done(PyObject *self, PyObject *fn) {
        mars_error err = {};
        int r;

        Py_INCREF(fn);
        Py_BEGIN_ALLOW_THREADS
        r = mars_future_on_done(future_of(self), call_back, fn, &err);
        Py_END_ALLOW_THREADS
        if (r < 0) {
                Py_DECREF(fn);
                return py_raise(r, &err);
        }
        Py_RETURN_NONE;
}

static PyMethodDef future_methods[] = {
        { "wait", (PyCFunction) (void *) future_wait, METH_FASTCALL, "wait(timeout_usec, tick) -> done" },
        { "done", future_done, METH_NOARGS, NULL },
        { "progress", future_progress, METH_NOARGS, NULL },
        { "cancel", future_cancel, METH_NOARGS, NULL },
        { "on_done", future_on_done, METH_O, "Calls the function once, when done, on any thread." },
        {},
};

static PyType_Slot future_slots[] = {
        { Py_tp_doc, (char *) "Work in the background." },
        { Py_tp_dealloc, future_dealloc },
        { Py_tp_methods, future_methods },
        {},
};

static PyType_Spec future_spec = {
        .name      = "mars._mars.Future",
        .basicsize = sizeof(PyFuture),
        .flags     = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots     = future_slots,
};

/* ---- Map --------------------------------------------------------------------------------------------------------- */

static void map_dealloc(PyObject *self) {
        mars_map_free(((PyMap *) self)->map);
        free_instance(self);
}

static int map_getbuffer(PyObject *self, Py_buffer *ret, int flags) {
        PyMap *map = (PyMap *) self;
        Py_ssize_t bytes = (Py_ssize_t) mars_dtype_size(map->dtype);

        if (flags & PyBUF_WRITABLE) {
                PyErr_SetString(PyExc_BufferError, "the result of a computation is read-only");
                return -1;
        }
        *ret = (Py_buffer) {
                .buf      = (void *) (uintptr_t) map->data,
                .obj      = Py_NewRef(self),
                .len      = bytes,
                .itemsize = bytes,
                .readonly = 1,
                .ndim     = map->ndim,
                .format   = flags & PyBUF_FORMAT ? (char *) (uintptr_t) py_format(map->dtype) : NULL,
                .shape    = flags & PyBUF_ND ? map->shape : NULL,
                .strides  = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? map->stride : NULL,
        };
        for (int k = 0; k < map->ndim; k++)
                ret->len *= map->shape[k];
        return 0;
}

static PyType_Slot map_slots[] = {
        { Py_tp_doc, (char *) "The memory of a result, read-only." },
        { Py_tp_dealloc, map_dealloc },
        { Py_bf_getbuffer, map_getbuffer },
        {},
};

static PyType_Spec map_spec = {
        .name      = "mars._mars.Map",
        .basicsize = sizeof(PyMap),
        .flags     = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots     = map_slots,
};

/* ---- Session ----------------------------------------------------------------------------------------------------- */

mars_session *session_of(PyObject *self) {
        return ((PySession *) self)->session;
}

bool session_ready(PyObject *self) {
        if (session_of(self))
                return true;
        PyErr_SetString(PyExc_ValueError, "a Session that was not initialised");
        return false;
}

/* Of PyArg_Parse…(), whose own formats let numbers wrap around. */
static int unsigned_converter(PyObject *object, void *ret) {
        const unsigned long long n = PyLong_AsUnsignedLongLong(object);

        if (n == ULLONG_MAX && PyErr_Occurred()) {
                if (PyErr_ExceptionMatches(PyExc_OverflowError))
                        PyErr_Format(PyExc_ValueError, "%R is negative or too large", object);
                return 0;
        }
        *(uint64_t *) ret = n;
        return 1;
}

static PyObject *session_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
        static const char *const names[] = { "endpoint", "n_threads",   "memory_bytes", "cache_mem", "phy_mem",
                                             "disk",     "spill_dir",   "spill_codec",  "hugepages", "hugepage_size",
                                             "key_file", "keep_source", "default",      NULL };
        mars_session_options options = {};
        const char *endpoint = NULL;
        uint64_t n_threads = 0;
        int is_default = 0, r;
        mars_session *session;
        mars_error err = {};
        PySession *self;

        if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|zO&O&zzzzzzzzzp", (char **) (uintptr_t) names, &endpoint,
                                         unsigned_converter, &n_threads, unsigned_converter, &options.memory_bytes,
                                         &options.cache_mem, &options.phy_mem, &options.disk, &options.spill_dir,
                                         &options.spill_codec, &options.hugepages, &options.hugepage_size,
                                         &options.key_file, &options.keep_source, &is_default))
                return NULL;
        options.n_threads = n_threads < UINT_MAX ? (unsigned) n_threads : UINT_MAX;
        Py_BEGIN_ALLOW_THREADS
        if (is_default) {
                r = mars_session_default(&session, &err);
                if (r >= 0)
                        mars_session_ref(session);
        } else
                r = mars_session_new(&session, endpoint, &options, &err);
        Py_END_ALLOW_THREADS
        if (r < 0)
                return py_raise(r, &err);
        self = (PySession *) PyType_GenericAlloc(type, 0);
        if (self)
                self->session = session;
        else
                mars_session_unref(session);
        return (PyObject *) self;
}

static void session_release(PyObject *self) {
        mars_session *session = session_of(self);

        Py_BEGIN_ALLOW_THREADS
        mars_session_unref(session);
        Py_END_ALLOW_THREADS
}

/* Subclasses are classes of Python, with a dict: the base has no cycle to break, they have. */
static void session_dealloc(PyObject *self) {
        session_release(self);
        free_instance(self);
}

void tensors_done(Tensors *t) {
        for (size_t i = 0; i < t->n; i++)
                mars_tensor_unref(t->data[i]);
        if (t->data != t->near)
                free(t->data);
}

int read_tensors(PyObject *tuple, Tensors *ret) {
        Py_ssize_t n;

        *ret = (Tensors) { .data = ret->near };
        n = PyTuple_Check(tuple) ? PyTuple_Size(tuple) : -1;
        if (n < 0) {
                PyErr_SetString(PyExc_TypeError, "a tuple of tensors is wanted");
                return -1;
        }
        if (n > TENSORS_NEAR) {
                ret->data = malloc((size_t) n * sizeof(*ret->data));
                if (!ret->data) {
                        ret->data = ret->near;
                        PyErr_NoMemory();
                        return -1;
                }
        }
        for (Py_ssize_t i = 0; i < n; i++) {
                PyObject *t = PyTuple_GetItem(tuple, i);

                if (!py_is_tensor(t) || !py_tensor(t)) {
                        PyErr_SetString(PyExc_TypeError, "a tuple of tensors is wanted");
                        return -1;
                }
                ret->data[ret->n++] = mars_tensor_ref(py_tensor(t));
        }
        return 0;
}

/* execute(tensors, tick): computes them; waits. */
static PyObject *session_execute(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        mars_future *future = NULL;
        mars_error err = {};
        Tensors t;
        int r;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "execute() takes 2 arguments, %zd given", n_args);
        if (!session_ready(self))
                return NULL;
        r = read_tensors(args[0], &t);
        if (r >= 0) {
                Py_BEGIN_ALLOW_THREADS
                r = mars_begin(&future, session_of(self), t.n, t.data, &err);
                Py_END_ALLOW_THREADS
                if (r < 0)
                        py_raise(r, &err);
        }
        if (r >= 0)
                r = wait(future, UINT64_MAX, args[1]);
        mars_future_unref(future);
        tensors_done(&t);
        if (r < 0)
                return NULL;
        Py_RETURN_NONE;
}

/* submit(tensors) -> Future */
static PyObject *session_submit(PyObject *self, PyObject *tuple) {
        PyFuture *ret = NULL;
        mars_error err = {};
        Tensors t;

        if (!session_ready(self))
                return NULL;
        if (read_tensors(tuple, &t) >= 0)
                ret = (PyFuture *) PyType_GenericAlloc(future_type, 0);
        if (ret) {
                int r;

                Py_BEGIN_ALLOW_THREADS
                r = mars_submit(&ret->future, session_of(self), t.n, t.data, &err);
                Py_END_ALLOW_THREADS
                if (r < 0) {
                        Py_CLEAR(ret);
                        py_raise(r, &err);
                }
        }
        tensors_done(&t);
        return (PyObject *) ret;
}

mars_tensor *one_tensor(PyObject *self, PyObject *object) {
        if (!session_ready(self))
                return NULL;
        if (py_is_tensor(object) && py_tensor(object))
                return mars_tensor_ref(py_tensor(object));
        PyErr_SetString(PyExc_TypeError, "a Tensor is wanted");
        return NULL;
}

/* resolve(tensor): its shape becomes known. */
static PyObject *session_resolve(PyObject *self, PyObject *object) {
        mars_tensor *t = one_tensor(self, object);
        int r = 1;

        if (!t)
                return NULL;
        while (r > 0) {
                mars_future *future = NULL;
                mars_error err = {};

                Py_BEGIN_ALLOW_THREADS
                r = mars_tensor_resolve_begin(&future, session_of(self), t, &err);
                Py_END_ALLOW_THREADS
                if (r < 0)
                        py_raise(r, &err);
                else if (r > 0 && wait(future, UINT64_MAX, NULL) < 0)
                        r = -1;
                mars_future_unref(future);
        }
        mars_tensor_unref(t);
        if (r < 0)
                return NULL;
        Py_RETURN_NONE;
}

static PyObject *session_executed(PyObject *self, PyObject *object) {
        mars_tensor *t = one_tensor(self, object);
        bool executed;

        if (!t)
                return NULL;
        executed = mars_tensor_executed(t, session_of(self));
        mars_tensor_unref(t);
        return PyBool_FromLong(executed);
}

/* fetch(tensor, array): fills the array, which has the tensor's shape and dtype. */
static PyObject *session_fetch(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        int64_t shape[MARS_MAX_NDIM], stride[MARS_MAX_NDIM];
        mars_error err = {};
        mars_tensor *t;
        bool fits;
        Py_buffer b;
        int r;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "fetch() takes 2 arguments, %zd given", n_args);
        t = one_tensor(self, args[0]);
        if (!t)
                return NULL;
        if (PyObject_GetBuffer(args[1], &b, PyBUF_STRIDES | PyBUF_WRITABLE) < 0) {
                mars_tensor_unref(t);
                return NULL;
        }
        fits = mars_tensor_shape(t, shape) == 0 && b.ndim == (int) mars_tensor_ndim(t) &&
               b.itemsize == (Py_ssize_t) mars_dtype_size(mars_tensor_dtype(t));
        for (int k = 0; fits && k < b.ndim; k++) {
                fits = b.shape[k] == shape[k];
                stride[k] = b.strides[k];
        }
        if (fits) {
                Py_BEGIN_ALLOW_THREADS
                r = mars_fetch(session_of(self), t, b.buf, stride, &err);
                Py_END_ALLOW_THREADS
                if (r < 0)
                        py_raise(r, &err);
        } else {
                r = -1;
                PyErr_SetString(PyExc_ValueError, "the array does not have the tensor's shape and dtype");
        }
        PyBuffer_Release(&b);
        mars_tensor_unref(t);
        if (r < 0)
                return NULL;
        Py_RETURN_NONE;
}

/* map(tensor) -> Map, or None when its memory is not one array. */
static PyObject *session_map(PyObject *self, PyObject *object) {
        mars_tensor *t = one_tensor(self, object);
        int64_t shape[MARS_MAX_NDIM], bytes;
        mars_error err = {};
        PyMap *ret;
        int r;

        if (!t)
                return NULL;
        ret = (PyMap *) PyType_GenericAlloc(map_type, 0);
        if (!ret) {
                mars_tensor_unref(t);
                return NULL;
        }
        Py_BEGIN_ALLOW_THREADS
        r = mars_map_new(&ret->map, session_of(self), t, &ret->data, &err);
        Py_END_ALLOW_THREADS
        ret->dtype = mars_tensor_dtype(t);
        if (ret->dtype >= MARS_TIMEDELTA64) /* which buffers cannot say */
                ret->dtype = MARS_INT64;
        ret->ndim = (int) mars_tensor_ndim(t);
        mars_tensor_shape(t, shape);
        mars_tensor_unref(t);
        if (r < 0) {
                ret->map = NULL;
                Py_DECREF(ret);
                return py_raise(r, &err);
        }
        bytes = (int64_t) mars_dtype_size(ret->dtype);
        for (int k = ret->ndim; k-- > 0;) {
                ret->shape[k] = (Py_ssize_t) shape[k];
                ret->stride[k] = (Py_ssize_t) bytes;
                bytes *= shape[k] > 0 ? shape[k] : 1;
        }
        if (!ret->data) {
                Py_DECREF(ret);
                Py_RETURN_NONE;
        }
        return (PyObject *) ret;
}

/* explain(tensors, format) -> str */
static PyObject *session_explain(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        const char *format = NULL;
        PyObject *ret = NULL;
        mars_error err = {};
        char *text = NULL;
        Tensors t;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "explain() takes 2 arguments, %zd given", n_args);
        if (!session_ready(self))
                return NULL;
        if (args[1] != Py_None) {
                format = PyUnicode_AsUTF8AndSize(args[1], NULL);
                if (!format)
                        return NULL;
        }
        if (read_tensors(args[0], &t) >= 0) {
                int r;

                Py_BEGIN_ALLOW_THREADS
                r = mars_explain(&text, session_of(self), t.n, t.data, format, &err);
                Py_END_ALLOW_THREADS
                ret = r < 0 ? py_raise(r, &err) : PyUnicode_FromString(text);
                free(text);
        }
        tensors_done(&t);
        return ret;
}

static PyObject *session_save_as(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
        const char *name = n_args == 2 ? py_name(args[1]) : NULL;
        mars_error err   = {};
        mars_tensor *t;
        int r;

        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "_save_as() takes 2 arguments, %zd given", n_args);
        t = name && session_ready(self) ? py_tensor(args[0]) : NULL;
        if (!t)
                return NULL;
        Py_BEGIN_ALLOW_THREADS
        r = mars_save_as(session_of(self), t, name, &err);
        Py_END_ALLOW_THREADS
        if (r < 0)
                return py_raise(r, &err);
        Py_RETURN_NONE;
}

static PyObject *session_open(PyObject *self, PyObject *object) {
        const char *name    = py_name(object);
        mars_error err      = {};
        mars_tensor *tensor = NULL;
        int r;

        if (!name || !session_ready(self))
                return NULL;
        Py_BEGIN_ALLOW_THREADS
        r = mars_open(&tensor, session_of(self), name, &err);
        Py_END_ALLOW_THREADS
        return r < 0 ? py_raise(r, &err) : py_wrap(tensor);
}

static PyObject *session_names(PyObject *self, PyObject *unused) {
        mars_error err = {};
        char *names    = NULL;
        PyObject *ret;
        int r;

        (void) unused;
        if (!session_ready(self))
                return NULL;
        Py_BEGIN_ALLOW_THREADS
        r = mars_names(&names, session_of(self), &err);
        Py_END_ALLOW_THREADS
        ret = r < 0 ? py_raise(r, &err) : PyUnicode_FromString(names);
        free(names);
        return ret;
}

static PyObject *session_remove(PyObject *self, PyObject *object) {
        const char *name = py_name(object);
        mars_error err   = {};
        int r;

        if (!name || !session_ready(self))
                return NULL;
        Py_BEGIN_ALLOW_THREADS
        r = mars_remove(session_of(self), name, &err);
        Py_END_ALLOW_THREADS
        if (r < 0)
                return py_raise(r, &err);
        Py_RETURN_NONE;
}

static PyObject *session_close(PyObject *self, PyObject *unused) {
        (void) unused;
        if (!session_ready(self))
                return NULL;
        Py_BEGIN_ALLOW_THREADS
        mars_session_close(session_of(self));
        Py_END_ALLOW_THREADS
        Py_RETURN_NONE;
}

static PyObject *session_set_default(PyObject *self, PyObject *on) {
        if (!session_ready(self))
                return NULL;
        mars_session_set_default(on == Py_True ? session_of(self) : NULL);
        Py_RETURN_NONE;
}

static PyObject *session_stats(PyObject *self, PyObject *unused) {
        mars_session_stats s = {};
        mars_error err = {};
        int r;

        (void) unused;
        if (!session_ready(self))
                return NULL;
        r = mars_session_stat(session_of(self), &s, &err);
        if (r < 0)
                return py_raise(r, &err);
        return Py_BuildValue("{sKsKsKsKsKsKsKsKsKsKsKsKsKsKsKsIszss}",
                             "chunks", (unsigned long long) s.chunks,
                             "used_bytes", (unsigned long long) s.used_bytes,
                             "pinned_bytes", (unsigned long long) s.pinned_bytes,
                             "capacity_bytes", (unsigned long long) s.capacity_bytes,
                             "arena_bytes", (unsigned long long) s.arena_bytes,
                             "tasks_done", (unsigned long long) s.tasks_done,
                             "away_bytes", (unsigned long long) s.away_bytes,
                             "spilled", (unsigned long long) s.spilled,
                             "evicted", (unsigned long long) s.evicted,
                             "returned", (unsigned long long) s.returned,
                             "process_bytes", (unsigned long long) s.process_bytes,
                             "copied_bytes", (unsigned long long) s.copied_bytes,
                             "buffer_bytes", (unsigned long long) s.buffer_bytes,
                             "table_bytes", (unsigned long long) s.table_bytes,
                             "file_bytes", (unsigned long long) s.file_bytes,
                             "n_threads", s.n_threads,
                             "pages", s.pages,
                             "pages_text", s.pages_text);
}

/* The next line for the log, and whether it is a warning; None when there is no more. */
static PyObject *session_log(PyObject *self, PyObject *unused) {
        bool warning = false;
        mars_error err = {};
        char *text = NULL;
        PyObject *ret;
        int r;

        (void) unused;
        if (!session_ready(self))
                return NULL;
        r = mars_session_log(session_of(self), &text, &warning, &err);
        if (r < 0)
                return py_raise(r, &err);
        if (!text)
                Py_RETURN_NONE;
        ret = Py_BuildValue("si", text, (int) warning);
        free(text);
        return ret;
}

static PyMethodDef session_methods[] = {
        { "_execute", (PyCFunction) (void *) session_execute, METH_FASTCALL, NULL },
        { "_submit", session_submit, METH_O, NULL },
        { "_resolve", session_resolve, METH_O, "Computes what must be computed to know the tensor's shape." },
        { "_executed", session_executed, METH_O, NULL },
        { "_fetch", (PyCFunction) (void *) session_fetch, METH_FASTCALL, NULL },
        { "_map", session_map, METH_O, NULL },
        { "_save", (PyCFunction) (void *) session_save, METH_FASTCALL, NULL },
        { "_save_npz", (PyCFunction) (void *) session_save_npz, METH_FASTCALL, NULL },
        { "_save_zarr", session_save_zarr, METH_VARARGS, NULL },
        { "_explain", (PyCFunction) (void *) session_explain, METH_FASTCALL, NULL },
        { "_save_as", (PyCFunction) (void *) session_save_as, METH_FASTCALL, NULL },
        { "open", session_open, METH_O,
          "open($self, name, /)\n--\n\n"
          "The result of that name, as a tensor that this session has.\n\n"
          "Parameters\n"
          "----------\n"
          "name : str\n"
          "    As Tensor.save_as() was given it.\n\n"
          "Returns\n"
          "-------\n"
          "Tensor\n"
          "    Computed already.\n\n"
          "Raises\n"
          "------\n"
          "UnknownName\n"
          "    No result has the name.\n\n"
          "Examples\n"
          "--------\n"
          ">>> session = mars.new_session()\n"
          ">>> t = mt.arange(3).save_as('counts', session=session)\n"
          ">>> session.run(session.open('counts') * 2)\n"
          "array([0, 2, 4])\n"
          ">>> session.close()\n" },
        { "_names", session_names, METH_NOARGS, NULL },
        { "remove", session_remove, METH_O,
          "remove($self, name, /)\n--\n\n"
          "Takes the name from its result, which is freed when no tensor stands for it any more.\n\n"
          "Parameters\n"
          "----------\n"
          "name : str\n\n"
          "Raises\n"
          "------\n"
          "UnknownName\n"
          "    No result has the name.\n\n"
          "Examples\n"
          "--------\n"
          ">>> session = mars.new_session()\n"
          ">>> t = mt.arange(3).save_as('counts', session=session)\n"
          ">>> session.remove('counts')\n"
          ">>> session.names()\n"
          "[]\n"
          ">>> session.close()\n" },
        { "_close", session_close, METH_NOARGS, NULL },
        { "_set_default", session_set_default, METH_O, NULL },
        { "_log", session_log, METH_NOARGS, NULL },
        { "stats", session_stats, METH_NOARGS,
          "stats($self, /)\n--\n\n"
          "Numbers about chunks, memory and threads.\n\n"
          "Returns\n"
          "-------\n"
          "dict\n"
          "    Chunks, and bytes: of results in memory (used_bytes) and on disk (away_bytes), of what the process has\n"
          "    for them (arena_bytes, copied_bytes, buffer_bytes, table_bytes); tasks_done; how many chunks went to\n"
          "    disk and came back (spilled, returned); which pages are in use (pages_text).\n\n"
          "Examples\n"
          "--------\n"
          ">>> session = mars.new_session()\n"
          ">>> t = mt.ones(1000).execute(session=session)\n"
          ">>> session.stats()['chunks'], session.stats()['used_bytes'] >= t.nbytes\n"
          "(1, True)\n"
          ">>> session.close()\n" },
        {},
};

static PyType_Slot session_slots[] = {
        { Py_tp_doc, (char *) "Where tensors are computed and their results live." },
        { Py_tp_new, session_new },
        { Py_tp_dealloc, session_dealloc },
        { Py_tp_methods, session_methods },
        {},
};

static PyType_Spec session_spec = {
        .name      = "mars._mars.Session",
        .basicsize = sizeof(PySession),
        .flags     = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
        .slots     = session_slots,
};

static PyTypeObject *add_type(PyObject *module, PyType_Spec *spec, const char *name) {
        PyObject *type = PyType_FromSpec(spec);

        if (type && PyModule_AddObjectRef(module, name, type) < 0)
                Py_CLEAR(type);
        return (PyTypeObject *) type;
}

int py_session_add(PyObject *module) {
        session_type = add_type(module, &session_spec, "Session");
        future_type = add_type(module, &future_spec, "Future");
        map_type = add_type(module, &map_spec, "Map");
        return session_type && future_type && map_type ? 0 : -1;
}
