"""Whether it pays that ranks share a replica of a lattice, or of another sparse H: what they have to say grows with the
beables whose partners other ranks have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from copympi.engine.tiles import SHARED_FROM, SharedTiles, useful
from copympi.model.driven import terms_of
from copympi.model.system import System

AT_A_BORDER = 7.0
"""What a beable with partners on other ranks costs besides, in steps of a beable: 0.4 us of exchanges, and 60 ns."""


def pays(systems: Sequence[System], replicas: int, ranks: int) -> bool:
    """Whether a step is faster where so many ranks share replicas, under each of the systems that a run follows."""
    P = systems[0].P
    if ranks <= replicas or P < SHARED_FROM:
        return False
    if all(terms_of(system)[0].lattice is not None for system in systems):  # neighbours are near
        return True
    layout = SharedTiles(replicas, P, useful(replicas, P, ranks), 0)
    distinct = {id(term): term for system in systems for term in terms_of(system)}
    most = max(at_borders(system, layout) for system in distinct.values())
    return 1.0 + AT_A_BORDER * most < layout.place[1]


def at_borders(system: System, layout: SharedTiles) -> float:
    """Which part of all beables have partners on another rank."""
    W, found = system.frequencies, 0
    for begin, end in map(layout.beables, range(layout.place[1])):
        first, last = W.indptr[begin], W.indptr[end]
        partner = W.indices[first:last]
        away = np.concatenate([[0], np.cumsum((partner < begin) | (partner >= end))])
        found += int(np.count_nonzero(np.diff(away[W.indptr[begin : end + 1] - first])))
    return found / system.P
