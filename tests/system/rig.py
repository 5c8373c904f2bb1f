# SPDX-License-Identifier: Apache-2.0
"""Machines that are network namespaces: each has an address of its own on one switch, real daemons run on them, and all
that happens to machines can be made to happen: processes die or stop, cables break both ways or one way, disks fill.

    with Rig() as rig:
        scheduler = rig.machine("scheduler")
        rig.daemon(scheduler, "mars-scheduler", "-a", scheduler.address, ...)
        ...

Needs root, ip(8) and nft(8). When the block ends everything is gone again: what is left is an error.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 30  # after which a wait has failed
SKIPPED = 77  # exit status of a test that was left out


def lacking():
    """What this machine lacks, or "", and whether the tests are left out because somebody asked for that by name."""
    said = subprocess.run([TOP / "tools/means", "system"], capture_output=True, text=True)
    return said.stdout + said.stderr, said.returncode == SKIPPED


def run(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


def wait_for(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.05)
    return value


def children(pid):
    with contextlib.suppress(OSError):
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class Machine:
    """A namespace with one cable to the switch."""

    def __init__(self, rig, name, number):
        self.rig, self.name = rig, name
        self.namespace = f"{rig.mark}-{name}"
        self.cable = f"mars{number}"
        self.address = f"10.77.0.{number}"
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "add", self.cable, "netns", rig.switch, "type", "veth", "peer", "name", "host0", "netns",
            self.namespace)
        run("ip", "-n", rig.switch, "link", "set", self.cable, "master", "switch", "up")
        run("ip", "-n", self.namespace, "addr", "add", f"{self.address}/24", "dev", "host0")
        for link in ("host0", "lo"):
            run("ip", "-n", self.namespace, "link", "set", link, "up")

    def popen(self, *command, **options):
        environment = dict(os.environ, MARS_RIG=self.rig.mark, XDG_CONFIG_HOME=str(self.rig.folder / "home"),
                           **options.pop("environment", {}))
        return subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], env=environment,
                                stdin=options.pop("stdin", subprocess.DEVNULL), text=True, **options)

    def output(self, *command, **environment):
        process = self.popen(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, environment=environment)
        try:
            return process.communicate(timeout=SECONDS)[0]
        finally:
            process.kill()

    # What happens to cables.

    def cut(self):
        """As if the cable was pulled out."""
        run("ip", "-n", self.rig.switch, "link", "set", self.cable, "down")

    def deafen(self, other):
        """What the other machine sends does not come here; what we send goes there."""
        run("ip", "netns", "exec", self.namespace, "nft", "add table inet fault; "
            "add chain inet fault input { type filter hook input priority 0; }; "
            f"add rule inet fault input ip saddr {other.address} drop")

    def mend(self):
        run("ip", "-n", self.rig.switch, "link", "set", self.cable, "up")
        subprocess.run(["ip", "netns", "exec", self.namespace, "nft", "delete", "table", "inet", "fault"],
                       capture_output=True, check=False)


class Daemon:
    """A program of ours under mars-keeper, which starts it again when it is killed; a keeper that gives up, because its
    program was killed before it was ready, is started again, too."""

    def __init__(self, machine, program, *options):
        self.machine, self.program, self.name = machine, program, machine.name
        self.command = [shutil.which("mars-keeper"), "--", shutil.which(program), "--config-dir", "none", *options]
        self.log_path = machine.rig.folder / f"{machine.name}.log"
        self.n_starts, self.ending = 0, False
        self._start()
        self.watch = threading.Thread(target=self._keep, daemon=True)
        self.watch.start()

    def _start(self):
        with open(self.log_path, "a") as log:
            self.keeper = self.machine.popen(*self.command, stderr=log)
        self.n_starts += 1

    def _keep(self):
        while True:
            self.keeper.wait()
            if self.ending:
                return
            time.sleep(0.2)
            self._start()

    @property
    def log(self):
        return self.log_path.read_text()

    def says(self, word):
        wait_for(lambda: word in self.log, lambda: f"{self.name} does not say {word!r}:\n{self.log}")
        return self

    def pid(self):
        """Of the program; None while it is not there."""
        return next(iter(children(self.keeper.pid)), None)

    def signal(self, number):
        pid = self.pid()
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def stack(self):
        """Where its threads are, if gdb(1) is there to say so."""
        pid = self.pid()
        if pid is None or not shutil.which("gdb"):
            return ""
        done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-nx", "-ex", "thread apply all bt 12"],
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        return "\n".join(line for line in done.stdout.splitlines() if line.startswith(("Thread", "#")))

    def stop(self):
        self.ending = True
        with contextlib.suppress(ProcessLookupError):
            self.keeper.send_signal(signal.SIGTERM)
        try:
            return self.keeper.wait(SECONDS)
        except subprocess.TimeoutExpired:
            return None


class Rig:
    def __init__(self):
        self.mark = f"mars-{os.getpid()}"
        self.switch = f"{self.mark}-switch"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mars-rig-"))
        (self.folder / "home").mkdir()
        self.key = str(self.folder / "cluster.key")
        self.machines, self.daemons, self.disks = [], [], []

    def __enter__(self):
        try:
            run("ip", "netns", "add", self.switch)
            run("ip", "-n", self.switch, "link", "add", "switch", "type", "bridge")
            run("ip", "-n", self.switch, "link", "set", "switch", "up")
            run(shutil.which("marsctl"), "keygen", self.key)
        except BaseException:
            self._clear()
            raise
        return self

    def machine(self, name):
        self.machines.append(Machine(self, name, len(self.machines) + 1))
        return self.machines[-1]

    def disk(self, name, size):
        """A small one of its own."""
        path = self.folder / f"disk-{name}"
        path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path))
        self.disks.append(path)
        return path

    def daemon(self, machine, program, *options):
        self.daemons.append(Daemon(machine, program, *options))
        return self.daemons[-1]

    def cluster(self, n_workers, cache="128m", disk="64m", lease=20):
        """A scheduler and workers, each on a machine of its own; when all have joined."""
        at = self.machine("scheduler")
        state = self.folder / "state"
        state.mkdir()
        self.scheduler_address = f"{at.address}:7103"
        scheduler = self.daemon(at, "mars-scheduler", "-a", at.address, "--key-file", self.key, "--socket", "none",
                                "--state-dir", str(state), "--lease", str(lease))
        scheduler.says("listening")
        workers = []
        for k in range(n_workers):
            machine = self.machine(f"worker-{k}")
            workers.append(self.daemon(
                machine, "mars-worker", "-a", machine.address, "-s", self.scheduler_address, "--key-file", self.key,
                "--socket", "none", "--name", machine.name, "--threads", "1", "--cache-mem", cache, "--phy-mem", "1g",
                "--spill-dir", str(self.disk(machine.name, disk))))
        for worker in workers:
            worker.says("joined the scheduler")
        return scheduler, workers

    def asked(self, *words):
        """What the scheduler answers to marsctl, or None while it does not."""
        text = self.machines[0].output(shutil.which("marsctl"), "--json", "-s", self.scheduler_address, *words,
                                       MARS_KEY_FILE=self.key)
        try:
            return json.loads(text)
        except ValueError:
            return None

    # The end.

    def processes(self):
        """Those that run here, by what they were started with."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if f"MARS_RIG={self.mark}".encode() in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def stop(self):
        """Ends all daemons; what they left."""
        left = []
        for daemon in reversed(self.daemons):
            status = daemon.stop()
            if status != 0:
                left.append(f"{daemon.name} ends with {status}: {daemon.log[-1500:]}")
        self.daemons = []
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self.processes(), "processes", 5)
        left += [f"process {pid}" for pid in self.processes()]
        left += [f"file {path}" for disk in self.disks for path in disk.rglob("*")]
        return left

    def _clear(self):
        for daemon in self.daemons:
            daemon.ending = True
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for disk in self.disks:
            subprocess.run(["umount", "-l", str(disk)], check=False)
        for namespace in [m.namespace for m in self.machines] + [self.switch]:
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, kind, *_):
        left = [] if kind else self.stop()
        self._clear()
        if left:
            raise AssertionError("left behind:\n" + "\n".join(left))
