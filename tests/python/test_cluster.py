# SPDX-License-Identifier: Apache-2.0
"""Clusters of real daemons on this machine: what is particular to them. Everything else that sessions do is tested by
test_semantics.py and its neighbours, which run once more with a cluster behind the default session."""
import concurrent.futures
import contextlib
import gc
import glob
import json
import logging
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import DataLost, MarsError, SessionClosed
from mars.session import get_default_session, new_session

SECONDS = 30  # after which a wait has failed


def wait_for(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture(scope="module")
def cluster():
    with new_cluster(n_worker=2) as made:
        yield made


@pytest.fixture
def local():
    with new_session() as s:
        yield s


def program(seed=7):
    """Exchanges, reductions, products and a shape that depends on data; a second of work in many tasks."""
    r = mt.random.RandomState(seed).rand(1500, 1500, chunk_size=250)
    return [(r + r.T).sum(axis=0), mt.sort(r, axis=0)[7], (r @ r)[5], r[r > 0.9].mean(),
            mt.unique((r * 50).astype("i8"))]


def same(values, others):
    return all(np.array_equal(a, b) for a, b in zip(values, others, strict=True))


def alive(pid):
    """Not a zombie either, which only waits for somebody to ask how it ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_documented_program_works_as_written():
    cluster = new_cluster()

    a = mt.random.rand(10, 10)
    a.dot(a.T).execute()
    assert get_default_session() is cluster.session

    value = cluster.session.run(a + 1)
    session2 = new_session(cluster.endpoint)
    assert np.array_equal(session2.run(a + 1), value)
    assert session2.run(a * 2).shape == (10, 10)
    cluster.stop()


def test_a_cluster_gives_the_bits_of_threads(cluster, local):
    assert same(cluster.session.run(*program()), local.run(*program()))


@pytest.mark.parametrize("n_worker", [1, 3])
def test_the_number_of_workers_changes_no_bit(n_worker, local):
    with new_cluster(n_worker=n_worker, n_cpu=n_worker) as some:
        assert same(some.session.run(*program(3)), local.run(*program(3)))


def test_data_goes_to_the_cluster_and_comes_back(cluster):
    n = np.random.default_rng(1).standard_normal((3000, 700))
    t = mt.tensor(n, chunk_size=(500, 300)).execute(session=cluster.session)
    assert np.array_equal(cluster.session.fetch(t), n)
    assert np.array_equal(cluster.session.run(t[::-7, 5:]), n[::-7, 5:])


def test_results_larger_than_a_piece_come_in_pieces(cluster):
    t = mt.arange(30_000_000, dtype="i8", chunk_size=4_000_000)  # 240 MB
    value = cluster.session.run(t)
    assert value[0] == 0 and value[-1] == 29_999_999 and value.sum() == 30_000_000 * 29_999_999 // 2


def test_sessions_do_not_see_each_other(cluster):
    with new_session(cluster.endpoint) as one, new_session(cluster.endpoint) as two:
        a = mt.ones((100, 100), chunk_size=10)
        a.execute(session=one)
        with pytest.raises(ValueError, match="not executed|unexecuted"):
            two.fetch(a)
        assert two.run(a.sum()) == 10_000  # computed once more, there


def test_closing_a_session_frees_what_it_has_and_disturbs_nobody(cluster):
    with new_session(cluster.endpoint) as other:
        a = mt.ones((1000, 1000), chunk_size=100).execute(session=other)
        assert other.stats()["used_bytes"] >= 8_000_000
    with pytest.raises(SessionClosed):
        other.run(a)
    assert cluster.session.run(mt.ones(10).sum()) == 10


def test_whoever_calls_a_worker_is_told_so_at_once(cluster):
    sockets = [path for path in glob.glob(cluster.endpoint.removesuffix("scheduler").removeprefix("unix:") + "worker*")
               if stat.S_ISSOCK(os.stat(path).st_mode)]
    assert sockets
    with pytest.raises(MarsError, match="a worker answers there: sessions are the scheduler's"):
        new_session(f"unix:{sockets[0]}")


def test_errors_say_where_they_happened(cluster):
    with pytest.raises(np.linalg.LinAlgError, match=r"inv: chunk \(.*Singular matrix"):
        cluster.session.run(mt.linalg.inv(mt.zeros((3, 3))))
    assert cluster.session.run(mt.ones(3).sum()) == 3


def test_what_is_too_large_is_refused_with_both_numbers():
    with new_cluster(n_worker=1, shared_memory="64m", phy_mem="1g") as small:
        with pytest.raises(MemoryError, match="bytes are needed at a time"):
            small.session.run(mt.linalg.svd(mt.random.rand(5000, 5000))[1])
        assert small.session.run(mt.ones(3).sum()) == 3


def test_pages_are_those_of_workers(cluster, local):
    assert cluster.session.stats()["pages"] == "of workers"
    assert "marsctl workers" in cluster.session.stats()["pages_text"]
    assert local.stats()["pages"] in ("hugetlb", "transparent", "plain")


def kernel_bytes(pid):
    """What the kernel charges a process with: private and file pages, and memory files."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines) if "Rss" in name}
    return (kib["RssAnon"] + kib["RssFile"]) << 10, kib["RssShmem"] << 10


def test_every_byte_of_a_worker_that_the_kernel_sees_is_in_its_ledger(tmp_path):
    with new_cluster(1, 2, shared_memory="64m", phy_mem="1g", spill_dir=tmp_path) as small:
        pid = program_of(small._processes[1])
        own_before, _ = kernel_bytes(pid)
        ended = threading.Event()
        looks = []

        def watch():
            while not ended.wait(0.001):
                looks.append(kernel_bytes(pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for seed in range(2):  # makes, spills, sorts, copies in, multiplies and lets go
                x = mt.random.RandomState(seed).rand(4096, 2048)
                given = mt.tensor(np.ones((4096, 1024)))
                for made in (x, x + x, mt.sort(x), given @ x[:1024]):
                    small.session.run(made, fetch=False)
        finally:
            ended.set()
            watcher.join()
        show = ["marsctl", "-s", small.endpoint, "--json", "workers"]
        wait_for(lambda: json.loads(subprocess.check_output(show))[0]["disk_written_bytes"] > 0, "nothing was spilled")
        said = json.loads(subprocess.check_output(show))[0]
        assert len(looks) > 100
        for own, shared in looks:
            assert shared <= said["memory_bytes"]
            assert own - own_before <= (own + shared) // 50 + (16 << 20)


def test_what_an_earlier_result_leaves_no_room_for_is_refused_when_it_is_submitted():
    side = 1200  # 11 MiB; the factors are twice as much, and the cache has 32
    with new_cluster(n_worker=1, shared_memory="32m", phy_mem="1g") as small:
        x = mt.random.RandomState(1).rand(side, side).execute(session=small.session)
        with pytest.raises(MemoryError, match=r"svd: .*bytes are needed at a time, and 33554432 are all that results "
                                              r"may have in memory: use smaller chunks, or a larger cache"):
            small.session.run(mt.linalg.svd(x))
        assert small.session.run((x >= 0).all())


def test_a_cluster_computes_what_is_larger_than_its_memory(tmp_path, local):
    def standardized():
        x = mt.random.RandomState(5).rand(8_000, 2_000, chunk_size=(1000, 2000)) * 2  # 128 MB
        return ((x - x.mean(axis=0)) / x.std(axis=0)).sum(axis=1)

    with new_cluster(n_worker=2, shared_memory="64m", phy_mem="2g", spill_dir=tmp_path) as small:
        x = mt.random.RandomState(5).rand(8_000, 2_000, chunk_size=(1000, 2000)).execute(session=small.session)
        assert np.array_equal(small.session.run(standardized()), local.run(standardized()))
        assert small.session.run(x[7999, 1999]) == small.session.run(x)[7999, 1999]
    assert not list(tmp_path.iterdir())


# ---- Death -----------------------------------------------------------------------------------------------------------

def program_of(keeper):
    """The pid of the daemon that a keeper has started; None: there is none just now."""
    with contextlib.suppress(FileNotFoundError):  # it has ended
        children = pathlib.Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()
        return int(children[0]) if children else None
    return None


def lose(cluster, n):
    """Kills the n-th process of a cluster and what it keeps: a worker with its keeper, and all that it had."""
    process = cluster._processes[n]
    process.send_signal(signal.SIGSTOP)  # so that it starts nothing again
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    pid = program_of(process)
    if pid:
        ended = os.pidfd_open(pid)  # with all of its threads
        os.kill(pid, signal.SIGKILL)
        assert select.select([ended], [], [], SECONDS)[0]
        os.close(ended)
    process.kill()
    process.wait(SECONDS)


@contextlib.contextmanager
def mortal_cluster(n_worker):
    """A cluster of which workers may be killed, and begun anew: begin(k)."""
    with new_cluster(n_worker=n_worker, n_cpu=n_worker, log_level="error") as made:
        def begin(k):
            dead = made._processes[1 + k]
            dead.wait(SECONDS)
            environment = dict(os.environ, MARS_LIFELINE=str(made._end))
            made._processes[1 + k] = subprocess.Popen(dead.args, env=environment, pass_fds=[made._end],
                                                      stdin=subprocess.DEVNULL, start_new_session=True)

        made.begin = begin
        yield made


def computed(cluster, *tensors, after=None):
    """The values, of work in the middle of which after() is called. Results that are lost with their worker, before
    they have been fetched, are computed once more: that is said by an error, and nothing else may be."""
    while True:
        future = cluster.session.run(*tensors, wait=False)
        if after is not None:
            after()
        after = None
        try:
            return future.result(timeout=SECONDS)
        except (OSError, MarsError) as error:
            assert re.search("gone|lost|not known|[Cc]onnection", str(error)), error


def test_a_worker_that_is_killed_costs_time_and_nothing_else(local):
    want = local.run(*program(11))
    with mortal_cluster(3) as cluster:
        for k in range(3):
            def kill(k=k):
                time.sleep(0.02 + 0.03 * k)  # somewhere in the middle
                lose(cluster, 1 + k)

            assert same(computed(cluster, *program(11), after=kill), want)
            cluster.begin(k)


def test_workers_that_die_again_and_again_change_no_bit(local):
    generator, over, want = random.Random(4), threading.Event(), local.run(*program(12))
    with mortal_cluster(3) as cluster:
        def kill():
            while not over.wait(generator.uniform(0.5, 2)):
                k = generator.randrange(3)
                lose(cluster, 1 + k)
                cluster.begin(k)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            deadline, n = time.monotonic() + 10, 0
            while time.monotonic() < deadline:
                assert same(computed(cluster, *program(12)), want)
                n += 1
        finally:
            over.set()
            killer.join()
    assert n > 1


def test_data_that_is_lost_with_its_worker_is_given_again_while_somebody_refers_to_it():
    with mortal_cluster(2) as cluster:
        t = mt.tensor(np.ones((100, 100)), chunk_size=10).execute(session=cluster.session)
        alone = (mt.tensor(np.ones((100, 100)), chunk_size=10) + 1).execute(session=cluster.session)
        used = {}

        def all_is_reported():
            used.update((worker["name"], worker["used_bytes"]) for worker in status(cluster, "workers"))
            return sum(used.values()) >= 80_000

        wait_for(all_is_reported, "the workers report what they hold")
        lose(cluster, 1 + int(max(used, key=used.get).removeprefix("worker-")))
        with pytest.raises(DataLost, match="any more, and the workers that had it were on its client's own machine"):
            cluster.session.fetch(alone)
        assert cluster.session.run(t.sum()) == 10_000
        assert cluster.session.run(mt.ones((100, 100), chunk_size=10).sum()) == 10_000


def test_work_waits_for_workers(cluster):
    with mortal_cluster(1) as one:
        lose(one, 1)
        future = one.session.run(mt.ones(10).sum(), wait=False)
        one.begin(0)
        assert future.result(timeout=SECONDS) == 10


def test_a_client_that_is_killed_leaves_nothing_in_the_cluster(cluster):
    script = f"""if True:
        import mars.tensor as mt, os, signal
        from mars.session import new_session
        s = new_session({cluster.endpoint!r})
        kept = mt.ones((2000, 2000), chunk_size=100).execute(session=s)
        future = s.run(mt.random.rand(20000, 20000, chunk_size=500).sum(), wait=False)
        os.kill(os.getpid(), signal.SIGKILL)"""
    subprocess.run([sys.executable, "-c", script], check=False)
    wait_for(lambda: status(cluster)["sessions"] == 1 and status(cluster)["requests"] == 0, "its session stays")
    gc.collect()
    assert cluster.session.run(mt.ones(3).sum()) == 3


def test_nothing_is_left_behind_when_the_parent_is_killed():
    script = """if True:
        import os, signal
        from mars.deploy.local import new_cluster
        cluster = new_cluster(n_worker=2)
        print(cluster._directory, *[p.pid for p in cluster._processes], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stdout.split()
    directory, pids = out[0], [int(pid) for pid in out[1:]]
    wait_for(lambda: not any(alive(pid) for pid in pids), "daemons stay")
    wait_for(lambda: not os.path.exists(directory), "the directory stays")


def test_a_stopped_cluster_has_no_processes_and_no_files():
    cluster = new_cluster(n_worker=2)
    directory, pids = cluster._directory, [p.pid for p in cluster._processes]
    cluster.stop()
    cluster.stop()
    assert not any(alive(pid) for pid in pids) and not os.path.exists(directory)
    with pytest.raises(SessionClosed):
        cluster.session.run(mt.ones(3))


STOPS = """
import mars.tensor as mt
from mars.deploy.local import new_cluster
for n_worker in (1, 3):
    cluster = new_cluster(n_worker=n_worker, n_cpu=3, shared_memory="96m")
    kept = mt.ones((1000, 1000), chunk_size=300).execute(session=cluster.session)
    print(cluster.session.run(kept.sum()))
    cluster.stop()
"""


def test_an_orderly_stop_says_nothing():
    done = subprocess.run([sys.executable, "-c", STOPS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1000000.0\n" * 2, "")


# ---- By hand ---------------------------------------------------------------------------------------------------------

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def by_hand(tmp_path, monkeypatch):
    """start(program, *options): a daemon as one starts it by hand, with a home of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("MARS_TOKEN", raising=False)
    started = []

    def start(program, *options):
        process = subprocess.Popen([shutil.which(program), "--config-dir", "none", *options], stderr=subprocess.PIPE,
                                   text=True)
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        process.stderr.close()


def first_line(process, word):
    for line in process.stderr:
        if word in line:
            return line
    raise AssertionError(f"{process.args[0]} does not say {word}")


def test_the_daemons_work_as_documented_and_in_any_order(by_hand, tmp_path):
    scheduler_port, worker_port = free_port(), free_port()
    worker = by_hand("mars-worker", "-a", "127.0.0.1", "-p", str(worker_port), "-s", f"127.0.0.1:{scheduler_port}",
                     "--cache-mem", "512m", "--phy-mem", "90%", "--spill-dir", str(tmp_path))
    first_line(worker, "trying again")
    scheduler = by_hand("mars-scheduler", "-a", "127.0.0.1", "-p", str(scheduler_port))
    first_line(scheduler, "listening at 127")
    first_line(worker, "joined")
    with new_session(f"127.0.0.1:{scheduler_port}") as s:
        a = mt.ones((2000, 2000), chunk_size=200)
        assert np.array_equal(s.run(mt.inner(a, a)), np.full((2000, 2000), 2000.0))


def test_who_waits_for_a_worker_is_told_so_once(by_hand, tmp_path, caplog):
    port = free_port()
    first_line(by_hand("mars-scheduler", "-a", "127.0.0.1", "-p", str(port)), "listening at 127")
    told = f"no worker has joined the scheduler at 127.0.0.1:{port}"

    def said():
        return [r for r in caplog.records if told in r.getMessage()]

    with caplog.at_level(logging.INFO, "mars"), new_session(f"127.0.0.1:{port}") as s, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        made = [pool.submit(s.run, mt.ones(10).sum() + k) for k in range(2)]
        wait_for(said, "nobody says that there is no worker")
        assert not any(m.done() for m in made) and said()[0].levelno == logging.WARNING
        by_hand("mars-worker", "-a", "127.0.0.1", "-p", str(free_port()), "-s", f"127.0.0.1:{port}", "--cache-mem",
                "64m", "--spill-dir", str(tmp_path))
        assert [m.result(SECONDS) for m in made] == [10, 11]
        assert s.run(mt.ones(3).sum()) == 3 and len(said()) == 1


def test_nobody_comes_in_over_tcp_without_the_token(by_hand, monkeypatch, tmp_path):
    port = free_port()
    first_line(by_hand("mars-scheduler", "-a", "127.0.0.1", "-p", str(port)), "listening at 127")
    assert (tmp_path / "mars/token").stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("MARS_TOKEN", "0123456789abcdef0123456789abcdef")
    with pytest.raises(OSError, match="the token is not ours"):
        new_session(f"127.0.0.1:{port}")


def test_a_daemon_does_not_listen_beyond_its_machine(tmp_path):
    done = subprocess.run([shutil.which("mars-scheduler"), "--config-dir", "none", "-H", "0.0.0.0"],
                          capture_output=True, text=True, timeout=SECONDS,
                          env=dict(os.environ, XDG_CONFIG_HOME=str(tmp_path)))
    assert done.returncode != 0 and "not of this machine alone" in done.stderr


def test_what_is_no_protocol_is_cut_off_and_nobody_else_notices(cluster):
    path = cluster.endpoint.removeprefix("unix:")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 100, b"MARS" + b"\xff" * 100, os.urandom(1000)):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(garbage)
            s.settimeout(SECONDS)
            with contextlib.suppress(ConnectionError):
                while s.recv(4096):
                    pass
    assert cluster.session.run(mt.ones(3).sum()) == 3


# ---- Asking ----------------------------------------------------------------------------------------------------------

def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def text(value):
    return varint(len(value)) + value.encode()


def frame(kind, body):
    return b"MARS" + kind.to_bytes(2, "little") + b"\0\0" + len(body).to_bytes(4, "little") + b"\0" * 12 + body


def status(cluster, what="status"):
    """What the scheduler answers to ASK: written from docs/PROTOCOL.md, not from our own code."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(cluster.endpoint.removeprefix("unix:"))
        hello = varint(3) + varint(1) + text("") * 2 + text("test") + text("") + varint(0) * 6 + text("")
        s.sendall(frame(1, hello) + frame(52, varint(1) + text(what)))
        stream = s.makefile("rb")
        while True:
            header = stream.read(24)
            body = stream.read(int.from_bytes(header[8:12], "little"))
            if int.from_bytes(header[4:6], "little") == 67:
                for _ in range(3):  # request, code, length of the text
                    while body[0] & 0x80:
                        body = body[1:]
                    body = body[1:]
                return json.JSONDecoder().raw_decode(body.decode("utf-8", "replace"))[0]  # what it took follows


def test_the_protocol_is_as_documented(cluster):
    now = status(cluster)
    assert now["workers"] == 2 and now["sessions"] >= 1
    wait_for(lambda: all(w["scratch_bytes"] == 0 for w in status(cluster, "workers")), "scratch of nobody")
    assert all(w["used_bytes"] <= w["cache_bytes"] for w in status(cluster, "workers"))


def test_a_session_with_many_requests_has_no_more_turns_than_another(cluster):
    with new_session(cluster.endpoint) as many, new_session(cluster.endpoint) as few, \
            concurrent.futures.ThreadPoolExecutor(100) as pool:
        sums = [mt.random.RandomState(k).rand(8_000_000, chunk_size=40_000).sum() for k in range(100)]
        for _ in range(3):
            few.run((mt.ones(10) + 1).sum())
        under_way = [pool.submit(many.run, t) for t in sums]
        wait_for(lambda: any(f.done() for f in under_way) or status(cluster)["requests"] >= 50, "nothing begins")
        for k in range(50):  # each waits for a task, not for a turn of each of the others
            assert few.run((mt.ones(10) + k).sum()) == 10 * (k + 1)
        assert not all(f.done() for f in under_way)
        assert all(3_990_000 < f.result(SECONDS) < 4_010_000 for f in under_way)
