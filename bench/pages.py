#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a page that is open costs: bytes a second, and processor time of mars-web and of the scheduler.

    meson devenv -C build python3 ../bench/pages.py bench/bench-crowd [--workers 1000] [--rate 100000] [--pages 1]

A scheduler of this build, workers that only say they are (bench-crowd), and pages: event streams with the topics that
a page of pages has open. With --rate, that many tasks a second are done meanwhile. Nobody looking, pages that are sent
everything (changes=0) and pages that are sent what changed (changes=1) take turns. CPU is in per cent of one core.
Of the scheduler's, `for pages` is what it has spent on answers to them by its own count
(mars_scheduler_answer_seconds_total), which no load hides: at most 1 % is wanted.
"""
import argparse
import contextlib
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import mars.tensor as mt
from mars.session import new_session

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "python"))
from by_hand import Daemon  # noqa: E402

TOPICS = "overview,history,workers"
TOKEN = "the-token-of-this-benchmark"
WAYS = ("nobody", "whole", "changes")

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("bench_crowd")
parser.add_argument("--workers", type=int, default=1000)
parser.add_argument("--rate", type=int, default=0)
parser.add_argument("--pages", type=int, default=1)
parser.add_argument("--seconds", type=float, default=5)
parser.add_argument("--turns", type=int, default=4)
parser.add_argument("--topics", default=TOPICS)
options = parser.parse_args()


class Pages:
    """Event streams that somebody reads; how many bytes and events came so far."""

    def __init__(self, port, changes):
        self.n_bytes = self.n_events = 0
        self.connections = []
        self.threads = []
        for _ in range(options.pages):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", f"/api/v1/events?topics={options.topics}&changes={changes}",
                               headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            self.connections.append(connection.sock or answer.fp.raw._sock)
            self.threads.append(threading.Thread(target=self.read, args=(answer,)))
            self.threads[-1].start()

    def read(self, answer):
        with contextlib.suppress(ConnectionError):  # the end
            while line := answer.readline():
                self.n_bytes += len(line)
                self.n_events += line.startswith(b"event")

    def close(self):
        for sock in self.connections:
            sock.shutdown(2)
        for thread in self.threads:
            thread.join()


def cpu_seconds(daemon):
    ran = pathlib.Path(f"/proc/{daemon.process.pid}/schedstat").read_text().split()
    return int(ran[0]) * 1e-9


def measure(scheduler, web, port, way):
    """Of each second: bytes and events of a page, per cent of a core of the scheduler, of that for pages, of mars-web,
    and tasks."""
    pages = Pages(port, int(way == "changes")) if way != "nobody" else None
    time.sleep(1.5)  # the first answers, which are whole, are not what is measured

    def now():
        said = overview(port)
        return (time.monotonic(), pages.n_bytes if pages else 0, pages.n_events if pages else 0,
                cpu_seconds(scheduler), said["answer_seconds"], cpu_seconds(web), said["tasks_done"])

    before = now()
    time.sleep(options.seconds)
    seconds, size, events, *cpu, done = [after - since for since, after in zip(before, now())]
    if pages:
        pages.close()
    return (size / seconds / options.pages, events / seconds / options.pages,
            *(100 * each / seconds for each in cpu), done / seconds)


def overview(port):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/v1/overview", headers={"Authorization": f"Bearer {TOKEN}"})
    return json.loads(connection.getresponse().read())


def main():
    os.environ["MARS_TOKEN"] = TOKEN
    with tempfile.TemporaryDirectory(prefix="mars-bench-") as folder:
        at = f"unix:{folder}/scheduler"
        scheduler = Daemon("mars-scheduler", "--socket", at[5:], "--port", "none", "--state-dir",
                           f"{folder}/state").says("listening")
        crowd = subprocess.Popen([options.bench_crowd, at, str(options.workers),
                                  *([str(options.rate)] if options.rate else [])], stdout=subprocess.PIPE, text=True)
        assert "are there" in crowd.stdout.readline()
        web = Daemon("mars-web", "--schedulers", at, "--port", "0")
        port = web.port()
        session = new_session(at)
        if options.rate:
            n = int(options.rate * len(WAYS) * options.turns * (options.seconds + 3))
            future = mt.arange(4 * n, chunk_size=4).sum().execute(session=session, wait=False)
            while future.progress() == 0:  # it is planned first
                time.sleep(0.1)
        found = {way: [] for way in WAYS}
        for _ in range(options.turns):
            for way in WAYS:
                found[way].append(measure(scheduler, web, port, way))
        print(f"{options.workers} workers, {options.pages} pages, topics {options.topics}; of {options.turns} turns "
              f"of {options.seconds} s, the medians")
        print("way        bytes/s of a page  events/s  scheduler  for pages   mars-web   tasks/s")
        for way, turns in found.items():
            size, events, *percent, tasks = (statistics.median(column) for column in zip(*turns))
            print(f"{way:9} {size:18,.0f} {events:9.1f} {percent[0]:8.2f} % {percent[1]:8.2f} % {percent[2]:8.2f} % "
                  f"{tasks:9,.0f}")
        if options.rate:
            assert not future.done(), "the tasks were not enough"
            future.cancel()
        session.close()
        crowd.terminate()
        crowd.wait()
        for daemon in (web, scheduler):
            daemon.stop()


main()
