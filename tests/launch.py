"""Start real MPI jobs, and never let one outlive its time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(sys.prefix) / "bin"
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


def mpiexec(
    ranks: int,
    *command: str,
    mpi: str = "mpich",
    timeout: float = 120.0,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `command` (arguments of this Python) on `ranks` ranks, oversubscribed if need be."""
    full = [*launcher(mpi), "-n", str(ranks), sys.executable, *command]
    return run(full, timeout, cwd, env)


def copympi(
    *arguments: str | Path, cwd: Path | None = None, timeout: float = 120.0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `copympi ...` alone, without a launcher."""
    return run([sys.executable, "-m", "copympi", *map(str, arguments)], timeout, cwd, env)


def run(
    command: list[str], timeout: float, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own; past `timeout` the whole of it is killed by its process id."""
    allow = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
    job = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **allow, "OPENBLAS_NUM_THREADS": "1", **(env or {})},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        out, err = job.communicate()
        pytest.fail(f"no end after {timeout:g} s: {' '.join(command)}\n{out}\n{err}")
    return subprocess.CompletedProcess(command, job.returncode, out, err)
