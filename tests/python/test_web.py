# SPDX-License-Identifier: Apache-2.0
"""mars-web: what it serves, to whom, and what it refuses."""
import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

SECONDS = 30  # after which a wait has failed
TOKEN = "a-token-of-these-tests"


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

    def where(self):
        """The port that it got."""
        self.says("listening at 127.0.0.1:")
        return int(self.said.split("listening at 127.0.0.1:")[1].split()[0])

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(SECONDS)
        self.reader.join(SECONDS)
        self.process.stderr.close()
        return status


@contextlib.contextmanager
def daemons(folder, *options):
    """A scheduler and a mars-web in front of it; the port of the latter."""
    scheduler = Daemon("mars-scheduler", "--socket", f"{folder}/scheduler", "--port", "none", "--state-dir",
                       f"{folder}/state").says("listening")
    web = Daemon("mars-web", "--schedulers", f"unix:{folder}/scheduler", "--port", "0", *options)
    try:
        yield web.where()
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
    """What comes back when these bytes are sent."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
        s.sendall(text.encode())
        s.shutdown(socket.SHUT_WR)
        answer = b""
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


def test_what_is_not_in_the_table_is_not_there(port):
    for path in ("/api/v1/nothing", "/api/v1/health/", "//", "/../etc/passwd", "/api/v1/%2e%2e/health"):
        assert ask(port, path=path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        status, headers, _ = ask(port, method, "/api/v1/health")
        assert status == 405 and headers["Allow"] == "GET"


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
