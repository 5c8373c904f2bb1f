# SPDX-License-Identifier: Apache-2.0
"""Universal functions of sparse tensors, and the operators of the language by them."""
import numpy as np

from ..._core import op
from ..core import Tensor
from ..creation import astensor
from ..manipulation import broadcast_to
from ..ufuncs import UFUNCS
from .blocks import Block, edges_of, rows_of_no_elements
from .making import comes_from_scipy, of_scipy
from .tensor import SparseTensor

# Functions that are zero where one of the two is, whatever the other is; infinities and NaN there are not looked at.
_EITHER = ("multiply", "logical_and", "bitwise_and")
_LEFT = ("divide",)
# Sums of two are made in one pass; what other functions make of two sparse tensors is made of their union.
_SUMS = {"add": False, "subtract": True}


def _is_number(x):
    return not isinstance(x, (SparseTensor, Tensor)) and np.ndim(x) == 0


def _keeps_zero(ufunc, args):
    """Whether the function of zeros, and of the numbers among the arguments, is zero."""
    zero = [np.zeros((1,), a.dtype) if isinstance(a, SparseTensor) else a for a in args]
    with np.errstate(all="ignore"):
        try:
            made = getattr(np, ufunc.__name__)(*zero)
        except (TypeError, ValueError):
            return False  # the words are those of the dense function
    return all(not np.any(part) for part in (made if isinstance(made, tuple) else (made,)))


def _together(ufunc, shape, blocks, prune):
    """Blocks of (rows, key, what the function has made), as one sparse tensor for each output."""
    made = []
    for k in range(ufunc.nout):
        t = SparseTensor(shape, [Block(rows, key, data[k] if ufunc.nout > 1 else data) for rows, key, data in blocks])
        made.append(t._kept(lambda data: op("not_equal", data, 0)) if prune or t.dtype.kind == "b" else t)
    return made[0] if ufunc.nout == 1 else tuple(made)


def _sides(x, shape):
    """A dense operand as it is broadcast to the shape: which of its axes have more than one element, or None."""
    try:
        if np.broadcast_shapes(x.shape, shape) != shape:
            return None
    except ValueError:
        return None
    return tuple(k for k in range(x.ndim) if x.shape[k] != 1 or shape[k + 2 - x.ndim] == 1)


def _gathered(x, shape, rows, lo, key):
    """The elements of a dense operand at the keys of a block."""
    n = max(shape[1], 1)
    x = broadcast_to(x, x.shape) if x.ndim == 2 else x[None, :] if x.ndim == 1 else x.reshape((1, 1))
    if x.shape[0] == 1 and shape[0] != 1:
        return x.reshape(()) if x.shape[1] == 1 else op("take", x.reshape((x.shape[1],)), op("remainder", key, n))
    x = x[lo:lo + rows]
    if x.shape[1] == 1 and shape[1] != 1:
        return op("take", x.reshape((rows,)), op("floor_divide", key, n))
    return op("take", x.reshape((rows * x.shape[1],)), key)


def apply(ufunc, args, kwargs):
    """A universal function of arguments of which some are sparse."""
    kwargs = {k: v for k, v in kwargs.items() if not (k == "where" and v is True) and v is not None}
    if kwargs.keys() - {"dtype", "casting"}:
        raise TypeError(f"{ufunc.__name__}() of sparse tensors takes no {', '.join(sorted(kwargs))}")
    args = [a if isinstance(a, SparseTensor) or _is_number(a) else
            of_scipy(a) if comes_from_scipy(a) else astensor(a) for a in args]
    sparse = [a for a in args if isinstance(a, SparseTensor)]
    dense = [a for a in args if isinstance(a, Tensor)]
    shape = sparse[0].shape
    if len(sparse) == 2 and sparse[1].shape != shape:
        raise ValueError(f"sparse tensors are not broadcast: their shapes are {shape} and {sparse[1].shape}")
    if not dense and _keeps_zero(ufunc, args):
        if len(sparse) == 1:
            blocks = [(b.rows, b.key, ufunc(*(b.data if a is sparse[0] else a for a in args), **kwargs))
                      for b in sparse[0]._blocks]
            return _together(ufunc, shape, blocks, False)
        blocks, dtype = [], sparse[0].dtype
        in_one_pass = (ufunc.__name__ in _SUMS and not kwargs and dtype == sparse[1].dtype
                       and dtype not in (np.float16, np.bool_))
        for a, b in zip(sparse[0]._blocks, sparse[1]._cut([b.rows for b in sparse[0]._blocks])._blocks):
            room = op("concatenate", rows_of_no_elements(a.key), rows_of_no_elements(b.key), axis=0)
            if in_one_pass:
                blocks.append(Block(a.rows, *op("sparse_sum", room, a.key, a.data, b.key, b.data,
                                                subtract=_SUMS[ufunc.__name__])))
                continue
            key, x, y = op("sparse_union", room, a.key, a.data, b.key, b.data)
            blocks.append((a.rows, key, ufunc(x, y, **kwargs)))
        return SparseTensor(shape, blocks) if in_one_pass else _together(ufunc, shape, blocks, True)
    if dense and len(args) == 2 and (ufunc.__name__ in _EITHER or ufunc.__name__ in _LEFT and args[0] is sparse[0]):
        if _sides(dense[0], shape) is not None:
            edges = edges_of([b.rows for b in sparse[0]._blocks])
            blocks = []
            for b, lo in zip(sparse[0]._blocks, edges):
                other = _gathered(dense[0], shape, b.rows, lo, b.key)
                blocks.append((b.rows, b.key, ufunc(*(b.data if a is sparse[0] else other for a in args), **kwargs)))
            return _together(ufunc, shape, blocks, False)
    return ufunc(*(a.todense() if isinstance(a, SparseTensor) else a for a in args), **kwargs)


def _operators():
    two = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
           "mod": "remainder", "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
           "lshift": "left_shift", "rshift": "right_shift"}
    compared = {"eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
                "ge": "greater_equal"}

    def forward(ufunc):
        return lambda self, other: apply(ufunc, (self, other), {})

    def backward(ufunc):
        return lambda self, other: apply(ufunc, (other, self), {})

    for name, function in {**two, **compared}.items():
        setattr(SparseTensor, f"__{name}__", forward(UFUNCS[function]))
    for name, function in two.items():
        setattr(SparseTensor, f"__r{name}__", backward(UFUNCS[function]))
    for name, function in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
        setattr(SparseTensor, f"__{name}__", lambda self, ufunc=UFUNCS[function]: apply(ufunc, (self,), {}))


_operators()
