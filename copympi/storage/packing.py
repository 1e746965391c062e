"""Chunks of columns, compressed beside the run by a thread: the bytes that HDF5's own filters make, and read.

HDF5 itself, which is one thread's at a time, only puts them into the file. What the thread works on nobody else
touches, so that the bytes are the same whenever it comes to them. Another thread makes digests of rows.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

LEVEL = 1
"""Of zlib; higher ones make files smaller by 1% at two thirds of the pace."""
FILTERS: Any = {"shuffle": True, "compression": "gzip", "compression_opts": LEVEL}
"""What a dataset must be created with."""
DEEP = 32
"""Chunks that may wait to be compressed, or written."""
FEW = 4096
"""So many rows are worked on at once, where nothing waits: to wake a thread takes longer."""
Columns = list[list[NDArray[Any]]]
"""The parts of each column."""
T = TypeVar("T")


def packed(parts: list[NDArray[Any]], dtype: Any) -> bytes:
    """A chunk of a column, in parts, as the filters leave it: first bytes of all numbers, second ones, ...; by zlib.

    dtype : of the column in the file.
    """
    values = np.concatenate(parts, dtype=dtype, casting="same_kind")
    in_rows = values.view(np.uint8).reshape(-1, values.itemsize)
    return zlib.compress(np.ascontiguousarray(in_rows.T).data, LEVEL)


class Aside:
    """Things to do one after the other, by a thread where they are large."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[Any] | None = None

    def do(self, task: Callable[[], T], size: int) -> Callable[[], T]:
        """What waits for the outcome of a task on so many rows; nobody changes what it works on."""
        if size <= FEW and (self._last is None or self._last.done()):
            self._last, value = None, task()
            return lambda: value
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="copympi-digests")
        self._last = submitted = self._thread.submit(task)
        return submitted.result


class Packer:
    """Chunks in order, on their way into a file; each a row of columns of the same length, in parts.

    dtypes : of the columns in the file.
    """

    def __init__(self, dtypes: list[Any]) -> None:
        self.dtypes = dtypes
        self.queue: deque[Future[list[bytes]]] = deque()
        self._thread: ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return len(self.queue)

    def put(self, columns: Columns) -> None:
        """One more chunk, which nobody changes any more."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="copympi-histories")
        self.queue.append(self._thread.submit(self._packed, columns))

    def _packed(self, columns: Columns) -> list[bytes]:
        return [packed(parts, dtype) for parts, dtype in zip(columns, self.dtypes, strict=True)]

    def ready(self, everything: bool) -> list[list[bytes]]:
        """The first chunks that are compressed, or `everything`, or all but DEEP; they stay until they are dropped."""
        out = []
        for k, chunk in enumerate(self.queue):
            if not (chunk.done() or everything or k < len(self.queue) - DEEP):
                break
            out.append(chunk.result())
        return out

    def drop(self, count: int) -> None:
        """So many have been written."""
        for _ in range(count):
            self.queue.popleft()
