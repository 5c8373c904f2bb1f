# SPDX-License-Identifier: Apache-2.0
"""Every route of mars-web, with every method, to everybody who could come; what strangers can do to it; and https."""
import contextlib
import http.client
import json
import pathlib
import re
import resource
import select
import signal
import socket
import statistics
import subprocess
import threading
import time

import numpy as np
import pytest
from by_hand import SECONDS, Daemon, wait_for
from test_web import TOKEN, ask, daemons, say, upgraded

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import MarsError
from mars.session import new_session

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW")
SOURCE = pathlib.Path(__file__).parents[2] / "daemons" / "web" / "routes.c"


def routes():
    """The table as it is compiled: method, path, right, and of whose work it speaks."""
    rows = re.findall(r'^\s*\{ "([A-Z]+)", "([^"]+)", RIGHT_([A-Z]+), OF_([A-Z]+), \w+ \}', SOURCE.read_text(),
                      re.MULTILINE)
    assert len(rows) > 5
    return rows


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


@contextlib.contextmanager
def daemon_pid(cluster):
    for process in cluster._processes:
        for pid in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "mars-web":
                yield int(pid)
                return
    pytest.fail("there is no mars-web")


def status_of(port, method, path, **headers):
    """The status alone: an answer may have no end."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}\r\n".encode())
        line = b""
        while not line.endswith(b"\r\n"):
            part = s.recv(1)
            assert part, (method, path, line)
            line += part
    return int(line.split()[1])


def concrete(path):
    return path.replace("{}", "0")


def test_every_route_answers_its_methods_alone_and_strangers_nothing(port):
    """Deny by default: what a row does not say is refused, before anything else is looked at."""
    known = {}
    for method, path, right, _ in routes():
        known.setdefault(concrete(path), {})[method] = right
    strangers = ({}, {"Authorization": "Bearer another-token-than-theirs"}, {"Authorization": f"Basic {TOKEN}"},
                 {"Authorization": TOKEN}, {"Authorization": "Bearer"},
                 {"Cookie": f"mars-{port}=9999999999.{'0' * 64}"}, {"Cookie": f"mars-{port}={TOKEN}"},
                 {"X-Forwarded-For": "127.0.0.1"})
    n = 0
    for path, rows in known.items():
        for method in METHODS:
            right = rows.get("GET" if method == "HEAD" else method)
            for stranger in strangers:
                status = status_of(port, method, path, **stranger)
                n += 1
                if right is None:
                    assert status in (405, 400, 404), (method, path, stranger, status)
                elif right == "NONE":
                    assert status != 405, (method, path, stranger, status)
                else:
                    assert status == 401, (method, path, stranger, status)
    assert n > 300


def test_no_route_changes_anything_for_another_page(port):
    """A cookie comes by itself, wherever the page is that asks; the token does not, but its page may be another's."""
    for method, path, right, _ in routes():
        if right != "WRITE":
            continue
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
            assert status_of(port, method, concrete(path), Origin=origin, Authorization=f"Bearer {TOKEN}") == 403


def test_what_the_original_took_by_post_says_what_is_there_instead(port):
    for path in ("/api/session", "/api/session/1/graph"):
        status, _, text = ask(port, "POST", path, body="graph=%7B%7D&target=a", Authorization=f"Bearer {TOKEN}")
        assert status == 410 and f"new_session('http://127.0.0.1:{port}')" in json.loads(text)["text"]


def test_where_the_original_had_a_result_it_says_where_results_are_now(port):
    status, _, text = ask(port, path="/api/session/1/graph/2/data/abc", Authorization=f"Bearer {TOKEN}")
    assert status == 410 and "/api/v1/tensors/NAME/npy" in json.loads(text)["text"]


def test_another_users_session_is_not_taken_over_by_its_number(cluster, port):
    """A connection over http is one more client with the token: of a session it needs the key, too."""
    from test_web import CLIENT, HELLO, REFUSED, answer_of, frame

    with new_session(cluster.endpoint), upgraded(cluster, TOKEN) as s:
        s.sendall(frame(HELLO, CLIENT, 2, b"", TOKEN.encode(), b"test", b"", 0, 0, 0, 0, 0, 1, b"no-key"))
        assert answer_of(s) == REFUSED


# ---- Limits


def honest_seconds(*ports, n=100):
    """Of each port's answers: they are asked in turns, so that what else the machine does meets all of them alike."""
    taken = {port: [] for port in ports}
    for _ in range(n):
        for port, seconds in taken.items():
            began = time.monotonic()
            assert ask(port, path="/api/v1/health", Authorization=f"Bearer {TOKEN}")[0] == 200
            seconds.append(time.monotonic() - began)
    return [statistics.median(seconds) for seconds in taken.values()]


class Slow:
    """So many connections at any time, of which half send a byte now and then and never end, and half have asked and
    read nothing. Who is cut off is replaced, until rest()."""

    def __init__(self, port, n):
        self.port = port
        self.asked = re.search(r"app-\w+\.js", ask(port)[2])[0]  # more than the kernel takes of who does not read
        self.n_cut = 0
        self.ended, self.resting = threading.Event(), threading.Event()
        self.slow = [self.come(k) for k in range(n)]
        self.thread = threading.Thread(target=self.drip)
        self.thread.start()

    def come(self, k):
        s = socket.create_connection(("127.0.0.1", self.port), SECONDS)
        if k % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            s.sendall(f"GET /{self.asked} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode() * 8)
        else:
            s.sendall(b"GET / HTTP/1.1\r\nA: ")
        return s

    def is_cut(self, k):
        """Those who send are told when they do; of those who do not, the kernel knows."""
        try:
            if k % 2 == 0:
                self.slow[k].send(b"a")
            gone = select.poll()
            gone.register(self.slow[k], select.POLLHUP | select.POLLERR)
            return bool(gone.poll(0))
        except OSError:
            return True

    def drip(self):
        while not self.ended.wait(1):
            for k, s in enumerate(self.slow):
                if self.is_cut(k) and not self.resting.is_set():
                    s.close()
                    self.n_cut += 1
                    with contextlib.suppress(OSError):
                        self.slow[k] = self.come(k)

    def rest(self):
        self.resting.set()

    def close(self):
        self.ended.set()
        self.thread.join()
        for s in self.slow:
            s.close()


def resident_bytes(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) << 10


def test_large_and_endless_requests_are_cut_off(port):
    host = f"Host: 127.0.0.1:{port}\r\n"
    auth = f"Authorization: Bearer {TOKEN}\r\n"
    assert " 200 " not in say(port, f"GET /{'a' * (64 << 10)} HTTP/1.1\r\n{host}\r\n").split("\r\n")[0]
    assert " 200 " not in say(port, f"GET / HTTP/1.1\r\n{host}{'A: ' + 'b' * 1000}\r\n" * 64 + "\r\n").split("\r\n")[0]
    many = "".join(f"A{k}: b\r\n" for k in range(5000))
    assert " 200 " not in say(port, f"GET / HTTP/1.1\r\n{host}{many}\r\n").split("\r\n")[0]
    for row in routes():
        if row[2] != "WRITE":
            continue
        answer = say(port, f"{row[0]} {concrete(row[1])} HTTP/1.1\r\n{host}{auth}Content-Length: 2000000\r\n\r\n")
        assert " 413 " in answer.split("\r\n")[0], (row, answer)
        break


def test_ten_thousand_connections_and_five_hundred_that_are_slow_keep_nobody_away(cluster, port, tmp_path):
    """Honest clients take at most twice the time that they take at a mars-web beside it, which nobody else asks: the
    slow ones stay as long as it takes until a measurement says so that nothing else on the machine has disturbed. Each
    of them is cut off in the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with contextlib.ExitStack() as ends:
        ends.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        slow = Slow(port, 500)
        ends.callback(slow.close)
        for _ in range(100):
            for s in [socket.create_connection(("127.0.0.1", port), SECONDS) for _ in range(100)]:
                s.close()
        with daemons(tmp_path) as other:
            found = []  # as multiples

            def is_fair():
                among, alone = honest_seconds(port, other)
                found.append(among / alone)
                return among < 2 * alone

            wait_for(is_fair, found)
        with daemon_pid(cluster) as pid:
            assert resident_bytes(pid) < 64 << 20
        with new_session("http://" + cluster.web_endpoint) as sess:
            assert sess.run(mt.ones(3).sum()) == 3
        wait_for(lambda: slow.n_cut >= 500, "the slow ones stay")
        slow.rest()
        for s in list(slow.slow):  # the drip goes on; the end comes all the same
            if s.fileno() < 0:  # it was cut off, and nobody comes in its place any more
                continue
            s.settimeout(SECONDS)
            with contextlib.suppress(ConnectionError):
                while s.recv(1 << 16):
                    pass


def unsent_bytes(port):
    """Of each connection to the port: what its server has given to the kernel and its client has not acknowledged."""
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [int(row[4].split(":")[0], 16) for row in rows if int(row[1].split(":")[1], 16) == port and row[3] == "01"]


def test_strangers_who_ask_for_much_and_read_nothing_have_little_of_it_made_ready(tmp_path, monkeypatch):
    """All of it, copied into the kernel for some hundreds of them, would keep honest clients waiting meanwhile."""
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    with daemons(tmp_path) as port, contextlib.ExitStack() as slow:
        script = re.search(r"app-\w+\.js", ask(port)[2])[0]
        for _ in range(50):
            s = slow.enter_context(socket.socket())
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            s.connect(("127.0.0.1", port))
            s.sendall(f"GET /{script} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode() * 8)
        for _ in range(200):  # the daemon's turns: each of them has had his
            assert ask(port, path="/api/v1/health")[0] == 200
        unsent = [n for n in unsent_bytes(port) if n > 0]
        assert len(unsent) >= 40 and max(unsent) <= 256 << 10, unsent


# ---- Certificates


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "2", "-subj", "/CN=mars", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"], check=True,
                   capture_output=True)
    (folder / "key.pem").chmod(0o600)
    return ["--certificate", str(folder / "certificate.pem"), "--certificate-key", str(folder / "key.pem")]


def test_a_session_over_https_believes_the_servers_certificate_or_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    monkeypatch.delenv("MARS_CA_FILE", raising=False)
    with new_cluster(n_worker=1) as cluster:
        web = Daemon("mars-web", "--schedulers", cluster.endpoint, "--port", "0", *certificate(tmp_path))
        try:
            where = f"https://127.0.0.1:{web.port()}"
            with pytest.raises(PermissionError, match="certificate is not believed"):
                new_session(where)
            monkeypatch.setenv("MARS_CA_FILE", str(tmp_path / "certificate.pem"))
            (tmp_path / "plain").mkdir()
            with daemons(tmp_path / "plain") as port, pytest.raises(
                    (MarsError, ValueError), match="begins with http://|does it speak https"):
                new_session(f"https://127.0.0.1:{port}")
            with new_session(where) as sess:
                data = np.random.default_rng(3).random((1500, 1000))
                assert np.array_equal(sess.run(mt.tensor(data, chunk_size=500) + 1), data + 1)
                big = mt.arange(8_000_000, chunk_size=1_000_000)
                assert sess.run(big).sum() == 8_000_000 * 7_999_999 // 2
        finally:
            assert web.stop() == 0, web.said


def open_sockets(daemon):
    """How many it has."""
    n = 0
    for fd in pathlib.Path(f"/proc/{daemon.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            n += fd.readlink().name.startswith("socket:")
    return n


def test_a_session_over_https_is_the_clients_connection_and_the_daemons_with_nothing_in_between(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    with new_cluster(n_worker=1) as cluster:
        web = Daemon("mars-web", "--schedulers", cluster.endpoint, "--port", "0", *certificate(tmp_path))
        try:
            monkeypatch.setenv("MARS_CA_FILE", str(tmp_path / "certificate.pem"))
            port = web.port()
            before = open_sockets(web)
            with new_session(f"https://127.0.0.1:{port}") as sess:
                assert sess.run(mt.arange(100_000, chunk_size=50_000)).sum() == 100_000 * 99_999 // 2
                # to the scheduler and to the worker; no link that asked about the token or the worker is left
                wait_for(lambda: open_sockets(web) == before + 4, f"{open_sockets(web)} sockets, {before} before")
        finally:
            assert web.stop() == 0, web.said


def test_a_worker_of_this_machine_is_reached_at_its_socket_whatever_address_it_announces(tmp_path, monkeypatch):
    """As the packages have it. Connections that were handed over outlive mars-web; what is carried does not."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    at = f"unix:{tmp_path}/scheduler"
    running = [Daemon("mars-scheduler", "--socket", at[5:], "--port", "none", "--state-dir", f"{tmp_path}/state")]
    try:
        running[0].says("listening")
        running.append(Daemon("mars-worker", "--schedulers", at, "--port", "0", "--socket", f"{tmp_path}/worker",
                              "--cache-mem", "64m", "--drain", "none", "--spill-dir", str(tmp_path)))
        port = running[-1].port()
        web = Daemon("mars-web", "--schedulers", at, "--port", "0")
        running.append(web)
        with new_session(f"http://127.0.0.1:{web.port()}") as sess:
            x = mt.arange(100_000, chunk_size=50_000)
            assert sess.run(x).sum() == 100_000 * 99_999 // 2
            worker = json.loads(ask(web.port(), path="/api/v1/workers", Authorization=f"Bearer {TOKEN}")[2])[0]
            assert worker["address"] == f"127.0.0.1:{port}"
            running.remove(web)
            web.stop(signal.SIGKILL)
            assert sess.run(x + 1).sum() == 100_000 * 100_001 // 2
    finally:
        for daemon in reversed(running):
            daemon.stop()


def test_http_in_plain_stays_on_this_machine_unless_somebody_wants_it_otherwise(tmp_path):
    options = ["--schedulers", f"unix:{tmp_path}/nobody", "--endpoint", "0.0.0.0:0"]
    assert Daemon("mars-web", *options).says("HTTP is not encrypted").process.wait(SECONDS) == 1
    web = Daemon("mars-web", *options, "--plain-http").says("listening at 0.0.0.0:")
    assert web.stop() == 0


def answer_of(port, path, token, n):
    """Status and Retry-After of n requests over one connection, until one is refused."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    for _ in range(n):
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            break
    connection.close()
    return answer.status, answer.getheader("Retry-After")


def test_a_program_that_forgets_to_wait_is_told_so_and_nobody_else_is(tmp_path, monkeypatch):
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    with daemons(tmp_path) as port:
        status, after = answer_of(port, "/api", TOKEN, 20000)
        assert (status, after) == (429, "1")
        with socket.socket() as other:  # from another host of this machine
            other.bind(("127.0.0.2", 0))
            other.settimeout(SECONDS)
            other.connect(("127.0.0.1", port))
            other.sendall(f"GET /api HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
                          .encode())
            assert other.recv(12) == b"HTTP/1.1 200"
        time.sleep(float(after))  # as it was told
        assert answer_of(port, "/api", TOKEN, 1)[0] == 200


def test_one_who_opens_page_after_page_is_told_when_it_is_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    head = f"Authorization: Bearer {TOKEN}\r\n\r\n"
    with daemons(tmp_path) as port, contextlib.ExitStack() as pages:
        said = []
        while not said or said[-1].startswith(b"HTTP/1.1 200"):
            page = pages.enter_context(socket.create_connection(("127.0.0.1", port), SECONDS))
            page.sendall(f"GET /api/v1/events?topics=overview HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}".encode())
            said.append(page.recv(1024))
        assert len(said) == 129 and said[-1].startswith(b"HTTP/1.1 429") and b"Retry-After: 10" in said[-1]
        assert answer_of(port, "/api", TOKEN, 1)[0] == 200
