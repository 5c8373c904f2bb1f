# SPDX-License-Identifier: Apache-2.0
"""What all modules of the package stand on: the operator table, dtypes, and data from outside."""
import datetime

import numpy as np

from . import _mars

# In the order of mars_dtype.
DTYPES = tuple(map(np.dtype, ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
                              "float16", "float32", "float64", "complex64", "complex128")))
CODES = {key: code for code, d in enumerate(DTYPES) for key in (d, d.type, d.name, d.str, d.str[1:])}
CODES.update({bool: 0, int: 7, float: 11, complex: 13})

# Times: the number of their kind plus that of their unit.
_UNITS_OF_TIME = ("", "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
TIMES = {kind + number: np.dtype(letter + (f"[{unit}]" if unit else ""))
         for kind, letter in ((0x40, "m8"), (0x60, "M8")) for number, unit in enumerate(_UNITS_OF_TIME)}
CODES.update({key: code for code, d in TIMES.items() for key in (d, d.name, d.str, d.str[1:])})
CODES.update({np.timedelta64: 0x40, np.datetime64: 0x60, datetime.timedelta: 0x46 + 3, datetime.datetime: 0x66 + 3})
ALL_DTYPES = DTYPES + tuple(TIMES.get(code) for code in range(len(DTYPES), max(TIMES) + 1))

PARAM_DIMS, PARAM_DTYPE, PARAM_TEXT = 5, 4, 6


class Operator:
    """An entry of the operator table."""

    __slots__ = ("number", "name", "doc", "family", "inputs", "n_in", "n_out", "variadic", "hidden", "params")

    def __init__(self, number, entry):
        self.number = number
        self.name, self.doc, self.family, self.inputs, self.n_in, self.n_out, self.variadic, self.hidden, \
            self.params = entry


OPERATORS = {entry[0]: Operator(number, entry) for number, entry in enumerate(_mars.operators())}
_NUMBERS = {name: o.number for name, o in OPERATORS.items()}
_call = _mars.op


def has(name):
    """Whether this build has the operator."""
    return name in _NUMBERS


def op(name, *inputs, **params):
    """An operator by name; parameters that are None have their defaults."""
    try:
        number = _NUMBERS[name]
    except KeyError:
        raise NotImplementedError(f"this build of Mars has no operator '{name}'") from None
    return _call(number, params or None, *inputs)


def read_dtype(what):
    """The code of whatever NumPy takes for a dtype. The extension asks once for every new thing."""
    dtype = np.dtype(what)
    code = CODES.get(dtype.newbyteorder("="))
    if code is None and dtype.kind in "mM":
        raise TypeError(f"tensors have no dtype {dtype}: their times are counted in single units such as "
                        f"'{dtype.str[1:3]}[{np.datetime_data(dtype)[0]}]'")
    if code is None:
        raise TypeError(f"tensors have no dtype {dtype}: they are bool, integers, floats, complex numbers and times")
    try:
        if len(CODES) < 1000:
            CODES[what] = code
    except TypeError:
        pass
    return code


def as_dtype(what):
    """The NumPy dtype that tensors have for it."""
    return ALL_DTYPES[_mars.dtype_code(what)]


def unmasked(array):
    """The same. ValueError says that elements are masked: tensors would have what lies below."""
    if np.ma.is_masked(array):
        raise ValueError("elements of a masked array are masked, and tensors have no masks: use its filled() first, "
                         "such as a.filled(numpy.nan)")
    return array


def read_array(what):
    """Data as an array whose buffer the extension reads. Times have no buffer: they are integers with a dtype."""
    if what is None or isinstance(what, (str, bytes, bytearray, type)):
        raise TypeError(f"no tensor can be made of {what!r}")
    if isinstance(what, datetime.timedelta):
        what = np.timedelta64(what)
    elif isinstance(what, datetime.date):
        what = np.datetime64(what)
    array = np.asarray(unmasked(what))
    if array.dtype.kind in "mM":
        code = read_dtype(array.dtype)
        return array.astype(ALL_DTYPES[code], copy=False).view(np.int64), code
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
        raise TypeError(f"no tensor can be made of dtype {array.dtype} ({type(what).__name__}): tensors are bool, "
                        "integers, floats, complex numbers and times")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


# ---- How tensors are cut ---------------------------------------------------------------------------------------------

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30,
          "tib": 2**40, "k": 2**10, "m": 2**20, "g": 2**30}
WHOLE, AUTO = -1, 0


def read_bytes(text):
    """'64MiB' -> 67108864"""
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    unit = text.strip()[len(number):].strip().lower()
    try:
        size = int(float(number) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):
        raise ValueError(f"chunk size '{text}' is neither 'auto' nor a number of bytes such as '64MiB'") from None
    if size <= 0:
        raise ValueError(f"chunk size '{text}' is not positive")
    return size


def _of_bytes(limit, shape, itemsize):
    """Lengths of C-order runs of at most `limit` bytes."""
    room = max(1, limit // itemsize)
    lengths = []
    for n in reversed(shape):
        lengths.append(max(1, min(n, room)))
        room = max(1, room // max(n, 1))
    return lengths[::-1]


def _length(n):
    n = n.__index__()
    if n < -1 or n == 0:
        raise ValueError(f"chunk sizes are positive, or -1 for the whole axis, not {n}")
    return n


def _axis(entry, n):
    """One axis in the flat form: a count, then so many lengths."""
    if entry is None:
        return [1, WHOLE]
    if isinstance(entry, str):
        if entry == "auto":
            return [1, AUTO]
        raise ValueError(f"the chunk size of an axis is a number, 'auto' or -1, not '{entry}'")
    if isinstance(entry, (tuple, list)):
        lengths = [e.__index__() for e in entry]
        if n >= 0 and sum(lengths) != n or any(e < 0 for e in lengths):
            raise ValueError(f"chunks {tuple(entry)} do not add up to the length {n} of their axis")
        if len(lengths) == 1:  # the flat form takes a single number for a chunk length
            return [1, max(lengths[0], 1)]
        return [len(lengths), *lengths]
    return [1, _length(entry)]


def cutting(chunk_size, shape, dtype):
    """What users write as chunk_size= or chunks=, in the flat form of mars.h; None cuts automatically."""
    if chunk_size is None:
        from .config import options

        chunk_size = options.chunk_size
    if chunk_size is None or chunk_size == "auto" or len(shape) == 0:
        return None
    ndim = len(shape)
    if isinstance(chunk_size, str):
        chunk_size = _of_bytes(read_bytes(chunk_size), shape, dtype.itemsize)
    elif hasattr(chunk_size, "__index__"):
        return [1, _length(chunk_size)]
    if isinstance(chunk_size, dict):
        entries = ["auto"] * ndim
        for axis, entry in chunk_size.items():
            if not -ndim <= axis < ndim:
                raise ValueError(f"chunk_size names axis {axis} of a tensor with {ndim} dimension(s)")
            entries[axis] = entry
    elif not isinstance(chunk_size, (tuple, list, np.ndarray)):
        raise TypeError(
            "chunk_size is a length, a tuple of lengths, a dict from axis to length, 'auto' or bytes such as "
            f"'64MiB', not {chunk_size!r}"
        )
    else:
        entries = list(chunk_size)
        if ndim == 1 and len(entries) > 1:
            entries = [entries]
    if len(entries) != ndim:
        raise ValueError(f"chunk_size {chunk_size} has {len(entries)} entries for {ndim} dimension(s)")
    flat = []
    for entry, n in zip(entries, shape):
        flat += _axis(entry, n)
    return flat


def one_of(chunk_size, chunks):
    """chunk_size= and its synonym chunks=."""
    if chunks is None:
        return chunk_size
    if chunk_size is not None:
        raise TypeError("chunk_size and chunks are two words for the same thing: give one of them")
    return chunks
