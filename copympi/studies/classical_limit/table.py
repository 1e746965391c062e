"""The tables of the study of the classical limit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from copympi.report.tables import Column, Row, Table, count, measured, number, pm, word
from copympi.report.tables import text as as_text
from copympi.studies.classical_limit.numbers import Outcome, dispersed_off, power_law, quantum_off

FOOT = """\
N members, s spectators a site, R replicas; ± standard error over replicas. QM: Schrödinger's
equation on the same lattice; Newton: m x'' = -V', from <x> and <p> at the start; both over the
whole run. largest <x>: where copies turn round or stop. empty: sites with nobody at the end (mean).
least n: the smallest n_a ever; steps: of all replicas."""
SWING_FOOT = """\
abar p: largest abar |dS/dx|/hbar of (62), rms over the packet. lattice: QM's distance to Newton's
path with the lattice's dispersion, the limit hbar -> 0 at fixed abar p. ~ hbar^: exponent of a
power law through the rows of a column, ± its standard error from their scatter."""
NUMBERS = ("off quantum", "off newton", "off dispersed", "farthest", "empty", "share")
Solved = Callable[[Outcome], float]


def rows(outcomes: list[Outcome]) -> dict[str, list[Row]]:
    """One row an ensemble, with its problem's own numbers: wells, and swings of the pendulum."""
    wells, swings = _split(outcomes)
    return {"wells": [_row(o) for o in wells], "swings": [{**_row(o), **_quantum(o)} for o in swings]}


def text(outcomes: list[Outcome]) -> str:
    """The ensembles at harmonic and double well, and the pendulum at every hbar."""
    wells, swings = _split(outcomes)
    return as_text(
        _wells([{**_row(o), "size": o.case.size} for o in wells]),
        FOOT,
        *(_swings(title, swings, name) for name, title in TITLES.items()),
        SWING_FOOT,
    )


def _farthest(o: Outcome) -> float:
    return float(o.reference.quantum.max())


def _share(o: Outcome) -> float:
    return o.reference.share


TITLES = {
    "off newton": "A pendulum from 1 rad, one period of small swings: max|<x> - Newton| in rad",
    "share": "The same: <V_Q>/<m v²/2>, means over the run",
    "farthest": "The same: largest <x> in rad, where copies turn round or stop",
}
SOLVED: dict[str, dict[str, Solved]] = {
    "off newton": {"QM": quantum_off, "lattice": dispersed_off},
    "share": {"QM": _share},
    "farthest": {"QM": _farthest},
}
"""Number of an ensemble -> the equations' own: head of the column -> the number."""


def _split(outcomes: list[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Wells and pendulums."""
    swings = [o for o in outcomes if o.case.problem.kind == "pendulum"]
    return [o for o in outcomes if o.case.problem.kind != "pendulum"], swings


def _row(o: Outcome) -> Row:
    own: Row = {"problem": o.case.problem.kind, "N": o.case.members, "s": o.case.spectators, "R": o.case.replicas}
    own |= {name: o.numbers[name] for name in NUMBERS}
    return {**own, "least": o.least, "steps": o.steps}


def _quantum(o: Outcome) -> Row:
    """What the pendulum itself does, at its hbar."""
    p, r = o.case.problem, o.reference
    solved = {"QM off newton": quantum_off(o), "QM off dispersed": dispersed_off(o), "QM share": r.share}
    return {"hbar": p.hbar, "sites": p.sites, "abar p": r.step, **solved, "QM farthest": _farthest(o)}


def _wells(wells: list[Row]) -> Table:
    columns = [
        Column("", 12, lambda row: row["problem"] if row["first"] else "", "<"),
        Column("N", 5, word("size")),
        Column("s", 3, number("s")),
        Column("R", 3, number("R")),
        Column("", 1, word("")),
        Column("max|<x> - QM|", 17, measured("off quantum"), "±"),
        Column("max|<x> - Newton|", 19, measured("off newton"), "±"),
        Column("largest <x>", 16, measured("farthest", 4), "±"),
        Column("empty", 7, lambda row: f"{row['empty'][0]:.4g}"),
        Column("least n", 9, lambda row: count(row["least"])),
        Column("steps", 8, number("steps", "d")),
    ]
    shown: list[Row | None] = []
    last = ""
    for row in wells:
        if last and row["problem"] != last:
            shown.append(None)
        shown.append({**row, "first": row["problem"] != last})
        last = row["problem"]
    return Table("Do large bodies obey Newton? Distances in sites", columns, shown)


def _swings(title: str, swings: list[Outcome], name: str) -> Table:
    """A row for each hbar, of the equations and of every sort of ensemble; then the exponents of power laws in hbar."""
    problems, solved = {o.case.problem.inverse: o for o in swings}, SOLVED[name]
    shown: list[Row] = []
    for inverse, o in sorted(problems.items()):
        row: Row = {"hbar": f"1/{inverse}", "sites": o.case.problem.sites, "abar p": o.reference.step}
        row |= {what: (solve(o), np.nan) for what, solve in solved.items()}
        shown.append({**row, **{_named(p): p.numbers[name] for p in swings if p.case.problem.inverse == inverse}})
    if name != "farthest":
        law: Row = {"law": "~ hbar^"}
        law |= {what: _exponent(list(problems.values()), solve) for what, solve in solved.items()}
        for head in dict.fromkeys(map(_named, swings)):
            mine = [o for o in swings if _named(o) == head]
            law[head] = _exponent(mine, lambda o: float(o.numbers[name][0]))
        shown.append(law)
    digits = 3 if name == "farthest" else 4
    columns = [
        Column("hbar", 5, word("hbar")),
        Column("sites", 6, number("sites", "d", "")),
        Column("abar p", 8, lambda row: row["law"] if "law" in row else f"{row['abar p']:.3f}"),
        Column("", 1, word("")),
        *(Column(what, 12, _shown(what, 4), "±") for what in solved),
        *(Column(head, 14, _shown(head, digits), "±") for head in dict.fromkeys(map(_named, swings))),
    ]
    return Table(title, columns, shown)


def _named(o: Outcome) -> str:
    return f"{o.case.size} s={o.case.spectators}"


def _shown(key: str, digits: int) -> Callable[[Row], str]:
    """An exponent has three digits whatever the column has."""
    return lambda row: pm(row[key], 3 if "law" in row else digits) if key in row else "-"


def _exponent(outcomes: list[Outcome], number: Solved) -> tuple[float, float]:
    slope, error, _ = power_law([o.case.problem.hbar for o in outcomes], [number(o) for o in outcomes])
    return (slope, error) if math.isfinite(slope) else (np.nan, np.nan)
