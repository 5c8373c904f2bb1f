#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/SCALE.md: which functions do not finish with an input of four times the memory, and why.

    meson devenv -C build python3 ../tools/scale_names.py > docs/SCALE.md
    meson devenv -C build python3 ../tools/scale_names.py --check docs/SCALE.md [--every K]
    meson devenv -C build python3 ../tools/scale_names.py --show NAME…

Each public function is called with tensors of 128 MiB in a session that has 32 MiB for chunks, and its result stays in
the session. Functions of numpy.linalg, whose tasks take blocks of fixed size, are planned with 512 MiB in 128 MiB, and
their tasks must fit; tests of their own run them. What is refused is listed below with a reason: a name that is refused
and not listed, or listed and not refused, is an error, and so is a public name without a call. --every K asks each
K-th name only.
"""
import argparse
import contextlib
import functools
import sys

import numpy as np
import scipy.sparse

import mars.tensor as mt
from mars.session import new_session

SIDE, CACHE = 4096, "32m"
LINALG_SIDE, LINALG_CACHE = 8192, "128m"
PLANNED_AFTER = 4  # seconds; what does not fit is refused before anything runs

# name: what is called with x, a square matrix between 0 and 1.
CALLS = {}


def calls(names, *programs):
    for name in names.split():
        CALLS[name] = [lambda x, name=name, program=program: program(_function(name), x) for program in programs]


def _function(name):
    area, _, own = name.rpartition(".")
    at = mt
    for part in area.split(".") if area else ():
        at = getattr(at, part)
    return getattr(at, own)


def whole(x):
    return (x * 100).astype("i4")


def with_diagonal(set_diagonal, s):
    set_diagonal(s, 2.0)
    return s


@functools.cache
def stored():
    """A sparse tensor that stores as much, 128 elements a row, in blocks of 1 MiB."""
    side, step = 1 << 16, 512
    columns = (np.arange(0, side, step) + (np.arange(side) % step)[:, None]).ravel()
    data = np.random.default_rng(1).random(len(columns))
    return mt.tensor(scipy.sparse.csr_matrix((data, columns, np.arange(side + 1) * (side // step))), chunk_size=step)


# ---- Elementwise -----------------------------------------------------------------------------------------------------

INTEGERS = set("bitwise_and bitwise_not bitwise_or bitwise_xor gcd invert lcm left_shift right_shift".split())
for _name in dir(np):
    _ufunc = getattr(np, _name)
    if isinstance(_ufunc, np.ufunc) and hasattr(mt, _name) and _name not in ("matmul", "ldexp", "isnat"):
        _of = whole if _name in INTEGERS else (lambda x: x)
        if _ufunc.nin == 1:
            calls(_name, lambda f, x, of=_of: f(of(x)))
        else:
            calls(_name, lambda f, x, of=_of: f(of(x), of(1 - x)), lambda f, x, of=_of: f(of(x), of(x[0])))
calls("acos acosh asin asinh atan atanh", lambda f, x: f(x))
calls("atan2 pow", lambda f, x: f(x, 1 - x))
calls("bitwise_invert", lambda f, x: f(whole(x)))
calls("bitwise_left_shift bitwise_right_shift", lambda f, x: f(whole(x), whole(1 - x)))
calls("isnat", lambda f, x: f(whole(x).astype("m8[s]")))
calls("ldexp", lambda f, x: f(x, whole(x)))
calls("abs angle around fabs fix i0 imag iscomplex isneginf isposinf isreal nan_to_num real round round_ sinc "
      "real_if_close", lambda f, x: f(x))
calls("astype", lambda f, x: f(x, "f4"))
calls("tree_add tree_multiply", lambda f, x: f(x, x + 1, 2.0))
calls("clip", lambda f, x: f(x, 0.2, 0.7))
calls("where", lambda f, x: f(x > 0.5, x, 0), lambda f, x: f(x > 0.5))
calls("select", lambda f, x: f([x > 0.7, x > 0.3], [x, -x], 5.0))
calls("choose", lambda f, x: f(whole(x) % 2, [x, -x]))
calls("piecewise", lambda f, x: f(x, [x > 0.5], [lambda v: v * 2, -1]))
calls("isclose allclose array_equal array_equiv", lambda f, x: f(x, x + 1e-9))
calls("polyval", lambda f, x: f([1, 2, 3], x))
calls("interp", lambda f, x: f(x, [0.0, 0.3, 0.8], [1.0, 4.0, 2.0]))
calls("digitize", lambda f, x: f(x, [0.2, 0.5, 0.8]))
calls("isin in1d", lambda f, x: f(x, [0.1, 0.5]), lambda f, x: f(x[0], x))

# ---- Reductions and scans --------------------------------------------------------------------------------------------

calls("all alltrue amax amin any argmax argmin count_nonzero max mean median min nanargmax nanargmin nanmax nanmean "
      "nanmedian nanmin nanprod nanstd nansum nanvar prod product ptp sometrue std sum var average",
      lambda f, x: f(x), lambda f, x: f(x, 0), lambda f, x: f(x, 1))
calls("cummax cummin cumprod cumproduct cumsum nancumprod nancumsum", lambda f, x: f(x), lambda f, x: f(x, 0),
      lambda f, x: f(x, 1))
calls("percentile nanpercentile", lambda f, x: f(x, [10, 50]), lambda f, x: f(x, 30, 0))
calls("quantile nanquantile", lambda f, x: f(x, 0.3), lambda f, x: f(x, 0.3, axis=1))
calls("trace", lambda f, x: f(x))
calls("cumulative_prod cumulative_sum", lambda f, x: f(x, axis=0), lambda f, x: f(x, axis=1))
calls("trapz trapezoid diff gradient unwrap", lambda f, x: f(x), lambda f, x: f(x, axis=0))
calls("ediff1d", lambda f, x: f(x))
calls("cov corrcoef", lambda f, x: f(x))
calls("histogram histogram_bin_edges", lambda f, x: f(x, 5))
calls("histogram2d", lambda f, x: f(x.ravel(), 1 - x.ravel(), 3))
calls("histogramdd", lambda f, x: f(x.reshape((-1, 2)), (2, 3)))
calls("bincount", lambda f, x: f(whole(x).ravel()))
calls("unique_all unique_counts unique_inverse unique_values", lambda f, x: list(f(x)) if f is not mt.unique_values
      else f(x))

# ---- Moves -----------------------------------------------------------------------------------------------------------

calls("asanyarray asarray array ascontiguousarray asfortranarray asarray_chkfinite copy ravel flip fliplr flipud "
      "atleast_1d atleast_2d atleast_3d require transpose rot90 squeeze diag diagonal tril triu rollaxis",
      lambda f, x: f(x) if f is not mt.rollaxis else f(x, 1))
calls("diagflat", lambda f, x: f(x[:2].ravel()[:SIDE]))
calls("append", lambda f, x: f(x, x), lambda f, x: f(x, x, 0))
calls("array_split split", lambda f, x: f(x, 4))
calls("dsplit", lambda f, x: f(x[None], 4))
calls("hsplit vsplit", lambda f, x: f(x, 4))
calls("block", lambda f, x: f([[x, x], [x, x]]))
calls("broadcast_arrays", lambda f, x: list(f(x, x[0])))
calls("broadcast_to", lambda f, x: f(x, (2,) + x.shape))
calls("column_stack concat concatenate dstack hstack row_stack stack vstack", lambda f, x: f([x, x]))
calls("delete", lambda f, x: f(x, [1, 3], 0), lambda f, x: f(x, slice(1, 4), 1))
calls("insert", lambda f, x: f(x, 2, 9, 1), lambda f, x: f(x, [1, 3], 8.0, 0))
calls("expand_dims", lambda f, x: f(x, 0))
calls("matrix_transpose", lambda f, x: f(x))
calls("permute_dims", lambda f, x: f(x, (1, 0)))
calls("rechunk", lambda f, x: f(x, 300))
calls("tensor", lambda f, x: f(x))
calls("unstack", lambda f, x: f(x.reshape((4, -1))))
calls("moveaxis swapaxes", lambda f, x: f(x, 0, 1))
calls("pad", lambda f, x: f(x, 2), lambda f, x: f(x, 2, "reflect"))
calls("repeat", lambda f, x: f(x, 2, 1))
calls("reshape", lambda f, x: f(x, (SIDE * 2, -1)))
calls("resize", lambda f, x: f(x, (SIDE, SIDE // 2)))
calls("roll", lambda f, x: f(x, 3), lambda f, x: f(x, (2, -3), (0, 1)))
calls("tile", lambda f, x: f(x, (2, 1)))
calls("r_ c_", lambda f, x: f[x, x])
calls("packbits", lambda f, x: f(x > 0.5), lambda f, x: f(x > 0.5, 1))
calls("unpackbits", lambda f, x: f((x * 255).astype("u1"), 1))
calls("vander", lambda f, x: f(x.ravel(), 2))
calls("meshgrid", lambda f, x: f(x[0], x[1]))
calls("trim_zeros", lambda f, x: f(x.ravel()))
calls("compress", lambda f, x: f(x[0] > 0.5, x, 1))
calls("extract", lambda f, x: f(x > 0.5, x))
calls("argwhere flatnonzero nonzero", lambda f, x: f(x > 0.5))
calls("take", lambda f, x: f(x, whole(x[0]), 0), lambda f, x: f(x, whole(x).ravel()))
calls("take_along_axis", lambda f, x: f(x, whole(x), 1))
calls("ravel_multi_index", lambda f, x: f((whole(x), whole(x)), (100, 100)))
calls("unravel_index", lambda f, x: f(whole(x), (10, 10)))
calls("diag_indices_from", lambda f, x: f(x))


def changed(name, *args):
    def program(f, x):
        t = x.copy()
        f(t, *(a(x) if callable(a) else a for a in args))
        return t

    calls(name, program)


changed("fill_diagonal", 9)
changed("place", lambda x: x > 0.5, [1.0, 2.0])
changed("put", [1, 9], [5.0, 6.0])
changed("putmask", lambda x: x > 0.5, [1.0, 2.0])
changed("put_along_axis", lambda x: whole(x), 9.0, 1)
changed("copyto", lambda x: x + 1)



def shuffled(f, x):
    t = x.copy()
    f(t)
    return t


calls("random.shuffle", shuffled)

# ---- Orders and sets -------------------------------------------------------------------------------------------------

calls("sort argsort", lambda f, x: f(x), lambda f, x: f(x, 0), lambda f, x: f(x, None))
calls("partition argpartition", lambda f, x: f(x, 2, 1), lambda f, x: f(x, 2, None))
calls("topk argtopk", lambda f, x: f(x, 5), lambda f, x: f(x, 5, axis=None))
calls("msort sort_complex", lambda f, x: f(x))
calls("lexsort", lambda f, x: f((x.ravel(), whole(x).ravel())))
calls("searchsorted", lambda f, x: f(mt.arange(SIDE) / SIDE, x), lambda f, x: f(mt.arange(SIDE * SIDE) / SIDE, x))
calls("unique", lambda f, x: f(x), lambda f, x: f(whole(x), True, True, True))
calls("intersect1d setdiff1d setxor1d union1d", lambda f, x: f(x, 1 - x))

# ---- Products --------------------------------------------------------------------------------------------------------

calls("innerproduct vecdot", lambda f, x: f(x, x))
calls("dot inner matmul", lambda f, x: f(x, x))
calls("tensordot", lambda f, x: f(x, x, 1))
calls("vdot", lambda f, x: f(x, x))
calls("outer", lambda f, x: f(x[0], x[1]))
calls("kron", lambda f, x: f(x, np.ones((2, 1))))
calls("cross", lambda f, x: f(x.ravel()[:3 * 1000000].reshape((-1, 3)), x.ravel()[:3 * 1000000].reshape((-1, 3))))
calls("einsum", lambda f, x: f("ij,kj->ik", x, x), lambda f, x: f("ij->j", x))
calls("convolve correlate", lambda f, x: f(x.ravel(), x[0, :9]))
calls("polyadd polysub", lambda f, x: f(x.ravel(), x.ravel()))
calls("polyder polyint", lambda f, x: f(x.ravel()))
calls("polymul", lambda f, x: f(x.ravel(), x[0, :9]))
calls("polyfit", lambda f, x: f(x.ravel(), x.ravel() * 2, 2))
calls("polydiv", lambda f, x: f(x[0, :99], x[0, :9]))
calls("poly", lambda f, x: f(x[0, :99]))
calls("roots", lambda f, x: f(x[0, :99]))
calls("apply_along_axis", lambda f, x: f(lambda v: v.sum(), 0, x[:, :50]))
calls("apply_over_axes", lambda f, x: f(mt.sum, x, [0]))

# ---- Sources ---------------------------------------------------------------------------------------------------------

calls("ones zeros empty", lambda f, x: f(x.shape))
calls("ones_like zeros_like empty_like", lambda f, x: f(x))
calls("full", lambda f, x: f(x.shape, 3.0))
calls("full_like", lambda f, x: f(x, 3.0))
calls("arange", lambda f, x: f(SIDE * SIDE))
calls("linspace logspace", lambda f, x: f(0, 1, SIDE * SIDE))
calls("geomspace", lambda f, x: f(1, 2, SIDE * SIDE))
calls("eye identity tri", lambda f, x: f(SIDE))
calls("fromfunction", lambda f, x: f(lambda i, k: i + k, x.shape))
calls("indices", lambda f, x: f((SIDE, SIDE // 2)))
calls("mgrid ogrid", lambda f, x: f[0:SIDE, 0:SIDE // 2])
calls("bartlett blackman hamming hanning", lambda f, x: f(SIDE * SIDE))
calls("kaiser", lambda f, x: f(SIDE * SIDE, 8.6))
calls("diag_indices", lambda f, x: f(SIDE * SIDE))
calls("tril_indices triu_indices", lambda f, x: f(SIDE))
calls("tril_indices_from triu_indices_from", lambda f, x: f(x))
calls("mask_indices", lambda f, x: f(SIDE, mt.triu))
calls("ix_", lambda f, x: x[f(np.arange(9), np.arange(SIDE))])

# ---- Fourier ---------------------------------------------------------------------------------------------------------

calls("fft.fft fft.ifft fft.rfft fft.irfft fft.hfft fft.ihfft", lambda f, x: f(x), lambda f, x: f(x, axis=0))
calls("fft.fft2 fft.ifft2 fft.fftn fft.ifftn fft.rfft2 fft.irfft2 fft.rfftn fft.irfftn fft.fftshift fft.ifftshift",
      lambda f, x: f(x))
calls("fft.fftfreq fft.rfftfreq", lambda f, x: f(SIDE * SIDE))

# ---- Statistics, distances -------------------------------------------------------------------------------------------

calls("stats.entropy stats.chisquare stats.power_divergence", lambda f, x: f(x + 0.1))
calls("stats.rankdata", lambda f, x: f(x), lambda f, x: f(x, axis=1))
calls("stats.ks_1samp", lambda f, x: f(x.ravel(), lambda v: v))
calls("stats.ks_2samp", lambda f, x: f(x.ravel(), x[:8].ravel()))
calls("stats.ttest_1samp", lambda f, x: f(x, 0.5))
calls("stats.ttest_ind stats.ttest_rel", lambda f, x: f(x, 1 - x))
calls("spatial.distance.cdist", lambda f, x: f(x, x[:8]))
calls("spatial.distance.pdist", lambda f, x: f(x[:, :64]))
calls("spatial.distance.squareform", lambda f, x: f(x.ravel()[:SIDE * (SIDE - 1) // 2]))

# ---- Special functions, random numbers -------------------------------------------------------------------------------


def elementwise(f, x):
    """Of as many tensors as it takes."""
    for n in 1, 2, 3, 4:
        try:
            return f(*[x + 1] * n)
        except TypeError:
            pass
    raise TypeError(f"{f} takes more than four tensors")


for _name in mt.special.__all__:
    if _name not in ("polygamma", "multigammaln"):
        calls("special." + _name, elementwise)
calls("special.polygamma", lambda f, x: f(1, x + 1))
calls("special.multigammaln", lambda f, x: f(x + 1, 2))
calls("random.rand random.randn", lambda f, x: f(*x.shape))
calls("random.random random.random_sample random.ranf random.sample random.normal random.uniform random.exponential "
      "random.standard_normal random.standard_exponential random.lognormal random.laplace random.gumbel "
      "random.logistic random.standard_cauchy random.rayleigh", lambda f, x: f(size=x.shape))
calls("random.randint random.random_integers", lambda f, x: f(1, 9, size=x.shape))
calls("random.choice", lambda f, x: f(9, size=x.shape))
calls("random.beta random.gamma random.binomial random.negative_binomial random.f random.vonmises random.wald",
      lambda f, x: f(2, 0.5, size=x.shape))
calls("random.chisquare random.pareto random.poisson random.power random.standard_gamma random.standard_t "
      "random.weibull", lambda f, x: f(3, size=x.shape))
calls("random.geometric random.logseries", lambda f, x: f(0.5, size=x.shape))
calls("random.zipf", lambda f, x: f(2.5, size=x.shape))
calls("random.noncentral_chisquare", lambda f, x: f(3, 1, size=x.shape))
calls("random.triangular", lambda f, x: f(0, 1, 2, size=x.shape))
calls("random.noncentral_f", lambda f, x: f(3, 4, 1, size=x.shape))
calls("random.hypergeometric", lambda f, x: f(9, 8, 7, size=x.shape))
calls("random.dirichlet", lambda f, x: f([1.0, 2.0], size=SIDE * SIDE // 2))
calls("random.multinomial", lambda f, x: f(9, [0.5, 0.5], size=SIDE * SIDE // 2))
calls("random.multivariate_normal", lambda f, x: f([0.0, 0.0], [[1.0, 0.0], [0.0, 1.0]], size=SIDE * SIDE // 2))
calls("random.permutation", lambda f, x: f(x), lambda f, x: f(SIDE * SIDE))

# ---- Linear algebra: planned only ------------------------------------------------------------------------------------

calls("linalg.cholesky", lambda f, x: f(x + x.T + 4 * LINALG_SIDE * mt.eye(LINALG_SIDE)))
calls("linalg.eigh linalg.eigvalsh", lambda f, x: f(x + x.T))
calls("linalg.cond linalg.det linalg.eig linalg.eigvals linalg.inv linalg.lu linalg.matrix_rank linalg.norm "
      "linalg.pinv linalg.qr linalg.slogdet linalg.svd linalg.svdvals", lambda f, x: f(x))
CALLS["linalg.norm"] += [lambda x, ord=ord: mt.linalg.norm(x, ord) for ord in (1, -1, np.inf, -np.inf, 2, -2, "nuc")]
calls("linalg.solve linalg.solve_triangular linalg.lu_solve", lambda f, x: f(x, x[0]), lambda f, x: f(x, x))
calls("linalg.lstsq", lambda f, x: f(x, x[0], None))
calls("linalg.matrix_power", lambda f, x: f(x, 3))
calls("linalg.multi_dot", lambda f, x: f([x, x, x]))
calls("linalg.randomized_svd", lambda f, x: f(x, 5, n_iter=2))
calls("linalg.tensorsolve", lambda f, x: f(x, x[0]))
calls("linalg.tensorinv", lambda f, x: f(x, 1))
calls("linalg.vecdot linalg.innerproduct", lambda f, x: f(x, x))
calls("linalg.vector_norm linalg.matrix_norm linalg.matrix_transpose linalg.trace linalg.diagonal", lambda f, x: f(x))

# ---- Sparse tensors --------------------------------------------------------------------------------------------------

calls(" ".join("SparseTensor." + name for name in """sum mean var std prod max min argmax argmin count_nonzero any
    all""".split()), lambda f, x: f(stored()), lambda f, x: f(stored(), axis=0), lambda f, x: f(stored(), axis=1))
calls("SparseTensor.conj SparseTensor.conjugate SparseTensor.diagonal SparseTensor.transpose SparseTensor.copy",
      lambda f, x: f(stored()))
calls("SparseTensor.todense", lambda f, x: f(mt.eye(SIDE, sparse=True, chunk_size=SIDE // 16)))  # a result as large
calls("SparseTensor.tosparse", lambda f, x: f(stored(), missing=0.5))
calls("SparseTensor.setdiag", lambda f, x: with_diagonal(f, stored().copy()))
calls("SparseTensor.astype", lambda f, x: f(stored(), "f4"))
calls("SparseTensor.rechunk", lambda f, x: f(stored(), 300))
calls("SparseTensor.multiply", lambda f, x: f(stored(), stored()), lambda f, x: f(stored(), 2.0))
calls("SparseTensor.dot", lambda f, x: f(stored(), stored()), lambda f, x: f(stored(), mt.ones(1 << 16)))

# name: why it is refused. All finish where memory holds what is said here, and whatever else is in the tensor.
WHY = {
    "the Schur form of a general matrix is one task: 40 n^2 bytes of n x n float64, n up to 32000": "linalg.eig",
    "as eig, with 16 n^2 bytes": "linalg.eigvals",
}
REFUSED = {name: why for why, names in WHY.items() for name in names.split()}
# Public names that are not asked, and why.
NOT_ASKED = {
    "no function of tensors, or one of a few numbers": """AxisError False_ True_ base_repr binary_repr broadcast_shapes
        ExecutableTuple scalar ufunc
        can_cast common_type e einsum_path isdtype euler_gamma finfo format_float_positional format_float_scientific
        get_printoptions geterr iinfo index_exp inf iscomplexobj isfortran isrealobj isscalar issubdtype iterable
        may_share_memory min_scalar_type nan ndim ndindex newaxis pi printoptions promote_types result_type s_
        set_printoptions seterr shape shares_memory size stats.ttest_ind_from_stats random.Generator
        random.RandomState random.default_rng random.seed random.bytes errstate linalg.LinAlgError
        SparseTensor.execute SparseTensor.is_sparse SparseTensor.issparse SparseTensor.save_as""",
    "reads or writes files, or somebody else's arrays": """from_array from_dataframe from_dlpack from_hdf5 from_tiledb
        from_vineyard from_zarr frombuffer fromfile fromhdf5 fromiter fromstring fromtiledb fromvineyard fromzarr
        genfromtxt imread load loadtxt save savetxt savez savez_compressed to_hdf5 to_tiledb to_vineyard to_zarr tohdf5
        totiledb tovineyard tozarr""",
    "gives elements to this process": "datetime_as_string ndenumerate SparseTensor.fetch SparseTensor.tocsr",
}


def public():
    """Every public function by its name."""
    areas = {"": mt, "linalg.": mt.linalg, "fft.": mt.fft, "special.": mt.special, "stats.": mt.stats,
             "random.": mt.random, "spatial.distance.": mt.spatial.distance}
    for prefix, area in areas.items():
        for name in area.__all__:
            made = getattr(area, name)
            a_class = (np.generic, mt.Tensor, mt.SparseTensor)
            if callable(made) and not (isinstance(made, type) and issubclass(made, a_class)):
                yield prefix + name
    for name in dir(mt.SparseTensor):
        if not name.startswith("_") and callable(getattr(mt.SparseTensor, name)):
            yield "SparseTensor." + name


def unasked():
    left_out = {name for names in NOT_ASKED.values() for name in names.split()}
    products = {"linalg." + name for name in CALLS}
    return sorted(set(public()) - set(CALLS) - left_out - products)


def outcome(name, x, session, plan_only):
    """None if all its calls finish; else the words of the refusal."""
    for program in CALLS[name]:
        try:
            with np.errstate(all="ignore"):
                made = program(x)
            tensors = [t for t in (made if isinstance(made, (tuple, list)) else [made])
                       if isinstance(t, (mt.Tensor, mt.SparseTensor))]
            if tensors and plan_only:
                future = session.run(*tensors, fetch=False, wait=False)
                with contextlib.suppress(TimeoutError):
                    future.result(PLANNED_AFTER)
                future.cancel()
            elif tensors:
                session.run(*tensors, fetch=False)
        except MemoryError as error:
            return str(error)
    return None


def outcomes(names):
    for linear in False, True:
        own = [name for name in names if name.startswith("linalg.") == linear]
        side, cache = (LINALG_SIDE, LINALG_CACHE) if linear else (SIDE, CACHE)
        with contextlib.ExitStack() as stack:
            session = stack.enter_context(new_session(cache_mem=cache, n_threads=2))
            session.as_default()
            x = mt.random.RandomState(1).rand(side, side)
            if not linear:
                session.run(x, fetch=False)
            for name in own:
                yield name, outcome(name, x, session, linear)


def page():
    yield "# Functions and memory"
    yield ""
    yield f"Generated (`tools/scale_names.py`): {len(CALLS)} public functions, each called with an input of four times"
    yield "the memory that its session has for chunks, its result left in the session. All finish but these:"
    yield ""
    yield "| function | why not |"
    yield "|---|---|"
    for name, why in sorted(REFUSED.items()):
        yield f"| `{name}` | {why} |"
    yield ""
    yield f"{SIDE} x {SIDE} float64 in {CACHE} of cache; `linalg`, whose tasks take blocks of fixed size, is planned"
    yield f"with {LINALG_SIDE} x {LINALG_SIDE} in {LINALG_CACHE}. Not asked:"
    yield ""
    for why, names in NOT_ASKED.items():
        yield f"* {why}: {', '.join(f'`{name}`' for name in sorted(names.split()))}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", metavar="PAGE")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--show", nargs="*")
    args = parser.parse_args()
    if unasked():
        sys.exit(f"public, and neither called nor listed: {' '.join(unasked())}")
    if args.check is None and args.show is None:
        print("\n".join(page()))
        return
    wrong = []
    for name, words in outcomes(args.show or list(CALLS)[::args.every]):
        if args.show is not None:
            print(f"{name}: {words or 'finishes'}", flush=True)
        if (words is not None) != (name in REFUSED):
            wrong.append(f"{name} {'is refused: ' + words if words else 'finishes, and is listed as refused'}")
    if args.check:
        with open(args.check, encoding="utf-8") as file:
            if file.read() != "\n".join(page()) + "\n":
                wrong.append(f"{args.check} is not what the lists say: run tools/scale_names.py")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
