"""Members with an identity of whom those of a beable share one phase: what their methods have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.accuracy import Accuracy
from copympi.engine.blocks import InBlocks
from copympi.engine.clock import Stop
from copympi.engine.marked import MarkedMembers
from copympi.kernels.crowd import Crowd
from copympi.model.preparation import Start
from copympi.model.system import System


class AlignedMembers(InBlocks):
    """Blocks hold ids by beable. Spectators never move and are all alike: n counts them, no block has them.

    out (R, P): how many left each beable in the last half step.
    """

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        super().__init__(comm, system, start, accuracy, seed, replicas, blockless=start.spectators)
        self.out = np.zeros((replicas, system.P), np.int64)
        self._own_out = np.zeros((replicas, system.P), np.int64)
        self.regroup(self.ids, self.sizes)

    @abstractmethod
    def _make_plans(self) -> None:
        """What steps want of H, and room for their plans, with profiles where members are followed."""

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached."""
        super().switch(system)
        self._make_plans()

    def regroup(
        self, ids: NDArray[np.uint32], sizes: NDArray[np.int64], which: NDArray[np.bool_] | None = None
    ) -> None:
        """Take `ids` for those of this rank's members, so many in each unit."""
        super().regroup(ids, sizes, which)
        self.crowd = Crowd(
            replicas=len(self.n), ids=self.ids, offset=self.offset, unit=self.unit, counts=self.counts
        )  # fmt: skip
        self.crowd.mark(None if self.marked is None else self.marked.marks)

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,): blocks close their ranks one by one, in the memory that they have."""
        end = 0
        for u, counts in enumerate(self.counts):
            stay = self.ids[self.offset[u] : self.offset[u + 1]][np.repeat(~gone, counts)]
            self.ids[end : end + stay.size] = stay
            end += stay.size
        self.empty(gone)
        ids = self.ids[:end]
        self.regroup(ids if 2 * end > self.ids.size else ids.copy(), self.counts.sum(axis=1, dtype=np.int64))

    def follow(self, ids: NDArray[np.int64], **_: bool) -> MarkedMembers:
        """Times of their copies are drawn from how flows go, so plans have profiles from here on."""
        marked = super().follow(ids)
        self.crowd.mark(marked.marks)
        self._make_plans()
        return marked

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self._control = self.accuracy.control(stop, self.spectators)
