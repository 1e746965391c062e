"""A small real SLURM, and the scripts of jobs/, edited as a user would, submitted to it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, missing

REPO = Path(__file__).resolve().parents[2]
OPENMPI = Path(os.environ.get("COPYMPI_OPENMPI", f"{sys.prefix}-openmpi"))
"""An environment whose h5py writes in parallel through Open MPI: tests/provide-parallel-hdf5."""
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


def need(there: bool, what: str) -> None:
    """A missing part fails under CI, else skips and says so."""
    if not there:
        if os.environ.get("CI") == "true":
            pytest.fail(f"missing: {what}")
        pytest.skip(f"missing: {what}")


class Box:
    """The cluster, and the jobs submitted to it: hosts node1 and node2 with 4 CPUs each."""

    def __init__(self) -> None:
        absent = missing()
        need(not absent, absent)
        self.cluster = Cluster(2)
        self.cluster.env |= {
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_mpi_yield_when_idle": "1",
        }

    def call(self, *command: str, cwd: Path | None = None) -> str:
        """What a command of SLURM's prints; its failure is the test's."""
        done = self.cluster.run(*command, cwd=cwd)
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
        return done.stdout

    def submit(self, script: Path, *options: str) -> str:
        """Submit a script from its own folder; returns the job's number."""
        return self.call("sbatch", "--parsable", *options, script.name, cwd=script.parent).strip()

    def field(self, job: str, name: str) -> str:
        """A field of `scontrol show job`."""
        match = re.search(rf"\b{name}=(\S+)", self.call("scontrol", "show", "job", job))
        assert match, name
        return match[1]

    def end(self, job: str, timeout: float, log: Path) -> str:
        """The state in which a job ends; `log` is shown where it does not."""
        until(lambda: self.field(job, "JobState") in ENDED, timeout, f"end of job {job}", log)
        return self.field(job, "JobState")

    def clear(self) -> None:
        """Leave two idle hosts and no job to the next test."""
        self.cluster.mend()
        if self.call("squeue", "-h").strip():
            self.call("scancel", "--user", "root")
        until(lambda: not self.call("squeue", "-h").strip(), 600, "no more jobs")
        until(lambda: self.cluster.states() == ["idle"] * 2, 600, "idle hosts")


def until(condition: Callable[[], object], timeout: float, what: str, log: Path | None = None) -> None:
    """Wait for a condition; fail after `timeout` seconds with what stands in a log."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() > start + timeout:
            pytest.fail(f"no {what} after {timeout:g} s\n{read(log) if log else ''}")
        time.sleep(0.3)


def read(log: Path) -> str:
    """A job's log; empty while there is none."""
    return log.read_text(errors="replace") if log.exists() else ""


def edited(name: str, folder: Path, environment: Path, **block: str) -> Path:
    """A script of jobs/ in `folder`, with lines of its block changed as a user would."""
    text = (REPO / "jobs" / name).read_text()
    block = {"COMMON": str(REPO / "jobs/common.sh"), **block}
    for key, value in block.items():
        text, count = re.subn(rf"(?m)^{key}=.*$", lambda _, line=f"{key}={value}": line, text, count=1)
        assert count == 1, f"jobs/{name} has no line {key}="
    activate = "# . ~/copympi/bin/activate"
    assert activate in text
    path = folder / name
    path.write_text(text.replace(activate, f". {environment}/bin/activate"))
    return path
