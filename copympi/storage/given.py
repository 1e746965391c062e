"""Phases of members from a dataset of an HDF5 file, read piece by piece: all of them need not fit into a rank."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.hamiltonian import split_path
from copympi.model.preparation import MOST_ANGLE

KEY = "preparation.phases"
ALLOWED = "must be FILE.h5:/dataset with a phase (rad) for each member, in order of beables, or a list of them"


class Given:
    """A (N,) dataset that opens its file anew for each piece, so that it can be sent to other ranks."""

    def __init__(self, path: Path, dataset: str) -> None:
        self.path, self.dataset = path, dataset
        with h5py.File(path, "r") as file:
            self.shape, self.dtype = file[dataset].shape, file[dataset].dtype

    def __getitem__(self, piece: slice) -> NDArray[np.float64]:
        with h5py.File(self.path, "r") as file:
            values = np.asarray(file[self.dataset][piece], np.float64)
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
    if not path.is_file():
        raise InputError(KEY, value, f"no such file: {path}; {ALLOWED}")
    try:
        return Given(path, dataset)
    except (OSError, KeyError, ValueError, AttributeError) as problem:
        raise InputError(KEY, value, f"cannot be read: {' '.join(str(problem).split())}; {ALLOWED}") from None
