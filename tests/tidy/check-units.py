#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The service manager has nothing to say about the units, and knows nothing that their sandboxes leave open: its score
of what a program could do, 0 to 10, is at most that of MOST. The journal's catalog explains each event once."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MOST = {"mars-scheduler.service": 1.5, "mars-web.service": 1.5, "mars-worker.service": 2.0, "mars-worker@.service": 2.0}


def analyze(*words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True)


def exists(folder, unit):
    """With programs that are there: those of the installation may not be."""
    text = re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", unit.read_text(), flags=re.MULTILINE)
    (folder / unit.name).write_text(text)
    return folder / unit.name


bad = []
with tempfile.TemporaryDirectory() as folder:
    units = [exists(pathlib.Path(folder), pathlib.Path(path)) for path in sys.argv[1:]]
    templates = [unit for unit in units if "@" in unit.name]
    for unit in templates:
        shutil.copy(unit, unit.with_name(unit.name.replace("@", "@1")))
    names = [str(unit.with_name(unit.name.replace("@", "@1"))) for unit in units]
    said = analyze("verify", "--man=no", *names)
    words = [line for line in (said.stdout + said.stderr).splitlines() if "mars" in line]
    bad += words + ([f"systemd-analyze verify: exit status {said.returncode}"] if said.returncode and words else [])
    for unit in units:
        if unit.name not in MOST:
            continue
        said = analyze("security", "--offline=true", "--no-pager", str(unit))
        score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
        if not score:
            bad.append(f"{unit.name}: no score: {said.stdout}{said.stderr}")
        elif float(score[1]) > MOST[unit.name]:
            bad.append(f"{unit.name}: exposed by {score[1]}, of at most {MOST[unit.name]}")
            bad += [line for line in said.stdout.splitlines() if line.startswith("✗")]
        else:
            print(f"{unit.name}: exposed by {score[1]}, at most {MOST[unit.name]}")
    missing = MOST.keys() - {unit.name for unit in units}
    bad += [f"{name}: is not there" for name in missing]
top = pathlib.Path(__file__).resolve().parents[2]
events = re.findall(r'EVENT_\w+ +"([0-9a-f]{32})"', (top / "daemons/events.h").read_text())
explained = re.findall(r"^-- ([0-9a-f]{32})\nSubject: \S.*\nDefined-By: Mars$",
                       (top / "units/mars.catalog").read_text(), flags=re.MULTILINE)
bad += [f"units/mars.catalog: {event}: is not explained once" for event in events if explained.count(event) != 1]
bad += [f"units/mars.catalog: {event}: is not in daemons/events.h" for event in explained if event not in events]
print("\n".join(bad))
sys.exit(bool(bad))
