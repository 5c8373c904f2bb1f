# SPDX-License-Identifier: Apache-2.0
"""Distributions with parameters: SciPy's distribution functions, the same numbers however they are cut, NumPy's shapes
and refusals."""
import pickle

import numpy as np
import pytest
import scipy.special
import scipy.stats as st

import mars.tensor as mt
from mars.session import new_session

N = 50_000
LEAST = 1e-4  # of a test's probability; seeds are fixed, so that a test that passes goes on passing

# name, arguments, SciPy's distribution
CONTINUOUS = [
    ("standard_gamma", (0.05,), st.gamma(0.05)), ("standard_gamma", (1,), st.gamma(1)),
    ("standard_gamma", (2.5,), st.gamma(2.5)), ("standard_gamma", (1e6,), st.gamma(1e6)),
    ("gamma", (2, 3), st.gamma(2, scale=3)), ("chisquare", (3,), st.chi2(3)),
    ("noncentral_chisquare", (3, 2), st.ncx2(3, 2)), ("noncentral_chisquare", (0.5, 2), st.ncx2(0.5, 2)),
    ("f", (3, 5), st.f(3, 5)), ("noncentral_f", (3, 5, 1.5), st.ncf(3, 5, 1.5)), ("standard_t", (2.5,), st.t(2.5)),
    ("beta", (2, 3), st.beta(2, 3)), ("beta", (0.1, 0.2), st.beta(0.1, 0.2)), ("beta", (50, 0.5), st.beta(50, 0.5)),
    ("wald", (1, 1), st.invgauss(1)), ("wald", (3, 0.2), st.invgauss(15, scale=0.2)),
    ("wald", (0.5, 8), st.invgauss(0.5 / 8, scale=8)),
    ("vonmises", (0, 0), st.uniform(-np.pi, 2 * np.pi)), ("vonmises", (0, 1e-3), st.vonmises(1e-3)),
    ("vonmises", (0, 1), st.vonmises(1)), ("vonmises", (0, 100), st.vonmises(100)),
    ("vonmises", (0, 1e7), st.vonmises(1e7)),
    ("laplace", (1, 2), st.laplace(1, 2)), ("logistic", (1, 2), st.logistic(1, 2)),
    ("gumbel", (1, 2), st.gumbel_r(1, 2)),
    ("rayleigh", (2,), st.rayleigh(scale=2)), ("weibull", (1.5,), st.weibull_min(1.5)), ("pareto", (3,), st.lomax(3)),
    ("power", (2.5,), st.powerlaw(2.5)), ("triangular", (0, 1, 3), st.triang(1 / 3, scale=3)),
    ("lognormal", (0, 0.5), st.lognorm(0.5)), ("standard_cauchy", (), st.cauchy()),
    ("exponential", (2,), st.expon(scale=2)),
    ("normal", (1, 2), st.norm(1, 2)), ("uniform", (2, 5), st.uniform(2, 3)),
]
DISCRETE = [
    ("poisson", (0.01,), st.poisson(0.01)), ("poisson", (9.9,), st.poisson(9.9)), ("poisson", (10,), st.poisson(10)),
    ("poisson", (1000,), st.poisson(1000)), ("poisson", (1e6,), st.poisson(1e6)),
    ("binomial", (1, 0.3), st.binom(1, 0.3)), ("binomial", (30, 0.4), st.binom(30, 0.4)),
    ("binomial", (100, 0.8), st.binom(100, 0.8)), ("binomial", (10**6, 0.5), st.binom(10**6, 0.5)),
    ("negative_binomial", (3, 0.3), st.nbinom(3, 0.3)), ("negative_binomial", (0.5, 0.1), st.nbinom(0.5, 0.1)),
    ("hypergeometric", (5, 5, 3), st.hypergeom(10, 5, 3)), ("hypergeometric", (100, 5, 50), st.hypergeom(105, 100, 50)),
    ("hypergeometric", (60, 40, 70), st.hypergeom(100, 60, 70)),
    ("hypergeometric", (1000, 2000, 500), st.hypergeom(3000, 1000, 500)),
    ("logseries", (0.01,), st.logser(0.01)), ("logseries", (0.9,), st.logser(0.9)),
    ("geometric", (0.3,), st.geom(0.3)), ("zipf", (5,), st.zipf(5)),
]


def numbers(name, args, size=N, chunk_size=None, seed=5):
    return getattr(mt.random.RandomState(seed), name)(*args, size=size, chunk_size=chunk_size)


@pytest.mark.parametrize("name,args,distribution", CONTINUOUS, ids=lambda v: str(v) if not hasattr(v, "cdf") else "")
def test_continuous_distributions_are_those_of_scipy(name, args, distribution):
    assert st.kstest(np.asarray(numbers(name, args)), distribution.cdf).pvalue > LEAST


@pytest.mark.parametrize("name,args,distribution", DISCRETE, ids=lambda v: str(v) if not hasattr(v, "cdf") else "")
def test_discrete_distributions_are_those_of_scipy(name, args, distribution):
    values = np.asarray(numbers(name, args))
    assert values.dtype == np.int64
    edges = np.unique(np.quantile(values, np.linspace(0, 0.999, 80), method="lower")).astype(float)
    below = np.concatenate([[0], distribution.cdf(edges), [1]])
    expected = np.diff(below) * N
    seen = np.histogram(values, np.concatenate([[-np.inf], edges + 0.5, [np.inf]]))[0]
    rare = expected < 10
    seen, expected = [np.append(v[~rare], v[rare].sum()) for v in (seen, expected)]
    if expected[-1] < 10:
        seen, expected = seen[:-1], expected[:-1] * seen[:-1].sum() / expected[:-1].sum()
    assert len(seen) == 1 or st.chisquare(seen, expected).pvalue > LEAST


@pytest.mark.parametrize("a", [1.05, 1.2, 2, 3])
def test_zipfs_numbers_have_his_probabilities_and_long_tail(a):
    values, k = np.asarray(numbers("zipf", (a,))), np.arange(1, 40)
    p = k**-float(a) / (scipy.special.zeta(a) - scipy.special.zeta(a, 2.0**63))  # of those that an int64 holds
    seen = np.append((values[:, None] == k).sum(0), (values > k[-1]).sum())
    assert (values > 0).all() and st.chisquare(seen, np.append(p, 1 - p.sum()) * N).pvalue > LEAST


DRAWN = [(name, args) for name, args, _ in CONTINUOUS[:22:3] + DISCRETE[::3]] + [
    ("dirichlet", ([0.2, 1, 3],)), ("multinomial", (20, [0.2, 0.3, 0.1, 0.4])),
    ("multivariate_normal", ([1, 2], [[2, 0.5], [0.5, 1]]))]


@pytest.mark.parametrize("name,args", DRAWN, ids=str)
def test_numbers_do_not_depend_on_the_cutting_or_on_threads(name, args):
    want = np.asarray(numbers(name, args, (23, 31)))
    for chunk_size in (2, 7, (23, 3)):
        assert np.array_equal(np.asarray(numbers(name, args, (23, 31), chunk_size)), want)
    with new_session(n_threads=1) as one:
        assert np.array_equal(one.run(numbers(name, args, (23, 31), 5)), want)
    assert not np.array_equal(np.asarray(numbers(name, args, (23, 31), seed=6)), want)


def test_neighbours_and_draws_are_not_correlated():
    state = mt.random.RandomState(3)
    for draw in (lambda: state.standard_gamma(0.7, N), lambda: state.poisson(20, N),
                 lambda: state.binomial(50, 0.4, N)):
        a, b = np.asarray(draw(), float), np.asarray(draw(), float)
        assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 5 / np.sqrt(N)
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / np.sqrt(N)


def test_counts_of_outcomes_add_up_and_have_the_covariances_of_a_multinomial():
    p, state = np.array([0.1, 0.2, 0.3, 0.25, 0.15]), mt.random.RandomState(1)
    x = np.asarray(state.multinomial(50, p, N))
    assert x.shape == (N, 5) and (x.sum(1) == 50).all() and (x >= 0).all()
    want = 50 * (np.diag(p) - np.outer(p, p))
    assert np.allclose(x.mean(0), 50 * p, atol=0.06) and np.allclose(np.cov(x.T), want, atol=0.2)
    assert np.asarray(state.multinomial(7, [1.0])).tolist() == [7]
    rows = np.asarray(mt.random.default_rng(1).multinomial([[10], [20]], [[0, 1.0, 0], [0.5, 0, 0.5]]))
    assert rows.shape == (2, 2, 3) and (rows.sum(-1) == [[10, 10], [20, 20]]).all()
    assert (rows[:, 0] == [[0, 10, 0], [0, 20, 0]]).all() and (rows[:, 1, 1] == 0).all()


def test_colors_of_a_sample_have_their_shares():
    x = np.asarray(mt.random.default_rng(1).multivariate_hypergeometric([5, 6, 7], 8, N))
    assert (x.sum(1) == 8).all() and (x <= [5, 6, 7]).all()
    assert np.allclose(x.mean(0), 8 * np.array([5, 6, 7]) / 18, atol=0.03)
    assert st.chisquare(np.bincount(x[:, 0], minlength=6), st.hypergeom(18, 5, 8).pmf(np.arange(6)) * N).pvalue > LEAST


def test_shares_of_gamma_numbers_have_dirichlets_moments():
    alpha = [0.01, 2, 3]
    x = np.asarray(mt.random.RandomState(2).dirichlet(alpha, N))
    assert np.allclose(x.sum(1), 1) and np.allclose(x.mean(0), st.dirichlet(alpha).mean(), atol=0.005)
    assert np.allclose(x.var(0), st.dirichlet(alpha).var(), atol=0.003)
    assert st.kstest(x[:, 1], st.beta(2, 3.01).cdf).pvalue > LEAST


@pytest.mark.parametrize("method", ["svd", "eigh", "cholesky"])
def test_normal_vectors_have_their_covariances(method):
    mean, cov = [1, -2, 0], np.array([[2, 0.5, 0.1], [0.5, 1, -0.3], [0.1, -0.3, 3]])
    x = np.asarray(mt.random.default_rng(4).multivariate_normal(mean, cov, (N // 2, 2), method=method)).reshape(-1, 3)
    assert np.allclose(x.mean(0), mean, atol=0.04) and np.allclose(np.cov(x.T), cov, atol=0.08)
    with pytest.warns(RuntimeWarning, match="positive-semidefinite"):
        mt.random.multivariate_normal([0, 0], [[1, 2], [2, 1]])
    with pytest.raises(ValueError, match="positive-semidefinite"):
        mt.random.multivariate_normal([0, 0], [[1, 2], [2, 1]], check_valid="raise")


SHAPES = [
    lambda r: r.standard_gamma([1, 2, 3]), lambda r: r.standard_gamma([1, 2, 3], size=(4, 3)),
    lambda r: r.beta([[1], [2]], [3, 4, 5]),
    lambda r: r.poisson(), lambda r: r.poisson([1, 100], (5, 2)), lambda r: r.binomial([5, 10], [[0.1], [0.9]]),
    lambda r: r.hypergeometric([5, 6], 7, [[2], [3]]), lambda r: r.dirichlet([1, 2]),
    lambda r: r.dirichlet([1, 2], (3, 4)),
    lambda r: r.multinomial(3, [0.5, 0.5], (2, 1)), lambda r: r.multivariate_normal([0, 0], np.eye(2), 3),
    lambda r: r.f([1, 2], 3), lambda r: r.wald(1, [1, 2]), lambda r: r.vonmises([0, 1], 2, (3, 2)),
    lambda r: r.standard_t([3, 4]),
    lambda r: r.noncentral_chisquare(1, [0, 1]), lambda r: r.zipf([2, 3]), lambda r: r.logseries([0.1, 0.2]),
    lambda r: r.negative_binomial([1, 2], 0.5), lambda r: r.gamma(1, [0, 2], 2), lambda r: r.normal([0, 1], 1, (3, 2)),
]


@pytest.mark.parametrize("program", SHAPES)
def test_parameters_that_are_arrays_broadcast_as_in_numpy(program):
    want, got = np.asarray(program(np.random.RandomState(0))), np.asarray(program(mt.random.RandomState(0)))
    assert got.shape == want.shape and got.dtype == want.dtype


def test_lazy_parameters_are_not_computed_but_give_nan_where_they_are_wrong():
    state = mt.random.RandomState(0)
    assert np.isnan(np.asarray(state.standard_gamma(mt.tensor([-1.0, 1.0])))).tolist() == [True, False]
    assert np.isnan(np.asarray(state.vonmises(0, mt.tensor([-1.0, 1.0])))).tolist() == [True, False]
    least = np.iinfo(np.int64).min
    for wrong in (state.poisson(mt.tensor([-1.0])), state.binomial(3, mt.tensor([2.0])), state.zipf(mt.tensor([1.0])),
                  state.logseries(mt.tensor([1.0])), state.hypergeometric(1, 2, mt.tensor([4]))):
        assert np.asarray(wrong).tolist() == [least]


REFUSED = [
    lambda r: r.beta(0, 1), lambda r: r.beta(1, -1), lambda r: r.binomial(-1, 0.5), lambda r: r.binomial(3, 1.5),
    lambda r: r.binomial(3, [0.5, np.nan]), lambda r: r.chisquare(0),
    lambda r: r.dirichlet([1, 0]), lambda r: r.f(0, 1), lambda r: r.f(1, 0), lambda r: r.gamma(-1),
    lambda r: r.gamma(1, -1), lambda r: r.gamma([1, -1]),
    lambda r: r.hypergeometric(1, 2, 4), lambda r: r.hypergeometric(-1, 2, 1), lambda r: r.logseries(1.0),
    lambda r: r.multinomial(3, [0.9, 0.9, 0.1]), lambda r: r.multinomial(-1, [1.0]),
    lambda r: r.multivariate_normal([[0]], [[1]]), lambda r: r.multivariate_normal([0], [1]),
    lambda r: r.multivariate_normal([0], np.eye(2)), lambda r: r.negative_binomial(0, 0.5),
    lambda r: r.negative_binomial(1, 1.5), lambda r: r.noncentral_chisquare(0, 1),
    lambda r: r.noncentral_chisquare(1, -1), lambda r: r.noncentral_f(1, 1, -1), lambda r: r.poisson(-1),
    lambda r: r.poisson(1e19), lambda r: r.standard_gamma(-1), lambda r: r.standard_t(0), lambda r: r.vonmises(0, -1),
    lambda r: r.wald(0, 1), lambda r: r.wald(1, 0), lambda r: r.zipf(1), lambda r: r.normal([0, 0, 0], 1, 2),
    lambda r: r.standard_gamma([1, 2], 3), lambda r: r.normal(0, [1, -1]),
]


@pytest.mark.parametrize("program", REFUSED)
def test_what_numpy_refuses_is_refused(program):
    with pytest.raises(Exception) as want:
        program(np.random.RandomState(0))
    with pytest.raises(want.type):
        program(mt.random.RandomState(0))


def test_generators_that_others_spawn_are_their_own_and_the_same_again():
    parent, again = mt.random.default_rng(1), mt.random.default_rng(1)
    children = parent.spawn(2) + parent.spawn(1)
    drawn = [r.integers(0, 2**60, 4).tolist() for r in (parent, *children, *children[0].spawn(1))]
    assert len({tuple(d) for d in drawn}) == 5
    copy = pickle.loads(pickle.dumps(again.spawn(1) and again))
    assert [r.integers(0, 2**60, 4).tolist() for r in copy.spawn(2)] == drawn[2:4]
    with pytest.raises(ValueError):
        parent.spawn(-1)


def test_a_generator_has_the_methods_of_numpys():
    ours, theirs = mt.random.default_rng(1), np.random.default_rng(1)
    names = [name for name in dir(theirs) if not name.startswith("_") and name != "bit_generator"]
    assert [name for name in names if not callable(getattr(ours, name, None))] == []
    for program in (lambda r: r.standard_gamma(2.0, 5, "f4"), lambda r: r.standard_exponential(4, "f4"),
                    lambda r: r.integers(0, 5, (2, 3), "u1"), lambda r: r.choice([1.5, 2.5], 4),
                    lambda r: r.permuted(np.ones((2, 3)), axis=1), lambda r: r.permutation(np.ones((2, 3)), axis=1)):
        got, want = np.asarray(program(ours)), program(theirs)
        assert got.shape == want.shape and got.dtype == want.dtype
