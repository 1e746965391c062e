"""Ensembles of few beables known by their counts alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.counts as kernel
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import IndependentReplicas, Replicas
from copympi.engine.thinning import Thinned
from copympi.engine.tracking import Tracks, initial_beables
from copympi.model.preparation import Start
from copympi.model.system import System


class Counts(IndependentReplicas):
    """Counts n (here, P) and phases (here, P) of this rank's replicas.

    few : where few members are concerned, copies are drawn one by one; else all of a step's at once.
    """

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int, few: bool = False
    ) -> None:
        self.few = few
        super().__init__(comm, system, start, accuracy, seed, Replicas(replicas, comm.size, comm.rank))
        self.n = np.tile(start.counts, (self.layout.here, 1))
        self.phase = np.tile(start.phase, (self.layout.here, 1))

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.control(stop, self.spectators, few=self.few)

    def go_on(self) -> int:
        """Some steps of this rank's replicas: how many were made."""
        done, status, replica, beable = self.advance_some()
        if status:
            self.problem = self.accuracy.failure(
                status, float(self.times[replica]), self.first + replica, self.system.labels[beable], self.n[replica]
            )
        return int(done)

    def advance_some(self) -> tuple[int, int, int, int]:
        """Steps made, status, replica and beable."""
        return kernel.advance(
            self.system.couplings, self._control, keys=(self.seed, Purpose.LEAP, Purpose.EVENTS, self.first), n=self.n,
            phase=self.phase, time_left=self.time_left, step=self.step, events=self.events, largest=self.largest_chance,
            max_steps=self.pace.steps, tracker=self.tracks.kernel,
            times=(self.stop.time, self.pause),
        )  # fmt: skip

    @property
    def copies_a_step(self) -> float:
        """About as many members that are followed copy in a step of a replica at most."""
        return self.tracks.ids.size * self.accuracy.leaving_chance

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
