# SPDX-License-Identifier: Apache-2.0
"""Singular values by projection on random vectors."""
import numpy as np

from .._core import op
from ..errors import LinAlgError
from .core import ExecutableTuple
from .manipulation import matrix_transpose
from .matrices import matrices_of
from .random import RandomState


def randomized_svd(M, n_components, n_oversamples=10, n_iter="auto", power_iteration_normalizer="auto",
                   transpose="auto", flip_sign=True, random_state=0):
    """The largest n_components singular values, with their vectors, by projection on random ones.

    That is Halko, Martinsson and Tropp's method: the more n_oversamples and n_iter, the nearer.

    Parameters
    ----------
    M : tensor_like
        A matrix.
    n_components : int
    n_oversamples : int, optional
        So many more vectors are projected on.
    n_iter : int or 'auto', optional
        Power iterations.
    power_iteration_normalizer : {'auto', 'QR', 'LU', 'none'}, optional
    transpose : bool or 'auto', optional
        Whether the transpose is decomposed; 'auto': if M is wide.
    flip_sign : bool, optional
        Whether the largest component of each column of U is made positive.
    random_state : int or RandomState, optional

    Returns
    -------
    ExecutableTuple
        U, S and Vh.

    Examples
    --------
    >>> u, s, vh = mt.linalg.randomized_svd(mt.diag([3.0, 2.0, 1.0]), 1)
    >>> s.round(6).execute()
    Tensor([3.])
    """
    M = matrices_of(M)
    if M.ndim != 2:
        raise LinAlgError(f"{M.ndim}-dimensional array given. Array must be two-dimensional")
    if power_iteration_normalizer not in ("auto", "QR", "LU", "none"):
        raise ValueError("power_iteration_normalizer is 'auto', 'QR', 'LU' or 'none', not "
                         f"{power_iteration_normalizer!r}")
    if n_iter == "auto":
        n_iter = 7 if n_components < 0.1 * min(M.shape) else 4
    normalizer = power_iteration_normalizer
    if normalizer == "auto":
        normalizer = "none" if n_iter <= 2 else "LU"
    swap = M.shape[0] < M.shape[1] if transpose == "auto" else transpose
    M = matrix_transpose(M) if swap else M
    adjoint = op("conjugate", M.T) if M.dtype.kind == "c" else M.T
    state = random_state if isinstance(random_state, RandomState) else RandomState(random_state)
    size = min(n_components + n_oversamples, M.shape[1])
    Q = state.normal(size=(M.shape[1], size)).astype(M.dtype)

    def normalized(x):
        if normalizer == "LU":
            p, low, _ = op("lu", x)
            return op("matmul", p, low)
        return op("qr", x)[0] if normalizer == "QR" else x

    for _ in range(n_iter):
        Q = normalized(op("matmul", adjoint, normalized(op("matmul", M, Q))))
    Q = op("qr", op("matmul", M, Q))[0]
    u, s, vh = op("svd", op("matmul", op("conjugate", Q.T) if Q.dtype.kind == "c" else Q.T, M))
    u = op("matmul", Q, u)
    u, s, vh = u[:, :n_components], s[:n_components], vh[:n_components]
    if swap:
        u, vh = vh.T, u.T
    if flip_sign:
        size = op("absolute", u)
        largest = (u * op("equal", size.argmax(0), np.arange(u.shape[0])[:, None])).sum(0)
        sign = largest / op("absolute", largest)
        sign = op("where", op("equal", largest, 0), 1, sign)
        u, vh = u * (op("conjugate", sign) if u.dtype.kind == "c" else sign), vh * sign[:, None]
    return ExecutableTuple([u, s, vh])
