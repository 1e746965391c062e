"""The tables of the study of coarse graining, at most 100 columns wide."""

from __future__ import annotations

import numpy as np

from copympi.report.tables import Column, Row, Table, measured, number, pm, word
from copympi.report.tables import text as as_text
from copympi.studies.coarse_graining.numbers import Answers

COLUMNS = {
    "k": ("sites", "sites in a box"),
    "theta": ("rad", "wave number times the spacing of sites"),
    "kappa": ("rad", "(62): wave number times the spacing of boxes; in the well the largest"),
    "speed": ("1", "speed of the boxes' <x> over that of the sites'"),
    "lattice": ("1", "the same by the lattices' dispersion"),
    "distance": ("1", "total variation distance from the sites' density summed over boxes, at the end"),
    "distance error": ("1", "its standard error over replicas"),
    "distance 1": ("1", "the same after a quarter of a period"),
    "distance 2": ("1", "after half a period"),
    "distance 4": ("1", "after a period"),
    "amplitude": ("abar", "distance from the middle of the well at the start"),
    "period": ("1", "four times the time to the middle of the well, over Newton's period"),
    "pendulum": ("1", "(2/pi) K(kappa/2) exp((A/(4 width))^2), A the spacing of boxes"),
    "astray": ("1", "largest difference of <x> from the sites', over the amplitude"),
    **{
        name.format(phase): ("1", what.format(phase))
        for phase in ("middle", "sum", "current")
        for name, what in (
            ("speed {}", "speed at the start over the sites', phase of a box: {}"),
            ("distance {}", "largest distance of densities in half a period, phase of a box: {}"),
        )
    },
    "members": ("members", "N"),
    "a beable": ("members", "N/P"),
    "noise": ("1", "distance from the same boxes' Schroedinger equation, mean over replicas"),
    "floor": ("1", "distance of that from the sites' Schroedinger equation"),
    "dead": ("1", "share of beables that are empty at the end, mean over replicas"),
    "first death": ("n m abar^2/hbar", "when a first beable is empty, mean over replicas"),
    "first death error": ("n m abar^2/hbar", "its standard error"),
    "dead 1": ("1", "share of empty beables at t = n m abar^2/hbar, mean over replicas"),
    "dead 3": ("1", "at three times that"),
    "part": ("", "body: in the well; fall: under a constant force"),
    "spectators": ("members", "pinned in each box"),
    "off boxes": ("abar", "rms over replicas and records of <x> less that of the boxes' Schroedinger equation"),
    "scatter": ("abar", "rms over records of the standard deviation of <x> over replicas"),
    "expected": ("abar", "the same by the linear noise approximation"),
    "off newton": ("abar", "rms over replicas and records of <x> less Newton's"),
}
"""Column of a row -> (units, what it is)."""
PHASES = {"middle": "S at its middle", "sum": "of its summed amplitude", "current": "carries the fine current"}
FOOT = """\
m = hbar = abar = 1; k sites in a box, 1: the sites. kappa  k abar |dS/dx|/hbar of (62), in the
well the largest Newton gives. distance  total variation distance between densities over boxes: the
share of the members that is elsewhere. lattice  sin(kappa)/(k sin(kappa/k)) and the packets'
overlaps. pendulum (2/pi) K(kappa/2) exp((A/4 width)^2), A = k abar: boxes make a pendulum of the
well; from kappa = 2 on it goes round. n  members a beable; s  spectators a box. LNA  linear noise
approximation."""


def text(answers: Answers) -> str:
    """All tables."""
    a = answers
    tables = (_free(a.free), _well(a.well), _far(a.far), _phase(a.phase), _wave(a.wave), _life(a.life), _body(a.body))
    return as_text(*tables, FOOT)


def _sorted(rows: list[Row], *keys: str) -> list[Row]:
    return sorted(rows, key=lambda row: tuple(row[key] for key in keys))


def _free(rows: list[Row]) -> Table:
    columns = [
        Column("k", 4, number("k")),
        Column("kappa", 9, number("kappa", ".3f")),
        Column("measured", 12, number("speed", ".4f")),
        Column("lattice", 12, number("lattice", ".4f")),
        Column("sin(kappa)/kappa", 20, lambda row: f"{np.sin(row['kappa']) / row['kappa']:.4f}"),
        Column("distance", 12, number("distance", ".4f")),
    ]
    title = "Free packets, N = 1e80, a spectator a box: speed of the boxes over that of the sites"
    return Table(title, columns, _sorted(rows, "k", "kappa"))


AFTER = [Column(at, 9, number(f"distance {m}", ".4f")) for m, at in ((1, "T/4"), (2, "T/2"), (4, "T"))]


def _well(rows: list[Row]) -> Table:
    columns = [
        Column("k", 4, number("k")),
        Column("amplitude", 12, number("amplitude")),
        Column("kappa", 9, number("kappa", ".3f")),
        Column("measured", 16, number("period", ".4f", "never")),
        Column("pendulum", 11, number("pendulum", ".4f", "never")),
        Column("/ampl.", 11, number("astray", ".3f")),
        Column("", 2, word("")),
        *AFTER,
    ]
    over = f"{'':30}{'period over that of Newton':^26}{'<x> off':>8}{'distance after':>22}"
    title = "Coherent packets in a harmonic well, N = 1e80, a spectator a box: boxes against sites"
    return Table(title, columns, _sorted(rows, "kappa", "k"), over)


def _far(rows: list[Row]) -> Table:
    title = "The same on sites without spectators: distance from Schrödinger's equation"
    return Table(title, [Column("amplitude", 16, number("amplitude")), *AFTER], rows)


def _phase(rows: list[Row]) -> Table:
    columns = [Column("k", 4, number("k")), Column("kappa", 9, number("kappa", ".3f"))]
    for phase in PHASES:
        columns.append(Column("speed", 12, number(f"speed {phase}", ".4f", "none")))
        columns.append(Column("distance", 12, number(f"distance {phase}", ".4f", "")))
        columns.append(Column("", 4, word("")))
    over = f"{'':13}" + "".join(f"{name:^28}" for name in PHASES.values())
    title = "Which phase has a box? Speed at the start over the sites', largest distance in half a period"
    return Table(title, columns, rows, over)


def _wave(rows: list[Row]) -> Table:
    """A row for each N, and the distances that are left at N without end."""
    widths = sorted({r["k"] for r in rows})
    shown: list[Row] = []
    for N in sorted({r["members"] for r in rows}):
        mine = {r["k"]: r for r in rows if r["members"] == N}
        row: Row = {"N": f"{N:.0e}"}
        row |= {f"distance {k}": (r["distance"], r["distance error"]) for k, r in mine.items()}
        shown.append({**row, **{f"dead {k}": r["dead"] for k, r in mine.items()}})
    floors = {f"distance {r['k']}": (r["floor"], np.nan) for r in rows}
    columns = [Column("N", 7, word("N"))]
    for k in widths:
        columns.append(Column("distance", 18, measured(f"distance {k}", 5), "±"))
        columns.append(Column("dead", 5, number(f"dead {k}", ".2f", ""), "<"))
    over = f"{'':7}" + "".join(f"{f'k = {k}' if k > 1 else 'sites':^23}" for k in widths)
    title = "A wave on 64 sites: distance from the sites' Schrödinger equation in 8 boxes; dead beables"
    return Table(title, columns, [*shown, {"N": "floor", **floors}], over)


def _life(rows: list[Row]) -> Table:
    columns = [
        Column("k", 4, number("k")),
        Column("n", 8, number("a beable", ".0f")),
        Column("N", 9, number("members", ".0f")),
        Column("first death", 20, lambda row: pm((row["first death"], row["first death error"]), 3)),
        Column("dead at 1", 14, number("dead 1", ".3f")),
        Column("dead at 3", 12, number("dead 3", ".3f")),
    ]
    return Table("The same wave for longer: when do beables die? Times in units of n m A²/ħ, A = k abar", columns, rows)


def _body(rows: list[Row]) -> Table:
    """A row for each N and number of spectators, the well and the fall side by side."""
    shown: list[Row] = []
    for s in (0, 1):
        for N in sorted({r["members"] for r in rows}):
            row: Row = {"N": f"{N:.0e}", "s": s}
            for r in (r for r in rows if (r["members"], r["spectators"]) == (N, s)):
                row |= {f"{name} {r['part']}": value for name, value in r.items()}
            shown.append(row)
    columns = [Column("N", 7, word("N")), Column("s", 4, number("s"))]
    heads = {"off boxes": "off QM", "scatter": "scatter", "expected": "LNA", "off newton": "off Newton"}
    for part in ("body", "fall"):
        columns += [Column(head, 11, number(f"{name} {part}", ".2g")) for name, head in heads.items()]
        columns.append(Column("", 1, word("")))
    over = f"{'':11}{'harmonic well':^44} {'constant force':^44}"
    title = "N atoms of one body in boxes, <x> in boxes: rms distance over one period of a well, or a fall"
    return Table(title, columns, shown, over)
