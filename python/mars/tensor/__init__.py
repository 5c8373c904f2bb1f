# SPDX-License-Identifier: Apache-2.0
"""Tensors with NumPy's interface.

    import mars.tensor as mt

    x = mt.random.rand(1000, 1000)
    (x @ x.T).mean(axis=0).execute()

Functions take and give lazy tensors; see Tensor. Operators of the table that have no function here by hand have one
that is made from their entry.
"""
import numpy as _np
from numpy import e, euler_gamma, inf, nan, newaxis, pi  # noqa: F401
from numpy import (False_, True_, base_repr, binary_repr, broadcast_shapes, byte, cdouble, csingle, double,
                   format_float_positional, format_float_scientific, get_printoptions, half, int_, isscalar, issubdtype,
                   iterable, longlong, printoptions, set_printoptions, short, single, ubyte, uint, uintc,  # noqa: F401
                   uintp, ulonglong, ushort)
from numpy import (bool_, complex64, complex128, complexfloating, datetime64, datetime_data, dtype, errstate, float16,
                   float32, float64, floating, generic, geterr, inexact, int8, int16, int32, int64, integer, intc, intp,
                   number, seterr, signedinteger, timedelta64, uint8, uint16, uint32, uint64,  # noqa: F401
                   unsignedinteger)

from .. import _core
from ..errors import AxisError
from .core import ExecutableTuple, Tensor

_OWN = ["AxisError", "ExecutableTuple", "SparseTensor", "Tensor", "fft", "images", "lib", "linalg", "random", "spatial",
        "special", "stats"]
from . import (apply, creation, fft, images, indexing, io, joining, lib, linalg, logic, manipulation, math, matrices,
               memory, parts, polynomials, positions, products, random, reduction, repeating, scans, signals, sorting,
               sparse, spatial, special, standard, statistics, stats, stores, times, ufuncs)
from .sparse import SparseTensor
from .standard import VERSION as __array_api_version__  # noqa: F401
from .standard import __array_namespace_info__  # noqa: F401

_AREAS = (creation, matrices, manipulation, repeating, joining, ufuncs, math, products, signals, reduction, scans,
          indexing, positions, sorting, statistics, logic, polynomials, apply, io, stores, images,
          standard, times)

__all__ = list(_OWN)
for _area in _AREAS:
    for _name in _area.__all__:
        globals()[_name] = getattr(_area, _name)
    __all__ += _area.__all__

bool = bool_  # a name of NumPy 2 and of the array API standard

# Names that NumPy had until 2.0.
globals().update({_name: getattr(_np, _name) for _name in ("cfloat", "complex_", "float_", "singlecomplex")
                  if hasattr(_np, _name)})

# Operators of the table that are made use of under other names, or by other functions only.
_INSIDE = {"cast", "view", "mask", "full", "concatenate", "argwhere", "slice", "weave", "kth", "paired",
           "triangular_solve", "take_along", "put_along", "from_parts", "bounded", "pack_bits", "unpack_bits",
           "reinterpret", *fft.__all__, *linalg.__all__}
_OF_MODULES = ("random_", "sparse_", "special_", "time_")  # what the names of their operators begin with
_OF_UFUNCS = ("_reduce", "_accumulate")  # what those of ufunc.reduce() and accumulate() end with


def _function_of(operator):
    """A function with the signature and the documentation of an operator's entry."""
    if operator.family == "map" and not operator.params:
        return ufuncs.ufunc(operator.name)
    import inspect

    def function(*args, **kwargs):
        if operator.variadic:
            return _core.op(operator.name, *args, **kwargs)
        bound = signature.bind(*args, **kwargs).arguments
        return _core.op(operator.name, *(bound.pop(name) for name in inputs), **bound)

    inputs = [] if operator.variadic else [name.strip() for name in operator.inputs.split(",") if name.strip()]
    kind = inspect.Parameter
    parameters = [kind(name, kind.POSITIONAL_OR_KEYWORD) for name in inputs] or \
        ([kind(operator.inputs.lstrip("*"), kind.VAR_POSITIONAL)] if operator.variadic else [])
    for name, _, fallback, _ in operator.params:
        parameters.append(kind(name, kind.KEYWORD_ONLY, default=kind.empty if fallback is None else None))
    signature = function.__signature__ = inspect.Signature(parameters)
    function.__name__ = function.__qualname__ = operator.name
    words = [f"    {name}: {doc}" + ("" if fallback is None else f" Default {fallback}.")
             for name, _, fallback, doc in operator.params]
    function.__doc__ = operator.doc + ("\n\n" + "\n".join(words) if words else "")
    return function


def __getattr__(name):
    operator = _core.OPERATORS.get(name)
    if operator is None or operator.hidden or name in _INSIDE or name.startswith(_OF_MODULES) or \
            name.endswith(_OF_UFUNCS):
        raise AttributeError(f"module 'mars.tensor' has no attribute '{name}'")
    made = globals()[name] = _function_of(operator)
    return made


def __dir__():
    more = [o.name for o in _core.OPERATORS.values() if not o.hidden and o.name not in _INSIDE]
    return sorted(set(globals()) | set(m for m in more if not m.startswith(_OF_MODULES) and
                                       not m.endswith(_OF_UFUNCS)))
