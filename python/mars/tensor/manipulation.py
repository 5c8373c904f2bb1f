# SPDX-License-Identifier: Apache-2.0
"""Shapes and places: everything here is the operators view, reshape, concatenate and rechunk, in combinations."""
import numpy as np

from .. import _core, errors
from .._core import cutting, op
from .core import ExecutableTuple, Tensor, axes_of, axis_of, method
from .creation import astensor

__all__ = """atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to concatenate diagonal expand_dims flip
    moveaxis ndim ravel rechunk require reshape rollaxis shape size squeeze stack swapaxes trace
    transpose concat permute_dims matrix_transpose unstack""".split()


def view(t, shape, axis, start=None, step=None):
    """The operator view: input axis k is read at start[k] + step[k] * (index of output axis axis[k])."""
    return op("view", t, shape=shape, axis=axis, start=(0,) * t.ndim if start is None else start,
              step=(1,) * t.ndim if step is None else step)


# ---- Shapes ----------------------------------------------------------------------------------------------------------

def reshape(a, shape=None, order="C", *, newshape=None, copy=None):
    """The same elements in another shape.

    Parameters
    ----------
    a : tensor_like
    shape : int or tuple of ints
        One length may be -1: what remains.
    order : {'C', 'F'}, optional
        Which index runs fastest: the last or the first one. 'A' and 'K' are 'C'.
    newshape : optional
        An older word for shape.
    copy : bool, optional
        Ignored: tensors have value semantics.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.reshape(mt.arange(6), (2, -1)).execute()
    Tensor([[0, 1, 2],
            [3, 4, 5]])
    >>> mt.arange(6).reshape(3, 2, order="F").execute()
    Tensor([[0, 3],
            [1, 4],
            [2, 5]])
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
    """The same elements in another shape.

    Parameters
    ----------
    *shape : int or tuple of ints
        One length may be -1: what remains.
    order : {'C', 'F'}, optional
        Which index runs fastest: the last or the first one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.arange(6).reshape(2, -1).execute()
    Tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return reshape(self, shape[0] if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape, order)


method(_reshape_method, "reshape")


@method
def ravel(a, order="C"):
    """All elements along one axis.

    Parameters
    ----------
    a : tensor_like
    order : {'C', 'F'}, optional
        Which index runs fastest: the last or the first one.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.ravel([[1, 2], [3, 4]]).execute()
    Tensor([1, 2, 3, 4])
    """
    return reshape(a, (-1,), order) if astensor(a).ndim != 1 else astensor(a)._same()


method(ravel, "flatten")


def transpose(a, axes=None):
    """The axes in another order. Nothing is moved: it is a view.

    Parameters
    ----------
    a : tensor_like
    axes : tuple of ints, optional
        None: reversed.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.transpose([[1, 2], [3, 4]]).execute()
    Tensor([[1, 3],
            [2, 4]])
    >>> mt.ones((2, 3, 4)).transpose(1, 2, 0).shape
    (3, 4, 2)
    """
    if hasattr(a, "tocsr"):
        from .creation import tensor

        return tensor(a).transpose(axes)
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
    """The axes in another order. Nothing is moved: it is a view.

    Parameters
    ----------
    *axes : int or tuple of ints
        None: reversed.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.ones((2, 3, 4)).transpose(1, 2, 0).shape
    (3, 4, 2)
    """
    if len(axes) == 1 and (axes[0] is None or not hasattr(axes[0], "__index__")):
        axes = axes[0]
    return transpose(self, axes or None)


method(_transpose_method, "transpose")


def permute_dims(a, axes):
    """The axes in another order: transpose() as the array API standard has it.

    Parameters
    ----------
    a : tensor_like
    axes : tuple of ints

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.permute_dims(mt.ones((2, 3, 4)), (1, 2, 0)).shape
    (3, 4, 2)
    """
    return transpose(a, axes)


def matrix_transpose(a):
    """The last two axes exchanged.

    Parameters
    ----------
    a : tensor_like
        Two axes or more.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.matrix_transpose(mt.ones((2, 3, 4))).shape
    (2, 4, 3)
    """
    return swapaxes(a, -1, -2)


@method
def swapaxes(a, axis1, axis2):
    """Two axes exchanged.

    Parameters
    ----------
    a : tensor_like
    axis1, axis2 : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.swapaxes(mt.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    a = astensor(a)
    axis1, axis2 = axis_of(axis1, a.ndim), axis_of(axis2, a.ndim)
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axis2, axis1
    return transpose(a, axes)


def moveaxis(a, source, destination):
    """Axes at other places; the others keep their order.

    Parameters
    ----------
    a : tensor_like
    source, destination : int or sequence of ints

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.moveaxis(mt.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    a = astensor(a)
    source, destination = axes_of(source, a.ndim, "source"), axes_of(destination, a.ndim, "destination")
    if len(source) != len(destination):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    order = [k for k in range(a.ndim) if k not in source]
    for to, which in sorted(zip(destination, source)):
        order.insert(to, which)
    return transpose(a, order)


def rollaxis(tensor, axis, start=0):
    """An axis moved to before another.

    Parameters
    ----------
    tensor : tensor_like
    axis, start : int

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.rollaxis(mt.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    tensor = astensor(tensor)
    axis = axis_of(axis, tensor.ndim)
    start = start + tensor.ndim if start < 0 else start
    if not 0 <= start <= tensor.ndim:
        raise errors.AxisError(f"'start' arg requires {-tensor.ndim} <= start < {tensor.ndim + 1}, but {start} was "
                               "passed in")
    return moveaxis(tensor, axis, start - 1 if axis < start else start)


@method
def squeeze(a, axis=None):
    """Without axes of length one.

    Parameters
    ----------
    a : tensor_like
    axis : int or tuple of ints, optional
        Which of them; None: all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.squeeze(mt.ones((1, 3, 1))).shape
    (3,)
    """
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
    """With axes of length one at these places.

    Parameters
    ----------
    a : tensor_like
    axis : int or tuple of ints
        Places in the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.expand_dims(mt.ones((2, 3)), (0, 2)).shape
    (1, 2, 1, 3)
    """
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
    """With one axis or more.

    Parameters
    ----------
    *tensors : tensor_like

    Returns
    -------
    Tensor or list of Tensors

    Examples
    --------
    >>> mt.atleast_1d(5).execute()
    Tensor([5])
    """
    return _each(tensors, 1)


def atleast_2d(*tensors):
    """With two axes or more; new ones are in front.

    Parameters
    ----------
    *tensors : tensor_like

    Returns
    -------
    Tensor or list of Tensors

    Examples
    --------
    >>> mt.atleast_2d([1, 2]).execute()
    Tensor([[1, 2]])
    """
    return _each(tensors, 2)


def atleast_3d(*tensors):
    """With three axes or more; vectors lie along the second one.

    Parameters
    ----------
    *tensors : tensor_like

    Returns
    -------
    Tensor or list of Tensors

    Examples
    --------
    >>> mt.atleast_3d([1, 2]).shape
    (1, 2, 1)
    """
    return _each(tensors, 3)


def broadcast_to(tensor, shape, subok=False):
    """Repeated along axes of length one, and along new ones in front, without any copy.

    Parameters
    ----------
    tensor : tensor_like
    shape : int or tuple of ints
    subok : optional
        Ignored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.broadcast_to([1, 2, 3], (2, 3)).execute()
    Tensor([[1, 2, 3],
            [1, 2, 3]])
    """
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
    """All broadcast to their common shape.

    Parameters
    ----------
    *args : tensor_like
    subok : optional
        Ignored.

    Returns
    -------
    list of Tensors

    Examples
    --------
    >>> a, b = mt.broadcast_arrays([1, 2], [[10], [20]])
    >>> a.execute()
    Tensor([[1, 2],
            [1, 2]])
    """
    ts = [astensor(a) for a in args]
    shape = np.broadcast_shapes(*(t.shape for t in ts))
    return [broadcast_to(t, shape) for t in ts]


@method
def rechunk(tensor, chunk_size="auto", *, chunks=None):
    """The same values, cut differently.

    Parameters
    ----------
    tensor : tensor_like
    chunk_size : int, tuple, dict or str, optional
        How to cut; see tensor().
    chunks : optional
        Another word for chunk_size.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> a = mt.ones((4, 6), chunk_size=2)
    >>> a.rechunk({1: -1}).nsplits
    ((4,), (6,))
    """
    t = astensor(tensor)
    chunk_size = chunks if chunks is not None else chunk_size
    flat = cutting(chunk_size, t.shape, t.dtype)
    return op("rechunk", t, chunk_size=(1, _core.AUTO) if flat is None else flat)


@method
def diagonal(a, offset=0, axis1=0, axis2=1):
    """A diagonal of two axes, as the last axis. It is a view.

    Parameters
    ----------
    a : tensor_like
        Two axes or more.
    offset : int, optional
        Above the main one, or below it if negative.
    axis1, axis2 : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.diagonal([[1, 2], [3, 4]]).execute()
    Tensor([1, 4])
    """
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
    """The sum along a diagonal.

    Parameters
    ----------
    a : tensor_like
        Two axes or more.
    offset : int, optional
        Above the main one, or below it if negative.
    axis1, axis2 : int, optional
    dtype : data-type, optional
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.trace([[1, 2], [3, 4]]).execute()
    Tensor(5)
    """
    return diagonal(a, offset, axis1, axis2).sum(axis=-1, dtype=dtype, out=out)


def shape(a):
    """Lengths of the axes; computed when they depend on data.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    tuple of ints

    Examples
    --------
    >>> mt.shape(mt.ones((2, 3)))
    (2, 3)
    """
    return a.shape if hasattr(a, "tocsr") else astensor(a).shape


def ndim(a):
    """Number of axes.

    Parameters
    ----------
    a : tensor_like

    Returns
    -------
    int

    Examples
    --------
    >>> mt.ndim([[1, 2], [3, 4]])
    2
    """
    return a.ndim if hasattr(a, "tocsr") else astensor(a).ndim


def size(a, axis=None):
    """Number of elements, or length of an axis.

    Parameters
    ----------
    a : tensor_like
    axis : int, optional

    Returns
    -------
    int

    Examples
    --------
    >>> mt.size(mt.ones((2, 3))), mt.size(mt.ones((2, 3)), 0)
    (6, 2)
    """
    a = astensor(a)
    return a.size if axis is None else a.shape[axis_of(axis, a.ndim)]


def require(a, dtype=None, requirements=None):
    """A tensor of that dtype; what else NumPy could require, places in memory, tensors have not.

    Parameters
    ----------
    a : tensor_like
    dtype : data-type, optional
    requirements : optional
        Ignored.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.require([1, 2], "float64").execute()
    Tensor([1., 2.])
    """
    return astensor(a) if dtype is None else astensor(a).astype(dtype)


def flip(m, axis=None):
    """In reverse order along axes. It is a view.

    Parameters
    ----------
    m : tensor_like
    axis : int or tuple of ints, optional
        None: all.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.flip([[1, 2], [3, 4]]).execute()
    Tensor([[4, 3],
            [2, 1]])
    """
    m = astensor(m)
    axes = range(m.ndim) if axis is None else axes_of(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(m.ndim))]


# ---- Joining ---------------------------------------------------------------------------------------------------------

def _stored(made, out, name):
    from .ufuncs import store

    return made if out is None else store(made, out, "same_kind", name)


def concatenate(tensors, axis=0, out=None, dtype=None, casting="same_kind"):
    """Tensors one after the other along an axis.

    Parameters
    ----------
    tensors : sequence of tensor_like or SparseTensor
        Of one shape but for that axis; all are sparse or none is.
    axis : int or None, optional
        None: all are flattened.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    dtype : data-type, optional
    casting : str, optional

    Returns
    -------
    Tensor or SparseTensor

    Examples
    --------
    >>> mt.concatenate([[[1, 2]], [[3, 4]]]).execute()
    Tensor([[1, 2],
            [3, 4]])
    >>> mt.concatenate([[[1, 2]], [[3, 4]]], axis=1).execute()
    Tensor([[1, 2, 3, 4]])
    """
    tensors = [tensors[i] for i in range(len(tensors))] if isinstance(tensors, Tensor) else list(tensors)
    if any(hasattr(t, "tocsr") for t in tensors):
        from .sparse import concatenate as of_sparse

        return of_sparse(tensors, axis, out, dtype, casting)
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
    """Tensors of one shape along a new axis.

    Parameters
    ----------
    tensors : sequence of tensor_like
    axis : int, optional
        Of the result.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    dtype : data-type, optional
    casting : str, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.stack([[1, 2], [3, 4]], axis=1).execute()
    Tensor([[1, 3],
            [2, 4]])
    """
    ts = [astensor(t) for t in tensors]
    if not ts:
        raise ValueError("need at least one array to stack")
    if any(t.ndim != ts[0].ndim or any(len(set(n) - {-1}) > 1 for n in zip(t._known_shape, ts[0]._known_shape))
           for t in ts):
        raise ValueError("all input arrays must have the same shape")
    axis = axis_of(axis, ts[0].ndim + 1)
    return concatenate([expand_dims(t, axis) for t in ts], axis, out, dtype, casting)


def unstack(x, axis=0):
    """The tensors along an axis, without it.

    Parameters
    ----------
    x : tensor_like
    axis : int, optional

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> a, b = mt.unstack([[1, 2], [3, 4]])
    >>> b.execute()
    Tensor([3, 4])
    """
    x = moveaxis(x, axis, 0)
    return ExecutableTuple(x[i] for i in range(x.shape[0]))
