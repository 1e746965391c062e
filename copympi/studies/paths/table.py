"""The tables of the study of paths, at most 100 columns wide."""

from __future__ import annotations

from copympi.report.tables import Column, Row, Table, count, measured, number, word
from copympi.report.tables import text as as_text
from copympi.studies.paths.numbers import CLEAR, ENOUGH, LEAST, MEASURES, SAID, Answers

COLUMNS = {
    "members": ("members", "N"),
    **{name: ("1", f"{SAID[name]}, and its standard error") for name in MEASURES},
    **{f"{name} off": ("members", f"N times what that is off Bell's process: {SAID[name]}") for name in MEASURES},
    **{f"{name} Bell": ("1", f"the same in Bell's process: {SAID[name]}") for name in MEASURES},
    "what": ("", "which number of a path"),
    "exponent": ("1", "alpha of c N^-alpha, and its standard error"),
    "factor": ("1", "c of it, and its standard error"),
    "chi2": ("1", "of the residuals"),
    "freedom": ("1", "degrees of freedom"),
    **{f"pair {a}": ("members", f"N times the covariance of two members' being in {a} at the end") for a in range(3)},
    **{f"pair {a} expected": ("members", "the same by linear noise") for a in range(3)},
    "x": ("members", "N rho_min of the pass"),
    "died": ("1", "share of ensembles that lose the beable, and its standard error"),
    "expected": ("1", "the same by theory"),
    "again": ("1", "share of members that jump after the pass, and its standard error"),
    "again Bell": ("1", "the same in Bell's process"),
}
"""Column of a row -> (units, what it is)."""
LAWS = f"""\
N times the difference of each number from that of Bell's process: where it tends to a constant, the
difference is of order 1/N. Three levels; jumps: mean number to the end; none: chance of no jump;
passage: chance that a member of beable 0 has been in beable 1; there: that it is in 0 at the end.
Exponents: c N^-alpha through N >= {LEAST}, of what is {CLEAR:g} standard errors from 0 for {ENOUGH} N at least.
Pairs: two members' both being in a beable, mean over all pairs. ± standard error over groups."""
NODES = """\
Two levels, a pass at N rho_min = x. died: no member is left in the beable, and nobody ever comes
back; theory: with the noise collected before. jump: members that jump in the quarter of a period
after. Bell's process comes back after every pass."""


def text(answers: Answers) -> str:
    """All tables."""
    return as_text(_laws(answers.laws), _exponents(answers.exponents), _pairs(answers.pairs), LAWS,
                   _nodes(answers.nodes), NODES)  # fmt: skip


def _laws(rows: list[Row]) -> Table:
    heads = dict(zip(MEASURES, ("jumps", "none", "passage", "there"), strict=True))
    columns = [Column("N", 7, lambda row: count(row["members"]))]
    columns += [Column(heads[name], 22, measured(f"{name} off", 3), "±") for name in MEASURES]
    bell = "".join(f"{'Bell: ' + format(rows[0][f'{name} Bell'], '.4f'):^22}" for name in MEASURES)
    return Table("Paths of one member: N times what they are off Bell's process", columns, rows, f"{'':7}{bell}")


def _exponents(rows: list[Row]) -> Table:
    columns = [
        Column("", 30, word("what"), "<"),
        Column("exponent", 20, measured("exponent", 3), "±"),
        Column("factor", 20, measured("factor", 3), "±"),
        Column("chi^2", 8, number("chi2", ".1f")),
        Column("of", 4, number("freedom", "d")),
    ]
    return Table("By which power of N they come nearer", columns, rows)


def _pairs(rows: list[Row]) -> Table:
    columns = [Column("N", 7, lambda row: count(row["members"]))]
    columns += [Column(f"both in {a}", 24, measured(f"pair {a}", 3), "±") for a in range(3)]
    theory = "".join(f"{'theory ' + format(rows[0][f'pair {a} expected'], '.4f'):^24}" for a in range(3))
    return Table("Two members: N times the covariance of their beables", columns, rows, f"{'':7}{theory}")


def _nodes(rows: list[Row]) -> Table:
    columns = [
        Column("x", 8, number("x", ".3f")),
        Column("died", 22, measured("died", 3), "±"),
        Column("theory", 8, number("expected", ".3f")),
        Column("jump", 22, measured("again", 4), "±"),
        Column("Bell", 8, number("again Bell", ".4f")),
    ]
    return Table("A pass near a node, 400 members", columns, rows)
