# SPDX-License-Identifier: Apache-2.0
"""Distributions of which an element is drawn until it fits, from a stream of numbers of its own (decision 0036); and
those that are made of them."""
import warnings

import numpy as np

from .._core import one_of, op
from .core import Tensor
from .creation import astensor
from .distributions import Distributions
from .draws import SIGN, as_dtype, checked, equals, parameter, positive, rows_of, shares, size_of, whole

MOST = SIGN - 1


class Rejections(Distributions):
    """More draws, by their distributions."""

    def standard_gamma(self, shape, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gamma with scale 1.

        Parameters
        ----------
        shape : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.standard_gamma(2.0, size=3).execute()
        Tensor([1.98115498, 2.624137  , 3.59728916])
        """
        return self._deviates("random_gamma", size, dtype, one_of(chunk_size, chunks), positive(shape, "shape"))

    def gamma(self, shape, scale=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Gamma with mean shape * scale.

        Parameters
        ----------
        shape : float or tensor_like
        scale : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.gamma(2.0, size=3).execute()
        Tensor([1.98115498, 2.624137  , 3.59728916])
        """
        shape, scale = positive(shape, "shape"), positive(scale, "scale")
        size = size_of(size, (shape, scale))
        return as_dtype(scale * self._deviates("random_gamma", size, None, one_of(chunk_size, chunks), shape), dtype)

    def chisquare(self, df, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The sum of the squares of df normal numbers.

        Parameters
        ----------
        df : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.chisquare(4, size=3).execute()
        Tensor([3.96230996, 5.248274  , 7.19457833])
        """
        df = positive(df, "df", strict=True)
        return as_dtype(2.0 * self._deviates("random_gamma", size, None, one_of(chunk_size, chunks), df / 2.0), dtype)

    def noncentral_chisquare(self, df, nonc, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The sum of the squares of df normal numbers whose means have nonc as the sum of their squares.

        Parameters
        ----------
        df, nonc : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.noncentral_chisquare(4, 1.0, size=3).execute()
        Tensor([5.75775094, 3.47705857, 0.74836944])
        """
        df, nonc = positive(df, "df", strict=True), positive(nonc, "nonc")
        size, chunk_size = size_of(size, (df, nonc)), one_of(chunk_size, chunks)
        more = self._deviates("random_poisson", size, None, chunk_size, nonc / 2.0)
        return as_dtype(2.0 * self._deviates("random_gamma", size, None, chunk_size, df / 2.0 + more), dtype)

    def f(self, dfnum, dfden, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Fisher's F: the quotient of two mean squares.

        Parameters
        ----------
        dfnum, dfden : float or tensor_like
            Degrees of freedom.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.f(4, 9, size=3).execute()
        Tensor([1.3415431 , 1.37960686, 4.56902449])
        """
        dfnum, dfden = positive(dfnum, "dfnum", strict=True), positive(dfden, "dfden", strict=True)
        size, chunk_size = size_of(size, (dfnum, dfden)), one_of(chunk_size, chunks)
        made = self.chisquare(dfnum, size, chunk_size) / dfnum / (self.chisquare(dfden, size, chunk_size) / dfden)
        return as_dtype(made, dtype)

    def noncentral_f(self, dfnum, dfden, nonc, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Fisher's F with a numerator that is not central.

        Parameters
        ----------
        dfnum, dfden : float or tensor_like
            Degrees of freedom.
        nonc : float or tensor_like
            The sum of the squares of the means.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.noncentral_f(4, 9, 1.0, size=3).execute()
        Tensor([1.78373735, 0.79835234, 0.31876598])
        """
        dfnum, dfden = positive(dfnum, "dfnum", strict=True), positive(dfden, "dfden", strict=True)
        nonc = positive(nonc, "nonc")
        size, chunk_size = size_of(size, (dfnum, dfden, nonc)), one_of(chunk_size, chunks)
        above = self.noncentral_chisquare(dfnum, nonc, size, chunk_size) / dfnum
        return as_dtype(above / (self.chisquare(dfden, size, chunk_size) / dfden), dtype)

    def standard_t(self, df, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Student's t with df degrees of freedom.

        Parameters
        ----------
        df : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.standard_t(5, size=3).execute()
        Tensor([0.28936408, 0.21132762, 1.27908393])
        """
        df = positive(df, "df", strict=True)
        size, chunk_size = size_of(size, (df,)), one_of(chunk_size, chunks)
        made = self._float("random_normal", size, None, chunk_size)
        return as_dtype(made / op("sqrt", self.chisquare(df, size, chunk_size) / df), dtype)

    def beta(self, a, b, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Beta: the share of the first of two gamma numbers in their sum.

        Parameters
        ----------
        a, b : float or tensor_like
            Their shapes.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.beta(2.0, 3.0, size=3).execute()
        Tensor([0.49713288, 0.48762772, 0.80421993])
        """
        a, b = positive(a, "a", strict=True), positive(b, "b", strict=True)
        size, chunk_size = size_of(size, (a, b)), one_of(chunk_size, chunks)
        logs = [self._deviates("random_gamma", size, None, chunk_size, shape, log=True) for shape in (a, b)]
        return as_dtype(1.0 / (1.0 + op("exp", logs[1] - logs[0])), dtype)

    def dirichlet(self, alpha, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Shares of gamma numbers in their sum.

        Parameters
        ----------
        alpha : tensor_like
            Their shapes: a vector.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor
            The last axis has the shares, whose sum is 1.

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.dirichlet([1.0, 2.0, 3.0], size=2).sum(axis=1).execute()
        Tensor([1., 1.])
        """
        alpha = positive(alpha, "alpha", strict=True)
        if not isinstance(alpha, Tensor) or alpha.ndim != 1:
            raise ValueError("alpha must be one-dimensional")
        shape, chunk_size = rows_of(size, alpha.shape[-1], one_of(chunk_size, chunks))
        made = self._deviates("random_gamma", shape, None, chunk_size, alpha, log=True)
        made = op("exp", made - made.max(axis=-1, keepdims=True))
        return as_dtype(made / made.sum(axis=-1, keepdims=True), dtype)

    def wald(self, mean, scale, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Wald, or inverse Gaussian (the transformation of Michael, Schucany and Haas).

        Parameters
        ----------
        mean, scale : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.wald(1.0, 2.0, size=3).execute()
        Tensor([0.85022847, 0.8679718 , 1.5584931 ])
        """
        mean, scale = positive(mean, "mean", strict=True), positive(scale, "scale", strict=True)
        size, chunk_size = size_of(size, (mean, scale)), one_of(chunk_size, chunks)
        square = self._float("random_normal", size, None, chunk_size)
        square = mean * square * square
        root = op("sqrt", square * square + 4.0 * scale * square)
        small = op("where", op("greater", square, 0.0), 4.0 * scale * square / (root + square) / (root + square), 1.0)
        u = self._uniform(size, None, chunk_size)
        return as_dtype(mean * op("where", op("less_equal", u * (1.0 + small), 1.0), small, 1.0 / small), dtype)

    def vonmises(self, mu, kappa, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Von Mises: angles around mu, between -pi and pi.

        Parameters
        ----------
        mu, kappa : float or tensor_like
            Mode, and how narrow it is.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.vonmises(0.0, 4.0, size=3).execute()
        Tensor([-0.07099584,  0.36680116, -0.00476227])
        """
        mu, kappa = parameter(mu), positive(kappa, "kappa")
        size = size_of(size, (mu, kappa))
        made = mu + self._deviates("random_vonmises", size, None, one_of(chunk_size, chunks), kappa)
        made = made if equals(mu, 0) else op("remainder", made + np.pi, 2 * np.pi) - np.pi
        return as_dtype(made, dtype)

    def poisson(self, lam=1.0, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Poisson: a count of independent events of which lam are expected.

        Parameters
        ----------
        lam : float or tensor_like, optional
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.poisson(4.0, size=5).execute()
        Tensor([8, 3, 0, 3, 3])
        """
        lam = checked(lam, lambda v: ~(v >= 0), "lam < 0 or lam is NaN")
        lam = checked(lam, lambda v: v > MOST - 10 * MOST**0.5, "lam value too large")
        return self._deviates("random_poisson", size, dtype, one_of(chunk_size, chunks), lam)

    def binomial(self, n, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Binomial: successes in n trials of probability p.

        Parameters
        ----------
        n : int or tensor_like of int
        p : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.binomial(10, 0.5, size=5).execute()
        Tensor([8, 5, 1, 5, 4])
        """
        n, p = whole(n, "n"), checked(p, lambda v: ~((v >= 0) & (v <= 1)), "p < 0, p > 1 or p is NaN")
        return self._deviates("random_binomial", size, dtype, one_of(chunk_size, chunks), n, p)

    def negative_binomial(self, n, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Failures before n successes of probability p.

        Parameters
        ----------
        n, p : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.negative_binomial(3, 0.5, size=5).execute()
        Tensor([3, 6, 4, 3, 0])
        """
        n = checked(n, lambda v: ~(v > 0), "n <= 0 or n is NaN")
        p = checked(p, lambda v: ~((v > 0) & (v <= 1)), "p <= 0, p > 1 or p is NaN")
        size, chunk_size = size_of(size, (n, p)), one_of(chunk_size, chunks)
        lam = self._deviates("random_gamma", size, None, chunk_size, n) * ((1.0 - p) / p)
        return self._deviates("random_poisson", size, dtype, chunk_size, lam)

    def hypergeometric(self, ngood, nbad, nsample, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Hypergeometric: good ones in a sample of nsample, drawn without putting back.

        Parameters
        ----------
        ngood, nbad, nsample : int or tensor_like of int
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.hypergeometric(6, 4, 5, size=5).execute()
        Tensor([2, 3, 5, 3, 3])
        """
        given = [whole(v, name) for v, name in ((ngood, "ngood"), (nbad, "nbad"), (nsample, "nsample"))]
        if not any(isinstance(v, Tensor) for v in (ngood, nbad, nsample)):
            if np.any(np.add(ngood, nbad) < nsample):
                raise ValueError("ngood + nbad < nsample")
            if np.any(np.maximum(ngood, nbad) > 10**9):
                raise ValueError("both ngood and nbad must be at most 1000000000")
        return self._hypergeometric(*given, size, dtype, one_of(chunk_size, chunks))

    def _hypergeometric(self, good, bad, sample, size, dtype, chunk_size):
        urn = op("add", op("multiply", good, 1 << 32), bad)
        size = size_of(size, (good, bad, sample))
        return self._deviates("random_hypergeometric", size, dtype, chunk_size, urn, sample)

    def logseries(self, p, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """The logarithmic series distribution.

        Parameters
        ----------
        p : float or tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.logseries(0.6, size=5).execute()
        Tensor([1, 1, 8, 1, 2])
        """
        p = checked(p, lambda v: ~((v >= 0) & (v < 1)), "p < 0, p >= 1 or p is NaN")
        return self._deviates("random_logseries", size, dtype, one_of(chunk_size, chunks), p)

    def zipf(self, a, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Zipf: k with a probability proportional to k**-a.

        Parameters
        ----------
        a : float or tensor_like
            Above 1.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.zipf(2.0, size=5).execute()
        Tensor([22,  1,  1,  1,  1])
        """
        a = checked(a, lambda v: ~(v > 1), "a <= 1 or a is NaN")
        return self._deviates("random_zipf", size, dtype, one_of(chunk_size, chunks), a)

    def multinomial(self, n, pvals, size=None, chunk_size=None, gpu=None, dtype=None, *, chunks=None):
        """Counts of n trials by their outcomes.

        Parameters
        ----------
        n : int or tensor_like of int
        pvals : tensor_like
            Probabilities of the outcomes, along the last axis.
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().

        Returns
        -------
        Tensor
            The last axis has the counts, whose sum is n.

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.multinomial(10, [0.2, 0.3, 0.5], size=2).execute()
        Tensor([[1, 6, 3],
                [1, 3, 6]])
        """
        n = whole(n, "n")
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

        return as_dtype(shares(p, n, size_of(size, (), rows), one_of(chunk_size, chunks), share), dtype)

    def multivariate_normal(self, mean, cov, size=None, check_valid="warn", tol=1e-8, chunk_size=None, gpu=None,
                            dtype=None, *, method="svd", chunks=None):
        """Vectors of normal numbers with a vector of means and a matrix of covariances.

        Parameters
        ----------
        mean : tensor_like
        cov : tensor_like
        size, chunk_size, gpu, dtype, chunks : optional
            As of uniform().
        check_valid : {'warn', 'raise', 'ignore'}, optional
            What happens if cov is no matrix of covariances.
        tol : float, optional
            How far off that may be.
        method : {'svd', 'eigh', 'cholesky'}, optional

        Returns
        -------
        Tensor
            The last axis has the vectors.

        Examples
        --------
        >>> rng = mt.random.default_rng(7)
        >>> rng.multivariate_normal([0.0, 10.0], [[1.0, 0.5], [0.5, 1.0]], size=2).shape
        (2, 2)
        """
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
        shape, chunk_size = rows_of(size, mean.shape[0], one_of(chunk_size, chunks))
        return as_dtype(mean + self._float("random_normal", shape, None, chunk_size) @ factor, dtype)
