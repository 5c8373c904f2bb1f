# SPDX-License-Identifier: Apache-2.0
"""What clients compute while machines fail: exchanges, reductions, products, shapes that depend on data, and data of
the client's own; some tenths of a second each. A program is made anew from its number."""
import numpy as np

import mars.tensor as mt

N = 12


def program(k):
    r = mt.random.RandomState(k).rand(700 + 10 * k, 700, chunk_size=175)
    kinds = [
        lambda: [(r + r[:700].T.sum(axis=0)).sum(axis=0), r.mean(axis=1)],
        lambda: [mt.sort(r, axis=0)[7], r.max(axis=1)],
        lambda: [(r @ r[:700])[5], (r * 2 - 1).std(axis=0)],
        lambda: [r[r > 0.9].mean(), mt.unique((r * 50).astype("i8"))],
        lambda: [mt.cumsum(r.sum(axis=0)), mt.concatenate([r, r])[::3].sum(axis=1)],
        lambda: [given(k).T.sum(axis=1), given(k).dot(r[:300])[17]],
    ]
    return kinds[k % len(kinds)]()


def given(k):
    """Data that comes from the client."""
    return mt.tensor(np.random.default_rng(k).standard_normal((400, 300)), chunk_size=150)


def digest(values):
    """Their bits, dtypes and shapes, as a text."""
    import hashlib

    h = hashlib.sha256()
    for value in values:
        a = np.asarray(value)
        h.update(f"{a.dtype} {a.shape} ".encode() + np.ascontiguousarray(a).tobytes())
    return h.hexdigest()
