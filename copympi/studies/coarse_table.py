"""The tables of the study of coarse graining, at most 100 columns wide."""

from __future__ import annotations

import numpy as np

from copympi.studies.coarse_numbers import Answers, Row

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
RULE = "-" * 100
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
    parts = [_free(a.free), _well(a.well, a.far), _phase(a.phase), _wave(a.wave), _life(a.life), _body(a.body)]
    return "\n".join(line.rstrip() for part in parts for line in (*part, "")) + "\n" + FOOT


def _free(rows: list[Row]) -> list[str]:
    lines = ["Free packets, N = 1e80, a spectator a box: speed of the boxes over that of the sites", ""]
    lines += [f"{'k':>4}{'kappa':>9}{'measured':>12}{'lattice':>12}{'sin(kappa)/kappa':>20}{'distance':>12}", RULE]
    for r in sorted(rows, key=lambda r: (r["k"], r["kappa"])):
        sine = np.sin(r["kappa"]) / r["kappa"]
        lines.append(
            f"{r['k']:4}{r['kappa']:9.3f}{r['speed']:12.4f}{r['lattice']:12.4f}{sine:20.4f}{r['distance']:12.4f}"
        )
    return lines


def _well(rows: list[Row], far: list[Row]) -> list[str]:
    lines = ["Coherent packets in a harmonic well, N = 1e80, a spectator a box: boxes against sites", ""]
    lines += [f"{'':30}{'period over that of Newton':^26}{'<x> off':>8}{'distance after':>22}"]
    lines += [
        f"{'k':>4}{'amplitude':>12}{'kappa':>9}{'measured':>16}{'pendulum':>11}{'':2}{'/ampl.':>9}"
        f"{'T/4':>11}{'T/2':>9}{'T':>9}",
        RULE,
    ]
    for r in sorted(rows, key=lambda r: (r["kappa"], r["k"])):
        period, pendulum = (f"{r[x]:.4f}" if np.isfinite(r[x]) else "never" for x in ("period", "pendulum"))
        lines.append(
            f"{r['k']:4}{r['amplitude']:12g}{r['kappa']:9.3f}{period:>16}{pendulum:>11}{'':2}{r['astray']:9.3f}{_after(r)}"
        )
    why = "no spectators, off Schrödinger's"
    return [*lines, *(f"{1:4}{r['amplitude']:12g}  {why}".ljust(63) + _after(r) for r in far)]


def _after(row: Row) -> str:
    return f"{row['distance 1']:11.4f}{row['distance 2']:9.4f}{row['distance 4']:9.4f}"


def _phase(rows: list[Row]) -> list[str]:
    lines = [
        "Which phase has a box? Speed at the start over the sites', largest distance in half a period",
        "",
    ]
    lines += [f"{'':13}{'S at its middle':^28}{'of its summed amplitude':^28}{'carries the fine current':^28}"]
    lines += [f"{'k':>4}{'kappa':>9}" + f"{'speed':>12}{'distance':>12}{'':4}" * 3, RULE]
    for r in rows:
        line = f"{r['k']:4}{r['kappa']:9.3f}"
        for phase in ("middle", "sum", "current"):
            speed, off = r[f"speed {phase}"], r[f"distance {phase}"]
            line += f"{speed:12.4f}{off:12.4f}{'':4}" if np.isfinite(speed) else f"{'none':>12}{'':16}"
        lines.append(line)
    return lines


def _wave(rows: list[Row]) -> list[str]:
    widths = sorted({r["k"] for r in rows})
    floors = {r["k"]: r["floor"] for r in rows}
    lines = ["A wave on 64 sites: distance from the sites' Schrödinger equation in 8 boxes; dead beables", ""]
    lines += [f"{'':7}" + "".join(f"{f'k = {k}' if k > 1 else 'sites':^23}" for k in widths)]
    lines += [f"{'N':>7}" + f"{'distance':^17}{'dead':<6}" * len(widths), RULE]
    for N in sorted({r["members"] for r in rows}):
        line = f"{N:7.0e}"
        for r in sorted((r for r in rows if r["members"] == N), key=lambda r: int(r["k"])):
            line += f"{r['distance']:9.5f}±{r['distance error']:.5f} {r['dead']:<4.2f} "[:23].ljust(23)
        lines.append(line)
    return [*lines, f"{'floor':>7}" + "".join(f"{floors[k]:9.5f}".ljust(23) for k in widths)]


def _life(rows: list[Row]) -> list[str]:
    lines = ["The same wave for longer: when do beables die? Times in units of n m A²/ħ, A = k abar", ""]
    lines += [f"{'k':>4}{'n':>8}{'N':>9}{'first death':>20}{'dead at 1':>14}{'dead at 3':>12}", RULE]
    for r in rows:
        first = f"{r['first death']:.3f}±{r['first death error']:.3f}"
        lines.append(
            f"{r['k']:4}{r['a beable']:8.0f}{r['members']:9.0f}{first:>20}{r['dead 1']:14.3f}{r['dead 3']:12.3f}"
        )
    return lines


def _body(rows: list[Row]) -> list[str]:
    lines = ["N atoms of one body in boxes, <x> in boxes: rms distance over one period of a well, or a fall", ""]
    lines += [f"{'':11}{'harmonic well':^44}{'':1}{'constant force':^44}"]
    lines += [f"{'N':>7}{'s':>4}" + f"{'off QM':>11}{'scatter':>11}{'LNA':>11}{'off Newton':>11} " * 2, RULE]
    for s in (0, 1):
        for N in sorted({r["members"] for r in rows}):
            line = f"{N:7.0e}{s:4}"
            for part in ("body", "fall"):
                r = next(r for r in rows if (r["part"], r["members"], r["spectators"]) == (part, N, s))
                line += "".join(f"{r[c]:11.2g}" for c in ("off boxes", "scatter", "expected", "off newton")) + " "
            lines.append(line)
    return lines
