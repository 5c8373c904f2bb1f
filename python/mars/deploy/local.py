# SPDX-License-Identifier: Apache-2.0
"""A cluster of processes on this machine: a real scheduler and real workers, which only their owner can reach.

    cluster = new_cluster(n_worker=2)
    a.dot(a.T).execute()                       # in the cluster: its session is the default one
    session = new_session(cluster.endpoint)    # another session of the same cluster
    cluster.stop()

The daemons listen at unix sockets in a private directory and at no port, but for the one of web. They end with the
process that started them, by whatever cause it ends (daemons/service.h, MARS_LIFELINE). A worker that crashes is
started again by its keeper (mars-keeper), and finds the results that it had.
"""
import atexit
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time

from ..errors import MarsError
from ..session import new_session

__all__ = ["LocalCluster", "new_cluster"]

READY_SECONDS = 20  # daemons that live are ready in a fraction of one
STOP_SECONDS = 10


def new_cluster(n_worker=1, n_cpu=None, shared_memory=None, web=False, *, phy_mem=None, disk=None, spill_dir=None,
                hugepages="try", log_level="warning"):
    """Starts a scheduler and workers on this machine, and makes a session there the default one.

    Parameters
    ----------
    n_worker : int, optional
        Processes that compute.
    n_cpu : int, optional
        CPUs that they use together; None: those that this process may use.
    shared_memory : size, optional
        Memory for chunks, of all workers together: bytes, "4g", "40%" of the free memory; None: half of that.
    web : bool or str, optional
        True: serve pages and sessions over http at a free port of 127.0.0.1, which `web_endpoint` names, to whoever has
        the user's token (marsctl token); "host" or "host:port": there.
    phy_mem : size, optional
        All memory that they may take together; None: all there is.
    disk : size, optional
        Results on disk, of each worker; None: what there is.
    spill_dir : path, optional
        The directory for them; None: that for temporary files.
    hugepages : {'try', 'on', 'off'}, optional
        As of new_session().
    log_level : str, optional
        What the daemons say on standard error: this level of syslog, 'debug' to 'emerg', and more urgent ones.

    Returns
    -------
    LocalCluster

    Raises
    ------
    MarsError
        A daemon is not installed, has ended, or was not ready in time.
    ValueError
        `n_worker` or `n_cpu` is less than one.

    Examples
    --------
    >>> before = mars.get_default_session()
    >>> with mars.deploy.local.new_cluster(n_worker=2, shared_memory="64m") as cluster:
    ...     mt.arange(10, chunk_size=3).sum().execute()
    Tensor(45)
    >>> before.as_default()
    <mars.session.Session ...>
    """
    return LocalCluster(n_worker, n_cpu, shared_memory, web, phy_mem, disk, spill_dir, hugepages, log_level)


def _program(name):
    """Where the daemon is: beside the interpreter for which a wheel has brought it, or in PATH."""
    own = pathlib.Path(sysconfig.get_path("scripts"), name)
    found = own if own.exists() else shutil.which(name)
    if not found:
        raise MarsError(f"{name} is not installed: install the package mars-{name.removeprefix('mars-')}, or set PATH")
    return str(found)


def _share(size, n):
    """The n-th part of a size as people write it."""
    if isinstance(size, str) and size.endswith("%"):
        return f"{float(size[:-1]) / n:.6f}%"
    if isinstance(size, str):
        number = size.rstrip("bBiIkKmMgGtT ")
        return f"{float(number) / n:.6f}{size[len(number):]}"
    return str(int(size) // n)


def _web_options(web):
    """Of True, "host" and "host:port"."""
    host, _, port = ("127.0.0.1", "", "0") if web is True else (web, "", "0") if web.endswith("]") else \
        web.rpartition(":") if ":" in web else (web, "", "0")
    return ["--endpoint", f"{host}:{port}"]


class LocalCluster:
    """What new_cluster() returns: a scheduler and workers on this machine; `with` stops them.

    Attributes
    ----------
    endpoint : str
        For new_session().
    web_endpoint : str or None
        "host:port" of the pages; "http://" + web_endpoint is for a browser, and for new_session(), too.
    session : Session
        The one that was made the default.

    Examples
    --------
    >>> before = mars.get_default_session()
    >>> with mars.deploy.local.new_cluster(shared_memory="64m") as cluster:
    ...     session = mars.new_session(cluster.endpoint)  # another one beside cluster.session
    ...     session.run(mt.ones(3))
    array([1., 1., 1.])
    >>> before.as_default()
    <mars.session.Session ...>
    """

    def __init__(self, n_worker, n_cpu, shared_memory, web, phy_mem, disk, spill_dir, hugepages, log_level):
        n_cpu = len(os.sched_getaffinity(0)) if n_cpu is None else n_cpu
        if n_worker < 1 or n_cpu < 1:
            raise ValueError(f"n_worker and n_cpu are 1 at least, not {n_worker} and {n_cpu}")
        self._owner = os.getpid()
        self._processes = []
        self._directory = tempfile.mkdtemp(prefix="mars-", dir=os.environ.get("XDG_RUNTIME_DIR"))
        self._lifeline, self._end = None, None
        self.web_endpoint = None
        self.session = None
        self.endpoint = f"unix:{self._directory}/scheduler"
        atexit.register(self.stop)
        try:
            self._end, self._lifeline = os.pipe()
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
                notified.bind(f"{self._directory}/notify")
                notified.settimeout(READY_SECONDS)
                if web:  # the scheduler knows the token that there is when it starts
                    subprocess.run([_program("marsctl"), "token"], check=True, stdout=subprocess.DEVNULL)
                self._start("mars-scheduler", log_level, [*self._socket("scheduler"),
                                                          "--state-dir", f"{self._directory}/state"])
                self._await(notified, 1, "READY=1")
                for k in range(n_worker):
                    options = ["--schedulers", self.endpoint, "--name", f"worker-{k}",
                               "--threads", str(n_cpu // n_worker + (k < n_cpu % n_worker) or 1),
                               "--cache-mem", _share(shared_memory or "50%", n_worker)]
                    options += ["--phy-mem", _share(phy_mem or "100%", n_worker)]
                    options += ["--disk", str(disk)] if disk is not None else []
                    options += ["--spill-dir", os.fspath(spill_dir) if spill_dir else tempfile.gettempdir()]
                    options += ["--hugepages", hugepages]
                    options += ["--drain", "none"]  # the cluster stops as a whole
                    self._start("mars-worker", log_level, self._socket(f"worker-{k}") + options)
                self._await(notified, n_worker, "STATUS=Works for a scheduler")
                if web:
                    self._start("mars-web", log_level, ["--schedulers", self.endpoint, *_web_options(web)])
                    said = self._await(notified, 1, "STATUS=Serves at http://")
                    self.web_endpoint = said.removeprefix("STATUS=Serves at http://")
            os.unlink(f"{self._directory}/notify")
            self.session = new_session(self.endpoint, key_file="none").as_default()
        except BaseException:
            self.stop()
            raise

    def _socket(self, name):
        return ["--socket", f"{self._directory}/{name}", "--port", "none"]

    def _start(self, program, log_level, options):
        environment = dict(os.environ, NOTIFY_SOCKET=f"{self._directory}/notify", MARS_LIFELINE=str(self._end))
        for variable in ("LISTEN_FDS", "LISTEN_PID", "JOURNAL_STREAM", "WATCHDOG_USEC"):
            environment.pop(variable, None)
        command = [_program(program), "--config-dir", "none", "--log-level", log_level, *options]
        if program != "mars-scheduler":
            command = [_program("mars-keeper"), "--", *command]
        # In a session of their own, so that Ctrl-C at a terminal is for the program alone.
        self._processes.append(subprocess.Popen(command, env=environment, pass_fds=[self._end],
                                                stdin=subprocess.DEVNULL, start_new_session=True))

    def _await(self, notified, n, word):
        """Waits until n daemons have said what begins with the word; what the last of them said."""
        deadline = time.monotonic() + READY_SECONDS
        while n > 0:
            for process in self._processes:
                if process.poll() is not None:
                    raise MarsError(f"{process.args[0]} has ended with status {process.returncode}")
            notified.settimeout(0.2)
            try:
                said = [line for line in notified.recv(4096).decode().split("\n") if line.startswith(word)]
                n -= len(said) > 0
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise MarsError(f"the daemons were not ready after {READY_SECONDS} s") from None
        return said[0]

    def stop(self):
        """Ends the daemons and what they compute; the cluster's session is closed.

        A second time nothing happens. The daemons end by themselves, too, when the program does.

        Examples
        --------
        >>> before = mars.get_default_session()
        >>> cluster = mars.deploy.local.new_cluster(shared_memory="64m")
        >>> cluster.stop()
        >>> cluster
        <mars.deploy.local.LocalCluster unix:..., stopped>
        >>> before.as_default()
        <mars.session.Session ...>
        """
        if os.getpid() != self._owner:
            return  # in a child of fork(): the cluster is its parent's
        atexit.unregister(self.stop)
        if self.session is not None:
            self.session.close()
        for group in (self._processes[1:], self._processes[:1]):  # the scheduler last: nobody misses it then
            for process in group:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            for process in group:
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._processes = []
        for end in (self._lifeline, self._end):
            if end is not None:
                os.close(end)
        self._lifeline = self._end = None
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def __repr__(self):
        return f"<mars.deploy.local.LocalCluster {self.endpoint}{'' if self._processes else ', stopped'}>"
