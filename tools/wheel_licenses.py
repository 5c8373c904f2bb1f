#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts into a wheel the license of each library that auditwheel has put into it: the file of the Debian package from
which it comes, as *.dist-info/licenses/LIBRARY.

        tools/wheel_licenses.py WHEEL
"""
import pathlib
import re
import subprocess
import sys
import tempfile


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def license_of(library):
    """The text that the package of a library of this machine has."""
    paths = map(pathlib.Path, re.findall(r" => (/\S+)$", run("/sbin/ldconfig", "-p"), re.MULTILINE))
    path = next((str(path.resolve()) for path in paths if library in (path.name, path.resolve().name)), None)
    if not path:
        sys.exit(f"{library}: where it comes from is not known")
    for name in (path, path.removeprefix("/usr")):  # as it was packaged before /lib was /usr/lib
        said = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True).stdout
        if said:
            return pathlib.Path("/usr/share/doc", said.split(":")[0], "copyright").read_text()
    sys.exit(f"{path}: is of no package, so what its license is has to be said here")


wheel = pathlib.Path(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    run(sys.executable, "-m", "wheel", "unpack", "--dest", folder, wheel)
    (tree,) = pathlib.Path(folder).iterdir()
    (info,) = tree.glob("*.dist-info")
    (info / "licenses").mkdir(exist_ok=True)
    for library in sorted((tree / f"{wheel.name.partition('-')[0]}.libs").iterdir()):
        name = re.sub(r"-[0-9a-f]{8}(?=[.])", "", library.name, count=1)
        (info / "licenses" / name).write_text(license_of(name))
    run(sys.executable, "-m", "wheel", "pack", "--dest-dir", wheel.parent, tree)  # of the same name
