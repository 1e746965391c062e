"""How long one system remembers: how the study is run, and what its file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.studies import mixing
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.mixing import box, figure, followed, table
from copympi.studies.mixing.cases import Case, cases
from copympi.studies.mixing.numbers import Answers, left
from copympi.studies.nodes.ensembles import shared
from copympi.studies.outputs import put_tables
from copympi.theory import memory

SHOWN = 6
"""Members whose time averages are drawn."""
BELL_ACCURACY = 1e-4
DATASETS = {
    "moved": ("members", "in a of those who began in b, all replicas of a group together (group, record, a, b)"),
    "copies": ("members", "copies so far, mean over the replicas of a group (group, record)"),
    "mean": ("1", "share of looks so far in beable 0, mean over members (replica, look)"),
    "scatter": ("1", "its variance over members (replica, look)"),
    "some": ("1", "the same of a few members (member, look)"),
    "bell": ("1", "mean distance of beables' chances from |Psi|^2 by where one began, Bell's process (record)"),
    "h": ("1", "coarse-grained sum p ln(p/|Psi|^2) (draw, look)"),
    "check": ("1", "of chances, or particles, that began as |Psi|^2: their distance, or that sum, at the end (draw)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    if case.part == "box":
        return shared(comm, case.replicas, lambda who: _box(case, who))
    if case.part == "average":
        return followed.averages(comm, case.ensembles, seed, SHOWN)
    found = followed.moved(comm, case.ensembles, seed)
    if case.part == "random" and comm.rank == mpi.ROOT:
        system, psi = case.system
        times = case.interval * np.arange(case.records + 1)
        found["bell"] = left(memory.transitions(system, psi, times, BELL_ACCURACY), np.abs(psi) ** 2)
    return found


def _box(case: Case, who: NDArray[np.int64]) -> Arrays:
    """Draws by their numbers: modes' phases are those of the draw, with and without a lattice."""
    h, check = np.zeros((len(who), case.records)), np.zeros(len(who))
    for k, draw in enumerate(who.tolist()):
        if case.number:
            h[k], check[k] = box.chances(case.levels, case.number, 1, draw, case.records)
        else:
            h[k], other = box.drifting(case.levels, 1, draw, case.records)
            check[k] = other[-1]
    return {"h": h, "check": check}


def answers(done: list[Done]) -> Answers:
    return Answers([(each.case, each.arrays) for each in done])


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    put_tables(file, answers.tables(), table.COLUMNS)


STUDY = Study(
    name="mixing",
    asks=mixing.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={"time_unit": "hbar/energy"},
    more=more,
)
