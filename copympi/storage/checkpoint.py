"""Checkpoints: the whole state of an ensemble in one HDF5 file, in parallel or by the root, verified on reading.

A file is made in three moves. The root creates it under a partial name, with everything small in it and room for
the rest. Every rank's units are filled in: collectively by all ranks (`mpio`), or piece by piece through the root.
The root marks it complete, syncs and renames it. Either way the same datasets hold the same values.

What a flipped bit would change has a 64-bit digest (XXH3): each unit over all that belongs to it, each common
array, the meta data; HDF5's own structures carry HDF5's checksums (file format 3).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.ensemble import State
from copympi.errors import MachineError
from copympi.storage import image
from copympi.storage.checkpoints import remove_probes
from copympi.storage.hdf5 import FAILURES, reason
from copympi.storage.restart import SCHEMA, digest, unit_digests
from copympi.storage.slabs import write_by_root, write_together

T = TypeVar("T")


def write(
    comm: Any, path: Path, state: State, meta: dict[str, Any], writer: str, may_rename: Callable[[], None]
) -> None:
    """Write `state` to `path`. Collective; MachineError on every rank, and no file, where it did not work out.

    writer : "mpio" or "root". may_rename : called on the root before the rename; raises where this run was superseded.
    """
    partial = path.with_name(f".partial-{meta['attempt']}-{path.name}")  # a superseded attempt has another
    places = {name: _place(comm, flat.size) for name, (flat, _) in state.ragged.items()}
    try:
        offsets, patch = mpi.from_root(comm, guarded(lambda: _create(partial, state, meta, places)))
        starts = {name: start for name, (start, _) in places.items()}
        slabs = _slabs(state, starts)
        if writer == "mpio":
            names = {name: f"units/{name}" for name, *_ in slabs}
            write_together(comm, partial, names, [(name, (start,), rows) for name, start, rows in slabs])
        else:
            write_by_root(comm, partial, offsets, slabs)
        mpi.from_root(comm, guarded(lambda: finish(partial, path, may_rename, patch)))
    except MachineError:
        if comm.rank == mpi.ROOT:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise
    finally:
        if comm.rank == mpi.ROOT and writer == "mpio":  # Open MPI tries locks beside a file, and may fail to tidy up
            remove_probes(partial.parent, int(meta["attempt"]))


def guarded(make: Callable[[], T]) -> Callable[[], T]:
    """`make` with what files can do to it as MachineError."""

    def safe() -> T:
        try:
            return make()
        except MachineError:  # Superseded too
            raise
        except FAILURES as problem:
            raise MachineError(reason(problem)) from None

    return safe


def _place(comm: Any, size: int) -> tuple[int, int]:
    """Where this rank's elements start among all ranks', and how many there are in all."""
    sizes = np.zeros(comm.size, np.int64)
    sizes[comm.rank] = size
    mpi.total(comm, sizes)
    return int(sizes[: comm.rank].sum()), int(sizes.sum())


def _create(
    partial: Path, state: State, meta: dict[str, Any], places: dict[str, tuple[int, int]]
) -> tuple[dict[str, int], image.Patch]:
    """The file with everything small in it; unit data has its place but no values yet.

    Returns where the values of each dataset of units begin, and what marks the file complete.
    """
    total = sum(flat.dtype.itemsize * places[name][1] for name, (flat, _) in state.ragged.items())
    total += state.units * sum(rows.dtype.itemsize * rows[:1].size for rows in state.columns.values())
    need(total, partial.parent)
    with image.drafted(partial) as file:
        file.attrs["schema"] = SCHEMA
        file.attrs["complete"] = np.int8(0)
        file.attrs["units"] = state.units
        text = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
        for name, values in {"meta": text, **{f"common/{k}": v for k, v in state.common.items()}}.items():
            data = file.create_dataset(name, data=values)
            data.attrs["digest"] = digest(np.ascontiguousarray(data[()]))
        units = file.create_group("units")
        for name, rows in state.columns.items():
            reserve(units, name, (state.units, *rows.shape[1:]), rows.dtype)
        for name, (flat, _) in state.ragged.items():
            reserve(units, name, (places[name][1],), flat.dtype)
            reserve(units, f"{name}_length", (state.units,), np.dtype(np.int64))
        reserve(units, "digest", (state.units,), np.dtype(np.uint64))
        offsets = {name: int(data.id.get_offset() or 0) for name, data in units.items()}
        return offsets, image.completion(file)


def need(total: int, folder: Path) -> None:
    """MachineError where a folder's disk has no room for so many bytes."""
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < total + (1 << 20):
        raise MachineError(f"disk full: {total:.3g} bytes needed, {free.f_bavail * free.f_frsize:.3g} free")


def reserve(group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Contiguous room in the file, not filled."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.CONTIGUOUS)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.py_create(dtype), space, dcpl=plan)


def _slabs(state: State, starts: dict[str, int]) -> list[tuple[str, int, NDArray[Any]]]:
    """(dataset, first row, this rank's rows) of all unit data, in the order in which every rank writes them."""
    out: list[tuple[str, int, NDArray[Any]]] = []
    for name, rows in state.columns.items():
        out.append((name, state.first, np.ascontiguousarray(rows)))
    for name, (flat, lengths) in state.ragged.items():
        out.append((name, starts[name], flat))
        out.append((f"{name}_length", state.first, lengths.astype(np.int64)))
    out.append(("digest", state.first, unit_digests(state)))
    return out


def finish(partial: Path, path: Path, may_rename: Callable[[], None], patch: image.Patch) -> None:
    """Mark a file complete and give it its name. patch : see image.completion."""
    image.put(partial, patch)
    if not image.is_complete(partial):
        raise MachineError(f"{partial} cannot be read again")
    sync(partial)
    may_rename()
    os.replace(partial, path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have the system write a file, or a folder's entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
