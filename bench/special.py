#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds per element of the special functions: of the engine on two threads beside SciPy on its one, and SciPy's
by ours. Arguments are ordinary ones, 200000 of them in eight chunks; fewer for what takes microseconds.

    meson devenv -C build python3 ../bench/special.py [function …]
"""
import sys
import time
import warnings

import numpy as np
import scipy.special as sp

import mars.tensor as mt
from mars.session import new_session

N, FEW, ROUNDS = 200_000, 20_000, 3
R = np.random.default_rng(1)
X, A, B, U = R.uniform(0.1, 3, N), R.uniform(0.5, 20, N), R.uniform(0.5, 20, N), R.uniform(0.01, 0.99, N)
HARMONIC = [np.full(N, 5.0), np.full(N, 8.0), np.full(N, 6), np.full(N, 4), np.linspace(3, 9, N)]

# Arguments, and of how many elements SciPy's time is taken.
ROWS = {
    **{name: ([X], N) for name in "erf erfc erfcx erfi dawsn airy itairy fresnel entr".split()},
    **{name: ([A], N) for name in "gamma gammaln psi rgamma".split()},
    **{name: ([U], N) for name in "erfinv ellipk ellipe".split()},
    **{name: ([A, B], N) for name in "beta betaln gammainc jv yv iv kv hankel1".split()},
    "xlogy": ([X, A], N), "poch": ([A, X], N), "hyp0f1": ([A, X], N), "zeta": ([A + 1.1, B], N),
    "ellipkinc": ([X, U], N), "elliprf": ([X, A, B], N), "elliprj": ([X, A, B, U], N), "wofz": ([X + 1j * U], N),
    "voigt_profile": ([X, A, B], N), "betainc": ([A, B, U], N), "betaincinv": ([A, B, U], FEW),
    "gammaincinv": ([A, U], FEW), "hyp1f1": ([A, B, X], FEW), "hyperu": ([A, B, X], FEW),
    "hyp2f1": ([A, B, A + 1, 0.8 * U], FEW), "ellip_harm": (HARMONIC, FEW), "ellip_harm_2": (HARMONIC, 50),
    "ellip_normal": (HARMONIC[:4], 50),
}


def best_nsec(f, n):
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best / n * 1e9


warnings.simplefilter("ignore")  # SciPy's, of its integrals
with new_session(n_threads=2) as session:
    print("%-14s %10s %10s %6s" % ("ns/element", "ours", "SciPy", "ratio"))
    for name in sys.argv[1:] or ROWS:
        arguments, few = ROWS[name]
        n = N if few == N else FEW
        tensors = [mt.tensor(v[:n], chunk_size=n // 8) for v in arguments]
        session.run(*tensors)

        def compute():
            made = getattr(mt.special, name)(*(t + 0 for t in tensors))
            session.run(*(made if isinstance(made, tuple) else (made,)))

        ours = best_nsec(compute, n)
        theirs = best_nsec(lambda: getattr(sp, name)(*(v[:few] for v in arguments)), few)
        print("%-14s %10.1f %10.1f %6.2f" % (name, ours, theirs, theirs / ours), flush=True)
