# SPDX-License-Identifier: Apache-2.0
"""Products of sparse matrices with sparse and with dense ones."""
import operator

import numpy as np

from ... import _core, _mars
from ..._core import op
from ..core import axes_of
from ..creation import astensor
from ..manipulation import concatenate
from ..ufuncs import store
from .blocks import DENSE, Block, joined, pieces, rows_of_no_elements
from .making import comes_from_scipy, of_scipy
from .tensor import SparseTensor

_GROUP = 8  # blocks of a right factor that a task sees at a time


def axes(x):
    """How many axes it has."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def _operand(x):
    return of_scipy(x) if comes_from_scipy(x) else x if isinstance(x, SparseTensor) else astensor(x)


def product(a, b, out=None, sparse=None, **kwargs):
    """matmul() of which one or both are sparse. sparse=: whether the result is; else it is if both are."""
    if kwargs:
        raise TypeError(f"the product of sparse tensors takes no {', '.join(sorted(kwargs))}")
    a, b = _operand(a), _operand(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    if a.ndim > 2 or b.ndim > 2:
        raise ValueError("sparse tensors have two axes, and are not multiplied by stacks of matrices")
    inner = b.shape[0]
    if a.shape[-1] != inner:
        raise ValueError(f"matmul: Input operand 1 has a mismatch in its core dimension 0 (size {inner} is different "
                         f"from {a.shape[-1]})")
    if isinstance(a, SparseTensor):
        made = _by_sparse(a, b) if isinstance(b, SparseTensor) else _by_dense(a, b)
    elif not isinstance(b, SparseTensor):
        made = op("matmul", a, b)
    elif a.ndim == 1:
        made = _by_dense(b.T, a)
    else:
        made = _by_dense(b.T, a.T).T
    if sparse is not None and sparse != isinstance(made, SparseTensor):
        made = made.tosparse() if sparse else made.todense()
    if out is not None and isinstance(made, SparseTensor):
        raise TypeError("a sparse result does not go into out=")
    return made if out is None else store(made, out, "same_kind", "matmul")


def _computed_in(a, b):
    """The dtype of a product, and the one that it is computed in."""
    dtype = _core.as_dtype(_mars.promote(a.dtype, b.dtype))
    return dtype, np.dtype(np.float32) if dtype == np.float16 else dtype


def _as(t, dtype):
    return t if t.dtype == dtype else t.astype(dtype)


def _by_dense(a, b):
    dtype, wide = _computed_in(a, b)
    (m, inner), a, b = a.shape, _as(a, wide), _as(b, wide)
    n, made = 1 if b.ndim == 1 else b.shape[1], []
    for block in a._blocks:
        across = []
        for width, left in pieces(n, DENSE // max(block.rows, 1)):
            total = ()
            for count, first in pieces(inner, DENSE // max(width, 1)):
                some = b[first:first + count] if b.ndim == 1 else b[first:first + count, left:left + width]
                total = (op("sparse_dense_product", block.key, block.data, some, *total, rows=block.rows, inner=inner,
                            columns=width, first=first, count=count),)
            across += total
        made.append(across[0] if len(across) == 1 else concatenate(across, axis=1))
    return _as(made[0] if len(made) == 1 else concatenate(made), dtype)


def _by_sparse(a, b):
    dtype, wide = _computed_in(a, b)
    a, b = _as(a, wide), _as(b, wide)
    n, groups, made = b.shape[1], [], []
    for k in range(0, len(b._blocks), _GROUP):
        some, parts, rows = b._blocks[k:k + _GROUP], [], 0
        for block in some:
            parts.append(b._rows_of(block, 0, block.rows, rows))
            rows += block.rows
        groups.append(joined(rows, parts, wide))
    for block in a._blocks:
        total, first = (), 0
        for g in groups:
            rest = dict(rows=block.rows, inner=a.shape[1], columns=n, first=first, count=g.rows)
            room = op("sparse_room", block.key, g.key, **rest)
            if total:
                room = op("concatenate", rows_of_no_elements(total[0]), room, axis=0)
            total = op("sparse_product", room, block.key, block.data, g.key, g.data, *total, **rest)
            first += g.rows
        made.append(Block(block.rows, *total))
    return _as(SparseTensor((a.shape[0], n), made), dtype)


def tensordot(a, b, axes, sparse):
    """tensordot() of matrices of which one or both are sparse."""
    a, b = _operand(a), _operand(b)
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError("tensordot() of sparse tensors takes two matrices")
    if hasattr(axes, "__index__"):
        n = operator.index(axes)
        axes_a, axes_b = tuple(range(2 - n, 2)), tuple(range(n))
    else:
        axes_a, axes_b = (axes_of(x if isinstance(x, tuple) else tuple(np.atleast_1d(x).tolist()), 2) for x in axes)
    if len(axes_a) != len(axes_b):
        raise ValueError("shape-mismatch for sum")
    if len(axes_a) == 1:
        return product(a.T if axes_a == (0,) else a, b.T if axes_b == (1,) else b, None, sparse)
    if len(axes_a) != 2:
        raise ValueError("the result would have four axes: sparse tensors have two")
    b = b if axes_a == axes_b else b.T
    if a.shape != b.shape:
        raise ValueError("shape-mismatch for sum")
    made = a * b
    return made.sum(dtype=made.dtype)
