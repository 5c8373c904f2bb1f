# SPDX-License-Identifier: Apache-2.0
"""Runs a command of Python's with the packages of a file of requirements, in an environment of its own that is made
when the file is another one than last time: what this build has made, beside another NumPy than the machine's.

    run.py …/environment …/requirements.txt -m pytest …
"""
import os
import pathlib
import shutil
import subprocess
import sys
import venv


def environment(place, requirements):
    """The Python of the environment. Its copy of the file is written last: what was interrupted is made again."""
    made, wanted = place / "requirements.txt", requirements.read_text()
    if not made.exists() or made.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        subprocess.run([place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "--only-binary", ":all:", "--no-deps", "-r", requirements], check=True)
        made.write_text(wanted)
    return place / "bin/python"


place, requirements, *command = sys.argv[1:]
python = environment(pathlib.Path(place), pathlib.Path(requirements))
os.execv(python, [str(python), *command])
