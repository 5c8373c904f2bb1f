#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Milliseconds of transforms beside NumPy's and SciPy's (as many threads as we have), and the ratios.

    meson devenv -C build python3 ../bench/fft.py [JOB …]

NumPy 1 transforms single precision in double precision. Inputs are made before; the best of some rounds counts.
"""
import sys
import time

import numpy as np
import scipy.fft

import mars.tensor as mt
from mars.session import new_session

ROUNDS = 3
THREADS = 2
JOBS = {  # name: shape, function, arguments
    "lines of 1024": ((4096, 1024), "fft", {"axis": 1}),
    "columns of 1024": ((1024, 4096), "fft", {"axis": 0}),
    "real lines of 1024": ((4096, 1024), "rfft", {"axis": 1}),
    "lines of 1000": ((2000, 1000), "fft", {"axis": 1}),
    "lines of 1009": ((1000, 1009), "fft", {"axis": 1}),
    "a line of 2^20": ((1 << 20,), "fft", {}),
    "a line of 2^22": ((1 << 22,), "fft", {}),
    "a real line of 2^22": ((1 << 22,), "rfft", {}),
    "a matrix of 2048": ((2048, 2048), "fft2", {}),
    "a cube of 128": ((128, 128, 128), "fftn", {}),
}


def main(names):
    new_session(n_threads=THREADS).as_default()
    rng = np.random.default_rng(0)
    print("%-20s %-10s %8s %8s %8s %6s %6s" % ("milliseconds", "", "ours", "NumPy", "SciPy", "ratio", "ratio"))
    for name in names or JOBS:
        shape, function, more = JOBS[name]
        for dtype in ("float64", "float32"):
            x = rng.standard_normal(shape).astype(dtype)
            if not function.startswith("r"):
                x = x + 1j * x[::-1]
            t = mt.tensor(x, chunk_size=x.shape).execute()
            jobs = (lambda: getattr(mt.fft, function)(t, **more).execute(),
                    lambda: getattr(np.fft, function)(x, **more),
                    lambda: getattr(scipy.fft, function)(x, workers=THREADS, **more))
            best = [1e30] * len(jobs)
            for _ in range(ROUNDS):
                for k, job in enumerate(jobs):
                    start = time.perf_counter()
                    made = job()
                    best[k] = min(best[k], (time.perf_counter() - start) * 1e3)
                    del made
            print("%-20s %-10s %8.2f %8.2f %8.2f %6.1f %6.1f" % (name, x.dtype, *best, best[1] / best[0],
                                                                best[2] / best[0]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
