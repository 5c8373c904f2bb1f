# SPDX-License-Identifier: Apache-2.0
"""Machines with systemd, in containers: Debian 12 as debootstrap makes it, each with a disk of its own over one that
all share, joined by a bridge. They die with the object that has them."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77  # exit status of a test that was left out
# What the packages and their tests depend on: containers have no network but their own.
DEBIAN = ("systemd", "systemd-sysv", "dbus", "iproute2", "python3", "python3-numpy", "libblosc1", "libhwloc15",
          "libjson-c5", "libmicrohttpd12", "libopenblas0-pthread", "libsqlite3-0", "libssl3", "liburing2", "libxxhash0",
          "libhugetlbfs0", "procps", "apt-utils", "autopkgtest", "dpkg-dev", "gcc", "libc6-dev", "pkgconf")
CGROUPS = ("systemd", "unified", "memory", "cpu", "pids")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SECONDS = 600  # after which a program hangs, or a wait has failed: on a loaded machine everything may take long
UNCOUNTED = ("/proc", "/sys", "/dev", "/srv", "/tmp", "/var/tmp", "/root", "/home", "/var/log", "/var/cache/apt",
             "/var/cache/ldconfig", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/systemd/catalog", "/run/log",
             "/run/systemd")


def lacking(stage):
    """What this machine lacks, or "", and whether the tests are left out because somebody asked for that by name."""
    said = subprocess.run([TOP / "tools/means", stage], capture_output=True, text=True)
    return said.stdout + said.stderr, said.returncode == SKIPPED


def run(*words, **kwargs):
    return subprocess.run(words, check=True, capture_output=True, text=True, **kwargs)


def root_file_system():
    """What all machines begin with: MARS_ROOT_FILE_SYSTEM names one. Made once; takes a minute."""
    path = pathlib.Path(os.environ.get("MARS_ROOT_FILE_SYSTEM", TOP / "build/debian"))
    if not (path / "etc/debian_version").exists():
        made = path.with_name(path.name + ".new")
        shutil.rmtree(made, ignore_errors=True)
        made.parent.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", "--include=" + ",".join(DEBIAN), "bookworm", str(made))
        run("chroot", str(made), "apt-get", "install", "-y", "--no-install-recommends", "libopenblas0",
            env={**os.environ, "PATH": PATH})
        (made / "etc/hostname").unlink(missing_ok=True)  # or all machines have the same name
        made.rename(path)
    return path


def newer(packages, folder, old, new):
    """The same packages as a later version, which is as long a word; programs say that they are of it."""
    folder.mkdir()
    for path in sorted(packages.glob(f"*_{old}_*.deb")):
        name = path.name.partition("_")[0]
        if name.endswith(("-dbgsym", "-dev", "-doc")):
            continue
        tree = folder / name
        run("dpkg-deb", "-R", str(path), str(tree))
        for file in [tree / "DEBIAN/control", *tree.glob("usr/bin/mars*")]:
            file.write_bytes(file.read_bytes().replace(old.encode(), new.encode()))
        run("dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(folder / f"{name}_{new}.deb"))
        shutil.rmtree(tree)


class Node:
    def __init__(self, network, name, number):
        self.network, self.name = network, name
        self.address = f"10.97.{network.number}.{number}"
        self.folder = network.folder / name
        for part in ("up", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        self.root = self.folder / "root"
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={network.base},upperdir={self.folder / 'up'},workdir={self.folder / 'work'}", str(self.root))
        self.process = self.leader = None
        self.boot()

    def _own_cgroups(self):
        """Or the service managers of all containers would share them."""
        for kind in CGROUPS:
            group = pathlib.Path("/sys/fs/cgroup", kind, f"mars-{self.network.tag}-{self.name}")
            if group.parent.is_dir():
                group.mkdir(exist_ok=True)
                (group / "cgroup.procs").write_text(str(os.getpid()))

    def boot(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            path = self.folder / "notify"
            path.unlink(missing_ok=True)
            ready.bind(str(path))
            ready.settimeout(SECONDS)
            log = open(self.folder / "console.log", "ab")
            self.process = subprocess.Popen(
                ["systemd-nspawn", "-D", str(self.root), "--boot", f"--machine={self.name}", "--register=no",
                 "--keep-unit", "--notify-ready=yes", "--capability=CAP_IPC_LOCK",
                 f"--network-bridge={self.network.bridge}", f"--bind-ro={self.network.packages}:/srv/packages"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(path)},
                start_new_session=True, preexec_fn=self._own_cgroups)
            log.close()
            words = ""
            while "READY=1" not in words.split("\n"):
                words = ready.recv(4096).decode()
                for line in words.split("\n"):
                    if line.startswith("X_NSPAWN_LEADER_PID="):
                        self.leader = int(line.partition("=")[2])
        self("ip", "link", "set", "lo", "up")
        self("ip", "address", "add", f"{self.address}/24", "dev", "host0")
        self("ip", "link", "set", "host0", "up")

    def _enter(self, words):
        return ["nsenter", "-t", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root",
                "--wd", "--", "env", "-i", "PATH=" + PATH, "HOME=/root", "LC_ALL=C.UTF-8",
                "DEBIAN_FRONTEND=noninteractive", *words]

    def __call__(self, *words, check=True, timeout=SECONDS):
        """Runs a program there as root; its output."""
        done = subprocess.run(self._enter(words), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: exit status {done.returncode}\n{done.stdout}"
                               f"{done.stderr}")
        return done.stdout

    def install(self, *packages):
        files = [str(next(self.network.packages.glob(f"{name}_*.deb"))).replace(str(self.network.packages),
                                                                                "/srv/packages") for name in packages]
        return self("apt-get", "install", "-y", "--no-install-recommends", *files)

    def files(self):
        """All that its disk has, but for what every machine writes for itself."""
        uncounted = [word for path in UNCOUNTED for word in ("-path", path, "-o")]
        found = self("find", "/", "-xdev", "(", *uncounted, "-name", "__pycache__", ")", "-prune", "-o", "-print")
        return set(found.split("\n"))

    def power_off(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def free(self):
        self.power_off()
        subprocess.run(["umount", "-l", str(self.root)], check=False)
        for kind in CGROUPS:
            group = pathlib.Path("/sys/fs/cgroup", kind, f"mars-{self.network.tag}-{self.name}")
            for path in sorted(group.rglob("*"), key=lambda p: -len(p.parts)) if group.is_dir() else []:
                if path.is_dir():
                    path.rmdir()
            if group.is_dir():
                group.rmdir()


class Network:
    """with Network(root, packages) as network: network.node("one")"""

    def __init__(self, base, packages):
        self.base, self.packages = pathlib.Path(base), pathlib.Path(packages).resolve()
        self.number = os.getpid() % 200 + 1
        self.tag = str(os.getpid())
        self.bridge = f"mars{self.number}"
        self.nodes = []

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mars-nodes-", dir="/var/tmp"))
        # Of machines that live for minutes nothing has to be on a disk before the next thing is done.
        run("mount", "-t", "tmpfs", "tmpfs", str(self.folder))
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "link", "set", self.bridge, "up")
        return self

    def node(self, name):
        self.nodes.append(Node(self, name, 10 + len(self.nodes)))
        return self.nodes[-1]

    def __exit__(self, *_):
        for node in self.nodes:
            node.free()
        run("ip", "link", "del", self.bridge)
        run("umount", str(self.folder))
        self.folder.rmdir()


def wait_until(what, condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not after {seconds} s")
        time.sleep(0.05)
