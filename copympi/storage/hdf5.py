"""HDF5 files: how they are opened to be read, what their failures are called, and how a file that fails is let go."""

from __future__ import annotations

import atexit
import ctypes
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py

from copympi import files

FORMAT = ("v110", "v110")
"""Files are written so that HDF5 1.10 and all later ones can read them, whichever wrote them."""
FAILURES = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py makes of a disk that fails."""
_never_closed: list[Any] = []


def opened(path: Path) -> Any:
    """A file to read, also one that a run is writing, or was when it was killed. OSError where it is no file."""
    files.check(path)
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as problem:
        if "locking flag" in str(problem):  # this process has it open already, as xarray opens files
            return h5py.File(path, "r")
        # a reader beside a writer tries again and again what it cannot make sense of: only where there was a writer
        if "h5clear" not in str(problem):
            raise
        return h5py.File(path, "r", libver="latest", swmr=True, locking=False)


def reason(problem: BaseException) -> str:
    """What the system says of a failure, in one line."""
    told = problem.args[0] if isinstance(problem, KeyError) and problem.args else problem  # KeyError adds quotes
    text = " ".join(str(told).split())
    system = re.search(r"error message = '([^']+)'", text)  # how HDF5 quotes it
    return system[1] if system else getattr(problem, "strerror", None) or text or type(problem).__name__


@contextmanager
def writing(path: Path, mode: str) -> Iterator[Any]:
    """A file to write, by this process alone. What fails, in closing too, leaves nothing of it open in HDF5.

    Who writes to a dataset must hold it until the end: HDF5 keeps small writes back until a dataset is closed, and
    where h5py closes one because no one holds it any more, a failure is lost.
    """
    file: Any = None
    try:
        file = h5py.File(path, mode, libver=FORMAT, locking=False)
        yield file
        file.flush()
        close(file)
    except BaseException:
        let_go(file, path)
        raise


def let_go(file: Any, *paths: Path) -> None:
    """Close a file that could not be written, so that nothing of it is left in HDF5.

    HDF5 tries once more to write what it could not, when a file is closed and when the process ends, and crashes
    where it fails again. Here it may do so in memory: the descriptors of `paths` are made to lead there.
    """
    for path in paths:
        into_memory(path)
    if file is not None:
        with suppress(*FAILURES):
            close(file)


def close(file: Any) -> None:
    """Close a file. Where HDF5 fails to, nobody tries again: 1.10, as systems have it, crashes in the second attempt.

    That includes h5py, which closes what no one holds any more, and HDF5 itself when the process ends: it holds the
    file until then, and leaves without HDF5's last look.
    """
    handle = file.id
    if any(handle is one for one in _never_closed):
        return
    try:
        file.close()
    except FAILURES:
        if handle.valid:
            _keep(handle)
        raise


def _keep(handle: Any) -> None:
    """Hold a file that cannot be closed beyond the interpreter's end, where lists are emptied."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))
    libc = ctypes.CDLL(None)
    if not _never_closed and hasattr(libc, "on_exit"):
        atexit.register(_flush_others)
        libc.on_exit(libc._exit, None)  # called with the exit code, before what was registered earlier
    _never_closed.append(handle)


def _flush_others() -> None:
    """What HDF5 would do at the end for files that somebody has left open."""
    for other in h5py.h5f.get_obj_ids(types=h5py.h5f.OBJ_FILE):
        if all(other != one for one in _never_closed):
            with suppress(*FAILURES):
                h5py.h5f.flush(other)


def into_memory(path: Path) -> None:
    """Let all descriptors of a file lead to memory in its place. On Linux; elsewhere they stay as they are."""
    memory = getattr(os, "memfd_create", None)
    if memory is None:
        return
    with suppress(OSError):
        aims = (str(path.absolute()), os.path.realpath(path))
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if os.readlink(f"/proc/self/fd/{name}").removesuffix(" (deleted)") in aims:
                    elsewhere = memory("given-up")
                    os.truncate(elsewhere, os.fstat(int(name)).st_size)
                    os.dup2(elsewhere, int(name))
                    os.close(elsewhere)
