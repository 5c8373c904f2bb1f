# SPDX-License-Identifier: Apache-2.0
"""mars.tensor.fft beside numpy.fft: every function with every length, axis, norm and dtype, in random cuttings.

NumPy 1 transforms everything in double precision, NumPy 2 halves with factors of half precision. Ours are NumPy 2's
dtypes, so single precision is compared with the double one, to the tolerance of single precision.
"""
import numpy as np
import pytest
from compare import CUTTINGS, DTYPES, Refused, array, cut, run
from hypothesis import given, settings
from hypothesis import strategies as st

import mars.tensor as mt

ONE = "fft ifft rfft irfft hfft ihfft".split()
MANY = "fftn ifftn rfftn irfftn".split()
TWO = "fft2 ifft2 rfft2 irfft2".split()
REAL_IN, REAL_OUT = {"rfft", "ihfft", "rfftn", "rfft2"}, {"irfft", "hfft", "irfftn", "irfft2"}
SINGLE = {"float16", "float32", "complex64"}


def compare(name, a, chunk_size, *args, **kwargs):
    single = str(a.dtype) in SINGLE
    double = a.astype("c16" if a.dtype.kind == "c" else "f8") if single else a
    want = run(lambda m, x: getattr(m.fft, name)(x, *args, **kwargs), np, (double,))
    got = run(lambda m, x: getattr(m.fft, name)(x, *args, **kwargs), mt, (cut(a, chunk_size),))
    if name in REAL_IN and a.dtype.kind == "c":  # NumPy 1 drops the imaginary parts, NumPy 2 refuses
        assert isinstance(got, Refused) and isinstance(got.error, (TypeError, ValueError, IndexError)), got
        return
    if isinstance(want, Refused):
        assert isinstance(got, Refused), f"NumPy raises {want.error!r}, Mars gives {got!r}"
        assert isinstance(got.error, (ValueError, IndexError, TypeError)), got.error
        return
    if isinstance(got, Refused):
        raise got.error
    assert got.dtype == np.dtype(("f4" if single else "f8") if name in REAL_OUT else ("c8" if single else "c16"))
    assert got.shape == want.shape
    scale = np.abs(want).max() if want.size else 0
    np.testing.assert_allclose(got, want, rtol=0, atol=scale * (2e-6 if single else 4e-15))


@settings(max_examples=400)
@given(name=st.sampled_from(ONE), dtype=st.sampled_from(DTYPES), chunk_size=st.sampled_from(CUTTINGS),
       shape=st.lists(st.integers(1, 9), min_size=1, max_size=3), n=st.none() | st.integers(-1, 80),
       axis=st.integers(-4, 3), norm=st.sampled_from([None, "backward", "ortho", "forward", "else"]),
       seed=st.integers(0, 99))
def test_transforms_along_one_axis(name, dtype, chunk_size, shape, n, axis, norm, seed):
    a = array(shape, dtype, seed, special=False)
    if a.dtype.kind in "iu":
        a = a % 100
    compare(name, a, chunk_size, n, axis, norm)


@settings(max_examples=200)
@given(name=st.sampled_from(MANY), dtype=st.sampled_from(["float32", "float64", "complex64", "complex128", "int16"]),
       chunk_size=st.sampled_from(CUTTINGS), shape=st.lists(st.integers(1, 7), min_size=1, max_size=3),
       data=st.data(), norm=st.sampled_from([None, "ortho", "forward"]), seed=st.integers(0, 99))
def test_transforms_along_several_axes(name, dtype, chunk_size, shape, data, norm, seed):
    a = array(shape, dtype, seed, special=False)
    axes = data.draw(st.none() | st.lists(st.integers(-len(shape), len(shape)), min_size=1, max_size=3))
    n = len(shape) if axes is None else len(axes)
    s = data.draw(st.none() | st.lists(st.integers(1, 11), min_size=max(n - 1, 1), max_size=n))
    compare(name, a, chunk_size, s, axes, norm)


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize("shape", [(5, 6), (3, 4, 5), (4,)])
def test_transforms_along_two_axes(name, shape):
    a = np.random.default_rng(0).random(shape)
    for chunk_size in CUTTINGS:
        compare(name, a, chunk_size)
        compare(name, a, chunk_size, (3, 8))
        compare(name, a, chunk_size, None, (-1, 0), "ortho")


@pytest.mark.parametrize("n", [97, 1021, 4096, 4099, 5000, 8192, 12 * 4099, 65536])
@pytest.mark.parametrize("name", ONE)
def test_long_lines_of_all_kinds(name, n):
    rng = np.random.default_rng(n)
    a = rng.standard_normal((3, n // 2 + 1 if name in REAL_OUT else n))
    if name not in REAL_IN:
        a = a + 1j * rng.standard_normal(a.shape)
    compare(name, a, (2, 1000), n)
    compare(name, a.astype("f4" if name in REAL_IN else "c8"), (2, 1000), n)


@pytest.mark.parametrize("n", [3 * 2**19, 2**20 + 1, 2**21, 2**20 + 7])
def test_lines_that_no_task_takes_whole(n):
    rng = np.random.default_rng(n)
    a = rng.standard_normal(n)
    compare("fft", a + 1j * a[::-1], 300_000)
    compare("ifft", a[: n - 9] + 1j, 400_000, n)
    compare("rfft", a, 300_001)
    compare("irfft", a[: n // 2 + 1] * (1 + 1j), 500_000, n)
    compare("hfft", a[: n // 2 - 7] * (1 - 1j), 200_000, n)


@pytest.mark.parametrize("shape,name", [((3000, 3000), "fft2"), ((2**23,), "fft"), ((2**23,), "rfft")])
def test_what_memory_cannot_hold_is_transformed_in_pieces(shape, name):
    from mars.session import new_session

    with new_session(memory_bytes=32 << 20) as session:
        x = mt.random.RandomState(1).rand(*shape)
        got = session.run(mt.abs(getattr(mt.fft, name)(x)).sum())
    want = np.abs(getattr(np.fft, name)(np.asarray(mt.random.RandomState(1).rand(*shape)))).sum()
    assert np.isclose(got, want, rtol=1e-12)


def test_lengths_that_depend_on_data_are_waited_for():
    a = np.random.default_rng(0).standard_normal(200)
    t = mt.tensor(a, chunk_size=30)
    for name in ONE:
        want, got = getattr(np.fft, name)(a[a > 0]), getattr(mt.fft, name)(t[t > 0])
        np.testing.assert_allclose(np.asarray(got), want, atol=1e-13)
    np.testing.assert_allclose(np.asarray(mt.fft.fft(t[t > 0], 40)), np.fft.fft(a[a > 0], 40), atol=1e-13)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_frequencies_and_shifts(n):
    for d in (1.0, 0.1, 2):
        np.testing.assert_array_equal(np.asarray(mt.fft.fftfreq(n, d, chunk_size=3)), np.fft.fftfreq(n, d))
        np.testing.assert_array_equal(np.asarray(mt.fft.rfftfreq(n, d)), np.fft.rfftfreq(n, d))
    a = np.arange(3 * n).reshape(3, n)
    for axes in (None, 0, 1, (0, 1), -1, [1]):
        for name in ("fftshift", "ifftshift"):
            want = getattr(np.fft, name)(a, axes)
            np.testing.assert_array_equal(np.asarray(getattr(mt.fft, name)(mt.tensor(a, chunk_size=2), axes)), want)
    with pytest.raises(ValueError):
        mt.fft.fftfreq(2.5)


def test_numpy_hands_its_own_functions_over():
    t = mt.ones((4, 6), chunk_size=3)
    made = np.fft.fftshift(np.fft.rfft2(t))
    assert isinstance(made, mt.Tensor)
    np.testing.assert_allclose(np.asarray(made), np.fft.fftshift(np.fft.rfft2(np.ones((4, 6)))), atol=1e-14)
