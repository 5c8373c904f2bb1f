# SPDX-License-Identifier: Apache-2.0
"""What notebooks show of a tensor: its properties in a table, its chunks as a picture."""
import html as _html

SIDE, LEAST, MOST_LINES = 160, 24, 40


class Drawing(str):
    """A text that notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self):
        return str(self) if self.lstrip().startswith("<") else None


def _bytes(n):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if n < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024
    return f"{n:.4g} TiB"


def _lines(lengths, side):
    """Where the edges of the chunks are on a side of so many points; of many chunks only some."""
    total, at, edges = sum(lengths) or 1, 0, [0.0]
    for n in lengths:
        at += n
        edges.append(side * at / total)
    step = -(-len(edges) // MOST_LINES)
    return edges[::step] + ([side] if edges[::step][-1] != side else [])


def _svg(nsplits):
    splits = (nsplits if len(nsplits) > 1 else ((1,),) + nsplits)[-2:]
    lengths = [sum(s) for s in splits]
    scale = SIDE / max(max(lengths), 1)
    height, width = (max(LEAST, n * scale) for n in lengths)
    lines = [f'<line x1="0" x2="{width:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>' for y in _lines(splits[0], height)]
    lines += [f'<line y1="0" y2="{height:.0f}" x1="{x:.1f}" x2="{x:.1f}"/>' for x in _lines(splits[1], width)]
    return (f'<svg width="{width + 2:.0f}" height="{height + 2:.0f}" viewBox="-1 -1 {width + 2:.0f} {height + 2:.0f}" '
            f'stroke="#8a6d3b"><rect width="{width:.0f}" height="{height:.0f}" fill="#f7e7c3"/>{"".join(lines)}</svg>')


def html(t):
    dims = t._known_shape
    rows = [("shape", "(" + ", ".join("?" if n < 0 else str(n) for n in dims) + ("," if len(dims) == 1 else "") + ")"),
            ("dtype", str(t.dtype)), ("operator", t.op), ("values", "computed" if t.executed else "not computed")]
    picture = ""
    if min(dims, default=0) >= 0:
        nsplits, n_chunks = t.nsplits, 1
        for lengths in nsplits:
            n_chunks *= len(lengths)
        rows += [("bytes", _bytes(t.nbytes)), ("chunks", f"{n_chunks} of {tuple(max(s) for s in nsplits)}")]
        picture = _svg(nsplits) if nsplits else ""
    cells = "".join(f"<tr><th>{name}</th><td>{_html.escape(text)}</td></tr>" for name, text in rows)
    return f"<table><tr><td><table>{cells}</table></td><td>{picture}</td></tr></table>"
