# SPDX-License-Identifier: Apache-2.0
"""Who may come in over TCP: daemons with a key, clients with the same one, another one, or none; and what strangers can
do to those who have it."""
import contextlib
import hashlib
import hmac
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, wait_for

import mars.tensor as mt
from mars.session import new_session


def over_tcp(program, *options):
    return Daemon(program, "--socket", "none", *options)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    for variable in ("MARS_TOKEN", "MARS_KEY_FILE"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def new_key(path):
    done = subprocess.run(["marsctl", "keygen", path], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert "scp -p" in done.stdout and "mars-worker" in done.stdout  # the two commands that let another machine join
    return str(path)


@contextlib.contextmanager
def cluster(key, n_workers=1, *options):
    """A scheduler, with options, and workers at loopback TCP; yields the scheduler's address and the daemons."""
    port = free_port()
    at = f"127.0.0.1:{port}"
    daemons = []
    try:
        daemons.append(over_tcp("mars-scheduler", "-e", at, "--key-file", key, *options).says("listening"))
        for _ in range(n_workers):
            daemons.append(over_tcp("mars-worker", "-e", "127.0.0.1:0", "-s", at, "--key-file", key, "--cache-mem",
                                    "128m").says("joined"))
        yield at, daemons
    finally:
        assert [d.stop() for d in reversed(daemons)] == [0] * len(daemons)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    key = new_key(tmp_path_factory.mktemp("key") / "cluster.key")
    with cluster(key, 2) as (at, daemons):
        yield key, at, daemons


def program(seed=3):
    r = mt.random.RandomState(seed).rand(600, 600, chunk_size=100)
    return [(r + r.T).sum(axis=0), mt.sort(r, axis=0)[7], r[r > 0.9].mean()]


# ---- With the key ----------------------------------------------------------------------------------------------------

def test_a_cluster_with_a_key_gives_the_bits_of_threads(shared):
    key, at, _ = shared
    with new_session(at, key_file=key) as there, new_session() as here:
        assert all(np.array_equal(a, b) for a, b in zip(there.run(*program()), here.run(*program()), strict=True))
        n = np.random.default_rng(1).standard_normal((3000, 700))
        t = mt.tensor(n, chunk_size=(500, 300)).execute(session=there)
        assert np.array_equal(there.fetch(t), n)


def test_a_client_finds_the_key_by_variable_and_in_its_home(shared, home, monkeypatch):
    key, at, _ = shared
    with pytest.raises(OSError, match="the key of .* is needed"):
        new_session(at)
    monkeypatch.setenv("MARS_KEY_FILE", key)
    with new_session(at) as s:
        assert s.run(mt.ones(3).sum()) == 3
    status = subprocess.run(["marsctl", "-s", at, "status"], capture_output=True, text=True, timeout=SECONDS)
    assert status.returncode == 0 and "workers" in status.stdout
    monkeypatch.delenv("MARS_KEY_FILE")
    (home / "home/mars").mkdir(parents=True)
    shutil.copy(key, home / "home/mars/cluster.key")
    with new_session(at) as s:
        assert s.run(mt.ones(3).sum()) == 3
    os.chmod(home / "home/mars/cluster.key", 0o644)
    with pytest.raises(ValueError, match="chmod o="):
        new_session(at)


def test_who_comes_by_the_socket_of_the_scheduler_reaches_workers_elsewhere_with_the_key(home):
    key = new_key(home / "cluster.key")
    with cluster(key, 1, "--socket", f"{home}/scheduler"):
        with new_session(f"unix:{home}/scheduler", key_file=key) as s:
            assert s.run(mt.arange(3) * 2).tolist() == [0, 2, 4]
        with new_session(f"unix:{home}/scheduler", key_file="none") as s, \
                pytest.raises(OSError, match="the key of .* is needed"):
            s.run(mt.arange(3) * 2)


def test_every_key_of_the_file_lets_in_so_that_one_can_be_replaced(home):
    old, new, both = new_key(home / "old"), new_key(home / "new"), home / "both"
    both.touch(0o600)
    both.write_text("# of last year\n" + pathlib.Path(old).read_text() + pathlib.Path(new).read_text())
    with cluster(str(both)) as (at, _):
        for key in (old, new, str(both)):
            with new_session(at, key_file=key) as s:
                assert s.run(mt.ones(3).sum()) == 3


# ---- Without it ------------------------------------------------------------------------------------------------------

def test_beyond_the_machine_nobody_listens_without_a_key_and_the_commands_are_said():
    for program_name in ("mars-scheduler", "mars-worker"):
        done = subprocess.run([shutil.which(program_name), "--config-dir", "none", "--socket", "none", "--key-file",
                               "none", "-H", "0.0.0.0", "-a", "127.0.0.1", "-p", "0"], capture_output=True, text=True,
                              timeout=SECONDS)
        assert done.returncode != 0
        assert "marsctl keygen" in done.stderr and "scp -p /etc/mars/cluster.key" in done.stderr


def test_with_a_key_it_listens_everywhere_and_tells_others_the_address_that_it_was_given(home):
    key = new_key(home / "key")
    daemon = over_tcp("mars-scheduler", "-H", "0.0.0.0", "-a", "127.0.0.1", "-p", "0", "--key-file", key)
    daemon.says("listening at 0.0.0.0:")
    assert daemon.stop() == 0


def test_another_key_is_refused_with_words_on_both_sides_within_seconds(shared, home):
    _, at, daemons = shared
    began = time.monotonic()
    with pytest.raises(OSError, match="refuses our key"):
        new_session(at, key_file=new_key(home / "other"))
    assert time.monotonic() - began < 5
    daemons[0].says("a key that is not ours")


def test_who_does_not_encrypt_and_who_need_not_hear_it_within_seconds(shared, home):
    key, at, daemons = shared
    began = time.monotonic()
    with pytest.raises(OSError, match="without encryption; here the key"):
        new_session(at, key_file="none")
    daemons[0].says("it speaks without encryption")
    port = free_port()
    plain = over_tcp("mars-scheduler", "-e", f"127.0.0.1:{port}", "--key-file", "none").says("listening")
    try:
        with pytest.raises(OSError, match="it has no key"):
            new_session(f"127.0.0.1:{port}", key_file=key)
        plain.says("here is no key")
    finally:
        assert plain.stop() == 0
    assert time.monotonic() - began < 10


def test_a_worker_with_another_key_says_so_and_does_not_join(shared, home):
    _, at, _ = shared
    stranger = over_tcp("mars-worker", "-e", "127.0.0.1:0", "-s", at, "--key-file", new_key(home / "other"))
    try:
        stranger.says("refuses our key")
        assert "joined" not in stranger.said
    finally:
        assert stranger.stop() == 0


# ---- The protocol, from its text -------------------------------------------------------------------------------------

def hkdf(secret, info, n=32):
    """RFC 5869 with SHA-256."""
    prk = hmac.digest(b"mars cluster key 1", secret, hashlib.sha256)
    out = block = b""
    for k in range(1, 255):
        if len(out) >= n:
            break
        block = hmac.digest(prk, block + info + bytes([k]), hashlib.sha256)
        out += block
    return out[:n]


def varint(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def text(value):
    return varint(len(value)) + value.encode()


def frame(kind, body):
    return b"MARS" + kind.to_bytes(2, "little") + b"\0\0" + len(body).to_bytes(4, "little") + b"\0" * 12 + body


def hello(version, role=3):
    """As version 1 wrote it: later ones have more fields behind."""
    return frame(1, varint(role) + varint(version) + text("") * 2 + text("test") + text("") + varint(0) * 4)


def s_client(at, key, role, data, *options):
    """What another program's TLS gets as an answer."""
    secret = bytes.fromhex(pathlib.Path(key).read_text().strip())
    identity = f"mars1:{hkdf(secret, b'id')[:8].hex()}:chacha20:{role}"
    command = ["openssl", "s_client", "-connect", at, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256",
               "-psk_identity", identity, "-psk", hkdf(secret, identity.encode()).hex(), "-quiet", *options]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        process.stdin.write(data)
        process.stdin.flush()
        answer = process.stdout.read(24)
        return answer + process.stdout.read(int.from_bytes(answer[8:12], "little"))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_another_implementation_that_follows_the_protocol_is_let_in(shared):
    key, at, _ = shared
    answer = s_client(at, key, "client", hello(2))
    assert int.from_bytes(answer[4:6], "little") == 2  # WELCOME


def test_a_client_of_the_version_before_is_served_and_others_are_told(shared):
    key, at, _ = shared
    assert int.from_bytes(s_client(at, key, "client", hello(1))[4:6], "little") == 2
    for version in (0, 3, 2**32 - 1):
        answer = s_client(at, key, "client", hello(version))
        assert int.from_bytes(answer[4:6], "little") == 3 and b"version" in answer


def test_a_client_cannot_say_that_it_is_a_worker(shared):
    key, at, _ = shared
    worker = frame(1, varint(2) + varint(2) + text("0.1.0") + text("") + text("liar") + text("127.0.0.1:1") +
                   varint(1) + varint(1 << 20) * 3)
    answer = s_client(at, key, "client", worker)
    assert int.from_bytes(answer[4:6], "little") == 3 and b"says that it is a worker" in answer


# ---- Strangers -------------------------------------------------------------------------------------------------------

def resident_bytes(process):
    with open(f"/proc/{process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def seconds_of(at, key, n):
    """Of n short sessions."""
    began = time.monotonic()
    for _ in range(n):
        with new_session(at, key_file=key) as s:
            assert s.run(mt.ones(3).sum()) == 3
    return time.monotonic() - began


def test_500_idle_and_slow_strangers_cost_honest_clients_little_time_and_the_daemon_little_memory(shared):
    key, at, daemons = shared
    host, port = at.split(":")
    seconds_of(at, key, 5)
    alone, before = seconds_of(at, key, 20), resident_bytes(daemons[0].process)
    starts = [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"MARS", b"GET / HTTP/1.1\r\n"]
    over = threading.Event()
    strangers = []

    def drip():
        """All come again when they were cut off, and send a byte from time to time."""
        while not over.is_set():
            while len(strangers) < 500 and not over.is_set():
                with contextlib.suppress(OSError):
                    s = socket.create_connection((host, int(port)), timeout=1)
                    s.setblocking(False)
                    s.send(starts[len(strangers) % len(starts)])
                    strangers.append(s)
            for s in strangers[:]:
                try:
                    s.send(b"\0")
                except OSError:
                    strangers.remove(s)
                    s.close()
            over.wait(0.2)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        wait_for(lambda: len(strangers) > 300, "strangers cannot even connect")
        beside = seconds_of(at, key, 20)
        grown = resident_bytes(daemons[0].process) - before
    finally:
        over.set()
        thread.join(SECONDS)
        for s in strangers:
            s.close()
    assert beside < 2 * alone + 0.5, (alone, beside)
    assert grown < 16 << 20, grown
    assert seconds_of(at, key, 5) < alone + 0.5
