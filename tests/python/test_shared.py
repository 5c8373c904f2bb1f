# SPDX-License-Identifier: Apache-2.0
"""Memory of workers that others of this machine read where it lies. A relay between a worker's socket and everybody
else counts the bytes that go over it, is another user, or lies about what it hands on."""
import array
import contextlib
import gc
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from test_cluster import SECONDS, lose, program_of, status, varint, wait_for

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import Corrupt
from mars.session import new_session

AT = 85
PIECE = 1 << 16


def receive(s):
    """What has come, and the descriptors with it."""
    data, control, _, _ = s.recvmsg(PIECE, socket.CMSG_SPACE(4))
    fds = array.array("i")
    for level, kind, content in control:
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        fds.frombytes(content)
    return data, list(fds)


def send(s, data, fds):
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    s.sendall(data[s.sendmsg([data], control):])


class Relay:
    """Stands in for the socket of a worker. change(frame, fds): what is handed on instead of the worker's first AT."""

    def __init__(self, path, change=None):
        self.path, self.change, self.n_bytes, self.n_files = path, change, 0, 0
        os.rename(path, path + ".real")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            worker = socket.socket(socket.AF_UNIX)
            worker.connect(self.path + ".real")
            for pair in ((client, worker, None), (worker, client, self.change)):
                threading.Thread(target=self.hand_on, args=pair, daemon=True).start()

    def hand_on(self, here, there, change):
        with contextlib.suppress(OSError):
            while True:
                data, fds = receive(here)
                if not data:
                    break
                self.n_bytes += len(data)
                self.n_files += len(fds)
                if fds and change:  # its frame is the last one: the kernel stops there
                    at = data.rindex(b"MARS" + AT.to_bytes(2, "little"))
                    frame, fds = change(data[at:], fds)
                    data = data[:at] + frame
                send(there, data, fds)
                for fd in fds:
                    os.close(fd)
        with contextlib.suppress(OSError):
            there.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        os.unlink(self.path)
        os.rename(self.path + ".real", self.path)


@contextlib.contextmanager
def relayed(n_worker=1, change=None, **options):
    """A cluster whose workers are reached through relays, and these."""
    with new_cluster(n_worker=n_worker, n_cpu=n_worker, **options) as made:
        relays = [Relay(f"{made._directory}/worker-{k}", change) for k in range(n_worker)]
        yield made, relays
        made.session.close()
        for relay in relays:
            relay.close()


def some(n, seed=1):
    return mt.random.RandomState(seed).rand(n, chunk_size=n)


def mappings():
    """Of memory files of workers in this process: their permissions."""
    lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
    return [line.split()[1] for line in lines if "mars-store" in line]


def used_bytes(cluster):
    return status(cluster)["used_bytes"]


def test_an_array_of_a_result_is_a_view_of_the_workers_memory():
    with new_cluster() as cluster:
        t = some(1_000_000).execute()
        view = np.asarray(t)
        assert not view.flags.writeable and not view.flags.owndata
        assert np.array_equal(view, cluster.session.fetch(t))
        assert mappings() and all(p == "r--s" for p in mappings())


def test_bytes_over_the_socket_do_not_grow_with_the_result():
    with relayed() as (cluster, [relay]):
        np.asarray(some(1000).execute())
        small = relay.n_bytes
        assert np.asarray(some(4_000_000).execute()).sum() > 0
        assert relay.n_files == 1 and relay.n_bytes - small < 1000


def test_workers_read_each_others_memory(local_sum):
    with relayed(n_worker=2) as (cluster, relays):
        a = mt.random.RandomState(3).rand(2000, 2000, chunk_size=500).execute(session=cluster.session)
        assert cluster.session.run((a + a.T).sum()) == local_sum
        assert all(relay.n_files > 0 for relay in relays)
        assert sum(relay.n_bytes for relay in relays) < 100_000  # of 32 MB


@pytest.fixture
def local_sum():
    with new_session() as s:
        a = mt.random.RandomState(3).rand(2000, 2000, chunk_size=500)
        return s.run((a + a.T).sum())


def test_a_view_outlives_its_tensor_its_session_and_its_cluster():
    with new_cluster() as cluster:
        t = some(1_000_000).execute()
        view, copy = np.asarray(t), cluster.session.fetch(t)
        del t
        gc.collect()
        for seed in range(2, 12):  # would be written where it lay
            cluster.session.run(some(1_000_000, seed).sum())
        assert np.array_equal(view, copy)
        cluster.session.close()
        assert np.array_equal(view, copy)
    assert np.array_equal(view, copy)


def test_a_view_stays_right_when_its_worker_is_killed():
    with new_cluster(log_level="error") as cluster:
        t = some(1_000_000).execute()
        view, copy = np.asarray(t), cluster.session.fetch(t)
        lose(cluster, 1)
        assert np.array_equal(view, copy)


def test_what_is_not_read_any_more_is_let_go():
    with new_cluster() as cluster:
        t = some(1_000_000).execute()
        view = np.asarray(t)
        del t
        gc.collect()
        assert view[0] >= 0
        del view
        wait_for(lambda: used_bytes(cluster) == 0, "it stays pinned")


def test_a_reader_that_dies_lets_everything_go():
    with new_cluster() as cluster:
        script = f"""if True:
            import mars.tensor as mt, numpy as np, os, signal
            from mars.session import new_session
            s = new_session({cluster.endpoint!r})
            view = np.asarray(mt.random.rand(1_000_000, chunk_size=1_000_000).execute(session=s))
            print(view.flags.owndata, flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)"""
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout.readline() == "False\n"
            wait_for(lambda: used_bytes(cluster) >= 8_000_000, "nothing is there")
            reader.kill()
        wait_for(lambda: used_bytes(cluster) == 0, "it stays pinned")


def unsealed(data, fds):
    os.ftruncate(fd := os.memfd_create("test"), 1 << 30)
    return data, [fd]


def too_short(data, fds):
    import fcntl

    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4096)
    fcntl.fcntl(fd, 1033, 2 | 4)  # F_ADD_SEALS: F_SEAL_SHRINK, F_SEAL_GROW
    return data, [fd]


def unaligned(data, fds):
    chunk_and_file, rest = data[24:].split(b"\0", 1)[0] + b"\0", data[24:].split(b"\0", 1)[1]
    offset, n = 0, 0
    while rest[n] & 0x80:
        offset, n = offset | (rest[n] & 0x7f) << 7 * n, n + 1
    offset |= rest[n] << 7 * n
    body = chunk_and_file + varint(offset + 1) + rest[n + 1:]
    return data[:8] + len(body).to_bytes(4, "little") + data[12:24] + body, fds


@pytest.mark.parametrize("lie", [unsealed, too_short, unaligned])
def test_a_file_that_cannot_be_read_safely_is_refused(lie):
    with relayed(change=lie, log_level="error") as (cluster, _):
        t = some(1_000_000).execute()
        with pytest.raises(Exception, match="memory file|nobody asked"):
            cluster.session.fetch(t)
        assert not mappings()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_bytes_and_no_file(tmp_path):
    """The relay to the worker is another user: it gets what that user would get."""
    with new_cluster() as cluster:
        path = f"{cluster._directory}/worker-0"
        os.chmod(cluster._directory, 0o777)
        os.rename(path, path + ".real")
        os.chmod(path + ".real", 0o666)
        listens, ready = os.pipe()
        if (pid := os.fork()) == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.rename = lambda *_: None
            relay = Relay(path)
            os.write(ready, b"x")
            signal.pause()
            os._exit(relay is None)
        os.read(listens, 1)
        try:
            with_files = mappings()
            t = some(1_000_000).execute()
            assert cluster.session.run(some(1_000_000)[5]) == cluster.session.fetch(t)[5]
            assert mappings() == with_files == []
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.unlink(path)
            os.rename(path + ".real", path)


def test_memory_that_is_not_shared_is_sent(by_hand_worker):
    with by_hand_worker("--share-memory", "no") as session:
        t = some(1_000_000).execute(session=session)
        assert np.asarray(t)[7] == session.fetch(t)[7]
        assert not mappings()


@pytest.fixture
def by_hand_worker(tmp_path):
    from mars.session import new_session

    @contextlib.contextmanager
    def begin(*options):
        with new_cluster(n_worker=1) as cluster:
            worker = cluster._processes[1]
            worker.send_signal(signal.SIGTERM)
            worker.wait(SECONDS)
            cluster._processes[1] = subprocess.Popen([*worker.args, *options], stdin=subprocess.DEVNULL,
                                                     env=dict(os.environ, MARS_LIFELINE=str(cluster._end)),
                                                     pass_fds=[cluster._end], start_new_session=True)
            with new_session(cluster.endpoint) as session:
                yield session

    return begin


def tasks_done(cluster):
    """Of the workers that are there; a worker counts from its start on."""
    return sum(worker["tasks_done"] for worker in status(cluster, "workers"))


def test_workers_that_crash_come_back_with_their_results():
    with new_cluster(n_worker=2, n_cpu=2, log_level="error") as cluster:
        t = mt.random.RandomState(4).rand(2000, 2000, chunk_size=250).execute()
        value = cluster.session.fetch(t)
        for keeper in cluster._processes[1:]:
            pid = program_of(keeper)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: program_of(keeper) not in (None, pid), "it is not started again")  # noqa: B023
        wait_for(lambda: len(status(cluster, "workers")) == 2 and used_bytes(cluster) >= value.nbytes, "they have less")
        assert tasks_done(cluster) == 0
        assert np.array_equal(cluster.session.run(t + 1), value + 1)
        wait_for(lambda: tasks_done(cluster) >= 64, "nothing was done")
        assert tasks_done(cluster) == 64  # those of t + 1: nothing was made again


def test_workers_that_crash_come_back_with_what_they_had_on_disk(tmp_path):
    with new_cluster(n_worker=2, n_cpu=2, shared_memory="64m", phy_mem="2g", spill_dir=tmp_path,
                     log_level="error") as cluster:
        t = mt.random.RandomState(4).rand(4000, 4000, chunk_size=500).execute()  # 128 MB, twice what there is
        wait_for(lambda: sum(worker["spilled_bytes"] for worker in status(cluster, "workers")) >= 60_000_000,
                 "nothing was written")
        for keeper in cluster._processes[1:]:
            pid = program_of(keeper)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: program_of(keeper) not in (None, pid), "it is not started again")  # noqa: B023
        wait_for(lambda: len(status(cluster, "workers")) == 2, "they do not come back")
        value = cluster.session.run(t + 1)
        wait_for(lambda: tasks_done(cluster) >= 64, "nothing was done")
        assert tasks_done(cluster) == 64  # those of t + 1: nothing was made again
        with new_session() as local:
            assert np.array_equal(local.run(mt.random.RandomState(4).rand(4000, 4000, chunk_size=500) + 1), value)
    assert not list(tmp_path.iterdir())


# ---- Disks that lose what was written --------------------------------------------------------------------------------

def damage(path):
    """Changes a byte of each chunk that lies in spill files beneath the path; how many files there are."""
    files = list(path.glob("mars-*/extents"))
    for file in files:
        with open(file, "r+b") as f:
            for at in range(100_000, file.stat().st_size, 1 << 18):
                f.seek(at)
                byte = f.read(1)
                f.seek(at)
                f.write(bytes([byte[0] ^ 1]))
    return len(files)


def twice_the_memory():
    return mt.random.RandomState(4).rand(4000, 4000, chunk_size=500)  # 128 MB in chunks of 2 MB


def spilled_bytes(cluster):
    return sum(worker["spilled_bytes"] for worker in status(cluster, "workers"))


def test_what_a_disk_has_lost_is_made_again(tmp_path, capfd):
    with new_cluster(n_worker=2, n_cpu=2, shared_memory="64m", phy_mem="2g", spill_dir=tmp_path,
                     log_level="warning") as cluster, new_session() as local:
        t = twice_the_memory().execute()
        wait_for(lambda: spilled_bytes(cluster) >= 60_000_000, "nothing was written")
        assert damage(tmp_path) == 2
        wait_for(lambda: tasks_done(cluster) == 64, "workers do not tell what they have done")
        expected = local.run(twice_the_memory())
        assert np.array_equal(cluster.session.run(t + 1), expected + 1)  # tasks read it
        wait_for(lambda: tasks_done(cluster) > 64 + 64, "nothing was made again")
        assert damage(tmp_path) == 2
        assert np.array_equal(cluster.session.fetch(t), expected)  # a client reads it
        t = None
        wait_for(lambda: status(cluster)["tensors"] == 0, "it is kept")
    lines = [line for line in capfd.readouterr().err.splitlines() if "another checksum" in line]
    assert lines and all("/extents' at " in line and str(tmp_path) in line for line in lines)
    assert len({line.split("chunk ", 1)[1] for line in lines}) == len(lines)  # each is said once


def test_data_of_a_client_that_is_gone_is_lost_with_the_disk(tmp_path):
    with new_cluster(n_worker=1, n_cpu=1, shared_memory="64m", phy_mem="2g", spill_dir=tmp_path,
                     log_level="error") as cluster:
        data = np.random.default_rng(1).random((4000, 2000))  # 64 MB
        with new_session(cluster.endpoint) as gone:
            mt.tensor(data, chunk_size=500).save_as("given", session=gone)
        more = twice_the_memory().execute()
        wait_for(lambda: spilled_bytes(cluster) >= 100_000_000, "it was not written")
        damage(tmp_path)
        with pytest.raises(Exception, match="data of tensor [0-9]+ is lost"):
            cluster.session.run(cluster.session.open("given").sum())
        assert cluster.session.run(mt.ones(10).sum()) == 10
        del more


def test_threads_say_which_result_their_disk_has_lost_and_go_on(tmp_path):
    with new_session(n_threads=2, memory_bytes=64 << 20, spill_dir=tmp_path) as s:
        t = twice_the_memory()
        total = s.run(t.sum())
        t = t.execute(session=s)
        assert damage(tmp_path) == 1
        with pytest.raises(Corrupt, match="tensor [0-9]+ is lost.*execute it again.*/extents' at [0-9]+.*checksum"):
            s.run(t.sum())
        with pytest.raises(Corrupt, match="execute it again|/extents' at [0-9]+.*checksum"):
            s.fetch(t)
        assert s.run(twice_the_memory().sum()) == total
