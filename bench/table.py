# SPDX-License-Identifier: Apache-2.0
"""The speed table: each job in NumPy and in Mars, in one process, in turns; medians and their ratio.

    meson devenv -C build python3 ../bench/table.py [--scale 1.0] [--rounds 5] [--only NAME] [--threads 2]

Inputs are made before, and results are computed once before anything is timed, so that memory has been touched: on
machines whose free memory goes back to a host, the first touch costs up to forty times the work itself.

The ratio is NumPy's median over ours. `wanted` is what the project promises, `limit` the time that the bytes which the
job must move take at the bandwidth that was measured in turns with it (the best of sums over 400 MB by all threads),
and `most` the ratio that nobody can pass who moves them: NumPy's time over the limit.
"""

import argparse
import statistics
import time

import numpy as np

import mars.tensor as mt
from mars.session import new_session

JOBS = []
READ_BYTES = 400_000_000


def job(name, wanted, reads=0):
    """Registers make(n) -> (numpy_function, mars_function). reads: bytes that must be moved, as a function of the
    scale."""

    def register(make):
        JOBS.append((name, wanted, reads, make))
        return make

    return register


def processor():
    """What computes here, and how wide: ratios of one processor say little of another."""
    with open("/proc/cpuinfo") as info:
        lines = dict(line.split(":", 1) for line in info.read().split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in lines.items()}
    flags = facts.get("flags", "").split()
    widest = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    name, family, model = (facts.get(key, "?") for key in ("model name", "cpu family", "model"))
    return f"{name}, family {family} model {model}, {widest}"


def tensors(*arrays):
    """Executed tensors of arrays: their data is in the session."""
    result = [mt.tensor(a) for a in arrays]
    for t in result:
        t.execute()
    return result


def size(n, scale, multiple=1):
    return max(int(n * scale) // multiple * multiple, multiple)


@job("a*b+c, kept", 10, 4 * 8 * 2e7)
def fma(scale):
    rng = np.random.default_rng(1)
    a, b, c = (rng.random(size(2e7, scale)) for _ in range(3))
    ta, tb, tc = tensors(a, b, c)
    return lambda: a * b + c, lambda: (ta * tb + tc).execute()


@job("sin(x)**2+cos(x)**2", 6, 2 * 8 * 2e7)
def sincos(scale):
    x = np.random.default_rng(1).random(size(2e7, scale)) * 100
    (tx,) = tensors(x)
    return (lambda: np.sin(x) ** 2 + np.cos(x) ** 2), lambda: (mt.sin(tx) ** 2 + mt.cos(tx) ** 2).execute()


def normal_cdf(xp, x):
    """Abramowitz and Stegun 26.2.17."""
    k = 1.0 / (1.0 + 0.2316419 * xp.abs(x))
    poly = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
    tail = 0.3989422804014327 * xp.exp(-0.5 * x * x) * poly
    return xp.where(x >= 0, 1.0 - tail, tail)


def black_scholes(xp, s, k, t, r=0.03, v=0.25):
    root = v * xp.sqrt(t)
    d1 = (xp.log(s / k) + t * (r + 0.5 * v * v)) / root
    d2 = d1 - root
    return s * normal_cdf(xp, d1) - k * xp.exp(-r * t) * normal_cdf(xp, d2)


@job("Black-Scholes", 13, 4 * 8 * 2e7)
def options(scale):
    rng = np.random.default_rng(1)
    n = size(2e7, scale)
    s, k, t = 60 + 80 * rng.random(n), 50 + 100 * rng.random(n), 0.1 + 2 * rng.random(n)
    ts, tk, tt = tensors(s, k, t)
    return lambda: black_scholes(np, s, k, t), lambda: black_scholes(mt, ts, tk, tt).execute()


@job("pi from random points", 10)
def pi(scale):
    n = size(1e8, scale)
    rng = np.random.default_rng(1)

    def in_numpy():
        x, y = rng.random(n), rng.random(n)
        return 4 * np.mean(x * x + y * y < 1)

    def in_mars():
        x, y = mt.random.rand(n), mt.random.rand(n)
        return (4 * mt.mean(x * x + y * y < 1)).execute()

    return in_numpy, in_mars


def square(scale):
    n = size(12000, scale**0.5, 8)
    return np.random.default_rng(1).random((n, n))


for axis, wanted in ((0, 1.8), (1, 1.0)):
    for name in ("sum", "mean", "min"):

        @job(f"{name} over axis {axis}", wanted, 8 * 1.44e8)
        def reduction(scale, name=name, axis=axis):
            x = square(scale)
            (tx,) = tensors(x)
            return (lambda: getattr(x, name)(axis=axis)), lambda: getattr(tx, name)(axis=axis).execute()


for axis in (0, 1):

    @job(f"var over axis {axis}", 6, 8 * 1.44e8)
    def variance(scale, axis=axis):
        x = square(scale)
        (tx,) = tensors(x)
        return (lambda: x.var(axis=axis)), lambda: tx.var(axis=axis).execute()


@job("argmax over axis 0", 20, 8 * 1.44e8)
def argmax(scale):
    x = square(scale)
    (tx,) = tensors(x)
    return lambda: x.argmax(axis=0), lambda: tx.argmax(axis=0).execute()


@job("x[x > 0.5].sum()", 12, 8 * 2e7)
def masked(scale):
    x = np.random.default_rng(1).random(size(2e7, scale))
    (tx,) = tensors(x)
    return lambda: x[x > 0.5].sum(), lambda: tx[tx > 0.5].sum().execute()


@job("(a + a.T).sum(axis=0)", 3.5, 2 * 8 * 1.44e8)
def transposed(scale):
    x = square(scale)
    (tx,) = tensors(x)
    return lambda: (x + x.T).sum(axis=0), lambda: (tx + tx.T).sum(axis=0).execute()


for dtype in ("float64", "float32"):

    @job(f"matmul {dtype}", 0.97)
    def matmul(scale, dtype=dtype):
        n = size(4000, scale ** (1 / 3), 8)
        rng = np.random.default_rng(1)
        a, b = (rng.random((n, n)).astype(dtype) for _ in range(2))
        ta, tb = tensors(a, b)
        return lambda: a @ b, lambda: (ta @ tb).execute()


@job("X.T @ X", 2.2, 8 * 64 * 2e6)
def gram(scale):
    x = np.random.default_rng(1).random((size(2e6, scale), 64))
    (tx,) = tensors(x)
    return lambda: x.T @ x, lambda: (tx.T @ tx).execute()


def kmeans_data(scale):
    rng = np.random.default_rng(1)
    return rng.random((size(2e6, scale), 10)), 8


@job("k-means, matmul form", 8, 5 * 8 * 10 * 2e6)
def kmeans_matmul(scale):
    x, k = kmeans_data(scale)
    (tx,) = tensors(x)

    def run(xp, x, sync):
        c = x[:k] * 1.0
        for _ in range(5):
            d = (c * c).sum(axis=1) - 2 * (x @ c.T)
            label = d.argmin(axis=1)
            one = (label[:, None] == xp.arange(k)[None, :]).astype("float64")
            c = sync((one.T @ x) / one.sum(axis=0)[:, None])
        return c

    return lambda: run(np, x, lambda c: c), lambda: run(mt, tx, lambda c: c.execute())


@job("k-means, broadcast form", 30, 5 * 8 * 10 * 2e6)
def kmeans_broadcast(scale):
    x, k = kmeans_data(scale)
    (tx,) = tensors(x)

    def run(xp, x, sync):
        c = x[:k] * 1.0
        for _ in range(5):
            d = ((x[:, None, :] - c[None, :, :]) ** 2).sum(axis=-1)
            label = d.argmin(axis=1)
            one = (label[:, None] == xp.arange(k)[None, :]).astype("float64")
            c = sync((one.T @ x) / one.sum(axis=0)[:, None])
        return c

    return lambda: run(np, x, lambda c: c), lambda: run(mt, tx, lambda c: c.execute())


@job("PCA by normal equations", 3, 2 * 8 * 32 * 2e6)
def pca(scale):
    x = np.random.default_rng(1).random((size(2e6, scale), 32))
    (tx,) = tensors(x)

    def run(xp, x):
        centred = x - x.mean(axis=0)
        return (centred.T @ centred) / (x.shape[0] - 1)

    return lambda: np.linalg.eigh(run(np, x)), lambda: np.linalg.eigh(np.asarray(run(mt, tx).execute()))


@job("linear regression", 3, 8 * 33 * 2e6)
def regression(scale):
    rng = np.random.default_rng(1)
    x = rng.random((size(2e6, scale), 32))
    y = x @ np.arange(32.0) + rng.random(len(x))
    tx, ty = tensors(x, y)
    return (lambda: np.linalg.solve(x.T @ x, x.T @ y)), lambda: mt.linalg.solve(tx.T @ tx, tx.T @ ty).execute()


@job("sort", 4)
def sort(scale):
    x = np.random.default_rng(1).random(size(5e7, scale))
    (tx,) = tensors(x)
    return lambda: np.sort(x), lambda: mt.sort(tx).execute()


@job("unique of ints", 4)
def unique(scale):
    x = np.random.default_rng(1).integers(0, 1 << 40, size(5e7, scale))
    (tx,) = tensors(x)
    return lambda: np.unique(x), lambda: mt.unique(tx).execute()


@job("three percentiles", 4)
def percentiles(scale):
    x = np.random.default_rng(1).random(size(5e7, scale))
    (tx,) = tensors(x)
    return (lambda: np.percentile(x, [5, 50, 95])), lambda: mt.percentile(tx, [5, 50, 95]).execute()


@job("x[index], at random", 1)
def elements_by_index(scale):
    rng = np.random.default_rng(1)
    x = rng.random(size(2e7, scale))
    index = rng.integers(0, len(x), len(x))
    tx, ti = tensors(x, index)
    return lambda: x[index], lambda: tx[ti].execute()


@job("x[index], rows of 100", 1)
def rows_by_index(scale):
    rng = np.random.default_rng(1)
    x = rng.random((size(2e5, scale), 100))
    index = rng.integers(0, len(x), len(x))
    tx, ti = tensors(x, index)
    return lambda: x[index], lambda: tx[ti].execute()


@job("x[index] = y", 1)
def set_by_index(scale):
    rng = np.random.default_rng(1)
    x, y = rng.random((2, size(2e7, scale)))
    index = rng.integers(0, len(x), len(x))
    tx, ty, ti = tensors(x, y, index)

    def in_numpy():
        made = x.copy()
        made[index] = y
        return made

    def in_mars():
        made = tx.copy()
        made[ti] = ty
        return made.execute()

    return in_numpy, in_mars


def settle():
    """Until the process is idle: BLAS's threads spin for some 30 ms after NumPy's products, on cores that we count."""
    used = -1.0
    while time.process_time() - used > 5e-4:
        used = time.process_time()
        time.sleep(5e-3)


def seconds(function):
    settle()
    start = time.perf_counter()
    result = function()
    took = time.perf_counter() - start
    del result
    return took


def reader():
    """A function that reads READ_BYTES of memory by all threads."""
    x = mt.ones(READ_BYTES // 8).execute()
    x.sum().execute()
    return lambda: x.sum().execute()


def bandwidth():
    read = reader()
    return READ_BYTES / min(seconds(read) for _ in range(5))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="jobs whose name has this")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    session = new_session(n_threads=args.threads).as_default()
    read = reader()
    print(processor())
    print(f"NumPy {np.__version__}, {args.threads} threads, scale {args.scale:g}")
    print(f"{'job':28}{'NumPy s':>10}{'Mars s':>10}{'ratio':>8}{'wanted':>8}{'limit s':>9}{'most':>8}")
    missed = 0
    for name, wanted, moved, make in JOBS:
        if args.only not in name:
            continue
        in_numpy, in_mars = make(args.scale)
        seconds(in_mars), seconds(in_numpy)
        turns = [(seconds(in_numpy), seconds(in_mars), seconds(read)) for _ in range(args.rounds)]
        theirs, ours = (statistics.median(turn[i] for turn in turns) for i in range(2))
        limit = moved * args.scale * min(turn[2] for turn in turns) / READ_BYTES
        bounds = f"{limit:9.4f}{theirs / limit:8.2f}" if moved else f"{'':17}"
        missed += theirs / ours < wanted
        print(
            f"{name:28}{theirs:10.4f}{ours:10.4f}{theirs / ours:8.2f}{wanted:8.2f}{bounds}"
            f"{'' if theirs / ours >= wanted else '  below'}",
            flush=True,
        )
        del in_numpy, in_mars
    print(f"{missed} below what is wanted")
    session.close()


if __name__ == "__main__":
    main()
