"""Phases of members from a dataset of an HDF5 file, read piece by piece: all of them need not fit into a rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.errors import InputError
from copympi.model.hamiltonian import is_file, split_path
from copympi.model.preparation import MOST_ANGLE
from copympi.storage.hdf5 import opened, reason

KEY = "preparation.phases"
PIECE = 1 << 21
"""Phases that are looked at at a time."""
ALLOWED = "must be FILE.h5:/dataset with a phase (rad) for each member, in order of beables, or a list of them"


class Given:
    """A (N,) dataset that opens its file anew for each piece, so that it can be sent to other ranks."""

    def __init__(self, path: Path, dataset: str) -> None:
        self.path, self.dataset = path, dataset
        with opened(path) as file:
            self.shape, self.dtype = file[dataset].shape, file[dataset].dtype

    def __getitem__(self, piece: slice) -> NDArray[np.float64]:
        with opened(self.path) as file:
            data = file[self.dataset]
            if data.shape != self.shape:
                raise OSError(f"{self.dataset} has the shape {data.shape} here, {self.shape} on the first rank")
            values = np.asarray(data[piece], np.float64)
        if not np.all(np.abs(values) < MOST_ANGLE):
            why = f"every phase in {self.path}:{self.dataset} must be a number below {MOST_ANGLE:g} in size"
            raise InputError(KEY, str(self.path), why)
        return values


def phases(value: Any, folder: Path) -> Any:
    """What `preparation.phases` of a config stands for; InputError where it stands for nothing."""
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in value):
        try:
            return np.array(value, np.float64)
        except OverflowError:
            raise InputError(KEY, value, ALLOWED) from None
    if not isinstance(value, str):
        raise InputError(KEY, value, ALLOWED)
    path, dataset = split_path(value, folder)
    if not is_file(path):
        raise InputError(KEY, value, f"no such file: {path}; {ALLOWED}")
    try:
        return Given(path, dataset)
    except Exception as problem:  # whatever HDF5 makes of it
        raise InputError(KEY, value, f"cannot be read: {reason(problem)}; {ALLOWED}") from None


def check(comm: Any, given: Any) -> None:
    """InputError on every rank where one of them cannot read phases from its file, or they are none. Collective.

    Each rank reads a share: the file may lie on a disk that not all machines have.
    """
    if not isinstance(given, Given):
        return
    said = ""
    try:
        first, last = mpi.share(given.shape[0], comm.size, comm.rank)
        for at in range(first, max(last, first + 1), PIECE):
            given[at : min(last, at + PIECE)]
    except InputError as bad:
        said = bad.why
    except Exception as problem:
        said = f"cannot be read on rank {comm.rank}: {reason(problem)}"
    said = mpi.first_text(comm, said)
    if said:
        raise InputError(KEY, f"{given.path}:{given.dataset}", said)
