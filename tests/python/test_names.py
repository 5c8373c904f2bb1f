# SPDX-License-Identifier: Apache-2.0
"""Every name that a NumPy user may expect is there: ufuncs as NumPy lists them, the rest as the user guide promises."""
import numpy as np
import pytest

import mars.tensor as mt

# What NumPy has as a ufunc and Mars has not.
OTHER_DTYPES = {"isnat"}  # of dates

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
LINALG = "norm qr svd cholesky lu solve inv det lstsq eigh eigvalsh".split()
RANDOM = "seed RandomState default_rng rand randn uniform normal randint exponential permutation choice".split()
METHODS = "astype".split()


@pytest.mark.parametrize("name", [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)])
def test_every_ufunc_of_numpy_is_there(name):
    assert name in OTHER_DTYPES or callable(getattr(mt, name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in METHODS])
def test_every_promised_function_is_there_and_public(name):
    assert callable(getattr(mt, name)) and name in mt.__all__


@pytest.mark.parametrize("module,names", [("linalg", LINALG), ("random", RANDOM)])
def test_every_promised_function_of_a_module_is_there(module, names):
    assert [name for name in names if not callable(getattr(getattr(mt, module), name, None))] == []


@pytest.mark.parametrize("name", METHODS)
def test_every_promised_method_is_there(name):
    assert callable(getattr(mt.ones(3), name))


def test_every_public_name_has_words():
    # functions of the operator table have theirs from it; all others in the source
    assert [name for name in mt.__all__
            if callable(getattr(mt, name)) and not (getattr(mt, name).__doc__ or "").strip()] == []
