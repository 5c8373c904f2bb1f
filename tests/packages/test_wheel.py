# SPDX-License-Identifier: Apache-2.0
"""The wheel, in an environment of its own: what the user's first document does after `pip install`."""
import os
import pathlib
import re
import subprocess
import sys
import textwrap
import zipfile

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def run(*words, **kwargs):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where wheel and sdist are; MARS_WHEEL: a directory in which they are already."""
    there = os.environ.get("MARS_WHEEL")
    if there:
        return pathlib.Path(there)
    folder = tmp_path_factory.mktemp("wheel")
    run(TOP / "tools/package-wheel", folder)
    return folder


@pytest.fixture(scope="module", params=["", "[distributed]"])
def python(request, folder, tmp_path_factory):
    """Runs a program in an environment that has the wheel and this machine's NumPy."""
    place = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--system-site-packages", place)
    (wheel,) = folder.glob("pymars-*.whl")
    run(place / "bin/pip", "install", "--no-index", "--disable-pip-version-check", f"{wheel}{request.param}")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_LIBRARY"))}
    clean["PATH"] = "/usr/bin:/bin"
    return lambda program: run(place / "bin/python", "-c", textwrap.dedent(program), env=clean, cwd=place)


def test_it_is_one_wheel_for_many_pythons_and_a_source(folder):
    (wheel,) = folder.glob("pymars-*.whl")
    assert "abi3-manylinux" in wheel.name
    assert len(list(folder.glob("pymars-*.tar.gz"))) == 1


def test_it_says_whose_the_libraries_are_that_it_brings(folder):
    (wheel,) = folder.glob("pymars-*.whl")
    with zipfile.ZipFile(wheel) as files:
        brought = {re.sub("-[0-9a-f]{8}(?=[.])", "", name.partition("/")[2], count=1) for name in files.namelist()
                   if name.startswith("pymars.libs/")}
        texts = {name.partition("/licenses/")[2]: files.read(name).decode() for name in files.namelist()
                 if "/licenses/" in name}
    assert len(brought) > 5
    assert brought <= texts.keys()
    assert any(name.startswith("libopenblas") and "BSD" in text for name, text in texts.items())


def test_it_computes_on_threads(python):
    assert python("""
        import mars.tensor as mt
        from mars.session import new_session
        a = mt.ones((5, 5), chunk_size=3)
        b = a * 4
        b.execute()
        sess = new_session()
        print(sess.run(b).sum())
        """) == "100.0\n"


def test_it_brings_the_daemons_of_a_local_cluster(python):
    assert python("""
        import mars, mars.tensor as mt
        from mars.deploy.local import new_cluster
        with new_cluster(n_worker=2) as cluster:
            print(cluster.session.run((mt.random.rand(1000, 1000, chunk_size=300) < 2).sum()))
        """) == "1000000\n"
