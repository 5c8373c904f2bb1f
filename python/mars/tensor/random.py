# SPDX-License-Identifier: Apache-2.0
"""Random tensors. An element depends on the seed, on the number of the draw within its generator and on its own
index: never on how the tensor is cut or on how many threads compute it. A tensor has drawn when it is made;
computing it again gives the same numbers. The numbers are not NumPy's of the same seed."""
import operator
import os
import threading

import numpy as np

from .. import _core
from .._core import cutting, one_of, op
from .core import Tensor, axis_of
from .creation import arange, astensor, shape_of

_DISTRIBUTIONS = """exponential geometric gumbel laplace logistic lognormal normal pareto power rayleigh
    standard_cauchy standard_exponential standard_normal triangular uniform weibull""".split()
__all__ = ["Generator", "RandomState", "bytes", "choice", "default_rng", "permutation", "rand", "randint", "randn",
           "random", "random_integers", "random_sample", "ranf", "sample", "seed", "shuffle"] + _DISTRIBUTIONS

_SIGN = 1 << 63


def _word(seed, most=None):
    """A seed as 64 bits, in the form of a signed parameter."""
    if seed is None:
        seed = int.from_bytes(os.urandom(8), "little")
    elif hasattr(seed, "__index__") and not isinstance(seed, np.ndarray):
        seed = operator.index(seed)
        if seed < 0 or most is not None and seed > most:
            raise ValueError("Seed must be between 0 and 2**32 - 1" if most else "expected non-negative integer")
        if seed >> 64:
            seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    else:
        seed = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])
    return seed - 2 * _SIGN if seed & _SIGN else seed


class _Draws:
    """A seed, and how many draws were made."""

    def __init__(self, seed, most=None):
        self._lock = threading.Lock()
        self._most = most
        self.seed(seed)

    def seed(self, seed=None):
        """Begins again with another seed."""
        word = _word(seed, self._most)
        with self._lock:
            self._seed, self._draw = word, 0

    def __getstate__(self):
        return {"_seed": self._seed, "_draw": self._draw, "_most": self._most}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())

    def _source(self, name, size, dtype, chunk_size, **params):
        shape = () if size is None else shape_of(size)
        if any(n < 0 for n in shape):
            raise ValueError("negative dimensions are not allowed")
        dtype = _core.as_dtype(dtype)
        with self._lock:
            draw = self._draw
            self._draw += 1
        return op(name, shape=shape, dtype=dtype, chunk_size=cutting(chunk_size, shape, dtype), seed=self._seed,
                  draw=draw, **params)

    def _float(self, name, size, dtype, chunk_size, *parameters):
        """Standard numbers of a shape; without a size, that of the parameters."""
        dtype = np.dtype(float if dtype is None else dtype)
        if dtype not in (np.dtype("float64"), np.dtype("float32"), np.dtype("float16")):
            raise TypeError(f"Unsupported dtype {dtype!r} for {name}")
        if size is None:
            shapes = [p.shape for p in parameters if isinstance(p, Tensor)]
            size = np.broadcast_shapes(*shapes) if shapes else None
        made = self._source(name, size, "float32" if dtype.itemsize < 4 else dtype, chunk_size)
        return made if made.dtype == dtype else made.astype(dtype)

    def _uniform(self, size, dtype, chunk_size, *parameters):
        return self._float("random_uniform", size, dtype, chunk_size, *parameters)

    def _open(self, size, dtype, chunk_size, *parameters):
        """Uniform in (0, 1]: a logarithm is finite."""
        return 1.0 - self._uniform(size, dtype, chunk_size, *parameters)

    # ---- Distributions -----------------------------------------------------------------------------------------------

    def uniform(self, low=0.0, high=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Uniform in [low, high)."""
        low, high = _parameter(low), _parameter(high)
        made = self._uniform(size, dtype, one_of(chunk_size, chunks), low, high)
        return made if _is(low, 0) and _is(high, 1) else low + (high - low) * made

    def normal(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Normal with mean loc and standard deviation scale."""
        loc, scale = _parameter(loc), _positive(scale, "scale")
        made = self._float("random_normal", size, dtype, one_of(chunk_size, chunks), loc, scale)
        return made if _is(loc, 0) and _is(scale, 1) else loc + scale * made

    def standard_normal(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Normal with mean 0 and standard deviation 1."""
        return self.normal(0.0, 1.0, size, chunk_size, gpu, dtype, chunks=chunks)

    def exponential(self, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Exponential with mean scale."""
        scale = _positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), scale)
        return made if _is(scale, 1) else scale * made

    def standard_exponential(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Exponential with mean 1."""
        return self.exponential(1.0, size, chunk_size, gpu, dtype, chunks=chunks)

    def lognormal(self, mean=0.0, sigma=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The exponential function of normal numbers."""
        return op("exp", self.normal(mean, _positive(sigma, "sigma"), size, chunk_size, gpu, dtype, chunks=chunks))

    def laplace(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Laplace: exponential on both sides of loc."""
        loc, scale = _parameter(loc), _positive(scale, "scale")
        u = self._open(size, dtype, one_of(chunk_size, chunks), loc, scale)
        made = op("where", op("less", u, 0.5), op("log", 2.0 * u), -op("log", 2.0 - op("minimum", 2.0 * u, 1.9999998)))
        return loc + scale * made

    def logistic(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Logistic with mean loc."""
        loc, scale = _parameter(loc), _positive(scale, "scale")
        u = self._open(size, dtype, one_of(chunk_size, chunks), loc, scale)
        u = op("minimum", u, float(1 - np.finfo(u.dtype).epsneg))
        return loc + scale * op("log", u / (1.0 - u))

    def gumbel(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gumbel: the limit of largest values."""
        loc, scale = _parameter(loc), _positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), loc, scale)
        return loc - scale * op("log", made)

    def rayleigh(self, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Rayleigh: the length of a vector with two normal components."""
        scale = _positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), scale)
        return scale * op("sqrt", 2.0 * made)

    def weibull(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Weibull with shape a."""
        a = _positive(a, "a")
        return op("power", self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), a), 1.0 / a)

    def pareto(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Pareto II with shape a."""
        a = _positive(a, "a", strict=True)
        return op("expm1", self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), a) / a)

    def power(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Numbers in [0, 1] with density a x**(a - 1)."""
        a = _positive(a, "a", strict=True)
        return op("power", self._open(size, dtype, one_of(chunk_size, chunks), a), 1.0 / a)

    def standard_cauchy(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Cauchy: the quotient of two normal numbers."""
        return op("tan", np.pi * (self._uniform(size, dtype, one_of(chunk_size, chunks)) - 0.5))

    def triangular(self, left, mode, right, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Triangular in [left, right] with its peak at mode."""
        left, mode, right = _parameter(left), _parameter(mode), _parameter(right)
        if not any(isinstance(p, Tensor) for p in (left, mode, right)):
            if left > mode:
                raise ValueError("left > mode")
            if mode > right:
                raise ValueError("mode > right")
            if left == right:
                raise ValueError("left == right")
        u = self._uniform(size, dtype, one_of(chunk_size, chunks), left, mode, right)
        rising = left + op("sqrt", u * ((right - left) * (mode - left)))
        falling = right - op("sqrt", (1.0 - u) * ((right - left) * (right - mode)))
        return op("where", op("less_equal", u, (mode - left) / (right - left)), rising, falling)

    def geometric(self, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The number of trials until the first success."""
        p = _parameter(p)
        if not isinstance(p, Tensor) and not 0 < p <= 1:
            raise ValueError("p <= 0, p > 1 or p contains NaNs")
        tries = op("ceil", self._float("random_exponential", size, None, one_of(chunk_size, chunks), p) /
                   -op("log1p", -astensor(p)))
        return op("maximum", tries, 1.0).astype(int if dtype is None else dtype)

    # ---- Integers, orders, choices -----------------------------------------------------------------------------------

    def _integers(self, low, high, size, dtype, chunk_size, endpoint=False):
        dtype = _core.as_dtype(dtype)
        if dtype.kind not in "biu":
            raise TypeError(f"Unsupported dtype {dtype!r} for randint")
        if high is None:
            low, high = 0, low
        if any(isinstance(v, Tensor) or np.ndim(v) for v in (low, high)):
            return self._integers_between(astensor(low), astensor(high), size, dtype, chunk_size, endpoint)
        low, high = int(low), int(high) + bool(endpoint)
        limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if low < limits[0]:
            raise ValueError(f"low is out of bounds for {dtype}")
        if high - 1 > limits[1]:
            raise ValueError(f"high is out of bounds for {dtype}")
        if low >= high:
            raise ValueError("low >= high")
        if low >= _SIGN:
            return low + self._integers(0, high - low, size, dtype, chunk_size)
        if high > 2 * _SIGN - 1:  # beyond what a scalar holds: all of uint64
            if low:
                raise NotImplementedError("randint up to 2**64 from another number than 0")
            halves = [self._integers(0, 1 << 32, size, dtype, chunk_size) for _ in range(2)]
            return op("bitwise_or", op("left_shift", halves[0], 32), halves[1])
        return self._source("random_integers", size, dtype, chunk_size, low=low,
                            high=np.uint64(high) if high >= _SIGN else high)

    def _integers_between(self, low, high, size, dtype, chunk_size, endpoint):
        """Limits that are arrays: 63 random bits modulo the distances."""
        if low.dtype.kind not in "biu" or high.dtype.kind not in "biu":
            raise TypeError("the limits of random integers are integers")
        distance = op("subtract", high.astype("int64"), low.astype("int64")) + int(endpoint)
        if bool(op("less_equal", distance, 0).any()):
            raise ValueError("low >= high")
        shape = np.broadcast_shapes(low.shape, high.shape) if size is None else size
        bits = self._source("random_integers", shape, "int64", chunk_size, low=0, high=_SIGN - 1)
        return op("add", op("remainder", bits, distance), low).astype(dtype)

    def permutation(self, x, axis=0, chunk_size=None):
        """The numbers 0 … x - 1, or the parts of x along an axis, in random order."""
        from .indexing import take
        from .sorting import argsort

        if hasattr(x, "__index__") and not isinstance(x, (Tensor, np.ndarray)):
            n = operator.index(x)
            return argsort(self._integers(0, _SIGN >> 1, (n,), "int64", chunk_size))
        x = astensor(x)
        axis = axis_of(axis, x.ndim)
        return take(x, self.permutation(x.shape[axis]), axis)

    def shuffle(self, x, axis=0):
        """Puts the parts of x along an axis into random order."""
        if not isinstance(x, Tensor):
            raise TypeError("shuffle() takes a tensor")
        x._rebind(self.permutation(x, axis))

    def choice(self, a, size=None, replace=True, p=None, axis=0, chunk_size=None, gpu=None, *, shuffle=True,
               chunks=None):
        """Elements of a (or numbers below a) at random, with probabilities p."""
        from .indexing import take
        from .sorting import argtopk, searchsorted

        chunk_size = one_of(chunk_size, chunks)
        a = operator.index(a) if hasattr(a, "__index__") and not isinstance(a, (Tensor, np.ndarray)) else astensor(a)
        if isinstance(a, Tensor) and a.ndim == 0:
            raise ValueError("a must be a sequence or an integer")
        n = a if isinstance(a, int) else a.shape[axis_of(axis, a.ndim)]
        shape = () if size is None else shape_of(size)
        count = int(np.prod(shape, dtype=object)) if shape else 1
        if n <= 0 and count:
            raise ValueError("a must be greater than 0 unless no samples are taken" if isinstance(a, int) else
                             "'a' cannot be empty unless no samples are taken")
        if p is not None:
            p = np.asarray(p, float)
            if p.shape != (n,):
                raise ValueError("'a' and 'p' must have same size")
            if not (p >= 0).all():
                raise ValueError("probabilities are not non-negative")
            if abs(p.sum() - 1) > 1e-8:
                raise ValueError("probabilities do not sum to 1")
        if not replace and count > n:
            raise ValueError("Cannot take a larger sample than population when 'replace=False'")
        if not replace and p is not None and count > np.count_nonzero(p):
            raise ValueError("Fewer non-zero entries in p than size")
        if replace and p is None:
            index = self._integers(0, n, shape, "int64", chunk_size) if count else arange(0).reshape(shape)
        elif replace:
            index = searchsorted(np.cumsum(p) / p.sum(), self._uniform(shape, None, chunk_size), "right")
        elif p is None:
            index = self.permutation(n)[:count].reshape(shape)
        else:  # Efraimidis and Spirakis: the largest of u ** (1 / p)
            keys = op("log", self._open((n,), None, None)) / np.where(p > 0, p, 1)
            index = argtopk(op("where", p > 0, keys, -np.inf), count).reshape(shape)
        if isinstance(a, int):
            return index
        return take(a, index, axis)

    def bytes(self, length):
        """So many random bytes."""
        return self._integers(0, 256, (length,), "uint8", None).tobytes()


def _parameter(value):
    """A parameter of a distribution: a Python float or a tensor."""
    if isinstance(value, Tensor):
        return value
    return float(value) if np.ndim(value) == 0 else astensor(np.asarray(value, float))


def _positive(value, name, strict=False):
    value = _parameter(value)
    if not isinstance(value, Tensor) and (value < 0 or value != value or strict and value == 0):
        raise ValueError(f"{name} <= 0" if strict else f"{name} < 0")
    return value


def _is(value, number):
    return not isinstance(value, Tensor) and value == number


class RandomState(_Draws):
    """A generator with the names of numpy.random.RandomState."""

    def __init__(self, seed=None):
        super().__init__(seed, 2**32 - 1)

    def random_sample(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Uniform in [0, 1)."""
        return self._uniform(size, dtype, one_of(chunk_size, chunks))

    random = ranf = sample = random_sample

    def rand(self, *dn, chunk_size=None, gpu=None, dtype=None, chunks=None):
        """Uniform in [0, 1), of the shape that the arguments are."""
        return self._uniform(dn or None, dtype, one_of(chunk_size, chunks))

    def randn(self, *dn, chunk_size=None, gpu=None, dtype=None, chunks=None):
        """Standard normal, of the shape that the arguments are."""
        return self.normal(0.0, 1.0, dn or None, chunk_size, gpu, dtype, chunks=chunks)

    def randint(self, low, high=None, size=None, dtype=int, density=None, chunk_size=None, gpu=None, *, chunks=None):
        """Integers from low to high, high excluded; with one limit from 0 to it."""
        if density is not None:
            raise NotImplementedError("tensors are dense")
        return self._integers(low, high, size, dtype, one_of(chunk_size, chunks))

    def random_integers(self, low, high=None, size=None, chunk_size=None, gpu=None, *, chunks=None):
        """Integers from low to high, high included; with one limit from 1 to it."""
        low, high = (1, low) if high is None else (low, high)
        return self._integers(low, high, size, int, one_of(chunk_size, chunks), endpoint=True)


class Generator(_Draws):
    """A generator with the names of numpy.random.Generator."""

    def random(self, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Uniform in [0, 1)."""
        from .ufuncs import store

        made = self._uniform(size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "random")

    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False, *, chunk_size=None, chunks=None):
        """Integers from low to high, high excluded unless endpoint."""
        return self._integers(low, high, size, dtype, one_of(chunk_size, chunks), endpoint)

    def standard_normal(self, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Normal with mean 0 and standard deviation 1."""
        from .ufuncs import store

        made = self._float("random_normal", size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "standard_normal")

    def permuted(self, x, *, axis=None, out=None):
        """x in random order along an axis, each of the other positions in its own."""
        from .indexing import take_along_axis
        from .sorting import argsort

        x = astensor(x)
        if axis is None:
            return self.permutation(x.ravel()).reshape(x.shape)
        return take_along_axis(x, argsort(self._integers(0, _SIGN >> 1, x.shape, "int64", None), axis), axis)


def default_rng(seed=None):
    """A new Generator."""
    return seed if isinstance(seed, Generator) else Generator(seed)


_global = RandomState()


def _of_global(name):
    made = getattr(_global, name)
    globals()[name] = made


for _name in __all__:
    if _name not in ("Generator", "RandomState", "default_rng"):
        _of_global(_name)
