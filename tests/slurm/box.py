"""A small real SLURM for tests (slurm-box), and the scripts of jobs/, edited as a user would, submitted to it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("COPYMPI_SLURM_BOX", REPO.parent / "shared/tools/slurm-box"))
OPENMPI = Path(os.environ.get("COPYMPI_OPENMPI", f"{sys.prefix}-openmpi"))
"""An environment whose h5py writes in parallel through Open MPI: tests/provide-parallel-hdf5."""
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "ip", "pgrep", "nsenter")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


def need(there: bool, what: str) -> None:
    """A missing part fails under CI, else skips and says so."""
    if not there:
        if os.environ.get("CI") == "true":
            pytest.fail(f"missing: {what}")
        pytest.skip(f"missing: {what}")


class Box:
    """The cluster: hosts node1 and node2 with 4 CPUs each."""

    def __init__(self) -> None:
        if not TOOL.exists():  # no package has it: outside its authors' workplace even CI does without
            pytest.skip(f"missing: slurm-box ({TOOL}, or set COPYMPI_SLURM_BOX)")
        need(os.geteuid() == 0, "root, for slurm-box")
        absent = [name for name in PROGRAMS if not shutil.which(name)]
        need(not absent, f"{', '.join(absent)} (tests/provide-slurm)")
        self.folder = tempfile.mkdtemp(prefix="box-")
        os.chmod(self.folder, 0o755)  # munge asks for it
        self.jobs: list[str] = []
        allow = {
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_mpi_yield_when_idle": "1",
        }
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "PMI", "OMPI_COMM"))}
        own = {"SLURM_BOX": self.folder, "TMPDIR": f"{self.folder}/tmp"}  # each host has a tmp of its own there
        self.env = {**clean, **allow, **own, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        try:
            self.call(str(TOOL), "up", "2")
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """End all of it, whatever state it is in."""
        subprocess.run(
            [str(TOOL), "down"],
            env=self.env,
            check=False,
            timeout=300,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, *command: str, cwd: Path | None = None) -> str:
        """What a command prints; its failure is the test's. Daemons it leaves behind keep its output open."""
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                command,
                env=self.env,
                cwd=cwd,
                timeout=300,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                check=False,
            )
            said.seek(0)
            text = said.read()
        assert done.returncode == 0, f"{' '.join(command)}:\n{text}"
        return text

    def host(self, what: str, number: int) -> None:
        """Crash, revive, cut or join a host."""
        self.call(str(TOOL), what, str(number))

    def submit(self, script: Path, *options: str) -> str:
        """Submit a script from its own folder; returns the job's number."""
        job = self.call("sbatch", "--parsable", *options, script.name, cwd=script.parent).strip()
        self.jobs.append(job)
        return job

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
        for number in (1, 2):
            self.host("join", number)
        if self.call("squeue", "-h").strip():
            self.call("scancel", "--user", "root")
        until(lambda: not self.call("squeue", "-h").strip(), 600, "no more jobs")
        until(lambda: self.call("sinfo", "-h", "-N", "-o", "%T").split() == ["idle"] * 2, 600, "idle hosts")


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
