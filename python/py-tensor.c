/* SPDX-License-Identifier: Apache-2.0 */
/* The type Tensor: a handle of mars.h. Operators of the language build expressions here, without a detour
 * through Python, so that `a + b` costs about a microsecond; everything else is in the subclass
 * mars.tensor.Tensor.
 *
 * The handle can be given another tensor (in-place operators, __setitem__): expressions made before keep the old
 * one. */
#include "py.h"

#include <stddef.h>
#include <structmember.h>

PyTypeObject *tensor_type;

typedef struct WeakTensor {
        PyTensor tensor;
        PyObject *weakrefs;
} WeakTensor;

/* ---- Operators by name ------------------------------------------------------------------------------------------- */

typedef enum Known {
        ADD, SUBTRACT, MULTIPLY, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER, MATMUL, LEFT_SHIFT, RIGHT_SHIFT, AND, OR, XOR,
        NEGATIVE, POSITIVE, ABSOLUTE, INVERT, SQUARE, SQRT, RECIPROCAL, LESS, LESS_EQUAL, EQUAL, NOT_EQUAL, GREATER,
        GREATER_EQUAL, CAST, N_KNOWN,
} Known;

static const char *const known_names[N_KNOWN] = {
        [ADD] = "add", [SUBTRACT] = "subtract", [MULTIPLY] = "multiply", [DIVIDE] = "divide",
        [FLOOR_DIVIDE] = "floor_divide", [REMAINDER] = "remainder", [POWER] = "power", [MATMUL] = "matmul",
        [LEFT_SHIFT] = "left_shift", [RIGHT_SHIFT] = "right_shift", [AND] = "bitwise_and", [OR] = "bitwise_or",
        [XOR] = "bitwise_xor", [NEGATIVE] = "negative", [POSITIVE] = "positive", [ABSOLUTE] = "absolute",
        [INVERT] = "invert", [SQUARE] = "square", [SQRT] = "sqrt", [RECIPROCAL] = "reciprocal", [LESS] = "less",
        [LESS_EQUAL] = "less_equal", [EQUAL] = "equal", [NOT_EQUAL] = "not_equal", [GREATER] = "greater",
        [GREATER_EQUAL] = "greater_equal", [CAST] = "cast",
};

static unsigned known_number[N_KNOWN]; /* 0: not asked for yet; else the operator's number + 1 */

/* NULL with an exception set, or a new tensor. */
static mars_tensor *build(Known known, unsigned n, mars_tensor *const *in, const mars_param *params, size_t n_params) {
        mars_error err = {};
        mars_tensor *ret;
        int r;

        if (known_number[known] == 0) {
                unsigned number;

                if (mars_op_find(&number, known_names[known], &err) < 0) {
                        PyErr_Format(PyExc_NotImplementedError, "this build has no operator '%s'", known_names[known]);
                        return NULL;
                }
                known_number[known] = number + 1;
        }
        r = mars_op(&ret, known_number[known] - 1, n, in, params, n_params, &err);
        if (r >= 0)
                return ret;
        py_raise(r, &err);
        return NULL;
}

static PyObject *wrap(mars_tensor *tensor) {
        return tensor ? py_wrap(tensor) : NULL;
}

/* ---- Binary operators -------------------------------------------------------------------------------------------- */

/* 0: both are tensors now; 1: NotImplemented; -1: an exception. */
static int operands(PyObject *a, PyObject *b, mars_tensor *ret[static 2]) {
        int r = py_to_tensor(a, true, &ret[0]);

        if (r != 0)
                return r;
        r = py_to_tensor(b, true, &ret[1]);
        if (r != 0)
                mars_tensor_unref(ret[0]);
        return r;
}

static PyObject *binary(Known known, PyObject *a, PyObject *b) {
        mars_tensor *in[2], *made;
        int r = operands(a, b, in);

        if (r > 0)
                return Py_NewRef(Py_NotImplemented);
        if (r < 0)
                return NULL;
        made = build(known, 2, in, NULL, 0);
        mars_tensor_unref(in[0]);
        mars_tensor_unref(in[1]);
        return wrap(made);
}

#define BINARY(name, known)                                                                                            \
        static PyObject *tensor_##name(PyObject *a, PyObject *b) {                                                     \
                return binary(known, a, b);                                                                            \
        }
BINARY(add, ADD)
BINARY(subtract, SUBTRACT)
BINARY(multiply, MULTIPLY)
BINARY(divide, DIVIDE)
BINARY(floor_divide, FLOOR_DIVIDE)
BINARY(remainder, REMAINDER)
BINARY(matmul, MATMUL)
BINARY(left_shift, LEFT_SHIFT)
BINARY(right_shift, RIGHT_SHIFT)
BINARY(and, AND)
BINARY(or, OR)
BINARY(xor, XOR)

static PyObject *tensor_divmod(PyObject *a, PyObject *b) {
        PyObject *quotient = binary(FLOOR_DIVIDE, a, b), *rest, *ret;

        if (!quotient || quotient == Py_NotImplemented)
                return quotient;
        rest = binary(REMAINDER, a, b);
        ret = rest ? PyTuple_Pack(2, quotient, rest) : NULL;
        Py_DECREF(quotient);
        Py_XDECREF(rest);
        return ret;
}

/* Powers that NumPy's ** computes by other means, with those bits: x ** 2 is x * x. N_KNOWN: none. */
static Known power_shortcut(PyObject *base, PyObject *exponent) {
        mars_dtype dtype;
        double e;

        if (!py_is_tensor(base) || !py_tensor(base) || !(PyFloat_CheckExact(exponent) || PyLong_CheckExact(exponent)))
                return N_KNOWN;
        e = PyFloat_AsDouble(exponent);
        if (e == -1 && PyErr_Occurred()) {
                PyErr_Clear();
                return N_KNOWN;
        }
        dtype = mars_tensor_dtype(py_tensor(base));
        if (dtype < MARS_FLOAT16)
                return e == 2 && dtype != MARS_BOOL && PyLong_CheckExact(exponent) ? SQUARE : N_KNOWN;
        return e == 2 ? SQUARE : e == 1 ? POSITIVE : e == -1 ? RECIPROCAL : e == 0.5 ? SQRT : N_KNOWN;
}

static PyObject *power(PyObject *a, PyObject *b) {
        Known shortcut = power_shortcut(a, b);

        if (shortcut != N_KNOWN)
                return wrap(build(shortcut, 1, (mars_tensor *[]) { py_tensor(a) }, NULL, 0));
        return binary(POWER, a, b);
}

static PyObject *tensor_power(PyObject *a, PyObject *b, PyObject *modulus) {
        if (modulus != Py_None)
                return Py_NewRef(Py_NotImplemented);
        return power(a, b);
}

static PyObject *tensor_richcompare(PyObject *a, PyObject *b, int how) {
        static const Known known[] = {
                [Py_LT] = LESS, [Py_LE] = LESS_EQUAL, [Py_EQ] = EQUAL, [Py_NE] = NOT_EQUAL, [Py_GT] = GREATER,
                [Py_GE] = GREATER_EQUAL,
        };
        PyObject *far, *ret;
        int overflow = 0;

        if (PyLong_CheckExact(b)) {
                PyLong_AsLongLongAndOverflow(b, &overflow);
                /* Past all integers, which compare with it as with an infinity; between int64 and uint64 the
                 * library knows. */
                if (overflow < 0 || (overflow > 0 && PyLong_AsUnsignedLongLong(b) == UINT64_MAX && PyErr_Occurred())) {
                        PyErr_Clear();
                        far = PyFloat_FromDouble(overflow < 0 ? -Py_HUGE_VAL : Py_HUGE_VAL);
                        ret = far ? binary(known[how], a, far) : NULL;
                        Py_XDECREF(far);
                        return ret;
                }
        }
        return binary(known[how], a, b);
}

/* ---- Unary operators --------------------------------------------------------------------------------------------- */

static PyObject *unary(Known known, PyObject *a) {
        if (!py_tensor(a))
                return PyErr_Format(PyExc_ValueError, "a Tensor that was not initialised");
        return wrap(build(known, 1, (mars_tensor *[]) { py_tensor(a) }, NULL, 0));
}

#define UNARY(name, known)                                                                                             \
        static PyObject *tensor_##name(PyObject *a) {                                                                  \
                return unary(known, a);                                                                                \
        }
UNARY(negative, NEGATIVE)
UNARY(positive, POSITIVE)
UNARY(absolute, ABSOLUTE)
UNARY(invert, INVERT)

/* ---- In place ---------------------------------------------------------------------------------------------------- */

/* The handle stands for `made` from now on, which must have its shape and become its dtype as NumPy allows it.
 * Takes the reference over. */
static int rebind(PyTensor *self, mars_tensor *made, const char *what) {
        const mars_dtype want = mars_tensor_dtype(self->tensor), have = mars_tensor_dtype(made);
        const unsigned ndim = mars_tensor_ndim(self->tensor);
        int64_t mine[MARS_MAX_NDIM], theirs[MARS_MAX_NDIM];
        mars_tensor *old;
        bool same;

        mars_tensor_shape(self->tensor, mine);
        mars_tensor_shape(made, theirs);
        same = ndim == mars_tensor_ndim(made);
        for (unsigned k = 0; same && k < ndim; k++)
                same = mine[k] == theirs[k] || mine[k] < 0 || theirs[k] < 0;
        if (!same) {
                PyErr_Format(PyExc_ValueError, "non-broadcastable output operand of '%s': the result has another shape",
                             what);
                mars_tensor_unref(made);
                return -1;
        }
        if (want != have) {
                mars_param dtype = { .name = "dtype", .kind = MARS_PARAM_DTYPE, .i64 = (int64_t) want };
                mars_tensor *cast = NULL;

                if (mars_can_cast(have, want, "same_kind"))
                        cast = build(CAST, 1, &made, &dtype, 1);
                else
                        PyErr_Format(PyExc_TypeError,
                                     "Cannot cast ufunc '%s' output from dtype('%s') to dtype('%s') with casting rule "
                                     "'same_kind'",
                                     what, mars_dtype_name(have), mars_dtype_name(want));
                mars_tensor_unref(made);
                if (!cast)
                        return -1;
                made = cast;
        }
        old = self->tensor;
        self->tensor = made;
        mars_tensor_unref(old);
        return 0;
}

/* self op= other: what the operator made becomes self. */
static PyObject *in_place(PyObject *self, PyObject *made, const char *what) {
        int r;

        if (!made || made == Py_NotImplemented)
                return made;
        r = rebind((PyTensor *) self, mars_tensor_ref(py_tensor(made)), what);
        Py_DECREF(made);
        return r < 0 ? NULL : Py_NewRef(self);
}

#define IN_PLACE(name, known)                                                                                          \
        static PyObject *tensor_inplace_##name(PyObject *a, PyObject *b) {                                             \
                return in_place(a, binary(known, a, b), known_names[known]);                                           \
        }
IN_PLACE(add, ADD)
IN_PLACE(subtract, SUBTRACT)
IN_PLACE(multiply, MULTIPLY)
IN_PLACE(divide, DIVIDE)
IN_PLACE(floor_divide, FLOOR_DIVIDE)
IN_PLACE(remainder, REMAINDER)
IN_PLACE(matmul, MATMUL)
IN_PLACE(left_shift, LEFT_SHIFT)
IN_PLACE(right_shift, RIGHT_SHIFT)
IN_PLACE(and, AND)
IN_PLACE(or, OR)
IN_PLACE(xor, XOR)

static PyObject *tensor_inplace_power(PyObject *a, PyObject *b, PyObject *modulus) {
        return modulus == Py_None ? in_place(a, power(a, b), known_names[POWER]) : Py_NewRef(Py_NotImplemented);
}

/* _rebind(tensor): the handle stands for another tensor of its shape. */
static PyObject *tensor_rebind(PyObject *self, PyObject *other) {
        if (!py_is_tensor(other) || !py_tensor(other))
                return PyErr_Format(PyExc_TypeError, "_rebind() takes a Tensor");
        if (rebind((PyTensor *) self, mars_tensor_ref(py_tensor(other)), "assignment") < 0)
                return NULL;
        Py_RETURN_NONE;
}

/* _same(): another handle of the same tensor, which later assignments to this one do not change. */
static PyObject *tensor_same(PyObject *self, PyObject *unused) {
        (void) unused;
        return py_wrap(mars_tensor_ref(py_tensor(self)));
}

/* _seen_as(class): the same as a handle of a subclass, which may have slots of its own. */
static PyObject *tensor_seen_as(PyObject *self, PyObject *class) {
        PyTensor *seen;

        if (!PyType_Check(class) || !PyType_IsSubtype((PyTypeObject *) class, tensor_type))
                return PyErr_Format(PyExc_TypeError, "_seen_as() takes a subclass of Tensor");
        seen = (PyTensor *) PyType_GenericAlloc((PyTypeObject *) class, 0);
        if (seen)
                seen->tensor = mars_tensor_ref(py_tensor(self));
        return (PyObject *) seen;
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static PyObject *shape_tuple(PyObject *self, bool *ret_known) {
        int64_t shape[MARS_MAX_NDIM];
        unsigned ndim;
        PyObject *ret;

        if (!py_tensor(self))
                return PyErr_Format(PyExc_ValueError, "a Tensor that was not initialised");
        ndim = mars_tensor_ndim(py_tensor(self));
        *ret_known = mars_tensor_shape(py_tensor(self), shape) == 0;
        ret = PyTuple_New(ndim);
        for (unsigned k = 0; ret && k < ndim; k++) {
                PyObject *n = PyLong_FromLongLong(shape[k]);

                if (!n)
                        Py_CLEAR(ret);
                else
                        PyTuple_SetItem(ret, k, n);
        }
        return ret;
}

/* The handle stands for the same elements in another shape. */
static int tensor_set_shape(PyObject *self, PyObject *shape, void *closure) {
        PyObject *made;
        mars_tensor *old = py_tensor(self);

        (void) closure;
        if (!shape || !old) {
                PyErr_SetString(PyExc_AttributeError, "the shape of a tensor cannot be deleted");
                return -1;
        }
        made = PyObject_CallMethod(self, "reshape", "(O)", shape);
        if (!made)
                return -1;
        if (!py_is_tensor(made)) {
                Py_DECREF(made);
                PyErr_SetString(PyExc_TypeError, "reshape() gives a tensor");
                return -1;
        }
        ((PyTensor *) self)->tensor = mars_tensor_ref(py_tensor(made));
        mars_tensor_unref(old);
        Py_DECREF(made);
        return 0;
}

static PyObject *tensor_get_known_shape(PyObject *self, void *closure) {
        bool known;

        (void) closure;
        return shape_tuple(self, &known);
}

/* Dimensions that depend on data are computed when somebody wants to see them. */
static PyObject *tensor_get_shape(PyObject *self, void *closure) {
        PyObject *ret, *done;
        bool known = false;

        (void) closure;
        ret = shape_tuple(self, &known);
        if (!ret || known)
                return ret;
        Py_DECREF(ret);
        done = PyObject_CallMethod(self, "_resolve", NULL);
        if (!done)
                return NULL;
        Py_DECREF(done);
        return shape_tuple(self, &known);
}

static PyObject *tensor_get_dtype(PyObject *self, void *closure) {
        (void) closure;
        if (!py_tensor(self))
                return PyErr_Format(PyExc_ValueError, "a Tensor that was not initialised");
        return Py_XNewRef(PyTuple_GetItem(py.dtypes, (Py_ssize_t) mars_tensor_dtype(py_tensor(self))));
}

static PyObject *tensor_get_ndim(PyObject *self, void *closure) {
        (void) closure;
        return PyLong_FromUnsignedLong(py_tensor(self) ? mars_tensor_ndim(py_tensor(self)) : 0);
}

static PyObject *tensor_get_op(PyObject *self, void *closure) {
        (void) closure;
        return PyUnicode_FromString(py_tensor(self) ? mars_tensor_op_name(py_tensor(self)) : "none");
}

/* _chunks(): for each axis n, then the n lengths, in one tuple. */
static PyObject *tensor_chunks(PyObject *self, PyObject *unused) {
        mars_error err = {};
        PyObject *ret;
        int64_t *flat;
        size_t n;
        int r;

        (void) unused;
        Py_BEGIN_ALLOW_THREADS
        r = mars_tensor_chunks(py_tensor(self), &flat, &n, &err);
        Py_END_ALLOW_THREADS
        if (r < 0)
                return py_raise(r, &err);
        ret = PyTuple_New((Py_ssize_t) n);
        for (size_t i = 0; ret && i < n; i++)
                PyTuple_SetItem(ret, (Py_ssize_t) i, PyLong_FromLongLong(flat[i]));
        free(flat);
        return ret;
}

/* ---- The type ---------------------------------------------------------------------------------------------------- */

static void tensor_dealloc(PyObject *self) {
        PyTypeObject *type = Py_TYPE(self);

        if (((WeakTensor *) self)->weakrefs)
                PyObject_ClearWeakRefs(self);
        mars_tensor_unref(py_tensor(self));
        ((freefunc) PyType_GetSlot(type, Py_tp_free))(self);
        Py_DECREF(type);
}

static PyMemberDef tensor_members[] = {
        { "__weaklistoffset__", T_PYSSIZET, offsetof(WeakTensor, weakrefs), READONLY, NULL },
        {},
};

static PyMethodDef tensor_methods[] = {
        { "_rebind", tensor_rebind, METH_O, "The handle stands for another tensor from now on." },
        { "_same", tensor_same, METH_NOARGS, "Another handle of the same tensor." },
        { "_seen_as", tensor_seen_as, METH_O, "Another handle of the same tensor, of a subclass." },
        { "_chunks", tensor_chunks, METH_NOARGS, "Chunk lengths, flat." },
        {},
};

static PyGetSetDef tensor_getset[] = {
        { "shape", tensor_get_shape, tensor_set_shape,
          "Lengths of the axes, a tuple; computed when they depend on data.\n\n"
          "Assigned to, the tensor has its elements in that shape.\n\n"
          "Examples\n"
          "--------\n"
          ">>> mt.zeros((2, 3)).shape\n"
          "(2, 3)\n"
          ">>> a = mt.arange(10)\n"
          ">>> a[a > 6].shape\n"
          "(3,)\n"
          ">>> a.shape = 5, 2\n"
          ">>> a[1].execute()\n"
          "Tensor([2, 3])\n",
          NULL },
        { "_known_shape", tensor_get_known_shape, NULL, "Lengths of the axes, -1 where they are not known yet.", NULL },
        { "dtype", tensor_get_dtype, NULL,
          "NumPy's dtype of the elements.\n\n"
          "Examples\n"
          "--------\n"
          ">>> (mt.zeros(3, dtype='float32') * 2).dtype\n"
          "dtype('float32')\n",
          NULL },
        { "ndim", tensor_get_ndim, NULL,
          "Number of axes.\n\n"
          "Examples\n"
          "--------\n"
          ">>> mt.zeros((2, 3)).ndim\n"
          "2\n",
          NULL },
        { "op", tensor_get_op, NULL,
          "Name of the operator that makes the tensor.\n\n"
          "Examples\n"
          "--------\n"
          ">>> (mt.zeros(3) + 1).op\n"
          "'add'\n",
          NULL },
        {},
};

static PyType_Slot tensor_slots[] = {
        { Py_tp_doc, (char *) "A lazy, chunked array: an expression, and its value once it was executed." },
        { Py_tp_dealloc, tensor_dealloc },
        { Py_tp_members, tensor_members },
        { Py_tp_methods, tensor_methods },
        { Py_tp_getset, tensor_getset },
        { Py_tp_richcompare, tensor_richcompare },
        { Py_tp_hash, PyObject_HashNotImplemented },
        { Py_nb_add, tensor_add },
        { Py_nb_subtract, tensor_subtract },
        { Py_nb_multiply, tensor_multiply },
        { Py_nb_true_divide, tensor_divide },
        { Py_nb_floor_divide, tensor_floor_divide },
        { Py_nb_remainder, tensor_remainder },
        { Py_nb_divmod, tensor_divmod },
        { Py_nb_power, tensor_power },
        { Py_nb_matrix_multiply, tensor_matmul },
        { Py_nb_lshift, tensor_left_shift },
        { Py_nb_rshift, tensor_right_shift },
        { Py_nb_and, tensor_and },
        { Py_nb_or, tensor_or },
        { Py_nb_xor, tensor_xor },
        { Py_nb_negative, tensor_negative },
        { Py_nb_positive, tensor_positive },
        { Py_nb_absolute, tensor_absolute },
        { Py_nb_invert, tensor_invert },
        { Py_nb_inplace_add, tensor_inplace_add },
        { Py_nb_inplace_subtract, tensor_inplace_subtract },
        { Py_nb_inplace_multiply, tensor_inplace_multiply },
        { Py_nb_inplace_true_divide, tensor_inplace_divide },
        { Py_nb_inplace_floor_divide, tensor_inplace_floor_divide },
        { Py_nb_inplace_remainder, tensor_inplace_remainder },
        { Py_nb_inplace_power, tensor_inplace_power },
        { Py_nb_inplace_matrix_multiply, tensor_inplace_matmul },
        { Py_nb_inplace_lshift, tensor_inplace_left_shift },
        { Py_nb_inplace_rshift, tensor_inplace_right_shift },
        { Py_nb_inplace_and, tensor_inplace_and },
        { Py_nb_inplace_or, tensor_inplace_or },
        { Py_nb_inplace_xor, tensor_inplace_xor },
        {},
};

static PyType_Spec tensor_spec = {
        .name      = "mars._mars.Tensor",
        .basicsize = sizeof(WeakTensor),
        .flags     = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots     = tensor_slots,
};

int py_tensor_add(PyObject *module) {
        tensor_type = (PyTypeObject *) PyType_FromSpec(&tensor_spec);
        return tensor_type ? PyModule_AddObjectRef(module, "Tensor", (PyObject *) tensor_type) : -1;
}
