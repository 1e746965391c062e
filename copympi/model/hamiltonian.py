"""Read a Hamiltonian: inline numbers, or a file .npy .npz .mtx .h5:/dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from copympi.errors import InputError, NotBuiltYet

KEY = "system.hamiltonian"
BUILDERS = ("lattice", "two-level", "composite")
ALLOWED = 'rows of numbers or strings like "0.1-0.2j", or a path to .npy, .npz, .mtx or .h5:/dataset'


def number(value: Any, key: str) -> complex:
    """A number, or a string that Python's complex() understands; InputError names `key` otherwise."""
    if isinstance(value, str):
        try:
            return complex(value.replace(" ", "").replace("i", "j").replace("*", ""))
        except ValueError:
            raise InputError(key, value, 'must be a number or a string like "0.1-0.2j"') from None
    if isinstance(value, bool) or not isinstance(value, (int, float, complex, np.number)):
        raise InputError(key, value, 'must be a number or a string like "0.1-0.2j"')
    return complex(value)


def read(value: Any, folder: Path = Path()) -> Any:
    """The matrix that `system.hamiltonian` stands for, dense or sparse; paths are relative to `folder`."""
    if isinstance(value, str):
        if value in BUILDERS:
            raise NotBuiltYet(KEY, value, "give " + ALLOWED)
        return _from_file(value, folder)
    if not isinstance(value, list) or not value or not all(isinstance(row, list) for row in value):
        raise InputError(KEY, value, "must be " + ALLOWED)
    rows = [[number(x, f"{KEY}[{i}][{j}]") for j, x in enumerate(row)] for i, row in enumerate(value)]
    if any(len(row) != len(rows) for row in rows):
        lengths = ", ".join(str(len(row)) for row in rows)
        raise InputError(KEY, f"{len(rows)} rows of lengths {lengths}", "must be square")
    return np.array(rows)


def _from_file(value: str, folder: Path) -> Any:
    name, _, dataset = value.partition(":")
    path = folder / name
    if not path.is_file():
        raise InputError(KEY, value, f"no such file: {path}; allowed: {ALLOWED}")
    readers = {".npy": _npy, ".npz": _npz, ".mtx": _mtx, ".h5": _hdf5, ".hdf5": _hdf5}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(KEY, value, f"unknown kind of file {path.suffix!r}; allowed: {ALLOWED}")
    try:
        return reader(path, dataset)
    except InputError:
        raise
    except Exception as problem:
        raise InputError(KEY, value, f"cannot be read: {' '.join(str(problem).split())}") from None


def _npy(path: Path, _: str) -> Any:
    return np.load(path, allow_pickle=False)


def _npz(path: Path, _: str) -> Any:
    from scipy.sparse import load_npz

    with np.load(path, allow_pickle=False) as archive:
        if "format" in archive:
            return load_npz(path)
        names = list(archive)
        if len(names) != 1:
            raise InputError(KEY, path.name, f"must hold one array or a scipy.sparse matrix; it holds {names}")
        return archive[names[0]]


def _mtx(path: Path, _: str) -> Any:
    from scipy.io import mmread

    return mmread(path)


def _hdf5(path: Path, dataset: str) -> Any:
    """A (P, P) dataset, or a group with data, indices, indptr (and shape) of a CSR matrix."""
    import h5py
    from scipy.sparse import csr_array

    with h5py.File(path, "r") as file:
        if not dataset or dataset not in file:
            raise InputError(KEY, f"{path.name}:{dataset}", f"no such dataset; {path.name} holds {sorted(file)}")
        item = file[dataset]
        if isinstance(item, h5py.Dataset):
            return item[()]
        parts = [item[part][()] for part in ("data", "indices", "indptr")]
        shape = tuple(item["shape"][()]) if "shape" in item else (len(parts[2]) - 1,) * 2
        return csr_array(tuple(parts), shape=shape)
