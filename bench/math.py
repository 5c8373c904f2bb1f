#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nanoseconds per element of our functions (bench-math, given as argument) beside NumPy's, and the ratio.

Both work on arrays in the cache: strips of 512 elements here, 4096 there, so that the call weighs nothing.
"""
import subprocess
import sys
import time

import numpy as np

BINARY = ['pow', 'atan2', 'hypot', 'logaddexp', 'logaddexp2']
NUMPY = {'asin': 'arcsin', 'acos': 'arccos', 'atan': 'arctan', 'atan2': 'arctan2', 'asinh': 'arcsinh',
         'acosh': 'arccosh', 'atanh': 'arctanh', 'pow': 'power'}


def numpy_nsec(name, n=4096):
    single = name.endswith('f')
    name = name[:-1] if single else name
    f = getattr(np, NUMPY.get(name, name))
    i = np.arange(n)
    dtype = np.float32 if single else np.float64
    args = [((i * 389 % n + 0.37) / n).astype(dtype), ((i * 173 % n + 0.73) / n).astype(dtype)]
    if name not in BINARY:
        args.pop()
    if name == 'acosh':
        args[0] += 1
    out = np.empty(n, dtype)
    best = 1e30
    for _ in range(30):
        start = time.perf_counter()
        for _ in range(20):
            f(*args, out=out)
        best = min(best, (time.perf_counter() - start) / 20 / n * 1e9)
    return best


print('%-4s %-12s %8s %8s %6s' % ('', 'ns/element', 'ours', 'NumPy', 'ratio'))
for line in subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines():
    level, name, ours = line.split()
    theirs = numpy_nsec(name)
    print('%-4s %-12s %8.2f %8.2f %6.1f' % (level, name, float(ours), theirs, theirs / float(ours)))
