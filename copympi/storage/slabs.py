"""How what ranks have comes into a file that is there: by all of them together, or piece by piece through the root.

A slab is a run of rows of a dataset that a rank has. All ranks name the same datasets, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.storage import image
from copympi.storage.hdf5 import FAILURES, reason
from copympi.storage.together import agree, close_together, open_together

PIECE = 16 << 20
"""Bytes that travel and are written at a time."""


def write_together(
    comm: Any, path: Path, names: dict[str, str], slabs: Sequence[tuple[str, tuple[int, ...], NDArray[Any]]]
) -> None:
    """All ranks write their slabs collectively; one that has nothing, or is done early, takes part with nothing.

    names : of datasets -> their places in the file. slabs : a name, where the rows begin, and the rows; axes of the
    place beyond those given begin at 0, and a first axis that the dataset lacks, of length 1, is left out.
    Collective; MachineError on every rank where any could not.
    """
    file, datasets = open_together(comm, path, names)
    problem: str | None = None
    transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
    transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
    for name, place, rows in slabs:
        data = datasets[name]
        axes = len(data.get_space().shape)
        own = rows.reshape(-1) if rows.ndim > axes else rows
        begin = (*place[-axes:], *(0,) * (axes - len(place)))
        parts = list(pieces(0, own))
        rounds = np.array([len(parts)], np.int64)
        mpi.largest(comm, rounds)
        for k in range(int(rounds[0])):
            at, piece = parts[k] if k < len(parts) else (0, own[:0])
            where = data.get_space()
            if piece.size:
                where.select_hyperslab((begin[0] + at, *begin[1:]), piece.shape)
                memory = h5py.h5s.create_simple(piece.shape)
            else:
                where.select_none()
                piece = np.zeros((1, *own.shape[1:]), own.dtype)
                memory = h5py.h5s.create_simple(piece.shape)
                memory.select_none()
            try:
                data.write(memory, where, np.ascontiguousarray(piece), dxpl=transfer)
            except FAILURES as error:
                problem = problem or reason(error)
    close_together(comm, file, path, problem)


def write_by_root(
    comm: Any, path: Path, offsets: dict[str, int], slabs: Sequence[tuple[str, int, NDArray[Any]]]
) -> None:
    """Slabs come to the root rank by rank, piece by piece, so that its memory stays bounded.

    offsets : where datasets begin in the file, read on the root. slabs : a name, the first row's number, and the rows.
    Collective; MachineError on every rank where the root could not write.
    """
    problem: str | None = None
    with ExitStack() as stack:
        handle = -1
        if comm.rank == mpi.ROOT:
            try:
                handle = stack.enter_context(path.open("r+b")).fileno()
            except OSError as error:
                problem = reason(error)
        for name, start, rows in slabs:
            for at, piece in coming(comm, start, rows):
                if comm.rank == mpi.ROOT and problem is None:
                    try:
                        image.put_rows(handle, offsets[name], at, piece)
                    except OSError as error:
                        problem = reason(error)
    agree(comm, problem)


def coming(comm: Any, start: int, rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Pieces of all ranks' slabs in order, each with its first row's number: on the root, to which the others send
    them. To be gone through on every rank; on others than the root what is yielded means nothing."""
    for rank in range(comm.size):
        if comm.rank in (rank, mpi.ROOT):
            yield from _travel(comm, rank, start, rows)


def pieces(start: int, rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """A slab cut into pieces of about PIECE bytes, each with its first row's number."""
    step = max(1, PIECE // max(1, rows[:1].nbytes))
    for at in range(0, len(rows), step):
        yield start + at, rows[at : at + step]


def _travel(comm: Any, rank: int, start: int, rows: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Pieces of `rank`'s rows: yielded on the root, sent there by `rank` if it is another. For these two alone."""
    if rank == mpi.ROOT:
        yield from pieces(start, rows)
        return
    if comm.rank == rank:
        for at, piece in pieces(start, rows):
            comm.Send(np.array([at, len(piece)], np.int64), dest=mpi.ROOT, tag=1)
            comm.Send(np.ascontiguousarray(piece).view(np.uint8).reshape(-1), dest=mpi.ROOT, tag=2)
        comm.Send(np.array([0, 0], np.int64), dest=mpi.ROOT, tag=1)
        return
    head = np.empty(2, np.int64)
    while True:
        comm.Recv(head, source=rank, tag=1)
        if head[1] == 0:
            return
        piece = np.empty((int(head[1]), *rows.shape[1:]), rows.dtype)
        comm.Recv(piece.view(np.uint8).reshape(-1), source=rank, tag=2)
        yield int(head[0]), piece
