# SPDX-License-Identifier: Apache-2.0
"""Daemons that a test starts by hand, and waiting for what they do; as a debugger it holds single threads of them."""
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

SECONDS = 30  # after which a wait has failed
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17  # of ptrace(2)
WALL = 0x40000000  # of waitpid(2): threads that are not ours, too


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Daemon:
    """One that was started by hand; `said` is its log so far."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([shutil.which(program), "--config-dir", "none", *options],
                                        stderr=subprocess.PIPE, text=True)
        self.said = ""
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.said += line

    def says(self, word):
        wait_for(lambda: word in self.said or self.process.poll() is not None, f"{word!r} is not said: {self.said}")
        assert word in self.said, self.said
        return self

    def port(self, word="listening at 127.0.0.1:"):
        """The number that follows the word in its log, with the line whole."""
        number = re.compile(re.escape(word) + r"(\d+)\D")
        wait_for(lambda: number.search(self.said) or self.process.poll() is not None, f"no port: {self.said}")
        found = number.search(self.said)
        assert found, self.said
        return int(found[1])

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        self.process.stderr.close()
        return status


@contextlib.contextmanager
def held(thread):
    """One thread stands still."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    ptrace.restype = ctypes.c_long

    def ask(what):
        assert ptrace(what, thread, None, None) == 0, os.strerror(ctypes.get_errno())

    ask(SEIZE)
    ask(INTERRUPT)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ask(DETACH)


def computing(process, seconds=0.5):
    """The thread of a daemon that has used its processor for so long."""
    ticks = os.sysconf("SC_CLK_TCK")
    for path in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        used = int((path / "stat").read_text().rpartition(")")[2].split()[11])
        if int(path.name) != process.pid and used > ticks * seconds:
            return int(path.name)
    return None
