# SPDX-License-Identifier: Apache-2.0
"""Random tensors. An element depends on the seed, on the number of the draw within its generator and on its own
index: never on how the tensor is cut or on how many threads compute it. A tensor has drawn when it is made;
computing it again gives the same numbers. The numbers are not NumPy's of the same seed."""
import operator

import numpy as np

from .._core import one_of
from .core import Tensor
from .creation import astensor
from .draws import SIGN, shares, size_of, whole
from .rejections import Rejections

_DISTRIBUTIONS = """beta binomial chisquare dirichlet exponential f gamma geometric gumbel hypergeometric laplace
    logistic lognormal logseries multinomial multivariate_normal negative_binomial noncentral_chisquare noncentral_f
    normal pareto poisson power rayleigh standard_cauchy standard_exponential standard_gamma standard_normal standard_t
    triangular uniform vonmises wald weibull zipf""".split()
__all__ = ["Generator", "RandomState", "bytes", "choice", "default_rng", "permutation", "rand", "randint", "randn",
           "random", "random_integers", "random_sample", "ranf", "sample", "seed", "shuffle"] + _DISTRIBUTIONS


class RandomState(Rejections):
    """A generator with the names of numpy.random.RandomState.

    An element depends on the seed, on the number of the draw and on its own index, never on chunks or threads. The
    numbers are not NumPy's of the same seed.

    Parameters
    ----------
    seed : int, sequence of ints or None, optional
        None: of the system's chance.

    Examples
    --------
    >>> state = mt.random.RandomState(7)
    >>> state.rand(3, chunk_size=1).execute()
    Tensor([0.95459713, 0.11417736, 0.4069604 ])
    >>> mt.random.RandomState(7).rand(3).execute()
    Tensor([0.95459713, 0.11417736, 0.4069604 ])
    """

    def __init__(self, seed=None):
        super().__init__(seed, 2**32 - 1)

    def random_sample(self, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Uniform in [0, 1).

        Parameters
        ----------
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        dtype : {'float64', 'float32', 'float16'}, optional
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.RandomState(7).random_sample(3).execute()
        Tensor([0.95459713, 0.11417736, 0.4069604 ])
        """
        return self._uniform(size, dtype, one_of(chunk_size, chunks))

    random = ranf = sample = random_sample

    def rand(self, *dn, chunk_size=None, gpu=None, dtype=None, chunks=None):
        """Uniform in [0, 1), of the shape that the arguments are.

        Parameters
        ----------
        *dn : int
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        dtype : {'float64', 'float32', 'float16'}, optional
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.RandomState(7).rand(2, 2).execute()
        Tensor([[0.95459713, 0.11417736],
                [0.4069604 , 0.17179867]])
        """
        return self._uniform(dn or None, dtype, one_of(chunk_size, chunks))

    def randn(self, *dn, chunk_size=None, gpu=None, dtype=None, chunks=None):
        """Standard normal, of the shape that the arguments are.

        Parameters
        ----------
        *dn : int
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        dtype : {'float64', 'float32', 'float16'}, optional
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.RandomState(7).randn(2, 2).execute()
        Tensor([[0.22970817, 0.20041439],
                [0.63267456, 1.18228663]])
        """
        return self.normal(0.0, 1.0, dn or None, chunk_size, gpu, dtype, chunks=chunks)

    def randint(self, low, high=None, size=None, dtype=int, density=None, chunk_size=None, gpu=None, *, chunks=None):
        """Integers from low to high, high excluded; with one limit from 0 to it.

        Parameters
        ----------
        low, high : int or tensor_like of int
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : data-type, optional
        density : float, optional
            The probability of each element of a matrix to be stored: gives a SparseTensor.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor or SparseTensor

        Examples
        --------
        >>> mt.random.RandomState(7).randint(1, 7, size=5).execute()
        Tensor([6, 3, 1, 3, 2])
        """
        made = self._integers(low, high, size, dtype, one_of(chunk_size, chunks))
        if density is None:
            return made
        from .sparse import of_dense

        if not 0 <= density <= 1:
            raise ValueError(f"density is a probability, not {density}")
        return of_dense(made, keep=self._uniform(made.shape, None, one_of(chunk_size, chunks)) < density)

    def random_integers(self, low, high=None, size=None, chunk_size=None, gpu=None, *, chunks=None):
        """Integers from low to high, high included; with one limit from 1 to it.

        Parameters
        ----------
        low, high : int or tensor_like of int
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        gpu : optional
            There are no devices besides memory: anything but None and False is refused.
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.RandomState(7).random_integers(6, size=5).execute()
        Tensor([6, 3, 1, 3, 2])
        """
        low, high = (1, low) if high is None else (low, high)
        return self._integers(low, high, size, int, one_of(chunk_size, chunks), endpoint=True)


class Generator(Rejections):
    """A generator with the names of numpy.random.Generator; default_rng() makes one.

    An element depends on the seed, on the number of the draw and on its own index, never on chunks or threads. The
    numbers are not NumPy's of the same seed.

    Parameters
    ----------
    seed : int, sequence of ints or None
    most : optional
        The largest seed; None: there is no such limit.

    Examples
    --------
    >>> rng = mt.random.Generator(7)
    >>> rng.random(3, chunk_size=1).execute()
    Tensor([0.95459713, 0.11417736, 0.4069604 ])
    """

    def random(self, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Uniform in [0, 1).

        Parameters
        ----------
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : {'float64', 'float32', 'float16'}, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).random(3).execute()
        Tensor([0.95459713, 0.11417736, 0.4069604 ])
        """
        from .ufuncs import store

        made = self._uniform(size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "random")

    def spawn(self, n_children):
        """Generators that are independent of this one and of each other; of the same seed they are the same again.

        Parameters
        ----------
        n_children : int

        Returns
        -------
        list of Generators

        Examples
        --------
        >>> one, other = mt.random.default_rng(7).spawn(2)
        >>> bool((one.random(3) == other.random(3)).any())
        False
        """
        n = operator.index(n_children)
        if n < 0:
            raise ValueError(f"n_children is a number of generators, not {n}")
        with self._lock:
            first = self._spawned
            self._spawned += n
            words = [np.random.SeedSequence(self._seed % (2 * SIGN), spawn_key=(first + k,)) for k in range(n)]
        return [Generator(int(word.generate_state(1, np.uint64)[0])) for word in words]

    def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False, *, chunk_size=None, chunks=None):
        """Integers from low to high; with one limit from 0 to it.

        Parameters
        ----------
        low, high : int or tensor_like of int
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : data-type, optional
        endpoint : bool, optional
            Whether high is one of them.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).integers(1, 6, size=5, endpoint=True).execute()
        Tensor([6, 3, 1, 3, 2])
        """
        return self._integers(low, high, size, dtype, one_of(chunk_size, chunks), endpoint)

    def standard_normal(self, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Normal with mean 0 and standard deviation 1.

        Parameters
        ----------
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : {'float64', 'float32', 'float16'}, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).standard_normal(3).execute()
        Tensor([0.22970817, 0.20041439, 0.63267456])
        """
        from .ufuncs import store

        made = self._float("random_normal", size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "standard_normal")

    def standard_exponential(self, size=None, dtype=None, method="zig", out=None, *, chunk_size=None, chunks=None):
        """Exponential with mean 1.

        Parameters
        ----------
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : {'float64', 'float32', 'float16'}, optional
        method : optional
            Ignored: the method is ours.
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).standard_exponential(3).execute()
        Tensor([3.09217988, 0.12123853, 0.52249411])
        """
        from .ufuncs import store

        made = self._float("random_exponential", size, dtype, one_of(chunk_size, chunks))
        return made if out is None else store(made, out, "same_kind", "standard_exponential")

    def standard_gamma(self, shape, size=None, dtype=None, out=None, *, chunk_size=None, chunks=None):
        """Gamma with scale 1.

        Parameters
        ----------
        shape : float or tensor_like
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        dtype : data-type, optional
        out : Tensor or numpy.ndarray, optional
            Gets the result.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).standard_gamma(2.0, 3).execute()
        Tensor([1.98115498, 2.624137  , 3.59728916])
        """
        from .ufuncs import store

        made = super().standard_gamma(shape, size, one_of(chunk_size, chunks), dtype=dtype)
        return made if out is None else store(made, out, "same_kind", "standard_gamma")

    def multivariate_hypergeometric(self, colors, nsample, size=None, method="marginals", *, chunk_size=None,
                                    chunks=None):
        """Counts by colors of a sample, drawn without putting back.

        Parameters
        ----------
        colors : tensor_like of int
            How many there are of each; a vector.
        nsample : int
        size : int or tuple of ints, optional
            The shape; None: that of the parameters.
        method : {'marginals', 'count'}, optional
            Ignored: the method is ours.
        chunk_size : int, tuple, dict or str, optional
            How to cut; see tensor().
        chunks : optional
            Another word for chunk_size.

        Returns
        -------
        Tensor of int64
            The last axis has the counts, whose sum is nsample.

        Examples
        --------
        >>> mt.random.default_rng(7).multivariate_hypergeometric([5, 3, 2], 4).execute()
        Tensor([1, 2, 1])
        """
        if method not in ("marginals", "count"):
            raise ValueError("method must be 'count' or 'marginals'.")
        colors, nsample = whole(colors, "colors"), operator.index(nsample)
        if not isinstance(colors, Tensor) or colors.ndim != 1:
            raise ValueError("colors must be a one-dimensional sequence of nonnegative integers")
        total = int(colors.sum())
        if not 0 <= nsample <= total:
            raise ValueError("nsample > sum(colors)" if nsample > 0 else "nsample must be nonnegative.")
        if total > 10**9:
            raise ValueError("When method is 'marginals', sum(colors) must be less than 1000000000.")

        def share(left, right, counts, shape, chunk_size):
            return self._hypergeometric(left, right, counts, shape, None, chunk_size)

        return shares(colors, nsample, size_of(size, ()), one_of(chunk_size, chunks), share)

    def permuted(self, x, *, axis=None, out=None):
        """x in random order along an axis, each of the other positions in its own.

        Parameters
        ----------
        x : tensor_like
        axis : int or None, optional
            None: all elements.
        out : Tensor or numpy.ndarray, optional
            Gets the result; of the shape of x.

        Returns
        -------
        Tensor

        Examples
        --------
        >>> mt.random.default_rng(7).permuted([[1, 2, 3], [4, 5, 6]], axis=1).execute()
        Tensor([[3, 2, 1],
                [5, 6, 4]])
        """
        from .indexing import take_along_axis
        from .sorting import argsort
        from .ufuncs import store

        x = astensor(x)
        if out is not None and out.shape != x.shape:
            raise ValueError("out must have the same shape as x")
        if axis is None:
            made = self.permutation(x.ravel()).reshape(x.shape)
        else:
            made = take_along_axis(x, argsort(self._integers(0, SIGN >> 1, x.shape, "int64", None), axis), axis)
        return made if out is None else store(made, out, "safe", "permuted")


def default_rng(seed=None):
    """A new Generator, or the one that it is given.

    Parameters
    ----------
    seed : int, sequence of ints, Generator or None, optional
        None: of the system's chance.

    Returns
    -------
    Generator

    Examples
    --------
    >>> rng = mt.random.default_rng(7)
    >>> rng.random(2).execute()
    Tensor([0.95459713, 0.11417736])
    """
    return seed if isinstance(seed, Generator) else Generator(seed)


_global = RandomState()


def _of_global(name):
    made = getattr(_global, name)
    globals()[name] = made


for _name in __all__:
    if _name not in ("Generator", "RandomState", "default_rng"):
        _of_global(_name)
