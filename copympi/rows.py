"""Rows of arrays from rank to rank: gathered on the root, or each to the rank it is for. `mpi` has these names too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.traffic import SAID
from copympi.waiting import wait

Int = NDArray[np.int64]
ROOT = 0


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
    SAID.note_call(numbers.nbytes)
    if comm.size == 1:
        return numbers.copy()
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
        SAID.own += rows.nbytes
        return rows, counts
    out = np.empty((int(coming.sum()), *rows.shape[1:]), rows.dtype)
    Passage(comm, np.ascontiguousarray(rows), Runs.one_by_one(counts), out, Runs.one_by_one(coming)).end()
    return out, coming
