"""Lattices that ranks share: the same bits on one to three of them, where members are counted too."""

from __future__ import annotations

from pathlib import Path

from tests import launch


def test_same_bits_on_one_to_three_ranks() -> None:
    done = launch.mpiexec(3, "-W", "ignore", str(Path(__file__).with_name("lattices_on_ranks.py")))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "1"]
