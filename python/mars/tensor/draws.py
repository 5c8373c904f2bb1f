# SPDX-License-Identifier: Apache-2.0
"""What all random tensors are made of: a seed, the number of the draw, the index of the element; and parameters of
distributions, which are numbers or tensors."""
import operator
import os
import threading

import numpy as np

from .. import _core
from .._core import cutting, one_of, op
from .core import ExecutableTuple, Tensor, axis_of
from .creation import arange, astensor, shape_of

SIGN = 1 << 63


def word_of(seed, most=None):
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
    return seed - 2 * SIGN if seed & SIGN else seed


def parameter(value):
    """A parameter of a distribution: a Python float or a tensor."""
    if isinstance(value, Tensor):
        return value
    return float(value) if np.ndim(value) == 0 else astensor(np.asarray(value, float))


def checked(value, wrong, message):
    """A parameter. Tensors are lazy, so theirs are not looked at: what has no distribution gives NaN, or the least
    integer."""
    if not isinstance(value, Tensor) and np.any(wrong(np.asarray(value, float))):
        raise ValueError(message)
    return parameter(value)


def positive(value, name, strict=False):
    if strict:
        return checked(value, lambda v: ~(v > 0), f"{name} <= 0")
    return checked(value, lambda v: ~(v >= 0), f"{name} < 0")


def whole(value, name):
    """A parameter that counts: a Python integer or a tensor of them."""
    if not isinstance(value, Tensor):
        value = np.asarray(value)
        if value.dtype.kind == "f" and (value == np.trunc(value)).all():
            value = value.astype("int64")
    if value.dtype.kind not in "biu":
        raise TypeError(f"{name} is a number of things, not {value.dtype}")
    if isinstance(value, Tensor):
        return value.astype("int64")
    if (value < 0).any():
        raise ValueError(f"{name} < 0")
    if (value > 2**53).any():
        raise ValueError(f"{name} is above 2**53")
    return int(value) if value.ndim == 0 else astensor(value.astype("int64"))


def size_of(size, parameters, least=()):
    """The shape of what is drawn: that which is asked for, if the parameters have room in it."""
    shape = np.broadcast_shapes(least, *(p.shape for p in parameters if isinstance(p, Tensor)))
    if size is None:
        return shape
    size = shape_of(size)
    if any(n < 0 for n in size):
        raise ValueError("negative dimensions are not allowed")
    if shape and (len(shape) > len(size) or np.broadcast_shapes(shape, size) != tuple(size)):
        raise ValueError(f"Output size {tuple(size)} is not compatible with broadcast dimensions of inputs {shape}.")
    return tuple(size)


def rows_of(size, n, chunk_size):
    """The shape of as many vectors of length n, and their cutting."""
    shape = size_of(size, ())
    if isinstance(chunk_size, (tuple, list)) and len(chunk_size) == len(shape):
        chunk_size = (*chunk_size, -1)
    return (*shape, n), chunk_size


def shares(parts, total, size, chunk_size, share):
    """Counts along a last axis that add up to the total. Halves of the parts get their shares, then the halves of
    these: as many draws as there are doublings. Part j goes with all that have its lowest bits, so that the counts of
    each level are those of the left halves and behind them those of the right ones."""
    from .manipulation import broadcast_to, concatenate
    from .creation import zeros

    n = parts.shape[-1]
    levels = max(n - 1, 0).bit_length()
    if n < 1 << levels:
        parts = concatenate([parts, zeros((*parts.shape[:-1], (1 << levels) - n), parts.dtype)], -1)
    counts = broadcast_to(astensor(total)[..., None], (*size, 1))
    for level in range(levels):
        width = 1 << level
        sums = parts.reshape(*parts.shape[:-1], -1, 2 * width).sum(axis=-2)
        shape, cutting_ = rows_of(size, width, chunk_size)
        left = share(sums[..., :width], sums[..., width:], counts, shape, cutting_)
        counts = concatenate([left, counts - left], -1)
    return counts[..., :n]


def as_dtype(made, dtype):
    return made if dtype is None or made.dtype == dtype else made.astype(dtype)


def equals(value, number):
    return not isinstance(value, Tensor) and value == number


class Draws:
    """A seed, and how many draws were made."""

    def __init__(self, seed, most=None):
        self._lock = threading.Lock()
        self._most = most
        self.seed(seed)

    def seed(self, seed=None):
        """Begins again with another seed.

        Parameters
        ----------
        seed : int, sequence of ints or None, optional
            None: of the system's chance.

        Examples
        --------
        >>> mt.random.seed(5)
        >>> first = mt.random.rand(2).to_numpy()
        >>> mt.random.seed(5)
        >>> bool((mt.random.rand(2) == first).all())
        True
        """
        word = word_of(seed, self._most)
        with self._lock:
            self._seed, self._draw, self._spawned = word, 0, 0

    def __getstate__(self):
        return {"_seed": self._seed, "_draw": self._draw, "_spawned": self._spawned, "_most": self._most}

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
        made = self._source(name, size_of(size, parameters), "float32" if dtype.itemsize < 4 else dtype, chunk_size)
        return made if made.dtype == dtype else made.astype(dtype)

    def _deviates(self, name, size, dtype, chunk_size, *parameters, **options):
        """Numbers of a map of elements' indices and parameters."""
        shape = size_of(size, parameters)
        with self._lock:
            draw = self._draw
            self._draw += 1
        index = op("arange", shape=shape, dtype="int64", chunk_size=cutting(chunk_size, shape, np.dtype(float)))
        return as_dtype(op(name, index, *parameters, seed=self._seed, draw=draw, **options), dtype)

    def _uniform(self, size, dtype, chunk_size, *parameters):
        return self._float("random_uniform", size, dtype, chunk_size, *parameters)

    def _open(self, size, dtype, chunk_size, *parameters):
        """Uniform in (0, 1]: a logarithm is finite."""
        return 1.0 - self._uniform(size, dtype, chunk_size, *parameters)

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
        if low >= SIGN:
            return low + self._integers(0, high - low, size, dtype, chunk_size)
        if high > 2 * SIGN - 1:  # beyond what a scalar holds: all of uint64
            if low:
                return low + self._integers(0, high - low, size, dtype, chunk_size)
            halves = [self._integers(0, 1 << 32, size, dtype, chunk_size) for _ in range(2)]
            return op("bitwise_or", op("left_shift", halves[0], 32), halves[1])
        return self._source("random_integers", size, dtype, chunk_size, low=low,
                            high=np.uint64(high) if high >= SIGN else high)

    def _integers_between(self, low, high, size, dtype, chunk_size, endpoint):
        """Limits that are arrays: random bits modulo the distances, 63, or 64 where a distance may need them."""
        if low.dtype.kind not in "biu" or high.dtype.kind not in "biu":
            raise TypeError("the limits of random integers are integers")
        distance = op("subtract", high.astype("int64"), low.astype("int64")) + int(endpoint)
        self._refuse_limits(low, high, dtype, endpoint)
        shape = np.broadcast_shapes(low.shape, high.shape) if size is None else size
        if bool(op("less_equal", distance, 0).any()):
            wide = np.dtype("uint64")  # in which differences of all integers are right, but for 2**64, which is 0
            distance = op("subtract", high.astype(wide), low.astype(wide)) + wide.type(bool(endpoint))
            bits = self._integers(0, 1 << 64, shape, wide, chunk_size)
            rest = op("where", op("equal", distance, 0), bits, op("remainder", bits, op("maximum", distance, 1)))
            return op("add", rest, low.astype(wide)).astype(dtype)
        bits = self._source("random_integers", shape, "int64", chunk_size, low=0, high=SIGN - 1)
        return op("add", op("remainder", bits, distance), low.astype("int64")).astype(dtype)

    @staticmethod
    def _refuse_limits(low, high, dtype, endpoint):
        """Looks at the limits now."""
        least, most = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
        wrong = {"low >= high": op("less" if endpoint else "less_equal", high, low)}
        if low.dtype.kind == "i" and np.iinfo(low.dtype).min < least:
            wrong[f"low is out of bounds for {dtype}"] = op("less", low, least)
        if high.dtype.kind != "b" and np.iinfo(high.dtype).max > most:
            last = op("subtract", op("maximum", high, 1), 0 if endpoint else 1)
            wrong[f"high is out of bounds for {dtype}"] = op("greater", last, most)
        for words, found in zip(wrong, ExecutableTuple([t.any() for t in wrong.values()]).execute()):
            if bool(found):
                raise ValueError(words)

    def permutation(self, x, axis=0, chunk_size=None):
        """The numbers 0 … x - 1, or the parts of x along an axis, in random order.

        Parameters
        ----------
        x : int or tensor_like
        axis : int, optional
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.permutation(5).execute()
        Tensor([2, 4, 3, 1, 0])
        """
        from .indexing import take
        from .sorting import argsort

        if hasattr(x, "__index__") and not isinstance(x, (Tensor, np.ndarray)):
            n = operator.index(x)
            return argsort(self._integers(0, SIGN >> 1, (n,), "int64", chunk_size))
        x = astensor(x)
        axis = axis_of(axis, x.ndim)
        return take(x, self.permutation(x.shape[axis]), axis)

    def shuffle(self, x, axis=0):
        """Puts the parts of x along an axis into random order: x stands for the result from now on.

        Parameters
        ----------
        x : Tensor
        axis : int, optional

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> a = mt.arange(5)
        >>> rng.shuffle(a)
        >>> a.execute()
        Tensor([2, 4, 3, 1, 0])
        """
        if not isinstance(x, Tensor):
            raise TypeError("shuffle() takes a tensor")
        x._rebind(self.permutation(x, axis))

    def choice(self, a, size=None, replace=True, p=None, axis=0, chunk_size=None, gpu=None, *, shuffle=True,
               chunks=None):
        """Elements of a (or numbers below a) at random.

        Parameters
        ----------
        a : int or tensor_like
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        replace : bool, optional
            Whether an element can be chosen again.
        p : sequence of floats, optional
            Probabilities.
        axis : int, optional
            Parts of a along it.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        shuffle : optional
            Ignored: the order is always random.
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.choice([10, 20, 30], size=4).execute()
        Tensor([30, 20, 10, 20])
        >>> mt.random.default_rng(7).choice(5, size=3, replace=False).execute()
        Tensor([2, 4, 3])
        """
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
        r"""So many random bytes, which are computed now.

        Parameters
        ----------
        length : int

        Returns
        -------
        bytes

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.bytes(4)
        b'\xf4h\x01c'
        """
        return self._integers(0, 256, (length,), "uint8", None).tobytes()
