"""DIR/profiles/K.h5: what there is of each beable at the K-th profile time of a run with very many beables.

Each is a file of its own, so that all ranks can write it together while results.h5, one writer's and readable at all
times, does not stop; and written under a partial name, so that a kill leaves none by halves. results.h5 shows them
as virtual datasets (T', P) that grow with the files. A rank writes its replicas' rows, or its share of beables of
what stands alike on all ranks; nothing travels but to the root, for the file's digest. By the root: all of the snapshot
that it has, or piece by piece what ranks have.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.errors import MachineError
from copympi.storage import digests, image
from copympi.storage.checkpoint import finish, guarded, need, reserve
from copympi.storage.checkpoints import HALF, listed, remove, remove_probes
from copympi.storage.layout import FOLDER
from copympi.storage.slabs import coming, write_by_root, write_together

PATTERN = f"{FOLDER}/%b.h5"

Arrays = dict[str, NDArray[Any]]
Slab = tuple[int, int, Arrays]
"""First replica, first beable, and arrays (replicas, beables) by the names of datasets."""


def forget(folder: Path, keep: int, attempt: int, may_remove: Callable[[], None]) -> None:
    """Remove all profiles but the first `keep`, and what attempts up to this one left half-written.

    may_remove : raises where this attempt was superseded; profiles may then be those of a later one.
    """
    for name in listed(folder / FOLDER):
        path, half, stem = folder / FOLDER / name, HALF.fullmatch(name), name.removesuffix(".h5")
        if half and int(half[1]) <= attempt:
            path.unlink(missing_ok=True)
        elif stem != name and stem.isdecimal() and int(stem) >= keep and path.is_file():
            remove(path, attempt, may_remove)


def show(file: Any, name: str, lead: tuple[int, ...], P: int, dtype: Any) -> Any:
    """A virtual dataset (*lead, T', P) of results.h5: profile after profile, as many as there are files."""
    unlimited = h5py.h5s.UNLIMITED
    block = (*lead, 1, P)
    axis = len(lead)
    count = tuple(unlimited if k == axis else 1 for k in range(len(block)))
    space = h5py.h5s.create_simple((*lead, 0, P), (*lead, unlimited, P))
    space.select_hyperslab((0,) * len(block), count, tuple(1 if k == axis else n for k, n in enumerate(block)), block)
    source = h5py.h5s.create_simple((*lead, P))
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_virtual(space, PATTERN.encode(), name.encode(), source)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, dcpl=plan)
    return file[name]


def write(
    comm: Any,
    path: Path,
    whole: Arrays | None,
    slab: Slab,
    time: float,
    writer: str,
    attempt: int,
    may_rename: Callable[[], None],
    shape: tuple[int, int] | None = None,
) -> None:
    """Write one profile. Collective; MachineError on every rank, and no file, where it did not work out.

    whole : (R, P) arrays on the root. slab : this rank's part; where it lacks something of the whole the root writes.
    shape : (R, P), given where no rank has the whole: all ranks' slabs are it, in the order of ranks.
    """
    partial = path.with_name(f".partial-{attempt}-{path.name}")
    try:
        mine = {name: values.dtype for name, values in slab[2].items()}
        if shape is None:
            kinds = mpi.from_root(comm, lambda: {name: values.dtype for name, values in (whole or {}).items()})
            arrays = _shown(whole or {})
            digest, shown = digests.of_arrays(arrays), next((values.shape for values in arrays.values()), ())
        else:
            kinds, digest, shown = mine, _digest(comm, slab, shape), _without_one(shape)
        offsets, patch = mpi.from_root(comm, guarded(lambda: _create(partial, kinds, shown, time, digest)))
        if writer == "mpio" and kinds == mine:
            replica, beable, arrays = slab
            slabs = [(name, (replica, beable), values) for name, values in sorted(arrays.items())]
            write_together(comm, partial, {name: name for name, *_ in slabs}, slabs)
        elif shape is None:
            mpi.from_root(comm, guarded(lambda: _fill_whole(partial, whole or {}, offsets)))
        else:
            write_by_root(comm, partial, offsets, [(name, *_flat(slab, name, shape[1])) for name in sorted(offsets)])
        mpi.from_root(comm, guarded(lambda: finish(partial, path, may_rename, patch)))
    except MachineError:
        if comm.rank == mpi.ROOT:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise
    finally:
        if comm.rank == mpi.ROOT and writer == "mpio":  # as after a checkpoint
            remove_probes(partial.parent, attempt)


def _without_one(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of arrays (R, P) in the file: no axis of replicas where there is one."""
    return shape if shape[0] > 1 else shape[1:]


def _shown(whole: Arrays) -> Arrays:
    """Arrays (R, P) as they stand in the file."""
    return {name: values.reshape(_without_one(values.shape)) for name, values in whole.items()}


def _digest(comm: Any, slab: Slab, shape: tuple[int, int]) -> np.uint64:
    """That of arrays of which every rank has its slab, on the root. Collective."""
    shown = _without_one(shape)
    kinds = [(name, values.dtype) for name, values in sorted(slab[2].items())]
    if comm.rank == mpi.ROOT:
        return digests.of_pieces(
            (name, dtype, shown, (piece for _, piece in coming(comm, *_flat(slab, name, shape[1]))))
            for name, dtype in kinds
        )
    for name, _ in kinds:
        for _ in coming(comm, *_flat(slab, name, shape[1])):
            pass
    return np.uint64(0)


def _flat(slab: Slab, name: str, P: int) -> tuple[int, NDArray[Any]]:
    """Where this rank's part of an array (R, P) begins in it, number by number, and the part."""
    replica, beable, arrays = slab
    return replica * P + beable, np.ascontiguousarray(arrays[name]).reshape(-1)


def _create(
    partial: Path, kinds: dict[str, np.dtype[Any]], shape: tuple[int, ...], time: float, digest: np.uint64
) -> tuple[dict[str, int], image.Patch]:
    """The file with room for its values. Returns where those of each dataset begin, and what marks it complete."""
    partial.parent.mkdir(exist_ok=True)
    need(sum(dtype.itemsize for dtype in kinds.values()) * int(np.prod(shape, dtype=np.int64)), partial.parent)
    with image.drafted(partial) as file:
        file.attrs["complete"] = np.int8(0)
        file.attrs["time"] = time
        file.attrs["digest"] = digest
        for name, dtype in kinds.items():
            reserve(file, name, shape, dtype)
        offsets = {name: int(file[name].id.get_offset() or 0) for name in kinds}
        return offsets, image.completion(file)


def _fill_whole(partial: Path, whole: Arrays, offsets: dict[str, int]) -> None:
    with partial.open("r+b") as disk:
        for name, values in whole.items():
            image.put_rows(disk.fileno(), offsets[name], 0, values)
