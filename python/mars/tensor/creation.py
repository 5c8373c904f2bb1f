# SPDX-License-Identifier: Apache-2.0
"""Making tensors: of data, of nothing, of numbers in a row."""
import math as _math
from operator import index as _index

import numpy as np

from .. import _core, _mars
from .._core import cutting, one_of, op
from ..config import options
from .core import Tensor

__all__ = """arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray copy empty empty_like
    from_dlpack frombuffer fromiter full full_like geomspace linspace logspace
    ones ones_like scalar tensor zeros zeros_like""".split()


_MAX_NDIM = 64  # of any NumPy: what is nested deeper it refuses


def astensor(x):
    """A Tensor of anything."""
    return x if isinstance(x, Tensor) else _data(x)


def _holds_tensors(x, outer=()):
    if not isinstance(x, (list, tuple)) or len(outer) > _MAX_NDIM:
        return False
    if any(x is o for o in outer):
        raise ValueError("a list that contains itself is not an array")
    outer = (*outer, x)
    return any(isinstance(e, Tensor) or _holds_tensors(e, outer) for e in x)


def _data(x, chunk_size=None):
    if _holds_tensors(x):
        from .manipulation import stack

        return stack([astensor(e) for e in x])
    if chunk_size is None:
        return _mars.data(x, None)
    if not hasattr(x, "dtype"):
        x = _core.read_array(x)
        x = x[0].view(_core.ALL_DTYPES[x[1]]) if isinstance(x, tuple) else x
    return _mars.data(x, cutting(chunk_size, x.shape, x.dtype))


def _too_large(data, limits):
    """A Python integer of nested sequences that a dtype does not hold; None: there is none."""
    if isinstance(data, (list, tuple)):
        return next((n for n in (_too_large(e, limits) for e in data) if n is not None), None)
    return data if type(data) is int and not limits.min <= data <= limits.max else None


def _of_dtype(data, dtype):
    """numpy.asarray(data, dtype) of NumPy 2, where an integer of Python that the dtype does not hold is an error."""
    if dtype.kind not in "iu":
        return np.asarray(data, dtype=dtype)
    array, limits = np.asarray(data), np.iinfo(dtype)
    if array.size and array.dtype.kind in "biu" and limits.min <= int(array.min()) <= int(array.max()) <= limits.max:
        return array.astype(dtype)
    large = _too_large(data, limits)
    if large is not None:
        raise OverflowError(f"Python integer {large} out of bounds for {dtype}")
    return np.asarray(data, dtype=dtype)


def tensor(data, dtype=None, order="K", chunk_size=None, *, chunks=None, copy=True, ndmin=0, gpu=None, sparse=None):
    """A tensor of anything that numpy.array() takes; the values are copied now.

    Parameters
    ----------
    data : tensor_like
    dtype : data-type, optional
    order : optional
        Ignored: tensors have no order in memory.
    chunk_size : int, tuple, dict or str, optional
        A length for all axes; one per axis, -1 for a whole axis; all lengths of all axes; a dict from axis to length;
        'auto'; or the bytes of a chunk, '64MiB'. None: options.chunk_size.
    chunks : optional
        Another word for chunk_size.
    copy : bool, optional
        Ignored: tensors have value semantics.
    ndmin : int, optional
        Axes of length one are put in front until there are so many.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    sparse : bool, optional
        True: a SparseTensor, of a matrix; False: a Tensor; None: what data are, and sparse of scipy.sparse's matrices.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> a = mt.tensor([[1, 2, 3], [4, 5, 6]], chunk_size=2)
    >>> a.nsplits
    ((2,), (2, 1))
    >>> (a + 1).execute()
    Tensor([[2, 3, 4],
            [5, 6, 7]])
    """
    refuse(gpu)
    chunk_size = one_of(chunk_size, chunks)
    if sparse is not None or hasattr(data, "tocsr"):
        made = _sparse(data, dtype, chunk_size, sparse)
        if made is not None:
            return made
    if isinstance(data, Tensor):
        t = data._same() if dtype is None else data.astype(dtype)
        if chunk_size is not None:
            t = op("rechunk", t, chunk_size=cutting(chunk_size, t.shape, t.dtype))
    else:
        if dtype is not None and not hasattr(data, "dtype"):
            want = _core.as_dtype(dtype)
            if not _holds_tensors(data):
                data = _of_dtype(data, want)
        chunk_size = options.chunk_size if chunk_size is None else chunk_size
        t = _data(data, chunk_size)
        if dtype is not None:
            t = t.astype(dtype)
    while t.ndim < ndmin:
        t = t[None]
    return t


def _sparse(data, dtype, chunk_size, sparse):
    """tensor() of a sparse matrix, or with sparse=True of a dense one; None: neither."""
    from . import sparse as of

    if of.comes_from_scipy(data):
        made = of.of_scipy(data, dtype, chunk_size)
    elif isinstance(data, of.SparseTensor):
        made = data if dtype is None else data.astype(dtype)
        made = made if chunk_size is None else made.rechunk(chunk_size)
    elif sparse:
        return of.of_dense(tensor(data, dtype, chunk_size=chunk_size))
    else:
        return None
    return made.todense() if sparse is False else made


array = tensor


def asarray(a, dtype=None, order=None, chunk_size=None, *, chunks=None, device=None, copy=None):
    """The tensor itself if it is one of that dtype, else a new one.

    Parameters
    ----------
    a : tensor_like
    dtype : data-type, optional
    order : optional
        Ignored: tensors have no order in memory.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional
    copy : bool, optional
        True: always a new one. False: what would have to be copied is refused, which are all data that are not a tensor
        yet.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.ones(3)
    >>> mt.asarray(a) is a
    True
    >>> mt.asarray([1, 2], dtype="float32").execute()
    Tensor([1., 2.], dtype=float32)
    """
    refuse(device=device)
    chunk_size = one_of(chunk_size, chunks)
    if isinstance(a, Tensor) and not copy and (dtype is None or a.dtype == np.dtype(dtype)) and chunk_size is None:
        return a
    if copy is False:
        raise ValueError("a copy is needed: " + ("of other elements" if isinstance(a, Tensor) else
                                                 "tensors never share memory with the data that they are made of"))
    return tensor(a, dtype, chunk_size=chunk_size)


asanyarray = ascontiguousarray = asfortranarray = asarray


def scalar(data, dtype=None, gpu=None):
    """A tensor without axes.

    Parameters
    ----------
    data : scalar
    dtype : data-type, optional
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> (mt.scalar(2) * mt.arange(3)).execute()
    Tensor([0, 2, 4])
    """
    t = tensor(data, dtype, gpu=gpu)
    if t.ndim:
        raise TypeError("scalar() takes a single number")
    return t


def copy(a, order="K", subok=False):
    """Another handle of the same values: tensors have value semantics, so nothing is copied.

    Parameters
    ----------
    a : tensor_like
    order, subok : optional
        Ignored: tensors have no order in memory, and no subclasses.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.zeros(3)
    >>> b = mt.copy(a)
    >>> b[0] = 1
    >>> a.execute()
    Tensor([0., 0., 0.])
    """
    return astensor(a)._same()


DEVICE = "cpu"  # the only one, by the name that NumPy gives it


def refuse(gpu=None, device=None):
    if gpu:
        raise NotImplementedError("tensors live in memory, not on a GPU")
    if device not in (None, DEVICE):
        raise ValueError(f"tensors live in memory, which is the device '{DEVICE}', not on {device!r}")


# ---- Constants -------------------------------------------------------------------------------------------------------

def shape_of(shape):
    return (_index(shape),) if hasattr(shape, "__index__") and not isinstance(shape, np.ndarray) else \
        tuple(map(_index, shape))


def full(shape, fill_value, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """All elements are fill_value.

    Parameters
    ----------
    shape : int or tuple of ints
    fill_value : scalar or tensor_like
        Broadcasts.
    dtype : data-type, optional
        None: that of fill_value.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.full((2, 3), 7).execute()
    Tensor([[7, 7, 7],
            [7, 7, 7]])
    >>> mt.full((2, 3), [1, 2, 3]).execute()
    Tensor([[1, 2, 3],
            [1, 2, 3]])
    """
    refuse(gpu, device=device)
    shape = shape_of(shape)
    if np.ndim(fill_value) if not isinstance(fill_value, Tensor) else True:
        from .manipulation import broadcast_to, rechunk

        t = broadcast_to(astensor(fill_value), shape)
        t = t if dtype is None else t.astype(dtype)
        chunk_size = one_of(chunk_size, chunks)
        return t if chunk_size is None else rechunk(t, chunk_size)
    dtype = _core.as_dtype(np.asarray(fill_value).dtype if dtype is None else dtype)
    if dtype.kind in "iu" and type(fill_value) is int:
        dtype.type(np.array(fill_value).astype(dtype)[()])
        if not np.iinfo(dtype).min <= fill_value <= np.iinfo(dtype).max:
            raise OverflowError(f"Python integer {fill_value} out of bounds for {dtype}")
    value = np.asarray(fill_value).astype(dtype)[()]
    cuts = cutting(one_of(chunk_size, chunks), shape, dtype)
    return op("full", shape=shape, dtype=dtype, value=value, chunk_size=cuts)


def zeros(shape, dtype=None, chunk_size=None, gpu=None, sparse=None, order="C", *, chunks=None, device=None):
    """All elements are 0.

    Parameters
    ----------
    shape : int or tuple of ints
    dtype : data-type, optional
        None: float64.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    sparse : bool, optional
        Whether to make a SparseTensor, which stores none of them.
    order : optional
        Ignored: tensors have no order in memory.
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.zeros((2, 3), dtype=int).execute()
    Tensor([[0, 0, 0],
            [0, 0, 0]])
    >>> mt.zeros((5, 5), chunk_size=3).nsplits
    ((3, 2), (3, 2))
    """
    refuse(gpu, device=device)
    if sparse:
        from .sparse import of_zeros

        return of_zeros(shape_of(shape), dtype, one_of(chunk_size, chunks))
    return full(shape, 0, float if dtype is None else dtype, chunk_size, chunks=chunks)


def ones(shape, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """All elements are 1.

    Parameters
    ----------
    shape : int or tuple of ints
    dtype : data-type, optional
        None: float64.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.ones((2, 3)).execute()
    Tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    return full(shape, 1, float if dtype is None else dtype, chunk_size, gpu, chunks=chunks, device=device)


def empty(shape, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """Elements that nobody has set; here they are 0.

    Parameters
    ----------
    shape : int or tuple of ints
    dtype : data-type, optional
        None: float64.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.empty(3).execute()
    Tensor([0., 0., 0.])
    """
    return full(shape, 0, float if dtype is None else dtype, chunk_size, gpu, chunks=chunks, device=device)


def full_like(a, fill_value, dtype=None, gpu=None, order="K", subok=True, shape=None, *, chunk_size=None, chunks=None,
              device=None):
    """A tensor of a's shape, dtype and cutting with all elements fill_value.

    Parameters
    ----------
    a : tensor_like
    fill_value : scalar or tensor_like
    dtype : data-type, optional
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    subok : optional
        Ignored.
    shape : int or tuple of ints, optional
        Instead of a's.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.full_like(mt.ones((2, 2)), 5).execute()
    Tensor([[5., 5.],
            [5., 5.]])
    """
    refuse(gpu, device=device)
    a = astensor(a)
    chunk_size = one_of(chunk_size, chunks)
    dtype = a.dtype if dtype is None else dtype
    if shape is None:
        shape = a.shape
        if chunk_size is None and a.size:
            chunk_size = a.nsplits
    return full(shape, fill_value, dtype, chunk_size if len(shape_of(shape)) else None, gpu)


def zeros_like(a, dtype=None, gpu=None, order="K", subok=True, shape=None, *, chunk_size=None, chunks=None,
               device=None):
    """Zeros of a's shape, dtype and cutting.

    Parameters
    ----------
    a : tensor_like
    dtype : data-type, optional
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    subok : optional
        Ignored.
    shape : int or tuple of ints, optional
        Instead of a's.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.zeros_like(mt.arange(3)).execute()
    Tensor([0, 0, 0])
    """
    return full_like(a, 0, dtype, gpu, shape=shape, chunk_size=chunk_size, chunks=chunks, device=device)


def ones_like(a, dtype=None, gpu=None, order="K", subok=True, shape=None, *, chunk_size=None, chunks=None,
              device=None):
    """Ones of a's shape, dtype and cutting.

    Parameters
    ----------
    a : tensor_like
    dtype : data-type, optional
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    order : optional
        Ignored: tensors have no order in memory.
    subok : optional
        Ignored.
    shape : int or tuple of ints, optional
        Instead of a's.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.arange(6, chunk_size=4)
    >>> mt.ones_like(a, dtype=float).nsplits
    ((4, 2),)
    """
    return full_like(a, 1, dtype, gpu, shape=shape, chunk_size=chunk_size, chunks=chunks, device=device)


empty_like = zeros_like


# ---- Ranges ----------------------------------------------------------------------------------------------------------

def arange(start, stop=None, step=None, dtype=None, chunk_size=None, gpu=None, *, chunks=None, like=None, device=None):
    """arange([start,] stop[, step]): numbers from start to before stop.

    Parameters
    ----------
    start, stop, step : scalar
        Of dates, too: start, or what it starts from, and a span of time.
    dtype : data-type, optional
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunks : optional
        Another word for chunk_size.
    like : optional
        Ignored.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor
        A vector; its length is known at once.

    Examples
    --------
    >>> mt.arange(3).execute()
    Tensor([0, 1, 2])
    >>> mt.arange(0, 1, 0.25, chunk_size=2).execute()
    Tensor([0.  , 0.25, 0.5 , 0.75])
    """
    refuse(gpu, device=device)
    from . import times

    if times.are_times(start, stop, step) or dtype is not None and _core.as_dtype(dtype).kind in "mM":
        return times.arange(start, stop, step, dtype, one_of(chunk_size, chunks))
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    start, stop, step = (v.item() if isinstance(v, (Tensor, np.generic, np.ndarray)) else v
                         for v in (start, stop, step))
    if dtype is None:
        dtype = np.result_type(*(np.asarray(v).dtype for v in (start, stop, step)))
        dtype = np.dtype(int) if dtype.kind == "b" else dtype
    dtype = _core.as_dtype(dtype)
    if step == 0:
        raise ZeroDivisionError("arange: the step is zero")
    span = (stop - start) / step
    if isinstance(span, complex):
        span = min(span.real, span.imag)
    if span != span:
        raise ValueError("arange: cannot compute length")
    if all(isinstance(v, int) for v in (start, stop, step)):
        n = max(0, -((start - stop) // step))
    else:
        if _math.isinf(span) or span > 2**62:
            raise ValueError("Maximum allowed size exceeded")
        n = max(0, _math.ceil(span))
    if n > 2**62:
        raise ValueError("Maximum allowed size exceeded")
    cuts = cutting(one_of(chunk_size, chunks), (n,), dtype)
    if dtype.kind == "b":
        return op("arange", shape=(n,), dtype=int, start=start, step=step, chunk_size=cuts).astype(bool)
    return op("arange", shape=(n,), dtype=dtype, start=start, step=step, chunk_size=cuts)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, gpu=None, chunk_size=None, *,
             chunks=None, device=None):
    """num numbers from start to stop at equal distances.

    Parameters
    ----------
    start, stop : tensor_like
        Broadcast.
    num : int, optional
    endpoint : bool, optional
        Whether the last number is stop.
    retstep : bool, optional
        Whether the distance is given, too.
    dtype : data-type, optional
    axis : int, optional
        Along which the numbers lie, if start and stop have axes.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.
    device : {'cpu', None}, optional

    Returns
    -------
    Tensor or (Tensor, distance)

    Examples
    --------
    >>> mt.linspace(0, 1, 5).execute()
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> mt.linspace(0, 1, 4, endpoint=False).execute()
    Tensor([0.  , 0.25, 0.5 , 0.75])
    """
    refuse(gpu, device=device)
    num = num.__index__()
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    chunk_size = one_of(chunk_size, chunks)
    if _is_number(start) and _is_number(stop):
        start, stop = np.asarray(start)[()] * 1.0, np.asarray(stop)[()] * 1.0
        dtype = _core.as_dtype(np.result_type(start, stop, float(num)) if dtype is None else dtype)
        if dtype.kind == "b":
            return linspace(start, stop, num, endpoint, retstep, chunk_size=chunk_size).astype(bool)
        t = op("linspace", shape=(num,), start=start, stop=stop, endpoint=bool(endpoint), dtype=dtype,
               chunk_size=cutting(chunk_size, (num,), dtype))
    else:
        from .manipulation import moveaxis, rechunk
        from .math import where

        start, stop = (x * 1.0 if _is_number(x) else astensor(x) * 1.0 for x in (start, stop))
        own, real = (start + stop).dtype, op("real", start + stop).dtype
        start, stop = astensor(start), astensor(stop)
        parts = num - 1 if endpoint else num
        steps = arange(num, dtype=real)[(slice(None),) + (None,) * max(start.ndim, stop.ndim)]
        t = start + steps * ((stop - start) / max(parts, 1))
        if endpoint and num > 1:
            t = where(steps == num - 1, stop, t)
        t = t.astype(own)
        t = moveaxis(t, 0, axis)
        t = t if chunk_size is None else rechunk(t, chunk_size)
        if dtype is not None:
            from .ufuncs import floor

            dtype = _core.as_dtype(dtype)
            t = (floor(t) if dtype.kind in "iu" else t).astype(dtype)
    if retstep:
        parts = num - 1 if endpoint else num
        return t, (stop - start) / parts if parts > 0 else np.nan
    return t


def _is_number(x):
    return not isinstance(x, Tensor) and np.ndim(x) == 0


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    """Numbers whose logarithms are at equal distances: base ** linspace(start, stop).

    Parameters
    ----------
    start, stop : tensor_like
    num : int, optional
    endpoint : bool, optional
    base : tensor_like, optional
    dtype : data-type, optional
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.logspace(0, 3, 4).execute()
    Tensor([   1.,   10.,  100., 1000.])
    """
    from .ufuncs import power

    t = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return t if dtype is None else t.astype(dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Numbers from start to stop with equal ratios.

    Parameters
    ----------
    start, stop : tensor_like
        Not zero.
    num : int, optional
    endpoint : bool, optional
    dtype : data-type, optional
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.geomspace(1, 8, 4).execute()
    Tensor([1., 2., 4., 8.])
    """
    start, stop = np.asarray(start), np.asarray(stop)
    if np.any(start == 0) or np.any(stop == 0):
        raise ValueError("Geometric sequence cannot include zero")
    dtype = np.result_type(start, stop, float(num)) if dtype is None else dtype
    return _data(np.geomspace(start, stop, num, endpoint, dtype, axis))


def asarray_chkfinite(a, dtype=None, order=None):
    """A tensor of finite elements, for which they are computed now.

    Parameters
    ----------
    a : tensor_like
    dtype : data-type, optional
    order : optional
        Ignored: tensors have no order in memory.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If an element is infinite or NaN.

    Examples
    --------
    >>> mt.asarray_chkfinite([1.0, 2.0]).execute()
    Tensor([1., 2.])
    """
    a = asarray(a, dtype)
    if a.dtype.kind in "fc" and not bool(op("all", op("isfinite", a))):
        raise ValueError("array must not contain infs or NaNs")
    return a


def from_dlpack(x, /, *, device=None, copy=None, chunk_size=None):
    """A tensor of the values of an array of another library, which are copied now.

    Parameters
    ----------
    x : object
        Anything with __dlpack__(), in memory.
    device : {'cpu', None}, optional
    copy : bool, optional
        False is refused: tensors share no memory with others.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.from_dlpack(np.arange(3)).execute()
    Tensor([0, 1, 2])
    """
    refuse(device=device)
    if copy is False and not isinstance(x, Tensor):
        raise BufferError("a copy is needed: tensors never share memory with the data that they are made of")
    if isinstance(x, Tensor):
        return x._same()
    try:
        capsule = x.__dlpack__(max_version=(1, 0))
    except TypeError:  # from before version 1
        capsule = x.__dlpack__()
    return tensor(_mars.from_dlpack(capsule), chunk_size=options.chunk_size if chunk_size is None else chunk_size)


def frombuffer(buffer, dtype=float, count=-1, offset=0, *, chunk_size=None):
    r"""A tensor of the numbers in a buffer, which are copied now.

    Parameters
    ----------
    buffer : bytes-like
    dtype : data-type, optional
    count : int, optional
        -1: all.
    offset : int, optional
        In bytes.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> mt.frombuffer(b"\x01\x02\x03", dtype="uint8").execute()
    Tensor([1, 2, 3], dtype=uint8)
    """
    return tensor(np.frombuffer(buffer, _core.as_dtype(dtype), count, offset), chunk_size=chunk_size)


def fromiter(iter, dtype, count=-1, *, chunk_size=None):
    """A vector of what an iterable gives, which is read now.

    Parameters
    ----------
    iter : iterable
    dtype : data-type
    count : int, optional
        -1: all.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fromiter((n * n for n in range(4)), dtype=int).execute()
    Tensor([0, 1, 4, 9])
    """
    return tensor(np.fromiter(iter, _core.as_dtype(dtype), count), chunk_size=chunk_size)
