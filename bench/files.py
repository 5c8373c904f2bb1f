#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Seconds to read and to write arrays in files, beside the packages that others use, and the ratio.

    meson devenv -C build python3 ../bench/files.py [MILLION ELEMENTS] [JOB ...]

What is read goes into a sum, what is written is there already. Files are in the page cache. Ours has two threads; zarr
and NumPy have one, but for the codec of blosc.
"""
import os
import shutil
import sys
import tempfile
import time

import h5py
import numpy as np
import zarr

import mars.tensor as mt
from mars.session import new_session

ROUNDS = 3
million = float(sys.argv[1]) if len(sys.argv) > 1 else 8
columns = 2000
rows = int(million * 10**6) // columns
session = new_session(n_threads=2).as_default()
smooth = np.round(np.sin(np.arange(rows * columns) / 1000) * 1000, 1).reshape(rows, columns)
t = mt.tensor(smooth, chunk_size=(500, 1000)).execute()
where = tempfile.mkdtemp()
table = smooth[:rows // 20]


def path(name):
    return os.path.join(where, name)


def fresh(name):
    shutil.rmtree(path(name), ignore_errors=True)
    return path(name)


def theirs(name, compressor):
    zarr.open(fresh(name), mode="w", shape=smooth.shape, chunks=(500, 1000), compressor=compressor)[...] = smooth


def hdf5(name, a, **more):
    with h5py.File(path(name), "w") as file:
        file.create_dataset("x", data=a, **more)


def read_hdf5():
    with h5py.File(path("h5")) as file:
        return file["x"][...].sum()


def write_hdf5():
    if os.path.exists(path("ours.h5")):
        os.unlink(path("ours.h5"))
    mt.to_hdf5(path("ours.h5"), t, dataset="x")


theirs("blosc", zarr.Blosc())
theirs("zstd", zarr.Zstd(1))
theirs("plain", None)
hdf5("h5", smooth, chunks=(500, 1000))
np.savetxt(path("text"), table, fmt="%.6f", delimiter=",")


def zarr_read(name):
    return (lambda: mt.from_zarr(path(name)).sum().execute(), lambda: zarr.open(path(name), mode="r")[...].sum())


JOBS = {
    "read zarr blosc": zarr_read("blosc"),
    "read zarr zstd": zarr_read("zstd"),
    "read zarr plain": zarr_read("plain"),
    "write zarr blosc": (lambda: mt.to_zarr(path("ours"), t), lambda: theirs("theirs", zarr.Blosc())),
    "write zarr zstd": (lambda: mt.to_zarr(path("ours"), t, compressor=zarr.Zstd(1)),
                        lambda: theirs("theirs", zarr.Zstd(1))),
    "read hdf5": (lambda: mt.from_hdf5(path("h5"), dataset="x").sum().execute(), read_hdf5),
    "write hdf5": (write_hdf5, lambda: hdf5("theirs.h5", smooth)),
    "read text": (lambda: mt.loadtxt(path("text"), delimiter=",").sum().execute(),
                  lambda: np.loadtxt(path("text"), delimiter=",").sum()),
}

print(f"{rows * columns / 1e6:.0f} million float64; of text {table.size / 1e6:.1f}")
print("%-18s %8s %8s %6s" % ("seconds", "ours", "theirs", "ratio"))
try:
    for name, (ours, others) in JOBS.items():
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        best = [1e30, 1e30]
        for _ in range(ROUNDS):
            for k, job in enumerate((ours, others)):
                begin = time.perf_counter()
                job()
                best[k] = min(best[k], time.perf_counter() - begin)
        print("%-18s %8.3f %8.3f %6.1f" % (name, *best, best[1] / best[0]), flush=True)
finally:
    shutil.rmtree(where)
