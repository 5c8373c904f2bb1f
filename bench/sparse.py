#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sparse tensors beside scipy.sparse, in one process, in turns; medians and their ratio (above one: we are faster).

    meson devenv -C build python3 ../bench/sparse.py [--rounds 5] [--only NAME] [--threads 2]

A matrix of 200,000 x 50,000 stores 4 million elements of float64 by chance; the product of two is the square of one of
20,000 x 20,000 with 400,000. Operands are in memory before, results stay where they are made. scipy has one thread.
"""
import argparse
import statistics
import time

import numpy as np
import scipy.sparse as sp

import mars.tensor as mt
from mars.session import new_session


def jobs():
    rng = np.random.default_rng(1)

    def matrix(rows, columns, stored):
        at = rng.integers(0, rows, stored), rng.integers(0, columns, stored)
        made = sp.coo_matrix((rng.standard_normal(stored), at), shape=(rows, columns)).tocsr()
        made.sum_duplicates()
        return made

    a, b, c = matrix(200_000, 50_000, 4_000_000), matrix(200_000, 50_000, 4_000_000), matrix(20_000, 20_000, 400_000)
    x, v = rng.random((50_000, 64)), rng.random(50_000)
    s, t, u = mt.tensor(a), mt.tensor(b), mt.tensor(c)
    y, w = mt.tensor(x), mt.tensor(v)
    for made in (s, t, u, y, w):
        made.execute()
    yield "matrix @ 64 columns", lambda: a @ x, lambda: s @ y
    yield "matrix @ vector", lambda: a @ v, lambda: s @ w
    yield "matrix @ matrix", lambda: c @ c, lambda: u @ u
    yield "a + b", lambda: a + b, lambda: s + t
    yield "sum along rows", lambda: a.sum(axis=1), lambda: s.sum(axis=1)
    yield "sum along columns", lambda: a.sum(axis=0), lambda: s.sum(axis=0)
    yield "transpose, in rows", lambda: a.T.tocsr(), lambda: s.T
    yield "sin", lambda: a.sin(), lambda: mt.sin(s)


def seconds(function):
    begin = time.perf_counter()
    kept = function()
    ret = time.perf_counter() - begin
    del kept
    return ret


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    new_session(n_threads=args.threads).as_default()
    print(f"{'seconds':24}{'scipy':>9}{'Mars':>9}{'ratio':>8}")
    for name, theirs, ours in jobs():
        if args.only not in name:
            continue
        want, got = theirs(), ours().execute().fetch()
        got = got.spmatrix if sp.issparse(want) else got.reshape(want.shape)
        assert abs(want - got).max() < 1e-9, name
        del want, got
        times = [(seconds(theirs), seconds(lambda: ours().execute())) for _ in range(args.rounds)]
        a, b = (statistics.median(side) for side in zip(*times))
        print(f"{name:24}{a:9.4f}{b:9.4f}{a / b:8.2f}", flush=True)


main()
