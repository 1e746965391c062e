"""Event by event: aligned members who copy one by one, while phases flow between copies. docs/exact.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import copympi.kernels.exact as kernel
from copympi.engine.accuracy import RESOLVABLE, Accuracy
from copympi.engine.clock import Stop
from copympi.engine.ensemble import State
from copympi.engine.marked import MarkedMembers
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.thinning import Thinned
from copympi.engine.tracking import Tracks, initial_beables
from copympi.errors import DynamicsError
from copympi.model.preparation import Start
from copympi.model.system import System

STRETCH = 1 << 18
"""Steps between two looks at Python's signals in `paths`: about 0.1 s of few beables."""


class ExactCounts(IndependentReplicas):
    """Counts n (here, P) and phases (here, P) of this rank's replicas."""

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, named: int = 0
    ) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank, named))
        self.n = np.tile(start.counts, (self.layout.here, 1))
        self.phase = np.tile(start.phase, (self.layout.here, 1))
        self.paths = self._make_paths()

    def _make_paths(self) -> Any:
        return kernel.Paths(self.system.couplings, **self._arrays())

    def _arrays(self) -> dict[str, Any]:
        """What paths go on in, and by which keys."""
        return {
            "n": self.n, "phase": self.phase, "time_left": self.time_left, "step": self.step, "events": self.events,
            "keys": np.arange(self.layout.first, self.layout.last, dtype=np.uint64), "spectators": self.spectators,
        }  # fmt: skip

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self.paths = self._make_paths()

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, r = self.paths.advance(
            seed=self.seed, purpose=Purpose.EXACT, names=Purpose.EXACT_MEMBERS,
            smallest=RESOLVABLE * self.stop.time, max_steps=self.pace.steps, tracker=self.tracks.kernel,
            stop=self.stop.time, pause=self.pause,
        )  # fmt: skip
        if status:
            self.problem = unresolved(float(self.times[r]), self.n[r], f"replica {self.first + r}")
        return done

    def follow(self, ids: NDArray[np.int64]) -> Tracks:
        """Who of these goes is drawn among those who could."""
        start = initial_beables(self.start, self.system.P, ids)
        return Thinned(ids, start, self.layout, self.system.P, self.seed)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,)."""
        self.n[:, gone] = 0

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        return {"occupation": self.n, "phase": self.phase}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"n": self.n, "phase": self.phase, **self.counters}


class ExactMembers(ExactCounts):
    """The same with members of an identity: ids, those of each replica bucketed by beable, from offset (here + 1,) on.

    Spectators never move and are all alike: n counts them, no bucket has them. A replica is one rank's whole: copies
    that follow one another cannot be shared out, and who copies is then found in O(P).
    """

    marked: MarkedMembers | None = None

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        members = start.members - system.P * start.spectators
        super().__init__(comm, system, start, accuracy, replicas, seed, named=members)
        here = self.layout.here
        self.name(np.tile(np.arange(members, dtype=np.uint32), here), np.full(here, members, np.int64))

    def name(self, ids: NDArray[np.uint32], sizes: NDArray[np.int64]) -> None:
        """Take `ids` for those of this rank's members, so many in each replica."""
        self.ids = ids
        self.offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.paths.name(self.ids, self.offset)

    @property
    def buckets(self) -> NDArray[np.int64]:
        """Members with an identity of each beable, (here, P); one that a filter has emptied has no spectators."""
        return np.maximum(self.n - self.spectators, 0)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Members with an identity in each of this rank's replicas as they are now, (here,)."""
        return np.diff(self.offset)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,); the others keep their names."""
        stays = np.repeat(np.tile(~gone, self.layout.here), self.buckets.ravel())
        super().send_away(gone)
        self.name(self.ids[stays], self.buckets.sum(axis=1))

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        ids, sizes = state.ragged.get("ids", (self.ids, self.sizes))
        if not np.array_equal(sizes, self.sizes) and "n" in state.columns:  # some have left by a filter
            self.n[:] = state.columns["n"]
            self.name(np.empty(ids.size, np.uint32), sizes)
        super().restore(state, stop)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self.paths.name(self.ids, self.offset)
        if self.marked is not None:
            self.paths.mark(self.marked.marks)

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        if self.marked is not None:
            self.marked.set_out()

    def follow(self, ids: NDArray[np.int64]) -> MarkedMembers:
        """What is known of members of these ids."""
        self.marked = MarkedMembers(self, ids, blocks=None, spectators_too=False, phases=False)
        self.paths.mark(self.marked.marks)
        return self.marked

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What it holds of every member of this rank, replica after replica; their order is part of the state."""
        return {"ids": self.ids}

    def beables(self, unit: int) -> NDArray[np.int64]:
        """a_I of every member, by id, of one of this rank's replicas; -1 of who has left. Spectators have no id."""
        out = np.full(self.layout.sizes[unit], -1)
        own = self.ids[self.offset[unit] : self.offset[unit + 1]]
        out[own] = np.repeat(np.arange(self.system.P), self.buckets[unit])
        return out


@dataclass(frozen=True)
class Paths:
    """What became of R replicas.

    n, phase (R, P): counts and phases, rad, from -pi to pi, of no meaning where n is 0; events (R,): copies;
    time (R,): how long each went, its duration or less where it stopped at its floor; death (R, P): the time at which a
    beable lost its last member, 0 where it had none at the start, inf where it has some; smallest (R, P): the fewest
    members that a beable had, from the start on.
    """

    n: NDArray[np.int64]
    phase: NDArray[np.float64]
    events: NDArray[np.int64]
    time: NDArray[np.float64]
    death: NDArray[np.float64]
    smallest: NDArray[np.int64]


def paths(
    system: System,
    n: ArrayLike,
    phase: ArrayLike,
    duration: ArrayLike,
    seed: int,
    keys: ArrayLike,
    *,
    spectators: int = 0,
    floor: ArrayLike | None = None,
    purpose: int = Purpose.EXACT_PATHS,
) -> Paths:
    """Event by event, replicas that each start from counts and phases of their own; no ranks, no files.

    n (R, P), phase (R, P) rad: the starts; phases of beables without members are of no account. duration: a number, or
    (R,): how long each goes. keys (R,): draws of a replica are a function of (seed, purpose, its key) alone: one that
    goes on needs another key. spectators: members of every beable that never copy. floor (P,) or (R, P): a replica
    stops after the copy that brings some n_a to its floor or below; one that starts there stops at once; -1: never.

    Raises ValueError where shapes do not fit, n is below the spectators, numbers that must be whole are not, or too
    large, or a phase of a beable with members is not finite; DynamicsError where copies, or phases, are faster than
    time can resolve.
    """
    counts = np.array(_whole("n", n, 2**63 - 1), np.int64, order="C")
    phases = np.array(phase, np.float64, order="C")
    if counts.ndim != 2 or counts.shape != phases.shape or counts.shape[1] != system.P:
        raise ValueError(f"n, phase: must be (R, {system.P}), not {counts.shape} and {phases.shape}")
    if not np.all(np.isfinite(phases[counts > 0])):
        raise ValueError("phase: must be finite where n > 0")
    R = len(counts)
    span = np.broadcast_to(np.asarray(duration, np.float64), (R,))
    if not np.all(np.isfinite(span) & (span >= 0.0)):
        raise ValueError("duration: must be finite and not negative")
    low = np.ascontiguousarray(np.broadcast_to(np.asarray(-1 if floor is None else floor, np.int64), counts.shape))
    time_left, step, events = span.copy(), np.zeros(R, np.int64), np.zeros(R)
    death, smallest = np.where(counts > 0, -np.inf, span[:, None]), counts.copy()
    time_left[np.any(counts <= low, axis=1)] *= -1.0
    run = kernel.Paths(
        system.couplings, n=counts, phase=phases, time_left=time_left, step=step, events=events,
        keys=np.ascontiguousarray(_whole("keys", keys, 2**64 - 1), np.uint64), spectators=spectators,
    )  # fmt: skip
    run.watch(death, smallest, low)
    seed, done = int(_whole("seed", seed, 2**64 - 1)), STRETCH
    while done >= STRETCH:
        done, status, r = run.advance(
            seed=seed, purpose=purpose, names=Purpose.EXACT_MEMBERS,
            smallest=RESOLVABLE * float(span.max(initial=0.0)), max_steps=STRETCH,
        )  # fmt: skip
        if status:
            raise unresolved(float(span[r] - time_left[r]), counts[r], f"replica {r}")
    return Paths(
        counts, phases, events.astype(np.int64), span - np.abs(time_left), span[:, None] - death, smallest
    )  # fmt: skip


def _whole(name: str, given: ArrayLike, most: int) -> NDArray[Any]:
    """The numbers as an array; ValueError where they are not whole, or not from 0 to `most`."""
    out = np.asarray(given)
    fits = out.dtype.kind in "iuf" and bool(np.all(np.isfinite(out) & (out == np.floor(out))))
    if not fits or (out.size and not 0 <= int(out.min()) <= int(out.max()) <= most):
        raise ValueError(f"{name}: must be whole, from 0 to {most}")
    return out


def unresolved(time: float, n: NDArray[np.int64], which: str) -> DynamicsError:
    some = ", ".join(str(int(x)) for x in n[:8]) + (", ..." if len(n) > 8 else "")
    return DynamicsError(
        f"copies, or phases, are too fast for this time to resolve: t = {time:.10g}, n = [{some}], {which}; the method "
        '"exact" is for fewer members, or shorter durations'
    )
