# SPDX-License-Identifier: Apache-2.0
"""NumPy's mathematical functions that are not universal ones."""
import builtins
import functools

import numpy as np

from .. import _core, _mars
from .._core import op
from .core import Tensor, axis_of, method
from .creation import astensor, full, zeros
from .manipulation import broadcast_to, moveaxis
from .ufuncs import store

__all__ = """angle around clip fix i0 imag iscomplex iscomplexobj isneginf isposinf isreal isrealobj nan_to_num packbits
    real real_if_close result_type round round_ sinc unpackbits where can_cast common_type promote_types
    min_scalar_type tree_add tree_multiply""".split()


def _out(made, out, name):
    return made if out is None else store(made, out, "same_kind", name)


def _tree(name, terms, combine_size, out):
    """Neighbours are joined, then the results of that, and so on: no operand is deeper than the tree is high."""
    if not terms:
        raise ValueError(f"tree_{name} needs at least one tensor")
    if combine_size is not None and combine_size < 2:
        raise ValueError(f"combine_size is at least 2, not {combine_size}")
    terms = [astensor(t) for t in terms]
    while len(terms) > 1:
        terms = [functools.reduce(functools.partial(op, name), terms[k:k + (combine_size or 2)])
                 for k in range(0, len(terms), combine_size or 2)]
    return _out(terms[0], out, name)


def tree_add(*args, combine_size=None, out=None):
    """The sum of tensors, as a balanced tree of additions.

    Parameters
    ----------
    *args : tensor_like
        Their shapes broadcast.
    combine_size : int, optional
        How many are added at a time; None: 2.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tree_add(1, [2, 3], 4).execute()
    Tensor([7, 8])
    """
    return _tree("add", args, combine_size, out)


def tree_multiply(*args, combine_size=None, out=None):
    """The product of tensors, as a balanced tree of multiplications.

    Parameters
    ----------
    *args : tensor_like
        Their shapes broadcast.
    combine_size : int, optional
        How many are multiplied at a time; None: 2.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tree_multiply(2, [2, 3], 4).execute()
    Tensor([16, 24])
    """
    return _tree("multiply", args, combine_size, out)


def where(condition, x=None, y=None):
    """Elements of x where the condition is true, and of y where it is not.

    Parameters
    ----------
    condition, x, y : tensor_like
        Their shapes broadcast. Without x and y: nonzero(condition).

    Returns
    -------
    Tensor or ExecutableTuple

    Examples
    --------
    >>> a = mt.arange(5)
    >>> mt.where(a > 2, a, -1).execute()
    Tensor([-1, -1, -1,  3,  4])
    """
    if x is None and y is None:
        from .indexing import nonzero

        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    condition = astensor(condition)
    return op("where", condition if condition.dtype.kind == "b" else condition.astype(bool), x, y)


@method
def clip(a, min=None, max=None, out=None, *, a_min=None, a_max=None, where=True, casting="same_kind", dtype=None):
    """The elements, moved to the nearer end where they lie outside of an interval.

    Parameters
    ----------
    a : tensor_like
    min, max : tensor_like or None
        The ends, which broadcast; None: there is no such end.
    out : Tensor or numpy.ndarray, optional
        Gets the result.
    a_min, a_max : tensor_like, optional
        Older words for min and max.
    where : tensor_like of bool, optional
        Elements elsewhere stay what they are, or what `out` has.
    casting : str, optional
        Ignored.
    dtype : data-type, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.clip([1, 5, 9], 2, 6).execute()
    Tensor([2, 5, 6])
    >>> mt.tensor([1, 5, 9]).clip(max=6).execute()
    Tensor([1, 5, 6])
    """
    a_min, a_max = min if a_min is None else a_min, max if a_max is None else a_max
    a = astensor(a)
    if dtype is not None:
        a = a.astype(dtype)
    if a_min is None and a_max is None:
        made = a._same()
    elif a_min is None:
        made = op("minimum", a, a_max)
    elif a_max is None:
        made = op("maximum", a, a_min)
    else:
        made = op("clip", a, a_min, a_max)
    if where is not True:
        made = op("where", where, made, a if out is None else out)
    return _out(made, out, "clip")


def round(a, decimals=0, out=None):
    """Rounded to so many decimals, halves to even ones.

    Parameters
    ----------
    a : tensor_like
    decimals : int, optional
        Below zero: to tens, hundreds and so on.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.round([0.5, 1.5, 2.345]).execute()
    Tensor([0., 2., 2.])
    >>> mt.round([123, 456], -2).execute()
    Tensor([100, 500])
    """
    a = astensor(a)
    if decimals == 0:
        made = a._same() if a.dtype.kind in "iu" else op("rint", a)
    elif a.dtype.kind == "b":
        raise TypeError("booleans have no decimals: astype(int) before, or decimals=0")
    elif a.dtype.kind in "iu":
        if decimals > 0:
            made = a._same()
        else:
            power = 10 ** -decimals
            made = (op("rint", a.astype(float) / float(power)) * float(power)).astype(a.dtype)
    else:
        power = 10.0 ** abs(decimals)
        made = op("rint", a * power) / power if decimals > 0 else op("rint", a / power) * power
    return _out(made, out, "rint")


around = round_ = round
method(round)
Tensor.__round__ = lambda self, ndigits=None: round(self, ndigits or 0) if ndigits is not None or self.ndim else \
    builtins.round(self._view()[()])


def fix(x, out=None):
    """Rounded towards zero.

    Parameters
    ----------
    x : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.fix([1.7, -1.7]).execute()
    Tensor([ 1., -1.])
    >>> mt.fix(7).execute()
    Tensor(7)
    """
    return _out(op("trunc", astensor(x)), out, "fix")


def real(val):
    """The real part.

    Parameters
    ----------
    val : tensor_like

    Returns
    -------
    Tensor
        The argument itself if it is real.

    Examples
    --------
    >>> mt.real([1 + 2j, 3]).execute()
    Tensor([1., 3.])
    """
    return astensor(val).real


def imag(val):
    """The imaginary part; zeros of real numbers.

    Parameters
    ----------
    val : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.imag([1 + 2j, 3]).execute()
    Tensor([2., 0.])
    """
    return astensor(val).imag


@method
def conjugate(self):
    """The complex conjugate: the imaginary part with the other sign.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.tensor([1 + 2j]).conj().execute()
    Tensor([1.-2.j])
    """
    return op("conjugate", self)


method(conjugate, "conj")


def angle(z, deg=False):
    """The angle of complex numbers from the positive real axis.

    Parameters
    ----------
    z : tensor_like
    deg : bool, optional
        In degrees instead of radians.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.angle([1, 1j, -1], deg=True).execute()
    Tensor([  0.,  90., 180.])
    """
    z = astensor(z)
    if z.dtype.kind == "c":
        made = op("arctan2", op("imag", z), op("real", z))
    else:
        z = z.astype(int) if z.dtype.kind == "b" else z
        made = op("arctan2", zeros((), z.dtype), z)
    return op("multiply", made, 180 / np.pi) if deg else made


def iscomplexobj(x):
    """Whether the dtype is complex, which is known without computing anything.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    bool

    Examples
    --------
    >>> mt.iscomplexobj(mt.ones(3, dtype=complex))
    True
    """
    return (x.dtype if isinstance(x, Tensor) else np.asarray(x).dtype).kind == "c"


def isrealobj(x):
    """Whether the dtype is not complex, which is known without computing anything.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    bool

    Examples
    --------
    >>> mt.isrealobj(mt.ones(3, dtype=complex))
    False
    """
    return not iscomplexobj(x)


def iscomplex(x):
    """Where the imaginary part is not zero.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.iscomplex([1 + 1j, 2]).execute()
    Tensor([ True, False])
    """
    x = astensor(x)
    return op("not_equal", op("imag", x), 0) if x.dtype.kind == "c" else zeros(x.shape, bool)


def isreal(x):
    """Where the imaginary part is zero.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.isreal([1 + 1j, 2]).execute()
    Tensor([False,  True])
    """
    x = astensor(x)
    return op("equal", op("imag", x), 0)


def real_if_close(a, tol=100):
    """The real part if all imaginary parts are close to zero.

    The dtype of the result depends on values, so `a` is computed when the function is called.

    Parameters
    ----------
    a : tensor_like
    tol : float, optional
        How close: in units of the precision of the dtype; up to 1, the distance itself.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.real_if_close([2.0 + 1e-15j, 3.0]).execute()
    Tensor([2., 3.])
    """
    a = astensor(a)
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol *= np.finfo(a.dtype).eps
    return op("real", a) if bool(op("less", op("absolute", op("imag", a)), tol).all()) else a


def isposinf(x, out=None):
    """Where an element is positive infinity.

    Parameters
    ----------
    x : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.isposinf([mt.inf, -mt.inf, 1.0]).execute()
    Tensor([ True, False, False])
    """
    return _out(op("logical_and", op("isinf", x), op("logical_not", op("signbit", x))), out, "isposinf")


def isneginf(x, out=None):
    """Where an element is negative infinity.

    Parameters
    ----------
    x : tensor_like
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor of bool

    Examples
    --------
    >>> mt.isneginf([mt.inf, -mt.inf, 1.0]).execute()
    Tensor([False,  True, False])
    """
    return _out(op("logical_and", op("isinf", x), op("signbit", x)), out, "isneginf")


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """With numbers instead of NaN and infinities.

    Parameters
    ----------
    x : tensor_like
    copy : bool, optional
        False: `x`, a tensor, stands for the result from now on.
    nan : scalar, optional
        What NaN becomes.
    posinf, neginf : scalar, optional
        What infinities become; None: the largest and the smallest number of the dtype.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.nan_to_num([1.0, mt.nan, mt.inf], posinf=9.0).execute()
    Tensor([1., 0., 9.])
    """
    x = astensor(x)
    if x.dtype.kind == "c":
        parts = [nan_to_num(part, copy, nan, posinf, neginf) for part in (x.real, x.imag)]
        return op("from_parts", *parts)
    if x.dtype.kind != "f":
        return x._same()
    limits = np.finfo(x.dtype)
    infinite, negative = op("isinf", x), op("signbit", x)
    made = op("where", op("isnan", x), float(nan), x)
    made = op("where", op("logical_and", infinite, op("logical_not", negative)),
              float(limits.max if posinf is None else posinf), made)
    return op("where", op("logical_and", infinite, negative), float(limits.min if neginf is None else neginf), made)


def sinc(x):
    """sin(pi x) / (pi x), and 1 at zero.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.sinc([0, 0.5, 1.5]).execute()
    Tensor([ 1.        ,  0.63661977, -0.21220659])
    """
    x = astensor(x)
    x = x if x.dtype.kind in "fc" else x.astype(float)
    y = op("multiply", np.pi, op("where", op("equal", x, 0), 1.0e-20, x))
    return op("divide", op("sin", y), y)


_I0_SMALL = [
    -4.41534164647933937950E-18, 3.33079451882223809783E-17, -2.43127984654795469359E-16, 1.71539128555513303061E-15,
    -1.16853328779934516808E-14, 7.67618549860493561688E-14, -4.85644678311192946090E-13, 2.95505266312963983461E-12,
    -1.72682629144155570723E-11, 9.67580903537323691224E-11, -5.18979560163526290666E-10, 2.65982372468238665035E-9,
    -1.30002500998624804212E-8, 6.04699502254191894932E-8, -2.67079385394061173391E-7, 1.11738753912010371815E-6,
    -4.41673835845875056359E-6, 1.64484480707288970893E-5, -5.75419501008210370398E-5, 1.88502885095841655729E-4,
    -5.76375574538582365885E-4, 1.63947561694133579842E-3, -4.32430999505057594430E-3, 1.05464603945949983183E-2,
    -2.37374148058994688156E-2, 4.93052842396707084878E-2, -9.49010970480476444210E-2, 1.71620901522208775349E-1,
    -3.04682672343198398683E-1, 6.76795274409476084995E-1]
_I0_LARGE = [
    -7.23318048787475395456E-18, -4.83050448594418207126E-18, 4.46562142029675999901E-17, 3.46122286769746109310E-17,
    -2.82762398051658348494E-16, -3.42548561967721913462E-16, 1.77256013305652638360E-15, 3.81168066935262242075E-15,
    -9.55484669882830764870E-15, -4.15056934728722208663E-14, 1.54008621752140982691E-14, 3.85277838274214270114E-13,
    7.18012445138366623367E-13, -1.79417853150680611778E-12, -1.32158118404477131188E-11, -3.14991652796324136454E-11,
    1.18891471078464383424E-11, 4.94060238822496958910E-10, 3.39623202570838634515E-9, 2.26666899049817806459E-8,
    2.04891858946906374183E-7, 2.89137052083475648297E-6, 6.88975834691682398426E-5, 3.36911647825569408990E-3,
    8.04490411014108831608E-1]


def _chebyshev(x, coefficients):
    b0, b1, b2 = coefficients[0], 0.0, 0.0
    for c in coefficients[1:]:
        b2, b1 = b1, b0
        b0 = x * b1 - b2 + c
    return 0.5 * (b0 - b2)


def i0(x):
    """The modified Bessel function of the first kind, order 0, by Cephes' Chebyshev series.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.i0([0.0, 1.0]).execute()
    Tensor([1.        , 1.26606588])
    """
    x = astensor(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    x = op("absolute", x if x.dtype.kind == "f" else x.astype(float))
    small = op("exp", x) * _chebyshev(x / 2.0 - 2.0, _I0_SMALL)
    large = op("exp", x) * _chebyshev(32.0 / op("maximum", x, 8.0) - 2.0, _I0_LARGE) / op("sqrt", x)
    return op("where", op("less_equal", x, 8.0), small, large)


# ---- Bits ------------------------------------------------------------------------------------------------------------

def _bits_along(a, axis, name):
    a = astensor(a)
    if axis is None:
        return a.ravel(), 0
    return a, axis_of(axis, a.ndim)


def _is_little(bitorder):
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return bitorder == "little"


def packbits(a, /, axis=None, bitorder="big"):
    """Eight neighbours that are zero or not as the bits of a uint8; the last ones are filled up with zeros.

    Parameters
    ----------
    a : tensor_like
    axis : int or None, optional
        None: of the flattened form.
    bitorder : {'big', 'little'}, optional
        Whether the first neighbour is the highest bit.

    Returns
    -------
    Tensor of uint8

    Examples
    --------
    >>> mt.packbits([1, 0, 1, 0, 0, 0, 0, 1, 1]).execute()
    Tensor([161, 128], dtype=uint8)
    """
    from .repeating import pad

    a, axis = _bits_along(a, axis, "packbits")
    if a.dtype.kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    little = _is_little(bitorder)
    rows = moveaxis(a if a.dtype.kind == "b" else op("not_equal", a, 0), axis, -1)
    n = rows.shape[-1]
    rows = pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, -n % 8)]) if n % 8 else rows
    rows = rows.reshape(rows.shape[:-1] + (-(-n // 8), 8))
    return moveaxis(op("pack_bits", rows, little=little), -1, axis)


def unpackbits(a, /, axis=None, count=None, bitorder="big"):
    """The bits of uint8 as eight neighbours each.

    Parameters
    ----------
    a : tensor_like of uint8
    axis : int or None, optional
        None: of the flattened form.
    count : int, optional
        Only the first `count` of them, or all but the last -count.
    bitorder : {'big', 'little'}, optional
        Whether the first neighbour is the highest bit.

    Returns
    -------
    Tensor of uint8

    Examples
    --------
    >>> mt.unpackbits(mt.tensor([5], dtype="uint8")).execute()
    Tensor([0, 0, 0, 0, 0, 1, 0, 1], dtype=uint8)
    """
    from .repeating import pad

    a, axis = _bits_along(a, axis, "unpackbits")
    if a.dtype != np.dtype(np.uint8):
        raise TypeError("Expected an input array of unsigned byte data type")
    rows = moveaxis(a, axis, -1)
    bits = op("unpack_bits", rows, little=_is_little(bitorder))
    n = 8 * rows.shape[-1]
    bits = bits.reshape(rows.shape[:-1] + (n,))
    if count is not None:
        if count < -n:
            raise ValueError(f"-count larger than number of elements along axis {axis}")
        bits = pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, count - n)]) if count > n else bits[..., :count]
    return moveaxis(bits, -1, axis)


# ---- dtypes ----------------------------------------------------------------------------------------------------------

def result_type(*arrays_and_dtypes):
    """The dtype that holds all of them, by NEP 50, whatever NumPy is installed.

    Parameters
    ----------
    *arrays_and_dtypes : tensor_like or data-type
        Python's numbers have a kind, and no width of their own.

    Returns
    -------
    numpy.dtype

    Examples
    --------
    >>> mt.result_type(mt.ones(3, dtype="float32"), 2.5)
    dtype('float32')
    >>> mt.result_type("int8", "uint8")
    dtype('int16')
    """
    strong, weak = [], []
    for a in arrays_and_dtypes:
        if type(a) in (bool, int, float, complex):
            weak.append(type(a))
        else:
            strong.append(a.dtype if hasattr(a, "dtype") and not isinstance(a, (type, np.dtype)) else
                          _core.as_dtype(a) if isinstance(a, (type, np.dtype, str)) else astensor(a).dtype)
    if not strong and not weak:
        raise ValueError("at least one array or dtype is required")
    if not strong:
        return _core.as_dtype(builtins.max(weak, key=[bool, int, float, complex].index))
    made = strong[0]
    for d in strong[1:]:
        made = _mars.promote(made, d)
    made = _core.as_dtype(made)
    for kind in weak:
        made = op("add", full((), 0, made), kind(0)).dtype if made.kind != "b" or kind is not bool else made
    return made


def common_type(*arrays):
    """The inexact dtype that holds all of them, as a scalar type.

    Parameters
    ----------
    *arrays : tensor_like

    Returns
    -------
    type

    Examples
    --------
    >>> mt.common_type(mt.ones(2), mt.ones(2, dtype="float32"))
    <class 'numpy.float64'>
    """
    return np.common_type(*(np.empty(0, astensor(a).dtype) for a in arrays))


def promote_types(type1, type2):
    """The dtype that holds both.

    Parameters
    ----------
    type1, type2 : data-type

    Returns
    -------
    numpy.dtype

    Examples
    --------
    >>> mt.promote_types("int64", "float32")
    dtype('float64')
    """
    return _mars.promote(type1, type2)


def can_cast(from_, to, casting="safe"):
    """Whether the rule allows the cast.

    Parameters
    ----------
    from_ : data-type or Tensor
    to : data-type
    casting : {'no', 'equiv', 'safe', 'same_kind', 'unsafe'}, optional

    Returns
    -------
    bool

    Examples
    --------
    >>> mt.can_cast("float64", "float32"), mt.can_cast("float64", "float32", "same_kind")
    (False, True)
    """
    from_ = from_.dtype if hasattr(from_, "dtype") and not isinstance(from_, type) else from_
    if type(from_) in (bool, int, float, complex):
        raise TypeError("can_cast() does not support Python ints, floats, and complex because the result used to "
                        "depend on the value.")
    return _mars.can_cast(from_, to, casting)


def min_scalar_type(a):
    """The smallest dtype that holds a scalar, which is computed now; of what has axes it is the dtype.

    Parameters
    ----------
    a : scalar or tensor_like

    Returns
    -------
    numpy.dtype

    Examples
    --------
    >>> mt.min_scalar_type(mt.tensor(300)), mt.min_scalar_type([300])
    (dtype('uint16'), dtype('int64'))
    """
    return a.dtype if isinstance(a, Tensor) and a.ndim else np.min_scalar_type(np.asarray(a))
