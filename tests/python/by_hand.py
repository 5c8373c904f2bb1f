# SPDX-License-Identifier: Apache-2.0
"""Daemons that a test starts by hand, and waiting for what they do."""
import re
import shutil
import signal
import subprocess
import threading
import time

SECONDS = 30  # after which a wait has failed


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
