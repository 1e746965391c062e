"""Members with phases of their own: the full rules (39), (40)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.fields as fields
import copympi.kernels.phases as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import Stop
from copympi.engine.ensemble import State
from copympi.engine.own_phases import OwnPhases
from copympi.model.preparation import Start
from copympi.model.system import System

STRAY = 0.1
"""|beta/alpha| of a map above which values are refreshed; the series of a map of twice that is still good to 1e-8."""


class Phases(OwnPhases):
    """Members whose phases move by the map of their beable: between copies no member is touched.

    values : (2, members) e^{i phi} at the last refresh of the beable's map.
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
        super().__init__(comm, system, start, accuracy, seed, replicas, copying)
        self.own_powers = np.zeros((replicas, kernel.NUMBERS, system.P), np.int64)
        self._sum_powers(np.ones((replicas, system.P), np.uint8))
        self.add_up()

    def advance(self) -> bool:
        """One step of every replica that is not yet at the stop; False when all are."""
        self.plan_step(np.zeros(self.n.shape))
        self._half_flow()
        if self.layout.blocks == 1:
            self.copy_one_by_one()
        else:  # at fields of mid-step, which are extrapolated
            self.copy_at_once()
        self.add_up()
        self._half_flow()
        self.finish_step()
        self._refresh()
        return bool(self.active.any())

    def _half_flow(self) -> None:
        """Half a step of the phases: maps alone, no member is touched."""
        fields.drift(
            self.system.couplings, self.plans, active=self.active, n=self.real_n, sums=self.sums, since=self.since
        )

    def add_up(self) -> None:
        """Learn everyone's n, sums and copies."""
        powers = self.learn()
        kernel.sums_of_mapped(
            active=self.active, n=self.n, powers=powers, scale=self.scale, maps=self.maps_now, sums=self.sums
        )
        self.since[self.active > 0] = 0.0

    def sums_now(self) -> NDArray[np.float64]:
        """Sums of e^{i phi} and e^{2 i phi} of all replicas as they are, (R, 4P). Collective."""
        powers, sums = self.own_powers.copy(), np.zeros_like(self.sums)
        mpi.total(self.comm, powers)
        everyone = np.ones(len(sums), np.uint8)
        kernel.sums_of_mapped(active=everyone, n=self.n, powers=powers, scale=self.scale, maps=self.maps_now, sums=sums)
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

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        super().restore(state, stop)
        self._sum_powers(np.ones(self.n.shape, np.uint8))

    def _clear_maps(self, which: NDArray[np.bool_]) -> None:
        self.maps.reshape(len(which), 4, -1).transpose(0, 2, 1)[which] = (1.0, 0.0, 0.0, 0.0)

    @property
    def maps_now(self) -> NDArray[np.float64]:
        """(R, 4P): alpha re, im, beta re, im of the map of every beable since its last refresh."""
        return np.ascontiguousarray(self.maps)
