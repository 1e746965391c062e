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
from copympi.engine.ensemble import Ensemble, Layout
from copympi.engine.pace import Pace
from copympi.errors import OtherMachineWarning, warn
from copympi.model.preparation import Start
from copympi.model.system import System


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

    first : this rank's first replica, by which draws are keyed.
    """

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, seed: int, layout: Layout) -> None:
        super().__init__(comm, system, start, accuracy, seed, layout)
        self.first = layout.first
        self.pace = Pace()
        self.problem: Exception | None = None
        if comm.size > 1 and not cpus_alike(comm) and comm.rank == mpi.ROOT:
            warn("ranks have unlike CPUs: last bits of a replica depend on the rank that has it", OtherMachineWarning)

    def advance(self) -> bool:
        """Go on for a moment; False when all ranks have reached the stop. Collective; failures are raised on all."""
        began = clock.monotonic()
        self.pace.learn(self.go_on(), clock.monotonic() - began)
        mpi.agree_on_failure(self.comm, self.problem)
        if self.comm.size == 1:  # where stops are close every microsecond counts
            self.requested[:] = self.requests
            return bool((self.time_left > 0.0).any())
        talk = np.array([np.any(self.time_left > 0.0), *self.requests], np.int64)
        mpi.total(self.comm, talk)
        self.requested[:] = talk[1:]
        return bool(talk[0])

    @abstractmethod
    def go_on(self) -> int:
        """About `pace.steps` steps of this rank's replicas: how many were made.

        What goes wrong becomes `problem`, and all ranks hear of it.
        """
