# SPDX-License-Identifier: Apache-2.0
"""Windows that slide over tensors. as_strided() is not here: chunks are no memory that strides could go through."""
import operator

from ..core import axis_of
from ..creation import arange, astensor
from ..manipulation import broadcast_arrays, broadcast_to, moveaxis

__all__ = ["broadcast_arrays", "broadcast_to", "sliding_window_view"]


def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """The windows of a shape at all places where they are within the tensor.

    Parameters
    ----------
    x : tensor_like
    window_shape : int or tuple of int
        Of each axis of `axis` the length of a window.
    axis : int, tuple of int or None, optional
        Which axes windows slide along; None: all. An axis may come twice.
    subok, writeable : optional
        Ignored: tensors have value semantics.

    Returns
    -------
    Tensor
        Its axes are those of x, with the places where a window begins, then those of the windows.

    Raises
    ------
    ValueError
        A window is longer than its axis, or there is not one for each.

    Examples
    --------
    >>> windows = mt.lib.stride_tricks.sliding_window_view(mt.arange(5), 3)
    >>> windows.execute()
    Tensor([[0, 1, 2],
            [1, 2, 3],
            [2, 3, 4]])
    >>> windows.mean(axis=-1).execute()
    Tensor([1., 2., 3.])
    """
    x = astensor(x)
    lengths = tuple(map(operator.index, (window_shape,) if hasattr(window_shape, "__index__") else window_shape))
    if any(n < 0 for n in lengths):
        raise ValueError("`window_shape` cannot contain negative values")
    if axis is None:
        if len(lengths) != x.ndim:
            raise ValueError(f"Since axis is None, must provide window_shape for all dimensions of `x`; got "
                             f"{len(lengths)} window_shape elements and `x.ndim` is {x.ndim}.")
        axes = range(x.ndim)
    else:
        axes = [axis_of(k, x.ndim) for k in ((axis,) if hasattr(axis, "__index__") else axis)]
        if len(axes) != len(lengths):
            raise ValueError(f"Must provide matching length window_shape and axis; got {len(lengths)} window_shape "
                             f"elements and {len(axes)} axes elements.")
    for k, n in zip(axes, lengths):
        if n > x.shape[k]:
            raise ValueError("window shape cannot be larger than input array shape")
        first = arange(x.shape[k] - n + 1)
        x = moveaxis(x[(slice(None),) * k + (first[:, None] + arange(n),)], k + 1, -1)
    return x._same()
