"""Members in order of their beables dealt like cards to blocks: how many blocks, and who is in which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.members import BLOCK

ROOM = 1 << 20
"""Numbers that set-up works on at a time."""

Int = NDArray[np.int64]


def blocks_for(members: int, P: int = 1) -> int:
    """How many blocks N members make: as large as the cache allows, but enough for a few tens of ranks.

    Beyond 65,536 beables blocks grow with P: bucket sizes take one byte a member, or four where members are few.
    """
    size = max(BLOCK, 4 * P)
    blocks = max(1, -(-members // size), min(32, -(-members // 16_384)))
    return blocks if size == BLOCK else max(1, min(blocks, members // P))


def deal(counts: Int, blocks: int, which: Int) -> NDArray[np.int32]:
    """Members in order of their beables dealt like cards to `blocks` blocks: sizes of the buckets of blocks `which`.

    So blocks differ by one member at most, in size and in every bucket, and ranks have the same work from the start.
    Returns (len(which), P).
    """
    end = np.cumsum(counts)
    return cards(end - counts, end, blocks, which)


def cards(start: Int, end: Int, blocks: int, which: Int) -> NDArray[np.int32]:
    """How many of the cards start[a] .. end[a] - 1 each of the blocks `which` gets, (len(which), P)."""
    out = np.empty((len(which), len(start)), np.int32)
    rows = max(1, ROOM // len(start))
    for k in range(0, len(which), rows):
        c = np.asarray(which[k : k + rows])[:, None]
        # cards p with p % blocks == c and p < x: (x - c + blocks - 1) // blocks
        out[k : k + rows] = (end - c + blocks - 1) // blocks - (start - c + blocks - 1) // blocks
    return out
