# SPDX-License-Identifier: Apache-2.0
"""The RPM packages: built, looked at by rpmlint, and installed into a root of its own, where rpm knows only what a stub
package says that is there: what the files of that root provide, as rpm itself finds it."""
import os
import pathlib
import subprocess
import textwrap

import nodes
import pytest

PROGRAMS = ("/bin/sh", "/usr/bin/kill", "/sbin/ldconfig", "/usr/bin/python3", "/usr/bin/systemctl",
            "/usr/bin/systemd-sysusers", "/usr/bin/systemd-tmpfiles")
PACKAGES = {"mars", "mars-libs", "mars-devel", "mars-common", "mars-scheduler", "mars-worker", "mars-web",
            "python3-mars", "mars-doc"}


def run(*words, **kwargs):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def means():
    words, left_out = nodes.lacking("rpm")
    if left_out:
        pytest.skip(words)
    assert not words, words


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """name -> file. MARS_RPMS: a directory in which they are already."""
    folder = os.environ.get("MARS_RPMS")
    if not folder:
        folder = tmp_path_factory.mktemp("rpms")
        run(nodes.TOP / "tools/package-rpm", folder)
    found = {run("rpm", "-qp", "--qf", "%{NAME}", path): path for path in pathlib.Path(folder).glob("*.rpm")}
    return {name: path for name, path in found.items() if not name.endswith(("-debuginfo", "-debugsource"))}


def provided(root):
    """What rpm would find in the libraries of this root."""
    libraries = [path for path in pathlib.Path(root, "usr/lib/x86_64-linux-gnu").rglob("*.so*") if path.is_file()]
    names = "\n".join(map(str, libraries))
    said = subprocess.run(["/usr/lib/rpm/elfdeps", "--provides"], input=names, capture_output=True, text=True)
    return set(said.stdout.split("\n")) - {""}  # it complains of files that are linker scripts


@pytest.fixture(scope="module")
def root(tmp_path_factory, packages):
    """A root with the stub, and all packages installed into it."""
    folder = tmp_path_factory.mktemp("root")
    run("mount", "-t", "tmpfs", "tmpfs", folder)
    for part in ("up", "work", "root"):
        (folder / part).mkdir()
    root = folder / "root"
    layers = f"lowerdir={nodes.root_file_system()},upperdir={folder / 'up'},workdir={folder / 'work'}"
    run("mount", "-t", "overlay", "overlay", "-o", layers, root)
    run("mount", "-t", "proc", "proc", root / "proc")
    try:
        there = [path for path in PROGRAMS if (root / path[1:]).exists()]
        spec = textwrap.dedent("""\
            Name: host
            Version: 1
            Release: 1
            Summary: What this root has
            License: Apache-2.0
            BuildArch: noarch
            %description
            What this root has.
            %files
            """)
        words = sorted(provided(root)) + there + ["python3-numpy", "python(abi) = 3.11", "libhugetlbfs",
                                                     "rtld(GNU_HASH)", "/usr/bin/pkg-config"]
        spec = spec.replace("BuildArch", "".join(f"Provides: {word}\n" for word in words) + "BuildArch")
        (folder / "host.spec").write_text(spec)
        run("rpmbuild", "-bb", "--define", f"_topdir {folder / 'stub'}", folder / "host.spec")
        (root / "etc/ld.so.conf.d/lib64.conf").write_text("/usr/lib64\n")  # as where rpm is at home
        run("rpm", "--root", root, "--initdb")
        run("rpm", "--root", root, "-i", *pathlib.Path(folder, "stub/RPMS").rglob("*.rpm"))
        run("rpm", "--root", root, "-i", *packages.values())
        yield root
    finally:
        subprocess.run(["umount", "-R", str(folder)], check=False)


def inside(root, *words):
    return run("chroot", root, *words, env={"PATH": nodes.PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})


def test_the_split_is_that_of_the_debian_packages(packages):
    assert set(packages) == PACKAGES


def test_rpmlint_finds_nothing(packages):
    rpm = nodes.TOP / "packaging/rpm"
    said = run("rpmlint", "-c", rpm / "rpmlint.toml", rpm / "mars.spec", *packages.values())
    assert "0 errors, 0 warnings" in said, said


def test_what_is_installed_is_what_was_packaged(root, packages):
    assert run("rpm", "--root", root, "-V", *packages) == ""


def test_the_daemons_have_their_user_and_token(root):
    assert inside(root, "id", "-un", "mars").strip() == "mars"
    assert inside(root, "id", "-Gn", "mars-web").split() == ["mars-web", "mars"]
    assert inside(root, "stat", "-c", "%a %U %G", "/etc/mars/token").strip() == "640 root mars"


def test_every_program_runs_and_has_its_manual_and_configuration(root):
    for name in ("mars-scheduler", "mars-worker", "mars-web"):
        inside(root, name, "--check-config")
        assert (root / f"usr/share/man/man8/{name}.8.gz").exists()
    inside(root, "marsctl", "--version")
    inside(root, "systemd-analyze", "verify", "--man=no",
           *(f"/usr/lib/systemd/system/mars-{name}.service" for name in ("scheduler", "worker", "web")))


def test_python_computes_on_threads_and_on_a_cluster_of_its_own(root):
    site = inside(root, "sh", "-c", "ls -d /usr/lib64/python3*/site-packages").strip()
    words = ("import mars.tensor as mt; from mars.deploy.local import new_cluster\n"
             "assert mt.ones((10, 10), chunk_size=3).sum().execute() == 100\n"
             "with new_cluster(n_worker=2) as c: assert c.session.run(mt.ones((10, 10), chunk_size=3).sum()) == 100\n")
    inside(root, "env", f"PYTHONPATH={site}", "python3", "-B", "-c", words)


def test_what_is_erased_is_gone(root, packages):
    run("rpm", "--root", root, "-e", *packages)
    left = inside(root, "sh", "-c", "ls -d /usr/bin/mars* /usr/lib/systemd/system/mars* /etc/mars/*.conf "
                                    "/usr/lib64/libmars* /usr/lib64/python3*/site-packages/mars 2>/dev/null || true")
    assert left == ""
