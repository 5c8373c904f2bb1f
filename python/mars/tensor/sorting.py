# SPDX-License-Identifier: Apache-2.0
"""Order: sort, search, the different elements."""
import numpy as np

from .._core import op
from .core import ExecutableTuple, Tensor, axis_of, method, named_tuple
from .creation import arange, astensor, ones, zeros
from .manipulation import concatenate, flip, moveaxis

__all__ = """argpartition argsort argtopk lexsort msort partition searchsorted sort sort_complex topk unique unique_all
    unique_counts unique_inverse unique_values""".split()


def _along(a, axis):
    a = astensor(a)
    if axis is None:
        return a.ravel(), 0
    return a, axis_of(axis, a.ndim)


def _at_least_a_vector(a, axis):
    """Indices along axis 0 of what has no axes are those of a vector of one element."""
    a = astensor(a)
    return a.ravel() if a.ndim == 0 and axis in (0, -1) else a


def _check_kind(kind, order, stable=None):
    """Refuses what NumPy refuses: whatever it takes is sorted in the same way, which is stable."""
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if kind is None:
        return
    if stable is not None:
        raise ValueError("`kind` and `stable` parameters can't be provided at the same time. Use only one of them.")
    if not isinstance(kind, (str, bytes)):
        raise TypeError(f"sort kind must be str, not {type(kind).__name__}")
    kind = kind.decode("ascii", "replace") if isinstance(kind, bytes) else kind
    if kind[:1].lower() not in ("q", "h", "m", "s"):
        raise ValueError(f"sort kind must be one of 'quick', 'heap', or 'stable' (got '{kind}')")


def _check_select(kind, order):
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")
    if not isinstance(kind, (str, bytes)):
        raise TypeError(f"select kind must be str, not {type(kind).__name__}")
    if kind not in ("introselect", b"introselect"):
        raise ValueError(f"select kind must be 'introselect' (got '{kind}')")


def sort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False, parallel_kind=None,
         psrs_kinds=None):
    """The elements in ascending order along an axis, NaN last.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    kind : {'quicksort', 'heapsort', 'stable', 'mergesort'}, optional
        All are the same: the sort is stable, and zeros of either sign are 0.0 after it.
    order : None, optional
        There are no fields to order by: ValueError says so.
    stable : bool, optional
        The sort is stable either way; not together with `kind`.
    descending : bool, optional
    parallel_kind, psrs_kinds : optional
        Ignored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.sort([[3, 1, 2], [9, 7, 8]]).execute()
    Tensor([[1, 2, 3],
            [7, 8, 9]])
    >>> mt.sort([3, 1, 2], descending=True).execute()
    Tensor([3, 2, 1])
    """
    _check_kind(kind, order, stable)
    a, axis = _along(a, axis)
    made = op("sort", a, axis=axis)
    return flip(made, axis) if descending else made


def _sort_in_place(self, axis=-1, kind=None, order=None, *, stable=None):
    """Sorts the tensor itself along an axis: it stands for the result from now on, which is lazy.

    Parameters
    ----------
    axis : int, optional
    kind, order, stable : optional
        As of sort().

    Examples
    --------
    >>> a = mt.tensor([3, 1, 2])
    >>> a.sort()
    >>> a.execute()
    Tensor([1, 2, 3])
    """
    self._rebind(sort(self, axis_of(axis, self.ndim), kind, order, stable=stable))


method(_sort_in_place, "sort")


@method
def argsort(a, axis=-1, kind=None, order=None, *, stable=None, descending=False, parallel_kind=None,
            psrs_kinds=None):
    """The indices that sort along an axis; equal elements keep their order.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    kind : {'quicksort', 'heapsort', 'stable', 'mergesort'}, optional
        All are the same: equal elements keep their order.
    order : None, optional
        There are no fields to order by: ValueError says so.
    stable : bool, optional
        The order is stable either way; not together with `kind`.
    descending : bool, optional
    parallel_kind, psrs_kinds : optional
        Ignored.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.argsort([3, 1, 2, 1]).execute()
    Tensor([1, 3, 2, 0])
    """
    _check_kind(kind, order, stable)
    a, axis = _along(_at_least_a_vector(a, axis), axis)
    if not descending:
        return op("argsort", a, axis=axis)
    # Equal elements in reverse order, twice reversed: they keep their order, and NaN is first as after sort().
    return a.shape[axis] - 1 - flip(op("argsort", flip(a, axis), axis=axis), axis)


def msort(a):
    """Sorted along the first axis.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.msort([[3, 1], [2, 4]]).execute()
    Tensor([[2, 1],
            [3, 4]])
    """
    return sort(a, 0)


def sort_complex(a):
    """Sorted as complex numbers: by their real parts, then by their imaginary ones.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.sort_complex([2, 1 + 1j, 1 - 1j]).execute()
    Tensor([1.-1.j, 1.+1.j, 2.+0.j])
    """
    a = astensor(a)
    return sort(a.astype("complex64" if a.dtype.itemsize <= 2 and a.dtype.kind in "iu" else
                         a.dtype if a.dtype.kind == "c" else complex))


def lexsort(keys, axis=-1):
    """The indices that sort by several keys, the last one first.

    Parameters
    ----------
    keys : sequence of tensor_like
        Of one shape.
    axis : int, optional

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.lexsort(([1, 2, 1], [7, 5, 5])).execute()
    Tensor([2, 1, 0])
    """
    from .indexing import take_along_axis

    keys = [astensor(keys[i]) for i in range(len(keys))]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if keys[0].ndim == 0 and axis in (0, -1):
        return zeros((), int)
    axis = axis_of(axis, keys[0].ndim)
    order = argsort(keys[0], axis)
    for key in keys[1:]:
        order = take_along_axis(order, argsort(take_along_axis(key, order, axis), axis), axis)
    return order


def _check_kth(kth, n):
    for k in np.atleast_1d(np.asarray(kth)).tolist():
        if not -n <= k < max(n, 1):
            raise ValueError(f"kth(={k}) out of bounds ({n})")


_PARTED_LEAST = 1 << 16  # elements of a vector that is parted: fewer are sorted as fast as that is planned


def _parted(a, kth):
    """Where a long vector is less than, is equal to and is more than its kth element; None: it is to be sorted."""
    kth = np.asarray(kth)
    if a.ndim != 1 or a.shape[0] < _PARTED_LEAST or kth.size != 1 or a.dtype.kind not in "biufmM":
        return None
    k = int(kth.ravel()[0])
    middle = op("kth", a, k=[k + a.shape[0] if k < 0 else k], axis=-1)
    less, same = op("less", a, middle), op("equal", a, middle)
    if a.dtype.kind in "fmM":  # NaN are the last ones
        nan, last = op("isnan", a), op("isnan", middle)
        less = op("logical_or", less, op("logical_and", last, op("logical_not", nan)))
        same = op("logical_or", same, op("logical_and", last, nan))
    return less, same, op("logical_not", op("logical_or", less, same))


def partition(a, kth, axis=-1, kind="introselect", order=None, *, parallel_kind=None, psrs_kinds=None):
    """With the kth element along an axis in its sorted place; what is less is before it, what is more behind it.

    The elements of a long vector keep their order on both sides of it. Of others all are in their sorted places.

    Parameters
    ----------
    a : tensor_like
    kth : int or sequence of ints
    axis : int or None, optional
        None: of the flattened tensor.
    kind : 'introselect', optional
        The only one that NumPy has.
    order : None, optional
        There are no fields to order by: ValueError says so.
    parallel_kind, psrs_kinds : optional
        Ignored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.partition([4, 1, 3, 2], 1)[1].execute()
    Tensor(2)
    """
    _check_select(kind, order)
    a, axis = _along(a, axis)
    _check_kth(kth, a.shape[axis])
    parts = _parted(a, kth)
    return concatenate([op("mask", a, part) for part in parts]).reshape(a.shape) if parts else sort(a, axis)


def _partition_in_place(self, kth, axis=-1, kind="introselect", order=None):
    """Puts the kth element into its sorted place in the tensor itself.

    Parameters
    ----------
    kth : int or sequence of ints
    axis : int, optional
    kind : 'introselect', optional
        The only one that NumPy has.
    order : None, optional
        There are no fields to order by: ValueError says so.

    Examples
    --------
    >>> a = mt.tensor([4, 1, 3, 2])
    >>> a.partition(1)
    >>> a[1].execute()
    Tensor(2)
    """
    self._rebind(partition(self, kth, axis, kind, order))


method(_partition_in_place, "partition")


@method
def argpartition(a, kth, axis=-1, kind="introselect", order=None, *, parallel_kind=None, psrs_kinds=None):
    """The indices that partition along an axis.

    Parameters
    ----------
    a : tensor_like
    kth : int or sequence of ints
    axis : int or None, optional
        None: of the flattened tensor.
    kind : 'introselect', optional
        The only one that NumPy has.
    order : None, optional
        There are no fields to order by: ValueError says so.
    parallel_kind, psrs_kinds : optional
        Ignored.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.argpartition([4, 1, 3, 2], 1)[1].execute()
    Tensor(3)
    """
    _check_select(kind, order)
    a, axis = _along(a, axis)
    _check_kth(kth, a.shape[axis])
    parts = _parted(a, kth)
    if not parts:
        return argsort(a, axis)
    return concatenate([op("argwhere", part)[:, 0] for part in parts]).reshape(a.shape)


def _top(a, k, axis, largest, function):
    a, axis = _along(a, axis)
    n = a.shape[axis]
    k = min(k.__index__(), n)
    if k < 0:
        raise ValueError("k must not be negative")
    ordered = function(a, axis)
    before = (slice(None),) * axis
    return flip(ordered[before + (slice(n - k, n),)], axis) if largest else ordered[before + (slice(0, k),)]


def topk(a, k, axis=-1, largest=True, sorted=True, return_index=False):
    """The k largest (or smallest) elements along an axis, the outermost first; long axes are not sorted for it.

    Parameters
    ----------
    a : tensor_like
    k : int
    axis : int or None, optional
        None: of the flattened tensor.
    largest : bool, optional
    sorted : bool, optional
        Ignored: they always are.
    return_index : bool, optional
        Whether their indices are given, too.

    Returns
    -------
    Tensor or (Tensor, Tensor)

    Examples
    --------
    >>> mt.topk([4, 9, 1, 7], 2).execute()
    Tensor([9, 7])
    >>> mt.topk([4, 9, 1, 7], 2, largest=False).execute()
    Tensor([1, 4])
    """
    values = _top(a, k, axis, largest, sort)
    return ExecutableTuple([values, argtopk(a, k, axis, largest)]) if return_index else values


def argtopk(a, k, axis=-1, largest=True, sorted=True):
    """The indices of the k largest (or smallest) elements along an axis.

    Parameters
    ----------
    a : tensor_like
    k : int
    axis : int or None, optional
        None: of the flattened tensor.
    largest : bool, optional
    sorted : bool, optional
        Ignored: they always are.

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.argtopk([4, 9, 1, 7], 2).execute()
    Tensor([1, 3])
    """
    return _top(a, k, axis, largest, argsort)


@method
def searchsorted(a, v, side="left", sorter=None):
    """Where elements would have to be inserted into a sorted vector to keep it sorted.

    Parameters
    ----------
    a : tensor_like
        A vector, ascending.
    v : tensor_like
    side : {'left', 'right'}, optional
        Before or behind what is equal.
    sorter : tensor_like of int, optional
        Indices that sort a.

    Returns
    -------
    Tensor of int64
        Of the shape of v.

    Examples
    --------
    >>> mt.searchsorted([1, 3, 5], [0, 3, 9]).execute()
    Tensor([0, 1, 3])
    """
    from .indexing import take

    a, scalar = astensor(a), not isinstance(v, Tensor) and np.ndim(v) == 0
    if a.ndim != 1:
        raise ValueError("object too deep for desired array")
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got '{side}')")
    if sorter is not None:
        a = take(a, sorter)
    v = astensor(v)
    made = op("searchsorted", a, v, side=side)
    return made.reshape(()) if scalar and made.ndim else made


# ---- Different elements ----------------------------------------------------------------------------------------------

def unique(ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True):
    """The different elements in order; all NaN are one.

    Parameters
    ----------
    ar : tensor_like
    return_index : bool, optional
        Whether the indices of the first of each are given, too.
    return_inverse : bool, optional
        Whether it is said of each element which one it is, in the shape of ar; of parts, in one of one axis.
    return_counts : bool, optional
        Whether it is said how many there are.
    axis : int or None, optional
        Parts along an axis instead of elements.
    equal_nan : bool, optional

    Returns
    -------
    Tensor or tuple of Tensors
        Their length is known once it is computed.

    Examples
    --------
    >>> mt.unique([3, 1, 3, 2]).execute()
    Tensor([1, 2, 3])
    >>> values, counts = mt.unique([3, 1, 3, 2], return_counts=True)
    >>> counts.execute()
    Tensor([1, 1, 2])
    """
    ar = astensor(ar)
    if axis is not None:
        return _unique_rows(ar, return_index, return_inverse, return_counts, axis_of(axis, ar.ndim))
    flat = ar.ravel()
    if not (return_index or return_inverse):
        if not return_counts:
            return op("unique", flat, equal_nan=bool(equal_nan))
        return ExecutableTuple(op("unique_counts", flat, equal_nan=bool(equal_nan)))
    order = argsort(flat)
    made = _of_sorted(flat[order], order, (return_index, return_inverse, return_counts), equal_nan)
    if not return_inverse:
        return made
    inverse = 1 + bool(return_index)
    return ExecutableTuple([*made[:inverse], made[inverse].reshape(ar.shape), *made[inverse + 1:]])


UniqueAll = named_tuple("UniqueAll", "values", "indices", "inverse_indices", "counts")
UniqueCounts = named_tuple("UniqueCounts", "values", "counts")
UniqueInverse = named_tuple("UniqueInverse", "values", "inverse_indices")


def unique_all(x):
    """The different elements in order, where each is first, which one each element is, and how many there are.

    Unlike in unique(), every NaN is different from every other one.

    Parameters
    ----------
    x : Tensor
        What has the elements; its shape does not matter.

    Returns
    -------
    UniqueAll
        A tuple of tensors: values, indices (into the flattened x), inverse_indices (of x's shape) and counts.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.unique_all(mt.tensor([2, 1, 2])).execute().inverse_indices
    Tensor([1, 0, 1])
    """
    values, indices, inverse, counts = unique(x, True, True, True, equal_nan=False)
    return UniqueAll((values, indices, inverse, counts))


def unique_counts(x):
    """The different elements in order, and how many there are. Every NaN is different from every other one.

    Parameters
    ----------
    x : Tensor
        What has the elements.

    Returns
    -------
    UniqueCounts
        A tuple of tensors: values and counts.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.unique_counts(mt.tensor([2, 1, 2])).execute().counts
    Tensor([1, 2])
    """
    return UniqueCounts(unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x):
    """The different elements in order, and which one each element is. Every NaN is different from every other one.

    Parameters
    ----------
    x : Tensor
        What has the elements.

    Returns
    -------
    UniqueInverse
        A tuple of tensors: values and inverse_indices, which have x's shape.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.unique_inverse(mt.tensor([[2, 1], [2, 3]])).execute().inverse_indices
    Tensor([[1, 0],
            [1, 2]])
    """
    values, inverse = unique(x, return_inverse=True, equal_nan=False)
    return UniqueInverse((values, inverse))


def unique_values(x):
    """The different elements in order. Every NaN is different from every other one.

    Parameters
    ----------
    x : Tensor
        What has the elements.

    Returns
    -------
    Tensor
        A vector.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.unique_values(mt.tensor([2, 1, 2])).execute()
    Tensor([1, 2])
    """
    return unique(x, equal_nan=False)


def _changes(ordered, equal_nan):
    """Where an element differs from the one before it."""
    after, before = ordered[1:], ordered[:-1]
    different = op("not_equal", after, before)
    if equal_nan and ordered.dtype.kind in "fcmM":
        both_nan = op("logical_and", op("isnan", after), op("isnan", before))
        different = op("logical_and", different, op("logical_not", both_nan))
    return concatenate([ones((min(1, ordered.shape[0]),), bool), different]) if ordered.shape[0] else zeros((0,), bool)


def _of_sorted(ordered, order, wanted, equal_nan):
    return _of_first(ordered, order, wanted, _changes(ordered, equal_nan))


def _of_first(ordered, order, wanted, first):
    index, inverse, counts = wanted
    made = [ordered[first]]
    if index:
        made.append(order[first])
    if inverse:
        group = first.astype(int).cumsum(0) - 1
        back = zeros(group.shape, int)
        back[order] = group
        made.append(back)
    if counts:
        n = first.shape[0]
        starts = arange(n)[first]
        made.append(concatenate([starts[1:], astensor(np.array([n]))]) - starts if n else zeros((0,), int))
    return ExecutableTuple(made) if len(made) > 1 else made[0]


def _unique_rows(ar, index, inverse, counts, axis):
    rows = moveaxis(ar, axis, 0)
    flat = rows.reshape(rows.shape[0], -1) if rows.size else rows.reshape((rows.shape[0], int(np.prod(rows.shape[1:]))))
    order = lexsort([flat[:, k] for k in range(flat.shape[1] - 1, -1, -1)]) if flat.shape[1] else arange(flat.shape[0])
    ordered = flat[order]
    n = flat.shape[0]
    first = zeros((0,), bool)
    if n:
        first = concatenate([ones((1,), bool), op("not_equal", ordered[1:], ordered[:-1]).any(1)])
    made = _of_first(ordered, order, (index, inverse, counts), first)
    values = (made[0] if isinstance(made, tuple) else made)
    values = moveaxis(values.reshape((values.shape[0],) + rows.shape[1:]), 0, axis)
    return ExecutableTuple((values,) + tuple(made[1:])) if isinstance(made, tuple) else values


