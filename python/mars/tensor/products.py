# SPDX-License-Identifier: Apache-2.0
"""Products of vectors, matrices and tensors: all are the operator matmul, between views and reshapes."""
import numpy as np

from .._core import op
from ..errors import LinAlgError
from .core import axes_of, method
from .creation import astensor
from .manipulation import broadcast_to, moveaxis
from .ufuncs import UFUNCS, store

__all__ = """dot einsum einsum_path inner innerproduct kron matmul outer tensordot vdot vecdot""".split()


def _out(made, out, name):
    return made if out is None else store(made, out, "same_kind", name)


def _of_sparse():
    from . import sparse

    return sparse


def _are_sparse(a, b, sparse):
    return bool(sparse) or hasattr(a, "tocsr") or hasattr(b, "tocsr")


def matmul(a, b, out=None, sparse=None, **kwargs):
    """The matrix product; more axes in front are a stack of matrices, and broadcast.

    Bits depend on shapes and on the CPU level, never on cuts or threads.

    Parameters
    ----------
    a, b : tensor_like
        A vector on the left is a row, on the right a column.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    sparse : bool, optional
        Whether the result, a matrix, is a SparseTensor; None: it is if both a and b are.
    **kwargs : optional
        dtype: what is computed in.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.matmul([[1, 2], [3, 4]], [[0, 1], [1, 0]]).execute()
    Tensor([[2, 1],
            [4, 3]])
    >>> (mt.ones((2, 3, 4)) @ mt.ones((4, 5))).shape
    (2, 3, 5)
    """
    if _are_sparse(a, b, sparse):
        return _of_sparse().product(a, b, out, sparse, **kwargs)
    a, b = astensor(a), astensor(b)
    if kwargs.get("dtype") is not None:
        a, b = a.astype(kwargs["dtype"]), b.astype(kwargs["dtype"])
    return _out(op("matmul", a, b), out, "matmul")


def _aligned(a, axis_a, b, axis_b):
    """Two axes of one length, as far as it is known."""
    n, m = a._known_shape[axis_a], b._known_shape[axis_b]
    if n != m and n >= 0 and m >= 0:
        raise ValueError(f"shapes {_dims(a)} and {_dims(b)} not aligned: {n} (dim {axis_a % a.ndim}) != {m} "
                         f"(dim {axis_b % b.ndim})")


@method
def dot(a, b, out=None, sparse=None):
    """The sum of products over the last axis of a and the last but one of b.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    sparse : bool, optional
        Whether the result, a matrix, is a SparseTensor; None: it is if both a and b are.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.dot([1, 2, 3], [4, 5, 6]).execute()
    Tensor(32)
    >>> mt.tensor([[1, 2], [3, 4]]).dot([1, 1]).execute()
    Tensor([3, 7])
    """
    if _are_sparse(a, b, sparse):
        if _of_sparse().axes(a) == 0 or _of_sparse().axes(b) == 0:
            return UFUNCS["multiply"](a, b, out=out)
        return _of_sparse().product(a, b, out, sparse)
    a, b = astensor(a), astensor(b)
    if a.ndim == 0 or b.ndim == 0:
        made = op("multiply", a, b)
    else:
        last = max(b.ndim - 2, 0)
        _aligned(a, -1, b, last)
        made = op("matmul", a, b) if b.ndim <= 2 and a.ndim <= 2 else tensordot(a, b, ((a.ndim - 1,), (last,)))
    return _out(made, out, "dot")


def _dims(t):
    return "(" + ",".join("?" if n < 0 else str(n) for n in t._known_shape) + ("," if t.ndim == 1 else "") + ")"


def vdot(a, b):
    """The sum of products of all elements, the first conjugated.

    Parameters
    ----------
    a, b : tensor_like
        Of one size; they are flattened.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.vdot([1 + 2j, 3], [1, 1j]).execute()
    Tensor((1+1j))
    """
    a, b = astensor(a).ravel(), astensor(b).ravel()
    if a.shape != b.shape:
        raise ValueError("cannot reshape array of size {} into shape {}".format(b.shape[0], a.shape))
    return op("matmul", op("conjugate", a) if a.dtype.kind == "c" else a, b)


def vecdot(x1, x2, /, *, axis=-1):
    """The sum of products along an axis, the first conjugated.

    Parameters
    ----------
    x1, x2 : tensor_like
        Broadcast but for that axis.
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.vecdot(mt.tensor([[1, 2], [3, 4]]), mt.tensor([1, 10])).execute()
    Tensor([21, 43])
    """
    x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    _aligned(x1, -1, x2, -1)
    made = op("multiply", op("conjugate", x1) if x1.dtype.kind == "c" else x1, x2)
    return made.sum(-1, dtype=made.dtype)


def inner(a, b, out=None, sparse=None):
    """The sum of products over the last axes.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    sparse : bool, optional
        Whether the result, a matrix, is a SparseTensor; None: it is if both a and b are.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.inner([[1, 2], [3, 4]], [1, 10]).execute()
    Tensor([21, 43])
    """
    if _are_sparse(a, b, sparse):
        if _of_sparse().axes(a) == 0 or _of_sparse().axes(b) == 0:
            return UFUNCS["multiply"](a, b, out=out)
        return _of_sparse().product(a, b.T if _of_sparse().is_sparse(b) else astensor(b).T, out, sparse)
    a, b = astensor(a), astensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return _out(op("multiply", a, b), out, "inner")
    _aligned(a, -1, b, -1)
    return _out(tensordot(a, b, ((-1,), (-1,))), out, "inner")


innerproduct = inner


def outer(a, b, out=None):
    """All products of elements of two vectors.

    Parameters
    ----------
    a, b : tensor_like
        They are flattened.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor
        A matrix.

    Examples
    --------
    >>> mt.outer([1, 2], [1, 10, 100]).execute()
    Tensor([[  1,  10, 100],
            [  2,  20, 200]])
    """
    return _out(op("multiply", astensor(a).ravel()[:, None], astensor(b).ravel()[None, :]), out, "outer")


def tensordot(a, b, axes=2, sparse=None):
    """The sum of products over pairs of axes.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like
    axes : int or (axes of a, axes of b), optional
        A number: the last axes of a with the first ones of b.
    sparse : bool, optional
        Whether the result, a matrix, is a SparseTensor; None: it is if both a and b are.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]]).execute()
    Tensor(5)
    >>> mt.tensordot(mt.ones((2, 3)), mt.ones((4, 3)), axes=(1, 1)).shape
    (2, 4)
    """
    if _are_sparse(a, b, sparse):
        return _of_sparse().tensordot(a, b, axes, sparse)
    a, b = astensor(a), astensor(b)
    if hasattr(axes, "__index__"):
        n = axes.__index__()
        axes_a, axes_b = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        axes_a, axes_b = ((x,) if hasattr(x, "__index__") else tuple(x) for x in axes)
    if len(axes_a) != len(axes_b) or len(axes_a) > min(a.ndim, b.ndim):
        raise ValueError("shape-mismatch for sum")
    axes_a, axes_b = axes_of(axes_a, a.ndim), axes_of(axes_b, b.ndim)
    rest_a, rest_b = ([k for k in range(t.ndim) if k not in axes] for t, axes in ((a, axes_a), (b, axes_b)))
    own, other = a._known_shape, b._known_shape
    if (
        max(own.count(-1), other.count(-1), [own[k] for k in rest_a].count(-1) + [other[k] for k in rest_b].count(-1))
        > 1
        or -1 in own + other
        and 0 in own + other
    ):  # a reshape can find out one length only, and not among empty ones
        own, other = a.shape, b.shape
    if any(own[i] != other[k] and own[i] >= 0 and other[k] >= 0 for i, k in zip(axes_a, axes_b)):
        raise ValueError("shape-mismatch for sum")

    def together(shape, axes):
        lengths = [shape[k] for k in axes]
        return -1 if -1 in lengths else int(np.prod(lengths, dtype=object))

    left = a.transpose(rest_a + list(axes_a)).reshape((together(own, rest_a), together(own, axes_a)))
    right = b.transpose(list(axes_b) + rest_b).reshape((together(other, axes_b), together(other, rest_b)))
    return op("matmul", left, right).reshape([own[k] for k in rest_a] + [other[k] for k in rest_b])


def kron(a, b):
    """The Kronecker product: blocks of b, times the elements of a.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.kron([1, 10], [1, 2, 3]).execute()
    Tensor([ 1,  2,  3, 10, 20, 30])
    """
    a, b = astensor(a), astensor(b)
    n = max(a.ndim, b.ndim)
    a, b = a[(None,) * (n - a.ndim) + (Ellipsis,)], b[(None,) * (n - b.ndim) + (Ellipsis,)]
    left = a[tuple(k for _ in range(n) for k in (slice(None), None))]
    right = b[tuple(k for _ in range(n) for k in (None, slice(None)))]
    return op("multiply", left, right).reshape([i * k for i, k in zip(a.shape, b.shape)])


def multi_dot(arrays, *, out=None):
    """The product of several matrices, in the order that takes the fewest multiplications.

    Parameters
    ----------
    arrays : sequence of tensor_like
        The first may be a row, the last a column.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.multi_dot([mt.ones((9, 2)), mt.ones((2, 9)), mt.ones(9)])[:3].execute()
    Tensor([18., 18., 18.])
    """
    ts = [astensor(a) for a in arrays]
    if len(ts) < 2:
        raise ValueError("Expecting at least two arrays.")
    row, column = ts[0].ndim == 1, ts[-1].ndim == 1
    ts[0] = ts[0][None, :] if row else ts[0]
    ts[-1] = ts[-1][:, None] if column else ts[-1]
    if any(t.ndim != 2 for t in ts):
        raise LinAlgError("1-dimensional array given. Array must be two-dimensional")
    p = [t.shape[0] for t in ts] + [ts[-1].shape[1]]
    n = len(ts)
    cost, at = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            k = i + length
            at[i, k] = min(range(i, k), key=lambda s: cost[i, s] + cost[s + 1, k] + p[i] * p[s + 1] * p[k + 1])
            s = at[i, k]
            cost[i, k] = cost[i, s] + cost[s + 1, k] + p[i] * p[s + 1] * p[k + 1]

    def product(i, k):
        return ts[i] if i == k else op("matmul", product(i, at[i, k]), product(at[i, k] + 1, k))

    made = product(0, n - 1)
    made = made[0] if row else made
    return _out(made[..., 0] if column else made, out, "multi_dot")


def _operand(t, names, order):
    """An operand with its axes named: repeated names become a diagonal, and all names of `order` are there."""
    names = list(names)
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            i = names.index(name)
            k = names.index(name, i + 1)
            if t.shape[i] != t.shape[k]:
                raise ValueError(f"dimensions in operand for collapsing index '{name}' don't match ({t.shape[i]} != "
                                 f"{t.shape[k]})")
            t = t.diagonal(0, i, k)
            names = [c for j, c in enumerate(names) if j not in (i, k)] + [name]
    t = t.transpose([names.index(c) for c in order if c in names])
    return t[tuple(slice(None) if c in names else None for c in order)]


def _subscripts(subscripts, operands):
    """Names of the axes of each operand and of the result; an ellipsis becomes capital names of its own."""
    text = subscripts.replace(" ", "")
    inputs, arrow, result = text.partition("->")
    inputs = inputs.split(",")
    if len(inputs) != len(operands):
        raise ValueError("more operands provided to einstein sum function than specified in the subscripts string"
                         if len(inputs) < len(operands) else
                         "fewer operands provided to einstein sum function than specified in the subscripts string")
    most, ret = 0, []
    for names, t in zip(inputs, operands):
        if "..." in names:
            n = t.ndim - len(names.replace("...", ""))
            if n < 0:
                raise ValueError("einstein sum subscripts string contains too many subscripts for operand")
            most = max(most, n)
            dots = [f"...{k}" for k in range(-n, 0)]
            before, after = names.split("...")
            ret.append(list(before) + dots + list(after))
        else:
            if len(names) != t.ndim:
                raise ValueError("einstein sum subscripts string contains "
                                 f"{'too many' if len(names) > t.ndim else 'not enough'} subscripts for operand")
            ret.append(list(names))
    dots = [f"...{k}" for k in range(-most, 0)]
    if arrow:
        before, has, after = result.partition("...")
        made = list(before) + (dots if has else []) + list(after)
        if len(set(made)) != len(made):
            raise ValueError("einstein sum subscripts string includes output subscript multiple times")
    else:
        flat = [c for names in ret for c in names]
        made = dots + sorted(c for c in set(flat) if flat.count(c) == 1 and not c.startswith("..."))
    for c in made:
        if not any(c in names for names in ret):
            raise ValueError(f"einstein sum subscripts string included output subscript '{c}' which never appeared "
                             "in an input")
    return ret, made


def einsum_path(subscripts, *operands, optimize="greedy"):
    """The order in which einsum takes operands together, and NumPy's words about it. It depends on shapes alone.

    Parameters
    ----------
    subscripts : str
    *operands : tensor_like
    optimize : bool, str or sequence, optional
        As of NumPy's.

    Returns
    -------
    (list, str)

    Examples
    --------
    >>> mt.einsum_path("ij,jk,kl->il", mt.ones((9, 2)), mt.ones((2, 9)), mt.ones((9, 2)))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    if optimize is False or len(operands) < 3 and not isinstance(optimize, (list, tuple)):
        path = ["einsum_path", tuple(range(len(operands)))]
    else:
        path = optimize
    shaped = [np.broadcast_to(np.empty((), t.dtype), t.shape) for t in map(astensor, operands)]
    return np.einsum_path(subscripts, *shaped, optimize=path)


def einsum(subscripts, *operands, out=None, dtype=None, order="K", casting="safe", optimize=False):
    """Einstein's summation: products of operands, summed over the axes that the result does not name.

    Parameters
    ----------
    subscripts : str
        Names of the axes of each operand, and of the result.
    *operands : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    dtype : data-type, optional
    order : optional
        Ignored: tensors have no order in memory.
    casting : str, optional
    optimize : bool, str or sequence, optional
        In which order operands are taken together: from the left (False), as NumPy's einsum_path finds it ('greedy' or
        True, 'optimal'), or a path that it has given.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.einsum("ij,jk->ik", [[1, 2], [3, 4]], [[0, 1], [1, 0]]).execute()
    Tensor([[2, 1],
            [4, 3]])
    >>> mt.einsum("ii->", [[1, 2], [3, 4]]).execute()
    Tensor(5)
    """
    ts = [astensor(t) for t in operands]
    if dtype is not None:
        ts = [t.astype(dtype, casting=casting) for t in ts]
    names, result = _subscripts(subscripts, ts)
    left = list(zip(ts, names))
    for chosen in einsum_path(subscripts, *ts, optimize=optimize)[0][1:]:
        group = [left.pop(k) for k in sorted(chosen, reverse=True)][::-1]
        made, have = group[0]
        for k, (t, own) in enumerate(group[1:], 2):
            later = set(result).union(*(axes for _, axes in group[k:] + left))
            made, have = _pair(made, have, t, own, later)
        left.append((made, have))
    made, have = left[0]
    summed = [c for c in dict.fromkeys(have) if c not in result]
    made = _operand(made, have, result + summed)
    if summed:
        made = made.sum(tuple(range(len(result), len(result) + len(summed))), dtype=made.dtype)
    return _out(made, out, "einsum")


def _pair(a, names_a, b, names_b, later):
    """Two operands by one matrix product: batch axes, axes of one only, and summed ones."""
    in_a, in_b = list(dict.fromkeys(names_a)), list(dict.fromkeys(names_b))
    sizes = {}
    for t, names in ((a, names_a), (b, names_b)):
        for c, n in zip(names, t.shape):
            if sizes.setdefault(c, n) != n:
                if 1 not in (sizes[c], n):
                    raise ValueError(f"operands could not be broadcast together: axis '{c}' has lengths {sizes[c]} "
                                     f"and {n}")
                sizes[c] = max(n, sizes[c])
    both = [c for c in in_a if c in in_b]
    batch, summed = [c for c in both if c in later], [c for c in both if c not in later]
    only_a, only_b = [c for c in in_a if c not in both], [c for c in in_b if c not in both]

    def shaped(t, names, rows, columns):
        order = batch + rows + columns
        t = _operand(t, names, order)
        t = broadcast_to(t, [sizes[c] for c in order])
        return t.reshape([sizes[c] for c in batch] + [int(np.prod([sizes[c] for c in part], dtype=object))
                                                      for part in (rows, columns)])

    if not summed or not (only_a or only_b):  # products of elements, whose sums read them as they come
        left = batch + only_a + only_b
        made = op("multiply", _operand(a, names_a, left + summed), _operand(b, names_b, left + summed))
        if summed:
            made = made.sum(tuple(range(len(left), len(left) + len(summed))), dtype=made.dtype)
        return made, left
    made = op("matmul", shaped(a, names_a, only_a, summed), shaped(b, names_b, summed, only_b))
    order = batch + only_a + only_b
    return made.reshape([sizes[c] for c in order]), order
