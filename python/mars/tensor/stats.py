# SPDX-License-Identifier: Apache-2.0
"""SciPy's statistical tests, made of reductions, sorts and special functions of the engine. A result is lazy: its
statistic and its p-value are tensors."""
import itertools
import math

import numpy as np

from . import special
from .._core import op
from .core import ExecutableTuple, Tensor, axis_of
from .creation import arange, astensor, full
from .indexing import take_along_axis
from .manipulation import broadcast_to, concatenate, flip, moveaxis
from .reduction import argmax, argmin, nanmean, nanvar
from .sorting import argsort, searchsorted, sort

__all__ = ["chisquare", "entropy", "ks_1samp", "ks_2samp", "power_divergence", "rankdata", "ttest_1samp", "ttest_ind",
           "ttest_ind_from_stats", "ttest_rel"]


class Result(ExecutableTuple):
    """A statistic and its p-value."""

    @property
    def statistic(self):
        return self[0]

    @property
    def pvalue(self):
        return self[1]


def _float(x):
    x = astensor(x)
    return x if x.dtype.kind in "fc" else x.astype(float)


def _along(a, axis):
    """As floats, with the axis that a test runs along: None is that of the flattened form."""
    a = _float(a)
    return (a.ravel(), 0) if axis is None else (a, axis_of(axis, a.ndim))


def entropy(pk, qk=None, base=None, axis=0):
    """Shannon's entropy of a distribution, or its relative entropy to another one; both are scaled to sums of one.

    Parameters
    ----------
    pk : tensor_like
        Probabilities, or numbers in proportion to them.
    qk : tensor_like, optional
        Those of the other one.
    base : float, optional
        Of the logarithm; None: e.
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> float(mt.stats.entropy([1, 1, 2], base=2))
    1.5
    """
    if base is not None and base <= 0:
        raise ValueError("`base` must be a positive number or `None`.")
    pk = _float(pk)
    pk = pk / pk.sum(axis=axis, keepdims=True)
    if qk is None:
        terms = op("special_entr", pk)
    else:
        qk = _float(qk)
        terms = op("special_rel_entr", pk, qk / qk.sum(axis=axis, keepdims=True))
    made = terms.sum(axis=axis)
    return made if base is None else made / np.log(base)


# ---- Counts ----------------------------------------------------------------------------------------------------------

_POWERS = {"pearson": 1, "log-likelihood": 0, "freeman-tukey": -0.5, "mod-log-likelihood": -1, "neyman": -2,
           "cressie-read": 2 / 3}


def power_divergence(f_obs, f_exp=None, ddof=0, axis=0, lambda_=None):
    """The statistics of Cressie and Read of counts that were seen and counts that were expected.

    Parameters
    ----------
    f_obs : tensor_like
        Counts that were seen.
    f_exp : tensor_like, optional
        Counts that were expected, of the same sum; None: all alike.
    ddof : int or tensor_like, optional
        How many degrees of freedom less there are than the counts less one.
    axis : int or None, optional
        What the test runs along; None: the flattened form.
    lambda_ : float or str, optional
        The power, or the name of one; None: Pearson's, 1.

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.power_divergence([16, 18, 16, 14, 12, 12], lambda_="log-likelihood")
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (2.0066, 0.8482)
    """
    if isinstance(lambda_, str):
        if lambda_ not in _POWERS:
            raise ValueError(f"invalid string for lambda_: {lambda_!r}. Valid strings are {sorted(_POWERS)}")
        lambda_ = _POWERS[lambda_]
    power = 1 if lambda_ is None else lambda_
    seen, axis = _along(f_obs, axis)
    if f_exp is None:
        expected = seen.mean(axis=axis, keepdims=True)
    else:
        expected = _float(f_exp)
        sums = seen.sum(axis=axis), expected.sum(axis=axis)
        apart = op("absolute", sums[0] - sums[1]) / op("minimum", sums[0], sums[1])
        if bool(op("greater", apart, 1e-8).any()):
            raise ValueError("For each axis slice, the sum of the observed frequencies must agree with the sum of the "
                             "expected frequencies to a relative tolerance of 1e-08")
    if power == 1:
        terms = (seen - expected) ** 2 / expected
    elif power == 0:
        terms = 2.0 * op("special_xlogy", seen, seen / expected)
    elif power == -1:
        terms = 2.0 * op("special_xlogy", expected, expected / seen)
    else:
        terms = seen * ((seen / expected) ** power - 1) * (2.0 / (power * (power + 1)))
    statistic = broadcast_to(terms, np.broadcast_shapes(seen.shape, expected.shape)).sum(axis=axis)
    freedom = terms.shape[axis] - 1 - (ddof if isinstance(ddof, Tensor) else np.asarray(ddof, float))
    return Result((statistic, special.gammaincc(freedom / 2.0, statistic / 2.0)))


def chisquare(f_obs, f_exp=None, ddof=0, axis=0):
    """Pearson's test of counts that were seen against counts that were expected.

    Parameters
    ----------
    f_obs, f_exp, ddof, axis : optional
        As of power_divergence().

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.chisquare([16, 18, 16, 14, 12, 12])
    >>> float(result.statistic), round(float(result.pvalue), 4)
    (2.0, 0.8491)
    """
    return power_divergence(f_obs, f_exp, ddof, axis, "pearson")


# ---- Student's tests -------------------------------------------------------------------------------------------------

def _student(t, df, alternative):
    """The p-value of t with df degrees of freedom."""
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError("alternative must be 'less', 'greater' or 'two-sided'")
    both = special.betainc(df / 2.0, 0.5, df / (df + t * t))
    if alternative == "two-sided":
        return Result((t, both))
    on_this_side = op("less", t, 0.0) if alternative == "less" else op("greater", t, 0.0)
    return Result((t, op("where", on_this_side, both / 2.0, 1.0 - both / 2.0)))


_POLICIES = ("propagate", "omit", "raise")


def _refuse_nan(nan_policy, *samples):
    """Whether NaN counts as missing; 'raise' looks now whether there is any."""
    if nan_policy not in _POLICIES:
        raise ValueError("nan_policy must be one of {" + ", ".join(map(repr, _POLICIES)) + "}")
    if nan_policy == "raise":
        for found in ExecutableTuple([op("isnan", a).any() for a in samples]).execute():
            if bool(found):
                raise ValueError("The input contains nan values")
    return nan_policy == "omit"


def _moments(a, axis, omit):
    """Mean and variance of samples along an axis, and how many they are."""
    if not omit:
        return a.mean(axis=axis), a.var(axis=axis, ddof=1), float(a.shape[axis])
    n = op("count_nonzero", op("logical_not", op("isnan", a)), axis=(axis,)).astype(op("real", a).dtype)
    return nanmean(a, axis=axis), nanvar(a, axis=axis, ddof=1), n


def ttest_1samp(a, popmean, axis=0, nan_policy="propagate", alternative="two-sided", *, keepdims=False):
    """Student's test of a mean.

    Parameters
    ----------
    a : tensor_like
        Samples.
    popmean : float or tensor_like
        The mean of the hypothesis.
    axis : int or None, optional
        What the test runs along; None: the flattened form.
    nan_policy : {'propagate', 'omit', 'raise'}, optional
        What NaN makes: NaN; as if it were not there; a ValueError, for which the samples are looked at now.
    alternative : {'two-sided', 'less', 'greater'}, optional
        On which side of the hypothesis the mean may be.
    keepdims : bool, optional
        Whether the axis stays, with length one.

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.ttest_1samp([1.0, 2.0, 3.0, 4.0], 2.0)
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (0.7746, 0.495)
    """
    ndim = np.ndim(a)
    a, axis = _along(a, axis)
    omit = _refuse_nan(nan_policy, a)
    popmean = popmean if np.ndim(popmean) == 0 else astensor(popmean)
    if isinstance(popmean, Tensor) and popmean.ndim == a.ndim:
        popmean = popmean.squeeze(axis)
    mean, variance, n = _moments(a, axis, omit)
    made = _student((mean - popmean) / op("sqrt", variance / n), n - 1.0, alternative)
    return _kept(made, axis, ndim) if keepdims else made


def _kept(made, axis, ndim):
    """The results with the axis, or with all axes, at which they were made."""
    return Result(t.reshape((1,) * ndim) if t.ndim == 0 else t[(slice(None),) * axis + (None,)] for t in made)


def ttest_rel(a, b, axis=0, nan_policy="propagate", alternative="two-sided", *, keepdims=False):
    """Student's test of the mean of differences.

    Parameters
    ----------
    a, b : tensor_like
        Samples of pairs.
    axis, nan_policy, alternative, keepdims : optional
        As of ttest_1samp().

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.ttest_rel([1.0, 2.0, 4.0], [0.0, 2.0, 2.0])
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (1.7321, 0.2254)
    """
    ndim = max(np.ndim(a), np.ndim(b))
    (a, of), (b, _) = _along(a, axis), _along(b, axis)
    if a.shape[of] != b.shape[of]:
        raise ValueError("unequal length arrays")
    made = ttest_1samp(a - b, 0.0, of, nan_policy, alternative)
    return _kept(made, of, ndim) if keepdims else made


def ttest_ind_from_stats(mean1, std1, nobs1, mean2, std2, nobs2, equal_var=True, alternative="two-sided"):
    """Student's test of two means, or Welch's, from means, deviations and numbers.

    Parameters
    ----------
    mean1, std1, nobs1 : tensor_like
        Of the first sample; the deviation is that with ddof=1.
    mean2, std2, nobs2 : tensor_like
        Of the second one.
    equal_var : bool, optional
        Whether both have one variance (Student), or each its own (Welch).
    alternative : {'two-sided', 'less', 'greater'}, optional
        On which side of the second mean the first one may be.

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.ttest_ind_from_stats(15.0, 9.4, 13, 12.0, 8.9, 11)
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (0.798, 0.4334)
    """
    mean1, std1, nobs1, mean2, std2, nobs2 = map(_float, (mean1, std1, nobs1, mean2, std2, nobs2))
    return _two_means(mean1, std1 * std1, nobs1, mean2, std2 * std2, nobs2, equal_var, alternative)


def _two_means(mean1, var1, n1, mean2, var2, n2, equal_var, alternative):
    if equal_var:
        df = n1 + n2 - 2.0
        deviation = op("sqrt", ((n1 - 1.0) * var1 + (n2 - 1.0) * var2) / df * (1.0 / n1 + 1.0 / n2))
    else:
        part1, part2 = var1 / n1, var2 / n2
        df = (part1 + part2) ** 2 / (part1 * part1 / (n1 - 1.0) + part2 * part2 / (n2 - 1.0))
        df = op("where", op("isnan", df), 1.0, df)
        deviation = op("sqrt", part1 + part2)
    return _student((mean1 - mean2) / deviation, df, alternative)


def _trimmed(a, axis, trim):
    """Mean and variance of samples without so large a part of the smallest and of the largest ones, and how many
    remain: the mean is of those, the variance counts each of the others as the next of those (Yuen)."""
    n, ordered = a.shape[axis], sort(a, axis)
    cut = int(n * trim)
    if 2 * cut >= n:
        raise ValueError("Proportion too big.")

    def part(lo, hi):
        return ordered[(slice(None),) * axis + (slice(lo, hi),)]

    inner = part(cut, n - cut)
    mean, variance = inner.mean(axis=axis), ordered.var(axis=axis, ddof=1)
    if cut > 0:
        inner = op("minimum", op("maximum", ordered, part(cut, cut + 1)), part(n - cut - 1, n - cut))
        nan = op("isnan", a).any(axis=axis)
        variance = op("where", nan, np.nan, inner.var(axis=axis, ddof=2 * cut + 1))
    return mean, variance, float(n - 2 * cut)


_MOST_PERMUTED = 1 << 27  # elements of all permutations together, whose places this process has
_ALIKE = 1e-13  # statistics that differ by less are those of one partition, summed in another order


def _permutations(n, n_first, permutations, random_state):
    """Places of elements: a row for each permutation, or for each way to choose n_first of n if these are no more; and
    whether they are random ones."""
    ways = math.comb(n, n_first)
    if min(permutations, ways) * n > _MOST_PERMUTED:
        raise ValueError(f"permutations of {n} elements: at most {_MOST_PERMUTED // n} of them")
    if permutations < ways:
        if random_state is None:
            random_state = np.random
        elif not hasattr(random_state, "permutation"):
            random_state = np.random.RandomState(random_state)
        return np.stack([np.asarray(random_state.permutation(n)) for _ in range(int(permutations))]), True
    chosen = np.array(list(itertools.combinations(range(n), n_first)), int).reshape(-1, n_first)
    mask = np.zeros((len(chosen), n), bool)
    np.put_along_axis(mask, chosen, True, 1)
    return np.argsort(~mask, axis=1, kind="stable"), False


def _permuted(a, of_a, b, of_b, equal_var, alternative, permutations, random_state):
    """Student's statistic, and how many permutations of both samples together have one that is as far out."""
    if permutations < 0 or np.isfinite(permutations) and int(permutations) != permutations:
        raise ValueError("Permutations must be a non-negative integer.")
    seen = _two_means(*_moments(a, of_a, False), *_moments(b, of_b, False), equal_var, alternative)[0]
    a, b = moveaxis(a, of_a, -1), moveaxis(b, of_b, -1)
    others = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    both = concatenate([broadcast_to(t, others + t.shape[-1:]) for t in (a, b)], -1)
    n_first = a.shape[-1]
    places, random = _permutations(both.shape[-1], n_first, permutations, random_state)
    both = moveaxis(op("take", both, astensor(places), axis=both.ndim - 1), -2, 0)
    parts = [_moments(t, t.ndim - 1, False) for t in (both[..., :n_first], both[..., n_first:])]
    made = _two_means(*parts[0], *parts[1], equal_var, alternative)[0]
    size = op("absolute", seen)
    high, low = size * (1 - _ALIKE), seen + size * _ALIKE
    far = {"less": lambda: op("less_equal", made, low),
           "greater": lambda: op("greater_equal", made, seen - size * _ALIKE),
           "two-sided": lambda: op("greater_equal", op("absolute", made), high)}[alternative]()
    count = far.sum(axis=0).astype(float)
    return Result((seen, op("where", op("isnan", seen), np.nan, (count + random) / (len(places) + random))))


def ttest_ind(a, b, axis=0, equal_var=True, nan_policy="propagate", permutations=None, random_state=None,
              alternative="two-sided", trim=0):
    """Student's test of the means of two samples, or Welch's.

    Parameters
    ----------
    a, b : tensor_like
        Samples.
    axis : int or None, optional
        What the test runs along; None: the flattened form.
    equal_var : bool, optional
        Whether both have one variance (Student), or each its own (Welch).
    nan_policy : {'propagate', 'omit', 'raise'}, optional
        As of ttest_1samp().
    permutations : int, optional
        The p-value is that of so many random permutations of both samples together, or of all partitions if these are
        no more; None or 0: of Student's distribution.
    random_state : int, numpy.random.RandomState or Generator, optional
        Makes the permutations, here; None: numpy.random does.
    alternative : {'two-sided', 'less', 'greater'}, optional
        On which side of the second mean the first one may be.
    trim : float, optional
        The part of each end of the samples that does not count, below 0.5 (Yuen's test).

    Returns
    -------
    Result
        The tensors statistic and pvalue.

    Examples
    --------
    >>> result = mt.stats.ttest_ind([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], equal_var=False)
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (-1.5492, 0.2209)
    """
    (a, of_a), (b, of_b) = _along(a, axis), _along(b, axis)
    omit = _refuse_nan(nan_policy, a, b)
    if not 0 <= trim < 0.5:
        raise ValueError("Trimming percentage should be 0 <= `trim` < .5.")
    if omit and (permutations or trim):
        raise ValueError("nan_policy='omit' goes neither with permutations nor with trim")
    if permutations:
        if trim:
            raise ValueError("Permutations are currently not supported with trimming.")
        if alternative not in ("two-sided", "less", "greater"):
            raise ValueError("alternative must be 'less', 'greater' or 'two-sided'")
        return _permuted(a, of_a, b, of_b, equal_var, alternative, permutations, random_state)
    if trim:
        return _two_means(*_trimmed(a, of_a, trim), *_trimmed(b, of_b, trim), equal_var, alternative)
    return _two_means(*_moments(a, of_a, omit), *_moments(b, of_b, omit), equal_var, alternative)


# ---- Kolmogorov's tests ----------------------------------------------------------------------------------------------

class KstestResult(Result):
    """A statistic and its p-value; where two samples differ most, and 1 if the first one's function is above there."""

    def __new__(cls, statistic, pvalue, location, sign):
        made = super().__new__(cls, (statistic, pvalue))
        made.statistic_location, made.statistic_sign = location, sign
        return made


def ks_1samp(x, cdf, args=(), alternative="two-sided", method="auto", *, mode=None):
    """Kolmogorov's and Smirnov's test of a sample against a distribution.

    The function of the distribution is called here, with the sorted sample as a tensor: no code goes to workers. The
    p-value is of one number, when it is asked for SciPy's.

    Parameters
    ----------
    x : tensor_like
        The sample.
    cdf : callable
        The distribution function.
    args : tuple, optional
        Further arguments of it.
    alternative : {'two-sided', 'less', 'greater'}, optional
        Whether the sample is of another distribution, below it somewhere, or above it.
    method : {'auto', 'exact', 'asymp', 'approx'}, optional
        How the p-value is made.
    mode : str, optional
        The name that method had before SciPy 1.9.

    Returns
    -------
    KstestResult
        As of ks_2samp().

    Examples
    --------
    >>> result = mt.stats.ks_1samp([0.1, 0.4, 0.7, 0.9], lambda x: x)
    >>> round(float(result.statistic), 4), round(float(result.pvalue), 4)
    (0.2, 0.9879)
    """
    from scipy.stats import distributions

    method = method if mode is None else mode
    alternative = {"t": "two-sided", "g": "greater", "l": "less"}.get(alternative.lower()[:1], alternative)
    if alternative not in ("two-sided", "less", "greater"):
        raise ValueError(f"Unexpected alternative {alternative}")
    if method not in ("auto", "exact", "asymp", "approx"):
        raise ValueError(f"Unexpected value {method!r} for method")
    x = sort(_float(x).ravel())
    n = x.shape[0]
    at = astensor(cdf(x, *args))
    ends = []
    for apart in (arange(1.0, n + 1) / n - at, at - arange(0.0, n) / n):
        place = argmax(apart)
        ends += [apart[place], x[place]]
    above, above_at, below, below_at = ExecutableTuple(ends).execute().fetch()
    if alternative == "greater" or alternative == "two-sided" and above > below:
        d, location, sign = float(above), above_at, 1
    else:
        d, location, sign = float(below), below_at, -1
    if alternative != "two-sided":
        probability = distributions.ksone.sf(d, n)
    else:
        probability = {"asymp": lambda: distributions.kstwobign.sf(d * np.sqrt(n)),
                       "approx": lambda: 2 * distributions.ksone.sf(d, n)}.get(
                           method, lambda: distributions.kstwo.sf(d, n))()
    return KstestResult(astensor(np.float64(d)), astensor(np.clip(probability, 0, 1)), location, sign)


_AUTO_MOST = 10000  # elements of the larger sample for which method="auto" is exact, as SciPy has it


def ks_2samp(data1, data2, alternative="two-sided", method="auto"):
    """Smirnov's test whether two samples are of one distribution.

    Samples are sorted and compared by the session, when this is called. SciPy makes the p-value of the counts of
    elements up to where the functions differ most, which is all that it depends on.

    Parameters
    ----------
    data1, data2 : array_like
        Samples of one axis; their sizes may differ.
    alternative : {"two-sided", "less", "greater"}
        Whether the distribution function of `data1` is another one, below that of `data2` somewhere, or above it.
    method : {"auto", "exact", "asymp"}
        How the p-value is made: by counting paths, or by the distribution of large samples. "auto" counts up to
        10000 elements.

    Returns
    -------
    KstestResult
        The tensors `statistic` and `pvalue`, and the numbers `statistic_location`, where the functions differ most,
        and `statistic_sign`; NaN where a sample has one.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> result = mt.stats.ks_2samp([0.1, 0.4, 0.7, 1.2], [0.5, 0.9, 1.4, 1.8, 2.1])
    >>> round(float(result.statistic), 3), round(float(result.pvalue), 6), result.statistic_sign
    (0.6, 0.285714, 1)
    """
    import scipy.stats

    if method not in ("auto", "exact", "asymp"):
        raise ValueError(f"Invalid value for method: {method}")
    wanted = {"t": "two-sided", "g": "greater", "l": "less"}.get(alternative.lower()[:1], alternative)
    if wanted not in ("two-sided", "less", "greater"):
        raise ValueError(f"Invalid value for alternative: {alternative}")
    data = [sort(astensor(x)) for x in (data1, data2)]
    if any(x.ndim != 1 for x in data):
        raise ValueError(f"samples must have one axis, not {data[0].ndim} and {data[1].ndim}")
    n = n1, n2 = [x.shape[0] for x in data]
    if min(n) == 0:
        raise ValueError("Data passed to ks_2samp must not be empty")

    both = concatenate(data)
    counts = [searchsorted(x, both, "right") for x in data]  # up to each element, equal ones included
    apart = counts[0] / n1 - counts[1] / n2
    places = [argmin(apart), argmax(apart)]
    wanted_of_places = [t[place] for place in places for t in (*counts, both)]
    *found, last1, last2 = ExecutableTuple([*wanted_of_places, *(x[-1] for x in data)]).execute().fetch()
    if np.isnan(last1) or np.isnan(last2):
        return KstestResult(astensor(np.nan), astensor(np.nan), np.nan, np.nan)
    ends = []
    for sign, (count1, count2, location) in ((-1, found[:3]), (1, found[3:])):
        ends.append((sign * (count1 / n1 - count2 / n2), sign, int(count1), int(count2), location))
    least, most = ends
    d, sign, count1, count2, location = least if wanted == "less" or (wanted == "two-sided" and least[0] > most[0]) \
        else most
    if d <= 0:
        d, count1, count2 = 0.0, 0, 0
    if method == "asymp" or (method == "auto" and max(n) > _AUTO_MOST):
        large, small = float(max(n)), float(min(n))
        freedom = large * small / (large + small)
        if wanted == "two-sided":
            probability = scipy.stats.kstwo.sf(d, np.round(freedom))
        else:  # Hodges (1958), 5.3
            z = np.sqrt(freedom) * d
            rest = (large + 2 * small) / np.sqrt(large * small * (large + small)) / 3
            probability = np.exp(-2 * z * z - 2 * z * rest)
    else:  # two samples of zeros and ones with these counts have this statistic
        made = scipy.stats.ks_2samp(np.repeat([0, 1], [count1, n1 - count1]), np.repeat([0, 1], [count2, n2 - count2]),
                                    wanted, method)
        d, probability = made.statistic, made.pvalue
    return KstestResult(astensor(np.float64(d)), astensor(np.clip(probability, 0, 1)), location, sign)


# ---- Ranks -----------------------------------------------------------------------------------------------------------

def rankdata(a, method="average", *, axis=None, nan_policy="propagate"):
    """The ranks of elements, from 1 on.

    Parameters
    ----------
    a : tensor_like
    method : {'average', 'min', 'max', 'dense', 'ordinal'}, optional
        What equal ones have: their average rank, the least, the largest, the same with none left out, or the order in
        which they lie.
    axis : int or None, optional
        None: the flattened form.
    nan_policy : {'propagate', 'omit', 'raise'}, optional
        NaN among those that are ranked together: all their ranks are NaN; it has none, and the others have theirs; an
        error.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.stats.rankdata([3, 1, 3, 2]).execute()
    Tensor([3.5, 1. , 3.5, 2. ])
    >>> mt.stats.rankdata([3, 1, 3, 2], "dense").execute()
    Tensor([3, 1, 3, 2])
    """
    if method not in ("average", "min", "max", "dense", "ordinal"):
        raise ValueError(f'unknown method "{method}"')
    a = astensor(a)
    omit = _refuse_nan(nan_policy, a)
    a, axis = (a.ravel(), 0) if axis is None else (a, axis_of(axis, a.ndim))
    if a.size == 0:
        return full(a.shape, 0, float if method == "average" else int)
    n, order = a.shape[axis], argsort(a, axis)
    place = argsort(order, axis)
    if method == "ordinal":
        ranks = place + 1
    else:
        def cut(t, *bounds):
            return t[(slice(None),) * axis + (slice(*bounds),)]

        ordered, ends = take_along_axis(a, order, axis), a.shape[:axis] + (1,) + a.shape[axis + 1:]
        number = broadcast_to(arange(n).reshape((n,) + (1,) * (a.ndim - 1 - axis)), a.shape)
        differs, edge = op("not_equal", cut(ordered, 1, None), cut(ordered, None, -1)), full(ends, True, bool)
        first = concatenate([edge, differs], axis)
        least = op("cummax", op("where", first, number, 0), axis=(axis,)) + 1
        largest = op("where", concatenate([differs, edge], axis), number, n - 1)
        largest = flip(op("cummin", flip(largest, axis), axis=(axis,)), axis) + 1
        ranks = {"min": least, "max": largest, "average": (least + largest) / 2.0}.get(method)
        if ranks is None:
            ranks = op("cumsum", first.astype(int), axis=(axis,))
        ranks = take_along_axis(ranks, place, axis)
    if a.dtype.kind != "f":
        return ranks
    nan = op("isnan", a) if omit else op("isnan", a).any(axis=axis, keepdims=True)
    return op("where", nan, np.nan, ranks) if method == "average" or bool(nan.any()) else ranks
