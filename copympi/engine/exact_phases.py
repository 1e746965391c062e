"""Members with phases of their own, event by event: rules (39), (40) without a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.exact_phases as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import START, Stop
from copympi.engine.own_phases import dealt
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.errors import InputError
from copympi.kernels.crowd import Crowd
from copympi.kernels.lineages import first_of_each
from copympi.kernels.phases import unit_circle
from copympi.kernels.streams import uniforms
from copympi.model.preparation import Start
from copympi.model.system import System


@dataclass(frozen=True)
class ReplicasOfMembers(Replicas):
    """The layout: as Replicas, and each has `members` with an identity."""

    members: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.full(self.here, self.members, np.int64)


class ExactPhases(IndependentReplicas):
    """Every member of every replica; a replica lies on one rank, as a serial stream of events.

    ids (here N,) : members, replica after replica, bucketed by beable, spectators first. values (2, here N) : e^{i phi},
    re and im, as last written down. counts (here, P) : members of each beable. paths (here, P, .) : the map of each
    beable since its values were written down, and sums of powers of these.
    """

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
        layout = ReplicasOfMembers(replicas, comm.size, comm.rank, start.members)
        super().__init__(comm, system, start, accuracy, seed, layout)
        R, P, N = layout.here, system.P, start.members
        self.copying = copying
        self.ids = np.tile(np.arange(N, dtype=np.uint32), R)
        self.counts = np.tile(start.counts.astype(np.int32), (R, 1))
        self.values = self._first_values(start)
        self.crowd = Crowd(
            replicas=R, ids=self.ids, values=self.values, offset=np.arange(R + 1) * N,
            unit=np.column_stack([np.arange(R), np.zeros(R, np.int64)]), counts=self.counts,
            spectators=np.full((R, P), start.spectators, np.int32),
        )  # fmt: skip
        self.paths = np.zeros((R, P, kernel.NUMBERS))
        self._law = self.law(START)
        kernel.begin_members(self._law, self.crowd, paths=self.paths)

    def law(self, stop: Stop) -> kernel.Law:
        """By what the kernels go on to a stop."""
        return kernel.Law(
            self.system.couplings, copying=self.copying, step=self.accuracy.step or 0.0,
            smallest=self.accuracy.control(stop).smallest if stop.time else 0.0, seed=self.seed,
            purpose=Purpose.EXACT_PHASES, first_replica=self.first,
        )  # fmt: skip

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._law = self.law(stop)

    def _first_values(self, start: Start) -> NDArray[np.float64]:
        """e^{i phi} at t = 0: given member by member, or spread uniformly about the beable's phase."""
        N, here = start.members, range(self.first, self.first + self.layout.here)
        if start.phases is not None:
            angle = np.tile(self._given(start), len(here))
        else:
            middle = np.repeat(start.phase, start.counts)
            luck = [uniforms(self.seed, Purpose.PHASES, replica, 0, 0, N) for replica in here]
            angle = np.concatenate([np.empty(0), *(middle + start.spread * (2.0 * one - 1.0) for one in luck)])
        return np.array(unit_circle(np.remainder(angle, 2 * np.pi)))

    def _given(self, start: Start) -> NDArray[np.float64]:
        """Given phases. InputError on every rank where one cannot read them."""
        problem, found = None, np.empty(0)
        try:
            found = dealt(start.phases, start.members, 1, np.zeros(1, np.int64))[0]
        except InputError as bad:
            problem = bad
        said = mpi.first_text(self.comm, "" if problem is None else problem.why)
        if said:
            raise InputError("preparation.phases", "(from a file)", said)
        return found

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, replica, beable = kernel.advance_members(
            self._law, self.crowd, paths=self.paths, time_left=self.time_left, step=self.step, events=self.events,
            largest=self.largest_chance, max_steps=self.pace.steps,
        )  # fmt: skip
        if status:
            self.problem = self.accuracy.failure(
                status, float(self.times[replica]), self.first + replica, self.system.labels[beable],
                self.counts[replica],
            )  # fmt: skip
        return int(done)

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        R, P = self.counts.shape
        n = self.counts.astype(np.int64)
        groups = np.repeat(np.arange(R * P, dtype=np.int32), n.ravel())
        x, y = self.values.view(np.int64)
        first = first_of_each(groups, x, y)
        lineages = np.bincount(groups[first], minlength=R * P).astype(np.int64).reshape(R, P)
        return rows_of(n, kernel.sums_of(self._law, n, paths=self.paths), lineages, self.turned)

    @property
    def turned(self) -> NDArray[np.float64]:
        """By how much every phase has turned besides, (here, 1): what was taken off all of H_aa/hbar."""
        return np.asarray(self.system.couplings.shift * self.times[:, None])

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"counts": self.counts, "paths": self.paths, **self.counters}

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What it holds of every member of this rank: the order of the ids is part of the state."""
        return {"ids": self.ids, "x": self.values[0], "y": self.values[1]}


def rows_of(
    n: NDArray[np.int64], sums: NDArray[np.complex128], lineages: NDArray[np.int64], turned: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """What is recorded of each beable, (R, P), from n (R, P), sums of e^{i phi} and e^{2 i phi} (R, P, 2)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        order = np.abs(sums) / n[:, :, None]
    phase = np.angle(sums[:, :, 0]) + turned
    rows = {"occupation": n, "phase": phase, "coherence": order[:, :, 0]}
    return {**rows, "coherence2": order[:, :, 1], "lineages": lineages}
