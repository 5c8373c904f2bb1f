# SPDX-License-Identifier: Apache-2.0
"""The class: what a sparse tensor is, its values and its forms; its reductions are in reducing.py."""
import math

import numpy as np

from ..._core import op
from ...session import chosen, get_default_session, holder
from ..core import Tensor, axes_of
from ..creation import astensor, full, zeros
from ..manipulation import broadcast_to, concatenate
from ..ufuncs import UFUNCS
from .blocks import Block, edges_of, even, joined, lengths_of
from .reducing import Reductions
from .values import SparseNDArray

_MOST = 1 << 63  # keys


class SparseTensor(Reductions):
    """A lazy matrix that stores some of its elements, in blocks of rows; the others are zero.

    Functions that keep zero, and products of two of them, give sparse tensors; all others dense ones, as with scipy. A
    function that takes dense tensors only says so: todense() makes one.

    Parameters
    ----------
    shape : tuple of ints
    blocks : sequence
        The package's own: users call tensor(), tosparse(), or what makes tensors with sparse=True.

    Examples
    --------
    >>> s = mt.tensor([[0, 3, 0], [4, 0, 0]], sparse=True)
    >>> (s @ s.T + s @ mt.ones((3, 2), int)).execute()
    Tensor([[12,  3],
            [ 4, 20]])
    >>> (2 * s).execute().fetch()
    SparseNDArray(shape=(2, 3), dtype=int64, nnz=2)
    """

    __slots__ = ("shape", "dtype", "_blocks")
    __array_priority__ = 1001.0
    ndim = 2

    def __init__(self, shape, blocks):
        if math.prod(shape) >= _MOST:
            raise ValueError(f"a sparse tensor has less than 2**63 elements, stored or not: its shape is {shape}")
        self.shape, self._blocks = tuple(shape), tuple(blocks)
        self.dtype = self._blocks[0].data.dtype
        if self.dtype.kind in "mM":
            raise TypeError("sparse tensors have no times: nothing is stored for zero, which is a time like others")

    # ---- Executing ---------------------------------------------------------------------------------------------------

    @property
    def _parts(self):
        return tuple(t for b in self._blocks for t in (b.key, b.data))

    def _holder(self):
        session = holder(self._blocks[0].key)
        return session if session is not None and all(map(session._executed, self._parts)) else None

    @property
    def executed(self):
        """Whether the values are there.

        Examples
        --------
        >>> mt.tensor([[0, 3]], sparse=True).execute().executed
        True
        """
        return self._holder() is not None

    def execute(self, session=None, wait=True, show_progress=None):
        """Computes the tensor unless it is computed already, and returns it.

        Parameters
        ----------
        session : Session, optional
            None: the default one.
        wait : bool, optional
            False: a future is given back at once.
        show_progress : bool, optional
            None: options.show_progress.

        Returns
        -------
        SparseTensor or Future

        Examples
        --------
        >>> mt.eye(3, sparse=True).execute()
        SparseTensor <shape=(3, 3), dtype=float64, nnz=3>
        """
        session = chosen(session)
        if not wait:
            return session._future((self,), lambda: self)
        session._wait((self,), show_progress)
        return self

    def fetch(self, session=None):
        """The values of an executed tensor: they have toarray(), and spmatrix for scipy.

        Parameters
        ----------
        session : Session, optional
            None: the one that has computed it.

        Returns
        -------
        SparseNDArray

        Examples
        --------
        >>> mt.eye(2, sparse=True).execute().fetch().toarray()
        array([[1., 0.],
               [0., 1.]])
        """
        session = self._holder() if session is None else chosen(session)
        if session is None or not all(map(session._executed, self._parts)):
            raise ValueError(f"Cannot fetch the unexecuted tensor {self!r}: call execute() first")
        return self._value(session)

    def save_as(self, name, session=None):
        """Computes the tensor and names its values; Session.open(name) gives them, as those of Tensor.save_as().

        Parameters
        ----------
        name : str
            A line of at most 240 bytes.
        session : Session, optional
            None: the one that has the values, or the default one.

        Returns
        -------
        SparseTensor
            The tensor itself.

        Raises
        ------
        NameTaken
            Another result has the name.

        Examples
        --------
        >>> session = mars.new_session()
        >>> s = mt.eye(3, sparse=True).save_as("identity", session=session)
        >>> session.open("identity")
        SparseTensor <shape=(3, 3), dtype=float64, nnz=3>
        >>> session.close()
        """
        from .naming import save

        session = self._holder() or chosen(None) if session is None else chosen(session)
        session._wait((self,))
        save(self, name, session)
        return self

    def _value(self, session):
        columns, total = self.shape[1], 0
        data, indices, indptr = [], [], [np.zeros(1, np.int64)]
        for b in self._blocks:
            key = session._value(b.key)
            begin = np.arange(b.rows + 1) * columns
            start = np.searchsorted(key, begin)
            data.append(session._value(b.data))
            indices.append(key - np.repeat(begin[:-1], np.diff(start)))
            indptr.append(start[1:] + total)
            total += len(key)
        return SparseNDArray(np.concatenate(data), np.concatenate(indices), np.concatenate(indptr), self.shape)

    def _computed(self):
        session = self._holder()
        if session is None:
            session = get_default_session()
            session._wait((self,))
        return session

    def tocsr(self):
        """The values as scipy's csr_matrix; computes them if need be.

        Returns
        -------
        scipy.sparse.csr_matrix

        Examples
        --------
        >>> mt.eye(3, sparse=True).tocsr().nnz
        3
        """
        return self._value(self._computed()).spmatrix

    # ---- What it is --------------------------------------------------------------------------------------------------

    @property
    def size(self):
        """Number of elements, stored or not.

        Examples
        --------
        >>> mt.tensor([[0, 3], [4, 0]], sparse=True).size
        4
        """
        return self.shape[0] * self.shape[1]

    @property
    def nnz(self):
        """How many elements are stored, zeros among them; they are computed for it.

        Examples
        --------
        >>> mt.tensor([[0, 3], [4, 0]], sparse=True).nnz
        2
        """
        self._computed()
        return sum(b.data.shape[0] for b in self._blocks)

    @property
    def nsplits(self):
        """How many rows the blocks have; columns are not cut.

        Examples
        --------
        >>> mt.tensor(np.eye(5), sparse=True).nsplits
        ((5,), (5,))
        """
        return tuple(b.rows for b in self._blocks), (self.shape[1],)

    chunks = nsplits

    def issparse(self):
        """True: only some elements are stored.

        Returns
        -------
        bool

        Examples
        --------
        >>> mt.eye(3, sparse=True).issparse(), mt.eye(3).issparse()
        (True, False)
        """
        return True

    is_sparse = issparse

    def __len__(self):
        return self.shape[0]

    def __bool__(self):
        raise ValueError("The truth value of a tensor with more than one element is ambiguous. Use a.any() or a.all()")

    __hash__ = None

    def __repr__(self):
        more = f", nnz={self.nnz}" if self.executed else ""
        return f"SparseTensor <shape={self.shape}, dtype={self.dtype}{more}>"

    def __array__(self, dtype=None, copy=None):
        raise TypeError("this function takes dense tensors: todense() makes one of a sparse tensor")

    def __getattr__(self, name):
        dense = not name.startswith("_") and hasattr(Tensor, name)
        raise AttributeError(f"a sparse tensor has no {name}" + (f": todense().{name} is there" if dense else ""))

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        from .elementwise import apply
        from .products import product

        if ufunc is np.matmul and method == "__call__":
            return product(*inputs, **kwargs)
        own = UFUNCS.get(ufunc.__name__)
        if own is None or method != "__call__":
            raise TypeError(f"numpy.{ufunc.__name__}{'' if method == '__call__' else '.' + method} is not for sparse "
                            "tensors: todense() makes a dense one")
        return apply(own, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        from ..protocols import array_function

        return array_function(func, types, args, kwargs)

    # ---- Forms -------------------------------------------------------------------------------------------------------

    def tosparse(self, missing=None):
        """The tensor itself; with `missing` without the elements that are equal to it.

        Parameters
        ----------
        missing : scalar, optional
            May be NaN.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.nnz, s.tosparse(missing=3).nnz
        (2, 1)
        """
        from .making import is_there

        return self if missing is None else self._kept(lambda data: is_there(data, missing))

    def todense(self, fill_value=None):
        """A tensor of all elements.

        What is not stored is zero, or fill_value.

        Parameters
        ----------
        fill_value : scalar, optional
            Stands where nothing is stored; None: zero.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.todense(fill_value=-1).execute()
        Tensor([[-1,  3],
                [ 4, -1]])
        """
        fill = full((), 0 if fill_value is None else fill_value, self.dtype)
        made = [op("sparse_dense", b.key, b.data, fill, rows=b.rows, columns=self.shape[1]) for b in self._blocks]
        return made[0] if len(made) == 1 else concatenate(made)

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        """The elements in another dtype.

        Parameters
        ----------
        dtype : data-type
        order : optional
            Ignored.
        casting : str, optional
            What may be lost: 'no', 'equiv', 'safe', 'same_kind' or 'unsafe'.
        subok : optional
            Ignored.
        copy : optional
            Ignored.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.eye(2, sparse=True).astype(int).dtype
        dtype('int64')
        """
        return self._mapped(lambda data: data.astype(dtype, casting=casting))

    def copy(self, order="C"):
        """Another handle of the same values.

        Parameters
        ----------
        order : optional
            Ignored.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.eye(2, sparse=True).copy().nnz
        2
        """
        return SparseTensor(self.shape, self._blocks)

    __copy__ = __deepcopy__ = copy  # what copy.deepcopy() hands over stands in the place of the order

    def rechunk(self, chunk_size):
        """The same in other blocks of rows.

        Parameters
        ----------
        chunk_size : int, tuple, dict or str
            As tensor() takes it; columns are not cut.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.eye(5, sparse=True).rechunk(2).nsplits
        ((2, 2, 1), (5,))
        """
        return self._cut(lengths_of(chunk_size, self.shape, self.dtype, max(b.rows for b in self._blocks)))

    def _mapped(self, function):
        return SparseTensor(self.shape, [Block(b.rows, b.key, function(b.data)) for b in self._blocks])

    def _kept(self, function):
        """Without the stored elements for which the function of the data is false."""
        made = []
        for b in self._blocks:
            keep = function(b.data)
            made.append(Block(b.rows, op("mask", b.key, keep), op("mask", b.data, keep)))
        return SparseTensor(self.shape, made)

    def _cut(self, lengths):
        """The same in blocks of so many rows."""
        own = [b.rows for b in self._blocks]
        if own == lengths:
            return self
        made = []
        for rows, lo in zip(lengths, edges_of(lengths)):
            parts, first = [], 0
            for b in self._within(lo, lo + rows):
                parts.append(self._rows_of(b, 0, b.rows, first))
                first += b.rows
            made.append(joined(rows, parts, self.dtype))
        return SparseTensor(self.shape, made)

    def _within(self, first, last):
        """The blocks of rows [first, last), parts of them at the edges."""
        made = []
        for b, lo in zip(self._blocks, edges_of([b.rows for b in self._blocks])):
            begin, end = max(first - lo, 0), min(last - lo, b.rows)
            if begin < end:
                made.append(Block(end - begin, *self._rows_of(b, begin, end, 0)))
        return made

    def _rows_of(self, block, first, last, to):
        """Keys and data of rows [first, last) of a block, as rows from `to` on."""
        n, key, data = self.shape[1], block.key, block.data
        if (first, last) != (0, block.rows):
            key, data = op("sparse_part", key, data, first=first * n, last=last * n)
        return (op("add", key, to * n) if to else key), data

    # ---- Transposing -------------------------------------------------------------------------------------------------

    def transpose(self, *axes):
        """Rows as columns.

        Parameters
        ----------
        *axes : ints, or a tuple of ints, optional
            None: rows become columns.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.transpose().todense().execute()
        Tensor([[0, 4],
                [3, 0]])
        """
        axes = axes[0] if len(axes) == 1 and not hasattr(axes[0], "__index__") else axes
        if axes and axes_of(axes, 2) == (0, 1):
            return self
        m, n = self.shape
        lengths = even(n, -(-n // len(self._blocks)))
        edges, ordered = edges_of(lengths), []
        for b, lo in zip(self._blocks, edges_of([b.rows for b in self._blocks])):
            ordered.append(op("sparse_transpose", b.key, b.data, rows=b.rows, columns=n, first=lo, of=m))
        if len(ordered) == 1:
            return SparseTensor((n, m), [Block(n, *ordered[0])])
        made = []
        for rows, lo in zip(lengths, edges):
            parts = [op("sparse_part", key, data, first=lo * m, last=(lo + rows) * m) for key, data in ordered]
            key, data = (op("concatenate", *side, axis=0) for side in zip(*parts))
            made.append(Block(rows, *op("sparse_order", key, data, rows=rows, columns=m)))
        return SparseTensor((n, m), made)

    @property
    def T(self):
        """The axes exchanged.

        Examples
        --------
        >>> mt.tensor([[0, 3, 0]], sparse=True).T.shape
        (3, 1)
        """
        return self.transpose()

    def conj(self):
        """Complex conjugates.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.tensor([[0, 2 + 1j]], sparse=True).conj().todense().execute()
        Tensor([[0.+0.j, 2.-1.j]])
        """
        return self._mapped(lambda data: op("conjugate", data))

    conjugate = conj

    def diagonal(self, offset=0):
        """A dense vector of the elements of a diagonal.

        Parameters
        ----------
        offset : int, optional
            Above the main one, or below it if negative.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.diagonal(1).execute()
        Tensor([3])
        """
        m, n = self.shape
        first, last = max(-offset, 0), min(m, n - offset)
        if last <= first:
            return zeros((0,), self.dtype)
        made = []
        for b, lo in zip(self._blocks, edges_of([b.rows for b in self._blocks])):
            row, column = op("floor_divide", b.key, n), op("remainder", b.key, n)
            on = op("equal", op("subtract", column, row), lo + offset)
            made.append(Block(b.rows, op("mask", b.key, on), op("mask", b.data, on)))
        return SparseTensor(self.shape, made).sum(axis=1, dtype=self.dtype)[first:last]

    def setdiag(self, values, k=0):
        """Sets the elements of a diagonal: the tensor stands for the result from now on, in which they are stored.

        Parameters
        ----------
        values : tensor_like
            A scalar for all of them, or a vector: elements for which it is too short stay, and what it has beyond the
            diagonal is left out.
        k : int, optional
            Above the main one, or below it if negative.

        Raises
        ------
        ValueError
            The matrix has no such diagonal, or the values have several axes.

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.setdiag([7, 8])
        >>> s.todense().execute()
        Tensor([[7, 3],
                [4, 8]])
        """
        from .making import diagonal_of

        values, (m, n) = astensor(values).astype(self.dtype), self.shape
        count = max(min(m + min(k, 0), n - max(k, 0)), 0)
        if values.ndim > 1:
            raise ValueError(f"a diagonal is a vector, not of {values.ndim} axes")
        if k > 0 and k >= n or k < 0 and -k >= m:
            raise ValueError("k exceeds matrix dimensions")
        count = count if values.ndim == 0 else min(count, values.shape[0])
        lengths, top, kept = [b.rows for b in self._blocks], max(-k, 0), []
        for b, lo in zip(self._blocks, edges_of(lengths)):
            row, column = op("floor_divide", b.key, n), op("remainder", b.key, n)
            off = op("logical_or", op("not_equal", op("subtract", column, row), lo + k),
                     op("logical_or", op("less", row, top - lo), op("greater_equal", row, top + count - lo)))
            kept.append(Block(b.rows, op("mask", b.key, off), op("mask", b.data, off)))
        on = diagonal_of(self.shape, k, count, lambda first, last: broadcast_to(values, (last - first,))
                         if values.ndim == 0 else values[first:last], lengths)
        self._blocks = (SparseTensor(self.shape, kept) + on)._blocks

    # ---- Indexing ----------------------------------------------------------------------------------------------------

    def __getitem__(self, key):
        from .indexing import getitem

        return getitem(self, key)

    # ---- Products ----------------------------------------------------------------------------------------------------

    def dot(self, other, out=None, sparse=None):
        """The matrix product.

        Parameters
        ----------
        other : tensor_like
        out : Tensor or numpy.ndarray, optional
            Gets the result, if that is dense.
        sparse : bool, optional
            Whether the result is sparse; None: it is if both factors are.

        Returns
        -------
        SparseTensor or Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.dot([1, 10]).execute()
        Tensor([30,  4])
        >>> s.dot(s).todense().execute()
        Tensor([[12,  0],
                [ 0, 12]])
        """
        from .products import product

        return product(self, other, out, sparse)

    def multiply(self, other):
        """The product element by element.

        Parameters
        ----------
        other : tensor_like

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.tensor([[0, 3]], sparse=True).multiply([1, 10]).todense().execute()
        Tensor([[ 0, 30]])
        """
        return UFUNCS["multiply"](self, other)

    __matmul__ = dot

    def __rmatmul__(self, other):
        from .products import product

        return product(other, self)
