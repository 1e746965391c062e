"""Members that each have a phase: who has which, how copies cross blocks and ranks, and what is recorded of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.copies as copies
import copympi.kernels.field_plans as field_plans
import copympi.kernels.phases as kernel
import copympi.kernels.single as single
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.blocks import InBlocks, cards
from copympi.engine.clock import Stop
from copympi.engine.marked import MarkedMembers
from copympi.engine.proposals import Proposals
from copympi.engine.purposes import Purpose
from copympi.errors import InputError
from copympi.kernels import portable
from copympi.kernels.crowd import Crowd
from copympi.kernels.lineages import first_of_each
from copympi.kernels.plans import FieldPlans
from copympi.kernels.streams import uniforms
from copympi.model.preparation import Start
from copympi.model.system import System

WINDOW = 1 << 22
"""Given phases read at a time."""


class OwnPhases(InBlocks):
    """What methods share whose members have phases of their own, in the blocks and buckets of `InBlocks`.

    unit_spectators (units, P) : spectators, who have phases like everyone's; they stand first in their bucket, none in
    one that a filter has emptied.
    values : (W, all of this rank's members) e^{i phi}, re and im, before its beable's map, and what there is more.
    maps : (R, 4P) alpha re, im, beta re, im of the Moebius map of every beable, at first the identity; part of
    rows : (R, .) the plans; alike on every rank.
    sums : (R, 4P) sums of e^{i phi} (re, im) and e^{2 i phi} over all members of a beable, taken `since` (R,) ago.
    own_powers : (R, ., P) int64, this rank's sums of powers of the values in units of 1/scale; (0, ., P) for none.
    inherit : whether who copies takes over all that its partner has, or its phase alone.

    An ensemble of one block belongs to one rank whole: its copies are drawn one by one, at phases of mid-step. Those of
    several blocks are drawn at once, proposals and answers crossing ranks.
    """

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        accuracy: Accuracy,
        seed: int,
        replicas: int,
        copying: float,
        inherit: bool = True,
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, replicas, blockless=0)
        R, P = replicas, system.P
        self.copying, self.inherit = copying, inherit
        first = np.cumsum(start.counts) - start.counts
        self.unit_spectators = cards(first, first + self.spectators, self.layout.blocks, self.unit[:, 1])
        self.plans = FieldPlans(system.couplings, R)
        self.rows, self.maps = self.plans.rows, self.plans.maps
        self.scale = 2.0 ** min(50, 62 - start.members.bit_length())
        self.since = np.zeros(R)
        self.sums = np.zeros((R, 4 * P))
        self.own_powers = np.zeros((0, kernel.NUMBERS, P), np.int64)
        self._own_copies = np.zeros(R, np.int64)
        self.hold(self._first_values(start))
        self.proposals = Proposals(comm)
        self.active[:] = 1

    def hold(self, values: NDArray[np.float64]) -> None:
        """Take `values` (W, members) for those of this rank's members."""
        self.values = values
        self.crowd = Crowd(
            replicas=len(self.n), ids=self.ids, values=values, offset=self.offset, unit=self.unit, counts=self.counts,
            spectators=self.unit_spectators,
        )  # fmt: skip
        self.crowd.mark(None if self.marked is None else self.marked.marks)

    def follow(self, ids: NDArray[np.int64], **_: bool) -> MarkedMembers:
        """Spectators have ids among the others' in the blocks."""
        marked = super().follow(ids, spectators_too=True, phases=True)
        self.crowd.mark(marked.marks)
        return marked

    def regroup(
        self, ids: NDArray[np.uint32], sizes: NDArray[np.int64], which: NDArray[np.bool_] | None = None
    ) -> None:
        """Take `ids` for those of this rank's members, so many in each unit, and the values of `which` there were."""
        super().regroup(ids, sizes, which)
        np.minimum(self.unit_spectators, self.counts, out=self.unit_spectators)
        values = np.empty((len(self.values), len(ids)))
        if which is not None:
            values[:] = self.values[:, which]
        self.hold(values)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,): they have no values, and no map; sums are taken anew. Collective."""
        super().send_away(gone)
        self.own_powers[:, :, gone] = 0
        self.maps.reshape(len(self.n), 4, self.system.P)[:, :, gone] = np.reshape([1.0, 0.0, 0.0, 0.0], (4, 1))
        self.active[:] = 1
        self.add_up()  # sums would be carried on from mid-step without those who left

    def _first_values(self, start: Start) -> NDArray[np.float64]:
        """e^{i phi} at t = 0: given member by member, or spread uniformly about the beable's phase."""
        if start.phases is not None:
            given = given_phases(self.comm, start, self.layout.blocks, self.unit[:, 1])
            angle = np.concatenate([np.empty(0), *(given[int(block)] for block in self.unit[:, 1])])
        else:
            middle = np.repeat(np.tile(start.phase, len(self.unit)), self.counts.ravel())
            angle = middle + start.spread * self.spread_out(Purpose.PHASES)
        return np.array(kernel.unit_circle(np.remainder(angle, 2 * np.pi)))

    def spread_out(self, purpose: Purpose) -> NDArray[np.float64]:
        """A number for each of this rank's members, uniform in [-1, 1)."""
        luck = [
            uniforms(self.seed, purpose, int(replica), int(block), 0, int(size))
            for (replica, block), size in zip(self.unit, np.diff(self.offset), strict=True)
        ]
        return 2.0 * np.concatenate([np.empty(0), *luck]) - 1.0

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.second_order_control(stop, self.spectators)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached: maps go on, sums are taken anew. Collective."""
        super().switch(system)
        plans = FieldPlans(system.couplings, len(self.n))
        plans.maps[:] = self.maps
        self.plans, self.rows, self.maps = plans, plans.rows, plans.maps
        self.active[:] = 1
        self.add_up()  # they would be carried on from mid-step by the new H

    @abstractmethod
    def add_up(self) -> None:
        """Learn everyone's n, sums and copies, of active replicas. Collective."""

    def plan_step(self, besides: NDArray[np.float64]) -> None:
        """Choose the step: the same bytes on every rank (see `InBlocks.accept`).

        besides : what turns phases besides the fields, (R, P), 1/time.
        """
        field_plans.choose(
            self.system.couplings, self.plans, self._control, self.accuracy.angle, active=self.active, n=self.real_n,
            sums=self.sums, since=self.since, besides=besides, time_left=self.time_left,
        )  # fmt: skip
        self.same_rows()
        status, replica, _ = self.plans.first_failure(self.active)
        self.accept(self.plans, status, replica)

    def finish_step(self) -> None:
        """Clocks go on; `active` loses who is at the stop."""
        self.same_rows()
        field_plans.finish(
            self.plans, active=self.active, time_left=self.time_left, step=self.step, largest=self.largest_chance
        )

    @property
    def real_n(self) -> NDArray[np.float64]:
        """n (R, P) as doubles."""
        return self.n.astype(np.float64)

    def same_rows(self) -> None:
        """The root's plans on every rank, where CPUs are unlike."""
        if not self.alike:
            mpi.broadcast(self.comm, self.rows)

    def copy_one_by_one(self) -> None:
        """The step's copies, where a rank has all of an ensemble: event by event."""
        if self.marked is not None:
            self._take_chances()  # phases of copies at their own times go by the fields of mid-step
        self.same_rows()
        single.copy_members(
            self.system.couplings, self.plans, self.crowd, copying=self.copying, active=self.active, seed=self.seed,
            purpose=Purpose.PROPOSALS, step=self.step, inherit=self.inherit, scale=self.scale, powers=self.own_powers,
            copies=self._own_copies,
        )  # fmt: skip

    def copy_at_once(self) -> None:
        """The step's copies as one leap: who is to copy whom, and who does."""
        self._take_chances()
        self.same_rows()
        for proposals, value, luck in self.proposals.draw(self):
            if not self.inherit:
                value[:, 2:] = 0.0
            copies.copy(
                self.system.couplings, self.plans, self.crowd, active=self.active, proposals=proposals, value=value,
                luck=luck, scale=self.scale, powers=self.own_powers, copies=self._own_copies,
            )  # fmt: skip

    def _take_chances(self) -> None:
        """Chances to be proposed a copy, and fields, of mid-step."""
        field_plans.chances(
            self.system.couplings, self.plans, copying=self.copying, active=self.active, n=self.real_n,
            sums=self.sums, since=self.since,
        )  # fmt: skip

    def learn(self) -> NDArray[np.int64]:
        """Learn everyone's n and copies, and the sums of powers, which are returned: the step's Allreduce."""
        self.count()
        n, powers, done = self.over_ranks(self.own_n, self.own_powers, self._own_copies)
        self.n[:] = n
        self.events += done
        self._own_copies[:] = 0
        return powers

    @abstractmethod
    def sums_now(self) -> NDArray[np.float64]:
        """Sums of e^{i phi} and e^{2 i phi} of all replicas as they are, (R, 4P). Collective."""

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of every member of this rank, block after block."""
        return {**super().per_member(), "x": self.values[0], "y": self.values[1]}

    def common(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds that stands alike on every rank."""
        return {"n": self.n, "since": self.since, "sums": self.sums, "rows": self.rows, **self.counters}

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of all replicas, each (R, P), by the names of datasets. Collective."""
        R, P = self.n.shape
        lineages = distinct(self.comm, self.groups_of(), self.values, R * P)
        mpi.total(self.comm, lineages)
        sums = self.sums_now().reshape(R, 4, P)
        Z, Z2 = sums[:, 0] + 1j * sums[:, 1], sums[:, 2] + 1j * sums[:, 3]
        with np.errstate(invalid="ignore", divide="ignore"):
            order, order2 = (portable.sizes(sum_) / self.n for sum_ in (Z, Z2))
        phase = portable.angles(Z) + self.turn[:, None]
        rows = {"occupation": self.n, "phase": phase, "coherence": order}
        return {**rows, "coherence2": order2, "lineages": lineages.reshape(R, P)}

    def groups_of(self) -> NDArray[np.int32]:
        """r P + a of every member of this rank, in their order."""
        P = self.system.P
        groups = (self.unit[:, :1] * P + np.arange(P)).astype(np.int32)
        return np.repeat(groups.ravel(), self.counts.ravel())


def given_phases(comm: Any, start: Start, blocks: int, which: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    """Given phases of the blocks `which`, block by block. InputError on every rank where one cannot read its own."""
    problem, found = None, {}
    try:
        found = dealt(start.phases, start.members, blocks, which)
    except InputError as bad:
        problem = bad
    said = mpi.first_text(comm, "" if problem is None else problem.why)
    if said:
        raise InputError("preparation.phases", "(from a file)", said)
    return found


def dealt(source: Any, members: int, blocks: int, which: NDArray[np.int64]) -> dict[int, NDArray[np.float64]]:
    """Values of the members of blocks `which`, dealt like cards from a row of all members' values, window by window."""
    wanted = np.unique(which)
    parts: dict[int, list[NDArray[np.float64]]] = {int(block): [] for block in wanted}
    window = max(1, WINDOW // blocks) * blocks
    for first in range(0, members if wanted.size else 0, window):
        values = np.asarray(source[first : min(first + window, members)], np.float64)
        for block, rows in parts.items():
            rows.append(values[block::blocks].copy())  # a view would keep the window
    return {block: np.concatenate(rows) for block, rows in parts.items()}


def distinct(comm: Any, group: NDArray[np.int32], values: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    """How many distinct values (2, M) each group (M,) has on all ranks: (groups,) counts whose sum over ranks it is."""
    x, y = values[0].view(np.int64), values[1].view(np.int64)
    first = first_of_each(group, x, y)
    if comm.size > 1:  # the rank that a value's bits name counts it
        rows = np.column_stack([group[first], x[first], y[first]])
        owner = (rows[:, 1] ^ (rows[:, 2] >> 7)) % comm.size
        order = np.argsort(owner, kind="stable")
        rows, _ = mpi.exchange(comm, rows[order], np.bincount(owner, minlength=comm.size))
        group, x, y = rows[:, 0].astype(np.int32), rows[:, 1].copy(), rows[:, 2].copy()
        first = first_of_each(group, x, y)
    return np.bincount(group[first], minlength=groups).astype(np.int64)
