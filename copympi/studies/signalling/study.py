"""What one party sees of another's Hamiltonian where copies are N: how it is run, and what its file holds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.excess import excess
from copympi.studies import signalling
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.nodes.ensembles import shared
from copympi.studies.outputs import put_tables
from copympi.studies.signalling import figure, table
from copympi.studies.signalling.cases import Case, cases
from copympi.studies.signalling.numbers import Answers, measure

DATASETS = {
    "excess": ("members * observable", "what copying adds to N <Q>, engine/excess.py (replica, observable)"),
    "held": ("members * observable", "of that, while a beable is dead or has spectators only (replica, observable)"),
    "plain": ("members * observable", "N <Q> at the end less Schroedinger's, as it is (replica, observable)"),
    "died": ("1", "whether a beable is empty at the end (replica)"),
    "bound": ("1", "2 sqrt(1 + C^2), C the concurrence of the ensemble's Psi at the end (replica)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    setup = case.start
    n, phase = setup.start(case.members)
    times = np.full(len(setup.observables), setup.duration)

    def some(who: NDArray[np.int64]) -> Arrays:
        starts = np.tile(n, (len(who), 1)), np.tile(phase, (len(who), 1))
        return measure(case, excess(setup.system, *starts, times, setup.matrices, seed, who, case.spectators))

    return shared(comm, case.replicas, some)


def answers(done: list[Done]) -> Answers:
    return Answers([(each.case, each.arrays) for each in done])


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    put_tables(file, answers.tables(), table.COLUMNS)


STUDY = Study(
    name="signalling",
    asks=signalling.ASKS,
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
