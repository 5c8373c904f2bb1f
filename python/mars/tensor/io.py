# SPDX-License-Identifier: Apache-2.0
"""Files: .npy, .npz, raw numbers and plain text are read chunk by chunk when they are needed, .npy and .npz are written
in parallel; text, .npz that are compressed, and whatever goes to an open file, are written some rows at a time. What
can be read at once only (open files that are not on disk, or may be written to) is read whole."""
import os
import struct
import zipfile
from collections.abc import Mapping

import numpy as np

from .. import _mars
from .._core import cutting, one_of
from ..session import chosen, holder
from .core import rows_of
from .creation import astensor, tensor
from .pieces import Inflated, bytes_of, in_pieces, npy_in_pieces

__all__ = "fromfile fromstring genfromtxt load loadtxt save savetxt savez savez_compressed".split()


_ZIP = b"PK\3\4"  # what a member of an archive begins with


class Archive(Mapping):
    """The tensors of an .npz file by their names, each read chunk by chunk when it is computed. What is compressed by
    another method than deflate, or in an open file that cannot be read later, is read whole when it is asked for."""

    def __init__(self, file, chunk_size):
        self._file, self._chunk_size = np.load(file, allow_pickle=False), chunk_size
        self._path = os.path.abspath(file) if isinstance(file, (str, bytes, os.PathLike)) else None
        self._bytes = bytes_of(file, 0)
        self.files = self._file.files

    def __getitem__(self, name):
        made = self._later(name) if self._bytes is not None and name in self.files else None
        return tensor(self._file[name], chunk_size=self._chunk_size) if made is None else made

    def _later(self, name):
        """The tensor of a member that can be read in pieces, else None."""
        names = self._file.zip.namelist()
        info = self._file.zip.getinfo(name if name in names else name + ".npy")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return None
        head = bytearray(30)
        self._bytes.read(info.header_offset, head)
        signature, n_name, n_extra = struct.unpack("<4s22x2H", head)
        if signature != _ZIP:
            raise zipfile.BadZipFile(f"'{name}' is not where the directory of the archive says")
        offset = info.header_offset + len(head) + n_name + n_extra
        if info.compress_type == zipfile.ZIP_STORED and self._path is not None:  # it is mapped
            t = _mars.load_part(self._path, offset, info.file_size, None)
            flat = cutting(self._chunk_size, t.shape, t.dtype)
            return t if flat is None else _mars.load_part(self._path, offset, info.file_size, flat)
        if info.compress_type == zipfile.ZIP_STORED:
            source = self._bytes.from_offset(offset)
        else:
            source = Inflated(self._bytes, offset, info.compress_size, info.file_size, info.CRC)
        made = npy_in_pieces(source, info.file_size, self._chunk_size)
        return made and made[0]

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


def load(file, chunk_size=None, *, chunks=None, mmap_mode=None, allow_pickle=False, fix_imports=True, encoding="ASCII",
         max_header_size=10000):
    """A tensor of a .npy file, or the tensors of an .npz file by their names.

    The header is read and checked now, elements when they are computed. An open file is read from where it is: later,
    too, if it is a file on disk that is open for reading alone, else now.

    Parameters
    ----------
    file : str, path or file
        An open file must be a binary one that can seek.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    mmap_mode : optional
        Ignored: files are always read where they are needed.
    allow_pickle, fix_imports, encoding, max_header_size : optional
        Ignored: pickles are not read, and headers are short.

    Returns
    -------
    Tensor or Archive

    Examples
    --------
    >>> np.save("x.npy", np.arange(6))
    >>> mt.load("x.npy", chunk_size=2).sum().execute()
    Tensor(15)
    >>> with open("x.npy", "rb") as f:
    ...     mt.load(f)[:2].execute()
    Tensor([0, 1])
    """
    chunk_size = one_of(chunk_size, chunks)
    if hasattr(file, "read"):
        start = file.read(len(_ZIP))
        file.seek(-len(start), os.SEEK_CUR)
        if start == _ZIP or not start and zipfile.is_zipfile(file):  # at its end, too, where one was just written
            return Archive(file, chunk_size)
        source = bytes_of(file)
        made = source and npy_in_pieces(source, source.size(), chunk_size)
        if not made:
            return tensor(np.load(file, allow_pickle=False), chunk_size=chunk_size)
        file.seek(made[1], os.SEEK_CUR)
        return made[0]
    if zipfile.is_zipfile(file):
        return Archive(file, chunk_size)
    t = _mars.load(file, None)
    flat = cutting(chunk_size, t.shape, t.dtype)
    return t if flat is None else _mars.load(file, flat)


def _ending(file, end):
    name = os.fspath(file)
    end = end.encode() if isinstance(name, bytes) else end
    return name if name.endswith(end) else name + end


def save(file, arr, allow_pickle=True, fix_imports=True, session=None):
    """Writes a tensor as a .npy file, computing it if need be; the file appears whole, or not at all.

    All chunks are written in parallel; into an open file, some rows at a time, from where it is.

    Parameters
    ----------
    file : str, path or file
        '.npy' is put behind a name that has another end. An open file must be a binary one.
    arr : tensor_like
    allow_pickle, fix_imports : optional
        Ignored: nothing is pickled.
    session : Session, optional
        None: the one that has the values, or the default one.

    Examples
    --------
    >>> mt.save("y", mt.arange(3) * 2)
    >>> np.load("y.npy")
    array([0, 2, 4])
    >>> import io
    >>> f = io.BytesIO(); mt.save(f, mt.ones(2))
    >>> f.seek(0), np.load(f)
    (0, array([1., 1.]))
    """
    t = astensor(arr)
    session = chosen(holder(t) if session is None else session)
    session._wait((t,))
    if hasattr(file, "write"):
        _write_array(file, t, session)
    else:
        session._save(t, _ending(file, ".npy"))


# ---- Archives --------------------------------------------------------------------------------------------------------

def _write_array(to, t, session=None):
    header = {"descr": np.lib.format.dtype_to_descr(t.dtype), "fortran_order": False, "shape": t.shape}
    np.lib.format.write_array_header_1_0(to, header)
    for rows in rows_of(t, session=session):
        to.write(np.ascontiguousarray(rows).reshape(-1).view("u1").data)


def _write_archive(to, tensors, compression):
    with zipfile.ZipFile(to, "w", compression, allowZip64=True) as archive:
        for name, t in tensors.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as member:
                _write_array(member, t)


def _save_archive(name, tensors):
    session = chosen(next(filter(None, map(holder, tensors.values())), None))
    session._wait(tuple(tensors.values()))
    session._save_npz(tuple(tensors), tuple(tensors.values()), name)


def _savez(file, args, named, compression):
    for k, arr in enumerate(args):
        if f"arr_{k}" in named:
            raise ValueError(f"Cannot use un-named variables and keyword arr_{k}")
        named[f"arr_{k}"] = arr
    tensors = {name: astensor(arr) for name, arr in named.items()}
    if hasattr(file, "write"):
        return _write_archive(file, tensors, compression)
    name = _ending(file, ".npz")
    if compression == zipfile.ZIP_STORED:
        return _save_archive(name, tensors)
    part = os.fsencode(name) + f".{os.getpid()}.part".encode()
    try:
        with open(part, "wb") as to:
            _write_archive(to, tensors, compression)
        os.replace(part, name)
    finally:
        if os.path.exists(part):
            os.unlink(part)


def savez(file, *args, **kwds):
    """Writes tensors into an .npz file, computing them together if need be; the file appears whole, or not at all.

    All members are written in parallel, chunk by chunk; into an open file, some rows at a time.

    Parameters
    ----------
    file : str, path or file
    *args : tensor_like
        Named arr_0, arr_1 and so on.
    **kwds : tensor_like
        By their names.

    Examples
    --------
    >>> import io
    >>> f = io.BytesIO(); mt.savez(f, x=mt.arange(3))
    >>> mt.load(f)["x"].execute()
    Tensor([0, 1, 2])
    """
    _savez(file, args, kwds, zipfile.ZIP_STORED)


def savez_compressed(file, *args, **kwds):
    """Writes tensors into an .npz file as savez() does, each of them compressed.

    Parameters
    ----------
    file : str, path or file
    *args : tensor_like
        Named arr_0, arr_1 and so on.
    **kwds : tensor_like
        By their names.

    Examples
    --------
    >>> import io
    >>> f = io.BytesIO(); mt.savez_compressed(f, mt.zeros(2))
    >>> mt.load(f)["arr_0"].execute()
    Tensor([0., 0.])
    """
    _savez(file, args, kwds, zipfile.ZIP_DEFLATED)


# ---- Text ------------------------------------------------------------------------------------------------------------

def savetxt(fname, X, fmt="%.18e", delimiter=" ", newline="\n", header="", footer="", comments="# ", encoding=None):
    """Writes a vector or a matrix as text, some rows at a time.

    Parameters
    ----------
    fname : str, path or file
    X : tensor_like
    fmt : str or sequence of str, optional
        Of an element, or of each column.
    delimiter, newline : str, optional
        Between columns, and after rows.
    header, footer : str, optional
        Before and after all rows.
    comments : str, optional
        In front of these two.
    encoding : str, optional

    Examples
    --------
    >>> import io
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


def _delimiter(text):
    """What libmars reads: one character, or white space."""
    return text is None or isinstance(text, str) and len(text) == 1


def _is_plain(fname, dtype, comments, delimiter, encoding):
    """A file on disk that libmars reads: plain text of integers or floats."""
    if not isinstance(fname, (str, os.PathLike)) or os.fspath(fname).endswith((".gz", ".bz2", ".xz")):
        return False
    if not os.path.isfile(fname) or np.dtype(dtype).kind not in "iuf" or np.dtype(dtype).itemsize > 8:
        return False
    return (comments is None or isinstance(comments, str) and len(comments) == 1) and _delimiter(delimiter) and \
        encoding in (None, "bytes", "utf-8", "ascii", "latin1")


def _load_text(fname, dtype, delimiter, comments, skip, max_rows, missing, chunk_size):
    args = os.fspath(fname), dtype, delimiter, comments or "", skip, -1 if max_rows is None else max_rows, missing
    t = _mars.load_text(*args, None)
    flat = cutting(chunk_size, t.shape, t.dtype)
    return t if flat is None else _mars.load_text(*args, flat)


def _columns(t, usecols):
    if usecols is None:
        return t
    single = hasattr(usecols, "__index__")
    wanted = [usecols] if single else list(usecols)
    for c in wanted:
        if not -t.shape[1] <= c < t.shape[1]:
            raise ValueError(f"invalid column index {c} at row 1 with {t.shape[1]} columns")
    return t[:, wanted]


def _squeezed(t, ndmin, unpack):
    """Axes of one element go, as far as ndmin allows; with unpack=True one tensor for each column."""
    if ndmin not in (0, 1, 2):
        raise ValueError(f"Illegal value of ndmin keyword: {ndmin}")
    if ndmin < 2 and 1 in t.shape:
        kept = [n for n in t.shape if n != 1]
        while len(kept) < ndmin:
            kept.append(1)
        t = t.reshape(kept)
    if not unpack:
        return t
    return t.T if t.ndim < 2 else tuple(t[:, k] for k in range(t.shape[1]))


def loadtxt(fname, dtype=float, comments="#", delimiter=None, converters=None, skiprows=0, usecols=None, unpack=False,
            ndmin=0, encoding="bytes", max_rows=None, *, quotechar=None, like=None, chunk_size=None):
    """A tensor of numeric text.

    A plain file of integers or floats is looked through now and read in parallel, some rows at a time, when they are
    needed; it may be larger than memory. Anything else numpy.loadtxt reads, whole.

    Parameters
    ----------
    fname : str, path, file or sequence of lines
    dtype : data-type, optional
    comments : str, optional
        What begins a comment.
    delimiter : str, optional
        Between columns; None: white space.
    converters : dict or callable, optional
    skiprows : int, optional
        Lines before the first row.
    usecols : int or sequence of ints, optional
        Columns; None: all.
    unpack : bool, optional
        Whether the result is a tuple of tensors, one for each column.
    ndmin : int, optional
        Axes that remain although they have one element.
    encoding : str, optional
    max_rows : int, optional
    quotechar : str, optional
    like : optional
        Ignored.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor or tuple of Tensors

    Examples
    --------
    >>> mt.loadtxt(["1 2", "3 4"]).execute()
    Tensor([[1., 2.],
            [3., 4.]])
    """
    if converters is None and quotechar is None and _is_plain(fname, dtype, comments, delimiter, encoding):
        t = _load_text(fname, dtype, delimiter, comments, skiprows, max_rows, None, chunk_size)
        if t.shape[0] > 0:
            return _squeezed(_columns(t, usecols), ndmin, unpack)
    made = np.loadtxt(fname, dtype, comments, delimiter, converters, skiprows, usecols, unpack, ndmin, encoding,
                      max_rows, quotechar=quotechar)
    return tensor(made, chunk_size=chunk_size)


def genfromtxt(fname, dtype=float, comments="#", delimiter=None, skip_header=0, *args, usecols=None,
               filling_values=None, unpack=False, ndmin=0, max_rows=None, chunk_size=None, **kwargs):
    """A tensor of numeric text with holes, which become filling_values, and so does what is no number.

    A plain file is read as by loadtxt(); what has further arguments numpy.genfromtxt reads, whole.

    Parameters
    ----------
    fname : str, path, file or sequence of lines
    dtype : data-type, optional
    comments : str, optional
        What begins a comment.
    delimiter : str, optional
        Between columns; None: white space.
    skip_header : int, optional
        Lines before the first row.
    *args, **kwargs : optional
        Further ones of numpy.genfromtxt.
    usecols : int or sequence of ints, optional
        Columns; None: all.
    filling_values : optional
        None: NaN of floats, -1 of integers.
    unpack : bool, optional
        Whether the result is a tuple of tensors, one for each column.
    ndmin : int, optional
        Axes that remain although they have one element.
    max_rows : int, optional
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor or tuple of Tensors

    Examples
    --------
    >>> mt.genfromtxt(["1,", "3,4"], delimiter=",", filling_values=0).execute()
    Tensor([[1., 0.],
            [3., 4.]])
    """
    number = filling_values is None or np.ndim(filling_values) == 0 and not isinstance(filling_values, str)
    if not args and not kwargs and number and dtype is not None and \
            _is_plain(fname, dtype, comments, delimiter, None):
        missing = filling_values if filling_values is not None else np.nan if np.dtype(dtype).kind == "f" else -1
        t = _load_text(fname, dtype, delimiter, comments, skip_header, max_rows, float(missing), chunk_size)
        if t.shape[0] > 0:
            return _squeezed(_columns(t, usecols), ndmin, unpack)
    made = np.genfromtxt(fname, dtype, comments, delimiter, skip_header, *args, usecols=usecols,
                         filling_values=filling_values, unpack=unpack, ndmin=ndmin, max_rows=max_rows, **kwargs)
    return tensor(made, chunk_size=chunk_size)


def fromfile(file, dtype=float, count=-1, sep="", offset=0, *, chunk_size=None):
    """A vector of the numbers in a file, read chunk by chunk when they are needed.

    A text (sep) is read now and whole, and so is an open file that is not on disk or may be written to.

    Parameters
    ----------
    file : str, path or file
    dtype : data-type, optional
    count : int, optional
        How many; -1: all.
    sep : str, optional
        Between numbers of a text; empty: the file has their bytes.
    offset : int, optional
        Bytes before the first number.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> np.arange(3.0).tofile("raw")
    >>> mt.fromfile("raw", offset=8).execute()
    Tensor([1., 2.])
    """
    dtype = np.dtype(dtype)
    source = bytes_of(file) if sep == "" and dtype.kind in "biufcmM" and offset >= 0 else None
    if source is None or offset > source.size():  # NumPy's words
        return tensor(np.fromfile(file, dtype, count, sep, offset), chunk_size=chunk_size)
    n = max(source.size() - offset, 0) // dtype.itemsize
    n = n if count < 0 else min(count, n)
    if hasattr(file, "read"):
        file.seek(offset + n * dtype.itemsize, os.SEEK_CUR)
    return in_pieces(source, offset, dtype, (n,), chunk_size)


def fromstring(string, dtype=float, count=-1, *, sep, chunk_size=None):
    """A vector of the numbers in a text.

    Parameters
    ----------
    string : str
    dtype : data-type, optional
    count : int, optional
        How many; -1: all.
    sep : str
        Between numbers.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fromstring("1, 2", sep=",").execute()
    Tensor([1., 2.])
    """
    return tensor(np.fromstring(string, dtype, count, sep=sep), chunk_size=chunk_size)
