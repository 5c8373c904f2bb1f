# SPDX-License-Identifier: Apache-2.0
"""Tensors below and beside each other, and in parts: concatenate() and slices, in combinations."""
from .core import ExecutableTuple, axis_of
from .creation import astensor
from .manipulation import atleast, concatenate

__all__ = """append array_split block column_stack dsplit dstack hsplit hstack row_stack split vsplit vstack""".split()


# ---- Joining ---------------------------------------------------------------------------------------------------------

def vstack(tup, *, dtype=None, casting="same_kind"):
    """Tensors below each other; vectors are rows.

    Parameters
    ----------
    tup : sequence of tensor_like or SparseTensor
        All are sparse or none is.
    dtype : data-type, optional
    casting : str, optional

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.vstack([[1, 2], [3, 4]]).execute()
    Tensor([[1, 2],
            [3, 4]])
    """
    return concatenate([t if hasattr(t, "tocsr") else atleast(t, 2) for t in tup], 0, None, dtype, casting)


row_stack = vstack


def hstack(tup, *, dtype=None, casting="same_kind"):
    """Tensors beside each other; vectors behind each other.

    Parameters
    ----------
    tup : sequence of tensor_like or SparseTensor
        All are sparse or none is.
    dtype : data-type, optional
    casting : str, optional

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.hstack([[1, 2], [3]]).execute()
    Tensor([1, 2, 3])
    """
    ts = [t if hasattr(t, "tocsr") else atleast(t, 1) for t in tup]
    return concatenate(ts, 0 if ts and ts[0].ndim == 1 else 1, None, dtype, casting)


def dstack(tup):
    """Tensors along the third axis.

    Parameters
    ----------
    tup : sequence of tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.dstack([[1, 2], [3, 4]]).execute()
    Tensor([[[1, 3],
             [2, 4]]])
    """
    return concatenate([atleast(t, 3) for t in tup], 2)


def column_stack(tup):
    """Tensors as columns.

    Parameters
    ----------
    tup : sequence of tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.column_stack([[1, 2], [3, 4]]).execute()
    Tensor([[1, 3],
            [2, 4]])
    """
    ts = [astensor(t) for t in tup]
    return concatenate([t if t.ndim > 1 else atleast(t, 1)[:, None] for t in ts], 1)


def block(arrays):
    """A tensor of nested lists of blocks; the innermost lists lie along the last axis.

    Parameters
    ----------
    arrays : tensor_like or nested lists of them

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.block([[mt.eye(2), mt.zeros((2, 1))], [mt.ones((1, 3))]]).execute()
    Tensor([[1., 0., 0.],
            [0., 1., 0.],
            [1., 1., 1.]])
    """
    def depth(x):
        return 1 + max(map(depth, x), default=0) if isinstance(x, list) else 0

    def deepest(x):
        return max(map(deepest, x)) if isinstance(x, list) else astensor(x).ndim

    def join(x, level):
        if isinstance(x, list):
            if not x:
                raise ValueError("List at arrays cannot be empty")
            return concatenate([join(e, level - 1) for e in x], -level)
        return atleast_n(x)

    def atleast_n(x):
        x = astensor(x)
        return x[(None,) * (n - x.ndim) + (Ellipsis,)]

    levels = depth(arrays)
    n = max(levels, deepest(arrays))
    return join(arrays, levels)


def append(arr, values, axis=None):
    """Values after the end.

    Parameters
    ----------
    arr, values : tensor_like
    axis : int or None, optional
        None: both are flattened.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.append([1, 2], [[3], [4]]).execute()
    Tensor([1, 2, 3, 4])
    """
    if axis is None:
        arr, values, axis = astensor(arr).ravel(), astensor(values).ravel(), 0
    return concatenate([arr, values], axis)


# ---- Splitting -------------------------------------------------------------------------------------------------------

def array_split(a, indices_or_sections, axis=0):
    """Parts along an axis: so many of almost equal length, or between positions.

    Parameters
    ----------
    a : tensor_like
    indices_or_sections : int or sequence of ints
    axis : int, optional

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> [part.shape for part in mt.array_split(mt.arange(8), 3)]
    [(3,), (3,), (2,)]
    """
    a = astensor(a)
    axis = axis_of(axis, a.ndim)
    n = a.shape[axis]
    if hasattr(indices_or_sections, "__index__"):
        sections = indices_or_sections.__index__()
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, longer = divmod(n, sections)
        edges = [0]
        for k in range(sections):
            edges.append(edges[-1] + each + (k < longer))
    else:
        edges = [0, *(int(i) for i in indices_or_sections), n]
    before = (slice(None),) * axis
    return ExecutableTuple(a[before + (slice(lo, hi),)] for lo, hi in zip(edges, edges[1:]))


def split(ary, indices_or_sections, axis=0):
    """Parts along an axis: so many of equal length, or between positions.

    Parameters
    ----------
    ary : tensor_like
    indices_or_sections : int or sequence of ints
    axis : int, optional

    Returns
    -------
    ExecutableTuple

    Raises
    ------
    ValueError
        If so many parts cannot have one length.

    Examples
    --------
    >>> first, rest = mt.split(mt.arange(5), [2])
    >>> rest.execute()
    Tensor([2, 3, 4])
    """
    ary = astensor(ary)
    if hasattr(indices_or_sections, "__index__"):
        sections = indices_or_sections.__index__()
        if sections and ary.shape[axis_of(axis, ary.ndim)] % sections:
            raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def vsplit(ary, indices_or_sections):
    """Parts along the first axis.

    Parameters
    ----------
    ary : tensor_like
        Two axes or more.
    indices_or_sections : int or sequence of ints

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> top, bottom = mt.vsplit([[1, 2], [3, 4]], 2)
    >>> bottom.execute()
    Tensor([[3, 4]])
    """
    if astensor(ary).ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


def hsplit(ary, indices_or_sections):
    """Parts along the second axis, of vectors along their only one.

    Parameters
    ----------
    ary : tensor_like
    indices_or_sections : int or sequence of ints

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> left, right = mt.hsplit([[1, 2], [3, 4]], 2)
    >>> right.execute()
    Tensor([[2],
            [4]])
    """
    ary = astensor(ary)
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def dsplit(ary, indices_or_sections):
    """Parts along the third axis.

    Parameters
    ----------
    ary : tensor_like
        Three axes or more.
    indices_or_sections : int or sequence of ints

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> [part.shape for part in mt.dsplit(mt.ones((2, 2, 4)), 2)]
    [(2, 2, 2), (2, 2, 2)]
    """
    if astensor(ary).ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)
