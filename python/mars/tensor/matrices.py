# SPDX-License-Identifier: Apache-2.0
"""Making tensors of a pattern: diagonals and triangles, powers, grids; and what linear algebra takes for matrices."""
from operator import index as _index

import numpy as np

from .. import _core, _mars
from .._core import cutting, one_of, op
from ..errors import LinAlgError
from .creation import arange, astensor, linspace, refuse, tensor, zeros

__all__ = """diag diagflat eye fromfunction identity indices meshgrid mgrid ogrid tri tril triu vander""".split()


def tri(N, M=None, k=0, dtype=float, *, chunk_size=None, chunks=None):
    """Ones at and below a diagonal, zeros above.

    Parameters
    ----------
    N, M : int
        Rows and columns; M None: as many.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    dtype : data-type, optional
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tri(3, dtype=int).execute()
    Tensor([[1, 0, 0],
            [1, 1, 0],
            [1, 1, 1]])
    """
    M = N if M is None else M
    t = (arange(N)[:, None] >= arange(M)[None, :] - k).astype(dtype)
    chunk_size = one_of(chunk_size, chunks)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def _rechunk(t, chunk_size):
    return op("rechunk", t, chunk_size=cutting(chunk_size, t.shape, t.dtype) or (1, _core.AUTO))


def eye(N, M=None, k=0, dtype=None, sparse=None, gpu=None, chunk_size=None, order="C", *, chunks=None, device=None):
    """Ones on a diagonal, zeros elsewhere.

    Parameters
    ----------
    N, M : int
        Rows and columns; M None: as many.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    dtype : data-type, optional
    sparse : bool, optional
        Whether to make a SparseTensor, which stores the ones only.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
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
    >>> mt.eye(3, k=1).execute()
    Tensor([[0., 1., 0.],
            [0., 0., 1.],
            [0., 0., 0.]])
    """
    refuse(gpu, device=device)
    N, M = _index(N), _index(N if M is None else M)
    k = max(-N, min(_index(k), M))  # past the corners, all are alike
    if sparse:
        from .sparse import of_ones

        return of_ones(N, M, k, dtype, one_of(chunk_size, chunks))
    t = (arange(N)[:, None] == arange(M)[None, :] - k).astype(float if dtype is None else dtype)
    chunk_size = one_of(chunk_size, chunks)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def identity(n, dtype=None, sparse=None, gpu=None, chunk_size=None, *, chunks=None):
    """The square matrix with ones on its diagonal.

    Parameters
    ----------
    n : int
    dtype : data-type, optional
    sparse : bool, optional
        Whether to make a SparseTensor, which stores the ones only.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.identity(2).execute()
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return eye(n, dtype=dtype, sparse=sparse, gpu=gpu, chunk_size=chunk_size, chunks=chunks)


def _below(m, k):
    m = astensor(m)
    if m.ndim < 2:
        m = m[None, :] if m.ndim == 1 else m
        m = op("view", m, shape=(m.shape[1],) * 2, axis=(-1, 1), start=(0, 0), step=(0, 1))
    rows, columns = m.shape[-2:]
    return m, arange(rows)[:, None] >= arange(columns)[None, :] - k


def tril(m, k=0, gpu=None):
    """The part at and below a diagonal; zeros above.

    Parameters
    ----------
    m : tensor_like
        Two axes or more; a vector is repeated in rows.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tril([[1, 2], [3, 4]]).execute()
    Tensor([[1, 0],
            [3, 4]])
    """
    m, below = _below(m, k)
    return op("where", below, m, zeros((), m.dtype))


def triu(m, k=0, gpu=None):
    """The part at and above a diagonal; zeros below.

    Parameters
    ----------
    m : tensor_like
        Two axes or more; a vector is repeated in rows.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.triu([[1, 2], [3, 4]]).execute()
    Tensor([[1, 2],
            [0, 4]])
    """
    m, below = _below(m, k - 1)
    return op("where", below, zeros((), m.dtype), m)


def diag(v, k=0, sparse=None, gpu=None, chunk_size=None):
    """A matrix with v on its diagonal; of a matrix, its diagonal.

    Parameters
    ----------
    v : tensor_like or SparseTensor
        A vector or a matrix.
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    sparse : bool, optional
        Whether a matrix that is made is a SparseTensor, which stores its diagonal only.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.diag([1, 2]).execute()
    Tensor([[1, 0],
            [0, 2]])
    >>> mt.diag([[1, 2], [3, 4]], k=1).execute()
    Tensor([2])
    """
    from .manipulation import diagonal
    from .sparse import is_sparse, of_diagonal

    refuse(gpu)
    if is_sparse(v):
        return tensor(v).diagonal(k)
    v = astensor(v)
    if v.ndim == 2:
        return diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
    if sparse:
        return of_diagonal(v, _index(k), chunk_size)
    n = v.shape[0]
    t = op("view", v, shape=(n, n), axis=(1,), start=(0,), step=(1,))
    t = op("where", arange(n)[:, None] == arange(n)[None, :], t, zeros((), v.dtype))
    if k:
        from .repeating import pad

        t = pad(t, ((max(-k, 0), max(k, 0)), (max(k, 0), max(-k, 0))))
    return t if chunk_size is None else _rechunk(t, chunk_size)


def diagflat(v, k=0, sparse=None, gpu=None, chunk_size=None):
    """A matrix with the elements of v on its diagonal.

    Parameters
    ----------
    v : tensor_like
    k : int, optional
        The diagonal: above the main one, or below it if negative.
    sparse : bool, optional
        Whether a matrix that is made is a SparseTensor, which stores its diagonal only.
    gpu : optional
        There are no devices besides memory: anything but None and False is refused.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.diagflat([[1, 2], [3, 4]]).shape
    (4, 4)
    """
    return diag(astensor(v).ravel(), k, sparse, gpu, chunk_size)


def vander(x, N=None, increasing=False):
    """Powers of x in columns.

    Parameters
    ----------
    x : tensor_like
        A vector.
    N : int, optional
        Number of columns; None: as many as rows.
    increasing : bool, optional
        Whether powers rise from left to right.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.vander([1, 2, 3]).execute()
    Tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    from .ufuncs import power

    x = astensor(x)
    if x.ndim != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    N = x.shape[0] if N is None else N
    exponents = arange(N) if increasing else arange(N - 1, -1, -1)
    dtype = _mars.promote(x.dtype, int)
    exponents = exponents[None, :].astype(dtype) if dtype.kind == "f" else exponents[None, :]
    return power(x[:, None].astype(dtype), exponents)




def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """Coordinates as tensors with one axis for each.

    Parameters
    ----------
    *xi : tensor_like
        Vectors.
    copy : bool, optional
        Ignored.
    sparse : bool, optional
        Whether all axes but its own have length one.
    indexing : {'xy', 'ij'}, optional
        Whether the first two axes change places, as in pictures.

    Returns
    -------
    list of Tensors
        Views: nothing is repeated in memory.

    Examples
    --------
    >>> x, y = mt.meshgrid([1, 2, 3], [10, 20])
    >>> (x + y).execute()
    Tensor([[11, 12, 13],
            [21, 22, 23]])
    """
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
    """The index along each axis, of all elements of such a shape.

    Parameters
    ----------
    dimensions : tuple of ints
    dtype : data-type, optional
    sparse : bool, optional
        A tuple of one tensor for each axis, whose other axes have length one.
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().

    Returns
    -------
    Tensor or tuple of Tensors

    Examples
    --------
    >>> mt.indices((2, 3))[1].execute()
    Tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    from .manipulation import stack

    grids = meshgrid(*(arange(n, dtype=dtype) for n in dimensions), indexing="ij", sparse=sparse)
    if sparse:
        return tuple(grids)
    t = stack(grids) if grids else zeros((0,), dtype)
    return t if chunk_size is None else _rechunk(t, chunk_size)


def fromfunction(function, shape, *, dtype=float, **kwargs):
    """The function of the indices of all elements, called once and here, with lazy tensors.

    Parameters
    ----------
    function : callable
        Takes a tensor for each axis.
    shape : tuple of ints
    dtype : data-type, optional
        Of the indices.
    **kwargs : optional
        Go to the function.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fromfunction(lambda i, j: 10 * i + j, (2, 3), dtype=int).execute()
    Tensor([[ 0,  1,  2],
            [10, 11, 12]])
    """
    return function(*indices(shape, dtype=dtype), **kwargs)


class _Grid:
    """mgrid and ogrid: coordinates of a grid, of slices whose step may be a number of points: 5j.

    Examples
    --------
    >>> mt.mgrid[0:2, 0:3][1].execute()
    Tensor([[0, 1, 2],
            [0, 1, 2]])
    >>> mt.ogrid[0:1:3j].execute()
    Tensor([0. , 0.5, 1. ])
    """

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


def matrices_of(a, square=False):
    """A tensor whose last two axes are matrices of floats or complex numbers."""
    a = astensor(a)
    if a.ndim < 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if square and a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    if a.dtype == np.dtype("float16"):
        raise TypeError("array type float16 is unsupported in linalg")
    return a if a.dtype.kind in "fc" else a.astype(float)
