"""The tables of the study of copy rules, at most 100 columns wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi.report.tables import Column, Row, Table, count, number, pm, word
from copympi.report.tables import text as as_text
from copympi.studies.rules.cases import REVERSED, Case
from copympi.studies.rules.measures import LEAST, MEASURES, STATES

ZERO = 1e-6
"""Measures below this are rounding and the steps' error."""
SHOWN = {"signal": "signal", "distance": "distance", "reversal": "reversal", "energy": "energy",
         "superposition": "superpos.", "conjugacy": "conjug."}  # fmt: skip
FOOT = f"""\
N = inf, {STATES} random states that pass no node by quantum mechanics (weights above {LEAST:g}).
signal  two qubits that do not interact: rms change of P(b = 0) when A has a Hamiltonian of its own,
over the states and t = 0.5, 1, 1.5. On three levels: distance  rms of rho - |Psi|^2 at t = 1;
reversal  rms distance to the start after t = 1, phases and delta flipped, t = 1 again; energy  rms
change of (55)'s Hamiltonian, <H> if k = 1 alone; superpos.  Phi(au + bv) - a Phi(u) - b Phi(v);
conjug.  J^T Omega J - Omega. 0: below {ZERO:g}; -: a state could not be followed. In the .csv: died
share of states that have lost a beable by t = 1, of the three levels too, not of the qubits."""


@dataclass(frozen=True)
class Answers:
    """Cases with what came out."""

    done: list[tuple[Case, dict[str, Any]]]

    def of(self, part: str) -> list[tuple[Case, dict[str, Any]]]:
        return [each for each in self.done if each[0].part == part]

    def rows(self, part: str) -> list[Row]:
        """A row a rule."""
        out: list[Row] = []
        for case, data in self.of(part):
            for i, asked in enumerate(case.rules):
                found = {name: float(data[name][i]) for name in MEASURES}
                out.append({"name": asked.name, "q": asked.rule.q, "r": asked.rule.r, "x": asked.x, **found})
        return out

    @property
    def reversals(self) -> list[Row]:
        """rms of there and back against N, its error, and both times sqrt(N)."""
        out: list[Row] = []
        for _, data in self.of("reversal"):
            for name, sizes in zip(REVERSED, data["off"], strict=True):
                for N, off in zip(data["members"], sizes, strict=True):
                    square = np.mean(off**2, axis=1)
                    rms = float(np.sqrt(square.mean()))
                    error = float(square.std(ddof=1) / np.sqrt(len(square)) / (2 * rms))
                    scaled = (rms * float(N) ** 0.5, error * float(N) ** 0.5)
                    out.append({"rule": name, "members": int(N), "rms": (rms, error), "scaled": scaled})
        return out

    @property
    def searches(self) -> list[Row]:
        keys = ("q", "r", "ratio", "second", "signal")
        ends = [end for _, data in self.of("search") for end in data["ends"]]
        return [
            {**{f"{key} from": a for key, a in zip(keys, begin, strict=True)}, **dict(zip(keys, end, strict=True))}
            for begin, end in ends
        ]

    def tables(self) -> dict[str, list[Row]]:
        parts = {part: self.rows(part) for part in ("plane", "strength", "second", "families")}
        return {**parts, "search": self.searches, "reversal": self.reversals}


def text(answers: Answers) -> str:
    """All tables."""
    a = answers.tables()
    lines = (-0.7, -0.5, -0.4)
    shown = [row for row in a["plane"] if round(row["r"], 6) in lines]
    return as_text(
        _measured("Powers (q, r), one harmonic k = 1, R' = 2 R", shown, ("q", "r")),
        _measured("Strength of copying, R'/2kR, at q = 1/2, r = -1/2", a["strength"], ("name", "x")),
        _measured("A second harmonic, k = 2, of so many times the first's strength", a["second"], ("name", "x")),
        _measured("Other families", a["families"], ("name",)),
        FOOT,
        _searches(a["search"]),
        _reversals(a["reversal"]),
    )


def _small(key: str) -> Any:
    def show(row: Row) -> str:
        value = row[key]
        return "-" if np.isnan(value) else "0" if value < ZERO else f"{value:.2g}"

    return show


def _measured(title: str, rows: list[Row], by: tuple[str, ...]) -> Table:
    wide = 29 if by == ("name",) else 15
    kinds = {
        "name": Column("", wide, word("name"), "<"),
        "q": Column("q", 6, number("q")),
        "r": Column("r", 6, number("r")),
        "x": Column("x", 6, number("x")),
    }
    first = [kinds[key] for key in by]
    return Table(title, first + [Column(head, 10, _small(key)) for key, head in SHOWN.items()], rows)


def _searches(rows: list[Row]) -> Table:
    def column(key: str, head: str, form: str = ".4f") -> Column:
        return Column(head, 9, lambda row: f"{row[key]:{form}}")

    begin = [column(f"{key} from", head, ".2f") for key, head in NAMES.items()]
    end = [column(key, head) for key, head in NAMES.items()]
    return Table(
        "Downhill in the signal, from random rules (left) to where the search ended (right)",
        [*begin, *end, Column("signal", 9, lambda row: f"{row['signal']:.1e}")],
        rows,
    )


NAMES = {"q": "q", "r": "r", "ratio": "R'/2R", "second": "second"}


def _reversals(rows: list[Row]) -> Table:
    columns = [
        Column("", 12, lambda row: str(row["rule"]), "<"),
        Column("N", 12, lambda row: count(row["members"])),
        Column("rms", 22, lambda row: pm(row["rms"], 6), "±"),
        Column("times sqrt(N)", 18, lambda row: pm(row["scaled"], 2), "±"),
    ]
    return Table("There and back with N members: rms of n/N - rho(0)", columns, rows)
