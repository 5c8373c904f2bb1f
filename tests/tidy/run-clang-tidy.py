#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over every C file of lib/, daemons/ and python/ once, as .clang-tidy says (operators at one CPU
level).

run-clang-tidy.py SOURCE BUILD [FILE…]: of these files only."""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

root, build = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
files = {}
for entry in json.loads((build / "compile_commands.json").read_text()):
    path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
    if any(path.is_relative_to(root / folder) for folder in ("lib", "daemons", "python")):
        files.setdefault(path, entry)

# clang takes its own view of gcc's command lines: one database with one entry for each file, without the options
# that it lacks.
wanted = {pathlib.Path(name).resolve() for name in sys.argv[3:]} or set(files)
own = build / "clang-tidy"
own.mkdir(exist_ok=True)
for entry in files.values():
    entry["command"] = re.sub(r" -Werror\b| -mmem(set|cpy)-strategy=\S+", "", entry["command"])
(own / "compile_commands.json").write_text(json.dumps(list(files.values())))


def check(path):
    done = subprocess.run(["clang-tidy", "-p", own, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                           "--extra-arg=-Wno-ignored-optimization-argument", path], capture_output=True, text=True)
    return path, done.returncode, done.stdout + (done.stderr if done.returncode else "")


bad = 0
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for path, status, words in pool.map(check, sorted(wanted)):
        if status:
            bad += 1
            print(words)
print(f"{len(wanted)} files, {bad} with findings")
sys.exit(bad > 0)
