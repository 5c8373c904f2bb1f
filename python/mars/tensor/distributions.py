# SPDX-License-Identifier: Apache-2.0
"""Distributions that are functions of uniform, normal and exponential numbers."""
import numpy as np

from .._core import one_of, op
from .core import Tensor
from .creation import astensor
from .draws import Draws, equals, parameter, positive


class Distributions(Draws):
    """Draws, by their distributions."""

    def uniform(self, low=0.0, high=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Uniform in [low, high).

        Parameters
        ----------
        low, high : float or tensor_like, optional
            Ends.
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        dtype : data-type, optional
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.uniform(1, 3, size=3).execute()
        Tensor([2.90919425, 1.22835472, 1.81392081])
        """
        low, high = parameter(low), parameter(high)
        made = self._uniform(size, dtype, one_of(chunk_size, chunks), low, high)
        return made if equals(low, 0) and equals(high, 1) else low + (high - low) * made

    def normal(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Normal with mean loc and standard deviation scale.

        Parameters
        ----------
        loc, scale : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.normal(size=3).execute()
        Tensor([0.22970817, 0.20041439, 0.63267456])
        """
        loc, scale = parameter(loc), positive(scale, "scale")
        made = self._float("random_normal", size, dtype, one_of(chunk_size, chunks), loc, scale)
        return made if equals(loc, 0) and equals(scale, 1) else loc + scale * made

    def standard_normal(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Normal with mean 0 and standard deviation 1.

        Parameters
        ----------
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.standard_normal(size=3).execute()
        Tensor([0.22970817, 0.20041439, 0.63267456])
        """
        return self.normal(0.0, 1.0, size, chunk_size, gpu, dtype, chunks=chunks)

    def exponential(self, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Exponential with mean scale.

        Parameters
        ----------
        scale : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.exponential(2.0, size=3).execute()
        Tensor([6.18435975, 0.24247706, 1.04498822])
        """
        scale = positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), scale)
        return made if equals(scale, 1) else scale * made

    def standard_exponential(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Exponential with mean 1.

        Parameters
        ----------
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.standard_exponential(size=3).execute()
        Tensor([3.09217988, 0.12123853, 0.52249411])
        """
        return self.exponential(1.0, size, chunk_size, gpu, dtype, chunks=chunks)

    def lognormal(self, mean=0.0, sigma=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The exponential function of normal numbers.

        Parameters
        ----------
        mean, sigma : float or tensor_like, optional
            Of the normal numbers.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.lognormal(size=3).execute()
        Tensor([1.25823276, 1.221909  , 1.88263908])
        """
        return op("exp", self.normal(mean, positive(sigma, "sigma"), size, chunk_size, gpu, dtype, chunks=chunks))

    def laplace(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Laplace: exponential on both sides of loc.

        Parameters
        ----------
        loc, scale : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.laplace(size=3).execute()
        Tensor([-2.3990327 ,  1.47685506,  0.2058922 ])
        """
        loc, scale = parameter(loc), positive(scale, "scale")
        u = self._open(size, dtype, one_of(chunk_size, chunks), loc, scale)
        made = op("where", op("less", u, 0.5), op("log", 2.0 * u), -op("log", 2.0 - op("minimum", 2.0 * u, 1.9999998)))
        return loc + scale * made

    def logistic(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Logistic with mean loc.

        Parameters
        ----------
        loc, scale : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.logistic(size=3).execute()
        Tensor([-3.04571399,  2.04876371,  0.37654527])
        """
        loc, scale = parameter(loc), positive(scale, "scale")
        u = self._open(size, dtype, one_of(chunk_size, chunks), loc, scale)
        u = op("minimum", u, float(1 - np.finfo(u.dtype).epsneg))
        return loc + scale * op("log", u / (1.0 - u))

    def gumbel(self, loc=0.0, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gumbel: the limit of largest values.

        Parameters
        ----------
        loc, scale : float or tensor_like, optional
            Mode and width.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.gumbel(size=3).execute()
        Tensor([-1.1288763 ,  2.10999534,  0.64914157])
        """
        loc, scale = parameter(loc), positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), loc, scale)
        return loc - scale * op("log", made)

    def rayleigh(self, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Rayleigh: the length of a vector with two normal components.

        Parameters
        ----------
        scale : float or tensor_like, optional
            Their standard deviation.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.rayleigh(size=3).execute()
        Tensor([2.4868373 , 0.4924196 , 1.02224665])
        """
        scale = positive(scale, "scale")
        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), scale)
        return scale * op("sqrt", 2.0 * made)

    def weibull(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Weibull with shape a.

        Parameters
        ----------
        a : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.weibull(2.0, size=3).execute()
        Tensor([1.75845952, 0.34819324, 0.72283754])
        """
        a = positive(a, "a")
        return op("power", self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), a), 1.0 / a)

    def pareto(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Pareto II with shape a.

        Parameters
        ----------
        a : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.pareto(3.0, size=3).execute()
        Tensor([1.8031019 , 0.04124055, 0.19025159])
        """
        a = positive(a, "a", strict=True)
        return op("expm1", self._float("random_exponential", size, dtype, one_of(chunk_size, chunks), a) / a)

    def power(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Numbers in [0, 1] with density a x**(a - 1).

        Parameters
        ----------
        a : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.power(3.0, size=3).execute()
        Tensor([0.35674764, 0.96039287, 0.84015851])
        """
        a = positive(a, "a", strict=True)
        return op("power", self._open(size, dtype, one_of(chunk_size, chunks), a), 1.0 / a)

    def standard_cauchy(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Cauchy: the quotient of two normal numbers.

        Parameters
        ----------
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.standard_cauchy(size=3).execute()
        Tensor([ 6.9631768 , -2.66725005, -0.30091116])
        """
        return op("tan", np.pi * (self._uniform(size, dtype, one_of(chunk_size, chunks)) - 0.5))

    def triangular(self, left, mode, right, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Triangular in [left, right] with its peak at mode.

        Parameters
        ----------
        left, mode, right : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.triangular(0, 1, 4, size=3).execute()
        Tensor([3.26187096, 0.67580282, 1.33232777])
        """
        left, mode, right = parameter(left), parameter(mode), parameter(right)
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
        """The number of trials until the first success.

        Parameters
        ----------
        p : float or tensor_like
            Its probability.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.geometric(0.25, size=5).execute()
        Tensor([11,  1,  2,  1,  1])
        """
        p = parameter(p)
        if not isinstance(p, Tensor) and not 0 < p <= 1:
            raise ValueError("p <= 0, p > 1 or p contains NaNs")
        tries = op("ceil", self._float("random_exponential", size, None, one_of(chunk_size, chunks), p) /
                   -op("log1p", -astensor(p)))
        return op("maximum", tries, 1.0).astype(int if dtype is None else dtype)
