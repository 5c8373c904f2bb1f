# SPDX-License-Identifier: Apache-2.0
"""Reductions of sparse tensors along rows and columns: dense tensors of what is stored, and of zeros elsewhere."""
import functools
import math
import operator

import numpy as np

from ... import _core
from ..._core import op
from ..core import axes_of
from ..creation import full, zeros
from ..manipulation import broadcast_to, concatenate
from ..ufuncs import store
from .blocks import Block, edges_of, groups_of

data_of = operator.attrgetter("data")  # of a block


def _out(made, out):
    return made if out is None else store(made, out, "same_kind", "a reduction")


def _end_of(dtype, infinity):
    """What no element is beyond: the largest number of the dtype, or the smallest one."""
    if dtype.kind == "f":
        return infinity
    return int(np.iinfo(dtype).max if infinity > 0 else np.iinfo(dtype).min)


class Reductions:
    """What sparse tensors have of these."""

    __slots__ = ()

    def _fold(self, function, axis, start, dtype, of):
        """A dense vector: what the function makes of `start` and all that is stored along an axis."""
        wide = np.dtype(np.float32) if dtype == np.float16 else dtype
        m, n = self.shape
        rest = dict(columns=n, axis=axis, function=function)

        def data(b):
            made = of(b)
            return made if made.dtype == wide else made.astype(wide)

        if axis == 1:
            made = concatenate([op("sparse_fold", full((b.rows,), start, wide), b.key, data(b), **rest)
                                for b in self._blocks])
        else:
            values = type(self)(self.shape, [Block(b.rows, b.key, data(b)) for b in self._blocks])
            made, groups = [], groups_of(self.shape)
            for rows, lo in zip(groups, edges_of(groups)):
                total = full((n,), start, wide)
                for b in values._within(lo, lo + rows):
                    total = op("sparse_fold", total, b.key, b.data, **rest)
                made.append(total)
            made = functools.reduce(lambda x, y: op(function, x, y), made)
        return made if wide == dtype else made.astype(dtype)

    def _stored(self, axis):
        """How many elements are stored along an axis."""
        return self._fold("add", axis, 0, np.dtype(np.int64), lambda b: op("equal", b.key, b.key))

    def _reduced(self, axis, keepdims, along, rest):
        """along(axis) for one axis; for both, rest() of what along(1) leaves."""
        axes = (0, 1) if axis is None else axes_of(axis if isinstance(axis, tuple) else operator.index(axis), 2)
        if len(axes) == 2:
            made = rest(along(1))
            return made.reshape((1, 1)) if keepdims else made
        if not axes:
            raise ValueError("a reduction of a sparse tensor takes an axis or both, not ()")
        made = along(axes[0])
        return made.reshape((1, -1) if axes[0] == 0 else (-1, 1)) if keepdims else made

    def sum(self, axis=None, dtype=None, out=None, keepdims=False):
        """The sum of the elements along axes, a dense tensor.

        Elements are added in their order.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.sum(axis=0).execute()
        Tensor([4, 3])
        """
        dtype = np.zeros(0, self.dtype).sum().dtype if dtype is None else _core.as_dtype(dtype)
        return _out(self._reduced(axis, keepdims, lambda k: self._fold("add", k, 0, dtype, data_of),
                                  lambda t: t.sum(dtype=dtype)), out)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False):
        """The mean of the elements along axes, a dense tensor.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.mean(axis=1).execute()
        Tensor([1.5, 2. ])
        """
        dtype = np.dtype(dtype or (self.dtype if self.dtype.kind in "fc" else float))
        wide = np.dtype(np.float32) if dtype == np.float16 else dtype
        axes = (0, 1) if axis is None else axes_of(axis, 2)
        n = math.prod(self.shape[k] for k in axes)
        count = full((), n, wide)
        return _out((self.sum(axis, wide, keepdims=keepdims) / count).astype(dtype), out)

    def _squares(self, k, mean, wide):
        """The sums of squared deviations from the means, which are one for each row or column, along an axis."""
        n, real = max(self.shape[1], 1), np.empty(0, wide).real.dtype

        def square(t):
            return op("square", op("absolute", t))

        def of(b):
            at = op("floor_divide", b.key, n) if k == 1 else op("remainder", b.key, n)
            own = mean[first[b]:first[b] + b.rows] if k == 1 else mean
            return square(op("subtract", b.data if b.data.dtype == wide else b.data.astype(wide), op("take", own, at)))

        first = dict(zip(self._blocks, edges_of([b.rows for b in self._blocks])))
        missing = op("subtract", full((), self.shape[k], np.int64), self._stored(k)).astype(real)
        return self._fold("add", k, 0, real, of) + missing * square(mean)

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        """The variance of the elements along axes, a dense tensor; in two passes, without cancellation.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        ddof : int, optional
            The divisor is the number of elements less this.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.var(axis=0).execute()
        Tensor([4.  , 2.25])
        """
        given = np.dtype(dtype or (self.dtype if self.dtype.kind in "fc" else float))
        wide = np.dtype(np.float32) if given == np.float16 else given
        real = np.empty(0, given).real.dtype
        axes = (0, 1) if axis is None else axes_of(axis, 2)
        n = max(math.prod(self.shape[k] for k in axes) - ddof, 0)

        def along(k):
            mean = self.mean(axis, wide)
            return self._squares(k, broadcast_to(mean, (self.shape[1 - k],)), wide)

        made = self._reduced(axis, keepdims, along, lambda t: t.sum())
        return _out((made / full((), n, made.dtype)).astype(real), out)

    def std(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        """The standard deviation of the elements along axes, a dense tensor: the root of var().

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        ddof : int, optional
            The divisor is the number of elements less this.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.std(axis=0).execute()
        Tensor([2. , 1.5])
        """
        return _out(op("sqrt", self.var(axis, dtype, None, ddof, keepdims)), out)

    def prod(self, axis=None, dtype=None, out=None, keepdims=False):
        """The product of the elements along axes, a dense tensor.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.prod(axis=1).execute()
        Tensor([0, 0])
        """
        dtype = np.zeros(0, self.dtype).prod().dtype if dtype is None else _core.as_dtype(dtype)

        def along(k):
            made = self._fold("multiply", k, 1, dtype, data_of)
            return op("where", self._stored(k) < self.shape[k], zeros((), dtype), made)

        return _out(self._reduced(axis, keepdims, along, lambda t: t.prod(dtype=dtype)), out)

    def _refuse_complex(self, name):
        if self.dtype.kind == "c":
            raise TypeError(f"{name}() of sparse tensors of complex numbers: todense() makes a dense one")

    def _extreme(self, name, axis, keepdims, start):
        self._refuse_complex(name[:3])

        def along(k):
            if self.shape[k] == 0:
                raise ValueError(f"zero-size array to reduction operation {name} which has no identity")
            dtype = np.dtype(np.uint8) if self.dtype.kind == "b" else self.dtype
            made = self._fold(name, k, start(dtype), dtype, data_of)
            made = op("where", self._stored(k) < self.shape[k], op(name, made, zeros((), dtype)), made)
            return made.astype(self.dtype)

        return self._reduced(axis, keepdims, along, lambda t: getattr(t, name[:3])())

    def max(self, axis=None, out=None, keepdims=False):
        """The largest element along axes, a dense tensor; NaN if there is one.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.max(axis=0).execute()
        Tensor([4, 3])
        """
        return _out(self._extreme("maximum", axis, keepdims, lambda t: _end_of(t, -np.inf)), out)

    def min(self, axis=None, out=None, keepdims=False):
        """The smallest element along axes, a dense tensor; NaN if there is one.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.min().execute()
        Tensor(0)
        """
        return _out(self._extreme("minimum", axis, keepdims, lambda t: _end_of(t, np.inf)), out)

    def count_nonzero(self, axis=None, keepdims=False):
        """How many elements are not zero along axes; stored zeros are none.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.count_nonzero(axis=1).execute()
        Tensor([1, 1])
        """
        return self._reduced(axis, keepdims, lambda k: self._fold("add", k, 0, np.dtype(np.int64),
                                                                  lambda b: op("not_equal", b.data, 0)),
                             lambda t: t.sum())

    def any(self, axis=None, out=None, keepdims=False):
        """Whether any element is true along axes.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.any().execute()
        Tensor(True)
        """
        return _out(self.count_nonzero(axis, keepdims) > 0, out)

    def all(self, axis=None, out=None, keepdims=False):
        """Whether all elements are true along axes.

        Parameters
        ----------
        axis : int, tuple of ints or None, optional
            What disappears; None: both axes.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [4, 0]], sparse=True)
        >>> s.all(axis=0).execute()
        Tensor([False, False])
        """
        axes = (0, 1) if axis is None else axes_of(axis, 2)
        return _out(self.count_nonzero(axis, keepdims) == math.prod(self.shape[k] for k in axes), out)

    # ---- Positions ---------------------------------------------------------------------------------------------------

    def _place_in_rows(self, name):
        """Of each row the largest or smallest element, and the column of the first one."""
        m, n = self.shape
        best, never, places = getattr(self, name)(axis=1), np.iinfo(np.int64).max, []
        stored = self._stored(1)
        for b, lo in zip(self._blocks, edges_of([b.rows for b in self._blocks])):
            row, column = op("floor_divide", b.key, n), op("remainder", b.key, n)
            own, count = best[lo:lo + b.rows], stored[lo:lo + b.rows]
            # the first that is the best one, or NaN as that is
            there = op("take", own, row)
            found = op("equal", b.data, there)
            if self.dtype.kind == "f":
                found = op("logical_or", found, op("isnan", b.data))
            # the first column where nothing is stored: so many are before it
            before = op("subtract", op("cumsum", op("equal", b.key, b.key), axis=0, dtype=np.int64), 1)
            before = op("subtract", before, op("take", op("subtract", op("cumsum", count, axis=0), count), row))
            first, gap = (
                op("sparse_fold", full((b.rows,), never, np.int64), b.key, op("where", on, at, never), columns=n,
                   axis=1, function="minimum")
                for on, at in ((found, column), (op("not_equal", before, column), before)))
            gap = op("minimum", gap, count)
            is_zero = op("logical_and", op("equal", own, 0), op("less", gap, n))
            places.append(op("where", is_zero, op("minimum", first, gap), first))
        return best, places[0] if len(places) == 1 else concatenate(places)

    def _place(self, name, axis, out, keepdims):
        self._refuse_complex(f"arg{name}")
        if axis is not None:
            axis = axes_of(operator.index(axis), 2)[0]
        m, n = self.shape
        if (m * n if axis is None else self.shape[axis]) == 0:
            raise ValueError(f"attempt to get arg{name} of an empty sequence")
        if m * n == 0:
            made = zeros((self.shape[1 - axis],), np.int64)
        elif axis == 0:
            made = self.transpose()._place_in_rows(name)[1]
        else:
            best, made = self._place_in_rows(name)
            if axis is None:
                row = op(f"arg{name}", best, axis=0)
                made = row * n + op("take", made, row)
        if keepdims:
            made = made.reshape((1, 1) if axis is None else (1, -1) if axis == 0 else (-1, 1))
        return _out(made, out)

    def argmax(self, axis=None, out=None, keepdims=False):
        """The index of the first largest element along an axis, or of the first NaN; a dense tensor.

        Parameters
        ----------
        axis : int or None, optional
            What disappears; None: both axes, and the index is in C order.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor of int64

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [-4, 0]], sparse=True)
        >>> s.argmax(axis=1).execute()
        Tensor([1, 1])
        """
        return self._place("max", axis, out, keepdims)

    def argmin(self, axis=None, out=None, keepdims=False):
        """The index of the first smallest element along an axis, or of the first NaN; a dense tensor.

        Parameters
        ----------
        axis : int or None, optional
            What disappears; None: both axes, and the index is in C order.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.

        Returns
        -------
        Tensor of int64

        Examples
        --------
        >>> s = mt.tensor([[0, 3], [-4, 0]], sparse=True)
        >>> s.argmin().execute()
        Tensor(2)
        """
        return self._place("min", axis, out, keepdims)
