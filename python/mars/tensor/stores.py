# SPDX-License-Identifier: Apache-2.0
"""Stores of arrays. Zarr is read and written by libmars. Whatever else has a shape, a dtype and slices (from_array), an
HDF5 file among it, is read in this process, chunk by chunk when the chunks are needed; nothing is ever whole here."""
import os
import shutil

import numpy as np

from .. import _core, _mars
from .._core import cutting, one_of
from ..session import chosen, holder
from .core import Tensor
from .creation import astensor, tensor

__all__ = ("from_array from_dataframe from_hdf5 from_tiledb from_vineyard from_zarr fromhdf5 fromtiledb fromvineyard "
           "fromzarr to_hdf5 to_tiledb to_vineyard to_zarr tohdf5 totiledb tovineyard tozarr").split()


def reader(read, dtype, shape, unit=None, chunk_size=None):
    """A tensor of what read(lo, hi, array) fills in. It is called from several threads, and again for what was
    forgotten meanwhile."""
    dtype = _core.as_dtype(dtype)

    def fill(lo, hi, buffer):
        array = np.frombuffer(buffer, dtype).reshape([h - l for l, h in zip(lo, hi)])
        read(lo, hi, array)

    return _mars.reader(fill, dtype, shape, unit, cutting(chunk_size, shape, dtype))


def _unit(array):
    """The chunks in which an array is stored, if it says them as h5py and zarr do."""
    unit = getattr(array, "chunks", None)
    whole = isinstance(unit, tuple) and len(unit) == len(array.shape) and all(hasattr(n, "__index__") for n in unit)
    return tuple(max(n, 1) for n in unit) if whole else None


def from_array(x, chunk_size=None, *, chunks=None):
    """A tensor of anything that has a shape, a dtype and slices.

    An array in memory is copied now; anything else (a memory map, a variable of a file) is read chunk by chunk when it
    is needed, and must not change.

    Parameters
    ----------
    x : array_like
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.from_array(np.arange(4), chunk_size=2).sum().execute()
    Tensor(6)
    """
    chunk_size = one_of(chunk_size, chunks)
    if isinstance(x, (Tensor, list, tuple)) or type(x) is np.ndarray or not hasattr(x, "__getitem__"):
        return tensor(x, chunk_size=chunk_size)
    dtype = np.dtype(x.dtype)

    def read(lo, hi, array):
        array[...] = _core.unmasked(x[tuple(map(slice, lo, hi))])

    return reader(read, dtype, tuple(x.shape), _unit(x), chunk_size)


def from_dataframe(in_df, dtype=None):
    """A matrix of a pandas DataFrame's values; of one dtype, if they have several.

    Parameters
    ----------
    in_df : pandas.DataFrame
        Or whatever has its to_numpy().
    dtype : data-type, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> class Frame:
    ...     def to_numpy(self, dtype):
    ...         return np.array([[1, 2], [3, 4]], dtype)
    >>> mt.from_dataframe(Frame(), float).execute()
    Tensor([[1., 2.],
            [3., 4.]])
    """
    if not hasattr(in_df, "to_numpy"):
        raise TypeError(f"from_dataframe() takes a DataFrame of pandas, not {type(in_df).__name__}: there are no data "
                        "frames in Mars")
    return tensor(in_df.to_numpy(dtype=dtype))


# ---- Zarr ------------------------------------------------------------------------------------------------------------

def _within(path, *names):
    """The directory of an array within a store."""
    path = os.fspath(path)
    for name in names:
        for part in (name or "").strip("/").split("/"):
            if part in (".", ".."):
                raise ValueError(f"'{name}' is no name within a Zarr store")
            if part:
                path = os.path.join(path, part)
    return path


def from_zarr(path, group=None, dataset=None, chunk_size=None):
    """A tensor of a Zarr array, of version 2 or 3.

    Chunks are read when they are needed, by several threads, each file once.

    Parameters
    ----------
    path : str, path, or array or group of zarr
        A directory, or an object of the zarr package.
    group, dataset : str, optional
        Where the array is within it.
    chunk_size : int, tuple, dict or str, optional
        How to cut; None: as it is stored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.to_zarr("x.zarr", mt.arange(6, chunk_size=2))
    >>> mt.from_zarr("x.zarr").sum().execute()
    Tensor(15)
    """
    if hasattr(path, "__getitem__") and not isinstance(path, (str, bytes)):
        for name in filter(None, (group, dataset)):
            path = path[name]
        return from_array(path, chunk_size)
    path = _within(path, group, dataset)
    t = _mars.load_zarr(path, None)
    flat = cutting(chunk_size, t.shape, t.dtype)
    return t if flat is None else _mars.load_zarr(path, flat)


_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2, None: -1}


def _compressor(compressor):
    """codec, level, compressor within blosc, shuffle: of a name, None, or an object of numcodecs or zarr.codecs."""
    if compressor == "default":
        compressor = "blosc"
    if compressor is None or isinstance(compressor, str):
        return compressor or "none", -1, None, -1
    if hasattr(compressor, "get_config"):
        settings = compressor.get_config()
        name = settings["id"]
    elif hasattr(compressor, "to_dict"):
        made = compressor.to_dict()
        name, settings = made["name"], made.get("configuration", {})
    else:
        raise TypeError(f"compressor is a name, None, or a codec of numcodecs or zarr, not {compressor!r}")
    shuffle = settings.get("shuffle", -1)
    shuffle = _SHUFFLES.get(shuffle, shuffle)
    level = settings.get("clevel", settings.get("level", -1))
    return name, level, settings.get("cname"), shuffle


def _parent_group(root, path, version):
    """Marks directories above the array as groups, so that others find it."""
    while len(path) > len(root):
        path = os.path.dirname(path)
        name, text = (".zgroup", '{\n    "zarr_format": 2\n}\n') if version == 2 else \
            ("zarr.json", '{\n  "zarr_format": 3,\n  "node_type": "group",\n  "attributes": {}\n}\n')
        os.makedirs(path, exist_ok=True)
        mark = os.path.join(path, name)
        if not os.path.exists(mark):
            with open(mark, "x") as file:
                file.write(text)


def to_zarr(path, x, group=None, dataset=None, *, chunks=None, compressor="default", zarr_format=2,
            dimension_separator=None, overwrite=True, session=None):
    """Writes a tensor as a Zarr array of version 2 or 3, in parallel, computing it if need be.

    The array appears whole, or not at all; what was there stays until then.

    Parameters
    ----------
    path : str or path
        A directory.
    x : tensor_like
    group, dataset : str, optional
        Where the array is within it.
    chunks : int or tuple of ints, optional
        None: those of the tensor if they are regular.
    compressor : optional
        'blosc' (the default, with lz4), 'zstd', 'gzip', 'zlib', None, or a codec of numcodecs or zarr.
    zarr_format : {2, 3}, optional
    dimension_separator : {'.', '/'}, optional
        Between the numbers in the names of chunks; None: what the version has.
    overwrite : bool, optional
        Whether an array that is there is replaced, or refused.
    session : Session, optional
        None: the one that has the values, or the default one.

    Examples
    --------
    >>> mt.to_zarr("store", mt.ones((4, 4)), dataset="ones", chunks=2, compressor="zstd")
    >>> mt.from_zarr("store", dataset="ones").sum().execute()
    Tensor(16.0)
    """
    t = astensor(x)
    where = _within(path, group, dataset)
    if chunks is not None:
        chunks = (chunks,) * t.ndim if hasattr(chunks, "__index__") else tuple(chunks)
    session = chosen(holder(t) if session is None else session)
    there = os.path.lexists(where) and not (os.path.isdir(where) and not os.listdir(where))
    if there and not any(os.path.exists(os.path.join(where, name)) for name in (".zarray", "zarr.json")):
        raise FileExistsError(f"'{where}' is there already, and is no Zarr array")
    if there and not overwrite:
        raise FileExistsError(f"'{where}' is there already")
    _parent_group(os.fspath(path), where, zarr_format)
    part = f"{where}.{os.getpid()}.part"
    codec, level, inner, shuffle = _compressor(compressor)
    try:
        session._wait((t,))
        session._save_zarr(t, part, zarr_format, chunks, codec, level, inner, shuffle, dimension_separator or "")
        _replace(part, where)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _replace(part, where):
    old = f"{part}.old"
    try:
        os.rename(part, where)  # it is not there, or an empty directory
    except OSError:
        os.rename(where, old)
        os.rename(part, where)
        shutil.rmtree(old)


# ---- HDF5 ------------------------------------------------------------------------------------------------------------

def _h5py():
    try:
        import h5py
    except ImportError:
        raise ImportError("HDF5 files are read and written by h5py: install it (python3-h5py)") from None
    return h5py


def _name_within(group, dataset):
    name = "/".join(part.strip("/") for part in (group, dataset) if part)
    if not name:
        raise ValueError("an HDF5 file has many datasets: give the name of one, dataset=")
    return name


def from_hdf5(hdf5_file, group=None, dataset=None, chunk_size=None):
    """A tensor of a dataset in an HDF5 file.

    It is read by h5py in this process, chunk by chunk when the chunks are needed; a file that was given by its path is
    open only meanwhile.

    Parameters
    ----------
    hdf5_file : str, path, or file, group or dataset of h5py
    group, dataset : str, optional
        Where the dataset is within it.
    chunk_size : int, tuple, dict or str, optional
        How to cut; None: as it is stored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.to_hdf5("x.h5", mt.arange(6), dataset="x")
    >>> mt.from_hdf5("x.h5", dataset="x").sum().execute()
    Tensor(15)
    """
    h5py = _h5py()
    if isinstance(hdf5_file, h5py.Dataset):
        return from_array(hdf5_file, chunk_size)
    name = _name_within(group, dataset)
    if isinstance(hdf5_file, h5py.Group):
        return from_array(hdf5_file[name], chunk_size)
    path = os.path.abspath(os.fspath(hdf5_file))

    def read(lo, hi, array):
        with h5py.File(path, "r") as file:
            if file[name].shape != shape or file[name].dtype != dtype:
                raise ValueError(f"'{path}' was changed since it was loaded")
            file[name].read_direct(array, tuple(map(slice, lo, hi)))

    with h5py.File(path, "r") as file:
        if not isinstance(file[name], h5py.Dataset):
            raise ValueError(f"'{name}' in '{path}' is no dataset")
        shape, dtype, unit = file[name].shape, file[name].dtype, _unit(file[name])
    return reader(read, dtype, shape, unit, chunk_size)


def _blocks(t, unit, size_bytes=8 << 20):
    """Boxes of about so many bytes, in whole units of the first axis."""
    row = max(t.nbytes // t.shape[0], 1)
    step = -(-max(size_bytes // row, 1) // unit) * unit
    for first in range(0, t.shape[0], step):
        yield slice(first, min(first + step, t.shape[0]))


def to_hdf5(hdf5_file, x, group=None, dataset=None, session=None, **kwds):
    """Writes a tensor as a dataset of an HDF5 file, computing it if need be, some rows at a time.

    The dataset gets its name when it is whole.

    Parameters
    ----------
    hdf5_file : str, path, or open file or group of h5py
    x : tensor_like
    group, dataset : str, optional
        The name of the dataset.
    session : Session, optional
        None: the one that has the values, or the default one.
    **kwds : optional
        As of h5py.Group.create_dataset: compression='gzip', chunks=True and so on.

    Examples
    --------
    >>> mt.to_hdf5("y.h5", mt.ones((100, 3)), group="a", dataset="b", compression="gzip")
    >>> mt.from_hdf5("y.h5", dataset="a/b").shape
    (100, 3)
    """
    h5py = _h5py()
    if not isinstance(hdf5_file, h5py.Group):
        with h5py.File(hdf5_file, "a") as file:
            return to_hdf5(file, x, group, dataset, session, **kwds)
    t, name = astensor(x), _name_within(group, dataset)
    if name in hdf5_file:
        raise ValueError(f"'{name}' is there already")
    session = chosen(holder(t) if session is None else session)
    session._wait((t,))
    part = f"{name}.{os.getpid()}.part"
    made = hdf5_file.create_dataset(part, t.shape, t.dtype, **kwds)
    try:
        if t.ndim == 0:
            made[()] = session._value(t)
        elif t.size:
            for rows in _blocks(t, made.chunks[0] if made.chunks else 1):
                block = t[rows]
                session._wait((block,), False)
                made[rows] = session._view(block)
        hdf5_file.move(part, name)
    except BaseException:
        del hdf5_file[part]
        raise


# ---- What there is not -----------------------------------------------------------------------------------------------

def _refused(name, why):
    def function(*args, **kwargs):
        raise NotImplementedError(f"{name}(): {why}")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Refused: {why}.

    Parameters
    ----------
    *args, **kwargs : optional
        Whatever they are.

    Examples
    --------
    >>> mt.{name}("place")
    Traceback (most recent call last):
        ...
    NotImplementedError: {name}(): ...
    """
    return function


_TILEDB = ("TileDB is read and written by its own library alone, which no distribution packages and whose format that "
           "library defines; from_array() takes an open TileDB array, to_zarr() writes what everybody reads")
_VINEYARD = ("vineyard's objects live in its own daemon, whose place the workers' stores have here: save_as() and "
             "open() share results by name")

for _name in "from_tiledb fromtiledb to_tiledb totiledb".split():
    globals()[_name] = _refused(_name, _TILEDB)
for _name in "from_vineyard fromvineyard to_vineyard tovineyard".split():
    globals()[_name] = _refused(_name, _VINEYARD)

fromhdf5, fromzarr, tohdf5, tozarr = from_hdf5, from_zarr, to_hdf5, to_zarr
