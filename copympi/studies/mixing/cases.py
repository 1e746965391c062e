"""What the study of mixing runs.

cycle       two levels: who has stayed after half a cycle, and what is remembered after a whole one
size        the same against N; spectators: with members that never copy; phases: with phases that are not aligned
average     the share of time that one member of two levels has spent in a beable
relaxation  members that began in one beable, against time: two levels, a wave on a ring, a random H
random      random H of 2 to 64 levels: when half of the members' beables say nothing any more of where they began
ring        a wave on rings of 8 to 32 sites: in how many turns it forgets
stationary  real stationary states: counts of exactly N rho, and one member of rounding
box         a box with 4 to 64 modes, on lattices, and by particles that drift
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi.model.system import System
from copympi.studies.mixing import model
from copympi.studies.mixing.followed import Ensembles

STARTS = ((90, 80), (90, 70), (90, 60), (90, 40), (60, 45), (60, 30), (60, 15))
"""Axis of H and top of the path, degrees from the axis of the beables."""
ONE = (90, 75)
"""The start whose N, spectators and phases are varied: 0.63 and 0.37 at its ends."""
SAMPLES = 2_000_000
"""Members of all replicas together, of most cases."""
MOST = 8000
"""Replicas of a case."""
SIZES = (30, 100, 300, 1000, 10_000, 100_000)
PINNED = (10, 50, 100, 150)
SPREADS = (0.5, 1.0, 2.0, np.pi)
PERIODS, A_PERIOD = 64, 16
"""How long time averages are taken, and looks in a period."""
LEVELS: dict[int, tuple[int, float]] = {
    2: (16, 40.0), 4: (12, 16.0), 8: (12, 8.0), 16: (8, 5.0), 32: (6, 3.0), 64: (2, 1.2)
}  # fmt: skip
"""Levels of a random H -> how many of them, and how long each is watched, hbar over the spread of energies."""
LOOKS = 40
A_SITE = 2000
"""Members."""
RINGS = (8, 16, 32)
TURNS = 1.0
"""How long rings are watched, over the turns in which they forget."""
HALF_SIZES = (500, 5000, 50_000)
"""n_0 = n_1 in stationary states."""
LATEST = 3.0
"""How long these are watched: times sqrt(N)/R."""
MODES: dict[int, int] = {4: 120, 16: 60, 64: 30}
"""Modes in a box -> looks, EVERY apart."""
DRAWS = 3
"""Of the modes' phases; fewer on the finest lattice."""
SIDES = (0, 32, 64)
"""Sites to a side; 0: no lattice."""


@dataclass(frozen=True)
class Case:
    """One run: `what` says of which system, `number` which one of several alike."""

    part: str
    what: str
    members: int
    replicas: int
    interval: float = 0.0
    records: int = 0
    spectators: int = 0
    spread: float = 0.0
    axis: float = 0.0
    top: float = 0.0
    levels: int = 2
    number: int = 0

    @property
    def name(self) -> str:
        size = f", N = {self.members}" if self.members else ""
        return f"{self.part}: {self.what}{size}"

    @property
    def place(self) -> str:
        return f"cases/{self.part}, {self.what}, N = {self.members}"

    @property
    def settings(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def system(self) -> tuple[System, model.Complex]:
        """H and Psi at the start."""
        if self.part == "ring" or self.what == "ring":
            return model.ring(self.levels)
        if self.part == "random" or self.what == "random H":
            return model.random_levels(self.levels, self.number)
        if self.part == "stationary":
            return model.real_ground_state() if self.what == "four levels" else model.two_equal()
        return model.two_levels(self.axis, self.top)

    @property
    def ensembles(self) -> Ensembles:
        system, psi = self.system
        counts = None
        if self.part == "stationary" and self.what != "four levels":
            half = self.members // 2
            counts = (self.members - half, half)
        return Ensembles(
            system, psi, self.members, self.replicas, self.interval, self.records, self.spectators, self.spread, counts
        )


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    few = 20 if quick else 1

    def of(part: str, what: str, members: int, interval: float, records: int, **more: Any) -> Case:
        samples = SAMPLES // 8 if part == "phases" else SAMPLES  # members with phases of their own are slow
        R = replicas or max(4, min(MOST, samples // members) // few)
        return Case(part, what, members, R, interval, records, **more)

    one = {"axis": ONE[0], "top": ONE[1]}
    out = [of("cycle", f"{a}, {b} degrees", 10_000, 0.5, 2, axis=a, top=b) for a, b in STARTS]
    out += [of("size", "two levels", N, 0.5, 2, **one) for N in (SIZES[::2] if quick else SIZES)]
    out += [of("spectators", f"{s} a beable", 1000, 0.5, 2, spectators=s, **one) for s in PINNED]
    out += [
        of("phases", f"spread {x:.2f}", 1000, 0.5, 2, spread=x, **one) for x in (SPREADS[::3] if quick else SPREADS)
    ]
    periods = 16 if quick else PERIODS
    out += [Case("average", "two levels", 10_000, replicas or 8, 1 / A_PERIOD, periods * A_PERIOD, **one)]
    for N, R in ((1000, 400), (50_000, 20)):
        R = replicas or R // (4 if quick else 1)
        out.append(Case("relaxation", "two levels", N, R, 0.05, 60, axis=90, top=80))
        out.append(Case("relaxation", "ring", N, R, 0.5, 40, levels=8))
        out.append(Case("relaxation", "random H", N, R, 0.1, 50, levels=8))
    out += _random(quick, replicas)
    for P in RINGS[:2] if quick else RINGS:
        out += [
            Case(
                "ring",
                f"{P} sites",
                A_SITE * P,
                replicas or (2 if quick else 4),
                model.ring_time(P) * TURNS / 15,
                15,
                levels=P,
            )
        ]
    return [*out, *_stationary(quick, replicas), *_box(quick, replicas)]


def _random(quick: bool, replicas: int | None) -> Iterator[Case]:
    for P, (count, duration) in LEVELS.items():
        if quick and max(LEVELS) == P:
            continue
        for k in range(2 if quick else count):
            N, what = 100_000 if P <= 16 else 400_000, f"{P} levels {k}"
            yield Case("random", what, N, replicas or 2, duration / LOOKS, LOOKS, levels=P, number=k)


def _stationary(quick: bool, replicas: int | None) -> Iterator[Case]:
    for half in HALF_SIZES[:2] if quick else HALF_SIZES:
        N = 2 * half
        R = replicas or max(40, (20_000 if quick else 400_000) // N)
        interval = LATEST * N**0.5 / 15
        yield Case("stationary", "two levels, equal", N, R, interval, 15)
        yield Case("stationary", "two levels, one member more", N + 1, R, interval, 15)
        yield Case("stationary", "four levels", N, R, interval, 15, levels=4)


def _box(quick: bool, replicas: int | None) -> Iterator[Case]:
    for side in SIDES[:2] if quick else SIDES:
        fine = side == max(SIDES)
        for modes in MODES:
            what = f"{modes} modes, {side} sites a side" if side else f"{modes} modes, no lattice"
            R = replicas or (2 if quick or fine else DRAWS)
            yield Case("box", what, 0, R, 0.0, MODES[modes] // (3 if quick else 1), levels=modes, number=side)
