# SPDX-License-Identifier: Apache-2.0
"""Sparse tensors of matrices of scipy's, of dense tensors, and of diagonals."""
import numpy as np

from ... import _core, _mars
from ..._core import op
from ..creation import arange, full
from .blocks import DENSE, STORED, Block, edges_of, even, joined, lengths_of, rows_of_a_block
from .tensor import SparseTensor


def comes_from_scipy(x):
    """Whether it is a sparse matrix of scipy's, which is not imported for the question."""
    return type(x).__module__.startswith("scipy.sparse") and hasattr(x, "tocsr")


def is_sparse(x):
    """Whether it is a sparse tensor, or a sparse matrix of scipy's."""
    return isinstance(x, SparseTensor) or comes_from_scipy(x)


def of_scipy(x, dtype=None, chunk_size=None):
    """A sparse tensor of a sparse matrix of scipy's, of any form."""
    if x.ndim != 2:
        raise ValueError(f"sparse tensors have two axes, this matrix has {x.ndim}")
    own = x.tocsr(copy=True)
    own.sum_duplicates()
    dtype, (m, n) = _core.as_dtype(own.dtype if dtype is None else dtype), own.shape
    lengths = lengths_of(chunk_size, (m, n), dtype, rows_of_a_block((m, n), own.nnz))
    made = []
    for rows, lo in zip(lengths, edges_of(lengths)):
        start = own.indptr[lo:lo + rows + 1].astype(np.int64)
        of = slice(int(start[0]), int(start[-1]))
        key = np.repeat(np.arange(rows, dtype=np.int64) * n, np.diff(start)) + own.indices[of]
        made.append(Block(rows, _mars.data(key, [1, _core.WHOLE]),
                          _mars.data(own.data[of], [1, _core.WHOLE]).astype(dtype)))
    return SparseTensor((m, n), made)


def is_there(t, missing):
    """Of each element whether it is not the one that stands for what is missing; None: zero."""
    if missing is not None and missing != missing:
        return op("logical_not", op("isnan", t))
    return op("not_equal", t, 0 if missing is None else missing)


def of_dense(t, missing=None, keep=None):
    """A sparse tensor of the elements that are not `missing`, or for which `keep` is true."""
    if t.ndim != 2:
        raise ValueError(f"sparse tensors have two axes, this tensor has {t.ndim}")
    m, n = t.shape
    lengths = even(m, DENSE // max(n, 1))
    made = []
    for rows, lo in zip(lengths, edges_of(lengths)):
        part = t[lo:lo + rows].reshape((rows * n,))
        kept = is_there(part, missing) if keep is None else keep[lo:lo + rows].reshape((rows * n,))
        made.append(Block(rows, op("mask", arange(rows * n), kept), op("mask", part, kept)))
    return SparseTensor((m, n), made)


def diagonal_of(shape, k, n, values, lengths):
    """A matrix whose k-th diagonal has n elements; values(first, last) are some of them."""
    m, columns = shape
    top, left, made = max(-k, 0), max(k, 0), []
    for rows, lo in zip(lengths, edges_of(lengths)):
        first, last = max(lo - top, 0), min(lo + rows - top, n)
        last = max(first, last)
        begin = (first + top - lo) * columns + first + left
        key = arange(begin, begin + (last - first) * (columns + 1), columns + 1)
        made.append(Block(rows, key, values(first, last)))
    return SparseTensor(shape, made)


def of_zeros(shape, dtype, chunk_size):
    """A matrix that stores nothing."""
    if len(shape) != 2:
        raise ValueError(f"sparse tensors have two axes, not {len(shape)}")
    dtype = _core.as_dtype(float if dtype is None else dtype)
    lengths = lengths_of(chunk_size, shape, dtype, STORED)
    return SparseTensor(shape, [joined(rows, (), dtype) for rows in lengths])


def of_ones(n, m, k, dtype, chunk_size):
    """eye()."""
    dtype = _core.as_dtype(float if dtype is None else dtype)
    on = max(min(n + min(k, 0), m - max(k, 0)), 0)
    return diagonal_of((n, m), k, on, lambda first, last: full((last - first,), 1, dtype),
                       lengths_of(chunk_size, (n, m), dtype, STORED))


def of_diagonal(v, k, chunk_size):
    """diag() of a vector."""
    side = v.shape[0] + abs(k)
    return diagonal_of((side, side), k, v.shape[0], lambda first, last: v[first:last],
                       lengths_of(chunk_size, (side, side), v.dtype, STORED))
