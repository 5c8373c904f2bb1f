# SPDX-License-Identifier: Apache-2.0
"""Factorizations, what is solved by them, and norms; and numpy.linalg's names of products."""
import numpy as np

from .. import _mars
from .._core import op
from ..errors import LinAlgError
from .core import ExecutableTuple, axes_of, named_tuple
from .creation import astensor
from .manipulation import broadcast_to, moveaxis, swapaxes
from .matrices import eye, matrices_of
from .products import (dot, einsum, inner, innerproduct, kron, matmul, multi_dot, outer, tensordot, vdot,  # noqa: F401
                       vecdot)
from .randomized import randomized_svd  # noqa: F401

__all__ = """LinAlgError cholesky cond cross det diagonal dot eig eigh eigvals eigvalsh einsum inner innerproduct inv
    kron lstsq lu lu_solve matmul matrix_norm matrix_power matrix_rank matrix_transpose multi_dot norm
    outer pinv qr randomized_svd slogdet solve solve_triangular svd svdvals tensordot tensorinv
    tensorsolve trace vdot vecdot vector_norm""".split()


# ---- Factorizations --------------------------------------------------------------------------------------------------

QR = named_tuple("QR", "Q", "R")
SVD = named_tuple("SVD", "U", "S", "Vh")
Slogdet = named_tuple("Slogdet", "sign", "logabsdet")
Eig = named_tuple("Eig", "eigenvalues", "eigenvectors")


def qr(a, mode="reduced", method="tsqr"):
    """Q with orthonormal columns and upper triangular R with a = Q R.

    Tall matrices are computed by blocks of rows, whose number depends on shapes alone. The signs may differ from
    LAPACK's of the whole matrix.

    Parameters
    ----------
    a : tensor_like
        m x n, in the last two axes.
    mode : {'reduced', 'complete', 'r'}, optional
        Q of min(m, n) columns or of m, or R alone.
    method : optional
        Ignored.

    Returns
    -------
    QR or Tensor
        A tuple of tensors: Q and R.

    Examples
    --------
    >>> q, r = mt.linalg.qr([[3.0, 1.0], [4.0, 2.0]])
    >>> abs(r).execute()
    Tensor([[5. , 2.2],
            [0. , 0.4]])
    >>> mt.allclose(q @ r, [[3, 1], [4, 2]]).execute()
    Tensor(True)
    """
    a = matrices_of(a)
    if mode not in ("reduced", "r", "complete"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = op("qr", a, complete=mode == "complete")
    return r if mode == "r" else QR([q, r])


def svd(a, full_matrices=True, compute_uv=True, hermitian=False, method="tsqr"):
    """U, S, Vh with a = U diag(S) Vh; S descending.

    Parameters
    ----------
    a : tensor_like
        m x n, in the last two axes.
    full_matrices : bool, optional
        Whether U is m x m and Vh n x n; else both have what S has numbers for.
    compute_uv : bool, optional
        Whether U and Vh are wanted.
    hermitian, method : optional
        Ignored.

    Returns
    -------
    SVD or Tensor
        A tuple of tensors: U, S and Vh; or S alone.

    Examples
    --------
    >>> u, s, vh = mt.linalg.svd([[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]], full_matrices=False)
    >>> s.execute(), u.shape
    (Tensor([3., 2.]), (3, 2))
    """
    a = matrices_of(a)
    return SVD(op("svd", a, full_matrices=bool(full_matrices))) if compute_uv else op("svdvals", a)


def svdvals(x):
    """The singular values, descending.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.svdvals([[0.0, 2.0], [3.0, 0.0]]).execute()
    Tensor([3., 2.])
    """
    return svd(x, compute_uv=False)


def cholesky(a, lower=True, *, upper=False):
    """The lower triangular L with a = L L^H.

    Parameters
    ----------
    a : tensor_like
        Hermitian and positive definite; its lower triangle is read.
    lower : bool, optional
    upper : bool, optional
        L^H instead.

    Returns
    -------
    Tensor

    Raises
    ------
    LinAlgError
        When it is computed, if a is not positive definite.

    Examples
    --------
    >>> mt.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]]).execute()
    Tensor([[2., 0.],
            [1., 2.]])
    """
    made = op("cholesky", matrices_of(a, square=True))
    if upper or not lower:
        made = swapaxes(made, -1, -2)
        made = op("conjugate", made) if made.dtype.kind == "c" else made
    return made


def lu(a):
    """P, L, U with a = P L U.

    Parameters
    ----------
    a : tensor_like
        m x n, in the last two axes.

    Returns
    -------
    ExecutableTuple
        A permutation, a lower triangle with ones on the diagonal, an upper triangle.

    Examples
    --------
    >>> p, l, u = mt.linalg.lu([[1.0, 2.0], [3.0, 4.0]])
    >>> u.round(6).execute()
    Tensor([[3.      , 4.      ],
            [0.      , 0.666667]])
    """
    return ExecutableTuple(op("lu", matrices_of(a)))


def solve(a, b, sym_pos=False, sparse=None):
    """x with a x = b.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.
    b : tensor_like
        A vector, if it has one axis, or columns in the last two; stacks broadcast.
    sym_pos, sparse : optional
        Ignored.

    Returns
    -------
    Tensor

    Raises
    ------
    LinAlgError
        When it is computed, if a is singular.

    Examples
    --------
    >>> mt.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).execute()
    Tensor([0.5 , 0.25])
    """
    a, b = matrices_of(a, square=True), astensor(b)
    b = b if b.dtype.kind in "fc" else b.astype(float)
    dtype = _mars.promote(a.dtype, b.dtype)
    vector = b.ndim == 1  # and no other: NumPy 1 took what has an axis less than a for vectors, too
    made = op("solve", a.astype(dtype), (b[..., None] if vector else b).astype(dtype))
    return made[..., 0] if vector else made


def solve_triangular(a, b, lower=False, sparse=None):
    """x with a x = b for a triangular a.

    Parameters
    ----------
    a : tensor_like
        Square; only one triangle is read.
    b : tensor_like
        A vector, or columns.
    lower : bool, optional
        Which triangle.
    sparse : optional
        Ignored.

    Returns
    -------
    Tensor

    Raises
    ------
    LinAlgError
        When it is computed, if the diagonal has a zero.

    Examples
    --------
    >>> mt.linalg.solve_triangular([[2.0, 0.0], [1.0, 4.0]], [2.0, 9.0], lower=True).execute()
    Tensor([1., 2.])
    """
    a, b = matrices_of(a, square=True), astensor(b)
    b = b if b.dtype.kind in "fc" else b.astype(float)
    dtype = _mars.promote(a.dtype, b.dtype)
    vector = b.ndim == a.ndim - 1
    made = op("triangular_solve", a.astype(dtype), (b[..., None] if vector else b).astype(dtype), lower=bool(lower))
    return made[..., 0] if vector else made


def lu_solve(a, b):
    """x with a x = b, through LU.

    Parameters
    ----------
    a : tensor_like
        Square.
    b : tensor_like
        A vector, or columns.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.lu_solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 1.0]).execute()
    Tensor([0.5 , 0.25])
    """
    return solve(a, b)


def inv(a, sparse=None):
    """The inverse.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.
    sparse : optional
        Ignored.

    Returns
    -------
    Tensor

    Raises
    ------
    LinAlgError
        When it is computed, if a is singular.

    Examples
    --------
    >>> mt.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).execute()
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return op("inv", matrices_of(a, square=True))


def tensorsolve(a, b, axes=None):
    """x with tensordot(a, x, x.ndim) = b.

    Parameters
    ----------
    a : tensor_like
    b : tensor_like
    axes : sequence of ints, optional
        Axes of a that are moved to its end first.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.tensorsolve(2 * mt.eye(4).reshape(2, 2, 2, 2), mt.ones((2, 2))).execute()
    Tensor([[0.5, 0.5],
            [0.5, 0.5]])
    """
    a, b = astensor(a), astensor(b)
    if axes is not None:
        axes = axes_of(axes, a.ndim)
        a = a.transpose([k for k in range(a.ndim) if k not in axes] + list(axes))
    rest = a.shape[b.ndim:]
    n = int(np.prod(rest, dtype=object))
    if a.size != n ** 2:
        raise LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return solve(a.reshape((n, n)), b.ravel()).reshape(rest)


def tensorinv(a, ind=2):
    """The inverse of tensordot(a, ·, ind).

    Parameters
    ----------
    a : tensor_like
    ind : int, optional
        How many first axes stand for rows.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.tensorinv(mt.eye(6).reshape(2, 3, 6)).shape
    (6, 2, 3)
    """
    a = astensor(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rest = a.shape[ind:]
    n = int(np.prod(rest, dtype=object))
    return inv(a.reshape((n, a.size // n) if n else (n, 0))).reshape(rest + a.shape[:ind])


def det(a):
    """The determinant.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.det([[2.0, 1.0], [0.0, 4.0]]).execute()
    Tensor(8.0)
    """
    return op("det", matrices_of(a, square=True))


def slogdet(a):
    """Sign and logarithm of the absolute value of the determinant: 0 and -inf of singular matrices.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.

    Returns
    -------
    Slogdet
        A tuple of tensors: sign and logabsdet.

    Examples
    --------
    >>> sign, logabsdet = mt.linalg.slogdet([[0.0, 1.0], [1.0, 0.0]])
    >>> sign.execute(), logabsdet.execute()
    (Tensor(-1.0), Tensor(0.0))
    """
    return Slogdet(op("slogdet", matrices_of(a, square=True)))


def eig(a):
    """Eigenvalues and eigenvectors in columns, both complex, of a square matrix.

    NumPy gives real ones if all of them are; whether they are is known only when they are computed.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.

    Returns
    -------
    Eig
        A tuple of tensors: eigenvalues and eigenvectors.

    Examples
    --------
    >>> mt.linalg.eig([[2.0, 0.0], [0.0, 3.0]])[0].execute()
    Tensor([2.+0.j, 3.+0.j])
    """
    return Eig(op("eig", matrices_of(a, square=True)))


def eigvals(a):
    """The eigenvalues, as complex numbers, of a square matrix.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).execute()
    Tensor([0.+1.j, 0.-1.j])
    """
    return op("eigvals", matrices_of(a, square=True))


def eigh(a, UPLO="L"):
    """Eigenvalues, ascending, and eigenvectors in columns, of a Hermitian matrix.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.
    UPLO : {'L', 'U'}, optional
        Which triangle is read.

    Returns
    -------
    Eig
        A tuple of tensors: eigenvalues and eigenvectors.

    Examples
    --------
    >>> mt.linalg.eigh([[2.0, 1.0], [1.0, 2.0]])[0].round(6).execute()
    Tensor([1., 3.])
    """
    a = matrices_of(a, square=True)
    return Eig(op("eigh", _of_triangle(a, UPLO)))


def eigvalsh(a, UPLO="L"):
    """The eigenvalues, ascending, of a Hermitian matrix.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.
    UPLO : {'L', 'U'}, optional
        Which triangle is read.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.eigvalsh([[2.0, 1.0], [1.0, 2.0]]).round(6).execute()
    Tensor([1., 3.])
    """
    return op("eigvalsh", _of_triangle(matrices_of(a, square=True), UPLO))


def _of_triangle(a, UPLO):
    """LAPACK reads the lower triangle."""
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    if UPLO.upper() == "L":
        return a
    a = swapaxes(a, -1, -2)
    return op("conjugate", a) if a.dtype.kind == "c" else a


def lstsq(a, b, rcond="warn"):
    """x with the least |a x - b|, the sums of squares that remain, the rank of a and its singular values.

    How many sums there are depends on the rank, which is computed when the function is called.

    Parameters
    ----------
    a : tensor_like
        A matrix, m x n.
    b : tensor_like
        A vector of m elements, or columns.
    rcond : float, optional
        Singular values of at most so much of the largest count as 0; None: the precision times max(m, n).

    Returns
    -------
    ExecutableTuple

    Examples
    --------
    >>> x, residuals, rank, s = mt.linalg.lstsq([[0, 1], [1, 1], [2, 1]], [1, 3, 5], rcond=None)
    >>> x.round(6).execute(), rank.execute()
    (Tensor([2., 1.]), Tensor(2, dtype=int32))
    """
    a, b = matrices_of(a), astensor(b)
    if a.ndim != 2:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be two-dimensional")
    vector = b.ndim == 1
    b = b[:, None] if vector else b
    if a.shape[0] != b.shape[0]:
        raise LinAlgError("Incompatible dimensions")
    b = b if b.dtype.kind in "fc" else b.astype(float)
    m, n = a.shape
    dtype = _mars.promote(a.dtype, b.dtype)
    a, b = a.astype(dtype), b.astype(dtype)
    # None is the operator's own limit; NumPy's old default is the precision of the dtype itself.
    limit = -1.0 if rcond is None else float(np.finfo(dtype).eps) if rcond in ("warn", -1) else float(rcond)
    x, rank, s = op("lstsq", a, b, rcond=limit)
    rest = op("absolute", b - op("matmul", a, x))
    residuals = op("square", rest).sum(0)
    if m <= n or int(rank) < n:
        residuals = residuals[:0]
    return ExecutableTuple([x[:, 0] if vector else x, residuals, rank.astype("int32"), s])


def pinv(a, rcond=1e-15, hermitian=False, *, rtol=None):
    """The pseudo-inverse.

    Parameters
    ----------
    a : tensor_like
        m x n, in the last two axes.
    rcond : float, optional
        Singular values of at most so much of the largest count as 0.
    hermitian : optional
        Ignored.
    rtol : tensor_like, optional
        The same, one for each matrix.

    Returns
    -------
    Tensor
        n x m.

    Examples
    --------
    >>> mt.linalg.pinv([[2.0, 0.0], [0.0, 0.0]]).execute()
    Tensor([[0.5, 0. ],
            [0. , 0. ]])
    """
    a = matrices_of(a)
    u, s, vh = svd(a, full_matrices=False)
    keep = op("greater", s, _limits(s, rcond if rtol is None else rtol))
    inverse = op("where", keep, 1.0 / op("where", keep, s, 1.0), 0.0)
    uh, v = swapaxes(u, -1, -2), swapaxes(vh, -1, -2)
    if a.dtype.kind == "c":
        uh, v = op("conjugate", uh), op("conjugate", v)
    return op("matmul", v, inverse[..., None] * uh)


def _limits(s, relative):
    """What singular values of each matrix are compared with: so much of the largest one."""
    largest = s.max(-1, keepdims=True) if s.shape[-1] else s
    if np.ndim(relative) == 0:
        return largest * relative
    return largest * astensor(relative).astype(s.dtype)[..., None]


def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    """How many singular values are above tol, or above rtol times the largest one.

    Parameters
    ----------
    A : tensor_like
    tol : tensor_like, optional
    hermitian : optional
        Ignored.
    rtol : tensor_like, optional

    Returns
    -------
    Tensor of int64

    Examples
    --------
    >>> mt.linalg.matrix_rank([[1.0, 2.0], [2.0, 4.0]]).execute()
    Tensor(1)
    """
    A = astensor(A)
    if A.ndim < 2:
        return op("any", op("not_equal", A, 0)).astype(int)
    s = svd(A, compute_uv=False)
    if tol is None:
        tol = _limits(s, float(max(A.shape[-2:]) * np.finfo(s.dtype).eps) if rtol is None else rtol)
    return op("count_nonzero", op("greater", s, tol), axis=(-1,))


def matrix_power(a, n):
    """The product of n times the matrix, by squaring.

    Parameters
    ----------
    a : tensor_like
        Square, in the last two axes.
    n : int
        Below zero: of the inverse.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.matrix_power([[1, 1], [1, 0]], 10).execute()
    Tensor([[89, 55],
            [55, 34]])
    """
    a = astensor(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    n = n.__index__()
    if n < 0:
        a, n = inv(a), -n
    made = None
    while n:
        if n & 1:
            made = a if made is None else op("matmul", made, a)
        n >>= 1
        if n:
            a = op("matmul", a, a)
    return broadcast_to(eye(a.shape[-1], dtype=a.dtype), a.shape) if made is None else made


def cond(x, p=None):
    """The condition number.

    Parameters
    ----------
    x : tensor_like
        A matrix in the last two axes.
    p : optional
        The norm(); None: quotient of the largest and the smallest singular value.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.cond([[4.0, 0.0], [0.0, 2.0]]).execute()
    Tensor(2.0)
    """
    if p in (None, 2, -2):
        s = svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))


# ---- Norms -----------------------------------------------------------------------------------------------------------

def _vector_norm(x, ord, axis, keepdims):
    size = op("absolute", x)
    if ord == np.inf:
        return size.max(axis, keepdims=keepdims)
    if ord == -np.inf:
        return size.min(axis, keepdims=keepdims)
    if ord == 0:
        return op("not_equal", x, 0).astype(size.dtype).sum(axis, keepdims=keepdims)
    if ord == 1:
        return size.sum(axis, keepdims=keepdims)
    if ord is None or ord == 2:
        return op("sqrt", _squares(x).sum(axis, keepdims=keepdims))
    if isinstance(ord, str):
        raise ValueError(f"Invalid norm order '{ord}' for vectors")
    return op("power", op("power", size, float(ord)).sum(axis, keepdims=keepdims), 1.0 / ord)


def _squares(x):
    if x.dtype.kind != "c":
        return op("square", x)
    return op("add", op("square", op("real", x)), op("square", op("imag", x)))


def norm(x, ord=None, axis=None, keepdims=False):
    """A norm of vectors or matrices.

    Parameters
    ----------
    x : tensor_like
    ord : number or {'fro', 'nuc'}, optional
        NumPy's names; None: the root of the sum of squares.
    axis : int, pair of ints or None, optional
        Vectors lie along one axis, matrices along two.
    keepdims : bool, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.norm([3.0, 4.0]).execute()
    Tensor(5.0)
    >>> mt.linalg.norm([[1, 2], [3, 4]], ord=1).execute()
    Tensor(6.0)
    """
    x = astensor(x)
    x = x if x.dtype.kind in "fc" else x.astype(float)
    if axis is None:
        if ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1):
            made = op("sqrt", _squares(x.ravel()).sum())
            return made.reshape((1,) * x.ndim) if keepdims else made
        axis = tuple(range(x.ndim))
    axes = axes_of(axis, x.ndim)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    row, column = axes
    if ord in (None, "fro", "f"):
        return op("sqrt", _squares(x).sum(axes, keepdims=keepdims))
    if ord in (2, -2, "nuc"):
        s = svd(moveaxis(x, axes, (-2, -1)), compute_uv=False)
        made = s.sum(-1) if ord == "nuc" else s.max(-1) if ord == 2 else s.min(-1)
    elif ord in (1, -1, np.inf, -np.inf):
        over, then = (row, column) if abs(ord) == 1 else (column, row)
        sums = op("absolute", x).sum(over, keepdims=True)
        made = (sums.max if ord > 0 else sums.min)(then, keepdims=True)
        made = made.reshape([n for k, n in enumerate(x.shape) if k not in axes])
    else:
        raise ValueError("Invalid norm order for matrices.")
    return made.reshape([1 if k in axes else n for k, n in enumerate(x.shape)]) if keepdims else made


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """A norm of vectors.

    Parameters
    ----------
    x : tensor_like
    axis : int, tuple of ints or None, optional
        None: all elements are one vector.
    keepdims : bool, optional
    ord : number, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.vector_norm(mt.tensor([[3, 4], [6, 8]]), axis=1).execute()
    Tensor([ 5., 10.])
    """
    x = astensor(x)
    x = x if x.dtype.kind in "fc" else x.astype(float)
    axes = range(x.ndim) if axis is None else axes_of(axis, x.ndim)
    return _vector_norm(x, ord, tuple(axes), keepdims)


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """A norm of the matrices in the last two axes.

    Parameters
    ----------
    x : tensor_like
    keepdims : bool, optional
    ord : number or {'fro', 'nuc'}, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.matrix_norm(mt.tensor([[3.0, 0.0], [0.0, 4.0]])).execute()
    Tensor(5.0)
    """
    return norm(x, ord, (-2, -1), keepdims)


def cross(x1, x2, /, *, axis=-1):
    """The vector product of vectors of three elements along an axis.

    Parameters
    ----------
    x1, x2 : tensor_like
    axis : int, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.cross(mt.tensor([1, 0, 0]), mt.tensor([0, 1, 0])).execute()
    Tensor([0, 0, 1])
    """
    from .signals import cross

    x1, x2 = astensor(x1), astensor(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(f"vectors of three elements have a product here, not of {x1.shape[axis]} and {x2.shape[axis]}")
    return cross(x1, x2, axis=axis)


def diagonal(x, /, *, offset=0):
    """The diagonals of the matrices in the last two axes.

    Parameters
    ----------
    x : tensor_like
    offset : int, optional
        Above the main one, or below it if negative.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.diagonal(mt.tensor([[1, 2], [3, 4]])).execute()
    Tensor([1, 4])
    """
    return astensor(x).diagonal(offset, -2, -1)


def trace(x, /, *, offset=0, dtype=None):
    """The sums of the diagonals of the matrices in the last two axes.

    Parameters
    ----------
    x : tensor_like
    offset : int, optional
        Above the main one, or below it if negative.
    dtype : data-type, optional

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.trace(mt.tensor([[1, 2], [3, 4]])).execute()
    Tensor(5)
    """
    return astensor(x).diagonal(offset, -2, -1).sum(-1, dtype=dtype)


def matrix_transpose(x, /):
    """The last two axes exchanged.

    Parameters
    ----------
    x : tensor_like

    Returns
    -------
    Tensor

    Examples
    --------
    >>> mt.linalg.matrix_transpose(mt.ones((2, 3, 4))).shape
    (2, 4, 3)
    """
    return swapaxes(x, -1, -2)
