#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions of every family beside NumPy (or SciPy, where NumPy has none) and Dask, and NumPy's time by ours.

    meson devenv -C build python3 ../bench/beside.py [FAMILY …] [--only NAME] [--no-dask] [--elements 4000000]
                                                     [--rounds 5] [--record FILE]
    meson devenv -C build python3 ../bench/beside.py --page ../docs/SPEED.md --record FILE

A program is a function of a module's names (`xp`) and of inputs, which it names as its parameters; it is run over
NumPy's arrays, executed tensors of them and persisted arrays of Dask with the same chunks, in turns, in one process,
on as many threads. Ours ends with execute(): what it makes is in memory that NumPy can read. What is timed has run
once before.
--record adds what was measured to a file of lines, in pieces as large as one likes; --page writes the tables between
the marks of a page, and fails if a row below 1 has no reason in REASONS.
"""

import argparse
import inspect
import json
import sys
import time
import warnings

from table import bandwidth, processor, seconds

sys.path.pop(0)  # this directory, which has files with the names of modules that Dask looks for

import numpy as np
import scipy.linalg
import scipy.spatial.distance
import scipy.stats

try:
    import dask
    import dask.array
except ImportError:
    dask = None

import mars.tensor as mt
from mars.session import new_session

THREADS = 2
ENOUGH_SECONDS = 1.5  # rounds of a row end after this long, but not before the third
SLOW_SECONDS = 5.0  # what takes longer at first is not run again
OLD_NAMES = {"random": "random_sample", "integers": "randint"}  # of Dask's generators, which are RandomStates
BINS = np.linspace(0, 1, 101)
KERNEL = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0, 2.0, 1.0]) / 25


class Inputs:
    """Arrays by name, made when they are first asked for; n is how many elements they have, more or less."""

    def __init__(self, n):
        self.n, self.made = n, {}
        self.side = side = max(int(n**0.5), 8)
        r = np.random.default_rng(1)
        square = min(side, 1000)
        reals = lambda *shape, dtype="float64": lambda: r.random(shape, dtype=dtype)  # noqa: E731
        whole = lambda *shape, most, dtype="int64": lambda: r.integers(0, most, shape, dtype=dtype)  # noqa: E731
        pairs = lambda *shape: lambda: r.random(shape) + 1j * r.random(shape)  # noqa: E731
        self.makers = {
            "x": reals(n), "y": reals(n), "xf": reals(n, dtype="float32"), "yf": reals(n, dtype="float32"),
            "e": lambda: r.random(n).astype("float16"), "f": lambda: r.random(n).astype("float16"),
            "z": pairs(n), "w": pairs(n), "k": whole(n, most=1 << 40), "j": whole(n, most=1 << 40),
            "b": whole(n, most=256, dtype="uint8"), "c": whole(n, most=256, dtype="uint8"),
            "h": whole(n, most=30000, dtype="int16"), "g": whole(n, most=3000, dtype="int16"),
            "mask": lambda: r.random(n) > 0.5, "other": lambda: r.random(n) > 0.5,
            "none": lambda: np.zeros(n, bool), "sorted_x": lambda: np.sort(r.random(n)),
            "sorted_y": lambda: np.sort(r.random(n)), "edges": lambda: BINS.copy(),
            "few": whole(n, most=1000), "other_few": whole(n, most=1000), "some": whole(1000, most=1 << 40),
            "i": whole(n, most=n), "ordered": lambda: np.sort(r.integers(0, n, n)),
            "m": reals(side, side), "mf": reals(side, side, dtype="float32"), "zm": pairs(side, side // 2 + 1),
            "row": reals(side), "column": reals(side, 1), "rows": whole(side, most=side),
            "columns": whole(side, most=side),
            "row_mask": lambda: r.random(side) > 0.5, "places": whole(side, side, most=side),
            "at_row": whole(n, most=side), "at_column": whole(n, most=side), "short_row": reals(int(n ** (1 / 3))),
            "tall": reals(max(n // 20, 20), 20), "wide": reals(20, max(n // 20, 20)), "pairs": reals(n // 2, 2),
            "threes": reals(n // 3, 3), "cube": reals(*[max(int(n ** (1 / 3)), 2)] * 3),
            "short": reals(n // 64, 64), "prime": reals(max(n // 1009, 1), 1009),
            "q": lambda: r.random((square, square)) + square * np.eye(square), "p": reals(square, square),
            "qf": reals(square, square, dtype="float32"), "qz": pairs(square, square),
            "ki": whole(min(square, 400), min(square, 400), most=100),
            "spd": lambda: np.eye(square) * square + (lambda a: a + a.T)(r.random((square, square))),
            "symmetric": lambda: (lambda a: a + a.T)(r.random((square // 2, square // 2))),
            "small": reals(square // 2, square // 2), "little": reals(square // 4, square // 4),
            "fours": reals(n // 16, 4, 4), "batch": reals(max(n // 1024, 1), 32, 32),
            "variables": reals(10, n // 10), "points": reals(min(n, 2000), 3),
        }

    def __getitem__(self, name):
        if name == "n":
            return self.n
        if name not in self.made:
            array = self.makers[name]()
            tensor = mt.tensor(array).execute()
            chunks = dask and dask.array.from_array(array, chunks=tensor.nsplits).persist(scheduler="synchronous")
            self.made[name] = {np: array, mt: tensor, dask and dask.array: chunks}
        return self.made[name]

    def of(self, program, xp):
        """The program with its inputs, as they are in the module xp."""
        names = list(inspect.signature(program).parameters)[1:]
        return [self[name] if name == "n" else self[name][xp] for name in names]


def scipys(ours, theirs):
    """A program that NumPy's module has not: SciPy's function in its place."""

    def program(xp, *inputs):
        return (theirs if xp is np else ours)(xp, *inputs)

    program.__signature__ = inspect.signature(ours)
    return program


def drawn(name, *parameters, tenth=False, **more):
    """n numbers of a distribution, or as many as a tenth, if each is a row."""
    size = (lambda n: n // 10) if tenth else int

    def program(xp, n):
        old = not hasattr(xp.random, "default_rng")
        made = xp.random.RandomState(1) if old else xp.random.default_rng(1)
        return getattr(made, OLD_NAMES.get(name, name) if old else name)(*parameters, size=size(n), **more)

    return program


def unary(name):
    return lambda xp, x: getattr(xp, name)(x)


def binary(name):
    return lambda xp, x, y: getattr(xp, name)(x, y)


def along(name, axis):
    return lambda xp, m: getattr(xp, name)(m, axis=axis)


def changed(x, change):
    made = x.copy()
    change(made)
    return made


def assigned(x, key, value):
    return changed(x, lambda made: made.__setitem__(key, value))


def laid_out(xp, x):
    """x in the order of its axes in memory, as tensors always are when they are computed."""
    return np.ascontiguousarray(x) if xp is np else x + 0


def thin(xp):
    return {} if dask and xp is dask.array else {"full_matrices": False}


FAMILIES = {
    "ufuncs": {
        "x + y": lambda xp, x, y: x + y,
        "x * 2": lambda xp, x: x * 2,
        "x + y, float32": lambda xp, xf, yf: xf + yf,
        "x + y, int64": lambda xp, k, j: k + j,
        "x + y, uint8": lambda xp, b, c: b + c,
        "x + y, int16": lambda xp, h, g: h + g,
        "x + y, complex128": lambda xp, z, w: z + w,
        "x * y, complex128": lambda xp, z, w: z * w,
        "x / y, complex128": lambda xp, z, w: z / w,
        "abs, complex128": lambda xp, z: xp.abs(z),
        "exp, complex128": lambda xp, z: xp.exp(z),
        "sqrt, complex128": lambda xp, z: xp.sqrt(z),
        "x + y, float16": lambda xp, e, f: e + f,
        "x + row": lambda xp, m, row: m + row,
        "x + column": lambda xp, m, column: m + column,
        "x + x.T": lambda xp, m: m + m.T,
        **{name: binary(name) for name in "divide floor_divide mod fmod maximum fmin arctan2 hypot copysign nextafter "
           "logaddexp less equal heaviside".split()},
        "power": lambda xp, x, y: x**y,
        "x ** 3": lambda xp, x: x**3,
        "x ** 0.5": lambda xp, x: x**0.5,
        "floor_divide, int64": lambda xp, k, j: k // (j + 1),
        "mod, int64": lambda xp, k, j: k % (j + 1),
        "power, int64": lambda xp, k: k**3,
        "gcd": lambda xp, k, j: xp.gcd(k, j),
        "bitwise_and": lambda xp, k, j: k & j,
        "left_shift": lambda xp, k: k << 3,
        "less, int64": lambda xp, k, j: k < j,
        "logical_and": lambda xp, mask, other: xp.logical_and(mask, other),
        "logical_not": lambda xp, mask: xp.logical_not(mask),
        **{name: unary(name) for name in "negative absolute sign sqrt cbrt square reciprocal exp exp2 expm1 log "
           "log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh floor rint trunc isnan "
           "isfinite signbit degrees spacing".split()},
        "exp, float32": lambda xp, xf: xp.exp(xf),
        "sin, float32": lambda xp, xf: xp.sin(xf),
        "sqrt, float32": lambda xp, xf: xp.sqrt(xf),
        "modf": lambda xp, x: xp.modf(x),
        "frexp": lambda xp, x: xp.frexp(x),
        "divmod": lambda xp, x, y: xp.divmod(x, y),
        "where": lambda xp, mask, x, y: xp.where(mask, x, y),
        "clip": lambda xp, x: xp.clip(x, 0.2, 0.8),
        "round to 2": lambda xp, x: xp.round(x, 2),
        "nan_to_num": lambda xp, x: xp.nan_to_num(x),
        "isclose": lambda xp, x, y: xp.isclose(x, y),
        "real": lambda xp, z: z.real * 1,
        "conj": lambda xp, z: xp.conj(z),
        "astype float32": lambda xp, x: x.astype("float32"),
        "astype int64": lambda xp, x: (x).astype("int64"),
        "astype float64 of int64": lambda xp, k: k.astype("float64"),
        "astype float64 of uint8": lambda xp, b: b.astype("float64"),
        "astype bool": lambda xp, x: x.astype(bool),
        "add.outer": lambda xp, row, column: xp.add.outer(row, row),
    },
    "reductions": {
        **{name: unary(name) for name in "sum mean min max prod var std argmin argmax any all count_nonzero nansum "
           "nanmean nanmax nanstd nanargmax ptp average".split()},
        "sum, float32": lambda xp, xf: xp.sum(xf),
        "sum, int64": lambda xp, k: xp.sum(k),
        "sum, uint8": lambda xp, b: xp.sum(b),
        "sum, bool": lambda xp, mask: xp.sum(mask),
        "sum, complex128": lambda xp, z: xp.sum(z),
        "max, int64": lambda xp, k: xp.max(k),
        "max, uint8": lambda xp, b: xp.max(b),
        "any, bool": lambda xp, none: xp.any(none),
        "all, bool": lambda xp, none: xp.all(~none),
        "argmax, int64": lambda xp, k: xp.argmax(k),
        "argmax, float32": lambda xp, xf: xp.argmax(xf),
        **{f"{name}, axis {axis}": along(name, axis)
           for name in "sum mean max var argmax any prod nansum".split() for axis in (0, 1)},
        "sum, axis 1 of 3, middle": lambda xp, cube: xp.sum(cube, axis=1),
        "sum, axes 0 and 2": lambda xp, cube: xp.sum(cube, axis=(0, 2)),
        "sum, short rows": lambda xp, tall: xp.sum(tall, axis=1),
        "max, short rows": lambda xp, tall: xp.max(tall, axis=1),
        "sum, short columns": lambda xp, wide: xp.sum(wide, axis=0),
        "sum where mask": lambda xp, x, mask: xp.sum(x, where=mask),
        "norm": lambda xp, x: xp.linalg.norm(x),
        "norm of rows": lambda xp, m: xp.linalg.norm(m, axis=1),
        "vdot": lambda xp, x, y: xp.vdot(x, y),
        "allclose": lambda xp, x: xp.allclose(x, x),
        "array_equal": lambda xp, x: xp.array_equal(x, x),
        "trace": lambda xp, m: xp.trace(m),
    },
    "cumulative": {
        "cumsum": lambda xp, x: xp.cumsum(x, axis=0),
        "cumsum, float32": lambda xp, xf: xp.cumsum(xf, axis=0),
        "cumsum, int64": lambda xp, k: xp.cumsum(k, axis=0),
        "cumprod": lambda xp, x: xp.cumprod(x, axis=0),
        "cumsum, axis 0": lambda xp, m: xp.cumsum(m, axis=0),
        "cumsum, axis 1": lambda xp, m: xp.cumsum(m, axis=1),
        "nancumsum": lambda xp, x: xp.nancumsum(x, axis=0),
        "maximum.accumulate": lambda xp, x: xp.maximum.accumulate(x),
        "diff": lambda xp, x: xp.diff(x),
        "diff, axis 0": lambda xp, m: xp.diff(m, axis=0),
        "ediff1d": lambda xp, x: xp.ediff1d(x),
        "gradient": lambda xp, x: xp.gradient(x),
        "gradient, 2 axes": lambda xp, m: xp.gradient(m),
        "unwrap": lambda xp, x: xp.unwrap(x * 20),
        "trapz": lambda xp, x: xp.trapz(x),
    },
    "sorting": {
        "sort": lambda xp, x: xp.sort(x),
        "sort, float32": lambda xp, xf: xp.sort(xf),
        "sort, int64": lambda xp, k: xp.sort(k),
        "sort, uint8": lambda xp, b: xp.sort(b),
        "sort, int16": lambda xp, h: xp.sort(h),
        "sort, bool": lambda xp, mask: xp.sort(mask),
        "sort, complex128": lambda xp, z: xp.sort(z),
        "sort, sorted": lambda xp, sorted_x: xp.sort(sorted_x),
        "sort rows": lambda xp, m: xp.sort(m, axis=1),
        "sort columns": lambda xp, m: xp.sort(m, axis=0),
        "sort short rows": lambda xp, tall: xp.sort(tall, axis=1),
        "argsort": lambda xp, x: xp.argsort(x),
        "argsort, int64": lambda xp, k: xp.argsort(k),
        "argsort rows": lambda xp, m: xp.argsort(m, axis=1),
        "lexsort": lambda xp, k, x: xp.lexsort((x, k % 100)),
        "partition": lambda xp, x: xp.partition(x, len(x) // 3),
        "argpartition": lambda xp, x: xp.argpartition(x, len(x) // 3),
        "partition rows": lambda xp, m: xp.partition(m, 10, axis=1),
        "topk": scipys(lambda xp, x: xp.topk(x, 100), lambda xp, x: np.partition(x, -100)[-100:]),
        "median": lambda xp, x: xp.median(x, axis=0),
        "median, axis 0": lambda xp, m: xp.median(m, axis=0),
        "median, axis 1": lambda xp, m: xp.median(m, axis=1),
        "nanmedian": lambda xp, x: xp.nanmedian(x, axis=0),
        "percentile": lambda xp, x: xp.percentile(x, [5, 50, 95]),
        "quantile, axis 1": lambda xp, m: xp.quantile(m, [0.1, 0.9], axis=1),
        "searchsorted": lambda xp, sorted_x, x: xp.searchsorted(sorted_x, x),
        "searchsorted, sorted": lambda xp, sorted_x, sorted_y: xp.searchsorted(sorted_x, sorted_y),
        "searchsorted, 100 edges": lambda xp, edges, x: xp.searchsorted(edges, x),
        "digitize": lambda xp, x, edges: xp.digitize(x, BINS),
        "rankdata": scipys(lambda xp, x: xp.stats.rankdata(x), lambda xp, x: scipy.stats.rankdata(x)),
    },
    "counting and sets": {
        "histogram": lambda xp, x: xp.histogram(x, bins=100, range=(0, 1)),
        "histogram, edges": lambda xp, x: xp.histogram(x, bins=BINS),
        "histogram, weights": lambda xp, x, y: xp.histogram(x, bins=100, range=(0, 1), weights=y),
        "histogram2d": lambda xp, x, y: xp.histogram2d(x, y, bins=50, range=[[0, 1], [0, 1]]),
        "histogram, int64": lambda xp, k: xp.histogram(k, bins=100, range=(0, 1000)),
        "bincount": lambda xp, few: xp.bincount(few, minlength=1000),
        "bincount, weights": lambda xp, few, x: xp.bincount(few, weights=x, minlength=1000),
        "bincount, a million": lambda xp, i: xp.bincount(i, minlength=len(i)),
        "unique": lambda xp, x: xp.unique(x),
        "unique, int64": lambda xp, k: xp.unique(k),
        "unique of 1000": lambda xp, few: xp.unique(few),
        "unique, counts": lambda xp, few: xp.unique(few, return_counts=True),
        "unique, inverse": lambda xp, few: xp.unique(few, return_inverse=True),
        "isin, 1000": lambda xp, k, some: xp.isin(k, some),
        "isin, many": lambda xp, k, j: xp.isin(k, j),
        "intersect1d": lambda xp, k, j: xp.intersect1d(k, j),
        "union1d": lambda xp, k, j: xp.union1d(k, j),
        "setdiff1d": lambda xp, k, j: xp.setdiff1d(k, j),
        "nonzero": lambda xp, mask: xp.nonzero(mask),
        "nonzero, 2 axes": lambda xp, m: xp.nonzero(m > 0.5),
        "flatnonzero": lambda xp, x: xp.flatnonzero(x > 0.9),
        "argwhere": lambda xp, m: xp.argwhere(m > 0.9),
    },
    "Fourier transforms": {
        "fft": lambda xp, x: xp.fft.fft(x),
        "rfft": lambda xp, x: xp.fft.rfft(x),
        "ifft": lambda xp, z: xp.fft.ifft(z),
        "fft, float32": lambda xp, xf: xp.fft.fft(xf),
        "fft of rows": lambda xp, m: xp.fft.fft(m, axis=1),
        "rfft of rows": lambda xp, m: xp.fft.rfft(m, axis=1),
        "irfft of rows": lambda xp, zm: xp.fft.irfft(zm, axis=1),
        "fft of columns": lambda xp, m: xp.fft.fft(m, axis=0),
        "fft of short rows": lambda xp, short: xp.fft.fft(short, axis=1),
        "fft of prime rows": lambda xp, prime: xp.fft.fft(prime, axis=1),
        "fft2": lambda xp, m: xp.fft.fft2(m),
        "rfft2": lambda xp, m: xp.fft.rfft2(m),
        "fftn, 3 axes": lambda xp, cube: xp.fft.fftn(cube),
        "fftshift": lambda xp, m: xp.fft.fftshift(m) * 1,
    },
    "products": {
        "matmul": lambda xp, q, p: q @ p,
        "matmul, float32": lambda xp, qf: qf @ qf,
        "matmul, int64": lambda xp, ki: ki @ ki,
        "matmul, complex128": lambda xp, qz: qz @ qz,
        "matrix @ vector": lambda xp, m, row: m @ row,
        "vector @ matrix": lambda xp, m, column: column[:, 0] @ m,
        "x.T @ x, tall": lambda xp, tall: tall.T @ tall,
        "tall @ small": lambda xp, tall: tall @ tall[:10].T,
        "batches of 4 x 4": lambda xp, fours: fours @ fours,
        "batches of 32 x 32": lambda xp, batch: batch @ batch,
        "dot of vectors": lambda xp, x, y: xp.dot(x, y),
        "outer": lambda xp, row, column: xp.outer(column, row),
        "inner": lambda xp, q, p: xp.inner(q, p),
        "kron": lambda xp, q: xp.kron(q[:50, :50], q[:40, :40]),
        "tensordot": lambda xp, cube: xp.tensordot(cube, cube, axes=((0, 1), (0, 1))),
        "einsum ij,jk": lambda xp, q, p: xp.einsum("ij,jk", q, p, optimize=True),
        "einsum ij,ij->i": lambda xp, m: xp.einsum("ij,ij->i", m, m),
        "einsum i,i": lambda xp, x, y: xp.einsum("i,i", x, y),
        "einsum ij->j": lambda xp, m: xp.einsum("ij->j", m),
        "einsum ii": lambda xp, m: xp.einsum("ii", m),
        "einsum bij,bjk": lambda xp, batch: xp.einsum("bij,bjk->bik", batch, batch, optimize=True),
        "einsum i,j,k": lambda xp, short_row: xp.einsum("i,j,k->ijk", short_row, short_row, short_row),
        "einsum ij,jk,kl": lambda xp, q, p: xp.einsum("ij,jk,kl->il", q, p, q, optimize=True),
        "cross": lambda xp, threes: xp.cross(threes, threes[::-1]),
    },
    "indexing": {
        "x[::2]": lambda xp, x: x[::2] * 1,
        "x[::-1]": lambda xp, x: x[::-1] * 1,
        "m[:, ::2]": lambda xp, m: m[:, ::2] * 1,
        "x[i]": lambda xp, x, i: x[i],
        "x[i], in order": lambda xp, x, ordered: x[ordered],
        "x[i], few": lambda xp, x, few: x[few],
        "x[i], float32": lambda xp, xf, i: xf[i],
        "x[i], table of 1000": lambda xp, row, few: xp.take(row[:1000], few % len(row)),
        "take": lambda xp, x, i: xp.take(x, i),
        "take rows": lambda xp, m, rows: xp.take(m, rows, axis=0),
        "take columns": lambda xp, m, columns: xp.take(m, columns, axis=1),
        "m[rows]": lambda xp, m, rows: m[rows],
        "m[:, columns]": lambda xp, m, columns: m[:, columns],
        "m[rows][:, columns]": lambda xp, m, rows, columns: m[rows][:, columns],
        "m[i, j]": lambda xp, m, at_row, at_column: m[at_row, at_column],
        "take_along_axis": lambda xp, m, places: xp.take_along_axis(m, places, axis=1),
        "x[mask]": lambda xp, x, mask: x[mask],
        "x[x > 0.9]": lambda xp, x: x[x > 0.9],
        "m[mask of rows]": lambda xp, m, row_mask: m[row_mask],
        "m[mask]": lambda xp, m: m[m > 0.5],
        "compress": lambda xp, mask, x: xp.compress(mask, x),
        "extract": lambda xp, mask, x: xp.extract(mask, x),
        "x[a:b] = 0": lambda xp, x: assigned(x, slice(10, len(x) // 2), 0),
        "x[::2] = y": lambda xp, x, y: assigned(x, slice(None, None, 2), y[::2]),
        "x[mask] = 0": lambda xp, x, mask: assigned(x, mask, 0),
        "x[mask] = y[mask]": lambda xp, x, y, mask: assigned(x, mask, y[mask]),
        "x[i] = y": lambda xp, x, y, i: assigned(x, i, y),
        "m[rows] = 0": lambda xp, m, rows: assigned(m, rows, 0),
        "put": lambda xp, x, y, i: changed(x, lambda made: xp.put(made, i, y)),
        "putmask": lambda xp, x, y, mask: changed(x, lambda made: xp.putmask(made, mask, y)),
        "add.at": lambda xp, x, y, i: changed(x, lambda made: xp.add.at(made, i, y)),
        "choose": lambda xp, few, x, y: xp.choose(few % 2, [x, y]),
        "select": lambda xp, x, y: xp.select([x < 0.3, x < 0.6], [y, -y], 0.0),
        "diag of a matrix": lambda xp, m: xp.diag(m),
        "tril": lambda xp, m: xp.tril(m),
        "unravel_index": lambda xp, i: xp.unravel_index(i, (1000, (len(i) + 999) // 1000)),
        "ravel_multi_index": lambda xp, few, other_few: xp.ravel_multi_index((few, other_few), (1000, 1000)),
    },
    "linear algebra": {
        "svd, tall": lambda xp, tall: xp.linalg.svd(tall, **thin(xp)),
        "svd, square": lambda xp, small: xp.linalg.svd(small),
        "svdvals": lambda xp, small: xp.linalg.svd(small, compute_uv=False),
        "qr, tall": lambda xp, tall: xp.linalg.qr(tall),
        "qr, square": lambda xp, q: xp.linalg.qr(q),
        "cholesky": lambda xp, spd: xp.linalg.cholesky(spd),
        "lu": scipys(lambda xp, q: xp.linalg.lu(q), lambda xp, q: scipy.linalg.lu(q)),
        "solve": lambda xp, q, p: xp.linalg.solve(q, p),
        "solve, a vector": lambda xp, q, p: xp.linalg.solve(q, p[:, 0]),
        "solve, batches": lambda xp, batch: xp.linalg.solve(batch, batch),
        "solve_triangular": scipys(lambda xp, spd, p: xp.linalg.solve_triangular(xp.tril(spd), p, lower=True),
                                   lambda xp, spd, p: scipy.linalg.solve_triangular(np.tril(spd), p, lower=True)),
        "inv": lambda xp, q: xp.linalg.inv(q),
        "inv, batches": lambda xp, batch: xp.linalg.inv(batch),
        "det": lambda xp, q: xp.linalg.det(q),
        "det, batches": lambda xp, batch: xp.linalg.det(batch),
        "eigh": lambda xp, symmetric: xp.linalg.eigh(symmetric),
        "eigvalsh": lambda xp, symmetric: xp.linalg.eigvalsh(symmetric),
        "eigh, batches": lambda xp, batch: xp.linalg.eigh(batch),
        "eig": lambda xp, little: xp.linalg.eig(little),
        "lstsq": lambda xp, tall, x: xp.linalg.lstsq(tall, x[: len(tall)], **({"rcond": None} if xp is np else {})),
        "pinv": lambda xp, small: xp.linalg.pinv(small),
        "matrix_power": lambda xp, q: xp.linalg.matrix_power(q, 5),
        "matrix_rank": lambda xp, small: xp.linalg.matrix_rank(small),
        "cond": lambda xp, small: xp.linalg.cond(small),
        "norm, 2": lambda xp, small: xp.linalg.norm(small, 2),
        "multi_dot": lambda xp, q, p: xp.linalg.multi_dot([q, p, q]),
        "slogdet": lambda xp, q: xp.linalg.slogdet(q),
    },
    "manipulation": {
        "concatenate": lambda xp, x, y: xp.concatenate([x, y]),
        "concatenate, axis 1": lambda xp, m: xp.concatenate([m, m], axis=1),
        "stack": lambda xp, x, y: xp.stack([x, y]),
        "stack, last axis": lambda xp, x, y: xp.stack([x, y], axis=-1),
        "vstack": lambda xp, m: xp.vstack([m, m]),
        "block": lambda xp, m: xp.block([[m, m], [m, m]]),
        "repeat": lambda xp, x: xp.repeat(x, 3),
        "repeat, each": lambda xp, x, few: xp.repeat(x, few % 3),
        "tile": lambda xp, x: xp.tile(x, 3),
        "tile, 2 axes": lambda xp, m: xp.tile(m, (2, 2)),
        "roll": lambda xp, x: xp.roll(x, 1000),
        "roll, axis 1": lambda xp, m: xp.roll(m, 10, axis=1),
        "flip": lambda xp, m: xp.flip(m) * 1,
        "rot90": lambda xp, m: xp.rot90(m) * 1,
        "pad": lambda xp, m: xp.pad(m, 3),
        "pad, reflect": lambda xp, m: xp.pad(m, 3, mode="reflect"),
        "pad, edge": lambda xp, x: xp.pad(x, 100, mode="edge"),
        "transpose": lambda xp, m: laid_out(xp, m.T),
        "transpose, float32": lambda xp, mf: laid_out(xp, mf.T),
        "transpose, 3 axes": lambda xp, cube: laid_out(xp, xp.transpose(cube, (2, 0, 1))),
        "swapaxes of pairs": lambda xp, pairs: laid_out(xp, pairs.T),
        "copy": lambda xp, x: x.copy(),
        "ravel of m.T": lambda xp, m: xp.ravel(m.T),
        "reshape": lambda xp, m: m.reshape(-1, 1)[::-1] * 1,
        "insert": lambda xp, x: xp.insert(x, 1000, 0.5),
        "delete": lambda xp, x: xp.delete(x, slice(10, 1000)),
        "append": lambda xp, x, y: xp.append(x, y),
        "array_split": lambda xp, x: [part * 1 for part in xp.array_split(x, 7)],
        "broadcast_to": lambda xp, row: xp.broadcast_to(row, (1000, len(row))) * 1,
        "rechunk": scipys(lambda xp, m: m.rechunk((len(m), 512)), lambda xp, m: m.copy()),
        "meshgrid": lambda xp, row, column: xp.meshgrid(row, column[:, 0]),
        "arange": lambda xp, n: xp.arange(n),
        "linspace": lambda xp, n: xp.linspace(0, 1, n),
        "zeros": lambda xp, n: xp.zeros(n) + 0,
        "full": lambda xp, n: xp.full(n, 3.5),
        "eye": lambda xp, m: xp.eye(len(m)),
        "indices": lambda xp, m: xp.indices(m.shape),
        "fromfunction": lambda xp, m: xp.fromfunction(lambda i, j: i + j, m.shape),
        "packbits": lambda xp, mask: xp.packbits(mask),
    },
    "statistics": {
        "cov": lambda xp, variables: xp.cov(variables),
        "corrcoef": lambda xp, variables: xp.corrcoef(variables),
        "interp": lambda xp, x, edges, row: xp.interp(x, BINS, BINS**2),
        "interp, many points": lambda xp, x, sorted_x, y: xp.interp(x, sorted_x, y),
        "convolve, 9": lambda xp, x: xp.convolve(x, xp.asarray(KERNEL), mode="same"),
        "convolve, 1000": lambda xp, x, row: xp.convolve(x, row[:1000], mode="same"),
        "correlate, 9": lambda xp, x: xp.correlate(x, xp.asarray(KERNEL), mode="valid"),
        "polyval": lambda xp, x: xp.polyval([1.0, 2.0, 3.0, 4.0, 5.0], x),
        "polyfit": lambda xp, x, y: xp.polyfit(x, y, 3),
        "vander": lambda xp, x: xp.vander(x, 4),
        "sinc": unary("sinc"),
        "i0": unary("i0"),
        "piecewise": lambda xp, x: xp.piecewise(x, [x < 0.5, x >= 0.5], [lambda v: v + 1, lambda v: v * 2]),
        "apply_along_axis": lambda xp, m: xp.apply_along_axis(lambda v: v.sum(), 1, m),
        "cdist": scipys(lambda xp, points: xp.spatial.distance.cdist(points, points),
                        lambda xp, points: scipy.spatial.distance.cdist(points, points)),
        "pdist": scipys(lambda xp, points: xp.spatial.distance.pdist(points),
                        lambda xp, points: scipy.spatial.distance.pdist(points)),
        "cdist, cityblock": scipys(lambda xp, points: xp.spatial.distance.cdist(points, points, "cityblock"),
                                   lambda xp, points: scipy.spatial.distance.cdist(points, points, "cityblock")),
        "entropy": scipys(lambda xp, x: xp.stats.entropy(x), lambda xp, x: scipy.stats.entropy(x)),
        "ttest_ind": scipys(lambda xp, x, y: tuple(xp.stats.ttest_ind(x, y))[:2],
                            lambda xp, x, y: scipy.stats.ttest_ind(x, y)),
    },
    "random": {
        "random": drawn("random"),
        "uniform": drawn("uniform", -1, 3),
        "integers": drawn("integers", 0, 1000),
        "normal": drawn("normal"),
        "standard_normal, float32": drawn("standard_normal", dtype="float32"),
        "exponential": drawn("exponential"),
        "gamma": drawn("gamma", 2.5),
        "gamma, shape < 1": drawn("gamma", 0.5),
        "beta": drawn("beta", 2.0, 3.0),
        "chisquare": drawn("chisquare", 3),
        "binomial": drawn("binomial", 20, 0.3),
        "binomial, large": drawn("binomial", 1000, 0.3),
        "poisson": drawn("poisson", 3.0),
        "poisson, large": drawn("poisson", 100.0),
        "geometric": drawn("geometric", 0.2),
        "hypergeometric": drawn("hypergeometric", 30, 20, 10),
        "negative_binomial": drawn("negative_binomial", 5, 0.4),
        "logseries": drawn("logseries", 0.5),
        "zipf": drawn("zipf", 2.5),
        "standard_t": drawn("standard_t", 4.0),
        "standard_cauchy": drawn("standard_cauchy"),
        "laplace": drawn("laplace"),
        "logistic": drawn("logistic"),
        "lognormal": drawn("lognormal"),
        "gumbel": drawn("gumbel"),
        "weibull": drawn("weibull", 1.5),
        "pareto": drawn("pareto", 3.0),
        "power": drawn("power", 3.0),
        "rayleigh": drawn("rayleigh"),
        "triangular": drawn("triangular", 0.0, 0.3, 1.0),
        "vonmises": drawn("vonmises", 0.0, 2.0),
        "wald": drawn("wald", 1.0, 2.0),
        "f": drawn("f", 5.0, 7.0),
        "permutation": lambda xp, x: xp.random.RandomState(1).permutation(x),
        "choice": lambda xp, x: xp.random.RandomState(1).choice(x, size=len(x)),
        "multinomial": drawn("multinomial", 20, [0.2, 0.3, 0.5], tenth=True),
        "multivariate_normal": drawn("multivariate_normal", [0.0, 1.0], [[2.0, 0.3], [0.3, 1.0]], tenth=True),
        "dirichlet": drawn("dirichlet", [1.0, 2.0, 3.0], tenth=True),
    },
}


WORDS = {
    "memory": "Memory. Both move the same bytes once, and one thread of NumPy's comes near to what memory gives; what "
              "lies in the third cache from turn to turn comes from there. To that we add an expression, its plan and "
              "its tasks: 0.2 to 0.4 ms.",
    "small": "NumPy takes less than a millisecond, most of ours is the expression, its plan and its tasks.",
    "copies": "A chunk of the result is made of parts of several chunks of the input, which are brought together "
              "before the operator sees them: two copies for NumPy's one.",
    "lookup": "For each index it is looked up which chunk has the element; NumPy adds the index to one address. At "
              "random that is hidden behind the waits for memory, in order it is not.",
    "rows": "A task may need any row, and takes them out of their chunks one by one; columns are taken from the "
            "transpose, which is made first.",
    "scatter": "Indices and values are dealt to the chunks that they name, then set: what is moved twice takes as long "
               "as memory does (perf: half of the time is in either pass), where NumPy goes through it once. One value "
               "for all indices is spread to them first.",
    "copied": "A slice is set by putting together what is before it, the value and what is behind it; one with "
              "steps by copying a part and setting what of it is woven. NumPy writes in place.",
    "blas": "One BLAS for both. NumPy makes one call for all threads; ours are calls of one "
            "thread for tiles that the shape alone cuts, so that bits do not depend on threads.",
    "vector": "One row of BLAS's is as fast as memory. Ours is a tree of sums of products, which gives the same bits "
              "in every cutting: a strip is multiplied into the first cache, then added up.",
    "tiny": "Stacks of small matrices: the inputs of a task are brought together, then multiplied one by one.",
    "tree": "Sums are balanced trees over the element index, whatever the cut; short rows and columns, and complex "
            "numbers, fill few lanes of a vector on the way.",
    "whole": "It is a sort of the whole: NumPy divides in place until the one element is there, in an order that "
             "depends on where it began.",
    "scan": "What is cut is read twice: once for what each chunk adds up to, once for the results.",
    "count": "The table of counts is a large part of the input: a table for each task would be more memory than that, "
             "so that one or few tasks count.",
    "fft": "The axis that is transformed is brought into one piece first: a copy that an array of NumPy's does not "
           "need. bench/fft.py has tensors of one chunk, which are transformed faster than NumPy's arrays.",
    "python": "The function is the caller's: it is called for each row with a tensor, and what it does becomes part of "
              "the expression; NumPy's is called with numbers that are there.",
    "pairs": "All distances are made, and those of later rows are taken out of them; SciPy has a loop for each metric.",
    "stream": "A number depends on the seed and on its index, so that cuts and retries do not change it: each element "
              "has counters of its own (Philox), where NumPy goes on with one stream; what is rejected is drawn again "
              "by a vector of elements.",
    "lapack": "One LAPACK for both: a matrix of this size is one task, or a few, and its "
              "BLAS has one thread in each.",
    "steps": "Composed of several operators, with a pass of their own where shapes change between them; NumPy has one "
             "loop in C.",
    "scipy": "Complex numbers are compared by parts, and NaN are last, in every step of a merge, as in NumPy; a run is "
             "sorted by whole elements, not by keys.",
    "exact": "The same bits on every processor: no instruction that only some have, and no contracted sums.",
}


def because(reason, names, also=()):
    """Names of rows without blanks, and others."""
    return {name: reason for name in [*names.split(), *also]}


# Rows that are, or on another day may be, below 1, and why.
REASONS = {
    **because("memory", "absolute negative rint trunc floor signbit sqrt square reciprocal divide maximum fmin "
              "copysign isnan isfinite less equal degrees where clip real conj bitwise_and left_shift logical_and "
              "logical_not sign heaviside sum mean min max prod ptp argmin argmax nanmax any all average norm vdot "
              "x[::2] x[::-1] diff ediff1d copy stack concatenate vstack block repeat tile arange linspace zeros full "
              "meshgrid broadcast_to fftshift flip",
              ("x + y", "x * 2", "x + y, float32", "x + y, int64", "x + y, uint8", "x + y, int16", "x + y, complex128",
               "x * y, complex128", "x + row", "x + column", "x + x.T", "sqrt, float32", "less, int64", "x ** 0.5",
               "astype float32", "astype int64", "astype float64 of int64", "astype float64 of uint8", "astype bool",
               "add.outer", "sum, float32", "sum, int64", "sum, uint8", "sum, bool", "max, int64", "max, uint8",
               "argmax, int64", "argmax, float32", "sum, axis 0", "sum, axis 1", "mean, axis 0", "mean, axis 1",
               "max, axis 0", "max, axis 1", "prod, axis 1", "argmax, axis 1", "m[:, ::2]", "diff, axis 0",
               "concatenate, axis 1", "tile, 2 axes", "transpose, float32", "transpose, 3 axes", "einsum ij->j",
               "array_equal", "dot of vectors", "einsum i,i", "einsum ij,ij->i", "sum, axis 1 of 3, middle")),
    **because("small", "trace append packbits", ("diag of a matrix", "einsum ii", "any, bool", "all, bool")),
    **because("copies", "roll pad delete insert append rot90 reshape rechunk array_split transpose tril",
              ("roll, axis 1", "pad, reflect", "pad, edge", "ravel of m.T", "swapaxes of pairs", "stack, last axis",
               "histogram, int64")),
    **because("lookup", "take x[i] unravel_index", ("x[i], in order", "x[i], few", "x[i], float32",
                                                    "x[i], table of 1000", "m[i, j]", "repeat, each")),
    **because("rows", "m[rows]", ("take rows", "take columns", "m[:, columns]", "m[rows][:, columns]",
                                  "m[mask of rows]")),
    **because("scatter", "put", ("x[i] = y", "m[rows] = 0", "x[mask] = y[mask]")),
    **because("copied", "", ("x[a:b] = 0", "x[::2] = y")),
    **because("blas", "matmul inner tensordot cov corrcoef multi_dot matrix_power",
              ("matmul, float32", "matmul, complex128", "einsum ij,jk", "einsum ij,jk,kl", "x.T @ x, tall",
               "tall @ small")),
    **because("vector", "", ("matrix @ vector", "vector @ matrix")),
    **because("tiny", "kron", ("batches of 4 x 4", "batches of 32 x 32", "solve, batches", "inv, batches",
                               "det, batches", "eigh, batches")),
    **because("tree", "", ("sum, complex128", "sum, axes 0 and 2", "sum, short rows", "sum, short columns")),
    **because("whole", "partition argpartition topk nanmedian", ("partition rows",)),
    **because("scan", "cumsum cumprod maximum.accumulate", ("cumsum, float32", "cumsum, int64", "cumsum, axis 1")),
    **because("count", "bincount", ("bincount, weights", "bincount, a million")),
    **because("fft", "fft rfft ifft fft2 rfft2", ("fft of columns", "fft of rows", "rfft of rows", "irfft of rows",
                                                  "fft of short rows", "fft of prime rows", "fft, float32",
                                                  "fftn, 3 axes")),
    **because("python", "apply_along_axis"),
    **because("pairs", "pdist cdist", ("cdist, cityblock",)),
    **because("stream", "integers gamma beta chisquare f negative_binomial dirichlet choice permutation multinomial "
              "multivariate_normal hypergeometric standard_t binomial poisson geometric zipf logseries random uniform "
              "standard_cauchy", ("gamma, shape < 1", "standard_normal, float32", "poisson, large", "binomial, large")),
    **because("lapack", "lu solve solve_triangular det slogdet inv eigvalsh eigh eig cholesky svdvals pinv lstsq cond "
              "matrix_rank", ("qr, tall", "qr, square", "svd, tall", "svd, square", "solve, a vector", "norm, 2")),
    **because("steps", "indices eye nanargmax polyfit frexp modf nonzero entropy vander nan_to_num "
              "fromfunction rankdata trapz", ("nonzero, 2 axes", "einsum i,j,k", "power, int64")),
    **because("scipy", "", ("sort, complex128",)),
    **because("exact", "exp log log2 log10 log1p exp2 sin cos", ("exp, float32", "sin, float32", "exp, complex128")),
}


def parts(made):
    """The tensors or arrays of what a program returned."""
    if isinstance(made, (tuple, list)):
        return [part for several in made for part in parts(several)]
    return [made] if hasattr(made, "execute") or hasattr(made, "compute") else []


def runner(program, xp, inputs):
    arguments = inputs.of(program, xp)
    if xp is np:
        return lambda: program(np, *arguments)
    if xp is mt:

        def in_mars():
            made = program(mt, *arguments)
            lazy = parts(made)
            if lazy:
                mt.ExecutableTuple(lazy).execute()
            return made

        return in_mars
    return lambda: dask.compute(*parts(program(xp, *arguments)), scheduler="threads", num_workers=THREADS)


def measured(program, inputs, modules, rounds):
    """The best of all rounds by module; none for what Dask has not. Medians tell what else runs on a machine: it takes
    one thread of the two from us, and none of the one from NumPy."""
    jobs, times = {}, {}
    for xp in modules:
        try:
            job = runner(program, xp, inputs)
            first = seconds(job)
        except Exception as error:  # whatever it is that Dask says
            if xp in (np, mt):
                raise
            print(f"    Dask: {type(error).__name__}: {str(error)[:80]}", file=sys.stderr)
            continue
        times[xp] = [first]  # which has touched memory for the others
        if first < SLOW_SECONDS:
            jobs[xp] = job
    start = time.perf_counter()
    for done in range(rounds):
        if done >= 3 and time.perf_counter() - start > ENOUGH_SECONDS:
            break
        for xp, job in jobs.items():
            times[xp].append(seconds(job))
    return {xp: min(taken) for xp, taken in times.items()}


def measure(args):
    inputs = Inputs(args.elements)
    modules = [np, mt] + ([dask.array] if dask and not args.no_dask else [])
    with new_session(n_threads=THREADS).as_default():
        facts = {"processor": processor(), "numpy": np.__version__, "scipy": scipy.__version__,
                 "dask": dask and dask.__version__, "bandwidth": bandwidth() / 1e9, "elements": args.elements}
        print(*facts.values(), sep=", ")
        print(f"{'milliseconds':32}{'NumPy':>10}{'Dask':>10}{'Mars':>10}{'ratio':>8}")
        below = 0
        for family in args.families or FAMILIES:
            for name, program in FAMILIES[family].items():
                if args.only not in name:
                    continue
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    found = measured(program, inputs, modules, args.rounds)
                theirs, ours, dasks = found[np], found[mt], found.get(modules[-1]) if len(modules) > 2 else None
                shown = f"{dasks * 1e3:10.2f}" if dasks else f"{'':10}"
                mark = "" if theirs >= ours else "  below" if name in REASONS else "  below, and no reason"
                below += theirs < ours
                print(f"{name:32}{theirs * 1e3:10.2f}{shown}{ours * 1e3:10.2f}{theirs / ours:8.2f}{mark}", flush=True)
                if args.record:
                    with open(args.record, "a") as file:
                        row = {"family": family, "name": name, "numpy": theirs, "mars": ours, "dask": dasks,
                               "facts": facts}
                        print(json.dumps(row), file=file)
        print(f"{below} below NumPy")


MARKS = "<!-- bench/beside.py: from here -->", "<!-- bench/beside.py: to here -->"


def tables(rows):
    """Markdown of what was recorded last of each row, with what it was measured on, and the reasons."""
    facts = rows[-1]["facts"]
    made = [f"{facts['processor']}; NumPy {facts['numpy']}, SciPy {facts['scipy']}, Dask {facts['dask']}; {THREADS} "
            f"threads; {facts['elements']:,} elements. Milliseconds, the best of some turns; ratio: NumPy's time by "
            "ours. The letters are those of the reasons below."]
    letters = {key: chr(ord("a") + k) for k, key in enumerate(WORDS)}
    for family in FAMILIES:
        last = {row["name"]: row for row in rows if row["family"] == family}
        if not last:
            continue
        made += ["", f"## {family[0].upper()}{family[1:]}", "", "| | NumPy | Dask | ours | ratio | |",
                 "|---|---:|---:|---:|---:|---|"]
        for name in (name for name in FAMILIES[family] if name in last):
            row = last[name]
            times = [f"{row[who] * 1e3:.2f}" if row[who] else "" for who in ("numpy", "dask", "mars")]
            below = row["numpy"] < row["mars"]
            made.append(f"| {name.replace('*', chr(92) + '*')} | {' | '.join(times)} | "
                        f"{row['numpy'] / row['mars']:.2f} | {letters[REASONS[name]] if below else ''} |")
    made += ["", "## Why some are slower", "", "| | |", "|---|---|"]
    return made + [f"| {letters[key]} | {words} |" for key, words in WORDS.items()]


def write(args):
    with open(args.record) as file:
        rows = [json.loads(line) for line in file]
    unexplained = [row["name"] for row in rows if row["numpy"] < row["mars"] and row["name"] not in REASONS]
    if unexplained:
        return f"slower than NumPy without a reason: {', '.join(dict.fromkeys(unexplained))}"
    recorded = {(row["family"], row["name"]) for row in rows}
    missing = [name for family, names in FAMILIES.items() for name in names if (family, name) not in recorded]
    if missing:
        return f"not recorded: {', '.join(missing)}"
    with open(args.page) as file:
        before, rest = file.read().split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    with open(args.page, "w") as file:
        file.write("\n".join([before + MARKS[0], *tables(rows), MARKS[1] + after]))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", help=", ".join(FAMILIES))
    parser.add_argument("--only", default="", help="rows whose name has this")
    parser.add_argument("--elements", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("--record", help="a file of lines, to which what was measured is added")
    parser.add_argument("--page", help="write the tables of what was recorded into this page")
    args = parser.parse_args()
    if args.page:
        sys.exit(write(args))
    measure(args)


if __name__ == "__main__":
    main()
