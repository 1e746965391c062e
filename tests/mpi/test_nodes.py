"""The study of nodes under a launcher: the same bits on one, two and three ranks."""

from __future__ import annotations

from pathlib import Path

from tests import launch


def test_same_bits_on_one_two_and_three_ranks() -> None:
    done = launch.mpiexec(3, str(Path(__file__).with_name("nodes_on_ranks.py")))
    assert done.returncode == 0, done.stderr
    groups, unlike, size = (int(word) for word in done.stdout.split())
    assert (groups, unlike) == (3, 1)
    assert size > 1000
