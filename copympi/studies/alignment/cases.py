"""What the study of alignment runs.

Two beables, H/hbar = [[0, R], [R, 0]] with R = pi, so that the unit of time, 1/(2R) times 2 pi, is one period of the
aligned ensemble. It starts at rho = (0.7, 0.3) and phases about (0, pi/4), from where an aligned ensemble keeps
rho >= 0.12: no beable is near a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

R = np.pi
"""Coupling, 1/period."""
DENSITY, PHASE = (0.7, 0.3), (0.0, np.pi / 4)
NARROW = 0.3
"""Half width (rad) of the narrow spread of phases; the random one has pi."""
STRENGTH, DAMPING = (2 * R) ** 2, R
"""f^2 of "mean" scaling (f^2/n_a), 1/period^2, and damping, 1/period."""
COARSE = {"leaving_chance": 0.03, "tolerance": 1e-4}
FINE = {"leaving_chance": 0.015, "tolerance": 2.5e-5}


def told(kind: str) -> str:
    """A kind of case, as tables and figures write it; the config's potential "sin2" is sin²."""
    return kind.replace("sin2", "sin²")


@dataclass(frozen=True)
class Case:
    """One run of the study. times in periods, spread in rad; `refines` names the case this one repeats in finer steps.

    kind : which curve it belongs to; what else there is goes to `copympi.simulate`.
    """

    kind: str
    members: int
    replicas: int
    duration: float
    interval: float
    spread: float
    alignment: dict[str, Any] | None = None
    refines: str = ""
    accuracy: dict[str, float] = field(default_factory=lambda: dict(COARSE))

    @property
    def name(self) -> str:
        return f"{self.kind}, N = {self.members}" + (", fine" if self.refines else "")

    @property
    def place(self) -> str:
        return self.name

    @property
    def settings(self) -> dict[str, Any]:
        own = {key: value for key, value in vars(self).items() if not isinstance(value, dict | None)}
        return {**own, **self.accuracy, **(self.alignment or {})}

    def finer(self) -> Case:
        """The same with half the leaving chance and a quarter of the tolerance."""
        return Case(**{**vars(self), "refines": self.name, "accuracy": dict(FINE)})


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order. Largest N and the alignment model take half the replicas."""
    many = replicas if replicas is not None else (4 if quick else 32)
    few = max(2, many // 2)
    sizes = ((60, 1, 0.25), (240, 4, 0.25)) if quick else ((250, 16, 0.125), (1000, 64, 0.25), (4000, 128, 0.5))
    rules = [
        Case(f"rules, {start}", N, few if N > 1000 else many, T, interval, spread)
        for start, spread in (("random", np.pi), ("narrow", NARROW))
        for N, T, interval in sizes
    ]
    members, duration = (160, 2) if quick else (1000, 10)
    models = [
        Case(
            f"{potential}{' damped' if damping else ''}, {start}", members, few, duration, 0.125, spread,
            {"strength": STRENGTH, "scaling": "mean", "potential": potential, "damping": damping},
        )
        for start, spread in (("random", np.pi), ("narrow", NARROW))
        for potential in ("sin2", "polar")
        for damping in (0.0, DAMPING)
    ]  # fmt: skip
    again = [case.finer() for case in (rules[1], models[1])]
    return [*rules, *models, *again]
