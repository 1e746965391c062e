"""What the ranks that share a lattice need of each other: halos of beables and bonds.

A bond belongs to the rank of its first beable. Its other end may lie elsewhere: then either rank needs what the other
knows of its beable, and the rank of the other end the noise along the bond. Whole numbers of members who leave a beable
are drawn by its own rank, and added up where they come to.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    def add(self, whole: NDArray[np.int64]) -> None:
        """The way back: what stands in (K',) at the places of `into` is added to what their ranks have there."""
        sent = {rank: _packed((whole,), at) for rank, at in self.into.items()}
        found = {rank: np.empty(at.size, np.int64) for rank, at in self.out.items()}
        swap(self.comm, sent, {rank: numbers.view(np.uint8) for rank, numbers in found.items()})
        for rank, at in self.out.items():
            whole[at] += found[rank]
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

    beables, bonds : halos of both. border (K,) : beables of this rank that others need; ghosts (K',) : those of others
    that this rank needs.
    """

    comm: Any
    beables: Exchange
    bonds: Exchange
    border: Int
    ghosts: Int

    @property
    def sent(self) -> int:
        """Bytes that this rank has sent so far."""
        return self.beables.sent + self.bonds.sent


def halos(comm: Any, layout: SharedTiles, there: Places) -> Halos:
    """The exchanges of this rank. comm : of the ranks of its replica."""
    me, size = comm.rank, comm.size
    ends = np.array([layout.run(place)[1] for place in range(size)], np.int64) * TILE_SIZE
    first, offset, length, start = there.runs.T
    crossing = _owner(ends, first) != _owner(ends, first + offset + length - 1)
    crossing &= _meets(first, length, ends, me) | _meets(first + offset, length, ends, me)
    one, bond = _spread(first[crossing], length[crossing]), _spread(start[crossing], length[crossing])
    other = one + np.repeat(offset[crossing], length[crossing])
    mine, theirs = _owner(ends, one), _owner(ends, other)
    apart = (mine != theirs) & ((mine == me) | (theirs == me))
    one, other, bond, mine, theirs = one[apart], other[apart], bond[apart], mine[apart], theirs[apart]
    out: dict[int, Int] = {}
    into: dict[int, Int] = {}
    out_bonds: dict[int, Int] = {}
    into_bonds: dict[int, Int] = {}
    for rank in np.union1d(mine, theirs).tolist():
        at, to = (mine == me) & (theirs == rank), (mine == rank) & (theirs == me)
        if rank == me:
            continue
        out[rank] = np.union1d(one[at], other[to])
        into[rank] = np.union1d(other[at], one[to])
        out_bonds[rank], into_bonds[rank] = np.sort(bond[at]), np.sort(bond[to])
    return Halos(comm, Exchange(comm, out, into), Exchange(comm, out_bonds, into_bonds), _all(out), _all(into))


def _all(places: dict[int, Int]) -> Int:
    """Places of all ranks, each once."""
    return np.unique(np.concatenate([np.zeros(0, np.int64), *places.values()]))


def _meets(first: Int, length: Int, ends: Int, rank: int) -> NDArray[np.bool_]:
    """Whether runs of beables have some of a rank's."""
    begin = ends[rank - 1] if rank else 0
    return np.asarray((first < ends[rank]) & (first + length > begin))


def _spread(first: Int, length: Int) -> Int:
    """first[k], first[k] + 1, ..., length[k] of them, for every k."""
    return np.repeat(first - (np.cumsum(length) - length), length) + np.arange(int(length.sum()))


def _owner(ends: Int, beable: Int) -> Int:
    """Which rank has each beable."""
    return np.searchsorted(ends, beable, side="right")
