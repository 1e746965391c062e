"""What N copies do that infinitely many do not: mean, spread, energy, coherence, and what an experiment would see."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.simulate import simulate
from copympi.studies import finite_copies
from copympi.studies.finite_copies import figure, table
from copympi.studies.finite_copies.cases import Case, cases
from copympi.studies.finite_copies.numbers import Answers, measure
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.outputs import put_tables

DATASETS = {
    "time": ("1/|H|, periods of the qubit, 1/Omega", "time since the start"),
    "start_n": ("members", "members n_a in each beable at the start"),
    "start_phase": ("rad", "phi_a at the start"),
    "off": ("members", "n_a - N |Psi_a|^2 at the end (replica, beable)"),
    "shift": ("members", "the same without the noise of mean 0, theory/excess.py (replica, beable)"),
    "heating": ("members * energy", "N (<H> - <H>_0), without the noise of mean 0, mean over replicas (record,)"),
    "heating_error": ("members * energy", "its standard error (record,)"),
    "loss": ("members", "N times the share of the coherence lost in a period (replica)"),
    "coherence": ("1", "coherence between the qubit's energies, turned back, over that at the start (replica, record)"),
    "dead": ("1", "whether a beable is empty (replica, record)"),
    "copies": ("1", "copies since the start (replica, record)"),
    "beside": ("members", "n_0 - N/2 (replica, record)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    start = case.start
    done = simulate(
        start.system,
        state=start.psi,
        members=case.members,
        duration=case.periods,
        interval=case.interval,
        representation="occupation",
        method=case.method,
        replicas=case.replicas,
        seed=seed,
        comm=comm,
    )
    phase = np.where(done.occupation > 0, done.phase, 0.0)
    return measure(case, done.time, done.occupation, phase, done.events)


def answers(done: list[Done]) -> Answers:
    return Answers([(each.case, each.arrays) for each in done])


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    put_tables(file, answers.tables(), table.COLUMNS)


STUDY = Study(
    name="finite-copies",
    asks=finite_copies.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={"time_unit": "see time of each case"},
    more=more,
)
