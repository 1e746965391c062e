"""A lattice in pieces: tiles, runs of beables whose number depends on the lattice alone.

A tile is what a lattice's draws are keyed by, and what sums over beables in floats are taken over before they are added
in tile order: so nothing depends on who has which tile. Today all tiles of a replica lie on one rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.replicas import Replicas
from copympi.kernels.bonds import TILE_SIZE

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Tiles:
    """The layout: replicas shared out over ranks, each in tiles of TILE_SIZE beables, the last one with the rest.

    Tile t has the beables TILE_SIZE t .. TILE_SIZE (t + 1) - 1. Its normal numbers of a step are keyed by 2 t and
    2 t + 1, its whole numbers by t (copympi/engine/purposes.py).
    """

    owned: Replicas
    P: int

    @property
    def number(self) -> int:
        """Tiles of a replica."""
        return -(-self.P // TILE_SIZE)

    @property
    def begins(self) -> Int:
        """The first beable of every tile, and one past what the last would have, (number + 1,)."""
        return np.arange(self.number + 1) * TILE_SIZE

    @property
    def replicas(self) -> int:
        return self.owned.replicas

    @property
    def here(self) -> int:
        return self.owned.here

    @property
    def units(self) -> int:
        return self.owned.units

    @property
    def first(self) -> int:
        return self.owned.first

    @property
    def last(self) -> int:
        return self.owned.last

    @property
    def sizes(self) -> Int:
        return self.owned.sizes

    def to_root(self, comm: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        return self.owned.to_root(comm, rows)

    def slab(self, P: int) -> tuple[int, int, int]:
        return self.owned.slab(P)


def tile_of(beable: Int) -> Int:
    """Which tile each beable belongs to."""
    return beable // TILE_SIZE


def rest_of_tile(beable: Int) -> Int:
    """How many beables there are from each to the end of its tile, itself included."""
    return TILE_SIZE - beable % TILE_SIZE
