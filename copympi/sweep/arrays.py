"""Arrays and systems from Python that are too large for sweep.json, in files beside it.

    DIR/arrays.npz            arrays of the base config by section.key, of more than 1,024 numbers
    DIR/hamiltonian.npz       H of a System beyond 32 beables
    DIR/parts.json            its parts, if it is a composite
    DIR/lattice.npz           of a lattice of more than 1,024 sites in its place what `copympi.lattice` makes it from
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.config import writing
from copympi.errors import InputError, MachineError
from copympi.model import build
from copympi.model.system import System
from copympi.run.plan import times
from copympi.storage import sealed
from copympi.storage.hdf5 import reason
from copympi.sweep.base import Base
from copympi.sweep.points import placed

ARRAYS, MATRIX, LATTICE, PARTS = "arrays.npz", "hamiltonian.npz", "lattice.npz", "parts.json"


def large(values: Mapping[str, Any], before: str = "") -> dict[str, NDArray[Any]]:
    """The arrays in a config that its TOML names by a digest alone, by their dotted keys.

    InputError where a list holds such arrays beside other things: no file could give it back.
    """
    out: dict[str, NDArray[Any]] = {}
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            out |= large(value, f"{name}.")
        elif not isinstance(value, str) and _digested(writing.plain(value)):
            found = writing.opened(value)
            found = found if isinstance(found, np.ndarray) else _array(found)
            if found.dtype.kind not in "biufcU" or writing.plain(found) != writing.plain(value) or "." in str(key):
                raise InputError(name, value, "is too large for a sweep's folder; give the path of a file")
            out[name] = found
    return out


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # rows of unlike lengths
        return np.empty(0, object)


def _digested(said: Any) -> bool:
    if isinstance(said, (list, tuple)):
        return any(map(_digested, said))
    return isinstance(said, str) and " with digest " in said


def save(folder: Path, base: Base, arrays: dict[str, NDArray[Any]]) -> None:
    """Put on the disk what the text of a base config only names by a digest. OSError where the disk fails."""
    if arrays:
        _put(folder / ARRAYS, arrays)
    if base.system is None or not _digested(base.values.get("system", {}).get("hamiltonian")):
        return
    lattice = base.system.lattice
    if lattice is not None:
        keys = {key: np.array(getattr(lattice, key)) for key in ("spacing", "mass", "boundary", "potential")}
        _put(folder / LATTICE, {"sites": np.array(lattice.shape), **keys})
        return
    W = base.system.frequencies
    H = sp.csr_array((times(W.data, base.system.hbar), W.indices, W.indptr), W.shape)
    data = io.BytesIO()
    sp.save_npz(data, H)
    if base.system.parts is not None:
        sealed.put(folder / PARTS, memoryview(json.dumps(base.system.parts.tables()).encode()))
    sealed.put(folder / MATRIX, data.getbuffer())


def _put(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    data = io.BytesIO()
    np.savez(data, **arrays)  # type: ignore[arg-type]
    sealed.put(path, data.getbuffer())


def put_back(folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """A base config as sweep.json has it, with its large arrays again. MachineError where the file is damaged."""
    path = folder / ARRAYS
    if not path.exists():
        return values
    try:
        with np.load(io.BytesIO(path.read_bytes())) as file:
            arrays = {key: file[key] for key in file.files}
        found = {key: value.tolist() if value.dtype.kind == "U" else value for key, value in arrays.items()}
        for key, value in found.items():
            if writing.plain(value) != _at(values, key):
                raise ValueError(f"{key} has another digest than in sweep.json")
    except Exception as problem:  # whatever zip and numpy make of damage
        raise MachineError(f"{path} is damaged: {reason(problem)}") from None
    return placed(values, found)


def _at(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values


def system(folder: Path, values: dict[str, Any]) -> System | None:
    """The System in a file of its own; None where the config says what it is. MachineError where it is damaged."""
    keys = values.get("system", {})
    for path in (folder / LATTICE, folder / MATRIX):
        try:
            if path.name == LATTICE and path.exists():
                with np.load(io.BytesIO(path.read_bytes())) as file:
                    shape, V = file["sites"].tolist(), file["potential"]
                    more = file["spacing"].tolist(), float(file["mass"]), keys["hbar"], str(file["boundary"])
                    made = build.lattice(shape, *more, V if np.any(V) else "free")
                if keys.get("labels") is not None:
                    made.name_beables(keys["labels"])
            elif path.exists():
                there = (folder / PARTS).exists()
                parts = json.loads((folder / PARTS).read_bytes()) if there else None
                made = System(sp.load_npz(io.BytesIO(path.read_bytes())), keys["hbar"], keys.get("labels"), parts=parts)
            else:
                continue
        except Exception as problem:  # whatever zip and numpy make of damage
            raise MachineError(f"{path} is damaged: {reason(problem)}") from None
        return made
    return None
