"""Start real MPI jobs, and never let one outlive its time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(sys.prefix) / "bin"
PATIENCE = 900.0
"""Seconds after which a job is taken to hang: far more than any takes on shared cores or a slow disk."""
CORES = len(os.sched_getaffinity(0))
FLAVOURS = ("mpich", "openmpi")
MISSING = {"mpich": "MPICH's wheel (pip install mpich)", "openmpi": "Open MPI (apt-get install openmpi-bin)"}


def launcher(mpi: str) -> list[str]:
    """The command that starts jobs under an MPI library; a missing one fails under CI, else skips and says so."""
    if mpi == "mpich":
        path = shutil.which("mpiexec", path=str(HERE))
        found = [path] if path else []
    else:
        path = shutil.which("mpiexec.openmpi")
        found = [path, "--oversubscribe"] if path else []
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{MISSING[mpi]} is missing")
        pytest.skip(f"{MISSING[mpi]} is missing")
    return found


def openmpi(ranks: int) -> dict[str, str]:
    """Open MPI's settings for so many ranks: they may be root's, and give way to each other where cores are too few.

    Measured on two cores: with more ranks than cores, those that wait without giving way do 50 Allreduces a second in
    place of 180,000; where each could have a core, but other work goes on there, those that give way do 200 in place
    of 29,000.
    """
    allow = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return {**allow, "OMPI_MCA_mpi_yield_when_idle": "1" if ranks > CORES else "0"}


def environment(ranks: int) -> dict[str, str]:
    """This process's, for a job of so many ranks of one thread each."""
    return {**os.environ, **openmpi(ranks), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def family(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def kill(pids: list[int]) -> None:
    """End these processes at once, as if the power went."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def mpiexec(
    ranks: int,
    *command: str,
    mpi: str = "mpich",
    timeout: float = PATIENCE,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `command` (arguments of this Python) on `ranks` ranks, oversubscribed if need be."""
    full = [*launcher(mpi), "-n", str(ranks), sys.executable, *command]
    return run(full, timeout, cwd, {**openmpi(ranks), **(env or {})})


def copympi(
    *arguments: str | Path, cwd: Path | None = None, timeout: float = PATIENCE, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `copympi ...` alone, without a launcher."""
    return run([sys.executable, "-m", "copympi", *map(str, arguments)], timeout, cwd, env)


def run(
    command: list[str], timeout: float = PATIENCE, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own; past `timeout` all its processes are killed by their ids."""
    job = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment(CORES + 1) | (env or {}),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(family(job.pid))
        out, err = job.communicate()
        pytest.fail(f"no end after {timeout:g} s: {' '.join(command)}\n{out}\n{err}")
    return subprocess.CompletedProcess(command, job.returncode, out, err)
