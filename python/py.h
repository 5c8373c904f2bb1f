/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The extension mars._mars: mars.h with Python's calling convention and nothing else. It is written against the
 * limited API of CPython 3.11, so one file serves every later version, and it knows NumPy only through objects
 * that the package hands over once (setup()), never through NumPy's C headers.
 *
 *     _mars.c        the module: setup, errors, operators by number
 *     py-convert.c   Python's values become tensors, dtypes and parameters
 *     py-dlpack.c    values go to, and come from, other libraries' arrays
 *     py-files.c     tensors of files, and of objects that are read part by part
 *     py-tensor.c    the type Tensor and its number protocol
 *     py-session.c   the types Session, Future and Map; the only file that waits, and that releases the GIL to do so
 *
 * The interpreter is one per process, as mars.h's default session is: what setup() hands over lives in `py`. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include <mars.h>

/* Handed over by mars/_core.py. */
typedef struct PyState {
        PyObject *tensor_class;   /* mars.tensor.Tensor; every tensor that leaves the extension is one */
        PyObject *errors;         /* dict: code of mars.h -> exception class */
        PyObject *mars_error;     /* for all other codes */
        PyObject *dtypes;         /* tuple: numpy.dtype of each mars_dtype */
        PyObject *dtype_codes;    /* dict: what users write as a dtype -> its code; grows */
        PyObject *read_dtype;     /* anything -> code, slowly; raises TypeError */
        PyObject *read_array;     /* anything -> an object with a buffer that we can read, slowly; raises TypeError */
        PyObject *masked_class;   /* numpy.ma.MaskedArray, whose buffer does not say what is masked */
        PyObject *execute;        /* called with a new tensor when `eager` */
        bool eager;
} PyState;
extern PyState py;

typedef struct PyTensor {
        PyObject_HEAD
        mars_tensor *tensor; /* NULL only between allocation and initialisation */
} PyTensor;
extern PyTypeObject *tensor_type;

/* ---- _mars.c ----------------------------------------------------------------------------------------------------- */

/* Sets the Python exception for a negative code; returns NULL. */
PyObject *py_raise(int code, const mars_error *err);
/* Wraps a new tensor, taking the reference over (also when it fails); runs it in eager mode. */
PyObject *py_wrap(mars_tensor *tensor);
/* The outputs of an operator: one Tensor, or a tuple of them. Takes the references over. */
PyObject *py_wrap_all(mars_tensor *const *tensors, unsigned n);

/* ---- py-convert.c ------------------------------------------------------------------------------------------------ */

bool py_is_tensor(PyObject *object);
mars_tensor *py_tensor(PyObject *object); /* of a Tensor; borrowed */
/* A new reference to a tensor that stands for the object: a Tensor itself; Python's numbers as weak scalars;
 * whatever has a buffer or what numpy.asarray() understands as data. 0, or -1 with an exception set. With
 * `operand`, what NumPy would take for an object (None, strings, foreign classes) is 1 without an exception: the
 * other side of the operator may know. */
int py_to_tensor(PyObject *object, bool operand, mars_tensor **ret);
/* Data of an object, cut as chunk_size (the flat form of mars.h; NULL: automatically). Python's numbers become
 * strong. */
int py_to_data(PyObject *object, const int64_t *chunk_size, size_t n_chunk_size, mars_tensor **ret);
/* A dtype from what NumPy takes as one. 0 or -1. */
int py_to_dtype(PyObject *object, mars_dtype *ret);
/* A list of integers; free() it. An integer is a list of one. */
int py_to_dims(PyObject *object, int64_t **ret, size_t *ret_n);
/* One number of its own dtype. */
int py_to_scalar(PyObject *object, mars_scalar *ret);
/* The name of a result, as long as the object lives; NULL with an exception for what is no text, or not all of it. */
const char *py_name(PyObject *object);
/* 0: the buffer is held (PyBuffer_Release). 1: there is none that we can read. */
int py_hold_buffer(PyObject *object, Py_buffer *ret, mars_dtype *ret_dtype);
/* The letter of the struct module for a dtype, as buffers name it. */
const char *py_format(mars_dtype dtype);

/* ---- py-dlpack.c ------------------------------------------------------------------------------------------------- */

PyObject *py_to_dlpack(PyObject *module, PyObject *const *args, Py_ssize_t n_args);
PyObject *py_from_dlpack(PyObject *module, PyObject *capsule);

/* ---- py-files.c, py-tensor.c, py-session.c ----------------------------------------------------------------------- */

int py_files_add(PyObject *module);
int py_tensor_add(PyObject *module);
int py_session_add(PyObject *module);
