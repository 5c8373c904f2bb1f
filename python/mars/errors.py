# SPDX-License-Identifier: Apache-2.0
"""Exceptions. What NumPy or Python has a kind for is of that kind; MarsError is the rest."""
import errno

from numpy.linalg import LinAlgError

try:
    from numpy.exceptions import AxisError
except ImportError:
    from numpy import AxisError

__all__ = ["AxisError", "Cancelled", "Corrupt", "LinAlgError", "MarsError", "NameTaken", "SessionClosed",
           "SpillFull", "UnknownName"]


class MarsError(RuntimeError):
    """What has no kind in NumPy."""


class SessionClosed(MarsError):
    """The session was closed: its results are gone and it computes no more."""


class Cancelled(MarsError):
    """The work was cancelled."""


class Corrupt(MarsError):
    """What a disk gave back is not what was written to it."""


class UnknownName(MarsError, KeyError):
    """No result has that name."""

    __str__ = RuntimeError.__str__


class NameTaken(MarsError, ValueError):
    """Another result has that name."""


class SpillFull(MarsError, MemoryError):
    """Neither the memory nor the spill directories have room for a task."""


# By the codes of mars.h; whatever is missing here is a MarsError.
by_code = {
    -22: ValueError,
    -34: IndexError,
    -60: AxisError,
    -91: TypeError,
    -12: MemoryError,
    -33: LinAlgError,
    -75: OverflowError,
    -108: SessionClosed,
    -95: NotImplementedError,
    -125: Cancelled,
    -74: Corrupt,
    -54: SpillFull,
    -126: UnknownName,
    -76: NameTaken,
}
by_code.update({-getattr(errno, name): OSError for name in (
    "EACCES", "EBUSY", "EDQUOT", "EEXIST", "EFBIG", "EIO", "EISDIR", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENFILE",
    "ENODEV", "ENOENT", "ENOSPC", "ENOTDIR", "EPERM", "EROFS", "ETXTBSY", "ECONNREFUSED", "EHOSTUNREACH", "ETIMEDOUT")})
