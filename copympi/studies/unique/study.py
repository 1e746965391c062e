"""Quantum computers of N copies: how the study of unique states is run, and what its file holds."""

from __future__ import annotations

from typing import Any

from copympi.studies import unique
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.nodes.ensembles import shared
from copympi.studies.outputs import put_tables
from copympi.studies.unique import figure, table
from copympi.studies.unique.cases import Case, cases
from copympi.studies.unique.numbers import Answers, measure

DATASETS = {
    "fidelity": ("1", "|<Psi of the circuit|Psi of the ensemble>|^2 at the end (replica)"),
    "hits": ("1", "2^n sum_a p_a n_a/N - 1, p the circuit's densities by quantum mechanics (replica)"),
    "peak": ("1", "the same of an ensemble with n_a = N p_a (replica)"),
    "gone": ("1", "share of strings that had members at the start and have none but spectators at the end (replica)"),
    "most": ("1", "the largest fidelity that N members can have (replica)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    return shared(comm, case.replicas, lambda who: measure(case, seed, who))


def answers(done: list[Done]) -> Answers:
    return Answers([(each.case, each.arrays) for each in done])


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    put_tables(file, answers.tables(), table.COLUMNS)


STUDY = Study(
    name="unique",
    asks=unique.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={},
    more=more,
)
