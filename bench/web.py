#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions over http: a tiny execute(), and results beside what the same HTTP library serves from memory.

    ninja -C build && meson devenv -C build python3 ../bench/web.py bench/bench-http [--mib 256] [--rounds 5]

`wanted` is what the project promises: a tiny execute() in 3 ms at most, results with 60 % of the library's bytes a
second at least. What the library serves goes into memory that was touched before: so does one of the two figures.
"""
import argparse
import os
import statistics
import subprocess
import time

import numpy as np

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("bench_http")
parser.add_argument("--mib", type=int, default=256)
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()


def seconds(run, n):
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return taken


os.environ.setdefault("MARS_TOKEN", "the-token-of-this-benchmark")
with new_cluster(n_worker=1, web=True, shared_memory=str(4 * options.mib << 20)) as cluster:
    with new_session("http://" + cluster.web_endpoint) as sess:
        tiny = statistics.median(seconds(lambda: sess.run(mt.ones(3) + 1), 100))
        side = options.mib << 17
        big = mt.zeros(side, chunk_size=side // 8)
        big.execute(session=sess)
        into = np.ones(side)
        size = options.mib << 20
        results = {"results, new array": size / min(seconds(lambda: sess.fetch(big), options.rounds)),
                   "results, touched": size / min(seconds(lambda: sess._fetch(big, into), options.rounds))}
said = subprocess.run([options.bench_http, str(options.mib), str(options.rounds)], capture_output=True, text=True,
                      check=True)
library = float(said.stdout)
print(f"tiny execute()      {tiny * 1e3:6.2f} ms    wanted: at most 3 ms")
for name, ours in results.items():
    print(f"{name:19} {ours / 1e9:6.2f} GB/s  {ours / library:.0%} of {library / 1e9:.2f} GB/s, wanted: 60 %")
