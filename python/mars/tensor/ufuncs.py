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
    fabs floor floor_divide fmax fmin fmod frexp gcd greater greater_equal heaviside hypot
    invert isfinite isinf isnan lcm ldexp left_shift less less_equal log log10 log1p log2
    logaddexp logaddexp2 logical_and logical_not logical_or logical_xor maximum minimum modf
    multiply negative nextafter not_equal positive power radians reciprocal remainder
    right_shift rint sign signbit sin sinh spacing sqrt square subtract tan tanh trunc""".split()

_TWO_IN = set("""add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide divmod equal floor_divide fmax
    fmin fmod gcd greater greater_equal heaviside hypot lcm ldexp left_shift less less_equal
    logaddexp logaddexp2 logical_and logical_or logical_xor maximum minimum multiply nextafter
    not_equal power remainder right_shift subtract""".split())

_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")

# Functions that may be put in brackets at will: the operators that apply them between all elements, and up to each one.
# What is left out does not exist; other functions have no meaning of their own for elements in chunks.
_FOLDS = {"add": ("sum", "cumsum"), "multiply": ("prod", "cumprod"), "maximum": ("max", "cummax"),
          "minimum": ("min", "cummin"), "fmax": ("nanmax", "fmax_accumulate"), "fmin": ("nanmin", "fmin_accumulate"),
          "logical_and": ("all", "logical_and_accumulate"), "logical_or": ("any", "logical_or_accumulate"),
          "gcd": ("gcd_reduce", None), "lcm": ("lcm_reduce", None),
          **{name: (f"{name}_reduce", f"{name}_accumulate")
             for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "logical_xor", "hypot", "logaddexp",
                          "logaddexp2")}}
# a - b - c is a - (b + c), and a / b / c is a / (b * c), but for rounding.
_INVERSES = {"subtract": "add", "divide": "multiply"}


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


def _kind(x):
    return x.dtype.kind if hasattr(x, "dtype") else np.asarray(x).dtype.kind


class ufunc:
    """A function that works element by element, with broadcasting."""

    def __init__(self, name, operator=None, module=__name__):
        self._operator = operator or name
        operator = _core.OPERATORS.get(self._operator)
        self.__name__, self.__module__ = name, module
        if operator is None:
            self._number, self.nin, self.nout = None, 2 if name in _TWO_IN else 1, 1
            self.__doc__ = f"{name}: this build has no such operator."
        else:
            self._number, self.nin, self.nout = operator.number, operator.n_in, operator.n_out
            names = ", ".join(f"x{i + 1}" for i in range(self.nin)) if self.nin > 1 else "x"
            self.__doc__ = (f"{name}({names}, /, out=None, *, where=True, casting='same_kind', dtype=None)\n\n"
                            f"{operator.doc}")

    def __repr__(self):
        return f"<ufunc '{self.__name__}'>"

    def __reduce__(self):
        return self.__name__

    @property
    def nargs(self):
        return self.nin + self.nout

    def __call__(self, *args, **kwargs):
        if kwargs or len(args) != self.nin or self._number is None:
            return self._with(args, **kwargs)
        made = _call(self._number, None, *args)
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

    def _fold(self, which, name):
        if self.nin != 2:
            raise ValueError(f"{name} only supported for binary functions")
        found = _FOLDS.get(self.__name__, (None, None))[which]
        if found is None:
            raise NotImplementedError(f"tensors have no {self.__name__}.{name}: only functions that may be put in "
                                      "brackets at will go chunk by chunk; use numpy.asarray(t) for the values")
        return found

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False, initial=None, where=True):
        """Applies the function between all elements along axes."""
        from .reduction import fold

        inverse = _INVERSES.get(self.__name__)
        if inverse is None:
            found = self._fold(0, "reduce")
            return fold(found, self.__name__, array, axis, dtype, out, keepdims, initial, where)
        if axis is None or isinstance(axis, tuple) or where is not True:
            raise ValueError(f"reduction operation '{self.__name__}' is not reorderable, so at most one axis may be "
                             "specified, and no mask")
        first, rest = self._parted(array, axis, dtype)
        made = self(first, UFUNCS[inverse].reduce(rest, axis, rest.dtype, None, True))
        made = made if initial is None else self(self(initial, first), UFUNCS[inverse].reduce(rest, axis, rest.dtype,
                                                                                              None, True))
        made = made if keepdims else made.squeeze(axis)
        return made if out is None else store(made, out, "same_kind", self.__name__)

    def accumulate(self, array, axis=0, dtype=None, out=None):
        """The results of applying the function to the first elements, more and more of them."""
        from .manipulation import concatenate
        from .reduction import scan

        inverse = _INVERSES.get(self.__name__)
        if inverse is None:
            return scan(self._fold(1, "accumulate"), array, axis, dtype, out)
        first, rest = self._parted(array, axis, dtype)
        made = concatenate([first, self(first, UFUNCS[inverse].accumulate(rest, axis, rest.dtype))], axis)
        return made if out is None else store(made, out, "same_kind", self.__name__)

    def _parted(self, array, axis, dtype):
        """The first elements along an axis and the others, in the dtype that the function computes in."""
        from .core import axis_of
        from .creation import astensor

        array = astensor(array)
        axis = axis_of(axis, array.ndim)
        array = array.astype(self(array, array).dtype if dtype is None else dtype)
        before = (slice(None),) * axis
        if array.shape[axis] == 0:
            raise ValueError(f"zero-size array to reduction operation {self.__name__} which has no identity")
        return array[before + (slice(0, 1),)], array[before + (slice(1, None),)]

    def at(self, a, indices, b=None, /):
        """Applies the function to the elements of a at the indices (and to b), in place, once for each time that they
        name an element."""
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
        """Applies the function to all pairs of elements of a and b."""
        from .creation import astensor

        if self.nin != 2:
            raise ValueError("outer product only supported for binary functions")
        a, b = astensor(a), astensor(b)
        return self(a[(...,) + (None,) * b.ndim], b, **kwargs)

    def __getattr__(self, name):
        if name == "reduceat":
            raise NotImplementedError(f"tensors have no {self.__name__}.{name}")
        raise AttributeError(f"ufunc has no attribute '{name}'")


def _make():
    made = {name: ufunc(name) for name in NAMES}
    made.update({alias: made[name] for alias, name in ALIASES.items()})
    return made


UFUNCS = _make()
globals().update(UFUNCS)


def float_power(x1, x2, /, **kwargs):
    """Powers in float64 or complex128, whatever the dtypes of x1 and x2."""
    from .creation import astensor

    x1, x2 = astensor(x1), astensor(x2)
    kwargs.setdefault("dtype", "complex128" if "c" in (x1.dtype.kind, x2.dtype.kind) else "float64")
    return UFUNCS["power"](x1, x2, **kwargs)


__all__ = sorted(UFUNCS) + ["float_power", "ufunc"]
