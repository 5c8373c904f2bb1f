# SPDX-License-Identifier: Apache-2.0
"""Random tensors. An element depends on the seed, on the number of the draw within its generator and on its own
index: never on how the tensor is cut or on how many threads compute it. A tensor has drawn when it is made;
computing it again gives the same numbers. The numbers are not NumPy's of the same seed."""
import operator
import os
import threading
import warnings

import numpy as np

from .. import _core
from .._core import cutting, one_of, op
from .core import Tensor, axis_of
from .creation import arange, astensor, shape_of

_DISTRIBUTIONS = """beta binomial chisquare dirichlet exponential f gamma geometric gumbel hypergeometric laplace
    logistic lognormal logseries multinomial multivariate_normal negative_binomial noncentral_chisquare noncentral_f
    normal pareto poisson power rayleigh standard_cauchy standard_exponential standard_gamma standard_normal standard_t
    triangular uniform vonmises wald weibull zipf""".split()
__all__ = ["Generator", "RandomState", "bytes", "choice", "default_rng", "permutation", "rand", "randint", "randn",
           "random", "random_integers", "random_sample", "ranf", "sample", "seed", "shuffle"] + _DISTRIBUTIONS

_SIGN = 1 << 63
_MOST = _SIGN - 1


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
        made = self._source(name, _size(size, parameters), "float32" if dtype.itemsize < 4 else dtype, chunk_size)
        return made if made.dtype == dtype else made.astype(dtype)

    def _deviates(self, name, size, dtype, chunk_size, *parameters, **options):
        """Numbers of a map of elements' indices and parameters."""
        shape = _size(size, parameters)
        with self._lock:
            draw = self._draw
            self._draw += 1
        index = op("arange", shape=shape, dtype="int64", chunk_size=cutting(chunk_size, shape, np.dtype(float)))
        return _as(op(name, index, *parameters, seed=self._seed, draw=draw, **options), dtype)

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

    # ---- Distributions by rejection ---------------------------------------------------------------------------------

    def standard_gamma(self, shape, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gamma with scale 1."""
        return self._deviates("random_gamma", size, dtype, one_of(chunk_size, chunks), _positive(shape, "shape"))

    def gamma(self, shape, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gamma with mean shape * scale."""
        shape, scale = _positive(shape, "shape"), _positive(scale, "scale")
        size = _size(size, (shape, scale))
        return _as(scale * self._deviates("random_gamma", size, None, one_of(chunk_size, chunks), shape), dtype)

    def chisquare(self, df, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The sum of the squares of df normal numbers."""
        df = _positive(df, "df", strict=True)
        return _as(2.0 * self._deviates("random_gamma", size, None, one_of(chunk_size, chunks), df / 2.0), dtype)

    def noncentral_chisquare(self, df, nonc, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The sum of the squares of df normal numbers whose means have nonc as the sum of their squares."""
        df, nonc = _positive(df, "df", strict=True), _positive(nonc, "nonc")
        size, chunk_size = _size(size, (df, nonc)), one_of(chunk_size, chunks)
        more = self._deviates("random_poisson", size, None, chunk_size, nonc / 2.0)
        return _as(2.0 * self._deviates("random_gamma", size, None, chunk_size, df / 2.0 + more), dtype)

    def f(self, dfnum, dfden, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Fisher's F: the quotient of two mean squares."""
        dfnum, dfden = _positive(dfnum, "dfnum", strict=True), _positive(dfden, "dfden", strict=True)
        size, chunk_size = _size(size, (dfnum, dfden)), one_of(chunk_size, chunks)
        made = self.chisquare(dfnum, size, chunk_size) / dfnum / (self.chisquare(dfden, size, chunk_size) / dfden)
        return _as(made, dtype)

    def noncentral_f(self, dfnum, dfden, nonc, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Fisher's F with a numerator that is not central."""
        dfnum, dfden = _positive(dfnum, "dfnum", strict=True), _positive(dfden, "dfden", strict=True)
        nonc = _positive(nonc, "nonc")
        size, chunk_size = _size(size, (dfnum, dfden, nonc)), one_of(chunk_size, chunks)
        above = self.noncentral_chisquare(dfnum, nonc, size, chunk_size) / dfnum
        return _as(above / (self.chisquare(dfden, size, chunk_size) / dfden), dtype)

    def standard_t(self, df, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Student's t with df degrees of freedom."""
        df = _positive(df, "df", strict=True)
        size, chunk_size = _size(size, (df,)), one_of(chunk_size, chunks)
        made = self._float("random_normal", size, None, chunk_size)
        return _as(made / op("sqrt", self.chisquare(df, size, chunk_size) / df), dtype)

    def beta(self, a, b, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Beta: the share of the first of two gamma numbers in their sum."""
        a, b = _positive(a, "a", strict=True), _positive(b, "b", strict=True)
        size, chunk_size = _size(size, (a, b)), one_of(chunk_size, chunks)
        logs = [self._deviates("random_gamma", size, None, chunk_size, shape, log=True) for shape in (a, b)]
        return _as(1.0 / (1.0 + op("exp", logs[1] - logs[0])), dtype)

    def dirichlet(self, alpha, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Shares of gamma numbers in their sum."""
        alpha = _positive(alpha, "alpha", strict=True)
        if not isinstance(alpha, Tensor) or alpha.ndim != 1:
            raise ValueError("alpha must be one-dimensional")
        shape, chunk_size = _rows(size, alpha.shape[-1], one_of(chunk_size, chunks))
        made = self._deviates("random_gamma", shape, None, chunk_size, alpha, log=True)
        made = op("exp", made - made.max(axis=-1, keepdims=True))
        return _as(made / made.sum(axis=-1, keepdims=True), dtype)

    def wald(self, mean, scale, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Wald, or inverse Gaussian (the transformation of Michael, Schucany and Haas)."""
        mean, scale = _positive(mean, "mean", strict=True), _positive(scale, "scale", strict=True)
        size, chunk_size = _size(size, (mean, scale)), one_of(chunk_size, chunks)
        square = self._float("random_normal", size, None, chunk_size)
        square = mean * square * square
        root = op("sqrt", square * square + 4.0 * scale * square)
        small = op("where", op("greater", square, 0.0), 4.0 * scale * square / (root + square) / (root + square), 1.0)
        u = self._uniform(size, None, chunk_size)
        return _as(mean * op("where", op("less_equal", u * (1.0 + small), 1.0), small, 1.0 / small), dtype)

    def vonmises(self, mu, kappa, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Von Mises: angles around mu, between -pi and pi."""
        mu, kappa = _parameter(mu), _positive(kappa, "kappa")
        size = _size(size, (mu, kappa))
        made = mu + self._deviates("random_vonmises", size, None, one_of(chunk_size, chunks), kappa)
        made = made if _is(mu, 0) else op("remainder", made + np.pi, 2 * np.pi) - np.pi
        return _as(made, dtype)

    def poisson(self, lam=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Poisson: a count of independent events of which lam are expected."""
        lam = _checked(lam, lambda v: ~(v >= 0), "lam < 0 or lam is NaN")
        lam = _checked(lam, lambda v: v > _MOST - 10 * _MOST**0.5, "lam value too large")
        return self._deviates("random_poisson", size, dtype, one_of(chunk_size, chunks), lam)

    def binomial(self, n, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Binomial: successes in n trials of probability p."""
        n, p = _whole(n, "n"), _checked(p, lambda v: ~((v >= 0) & (v <= 1)), "p < 0, p > 1 or p is NaN")
        return self._deviates("random_binomial", size, dtype, one_of(chunk_size, chunks), n, p)

    def negative_binomial(self, n, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Failures before n successes of probability p."""
        n = _checked(n, lambda v: ~(v > 0), "n <= 0 or n is NaN")
        p = _checked(p, lambda v: ~((v > 0) & (v <= 1)), "p <= 0, p > 1 or p is NaN")
        size, chunk_size = _size(size, (n, p)), one_of(chunk_size, chunks)
        lam = self._deviates("random_gamma", size, None, chunk_size, n) * ((1.0 - p) / p)
        return self._deviates("random_poisson", size, dtype, chunk_size, lam)

    def hypergeometric(self, ngood, nbad, nsample, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Hypergeometric: good ones in a sample of nsample, drawn without putting back."""
        given = [_whole(v, name) for v, name in ((ngood, "ngood"), (nbad, "nbad"), (nsample, "nsample"))]
        if not any(isinstance(v, Tensor) for v in (ngood, nbad, nsample)):
            if np.any(np.add(ngood, nbad) < nsample):
                raise ValueError("ngood + nbad < nsample")
            if np.any(np.maximum(ngood, nbad) > 10**9):
                raise ValueError("both ngood and nbad must be at most 1000000000")
        return self._hypergeometric(*given, size, dtype, one_of(chunk_size, chunks))

    def _hypergeometric(self, good, bad, sample, size, dtype, chunk_size):
        urn = op("add", op("multiply", good, 1 << 32), bad)
        return self._deviates("random_hypergeometric", _size(size, (good, bad, sample)), dtype, chunk_size, urn, sample)

    def logseries(self, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The logarithmic series distribution."""
        p = _checked(p, lambda v: ~((v >= 0) & (v < 1)), "p < 0, p >= 1 or p is NaN")
        return self._deviates("random_logseries", size, dtype, one_of(chunk_size, chunks), p)

    def zipf(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Zipf: k with a probability proportional to k**-a."""
        a = _checked(a, lambda v: ~(v > 1), "a <= 1 or a is NaN")
        return self._deviates("random_zipf", size, dtype, one_of(chunk_size, chunks), a)

    def multinomial(self, n, pvals, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Counts of n trials by their outcomes, which have the probabilities pvals."""
        n = _whole(n, "n")
        if not isinstance(pvals, Tensor):
            host = np.asarray(pvals, float)
            if not ((host >= 0) & (host <= 1)).all():
                raise ValueError("pvals < 0, pvals > 1 or pvals contains NaNs")
            if np.any(host[..., :-1].sum(-1) > 1 + 1e-12):
                raise ValueError("sum(pvals[:-1]) > 1.0")
        p = astensor(pvals).astype(float)
        p = op("maximum", op("concatenate", p[..., :-1], 1.0 - p[..., :-1].sum(axis=-1, keepdims=True), axis=-1), 0.0)
        rows = np.broadcast_shapes(n.shape if isinstance(n, Tensor) else (), p.shape[:-1])

        def share(left, right, counts, shape, chunk_size):
            chance = op("where", op("greater", left + right, 0.0), left / (left + right), 0.0)
            return self._deviates("random_binomial", shape, None, chunk_size, counts, op("minimum", chance, 1.0))

        return _as(_shares(p, n, _size(size, (), rows), one_of(chunk_size, chunks), share), dtype)

    def multivariate_normal(self, mean, cov, size=None, check_valid="warn", tol=1e-8, chunk_size=None, gpu=None,
                            dtype=None, *, method="svd", chunks=None):
        """Vectors of normal numbers with a vector of means and a matrix of covariances."""
        from . import linalg
        from .logic import allclose

        mean, cov, check_valid = astensor(mean).astype(float), astensor(cov).astype(float), check_valid or "warn"
        if mean.ndim != 1:
            raise ValueError("mean must be 1 dimensional")
        if cov.ndim != 2 or cov.shape[0] != cov.shape[1]:
            raise ValueError("cov must be 2 dimensional and square")
        if mean.shape[0] != cov.shape[0]:
            raise ValueError("mean and cov must have same length")
        if check_valid not in ("warn", "raise", "ignore"):
            raise ValueError("check_valid must equal 'warn', 'raise', or 'ignore'")
        if method not in ("svd", "eigh", "cholesky"):
            raise ValueError("method must be one of {'eigh', 'svd', 'cholesky'}")
        if method == "cholesky":
            factor = linalg.cholesky(cov).T
        else:
            _, s, v = linalg.svd(cov)
            if check_valid != "ignore" and not bool(allclose((v.T * s) @ v, cov, 1e-8 if tol is None else tol,
                                                             1e-8 if tol is None else tol)):
                if check_valid == "raise":
                    raise ValueError("covariance is not symmetric positive-semidefinite.")
                warnings.warn("covariance is not symmetric positive-semidefinite.", RuntimeWarning, stacklevel=2)
            factor = op("sqrt", s)[:, None] * v
        shape, chunk_size = _rows(size, mean.shape[0], one_of(chunk_size, chunks))
        return _as(mean + self._float("random_normal", shape, None, chunk_size) @ factor, dtype)

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


def _checked(value, wrong, message):
    """A parameter. Tensors are lazy, so theirs are not looked at: what has no distribution gives NaN, or the least
    integer."""
    if not isinstance(value, Tensor) and np.any(wrong(np.asarray(value, float))):
        raise ValueError(message)
    return _parameter(value)


def _positive(value, name, strict=False):
    if strict:
        return _checked(value, lambda v: ~(v > 0), f"{name} <= 0")
    return _checked(value, lambda v: ~(v >= 0), f"{name} < 0")


def _whole(value, name):
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


def _size(size, parameters, least=()):
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


def _rows(size, n, chunk_size):
    """The shape of as many vectors of length n, and their cutting."""
    shape = _size(size, ())
    if isinstance(chunk_size, (tuple, list)) and len(chunk_size) == len(shape):
        chunk_size = (*chunk_size, -1)
    return (*shape, n), chunk_size


def _shares(parts, total, size, chunk_size, share):
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
        shape, cutting_ = _rows(size, width, chunk_size)
        left = share(sums[..., :width], sums[..., width:], counts, shape, cutting_)
        counts = concatenate([left, counts - left], -1)
    return counts[..., :n]


def _as(made, dtype):
    return made if dtype is None or made.dtype == dtype else made.astype(dtype)


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

    def standard_exponential(self, size=None, dtype=None, method="zig", out=None, *, chunk_size=None, chunks=None):
        """Exponential with mean 1; the method is ours."""
        from .ufuncs import store

        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "standard_exponential")

    def standard_gamma(self, shape, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Gamma with scale 1."""
        from .ufuncs import store

        made = super().standard_gamma(shape, size, one_of(chunk_size, chunks), dtype=dtype)
        return made if out is None else store(made, out, "same_kind", "standard_gamma")

    def multivariate_hypergeometric(self, colors, nsample, size=None, method="marginals", *, chunk_size=None,
                                    chunks=None):
        """Counts by colors of a sample of nsample, drawn without putting back; the method is ours."""
        if method not in ("marginals", "count"):
            raise ValueError("method must be 'count' or 'marginals'.")
        colors, nsample = _whole(colors, "colors"), operator.index(nsample)
        if not isinstance(colors, Tensor) or colors.ndim != 1:
            raise ValueError("colors must be a one-dimensional sequence of nonnegative integers")
        total = int(colors.sum())
        if not 0 <= nsample <= total:
            raise ValueError("nsample > sum(colors)" if nsample > 0 else "nsample must be nonnegative.")
        if total > 10**9:
            raise ValueError("When method is 'marginals', sum(colors) must be less than 1000000000.")

        def share(left, right, counts, shape, chunk_size):
            return self._hypergeometric(left, right, counts, shape, None, chunk_size)

        return _shares(colors, nsample, _size(size, ()), one_of(chunk_size, chunks), share)

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
