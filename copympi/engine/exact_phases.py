"""Phases of members' own, event by event: rules (39), (40) without a step. docs/exact.md."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.exact_phases as kernel
from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.class_tracks import InClasses
from copympi.engine.clock import START, Stop
from copympi.engine.ensemble import State
from copympi.engine.marked import MarkedMembers
from copympi.engine.own_phases import given_phases
from copympi.engine.pace import Pace
from copympi.engine.phase_classes import first_classes, followed
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.tracking import Int
from copympi.errors import DynamicsError
from copympi.kernels import portable
from copympi.kernels.classes import Classes
from copympi.kernels.crowd import Crowd
from copympi.kernels.lineages import first_of_each
from copympi.kernels.phase_paths import NUMBERS, sums_of
from copympi.kernels.phases import unit_circle
from copympi.kernels.streams import uniforms
from copympi.model.preparation import Start
from copympi.model.system import System


class OneByOne(IndependentReplicas):
    """What members and phase classes share: a replica is one rank's whole, as copies that follow one another cannot be
    shared out.

    paths (here, P, NUMBERS) : the map of each beable since its values were written down, and sums of powers of these.
    copying : a factor on all rates of copying.
    """

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, seed: int, layout: Replicas, copying: float
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, layout)
        self.copying = copying
        self.pace = Pace(1 + 1000 // system.P)  # each copy is work for all beables
        self.paths = np.zeros((layout.here, system.P, NUMBERS))
        self._law: Any = self.law(START)

    def law(self, stop: Stop) -> kernel.Law:
        """By what the kernels go on to a stop."""
        return kernel.Law(
            self.system.couplings, copying=self.copying, smallest=RESOLVABLE * stop.time, seed=self.seed,
            purpose=Purpose.EXACT_PHASES, first_replica=self.first,
        )  # fmt: skip

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._law = self.law(stop)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, replica, beable = self.advanced(self.pace.steps)
        if status:
            n, label = self.occupation()[replica], self.system.labels[beable]
            some = ", ".join(str(int(x)) for x in n[:8]) + (", ..." if len(n) > 8 else "")
            what = f"phases of beable {label} turn" if status == 1 else f"members of beable {label} copy"
            self.problem = DynamicsError(
                f"{what} too fast for this time to resolve: t = {self.times[replica]:.10g}, "
                f"n = [{some}], replica {self.first + replica}; choose a shorter duration"
            )
        return done

    @abstractmethod
    def advanced(self, most: int) -> tuple[int, int, int, int]:
        """At most so many steps of this rank's replicas: how many were made; then whether time is too coarse, for
        phases (1) or for copies (2), whose and where."""

    @property
    def present(self) -> NDArray[np.int64]:
        """N of each of this rank's replicas as it is now, (here,)."""
        return self.occupation().sum(axis=1)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,): they have no values, and no map."""
        self.paths[:, gone] = np.arange(NUMBERS) == 0

    @abstractmethod
    def occupation(self) -> NDArray[np.int64]:
        """n (here, P)."""

    def sums_now(self) -> NDArray[np.complex128]:
        """Sums (here, P, 2) of e^{i phi} and e^{2 i phi} over all members of a beable."""
        return sums_of(self.occupation(), paths=self.paths)

    @abstractmethod
    def lineages(self) -> NDArray[np.int64]:
        """Distinct phases of each beable, (here, P)."""

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        n, sums = self.occupation(), self.sums_now()
        with np.errstate(invalid="ignore", divide="ignore"):
            order = portable.sizes(sums) / n[:, :, None]
        phase = portable.angles(sums[:, :, 0]) + self.turn[:, None]
        rows = {"occupation": n, "phase": phase, "coherence": order[:, :, 0]}
        return {**rows, "coherence2": order[:, :, 1], "lineages": self.lineages()}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"paths": self.paths, **self.counters}

    @property
    def _clocks(self) -> dict[str, NDArray[Any]]:
        return {"time_left": self.time_left, "step": self.step, "events": self.events}


class ExactPhases(OneByOne):
    """Every member of every replica.

    ids (M,) : members, replica after replica, from offset (here + 1,) on, bucketed by beable, spectators first. values
    (2, M) : their e^{i phi}, re and im, as last written down. counts (here, P) : members of each beable.
    """

    marked: MarkedMembers | None = None

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        accuracy: Accuracy,
        replicas: int,
        seed: int,
        copying: float = 1.0,
    ) -> None:
        N = start.members
        layout = Replicas(replicas, comm.size, comm.rank, N)
        super().__init__(comm, system, start, accuracy, seed, layout, copying)
        R = layout.here
        self.counts = np.tile(start.counts.astype(np.int32), (R, 1))
        self.hold(np.tile(np.arange(N, dtype=np.uint32), R), self._first_values(start), np.full(R, N, np.int64))
        self.set_out()

    def set_out(self) -> None:
        """Paths from the values there are."""
        kernel.begin_members(self._law, self.crowd, paths=self.paths)

    def hold(self, ids: NDArray[np.uint32], values: NDArray[np.float64], sizes: NDArray[np.int64]) -> None:
        """Take ids and values for those of this rank's members, so many in each replica."""
        R = len(self.counts)
        self.ids, self.values = ids, values
        self.offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.crowd = Crowd(
            replicas=R, ids=ids, values=values, offset=self.offset,
            unit=np.column_stack([np.arange(R), np.zeros(R, np.int64)]), counts=self.counts,
            spectators=np.minimum(self.counts, self.spectators).astype(np.int32),  # none where a filter took them away
        )  # fmt: skip
        self.crowd.mark(None if self.marked is None else self.marked.marks)

    @property
    def buckets(self) -> NDArray[np.int32]:
        """Members of each beable of this rank's replicas, (here, P)."""
        return self.counts

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        if self.marked is not None:
            self.marked.set_out()

    def follow(self, ids: NDArray[np.int64]) -> MarkedMembers:
        """What is known of members of these ids; spectators have ids among the others'."""
        self.marked = MarkedMembers(self, ids, blocks=None, spectators_too=True, phases=True)
        self.crowd.mark(self.marked.marks)
        return self.marked

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Members of each of this rank's replicas as they are now, (here,)."""
        return np.diff(self.offset)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,); the others keep their names and values."""
        super().send_away(gone)
        stays = np.repeat(np.tile(~gone, len(self.counts)), self.counts.ravel())
        self.counts[:, gone] = 0
        self.hold(self.ids[stays], np.ascontiguousarray(self.values[:, stays]), self.present)

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        ids, sizes = state.ragged.get("ids", (self.ids, self.sizes))
        if not np.array_equal(sizes, self.sizes) and "counts" in state.columns:  # some have left by a filter
            self.counts[:] = state.columns["counts"]
            self.hold(np.empty(ids.size, np.uint32), np.empty((2, ids.size)), sizes)
        super().restore(state, stop)

    def _first_values(self, start: Start) -> NDArray[np.float64]:
        """e^{i phi} at t = 0: given member by member, or spread uniformly about the beable's phase."""
        N, here = start.members, range(self.first, self.first + self.layout.here)
        if start.phases is not None:
            angle = np.tile(given_phases(self.comm, start, 1, np.zeros(1, np.int64))[0], len(here))
        else:
            middle = np.repeat(start.phase, start.counts)
            luck = [uniforms(self.seed, Purpose.PHASES, replica, 0, 0, N) for replica in here]
            angle = np.concatenate([np.empty(0), *(middle + start.spread * (2.0 * one - 1.0) for one in luck)])
        return np.array(unit_circle(np.remainder(angle, 2 * np.pi)))

    def advanced(self, most: int) -> tuple[int, int, int, int]:
        return kernel.advance_members(
            self._law, self.crowd, paths=self.paths, **self._clocks, most=most, pause=self.pause
        )  # fmt: skip

    def occupation(self) -> NDArray[np.int64]:
        return self.counts.astype(np.int64)

    def lineages(self) -> NDArray[np.int64]:
        groups = np.repeat(np.arange(self.counts.size, dtype=np.int32), self.counts.ravel())
        first = first_of_each(groups, *self.values.view(np.int64))
        return np.bincount(groups[first], minlength=self.counts.size).astype(np.int64).reshape(self.counts.shape)

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"counts": self.counts, **super().per_unit()}

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What it holds of every member of this rank: the order of the ids is part of the state."""
        return {"ids": self.ids, "x": self.values[0], "y": self.values[1]}


class ExactPhaseClasses(OneByOne):
    """Replicas as counts (here, P, K) of K phase classes a beable, z (here, 2, P, K) their e^{i phi} as last written
    down; at t = 0 as in PhaseClasses: evenly spaced phases, members and spectators shared out evenly."""

    followed: InClasses | None = None

    def __init__(
        self,
        comm: Any,
        system: System,
        start: Start,
        accuracy: Accuracy,
        replicas: int,
        seed: int,
        classes: int,
        copying: float = 1.0,
    ) -> None:
        layout = Replicas(replicas, comm.size, comm.rank)
        super().__init__(comm, system, start, accuracy, seed, layout, copying)
        self.z, self.count, self.class_spectators = first_classes(start, classes, layout.here)
        self.n = self.count.sum(axis=2)
        self.classes = Classes(n=self.n, z=self.z, count=self.count, spectators=self.class_spectators)
        kernel.begin_classes(self._law, self.classes, paths=self.paths)

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        if self.followed is not None:
            self.followed.set_out(stop.time, self.system, self.turned, self.switched)

    def follow(self, ids: Int) -> InClasses:
        """What is known of members of these ids (M,) at t = 0."""
        self.followed = followed(self, ids)
        return self.followed

    def advanced(self, most: int) -> tuple[int, int, int, int]:
        return kernel.advance_classes(
            self._law, self.classes, paths=self.paths, **self._clocks, most=most, pause=self.pause
        )  # fmt: skip

    def occupation(self) -> NDArray[np.int64]:
        return self.n

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,)."""
        super().send_away(gone)
        self.count[:, gone] = 0
        self.n[:, gone] = 0

    def take_stock(self) -> None:
        """Who is there; a beable that a filter has emptied has no spectators."""
        super().take_stock()
        if self.spectators:
            self.class_spectators[(self.n == 0).any(axis=0)] = 0

    def lineages(self) -> NDArray[np.int64]:
        return np.count_nonzero(self.count, axis=2).astype(np.int64)

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"n": self.n, "z": self.z, "count": self.count, **super().per_unit()}
