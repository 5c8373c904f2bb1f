# SPDX-License-Identifier: Apache-2.0
"""Runs the public suite of the array API standard (data-apis/array-api-tests) against mars.tensor: with chunks as they
come, and with chunks of two. What fails in either must be exactly what known-failures.txt lists: special cases.

    MARS_ARRAY_API_TESTS=…/array-api-tests    a checkout of the tag below, with its submodule
    MARS_ARRAY_API_PYTHON=…/bin/python        has the suite's requirements.txt, and NumPy; default: this one
    MARS_ARRAY_API_WITHOUT=suite              leaves it out

The suite is not part of the repository. Its examples are the same in every run.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TAG = "2026.02.26"
MOST = 35  # ids that may fail
EXAMPLES = 100  # of each test; the suite's own default
HERE = pathlib.Path(__file__).resolve().parent
MODULES = {
    "default chunks": "mars.tensor",
    "chunk_size=2": "exec('import mars.tensor as xp; from mars.config import options; options.chunk_size = 2')",
}


def refuse(why):
    if os.environ.get("MARS_ARRAY_API_WITHOUT") == "suite":
        print(f"left out, as MARS_ARRAY_API_WITHOUT=suite asks: {why}")
        sys.exit(0)
    sys.exit(f"the suite of the array API standard: {why} (MARS_ARRAY_API_WITHOUT=suite leaves it out)")


def suite():
    place = os.environ.get("MARS_ARRAY_API_TESTS")
    if not place:
        refuse("MARS_ARRAY_API_TESTS does not name a checkout")
    place = pathlib.Path(place)
    if not (place / "array_api_tests").is_dir() or not (place / "array-api" / "spec").is_dir():
        refuse(f"{place} is no checkout with its submodule array-api")
    made = subprocess.run(["git", "-C", place, "describe", "--tags", "--exact-match"], capture_output=True, text=True)
    if made.stdout.strip() != TAG:
        refuse(f"{place} is at {made.stdout.strip() or made.stderr.strip()}, not at the tag {TAG}")
    return place


def known():
    ids = [line.strip() for line in (HERE / "known-failures.txt").read_text().splitlines()]
    return {id for id in ids if id and not id.startswith("#")}


def failures(place, module):
    """The ids that fail, and how many passed."""
    with tempfile.TemporaryDirectory() as scratch:
        report = pathlib.Path(scratch) / "report.xml"
        python = os.environ.get("MARS_ARRAY_API_PYTHON", sys.executable)
        made = subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--derandomize",
             "--disable-deadline", f"--max-examples={EXAMPLES}", f"--junit-xml={report}", "array_api_tests"],
            cwd=place, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "ARRAY_API_TESTS_MODULE": module, "ARRAY_API_TESTS_VERSION": "2024.12"})
        if made.returncode not in (0, 1) or not report.exists():
            sys.exit(f"the suite did not run:\n{made.stdout[-4000:]}")
        cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    failed = {f"{case.get('classname').split('.')[1]}.py::{case.get('name')}" for case in cases
              if case.find("failure") is not None or case.find("error") is not None}
    skipped = sum(case.find("skipped") is not None for case in cases)
    return failed, len(cases) - len(failed) - skipped, made.stdout


def main():
    listed, wrong = known(), False
    others = [id for id in listed if not id.startswith("test_special_cases.py::")]
    if len(listed) > MOST or others:
        sys.exit(f"known-failures.txt lists {len(listed)} ids; at most {MOST} may fail, special cases only: {others}")
    place, seen = suite(), set()
    for words, module in MODULES.items():
        failed, passed, text = failures(place, module)
        print(f"{words}: {passed} passed, {len(failed)} failed, of which {len(failed & listed)} are listed")
        for id in sorted(failed - listed):
            print(f"    fails and is not listed: {id}")
        if failed - listed:
            print(text[-20000:])
            wrong = True
        seen |= failed
    for id in sorted(listed - seen):
        print(f"is listed and does not fail: {id}")
        wrong = True
    sys.exit(wrong)


main()
