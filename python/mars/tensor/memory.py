# SPDX-License-Identifier: Apache-2.0
"""What arrays have of their place in memory, as tensors have it: the array that numpy.asarray() gives lies in C order
and is not written to; its bytes are elements of another dtype, too."""
import builtins
import math

import numpy as np

from .. import _core
from .._core import op
from .core import Tensor, method, rows_of

__all__ = []


def _as_array(t):
    """An array that lies as the values would, of one element of memory."""
    strides, n = [], t.dtype.itemsize
    for length in reversed(t.shape):
        strides.insert(0, n)
        n *= max(length, 1)
    return np.lib.stride_tricks.as_strided(np.zeros(1, t.dtype), t.shape, strides, writeable=False)


def _flags(t):
    """How the array lies in memory that numpy.asarray() gives: in C order, and not to be written to.

    Examples
    --------
    >>> flags = mt.zeros((2, 3)).flags
    >>> flags.c_contiguous, flags["F"], flags.writeable
    (True, False, False)
    """
    return _as_array(t).flags


def _strides(t):
    """Bytes from an element to the next one along each axis, of the array that numpy.asarray() gives.

    Examples
    --------
    >>> mt.zeros((2, 3)).strides
    (24, 8)
    """
    return _as_array(t).strides


Tensor.flags, Tensor.strides = property(_flags), property(_strides)


def _bytes_as(t, dtype):
    """The bytes of the last axis of t, which is one of two at least, as elements of another dtype."""
    if t.dtype.kind in "mM":
        t = t.astype("i8")
    made = op("reinterpret", t, dtype=np.dtype("i8") if dtype.kind in "mM" else dtype)
    return made.astype(dtype) if dtype.kind in "mM" else made


@method
def view(a, dtype=None, type=None):
    """The same bytes as elements of another dtype: a tensor that is computed of this one, in C order.

    Parameters
    ----------
    a : Tensor
    dtype : data-type, optional
        Of another size, the last axis becomes longer or shorter. None: the same.
    type : type, optional
        Tensor, or None: there are no other classes of tensors.

    Returns
    -------
    Tensor
        Of bool, what is not zero is true. What is assigned to it does not change the tensor.

    Raises
    ------
    ValueError
        The last axis is no whole number of elements of that dtype.
    TypeError
        The type is another one.

    Examples
    --------
    >>> mt.tensor([1.0, -2.0]).view("int64").execute()
    Tensor([ 4607182418800017408, -4611686018427387904])
    >>> mt.tensor([[1, 2, 3, 4]], dtype="uint8").view("uint16").execute()
    Tensor([[ 513, 1027]], dtype=uint16)
    """
    if isinstance(dtype, builtins.type) and issubclass(dtype, (Tensor, np.ndarray)):
        dtype, type = None, dtype
    if type not in (None, Tensor, np.ndarray):
        raise TypeError(f"a tensor has no view as {type!r}: there is one class of them")
    dtype = a.dtype if dtype is None else _core.as_dtype(dtype)
    if dtype == a.dtype:
        return a._same()
    size, of = dtype.itemsize, a.dtype.itemsize
    if size == of:
        return _bytes_as(a.reshape(a.shape + (1,)) if a.ndim else a.reshape(1, 1), dtype).reshape(a.shape)
    if a.ndim == 0:
        raise ValueError("Changing the dtype of a 0d array is only supported if the itemsize is unchanged")
    n = a.shape[-1] * of
    if n % size:
        raise ValueError("When changing to a larger dtype, its size must be a divisor of the total size in bytes of "
                         "the last axis of the array.")
    each = math.lcm(size, of)
    rows = a.reshape(a.shape[:-1] + (n // each, each // of))
    return _bytes_as(rows, dtype).reshape(a.shape[:-1] + (n // size,))


@method
def tofile(a, fid, sep="", format="%s"):
    """Writes the elements in C order, without a header: what fromfile() reads. Computes them if need be.

    Parameters
    ----------
    a : Tensor
    fid : str, path or file
        An open file must be one on disk, as of NumPy.
    sep : str, optional
        Between elements of a text; empty: their bytes are written.
    format : str, optional
        Of an element of a text.

    Examples
    --------
    >>> mt.arange(3.0).tofile("raw")
    >>> mt.fromfile("raw").execute()
    Tensor([0., 1., 2.])
    """
    if not hasattr(fid, "write"):
        with open(fid, "wb") as file:
            return tofile(a, file, sep, format)
    before = ""
    for rows in rows_of(a):
        if before and rows.size:
            fid.write(before.encode())
            fid.flush()
        rows.tofile(fid, sep, format)
        before = before or sep
