# SPDX-License-Identifier: Apache-2.0
"""Dates and spans of time: datetime64 and timedelta64. What operators are on them the library knows; here are the
functions that only they have."""
import numpy as np

from .. import _core
from .._core import cutting, op
from .core import Tensor
from .creation import astensor
from .ufuncs import ufunc

__all__ = ["datetime_as_string", "isnat"]


class _IsNat(ufunc):
    __doc__ = vars(ufunc)["__doc__"]

    def _with(self, args, **kwargs):
        if len(args) == 1 and astensor(args[0]).dtype.kind not in "mM":
            raise TypeError("ufunc 'isnat' is only defined for np.datetime64 and np.timedelta64.")
        return super()._with(args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self._with(args, **kwargs)


isnat = _IsNat("isnat")


def datetime_as_string(arr, unit=None, timezone="naive", casting="same_kind"):
    """The dates as text, an array of NumPy's: tensors have no texts, so the values are fetched.

    Parameters
    ----------
    arr : tensor_like of datetime64
    unit : str, optional
        How much is written: 'D', 's', 'auto' and so on; None: what the dtype has.
    timezone : {'naive', 'UTC', 'local'} or tzinfo, optional
    casting : str, optional
        Which changes of unit are allowed.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> mt.datetime_as_string(np.array(["2026-01-31"], "M8[D]"), unit="M", casting="unsafe").tolist()
    ['2026-01']
    """
    return np.datetime_as_string(np.asarray(astensor(arr)), unit=unit, timezone=timezone, casting=casting)


def _time(x, dtype):
    """One end of a range: an array without axes, of a kind of time if it is one."""
    x = x._view() if isinstance(x, Tensor) else x
    if isinstance(x, str):
        return np.asarray(np.datetime64(x))
    return np.asarray(x, dtype=None if hasattr(x, "dtype") or dtype is None else dtype)


def are_times(*ends):
    """Whether arange() has to do with times."""
    return any(isinstance(e, str) or e is not None and
               (e if isinstance(e, Tensor) else np.asarray(e)).dtype.kind in "mM" for e in ends)


def arange(start, stop, step, dtype, chunk_size):
    """Dates from start to before stop, or spans. What start, stop and step have no unit of counts in that of dtype."""
    wanted = None if dtype is None else np.dtype(dtype)
    if stop is None:
        start, stop = None, start
    stop = _time(stop, None)
    if start is None and stop.dtype.kind == "M":
        raise ValueError("arange of dates requires both a start and a stop")
    start = np.zeros((), stop.dtype) if start is None else _time(start, None)
    step = np.asarray(1) if step is None else _time(step, None)
    date = "M" in (start.dtype.kind, stop.dtype.kind) or wanted is not None and wanted.kind == "M"
    if step.dtype.kind == "M" or stop.dtype.kind == "M" and start.dtype.kind == "m":
        raise ValueError("arange of dates goes from a date, by a span of time")
    units = [e.dtype for e in (start, stop, step) if e.dtype.kind in "mM"]
    kind = "M8" if date else "m8"
    if wanted is None or np.datetime_data(wanted)[0] == "generic":
        wanted = units[0]
        for unit in units[1:]:
            wanted = np.promote_types(wanted, unit)
    wanted = _core.as_dtype(np.dtype(f"{kind}[{np.datetime_data(wanted)[0]}]")
                            if np.datetime_data(wanted)[0] != "generic" else kind)
    span = np.dtype(wanted.str.replace("M8", "m8"))
    relative = date and stop.dtype.kind != "M"  # a length
    first = start.astype(wanted).astype(np.int64).item()
    last = stop.astype(span if relative else wanted).astype(np.int64).item() + (first if relative else 0)
    by = step.astype(span).astype(np.int64).item()
    if np.iinfo(np.int64).min in (first, last, by):
        raise ValueError("arange: cannot compute length")
    if by == 0:
        raise ZeroDivisionError("arange: the step is zero")
    n = max(0, -((first - last) // by))
    return op("arange", shape=(n,), dtype=wanted, start=first, step=by, chunk_size=cutting(chunk_size, (n,), wanted))
