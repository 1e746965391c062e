"""Members that are followed among many of which only numbers are known: who moves is drawn among those who could.

The work is done where members move, by cython_src/tracker.h; docs/theory.md, "Individual systems".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.purposes import Purpose
from copympi.engine.tracking import Int, Jumps, Tracks
from copympi.kernels.tracker import Tracker


class Thinned(Tracks):
    """Members of replicas that one rank has whole, `here` of them from replica `first` on.

    A kernel moves them between places, `finer` of which make a beable (place // finer); start (M,): their places at
    t = 0.
    """

    def __init__(
        self, ids: Int, start: NDArray[np.int32], layout: Any, P: int, seed: int, finer: int = 1, phases: bool = False
    ) -> None:
        super().__init__(ids, phases)
        self.kernel: Tracker
        self.first, self.finer = layout.first, finer
        self.kernel = Tracker(
            np.ascontiguousarray(start, np.int32), replicas=layout.here, places=P * finer, first_replica=layout.first,
            seed=seed, purposes=(Purpose.TRACKED, Purpose.TRACKED_TIMES),
        )  # fmt: skip
        self._order = np.empty((0, 0), np.int32)

    def beables(self) -> NDArray[np.int32]:
        """Of each of this rank's replicas, (here, M), in order of ids; -1 of who has left."""
        return self.kernel.place // np.int32(self.finer) if self.finer > 1 else self.kernel.place.copy()

    def drain(self) -> Jumps:
        """This rank's jumps since the last call."""
        return Jumps(**self.kernel.take(self.ids, self.finer, self.pending.phase is not None))

    @property
    def new(self) -> int:
        """How many jumps there are that `drain` would give."""
        return self.kernel.waiting

    def unit_of(self, jumps: Jumps) -> Int:
        """Units are replicas."""
        return jumps.replica - self.first

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Who has a beable of `gone` (P,) has left."""
        self.kernel.empty(np.repeat(gone, self.finer).view(np.uint8))

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """Places, and who stands where in their lists: draws pick members by it."""
        if self._order.shape != self.kernel.place.shape:
            self._order = np.empty(self.kernel.place.shape, np.int32)
        self.kernel.order(self._order)
        return {"tracked": self.kernel.place, "tracked_order": self._order}

    def restored(self) -> None:
        """Lists anew from what was read."""
        self.kernel.restore(self._order)
