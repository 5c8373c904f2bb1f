#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages are roff that groff has nothing to say about, and fit into 80 columns."""
import subprocess
import sys

bad = 0
for page in sys.argv[1:]:
    made = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-rLL=78n", "-P-c", "-P-b", "-P-u", page],
                          capture_output=True, text=True)
    wide = [line for line in made.stdout.splitlines() if len(line) > 80]
    for words in [made.stderr, *(f"wider than 80 columns: {line}" for line in wide)]:
        if words:
            print(f"{page}: {words}")
            bad += 1
    if made.stdout.count("\n") < 50:
        print(f"{page}: an empty page")
        bad += 1
print(f"{len(sys.argv) - 1} pages, {bad} complaints")
sys.exit(made.returncode or bad > 0)
