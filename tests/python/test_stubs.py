# SPDX-License-Identifier: Apache-2.0
"""What type checkers read: the stubs are those of the functions, mypy accepts them, and finds what is wrong with their
use."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = sorted((ROOT / "python/mars/tensor").glob("*.pyi"))

RIGHT = """
import numpy as np

import mars.tensor as mt

a: mt.Tensor = mt.ones((5, 5), chunk_size=3)
b: mt.Tensor = (a * 4 + 1).sum(axis=0, keepdims=True)
c: mt.Tensor = mt.linalg.inv(a) @ b.T
shape: tuple[int, ...] = c.shape
values: np.ndarray = c.to_numpy()
truth: bool = bool((a > 0).all()) and mt.isdtype(a.dtype, "numeric")
parts: mt.ExecutableTuple = mt.linalg.qr(a)
total: mt.Tensor = mt.add.reduce(a, axis=None)
mt.add.at(a, [0, 0], 1)
"""
WRONG = {
    "mt.ones(3, chunksize=2)": "call-arg",
    "n: int = mt.zeros(3)": "assignment",
    "mt.ones(3).sum(keepdims='yes')": "arg-type",
    "mt.ones(3).nothing()": "attr-defined",
    "mt.fft.fft()": "call-arg",
}


def mypy(tmp_path, *args):
    made = subprocess.run(["mypy", "--follow-imports=silent", "--cache-dir", tmp_path / "cache", *args], text=True,
                          capture_output=True, cwd=tmp_path, env={"MYPYPATH": str(ROOT / "python"), "PATH": "/usr/bin"})
    return made.stdout + made.stderr


def test_stubs_are_what_the_functions_say():
    subprocess.run([sys.executable, ROOT / "tools/stubs.py", "--check", ROOT / "python/mars/tensor"], check=True)


def test_mypy_accepts_the_stubs(tmp_path):
    assert len(STUBS) == 7
    assert "Success" in (words := mypy(tmp_path, "--strict", *STUBS)), words


def test_mypy_accepts_a_program_and_finds_mistakes(tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(RIGHT)
    wrong.write_text("import mars.tensor as mt\n" + "\n".join(WRONG) + "\n")
    assert "Success" in (words := mypy(tmp_path, right)), words
    words = mypy(tmp_path, wrong)
    for line, kind in enumerate(WRONG.values(), 2):
        assert any(f"wrong.py:{line}: error" in word and f"[{kind}]" in word for word in words.splitlines()), words
