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


def method(function, name=None):
    """A decorator: the function is a method of Tensor, too."""
    setattr(Tensor, name or function.__name__, function)
    return function


class ExecutableTuple(tuple):
    """Several tensors that are computed together."""

    __slots__ = ()

    def execute(self, session=None, wait=True, show_progress=None):
        session = chosen(session)
        if not wait:
            return session._future(tuple(self), lambda: self)
        session._wait(tuple(self), show_progress)
        return self

    def fetch(self, session=None):
        return tuple(t.fetch(session=session) for t in self)


def named_tuple(name, *fields):
    """A class of tuples of tensors that have names, too, as many results of NumPy's linalg have."""
    names = {field: property(operator.itemgetter(k)) for k, field in enumerate(fields)}
    return type(name, (ExecutableTuple,), {"__slots__": (), "_fields": fields, "__module__": __name__, **names,
                                           "__doc__": f"Tensors that are computed together: {', '.join(fields)}."})


class Drawing(str):
    """A text that notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self):
        return str(self) if self.lstrip().startswith("<") else None


class Tensor(_mars.Tensor):
    """A lazy, chunked array. Operators and functions build expressions; execute() computes them.

    After execute() a tensor shows its values, and is an array wherever NumPy takes one. It is made by the functions of
    mars.tensor: tensor(), zeros(), arange(), random.rand(), load() and so on.
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # ---- Executing ---------------------------------------------------------------------------------------------------

    def execute(self, session=None, wait=True, show_progress=None):
        """Computes the tensor unless it is computed already, and returns it; with wait=False a future of it."""
        session = chosen(session)
        if not wait:
            return session._future((self,), lambda: self)
        session._wait((self,), show_progress)
        return self

    def fetch(self, session=None):
        """The values of an executed tensor as an array of the caller's own; a scalar when there are no axes."""
        session = holder(self) if session is None else chosen(session)
        if session is None or not session._executed(self):
            raise ValueError(f"Cannot fetch the unexecuted tensor {_words(self)}: call execute() first")
        return session._value(self)

    def save_as(self, name, session=None):
        """Computes the tensor and names its values: open(name) of any session of the same user and cluster gives them,
        until remove(name). They outlive this session and the scheduler; in a session without a cluster they end with
        it. Returns the tensor."""
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
        """Whether the values are there."""
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
        """Where the tensor is: 'cpu'."""
        from .creation import DEVICE

        return DEVICE

    def to_device(self, device, /, *, stream=None):
        """The tensor on a device, of which there is one: 'cpu'."""
        from .creation import asarray

        if stream is not None:
            raise ValueError("the device 'cpu' has no streams")
        return asarray(self, device=device)

    def to_numpy(self):
        """The values as an array of the caller's own; computes them if need be."""
        return np.asarray(self._executed_in()._value(self))

    def item(self, *args):
        return self._view().item(*args)

    def tolist(self):
        return self._view().tolist()

    def fill(self, value):
        """Sets all elements."""
        self[...] = value

    def tobytes(self, order="C"):
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
        """Another handle of the same values: tensors have value semantics, so nothing is copied."""
        return self._same()

    # ---- Attributes --------------------------------------------------------------------------------------------------

    @property
    def size(self):
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def itemsize(self):
        return self.dtype.itemsize

    @property
    def nbytes(self):
        return self.size * self.dtype.itemsize

    @property
    def nsplits(self):
        """How the tensor is cut: for each axis the lengths of its chunks; computed when they depend on data."""
        if -1 in self._known_shape:
            self._executed_in()
        flat, ret = iter(self._chunks()), []
        for n in flat:
            ret.append(tuple(next(flat) for _ in range(n)))
        return tuple(ret)

    chunks = nsplits

    @property
    def chunk_shape(self):
        """Number of chunks of each axis."""
        return tuple(map(len, self.nsplits))

    @property
    def T(self):
        return self.transpose()

    @property
    def mT(self):
        """The last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError("matrix transpose with ndim < 2 is undefined")
        return self.swapaxes(-1, -2)

    @property
    def flat(self):
        return self.ravel()

    @property
    def real(self):
        return _core.op("real", self)

    @real.setter
    def real(self, value):
        from .math import from_parts

        self._rebind(from_parts(value, self.imag, self) if self.dtype.kind == "c" else _filled(self, value))

    @property
    def imag(self):
        return _core.op("imag", self)

    @imag.setter
    def imag(self, value):
        if self.dtype.kind != "c":
            raise TypeError("tensor does not have imaginary part to set")
        from .math import from_parts

        self._rebind(from_parts(self.real, value, self))

    def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
        """The elements in another dtype."""
        dtype = _core.as_dtype(dtype)
        if dtype == self.dtype:
            return self._same()
        if not _mars.can_cast(self.dtype, dtype, casting):
            raise TypeError(f"Cannot cast tensor data from {self.dtype!r} to {dtype!r} according to the rule "
                            f"'{casting}'")
        return _core.op("cast", self, dtype=dtype)

    # ---- Sparse ------------------------------------------------------------------------------------------------------

    def tosparse(self, missing=None):
        """A SparseTensor of the elements that are not zero, or not equal to `missing`, which may be NaN."""
        from .sparse import of_dense

        return of_dense(self, missing)

    def todense(self, fill_value=None):
        """The tensor itself: all its elements are stored, and none has to be filled in."""
        return self

    def issparse(self):
        """False: all elements are stored. A SparseTensor says True."""
        return False

    is_sparse = issparse

    def __getitem__(self, key):
        from . import indexing

        return indexing.getitem(self, key)

    def __setitem__(self, key, value):
        from . import indexing

        indexing.setitem(self, key, value)

    # ---- Showing -----------------------------------------------------------------------------------------------------

    def __repr__(self):
        session = holder(self)
        if session is None:
            return _words(self)
        settings = np.get_printoptions()
        text, more = "Tensor(" + _shown(self, session, "Tensor(", ","), []
        if (self.size == 0 and self.shape != (0,)) or self.size > settings["threshold"]:
            more.append(f"shape={self.shape}")
        if self.size == 0 or self.dtype not in _IMPLIED:
            more.append(f"dtype={self.dtype}")
        if not more:
            return text + ")"
        words = ", ".join(more) + ")"
        wide = len(text) - text.rfind("\n") - 1 + len(", " + words) > settings["linewidth"]
        return text + ("," + "\n" + " " * len("Tensor(") if wide else ", ") + words

    def __str__(self):
        session = holder(self)
        return _words(self) if session is None else _shown(self, session)

    def _repr_html_(self):
        from . import drawing

        return drawing.html(self)

    def explain(self, session=None):
        """What would run, stage by stage."""
        return chosen(session)._explain((self,), None)

    def visualize(self, format="svg", session=None):
        """What would run as a picture: SVG, which notebooks show, or the text of a DOT file."""
        if format not in ("svg", "dot"):
            raise ValueError(f"format is 'svg' or 'dot', not {format!r}")
        return Drawing(chosen(session)._explain((self,), format))


_IMPLIED = tuple(_core.DTYPES[k] for k in (0, 7, 11, 13))  # which literals have


def _words(t):
    dims = ["?" if n < 0 else str(n) for n in t._known_shape]
    shape = f"({dims[0]},)" if len(dims) == 1 else f"({', '.join(dims)})"
    return f"Tensor <op={t.op}, shape={shape}, dtype={t.dtype}>"


def _filled(t, value):
    from .manipulation import broadcast_to
    from .creation import astensor

    return broadcast_to(astensor(value), t.shape)


def _shown(t, session, prefix="", suffix=""):
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


def _execute_now(made):
    """Eager mode: the extension calls this with everything that it makes."""
    get_default_session()._wait(made if isinstance(made, tuple) else (made,), False)


_mars.setup(tensor_class=Tensor, errors=errors.by_code, mars_error=errors.MarsError, dtypes=_core.ALL_DTYPES,
            dtype_codes=_core.CODES, read_dtype=_core.read_dtype, read_array=_core.read_array, execute=_execute_now)


def rows_of(t, size_bytes=8 << 20):
    """The values, computed once, as arrays of so many rows at a time as have about these bytes."""
    t.execute()
    if t.ndim == 0 or t.size == 0:
        yield np.asarray(t.fetch())
        return
    step = max(size_bytes // max(t.nbytes // t.shape[0], 1), 1)
    for first in range(0, t.shape[0], step):
        yield np.asarray(t[first:first + step].execute().fetch())


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
