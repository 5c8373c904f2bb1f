# SPDX-License-Identifier: Apache-2.0
"""Shapes and places: everything here is the operators view, reshape, concatenate and rechunk, in combinations."""
import numpy as np

from .. import _core, _mars, errors
from .._core import cutting, op
from .core import ExecutableTuple, Tensor, axes_of, axis_of, method
from .creation import astensor

__all__ = """append array_split atleast_1d atleast_2d atleast_3d block broadcast_arrays broadcast_to
    column_stack concatenate copyto delete diagonal dsplit dstack expand_dims flip fliplr flipud
    hsplit hstack insert moveaxis ndim pad ravel rechunk repeat require reshape resize roll
    rollaxis rot90 row_stack shape size split squeeze stack swapaxes tile trace transpose vsplit
    vstack concat permute_dims matrix_transpose unstack""".split()


def view(t, shape, axis, start=None, step=None):
    """The operator view: input axis k is read at start[k] + step[k] * (index of output axis axis[k])."""
    return op("view", t, shape=shape, axis=axis, start=(0,) * t.ndim if start is None else start,
              step=(1,) * t.ndim if step is None else step)


# ---- Shapes ----------------------------------------------------------------------------------------------------------

def reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    """The same elements in another shape; one length may be -1. newshape is an older word for shape.

    Tensors have value semantics: copy=True and copy=False are the same.
    """
    a = astensor(a)
    newshape = shape if newshape is None else newshape
    newshape = tuple(n.__index__() for n in newshape) if not hasattr(newshape, "__index__") or \
        isinstance(newshape, np.ndarray) and newshape.ndim else (newshape.__index__(),)
    if order == "F":
        return reshape(a.transpose(), newshape[::-1]).transpose()
    if order not in ("C", "K", "A"):
        raise ValueError(f"order must be one of 'C', 'F', 'A', or 'K' (got '{order}')")
    return op("reshape", a, shape=newshape)


def _reshape_method(self, *shape, order="C"):
    return reshape(self, shape[0] if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape, order)


_reshape_method.__doc__ = reshape.__doc__
method(_reshape_method, "reshape")


@method
def ravel(a, order="C"):
    """All elements along one axis."""
    return reshape(a, (-1,), order) if astensor(a).ndim != 1 else astensor(a)._same()


method(ravel, "flatten")


def transpose(a, axes=None):
    """The axes in another order; without `axes`, reversed."""
    a = astensor(a)
    if axes is None:
        axes = range(a.ndim)[::-1]
    else:
        axes = axes_of(axes, a.ndim)
        if len(axes) != a.ndim:
            raise ValueError("axes don't match array")
    known, inverse = a._known_shape, [0] * a.ndim
    for to, source in enumerate(axes):
        inverse[source] = to
    return view(a, [known[k] for k in axes], inverse)


def _transpose_method(self, *axes):
    if len(axes) == 1 and (axes[0] is None or not hasattr(axes[0], "__index__")):
        axes = axes[0]
    return transpose(self, axes or None)


_transpose_method.__doc__ = transpose.__doc__
method(_transpose_method, "transpose")


def permute_dims(a, axes):
    """The axes in another order."""
    return transpose(a, axes)


def matrix_transpose(a):
    """The last two axes exchanged."""
    return swapaxes(a, -1, -2)


@method
def swapaxes(a, axis1, axis2):
    """Two axes exchanged."""
    a = astensor(a)
    axis1, axis2 = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axis2, axis1
    return transpose(a, axes)


def moveaxis(a, source, destination):
    """Axes at other places; the others keep their order."""
    a = astensor(a)
    source, destination = axes_of(source, a.ndim, "source"), axes_of(destination, a.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [k for k in range(a.ndim) if k not in source]
    for to, which in sorted(zip(destination, source)):
        order.insert(to, which)
    return transpose(a, order)


def rollaxis(tensor, axis, start=0):
    """An axis moved to before another."""
    tensor = astensor(tensor)
    axis = axis_of(axis, tensor.ndim)
    start = start + tensor.ndim if start < 0 else start
    if not 0 <= start <= tensor.ndim:
        raise errors.AxisError(f"'start' arg requires {-tensor.ndim} <= start < {tensor.ndim + 1}, but {start} was "
                               "passed in")
    return moveaxis(tensor, axis, start - 1 if axis < start else start)


@method
def squeeze(a, axis=None):
    """Without axes of length one."""
    a = astensor(a)
    if axis is None:
        gone = [k for k, n in enumerate(a.shape) if n == 1]
    else:
        gone = axes_of(axis, a.ndim)
        if any(a.shape[k] != 1 for k in gone):
            raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    kept = [k for k in range(a.ndim) if k not in gone]
    if len(kept) == a.ndim:
        return a._same()
    known = a._known_shape
    return view(a, [known[k] for k in kept], [kept.index(k) if k in kept else -1 for k in range(a.ndim)])


def expand_dims(a, axis):
    """With axes of length one at these places."""
    a = astensor(a)
    n = a.ndim + (1 if hasattr(axis, "__index__") else len(axis))
    new = axes_of(axis, n)
    kept, known = [k for k in range(n) if k not in new], iter(a._known_shape)
    return view(a, [1 if k in new else next(known) for k in range(n)], kept)


def atleast(x, n):
    x = astensor(x)
    if x.ndim >= n:
        return x
    if n == 3 and x.ndim == 2:
        return x[:, :, None]
    if n == 3 and x.ndim == 1:
        return x[None, :, None]
    return x[(None,) * (n - x.ndim) + (Ellipsis,)]


def _each(xs, n):
    made = ExecutableTuple(atleast(x, n) for x in xs)
    return made[0] if len(made) == 1 else list(made)


def atleast_1d(*tensors):
    """With one axis or more."""
    return _each(tensors, 1)


def atleast_2d(*tensors):
    """With two axes or more."""
    return _each(tensors, 2)


def atleast_3d(*tensors):
    """With three axes or more."""
    return _each(tensors, 3)


def broadcast_to(tensor, shape, subok=False):
    """Repeated along axes of length one, and along new ones in front, without any copy."""
    t = astensor(tensor)
    shape = (shape.__index__(),) if hasattr(shape, "__index__") else tuple(n.__index__() for n in shape)
    if any(n < 0 for n in shape):
        raise ValueError("all elements of broadcast shape must be non-negative")
    own, more = t.shape, len(shape) - t.ndim
    if own == shape:
        return t._same()
    if more < 0:
        raise ValueError("input operand has more dimensions than allowed by the axis remapping")
    if any(n not in (1, m) for n, m in zip(own, shape[more:])):
        raise ValueError("operands could not be broadcast together with remapped shapes [original->remapped]: "
                         f"{own}  and requested shape {shape}")
    return view(t, shape, [k + more if own[k] == shape[k + more] else -1 for k in range(t.ndim)])


def broadcast_arrays(*args, subok=False):
    """All broadcast to their common shape."""
    ts = [astensor(a) for a in args]
    shape = np.broadcast_shapes(*(t.shape for t in ts))
    return [broadcast_to(t, shape) for t in ts]


@method
def rechunk(tensor, chunk_size="auto", *, chunks=None):
    """The same values, cut differently; chunk_size as in mars.tensor.tensor()."""
    t = astensor(tensor)
    chunk_size = chunks if chunks is not None else chunk_size
    flat = cutting(chunk_size, t.shape, t.dtype)
    return op("rechunk", t, chunk_size=(1, _core.AUTO) if flat is None else flat)


@method
def diagonal(a, offset=0, axis1=0, axis2=1):
    """A diagonal of two axes, as the last axis."""
    a = astensor(a)
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    axis1, axis2 = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    if axis1 == axis2:
        raise ValueError("axis1 and axis2 cannot be the same")
    rows, columns = a.shape[axis1], a.shape[axis2]
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    kept = [k for k in range(a.ndim) if k not in (axis1, axis2)]
    axis, start = [kept.index(k) if k in kept else len(kept) for k in range(a.ndim)], [0] * a.ndim
    start[axis1], start[axis2] = max(-offset, 0), max(offset, 0)
    return view(a, [a.shape[k] for k in kept] + [n], axis, start)


@method
def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """The sum along a diagonal."""
    return diagonal(a, offset, axis1, axis2).sum(axis=-1, dtype=dtype, out=out)


def shape(a):
    """Lengths of the axes."""
    return astensor(a).shape


def ndim(a):
    """Number of axes."""
    return astensor(a).ndim


def size(a, axis=None):
    """Number of elements, or length of an axis."""
    a = astensor(a)
    return a.size if axis is None else a.shape[axis_of(axis, a.ndim)]


def require(a, dtype=None, requirements=None):
    """A tensor of that dtype."""
    return astensor(a) if dtype is None else astensor(a).astype(dtype)


# ---- Joining ---------------------------------------------------------------------------------------------------------

def _stored(made, out, name):
    from .ufuncs import store

    return made if out is None else store(made, out, "same_kind", name)


def concatenate(tensors, axis=0, out=None, dtype=None, casting="same_kind"):
    """Tensors one after the other along an axis."""
    if isinstance(tensors, Tensor):
        tensors = list(tensors[i] for i in range(len(tensors)))
    ts = [astensor(t) for t in tensors]
    if not ts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        ts, axis = [t.ravel() for t in ts], 0
    if dtype is not None:
        ts = [t.astype(dtype, casting=casting) for t in ts]
    return _stored(op("concatenate", *ts, axis=axis.__index__()), out, "concatenate")


concat = concatenate


def stack(tensors, axis=0, out=None, dtype=None, casting="same_kind"):
    """Tensors of one shape along a new axis."""
    ts = [astensor(t) for t in tensors]
    if not ts:
        raise ValueError("need at least one array to stack")
    if any(t.ndim != ts[0].ndim or any(len(set(n) - {-1}) > 1 for n in zip(t._known_shape, ts[0]._known_shape))
           for t in ts):
        raise ValueError("all input arrays must have the same shape")
    axis = axis_of(axis, ts[0].ndim + 1)
    return concatenate([expand_dims(t, axis) for t in ts], axis, out, dtype, casting)


def unstack(x, axis=0):
    """The tensors along an axis, without it."""
    x = moveaxis(x, axis, 0)
    return ExecutableTuple(x[i] for i in range(x.shape[0]))


def vstack(tup, *, dtype=None, casting="same_kind"):
    """Tensors below each other."""
    return concatenate([atleast(t, 2) for t in tup], 0, None, dtype, casting)


row_stack = vstack


def hstack(tup, *, dtype=None, casting="same_kind"):
    """Tensors beside each other."""
    ts = [atleast(t, 1) for t in tup]
    return concatenate(ts, 0 if ts and ts[0].ndim == 1 else 1, None, dtype, casting)


def dstack(tup):
    """Tensors along the third axis."""
    return concatenate([atleast(t, 3) for t in tup], 2)


def column_stack(tup):
    """Tensors as columns."""
    ts = [astensor(t) for t in tup]
    return concatenate([t if t.ndim > 1 else atleast(t, 1)[:, None] for t in ts], 1)


def block(arrays):
    """A tensor of nested lists of blocks."""
    def depth(x):
        return 1 + max(map(depth, x), default=0) if isinstance(x, list) else 0

    def deepest(x):
        return max(map(deepest, x)) if isinstance(x, list) else astensor(x).ndim

    def join(x, level):
        if isinstance(x, list):
            if not x:
                raise ValueError("List at arrays cannot be empty")
            return concatenate([join(e, level - 1) for e in x], -level)
        return atleast_n(x)

    def atleast_n(x):
        x = astensor(x)
        return x[(None,) * (n - x.ndim) + (Ellipsis,)]

    levels = depth(arrays)
    n = max(levels, deepest(arrays))
    return join(arrays, levels)


def append(arr, values, axis=None):
    """Values after the end."""
    if axis is None:
        arr, values, axis = astensor(arr).ravel(), astensor(values).ravel(), 0
    return concatenate([arr, values], axis)


# ---- Splitting -------------------------------------------------------------------------------------------------------

def array_split(a, indices_or_sections, axis=0):
    """Parts along an axis: so many of almost equal length, or between positions."""
    a = astensor(a)
    axis = axis_of(axis, a.ndim)
    n = a.shape[axis]
    if hasattr(indices_or_sections, "__index__"):
        sections = indices_or_sections.__index__()
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, longer = divmod(n, sections)
        edges = [0]
        for k in range(sections):
            edges.append(edges[-1] + each + (k < longer))
    else:
        edges = [0, *(int(i) for i in indices_or_sections), n]
    before = (slice(None),) * axis
    return ExecutableTuple(a[before + (slice(lo, hi),)] for lo, hi in zip(edges, edges[1:]))


def split(ary, indices_or_sections, axis=0):
    """Parts along an axis: so many of equal length, or between positions."""
    ary = astensor(ary)
    if hasattr(indices_or_sections, "__index__"):
        sections = indices_or_sections.__index__()
        if sections and ary.shape[axis_of(axis, ary.ndim)] % sections:
            raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


def vsplit(ary, indices_or_sections):
    """Parts along the first axis."""
    if astensor(ary).ndim < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


def hsplit(ary, indices_or_sections):
    """Parts along the second axis, of vectors along their only one."""
    ary = astensor(ary)
    if ary.ndim == 0:
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


def dsplit(ary, indices_or_sections):
    """Parts along the third axis."""
    if astensor(ary).ndim < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


# ---- Repeating, turning, shifting ------------------------------------------------------------------------------------

def tile(A, reps):
    """A so many times along each axis."""
    A = astensor(A)
    reps = (reps.__index__(),) if hasattr(reps, "__index__") else tuple(r.__index__() for r in reps)
    n = max(A.ndim, len(reps))
    reps = (1,) * (n - len(reps)) + reps
    own = (1,) * (n - A.ndim) + A.shape
    if any(r < 0 for r in reps):
        raise ValueError(f"negative dimensions are not allowed: tile() repeats {reps} times")
    if all(r == 1 for r in reps):
        return reshape(A, own) if n > A.ndim else A._same()
    # (r0, n0, r1, n1, …), then the pairs become one axis.
    shape = [m for r, k in zip(reps, own) for m in (r, k)]
    t = view(A, shape, [2 * (k + n - A.ndim) + 1 for k in range(A.ndim)])
    return reshape(t, [r * k for r, k in zip(reps, own)])


@method
def repeat(a, repeats, axis=None):
    """Each element so many times."""
    a = astensor(a)
    if axis is None or a.ndim == 0 and axis in (0, -1):
        a, axis = a.ravel(), 0
    axis = axis_of(axis, a.ndim)
    if isinstance(repeats, Tensor):
        repeats = repeats._view()
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "biu":
        raise TypeError(f"Cannot cast array data from {counts.dtype!r} to dtype('int64') according to the rule 'safe'")
    if (counts < 0).any():
        raise ValueError("repeats may not contain negative values.")
    own = a.shape
    if counts.size != 1:
        if counts.ndim != 1 or counts.size != own[axis]:
            raise ValueError(f"operands could not be broadcast together with shape ({own[axis]},) {counts.shape}")
        from .indexing import take

        return take(a, np.repeat(np.arange(own[axis]), counts), axis)
    times = int(counts.reshape(-1)[0])
    shape = own[:axis + 1] + (times,) + own[axis + 1:]
    t = view(a, shape, [k + (k > axis) for k in range(a.ndim)])
    return reshape(t, own[:axis] + (own[axis] * times,) + own[axis + 1:])


def flip(m, axis=None):
    """In reverse order along axes."""
    m = astensor(m)
    axes = range(m.ndim) if axis is None else axes_of(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


def fliplr(m):
    """Columns in reverse order."""
    if astensor(m).ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return flip(m, 1)


def flipud(m):
    """Rows in reverse order."""
    if astensor(m).ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    """Turned by 90 degrees k times, from the first axis towards the second."""
    m = astensor(m)
    a, b = axes_of(axes, m.ndim)
    k %= 4
    if k == 0:
        return m._same()
    if k == 2:
        return flip(m, (a, b))
    return flip(swapaxes(m, a, b), a) if k == 1 else flip(swapaxes(m, a, b), b)


def roll(a, shift, axis=None):
    """Shifted along axes; what leaves at the end comes in at the beginning."""
    a = astensor(a)
    if axis is None:
        return roll(a.ravel(), shift, 0).reshape(a.shape)
    shifts, axes = np.broadcast_arrays(shift, axis)
    for s, k in zip(shifts.ravel().tolist(), axes.ravel().tolist()):
        k = axis_of(k, a.ndim)
        n = a.shape[k]
        s = s % n if n else 0
        if s:
            before = (slice(None),) * k
            a = concatenate([a[before + (slice(n - s, None),)], a[before + (slice(None, n - s),)]], k)
    return a._same()


def resize(a, new_shape):
    """The elements again and again until the shape is full."""
    a = astensor(a).ravel()
    new_shape = (new_shape,) if hasattr(new_shape, "__index__") else tuple(new_shape)
    n = int(np.prod(new_shape, dtype=object)) if new_shape else 1
    if any(k < 0 for k in new_shape):
        raise ValueError("all elements of `new_shape` must be non-negative")
    if a.size == 0 or n == 0:
        from .creation import zeros

        return zeros(new_shape, a.dtype)
    return tile(a, -(-n // a.size))[:n].reshape(new_shape)


# ---- Padding ---------------------------------------------------------------------------------------------------------

def _pairs(value, ndim, what):
    """The forms in which pad() takes a pair for each axis."""
    value = np.asarray(value)
    if what == "pad_width" and value.dtype.kind not in "iu":
        raise TypeError("`pad_width` must be of integral type.")
    return [tuple(p) for p in np.broadcast_to(value, (ndim, 2)).tolist()]


def _at(t, axis, what):
    return t[(slice(None),) * axis + (what,)]


def _runs(at):
    """Indices as slices of step 1 and -1, so that they are views."""
    runs, i = [], 0
    while i < len(at):
        j = i + 1
        step = at[j] - at[i] if j < len(at) and abs(at[j] - at[i]) == 1 else 1
        while j < len(at) and at[j] - at[j - 1] == step:
            j += 1
        stop = at[j - 1] + step
        runs.append(slice(int(at[i]), None if stop < 0 else int(stop), int(step)))
        i = j
    return runs


def _pad_axis(t, axis, widths, mode, options):
    from .creation import full

    before, after = widths
    if (before, after) == (0, 0):
        return t
    shape, n = t.shape, t.shape[axis]

    def block(width, value):
        return full(shape[:axis] + (width,) + shape[axis + 1:], value, t.dtype)

    if mode == "constant":
        low, high = options["constant_values"][axis]
        return concatenate([block(before, low), t, block(after, high)], axis)
    if n == 0:
        raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode == "edge":
        ends = [_at(t, axis, slice(0, 1)), _at(t, axis, slice(n - 1, n))]
        return concatenate([repeat(ends[0], before, axis), t, repeat(ends[1], after, axis)], axis)
    if mode == "linear_ramp":
        from .creation import linspace

        low, high = options["end_values"][axis]
        first, last = _at(t, axis, 0), _at(t, axis, n - 1)
        parts = [linspace(full(first.shape, low, t.dtype), first, before, False, dtype=t.dtype, axis=axis), t,
                 flip(linspace(full(last.shape, high, t.dtype), last, after, False, dtype=t.dtype, axis=axis), axis)]
        return concatenate(parts, axis)
    if mode in ("maximum", "minimum", "mean", "median"):
        from . import reduction, statistics

        function = statistics.median if mode == "median" else getattr(reduction, {"maximum": "max", "minimum": "min"}
                                                                      .get(mode, mode))
        low, high = options["stat_length"][axis] if options["stat_length"] is not None else (n, n)
        values = [function(_at(t, axis, part), axis=axis, keepdims=True)
                  for part in (slice(0, min(low, n)), slice(n - min(high, n), n))]
        if t.dtype.kind in "iu" and mode in ("mean", "median"):
            from .ufuncs import rint

            values = [rint(v) for v in values]
        return concatenate([repeat(values[0].astype(t.dtype), before, axis), t,
                            repeat(values[1].astype(t.dtype), after, axis)], axis)
    around = [np.arange(-before, 0), np.arange(n, n + after)]
    if mode == "wrap" or n == 1:
        around = [at % n for at in around]
    else:
        period = 2 * n if mode == "symmetric" else 2 * (n - 1)
        around = [np.where(at % period < n, at % period, period - at % period - (mode == "symmetric")) for at in around]
    runs = [_runs(at.tolist()) for at in around]
    return concatenate([_at(t, axis, run) for run in runs[0]] + [t] + [_at(t, axis, run) for run in runs[1]], axis)


_PAD_MODES = {"constant": "constant_values", "edge": None, "linear_ramp": "end_values", "maximum": "stat_length",
              "mean": "stat_length", "median": "stat_length", "minimum": "stat_length", "reflect": "reflect_type",
              "symmetric": "reflect_type", "wrap": None, "empty": None}


def pad(array, pad_width, mode="constant", **kwargs):
    """With more elements before and after along each axis."""
    t = astensor(array)
    widths = _pairs(pad_width, t.ndim, "pad_width")
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError("index can't contain negative values")
    if mode not in _PAD_MODES:
        raise ValueError(f"mode '{mode}' is not supported")
    extra = set(kwargs) - {_PAD_MODES[mode]}
    if extra:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {extra}")
    if kwargs.get("reflect_type", "even") != "even":
        raise NotImplementedError("pad: reflect_type='odd'")
    options = {name: _pairs(kwargs.get(name, 0), t.ndim, name) for name in ("constant_values", "end_values")}
    length = kwargs.get("stat_length")
    options["stat_length"] = None if length is None else _pairs(length, t.ndim, "stat_length")
    mode = "constant" if mode == "empty" else mode
    for axis, pair in enumerate(widths):
        t = _pad_axis(t, axis, pair, mode, options)
    return t


# ---- Inserting, deleting, copying ------------------------------------------------------------------------------------

def _kept(obj, n, axis):
    """Positions that delete() leaves."""
    keep = np.ones(n, bool)
    if isinstance(obj, Tensor):
        obj = obj._view()
    if isinstance(obj, slice):
        keep[obj] = False
    else:
        obj = np.asarray(obj)
        if obj.dtype.kind == "b":
            if obj.shape != (n,):
                raise ValueError("boolean array argument obj to delete must be one dimensional and match the axis "
                                 f"length of {n}")
        elif obj.size == 0:
            obj = obj.astype(int)
        for i in obj.ravel().tolist() if obj.dtype.kind != "b" else ():
            if not -n <= i < n:
                raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
        keep[obj] = False
    return np.flatnonzero(keep)


def delete(arr, obj, axis=None):
    """Without some positions along an axis."""
    t = astensor(arr)
    if axis is None:
        t, axis = t.ravel(), 0
    axis = axis_of(axis, t.ndim)
    kept = _kept(obj, t.shape[axis], axis)
    runs = np.split(kept, np.flatnonzero(np.diff(kept) != 1) + 1) if kept.size else []
    parts = [_at(t, axis, slice(int(run[0]), int(run[-1]) + 1)) for run in runs]
    return concatenate(parts or [_at(t, axis, slice(0, 0))], axis)


def insert(arr, obj, values, axis=None):
    """With values before some positions along an axis."""
    t, values = astensor(arr), astensor(values)
    if axis is None:
        t, axis = t.ravel(), 0
    axis = axis_of(axis, t.ndim)
    n = t.shape[axis]
    at = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj._view() if isinstance(obj, Tensor) else obj)
    if at.dtype.kind == "b":
        at = np.flatnonzero(at)
    single = at.ndim == 0
    at = np.atleast_1d(at).astype(int)
    if single or at.size == 1:
        while values.ndim < t.ndim:
            values = values[None]
        if single:
            values = moveaxis(values, 0, axis)
        at = np.repeat(at, values.shape[axis])
    for i in at.tolist():
        if not -n <= i <= n:
            raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
    at = np.where(at < 0, at + n, at)
    want = t.shape[:axis] + (len(at),) + t.shape[axis + 1:]
    values = broadcast_to(values.astype(t.dtype), want)
    parts, last = [], 0
    order = np.argsort(at, kind="stable")
    for k in order.tolist():
        parts += [_at(t, axis, slice(last, int(at[k]))), _at(values, axis, slice(k, k + 1))]
        last = int(at[k])
    return concatenate(parts + [_at(t, axis, slice(last, n))], axis)


def copyto(dst, src, casting="same_kind", where=True):
    """dst becomes src, where a mask says so."""
    src = astensor(src)
    if not isinstance(dst, Tensor):
        raise TypeError("dst has to be a tensor")
    if not _mars.can_cast(src.dtype, dst.dtype, casting):
        raise TypeError(f"Cannot cast array data from {src.dtype!r} to {dst.dtype!r} according to the rule '{casting}'")
    src = broadcast_to(src, dst.shape).astype(dst.dtype)
    dst._rebind(src if where is True else op("where", astensor(where), src, dst))

