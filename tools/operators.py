#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/OPERATORS.md from the operator table of the library.

    meson devenv -C build python3 ../tools/operators.py > docs/OPERATORS.md
    meson devenv -C build python3 ../tools/operators.py --check docs/OPERATORS.md
"""
import sys

from mars import _core
from mars.tensor.examples import EXAMPLES

FAMILIES = {
    "map": "Element by element, with NumPy's broadcasting. The same bits for every cut, thread count and CPU level.",
    "reduce": (
        "Axes disappear. Elements are merged by a balanced binary tree over their index, so the bits depend "
        "on the tensor alone."
    ),
    "scan": (
        "Running reductions along an axis, by the same tree, or from the left to the right: the same bits for "
        "every cut."
    ),
    "contract": (
        "Sums of products through BLAS. Tiles and blocks depend on shapes alone: the same bits for every cut "
        "on one CPU level; between levels and BLAS versions within n·eps·|a|·|b| for an inner axis of n."
    ),
    "move": "Elements change place, not value.",
    "exchange": "Places or sizes depend on data. The same bits for every cut.",
    "source": "Made from parameters and position. Random numbers depend on seed, draw and element index alone.",
    "sink": "Results leave.",
    "block": (
        "Dense factorizations by LAPACK on whole blocks, whose sizes depend on shapes alone: the same bits "
        "for every cut on one CPU level. Fourier transforms of whole lines: the same bits for every cut on every CPU "
        "level."
    ),
}


def signature(operator):
    parts = [operator.inputs] if operator.inputs else []
    if operator.params:
        parts.append("*")
        parts += [name if fallback is None else f"{name}={fallback}" for name, kind, fallback, doc in operator.params]
    return f"{operator.name}({', '.join(parts)})"


def page():
    yield "# Operators"
    yield ""
    yield "Generated from the operator table (`tools/operators.py`): what the C interface offers by these names, and"
    yield "what the Python functions are made of. Many more NumPy names are composed of them; `help(mars.tensor)`"
    yield "lists all. Hidden operators are made by expansions only."
    visible = sorted((o for o in _core.OPERATORS.values() if not o.hidden), key=lambda o: o.name)
    for family, words in FAMILIES.items():
        members = [o for o in visible if o.family == family]
        if not members:
            continue
        yield ""
        yield f"## {family}"
        yield ""
        yield words
        for o in members:
            yield ""
            yield f"### `{signature(o)}`"
            yield ""
            yield from (line.strip() for line in o.doc.splitlines())
            if o.params:
                yield ""
            for name, kind, fallback, doc in o.params:
                yield f"- `{name}`: {doc}"
            if o.name in EXAMPLES:
                yield ""
                yield "```python"
                yield from EXAMPLES[o.name].strip().splitlines()
                yield "```"


def main():
    text = "\n".join(page()) + "\n"
    if sys.argv[1:2] == ["--check"]:
        with open(sys.argv[2], encoding="utf-8") as file:
            if file.read() != text:
                sys.exit(f"{sys.argv[2]} is not what the operator table says: run tools/operators.py")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
