"""What the study of signalling runs: one system, N, spectators, and how many ensembles, a case.

signal      two entangled qubits: B at the end, A's own H on or off, against N
spectators  the same with one spectator a beable
bell        CHSH's four settings, against N
other       observables that are no beables; three parties; a qubit alone and beside another
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from copympi.studies.signalling.model import SETTINGS, SETUPS, Setup

MOVES, RESTS = "A moves", "A rests"
BELL = tuple(f"setting {name}" for name in SETTINGS)
DIAGONAL = ("rotated", "pointer")
PARTIES = ("three, A moves", "three, A rests")
HIERARCHY = ("B alone", "beside A at rest", "beside A moving")
ENSEMBLES = {
    10: 20_000, 20: 20_000, 40: 40_000, 100: 20_000, 200: 20_000, 400: 20_000, 800: 10_000, 1600: 8000, 3200: 5000,
    12_800: 1500, 100_000: 300,
}  # fmt: skip
"""N -> how many. The scatter of what is estimated falls as 1/sqrt(N), so each N costs as much."""
QUICK = {40: 2000, 400: 2000, 1600: 600, 3200: 400}
SPECTATORS = {100: 8000, 400: 8000, 1600: 3000, 12_800: 500}
BELLS = {8: 8000, 20: 8000, 40: 8000, 100: 8000, 400: 8000, 1600: 4000, 12_800: 800}
OTHERS = {400: 6000, 25_600: 400}


@dataclass(frozen=True)
class Case:
    """One run; `setup` is a name of model.SETUPS."""

    part: str
    setup: str
    members: int
    replicas: int
    spectators: int = 0

    @property
    def name(self) -> str:
        with_them = f", {self.spectators} spectator a beable" if self.spectators else ""
        return f"{self.part}: {self.setup}, N = {self.members}{with_them}"

    @property
    def place(self) -> str:
        return f"cases/{self.part}, {self.setup}, N = {self.members}"

    @property
    def settings(self) -> dict[str, Any]:
        return {**vars(self), "duration": self.start.duration}

    @property
    def start(self) -> Setup:
        return SETUPS[self.setup]()


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    parts: list[tuple[str, tuple[str, ...], dict[int, int], int]] = [
        ("signal", (MOVES, RESTS), QUICK if quick else ENSEMBLES, 0),
        ("spectators", (MOVES, RESTS), {400: 1000} if quick else SPECTATORS, 1),
        ("bell", BELL, {20: 500, 400: 500} if quick else BELLS, 0),
        ("other", (*DIAGONAL, *PARTIES, *HIERARCHY), {400: 1000} if quick else OTHERS, 0),
    ]
    return [
        Case(part, setup, N, replicas or R, spectators)
        for part, setups, sizes, spectators in parts
        for N, R in sizes.items()
        for setup in setups
    ]
