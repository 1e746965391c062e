"""The tables of the study of finite copies, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import numpy as np

from copympi.report.tables import Column, Row, Table, count, measured, number, pm, short, word
from copympi.report.tables import text as as_text
from copympi.studies.finite_copies.cases import EXACT_TO, LONG
from copympi.studies.finite_copies.experiments import TILTS
from copympi.studies.finite_copies.numbers import Answers

COLUMNS = {
    "model": ("", "system and start, studies/finite_copies/model.py"),
    "members": ("members", "N"),
    "least": ("members", "N times the least |Psi_a|^2 on the path"),
    "beable": ("1", "the one that the theory says is off most"),
    "deviation": ("members", "N (E[n_a]/N - |Psi_a|^2) of that beable at the end, and its standard error"),
    "expected": ("members; periods", "the same by the dephasing equation"),
    "ratio": ("1", "the whole vector of deviations along the expected one, in units of that, and its standard error"),
    "plain": ("1", "the same from plain averages of n"),
    "spread": ("1", "root of the summed variances of n over that of the linear noise approximation, and its error"),
    "heating": ("members * energy", "N (E[<H>] - <H>_0) at the end, and its standard error"),
    "heating expected": ("members * energy", "the same by the dephasing equation"),
    "died": ("1", "share of ensembles that have lost a beable: by the end, or when the coherence is down to 1/e"),
    "rate": ("periods", "T/N by the coherence lost in the first period, and its standard error"),
    "to 1/e": ("periods", "time after which the mean coherence is down to 1/e, over N, and its standard error"),
    "off": ("members", "n_0 - N/2 at the start"),
    "time": ("1/Omega", "time watched"),
    "copies": ("1", "copies by then, mean over ensembles, and its standard error"),
    "copies expected": ("1", "the same by the closed form"),
    "rms": ("members", "root mean square of n_0 - N/2 then, and its standard error"),
    "rms expected": ("members", "the same by the closed form"),
    "system": ("", "what experiment"),
    "nu": ("Hz", "frequency of the transition"),
    "coherence time": ("s", "measured coherence time T"),
    "periods": ("1", "nu T"),
    **{f"N at {t:g}": ("members", f"least N, beables tilted by {t:g} degrees; 0: no bound, inf: none") for t in TILTS},
    "source": ("", "of the coherence time"),
}
"""Column of a row -> (units, what it is)."""
FOOT = f"""\
dev  N times the mean deviation of n_a/N from Schrödinger's equation, without the noise whose mean
is 0 (theory/excess.py), for the beable that is off most; theory  the dephasing equation. ratio  all
beables: mean deviation along the one expected; plain  the same from plain averages, where they say
something. spread  standard deviation of n over that of the linear noise approximation. N rho
members of the least beable on the path: below about 20 both mean little. T/N  of a qubit whose
beables are tilted by 45 degrees, in periods. Stationary state: Omega = 1, t = {LONG:g}; the theory is for
large N, and right up to a time of order 1/Omega. Event by event up to N = {EXACT_TO}, in leaps beyond.
± standard error."""
ASSUMED = """\
An even superposition of two energies; tilt: angle between the axis of the beables and that of the
energies. 0: beables are the eigenstates, nothing flows, no bound. 90: the state empties one beable
twice a period, and dies there for every N. All loss of coherence is put down to copying, so N is at
least 4 nu T atanh(sin tilt). Frequencies from memory of the literature, to one digit; times:"""


def text(answers: Answers) -> str:
    """All tables."""
    a = answers.tables()
    sources = "\n".join(
        textwrap.fill(f"{row['system']}: {row['source']}", 98, initial_indent="  ", subsequent_indent="    ")
        for row in a["experiments"]
    )
    parts = (_mean(a["mean"]), _coherence(a["coherence"]), _rounding(a["rounding"]), FOOT)
    return as_text(*parts, _experiments(a["experiments"]), f"{ASSUMED}\n{sources}")


def _mean(rows: list[Row]) -> Table:
    columns = [
        Column("", 12, word("model"), "<"),
        Column("N", 7, lambda row: count(row["members"])),
        Column("N rho", 7, lambda row: count(row["least"]) if row["least"] >= 10 else f"{row['least']:.1f}"),
        Column("dev", 18, measured("deviation"), "±"),
        Column("theory", 7, number("expected", ".3f")),
        Column("ratio", 17, measured("ratio"), "±"),
        Column("plain", 12, lambda row: pm(row["plain"], 2) if row["plain"][1] < 3 else "-", "±"),
        Column("spread", 12, measured("spread", 3), "±"),
        Column("died", 6, number("died", ".3f")),
    ]
    shown: list[Row | None] = []
    for row in rows:
        if shown and shown[-1] is not None and shown[-1]["model"] != row["model"]:
            shown.append(None)
        shown.append(row)
    return Table("Mean and spread of n against N", columns, shown)


def _coherence(rows: list[Row]) -> Table:
    columns = [
        Column("N", 8, lambda row: count(row["members"])),
        Column("T/N, first period", 24, measured("rate", 5), "±"),
        Column("theory", 9, number("expected", ".5f")),
        Column("time to 1/e, over N", 24, measured("to 1/e", 4), "±"),
        Column("died by then", 14, number("died", ".3f")),
    ]
    return Table("How long a qubit keeps its coherence, in periods for each copy", columns, rows)


def _rounding(rows: list[Row]) -> Table:
    columns = [
        Column("N", 8, lambda row: f"{row['members']}"),
        Column("n_0 - N/2", 11, number("off", "g")),
        Column("copies", 18, measured("copies", 1), "±"),
        Column("theory", 8, number("copies expected", ".0f")),
        Column("rms n_0 - N/2", 20, measured("rms", 2), "±"),
        Column("theory", 8, number("rms expected", ".2f")),
    ]
    return Table("A stationary real state, with weights that N copies cannot have exactly", columns, rows)


def _bound(key: str) -> Callable[[Row], str]:
    return lambda row: "no bound" if row[key] == 0 else "none lasts" if not np.isfinite(row[key]) else short(row[key])


def _experiments(rows: list[Row]) -> Table:
    columns = [
        Column("", 27, word("system"), "<"),
        Column("nu [Hz]", 9, lambda row: short(row["nu"])),
        Column("T [s]", 9, lambda row: short(row["coherence time"])),
        *(Column(f"{t:g} deg", 12, _bound(f"N at {t:g}")) for t in TILTS),
    ]
    over = f"{'':45}{'least N, beables tilted by':^48}"
    return Table("What would an experiment see? The least number of copies", columns, rows, over)
