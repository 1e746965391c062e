"""The tables of the study of signalling, at most 100 columns wide."""

from __future__ import annotations

from copympi.report.tables import Column, Row, Table, count, measured, number, word
from copympi.report.tables import text as as_text
from copympi.studies.signalling.model import TSIRELSON
from copympi.studies.signalling.numbers import FROM, LAW, Answers

COLUMNS = {
    "members": ("members", "N"),
    "least": ("members", "N times the least |Psi_a|^2 on the path"),
    "moves": ("members", "N (E[n_up/N] - QM) of B at the end with A's H on, and its standard error"),
    "rests": ("members", "the same with it off"),
    "signal": ("members", "their difference, and its standard error"),
    "expected": ("members", "the same by the dephasing equation"),
    "plain": ("members", "the same from plain averages of n, and its standard error"),
    "died": ("1", "share of ensembles that have lost a beable by the end, and its standard error"),
    "of the dying": ("members", "their part in the signal, and its standard error"),
    "difference": ("1", "of B's mean marginal, A's H on and off, and its standard error"),
    "variation": ("1", "of the distributions of n_up, A's H on and off: difference of the chances of large deviations"),
    "variation expected": ("1", "total variation by the linear noise approximation"),
    "law": ("", "by which the signal is extrapolated"),
    "from": ("members", "least N that is taken"),
    "limit": ("members", "the signal times N without end of N, and its standard error"),
    "slope": ("", "coefficient of the next power, and its standard error"),
    "chi2": ("1", "of the residuals"),
    "freedom": ("1", "degrees of freedom"),
    "sum": ("1", "CHSH's sum of four correlations, mean over ensembles, and its standard error"),
    "shift": ("members", "N times the mean's deviation from Schroedinger's equation, and its standard error"),
    "one": ("1", "standard deviation of the sum as four ensembles give it"),
    "bound": ("members", "N (E[2 sqrt(1 + C^2)] - 2 sqrt 2), C the concurrence of an ensemble's Psi, and its error"),
    "group": ("", "part of the question"),
    "setup": ("", "studies/signalling/model.py"),
    "observable": ("", "what is measured at the end"),
    "exact": ("1", "its mean by Schroedinger's equation"),
}
"""Column of a row -> (units, what it is)."""
FOOT = f"""\
A, B: two entangled qubits without interaction; signal: N times what A's own H changes in the mean
of B's share of "up" at t = 3, estimated without bias along exact paths (engine/excess.py);
plain: from averages of n. Theory: -1.742 is the dephasing equation's. died: ensembles that have
lost a beable (A's H on). variation: how much more often n_up is far from its mean (further than
where two normal curves of linear noise cross) with A's H on. Law: from N = {FROM} on, measured
values alone; van Kampen's expansion of a mean goes by whole powers of 1/N. ± standard error."""


def text(answers: Answers) -> str:
    """All tables."""
    a = answers.tables()
    tables = (_signal(a["signal"]), _limit(a["limit"]), FOOT, _spectators(a["spectators"]), _bell(a["bell"]))
    return as_text(*tables, _other(a["other"]))


def _signal(rows: list[Row]) -> Table:
    columns = [
        Column("N", 8, lambda row: count(row["members"])),
        Column("N rho", 7, number("least", ".1f")),
        Column("signal * N", 17, measured("signal", 3), "±"),
        Column("plain", 15, measured("plain", 2), "±"),
        Column("died", 15, measured("died", 4), "±"),
        Column("of the dying", 15, measured("of the dying", 3), "±"),
        Column("variation", 17, measured("variation", 3), "±"),
    ]
    theory, of_variation = (f"theory {rows[0][key]:.4f}" for key in ("expected", "variation expected"))
    over = f"{'':15}{theory:^17}{'':45}{of_variation:^17}"
    return Table("What A's own Hamiltonian does to B's marginal", columns, rows, over)


def _limit(rows: list[Row]) -> Table:
    columns = [
        Column("", 2, lambda row: "*" if row["law"] == LAW else "", "<"),
        Column("law", 18, word("law"), "<"),
        Column("limit", 18, measured("limit", 4), "±"),
        Column("theory", 10, number("expected", ".4f")),
        Column("next", 20, measured("slope", 1), "±"),
        Column("chi^2", 8, number("chi2", ".1f")),
        Column("of", 4, number("freedom", "d")),
    ]
    return Table("The signal times N, without end of N", columns, rows)


def _spectators(rows: list[Row]) -> Table:
    columns = [
        Column("N", 8, lambda row: count(row["members"])),
        Column("A moves", 17, measured("moves", 3), "±"),
        Column("A rests", 17, measured("rests", 3), "±"),
        Column("signal * N", 17, measured("signal", 3), "±"),
        Column("theory", 8, number("expected", ".3f")),
        Column("died", 14, measured("died", 4), "±"),
    ]
    return Table("With one spectator a beable", columns, rows)


def _bell(rows: list[Row]) -> Table:
    columns = [
        Column("N", 8, lambda row: count(row["members"])),
        Column("S", 18, measured("sum", 5), "±"),
        Column("N (S - 2 sqrt 2)", 20, measured("shift", 3), "±"),
        Column("theory", 8, number("expected", ".3f")),
        Column("one S ±", 9, number("one", ".3f")),
        Column("N (S of Psi - 2 sqrt 2)", 26, measured("bound", 3), "±"),
    ]
    return Table(f"CHSH's sum S; quantum mechanics: at most 2 sqrt 2 = {TSIRELSON:.5f}", columns, rows)


def _other(rows: list[Row]) -> Table:
    columns = [
        Column("", 18, word("setup"), "<"),
        Column("", 12, word("observable"), "<"),
        Column("N", 7, lambda row: count(row["members"])),
        Column("QM", 9, number("exact", ".4f")),
        Column("N (E - QM)", 20, measured("shift", 4), "±"),
        Column("theory", 9, number("expected", ".4f")),
        Column("died", 14, measured("died", 4), "±"),
    ]
    shown: list[Row | None] = []
    for row in rows:
        if shown and shown[-1] is not None and shown[-1]["group"] != row["group"]:
            shown.append(None)
        shown.append(row)
    title = "No beable: rotated first, or read off a pointer. Three parties. B alone, and beside A"
    return Table(title, columns, shown)
