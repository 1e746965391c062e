"""A lattice in pieces: tiles, runs of beables whose number depends on the lattice alone.

A tile is what a lattice's draws are keyed by, and what sums over beables in floats are taken over before they are added
in tile order: so nothing depends on who has which tile. Where there are more ranks than replicas, ranks share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.replicas import Replicas
from copympi.kernels.bonds import TILE_SIZE

Int = NDArray[np.int64]
MOST_SUMS = 1 << 16
"""Numbers, one a tile, that all ranks add up in each step; where tiles are more, groups of them are added up first."""
SPLIT = 4096
"""Beables beyond which a checkpoint holds tiles, and sums over beables are taken tile by tile."""
SHARED_FROM = 1 << 16
"""Beables from which on ranks share a replica: the step of fewer takes no longer than what ranks have to say."""
AT_A_TIME = 32 * TILE_SIZE
"""Beables that are looked at together, so that what is made of them stays in the cache."""


class InTiles:
    """What P beables are cut into."""

    P: int

    @property
    def number(self) -> int:
        """Tiles of a replica."""
        return -(-self.P // TILE_SIZE)

    @property
    def group(self) -> int:
        """Tiles in a group: ranks have whole groups."""
        return max(1, -(-self.number // MOST_SUMS))

    @property
    def begins(self) -> Int:
        """The first beable of every tile, and one past what the last would have, (number + 1,)."""
        return np.arange(self.number + 1) * TILE_SIZE


@dataclass(frozen=True)
class Tiles(InTiles):
    """The layout: replicas shared out over ranks, each in tiles of TILE_SIZE beables, the last one with the rest.

    Tile t has the beables TILE_SIZE t .. TILE_SIZE (t + 1) - 1. Its normal numbers of a step are keyed by 2 t and
    2 t + 1, its whole numbers by t (copympi/engine/purposes.py).
    """

    owned: Replicas
    P: int
    is_head = True

    @property
    def first_replica(self) -> int:
        return self.owned.first

    @property
    def passed(self) -> tuple[int, int]:
        """First and one past last tile that this rank passes over, of each of its replicas."""
        return 0, self.number

    @property
    def own(self) -> tuple[int, int]:
        """First and one past last beable of this rank, of each of its replicas."""
        return 0, self.P

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

    @property
    def said(self) -> str:
        """In a few words; nothing where it goes without saying."""
        idle = self.replicas < self.owned.size
        if self.P <= SPLIT and not idle:
            return ""
        whole = f"each of {self.replicas:,} replicas on one rank" if self.replicas > 1 else "whole, on one rank"
        why = f" (ranks share replicas of {SHARED_FROM:,} beables, coupled to near ones, if output.track is left out)"
        return whole + why if idle else whole

    def to_root(self, comm: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        return self.owned.to_root(comm, rows)

    def slab(self, P: int) -> tuple[int, int, int]:
        return self.owned.slab(P)


@dataclass(frozen=True)
class WholeTiles(Tiles):
    """The same where a checkpoint's units are tiles, of all replicas in order: ranks that share replicas can go on."""

    @property
    def units(self) -> int:
        return self.owned.units * self.number

    @property
    def first(self) -> int:
        return self.owned.first * self.number

    @property
    def last(self) -> int:
        return self.owned.last * self.number

    @property
    def sizes(self) -> Int:
        return np.zeros(self.last - self.first, np.int64)


@dataclass(frozen=True)
class SharedTiles(InTiles):
    """The layout where there are fewer replicas than ranks: a run of ranks has each replica, each rank a run of tiles.

    Units are tiles, of all replicas in order. A rank may have none. here : 1, its replica, which it shares with others.
    """

    replicas: int
    P: int
    size: int
    rank: int
    here = 1

    @property
    def replica(self) -> int:
        """This rank's."""
        return next(r for r in range(self.replicas) if self.rank < self.ranks_of(r)[1])

    def ranks_of(self, replica: int) -> tuple[int, int]:
        """First and one past last of the ranks that have a replica."""
        return mpi.share(self.size, self.replicas, replica)

    @property
    def place(self) -> tuple[int, int]:
        """This rank's number among those of its replica, and how many these are."""
        first, last = self.ranks_of(self.replica)
        return self.rank - first, last - first

    @property
    def first_replica(self) -> int:
        return self.replica

    @property
    def passed(self) -> tuple[int, int]:
        """First and one past last tile of this rank."""
        return self.run(self.place[0])

    @property
    def said(self) -> str:
        """In a few words."""
        of = f"each of {self.replicas:,} replicas" if self.replicas > 1 else "one replica"
        most = max(last - first for first, last in map(self.ranks_of, range(self.replicas)))
        idle = self.size - useful(self.replicas, self.P, self.size)
        none = f"; {idle:,} ranks have none: more ranks than tiles are of no use" if idle else ""
        return f"{of} in {self.number:,} tiles of {TILE_SIZE:,} beables on {most:,} ranks{none}"

    @property
    def groups(self) -> int:
        """Groups of tiles of a replica."""
        return -(-self.number // self.group)

    def run(self, place: int) -> tuple[int, int]:
        """First and one past last tile of the replica that the rank at a place has."""
        first, last = mpi.share(self.groups, self.place[1], place)
        return min(self.number, first * self.group), min(self.number, last * self.group)

    @property
    def own(self) -> tuple[int, int]:
        """First and one past last beable of this rank."""
        return self.beables(self.place[0])

    def beables(self, place: int) -> tuple[int, int]:
        """First and one past last beable of the rank at a place."""
        first, last = self.run(place)
        return min(self.P, first * TILE_SIZE), min(self.P, last * TILE_SIZE)

    @property
    def is_head(self) -> bool:
        """Whether this rank speaks for its replica."""
        return self.place[0] == 0

    @property
    def units(self) -> int:
        return self.replicas * self.number

    @property
    def first(self) -> int:
        return self.replica * self.number + self.run(self.place[0])[0]

    @property
    def last(self) -> int:
        return self.replica * self.number + self.run(self.place[0])[1]

    @property
    def sizes(self) -> Int:
        return np.zeros(self.last - self.first, np.int64)

    def to_root(self, comm: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        """Rows that heads have of their replicas, (1, ...), or of no one else."""
        heads = {self.ranks_of(r)[0] for r in range(self.replicas)}
        counts = [1 if rank in heads else 0 for rank in range(self.size)]
        return mpi.gather_rows(comm, rows[: counts[self.rank]], counts)

    def slab(self, P: int) -> tuple[int, int, int]:
        return (self.replica, *self.own)


def useful(replicas: int, P: int, ranks: int) -> int:
    """How many of so many ranks can have tiles, or groups of them."""
    return min(ranks, replicas * SharedTiles(replicas, P, 1, 0).groups)


def tile_rows(values: NDArray[Any]) -> NDArray[Any]:
    """What beables have, (R, ..., P), tile by tile, (R tiles, ..., TILE_SIZE): zeros beyond the last beable."""
    R, *between, P = values.shape
    tiles = -(-P // TILE_SIZE)
    padded = np.zeros((R, *between, tiles * TILE_SIZE), values.dtype)
    padded[..., :P] = values
    split = padded.reshape(R, *between, tiles, TILE_SIZE)
    return np.ascontiguousarray(np.moveaxis(split, -2, 1)).reshape(R * tiles, *between, TILE_SIZE)


def from_tile_rows(rows: NDArray[Any], R: int, P: int) -> NDArray[Any]:
    """The same of beables again, (R, ..., P)."""
    tiles, between = len(rows) // max(R, 1), rows.shape[1:-1]
    whole = np.moveaxis(rows.reshape(R, tiles, *between, TILE_SIZE), 1, -2)
    return np.ascontiguousarray(whole.reshape(R, *between, tiles * TILE_SIZE)[..., :P])


def runs(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """First and one past last of runs of some tiles each, of beables begin .. end - 1 that begin with a tile."""
    return ((first, min(end, first + AT_A_TIME)) for first in range(begin, end, AT_A_TIME))


def tile_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the beables of each tile, (tiles, K), of K numbers of each, (K, B), the first at a tile's beginning.

    Those of a tile are the same whichever others there are: a tile that is not full has zeros beyond its end.
    """
    K, B = values.shape
    tiles = -(-B // TILE_SIZE)
    if tiles * TILE_SIZE > B:
        values = np.concatenate([values, np.zeros((K, tiles * TILE_SIZE - B))], axis=1)
    return np.ascontiguousarray(np.ascontiguousarray(values).reshape(K, tiles, TILE_SIZE).sum(axis=2).T)


def tile_of(beable: Int) -> Int:
    """Which tile each beable belongs to."""
    return beable // TILE_SIZE


def rest_of_tile(beable: Int) -> Int:
    """How many beables there are from each to the end of its tile, itself included."""
    return TILE_SIZE - beable % TILE_SIZE
