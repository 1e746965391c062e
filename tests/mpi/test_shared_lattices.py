"""Lattices that ranks share: the bits of one rank's, for H(t), filters, N beyond integers, any sparse H; one launch.

Null hypothesis: they do not depend on the number of ranks, nor on a stop and a resume on another. Were they to depend,
the digests of tests/shared_lattices.py differ.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

from copympi.errors import EmptyBeableWarning
from tests import launch, shared_lattices


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The digests of all cases on one rank."""
    warnings.simplefilter("ignore", EmptyBeableWarning)  # in tails
    return shared_lattices.digests(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize(("mpi", "ranks"), [("mpich", 4), ("openmpi", 3)])
def test_shared_lattices_have_the_bits_of_whole_ones(
    mpi: str, ranks: int, alone: dict[str, str], tmp_path: Path
) -> None:
    root = Path(__file__).parents[2]
    done = launch.mpiexec(ranks, "-m", "tests.shared_lattices", str(tmp_path), mpi=mpi, cwd=root)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []
