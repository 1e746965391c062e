"""Whole numbers of members where ranks share a lattice: those that `nearest_whole` of model/preparation.py gives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi

Int = NDArray[np.int64]


def nearest_whole(comm: Any, sizes: NDArray[np.float64], total: int) -> Int:
    """Whole numbers (K,) next to this rank's `sizes` (K,); those of all ranks are exactly `total`. Collective.

    Who is next to a larger number by what is left over is decided by that and, where it is the same, by the order of
    ranks and places.
    """
    counts = np.floor(np.minimum(sizes, 2.0**63 - 1024)).astype(np.int64)
    sums = np.array([(counts >> 32).sum(), (counts & 0xFFFFFFFF).sum(), sizes.size], np.int64)
    mpi.total(comm, sums)
    rest = total - (int(sums[0]) << 32) - int(sums[1])
    if not 0 <= rest <= int(sums[2]):  # beyond 2^53 doubles are coarser than one
        most = mpi.all_gather(comm, np.array([counts.max(initial=-1)], np.int64))[:, 0]
        if int(np.argmax(most)) == comm.rank:
            counts[np.argmax(counts)] += rest
        return counts
    counts[_largest(comm, sizes - counts, rest)] += 1
    return counts


def _largest(comm: Any, values: NDArray[np.float64], wanted: int) -> NDArray[np.bool_]:
    """Which of this rank's values, none negative, are among the `wanted` largest of all ranks'. Collective."""
    bits = np.ascontiguousarray(values).view(np.int64)  # of numbers that are not negative: in the same order
    ordered, bound = np.sort(bits), 0
    for shift in range(56, -8, -8):  # the largest bound that so many reach, byte by byte
        tried = bound + (np.arange(128 if shift == 56 else 256, dtype=np.int64) << shift)
        reach = bits.size - np.searchsorted(ordered, tried)
        reach = reach.astype(np.int64)
        mpi.total(comm, reach)
        bound = int(tried[np.flatnonzero(reach >= wanted)[-1]])
    numbers = mpi.all_gather(comm, np.array([(bits > bound).sum(), (bits == bound).sum()], np.int64))
    left = wanted - int(numbers[:, 0].sum()) - int(numbers[: comm.rank, 1].sum())
    found = bits > bound
    found[np.flatnonzero(bits == bound)[: max(0, left)]] = True
    return np.asarray(found)
