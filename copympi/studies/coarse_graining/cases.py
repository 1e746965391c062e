"""What the study of coarse graining runs: boxes of k sites, and the atoms of one body as their own ensemble.

m = hbar = 1 throughout, and the spacing of the finest lattice of a part is 1. Six parts:

free   packets of unlike wave number on a chain, N = 1e80, a spectator a box: how fast boxes go
well   the same in a harmonic well: densities, and the pendulum that boxes make of the well
wave   a wave round a ring, N = 1e2 to 1e9: which model is nearer to the sites' quantum mechanics at which N
life   the same for much longer: when beables die
body   atoms of one body in boxes in a harmonic well against Newton, with and without spectators
fall   the same under a constant force
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi.studies.coarse_graining.model import Model, middled, packet, wave

ENDLESS = 1e80
"""Members where noise is not what is asked about."""
WIDTH, DISTANCE = 32.0, 64.0
"""Of the free packets, and how far the fine one goes, in sites."""
WELL = 16.0
"""Width of a coherent packet in the well, in sites: its omega is 1/(2 width^2), its period 4 pi width^2."""
FAR = 160.0
"""Amplitude from where 1e80 copies without spectators do not reach."""
BODY = 6.0
"""Width of the body, in boxes: that of a coherent packet in its well."""
FORCE, FALL = 1 / 200, 100.0
"""On the falling body, and for how long."""
RING, CONTRAST = 64, 0.4
QUARTER = RING**2 / (4 * np.pi)
"""Time in which the wave goes a quarter round."""
LIFE = 3.0
"""Time watched, in units of n m abar^2/hbar, n members a beable."""


@dataclass(frozen=True)
class Part:
    """What one part of the study starts from, by its number `start`, and how often it is recorded."""

    make: Callable[[float], Model]
    duration: Callable[[float], float]
    records: int


def _in_well(sites: int, amplitude: float, width: float) -> Model:
    return packet(sites, -amplitude, width, 0.0, middled(sites) ** 2 / (8 * width**4))


def _falling(height: float) -> Model:
    return packet(128, height, BODY, 0.0, FORCE * middled(128))


PARTS = {
    "free": Part(lambda theta: packet(512, -DISTANCE, WIDTH, theta), lambda theta: DISTANCE / np.sin(theta), 4),
    "well": Part(lambda amplitude: _in_well(512, amplitude, WELL), lambda _: 5 * np.pi * WELL**2, 100),
    "wave": Part(lambda contrast: wave(RING, contrast), lambda _: QUARTER, 4),
    "life": Part(lambda contrast: wave(RING, contrast), lambda _: np.nan, 60),
    "body": Part(lambda amplitude: _in_well(88, amplitude, BODY), lambda _: 4 * np.pi * BODY**2, 20),
    "fall": Part(_falling, lambda _: FALL, 20),
}


@dataclass(frozen=True)
class Case:
    """One run: boxes of k sites (1: the sites themselves) of a part, from its start, with so many members."""

    part: str
    k: int
    start: float
    members: float = ENDLESS
    replicas: int = 1
    spectators: int = 0

    @property
    def name(self) -> str:
        more = f", {self.spectators} spectator a box" if self.spectators else ""
        return f"{self.part} {self.start:g}, k = {self.k}, N = {self.members:g}{more}"

    @property
    def place(self) -> str:
        return f"cases/{self.name}"

    @property
    def settings(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def model(self) -> Model:
        return PARTS[self.part].make(self.start).boxes(self.k)

    @property
    def interval(self) -> float:
        return self.duration / PARTS[self.part].records

    @property
    def duration(self) -> float:
        if self.part == "life":
            return LIFE * self.members / (RING // self.k) * self.k**2
        return PARTS[self.part].duration(self.start)


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    many = replicas if replicas is not None else (4 if quick else 16)
    angles = (1 / 16, 1 / 8, 1 / 4) if quick else (1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4)
    amplitudes = (64.0, 128.0) if quick else (32.0, 64.0, 128.0, 160.0)
    sizes = (1e2, 1e4, 1e6) if quick else (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
    atoms = (1e3, 1e6) if quick else (1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9)
    lives = ((1, 32), (4, 32)) if quick else ((1, 32), (1, 128), (1, 512), (2, 128), (4, 32), (4, 128), (8, 128))
    return [
        *(Case("free", k, theta, spectators=1) for theta in angles for k in (1, 4, 8, 16)),
        *(Case("well", k, amplitude, spectators=1) for amplitude in amplitudes for k in (1, 2, 4, 8)),
        Case("well", 1, FAR),
        *(Case("wave", k, CONTRAST, N, many) for N in sizes for k in (1, 2, 4, 8)),
        *(Case("life", k, CONTRAST, n * RING // k, 2 * many) for k, n in lives),
        *(
            Case(part, 1, start, N, many, s)
            for part, start in (("body", 12.0), ("fall", 15.0))
            for s in (0, 1)
            for N in atoms
        ),
    ]
