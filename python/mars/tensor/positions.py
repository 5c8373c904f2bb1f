# SPDX-License-Identifier: Apache-2.0
"""Positions of elements: of those that are not zero, of diagonals and triangles, of the flattened form. And r_ and
c_."""
import builtins

import numpy as np

from .._core import op
from .core import ExecutableTuple, Tensor, rows_of
from .creation import arange, astensor, zeros
from .indexing import nonzero, wrapped
from .manipulation import concatenate

__all__ = """argwhere c_ diag_indices diag_indices_from flatnonzero ix_ mask_indices ndenumerate
    r_ ravel_multi_index tril_indices tril_indices_from trim_zeros triu_indices triu_indices_from
    unravel_index""".split()


def flatnonzero(a):
    """The positions of elements of the flattened form that are not zero.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    Tensor of int64
        Its length is known once it is computed.

    Examples
    --------
    >>> mt.flatnonzero([[0, 5], [7, 0]]).execute()
    Tensor([1, 2])
    """
    return nonzero(astensor(a).ravel())[0]


def argwhere(a):
    """The positions of elements that are not zero, one row for each.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    Tensor of int64
        The number of rows is known once it is computed.

    Examples
    --------
    >>> mt.argwhere([[0, 5], [7, 0]]).execute()
    Tensor([[0, 1],
            [1, 0]])
    """
    a = astensor(a)
    if a.ndim == 0:
        return zeros((int(bool(a)), 0), int)
    return op("argwhere", a)


def _bounded(indices, n, axis=-1):
    """Indices as int64; those that are computed are looked at when they are."""
    computed = isinstance(indices, Tensor)
    indices = astensor(indices).astype(int)
    return op("bounded", indices, length=n, axis=axis) if computed else indices


def unravel_index(indices, shape, order="C"):
    """Positions of the flattened form as positions along each axis.

    Parameters
    ----------
    indices : tensor_like of int
        Where they are computed, a position outside raises ValueError when the result is; others do now.
    shape : tuple of ints
    order : {'C', 'F'}, optional

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> rows, columns = mt.unravel_index([4, 5], (2, 3))
    >>> rows.execute(), columns.execute()
    (Tensor([1, 1]), Tensor([1, 2]))
    """
    shape = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    total = int(np.prod(shape, dtype=object)) if shape else 1
    if not isinstance(indices, Tensor):
        constant = np.asarray(indices)
        if constant.dtype.kind not in "iu" and constant.size:
            raise TypeError("only int indices permitted")
        if constant.size and (constant.min() < 0 or constant.max() >= total):
            bad = constant.min() if constant.min() < 0 else constant.max()
            raise ValueError(f"index {bad} is out of bounds for array with size {total}")
    elif indices.dtype.kind not in "iu":
        raise TypeError("only int indices permitted")
    rest, ret = _bounded(indices, total), []
    for n in shape[::-1] if order == "C" else shape:
        ret.append(op("remainder", rest, max(n, 1)))
        rest = op("floor_divide", rest, max(n, 1))
    return ExecutableTuple(ret[::-1] if order == "C" else ret)


def ravel_multi_index(multi_index, dims, mode="raise", order="C"):
    """Positions along each axis as positions of the flattened form.

    Parameters
    ----------
    multi_index : sequence of tensor_like of int
    dims : tuple of ints
    mode : str or tuple of them, optional
        'raise', 'wrap' or 'clip', for all axes or for each. What is outside raises ValueError, of tensors when it is
        computed.
    order : {'C', 'F'}, optional

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.ravel_multi_index(([1, 1], [1, 2]), (2, 3)).execute()
    Tensor([4, 5])
    """
    dims = tuple(dims)
    modes = (mode,) * len(dims) if isinstance(mode, str) else mode
    parts = []
    for k, (i, n, how) in enumerate(zip(multi_index, dims, modes)):
        constant = None if isinstance(i, Tensor) else np.asarray(i)
        if how == "raise" and constant is not None and constant.size and (constant.min() < 0 or constant.max() >= n):
            raise ValueError("invalid entry in coordinates array")
        parts.append(_bounded(i, n, k) if how == "raise" else wrapped(astensor(i), n, how))
    ret = None
    for part, n in zip(parts, dims) if order == "C" else zip(parts[::-1], dims[::-1]):
        ret = part if ret is None else ret * n + part
    return ret


def ix_(*args):
    """Arrays that index the cross product of their positions.

    Parameters
    ----------
    *args : sequence of ints or bools
        Vectors.

    Returns
    -------
    tuple

    Examples
    --------
    >>> a = mt.arange(12).reshape(3, 4)
    >>> a[mt.ix_([0, 2], [1, 3])].execute()
    Tensor([[ 1,  3],
            [ 9, 11]])
    """
    ret = []
    for k, a in enumerate(args):
        a = astensor(a)
        if a.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        a = nonzero(a)[0] if a.dtype.kind == "b" else a
        ret.append(a[(None,) * k + (slice(None),) + (None,) * (len(args) - 1 - k)])
    return tuple(ret)


def diag_indices(n, ndim=2):
    """The positions of the main diagonal.

    Parameters
    ----------
    n : int
        Length of each axis.
    ndim : int, optional

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> a = mt.zeros((2, 2))
    >>> a[mt.diag_indices(2)] = 1
    >>> a.execute()
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return (arange(n),) * ndim


def diag_indices_from(arr):
    """The positions of the main diagonal of a tensor whose axes have one length.

    Parameters
    ----------
    arr : tensor_like

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> a = mt.arange(4).reshape(2, 2)
    >>> a[mt.diag_indices_from(a)].execute()
    Tensor([0, 3])
    """
    arr = astensor(arr)
    if arr.ndim < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(arr.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(arr.shape[0], arr.ndim)


def mask_indices(n, mask_func, k=0):
    """The positions where mask_func leaves something of an n x n matrix.

    Parameters
    ----------
    n : int
    mask_func : callable
        Such as triu and tril: is called with a matrix of ones, and with k.
    k : int, optional

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> a = mt.arange(4).reshape(2, 2)
    >>> a[mt.mask_indices(2, mt.triu)].execute()
    Tensor([0, 1, 3])
    """
    from .creation import ones

    return nonzero(op("not_equal", mask_func(ones((n, n), int), k), 0))


def trim_zeros(filt, trim="fb"):
    """A vector without the zeros at its ends. It is computed when it is called: lengths depend on it.

    Parameters
    ----------
    filt : tensor_like
        A vector.
    trim : str, optional
        'f' and 'b' for front and back.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.trim_zeros([0, 0, 1, 2, 0]).execute()
    Tensor([1, 2])
    """
    filt = astensor(filt)
    if filt.ndim != 1:
        raise ValueError("trim_zeros takes a vector")
    at = flatnonzero(filt)
    if at.shape[0] == 0:
        return filt[:0]
    first, last = int(at[0]), int(at[-1])
    trim = trim.upper()
    return filt[first if "F" in trim else None:last + 1 if "B" in trim else None]


def ndenumerate(arr):
    """Positions and values, some rows at a time.

    Parameters
    ----------
    arr : tensor_like

    Yields
    ------
    (tuple of ints, scalar)

    Examples
    --------
    >>> [(place, int(value)) for place, value in mt.ndenumerate([[1, 2]])]
    [((0, 0), 1), ((0, 1), 2)]
    """
    first = 0
    for rows in rows_of(astensor(arr)):
        for at, value in np.ndenumerate(rows):
            yield ((at[0] + first, *at[1:]) if at else at), value
        first += rows.shape[0] if rows.ndim else 0


def tril_indices(n, k=0, m=None):
    """The positions at and below a diagonal.

    Parameters
    ----------
    n : int
        Rows.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    m : int, optional
        Columns; None: as many.

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> rows, columns = mt.tril_indices(2)
    >>> mars.execute(rows, columns)
    (Tensor([0, 1, 1]), Tensor([0, 0, 1]))
    """
    from .matrices import tri

    return nonzero(tri(n, m, k, bool))


def tril_indices_from(arr, k=0):
    """The positions at and below a diagonal of a matrix.

    Parameters
    ----------
    arr : tensor_like
        A matrix.
    k : int, optional

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> a = mt.arange(4).reshape(2, 2)
    >>> a[mt.tril_indices_from(a)].execute()
    Tensor([0, 2, 3])
    """
    return tril_indices(*_rows_columns(arr, k))


def triu_indices_from(arr, k=0):
    """The positions at and above a diagonal of a matrix.

    Parameters
    ----------
    arr : tensor_like
        A matrix.
    k : int, optional

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> a = mt.arange(4).reshape(2, 2)
    >>> a[mt.triu_indices_from(a)].execute()
    Tensor([0, 1, 3])
    """
    return triu_indices(*_rows_columns(arr, k))


def _rows_columns(arr, k):
    arr = astensor(arr)
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return arr.shape[0], k, arr.shape[1]


def triu_indices(n, k=0, m=None):
    """The positions at and above a diagonal.

    Parameters
    ----------
    n : int
        Rows.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    m : int, optional
        Columns; None: as many.

    Returns
    -------
    tuple of Tensors

    Examples
    --------
    >>> rows, columns = mt.triu_indices(2)
    >>> mars.execute(rows, columns)
    (Tensor([0, 0, 1]), Tensor([0, 1, 1]))
    """
    from .matrices import tri

    return nonzero(op("logical_not", tri(n, m, k - 1, bool)))


class _Joiner:
    """r_ and c_: ranges and tensors, one after the other or as columns.

    A text in front is NumPy's: the axis along which; after a comma how many axes at least; after another one where the
    axes of a part that has fewer begin. 'r' and 'c' make a matrix, of rows or of columns.

    Examples
    --------
    >>> mt.r_[0:3, 7, [8, 9]].execute()
    Tensor([0, 1, 2, 7, 8, 9])
    >>> mt.c_[[1, 2], [3, 4]].execute()
    Tensor([[1, 3],
            [2, 4]])
    >>> mt.r_["0,2", [1, 2], [3, 4]].execute()
    Tensor([[1, 2],
            [3, 4]])
    """

    def __init__(self, columns):
        self.columns = columns

    def __getitem__(self, key):
        from .creation import linspace

        from .math import result_type

        keys, matrix, parts, kinds = key if isinstance(key, tuple) else (key,), "", [], []
        axis, ndim, place = (-1, 2, 0) if self.columns else (0, 1, -1)
        if keys and isinstance(keys[0], str):
            matrix = keys[0] if keys[0] in ("r", "c") else ""
            axis, ndim, place = (axis, ndim, place) if matrix else self._directive(keys[0], axis, ndim, place)
            keys = keys[1:]
        for k in keys:
            if isinstance(k, str):
                raise ValueError("special directives must be the first entry.")
            if isinstance(k, slice):
                start = 0 if k.start is None else k.start
                k = linspace(start, k.stop, int(abs(k.step))) if isinstance(k.step, complex) else \
                    arange(start, k.stop, 1 if k.step is None else k.step)
            weak = type(k) in (bool, int, float, complex)
            kinds.append(k if weak else (k := astensor(k)).dtype)
            k = astensor(k)
            parts.append(self._with_axes(k, ndim, place) if k.ndim else k.reshape((1,) * builtins.max(ndim, 1)))
        made = concatenate([p.astype(result_type(*kinds)) for p in parts], axis)
        if matrix:  # as a matrix of NumPy's would be: of two axes
            vector = made.ndim == 1
            dims = [n for n in made.shape if n > 1] if made.ndim > 2 else made.shape
            if len(dims) > 2:
                raise ValueError("shape too large to be a matrix.")
            made = made.reshape((1,) * (2 - len(dims)) + tuple(dims))
            made = made.T if matrix == "c" and vector else made
        return made

    @staticmethod
    def _directive(text, axis, ndim, place):
        """The axis along which, how many axes at least, and where the first one of a part goes that has fewer."""
        try:
            numbers = [int(word) for word in text.split(",")]
        except ValueError:
            raise ValueError(f"unknown directive {text!r}") from None
        if len(numbers) > 3:
            raise ValueError(f"unknown directive {text!r}")
        return (*numbers, *(axis, ndim, place)[len(numbers):])

    @staticmethod
    def _with_axes(t, ndim, place):
        """With axes of length one before its own, of which the first one goes to the place (-1: the last possible)."""
        new = ndim - t.ndim
        if new <= 0:
            return t
        first = place + new + 1 if place < 0 else place
        return t.reshape((1,) * first + t.shape + (1,) * (new - first))


r_, c_ = _Joiner(False), _Joiner(True)
