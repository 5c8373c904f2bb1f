# SPDX-License-Identifier: Apache-2.0
"""Users of mars-web: what is whose, over every route, at the workers, and over deaths of the scheduler."""
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import re
import signal
import socket
import struct
import subprocess

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, wait_for
from test_web import CLIENT, HELLO, REFUSED, TOKEN, WELCOME, WORKER, ask, frame, upgraded
from test_web_gate import METHODS, routes, status_of

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.session import new_session

GET, GONE, PUT, ASK, ANSWER = 80, 82, 83, 52, 67
NAME = "hers-alone"
EACCES, ENOENT = -13, -2


def token_of(user):
    made = subprocess.run(["marsctl", "token", user], check=True, capture_output=True, text=True).stdout
    return made.removesuffix("\n")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("home")))
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        with new_cluster(n_worker=1, web=True) as made:
            yield made


@pytest.fixture(scope="module")
def port(cluster):
    return int(cluster.web_endpoint.split(":")[1])


@pytest.fixture(scope="module")
def alice(cluster):
    return token_of("alice")


@pytest.fixture(scope="module")
def bob(cluster):
    return token_of("bob")


def session_of(token, where):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MARS_TOKEN", token)
        return new_session(where)


def see(port, token, path):
    status, _, text = ask(port, path=path, Authorization=f"Bearer {token}")
    return status, json.loads(text)


@contextlib.contextmanager
def work_of(token, cluster, port):
    """A session with a request that is done, a result with a name, and its number and that of the request."""
    sess = session_of(token, f"http://{cluster.web_endpoint}")
    try:
        x = mt.arange(100_000, chunk_size=10_000)
        assert sess.run(x).sum() == 100_000 * 99_999 // 2
        x.save_as(NAME, session=sess)
        rows = see(port, token, "/api/v1/requests")[1]
        yield sess, rows[0]["session"], rows[0]["request"]
    finally:
        with contextlib.suppress(Exception):  # it may have been ended
            sess.remove(NAME)
        sess.close()


def concrete(path, session, request):
    for pattern, value in (("/sessions/{}", session), ("/session/{}", session), ("/requests/{}", request),
                           ("/graph/{}", request), ("/tensors/{}", NAME), ("/names/{}", NAME)):
        path = path.replace(pattern, pattern.replace("{}", str(value)))
    return path.replace("{}", "0")


def test_every_route_and_method_keeps_another_users_work_from_a_user(cluster, port, alice, bob):
    """The table says what a route speaks of; this holds the server to it. What is hers is there for her, for him it is
    as if it were not, and nothing of it is in any list."""
    table = {}
    for method, path, right, of in routes():
        table.setdefault(path, {})[method] = right, of
    origin = {"Origin": f"http://127.0.0.1:{port}"}
    n = 0
    with work_of(alice, cluster, port) as (sess, session, request):
        for path, rows in table.items():
            where = concrete(path, session, request)
            for method in METHODS:
                right, of = rows.get("GET" if method == "HEAD" else method, (None, None))
                status = status_of(port, method, where, Authorization=f"Bearer {bob}", **origin)
                n += 1
                if right is None:
                    assert status in (400, 404, 405), (method, where, status)
                elif right == "NONE":
                    assert status not in (403, 405), (method, where, status)
                elif of == "ADMIN":
                    assert status == 403, (method, where, status)
                elif of == "OWNER" and "{}" in path and "wire" not in path:
                    # the original's list of a session's requests is a list
                    expected = 410 if (method, path) == ("POST", "/api/session/{}/graph") else \
                        200 if path == "/api/session/{}/graph" else 404
                    assert status == expected, (method, where, status)
                else:
                    assert status not in (401, 403), (method, where, status)
        assert n > 300
        for path in ("sessions", "requests", f"requests?session={session}", "storage", "overview"):
            text = ask(port, path=f"/api/v1/{path}", Authorization=f"Bearer {bob}")[2]
            assert NAME not in text and '"session"' not in text and '"tensor"' not in text, (path, text)
        for path in ("/api/session", f"/api/session/{session}/graph"):
            assert see(port, bob, path) == (200, {}), path
        # All of it is there, for her and for the administrator, and she may do with it what she likes.
        for token in alice, TOKEN:
            assert see(port, token, f"/api/v1/sessions/{session}")[1]["user"] == "alice"
            assert see(port, token, f"/api/v1/requests/{request}")[1]["user"] == "alice"
            assert any(NAME in row["names"] for row in see(port, token, "/api/v1/storage")[1]["tensors"])
        assert sess.run(mt.ones(10).sum()) == 10
        assert status_of(port, "GET", f"/api/v1/tensors/{NAME}/npy", Authorization=f"Bearer {alice}") == 200
        assert ask(port, "POST", f"/api/v1/names/{NAME}/drop", Authorization=f"Bearer {alice}")[0] == 204
        assert ask(port, "POST", f"/api/v1/sessions/{session}/end", Authorization=f"Bearer {alice}")[0] == 204
        assert see(port, TOKEN, f"/api/v1/sessions/{session}")[0] == 404


def test_a_request_that_runs_is_canceled_by_whose_it_is_and_by_nobody_else(cluster, port, alice, bob):
    sess = session_of(alice, f"http://{cluster.web_endpoint}")
    try:
        future = sess.run(mt.random.RandomState(3).normal(size=(100_000, 40_000), chunk_size=1000).sum(), wait=False)
        rows = []

        def appears():
            rows[:] = [row for row in see(port, alice, "/api/v1/requests")[1] if row["state"] == "running"]
            return rows

        wait_for(appears, "it does not appear")
        number = rows[0]["request"]
        for path in (f"/api/v1/requests/{number}/cancel", f"/api/v1/sessions/{rows[0]['session']}/end"):
            assert ask(port, "POST", path, Authorization=f"Bearer {bob}")[0] == 404
        assert see(port, alice, f"/api/v1/requests/{number}")[1]["state"] == "running"
        assert ask(port, "POST", f"/api/v1/requests/{number}/cancel", Authorization=f"Bearer {alice}")[0] == 204
        with pytest.raises(concurrent.futures.CancelledError):
            future.result()
        assert "canceled by alice" in see(port, TOKEN, f"/api/v1/requests/{number}")[1]["error"]
    finally:
        sess.close()


def test_a_stream_of_events_goes_by_the_same_rights(cluster, port, alice, bob):
    def events(token, topics):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
            s.sendall(f"GET /api/v1/events?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                      f"Authorization: Bearer {token}\r\n\r\n".encode())
            said = b""
            while b"\nevent: " not in said or not said.endswith(b"\n\n\r\n"):
                said += s.recv(65536) or pytest.fail(said.decode())
                if not said.startswith(b"HTTP/1.1 200"):
                    break
            return said.decode()

    with work_of(alice, cluster, port) as (_, session, request):
        for topic in (f"sessions/{session}", f"requests/{request}", f"requests/{request}/graph"):
            assert f"event: {topic}\n" in events(alice, topic) or "graph" in topic
            assert "event: gone\n" in events(bob, topic)
        for topic in ("logs", "about", "timeline", "workers/0/log", "workers/0/configuration"):
            assert events(bob, topic).startswith("HTTP/1.1 403"), topic
            assert events(alice, "overview," + topic).startswith("HTTP/1.1 403"), topic
        assert '"said": false' in events(bob, f"workers/{worker_number(port)}")  # which would say whose tasks it runs


def test_what_is_no_users_token_is_none_at_all(port, alice):
    name, proof = alice.split(":")
    of_nothing = hmac.new(b"", b"user alice", hashlib.sha256).hexdigest()
    for token in (f"bob:{proof}", f"{name}:{'0' * 64}", f"{name}:{proof[:-1]}", f"{name}:{proof}0", f"{name}:",
                  alice.upper(), f":{proof}", f"{name}::{proof}", f"{TOKEN}:{proof}", f"{name}:{of_nothing}"):
        assert status_of(port, "GET", "/api/v1/sessions", Authorization=f"Bearer {token}") == 401, token


def test_names_of_users_are_plain_words_and_a_users_token_makes_no_others(alice, monkeypatch):
    for name in ("", "Alice", "a.b", "a b", "ä", "x" * 33):
        failed = subprocess.run(["marsctl", "token", name], capture_output=True, text=True)
        assert failed.returncode == 1 and "a user's name has 1 to 32 of" in failed.stderr
    monkeypatch.setenv("MARS_TOKEN", alice)
    failed = subprocess.run(["marsctl", "token", "bob"], capture_output=True, text=True)
    assert failed.returncode == 1 and "this token is a user's" in failed.stderr


def test_a_browser_signs_in_as_whose_token_it_showed(port, alice):
    def cookie_of(headers):
        return headers["Set-Cookie"].split(";")[0]

    def enter(link):
        code = re.search("#/login/([0-9a-f]{32})", link)[1]
        status, headers, _ = ask(port, "POST", "/api/v1/enter", body=code)
        assert status == 204
        return cookie_of(headers)

    signed_in = ask(port, "POST", "/api/v1/login", Authorization=f"Bearer {alice}")
    assert signed_in[0] == 204
    by_link = enter(json.loads(ask(port, "POST", "/api/v1/link", Authorization=f"Bearer {alice}")[2])["link"])
    for cookie in cookie_of(signed_in[1]), by_link:
        assert status_of(port, "GET", "/api/v1/sessions", Cookie=cookie) == 200
        assert status_of(port, "GET", "/api/v1/logs", Cookie=cookie) == 403
        for instead in (".bob.", ".", ".."):
            other = cookie.replace(".alice.", instead)
            assert other != cookie and status_of(port, "GET", "/api/v1/sessions", Cookie=other) == 401
    assert alice.split(":")[1] not in by_link
    admin = enter(json.loads(ask(port, "POST", "/api/v1/link", Authorization=f"Bearer {TOKEN}")[2])["link"])
    assert status_of(port, "GET", "/api/v1/logs", Cookie=admin) == 200


# ---- Workers, which know no sessions


def number(n):
    """A varint of PROTOCOL.md."""
    said = b""
    while n > 127:
        said += bytes([n & 127 | 128])
        n >>= 7
    return said + bytes([n])


def message(kind, body):
    return struct.pack("<4sHHIIQ", b"MARS", kind, 0, len(body), 0, 0) + body


def hear(s):
    kind, _, n = struct.unpack("<4sHHIIQ", s.recv(24, socket.MSG_WAITALL))[1:4]
    return kind, s.recv(n, socket.MSG_WAITALL) if n else b""


def code_of(body):
    """The zigzag behind the first number."""
    at = next(k for k, b in enumerate(body) if b < 128) + 1
    n = body[at]
    assert n < 128
    return (n >> 1) ^ -(n & 1)


def grant(user, first, n):
    return hmac.new(TOKEN.encode(), f"{n} chunks from {first} of {user}".encode(), hashlib.sha256).hexdigest().encode()


def worker_number(port):
    return see(port, TOKEN, "/api/v1/workers")[1][0]["worker"]


def test_a_worker_gives_and_takes_chunks_of_a_user_for_what_the_scheduler_granted_him(cluster, port, bob):
    def get(chunk, first=0, n=0, proof=b""):
        return message(GET, number(chunk) + number(1 << 20) + number(0) + number(first) + number(n) +
                       bytes([len(proof)]) + proof)

    tries = ((get(7), EACCES), (get(7, 7, 1, grant("alice", 7, 1)), EACCES), (get(7, 7, 1, b"0" * 64), EACCES),
             (get(8, 7, 1, grant("bob", 7, 1)), EACCES), (get(6, 7, 1, grant("bob", 7, 1)), EACCES),
             (get(7, 7, 2, grant("bob", 7, 1)), EACCES), (get(7, 7, 1, grant("bob", 7, 1)), ENOENT),
             (get((1 << 64) - 1, 7, 1, grant("bob", 7, 1)), EACCES))
    where = f"/api/v1/wire/{worker_number(port)}"
    with upgraded(cluster, bob, where) as s:
        s.sendall(frame(HELLO, CLIENT, 2, b"", bob.encode(), b"test"))
        assert hear(s)[0] == WELCOME
        for said, expected in tries:
            s.sendall(said)
            kind, body = hear(s)
            assert (kind, code_of(body)) == (GONE, expected), (said, body)
        s.sendall(frame(ASK, 1, b"itself"))
        kind, body = hear(s)
        assert (kind, code_of(body)) == (ANSWER, EACCES)
        s.sendall(message(PUT, number(7) + number(8) + number(0) + number(0) + b"\0"))
        assert s.recv(1) == b""  # that was the end
    with upgraded(cluster, TOKEN, where) as s:
        s.sendall(frame(HELLO, CLIENT, 2, b"", TOKEN.encode(), b"test") + get(7))
        assert hear(s)[0] == WELCOME
        assert code_of(hear(s)[1]) == ENOENT


def test_no_user_is_a_worker(cluster, bob):
    with upgraded(cluster, bob) as s:
        s.sendall(frame(HELLO, WORKER, 2, b"", bob.encode(), b"test"))
        assert hear(s)[0] == REFUSED


def test_data_and_results_of_a_user_go_both_ways(cluster, port, alice, bob):
    data = np.random.default_rng(3).random((3000, 1000))
    for token in alice, bob:
        sess = session_of(token, f"http://{cluster.web_endpoint}")
        try:
            x = mt.tensor(data, chunk_size=500)
            assert np.array_equal(sess.run(x + 1), data + 1)
            assert np.array_equal(sess.run(x), data)
            assert sess.names() == []
        finally:
            sess.close()


def test_a_session_is_its_users_after_the_scheduler_has_died(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    alice, bob = token_of("alice"), token_of("bob")
    at = f"unix:{tmp_path}/scheduler"

    def scheduler():
        return Daemon("mars-scheduler", "--socket", at[5:], "--port", "none", "--state-dir",
                      f"{tmp_path}/state").says("listening")

    running = [scheduler()]
    try:
        running.append(Daemon("mars-worker", "--schedulers", at, "--port", "0", "--cache-mem", "64m", "--drain", "none",
                              "--spill-dir", str(tmp_path)))
        running.append(Daemon("mars-web", "--schedulers", at, "--port", "0"))
        port = running[-1].port()
        sess = session_of(alice, f"http://127.0.0.1:{port}")
        x = mt.arange(1000, chunk_size=100)
        assert sess.run(x).sum() == 499_500
        x.save_as(NAME, session=sess)
        (row,) = see(port, alice, "/api/v1/sessions")[1]
        running.pop(0).stop()
        running.insert(0, scheduler())
        wait_for(lambda: see(port, alice, "/api/v1/sessions")[0] == 200, "it does not come back")
        assert sess.run(x + 1).sum() == 500_500
        assert [r["session"] for r in see(port, alice, "/api/v1/sessions")[1]] == [row["session"]]
        assert see(port, bob, "/api/v1/sessions") == (200, [])
        assert see(port, TOKEN, f"/api/v1/sessions/{row['session']}")[1]["user"] == "alice"
        sess.close()
        other = session_of(bob, f"http://127.0.0.1:{port}")
        assert other.names() == []
        with pytest.raises(KeyError):
            other.open(NAME)
        other.close()
        hers = session_of(alice, f"http://127.0.0.1:{port}")
        assert hers.names() == [NAME] and hers.run(hers.open(NAME)).sum() == 499_500
        hers.close()
    finally:
        for daemon in reversed(running):
            daemon.stop()


def test_a_token_that_is_taken_back_is_none_from_then_on_and_the_others_are_what_they_were(tmp_path, monkeypatch):
    """At every route and method, at the worker, in sessions and streams that are open; while it is on the list."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    alice, bob = token_of("alice"), token_of("bob")
    configuration = tmp_path / "scheduler.conf"
    configuration.write_text("withdrawn_users = carol\n")
    running = [Daemon("mars-scheduler", "--config-dir", str(tmp_path), "--port", "0", "--socket", "none", "--key-file",
                      "none", "--state-dir", str(tmp_path / "state"))]

    def withdraw(users):
        n = running[0].said.count("was read again")
        configuration.write_text(f"withdrawn_users = {users}\n")
        running[0].process.send_signal(signal.SIGHUP)
        wait_for(lambda: running[0].said.count("was read again") > n, "it is not read again")

    def worker_at(folder):
        return Daemon("mars-worker", "--schedulers", at, "--port", "0", "--socket", "none", "--key-file", "none",
                      "--cache-mem", "64m", "--drain", "none", "--spill-dir", str(folder))

    try:
        at = f"127.0.0.1:{running[0].port()}"
        running.append(worker_at(tmp_path))
        worker = running[1].port()
        running.append(Daemon("mars-web", "--schedulers", at, "--port", "0", "--key-file", "none"))
        port = running[2].port()

        def at_worker(token):
            with socket.create_connection(("127.0.0.1", worker), SECONDS) as s:
                s.sendall(frame(HELLO, CLIENT, 2, b"", token.encode(), b"test"))
                return struct.unpack("<4sHHIIQ", s.recv(24, socket.MSG_WAITALL))[1]

        hers, his = (session_of(token, f"http://127.0.0.1:{port}") for token in (alice, bob))
        with socket.create_connection(("127.0.0.1", worker), SECONDS) as here, \
                socket.create_connection(("127.0.0.1", port), SECONDS) as stream:
            here.sendall(frame(HELLO, CLIENT, 2, b"", alice.encode(), b"test"))
            assert struct.unpack("<4sHHIIQ", here.recv(24, socket.MSG_WAITALL))[1] == WELCOME
            stream.sendall(f"GET /api/v1/events?topics=sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                           f"Authorization: Bearer {alice}\r\n\r\n".encode())
            x = mt.arange(100_000, chunk_size=10_000)
            assert hers.run(x).sum() == his.run(x).sum() == 100_000 * 99_999 // 2
            assert at_worker(alice) == at_worker(bob) == WELCOME
            withdraw("carol, alice")
            with pytest.raises(Exception):
                hers.run(x.sum())
            with contextlib.suppress(ConnectionError):
                while here.recv(4096):
                    pass
            said = b""
            while b"event: gone" not in said:
                part = stream.recv(65536)
                assert part, said
                said = said[-64:] + part
        wait_for(lambda: status_of(port, "GET", "/api/v1/overview", Authorization=f"Bearer {alice}") == 401,
                 "mars-web believes it still")
        for method, path, right, _ in routes():
            if right == "NONE":
                continue
            where = path.replace("{}", "0")
            origin = {"Origin": f"http://127.0.0.1:{port}"}
            assert status_of(port, method, where, Authorization=f"Bearer {alice}", **origin) == 401, (method, path)
            assert status_of(port, method, where, Authorization=f"Bearer {bob}", **origin) != 401, (method, path)
        assert (at_worker(alice), at_worker(bob)) == (REFUSED, WELCOME)
        with pytest.raises(PermissionError, match="taken back"):
            session_of(alice, at)
        assert his.run(x.sum()) == 100_000 * 99_999 // 2
        assert [row["user"] for row in see(port, TOKEN, "/api/v1/sessions")[1]] == ["bob"]
        (tmp_path / "second").mkdir()
        running.append(worker_at(tmp_path / "second"))
        worker = running[-1].port()  # one that has joined since then
        running[-1].says("joined")
        wait_for(lambda: at_worker(alice) == REFUSED, "it does not hear of it")
        assert at_worker(bob) == WELCOME
        withdraw("none")
        wait_for(lambda: at_worker(alice) == WELCOME, "it does not hear of it")
        with session_of(alice, at) as again:
            assert again.run(x.sum()) == 100_000 * 99_999 // 2
        configuration.write_text("withdrawn_users = no user\u00e4\n")
        running[0].process.send_signal(signal.SIGHUP)
        running[0].says("is no user's name")
    finally:
        for daemon in reversed(running):
            daemon.stop()
