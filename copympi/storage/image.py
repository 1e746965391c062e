"""HDF5 files made in memory and put on the disk by plain writes.

Where the disk fails under HDF5 itself, versions of that library crash: at once, on closing, or when the process ends.
So it writes to memory, which does not fail, and what then fails is an OSError. Room that is reserved for data to come
takes no memory. Systems without files in memory (all but Linux) let HDF5 write to the disk.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi.storage.hdf5 import FORMAT, opened, writing

PIECE = 16 << 20
"""Bytes that are copied at a time."""
MOST = 1 << 29
"""Largest file, in bytes, that is changed in memory."""
DRAFTS: dict[int, int] = {}
"""HDF5's number of a file in memory -> the descriptor of that memory."""
Patch = list[tuple[int, bytes]]
"""Bytes to be put at places of a file."""


@contextmanager
def drafted(path: Path, start: Path | None = None) -> Iterator[Any]:
    """A new file at `path`, or one that begins as a copy of `start`; OSError where the disk does not take it."""
    make = getattr(os, "memfd_create", None)
    if make is None or (start is not None and start.stat().st_size > MOST):
        if start is not None:
            shutil.copyfile(start, path)
        with writing(path, "w" if start is None else "r+") as file:
            yield file
        return
    with os.fdopen(make("draft"), "w+b", buffering=0) as memory:
        if start is not None:
            with start.open("rb") as old:
                shutil.copyfileobj(old, memory, PIECE)
        with h5py.File(memory, "w" if start is None else "r+", libver=FORMAT) as file:
            DRAFTS[file.id.id] = memory.fileno()
            try:
                yield file
            finally:
                del DRAFTS[file.id.id]
        _copy(memory.fileno(), path)


def _extents(handle: int) -> Iterator[tuple[int, bytes]]:
    """What was ever written to a file, piece by piece with its places; holes are passed over."""
    size, at = os.fstat(handle).st_size, 0
    while at < size:
        try:
            at = os.lseek(handle, at, os.SEEK_DATA)
        except OSError as problem:
            if problem.errno == errno.ENXIO:  # nothing more
                return
            raise
        stop = os.lseek(handle, at, os.SEEK_HOLE)
        while at < stop:
            piece = os.pread(handle, min(PIECE, stop - at), at)
            yield at, piece
            at += len(piece)


def _copy(memory: int, path: Path) -> None:
    """All that was written to memory, at its places in a new file; what was not stays room without values."""
    with path.open("wb") as file:
        os.ftruncate(file.fileno(), os.fstat(memory).st_size)
        for at, piece in _extents(memory):
            _write(file.fileno(), piece, at)


def completion(file: Any) -> Patch:
    """Which bytes change when a drafted file is marked complete: what is on the disk can be marked so later.

    The draft itself stays incomplete.
    """
    pages: list[dict[int, bytes]] = []
    for complete in (0, 1, 0):  # once before, so that nothing else is left to be written
        file.attrs.modify("complete", np.int8(complete))
        file.flush()
        memory = DRAFTS.get(file.id.id)
        if memory is not None:
            pages.append(dict(_extents(memory)))
        else:
            with open(file.filename, "rb") as disk:
                pages.append(dict(_extents(disk.fileno())))
    _, after, before = pages
    out: Patch = []
    for start, piece in after.items():
        one, two = np.frombuffer(piece, np.uint8), np.frombuffer(before[start], np.uint8)
        out += [(start + int(k), piece[int(k) : int(k) + 1]) for k in np.flatnonzero(one != two)]
    return out


def put(path: Path, patch: Patch) -> None:
    """Write bytes at their places in a file that is there."""
    with path.open("r+b") as file:
        for at, piece in patch:
            _write(file.fileno(), piece, at)


def put_rows(handle: int, offset: int, first: int, rows: NDArray[Any]) -> None:
    """Rows of a contiguous dataset whose values begin at `offset`, from row `first` on, into an open file."""
    rows = np.ascontiguousarray(rows)
    width = int(rows[:1].nbytes)
    _write(handle, rows.reshape(-1).view(np.uint8).data, offset + first * width)


def _write(handle: int, data: Any, at: int) -> None:
    view = memoryview(data)  # the system may take less than all at a time
    while len(view):
        done = os.pwrite(handle, view, at)
        view, at = view[done:], at + done


def is_complete(path: Path) -> bool:
    """Whether a file says that it is complete, and can be read so far."""
    with suppress(Exception), opened(path) as file:
        return bool(file.attrs["complete"])
    return False
