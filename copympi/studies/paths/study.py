"""The law of one member's path beside Bell's process: how it is run, and what its file holds."""

from __future__ import annotations

from typing import Any

from copympi.studies import paths
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.outputs import put_tables
from copympi.studies.paths import figure, table
from copympi.studies.paths.cases import Case, cases
from copympi.studies.paths.numbers import Answers
from copympi.studies.paths.runs import followed

DATASETS = {
    "number": ("members", "with 0, 1, .. jumps by the end, mean over the replicas of a group (group, jumps)"),
    "passed": ("members", "of those that began in FROM who have been in TARGET, mean (group, look)"),
    "moved": ("members", "in a at the end of those who began in b, mean (group, a, b)"),
    "pairs": ("1", "mean of m (m - 1), m these numbers (group, a, b)"),
    "squares": ("1", "mean of n_a^2 at the end (group, a)"),
    "died": ("1", "share of replicas in which beable 0 is empty at the end (group)"),
    "again": ("1", "share of members that jump after the pass (group)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    return followed(comm, case, seed)


def answers(done: list[Done]) -> Answers:
    return Answers([(each.case, each.arrays) for each in done])


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    put_tables(file, answers.tables(), table.COLUMNS)


STUDY = Study(
    name="paths",
    asks=paths.ASKS,
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
