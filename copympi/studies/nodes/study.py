"""Passes near nodes, rare deaths, remedies, and lifetimes: what N copies do where quantum mechanics has zeros."""

from __future__ import annotations

from typing import Any

from copympi.studies import nodes
from copympi.studies.frame import Arrays, Study
from copympi.studies.nodes import figure, table
from copympi.studies.nodes.cases import Case, cases
from copympi.studies.nodes.numbers import Answers
from copympi.studies.nodes.runs import RUN

DATASETS = {
    "died": ("1", "1 if the beable died: curve (side, replica), life (replica)"),
    "start": ("members", "counts at the start (side, beable)"),
    "start_phase": ("rad", "phases at the start (side, beable)"),
    "chance": ("1", "estimate of P(death) by splitting (repeat); first half on one side of the node, then the other"),
    "distance": ("members", "x = N rho_min and s^2 of the two sides (side, 2)"),
    "occupation": ("members", "members: paper n_0 (replica, time), remedy n_a (replica, time, beable)"),
    "time": ("1/omega", "times of the looks; paper: sqrt(N) |K| t"),
    "lived": ("1/omega", "time to the first death of a beable, or until nobody looked any more (replica)"),
    "empty": ("1", "1 if some beable has nobody (replica, time)"),
    "expected": ("1", "chance of that, of independent members drawn from |Psi|^2 (time)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    return RUN[case.part](case, seed, comm)


def more(file: Any, answers: Answers) -> None:
    """chi^2 of the passes against the formula, as attributes."""
    total, points, luck = answers.chi_square
    file.attrs.update({"chi square": total, "points": points, "chance of a larger chi square": luck})


STUDY = Study(
    name="nodes",
    asks=nodes.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=Answers.of,
    rows=Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={"time_unit": "1/omega", "hbar": 1.0},
    more=more,
)
