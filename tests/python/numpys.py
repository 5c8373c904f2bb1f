# SPDX-License-Identifier: Apache-2.0
"""NumPy as the tests compare with it: the installed one, with the answers of NumPy 2.4 where its versions differ. Mars
gives those whatever is installed (docs/decisions/0075). Names that NumPy 2 has no longer stand for what took their
place; nothing here asks for a version, so that what is true of all is said once."""
import numpy as np

GONE = {
    "alltrue": np.all, "sometrue": np.any, "product": np.prod, "cumproduct": np.cumprod, "round_": np.round,
    "row_stack": np.vstack, "trapz": getattr(np, "trapezoid", None) or np.trapz,
    "in1d": lambda a, b: np.isin(np.ravel(a), b), "msort": lambda a: np.sort(a, axis=0),
}


def float_power(a, b, **more):
    return power(a, b, np.float_power, **more)


def sign(a):
    """NumPy 1's sign of a complex number is that of its real part. NumPy 2's is the standard's but for one of which a
    part is infinite and the other one NaN, and where the length leaves the range."""
    a = np.asarray(a)
    if a.dtype.kind != "c":
        return np.sign(a)
    z = a.astype("c16")
    parts = np.stack([z.real, z.imag])
    infinite = np.isinf(parts)
    parts = np.where(infinite.any(0), np.where(infinite, np.sign(parts), 0), parts)
    large = abs(parts).max(0)
    parts = parts * np.where(large > 2.0**1000, 2.0**-100, np.where(large < 2.0**-900, 2.0**100, 1))
    length = np.hypot(*parts)
    parts = np.where(np.isnan([z.real, z.imag]).any(0) | infinite.all(0), np.nan,
                     np.divide(parts, length, out=np.zeros_like(parts), where=length != 0))
    return (parts[0] + 1j * parts[1]).astype(a.dtype)


def power(a, b, function=np.power, **more):
    """In NumPy 1 complex powers of zero are NaN unless they are real."""
    made = function(a, b, **more)
    if np.iscomplexobj(made):
        made = np.where((np.asarray(a) == 0) & (np.real(b) > 0), 0, made).astype(made.dtype)
    return made


def unique(a, return_index=False, return_inverse=False, return_counts=False, axis=None, **more):
    """In NumPy 2 the inverse has the shape of what it makes again."""
    made = np.unique(a, return_index, return_inverse, return_counts, axis, **more)
    if return_inverse and axis is None:
        made, at = list(made), 1 + return_index
        made[at] = made[at].reshape(np.shape(a))
    return tuple(made) if isinstance(made, list) else made


def bincount(x, weights=None, minlength=0):
    """Of uint64 since NumPy 2.4."""
    x = np.asarray(x)
    return np.bincount(x.astype("i8") if x.dtype == "u8" else x, weights, minlength)


def median(a, axis=None, **more):
    """In NumPy 1 times that are none do not count."""
    made = np.median(a, axis, **more)
    if made.dtype.kind == "m":
        made = np.where(np.isnat(a).any(axis), np.timedelta64("NaT"), made)
    return made


def _weak(*args):
    """The dtype of arrays and numbers of Python's, which decide nothing but the kind."""
    return np.result_type(*(a if type(a) in (bool, int, float, complex) else np.asarray(a).dtype for a in args))


def where(condition, *values):
    """In NumPy 1 numbers of Python's have a dtype here."""
    if len(values) == 2:
        dtype = _weak(*values)
        values = [np.asarray(v, dtype) for v in values]
    return np.where(condition, *values)


def select(conditions, values, default=0):
    dtype = _weak(*values, default)
    return np.select(conditions, [np.asarray(v, dtype) for v in values], np.asarray(default, dtype))


def sinc(x):
    return np.sinc(x).astype(np.asarray(x).dtype if np.asarray(x).dtype.kind in "fc" else float)


def _as_precise(made, a, q=None):
    """Quantiles are as precise as the array, or as q if that is an array; in NumPy 1 as a double."""
    kind = np.asarray(a).dtype
    return made.astype(kind) if kind.kind in "fc" and np.ndim(q) == 0 else made


def nanmedian(a, axis=None, **more):
    return _as_precise(np.asarray(np.nanmedian(a, axis, **more)), a)


def _quantiles(name):
    def function(a, q, *args, **more):
        if np.iscomplexobj(a):  # NumPy 1 interpolates them
            raise TypeError("a must be an array of real numbers")
        return _as_precise(np.asarray(getattr(np, name)(a, q, *args, **more)), a, q)

    return function


quantile, percentile, nanquantile, nanpercentile = map(
    _quantiles, ("quantile", "percentile", "nanquantile", "nanpercentile"))


def _whole(name):
    """Integers and booleans are whole; NumPy 1 makes floats of them."""
    return lambda a: np.asarray(a) if np.asarray(a).dtype.kind in "biu" else getattr(np, name)(a)


floor, ceil, trunc, fix = map(_whole, ("floor", "ceil", "trunc", "fix"))


def nonzero(a):
    """Of what has no axes since NumPy 2.1 nothing."""
    if np.ndim(a) == 0:
        raise ValueError("Calling nonzero on 0d arrays is not allowed")
    return np.nonzero(a)


class _Numpy:
    """What is not among the functions above is the installed NumPy's."""

    def __getattr__(self, name):
        return globals()[name] if name in OTHERS else GONE[name] if name in GONE else getattr(np, name)


OTHERS = set("""sign power float_power unique bincount median where select sinc nanmedian quantile percentile
    nanquantile nanpercentile floor ceil trunc fix nonzero""".split())
numpy = _Numpy()
