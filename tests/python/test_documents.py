# SPDX-License-Identifier: Apache-2.0
"""What the documents show runs as it is written: the Python of the README and of the user guide, block by block, in one
process per document, with warnings as errors; and `from a clone to an operator` names operators that there are."""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def blocks(name):
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S)


@pytest.mark.parametrize("name", ["README.md", "docs/USER-GUIDE.md"])
def test_python_of_a_document_runs_as_it_is_written(name, tmp_path):
    assert blocks(name)
    program = "\n".join(blocks(name))
    made = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True,
                          timeout=600)
    assert made.returncode == 0, made.stderr


def test_files_that_a_document_points_to_are_there():
    for name in ("README.md", "docs/USER-GUIDE.md", "docs/HACKING.md", "docs/ARCHITECTURE.md"):
        here = (ROOT / name).parent
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / name).read_text()):
            assert "://" in target or (here / target).exists(), f"{name}: {target}"
