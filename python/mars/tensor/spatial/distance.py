# SPDX-License-Identifier: Apache-2.0
"""Distances between the rows of matrices, with SciPy's metrics.

A distance is a reduction of an elementwise expression of both rows, so the engine computes it strip by strip and the
differences of all pairs are never in memory. Condensed forms are taken from square ones by the positions of their
pairs."""
import numpy as np

from ..._core import op
from .. import linalg
from ..creation import arange, astensor, zeros
from ..indexing import take
from ..manipulation import concatenate
from ..ufuncs import store

__all__ = ["cdist", "pdist", "squareform"]


def _sum(x, w=None):
    return (x if w is None else x * w).sum(axis=-1)


def _minkowski(u, v, w, p=2):
    if p <= 0:
        raise ValueError("p must be greater than 0")
    if p == np.inf:
        return _chebyshev(u, v, w)
    return op("power", _sum(op("power", op("absolute", u - v), float(p)), w), 1.0 / p)


def _chebyshev(u, v, w):
    far = op("absolute", u - v)
    return (far if w is None else op("where", op("greater", w, 0.0), far, 0.0)).max(axis=-1)


def _cosine(u, v, w):
    return 1.0 - _sum(u * v, w) / op("sqrt", _sum(u * u, w) * _sum(v * v, w))


def _correlation(u, v, w):
    if w is not None:
        w = w / w.sum()
        return _cosine(u - _sum(u, w)[..., None], v - _sum(v, w)[..., None], w)
    return _cosine(u - u.mean(axis=-1, keepdims=True), v - v.mean(axis=-1, keepdims=True), None)


def _canberra(u, v, w):
    below = op("absolute", u) + op("absolute", v)
    return _sum(op("where", op("greater", below, 0.0), op("absolute", u - v) / below, 0.0), w)


def _mean(x, w):
    return x.mean(axis=-1) if w is None else _sum(x, w) / w.sum()


def _jaccard(u, v, w):
    some = op("logical_or", op("not_equal", u, 0), op("not_equal", v, 0)).astype(float)
    apart, some = _sum(op("not_equal", u, v).astype(float) * some, w), _sum(some, w)
    return op("where", op("greater", some, 0.0), apart / some, 0.0)


def _jensenshannon(u, v, w):
    u, v = u / u.sum(axis=-1, keepdims=True), v / v.sum(axis=-1, keepdims=True)
    middle = (u + v) / 2.0
    terms = op("special_rel_entr", u, middle) + op("special_rel_entr", v, middle)
    return op("sqrt", op("maximum", terms.sum(axis=-1), 0.0) / 2.0)


def _boolean(formula):
    """A metric of the numbers of true-true, true-false, false-true and false-false positions."""
    def metric(u, v, w):
        u, v = op("not_equal", u, 0).astype(float), op("not_equal", v, 0).astype(float)
        both, left, right = _sum(u * v, w), _sum(u * (1.0 - v), w), _sum((1.0 - u) * v, w)
        return formula(both, left, right, _sum((1.0 - u) * (1.0 - v), w))
    return metric


def _yule(tt, tf, ft, ff):
    half = tf * ft
    return op("where", op("equal", half, 0.0), 0.0, 2.0 * half / (tt * ff + half))


def _apart(tf, ft):
    return 2.0 * (tf + ft)


METRICS = {
    "braycurtis": lambda u, v, w: _sum(op("absolute", u - v), w) / _sum(op("absolute", u + v), w),
    "canberra": _canberra,
    "chebyshev": _chebyshev,
    "cityblock": lambda u, v, w: _sum(op("absolute", u - v), w),
    "correlation": _correlation,
    "cosine": _cosine,
    "dice": _boolean(lambda tt, tf, ft, ff: (tf + ft) / (2.0 * tt + tf + ft)),
    "euclidean": lambda u, v, w: op("sqrt", _sum((u - v) ** 2, w)),
    "hamming": lambda u, v, w: _mean(op("not_equal", u, v).astype(float), w),
    "jaccard": _jaccard,
    "jensenshannon": _jensenshannon,
    "minkowski": _minkowski,
    "rogerstanimoto": _boolean(lambda tt, tf, ft, ff: _apart(tf, ft) / (tt + ff + _apart(tf, ft))),
    "russellrao": _boolean(lambda tt, tf, ft, ff: (tf + ft + ff) / (tt + tf + ft + ff)),
    "sokalmichener": _boolean(lambda tt, tf, ft, ff: _apart(tf, ft) / (tt + ff + _apart(tf, ft))),
    "sokalsneath": _boolean(lambda tt, tf, ft, ff: _apart(tf, ft) / (tt + _apart(tf, ft))),
    "sqeuclidean": lambda u, v, w: _sum((u - v) ** 2, w),
    "yule": _boolean(_yule),
}
_SYNONYMS = {"cheby": "chebyshev", "cheb": "chebyshev", "ch": "chebyshev", "cblock": "cityblock", "cb": "cityblock",
             "c": "cityblock", "co": "correlation", "cos": "cosine", "euclid": "euclidean", "eu": "euclidean",
             "e": "euclidean", "matching": "hamming", "hamm": "hamming", "ha": "hamming", "h": "hamming",
             "jacc": "jaccard", "ja": "jaccard", "j": "jaccard", "js": "jensenshannon", "mahal": "mahalanobis",
             "mi": "mahalanobis", "mink": "minkowski", "pnorm": "minkowski", "se": "seuclidean", "s": "seuclidean",
             "sqe": "sqeuclidean", "sqeuclid": "sqeuclidean"}


def _points(x, name):
    x = astensor(x)
    if x.ndim != 2:
        raise ValueError(f"{name} must be a 2-dimensional array.")
    return x.astype(float) if x.dtype != np.dtype("f8") else x


def _distances(a, b, both, metric, w=None, V=None, VI=None, **kwargs):
    """The matrix of distances; `both`: all points, for variances."""
    if callable(metric):
        raise NotImplementedError("a metric is one of SciPy's names: functions of Python do not go to workers")
    metric = _SYNONYMS.get(metric.lower(), metric.lower())
    if metric == "seuclidean":
        variance = both().var(axis=0, ddof=1) if V is None else astensor(V).astype(float)
        metric, w = "euclidean", 1.0 / variance
    elif metric == "mahalanobis":
        if VI is None:
            points = both()
            centred = points - points.mean(axis=0)
            VI = linalg.inv(centred.T @ centred / (points.shape[0] - 1.0))
        factor = linalg.cholesky((astensor(VI) + astensor(VI).T) / 2.0)
        a, b, metric = a @ factor, b @ factor, "euclidean"
    if metric not in METRICS:
        raise ValueError(f"Unknown Distance Metric: {metric}")
    if kwargs and (metric != "minkowski" or set(kwargs) != {"p"}):
        raise TypeError(f"{metric} has no arguments {sorted(kwargs)}")
    return METRICS[metric](a[:, None, :], b[None, :, :], None if w is None else astensor(w).astype(float), **kwargs)


def _into(made, out):
    if out is None:
        return made
    if out.shape != made.shape:
        raise ValueError("Output array has incorrect shape.")
    if out.dtype != made.dtype:
        raise ValueError("Output array must be double type.")
    return store(made, out, "same_kind", "distance")


def cdist(XA, XB, metric="euclidean", *, out=None, **kwargs):
    """The distances of each row of XA to each row of XB.

    Parameters
    ----------
    XA, XB : tensor_like
        Matrices with as many columns: a point in each row.
    metric : str, optional
        One of SciPy's names.
    out : Tensor or numpy.ndarray, optional
        Gets the result: of its shape, and of float64.
    **kwargs : optional
        Of the metric: p, w, V, VI.

    Returns
    -------
    Tensor
        A matrix.

    Examples
    --------
    >>> mt.spatial.distance.cdist([[0, 0], [3, 4]], [[0, 0], [0, 4]]).execute()
    Tensor([[0., 4.],
            [5., 3.]])
    """
    a, b = _points(XA, "XA"), _points(XB, "XB")
    if a.shape[1] != b.shape[1]:
        raise ValueError("XA and XB must have the same number of columns (i.e. feature dimension.)")
    return _into(_distances(a, b, lambda: concatenate([a, b]), metric, **kwargs), out)


def _pairs(n):
    """For each pair i < j of n, row by row, the position i * n + j."""
    k = arange(n * (n - 1) // 2)
    last = 2.0 * n - 1.0
    i = op("floor", (last - op("sqrt", last * last - 8.0 * k)) / 2.0).astype(int)
    for _ in range(2):  # what the root has rounded to the other side
        i = i - op("greater", _before(i, n), k).astype(int)
        i = i + op("less_equal", _before(i + 1, n), k).astype(int)
    return i * n + (k - _before(i, n) + i + 1)


def _before(i, n):
    """How many pairs there are in rows before row i."""
    return i * (2 * n - i - 1) // 2


def pdist(X, metric="euclidean", *, out=None, **kwargs):
    """The distances of each row to all later ones, row by row.

    Parameters
    ----------
    X : tensor_like
        A matrix: a point in each row.
    metric : str, optional
        One of SciPy's names.
    out : Tensor or numpy.ndarray, optional
        Gets the result: of its shape, and of float64.
    **kwargs : optional
        Of the metric: p, w, V, VI.

    Returns
    -------
    Tensor
        A vector, the condensed form.

    Examples
    --------
    >>> mt.spatial.distance.pdist([[0, 0], [3, 4], [0, 4]]).execute()
    Tensor([5., 4., 3.])
    """
    x = _points(X, "X")
    return _into(take(_distances(x, x, lambda: x, metric, **kwargs).ravel(), _pairs(x.shape[0])), out)


def squareform(X, force="no", checks=True, chunk_size=None):
    """The matrix of condensed distances, or the condensed form of a symmetric matrix with zeros on its diagonal.

    Parameters
    ----------
    X : tensor_like
        A vector or a matrix.
    force : {'no', 'tomatrix', 'tovector'}, optional
        What X must not be, so that the result is this.
    checks : bool, optional
        Whether it is looked whether a matrix is symmetric, now.
    chunk_size : int, tuple, dict or str, optional
        How to cut the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.spatial.distance.squareform([5.0, 4.0, 3.0]).execute()
    Tensor([[0., 5., 4.],
            [5., 0., 3.],
            [4., 3., 0.]])
    """
    x = astensor(X)
    if force.lower() == "tomatrix" and x.ndim != 1 or force.lower() == "tovector" and x.ndim != 2:
        raise ValueError(f"Forcing '{force}' but input X is not a {'distance vector' if x.ndim != 1 else 'matrix'}.")
    if x.ndim == 1:
        n = int(np.ceil(np.sqrt(2.0 * x.shape[0]))) or 1
        if n * (n - 1) != 2 * x.shape[0]:
            raise ValueError("Incompatible vector size. It must be a binomial coefficient n choose 2 for some integer "
                             "n >= 2.")
        if n == 1:
            return zeros((1, 1), x.dtype)
        row, column = arange(n)[:, None], arange(n)[None, :]
        i, j = op("minimum", row, column), op("maximum", row, column)
        place = op("minimum", _before(i, n) + j - i - 1, x.shape[0] - 1)
        made = op("where", op("equal", row, column), zeros((), x.dtype), take(x, op("maximum", place, 0)))
        return made if chunk_size is None else made.rechunk(chunk_size)
    if x.ndim != 2 or x.shape[0] != x.shape[1]:
        raise ValueError("The first argument must be one or two dimensional array." if x.ndim != 2 else
                         "The matrix argument must be square.")
    if checks:
        if bool(op("greater", op("absolute", x - x.T), 1e-8).any()):
            raise ValueError("Distance matrix 'X' must be symmetric.")
        diagonal = op("equal", arange(x.shape[0])[:, None], arange(x.shape[0])[None, :])
        if bool(op("logical_and", diagonal, op("not_equal", x, 0)).any()):
            raise ValueError("Distance matrix 'X' diagonal must be zero.")
    made = take(x.ravel(), _pairs(x.shape[0]))
    return made if chunk_size is None else made.rechunk(chunk_size)
