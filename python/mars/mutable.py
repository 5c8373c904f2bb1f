# SPDX-License-Identifier: Apache-2.0
"""Mutable tensors: many programs write parts, and one seals the whole.

The values of tensors never change, so what is written is a log: each write is a few results by name, its values, its
key and the arrays of its key, of which the key comes last and makes it count. Reading applies the log to the constant
that the tensor began as, in the order of the writes' times; sealing does so once for all, and forgets the log. Names
are the session's in threads and the user's in a cluster, so there all sessions of the user write to the same tensor.
"""
import itertools
import math
import time
import uuid

import numpy as np

from . import _core

PREFIX = "mutable tensor: "  # of the names that a log has; names() does not show them
_SLICE, _INTEGER, _ARRAY, _ELLIPSIS, _NEW_AXIS = range(5)
_LEFT_OUT = np.iinfo(np.int64).min  # an end of a slice that is not given
_MAX_NAME = 150  # what the log adds fits into a name of 255 bytes, too


def _number(n):
    return _LEFT_OUT if n is None else n.__index__()


def _packed(key):
    """A key as a table of integers, four for each entry, and its arrays."""
    from .tensor.creation import astensor

    table, arrays = [], []
    for entry in key if isinstance(key, tuple) else (key,):
        if isinstance(entry, slice):
            table.append((_SLICE, _number(entry.start), _number(entry.stop), _number(entry.step)))
        elif entry is Ellipsis:
            table.append((_ELLIPSIS, 0, 0, 0))
        elif entry is None:
            table.append((_NEW_AXIS, 0, 0, 0))
        elif hasattr(entry, "__index__") and not isinstance(entry, bool) and np.ndim(entry) == 0:
            table.append((_INTEGER, entry.__index__(), 0, 0))
        else:
            table.append((_ARRAY, len(arrays), 0, 0))
            arrays.append(astensor(entry))
    return np.asarray(table, np.int64).reshape(len(table), 4), arrays


def _unpacked(table, array_of):
    def entry(kind, a, b, c):
        if kind == _SLICE:
            return slice(*(None if n == _LEFT_OUT else n for n in (a, b, c)))
        return {_INTEGER: a, _ELLIPSIS: Ellipsis, _NEW_AXIS: None}[kind] if kind != _ARRAY else array_of(a)

    return tuple(entry(*row) for row in table.tolist())


class MutableTensor:
    """A tensor of a session into which parts are written, until it is sealed.

    Session.create_mutable_tensor() makes one, Session.get_mutable_tensor() finds it by its name.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : numpy.dtype

    Examples
    --------
    >>> session = mars.new_session()
    >>> m = session.create_mutable_tensor(5, dtype=int, default_value=-1)
    >>> m[1:3] = 8
    >>> m[[0, 4]] = [6, 7]
    >>> m[:]
    array([ 6,  8,  8, -1,  7])
    >>> session.run(m.seal().sum())
    28
    >>> session.close()
    """

    def __init__(self, session, name, shape, dtype, default, cuts):
        self._session, self.name, self.shape, self.dtype = session, name, shape, dtype
        self._default, self._cuts = default, cuts
        self._writer, self._count = uuid.uuid4().hex[:12], itertools.count()
        self._applied, self._value = [], None  # records that the value has
        self._sealed = False

    @property
    def ndim(self):
        """Number of axes.

        Examples
        --------
        >>> session = mars.new_session()
        >>> session.create_mutable_tensor((2, 3)).ndim
        2
        >>> session.close()
        """
        return len(self.shape)

    def __repr__(self):
        return f"<MutableTensor {self.name!r}, shape={self.shape}, dtype={self.dtype}>"

    # ---- Writing -----------------------------------------------------------------------------------------------------

    def write(self, key, value, timestamp=None):
        """Sets the elements at the key; m[key] = value is the same without a timestamp.

        Of two writes of an element the one with the later timestamp holds, whoever made it and whenever it arrived.

        Parameters
        ----------
        key : index
            What a tensor's a[key] = value takes.
        value : tensor_like
            What broadcasts to the shape of the elements.
        timestamp : float, optional
            Seconds, as of time.time(); None: now.

        Raises
        ------
        IndexError
            There are no such elements.
        ValueError
            The tensor is sealed, or the value does not fit.

        Examples
        --------
        >>> session = mars.new_session()
        >>> m = session.create_mutable_tensor(3)
        >>> m.write(0, 5.0, timestamp=20)
        >>> m.write(slice(None), 1.0, timestamp=10)
        >>> m[:]
        array([5., 1., 1.])
        >>> session.close()
        """
        from .tensor.creation import astensor
        from .tensor.indexing import setitem

        setitem(self._constant(), key, value)  # what cannot be set is refused here
        self._refuse_sealed()
        value = astensor(value)
        value = value if value.dtype == self.dtype else value.astype(self.dtype)
        table, arrays = _packed(key)
        # the time as 16 hexadecimal digits: names in order are writes in order
        stamp = time.time_ns() if timestamp is None else math.floor(float(timestamp) * 1e9)
        record = f"{PREFIX}{self.name}/{stamp + 2**63:016x}.{self._writer}.{next(self._count):08x}"
        for k, array in enumerate(arrays):
            self._save(array, f"{record}/{k}")
        self._save(value, f"{record}/value")
        self._save(astensor(table), f"{record}/key")

    def __setitem__(self, key, value):
        self.write(key, value)

    # ---- Reading -----------------------------------------------------------------------------------------------------

    def read(self, key=Ellipsis, timestamp=None):
        """The values of the elements at the key; m[key] is the same without a timestamp.

        Parameters
        ----------
        key : index, optional
            What a tensor's a[key] takes; not given: all elements.
        timestamp : float, optional
            After all writes up to this one, seconds as of time.time(); None: after all.

        Returns
        -------
        numpy.ndarray

        Raises
        ------
        ValueError
            The tensor is sealed.

        Examples
        --------
        >>> session = mars.new_session()
        >>> m = session.create_mutable_tensor(2)
        >>> m.write(0, 5.0, timestamp=10)
        >>> m.write(0, 7.0, timestamp=20)
        >>> m.read(timestamp=15)
        array([5., 0.])
        >>> session.close()
        """
        self._refuse_sealed()
        return self._session.run(self._at(timestamp)[key])

    def __getitem__(self, key):
        return self.read(key)

    def seal(self, timestamp=None):
        """The tensor as it is after the writes; it cannot be written any more.

        Parameters
        ----------
        timestamp : float, optional
            After all writes up to this one, seconds as of time.time(); None: after all.

        Returns
        -------
        Tensor
            Computed already.

        Raises
        ------
        ValueError
            It is sealed already.

        Examples
        --------
        >>> session = mars.new_session()
        >>> m = session.create_mutable_tensor(2)
        >>> m[1] = 3
        >>> session.run(m.seal() * 2)
        array([0., 6.])
        >>> m[0] = 1
        Traceback (most recent call last):
            ...
        ValueError: mutable tensor ... is sealed
        >>> session.close()
        """
        self._refuse_sealed()
        made = self._at(timestamp)
        self._sealed = True
        for name in self._session._all_names():
            if name.startswith(f"{PREFIX}{self.name}/") or name == f"{PREFIX}{self.name}":
                self._session._forget(name)
        self._value = None
        return made

    def _refuse_sealed(self):
        if self._sealed or f"{PREFIX}{self.name}" not in self._session._all_names():
            self._sealed = True
            raise ValueError(f"mutable tensor {self.name!r} is sealed")

    def _records(self, timestamp):
        start = f"{PREFIX}{self.name}/"
        latest = None if timestamp is None else f"{math.floor(float(timestamp) * 1e9) + 2**63:016x}"
        names = (name[:-len("/key")] for name in self._session._all_names()
                 if name.startswith(start) and name.endswith("/key"))
        return sorted(name for name in names if latest is None or name[len(start):len(start) + 16] <= latest)

    def _at(self, timestamp):
        """What was read before is the beginning, unless an earlier write has arrived since."""
        from .tensor.indexing import setitem

        records = self._records(timestamp)
        n = len(self._applied)
        if self._value is not None and records[:n] == self._applied:
            made, rest = self._value._same(), records[n:]
        else:
            made, rest = self._constant(), records
        for record in rest:
            table = np.asarray(self._session._opened(f"{record}/key"))
            key = _unpacked(table, lambda k, record=record: self._session._opened(f"{record}/{k}"))
            value = self._session._opened(f"{record}/value")
            setitem(made, key, value if value.dtype == self.dtype else value.astype(self.dtype))
        if self._cuts and rest:
            made = _core.op("rechunk", made, chunk_size=self._cuts)
        self._session.run(made, fetch=False)
        self._applied, self._value = records, made
        return made._same()

    def _constant(self):
        return _core.op("full", shape=self.shape, dtype=self.dtype, value=self._default, chunk_size=self._cuts)

    def _save(self, t, name):
        t.save_as(name, session=self._session)


def create(session, shape, dtype, name, default, chunk_size):
    from .tensor.creation import astensor, shape_of

    dtype = _core.as_dtype(float if dtype is None else dtype)
    shape = shape_of(shape)
    name = uuid.uuid4().hex if name is None else name
    if not isinstance(name, str) or not name or "/" in name or "\n" in name or len(name.encode()) > _MAX_NAME:
        raise ValueError(f"the name of a mutable tensor is a line of at most {_MAX_NAME} bytes without '/'")
    if f"{PREFIX}{name}" in session._all_names():
        raise ValueError(f"there is a mutable tensor {name!r} already")
    cuts = _core.cutting(chunk_size, shape, dtype) or ()
    default = np.asarray(default).astype(dtype)
    made = MutableTensor(session, name, shape, dtype, default[()], list(cuts) or None)
    bits = np.zeros(2, np.int64)
    bits.view(np.uint8)[:dtype.itemsize] = np.frombuffer(default.tobytes(), np.uint8)
    head = [_core.CODES[dtype], *bits.tolist(), len(shape), *shape, *cuts]
    astensor(np.asarray(head, np.int64)).save_as(f"{PREFIX}{name}", session=session)
    return made


def find(session, name):
    if f"{PREFIX}{name}" not in session._all_names():
        raise KeyError(f"there is no mutable tensor {name!r}")
    head = np.asarray(session._opened(f"{PREFIX}{name}"))
    code, ndim = int(head[0]), int(head[3])
    dtype = _core.ALL_DTYPES[code]
    default = np.frombuffer(head[1:3].tobytes(), dtype, 1)[0]
    shape, cuts = tuple(head[4:4 + ndim].tolist()), head[4 + ndim:].tolist()
    return MutableTensor(session, name, shape, dtype, default, cuts or None)
