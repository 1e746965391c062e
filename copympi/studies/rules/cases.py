"""What the study of copy rules runs: families of rules, each measured at N = inf; and time reversal at finite N.

plane q = ..   a row of the plane of powers (q, r); one harmonic k = 1, R' = 2 R
strength       R'/2kR off 1, for k = 1, 2, 3
second         a second harmonic k = 2 beside the first: conjugate (R' = 2 k R), copying alone, turning alone
families       rules that might not signal for other reasons
search         from random rules on, downhill in the signal: where does it end?
reversal       there and back with N members, quantum mechanics and two other rules
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from copympi.model.rules import Rule

FIRST = {"k": 1, "copying": 2.0, "turning": 1.0}


class Asked(NamedTuple):
    """A rule of a family: x says where it stands there."""

    name: str
    x: float
    rule: Rule


@dataclass(frozen=True)
class Case:
    """A family of rules. q : of a row of the plane. coarse : fewer of them. replicas : of finite ensembles."""

    part: str
    q: float = 0.5
    coarse: bool = False
    replicas: int = 0

    @property
    def name(self) -> str:
        return f"{self.part}, q = {self.q:g}" if self.part == "plane" else self.part

    @property
    def place(self) -> str:
        return f"cases/{self.name}"

    @property
    def settings(self) -> dict[str, Any]:
        return vars(self)

    @property
    def rules(self) -> list[Asked]:
        """Its rules, in order."""
        made = {"plane": self._plane, "strength": self._strength, "second": self._second, "families": self._families}
        return made[self.part]()

    def _plane(self) -> list[Asked]:
        return [Asked("", r, Rule(self.q, r)) for r in powers(self.coarse, -0.5)]

    def _strength(self) -> list[Asked]:
        ratios = (0.5, 1.0, 1.5) if self.coarse else (0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.5)
        return [
            Asked(f"k = {k}", x, Rule(harmonics=[{"k": k, "copying": 2.0 * k * x, "turning": 1.0}]))
            for k in (1, 2, 3)
            for x in ratios
        ]

    def _second(self) -> list[Asked]:
        sizes = (0.0, 0.1) if self.coarse else (0.0, 0.01, 0.03, 0.1, 0.2, 0.3)
        kinds = {"conjugate": (4.0, 1.0), "copying alone": (4.0, 0.0), "turning alone": (0.0, 1.0)}
        return [
            Asked(kind, x, Rule(harmonics=[FIRST, {"k": 2, "copying": copying * x, "turning": turning * x}]))
            for kind, (copying, turning) in kinds.items()
            for x in sizes
        ]

    def _families(self) -> list[Asked]:
        shifted = {"copying_shift": 0.3, "turning_shift": 0.3}
        rules = {
            "quantum": Rule(),
            "equal shifts": Rule(harmonics=[FIRST | shifted]),
            "turning shift alone": Rule(harmonics=[FIRST | {"turning_shift": 0.3}]),
            "no copying": Rule(harmonics=[{"copying": 0.0}]),
            "no copying, r = 0": Rule(r=0.0, harmonics=[{"copying": 0.0}]),
            "k = 0, q = 0": Rule(0.0, harmonics=[{"k": 0, "copying": 1.0, "turning": 0.0, "copying_shift": 0.7}]),
            "k = 0, q = 1/2": Rule(harmonics=[{"k": 0, "copying": 1.0, "turning": 0.0, "copying_shift": 0.7}]),
            "q = 0, r = -1/2": Rule(0.0),
            "q = 0, r = -1": Rule(0.0, -1.0),
            "q = 1/2, r = 0, half as long": Rule(0.5, 0.0),
            "q = 0, no turning": Rule(0.0, harmonics=[{"turning": 0.0}]),
            "q = 1/2, no turning": Rule(harmonics=[{"turning": 0.0}]),
        }
        return [Asked(name, float(i), rule) for i, (name, rule) in enumerate(rules.items())]


REVERSED = {"quantum": Rule(), "q = 0.45": Rule(0.45), "r = -0.55": Rule(r=-0.55)}
"""Rules that finite ensembles follow there and back."""
STARTS, TRIALS = 4, 120
"""Random rules that the search begins at, and signals that it works out from each."""
SIZES, FEWER = (1_000, 10_000, 100_000, 1_000_000, 10_000_000), (1_000, 100_000)


def powers(coarse: bool, middle: float) -> list[float]:
    """Powers about the quantum one, which is among them."""
    steps = np.array([-0.2, -0.1, 0.0, 0.1]) if coarse else 0.05 * np.arange(-4, 5)
    return [round(float(middle + step), 10) for step in steps]


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    many = replicas if replicas is not None else (20 if quick else 100)
    return [
        *(Case("plane", q, quick) for q in powers(quick, 0.5)),
        *(Case(part, coarse=quick) for part in ("strength", "second", "families", "search")),
        Case("reversal", coarse=quick, replicas=many),
    ]
