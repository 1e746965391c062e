"""The tables of the study of alignment."""

from __future__ import annotations

import numpy as np

from copympi.report.tables import Column, Row, Table, measured, number, word
from copympi.report.tables import text as as_text
from copympi.studies.alignment.cases import told
from copympi.studies.alignment.numbers import Outcome, apart, at_record, mean

ORDER = [
    Column("|<z>|", 12, measured("order", 3), "±"),
    Column("|<z²>|", 12, measured("order2", 3), "±"),
    Column("lineages", 12, measured("lineages", 1), "±"),
]
CASE = [Column("", 20, lambda row: told(row["case"]), "<"), Column("N", 5, number("N"))]
FOOT = """\
R replicas; T periods; ± standard error over replicas. At T: |<z>|, |<z²>|  order parameters of z = exp(iφ) in each
beable, weighted by n_a (all replicas, also those that lost a beable, where copying ends); lineages  distinct phases
left; neutral  what Moran's model (anyone copies anyone) leaves after as many copies; died  replicas that lost a
beable. off QM  rms distance of rho from Schrödinger's over the last period, started from the ensemble's own Psi, in
units of the noise that aligned copying has at this N (1: quantum mechanics), and in how many replicas (of those with
N rho_a >= 20 on the path)."""
FINER = {"order": "|<z>|", "order2": "|<z²>|", "lineages": "lineages", "copies": "copies/N", "dead": "died"}


def rows(outcomes: list[Outcome]) -> dict[str, list[Row]]:
    """The cases at their ends, sizes at one t/N, and finer steps."""
    return {"ends": _ends(outcomes), "sizes": _sizes(outcomes), "steps": _steps(outcomes)}


def text(outcomes: list[Outcome]) -> str:
    """All three tables."""
    of = rows(outcomes)
    share = _share(outcomes)
    return as_text(
        Table("Is alignment an attractor?", _end_columns(), _with_gap(of["ends"])),
        Table(f"Rules alone, all at t/N = {share:.4g} periods", _size_columns(), of["sizes"]),
        Table(
            "Half the leaving chance and a quarter of the tolerance: what changes, in standard errors",
            _step_columns(),
            of["steps"],
        ),
        FOOT,
    )


def _ends(outcomes: list[Outcome]) -> list[Row]:
    return [
        {
            "case": o.case.kind,
            "N": o.case.members,
            "R": o.case.replicas,
            "T": o.case.duration,
            **{name: o.numbers[name] for name in ("order", "order2", "lineages")},
            "neutral": o.numbers["neutral"][0],
            "died": int(o.curves["dead"][:, -1].sum()),
            "off QM": o.numbers["ratio"],
            "off QM replicas": len(o.departure.square),
            "model": int(o.case.alignment is not None),
        }
        for o in outcomes
        if not o.case.refines
    ]


def _end_columns() -> list[Column]:
    return [
        *CASE,
        Column("R", 3, number("R")),
        Column("T", 4, number("T")),
        Column("", 1, word("")),
        *ORDER,
        Column("neutral", 7, number("neutral", ".1f")),
        Column("died", 6, lambda row: f"{row['died']}/{row['R']}"),
        Column("", 2, word("")),
        Column("off QM [σ]", 11, measured("off QM", 2), "±"),
        Column("", 5, lambda row: f"({row['off QM replicas']})", "<"),
    ]


def _with_gap(ends: list[Row]) -> list[Row | None]:
    """The rules alone and the models, a line apart."""
    return [*(row for row in ends if not row["model"]), None, *(row for row in ends if row["model"])]


def _rules(outcomes: list[Outcome]) -> list[Outcome]:
    return [o for o in outcomes if not o.case.alignment and not o.case.refines]


def _share(outcomes: list[Outcome]) -> float:
    """The largest t/N that all sizes of the rules alone reach."""
    return min(o.case.duration / o.case.members for o in _rules(outcomes))


def _sizes(outcomes: list[Outcome]) -> list[Row]:
    out, share = [], _share(outcomes)
    for o in _rules(outcomes):
        k = int(np.argmin(np.abs(o.time - share * o.case.members)))
        value, error = mean(o.curves["lineages"][:, k] / o.curves["neutral"][:, k])
        row: Row = {"case": o.case.kind, "N": o.case.members, "t": float(o.time[k])}
        row |= {name: at_record(o.curves[name], k) for name in ("order", "order2", "lineages")}
        out.append({**row, "lineages/neutral": (float(value), float(error)), "died": at_record(o.curves["dead"], k)})
    return out


def _size_columns() -> list[Column]:
    return [
        *CASE,
        Column("t", 9, number("t")),
        Column("", 1, word("")),
        *ORDER,
        Column("lineages/neutral", 18, measured("lineages/neutral", 2), "±"),
        Column("died", 12, measured("died", 2), "±"),
    ]


def _steps(outcomes: list[Outcome]) -> list[Row]:
    """The cases run again in finer steps, at their ends."""
    by_name, out = {o.case.name: o for o in outcomes}, []
    for fine in (o for o in outcomes if o.case.refines):
        coarse = by_name[fine.case.refines]
        for key, shown in FINER.items():
            one, other = coarse.numbers[key], fine.numbers[key]
            row: Row = {"case": coarse.case.name, "number": shown, "default": one, "finer": other}
            out.append({**row, "change/error": apart(one, other)})
    return out


def _step_columns() -> list[Column]:
    def change(row: Row) -> str:
        if np.isfinite(row["change/error"]):
            return f"{row['change/error']:.1f}"
        return "none" if row["default"][0] == row["finer"][0] else "?"

    return [
        Column("", 31, lambda row: told(row["case"]) if row["number"] == FINER["order"] else "", "<"),
        Column("", 10, word("number"), "<"),
        Column("default", 18, measured("default", 3), "±"),
        Column("finer", 18, measured("finer", 3), "±"),
        Column("change/error", 14, change),
    ]
