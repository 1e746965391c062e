"""Filters: members of other beables leave, in the middle of a run.

Null hypothesis: n at the filter and two records later has the law of the twin of tests/reference, event by event, from
whose ensembles the same members leave. p > 0.001 for every beable, and for N, at each of the times (chi-square).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from copympi.engine import clock
from copympi.engine.accuracy import Accuracy
from copympi.engine.methods import TABLE
from copympi.engine.support import OWN, Case, Method
from copympi.model.preparation import Start, prepare
from copympi.mpi import Alone
from tests.physics import random_system
from tests.reference.naive import gillespie_many

N, RUNS, TWINS, INTERVAL = 60, 1_000, 10_000, 0.4
SLOW = ("members", "general members", "lattice counts")
"""Of these fewer runs are enough."""
KEPT = (0, 1, 3)
SYSTEM = random_system(4, 3)
ROWS = [row for row in TABLE if not (row.alignment or row.infinite or row.guided)]


def start(spectators: int) -> Start:
    return prepare(
        4, N, density=[0.25, 0.2, 0.35, 0.2], phase=[0.3, -0.9, 1.5, 2.2], spectators=spectators
    )  # fmt: skip


def case(row: Method, spectators: int) -> Case:
    """Where members have phases of their own, all of a beable are given the same one."""
    aligned = start(spectators)
    one = aligned
    if row.given_phases:
        one = replace(aligned, phases=np.repeat(aligned.phase, aligned.counts))
    elif OWN in row.phases and len(row.phases) == 1:
        one = replace(aligned, spread=0.1)  # about the middle, where the only phase class is
    runs = RUNS // 4 if row.name in SLOW else RUNS
    return Case(
        SYSTEM, one, Accuracy(N), row.representation, runs, seed=11, phase_classes=1, method=row.methods[0]
    )  # fmt: skip


def seen(row: Method, spectators: int) -> NDArray[np.int64]:
    """n (R, 2, P): before the filter, and two records after it."""
    ensemble = row.make(Alone(), case(row, spectators))
    found = []
    for stop in clock.records(INTERVAL, 1, 3):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        snapshot = ensemble.snapshot()
        assert snapshot is not None
        found.append(snapshot.n)
        if stop.number == 1:
            ensemble.keep(KEPT)
    return np.stack([found[0], found[2]], axis=1)


@cache
def twins(spectators: int) -> NDArray[np.int64]:
    one, times = start(spectators), INTERVAL * np.arange(1, 4)
    found = gillespie_many(
        SYSTEM.frequencies.toarray(), one.counts, one.phase, times, 0.02, TWINS, 5, spectators=spectators,
        filters={times[0]: KEPT},
    )  # fmt: skip
    return found[:, [0, 2]]


def chance(x: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    """p that counts (R,) and (R',) have one law, y being the twin's; rare values are pooled with their neighbours."""
    if np.all(y == y[0]):
        return float(np.all(x == y[0]))
    edges = np.unique(np.quantile(y, np.linspace(0, 1, 14)[1:-1]))
    table = pooled(np.array([np.bincount(np.searchsorted(edges, z), minlength=edges.size + 1) for z in (x, y)]))
    assert table.shape[1] > 1, "values are too rare to be told apart"
    return float(stats.chi2_contingency(table).pvalue)


def pooled(table: NDArray[np.int64], least: int = 40) -> NDArray[np.int64]:
    """The table (2, K) with columns of at most `least` in all added to the one before, the first to the one after."""
    columns: list[NDArray[np.int64]] = []
    for column in table.T:
        if columns and (column.sum() <= least or columns[-1].sum() <= least):
            columns[-1] = columns[-1] + column
        else:
            columns.append(column)
    return np.array(columns).T


def test_rare_values_count() -> None:
    """Nobody is thrown away: of those beyond what the twin ever has the others know."""
    table = np.array([[0, 3, 100, 2, 30, 1], [7, 30, 900, 5, 60, 1]])
    assert pooled(table).tolist() == [[105, 31], [942, 61]]
    assert chance(np.repeat([0, 1, 2, 9], [60, 60, 60, 40]), np.repeat([0, 1, 2], 2000)) < 0.001
    assert chance(np.zeros(1000, int), np.zeros(10_000, int)) == 1.0
    assert chance(np.repeat([0, 1], [999, 1]), np.zeros(10_000, int)) == 0.0


@pytest.mark.parametrize("spectators", [0, 3])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_law_of_a_filtered_run(row: Method, spectators: int) -> None:
    found, expected = seen(row, spectators), twins(spectators)
    assert np.array_equal(found[:, 0, KEPT].sum(axis=1), found[:, 1].sum(axis=1)), "N is who stayed"
    assert np.all(found[:, 1, 2] == 0)
    for k in (0, 1):
        both = [(found[:, k, a], expected[:, k, a]) for a in range(4)] + [(found[:, k].sum(1), expected[:, k].sum(1))]
        p = [chance(x, y) for x, y in both]
        assert min(p) > 0.001, p


def test_a_filter_that_came_elsewhen_would_be_noticed() -> None:
    """The twin without a filter is another law for those who stay too: their partners have not gone."""
    one, times = start(0), INTERVAL * np.arange(1, 4)
    free = gillespie_many(SYSTEM.frequencies.toarray(), one.counts, one.phase, times, 0.02, RUNS, 6)[:, 2]
    assert chance(free[:, 0], twins(0)[:, 1, 0]) < 1e-6
