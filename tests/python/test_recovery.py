# SPDX-License-Identifier: Apache-2.0
"""What survives whose death and which cut: real daemons, killed and stopped, and links that are cut by a proxy."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import NameTaken, UnknownName
from mars.session import new_session

SECONDS = 30  # after which a wait has failed


def wait_for(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def program(seed=7):
    """Exchanges, reductions, products and a shape that depends on data; a second of work in many tasks."""
    r = mt.random.RandomState(seed).rand(1500, 1500, chunk_size=250)
    return [(r + r.T).sum(axis=0), mt.sort(r, axis=0)[7], (r @ r)[5], r[r > 0.9].mean(),
            mt.unique((r * 50).astype("i8"))]


def same(values, others):
    return all(np.array_equal(a, b) for a, b in zip(values, others, strict=True))


@pytest.fixture(scope="module")
def want():
    with new_session() as local:
        return {seed: local.run(*program(seed)) for seed in (7, 8)}


def answer(endpoint, what):
    done = subprocess.run([shutil.which("marsctl"), "-s", endpoint, "--json", *what.split()], capture_output=True,
                          text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def listens(path):
    with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
        s.connect(path)
        return True
    return False


class Proxy:
    """A unix socket in front of another one: links through it can be cut, and refused."""

    def __init__(self, path, target):
        self.path, self.target, self.pairs, self.refuses = str(path), target, [], False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                if self.refuses:
                    here.close()
                    continue
                there = socket.socket(socket.AF_UNIX)
                there.connect(self.target)
                self.pairs.append((here, there))
                for a, b in ((here, there), (there, here)):
                    threading.Thread(target=self._copy, args=(a, b), daemon=True).start()

    @staticmethod
    def _copy(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(1 << 16):
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.refuses = True
        self.listener.close()
        self.cut()


@pytest.fixture(scope="module")
def cluster():
    with new_cluster(n_worker=2, log_level="error") as made:
        yield made


@pytest.fixture
def proxy(cluster, tmp_path):
    made = Proxy(tmp_path / "proxy", cluster.endpoint.removeprefix("unix:"))
    yield made
    made.close()


# ---- A link that breaks ----------------------------------------------------------------------------------------------

def test_a_link_that_is_cut_again_and_again_costs_time_and_nothing_else(cluster, proxy, want):
    with new_session(f"unix:{proxy.path}") as s:
        kept = mt.arange(1000, chunk_size=100).execute(session=s)
        over = threading.Event()

        def cut():
            while not over.wait(0.05):
                proxy.cut()

        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            for _ in range(3):
                assert same(s.run(*program()), want[7])
        finally:
            over.set()
            cutter.join()
        assert np.array_equal(s.fetch(kept), np.arange(1000))
        assert s.run(kept.sum()) == 499500


def test_a_session_is_kept_while_its_client_is_away_and_nothing_leaks(cluster, proxy):
    before = answer(cluster.endpoint, "status")
    with new_session(f"unix:{proxy.path}") as s:
        kept = mt.ones((100, 100), chunk_size=10).execute(session=s)
        future = s.run(*program(), wait=False)
        proxy.refuses = True
        proxy.cut()
        wait_for(lambda: [row for row in answer(cluster.endpoint, "sessions") if row["away_seconds"] is not None],
                 "nobody is away")
        wait_for(lambda: answer(cluster.endpoint, "status")["requests"] == 0, "the request stands still")
        proxy.refuses = False
        assert len(future.result(timeout=SECONDS)) == 5
        del future
        assert s.run(kept.sum()) == 10_000
    wait_for(lambda: answer(cluster.endpoint, "status")["tensors"] == before["tensors"], "tensors stay")
    assert answer(cluster.endpoint, "status")["sessions"] == before["sessions"]


def test_work_is_canceled_at_once_while_the_scheduler_cannot_be_reached(cluster, proxy):
    with new_session(f"unix:{proxy.path}") as s:
        future = s.run(mt.random.rand(20000, 20000, chunk_size=500).sum(), wait=False)
        proxy.refuses = True
        proxy.cut()
        time.sleep(0.2)  # it is noticed at some time: both before and after it must do
        began = time.monotonic()
        future.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(timeout=SECONDS)
        assert time.monotonic() - began < 0.5
        proxy.refuses = False
        assert s.run(mt.ones(3).sum()) == 3
    wait_for(lambda: answer(cluster.endpoint, "status")["requests"] == 0, "the canceled request goes on")


def test_a_client_that_closes_its_session_leaves_at_once(cluster):
    n = answer(cluster.endpoint, "status")["sessions"]
    s = new_session(cluster.endpoint)
    assert answer(cluster.endpoint, "status")["sessions"] == n + 1
    s.close()
    wait_for(lambda: answer(cluster.endpoint, "status")["sessions"] == n, "the session stays", 1)


def test_a_client_that_is_killed_leaves_at_once_on_this_machine(cluster):
    n = answer(cluster.endpoint, "status")["sessions"]
    script = f"""if True:
        import os, signal
        from mars.session import new_session
        s = new_session({cluster.endpoint!r})
        os.kill(os.getpid(), signal.SIGKILL)"""
    subprocess.run([sys.executable, "-c", script], check=False)
    wait_for(lambda: answer(cluster.endpoint, "status")["sessions"] == n, "its session stays", 5)


# ---- By hand ---------------------------------------------------------------------------------------------------------

class Hand:
    """A scheduler and workers that are started, killed and started again one by one."""

    def __init__(self, folder, *options):
        self.folder, self.options, self.processes = folder, options, {}
        self.endpoint = f"unix:{folder}/scheduler"

    def start(self, name, *options):
        program = "mars-scheduler" if name == "scheduler" else "mars-worker"
        more = self.options if name == "scheduler" else ("--schedulers", self.endpoint, "--name", name,
                                                         "--threads", "1", "--cache-mem", "256m")
        command = [shutil.which(program), "--config-dir", "none", "--port", "none", "--log-level", "warning",
                   "--socket", f"{self.folder}/{name}", *more, *options]
        log = open(f"{self.folder}/{name}.log", "ab")
        self.processes[name] = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL,
                                                env=dict(os.environ, XDG_STATE_HOME=f"{self.folder}/state"))
        log.close()
        if name == "scheduler":
            wait_for(lambda: listens(f"{self.folder}/scheduler"), "the scheduler does not listen")
        return self.processes[name]

    def kill(self, name):
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def log(self, name):
        return pathlib.Path(f"{self.folder}/{name}.log").read_text()

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def hand(tmp_path):
    made = []

    def make(*options, n_worker=2):
        some = Hand(tmp_path, *options)
        made.append(some)
        some.start("scheduler")
        for k in range(n_worker):
            some.start(f"w{k}")
        wait_for(lambda: answer(some.endpoint, "status")["workers"] == n_worker, "the workers do not join")
        return some

    yield make
    for some in made:
        some.stop()


def test_after_the_lease_a_session_is_over_and_says_why(hand):
    some = hand("--lease", "1")
    s = new_session(some.endpoint)
    future = s.run(mt.random.rand(20000, 20000, chunk_size=500).sum(), wait=False)
    some.kill("scheduler")
    began = time.monotonic()
    with pytest.raises(Exception, match="scheduler .*no connection for 1 s"):
        future.result(timeout=SECONDS)
    assert 0.9 < time.monotonic() - began < 5
    with pytest.raises(Exception, match="no connection for 1 s"):
        s.run(mt.ones(3).sum())


def test_a_client_that_was_away_for_too_long_is_told_so(hand, tmp_path):
    some = hand("--lease", "1")
    proxy = Proxy(tmp_path / "proxy", some.endpoint.removeprefix("unix:"))
    with new_session(f"unix:{proxy.path}") as s:
        assert s.run(mt.ones(3).sum()) == 3
        proxy.refuses = True
        proxy.cut()
        wait_for(lambda: not answer(some.endpoint, "sessions"), "the lease has no end")
        proxy.refuses = False
        with pytest.raises(Exception, match="no connection for 1 s|is not known any more"):
            s.run(mt.ones(3).sum())
    proxy.close()


def links(path):
    """That somebody has made to the socket, taken or not."""
    return sum(line.endswith(f" {path}") for line in pathlib.Path("/proc/net/unix").read_text().splitlines())


def test_a_scheduler_that_is_stopped_is_no_scheduler_until_it_goes_on(tmp_path, want):
    """The kernel keeps its sockets for it: who waits for it asks, and goes when there is no answer for ten seconds."""
    short, long = (Hand(tmp_path / name, "--lease", lease) for name, lease in (("a", "1"), ("b", "30")))
    try:
        sessions = []
        for some in (short, long):
            os.mkdir(some.folder)
            some.start("scheduler")
            some.start("w0")
            sessions.append(new_session(some.endpoint))
            assert sessions[-1].run(mt.ones(10).sum()) == 10
        n = links(f"{long.folder}/scheduler")
        began = time.monotonic()
        for some in (short, long):
            some.processes["scheduler"].send_signal(signal.SIGSTOP)
        futures = [s.run(*program(), wait=False) for s in sessions]
        wait_for(lambda: links(f"{long.folder}/scheduler") > n, "nobody has noticed")
        assert 9 < time.monotonic() - began < 20
        long.processes["scheduler"].send_signal(signal.SIGCONT)
        assert same(futures[1].result(timeout=SECONDS), want[7])
        with pytest.raises(Exception, match="scheduler .*no connection for 1 s.*it does not answer"):
            futures[0].result(timeout=SECONDS)
        for s in sessions:
            s.close()
    finally:
        short.stop()
        long.stop()


# ---- A scheduler that dies -------------------------------------------------------------------------------------------

def again(some):
    some.kill("scheduler")
    return some.start("scheduler")


def n_made(some):
    """Tasks that workers have done, as they say with their heartbeats."""
    return sum(row["tasks_done"] for row in answer(some.endpoint, "workers"))


def test_a_long_loop_is_not_remembered_from_its_beginning_and_outlives_whoever_dies(hand):
    """Decision 0041: after a thousand steps a result is kept at two workers, and not how it was made."""
    some = hand()
    with new_session(some.endpoint) as s:
        x, n = mt.ones(100, chunk_size=50).execute(session=s), np.ones(100)
        begin = answer(some.endpoint, "status")["state_bytes"]
        for _ in range(1050):
            x, n = (x * 0.5 + 1).execute(session=s), n * 0.5 + 1
        wait_for(lambda: answer(some.endpoint, "status")["state_bytes"] - begin < 400_000, "all is remembered")
        again(some)
        assert np.array_equal(s.fetch(x), n)
        for name in ("w0", "w1"):
            wait_for(lambda: answer(some.endpoint, "status")["workers"] == 2, "the workers do not come back")
            x, n = (x * 0.5 + 1).execute(session=s), n * 0.5 + 1
            some.kill(name)
            assert np.array_equal(s.fetch(x), n)
            some.start(name)


def test_a_scheduler_that_is_killed_and_started_again_goes_on(hand, want):
    some = hand()
    with new_session(some.endpoint) as s:
        before = mt.arange(100_000, chunk_size=1000).execute(session=s)
        doubled = (before * 2).execute(session=s)
        futures = [s.run(*program(seed), wait=False) for seed in (7, 8)]
        time.sleep(0.1)
        again(some)
        for future, seed in zip(futures, (7, 8)):
            assert same(future.result(timeout=SECONDS), want[seed])
        assert np.array_equal(s.fetch(doubled), np.arange(100_000) * 2)
        assert np.array_equal(s.fetch(before), np.arange(100_000))
        assert s.run((before + doubled).sum()) == 3 * 4999950000
        del before, doubled, futures
    wait_for(lambda: answer(some.endpoint, "status")["tensors"] == 0, "tensors stay")
    assert answer(some.endpoint, "status")["sessions"] == 0


def test_work_goes_on_within_two_seconds_of_a_new_scheduler_and_nothing_finished_is_done_again(hand):
    some = hand()
    with new_session(some.endpoint) as s:
        kept = [(mt.random.RandomState(k).rand(300, 300, chunk_size=30) * 2).execute(session=s) for k in range(10)]
        want = [s.fetch(t) for t in kept]
        wait_for(lambda: n_made(some) == 1000, "not all tasks are reported")
        began = time.monotonic()
        again(some)
        assert s.run(mt.ones(3).sum()) == 3
        assert time.monotonic() - began < 2
        assert all(np.array_equal(s.fetch(t), w) for t, w in zip(kept, want))
        time.sleep(1.5)  # a heartbeat later
        assert n_made(some) < 1010  # those of the sum


def test_a_scheduler_that_is_killed_again_and_again_changes_no_bit(hand, want):
    some = hand()
    over = threading.Event()

    def kill():
        while not over.wait(0.7):
            again(some)

    with new_session(some.endpoint) as s:
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            for _ in range(4):
                assert same(s.run(*program()), want[7])
        finally:
            over.set()
            killer.join()
        assert same(s.run(*program(8)), want[8])
    wait_for(lambda: answer(some.endpoint, "status")["tensors"] == 0, "tensors stay")


def test_a_scheduler_without_a_journal_says_so_and_its_sessions_end_with_it(hand):
    some = hand("--state-dir", "none", "--log-level", "info")
    with new_session(some.endpoint) as s:
        assert s.run(mt.ones(3).sum()) == 3
        assert "no state_dir" in some.log("scheduler")
        again(some)
        with pytest.raises(Exception, match="is not known any more"):
            s.run(mt.ones(3).sum())
    with new_session(some.endpoint) as s:
        assert s.run(mt.ones(3).sum()) == 3


def test_two_schedulers_of_one_user_have_a_journal_each_and_never_share_one(hand, tmp_path):
    some = hand(n_worker=0)
    journals = [str(p.relative_to(tmp_path)) for p in tmp_path.glob("state/**/journal")]
    assert len(journals) == 1 and "scheduler" in journals[0]
    other = Hand(tmp_path / "other")
    (tmp_path / "other").mkdir()
    second = subprocess.run([shutil.which("mars-scheduler"), "--config-dir", "none", "--port", "none", "--socket",
                             str(tmp_path / "other/s"), "--state-dir", str((tmp_path / journals[0]).parent)],
                            capture_output=True, text=True, timeout=SECONDS)
    assert second.returncode == 1 and "another scheduler has the journal" in second.stderr
    other.start("scheduler")
    other.stop()
    assert answer(some.endpoint, "status")["workers"] == 0


def test_what_is_no_journal_stops_the_scheduler_with_words(tmp_path):
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state/journal").write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    done = subprocess.run([shutil.which("mars-scheduler"), "--config-dir", "none", "--port", "none", "--socket",
                           str(tmp_path / "s"), "--state-dir", str(tmp_path / "state")],
                          capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1 and "is no journal, or a damaged one" in done.stderr


# ---- Names -----------------------------------------------------------------------------------------------------------

def test_a_named_result_outlives_its_session_and_the_scheduler(hand):
    some = hand()
    with new_session(some.endpoint) as s:
        (mt.arange(1000, chunk_size=100) * 2).save_as("twice", session=s)
    with new_session(some.endpoint) as s:
        assert s.names() == ["twice"]
        assert np.array_equal(s.open("twice").fetch(), np.arange(1000) * 2)
        again(some)
        t = s.open("twice")
        assert s.run(t.sum()) == 999_000
    again(some)
    some.kill("w0")
    with new_session(some.endpoint) as s:
        t = s.open("twice")
        assert s.run((t + 1).sum()) == 1_000_000
        s.remove("twice")
        assert s.names() == []
        assert np.array_equal(t.fetch(), np.arange(1000) * 2)
        del t
        # The session before had said goodbye, of which nothing was written: it is kept for its lease, of SECONDS.
        wait_for(lambda: answer(some.endpoint, "status")["tensors"] == 0, "the tensor stays", 2 * SECONDS)


@pytest.mark.parametrize("where", ["threads", "cluster"])
def test_names_that_are_unknown_or_taken_are_errors_with_words(cluster, where):
    with new_session(None if where == "threads" else cluster.endpoint) as s:
        t = mt.ones(3).save_as("wind 2026", session=s)
        t.save_as("wind 2026", session=s)  # once more is no other
        with pytest.raises(NameTaken, match="there is a result 'wind 2026' already"):
            mt.zeros(3).save_as("wind 2026", session=s)
        with pytest.raises(KeyError, match="no result 'wind 2025'; there is 'wind 2026'"):
            s.open("wind 2025")
        with pytest.raises(UnknownName, match="no result 'x' among 1 names"):
            s.remove("x")
        for bad in ("", "two\nlines", "x" * 300):
            with pytest.raises(ValueError, match="a line of text"):
                s.open(bad)
        opened = s.open("wind 2026")
        assert opened.shape == (3,) and opened.dtype == np.float64 and s.run(opened.sum()) == 3
        with new_session() as other, pytest.raises(ValueError, match="session that opened it"):
            other.run(opened + 1)
        s.remove("wind 2026")
        with pytest.raises(UnknownName, match="among 0 names"):
            s.open("wind 2026")


def test_data_that_a_client_gave_is_there_after_the_scheduler_died(hand):
    some = hand()
    n = np.random.default_rng(3).standard_normal((500, 300))
    with new_session(some.endpoint) as s:
        t = mt.tensor(n, chunk_size=50).execute(session=s)
        again(some)
        assert np.array_equal(s.fetch(t), n)
        assert np.array_equal(s.run(t * 2), n * 2)
        again(some)
        assert np.array_equal(s.run(t[::3, ::5]), n[::3, ::5])


def test_data_that_a_client_gave_is_given_again_also_to_a_scheduler_that_was_started_again(hand):
    some = hand()
    n = np.random.default_rng(4).standard_normal((500, 300))
    with new_session(some.endpoint) as s:
        t = mt.tensor(n, chunk_size=50).execute(session=s)
        gone = (mt.tensor(n, chunk_size=50) + 1).execute(session=s)
        again(some)
        del gone  # what it came from is spared, by a scheduler that has not seen it come
        for name in ("w0", "w1"):
            some.kill(name)
            some.start(f"{name}-again")
        assert np.array_equal(s.fetch(t), n)
        again(some)
        assert np.array_equal(s.run(t * 2), n * 2)


def given(some, n):
    """A session's tensor of this data, in a thread of its own; it is there when workers have taken it."""
    with new_session(some.endpoint) as s:
        return s.run(mt.tensor(n, chunk_size=100) * 2)


def test_data_waits_for_a_worker_that_takes_it(hand):
    some = hand(n_worker=0)
    n = np.random.default_rng(4).standard_normal((500, 300))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        doubled = pool.submit(given, some, n)
        wait_for(lambda: answer(some.endpoint, "status")["requests"] >= 1, "nobody asks for a worker")
        assert not doubled.done()
        some.start("late")
        assert np.array_equal(doubled.result(SECONDS), n * 2)


def test_data_goes_to_another_worker_when_one_dies_that_was_to_have_it(hand):
    some = hand()
    n = np.random.default_rng(5).standard_normal((500, 300))
    some.processes["w1"].send_signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        doubled = pool.submit(given, some, n)
        with pytest.raises(concurrent.futures.TimeoutError):
            doubled.result(1)
        some.kill("w1")
        assert np.array_equal(doubled.result(SECONDS), n * 2)


# ---- Workers that are to be empty ------------------------------------------------------------------------------------

def marsctl(some, *words):
    return subprocess.run([shutil.which("marsctl"), "-s", some.endpoint, *words], capture_output=True, text=True,
                          timeout=SECONDS)


def test_a_worker_that_is_drained_gives_its_chunks_away_and_one_that_is_retired_ends(hand):
    some = hand()
    state = lambda k: answer(some.endpoint, "workers")[k]["state"]  # noqa: E731
    with new_session(some.endpoint) as s:
        t = mt.random.RandomState(1).rand(300, 300, chunk_size=30).execute(session=s)
        want = s.fetch(t)
        made = n_made(some)
        done = marsctl(some, "drain", "0")
        assert done.returncode == 0 and "is given no more tasks" in done.stdout
        wait_for(lambda: state(0) == "empty", "it is never empty")
        assert marsctl(some, "undrain", "0").returncode == 0 and state(0) == "works"
        assert marsctl(some, "retire", "1").returncode == 0
        name = answer(some.endpoint, "workers")[1]["name"]
        assert some.processes.pop(name).wait(SECONDS) == 0
        assert np.array_equal(s.fetch(t), want)
        assert n_made(some) <= max(made, 100)  # nothing was done again
    for words, status, why in ((("drain", "77"), 1, "no worker 77"), (("retire", "w"), 2, "no number of a worker")):
        done = marsctl(some, *words)
        assert done.returncode == status and why in done.stderr
