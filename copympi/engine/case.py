"""What a run asks of its method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from copympi.engine.accuracy import Accuracy
from copympi.engine.momenta import Model
from copympi.model.preparation import Start
from copympi.model.rule_functions import AnyRule
from copympi.model.rules import QUANTUM
from copympi.model.system import System

AUTO, LEAP, EXACT = "auto", "leap", "exact"
"""How a run goes on: many copies a step, one by one, or as is best; the words of dynamics.method."""
FEW_COUPLINGS = 16
"""Others that a beable of a sparse H is coupled to, on average, at most."""


@dataclass(frozen=True)
class Case:
    """What a run asks of its method. members, phases : as the user gave them, for messages; phases None for none.

    later : the systems that a schedule switches to, each once. track : how many members are followed one by one.
    guided : whether Schroedinger's wavefunction guides them, mixing : and the symmetric part of their rates.
    """

    system: System
    start: Start
    accuracy: Accuracy
    representation: str = "members"
    replicas: int = 1
    seed: int = 1
    members: Any = None
    phases: Any = None
    phase_classes: int = 64
    alignment: Model | None = None
    method: str = AUTO
    rule: AnyRule = QUANTUM
    later: tuple[System, ...] = ()
    track: int = 0
    guided: bool = False
    mixing: float = 0.0

    @property
    def pairs(self) -> int:
        """Pairs of beables that H couples, where it couples most."""
        return max(system.pairs for system in (self.system, *self.later))

    @property
    def sparse(self) -> bool:
        """Whether H couples a beable to few others."""
        return 2 * self.pairs <= FEW_COUPLINGS * self.system.P
