#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds of bench-sort (given as argument, then the number of million elements) beside NumPy's, and the ratio.

Runs of both alternate. Ours has two threads; NumPy's processor time is its time, ours is shown too: on a busy machine
the ratio of NumPy's to half of ours says what a free one would show.
"""

import subprocess
import sys
import time

import numpy as np

ROUNDS = 3
million = int(sys.argv[2]) if len(sys.argv) > 2 else 50
random = np.random.default_rng(0)
real, whole = random.random(million * 10**6), random.integers(0, 10**6, million * 10**6)

JOBS = {
    "sort float64": lambda: np.sort(real),
    "argsort float64": lambda: np.argsort(real, kind="stable"),
    "sort int64": lambda: np.sort(whole),
    "unique int64": lambda: np.unique(whole),
    "percentiles float64": lambda: np.percentile(real, [5, 50, 95]),
    "topk float64": lambda: np.partition(real, -100)[-100:],
}

print("%-20s %8s %8s %8s %8s %6s %6s" % ("seconds", "ours", "cpu", "NumPy", "cpu", "ratio", "cpu"))
for name, job in JOBS.items():
    best = [1e30] * 4
    for _ in range(ROUNDS):
        line = subprocess.run(
            [sys.argv[1], str(million), name], check=True, capture_output=True, text=True
        ).stdout.splitlines()[-1]
        wall, cpu = time.perf_counter(), time.process_time()
        job()
        made = [float(v) for v in line.split()[-2:]] + [time.perf_counter() - wall, time.process_time() - cpu]
        best = [min(a, b) for a, b in zip(best, made)]
    print(
        "%-20s %8.3f %8.3f %8.3f %8.3f %6.1f %6.1f" % (name, *best, best[2] / best[0], best[3] / (best[1] / 2)),
        flush=True,
    )
