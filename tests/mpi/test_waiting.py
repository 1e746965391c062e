"""Ranks that wait leave their cores to others, and a job of more ranks than cores says what it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from copympi import cores
from tests import launch

FEW = min(launch.CORES, cores.quota())
CROWD = int(FEW) + 1
WAITS = """
import time
from pathlib import Path
import numpy as np
from copympi import mpi

comm = mpi.world()
mpi.part_on_node(comm)
if comm.rank == 0:
    time.sleep(0.8)
before = time.process_time()
values = np.array([comm.rank + 1], np.int64)
mpi.total(comm, values)
Path(f"{__file__}.{comm.rank}").write_text(f"{values[0]} {time.process_time() - before}")  # launchers may lose words
"""
CONFIG = """
[system]
hamiltonian = [[0.0, 1.0], [1.0, 0.0]]
[preparation]
members = 1000
density = [0.5, 0.5]
phase = [0.0, 1.5707963267948966]
[dynamics]
duration = 0.2
"""


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_a_rank_that_waits_computes_next_to_nothing(mpi: str, tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(WAITS)
    done = launch.mpiexec(2, str(tmp_path / "waits.py"), mpi=mpi)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        total, computed = (tmp_path / f"waits.py.{rank}").read_text().split()
        assert total == "3"
        assert float(computed) < 0.3  # of 0.8 s: spinning would take them all


def test_more_ranks_than_cores_are_told_so_once(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(CONFIG)
    done = launch.mpiexec(CROWD, "-m", "copympi", "run", "job.toml", "--no-figure", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"copympi: warning: {CROWD} ranks share {FEW:.3g} cores of this machine"), said


def test_a_container_may_use_less_than_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    monkeypatch.setattr(cores, "CGROUPS", tmp_path)
    if sys.platform == "linux":
        assert cores.quota() == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores.quota() == float("inf")
