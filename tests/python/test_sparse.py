# SPDX-License-Identifier: Apache-2.0
"""Sparse tensors beside scipy.sparse: the same values, dtypes and forms, and the same bits in whichever blocks."""
import operator
import pickle
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import mars.tensor as mt
from mars.errors import NameTaken, UnknownName
from mars.session import get_default_session
from mars.tensor.sparse import SparseNDArray
from compare import DTYPES, _equal, array

CUTTINGS = [None, 1, 2, 3, 7]
NO_HALF = [d for d in DTYPES if d != "float16"]  # scipy has none
ARITHMETIC = ["bool", "int8", "uint16", "int32", "int64", "float32", "float64", "complex64", "complex128"]

shapes = st.tuples(st.integers(0, 9), st.integers(0, 9))
densities = st.sampled_from([0.0, 0.1, 0.4, 1.0])
cuttings = st.sampled_from(CUTTINGS)
seeds = st.integers(0, 1000)


def matrix(shape, density, dtype, seed, special=False):
    """Few elements that are not zero; rows without any among them."""
    rng = np.random.default_rng(seed)
    keep = (rng.random(shape) < density) & (rng.random((shape[0], 1)) < 0.8)
    return np.where(keep, array(shape, dtype, seed, special), np.zeros((), dtype))


def sparse(a, chunk_size=None):
    return mt.tensor(sp.csr_matrix(a), chunk_size=chunk_size)


def value(t):
    """The values of either kind; those of sparse tensors are in order."""
    got = get_default_session().run(t)
    if not isinstance(got, SparseNDArray):
        return np.asarray(got)
    for lo, hi in zip(got.indptr, got.indptr[1:]):
        assert (np.diff(got.indices[lo:hi]) > 0).all()
    return got.toarray()


def is_sparse(t):
    return isinstance(t, mt.SparseTensor) and t.issparse() and t.is_sparse()


# ---- Forms -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", NO_HALF)
@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds)
@settings(max_examples=12)
def test_a_matrix_of_scipy_comes_back_as_it_was(dtype, shape, density, chunk_size, seed):
    a = matrix(shape, density, dtype, seed, special=True)
    own = sp.csr_matrix(a)
    s = mt.tensor(own, chunk_size=chunk_size)
    assert is_sparse(s) and s.shape == shape and s.dtype == a.dtype and s.nnz == own.nnz and s.ndim == 2
    got = s.execute().fetch()
    assert got.nnz == own.nnz and got.shape == shape and got.dtype == a.dtype
    back = got.spmatrix
    assert sp.isspmatrix_csr(back) and back.has_sorted_indices
    np.testing.assert_array_equal(back.indptr, own.indptr)
    np.testing.assert_array_equal(back.indices, own.indices)
    np.testing.assert_array_equal(back.data, own.data)
    np.testing.assert_array_equal(np.asarray(got), a)
    _equal(a, value(s.todense()), 0)


@pytest.mark.parametrize("dtype", DTYPES)
@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds)
@settings(max_examples=12)
def test_dense_to_sparse_and_back_is_the_same(dtype, shape, density, chunk_size, seed):
    a = matrix(shape, density, dtype, seed, special=True)
    t = mt.tensor(a, chunk_size=chunk_size)
    assert not t.issparse() and not t.is_sparse() and t.todense() is t
    s = t.tosparse()
    assert is_sparse(s) and s.tosparse() is s
    _equal(a, value(s), 0)
    _equal(a, value(s.todense()), 0)
    assert s.nnz == np.count_nonzero(a)
    _equal(a, value(mt.tensor(a, chunk_size=chunk_size, sparse=True)), 0)
    _equal(a, value(mt.tensor(s, sparse=False)), 0)


@pytest.mark.parametrize("form", ["coo", "csc", "csr", "lil", "dok", "bsr", "dia"])
def test_every_form_of_scipy_is_taken(form):
    a = matrix((6, 6), 0.4, "float64", 3)
    _equal(a, value(mt.tensor(sp.csr_matrix(a).asformat(form), chunk_size=2)), 0)


def test_duplicates_and_disorder_of_scipy_are_put_in_order_and_its_matrix_stays():
    own = sp.csr_matrix((np.array([1.0, 2.0, 4.0, 8.0]), np.array([3, 1, 3, 0]), np.array([0, 3, 4])), shape=(2, 4))
    _equal(own.toarray(), value(mt.tensor(own)), 0)
    assert own.nnz == 4 and list(own.indices) == [3, 1, 3, 0]


def test_what_is_missing_may_be_another_number_or_nan():
    a = np.array([[1.0, np.nan, 0.0], [np.nan, np.nan, 7.0], [7.0, 0.0, 1.0]])
    t = mt.tensor(a, chunk_size=2)
    s = t.tosparse(missing=np.nan)
    assert s.nnz == 6
    _equal(np.nan_to_num(a), value(s.todense()), 0)
    _equal(a, value(s.todense(fill_value=np.nan)), 0)
    assert t.tosparse(missing=7).nnz == 7 and s.tosparse(missing=0).nnz == 4
    _equal(np.where(a == 0, 5, np.nan_to_num(a)), value(s.tosparse(missing=0).tosparse(missing=-1).todense(5) +
                                                         np.where(np.isnan(a), -5, 0)), 0)


@given(shape=shapes, density=densities, chunk_size=cuttings, other=cuttings, seed=seeds)
def test_blocks_of_rows_can_be_others(shape, density, chunk_size, other, seed):
    a = matrix(shape, density, "float64", seed)
    s = sparse(a, chunk_size)
    t = s if other is None else s.rechunk(other)
    assert sum(t.nsplits[0]) == shape[0] and t.nsplits[1] == (shape[1],)
    if other and shape[0]:
        assert max(t.nsplits[0]) == min(other, shape[0])
    _equal(a, value(t), 0)


def test_chunks_are_named_as_those_of_dense_tensors():
    a = matrix((7, 5), 0.4, "float64", 3)
    for chunk_size, rows in [(3, (3, 3, 1)), ((2, 5), (2, 2, 2, 1)), (((4, 3), (5,)), (4, 3)), ({0: 5}, (5, 2)),
                             ((-1, 2), (7,)), ("auto", (7,))]:
        s = sparse(a, chunk_size)
        assert s.nsplits == (rows, (5,))
        _equal(a, value(s), 0)


# ---- Made ------------------------------------------------------------------------------------------------------------

@given(n=st.integers(0, 8), m=st.integers(0, 8), k=st.integers(-9, 9), chunk_size=cuttings)
def test_eye_is_sparse_on_request(n, m, k, chunk_size):
    s = mt.eye(n, m, k, dtype="float32", sparse=True, chunk_size=chunk_size)
    assert is_sparse(s)
    _equal(np.eye(n, m, k, dtype="float32"), value(s), 0)


@given(n=st.integers(0, 8), k=st.integers(-4, 4), chunk_size=cuttings)
def test_diag_is_sparse_on_request_and_gives_the_diagonal_back(n, k, chunk_size):
    v = np.arange(1.0, n + 1)
    s = mt.diag(v, k, sparse=True, chunk_size=chunk_size)
    assert is_sparse(s)
    _equal(np.diag(v, k), value(s), 0)
    _equal(v, value(mt.diag(s, k)), 0)
    _equal(v, value(s.diagonal(k)), 0)
    _equal(np.diagflat(v, k), value(mt.diagflat(v, k, sparse=True)), 0)


def test_zeros_and_identity_are_sparse_on_request():
    s = mt.zeros((3, 4), "int16", sparse=True, chunk_size=2)
    assert is_sparse(s) and s.nnz == 0
    _equal(np.zeros((3, 4), "int16"), value(s), 0)
    _equal(np.identity(5), value(mt.identity(5, sparse=True)), 0)
    assert is_sparse(mt.identity(5, sparse=True))


def test_random_integers_of_a_density_do_not_depend_on_chunks():
    made = [value(mt.random.RandomState(5).randint(1, 9, size=(60, 50), density=0.1, chunk_size=c))
            for c in (None, 7, 13)]
    assert is_sparse(mt.random.RandomState(5).randint(1, 9, size=(60, 50), density=0.1))
    assert all(np.array_equal(made[0], m) for m in made)
    assert 200 < np.count_nonzero(made[0]) < 400 and made[0].min() == 0 and made[0].max() == 8
    with pytest.raises(ValueError, match="probability"):
        mt.random.randint(1, 9, size=(6, 5), density=2)


# ---- Element by element ----------------------------------------------------------------------------------------------

ZERO_KEEPING = "sin tan arcsin arctan sinh tanh arcsinh sqrt cbrt floor ceil rint trunc sign absolute negative " \
    "square expm1 log1p radians degrees".split()
OTHERS = "cos exp cosh arccos logical_not".split()


@pytest.mark.parametrize("name", ZERO_KEEPING + OTHERS)
def test_functions_that_keep_zero_give_sparse_tensors(name):
    a = matrix((8, 6), 0.4, "float64", 4) / 100
    for chunk_size in CUTTINGS:
        for function in (getattr(mt, name), getattr(np, name)):
            made = function(sparse(a, chunk_size))
            assert is_sparse(made) == (name in ZERO_KEEPING)
            _equal(getattr(np, name)(a), value(made), 8)


@pytest.mark.parametrize("dtype", NO_HALF)
@given(shape=shapes, densities=st.tuples(densities, densities), cut=st.tuples(cuttings, cuttings), seed=seeds,
       name=st.sampled_from("add subtract multiply maximum minimum not_equal less greater".split()))
@settings(max_examples=25)
def test_functions_of_two_sparse_tensors(dtype, shape, densities, cut, seed, name):
    if dtype == "bool" and name == "subtract":
        return
    a, b = matrix(shape, densities[0], dtype, seed), matrix(shape, densities[1], dtype, seed + 1)
    made = getattr(mt, name)(sparse(a, cut[0]), sparse(b, cut[1]))
    assert is_sparse(made)
    want = getattr(np, name)(a, b)
    _equal(want, value(made), 0)
    assert made.nnz == np.count_nonzero(want)


@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds)
def test_operators_with_numbers(shape, density, chunk_size, seed):
    a = matrix(shape, density, "float64", seed)
    s = sparse(a, chunk_size)
    for op, number, stays in [(operator.mul, 3, True), (operator.truediv, 4.0, True), (operator.add, 2, False),
                              (operator.pow, 2, True), (operator.sub, 0, True), (operator.gt, 1, True),
                              (operator.ne, 0, True), (operator.eq, 0, False), (operator.lt, 1, False),
                              (operator.floordiv, 2, True), (operator.mod, 3, True), (operator.ge, 0.5, True)]:
        made = op(s, number)
        assert is_sparse(made) == stays, op
        _equal(op(a, number), value(made), 4 if op is operator.pow else 0)
    _equal(3 * a, value(3 * s), 0)
    assert is_sparse(3 * s) and not is_sparse(1 - s)
    _equal(1 - a, value(1 - s), 0)
    _equal(-a, value(-s), 0)
    _equal(abs(a), value(abs(s)), 0)


@given(shape=shapes, density=densities, chunk_size=cuttings, other=cuttings, seed=seeds,
       form=st.sampled_from(["whole", "row", "vector", "column", "one"]))
def test_operators_with_dense_tensors(shape, density, chunk_size, other, seed, form):
    a = matrix(shape, density, "float64", seed)
    m, n = shape
    x = array({"whole": shape, "row": (1, n), "vector": (n,), "column": (m, 1), "one": (1, 1)}[form], "float64",
              seed + 1, special=False)
    x[x == 0] = 1
    s, t = sparse(a, chunk_size), mt.tensor(x, chunk_size=other)
    for made, want, stays in [(s * t, a * x, True), (t * s, x * a, True), (s / t, a / x, True), (s + t, a + x, False),
                              (t - s, x - a, False), (s * x, a * x, True), (x * s, x * a, True), (s > t, a > x, False),
                              (s.multiply(x), a * x, True), (mt.logical_and(s, t), np.logical_and(a, x), True)]:
        assert is_sparse(made) == stays
        _equal(want, value(made), 0)


def test_what_is_not_stored_is_not_looked_at():
    s, x = sparse(np.array([[0.0, 2.0]])), np.array([[np.nan, 3.0]])
    _equal(np.array([[0.0, 6.0]]), value(s * x), 0)


def test_dtypes_promote_as_those_of_dense_tensors():
    for a in ARITHMETIC:
        for b in ARITHMETIC:
            x, y = matrix((4, 5), 0.5, a, 1), matrix((4, 5), 0.5, b, 2)
            _equal(x + y, value(sparse(x, 2) + sparse(y, 3)), 0)
    s = sparse(matrix((4, 5), 0.5, "float32", 1))
    assert (s * 2).dtype == np.float32 and (s * 2.5).dtype == np.float32 and (s * 2j).dtype == np.complex64
    assert s.astype("int16").dtype == np.int16


# ---- Products --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", DTYPES)
@given(dims=st.tuples(*[st.integers(0, 7)] * 3), densities=st.tuples(densities, densities),
       cut=st.tuples(cuttings, cuttings), seed=seeds)
@settings(max_examples=5)
def test_products(dtype, dims, densities, cut, seed):
    (m, k, n), ulps = dims, 16
    a, b = matrix((m, k), densities[0], dtype, seed), matrix((k, n), densities[1], dtype, seed + 1)
    half = dtype == "float16"
    s = mt.tensor(a, chunk_size=cut[0]).tosparse() if half else sparse(a, cut[0])
    t = mt.tensor(b, chunk_size=cut[1]).tosparse() if half else sparse(b, cut[1])
    want = (a.astype("f4") @ b.astype("f4")).astype("f2") if half else a @ b
    x, y = mt.tensor(a, chunk_size=cut[1]), mt.tensor(b, chunk_size=cut[0])
    for made, stays in [(s @ t, True), (s @ y, False), (x @ t, False), (s.dot(t), True), (mt.matmul(s, t), True),
                        (mt.dot(s, t, sparse=False), False), (mt.dot(s, y, sparse=True), True),
                        (mt.tensordot(s, t, 1), True), (mt.inner(s, t.T), True), (mt.matmul(x, y, sparse=True), True),
                        (s @ b, False), (a @ t, False), (np.matmul(s, t), True), (np.dot(s, b), False)]:
        assert is_sparse(made) == stays
        _equal(want, value(made), ulps)
    v = array((k,), dtype, seed, special=False)
    want = (a.astype("f4") @ v.astype("f4")).astype("f2") if half else a @ v
    _equal(want, value(s @ v), ulps)
    _equal(want, value(v @ s.T), ulps)


def test_bits_of_products_do_not_depend_on_blocks():
    a, b = matrix((40, 50), 0.4, "float64", 1), matrix((50, 30), 0.4, "float64", 2)
    wants = None
    for c in (None, 1, 2, 7, 13):
        for d in (None, 1, 3, 40):
            s, t = sparse(a, c), sparse(b, d)
            got = [value(x) for x in (s @ t, s @ mt.tensor(b, chunk_size=d or 9), s.sum(axis=0), s.sum(axis=1), s.sum(),
                                      s.mean(), s.prod(axis=1), s.T @ s)]
            wants = wants or got
            for want, one in zip(wants, got):
                np.testing.assert_array_equal(one, want)


def test_products_in_pieces_of_the_right_factor_and_in_bands_of_columns(monkeypatch):
    from mars.tensor.sparse import products as module

    rng = np.random.default_rng(3)
    a = sp.random(30, 200, 0.2, format="csr", random_state=1)
    b = sp.csr_matrix((rng.standard_normal(400), (rng.integers(0, 200, 400), rng.integers(0, 300_000, 400))),
                      shape=(200, 300_000))
    s, t = mt.tensor(a, chunk_size=7), mt.tensor(b, chunk_size=9)  # 23 blocks: three groups
    got = (s @ t).execute().fetch().spmatrix
    assert abs(got - a @ b).max() < 1e-12 and got.nnz == (a @ b).nnz
    whole = (mt.tensor(a) @ mt.tensor(b)).execute().fetch().spmatrix
    assert (whole != got).nnz == 0
    x = rng.standard_normal((200, 11))
    want = value(s @ x)
    monkeypatch.setattr(module, "DENSE", 40)
    np.testing.assert_array_equal(value(s @ x), want)
    np.testing.assert_allclose(want, a @ x)


def test_tensordot_of_both_axes_is_a_sum():
    a, b = matrix((5, 6), 0.5, "int64", 1), matrix((5, 6), 0.5, "int64", 2)
    assert value(mt.tensordot(sparse(a, 2), sparse(b, 3))) == np.tensordot(a, b)
    _equal(np.tensordot(a, b, ((0,), (0,))), value(mt.tensordot(sparse(a, 2), sparse(b), ((0,), (0,)))), 0)


# ---- Reductions ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", NO_HALF)
@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds, axis=st.sampled_from([None, 0, 1, -1, (0, 1)]),
       keepdims=st.booleans())
@settings(max_examples=20)
def test_reductions(dtype, shape, density, chunk_size, seed, axis, keepdims):
    a = matrix(shape, density, dtype, seed)
    s = sparse(a, chunk_size)
    for name in "sum mean any all count_nonzero prod".split():
        if name == "mean" and 0 in shape:
            continue
        of_numpy = getattr(np, name)(a, axis=axis, keepdims=keepdims)
        for made in (getattr(mt, name)(s, axis=axis, keepdims=keepdims),
                     getattr(s, name)(axis=axis, keepdims=keepdims)):
            assert not is_sparse(made)
            _equal(np.asarray(of_numpy), value(made), 64)
    if 0 not in shape and np.dtype(dtype).kind != "c":
        for name in ("max", "min"):
            _equal(np.asarray(getattr(np, name)(a, axis=axis, keepdims=keepdims)),
                   value(getattr(mt, name)(s, axis=axis, keepdims=keepdims)), 0)


def test_extremes_know_nan_and_negative_numbers_and_rows_that_are_full():
    a = np.array([[-1.0, -2.0], [np.nan, 0.0], [0.0, -5.0], [3.0, 4.0]])
    for chunk_size in (None, 1, 3):
        s = sparse(a, chunk_size)
        for axis in (0, 1, None):
            _equal(np.asarray(a.max(axis)), value(s.max(axis)), 0)
            _equal(np.asarray(a.min(axis)), value(s.min(axis)), 0)
    with pytest.raises(ValueError, match="no identity"):
        sparse(np.zeros((0, 3))).max(axis=0)
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(TypeError, match=rf"^{name}\(\) of sparse tensors of complex numbers"):
            getattr(sparse(np.zeros((2, 3), complex)), name)()


@pytest.mark.parametrize("dtype", ARITHMETIC)
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_variances_are_those_of_all_elements(dtype, axis):
    a = matrix((40, 30), 0.3, dtype, 3)
    wants = None
    for chunk_size in (None, 1, 7):
        s = sparse(a, chunk_size)
        got = [value(x) for x in (mt.var(s, axis=axis), s.var(axis=axis, ddof=1), mt.std(s, axis=axis, keepdims=True))]
        wants = wants or got
        for want, one in zip(wants, got):
            np.testing.assert_array_equal(want, one)
    with np.errstate(all="ignore"):
        for want, one in zip((a.var(axis), a.var(axis, ddof=1), a.std(axis, keepdims=True)), wants):
            assert one.dtype == want.dtype and one.shape == want.shape
            np.testing.assert_allclose(one, want, rtol=1e-4 if want.dtype == "f4" else 1e-10)
    far = np.where(a != 0, 1e9, 1e9 + 1) if dtype == "float64" else None  # the squares alone would have nothing left
    if far is not None:
        np.testing.assert_allclose(value(mt.var(sparse(far, 7), axis=axis)), far.var(axis), rtol=1e-6)


def test_sums_take_dtype_and_out():
    a = matrix((5, 6), 0.5, "int8", 1)
    _equal(a.sum(axis=0, dtype="float32"), value(sparse(a, 2).sum(axis=0, dtype="float32")), 0)
    out = np.zeros(6, np.int64)
    assert sparse(a).sum(axis=0, out=out) is out
    np.testing.assert_array_equal(out, a.sum(axis=0))


# ---- Places ----------------------------------------------------------------------------------------------------------

@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds)
def test_transposing(shape, density, chunk_size, seed):
    a = matrix(shape, density, "float32", seed)
    s = sparse(a, chunk_size)
    for made in (s.T, s.transpose(), s.transpose((1, 0)), mt.transpose(s), np.transpose(s)):
        assert is_sparse(made)
        _equal(a.T, value(made), 0)
    _equal(a, value(s.T.T), 0)
    _equal(a, value(s.transpose(0, 1)), 0)


@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), density=densities, chunk_size=cuttings, seed=seeds,
       data=st.data())
def test_indexing(shape, density, chunk_size, seed, data):
    a = matrix(shape, density, "float64", seed)
    s = sparse(a, chunk_size)

    def index(n):
        return data.draw(st.one_of(
            st.integers(-n, n - 1), st.slices(n),
            st.lists(st.integers(-n, n - 1), min_size=1, max_size=5).map(np.array),
            st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)))

    row, column = index(shape[0]), index(shape[1])
    many = isinstance(row, np.ndarray) + isinstance(column, np.ndarray)
    keys = [row, (row, slice(None)), (slice(None), column), (Ellipsis, column)] + ([(row, column)] if many < 2 else [])
    for key in keys:
        want, made = a[key], s[key]
        assert is_sparse(made) == (want.ndim == 2)
        _equal(np.asarray(want), value(made), 0)
    assert s[:] is not None and len(s) == shape[0]


def test_indices_that_are_tensors():
    a = matrix((6, 5), 0.5, "float64", 1)
    _equal(a[[4, 0, -1]], value(sparse(a, 2)[mt.tensor([4, 0, -1])]), 0)
    with pytest.raises(IndexError):
        sparse(a)[mt.tensor([4, 6])].execute()


# ---- Sessions --------------------------------------------------------------------------------------------------------

def test_a_sparse_tensor_is_executed_and_fetched_like_others():
    a = matrix((6, 5), 0.5, "float64", 1)
    s = sparse(a, 2) * 2
    assert not s.executed and "nnz" not in repr(s)
    with pytest.raises(ValueError, match="unexecuted"):
        s.fetch()
    session = get_default_session()
    both = session.run(s, mt.ones(3))
    assert s.executed and f"nnz={np.count_nonzero(a)}" in repr(s)
    np.testing.assert_array_equal(both[0].toarray(), a * 2)
    np.testing.assert_array_equal(session.fetch(s).toarray(), a * 2)
    np.testing.assert_array_equal((s + s).execute(wait=False).result().fetch().toarray(), a * 4)
    np.testing.assert_array_equal(s.tocsr().toarray(), a * 2)
    assert s.copy().executed


def test_a_pickle_is_a_reference():
    a = matrix((6, 5), 0.5, "float64", 1)
    _equal(a, value(pickle.loads(pickle.dumps(sparse(a, 2)))), 0)


def test_products_larger_than_a_block_on_real_sizes():
    a = sp.random(3000, 2000, 0.01, format="csr", random_state=1)
    s = mt.tensor(a, chunk_size=500)
    got = ((s @ s.T) * 0.5 + mt.eye(3000, sparse=True)).execute().fetch().spmatrix
    want = (a @ a.T) * 0.5 + sp.eye(3000)
    assert abs(got - want).max() < 1e-12
    np.testing.assert_allclose(value((s.T @ mt.ones((3000, 3))).sum()), a.sum() * 3)


# ---- Refusals --------------------------------------------------------------------------------------------------------

def test_what_cannot_be_is_refused_with_words():
    s = sparse(np.eye(3))
    for make, error, words in [
        (lambda: mt.ones(3).tosparse(), ValueError, "two axes, this tensor has 1"),
        (lambda: mt.ones((2, 2, 2)).tosparse(), ValueError, "two axes, this tensor has 3"),
        (lambda: mt.tensor(np.ones(3), sparse=True), ValueError, "two axes"),
        (lambda: mt.zeros(3, sparse=True), ValueError, "two axes"),
        (lambda: mt.zeros((1, 2, 3), sparse=True), ValueError, "two axes"),
        (lambda: s @ sparse(np.ones((4, 3))), ValueError, "mismatch"),
        (lambda: s @ np.ones((2, 3, 3)), ValueError, "stacks"),
        (lambda: s + sparse(np.ones((1, 3))), ValueError, "not broadcast"),
        (lambda: s[0, 0, 0], IndexError, "too many indices"),
        (lambda: s[None], IndexError, "new axis"),
        (lambda: s[3], IndexError, "out of bounds"),
        (lambda: s[:, -4], IndexError, "out of bounds"),
        (lambda: s[[5]], IndexError, "out of bounds"),
        (lambda: s[[0], [1]], IndexError, "one array at a time"),
        (lambda: s[np.array([True])], IndexError, "did not match"),
        (lambda: mt.sort(s), TypeError, "todense"),
        (lambda: np.asarray(s), TypeError, "todense"),
        (lambda: mt.median(s), TypeError, "todense"),
        (lambda: mt.argsort(s, axis=0), TypeError, "todense"),
        (lambda: mt.nanvar(s), TypeError, "todense"),
        (lambda: mt.sum(s, initial=3), TypeError, "initial"),
        (lambda: np.add.reduce(s), TypeError, "todense"),
        (lambda: mt.add(s, s, where=np.eye(3, dtype=bool)), TypeError, "where"),
        (lambda: s.sum(axis=2), ValueError, "axis"),
        (lambda: bool(s), ValueError, "ambiguous"),
        (lambda: mt.zeros((2**32, 2**31), sparse=True), ValueError, "2\\*\\*63"),
        (lambda: mt.tensordot(s, s, 0), ValueError, "four axes"),
        (lambda: mt.zeros((2, 2), "M8[s]", sparse=True), TypeError, "times"),
    ]:
        with pytest.raises(error, match=words):
            make()


def test_scipy_is_not_needed_until_its_matrices_are():
    program = """
import sys
sys.modules["scipy"] = sys.modules["scipy.sparse"] = None
import numpy as np, mars.tensor as mt
s = (mt.eye(3, sparse=True) * 2).execute()
assert (s.fetch().toarray() == np.eye(3) * 2).all()
try:
    s.fetch().spmatrix
except ImportError as error:
    assert "toarray" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_only_dense_tensors_have_is_said_to_be_there():
    s = mt.tensor([[0, 3], [4, 0]], sparse=True)
    with pytest.raises(AttributeError, match=r"no argsort: todense\(\)\.argsort"):
        s.argsort()
    with pytest.raises(AttributeError, match="no nonsense$"):
        s.nonsense  # noqa: B018


# ---- Positions and joining -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [d for d in NO_HALF if not d.startswith("complex")])
@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds)
@settings(max_examples=12)
def test_positions_of_extremes_are_numpys_where_zeros_are_not_stored(dtype, shape, density, chunk_size, seed):
    a = matrix(shape, density, dtype, seed, special=True)
    s = sparse(a, chunk_size)
    for name in "argmax", "argmin":
        for axis in (0, 1, -1, None):
            if (a.size if axis is None else shape[axis]) == 0:
                with pytest.raises(ValueError, match=f"attempt to get {name} of an empty sequence"):
                    getattr(s, name)(axis)
                continue
            _equal(getattr(a, name)(axis), value(getattr(s, name)(axis)), 0)
            _equal(getattr(np, name)(a, axis, keepdims=True), value(getattr(mt, name)(s, axis, keepdims=True)), 0)


def test_a_position_is_of_the_first_zero_whether_it_is_stored_or_not():
    own = sp.csr_matrix((np.array([-1.0, 0.0, -2.0, -3.0]), np.array([0, 2, 0, 1]), np.array([0, 2, 4])), shape=(2, 4))
    s = mt.tensor(own)
    _equal(own.toarray().argmax(1), value(s.argmax(1)), 0)
    _equal(own.toarray().argmin(0), value(s.argmin(0)), 0)
    with pytest.raises(TypeError, match="complex"):
        mt.tensor(sp.csr_matrix([[1j]])).argmax()


@given(shape=shapes, density=densities, chunk_size=cuttings, other=cuttings, seed=seeds)
@settings(max_examples=30)
def test_sparse_tensors_are_joined_below_and_beside_each_other(shape, density, chunk_size, other, seed):
    a, b = (matrix(shape, density, dtype, seed + k) for k, dtype in enumerate(("int32", "float64")))
    s, t = sparse(a, chunk_size), sparse(b, other)
    for axis, join in (0, "vstack"), (1, "hstack"):
        want = np.concatenate([a, b, a], axis)
        for made in mt.concatenate([s, t, sp.coo_matrix(a)], axis), getattr(mt, join)((s, t, s)):
            assert is_sparse(made) and made.shape == want.shape and made.dtype == want.dtype
            _equal(want, value(made), 0)
            assert made.nnz == 2 * s.nnz + t.nnz


def test_what_cannot_be_joined_says_what_to_do():
    s = sparse(np.eye(3))
    with pytest.raises(TypeError, match="todense.. makes a dense one, tosparse.. a sparse one"):
        mt.vstack([s, mt.ones((1, 3))])
    with pytest.raises(ValueError, match="not flattened"):
        mt.concatenate([s, s], axis=None)
    with pytest.raises(ValueError, match="must match exactly"):
        mt.hstack([s, s[:2]])
    with pytest.raises(TypeError, match="out="):
        mt.concatenate([s, s], out=mt.zeros((6, 3)))


@given(chunk_size=st.sampled_from([None, 777, 5000, 20000]))
@settings(max_examples=4)
def test_sums_of_columns_of_a_high_matrix_have_the_same_bits_in_whichever_blocks(chunk_size):
    a = sp.random(20000, 50, 0.05, format="csr", random_state=1)
    want = value(mt.tensor(a).sum(axis=0))
    np.testing.assert_allclose(np.asarray(a.sum(axis=0))[0], want, rtol=1e-12)
    _equal(want, value(mt.tensor(a, chunk_size=chunk_size).sum(axis=0)), 0)


# ---- In place, and by name -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", NO_HALF)
@given(shape=shapes, density=densities, chunk_size=cuttings, seed=seeds, k=st.integers(-7, 7),
       n=st.sampled_from([None, 0, 1, 2, 99]))
@settings(max_examples=25, deadline=None)
def test_a_diagonal_is_set_as_by_scipy(dtype, shape, density, chunk_size, seed, k, n):
    a = matrix(shape, density, dtype, seed)
    s = mt.tensor(sp.csr_matrix(a), chunk_size=chunk_size)
    before = s.copy()
    if k > 0 and k >= shape[1] or k < 0 and -k >= shape[0]:
        with pytest.raises(ValueError, match="k exceeds matrix dimensions"):
            s.setdiag(1, k)
        return
    values = np.asarray(3, dtype) if n is None else np.arange(1, n + 1).astype(dtype)
    s.setdiag(values, k)
    want = a.copy()
    for i in range(min(shape[0] + min(k, 0), shape[1] - max(k, 0)) if n is None else n):
        if i + max(-k, 0) < shape[0] and i + max(k, 0) < shape[1]:
            want[i + max(-k, 0), i + max(k, 0)] = values if n is None else values[i]
    _equal(want, value(s), 0)
    _equal(a, value(before), 0)
    with pytest.raises(ValueError, match="axes"):
        s.setdiag([[1]], k)


@pytest.mark.parametrize("shape, chunk_size", [((9, 4), 2), ((9, 4), None), ((0, 3), None), ((3, 0), 1)])
def test_a_name_stands_for_all_parts(shape, chunk_size):
    a = matrix(shape, 0.3, "float32", 5)
    session = get_default_session()
    name = f"sparse {shape} {chunk_size}"
    s = mt.tensor(sp.csr_matrix(a), chunk_size=chunk_size) * 2
    assert s.save_as(name) is s and s.executed and name in session.names()
    assert not any(n.startswith("sparse tensor: ") for n in session.names())
    back = session.open(name)
    assert is_sparse(back) and back.executed and back.nsplits == s.nsplits and back.dtype == s.dtype
    del s
    _equal(a * 2, value(back), 0)
    _equal(a * 4, value(back + session.open(name)), 0)
    for taken in (mt.ones(3), back + back):
        with pytest.raises(NameTaken):
            taken.save_as(name)
    session.remove(name)
    assert not [n for n in session._all_names() if "sparse" in n]
    with pytest.raises(UnknownName):
        session.open(name)
    mt.ones(3).save_as(name)
    with pytest.raises(NameTaken):
        back.save_as(name)
    assert session.open(name).to_numpy().tolist() == [1, 1, 1] and session._all_names().count(name) == 1
    session.remove(name)
    assert not [n for n in session._all_names() if "sparse" in n]


def test_what_looks_like_a_table_of_parts_is_a_tensor():
    session = get_default_session()
    mt.tensor(np.arange(6)).save_as("six")
    assert session.open("six").to_numpy().tolist() == [0, 1, 2, 3, 4, 5]
    session.remove("six")
