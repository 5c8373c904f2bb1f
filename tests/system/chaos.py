# SPDX-License-Identifier: Apache-2.0
"""A cluster of real processes on machines that fail, for two minutes: one scheduler, three workers, two clients, a key
between them. All choices come from a seed, which is printed with the faults.

    tests/system/chaos.py [--seed N] [--seconds N] [--faults kill-worker,cut,…] [--mean SECONDS]

What must be true: every value has the bits that threads give; no error reaches a client but those that a fault may
cause; 30 s after the last fault every call has ended; and at the end nothing is left: no process, file, session,
request or chunk.
"""
import argparse
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from rig import SECONDS, SKIPPED, Rig, lacking, wait_for  # noqa: E402

HERE = pathlib.Path(__file__).parent
N_WORKERS, N_CLIENTS = 3, 2
HEAL_SECONDS = 30  # after the last fault every call has ended

# What a fault may cause a client to hear, until it asks again. Anything else is a failure.
FORGIVEN = "|".join([
    r"new session: .*(cannot connect|does not answer|cut off|closed the connection)",  # nobody is there just now
    r"new session: .*before it was secure",
    r"SpillFull|neither memory nor disks",  # while a disk is full
    r"workers died while they had it to do",  # a task that was on two workers when they were killed is given up
    r"worker \d+ at|worker \d+ is gone|data of tensor \d+ is lost",  # what a client was giving to a worker that died
])


class Client:
    """A process that computes, on a machine of its own; killed, it is begun anew."""

    def __init__(self, rig, machine, seed):
        self.rig, self.machine, self.seed = rig, machine, seed
        self.name = machine.name
        self.lives = 0
        self.done, self.seconds, self.forgiven, self.wrong = 0, [], [], []
        self.since = None  # when the call that is under way began
        self.ready = False
        self.lock = threading.Lock()
        self.begin()

    def begin(self):
        self.lives += 1
        self.ready = False
        self.process = self.machine.popen(sys.executable, str(HERE / "client.py"), self.rig.scheduler_address,
                                          self.rig.key, str(self.seed * 1000 + self.lives), FORGIVEN,
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def _read(self, process):
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # it was killed in the middle of a line
            with self.lock:
                if "begin" in said:
                    self.since = time.monotonic()
                elif "done" in said:
                    self.since = None
                    self.done += 1
                    self.seconds.append(said["seconds"])
                    if not said["same"]:
                        self.wrong.append(f"program {said['done']}: other bits than those of threads")
                elif "error" in said:
                    (self.forgiven if said["forgiven"] else self.wrong).append(said["error"])
                elif "ready" in said:
                    self.ready = True

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(SECONDS)
        self.process.stdin.close()
        self.process.stdout.close()
        with self.lock:
            self.since = None
        self.begin()

    def stop(self):
        """Whether it ended by itself, in time."""
        self.process.stdin.close()
        try:
            status = self.process.wait(HEAL_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = "no end"
        self.reader.join(SECONDS)
        return status


class Chaos:
    def __init__(self, rig, options):
        self.rig, self.options = rig, options
        self.random = random.Random(options.seed)
        self.began = time.monotonic()
        self.faults = []
        self.pending = []  # (when, what to say, what to do): ends of faults

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.2f} s  {text}", flush=True)

    def later(self, seconds, text, action):
        self.pending.append((time.monotonic() + seconds, text, action))

    def end_those_due(self, all_of_them=False):
        now = time.monotonic()
        for due in sorted(self.pending, key=lambda p: p[0]):
            if all_of_them or due[0] <= now:
                self.pending.remove(due)
                self.say(due[1])
                due[2]()

    # Faults. Each says what it does, and undoes itself later.

    def kill_worker(self):
        worker = self.random.choice(self.workers)
        return f"SIGKILL {worker.name}{'' if worker.signal(signal.SIGKILL) else ' (it is not there)'}"

    def kill_scheduler(self):
        return f"SIGKILL scheduler{'' if self.scheduler.signal(signal.SIGKILL) else ' (it is not there)'}"

    def kill_client(self):
        client = self.random.choice(self.clients)
        client.kill()
        return f"SIGKILL {client.name}"

    def stop_worker(self):
        return self._stop(self.random.choice(self.workers))

    def stop_scheduler(self):
        return self._stop(self.scheduler)

    def _stop(self, daemon):
        seconds = self.random.uniform(0.5, 5)
        pid = daemon.pid()
        if not daemon.signal(signal.SIGSTOP):
            return f"SIGSTOP {daemon.name} (it is not there)"

        def go_on():
            if daemon.pid() == pid:
                daemon.signal(signal.SIGCONT)

        self.later(seconds, f"SIGCONT {daemon.name}", go_on)
        return f"SIGSTOP {daemon.name} for {seconds:.1f} s"

    def cut(self):
        machine = self.random.choice(self.rig.machines)
        seconds = self.random.uniform(0.5, 6)
        machine.cut()
        self.later(seconds, f"{machine.name} is back", machine.mend)
        return f"{machine.name} is cut off for {seconds:.1f} s"

    def deafen(self):
        machine, other = self.random.sample(self.rig.machines, 2)
        seconds = self.random.uniform(0.5, 6)
        machine.deafen(other)
        self.later(seconds, f"{machine.name} hears again", machine.mend)
        return f"{machine.name} does not hear {other.name} for {seconds:.1f} s"

    def fill_disk(self):
        disk = self.random.choice(self.rig.disks)
        seconds = self.random.uniform(1, 8)
        hog = disk / "hog"
        if hog.exists():
            return f"{disk.name} is full already"
        with open(hog, "wb") as f:
            try:
                while True:
                    f.write(bytes(1 << 20))
                    f.flush()
            except OSError:
                pass
        self.later(seconds, f"{disk.name} has room", lambda: hog.unlink(missing_ok=True))
        return f"{disk.name} is full for {seconds:.1f} s"

    # All of it.

    def run(self):
        options = self.options
        self.scheduler, self.workers = self.rig.cluster(N_WORKERS)
        self.clients = [Client(self.rig, self.rig.machine(f"client-{k}"), options.seed * 10 + k)
                        for k in range(N_CLIENTS)]
        wait_for(lambda: all(c.done > 0 for c in self.clients), lambda: f"no client is done: {self.errors()}", 60)
        quiet = max(s for c in self.clients for s in c.seconds)
        kills = tuple(f for f in options.faults if f.startswith("kill"))
        others = tuple(f for f in options.faults if not f.startswith("kill"))
        self.say(f"seed {options.seed}: {options.seconds} s, every {options.mean} s on average one of each: {kills}, "
                 f"{others}")
        until = time.monotonic() + options.seconds
        due = {kinds: 0.0 for kinds in (kills, others) if kinds}
        while (now := time.monotonic()) < until:
            for kinds, when in due.items():
                if when <= now:
                    if when > 0:
                        self.happen(self.random.choice(kinds))
                    due[kinds] = now + min(self.random.expovariate(1 / options.mean), 5 * options.mean)
            time.sleep(0.05)
            self.end_those_due()
        self.end_those_due(all_of_them=True)
        self.heal()
        self.judge(quiet)

    def happen(self, fault):
        self.faults.append(fault)
        self.say(getattr(self, fault.replace("-", "_"))())

    def errors(self):
        return {c.name: (c.forgiven[-3:], c.wrong) for c in self.clients}

    def heal(self):
        """The last fault is over: everybody computes something more, in time."""
        last = time.monotonic()
        self.say("no more faults")
        before = {c.name: c.done for c in self.clients}
        wait_for(lambda: all(c.done > before[c.name] for c in self.clients),
                 lambda: f"calls hang: { {c.name: c.done - before[c.name] for c in self.clients} } {self.errors()}\n"
                         f"{self.rig.asked('tasks')}", HEAL_SECONDS)
        self.say(f"all clients computed something {time.monotonic() - last:.1f} s later")

    def judge(self, quiet):
        failures = [f"{c.name}: {words}" for c in self.clients for words in c.wrong]
        if self.options.strict:
            failures += [f"{c.name} has heard: {words}" for c in self.clients for words in c.forgiven]
        failures += [f"{c.name} does not end: {status}" for c in self.clients if (status := c.stop()) != 0]
        wait_for(lambda: (now := self.rig.asked("status")) and now["sessions"] == 0 and now["requests"] == 0,
                 lambda: f"sessions or requests stay: {self.rig.asked('status')}", HEAL_SECONDS)
        wait_for(lambda: all(w["chunks"] == 0 for w in self.rig.asked("workers") or [{"chunks": 1}]),
                 lambda: f"chunks stay: {self.rig.asked('workers')}", HEAL_SECONDS)
        done = [s for c in self.clients for s in c.seconds]
        forgiven = [words for c in self.clients for words in c.forgiven]
        counts = {fault: self.faults.count(fault) for fault in self.options.faults}
        print(f"seed {self.options.seed}: {len(self.faults)} faults {counts}; {len(done)} requests with the bits of "
              f"threads, the slowest {max(done):.1f} s (undisturbed {quiet:.1f} s); {len(forgiven)} asked again; "
              f"clients lived {[c.lives for c in self.clients]} times, workers "
              f"{[w.log.count('joined the scheduler') for w in self.workers]}")
        for words in sorted({re.sub(r"\d+", "N", words)[:110] for words in forgiven}):
            print(f"        asked again: {words}")
        if failures:
            raise AssertionError("\n".join(failures))


ALL = ["kill-worker", "kill-client", "kill-scheduler", "stop-worker", "stop-scheduler", "cut", "deafen", "fill-disk"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=int.from_bytes(__import__("os").urandom(3), "little"))
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--mean", type=float, default=2)
    parser.add_argument("--strict", action="store_true", help="no error at all may reach a client")
    parser.add_argument("--faults", type=lambda text: text.split(","), default=ALL)
    options = parser.parse_args()
    for fault in options.faults:
        if fault not in ALL:
            parser.error(f"'{fault}' is no fault: {', '.join(ALL)}")
    words, left_out = lacking()
    if words:
        print(words)
        sys.exit(SKIPPED if left_out else 1)
    with Rig() as rig:
        chaos = Chaos(rig, options)
        try:
            chaos.run()
        except BaseException:
            print(f"FAILED with --seed {options.seed}", flush=True)
            for daemon in rig.daemons:
                print(f"---- {daemon.name} is at\n{daemon.stack()}", flush=True)
                print(f"---- {daemon.name}\n{daemon.log[-4000:]}", flush=True)
            raise
    print("nothing is left")


main()
