# SPDX-License-Identifier: Apache-2.0
"""Functions of the user's own along axes.

No code goes to workers: a function is called here, with tensors that are parts of the argument, and what it gives back
is part of the expression. So it may be anything that works on tensors.
"""
from .core import axis_of
from .creation import astensor
from .manipulation import expand_dims, moveaxis, stack

__all__ = ["apply_along_axis", "apply_over_axes"]

MOST_SLICES = 10_000  # each is an expression of its own, of some microseconds and some hundred bytes


def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """func1d of every vector along an axis.

    func1d is called with one tensor for each of them, and what it does becomes an expression; of more than 10,000
    vectors this is refused. A function with an axis= of its own does the same at once.

    Parameters
    ----------
    func1d : callable
        Takes a vector, and gives a number or a tensor, always of one shape.
    axis : int
    arr : tensor_like
    *args, **kwargs : optional
        Further arguments of func1d.

    Returns
    -------
    Tensor
        Where the axis was are those of what func1d gives.

    Examples
    --------
    >>> mt.apply_along_axis(lambda v: v.max() - v.min(), 1, mt.tensor([[1, 5], [2, 9]])).execute()
    Tensor([4, 7])
    """
    arr = astensor(arr)
    axis = axis_of(axis, arr.ndim)
    rows = moveaxis(arr, axis, -1)
    lead = rows.shape[:-1]
    n = 1
    for length in lead:
        n *= length
    if n == 0:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    if n > MOST_SLICES:
        raise ValueError(f"apply_along_axis: func1d would become an expression {n} times, and {MOST_SLICES} are the "
                         "most: functions are not sent to workers. Use a function with axis=, or "
                         "numpy.apply_along_axis on the fetched values")
    rows = rows.reshape((n, rows.shape[-1]))
    parts = [astensor(func1d(rows[k], *args, **kwargs)) for k in range(n)]
    made = stack(parts)
    made = made.reshape(lead + made.shape[1:])
    inner = made.ndim - len(lead)
    return moveaxis(made, tuple(range(len(lead), made.ndim)), tuple(range(axis, axis + inner)))


def apply_over_axes(func, a, axes):
    """func(a, axis) for one axis after the other; axes that disappear come back with length one.

    Parameters
    ----------
    func : callable
        Takes a tensor and an axis.
    a : tensor_like
    axes : int or sequence of ints

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.apply_over_axes(mt.sum, mt.ones((2, 3, 4)), [0, 2]).execute()
    Tensor([[[8.],
             [8.],
             [8.]]])
    """
    made = a = astensor(a)
    for axis in (axes,) if hasattr(axes, "__index__") else axes:
        axis = axis_of(axis, a.ndim)
        result = astensor(func(made, axis))
        if result.ndim != made.ndim:
            result = expand_dims(result, axis)
            if result.ndim != made.ndim:
                raise ValueError("function is not returning an array of the correct shape")
        made = result
    return made
