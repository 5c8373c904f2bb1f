# SPDX-License-Identifier: Apache-2.0
"""t[key] and t[key] = value against NumPy: examples with a meaning, then random keys."""
import numpy as np
import pytest
from compare import array, same
from hypothesis import given
from hypothesis import strategies as st

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


lengths = st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(1, 5))


def keys(shape):
    """Keys of slices, integers, newaxis, Ellipsis, and at most one array."""
    def entry(n):
        bound = st.none() | st.integers(-n - 2, n + 2)
        return st.one_of(st.slices(n) if n else st.just(slice(None)), st.builds(slice, bound, bound,
            st.sampled_from([None, 1, 2, 3, -1, -2])),
                         st.integers(-n - 1, n),
                             st.lists(st.integers(-n, max(n - 1, 0)), max_size=4).map(np.array) if n else st.just([]),
                         st.integers(0, 9).map(lambda s: np.random.default_rng(s).random(n) < 0.5))

    def assemble(parts):
        key = []
        for part, dots, new in parts:
            key += ([None] if new else []) + ([Ellipsis] if dots else [part])
        extra = [i for i, k in enumerate(key) if k is Ellipsis][1:]
        return tuple(k for i, k in enumerate(key) if i not in extra)

    each = [st.tuples(entry(n), st.integers(0, 7).map(lambda v: v == 0),
        st.integers(0, 7).map(lambda v: v == 0)) for n in shape]
    return st.integers(0, len(shape)).flatmap(lambda k: st.tuples(*each[:k]).map(assemble))


@given(lengths.flatmap(lambda s: st.tuples(st.just(s), keys(s))), st.sampled_from([None, 1, 2, 3]))
def test_random_keys_give_what_numpy_gives(case, chunk_size):
    shape, key = case
    same(lambda m, a: a[key], array(shape, "f8", 1), cuttings=[chunk_size])


@given(lengths.flatmap(lambda s: st.tuples(st.just(s), keys(s))), st.sampled_from([None, 2, 3]), st.booleans())
def test_random_keys_set_what_numpy_sets(case, chunk_size, whole):
    shape, key = case
    a = array(shape, "f8", 1)
    n = sum(isinstance(k, np.ndarray) for k in key)
    if n > 1 or any(k is None for k in key) and n:
        return  # repeated positions, and places of new axes, are other tests' matter
    positions = [k for k in key if isinstance(k, np.ndarray) and k.dtype.kind != "b"]
    if any(len({i % n for i in k.tolist()}) < len(k) for k in positions for n in shape if n):
        return
    try:
        value = np.arange(a[key].size, dtype=float).reshape(a[key].shape) if whole else 5.0
    except IndexError:
        value = 5.0
    same(lambda m, a: _assigned(a, key, value), a, cuttings=[chunk_size])
