"""Aligned members under a copy rule that is a Python function: engine/general.py, but it is asked for rates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from copympi import mpi
from copympi.engine.ensemble import Ensemble
from copympi.engine.exact import ExactCounts
from copympi.engine.general import (
    GeneralCounts,
    GeneralExactCounts,
    GeneralExactMembers,
    GeneralMembers,
    compiled,
)
from copympi.engine.support import ALIGNED, EXACT, MOST_NAMED, Method
from copympi.errors import DynamicsError
from copympi.kernels import hazards
from copympi.kernels.plans import Plans
from copympi.model.rules import FUNCTION

FAILED = 1
"""A status of copympi/kernels/plans.pxd: other ranks than the root read it in its plan."""


class FunctionCounts(GeneralCounts):
    """Counts n (here, P) and phases (here, P) of this rank's replicas, all of a step's copies drawn at once."""

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        return _heard(self, super().go_on)


class FunctionMembers(GeneralMembers):
    """Every member of every replica; a beable's members share its phase, phase (R, P), alike on every rank."""

    _problem: DynamicsError | None = None

    def plan_here(self, half: int) -> tuple[int, int, int]:
        """The plan of a half step as this rank makes it: status, replica and beable."""
        try:
            return super().plan_here(half)
        except DynamicsError as problem:
            if self.alike:  # so it is on every rank
                raise
            self._problem = problem
            return FAILED, 0, 0

    def accept(self, plans: Plans, status: int, replica: int) -> None:
        """Take plans for good, or raise what is wrong with one; what the root alone knows, on every rank."""
        if status and not self.alike:
            mpi.agree_on_failure(self.comm, self._problem)
        super().accept(plans, status, replica)


class FunctionExactCounts(GeneralExactCounts):
    """Counts n (here, P) and phases (here, P) of this rank's replicas, which copy one by one."""

    def _make_paths(self) -> Any:
        return hazards.Paths(compiled(self.rule, self.system), **self._arrays())

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        return _heard(self, super().go_on)


class FunctionExactMembers(GeneralExactMembers):
    """The same with members of an identity."""

    def _make_paths(self) -> Any:
        return hazards.Paths(compiled(self.rule, self.system), **self._arrays())

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        return _heard(self, super().go_on)


def _heard(ensemble: FunctionCounts | ExactCounts, go_on: Callable[[], int]) -> int:
    """What it does; what a function gave that it must not is a problem that all ranks hear of."""
    try:
        return go_on()
    except DynamicsError as problem:
        ensemble.problem = problem
        return 0


def _work(beables: int, pairs: int, _: int) -> int:
    """Bytes of what one rank works with: rows of rates, and a function's arrays, its own among them, some 30."""
    return 8 * (60 * beables + (40 + 2 * 40) * pairs)


def _row(name: str, why: str, make: Callable[..., Ensemble], representation: str, **more: Any) -> Method:
    return Method(
        name=name,
        why=f"a copy rule that is a Python function, {why}, and the members of a beable share one phase",
        make=lambda comm, c: make(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.rule),
        representation=representation,
        phases=(ALIGNED,),
        rules=FUNCTION,
        excess=True,
        tracking=True,
        bytes_a_member=4 if representation == "members" else 0,
        bytes_a_beable=lambda _: 64,
        bytes_of_work=_work,
        **more,
    )


_HELD, _COUNTED = 'dynamics.representation = "members"', 'dynamics.representation = "occupation", N below 2^63'
_EVENTS: dict[str, Any] = {"methods": (EXACT,), "fixed_steps": False}
_EXACTLY = 'dynamics.method = "exact"'

FUNCTIONS = (
    _row("function members", _HELD, FunctionMembers, "members"),
    _row("function counts", _COUNTED, FunctionCounts, "occupation"),
    _row("function exact members", f"{_EXACTLY}, {_HELD}", FunctionExactMembers, "members", most_members=MOST_NAMED,
         **_EVENTS),
    _row("function exact counts", f"{_EXACTLY}, {_COUNTED}", FunctionExactCounts, "occupation", **_EVENTS),
)  # fmt: skip
"""Rows of the table of methods, in engine/methods.py."""
