#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the manual page mars(3) from mars.h: what its comments say, and what they say it of.

    tools/manual_of_header.py lib/mars.h > mars.3

A comment that stands alone is about the declarations that follow it; one behind a declaration, a field or a value is
about that. The first one of the file is the description.
"""
import re
import sys
import textwrap

COLUMNS = 66  # of declarations, which stand indented in a terminal of 80
EXAMPLE_COLUMNS = 77


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "\\&...")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)


def words_of(comment):
    """The lines of a comment without its frame."""
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in comment.strip()[2:-2].strip().split("\n")]


def broken(line, columns, indent):
    """A long line in several, which end with commas or semicolons."""
    own = re.match(" *", line)[0]
    text = own + re.sub(r"(?<![,;{]) ", "\N{NO-BREAK SPACE}", line.lstrip())
    return [part.replace("\N{NO-BREAK SPACE}", " ")
            for part in textwrap.wrap(text, columns, subsequent_indent=indent, break_on_hyphens=False)]


def prose(lines):
    """Paragraphs, and between them what is indented: examples."""
    example = False
    for line in lines:
        if line.startswith("        ") and not example:
            yield ".PP\n.in -4n\n.EX"
            example = True
        if line and not line.startswith(" ") and example:
            yield ".EE\n.in"
            example = False
        if example:
            yield from map(escape, broken(line[8:], EXAMPLE_COLUMNS, re.match(" *", line)[0]) or [""])
        else:
            yield escape(line) if line else ".PP"
    if example:
        yield ".EE\n.in"


def wrapped(declaration):
    yield ".nf"
    for line in broken(" ".join(declaration.split()), COLUMNS, "    "):
        yield f"\\fB{escape(line)}\\fR"
    yield ".fi"


MEMBER = re.compile(
    r"\s*(?P<before>/\*.*?\*/)"
    r"|\s*(?P<text>[^;,{}/]+[;,{]|\}[^;]*;|[^;,{}/]+$)(?:\s*(?P<about>/\*.*?\*/))?",
    re.DOTALL)


def members(body, ends):
    """Fields of a structure or values of an enumeration, each with its comment; an inner one is one field."""
    text = said = ""
    for part in MEMBER.finditer(body):
        if part["before"]:
            said = " ".join(" ".join(words_of(part["before"])).split())
            continue
        text += " " + " ".join(part["text"].split())
        if text.count("{") == text.count("}") and text.endswith(ends) or not part["text"].endswith(tuple(",;{")):
            about = " ".join(words_of(part["about"] or "/**/"))
            if text.strip():
                yield text.strip(" ,"), " ".join(f"{said} {about}".split())
            text = said = ""


def aggregate(head, body, tail, said):
    """A type: its name, what is said of it, then what it has."""
    yield from wrapped(f"{head} {{...}}{tail};")
    yield from said
    yield ".RS"
    parts = list(members(body, "," if "enum" in head else ";"))
    if any(about for _, about in parts):
        for text, about in parts:
            yield from (".TP", f"\\fB{escape(text)}\\fR", *filter(None, [escape(about)]))
    elif "enum" in head:
        yield from prose([", ".join(text for text, _ in parts)])
    else:
        yield from (".nf", *(line for text, _ in parts for line in list(wrapped(text))[1:-1]), ".fi")
    yield ".RE"


PIECE = re.compile(
    r"/\* -{4} (?P<title>[^\n]+)\n.*?\*/\n"
    r"|(?P<comment>^/\*.*?\*/)\n"
    r"|^static inline (?P<inline>[^{]*?\)) \{\n.*?^\}"
    r"|^(?P<head>(?:typedef )?(?:struct|enum)(?: \w+)?) \{(?P<body>.*?)^\}(?P<tail>[^;]*);"
    r"|^(?P<macro>#define MARS_\w+ [^\n/]+)"
    r"|^(?P<plain>(?!static|#|extern|\})\w[^;{]*;)(?P<about>[ ]*/\*.*?\*/)?",
    re.DOTALL | re.MULTILINE)


def page(header):
    version = re.search(r'#define MARS_VERSION "([^"]+)"', header)[1]
    names = sorted(set(re.findall(r"\b(mars_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL))))
    yield f'.TH mars 3 "" "Mars {version}" "Mars"'
    yield ".SH NAME"
    yield escape(", ".join(["mars", *names])) + " \\- chunked tensors with NumPy's semantics"
    yield ".SH SYNOPSIS\n.nf\n.B #include <mars.h>\n.PP"
    yield "cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs mars)\n.fi"
    yield ".SH DESCRIPTION"
    said = []  # of what comes next
    body = header[header.index("/* libmars"):]
    first = PIECE.match(body)
    yield from prose(words_of(first["comment"]))
    for piece in PIECE.finditer(body, first.end()):
        if piece["title"]:
            yield f".SH {piece['title'].upper()}"
            continue
        if piece["comment"]:
            said = [".RS", *prose(words_of(piece["comment"])), ".RE"]
            continue
        yield ".PP"
        if piece["head"]:
            yield from aggregate(piece["head"], piece["body"], piece["tail"], said)
        else:
            yield from wrapped(piece["inline"] + ";" if piece["inline"] else piece["macro"] or piece["plain"])
            if piece["about"]:
                yield from (".RS", *prose(words_of(piece["about"])), ".RE")
            yield from said
        said = []
    yield ".SH SEE ALSO\n.BR mars (7),\n.BR mars.conf (5)"


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print("\n".join(page(file.read())))
