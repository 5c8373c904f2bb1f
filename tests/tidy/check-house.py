#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a machine can hold, over all files that git tracks. See docs/HACKING.md."""
import fnmatch
import os
import pathlib
import re
import subprocess
import sys

MAX_COLUMNS, MAX_LINES = 120, 900
SOURCE = {".c", ".h", ".py", ".in", ".build", ".ts", ".tsx", ".mjs", ".css"}

root = pathlib.Path(sys.argv[1])


def tracked():
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if listing.returncode == 0:
        names = listing.stdout.split("\0")
    else:  # an unpacked release has no git
        names = (os.path.relpath(os.path.join(folder, name), root)
                 for folder, folders, files in os.walk(root)
                 if not folders.__setitem__(slice(None), [f for f in folders if not f.startswith((".git", "build"))])
                 for name in files)
    return sorted(name for name in names if name and (root / name).is_file())


# Words that mark unfinished work, and words of the workshop that mean nothing to a reader.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
WORKSHOP = re.compile(r"\b(sub)?ag" r"ents?\b|\b(clau" r"de|anthro" r"pic|chat" r"gpt|copi" r"lot)\b", re.I)
MACHINE_PATH = re.compile(r"""(?<![\w.}/])/(root|work|home/[a-z]+)/""")

# C files without a test file of their own: pattern, and what tests them instead.
TESTED_ELSEWHERE = dict(line.split(":", 1) for line in (root / "tests/tidy/TESTED_ELSEWHERE").read_text().splitlines()
                        if line.strip() and not line.startswith("#"))


def check_text(name, text):
    lines = text.splitlines()
    source = pathlib.Path(name).suffix in SOURCE or text.startswith("#!")
    if source and "SPDX-License-Identifier: Apache-2.0" not in "\n".join(lines[:2]) and ".in" not in name and lines:
        yield 1, "the first line names the licence (SPDX-License-Identifier: Apache-2.0)"
    if source and len(lines) > MAX_LINES:
        yield MAX_LINES, f"{len(lines)} lines are more than one idea (at most {MAX_LINES})"
    if text and not text.endswith("\n"):
        yield len(lines), "the last line does not end"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end"
        if source and "\t" in line and "make -f" not in lines[0]:  # which wants them
            yield number, "a tab"
        if source and len(line) > MAX_COLUMNS:
            yield number, f"{len(line)} columns (at most {MAX_COLUMNS})"
        if UNFINISHED.search(line):
            yield number, "unfinished work"
        if WORKSHOP.search(line):
            yield number, "a word of the workshop"
        if MACHINE_PATH.search(line):
            yield number, "a path of one machine"


def check_tests(names):
    present = set(names)
    for name in names:
        path = pathlib.Path(name)
        if path.suffix != ".c" or path.parts[0] not in ("lib", "daemons"):
            continue
        test = f"tests/{path.parts[-2]}/test-{path.stem}.c"
        if test not in present and not any(fnmatch.fnmatch(name, pattern.strip()) for pattern in TESTED_ELSEWHERE):
            yield name, f"has no test ({test}), and tests/tidy/TESTED_ELSEWHERE does not name another"
    for pattern in TESTED_ELSEWHERE:
        if not fnmatch.filter(names, pattern.strip()):
            yield "tests/tidy/TESTED_ELSEWHERE", f"{pattern.strip()} matches no file"


def check_lists(names):
    """A file that a meson.build forgot would be neither built nor tested nor installed."""
    for folder, pattern, listing in (("lib", "lib/*/*.c", None), ("tests", "tests/*/test-*.c", "tests/meson.build"),
                                     ("daemons", "daemons/*.c", "daemons/meson.build"),
                                     ("tests", "tests/python/test_*.py", "tests/meson.build"),
                                     ("tests", "tests/fuzz/fuzz-*.c", "tests/fuzz/meson.build"),
                                     ("web", "web/src/*", "web/meson.build"),
                                     ("web", "web/tests/*.mjs", "web/tests/meson.build"),
                                     ("python", "python/mars/*.py", "python/mars/meson.build")):
        for name in fnmatch.filter(names, pattern):
            builds = [listing] if listing else ["lib/meson.build", "lib/ops/meson.build"]
            if listing == "python/mars/meson.build":
                wanted = name[len("python/mars/"):]
            elif folder == "web":
                wanted = pathlib.Path(name).name
            elif folder == "daemons":
                wanted = name[len("daemons/"):-len(".c")]
            else:
                wanted = pathlib.Path(name).stem
            if not any(re.search(rf"['/]{re.escape(wanted)}(\.c)?'", (root / build).read_text()) for build in builds):
                yield name, f"is not in {' or '.join(builds)}"


def check_links(name, text):
    """A link of a page that points into the tree points at something."""
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", line):
            if not (root / name).parent.joinpath(target).exists():
                yield number, f"links to {target}, which is not there"


found = []
names = tracked()
for name in names:
    data = (root / name).read_bytes()
    if b"\0" in data or name.startswith(("tests/fuzz/corpus/", "LICENSE", "examples/data/")):
        continue
    try:
        text = data.decode()
    except UnicodeDecodeError:
        found.append(f"{name}: not UTF-8")
        continue
    found += [f"{name}:{number}: {words}" for number, words in check_text(name, text)]
    if name.endswith(".md"):
        found += [f"{name}:{number}: {words}" for number, words in check_links(name, text)]
found += [f"{name}: {words}" for name, words in [*check_tests(names), *check_lists(names)]]
print("\n".join(found) or f"{len(names)} files keep the rules")
sys.exit(bool(found))
