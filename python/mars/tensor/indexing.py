# SPDX-License-Identifier: Apache-2.0
"""Indexing: t[key], t[key] = value, and NumPy's functions of indices.

A key has a basic part (integers, slices, newaxis, Ellipsis), which is one view, and an advanced part (arrays of
integers or booleans). Slices have value semantics: nothing aliases, and an assignment gives the handle a new
expression.
"""
import operator

import numpy as np

from .._core import op
from .core import ExecutableTuple, Tensor, axis_of, method, rows_of
from .creation import arange, astensor, zeros
from .manipulation import broadcast_to, concatenate, flip, moveaxis, reshape, transpose, view

__all__ = """argwhere choose compress extract fill_diagonal flatnonzero index_exp ix_ ndindex nonzero place
    put put_along_axis putmask ravel_multi_index r_ c_ s_ take take_along_axis unravel_index
    select piecewise diag_indices diag_indices_from mask_indices ndenumerate
    tril_indices tril_indices_from trim_zeros triu_indices triu_indices_from""".split()

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
    t = _basic(t, entries)
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
    t, at, n = _basic(t, basic), places[0], max(a.ndim for a in indices)
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
    value = astensor(value) if not isinstance(value, (bool, int, float, complex)) else value
    if isinstance(value, Tensor) and value.dtype != t.dtype:
        value = value.astype(t.dtype)
    elif not isinstance(value, Tensor):
        value = op("full", shape=(), dtype=t.dtype, value=_fitting(value, t.dtype))
    t._rebind(_put(t, key, value))


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
        inside = _woven(t[before + (slice(lo, hi),)], inside, axis, by)
    parts = [t[before + (slice(0, lo),)]] if lo else []
    parts.append(inside)
    if hi < t.shape[axis]:
        parts.append(t[before + (slice(hi, None),)])
    return concatenate(parts, axis) if len(parts) > 1 else inside


def _woven(t, value, axis, by):
    """t with every by-th position along the axis taken from value, which begins at the first and ends at the last."""
    n = value.shape[axis]
    shape = value.shape[:axis + 1] + (by,) + value.shape[axis + 1:]
    spread = view(value, shape, [k + (k > axis) for k in range(value.ndim)])
    spread = reshape(spread, value.shape[:axis] + (n * by,) + value.shape[axis + 1:])
    spread = spread[(slice(None),) * axis + (slice(0, t.shape[axis]),)]
    at = arange(t.shape[axis]) % by == 0
    return op("where", at[(slice(None),) + (None,) * (t.ndim - 1 - axis)], spread, t)


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

def _wrapped(indices, n, mode):
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
    """The elements at indices along an axis."""
    from .ufuncs import store

    a = astensor(a)
    if axis is None or a.ndim == 0 and axis in (0, -1):
        a, axis = a.ravel(), 0
    axis = axis_of(axis, a.ndim)
    indices = indices if isinstance(indices, Tensor) else np.asarray(indices)
    if indices.size == 0 and not isinstance(indices, Tensor):
        indices = indices.astype(int)
    if indices.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {indices.dtype!r} to dtype('int64') according to the rule 'safe'")
    if indices.dtype.kind == "b":
        indices = indices.astype(int)
    if mode != "raise":
        indices = _wrapped(indices, a.shape[axis], mode)
    made = a[(slice(None),) * axis + (indices,)]
    return made if out is None else store(made, out, "same_kind", "take")


def take_along_axis(arr, indices, axis=-1):
    """The elements at indices along an axis, different ones for each of the other positions."""
    arr, indices, axis = _along(arr, indices, axis)
    return arr[_along_key(arr, indices, axis)]


def _along(arr, indices, axis):
    arr, indices = astensor(arr), astensor(indices)
    if axis is None:
        return arr.ravel(), indices, 0
    if indices.dtype.kind not in "iu":
        raise IndexError("`indices` must be an integer array")
    if arr.ndim != indices.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    return arr, indices, axis_of(axis, arr.ndim)


def _along_key(arr, indices, axis):
    return tuple(indices if k == axis else arange(n)[(None,) * k + (slice(None),) + (None,) * (arr.ndim - 1 - k)]
                 for k, n in enumerate(arr.shape))


def put_along_axis(arr, indices, values, axis):
    """arr gets values at indices along an axis."""
    flat, indices, axis = _along(arr, indices, axis)
    flat = flat._same()
    flat[_along_key(flat, indices, axis)] = values
    arr._rebind(flat.reshape(arr.shape))


@method
def put(a, ind, v, mode="raise"):
    """a gets values at indices of its flattened form."""
    flat, ind = a.ravel(), astensor(ind).ravel()
    v = astensor(v).ravel()
    if ind.size:
        from .manipulation import resize

        flat[_wrapped(ind, flat.shape[0], mode)] = resize(v, ind.shape)
        a._rebind(flat.reshape(a.shape))


def putmask(a, mask, values):
    """a gets values where the mask is true."""
    from .manipulation import resize

    a._rebind(op("where", broadcast_to(astensor(mask), a.shape), resize(values, a.shape).astype(a.dtype), a))


def place(arr, mask, vals):
    """arr gets one value after the other where the mask is true."""
    mask, n = astensor(mask), None
    n = int(mask.sum())
    if n:
        from .manipulation import resize

        arr[mask] = resize(vals, (n,))


@method
def nonzero(a):
    """The positions of elements that are not zero, one tensor for each axis."""
    a = astensor(a)
    if a.ndim == 0:
        raise ValueError("nonzero() of what has no axes: use atleast_1d(a).nonzero()")
    rows = op("argwhere", a)
    return ExecutableTuple(rows[:, k] for k in range(a.ndim))


def flatnonzero(a):
    """The positions of elements of the flattened form that are not zero."""
    return nonzero(astensor(a).ravel())[0]


def argwhere(a):
    """The positions of elements that are not zero, one row for each."""
    a = astensor(a)
    if a.ndim == 0:
        return zeros((int(bool(a)), 0), int)
    return op("argwhere", a)


def unravel_index(indices, shape, order="C"):
    """Positions of the flattened form as positions along each axis."""
    shape = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    total = int(np.prod(shape, dtype=object)) if shape else 1
    if not isinstance(indices, Tensor):
        constant = np.asarray(indices)
        if constant.dtype.kind not in "iu" and constant.size:
            raise TypeError("only int indices permitted")
        if constant.size and (constant.min() < 0 or constant.max() >= total):
            bad = constant.min() if constant.min() < 0 else constant.max()
            raise ValueError(f"index {bad} is out of bounds for array with size {total}")
    rest, ret = astensor(indices).astype(int), []
    for n in shape[::-1] if order == "C" else shape:
        ret.append(op("remainder", rest, max(n, 1)))
        rest = op("floor_divide", rest, max(n, 1))
    return ExecutableTuple(ret[::-1] if order == "C" else ret)


def ravel_multi_index(multi_index, dims, mode="raise", order="C"):
    """Positions along each axis as positions of the flattened form."""
    dims = tuple(dims)
    modes = (mode,) * len(dims) if isinstance(mode, str) else mode
    parts = [_wrapped(astensor(i), n, m) for i, n, m in zip(multi_index, dims, modes)]
    for i, n in zip(multi_index, dims):
        constant = None if isinstance(i, Tensor) else np.asarray(i)
        if mode == "raise" and constant is not None and constant.size and (constant.min() < 0 or constant.max() >= n):
            raise ValueError("invalid entry in coordinates array")
    ret = None
    for part, n in zip(parts, dims) if order == "C" else zip(parts[::-1], dims[::-1]):
        ret = part if ret is None else ret * n + part
    return ret


@method
def compress(condition, a, axis=None, out=None):
    """The positions along an axis where the condition is true."""
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


Tensor.compress = lambda self, condition, axis=None, out=None: compress(condition, self, axis, out)


def extract(condition, arr):
    """The elements where the condition is true."""
    return compress(astensor(condition).ravel(), astensor(arr).ravel())


@method
def choose(a, choices, out=None, mode="raise"):
    """For each element of a the element at its place of the choice that it numbers."""
    from .ufuncs import store

    a = astensor(a)
    choices = [astensor(choices[i]) for i in range(len(choices))]
    if mode == "raise":
        bad = op("logical_or", a < 0, a >= len(choices)).any()
        if bool(bad):
            raise ValueError("invalid entry in choice array")
    else:
        a = _wrapped(a, len(choices), mode)
    made = choices[-1]
    for k in range(len(choices) - 2, -1, -1):
        made = op("where", op("equal", a, k), choices[k], made)
    if len(choices) == 1:
        made = broadcast_to(made, np.broadcast_shapes(made.shape, a.shape))
    return made if out is None else store(made, out, "same_kind", "choose")


def select(condlist, choicelist, default=0):
    """Elements of the first choice whose condition is true."""
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
    """Different functions where different conditions hold."""
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
    """a gets the value on its main diagonal."""
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


def ix_(*args):
    """Arrays that index the cross product of their positions."""
    ret = []
    for k, a in enumerate(args):
        a = astensor(a)
        if a.ndim != 1:
            raise ValueError("Cross index must be 1 dimensional")
        a = nonzero(a)[0] if a.dtype.kind == "b" else a
        ret.append(a[(None,) * k + (slice(None),) + (None,) * (len(args) - 1 - k)])
    return tuple(ret)


def diag_indices(n, ndim=2):
    """The positions of the main diagonal."""
    return (arange(n),) * ndim


def diag_indices_from(arr):
    """The positions of the main diagonal of a tensor whose axes have one length.

    >>> import mars.tensor as mt
    >>> [i.tolist() for i in mt.diag_indices_from(mt.ones((2, 2)))]
    [[0, 1], [0, 1]]
    """
    arr = astensor(arr)
    if arr.ndim < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(arr.shape)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    return diag_indices(arr.shape[0], arr.ndim)


def mask_indices(n, mask_func, k=0):
    """The positions where mask_func (triu, tril) leaves something of an n x n matrix.

    >>> import mars.tensor as mt
    >>> [i.tolist() for i in mt.mask_indices(2, mt.triu)]
    [[0, 0, 1], [0, 1, 1]]
    """
    from .creation import ones

    return nonzero(op("not_equal", mask_func(ones((n, n), int), k), 0))


def trim_zeros(filt, trim="fb"):
    """A vector without the zeros at its front ("f") and back ("b"). It is computed now: lengths depend on it.

    >>> import mars.tensor as mt
    >>> mt.trim_zeros([0, 1, 0, 2, 0]).execute()
    Tensor([1, 0, 2])
    """
    filt = astensor(filt)
    if filt.ndim != 1:
        raise ValueError("trim_zeros takes a vector")
    at = flatnonzero(filt)
    if at.shape[0] == 0:
        return filt[:0]
    first, last = int(at[0]), int(at[-1])
    trim = trim.upper()
    return filt[first if "F" in trim else None:last + 1 if "B" in trim else None]


def ndenumerate(arr):
    """Positions and values, some rows at a time.

    >>> import mars.tensor as mt
    >>> list(mt.ndenumerate(mt.tensor([[1, 2]])))
    [((0, 0), 1), ((0, 1), 2)]
    """
    first = 0
    for rows in rows_of(astensor(arr)):
        for at, value in np.ndenumerate(rows):
            yield ((at[0] + first, *at[1:]) if at else at), value
        first += rows.shape[0] if rows.ndim else 0


def tril_indices(n, k=0, m=None):
    """The positions at and below a diagonal."""
    from .creation import tri

    return nonzero(tri(n, m, k, bool))


def tril_indices_from(arr, k=0):
    """The positions at and below a diagonal of a matrix."""
    return tril_indices(*_rows_columns(arr, k))


def triu_indices_from(arr, k=0):
    """The positions at and above a diagonal of a matrix."""
    return triu_indices(*_rows_columns(arr, k))


def _rows_columns(arr, k):
    arr = astensor(arr)
    if arr.ndim != 2:
        raise ValueError("input array must be 2-d")
    return arr.shape[0], k, arr.shape[1]


def triu_indices(n, k=0, m=None):
    """The positions at and above a diagonal."""
    from .creation import tri

    return nonzero(op("logical_not", tri(n, m, k - 1, bool)))


class _Joiner:
    """r_ and c_: ranges and tensors, one after the other or as columns."""

    def __init__(self, columns):
        self.columns = columns

    def __getitem__(self, key):
        from .creation import linspace

        parts = []
        for k in key if isinstance(key, tuple) else (key,):
            if isinstance(k, slice):
                start = 0 if k.start is None else k.start
                k = linspace(start, k.stop, int(abs(k.step))) if isinstance(k.step, complex) else \
                    arange(start, k.stop, 1 if k.step is None else k.step)
            elif isinstance(k, str):
                raise NotImplementedError("r_ and c_ with a text")
            k = astensor(k)
            k = k[None] if k.ndim == 0 else k
            parts.append(k[:, None] if self.columns and k.ndim == 1 else k)
        return concatenate(parts, -1 if self.columns else 0)


r_, c_ = _Joiner(False), _Joiner(True)
