# SPDX-License-Identifier: Apache-2.0
"""No kernel has a fused multiply-add: not every CPU level has one, and it rounds once where two operations round twice.

gcc 12 makes vfmaddsub of complex products in spite of -ffp-contract=off; a CPU without AVX-512 cannot notice it at the
highest level by running. So this looks at the instructions.

    python3 no-fused.py build/lib/libmars.so
"""
import re
import subprocess
import sys

FUSED = re.compile(r"\tvfn?m(add|sub)")


def main(path):
    found, function = {}, "?"
    with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", path], stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            if line.endswith(">:\n"):
                function = line.split("<")[1].split(">")[0]
            elif FUSED.search(line):
                found[function] = found.get(function, 0) + 1
    for name, n in found.items():
        print(f"{name}: {n} fused multiply-adds")
    return 1 if found or p.returncode else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
