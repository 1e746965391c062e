"""A sweep under launchers: stopped, killed and gone on with, it has the numbers of one that a process alone made."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from copympi.sweep.held import Held
from tests import launch

CONFIG = """
[system]
hamiltonian = [[0.3, 0.5], [0.5, -0.3]]
[preparation]
density = [0.7, 0.3]
[dynamics]
duration = 100.0
leaving_chance = 0.002
representation = "occupation"
[output]
interval = 10.0
[checkpoint]
interval = "0.000001s"
"""
"""With an interval so short each run has a file of its own."""
OVER = ("--over", "preparation.members=1000,100000", "--seeds")
FEW, MANY = "12", "600"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 runs of some 20 ms, of a process alone."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "job.toml").write_text(CONFIG)
    done = launch.copympi("sweep", "job.toml", *OVER, FEW, "-o", "S", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def numbers(folder: Path, names: list[str]) -> dict[str, list[Any]]:
    """What came out of the runs of these names."""
    held = Held(folder)
    found = {name: held.reader.get(name) for name in names}
    return {
        name: [one.steps, one.largest_chance, *((key, values.tobytes()) for key, values in sorted(one.arrays.items()))]
        for name, one in found.items()
        if one is not None
    }


def begun(mpi: str, folder: Path, *arguments: str) -> Any:
    """A sweep on two ranks, in a session of its own."""
    return subprocess.Popen(
        [*launch.launcher(mpi), "-n", "2", sys.executable, "-m", "copympi", "sweep", *arguments],
        env=launch.environment(2), cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def until(job: Any, folder: Path, batches: int) -> list[int]:
    """Wait until so many files of results are there, then let all processes of the job stand still; their ids."""
    end = time.monotonic() + launch.PATIENCE
    while len(list(folder.glob("S/batches/*.h5"))) < batches:
        assert job.poll() is None, f"ended with {job.returncode} before: {job.stderr.read()}"
        assert time.monotonic() < end, "no end"
        time.sleep(0.002)
    family = launch.family(job.pid)
    for pid in family[1:]:
        os.kill(pid, signal.SIGSTOP)
    return family


@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_stopped_killed_and_gone_on_with(mpi: str, alone: Path, tmp_path: Path) -> None:
    """The sweep that is stopped and killed is of 1,200 runs, so that it does not come to its end before."""
    (tmp_path / "job.toml").write_text(CONFIG)
    job = begun(mpi, tmp_path, "job.toml", *OVER, MANY, "-o", "S")
    try:
        family = until(job, tmp_path, 2)
        rank = [pid for pid in family if b"-m\0copympi" in Path(f"/proc/{pid}/cmdline").read_bytes()][-1]
        os.kill(rank, signal.SIGUSR1)
        for pid in family[1:]:
            os.kill(pid, signal.SIGCONT)
        _, told = job.communicate(timeout=launch.PATIENCE)
        assert job.returncode == 3, told
        there = len(list(tmp_path.glob("S/workspace/*/done")))
        assert f"stopped by SIGUSR1: {there:,} of 1,200 runs are done and stand in S" in told
        assert 2 <= there < 1200
        job = begun(mpi, tmp_path, "S")
        launch.kill(until(job, tmp_path, there + 3))
    finally:
        if job.poll() is None:
            launch.kill(launch.family(job.pid))
        job.wait()
        job.stderr.close()
    left = {path.name: path.read_bytes() for path in tmp_path.glob("S/batches/[0-9a-f]*.h5")}
    assert len(left) >= there + 3
    done = launch.mpiexec(2, "-m", "copympi", "sweep", "job.toml", *OVER, FEW, "-o", "S", mpi=mpi, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) runs in .* of wall time, (\d+) were done before", done.stdout)
    assert found, done.stdout
    made, before = int(found[1]), int(found[2])
    assert made + before == 24
    assert len(list(tmp_path.glob("S/batches/[0-9a-f]*.h5"))) == len(left) + made  # what was there is not made again
    assert all((tmp_path / "S/batches" / name).read_bytes() == data for name, data in left.items())
    assert not list(tmp_path.glob("S/.part-*")) + list(tmp_path.glob("S/batches/.part-*"))
    names = [point.name for point in Held(alone / "S").points]
    assert numbers(tmp_path / "S", names) == numbers(alone / "S", names)
    assert len(numbers(alone / "S", names)) == 24


def test_bad_input_is_said_once_whichever_rank_finds_it(alone: Path, tmp_path: Path) -> None:
    asked = ("--over", "preparation.members=10,20,30,-1,0", "-o", str(tmp_path / "S"))
    done = launch.mpiexec(2, "-m", "copympi", "sweep", "job.toml", *asked, cwd=alone)
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("copympi")]
    assert told == ["copympi: error: job.toml: preparation.members = -1: must be a whole number of at least 1, or inf"]
    assert not (tmp_path / "S").exists()
