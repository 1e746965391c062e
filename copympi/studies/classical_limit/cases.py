"""What the study of the classical limit runs: problems of one particle on a ring, and ensembles that solve them.

A coherent state in a harmonic well, a packet that comes to the barrier of a double well, and a pendulum at smaller and
smaller hbar; few members and many, with spectators and without.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from copympi.model.build import lattice
from copympi.model.packets import amplitudes
from copympi.model.system import System

OMEGA, WIDTH, AWAY = 1 / 72, 6.0, -16.0
"""Harmonic well: of its coherent state the width is sqrt(hbar/(2 m omega)). LatticeCounts."""
BARRIER: dict[str, Any] = {"kind": "double-well", "height": 0.03, "separation": 96.0}
APPROACH = {"centre": -48.0, "width": 6.0, "wave_number": 0.25}
"""A packet at the bottom of the left well whose energy is 1.04 times the barrier's height in the mean."""
ANGLE = -1.0
"""Where the pendulum of length, mass and gravity 1 is let go, rad."""
SITES_PER_QUANTUM = 8
"""abar = hbar/8 (rounded to whole sites on the circle): abar p/hbar of (62) is at most 0.12, whatever hbar."""
LARGE = 1e80
"""About the number of atoms in the universe."""
Solver = tuple[float, int]
"""Members, spectators a site."""


@dataclass(frozen=True)
class Problem:
    """A packet in a potential, m = 1. kind : harmonic, double well or pendulum; unit : of time, in times of the system;
    inverse : 1/hbar; length : of the ring. Recorded `records` times in `duration`."""

    kind: str
    sites: int
    potential: Any
    packet: dict[str, float]
    duration: float
    records: int
    unit: float = 1.0
    inverse: int = 1
    length: float | None = None

    @property
    def name(self) -> str:
        return self.kind if self.inverse == 1 else f"{self.kind}, hbar = {self.hbar:g}"

    @property
    def hbar(self) -> float:
        return 1 / self.inverse

    @property
    def interval(self) -> float:
        return self.duration / self.records

    @property
    def settings(self) -> dict[str, Any]:
        packet = {f"packet {key}": value for key, value in self.packet.items()}
        return {"hbar": self.hbar, "spacing": self.system.lattice.spacing[0], "duration": self.duration, **packet}  # type: ignore[union-attr]

    @cached_property
    def system(self) -> System:
        abar = 1.0 if self.length is None else self.length / self.sites
        return lattice(self.sites, spacing=abar, hbar=self.hbar, potential=self.potential)

    @cached_property
    def state(self) -> Any:
        """Psi at t = 0, (P,)."""
        return amplitudes(self.packet, self.system)[0]


@dataclass(frozen=True)
class Case:
    """An ensemble that a problem is given to."""

    problem: Problem
    members: float
    spectators: int
    replicas: int

    @property
    def size(self) -> str:
        return f"{self.members:.0e}".replace("e+0", "e").replace("e+", "e")

    @property
    def solver(self) -> Solver:
        return self.members, self.spectators

    @property
    def name(self) -> str:
        return f"{self.problem.name}, N = {self.size}, s = {self.spectators}"

    @property
    def place(self) -> str:
        return f"{self.problem.name}/N = {self.size}, s = {self.spectators}"

    @property
    def settings(self) -> dict[str, Any]:
        own = {"members": self.members, "spectators": self.spectators, "replicas": self.replicas}
        return {**self.problem.settings, "records": self.problem.records, **own}


@dataclass(frozen=True)
class Solution:
    """A problem given to Schroedinger's equation and to Newton's; it draws nothing."""

    problem: Problem

    @property
    def name(self) -> str:
        return f"{self.problem.name}, Schroedinger and Newton"

    @property
    def place(self) -> str:
        return self.problem.name

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.problem.settings, "records": self.problem.records}


def harmonic() -> Problem:
    """One period of a coherent state, at 16 sites from the middle."""
    period = 2 * np.pi / OMEGA
    packet = {"centre": AWAY, "width": WIDTH}
    return Problem("harmonic", 128, {"kind": "harmonic", "omega": OMEGA}, packet, period, 120, period)


def double_well(quick: bool) -> Problem:
    """Up to the barrier, where Newton's particle just passes and the wave splits; and back."""
    return Problem("double well", 256, BARRIER, APPROACH, 600.0 if quick else 1200.0, 60 if quick else 120)


def pendulum(inverse: int) -> Problem:
    """One period of small swings, from ANGLE, of the ground state of small swings, sigma = sqrt(hbar/2)."""
    sites = 2 * round(np.pi * SITES_PER_QUANTUM * inverse)
    packet = {"centre": ANGLE, "width": float(np.sqrt(0.5 / inverse))}
    potential = {"kind": "cosine", "depth": -1.0, "period": 2 * np.pi}
    return Problem("pendulum", sites, potential, packet, 2 * np.pi, 60, 2 * np.pi, inverse, 2 * np.pi)


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order. 1e80 members need no replicas, and swings take a quarter of them."""
    many = replicas if replicas is not None else (2 if quick else 8)
    few = max(2, many // 4)
    wells = [
        Case(problem, members, spectators, 1 if members == LARGE else many)
        for problem in (harmonic(), double_well(quick))
        for members in (1e6, 1e9, LARGE)
        for spectators in (0, 1)
    ]
    swings: dict[Solver, tuple[int, ...]] = {
        (LARGE, 0): (2, 4, 8) if quick else (4, 8, 16, 32, 64),
        (LARGE, 1): (2, 4) if quick else (4, 8, 16, 32, 64),
        (1e9, 0): (2, 4) if quick else (4, 8, 16, 32),
        (1e9, 1): (2, 4) if quick else (4, 8, 16),
    }
    problems = {inverse: pendulum(inverse) for inverse in sorted({k for each in swings.values() for k in each})}
    return wells + [
        Case(problems[inverse], members, spectators, 1 if members == LARGE else few)
        for (members, spectators), inverses in swings.items()
        for inverse in inverses
    ]


def with_solutions(quick: bool, replicas: int | None) -> list[Case | Solution]:
    """The ensembles, and after them the solutions of their problems: case k draws from seed + k."""
    ensembles = cases(quick, replicas)
    return [*ensembles, *map(Solution, {case.problem.name: case.problem for case in ensembles}.values())]
