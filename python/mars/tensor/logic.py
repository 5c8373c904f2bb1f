# SPDX-License-Identifier: Apache-2.0
"""Comparisons of whole tensors, and sets."""
import numpy as np

from .. import _mars
from .._core import op
from .core import ExecutableTuple, Tensor
from .creation import astensor
from .sorting import unique
from .manipulation import concatenate

__all__ = """allclose array_equal array_equiv in1d intersect1d isclose isfortran isin may_share_memory setdiff1d
    setxor1d shares_memory union1d""".split()


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Where |a - b| <= atol + rtol * |b|.

    Parameters
    ----------
    a, b : tensor_like
    rtol : float, optional
        The tolerance relative to b.
    atol : float, optional
        The tolerance that is added.
    equal_nan : bool, optional
        Whether NaN is close to NaN.

    Returns
    -------
    Tensor
        Of bool.

    Examples
    --------
    >>> mt.isclose([1.0, 2.0, mt.nan], [1.0 + 1e-9, 2.1, mt.nan]).execute()
    Tensor([ True, False, False])
    """
    a, b = astensor(a), b if isinstance(b, (int, float, complex)) and type(b) is not bool else astensor(b)
    if not isinstance(b, Tensor):
        b = astensor(np.asarray(b, a.dtype if a.dtype.kind in "fc" and not isinstance(b, complex) else None))
    if b.dtype.kind in "biu":
        b = b.astype(float)
    finite = op("logical_and", op("isfinite", a), op("isfinite", b))
    close = op("less_equal", op("absolute", a - b), atol + rtol * op("absolute", b))
    made = op("where", finite, close, op("equal", a, b))
    if equal_nan:
        made = op("logical_or", made, op("logical_and", op("isnan", a), op("isnan", b)))
    return made


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether all |a - b| <= atol + rtol * |b|.

    Parameters
    ----------
    a, b : tensor_like
    rtol, atol : float, optional
        Tolerances; see isclose().
    equal_nan : bool, optional
        Whether NaN is close to NaN.

    Returns
    -------
    Tensor
        A bool without axes.

    Examples
    --------
    >>> bool(mt.allclose([1.0, 2.0], [1.0, 2.0 + 1e-9]))
    True
    """
    return isclose(a, b, rtol, atol, equal_nan).all()


def array_equal(a1, a2, equal_nan=False):
    """Whether shapes and all elements are equal.

    Parameters
    ----------
    a1, a2 : tensor_like
    equal_nan : bool, optional
        Whether NaN is equal to NaN.

    Returns
    -------
    Tensor
        A bool without axes.

    Examples
    --------
    >>> bool(mt.array_equal([1, 2], [1, 2])), bool(mt.array_equal([1, 2], [[1, 2]]))
    (True, False)
    """
    a1, a2 = astensor(a1), astensor(a2)
    if a1.shape != a2.shape:
        return astensor(False)
    same = op("equal", a1, a2)
    if equal_nan:
        same = op("logical_or", same, op("logical_and", op("not_equal", a1, a1), op("not_equal", a2, a2)))
    return same.all()


def array_equiv(a1, a2):
    """Whether all elements are equal after broadcasting.

    Parameters
    ----------
    a1, a2 : tensor_like

    Returns
    -------
    Tensor
        A bool without axes.

    Examples
    --------
    >>> bool(mt.array_equiv([1, 2], [[1, 2], [1, 2]]))
    True
    """
    a1, a2 = astensor(a1), astensor(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return astensor(False)
    return op("equal", a1, a2).all()


def isfortran(a):
    """Whether the first axis is the fastest in memory: never, of a tensor.

    Parameters
    ----------
    a : Tensor or numpy.ndarray

    Returns
    -------
    bool

    Examples
    --------
    >>> mt.isfortran(mt.ones((2, 3)).T)
    False
    """
    return False if isinstance(a, Tensor) else np.isfortran(a)


def shares_memory(a, b, /, max_work=None):
    """Whether a change of one could be seen in the other: never, of tensors, which have value semantics.

    Parameters
    ----------
    a, b : Tensor or numpy.ndarray
    max_work : int, optional
        How long NumPy looks at two arrays of its own.

    Returns
    -------
    bool

    Examples
    --------
    >>> x = mt.ones(3)
    >>> mt.shares_memory(x, x)
    False
    """
    return False if isinstance(a, Tensor) or isinstance(b, Tensor) else np.shares_memory(a, b, max_work)


def may_share_memory(a, b, /, max_work=None):
    """What shares_memory() says.

    Parameters
    ----------
    a, b : Tensor or numpy.ndarray
    max_work : int, optional

    Returns
    -------
    bool

    Examples
    --------
    >>> mt.may_share_memory(mt.ones(3), mt.ones(3))
    False
    """
    return shares_memory(a, b, max_work)


# ---- Sets ------------------------------------------------------------------------------------------------------------

_FEW = 1 << 16  # elements that are looked for faster than sorted together with others


def _both(ar1, ar2):
    """The different elements of each, in order: what is in both is there twice."""
    from .sorting import sort

    return sort(concatenate([unique(ar1), unique(ar2)]))


def in1d(ar1, ar2, assume_unique=False, invert=False, *, kind=None):
    """Whether each element of the first, flattened, is an element of the second.

    Parameters
    ----------
    ar1, ar2 : tensor_like
    assume_unique : bool, optional
        Ignored.
    invert : bool, optional
        Whether it is none.
    kind : {None, 'sort', 'table'}, optional
        Which way NumPy goes; here there is one.

    Returns
    -------
    Tensor
        A vector of bool.

    Examples
    --------
    >>> mt.in1d([1, 2, 5], [2, 5, 9]).execute()
    Tensor([False,  True,  True])
    """
    from .indexing import take
    from .sorting import searchsorted, sort

    if kind not in (None, "sort", "table"):
        raise ValueError(f"Invalid kind: '{kind}'. Please use None, 'sort' or 'table'.")
    ar1, ar2 = astensor(ar1).ravel(), astensor(ar2).ravel()
    n = ar2.shape[0]
    if n == 0:
        from .creation import full

        return full(ar1.shape, bool(invert))
    common = op("add", ar1[:0], ar2[:0]).dtype if ar1.dtype.kind != "b" or ar2.dtype.kind != "b" else ar1.dtype
    ordered = sort(ar2.astype(common))
    ar1 = ar1.astype(common)
    at = op("minimum", searchsorted(ordered, ar1), n - 1)
    return op("not_equal" if invert else "equal", take(ordered, at), ar1)


def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    """Whether each element is one of the test elements.

    Parameters
    ----------
    element, test_elements : tensor_like
    assume_unique : bool, optional
        Ignored.
    invert : bool, optional
        Whether it is none.
    kind : {None, 'sort', 'table'}, optional
        Which way NumPy goes; here there is one.

    Returns
    -------
    Tensor
        Of bool, of the shape of element.

    Examples
    --------
    >>> mt.isin([[1, 2], [3, 4]], [2, 4]).execute()
    Tensor([[False,  True],
            [False,  True]])
    """
    element = astensor(element)
    return in1d(element, test_elements, assume_unique, invert, kind=kind).reshape(element.shape)


def union1d(ar1, ar2):
    """The different elements of both, in order.

    Parameters
    ----------
    ar1, ar2 : tensor_like

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.union1d([1, 3], [3, 2]).execute()
    Tensor([1, 2, 3])
    """
    return unique(concatenate([astensor(ar1).ravel(), astensor(ar2).ravel()]))


def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """The different elements that are in both, in order.

    Parameters
    ----------
    ar1, ar2 : tensor_like
    assume_unique : bool, optional
        Ignored.
    return_indices : bool, optional
        Whether the indices of the first ones of them are given, too.

    Returns
    -------
    Tensor or ExecutableTuple
        A vector, or three of one length: the elements, and where they are in the flattened `ar1` and `ar2`.

    Examples
    --------
    >>> mt.intersect1d([1, 3, 4], [4, 3, 2]).execute()
    Tensor([3, 4])
    >>> common, first, second = mt.intersect1d([1, 3, 4], [4, 3, 2], return_indices=True)
    >>> first.execute(), second.execute()
    (Tensor([1, 2]), Tensor([1, 0]))
    """
    ar1, ar2 = astensor(ar1), astensor(ar2)
    dtype = _mars.promote(ar1.dtype, ar2.dtype)
    ar1, ar2 = ar1.astype(dtype), ar2.astype(dtype)
    if not return_indices:
        return op("paired", _both(ar1, ar2))
    (ar1, first), (ar2, second) = unique(ar1, return_index=True), unique(ar2, return_index=True)
    there = in1d(ar1, ar2)
    return ExecutableTuple([ar1[there], first[there], second[in1d(ar2, ar1)]])


def setdiff1d(ar1, ar2, assume_unique=False):
    """The different elements of the first that are not in the second.

    Parameters
    ----------
    ar1, ar2 : tensor_like
    assume_unique : bool, optional
        Whether those of the first are taken as they are: in their order, and as often.

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.setdiff1d([1, 3, 4], [4, 2]).execute()
    Tensor([1, 3])
    """
    ar1, ar2 = astensor(ar1), astensor(ar2)
    if assume_unique or ar1.dtype != ar2.dtype or ar2.size <= _FEW:
        ar1 = ar1.ravel() if assume_unique else unique(ar1)
        return ar1[in1d(ar1, ar2, invert=True)]
    return op("paired", _both(ar1, op("paired", _both(ar1, ar2))), single=True)


def setxor1d(ar1, ar2, assume_unique=False):
    """The different elements that are in one only, in order.

    Parameters
    ----------
    ar1, ar2 : tensor_like
    assume_unique : bool, optional
        Ignored.

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.setxor1d([1, 3, 4], [4, 2]).execute()
    Tensor([1, 2, 3])
    """
    return op("paired", _both(ar1, ar2), single=True)
