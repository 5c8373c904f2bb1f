# SPDX-License-Identifier: Apache-2.0
"""The class Tensor: what a handle can do besides building expressions.

An expression has shape and dtype at once and values after execute(). Methods that are functions of NumPy, too, are
attached by the modules that define those functions (@method).
"""
import operator
import uuid

import numpy as np

from .. import _core, _mars, errors
from ..session import chosen, get_default_session, holder, opened
from .showing import literal, shown, words


def method(function, name=None):
    """A decorator: the function is a method of Tensor, too."""
    setattr(Tensor, name or function.__name__, function)
    return function


class ExecutableTuple(tuple):
    """Several tensors that are computed together.

    Functions with more than one result return it.

    Examples
    --------
    >>> fraction, whole = mt.modf([1.25, 2.5]).execute()
    >>> fraction
    Tensor([0.25, 0.5 ])
    """

    __slots__ = ()

    def execute(self, session=None, wait=True, show_progress=None):
        """Computes the tensors together, in one plan, and returns the tuple.

        Parameters
        ----------
        session : Session, optional
            None: the default one.
        wait : bool, optional
            False: return at once, with a future of the tuple.
        show_progress : bool or 'auto', optional
            None: as options.show_progress says.

        Returns
        -------
        ExecutableTuple or Future

        Examples
        --------
        >>> mt.ExecutableTuple([mt.arange(3), mt.ones(2)]).execute()
        (Tensor([0, 1, 2]), Tensor([1., 1.]))
        """
        session = chosen(session)
        if not wait:
            return session._future(tuple(self), lambda: self)
        session._wait(tuple(self), show_progress)
        return self

    def fetch(self, session=None):
        """The values of the tensors, which have been executed.

        Parameters
        ----------
        session : Session, optional
            None: those that have the values.

        Returns
        -------
        tuple of numpy.ndarray

        Raises
        ------
        ValueError
            One of them has not been executed.

        Examples
        --------
        >>> mt.divmod(mt.tensor([7, 8]), 3).execute().fetch()
        (array([2, 2]), array([1, 2]))
        """
        return tuple(t.fetch(session=session) for t in self)


def named_tuple(name, *fields):
    """A class of tuples of tensors that have names, too, as many results of NumPy's linalg have."""
    names = {field: property(operator.itemgetter(k)) for k, field in enumerate(fields)}
    return type(name, (ExecutableTuple,), {"__slots__": (), "_fields": fields, "__module__": __name__, **names,
                                           "__doc__": f"Tensors that are computed together: {', '.join(fields)}."})


class Tensor(_mars.Tensor):
    """A lazy, chunked array. Operators and functions build expressions; execute() computes them.

    After execute() a tensor shows its values, and is an array wherever NumPy takes one. It is made by the functions of
    mars.tensor: tensor(), zeros(), arange(), random.rand(), load() and so on.

    Examples
    --------
    >>> a = mt.arange(6, chunk_size=2).reshape(2, 3)
    >>> a.shape, a.dtype, a.executed
    ((2, 3), dtype('int64'), False)
    >>> (a.sum(axis=0) + 0.5).execute()
    Tensor([3.5, 5.5, 7.5])
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # ---- Executing ---------------------------------------------------------------------------------------------------

    def execute(self, session=None, wait=True, show_progress=None):
        """Computes the tensor unless it is computed already, and returns it.

        Parameters
        ----------
        session : Session, optional
            Where it is computed, and keeps its values; None: the default one.
        wait : bool, optional
            False: return at once, with a future of the tensor.
        show_progress : bool or 'auto', optional
            None: as options.show_progress says.

        Returns
        -------
        Tensor or Future

        Raises
        ------
        MemoryError
            A chunk, or what a task needs at the same time, is larger than the session may take.
        SessionClosed
            The session is closed.

        Examples
        --------
        >>> a = mt.ones((2, 2)) * 3
        >>> a.execute()
        Tensor([[3., 3.],
                [3., 3.]])
        >>> a.sum().execute(wait=False).result()
        Tensor(12.0)
        """
        session = chosen(session)
        if not wait:
            return session._future((self,), lambda: self)
        session._wait((self,), show_progress)
        return self

    def fetch(self, session=None):
        """The values of an executed tensor as an array of the caller's own.

        Parameters
        ----------
        session : Session, optional
            None: the one that has the values.

        Returns
        -------
        numpy.ndarray
            A scalar of NumPy's if there are no axes.

        Raises
        ------
        ValueError
            The tensor has not been executed.

        Examples
        --------
        >>> a = mt.arange(4) ** 2
        >>> a.execute().fetch()
        array([0, 1, 4, 9])
        >>> (a + 1).fetch()
        Traceback (most recent call last):
            ...
        ValueError: Cannot fetch the unexecuted tensor ...: call execute() first
        """
        session = holder(self) if session is None else chosen(session)
        if session is None or not session._executed(self):
            raise ValueError(f"Cannot fetch the unexecuted tensor {words(self)}: call execute() first")
        return session._value(self)

    def save_as(self, name, session=None):
        """Computes the tensor and names its values.

        Session.open(name) of any session of the same user and cluster gives them, until Session.remove(name). They
        outlive this session and the scheduler; in a session without a cluster they end with it.

        Parameters
        ----------
        name : str
            A line of at most 255 bytes.
        session : Session, optional
            None: the one that has the values, or the default one.

        Returns
        -------
        Tensor
            The tensor itself.

        Raises
        ------
        NameTaken
            Another result has the name.

        Examples
        --------
        >>> session = mars.new_session()
        >>> t = mt.arange(3).save_as("counts", session=session)
        >>> session.open("counts") + 1
        Tensor <op=add, shape=(3,), dtype=int64>
        >>> session.close()
        """
        session = holder(self) or chosen(None) if session is None else chosen(session)
        session._wait((self,))
        session._save_as(self, name)
        return self

    def _executed_in(self):
        """The session that has the values; computes them when none has."""
        session = holder(self)
        if session is None:
            session = get_default_session()
            session._wait((self,))
        return session

    def _view(self):
        """The values as a read-only array."""
        return self._executed_in()._view(self)

    def _resolve(self):
        (holder(self) or get_default_session())._resolve(self)

    @property
    def executed(self):
        """Whether the values are there, in a session that is open.

        Examples
        --------
        >>> a = mt.zeros(3)
        >>> a.executed, a.execute().executed
        (False, True)
        """
        return holder(self) is not None

    # ---- As an array -------------------------------------------------------------------------------------------------

    def __array__(self, dtype=None, copy=None):
        if copy:
            value = np.asarray(self._executed_in()._value(self))
        else:
            value = self._view()
        if dtype is None or np.dtype(dtype) == value.dtype:
            return value
        if copy is False:
            raise ValueError("a copy is needed to change the dtype")
        return value.astype(dtype)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        from . import protocols

        return protocols.array_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        from . import protocols

        return protocols.array_function(func, types, args, kwargs)

    def __array_namespace__(self, /, *, api_version=None):
        """The module that has the functions of the array API standard, mars.tensor."""
        from . import standard

        return standard.namespace(api_version)

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """The values for another library, in a capsule of DLPack; computes them if need be.

        Who knows version 1 gets them as they are, marked as not to be written; all others, which cannot be told that,
        a copy.
        """
        if stream is not None:
            raise BufferError("the device 'cpu' has no streams")
        if dl_device is not None and tuple(dl_device) != self.__dlpack_device__():
            raise BufferError(f"tensors can be had in memory, not on the device {tuple(dl_device)}")
        versioned = max_version is not None and max_version[0] >= 1
        if copy is False and not versioned:
            raise BufferError("a copy is needed: before version 1, DLPack cannot say that values must not be written")
        copied = bool(copy) or not versioned
        value = np.asarray(self._executed_in()._value(self)) if copied else self._view()
        return _mars.to_dlpack(value, versioned, copied)

    def __dlpack_device__(self):
        """DLPack's numbers of the device: 1 is memory."""
        return (1, 0)

    @property
    def device(self):
        """Where the tensor is: 'cpu', the only device.

        Examples
        --------
        >>> mt.zeros(3).device
        'cpu'
        """
        from .creation import DEVICE

        return DEVICE

    def to_device(self, device, /, *, stream=None):
        """The tensor on a device, of which there is one.

        Parameters
        ----------
        device : 'cpu'
        stream : None, optional
            The device has none.

        Returns
        -------
        Tensor

        Raises
        ------
        ValueError
            There is no such device, or a stream was given.

        Examples
        --------
        >>> mt.arange(3).to_device("cpu").execute()
        Tensor([0, 1, 2])
        """
        from .creation import asarray

        if stream is not None:
            raise ValueError("the device 'cpu' has no streams")
        return asarray(self, device=device)

    def to_numpy(self):
        """The values as an array of the caller's own; computes them if need be.

        Returns
        -------
        numpy.ndarray

        Examples
        --------
        >>> mt.arange(3).to_numpy()
        array([0, 1, 2])
        """
        return np.asarray(self._executed_in()._value(self))

    def item(self, *args):
        """One element as a number of Python's; computes the tensor if need be.

        Parameters
        ----------
        *args : int or tuple of int, optional
            Its indices, or its place in the flattened tensor; not given: the only one there is.

        Returns
        -------
        bool, int, float, complex, datetime, timedelta or None

        Raises
        ------
        ValueError
            The tensor has several elements, and none was chosen.
        IndexError
            There is no such element.

        Examples
        --------
        >>> a = mt.arange(6).reshape(2, 3)
        >>> a.item(1, 2), a.item(4), a.sum().item()
        (5, 4, 15)
        """
        return self._view().item(*args)

    def tolist(self):
        """The values as lists in lists of Python's numbers; computes them if need be.

        Returns
        -------
        list
            The number alone if there are no axes.

        Examples
        --------
        >>> mt.arange(4).reshape(2, 2).tolist()
        [[0, 1], [2, 3]]
        """
        return self._view().tolist()

    def fill(self, value):
        """Sets all elements: the tensor stands for the new values from now on.

        Parameters
        ----------
        value : scalar or tensor_like
            What broadcasts to the shape.

        Examples
        --------
        >>> a = mt.zeros((2, 2))
        >>> a.fill(7)
        >>> a.execute()
        Tensor([[7., 7.],
                [7., 7.]])
        """
        self[...] = value

    def tobytes(self, order="C"):
        """The bytes of the elements in their order; computes them if need be.

        Parameters
        ----------
        order : {'C', 'F', 'A', 'K'}, optional
            'F': the first index changes fastest; others: the last one.

        Returns
        -------
        bytes

        Examples
        --------
        >>> mt.tensor([[1, 2], [3, 4]], dtype="uint8").tobytes()
        b'\\x01\\x02\\x03\\x04'
        >>> mt.tensor([[1, 2], [3, 4]], dtype="uint8").tobytes("F")
        b'\\x01\\x03\\x02\\x04'
        """
        return self._view().tobytes(order)

    def _scalar(self, what):
        if self.size != 1:
            raise TypeError(f"only length-1 tensors can be converted to {what}, not one of shape {self.shape}")
        return self._view().reshape(())[()]

    def __bool__(self):
        if self.size > 1:
            raise ValueError("The truth value of a tensor with more than one element is ambiguous. "
                             "Use a.any() or a.all()")
        return bool(self._view())

    def __float__(self):
        return float(self._scalar("Python scalars"))

    def __int__(self):
        return int(self._scalar("Python scalars"))

    def __complex__(self):
        return complex(self._scalar("Python scalars"))

    def __index__(self):
        if self.ndim != 0 or self.dtype.kind not in "iu":
            raise TypeError("only integer scalar tensors can be converted to a scalar index")
        return int(self._view())

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        """Rows: values once the tensor is executed, expressions before."""
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        if self.executed:
            return iter(self._view())
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value):
        return bool((self == value).any())

    def __format__(self, spec):
        return format(self._view()[()], spec) if spec else str(self)

    def __reduce__(self):
        """A reference: the values are computed, stay where they are, and get a name that the pickle has in it. Whoever
        unpickles it opens them from there (see session.opened()); session.remove(name) ends it."""
        session = self._executed_in()
        name = f"pickle-{uuid.uuid4().hex}"
        session._save_as(self, name)
        return opened, (session.endpoint, name)

    def __copy__(self):
        return self._same()

    def __deepcopy__(self, memo):
        return self._same()

    def copy(self, order="C"):
        """Another handle of the same values: tensors have value semantics, so nothing is copied.

        Parameters
        ----------
        order : optional
            Ignored: how elements lie in memory is the engine's matter.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> a = mt.arange(3)
        >>> b = a.copy()
        >>> b[0] = 9
        >>> a.execute(), b.execute()
        (Tensor([0, 1, 2]), Tensor([9, 1, 2]))
        """
        return self._same()

    # ---- Attributes --------------------------------------------------------------------------------------------------

    @property
    def size(self):
        """Number of elements; computed when it depends on data.

        Examples
        --------
        >>> mt.zeros((2, 3)).size
        6
        """
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def itemsize(self):
        """Bytes of one element.

        Examples
        --------
        >>> mt.zeros(3, dtype="float32").itemsize
        4
        """
        return self.dtype.itemsize

    @property
    def nbytes(self):
        """Bytes of all elements, whether they are computed or not.

        Examples
        --------
        >>> mt.zeros((10**6, 10**6)).nbytes
        8000000000000
        """
        return self.size * self.dtype.itemsize

    @property
    def nsplits(self):
        """How the tensor is cut: for each axis the lengths of its chunks; computed when they depend on data.

        Also called chunks.

        Examples
        --------
        >>> mt.zeros((4, 5), chunk_size=(4, 2)).nsplits
        ((4,), (2, 2, 1))
        """
        if -1 in self._known_shape:
            self._executed_in()
        flat, ret = iter(self._chunks()), []
        for n in flat:
            ret.append(tuple(next(flat) for _ in range(n)))
        return tuple(ret)

    chunks = nsplits

    @property
    def chunk_shape(self):
        """Number of chunks of each axis.

        Examples
        --------
        >>> mt.zeros((4, 5), chunk_size=2).chunk_shape
        (2, 3)
        """
        return tuple(map(len, self.nsplits))

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        """The elements in another dtype.

        Parameters
        ----------
        dtype : data-type
        order : optional
            Ignored: how elements lie in memory is the engine's matter.
        casting : {'no', 'equiv', 'safe', 'same_kind', 'unsafe'}, optional
            Which casts are allowed.
        subok, copy : optional
            Ignored: tensors have value semantics.

        Returns
        -------
        Tensor

        Raises
        ------
        TypeError
            `casting` does not allow it, or tensors have no such dtype.

        Examples
        --------
        >>> mt.tensor([1.7, -2.7]).astype("int32").execute()
        Tensor([ 1, -2], dtype=int32)
        >>> mt.tensor([1.7]).astype(int, casting="safe")
        Traceback (most recent call last):
            ...
        TypeError: Cannot cast tensor data from dtype('float64') to dtype('int64') according to the rule 'safe'
        """
        dtype = _core.as_dtype(dtype)
        if dtype == self.dtype:
            return self._same()
        if not _mars.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"Cannot cast tensor data from {self.dtype!r} to {dtype!r} according to the rule "
                            f"'{casting}'")
        return _core.op("cast", self, dtype=dtype)

    # ---- Sparse ------------------------------------------------------------------------------------------------------

    def tosparse(self, missing=None):
        """A SparseTensor of the elements that are not zero.

        Parameters
        ----------
        missing : scalar, optional
            Left out are the elements equal to it, which may be NaN.

        Returns
        -------
        SparseTensor

        Examples
        --------
        >>> mt.tensor([[0, 2], [0, 0]]).tosparse().nnz
        1
        """
        from .sparse import of_dense

        return of_dense(self, missing)

    def todense(self, fill_value=None):
        """The tensor itself: all its elements are stored, and none has to be filled in.

        Parameters
        ----------
        fill_value : optional
            Ignored, for that reason.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.arange(3).todense().execute()
        Tensor([0, 1, 2])
        """
        return self

    def issparse(self):
        """False: all elements are stored. A SparseTensor says True.

        Also called is_sparse.

        Returns
        -------
        bool

        Examples
        --------
        >>> mt.zeros(3).issparse()
        False
        """
        return False

    is_sparse = issparse

    # ---- What the original had besides -------------------------------------------------------------------------------

    def isscalar(self):
        """Whether the tensor has no axes.

        Also called is_scalar.

        Returns
        -------
        bool

        Examples
        --------
        >>> a = mt.arange(3)
        >>> a.isscalar(), a.sum().isscalar()
        (False, True)
        """
        return self.ndim == 0

    is_scalar = isscalar

    def rebalance(self, factor=None, axis=0, num_partitions=None):
        """Cut along an axis into chunks of almost one length.

        Parameters
        ----------
        factor : float, optional
            Ignored: which worker has which chunk is the scheduler's matter.
        axis : int, optional
        num_partitions : int, optional
            How many chunks; None: as many as there are.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> a = mt.zeros(10, chunk_size=((7, 1, 2),))
        >>> a.rebalance(num_partitions=3).nsplits
        ((4, 4, 2),)
        """
        axis = axis_of(axis, self.ndim)
        n = len(self.nsplits[axis]) if num_partitions is None else operator.index(num_partitions)
        if n < 1:
            raise ValueError(f"num_partitions is one at least, not {n}")
        return self.rechunk({axis: max(-(-self.shape[axis] // n), 1)})

    def map_chunk(self, func, *args, **kwargs):
        """Refused: a function of Python's would have to be sent to the workers, which run no code of their clients.

        Parameters
        ----------
        func : callable
        *args, **kwargs : optional

        Raises
        ------
        NotImplementedError
            Always. It says what to do instead.

        Examples
        --------
        >>> mt.ones(3).map_chunk(np.sin)
        Traceback (most recent call last):
            ...
        NotImplementedError: no code goes to workers: ...
        """
        raise NotImplementedError("no code goes to workers: write it with functions of tensors, which are computed "
                                  "together chunk by chunk, or call it here with numpy.asarray(part) of the parts that "
                                  "it needs")

    def __getitem__(self, key):
        from . import indexing

        return indexing.getitem(self, key)

    def __setitem__(self, key, value):
        from . import indexing

        indexing.setitem(self, key, value)

    # ---- Showing -----------------------------------------------------------------------------------------------------

    def __repr__(self):
        session = holder(self)
        return words(self) if session is None else literal(self, session)

    def __str__(self):
        session = holder(self)
        return words(self) if session is None else shown(self, session)

    def _repr_html_(self):
        from . import drawing

        return drawing.html(self)

    def explain(self, session=None):
        """What would run, stage by stage.

        Parameters
        ----------
        session : Session, optional
            Whose plan; None: that of the default one.

        Returns
        -------
        str
            Stages in their order, with their tasks, chunks and bytes.

        Examples
        --------
        >>> print(mt.ones(6, chunk_size=3).sum().explain())
        2 stages, 3 tasks, 3 chunks
          1. sum (fused), 2 tasks
               makes  float64 (4,), 2 chunks, 32 B
          2. merge sum (merge), 1 task
               reads  float64 (4,), 2 chunks, 32 B (of 1)
               makes  float64 (), 1 chunk, 8 B
        """
        return chosen(session)._explain((self,), None)

    def visualize(self, format="svg", session=None):
        """What would run as a picture.

        Parameters
        ----------
        format : {'svg', 'dot'}, optional
            SVG, which notebooks show, or the text of a DOT file.
        session : Session, optional
            Whose plan; None: that of the default one.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            There is no such format.

        Examples
        --------
        >>> mt.ones(3).sum().visualize("dot")[:7]
        'digraph'
        """
        if format not in ("svg", "dot"):
            raise ValueError(f"format is 'svg' or 'dot', not {format!r}")
        from .drawing import Drawing

        return Drawing(chosen(session)._explain((self,), format))


def _execute_now(made):
    """Eager mode: the extension calls this with everything that it makes."""
    get_default_session()._wait(made if isinstance(made, tuple) else (made,), False)


_mars.setup(tensor_class=Tensor, errors=errors.by_code, mars_error=errors.MarsError, dtypes=_core.ALL_DTYPES,
            dtype_codes=_core.CODES, read_dtype=_core.read_dtype, read_array=_core.read_array,
            masked_class=np.ma.MaskedArray, execute=_execute_now)


def rows_of(t, size_bytes=8 << 20, session=None):
    """The values, computed once, as arrays of so many rows at a time as have about these bytes."""
    t.execute(session)
    if t.ndim == 0 or t.size == 0:
        yield np.asarray(t.fetch(session))
        return
    step = max(size_bytes // max(t.nbytes // t.shape[0], 1), 1)
    for first in range(0, t.shape[0], step):
        yield np.asarray(t[first:first + step].execute(session).fetch(session))


def axis_of(axis, ndim, name=None):
    """One axis, counted from the front."""
    if isinstance(axis, bool):
        raise TypeError("an integer is required for the axis, not a boolean")
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        words = f"axis {axis} is out of bounds for array of dimension {ndim}"
        raise errors.AxisError(f"{name}: {words}" if name else words)
    return axis % ndim if ndim else 0


def axes_of(axes, ndim, name=None):
    """Different axes, counted from the front; one integer is one axis."""
    if hasattr(axes, "__index__"):
        axes = (axes,)
    axes = tuple(axis_of(a, ndim, name) for a in axes)
    if len(set(axes)) != len(axes):
        raise ValueError(f"repeated axis in `{name}` argument" if name else "repeated axis")
    return axes
