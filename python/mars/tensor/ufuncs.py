# SPDX-License-Identifier: Apache-2.0
"""NumPy's universal functions: operators of the family map, with out=, where=, dtype= and casting=."""
import numpy as np

from .. import _core, _mars
from .core import ExecutableTuple, Tensor

_call = _mars.op

# Names of NumPy that are other words for an operator of the table.
ALIASES = {"true_divide": "divide", "mod": "remainder", "abs": "absolute", "conj": "conjugate", "bitwise_not": "invert",
           "rad2deg": "degrees", "deg2rad": "radians", "bitwise_invert": "invert", "bitwise_left_shift": "left_shift",
           "bitwise_right_shift": "right_shift", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin",
           "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh", "atan2": "arctan2", "pow": "power"}
NAMES = """absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_or
    bitwise_xor cbrt ceil conjugate copysign cos cosh degrees divide divmod equal exp exp2 expm1
    fabs float_power floor floor_divide fmax fmin fmod frexp gcd greater greater_equal heaviside hypot
    invert isfinite isinf isnan lcm ldexp left_shift less less_equal log log10 log1p log2
    logaddexp logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum modf
    multiply negative nextafter not_equal positive power radians reciprocal remainder
    right_shift rint sign signbit sin sinh spacing sqrt square subtract tan tanh trunc""".split()

_TWO_IN = set("""add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide divmod equal float_power floor_divide
    fmax fmin fmod gcd greater greater_equal heaviside hypot lcm ldexp left_shift less less_equal
    logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum multiply nextafter
    not_equal power remainder right_shift subtract""".split())

_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")

# Functions that may be put in brackets at will: the operators that apply them between all elements, and up to each
# one, as trees. All others go from the left to the right (left_reduce, left_accumulate).
_FOLDS = {"add": ("sum", "cumsum"), "multiply": ("prod", "cumprod"), "maximum": ("max", "cummax"),
          "minimum": ("min", "cummin"), "fmax": ("nanmax", "fmax_accumulate"), "fmin": ("nanmin", "fmin_accumulate"),
          "logical_and": ("all", "logical_and_accumulate"), "logical_or": ("any", "logical_or_accumulate"),
          "gcd": ("gcd_reduce", None), "lcm": ("lcm_reduce", None),
          **{name: (f"{name}_reduce", f"{name}_accumulate")
             for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "logical_xor", "hypot", "logaddexp",
                          "logaddexp2")}}


def _same_kind_words(name, index, have, want, casting):
    return f"Cannot cast ufunc '{name}' input {index} from {have!r} to {want!r} with casting rule '{casting}'"


def store(result, out, casting, name):
    """Puts a result into out=: a tensor, which is rebound, or an array of NumPy's."""
    from .manipulation import broadcast_to

    if isinstance(out, np.ndarray):
        np.copyto(out, np.asarray(result), casting=casting)
        return out
    if not isinstance(out, Tensor):
        raise TypeError("return arrays must be of ArrayType")
    if result.shape != out.shape:
        try:
            result = broadcast_to(result, out.shape)
        except ValueError:
            raise ValueError(f"non-broadcastable output operand with shape {out.shape} doesn't match the broadcast "
                             f"shape {result.shape}") from None
    if result.dtype != out.dtype:
        if not _mars.can_cast(result.dtype, out.dtype, casting):
            raise TypeError(f"Cannot cast ufunc '{name}' output from {result.dtype!r} to {out.dtype!r} with casting "
                            f"rule '{casting}'")
        result = result.astype(out.dtype)
    out._rebind(result)
    return out


def _any_sparse(args):
    return any(hasattr(a, "tocsr") for a in args)


def _kind(x):
    return x.dtype.kind if hasattr(x, "dtype") else np.asarray(x).dtype.kind


class _Words:
    """The __doc__ of a function, made of its entry when somebody asks, and that of the class."""

    def __init__(self, of_class):
        self._of_class = of_class

    def __get__(self, made, cls):
        return self._of_class if made is None else made._words()


class ufunc:
    """A function that works element by element, with broadcasting: what NumPy calls a universal function.

    Calls build expressions. Beside the inputs, whose names are those of the function's own words, they take these.

    Parameters
    ----------
    out : Tensor, numpy.ndarray or tuple of them, optional
        Gets the result. A tensor stands for the result from now on, which stays lazy; an array of NumPy's is filled,
        for which the result is computed now.
    where : tensor_like of bool, optional
        Where it is false, elements keep what `out` has; without `out` they are 0, where NumPy leaves them to chance.
    casting : {'no', 'equiv', 'safe', 'same_kind', 'unsafe'}, optional
        Which casts to `dtype` and to that of `out` are allowed.
    dtype : data-type, optional
        The dtype of the result, in which it is computed, too.
    order, subok, chunk_size : optional
        Are taken and change nothing.

    Attributes
    ----------
    nin, nout, nargs : int
        Number of inputs, of results, and of both.

    Examples
    --------
    >>> mt.add(mt.arange(4), 10, where=[True, False, True, False]).execute()
    Tensor([10,  0, 12,  0])
    >>> mt.add([1, 2], 0.5, dtype="float32").execute()
    Tensor([1.5, 2.5], dtype=float32)
    """

    def __init__(self, name, operator=None, module=__name__):
        self._operator = operator or name
        operator = _core.OPERATORS.get(self._operator)
        self.__name__, self.__module__ = name, module
        if operator is None:
            self._number, self.nin, self.nout = None, 2 if name in _TWO_IN else 1, 1
        else:
            self._number, self.nin, self.nout = operator.number, operator.n_in, operator.n_out

    def _words(self):
        operator = _core.OPERATORS.get(self._operator)
        if operator is None:
            return f"{self.__name__}: this build has no such operator."
        from .examples import EXAMPLES

        together = "" if self.nin == 1 else "\n    Their shapes broadcast."
        result = "Tensor" if self.nout == 1 else f"ExecutableTuple of {self.nout} Tensors"
        example = EXAMPLES.get(self._operator)
        return (f"{self.__name__}({operator.inputs}, /, out=None, *, where=True, casting='same_kind', dtype=None)\n\n"
                f"{operator.doc}\n\nParameters\n----------\n{operator.inputs} : tensor_like{together}\n"
                "out, where, casting, dtype : optional\n    As of all functions of the class: help(mars.tensor.ufunc)."
                f"\n\nReturns\n-------\n{result}\n" + (f"\nExamples\n--------{example}" if example else ""))

    def __repr__(self):
        return f"<ufunc '{self.__name__}'>"

    def __reduce__(self):
        return self.__name__

    @property
    def nargs(self):
        """Number of inputs and results.

        Examples
        --------
        >>> mt.add.nargs, mt.divmod.nargs
        (3, 4)
        """
        return self.nin + self.nout

    def __call__(self, *args, **kwargs):
        if kwargs or len(args) != self.nin or self._number is None:
            return self._with(args, **kwargs)
        try:
            made = _call(self._number, None, *args)
        except TypeError:
            if not _any_sparse(args):
                raise
            return self._with(args)
        return made if self.nout == 1 else ExecutableTuple(made)

    def _with(self, args, out=None, where=True, dtype=None, casting="same_kind", order="K", subok=True, chunk_size=None,
              **others):
        if others:
            raise TypeError(f"{self.__name__}() got an unexpected keyword argument '{next(iter(others))}'")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(f"{self.__name__}() takes from {self.nin} to {self.nargs} positional arguments but "
                            f"{len(args)} were given")
        if self._number is None:
            raise NotImplementedError(f"this build of Mars has no operator '{self.__name__}'")
        if len(args) > self.nin:
            if out is not None:
                raise TypeError("cannot specify 'out' as both a positional and keyword argument")
            out, args = args[self.nin:], args[:self.nin]
        if casting not in _CASTINGS:
            raise ValueError(
                f"casting must be one of 'no', 'equiv', 'safe', 'same_kind', or 'unsafe' (got {casting!r})"
            )
        if _any_sparse(args):
            from .sparse import apply

            return apply(self, args, {"out": out, "where": where, "dtype": dtype, "casting": casting})
        outs = out if isinstance(out, tuple) else (out,)
        outs += (None,) * (self.nout - len(outs))
        if len(outs) > self.nout:
            raise ValueError(f"The 'out' tuple must have exactly {self.nout} entries")
        made = _call(self._number, None, *args) if dtype is None else self._of_dtype(args, dtype, casting)
        made = made if self.nout > 1 else (made,)
        if where is not True:
            made = [self._masked(m, o, where) for m, o in zip(made, outs)]
        ret = ExecutableTuple(m if o is None else store(m, o, casting, self.__name__) for m, o in zip(made, outs))
        return ret if self.nout > 1 else ret[0]

    def _masked(self, made, out, where):
        """Elements outside of the mask keep what out has; without out they are zero (NumPy leaves them to chance)."""
        where = where if isinstance(where, Tensor) else _mars.data(where, None)
        if where.dtype.kind != "b":
            raise TypeError(f"Cannot cast array data from {where.dtype!r} to dtype('bool') according to the rule "
                            "'safe'")
        other = _core.op("cast", 0, dtype=made.dtype) if out is None else \
            out if isinstance(out, Tensor) else _mars.data(out, None)
        return _core.op("where", where, made, other)

    def _of_dtype(self, args, dtype, casting):
        """The loop whose result has the dtype: its inputs have it, too, or are as they are where they decide nothing
        about it (comparisons, parts of complex numbers)."""
        dtype = _core.as_dtype(dtype)
        made = self._call_as_it_is(args, dtype, casting)
        if made is not None:
            return made
        cast = []
        for i, a in enumerate(args):
            if type(a) in (bool, int, float, complex):
                cast.append(a)
                continue
            t = a if isinstance(a, Tensor) else _mars.data(a, None)
            if t.dtype != dtype and not _mars.can_cast(t.dtype, dtype, casting):
                raise TypeError(_same_kind_words(self.__name__, i, t.dtype, dtype, casting))
            cast.append(t if t.dtype == dtype else t.astype(dtype))
        if all(type(a) in (bool, int, float, complex) for a in cast):
            cast[0] = _mars.data(np.asarray(cast[0]).astype(dtype), None)
        made = _call(self._number, None, *cast)
        if (made if self.nout == 1 else made[0]).dtype != dtype:
            raise TypeError(f"No loop matching the specified signature and casting was found for ufunc {self.__name__}")
        return made

    def _call_as_it_is(self, args, dtype, casting):
        """The outputs of the loop that is taken without dtype=, which casts safely, if they have the dtype. Where no
        cast is allowed its inputs have that dtype, too, or one that needs none."""
        try:
            made = _call(self._number, None, *args)
        except (TypeError, ValueError):  # integers to negative powers are fine as floats
            return None
        own = made if self.nout == 1 else made[0]
        if own.dtype != dtype:
            return None
        kinds = {_kind(a) for a in args}
        without = dtype.kind == "b" or "c" in kinds and dtype.kind != "c" or kinds <= {dtype.kind}
        return made if without or casting not in ("no", "equiv") else None

    def _check_fold(self, name):
        if self.nin != 2:
            raise ValueError(f"{name} only supported for binary functions")
        if self.nout != 1:
            raise ValueError(f"{name} only supported for functions returning a single value")

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
        """Applies the function between all elements along axes, lazily, and with the same bits for every cutting.

        Functions that may be put in brackets at will (add, maximum, logical_or, gcd, hypot) do so as a tree; all others
        (subtract, power, less) go along one axis from the left to the right.

        Parameters
        ----------
        array : tensor_like
        axis : int, tuple of ints or None, optional
            What disappears; None: all axes. Functions that go from the left to the right take one axis.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        keepdims : bool, optional
            Whether reduced axes stay, with length one.
        initial : scalar, optional
            Joins the elements, before the first; the value of an empty reduction.
        where : tensor_like of bool, optional
            The elements that count.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.maximum.reduce([[1, 5], [7, 2]]).execute()
        Tensor([7, 5])
        >>> mt.logical_xor.reduce([True, True, True]).execute()
        Tensor(True)
        """
        from .reduction import fold
        from .scans import left_reduce

        self._check_fold("reduce")
        found = _FOLDS.get(self.__name__)
        if found is not None:
            return fold(found[0], self.__name__, array, axis, dtype, out, keepdims, initial, where)
        return left_reduce(self, array, axis, dtype, out, keepdims, initial, where)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        """Applies the function to the first elements along an axis, more and more of them.

        Parameters
        ----------
        array : tensor_like
        axis : int, optional
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.

        Returns
        -------
        Tensor
            Of the shape of `array`.

        Examples
        --------
        >>> mt.multiply.accumulate([1, 2, 3, 4]).execute()
        Tensor([ 1,  2,  6, 24])
        """
        from .scans import left_accumulate, scan

        self._check_fold("accumulate")
        found = _FOLDS.get(self.__name__)
        if found is not None and found[1] is not None:
            return scan(found[1], array, axis, dtype, out)
        return left_accumulate(self, array, axis, dtype, out)

    def reduceat(self, array, indices, axis=0, dtype=None, out=None):
        """Applies the function between the elements of segments along an axis, one after the other.

        Parameters
        ----------
        array : tensor_like
        indices : tensor_like of int
            Where segments begin; each goes on to where the next one begins, the last one to the end. One that the next
            one does not begin behind is the element alone. They are looked at when it is called.
        axis : int, optional
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.

        Returns
        -------
        Tensor
            Along `axis` one element for each index.

        Examples
        --------
        >>> mt.add.reduceat(mt.arange(8), [0, 4, 1, 5]).execute()
        Tensor([ 6,  4, 10, 18])
        """
        from .scans import reduce_at

        if self.nin != 2:
            raise ValueError("reduceat only supported for binary functions")
        if self.nout != 1:
            raise ValueError("reduceat only supported for functions returning a single value")
        name = _core.OPERATORS[self._operator].name
        return reduce_at(self.__name__, name, array, indices, axis, dtype, out)

    def at(self, a, indices, b=None, /):
        """Applies the function to elements of a, in place, once for each time that the indices name one.

        Parameters
        ----------
        a : Tensor
            Stands for the result from now on.
        indices : index
            What a[indices] takes.
        b : tensor_like, optional
            The second operand, of functions that have one.

        Examples
        --------
        >>> a = mt.zeros(3)
        >>> mt.add.at(a, [0, 0, 2], 1)
        >>> a.execute()
        Tensor([2., 0., 1.])
        """
        from .creation import astensor, zeros
        from .indexing import apply_at

        if self.nout != 1:
            raise ValueError("Only single output ufuncs supported at this time")
        if (b is None) != (self.nin == 1):
            raise ValueError("second operand needed for ufunc" if b is None else
                             "second operand provided when ufunc is unary")
        if not isinstance(a, Tensor):
            raise TypeError("first operand must be a tensor")
        value, of = None if b is None else astensor(b), [zeros((), a.dtype)]
        if value is not None:
            of.append(b if type(b) in (bool, int, float, complex) else zeros((), value.dtype))
        made = self(*of)
        if not _mars.can_cast(made.dtype, a.dtype, "same_kind"):
            raise TypeError(_same_kind_words(self.__name__, "output", made.dtype, a.dtype, "same_kind"))
        apply_at(a, indices, _core.OPERATORS[self._operator].name, value if value is None else value.astype(a.dtype))

    def outer(self, a, b, **kwargs):
        """Applies the function to all pairs of elements of a and b.

        Parameters
        ----------
        a : tensor_like
        b : tensor_like
        **kwargs : optional
            Those of the function itself.

        Returns
        -------
        Tensor
            Of shape a.shape + b.shape.

        Examples
        --------
        >>> mt.subtract.outer([10, 20], [1, 2, 3]).execute()
        Tensor([[ 9,  8,  7],
                [19, 18, 17]])
        """
        from .creation import astensor

        if self.nin != 2:
            raise ValueError("outer product only supported for binary functions")
        a, b = astensor(a), astensor(b)
        return self(a[(...,) + (None,) * b.ndim], b, **kwargs)


ufunc.__doc__ = _Words(ufunc.__doc__)


def _make():
    made = {name: ufunc(name) for name in NAMES}
    made.update({alias: made[name] for alias, name in ALIASES.items()})
    return made


UFUNCS = _make()
globals().update(UFUNCS)

__all__ = sorted(UFUNCS) + ["ufunc"]
