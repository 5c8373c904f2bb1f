#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What everything costs besides the work itself, seen from Python: each line a figure and its bound.

    meson devenv -C build python3 ../bench/overheads.py

The best of many rounds for what takes microseconds; of the processes, which the file cache and the scheduler disturb,
the median of the differences between neighbours. bench-build and bench-sched measure the same from C.
"""
import os
import resource
import statistics
import subprocess
import sys
import time

import mars.tensor as mt
from mars.session import new_session

N_OPS, N_TASKS = 1000, 1_000_000


def best(function, rounds, per=1):
    """Microseconds of one of `per` parts."""
    result = 1e30
    for _ in range(rounds):
        start = time.perf_counter()
        kept = function()
        result = min(result, time.perf_counter() - start)
        del kept
    return result * 1e6 / per


def chain(other):
    def build():
        x = start
        for _ in range(N_OPS):
            x = x + other
        return x

    start = mt.ones((1000, 1000))
    return build


def tiny():
    return (mt.ones(3) + 1).execute()


def process(code):
    """Milliseconds. Modules are read as Python has compiled them, also where the environment forbids to keep that."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return (time.perf_counter() - start) * 1e3


def start_msec(rounds=15):
    """A first tiny result in a fresh process, beyond one that imports NumPy."""
    ours, numpy = "import mars.tensor as mt; (mt.ones(3) + 1).execute()", "import numpy"
    process(ours), process(numpy)
    return statistics.median(process(ours) - process(numpy) for _ in range(rounds))


def show(name, value, bound, unit):
    print(f"{name:44}{value:10.3f} {unit:4} at most {bound:g}{'' if value <= bound else '  ABOVE'}", flush=True)


def main():
    show("build, an operation (x + 1)", best(chain(1), 50, N_OPS), 2, "us")
    show("build, an operation (x + y)", best(chain(mt.ones((1000, 1000))), 50, N_OPS), 2, "us")
    with new_session().as_default():
        show("tiny execute()", best(tiny, 2000), 50, "us")
        show("a first result in a fresh process", start_msec(), 60, "ms")
        many = lambda: (mt.ones(N_TASKS, chunk_size=1) + 1).sum().execute()  # noqa: E731
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        show("a million tasks, each", best(many, 3, N_TASKS), 1, "us")
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / N_TASKS
        show("a million tasks, memory of each", more, 400, "B")


if __name__ == "__main__":
    main()
