# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions given a tensor: they call ours of the same name, or refuse. A result is never computed by NumPy
unseen."""
import numpy as np

from .core import Tensor
from .ufuncs import UFUNCS


def array_ufunc(ufunc, method, inputs, kwargs):
    own = UFUNCS.get(ufunc.__name__)
    if ufunc is np.matmul:
        from .linalg import matmul as own
    if own is None:  # of scipy.special, whose functions are NumPy's kind, too
        from . import special

        own = getattr(special, ufunc.__name__) if ufunc.__name__ in special.__all__ else None
    if own is None:
        raise TypeError(f"numpy.{ufunc.__name__} has no counterpart for tensors; use numpy.asarray(t) for the values")
    out = kwargs.get("out")
    if isinstance(out, tuple) and len(out) == 1:
        kwargs["out"] = out[0]
    if method == "__call__":
        return own(*inputs, **kwargs)
    if not hasattr(own, method):
        raise TypeError(f"numpy.{ufunc.__name__}.{method} has no counterpart for tensors; use numpy.asarray(t) for "
                        "the values")
    try:
        return getattr(own, method)(*inputs, **kwargs)
    except NotImplementedError as error:
        raise TypeError(str(error)) from None


def _counterpart(func):
    from .. import tensor as mt

    place = (func.__module__ or "").split(".")
    if place[0] != "numpy":
        return None
    areas = [getattr(mt, part) for part in ("fft", "linalg", "random") if part in place]
    for area in areas or [mt, mt.lib.stride_tricks]:
        own = getattr(area, func.__name__, None) if func.__name__ in area.__all__ else None
        if own is not None:
            return own
    return None


# What NumPy does with arrays and not with expressions: texts of arrays.
_VALUES = {"array2string", "array_repr", "array_str", "savetxt", "save", "savez", "savez_compressed", "iscomplexobj",
           "may_share_memory", "shares_memory"}


# Parameters that have other names here, which are the original's.
_NAMES = {"array_split": {"ary": "a"}, "broadcast_to": {"array": "tensor"}, "rollaxis": {"a": "tensor"},
          "stack": {"arrays": "tensors"}}


def array_function(func, types, args, kwargs):
    if func.__name__ in _VALUES:
        def values(x):
            return np.asarray(x) if isinstance(x, Tensor) else x

        return func(*map(values, args), **{k: values(v) for k, v in kwargs.items()})
    own = _counterpart(func)
    if own is None:
        raise TypeError(f"{func.__module__}.{func.__name__} has no counterpart for tensors; use numpy.asarray(t) for "
                        "the values")
    names = _NAMES.get(func.__name__, {})
    return own(*args, **{names.get(name, name): value for name, value in kwargs.items()})
