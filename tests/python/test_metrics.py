# SPDX-License-Identifier: Apache-2.0
"""/metrics of every daemon: the names of docs/METRICS.md, true figures, and nothing for who has no token."""
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

import pytest
from by_hand import SECONDS, Daemon

import mars.tensor as mt
from mars.session import new_session

TOKEN = "a-token-of-these-tests"
ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Of /metrics of each kind of daemon, of a cluster that has done something."""
    folder = tmp_path_factory.mktemp("metrics")
    where, metrics = f"unix:{folder}/scheduler", ["--metrics", "127.0.0.1:0"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "home"))
        monkeypatch.setenv("MARS_TOKEN", TOKEN)
        daemons = {"scheduler": Daemon("mars-scheduler", "--socket", f"{folder}/scheduler", "--port", "none",
                                       "--state-dir", "none", *metrics)}
        ports = {"scheduler": daemons["scheduler"].port("metrics at http://127.0.0.1:")}
        daemons["worker"] = Daemon("mars-worker", "--socket", f"{folder}/worker", "--port", "none", "--schedulers",
                                   where, "--name", 'a "worker"', "--threads", "1", "--cache-mem", "64m", "--drain",
                                   "none", *metrics)
        ports["worker"] = daemons["worker"].port("metrics at http://127.0.0.1:")
        daemons["web"] = Daemon("mars-web", "--schedulers", where, "--port", "0")
        ports["web"] = daemons["web"].port("listening at 127.0.0.1:")
        try:
            with new_session(where) as sess:
                sess.run(mt.ones((100, 100), chunk_size=10).sum())
            yield ports
        finally:
            for name in ("web", "worker", "scheduler"):
                assert daemons[name].stop() == 0, daemons[name].said


def ask(port, path="/metrics", method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {TOKEN}"} | headers
    connection.request(method, path, body, {name: value for name, value in headers.items() if value is not None})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


def figures(port):
    """By name; of those with labels the last."""
    text = ask(port)[2]
    return {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{.*\})? ([-\d.e+]+)$", text, re.M)}


@pytest.mark.parametrize("daemon", ["scheduler", "worker", "web"])
def test_metrics_are_those_of_the_documentation(ports, daemon):
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]+) \|", (ROOT / "docs/METRICS.md").read_text(), re.M)
    documented = {name: kind for name, kind, of in rows if daemon in of.split(", ")}
    status, headers, text = ask(ports[daemon])
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M)) == documented
    assert re.findall(r"^# HELP (\w+) \S", text, re.M) == re.findall(r"^# TYPE (\w+) ", text, re.M)
    label = r'"(?:[^"\\\n]|\\["\\])*"'
    for line in text.splitlines():
        assert line.startswith("#") or re.fullmatch(rf"\w+(\{{\w+={label}(,\w+={label})*\}})? -?[\d.e+]+", line), line


def test_figures_are_true_and_the_same_wherever_they_are_asked(ports):
    deadline = time.monotonic() + SECONDS
    while (of := {name: figures(port) for name, port in ports.items()})["web"]["mars_worker_tasks_done_total"] == 0:
        assert time.monotonic() < deadline, "the scheduler is told nothing"  # it is told once a second
        time.sleep(0.1)
    assert of["scheduler"]["mars_workers"] == of["web"]["mars_workers"] == 1
    assert of["scheduler"]["mars_tasks_done_total"] == of["web"]["mars_tasks_done_total"] > 0
    for name in ("tasks_done_total", "threads", "cache_limit_bytes", "memory_limit_bytes"):
        assert of["worker"][f"mars_worker_{name}"] == of["web"][f"mars_worker_{name}"] > 0
    assert of["worker"]["mars_worker_joined"] == 1
    assert 'mars_worker_threads{worker="0",name="a \\"worker\\""} 1' in ask(ports["worker"])[2]
    for daemon in of.values():
        assert 0 < time.time() - daemon["process_start_time_seconds"] < 3600
        assert 0 < daemon["process_open_fds"] <= daemon["process_max_fds"]
        assert daemon["process_resident_memory_bytes"] > 1 << 20
        assert daemon["process_cpu_seconds_total"] > 0
    assert of["web"]["mars_web_connections"] == 1  # that which asks


@pytest.mark.parametrize("daemon", ["scheduler", "worker", "web"])
def test_nobody_without_the_token_is_told_anything(ports, daemon):
    for shown in (None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"):
        status, headers, text = ask(ports[daemon], Authorization=shown)
        assert status == 401 and "mars_" not in text and headers["WWW-Authenticate"] == 'Bearer realm="mars"', shown


@pytest.mark.parametrize("daemon", ["scheduler", "worker"])
def test_there_is_nothing_else(ports, daemon):
    for path in ("/", "/metrics/", "/metrics2", "/api/v1/overview", "/../metrics"):
        assert ask(ports[daemon], path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = ask(ports[daemon], method=method, body=b"x" * 100000)
        assert status == 405 and headers["Allow"] == "GET"
    assert ask(ports[daemon], method="HEAD")[0] == 200


@pytest.mark.parametrize("daemon", ["scheduler", "worker"])
def test_whoever_does_not_finish_his_request_keeps_nobody_away(ports, daemon):
    slow = []
    try:
        for _ in range(100):
            slow.append(socket.create_connection(("127.0.0.1", ports[daemon]), SECONDS))
            with contextlib.suppress(ConnectionError):  # the oldest are cut off
                slow[-1].sendall(b"GET /metrics HTTP/1.1\r\nHost: h\r\nA: ")
        assert ask(ports[daemon])[0] == 200
        assert figures(ports[daemon])["process_open_fds"] < 80
    finally:
        for s in slow:
            s.close()


def test_beyond_this_machine_somebody_must_have_wanted_plain_http(tmp_path, monkeypatch):
    monkeypatch.setenv("MARS_TOKEN", TOKEN)
    options = ["--socket", f"{tmp_path}/s", "--port", "none", "--state-dir", "none", "--metrics", "0.0.0.0:0"]
    refused = Daemon("mars-scheduler", *options)
    assert refused.process.wait(SECONDS) == 1
    assert refused.stop() == 1 and "HTTP is not encrypted" in refused.said and "plain_http = yes" in refused.said
    wanted = Daemon("mars-scheduler", *options, "--plain-http")
    assert ask(wanted.port("metrics at http://0.0.0.0:"))[0] == 200
    assert wanted.stop() == 0


def test_without_being_told_a_daemon_listens_to_no_scrape(tmp_path):
    for program in ("mars-scheduler", "mars-worker"):
        said = subprocess.run([shutil.which(program), "--config-dir", "none", "--print-config"], capture_output=True,
                              text=True, check=True, env=dict(os.environ)).stdout
        assert re.search(r"^#? ?metrics *= *none", said, re.M), said
