# SPDX-License-Identifier: Apache-2.0
"""tools/means, on machines that are a directory of programs: each does nothing well, but for those that a test makes
fail. And the stages that ask it: where it says that something is lacking they fail, and are left out by name only."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
MEANS = TOP / "tools/means"
STAGES = {"system": "namespaces", "packages": "containers", "rpm": "containers"}
NEEDED = {stage: re.search(rf"^{stage}\)\n(?:        leaves_out=.*\n)?        programs (.*)$", MEANS.read_text(),
                           re.MULTILINE)[1].split() for stage in STAGES}
ASKED = {  # of the kernel: who is asked, and what is lacking where that fails
    "system": {"unshare": ("network namespaces", "cables (veth)", "rules of nftables")},
    "packages": {"unshare": ("namespaces of a container", "switches (bridge)", "disks over others (overlay)"),
                 "mkdir": ("cgroups",)},
    "rpm": {"unshare": ("disks over others (overlay)",)},
}


class Machine:
    def __init__(self, folder, stage):
        self.folder = folder
        folder.mkdir()
        for name in ("bash", "sh"):
            (folder / name).symlink_to(f"/bin/{name}")
        for name in ("unshare", "mkdir", "rmdir", *NEEDED[stage]):
            self.program(name, "exit 0")
        self.program("id", '[ "$1" = -u ] && echo 0 || echo root')

    def program(self, name, script):
        (self.folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / name).chmod(0o755)

    def environment(self, without=None):
        return {"PATH": str(self.folder)} | ({"MARS_SYSTEM_WITHOUT": without} if without else {})

    def asks(self, stage, without=None):
        """The exit status of tools/means, and what it says."""
        said = subprocess.run([MEANS, stage], env=self.environment(without), capture_output=True, text=True)
        return said.returncode, said.stdout + said.stderr


@pytest.fixture(params=STAGES)
def stage(request):
    return request.param


@pytest.fixture
def machine(tmp_path, stage):
    return Machine(tmp_path / "bin", stage)


def test_a_machine_that_has_all_is_told_nothing(machine, stage):
    assert machine.asks(stage) == (0, "")
    assert machine.asks(stage, without=STAGES[stage]) == (0, ""), "nobody leaves out what can be had"


def test_each_program_that_is_not_there_is_named(machine, stage):
    for name in NEEDED[stage]:
        (machine.folder / name).rename(machine.folder.parent / name)
        status, said = machine.asks(stage)
        assert status == 1
        assert said == f"not here: the program {name}; MARS_SYSTEM_WITHOUT={STAGES[stage]} leaves these tests out\n"
        (machine.folder.parent / name).rename(machine.folder / name)


def test_who_is_not_root_hears_so(machine, stage):
    machine.program("id", '[ "$1" = -u ] && echo 1000 || echo alice')
    status, said = machine.asks(stage)
    assert status == 1
    assert "root (this is alice);" in said


def test_what_the_kernel_refuses_is_named_with_its_words(machine, stage):
    for name, lacking in ASKED[stage].items():
        before = (machine.folder / name).read_text()
        machine.program(name, "echo 'Operation not permitted' >&2; exit 1")
        status, said = machine.asks(stage)
        assert status == 1
        for what in lacking:
            words = "none can be made" if what == "cgroups" else "Operation not permitted"
            assert f" {what} ({words});" in said
        machine.program(name, before)


def test_all_that_is_lacking_is_said_at_once(machine, stage):
    machine.program("id", '[ "$1" = -u ] && echo 1000 || echo alice')
    for name in NEEDED[stage]:
        (machine.folder / name).unlink()
    status, said = machine.asks(stage)
    assert status == 1
    assert all(f"the program {name};" in said for name in NEEDED[stage])
    assert "root" in said


def test_only_who_names_it_leaves_it_out(machine, stage):
    (machine.folder / NEEDED[stage][0]).unlink()
    word = STAGES[stage]
    assert machine.asks(stage, without=word)[0] == 77
    assert f"left out, as MARS_SYSTEM_WITHOUT={word} asks" in machine.asks(stage, without=word)[1]
    for other in ("yes", "1", *set(STAGES.values()) - {word}):
        assert machine.asks(stage, without=other)[0] == 1


def test_a_stage_that_needs_nothing_is_none(machine):
    assert machine.asks("build")[0] == 2


FILES = {"system": ("system/test_machines.py", "system/test_slurm.py"), "packages": ("packages/test_packages.py",),
         "rpm": ("packages/test_rpm.py",)}


def test_the_tests_of_a_stage_fail_where_it_cannot_be_had_and_are_left_out_by_name(machine, stage):
    """The program that is not there is the only reason that they have: nothing is built or started."""
    (machine.folder / NEEDED[stage][0]).unlink()
    for file in FILES[stage]:
        for without, status, outcome in ((None, 1, " error"), (STAGES[stage], 0, " skipped")):
            said = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
                                   TOP / "tests" / file], capture_output=True, text=True,
                                  env={**os.environ, **machine.environment(without)})
            assert said.returncode == status, said.stdout + said.stderr
            assert outcome in said.stdout.strip().split("\n")[-1]
            assert f"the program {NEEDED[stage][0]};" in said.stdout or status == 0
            assert " passed" not in said.stdout
    if stage == "system":
        chaos = [sys.executable, TOP / "tests/system/chaos.py"]
        for without, status in ((None, 1), (STAGES[stage], 77)):
            said = subprocess.run(chaos, env={**os.environ, **machine.environment(without)}, capture_output=True)
            assert said.returncode == status
