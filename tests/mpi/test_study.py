"""A study under a launcher: killed and resumed, it has the table and the bytes of one run by a process alone."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import pytest

from tests import launch


def contents(path: Path) -> dict[str, bytes]:
    """Every dataset's bytes, by its path in the file."""
    found: dict[str, bytes] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()].tobytes()

    with h5py.File(path) as file:
        file.visititems(take)
    return found


def kill_after(cases: int, mpi: str, arguments: tuple[str, ...], folder: Path) -> None:
    """Start a study on two ranks and kill all its processes, unwarned, once so many cases stand in its folder."""
    job = subprocess.Popen(
        [*launch.launcher(mpi), "-n", "2", sys.executable, "-m", "copympi", *arguments, "-o", str(folder)],
        env=launch.environment(2),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + launch.PATIENCE
        while len(list((folder / "cases").glob("*.h5"))) < cases:
            assert job.poll() is None, f"ended with {job.returncode} before it had done {cases} cases"
            assert time.monotonic() < until, "no end"
            time.sleep(0.05)
    finally:
        launch.kill(launch.family(job.pid))
        job.wait()


@pytest.mark.parametrize("name", ["alignment", "classical-limit"])
@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_same_bytes_on_two_ranks_killed_and_resumed(mpi: str, name: str, tmp_path: Path) -> None:
    arguments = ("study", name, "--quick", "--replicas", "2")
    alone = launch.copympi(*arguments, "-o", "alone", cwd=tmp_path)
    kill_after(3, mpi, arguments, tmp_path / "both")
    assert not (tmp_path / "both" / f"{name}.h5").exists()
    there = sorted((tmp_path / "both" / "cases").glob("*.h5"))
    damaged = bytearray(there[1].read_bytes())
    damaged[-20] ^= 1
    there[1].write_bytes(damaged)
    arguments = (*arguments, "--resume", "-o", "both")
    both = launch.mpiexec(2, "-m", "copympi", *arguments, mpi=mpi, cwd=tmp_path, timeout=1800)
    assert (alone.returncode, both.returncode) == (0, 0), alone.stderr + both.stderr
    told = both.stderr.splitlines()
    assert f"{there[1].relative_to(tmp_path)} is damaged" in told[0]
    assert "the case is computed again" in told[0]
    assert f"{len(there) - 1} of " in told[1]
    assert told[2].startswith("  2 of ")  # and only then what the killed job had not come to
    one, two = (contents(tmp_path / folder / f"{name}.h5") for folder in ("alone", "both"))
    assert len(one) > 50
    assert one == two
    same = [text.rsplit("\n\n", 1)[0] for text in (alone.stdout, both.stdout)]  # the last line has seconds and paths
    assert same[0] == same[1]


def test_bad_input_is_said_once(tmp_path: Path) -> None:
    done = launch.mpiexec(2, "-m", "copympi", "study", "alinement", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("the nearest is 'alignment'") == 1
