# SPDX-License-Identifier: Apache-2.0
"""Sparse tensors below and beside each other."""
import operator

import numpy as np

from ... import _core
from ..._core import op
from ..core import axes_of
from .blocks import Block
from .making import comes_from_scipy, of_scipy
from .tensor import SparseTensor


def concatenate(tensors, axis, out, dtype, casting):
    """concatenate() of matrices that are sparse, all of them."""
    ts = [of_scipy(t) if comes_from_scipy(t) else t for t in tensors]
    if not all(isinstance(t, SparseTensor) for t in ts):
        raise TypeError("sparse and dense tensors are not joined: todense() makes a dense one, tosparse() a sparse one")
    if out is not None:
        raise TypeError("a sparse result does not go into out=")
    if axis is None:
        raise ValueError("sparse tensors have two axes and are not flattened: axis is 0 or 1")
    axis = axes_of(operator.index(axis), 2)[0]
    if len({t.shape[1 - axis] for t in ts}) > 1:
        raise ValueError("all the input array dimensions except for the concatenation axis must match exactly, but the "
                         f"shapes are {', '.join(str(t.shape) for t in ts)}")
    if dtype is None:
        dtype = _core.as_dtype(np.result_type(*(t.dtype for t in ts)))
    ts = [t if t.dtype == dtype else t.astype(dtype, casting=casting) for t in ts]
    if len(ts) == 1:
        return ts[0]
    return _below(ts) if axis == 0 else _beside(ts)


def _below(ts):
    return SparseTensor((sum(t.shape[0] for t in ts), ts[0].shape[1]), [b for t in ts for b in t._blocks])


def _beside(ts):
    rows, columns = [b.rows for b in ts[0]._blocks], sum(t.shape[1] for t in ts)
    ts, made = [t._cut(rows) for t in ts], []
    for blocks in zip(*(t._blocks for t in ts)):
        keys, first = [], 0
        for b, t in zip(blocks, ts):
            n = t.shape[1]
            row = op("floor_divide", b.key, max(n, 1))
            keys.append(op("add", b.key, op("add", op("multiply", row, columns - n), first)))
            first += n
        key, data = (op("concatenate", *side, axis=0) for side in (keys, [b.data for b in blocks]))
        made.append(Block(blocks[0].rows, *op("sparse_order", key, data, rows=blocks[0].rows, columns=columns)))
    return SparseTensor((ts[0].shape[0], columns), made)
