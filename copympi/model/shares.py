"""Members shared out among beables, exactly: whole numbers that add up to what there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**63 - 1
"""Most members that integer counts can hold."""
SOME = 1 << 16
"""Beables that members are shared out to at a time."""


def largest_remainder(density: NDArray[np.float64], members: int) -> NDArray[np.int64]:
    """`members` shared out in proportion to `density`, exactly: whole parts first, then the largest remainders."""
    scaled = np.rint(np.asarray(density, np.float64) * 2.0**62)
    total = sum(sum(map(int, scaled[k : k + SOME].tolist())) for k in range(0, scaled.size, SOME))
    counts = np.zeros(density.size, np.int64)
    rest = np.zeros(density.size, np.int64 if total <= LARGEST else object)
    for k in range(0, scaled.size, SOME):  # whole numbers of Python's take ten times the room
        part = slice(k, k + SOME)
        counts[part], rest[part] = _parts(scaled[part], members, total)
    left = members - sum(int(counts[k : k + SOME].sum()) for k in range(0, counts.size, SOME))
    if left:
        rest[scaled == 0.0] = -1  # they get none: there is nothing left for them
        least = np.partition(rest, rest.size - left)[rest.size - left]
        counts[rest > least] += 1
        counts[np.flatnonzero(rest == least)[: left - int(np.count_nonzero(rest > least))]] += 1
    return counts


def _parts(weight: NDArray[np.float64], members: int, total: int) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """weight members/total of whole weights (K,): whole parts, and what is left of weight members."""
    about = weight * (members / total)
    if total < 3 * 2**61 and about.max(initial=0.0) < 2.0**48:  # off by less than a fourth: 64 bits tell what is left
        whole = np.floor(about).astype(np.int64)
        product = weight.astype(np.uint64) * np.uint64(members)
        rest = (product - whole.astype(np.uint64) * np.uint64(total)).astype(np.int64)
        over = (rest >= total).astype(np.int64) - (rest < 0)
        return whole + over, rest - over * total
    exact = np.array([int(w) for w in weight.tolist()], dtype=object) * members  # of 126 bits
    parts = exact // total
    return parts.astype(np.int64), exact - parts * total


def nearest_whole(sizes: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers (P,) next to `sizes` (P,), which add up to about `total`; theirs is exactly `total`."""
    counts = np.floor(np.minimum(sizes, 2.0**63 - 1024)).astype(np.int64)  # the largest double that an int64 holds
    rest = total - (int((counts >> 32).sum()) << 32) - int((counts & 0xFFFFFFFF).sum())  # an int64 may not hold the sum
    if not 0 <= rest <= sizes.size:  # beyond 2^53 doubles are coarser than one
        counts[np.argmax(counts)] += rest
        return counts
    if rest:  # those who lack most go up, the first ones where several lack the same
        over = counts - sizes
        last = np.partition(over, rest - 1)[rest - 1]
        more = over < last
        more[np.flatnonzero(over == last)[: rest - np.count_nonzero(more)]] = True
        counts[more] += 1
    return counts
