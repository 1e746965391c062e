"""Is alignment an attractor? Rules (39), (40) alone, and with the model (42) to (53), from unaligned phases."""

from __future__ import annotations

from typing import Any

from copympi.model.system import System
from copympi.simulate import simulate
from copympi.studies import alignment
from copympi.studies.alignment import figure, table
from copympi.studies.alignment.cases import DENSITY, PHASE, Case, R, cases
from copympi.studies.alignment.numbers import Outcome
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.outputs import note_numbers

DATASETS = {
    "time": ("periods", "time since the start, in periods of the aligned ensemble"),
    "occupation": ("members", "members n_a in each beable (replica, record, beable)"),
    "phase": ("rad", "circular mean of a beable's phases (replica, record, beable); NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n_a (replica, record, beable); NaN at n = 0"),
    "coherence2": ("1", "|sum e^{2 i phi}|/n_a (replica, record, beable); NaN at n = 0"),
    "lineages": ("1", "distinct phases left in each beable (replica, record, beable)"),
    "events": ("1", "copies since the start (replica, record)"),
    "energy": ("rad/period", "H/hbar of the alignment model, equation (42) (replica, record)"),
}


def system() -> System:
    return System([[0.0, R], [R, 0.0]])


def run(case: Case, seed: int, comm: Any) -> Arrays:
    done = simulate(
        system(),
        density=DENSITY,
        phase=PHASE,
        members=case.members,
        phase_spread=case.spread,
        duration=case.duration,
        interval=case.interval,
        replicas=case.replicas,
        alignment=case.alignment,
        seed=seed,
        comm=comm,
        **case.accuracy,  # type: ignore[arg-type]
    )
    arrays = {name: getattr(done, name) for name in DATASETS}
    return {name: values for name, values in arrays.items() if values is not None}


def answers(done: list[Done]) -> list[Outcome]:
    return [Outcome.of(system(), each.case, each.arrays) for each in done]


def more(file: Any, outcomes: list[Outcome]) -> None:
    """The numbers at the end of each case, as attributes of its group."""
    note_numbers(file, outcomes, "end ")


STUDY = Study(
    name="alignment",
    asks=alignment.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=table.rows,
    text=table.text,
    figure=figure.figure,
    attributes={"R": R, "density": DENSITY, "phase": PHASE, "time_unit": "periods"},
    more=more,
)
