# SPDX-License-Identifier: Apache-2.0
"""The array API standard: what a namespace says of itself, and its names that NumPy 1 has not.

mars.tensor is the namespace: t.__array_namespace__() is that module. Its functions have NumPy 2's meaning and more
parameters than the standard asks for.
"""
import sys

import numpy as np

from .. import _core, _mars
from .core import Tensor
from .creation import DEVICE, astensor, refuse

__all__ = ["astype", "finfo", "iinfo", "isdtype"]

VERSION = "2024.12"
VERSIONS = ("2021.12", "2022.12", "2023.12", VERSION)  # what a caller may ask for: each has all of those before it

_KINDS = {"bool": "b", "signed integer": "i", "unsigned integer": "u", "integral": "iu", "real floating": "f",
          "complex floating": "c", "numeric": "iufc"}


# ---- dtypes ----------------------------------------------------------------------------------------------------------

def astype(x, dtype, /, *, copy=True, device=None):
    """The elements in another dtype.

    Parameters
    ----------
    x : Tensor
        What is converted; anything that tensor() takes.
    dtype : data-type
        The dtype of the result.
    copy : bool, optional
        With False, x itself is given when it has the dtype already. Tensors have value semantics, so it makes no
        difference to what later assignments do.
    device : str, optional
        'cpu' or None.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.astype(mt.tensor([1.5, 2.5]), mt.int32).execute()
    Tensor([1, 2], dtype=int32)
    """
    refuse(device=device)
    x = astensor(x)
    return x if not copy and x.dtype == np.dtype(dtype) else x.astype(dtype)


def isdtype(dtype, kind):
    """Whether a dtype is of a kind.

    Parameters
    ----------
    dtype : data-type
        What is asked about.
    kind : str, data-type or tuple of them
        'bool', 'signed integer', 'unsigned integer', 'integral', 'real floating', 'complex floating' or 'numeric'; a
        dtype, which is a kind of its own; or several, of which one is enough.

    Returns
    -------
    bool

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.isdtype(mt.float32, "real floating"), mt.isdtype(mt.int8, ("bool", mt.int16))
    (True, False)
    """
    dtype = np.dtype(dtype)
    for one in kind if isinstance(kind, tuple) else (kind,):
        if isinstance(one, str):
            if one not in _KINDS:
                raise ValueError(f"there is no kind '{one}' of dtypes, but {', '.join(map(repr, _KINDS))}")
            if dtype.kind in _KINDS[one]:
                return True
        elif dtype == np.dtype(one):
            return True
    return False


class _Info:
    """Numbers of NumPy's about a dtype. What is a number of that dtype there is one of Python's here: it takes part in
    expressions without deciding about their dtype, and is the same number."""

    def __init__(self, type, /):
        holds = isinstance(type, (Tensor, np.ndarray, np.generic))
        self._info = self._numpys(type.dtype if holds else np.dtype(type))
        self.dtype = np.dtype(self._info.dtype)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._info, name)
        return value.item() if isinstance(value, (np.generic, np.ndarray)) else value

    def __repr__(self):
        return repr(self._info)

    def __str__(self):
        return str(self._info)


class finfo(_Info):
    """Limits of a floating-point dtype, or of the parts of a complex one.

    Parameters
    ----------
    type : data-type or Tensor
        The dtype, or what has it.

    Attributes
    ----------
    bits : int
        Bits of a number.
    eps : float
        The distance from 1 to the next larger number.
    max, min : float
        The largest and the smallest finite number.
    smallest_normal : float
        The smallest positive number of full precision.
    dtype : numpy.dtype
        The dtype, a real one.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.finfo(mt.float64).eps == 2.0 ** -52
    True
    """

    _numpys = np.finfo


class iinfo(_Info):
    """Limits of an integer dtype.

    Parameters
    ----------
    type : data-type or Tensor
        The dtype, or what has it.

    Attributes
    ----------
    bits : int
        Bits of a number.
    max, min : int
        The largest and the smallest number.
    dtype : numpy.dtype
        The dtype.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.iinfo(mt.int8).max
    127
    """

    _numpys = np.iinfo


# ---- The namespace ---------------------------------------------------------------------------------------------------

class NamespaceInfo:
    """What __array_namespace_info__() gives: capabilities, devices and dtypes of the namespace.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.__array_namespace_info__().devices()
    ['cpu']
    """

    __slots__ = ()

    def capabilities(self):
        """Which optional things there are, by the names of the standard."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": _mars.MAX_NDIM}

    def default_device(self):
        """Where tensors are made."""
        return DEVICE

    def devices(self):
        """Where tensors can be."""
        return [DEVICE]

    def default_dtypes(self, *, device=None):
        """The dtypes of Python's numbers and of indices."""
        refuse(device=device)
        return {"real floating": np.dtype("float64"), "complex floating": np.dtype("complex128"),
                "integral": np.dtype("int64"), "indexing": np.dtype("int64")}

    def dtypes(self, *, device=None, kind=None):
        """The dtypes of the standard by name, all of them or those of a kind (or of several) as isdtype() knows it."""
        refuse(device=device)
        return {d.name: d for d in _core.DTYPES if d.kind in "biufc" and d.name != "float16" and
                (kind is None or isdtype(d, kind))}


def __array_namespace_info__():
    """What the namespace can do: capabilities(), default_device(), devices(), default_dtypes() and dtypes()."""
    return NamespaceInfo()


def namespace(version):
    """The module that has the functions of a version of the standard."""
    if version is not None and version not in VERSIONS:
        raise ValueError(f"mars.tensor has the array API standard of {', '.join(VERSIONS)}, not of {version!r}")
    return sys.modules[__package__]
