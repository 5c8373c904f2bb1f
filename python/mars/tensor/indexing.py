# SPDX-License-Identifier: Apache-2.0
"""Indexing: t[key], t[key] = value, and NumPy's functions of indices.

A key has a basic part (integers, slices, newaxis, Ellipsis), which is one view, and an advanced part (arrays of
integers or booleans). Slices have value semantics: nothing aliases, and an assignment gives the handle a new
expression.
"""
import operator

import numpy as np

from .._core import op
from .core import ExecutableTuple, Tensor, axis_of, method
from .creation import arange, astensor, tensor, zeros
from .manipulation import broadcast_to, concatenate, flip, moveaxis, reshape, transpose, view

__all__ = """choose compress extract fill_diagonal index_exp ndindex nonzero piecewise place put put_along_axis
    putmask s_ select take take_along_axis""".split()

newaxis = None
index_exp, s_, ndindex = np.index_exp, np.s_, np.ndindex
_WHOLE, _FIRST, _LAST = slice(None), -2**63, 2**63 - 1


# ---- Reading a key ---------------------------------------------------------------------------------------------------

def _is_array(k):
    if isinstance(k, np.ndarray) and k.ndim == 0 and k.dtype.kind in "iu":
        return False
    return isinstance(k, (Tensor, np.ndarray, list, tuple))


def _array(k):
    """An array of integers or booleans out of a key."""
    if isinstance(k, (list, tuple)) and any(isinstance(e, Tensor) for e in k):
        k = astensor(k)
    if not isinstance(k, Tensor):
        empty = not isinstance(k, np.ndarray)
        k = np.asarray(k)
        if empty and k.size == 0 and k.dtype.kind == "f":
            k = k.astype(int)
    if k.dtype.kind not in "biu":
        raise IndexError("arrays used as indices must be of integer (or boolean) type")
    return k


def _entries(key, ndim):
    """The key as a list of None, int, slice and arrays that takes every axis. An Ellipsis is left where it stands for
    no axis and yet parts what are arrays beside arrays."""
    if not isinstance(key, tuple):
        key = (key,)
    ret, used, dots = [], 0, None
    for k in key:
        if k is Ellipsis:
            if dots is not None:
                raise IndexError("an index can only have a single ellipsis ('...')")
            dots = len(ret)
            continue
        if k is None or isinstance(k, slice):
            ret.append(k)
        elif isinstance(k, (bool, np.bool_)):
            ret.append(np.asarray(k))
            continue
        elif _is_array(k):
            k = _array(k)
            ret.append(k)
            used += _taken(k)
            continue
        else:
            try:
                ret.append(operator.index(k))
            except TypeError:
                raise IndexError("only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or "
                                 "boolean arrays are valid indices") from None
        used += k is not None
    if used > ndim:
        raise IndexError(f"too many indices for array: array is {ndim}-dimensional, but {used} were indexed")
    whole = [slice(None)] * (ndim - used)
    at = len(ret) if dots is None else dots
    before, after = ret[:at], ret[at:]
    if not whole and any(map(_is_advanced, ret)) and \
            all(any(isinstance(e, int) or _is_advanced(e) for e in part) for part in (before, after)):
        whole = [Ellipsis]
    return before + whole + after


def _taken(entry):
    """How many axes an entry takes."""
    return 1 if isinstance(entry, (int, slice)) or entry.dtype.kind != "b" else entry.ndim


def _position(i, axis, n):
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    return i + n if i < 0 else i


def _basic(t, entries):
    """The view of integers, slices and newaxis; arrays stand for whole axes. Boolean ones take as many as they have."""
    known = t._known_shape
    shape, axis, start, step = [], [], [], []
    k = 0
    for e in entries:
        if e is None:
            shape.append(1)
            continue
        if _is_advanced(e):
            for _ in range(_taken(e)):
                axis.append(len(shape))
                start.append(0)
                step.append(1)
                shape.append(known[k])
                k += 1
            continue
        n = known[k]
        if n < 0 and e != _WHOLE:
            return _basic_of_unknown(t, entries)
        if isinstance(e, int):
            axis.append(-1)
            start.append(_position(e, k, n))
            step.append(0)
        elif n < 0 or e == _WHOLE:
            axis.append(len(shape))
            start.append(0)
            step.append(1)
            shape.append(n)
        else:
            lo, hi, by = e.indices(n)
            length = len(range(lo, hi, by))
            axis.append(len(shape))
            start.append(lo if length else 0)
            step.append(by)
            shape.append(length)
        k += 1
    return view(t, shape, axis, start, step)


def _basic_of_unknown(t, entries):
    """The same where the lengths of sliced axes depend on data: they are sliced when they are known."""
    def bound(value, otherwise):
        return otherwise if value is None else max(_FIRST, min(operator.index(value), _LAST))

    entries = [w for e in entries for w in ([_WHOLE] * _taken(e) if _is_advanced(e) else [e])]
    start, stop, step = [], [], []
    for e in entries:
        if e is None:
            continue
        if isinstance(e, int):
            lo, hi, by = bound(e, 0), 0, 0
        else:
            by = bound(e.step, 1)
            if by == 0:
                raise ValueError("slice step cannot be zero")
            lo, hi = bound(e.start, 0 if by > 0 else _LAST), bound(e.stop, _LAST if by > 0 else _FIRST)
        start.append(lo)
        stop.append(hi)
        step.append(by)
    made = op("slice", t, start=start, stop=stop, step=step)
    left = [e if e is None else _WHOLE for e in entries if not isinstance(e, int)]
    return _basic(made, left) if None in left else made


# ---- Getting ---------------------------------------------------------------------------------------------------------

def getitem(t, key):
    if isinstance(key, Tensor) and key.dtype.kind == "b" and key.ndim == t.ndim and key.ndim > 0 and \
            0 not in key._known_shape:
        return op("mask", t, key)
    entries = _entries(key, t.ndim)
    if not any(map(_is_advanced, entries)):
        return _basic(t, entries)
    at = _only_mask(entries)
    return _gathered(t, entries) if at is None else _masked(t, entries, at)


def _is_advanced(entry):
    return not (entry is None or entry is Ellipsis or isinstance(entry, (int, slice)))


def _only_mask(entries):
    """Where the one boolean array among slices and new axes is; None when the key is anything else, or the array has no
    elements: then it may have another shape."""
    arrays = [k for k, e in enumerate(entries) if _is_advanced(e)]
    if len(arrays) != 1 or any(isinstance(e, int) for e in entries):
        return None
    mask = entries[arrays[0]]
    shape = mask._known_shape if isinstance(mask, Tensor) else mask.shape
    return arrays[0] if mask.dtype.kind == "b" and mask.ndim > 0 and 0 not in shape else None


def _mask_fits(t, mask, axis):
    for k, n in enumerate(mask.shape if not isinstance(mask, Tensor) else mask._known_shape):
        own = t._known_shape[axis + k]
        if n != own and n > 0 and own >= 0:
            raise IndexError(f"boolean index did not match indexed array along dimension {axis + k}; dimension is "
                             f"{own} but corresponding boolean dimension is {n}")


def _masked(t, entries, axis):
    mask = entries[axis]
    _mask_fits(t, mask, sum(e is not None for e in entries[:axis]))
    t = t if all(_is_advanced(e) or e == _WHOLE for e in entries) else _basic(t, entries)
    if axis == 0:
        return op("mask", t, mask)
    order = list(range(axis, axis + mask.ndim)) + list(range(axis)) + list(range(axis + mask.ndim, t.ndim))
    return moveaxis(op("mask", transpose(t, order), mask), 0, axis)


def _spread(t, entries):
    """The key's basic part, in which arrays take whole axes, beside each of its entries the array of integers or None,
    and whether an Ellipsis parts them. A boolean array is the positions where it is true; one without axes is a new
    axis, of which it takes the one position or none."""
    basic, arrays, k = [], [], 0
    for e in entries:
        if e is Ellipsis:
            continue
        if not _is_advanced(e):
            basic.append(e)
            arrays.append(None)
            k += e is not None
        elif e.dtype.kind == "b":
            _mask_fits(t, e, k)
            basic += [slice(None)] * e.ndim or [None]
            arrays += list(nonzero(e if e.ndim else e.ravel()) if isinstance(e, Tensor) else np.atleast_1d(e).nonzero())
            k += e.ndim
        else:
            if not isinstance(e, Tensor) and e.size:
                for i in (int(e.min()), int(e.max())) if t._known_shape[k] >= 0 else ():
                    _position(i, k, t._known_shape[k])
            basic.append(slice(None))
            arrays.append(e)
            k += 1
    return basic, arrays, any(e is Ellipsis for e in entries)


def _layout(basic, arrays, parted):
    """Which axes of the basic view the arrays index, and at which axis of the result their common axes are: with
    arrays, integers are arrays without axes, and what is not side by side goes to the front."""
    advanced = [k for k, (e, a) in enumerate(zip(basic, arrays)) if a is not None or isinstance(e, int)]
    together = not parted and advanced[-1] - advanced[0] == len(advanced) - 1
    left = [a for e, a in zip(basic, arrays) if not isinstance(e, int)]
    return [k for k, a in enumerate(left) if a is not None], advanced[0] if together else 0


def _gathered(t, entries):
    basic, arrays, parted = _spread(t, entries)
    places, to = _layout(basic, arrays, parted)
    indices = [a for a in arrays if a is not None]
    t, at, n = t if all(e == _WHOLE for e in basic) else _basic(t, basic), places[0], max(a.ndim for a in indices)
    if places != list(range(at, at + len(places))):
        t = transpose(t, places + [k for k in range(t.ndim) if k not in places])
        at = 0
    made = op("take", t, *indices, axis=at)
    return made if at == to or n == 0 else moveaxis(made, range(at, at + n), range(to, to + n))


# ---- Setting ---------------------------------------------------------------------------------------------------------

def apply_at(t, key, function, value=None):
    """t[key] becomes function(t[key], value), or function(t[key]), once for each time that the key names an element."""
    entries = _entries(key, t.ndim)
    if not any(map(_is_advanced, entries)):  # which names no element twice
        part = _basic(t, entries)
        t._rebind(_put_basic(t, entries, op(function, part) if value is None else op(function, part, value)))
        return
    basic, arrays, parted = _spread(t, entries)
    value = zeros((), t.dtype) if value is None else value
    made = _put_arrays(_basic(t, basic), arrays, value, *_layout(basic, arrays, parted), function=function)
    t._rebind(made if all(isinstance(e, slice) and e == _WHOLE for e in basic) else _put_basic(t, basic, made))


def setitem(t, key, value):
    t._rebind(_put(t, key, _element(value, t.dtype)))


def _element(value, dtype):
    """What is assigned to elements, as a tensor of their dtype."""
    if isinstance(value, (bool, int, float, complex)):
        return op("full", shape=(), dtype=dtype, value=_fitting(value, dtype))
    value = tensor(value, dtype) if dtype.kind in "iu" and isinstance(value, (list, tuple)) else astensor(value)
    return value if value.dtype == dtype else value.astype(dtype)


def _fitting(value, dtype):
    if dtype.kind in "iu" and type(value) is int and not np.iinfo(dtype).min <= value <= np.iinfo(dtype).max:
        raise OverflowError(f"Python integer {value} out of bounds for {dtype}")
    if isinstance(value, complex) and dtype.kind != "c":
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    if dtype.kind in "iu" and isinstance(value, float) and not np.isfinite(value):
        raise (ValueError if value != value else OverflowError)(f"cannot convert float {value} to integer")
    return dtype.type(value) if dtype.kind not in "mM" else operator.index(value)


def _put(t, key, value):
    """The tensor with the value at the key: the basic part of the key is a view, the arrays set parts of that view,
    and the view goes back to its place."""
    entries = _entries(key, t.ndim)
    if not any(map(_is_advanced, entries)):
        return _put_basic(t, entries, value)
    alone = not isinstance(key, tuple) or len(key) == 1
    if alone and entries[0].dtype.kind == "b" and entries[0].ndim == t.ndim and value.ndim > 1:
        raise TypeError("boolean array indexing assignment requires a 0 or 1-dimensional input, input has "
                        f"{value.ndim} dimensions")
    at = _only_mask(entries)
    if at is not None and _constant(value, len(entries) - at - 1):
        basic = entries[:at] + [slice(None)] * entries[at].ndim + entries[at + 1:]
        made = _put_mask(t, entries, at, value)
    else:
        basic, arrays, parted = _spread(t, entries)
        made = _put_arrays(_basic(t, basic), arrays, value, *_layout(basic, arrays, parted))
    return made if all(isinstance(e, slice) and e == _WHOLE for e in basic) else _put_basic(t, basic, made)


def _refuse_broadcast(value, shape, what="could not broadcast input array"):
    raise ValueError(f"{what} from shape {value.shape} into shape {tuple(shape)}")


def _fit(value, shape):
    """The value broadcast to the place; axes of length one in front may go."""
    shape = tuple(shape)
    while value.ndim > len(shape) and value.shape[0] == 1:
        value = value[0]
    try:
        return broadcast_to(value, shape)
    except ValueError:
        _refuse_broadcast(value, shape)


def _put_basic(t, entries, value):
    shape, places, k = [], [], 0
    for e in entries:
        if e is None:
            shape.append(1)
            continue
        n = t.shape[k]
        if isinstance(e, int):
            places.append((_position(e, k, n), 1, 1, True))
        else:
            lo, hi, by = e.indices(n)
            places.append((lo, len(range(lo, hi, by)), by, False))
            shape.append(places[-1][1])
        k += 1
    value = _fit(value, shape)
    # The value with the tensor's axes, and every step positive.
    value = reshape(value, [n for _, n, _, _ in places])
    value = flip(value, [k for k, (_, n, by, _) in enumerate(places) if by < 0])
    places = [(lo + (n - 1) * by, n, -by) if by < 0 else (lo, n, by) for lo, n, by, _ in places]
    return value if any(n == 0 for _, n, _ in places) and value.shape == t.shape else _place(t, value, places, 0)


def _place(t, value, places, axis):
    """The value at places (first, count, step) of the axes from `axis` on."""
    while axis < t.ndim and places[axis] == (0, t.shape[axis], 1):
        axis += 1
    if axis == t.ndim:
        return value
    lo, n, by = places[axis]
    if n == 0:
        return t
    before = (slice(None),) * axis
    hi = lo + (n - 1) * by + 1
    inside = _place(t[before + (slice(lo, hi, by),)], value, places, axis + 1)
    if by > 1:
        return op("weave", t, inside, axis=axis, start=lo, step=by)
    parts = [t[before + (slice(0, lo),)]] if lo else []
    parts.append(inside)
    if hi < t.shape[axis]:
        parts.append(t[before + (slice(hi, None),)])
    return concatenate(parts, axis) if len(parts) > 1 else inside


def _constant(value, n_after):
    """Whether the value is the same at all positions of a mask that n_after axes follow."""
    return value.ndim <= n_after or value._known_shape[-1 - n_after] == 1


def _put_mask(t, entries, at, value):
    """The view of the basic entries with a value that does not depend on the position where the mask is true."""
    mask, n_after = astensor(entries[at]), len(entries) - at - 1
    _mask_fits(t, mask, sum(e is not None for e in entries[:at]))
    t = _basic(t, entries)
    if value.ndim > n_after:
        value = value[(slice(None),) * (value.ndim - n_after - 1) + (0,) + (None,) * mask.ndim]
    value = _fit(value, t.shape[:at] + (1,) * mask.ndim + t.shape[at + mask.ndim:])
    return op("where", mask[(Ellipsis,) + (None,) * n_after], value, t)


def _put_arrays(t, arrays, value, places, at, function=None):
    """The basic view with the value at the arrays: the indexed axes come first, and go back afterwards."""
    indices = [a for a in arrays if a is not None]
    n, order = max(a.ndim for a in indices), places + [k for k in range(t.ndim) if k not in places]
    ndim = n + t.ndim - len(places)
    while value.ndim > ndim and value.shape[0] == 1:
        value = value[0]
    if at > 0 and n > 0 and value.ndim > 0:
        value = moveaxis(value[(None,) * (ndim - value.ndim)], range(at, at + n), range(n))
    made = op("put", transpose(t, order), value, *indices, axis=0, function=function)
    return transpose(made, np.argsort(order).tolist())


# ---- NumPy's functions -----------------------------------------------------------------------------------------------

def wrapped(indices, n, mode):
    """clip and wrap, as take() and choose() have them."""
    if mode == "raise":
        return indices
    if mode == "wrap":
        return op("remainder", astensor(indices), n)
    if mode == "clip":
        return op("clip", astensor(indices), 0, n - 1)
    raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got '{mode}')")


@method
def take(a, indices, axis=None, out=None, mode="raise"):
    """The elements at indices along an axis.

    Parameters
    ----------
    a : tensor_like
    indices : tensor_like of int
    axis : int or None, optional
        None: of the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    mode : {'raise', 'wrap', 'clip'}, optional
        What happens to indices outside; those that are computed raise when they are.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.take([10, 20, 30], [2, 0]).execute()
    Tensor([30, 10])
    >>> mt.take([[1, 2, 3], [4, 5, 6]], [0, 2], axis=1).execute()
    Tensor([[1, 3],
            [4, 6]])
    """
    from .ufuncs import store

    a = astensor(a)
    if a.ndim != 1 and axis is None or a.ndim == 0 and axis in (0, -1):
        a, axis = a.ravel(), 0
    axis = axis_of(0 if axis is None else axis, a.ndim)
    indices = indices if isinstance(indices, Tensor) else np.asarray(indices)
    if indices.size == 0 and not isinstance(indices, Tensor):
        indices = indices.astype(int)
    if indices.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {indices.dtype!r} to dtype('int64') according to the rule 'safe'")
    if indices.dtype.kind == "b":
        indices = indices.astype(int)
    if mode != "raise":
        indices = wrapped(indices, a.shape[axis], mode)
    made = a[(slice(None),) * axis + (indices,)]
    return made if out is None else store(made, out, "same_kind", "take")


def take_along_axis(arr, indices, axis=-1):
    """The elements at indices along an axis, different ones for each of the other positions.

    Parameters
    ----------
    arr : tensor_like
    indices : tensor_like of int
        The other axes broadcast against those of arr.
    axis : int or None, optional
        None: of the flattened tensor.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.tensor([[30, 10, 20], [60, 50, 40]])
    >>> mt.take_along_axis(a, a.argsort(axis=1), axis=1).execute()
    Tensor([[10, 20, 30],
            [40, 50, 60]])
    """
    arr, indices, axis = _along(arr, indices, axis)
    return op("take_along", arr, indices, axis=axis)


def _along(arr, indices, axis):
    arr, indices = astensor(arr), astensor(indices)
    if axis is None:
        return arr.ravel(), indices, 0
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if arr.ndim != indices.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return arr, indices, axis_of(axis, arr.ndim)


def put_along_axis(arr, indices, values, axis):
    """arr gets values at indices along an axis.

    Parameters
    ----------
    arr : Tensor
        Stands for the result from now on.
    indices : tensor_like of int
    values : tensor_like
        Broadcast to the shape of the indices.
    axis : int or None

    Examples
    --------
    >>> a = mt.zeros((2, 3))
    >>> mt.put_along_axis(a, [[1], [2]], 9, axis=1)
    >>> a.execute()
    Tensor([[0., 9., 0.],
            [0., 0., 9.]])
    """
    flat, indices, axis = _along(arr, indices, axis)
    values = _element(values, flat.dtype)
    while values.ndim > flat.ndim and values.shape[0] == 1:
        values = values[0]
    arr._rebind(op("put_along", flat, values, indices, axis=axis).reshape(arr.shape))


@method
def put(a, ind, v, mode="raise"):
    """a gets values at indices of its flattened form.

    Parameters
    ----------
    a : Tensor
        Stands for the result from now on.
    ind : tensor_like of int
    v : tensor_like
        Repeated if there are fewer.
    mode : {'raise', 'wrap', 'clip'}, optional

    Examples
    --------
    >>> a = mt.arange(5)
    >>> mt.put(a, [0, 2], [-44, -55])
    >>> a.execute()
    Tensor([-44,   1, -55,   3,   4])
    """
    flat, ind = a.ravel(), astensor(ind).ravel()
    v = astensor(v).ravel()
    if ind.size:
        from .repeating import resize

        flat[wrapped(ind, flat.shape[0], mode)] = resize(v, ind.shape)
        a._rebind(flat.reshape(a.shape))


def putmask(a, mask, values):
    """a gets values where the mask is true.

    Parameters
    ----------
    a : Tensor
        Stands for the result from now on.
    mask : tensor_like of bool
    values : tensor_like
        The element at the place of each one in a, repeated if there are fewer.

    Examples
    --------
    >>> a = mt.arange(4)
    >>> mt.putmask(a, a > 1, [10, 20])
    >>> a.execute()
    Tensor([ 0,  1, 10, 20])
    """
    from .repeating import resize

    a._rebind(op("where", broadcast_to(astensor(mask), a.shape), resize(values, a.shape).astype(a.dtype), a))


def place(arr, mask, vals):
    """arr gets one value after the other where the mask is true.

    Parameters
    ----------
    arr : Tensor
        Stands for the result from now on.
    mask : tensor_like of bool
    vals : tensor_like
        Repeated if there are fewer.

    Examples
    --------
    >>> a = mt.arange(4)
    >>> mt.place(a, a > 1, [10, 20])
    >>> a.execute()
    Tensor([ 0,  1, 10, 20])
    """
    mask, n = astensor(mask), None
    n = int(mask.sum())
    if n:
        from .repeating import resize

        arr[mask] = resize(vals, (n,))


@method
def nonzero(a):
    """The positions of elements that are not zero, one tensor for each axis.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    ExecutableTuple of Tensors of int64
        Their length is known once they are computed.

    Examples
    --------
    >>> rows, columns = mt.nonzero([[0, 5], [7, 0]])
    >>> rows.execute(), columns.execute()
    (Tensor([0, 1]), Tensor([1, 0]))
    """
    a = astensor(a)
    if a.ndim == 0:
        raise ValueError("nonzero() of what has no axes: use atleast_1d(a).nonzero()")
    rows = op("argwhere", a)
    return ExecutableTuple(rows[:, k] for k in range(a.ndim))


@method
def compress(condition, a, axis=None, out=None):
    """The positions along an axis where the condition is true.

    Parameters
    ----------
    condition : tensor_like of bool
        A vector.
    a : tensor_like
    axis : int or None, optional
        None: of the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.compress([True, False, True], [[1, 2, 3], [4, 5, 6]], axis=1).execute()
    Tensor([[1, 3],
            [4, 6]])
    """
    from .ufuncs import store

    condition, a = astensor(condition), astensor(a)
    if condition.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    if axis is None or a.ndim == 0 and axis in (0, -1):
        a, axis = a.ravel(), 0
    axis = axis_of(axis, a.ndim)
    condition = condition.astype(bool)
    n, own = condition.shape[0], a.shape[axis]
    if n > own:
        if bool(condition[own:].any()):
            raise IndexError(f"index {n - 1} is out of bounds for axis {axis} with size {own}")
        condition = condition[:own]
    before = (slice(None),) * axis
    made = a[before + (slice(0, condition.shape[0]),)][before + (condition,)]
    return made if out is None else store(made, out, "same_kind", "compress")


def _compress_method(self, condition, axis=None, out=None):
    """The positions along an axis where the condition is true.

    Parameters
    ----------
    condition : tensor_like of bool
        A vector.
    axis : int or None, optional
        None: of the flattened tensor.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tensor([[1, 2, 3], [4, 5, 6]]).compress([True, False, True], axis=1).execute()
    Tensor([[1, 3],
            [4, 6]])
    """
    return compress(condition, self, axis, out)


method(_compress_method, "compress")


def extract(condition, arr):
    """The elements where the condition is true.

    Parameters
    ----------
    condition, arr : tensor_like
        Of one shape.

    Returns
    -------
    Tensor
        A vector, whose length is known once it is computed.

    Examples
    --------
    >>> a = mt.arange(6)
    >>> mt.extract(a % 2 == 0, a).execute()
    Tensor([0, 2, 4])
    """
    return compress(astensor(condition).ravel(), astensor(arr).ravel())


@method
def choose(a, choices, out=None, mode="raise"):
    """For each element of a the element at its place of the choice that it numbers.

    Parameters
    ----------
    a : tensor_like of int
    choices : sequence of tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    mode : {'raise', 'wrap', 'clip'}, optional
        What happens to numbers outside; with 'raise' those that are computed raise ValueError when they are.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.choose([0, 1, 0], [[1, 2, 3], [10, 20, 30]]).execute()
    Tensor([ 1, 20,  3])
    """
    from .ufuncs import store

    constant, a = None if isinstance(a, Tensor) else np.asarray(a), astensor(a)
    choices = [astensor(choices[i]) for i in range(len(choices))]
    if a.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {a.dtype!r} to dtype('int64') according to the rule 'safe'")
    if mode != "raise":
        a = wrapped(a, len(choices), mode)
    elif constant is None:
        a = op("bounded", a.astype(int), length=len(choices))
    elif constant.size and not 0 <= constant.min() <= constant.max() < len(choices):
        raise ValueError("invalid entry in choice array")
    made = choices[-1]
    for k in range(len(choices) - 2, -1, -1):
        made = op("where", op("equal", a, k), choices[k], made)
    if len(choices) == 1:  # numbers are looked at nevertheless
        made = op("where", op("equal", a, 0), made, made)
    return made if out is None else store(made, out, "same_kind", "choose")


def select(condlist, choicelist, default=0):
    """Elements of the first choice whose condition is true.

    Parameters
    ----------
    condlist : sequence of tensor_like of bool
    choicelist : sequence of tensor_like
    default : scalar, optional
        Where no condition is true.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.arange(5)
    >>> mt.select([a < 2, a > 3], [-1, a * 10], default=7).execute()
    Tensor([-1, -1,  7,  7, 40])
    """
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not condlist:
        raise ValueError("select with an empty condition list is not possible")
    made = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1]):
        condition = astensor(condition)
        if condition.dtype.kind != "b":
            raise TypeError("invalid entry in condlist: should be boolean ndarray")
        made = op("where", condition, choice, made)
    return made


def piecewise(x, condlist, funclist, *args, **kw):
    """Different functions where different conditions hold; of several, the last one.

    Parameters
    ----------
    x : tensor_like
    condlist : sequence of tensor_like of bool
    funclist : sequence of callables or scalars
        One more than conditions: it holds elsewhere. They are called here, with tensors.
    *args, **kw : optional
        Go to the functions.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> x = mt.tensor([-2.0, -1.0, 1.0, 2.0])
    >>> mt.piecewise(x, [x < 0, x >= 0], [-1, lambda x: 10 * x]).execute()
    Tensor([-1., -1., 10., 20.])
    """
    x = astensor(x)
    if isinstance(condlist, Tensor) or np.ndim(condlist[0]) == 0 and not isinstance(condlist[0], Tensor):
        condlist = [condlist]
    condlist = [astensor(c).astype(bool) for c in condlist]
    if len(funclist) == len(condlist) + 1:
        other = condlist[0]
        for c in condlist[1:]:
            other = op("logical_or", other, c)
        condlist = condlist + [op("logical_not", other)]
    elif len(funclist) != len(condlist):
        n = len(condlist)
        raise ValueError(f"with {n} condition(s), either {n} or {n + 1} functions are expected")
    made = zeros(x.shape, x.dtype)
    for condition, function in zip(condlist, funclist):
        value = function(x, *args, **kw) if callable(function) else function
        made = op("where", condition, value, made).astype(x.dtype)
    return made


def fill_diagonal(a, val, wrap=False):
    """a gets the value on its main diagonal.

    Parameters
    ----------
    a : Tensor
        Stands for the result from now on.
    val : tensor_like
    wrap : bool, optional
        Whether the diagonal of a tall matrix begins again at its top.

    Examples
    --------
    >>> a = mt.zeros((2, 2))
    >>> mt.fill_diagonal(a, 5)
    >>> a.execute()
    Tensor([[5., 0.],
            [0., 5.]])
    """
    if a.ndim < 2:
        raise ValueError("array must be at least 2-d")
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    flat = arange(a.size).reshape(a.shape)
    columns = a.shape[-1]
    if a.ndim == 2:
        step, end = columns + 1, a.size if wrap else min(a.size, columns * columns)
    else:
        step, end = 1 + sum(columns ** k for k in range(1, a.ndim)), a.size
    on = op("logical_and", flat % step == 0, flat < end)
    val = astensor(val).astype(a.dtype)
    if val.ndim:
        val = val.ravel()[(flat // step) % val.size]
    a._rebind(op("where", on, val, a))
