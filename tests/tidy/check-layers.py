#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lib/LAYERS is the architecture: fails on an include that it does not allow."""
import fnmatch
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
lib = root / "lib"


def read_layers(path):
    modules, headers = {}, {}
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        table = headers if name.startswith("<") else modules
        table[name.strip("<> ")] = set(rest.split())
    return modules, headers


def complaints(modules, headers):
    order = list(modules)
    for module, allowed in modules.items():
        for other in allowed:
            if other not in modules or order.index(other) > order.index(module):
                yield f"lib/LAYERS: {module} stands above {other} and may not include it"
    for path in sorted([*lib.glob("*/*.[ch]"), *root.glob("daemons/**/*.[ch]")]):
        module = path.parent.name if path.is_relative_to(lib) else "daemons"
        if module not in modules:
            yield f"{path.relative_to(root)}: the module {module} is not in lib/LAYERS"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(root)}:{number}"
            inner = re.match(r'\s*#\s*include\s+"(?:([^/"]+)/)?[^"]+"', line)
            outer = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
            if inner and inner[1] and inner[1] != module and inner[1] not in modules[module]:
                yield f"{where}: {module} may not include {inner[1]}"
            if outer:
                for pattern, owners in headers.items():
                    if fnmatch.fnmatch(outer[1], pattern) and module not in owners:
                        yield f"{where}: <{outer[1]}> belongs to {' '.join(sorted(owners)) or 'nobody'}"


found = list(complaints(*read_layers(lib / "LAYERS")))
print("\n".join(found) or "every include is one that lib/LAYERS allows")
sys.exit(bool(found))
