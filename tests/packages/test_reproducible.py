# SPDX-License-Identifier: Apache-2.0
"""The same tree gives the same packages, wherever and whenever and by whomever they are built. Those to compare with
come from MARS_PACKAGES, or from where test_packages.py leaves them, or are built, too."""
import hashlib
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]


def sums(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.deb")}


def build(folder, **environment):
    subprocess.run([TOP / "tools/package-deb", folder], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, **environment})
    return sums(folder)


def test_two_builds_are_identical(tmp_path):
    first = sums(pathlib.Path(os.environ.get("MARS_PACKAGES", TOP / "build/packages"))) or build(tmp_path / "first")
    mask = os.umask(0o077)
    try:
        second = build(tmp_path / "another-place", TZ="Asia/Tokyo", LC_ALL="C", CCACHE_DISABLE="1")
    finally:
        os.umask(mask)
    assert len(second) >= 9
    assert {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)} == set()
