"""A lattice on other ranks than there are: who would have what of it, and what these would say to their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from copympi.engine.halos import halos
from copympi.engine.lattice import LatticeCounts
from copympi.engine.sharing import pays
from copympi.engine.tiles import SharedTiles, useful

HALO, LARGE_N, SWAPS = 170, 64, 12
"""Bytes that a rank sends for each of its beables that others need, and more beyond N = 2^63, and messages to each of
these ranks, in a step: about."""


@dataclass(frozen=True)
class Seat:
    """A rank's place among others, for who asks about other ranks than there are."""

    rank: int
    size: int


def foretold_layout(lattice: LatticeCounts, ranks: int) -> SharedTiles | None:
    """Who would have what on so many ranks, without those for which there is no tile, as a rank in the middle of a
    replica's sees it; None where replicas would lie whole on ranks."""
    R, P = lattice.layout.replicas, lattice.system.P
    if lattice.places is None or not pays((lattice.system,), R, ranks):
        return None
    size = useful(R, P, ranks)
    return SharedTiles(R, P, size, SharedTiles(R, P, size, 0).place[1] // 2)


def foretold_halo(lattice: LatticeCounts, layout: SharedTiles) -> tuple[int, float]:
    """About how many messages the rank of a layout would send in a step, and how many bytes."""
    if lattice.places is None:
        return 0, 0.0
    made = halos(Seat(*layout.place), layout, lattice.places)
    each = HALO + (LARGE_N if lattice.large_n else 0)
    return SWAPS * len(made.beables.out), float(each * sum(at.size for at in made.beables.out.values()))
