"""Who moves, dealt anew: the histories of all members by the moves of a run, each made by hand. Slow and obvious."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copympi.engine.tracking import Jumps


def dealt(beables: NDArray[np.int32], jumps: Jumps, moves: NDArray[np.int64], draw: np.random.Generator) -> Jumps:
    """Jumps of one replica, all of whose members were followed, ordered, as they might as well have been.

    beables (N,): at t = 0, of members 0..N - 1. moves (K,): which jumps are simultaneous, ascending. In each move so
    many members of each beable leave for each other one, at these times: who, is uniform among those that have that
    beable when the move begins.
    """
    now = beables.copy()
    member = np.empty(len(jumps), np.int64)
    for move in np.unique(moves):
        rows = np.flatnonzero(moves == move)
        for source in np.unique(jumps.source[rows]):
            leave = rows[jumps.source[rows] == source]
            member[leave] = draw.choice(np.flatnonzero(now == source), len(leave), replace=False)
        now[member[rows]] = jumps.target[rows]
    return Jumps(jumps.time, jumps.replica, member, jumps.source, jumps.target)
