"""Members with an identity whose phases are those of their beables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.members as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.aligned import AlignedMembers
from copympi.engine.purposes import Purpose
from copympi.kernels.flows import Scratch
from copympi.kernels.plans import StepPlans
from copympi.model.preparation import Start
from copympi.model.system import System


class Members(AlignedMembers):
    """Every member of every replica; a beable's members share its phase, phase (R, P), alike on every rank."""

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        super().__init__(comm, system, start, accuracy, replicas, seed)
        self.phase = np.tile(start.phase, (replicas, 1))
        self._make_plans()

    def _make_plans(self) -> None:
        couplings = self.system.couplings
        self._plans, self._scratch = StepPlans(couplings, len(self.n), self.marked is not None), Scratch(couplings)

    def advance(self) -> bool:
        """One step of every replica that is not yet at the stop; False when all are."""
        for half in (0, 1):
            self._plan(half)
            self._move(half)
        kernel.finish_step(
            self.system.couplings, self._plans, active=self.active, phase=self.phase, time_left=self.time_left,
            step=self.step, largest=self.largest_chance,
        )  # fmt: skip
        return bool(self.active.any())

    def _plan(self, half: int) -> None:
        """The plan of a half step, the same bytes on every rank (see `InBlocks.accept`)."""
        status, replica = 0, 0
        if self.alike or self.comm.rank == mpi.ROOT:
            status, replica, _ = self.plan_here(half)
        if not self.alike:
            mpi.broadcast(self.comm, self._plans.rows)
            status, replica, _ = self._plans.first_failure(self.active)
        self.accept(self._plans, status, replica)

    def plan_here(self, half: int) -> tuple[int, int, int]:
        """The plan of a half step as this rank makes it: status, replica and beable."""
        return kernel.plan_half(
            self.system.couplings, self._plans, self._control, self._scratch, half, active=self.active, n=self.n,
            out=self.out, phase=self.phase, time_left=self.time_left,
        )  # fmt: skip

    def _move(self, half: int) -> None:
        """Draw this rank's copies and learn everyone's: the step's Allreduce of n_a and of what left each a."""
        kernel.move(
            self.system.couplings, self._plans, self.crowd, active=self.active, seed=self.seed, purpose=Purpose.LEAP,
            step=self.step, half=half, n=self.own_n, out=self._own_out,
        )  # fmt: skip
        self.n[:], self.out[:] = self.over_ranks(self.own_n, self._own_out)
        self.n += self.blockless
        self.events += self.out.sum(axis=1)

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of all replicas, each (R, P), by the names of datasets: alike on every rank."""
        return {"occupation": self.n, "phase": self.phase}

    def common(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds that stands alike on every rank."""
        return {"n": self.n, "phase": self.phase, **self.counters}
