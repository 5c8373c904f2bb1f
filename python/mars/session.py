# SPDX-License-Identifier: Apache-2.0
"""Sessions: where tensors are computed and their results live.

    sess = new_session()
    sess.run(a + 1)            # the value
    sess.run(a, b)             # a list of values

A session does one thing at a time; it can be used from all threads. The default session, which execute() uses when
it is told no other, is made at its first use. Work that waits is ended by Ctrl-C, and the session stays usable.

A child that fork() has made has no session: those of its parent refuse to work there, and a default one is made when it
is needed.

The logger "mars" is told once which pages a session has and what to set for better ones, what happens to its disk, and
that work waits since its cluster has no worker.
"""
import atexit
import logging
import operator
import os
import threading
import weakref

import numpy as np

from . import _mars
from ._progress import bar
from .config import options
from .errors import SessionClosed, UnknownName

__all__ = ["Session", "execute", "fetch", "get_default_session", "new_session"]

_logger = logging.getLogger("mars")
_lock = threading.Lock()
_default = None
_open = weakref.WeakSet()


def _size(value):
    return value if value is None or isinstance(value, str) else str(operator.index(value))


def _kept(value):
    return {True: None, False: "0"}[value] if isinstance(value, bool) else _size(value)


def _path(value):
    if value is None or isinstance(value, (str, os.PathLike)):
        return None if value is None else os.fspath(value)
    return ":".join(os.fspath(v) for v in value)


def _tensors(args):
    """What run() was given as a tuple of tensors, and whether the caller gets a list."""
    from .tensor.core import Tensor
    from .tensor.creation import tensor

    many = len(args) != 1
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args, many = tuple(args[0]), True
    return tuple(a if isinstance(a, Tensor) else tensor(a) for a in args), many


def _parts(tensors):
    """The tensors that the engine has for them: a SparseTensor consists of several."""
    return tuple(p for t in tensors for p in ((t,) if isinstance(t, _mars.Tensor) else t._parts))


class Session(_mars.Session):
    """Threads of this process (endpoint None), or a connection to a cluster.

    new_session() makes one, and says what the parameters mean. It does one thing at a time, and can be used from all
    threads; `with` closes it.

    Attributes
    ----------
    endpoint : str or None
        Where the cluster is.
    closed : bool

    Examples
    --------
    >>> with mars.new_session(n_threads=2) as session:
    ...     session.run(mt.arange(4) + 0.5)
    array([0.5, 1.5, 2.5, 3.5])
    >>> session
    <mars.session.Session threads, closed>
    """

    def __new__(cls, endpoint=None, n_threads=None, memory_bytes=None, cache_mem=None, phy_mem=None, disk=None,
                spill_dir=None, spill_codec=None, hugepages=None, hugepage_size=None, key_file=None, keep_source=None,
                **more):
        for name, value in (("n_threads", n_threads), ("memory_bytes", memory_bytes)):
            if value is not None and operator.index(value) <= 0:
                raise ValueError(f"{name} is a positive number, or None for what the machine has, not {value}")
        from . import tensor  # noqa: F401: which kinds errors have, and what results are; it imports this module, too
        self = super().__new__(cls, endpoint, n_threads or options.n_threads or 0,
                               memory_bytes or (0 if cache_mem or phy_mem else options.memory_bytes) or 0,
                               _size(cache_mem), _size(phy_mem), _size(disk), _path(spill_dir), spill_codec,
                               hugepages, _size(hugepage_size), _path(key_file), _kept(keep_source), **more)
        self.endpoint = endpoint
        self.closed = False
        _open.add(self)
        self._tell()
        return self

    def run(self, *tensors, fetch=True, wait=True, show_progress=None):
        """Computes tensors together and returns their values.

        Parameters
        ----------
        *tensors : tensor_like
            Several, or a list or tuple of them.
        fetch : bool, optional
            False: the values stay in the session, and None is returned.
        wait : bool, optional
            False: return at once, with a future of the values.
        show_progress : bool or 'auto', optional
            None: as options.show_progress says.

        Returns
        -------
        numpy.ndarray, scalar, list of these, or Future
            The value of one, a list of several; scalars of NumPy's for tensors without axes.

        Raises
        ------
        SessionClosed
            The session is closed.
        MemoryError
            A chunk, or what a task needs at the same time, is larger than the session may take.

        Examples
        --------
        >>> session = mars.new_session()
        >>> a = mt.arange(3)
        >>> session.run(a + 1)
        array([1, 2, 3])
        >>> total, most = session.run(a.sum(), a.max())
        >>> int(total), int(most)
        (3, 2)
        >>> session.close()
        """
        args, many = _tensors(tensors)
        if not wait:
            return self._future(args, lambda: self._values(args, many) if fetch else None)
        self._wait(args, show_progress)
        return self._values(args, many) if fetch else None

    def fetch(self, *tensors):
        """The values of executed tensors, in the form that run() gives them.

        Parameters
        ----------
        *tensors : Tensor
            Several, or a list or tuple of them.

        Returns
        -------
        numpy.ndarray, scalar, or list of these

        Raises
        ------
        ValueError
            One of them has not been executed in this session.

        Examples
        --------
        >>> session = mars.new_session()
        >>> a = mt.ones(3).execute(session=session)
        >>> session.fetch(a)
        array([1., 1., 1.])
        >>> session.close()
        """
        args, many = _tensors(tensors)
        for t in args:
            if not all(map(self._executed, _parts((t,)))):
                raise ValueError(f"Cannot fetch the unexecuted tensor {t!r}")
        return self._values(args, many)

    def names(self):
        """The names of results (Tensor.save_as) that open() knows, sorted.

        Returns
        -------
        list of str

        Examples
        --------
        >>> session = mars.new_session()
        >>> t = mt.ones(3).save_as("wind", session=session)
        >>> session.names()
        ['wind']
        >>> session.close()
        """
        from .mutable import PREFIX
        from .tensor.sparse import naming

        return [name for name in self._all_names() if not name.startswith((PREFIX, naming.PREFIX))]

    _opened = _mars.Session.open

    def open(self, name):
        """The result of that name, as a tensor that this session has.

        Parameters
        ----------
        name : str
            As Tensor.save_as() or SparseTensor.save_as() was given it.

        Returns
        -------
        Tensor or SparseTensor
            Computed already.

        Raises
        ------
        UnknownName
            No result has the name.

        Examples
        --------
        >>> session = mars.new_session()
        >>> t = mt.arange(3).save_as("counts", session=session)
        >>> session.run(session.open("counts") * 2)
        array([0, 2, 4])
        >>> session.close()
        """
        from .tensor.sparse import naming

        t = self._opened(name)
        if t.ndim != 1 or t.dtype != np.int64:  # no table of a sparse tensor's parts
            return t
        sparse = naming.opened(self, name)
        return t if sparse is None else sparse

    def remove(self, name):
        """Takes the name from its result, which is freed when no tensor stands for it any more.

        Parameters
        ----------
        name : str

        Raises
        ------
        UnknownName
            No result has the name.

        Examples
        --------
        >>> session = mars.new_session()
        >>> t = mt.arange(3).save_as("counts", session=session)
        >>> session.remove("counts")
        >>> session.names()
        []
        >>> session.close()
        """
        from .tensor.sparse import naming

        super().remove(name)
        naming.forget(self, name)

    def _all_names(self):
        return sorted(self._names().splitlines())

    def create_mutable_tensor(self, shape, dtype=None, name=None, default_value=0, chunk_size=None, *, fill_value=None):
        """A tensor into which parts are written until it is sealed.

        In a cluster all sessions of the user find it by its name (get_mutable_tensor) and write to it. The name may
        also come first, as once it did.

        Parameters
        ----------
        shape : int or tuple of int
        dtype : data-type, optional
            None: float64.
        name : str, optional
            A line of at most 150 bytes without '/'; None: one that nobody else has.
        default_value : scalar, optional
            What elements are that were not written.
        chunk_size : int, tuple, dict or str, optional
            How the sealed tensor is cut; see tensor().
        fill_value : scalar, optional
            Another word for default_value.

        Returns
        -------
        MutableTensor

        Raises
        ------
        ValueError
            There is a mutable tensor of that name, or it is no name.

        Examples
        --------
        >>> session = mars.new_session()
        >>> m = session.create_mutable_tensor((2, 3), dtype="int32", name="grid")
        >>> m[0, 1:] = 7
        >>> session.run(m.seal())
        array([[0, 7, 7],
               [0, 0, 0]], dtype=int32)
        >>> session.close()
        """
        from .mutable import create

        if isinstance(shape, str):
            name, shape, dtype = shape, dtype, name
        return create(self, shape, dtype, name, default_value if fill_value is None else fill_value, chunk_size)

    def get_mutable_tensor(self, name):
        """The mutable tensor of that name, which another session may have made.

        Parameters
        ----------
        name : str

        Returns
        -------
        MutableTensor

        Raises
        ------
        KeyError
            There is none, or it has been sealed.

        Examples
        --------
        >>> session = mars.new_session()
        >>> m = session.create_mutable_tensor(3, name="row")
        >>> session.get_mutable_tensor("row")[1] = 5
        >>> m[:]
        array([0., 5., 0.])
        >>> session.close()
        """
        from .mutable import find

        return find(self, name)

    def _forget(self, name):
        """Takes a name away, or finds that another program did."""
        try:
            self.remove(name)
        except KeyError:
            pass

    def as_default(self):
        """Makes this the session that execute() uses when it is told no other.

        Returns
        -------
        Session
            This one.

        Raises
        ------
        SessionClosed
            The session is closed.

        Examples
        --------
        >>> before = mars.get_default_session()
        >>> session = mars.new_session().as_default()
        >>> mars.get_default_session() is session
        True
        >>> before.as_default()
        <mars.session.Session ...>
        >>> session.close()
        """
        global _default
        self._refuse_closed()
        with _lock:
            _default = self
            self._set_default(True)
        return self

    def close(self):
        """Ends all work and frees all results. Tensors stay valid as expressions.

        Examples
        --------
        >>> session = mars.new_session()
        >>> a = mt.ones(2).execute(session=session)
        >>> session.close()
        >>> a.executed, session.closed
        (False, True)
        >>> a.execute()
        Tensor([1., 1.])
        """
        global _default
        if not self.closed:
            self._tell()
        with _lock:
            self.closed = True
            if _default is self:
                _default = None
                self._set_default(False)
        _open.discard(self)
        self._close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        where = self.endpoint or "threads"
        return f"<mars.session.Session {where}{', closed' if self.closed else ''}>"

    def __reduce__(self):
        raise TypeError("a session cannot be pickled: it is this process's own; make one with new_session() over there")

    # What tensors use.

    def _refuse_closed(self):
        if self.closed:
            raise SessionClosed("the session is closed: make another with new_session()")

    def _wait(self, tensors, show_progress=None):
        ticker = bar(options.show_progress if show_progress is None else show_progress)

        def tick(fraction):
            self._tell()
            if ticker is not None:
                ticker(fraction)

        try:
            self._execute(_parts(tensors), tick)
        finally:
            if ticker is not None:
                ticker.end()
            self._tell()

    def _tell(self):
        """Tells the logger what the session has to say that it was not told yet."""
        while (line := self._log()) is not None:
            text, warning = line
            _logger.log(logging.WARNING if warning else logging.INFO, text)

    def _future(self, tensors, value):
        from ._future import Future

        return Future(self._submit(_parts(tensors)), value)

    def _values(self, tensors, many):
        return [self._value(t) for t in tensors] if many else self._value(tensors[0])

    def _value(self, t):
        """An array of the caller's own; a scalar for a tensor without axes; a SparseNDArray for a SparseTensor."""
        if not isinstance(t, _mars.Tensor):
            return t._value(self)
        value = np.empty(t.shape, t.dtype)
        self._fetch(t, value if t.dtype.kind not in "mM" else value.view(np.int64))
        return value if t.ndim else value[()]

    def _view(self, t):
        """A read-only array, without a copy when the chunks lie in one piece."""
        mapped = self._map(t)
        if mapped is not None:
            return np.asarray(mapped) if t.dtype.kind not in "mM" else np.asarray(mapped).view(t.dtype)
        value = np.asarray(self._value(t))
        value.flags.writeable = False
        return value


def new_session(endpoint=None, n_threads=None, memory_bytes=None, cache_mem=None, phy_mem=None, disk=None,
                spill_dir=None, spill_codec=None, hugepages=None, hugepage_size=None, key_file=None, keep_source=None):
    """A session of its own: of threads in this process, or of the cluster at `endpoint`.

    Results may be larger than memory: what is not needed now is written to disk and read back. Sizes are numbers of
    bytes, or texts such as "512m", "1.5g", "50%".

    Parameters
    ----------
    endpoint : str, optional
        "host:port", "unix:path" or, through its web daemon, "http://host:port"; None: threads of this process.
    n_threads : int, optional
        None: as options.n_threads says, or one for each CPU that the process may use.
    memory_bytes : int, optional
        Instead of the next two: results and work together.
    cache_mem : size, optional
        Results in memory; None: half of what is free.
    phy_mem : size, optional
        The process as a whole; None: all memory. 90 % of it are never passed.
    disk : size, optional
        Results on disk; None: what there is; 0: none.
    spill_dir : path or list of paths, optional
        Directories for them, or several joined by ':'; None: $MARS_SPILL_DIR, $TMPDIR or /var/tmp.
    spill_codec : {'none', 'lz4', 'zstd', 'auto'}, optional
        How they are written: None or 'none': as they are; 'lz4' and 'zstd': compressed where a sample shrinks by a
        fifth; 'auto': as the disk is done with first.
    hugepages : {'try', 'on', 'off'}, optional
        None or 'try': reserved huge pages while the system has free ones, then transparent ones, then small ones;
        'on': reserved ones or an error; 'off': small ones.
    hugepage_size : {'auto', '2M', '1G'}, optional
        Of reserved ones; None: 'auto'.
    key_file : path, optional
        The key of a cluster on other machines; None: $MARS_KEY_FILE, ~/.config/mars/cluster.key or
        /etc/mars/cluster.key, where there is one; 'none': connect without.
    keep_source : bool or size, optional
        Of a cluster: what this process may take to keep arrays that it gave, when only results are left that come from
        them, so that it can give them again when the machine is lost that has them. None or True: 25 % of memory;
        False: nothing is kept, and what is lost raises DataLost.

    Returns
    -------
    Session

    Raises
    ------
    ValueError
        A size or another value is none.
    OSError
        Nobody answers at the endpoint, or a directory cannot be used.

    Examples
    --------
    >>> session = mars.new_session(n_threads=2, memory_bytes=1 << 28, disk="1g")
    >>> int(session.run(mt.arange(10).sum()))
    45
    >>> session.close()
    >>> mars.new_session(disk="much")
    Traceback (most recent call last):
        ...
    ValueError: ...
    """
    return Session(endpoint, n_threads, memory_bytes, cache_mem, phy_mem, disk, spill_dir, spill_codec, hugepages,
                   hugepage_size, key_file, keep_source)


def chosen(session):
    """The session that session= names: the default one for None."""
    if session is None:
        return get_default_session()
    if not isinstance(session, Session):
        raise TypeError(f"session= is a Session, as new_session() makes it, not {session!r}")
    return session


def get_default_session():
    """The session that execute() uses when it is told no other; made now if there is none.

    Returns
    -------
    Session

    Examples
    --------
    >>> mars.get_default_session().closed
    False
    """
    global _default
    session = _default
    if session is None:
        with _lock:
            if _default is None:
                _default = Session()
                _default._set_default(True)
            session = _default
    return session


def holder(t):
    """The session that has the result of a tensor, the default one first; None when there is none."""
    if _default is not None and _default._executed(t):
        return _default
    for session in list(_open):
        if not session.closed and session._executed(t):
            return session
    return None


def opened(endpoint, name):
    """The result that a pickled tensor refers to: by a session of this process that knows it, the default one first, or
    by a new one, which stays open, and is the default one if there is none. Of threads (endpoint None) there is no
    other way into the process that has it."""
    sessions = [s for s in [_default, *_open] if s is not None and not s.closed and s.endpoint == endpoint]
    if not sessions and endpoint is not None:
        sessions = [new_session(endpoint)]
        if _default is None:
            sessions[0].as_default()
    for session in sessions:
        try:
            return session._opened(name)
        except UnknownName:
            continue
    where = f"the cluster at {endpoint}" if endpoint else "a session of threads in the process that has pickled it"
    raise UnknownName(f"the pickled tensor is result '{name}' of {where}, which has no such result any more or is "
                      "out of reach")


def execute(*tensors, session=None, wait=True, show_progress=None):
    """Computes tensors together, in one plan, and returns them.

    Parameters
    ----------
    *tensors : tensor_like
        Several, or a list or tuple of them.
    session : Session, optional
        None: the default one.
    wait : bool, optional
        False: return at once, with a future of the same.
    show_progress : bool or 'auto', optional
        None: as options.show_progress says.

    Returns
    -------
    Tensor, ExecutableTuple or Future

    Examples
    --------
    >>> a = mt.arange(4)
    >>> mars.execute(a.sum(), a.max())
    (Tensor(6), Tensor(3))
    """
    from .tensor.core import ExecutableTuple

    args, many = _tensors(tensors)
    ret = ExecutableTuple(args) if many else args[0]
    session = chosen(session)
    if not wait:
        return session._future(args, lambda: ret)
    session._wait(args, show_progress)
    return ret


def fetch(*tensors, session=None):
    """The values of executed tensors.

    Parameters
    ----------
    *tensors : Tensor
        Several, or a list or tuple of them.
    session : Session, optional
        None: those that have the values.

    Returns
    -------
    numpy.ndarray, scalar, or list of these

    Raises
    ------
    ValueError
        One of them has not been executed.

    Examples
    --------
    >>> mars.fetch(mt.arange(3).execute())
    array([0, 1, 2])
    """
    args, many = _tensors(tensors)
    values = [t.fetch(session=session) for t in args]
    return values if many else values[0]


def _begin_child():
    global _default, _lock, _open
    _default, _lock, _open = None, threading.Lock(), weakref.WeakSet()


os.register_at_fork(after_in_child=_begin_child)


@atexit.register
def _close_all():
    for session in list(_open):
        session.close()
