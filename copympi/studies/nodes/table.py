"""The tables of the study of nodes."""

from __future__ import annotations

from copympi.report.tables import Column, Row, Table, count, measured, number, pm, word
from copympi.report.tables import text as as_text
from copympi.studies.nodes.cases import REMEDIES
from copympi.studies.nodes.numbers import LARGE, Answers

FOOT = """\
±: standard errors. A pass brings beable 0 to x = N rho_min members at least, on Schrödinger's path. kappa  members
that one e-fold of P takes for noise of the pass itself, from the directions of the drives; s²  variance of the
distance to the node (in members) that noise of before the pass gives; both computed from H and Psi, nothing fitted.
P  share of ensembles in which the beable died, both sides of the node together; z  (P - formula)/error."""


def text(answers: Answers) -> str:
    """All tables."""
    total, points, luck = answers.chi_square
    said = (
        f"chi² of the {points} passes with N >= {LARGE:,}: {total:.1f} (a larger one by luck alone: {luck:.2f}).\n"
        "Below, the formula's condition n_a << n_b fails: it is off by order 1/N."
    )
    return as_text(
        _curve(answers.curve), said, _rare(answers.rare), _paper(answers.paper), _remedies(answers.remedy),
        _lives(answers.life), *(_bell(row) for row in answers.bell), FOOT,
    )  # fmt: skip


def _size(row: Row) -> str:
    return count(row["N"])


def _curve(rows: list[Row]) -> Table:
    columns = [
        Column("", 19, word("pass"), "<"),
        Column("start", 13, word("start"), "<"),
        Column("N", 7, _size),
        Column("|K|", 6, number("speed", ".2f")),
        Column("kappa", 7, number("kappa", ".2f")),
        Column("s²", 7, number("s2", ".3f")),
        Column("x", 6, number("x", ".2f")),
        Column("P", 18, measured("P", 4), "±"),
        Column("formula", 8, number("formula", ".4f")),
        Column("z", 6, number("z", ".1f")),
    ]
    title = "Passes near a node: P(death) = (1 + 2 s²/kappa)^(-1/2) exp(-x/(kappa + 2 s²))?"
    large = [row for row in rows if row["N"] >= LARGE]
    return Table(title, columns, [*large, None, *(row for row in rows if row["N"] < LARGE)])


def _rare(rows: list[Row]) -> Table:
    columns = [
        Column("start", 14, word("start"), "<"),
        Column("x", 5, number("x")),
        Column("s²", 9, number("s2", ".4f")),
        Column("", 3, word("")),
        Column("P", 22, lambda row: f"{row['P'][0]:.2e} ± {row['P'][1]:.1e}", "<"),
        Column("formula", 11, number("formula", ".2e")),
        Column("exp(-x/kappa)", 15, number("exp(-x/kappa)", ".2e")),
        Column("z", 7, number("z", ".1f")),
    ]
    return Table("Rare deaths by splitting: two levels, kappa = 1, N = 1e8", columns, rows)


def _paper(rows: list[Row]) -> Table:
    starts = sorted({row["n at 0"] for row in rows})
    shown: list[Row] = []
    for clock in sorted({row["clock"] for row in rows})[::2]:
        mine = {row["n at 0"]: row for row in rows if row["clock"] == clock}
        row: Row = {"clock": clock, "(64)": mine[starts[0]]["(64)"]}
        for n in starts:
            row |= {f"n {n}": mine[n]["n"], f"path {n}": mine[n]["path"]}
        shown.append(row)
    columns = [Column("sqrt(N)|K|t", 12, number("clock", ".1f")), Column("(64)", 8, number("(64)", ".1f"))]
    for n in starts:
        columns.append(Column(f"n from {n}", 16, measured(f"n {n}", 2), "±"))
        columns.append(Column("path", 7, number(f"path {n}", ".1f")))
    title = "Equations (63), (64): mean n_0 just behind the node, from 0, 1 and 4 members, and Schrödinger's path"
    return Table(title, columns, shown)


def _remedies(rows: list[Row]) -> Table:
    shown: list[Row] = []
    for N in sorted({row["N"] for row in rows}):
        out: Row = {"N": N}
        for row in (row for row in rows if row["N"] == N):
            out |= {f"{name} {row['remedy']}": row[name] for name in ("lost", "formula", "distance")}
        shown.append(out)
    columns = [Column("N", 7, _size)]
    for which in REMEDIES:
        columns += [
            Column("lost", 7, lambda row, k=f"lost {which}": f"{row[k][0]:.2f}"),  # type: ignore[misc]
            Column("distance", 16, measured(f"distance {which}", 4), "±"),
        ]
    over = f"{'':7}" + "".join(f"{name:^23}" for name in REMEDIES.values())
    title = "An exact node, one period: share that lost a beable, rms distance of rho_0 from Schrödinger's after it"
    return Table(title, columns, shown, over)


def _lives(rows: list[Row]) -> Table:
    columns = [
        Column("state", 14, word("state"), "<"),
        Column("N", 8, _size),
        Column("deaths", 8, number("deaths")),
        Column("lifetime", 20, lambda row: pm(row["lifetime"], 1 if row["lifetime"][0] > 20 else 2), "±"),
        Column("path minima", 14, lambda row: _far(row["path minima"])),
        Column("torus", 12, lambda row: _far(row["torus"])),
        Column("over path", 16, lambda row: pm(row["over path"], 2) if row["path minima"] < 1e6 else "", "±"),
    ]
    return Table("How long until a beable dies (units of 1/omega), and what passes add up to", columns, rows)


def _far(value: float) -> str:
    return f"{value:.4g}" if value < 1e6 else f"{value:.0e}".replace("e+", "e") if value < 1e99 else "never"


def _bell(row: Row) -> str:
    return (
        f"Bell's process, N = {row['N']}: some beable has nobody for {pm(row['empty'], 4)} of the time (independent "
        f"members: {row['expected']:.4f}),\nnever longer than {row['longest']:.1f}; for good in {row['for good']:.0%} "
        "of ensembles."
    )
