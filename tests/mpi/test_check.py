"""`copympi check` tests the machine under either MPI library."""

from __future__ import annotations

import re
import sys

import pytest

from tests import launch

NAMES = ["MPI library", "ranks connected", "Allreduce", "same arithmetic", "HDF5", "clock"]
LIBRARY = {"mpich": "MPICH ", "openmpi": "Open MPI "}


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
@pytest.mark.parametrize("ranks", [1, 3])
def test_every_line_is_said_once_and_all_is_well(mpi: str, ranks: int) -> None:
    done = launch.mpiexec(ranks, "-m", "copympi", "check", mpi=mpi)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [re.fullmatch(r"  (ok|failed) +([\w ]+?): (.+)", line) for line in done.stdout.splitlines()]
    assert all(found), done.stdout
    said = {match[2]: (match[1], match[3]) for match in found if match}
    assert [match[2] for match in found if match] == NAMES
    assert {state for state, _ in said.values()} == {"ok"}
    assert said["MPI library"][1].startswith(LIBRARY[mpi]), "the library of the launcher, not another"
    assert said["ranks connected"][1].startswith("3 of 3" if ranks == 3 else "1 rank")
    assert "int64 sums exact" in said["Allreduce"][1]
    assert said["same arithmetic"][1] == "all ranks compute the same bits"
    assert re.match(r"(serial|parallel) \(h5py [\d.]+, HDF5 [\d.]+\); ", said["HDF5"][1])


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_what_fails_on_one_rank_fails_on_all(mpi: str) -> None:
    """Rank 1 alone cannot write where files are tried: everyone exits 1, and the line says so."""
    python = [sys.executable, "-m", "copympi", "check"]
    broken = ["env", "TMPDIR=/proc/nowhere", sys.executable, "-c"]
    script = "import tempfile; tempfile.tempdir = '/proc/nowhere'; from copympi.cli.main import main; main(['check'])"
    job = [*launch.launcher(mpi), "-n", "1", *python, ":", "-n", "1", *broken, script]
    done = launch.run(job)
    assert done.returncode == 1
    assert done.stdout.count("  failed  HDF5: failed on another rank") == 1
    assert done.stdout.count("  failed  HDF5 on rank 1: FileNotFoundError") == 1
    assert done.stdout.count("  failed") == 2
    assert done.stdout.count("  ok      clock: ") == 1, "the tests that follow still run"


def test_processes_that_do_not_belong_together_are_refused() -> None:
    done = launch.mpiexec(2, "-m", "copympi", "check", env={"MPI4PY_MPIABI": "openmpi"})
    assert done.returncode in (1, 2)
    assert len([line for line in done.stderr.splitlines() if line.startswith("copympi: error: ")]) == 1
    assert "Traceback" not in done.stderr
