"""What the study of finite copies runs.

mean       two levels, four, a chain of spins: mean, spread and energy against N
coherence  a qubit for one period: how fast copying takes its coherence, against N
decay      the same qubit until its coherence is gone, small N
rounding   a stationary real state whose weights N copies cannot have exactly
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi.studies.finite_copies import model
from copympi.studies.finite_copies.model import Model

TILT = np.pi / 4
"""Of the qubit's beables against its eigenstates."""
PER_MEMBER = float(model.coherence_per_member(TILT))
"""T/N of the qubit, in periods."""
LONG = 80.0
"""Time for which stationary states are watched, in units of 1/Omega."""
MODELS: dict[str, Callable[[], Model]] = {
    "two levels": model.two,
    "four levels": model.four,
    "chain, below": lambda: model.chain(2.2),
    "chain, above": lambda: model.chain(0.8),
    "qubit": lambda: model.qubit(TILT),
    "pair": model.pair,
}
DURATION = {"two levels": 3.0, "four levels": 2.0, "chain, below": 1.0, "chain, above": 1.0}
RECORDS = {"mean": 100, "coherence": 200, "rounding": 40}
EXACT_TO = 1000
"""Members up to which copies are drawn event by event; beyond, in leaps."""


@dataclass(frozen=True)
class Case:
    """One run: a part of the study, its model's name, N and how many ensembles."""

    part: str
    model: str
    members: int
    replicas: int

    @property
    def name(self) -> str:
        return f"{self.part}: {self.model}, N = {self.members}"

    @property
    def place(self) -> str:
        return f"cases/{self.part}, {self.model}, N = {self.members}"

    @property
    def settings(self) -> dict[str, Any]:
        return {**vars(self), "method": self.method, "duration": self.duration, "interval": self.interval}

    @property
    def start(self) -> Model:
        return MODELS[self.model]()

    @property
    def method(self) -> str:
        return "exact" if self.members <= EXACT_TO else "leap"

    @property
    def duration(self) -> float:
        if self.part == "decay":
            return float(np.ceil(1.6 * PER_MEMBER * self.members))
        return {"coherence": 1.0, "rounding": LONG}.get(self.part) or DURATION[self.model]

    @property
    def interval(self) -> float:
        if self.part == "decay":  # whole periods, at most 50
            return float(np.ceil(self.duration / 50))
        return self.duration / RECORDS[self.part]

    @property
    def periods(self) -> float:
        """The duration, made a multiple of the interval."""
        return float(np.ceil(self.duration / self.interval - 1e-9) * self.interval)


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    many = replicas if replicas is not None else (200 if quick else 2000)
    some = replicas if replicas is not None else (100 if quick else 1000)
    sizes = (100, 10_000) if quick else (10, 30, 100, 300, 1000, 10_000, 100_000, 1_000_000)
    large = [N for N in sizes if N >= 100]  # the chain has 16 beables
    lives = (30, 100) if quick else (30, 100, 300, 1000)
    halves = (101, 10_001) if quick else (11, 101, 1001, 10_001, 1_000_001)
    return [
        *(Case("mean", name, N, many) for name in ("two levels", "four levels") for N in sizes),
        *(Case("mean", name, N, some) for name in ("chain, below", "chain, above") for N in large),
        *(Case("coherence", "qubit", N, some) for N in sizes),
        *(Case("decay", "qubit", N, some) for N in lives),
        *(Case("rounding", "pair", N, some) for N in (*halves, 10_000)),
    ]
