# SPDX-License-Identifier: Apache-2.0
"""Exceptions. What NumPy or Python has a kind for is of that kind; MarsError is the rest."""
import errno

from numpy.linalg import LinAlgError

try:
    from numpy.exceptions import AxisError
except ImportError:
    from numpy import AxisError

__all__ = ["AxisError", "Cancelled", "Corrupt", "DataLost", "LinAlgError", "MarsError", "NameTaken", "SessionClosed",
           "SpillFull", "UnknownName"]


class MarsError(RuntimeError):
    """What has no kind in NumPy.

    Examples
    --------
    >>> issubclass(mars.errors.MarsError, RuntimeError)
    True
    """


class SessionClosed(MarsError):
    """The session was closed: its results are gone and it computes no more.

    Examples
    --------
    >>> session = mars.session.new_session()
    >>> session.close()
    >>> session.run(mt.ones(3))
    Traceback (most recent call last):
        ...
    mars.errors.SessionClosed: ...
    """


class Cancelled(MarsError):
    """The work was cancelled.

    Examples
    --------
    >>> issubclass(mars.errors.Cancelled, mars.errors.MarsError)
    True
    """


class Corrupt(MarsError):
    """What a disk gave back is not what was written to it.

    Examples
    --------
    >>> issubclass(mars.errors.Corrupt, mars.errors.MarsError)
    True
    """


class DataLost(MarsError, OSError):
    """An array that was given to a cluster is lost there, and its source cannot be had again, or was changed.

    Examples
    --------
    >>> issubclass(mars.errors.DataLost, OSError)
    True
    """


class UnknownName(MarsError, KeyError):
    """No result has that name.

    Examples
    --------
    >>> mars.session.get_default_session().open("nobody's")
    Traceback (most recent call last):
        ...
    mars.errors.UnknownName: ...
    """

    __str__ = RuntimeError.__str__


class NameTaken(MarsError, ValueError):
    """Another result has that name.

    Examples
    --------
    >>> one, other = mt.ones(3).save_as("errors-example"), mt.zeros(3)
    >>> other.save_as("errors-example")
    Traceback (most recent call last):
        ...
    mars.errors.NameTaken: ...
    >>> mars.session.get_default_session().remove("errors-example")
    """


class SpillFull(MarsError, MemoryError):
    """Neither the memory nor the spill directories have room for a task.

    Examples
    --------
    >>> issubclass(mars.errors.SpillFull, MemoryError)
    True
    """


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
    -61: DataLost,
    -126: UnknownName,
    -76: NameTaken,
}
by_code.update({-getattr(errno, name): OSError for name in (
    "EACCES", "EBUSY", "EDQUOT", "EEXIST", "EFBIG", "EIO", "EISDIR", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENFILE",
    "ENODEV", "ENOENT", "ENOSPC", "ENOTDIR", "EPERM", "EROFS", "ETXTBSY", "ECONNREFUSED", "EHOSTUNREACH", "ETIMEDOUT")})
