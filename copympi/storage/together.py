"""A file that all ranks have open at once, to write their parts of it together, and nobody waits for who cannot."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from copympi import mpi
from copympi.errors import MachineError
from copympi.storage.hdf5 import FAILURES, FORMAT, close, into_memory, reason


def open_together(comm: Any, path: Path, names: dict[str, str]) -> tuple[Any, dict[str, Any]]:
    """A file that is there, open on all ranks, and its datasets: names -> places in the file, and to handles.

    Collective; MachineError on every rank, and open on none, where any cannot open it or find a dataset.
    """
    problem: str | None = None
    file: Any = None
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        problem = reason(error)
    agree(comm, problem)  # or, where one rank cannot open it, the others would wait in MPI_File_open for ever
    try:
        file = h5py.File(path, "r+", driver="mpio", comm=comm, libver=FORMAT, locking=False)
    except FAILURES as error:
        problem = reason(error)
    if anywhere(comm, problem):
        if file is not None:  # left open, it would be mistaken for the next one of this name
            into_memory(path)
            with suppress(*FAILURES):
                close(file)
        agree(comm, problem)
    datasets: dict[str, Any] = {}
    try:
        datasets = {name: file[place].id for name, place in names.items()}
    except FAILURES as error:
        problem = reason(error)
    if anywhere(comm, problem):
        close_together(comm, file, path, problem)
    return file, datasets


def close_together(comm: Any, file: Any, path: Path, problem: str | None) -> None:
    """Close a file that all ranks have open. Collective; MachineError on every rank where any has a problem."""
    try:
        file.flush()
    except FAILURES as error:
        problem = problem or reason(error)
    if anywhere(comm, problem):  # on all ranks, as closing is collective too
        into_memory(path)
    try:
        close(file)
    except FAILURES as error:
        problem = problem or reason(error)
        into_memory(path)
    agree(comm, problem)


def agree(comm: Any, problem: str | None) -> None:
    """MachineError on every rank where any has a problem."""
    if anywhere(comm, problem):
        raise MachineError(mpi.first_text(comm, problem or ""))


def anywhere(comm: Any, problem: str | None) -> bool:
    """Whether any rank has a problem. Collective."""
    failed = np.array([problem is not None], np.int64)
    mpi.total(comm, failed)
    return bool(failed[0])
