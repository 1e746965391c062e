"""Read a checkpoint, on any number of ranks, and trust nothing that does not match its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xxhash
from numpy.typing import NDArray

from copympi import files, mpi
from copympi.engine.ensemble import State
from copympi.errors import InputError
from copympi.storage.hdf5 import reason

SCHEMA = 2
RENAMED = {1: {"left": "time_left"}}
"""What arrays of checkpoints of older schemas are called today."""


class DamagedError(Exception):
    """A checkpoint that cannot be trusted."""


def digest(values: NDArray[Any]) -> np.uint64:
    """XXH3 of an array's bytes."""
    return np.uint64(xxhash.xxh3_64_intdigest(values.reshape(-1).view(np.uint8).data))


def unit_digests(state: State) -> NDArray[np.uint64]:
    """One digest for each of this rank's units, over its row of every column and its part of every ragged array."""
    out = np.zeros(state.last - state.first, np.uint64)
    if not len(out):
        return out
    columns = [
        np.ascontiguousarray(rows).reshape(len(out), -1).view(np.uint8) for _, rows in sorted(state.columns.items())
    ]
    ragged = [state.ragged[name] for name in sorted(state.ragged)]
    ends = [np.concatenate([[0], np.cumsum(lengths)]) for _, lengths in ragged]
    flats = [flat for flat, _ in ragged]
    for u in range(len(out)):
        hasher = xxhash.xxh3_64()
        for rows in columns:
            hasher.update(rows[u].data)
        for flat, end in zip(flats, ends, strict=True):
            hasher.update(flat[end[u] : end[u + 1]].view(np.uint8).data)
        out[u] = hasher.intdigest()
    return out


def read_meta(path: Path) -> dict[str, Any]:
    """The meta data alone. DamagedError where it cannot be trusted, InputError for a newer schema."""
    with _opened(path) as file:
        return _meta(file, path)


def has_units(path: Path) -> bool:
    """Whether a file has the group in which checkpoints keep their state."""
    try:
        with _opened(path) as file:
            return "units" in file
    except Exception:  # a file that cannot be read says nothing
        return False


def units_in(path: Path) -> int:
    """How many units a checkpoint has. Raises what `read_meta` raises."""
    with _opened(path) as file:
        _meta(file, path)
        try:
            return int(file.attrs["units"])
        except Exception as problem:
            raise DamagedError(reason(problem)) from None


def _opened(path: Path) -> Any:
    try:
        files.check(path)
        return h5py.File(path, "r", locking=False)
    except OSError as problem:
        raise DamagedError(reason(problem)) from None


def _meta(file: Any, path: Path) -> dict[str, Any]:
    try:
        if int(file.attrs["schema"]) > SCHEMA:
            why = f"has schema {int(file.attrs['schema'])}; this version of copympi reads up to {SCHEMA}"
            raise InputError("checkpoint", str(path), why)
        if not file.attrs["complete"]:
            raise DamagedError("not complete")
        return {**json.loads(_checked(file["meta"]).tobytes()), "schema": int(file.attrs["schema"])}
    except (DamagedError, InputError, MemoryError):
        raise
    except Exception as problem:  # whatever HDF5 and JSON make of damage
        raise DamagedError(reason(problem)) from None


def _checked(data: Any) -> NDArray[Any]:
    values = np.ascontiguousarray(data[()])
    if digest(values) != data.attrs["digest"]:
        raise DamagedError(f"{data.name} does not match its digest")
    return values


def read(
    path: Path, size: int, rank: int, owns: Callable[[int], tuple[int, int]] | None = None
) -> tuple[State, dict[str, Any]]:
    """The state as rank `rank` of `size` holds it, verified, and the meta data. Not collective.

    owns : which units of so many are read, first and one past last, where they are not shared out evenly.

    Raises DamagedError where anything that is read does not match its digest.
    """
    with _opened(path) as file:
        meta = _meta(file, path)
        try:
            units = int(file.attrs["units"])
            first, last = mpi.share(units, size, rank) if owns is None else owns(units)
            group = file["units"]
            ragged: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}
            names = [name for name in group if f"{name}_length" in group]
            for name in names:
                lengths = group[f"{name}_length"][()]
                start = int(lengths[:first].sum())
                mine = lengths[first:last]
                ragged[name] = (_part(group[name], start, start + int(mine.sum())), mine)
            special = {"digest", *names, *(f"{name}_length" for name in names)}
            columns = {name: _part(group[name], first, last) for name in group if name not in special}
            common = {name: _checked(data) for name, data in file["common"].items()} if "common" in file else {}
            state = State(units, first, last, columns, ragged, common)
            today = RENAMED.get(int(file.attrs["schema"]), {})
            wrong = np.flatnonzero(unit_digests(state) != group["digest"][first:last])
        except (DamagedError, MemoryError):
            raise
        except Exception as problem:
            raise DamagedError(reason(problem)) from None
        if wrong.size:
            raise DamagedError(f"unit {first + int(wrong[0])} does not match its digest")
        columns = {today.get(name, name): values for name, values in columns.items()}
        common = {today.get(name, name): values for name, values in common.items()}
        return State(units, first, last, columns, ragged, common), meta


def _part(data: Any, start: int, stop: int) -> NDArray[Any]:
    """Rows of a dataset, read straight into place."""
    if stop > len(data) or start > stop:
        raise DamagedError(f"{data.name} is too short")
    out = np.empty((stop - start, *data.shape[1:]), data.dtype)
    if len(out):
        data.read_direct(out, np.s_[start:stop])
    return out
