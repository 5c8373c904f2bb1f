# SPDX-License-Identifier: Apache-2.0
"""Archives (.npz) are those that NumPy reads and writes, whatever their members are cut into however large."""
import zipfile

import numpy as np
import pytest

import mars.tensor as mt
from mars.session import new_session

X = np.random.default_rng(0).random((5, 7))


def test_members_of_archives_are_written_whole_whatever_their_cuts(tmp_path):
    want = {"rows": np.arange(300_000.0).reshape(300, 1000), "tiles": np.arange(90_000).reshape(300, 300),
            "ünïcode": X, "none": np.zeros((0, 3))}
    cuts = {"rows": (7, 1000), "tiles": (11, 13), "ünïcode": 1, "none": 1}
    mt.savez(tmp_path / "a", **{k: mt.tensor(v, chunk_size=cuts[k]) + 0 for k, v in want.items()})
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
        assert [info.filename for info in archive.infolist()] == [k + ".npy" for k in want]
    with np.load(tmp_path / "a.npz") as back:
        assert all(np.array_equal(back[k], v) and back[k].dtype == v.dtype for k, v in want.items())
    mt.savez(tmp_path / "nothing")
    with np.load(tmp_path / "nothing.npz") as back:
        assert back.files == []
    mt.savez(bytes(tmp_path / "b.npz"), X)
    assert np.array_equal(np.load(tmp_path / "b.npz")["arr_0"], X)


def test_archives_larger_than_the_cache_are_written_in_pieces(tmp_path):
    with new_session(cache_mem="8m", n_threads=2) as session:
        session.as_default()
        t = mt.arange(4_000_000.0, chunk_size=300_000)
        mt.savez(tmp_path / "a", x=t, y=(t + 1).reshape(2000, 2000).rechunk(400))
        with zipfile.ZipFile(tmp_path / "a.npz") as archive:
            assert archive.testzip() is None
    with np.load(tmp_path / "a.npz") as back:
        assert np.array_equal(back["x"], np.arange(4e6))
        assert np.array_equal(back["y"], np.arange(1, 4e6 + 1).reshape(2000, 2000))


@pytest.mark.parametrize("write", ["savez", "savez_compressed"])
def test_archives_are_numpys(write, tmp_path):
    arrays = {"x": X, "none": np.zeros((0, 3), "i2"), "number": np.array(3.5), "c": X[0] * 1j}
    getattr(mt, write)(tmp_path / "a", mt.tensor(X > 0.5), **{k: mt.tensor(v) for k, v in arrays.items()})
    with np.load(tmp_path / "a.npz") as ours, mt.load(tmp_path / "a.npz", chunk_size=2) as back:
        assert sorted(ours.files) == sorted(back) == sorted([*arrays, "arr_0"]) and len(back) == 5
        for name, want in {**arrays, "arr_0": X > 0.5}.items():
            assert ours[name].dtype == want.dtype and np.array_equal(ours[name], want)
            assert np.array_equal(back[name], want)
    assert [f.name for f in tmp_path.iterdir()] == ["a.npz"]
    with pytest.raises(ValueError):
        getattr(mt, write)(tmp_path / "b", X, arr_0=X)


@pytest.mark.parametrize("dtype", ["?", "i2", "u8", "f2", "f8", "c8", "M8[us]", "m8[s]"])
@pytest.mark.parametrize("shape, chunk_size", [((5, 7), 3), ((0, 3), None), ((), None), ((1000,), 17)])
def test_open_files_are_written_and_read_from_where_they_are(tmp_path, dtype, shape, chunk_size):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype("i8" if dtype[0] in "mM" else dtype).astype(dtype)
    t = mt.tensor(x, chunk_size=chunk_size)
    with open(tmp_path / "both", "w+b") as file:
        file.write(b"head")
        mt.save(file, t)
        np.save(file, x)
        mt.save(file, t)
        file.seek(4)
        for load in (np.load, mt.load, mt.load):
            back = load(file)
            assert back.dtype == x.dtype and back.shape == x.shape and np.array_equal(back, x)
        assert file.read() == b""


def test_open_archives_are_told_from_arrays(tmp_path):
    with open(tmp_path / "a", "w+b") as file:
        mt.savez(file, x=X)
        file.seek(0)
        assert np.array_equal(mt.load(file)["x"], X)
    with open(tmp_path / "nothing", "w+b") as file, pytest.raises((EOFError, ValueError)):
        mt.load(file)
    with open(tmp_path / "text", "w") as file, pytest.raises(TypeError):
        mt.save(file, X)


def test_the_session_that_is_named_writes_to_open_files(tmp_path):
    with new_session(n_threads=1) as session, open(tmp_path / "a", "w+b") as file:
        t = mt.arange(2_000_000.0, chunk_size=300_000) + 1
        mt.save(file, t, session=session)
        assert session._executed(t)
        file.seek(0)
        assert np.array_equal(np.load(file), np.arange(1, 2e6 + 1))


@pytest.mark.parametrize("chunk_size", [None, 7, (1999, 77), {0: 501}])
@pytest.mark.parametrize("opened", [False, True])
def test_members_that_are_compressed_are_read_in_pieces_and_in_any_order(tmp_path, chunk_size, opened):
    x = np.random.default_rng(1).integers(0, 50, (3000, 300))
    want = {"x": x[:40] if chunk_size == 7 else x, "f": np.asfortranarray(x[:50]) * 0.5, "none": np.zeros((0, 3)),
            "big": x[:5].astype(">f4"), "times": x[:2].astype("M8[us]"), "bool": x[:9] > 20}
    np.savez_compressed(tmp_path / "a.npz", number=np.array(3.5), line=x[0] * 1j, **want)
    file = open(tmp_path / "a.npz", "rb") if opened else tmp_path / "a.npz"
    archive = mt.load(file, chunk_size=chunk_size)
    tensors = {name: archive[name] for name in want}
    if opened:
        file.close()
    for name, t in tensors.items():
        assert t.dtype == want[name].dtype.newbyteorder("=") and t.shape == want[name].shape
        assert np.array_equal(t, want[name])
        assert np.array_equal(t[::-1][:30], want[name][::-1][:30])
    with mt.load(tmp_path / "a.npz") as archive:
        assert float(archive["number"]) == 3.5 and np.array_equal(archive["line"], x[0] * 1j)


def test_compressed_members_and_raw_numbers_are_larger_than_the_cache(tmp_path):
    x = np.arange(6_000_000.0)
    np.savez_compressed(tmp_path / "a.npz", x=x)
    x.tofile(tmp_path / "raw")
    with new_session(cache_mem="8m", n_threads=2) as session:
        for t in (mt.load(tmp_path / "a.npz", chunk_size=200_000)["x"],
                  mt.fromfile(tmp_path / "raw", chunk_size=200_000)):
            assert float(t.sum().execute(session).fetch(session)) == x.sum()
            # What was forgotten is read again, from the end to the front.
            assert float((t[::-1] * 2).max().execute(session).fetch(session)) == 2 * x[-1]


def test_a_compressed_member_that_is_not_what_was_written_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(300_000.0), y=np.zeros(3))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 16] ^= 1  # the checksum in the directory
    (tmp_path / "b.npz").write_bytes(data)
    with mt.load(tmp_path / "b.npz") as archive:
        t = archive["x"]
        for _ in range(2):
            with pytest.raises(Exception, match="checksum"):
                t.sum().execute()
        assert np.array_equal(archive["y"], np.zeros(3))


@pytest.mark.parametrize("offset, count", [(0, -1), (8, 100), (16, 0), (7, 3), (8000, -1), (9000, -1), (9000, 2)])
def test_raw_numbers_are_numpys_and_read_later(tmp_path, offset, count):
    np.random.default_rng(2).integers(0, 1 << 60, 1000).tofile(tmp_path / "raw")
    for dtype in ("u8", ">i4", "c16", "?", "M8[s]"):
        try:
            want = np.fromfile(tmp_path / "raw", dtype, count, offset=offset)
        except ValueError:
            with pytest.raises(ValueError):
                mt.fromfile(tmp_path / "raw", dtype, count, offset=offset)
            continue
        for chunk_size in (None, 3, 100) if want.size < 200 else (None, 100):
            t = mt.fromfile(tmp_path / "raw", dtype, count, offset=offset, chunk_size=chunk_size)
            assert t.dtype == want.dtype.newbyteorder("=")
            assert np.array_equal(t, want, equal_nan=dtype == "c16")
        for mode in ("rb", "r+b") if offset < 8000 else ():
            with open(tmp_path / "raw", mode) as theirs, open(tmp_path / "raw", mode) as ours:
                theirs.read(4), ours.read(4)
                want = np.fromfile(theirs, dtype, count, offset=offset)
                t = mt.fromfile(ours, dtype, count, offset=offset)
                assert ours.tell() == theirs.tell()
            assert np.array_equal(t, want, equal_nan=dtype == "c16")


def test_a_file_that_has_become_shorter_is_an_error(tmp_path):
    np.arange(1000.0).tofile(tmp_path / "raw")
    t = mt.fromfile(tmp_path / "raw", chunk_size=100)
    (tmp_path / "raw").open("r+b").truncate(100)
    with pytest.raises(Exception, match="shorter"):
        t.sum().execute()
