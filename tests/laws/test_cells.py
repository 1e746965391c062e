"""N Cov(n, phi), all blocks, and the mean, of every method: lattices and matrices, N, nodes, intervals, steps.

Null hypotheses and what is allowed: tests/laws/compare.py. Fixed seeds. A subset in which all pairs of values meet runs
in `make test`, all cells in `make test-long`.
"""

from __future__ import annotations

import numpy as np
import pytest

import copympi
from copympi.mpi import Alone
from tests.laws import cases
from tests.laws.compare import judge
from tests.laws.drive import Cell, all_cells, deviations, pairwise, run_cell

CELLS = all_cells()
CHOSEN = pairwise(CELLS)


def fits(cell: Cell) -> None:
    verdicts = run_cell(cell)
    assert not any(verdict.complaints for verdict in verdicts), "\n".join(map(str, verdicts))


@pytest.mark.parametrize("cell", CHOSEN, ids=str)
def test_pairwise(cell: Cell) -> None:
    fits(cell)


@pytest.mark.long
@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell not in CHOSEN], ids=str)
def test_all(cell: Cell) -> None:
    fits(cell)


def test_a_node_nearer_than_the_mean_can_be_trusted_wants_a_smaller_tolerance() -> None:
    """N = 1e30, N rho_min = 1e9: the path has to be right to 1e-12 of its amplitude, which tolerance = 1e-11 gives."""
    case, low, members = cases.CASES["ring of 6"], 1e-21, 1e30
    run = copympi.simulate(
        case.system(True), state=cases.path("ring of 6", low), members=members, duration=case.duration, seed=1,
        interval=case.duration, replicas=2_000, comm=Alone(), summaries=False, representation="occupation",
        tolerance=1e-11,
    )  # fmt: skip
    moments = cases.moments("ring of 6", low, 1)[0]
    verdict = judge("near node", *deviations(run, members, 1, moments), members, moments, 1e-11)
    assert not verdict.complaints, str(verdict)


def test_any_two_values_meet() -> None:
    """The subset is one: every pair of values that some cell has stands in a chosen cell."""

    def pairs(cells: list[Cell]) -> set[object]:
        rows = [((c.method.name, c.system), c.members, c.node, c.interval, c.step) for c in cells]
        return {(i, j, row[i], row[j]) for row in rows for i in range(5) for j in range(i)}

    assert pairs(CHOSEN) == pairs(CELLS)
    assert len(CHOSEN) < len(CELLS) / 4
    assert np.all([cell.possible for cell in CHOSEN])
