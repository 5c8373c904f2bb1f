#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions over http: a tiny execute(), and results beside what the same HTTP library serves from memory.

    meson devenv -C build python3 ../bench/web.py bench/bench-http [--mib 128] [--rounds 3] [--turns 12] [--way WAY]

WAY is how the client's bytes go:

    socket    the worker is known by its unix socket, as in new_cluster(web=True)
    packaged  it is known by a TCP port and listens at a unix socket, too, as the packages have it
    port      it is reached by TCP alone, as one on another machine
    https     as packaged, behind a certificate

`wanted` is what the project promises: a tiny execute() in 3 ms at most, results with 60 % of the library's bytes a
second at least; over https of those that the library serves over its own TLS. Both go into a new array, and into one
that was touched before, in turns, since the machine is not the same from one minute to the next: each turn has the
library's best of some rounds and ours, and what is printed are the median and the lower quartile of the turns.

With --way port three processes carry each byte. What the machine has for three at that time is measured in the same
turns by bench-relay, which lies beside bench-http: plain loops without frames, digests or events.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import mars.tensor as mt
from mars.session import new_session

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "python"))
from by_hand import Daemon  # noqa: E402

WAYS = ("socket", "packaged", "port", "https")

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("bench_http")
parser.add_argument("--way", action="append", choices=WAYS)
parser.add_argument("--mib", type=int, default=128)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--turns", type=int, default=12)
options = parser.parse_args()


def seconds(run, n):
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return taken


def certificate(folder):
    pair = [f"{folder}/certificate.pem", f"{folder}/key.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=mars", "-addext", "subjectAltName=IP:127.0.0.1", "-out", pair[0],
                    "-keyout", pair[1]], check=True, capture_output=True)
    os.chmod(pair[1], 0o600)
    os.environ["MARS_CA_FILE"] = pair[0]
    return pair


def daemons(folder, way, pair):
    """Scheduler, worker and mars-web; the address of the last."""
    scheduler = f"unix:{folder}/scheduler.sock"
    yield Daemon("mars-scheduler", "--socket", scheduler[5:], "--port", "none", "--state-dir",
                 f"{folder}/state").says("listening")
    worker = ["--port", "none"] if way == "socket" else ["--port", "0", "--key-file", "none"]
    worker += ["--socket", "none" if way == "port" else f"{folder}/worker.sock"]
    yield Daemon("mars-worker", "--schedulers", scheduler, *worker, "--cache-mem", str(4 * options.mib << 20),
                 "--drain", "none", "--spill-dir", folder).says("listening")
    yield Daemon("mars-web", "--schedulers", scheduler, "--port", "0",
                 *(["--certificate", pair[0], "--certificate-key", pair[1]] if way == "https" else []))


def ours(way, pair):
    """Seconds of a tiny execute(), and of each turn, into a new array and a touched one: bytes a second of the library,
    of plain loops, and ours."""
    with tempfile.TemporaryDirectory(prefix="mars-bench-") as folder:
        running = []
        try:
            running.extend(daemons(folder, way, pair))
            where = f"{'https' if way == 'https' else 'http'}://127.0.0.1:{running[-1].port()}"
            with new_session(where) as sess:
                tiny = statistics.median(seconds(lambda: sess.run(mt.ones(3) + 1), 100))
                side = options.mib << 17
                big = mt.zeros(side, chunk_size=side // 8)
                big.execute(session=sess)
                into = np.ones(side)
                turns = []
                for _ in range(options.turns):
                    theirs = library(pair if way == "https" else [])
                    plain = relay() if way == "port" else None
                    taken = [min(seconds(lambda: sess.fetch(big), options.rounds)),
                             min(seconds(lambda: sess._fetch(big, into), options.rounds))]
                    turns.append([(rate, into.nbytes / each, plain) for rate, each in zip(theirs, taken)])
                return tiny, zip(*turns)
        finally:
            for daemon in reversed(running):
                daemon.stop()


def library(pair):
    said = subprocess.run([options.bench_http, str(options.mib), str(options.rounds), *pair], capture_output=True,
                          text=True, check=True)
    return [float(word) for word in said.stdout.split()]


def relay():
    program = pathlib.Path(options.bench_http).with_name("bench-relay")
    said = subprocess.run([program, str(options.mib), "1", "spliced"], capture_output=True, text=True, check=True)
    return max(float(line.split("GB/s")[0].split()[-1]) for line in said.stdout.splitlines()[1:]) * 1e9


os.environ.setdefault("MARS_TOKEN", "the-token-of-this-benchmark")
print("way       execute()    into     library     results    of it: median  lower quartile    wanted: 3 ms, 60 %")
with tempfile.TemporaryDirectory(prefix="mars-bench-") as home:
    made = certificate(home)
    for way in options.way or WAYS:
        tiny, found = ours(way, made)
        for kind, turns in zip(("new", "touched"), found):
            theirs, rates, plain = zip(*turns)
            median = statistics.median
            parts = [rate / ceiling for ceiling, rate in zip(theirs, rates)]
            lower = statistics.quantiles(parts, n=4, method="inclusive")[0]
            print(f"{way:9} {tiny * 1e3:6.2f} ms {kind:>9} {median(theirs) / 1e9:6.2f} GB/s "
                  f"{median(rates) / 1e9:6.2f} GB/s {median(parts):11.0%} {lower:15.0%}", end="")
            if way == "port":
                print(f"    plain loops {median(plain) / 1e9:.2f} GB/s, of the library "
                      f"{median(loop / ceiling for loop, ceiling in zip(plain, theirs)):.0%}, ours of theirs "
                      f"{median(rate / loop for rate, loop in zip(rates, plain)):.0%}", end="")
            print(flush=True)
