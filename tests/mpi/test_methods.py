"""Every row of the table of methods: what is recorded has the same bits on 1, 2 and 3 ranks; one launch for all rows.

Null hypothesis: it does not depend on the number of ranks. Were it to depend, the digests of tests/contract.py differ.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from copympi.engine.methods import TABLE
from tests import contract, launch


@pytest.fixture(scope="module")
def alone() -> dict[str, str]:
    """The digests of all cases on one rank, by themselves."""
    found = contract.digests(contract.mpi.Alone())
    assert {name.split(":")[0] for name in found} == {row.name for row in TABLE}
    return found


@pytest.mark.parametrize("ranks", [2, 3])
def test_every_method_has_the_same_bits_on_any_number_of_ranks(ranks: int, alone: dict[str, str]) -> None:
    done = launch.mpiexec(ranks, "-m", "tests.contract", cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []
