# SPDX-License-Identifier: Apache-2.0
"""Mutable tensors have the writes of all programs, in the order of their times, until they are sealed."""
import threading

import numpy as np
import pytest

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session


@pytest.fixture(scope="module")
def cluster():
    made = new_cluster(n_worker=2)
    yield made
    made.stop()


@pytest.fixture(params=["threads", "cluster"])
def session(request):
    with new_session(request.getfixturevalue("cluster").endpoint if request.param == "cluster" else None) as made:
        yield made


KEYS = [np.s_[3], np.s_[1:7:2], np.s_[:, 4], np.s_[..., ::-3], np.s_[2, 5], np.s_[[0, 3, 5]],
        np.s_[:, [1, 1, 2]], np.s_[-1, ...], np.s_[...], (np.array([0, 1]), np.array([2, 3]))]


def test_what_is_written_is_what_numpy_would_have_set(session):
    want = np.full((8, 9), -1.5)
    m = session.create_mutable_tensor((8, 9), "f8", default_value=-1.5, chunk_size=3)
    for k, key in enumerate(KEYS):
        value = np.random.default_rng(k).random(want[key].shape)
        m[key] = want[key] = value
        if k % 3 == 0:
            assert np.array_equal(m[:], want)
    mask = want > 0.5
    m[mask] = want[mask] = 7
    assert np.array_equal(m.read(np.s_[2:5]), want[2:5])
    sealed = m.seal()
    assert isinstance(sealed, mt.Tensor) and sealed.nsplits == ((3, 3, 2), (3, 3, 3))
    assert np.array_equal(sealed.fetch(), want)
    assert (sealed.sum()).execute(session=session).fetch() == pytest.approx(want.sum())


def test_of_two_writes_the_later_one_holds_whenever_it_arrives(session):
    m = session.create_mutable_tensor((4,), "i4", chunk_size=2)
    m.write(np.s_[:], 3, timestamp=30)
    m.write(np.s_[:2], 1, timestamp=10)
    assert m.read().tolist() == [3, 3, 3, 3]
    m.write(np.s_[1:3], 4, timestamp=40)
    assert m.read(timestamp=20).tolist() == [1, 1, 0, 0]
    assert m.read(timestamp=30).tolist() == [3, 3, 3, 3]
    m.write(np.s_[3:], 2, timestamp=-5.5)
    assert m.read(timestamp=0).tolist() == [0, 0, 0, 2]
    assert m.seal(timestamp=40).fetch().tolist() == [3, 4, 4, 3]


def test_a_sealed_tensor_takes_nothing_and_leaves_nothing(session):
    m = session.create_mutable_tensor((3,), name="once")
    m[[0, 2]] = 5
    assert session.names() == []
    sealed = m.seal()
    for refused in (lambda: m.write(0, 1), lambda: m.read(), lambda: m.seal()):
        with pytest.raises(ValueError, match="'once' is sealed"):
            refused()
    with pytest.raises(KeyError, match="no mutable tensor 'once'"):
        session.get_mutable_tensor("once")
    assert session._all_names() == [] and sealed.fetch().tolist() == [5, 0, 5]
    assert session.create_mutable_tensor((3,), name="once").seal().fetch().tolist() == [0, 0, 0]


def test_a_name_is_given_once_and_found(session):
    m = session.create_mutable_tensor("wind", (2, 3), "M8[s]", fill_value=np.datetime64("NaT"), chunk_size=2)
    with pytest.raises(ValueError, match="there is a mutable tensor 'wind'"):
        session.create_mutable_tensor((1,), name="wind")
    other = session.get_mutable_tensor("wind")
    other[1] = np.datetime64("2020-02-29")
    assert (other.shape, other.dtype) == (m.shape, m.dtype) == ((2, 3), np.dtype("M8[s]"))
    assert np.isnat(m[0]).all() and (m[1] == np.datetime64("2020-02-29")).all()
    assert m.seal().nsplits == ((2,), (2, 1))
    with pytest.raises(ValueError, match="is sealed"):
        other[0] = 1


@pytest.mark.parametrize("key,value,kind", [(5, 1, IndexError), (np.s_[:2], [1, 2, 3], ValueError),
                                            (0, 1j, TypeError), (np.s_[0, 0], 1, IndexError)])
def test_what_numpy_would_not_set_is_refused_when_it_is_written(session, key, value, kind):
    m = session.create_mutable_tensor((4,), "i8")
    with pytest.raises(kind):
        m[key] = value
    assert m.seal().fetch().tolist() == [0, 0, 0, 0]


def test_sessions_of_a_cluster_write_to_one_tensor(cluster):
    n, width = 4, 1000
    with new_session(cluster.endpoint) as first:
        m = first.create_mutable_tensor((n * width,), "i8", name="shared", chunk_size=700)

        def work(k):
            with new_session(cluster.endpoint) as own:
                part = own.get_mutable_tensor("shared")
                for half in (0, 1):
                    at = k * width + half * width // 2
                    part[at:at + width // 2] = np.arange(at, at + width // 2)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert np.array_equal(m.seal().fetch(), np.arange(n * width))
