"""Ensembles of few beables known by their counts alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.occupation as kernel
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.model.preparation import Start
from copympi.model.system import System


class Counts(IndependentReplicas):
    """Counts n (here, P) and phases (here, P) of this rank's replicas."""

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        self.n = np.tile(start.counts, (self.layout.here, 1))
        self.phase = np.tile(start.phase, (self.layout.here, 1))

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.control(stop, self.spectators)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, replica, beable = kernel.advance(
            self.system.couplings, self._control, self.seed, Purpose.LEAP,
            self.first, self.n, self.phase, self.time_left, self.step, self.events, self.largest_chance,
            self.pace.steps,
        )  # fmt: skip
        if status:
            self.problem = self.accuracy.failure(
                status, float(self.times[replica]), self.first + replica, self.system.labels[beable], self.n[replica]
            )
        return int(done)

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of this rank's replicas, each (here, P), by the names of datasets."""
        return {"occupation": self.n, "phase": self.phase}

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each replica."""
        return {"n": self.n, "phase": self.phase, **self.counters}
