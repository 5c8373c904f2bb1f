# SPDX-License-Identifier: Apache-2.0
"""Reductions. The operators of the table know axis, keepdims and dtype; where=, initial= and out= are composed here."""
import builtins
import operator

import numpy as np

from .._core import op
from .core import axes_of, method
from .creation import astensor
from .ufuncs import store

__all__ = """all amax amin any argmax argmin count_nonzero max mean min nanargmax nanargmin nanmax nanmean nanmin
    nanprod nanstd nansum nanvar prod product ptp std sum var alltrue sometrue""".split()

_NO_VALUE = np._NoValue


def _given(x):
    return x is not None and x is not _NO_VALUE


# Reductions of a universal function take axis 0 and -1 of what has no axes, too.
_LENIENT = set("""sum prod max min any all nansum nanprod nanmax nanmin argmax argmin nanargmax nanargmin count_nonzero
    ptp""".split())


def _axes(axis, ndim, name=None):
    """axis= as the operators take it: None, or a tuple. () reduces nothing."""
    if axis is None:
        return None
    if not isinstance(axis, tuple):
        if isinstance(axis, bool):
            raise TypeError("an integer is required for the axis, not a boolean")
        axis = operator.index(axis)
        if ndim == 0 and name in _LENIENT and axis in (0, -1):
            return None
    return axes_of(axis, ndim)


def finish(made, out, name):
    """A result, in out= if there is one."""
    return made if out is None else store(made, out, "same_kind" if made.dtype.kind != "b" else "unsafe", name)


def _reduce(name, a, axis, dtype=None, out=None, keepdims=False, where=True, initial=None, identity=None, combine=None,
            **params):
    if hasattr(a, "tocsr"):
        return _of_sparse(name, a, axis, dtype, out, keepdims, where, initial)
    a = astensor(a)
    axis = _axes(axis, a.ndim, name)
    if _given(where) and where is not True:
        if identity is None and not _given(initial):
            raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a where mask one has "
                             "to specify 'initial'")
        a = op("where", mask_of(where), a, initial if identity is None else identity)
    keepdims = bool(keepdims) if _given(keepdims) else False
    if _given(initial) and _empty(a, axis) and identity is None:
        made = _of_nothing(a, axis, keepdims, initial)
    else:
        made = op(name, a, axis=axis, keepdims=keepdims, dtype=dtype, **params)
        if _given(initial):
            made = op(combine, made, initial)
    return finish(made, out, name)


def _of_sparse(name, a, axis, dtype, out, keepdims, where, initial, **more):
    """The same of a sparse tensor, whose methods have no more than these."""
    from .sparse import SparseTensor

    if not hasattr(SparseTensor, name):
        raise TypeError(f"{name}() takes dense tensors: todense() makes one of a sparse tensor")
    if _given(where) and where is not True or _given(initial):
        raise TypeError(f"{name}() of a sparse tensor takes neither where= nor initial=")
    from .creation import tensor

    rest = more | {name: value for name, value in {"dtype": dtype, "out": out}.items() if value is not None}
    return getattr(tensor(a), name)(axis, keepdims=bool(keepdims) if _given(keepdims) else False, **rest)


def fold(name, function, a, axis, dtype, out, keepdims, initial, where):
    """ufunc.reduce: an operator that applies a universal function between all elements along axes."""
    identity = {"sum": 0, "prod": 1, "all": True, "any": False, "hypot_reduce": 0, "gcd_reduce": 0,
                "bitwise_or_reduce": 0, "bitwise_xor_reduce": 0, "bitwise_and_reduce": -1,
                "logical_xor_reduce": False, "logaddexp_reduce": -np.inf, "logaddexp2_reduce": -np.inf}.get(name)
    a = astensor(a)
    if dtype is not None and name not in ("sum", "prod"):
        a, dtype = a.astype(dtype), None
    if name.startswith("bitwise_and") and a.dtype.kind != "i":  # what has all bits set
        identity = True if a.dtype.kind == "b" else int(np.iinfo(a.dtype).max) if a.dtype.kind == "u" else None
    return _reduce(name, a, axis, dtype, out, keepdims, where, initial, identity, function)


def mask_of(where):
    """where= as a tensor of booleans."""
    where = astensor(where)
    if where.dtype.kind != "b":
        raise TypeError(f"Cannot cast array data from {where.dtype!r} to dtype('bool') according to the rule 'safe'")
    return where


def _empty(a, axis):
    return builtins.any(a.shape[k] == 0 for k in (range(a.ndim) if axis is None else axis))


def _of_nothing(a, axis, keepdims, initial):
    from .creation import full

    gone = range(a.ndim) if axis is None else axis
    shape = [1 if k in gone else n for k, n in enumerate(a.shape) if keepdims or k not in gone]
    return full(shape, initial, a.dtype)


# ---- Sums and products -----------------------------------------------------------------------------------------------

@method
def sum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The sum of the elements along axes: a balanced tree over their indices, whose bits no cutting changes.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor
        Booleans and narrow integers are added in 64 bits.

    Examples
    --------
    >>> a = mt.tensor([[1, 2, 3], [4, 5, 6]], chunk_size=2)
    >>> a.sum(axis=0).execute()
    Tensor([5, 7, 9])
    >>> mt.sum(a, where=a > 2).execute()
    Tensor(18)
    """
    return _reduce("sum", a, axis, dtype, out, keepdims, where, initial, 0, "add")


@method
def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The product of the elements along axes.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor
        Booleans and narrow integers are multiplied in 64 bits.

    Examples
    --------
    >>> mt.prod([[1, 2], [3, 4]], axis=1).execute()
    Tensor([ 2, 12])
    """
    return _reduce("prod", a, axis, dtype, out, keepdims, where, initial, 1, "multiply")


product = prod


def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The sum of the elements that are not NaN; 0 of none.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nansum([1.0, mt.nan, 2.0]).execute()
    Tensor(3.0)
    """
    return _reduce("nansum", a, axis, dtype, out, keepdims, where, initial, 0, "add")


def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The product of the elements that are not NaN; 1 of none.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanprod([2.0, mt.nan, 3.0]).execute()
    Tensor(6.0)
    """
    return _reduce("nanprod", a, axis, dtype, out, keepdims, where, initial, 1, "multiply")


# ---- Extremes --------------------------------------------------------------------------------------------------------

@method
def max(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The largest element along axes; NaN if there is one.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are no elements, and no `initial`.

    Examples
    --------
    >>> mt.max([[1, 7], [5, 2]], axis=1).execute()
    Tensor([7, 5])
    """
    return _reduce("max", a, axis, None, out, keepdims, where, initial, None, "maximum")


@method
def min(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The smallest element along axes; NaN if there is one.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If there are no elements, and no `initial`.

    Examples
    --------
    >>> mt.min([[1, 7], [5, 2]], axis=1).execute()
    Tensor([1, 2])
    """
    return _reduce("min", a, axis, None, out, keepdims, where, initial, None, "minimum")


amax, amin = max, min


def nanmax(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The largest element that is not NaN; NaN where there is no other.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanmax([1.0, mt.nan, 7.0]).execute()
    Tensor(7.0)
    """
    return _reduce("nanmax", a, axis, None, out, keepdims, where, initial, None, "fmax")


def nanmin(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The smallest element that is not NaN; NaN where there is no other.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    initial : scalar, optional
        Joins the elements; the value of an empty reduction.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanmin([1.0, mt.nan, 7.0]).execute()
    Tensor(1.0)
    """
    return _reduce("nanmin", a, axis, None, out, keepdims, where, initial, None, "fmin")


@method
def ptp(a, axis=None, out=None, keepdims=False):
    """The largest element less the smallest.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.ptp([[1, 7], [5, 2]], axis=0).execute()
    Tensor([4, 5])
    """
    return _reduce("ptp", a, axis, None, out, keepdims)


def _arg(name, a, axis, out, keepdims):
    if hasattr(a, "tocsr"):
        return _of_sparse(name, a, axis, None, out, keepdims, True, None)
    a = astensor(a)
    keepdims = bool(keepdims) if _given(keepdims) else False
    axis = _axes(operator.index(axis) if isinstance(axis, tuple) else axis, a.ndim, name)
    return finish(op(name, a, axis=axis, keepdims=keepdims), out, name)


@method
def argmax(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first largest element, or of the first NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: in the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.argmax([[1, 7], [5, 2]], axis=0).execute()
    Tensor([1, 0])
    >>> mt.argmax([[1, 7], [5, 2]]).execute()
    Tensor(1)
    """
    return _arg("argmax", a, axis, out, keepdims)


@method
def argmin(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first smallest element, or of the first NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: in the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.argmin([[1, 7], [5, 2]], axis=0).execute()
    Tensor([0, 1])
    """
    return _arg("argmin", a, axis, out, keepdims)


def nanargmax(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first largest element that is not NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: in the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    ValueError
        When it is computed, where all elements are NaN.

    Examples
    --------
    >>> mt.nanargmax([1.0, mt.nan, 7.0]).execute()
    Tensor(2)
    """
    return _arg("nanargmax", a, axis, out, keepdims)


def nanargmin(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first smallest element that is not NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: in the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of int64

    Raises
    ------
    ValueError
        When it is computed, where all elements are NaN.

    Examples
    --------
    >>> mt.nanargmin([mt.nan, 3.0, 7.0]).execute()
    Tensor(1)
    """
    return _arg("nanargmin", a, axis, out, keepdims)


# ---- Logic and counting ----------------------------------------------------------------------------------------------

@method
def all(a, axis=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """Whether all elements along axes are true, that is, not zero.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.all([[1, 2], [0, 3]], axis=1).execute()
    Tensor([ True, False])
    """
    return _reduce("all", a, axis, None, out, keepdims, where, None, True)


@method
def any(a, axis=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """Whether any element along axes is true, that is, not zero.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.any([[0, 0], [0, 3]], axis=1).execute()
    Tensor([False,  True])
    """
    return _reduce("any", a, axis, None, out, keepdims, where, None, False)


alltrue, sometrue = all, any


def count_nonzero(a, axis=None, *, keepdims=False, combine_size=None):
    """How many elements along axes are not zero.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.count_nonzero([[0, 1], [2, 3]], axis=0).execute()
    Tensor([1, 2])
    """
    return _reduce("count_nonzero", a, axis, None, None, keepdims)


# ---- Moments ---------------------------------------------------------------------------------------------------------

def _counted(a, axis, keepdims, where):
    """How many elements the mask leaves along the axes."""
    from .manipulation import broadcast_to

    return op("count_nonzero", broadcast_to(mask_of(where), a.shape), axis=axis, keepdims=keepdims)


def _mean_where(a, axis, dtype, keepdims, where):
    wide = dtype if dtype is not None else (a.dtype if a.dtype.kind in "fc" else np.dtype(float))
    total = _reduce("sum", a, axis, wide, None, keepdims, where, None, 0, "add")
    return op("divide", total, _counted(a, axis, keepdims, where).astype(total.real.dtype))


@method
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """The mean of the elements along axes; of integers in float64.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.mean([[1, 2], [3, 5]], axis=0).execute()
    Tensor([2. , 3.5])
    >>> mt.arange(10, chunk_size=3).mean().execute()
    Tensor(4.5)
    """
    if hasattr(a, "tocsr"):
        return _of_sparse("mean", a, axis, dtype, out, keepdims, where, None)
    a = astensor(a)
    keepdims = bool(keepdims) if _given(keepdims) else False
    if _given(where) and where is not True:
        return finish(_mean_where(a, _axes(axis, a.ndim), dtype, keepdims, where), out, "mean")
    return finish(op("mean", a, axis=_axes(axis, a.ndim), keepdims=keepdims, dtype=dtype), out, "mean")


def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """The mean of the elements that are not NaN; NaN where there are none.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanmean([1.0, mt.nan, 3.0]).execute()
    Tensor(2.0)
    """
    if _given(where) and where is not True:
        a = astensor(a)
        where = op("logical_and", mask_of(where), op("logical_not", op("isnan", a)))
        return mean(a, axis, dtype, out, keepdims, where=where)
    return _reduce("nanmean", a, axis, dtype, out, keepdims)


def _var(name, a, axis, dtype, out, ddof, keepdims, where):
    if hasattr(a, "tocsr"):
        return _of_sparse(name, a, axis, dtype, out, keepdims, where, None, ddof=ddof)
    a = astensor(a)
    axis = _axes(axis, a.ndim)
    keepdims = bool(keepdims) if _given(keepdims) else False
    if not _given(where) or where is True:
        if isinstance(ddof, float) and not ddof.is_integer():
            made = op(name, a, axis=axis, keepdims=keepdims, dtype=dtype, ddof=0)
            n = 1
            for k in range(a.ndim) if axis is None else axis:
                n *= a.shape[k]
            factor = n / (n - ddof) if n > ddof else np.inf
            return finish(made * (factor if name.endswith("var") else factor ** 0.5), out, name)
        return finish(op(name, a, axis=axis, keepdims=keepdims, dtype=dtype, ddof=int(ddof)), out, name)
    away = a - _mean_where(a, axis, dtype, True, where)
    square = op("square", away) if a.dtype.kind != "c" else op("real", away * op("conjugate", away))
    total = _reduce("sum", square, axis, None, None, keepdims, where, None, 0, "add")
    count = _counted(a, axis, keepdims, where).astype(total.dtype)
    made = op("divide", total, op("maximum", count - float(ddof), 0.0))
    return finish(op("sqrt", made) if name == "std" else made, out, name)


@method
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=None, combine_size=None):
    """The variance of the elements along axes, in one pass and without cancellation.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    ddof : int, optional
        The divisor is the number of elements less this.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    correction : int, optional
        The array API standard's word for ddof.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.var([1, 2, 3, 4]).execute()
    Tensor(1.25)
    >>> mt.var([1e9, 1e9 + 1, 1e9 + 2], ddof=1).execute()
    Tensor(1.0)
    """
    return _var("var", a, axis, dtype, out, ddof if correction is None else correction, keepdims, where)


@method
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=None, combine_size=None):
    """The standard deviation of the elements along axes: the root of var().

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    ddof : int, optional
        The divisor is the number of elements less this.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    correction : int, optional
        The array API standard's word for ddof.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.std([[1, 3], [2, 8]], axis=1).execute()
    Tensor([1., 3.])
    """
    return _var("std", a, axis, dtype, out, ddof if correction is None else correction, keepdims, where)


def _nan_elsewhere(a, where):
    if not _given(where) or where is True:
        return a
    a = astensor(a)
    return op("where", mask_of(where), a if a.dtype.kind in "fc" else a.astype(float), np.nan)


def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, combine_size=None):
    """The variance of the elements that are not NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    ddof : int, optional
        The divisor is the number of elements less this.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanvar([1.0, mt.nan, 3.0]).execute()
    Tensor(1.0)
    """
    return _var("nanvar", _nan_elsewhere(a, where), axis, dtype, out, ddof, keepdims, True)


def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, combine_size=None):
    """The standard deviation of the elements that are not NaN.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    ddof : int, optional
        The divisor is the number of elements less this.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    where : tensor_like of bool, optional
        The elements that count.
    combine_size : int, optional
        Ignored: shapes alone say how elements are merged.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanstd([1.0, mt.nan, 5.0]).execute()
    Tensor(2.0)
    """
    return _var("nanstd", _nan_elsewhere(a, where), axis, dtype, out, ddof, keepdims, True)
