# SPDX-License-Identifier: Apache-2.0
"""Universal functions against NumPy: every name, every dtype, scalars of Python, out=, where=, dtype=, casting=."""
import numpy as np
import pytest
from compare import DTYPES, array, full_shapes, same, shapes
from hypothesis import given, settings
from hypothesis import strategies as st

import mars.tensor as mt
from mars import _core
from mars.tensor.ufuncs import NAMES

ONE = [n for n in NAMES if getattr(np, n).nin == 1]
TWO = [n for n in NAMES if getattr(np, n).nin == 2]
# Functions whose last bits are not promised; all others have NumPy's bits.
ULPS = {"power": 16, "float_power": 16}
EXACT = set("""absolute add bitwise_and bitwise_or bitwise_xor ceil conjugate copysign equal fabs floor fmax fmin gcd
    greater greater_equal invert isfinite isinf isnan lcm left_shift less less_equal logical_and logical_not logical_or
    logical_xor maximum minimum negative not_equal positive right_shift rint
    sign signbit spacing subtract trunc nextafter""".split())


def ulps_of(name, dtype="f8"):
    return 0 if name in EXACT and np.dtype(dtype).kind != "c" else ULPS.get(name, 8)


def skip_missing(*names):
    for name in names:
        if not _core.has(name):
            pytest.fail(f"no operator {name}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_argument(name, dtype):
    skip_missing(name)
    if name in ("floor", "ceil", "trunc") and np.dtype(dtype).kind in "biu":
        return  # NumPy 1 makes floats of them; test_protocols has NumPy 2's meaning
    if np.dtype(dtype).kind == "c" and name in ("sqrt", "exp", "log", "log10", "log2", "exp2", "expm1", "log1p",
        "reciprocal",
                                                "square", "absolute") or name.startswith(("arc", "sin", "cos", "tan")):
        a = array((5, 7), dtype, 3, special=False)
        a = (a / 50).astype(dtype) if np.dtype(dtype).kind == "c" else a
    else:
        a = array((5, 7), dtype, 3)
    same(lambda m, a: getattr(m, name)(a), a,
        ulps=4 * ulps_of(name, dtype) if dtype.startswith("complex") else ulps_of(name, dtype),
         cuttings=[None, 3])


@pytest.mark.parametrize("b", ["bool", "int8", "uint64", "int64", "float16", "float32", "complex64"])
@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_arguments(name, a, b):
    skip_missing(name)
    kinds = np.dtype(a).kind + np.dtype(b).kind
    if name in ("power", "float_power") and kinds in ("ii", "iu", "bi", "ui", "bu", "ub", "ib", "uu", "bb"):
        x, y = array((4, 5), a, 1), np.abs(array((4, 5), b, 2) % 5 if b != "bool" else array((4, 5), b, 2))
    else:
        x, y = (array((4, 5), d, k, special="c" not in kinds) for k, d in ((1, a), (2, b)))
    if name in ("power", "float_power") and "c" in kinds:  # of moderate size: overflow is NaN here and infinity there
        x, y = (v % 5 if v.dtype.kind in "iu" else v if v.dtype.kind == "b" else (v / 90).astype(v.dtype)
                for v in (x, y))
    if name in ("left_shift", "right_shift", "ldexp") and np.dtype(b).kind in "iu":
        y = (y % 8).astype(b)
    same(lambda m, x, y: getattr(m, name)(x, y), x, y, ulps=ulps_of(name, "c8" if "c" in kinds else "f8"),
        cuttings=[None, 2])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_powers_of_one_and_minus_one_to_infinity_are_one(dtype):
    ones = np.array([1, -1, 1, -1, 1, -1], dtype)
    same(lambda m, a: m.power(a, np.array([np.inf, np.inf, -np.inf, -np.inf, np.nan, np.nan], dtype)), ones)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_signs_of_complex_numbers_at_the_ends_of_the_range(dtype):
    ends = [0.0, -0.0, 1.0, -3.0, np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal, np.inf, -np.inf, np.nan]
    a = np.array([[complex(x, y) for y in ends] for x in ends], dtype)
    same(lambda m, a: m.sign(a), a, ulps=4)
    t = mt.sign(mt.tensor(np.array([3 - 4j, 1e308 + 1e308j, 5e-324j]))).to_numpy()
    assert np.allclose(t, [0.6 - 0.8j, 0.5**0.5 * (1 + 1j), 1j], rtol=1e-15)


@pytest.mark.parametrize("scalar", [True, 2, 2.5, 1 + 2j, np.float32(2.5), np.int8(3), np.uint64(7), np.float64(0.5)])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["add", "multiply", "divide", "maximum", "less", "subtract"])
def test_scalars_of_python_are_weak_and_numpys_are_not(name, dtype, scalar):
    a = array((3, 4), dtype, 5, special=False)
    same(lambda m, a: getattr(m, name)(a, scalar), a, ulps=4, cuttings=[2])
    same(lambda m, a: getattr(m, name)(scalar, a), a, ulps=4, cuttings=[2])


OPERATORS = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "floordiv": lambda a, b: a // b, "mod": lambda a, b: a % b, "divmod": divmod, "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b, "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b, "and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b,
    "lshift": lambda a, b: a << b, "rshift": lambda a, b: a >> b, "neg": lambda a, b: -a, "pos": lambda a, b: +a,
    "abs": lambda a, b: abs(a), "invert": lambda a, b: ~a, "pow2": lambda a, b: a ** 2, "pow3": lambda a, b: a ** 3,
    "sqrt": lambda a, b: abs(a) ** 0.5, "rpow": lambda a, b: 2 ** abs(a),
}


@pytest.mark.parametrize("dtype", ["bool", "int16", "uint8", "int64", "float32", "float64", "complex128"])
@pytest.mark.parametrize("name", OPERATORS)
def test_operators_of_the_language(name, dtype):
    function = OPERATORS[name]
    if dtype == "bool" and name in ("pos", "pow2"):
        pytest.skip("NumPy 1 copies +a and makes int8 of a ** 2 where NumPy 2 refuses and promotes")
    a, b = array((4, 5), dtype, 7, special=False), array((5,), dtype, 8, special=False)
    if name in ("lshift", "rshift"):
        b = b % 8 if np.dtype(dtype).kind in "iu" else b
    if name == "rpow" and np.dtype(dtype).kind in "iu":
        a = a % 5
    same(lambda m, a, b: function(a, b), a, b, ulps=8, cuttings=[None, 2])
    if name not in ("pow2", "pow3", "sqrt", "rpow"):
        same(lambda m, a: function(a, 2), a, ulps=8, cuttings=[2])
        same(lambda m, a: function(2, a), a, ulps=8, cuttings=[2])


def test_operators_take_lists_and_arrays_on_both_sides():
    a = np.arange(6.0).reshape(2, 3)
    same(lambda m, a: a + [1, 2, 3], a)
    same(lambda m, a: [1, 2, 3] - a, a)
    same(lambda m, a: np.array([1, 2, 3]) * a, a)
    same(lambda m, a: np.float32(2) / a, a)
    same(lambda m, a: a.astype("f4") * np.float32(2), a)
    assert (mt.ones(2) == None) is False  # noqa: E711
    assert mt.ones(2) != "a"


def test_integers_of_any_size_are_compared():
    a = np.array([0, 1, 2**63 - 1])
    t = mt.tensor(a)
    assert (t < 10**30).tolist() == [True] * 3 and (t == 2**70).tolist() == [False] * 3
    assert (t > -10**30).tolist() == [True] * 3
    with pytest.raises(OverflowError):
        t + 10**30
    assert (mt.tensor(np.array([2**64 - 1], "uint64")) == 2**64 - 1).tolist() == [True]


@given(st.sampled_from(["add", "multiply", "less", "hypot", "logical_and", "where"]), shapes, shapes,
    st.integers(0, 99),
       st.sampled_from([None, 1, 2, 3, 7]))
def test_shapes_are_broadcast_or_refused_as_by_numpy(name, a, b, seed, chunk_size):
    x, y = array(a, "f8", seed), array(b, "f8", seed + 1)
    if name == "where":
        same(lambda m, x, y: m.where(x > 0, x, y), x, y, cuttings=[chunk_size])
    else:
        same(lambda m, x, y: getattr(m, name)(x, y), x, y, ulps=4, cuttings=[chunk_size])


@given(full_shapes, st.sampled_from(DTYPES), st.sampled_from(DTYPES), st.integers(0, 99))
def test_astype_casts_as_numpy(shape, a, b, seed):
    x = array(shape, a, seed, special=False)
    if np.dtype(a).kind in "fc" and np.dtype(b).kind in "iu":
        x = np.clip(x.real, 0, 100).astype(a)  # beyond the range C leaves it open
    same(lambda m, x: x.astype(b), x, cuttings=[None, 3])
    for casting in ("no", "equiv", "safe", "same_kind"):
        same(lambda m, x: x.astype(b, casting=casting), x, cuttings=[3])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("a", ["int32", "float32", "float64", "bool"])
@pytest.mark.parametrize("casting", ["no", "safe", "same_kind", "unsafe"])
@pytest.mark.parametrize("name", ["add", "multiply", "sqrt", "less", "isnan"])
def test_dtype_chooses_the_loop(name, casting, a, dtype):
    x = np.abs(array((3, 4), a, 1, special=False))
    args = (x, x) if getattr(np, name).nin == 2 else (x,)

    def program(m, *args):
        return getattr(m, name)(*args, dtype=dtype, casting=casting)

    same(program, *args, ulps=4, cuttings=[None])


@given(full_shapes, st.integers(0, 99), st.sampled_from([None, 2, 3]))
def test_where_and_out_of_functions(shape, seed, chunk_size):
    x, mask, out = array(shape, "f8", seed), array(shape, "bool", seed), array(shape, "f4", seed + 1)

    def program(m, x, mask, out):
        out = out.copy()
        assert m.add(x, 1, out=out, where=mask, casting="same_kind") is out
        return out

    same(program, x, mask, out, ulps=2, cuttings=[chunk_size])


def test_functions_know_their_names_and_reductions():
    a = array((4, 5), "f8", 1, special=False)
    assert mt.add.nin == 2 and mt.modf.nout == 2 and repr(mt.add) == "<ufunc 'add'>"
    same(lambda m, a: m.add.reduce(a), a, ulps=4)
    same(lambda m, a: m.multiply.reduce(a, axis=1, keepdims=True), a, ulps=4)
    same(lambda m, a: m.maximum.reduce(a, axis=(0, 1)), a)
    same(lambda m, a: m.add.accumulate(a, axis=1), a, ulps=8)
    same(lambda m, a: m.maximum.accumulate(a), a)
    same(lambda m, a: m.minimum.accumulate(a, axis=1), a)
    assert np.array_equal(np.maximum.accumulate(mt.tensor(a, chunk_size=2)), np.maximum.accumulate(a))
    same(lambda m, a: mt.cummax(a, axis=0) if m is mt else np.maximum.accumulate(a), a)
    same(lambda m, a: mt.cummin(a, axis=0) if m is mt else np.minimum.accumulate(a), a)
    same(lambda m, a: m.subtract.outer(a[0], a[1]), a)
    with pytest.raises(TypeError):
        mt.add(1)


# Functions that may not be put in brackets at will: from the left to the right.
LEFT = ["arctan2", "copysign", "divide", "equal", "float_power", "floor_divide", "fmod", "greater", "greater_equal",
        "heaviside", "left_shift", "less", "less_equal", "nextafter", "not_equal", "power", "remainder", "right_shift",
        "subtract"]
# Their last bits are NumPy's but for those of functions whose last bits are not; these grow with the powers.
GROWING = {"power": 1 << 20, "float_power": 1 << 20, "arctan2": 32}


def fold(module, name):
    """The function itself: of powers numpys.py has others."""
    return getattr(module if module is mt else np, name)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*LEFT, "gcd", "lcm", "ldexp", "divmod", "sqrt"])
def test_a_function_between_all_elements_from_the_left_to_the_right(name, dtype):
    a = array((7, 5, 20), dtype, 4, special=False)
    if name in ("left_shift", "right_shift", "power", "float_power") and a.dtype.kind in "iufc":
        a = np.asarray(np.abs(a) % 3 if a.dtype.kind != "c" else a / 1000).astype(dtype)
    if name == "lcm" and a.dtype.kind in "iu":
        a %= 5
    if name == "power" and dtype == "float16":
        pytest.skip("powers of powers are at the ends of the range, where a bit is the difference to infinity")
    if name == "ldexp" and a.dtype.kind in "bui":
        pytest.skip("NumPy 1 takes integers as exponents, whose sums are floats")
    ulps = 0 if a.dtype.kind in "biu" and name not in GROWING else GROWING.get(name, 0 if a.dtype.kind != "c" else 64)
    if dtype == "float16" and name not in GROWING:
        ulps = 64  # NumPy rounds after each step, or at the end, as elements lie in memory; we after each step
    for axis in range(3):
        same(lambda m, a: fold(m, name).reduce(a, axis=axis), a, ulps=ulps, cuttings=[None, 2, 3])
        same(lambda m, a: fold(m, name).accumulate(a, axis=axis), a, ulps=ulps, cuttings=[None, 2, 3])
    same(lambda m, a: fold(m, name).reduce(a[:, 0, 0]), a, ulps=ulps, cuttings=[None, 1, 3])
    same(lambda m, a: fold(m, name).accumulate(a[:, 0, 0]), a, ulps=ulps, cuttings=[None, 1, 3])


@given(shapes, st.integers(-3, 3), st.sampled_from(["subtract", "divide", "less", "fmod", "arctan2"]),
       st.sampled_from(["bool", "int8", "float32", "float64", "complex128"]), st.integers(0, 99), st.booleans(),
       st.sampled_from([None, 1, 3]))
def test_folds_of_any_shape_and_their_refusals(shape, axis, name, dtype, seed, keepdims, chunk_size):
    a = array(shape, dtype, seed, special=False)
    ulps = 1 << 12 if a.dtype.kind == "c" else GROWING.get(name, 0)
    same(lambda m, a: fold(m, name).reduce(a, axis, keepdims=keepdims), a, ulps=ulps, cuttings=[chunk_size])
    same(lambda m, a: fold(m, name).reduce(a, None, keepdims=keepdims), a, ulps=ulps, cuttings=[chunk_size])
    same(lambda m, a: fold(m, name).accumulate(a, axis), a, ulps=ulps, cuttings=[chunk_size])


@pytest.mark.parametrize("axis", [0, 1, -1, (1,), (), (0, 1), None, 3])
def test_masks_and_initial_values_of_folds(axis):
    a, mask = array((7, 5), "f8", 3, special=False), array((7, 5), "bool", 4)
    whole = array((7, 5), "i8", 3) % 9
    for name in ("subtract", "divide", "fmod"):
        f = (lambda m: fold(m, name).reduce)  # noqa: B023
        same(lambda m, a: f(m)(a, axis, initial=100), a, cuttings=[None, 2])
        same(lambda m, a, k: f(m)(a, axis, initial=100, where=k), a, mask, cuttings=[None, 2])
        same(lambda m, a, k: f(m)(a, axis, None, None, True, 1, k[:, :1]), a, mask, cuttings=[2])
        same(lambda m, a, k: f(m)(a, axis, where=k), a, mask, cuttings=[2])
        same(lambda m, a: f(m)(a[:0], axis, initial=3), a, cuttings=[2])
        same(lambda m, a: f(m)(a[:0], axis), a, cuttings=[2])
        same(lambda m, a: f(m)(a, axis, dtype="f4"), a, cuttings=[2])
    same(lambda m, a: m.subtract.reduce(a, axis, initial=2.5), whole, cuttings=[2])
    same(lambda m, a: m.less.reduce(a, axis, dtype=bool), whole, cuttings=[2])
    same(lambda m, a: m.subtract.accumulate(a, axis), whole, cuttings=[2])
    same(lambda m, a: m.add.accumulate(a, axis), whole, cuttings=[2])


def test_folds_from_the_left_overflow_where_numpys_do():
    big = np.array([1e308, 1e308, 1e308, -1e308, 1e-308] * 3)
    for name in ("subtract", "divide"):
        same(lambda m, a: fold(m, name).reduce(a), big)
        same(lambda m, a: fold(m, name).accumulate(a), big)
    with pytest.raises(ValueError, match="negative integer powers"):
        mt.power.reduce(mt.tensor([2, 3, -1], chunk_size=1)).execute()
    same(lambda m, a: fold(m, "power").reduce(a), np.array([-2, 3, 1]))
    waits = np.array(["2", "NaT", "3", "4"], "m8[s]")
    for a in (waits, waits[2:]):
        same(lambda m, a: m.subtract.reduce(a), a)
        same(lambda m, a: m.subtract.accumulate(a), a)
        same(lambda m, a: m.divide.reduce(a), a)


def test_folds_of_lengths_that_are_not_known_yet():
    a = np.arange(1.0, 40.0)
    same(lambda m, a: m.subtract.reduce(a[a > 7]), a, cuttings=[None, 3])
    same(lambda m, a: m.divide.accumulate(a[a % 2 == 0]), a, cuttings=[None, 3])
    same(lambda m, a: m.subtract.reduce(a[a > 99]), a, cuttings=[3])
    same(lambda m, a: m.subtract.accumulate(a[a > 99]), a, cuttings=[3])


def test_a_fold_of_many_chunks_has_the_bits_of_one():
    a = np.random.default_rng(3).standard_normal((3001, 4))
    for name in ("subtract", "divide", "fmod"):
        want, ups = getattr(np, name).reduce(a), getattr(np, name).accumulate(a)
        for chunk_size in ((1, 4), (7, 3), (640, 1), 5000):
            t = mt.tensor(a, chunk_size=chunk_size)
            assert fold(mt, name).reduce(t).to_numpy().tobytes() == want.tobytes()
            assert fold(mt, name).accumulate(t).to_numpy().tobytes() == ups.tobytes()
            assert fold(mt, name).accumulate((t * 2).T, axis=1).to_numpy().tobytes() == \
                getattr(np, name).accumulate((a * 2).T, axis=1).tobytes()


SEGMENTS = {
    **dict.fromkeys(("add", "multiply", "subtract", "maximum", "minimum"),
                    ["int8", "uint16", "int64", "float32", "float64"]),
    **dict.fromkeys(("bitwise_or", "bitwise_xor", "gcd"), ["int8", "uint16", "int64"]),
    **dict.fromkeys(("fmax", "fmin", "hypot", "logaddexp", "arctan2", "divide", "copysign"),
                    ["float16", "float32", "float64"]),
    **dict.fromkeys(("logical_and", "logical_or", "logical_xor"), ["bool", "int8", "float64"]),
    "floor_divide": ["int64", "float64"], "remainder": ["int64", "float64"], "left_shift": ["int64"],
}


@pytest.mark.parametrize("indices", [[0, 3, 7], [2, 1, 8, 8, 0, 3], [0, 4, 1, 5, 2, 6, 3, 7], [9], [], [5, 5, 5],
                                     range(11)])
@pytest.mark.parametrize("name", SEGMENTS)
def test_a_function_between_the_elements_of_segments(name, indices):
    indices = np.asarray(list(indices), int)
    for dtype in SEGMENTS[name]:
        a = np.asarray(array((11, 3), "f8", 2, special=False) % 3 + 1).astype(dtype)
        ulps = 0 if np.dtype(dtype).kind in "biu" or name in ("maximum", "minimum", "copysign") else 64
        same(lambda m, a: getattr(m, name).reduceat(a, indices), a, ulps=ulps, cuttings=[None, 2])
        same(lambda m, a, i: getattr(m, name).reduceat(a[:, 1], i), a, indices, ulps=ulps, cuttings=[3])
        same(lambda m, a: getattr(m, name).reduceat(a.T, indices, axis=1), a, ulps=ulps, cuttings=[2])


@given(st.lists(st.integers(0, 40), max_size=12), st.sampled_from(["add", "maximum", "subtract"]),
       st.sampled_from(["int32", "float64", "complex128"]), st.integers(0, 99), st.sampled_from([None, 1, 7]))
@settings(deadline=None, max_examples=60)
def test_segments_of_any_order_and_length(indices, name, dtype, seed, chunk_size):
    if name == "maximum" and dtype == "complex128":
        dtype = "float32"
    same(lambda m, a: getattr(m, name).reduceat(a, np.asarray(indices, int)), array((41,), dtype, seed, special=False),
         ulps=64, cuttings=[chunk_size])


def test_segments_are_refused_and_stored_as_by_numpy():
    a = np.arange(12.0).reshape(3, 4)
    for refused in (lambda m, a: m.add.reduceat(a, [3]), lambda m, a: m.add.reduceat(a, [-1]),
                    lambda m, a: m.add.reduceat(a, [0.5]), lambda m, a: m.add.reduceat(a, [[0]]),
                    lambda m, a: m.add.reduceat(a, [0], 2), lambda m, a: m.sqrt.reduceat(a, [0]),
                    lambda m, a: m.add.reduceat(a[0, 0], [0]), lambda m, a: m.divmod.reduceat(a, [0])):
        same(refused, a)
    same(lambda m, a: m.add.reduceat(a, [0, 2], 1, "f4"), a)
    same(lambda m, a: m.add.reduceat(a > 3, [0, 2], 1), a)
    same(lambda m, a: m.add.reduceat(a, 1), a)
    out = np.zeros((3, 2))
    assert mt.add.reduceat(mt.tensor(a), [0, 2], 1, out=out) is out and out.sum() == a.sum()
    assert np.array_equal(np.add.reduceat(mt.tensor(a, chunk_size=2), [0, 2], 1), out)
    lazy = mt.zeros((3, 2))
    assert mt.add.reduceat(a, mt.tensor([0, 2]), 1, out=lazy) is lazy and lazy.to_numpy().tolist() == out.tolist()


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", DTYPES)
def test_promotion_is_that_of_nep_50(a, b):
    assert mt.result_type(a, b) == mt.promote_types(a, b) == np.promote_types(a, b)
    assert (mt.ones(2, dtype=a) + mt.ones(2, dtype=b)).dtype == np.promote_types(a, b)
    for casting in ("no", "safe", "same_kind", "unsafe"):
        assert mt.can_cast(a, b, casting) == np.can_cast(a, b, casting)
