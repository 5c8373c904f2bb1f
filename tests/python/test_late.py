# SPDX-License-Identifier: Apache-2.0
"""A worker that lives, answers, and gets nothing done: one thread of it stands still in the middle of a task."""
import contextlib
import json
import shutil
import signal
import subprocess

from by_hand import SECONDS, Daemon, computing, held, wait_for

import mars.tensor as mt
from mars.session import new_session

CHUNK, CHUNKS = 1 << 20, 160  # elements: a task takes some hundredths of a second, all of them two heartbeats


def job():
    return ((mt.arange(CHUNK * CHUNKS, dtype="f8", chunk_size=CHUNK) / CHUNK) ** 1.7).sum()


def test_others_do_what_a_worker_has_begun_and_does_not_end(tmp_path):
    with contextlib.ExitStack() as stack:
        def begin(program, *options):
            daemon = Daemon(program, *options, "--port", "none")
            stack.callback(lambda: daemon.process.poll() is None and daemon.stop(signal.SIGKILL))
            return daemon

        def ask(what):
            said = subprocess.run([shutil.which("marsctl"), "-s", address, what, "--json"], capture_output=True,
                                  text=True, timeout=SECONDS, check=True)
            return json.loads(said.stdout)

        address = f"unix:{tmp_path}/scheduler"
        scheduler = begin("mars-scheduler", "--socket", f"{tmp_path}/scheduler", "--state-dir", "none")
        scheduler.says("listening at")
        workers = [begin("mars-worker", "--socket", f"{tmp_path}/{name}", "--schedulers", address, "--threads", "1",
                         "--cache-mem", "256m", "--drain", "none", "--name", name).says("joined the scheduler")
                   for name in ("w0", "w1")]
        session = stack.enter_context(new_session(address))
        expected = session.run(job())
        future = session.run(job(), wait=False)
        wait_for(lambda: ask("workers")[0]["running"] > 0, "it has nothing to do")
        with held(computing(workers[0].process, 0.1)):
            assert future.result(timeout=2 * SECONDS) == expected
            assert "is late: it has done nothing of plan" in scheduler.said
            assert session.run(job()) == expected  # of which it is given nothing
        wait_for(lambda: ask("workers")[0]["running"] == 0, "it goes on for ever")
        wait_for(lambda: ask("workers")[0]["chunks"] == 0, "something is left there")
