/* SPDX-License-Identifier: Apache-2.0 */
/* The module mars._mars: what it was handed, errors as exceptions, and operators by number with parameters by name. */
#include "py.h"

enum { MAX_PARAMS = 16, INPUTS_NEAR = 8 };

PyState py;

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

PyObject *py_raise(int code, const mars_error *err) {
        PyObject *number, *words, *class = NULL;
        const char *text = err->text[0] ? err->text : strerrordesc_np(-code) ?: "no reason was given";

        number = PyLong_FromLong(code);
        if (!number)
                return NULL;
        if (py.errors)
                class = PyDict_GetItemWithError(py.errors, number);
        Py_DECREF(number);
        if (!class && PyErr_Occurred())
                return NULL;
        if (!class)
                class = py.mars_error ?: PyExc_RuntimeError;
        /* A path, or what a file has in place of a number, may be no UTF-8. */
        words = PyUnicode_DecodeUTF8(text, (Py_ssize_t) strlen(text), "backslashreplace");
        if (!words)
                return NULL;
        if (PyErr_GivenExceptionMatches(class, PyExc_OSError)) {
                PyObject *value = PyObject_CallFunction(class, "iO", -code, words);

                if (value) {
                        PyErr_SetObject(class, value);
                        Py_DECREF(value);
                }
        } else
                PyErr_SetObject(class, words);
        Py_DECREF(words);
        return NULL;
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

static PyObject *wrap(mars_tensor *tensor) {
        PyTypeObject *class = py.tensor_class ? (PyTypeObject *) py.tensor_class : tensor_type;
        PyTensor *self = (PyTensor *) PyType_GenericAlloc(class, 0);

        if (!self) {
                mars_tensor_unref(tensor);
                return NULL;
        }
        self->tensor = tensor;
        return (PyObject *) self;
}

static PyObject *run_now(PyObject *made) {
        PyObject *done;

        if (!made || !py.eager)
                return made;
        done = PyObject_CallFunctionObjArgs(py.execute, made, NULL);
        if (!done)
                Py_CLEAR(made);
        Py_XDECREF(done);
        return made;
}

PyObject *py_wrap(mars_tensor *tensor) {
        return run_now(wrap(tensor));
}

PyObject *py_wrap_all(mars_tensor *const *tensors, unsigned n) {
        PyObject *ret;

        if (n == 1)
                return py_wrap(tensors[0]);
        ret = PyTuple_New(n);
        for (unsigned i = 0; i < n; i++) {
                PyObject *t = ret ? wrap(tensors[i]) : NULL;

                if (!t) {
                        if (!ret)
                                mars_tensor_unref(tensors[i]);
                        Py_CLEAR(ret);
                        continue;
                }
                PyTuple_SetItem(ret, i, t);
        }
        return run_now(ret);
}

/* ---- Parameters -------------------------------------------------------------------------------------------------- */

typedef struct Params {
        size_t n;
        mars_param param[MAX_PARAMS];
        int64_t *dims[MAX_PARAMS]; /* to free */
} Params;

static void params_done(Params *params) {
        for (size_t i = 0; i < params->n; i++)
                free(params->dims[i]);
}

static const mars_param_info *param_info(const mars_op_info *info, const char *name) {
        for (unsigned i = 0; i < info->n_param; i++)
                if (strcmp(info->param[i].name, name) == 0)
                        return &info->param[i];
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%s'", info->name, name);
        return NULL;
}

static int read_param(const mars_param_info *info, PyObject *value, mars_param *ret, int64_t **ret_dims) {
        mars_dtype dtype;
        int truth;

        *ret = (mars_param) { .name = info->name, .kind = info->kind };
        *ret_dims = NULL;
        switch (info->kind) {
        case MARS_PARAM_BOOL:
                truth = PyObject_IsTrue(value);
                ret->i64 = truth;
                return truth < 0 ? -1 : 0;
        case MARS_PARAM_I64: {
                PyObject *index = PyNumber_Index(value);

                if (!index)
                        return -1;
                ret->i64 = PyLong_AsLongLong(index);
                Py_DECREF(index);
                return ret->i64 == -1 && PyErr_Occurred() ? -1 : 0;
        }
        case MARS_PARAM_F64:
                ret->f64 = PyFloat_AsDouble(value);
                return ret->f64 == -1 && PyErr_Occurred() ? -1 : 0;
        case MARS_PARAM_SCALAR:
                return py_to_scalar(value, &ret->scalar);
        case MARS_PARAM_DTYPE:
                if (py_to_dtype(value, &dtype) < 0)
                        return -1;
                ret->i64 = (int64_t) dtype;
                return 0;
        case MARS_PARAM_DIMS: {
                size_t n;

                if (py_to_dims(value, ret_dims, &n) < 0)
                        return -1;
                ret->dims = *ret_dims;
                ret->n = n;
                return 0;
        }
        case MARS_PARAM_TEXT:
                ret->text = PyUnicode_AsUTF8AndSize(value, NULL);
                return ret->text ? 0 : -1;
        }
        PyErr_Format(PyExc_TypeError, "%s: a parameter of kind %d", info->name, (int) info->kind);
        return -1;
}

/* None stands for what was left out. */
static int read_params(const mars_op_info *info, PyObject *dict, Params *ret) {
        PyObject *key, *value;
        Py_ssize_t at = 0;

        if (dict == Py_None)
                return 0;
        while (PyDict_Next(dict, &at, &key, &value)) {
                const char *name = PyUnicode_AsUTF8AndSize(key, NULL);
                const mars_param_info *p;

                if (!name)
                        return -1;
                p = param_info(info, name);
                if (!p)
                        return -1;
                if (value == Py_None)
                        continue;
                if (ret->n == MAX_PARAMS) {
                        PyErr_Format(PyExc_TypeError, "%s: more than %d parameters", info->name, MAX_PARAMS);
                        return -1;
                }
                if (read_param(p, value, &ret->param[ret->n], &ret->dims[ret->n]) < 0)
                        return -1;
                ret->n++;
        }
        return 0;
}

/* ---- Operators --------------------------------------------------------------------------------------------------- */

static PyObject *call_op(unsigned number, PyObject *params, PyObject *const *args, Py_ssize_t n) {
        const mars_op_info *info = mars_op_describe(number);
        mars_tensor *near[INPUTS_NEAR], **in = near, *out[8];
        mars_error err = {};
        PyObject *ret = NULL;
        Params p = {};
        Py_ssize_t i;
        int r;

        if (!info || info->n_out > sizeof(out) / sizeof(out[0]))
                return PyErr_Format(PyExc_ValueError, "there is no operator of number %u", number);
        if (n > INPUTS_NEAR) {
                in = malloc((size_t) n * sizeof(*in));
                if (!in)
                        return PyErr_NoMemory();
        }
        for (i = 0; i < n; i++)
                if (py_to_tensor(args[i], false, &in[i]) < 0)
                        goto finish;
        if (read_params(info, params, &p) >= 0) {
                r = mars_op(out, number, (unsigned) n, in, p.param, p.n, &err);
                ret = r < 0 ? py_raise(r, &err) : py_wrap_all(out, info->n_out);
        }
finish:
        params_done(&p);
        while (i-- > 0)
                mars_tensor_unref(in[i]);
        if (in != near)
                free(in);
        return ret;
}

static int params_given(PyObject *params) {
        if (params == Py_None || PyDict_Check(params))
                return 0;
        PyErr_SetString(PyExc_TypeError, "parameters are a dict or None");
        return -1;
}

/* op(number, params, *inputs) */
static PyObject *module_op(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
        unsigned long number;

        (void) module;
        if (n_args < 2)
                return PyErr_Format(PyExc_TypeError, "op() takes a number, parameters and inputs");
        number = PyLong_AsUnsignedLong(args[0]);
        if (number == (unsigned long) -1 && PyErr_Occurred())
                return NULL;
        if (params_given(args[1]) < 0)
                return NULL;
        return call_op(number > UINT32_MAX ? UINT32_MAX : (unsigned) number, args[1], args + 2, n_args - 2);
}

/* operators() -> [(name, doc, family, inputs, n_in, n_out, variadic, hidden, ((name, kind, fallback, doc), …)), …] */
static PyObject *module_operators(PyObject *module, PyObject *unused) {
        PyObject *list = PyList_New(0);

        (void) module;
        (void) unused;
        for (unsigned i = 0; list && i < mars_op_count(); i++) {
                const mars_op_info *o = mars_op_describe(i);
                PyObject *params, *entry;

                if (!o) {
                        Py_DECREF(list);
                        return PyErr_NoMemory();
                }
                params = PyTuple_New(o->n_param);
                for (unsigned k = 0; params && k < o->n_param; k++) {
                        const mars_param_info *info = &o->param[k];
                        PyObject *p = Py_BuildValue("(sizz)", info->name, (int) info->kind, info->fallback, info->doc);

                        if (!p)
                                Py_CLEAR(params);
                        else
                                PyTuple_SetItem(params, k, p);
                }
                if (!params) {
                        Py_DECREF(list);
                        return NULL;
                }
                entry = Py_BuildValue("(szzzIIOON)", o->name, o->doc, o->family, o->inputs, o->n_in, o->n_out,
                                      o->variadic ? Py_True : Py_False, o->hidden ? Py_True : Py_False, params);
                if (!entry || PyList_Append(list, entry) < 0)
                        Py_CLEAR(list);
                Py_XDECREF(entry);
        }
        return list;
}

/* ---- Tensors from outside ---------------------------------------------------------------------------------------- */

/* data(object, chunk_size): a tensor of the object's values; chunk_size in the flat form or None. */
static PyObject *module_data(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
        int64_t *cuts = NULL;
        size_t n_cuts = 0;
        mars_tensor *t;
        int r;

        (void) module;
        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "data() takes 2 arguments, %zd given", n_args);
        if (args[1] != Py_None && py_to_dims(args[1], &cuts, &n_cuts) < 0)
                return NULL;
        r = py_to_data(args[0], cuts, n_cuts, &t);
        free(cuts);
        return r < 0 ? NULL : py_wrap(t);
}

static PyObject *module_dtype_code(PyObject *module, PyObject *object) {
        mars_dtype dtype;

        (void) module;
        return py_to_dtype(object, &dtype) < 0 ? NULL : PyLong_FromLong((long) dtype);
}

static PyObject *module_promote(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
        mars_dtype a, b, both;

        (void) module;
        if (n_args != 2)
                return PyErr_Format(PyExc_TypeError, "promote() takes 2 arguments, %zd given", n_args);
        if (py_to_dtype(args[0], &a) < 0 || py_to_dtype(args[1], &b) < 0)
                return NULL;
        both = mars_promote_types(a, b);
        if (both == MARS_DTYPE_NONE)
                return PyErr_Format(PyExc_TypeError, "%s and %s do not have a common dtype", mars_dtype_name(a),
                                    mars_dtype_name(b));
        return Py_NewRef(PyTuple_GetItem(py.dtypes, (Py_ssize_t) both));
}

static PyObject *module_can_cast(PyObject *module, PyObject *const *args, Py_ssize_t n_args) {
        const char *casting;
        mars_dtype a, b;

        (void) module;
        if (n_args != 3)
                return PyErr_Format(PyExc_TypeError, "can_cast() takes 3 arguments, %zd given", n_args);
        if (py_to_dtype(args[0], &a) < 0 || py_to_dtype(args[1], &b) < 0)
                return NULL;
        casting = PyUnicode_AsUTF8AndSize(args[2], NULL);
        return casting ? PyBool_FromLong(mars_can_cast(a, b, casting)) : NULL;
}

/* ---- Setup ------------------------------------------------------------------------------------------------------- */

static int take(PyObject *from, const char *name, PyObject **ret) {
        PyObject *value = PyDict_GetItemString(from, name);

        if (!value) {
                PyErr_Format(PyExc_TypeError, "setup() misses '%s'", name);
                return -1;
        }
        Py_INCREF(value);
        Py_XDECREF(*ret);
        *ret = value;
        return 0;
}

/* setup(**objects): once, from mars/_core.py. */
static PyObject *module_setup(PyObject *module, PyObject *args, PyObject *objects) {
        (void) module;
        (void) args;
        if (!objects || take(objects, "tensor_class", &py.tensor_class) < 0 ||
            take(objects, "errors", &py.errors) < 0 || take(objects, "mars_error", &py.mars_error) < 0 ||
            take(objects, "dtypes", &py.dtypes) < 0 || take(objects, "dtype_codes", &py.dtype_codes) < 0 ||
            take(objects, "read_dtype", &py.read_dtype) < 0 || take(objects, "read_array", &py.read_array) < 0 ||
            take(objects, "masked_class", &py.masked_class) < 0 || take(objects, "execute", &py.execute) < 0)
                return NULL;
        if (!PyType_Check(py.tensor_class) || !PyType_IsSubtype((PyTypeObject *) py.tensor_class, tensor_type))
                return PyErr_Format(PyExc_TypeError, "setup(): tensor_class is not a subclass of Tensor");
        if (!PyType_Check(py.masked_class))
                return PyErr_Format(PyExc_TypeError, "setup(): masked_class is not a class");
        Py_RETURN_NONE;
}

static PyObject *module_set_eager(PyObject *module, PyObject *on) {
        int truth = PyObject_IsTrue(on);

        (void) module;
        if (truth < 0)
                return NULL;
        py.eager = truth > 0;
        Py_RETURN_NONE;
}

#define FASTCALL(fn) (PyCFunction) (void *) (fn)

static PyMethodDef module_methods[] = {
        { "op", FASTCALL(module_op), METH_FASTCALL, "op(number, params, *inputs): an operator's outputs." },
        { "operators", module_operators, METH_NOARGS, "The operator table." },
        { "data", FASTCALL(module_data), METH_FASTCALL, "data(object, chunk_size): a tensor of values." },
        { "to_dlpack", FASTCALL(py_to_dlpack), METH_FASTCALL, "to_dlpack(array, versioned, copied): a capsule." },
        { "from_dlpack", py_from_dlpack, METH_O, "from_dlpack(capsule): a tensor." },
        { "dtype_code", module_dtype_code, METH_O, "The number of a dtype." },
        { "promote", FASTCALL(module_promote), METH_FASTCALL, "promote(a, b): the dtype that holds both." },
        { "can_cast", FASTCALL(module_can_cast), METH_FASTCALL, "can_cast(a, b, casting)" },
        { "setup", FASTCALL(module_setup), METH_VARARGS | METH_KEYWORDS, "Hands over the package's objects." },
        { "set_eager", module_set_eager, METH_O, "Whether operators run when they are written." },
        {},
};

static struct PyModuleDef module_def = {
        PyModuleDef_HEAD_INIT,
        .m_name    = "mars._mars",
        .m_doc     = "libmars for Python; use mars.tensor.",
        .m_size    = -1,
        .m_methods = module_methods,
};

PyMODINIT_FUNC PyInit__mars(void);

PyMODINIT_FUNC PyInit__mars(void) {
        PyObject *module = PyModule_Create(&module_def);

        if (!module)
                return NULL;
        if (py_tensor_add(module) < 0 || py_session_add(module) < 0 || py_files_add(module) < 0 ||
            PyModule_AddStringConstant(module, "version", mars_version()) < 0 ||
            PyModule_AddIntConstant(module, "MAX_NDIM", MARS_MAX_NDIM) < 0)
                Py_CLEAR(module);
        return module;
}
