"""Independent ensembles shared out over ranks, whole: each replica lies on one rank and has a clock of its own."""

from __future__ import annotations

import time as clock
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.arithmetic import cpus_alike
from copympi.engine.clock import Stop
from copympi.engine.ensemble import Ensemble, Layout
from copympi.engine.pace import Pace
from copympi.engine.trackable import ROWS
from copympi.errors import OtherMachineWarning, warn
from copympi.model.preparation import Start
from copympi.model.system import System

SLICES, LEAST = 4, 1e-6
"""A moment, and a slice of time, fill one of so many parts of the memory for copies; and a slice is at least so large a
part of what is left."""


@dataclass(frozen=True)
class Replicas:
    """The layout: a unit is a replica, and a rank owns a run of them. members : of each that have an identity."""

    replicas: int
    size: int
    rank: int
    members: int = 0

    @property
    def shares(self) -> list[tuple[int, int]]:
        """First and one past last replica of every rank."""
        return [mpi.share(self.replicas, self.size, rank) for rank in range(self.size)]

    @property
    def units(self) -> int:
        return self.replicas

    @property
    def first(self) -> int:
        return self.shares[self.rank][0]

    @property
    def last(self) -> int:
        return self.shares[self.rank][1]

    @property
    def here(self) -> int:
        return self.last - self.first

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.full(self.here, self.members, np.int64)

    def to_root(self, comm: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        return mpi.gather_rows(comm, rows, [last - first for first, last in self.shares])

    def slab(self, P: int) -> tuple[int, int, int]:
        return self.first, 0, P


class IndependentReplicas(Ensemble):
    """What methods share whose replicas go on alone. Ranks talk only now and then: who is still at it, and requests.

    first : this rank's first replica, by which draws are keyed. pause : replicas wait that have no more time left to
    the stop than this; 0 but where copies of members that are followed would fill the memory (`take_final`).
    """

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, seed: int, layout: Layout) -> None:
        super().__init__(comm, system, start, accuracy, seed, layout)
        self.first = layout.first
        self.pace = Pace()
        self.pause, self._before = 0.0, 0
        self.problem: Exception | None = None
        if comm.size > 1 and not cpus_alike(comm) and comm.rank == mpi.ROOT:
            warn("ranks have unlike CPUs: last bits of a replica depend on the rank that has it", OtherMachineWarning)

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self.pause, self._before = 0.0, self.tracks.taken + self.tracks.held

    def track(self, ids: NDArray[np.int64]) -> None:
        """Follow members of these ids in every replica."""
        super().track(ids)
        self.pace.steps = 1  # until it is known how many copies a step makes

    def advance(self) -> bool:
        """Go on for a moment; False when all ranks have reached the stop. Collective; failures are raised on all."""
        began = clock.monotonic()
        if self.tracks.ids.size:
            self._go_on_followed(began)
        else:
            self.pace.learn(self.go_on(), clock.monotonic() - began)
        mpi.agree_on_failure(self.comm, self.problem)
        if self.comm.size == 1:  # where stops are close every microsecond counts
            self.requested[:] = self.requests
            return bool((self.time_left > 0.0).any())
        talk = np.array([np.any(self.time_left > 0.0), *self.requests], np.int64)
        mpi.total(self.comm, talk)
        self.requested[:] = talk[1:]
        return bool(talk[0])

    def _go_on_followed(self, began: float) -> None:
        """A moment, in which about a part of the copies is noted that may wait, or those of one step."""
        tracks, before, done = self.tracks, self.tracks.held, 0
        if not self._waits():
            done = self.go_on()
        self.pace.learn(done, clock.monotonic() - began)
        self.pace.limit(done, tracks.held - before, self.copies_a_step, tracks.most // SLICES)
        self.ask_for_room()

    @property
    def copies_a_step(self) -> float:
        """About as many members that are followed copy in a step of a replica at most; 0 where that is not known."""
        return 0.0

    def _waits(self) -> bool:
        """Whether all replicas of this rank that have not reached the stop wait for others."""
        return self.pause > 0.0 and not np.any(self.time_left > self.pause)

    def ask_for_room(self) -> None:
        """Also where this rank can do nothing before others have told how far they are."""
        super().ask_for_room()
        if self._waits():
            self.requests[ROWS] = np.any(self.time_left > 0.0)

    def farthest_back(self) -> float:
        """The time to the stop that the last of all ranks' replicas has left. Collective.

        From here on none goes so far ahead of it that a rank would have to keep many more copies: time is cut into
        slices in which, at the pace so far, all of a rank's replicas together make a part of what it may keep.
        """
        made = self.tracks.taken + self.tracks.held - self._before
        passed = float(np.sum(self.stop.length - self.time_left))
        rate = made * self.layout.here / passed if passed > 0.0 else 0.0
        told = np.array([self.time_left.max(initial=0.0), SLICES * rate / max(self.tracks.most, 1)])
        mpi.largest(self.comm, told)
        left, slices = told.tolist()
        if self.layout.replicas > 1 and left > 0.0:
            self.pause = max(0.0, left - max(1.0 / slices, LEAST * left)) if slices > 0.0 else 0.0
        return left

    @abstractmethod
    def go_on(self) -> int:
        """About `pace.steps` steps of this rank's replicas: how many were made.

        What goes wrong becomes `problem`, and all ranks hear of it.
        """
