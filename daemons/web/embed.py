#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file as a constant of C: embed.py FILE NAME."""
import pathlib
import sys

data, name = pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2]
print(f"#include <stddef.h>\nextern const char {name}[];\nextern const size_t {name}_bytes;")
print(f"const size_t {name}_bytes = {len(data)};\nconst char {name}[] = {{")
for at in range(0, len(data), 16):
    print("".join(f"{byte if byte < 128 else byte - 256}, " for byte in data[at:at + 16]))
print("0 };")
