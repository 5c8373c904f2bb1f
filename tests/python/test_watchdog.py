# SPDX-License-Identifier: Apache-2.0
"""What daemons tell the service manager's watchdog: that all is well while their loop and their work get on, and
nothing while one of these stands still. The service manager is this test: a socket, and as a debugger it holds single
threads, so that one of a process stands still and the others do not."""
import signal
import socket
import threading
import time

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, computing, held, wait_for

import mars.tensor as mt
from mars.session import new_session

PERIOD = 1.0  # in which the service manager wants to hear something


class Watchdog:
    def __init__(self, folder, monkeypatch):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(PERIOD * 1e6)))
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
        self.heard = threading.Event()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        """Always, or who speaks would wait until there is room for it."""
        while said := self.socket.recv(4096):
            if b"WATCHDOG=1" in said.split(b"\n"):
                self.heard.set()

    def hears(self, seconds):
        """Whether all is said to be well within that time, from now on."""
        self.heard.clear()
        return self.heard.wait(seconds)

    def close(self):
        self.socket.shutdown(socket.SHUT_RD)
        self.reader.join(SECONDS)
        self.socket.close()


@pytest.fixture
def watchdog(tmp_path, monkeypatch):
    made = Watchdog(tmp_path, monkeypatch)
    yield made
    made.close()


def scheduler(folder):
    return Daemon("mars-scheduler", "--socket", f"{folder}/scheduler", "--port", "none", "--state-dir", "none")


def worker(folder):
    return Daemon("mars-worker", "--socket", f"{folder}/worker", "--port", "none", "--schedulers",
                  f"unix:{folder}/scheduler", "--threads", "1", "--cache-mem", "256m", "--drain", "none")


def web(folder):
    return Daemon("mars-web", "--schedulers", f"unix:{folder}/scheduler", "--port", "0")


@pytest.mark.parametrize("start", [scheduler, worker, web])
def test_all_is_well_while_the_loop_runs_and_only_then(start, watchdog, tmp_path):
    daemon = start(tmp_path)
    try:
        daemon.says("listening at")
        assert all(watchdog.hears(SECONDS) for _ in range(3))
        with held(daemon.process.pid):
            assert not watchdog.hears(2 * PERIOD)
        assert watchdog.hears(SECONDS)
    finally:
        assert daemon.stop() == 0


def test_work_that_takes_long_is_well_and_work_that_stands_still_is_not(watchdog, monkeypatch, tmp_path):
    """One task, of which LAPACK has not finished before the test has."""
    with monkeypatch.context() as quiet:
        quiet.delenv("NOTIFY_SOCKET")
        daemons = [scheduler(tmp_path).says("listening at")]
    daemons.append(worker(tmp_path).says("joined the scheduler"))
    try:
        sess = new_session(f"unix:{tmp_path}/scheduler")
        x = mt.tensor(np.random.default_rng(1).random((3000, 3000)), chunk_size=3000)
        sess.run(mt.linalg.eigvals(x), wait=False)
        wait_for(lambda: computing(daemons[1].process), "nobody computes")
        begin = time.monotonic()
        while time.monotonic() < begin + 5 * PERIOD:
            assert watchdog.hears(SECONDS)
        assert "has used no processor" not in daemons[1].said
        with held(computing(daemons[1].process)):
            daemons[1].says("thread 0 has used no processor")  # so the loop runs
            assert not watchdog.hears(2 * PERIOD)
            assert "all threads move again" not in daemons[1].said
        daemons[1].says("all threads move again")
        assert watchdog.hears(SECONDS)
    finally:
        for daemon in reversed(daemons):
            daemon.stop(signal.SIGKILL)
