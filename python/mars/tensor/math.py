# SPDX-License-Identifier: Apache-2.0
"""NumPy's mathematical functions that are not universal ones."""
import builtins
import functools

import numpy as np

from .. import _core, _mars
from .._core import op
from .core import Tensor, axis_of, method
from .creation import arange, astensor, full, ones, zeros
from .manipulation import broadcast_to, concatenate, moveaxis
from .ufuncs import store

__all__ = """angle around bartlett blackman clip cross convolve correlate diff ediff1d fix gradient hamming
    hanning i0 imag interp iscomplex iscomplexobj isneginf isposinf isreal isrealobj kaiser nan_to_num
    packbits real real_if_close result_type round round_ sinc trapz trapezoid unpackbits unwrap where
    can_cast common_type promote_types min_scalar_type tree_add tree_multiply""".split()


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
    """The sum of tensors; combine_size (2) of them are added at a time."""
    return _tree("add", args, combine_size, out)


def tree_multiply(*args, combine_size=None, out=None):
    """The product of tensors; combine_size (2) of them are multiplied at a time."""
    return _tree("multiply", args, combine_size, out)


def where(condition, x=None, y=None):
    """Elements of x where the condition is true, and of y where it is not; without x and y, nonzero()."""
    if x is None and y is None:
        from .indexing import nonzero

        return nonzero(condition)
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    condition = astensor(condition)
    return op("where", condition if condition.dtype.kind == "b" else condition.astype(bool), x, y)


@method
def clip(a, min=None, max=None, out=None, *, a_min=None, a_max=None, where=True, casting="same_kind", dtype=None):
    """The elements, moved to the nearer end where they lie outside of an interval."""
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
    """Rounded to so many decimals, halves to even ones."""
    a = astensor(a)
    if decimals == 0:
        made = a._same() if a.dtype.kind in "iu" else op("rint", a)
    elif a.dtype.kind in "biu":
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
    """Rounded towards zero."""
    x = astensor(x)
    return _out(op("trunc", x if x.dtype.kind == "f" else x.astype(float)), out, "fix")


def real(val):
    """The real part."""
    return op("real", astensor(val))


def imag(val):
    """The imaginary part."""
    return op("imag", astensor(val))


method(lambda self: op("conjugate", self), "conj")
method(lambda self: op("conjugate", self), "conjugate")


def from_parts(re, im, like):
    """The complex tensor of its parts."""
    t = op("add", astensor(re).astype(like.dtype), op("multiply", astensor(im).astype(like.dtype), 1j))
    return broadcast_to(t, like.shape)


def angle(z, deg=False):
    """The angle of complex numbers, in radians or degrees."""
    z = astensor(z)
    if z.dtype.kind == "c":
        made = op("arctan2", op("imag", z), op("real", z))
    else:
        z = z.astype(int) if z.dtype.kind == "b" else z
        made = op("arctan2", zeros((), z.dtype), z)
    return op("multiply", made, 180 / np.pi) if deg else made


def iscomplexobj(x):
    """Whether the dtype is complex."""
    return (x.dtype if isinstance(x, Tensor) else np.asarray(x).dtype).kind == "c"


def isrealobj(x):
    """Whether the dtype is not complex."""
    return not iscomplexobj(x)


def iscomplex(x):
    """Where the imaginary part is not zero."""
    x = astensor(x)
    return op("not_equal", op("imag", x), 0) if x.dtype.kind == "c" else zeros(x.shape, bool)


def isreal(x):
    """Where the imaginary part is zero."""
    x = astensor(x)
    return op("equal", op("imag", x), 0)


def real_if_close(a, tol=100):
    """The real part if all imaginary parts are close to zero."""
    a = astensor(a)
    if a.dtype.kind != "c":
        return a
    if tol > 1:
        tol *= np.finfo(a.dtype).eps
    return op("real", a) if bool(op("less", op("absolute", op("imag", a)), tol).all()) else a


def isposinf(x, out=None):
    """Where an element is positive infinity."""
    return _out(op("logical_and", op("isinf", x), op("logical_not", op("signbit", x))), out, "isposinf")


def isneginf(x, out=None):
    """Where an element is negative infinity."""
    return _out(op("logical_and", op("isinf", x), op("signbit", x)), out, "isneginf")


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """With numbers instead of NaN and infinities."""
    x = astensor(x)
    if x.dtype.kind == "c":
        parts = [nan_to_num(part, copy, nan, posinf, neginf) for part in (x.real, x.imag)]
        return from_parts(*parts, x)
    if x.dtype.kind != "f":
        return x._same()
    limits = np.finfo(x.dtype)
    infinite, negative = op("isinf", x), op("signbit", x)
    made = op("where", op("isnan", x), float(nan), x)
    made = op("where", op("logical_and", infinite, op("logical_not", negative)),
              float(limits.max if posinf is None else posinf), made)
    return op("where", op("logical_and", infinite, negative), float(limits.min if neginf is None else neginf), made)


def sinc(x):
    """sin(pi x) / (pi x)."""
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
    """The modified Bessel function of the first kind, order 0 (Cephes' Chebyshev series)."""
    x = astensor(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    x = op("absolute", x if x.dtype.kind == "f" else x.astype(float))
    small = op("exp", x) * _chebyshev(x / 2.0 - 2.0, _I0_SMALL)
    large = op("exp", x) * _chebyshev(32.0 / op("maximum", x, 8.0) - 2.0, _I0_LARGE) / op("sqrt", x)
    return op("where", op("less_equal", x, 8.0), small, large)


# ---- Differences -----------------------------------------------------------------------------------------------------

def _cut(t, axis, *bounds):
    return t[(slice(None),) * axis + (slice(*bounds),)]


def diff(a, n=1, axis=-1, prepend=None, append=None):
    """Differences of neighbours along an axis, n times."""
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    a = astensor(a)
    if a.ndim == 0:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = axis_of(axis, a.ndim)
    if n == 0:
        return a

    def end(value):
        value = astensor(value)
        return broadcast_to(value, a.shape[:axis] + (1,) + a.shape[axis + 1:]) if value.ndim == 0 else value

    parts = ([] if prepend is None or prepend is np._NoValue else [end(prepend)]) + [a] + \
        ([] if append is None or append is np._NoValue else [end(append)])
    a = concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        a = op("not_equal" if a.dtype.kind == "b" else "subtract", _cut(a, axis, 1, None), _cut(a, axis, None, -1))
    return a


def ediff1d(ary, to_end=None, to_begin=None):
    """Differences of neighbours in the flattened form, with more before and after."""
    ary = astensor(ary).ravel()
    parts = [op("subtract", ary[1:], ary[:-1])]
    for extra, at in ((to_begin, 0), (to_end, len(parts) + 1)):
        if extra is not None:
            extra = astensor(extra).ravel()
            if not _mars.can_cast(extra.dtype, ary.dtype, "same_kind"):
                raise TypeError(f"dtype of `{'to_end' if at else 'to_begin'}` must be compatible with input `ary` "
                                "under the `same_kind` rule.")
            parts.insert(at, extra.astype(ary.dtype))
    return concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f, *varargs, axis=None, edge_order=1):
    """Central differences, one-sided ones at the ends."""
    f = astensor(f)
    if f.dtype.kind == "b" and f.size and f.ndim:
        op("subtract", f, f)  # refuses with NumPy's words
    f = f if f.dtype.kind in "fc" else f.astype(float)
    axes = range(f.ndim) if axis is None else [axis_of(a, f.ndim) for a in np.atleast_1d(axis).tolist()]
    steps = list(varargs) or [1.0]
    if len(steps) == 1 and np.ndim(steps[0]) == 0:
        steps = steps * len(axes)
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    made = [_gradient(f, k, h, edge_order) for k, h in zip(axes, steps)]
    return made[0] if len(made) == 1 else made


def _gradient(f, k, h, order):
    n = f.shape[k]
    if n < order + 1:
        raise ValueError("Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) "
                         "elements are required.")

    def at(*bounds):
        return _cut(f, k, *bounds)

    if np.ndim(h) == 0:
        h = h if isinstance(h, Tensor) else float(h)
        inner = (at(2, None) - at(None, -2)) / (2.0 * h)
        if order == 1:
            first, last = (at(1, 2) - at(0, 1)) / h, (at(n - 1, n) - at(n - 2, n - 1)) / h
        else:
            first = (-1.5 / h) * at(0, 1) + (2.0 / h) * at(1, 2) + (-0.5 / h) * at(2, 3)
            last = (0.5 / h) * at(n - 3, n - 2) + (-2.0 / h) * at(n - 2, n - 1) + (1.5 / h) * at(n - 1, n)
        return concatenate([first, inner, last], k)
    x = astensor(h)
    if x.ndim != 1:
        raise ValueError("distances must be either scalars or 1d")
    if x.shape[0] != n:
        raise ValueError("when 1d, distances must match the length of the corresponding dimension")
    d = diff(x.astype(float))[(slice(None),) + (None,) * (f.ndim - 1 - k)]
    own = f.ndim - 1 - k

    def distance(*bounds):
        return d[(slice(*bounds),) + (slice(None),) * own]

    d1, d2 = distance(None, -1), distance(1, None)
    inner = -d2 / (d1 * (d1 + d2)) * at(None, -2) + (d2 - d1) / (d1 * d2) * at(1, -1) + \
        d1 / (d2 * (d1 + d2)) * at(2, None)
    if order == 1:
        first = (at(1, 2) - at(0, 1)) / distance(0, 1)
        last = (at(n - 1, n) - at(n - 2, n - 1)) / distance(n - 2, n - 1)
    else:
        d1, d2 = distance(0, 1), distance(1, 2)
        first = -(2.0 * d1 + d2) / (d1 * (d1 + d2)) * at(0, 1) + (d1 + d2) / (d1 * d2) * at(1, 2) - \
            d1 / (d2 * (d1 + d2)) * at(2, 3)
        d1, d2 = distance(n - 3, n - 2), distance(n - 2, n - 1)
        last = d2 / (d1 * (d1 + d2)) * at(n - 3, n - 2) - (d2 + d1) / (d1 * d2) * at(n - 2, n - 1) + \
            (2.0 * d2 + d1) / (d2 * (d1 + d2)) * at(n - 1, n)
    return concatenate([first, inner, last], k)


def trapz(y, x=None, dx=1.0, axis=-1):
    """The integral along an axis by the trapezoidal rule."""
    y = astensor(y)
    axis = axis_of(axis, y.ndim)
    if x is None:
        d = dx
    else:
        x = astensor(x)
        d = diff(x)[(slice(None),) + (None,) * (y.ndim - 1 - axis)] if x.ndim == 1 else diff(x, axis=axis)
    return (d * (_cut(y, axis, 1, None) + _cut(y, axis, None, -1)) / 2.0).sum(axis)


trapezoid = trapz


def unwrap(p, discont=None, axis=-1, *, period=6.283185307179586):
    """Angles without jumps of more than half a period."""
    p = astensor(p)
    axis = axis_of(axis, p.ndim)
    p = p if p.dtype.kind == "f" else p.astype(float)
    d = diff(p, axis=axis)
    half = period / 2
    around = op("remainder", d + half, period) - half
    around = op("where", op("logical_and", op("equal", around, -half), op("greater", d, 0)), half, around)
    least = half if discont is None else builtins.max(discont, half)
    correction = op("where", op("less", op("absolute", d), least), 0.0, around - d)
    return concatenate([_cut(p, axis, 0, 1), _cut(p, axis, 1, None) + correction.cumsum(axis)], axis)


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The cross product of vectors of two or three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = astensor(a), astensor(b)
    a = moveaxis(a, axis_of(axisa, a.ndim, "axisa"), -1)
    b = moveaxis(b, axis_of(axisb, b.ndim, "axisb"), -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    last = a0 * b1 - a1 * b0
    if a.shape[-1] == b.shape[-1] == 2:
        return last
    zero = zeros((), a.dtype)
    a2, b2 = (t[..., 2] if t.shape[-1] == 3 else zero for t in (a, b))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, last]
    return moveaxis(concatenate([broadcast_to(p, last.shape)[..., None] for p in parts], -1), -1, axisc)


# ---- Signals and polynomials -----------------------------------------------------------------------------------------

def convolve(a, v, mode="full"):
    """The discrete convolution of two vectors, by sums of shifted products of the shorter one."""
    from .manipulation import flip, pad

    a, v = astensor(a), astensor(v)
    if max(a.ndim, v.ndim) > 1:
        raise ValueError("object too deep for desired array")
    a, v = a.ravel(), v.ravel()
    a, v = (v, a) if v.shape[0] > a.shape[0] else (a, v)
    n, m = a.shape[0], v.shape[0]
    if m == 0:
        raise ValueError("v cannot be empty")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got '{mode}')")
    if m > 1024:
        raise NotImplementedError("convolve: the shorter operand has more than 1024 elements")
    padded, weights = pad(a, (m - 1, m - 1)), flip(v)
    made = None
    for k in range(m):
        part = padded[k:k + n + m - 1] * weights[k]
        made = part if made is None else made + part
    lead = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    length = {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    return made[lead:lead + length]


def correlate(a, v, mode="valid"):
    """The cross-correlation of two vectors."""
    from .manipulation import flip

    a, v = astensor(a), astensor(v)
    swapped = v.shape[0] > a.shape[0]
    made = convolve(a, op("conjugate", flip(v)) if v.dtype.kind == "c" else flip(v), mode)
    return made if not swapped or mode != "valid" else made


def interp(x, xp, fp, left=None, right=None, period=None):
    """Linear interpolation between points with ascending xp."""
    from .indexing import take
    from .sorting import searchsorted

    if period is not None:
        raise NotImplementedError("interp: period=")
    x, xp, fp = astensor(x), astensor(xp), astensor(fp)
    if "c" in (x.dtype.kind, xp.dtype.kind):
        raise TypeError("Cannot cast array data from complex to dtype('float64') according to the rule 'safe'")
    if xp.ndim != 1 or fp.ndim != 1 or xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length.")
    n = xp.shape[0]
    if n == 0:
        raise ValueError("array of sample points is empty")
    xp, fp = xp.astype(float), fp.astype(fp.dtype if fp.dtype.kind == "c" else float)
    low = op("clip", searchsorted(xp, x, "right") - 1, 0, builtins.max(n - 2, 0))
    high = op("minimum", low + 1, n - 1)
    x0, x1, y0, y1 = take(xp, low), take(xp, high), take(fp, low), take(fp, high)
    width = op("where", op("equal", x1, x0), 1.0, x1 - x0)
    made = (y1 - y0) / width * (x - x0) + y0
    made = op("where", op("less", x, xp[0]), fp[0] if left is None else left, made)
    made = op("where", op("greater_equal", x, xp[n - 1]), fp[n - 1], made)
    return made if right is None else op("where", op("greater", x, xp[n - 1]), right, made)


def _window(M, function):
    if M < 1:
        return zeros((0,))
    return ones((1,)) if M == 1 else function(arange(1 - M, M, 2, dtype=float), M - 1)


def hanning(M):
    """The Hann window."""
    return _window(M, lambda n, m: 0.5 + 0.5 * op("cos", n * (np.pi / m)))


def hamming(M):
    """The Hamming window."""
    return _window(M, lambda n, m: 0.54 + 0.46 * op("cos", n * (np.pi / m)))


def blackman(M):
    """The Blackman window."""
    return _window(M, lambda n, m: 0.42 + 0.5 * op("cos", n * (np.pi / m)) + 0.08 * op("cos", n * (2 * np.pi / m)))


def bartlett(M):
    """The Bartlett window."""
    return _window(M, lambda n, m: op("where", op("less_equal", n, 0), 1 + n / m, 1 - n / m))


def kaiser(M, beta):
    """The Kaiser window.

    >>> import mars.tensor as mt
    >>> mt.kaiser(3, 0.0).execute()
    Tensor([1., 1., 1.])
    """
    top = i0(float(beta))
    return _window(M, lambda n, m: i0(float(beta) * op("sqrt", 1.0 - op("square", n / m))) / top)


# ---- Bits ------------------------------------------------------------------------------------------------------------

def _bits_along(a, axis, name):
    a = astensor(a)
    if axis is None:
        return a.ravel(), 0
    return a, axis_of(axis, a.ndim)


def _places(bitorder):
    if bitorder not in ("big", "little"):
        raise ValueError("'order' must be either 'little' or 'big'")
    return np.arange(8, dtype=np.uint8)[::-1 if bitorder == "big" else 1]


def packbits(a, /, axis=None, bitorder="big"):
    """Eight neighbours that are zero or not as the bits of a uint8; the last ones are filled up with zeros.

    >>> import mars.tensor as mt
    >>> mt.packbits([1, 0, 1]).execute()
    Tensor([160], dtype=uint8)
    """
    from .manipulation import pad

    a, axis = _bits_along(a, axis, "packbits")
    if a.dtype.kind not in "biu":
        raise TypeError("Expected an input array of integer or boolean data type")
    places = _places(bitorder)
    rows = op("not_equal", moveaxis(a, axis, -1), 0)
    n = rows.shape[-1]
    rows = pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, -n % 8)]) if n % 8 else rows
    rows = rows.reshape(rows.shape[:-1] + (-(-n // 8), 8))
    return moveaxis((rows * (1 << places).astype(np.uint8)).sum(-1, dtype=np.uint8), -1, axis)


def unpackbits(a, /, axis=None, count=None, bitorder="big"):
    """The bits of uint8 as eight neighbours, the first `count` of them, or all but the last -count.

    >>> import mars.tensor as mt
    >>> mt.unpackbits(mt.tensor([160], dtype="u1"), count=3).execute()
    Tensor([1, 0, 1], dtype=uint8)
    """
    from .manipulation import pad

    a, axis = _bits_along(a, axis, "unpackbits")
    if a.dtype != np.dtype(np.uint8):
        raise TypeError("Expected an input array of unsigned byte data type")
    rows = moveaxis(a, axis, -1)
    bits = op("bitwise_and", op("right_shift", rows[..., None], _places(bitorder)), np.uint8(1))
    n = 8 * rows.shape[-1]
    bits = bits.reshape(rows.shape[:-1] + (n,))
    if count is not None:
        if count < -n:
            raise ValueError(f"-count larger than number of elements along axis {axis}")
        bits = pad(bits, [(0, 0)] * (bits.ndim - 1) + [(0, count - n)]) if count > n else bits[..., :count]
    return moveaxis(bits, -1, axis)


# ---- dtypes ----------------------------------------------------------------------------------------------------------

def result_type(*arrays_and_dtypes):
    """The dtype that holds all of them (NEP 50, whatever NumPy is installed)."""
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

    >>> import mars.tensor as mt
    >>> mt.common_type(mt.ones(2, "f4"), mt.ones(2, "i4")).__name__
    'float64'
    """
    return np.common_type(*(np.empty(0, astensor(a).dtype) for a in arrays))


def promote_types(type1, type2):
    """The dtype that holds both."""
    return _mars.promote(type1, type2)


def can_cast(from_, to, casting="safe"):
    """Whether the rule allows the cast."""
    from_ = from_.dtype if hasattr(from_, "dtype") and not isinstance(from_, type) else from_
    if type(from_) in (bool, int, float, complex):
        raise TypeError("can_cast() does not support Python ints, floats, and complex because the result used to "
                        "depend on the value.")
    return _mars.can_cast(from_, to, casting)


min_scalar_type = np.min_scalar_type
