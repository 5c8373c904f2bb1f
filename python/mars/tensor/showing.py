# SPDX-License-Identifier: Apache-2.0
"""Tensors as text, in NumPy's form: values where a session has them, and what is known of the expression elsewhere."""
import numpy as np

from .. import _core

_IMPLIED = tuple(_core.DTYPES[k] for k in (0, 7, 11, 13))  # which literals have


def words(t):
    """Of a tensor that has no values yet."""
    dims = ["?" if n < 0 else str(n) for n in t._known_shape]
    shape = f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"
    return f"Tensor <op={t.op}, shape={shape}, dtype={t.dtype}>"


def shown(t, session, prefix="", suffix=""):
    """NumPy's words for the values. Of large tensors only the corners, which are all that is shown, are fetched."""
    settings = np.get_printoptions()
    edge = settings["edgeitems"]
    separator = ", " if prefix else " "
    if t.size <= settings["threshold"] or t.ndim == 0:
        value = session._view(t)
        if value.ndim == 0 and not (prefix and value.dtype.kind in "mM"):
            return str(value[()])
        return np.array2string(value, separator=separator, prefix=prefix, suffix=suffix)
    from .manipulation import concatenate

    corners = t
    for axis, n in enumerate(t.shape):
        if n > 2 * edge + 1:
            before = (slice(None),) * axis
            corners = concatenate([corners[before + (slice(None, edge + 1),)], corners[before + (slice(-edge, None),)]],
                                  axis=axis)
    session._wait((corners,), False)
    return np.array2string(session._view(corners), separator=separator, prefix=prefix, suffix=suffix, threshold=0)


def literal(t, session):
    """The values as what repr() shows: with the shape and the dtype where they do not follow from the digits."""
    settings = np.get_printoptions()
    text, more = "Tensor(" + shown(t, session, "Tensor(", ","), []
    if (t.size == 0 and t.shape != (0,)) or t.size > settings["threshold"]:
        more.append(f"shape={t.shape}")
    if t.size == 0 or t.dtype not in _IMPLIED:
        more.append(f"dtype={t.dtype}")
    if not more:
        return text + ")"
    tail = ", ".join(more) + ")"
    wide = len(text) - text.rfind("\n") - 1 + len(", " + tail) > settings["linewidth"]
    return text + ("," + "\n" + " " * len("Tensor(") if wide else ", ") + tail
