# SPDX-License-Identifier: Apache-2.0
"""Neighbours along an axis: differences, integrals, products of shifted vectors, interpolation; and windows. All are
composed of slices and of functions that work element by element."""
import builtins

import numpy as np

from .. import _mars
from .._core import op
from .core import Tensor, axis_of
from .creation import arange, astensor, ones, zeros
from .manipulation import broadcast_to, concatenate, moveaxis
from .math import i0, tree_add

__all__ = """bartlett blackman convolve correlate cross diff ediff1d gradient hamming hanning interp kaiser trapezoid
    trapz unwrap""".split()


# ---- Differences -----------------------------------------------------------------------------------------------------

def _cut(t, axis, *bounds):
    return t[(slice(None),) * axis + (slice(*bounds),)]


def diff(a, n=1, axis=-1, prepend=None, append=None):
    """Differences of neighbours along an axis, n times.

    Parameters
    ----------
    a : tensor_like
    n : int, optional
    axis : int, optional
    prepend, append : tensor_like, optional
        What is put before and after the elements first; scalars broadcast.

    Returns
    -------
    Tensor
        The axis is shorter by n.

    Examples
    --------
    >>> mt.diff([1, 4, 9, 16]).execute()
    Tensor([3, 5, 7])
    >>> mt.diff([1, 4, 9, 16], n=2, prepend=0).execute()
    Tensor([2, 2, 2])
    """
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    a = astensor(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, a.ndim)
    if n == 0:
        return a

    def end(value):
        value = astensor(value)
        return broadcast_to(value, a.shape[:axis] + (1,) + a.shape[axis + 1:]) if value.ndim == 0 else value

    parts = ([] if prepend is None or prepend is np._NoValue else [end(prepend)]) + [a] + \
        ([] if append is None or append is np._NoValue else [end(append)])
    a = concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        a = op("not_equal" if a.dtype.kind == "b" else "subtract", _cut(a, axis, 1, None), _cut(a, axis, None, -1))
    return a


def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbours in the flattened form, with more before and after.

    Parameters
    ----------
    ary : tensor_like
    to_end, to_begin : tensor_like, optional

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.ediff1d([[1, 4], [9, 16]], to_begin=0).execute()
    Tensor([0, 3, 5, 7])
    """
    ary = astensor(ary).ravel()
    parts = [op("subtract", ary[1:], ary[:-1])]
    for extra, at in ((to_begin, 0), (to_end, len(parts) + 1)):
        if extra is not None:
            extra = astensor(extra).ravel()
            if not _mars.can_cast(extra.dtype, ary.dtype, "same_kind"):
                raise TypeError(f"dtype of `{'to_end' if at else 'to_begin'}` must be compatible with input `ary` "
                                "under the `same_kind` rule.")
            parts.insert(at, extra.astype(ary.dtype))
    return concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f, *varargs, axis=None, edge_order=1):
    """Central differences, one-sided ones at the ends.

    Parameters
    ----------
    f : tensor_like
    *varargs : float or tensor_like
        Distances: none (1), one for all axes, or for each axis one or the positions along it.
    axis : int, tuple of ints or None, optional
        None: all.
    edge_order : {1, 2}, optional
        The order of the differences at the ends.

    Returns
    -------
    Tensor or list of Tensors
        One for each axis, a list if there are several.

    Examples
    --------
    >>> mt.gradient([1.0, 4.0, 9.0, 16.0]).execute()
    Tensor([3., 4., 6., 7.])
    >>> mt.gradient([1.0, 4.0, 9.0], 0.5).execute()
    Tensor([ 6.,  8., 10.])
    """
    f = astensor(f)
    if f.dtype.kind == "b" and f.size and f.ndim:
        op("subtract", f, f)  # refuses with NumPy's words
    f = f if f.dtype.kind in "fc" else f.astype(float)
    axes = range(f.ndim) if axis is None else [axis_of(a, f.ndim) for a in np.atleast_1d(axis).tolist()]
    steps = list(varargs) or [1.0]
    if len(steps) == 1 and np.ndim(steps[0]) == 0:
        steps = steps * len(axes)
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    made = [_gradient(f, k, h, edge_order) for k, h in zip(axes, steps)]
    return made[0] if len(made) == 1 else made


def _gradient(f, k, h, order):
    n = f.shape[k]
    if n < order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) "
                         "elements are required.")

    def at(*bounds):
        return _cut(f, k, *bounds)

    if np.ndim(h) == 0:
        h = h if isinstance(h, Tensor) else float(h)
        inner = (at(2, None) - at(None, -2)) / (2.0 * h)
        if order == 1:
            first, last = (at(1, 2) - at(0, 1)) / h, (at(n - 1, n) - at(n - 2, n - 1)) / h
        else:
            first = (-1.5 / h) * at(0, 1) + (2.0 / h) * at(1, 2) + (-0.5 / h) * at(2, 3)
            last = (0.5 / h) * at(n - 3, n - 2) + (-2.0 / h) * at(n - 2, n - 1) + (1.5 / h) * at(n - 1, n)
        return concatenate([first, inner, last], k)
    x = astensor(h)
    if x.ndim != 1:
        raise ValueError("distances must be either scalars or 1d")
    if x.shape[0] != n:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    d = diff(x.astype(float))[(slice(None),) + (None,) * (f.ndim - 1 - k)]
    own = f.ndim - 1 - k

    def distance(*bounds):
        return d[(slice(*bounds),) + (slice(None),) * own]

    d1, d2 = distance(None, -1), distance(1, None)
    inner = -d2 / (d1 * (d1 + d2)) * at(None, -2) + (d2 - d1) / (d1 * d2) * at(1, -1) + \
        d1 / (d2 * (d1 + d2)) * at(2, None)
    if order == 1:
        first = (at(1, 2) - at(0, 1)) / distance(0, 1)
        last = (at(n - 1, n) - at(n - 2, n - 1)) / distance(n - 2, n - 1)
    else:
        d1, d2 = distance(0, 1), distance(1, 2)
        first = -(2.0 * d1 + d2) / (d1 * (d1 + d2)) * at(0, 1) + (d1 + d2) / (d1 * d2) * at(1, 2) - \
            d1 / (d2 * (d1 + d2)) * at(2, 3)
        d1, d2 = distance(n - 3, n - 2), distance(n - 2, n - 1)
        last = d2 / (d1 * (d1 + d2)) * at(n - 3, n - 2) - (d2 + d1) / (d1 * d2) * at(n - 2, n - 1) + \
            (2.0 * d2 + d1) / (d2 * (d1 + d2)) * at(n - 1, n)
    return concatenate([first, inner, last], k).astype(f.dtype)


def trapz(y, x=None, dx=1.0, axis=-1):
    """The integral along an axis by the trapezoidal rule.

    Parameters
    ----------
    y : tensor_like
    x : tensor_like, optional
        The positions; None: at distances dx.
    dx : float, optional
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.trapz([1, 2, 3]).execute()
    Tensor(4.0)
    >>> mt.trapz([1, 2, 3], x=[4, 6, 8]).execute()
    Tensor(8.0)
    """
    y = astensor(y)
    axis = axis_of(axis, y.ndim)
    if x is None:
        d = dx
    else:
        x = astensor(x)
        d = diff(x)[(slice(None),) + (None,) * (y.ndim - 1 - axis)] if x.ndim == 1 else diff(x, axis=axis)
    return (d * (_cut(y, axis, 1, None) + _cut(y, axis, None, -1)) / 2.0).sum(axis)


trapezoid = trapz


def unwrap(p, discont=None, axis=-1, *, period=6.283185307179586):
    """Angles without jumps of more than half a period.

    Parameters
    ----------
    p : tensor_like
    discont : float, optional
        Smaller jumps stay; None: half a period.
    axis : int, optional
    period : int or float, optional
        Integers with an integer period stay integers.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.unwrap([350, 355, 0, 5], period=360).execute()
    Tensor([350, 355, 360, 365])
    """
    p = astensor(p)
    if p.dtype.kind == "c":
        raise TypeError("unwrap() is of real angles: those of complex numbers are what angle() gives")
    axis = axis_of(axis, p.ndim)
    d = diff(p, axis=axis)
    if d.dtype.kind in "iu" and hasattr(period, "__index__"):
        half, odd = divmod(period.__index__(), 2)
    else:
        p = p if p.dtype.kind == "f" else p.astype(float)
        d, half, odd = d.astype(p.dtype), period / 2, False
    around = op("remainder", d + half, period) - half
    if not odd:  # half a period in either direction: as it was
        around = op("where", op("logical_and", op("equal", around, -half), op("greater", d, 0)), half, around)
    least = period / 2 if discont is None else builtins.max(discont, period / 2)
    correction = op("where", op("less", op("absolute", d), least), 0, around - d)
    after = (_cut(p, axis, 1, None) + correction.cumsum(axis)).astype(p.dtype)
    return concatenate([_cut(p, axis, 0, 1), after], axis)


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of two or three components.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like
    axisa, axisb, axisc : int, optional
        Where the vectors lie in a, in b and in the result.
    axis : int, optional
        All three of them.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cross([1, 0, 0], [0, 1, 0]).execute()
    Tensor([0, 0, 1])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = astensor(a), astensor(b)
    a = moveaxis(a, axis_of(axisa, a.ndim, "axisa"), -1)
    b = moveaxis(b, axis_of(axisb, b.ndim, "axisb"), -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    last = a0 * b1 - a1 * b0
    if a.shape[-1] == b.shape[-1] == 2:
        return last
    zero = zeros((), a.dtype)
    a2, b2 = (t[..., 2] if t.shape[-1] == 3 else zero for t in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last]
    return moveaxis(concatenate([broadcast_to(p, last.shape)[..., None] for p in parts], -1), -1, axisc)


# ---- Signals and polynomials -----------------------------------------------------------------------------------------

SHIFTS = 1024  # the longest vector that is convolved with by shifting the other one; and the rows of blocks
EXACT = 1 << 16  # the same of integers, whose products of matrices are slower than shifting
TOGETHER = 8  # blocks that one matrix product takes: it multiplies with one block of zeros for as many


def _by_blocks(a, v):
    """The full convolution, as products of matrices: one has parts of a, SHIFTS elements in a row, one more part than
    it takes blocks of v; the other one has these blocks on its diagonals, so that each column is v, further down."""
    from .indexing import take
    from .repeating import pad

    dtype = op("multiply", a[:0], v[:0]).dtype
    a, v, n, m = a.astype(dtype), v.astype(dtype), a.shape[0], v.shape[0]
    blocks, rows = -(-m // SHIFTS), -(-(n + m - 1) // SHIFTS)
    parts = pad(a, (blocks * SHIFTS, rows * SHIFTS - n)).reshape(blocks + rows, SHIFTS)
    v = pad(v, (0, blocks * SHIFTS - m))
    sums = []
    for first in range(0, blocks, TOGETHER):
        last = builtins.min(first + TOGETHER, blocks)
        length = (last - first) * SHIFTS
        left = concatenate([parts[blocks - k:blocks - k + rows] for k in range(last, first - 1, -1)], 1)
        at = arange(SHIFTS)[None] + length - arange(length + SHIFTS)[:, None]
        there = op("logical_and", op("greater_equal", at, 0), op("less", at, length))
        taken = take(pad(v[first * SHIFTS:last * SHIFTS], (0, 1)), op("where", there, at, length))
        sums.append(left @ taken)
    return (tree_add(*sums) if len(sums) > 1 else sums[0]).reshape(-1)[:n + m - 1]


def convolve(a, v, mode="full"):
    """The discrete convolution of two vectors.

    It is the sum of shifted products of the shorter one or, if that has more than 1024 elements (of integers: more than
    65,536), made of products of matrices. These multiply with zeros, too: NaN and infinities make NaN of sums up to
    1024 places beyond their own.

    Parameters
    ----------
    a, v : tensor_like
        Vectors; the longer one may have any number of chunks.
    mode : {'full', 'same', 'valid'}, optional
        All overlaps, as many as the longer one has elements, or complete ones.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.convolve([1, 2, 3], [0, 1, 0.5]).execute()
    Tensor([0. , 1. , 2.5, 4. , 1.5])
    """
    a, v = astensor(a), astensor(v)
    if max(a.ndim, v.ndim) > 1:
        raise ValueError("object too deep for desired array")
    a, v = a.ravel(), v.ravel()
    a, v = (v, a) if v.shape[0] > a.shape[0] else (a, v)
    n, m = a.shape[0], v.shape[0]
    if m == 0:
        raise ValueError("v cannot be empty")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got '{mode}')")
    lead = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    length = {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    exact = a.dtype.kind in "iub" and v.dtype.kind in "iub"
    if m > (EXACT if exact else SHIFTS):
        return _by_blocks(a, v)[lead:lead + length]
    return op("convolve", a, v, first=lead, count=length)


def correlate(a, v, mode="valid"):
    """The cross-correlation of two vectors, the second one conjugated.

    Parameters
    ----------
    a, v : tensor_like
        Vectors.
    mode : {'valid', 'same', 'full'}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.correlate([1, 2, 3], [0, 1, 0.5]).execute()
    Tensor([3.5])
    """
    from .manipulation import flip

    a, v = astensor(a), astensor(v)
    swapped = v.shape[0] > a.shape[0]
    made = convolve(a, op("conjugate", flip(v)) if v.dtype.kind == "c" else flip(v), mode)
    return made if not swapped or mode != "valid" else made


def interp(x, xp, fp, left=None, right=None, period=None):
    """Linear interpolation between points with ascending xp.

    Parameters
    ----------
    x : tensor_like
    xp, fp : tensor_like
        Vectors: the points.
    left, right : scalar, optional
        The values outside; None: those of the first and of the last point.
    period : float, optional
        Positions are taken modulo it, xp need not ascend, and left and right say nothing.

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> mt.interp([0.5, 2.5, 9.0], [1, 2, 3], [10, 20, 40]).execute()
    Tensor([10., 30., 40.])
    """
    from .indexing import take
    from .sorting import argsort, searchsorted

    x, xp, fp = astensor(x), astensor(xp), astensor(fp)
    if "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError("Cannot cast array data from complex to dtype('float64') according to the rule 'safe'")
    if xp.ndim != 1 or fp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length.")
    n = xp.shape[0]
    if n == 0:
        raise ValueError("array of sample points is empty")
    xp, fp = xp.astype(float), fp.astype(fp.dtype if fp.dtype.kind == "c" else float)
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period, left, right = abs(period), None, None
        x, xp = op("remainder", x.astype(float), period), op("remainder", xp, period)
        order = argsort(xp)
        xp, fp = take(xp, order), take(fp, order)
        xp, fp = concatenate([xp[-1:] - period, xp, xp[:1] + period]), concatenate([fp[-1:], fp, fp[:1]])
        n += 2
    low = op("clip", searchsorted(xp, x, "right") - 1, 0, builtins.max(n - 2, 0))
    high = op("minimum", low + 1, n - 1)
    x0, x1, y0, y1 = take(xp, low), take(xp, high), take(fp, low), take(fp, high)
    width = op("where", op("equal", x1, x0), 1.0, x1 - x0)
    made = (y1 - y0) / width * (x - x0) + y0
    made = op("where", op("less", x, xp[0]), fp[0] if left is None else left, made)
    made = op("where", op("greater_equal", x, xp[n - 1]), fp[n - 1], made)
    return made if right is None else op("where", op("greater", x, xp[n - 1]), right, made)


def _window(M, function):
    if M < 1:
        return zeros((0,))
    return ones((1,)) if M == 1 else function(arange(1 - M, M, 2, dtype=float), M - 1)


def hanning(M):
    """The Hann window, a raised cosine that is 0 at both ends.

    Parameters
    ----------
    M : int
        Number of elements.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.hanning(5).execute()
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return _window(M, lambda n, m: 0.5 + 0.5 * op("cos", n * (np.pi / m)))


def hamming(M):
    """The Hamming window, a raised cosine that is 0.08 at both ends.

    Parameters
    ----------
    M : int
        Number of elements.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.hamming(3).execute()
    Tensor([0.08, 1.  , 0.08])
    """
    return _window(M, lambda n, m: 0.54 + 0.46 * op("cos", n * (np.pi / m)))


def blackman(M):
    """The Blackman window, of the first three terms of a cosine series.

    Parameters
    ----------
    M : int
        Number of elements.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.blackman(5).round(6).execute()
    Tensor([-0.  ,  0.34,  1.  ,  0.34, -0.  ])
    """
    return _window(M, lambda n, m: 0.42 + 0.5 * op("cos", n * (np.pi / m)) + 0.08 * op("cos", n * (2 * np.pi / m)))


def bartlett(M):
    """The Bartlett window, a triangle that is 0 at both ends.

    Parameters
    ----------
    M : int
        Number of elements.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.bartlett(5).execute()
    Tensor([0. , 0.5, 1. , 0.5, 0. ])
    """
    return _window(M, lambda n, m: op("where", op("less_equal", n, 0), 1 + n / m, 1 - n / m))


def kaiser(M, beta):
    """The Kaiser window, of Bessel functions.

    Parameters
    ----------
    M : int
        Number of elements.
    beta : float
        The larger, the narrower.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.kaiser(3, 2.0).execute()
    Tensor([0.43867628, 1.        , 0.43867628])
    """
    top = i0(float(beta))
    return _window(M, lambda n, m: i0(float(beta) * op("sqrt", 1.0 - op("square", n / m))) / top)
