# SPDX-License-Identifier: Apache-2.0
"""Dates and spans of time have NumPy's values, units and refusals, however tensors are cut."""
import datetime
import operator

import numpy as np
import pytest
from compare import CUTTINGS, same
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session

UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"]
NAT = np.iinfo(np.int64).min
COUNTS = st.one_of(st.integers(-1000, 1000), st.just(NAT), st.integers(-2**31, 2**31))
SHAPES = st.sampled_from([(), (1,), (0,), (5,), (13,), (3, 4), (2, 3, 4)])
CUTS = st.sampled_from([None, 1, 2, 3])


def times(kind, units=UNITS, shape=SHAPES, counts=COUNTS):
    return st.builds(lambda counts, unit: counts.view(f"{kind}8[{unit}]"),
                     arrays(np.int64, shape, elements=counts), st.sampled_from(units))


def pairs(first, second):
    """Of one shape."""
    return SHAPES.flatmap(lambda shape: st.tuples(first(st.just(shape)), second(st.just(shape))))


def deltas(shape=SHAPES, units=UNITS):
    return times("m", units, shape)


def dates(shape=SHAPES, units=UNITS):
    return times("M", units, shape)


def numbers(dtype, elements):
    return lambda shape: arrays(dtype, shape, elements=elements)


def seconds(shape):
    return deltas(shape, ["s"])


SMALL = st.integers(-20, 20)
FLOATS = st.sampled_from([0.0, 1.0, -1.5, 2.25, 1e6, -0.1, np.inf, np.nan])
ARITHMETIC = {
    operator.add: [(dates, deltas), (deltas, dates), (deltas, deltas), (dates, dates), (dates, numbers("i8", SMALL)),
                   (numbers("i4", SMALL), deltas), (deltas, numbers("f8", FLOATS))],
    operator.sub: [(dates, dates), (dates, deltas), (deltas, deltas), (deltas, dates), (numbers("i8", SMALL), dates),
                   (dates, numbers("u1", st.integers(0, 9)))],
    operator.mul: [(deltas, numbers("i8", SMALL)), (numbers("f8", FLOATS), deltas), (deltas, deltas),
                   (dates, numbers("i8", SMALL)), (deltas, numbers("f4", st.sampled_from([0.5, -3.0])))],
    operator.truediv: [(deltas, deltas), (deltas, numbers("i8", SMALL)), (deltas, numbers("f8", FLOATS)),
                       (numbers("i8", SMALL), deltas), (dates, deltas)],
    operator.floordiv: [(deltas, deltas), (deltas, numbers("i8", SMALL)), (numbers("i8", SMALL), deltas)],
    operator.mod: [(deltas, deltas), (deltas, numbers("i8", SMALL)), (dates, deltas)],
    divmod: [(seconds, seconds)],  # NumPy 1.24 dies of units that do not go together
}


@pytest.mark.parametrize("op,kinds", [(op, kinds) for op, each in ARITHMETIC.items() for kinds in each])
@settings(max_examples=20)
@given(st.data(), CUTS)
def test_arithmetic_of_times_is_that_of_numpy(op, kinds, data, cut):
    a, b = data.draw(pairs(*kinds))
    same(lambda np, a, b: op(a, b), a, b, cuttings=[cut])


@pytest.mark.parametrize("name", ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "maximum",
                                  "minimum", "fmax", "fmin"])
@settings(max_examples=20)
@given(st.one_of(pairs(dates, dates), pairs(deltas, deltas)), CUTS)
def test_comparisons_find_nat_neither_before_nor_after_anything(name, both, cut):
    units = {np.datetime_data(x.dtype)[0] for x in both}
    if both[0].dtype.kind == "m" and len(units & {"Y", "M"}) and len(units - {"Y", "M"}):
        both = both[0], both[0][::-1] if both[0].ndim else both[0]
    same(lambda np, a, b: getattr(np, name)(a, b), *both, cuttings=[cut])


@pytest.mark.parametrize("name", ["negative", "positive", "absolute", "sign", "isnat", "isnan", "isfinite", "isinf",
                                  "real"])
@settings(max_examples=20)
@given(st.one_of(dates(), deltas()), CUTS)
def test_functions_of_one_time_are_those_of_numpy(name, a, cut):
    same(lambda np, a: getattr(np, name)(a), a, cuttings=[cut])


@pytest.mark.parametrize("name", ["isnat", "sqrt", "floor", "power", "bitwise_and", "multiply", "add"])
def test_what_is_nothing_for_dates_is_refused(name):
    a = np.array(["2020-01-01"], "M8[D]") if name != "isnat" else np.arange(3)
    n_in = getattr(np, name).nin
    with pytest.raises(TypeError):
        getattr(mt, name)(*[mt.tensor(a)] * n_in)


@settings(max_examples=20)
@given(st.one_of(dates(), deltas()), st.sampled_from(UNITS), CUTS)
def test_times_go_from_unit_to_unit_as_numpys_do(a, unit, cut):
    def program(np, a):
        return a.astype(f"{a.dtype.kind}8[{unit}]")

    try:
        program(np, a)
    except OverflowError:
        with pytest.raises(OverflowError):
            program(mt, mt.tensor(a))
        return
    limit = {"ps": 2, "fs": 2, "as": 2}.get(unit, 1)
    if limit == 1 or np.datetime_data(a.dtype)[0] in ("ps", "fs", "as"):  # beyond, NumPy's dates are not its own
        same(program, a, cuttings=[cut])


@settings(max_examples=20)
@given(times("M", ["D"], counts=st.integers(-4_000_000, 4_000_000)), CUTS)
def test_days_and_months_follow_the_calendar(a, cut):
    same(lambda np, a: a.astype("M8[M]").astype("M8[D]"), a, cuttings=[cut])
    same(lambda np, a: a.astype("M8[Y]"), a, cuttings=[cut])


@pytest.mark.parametrize("dtype", ["i8", "f8", "?", "i4", "M8[s]", "m8[s]", "M8", "m8[D]"])
@settings(max_examples=20)
@given(st.one_of(times("M", ["s"]), times("m", ["s"])), CUTS)
def test_times_become_numbers_and_numbers_times(dtype, a, cut):
    same(lambda np, a: a.astype(dtype), a, cuttings=[cut])
    if dtype[0] in "mM":
        same(lambda np, a: a.astype(dtype), a.view("i8"), cuttings=[cut])


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("name", ["sum", "min", "max", "argmin", "argmax", "ptp", "mean", "any", "all", "nanmin",
                                  "nanmax", "cumsum", "count_nonzero", "nansum", "nanmean", "median"])
@settings(max_examples=20)
@given(st.one_of(deltas(shape=st.sampled_from([(7,), (3, 4), (2, 3, 4)])),
                 dates(shape=st.sampled_from([(7,), (3, 4)]))), CUTS)
def test_reductions_of_times_are_those_of_numpy(name, axis, a, cut):
    if name in ("median", "mean", "nanmean") and a.dtype.kind == "M":
        return
    same(lambda np, a: getattr(np, name)(a, axis=axis), a, cuttings=[cut])


@pytest.mark.parametrize("name", ["sort", "argsort", "unique", "diff", "ravel", "flip"])
@settings(max_examples=20)
@given(st.one_of(dates(shape=st.integers(0, 40).map(lambda n: (n,))),
                 deltas(shape=st.sampled_from([(7,), (3, 4), (2, 3, 4)]))), CUTS)
def test_order_of_times_has_nat_at_the_end(name, a, cut):
    same(lambda np, a: getattr(np, name)(a, **({"kind": "stable"} if name == "argsort" else {})), a, cuttings=[cut])


@settings(max_examples=20)
@given(st.integers(0, 30).flatmap(lambda n: st.tuples(dates(st.just((n,)), ["D"]), dates(units=["h", "D"]))),
       st.sampled_from(["left", "right"]), CUTS)
def test_positions_among_sorted_times_are_those_of_numpy(both, side, cut):
    same(lambda np, a, v: np.searchsorted(np.sort(a), v, side), *both, cuttings=[cut])


@settings(max_examples=20)
@given(dates(shape=st.just((12,))), dates(shape=st.just((12,))), st.integers(0, 2**12 - 1), CUTS)
def test_choices_between_times_have_the_finer_unit(a, b, bits, cut):
    mask = np.array([bits >> k & 1 for k in range(12)], bool)

    def program(np, a, b, mask):
        return np.where(mask, a, b), np.concatenate([a, b]), a[mask], a[::-2], a[[3, -1, 0]]

    try:
        np.concatenate([a, b])
    except OverflowError:
        return
    same(program, a, b, mask, cuttings=[cut])


def test_elements_are_set_in_the_units_of_the_tensor():
    def program(np, a):
        a = a.copy()
        a[1:3] = np.datetime64("2021-05-06")
        a[[0, 4]] = np.datetime64("NaT")
        a[a > np.datetime64("2030-01-01")] = np.datetime64("2001-01-01T11", "h")
        return a

    same(program, np.arange("2020-01-01", "2040-01-01", 500, dtype="M8[D]"), cuttings=CUTTINGS)


@pytest.mark.parametrize("args,kwargs", [
    (("2020-01", "2020-05"), {"dtype": "M8[M]"}), ((np.datetime64("2020-01-01"), 5), {}),
    ((np.datetime64("2020-01-01"), np.datetime64("2020-01-10"), np.timedelta64(3, "D")), {}),
    ((np.timedelta64(3, "D"),), {}), ((0, 10, np.timedelta64(3, "s")), {}),
    ((np.datetime64("2020-01-01"), np.datetime64("2020-01-02"), np.timedelta64(6, "h")), {}),
    ((np.datetime64("2020-01-01"), np.datetime64("2019-12-01"), np.timedelta64(-1, "W")), {}),
    ((np.datetime64("2020-01-01"), np.datetime64("NaT")), {}), ((np.datetime64("2020-01-01"),), {}),
    ((5,), {"dtype": "m8[ms]"})])
def test_ranges_of_times_are_those_of_numpy(args, kwargs):
    same(lambda np: np.arange(*args, **kwargs), cuttings=[None])


def test_times_of_python_take_part():
    t = mt.tensor(np.array(["2020-01-31"], "M8[D]"))
    assert (t + datetime.timedelta(hours=1)).execute().fetch()[0] == np.datetime64("2020-01-31T01")
    assert (t > datetime.date(2020, 1, 1)).execute().fetch()[0]
    assert (t - np.datetime64("2020-01-01")).execute().fetch()[0] == np.timedelta64(30, "D")
    assert (np.datetime64("2020-02-01") - t).execute().fetch()[0] == np.timedelta64(1, "D")


def test_dates_become_text_when_they_are_fetched():
    a = np.array(["2020-01-31T12:30", "NaT"], "M8[m]")
    assert (mt.datetime_as_string(mt.tensor(a), unit="s") == np.datetime_as_string(a, unit="s")).all()


def test_zeros_and_constants_can_be_times():
    same(lambda np: (np.zeros(3, "M8[D]"), np.ones((2, 2), "m8[s]"), np.full(4, np.datetime64("2020-01-01"), "M8[h]")),
         cuttings=[None])


def test_units_that_are_multiples_are_refused_with_words():
    with pytest.raises(TypeError, match="single units such as 'm8.s.'"):
        mt.tensor(np.zeros(3, "m8[25s]"))


@pytest.mark.parametrize("dtype", ["M8[ns]", "m8[D]", "M8[Y]", "m8"])
def test_files_of_times_are_those_of_numpy(tmp_path, dtype):
    a = np.array([[1, -5, NAT], [7, 8, 2**40]]).view(dtype)
    np.save(tmp_path / "numpy.npy", a)
    mt.save(tmp_path / "mars.npy", mt.tensor(a, chunk_size=2))
    assert (tmp_path / "mars.npy").read_bytes() == (tmp_path / "numpy.npy").read_bytes()
    read = mt.load(tmp_path / "numpy.npy", chunk_size=1)
    assert read.dtype == a.dtype and np.array_equal(read.execute().fetch().view("i8"), a.view("i8"))


@pytest.fixture(scope="module", params=["threads", "cluster"])
def session(request):
    if request.param == "threads":
        yield new_session()
        return
    cluster = new_cluster(n_worker=2)
    yield new_session(cluster.endpoint)
    cluster.stop()


def test_times_are_the_same_in_every_kind_of_session(session):
    rng = np.random.default_rng(1)
    a = rng.integers(-10**12, 10**12, 10_000).view("M8[s]")
    a[rng.integers(0, 10_000, 100)] = "NaT"
    t = mt.tensor(a, chunk_size=3000)
    between = t[1:] - t[:-1]
    made = session.run(mt.sort(t), mt.unique(t.astype("M8[M]")), (t - t[0]).astype("m8[D]"), mt.nanmax(t),
                       mt.isnat(t).sum(), t > np.datetime64("1999-12-31"), between[~mt.isnat(between)].mean())
    steps = a[1:] - a[:-1]
    want = (np.sort(a), np.unique(a.astype("M8[M]")), (a - a[0]).astype("m8[D]"), np.nanmax(a), np.isnat(a).sum(),
            a > np.datetime64("1999-12-31"), steps[~np.isnat(steps)].mean())
    for got, expected in zip(made, want):
        assert np.asarray(got).dtype == np.asarray(expected).dtype
        np.testing.assert_array_equal(got, expected)


def test_results_by_name_keep_their_units(session):
    t = mt.tensor(np.array(["2020-02-29", "NaT"], "M8[D]"))
    t.save_as("leap days", session=session)
    opened = session.open("leap days")
    assert opened.dtype == t.dtype and session.names() == ["leap days"]
    np.testing.assert_array_equal(opened.fetch(session=session), np.array(["2020-02-29", "NaT"], "M8[D]"))
    with pytest.raises(ValueError, match="leap days"):
        mt.ones(3).save_as("leap days", session=session)
    session.remove("leap days")
    assert session.names() == []
