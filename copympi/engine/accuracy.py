"""How steps are chosen, and what is said when one cannot be taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from copympi.engine.clock import Stop
from copympi.errors import DynamicsError
from copympi.kernels.step_control import StepControl

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP_TOO_SMALL, CHANCE_ABOVE_ONE, TURN_ABOVE_ONE = 1, 2, 3
"""Statuses of copympi/kernels/plans.pxd."""
RESOLVABLE = 16 * np.finfo(float).eps
"""Steps below this part of the time reached cannot be told from none."""

TURN = 0.1
"""Radians a step at the default tolerance, where phases are not aligned."""
DEFAULT_TOLERANCE = 1e-4
SMALLEST_CHANCE = float(np.finfo(float).smallest_subnormal)
"""What a product of small bounds may not fall below."""


@dataclass(frozen=True)
class Accuracy:
    """How accurate the steps of `members` copies are to be; 0: of as many as each replica has, after a filter.

    step : fixed length, or None: the longest step within `leaving_chance` (any member's chance to leave its beable,
        as expected at the start of the step) and `tolerance` (error of the predictor in rho over the whole run; where
        phases are not aligned nothing is estimated: steps are in proportion to its root below the default).
    """

    members: int
    step: float | None = None
    tolerance: float = DEFAULT_TOLERANCE
    leaving_chance: float = 0.03

    def control(self, stop: Stop, spectators: int = 0, *, few: bool = False) -> StepControl:
        """What the kernels choose the steps to `stop` by. few : few members may go event by event (adapted steps)."""
        return self._control(stop, spectators, self.leaving_chance, few)

    def second_order_control(self, stop: Stop, spectators: int = 0) -> StepControl:
        """As `control`, for members with phases of their own: their chance of a proposal follows the tolerance."""
        return self._control(stop, spectators, max(self.leaving_chance * self._finer, SMALLEST_CHANCE))

    def _control(self, stop: Stop, spectators: int, leaving_chance: float, few: bool = False) -> StepControl:
        return StepControl(
            members=float(self.members),
            step=self.step or 0.0,
            leaving_chance=leaving_chance,
            error_rate=self.tolerance * stop.share / stop.length,
            smallest=RESOLVABLE * stop.time,
            spectators=spectators,
            tolerance=self.tolerance if few and self.step is None else 0.0,
        )

    @property
    def angle(self) -> float:
        """Radians that a phase of an unaligned member may turn in a step."""
        return TURN * self._finer

    @property
    def _finer(self) -> float:
        """A factor on both: errors are of second order in them, and so fall as the tolerance does."""
        return min(1.0, self.tolerance / DEFAULT_TOLERANCE) ** 0.5

    def failure(self, status: int, time: float, replica: int, beable: str, n: Sequence[Any]) -> DynamicsError:
        """The error for a kernel status, naming the beable, the time and n."""
        state = f"beable {beable} at t = {time:.10g}, n = {_short(n)}, replica {replica}"
        if status == STEP_TOO_SMALL:
            return DynamicsError(
                f"the step falls below what this time can resolve: {state}; with so few members the beable "
                "turns over too fast (a node: see docs/nodes.md)"
            )
        if status == TURN_ABOVE_ONE:
            return DynamicsError(f"a phase turns by more than 1 rad in one step: {state}; use a smaller dynamics.step")
        return DynamicsError(f"a member's chance to leave in one step is above 1: {state}; use a smaller dynamics.step")


def _short(n: Sequence[Any]) -> str:
    return "[" + ", ".join(str(int(x)) if x < 2**63 else f"{x:.9g}" for x in n[:8]) + (", ...]" if len(n) > 8 else "]")
