# SPDX-License-Identifier: Apache-2.0
"""A worker between a scheduler and a client that are this test: what it says when it has died, when its scheduler has,
and when it is to stop. Messages are written from docs/PROTOCOL.md, not by our own code."""
import contextlib
import ctypes
import ctypes.util
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from test_cluster import SECONDS, first_line, frame, program_of, status, text, varint, wait_for
from test_cluster import by_hand  # noqa: F401

import mars
import mars.tensor as mt
from mars.session import new_session

HELLO, WELCOME, REFUSED, DROP, TAKE, LEAVE, EXPECT, DIGEST, DIGESTED = 1, 2, 3, 20, 22, 23, 24, 26, 42
STATUS, HOLDS, TAKEN, LEAVING, GET, CHUNK, GONE, PUT, STORED = 36, 37, 38, 39, 80, 81, 82, 83, 84
EPOCH = 1000


def xxh3(data):
    library = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    return library.XXH3_64bits(data, len(data))


class Fields:
    """Reads a body field by field."""

    def __init__(self, body):
        self.body, self.at = body, 0

    def number(self):
        value, shift = 0, 0
        while True:
            byte = self.body[self.at]
            self.at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def text(self):
        n = self.number()
        self.at += n
        return self.body[self.at - n:self.at].decode()

    def numbers(self):
        return [self.number() for _ in range(self.number())]


class Wire:
    """One end of a link."""

    def __init__(self, s):
        s.settimeout(SECONDS)
        self.socket, self.stream = s, s.makefile("rb")

    def say(self, kind, body, payload=b""):
        head = bytearray(frame(kind, body))
        head[16:24] = len(payload).to_bytes(8, "little")
        self.socket.sendall(bytes(head) + payload)

    def hear(self, *kinds):
        """The next message of one of the kinds, and its payload; heartbeats and the like are passed over."""
        while True:
            header = self.stream.read(24)
            if not header:
                raise EOFError
            body = self.stream.read(int.from_bytes(header[8:12], "little"))
            payload = self.stream.read(int.from_bytes(header[16:24], "little"))
            kind = int.from_bytes(header[4:6], "little")
            if kind in kinds:
                return Fields(body), payload

    def close(self):
        self.stream.close()
        self.socket.close()


class Worker:
    """A worker in the hands of a keeper; this is its scheduler."""

    def __init__(self, path, *options):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{path}/scheduler")
        self.listener.listen()
        self.listener.settimeout(SECONDS)
        self.keeper = subprocess.Popen(
            [shutil.which("mars-keeper"), "--", "mars-worker", "--config-dir", "none", "--socket", f"{path}/worker",
             "--port", "none", "--schedulers", f"unix:{path}/scheduler", "--threads", "1", "--cache-mem", "64m",
             "--spill-dir", str(path), "--log-level", "warning", *options])
        self.scheduler = self.identity = None

    def join(self, epoch=EPOCH):
        """Takes the worker in: the chunks that it says it has, with their sizes."""
        if self.scheduler:
            self.scheduler.close()
        self.scheduler = Wire(self.listener.accept()[0])
        hello, _ = self.scheduler.hear(HELLO)
        assert [hello.number() for _ in range(2)][0] == 2  # a worker
        _build, _token, _name, address = (hello.text() for _ in range(4))
        assert address == f"unix:{self.path}/worker"
        numbers = [hello.number() for _ in range(5)]
        assert self.identity in (None, numbers[4]) and numbers[4] != 0
        self.identity = numbers[4]
        self.scheduler.say(WELCOME, varint(0) + varint(epoch) + varint(0) * 3 + text(mars.__version__))
        return self.holds()

    def holds(self):
        chunks, last = {}, 0
        while not last:
            m, _ = self.scheduler.hear(HOLDS)
            ids, sizes, last = m.numbers(), m.numbers(), m.number()
            chunks.update(zip(ids, sizes, strict=True))
        return chunks

    def client(self):
        s = socket.socket(socket.AF_UNIX)
        s.connect(f"{self.path}/worker")
        client = Wire(s)
        client.say(HELLO, varint(1) + varint(1) + text("") * 2 + text("test") + text("") + varint(0) * 5)
        client.hear(WELCOME)
        return client

    def give(self, chunk, data):
        self.scheduler.say(EXPECT, varint(chunk) + varint(1) + varint(len(data)))
        with contextlib.closing(self.client()) as client:
            client.say(PUT, varint(chunk) + varint(len(data)))
            client.hear(GET)
            client.say(CHUNK, varint(chunk) + varint(xxh3(data)), data)
            m, _ = client.hear(STORED)
            assert (m.number(), m.number()) == (chunk, 0)

    def has(self, chunk):
        """Its bytes, or None."""
        with contextlib.closing(self.client()) as client:
            client.say(GET, varint(chunk) + varint(1 << 40) + varint(0))
            while True:
                header = client.stream.read(24)
                client.stream.read(int.from_bytes(header[8:12], "little"))
                payload = client.stream.read(int.from_bytes(header[16:24], "little"))
                kind = int.from_bytes(header[4:6], "little")
                if kind in (CHUNK, GONE):
                    return payload if kind == CHUNK else None

    def kill(self):
        pid = program_of(self.keeper)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: program_of(self.keeper) != pid, "a killed worker lives")

    def end(self):
        if self.scheduler:
            self.scheduler.close()
        self.listener.close()
        self.scheduler = None
        self.keeper.terminate()
        self.keeper.wait(SECONDS)


@pytest.fixture
def begin(tmp_path):
    begun = []

    def make(*options):
        begun.append(Worker(tmp_path, *options))
        return begun[-1]

    yield make
    for worker in begun:
        worker.end()


ONE, TWO = bytes(range(256)) * 4000, b"two" * 100_001


def test_a_killed_worker_comes_back_with_every_chunk(begin):
    worker = begin()
    assert worker.join() == {}
    worker.give(5, ONE)
    worker.give(6, TWO)
    for _ in range(3):
        worker.kill()
        start = time.monotonic()
        assert worker.join() == {5: len(ONE), 6: len(TWO)}
        assert time.monotonic() - start < 0.5
        assert worker.has(5) == ONE and worker.has(6) == TWO


def larger_than_the_cache(worker):
    """Chunks of twice the worker's cache, most of which are on disk alone."""
    rng = np.random.default_rng(4)
    data = {7 + k: rng.bytes((8 << 20) + 1000 * k) for k in range(16)}
    for chunk, content in data.items():
        worker.give(chunk, content)
    return data


def kept_files(path):
    return list(path.glob("mars-kept-*/extents"))


def test_a_killed_worker_comes_back_with_the_chunks_on_its_disk(begin, tmp_path):
    worker = begin()
    worker.join()
    data = larger_than_the_cache(worker)
    sizes = {chunk: len(content) for chunk, content in data.items()}
    for _ in range(3):
        worker.kill()
        assert worker.join() == sizes
        assert {chunk for chunk in data if worker.has(chunk) != data[chunk]} == set()
    for chunk in list(data)[::2]:
        worker.scheduler.say(DROP, varint(chunk) + varint(1))
        del sizes[chunk]
    wait_for(lambda: worker.has(list(data)[-2]) is None, "a chunk that was dropped is here")
    worker.kill()
    assert sizes.items() <= worker.join().items()
    assert {chunk for chunk in sizes if worker.has(chunk) != data[chunk]} == set()
    assert len(kept_files(tmp_path)) == 1
    worker.scheduler.close()
    worker.keeper.terminate()
    worker.keeper.wait(SECONDS)
    assert kept_files(tmp_path) == []


def test_a_chunk_that_its_disk_has_wrong_does_not_come_back(begin, tmp_path):
    worker = begin()
    worker.join()
    data = larger_than_the_cache(worker)
    with open(kept_files(tmp_path)[0], "r+b") as f:
        f.seek(4096 + (4 << 20))  # in the first extent, behind its header
        byte = f.read(1)
        f.seek(-1, os.SEEK_CUR)
        f.write(bytes([byte[0] ^ 1]))
    worker.kill()
    here = worker.join()
    assert len(data) - 1 <= len(here) <= len(data)  # it may be in memory, too
    assert len(here) < len(data) or worker.has(min(data)) == data[min(data)]
    assert {chunk for chunk in here if worker.has(chunk) != data[chunk]} == set()


def test_a_worker_without_its_memory_removes_what_it_had_on_disk(begin, tmp_path):
    left = tmp_path / "mars-kept-00000000000000ab"
    left.mkdir(mode=0o700)
    (left / "extents").touch(mode=0o600)
    (left / "table").touch(mode=0o600)
    begin().join()
    assert not left.exists()


def test_chunks_that_are_dropped_do_not_come_back(begin):
    worker = begin()
    worker.join()
    worker.give(5, ONE)
    worker.give(6, TWO)
    worker.scheduler.say(DROP, varint(5) + varint(1))
    wait_for(lambda: worker.has(5) is None, "it is still there")
    worker.kill()
    assert worker.join() == {6: len(TWO)}
    worker.give(7, ONE)
    worker.kill()
    assert worker.join() == {6: len(TWO), 7: len(ONE)}
    assert worker.has(6) == TWO and worker.has(7) == ONE


def test_a_worker_takes_no_chunk_that_its_scheduler_does_not_expect(begin):
    worker = begin()
    worker.join()
    with contextlib.closing(worker.client()) as client:
        for chunk in 5, 6:
            client.say(PUT, varint(chunk) + varint(len(ONE)))
        worker.scheduler.say(EXPECT, varint(6) + varint(1) + varint(len(ONE)))  # later than its client's word
        m, _ = client.hear(GET)
        assert m.number() == 6
        client.say(CHUNK, varint(6) + varint(xxh3(ONE)), ONE)
        m, _ = client.hear(STORED)
        assert (m.number(), m.number()) == (6, 0)
        m, _ = client.hear(STORED)
        assert m.number() == 5 and m.number() != 0 and "has not said that it will be given" in m.text()
    assert worker.has(6) == ONE and worker.has(5) is None


def test_a_chunk_that_is_larger_than_expected_costs_its_client_the_link(begin):
    worker = begin()
    worker.join()
    worker.scheduler.say(EXPECT, varint(5) + varint(1) + varint(len(ONE) - 1))
    worker.give(6, TWO)  # the worker has heard of both
    with contextlib.closing(worker.client()) as client:
        client.say(PUT, varint(5) + varint(len(ONE)))
        with pytest.raises(EOFError):
            client.hear(GET, STORED)
    assert worker.has(6) == TWO


def test_a_worker_keeps_its_chunks_when_its_scheduler_is_gone(begin):
    worker = begin()
    worker.join()
    worker.give(5, ONE)
    assert worker.join(EPOCH + 1) == {5: len(ONE)}
    assert worker.has(5) == ONE


def test_a_scheduler_of_the_past_is_not_obeyed(begin):
    worker = begin("--log-level", "error")
    worker.join()
    worker.give(5, ONE)
    with pytest.raises((EOFError, OSError)):
        worker.join(EPOCH - 1)
    assert worker.join(EPOCH) == {5: len(ONE)}


def test_chunks_of_a_cluster_that_does_not_come_back_are_dropped(begin):
    worker = begin("--keep-for", "1", "--log-level", "error")
    worker.join()
    worker.give(5, ONE)
    worker.scheduler.close()
    waiting = worker.listener.accept()[0]  # nobody answers
    wait_for(lambda: worker.has(5) is None, "it is kept for ever")
    waiting.close()
    worker.scheduler = None
    assert worker.join() == {}


def leaving(worker):
    os.kill(program_of(worker.keeper), signal.SIGTERM)
    m, _ = worker.scheduler.hear(LEAVING)
    assert m.number() == 1


def test_a_worker_that_is_to_stop_says_so_and_ends_when_it_may(begin):
    worker = begin()
    worker.join()
    worker.give(5, ONE)
    leaving(worker)
    assert worker.has(5) == ONE  # others take it now
    worker.scheduler.say(LEAVE, varint(0) + text(""))
    assert worker.keeper.wait(SECONDS) == 0


def test_a_worker_that_is_told_to_stop_twice_stops_at_once(begin):
    worker = begin()
    worker.join()
    leaving(worker)
    os.kill(program_of(worker.keeper), signal.SIGTERM)
    assert worker.keeper.wait(SECONDS) == 0


def test_a_worker_waits_to_stop_no_longer_than_it_was_told(begin):
    worker = begin("--drain", "0.2", "--log-level", "error")
    worker.join()
    leaving(worker)
    assert worker.keeper.wait(SECONDS) == 0


@pytest.mark.parametrize("first", ["it is told to stop", "the scheduler goes"])
def test_a_worker_without_a_scheduler_stops_at_once(begin, first):
    worker = begin("--drain", "10min", "--log-level", "error")
    worker.join()
    if first == "it is told to stop":
        leaving(worker)
    worker.scheduler.close()
    worker.scheduler = None
    if first != "it is told to stop":
        worker.listener.accept()[0].close()  # it has noticed
        worker.keeper.terminate()
    assert worker.keeper.wait(SECONDS) == 0


def test_a_worker_takes_chunks_of_another(begin, tmp_path):
    """The other one is this test, too: it is asked for the chunk."""
    worker = begin()
    worker.join()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
        other.listen()
        worker.scheduler.say(16, varint(3) + text(f"unix:{tmp_path}/other"))  # PEER
        worker.scheduler.say(TAKE, varint(8) + varint(3) + varint(len(TWO)))
        holder = Wire(other.accept()[0])
        holder.hear(HELLO)
        holder.say(WELCOME, varint(3) + varint(EPOCH) + varint(0) * 3 + text(mars.__version__))
        holder.hear(GET)
        holder.say(CHUNK, varint(8) + varint(xxh3(TWO)), TWO)
        m, _ = worker.scheduler.hear(TAKEN)
        assert (m.number(), m.number()) == (8, 1)  # it was asked for
        holder.close()
    assert worker.has(8) == TWO
    worker.kill()
    assert worker.join() == {8: len(TWO)}


class Somewhere:
    def __init__(self, endpoint):
        self.endpoint = endpoint


def test_what_a_worker_had_is_with_others_when_it_has_stopped(by_hand, tmp_path):  # noqa: F811
    address = f"unix:{tmp_path}/scheduler"
    first_line(by_hand("mars-scheduler", "--socket", f"{tmp_path}/scheduler", "--port", "none"), "listening")

    def worker(k):
        started = by_hand("mars-worker", "--socket", f"{tmp_path}/{k}", "--port", "none", "-s", address, "--threads",
                          "1", "--cache-mem", "256m", "--spill-dir", str(tmp_path))
        first_line(started, "joined")
        return started

    def workers():
        return {w["address"]: w for w in status(Somewhere(address), "workers")}

    def done():
        return sum(w["tasks_done"] for w in workers().values())

    processes = {f"unix:{tmp_path}/{k}": worker(k) for k in range(2)}
    with new_session(address) as s:
        t = mt.random.RandomState(4).rand(1000, 1000, chunk_size=250).execute(session=s)
        value = s.run(t + 1)
        wait_for(lambda: done() == 32, "there are other tasks than chunks of t and of t + 1")
        holder = max(workers().values(), key=lambda w: w["chunks"])["address"]
        processes[holder].send_signal(signal.SIGTERM)
        assert processes[holder].wait(SECONDS) == 0
        before = done()
        assert np.array_equal(s.run(t + 1), value)
        wait_for(lambda: done() >= before + 16, "nothing is done")
        assert done() == before + 16  # those of t + 1 alone


def test_a_worker_says_the_digest_of_what_it_has(begin):
    worker = begin()
    worker.join()
    data = larger_than_the_cache(worker)  # most of them are on disk
    for chunk in data:
        worker.scheduler.say(DIGEST, varint(chunk))
    said = {}
    for _ in data:
        m, _ = worker.scheduler.hear(DIGESTED)
        chunk = m.number()
        said[chunk] = m.number()
        assert m.number() == 0 and m.text() == "" and m.text().startswith("v")
    assert said == {chunk: xxh3(content) for chunk, content in data.items()}
    worker.scheduler.say(DIGEST, varint(5))
    m, _ = worker.scheduler.hear(DIGESTED)
    assert (m.number(), m.number()) == (5, 0)
    assert m.number() != 0 and m.text() == "chunk 5 is not here"


@contextlib.contextmanager
def memory_group(limit_bytes):
    """A control group of so much memory, of v1 or v2."""
    root = pathlib.Path("/sys/fs/cgroup")
    v1 = (root / "memory").is_dir()
    group = root / ("memory" if v1 else ".") / f"mars-test-{os.getpid()}"
    try:
        if not v1 and "memory" not in (root / "cgroup.subtree_control").read_text().split():
            (root / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
    except OSError as e:
        pytest.skip(f"no control group of memory can be made here: {e}")
    try:
        (group / ("memory.limit_in_bytes" if v1 else "memory.max")).write_text(str(limit_bytes))
        yield group
    finally:
        def remove():
            with contextlib.suppress(OSError):
                group.rmdir()
            return not group.exists()
        wait_for(remove, "somebody is left in the group")


# What fills the memory that the worker leaves, until the kernel has killed the worker.
HUNGRY = """
import os, pathlib, sys
group, pid = pathlib.Path(sys.argv[1]), int(sys.argv[2])
pathlib.Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
(group / "cgroup.procs").write_text(str(os.getpid()))
eaten = []
def dead():
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] in "ZX"
    except FileNotFoundError:
        return True
while not dead():
    eaten.append(b"x" * (1 << 20))
"""


def test_a_worker_that_the_kernel_killed_for_want_of_memory_computes_less_for_a_while(begin, tmp_path, capfd):
    with memory_group(256 << 20) as group, contextlib.ExitStack() as ends:
        worker = begin("--threads", "2", "--careful-for", "2", "--cache-mem", "96m", "--phy-mem", "1g",
                       "--log-level", "info", "--hugepages", "off")
        ends.callback(worker.end)
        worker.join()
        for pid in worker.keeper.pid, program_of(worker.keeper):
            (group / "cgroup.procs").write_text(str(pid))
        worker.kill()  # by somebody else: the keeper knows the difference, and the next one is in the group
        worker.join()
        data = {5: ONE, 6: TWO, **{7 + k: os.urandom(8 << 20) for k in range(8)}}
        for chunk, content in data.items():
            worker.give(chunk, content)
        pid = program_of(worker.keeper)
        assert "for want of memory" not in capfd.readouterr().err
        # The memory files stay with the keeper, so it may be the next one that is killed.
        subprocess.run([sys.executable, "-c", HUNGRY, str(group), str(pid)], check=False, timeout=4 * SECONDS)
        began = time.monotonic()
        assert worker.join() == {chunk: len(content) for chunk, content in data.items()}
        assert {chunk for chunk in data if worker.has(chunk) != data[chunk]} == set()
        said = ""

        def says(words):
            nonlocal said
            said += capfd.readouterr().err
            return words in said
        wait_for(lambda: says("was killed for want of memory: 1 of 2 threads for 2 s"), "it does not say so")
        assert "ended with SIGKILL, by the kernel for want of memory" in said
        wait_for(lambda: any(f.stat().st_blocks for f in kept_files(tmp_path)), "the cold half is not on disk")
        wait_for(lambda: says("all 2 threads again"), "it stays careful")
        assert time.monotonic() - began >= 1.9
