/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the methods of the type Session share. */
#include "py.h"

mars_session *session_of(PyObject *self);
bool session_ready(PyObject *self);                        /* else an exception is set */
mars_tensor *one_tensor(PyObject *self, PyObject *object); /* a new reference; NULL with an exception */

enum { TENSORS_NEAR = 8 };
typedef struct Tensors {
        size_t n;
        mars_tensor **data;
        mars_tensor *near[TENSORS_NEAR];
} Tensors;

/* The handles of a tuple are counted: another thread may rebind them while the work runs. tensors_done() also when it
 * fails. */
int read_tensors(PyObject *tuple, Tensors *ret);
void tensors_done(Tensors *t);

/* ---- py-save.c --------------------------------------------------------------------------------------------------- */

PyObject *session_save(PyObject *self, PyObject *const *args, Py_ssize_t n_args);
PyObject *session_save_npz(PyObject *self, PyObject *const *args, Py_ssize_t n_args);
PyObject *session_save_zarr(PyObject *self, PyObject *args);
