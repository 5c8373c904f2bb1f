# SPDX-License-Identifier: Apache-2.0
"""The example for Slurm under the distribution's own daemons, on one machine."""
import os
import pathlib
import subprocess
import sys

import pytest
from rig import SECONDS, lacking, wait_for

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples/slurm"
CONFIGURATION = """\
ClusterName=mars
SlurmctldHost={host}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort=17817
SlurmdPort=17818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
NodeName={host} CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture
def slurm(tmp_path):
    """The environment of somebody who submits."""
    words, left_out = lacking()
    if left_out:
        pytest.skip(words)
    assert not words, words
    host = os.uname().nodename.split(".")[0]
    for name in ("state", "spool"):
        (tmp_path / name).mkdir()
    (tmp_path / "slurm.conf").write_text(CONFIGURATION.format(host=host, folder=tmp_path))
    (tmp_path / "munge.key").write_bytes(os.urandom(1024))
    (tmp_path / "munge.key").chmod(0o400)
    environment = dict(os.environ, SLURM_CONF=str(tmp_path / "slurm.conf"), MARS_KEY_FILE=str(tmp_path / "key"),
                       MARS_PORT="17103", TMPDIR=str(tmp_path),
                       PATH=os.path.dirname(sys.executable) + ":" + os.environ["PATH"])  # the job's python3 is ours
    log = open(tmp_path / "log", "wb")
    begun = []
    try:
        for command in (["munged", "--foreground", "--force", f"--key-file={tmp_path}/munge.key",
                         f"--socket={tmp_path}/munge.socket", f"--pid-file={tmp_path}/munge.pid",
                         f"--log-file={tmp_path}/munge.log", f"--seed-file={tmp_path}/munge.seed"],
                        ["slurmctld", "-D"], ["slurmd", "-D"]):
            begun.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
            if command[0] == "munged":
                wait_for((tmp_path / "munge.socket").exists, lambda: (tmp_path / "log").read_text())
        wait_for(lambda: "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True,
                                                  text=True, timeout=SECONDS).stdout,
                 lambda: (tmp_path / "log").read_text())
        yield environment
    finally:
        for process in reversed(begun):
            process.terminate()
        for process in begun:
            process.wait(SECONDS)


def test_a_job_has_a_cluster_of_its_own_while_it_lasts(slurm, tmp_path):
    subprocess.run(["marsctl", "keygen", slurm["MARS_KEY_FILE"]], check=True, capture_output=True)
    done = subprocess.run(["sbatch", "--wait", "--mem=1000", f"--output={tmp_path}/out", EXAMPLES / "mars.sbatch",
                           EXAMPLES / "program.py"], env=slurm, capture_output=True, text=True, timeout=3 * SECONDS)
    out = (tmp_path / "out").read_text()
    assert done.returncode == 0, done.stderr + out
    mean, largest = next(map(float, line.split()) for line in out.splitlines() if line[:4] == "1000")
    assert 990 < mean < 1010 and largest > mean
    left = subprocess.run(["pgrep", "-f", "mars-(worker|scheduler).*17103"], capture_output=True, text=True)
    assert left.stdout == "", out


