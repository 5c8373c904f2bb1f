# SPDX-License-Identifier: Apache-2.0
"""Random tensors: the same numbers however they are cut, the right distribution, NumPy's refusals."""
import numpy as np
import pytest

import mars.tensor as mt
from mars.session import new_session

N = 40_000
# name: arguments, mean, variance
DISTRIBUTIONS = {
    "uniform": ((2, 5), 3.5, 0.75), "normal": ((1, 2), 1, 4), "standard_normal": ((), 0, 1),
    "exponential": ((2,), 2, 4),
    "standard_exponential": ((), 1, 1), "lognormal": ((0, 0.5), np.exp(0.125), (np.exp(0.25) - 1) * np.exp(0.25)),
    "laplace": ((1, 2), 1, 8), "logistic": ((1, 2), 1, np.pi**2 / 3 * 4),
    "gumbel": ((1, 2), 1 + 2 * np.euler_gamma, np.pi**2 / 6 * 4),
    "rayleigh": ((2,), 2 * np.sqrt(np.pi / 2), (4 - np.pi) / 2 * 4), "weibull": ((2,), 0.886227, 0.214602),
    "pareto": ((6,), 0.2, 0.06),
    "power": ((2,), 2 / 3, 1 / 18), "triangular": ((0, 1, 3), 4 / 3, 7 / 18),
    "geometric": ((0.3,), 1 / 0.3, 0.7 / 0.09),
    "randint": ((3, 9), 5.5, 35 / 12), "random_integers": ((3, 8), 5.5, 35 / 12), "random_sample": ((), 0.5, 1 / 12),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distributions_have_their_moments(name):
    args, mean, variance = DISTRIBUTIONS[name]
    values = np.asarray(getattr(mt.random.RandomState(5), name)(*args, size=N))
    assert values.shape == (N,) and np.isfinite(values).all()
    assert abs(values.mean() - mean) < 6 * np.sqrt(variance / N)
    assert abs(values.var() / variance - 1) < 0.15


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_numbers_do_not_depend_on_the_cutting_or_on_threads(name):
    args = DISTRIBUTIONS[name][0]

    def draw(chunk_size):
        return getattr(mt.random.RandomState(7), name)(*args, size=(23, 31), chunk_size=chunk_size)

    want = np.asarray(draw(None))
    for chunk_size in (1, 7, (23, 2), (5, -1)):
        assert np.array_equal(np.asarray(draw(chunk_size)), want)
    with new_session(n_threads=1) as one:
        assert np.array_equal(one.run(draw(4)), want)


def test_a_tensor_has_drawn_when_it_is_made():
    state = mt.random.RandomState(1)
    a, b = state.rand(5), state.rand(5)
    assert b.tolist() != a.tolist()
    assert (a + 0).tolist() == a.tolist()
    again = mt.random.RandomState(1)
    assert again.rand(5).tolist() == a.tolist() and again.rand(5).tolist() == b.tolist()
    with new_session() as other:
        assert other.run(a).tolist() == a.tolist()


def test_seeds():
    mt.random.seed(3)
    a = mt.random.rand(4).tolist()
    mt.random.seed(3)
    assert mt.random.rand(4).tolist() == a
    assert mt.random.rand(4).tolist() != a
    assert mt.random.default_rng(3).random(4).tolist() == a
    assert mt.random.RandomState().rand(4).tolist() != mt.random.RandomState().rand(4).tolist()
    assert mt.random.default_rng([1, 2]).random(3).tolist() == mt.random.default_rng([1, 2]).random(3).tolist()
    assert mt.random.default_rng(2**70).random(3).tolist() == mt.random.default_rng(2**70).random(3).tolist()
    for bad in (-1, 2**32):
        with pytest.raises(ValueError):
            mt.random.RandomState(bad)


def test_dtypes_and_shapes():
    state = mt.random.RandomState(0)
    assert state.rand(3, 4).shape == (3, 4) and state.rand().shape == () and state.randn(2).dtype == np.float64
    assert state.rand(3, dtype="f4").dtype == np.float32
    assert state.randint(5, size=(2, 3), dtype="uint8").dtype == np.uint8
    assert set(np.asarray(state.randint(0, 2, size=100, dtype=bool)).tolist()) == {True, False}
    assert state.normal(np.zeros((2, 3)), 1).shape == (2, 3)
    assert mt.random.default_rng(0).integers(0, 10, 5, endpoint=True).shape == (5,)
    full = np.asarray(state.randint(0, 2**64, size=1000, dtype="uint64"))
    assert full.max() > 2**63 and full.dtype == np.uint64
    low = np.asarray(state.randint(-2**63, 2**63 - 1, size=1000))
    assert low.min() < 0 < low.max()
    assert len(state.bytes(10)) == 10
    between = np.asarray(state.randint([0, 10], [[3, 12], [100, 11]], size=(500, 2, 2), dtype="int16"))
    assert between.dtype == np.int16 and between.min(0).tolist() == [[0, 10], [0, 10]] != between.max(0).tolist()
    assert (between < [[3, 12], [100, 11]]).all() and (between[:, 1, 1] == 10).all()
    with pytest.raises(ValueError, match="low >= high"):
        state.randint([0, 5], [3, 5])


def test_integers_up_to_the_end_of_uint64():
    for low, high in ((1, 2**64), (2**63 - 1, 2**64), (2**63 + 5, 2**64), (2**64 - 3, 2**64)):
        drawn = np.asarray(mt.random.RandomState(1).randint(low, high, 2000, "uint64", chunk_size=300))
        assert drawn.dtype == np.uint64 and drawn.min() >= low
        middle = low + (high - low) // 2
        assert drawn.min() <= middle <= drawn.max() and len(np.unique(drawn)) == min(high - low, 2000)
    with pytest.raises(ValueError):
        mt.random.randint(1, 2**64 + 1, dtype="uint64")


def test_integers_between_tensors_up_to_the_end_of_uint64():
    rng, top = mt.random.default_rng(3), 2**64 - 1
    low, high = np.array([0, 2**63, top - 1, top], "u8"), np.array([top, top, top, top], "u8")
    drawn = np.asarray(rng.integers(mt.tensor(low, chunk_size=3), high, (9999, 4), "u8", endpoint=True))
    assert (drawn >= low).all() and (drawn <= high).all() and set(drawn[:, 2]) == {top - 1, top}
    assert np.allclose(drawn[:, :2].astype(float).mean(0), [2**63, 1.5 * 2**63], rtol=0.02)
    drawn = np.asarray(rng.integers(np.array([-(2**63), -5]), np.array([2**63 - 1, 5]), (9999, 2)))
    assert abs(drawn[:, 0].astype(float).mean()) < 2**63 * 0.03 and set(drawn[:, 1]) == set(range(-5, 5))
    for dtype, limits, words in (("u8", (np.array([-1]), 5), "low is out of bounds for uint64"),
                                 ("i8", (0, np.array([2**63 + 1], "u8")), "high is out of bounds for int64"),
                                 ("i1", (np.array([0]), 129), "high is out of bounds for int8"),
                                 ("i8", (np.array([5]), 5), "low >= high")):
        with pytest.raises(ValueError, match=words):
            rng.integers(*limits, dtype=dtype)
    assert set(np.asarray(rng.integers(np.array([126]), 128, 99, "i1"))) == {126, 127}


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_what_is_permuted_goes_where_it_is_told(axis):
    x = np.arange(12).reshape(3, 4)
    for out in (mt.zeros((3, 4), float), np.zeros((3, 4)), mt.tensor(x)):
        assert mt.random.default_rng(1).permuted(mt.tensor(x, chunk_size=2), axis=axis, out=out) is out
        assert np.array_equal(out, mt.random.default_rng(1).permuted(x, axis=axis))
    with pytest.raises(ValueError):
        mt.random.default_rng(1).permuted(x, out=np.zeros((4, 3)))
    with pytest.raises(TypeError):
        mt.random.default_rng(1).permuted(x, out=np.zeros((3, 4), "i2"))


def test_orders_and_choices():
    state = mt.random.RandomState(0)
    order = np.asarray(state.permutation(1000))
    assert sorted(order.tolist()) == list(range(1000)) and order.tolist() != list(range(1000))
    rows = np.arange(20).reshape(10, 2)
    mixed = np.asarray(state.permutation(mt.tensor(rows)))
    assert sorted(mixed.tolist()) == rows.tolist()
    t = mt.arange(50)
    state.shuffle(t)
    assert sorted(t.tolist()) == list(range(50))
    assert set(np.asarray(state.choice(5, 100)).tolist()) == set(range(5))
    assert len(set(np.asarray(state.choice(50, 20, replace=False)).tolist())) == 20
    weighted = np.asarray(state.choice(3, 20000, p=[0.5, 0.0, 0.5]))
    assert abs((weighted == 0).mean() - 0.5) < 0.02 and not (weighted == 1).any()
    assert len(set(np.asarray(state.choice(9, 5, replace=False, p=[0.2] * 5 + [0.0] * 4)).tolist())) == 5
    assert np.asarray(state.choice([1.5, 2.5], (2, 3))).shape == (2, 3)


@pytest.mark.parametrize("program", [
    lambda r: r.randint(5, 5), lambda r: r.randint(0, 300, dtype="uint8"), lambda r: r.randint(-1, 3, dtype="uint8"),
    lambda r: r.normal(0, -1),
    lambda r: r.exponential(-1), lambda r: r.rand(-1), lambda r: r.choice(0), lambda r: r.choice(3, 5, replace=False),
    lambda r: r.choice(3, p=[1, 1, 1]),
    lambda r: r.choice(3, p=[1.0]), lambda r: r.triangular(3, 1, 2), lambda r: r.geometric(0),
    lambda r: r.randint(0, 5, dtype="f8"), lambda r: r.pareto(0),
])
def test_what_numpy_refuses_is_refused(program):
    with pytest.raises(Exception) as want:
        program(np.random.RandomState(0))
    with pytest.raises(want.type):
        program(mt.random.RandomState(0))


def test_pi_from_random_points():
    x, y = mt.random.RandomState(0).rand(2, 1_000_000)
    inside = (x * x + y * y < 1).sum()
    assert abs(int(inside) * 4 / 1_000_000 - np.pi) < 0.01
