# SPDX-License-Identifier: Apache-2.0
"""A hundred million draws, counted and added up by the engine with a memory that holds a twelfth of them: frequencies,
the distance of distribution functions, moments, and what draws know of each other within chunks and between them.

Seeds are fixed, so that a test that passes goes on passing. Each question has an answer by chance once in 10^5."""
import numpy as np
import pytest
import scipy.stats as st

import mars.tensor as mt
from mars.session import new_session

N, BINS, CHUNK = 10**8, 1 << 14, 10**6
MEMORY = 64 << 20  # of 800 MB of draws
LEAST = 1e-5  # of a question's probability
FAR = st.norm.isf(LEAST / 2)  # standard errors


@pytest.fixture(scope="module")
def session():
    with new_session(memory_bytes=MEMORY, disk=0) as session:
        yield session


def counts_are_even(counts):
    """By the sum of squares of their differences, which must not be too small either, and by the farthest one."""
    n, bins = counts.sum(), len(counts)
    even = st.chi2(bins - 1).cdf(((counts - n / bins) ** 2).sum() * bins / n)
    farthest = np.abs(np.cumsum(counts) / n - np.arange(1, bins + 1) / bins).max()
    assert n == N
    return LEAST < even < 1 - LEAST and st.kstwobign.sf(farthest * np.sqrt(n)) > LEAST


def products(x):
    """Sums of products of neighbours, of halves of a chunk, and of chunks next to each other and far away."""
    rows = x.reshape(N // CHUNK, CHUNK)
    pairs = [(x[1:], x[:-1]), (rows[:, CHUNK // 2:], rows[:, :CHUNK // 2]), (rows[1:], rows[:-1]),
             (rows[N // CHUNK // 2:], rows[:N // CHUNK // 2])]
    return [((a * b).sum(), a.size) for a, b in pairs]


def have_moments_and_know_nothing_of_each_other(session, x, moments):
    """Standardized draws: four moments within their errors, which further moments tell, and no correlation."""
    square = x * x
    found = session.run(*[mt.mean(power) for power in (x, square, x * square, square * square)])
    for k in (1, 2, 3, 4):
        assert abs(found[k - 1] - moments[k]) < FAR * np.sqrt((moments[2 * k] - moments[k] ** 2) / N), k
    for i, (total, n) in enumerate(products(x)):
        assert abs(session.run(total)) < FAR * np.sqrt(n), i


def test_uniform_draws(session):
    u = mt.random.RandomState(2026).random_sample(N, chunk_size=CHUNK)
    least, most = session.run(u.min(), u.max())
    assert 0 <= least < 1e-6 and 1 - 1e-6 < most < 1
    for part in (u, mt.floor(u * 2.0**53) % BINS / BINS):  # the first bits, and the last ones that it has
        assert counts_are_even(session.run(mt.histogram(part, BINS, (0.0, 1.0))[0]))
    have_moments_and_know_nothing_of_each_other(
        session, (u - 0.5) * np.sqrt(12.0), [3.0 ** (k / 2) / (k + 1) * (k % 2 == 0) for k in range(9)])


def test_normal_draws(session):
    x = mt.random.RandomState(2026).standard_normal(N, chunk_size=CHUNK)
    even = 0.5 * mt.special.erfc(x * -np.sqrt(0.5))  # the distribution function
    assert counts_are_even(session.run(mt.histogram(even, BINS, (0.0, 1.0))[0]))
    for seen in session.run((x > 5.0).sum(), (x < -5.0).sum()):  # 29 of them
        assert LEAST < st.poisson(N * st.norm.sf(5.0)).cdf(seen) < 1 - LEAST
    have_moments_and_know_nothing_of_each_other(session, x, [1, 0, 1, 0, 3, 0, 15, 0, 105])
