# SPDX-License-Identifier: Apache-2.0
"""How wide the bins of a histogram are that somebody asks for by the name of a rule: functions of a vector that is not
empty and of the range of the edges. Reductions of the vector are computed by the session; what is made of them is a
few numbers. Zero: the rule has no answer, and one bin must do."""
import builtins
import warnings

import numpy as np

from .._core import op
from .core import ExecutableTuple


def _numbers(*tensors):
    return [value.item() for value in ExecutableTuple(tensors).execute().fetch()]


def _length(x):
    """From the least to the largest element: an exact integer, if they are."""
    most, least = _numbers(x.max(), x.min())
    return most - least


def _sqrt(x, range):
    return _length(x) / np.sqrt(x.size)


def _sturges(x, range):
    return _length(x) / (np.log2(x.size) + 1)


def _rice(x, range):
    return _length(x) / (2 * x.size ** (1 / 3))


def _scott(x, range):
    return (24 * np.pi**0.5 / x.size) ** (1 / 3) * _numbers(x.std())[0]


def _stone(x, range):
    """The one of many numbers of bins whose squared error is estimated to be the least."""
    n, length = x.size, _length(x)
    if n <= 1 or length == 0:
        return 0
    most = builtins.max(100, int(np.sqrt(n)))
    counts = [op("histogram", x, np.linspace(*range, k + 1)) for k in builtins.range(1, most + 1)]
    squares = _numbers(*(op("square", c / n).sum() for c in counts))
    costs = [(2 - (n + 1) * s) * k / length for k, s in enumerate(squares, 1)]
    best = int(np.argmin(costs)) + 1
    if best == most:
        warnings.warn("The number of bins estimated may be suboptimal.", RuntimeWarning, stacklevel=6)
    return length / best


def _doane(x, range):
    n = x.size
    if n <= 2:
        return 0
    mean, deviation, most, least = _numbers(x.mean(), x.std(), x.max(), x.min())
    if deviation <= 0:
        return 0
    skewness = _numbers((((x - mean) / deviation) ** 3).mean())[0]
    unit = np.sqrt(6 * (n - 2) / ((n + 1) * (n + 3)))
    return (most - least) / (1 + np.log2(n) + np.log2(1 + abs(skewness) / unit))


def _fd(x, range):
    from .statistics import percentile

    low, high = percentile(x, [25, 75]).execute().fetch().tolist()
    return 2 * (high - low) * x.size ** (-1 / 3)


def _auto(x, range):
    """NumPy 2's: the quartiles' rule may not ask for more bins than twice those of the square root."""
    return builtins.min(builtins.max(_fd(x, range), _sqrt(x, range) / 2), _sturges(x, range))


WIDTHS = {"auto": _auto, "doane": _doane, "fd": _fd, "rice": _rice, "scott": _scott, "sqrt": _sqrt, "stone": _stone,
          "sturges": _sturges}


def n_bins(name, x, first, last, narrowed):
    """How many bins between the edges; `narrowed` if elements may lie beyond them."""
    if narrowed:
        x = x[op("logical_and", op("greater_equal", x, first), op("less_equal", x, last))].execute()
    width = WIDTHS[name](x, (first, last)) if x.size else 0
    if not width:
        return 1
    return int(np.ceil((last - first) / (builtins.max(width, 1) if x.dtype.kind in "iu" else width)))
