# SPDX-License-Identifier: Apache-2.0
"""The packages as an administrator has them: apt, systemctl, one key file. Machines are containers with Debian 12 and
its service manager (nodes.py); the packages come from MARS_PACKAGES, or tools/package-deb makes them."""
import json
import os
import pathlib
import shutil
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


def python(node, program, *words, environment=None, timeout=120):
    """Its last line, which is JSON."""
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    out = node("env", *settings, "python3", "-c", textwrap.dedent(program), *words, timeout=timeout)
    return json.loads(out.strip().split("\n")[-1])


def test_the_rules_of_debian_are_kept(network):
    """lintian: no error, no warning."""
    changes = next(network.packages.glob("mars_*.changes"))
    said = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", str(changes)], capture_output=True,
                          text=True)
    assert said.returncode == 0, said.stdout


def test_what_debian_runs_of_each_package_passes(network):
    """autopkgtest, which installs the packages itself; what isolates it from other machines is the container."""
    node = network.node("tested")
    shutil.copytree(TOP / "packaging/debian", node.root / "srv/mars/debian")
    node("sh", "-c", "autopkgtest --ignore-restrictions=isolation-container --no-built-binaries /srv/packages/*.deb "
         "/srv/mars/ -- null", timeout=300)


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
        command = ["sh", "-c", sys.argv[1]]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = float(sess.run(x.sum()))
        n.append(done())
        def work():
            r = mt.random.RandomState(4).rand(4000, 4000, chunk_size=250)
            return (r @ r).sum()
        under_way = sess.run(work(), wait=False)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(json.dumps([before, after, n[1] - n[0], float(under_way.result()), float(sess.run(work()))]))
    """, how.format(packages="/srv/packages"), timeout=300)
    assert said[0] == said[1]
    assert 64 < said[2] < 2 * 64, "the random chunks were made again"
    assert said[3] == said[4], "the job that was under way"
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
    head("rm", "-r", "/etc/mars/web.key", "/etc/mars/web.pem", "/etc/systemd/system/mars-web.socket.d")
    head("apt-get", "purge", "-y", "mars", "mars-worker", "mars-web", "mars-scheduler", "mars-common", "python3-mars",
         "libmars0")
    left = head("sh", "-c", "find / -xdev -path /proc -prune -o -path /srv -prune -o -path /usr/share/doc -prune -o "
                "-name '*mars*' -print", check=False).split()
    left = [path for path in left if not path.startswith(("/var/lib/dpkg", "/var/log", "/sys", "/run/log", "/proc",
                                                          "/var/cache/apt", "/root"))]
    assert left == []
    assert head("sh", "-c", "ps -eo comm | grep ^mars || true") == ""
