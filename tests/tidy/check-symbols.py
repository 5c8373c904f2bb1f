#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libmars.so exports what mars.h promises: every symbol that leaves it begins with mars_ and is declared there."""
import pathlib
import re
import subprocess
import sys

library, header = sys.argv[1], pathlib.Path(sys.argv[2])
listing = subprocess.check_output(["nm", "--dynamic", "--defined-only", library], text=True)
exported = {line.split()[-1].split("@")[0] for line in listing.splitlines()} - {"MARS_0"}
text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
inline = set(re.findall(r"\bstatic inline [\w *]*?\b(mars_\w+)\(", text))
promised = set(re.findall(r"\b(mars_\w+)\s*\(", text)) - inline
foreign = sorted(name for name in exported if not name.startswith("mars_"))
secret = sorted(exported - promised - set(foreign))
missing = sorted(promised - exported)
for words, names in (("exported, but not ours", foreign),
                     ("exported, but not in mars.h", secret),
                     ("in mars.h, but not exported", missing)):
    if names:
        print(f"{words}: {' '.join(names)}")
print(f"{len(exported)} symbols exported")
sys.exit(bool(foreign or secret or missing))
