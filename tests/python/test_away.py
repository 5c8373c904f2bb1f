# SPDX-License-Identifier: Apache-2.0
"""Workers that come by TCP, as those of other machines do: who has died, who was cut off, who is silent, and after how
long they are not waited for any more; and what they had of their clients' data."""
import concurrent.futures
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import threading
import time

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, wait_for

import mars.tensor as mt
from mars.errors import DataLost
from mars.session import new_session

BEAT, SUSPECT, DEAD = 1, 2, 5  # seconds; a worker says with each beat that it lives, and what it does


class Line:
    """A line between a worker and its scheduler, which can be cut: both of its ends hear that the other is gone."""

    def __init__(self, port):
        self.to, self.ends, self.lock, self.half = port, [], threading.Lock(), False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self.listener.accept()[0]
                far = socket.create_connection(("127.0.0.1", self.to))
                with self.lock:
                    self.ends += [near, far]
                for a, b in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(a, b), daemon=True).start()

    def _carry(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(1 << 16):
                b.sendall(data)
        for end in () if self.half else (a, b):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        with self.lock:
            for end in self.ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self.ends = []

    def lose_worker(self):
        """Its end alone: the scheduler's stays as it is, and nothing comes over it."""
        self.half = True
        with self.lock:
            self.ends[0].shutdown(socket.SHUT_RDWR)


class Cluster:
    def __init__(self, folder, stack, dead):
        self.folder, self.stack, self.workers = folder, stack, []
        self.socket = f"unix:{folder}/scheduler.sock"
        self.scheduler = self._begin("mars-scheduler", "--socket", self.socket[5:], "--port", "0", "--key-file", "none",
                                     "--state-dir", str(folder / "state"), "--heartbeat", "0.5",
                                     "--suspect", str(SUSPECT), "--dead", str(dead)).says("listening at 127.0.0.1")
        self.port = self.scheduler.port()

    def _begin(self, program, *options):
        daemon = Daemon(program, *options)
        self.stack.callback(lambda: daemon.process.poll() is None and daemon.stop(signal.SIGKILL))
        return daemon

    def work(self, port=None, name=None):
        """One more worker, of one thread; or one in the place of another one."""
        name, before = name or f"w{len(self.workers)}", self.scheduler.said.count("has joined")
        worker = self._begin("mars-worker", "--schedulers", f"127.0.0.1:{port or self.port}", "--port", "0",
                             "--key-file", "none", "--socket", "none", "--threads", "1", "--cache-mem", "1GiB",
                             "--name", name, "--drain", "none",
                             "--spill-dir", str(self.folder))
        self.workers.append(worker)
        wait_for(lambda: self.scheduler.said.count("has joined") > before, "it does not join")
        return worker

    def ask(self, what):
        said = subprocess.run([shutil.which("marsctl"), "-s", self.socket, what, "--json"], capture_output=True,
                              text=True, timeout=SECONDS, check=True)
        return json.loads(said.stdout)

    def is_at_it(self):
        """What goes before the long task is done."""
        return any(worker["running"] > 0 and worker["tasks_done"] > 0 and worker["state"] == "works"
                   for worker in self.ask("workers"))


@pytest.fixture
def cluster(tmp_path, monkeypatch, request):
    monkeypatch.setenv("MARS_TOKEN", "the-token-of-this-test")
    with contextlib.ExitStack() as stack:
        yield Cluster(tmp_path, stack, getattr(request, "param", DEAD))


def long_task(side):
    """One task that takes seconds, behind one that does not: the eigenvalues are not found by blocks."""
    return abs(mt.linalg.eigvals(mt.random.RandomState(1).rand(side, side, chunk_size=side))).max()


def killed_at_it(cluster, worker):
    wait_for(cluster.is_at_it, "it has nothing to do")
    worker.stop(signal.SIGKILL)


@pytest.mark.parametrize("cluster", [15], indirect=True)  # a machine with much to do is silent for a while
def test_a_task_that_kills_two_workers_of_other_machines_is_failed_with_that_reason(cluster):
    first = cluster.work()
    with new_session(cluster.socket) as session:
        future = session.run(long_task(2000), wait=False)
        killed_at_it(cluster, first)
        second = cluster.work(name="w0")  # which says so of the first
        killed_at_it(cluster, second)     # and of this one it is told that it does not come back
        cluster.work()
        with pytest.raises(OSError, match="2 workers died while they had it to do"):
            future.result(timeout=2 * SECONDS)
        assert session.run(mt.ones(3).sum()) == 3


def test_a_worker_that_was_cut_off_again_and_again_has_killed_nothing(cluster):
    line = Line(cluster.port)
    cluster.work(line.port)
    with new_session(cluster.socket) as session:
        future = session.run(long_task(1000), wait=False)
        for k in range(3):
            wait_for(lambda: cluster.ask("workers")[0]["running"] > 0, "it has nothing to do")
            line.cut()
            wait_for(lambda k=k: cluster.scheduler.said.count("is back") == k + 1, "it does not come back")
        assert future.result(timeout=SECONDS) > 0
    assert "has left" not in cluster.scheduler.said


def test_silence_costs_a_worker_new_tasks_first_and_then_all_that_it_had(cluster):
    worker = cluster.work()
    with new_session(cluster.socket) as session:
        kept = mt.ones(1000, chunk_size=100).execute(session=session)
        began = time.monotonic()
        worker.process.send_signal(signal.SIGSTOP)
        cluster.scheduler.says("worker 0, w0, is silent: it is given nothing new")
        silent = time.monotonic() - began
        cluster.scheduler.says("worker 0, w0, has left")
        left = time.monotonic() - began
        # Not a moment before, counted from the last beat, and not as long again after.
        assert SUSPECT - BEAT < silent < DEAD
        assert DEAD - BEAT < left < DEAD + SUSPECT
        with concurrent.futures.ThreadPoolExecutor() as pool:
            total = pool.submit(session.run, kept.sum())
            worker.process.send_signal(signal.SIGCONT)
            assert total.result(SECONDS) == 1000


def test_a_worker_that_is_heard_again_in_time_has_lost_nothing(cluster):
    worker = cluster.work()
    with new_session(cluster.socket) as session:
        kept = mt.ones(1000, chunk_size=100).execute(session=session)
        worker.process.send_signal(signal.SIGSTOP)
        cluster.scheduler.says("is silent")
        worker.process.send_signal(signal.SIGCONT)
        cluster.scheduler.says("worker 0, w0, is heard again")
        assert session.run(kept.sum()) == 1000
    assert "is gone" not in cluster.scheduler.said


def test_a_worker_whose_old_link_nobody_has_missed_keeps_its_number(cluster):
    """Half of a link is gone: the worker connects again, and its scheduler still listens to the old one."""
    line = Line(cluster.port)
    cluster.work(line.port)
    line.lose_worker()
    wait_for(lambda: "is back" in cluster.scheduler.said, "it does not come back")
    assert [worker["worker"] for worker in cluster.ask("workers")] == [0]


# ---- What a client gave ----------------------------------------------------------------------------------------------

def lost(cluster, worker):
    """Its machine is: nothing of it is anywhere, and another one comes in its place."""
    worker.stop(signal.SIGKILL)
    cluster.work()


def some(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


class Source:
    """What from_array() reads chunk by chunk."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __getitem__(self, where):
        return self.array[where]


def test_what_was_given_is_given_again_when_its_machine_is_lost(cluster):
    n, worker = some(1, 500, 300), cluster.work()
    with new_session(cluster.socket) as session:
        mine = n.copy()
        t = mt.tensor(mine, chunk_size=70).execute(session=session)
        mine[:] = 0  # it is the caller's again: the tensor has what was given
        lost(cluster, worker)
        assert np.array_equal(session.fetch(t), n)
        assert np.array_equal(session.run(t[::3, ::5] * 2), n[::3, ::5] * 2)


def test_results_outlive_the_machine_also_when_only_they_are_left_of_what_was_given(cluster):
    n, m, worker = some(2, 400, 300), some(3, 300), cluster.work()
    with new_session(cluster.socket) as session:
        y = (mt.tensor(n, chunk_size=100) * 2 + mt.tensor(m)).execute(session=session)
        z = (y.T @ mt.tensor(n, chunk_size=90)).execute(session=session)
        want = session.fetch(z)
        lost(cluster, worker)
        assert np.array_equal(session.fetch(y), n * 2 + m)
        assert np.array_equal(session.fetch(z), want)
        del y, z
        assert np.array_equal(session.run(mt.tensor(n) + 1), n + 1)


def test_a_request_goes_on_with_what_was_given_to_a_machine_that_is_lost(cluster):
    n, worker = some(4, 300, 300), cluster.work()
    with new_session(cluster.socket) as session:
        t = mt.tensor(n, chunk_size=100).execute(session=session)
        future = session.run(long_task(2000) * 0 + (t + mt.tensor(n, chunk_size=50)).sum(), wait=False)
        wait_for(cluster.is_at_it, "it has nothing to do")
        lost(cluster, worker)
        assert future.result(2 * SECONDS) == session.run((t * 2).sum())


def test_what_is_not_kept_is_lost_with_words(cluster):
    n, worker = some(5, 200, 50), cluster.work()
    with new_session(cluster.socket, keep_source=False) as session:
        t = mt.tensor(n, chunk_size=50).execute(session=session)
        lost(cluster, worker)
        with pytest.raises(DataLost, match=r"the data of tensor \d+ is lost: its client keeps no copy of what it gave "
                                           r"\(keep_source\)"):
            session.fetch(t)
        assert session.run(mt.ones(3).sum()) == 3  # and nothing else is


def test_of_what_only_results_need_no_more_is_kept_than_may_be(cluster):
    n, worker = some(6, 1000, 100), cluster.work()  # 800 kB
    with new_session(cluster.socket, keep_source="1MB") as session:
        kept = mt.tensor(n).execute(session=session)
        old, new = ((mt.tensor(n) + k).execute(session=session) for k in (1, 2))
        lost(cluster, worker)
        assert np.array_equal(session.fetch(kept), n)  # somebody refers to it
        assert np.array_equal(session.fetch(new), n + 2)
        with pytest.raises(DataLost, match=r"the array of float64 and shape \(1000, ?100\) any more, and of such the "
                                           r"client keeps no more than .* \(keep_source\)"):
            session.fetch(old)


def test_what_is_read_again_is_the_same_or_an_error_that_names_it(cluster, tmp_path):
    n, worker = some(7, 300, 200), cluster.work()
    path, file = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(path, n)
    np.save(file, n)
    with new_session(cluster.socket) as session:
        sound, changing = Source(n), Source(n.copy())
        tensors = [mt.from_array(sound, chunk_size=70), mt.from_array(changing, chunk_size=70),
                   mt.load(str(path)), mt.load(str(file))]
        results = [(t + 1).execute(session=session) for t in tensors]
        del tensors
        changing.array[250, 3] += 1
        np.save(file, n + 1)
        lost(cluster, worker)
        assert np.array_equal(session.fetch(results[0]), n + 1)
        assert np.array_equal(session.fetch(results[2]), n + 1)
        with pytest.raises(DataLost, match=r"array of float64 and shape \(300, ?200\) was changed after it was given"):
            session.fetch(results[1])
        with pytest.raises(DataLost, match="b.npy' was changed since it was loaded"):
            session.fetch(results[3])


def test_what_a_client_gave_that_has_left_is_lost_with_words(cluster):
    n, worker = some(8, 200, 50), cluster.work()
    with new_session(cluster.socket) as session:
        (mt.tensor(n) * 2).execute(session=session).save_as("twice", session=session)
    lost(cluster, worker)
    with new_session(cluster.socket) as session, pytest.raises(DataLost, match="the client that gave it has left"):
        session.fetch(session.open("twice"))


def test_what_was_given_over_http_is_given_again_over_http(cluster):
    n, worker = some(9, 400, 300), cluster.work()
    port = cluster._begin("mars-web", "--schedulers", cluster.socket, "--port", "0").port()
    with new_session(f"http://127.0.0.1:{port}") as session:
        t = mt.tensor(n, chunk_size=90).execute(session=session)
        y = (mt.tensor(n, chunk_size=50) * 2).execute(session=session)
        lost(cluster, worker)
        assert np.array_equal(session.fetch(t), n)
        assert np.array_equal(session.fetch(y), n * 2)
