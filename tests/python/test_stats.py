# SPDX-License-Identifier: Apache-2.0
"""Statistical tests, ranks and distances, beside SciPy's."""
import numpy as np
import pytest
import scipy.spatial.distance as sd
import scipy.stats as st

import mars.tensor as mt
from mars.tensor.spatial import distance

RNG = np.random.default_rng(3)
A, B = RNG.normal(0.3, 1, (23, 7)), RNG.normal(0, 2, (23, 7))
COUNTS = RNG.integers(5, 40, (8, 3)).astype(float)
EVEN = COUNTS.mean(0) * RNG.dirichlet(np.full(8, 50), 3).T * 8
ALTERNATIVES = ["two-sided", "less", "greater"]


def cut(a):
    return mt.tensor(a, chunk_size=5)


def same(got, want):
    assert len(got) == 2 and np.allclose(got.statistic, want[0], rtol=1e-12)
    assert np.allclose(got.pvalue, want[1], rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("base", [None, 2])
def test_entropies(axis, base):
    p, q = np.abs(A), np.abs(B)
    assert np.allclose(mt.stats.entropy(cut(p), base=base, axis=axis), st.entropy(p, base=base, axis=axis))
    assert np.allclose(mt.stats.entropy(cut(p), cut(q), base, axis), st.entropy(p, q, base, axis))
    with pytest.raises(ValueError):
        mt.stats.entropy(p, base=-1)


@pytest.mark.parametrize("power", [None, "pearson", "log-likelihood", "freeman-tukey", "mod-log-likelihood", "neyman",
                                   "cressie-read", 0.3])
def test_power_divergences(power):
    same(mt.stats.power_divergence(cut(COUNTS), lambda_=power), st.power_divergence(COUNTS, lambda_=power))
    same(mt.stats.power_divergence(cut(COUNTS), cut(EVEN), 1, lambda_=power),
         st.power_divergence(COUNTS, EVEN, 1, lambda_=power))
    same(mt.stats.power_divergence(cut(COUNTS), axis=None, lambda_=power),
         st.power_divergence(COUNTS, axis=None, lambda_=power))
    same(mt.stats.chisquare(cut(COUNTS), axis=1), st.chisquare(COUNTS, axis=1))
    with pytest.raises(ValueError):
        mt.stats.chisquare(cut(COUNTS), cut(2 * EVEN))
    with pytest.raises(ValueError):
        mt.stats.power_divergence(COUNTS, lambda_="other")


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("method", ["auto", "exact", "asymp", "approx"])
def test_kolmogorovs_test(method, alternative):
    x, more = A.ravel() / 2, dict(alternative=alternative, method=method)
    got, want = mt.stats.ks_1samp(cut(x), st.norm.cdf, **more), st.ks_1samp(x, st.norm.cdf, **more)
    same(got, want)
    if hasattr(want, "statistic_sign"):
        assert (got.statistic_location, got.statistic_sign) == (want.statistic_location, want.statistic_sign)
    same(mt.stats.ks_1samp(cut(x), st.norm.cdf, alternative=alternative[0], mode=method), want)
    with pytest.raises(ValueError, match="method"):
        mt.stats.ks_1samp(cut(x), st.norm.cdf, method="other")
    same(mt.stats.ks_1samp(cut(x), lambda x, s: 0.5 + 0.5 * mt.special.erf(x / s / 2**0.5), (1.5,), **more),
         st.ks_1samp(x, st.norm.cdf, (0, 1.5), **more))
    with pytest.raises(ValueError):
        mt.stats.ks_1samp(cut(x), st.norm.cdf, alternative="other")


SAMPLES = [(A.ravel()[:40], B.ravel()[:40]), (A.ravel(), B.ravel()[:17]), (np.round(A.ravel()), np.round(B.ravel())),
           (A.ravel(), A.ravel()), ([1, 2, 3], [4, 5]), ([4, 5], [1, 2, 3])]


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("method", ["auto", "exact", "asymp"])
def test_smirnovs_test(method, alternative):
    for x, y in SAMPLES:
        got, want = mt.stats.ks_2samp(cut(x), cut(y), alternative, method), st.ks_2samp(x, y, alternative, method)
        same(got, want)
        assert got.statistic_sign == want.statistic_sign
        assert np.array_equal(got.statistic_location, want.statistic_location, equal_nan=True)
    large = RNG.normal(size=10001), RNG.normal(0.02, 1, 9000)
    if method == "auto":
        same(mt.stats.ks_2samp(*map(mt.tensor, large), alternative), st.ks_2samp(*large, alternative))


def test_a_sample_with_nan_has_no_distance():
    for x, y in (([0.0], [np.nan, 1.0]), ([np.nan], [2]), ([np.nan, 1], [np.nan])):  # SciPy says so since 1.11
        assert np.isnan([*mt.stats.ks_2samp(cut(x), cut(y))]).all()


def test_smirnovs_test_refuses():
    for more in (dict(alternative="other"), dict(method="other")):
        with pytest.raises(ValueError):
            mt.stats.ks_2samp([1], [2], **more)
    for x in ([], [[1.0]]):
        with pytest.raises(ValueError):
            mt.stats.ks_2samp(x, [2.0])
    primes = np.arange(65537.0), np.arange(65539.0)  # too many paths to count
    with pytest.warns(RuntimeWarning, match="asymp"):
        same(mt.stats.ks_2samp(*primes, method="exact"), st.ks_2samp(*primes, method="asymp"))


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("axis", [0, 1, None])
def test_students_tests(axis, alternative):
    a, b, more = cut(A), cut(B), dict(axis=axis, alternative=alternative)
    same(mt.stats.ttest_1samp(a, 0.2, **more), st.ttest_1samp(A, 0.2, **more))
    same(mt.stats.ttest_rel(a, b, **more), st.ttest_rel(A, B, **more))
    for equal_var in (True, False):
        same(mt.stats.ttest_ind(a, b, equal_var=equal_var, **more), st.ttest_ind(A, B, equal_var=equal_var, **more))
        parts = [A.mean(0), A.std(0, ddof=1), 23, B.mean(0), B.std(0, ddof=1), 23, equal_var, alternative]
        same(mt.stats.ttest_ind_from_stats(*parts), st.ttest_ind_from_stats(*parts))
    with pytest.raises(ValueError):
        mt.stats.ttest_ind(a, b, alternative="other")


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_students_tests_keep_their_axes(axis):
    a, b, more = cut(A), cut(B), dict(axis=axis, keepdims=True)
    theirs = dict(more, axis=-1 if axis == 1 else axis)  # SciPy 1.10 refuses 1
    for got, want in ((mt.stats.ttest_1samp(a, 0.2, **more), st.ttest_1samp(A, 0.2, **theirs)),
                      (mt.stats.ttest_rel(a, b, **more), st.ttest_rel(A, B, **theirs))):
        same(got, want)
        assert got.statistic.shape == got.pvalue.shape == want.statistic.shape


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("trim", [0, 0.03, 0.2, 0.4])
def test_yuens_test_leaves_the_ends_out(trim, axis, alternative):
    more = dict(axis=axis, trim=trim, alternative=alternative)
    holed = np.where(RNG.random(A.shape) < 0.05, np.nan, A)
    for equal_var in (True, False):
        same(mt.stats.ttest_ind(cut(A), cut(B), equal_var=equal_var, **more),
             st.ttest_ind(A, B, equal_var=equal_var, **more))
        got = mt.stats.ttest_ind(cut(holed), cut(B), equal_var=equal_var, **more)
        assert np.array_equal(np.isnan(got.pvalue), np.isnan(st.ttest_ind(holed, B, equal_var=equal_var, **more)[1]))
    for wrong in ({"trim": 0.5}, {"trim": -0.1}, {"trim": 0.1, "permutations": 5}, {"permutations": -1},
                  {"permutations": 2.5}, {"trim": 0.1, "nan_policy": "omit"},
                  {"permutations": 9, "nan_policy": "omit"}):
        with pytest.raises(ValueError):
            mt.stats.ttest_ind(cut(A), cut(holed), **wrong)


@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("equal_var", [True, False])
def test_permutations_are_those_of_scipy(equal_var, alternative):
    more = dict(equal_var=equal_var, alternative=alternative)
    for a, b, axis in ((A, B[:9], 0), (A.T, B.T[:, :5], 1), (A[:, 0], B[:, 0], None)):
        for state in (7, np.random.default_rng(7)):
            ours, theirs = ((7, 7) if state == 7 else (np.random.default_rng(7) for _ in range(2)))
            same(mt.stats.ttest_ind(cut(a), cut(b), axis, permutations=60, random_state=ours, **more),
                 st.ttest_ind(a, b, axis, permutations=60, random_state=theirs, **more))
    same(mt.stats.ttest_ind(cut(A[:5]), cut(B[:4]), permutations=np.inf, **more),
         st.ttest_ind(A[:5], B[:4], permutations=np.inf, **more))
    with pytest.raises(ValueError, match="at most"):
        mt.stats.ttest_ind(cut(A.ravel()), cut(B.ravel()), permutations=np.inf)


@pytest.mark.parametrize("axis", [0, 1, None])
def test_what_nan_makes_of_students_tests(axis):
    x, y = (np.where(RNG.random(A.shape) < 0.2, np.nan, v) for v in (A, B))
    a, b = cut(x), cut(y)
    for policy in ("omit", "propagate"):
        more = dict(axis=axis, nan_policy=policy)
        for name, args, want in (("ttest_1samp", (a, 0.2), (x, 0.2)), ("ttest_rel", (a, b), (x, y)),
                                 ("ttest_ind", (a, b), (x, y))):
            got, want = getattr(mt.stats, name)(*args, **more), getattr(st, name)(*want, **more)
            assert np.allclose(got.statistic, np.ma.filled(want[0], np.nan), rtol=1e-12, equal_nan=True), name
            assert np.allclose(got.pvalue, np.ma.filled(want[1], np.nan), rtol=1e-9, equal_nan=True), name
    for test in (lambda: mt.stats.ttest_1samp(a, 0, axis, "raise"), lambda: mt.stats.ttest_rel(A, b, axis, "raise"),
                 lambda: mt.stats.ttest_ind(A, b, axis, nan_policy="raise")):
        with pytest.raises(ValueError, match="contains nan"):
            test()
    same(mt.stats.ttest_1samp(cut(A), 0.2, axis, "raise"), st.ttest_1samp(A, 0.2, axis))
    with pytest.raises(ValueError, match="nan_policy"):
        mt.stats.ttest_1samp(a, 0, axis, "drop")


@pytest.mark.parametrize("method", ["average", "min", "max", "dense", "ordinal"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_ranks(method, axis):
    nan = [np.array([[1.0, np.nan, 0.5], [2, 2, 1]])] if method == "average" or axis is None else []  # SciPy's are int
    for x in [RNG.integers(0, 6, (9, 8)), A, np.zeros((0, 3)), *nan]:
        got, want = mt.stats.rankdata(cut(x), method, axis=axis), st.rankdata(x, method, axis=axis)
        assert got.shape == want.shape and np.allclose(got, want, equal_nan=True)
    with pytest.raises(ValueError):
        mt.stats.rankdata([1], "other")


@pytest.mark.parametrize("method", ["average", "min", "max", "dense", "ordinal"])
def test_ranks_without_what_is_missing(method):
    x = np.array([[1.0, np.nan, 0.5, 1.0], [2, 2, 1, np.nan], [3, 1, 3, 2]])
    for axis in None, 0, 1:
        for policy in "omit", "propagate":
            got = mt.stats.rankdata(cut(x), method, axis=axis, nan_policy=policy)
            for place in np.ndindex(x.shape[:1] if axis == 1 else x.shape[1:] if axis == 0 else ()):
                at = place + (slice(None),) if axis != 0 else (slice(None),) + place
                row, ranks = (x.ravel(), got.to_numpy()) if axis is None else (x[at], got.to_numpy()[at])
                kept = ~np.isnan(row)
                if policy == "propagate" and not kept.all():
                    assert np.isnan(ranks).all()
                else:
                    assert np.array_equal(ranks[kept], st.rankdata(row[kept], method)) and np.isnan(ranks[~kept]).all()
    with pytest.raises(ValueError, match="contains nan"):
        mt.stats.rankdata(cut(x), method, nan_policy="raise")
    with pytest.raises(ValueError, match="nan_policy"):
        mt.stats.rankdata(cut(x), method, nan_policy="drop")




NUMBERS = ["euclidean", "sqeuclidean", "cityblock", "chebyshev", "minkowski", "cosine", "correlation", "canberra",
           "braycurtis", "hamming", "seuclidean", "mahalanobis", "jensenshannon"]
BOOLEANS = ["dice", "jaccard", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath", "yule"]


@pytest.mark.parametrize("metric", NUMBERS)
def test_distances_of_numbers(metric):
    x, y = (np.abs(A), np.abs(B)) if metric == "jensenshannon" else (A, B)
    if metric == "hamming":
        x, y = np.round(A), np.round(B)
    got = distance.cdist(cut(x), mt.tensor(y, chunk_size=9), metric)
    assert got.shape == (23, 23) and np.allclose(got, sd.cdist(x, y, metric), rtol=1e-10, atol=1e-12)
    got = distance.pdist(cut(x), metric)
    assert got.shape == (23 * 22 // 2,) and np.allclose(got, sd.pdist(x, metric), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("metric", BOOLEANS)
def test_distances_of_booleans(metric):
    x, y = A > 0, B > 0.5
    theirs = "rogerstanimoto" if metric == "sokalmichener" else metric  # are the same; SciPy 1.17 has only the one
    assert np.allclose(distance.cdist(cut(x), cut(y), metric), sd.cdist(x, y, theirs))
    assert np.allclose(distance.pdist(cut(x), metric), sd.pdist(x, theirs))


def test_distances_with_parameters():
    w, v, vi = RNG.uniform(0.5, 2, 7), RNG.uniform(0.5, 2, 7), np.linalg.inv(np.cov(B.T))
    for metric, more in (("minkowski", dict(p=3)), ("minkowski", dict(p=1.5, w=w)), ("euclidean", dict(w=w)),
                         ("cosine", dict(w=w)), ("seuclidean", dict(V=v)), ("mahalanobis", dict(VI=vi)),
                         ("cityblock", dict(w=w)), ("canberra", dict(w=w)), ("sqeuclidean", dict(w=w))):
        assert np.allclose(distance.cdist(cut(A), cut(B), metric, **more), sd.cdist(A, B, metric, **more), rtol=1e-11)
    for wrong in (dict(metric="other"), dict(metric="euclidean", p=3), dict(metric=min)):
        with pytest.raises((ValueError, TypeError, NotImplementedError)):
            distance.cdist(A, B, **wrong)
    with pytest.raises(ValueError):
        distance.cdist(A, B[:, :3])


def test_condensed_and_square_forms():
    for n in (2, 3, 24, 200):
        condensed = RNG.random(n * (n - 1) // 2)
        square = sd.squareform(condensed)
        assert np.array_equal(distance.squareform(mt.tensor(condensed, chunk_size=50)), square)
        assert np.array_equal(distance.squareform(mt.tensor(square, chunk_size=50)), condensed)
    assert np.asarray(distance.squareform(mt.tensor(np.zeros(0)))).tolist() == [[0.0]]
    for wrong in (np.ones(4), np.ones((2, 3)), np.arange(9.0).reshape(3, 3), np.ones((2, 2))):
        with pytest.raises(ValueError):
            distance.squareform(wrong)
    for form, x in (("tomatrix", np.zeros((2, 2))), ("tovector", np.zeros(3))):
        with pytest.raises(ValueError):
            distance.squareform(x, form)


def test_distances_are_stored_where_one_asks_for():
    for made, shape in ((lambda m, **more: m.cdist(A, B[:4], **more), (23, 4)),
                        (lambda m, **more: m.pdist(A, "cityblock", **more), (23 * 22 // 2,))):
        want, array, lazy = made(sd), np.zeros(shape), mt.zeros(shape)
        assert made(distance, out=array) is array and np.allclose(array, want, rtol=1e-12)
        assert made(distance, out=lazy) is lazy and np.allclose(lazy.to_numpy(), want, rtol=1e-12)
        for wrong in (np.zeros(shape[0] + 1), np.zeros(shape, "f4"), mt.zeros(shape, dtype=int)):
            with pytest.raises(ValueError):
                made(distance, out=wrong)
