"""Read a Hamiltonian, or another array: inline numbers, or a file .npy .npz .mtx .h5:/dataset."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import issparse

from copympi.errors import InputError, NotBuiltYet
from copympi.model import formats

KEY = "system.hamiltonian"
BUILDERS = ("two-level",)
"""Builders of the contract that have no rooms yet."""
READABLE = (".npy", ".npz", ".mtx", ".h5", ".hdf5")
ALLOWED = 'rows of numbers or strings like "0.1-0.2j", or a path to .npy, .npz, .mtx or .h5:/dataset'


def number(value: Any, key: str) -> complex:
    """A finite number, or a string that Python's complex() understands; InputError names `key` otherwise."""
    readable = re.sub("i$", "j", re.sub(r"[\s*]", "", value)) if isinstance(value, str) else value
    if isinstance(value, bool) or not isinstance(readable, (str, int, float, complex, np.number)):
        raise InputError(key, value, 'must be a number or a string like "0.1-0.2j"')
    try:
        found = complex(readable)
    except ValueError:
        raise InputError(key, value, 'must be a number or a string like "0.1-0.2j"') from None
    except OverflowError:
        found = complex("inf")
    if not np.isfinite(found):
        raise InputError(key, value, "must be finite, and at most 1.8e308 in size")
    return found


def read(value: Any, folder: Path = Path(), key: str = KEY) -> Any:
    """The matrix that `system.hamiltonian`, or another `key`, stands for, dense or sparse; paths are of `folder`."""
    if isinstance(value, str):
        if key == KEY and value in ("lattice", "composite"):
            raise InputError(KEY, value, f'must be given as builder = "{value}" in its place')
        if key == KEY and value in BUILDERS:
            raise NotBuiltYet(KEY, value, "give " + ALLOWED)
        return from_file(value, folder, key, ALLOWED)
    if not isinstance(value, list) or not value or not all(isinstance(row, list) for row in value):
        raise InputError(key, value, "must be " + ALLOWED)
    rows = [[number(x, f"{key}[{i}][{j}]") for j, x in enumerate(row)] for i, row in enumerate(value)]
    if any(len(row) != len(rows) for row in rows):
        lengths = ", ".join(str(len(row)) for row in rows)
        raise InputError(key, f"{len(rows)} rows of lengths {lengths}", "must be square")
    return np.array(rows)


def from_file(value: str, folder: Path, key: str, allowed: str) -> Any:
    """The array or sparse matrix in a file; InputError says of `key` what is `allowed`."""
    path, dataset = split_path(value, folder)
    if not is_file(path):
        raise InputError(key, value, f"no such file: {path}; must be {allowed}")
    readers = dict(zip(READABLE, (_npy, _npz, _mtx, _hdf5, _hdf5), strict=True))
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(key, value, f"unknown kind of file {path.suffix!r}; must be {allowed}")
    try:
        return reader(path, dataset, key)
    except InputError:
        raise
    except Exception as problem:
        raise InputError(key, value, f"cannot be read: {' '.join(str(problem).split())}") from None


def split_path(value: str, folder: Path) -> tuple[Path, str]:
    """File and dataset of `value`: they part at a colon after .h5 or .hdf5; other colons belong to names."""
    parts = [(value, "")]
    parts += [(value[: m.end() - 1], value[m.end() :]) for m in re.finditer(r"\.(h5|hdf5):", value, re.IGNORECASE)]
    there = [(name, dataset) for name, dataset in parts if is_file(folder / name)]
    name, dataset = there[0] if there else parts[-1]
    return folder / name, dataset


def is_file(path: Path) -> bool:
    """Whether there is a file to read; a name that cannot be one is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, a folder that may not be looked into
        return False


def _npy(path: Path, _: str, key: str) -> Any:
    return np.load(path, allow_pickle=False)


def _npz(path: Path, _: str, key: str) -> Any:
    with np.load(path, allow_pickle=False) as archive:
        if "format" in archive:
            layout = archive["format"].item()
            layout = layout.decode("ascii") if isinstance(layout, bytes) else str(layout)
            parts = {name: archive[name] for name in archive if name not in ("format", "shape")}
            if layout == "coo" and "coords" in parts:
                parts["row"], parts["col"] = parts.pop("coords")
            return formats.csr(layout, parts, archive["shape"], key)
        names = list(archive)
        if len(names) != 1:
            raise InputError(key, path.name, f"must hold one array or a scipy.sparse matrix; it holds {names}")
        return archive[names[0]]


def _mtx(path: Path, _: str, key: str) -> Any:
    from scipy.io import mmread

    formats.matrix_market(path, key)
    found = mmread(path)
    return formats.sound(found, key) if issparse(found) else found


def _hdf5(path: Path, dataset: str, key: str) -> Any:
    """A (P, P) dataset, or a group with data, indices, indptr (and shape) of a CSR matrix."""
    import h5py

    with h5py.File(path, "r") as file:
        if not dataset or dataset not in file:
            why = f"no such dataset; {path.name} holds {sorted(file)}; must read {path.name}:/dataset"
            raise InputError(key, f"{path.name}:{dataset}", why)
        item = file[dataset]
        if isinstance(item, h5py.Dataset):
            formats.fits(item.shape, key, f"{path.name}:{dataset}")
            return item[()]
        parts = {part: item[part][()] for part in formats.COMPRESSED}
        shape = item["shape"][()] if "shape" in item else (len(parts["indptr"]) - 1,) * 2
        return formats.csr("csr", parts, shape, key)
