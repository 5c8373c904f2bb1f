# SPDX-License-Identifier: Apache-2.0
"""Statistics that are more than one reduction."""
import numpy as np

from .. import _mars
from .._core import op
from .binwidths import WIDTHS, n_bins
from .core import ExecutableTuple, Tensor, axes_of, axis_of
from .creation import astensor, zeros
from .manipulation import broadcast_to, concatenate, expand_dims, moveaxis
from .sorting import searchsorted, sort
from .ufuncs import store

__all__ = """average bincount corrcoef cov digitize histogram histogram2d histogram_bin_edges histogramdd
    median nanmedian nanpercentile nanquantile percentile quantile""".split()


def average(a, axis=None, weights=None, returned=False, *, keepdims=False):
    """The mean, weighted.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    weights : tensor_like, optional
        Of the shape of a, or a vector along one axis.
    returned : bool, optional
        Whether the sum of the weights is given, too.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.

    Returns
    -------
    Tensor or ExecutableTuple

    Examples
    --------
    >>> mt.average([1, 2, 3, 4], weights=[4, 3, 2, 1]).execute()
    Tensor(2.0)
    """
    a = astensor(a)
    if weights is None:
        made = a.mean(axis, keepdims=keepdims)
        total = broadcast_to(astensor(np.asarray(a.size / max(made.size, 1), made.dtype)), made.shape)
        return (made, total) if returned else made
    w = astensor(weights)
    dtype = op("add", a[(slice(0, 0),) * a.ndim], w[(slice(0, 0),) * w.ndim]).dtype if a.ndim == w.ndim else \
        _mars.promote(a.dtype, w.dtype)
    dtype = np.dtype(float) if dtype.kind in "biu" else dtype
    if a.shape != w.shape:
        if axis is None:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        axis = axis_of(axis, a.ndim)
        if w.ndim != 1:
            raise TypeError("1D weights expected when shapes of a and weights differ.")
        if w.shape[0] != a.shape[axis]:
            raise ValueError("Length of weights not compatible with specified axis.")
        w = broadcast_to(w[(slice(None),) + (None,) * (a.ndim - 1 - axis)], a.shape)
    total = w.sum(axis, dtype=dtype, keepdims=keepdims)
    if astensor(weights).size == 0 and total.size:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    made = op("multiply", a.astype(dtype), w).sum(axis, dtype=dtype, keepdims=keepdims) / total
    return (made, broadcast_to(total, made.shape)) if returned else made


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """The covariance matrix of variables in rows (or columns).

    Parameters
    ----------
    m, y : tensor_like
        Observations; those of y are more variables.
    rowvar : bool, optional
        Whether each row is a variable.
    bias : bool, optional
        Whether the divisor is the number of observations, instead of one less.
    ddof : int, optional
        Replaces bias: the divisor is the number of observations less this.
    fweights, aweights : tensor_like, optional
        How often each observation counts; how much it weighs.
    dtype : data-type, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.cov([[0, 1, 2], [2, 1, 0]]).execute()
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    from .linalg import matmul

    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")

    def rows(x):
        x = astensor(x)
        if x.ndim > 2:
            raise ValueError("m has more than 2 dimensions")
        x = x[None, :] if x.ndim == 1 else x[None, None] if x.ndim == 0 else x
        return x if rowvar or x.shape[0] == 1 else x.T

    x = rows(m)
    if y is not None:
        x = concatenate([x, rows(y)], 0)
    x = x.astype(dtype or _mars.promote(x.dtype, "float64"))
    ddof = (0 if bias else 1) if ddof is None else ddof
    w = None
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is not None:
            weights = astensor(weights)
            if name == "fweights" and weights.dtype.kind not in "iu":
                raise TypeError("fweights must be integer")
            if weights.ndim > 1:
                raise RuntimeError(f"cannot handle multidimensional {name}")
            if weights.shape[0] != x.shape[1]:
                raise RuntimeError(f"incompatible numbers of samples and {name}")
            weights = _real(weights, name)
            w = weights if w is None else w * weights
    if w is None:
        mean, total = x.mean(1, keepdims=True), float(x.shape[1])
        factor = max(total - ddof, 0.0)
    else:
        total = w.sum()
        mean = (x * w).sum(1, keepdims=True) / total
        factor = total - ddof
        if ddof and aweights is not None:
            factor = total - ddof * (w * astensor(aweights)).sum() / total
        factor = op("maximum", factor, 0.0)
    x = x - mean
    weighted = x if w is None else x * w
    made = matmul(x, op("conjugate", weighted).T if x.dtype.kind == "c" else weighted.T)
    made = made * op("divide", 1.0, factor) if isinstance(factor, Tensor) else made * (1 / factor if factor else np.inf)
    return made.squeeze()


def corrcoef(x, y=None, rowvar=True, bias=None, ddof=None, *, dtype=None):
    """The matrix of correlation coefficients of variables in rows (or columns).

    Parameters
    ----------
    x, y : tensor_like
        Observations; those of y are more variables.
    rowvar : bool, optional
        Whether each row is a variable.
    bias, ddof : optional
        Ignored: they cancel.
    dtype : data-type, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.corrcoef([[0, 1, 2], [2, 1, 0]]).execute()
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    d = op("sqrt", c.diagonal().real)
    c = c / d[:, None] / d[None, :]
    if c.dtype.kind == "c":
        return op("from_parts", op("clip", c.real, -1.0, 1.0), op("clip", c.imag, -1.0, 1.0))
    return op("clip", c, -1.0, 1.0)


# ---- Histograms ------------------------------------------------------------------------------------------------------

def digitize(x, bins, right=False):
    """The bin in which each element is.

    Parameters
    ----------
    x : tensor_like
    bins : tensor_like
        Ascending or descending edges.
    right : bool, optional
        Whether a bin has its right edge instead of its left one.

    Returns
    -------
    Tensor of int64
        0 is before the first edge.

    Examples
    --------
    >>> mt.digitize([0.2, 6.4, 3.0], [0, 1, 3, 10]).execute()
    Tensor([1, 3, 3])
    """
    bins = np.asarray(bins)
    x = astensor(x)
    if x.dtype.kind == "c":
        raise TypeError("x may not be complex")
    if bins.ndim != 1:
        raise ValueError("object of too small depth for desired array" if bins.ndim == 0 else
                         "object too deep for desired array")
    steps = np.diff(bins)
    if (steps >= 0).all():
        return searchsorted(bins, x, "left" if right else "right")
    if not (steps <= 0).all():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return len(bins) - searchsorted(bins[::-1].copy(), x, "right" if right else "left")


def bincount(x, weights=None, minlength=0):
    """How often each of the numbers 0, 1, … occurs.

    The length of the result depends on values, so the largest one is computed when the function is called.

    Parameters
    ----------
    x : tensor_like of int
        A vector, of numbers that are not negative.
    weights : tensor_like, optional
        Sums of these instead.
    minlength : int, optional
        The result has as many elements at least.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.bincount([0, 1, 1, 3]).execute()
    Tensor([1, 2, 0, 1])
    >>> mt.bincount([0, 1, 1], weights=[0.5, 1, 2]).execute()
    Tensor([0.5, 3. ])
    """
    given, x = x, astensor(x)
    minlength = minlength.__index__()
    if minlength < 0:
        raise ValueError("'minlength' must not be negative")
    if x.ndim != 1:
        raise ValueError("object too deep for desired array" if x.ndim else
                         "object of too small depth for desired array")
    empty_list = isinstance(given, (list, tuple)) and not given
    if x.dtype.kind not in "biu" and not empty_list:
        raise TypeError(f"Cannot cast array data from {x.dtype!r} to dtype('int64') according to the rule 'safe'")
    if x.shape[0] == 0:
        return zeros((minlength,), int if weights is None else float)
    if weights is not None:
        weights = astensor(weights)
        if weights.shape != x.shape:
            raise ValueError("The weights and list don't have the same length.")
        weights = _real(weights, "weights")
    x = x.astype(int)
    least, most = map(int, ExecutableTuple((x.min(), x.max())).execute().fetch())  # one pass
    if least < 0:
        raise ValueError("'list' argument must have no negative elements")
    n = max(most + 1, minlength)
    return _counts(x, n, weights)


def _real(weights, name):
    """As floats."""
    if weights.dtype.kind == "c":
        raise TypeError(f"Cannot cast {name} from {weights.dtype!r} to dtype('float64') according to the rule 'safe'")
    return weights.astype(float)


def _counts(x, n, weights=None):
    """How often each of the numbers 0 … n - 1 occurs in a vector that has no others."""
    return op("bincount", x, n=n) if weights is None else op("bincount", x, weights.astype(float), n=n)


def _range_of(a, range):
    if range is not None:
        first, last = (float(v) for v in range)
        if first > last:
            raise ValueError("max must be larger than min in range parameter.")
        if not (np.isfinite(first) and np.isfinite(last)):
            raise ValueError(f"supplied range of [{first}, {last}] is not finite")
    elif a.size == 0:
        first, last = 0.0, 1.0
    else:
        from .core import ExecutableTuple

        ends = ExecutableTuple([a.min(), a.max()]).execute()
        first, last = (e._view()[()] for e in ends)
        if a.dtype.kind in "iu":  # whose differences may have no room in their dtype
            first, last = first.item(), last.item()
        if not (np.isfinite(first) and np.isfinite(last)):
            raise ValueError(f"autodetected range of [{first}, {last}] is not finite")
    if first == last:
        first, last = first - 0.5, last + 0.5
    return first, last


def _edges(a, bins, range, weights=None):
    """The edges as a NumPy array, and whether they are at equal distances."""
    if a.dtype.kind == "c":
        raise TypeError("a histogram is of real numbers")
    if isinstance(bins, str):
        if bins not in WIDTHS:
            raise ValueError(f"{bins!r} is not a valid estimator for `bins`")
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        a = a.astype("uint8") if a.dtype.kind == "b" else a
        first, last = _range_of(a, range)
        bins = n_bins(bins, a, first, last, range is not None)
        range = first, last
    bins = bins._view() if isinstance(bins, Tensor) else bins
    if np.ndim(bins) == 0:
        n = bins.__index__() if hasattr(bins, "__index__") else None
        if n is None:
            raise TypeError("`bins` must be an integer, a string, or an array")
        if n < 1:
            raise ValueError("`bins` must be positive, when an integer")
        first, last = _range_of(a, range)
        dtype = np.result_type(first, last, a.dtype)
        return np.linspace(first, last, n + 1, endpoint=True, dtype=dtype if dtype.kind == "f" else float), True
    edges = np.asarray(bins)
    if edges.ndim != 1:
        raise ValueError("`bins` must be 1d, when an array")
    if (edges[:-1] > edges[1:]).any():
        raise ValueError("`bins` must increase monotonically, when an array")
    return edges, False


def histogram_bin_edges(a, bins=10, range=None, weights=None):
    """The edges that histogram() uses; they depend on values, which are computed when the function is called.

    Parameters
    ----------
    a : tensor_like
    bins : int, tensor_like or str, optional
        A number of bins of one width, the edges, or the name of a rule by which the number is chosen: 'auto', 'doane',
        'fd', 'rice', 'scott', 'sqrt', 'stone' or 'sturges'.
    range : (float, float), optional
        None: from the smallest to the largest element.
    weights : tensor_like, optional
        Not together with the name of a rule.

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.histogram_bin_edges([0, 1, 2, 4], bins=4).execute()
    Tensor([0., 1., 2., 3., 4.])
    """
    return astensor(_edges(astensor(a).ravel(), bins, range, weights)[0])


def _bin_of(a, edges):
    """The bin of each element and whether it has one; the last bin is closed at both ends."""
    n = len(edges) - 1
    at = searchsorted(edges, a, "right") - 1
    inside = op("logical_and", op("greater_equal", a, edges[0]), op("less_equal", a, edges[-1]))
    return op("clip", at, 0, max(n - 1, 0)), inside


def histogram(a, bins=10, range=None, density=None, weights=None):
    """How many elements lie in each bin, and the edges of the bins.

    All bins but the last one lack their right edge. Without a range `a` is computed when the function is called,
    because the edges depend on it.

    Parameters
    ----------
    a : tensor_like
    bins : int, tensor_like or str, optional
        A number of bins of one width, the edges, or the name of a rule by which the number is chosen: 'auto', 'doane',
        'fd', 'rice', 'scott', 'sqrt', 'stone' or 'sturges'.
    range : (float, float), optional
        None: from the smallest to the largest element.
    density : bool, optional
        Whether numbers are scaled to an integral of one.
    weights : tensor_like, optional
        Sums of these instead.

    Returns
    -------
    ExecutableTuple
        Counts and edges.

    Examples
    --------
    >>> counts, edges = mt.histogram([1, 2, 1, 4], bins=3, range=(0, 6))
    >>> counts.execute()
    Tensor([2, 1, 1])
    >>> edges.execute()
    Tensor([0., 2., 4., 6.])
    """
    from .core import ExecutableTuple

    a = astensor(a)
    if weights is not None:
        weights = astensor(weights)
        if weights.shape != a.shape:
            raise ValueError("weights should have the same shape as a.")
        weights = weights.ravel()
    a = a.ravel()
    a = a.astype("uint8") if a.dtype.kind == "b" else a
    edges, _ = _edges(a, bins, range, weights)
    if weights is None:
        made = op("histogram", a, edges)
    else:
        made = op("histogram", a, edges, weights.astype(float))
        made = made.astype(weights.dtype)
    if density:
        made = made / np.diff(edges).astype(float) / made.sum()
    return ExecutableTuple([made, astensor(edges)])


def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """How many points lie in each cell of a grid, and the edges along each axis.

    Parameters
    ----------
    sample : tensor_like
        A row for each point, or a sequence of a vector for each axis.
    bins : int or sequence, optional
        As of histogram(), for all axes or for each.
    range : sequence of (float, float), optional
    density : bool, optional
    weights : tensor_like, optional

    Returns
    -------
    tuple
        Counts, and a list of edges.

    Examples
    --------
    >>> counts, edges = mt.histogramdd([[0, 0], [0, 1], [1, 1]], bins=2)
    >>> counts.execute()
    Tensor([[[0., 0.],
             [0., 0.]],
    <BLANKLINE>
            [[0., 1.],
             [0., 1.]]])
    """
    if isinstance(sample, (list, tuple)):
        columns = [astensor(s).ravel() for s in sample]
    else:
        sample = astensor(sample)
        sample = sample[:, None] if sample.ndim == 1 else sample
        columns = [sample[:, k] for k in np.arange(sample.shape[1])]
    n = len(columns)
    bins = [bins] * n if np.ndim(bins) == 0 else list(bins)
    if len(bins) != n:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * n if range is None else list(range)
    edges = [_edges(c, b, r)[0] for c, b, r in zip(columns, bins, ranges)]
    flat, inside, shape = None, None, [len(e) - 1 for e in edges]
    for c, e, m in zip(columns, edges, shape):
        at, here = _bin_of(c, e)
        flat = at if flat is None else flat * m + at
        inside = here if inside is None else op("logical_and", inside, here)
    total = int(np.prod(shape))
    weights = None if weights is None else op("where", inside, astensor(weights), 0)
    made = _counts(op("where", inside, flat, total), total + 1, weights)[:total].reshape(shape).astype(float)
    if density:
        for k, e in enumerate(edges):
            made = made / np.diff(e)[(slice(None),) + (None,) * (n - 1 - k)]
        made = made / made.sum()
    return made, [astensor(e) for e in edges]


def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """How many points lie in each cell of a grid in the plane, and the edges.

    Parameters
    ----------
    x, y : tensor_like
        Vectors.
    bins : int or sequence, optional
        As of histogram(), for both axes or for each.
    range : sequence of (float, float), optional
    density : bool, optional
    weights : tensor_like, optional

    Returns
    -------
    tuple
        Counts, and the edges along both axes.

    Examples
    --------
    >>> counts, x_edges, y_edges = mt.histogram2d([0, 0, 1], [0, 1, 1], bins=2)
    >>> counts.execute()
    Tensor([[1., 1.],
            [0., 1.]])
    """
    if np.ndim(bins) == 1 and len(bins) not in (1, 2):
        bins = [np.asarray(bins)] * 2
    made, edges = histogramdd([x, y], bins, range, density, weights)
    return made, edges[0], edges[1]


# ---- Quantiles -------------------------------------------------------------------------------------------------------

def _to_a_side(index, down):
    """The index itself where it is whole and down() of it true, the next one elsewhere."""
    low = np.floor(index)
    return low + 1 - np.equal(index, low) * down(low) * 1.0


# The virtual index of the quantile q among n sorted elements (Hyndman and Fan); what is whole takes one of them.
_METHODS = {
    "inverted_cdf": lambda n, q: _to_a_side(n * q - 1, lambda low: True),
    "averaged_inverted_cdf": lambda n, q: n * q - 1,
    "closest_observation": lambda n, q: _to_a_side(n * q - 1.5, lambda low: np.equal(np.remainder(low, 2), 1)),
    "interpolated_inverted_cdf": lambda n, q: n * q - 1,
    "hazen": lambda n, q: n * q - 0.5,
    "weibull": lambda n, q: (n + 1) * q - 1,
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": lambda n, q: n * q + (1 + q) / 3 - 1,
    "normal_unbiased": lambda n, q: n * q + (0.375 + q * 0.25) - 1,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
    "nearest": lambda n, q: np.rint((n - 1) * q),
}
_WHOLE = {"inverted_cdf", "closest_observation", "lower", "higher", "nearest"}


def _between(method, n, q):
    """The indices of the two elements between which a quantile lies, as floats, and the weight of the second one."""
    at = _METHODS[method](n, q)
    at = np.minimum(np.maximum(at, 0.0), np.maximum(n - 1, 0) * 1.0)
    low = np.floor(at)
    weight = at - low
    if method == "averaged_inverted_cdf":
        inside = np.logical_and(np.greater_equal(n * q, 1), np.less(at, n - 1))
        weight = inside * (1 - np.equal(weight, 0) * 0.5)
    return low, np.minimum(low + 1, np.maximum(n - 1, 0)), weight


def _lerp(low, high, weight):
    """NumPy's interpolation: from the nearer end."""
    away = high - low
    made = low + away * weight
    return op("where", op("greater_equal", weight, 0.5), high - away * (1 - weight), made)


def _fractions(a, q, method, name):
    """q as an array, and the dtype in which a quantile is interpolated."""
    if a.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    if method not in _METHODS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {', '.join(_METHODS)}")
    weak = isinstance(q, (int, float))  # then the result is as precise as a is, else as q, too
    q = q._view() if isinstance(q, Tensor) else np.asarray(q, dtype=None if np.asarray(q).dtype.kind == "f" else float)
    if q.size and not ((q >= 0).all() and (q <= 1).all()):
        raise ValueError(f"{name} must be in the range [0, {1 if name == 'Quantiles' else 100}]")
    if a.dtype.kind == "b" and method not in _WHOLE:
        raise TypeError("there is nothing between booleans: use method='lower', or astype(int) before")
    return q, a.dtype if weak and a.dtype.kind == "f" else np.dtype(float)


def _quantile(a, q, axis, keepdims, method, name):
    a, axes = astensor(a), axis
    q, dtype = _fractions(a, q, method, name)
    shape = a.shape
    if axes is None:
        gone, a = tuple(range(a.ndim)), a.ravel()
    else:
        gone = axes_of(axes, a.ndim)
        if len(gone) == 1:
            a = moveaxis(a, gone[0], -1)
        else:
            kept = [k for k in range(a.ndim) if k not in gone]
            n = int(np.prod([shape[k] for k in gone], dtype=object))
            a = a.transpose(kept + list(gone)).reshape([shape[k] for k in kept] + [n])
    n = a.shape[-1]
    if n == 0:
        raise IndexError("index -1 is out of bounds for axis 0 with size 0: there is no quantile of nothing")
    made = _at_quantiles(a, n, q, method, dtype)
    last = range(made.ndim - 1, made.ndim - 1 + q.ndim)
    made = moveaxis(made.reshape(made.shape[:-1] + q.shape), last, range(q.ndim))
    if keepdims:
        rest = tuple(1 if k in gone else m for k, m in enumerate(shape))
        made = made.reshape(q.shape + rest)
    return made


def _at_quantiles(a, n, q, method, dtype):
    """Along the last axis; the result's last axis is that of q, flattened."""
    low, high, weight = _between(method, n, q.ravel())
    low, high = low.astype(int), high.astype(int)
    # One selection for all: the lower ones, the upper ones, and the last one, which is NaN if any is.
    n_q = len(low)
    chosen = op("kth", a, k=np.concatenate([low, high, [n - 1]]), axis=-1)
    made, last = chosen[..., :n_q], chosen[..., 2 * n_q:]
    if method not in _WHOLE:
        wide = made if made.dtype.kind in "fmM" else made.astype(float)
        made = _lerp(wide, chosen[..., n_q:2 * n_q], astensor(weight.astype(dtype)))
    return op("where", op("isnan", last), last, made) if a.dtype.kind == "f" else made


def _finish(made, out, name):
    return made if out is None else store(made, out, "same_kind", name)


def quantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, interpolation=None):
    """The quantiles of the elements along axes. Long vectors are not sorted for it.

    Parameters
    ----------
    a : tensor_like
    q : tensor_like
        From 0 to 1.
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    method : str, optional
        'linear' or another name of NumPy's.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    interpolation : str, optional
        An older word for method.

    Returns
    -------
    Tensor
        Of the shape of q, and of what remains of a's.

    Examples
    --------
    >>> mt.quantile([1, 2, 3, 4], [0.25, 0.5]).execute()
    Tensor([1.75, 2.5 ])
    >>> mt.quantile([1, 2, 3, 4], 0.4, method="lower").execute()
    Tensor(2)
    """
    return _finish(_quantile(a, q, axis, keepdims, interpolation or method, "Quantiles"), out, "quantile")


def percentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *,
               interpolation=None):
    """The percentiles of the elements along axes. Long vectors are not sorted for it.

    Parameters
    ----------
    a : tensor_like
    q : tensor_like
        From 0 to 100.
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    method : str, optional
        'linear' or another name of NumPy's.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    interpolation : str, optional
        An older word for method.

    Returns
    -------
    Tensor
        Of the shape of q, and of what remains of a's.

    Examples
    --------
    >>> mt.percentile([[1, 2], [3, 5]], 50, axis=0).execute()
    Tensor([2. , 3.5])
    """
    q = np.true_divide(q._view() if isinstance(q, Tensor) else q, 100)
    return _finish(_quantile(a, q, axis, keepdims, interpolation or method, "Percentiles"), out, "percentile")


def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The element in the middle of the sorted ones, or the mean of the two that are; NaN if there is one.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.median([[1, 7, 2], [3, 9, 4]], axis=1).execute()
    Tensor([2., 4.])
    """
    a = astensor(a)
    shape = a.shape
    gone = tuple(range(a.ndim)) if axis is None else axes_of(axis, a.ndim)
    kept = [k for k in range(a.ndim) if k not in gone]
    n = int(np.prod([shape[k] for k in gone], dtype=object)) if gone else 1
    flat = a.transpose(kept + list(gone)).reshape([shape[k] for k in kept] + [n])
    if n == 0:
        made = flat.mean(-1)
    else:
        middle = [(n - 1) // 2, n // 2] if n % 2 == 0 else [n // 2]
        chosen = op("kth", flat, k=middle + [n - 1], axis=-1)
        made, last = chosen[..., :-1].mean(-1), chosen[..., -1]
        if flat.dtype.kind in "fcm":
            made = op("where", op("isnan", last), last, made)
    if keepdims:
        made = made.reshape([1 if k in gone else m for k, m in enumerate(shape)])
    return _finish(made, out, "median")


def nanquantile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *,
                interpolation=None):
    """The quantiles of the elements that are not NaN; NaN where there are none.

    Parameters
    ----------
    a : tensor_like
    q : tensor_like
        From 0 to 1.
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    method : str, optional
        'linear' or another name of NumPy's.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    interpolation : str, optional
        An older word for method.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanquantile([1.0, mt.nan, 3.0], 0.5).execute()
    Tensor(2.0)
    """
    return _nanquantile(a, q, axis, out, interpolation or method, keepdims, "Quantiles")


def _nanquantile(a, q, axis, out, method, keepdims, name):
    a = astensor(a)
    if a.dtype.kind != "f":
        return _finish(_quantile(a, q, axis, keepdims, method, name), out, "nanquantile")
    q, dtype = _fractions(a, q, method, name)
    ordered, count, gone = _ordered(a, axis)
    low, high, weight = _between(method, count, q.ravel())
    made = _chosen(ordered, low)
    if method not in _WHOLE:
        made = _lerp(made, _chosen(ordered, high), weight.astype(dtype))
    made = op("where", op("equal", count, 0), np.nan, made)
    made = moveaxis(made, -1, 0)
    return _finish(made.reshape(q.shape + _left(a.shape, gone, keepdims)), out, "nanquantile")


def _ordered(a, axis):
    """Elements along axes as those of the last one, NaN last, how many others there are, and which axes are gone."""
    gone = tuple(range(a.ndim)) if axis is None else axes_of(axis, a.ndim)
    kept = [k for k in range(a.ndim) if k not in gone]
    n = int(np.prod([a.shape[k] for k in gone], dtype=object)) if gone else 1
    flat = a.transpose(kept + list(gone)).reshape([a.shape[k] for k in kept] + [max(n, 1)] if n else
                                                  [a.shape[k] for k in kept] + [0])
    flat = flat if n else broadcast_to(astensor(np.asarray(np.nan, a.dtype)), flat.shape[:-1] + (1,))
    there = op("logical_not", op("isnan", flat))
    return sort(flat, -1), op("count_nonzero", there, axis=(-1,))[..., None], gone


def _left(shape, gone, keepdims):
    return tuple(1 if k in gone else m for k, m in enumerate(shape) if keepdims or k not in gone)


def _chosen(ordered, at):
    from .indexing import take_along_axis

    return take_along_axis(ordered, at.astype(int), -1)


def nanpercentile(a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *,
                  interpolation=None):
    """The percentiles of the elements that are not NaN; NaN where there are none.

    Parameters
    ----------
    a : tensor_like
    q : tensor_like
        From 0 to 100.
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    method : str, optional
        'linear' or another name of NumPy's.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.
    interpolation : str, optional
        An older word for method.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanpercentile([1.0, mt.nan, 3.0], 25).execute()
    Tensor(1.5)
    """
    q = np.true_divide(q._view() if isinstance(q, Tensor) else q, 100)
    return _nanquantile(a, q, axis, out, interpolation or method, keepdims, "Percentiles")


def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    """The median of the elements that are not NaN; NaN where there are none.

    Parameters
    ----------
    a : tensor_like
    axis : int, tuple of ints or None, optional
        What disappears; None: all axes.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    overwrite_input : bool, optional
        Ignored.
    keepdims : bool, optional
        Whether reduced axes stay, with length one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nanmedian([1.0, mt.nan, 3.0, 8.0]).execute()
    Tensor(3.0)
    """
    a = astensor(a)
    if a.dtype.kind not in "fc":
        return median(a, axis, out, keepdims=keepdims)
    ordered, count, gone = _ordered(a, axis)
    low, high = op("maximum", (count - 1) // 2, 0), op("minimum", count // 2, op("maximum", count - 1, 0))
    made = concatenate([_chosen(ordered, low), _chosen(ordered, high)], -1).mean(-1, keepdims=True)
    made = op("where", op("equal", count, 0), np.nan, made)
    return _finish(made.reshape(_left(a.shape, gone, keepdims)), out, "nanmedian")


