"""HDF5 files that carry a digest of themselves, so that what is damaged is never given to HDF5, which may crash on it.

The first 512 bytes are the file's user block, which HDF5 leaves to us: one line with the XXH3 digest (128 bits) of all
bytes after it. Other programs open such a file as any other.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import xxhash

from copympi import files
from copympi.errors import MachineError
from copympi.storage.checkpoint import sync
from copympi.storage.hdf5 import FORMAT

BLOCK = 512
"""Bytes before HDF5's own; it takes no fewer."""
UNFINISHED = ".part-"
"""Names of files that are being written begin so."""


class DamagedError(MachineError):
    """A file that is no longer what was written."""


STUDY, SWEEP = "study", "sweep"
"""What a file is part of: its first word after copympi's."""


def _seal(data: Any, kind: str) -> bytes:
    return f"copympi {kind}, XXH3-128 of what follows this block: {xxhash.xxh3_128_hexdigest(data)}\n".encode()


def write(path: Path, fill: Callable[[Any], None], kind: str = STUDY) -> None:
    """A new file with what `fill(file)` puts into it: there as a whole, or not at all. OSError where the disk fails."""
    memory = io.BytesIO()
    with h5py.File(memory, "w", libver=FORMAT, userblock_size=BLOCK) as file:
        fill(file)
    data = memory.getbuffer()
    data[:BLOCK] = _seal(data[BLOCK:], kind).ljust(BLOCK, b"\0")
    put(path, data)


def put(path: Path, data: Any) -> None:
    """Bytes as a file: there as a whole, or not at all."""
    handle, part = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(part, 0o666 & ~_mask())
        sync(Path(part))
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    sync(path.parent)


def _mask() -> int:
    """The process's umask, which mkstemp does not heed."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_sealed(path: Path) -> bool:
    """Whether a file begins as those of studies do. OSError where it cannot be read."""
    files.check(path)
    head = _seal(b"", STUDY).split(b":")[0]
    with path.open("rb") as file:
        return file.read(len(head)) == head


@contextmanager
def opened(path: Path, kind: str = STUDY) -> Iterator[Any]:
    """A file to read, whose bytes are those that were written. DamagedError, or OSError where there is none."""
    files.check(path)
    data = path.read_bytes()
    if data[:BLOCK].rstrip(b"\0") != _seal(memoryview(data)[BLOCK:], kind):
        raise DamagedError(f"{path} is damaged, or was changed: its bytes do not match their digest")
    with h5py.File(io.BytesIO(data), "r") as file:
        yield file


def sweep(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)
