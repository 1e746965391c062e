"""What goes from rank to rank: rows of arrays on their way, and a count of all that this rank has said to others.

It is counted where it is handed to MPI: exactly, and alike under every MPI library. `mpi` has these names too.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.waiting import wait

Int = NDArray[np.int64]
ROOT = 0


@dataclass
class Traffic:
    """Since a process began, or between two moments (`later - earlier`).

    calls, shared : collective calls in which all ranks say equally much (sums, broadcasts, gathers), and bytes of this
    rank's rows in them; a process that is alone counts those it would make. messages, sent : messages to single ranks,
    and their bytes. own : bytes that would have been such, but were for this rank itself. passages, each : how often
    every rank had something for every other, and bytes of it that were as many for each; a process that is alone
    counts these too.
    """

    calls: int = 0
    shared: int = 0
    messages: int = 0
    sent: int = 0
    own: int = 0
    passages: int = 0
    each: int = 0

    def __sub__(self, earlier: Traffic) -> Traffic:
        return Traffic(*(a - b for a, b in zip(astuple(self), astuple(earlier), strict=True)))

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def note_call(self, nbytes: int) -> None:
        """A collective call with a row of so many bytes."""
        self.calls += 1
        self.shared += nbytes

    def note_messages(self, messages: int, nbytes: int) -> None:
        """Messages to single ranks, and their bytes."""
        self.messages += messages
        self.sent += nbytes

    def note_own(self, nbytes: int) -> None:
        """What a process that is alone would have had for others too."""
        self.own += nbytes
        self.passages += 1


SAID = Traffic()
"""By this process so far."""


def so_far() -> Traffic:
    """A copy of what this process has said."""
    return SAID + Traffic()


def gather_rows(comm: Any, rows: NDArray[Any], counts: list[int]) -> NDArray[Any] | None:
    """Each rank's rows (counts[rank], ...) one below the other on the root; None elsewhere."""
    rows = np.ascontiguousarray(rows)
    SAID.note_call(rows.nbytes)
    if comm.size == 1:
        return rows.copy()
    width = int(np.prod(rows.shape[1:], dtype=np.int64))
    out = np.empty((sum(counts), *rows.shape[1:]), rows.dtype) if comm.rank == ROOT else None
    row = _row_type(rows.dtype, width)
    try:
        parts = None if out is None else [out, counts, row]
        wait(comm.Igatherv([rows, counts[comm.rank], row], parts, root=ROOT))
    finally:
        row.Free()
    return out


def _row_type(dtype: np.dtype[Any], width: int) -> Any:
    """An MPI datatype of a row, to be freed: counts in rows stay far from 2^31."""
    from mpi4py.util.dtlib import from_numpy_dtype

    element = from_numpy_dtype(dtype)
    row = element.Create_contiguous(width).Commit()
    element.Free()
    return row


def all_to_all(comm: Any, numbers: Int) -> Int:
    """Row q of `numbers` (size, K) goes to rank q; row q of what is returned came from there."""
    row = numbers.nbytes // comm.size
    SAID.passages += 1
    SAID.each += row
    if comm.size == 1:
        return numbers.copy()
    SAID.note_messages(comm.size - 1, row * (comm.size - 1))
    out = np.empty_like(numbers)
    wait(comm.Ialltoall(np.ascontiguousarray(numbers), out))
    return out


@dataclass
class Runs:
    """Runs of rows, one for each rank: `count` (size,) of them from `first` (size,) on."""

    first: Int
    count: Int

    @classmethod
    def one_by_one(cls, count: Int) -> Runs:
        """Side by side, in the order of ranks."""
        return cls(np.cumsum(count) - count, count)


class Passage:
    """Rows on their way from every rank to every rank, while something else is done."""

    def __init__(self, comm: Any, rows: NDArray[Any], sent: Runs, out: NDArray[Any], into: Runs) -> None:
        """Send rows of run q to rank q; what comes from there fills run q of `out`. Collective; arrays must stay."""
        others = np.arange(comm.size) != comm.rank
        width = rows.itemsize * int(np.prod(rows.shape[1:], dtype=np.int64))
        own = width * int(sent.count[comm.rank])
        SAID.note_messages(int(np.count_nonzero(sent.count[others])), width * int(sent.count.sum()) - own)
        SAID.own += own
        SAID.passages += 1
        row = _row_type(rows.dtype, width // rows.itemsize)
        self.request = comm.Ialltoallv([rows, (sent.count, sent.first), row], [out, (into.count, into.first), row])
        row.Free()  # MPI keeps it until the rows are there

    def nudge(self) -> None:
        """Let MPI go on with it, as many libraries do only when they are called."""
        self.request.Test()

    def end(self) -> None:
        """Wait until all is there, and all has left."""
        wait(self.request)


def exchange(comm: Any, rows: NDArray[Any], counts: Int) -> tuple[NDArray[Any], Int]:
    """Send counts[q] rows to each rank q, in order; returns the rows that came, rank by rank, and how many."""
    counts = np.ascontiguousarray(counts, np.int64)
    coming = all_to_all(comm, counts[:, None])[:, 0]
    if comm.size == 1:
        SAID.note_own(rows.nbytes)
        return rows, counts
    out = np.empty((int(coming.sum()), *rows.shape[1:]), rows.dtype)
    Passage(comm, np.ascontiguousarray(rows), Runs.one_by_one(counts), out, Runs.one_by_one(coming)).end()
    return out, coming
