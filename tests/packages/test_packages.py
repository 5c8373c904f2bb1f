# SPDX-License-Identifier: Apache-2.0
"""The packages as an administrator has them: apt, systemctl, one key file. Machines are containers with Debian 12 and
its service manager (nodes.py); the packages come from MARS_PACKAGES, or tools/package-deb makes them."""
import json
import os
import re
import shutil
import subprocess
import textwrap

import nodes
import pytest

DAEMONS = ("libmars0", "mars-common", "mars-scheduler", "mars-worker", "mars-web")


@pytest.fixture(scope="module")
def network():
    words, left_out = nodes.lacking("packages")
    if left_out:
        pytest.skip(words)
    assert not words, words
    packages = os.environ.get("MARS_PACKAGES")
    if not packages:
        packages = nodes.TOP / "build/packages"
        subprocess.run([nodes.TOP / "tools/package-deb", packages], check=True, stdout=subprocess.DEVNULL)
    with nodes.Network(nodes.root_file_system(), packages) as made:
        yield made


@pytest.fixture(scope="module")
def head(network):
    """Scheduler and worker of one machine, by the packages alone."""
    node = network.node("head")
    node.before = node.files(), node("cat", "/etc/passwd", "/etc/group")
    node.install(*DAEMONS, "python3-mars", "mars")
    node("systemctl", "start", "mars-worker")
    return node


def python(node, program, *words, environment=None):
    """Its last line, which is JSON."""
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    out = node("env", *settings, "python3", "-c", textwrap.dedent(program), *words)
    return json.loads(out.strip().split("\n")[-1])


def test_the_rules_of_debian_are_kept(network):
    """lintian: no error, no warning."""
    changes = next(network.packages.glob("mars_*.changes"))
    said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(changes)], capture_output=True,
                          text=True)
    assert said.returncode == 0, said.stdout


def test_there_is_a_page_of_the_manual_for_everything_and_a_completion_for_each_program(network):
    packed = "".join(nodes.run("dpkg-deb", "-c", str(path)).stdout for path in network.packages.glob("*.deb"))
    pages = set(re.findall(r"/usr/share/man/man\d/(\S+)[.]gz", packed))
    programs = set(re.findall(r"/usr/bin/(mars\S*)", packed))
    assert pages == {"marsctl.1", "mars.3", "mars.conf.5", "mars.7", "mars-keeper.8", "mars-scheduler.8", "mars-web.8",
                     "mars-worker.8"}
    assert {page.rpartition(".")[0] for page in pages} >= programs
    completed = set(re.findall(r"/usr/share/bash-completion/completions/(\S+)", packed))
    assert completed == programs - {"mars-keeper"}, "which has no options of its own"
    assert len(re.findall(r"/usr/share/doc/\S+/copyright", packed)) == len(list(network.packages.glob("*.deb"))) - \
        len(list(network.packages.glob("*-dbgsym_*.deb")))


def test_what_debian_runs_of_each_package_passes(network):
    """autopkgtest, which installs the packages itself; what isolates it from other machines is the container."""
    node = network.node("tested")
    shutil.copytree(nodes.TOP / "packaging/debian", node.root / "srv/mars/debian")
    node("sh", "-c", "autopkgtest --ignore-restrictions=isolation-container --no-built-binaries /srv/packages/*.deb "
         "/srv/mars/ -- null")


def main_pid(node, unit):
    return int(node("systemctl", "show", "--value", "-p", "MainPID", unit))


COMPUTES = """
    import json, sys
    import mars.tensor as mt
    from mars.session import new_session
    sess = new_session(sys.argv[1])
    x = mt.random.RandomState(3).rand(1000, 1000, chunk_size=250)
    print(json.dumps(float(sess.run((x @ x.T).sum()))))
"""


def expected():
    import mars.tensor as mt
    from mars.session import new_session

    x = mt.random.RandomState(3).rand(1000, 1000, chunk_size=250)
    return float(new_session().run((x @ x.T).sum()))


def test_huge_pages_are_reserved_by_nobody_but_the_administrator(head):
    assert head("sh", "-c", "cat /etc/sysctl.d/* /run/sysctl.d/* /usr/lib/sysctl.d/* 2>/dev/null | grep hugepages || "
                "true") == ""
    assert "vm.nr_hugepages" in head("cat", "/usr/share/doc/mars-worker/examples/sysctl-hugepages.conf")


def test_starting_a_worker_starts_the_scheduler_through_its_socket(head):
    assert head("systemctl", "is-active", "mars-worker", "mars-scheduler.socket").split() == ["active", "active"]
    nodes.wait_until("the worker joins", lambda: "head" in head("marsctl", "workers"))
    assert head("systemctl", "is-active", "mars-scheduler").strip() == "active"
    assert head("systemctl", "--failed", "--no-legend").strip() == ""


def test_a_job_of_this_machine_has_the_bits_of_threads(head):
    assert python(head, COMPUTES, "unix:/run/mars/scheduler.sock") == expected()
    assert python(head, COMPUTES, "127.0.0.1:7103") == expected()


def test_only_the_group_may_submit(head):
    head("useradd", "--system", "stranger")
    said = head("su", "stranger", "-c", "python3 -c \"from mars.session import new_session; "
                "new_session('unix:/run/mars/scheduler.sock')\"", check=False)
    assert said == ""
    with pytest.raises(RuntimeError, match="Permission denied"):
        head("su", "stranger", "-c", "marsctl -s unix:/run/mars/scheduler.sock status")
    head("usermod", "-a", "-G", "mars", "stranger")
    assert "head" in head("su", "stranger", "-c", "marsctl workers")


def test_chunks_survive_a_worker_that_is_killed_and_no_task_is_done_twice(head):
    said = python(head, """
        import json, subprocess
        import mars.tensor as mt
        from mars.session import new_session
        sess = new_session("unix:/run/mars/scheduler.sock")
        x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250)
        x.execute(session=sess)
        def done():
            text = subprocess.run(["marsctl", "--json", "status"], capture_output=True, text=True, check=True).stdout
            return json.loads(text)["tasks_done"]
        n = [done()]
        before = float(sess.run(x.sum()))
        n.append(done())
        subprocess.run(["systemctl", "kill", "-s", "KILL", "mars-worker"], check=True)
        after = float(sess.run(x.sum()))
        n.append(done())
        print(json.dumps([before, after, n[1] - n[0], n[2] - n[1]]))
    """)
    assert said[0] == said[1]
    assert said[2] == said[3] > 64, "the second sum has as many tasks as the first: no random chunk was made again"


SECOND = "name = second\nport = 7106\nsocket = /run/mars/second.sock\n"  # of two workers of a machine
# Chunks stay while sys.argv[1] is done, with and without work under way. The sums, the tasks of the second one, and the
# work that was under way beside the same work undisturbed.
SURVIVES = """
    import json, subprocess, sys
    import mars.tensor as mt
    from mars.session import new_session
    sess = new_session("unix:/run/mars/scheduler.sock")
    x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250)
    x.execute(session=sess)
    def done():
        text = subprocess.run(["marsctl", "--json", "status"], capture_output=True, text=True, check=True).stdout
        return json.loads(text)["tasks_done"]
    def disturb():
        subprocess.run(["sh", "-ec", sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
    def work():
        r = mt.random.RandomState(4).rand(4000, 4000, chunk_size=250)
        return (r @ r).sum()
    before = float(sess.run(x.sum()))
    n = [done()]
    if sys.argv[2] == "twice":
        disturb()
    after = float(sess.run(x.sum()))
    n.append(done())
    under_way = sess.run(work(), wait=False)
    disturb()
    disturbed = float(under_way.result())
    print(json.dumps([before, after, n[1] - n[0], disturbed, float(sess.run(work())), float(sess.run(x.sum()))]))
"""


def survives(node, command, times):
    before, after, tasks, disturbed, undisturbed, at_last = python(node, SURVIVES, command, times)
    assert before == after == at_last
    assert 64 < tasks < 2 * 64, "the random chunks were made again"
    assert disturbed == undisturbed, "the job that was under way"


def test_a_worker_that_is_killed_in_the_middle_of_a_job_is_not_missed(head):
    survives(head, "systemctl kill -s KILL mars-worker", "once")


def test_a_restart_loses_no_chunk(head):
    pid = main_pid(head, "mars-worker")
    survives(head, "systemctl restart mars-worker", "twice")
    assert main_pid(head, "mars-worker") not in (0, pid)


def test_one_of_several_workers_has_what_its_own_file_says(head):
    """A machine has one for each NUMA node or disk."""
    (head.root / "etc/mars/worker@second.conf").write_text(SECOND)
    head("systemctl", "enable", "--now", "mars-worker@second")
    nodes.wait_until("it joins", lambda: "second" in head("marsctl", "workers"))
    survives(head, "systemctl restart mars-worker@second", "twice")
    head("systemctl", "disable", "--now", "mars-worker@second")


def test_an_upgrade_under_load_loses_no_chunk_and_keeps_what_the_administrator_has_changed(network):
    """All packages at once, as apt does it: every daemon runs the new program then, and goes on with what it had."""
    node = network.node("upgraded")
    node.install(*DAEMONS, "python3-mars", "mars")
    (node.root / "etc/mars/worker@second.conf").write_text(SECOND)
    changed = node.root / "etc/mars/scheduler.conf"
    changed.write_text("max_sessions = 77\n")
    units = ("mars-scheduler", "mars-worker", "mars-worker@second", "mars-web")
    node("systemctl", "start", *units)
    nodes.wait_until("both workers join", lambda: node("marsctl", "workers").count("\n") >= 3)
    before = [main_pid(node, unit) for unit in units]
    show = ("systemctl", "show", "-p", "ActiveEnterTimestampMonotonic", "mars-scheduler.socket", "mars-web.socket")
    sockets = node(*show)
    nodes.newer(network.packages, node.root / "srv/newer", "0.1.0", "0.1.1")
    survives(node, "apt-get install -y --no-install-recommends /srv/newer/*.deb", "once")
    assert all(pid not in (0, old) for pid, old in zip([main_pid(node, unit) for unit in units], before))
    assert "0.1.1" in node("marsctl", "status")
    assert node(*show) == sockets, "they stay open"
    assert changed.read_text() == "max_sessions = 77\n"


def test_a_reload_changes_what_runs(head):
    """And says so; a mistake changes nothing."""
    pid = main_pid(head, "mars-scheduler")
    file = head.root / "etc/mars/scheduler.conf"
    for text, said in (("max_sessions = 78\n", "read again"), ("max_sessions = many\n", "has mistakes")):
        file.write_text(text)
        head("systemctl", "reload", "mars-scheduler")
        nodes.wait_until("the journal says so", lambda: said in head("journalctl", "-u", "mars-scheduler", "-n", "5"))
    file.write_text("")
    head("systemctl", "reload", "mars-scheduler")
    assert main_pid(head, "mars-scheduler") == pid
    for unit in ("mars-worker", "mars-web"):
        head("systemctl", "start", unit)
        pid, n = main_pid(head, unit), head("journalctl", "-u", unit).count("read again")
        head("systemctl", "reload", unit)
        nodes.wait_until("it has", lambda: head("journalctl", "-u", unit).count("read again") > n)  # noqa: B023
        assert main_pid(head, unit) == pid


def test_the_service_manager_has_nothing_to_say_about_the_units(head):
    units = head("sh", "-c", "ls /lib/systemd/system/ | grep mars").split()
    assert len(units) == 8
    names = [unit.replace("@", "@1") for unit in units]
    assert head("sh", "-c", f"systemd-analyze verify --man=no {' '.join(names)} 2>&1") == ""
    for name, most in (("mars-scheduler", 15), ("mars-web", 15), ("mars-worker", 20), ("mars-worker@1", 20)):
        head("systemd-analyze", "security", "--no-pager", f"--threshold={most}", f"{name}.service")
    for command in (["restart", "mars-web"], ["try-restart", "mars.target"]):
        head("systemctl", *command)
    assert head("systemctl", "--failed", "--no-legend").strip() == ""


def test_a_scheduler_that_is_killed_is_not_missed(head):
    pid = main_pid(head, "mars-scheduler")
    said = python(head, """
        import json, subprocess, time
        import mars.tensor as mt
        from mars.session import new_session
        sess = new_session("unix:/run/mars/scheduler.sock")
        x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250)
        x.execute(session=sess)
        before = float(sess.run(x.sum()))
        subprocess.run(["systemctl", "kill", "-s", "KILL", "mars-scheduler"], check=True)
        start = time.monotonic()
        print(json.dumps([before == float(sess.run(x.sum())), time.monotonic() - start]))
    """)
    assert said[0]
    assert said[1] < 10
    assert main_pid(head, "mars-scheduler") not in (0, pid)


# Everything of a daemon stands still (SIGSTOP); or all threads but the one that speaks with others, while one of them
# computes. Prints after how many seconds another process has taken its place.
STUCK = """
    import contextlib, ctypes, json, os, subprocess, sys, time
    unit, what = sys.argv[1:]
    def show(name):
        return subprocess.run(["systemctl", "show", "--value", "-p", name, unit], capture_output=True, text=True,
                              check=True).stdout.strip()
    def used():
        return {int(thread): int(open(f"/proc/{pid}/task/{thread}/stat").read().rpartition(")")[2].split()[11])
                for thread in os.listdir(f"/proc/{pid}/task") if int(thread) != pid}
    pid = int(show("MainPID"))
    if what == "all":
        os.kill(pid, 19)
    else:
        first = used()
        while max(n - first.get(thread, 0) for thread, n in used().items()) < os.sysconf("SC_CLK_TCK"):
            time.sleep(0.05)
        ptrace = ctypes.CDLL(None).ptrace
        ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        for thread in used():
            assert ptrace(0x4206, thread, None, None) == 0  # PTRACE_SEIZE
            assert ptrace(0x4207, thread, None, None) == 0  # PTRACE_INTERRUPT
    begin = time.monotonic()
    while show("MainPID") in ("0", str(pid)) or show("ActiveState") != "active":
        with contextlib.suppress(ChildProcessError):  # the ends of threads that are held here are heard here
            os.waitpid(-1, os.WNOHANG | 0x40000000)  # __WALL
        time.sleep(0.05)
    print(json.dumps(time.monotonic() - begin))
"""
WATCHDOG_SECONDS = 4
LATE = 4  # times as long on a machine that has other things to do


@pytest.fixture
def impatient(head):
    """The service manager waits for less than half a minute."""
    units = ("mars-scheduler", "mars-worker", "mars-web")

    def restart():
        head("systemctl", "daemon-reload")
        head("systemctl", "restart", *units)
        nodes.wait_until("the worker joins", lambda: "head" in head("marsctl", "workers"))

    for unit in units:
        head("sh", "-ec", f"""mkdir -p /run/systemd/system/{unit}.service.d
            printf '[Service]\nWatchdogSec={WATCHDOG_SECONDS}s\n' >/run/systemd/system/{unit}.service.d/soon.conf""")
    restart()
    yield units
    head("sh", "-ec", "rm -r /run/systemd/system/mars-*.service.d")
    restart()


def test_a_daemon_that_stands_still_is_ended_by_the_watchdog_and_loses_nothing(head, impatient):
    def computed(program):
        return python(head, f"""
            import json
            import mars.tensor as mt
            from mars.session import new_session
            sess = new_session("unix:/run/mars/scheduler.sock")
            {program}
            print(json.dumps(value))
        """)

    def n_done():
        return json.loads(head("marsctl", "--json", "status"))["tasks_done"]

    before = computed("""x = mt.random.RandomState(5).rand(2000, 2000, chunk_size=250).execute(session=sess)
            x.save_as("held")
            value = float(sess.run(x.sum()))""")
    for unit in impatient:
        seconds = python(head, STUCK, unit, "all")
        assert WATCHDOG_SECONDS / 4 < seconds < WATCHDOG_SECONDS * LATE, unit
        assert "Watchdog timeout" in head("journalctl", "-u", unit, "-n", "100")
        nodes.wait_until("the worker is there", lambda: "head" in head("marsctl", "workers"))
        n = n_done()
        assert computed('value = float(sess.run(sess.open("held").sum()))') == before
        assert n_done() - n < 2 * 64, "the random chunks were made again"
    computed('value = sess.remove("held")')


def test_a_worker_whose_work_stands_still_is_ended_by_the_watchdog_and_the_job_goes_on(head, impatient):
    """It hears, answers, and says that it lives: but the thread that computes has stood still within LAPACK."""
    (head.root / "srv/stuck.py").write_text(textwrap.dedent(STUCK))
    kept, same, error, seconds = python(head, """
        import json, subprocess
        import numpy as np
        import mars.tensor as mt
        from mars.session import new_session
        sess = new_session("unix:/run/mars/scheduler.sock")
        x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250)
        x.execute(session=sess)
        before = float(sess.run(x.sum()))
        a = np.random.default_rng(1).random((2000, 2000))
        values = sess.run(mt.linalg.eigvals(mt.tensor(a, chunk_size=2000)), wait=False)
        stuck = subprocess.run(["python3", "/srv/stuck.py", "mars-worker", "work"], capture_output=True, text=True,
                               check=True)
        error = abs(values.result().sum() - np.trace(a))
        print(json.dumps([before, float(sess.run(x.sum())), float(error), json.loads(stuck.stdout)]))
    """)
    said = head("journalctl", "-u", "mars-worker", "-n", "100")
    assert "has used no processor" in said
    assert "Watchdog timeout" in said
    assert seconds < WATCHDOG_SECONDS * LATE
    assert kept == same
    assert error < 1e-6


def readme_program(endpoint):
    """The ten lines of the README, for a cluster instead of threads."""
    lines = re.search("## Ten lines\n\n```python\n(.*?)```", (nodes.TOP / "README.md").read_text(), re.DOTALL)[1]
    there = f"new_session({endpoint!r})"
    assert lines.count("new_session()") == 1
    lines = lines.replace("new_session()", there)
    return lines.replace("import new_session\n", f"import new_session\n{there}.as_default()\n")


def test_another_machine_joins_with_one_key_file(head, network):
    """The two commands of the guide, and the address."""
    other = network.node("other")
    other.install(*DAEMONS[:2], "mars-worker")
    head("marsctl", "keygen")
    head("chgrp", "mars", "/etc/mars/cluster.key")
    key = head("cat", "/etc/mars/cluster.key")
    (other.root / "etc/mars/cluster.key").write_text(key)
    other("chmod", "0600", "/etc/mars/cluster.key")  # root's alone: the worker has it from the service manager
    (head.root / "etc/mars/scheduler.conf").write_text(f"host = {head.address}\n")
    (head.root / "etc/mars/worker.conf").write_text(f"host = {head.address}\n")
    (other.root / "etc/mars/worker.conf").write_text(f"host = {other.address}\nschedulers = {head.address}:7103\n")
    head("systemctl", "restart", "mars-scheduler", "mars-worker")
    other("systemctl", "start", "mars-worker")
    nodes.wait_until("both workers are there", lambda: head("marsctl", "workers").count("\n") >= 3)
    client = network.node("client")
    client.install("libmars0", "python3-mars")
    (client.root / "root/.config/mars").mkdir(parents=True)
    (client.root / "root/.config/mars/cluster.key").write_text(key)
    (client.root / "root/.config/mars/cluster.key").chmod(0o600)
    assert python(client, COMPUTES, f"{head.address}:7103") == expected()
    said = client("python3", "-c", readme_program(f"{head.address}:7103"))
    assert said.endswith("[4. 4. 4. 4. 4.]]\n")


def test_a_worker_that_is_stopped_gives_its_chunks_away_first(head, network):
    other = next(node for node in network.nodes if node.name == "other")
    kept = """
        import json, subprocess
        import mars.tensor as mt
        from mars.session import new_session
        def done():
            text = subprocess.run(["marsctl", "--json", "status"], capture_output=True, text=True, check=True).stdout
            return json.loads(text)["tasks_done"]
        sess = new_session("unix:/run/mars/scheduler.sock")
    """
    before = python(head, kept + """
        x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250).execute(session=sess)
        x.save_as("kept")
        print(json.dumps([float(sess.run(x.sum())), done()]))
    """)
    nodes.wait_until("both hold some of it", lambda: all(
        worker["used_bytes"] for worker in json.loads(head("marsctl", "--json", "workers"))))
    other("systemctl", "stop", "mars-worker")
    after = python(head, kept + """
        print(json.dumps([float(sess.run(sess.open("kept").sum())), done()]))
    """)
    assert after[0] == before[0]
    assert after[1] - before[1] < 2 * 64, "the random chunks were made again"
    other("systemctl", "start", "mars-worker")
    nodes.wait_until("it joins again", lambda: head("marsctl", "workers").count("\n") >= 3)


def test_other_machines_read_the_pages_and_have_sessions_over_https(head, network, tmp_path):
    """As the guide says: a certificate and an address. There is nothing of ours on the other machine but the client."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "1", "-subj", "/CN=head", "-addext", f"subjectAltName=IP:{head.address}", "-keyout",
                    tmp_path / "web.key", "-out", tmp_path / "web.pem"], check=True, capture_output=True)
    for name in ("web.key", "web.pem"):
        (head.root / "etc/mars" / name).write_bytes((tmp_path / name).read_bytes())
    head("chgrp", "mars", "/etc/mars/web.key")
    head("chmod", "0640", "/etc/mars/web.key")
    (head.root / "etc/mars/web.conf").write_text(f"host = {head.address}\ncertificate = /etc/mars/web.pem\n"
                                                 "certificate_key = /etc/mars/web.key\n")
    drop_in = head.root / "etc/systemd/system/mars-web.socket.d/override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(f"[Socket]\nListenStream=\nListenStream={head.address}:7104\n")
    head("systemctl", "daemon-reload")
    head("systemctl", "stop", "mars-web.service")
    head("systemctl", "restart", "mars-web.socket")

    client = network.node("browser")
    client.install("libmars0", "python3-mars")
    (client.root / "etc/mars-web.pem").write_bytes((tmp_path / "web.pem").read_bytes())
    here, token = f"https://{head.address}:7104", head("cat", "/etc/mars/token").strip()
    said = python(client, """
        import json, re, sys, urllib.error, urllib.request
        def read(path, **headers):
            request = urllib.request.Request(sys.argv[1] + path, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, ""
        mine = {"Authorization": "Bearer " + sys.argv[2]}
        page = read("/")[1]
        script = read("/" + re.search(r'src="(?:\\./)?([^"]+[.]js)"', page)[1])[1]
        print(json.dumps([re.search("<title>(.*)</title>", page)[1], "mars" in script.lower(),
                          read("/api/v1/workers")[0], read("/api/v1/workers", **mine)[1],
                          read("/metrics", **mine)[1]]))
    """, here, token, environment={"SSL_CERT_FILE": "/etc/mars-web.pem"})
    assert said[:3] == ["Mars", True, 401]
    assert {worker["name"] for worker in json.loads(said[3])} == {"head", "other"}
    assert 'mars_workers' in said[4]
    assert python(client, COMPUTES, here,
                  environment={"SSL_CERT_FILE": "/etc/mars-web.pem", "MARS_TOKEN": token}) == expected()


def test_the_journal_of_the_system_has_what_daemons_say(head):
    lines = [json.loads(line) for line in head("journalctl", "-u", "mars-scheduler", "-o", "json").split("\n") if line]
    joined = [line for line in lines if "has joined" in line["MESSAGE"]]
    assert joined
    assert joined[0]["PRIORITY"] == "6"
    assert joined[0]["_SYSTEMD_UNIT"] == "mars-scheduler.service"
    worker = joined[0]["MARS_WORKER"]
    assert "has joined" in head("journalctl", f"MARS_WORKER={worker}", f"MESSAGE_ID={joined[0]['MESSAGE_ID']}")
    assert f"Worker {worker} has joined" in head("journalctl", "-x", "-n", "1", f"MESSAGE_ID={joined[0]['MESSAGE_ID']}",
                                                 f"MARS_WORKER={worker}")


def test_removed_and_purged_nothing_is_left(head):
    """But what the administrator brought: the certificate, and his own word on the socket."""
    head("rm", "-r", "/etc/mars/web.key", "/etc/mars/web.pem", "/etc/mars/worker@second.conf",
         "/etc/systemd/system/mars-web.socket.d")
    head("userdel", "stranger")
    head("apt-get", "purge", "-y", "mars", "mars-worker", "mars-web", "mars-scheduler", "mars-common", "python3-mars",
         "libmars0")
    files, users = head.before
    assert sorted(head.files() - files) == []
    assert head("cat", "/etc/passwd", "/etc/group") == users
    assert head("sh", "-c", "ps -eo comm | grep ^mars || true") == ""
