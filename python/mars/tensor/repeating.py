# SPDX-License-Identifier: Apache-2.0
"""Elements again, elsewhere, and more or fewer of them: tile, roll, pad, insert, delete. All are views and slices that
are put together again."""
import numpy as np

from .. import _mars
from .._core import op
from .core import Tensor, axes_of, axis_of, method
from .creation import arange, astensor
from .manipulation import broadcast_to, concatenate, flip, moveaxis, reshape, swapaxes, view

__all__ = """copyto delete fliplr flipud insert pad repeat resize roll rot90 tile""".split()


# ---- Repeating, turning, shifting ------------------------------------------------------------------------------------

def tile(A, reps):
    """A so many times along each axis.

    Parameters
    ----------
    A : tensor_like
    reps : int or tuple of ints

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tile([1, 2], (2, 2)).execute()
    Tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    A = astensor(A)
    reps = (reps.__index__(),) if hasattr(reps, "__index__") else tuple(r.__index__() for r in reps)
    n = max(A.ndim, len(reps))
    reps = (1,) * (n - len(reps)) + reps
    own = (1,) * (n - A.ndim) + A.shape
    if any(r < 0 for r in reps):
        raise ValueError(f"negative dimensions are not allowed: tile() repeats {reps} times")
    if all(r == 1 for r in reps):
        return reshape(A, own) if n > A.ndim else A._same()
    # (r0, n0, r1, n1, …), then the pairs become one axis.
    shape = [m for r, k in zip(reps, own) for m in (r, k)]
    t = view(A, shape, [2 * (k + n - A.ndim) + 1 for k in range(A.ndim)])
    return reshape(t, [r * k for r, k in zip(reps, own)])


@method
def repeat(a, repeats, axis=None):
    """Each element so many times.

    Parameters
    ----------
    a : tensor_like
    repeats : int or tensor_like of int
        One number, or one for each position along the axis.
    axis : int or None, optional
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.repeat([1, 2], 2).execute()
    Tensor([1, 1, 2, 2])
    >>> mt.repeat([[1, 2], [3, 4]], [2, 1], axis=0).execute()
    Tensor([[1, 2],
            [1, 2],
            [3, 4]])
    """
    a = astensor(a)
    if axis is None or a.ndim == 0 and axis in (0, -1):
        a, axis = a.ravel(), 0
    axis = axis_of(axis, a.ndim)
    if isinstance(repeats, Tensor):
        repeats = repeats._view()
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {counts.dtype!r} to dtype('int64') according to the rule 'safe'")
    if (counts < 0).any():
        raise ValueError("repeats may not contain negative values.")
    own = a.shape
    if counts.size != 1:
        if counts.ndim != 1 or counts.size != own[axis]:
            raise ValueError(f"operands could not be broadcast together with shape ({own[axis]},) {counts.shape}")
        from .indexing import take

        return take(a, np.repeat(np.arange(own[axis]), counts), axis)
    times = int(counts.reshape(-1)[0])
    shape = own[:axis + 1] + (times,) + own[axis + 1:]
    t = view(a, shape, [k + (k > axis) for k in range(a.ndim)])
    return reshape(t, own[:axis] + (own[axis] * times,) + own[axis + 1:])


def fliplr(m):
    """Columns in reverse order.

    Parameters
    ----------
    m : tensor_like
        Two axes or more.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fliplr([[1, 2], [3, 4]]).execute()
    Tensor([[2, 1],
            [4, 3]])
    """
    if astensor(m).ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip(m, 1)


def flipud(m):
    """Rows in reverse order.

    Parameters
    ----------
    m : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.flipud([[1, 2], [3, 4]]).execute()
    Tensor([[3, 4],
            [1, 2]])
    """
    if astensor(m).ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    """Turned by 90 degrees k times, from the first axis towards the second.

    Parameters
    ----------
    m : tensor_like
        Two axes or more.
    k : int, optional
    axes : (int, int), optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.rot90([[1, 2], [3, 4]]).execute()
    Tensor([[2, 4],
            [1, 3]])
    """
    m = astensor(m)
    a, b = axes_of(axes, m.ndim)
    k %= 4
    if k == 0:
        return m._same()
    if k == 2:
        return flip(m, (a, b))
    return flip(swapaxes(m, a, b), a) if k == 1 else flip(swapaxes(m, a, b), b)


def roll(a, shift, axis=None):
    """Shifted along axes; what leaves at the end comes in at the beginning.

    Parameters
    ----------
    a : tensor_like
    shift : int or tuple of ints
    axis : int, tuple of ints or None, optional
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.roll([1, 2, 3, 4], 1).execute()
    Tensor([4, 1, 2, 3])
    """
    a = astensor(a)
    if axis is None:
        return roll(a.ravel(), shift, 0).reshape(a.shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, k in zip(shifts.ravel().tolist(), axes.ravel().tolist()):
        k = axis_of(k, a.ndim)
        n = a.shape[k]
        s = s % n if n else 0
        if s:
            before = (slice(None),) * k
            a = concatenate([a[before + (slice(n - s, None),)], a[before + (slice(None, n - s),)]], k)
    return a._same()


def resize(a, new_shape):
    """The elements again and again until the shape is full.

    Parameters
    ----------
    a : tensor_like
    new_shape : int or tuple of ints

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.resize([1, 2, 3], (2, 4)).execute()
    Tensor([[1, 2, 3, 1],
            [2, 3, 1, 2]])
    """
    a = astensor(a).ravel()
    new_shape = (new_shape,) if hasattr(new_shape, "__index__") else tuple(new_shape)
    n = int(np.prod(new_shape, dtype=object)) if new_shape else 1
    if any(k < 0 for k in new_shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if a.size == 0 or n == 0:
        from .creation import zeros

        return zeros(new_shape, a.dtype)
    return tile(a, -(-n // a.size))[:n].reshape(new_shape)


# ---- Padding ---------------------------------------------------------------------------------------------------------

def _pairs(value, ndim, what):
    """The forms in which pad() takes a pair for each axis."""
    value = np.asarray(value)
    if what == "pad_width" and value.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    return [tuple(p) for p in np.broadcast_to(value, (ndim, 2)).tolist()]


def _at(t, axis, what):
    return t[(slice(None),) * axis + (what,)]


def _runs(at):
    """Indices as slices of step 1 and -1, so that they are views."""
    runs, i = [], 0
    while i < len(at):
        j = i + 1
        step = at[j] - at[i] if j < len(at) and abs(at[j] - at[i]) == 1 else 1
        while j < len(at) and at[j] - at[j - 1] == step:
            j += 1
        stop = at[j - 1] + step
        runs.append(slice(int(at[i]), None if stop < 0 else int(stop), int(step)))
        i = j
    return runs


def _reflected_oddly(t, axis, before, after, with_end):
    """Twice the end less what is mirrored in it. Each turn mirrors all that is there, so the length doubles."""
    def beyond(end, mirrored):
        return (2 * _at(t, axis, slice(end, end + 1)) - flip(_at(t, axis, mirrored), axis)).astype(t.dtype)

    while before or after:
        skip, n = not with_end, t.shape[axis]
        width = min(before, n - skip)
        if width:
            t = concatenate([beyond(0, slice(int(skip), skip + width)), t], axis)
            before, n = before - width, n + width
        width = min(after, n - skip)
        if width:
            t = concatenate([t, beyond(n - 1, slice(n - skip - width, n - skip))], axis)
            after -= width
    return t


def _pad_axis(t, axis, widths, mode, options):
    from .creation import full

    before, after = widths
    if (before, after) == (0, 0):
        return t
    shape, n = t.shape, t.shape[axis]

    def block(width, value):
        return full(shape[:axis] + (width,) + shape[axis + 1:], value, t.dtype)

    if mode == "constant":
        low, high = options["constant_values"][axis]
        return concatenate([block(before, low), t, block(after, high)], axis)
    if n == 0:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode == "edge":
        ends = [_at(t, axis, slice(0, 1)), _at(t, axis, slice(n - 1, n))]
        return concatenate([repeat(ends[0], before, axis), t, repeat(ends[1], after, axis)], axis)
    if mode == "linear_ramp":
        from .creation import linspace

        low, high = options["end_values"][axis]
        first, last = _at(t, axis, 0), _at(t, axis, n - 1)
        parts = [linspace(full(first.shape, low, t.dtype), first, before, False, dtype=t.dtype, axis=axis), t,
                 flip(linspace(full(last.shape, high, t.dtype), last, after, False, dtype=t.dtype, axis=axis), axis)]
        return concatenate(parts, axis)
    if mode in ("maximum", "minimum", "mean", "median"):
        from . import reduction, statistics

        function = statistics.median if mode == "median" else getattr(reduction, {"maximum": "max", "minimum": "min"}
                                                                      .get(mode, mode))
        low, high = options["stat_length"][axis] if options["stat_length"] is not None else (n, n)
        values = [function(_at(t, axis, part), axis=axis, keepdims=True)
                  for part in (slice(0, min(low, n)), slice(n - min(high, n), n))]
        if t.dtype.kind in "iu" and mode in ("mean", "median"):
            from .ufuncs import rint

            values = [rint(v) for v in values]
        return concatenate([repeat(values[0].astype(t.dtype), before, axis), t,
                            repeat(values[1].astype(t.dtype), after, axis)], axis)
    if options["odd"] and n > 1:
        return _reflected_oddly(t, axis, before, after, mode == "symmetric")
    around = [np.arange(-before, 0), np.arange(n, n + after)]
    if mode == "wrap" or n == 1:
        around = [at % n for at in around]
    else:
        period = 2 * n if mode == "symmetric" else 2 * (n - 1)
        around = [np.where(at % period < n, at % period, period - at % period - (mode == "symmetric")) for at in around]
    runs = [_runs(at.tolist()) for at in around]
    return concatenate([_at(t, axis, run) for run in runs[0]] + [t] + [_at(t, axis, run) for run in runs[1]], axis)


_PAD_MODES = {"constant": "constant_values", "edge": None, "linear_ramp": "end_values", "maximum": "stat_length",
              "mean": "stat_length", "median": "stat_length", "minimum": "stat_length", "reflect": "reflect_type",
              "symmetric": "reflect_type", "wrap": None, "empty": None}


def pad(array, pad_width, mode="constant", **kwargs):
    """With more elements before and after along each axis.

    Parameters
    ----------
    array : tensor_like
    pad_width : int or sequence
        How many: one number; (before, after); or that for each axis.
    mode : str or callable, optional
        A mode of NumPy's: 'constant', 'edge', 'linear_ramp', 'maximum', 'mean', 'median', 'minimum', 'reflect',
        'symmetric', 'wrap' or 'empty'.
    **kwargs : optional
        Of the mode: constant_values, end_values, stat_length, reflect_type ('even', or 'odd': twice the end less what
        is mirrored).

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.pad([1, 2, 3], (2, 1)).execute()
    Tensor([0, 0, 1, 2, 3, 0])
    >>> mt.pad([1, 2, 3], 2, mode="reflect").execute()
    Tensor([3, 2, 1, 2, 3, 2, 1])
    """
    t = astensor(array)
    widths = _pairs(pad_width, t.ndim, "pad_width")
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError("index can't contain negative values")
    if mode not in _PAD_MODES:
        raise ValueError(f"mode '{mode}' is not supported")
    extra = set(kwargs) - {_PAD_MODES[mode]}
    if extra:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {extra}")
    kind = kwargs.get("reflect_type", "even")
    if kind not in ("even", "odd"):
        raise ValueError(f"reflect_type is 'even' or 'odd', not {kind!r}")
    options = {name: _pairs(kwargs.get(name, 0), t.ndim, name) for name in ("constant_values", "end_values")}
    length = kwargs.get("stat_length")
    options["odd"] = kind == "odd"
    options["stat_length"] = None if length is None else _pairs(length, t.ndim, "stat_length")
    mode = "constant" if mode == "empty" else mode
    for axis, pair in enumerate(widths):
        t = _pad_axis(t, axis, pair, mode, options)
    return t


# ---- Inserting, deleting, copying ------------------------------------------------------------------------------------

_RUNS_MOST = 256  # parts of a tensor that are put together; more are positions that are looked up


def _gaps(obj, n, axis):
    """The runs of positions that delete() leaves out, as first ones and those behind the last ones, in order."""
    if isinstance(obj, Tensor):
        obj = obj._view()
    if isinstance(obj, slice):
        gone = range(*obj.indices(n))
        gone = gone if gone.step > 0 else gone[::-1]
        if gone.step == 1 or len(gone) < 2:
            return (np.array([gone[0]]), np.array([gone[-1] + 1])) if gone else (np.zeros(0, int), np.zeros(0, int))
        gone = np.arange(gone.start, gone.stop, gone.step)
        return gone, gone + 1
    obj = np.asarray(obj)
    if obj.dtype.kind == "b":
        if obj.shape != (n,):
            raise ValueError("boolean array argument obj to delete must be one dimensional and match the axis "
                             f"length of {n}")
        gone = np.flatnonzero(obj)
    else:
        gone = _positions(obj.astype(int) if obj.size == 0 else obj, n, n, axis)
        gone = np.unique(gone)
    first = np.flatnonzero(np.diff(gone, prepend=-2) != 1)
    return gone[first], gone[np.append(first[1:], len(gone))[:len(first)] - 1] + 1


def _positions(at, n, end, axis):
    """Integers that name positions of an axis of n, or up to `end` in front of one, none of them negative."""
    at = at.ravel()
    if at.dtype.kind not in "iu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    outside = at[(at < -n) | (at >= end)]
    if outside.size:
        raise IndexError(f"index {outside[0]} is out of bounds for axis {axis} with size {n}")
    return np.where(at < 0, at + n, at)


def _marks(n, at):
    """Whether each of n positions is one of those."""
    marks = op("full", shape=(n,), dtype=np.dtype(bool), value=False)
    marks[at] = True
    return marks


def delete(arr, obj, axis=None):
    """Without some positions along an axis.

    Parameters
    ----------
    arr : tensor_like
    obj : int, slice or sequence of ints or bools
    axis : int or None, optional
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.delete([1, 2, 3, 4], [0, 2]).execute()
    Tensor([2, 4])
    """
    t = astensor(arr)
    if axis is None:
        t, axis = t.ravel(), 0
    axis = axis_of(axis, t.ndim)
    n = t.shape[axis]
    first, last = _gaps(obj, n, axis)
    if len(first) <= _RUNS_MOST:
        runs = zip([0, *last.tolist()], [*first.tolist(), n])
        parts = [_at(t, axis, slice(lo, hi)) for lo, hi in runs if lo < hi]
        return concatenate(parts, axis) if parts else _at(t, axis, slice(0, 0))
    before = np.cumsum(last - first)  # positions that are left out up to the end of each run
    gone = np.arange(before[-1]) + np.repeat(last - before, last - first)
    left = op("mask", moveaxis(t, axis, 0), op("logical_not", _marks(n, gone)))
    rest = t.shape[:axis] + t.shape[axis + 1:]
    return moveaxis(left.reshape((n - len(gone), *rest)), 0, axis)


def insert(arr, obj, values, axis=None):
    """With values before some positions along an axis.

    Parameters
    ----------
    arr : tensor_like
    obj : int, slice or sequence of ints
    values : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.insert([1, 2, 3], 1, 9).execute()
    Tensor([1, 9, 2, 3])
    """
    t, values = astensor(arr), astensor(values)
    if axis is None:
        t, axis = t.ravel(), 0
    axis = axis_of(axis, t.ndim)
    n = t.shape[axis]
    at = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj._view() if isinstance(obj, Tensor) else obj)
    if at.dtype.kind == "b":
        at = np.flatnonzero(at)
    single = at.ndim == 0
    at = np.atleast_1d(at).astype(int)
    if single or at.size == 1:
        while values.ndim < t.ndim:
            values = values[None]
        if single:
            values = moveaxis(values, 0, axis)
        at = np.repeat(at, values.shape[axis])
    at = _positions(at, n, n + 1, axis)
    want = t.shape[:axis] + (len(at),) + t.shape[axis + 1:]
    values = broadcast_to(values.astype(t.dtype), want)
    parts, last = [], 0
    order = np.argsort(at, kind="stable")
    if len(at) > _RUNS_MOST:
        from .indexing import take

        inserted = _marks(n + len(at), at[order] + np.arange(len(at)))  # positions in the result
        before = op("cumsum", inserted)
        source = op("where", inserted, before + (n - 1), arange(n + len(at)) - before)
        return take(concatenate([t, take(values, order, axis)], axis), source, axis)
    for k in order.tolist():
        parts += [_at(t, axis, slice(last, int(at[k]))), _at(values, axis, slice(k, k + 1))]
        last = int(at[k])
    return concatenate(parts + [_at(t, axis, slice(last, n))], axis)


def copyto(dst, src, casting="same_kind", where=True):
    """dst becomes src, where a mask says so.

    Parameters
    ----------
    dst : Tensor or numpy.ndarray
        A tensor stands for the result from now on, which stays lazy; an array of NumPy's is filled, for which the
        result is computed now.
    src : tensor_like
        Broadcasts.
    casting : {'no', 'equiv', 'safe', 'same_kind', 'unsafe'}, optional
        Which casts to the dtype of dst are allowed.
    where : tensor_like of bool, optional
        Elsewhere dst keeps its elements.

    Examples
    --------
    >>> a = mt.zeros(3)
    >>> mt.copyto(a, 7, where=[True, False, True])
    >>> a.execute()
    Tensor([7., 0., 7.])
    """
    if isinstance(dst, np.ndarray):
        return np.copyto(dst, np.asarray(src), casting, np.asarray(where))
    if not isinstance(dst, Tensor):
        raise TypeError(f"dst is a tensor or an array of NumPy's, not {type(dst).__name__}")
    src = astensor(src)
    if not _mars.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule '{casting}'")
    src = broadcast_to(src, dst.shape).astype(dst.dtype)
    dst._rebind(src if where is True else op("where", astensor(where), src, dst))
