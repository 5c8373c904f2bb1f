# SPDX-License-Identifier: Apache-2.0
"""SciPy's special functions of real numbers (wofz: of complex ones), element by element. Parameters may be tensors, and
broadcast; integers and float16 are computed as SciPy does it."""
import numpy as np

from .._core import op
from .core import ExecutableTuple, Tensor
from .creation import astensor
from .ufuncs import store, ufunc

_NAMES = """beta betainc betaincinv betaln dawsn ellipe ellipeinc ellipk ellipkinc ellipkm1 elliprc elliprd
    elliprf elliprg entr erf erfc erfcinv erfcx erfi erfinv fresnel gamma gammainc gammaincc gammainccinv
    gammaincinv gammaln gammasgn hankel1 hankel2 hyp0f1 hyp1f1 hyp2f1 hyperu iv ive jv kl_div kv kve loggamma
    modfresnelm modfresnelp poch psi rel_entr rgamma voigt_profile wofz xlog1py xlogy yv""".split()
_ALIASES = {"digamma": "psi", "jve": "jv", "yve": "yv", "kn": "kv", "yn": "yv"}
__all__ = sorted([*_NAMES, *_ALIASES, "airy", "airye", "ellip_harm", "ellip_harm_2", "ellip_normal", "elliprj",
                  "hankel1e", "hankel2e", "itairy", "multigammaln", "polygamma", "zeta"])

for _name in _NAMES:
    globals()[_name] = ufunc(_name, "special_" + _name, __name__)
for _name, _of in _ALIASES.items():
    globals()[_name] = globals()[_of]


def _float(x):
    """As a tensor of floats, as a function with one loop for float32 and one for float64 takes it. Complex numbers are
    left to the operator, which refuses them."""
    x = astensor(x)
    return x if x.dtype in (np.dtype("f4"), np.dtype("f8")) or x.dtype.kind == "c" else \
        x.astype("f4" if x.dtype.itemsize <= 2 else "f8")


def zeta(x, q=None, out=None):
    """Riemann's zeta function, or Hurwitz's: the sum of (k + q)**-x over all k from 0 on.

    Parameters
    ----------
    x : tensor_like
        Real numbers.
    q : tensor_like, optional
        Of Hurwitz's function, which is real for x > 1; None: Riemann's. They broadcast.
    out : Tensor or numpy.ndarray, optional
        Gets the result.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.special.zeta([2.0, 4.0]).execute()
    Tensor([1.64493407, 1.08232323])
    >>> mt.special.zeta(2.0, [1.0, 2.0]).execute()
    Tensor([1.64493407, 0.64493407])
    """
    made = op("special_zeta_riemann", x) if q is None else op("special_zeta", x, q)
    return made if out is None else store(made, out, "same_kind", "zeta")


def polygamma(n, x):
    """The n-th derivative of the digamma function.

    Parameters
    ----------
    n : tensor_like of int
    x : tensor_like
        Real numbers. They broadcast.

    Returns
    -------
    Tensor of float64

    Examples
    --------
    >>> mt.special.polygamma([0, 1], 1.0).execute()
    Tensor([-0.57721566,  1.64493407])
    """
    return op("special_polygamma", astensor(n).astype(float), astensor(x).astype(float))


def multigammaln(a, d):
    """The logarithm of the multivariate gamma function of dimension d.

    Parameters
    ----------
    a : tensor_like
        Above (d - 1) / 2; of tensors, whose values are not known yet, this is not checked, and the result is NaN or a
        number without meaning there.
    d : int
        At least one.

    Returns
    -------
    Tensor of float64

    Raises
    ------
    ValueError
        `d` is no dimension, or an array `a` has too small a value.

    Examples
    --------
    >>> mt.special.multigammaln(2.0, 1).execute(), mt.special.multigammaln(2.0, 2).execute()
    (Tensor(0.0), Tensor(0.4515827052894549))
    """
    if np.ndim(d) or d != int(d) or d < 1:
        raise ValueError("d should be a positive integer (dimension)")
    if not isinstance(a, Tensor) and np.any(np.asarray(a) <= 0.5 * (d - 1)):
        raise ValueError(f"condition a ({a}) > 0.5 * (d-1) ({0.5 * (d - 1)}) not met")
    a, d = astensor(a).astype(float), int(d)
    return op("special_gammaln", a[..., None] - np.arange(d) / 2.0).sum(axis=-1) + d * (d - 1) * 0.25 * np.log(np.pi)


def _turned(made, z, by):
    """made * exp(by * z), in the precision of `made`."""
    return made * op("exp", _float(z).astype(op("real", made).dtype) * by)


def hankel1e(v, z):
    """The Hankel function of the first kind, times exp(-1j * z).

    Parameters
    ----------
    v : tensor_like
        The order, a real number.
    z : tensor_like
        A real number. They broadcast.

    Returns
    -------
    Tensor of complex64 or complex128

    Examples
    --------
    >>> mt.special.hankel1e(0, [1.0, 2.0]).execute()
    Tensor([0.48770375-0.59620621j, 0.37091185-0.41597453j])
    """
    return _turned(op("special_hankel1", v, z), z, -1j)


def hankel2e(v, z):
    """The Hankel function of the second kind, times exp(1j * z).

    Parameters
    ----------
    v : tensor_like
        The order, a real number.
    z : tensor_like
        A real number. They broadcast.

    Returns
    -------
    Tensor of complex64 or complex128

    Examples
    --------
    >>> mt.special.hankel2e(0, [1.0, 2.0]).execute()
    Tensor([0.48770375+0.59620621j, 0.37091185+0.41597453j])
    """
    return _turned(op("special_hankel2", v, z), z, 1j)


def airy(z):
    """Airy's functions and their derivatives.

    Parameters
    ----------
    z : tensor_like
        Real numbers.

    Returns
    -------
    ExecutableTuple of 4 Tensors
        Ai, its derivative, Bi, and its derivative.

    Examples
    --------
    >>> [round(float(t), 6) for t in mt.special.airy(0.0)]
    [0.355028, -0.258819, 0.614927, 0.448288]
    """
    return ExecutableTuple([*op("special_airy_ai", z), *op("special_airy_bi", z)])


def airye(z):
    """Airy's functions and their derivatives without their exponential factors.

    Parameters
    ----------
    z : tensor_like
        Real numbers.

    Returns
    -------
    ExecutableTuple of 4 Tensors
        With s = 2 / 3 * z**1.5: Ai and its derivative times exp(s), NaN below zero, and Bi and its derivative times
        exp(-s), or as they are below zero.

    Examples
    --------
    >>> [round(float(t), 6) for t in mt.special.airye(100.0)]
    [0.089197, -0.892192, 0.178431, 1.783864]
    """
    return ExecutableTuple([*op("special_airye_ai", z), *op("special_airye_bi", z)])


def itairy(x):
    """Integrals of Airy's functions.

    Exact to 3e-14 up to abs(x) = 17, relative above zero and beside 1 below; from there on the error may grow as
    abs(x)**1.5.

    Parameters
    ----------
    x : tensor_like
        Real numbers.

    Returns
    -------
    ExecutableTuple
        The integrals of Ai(t), Bi(t), Ai(-t) and Bi(-t) over t from zero to x.

    Examples
    --------
    >>> [round(float(t), 6) for t in mt.special.itairy(2.0)]
    [0.312533, 2.873408, 0.901773, 0.193547]
    """
    x = _float(x)
    there, back = op("special_itairy", x), op("special_itairy", -x)
    return ExecutableTuple([*there, -back[0], -back[1]])


def elliprj(x, y, z, p):
    """Carlson's elliptic integral of the third kind.

    It is homogeneous, and symmetric in x, y, z, and so computed of their quotients by the largest of them.

    Parameters
    ----------
    x, y, z : tensor_like
        Real numbers, not negative, of which at most one is zero.
    p : tensor_like
        Real numbers, not zero; below zero the result is Cauchy's principal value. All four broadcast.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.special.elliprj(1.0, 1.0, 1.0, [1.0, 4.0]).execute()
    Tensor([1.        , 0.39540021])
    """
    x, y, z, p = map(_float, (x, y, z, p))
    low, high = op("minimum", x, y), op("maximum", x, y)
    least, most = op("minimum", low, z), op("maximum", high, z)
    middle = op("maximum", low, op("minimum", high, z))
    return op("special_elliprj_unit", least / most, middle / most, p / most) / (most * op("sqrt", most))


_NARROW = {np.dtype(name) for name in ("f4", "f2", "i2", "u2", "i1", "u1", "?")}  # what float32 can say


class _Lame:
    """Which of Lamé's functions: its place among all of them, n**2 + p - 1, and its type, one of four. Degrees and
    orders that are fractions are cut off; -1 is the place of what does not exist."""

    def __init__(self, n, p, dtype=float):
        if "c" in (astensor(n).dtype.kind, astensor(p).dtype.kind):
            raise TypeError("degree and order of an ellipsoidal harmonic must be real")
        n, p = (op("trunc", astensor(x).astype(float)) for x in (n, p))
        there = op("logical_and", op("logical_and", n >= 0, p >= 1), p <= 2 * n + 1)
        half = op("floor_divide", n, 2)
        self.of_h = op("logical_and", p > half + 1, p <= n + 1)
        self.of_k = op("logical_and", p > n + 1, p <= 2 * n - half + 1)
        self.of_both = p > 2 * n - half + 1
        self.index = op("where", there, n * n + p - 1, -1.0).astype(dtype)

    def sign(self, signm, signn):
        """That of sqrt(abs(s**2 - h2)) and sqrt(abs(s**2 - k2)), where they are factors; NaN if it is none."""
        signm, signn = astensor(signm), astensor(signn)
        sign = op("where", self.of_h, signm, op("where", self.of_k, signn, op("where", self.of_both, signm * signn, 1)))
        valid = op("logical_and", op("absolute", signm) == 1, op("absolute", signn) == 1)
        return op("where", valid, sign, np.nan).astype(self.index.dtype)


def _is_one(sign):
    return isinstance(sign, (int, float)) and sign == 1


def _double(x):
    x = astensor(x)
    return x if x.dtype.kind == "c" else x.astype(float)  # of complex numbers speaks the operator


def ellip_harm(h2, k2, n, p, s, signm=1, signn=1):
    """Ellipsoidal harmonics: Lamé's functions of the first kind.

    Parameters
    ----------
    h2, k2 : array_like
        The squares of the coordinates' constants, 0 < h2 < k2.
    n : array_like of int
        Degrees, from 0 to 128.
    p : array_like of int
        Orders, from 1 to 2 * n + 1.
    s : array_like
        Coordinates.
    signm, signn : array_like of 1 or -1
        The signs of the factors sqrt(abs(s**2 - h2)) and sqrt(abs(s**2 - k2)), which half of the functions have each.

    Returns
    -------
    Tensor
        E(s), whose leading term is s**n. NaN where there is no such function, and of degrees above 128.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> mt.special.ellip_harm(5, 8, 1, [1, 2], 2.5).execute()
    Tensor([2.5       , 1.11803399])
    """
    given = [x for x in (h2, k2, n, p, s, signm, signn) if not isinstance(x, (int, float))]
    narrow = given and all(astensor(x).dtype in _NARROW for x in given)
    which = _Lame(n, p, "f4" if narrow else "f8")
    made = op("special_ellip_harm", h2, k2, which.index, s)
    return made if _is_one(signm) and _is_one(signn) else made * which.sign(signm, signn)


def ellip_harm_2(h2, k2, n, p, s):
    """Lamé's functions of the second kind, which decrease as s**-(n + 1).

    Parameters
    ----------
    h2, k2, n, p : array_like
        As of `ellip_harm`.
    s : array_like
        Coordinates, whose absolute values are at least sqrt(k2).

    Returns
    -------
    Tensor
        F(s) = (2 * n + 1) * E(s) times the integral of 1 / (E(1/u)**2 * sqrt((1 - u**2 * k2) * (1 - u**2 * h2))) over
        u from 0 to 1 / s.

    Examples
    --------
    >>> import mars.tensor as mt
    >>> float(mt.special.ellip_harm_2(5, 8, 2, 1, 10).round(12))
    0.001080568534
    """
    return op("special_ellip_harm_2", _double(h2), _double(k2), _Lame(n, p).index, _double(s))


def ellip_normal(h2, k2, n, p):
    """The squares of what ellipsoidal harmonics are divided by to be orthonormal on an ellipsoid's surface.

    Parameters
    ----------
    h2, k2, n, p : array_like
        As of `ellip_harm`.

    Returns
    -------
    Tensor
        8 times the integral of (y**2 - x**2) * (E(x) * E(y))**2, by the root of (k2 - y**2) * (y**2 - h2) *
        (h2 - x**2) * (k2 - x**2), over x from 0 to sqrt(h2) and y from there to sqrt(k2).

    Examples
    --------
    >>> import mars.tensor as mt
    >>> float(mt.special.ellip_normal(5, 8, 3, 7).round(6))
    1723.38797
    """
    return op("special_ellip_normal", _double(h2), _double(k2), _Lame(n, p).index)
