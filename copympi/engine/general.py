"""Aligned members under any copy rule of model/rules: by leaps or event by event, counts or with an identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import copympi.kernels.general_counts as kernel
from copympi.engine.accuracy import Accuracy
from copympi.engine.counts import Counts
from copympi.engine.ensemble import Ensemble
from copympi.engine.exact import ExactCounts, ExactMembers
from copympi.engine.members import Members
from copympi.engine.purposes import Purpose
from copympi.engine.support import ALIGNED, EXACT, MOST_NAMED, Method
from copympi.errors import InputError
from copympi.kernels import general_exact
from copympi.kernels.general import MOST_POWER, CopyRule
from copympi.model.preparation import Start
from copympi.model.rule_functions import AnyRule, Pairs, RuleFunction
from copympi.model.rules import GENERAL, entries
from copympi.model.system import System


def compiled(rule: AnyRule, system: System) -> CopyRule:
    """The rule as the kernels read it; InputError where its powers are too large for them, or a matrix does not fit."""
    if isinstance(rule, RuleFunction):
        none = np.zeros((1, system.pairs))
        return CopyRule(
            system.couplings, powers=np.array([0.5, 0.5, -0.5, 0.5]), order=np.ones(1, np.int64), copying=none,
            copying_shift=none, turning=none, turning_shift=none, function=Pairs(rule, system),
        )  # fmt: skip
    copied, turned = rule.excess
    powers = np.array([rule.q + copied, 1.0 - rule.q, rule.r, turned - rule.r])
    if np.any(np.abs(powers) > MOST_POWER):
        most = f"must have powers of n_a and n_b of at most {MOST_POWER:g} in size, where members are counted"
        raise InputError("dynamics.rule", rule, most)
    found = entries(rule, system)
    order = np.argsort(found.k, kind="stable")
    upper = np.flatnonzero(found.rows < found.columns)  # (b, a), b < a: in the order of the kernels' pairs
    strengths, angles = (
        [np.ascontiguousarray(sign * values[order][:, upper]) for values in both]
        for sign, both in ((1.0, (found.copying, found.turning)), (-1.0, (found.copying_angle, found.turning_angle)))
    )  # of (a, b): strengths are symmetric, angles odd
    return CopyRule(
        system.couplings, powers=powers, order=found.k[order], copying=strengths[0], copying_shift=angles[0],
        turning=strengths[1], turning_shift=angles[1],
    )  # fmt: skip


class GeneralCounts(Counts):
    """Counts n (here, P) and phases (here, P) of this rank's replicas, all of a step's copies drawn at once."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: AnyRule
    ) -> None:
        super().__init__(comm, system, start, accuracy, replicas, seed)
        self.rule = rule
        self._work = kernel.Work(compiled(rule, system))

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self._work = kernel.Work(compiled(self.rule, system))

    def advance_some(self) -> tuple[int, int, int, int]:
        """Steps made, status, replica and beable."""
        return kernel.advance(
            self._work, self._control, keys=(self.seed, Purpose.LEAP, self.first), n=self.n,
            phase=self.phase, time_left=self.time_left, step=self.step, events=self.events,
            largest=self.largest_chance, max_steps=self.pace.steps, tracker=self.tracks.kernel,
            times=(self.stop.time, self.pause),
        )  # fmt: skip


class GeneralMembers(Members):
    """Every member of every replica; a beable's members share its phase, phase (R, P), alike on every rank."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: AnyRule
    ) -> None:
        super().__init__(comm, system, start, accuracy, replicas, seed)
        self.rule = rule
        self._work = kernel.Work(compiled(rule, system))

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self._work = kernel.Work(compiled(self.rule, system))

    def plan_here(self, half: int) -> tuple[int, int, int]:
        """The plan of a half step as this rank makes it: status, replica and beable."""
        return kernel.plan_half(
            self._work, self._plans, self._control, half, active=self.active, n=self.n, out=self.out,
            phase=self.phase, time_left=self.time_left,
        )  # fmt: skip


class GeneralExactCounts(ExactCounts):
    """Counts n (here, P) and phases (here, P) of this rank's replicas, which copy one by one."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: AnyRule
    ) -> None:
        self.rule = rule
        super().__init__(comm, system, start, accuracy, replicas, seed)

    def _make_paths(self) -> Any:
        return general_exact.Paths(compiled(self.rule, self.system), **self._arrays())


class GeneralExactMembers(ExactMembers):
    """The same with members of an identity."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: AnyRule
    ) -> None:
        self.rule = rule
        super().__init__(comm, system, start, accuracy, replicas, seed)

    def _make_paths(self) -> Any:
        return general_exact.Paths(compiled(self.rule, self.system), **self._arrays())


def _work(beables: int, pairs: int, harmonics: int) -> int:
    """Bytes of what one rank works with: rows of rates, and the rule's numbers, also while they are gathered."""
    return 8 * (40 * beables + (24 + 17 * harmonics) * pairs)


def _row(name: str, why: str, make: Callable[..., Ensemble], representation: str, **more: Any) -> Method:
    """A row of the table of methods, for any rule."""
    return Method(
        name=name,
        why=f"a copy rule other than that of quantum mechanics, {why}, and the members of a beable share one phase",
        make=lambda comm, c: make(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.rule),
        representation=representation,
        phases=(ALIGNED,),
        rules=GENERAL,
        excess=True,
        tracking=True,
        bytes_a_member=4 if representation == MEMBERS else 0,
        bytes_a_beable=lambda _: 64,
        bytes_of_work=_work,
        **more,
    )


MEMBERS, OCCUPATION = "members", "occupation"
_EVENTS: dict[str, Any] = {"methods": (EXACT,), "fixed_steps": False}
_HELD, _COUNTED = f'dynamics.representation = "{MEMBERS}"', f'dynamics.representation = "{OCCUPATION}", N below 2^63'
_EXACTLY = 'dynamics.method = "exact"'

ANY_RULE = (
    _row("general members", _HELD, GeneralMembers, MEMBERS),
    _row("general counts", _COUNTED, GeneralCounts, OCCUPATION),
    _row(
        "general exact members",
        f"{_EXACTLY}, {_HELD}",
        GeneralExactMembers,
        MEMBERS,
        most_members=MOST_NAMED,
        **_EVENTS,
    ),
    _row("general exact counts", f"{_EXACTLY}, {_COUNTED}", GeneralExactCounts, OCCUPATION, **_EVENTS),
)
"""Rows of the table of methods, in engine/methods.py."""
