# SPDX-License-Identifier: Apache-2.0
"""Polynomials as vectors of their coefficients, the highest first.

Degrees are small numbers: a polynomial of degree n is written with n operations. Where NumPy leaves out leading zeros,
the coefficients are computed when the function is called, since lengths depend on them.
"""
import warnings

import numpy as np

from .._core import op
from .core import ExecutableTuple
from .creation import arange, astensor, ones, zeros
from .linalg import eigvals, inv, lstsq
from .manipulation import atleast_1d, concatenate
from .matrices import eye, vander
from .positions import trim_zeros
from .signals import convolve
from .sorting import sort

__all__ = "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots".split()

_RankWarning = np.exceptions.RankWarning if hasattr(np, "exceptions") and hasattr(np.exceptions, "RankWarning") else \
    np.RankWarning


def _trimmed(p):
    """Without leading zeros, but never empty."""
    p = trim_zeros(atleast_1d(p), "f")
    return p if p.shape[0] else zeros((1,), p.dtype)


def _aligned(a1, a2):
    a1, a2 = atleast_1d(a1), atleast_1d(a2)
    more = a2.shape[0] - a1.shape[0]
    a1 = concatenate([zeros((more,), a1.dtype), a1]) if more > 0 else a1
    a2 = concatenate([zeros((-more,), a2.dtype), a2]) if more < 0 else a2
    return a1, a2


def polyadd(a1, a2):
    """The sum of two polynomials.

    Parameters
    ----------
    a1, a2 : tensor_like
        Coefficients, the highest first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.polyadd([1, 2], [9, 5, 4]).execute()
    Tensor([9, 6, 6])
    """
    return op("add", *_aligned(a1, a2))


def polysub(a1, a2):
    """The difference of two polynomials.

    Parameters
    ----------
    a1, a2 : tensor_like
        Coefficients, the highest first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.polysub([2, 10, -2], [3, 10, -4]).execute()
    Tensor([-1,  0,  2])
    """
    return op("subtract", *_aligned(a1, a2))


def polymul(a1, a2):
    """The product of two polynomials.

    Parameters
    ----------
    a1, a2 : tensor_like
        Coefficients, the highest first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.polymul([1, 2, 3], [9, 5, 1]).execute()
    Tensor([ 9, 23, 38, 17,  3])
    """
    return convolve(_trimmed(a1), _trimmed(a2))


def polydiv(u, v):
    """Quotient and remainder of two polynomials.

    Parameters
    ----------
    u, v : tensor_like
        Coefficients of the dividend and of the divisor, the highest first.

    Returns
    -------
    ExecutableTuple
        Quotient and remainder.

    Examples
    --------
    >>> mt.polydiv([3.0, 5.0, 2.0], [2.0, 1.0])[0].execute()
    Tensor([1.5 , 1.75])
    """
    u, v = atleast_1d(u) + 0.0, atleast_1d(v) + 0.0
    m, n = u.shape[0] - 1, v.shape[0] - 1
    parts, rest = [], u.astype((u[0] + v[0]).dtype)
    for k in range(m - n + 1):
        factor = rest[k] / v[0]
        parts.append(factor)
        taken = concatenate([zeros((k,), rest.dtype), factor * v, zeros((m - n - k,), rest.dtype)])
        rest = rest - taken
    quotient = concatenate([p.reshape(1) for p in parts]) if parts else zeros((1,), rest.dtype)
    small = np.asarray(op("less_equal", op("absolute", rest), 1e-8))
    first = min(int((~small).argmax()) if not small.all() else len(small), len(small) - 1)
    return ExecutableTuple([quotient, rest[first:]])


def polyder(p, m=1):
    """The m-th derivative of a polynomial.

    Parameters
    ----------
    p : tensor_like
        Coefficients, the highest first.
    m : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.polyder([1, 1, 1, 1]).execute()
    Tensor([3, 2, 1])
    """
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    p = astensor(p)
    for _ in range(m):
        p = p[:-1] * arange(p.shape[0] - 1, 0, -1)
    return p


def polyint(p, m=1, k=None):
    """The m-th antiderivative of a polynomial, with constants k.

    Parameters
    ----------
    p : tensor_like
        Coefficients, the highest first.
    m : int, optional
    k : scalar or sequence of m scalars, optional
        Constants of integration, the first one first; None: zeros.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.polyint([3.0, 2.0, 1.0]).execute()
    Tensor([1., 1., 1., 0.])
    """
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = zeros((m,)) if k is None else atleast_1d(k)
    if k.shape[0] == 1 and m > 1:
        k = k[0] * ones((m,))
    if k.shape[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    p = astensor(p)
    for i in range(m):
        p = concatenate([op("divide", p, arange(p.shape[0], 0, -1)), k[i].reshape(1)])
    return p


def polyval(p, x):
    """The polynomial with coefficients p, the highest first, at x.

    Parameters
    ----------
    p : tensor_like
    x : tensor_like

    Returns
    -------
    Tensor
        Of the shape of x.

    Examples
    --------
    >>> mt.polyval([3, 0, 1], 5).execute()
    Tensor(76)
    """
    p = astensor(p)
    x = astensor(x)
    made = zeros(x.shape, x.dtype)
    for k in range(p.shape[0]):
        made = made * x + p[k]
    return made


def poly(seq_of_zeros):
    """The polynomial with these roots, or the characteristic one of a square matrix; its first coefficient is 1.

    Parameters
    ----------
    seq_of_zeros : tensor_like
        A vector of roots, or a square matrix.

    Returns
    -------
    Tensor
        Coefficients, the highest first; real ones if the roots are in conjugate pairs, which is looked at now.

    Examples
    --------
    >>> mt.poly([1.0, -1.0]).execute()
    Tensor([ 1.,  0., -1.])
    """
    roots_ = atleast_1d(seq_of_zeros)
    if roots_.ndim == 2 and roots_.shape[0] == roots_.shape[1] and roots_.shape[0]:
        roots_ = eigvals(roots_)
    elif roots_.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if roots_.shape[0] == 0:
        return astensor(1.0)
    roots_ = roots_ if roots_.dtype.kind in "fc" and roots_.dtype != "float16" else roots_.astype(float)
    made = ones((1,), roots_.dtype)
    for k in range(roots_.shape[0]):
        made = convolve(made, concatenate([ones((1,), made.dtype), -roots_[k].reshape(1)]))
    if made.dtype.kind == "c" and bool(op("equal", sort(roots_), sort(op("conjugate", roots_))).all()):
        made = op("real", made)
    return made


def roots(p):
    """The roots of a polynomial, as complex numbers: the eigenvalues of its companion matrix.

    Which coefficients are zero is looked at when the function is called.

    Parameters
    ----------
    p : tensor_like
        Coefficients, the highest first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.roots([1.0, -3.0, 2.0]).real.round(6).execute()
    Tensor([2., 1.])
    """
    p = atleast_1d(p)
    if p.ndim != 1:
        raise ValueError("Input must be a rank-1 array.")
    trimmed = trim_zeros(p, "f")
    n = trimmed.shape[0]
    trimmed = trim_zeros(trimmed, "b")
    at_zero = n - trimmed.shape[0]
    trimmed = trimmed if trimmed.dtype.kind in "fc" else trimmed.astype(float)
    n = trimmed.shape[0]
    dtype = (trimmed * 1j).dtype
    made = zeros((0,), dtype)
    if n > 1:
        first = (-trimmed[1:] / trimmed[0]).reshape((1, n - 1))
        made = eigvals(concatenate([first, eye(n - 2, n - 1, dtype=first.dtype)]))
    return concatenate([made, zeros((at_zero,), dtype)]) if at_zero else made


def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """The polynomial of a degree that is nearest to points in the sense of least squares.

    Parameters
    ----------
    x : tensor_like
        Where the points are.
    y : tensor_like
        Their values: a vector, or a matrix of which each column is a problem of its own.
    deg : int
    rcond : float, optional
        Singular values below this part of the largest one are zero; None: by the precision and the number of points.
    full : bool, optional
        Whether residuals, rank, singular values and rcond are given, too.
    w : tensor_like, optional
        Weights of the differences, before they are squared.
    cov : bool or 'unscaled', optional
        Whether the covariance matrix of the coefficients is given, too.

    Returns
    -------
    Tensor, or a tuple with further results

    Examples
    --------
    >>> mt.polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1).round(6).execute()
    Tensor([2., 1.])
    """
    order = int(deg) + 1
    x, y = astensor(x) + 0.0, astensor(y) + 0.0
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if x.shape[0] == 0:
        raise TypeError("expected non-empty vector for x")
    if y.ndim < 1 or y.ndim > 2:
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    rcond = x.shape[0] * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    left, right = vander(x, order), y
    if w is not None:
        w = astensor(w) + 0.0
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        left = left * w[:, None]
        right = right * (w[:, None] if right.ndim == 2 else w)
    scale = op("sqrt", op("square", left).sum(0))
    left = left / scale
    c, rest, rank, s = lstsq(left, right, rcond)
    c = c / (scale[:, None] if c.ndim == 2 else scale)
    if int(rank) != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", _RankWarning, stacklevel=2)
    if full:
        return c, rest, rank, s, rcond
    if not cov:
        return c
    base = inv(op("matmul", left.T, left)) / (scale[:, None] * scale)
    factor = 1
    if not (isinstance(cov, str) and cov == "unscaled"):
        if x.shape[0] <= order:
            raise ValueError("the number of data points must exceed order to scale the covariance matrix")
        factor = rest / (x.shape[0] - order)
    return ExecutableTuple([c, base * factor if y.ndim == 1 else base[:, :, None] * factor])
