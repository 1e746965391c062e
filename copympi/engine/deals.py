"""Which blocks have members of beables that stiff clusters move somebody from: what their moves are dealt by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.halos import gather_everywhere

Int = NDArray[np.int64]


def holders(sources: Int, blocks: Int, counts: NDArray[np.int32]) -> Int:
    """Wherever there are members (M, 3): place among sources (S,), block, how many; in order of place, then block.

    counts (U, P) : members of each beable in blocks (U,), ascending.
    """
    some = np.ascontiguousarray(counts[:, sources].T)
    place, unit = np.nonzero(some)
    return np.column_stack([place, blocks[unit], some[place, unit]]).astype(np.int64, copy=False)


def everyones(comm: Any, own: list[Int]) -> list[Int]:
    """The holders of several replicas (M, 3) each, of all ranks in place of this one's own. Collective.

    Blocks of a rank must come before those of the next one.
    """
    if comm.size == 1:
        return own
    rows = np.concatenate([np.column_stack([np.full(len(some), k), some]) for k, some in enumerate(own)])
    counts = mpi.all_gather(comm, np.array([len(rows)], np.int64))[:, 0].tolist()
    rows = gather_everywhere(comm, rows, counts)
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]  # a stable sort: blocks stay in order
    return np.split(rows[:, 1:], np.searchsorted(rows[:, 0], np.arange(1, len(own))))
