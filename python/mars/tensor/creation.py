# SPDX-License-Identifier: Apache-2.0
"""Making tensors: of data, of nothing, of numbers in a row."""
import math as _math
from operator import index as _index

import numpy as np

from .. import _core, _mars
from .._core import cutting, one_of, op
from ..config import options
from .core import Tensor

__all__ = """arange array asanyarray asarray asarray_chkfinite ascontiguousarray asfortranarray copy diag
    diagflat empty empty_like eye from_dlpack frombuffer fromiter full full_like fromfunction geomspace
    identity indices linspace logspace meshgrid mgrid ogrid ones ones_like scalar tensor tri tril triu
    vander zeros zeros_like""".split()


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


def tensor(data, dtype=None, order="K", chunk_size=None, *, chunks=None, copy=True, ndmin=0, gpu=None, sparse=None):
    """A tensor of anything that numpy.array() takes; the values are copied now.

    chunk_size (or chunks): a length for all axes; one per axis, -1 for a whole axis; all lengths of all axes; a
    dict from axis to length; 'auto'; or bytes of a chunk, '64MiB'.
    """
    refuse(gpu, sparse)
    chunk_size = one_of(chunk_size, chunks)
    if isinstance(data, Tensor):
        t = data._same() if dtype is None else data.astype(dtype)
        if chunk_size is not None:
            t = op("rechunk", t, chunk_size=cutting(chunk_size, t.shape, t.dtype))
    else:
        if dtype is not None and not hasattr(data, "dtype"):
            want = _core.as_dtype(dtype)
            if not _holds_tensors(data):
                data = np.asarray(data, dtype=want)
        chunk_size = options.chunk_size if chunk_size is None else chunk_size
        t = _data(data, chunk_size)
        if dtype is not None:
            t = t.astype(dtype)
    while t.ndim < ndmin:
        t = t[None]
    return t


array = tensor


def asarray(a, dtype=None, order=None, chunk_size=None, *, chunks=None, device=None, copy=None):
    """The tensor itself if it is one of that dtype, else a new one.

    copy=True always gives a new one; copy=False refuses what would have to be copied, which are all data that are not
    a tensor yet.
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
    """A tensor without axes."""
    t = tensor(data, dtype, gpu=gpu)
    if t.ndim:
        raise TypeError("scalar() takes a single number")
    return t


def copy(a, order="K"):
    """Another handle of the same values: tensors have value semantics, so nothing is copied."""
    return astensor(a)._same()


DEVICE = "cpu"  # the only one, by the name that NumPy gives it


def refuse(gpu=None, sparse=None, device=None):
    if gpu:
        raise NotImplementedError("tensors live in memory, not on a GPU")
    if device not in (None, DEVICE):
        raise ValueError(f"tensors live in memory, which is the device '{DEVICE}', not on {device!r}")
    if sparse:
        raise NotImplementedError("tensors are dense")


# ---- Constants -------------------------------------------------------------------------------------------------------

def shape_of(shape):
    return (_index(shape),) if hasattr(shape, "__index__") and not isinstance(shape, np.ndarray) else \
        tuple(map(_index, shape))


def full(shape, fill_value, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """All elements are fill_value, which may be an array that is broadcast."""
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
    """All elements are 0."""
    refuse(gpu, sparse, device)
    return full(shape, 0, float if dtype is None else dtype, chunk_size, chunks=chunks)


def ones(shape, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """All elements are 1."""
    return full(shape, 1, float if dtype is None else dtype, chunk_size, gpu, chunks=chunks, device=device)


def empty(shape, dtype=None, chunk_size=None, gpu=None, order="C", *, chunks=None, device=None):
    """Elements that nobody has set; here they are 0."""
    return full(shape, 0, float if dtype is None else dtype, chunk_size, gpu, chunks=chunks, device=device)


def full_like(a, fill_value, dtype=None, gpu=None, order="K", subok=True, shape=None, *, chunk_size=None, chunks=None,
              device=None):
    """A tensor of a's shape, dtype and cutting with all elements fill_value."""
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
    """Zeros of a's shape, dtype and cutting."""
    return full_like(a, 0, dtype, gpu, shape=shape, chunk_size=chunk_size, chunks=chunks, device=device)


def ones_like(a, dtype=None, gpu=None, order="K", subok=True, shape=None, *, chunk_size=None, chunks=None,
              device=None):
    """Ones of a's shape, dtype and cutting."""
    return full_like(a, 1, dtype, gpu, shape=shape, chunk_size=chunk_size, chunks=chunks, device=device)


empty_like = zeros_like


# ---- Ranges ----------------------------------------------------------------------------------------------------------

def arange(start, stop=None, step=None, dtype=None, chunk_size=None, gpu=None, *, chunks=None, like=None, device=None):
    """arange([start,] stop[, step]): numbers from start to before stop."""
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
    """num numbers from start to stop at equal distances."""
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

        start, stop = astensor(start) * 1.0, astensor(stop) * 1.0
        parts = num - 1 if endpoint else num
        steps = arange(num, dtype=float)[(slice(None),) + (None,) * max(start.ndim, stop.ndim)]
        t = start + steps * ((stop - start) / max(parts, 1))
        if endpoint and num > 1:
            t = where(steps == num - 1, stop, t)
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
    """Numbers whose logarithms are at equal distances."""
    from .ufuncs import power

    t = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return t if dtype is None else t.astype(dtype)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """Numbers from start to stop with equal ratios."""
    start, stop = np.asarray(start), np.asarray(stop)
    if np.any(start == 0) or np.any(stop == 0):
        raise ValueError("Geometric sequence cannot include zero")
    dtype = np.result_type(start, stop, float(num)) if dtype is None else dtype
    return _data(np.geomspace(start, stop, num, endpoint, dtype, axis))


# ---- Matrices --------------------------------------------------------------------------------------------------------

def tri(N, M=None, k=0, dtype=float, *, chunk_size=None, chunks=None):
    """Ones at and below a diagonal, zeros above."""
    M = N if M is None else M
    t = (arange(N)[:, None] >= arange(M)[None, :] - k).astype(dtype)
    chunk_size = one_of(chunk_size, chunks)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def _rechunk(t, chunk_size):
    return op("rechunk", t, chunk_size=cutting(chunk_size, t.shape, t.dtype) or (1, _core.AUTO))


def eye(N, M=None, k=0, dtype=None, sparse=None, gpu=None, chunk_size=None, order="C", *, chunks=None, device=None):
    """Ones on a diagonal, zeros elsewhere."""
    refuse(gpu, sparse, device)
    N, M = _index(N), _index(N if M is None else M)
    k = max(-N, min(_index(k), M))  # past the corners, all are alike
    t = (arange(N)[:, None] == arange(M)[None, :] - k).astype(float if dtype is None else dtype)
    chunk_size = one_of(chunk_size, chunks)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def identity(n, dtype=None, sparse=None, gpu=None, chunk_size=None, *, chunks=None):
    """The square matrix with ones on its diagonal."""
    return eye(n, dtype=dtype, sparse=sparse, gpu=gpu, chunk_size=chunk_size, chunks=chunks)


def _below(m, k):
    m = astensor(m)
    if m.ndim < 2:
        m = m[None, :] if m.ndim == 1 else m
        m = op("view", m, shape=(m.shape[1],) * 2, axis=(-1, 1), start=(0, 0), step=(0, 1))
    rows, columns = m.shape[-2:]
    return m, arange(rows)[:, None] >= arange(columns)[None, :] - k


def tril(m, k=0, gpu=None):
    """The part at and below a diagonal; zeros above."""
    m, below = _below(m, k)
    return op("where", below, m, zeros((), m.dtype))


def triu(m, k=0, gpu=None):
    """The part at and above a diagonal; zeros below."""
    m, below = _below(m, k - 1)
    return op("where", below, zeros((), m.dtype), m)


def diag(v, k=0, sparse=None, gpu=None, chunk_size=None):
    """A matrix with v on its diagonal; of a matrix, its diagonal."""
    from .manipulation import diagonal

    refuse(gpu, sparse)
    v = astensor(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = v.shape[0]
    t = op("view", v, shape=(n, n), axis=(1,), start=(0,), step=(1,))
    t = op("where", arange(n)[:, None] == arange(n)[None, :], t, zeros((), v.dtype))
    if k:
        from .manipulation import pad

        t = pad(t, ((max(-k, 0), max(k, 0)), (max(k, 0), max(-k, 0))))
    return t if chunk_size is None else _rechunk(t, chunk_size)


def diagflat(v, k=0, sparse=None, gpu=None, chunk_size=None):
    """A matrix with the elements of v on its diagonal."""
    return diag(astensor(v).ravel(), k, sparse, gpu, chunk_size)


def vander(x, N=None, increasing=False):
    """Powers of x in columns."""
    from .ufuncs import power

    x = astensor(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    N = x.shape[0] if N is None else N
    exponents = arange(N) if increasing else arange(N - 1, -1, -1)
    dtype = _mars.promote(x.dtype, int)
    exponents = exponents[None, :].astype(dtype) if dtype.kind == "f" else exponents[None, :]
    return power(x[:, None].astype(dtype), exponents)


# ---- Grids -----------------------------------------------------------------------------------------------------------

def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Coordinates as tensors with one axis for each."""
    from .manipulation import broadcast_to, swapaxes

    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    xs = [astensor(x).ravel() for x in xi]
    grids = [x[(None,) * i + (slice(None),) + (None,) * (len(xs) - 1 - i)] for i, x in enumerate(xs)]
    if indexing == "xy" and len(xs) > 1:
        grids = [swapaxes(g, 0, 1) for g in grids]
    if not sparse:
        shape = np.broadcast_shapes(*(g.shape for g in grids)) if grids else ()
        grids = [broadcast_to(g, shape) for g in grids]
    return grids


def indices(dimensions, dtype=int, sparse=False, chunk_size=None):
    """The index along each axis, of all elements of such a shape."""
    from .manipulation import stack

    grids = meshgrid(*(arange(n, dtype=dtype) for n in dimensions), indexing="ij", sparse=sparse)
    if sparse:
        return tuple(grids)
    t = stack(grids) if grids else zeros((0,), dtype)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def asarray_chkfinite(a, dtype=None, order=None):
    """A tensor of finite elements; ValueError if one is not, for which they are computed now.

    >>> import mars.tensor as mt
    >>> mt.asarray_chkfinite([1.0, 2.0]).execute()
    Tensor([1., 2.])
    """
    a = asarray(a, dtype)
    if a.dtype.kind in "fc" and not bool(op("all", op("isfinite", a))):
        raise ValueError("array must not contain infs or NaNs")
    return a


def from_dlpack(x, /, *, device=None, copy=None, chunk_size=None):
    """A tensor of the values of an array of another library, which are copied now.

    >>> import mars.tensor as mt, numpy as np
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
    """A tensor of the numbers in a buffer, which are copied now.

    >>> import mars.tensor as mt
    >>> mt.frombuffer(b"\\x01\\x02", "u1").execute()
    Tensor([1, 2], dtype=uint8)
    """
    return tensor(np.frombuffer(buffer, _core.as_dtype(dtype), count, offset), chunk_size=chunk_size)


def fromiter(iter, dtype, count=-1, *, chunk_size=None):
    """A vector of what an iterable gives.

    >>> import mars.tensor as mt
    >>> mt.fromiter(range(3), float).execute()
    Tensor([0., 1., 2.])
    """
    return tensor(np.fromiter(iter, _core.as_dtype(dtype), count), chunk_size=chunk_size)


def fromfunction(function, shape, *, dtype=float, **kwargs):
    """The function of the indices of all elements."""
    return function(*indices(shape, dtype=dtype), **kwargs)


class _Grid:
    """mgrid and ogrid: mgrid[0:5, 0:1:3j]."""

    def __init__(self, sparse):
        self.sparse = sparse

    def _one(self, s):
        start = 0 if s.start is None else s.start
        if isinstance(s.step, complex):
            return linspace(start, s.stop, int(abs(s.step)))
        return arange(start, s.stop, 1 if s.step is None else s.step)

    def __getitem__(self, key):
        from .manipulation import stack

        if isinstance(key, slice):
            return self._one(key)
        ranges = [self._one(s) for s in key]
        dtype = np.result_type(*(r.dtype for r in ranges))
        grids = meshgrid(*(r.astype(dtype) for r in ranges), indexing="ij", sparse=self.sparse)
        return list(grids) if self.sparse else stack(grids)


mgrid, ogrid = _Grid(False), _Grid(True)
