"""Members with phases of their own: the full rules (39), (40), with copies across blocks and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.copies as copies
import copympi.kernels.field_plans as field_plans
import copympi.kernels.fields as fields
import copympi.kernels.phases as kernel
import copympi.kernels.single as single
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.ensemble import State
from copympi.engine.members import Members, cards
from copympi.engine.proposals import Proposals
from copympi.engine.purposes import Purpose
from copympi.errors import InputError
from copympi.kernels.crowd import Crowd
from copympi.kernels.lineages import first_of_each
from copympi.kernels.plans import FieldPlans
from copympi.kernels.streams import uniforms
from copympi.model.preparation import Start
from copympi.model.system import System

STRAY = 0.1
"""|beta/alpha| of a map above which values are refreshed; the series of a map of twice that is still good to 1e-8."""


WINDOW = 1 << 22
"""Given phases read at a time."""


class Phases(Members):
    """Members that each have a phase, in the blocks and buckets of `Members`.

    pinned (units, P) : spectators, who have phases like everyone's; they stand first in their bucket.
    values : (2, all of this rank's members) e^{i phi}, re and im, at the last refresh of their beable's map.
    sums : (R, 4P) sums of e^{i phi} (re, im) and e^{2 i phi} over all members of a beable, taken `since` (R,) ago.
    own_powers : (R, ., P) int64, this rank's sums of powers of the values in units of 1/scale.
    rows : (R, .) the plans, and in them the maps; alike on every rank.

    An ensemble of one block belongs to one rank whole: its copies are drawn one by one, at phases of mid-step. Those of
    several blocks are drawn at once, offers and answers crossing ranks.
    """

    spectators_in_blocks = True
    inherit = True
    """Who copies takes over all that its partner has."""
    common = ("n", "left", "step", "events", "largest_chance", "since", "sums", "rows")

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        leap: Accuracy,
        replicas: int,
        seed: int,
        copying: float = 1.0,
    ) -> None:
        super().__init__(comm, system, start, leap, replicas, seed)
        R, P = replicas, system.P
        self.copying = copying
        first = np.cumsum(start.counts) - start.counts
        self.pinned = cards(first, first + self.spectators, self.blocks, self.unit[:, 1])
        self.plans = FieldPlans(system.couplings, R)
        self.rows, self.maps = self.plans.rows, self.plans.maps
        self.scale = 2.0 ** min(50, 62 - start.members.bit_length())
        self.since = np.zeros(R)
        self.sums = np.zeros((R, 4 * P))
        self.own_powers = np.zeros((R, kernel.NUMBERS, P), np.int64)
        self._own_copies = np.zeros(R, np.int64)
        self.values = self._first_values(start)
        self.crowd = Crowd(
            replicas=R, ids=self.ids, values=self.values, offset=self.offset, unit=self.unit, counts=self.counts,
            spectators=self.pinned,
        )  # fmt: skip
        self.offers = Proposals(comm, R, P)
        self.active[:] = 1
        self._sum_powers(np.ones((R, P), np.uint8))
        self._add_up()

    def _first_values(self, start: Start) -> NDArray[np.float64]:
        """e^{i phi} at t = 0: given member by member, or spread uniformly about the beable's phase."""
        if start.phases is not None:
            given = self._given(start)
            angle = np.concatenate([np.empty(0), *(given[int(block)] for block in self.unit[:, 1])])
        else:
            middle = np.repeat(np.tile(start.phase, len(self.unit)), self.counts.ravel())
            angle = middle + start.spread * self._spread(Purpose.PHASES)
        return np.array(kernel.unit_circle(np.remainder(angle, 2 * np.pi)))

    def _spread(self, purpose: Purpose) -> NDArray[np.float64]:
        """A number for each of this rank's members, uniform in [-1, 1)."""
        luck = [
            uniforms(self.seed, purpose, int(replica), int(block), 0, int(size))
            for (replica, block), size in zip(self.unit, np.diff(self.offset), strict=True)
        ]
        return 2.0 * np.concatenate([np.empty(0), *luck]) - 1.0

    def _given(self, start: Start) -> dict[int, NDArray[np.float64]]:
        """Given phases, block by block. InputError on every rank where one cannot read its own."""
        problem, found = None, {}
        try:
            found = dealt(start.phases, start.members, self.blocks, self.unit[:, 1])
        except InputError as bad:
            problem = bad
        said = mpi.first_text(self.comm, "" if problem is None else problem.why)
        if said:
            raise InputError("preparation.phases", "(from a file)", said)
        return found

    def begin(self, record: int) -> None:
        """Set out for the record of that number."""
        super().begin(record)
        self._control = self.leap.second_order_control(record, self.spectators)

    def advance(self) -> bool:
        """One step of every replica that is not yet at the record; False when all are."""
        self._plan_step()
        self._half_flow()
        if self.blocks == 1:
            self._copy_one_by_one()
        else:
            self._copy_at_once()
        self._add_up()
        self._half_flow()
        self._same_rows()
        field_plans.finish(
            self.plans, active=self.active, time_left=self.left, step=self.step, largest=self.largest_chance
        )
        self._refresh()
        return bool(self.active.any())

    def _plan_step(self) -> None:
        """Choose the step: the same bytes on every rank (see `Members._plan`)."""
        field_plans.choose(
            self.system.couplings, self.plans, self._control, self.leap.angle, active=self.active, n=self._real_n,
            sums=self.sums, since=self.since, besides=self._besides(), time_left=self.left,
        )  # fmt: skip
        self._same_rows()
        self._accept(self.plans, *self.plans.first_failure(self.active)[:2])

    def _besides(self) -> NDArray[np.float64]:
        """What turns phases besides the fields, (R, P), 1/time: nothing here."""
        return np.zeros(self.n.shape)

    def _half_flow(self) -> None:
        """Half a step of the phases: maps alone, no member is touched."""
        fields.drift(
            self.system.couplings, self.plans, active=self.active, n=self._real_n, sums=self.sums, since=self.since
        )

    @property
    def _real_n(self) -> NDArray[np.float64]:
        return self.n.astype(np.float64)

    def _sums_at_mid(self) -> None:
        """Fields at mid-step are extrapolated: nothing to do."""

    def _answers(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """What a copy takes over from its partner, (K, W): everything."""
        return value

    def _copy_one_by_one(self) -> None:
        """The step's copies, where a rank has all of an ensemble: event by event."""
        self._same_rows()
        single.copy_members(
            self.system.couplings, self.plans, self.crowd, copying=self.copying, active=self.active, seed=self.seed,
            purpose=Purpose.OFFERS, step=self.step, inherit=self.inherit, scale=self.scale, powers=self.own_powers,
            copies=self._own_copies,
        )  # fmt: skip

    def _copy_at_once(self) -> None:
        """The step's copies as one leap: who is offered whose values, and who takes them."""
        self._sums_at_mid()
        field_plans.chances(
            self.system.couplings, self.plans, copying=self.copying, active=self.active, n=self._real_n,
            sums=self.sums, since=self.since,
        )  # fmt: skip
        self._same_rows()
        offers, value, luck = self.offers.draw(self)
        copies.copy(
            self.system.couplings, self.plans, self.crowd, active=self.active, proposals=offers,
            value=self._answers(value), luck=luck, scale=self.scale, powers=self.own_powers, copies=self._own_copies,
        )  # fmt: skip

    def _same_rows(self) -> None:
        if not self.alike:
            self.comm.Bcast(self.rows, root=mpi.ROOT)

    def _add_up(self) -> None:
        """Learn everyone's n, sums and copies: the step's Allreduce."""
        self._count()
        n, powers, done = self._over_ranks(self.own_n, self.own_powers, self._own_copies)
        self.n[:] = n
        self.events += done
        self._own_copies[:] = 0
        kernel.sums_of_mapped(
            active=self.active, n=self.n, powers=powers, scale=self.scale, maps=self.maps_now, sums=self.sums
        )
        self.since[self.active > 0] = 0.0

    def _sums_now(self) -> NDArray[np.float64]:
        """Sums of e^{i phi} and e^{2 i phi} of all replicas as they are, (R, 4P). Collective."""
        powers, sums = self.own_powers.copy(), np.zeros_like(self.sums)
        mpi.total(self.comm, powers)
        everyone = np.ones(len(sums), np.uint8)
        kernel.sums_of_mapped(
            active=everyone, n=self.n, powers=powers, scale=self.scale, maps=self.maps_now, sums=sums
        )
        return sums

    def _refresh(self) -> None:
        """Map the values themselves where a map has strayed far from a turn, and series would converge slowly."""
        alpha, beta = (np.sum(part**2, axis=1) for part in np.split(self.maps.reshape(len(self.n), 4, -1), 2, axis=1))
        due = (beta > STRAY**2 * alpha).view(np.uint8)
        if due.any():
            kernel.map_members(self.crowd, maps=self.maps_now, due=due)
            self._sum_powers(due)
            self._clear_maps(due > 0)

    def _sum_powers(self, due: NDArray[np.uint8]) -> None:
        """Add up the powers of the values of the beables (R, P) that are due: one pass over their members."""
        kernel.sum_powers(self.crowd, scale=self.scale, due=due, powers=self.own_powers)

    def restore(self, state: State, record: int) -> None:
        """Go on from `state`, on the way to `record`."""
        super().restore(state, record)
        self._sum_powers(np.ones(self.n.shape, np.uint8))

    def _clear_maps(self, which: NDArray[np.bool_]) -> None:
        self.maps.reshape(len(which), 4, -1).transpose(0, 2, 1)[which] = (1.0, 0.0, 0.0, 0.0)

    @property
    def maps_now(self) -> NDArray[np.float64]:
        """(R, 4P): alpha re, im, beta re, im of the map of every beable since its last refresh."""
        return np.ascontiguousarray(self.maps)

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What there is of every member of this rank, block after block."""
        return {"ids": self.ids, "x": self.values[0], "y": self.values[1]}

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of all replicas, each (R, P), by the names of datasets. Collective."""
        R, P = self.n.shape
        lineages = distinct(self.comm, self.groups_of(), self.values, R * P)
        mpi.total(self.comm, lineages)
        sums = self._sums_now().reshape(R, 4, P)
        Z, Z2 = sums[:, 0] + 1j * sums[:, 1], sums[:, 2] + 1j * sums[:, 3]
        time = self.record * self.leap.interval - self.left[:, None]
        with np.errstate(invalid="ignore", divide="ignore"):
            order, order2 = (np.abs(sum_) / self.n for sum_ in (Z, Z2))
        phase = np.angle(Z) + self.system.couplings.shift * time
        rows = {"occupation": self.n.copy(), "phase": phase, "coherence": order}
        return {**rows, "coherence2": order2, "lineages": lineages.reshape(R, P)}

    def groups_of(self) -> NDArray[np.int32]:
        """r P + a of every member of this rank, in their order."""
        P = self.system.P
        groups = (self.unit[:, :1] * P + np.arange(P)).astype(np.int32)
        return np.repeat(groups.ravel(), self.counts.ravel())


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
