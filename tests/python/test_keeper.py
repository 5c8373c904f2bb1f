# SPDX-License-Identifier: Apache-2.0
"""mars-keeper: what it keeps, when it starts its program again and when not, and how it ends. Its programs here are
Python scripts, which speak to it as any program speaks to systemd."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from test_cluster import SECONDS, alive, wait_for

SPEAK = """
import array, os, signal, socket, sys, time
def notify(words, *fds):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        address = os.environ["NOTIFY_SOCKET"]
        s.connect("\\0" + address[1:] if address[0] == "@" else address)
        s.sendmsg([words.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
def given():
    names = os.environ.get("LISTEN_FDNAMES", "").split(":") if os.environ.get("LISTEN_PID") == str(os.getpid()) else []
    assert len(names) == int(os.environ.get("LISTEN_FDS", "0"))
    return [(name, 3 + k) for k, name in enumerate(names)]
def say(*words):
    print(os.getpid(), *words, flush=True)
"""


@pytest.fixture
def keep(tmp_path):
    """keep(script): a keeper with the script as its program, which is told where it may leave files."""
    started = []

    def start(script, **environment):
        path = tmp_path / f"program-{len(started)}.py"
        path.write_text(SPEAK + script)
        keeper = subprocess.Popen([shutil.which("mars-keeper"), "--", sys.executable, str(path)],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=dict(os.environ, **environment), pass_fds=map(int, environment.values())
                                  if "MARS_LIFELINE" in environment else [])
        started.append(keeper)
        return keeper

    yield start
    for keeper in started:
        keeper.kill()
        keeper.communicate(timeout=SECONDS)


def next_line(keeper):
    """The pid of the program, and what it says."""
    pid, *words = keeper.stdout.readline().split()
    return int(pid), words


FILES = """
say(*(f"{name}={os.pread(fd, 100, 0).decode()}" for name, fd in given()))
notify("READY=1")
if not given():
    for name in "one", "two":
        fd = os.memfd_create(name)
        os.write(fd, name.upper().encode())
        notify(f"FDSTORE=1\\nFDNAME={name}", fd)
elif len(given()) == 2:
    notify("FDSTOREREMOVE=1\\nFDNAME=one")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_program_kept_is_there_when_it_is_started_again(keep):
    keeper = keep(FILES)
    lives = [next_line(keeper) for _ in range(4)]
    assert [words for _, words in lives] == [[], ["one=ONE", "two=TWO"], ["two=TWO"], ["two=TWO"]]
    assert len({pid for pid, _ in lives}) == 4


def test_a_file_that_is_kept_twice_is_there_once(keep):
    keeper = keep("""
say(*(name for name, fd in given()))
notify("READY=1")
fd = given()[0][1] if given() else os.memfd_create("x")
for name in "first", "second":
    notify(f"FDSTORE=1\\nFDNAME={name}", fd)
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert [next_line(keeper)[1] for _ in range(3)] == [[], ["first"], ["first"]]


def test_a_killed_program_is_back_within_half_a_second(keep):
    keeper = keep('notify("READY=1"); say(); signal.pause()')
    pid, _ = next_line(keeper)
    begin = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    assert next_line(keeper)[0] != pid
    assert time.monotonic() - begin < 0.5


@pytest.mark.parametrize("end", ["sys.exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"])
def test_a_program_that_ends_well_is_not_started_again(keep, end):
    keeper = keep(f'say(); notify("READY=1"); {end}')
    assert keeper.wait(SECONDS) == 0
    assert len(keeper.stdout.readlines()) == 1


def test_a_program_that_was_never_ready_is_not_started_again(keep):
    keeper = keep("say(); sys.exit(3)")
    assert keeper.wait(SECONDS) == 3
    assert len(keeper.stdout.readlines()) == 1
    assert "with status 3 before it was ready" in keeper.stderr.read()


def test_what_is_not_about_descriptors_is_handed_on(keep, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(str(tmp_path / "notify"))
        s.settimeout(SECONDS)
        keep('notify("READY=1\\nSTATUS=well"); notify("FDSTORE=1", os.memfd_create("x")); notify("STATUS=on"); '
             "signal.pause()", NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert s.recv(100) == b"READY=1\nSTATUS=well"
        assert s.recv(100) == b"STATUS=on"


def test_a_stranger_can_have_nothing_kept(keep):
    keeper = keep("""
say(*(name for name, fd in given()))
notify("READY=1")
if os.fork() == 0:
    notify("FDSTORE=1\\nFDNAME=evil", os.memfd_create("x"))
    os._exit(0)
os.wait()
os.kill(os.getpid(), signal.SIGKILL)
""")
    assert [next_line(keeper)[1] for _ in range(2)] == [[], []]


def test_signals_go_to_the_program(keep):
    keeper = keep("""
both = {signal.SIGHUP, signal.SIGTERM}
signal.pthread_sigmask(signal.SIG_BLOCK, both)
notify("READY=1")
say("ready")
for _ in both:
    say(signal.Signals(signal.sigwait(both)).name)
sys.exit(7)
""")
    for number, word in ((None, "ready"), (signal.SIGHUP, "SIGHUP"), (signal.SIGTERM, "SIGTERM")):
        if number:
            keeper.send_signal(number)
        assert next_line(keeper)[1] == [word]
    assert keeper.wait(SECONDS) == 7


def test_nothing_stays_when_the_lifeline_is_cut(keep):
    reads, writes = os.pipe()
    keeper = keep('say(os.environ["MARS_LIFELINE"]); notify("READY=1"); signal.pause()', MARS_LIFELINE=str(reads))
    pid, [lifeline] = next_line(keeper)
    assert pathlib.Path(f"/proc/{pid}/fd/{lifeline}").is_fifo()
    os.close(writes)
    keeper.wait(SECONDS)
    assert not alive(pid)
    os.close(reads)


def test_the_program_ends_with_a_killed_keeper(keep):
    keeper = keep('say(); notify("READY=1"); signal.pause()')
    pid, _ = next_line(keeper)
    keeper.kill()
    wait_for(lambda: not alive(pid), "it goes on alone")


def test_descriptors_leak_nowhere(keep):
    """Neither the keeper nor the program has more of them after many lives."""
    keeper = keep("""
say(len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{os.getppid()}/fd")))
notify("READY=1")
if not given():
    notify("FDSTORE=1", os.memfd_create("x"))
os.kill(os.getpid(), signal.SIGKILL)
""")
    lives = [next_line(keeper)[1] for _ in range(6)]
    assert lives[1] == lives[5]
    with contextlib.suppress(ProcessLookupError):
        keeper.kill()
