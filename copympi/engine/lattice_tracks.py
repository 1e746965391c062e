"""Members that are followed on a lattice, whose steps may be left unfinished for a while."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.thinning import Thinned
from copympi.engine.tracking import Int, Jumps
from copympi.kernels.flow_tracks import LatticeTracks
from copympi.kernels.lattice import Replicas


class OnLattice(Thinned):
    """Places are beables. Until a step is finished all is shown as it was at the step's start, as n and amplitudes are.

    steps : what lattice kernels tell of their moves.
    """

    def __init__(self, ids: Int, start: NDArray[np.int32], layout: Any, P: int, seed: int) -> None:
        super().__init__(ids, start, layout, P, seed)
        self.steps = LatticeTracks(self.kernel)

    def watch(self, replicas: Replicas) -> None:
        """These are the replicas whose members are followed."""
        replicas.track(self.steps)

    def beables(self) -> NDArray[np.int32]:
        """Of each of this rank's replicas, (here, M), in order of ids; -1 of who has left."""
        self.steps.rewind()
        return super().beables()

    def drain(self) -> Jumps:
        """This rank's jumps since the last call."""
        self.steps.rewind()
        return super().drain()

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """Places, and who stands where in their lists."""
        self.steps.rewind()
        return super().per_unit()

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Who has a beable of `gone` (P,) has left."""
        super().send_away(gone)
        self.steps.look_around()

    def restored(self) -> None:
        """Lists anew from what was read."""
        super().restored()
        self.steps.look_around()
