# SPDX-License-Identifier: Apache-2.0
"""What the user's words mean: lazy tensors, sessions, values, futures, refusals."""
import asyncio
import concurrent.futures
import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import types

import numpy as np
import pytest

import mars
import mars.tensor as mt
from conftest import cluster, endpoint
from mars.config import OptionError, option_context, options
from mars.deploy.local import new_cluster
from mars.errors import MarsError, SessionClosed, UnknownName
from mars.session import Session, get_default_session, holder, new_session


def some_session():
    """Of two threads, or of the cluster that conftest.py has made."""
    return new_session(endpoint) if cluster else new_session(n_threads=2)


@pytest.fixture
def sess():
    with some_session() as s:
        yield s


def slow(n=6):
    """Work of several seconds in many tasks."""
    x = mt.random.RandomState(1).rand(4000, 4000, chunk_size=500)
    for _ in range(n):
        x = mt.sqrt(x * x + mt.square(x) / (x + 1.0)) @ x
    return x.sum()


# ---- The user's own program ------------------------------------------------------------------------------------------

def test_the_documented_program_works_as_written():
    a = mt.ones((5, 5), chunk_size=3)
    b = a * 4
    assert b.execute() is b
    sess = new_session()
    assert np.array_equal(sess.run(b), np.full((5, 5), 4.0))
    sess.close()


def test_a_tensor_shows_what_it_is_before_and_values_after_execution():
    t = mt.ones((5, 5)) + 1
    assert repr(t) == "Tensor <op=add, shape=(5, 5), dtype=float64>"
    t = mt.tensor([1, 2, 3]) * 2
    t.execute()
    assert repr(t) == "Tensor([2, 4, 6])"
    assert str(t) == "[2 4 6]"
    assert repr((mt.tensor([1.5], dtype="float32") * 1).execute()) == "Tensor([1.5], dtype=float32)"
    assert repr((mt.zeros((0, 3)) + 1).execute()) == "Tensor([], shape=(0, 3), dtype=float64)"
    for scalar in ("Tensor(True)", "Tensor(0.30000000000000004)", "Tensor((1+2j))", "Tensor(7, dtype=uint8)",
                   "Tensor('2026-01-02', dtype=datetime64[D])", "Tensor(3, dtype=timedelta64[s])"):
        value = {"T": True, "0": 0.1 + 0.2, "(": 1 + 2j, "7": np.uint8(7), "'": np.datetime64("2026-01-02"),
                 "3": np.timedelta64(3, "s")}[scalar[7]]
        assert repr(mt.tensor(value).execute()) == scalar  # not as NumPy 2 shows its scalars


def test_a_large_tensor_shows_its_corners_as_numpy_does():
    n = np.arange(3000).reshape(60, 50)
    t = (mt.tensor(n) + 0).execute()
    values = np.array2string(n, separator=", ", prefix="Tensor(")
    assert repr(t) == f"Tensor({values}, shape=(60, 50))"
    values = "[   0,    1,    2, ..., 2997, 2998, 2999]"
    assert repr(mt.arange(3000, chunk_size=70).execute()) == f"Tensor({values}, shape=(3000,))"
    assert repr(mt.arange(3000, dtype="i2").execute()) == f"Tensor({values},\n       shape=(3000,), dtype=int16)"
    assert str(t) == str(n)


def test_html_shows_shape_and_chunks():
    html = mt.ones((100, 100), chunk_size=30)._repr_html_()
    assert "(100, 100)" in html and "<svg" in html and "16 of (30, 30)" in html


def test_an_executed_tensor_is_an_array_wherever_numpy_takes_one():
    t = (mt.arange(6).reshape(2, 3) * 2).execute()
    want = np.arange(6).reshape(2, 3) * 2
    assert np.array_equal(np.asarray(t), want)
    assert np.array_equal(np.asarray(t, dtype="float32"), want.astype("float32"))
    assert np.array_equal([row for row in t], want)
    assert len(t) == 2 and 4 in t and 5 not in t
    assert t.tolist() == want.tolist()
    assert float(t[1, 2]) == 10.0 and int(t[1, 2]) == 10 and complex(t[1, 2]) == 10
    assert list(range(5))[mt.tensor(3)] == 3
    assert bool(mt.tensor(1)) and not bool(mt.tensor([0]))
    assert f"{mt.tensor(2.5):.2f}" == "2.50"


def test_iterating_over_an_expression_gives_expressions():
    x, y = mt.tensor([[1, 2], [3, 4]]) + 1
    assert isinstance(x, mt.Tensor) and not x.executed
    assert y.tolist() == [4, 5]


def test_the_view_of_a_result_is_read_only_and_stays_after_its_tensor():
    t = (mt.ones((1000, 10)) * 3).execute()
    view = np.asarray(t)
    assert not view.flags.writeable
    del t
    gc.collect()
    (mt.ones((1000, 10)) * 5).execute()
    assert (view == 3).all()


def test_truth_of_several_elements_is_refused():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(mt.ones(3))
    with pytest.raises(TypeError):
        float(mt.ones(3))
    with pytest.raises(TypeError, match="unsized"):
        len(mt.tensor(1))
    with pytest.raises(TypeError):
        hash(mt.ones(3))


# ---- run and fetch ---------------------------------------------------------------------------------------------------

def test_run_gives_one_value_or_a_list(sess):
    a, b = mt.ones(3), mt.tensor(2) * 3
    assert isinstance(sess.run(a), np.ndarray)
    value = sess.run(b)
    assert isinstance(value, np.int64) and value == 6
    values = sess.run(a, b)
    assert isinstance(values, list) and len(values) == 2
    assert isinstance(sess.run([a, b]), list) and isinstance(sess.run((a,)), list)
    assert np.array_equal(sess.run([1, 2]), [1, 2])
    assert sess.run(a, fetch=False) is None
    assert sess.run(a + 1, b, fetch=False) is None


def test_run_gives_an_array_of_the_callers_own(sess):
    a = mt.ones(3) + 1
    value = sess.run(a)
    value[0] = 9
    assert np.array_equal(sess.run(a), [2, 2, 2])


def test_fetch_needs_an_executed_tensor(sess):
    a, b = mt.ones(3) + 1, mt.ones(2)
    with pytest.raises(ValueError, match="Cannot fetch the unexecuted tensor"):
        sess.fetch(a)
    with pytest.raises(ValueError, match="Cannot fetch the unexecuted tensor"):
        a.fetch()
    sess.run(a, b, fetch=False)
    assert np.array_equal(sess.fetch(a), [2, 2, 2])
    assert isinstance(sess.fetch(a, b), list)
    a.execute()
    assert np.array_equal(a.fetch(), [2, 2, 2])


def test_an_executed_tensor_is_not_computed_again(sess):
    x = mt.random.RandomState(0).rand(100, 100)
    y = (x @ x).sum()
    sess.run(y)
    done = sess.stats()["tasks_done"]
    sess.run(y)
    assert sess.stats()["tasks_done"] == done
    sess.run(y + 1)
    assert sess.stats()["tasks_done"] <= done + 2


def test_results_are_freed_with_their_last_handle(sess):
    before = sess.stats()["used_bytes"]
    t = mt.ones((1000, 1000)) * 2
    sess.run(t, fetch=False)
    assert sess.stats()["used_bytes"] >= before + 8_000_000
    del t
    gc.collect()
    assert sess.stats()["used_bytes"] <= before


def test_a_loop_over_one_variable_holds_one_result(sess):
    x = mt.ones((500, 500))
    for _ in range(20):
        x = x + 1
        sess.run(x, fetch=False)
    assert sess.stats()["used_bytes"] <= 3 * 500 * 500 * 8
    assert sess.run(x)[0, 0] == 21


def test_several_outputs_are_executed_together():
    whole = mt.modf(mt.tensor([1.5, -2.25]))
    assert isinstance(whole, mt.ExecutableTuple)
    fraction, integer = whole.execute().fetch()
    assert np.array_equal(fraction, [0.5, -0.25]) and np.array_equal(integer, [1, -2])
    a, b = mars.execute(mt.ones(2) + 1, mt.ones(2) + 2)
    assert a.executed and b.executed
    assert np.array_equal(mars.fetch(a), [2, 2])


def test_equal_parts_are_computed_in_one_go(sess):
    x = mt.random.RandomState(0).rand(1000)
    mean, deviation = sess.run(x.mean(), x.std())
    values = sess.run(x)
    assert np.isclose(mean, values.mean()) and np.isclose(deviation, values.std())


# ---- Sessions --------------------------------------------------------------------------------------------------------

def test_a_closed_session_says_so():
    with new_session() as s:
        t = mt.ones(3)
        s.run(t)
    with pytest.raises(SessionClosed, match="closed"):
        s.run(t)
    with pytest.raises(SessionClosed):
        s.as_default()
    assert "closed" in repr(s)
    assert np.array_equal(t.execute(), [1, 1, 1])  # elsewhere


def test_the_default_session_is_one_and_can_be_another():
    assert get_default_session() is get_default_session()
    first = get_default_session()
    with new_session() as s:
        assert s.as_default() is s
        t = (mt.ones(3) + 5).execute()
        assert s.fetch(t)[0] == 6
    assert get_default_session() is not s
    assert not get_default_session().closed
    first.as_default()


def test_threads_make_one_default_session():
    program = """
import threading, mars.tensor as mt, mars.session as ms
seen = []
def work():
    (mt.ones(10) + 1).execute()
    seen.append(ms.get_default_session())
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert len(seen) == 8 and len(set(map(id, seen))) == 1
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_threads_share_a_session(sess):
    failures = []

    def work(k):
        for i in range(20):
            value = sess.run((mt.arange(100, chunk_size=7) * k + i).sum())
            if value != 4950 * k + 100 * i:
                failures.append((k, i, value))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_a_child_process_is_refused_with_words(sess):
    sess.run(mt.ones(3))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sess.run(mt.ones(3) + 1)
            words = "no error"
        except MarsError as error:
            words = str(error)
        os.write(writing, words.encode())
        os._exit(0)
    os.waitpid(child, 0)
    words = os.read(reading, 1000).decode()
    os.close(reading)
    os.close(writing)
    assert "fork" in words


FORKED = """
import multiprocessing
import numpy as np, mars.tensor as mt
kept = mt.arange(10.0, chunk_size=3) + 1

def work(k):
    m = mt.tensor(np.arange(100))
    return float((kept * k).sum()), m[m > 90].shape, float(kept.to_numpy()[-1])

if __name__ == "__main__":
    kept.execute()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, [1, 2, 3]) == [(55.0 * k, (9,), 10.0) for k in (1, 2, 3)]
    assert kept.executed and work(2)[0] == 110.0
"""


def test_forked_processes_have_default_sessions_of_their_own():
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=300)


def test_what_belongs_to_this_process_is_not_pickled(sess):
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(sess)
    state = pickle.loads(pickle.dumps(mt.random.RandomState(3)))
    assert state.rand(3).tolist() == mt.random.RandomState(3).rand(3).tolist()


def test_a_pickled_tensor_is_a_reference_to_its_values():
    t = mt.arange(100_000, chunk_size=1000) * 2
    data = pickle.dumps(t)
    assert t.executed and len(data) < 1000  # no values
    session = holder(t)
    (name,) = [name for name in session.names() if name.encode() in data]
    back = pickle.loads(data)
    assert back.executed and np.array_equal(back, np.arange(100_000) * 2)
    session.remove(name)
    with pytest.raises(UnknownName, match=name):
        pickle.loads(data)


def test_a_pickled_tensor_is_opened_by_another_process_if_a_cluster_has_it():
    t = mt.arange(1000, chunk_size=100) * 2
    data = pickle.dumps(t)
    program = "import pickle, sys; print(int(pickle.load(sys.stdin.buffer).sum()))"
    made = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, timeout=100)
    if holder(t).endpoint is None:
        assert b"a session of threads" in made.stderr
    else:
        assert made.stdout.strip() == b"999000", made.stderr


def test_what_cannot_be_reached_is_said():
    with pytest.raises(Exception, match="nowhere.invalid:7103"):
        new_session("nowhere.invalid:7103")
    with pytest.raises(OSError, match="/nowhere/scheduler.sock.*No such file"):
        new_session("unix:/nowhere/scheduler.sock")
    with pytest.raises(ConnectionRefusedError, match="127.0.0.1:1.*Connection refused"):
        new_session("http://localhost:1")
    with pytest.raises(ValueError, match="n_worker"):
        new_cluster(n_worker=0)


# ---- Futures ---------------------------------------------------------------------------------------------------------

def test_work_in_the_background_is_a_future(sess):
    t = mt.ones((300, 300), chunk_size=50) * 2
    future = t.execute(session=sess, wait=False)
    assert isinstance(future, concurrent.futures.Future)
    assert future.result(timeout=60) is t
    assert future.done() and future.exception() is None and future.progress() == 1.0
    assert not future.cancel()
    assert np.array_equal(sess.run(t + 1, wait=False).result(), np.full((300, 300), 3.0))
    assert sess.run(mt.ones(2), mt.ones(3), wait=False).result()[1].shape == (3,)


def test_futures_work_with_concurrent_futures_and_asyncio(sess):
    futures = [sess.run(mt.full((50, 50), k).sum(), wait=False) for k in range(5)]
    done, rest = concurrent.futures.wait(futures, timeout=60)
    assert len(done) == 5 and not rest
    assert sorted(f.result() for f in futures) == [2500 * k for k in range(5)]
    called = threading.Event()
    futures[0].add_done_callback(lambda f: called.set())
    assert called.wait(10)

    async def wait():
        return await sess.run(mt.ones((4, 4)).sum(), wait=False)

    assert asyncio.run(wait()) == 16


def test_a_future_can_be_cancelled(sess):
    future = slow().execute(session=sess, wait=False)
    assert future.running() and not future.done()
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(timeout=30)
    assert future.cancelled()
    assert sess.run(mt.ones(3).sum()) == 3


def test_a_future_carries_the_exception(sess):
    future = mt.tensor([1, 2])[mt.tensor([5])].execute(session=sess, wait=False)
    assert isinstance(future.exception(timeout=30), IndexError)
    with pytest.raises(IndexError):
        future.result()


# ---- Interrupts, threads, progress -----------------------------------------------------------------------------------

def seconds_to_stop(work):
    """From Ctrl-C to the exception."""
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.1, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        work()
    timer.join()
    return time.monotonic() - sent[0]


@pytest.mark.parametrize("work", [
    lambda s: s.run(slow(30)),
    lambda s: mt.sin(mt.random.rand(400_000_000, chunk_size=-1)).sum().execute(session=s),  # one task of seconds
    lambda s: mt.linalg.svd(mt.random.rand(1600, 1600))[1].execute(session=s),  # one call of LAPACK
    lambda s: mt.unique(mt.random.rand(60_000_000, chunk_size=-1)).shape,
    lambda s: s.run(slow(30), wait=False).result(),
], ids=["many tasks", "a long task", "a long call", "a shape", "a future"])
def test_ctrl_c_stops_at_once_and_leaves_the_session_usable(work):
    for _ in range(3):  # on a machine that others use, too, the quickest of three
        with some_session() as s:
            before = get_default_session()
            s.as_default()
            seconds = seconds_to_stop(lambda: work(s))
            assert s.run(mt.ones(10).sum()) == 10
            before.as_default()
        if seconds < 0.1:
            return
    pytest.fail(f"{seconds:.3f} s")


def test_the_interpreter_goes_on_while_something_runs(sess):
    counts = []
    stop = threading.Event()

    def count():
        while not stop.wait(0.005):
            counts.append(1)

    thread = threading.Thread(target=count)
    thread.start()
    sess.run(slow(2))
    stop.set()
    thread.join()
    assert len(counts) > 10


def test_a_progress_bar_is_drawn_when_asked_for_only(sess, capsys):
    sess.run(mt.ones(3) + 1, show_progress=True)
    sess.run(slow(2))
    assert capsys.readouterr().err == ""
    from mars._progress import Bar

    bar = Bar(always=True)
    bar.start -= 2
    bar(0.5)
    bar.end()
    assert "50%" in capsys.readouterr().err


def test_a_notebook_shows_a_bar_that_goes_when_the_work_is_done(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(picture._repr_html_())

    def display(picture, display_id):
        shown.append(picture._repr_html_())
        return Handle()

    notebook = types.ModuleType("IPython")
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    notebook.display = types.ModuleType("IPython.display")
    notebook.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook.display)
    from mars._progress import Bar

    bar = Bar(always=False)
    bar(0.1)
    assert not shown  # work below a second shows nothing
    bar.start -= 2
    bar(0.5)
    bar(0.75)
    bar.end()
    assert "50%" in shown[0] and "75%" in shown[1] and "<progress" in shown[1] and shown[2] == ""


# ---- Options ---------------------------------------------------------------------------------------------------------

def test_eager_mode_computes_what_is_written():
    with option_context({"eager_mode": True}):
        t = mt.ones(3) + 1
        assert t.executed and repr(t) == "Tensor([2., 2., 2.])"
        with pytest.raises(IndexError):
            mt.tensor([1, 2])[mt.tensor([7])]
    assert not options.eager_mode
    assert not (mt.ones(3) + 1).executed


def test_options_have_names_and_kinds():
    with pytest.raises(OptionError):
        options.eager = True
    with pytest.raises(OptionError):
        options.eager
    with pytest.raises(ValueError):
        options.eager_mode = 3
    with option_context(chunk_size=2):
        assert mt.ones((4, 4)).nsplits == ((2, 2), (2, 2))
    assert "eager_mode" in repr(options) and "eager_mode" in dir(options)


# ---- Cutting ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("chunk_size, nsplits", [
    (3, ((3, 2), (3, 3, 1))), ((2, 4), ((2, 2, 1), (4, 3))), (((1, 4), (7,)), ((1, 4), (7,))),
    ({1: 4, 0: -1}, ((5,), (4, 3))),
    (-1, ((5,), (7,))), ((-1, 2), ((5,), (2, 2, 2, 1))), ((None, 7), ((5,), (7,))), ("112B", ((2, 2, 1), (7,))),
    ("64MiB", ((5,), (7,))), ([2, 7], ((2, 2, 1), (7,))), (100, ((5,), (7,))), (np.int64(3), ((3, 2), (3, 3, 1))),
])
def test_a_tensor_is_cut_as_it_is_said(chunk_size, nsplits):
    for t in (mt.ones((5, 7), chunk_size=chunk_size), mt.ones((5, 7), chunks=chunk_size),
              mt.tensor(np.ones((5, 7)), chunk_size=chunk_size), mt.ones((5, 7)).rechunk(chunk_size)):
        assert t.nsplits == t.chunks == nsplits
        assert np.array_equal(t, np.ones((5, 7)))


def test_automatic_cutting_is_left_to_the_library():
    assert mt.ones((5, 7), chunk_size="auto").nsplits == ((5,), (7,))
    assert mt.ones((5, 7)).nsplits == ((5,), (7,))
    assert mt.ones(()).nsplits == () and mt.ones((0, 3)).nsplits == ((0,), (3,))
    assert mt.ones((4000, 4000)).chunk_shape[0] > 1


@pytest.mark.parametrize("chunk_size", [0, -2, (2,), (1, 2, 3), "many", "0MiB", ((2, 2), (7,)), {5: 1}, 1.5, (0, 1)])
def test_a_cutting_that_makes_no_sense_is_refused(chunk_size):
    with pytest.raises((ValueError, TypeError)):
        mt.ones((5, 7), chunk_size=chunk_size)
    with pytest.raises(TypeError):
        mt.ones((5, 7), chunk_size=1, chunks=1)


# ---- Shapes that depend on data --------------------------------------------------------------------------------------

def test_a_shape_that_depends_on_data_is_computed_when_it_is_asked_for():
    x = mt.tensor([3.0, -1.0, 2.0, -5.0])
    t = x[x > 0]
    assert "(?,)" in repr(t) and "nan" not in repr(t)
    later = t * 2 + 1
    assert not t.executed
    assert later.shape == (2,) and t.shape == (2,)
    assert later.tolist() == [7.0, 5.0]
    assert x[x > 0].sum().execute().tolist() == 5.0
    assert len(x[x < 0]) == 2 and x[x < 0].size == 2


def test_what_is_made_before_shapes_are_known_stays_for_all_who_read_it_when_they_are():
    # `made` is there before the first length is, is read once that is known, and again when the second one is
    made = mt.concatenate([mt.tensor([0.0, 1.0]), mt.tensor([2.0, 3.0])])
    first = mt.tensor(np.arange(10.0))
    first = mt.sort(first[first > 2])
    second = mt.sort(first[first > 5])
    op = mt._core.op
    both = op("concatenate", op("concatenate", first, made, axis=0), op("concatenate", second, made, axis=0), axis=0)
    assert both.tolist() == [*range(3, 10), *range(4), *range(6, 10), *range(4)]


def test_products_of_nothing_are_planned():
    for m, k, n in ((0, 0, 0), (3, 0, 0), (3, 0, 2), (0, 2, 0)):
        made = mt.matmul(mt.tensor(np.ones((m, k))), mt.tensor(np.ones((k, n))))
        assert np.array_equal(made.execute().fetch(), np.zeros((m, n)))


def test_a_shape_that_depends_on_data_feeds_every_operator():
    n = np.random.default_rng(0).standard_normal((20, 3))
    x = mt.tensor(n, chunk_size=4)
    keep, kept = x[x[:, 0] > 0], n[n[:, 0] > 0]
    assert np.allclose(keep.mean(axis=0), kept.mean(axis=0))
    assert np.allclose(keep @ keep.T, kept @ kept.T)
    assert np.allclose(mt.concatenate([keep, x]), np.concatenate([kept, n]))
    assert np.allclose(keep[::-1, 1:], kept[::-1, 1:])
    assert np.allclose(mt.sort(keep[:, 0]), np.sort(kept[:, 0]))
    assert keep.reshape(-1).shape == (kept.size,)


# ---- Handles ---------------------------------------------------------------------------------------------------------

def test_slices_have_value_semantics():
    a = mt.zeros((3, 3))
    b = a[1]
    b[:] = 5
    assert a.tolist() == np.zeros((3, 3)).tolist() and b.tolist() == [5, 5, 5]
    c = a
    c[0] = 1
    assert a.tolist()[0] == [1, 1, 1]  # the same handle
    d = a.copy()
    d[2] = 9
    assert a.tolist()[2] == [0, 0, 0]
    assert copy.copy(a).tolist() == a.tolist() == copy.deepcopy(a).tolist()


def test_methods_that_set_elements_change_the_handle():
    a = mt.zeros((2, 3))
    a.fill(7)
    a.put([0, -1], [1, 2])
    assert a.tolist() == [[1, 7, 7], [7, 7, 2]]
    assert a.mT.tolist() == [[1, 7], [7, 7], [7, 2]]
    drawn = mt.zeros(4)
    assert mt.random.default_rng(1).standard_normal(4, out=drawn) is drawn
    assert drawn.tolist() == mt.random.default_rng(1).standard_normal(4).tolist() != [0] * 4


def test_operators_in_place_change_the_handle():
    a = mt.ones(3)
    b = a
    a += 2
    assert b is a and b.tolist() == [3, 3, 3]
    a *= mt.tensor([1, 2, 3])
    assert a.tolist() == [3, 6, 9]
    i = mt.ones(3, dtype=int)
    with pytest.raises(TypeError, match="same_kind"):
        i += 1.5
    with pytest.raises(ValueError, match="broadcast"):
        i += mt.ones((2, 3), dtype=int)
    with pytest.raises(TypeError, match="same_kind"):
        i /= 2


def test_out_is_a_tensor_that_gets_the_result():
    out = mt.zeros((2, 3))
    assert mt.add(mt.ones((2, 3)), 1, out=out) is out
    assert out.tolist() == [[2, 2, 2]] * 2
    target = np.zeros(3)
    assert np.add(mt.ones(3), 1, out=target) is target and target.tolist() == [2, 2, 2]
    mt.sum(mt.ones((2, 3)), axis=0, out=(given := mt.zeros(3)))
    assert given.tolist() == [2, 2, 2]
    with pytest.raises(TypeError):
        mt.add(mt.ones(3), 1.5, out=mt.zeros(3, dtype=int))
    with pytest.raises(ValueError):
        mt.add(mt.ones(3), 1, out=mt.zeros(2))


# ---- With NumPy ------------------------------------------------------------------------------------------------------

def test_numpys_functions_give_tensors():
    t = mt.ones((3, 4))
    for made in (np.add(t, 1), np.sin(t), np.ones(4) + t, np.float32(2) * t, np.sum(t), np.concatenate([t, t]),
                 np.mean(t, axis=0), np.linalg.norm(t), np.where(t > 0, t, 0), np.add.reduce(t),
                 np.matmul(t, t.T), np.ones((3, 4)) == t):
        assert isinstance(made, mt.Tensor)
    assert np.array_equal(np.multiply.outer(t[0], t[0]), np.ones((4, 4)))


def test_what_has_no_counterpart_is_refused_and_not_computed_unseen():
    t = mt.ones((3, 4))
    with pytest.raises(TypeError, match="counterpart"):
        np.is_busday(t)
    with pytest.raises(TypeError):
        np.busday_count(t, t)


def test_every_function_says_what_it_does():
    functions = {name: getattr(mt, name) for name in mt.__all__ if callable(getattr(mt, name))}
    assert [name for name, function in functions.items() if not (function.__doc__ or "").strip()] == []
    assert set(mt.__all__) <= set(dir(mt))
    assert mt.hypot.__name__ == "hypot" and "legs" in mt.hypot.__doc__
    assert len(set(mt.__all__)) == len(mt.__all__)


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError):
        mt.no_such_function
    with pytest.raises(AttributeError):
        mt.product_blocks
    with pytest.raises(AttributeError):
        mars.no_such_module


@pytest.mark.parametrize("columns", [2, 3, 7, 32, 100, 128, 129, 300])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int8"])
def test_a_row_beside_a_table_is_read_for_each_of_its_rows(columns, dtype):
    rng = np.random.default_rng(columns)
    for rows in (1, 2, 5, 700):
        a = (rng.random((rows, columns)) * 100).astype(dtype)
        row, column = (rng.random(columns) * 100).astype(dtype), (rng.random(rows) * 100).astype(dtype)
        for program in (lambda m, t, r, c: t - r, lambda m, t, r, c: r[::-1] - t,
                        lambda m, t, r, c: (t - r) * (r + r) + t, lambda m, t, r, c: t.T - c,
                        lambda m, t, r, c: m.maximum(t, r) - c[:, None],
                        lambda m, t, r, c: m.broadcast_to(r, t.shape) + 1, lambda m, t, r, c: (t - r)[::-1, ::2]):
            ours = program(mt, *(mt.tensor(v, chunk_size=300) for v in (a, row, column))).execute()
            assert np.array_equal(np.asarray(ours), program(np, a, row, column))


# ---- Bad input -------------------------------------------------------------------------------------------------------

def itself():
    x = [1]
    x.append(x)
    return x


MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])


@pytest.mark.parametrize("program, error, words", [
    (lambda: mt.ones((3, 4)) + mt.ones((5, 4)), ValueError, r"\(3,\s*4\).*\(5,\s*4\)"),
    (lambda: mt.ones((3, 4)) @ mt.ones((5, 4)), ValueError, "4"),
    (lambda: mt.ones(3).sum(axis=2), mt.AxisError, "axis 2"),
    (lambda: mt.ones(3)[5], IndexError, "index 5 is out of bounds for axis 0 with size 3"),
    (lambda: mt.ones(3)[1, 2], IndexError, "too many indices"),
    (lambda: mt.ones(3)["a"], IndexError, "valid indices"),
    (lambda: mt.ones(3) & mt.ones(3), TypeError, "bitwise_and"),
    (lambda: mt.ones((2, -3)), ValueError, "negative"),
    (lambda: mt.tensor([2]) ** -1, ValueError, "Integers to negative integer powers"),
    (lambda: mt.arange(3) ** mt.tensor([2, -1, 2]), ValueError, "Integers to negative integer powers"),
    (lambda: 2 ** mt.tensor([1, -1]), ValueError, "Integers to negative integer powers"),
    (lambda: mt.tensor(itself()), ValueError, "contains itself"),
    (lambda: mt.zeros("3"), TypeError, "'str' object cannot be interpreted as an integer"),
    (lambda: mt.zeros((2, None)), TypeError, "'NoneType' object cannot be interpreted as an integer"),
    (lambda: mt.broadcast_to(mt.ones(1), (2**40, 2**40)), ValueError, "too big"),
    (lambda: mt.ones((2**40, 1)) + mt.ones((1, 2**40)), ValueError, "too big"),
    (lambda: mt.ones((2**40, 1)) @ mt.ones((1, 2**40)), ValueError, "too big"),
    (lambda: mt.concatenate([mt.ones(2**62, dtype="i1")] * 2), ValueError, "too big"),
    (lambda: mt.repeat(mt.ones(2**40), 2**40), ValueError, "too big"),
    (lambda: mt.tile(mt.ones(2**40), (2**40,)), ValueError, "too big"),
    (lambda: mt.diag(mt.ones(2**33)), ValueError, "too big"),
    (lambda: mt.random.rand(2**40, 2**40), ValueError, "too big"),
    (lambda: mt.ones(2**40, chunk_size=1), ValueError, "chunks"),
    (lambda: mt.ones(3, chunk_size=2**70), ValueError, "Maximum"),
    (lambda: mt.bincount(mt.tensor([2**62])).execute(), ValueError, "4611686018427387905 numbers"),
    (lambda: new_session(n_threads=-1), ValueError, "n_threads is a positive number.*not -1"),
    (lambda: new_session(n_threads=2**40), ValueError, "threads"),
    (lambda: new_session(n_threads=2**70), ValueError, "too large"),
    (lambda: new_session(memory_bytes=1000), ValueError, "memory_bytes 1000 bytes is too little: 48.0 KiB"),
    (lambda: new_session(memory_bytes=-1), ValueError, "memory_bytes is a positive number.*not -1"),
    (lambda: new_session(memory_bytes=2**62), MemoryError, "new session"),
    (lambda: mt.ones((2**40, 2**40)), (ValueError, MemoryError), "big|large|size|2\\^63"),
    (lambda: mt.tensor(["a", "b"]), TypeError, "U1"),
    (lambda: mt.tensor([1, None]), TypeError, "object"),
    (lambda: mt.tensor(None), TypeError, "None"),
    (lambda: mt.tensor(np.datetime64("2020-01-01", "25s")), TypeError, "datetime64"),
    (lambda: mt.ones(3, dtype="S3"), TypeError, "S3"),
    (lambda: mt.ones(3, dtype="longdouble"), TypeError, "float128"),
    (lambda: mt.ones(3) + object(), TypeError, "unsupported operand"),
    (lambda: mt.arange(5, dtype="int8") + 1000, OverflowError, "1000"),
    (lambda: mt.ones((2, 3)).reshape(4, 2), ValueError, r"size 6 into shape \(4,\s*2\)"),
    (lambda: mt.concatenate([mt.ones((2, 3)), mt.ones((2, 4))]), ValueError, "dimension"),
    (lambda: mt.ones((0,)).max(), ValueError, "identity"),
    (lambda: mt.linalg.inv(mt.ones((2, 3))), mt.linalg.LinAlgError, "square"),
    (lambda: mt.full(3, 300, dtype="uint8"), OverflowError, "300"),
    (lambda: mt.tensor([[1, 300]], dtype="uint8"), OverflowError, "Python integer 300 out of bounds for uint8"),
    (lambda: mt.tensor(-1, dtype="uint64"), OverflowError, "Python integer -1 out of bounds for uint64"),
    (lambda: mt.tensor([0.5, 2**31], dtype="int32"), OverflowError, "Python integer 2147483648 out of bounds"),
    (lambda: mt.tensor([2**63], dtype="int64"), OverflowError, "out of bounds for int64"),
    (lambda: mt.arange(2, dtype="uint8").__setitem__(slice(None), [1, 300]), OverflowError, "Python integer 300"),
    (lambda: mt.tensor(MASKED), ValueError, "no masks.*filled"),
    (lambda: mt.ones(3) + MASKED, ValueError, "no masks"),
    (lambda: np.add(MASKED, mt.ones(3)), ValueError, "no masks"),
    (lambda: mt.ones(3).__setitem__(slice(None), MASKED), ValueError, "no masks"),
    (lambda: mt.where(mt.ones(3) > 0, MASKED, 0), ValueError, "no masks"),
    (lambda: mt.ones(3).save_as("a\0b"), ValueError, "a name is NUL.*x00b"),
    (lambda: mt.ones(3).save_as(7), TypeError, "a name is a str, not 7"),
    (lambda: mt.sort(mt.ones((2, 3)), axes=0), TypeError, "axes"),
    (lambda: mt.argsort(mt.ones((2, 3)), axes=0), TypeError, "axes"),
    (lambda: mt.partition(mt.ones((2, 3)), 1, axes=0), TypeError, "axes"),
    (lambda: mt.argpartition(mt.ones((2, 3)), 1, axes=0), TypeError, "axes"),
    (lambda: mt.sin(1, 2, 3), TypeError, "positional"),
    (lambda: mt.sin(mt.ones(3), color=1), TypeError, "color"),
    (lambda: mt.ones(3, gpu=True), NotImplementedError, "GPU"),
    (lambda: new_session(n_threads=-1), ValueError, "positive"),
    (lambda: new_session(memory_bytes=0), ValueError, "positive"),
    (lambda: mt.ones(3).execute(session=5), TypeError, "new_session"),
    (lambda: mt.ones((3, 3), chunk_size=2.5), TypeError, "2.5"),
    (lambda: mt.add(mt.ones(3), 1, casting="foo"), ValueError, "same_kind"),
    (lambda: mt.tile(mt.ones(3), -1), ValueError, "negative"),
    (lambda: mt.ones(3).sum(axis=True), TypeError, "integer"),
])
def test_bad_input_is_refused_where_it_is_written(program, error, words):
    with pytest.raises(error, match=words):
        program()


def test_only_pythons_integers_have_to_fit():
    assert mt.tensor([np.int64(300), 2], dtype="uint8").execute().tolist() == [44, 2]
    assert mt.tensor(np.array([300, -1]), dtype="uint8").execute().tolist() == [44, 255]
    assert mt.tensor([True, 7], dtype="uint8").execute().tolist() == [1, 7]
    assert mt.tensor([300.5], dtype="int16").execute().tolist() == [300]
    assert mt.tensor([], dtype="uint8").shape == (0,)
    t = mt.arange(3, dtype="uint8")
    t[1:] = [200.5, np.int64(-1)]
    assert t.execute().tolist() == [0, 200, 255]


def test_a_masked_array_of_which_nothing_is_masked_is_an_array():
    a = np.ma.array(np.arange(6.0).reshape(2, 3))
    assert np.array_equal(mt.tensor(a, chunk_size=2).execute(), a.data)
    assert np.array_equal((mt.ones((2, 3)) + np.ma.array(a, mask=np.zeros((2, 3), bool))).execute(), a.data + 1)


def test_a_file_that_is_no_text_is_refused_in_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"1 \xff\x93\n")
    with pytest.raises(ValueError, match=r"line 1, column 2: '\\xff\\x93' is no float64"):
        mt.loadtxt(tmp_path / "a.txt").execute()


def test_more_memory_than_there_is_is_an_exception_and_no_more(sess):
    with new_session(n_threads=1, memory_bytes=64 << 20, disk=0) as small:
        with pytest.raises(MemoryError):
            small.run(mt.ones((4000, 4000)) + 1)
        assert small.run(mt.ones(10).sum()) == 10


def test_failing_work_leaves_the_session_usable(sess):
    t = mt.tensor([1, 2, 3])[mt.tensor([7])]
    for _ in range(3):
        with pytest.raises(IndexError):
            sess.run(t)
    assert sess.run(mt.ones(3).sum()) == 3
    assert Session is type(sess)


# ---- Files -----------------------------------------------------------------------------------------------------------

def test_npy_files_are_written_and_read(tmp_path, sess):
    n = np.random.default_rng(0).standard_normal((50, 30))
    name = tmp_path / "a.npy"
    mt.save(name, mt.tensor(n, chunk_size=7) * 2, session=sess)
    assert np.array_equal(np.load(name), n * 2)
    t = mt.load(name, chunk_size=11)
    assert t.shape == (50, 30) and t.dtype == n.dtype and t.nsplits[0] == (11, 11, 11, 11, 6)
    assert np.array_equal(sess.run(t + 1), n * 2 + 1)
    mt.save(str(tmp_path / "b"), mt.tensor(n > 0))
    assert np.array_equal(np.load(tmp_path / "b.npy"), n > 0)
    np.save(tmp_path / "f.npy", np.asfortranarray(n))
    assert np.array_equal(mt.load(tmp_path / "f.npy"), n)
    np.save(tmp_path / "s.npy", n.astype(">f4"))
    assert np.array_equal(mt.load(tmp_path / "s.npy"), n.astype("f4"))


def test_files_that_are_missing_or_lie_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        mt.load(tmp_path / "missing.npy")
    for name, content in (("empty", b""), ("text", b"hello world"), ("cut", b"\x93NUMPY\x01\x00v\x00{'descr'")):
        (tmp_path / f"{name}.npy").write_bytes(content)
        with pytest.raises((ValueError, MarsError, OSError)):
            mt.load(tmp_path / f"{name}.npy")
    np.save(tmp_path / "short.npy", np.ones(1000))
    whole = (tmp_path / "short.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(whole[:-8])
    with pytest.raises((ValueError, OSError)):
        mt.load(tmp_path / "short.npy").execute()
    with pytest.raises(OSError):
        mt.save(tmp_path / "no" / "where.npy", mt.ones(3))


# ---- Explaining ------------------------------------------------------------------------------------------------------

def test_explain_and_visualize_show_what_would_run():
    t = (mt.ones((100, 100), chunk_size=30) + 1).sum()
    assert "stage" in t.explain() and "chunk" in t.explain()
    assert t.visualize().lstrip().startswith("<") and "svg" in t.visualize()._repr_svg_()
    assert t.visualize("dot").lstrip().startswith("digraph")
    with pytest.raises(ValueError):
        t.visualize("jpeg")


# ---- Speed of building -----------------------------------------------------------------------------------------------

def test_deep_expressions_are_built_and_freed():
    x = mt.ones(3)
    for _ in range(100_000):
        x = x + 1
    del x
    y = mt.ones(3)
    for _ in range(2000):
        y = y + 1
    assert y.tolist() == [2001, 2001, 2001]


def test_import_of_the_package_takes_no_other_packages():
    program = "import sys, mars.tensor; print(sorted({'asyncio', 'concurrent.futures', 'scipy'} & set(sys.modules)))"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_errors_have_their_kinds_for_who_imports_sessions_alone():
    program = """if True:
        from mars.session import new_session
        try:
            new_session("nobody:99999999")
        except ValueError as error:
            print(error)
    """
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "99999999" in made.stdout
