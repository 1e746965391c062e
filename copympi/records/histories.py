"""Histories of single systems on their way to the recorders: from all ranks to the root, in order of time.

What goes through is bounded: where more copies were made since the last record than TOGETHER they come in slices of
time, each of which every rank knows from samples of all ranks' times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.tracking import Jumps

TOGETHER = 1 << 20
"""Copies that come to the root at a time, or twice as many where ranks have unlike numbers of them."""


def to_root(comm: Any, own: Jumps, take: Callable[[Jumps], None]) -> None:
    """Give the copies of all ranks to `take`, on the root alone, in order of (time, replica, member). Collective.

    own : this rank's, in that order.
    """
    if comm.size == 1 and len(own) <= TOGETHER:
        if len(own):
            take(own)
        return
    counts = mpi.all_gather(comm, np.array([len(own)], np.int64))[:, 0]
    slices = -(-int(counts.sum()) // TOGETHER)
    if slices == 0:
        return
    ends = np.searchsorted(own.time, _bounds(comm, own.time, counts, slices))
    for begin, end in zip([0, *ends], [*ends, len(own)], strict=True):
        part = own[int(begin) : int(end)]
        whole = part if comm.size == 1 else _gathered(comm, part)
        if whole is not None and len(whole):
            take(whole)


def _bounds(
    comm: Any, times: NDArray[np.float64], counts: NDArray[np.int64], slices: int
) -> NDArray[np.float64]:
    """Times (slices - 1,) between slices that hold about as many copies of all ranks each; alike on all ranks."""
    if slices == 1:
        return np.empty(0)
    places = (np.arange(1, slices) * len(times)) // slices
    own = times[places] if len(times) else np.zeros(slices - 1)
    sampled = mpi.all_gather(comm, np.ascontiguousarray(own).view(np.int64)).view(np.float64)
    weights = np.repeat(counts[:, None] / slices, slices - 1, axis=1)
    order = np.argsort(sampled, axis=None, kind="stable")
    reached = np.cumsum(weights.ravel()[order])
    wanted = np.searchsorted(reached, np.arange(1, slices) * reached[-1] / slices)
    return np.asarray(sampled.ravel()[order][wanted])


def _gathered(comm: Any, own: Jumps) -> Jumps | None:
    """The copies of all ranks on the root, in order; None elsewhere."""
    counts = mpi.all_gather(comm, np.array([len(own)], np.int64))[:, 0].tolist()
    found = {name: mpi.gather_rows(comm, values, counts) for name, values in own.columns.items()}
    if comm.rank != mpi.ROOT:
        return None
    return Jumps(**{name: values for name, values in found.items() if values is not None}).ordered()
