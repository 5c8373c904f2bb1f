# SPDX-License-Identifier: Apache-2.0
"""Every name that a NumPy user may expect is there: ufuncs as NumPy lists them, the rest as the user guide promises."""
import pathlib
import re

import numpy as np
import pytest

import mars.tensor as mt

UFUNCS = [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)]

NAMES = """
    where clip astype around round real imag conj conjugate angle nan_to_num
    sum prod min max any all argmin argmax mean var std count_nonzero ptp cumsum cumprod
    nansum nanprod nanmin nanmax nanargmin nanargmax nanmean nanvar nanstd nancumsum nancumprod
    dot matmul inner outer vdot tensordot
    reshape transpose swapaxes moveaxis squeeze expand_dims broadcast_to concatenate stack hstack vstack dstack
    column_stack split array_split hsplit vsplit dsplit tile repeat flip fliplr flipud roll pad diff rechunk ravel
    sort argsort unique nonzero flatnonzero argwhere searchsorted histogram bincount percentile quantile median topk
    nanmedian nanpercentile nanquantile take compress
    zeros ones full empty zeros_like ones_like full_like empty_like arange linspace eye identity diag tril triu
    meshgrid indices
    tensor array asarray load save
""".split()
LINALG = """norm qr svd cholesky lu solve inv det lstsq eig eigvals eigh eigvalsh tensorinv tensorsolve
    randomized_svd""".split()
FFT = """fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft fftfreq rfftfreq fftshift
    ifftshift""".split()
RANDOM = "seed RandomState default_rng rand randn uniform normal randint exponential permutation choice".split()
METHODS = "astype".split()


@pytest.mark.parametrize("name", UFUNCS)
def test_every_ufunc_of_numpy_is_there(name):
    assert callable(getattr(mt, name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in METHODS])
def test_every_promised_function_is_there_and_public(name):
    assert callable(getattr(mt, name)) and name in mt.__all__


@pytest.mark.parametrize("module,names", [("fft", FFT), ("linalg", LINALG), ("random", RANDOM)])
def test_every_promised_function_of_a_module_is_there(module, names):
    assert [name for name in names if not callable(getattr(getattr(mt, module), name, None))] == []


@pytest.mark.parametrize("name", METHODS)
def test_every_promised_method_is_there(name):
    assert callable(getattr(mt.ones(3), name))


# ---- Every name is compared ------------------------------------------------------------------------------------------

# The array API's names, and older ones, of functions that are compared under NumPy's.
SYNONYMS = dict(acos="arccos", acosh="arccosh", asin="arcsin", asinh="arcsinh", atan="arctan", atan2="arctan2",
                atanh="arctanh", bitwise_invert="invert", bitwise_left_shift="left_shift", bitwise_not="invert",
                bitwise_right_shift="right_shift", deg2rad="radians", pow="power", rad2deg="degrees",
                true_divide="divide")


@pytest.mark.parametrize("name", SYNONYMS)
def test_a_synonym_is_the_same_function(name):
    assert getattr(mt, name) is getattr(mt, SYNONYMS[name])


def test_every_public_name_is_asked_in_some_test():
    here = pathlib.Path(__file__)
    texts = [path.read_text() for path in here.parent.glob("test_*.py") if path != here]
    text = "\n".join([*texts, here.read_text().split("is compared ---")[-1]])  # not the lists above
    asked = set(re.findall(r"\w+", text)) | set(UFUNCS)  # test_ufuncs has all that NumPy lists
    public = [*mt.__all__, *mt.fft.__all__, *mt.linalg.__all__, *mt.random.__all__, *mt.special.__all__,
              *mt.stats.__all__, *mt.spatial.distance.__all__]
    assert [name for name in public if name not in asked and name not in SYNONYMS] == []


def test_norms_of_vectors_and_of_matrices_are_those_of_numpy():
    a = np.random.default_rng(3).standard_normal((3, 4, 5))
    t = mt.tensor(a, chunk_size=2)
    for order in (1, 2, np.inf, -np.inf):
        want = np.linalg.norm(a, order, axis=1)
        assert np.allclose(mt.linalg.vector_norm(t, axis=1, ord=order), want, rtol=1e-14)
        want = np.linalg.norm(a, order, axis=(1, 2))
        assert np.allclose(mt.linalg.matrix_norm(t, ord=order), want, rtol=1e-13)
    assert np.allclose(mt.linalg.matrix_norm(t), np.linalg.norm(a, axis=(1, 2)), rtol=1e-14)
    assert np.allclose(mt.linalg.vector_norm(t), np.linalg.norm(a.ravel()), rtol=1e-14)


def test_an_lu_solution_solves():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((6, 6)), rng.standard_normal((6, 2))
    x = mt.linalg.lu_solve(mt.tensor(a, chunk_size=4), mt.tensor(b))
    assert np.allclose(a @ np.asarray(x), b, atol=1e-12)


@pytest.mark.parametrize("name", ["ranf", "sample", "random_sample"])
def test_old_names_of_uniform_numbers_draw_them(name):
    mt.random.seed(5)
    want = np.asarray(mt.random.random((4, 3)))
    mt.random.seed(5)
    assert np.array_equal(getattr(mt.random, name)((4, 3)), want)


def test_cauchy_numbers_have_cauchys_quartiles():
    rng = mt.random.default_rng(6)
    x = np.asarray(rng.standard_cauchy(100_000))
    assert isinstance(rng, mt.random.Generator)
    assert np.allclose(np.percentile(x, [25, 50, 75]), [-1, 0, 1], atol=0.03)
