"""What the ranks that share a lattice need of each other: halos of beables and bonds, and the order of draws.

A bond belongs to the rank of its first beable. Its other end may lie elsewhere: then either rank needs what the other
knows of its beable, and the rank of the other end what is drawn along the bond. Members who leave a beable by bonds of
several ranks are drawn one rank after the other, in the order of tiles, each knowing what was drawn before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.diagonals import Places
from copympi.engine.tiles import SharedTiles
from copympi.kernels.bonds import TILE_SIZE

Int = NDArray[np.int64]


@dataclass
class Exchange:
    """Numbers at some places of arrays go to some ranks, others come from them; sent : bytes so far.

    out, into : rank -> places (K,) on the last axis of the arrays, those of one side in the order of the other's.
    """

    comm: Any
    out: dict[int, Int]
    into: dict[int, Int]
    sent: int = 0

    def swap(self, *arrays: NDArray[Any]) -> None:
        """Neighbours' numbers at the places of `into`, in each of the arrays (..., K'). Collective among neighbours."""
        sent = {rank: _packed(arrays, at) for rank, at in self.out.items()}
        found = {rank: np.empty(sum(_bytes(a, at.size) for a in arrays), np.uint8) for rank, at in self.into.items()}
        swap(self.comm, sent, found)
        for rank, at in self.into.items():
            _unpack(found[rank], arrays, at)
        self.sent += sum(buffer.size for buffer in sent.values())


def swap(comm: Any, sent: dict[int, NDArray[np.uint8]], into: dict[int, NDArray[np.uint8]]) -> None:
    """Send bytes to some ranks and fill buffers with what comes from some, who do the same at this place."""
    requests = [comm.Irecv(buffer, source=rank, tag=3) for rank, buffer in into.items()]
    requests += [comm.Isend(buffer, dest=rank, tag=3) for rank, buffer in sent.items()]
    mpi.SAID.note_messages(len(sent), sum(buffer.size for buffer in sent.values()))
    for request in requests:
        mpi.wait(request)


def gather_everywhere(comm: Any, rows: NDArray[Any], counts: list[int]) -> NDArray[Any]:
    """Each rank's rows (counts[rank], K) one below the other on every rank."""
    rows = np.ascontiguousarray(rows)
    mpi.SAID.note_call(rows.nbytes)
    out, width = np.empty((sum(counts), *rows.shape[1:]), rows.dtype), int(np.prod(rows.shape[1:]))
    mpi.wait(comm.Iallgatherv([rows, rows.size], [out, [count * width for count in counts]]))
    return out


def _bytes(array: NDArray[Any], count: int) -> int:
    return int(np.prod(array.shape[:-1], dtype=np.int64)) * count * array.itemsize


def _packed(arrays: tuple[NDArray[Any], ...], at: Int) -> NDArray[np.uint8]:
    return np.concatenate([np.ascontiguousarray(array[..., at]).reshape(-1).view(np.uint8) for array in arrays])


def _unpack(buffer: NDArray[np.uint8], arrays: tuple[NDArray[Any], ...], at: Int) -> None:
    begin = 0
    for array in arrays:
        end = begin + _bytes(array, at.size)
        array[..., at] = buffer[begin:end].view(array.dtype).reshape(*array.shape[:-1], at.size)
        begin = end


@dataclass
class Halos:
    """The exchanges of one rank.

    beables, bonds : halos of both. ends (K,) : beables elsewhere to which this rank's bonds lead. before, after : from
    whom, and to whom, what was drawn of which beables is handed on, in order of ranks. border (K,) : beables of this
    rank that others need.
    """

    comm: Any
    beables: Exchange
    bonds: Exchange
    ends: Int
    border: Int
    before: dict[int, Int] = field(default_factory=dict)
    after: dict[int, Int] = field(default_factory=dict)
    handed: int = 0

    @property
    def sent(self) -> int:
        """Bytes that this rank has sent so far."""
        return self.beables.sent + self.bonds.sent + self.handed

    def take_over(self, *arrays: NDArray[Any]) -> None:
        """What the ranks before have drawn of beables that this one goes on with."""
        for rank, at in self.before.items():
            buffer = np.empty(sum(_bytes(array, at.size) for array in arrays), np.uint8)
            swap(self.comm, {}, {rank: buffer})
            _unpack(buffer, arrays, at)

    def hand_on(self, *arrays: NDArray[Any]) -> None:
        """What has been drawn up to here, to the ranks that go on with it."""
        sent = {rank: _packed(arrays, at) for rank, at in self.after.items()}
        swap(self.comm, sent, {})
        self.handed += sum(buffer.size for buffer in sent.values())


def halos(comm: Any, layout: SharedTiles, there: Places) -> Halos:
    """The exchanges of this rank. comm : of the ranks of its replica."""
    me, size = comm.rank, comm.size
    ends = np.array([layout.run(place)[1] for place in range(size)], np.int64) * TILE_SIZE
    first, offset, length, start = there.runs.T
    crossing = _owner(ends, first) != _owner(ends, first + offset + length - 1)
    one, bond = _spread(first[crossing], length[crossing]), _spread(start[crossing], length[crossing])
    other = one + np.repeat(offset[crossing], length[crossing])
    mine, theirs = _owner(ends, one), _owner(ends, other)
    apart = mine != theirs
    one, other, bond, mine, theirs = one[apart], other[apart], bond[apart], mine[apart], theirs[apart]
    out: dict[int, Int] = {}
    into: dict[int, Int] = {}
    out_bonds: dict[int, Int] = {}
    into_bonds: dict[int, Int] = {}
    for rank in range(size):
        at, to = (mine == me) & (theirs == rank), (mine == rank) & (theirs == me)
        if rank == me or not (at.any() or to.any()):
            continue
        out[rank] = np.union1d(one[at], other[to])
        into[rank] = np.union1d(other[at], one[to])
        out_bonds[rank], into_bonds[rank] = np.sort(bond[at]), np.sort(bond[to])
    made = Halos(
        comm, Exchange(comm, out, into), Exchange(comm, out_bonds, into_bonds), np.unique(other[mine == me]),
        np.unique(np.concatenate([np.zeros(0, np.int64), *out.values()])),
    )  # fmt: skip
    _order(made, me, np.unique(np.column_stack([other, mine]), axis=0), ends)
    return made


def _spread(first: Int, length: Int) -> Int:
    """first[k], first[k] + 1, ..., length[k] of them, for every k."""
    return np.repeat(first - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))


def _owner(ends: Int, beable: Int) -> Int:
    """Which rank has each beable."""
    return np.searchsorted(ends, beable, side="right")


def _order(made: Halos, me: int, touched: Int, ends: Int) -> None:
    """Who hands on to whom. touched (K, 2): beables and the ranks, not theirs, with bonds that lead there, in order."""
    beable, rank = touched.T
    last = np.append(beable[1:] != beable[:-1], True) if beable.size else np.zeros(0, bool)
    following = np.where(last, _owner(ends, beable), np.append(rank[1:], 0))
    for other in np.unique(following[rank == me]):
        made.after[int(other)] = beable[(rank == me) & (following == other)]
    for other in np.unique(rank[following == me]):
        made.before[int(other)] = beable[(rank == other) & (following == me)]
