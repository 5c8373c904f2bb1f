# SPDX-License-Identifier: Apache-2.0
"""The same program with NumPy and with Mars: values, dtype, shape and the kind of exception must agree."""
import warnings

import numpy as np
from hypothesis import strategies as st
from numpys import numpy

import mars.tensor as mt

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32",
          "float64", "complex64", "complex128"]
CUTTINGS = [None, 1, 2, 3, 7]


class Refused:
    """The outcome of a program that raised."""

    def __init__(self, error):
        self.error = error


def run(program, module, args):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = program(module, *args)
            return tuple(map(np.asarray, made)) if isinstance(made, (tuple, list)) else np.asarray(made)
    except Exception as error:
        return Refused(error)


def cut(array, chunk_size):
    return mt.tensor(array, chunk_size=chunk_size if array.ndim else None) if isinstance(array, np.ndarray) else array


def tolerance_of(dtype, ulps):
    return ulps * np.finfo(dtype).eps if dtype.kind in "fc" else 0


def _equal(want, got, ulps):
    assert got.dtype == want.dtype, f"dtype {got.dtype}, NumPy has {want.dtype}"
    assert got.shape == want.shape, f"shape {got.shape}, NumPy has {want.shape}"
    if want.dtype.kind not in "fc" or ulps == 0:
        np.testing.assert_array_equal(got, want)
    else:
        tolerance = tolerance_of(want.dtype, ulps)
        finite = want[np.isfinite(want)]
        scale = float(np.abs(finite).max()) if finite.size else 0.0
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale, equal_nan=True)


def same(program, *args, ulps=0, cuttings=CUTTINGS):
    """program(numpy, *arrays) and program(mars.tensor, *tensors), with the tensors cut in several ways; NumPy as
    numpys.py has it."""
    want = run(program, numpy, args)
    for chunk_size in cuttings:
        got = run(program, mt, [cut(a, chunk_size) for a in args])
        if isinstance(want, Refused):
            assert isinstance(got, Refused), f"NumPy raises {want.error!r}, Mars gives {got!r}"
            kinds = type(got.error), type(want.error)
            assert issubclass(*kinds) or issubclass(*kinds[::-1]), f"{got.error!r}, NumPy raises {want.error!r}"
            continue
        if isinstance(got, Refused):
            raise AssertionError(f"Mars raises where NumPy gives a value (chunk_size={chunk_size})") from got.error
        if isinstance(want, tuple):
            assert len(got) == len(want)
            for w, g in zip(want, got):
                _equal(w, g, ulps)
        else:
            _equal(want, got, ulps)


# ---- Random arrays ---------------------------------------------------------------------------------------------------

shapes = st.lists(st.integers(0, 8), min_size=0, max_size=3).map(tuple)
full_shapes = st.lists(st.integers(1, 8), min_size=1, max_size=3).map(tuple)


def array(shape, dtype, seed, special=True):
    """Numbers of all sizes, with zeros, repetitions, infinities and NaN among them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        small = rng.integers(max(info.min, -9), 10, shape)
        large = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.8, small.astype(dtype), large)
    if dtype.kind == "c":
        part = "f4" if dtype.itemsize == 8 else "f8"
        return np.asarray(array(shape, part, seed, special) + 1j * array(shape, part, seed + 1, special), dtype)
    values = rng.standard_normal(shape) * 10.0 ** rng.integers(-2, 3, shape)
    values = np.where(rng.random(shape) < 0.2, np.round(values), values)
    if special:
        chosen = rng.integers(0, 40, shape)
        for k, v in enumerate((np.nan, np.inf, -np.inf, 0.0, -0.0)):
            values = np.where(chosen == k, v, values)
    return np.asarray(values, dtype)
