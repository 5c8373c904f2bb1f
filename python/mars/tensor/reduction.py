# SPDX-License-Identifier: Apache-2.0
"""Reductions and scans. The operators of the table know axis, keepdims and dtype; where=, initial= and out= are
composed here."""
import builtins
import operator

import numpy as np

from .._core import op
from .core import axes_of, axis_of, method
from .creation import astensor
from .ufuncs import store

__all__ = """all amax amin any argmax argmin count_nonzero cumprod cumsum max mean min nanargmax nanargmin
    nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum nanvar prod product ptp std
    sum var cumulative_sum cumulative_prod alltrue sometrue cumproduct""".split()

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


def _finish(made, out, name):
    return made if out is None else store(made, out, "same_kind" if made.dtype.kind != "b" else "unsafe", name)


def _reduce(name, a, axis, dtype=None, out=None, keepdims=False, where=True, initial=None, identity=None, combine=None,
            **params):
    a = astensor(a)
    axis = _axes(axis, a.ndim, name)
    if _given(where) and where is not True:
        if identity is None and not _given(initial):
            raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a where mask one has "
                             "to specify 'initial'")
        a = op("where", _mask(where), a, initial if identity is None else identity)
    keepdims = bool(keepdims) if _given(keepdims) else False
    if _given(initial) and _empty(a, axis) and identity is None:
        made = _of_nothing(a, axis, keepdims, initial)
    else:
        made = op(name, a, axis=axis, keepdims=keepdims, dtype=dtype, **params)
        if _given(initial):
            made = op(combine, made, initial)
    return _finish(made, out, name)


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


def scan(name, a, axis, dtype, out):
    """ufunc.accumulate: an operator that applies a universal function up to each element along an axis."""
    a = astensor(a)
    if dtype is not None and name not in ("cumsum", "cumprod"):
        a, dtype = a.astype(dtype), None
    if a.ndim == 0:
        raise TypeError("cannot accumulate on a scalar")
    return _finish(op(name, a, axis=(axis_of(axis, a.ndim),), dtype=dtype), out, name)


def _mask(where):
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
    """The sum of the elements along axes."""
    return _reduce("sum", a, axis, dtype, out, keepdims, where, initial, 0, "add")


@method
def prod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The product of the elements along axes."""
    return _reduce("prod", a, axis, dtype, out, keepdims, where, initial, 1, "multiply")


product = prod


def nansum(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The sum of the elements that are not NaN."""
    return _reduce("nansum", a, axis, dtype, out, keepdims, where, initial, 0, "add")


def nanprod(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The product of the elements that are not NaN."""
    return _reduce("nanprod", a, axis, dtype, out, keepdims, where, initial, 1, "multiply")


# ---- Extremes --------------------------------------------------------------------------------------------------------

@method
def max(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The largest element; NaN if there is one."""
    return _reduce("max", a, axis, None, out, keepdims, where, initial, None, "maximum")


@method
def min(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The smallest element; NaN if there is one."""
    return _reduce("min", a, axis, None, out, keepdims, where, initial, None, "minimum")


amax, amin = max, min


def nanmax(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The largest element that is not NaN."""
    return _reduce("nanmax", a, axis, None, out, keepdims, where, initial, None, "fmax")


def nanmin(a, axis=None, out=None, keepdims=False, initial=None, where=True, combine_size=None):
    """The smallest element that is not NaN."""
    return _reduce("nanmin", a, axis, None, out, keepdims, where, initial, None, "fmin")


@method
def ptp(a, axis=None, out=None, keepdims=False):
    """The largest element less the smallest."""
    return _reduce("ptp", a, axis, None, out, keepdims)


def _arg(name, a, axis, out, keepdims):
    a = astensor(a)
    keepdims = bool(keepdims) if _given(keepdims) else False
    axis = _axes(operator.index(axis) if isinstance(axis, tuple) else axis, a.ndim, name)
    return _finish(op(name, a, axis=axis, keepdims=keepdims), out, name)


@method
def argmax(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first largest element along an axis; without axis in the flattened tensor."""
    return _arg("argmax", a, axis, out, keepdims)


@method
def argmin(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """The index of the first smallest element along an axis; without axis in the flattened tensor."""
    return _arg("argmin", a, axis, out, keepdims)


def nanargmax(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """argmax() of the elements that are not NaN."""
    return _arg("nanargmax", a, axis, out, keepdims)


def nanargmin(a, axis=None, out=None, *, keepdims=False, combine_size=None):
    """argmin() of the elements that are not NaN."""
    return _arg("nanargmin", a, axis, out, keepdims)


# ---- Logic and counting ----------------------------------------------------------------------------------------------

@method
def all(a, axis=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """Whether all elements are true."""
    return _reduce("all", a, axis, None, out, keepdims, where, None, True)


@method
def any(a, axis=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """Whether any element is true."""
    return _reduce("any", a, axis, None, out, keepdims, where, None, False)


alltrue, sometrue = all, any


def count_nonzero(a, axis=None, *, keepdims=False, combine_size=None):
    """How many elements are not zero."""
    return _reduce("count_nonzero", a, axis, None, None, keepdims)


# ---- Moments ---------------------------------------------------------------------------------------------------------

def _counted(a, axis, keepdims, where):
    """How many elements the mask leaves along the axes."""
    from .manipulation import broadcast_to

    return op("count_nonzero", broadcast_to(_mask(where), a.shape), axis=axis, keepdims=keepdims)


def _mean_where(a, axis, dtype, keepdims, where):
    wide = dtype if dtype is not None else (a.dtype if a.dtype.kind in "fc" else np.dtype(float))
    total = _reduce("sum", a, axis, wide, None, keepdims, where, None, 0, "add")
    return op("divide", total, _counted(a, axis, keepdims, where).astype(total.real.dtype))


@method
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """The mean of the elements along axes."""
    a = astensor(a)
    keepdims = bool(keepdims) if _given(keepdims) else False
    if _given(where) and where is not True:
        return _finish(_mean_where(a, _axes(axis, a.ndim), dtype, keepdims, where), out, "mean")
    return _finish(op("mean", a, axis=_axes(axis, a.ndim), keepdims=keepdims, dtype=dtype), out, "mean")


def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True, combine_size=None):
    """The mean of the elements that are not NaN."""
    if _given(where) and where is not True:
        a = astensor(a)
        where = op("logical_and", _mask(where), op("logical_not", op("isnan", a)))
        return mean(a, axis, dtype, out, keepdims, where=where)
    return _reduce("nanmean", a, axis, dtype, out, keepdims)


def _var(name, a, axis, dtype, out, ddof, keepdims, where):
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
            return _finish(made * (factor if name.endswith("var") else factor ** 0.5), out, name)
        return _finish(op(name, a, axis=axis, keepdims=keepdims, dtype=dtype, ddof=int(ddof)), out, name)
    away = a - _mean_where(a, axis, dtype, True, where)
    square = op("square", away) if a.dtype.kind != "c" else op("real", away * op("conjugate", away))
    total = _reduce("sum", square, axis, None, None, keepdims, where, None, 0, "add")
    count = _counted(a, axis, keepdims, where).astype(total.dtype)
    made = op("divide", total, op("maximum", count - float(ddof), 0.0))
    return _finish(op("sqrt", made) if name == "std" else made, out, name)


@method
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=None, combine_size=None):
    """The variance of the elements along axes; the divisor is their number less ddof."""
    return _var("var", a, axis, dtype, out, ddof if correction is None else correction, keepdims, where)


@method
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, correction=None, combine_size=None):
    """The standard deviation of the elements along axes; the divisor is their number less ddof."""
    return _var("std", a, axis, dtype, out, ddof if correction is None else correction, keepdims, where)


def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, combine_size=None):
    """The variance of the elements that are not NaN."""
    return _var("nanvar", a, axis, dtype, out, ddof, keepdims, True)


def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, combine_size=None):
    """The standard deviation of the elements that are not NaN."""
    return _var("nanstd", a, axis, dtype, out, ddof, keepdims, True)


# ---- Scans -----------------------------------------------------------------------------------------------------------

def _scan(name, a, axis, dtype, out):
    a = astensor(a)
    if axis is None:
        a, axis = a.ravel(), 0
    elif a.ndim == 0:
        a = a.ravel()
        axis = axis_of(axis, 1)
    return _finish(op(name, a, axis=(axis_of(axis, a.ndim),), dtype=dtype), out, name)


@method
def cumsum(a, axis=None, dtype=None, out=None):
    """The sums of the first elements, more and more of them."""
    return _scan("cumsum", a, axis, dtype, out)


@method
def cumprod(a, axis=None, dtype=None, out=None):
    """The products of the first elements, more and more of them."""
    return _scan("cumprod", a, axis, dtype, out)


cumproduct = cumprod


def cummax(a, axis=None, dtype=None, out=None):
    """The largest of the first elements, of more and more of them: maximum.accumulate()."""
    return _scan("cummax", a, axis, dtype, out)


def cummin(a, axis=None, dtype=None, out=None):
    """The smallest of the first elements, of more and more of them: minimum.accumulate()."""
    return _scan("cummin", a, axis, dtype, out)


def _without_nan(a, value):
    a = astensor(a)
    return a if a.dtype.kind not in "fc" else op("where", op("isnan", a), value, a)


def nancumsum(a, axis=None, dtype=None, out=None):
    """cumsum() in which NaN counts as zero."""
    return cumsum(_without_nan(a, 0), axis, dtype, out)


def nancumprod(a, axis=None, dtype=None, out=None):
    """cumprod() in which NaN counts as one."""
    return cumprod(_without_nan(a, 1), axis, dtype, out)


def _cumulative(function, first, x, axis, dtype, out, include_initial):
    from .creation import full
    from .manipulation import concatenate

    x = astensor(x)
    if axis is None:
        if x.ndim > 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = 0
    made = function(x, axis, dtype)
    if include_initial:
        axis = axis_of(axis, made.ndim)
        made = concatenate([full(made.shape[:axis] + (1,) + made.shape[axis + 1:], first, made.dtype), made], axis)
    return _finish(made, out, "cumulative")


def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """cumsum(), with a zero in front if include_initial."""
    return _cumulative(cumsum, 0, x, axis, dtype, out, include_initial)


def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """cumprod(), with a one in front if include_initial."""
    return _cumulative(cumprod, 1, x, axis, dtype, out, include_initial)
