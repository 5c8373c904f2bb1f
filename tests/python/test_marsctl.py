# SPDX-License-Identifier: Apache-2.0
"""marsctl before a real scheduler: what it shows is what a session does, and what it ends has ended."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

import mars.tensor as mt
from mars.deploy.local import new_cluster
from mars.errors import Cancelled

SECONDS = 30  # after which a wait has failed


def marsctl(*arguments, at=None, **options):
    place = ["-s", at] if at else []
    return subprocess.run(["marsctl", *place, *arguments], capture_output=True, text=True, timeout=SECONDS, **options)


@pytest.fixture(scope="module")
def cluster():
    with new_cluster(n_worker=2, n_cpu=2, shared_memory="256m") as made:
        made.session.run(mt.ones((100, 100), chunk_size=50).sum())
        yield made


def shown(cluster, *arguments):
    done = marsctl(*arguments, at=cluster.endpoint)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def answered(cluster, *arguments):
    return json.loads(shown(cluster, "--json", *arguments))


def until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return value


@contextlib.contextmanager
def long_request(cluster):
    """A request that would take a minute, and little memory; yields its row, and what becomes of it."""
    outcome = []

    def work():
        try:
            cluster.session.run(mt.random.RandomState(3).normal(size=(100_000, 40_000), chunk_size=1000).sum())
        except Exception as error:  # whatever it is, the test looks at it
            outcome.extend([error, time.monotonic()])

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield until(lambda: answered(cluster, "tasks"), "the request does not appear")[0], thread, outcome
    finally:
        for row in answered(cluster, "tasks"):
            marsctl("cancel", str(row["request"]), at=cluster.endpoint)
        thread.join(SECONDS)


@contextlib.contextmanager
def scheduler(*options, **environment):
    """One of our own, that the test may kill."""
    process = subprocess.Popen(["mars-scheduler", "--config-dir", "none", "--log-level", "warning", *options],
                               env={**os.environ, **environment}, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_status_shows_the_cluster(cluster):
    words = shown(cluster, "status")
    for line in (rf"scheduler +{re.escape(cluster.endpoint)}", r"version +\d+\.\d+", r"workers +2", r"sessions +1",
                 r"requests under way +0", r"tasks done +[1-9]\d*", r"cache used +.* of 256 MiB",
                 r"threads busy +\d of 2"):
        assert re.search(rf"^{line}", words, re.M), (line, words)
    status = answered(cluster, "status")
    assert (status["workers"], status["threads"], status["sessions"], status["cache_bytes"]) == (2, 2, 1, 256 << 20)
    assert 0 < status["seconds"] < 3600


def test_workers_are_a_table_in_the_order_of_their_numbers(cluster):
    until(lambda: all(row["pages"] for row in answered(cluster, "workers")), "workers do not report")
    head, *rows = shown(cluster, "workers").splitlines()
    assert head.split()[:5] == ["WORKER", "NAME", "STATE", "ADDRESS", "RUNNING"]
    assert [row.split()[0] for row in rows] == ["0", "1"]
    assert {row.split()[1] for row in rows} == {"worker-0", "worker-1"}
    assert all("of 128 MiB" in row and row.rstrip().endswith(("pages (anonymous)", "pages (memory file)"))
               for row in rows), rows
    assert len({row.index("unix:") for row in rows} | {head.index("ADDRESS")}) == 1
    assert {row["threads"] for row in answered(cluster, "workers")} == {1}


def test_sessions_say_whose_they_are_and_what_they_hold(cluster):
    kept = mt.ones(10).execute(session=cluster.session)
    (row,) = answered(cluster, "sessions")
    assert row["from"] == f"uid {os.getuid()}, pid {os.getpid()}"
    assert row["tensors"] >= 1 and row["finished"] >= 2
    assert row["from"] in shown(cluster, "sessions")
    del kept


def test_no_requests_are_said_to_be_none(cluster):
    assert shown(cluster, "tasks") == "no requests under way\n"
    assert answered(cluster, "tasks") == []


def test_tasks_show_who_asks_and_how_far_it_is(cluster):
    with long_request(cluster) as (row, _, _):
        assert row["session"] == answered(cluster, "sessions")[0]["session"]
        assert row["from"] == f"uid {os.getuid()}, pid {os.getpid()}"
        later = until(lambda: [now for now in answered(cluster, "tasks") if now["tasks_done"] > row["tasks_done"]],
                      "no progress")[0]
        assert later["request"] == row["request"] and later["seconds"] > row["seconds"]
        assert later["tasks_done"] <= later["tasks"]
        assert re.search(rf"^ +{row['request']} .* \d+ of \d+ ", shown(cluster, "tasks"), re.M)
        assert answered(cluster, "status")["requests"] == 1


def test_cancel_ends_a_running_request_within_a_second(cluster):
    with long_request(cluster) as (row, thread, outcome):
        begin = time.monotonic()
        assert shown(cluster, "cancel", str(row["request"])) == f"request {row['request']} is canceled\n"
        thread.join(SECONDS)
        error, end = outcome
        assert isinstance(error, Cancelled) and "canceled by the administrator" in str(error)
        assert end - begin < 1
    assert answered(cluster, "tasks") == []
    assert cluster.session.run(mt.ones(100).sum()) == 100


def test_why_says_what_a_request_waits_for(cluster):
    with long_request(cluster) as (row, _, _):
        why = answered(cluster, "why", str(row["request"]))
        assert why["request"] == row["request"] and why["reason"] == "given" and why["worker"] in (0, 1)
        assert why["tasks_done"] < why["tasks"] and why["requests_ahead"] == 0
        words = shown(cluster, "why", str(row["request"]))
        assert re.search(r"^next task +\S.*: chunk \(\d+", words, re.M), words
        assert re.search(r"^because +a worker has it", words, re.M), words
    done = marsctl("why", "123456", at=cluster.endpoint)
    assert (done.returncode, done.stderr) == (1, "marsctl: no request 123456 is under way\n")


def test_tasks_of_a_request_are_those_that_are_not_done(cluster):
    with long_request(cluster) as (row, _, _):
        number = str(row["request"])
        tasks = until(lambda: [task for task in answered(cluster, "tasks", number) if task["state"] == "given"],
                      "no worker has a task")
        assert {task["worker"] for task in tasks} <= {0, 1} and len(tasks) <= 256
        head, *rows = shown(cluster, "tasks", number).splitlines()
        assert head.split() == ["TASK", "STATE", "WORKER", "INPUTS", "MAKES"] and len(rows) == 256
        row = rf" *{number}\.\d+ +(given|input|next|queued) +([01]|-) +\d+ of \d+ "
        assert all(re.match(row, line) for line in rows)
    done = marsctl("tasks", "123456", at=cluster.endpoint)
    assert (done.returncode, done.stderr) == (1, "marsctl: no request 123456 is under way\n")


def test_why_of_a_task_asks_the_worker_that_has_it(cluster):
    with long_request(cluster) as (row, _, _):
        number = str(row["request"])

        def with_worker():
            for task in answered(cluster, "tasks", number):
                why = answered(cluster, "why", f"{number}.{task['task']}")
                if why["there"] and why["there"]["state"] == "runs" and why["there"]["seconds"] is not None:
                    return why
            return None

        why = until(with_worker, "no worker says that a task runs")
        assert why["state"] == "given" and why["worker"] in (0, 1) and why["there"]["seconds"] < SECONDS
        waiting = [task for task in answered(cluster, "tasks", number) if task["state"] == "input"]
        found = answered(cluster, "why", f"{number}.{waiting[-1]['task']}")
        assert found["maker"]["request"] == row["request"] and found["there"] is None
        words = shown(cluster, "why", f"{number}.{waiting[-1]['task']}")
        assert re.search(rf"^waits for +what task {number}\.\d+ \(.*: chunk \(", words, re.M), words
        runs = re.compile(r"^waits for +nothing: it runs on worker [01], thread 0, for .* s, since \d\d:", re.M)
        until(lambda: any(runs.search(shown(cluster, "why", f"{number}.{task['task']}"))
                          for task in answered(cluster, "tasks", number)[:20]), "no task is seen to run")
        done = marsctl("why", f"{number}.99999999", at=cluster.endpoint)
        assert done.returncode == 1 and f"no task {number}.99999999 is known" in done.stderr


@pytest.mark.parametrize("name", ["1.", ".4", "1.4x", "x", "", "-1", "1.-4"])
def test_a_task_is_two_numbers(name, cluster):
    done = marsctl("why", "--", name, at=cluster.endpoint)
    assert done.returncode == 2 and "is no number of a request, and no task" in done.stderr


def test_cancel_of_what_is_not_there_is_an_error(cluster):
    done = marsctl("cancel", "123456", at=cluster.endpoint)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "marsctl: no request 123456 is under way\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can ask as somebody else")
def test_others_may_look_and_may_not_cancel(cluster):
    path = pathlib.Path(cluster.endpoint.removeprefix("unix:"))
    program = pathlib.Path("/proc/self/cwd/daemons/marsctl").resolve()
    path.parent.chmod(0o711)
    path.chmod(0o666)
    try:
        with long_request(cluster) as (row, thread, _):
            number = str(row["request"])
            copied = path.parent / "marsctl"  # where nobody may read the build's directory
            copied.write_bytes(program.read_bytes())
            copied.chmod(0o755)
            as_nobody = {"user": 65534, "capture_output": True, "text": True, "timeout": SECONDS, "cwd": "/",
                         "env": {"HOME": "/nonexistent"}}
            seen = subprocess.run([copied, "-s", cluster.endpoint, "tasks"], **as_nobody)
            assert number in seen.stdout, seen
            done = subprocess.run([copied, "-s", cluster.endpoint, "cancel", number], **as_nobody)
            assert done.returncode == 1 and f"request {number} is not yours" in done.stderr
            assert thread.is_alive() and answered(cluster, "tasks")
    finally:
        path.parent.chmod(0o700)
        path.chmod(0o660)


def screens(process, n):
    """Lines until the n-th screen has begun."""
    lines = []
    while sum(line.startswith("scheduler ") for line in lines) < n:
        lines.append(process.stdout.readline())
        assert lines[-1], "it has ended"
    return "".join(lines)


def test_top_shows_all_again_until_it_is_interrupted(cluster):
    with subprocess.Popen(["marsctl", "-s", cluster.endpoint, "top"], stdout=subprocess.PIPE, text=True) as process:
        words = screens(process, 3)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0
    assert words.count("WORKER") == 2 and words.count("no requests under way") == 2
    assert "\033" not in words  # it is no terminal


def test_top_ends_with_words_when_the_scheduler_does(tmp_path):
    place = f"unix:{tmp_path}/socket"
    with scheduler("--socket", f"{tmp_path}/socket", "--port", "none") as own:
        until(lambda: marsctl("status", at=place).returncode == 0, "the scheduler does not answer")
        with subprocess.Popen(["marsctl", "-s", place, "top"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            screens(process, 1)
            own.kill()
            assert process.wait(SECONDS) == 1
            assert process.stderr.read().startswith(f"marsctl: scheduler at {place}: ")


def test_json_is_one_line_of_what_was_asked(cluster):
    for command in ("status", "workers", "sessions", "tasks", "hugepages"):
        words = shown(cluster, command, "--json")
        assert words.count("\n") == 1
        assert isinstance(json.loads(words), dict if command in ("status", "hugepages") else list)


def test_hugepages_are_those_of_the_system(cluster):
    pools = pathlib.Path("/sys/kernel/mm/hugepages")
    sizes = sorted(int(pool.name.split("-")[1].removesuffix("kB")) << 10 for pool in pools.glob("hugepages-*"))
    found = answered(cluster, "hugepages")
    assert [pool["page_bytes"] for pool in found["pools"]] == sizes
    assert [row["worker"] for row in sorted(found["workers"], key=lambda row: row["worker"])] == [0, 1]
    words = shown(cluster, "hugepages")
    assert "Transparent huge pages: " in words
    if sizes and not any(row["pages"].startswith("reserved") for row in found["workers"]):
        pool = found["pools"][0]
        wanted = pool["total"] - pool["free"] + -(-(256 << 20) // sizes[0])
        assert re.search(rf"(nr_hugepages=|echo ){max(wanted, 0)}\b", words), words


def test_nobody_there_is_said_in_words(tmp_path):
    place = f"unix:{tmp_path}/nothing"
    done = marsctl("status", at=place)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"marsctl: cannot reach the scheduler at {place}: ")
    assert done.stderr.endswith("; is mars-scheduler running?\n")


def test_without_a_place_those_of_clients_are_tried():
    with contextlib.closing(socket.socket()) as probe:
        if os.path.exists("/run/mars/scheduler.sock") or probe.connect_ex(("127.0.0.1", 7103)) == 0:
            pytest.skip("a scheduler runs on this machine")
    done = marsctl("status")
    assert done.returncode == 1
    assert "at unix:/run/mars/scheduler.sock or 127.0.0.1:7103: " in done.stderr


def test_somebody_else_there_is_no_scheduler(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/other")
        listening.listen()

        def talk():
            other, _ = listening.accept()
            with other:
                other.sendall(b"220 mail.example.org ready when you are\r\n" * 10)
                other.recv(1 << 16)

        thread = threading.Thread(target=talk)
        thread.start()
        done = marsctl("status", at=f"unix:{tmp_path}/other")
        thread.join()
    assert (done.returncode, done.stdout) == (1, "") and "cannot" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["stats"], "'stats' is no command"),
    ([], "no command"),
    (["status", "now"], "status takes no argument"),
    (["cancel"], "cancel needs an argument: REQUEST"),
    (["why"], "why needs an argument: REQUEST|TASK"),
    (["tasks", "1", "2"], "tasks takes one argument"),
    (["cancel", "1", "2"], "cancel takes one argument"),
    (["--nonsense", "status"], "nonsense"),
    (["-s", "here", "status"], "must be host:port"),
], ids=repr)
def test_mistakes_of_the_command_line_have_status_2(arguments, words):
    done = marsctl(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and words in done.stderr


@pytest.mark.parametrize("number", ["all", "-1", "1x", "", "99999999999999999999"])
def test_a_request_is_a_number(number, cluster):
    done = marsctl("cancel", "--", number, at=cluster.endpoint)
    assert done.returncode == 2 and "is no number of a request" in done.stderr


def test_help_and_the_manual_name_the_same_commands():
    words, roff = marsctl("--help").stdout, marsctl("--manual").stdout
    commands = re.findall(r"^  ([a-z]+)\b", words.split("Options")[0], re.M)
    assert set(commands) == {"status", "workers", "sessions", "tasks", "why", "top", "cancel", "drain",
                             "undrain", "retire", "hugepages", "keygen", "token", "web"}
    for command in commands:
        assert f".TP\n\\fB{command}\\fR" in roff


def test_over_tcp_the_token_is_asked_for():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place, token = f"127.0.0.1:{port}", "a-token-of-this-test"
    with scheduler("--socket", "none", "--port", str(port), MARS_TOKEN=token):
        right, wrong = ({**os.environ, "MARS_TOKEN": text} for text in (token, "another-token-altogether"))
        until(lambda: marsctl("status", at=place, env=right).returncode == 0, "the scheduler does not answer")
        assert marsctl("workers", at=place, env=right).stdout == "no workers\n"
        done = marsctl("workers", at=place, env=wrong)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"marsctl: the scheduler at {place} refuses: the token is not ours")


def test_names_cannot_move_the_cursor_nor_break_json(cluster):
    program = "import sys, mars; session = mars.new_session(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([b"w\xc3\xb6rk\xff\x1b[2J\xed\xa0\x80", "-c", program, cluster.endpoint],
                          executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        try:
            command = ["marsctl", "-s", cluster.endpoint, "sessions"]
            found = json.loads(subprocess.check_output([*command, "--json"]).decode())
            assert "w\u00f6rk\ufffd\x1b[2J\ufffd\ufffd\ufffd" in {row["name"] for row in found}
            table = subprocess.check_output(command, env={**os.environ, "LC_ALL": "C.UTF-8"}).decode()
            assert "w\u00f6rk\ufffd?[2J" in table and "\x1b" not in table
            plain = subprocess.check_output(command, env={**os.environ, "LC_ALL": "C"})
            assert plain.isascii() and b"\x1b" not in plain
        finally:
            process.stdin.close()


def test_keygen_writes_a_key_once(tmp_path):
    path = tmp_path / "cluster.key"
    done = marsctl("keygen", str(path), umask=0o077)
    assert done.returncode == 0 and "Another machine joins by" in done.stdout
    key = path.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", key) and key.strip() not in done.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    again = marsctl("keygen", str(path))
    assert again.returncode == 1 and "is there already" in again.stderr and path.read_text() == key
    other = marsctl("keygen", "--json", str(tmp_path / "other"))
    assert json.loads(other.stdout) == {"path": str(tmp_path / "other")}
    assert (tmp_path / "other").read_text() != key
    nowhere = marsctl("keygen", str(tmp_path / "no" / "folder"))
    assert nowhere.returncode == 1 and "No such file or directory" in nowhere.stderr


def test_token_is_made_once_and_never_printed(tmp_path):
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    env.pop("MARS_TOKEN", None)
    path = tmp_path / "mars" / "token"
    first = marsctl("token", env=env)
    assert first.returncode == 0 and first.stdout.splitlines()[0] == str(path)
    token = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and token.strip() not in first.stdout
    assert json.loads(marsctl("token", "--json", env=env).stdout) == {"path": str(path)}
    assert path.read_text() == token
    named = marsctl("token", env={**env, "MARS_TOKEN": "a-token-of-this-test"})
    assert named.stdout.splitlines()[0] == "$MARS_TOKEN"


@pytest.fixture(scope="module")
def web():
    with new_cluster(n_worker=2, n_cpu=2, shared_memory="256m", web=True) as made:
        made.session.run(mt.ones((100, 100), chunk_size=50).sum())
        yield made


def through(web, *arguments, **options):
    return marsctl(*arguments, at=f"http://{web.web_endpoint}", **options)


@pytest.mark.parametrize("command", ["status", "workers", "sessions", "tasks", "hugepages"])
def test_what_the_scheduler_says_it_says_through_the_web_daemon(web, command):
    said = through(web, command)
    assert (said.returncode, said.stderr) == (0, ""), said
    assert said.stdout.splitlines()[0].replace(f"http://{web.web_endpoint}", web.endpoint) == \
        shown(web, command).splitlines()[0]


def test_who_reaches_the_web_daemon_alone_may_end_and_drain_with_the_token(web):
    with long_request(web) as (row, thread, outcome):
        assert through(web, "why", str(row["request"])).returncode == 0
        given = [task["task"] for task in answered(web, "tasks", str(row["request"])) if task["state"] == "given"]
        why = json.loads(through(web, "--json", "why", f"{row['request']}.{given[-1]}").stdout)
        assert why["state"] == "done" or why["there"]["state"] in ("thread", "runs", "input", "gone")  # it was asked
        assert through(web, "cancel", str(row["request"])).returncode == 0
        thread.join(SECONDS)
    assert isinstance(outcome[0], Cancelled)
    assert through(web, "drain", "1").returncode == 0
    assert through(web, "undrain", "1").returncode == 0


def test_without_the_token_the_web_daemon_lets_nobody_through(web):
    refused = through(web, "status", env=dict(os.environ, MARS_TOKEN="not-the-token-of-this-cluster"))
    assert refused.returncode == 1 and "cannot reach the scheduler through http://" in refused.stderr
    assert "token" in refused.stderr


def test_where_no_web_daemon_is_marsctl_says_so(free_port):
    nobody = marsctl("status", at=f"http://127.0.0.1:{free_port}")
    assert nobody.returncode == 1 and "Connection refused" in nobody.stderr
    assert marsctl("status", at="http://").returncode == 2


def test_whoever_forgets_to_say_http_to_marsctl_is_told_so(web):
    said = marsctl("status", at=web.web_endpoint)
    assert said.returncode == 1 and f"use 'http://{web.web_endpoint}'" in said.stderr


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    return port


# ---- Browsers

def test_web_prints_a_link_that_signs_in_once(web):
    where = f"http://{web.web_endpoint}"
    said = marsctl("web", where)
    assert (said.returncode, said.stderr) == (0, "")
    link, code = said.stdout.rsplit("/", 1)
    assert link == f"{where}/#/login"
    enter = urllib.request.Request(f"{where}/api/v1/enter", code.strip().encode(), method="POST")
    with urllib.request.urlopen(enter, timeout=SECONDS) as answer:
        assert answer.status == 204 and "HttpOnly" in answer.headers["Set-Cookie"]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(enter, timeout=SECONDS)
    assert json.loads(through(web, "web", "--json").stdout)["link"].startswith(link)


def test_web_says_why_there_is_no_link(web):
    refused = through(web, "web", env=dict(os.environ, MARS_TOKEN="not-the-token-of-this-cluster"))
    assert refused.returncode == 1 and f"mars-web at http://{web.web_endpoint}" in refused.stderr
    assert "token" in refused.stderr and "401" in refused.stderr
    nobody = marsctl("web", "http://127.0.0.1:1")
    assert nobody.returncode == 1 and "Connection refused" in nobody.stderr
    assert marsctl("web", "127.0.0.1:7104").returncode == 2
