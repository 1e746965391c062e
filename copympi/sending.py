"""What one rank has, on every rank: numbers, text, whole objects."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import waiting
from copympi.traffic import SAID

LARGE_ARRAY = 1 << 20
"""Bytes of an array from which on it travels by itself, not as a part of the object that has it."""
PIECE = 1 << 30
"""Bytes that travel at a time."""


def values(comm: Any, own: NDArray[Any], source: int) -> None:
    """Numbers, in place."""
    SAID.note_call(own.nbytes)
    if comm.size > 1:
        waiting.wait(comm.Ibcast(own, root=source))


def text(comm: Any, data: bytes, source: int) -> bytes:
    """Bytes whose number only their rank knows."""
    mine = comm.rank == source
    size = np.array([len(data)], np.int64)
    values(comm, size, source)
    buffer = np.frombuffer(bytearray(data), np.uint8) if mine else np.empty(int(size[0]), np.uint8)
    _in_pieces(comm, buffer, source)
    return buffer.tobytes()


def whole(comm: Any, given: Any, source: int) -> Any:
    """An object. Large arrays in it travel one by one: of a lattice's there is no room for many copies."""
    mine = comm.rank == source
    buffers: list[NDArray[np.uint8]] = []

    def stays_inside(buffer: pickle.PickleBuffer) -> bool:
        small = buffer.raw().nbytes < LARGE_ARRAY
        if not small:
            buffers.append(np.frombuffer(buffer.raw(), np.uint8))
        return small

    data = pickle.dumps(given, protocol=5, buffer_callback=stays_inside) if mine else b""
    data, sizes = pickle.loads(text(comm, pickle.dumps((data, [buffer.size for buffer in buffers])), source))
    for k, size in enumerate(sizes):
        if not mine:
            buffers.append(np.empty(size, np.uint8))
        elif not buffers[k].flags.writeable:  # MPI wants to be able to write
            buffers[k] = buffers[k].copy()
        _in_pieces(comm, buffers[k], source)
    return pickle.loads(data, buffers=buffers)


def _in_pieces(comm: Any, buffer: NDArray[np.uint8], source: int) -> None:
    for start in range(0, buffer.size, PIECE):
        values(comm, buffer[start : start + PIECE], source)
