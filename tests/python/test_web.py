# SPDX-License-Identifier: Apache-2.0
"""mars-web: what it serves, to whom, and what it refuses."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, wait_for

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session

TOKEN = "a-token-of-these-tests"


@contextlib.contextmanager
def daemons(folder, *options):
    """A scheduler and a mars-web in front of it; the port of the latter."""
    scheduler = Daemon("mars-scheduler", "--socket", f"{folder}/scheduler", "--port", "none", "--state-dir",
                       f"{folder}/state").says("listening")
    web = Daemon("mars-web", "--schedulers", f"unix:{folder}/scheduler", "--port", "0", *options)
    try:
        yield web.port()
    finally:
        assert web.stop() == 0, web.said
        assert scheduler.stop() == 0, scheduler.said


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        with daemons(folder) as port:
            yield port


def ask(port, method="GET", path="/", host=None, body=None, **headers):
    """The status, the headers and the text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if host is not None:
        headers["Host"] = host
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def say(port, text):
    """What comes back when these bytes are sent; nothing where the connection is cut off before or meanwhile."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s, contextlib.suppress(ConnectionError):
        s.sendall(text.encode())
        with contextlib.suppress(OSError):
            s.shutdown(socket.SHUT_WR)  # unless it is closed
        while part := s.recv(65536):
            answer += part
    return answer.decode()


def test_health_is_told_to_anybody(port):
    status, _, text = ask(port, path="/api/v1/health")
    assert status == 200 and json.loads(text)["status"] == "ok"


def test_every_answer_says_what_a_browser_may_do_with_it(port):
    for path in ("/", "/api/v1/health", "/nothing"):
        _, headers, _ = ask(port, path=path)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == ("no-cache" if path == "/" else "no-store")


def test_who_asks_what_cannot_be_answered_hears_when_to_ask_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    web = Daemon("mars-web", "--schedulers", f"unix:{tmp_path}/nobody", "--port", "0")
    try:
        status, headers, text = ask(web.port(), path="/api/v1/workers", Authorization=f"Bearer {TOKEN}")
        assert (status, headers["Retry-After"]) == (503, "5"), text
    finally:
        web.stop()


def test_what_is_not_in_the_table_is_not_there(port):
    for path in ("/api/v1/nothing", "/api/v1/health/", "//", "/../etc/passwd", "/api/v1/%2e%2e/health"):
        assert ask(port, path=path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, _ = ask(port, method, "/api/v1/health")
        assert status == 405 and headers["Allow"] == "GET"


def test_the_pages_say_whose_work_is_in_them_and_so_does_the_package(port):
    page = ask(port)[2]
    script = ask(port, path="/" + re.search(r'src="(?:\./)?([^"]+[.]js)"', page)[1])[2]
    for name in ("preact", "uplot", "@dagrejs/dagre"):  # which has graphlib in it
        assert re.search(rf"/\*! {name}\n[^*]*Copyright [^*]*Permission is hereby granted[^*]*THE SOFTWARE IS PROVIDED",
                         script), name
    copyright_ = (pathlib.Path(__file__).parents[2] / "packaging/debian/copyright").read_text()
    assert all(whose in copyright_ for whose in re.findall(r"Copyright \(c\) (.*)", script))


def test_a_name_that_somebody_else_has_pointed_at_us_is_not_ours(port):
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert ask(port, host=host)[0] == 200
    for host in ("evil.example", f"evil.example:{port}", f"localhost.evil.example:{port}", "localhost",
                 f"localhost:{port}0", f"127.0.0.1:{port}@evil.example", ""):
        assert ask(port, host=host)[0] in (400, 421)


def test_another_page_may_not_ask_on_behalf_of_its_reader(port):
    assert ask(port, Origin=f"http://127.0.0.1:{port}")[0] == 200
    for origin in ("http://evil.example", "null", f"https://127.0.0.1:{port}", f"http://localhost:{port}",
                   f"http://127.0.0.1:{port}.evil.example", f"http://127.0.0.1:{port}/"):
        assert ask(port, Origin=origin)[0] == 403


def test_requests_that_could_be_read_in_two_ways_are_none(port):
    host = f"Host: 127.0.0.1:{port}\r\n"
    for head in (f"POST / HTTP/1.1\r\n{host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                 f"POST / HTTP/1.1\r\n{host}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
                 f"GET / HTTP/1.1\r\n{host}{host}\r\n",
                 "GET / HTTP/1.1\r\n\r\n",
                 f"GET / HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
                 f"GET / HTTP/1.1\r\n{host}A: b\x01c\r\n\r\n",
                 f"GET / HTTP/1.1\r\n{host}A b: c\r\n\r\n"):
        answer = say(port, head + f"GET /api/v1/health HTTP/1.1\r\n{host}\r\n")
        assert " 200 " not in answer, (head, answer)


# ---- Sessions over http


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))
        monkeypatch.delenv("MARS_TOKEN", raising=False)
        with new_cluster(n_worker=2, web=True) as made:
            yield made


@pytest.fixture
def token(cluster):
    return (pathlib.Path(os.environ["XDG_CONFIG_HOME"]) / "mars" / "token").read_text().strip()


@pytest.fixture
def sess(cluster):
    with new_session("http://" + cluster.web_endpoint) as made:
        yield made


def children(cluster, program):
    """The processes of that name which the cluster's keepers have started."""
    found = []
    for process in cluster._processes:
        for line in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{line}/comm").read_text().strip() == program:
                found.append(int(line))
    return found


def test_a_session_over_http_has_what_the_others_have(sess, cluster):
    data = np.random.default_rng(1).random((900, 700))
    a = mt.tensor(data, chunk_size=300)
    assert np.array_equal(sess.run((a * 2 + 1)), data * 2 + 1)
    future = mt.sort(a, axis=0).execute(session=sess, wait=False)
    future.result()
    with new_session(cluster.endpoint) as direct:
        assert np.array_equal(sess.run(a.T.sum(axis=0)), direct.run(mt.tensor(data, chunk_size=300).T.sum(axis=0)))
    with pytest.raises(np.linalg.LinAlgError, match="inv"):
        sess.run(mt.linalg.inv(mt.zeros((4, 4))))
    with pytest.raises(ValueError):
        sess.run(mt.ones(3) + mt.ones(4))


def test_results_of_any_size_come_over_http(sess):
    big = mt.arange(24_000_000, chunk_size=3_000_000).astype("f8")
    big.execute(session=sess)
    value = sess.run(big)
    assert value[0] == 0 and value[-1] == 23_999_999 and value.sum() == 23_999_999 * 12_000_000
    assert np.array_equal(sess.run(big[5_999_990:6_000_010]), np.arange(5_999_990.0, 6_000_010.0))


def resident(field):
    """Bytes: VmRSS now, VmHWM at most since resident_peak_begins()."""
    words = pathlib.Path("/proc/self/status").read_text().split(f"{field}:")[1].split()
    return int(words[0]) << 10


def resident_peak_begins():
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def test_a_result_over_http_is_right_whatever_array_it_goes_into(sess):
    """Chunks that lie in the array as in themselves are received into it; the others are copied."""
    data = np.random.default_rng(4).random((2400, 1000))
    for chunks in ((300, 1000), (2400, 250), (700, 300), (2400, 1000)):
        there = mt.tensor(data, chunk_size=chunks)
        there.execute(session=sess)
        room = np.zeros((2400, 2, 1000))
        for into in (np.zeros(data.shape), np.zeros(data.shape, order="F"), room[:, 1], np.zeros(data.shape)[::-1]):
            sess._fetch(there, into)
            assert np.array_equal(into, data), (chunks, into.strides)
        assert not room[:, 0].any()


def test_a_result_over_http_takes_the_client_little_besides_its_array(sess):
    wanted = mt.arange(16 << 20, dtype="f8", chunk_size=1 << 20)  # 128 MiB in pieces of 16
    wanted.execute(session=sess)
    before = resident("VmRSS")
    resident_peak_begins()
    got = sess.fetch(wanted)
    assert resident("VmHWM") - before < got.nbytes + (16 << 20)  # where pieces landed it was 48
    assert np.array_equal(got, np.arange(16 << 20, dtype="f8"))


def test_work_is_canceled_over_http(sess):
    r = mt.random.RandomState(3).rand(4000, 4000, chunk_size=200)
    future = (r @ r @ r).sum().execute(session=sess, wait=False)
    wait_for(lambda: future.progress() > 0, "it does not begin")
    future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result()


def test_mars_web_dies_under_a_running_job_and_nobody_notices_more_than_a_pause(sess, cluster):
    r = mt.random.RandomState(5).rand(3000, 3000, chunk_size=250)
    with new_session(cluster.endpoint) as direct:
        expected = direct.run((r @ r).sum(axis=0))
    future = (r @ r).sum(axis=0).execute(session=sess, wait=False)
    wait_for(lambda: future.progress() > 0, "it does not begin")
    for _ in range(3):
        (pid,) = children(cluster, "mars-web")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: children(cluster, "mars-web") not in ([], [pid]), "it is not started again")
        assert ask(int(cluster.web_endpoint.split(":")[1]), path="/api/v1/health")[0] == 200
    assert np.array_equal(future.result(), expected)
    assert sess.run(mt.ones(3).sum()) == 3


def test_whoever_forgets_to_say_http_is_told_so_at_once(cluster):
    began = time.monotonic()
    with pytest.raises(Exception, match=f"HTTP is spoken there: use 'http://{cluster.web_endpoint}'"):
        new_session(cluster.web_endpoint)
    assert time.monotonic() - began < 5  # a scheduler has 10 s


def test_whoever_encrypts_where_http_is_spoken_in_plain_is_told_so_at_once(cluster, tmp_path):
    key = tmp_path / "cluster.key"
    subprocess.run(["marsctl", "keygen", key], check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    with pytest.raises(Exception, match="HTTP is spoken there: the address begins with http://"):
        new_session(cluster.web_endpoint, key_file=str(key))
    with pytest.raises(ValueError, match="it speaks plain HTTP: the address begins with http://"):
        new_session("https://" + cluster.web_endpoint)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("daemon", ["mars-scheduler", "mars-worker"])
def test_whoever_says_http_where_there_is_none_is_told_what_is_there_and_what_to_use(daemon, tmp_path):
    with contextlib.ExitStack() as stack:
        def start(program, *options):
            made = Daemon(program, "--port", "0", "--socket", "none", "--key-file", "none", *options)
            stack.callback(made.stop)
            return made.says("listening")

        there = start("mars-scheduler", "--state-dir", str(tmp_path / "state"))
        if daemon == "mars-worker":
            there = start("mars-worker", "--schedulers", f"127.0.0.1:{there.port()}", "--spill-dir", str(tmp_path))
        began = time.monotonic()
        with pytest.raises(ValueError, match="Mars itself is spoken at this port, not HTTP: .* without http://"):
            new_session(f"http://127.0.0.1:{there.port()}")
        with pytest.raises(ValueError, match="Mars itself is spoken there, not https: .* without https://"):
            new_session(f"https://127.0.0.1:{there.port()}")
        status, _, text = ask(there.port())  # a browser
        assert status == 400 and "mars-web" in text
        assert time.monotonic() - began < 5


def test_who_has_no_token_has_no_session(cluster, monkeypatch):
    where = "http://" + cluster.web_endpoint
    for token in ("", "another-token-than-theirs", "x" * 255):
        monkeypatch.setenv("MARS_TOKEN", token)
        monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
        with pytest.raises(PermissionError, match="token|credential"):
            new_session(where)


def frame(kind, *fields):
    """A message as docs/PROTOCOL.md has it, of small numbers and short texts."""
    body = b"".join(bytes([f]) if isinstance(f, int) else bytes([len(f)]) + f for f in fields)
    return struct.pack("<4sHHIIQ", b"MARS", kind, 0, len(body), 0, 0) + body


HELLO, REFUSED, WELCOME, VIA = 1, 3, 2, 5
CLIENT, WORKER, CONTROL = 1, 2, 3


def answer_of(s):
    return struct.unpack("<4sHHIIQ", s.recv(24, socket.MSG_WAITALL))[1]


def test_whoever_speaks_through_somebody_else_must_know_the_token(cluster, token):
    """Also over a unix socket, where everybody is known who could open it."""
    ours = token.encode()
    for via, said, role, expected in ((False, b"", CLIENT, WELCOME), (True, b"", CLIENT, REFUSED),
                                      (True, b"wrong-wrong-wrong-wrong", CLIENT, REFUSED),
                                      (True, ours, CLIENT, WELCOME), (True, ours, WORKER, REFUSED)):
        for place in ("scheduler", "worker-0"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(SECONDS)
                s.connect(f"{cluster.endpoint.removeprefix('unix:').removesuffix('scheduler')}{place}")
                s.sendall((frame(VIA, b"192.0.2.1") if via else b"") + frame(HELLO, role, 2, b"", said, b"test"))
                assert answer_of(s) == expected, (place, via, said, role)


def upgraded(cluster, token, path="/api/v1/wire"):
    """A connection that was handed over, or the status that says why not."""
    host, port = cluster.web_endpoint.split(":")
    s = socket.create_connection((host, int(port)), SECONDS)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: mars\r\n"
              f"Authorization: Bearer {token}\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(1) or pytest.fail(head.decode())
    status = int(head.split()[1])
    if status == 101:
        return s
    s.close()
    return status


def test_what_is_relayed_is_believed_nothing_that_mars_web_is(cluster, token):
    for said, expected in ((b"", REFUSED), (b"another-token-than-theirs", REFUSED), (token.encode(), WELCOME)):
        with upgraded(cluster, token) as s:
            s.sendall(frame(HELLO, CLIENT, 2, b"", said, b"test"))
            assert answer_of(s) == expected


def test_a_daemon_of_this_machine_gets_the_connection_itself_and_mars_web_may_die(cluster, token):
    with upgraded(cluster, token) as scheduler, upgraded(cluster, token, "/api/v1/wire/1") as worker:
        for s in scheduler, worker:
            s.sendall(frame(HELLO, CONTROL, 2, b"", token.encode(), b"test"))
            assert answer_of(s) == WELCOME
        (pid,) = children(cluster, "mars-web")
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: children(cluster, "mars-web") not in ([], [pid]), "it is not started again")
        for s in scheduler, worker:
            s.setblocking(False)
            with pytest.raises(BlockingIOError):
                while s.recv(65536):
                    pass  # what WELCOME said


def test_what_a_client_says_before_it_was_let_in_is_not_lost(cluster, token):
    host, port = cluster.web_endpoint.split(":")
    with socket.create_connection((host, int(port)), SECONDS) as s:
        s.sendall(f"GET /api/v1/wire HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: mars\r\n"
                  f"Authorization: Bearer {token}\r\n\r\n".encode() +
                  frame(HELLO, CONTROL, 2, b"", token.encode(), b"test"))
        head = b""
        while b"\r\n\r\n" not in head:
            head += s.recv(1) or pytest.fail(head.decode())
        assert answer_of(s) == WELCOME


def test_daemons_of_other_machines_are_relayed(tmp_path, monkeypatch):
    """Whose bytes go through mars-web, and come again when it has died."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    started = [Daemon("mars-scheduler", "--socket", "none", "--port", "0", "--state-dir", "none")]
    try:
        scheduler = f"127.0.0.1:{started[0].port()}"
        started.append(Daemon("mars-worker", "--socket", "none", "--port", "0", "--schedulers", scheduler,
                              "--cache-mem", "256m", "--drain", "none"))
        started.append(Daemon("mars-web", "--schedulers", scheduler, "--port", "0"))
        port = started[2].port()
        with new_session(f"http://127.0.0.1:{port}") as sess:
            big = mt.arange(8_000_000, chunk_size=1_000_000)
            assert sess.run(big).sum() == 8_000_000 * 7_999_999 // 2
            data = np.random.default_rng(7).random((1200, 900))
            assert np.array_equal(sess.run(mt.tensor(data, chunk_size=400).T), data.T)
            started.pop().stop(signal.SIGKILL)
            started.append(Daemon("mars-web", "--schedulers", scheduler, "--port", str(port)).says("listening"))
            assert sess.run(big)[-1] == 7_999_999
    finally:
        while started:
            started.pop().stop()


def test_a_connection_is_handed_over_to_daemons_of_the_cluster_only(cluster, token):
    for path in ("/api/v1/wire/7", "/api/v1/wire/-1", "/api/v1/wire/unix:", "/api/v1/wire/127.0.0.1:22",
                 "/api/v1/wire/99999", "/api/v1/wire/0x0"):
        assert upgraded(cluster, token, path) == 404
    assert upgraded(cluster, "another-token-than-theirs") == 401
    with upgraded(cluster, token, "/api/v1/wire/0") as s:
        s.sendall(frame(HELLO, CLIENT, 2, b"", token.encode(), b"test"))
        assert answer_of(s) == WELCOME
