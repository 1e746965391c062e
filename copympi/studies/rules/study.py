"""What picks the quantum rule out of the class of copy rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi import mpi
from copympi.studies import rules
from copympi.studies.frame import Arrays, Done, Study
from copympi.studies.rules import figure, measures, table
from copympi.studies.rules.cases import FEWER, REVERSED, SIZES, STARTS, TRIALS, Case, cases

DATASETS = {
    "x": ("1", "where a rule stands in its family: r, R'/2kR, size of the second harmonic, or its number (rule,)"),
    **{name: ("1", f"{told} (rule,)") for name, told in measures.MEASURES.items()},
    "ends": ("1", "begin and end of each search: q, r, R'/2R, second harmonic, signal (search, 2, 5)"),
    "members": ("members", "N (size,)"),
    "off": ("1", "n_a/N - rho_a(0) after the way there and back (rule, size, replica, beable)"),
}


def run(case: Case, seed: int, comm: Any) -> Arrays:
    """A family's measures; rules, and searches, are shared out over ranks."""
    if case.part == "reversal":
        sizes = FEWER if case.coarse else SIZES
        off = [
            [measures.there_and_back(rule, N, case.replicas, seed + 10_000 * i, comm) for N in sizes]
            for i, rule in enumerate(REVERSED.values())
        ]
        return {"members": np.array(sizes), "off": np.array(off)}
    if case.part == "search":
        starts, trials = (2, 25) if case.coarse else (STARTS, TRIALS)
        return {"ends": _shared(comm, starts, lambda i: measures.searched(seed + i, trials))}
    asked = case.rules
    found = _shared(comm, len(asked), lambda i: np.array(list(measures.of(asked[i].rule).values())))
    columns = dict(zip(measures.MEASURES, found.T, strict=True)) if found.size else {}
    return {"x": np.array([one.x for one in asked]), **columns}


def _shared(comm: Any, many: int, make: Any) -> Any:
    """make(i) for i below `many`, each on one rank, stacked on the root; empty elsewhere."""
    shares = [mpi.share(many, comm.size, rank) for rank in range(comm.size)]
    first, last = shares[comm.rank]
    rows = [np.asarray(make(i), float) for i in range(first, last)]
    shape = rows[0].shape if rows else np.shape(make(0))
    mine = np.array(rows).reshape(len(rows), -1) if rows else np.zeros((0, int(np.prod(shape))))
    whole = mpi.gather_rows(comm, mine, [b - a for a, b in shares])
    return np.zeros(0) if whole is None else whole.reshape(many, *shape)


def answers(done: list[Done]) -> table.Answers:
    return table.Answers([(each.case, each.arrays) for each in done])


STUDY = Study(
    name="rules",
    asks=rules.ASKS,
    cases=cases,
    run=run,
    datasets=DATASETS,
    answers=answers,
    rows=table.Answers.tables,
    text=table.text,
    figure=figure.figure,
    attributes={"time_unit": "hbar/energy"},
)
