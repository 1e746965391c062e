"""Members that are followed among phase classes: where they are is a class, and jumps have phases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.thinning import Thinned
from copympi.engine.tracking import Int, cards_of, initial_beables, named
from copympi.kernels.class_tracks import ClassTracks
from copympi.model.preparation import Start
from copympi.model.system import System


def initial_classes(start: Start, ids: Int, movable: NDArray[Any]) -> NDArray[np.int32]:
    """The place a K + i at t = 0 of each id, (M,): a beable's members, in order of their cards, fill its classes one
    after the other. movable (P, K) : members of each class who can move."""
    P, K = movable.shape
    beable = initial_beables(start, P, ids)
    ends = np.cumsum(np.asarray(start.counts - start.spectators))
    if ends.dtype.kind == "f":
        ends = np.floor(ends / ends[-1] * named(start, P))
    begin, end = np.concatenate([[0], ends[:-1]])[beable], ends[beable]
    part = (cards_of(start, P, ids) - begin + 0.5) / np.maximum(end - begin, 1)
    filled = np.cumsum(movable, axis=1, dtype=float)
    with np.errstate(invalid="ignore"):
        filled /= filled[:, -1:]
    kind = (part[:, None] >= filled[beable, :-1]).sum(axis=1)
    return (beable * K + kind).astype(np.int32)


class InClasses(Thinned):
    """A place is class i of beable a, a K + i."""

    def __init__(self, ids: Int, start: NDArray[np.int32], layout: Any, P: int, seed: int, classes: int) -> None:
        super().__init__(ids, start, layout, P, seed, finer=classes, phases=True)
        self.steps = ClassTracks(self.kernel, P * classes)

    def set_out(self, stop: float, system: System, turned: float, switched: float) -> None:
        """Steps lead to a stop at that time. All phases turned by `turned` up to the last switch, at `switched`."""
        self.steps.at(stop, shift=system.couplings.shift, since=switched, turn=turned)
