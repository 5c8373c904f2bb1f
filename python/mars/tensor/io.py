# SPDX-License-Identifier: Apache-2.0
"""Files: .npy is read chunk by chunk when it is computed and written in parallel; .npz and text go through this
process, some rows at a time when they are written, whole when they are read."""
import os
import zipfile
from collections.abc import Mapping

import numpy as np

from .. import _mars
from .._core import cutting, one_of
from ..session import chosen, holder
from .core import rows_of
from .creation import astensor, tensor

__all__ = "fromfile fromstring genfromtxt load loadtxt save savetxt savez savez_compressed".split()


class Archive(Mapping):
    """The tensors of an .npz file by their names; each is read when it is asked for."""

    def __init__(self, file, chunk_size):
        self._file, self._chunk_size = np.load(file, allow_pickle=False), chunk_size
        self.files = self._file.files

    def __getitem__(self, name):
        return tensor(self._file[name], chunk_size=self._chunk_size)

    def __iter__(self):
        return iter(self.files)

    def __len__(self):
        return len(self.files)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self._file.close()


def load(file, chunk_size=None, *, chunks=None, mmap_mode=None):
    """A tensor of a .npy file; its header is read and checked now, its elements when they are computed. Of an .npz file
    the tensors by their names."""
    chunk_size = one_of(chunk_size, chunks)
    if zipfile.is_zipfile(file):
        return Archive(file, chunk_size)
    t = _mars.load(file, None)
    flat = cutting(chunk_size, t.shape, t.dtype)
    return t if flat is None else _mars.load(file, flat)


def save(file, arr, session=None):
    """Writes a tensor as a .npy file, computing it if need be; the file appears whole, or not at all."""
    name = os.fspath(file)
    suffix = b".npy" if isinstance(name, bytes) else ".npy"
    if not name.endswith(suffix):
        name += suffix
    t = astensor(arr)
    session = chosen(holder(t) if session is None else session)
    session._wait((t,))
    session._save(t, name)


# ---- Archives --------------------------------------------------------------------------------------------------------

def _write_archive(to, tensors, compression):
    with zipfile.ZipFile(to, "w", compression, allowZip64=True) as archive:
        for name, t in tensors.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                header = {"descr": np.lib.format.dtype_to_descr(t.dtype), "fortran_order": False, "shape": t.shape}
                np.lib.format.write_array_header_1_0(member, header)
                for rows in rows_of(t):
                    member.write(np.ascontiguousarray(rows).data.cast("B") if rows.size else b"")


def _savez(file, args, named, compression):
    for k, arr in enumerate(args):
        if f"arr_{k}" in named:
            raise ValueError(f"Cannot use un-named variables and keyword arr_{k}")
        named[f"arr_{k}"] = arr
    tensors = {name: astensor(arr) for name, arr in named.items()}
    if hasattr(file, "write"):
        return _write_archive(file, tensors, compression)
    name = os.fspath(file)
    name = name if name.endswith(".npz") else name + ".npz"
    part = f"{name}.{os.getpid()}.part"
    try:
        _write_archive(part, tensors, compression)
        os.replace(part, name)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def savez(file, *args, **kwds):
    """Writes tensors into an .npz file, some rows at a time; the file appears whole, or not at all.

    >>> import mars.tensor as mt, io
    >>> f = io.BytesIO(); mt.savez(f, x=mt.arange(3))
    >>> mt.load(f)["x"].execute()
    Tensor([0, 1, 2])
    """
    _savez(file, args, kwds, zipfile.ZIP_STORED)


def savez_compressed(file, *args, **kwds):
    """savez() with every tensor compressed.

    >>> import mars.tensor as mt, io
    >>> f = io.BytesIO(); mt.savez_compressed(f, mt.zeros(2))
    >>> mt.load(f)["arr_0"].execute()
    Tensor([0., 0.])
    """
    _savez(file, args, kwds, zipfile.ZIP_DEFLATED)


# ---- Text ------------------------------------------------------------------------------------------------------------

def savetxt(fname, X, fmt="%.18e", delimiter=" ", newline="\n", header="", footer="", comments="# ", encoding=None):
    """Writes a vector or a matrix as text, some rows at a time.

    >>> import mars.tensor as mt, io
    >>> f = io.StringIO(); mt.savetxt(f, mt.arange(3), fmt="%d", delimiter=",")
    >>> f.getvalue().split()
    ['0', '1', '2']
    """
    t = astensor(X)
    if t.ndim not in (1, 2):
        raise ValueError(f"Expected 1D or 2D array, got {t.ndim}D array instead")
    if not hasattr(fname, "write"):
        if os.fspath(fname).endswith((".gz", ".bz2", ".xz")):
            raise ValueError("savetxt() writes plain text: give it an open file for anything else")
        with open(fname, "w", encoding=encoding or "latin1") as file:
            return savetxt(file, t, fmt, delimiter, newline, header, footer, comments)
    for rows in rows_of(t):
        np.savetxt(fname, rows, fmt, delimiter, newline, header, "", comments)
        header = ""
    if footer:
        np.savetxt(fname, np.empty((0, 1)), "%s", delimiter, newline, "", footer, comments)


def loadtxt(fname, dtype=float, *args, chunk_size=None, **kwargs):
    """A tensor of numeric text, read by numpy.loadtxt with its arguments. With unpack=True, one for each column.

    >>> import mars.tensor as mt
    >>> mt.loadtxt(["1 2", "3 4"]).execute()
    Tensor([[1., 2.],
            [3., 4.]])
    """
    made = np.loadtxt(fname, dtype, *args, **kwargs)
    return tensor(made, chunk_size=chunk_size)


def genfromtxt(fname, dtype=float, *args, chunk_size=None, **kwargs):
    """A tensor of numeric text with holes, read by numpy.genfromtxt with its arguments.

    >>> import mars.tensor as mt
    >>> mt.genfromtxt(["1,", "3,4"], delimiter=",", filling_values=0).execute()
    Tensor([[1., 0.],
            [3., 4.]])
    """
    return tensor(np.genfromtxt(fname, dtype, *args, **kwargs), chunk_size=chunk_size)


def fromfile(file, dtype=float, count=-1, sep="", offset=0, *, chunk_size=None):
    """A vector of the numbers in a file, read by numpy.fromfile.

    >>> import mars.tensor as mt
    >>> mt.fromfile("/dev/null").shape
    (0,)
    """
    return tensor(np.fromfile(file, dtype, count, sep, offset), chunk_size=chunk_size)


def fromstring(string, dtype=float, count=-1, *, sep, chunk_size=None):
    """A vector of the numbers in a text.

    >>> import mars.tensor as mt
    >>> mt.fromstring("1, 2", sep=",").execute()
    Tensor([1., 2.])
    """
    return tensor(np.fromstring(string, dtype, count, sep=sep), chunk_size=chunk_size)
