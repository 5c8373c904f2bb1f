# SPDX-License-Identifier: Apache-2.0
"""Arrays in files that others write and read: Zarr, HDF5, text, images; and anything that has slices. In both
directions, with sessions of threads and of a cluster, and larger than memory."""
import os
import subprocess
import sys
import threading

import h5py
import numpy as np
import pytest
import zarr
from numcodecs import LZMA, Blosc, Delta, GZip, Zlib, Zstd
from PIL import Image

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import Corrupt
from mars.session import new_session

DTYPES = "?1 i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16".replace("?1", "b1").split()
A = np.random.default_rng(5).normal(size=(61, 43, 3)) * 100


@pytest.fixture(scope="module")
def cluster():
    with new_cluster(n_worker=2) as made, new_session(made.endpoint) as session:
        yield session


def value(t, session=None):
    return t.execute(session=session).fetch(session=session)


def same(t, a, session=None):
    got = value(t, session)
    assert got.dtype == a.dtype.newbyteorder("=") and got.shape == a.shape
    assert np.array_equal(got, a, equal_nan=a.dtype.kind in "fc")


# ---- Zarr ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", DTYPES)
def test_what_zarr_writes_is_read_and_what_is_written_zarr_reads(dtype, tmp_path):
    a = A.astype(dtype)
    for k, compressor in enumerate((Blosc(), Blosc("zstd", 3, Blosc.BITSHUFFLE), Zlib(1), GZip(5), Zstd(3), None)):
        for order in "CF":
            theirs = zarr.open(str(tmp_path / f"theirs{k}{order}"), mode="w", shape=a.shape, chunks=(20, 10, 2),
                               order=order, dtype=("<" if k % 2 else ">") + dtype, compressor=compressor,
                               dimension_separator="./"[k % 2])
            theirs[...] = a
            same(mt.from_zarr(tmp_path / f"theirs{k}{order}"), a)
        mt.to_zarr(tmp_path / f"ours{k}", mt.tensor(a, chunk_size=(20, 10, 2)), compressor=compressor,
                   dimension_separator="./"[k % 2])
        ours = zarr.open(str(tmp_path / f"ours{k}"), mode="r")
        assert ours.dtype == a.dtype and ours.chunks == (20, 10, 2) and np.array_equal(ours[...], a)
        assert (ours.compressor and ours.compressor.codec_id) == (compressor and compressor.codec_id)


def test_times_go_through_zarr(tmp_path):
    for dtype in ("M8[ns]", "m8[D]", "M8[s]"):
        a = (A * 1e6).astype("i8").view(dtype)
        zarr.save_array(str(tmp_path / "theirs"), a, chunks=(20, 10, 2))
        same(mt.from_zarr(tmp_path / "theirs"), a)
        mt.to_zarr(tmp_path / "ours", mt.tensor(a, chunk_size=20))
        ours = zarr.open(str(tmp_path / "ours"), mode="r")
        assert ours.dtype == a.dtype and np.array_equal(ours[...], a)
        same(mt.from_array(Slices(a), chunk_size=20), a)
        with pytest.raises(TypeError, match="take version 2"):
            mt.to_zarr(tmp_path / "ours", mt.tensor(a), zarr_format=3)


@pytest.mark.parametrize("chunk_size", [None, (20, 10, 2), (40, 43, 3), (7, 11, 1), 1000, ((30, 31), (43,), (1, 2))])
def test_zarr_is_cut_as_one_likes(chunk_size, tmp_path):
    zarr.save_array(str(tmp_path / "a"), A, chunks=(20, 10, 2))
    t = mt.from_zarr(tmp_path / "a", chunk_size=chunk_size)
    same(t[5:50, ::2], A[5:50, ::2])
    same(t, A)


def test_chunks_that_are_missing_have_the_fill_value(tmp_path):
    fills = [("f8", np.nan), ("f4", -np.inf), ("i2", -7), ("c16", 1 + 2j), ("b1", True), ("u8", 2**64 - 1)]
    for k, (dtype, fill) in enumerate(fills):
        z = zarr.open(str(tmp_path / f"{k}"), mode="w", shape=(50, 50), chunks=(20, 20), dtype=dtype, fill_value=fill)
        z[25:30, 25:30] = 1
        same(mt.from_zarr(tmp_path / f"{k}"), z[...])


def test_arrays_in_groups_and_objects_of_the_zarr_package_are_read(tmp_path):
    root = zarr.open_group(str(tmp_path / "g"), mode="w")
    root.create_dataset("x/y", data=A, chunks=(30, 30, 3))
    same(mt.from_zarr(tmp_path / "g", "x", "y"), A)
    same(mt.from_zarr(root, "x", "y"), A)
    same(mt.from_zarr(root["x/y"], chunk_size=20), A)
    mt.to_zarr(tmp_path / "g", mt.tensor(A) * 2, "x", "z")
    mt.to_zarr(tmp_path / "h", mt.tensor(A) * 2, "x", "z")
    assert np.array_equal(zarr.open(str(tmp_path / "g"))["x/z"][...], A * 2)
    assert np.array_equal(zarr.open(str(tmp_path / "h"))["x/z"][...], A * 2)
    for name in ("../g", "x/../../g"):
        with pytest.raises(ValueError, match="no name within"):
            mt.from_zarr(tmp_path / "g", name, "y")


def test_array_is_replaced_when_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a"
    mt.to_zarr(path, mt.tensor(A, chunk_size=10))
    with pytest.raises(FileExistsError):
        mt.to_zarr(path, mt.ones(3), overwrite=False)
    with pytest.raises(ValueError):
        mt.to_zarr(path, mt.ones(3), compressor="lzma")
    bad = mt.linalg.cholesky(mt.tensor([[-1.0]]))
    with pytest.raises(np.linalg.LinAlgError):
        mt.to_zarr(path, bad)
    same(mt.from_zarr(path), A)
    mt.to_zarr(path, mt.ones((3, 4)), zarr_format=3)
    same(mt.from_zarr(path), np.ones((3, 4)))
    assert os.listdir(tmp_path) == ["a"] and not (path / ".zarray").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    with pytest.raises(FileExistsError, match="no Zarr array"):
        mt.to_zarr(tmp_path / "mine", mt.ones(3))
    assert (tmp_path / "mine" / "letter").read_text() == "dear"


def test_what_is_no_array_is_not_replaced_by_one(tmp_path):
    np.save(tmp_path / "a.npy", A)
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    for name in ("a.npy", "link"):
        with pytest.raises(FileExistsError, match="is there already, and is no Zarr array"):
            mt.to_zarr(tmp_path / name, mt.ones(3))
    assert np.array_equal(np.load(tmp_path / "a.npy"), A)
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "link"]


def test_masked_elements_of_what_is_read_are_an_error_of_who_needs_them():
    class Variable:  # as netCDF4 has them
        values = np.ma.masked_greater(np.arange(10.0), 7)
        shape, dtype = values.shape, values.dtype

        def __getitem__(self, key):
            return self.values[key]

    t = mt.from_array(Variable(), chunk_size=4)
    assert float(t[:8].sum()) == 28
    with pytest.raises(ValueError, match="no masks"):
        t.sum().execute()


def test_what_cannot_be_read_is_refused_in_words(tmp_path):
    for name, more in (("lzma", dict(compressor=LZMA())), ("delta", dict(filters=[Delta("f8")])), ("objects", {})):
        if name == "objects":
            zarr.open(str(tmp_path / name), mode="w", shape=3, dtype=str)
        else:
            zarr.save_array(str(tmp_path / name), A, **more)
    with pytest.raises(NotImplementedError, match="'lzma'"):
        mt.from_zarr(tmp_path / "lzma")
    with pytest.raises(NotImplementedError, match="'delta'"):
        mt.from_zarr(tmp_path / "delta")
    with pytest.raises(TypeError, match="plain numbers"):
        mt.from_zarr(tmp_path / "objects")
    with pytest.raises(FileNotFoundError):
        mt.from_zarr(tmp_path / "nothing")
    zarr.save_array(str(tmp_path / "a"), A, chunks=(30, 43, 3))
    with open(tmp_path / "a" / "1.0.0", "r+b") as file:
        file.truncate(100)
    with pytest.raises(Corrupt, match="1.0.0"):
        mt.from_zarr(tmp_path / "a").sum().execute()


# ---- HDF5 ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("more", [{}, dict(chunks=(20, 10, 3)), dict(chunks=True, compression="gzip")])
def test_hdf5_is_read_and_written(more, tmp_path):
    path = tmp_path / "a.h5"
    for dtype in DTYPES:
        a = A.astype(dtype)
        with h5py.File(path, "w") as file:
            file.create_dataset("g/x", data=a, **more)
        t = mt.from_hdf5(path, "g", "x")
        same(t, a)
        same(mt.from_hdf5(path, dataset="g/x", chunk_size=25)[10:20], a[10:20])
        mt.to_hdf5(path, t, "g", "y", **more)
        mt.to_hdf5(path, t[0, 0, 0], dataset="number")
        with h5py.File(path) as file:
            assert file["g/y"].dtype == a.dtype and np.array_equal(file["g/y"][...], a) and len(file["g"]) == 2
            assert file["number"][()] == a[0, 0, 0]
            same(mt.from_hdf5(file["g/y"]), a)
            same(mt.from_hdf5(file, "g", "y"), a)
    with pytest.raises(ValueError, match="already"):
        mt.to_hdf5(path, t, "g", "y")
    with pytest.raises(ValueError, match="dataset="):
        mt.from_hdf5(path)
    with pytest.raises(np.linalg.LinAlgError):
        mt.to_hdf5(path, mt.linalg.cholesky(mt.tensor([[-1.0]])), dataset="bad")
    with h5py.File(path) as file:
        assert sorted(file) == ["g", "number"]


# ---- Anything that has slices ----------------------------------------------------------------------------------------

class Slices:
    """Counts what is read of it."""

    def __init__(self, a, chunks=None):
        self.a, self.shape, self.dtype, self.chunks = a, a.shape, a.dtype, chunks
        self.read, self.lock = 0, threading.Lock()

    def __getitem__(self, key):
        part = self.a[key]
        with self.lock:
            self.read += part.size
        return part


def test_objects_are_read_when_and_where_they_are_needed():
    x = Slices(A)
    t = mt.from_array(x, chunk_size=(10, 43, 3))
    assert t.shape == A.shape and x.read == 0
    same(t[20:25], A[20:25])
    assert x.read == A[20:30].size
    same(t, A)
    assert x.read == A.size  # what was read before is still there
    x = Slices(A, chunks=(7, 43, 2))
    assert all(n % 7 == 0 for n in mt.from_array(x).nsplits[0][:-1])
    same(mt.from_array(x, chunk_size=11), A)
    same(mt.from_array(Slices(A[0, 0, :1].reshape(()))), A[0, 0, 0].reshape(())[()])
    same(mt.from_array(Slices(A[:0])), A[:0])


def test_what_reading_raises_is_raised_where_the_values_are_wanted():
    class Broken(Slices):
        def __getitem__(self, key):
            raise KeyError("torn out") if key[0].start == 0 else RuntimeError("eaten")

    t = mt.from_array(Broken(A), chunk_size=(10, 43, 3))
    with pytest.raises(RuntimeError, match="eaten"):
        t[20:].sum().execute()
    with pytest.raises(Exception, match="torn out"):
        t[:5].sum().execute()
    lying = Slices(A)
    lying.shape = (99, 43, 3)
    with pytest.raises(ValueError, match="broadcast"):
        mt.from_array(lying, chunk_size=(10, 43, 3)).sum().execute()


def test_memory_maps_are_read_where_they_are(tmp_path):
    np.save(tmp_path / "a.npy", A)
    same(mt.from_array(np.load(tmp_path / "a.npy", mmap_mode="r"), chunk_size=20), A)
    a = A.copy()
    t = mt.from_array(a)
    a[...] = 0
    same(t, A)


def test_data_frames_and_stores_that_are_none_of_ours_are_refused():
    for name in "from_tiledb fromtiledb to_tiledb totiledb from_vineyard fromvineyard to_vineyard tovineyard".split():
        with pytest.raises(NotImplementedError, match=name):
            getattr(mt, name)("x")
    with pytest.raises(TypeError, match="DataFrame"):
        mt.from_dataframe([1])


# ---- Text ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("more", [
    {}, dict(delimiter=","), dict(skiprows=3), dict(usecols=(2, 0)), dict(usecols=1), dict(unpack=True),
    dict(max_rows=7), dict(delimiter=",", skiprows=2, max_rows=5, usecols=[-1], ndmin=2), dict(max_rows=1),
    dict(max_rows=1, ndmin=1), dict(dtype="f4"), dict(unpack=True, usecols=(0, 1)), dict(comments="%")])
def test_text_is_read_as_numpy_reads_it(more, tmp_path):
    path = tmp_path / "a.txt"
    with open(path, "w") as file:
        np.savetxt(file, A[:, :3, 0], delimiter=more.get("delimiter", " "), comments=more.get("comments", "#"),
                   header="a b c\nmore")
        file.write("\n\n" + more.get("comments", "#") + " the end\n")
    want, got = np.loadtxt(path, **more), mt.loadtxt(path, **more)
    assert isinstance(want, np.ndarray) or len(want) == len(got)
    np.testing.assert_array_equal(np.array([np.asarray(t) for t in got]) if more.get("unpack") else got, want)
    np.savetxt(path, (A[:, :3, 0] * 1000).astype("i8"), fmt="%d")
    for dtype in ("i4", "u8", "f8") if "dtype" not in more and not more.get("delimiter") else ():
        if dtype != "u8":
            np.testing.assert_array_equal(np.array([np.asarray(t) for t in mt.loadtxt(path, dtype, **more)])
                                          if more.get("unpack") else mt.loadtxt(path, dtype, **more),
                                          np.loadtxt(path, dtype, **more))


def test_text_with_holes_is_read_as_numpy_reads_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y,z\n1,2,3\n,5,\n# no\n7,eight,9\n\n10, ,12\n")
    for more in ({}, dict(filling_values=-5.5), dict(usecols=(0, 2)), dict(max_rows=2)):
        want = np.genfromtxt(path, delimiter=",", skip_header=1, **more)
        np.testing.assert_array_equal(mt.genfromtxt(path, delimiter=",", skip_header=1, **more), want)
    with pytest.raises(ValueError, match="line 3, column 1: '' is no float64"):
        mt.loadtxt(path, delimiter=",", skiprows=1).sum().execute()


def test_texts_of_files_that_are_not_plain_go_through_numpy(tmp_path):
    np.savetxt(tmp_path / "a.gz", A[:, :, 0])
    same(mt.loadtxt(tmp_path / "a.gz"), A[:, :, 0])
    (tmp_path / "hex").write_text("0x10 0x20\n")
    same(mt.loadtxt(tmp_path / "hex", converters=lambda s: int(s, 16)), np.array([16.0, 32.0]))


# ---- Images ----------------------------------------------------------------------------------------------------------

def test_images_are_read_one_by_one_and_stacked(tmp_path):
    frames = np.random.default_rng(1).integers(0, 255, (7, 20, 30, 3)).astype("u1")
    for k, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / f"{k}.png")
    same(mt.imread(tmp_path / "0.png"), frames[0])
    same(mt.images.imread(str(tmp_path / "*.png"), chunk_size=2), frames)
    same(mt.imread([tmp_path / "3.png", tmp_path / "1.png"])[1], frames[1])
    Image.fromarray(frames[0, :5]).save(tmp_path / "4.png")
    with pytest.raises(ValueError, match="4.png"):
        mt.imread(str(tmp_path / "*.png")).sum().execute()
    with pytest.raises(FileNotFoundError):
        mt.imread(str(tmp_path / "*.jpg"))
    with pytest.raises(FileNotFoundError):
        mt.imread(tmp_path / "x.jpg")


# ---- Clusters --------------------------------------------------------------------------------------------------------

def test_cluster_computes_with_what_its_client_reads(cluster, tmp_path):
    zarr.save_array(str(tmp_path / "a"), A, chunks=(20, 10, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", data=A, chunks=(20, 10, 3))
    np.savetxt(tmp_path / "a.txt", A[:, :, 0])
    same(mt.from_zarr(tmp_path / "a") + mt.from_hdf5(tmp_path / "a.h5", dataset="x"), A + A, cluster)
    same(mt.loadtxt(tmp_path / "a.txt", chunk_size=10) * 2, A[:, :, 0] * 2, cluster)
    t = mt.from_array(Slices(A), chunk_size=9)
    same(t, A, cluster)
    mt.to_zarr(tmp_path / "b", t * 2, session=cluster)
    assert np.array_equal(zarr.open(str(tmp_path / "b"), mode="r")[...], A * 2)


def test_cluster_is_told_why_a_chunk_cannot_be_read(cluster, tmp_path):
    zarr.save_array(str(tmp_path / "a"), A, chunks=(20, 43, 3))
    with open(tmp_path / "a" / "1.0.0", "r+b") as file:
        file.truncate(100)
    with pytest.raises(Corrupt, match="1.0.0"):
        mt.from_zarr(tmp_path / "a", chunk_size=(20, 43, 3)).execute(session=cluster)
    same(mt.tensor(A), A, cluster)


# ---- Larger than memory ----------------------------------------------------------------------------------------------

LARGE = """
import os, resource, sys
import numpy as np
import mars.tensor as mt
from mars.session import new_session

kind, path = sys.argv[1:]
session = new_session(memory_bytes=32 << 20).as_default()
rows, columns = 16384, 1000  # 125 MiB, four times the memory of the session
x = mt.arange(rows * columns, dtype="f8", chunk_size=500_000).reshape(rows, columns)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
if kind == "zarr":
    mt.to_zarr(path, x, chunks=(1024, 250)); t = mt.from_zarr(path)
elif kind == "zarr3":
    mt.to_zarr(path, x, chunks=(1024, 250), zarr_format=3, compressor="zstd"); t = mt.from_zarr(path)
elif kind == "hdf5":
    mt.to_hdf5(path, x, dataset="x", chunks=(1024, 250)); t = mt.from_hdf5(path, dataset="x")
elif kind == "npy":
    mt.save(path + ".npy", x); t = mt.load(path + ".npy")
elif kind == "npz":
    mt.savez(path + ".npz", x=x); t = mt.load(path + ".npz")["x"]
elif kind == "text":
    mt.savetxt(path, x, fmt="%d", delimiter=","); t = mt.loadtxt(path, delimiter=",")
elif kind == "array":
    class Counted:
        shape, dtype = (rows, columns), np.dtype("f8")
        def __getitem__(self, key):
            r, c = key
            return np.arange(r.start, r.stop)[:, None] * columns + np.arange(c.start, c.stop)[None] + 0.0
    t = mt.from_array(Counted())
del x
assert float(t[rows // 2, 5].execute().fetch()) == rows // 2 * columns + 5
n = rows * columns
assert float(t.sum().execute().fetch()) == n * (n - 1) / 2
assert float((t * 2).max().execute().fetch()) == 2 * (n - 1)
print(peak())
"""


@pytest.mark.parametrize("kind", ["zarr", "zarr3", "hdf5", "npy", "npz", "text", "array"])
def test_what_is_four_times_the_memory_is_written_and_read(kind, tmp_path):
    done = subprocess.run([sys.executable, "-c", LARGE, kind, str(tmp_path / "a")], capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr
    print(kind, "peak", done.stdout.strip(), "MiB")
