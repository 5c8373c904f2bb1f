#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who has the installed library only can build against it: `pkg-config --cflags --libs mars` after `meson install`, the
program at the head of mars.h as C11 without extensions, and the header alone as C++, without a warning. (C++ has no
anonymous structures but as an extension.)"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

source, build = map(pathlib.Path, sys.argv[1:3])
WARNINGS = ["-Wall", "-Wextra", "-Werror"]

with tempfile.TemporaryDirectory() as root:
    root = pathlib.Path(root)
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", root / "tree"], check=True)
    found = list((root / "tree").rglob("mars.pc"))
    assert len(found) == 1, f"pkg-config files: {found}"
    env = {**os.environ, "PKG_CONFIG_LIBDIR": str(found[0].parent), "PKG_CONFIG_SYSROOT_DIR": str(root / "tree")}
    flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "mars"], env=env, text=True).split()
    installed = list((root / "tree").rglob("*.h"))
    assert [h.name for h in installed] == ["mars.h"], f"installed headers: {installed}"

    head = re.search(r"\n \*\n((?: \*(?:         .*)?\n)+) \* \w", installed[0].read_text()).group(1)
    program = re.sub(r"^ \*", "", head, flags=re.M)
    (root / "head.c").write_text(f'#include <mars.h>\n#include <stdio.h>\n\nint main(void) {{\n{program}'
                                 '        printf("%g\\n", values[24]);\n        return 0;\n}\n')
    (root / "head.cc").write_text("#include <mars.h>\n\nint main() { return !mars_version(); }\n")
    for compiler, standard, name in (("cc", ["-std=c11", "-Wpedantic"], "head.c"), ("c++", ["-std=c++14"], "head.cc")):
        subprocess.run([compiler, *standard, *WARNINGS, "-o", root / name[:4], root / name, *flags], check=True)
        libraries = ":".join({str(p.parent) for p in (root / "tree").rglob("libmars.so*")})
        made = subprocess.run([root / name[:4]], env={**os.environ, "LD_LIBRARY_PATH": libraries}, check=True,
                              capture_output=True, text=True)
        assert name == "head.cc" or made.stdout == "4\n", f"the program printed {made.stdout!r} {made.stderr!r}"
print("the installed library can be built against, in C and in C++")
