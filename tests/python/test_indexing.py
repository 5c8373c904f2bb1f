# SPDX-License-Identifier: Apache-2.0
"""t[key] and t[key] = value against NumPy: examples with a meaning, then random keys."""
import numpy as np
import pytest
from compare import Refused, array, run, same
from hypothesis import given, settings
from hypothesis import strategies as st

import mars.tensor as mt

A = array((4, 5, 6), "f8", 0, special=False)
NAMES = {"np": np, "I": np.array([3, 0, 3]), "J": np.array([1, 4, 0]), "M": A > 0.3,
"M1": np.array([True, False, True, True])}

GET = """0 -1 1:3 ::2 ::-1 3:0:-2 ... None ...,0 :,1 1,2,3 None,...,None [0,2] I I,J I,:,0 0,:,J M M1 :,[0,1],:
    :,:,[1,1,5]
    M1,[0,1,2] M[0] M[:,:,0] :,M[0] 0,M[0] I[:,None],J 7 0,9 [9] 0,0,0,0 1:1 5:9 I,J,J ...,J,J :,J,J J[:3],...,0 True
    np.array(2) M[:,:3] 1.5 [] I[:0] :,None,I[:,None]%5 0,None,J [[0,1],[2,3]] ([0,1],[2,3])
    slice(None,None,-1),::-2,4:1:-1 -5 ...,... 'a' None,None,2 [True,False,True,True] [-1,-4] [-5]
    I,None,J np.int64(2),...
    np.array([1,2],'uint8') [1.5]""".split()
SET = """0 -1 1:3 ::2 ::-1 3:0:-2 ... ...,0 :,1 1,2,3 [0,2] I[:2] I[1:],J[1:] M M1 M[0] :,[0,1],: 7 I[:2],:,0 0,:,J 1:1
    ::2,1::2,::3 1:3,J M1,[0,1,2] None,0 [9] 0,0,0,0 M[:,:3] :,:,::-1 2,::-2 I[:1]""".split()


@pytest.mark.parametrize("key", GET)
def test_getting(key):
    same(lambda m, a: eval(f"a[{key}]", {**NAMES, "a": a}), A)


@pytest.mark.parametrize("key", SET)
@pytest.mark.parametrize("value", ["number", "array"])
def test_setting(key, value):
    def program(m, a):
        a = a.copy()
        v = 7 if value == "number" else np.asarray(eval(f"A[{key}]", {**NAMES, "A": A})) * 2 + 1
        exec(f"a[{key}] = v", {**NAMES, "a": a, "v": v})
        return a

    same(program, A)


@pytest.mark.parametrize("value, error", [([1, 2], ValueError), (np.ones((3, 1, 1, 1)), ValueError), (1j, TypeError)])
def test_values_that_do_not_fit_are_refused(value, error):
    def program(m, a):
        a = a.copy()
        a[1:3] = value
        return a

    same(program, A)


def test_keys_of_tensors():
    same(lambda m, a, i: a[i], A, NAMES["I"])
    same(lambda m, a, i, j: a[i, j], A, NAMES["I"], NAMES["J"])
    same(lambda m, a: a[a > 0], A)
    same(lambda m, a: a[a > 0].sum(), A, ulps=8)
    same(lambda m, a: a[m.argsort(a[:, 0, 0])], A)
    same(lambda m, a: a[:, m.array([4, 0])], A)


def _assigned(a, key, value):
    a = a.copy()
    a[key] = value
    return a


def test_assignment_by_tensors():
    same(lambda m, a: _assigned(a, a > 0, 0), A)
    same(lambda m, a: _assigned(a, a > 0, -a[a > 0]), A)
    same(lambda m, a, i: _assigned(a, i, 5), A, NAMES["I"])
    same(lambda m, a: _assigned(a.astype("i4"), 0, 7.9), A)


def test_the_last_of_equal_indices_counts():
    same(lambda m, a: _assigned(a, [0, 1, 0], np.arange(90.0).reshape(3, 5, 6)), A)


OF_ALL = ["sum", "prod", "mean", "any", "all", "count_nonzero", "nansum", "min", "max", "var", "std"]


@pytest.mark.parametrize("reduction", OF_ALL)
def test_reductions_of_what_a_mask_selects(reduction):
    b = np.abs(A)  # sums of these do not cancel

    def of(key, **options):
        return lambda m, a: getattr(m, reduction)(a[key(a)], **options)

    for key in (lambda a: a > 0.3, lambda a: a > 1e9, lambda a: a[:, 0, 0] > 0.3, lambda a: a[:, :, 2] > 0.3):
        same(of(key), b, ulps=64)
        same(of(key, axis=0), b, ulps=64)
        same(of(key, axis=-1), b, ulps=64)
        same(of(key), np.round(b).astype("i4"), ulps=64)
    if reduction != "count_nonzero":
        same(of(lambda a: a > 0.3, keepdims=True), b, ulps=64)
        same(of(lambda a: a[:, 0, 0] > 0.3, axis=(0, 2)), b, ulps=64)


def test_sums_of_selections_have_the_same_bits_however_they_are_cut():
    a = array((40, 50), "f8", 3, special=False)
    for reduction in ("sum", "prod", "mean"):
        for key in (a > 0.2, a[:, 1] > 0.2):
            results = [getattr(mt.tensor(a, chunk_size=c)[key], reduction)(axis=0) for c in (None, 1, 7, 16, (9, 50))]
            bits = {np.asarray(r).tobytes() for r in results}
            assert len(bits) == 1


# ---- Random keys -----------------------------------------------------------------------------------------------------

lengths = st.lists(st.integers(0, 5), min_size=0, max_size=4).map(tuple)


@st.composite
def keys(draw, shape, repeat=True):
    """Any key: integers, slices of any step, newaxis, an Ellipsis, and arrays of integers that broadcast together,
    masks of one or two axes and booleans without axes among them. Without `repeat` no position occurs twice."""
    common = draw(st.lists(st.integers(0, 3), min_size=0, max_size=2).map(tuple))
    advanced = draw(st.integers(0, 3)) == 0, draw(st.booleans())
    key, k, dots, n_arrays = [], 0, False, 0
    kinds = ["slice", "slice", "int", "new", "dots"] + ["array", "mask", "true", "int"] * advanced[1]
    for _ in range(draw(st.integers(0, len(shape) + 2))):
        kind = draw(st.sampled_from(kinds))
        n = shape[k] if k < len(shape) else 0
        if kind == "new":
            key.append(None)
        elif kind == "dots" and not dots:
            key.append(Ellipsis)
            dots = True
            k += draw(st.integers(0, len(shape) - k)) if k < len(shape) else 0
        elif kind == "true":
            key.append(draw(st.sampled_from([True, False, np.True_, np.array(True)])))
        elif k >= len(shape) and draw(st.integers(0, 9)):
            continue
        elif kind == "slice":
            bound = st.none() | st.integers(-n - 2, n + 2)
            key.append(slice(draw(bound), draw(bound), draw(st.sampled_from([None, 1, 2, 3, -1, -2, -7]))))
            k += 1
        elif kind == "int":
            i = draw(st.integers(-n, n - 1) if n and draw(st.integers(0, 19)) else st.integers(-n - 1, n))
            key.append(draw(st.sampled_from([int, np.int64, np.uint8, np.array]))(i % n if n else 0) if i >= 0 else i)
            k += 1
        elif kind == "array" and (repeat or n_arrays == 0):
            rng = np.random.default_rng(draw(st.integers(0, 99)))
            own = tuple(1 if draw(st.integers(0, 3)) == 0 else m for m in common[draw(st.integers(0, len(common))):])
            if repeat:
                index = rng.integers(-n, n, own) if n else np.zeros((0,) if not own else (*own[:-1], 0), int)
            else:
                index = rng.permutation(n)[:int(np.prod(own))] if n >= np.prod(own) else np.arange(n)
                index = index.reshape(own) if index.size == np.prod(own) else index
            key.append(draw(st.sampled_from([lambda i: i, lambda i: i.tolist(), mt.tensor]))(index))
            k, n_arrays = k + 1, n_arrays + 1
        elif kind == "mask" and (repeat or n_arrays == 0):
            own = shape[k:k + draw(st.integers(1, 2))]
            mask = np.random.default_rng(draw(st.integers(0, 99))).random(own) < 0.5
            key.append(draw(st.sampled_from([lambda m: m, lambda m: m.tolist(), mt.tensor]))(mask))
            k, n_arrays = k + len(own), n_arrays + 1
    return key[0] if len(key) == 1 and advanced[0] else tuple(key)


def numpys(key):
    """The key with arrays of NumPy in the places of tensors."""
    return tuple(map(numpys, key)) if isinstance(key, tuple) else np.asarray(key) if isinstance(key, mt.Tensor) else key


cases = lengths.flatmap(lambda s: st.tuples(st.just(s), keys(s)))
cases_without_repetition = lengths.flatmap(lambda s: st.tuples(st.just(s), keys(s, repeat=False)))


@settings(max_examples=400)
@given(cases, st.sampled_from([None, 1, 2, 3]))
def test_random_keys_give_what_numpy_gives(case, chunk_size):
    shape, key = case
    same(lambda m, a: a[numpys(key) if m is not mt else key], array(shape, "f8", 1), cuttings=[chunk_size])


@settings(max_examples=400)
@given(cases_without_repetition, st.sampled_from([None, 1, 2, 3]), st.data())
def test_random_keys_set_what_numpy_sets(case, chunk_size, data):
    shape, key = case
    a = array(shape, "f8", 1)
    place = run(lambda m, a: a[numpys(key)], np, [a])
    if isinstance(place, Refused):
        value = 5.0
    else:  # what is broadcast, what has axes too many, and what does not fit
        n, dims = data.draw(st.integers(0, place.ndim)), place.shape
        dims = tuple(1 if data.draw(st.integers(0, 3)) == 0 else d for d in dims[n:])
        dims = (1,) * data.draw(st.integers(0, 1)) * (n == 0) + dims
        dims = dims + (4,) if data.draw(st.integers(0, 19)) == 0 else dims
        value = np.arange(10.0, 10 + np.prod(dims)).reshape(dims)
        if place.ndim == 0 and value.size == 1:  # NumPy 2.4 refuses axes in the place of one element, here they go
            same(lambda m, a: _assigned(a, numpys(key) if m is not mt else key, value if m is mt else value.item()), a,
                 cuttings=[chunk_size])
            return
    same(lambda m, a: _assigned(a, numpys(key) if m is not mt else key, value), a, cuttings=[chunk_size])


@settings(max_examples=200)
@given(cases.filter(lambda c: len(c[0]) > 0), st.sampled_from([None, 2]))
def test_random_keys_of_tensors_whose_length_is_not_known(case, chunk_size):
    shape, key = case

    def program(m, a):
        if m is not mt:
            return a[numpys(key)]
        every = mt.tensor(np.ones(shape[0], bool))
        return a[every][key]

    same(program, array(shape, "f8", 1), cuttings=[chunk_size])


def test_parts_of_what_is_not_known_yet_stay_lazy():
    x = mt.arange(20, chunk_size=3)
    kept = x[x % 3 == 0]  # 0 3 6 9 12 15 18
    assert all("?" in repr(part) for part in (kept[1:-1], kept[::-2], mt.flip(kept), mt.diff(kept), kept[None, 2:]))
    assert kept[1:-1].tolist() == [3, 6, 9, 12, 15] and kept[::-2].tolist() == [18, 12, 6, 0]
    assert repr(kept[-1]) == "Tensor <op=slice, shape=(), dtype=int64>" and int(kept[-1]) == 18
    assert int(mt.dot(kept, kept)) == 819 and mt.stack([kept, kept[::-1]]).shape == (2, 7)
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 with size 7"):
        kept[7].execute()


# ---- Attributes that take elements back ------------------------------------------------------------------------------

PARTS = ["a.flat[3:8] = 0", "a.flat[::-3] = 5", "a.flat[[1, 5, 1]] = [1, 2, 3]", "a.flat[-1] = 4", "a.flat = 7",
         "a.flat = [1, 2, 3]", "a.real[1] = 5", "a.real[...] = a.real[::-1] * 2", "a.real = 3", "a.real += 2",
         "a.real *= a.real", "a.T[0] = 9", "a.T[1:, ::2] = 8", "a.real.flat[2:5] = 1",
         "a.real.T[0] = 2", "a.T.flat[:3] = 0", "a.real.fill(4)", "r = a.real; a[0] = 1; r[1] = 2",
         "r = a.real; a[0] = 1; r += 1", "f = a.flat; f[0] = 3; f[1] = 4", "m.real(a)[...] = 3", "a.real.sort()",
         "m.copyto(a.real, 5)", "m.add(a.real, 1, out=a.real)", "a.flat = []", "a.flat[99] = 1", "a.imag[0] = 1",
         "a.imag = 2", "a.imag += 1"]
COMPLEX_PARTS = ["z.imag[2:4] = 5", "z.imag = -1.5", "z.imag *= 3", "z.imag[...] = [m.inf, m.nan, -0.0, 1]",
                 "z.real[...] = [m.inf, m.nan, -0.0, 1]", "z.imag[z.real > 0] = 0", "m.imag(z)[0] = z.real[1]",
                 "z.imag.flat[5:] = 1", "z.T.imag[0] = 9"]


def _executed(statement, m, **names):
    names = {name: a.copy() for name, a in names.items()}
    exec(statement, {"np": np, "m": m}, names)
    return next(iter(names.values()))


@pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "c8"])
@pytest.mark.parametrize("statement", PARTS)
def test_what_is_assigned_to_attributes_is_in_the_tensor(statement, dtype):
    same(lambda m, a: _executed(statement, m, a=a), array((4, 5), dtype, 3, special=False))


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize("statement", COMPLEX_PARTS)
def test_what_is_assigned_to_parts_of_complex_numbers_leaves_the_other_part_alone(statement, dtype):
    a = array((5, 4), dtype, 4)

    def parts(m, z):
        made = _executed(statement, m, z=z)
        return made.real, made.imag, m.signbit(made.real), m.signbit(made.imag)

    same(parts, a)


def test_transposes_are_not_set_as_a_whole():
    a = mt.zeros((2, 3))
    with pytest.raises(AttributeError, match="not writable"):
        a.T = 1
    a.T += 1
    assert a.execute().tolist() == [[1.0] * 3] * 2


def test_matrices_of_a_stack_are_transposed_where_they_are():
    a = mt.arange(12).reshape(2, 2, 3)
    a.mT[:, 0] = 99
    assert a.to_numpy().tolist() == [[[99, 1, 2], [99, 4, 5]], [[99, 7, 8], [99, 10, 11]]]


def test_what_was_made_before_an_assignment_to_an_attribute_keeps_its_values():
    a = mt.arange(6).reshape(2, 3)
    before, seen = a + 0, a.flat
    seen[:] = 0
    assert before.to_numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    assert a.to_numpy().sum() == 0 and seen.to_numpy().sum() == 0


# ---- Positions that are computed, and windows ------------------------------------------------------------------------

POSITIONS = {"unravel_index": lambda m, i: m.unravel_index(i, (3, 4)),
             "unravel_index F": lambda m, i: m.unravel_index(i, (3, 4), "F"),
             "ravel_multi_index": lambda m, i: m.ravel_multi_index((i % 3, i), (3, 12)),
             "ravel_multi_index modes": lambda m, i: m.ravel_multi_index((i, i), (3, 12), ("wrap", "raise")),
             "choose": lambda m, i: m.choose(i, [i * k for k in range(12)])}


@pytest.mark.parametrize("indices", [[[0, 11], [5, 7]], [0, 12], [-1, 3], [], [2**40]])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64"])
@pytest.mark.parametrize("name", POSITIONS)
def test_positions_outside_are_refused_when_they_are_computed(name, dtype, indices):
    if indices and np.max(indices) > 99 and dtype != "int64":
        dtype = "int64"
    i = np.asarray(indices, dtype) if np.min(indices, initial=0) >= 0 else np.asarray(indices, "int16")
    same(POSITIONS[name], i, cuttings=[None, 1])


def test_words_of_refused_positions_name_one():
    rows, columns = mt.unravel_index(mt.tensor([3, 25]) + 0, (3, 4))
    with pytest.raises(ValueError, match="index 25 is out of bounds for array with size 12"):
        columns.execute()
    with pytest.raises(ValueError, match="index 5 is out of bounds for axis 1 with size 4"):
        mt.ravel_multi_index((mt.tensor([1]), mt.tensor([5])), (3, 4)).execute()
    with pytest.raises(ValueError, match="index 1 is out of bounds"):
        mt.choose(mt.tensor([0, 1]), [[7, 8]]).execute()
    with pytest.raises(TypeError, match="int indices"):
        mt.unravel_index(mt.tensor([1.0]), (3, 4))


@pytest.mark.parametrize("dtype", ["bool", "i4", "f8", "c8"])
@pytest.mark.parametrize("window, axis", [(2, 0), ((2, 3), None), ((3, 2), (0, 0)), (4, -1), (5, 1), (1, (1,)), (0, 0),
                                          ((2, 2), 0), (2, None), (-1, 0), (9, 0), (2, 3)])
def test_windows_slide_over_tensors(window, axis, dtype):
    from numpy.lib.stride_tricks import sliding_window_view

    def program(m, a):
        return (sliding_window_view if m is not mt else m.lib.stride_tricks.sliding_window_view)(a, window, axis)

    same(program, array((4, 5), dtype, 6))
    if window == 2 and axis == 0:
        assert np.array_equal(sliding_window_view(mt.tensor(array((4, 5), "i4", 6)), 2, 0),
                              sliding_window_view(array((4, 5), "i4", 6), 2, 0))
