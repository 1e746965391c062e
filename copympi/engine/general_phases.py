"""Members with phases of their own under any copy rule of model/rules: by leaps or event by event. docs/theory.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.general_copies as copies
import copympi.kernels.general_phase_events as events
import copympi.kernels.general_phases as kernel
import copympi.kernels.general_plans as general_plans
from copympi import mpi
from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.clock import Stop
from copympi.engine.ensemble import Ensemble
from copympi.engine.exact_phases import ExactPhases
from copympi.engine.general import compiled
from copympi.engine.own_phases import OwnPhases
from copympi.engine.purposes import Purpose
from copympi.engine.support import EXACT, OWN, Method
from copympi.model.preparation import Start
from copympi.model.rules import GENERAL, Rule
from copympi.model.system import System

LEAP_DEGREE, EXACT_DEGREE = 2, 3
"""Of fields as polynomials in time, over a step and from copy to copy."""
MOST_IN_TURN = 2 * 10**9
"""Members of a replica that go event by event: their buckets are counted in four bytes."""


class GeneralPhases(OwnPhases):
    """Members who are all moved at every step. values : (2, M) e^{i phi} of now; maps stay the identity.

    sums : (R, 2 rule.sums, P) of e^{im phi}, re and im in turn, m = 1 .. rule.sums. own_powers : this rank's part of
    them, in units of 1/scale.
    """

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: Rule
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, replicas, 1.0)
        self.copy_rule = rule
        self.rule = kernel.PhaseRule(compiled(rule, system), degree=LEAP_DEGREE)
        R, P = replicas, system.P
        self.sums = np.zeros((R, 2 * self.rule.sums, P))
        self.own_powers = np.zeros(self.sums.shape, np.int64)
        self.add_up()

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached. Collective."""
        self.rule = kernel.PhaseRule(compiled(self.copy_rule, system), degree=LEAP_DEGREE)
        super().switch(system)

    def advance(self) -> bool:
        """One step of every replica that is not yet at the stop; False when all are."""
        self.plan_step(np.zeros((0, 0)))
        self._half_flow()
        if self.layout.blocks == 1:
            self.copy_one_by_one()
        else:
            self.copy_at_once()
        self.add_up()
        self._half_flow()
        self.finish_step()
        return bool(self.active.any())

    def plan_step(self, _: NDArray[np.float64]) -> None:
        """Choose the step: the same bytes on every rank (see `InBlocks.accept`)."""
        general_plans.choose(
            self.rule, self.plans, self._control, self.accuracy.angle, active=self.active, n=self.real_n,
            sums=self.sums, since=self.since, time_left=self.time_left,
        )  # fmt: skip
        self.same_rows()
        status, replica, _whose = self.plans.first_failure(self.active)
        self.accept(self.plans, status, replica)

    def _half_flow(self) -> None:
        """Half a step of the phases: every member, in fields that follow from the sums after the last copies."""
        half, fields = 0.5 * self.plans.step, np.zeros((len(self.n), self.rule.terms))
        kernel.fields(self.rule, active=self.active, n=self.real_n, sums=self.sums, out=fields)
        if not self.alike:
            mpi.broadcast(self.comm, fields)
        kernel.move(self.rule, self.crowd, active=self.active, fields=fields, since=self.since, time=half)
        self.since[self.active > 0] += half[self.active > 0]

    def copy_one_by_one(self) -> None:
        """The step's copies, where a rank has all of an ensemble: event by event."""
        copies.copy_members(
            self.rule, self.plans, self.crowd, active=self.active, seed=self.seed, purpose=Purpose.PROPOSALS,
            step=self.step, copies=self._own_copies, n=self.real_n, sums=self.sums, since=self.since,
        )  # fmt: skip

    def copy_at_once(self) -> None:
        """The step's copies as one leap: who is to copy whom, and who does."""
        R, P = self.n.shape
        parts = np.zeros((R, 4, P, general_plans.PARTS), np.int64)
        growth = np.zeros((R, 2, P, general_plans.PARTS))
        general_plans.part(self.rule, self.crowd, active=self.active, scale=self.scale, parts=parts)
        mpi.total(self.comm, parts.reshape(-1))
        general_plans.chances(self.rule, self.plans, active=self.active, n=self.real_n, parts=parts, growth=growth)
        self.same_rows()
        if not self.alike:
            mpi.broadcast(self.comm, growth)
        n = self.real_n
        for proposals, value, luck in self.proposals.draw(self):
            copies.copy(
                self.rule, self.plans, self.crowd, active=self.active, proposals=proposals, value=value, luck=luck,
                growth=growth, copies=self._own_copies, n=n, sums=self.sums, since=self.since,
            )  # fmt: skip

    def add_up(self) -> None:
        """Learn everyone's n, sums and copies."""
        kernel.sum_up(self.rule, self.crowd, active=self.active, scale=self.scale, sums=self.own_powers)
        now = self.active > 0
        self.sums[now] = self.learn()[now] / self.scale
        self.since[now] = 0.0

    def sums_now(self) -> NDArray[np.float64]:
        """Sums of e^{i phi} and e^{2 i phi} of all replicas as they are, (R, 4P). Collective."""
        sums = np.zeros(self.own_powers.shape, np.int64)
        everyone = np.ones(len(sums), np.uint8)
        kernel.sum_up(self.rule, self.crowd, active=everyone, scale=self.scale, sums=sums)
        mpi.total(self.comm, sums.reshape(-1))
        return np.ascontiguousarray(sums[:, :4].reshape(len(sums), -1) / self.scale)


class GeneralExactPhases(ExactPhases):
    """Every member of every replica, who copy one by one; values (2, M) : e^{i phi} of now."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, rule: Rule
    ) -> None:
        self.copy_rule = rule
        self.rule = kernel.PhaseRule(compiled(rule, system), degree=EXACT_DEGREE)
        self.scale = 2.0 ** min(50, 62 - start.members.bit_length())
        super().__init__(comm, system, start, accuracy, replicas, seed)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        self.rule = kernel.PhaseRule(compiled(self.copy_rule, system), degree=EXACT_DEGREE)
        super().switch(system)

    def law(self, stop: Stop) -> Any:
        """By what the kernels go on to a stop."""
        return events.Law(
            self.rule, scale=self.scale, smallest=RESOLVABLE * stop.time, seed=self.seed,
            purpose=Purpose.EXACT_PHASES, first_replica=self.first,
        )  # fmt: skip

    def set_out(self) -> None:
        """Nothing is kept beside the values."""

    def advanced(self, most: int) -> tuple[int, int, int, int]:
        return events.advance(self._law, self.crowd, **self._clocks, max_steps=most)

    def sums_now(self) -> NDArray[np.complex128]:
        """Sums (here, P, 2) of e^{i phi} and e^{2 i phi} over all members of a beable."""
        return events.sums_of(self._law, self.crowd, len(self.counts))

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"counts": self.counts, **self.counters}


def _work(beables: int, pairs: int, harmonics: int) -> int:
    """Bytes of what one rank works with, where no k is above the number of harmonics: sums and fields, by terms."""
    return 8 * (10 * beables + (6 + 12 * harmonics) * pairs + (60 * harmonics + 40) * beables)


def _row(name: str, why: str, make: Callable[..., Ensemble], **more: Any) -> Method:
    """A row of the table of methods, for any rule."""
    return Method(
        name=name,
        why=f'a copy rule other than that of quantum mechanics, {why}dynamics.representation = "members", and members '
        "have phases of their own",
        make=lambda comm, c: make(comm, c.system, c.start, c.accuracy, c.replicas, c.seed, c.rule),
        representation="members",
        phases=(OWN,),
        given_phases=True,
        rules=GENERAL,
        excess=True,
        tracking=True,
        bytes_a_member=4 + 40,  # a phase of its own, at the peak
        bytes_of_work=_work,
        **more,
    )


OWN_BY_ANY_RULE = (
    _row("general phases", "", GeneralPhases, bytes_a_beable=lambda _: 64 + 160 + 48 * general_plans.PARTS),
    _row(
        "general exact phases",
        'dynamics.method = "exact", ',
        GeneralExactPhases,
        methods=(EXACT,),
        fixed_steps=False,
        most_members=MOST_IN_TURN,
        bytes_a_beable=lambda _: 64,
    ),
)
"""Rows of the table of methods, in engine/methods.py."""
