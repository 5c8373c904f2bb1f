# SPDX-License-Identifier: Apache-2.0
"""The packages as an administrator has them: apt, systemctl, one key file. Machines are containers with Debian 12 and
its service manager (nodes.py); the packages come from MARS_PACKAGES, or tools/package-deb makes them."""
import json
import os
import pathlib
import subprocess
import textwrap

import nodes
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
DAEMONS = ("libmars0", "mars-common", "mars-scheduler", "mars-worker", "mars-web")


@pytest.fixture(scope="module")
def network():
    missing = nodes.missing_means()
    if missing and os.environ.get("MARS_SYSTEM_WITHOUT") == "containers":
        pytest.skip("left out by MARS_SYSTEM_WITHOUT=containers")
    assert not missing, f"not here: {', '.join(missing)}; MARS_SYSTEM_WITHOUT=containers leaves these tests out"
    packages = os.environ.get("MARS_PACKAGES")
    if not packages:
        packages = TOP / "build/packages"
        subprocess.run([TOP / "tools/package-deb", packages], check=True, stdout=subprocess.DEVNULL)
    base = nodes.root_file_system(os.environ.get("MARS_ROOT_FILE_SYSTEM", TOP / "build/debian"))
    with nodes.Network(base, packages) as made:
        yield made


@pytest.fixture(scope="module")
def head(network):
    """Scheduler and worker of one machine, by the packages alone."""
    node = network.node("head")
    node.install(*DAEMONS, "python3-mars", "mars")
    node("systemctl", "start", "mars-worker")
    return node


def python(node, program, *words, timeout=120):
    """Its last line, which is JSON."""
    out = node("python3", "-c", textwrap.dedent(program), *words, timeout=timeout)
    return json.loads(out.strip().split("\n")[-1])


def test_the_rules_of_debian_are_kept(network):
    """lintian: no error, no warning."""
    changes = next(network.packages.glob("mars_*.changes"))
    said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(changes)], capture_output=True,
                          text=True)
    assert said.returncode == 0, said.stdout


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


def test_starting_a_worker_starts_the_scheduler_through_its_socket(head):
    assert head("systemctl", "is-active", "mars-worker", "mars-scheduler.socket").split() == ["active", "active"]
    nodes.wait_until("the worker joins", lambda: "head" in head("marsctl", "workers"))
    assert head("systemctl", "is-active", "mars-scheduler").strip() == "active"
    assert head("systemctl", "--failed", "--no-legend").strip() == ""


def test_a_job_of_this_machine_has_the_bits_of_threads(head):
    assert python(head, COMPUTES, "unix:/run/mars/scheduler.sock") == expected()
    assert python(head, COMPUTES, "127.0.0.1:7103") == expected()


def test_only_the_group_may_submit(head):
    head("useradd", "stranger")
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


@pytest.mark.parametrize("how", ["systemctl restart mars-worker",
                                 "apt-get install -y --reinstall {packages}/mars-worker_*.deb"])
def test_a_restart_and_an_upgrade_lose_no_chunk(head, how):
    pid = main_pid(head, "mars-worker")
    said = python(head, """
        import json, subprocess, sys
        import mars.tensor as mt
        from mars.session import new_session
        sess = new_session("unix:/run/mars/scheduler.sock")
        x = mt.random.RandomState(3).rand(2000, 2000, chunk_size=250)
        x.execute(session=sess)
        def done():
            text = subprocess.run(["marsctl", "--json", "status"], capture_output=True, text=True, check=True).stdout
            return json.loads(text)["tasks_done"]
        before = float(sess.run(x.sum()))
        n = [done()]
        subprocess.run(["sh", "-c", sys.argv[1]], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = float(sess.run(x.sum()))
        n.append(done())
        print(json.dumps([before, after, n[1] - n[0]]))
    """, how.format(packages="/srv/packages"))
    assert said[0] == said[1]
    assert 64 < said[2] < 2 * 64, "the random chunks were made again"
    assert main_pid(head, "mars-worker") not in (0, pid)


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


def test_another_machine_joins_with_one_key_file(head, network):
    """The two commands of the guide, and the address."""
    other = network.node("other")
    other.install(*DAEMONS[:2], "mars-worker")
    head("marsctl", "keygen")
    head("chgrp", "mars", "/etc/mars/cluster.key")
    key = head("cat", "/etc/mars/cluster.key")
    (other.root / "etc/mars/cluster.key").write_text(key)
    other("chown", "root:mars", "/etc/mars/cluster.key")
    other("chmod", "0640", "/etc/mars/cluster.key")
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
    head("apt-get", "purge", "-y", "mars", "mars-worker", "mars-web", "mars-scheduler", "mars-common", "python3-mars",
         "libmars0")
    left = head("sh", "-c", "find / -xdev -path /proc -prune -o -path /srv -prune -o -path /usr/share/doc -prune -o "
                "-name '*mars*' -print", check=False).split()
    left = [path for path in left if not path.startswith(("/var/lib/dpkg", "/var/log", "/sys", "/run/log", "/proc",
                                                          "/var/cache/apt", "/root"))]
    assert left == []
    assert head("sh", "-c", "ps -eo comm | grep ^mars || true") == ""
