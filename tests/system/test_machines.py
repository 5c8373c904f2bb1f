# SPDX-License-Identifier: Apache-2.0
"""Clusters of several machines, as the guide describes them: a key, two commands for each machine more, and nobody
else."""
import contextlib
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mars.session import new_session  # noqa: E402
from programs import N, digest, program  # noqa: E402
from rig import Rig, lacking  # noqa: E402

HERE = pathlib.Path(__file__).parent
SCRIPT = f"""if True:
    import sys
    sys.path.insert(0, {str(HERE)!r})
    from mars.session import new_session
    from programs import N, digest, program
    try:
        with new_session(sys.argv[1], key_file=sys.argv[2]) as s:
            print(*[digest(s.run(*program(k))) for k in range(N)])
    except Exception as error:
        print("refused:", error)"""


@pytest.fixture(scope="module")
def rig():
    words, left_out = lacking()
    if left_out:
        pytest.skip(words)
    assert not words, words
    with Rig() as made:
        made.cluster(2)
        made.client = made.machine("client")
        yield made


def computed(rig, key):
    return rig.client.output(sys.executable, "-c", SCRIPT, rig.scheduler_address, str(key)).strip()


def wanted():
    with new_session() as here:
        return " ".join(digest(here.run(*program(k))) for k in range(N))


def test_a_cluster_of_machines_gives_the_bits_of_threads(rig):
    assert computed(rig, rig.key) == wanted()


@contextlib.contextmanager
def apart(rig, one, other):
    """Neither hears the other; all else hear both."""
    one.deafen(other)
    other.deafen(one)
    try:
        yield
    finally:
        one.mend()
        other.mend()


def test_two_machines_that_do_not_reach_each_other_end_the_job_on_one_side(rig):
    said = rig.daemons[0].log.count("does not reach")
    with apart(rig, *rig.machines[1:3]):
        assert computed(rig, rig.key) == wanted()
        assert rig.daemons[0].log.count("does not reach") > said
    assert "has left" not in rig.daemons[0].log


def test_a_copy_of_the_key_and_a_command_let_another_machine_join(rig):
    machine = rig.machine("joiner")
    (rig.folder / "joiner").mkdir()
    key = shutil.copy(rig.key, rig.folder / "joiner/cluster.key")
    rig.daemon(machine, "mars-worker", "-a", machine.address, "-s", rig.scheduler_address, "--key-file", str(key),
               "--socket", "none", "--cache-mem", "64m", "--phy-mem", "1g",
               "--spill-dir", str(rig.disk("joiner", "32m"))).says("joined the scheduler")
    assert len(rig.asked("workers")) == 3
    assert computed(rig, rig.key) == wanted()


def test_two_machines_that_do_not_reach_each_other_are_helped_by_a_third(rig):
    rig.daemons[0].says("try it again when they need to")  # those of before
    said = rig.daemons[0].log.count("does not reach")
    with apart(rig, rig.machines[1], rig.machines[-1]):
        assert computed(rig, rig.key) == wanted()
        assert rig.daemons[0].log.count("does not reach") > said
    assert "has left" not in rig.daemons[0].log


@pytest.mark.parametrize("key, words", [("none", "the key of"), ("other", "refuses our key")])
def test_from_another_machine_nobody_comes_in_without_the_key(rig, key, words):
    if key == "other":
        key = rig.folder / "other.key"
        rig.client.output(shutil.which("marsctl"), "keygen", str(key))
    assert "refused:" in (said := computed(rig, key)) and words in said


def test_a_machine_that_hears_nothing_and_is_heard_does_not_stop_the_others(rig):
    """Long enough for the scheduler to give up the worker; what it had is made again."""
    rig.machines[1].deafen(rig.machines[0])
    rig.machines[1].deafen(rig.client)
    try:
        said = computed(rig, rig.key)
        while "refused:" in said and "worker" in said:
            said = computed(rig, rig.key)
        assert said == wanted()
    finally:
        rig.machines[1].mend()
