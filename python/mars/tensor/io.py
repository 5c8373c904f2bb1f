# SPDX-License-Identifier: Apache-2.0
"""Files of the .npy format: read chunk by chunk when they are computed, written in parallel."""
from .. import _mars
from .._core import cutting, one_of
from ..session import chosen, holder
from .creation import astensor

__all__ = ["load", "save"]


def load(file, chunk_size=None, *, chunks=None, mmap_mode=None):
    """A tensor of a .npy file; its header is read and checked now, its elements when they are computed."""
    t = _mars.load(file, None)
    chunk_size = one_of(chunk_size, chunks)
    flat = cutting(chunk_size, t.shape, t.dtype)
    return t if flat is None else _mars.load(file, flat)


def save(file, arr, session=None):
    """Writes a tensor as a .npy file, computing it if need be; the file appears whole, or not at all."""
    import os

    name = os.fspath(file)
    suffix = b".npy" if isinstance(name, bytes) else ".npy"
    if not name.endswith(suffix):
        name += suffix
    t = astensor(arr)
    session = chosen(holder(t) if session is None else session)
    session._wait((t,))
    session._save(t, name)
