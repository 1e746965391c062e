"""Boxes of k sites against the sites themselves, and the atoms of one body as their own ensemble: section 3.3."""

from __future__ import annotations

import warnings
from typing import Any

from copympi.errors import EmptyBeableWarning
from copympi.simulate import simulate
from copympi.studies import coarse_graining
from copympi.studies.coarse_graining import figure, table
from copympi.studies.coarse_graining.cases import ENDLESS, Case, cases
from copympi.studies.coarse_graining.numbers import Answers, Outcome
from copympi.studies.frame import Arrays, Done, Study

DATASETS = {
    "time": ("m abar^2/hbar", "time since the start, abar the spacing of the part's finest lattice"),
    "occupation": ("members", "members n_a in each box (replica, record, box), spectators included"),
    "position": ("abar", "<x> of the copies, spectators left out (replica, record)"),
    "x": ("abar", "middle of each box"),
    "potential": ("hbar^2/(m abar^2)", "V of each box"),
    "start_phase": ("rad", "phi of each box at the start"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    model = case.model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyBeableWarning)  # what the study is about
        done = simulate(
            model.system,
            density=model.rho,
            phase=model.phi,
            members=case.members if case.members == ENDLESS else int(case.members),
            spectators=case.spectators,
            duration=case.duration,
            interval=case.interval,
            representation="occupation",
            replicas=case.replicas,
            seed=seed,
            comm=comm,
        )
    o = Outcome(case, model, done.time, done.occupation.reshape(-1, done.time.size, model.x.size))
    arrays = {"time": o.time, "occupation": o.n, "position": o.position}
    return {**arrays, "x": model.x, "potential": model.V, "start_phase": model.phi}


def answers(done: list[Done]) -> Answers:
    return Answers.of(
        [Outcome(each.case, each.case.model, each.arrays["time"], each.arrays["occupation"]) for each in done]
    )


def more(file: Any, answers: Answers) -> None:
    """The rows of the tables, as groups of columns."""
    for name, rows in answers.tables().items():
        for column in rows[0]:
            made = file.create_dataset(f"tables/{name}/{column}", data=[row[column] for row in rows])
            made.attrs["units"], made.attrs["description"] = table.COLUMNS[column]


STUDY = Study(
    name="coarse-graining",
    asks=coarse_graining.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={"time_unit": "m abar^2/hbar"},
    more=more,
)
