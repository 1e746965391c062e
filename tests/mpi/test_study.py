"""A study under a launcher: one table, and the bytes of a run alone."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["alignment", "classical-limit"])
@pytest.mark.parametrize("mpi", launch.FLAVOURS)
def test_same_bytes_on_two_ranks(mpi: str, name: str, tmp_path: Path) -> None:
    arguments = ("study", name, "--quick", "--replicas", "2")
    alone = launch.copympi(*arguments, "-o", "alone", cwd=tmp_path)
    both = launch.mpiexec(2, "-m", "copympi", *arguments, "-o", "both", mpi=mpi, cwd=tmp_path, timeout=1800)
    assert (alone.returncode, both.returncode) == (0, 0), alone.stderr + both.stderr
    one, two = (contents(tmp_path / folder / f"{name}.h5") for folder in ("alone", "both"))
    assert len(one) > 50
    assert one == two
    same = [text.rsplit("\n\n", 1)[0] for text in (alone.stdout, both.stdout)]  # the last line has seconds and paths
    assert same[0] == same[1]


def test_bad_input_is_said_once(tmp_path: Path) -> None:
    done = launch.mpiexec(2, "-m", "copympi", "study", "alinement", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("the nearest is 'alignment'") == 1
