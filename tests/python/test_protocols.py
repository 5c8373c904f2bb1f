# SPDX-License-Identifier: Apache-2.0
"""Tensors in NumPy's functions and in other libraries: universal functions with their methods, DLPack, namespaces."""
import numpy as np
import pytest
from compare import array, same

import mars.tensor as mt
from mars.tensor import ufuncs

FOLDED = sorted(ufuncs._FOLDS) + ["divide", "subtract"]
ACCUMULATED = FOLDED


def values_for(name, dtype):
    a = array((4, 6), dtype, 7, special=False)
    if name == "lcm":  # which overflows soon
        a = (np.abs(a.astype(int)) % 3 + 1).astype(dtype)
    if name in ("multiply", "divide") and a.dtype.kind in "fc":
        a = np.where(a == 0, a.dtype.type(1), a)
    return a


def dtypes_for(name):
    if name.startswith("bitwise"):
        return ["bool", "int8", "uint16", "int64", "uint64"]
    if name in ("gcd", "lcm"):
        return ["int8", "uint16", "int64"]
    if name in ("hypot", "logaddexp", "logaddexp2"):
        return ["float16", "float32", "float64"]
    return ["int8", "uint32", "int64", "float32", "float64"]


def ulps_of(name, dtype):
    return 0 if np.dtype(dtype).kind in "biu" and name not in ("divide", "hypot") else 64


@pytest.mark.parametrize("name", FOLDED)
def test_a_function_between_all_elements_is_that_of_numpy(name):
    for dtype in dtypes_for(name):
        a = values_for(name, dtype)
        for axis in (0, 1, -1):
            for keepdims in (False, True):
                same(lambda m, a: getattr(m, name).reduce(a, axis=axis, keepdims=keepdims), a,
                     ulps=ulps_of(name, dtype), cuttings=[None, 2])
        if name in ufuncs._FOLDS and name != "lcm":
            same(lambda m, a: getattr(m, name).reduce(a, axis=None), a, ulps=ulps_of(name, dtype), cuttings=[None, 2])


@pytest.mark.parametrize("name", ACCUMULATED)
def test_a_function_up_to_each_element_is_that_of_numpy(name):
    for dtype in dtypes_for(name):
        a = values_for(name, dtype)
        for axis in (0, 1):
            same(lambda m, a: getattr(m, name).accumulate(a, axis=axis), a, ulps=ulps_of(name, dtype),
                 cuttings=[None, 2])


@pytest.mark.parametrize("name", sorted(set(FOLDED) - {"maximum", "minimum", "fmax", "fmin", "lcm", "divide"}))
def test_a_function_between_no_elements_is_its_identity(name):
    dtype = dtypes_for(name)[1]
    if name in ufuncs._FOLDS:
        same(lambda m, a: getattr(m, name).reduce(a), np.zeros((0, 3), dtype), cuttings=[None])


@pytest.mark.parametrize("name", ["power", "arctan2", "floor_divide", "equal"])
def test_functions_that_need_an_order_are_folded_through_numpys_names(name):
    a = np.array([True, False, False]) if name == "equal" else np.array([7.0, 2.0, 3.0])
    for method in ("reduce", "accumulate"):
        made = getattr(getattr(np, name), method)(mt.tensor(a, chunk_size=2))
        assert isinstance(made, mt.Tensor) and np.array_equal(made, getattr(getattr(np, name), method)(a))


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "minimum", "fmax", "bitwise_or", "divide",
                                  "hypot", "copysign", "logaddexp"])
def test_at_applies_a_function_once_for_each_time_that_an_element_is_named(name):
    rng = np.random.default_rng(11)
    for dtype in ("int64", "float64") if name in ("add", "subtract", "multiply", "maximum") else \
            ("int64",) if name.startswith("bitwise") else ("float64",):
        a, b = (np.abs(array((6, 5), dtype, k, special=False)) % 5 + 1 for k in (1, 2))
        a, b = a.astype(dtype), b.astype(dtype)
        at = rng.integers(-6, 6, 15)

        def program(m, a, b, at):
            a = a.copy()
            getattr(m, name).at(a, at, b[0])
            getattr(m, name).at(a, (at, np.abs(at) % 5), b.ravel()[:15])
            getattr(m, name).at(a, (slice(1, 4), at % 5), 2)
            getattr(m, name).at(a, (slice(None, None, 2), 1), b[:3, 1])
            getattr(m, name).at(a, a > 4, 1)
            return a

        same(program, a, b, at, ulps=16 if dtype == "float64" else 0, cuttings=[None, 2])


def test_at_of_one_operand_and_through_numpy():
    def program(m, a):
        a = a.copy()
        np.negative.at(a, [0, 0, 0, 2])
        np.add.at(a, [1, 1], 1.5)
        return a

    same(program, np.arange(5.0), cuttings=[None, 2])


def test_at_refuses_what_numpy_refuses():
    for function, rest in ((mt.add, ()), (mt.negative, (1,)), (mt.modf, ())):
        with pytest.raises(ValueError):
            function.at(mt.arange(3.0), [0], *rest)
    with pytest.raises(TypeError):
        mt.add.at(np.arange(3), [0], 1)
    with pytest.raises(TypeError, match="same_kind"):  # NumPy until 1.25 cut the fraction off
        mt.add.at(mt.arange(3), [0], 1.5)
    with pytest.raises(IndexError):
        mt.add.at(mt.arange(3), [9], 1)


def test_outer_pairs_all_elements():
    same(lambda m, a, b: m.subtract.outer(a, b), np.arange(4.0), np.arange(6).reshape(2, 3), cuttings=[None, 2])
    same(lambda m, a, b: np.multiply.outer(a, b), np.arange(4.0), np.arange(3), cuttings=[None, 2])


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc"])
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "int64"])
def test_integers_are_rounded_already(name, dtype):
    a = array((5,), dtype, 1)
    made = getattr(mt, name)(mt.tensor(a, chunk_size=2))
    assert made.dtype == a.dtype and np.array_equal(made, a)


def test_what_numpy_2_says_of_clip_and_nonzero_holds():
    assert np.array_equal(mt.clip(mt.arange(3), None, None), np.arange(3))
    assert np.array_equal(mt.clip(mt.arange(3), max=1), [0, 1, 1]) and np.array_equal(mt.clip([5], a_max=1), [1])
    with pytest.raises(ValueError, match="no axes"):
        mt.nonzero(mt.tensor(1))
    assert mt.ones((2, 3))[mt.tensor(True)].shape == (1, 2, 3)
    same(lambda m, a: a[m.zeros((0,), bool)], np.arange(3), cuttings=[None, 2])  # a mask without elements fits anything
    same(lambda m, a: a[:, m.zeros((0, 4), bool)], np.ones((2, 3, 4)), cuttings=[None, 2])


# ---- Namespaces ------------------------------------------------------------------------------------------------------

def test_a_tensor_knows_its_namespace():
    assert mt.ones(3).__array_namespace__() is mt
    assert mt.ones(3).__array_namespace__(api_version="2023.12") is mt
    assert mt.ones(3).__array_namespace__(api_version=mt.__array_api_version__) is mt
    with pytest.raises(ValueError, match="2024.12"):
        mt.ones(3).__array_namespace__(api_version="1999.12")


def test_the_namespace_says_what_it_can_do():
    info = mt.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 32}
    assert info.devices() == [info.default_device()] == [mt.ones(1).device] == ["cpu"]
    assert info.default_dtypes()["integral"] == mt.arange(3).dtype == mt.ones(3).argmax().dtype
    assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
    assert len(info.dtypes()) == 13 and info.dtypes(kind=("bool", "complex floating")).keys() == {
        "bool", "complex64", "complex128"}


def test_other_devices_are_refused():
    assert mt.ones(3, device="cpu").to_device("cpu").shape == (3,)
    for program in (lambda: mt.ones(3, device="cuda"), lambda: mt.asarray([1], device="cuda:0"),
                    lambda: mt.ones(3).to_device("gpu"), lambda: mt.arange(3, device="tpu"),
                    lambda: mt.fft.fftfreq(3, device="gpu"), lambda: mt.astype(mt.ones(3), int, device="gpu")):
        with pytest.raises(ValueError, match="'cpu'"):
            program()
    with pytest.raises(ValueError, match="streams"):
        mt.ones(3).to_device("cpu", stream=1)


def test_numbers_about_dtypes_are_pythons():
    for dtype in ("float32", "float64", "complex64"):
        ours, numpys = mt.finfo(dtype), np.finfo(dtype)
        for name in ("eps", "max", "min", "smallest_normal", "bits"):
            assert type(getattr(ours, name)) in (int, float) and getattr(ours, name) == getattr(numpys, name)
        assert ours.dtype == numpys.dtype
    assert mt.finfo(mt.ones(2, dtype="float32")).eps == 2.0 ** -23
    assert mt.iinfo(mt.tensor([1], dtype="int16")).max == 32767 and type(mt.iinfo("u8").max) is int


def test_kinds_of_dtypes_are_known_by_name():
    assert mt.isdtype(mt.uint8, "integral") and mt.isdtype(mt.uint8, "numeric") and not mt.isdtype(mt.bool, "numeric")
    assert mt.isdtype(np.dtype("complex64"), (mt.float32, "complex floating"))
    with pytest.raises(ValueError, match="no kind"):
        mt.isdtype(mt.uint8, "whole")
    assert mt.astype(mt.ones(2), "float64", copy=False).dtype == np.dtype("float64")


def test_copies_are_made_where_they_are_asked_for():
    t = mt.ones(3)
    assert mt.asarray(t) is t and mt.asarray(t, copy=False) is t and mt.asarray(t, copy=True) is not t
    for program in (lambda: mt.asarray(t, dtype="int8", copy=False), lambda: mt.asarray(np.ones(3), copy=False)):
        with pytest.raises(ValueError, match="copy"):
            program()


def test_nan_is_as_different_from_nan_as_the_standard_has_it():
    a = np.array([2.0, np.nan, 1.0, np.nan, 2.0])
    values, indices, inverse, counts = mt.unique_all(mt.tensor(a, chunk_size=2)).execute()
    assert np.array_equal(values, [1, 2, np.nan, np.nan], equal_nan=True) and np.array_equal(counts, [1, 2, 1, 1])
    assert np.array_equal(indices[:2], [2, 0])
    assert np.array_equal(np.asarray(values)[inverse.fetch()], a, equal_nan=True)
    assert mt.unique_values(a).shape == (4,) and mt.unique_counts(a).counts.shape == (4,)
    assert mt.unique_inverse(a.reshape(5, 1)).inverse_indices.shape == (5, 1)


def test_results_have_names():
    a = mt.tensor([[2.0, 1.0], [1.0, 3.0]])
    assert mt.linalg.svd(a)._fields == ("U", "S", "Vh") and mt.linalg.svd(mt.ones((3, 2))).U.shape == (3, 3)
    assert mt.linalg.qr(a).R.shape == (2, 2)
    assert np.allclose(mt.linalg.eigh(a).eigenvalues, np.linalg.eigh(np.asarray(a))[0])
    assert np.allclose(mt.linalg.slogdet(a).logabsdet, np.log(5.0))
    assert mt.linalg.slogdet(a).execute().sign.fetch() == 1.0


def test_the_order_can_be_descending():
    a = np.array([3, 1, 3, 2])
    t = mt.tensor(a, chunk_size=2)
    assert np.array_equal(mt.sort(t, descending=True), [3, 3, 2, 1])
    assert np.array_equal(mt.argsort(t, descending=True), [0, 2, 3, 1])


def test_ranks_and_inverses_take_a_limit_for_each_matrix():
    a = np.stack([np.diag([1.0, 1e-3, 1e-8]), np.eye(3)])
    assert np.array_equal(mt.linalg.matrix_rank(mt.tensor(a), rtol=[1e-2, 1e-2]), [1, 3])
    assert np.allclose(mt.linalg.pinv(mt.tensor(a), rtol=1e-5)[0], np.diag([1.0, 1e3, 0.0]))


def test_vectors_of_three_have_a_product():
    a, b = array((4, 3), "float64", 1, special=False), array((4, 3), "float64", 2, special=False)
    assert np.array_equal(mt.linalg.cross(mt.tensor(a, chunk_size=2), b), np.cross(a, b))
    with pytest.raises(ValueError):
        mt.linalg.cross(mt.ones(2), mt.ones(2))


# ---- DLPack ----------------------------------------------------------------------------------------------------------

class Foreign:
    """An array of another library."""

    def __init__(self, array, versioned=True):
        self.array, self.versioned = array, versioned

    def __dlpack__(self, **how):
        if how and not self.versioned:
            raise TypeError("no such argument")
        return self.array.__dlpack__(**how)

    def __dlpack_device__(self):
        return (1, 0)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float16", "float32", "float64", "complex64", "complex128"])
def test_arrays_go_out_and_come_in_by_dlpack(dtype):
    a = array((5, 6), dtype, 3)
    out = np.from_dlpack(mt.tensor(a, chunk_size=4))
    assert out.dtype == a.dtype and np.array_equal(out, a, equal_nan=True)
    back = mt.from_dlpack(a[::2, ::-1], chunk_size=2)
    assert back.dtype == a.dtype and np.array_equal(back, a[::2, ::-1], equal_nan=True) and max(back.nsplits[0]) == 2


@pytest.mark.parametrize("versioned", [False, True])
def test_tensors_are_read_as_other_libraries_read_them(versioned):
    t = mt.from_dlpack(Foreign(mt.arange(6).reshape(2, 3) > 2, versioned))
    assert t.dtype == bool and np.array_equal(t, np.arange(6).reshape(2, 3) > 2)


def test_capsules_are_read_once_and_may_be_left_unread():
    from mars import _mars

    for how in ({}, {"max_version": (1, 0)}, {"max_version": (1, 0), "copy": True}):
        capsule = mt.ones(1000).__dlpack__(**how)
        assert np.array_equal(_mars.from_dlpack(capsule), np.ones(1000))
        with pytest.raises(TypeError, match="already"):
            _mars.from_dlpack(capsule)
        del capsule
        mt.ones(1000).__dlpack__(**how)


def test_what_dlpack_cannot_do_is_refused():
    t = mt.ones(3)
    for how in ({"copy": False}, {"stream": 1}, {"dl_device": (2, 0)}):
        with pytest.raises(BufferError):
            t.__dlpack__(**how)
    assert t.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="copy"):
        mt.from_dlpack(Foreign(np.ones(3)), copy=False)


def test_results_are_buffers():
    t = mt.arange(6.0).reshape(2, 3).execute()
    view = memoryview(np.asarray(t))
    assert view.readonly and view.shape == (2, 3) and view.format == "d" and view.tolist() == [[0, 1, 2], [3, 4, 5]]
    own = memoryview(t.fetch())
    assert not own.readonly and own.tolist() == view.tolist()


def test_arguments_have_numpys_names_and_places():
    a = array((4, 5), "f8", 1, special=False)
    t = mt.tensor(a, chunk_size=2)
    calls = [("stack", (), {"arrays": [t, t], "axis": 1}), ("broadcast_to", (), {"array": t, "shape": (2, 4, 5)}),
             ("rollaxis", (), {"a": t, "axis": 1}), ("histogram", (t, 3, (0, 1), True), {}),
             ("isin", (t, [a[0, 0]]), {"kind": "sort"}), ("nanvar", (t,), {"where": a > 0}),
             ("nanstd", (t, 0), {"where": a[:, :1] < 1})]
    for name, args, kwargs in calls:
        bare = [a if x is t else x for x in args], {k: a if x is t else [a, a] if k == "arrays" else x
                                                    for k, x in kwargs.items()}
        got, want = getattr(np, name)(*args, **kwargs), getattr(np, name)(*bare[0], **bare[1])
        for g, w in zip(*((got, want) if isinstance(want, tuple) else ((got,), (want,)))):
            np.testing.assert_allclose(np.asarray(g), w, rtol=1e-13)
    same(lambda m, a: m.array_split(a, 3)[1] if m is mt else np.array_split(ary=a, indices_or_sections=3)[1], a)
    assert [p.shape for p in np.array_split(ary=t, indices_or_sections=3)] == [(2, 5), (1, 5), (1, 5)]
    with pytest.raises(ValueError, match="Invalid kind"):
        mt.isin(t, [1], kind="hash")


@pytest.mark.parametrize("where", [True, np.array([True, False, True])])
def test_an_array_of_numpys_is_filled_with_a_tensor(where):
    want, got = np.zeros((2, 3), "f4"), np.zeros((2, 3), "f4")
    np.copyto(want, np.arange(3.0), where=where)
    np.copyto(got, mt.arange(3.0, chunk_size=2), where=where)
    assert np.array_equal(got, want)
    mt.copyto(got, mt.ones((2, 3)), where=mt.tensor(where))
    assert got[:, 0].tolist() == [1.0, 1.0]
    np.copyto(got, 5.0, where=mt.tensor([True, False, False]))
    assert got[:, 0].tolist() == [5.0, 5.0] and (got[:, 1] != 5).all()
    with pytest.raises(TypeError, match="Cannot cast"):
        np.copyto(np.zeros(3, int), mt.ones(3))
    with pytest.raises(TypeError, match="not list"):
        mt.copyto([0], mt.ones(1))


def test_what_the_original_had_besides():
    a = mt.arange(10, chunk_size=((7, 1, 2),)).rechunk(((7, 1, 2),))
    assert a.rebalance().nsplits == ((4, 4, 2),) and a.rebalance(num_partitions=2).nsplits == ((5, 5),)
    assert a.rebalance(num_partitions=99).to_numpy().tolist() == list(range(10))
    with pytest.raises(ValueError, match="num_partitions"):
        a.rebalance(num_partitions=0)
    assert a[0].is_scalar() and not a.isscalar()
    with pytest.raises(NotImplementedError, match="no code goes to workers"):
        a.map_chunk(np.sin)


def test_a_shape_is_assigned_to():
    a = mt.arange(6, chunk_size=4)
    b = a + 0
    a.shape = 2, -1
    assert a.shape == (2, 3) and b.shape == (6,) and a.to_numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    a.shape = 6
    assert a.shape == (6,)
    with pytest.raises(ValueError):
        a.shape = 4, 2
    with pytest.raises(AttributeError):
        del a.shape


# ---- What arrays have of their place in memory -----------------------------------------------------------------------

VIEWED = ["bool", "int8", "uint16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("to", VIEWED)
@pytest.mark.parametrize("of", VIEWED)
@pytest.mark.parametrize("shape", [(), (16,), (3, 8), (2, 3, 5), (0, 16), (4, 0)])
def test_views_as_other_dtypes_have_the_same_bytes(shape, of, to):
    a = np.random.default_rng(0).integers(0, 2, shape).astype(of)

    def program(m, a):
        made = a.view(to)
        return made.view("u1") != 0 if m is not mt and to == "bool" else made

    same(program, a, cuttings=[None, 2, 3])


def test_views_as_other_dtypes_are_lazy_and_refused_as_by_numpy():
    a = np.arange(24.0).reshape(2, 3, 4)
    t = mt.tensor(a, chunk_size=2)
    made = (t * 2).view("i8")
    assert not made.executed and made.shape == a.shape and np.array_equal(made, (a * 2).view("i8"))
    assert np.array_equal(t[t > 7].view("u4"), a[a > 7].view("u4"))
    assert np.array_equal(t.view(dtype="M8[s]").view("f8"), a)
    assert t.view().dtype == t.view(mt.Tensor).dtype == t.view(type=mt.Tensor).dtype == a.dtype
    view = t.view("i8")
    view[0] = 0
    assert np.array_equal(t, a)
    for to in ("c16", "U3", "O"):
        with pytest.raises((ValueError, TypeError)):
            t[..., :3].view(to)
    with pytest.raises(TypeError):
        t.view(type=np.matrix) if not issubclass(np.matrix, np.ndarray) else t.view(type=int)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (1, 4), (4, 1), (0, 3), (2, 0, 3)])
def test_flags_and_strides_are_those_of_the_array_that_asarray_gives(shape):
    a = mt.zeros(shape, dtype="f4")
    theirs = np.asarray(a)
    assert a.strides == np.zeros(shape, "f4").strides or 0 in shape
    for flag in ("C", "F", "W", "A", "FORC", "X"):
        assert a.flags[flag] == theirs.flags[flag]
    assert not a.executed or a.flags.c_contiguous


@pytest.mark.parametrize("shape", [(), (7,), (5, 3), (0, 3)])
def test_elements_are_written_without_a_header(tmp_path, shape):
    a = np.random.default_rng(0).random(shape)
    t = mt.tensor(a, chunk_size=2 if shape else None)
    for more in ({}, {"sep": ","}, {"sep": " ", "format": "%.3f"}):
        a.tofile(tmp_path / "theirs", **more)
        t.tofile(tmp_path / "ours", **more)
        assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    with open(tmp_path / "ours", "wb") as file:
        file.write(b"head")
        t.tofile(file)
        t.tofile(file)
    assert (tmp_path / "ours").read_bytes() == b"head" + 2 * a.tobytes()
