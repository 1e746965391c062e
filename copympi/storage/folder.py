"""A results folder: may it be written, what does it hold, and may that be replaced? What cannot be read may not."""

from __future__ import annotations

import os
import tempfile
import time as clock
from pathlib import Path

from copympi import files
from copympi.errors import InputError, MachineError
from copympi.storage import checkpoints
from copympi.storage.hdf5 import opened, reason
from copympi.storage.layout import NAME

KEY = "output folder"
NOTHING, FOREIGN, UNFINISHED, FINISHED = "nothing", "foreign", "unfinished", "finished"
LEAST = 1024
"""Bytes without which a file cannot hold a run."""
PAUSES = (0.1, 0.4, 1.0)
"""Seconds before each further look at what could not be read: a network's file system may be out of breath."""


def holding(folder: Path) -> str:
    """What results.h5 in a folder is: NOTHING, FOREIGN (no run of copympi wrote it), UNFINISHED or FINISHED.

    InputError where it is there but cannot be read, after some looks: it may well be a finished run.
    """
    path, problem = folder / NAME, ""
    for pause in (0.0, *PAUSES):
        clock.sleep(pause)
        try:
            return _look(path)
        except FileNotFoundError:
            return NOTHING
        except IsADirectoryError:
            raise InputError(KEY, folder, f"cannot be written: its {NAME} is a folder") from None
        except Exception as failure:  # whatever HDF5 makes of damage
            problem = reason(failure)
    why = f"holds a {NAME} that cannot be read ({problem}); move it away, or choose another folder with -o"
    raise InputError(KEY, folder, why)


def _look(path: Path) -> str:
    os.lstat(path)  # FileNotFoundError only where there is nothing at all, not even a link that leads nowhere
    try:
        files.check(path)
        if path.stat().st_size < LEAST:
            return NOTHING
        with opened(path) as file:
            if "schema" not in file.attrs and "complete" not in file.attrs:
                return FOREIGN
            return FINISHED if file.attrs["complete"] else UNFINISHED
    except FileNotFoundError as problem:
        raise MachineError(f"a link that leads nowhere: {problem.strerror}") from None


def is_complete(folder: Path) -> bool:
    """Whether the folder holds the results of a finished run. InputError where that cannot be told."""
    return holding(folder) == FINISHED


def make(folder: Path) -> None:
    """See that a folder is there; InputError where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(prefix=checkpoints.PROBE, dir=folder)  # no other start has this name
        os.close(handle)
        Path(probe).unlink(missing_ok=True)
    except (OSError, ValueError) as problem:
        raise InputError(KEY, folder, f"cannot be written: {reason(problem)}") from None


def open_folder(folder: Path, overwrite: bool) -> None:
    """Make the results folder; InputError where it cannot be written or holds what may not be replaced."""
    make(folder)
    refuse_results(folder, overwrite)
    try:
        saved = [] if overwrite else checkpoints.numbered(folder)
    except MachineError as problem:
        raise InputError(KEY, folder, f"cannot be read: {problem}") from None
    if saved:
        why = "holds checkpoints of an unfinished run; go on with --resume, choose another with -o, or --overwrite"
        raise InputError(KEY, folder, why)


def refuse_results(folder: Path, overwrite: bool) -> None:
    """InputError where the folder's results.h5 may not be replaced.

    Asked once more by a start that has taken the folder: another one may have finished since it looked first.
    """
    held = holding(folder)
    if held == FOREIGN:
        raise InputError(KEY, folder, f"holds a {NAME} that is not copympi's; choose another with -o")
    if not overwrite and held == FINISHED:
        raise InputError(KEY, folder, "holds a finished run; choose another with -o, or --overwrite")
