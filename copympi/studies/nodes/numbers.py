"""What the study of nodes measures, beside what theory says without a fitted number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from copympi.engine.splitting import estimate
from copympi.report.tables import Row
from copympi.studies.frame import Done
from copympi.studies.nodes.cases import SETTINGS, wandering
from copympi.studies.nodes.ensembles import wavefunction
from copympi.studies.nodes.runs import PERIOD, curve_start, remedy_start
from copympi.theory import lifetimes, passes
from copympi.theory.near_field import death
from copympi.theory.schrodinger import density

LARGE = 1000
"""Members from which on points are judged: below, n_a is not far below n_b, as the formula asks for."""
PATH = 400_000.0
"""Length of the paths whose minima are added up."""


@dataclass(frozen=True)
class Answers:
    """The rows of all tables, and two numbers: chi^2 of the points with N >= LARGE and how many there are."""

    curve: list[Row]
    rare: list[Row]
    paper: list[Row]
    remedy: list[Row]
    life: list[Row]
    bell: list[Row]
    done: list[Done]

    @classmethod
    def of(cls, done: list[Done]) -> Answers:
        def part(name: str) -> list[Done]:
            return [each for each in done if each.case.part == name]

        return cls(
            [curve_row(each) for each in part("curve")],
            [rare_row(each) for each in part("rare")],
            [row for each in part("paper") for row in paper_rows(each)],
            [remedy_row(each) for each in part("remedy")],
            list(life_rows(part("life"))),
            [bell_row(each) for each in part("bell")],
            done,
        )

    def tables(self) -> dict[str, list[Row]]:
        return {name: rows for name, rows in vars(self).items() if name != "done"}

    @property
    def chi_square(self) -> tuple[float, int, float]:
        """Of the passes with N >= LARGE: chi^2, how many, and the chance of a larger one if the formula is right."""
        return chi_square([r["z"] for r in self.curve if r["N"] >= LARGE])


def chi_square(z: list[float]) -> tuple[float, int, float]:
    """Sum of squares of deviations in standard errors, how many, and the chance of more by luck alone."""
    total = float(np.sum(np.square(z)))
    return total, len(z), float(chi2.sf(total, len(z))) if z else np.nan


def curve_row(each: Done) -> Row:
    """A pass: P(death) over both sides, and the formula at the counts of both starts, as they were rounded.

    reduced : P sqrt(1 + 2 s^2/kappa), and scaled : the x/(kappa + 2 s^2) at which the formula has its own value.
    """
    case, system = each.case, SETTINGS[each.case.what].system
    _, before = curve_start(case, 1)
    psi = wavefunction(each.arrays["start"], each.arrays["start_phase"])
    sides = [passes.at(system, each_psi, 0, before) for each_psi in psi]
    expected = float(np.mean([side.death(case.members) for side in sides]))
    kappa, s2 = (float(np.mean([getattr(side, name) for side in sides])) for name in ("kappa", "s2"))
    measured = float(each.arrays["died"].mean())
    error = float(np.sqrt(expected * (1 - expected) / each.arrays["died"].size))
    spread = np.sqrt(1 + 2 * s2 / kappa)
    return {
        "pass": case.what,
        "start": case.start,
        "N": case.members,
        "speed": abs(sides[0].K),
        "kappa": kappa,
        "s2": s2,
        "x": float(np.mean([side.rho_min for side in sides]) * case.members),
        "P": (measured, error),
        "formula": expected,
        "z": (measured - expected) / error,
        "scaled": float(-np.log(expected * spread)),
        "reduced": (measured * spread, error * spread),
    }


def rare_row(each: Done) -> Row:
    """Splitting: the mean of independent repeats, half of them on each side, beside the formula."""
    case = each.case
    (rho, s2), kappa = each.arrays["distance"].mean(axis=0), 1.0  # two levels
    measured, error = estimate(each.arrays["chance"])
    expected = float(death(rho, kappa, s2))
    return {
        "start": case.start,
        "x": case.number,
        "s2": float(s2),
        "P": (measured, error),
        "formula": expected,
        "z": (measured - expected) / error,
        "exp(-x/kappa)": float(np.exp(-rho / kappa)),
    }


def paper_rows(each: Done) -> Iterator[Row]:
    """Mean n_0 just behind the node at each time, beside the path from there, and what (64) says at n_0 = 0."""
    n, clock = each.arrays["occupation"].astype(float), each.arrays["time"]
    for k, now in enumerate(clock):
        error = float(n[:, k].std(ddof=1) / np.sqrt(len(n)))
        yield {
            "n at 0": int(each.case.number),
            "clock": float(now),
            "n": (float(n[:, k].mean()), error),
            "path": float((np.sqrt(each.case.number) + now) ** 2),
            "(64)": float(now**2),
        }


def remedy_row(each: Done) -> Row:
    """Who lost a beable, and rms distance of rho_0 from Schroedinger's of the state without admixture."""
    case = each.case
    system, n, phi, spectators = remedy_start(case.what, case.members)
    time = each.arrays["time"]
    wished = remedy_start("none", case.members)[1:3] if case.what == "admixture" else (n, phi)
    want = density(system, wavefunction(*wished), time)[:, 0]
    counts = each.arrays["occupation"]
    square = ((counts[:, :, 0] / case.members - want) ** 2).mean(axis=1)
    lost = (counts[:, -1] == 0).any(axis=1)
    R = len(square)
    rms = float(np.sqrt(square.mean()))
    return {
        "remedy": case.what,
        "N": case.members,
        "lost": (float(lost.mean()), float(np.sqrt((lost.mean() * (1 - lost.mean()) + 0.25 / R) / R))),
        "formula": _lost(system, n, phi, case),
        "distance": (rms, float(square.std(ddof=1) / np.sqrt(R) / (2 * rms))),
        "spectators": spectators,
    }


def _lost(system: Any, n: NDArray[np.int64], phi: NDArray[np.float64], case: Any) -> float:
    """Chance that beable 0 dies in its pass of the period; NaN where the formula is not for it."""
    if case.what in ("spectator", "basis"):
        return np.nan
    return float(passes.find(system, wavefunction(n, phi), 0, PERIOD).death(case.members))


def life_rows(done: list[Done]) -> Iterator[Row]:
    """Lifetimes: total time over deaths, beside the minima of a long path and the torus of phases."""
    for what in dict.fromkeys(each.case.what for each in done):
        mine = [each for each in done if each.case.what == what]
        system, psi = wandering(what)
        N = np.array([each.case.members for each in mine], dtype=float)
        rates = np.array([lifetimes.along_path(system, psi, a, N, PATH) for a in range(system.P)])
        torus = sum(lifetimes.on_torus(system, psi, a)[0] for a in range(system.P))
        path, error = rates[:, 0].sum(axis=0), np.sqrt((rates[:, 1] ** 2).sum(axis=0))
        for k, each in enumerate(mine):
            died, lived = int(each.arrays["died"].sum()), float(each.arrays["lived"].sum())
            life = lived / died if died else np.inf
            yield {
                "state": what,
                "N": each.case.members,
                "deaths": died,
                "lifetime": (life, life / np.sqrt(died) if died else np.inf),
                "path minima": 1 / path[k] if path[k] > 0 else np.inf,
                "path error": error[k] / path[k] / path[k] if path[k] > 1e-150 else np.inf,
                "torus": np.sqrt(N[k]) / torus if torus > 0 else np.inf,
                "over path": (life * path[k], life * path[k] / np.sqrt(died)) if died else (np.inf, np.inf),
            }


def bell_row(each: Done) -> Row:
    """How often a beable is empty in Bell's process, for how long at most, and how often independent members would."""
    empty, time = each.arrays["empty"].astype(bool), each.arrays["time"]
    share = empty.mean(axis=1)
    longest = max((int(run) for row in empty for run in _runs(row)), default=0)
    return {
        "N": each.case.members,
        "empty": (float(share.mean()), float(share.std(ddof=1) / np.sqrt(len(share)))),
        "expected": float(each.arrays["expected"].mean()),
        "longest": longest * float(time[1] - time[0]),
        "for good": float(empty[:, -len(time) // 4 :].all(axis=1).mean()),
    }


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs of True."""
    edge = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return np.asarray(edge[1::2] - edge[::2])


def survival(each: Done, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the ensembles of a case of `life` that have lost a beable by `time` (T,)."""
    lived = each.arrays["lived"][:, None]
    return np.asarray(((each.arrays["died"][:, None] == 1) & (lived <= time)).mean(axis=0))
