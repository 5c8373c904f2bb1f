# SPDX-License-Identifier: Apache-2.0
"""Rows and columns of sparse tensors: slices are parts of blocks, arrays of indices are products with selections."""
import operator

import numpy as np

from ..._core import op
from ..core import Tensor
from ..creation import arange, astensor, full
from .blocks import Block, joined, pieces
from .tensor import SparseTensor


def _place(i, n, axis):
    i = operator.index(i)
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    return i % n


def getitem(t, key):
    """t[key]"""
    key = key if isinstance(key, tuple) else (key,)
    if sum(k is Ellipsis for k in key) == 1:
        at = next(i for i, k in enumerate(key) if k is Ellipsis)
        key = key[:at] + (slice(None),) * (3 - len(key)) + key[at + 1:]
    if len(key) > 2:
        raise IndexError(f"too many indices for array: array is 2-dimensional, but {len(key)} were indexed")
    if any(k is None or k is Ellipsis for k in key):
        raise IndexError("sparse tensors have two axes: a new axis needs a dense one, as todense() makes it")
    key += (slice(None),) * (2 - len(key))
    several = [not isinstance(k, slice) and not (isinstance(k, (int, np.integer)) and not isinstance(k, bool))
               for k in key]
    if all(several):
        raise IndexError("a sparse tensor is indexed by one array at a time: t[rows][:, columns]")
    t = _along_columns(t, key[1], several[1])
    t = _along_rows(t, key[0], several[0])
    if isinstance(key[0], slice) or several[0]:
        return t if isinstance(key[1], slice) or several[1] else t.todense()[:, 0]
    made = t.todense()[0]
    return made if isinstance(key[1], slice) or several[1] else made[0]


def _along_rows(t, k, several):
    m = t.shape[0]
    if not several and not isinstance(k, slice):
        k = slice(_place(k, m, 0), _place(k, m, 0) + 1)
    if several or k.indices(m)[2] != 1:
        return _selection(k, m, t, 0) @ t
    lo, hi, _ = k.indices(m)
    return _between(t, lo, max(lo, hi))


def _between(t, lo, hi):
    """Rows [lo, hi): whole blocks are as they are."""
    if (lo, hi) == (0, t.shape[0]):
        return t
    return SparseTensor((hi - lo, t.shape[1]), t._within(lo, hi) or [joined(0, (), t.dtype)])


def _along_columns(t, k, several):
    m, n = t.shape
    if not several and not isinstance(k, slice):
        k = slice(_place(k, n, 1), _place(k, n, 1) + 1)
    if several or k.indices(n)[2] != 1:
        return t @ _selection(k, n, t, 1)
    lo, hi, _ = k.indices(n)
    hi = max(lo, hi)
    if (lo, hi) == (0, n):
        return t
    made = []
    for b in t._blocks:
        row, column = op("floor_divide", b.key, n), op("remainder", b.key, n)
        on = op("logical_and", op("greater_equal", column, lo), op("less", column, hi))
        key = op("add", op("multiply", row, hi - lo), op("subtract", column, lo))
        made.append(Block(b.rows, op("mask", key, on), op("mask", b.data, on)))
    return SparseTensor((m, hi - lo), made)


def _selection(k, n, t, axis):
    """The matrix of zeros and ones whose product with t has the rows (axis 0) or columns that k names."""
    if isinstance(k, slice):
        at = arange(*k.indices(n))
    else:
        at = k if isinstance(k, Tensor) else np.asarray(k)
        if at.ndim != 1:
            raise IndexError(f"sparse tensors have two axes: an index has one, not {at.ndim}")
        if at.dtype.kind == "b":
            if at.shape[0] != n:
                raise IndexError(f"boolean index did not match indexed array along dimension {axis}; dimension is {n} "
                                 f"but corresponding boolean dimension is {at.shape[0]}")
            at = op("argwhere", astensor(at))[:, 0]
        elif at.dtype.kind not in "iu" and at.shape[0]:
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        elif isinstance(at, np.ndarray):
            at = np.array([_place(i, n, axis) for i in at], np.int64)
        at = op("take", arange(n), astensor(at).astype(np.int64))
    count = at.shape[0]
    if axis == 1:
        key = op("add", op("multiply", at, count), arange(count))
        return SparseTensor((n, count), [Block(n, *op("sparse_order", key, full((count,), 1, t.dtype), rows=n,
                                                          columns=count))])
    made = []
    for rows, lo in pieces(count, max(b.rows for b in t._blocks)):
        key = op("add", op("multiply", arange(rows), n), at[lo:lo + rows])
        made.append(Block(rows, key, full((rows,), 1, t.dtype)))
    return SparseTensor((count, n), made)
