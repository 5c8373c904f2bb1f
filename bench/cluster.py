#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler and two workers of one thread each beside a session of two threads in this process, and beside Dask's
distributed scheduler with as many workers where it is installed (python3-distributed).

    meson devenv -C build python3 ../bench/cluster.py [--rounds 3] [--only k-means] [--alone]

Runs alternate; the figures are medians. `wanted` is what the project promises: at most so many times the threaded
session's time. Dask's programs are the same ones, over dask.array.
"""
import argparse
import statistics
import time

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session

try:
    import dask.array
    from distributed import Client, LocalCluster
except ImportError:
    dask = None


def k_means(m, settle, points, rounds=3, k=8):
    centers = points[:k]
    for _ in range(rounds):
        nearest = ((centers**2).sum(axis=1) - 2 * (points @ centers.T)).argmin(axis=1)
        members = (nearest[:, None] == m.arange(k)).astype("f8")
        centers = settle((members.T @ points) / members.sum(axis=0)[:, None])
    return centers


JOBS = {  # name: (program of a namespace, how it sets a seed, and what settles a value; wanted)
    "matmul 3000": (lambda m, rand, settle: (rand(3000, 3000, 750) @ rand(3000, 3000, 750)).sum(), 1.15),
    "transpose + sum 8000": (lambda m, rand, settle: (lambda a: (a + a.T).sum(axis=0))(rand(8000, 8000, 1000)), 1.15),
    "standardize 8000": (lambda m, rand, settle: (lambda a: ((a - a.mean(axis=0)) / a.std(axis=0)).sum())(
        rand(8000, 8000, 1000)), 1.15),
    "k-means 10^6 x 10": (lambda m, rand, settle: k_means(m, settle, settle(rand(1_000_000, 10, 125_000))), 1.15),
    "sort 2*10^7": (lambda m, rand, settle: m.sort(rand(20_000_000, None, 2_500_000))[::1_000_000], 1.15),
}


def mars_run(session, program):
    def rand(rows, columns, chunk):
        shape = (rows,) if columns is None else (rows, columns)
        return mt.random.RandomState(1).rand(*shape, chunk_size=(chunk,) + shape[1:])

    session.run(program(mt, rand, lambda t: t.execute(session=session)))


def dask_run(client, program):
    def rand(rows, columns, chunk):
        shape = (rows,) if columns is None else (rows, columns)
        return dask.array.random.RandomState(1).random_sample(shape, chunks=(chunk,) + shape[1:])

    client.compute(program(dask.array, rand, lambda t: t.persist())).result()


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def tiny(session, n=300):
    def one(k):
        a = mt.ones((3, 3)) * k
        return seconds(lambda: a.execute(session=session))

    return statistics.median(one(k) for k in range(n))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="jobs whose names contain this")
    parser.add_argument("--alone", action="store_true", help="without Dask")
    args = parser.parse_args()

    start = time.perf_counter()
    cluster = new_cluster(n_worker=2, n_cpu=2)
    print(f"new_cluster(n_worker=2)  {1e3 * (time.perf_counter() - start):8.1f} ms  wanted 300")
    threads = new_session(n_threads=2)
    print(f"tiny execute             {1e3 * tiny(cluster.session):8.3f} ms  wanted   1")

    tasks = 200_000
    many = lambda: (mt.ones(tasks * 4, chunk_size=4) + 1).sum()  # noqa: E731
    cluster.session.run(many())
    took = seconds(lambda: cluster.session.run(many()))
    print(f"{tasks} tasks             {took:8.2f} s   {1e6 * took / tasks:.2f} µs a task")

    client = None
    if dask and not args.alone:
        client = Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None))
    print(f"{'':24} {'threads':>9} {'cluster':>9} {'ratio':>7} {'wanted':>7} {'Dask':>9} {'to it':>7}")
    for name, (program, wanted) in JOBS.items():
        if args.only not in name:
            continue
        runs = {"threads": lambda p=program: mars_run(threads, p),
                "cluster": lambda p=program: mars_run(cluster.session, p)}
        if client and not name.startswith("sort"):  # it has none
            runs["dask"] = lambda p=program: dask_run(client, p)
        for run in runs.values():
            run()  # memory is touched
        times = {key: [] for key in runs}
        for _ in range(args.rounds):
            for key, run in runs.items():
                times[key].append(seconds(run))
        median = {key: statistics.median(values) for key, values in times.items()}
        line = f"{name:24} {median['threads']:9.3f} {median['cluster']:9.3f}"
        line += f" {median['cluster'] / median['threads']:7.2f} {wanted:7.2f}"
        if "dask" in median:
            line += f" {median['dask']:9.3f} {median['dask'] / median['cluster']:7.1f}"
        print(line, flush=True)
    cluster.stop()


if __name__ == "__main__":
    main()
