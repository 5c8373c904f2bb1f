# SPDX-License-Identifier: Apache-2.0
"""The daemons as they are, in a build with sanitizers: a scheduler, three workers whose results do not fit into memory,
a web server, and a client in C (client.c) that compares everything with threads. While it works one worker is killed,
one is stopped orderly, and links to the scheduler and between processes are cut. Whoever says a word of a sanitizer, or
ends otherwise than it should, fails the test.

    sanitized.py DAEMONS CLIENT     the directory of the programs, and the client
"""
import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SECONDS = 120  # until something must have happened, under a sanitizer and on a busy machine
JOBS = 5
PATHS = ("/", "/api/v1/health", "/api/v1/overview", "/api/v1/history", "/api/v1/sessions", "/api/v1/requests",
         "/api/v1/workers", "/api/v1/workers/1", "/api/v1/storage", "/api/v1/logs", "/api/v1/timeline",
         "/api/v1/openapi.json", "/metrics", "/api/v1/none")


class Relay:
    """Stands between clients and the scheduler, and cuts what goes through it."""

    def __init__(self, path, to):
        self.to, self.open = to, set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            here, _ = self.listener.accept()
            there = socket.socket(socket.AF_UNIX)
            there.connect(self.to)
            self.open |= {here, there}
            for one, other in ((here, there), (there, here)):
                threading.Thread(target=self.hand_on, args=(one, other), daemon=True).start()

    def hand_on(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                other.sendall(data)
        self.end({one, other})

    def end(self, sockets):
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        self.open -= sockets

    def cut(self):
        self.end(set(self.open))


class Cluster:
    def __init__(self, programs, directory):
        self.programs, self.directory, self.processes, self.started = programs, directory, {}, []
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(f"{directory}/notify")
        self.environment = dict(os.environ, NOTIFY_SOCKET=f"{directory}/notify", HOME=str(directory),
                                XDG_CONFIG_HOME=str(directory), XDG_STATE_HOME=str(directory))
        self.environment.pop("LISTEN_FDS", None)
        self.token = secrets.token_hex(32)
        os.mkdir(f"{directory}/mars", 0o700)
        with open(os.open(f"{directory}/mars/token", os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(self.token + "\n")

    def start(self, name, program, *options, ready):
        """What it says when it is ready."""
        err = open(self.directory / f"{name}.err", "wb")
        self.started.append(name)
        self.processes[name] = subprocess.Popen(
            [self.programs / program, "--config-dir", "none", "--log-level", "info", *options],
            stdin=subprocess.DEVNULL, stderr=err, env=self.environment)
        deadline = time.monotonic() + SECONDS
        self.notified.settimeout(1)
        while time.monotonic() < deadline and self.processes[name].poll() is None:
            with contextlib.suppress(TimeoutError):
                for line in self.notified.recv(4096).decode().split("\n"):
                    if line.startswith(ready):
                        return line.removeprefix(ready)
        raise RuntimeError(f"{name} is not ready")

    def worker(self, name):
        self.start(name, "mars-worker", "--schedulers", f"unix:{self.directory}/scheduler", "--name", name,
                   "--socket", f"{self.directory}/{name}", "--port", "none", "--threads", "1", "--cache-mem", "16m",
                   "--phy-mem", "4g", "--hugepages", "off", "--spill-dir", str(self.directory),
                   ready="STATUS=Works for a scheduler")

    def said(self, name):
        return (self.directory / f"{name}.err").read_text(errors="replace")

    def end(self, name, how=signal.SIGTERM):
        """Whether it ended as it should."""
        process = self.processes.pop(name)
        process.send_signal(how)
        try:
            status = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return [f"{name} does not end"]
        wrong = [] if status == (0 if how == signal.SIGTERM else -how) else [f"{name} ended with status {status}"]
        words = ("Sanitizer", "runtime error:")
        return wrong + [f"{name} has reported"] * any(word in self.said(name) for word in words)

    def kill_all(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


def ask(cluster, address, path):
    request = urllib.request.Request(f"http://{address}{path}", headers={"Authorization": f"Bearer {cluster.token}"})
    return urllib.request.urlopen(request, timeout=SECONDS).read()


def look(cluster, address):
    """At pages and at what programs ask; a worker may be gone, and no pages are built in."""
    for path in PATHS:
        try:
            ask(cluster, address, path)
        except urllib.error.HTTPError as e:
            if e.code not in (404, 502, 503, 504):
                raise


def disturb(cluster, relay, job, wrong):
    """While the job is under way."""
    if job == 1:
        wrong += cluster.end("w0", signal.SIGKILL)
        cluster.worker("w3")
    elif job == 2:
        relay.cut()
    elif job == 3:
        wrong += cluster.end("w1")
        cluster.worker("w4")


def works(cluster, client, relay, wrong):
    """Runs the client, and disturbs it."""
    address = cluster.start("web", "mars-web", "--schedulers", f"unix:{cluster.directory}/scheduler",
                            "--endpoint", "127.0.0.1:0", ready="STATUS=Serves at http://")
    with open(cluster.directory / "client.err", "wb") as err, \
            subprocess.Popen([client, f"unix:{cluster.directory}/relay", str(JOBS)], stdout=subprocess.PIPE, stderr=err,
                             env=cluster.environment, text=True) as process:
        for line in process.stdout:
            if line.startswith("begins"):
                disturb(cluster, relay, int(line.split()[1]), wrong)
                look(cluster, address)
    if process.returncode != 0 or "Sanitizer" in cluster.said("client") or "runtime error:" in cluster.said("client"):
        wrong.append(f"the client ended with status {process.returncode}")
    workers = json.loads(ask(cluster, address, "/api/v1/workers"))
    wrong += ["nothing was spilled"] * ("spilling with" not in "".join(map(cluster.said, cluster.started)))
    wrong += [f"{name} is not there" for name in {"w2", "w3", "w4"} - {worker["name"] for worker in workers}]


def main(programs, client):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mars-sanitized-"))
    cluster, wrong = Cluster(pathlib.Path(programs).resolve(), directory), []
    try:
        cluster.start("scheduler", "mars-scheduler", "--socket", f"{directory}/scheduler", "--port", "none",
                      "--state-dir", f"{directory}/state", ready="READY=1")
        relay = Relay(f"{directory}/relay", f"{directory}/scheduler")
        for k in range(3):
            cluster.worker(f"w{k}")
        works(cluster, pathlib.Path(client).resolve(), relay, wrong)
    except (OSError, RuntimeError) as e:
        wrong.append(str(e))
    try:
        for name in [*[name for name in cluster.processes if name != "scheduler"], "scheduler"]:
            wrong += cluster.end(name)
        for file in sorted(directory.glob("*.err")) if wrong else ():
            print(f"---- {file.stem}\n{file.read_text(errors='replace')[-20000:]}")
    finally:
        cluster.kill_all()
        shutil.rmtree(directory, ignore_errors=True)
    return "\n".join(wrong) or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
