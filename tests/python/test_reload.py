# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: daemons read their configuration again while they run."""
import os
import signal
import subprocess
import time

import pytest

from mars.session import new_session

SECONDS = 20


class Scheduler:
    def __init__(self, folder):
        self.folder = folder
        self.endpoint = f"unix:{folder}/socket"
        self.write("max_sessions = 2\n")
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(
            ["mars-scheduler", "--config-dir", str(folder), "--port=none", f"--socket={folder}/socket",
             "--state-dir=none"], stderr=self.log, stdout=self.log)
        self.wait("listening at")

    def write(self, text):
        (self.folder / "scheduler.conf").write_text(text)

    def words(self):
        return (self.folder / "log").read_text()

    def wait(self, words, n=1):
        deadline = time.monotonic() + SECONDS
        while self.words().count(words) < n:
            assert self.process.poll() is None, self.words()
            assert time.monotonic() < deadline, self.words()
            time.sleep(0.01)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(SECONDS) == 0
        self.log.close()


@pytest.fixture
def scheduler(tmp_path):
    made = Scheduler(tmp_path)
    yield made
    made.stop()


def test_a_key_that_is_live_has_its_new_value(scheduler):
    first, second = new_session(scheduler.endpoint), new_session(scheduler.endpoint)
    with pytest.raises(Exception, match="max_sessions"):
        new_session(scheduler.endpoint)
    scheduler.write("max_sessions = 3\n")
    scheduler.reload()
    scheduler.wait("read again")
    new_session(scheduler.endpoint).close()
    first.close()
    second.close()


def test_a_mistake_is_told_and_changes_nothing(scheduler):
    scheduler.write("max_sessions = many\nnonsense = 1\n")
    scheduler.reload()
    scheduler.wait("has mistakes")
    assert "scheduler.conf:1" in scheduler.words()
    assert "scheduler.conf:2" in scheduler.words()
    new_session(scheduler.endpoint).close()


def test_a_key_that_needs_a_restart_is_named(scheduler):
    scheduler.write("max_sessions = 2\nadvertise = 192.0.2.9\n")
    scheduler.reload()
    scheduler.wait("read again")
    assert "advertise" in scheduler.words()


def test_many_in_a_row_are_no_harm(scheduler):
    for _ in range(20):
        scheduler.reload()
    scheduler.wait("read again")
    assert os.path.exists(f"/proc/{scheduler.process.pid}")
    new_session(scheduler.endpoint).close()
