#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the simulation finds bugs: each patch in tests/sim/bugs/ puts one into a copy of one file of lib/, which is
compiled and linked in its place into tests/sim/test-cluster; that must fail within SEEDS seeds.

    tests/sim/find-bugs.py SOURCE BUILD [NAME…]      after  ninja -C BUILD tests/test-cluster

A bug that is not found, or a patch that does not fit any more, is a failure."""
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

SEEDS = 2000
MOST_SECONDS = 120  # of one core for so many, of some fifty: a simulation that does not end has found it, too


def commands(build):
    """The command that compiles each file of lib/, and the one that links the simulation."""
    compiling = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "libcore.a.p" in entry["output"]:
            compiling[str(pathlib.Path(entry["file"]))] = (shlex.split(entry["command"]), entry["output"])
    lines = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "tests/test-cluster"], capture_output=True,
                           text=True, check=True).stdout.splitlines()
    return compiling, shlex.split(lines[-1])


def replaced(command, pairs):
    return [pairs.get(word, word) for word in command]


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 10))


def run(patch, source, build, compiling, linking):
    """What is wrong, or None; and at which seed it was found."""
    text = patch.read_text()
    path = re.search(r"^\+\+\+ b/(\S+)", text, re.MULTILINE).group(1)
    with tempfile.TemporaryDirectory() as name:
        copy = pathlib.Path(name) / path
        copy.parent.mkdir(parents=True)
        copy.write_bytes((source / path).read_bytes())
        applied = subprocess.run(["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "-i", patch.resolve()],
                                 cwd=name, capture_output=True, text=True, check=False)
        if applied.returncode != 0:
            return "the patch does not fit: " + applied.stdout.strip(), None
        original = next(file for file in compiling if file.endswith("/" + path))
        command, output = compiling[original]
        built = str(copy.with_suffix(".o"))
        command = replaced(command, {original: str(copy), output: built, output + ".d": built + ".d"})
        compiled = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            return "it does not compile: " + compiled.stderr.strip(), None
        program = str(pathlib.Path(name) / "test-cluster")
        at = next(k for k, word in enumerate(linking) if word.endswith("test-cluster.c.o"))
        command = replaced(linking, {"tests/test-cluster": program})
        command.insert(at + 1, built)  # before the archive, of which this member is then not needed
        subprocess.run(command, cwd=build, check=True)
        # In one process, which is then the one that is ended.
        ran = subprocess.run([program], env={**os.environ, "SIM_SEEDS": str(SEEDS), "CK_FORK": "no"},
                             preexec_fn=limit, capture_output=True, text=True, check=False)
        if ran.returncode == -signal.SIGXCPU:
            return None, "it does not end"
        if ran.returncode == 0:
            return f"not found within {SEEDS} seeds", None
        seed = re.search(r"seed (\d+)", ran.stdout)
        return None, f"seed {seed.group(1)}" if seed else "a crash"


def main():
    source, build = (pathlib.Path(arg).resolve() for arg in sys.argv[1:3])
    patches = sorted((source / "tests/sim/bugs").glob("*.patch"))
    if sys.argv[3:]:
        patches = [patch for patch in patches if patch.stem in sys.argv[3:]]
    compiling, linking = commands(build)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = pool.map(lambda patch: run(patch, source, build, compiling, linking), patches)
        for patch, (wrong, how) in zip(patches, found):
            failed += wrong is not None
            print(f"{patch.stem:24} {wrong.upper() if wrong else how}", flush=True)
    print(f"{len(patches) - failed} of {len(patches)} bugs were found")
    return 1 if failed or not patches else 0


if __name__ == "__main__":
    sys.exit(main())
