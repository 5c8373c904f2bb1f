# SPDX-License-Identifier: Apache-2.0
"""Products and factorizations."""
import numpy as np

from .. import _mars
from .._core import op
from ..errors import LinAlgError
from .core import ExecutableTuple, axes_of, method, named_tuple
from .creation import astensor, eye
from .manipulation import broadcast_to, moveaxis, swapaxes
from .ufuncs import store

__all__ = """LinAlgError cholesky cond cross det diagonal dot eig eigh eigvals eigvalsh einsum inner innerproduct inv
    kron lstsq lu lu_solve matmul matrix_norm matrix_power matrix_rank matrix_transpose multi_dot
    norm outer pinv qr randomized_svd slogdet solve solve_triangular svd svdvals tensordot tensorinv tensorsolve trace
    vdot vecdot vector_norm""".split()


def _out(made, out, name):
    return made if out is None else store(made, out, "same_kind", name)


# ---- Products --------------------------------------------------------------------------------------------------------

def matmul(a, b, out=None, sparse=None, **kwargs):
    """The matrix product; more axes in front are a stack of matrices."""
    a, b = astensor(a), astensor(b)
    if kwargs.get("dtype") is not None:
        a, b = a.astype(kwargs["dtype"]), b.astype(kwargs["dtype"])
    return _out(op("matmul", a, b), out, "matmul")


def _aligned(a, axis_a, b, axis_b):
    """Two axes of one length, as far as it is known."""
    n, m = a._known_shape[axis_a], b._known_shape[axis_b]
    if n != m and n >= 0 and m >= 0:
        raise ValueError(f"shapes {_dims(a)} and {_dims(b)} not aligned: {n} (dim {axis_a % a.ndim}) != {m} "
                         f"(dim {axis_b % b.ndim})")


@method
def dot(a, b, out=None, sparse=None):
    """The sum of products over the last axis of a and the last but one of b."""
    a, b = astensor(a), astensor(b)
    if a.ndim == 0 or b.ndim == 0:
        made = op("multiply", a, b)
    else:
        last = max(b.ndim - 2, 0)
        _aligned(a, -1, b, last)
        made = op("matmul", a, b) if b.ndim <= 2 and a.ndim <= 2 else tensordot(a, b, ((a.ndim - 1,), (last,)))
    return _out(made, out, "dot")


def _dims(t):
    return "(" + ",".join("?" if n < 0 else str(n) for n in t._known_shape) + ("," if t.ndim == 1 else "") + ")"


def vdot(a, b):
    """The sum of products of all elements, the first conjugated."""
    a, b = astensor(a).ravel(), astensor(b).ravel()
    if a.shape != b.shape:
        raise ValueError("cannot reshape array of size {} into shape {}".format(b.shape[0], a.shape))
    return op("matmul", op("conjugate", a) if a.dtype.kind == "c" else a, b)


def vecdot(x1, x2, /, *, axis=-1):
    """The sum of products along an axis, the first conjugated."""
    x1, x2 = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    _aligned(x1, -1, x2, -1)
    made = op("multiply", op("conjugate", x1) if x1.dtype.kind == "c" else x1, x2)
    return made.sum(-1, dtype=made.dtype)


def inner(a, b, out=None, sparse=None):
    """The sum of products over the last axes."""
    a, b = astensor(a), astensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return _out(op("multiply", a, b), out, "inner")
    _aligned(a, -1, b, -1)
    return _out(tensordot(a, b, ((-1,), (-1,))), out, "inner")


innerproduct = inner


def outer(a, b, out=None):
    """All products of elements of two vectors."""
    return _out(op("multiply", astensor(a).ravel()[:, None], astensor(b).ravel()[None, :]), out, "outer")


def tensordot(a, b, axes=2, sparse=None):
    """The sum of products over pairs of axes."""
    a, b = astensor(a), astensor(b)
    if hasattr(axes, "__index__"):
        n = axes.__index__()
        axes_a, axes_b = tuple(range(a.ndim - n, a.ndim)), tuple(range(n))
    else:
        axes_a, axes_b = ((x,) if hasattr(x, "__index__") else tuple(x) for x in axes)
    if len(axes_a) != len(axes_b) or len(axes_a) > min(a.ndim, b.ndim):
        raise ValueError("shape-mismatch for sum")
    axes_a, axes_b = axes_of(axes_a, a.ndim), axes_of(axes_b, b.ndim)
    rest_a, rest_b = ([k for k in range(t.ndim) if k not in axes] for t, axes in ((a, axes_a), (b, axes_b)))
    own, other = a._known_shape, b._known_shape
    if (
        max(own.count(-1), other.count(-1), [own[k] for k in rest_a].count(-1) + [other[k] for k in rest_b].count(-1))
        > 1
        or -1 in own + other
        and 0 in own + other
    ):  # a reshape can find out one length only, and not among empty ones
        own, other = a.shape, b.shape
    if any(own[i] != other[k] and own[i] >= 0 and other[k] >= 0 for i, k in zip(axes_a, axes_b)):
        raise ValueError("shape-mismatch for sum")

    def together(shape, axes):
        lengths = [shape[k] for k in axes]
        return -1 if -1 in lengths else int(np.prod(lengths, dtype=object))

    left = a.transpose(rest_a + list(axes_a)).reshape((together(own, rest_a), together(own, axes_a)))
    right = b.transpose(list(axes_b) + rest_b).reshape((together(other, axes_b), together(other, rest_b)))
    return op("matmul", left, right).reshape([own[k] for k in rest_a] + [other[k] for k in rest_b])


def kron(a, b):
    """The Kronecker product."""
    a, b = astensor(a), astensor(b)
    n = max(a.ndim, b.ndim)
    a, b = a[(None,) * (n - a.ndim) + (Ellipsis,)], b[(None,) * (n - b.ndim) + (Ellipsis,)]
    left = a[tuple(k for _ in range(n) for k in (slice(None), None))]
    right = b[tuple(k for _ in range(n) for k in (None, slice(None)))]
    return op("multiply", left, right).reshape([i * k for i, k in zip(a.shape, b.shape)])


def multi_dot(arrays, *, out=None):
    """The product of several matrices, in the order that takes the fewest multiplications."""
    ts = [astensor(a) for a in arrays]
    if len(ts) < 2:
        raise ValueError("Expecting at least two arrays.")
    row, column = ts[0].ndim == 1, ts[-1].ndim == 1
    ts[0] = ts[0][None, :] if row else ts[0]
    ts[-1] = ts[-1][:, None] if column else ts[-1]
    if any(t.ndim != 2 for t in ts):
        raise LinAlgError("1-dimensional array given. Array must be two-dimensional")
    p = [t.shape[0] for t in ts] + [ts[-1].shape[1]]
    n = len(ts)
    cost, at = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            k = i + length
            at[i, k] = min(range(i, k), key=lambda s: cost[i, s] + cost[s + 1, k] + p[i] * p[s + 1] * p[k + 1])
            s = at[i, k]
            cost[i, k] = cost[i, s] + cost[s + 1, k] + p[i] * p[s + 1] * p[k + 1]

    def product(i, k):
        return ts[i] if i == k else op("matmul", product(i, at[i, k]), product(at[i, k] + 1, k))

    made = product(0, n - 1)
    made = made[0] if row else made
    return _out(made[..., 0] if column else made, out, "multi_dot")


def _operand(t, names, order):
    """An operand with its axes named: repeated names become a diagonal, and all names of `order` are there."""
    names = list(names)
    for name in dict.fromkeys(names):
        while names.count(name) > 1:
            i = names.index(name)
            k = names.index(name, i + 1)
            if t.shape[i] != t.shape[k]:
                raise ValueError(f"dimensions in operand for collapsing index '{name}' don't match ({t.shape[i]} != "
                                 f"{t.shape[k]})")
            t = t.diagonal(0, i, k)
            names = [c for j, c in enumerate(names) if j not in (i, k)] + [name]
    t = t.transpose([names.index(c) for c in order if c in names])
    return t[tuple(slice(None) if c in names else None for c in order)]


def _subscripts(subscripts, operands):
    """Names of the axes of each operand and of the result; an ellipsis becomes capital names of its own."""
    text = subscripts.replace(" ", "")
    inputs, arrow, result = text.partition("->")
    inputs = inputs.split(",")
    if len(inputs) != len(operands):
        raise ValueError("more operands provided to einstein sum function than specified in the subscripts string"
                         if len(inputs) < len(operands) else
                         "fewer operands provided to einstein sum function than specified in the subscripts string")
    most, ret = 0, []
    for names, t in zip(inputs, operands):
        if "..." in names:
            n = t.ndim - len(names.replace("...", ""))
            if n < 0:
                raise ValueError("einstein sum subscripts string contains too many subscripts for operand")
            most = max(most, n)
            dots = [f"...{k}" for k in range(-n, 0)]
            before, after = names.split("...")
            ret.append(list(before) + dots + list(after))
        else:
            if len(names) != t.ndim:
                raise ValueError("einstein sum subscripts string contains "
                                 f"{'too many' if len(names) > t.ndim else 'not enough'} subscripts for operand")
            ret.append(list(names))
    dots = [f"...{k}" for k in range(-most, 0)]
    if arrow:
        before, has, after = result.partition("...")
        made = list(before) + (dots if has else []) + list(after)
        if len(set(made)) != len(made):
            raise ValueError("einstein sum subscripts string includes output subscript multiple times")
    else:
        flat = [c for names in ret for c in names]
        made = dots + sorted(c for c in set(flat) if flat.count(c) == 1 and not c.startswith("..."))
    for c in made:
        if not any(c in names for names in ret):
            raise ValueError(f"einstein sum subscripts string included output subscript '{c}' which never appeared "
                             "in an input")
    return ret, made


def einsum_path(subscripts, *operands, optimize="greedy"):
    """The order in which einsum takes operands together, and NumPy's words about it. It depends on shapes alone.

    >>> import mars.tensor as mt
    >>> mt.einsum_path("ij,jk,kl->il", mt.ones((9, 2)), mt.ones((2, 9)), mt.ones((9, 2)))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    if optimize is False or len(operands) < 3 and not isinstance(optimize, (list, tuple)):
        path = ["einsum_path", tuple(range(len(operands)))]
    else:
        path = optimize
    shaped = [np.broadcast_to(np.empty((), t.dtype), t.shape) for t in map(astensor, operands)]
    return np.einsum_path(subscripts, *shaped, optimize=path)


def einsum(subscripts, *operands, out=None, dtype=None, order="K", casting="safe", optimize=False):
    """Einstein's summation: products of operands, summed over the axes that the result does not name.

    optimize says in which order operands are taken together: from the left (False), as NumPy's einsum_path finds it
    ("greedy" or True, "optimal"), or a path that it has given.

    >>> import mars.tensor as mt
    >>> mt.einsum("ij,jk,kl->il", mt.ones((2, 3)), mt.ones((3, 4)), mt.ones((4, 1)), optimize=True).execute()
    Tensor([[12.],
            [12.]])
    """
    ts = [astensor(t) for t in operands]
    if dtype is not None:
        ts = [t.astype(dtype, casting=casting) for t in ts]
    names, result = _subscripts(subscripts, ts)
    left = list(zip(ts, names))
    for chosen in einsum_path(subscripts, *ts, optimize=optimize)[0][1:]:
        group = [left.pop(k) for k in sorted(chosen, reverse=True)][::-1]
        made, have = group[0]
        for k, (t, own) in enumerate(group[1:], 2):
            later = set(result).union(*(axes for _, axes in group[k:] + left))
            made, have = _pair(made, have, t, own, later)
        left.append((made, have))
    made, have = left[0]
    summed = [c for c in dict.fromkeys(have) if c not in result]
    made = _operand(made, have, result + summed)
    if summed:
        made = made.sum(tuple(range(len(result), len(result) + len(summed))), dtype=made.dtype)
    return _out(made, out, "einsum")


def _pair(a, names_a, b, names_b, later):
    """Two operands by one matrix product: batch axes, axes of one only, and summed ones."""
    in_a, in_b = list(dict.fromkeys(names_a)), list(dict.fromkeys(names_b))
    sizes = {}
    for t, names in ((a, names_a), (b, names_b)):
        for c, n in zip(names, t.shape):
            if sizes.setdefault(c, n) != n:
                if 1 not in (sizes[c], n):
                    raise ValueError(f"operands could not be broadcast together: axis '{c}' has lengths {sizes[c]} "
                                     f"and {n}")
                sizes[c] = max(n, sizes[c])
    both = [c for c in in_a if c in in_b]
    batch, summed = [c for c in both if c in later], [c for c in both if c not in later]
    only_a, only_b = [c for c in in_a if c not in both], [c for c in in_b if c not in both]

    def shaped(t, names, rows, columns):
        order = batch + rows + columns
        t = _operand(t, names, order)
        t = broadcast_to(t, [sizes[c] for c in order])
        return t.reshape([sizes[c] for c in batch] + [int(np.prod([sizes[c] for c in part], dtype=object))
                                                      for part in (rows, columns)])

    if not summed:
        order = batch + only_a + only_b
        return op("multiply", _operand(a, names_a, order), _operand(b, names_b, order)), order
    made = op("matmul", shaped(a, names_a, only_a, summed), shaped(b, names_b, summed, only_b))
    order = batch + only_a + only_b
    return made.reshape([sizes[c] for c in order]), order


# ---- Factorizations --------------------------------------------------------------------------------------------------

def _matrix(a, square=False, least=2):
    a = astensor(a)
    if a.ndim < least:
        raise LinAlgError(f"{a.ndim}-dimensional array given. Array must be at least two-dimensional")
    if square and a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    if a.dtype == np.dtype("float16"):
        raise TypeError("array type float16 is unsupported in linalg")
    return a if a.dtype.kind in "fc" else a.astype(float)


QR = named_tuple("QR", "Q", "R")
SVD = named_tuple("SVD", "U", "S", "Vh")
Slogdet = named_tuple("Slogdet", "sign", "logabsdet")
Eig = named_tuple("Eig", "eigenvalues", "eigenvectors")


def qr(a, mode="reduced", method="tsqr"):
    """Q with orthonormal columns and upper triangular R with a = Q R."""
    a = _matrix(a)
    if mode not in ("reduced", "r", "complete"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    q, r = op("qr", a, complete=mode == "complete")
    return r if mode == "r" else QR([q, r])


def svd(a, full_matrices=True, compute_uv=True, hermitian=False, method="tsqr"):
    """U, S, Vh with a = U diag(S) Vh; S descending. full_matrices=False leaves out what S has no number for."""
    a = _matrix(a)
    return SVD(op("svd", a, full_matrices=bool(full_matrices))) if compute_uv else op("svdvals", a)


def svdvals(x):
    """The singular values, descending."""
    return svd(x, compute_uv=False)


def cholesky(a, lower=True, *, upper=False):
    """The lower triangular L with a = L L^H; upper=True gives L^H."""
    made = op("cholesky", _matrix(a, square=True))
    if upper or not lower:
        made = swapaxes(made, -1, -2)
        made = op("conjugate", made) if made.dtype.kind == "c" else made
    return made


def lu(a):
    """P, L, U with a = P L U."""
    return ExecutableTuple(op("lu", _matrix(a)))


def solve(a, b, sym_pos=False, sparse=None):
    """x with a x = b."""
    a, b = _matrix(a, square=True), astensor(b)
    b = b if b.dtype.kind in "fc" else b.astype(float)
    dtype = _mars.promote(a.dtype, b.dtype)
    vector = b.ndim == a.ndim - 1
    made = op("solve", a.astype(dtype), (b[..., None] if vector else b).astype(dtype))
    return made[..., 0] if vector else made


def solve_triangular(a, b, lower=False, sparse=None):
    """x with a x = b for a triangular a."""
    a, b = _matrix(a, square=True), astensor(b)
    b = b if b.dtype.kind in "fc" else b.astype(float)
    dtype = _mars.promote(a.dtype, b.dtype)
    vector = b.ndim == a.ndim - 1
    made = op("triangular_solve", a.astype(dtype), (b[..., None] if vector else b).astype(dtype), lower=bool(lower))
    return made[..., 0] if vector else made


def lu_solve(a, b):
    """x with a x = b, through LU."""
    return solve(a, b)


def inv(a, sparse=None):
    """The inverse."""
    return op("inv", _matrix(a, square=True))


def tensorsolve(a, b, axes=None):
    """x with tensordot(a, x, x.ndim) = b.

    >>> import mars.tensor as mt
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

    >>> import mars.tensor as mt
    >>> mt.linalg.tensorinv(mt.eye(6).reshape(2, 3, 6)).shape
    (6, 2, 3)
    """
    a = astensor(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    rest = a.shape[ind:]
    n = int(np.prod(rest, dtype=object))
    return inv(a.reshape((n, a.size // n) if n else (n, 0))).reshape(rest + a.shape[:ind])


def randomized_svd(M, n_components, n_oversamples=10, n_iter="auto", power_iteration_normalizer="auto",
                   transpose="auto", flip_sign=True, random_state=0):
    """The largest n_components singular values, with their vectors, by projection on random ones.

    That is Halko, Martinsson and Tropp's method: the more n_oversamples and n_iter, the nearer. flip_sign makes the
    largest component of each column of U positive. random_state is a seed or a RandomState.

    >>> import mars.tensor as mt
    >>> u, s, vh = mt.linalg.randomized_svd(mt.diag([3.0, 2.0, 1.0]), 1)
    >>> s.round(6).execute()
    Tensor([3.])
    """
    from .random import RandomState

    M = _matrix(M)
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


def det(a):
    """The determinant."""
    return op("det", _matrix(a, square=True))


def slogdet(a):
    """Sign and logarithm of the absolute value of the determinant."""
    return Slogdet(op("slogdet", _matrix(a, square=True)))


def eig(a):
    """Eigenvalues and eigenvectors in columns, both complex, of a square matrix.

    NumPy gives real ones if all of them are; whether they are is known only when they are computed.

    >>> import mars.tensor as mt
    >>> mt.linalg.eig([[2.0, 0.0], [0.0, 3.0]])[0].execute()
    Tensor([2.+0.j, 3.+0.j])
    """
    return Eig(op("eig", _matrix(a, square=True)))


def eigvals(a):
    """The eigenvalues, as complex numbers, of a square matrix.

    >>> import mars.tensor as mt
    >>> mt.linalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).execute()
    Tensor([0.+1.j, 0.-1.j])
    """
    return op("eigvals", _matrix(a, square=True))


def eigh(a, UPLO="L"):
    """Eigenvalues, ascending, and eigenvectors in columns, of a Hermitian matrix."""
    a = _matrix(a, square=True)
    return Eig(op("eigh", _of_triangle(a, UPLO)))


def eigvalsh(a, UPLO="L"):
    """The eigenvalues, ascending, of a Hermitian matrix."""
    return op("eigvalsh", _of_triangle(_matrix(a, square=True), UPLO))


def _of_triangle(a, UPLO):
    """LAPACK reads the lower triangle."""
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    if UPLO.upper() == "L":
        return a
    a = swapaxes(a, -1, -2)
    return op("conjugate", a) if a.dtype.kind == "c" else a


def lstsq(a, b, rcond="warn"):
    """x with the least |a x - b|, the sums of squares that remain, the rank of a and its singular values."""
    a, b = _matrix(a), astensor(b)
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
    """The pseudo-inverse. Singular values of at most rcond (or rtol, one for each matrix) of the largest count as 0."""
    a = _matrix(a)
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
    """How many singular values are above tol, or above rtol times the largest one."""
    A = astensor(A)
    if A.ndim < 2:
        return op("any", op("not_equal", A, 0)).astype(int)
    s = svd(A, compute_uv=False)
    if tol is None:
        tol = _limits(s, float(max(A.shape[-2:]) * np.finfo(s.dtype).eps) if rtol is None else rtol)
    return op("count_nonzero", op("greater", s, tol), axis=(-1,))


def matrix_power(a, n):
    """The product of n times the matrix, by squaring."""
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
    """The condition number."""
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
    """A norm of vectors or matrices."""
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
    """A norm of vectors."""
    x = astensor(x)
    x = x if x.dtype.kind in "fc" else x.astype(float)
    axes = range(x.ndim) if axis is None else axes_of(axis, x.ndim)
    return _vector_norm(x, ord, tuple(axes), keepdims)


def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """A norm of the matrices in the last two axes."""
    return norm(x, ord, (-2, -1), keepdims)


def cross(x1, x2, /, *, axis=-1):
    """The vector product of vectors of three elements along an axis.

    >>> import mars.tensor as mt
    >>> mt.linalg.cross(mt.tensor([1, 0, 0]), mt.tensor([0, 1, 0])).execute()
    Tensor([0, 0, 1])
    """
    from .math import cross

    x1, x2 = astensor(x1), astensor(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(f"vectors of three elements have a product here, not of {x1.shape[axis]} and {x2.shape[axis]}")
    return cross(x1, x2, axis=axis)


def diagonal(x, /, *, offset=0):
    """The diagonals of the matrices in the last two axes."""
    return astensor(x).diagonal(offset, -2, -1)


def trace(x, /, *, offset=0, dtype=None):
    """The sums of the diagonals of the matrices in the last two axes."""
    return astensor(x).diagonal(offset, -2, -1).sum(-1, dtype=dtype)


def matrix_transpose(x, /):
    """The last two axes exchanged."""
    return swapaxes(x, -1, -2)
