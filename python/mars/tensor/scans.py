# SPDX-License-Identifier: Apache-2.0
"""Running reductions along an axis, by the tree of the reductions (reduction.py), and reductions of its segments."""
import numpy as np

from .. import _core
from .._core import op
from .core import Tensor, axis_of, method
from .creation import arange, astensor, zeros
from .manipulation import concatenate
from .reduction import finish, mask_of

__all__ = """cummax cummin cumprod cumproduct cumsum cumulative_prod cumulative_sum nancumprod nancumsum""".split()


def scan(name, a, axis, dtype, out):
    """ufunc.accumulate: an operator that applies a universal function up to each element along an axis."""
    a = astensor(a)
    if dtype is not None and name not in ("cumsum", "cumprod"):
        a, dtype = a.astype(dtype), None
    return finish(op(name, a, axis=(_running_axis(a, axis),), dtype=dtype), out, name)


def _running_axis(a, axis):
    """The axis of ufunc.accumulate."""
    if a.ndim == 0:
        if hasattr(axis, "__index__") and axis not in (0, -1):
            axis_of(axis, 0)
        raise TypeError("cannot accumulate on a scalar")
    if axis is None and a.ndim == 1:
        return 0
    if axis is None or isinstance(axis, tuple):
        if axis is not None and len(axis) == 1:
            return axis_of(axis[0], a.ndim)
        raise ValueError("accumulate does not allow multiple axes")
    return axis_of(axis, a.ndim)


# ---- From the left to the right --------------------------------------------------------------------------------------

def _of_loop(function, a, dtype):
    """Elements in the dtype that the function takes and makes: what it makes of them must be what it goes on with."""
    if dtype is None:
        of = zeros((), a.dtype)
        dtype = function(of, of).dtype
        if dtype != a.dtype and (dtype.kind == "b" or "m" in (dtype.kind, a.dtype.kind) or a.dtype.kind == "M"):
            raise TypeError(f"No loop matching the specified signature and casting was found for ufunc "
                            f"{function.__name__}")
    return a.astype(dtype)


def _of_timedeltas(function, a):
    """Differences of timedelta64, whose NaT an integer's loop does not know: a - (b + c) is a - b - c, exactly."""
    return function.__name__ == "subtract" and a.dtype.kind == "m"


def _operator(function):
    return _core.OPERATORS[function._operator].name


def left_reduce(function, array, axis, dtype, out, keepdims, initial, where):
    """ufunc.reduce of a function that may not be put in brackets at will. (Its identity, if NumPy gives it one, would
    be of one side only.)"""
    from .creation import full, ones
    from .manipulation import broadcast_to

    name = function.__name__
    a = astensor(array)
    if axis is None and a.ndim < 2:
        axis = tuple(range(a.ndim))
    elif a.ndim == 0 and not isinstance(axis, tuple) and axis in (0, -1):
        axis = ()
    several = axis is None or isinstance(axis, tuple) and len(axis) > 1
    if axis != () and not several:
        axis = axis_of(axis[0] if isinstance(axis, tuple) else axis, a.ndim)
    a = _of_loop(function, a, dtype)
    if several:
        raise ValueError(f"reduction operation '{name}' is not reorderable, so at most one axis may be specified")
    if where is not True and initial is None:
        raise ValueError(f"reduction operation '{name}' does not have an identity, so to use a where mask one has to "
                         "specify 'initial'")
    parts = [a]
    if where is not True:
        parts.append(broadcast_to(mask_of(where), a.shape))
    if axis == ():
        if initial is not None:
            first = full((), initial, a.dtype)
            a = op("where", parts[-1], function(first, a), first) if len(parts) > 1 else function(first, a)
        return finish(a, out, name)
    if initial is not None:
        first = a.shape[:axis] + (1,) + a.shape[axis + 1:]
        parts = [concatenate([make(first), part], axis) for make, part in
                 zip((lambda shape: full(shape, initial, a.dtype), lambda shape: ones(shape, bool)), parts)]
    if _of_timedeltas(function, a):
        made = _first(parts[0], axis) - _rest(parts[0], axis).sum(axis, keepdims=True, where=(
            True if where is True else _rest(parts[1], axis)))
    else:
        made = op("left_reduce", *parts, axis=axis, function=_operator(function))
    return finish(made if keepdims else made.squeeze(axis), out, name)


def _first(a, axis):
    if a.shape[axis] == 0:
        raise ValueError("zero-size array to reduction operation subtract which has no identity")
    return a[(slice(None),) * axis + (slice(0, 1),)]


def _rest(a, axis):
    return a[(slice(None),) * axis + (slice(1, None),)]


def left_accumulate(function, array, axis, dtype, out):
    """ufunc.accumulate of a function that may not be put in brackets at will."""
    a = astensor(array)
    axis = _running_axis(a, axis)
    a = _of_loop(function, a, dtype)
    if _of_timedeltas(function, a):
        first = a[(slice(None),) * axis + (slice(0, 1),)]
        made = concatenate([first, first - cumsum(_rest(a, axis), axis)], axis)
    else:
        made = op("left_accumulate", a, axis=axis, function=_operator(function))
    return finish(made, out, function.__name__)


# ---- Segments --------------------------------------------------------------------------------------------------------


def _segments(indices, n, function):
    """Which segment has the k-th element that is looked at, and which element that is, of segments that begin at
    indices and end where the next begins; where that is not behind them they have one element. None: all elements from
    the first index on."""
    if isinstance(indices, Tensor):
        least, most = (int(m) for m in (indices.min(), indices.max())) if indices.shape[0] else (0, -1)
    else:
        least, most = (int(indices.min()), int(indices.max())) if indices.size else (0, -1)
    for i in (least, most) if least <= most else ():
        if not 0 <= i < n:
            raise IndexError(f"index {i} out-of-bounds in {function}.reduceat [0, {n})")
    first = astensor(indices).astype(int)
    length = op("maximum", concatenate([first[1:], astensor(np.array([n]))]) - first, 1)
    end = op("cumsum", length, axis=(0,))
    total = int(end[-1]) if first.shape[0] else 0
    segment = op("searchsorted", end, arange(total), side="right")
    if bool((first[1:] > first[:-1]).all()):
        return segment, None
    return segment, op("take", first - (end - length), segment, axis=0) + arange(total)


def reduce_at(function, name, array, indices, axis, dtype, out):
    """ufunc.reduceat: `name` is that of the operator. Elements are taken one after the other, as NumPy does."""
    from .indexing import apply_at

    array = astensor(array)
    if array.ndim == 0:
        raise TypeError("cannot reduceat on a scalar")
    axis = axis_of(axis, array.ndim)
    indices = indices if isinstance(indices, Tensor) else np.asarray(indices)
    if indices.ndim != 1:
        raise ValueError(f"object {'too deep' if indices.ndim else 'of too small depth'} for desired array")
    indices = indices.astype(int)
    if dtype is None and name in ("add", "multiply") and array.dtype.kind in "biu":
        dtype = "uint64" if array.dtype.kind == "u" else "int64"
    elif dtype is None:
        dtype = bool if name.startswith("logical_") else array.dtype
    dtype = _core.as_dtype(dtype)
    wide = np.dtype("f4") if dtype == "f2" and name in ("add", "multiply") else dtype
    array = array.astype(wide)
    before = (slice(None),) * axis
    segment, at = _segments(indices, array.shape[axis], function)
    made = array[before + (indices,)]
    if segment.shape[0]:
        # All but the first element of each segment join it.
        inside = concatenate([zeros((1,), bool), op("equal", segment[1:], segment[:-1])])
        rest = arange(segment.shape[0])[inside]
        values = array[before + (rest + indices[0] if at is None else at[rest],)]
        apply_at(made, before + (segment[rest],), name, values)
    return finish(made.astype(dtype), out, function)


def _scan(name, a, axis, dtype, out):
    a = astensor(a)
    if axis is None:
        a, axis = a.ravel(), 0
    elif a.ndim == 0:
        a = a.ravel()
        axis = axis_of(axis, 1)
    return finish(op(name, a, axis=(axis_of(axis, a.ndim),), dtype=dtype), out, name)


@method
def cumsum(a, axis=None, dtype=None, out=None):
    """The sums of the first elements, more and more of them, by the same tree as sum().

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cumsum([[1, 2], [3, 4]], axis=0).execute()
    Tensor([[1, 2],
            [4, 6]])
    >>> mt.cumsum([[1, 2], [3, 4]]).execute()
    Tensor([ 1,  3,  6, 10])
    """
    return _scan("cumsum", a, axis, dtype, out)


@method
def cumprod(a, axis=None, dtype=None, out=None):
    """The products of the first elements, more and more of them.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cumprod([1, 2, 3, 4]).execute()
    Tensor([ 1,  2,  6, 24])
    """
    return _scan("cumprod", a, axis, dtype, out)


cumproduct = cumprod


def cummax(a, axis=None, dtype=None, out=None):
    """The largest of the first elements, of more and more of them: maximum.accumulate().

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cummax([3, 1, 4, 1, 5]).execute()
    Tensor([3, 3, 4, 4, 5])
    """
    return _scan("cummax", a, axis, dtype, out)


def cummin(a, axis=None, dtype=None, out=None):
    """The smallest of the first elements, of more and more of them: minimum.accumulate().

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cummin([3, 1, 4, 1, 5]).execute()
    Tensor([3, 1, 1, 1, 1])
    """
    return _scan("cummin", a, axis, dtype, out)


def _without_nan(a, value):
    a = astensor(a)
    return a if a.dtype.kind not in "fc" else op("where", op("isnan", a), value, a)


def nancumsum(a, axis=None, dtype=None, out=None):
    """cumsum() in which NaN counts as zero.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nancumsum([1.0, mt.nan, 2.0]).execute()
    Tensor([1., 1., 3.])
    """
    return cumsum(_without_nan(a, 0), axis, dtype, out)


def nancumprod(a, axis=None, dtype=None, out=None):
    """cumprod() in which NaN counts as one.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nancumprod([2.0, mt.nan, 3.0]).execute()
    Tensor([2., 2., 6.])
    """
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
    return finish(made, out, "cumulative")


def cumulative_sum(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """cumsum() as the array API standard has it.

    Parameters
    ----------
    x : tensor_like
    axis : int, optional
        May be left out for vectors only.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    include_initial : bool, optional
        Whether a zero comes first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cumulative_sum(mt.tensor([1, 2, 3]), include_initial=True).execute()
    Tensor([0, 1, 3, 6])
    """
    return _cumulative(cumsum, 0, x, axis, dtype, out, include_initial)


def cumulative_prod(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
    """cumprod() as the array API standard has it.

    Parameters
    ----------
    x : tensor_like
    axis : int, optional
        May be left out for vectors only.
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    include_initial : bool, optional
        Whether a one comes first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cumulative_prod(mt.tensor([1, 2, 3]), include_initial=True).execute()
    Tensor([1, 1, 2, 6])
    """
    return _cumulative(cumprod, 1, x, axis, dtype, out, include_initial)
