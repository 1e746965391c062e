"""DIR/profiles/K.h5: what there is of each beable at the K-th profile time of a run with very many beables.

Each is a file of its own, so that all ranks can write it together while results.h5, one writer's and readable at all
times, does not stop; and written under a partial name, so that a kill leaves none by halves. results.h5 shows them
as virtual datasets (T', P) that grow with the files. A rank writes its replicas' rows, or its share of beables of
what stands alike on all ranks; nothing travels. By the root: all of the snapshot that it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.errors import MachineError
from copympi.storage import digests, image
from copympi.storage.checkpoint import PIECE, agree, close_together, finish, guarded, need, reserve
from copympi.storage.checkpoints import HALF, listed, remove
from copympi.storage.hdf5 import FAILURES, FORMAT, reason
from copympi.storage.layout import FOLDER

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
) -> None:
    """Write one profile. Collective; MachineError on every rank, and no file, where it did not work out.

    whole : (R, P) arrays on the root. slab : this rank's part; where it lacks something of the whole the root writes.
    """
    partial = path.with_name(f".partial-{attempt}-{path.name}")
    try:
        kinds = mpi.from_root(comm, lambda: {name: values.dtype.str for name, values in (whole or {}).items()})
        together = writer == "mpio" and kinds == {name: values.dtype.str for name, values in slab[2].items()}
        patch = mpi.from_root(comm, guarded(lambda: _create(partial, whole or {}, time, not together)))
        if together:
            _fill_together(comm, partial, slab)
        mpi.from_root(comm, guarded(lambda: finish(partial, path, may_rename, patch)))
    except MachineError:
        if comm.rank == mpi.ROOT:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        raise


def _create(partial: Path, whole: Arrays, time: float, fill: bool) -> image.Patch:
    """The file, with its values (`fill`) or room for them. Returns what marks it complete."""
    partial.parent.mkdir(exist_ok=True)
    need(sum(values.nbytes for values in whole.values()), partial.parent)
    shown = {name: values if len(values) > 1 else values[0] for name, values in whole.items()}
    with image.drafted(partial) as file:
        file.attrs["complete"] = np.int8(0)
        file.attrs["time"] = time
        file.attrs["digest"] = digests.of_arrays(shown)
        for name, values in shown.items():
            reserve(file, name, values.shape, values.dtype)
        offsets = {name: int(file[name].id.get_offset() or 0) for name in shown}
        patch = image.completion(file)
    if fill:
        with partial.open("r+b") as disk:
            for name, values in shown.items():
                image.put_rows(disk.fileno(), offsets[name], 0, values)
    return patch


def _fill_together(comm: Any, partial: Path, slab: Slab) -> None:
    """All ranks write their slabs collectively; one that has nothing, or is done early, takes part with nothing."""
    problem: str | None = None
    file: Any = None
    try:
        file = h5py.File(partial, "r+", driver="mpio", comm=comm, libver=FORMAT, locking=False)
    except FAILURES as error:
        problem = reason(error)
    agree(comm, problem)
    transfer = h5py.h5p.create(h5py.h5p.DATASET_XFER)
    transfer.set_dxpl_mpio(h5py.h5fd.MPIO_COLLECTIVE)
    replica, beable, arrays = slab
    for name, values in sorted(arrays.items()):
        data = file[name].id
        pieces = list(_pieces(values))
        rounds = np.array([len(pieces)], np.int64)
        mpi.largest(comm, rounds)
        for k in range(int(rounds[0])):
            at, piece = pieces[k] if k < len(pieces) else (0, values[:0])
            where, memory = data.get_space(), h5py.h5s.create_simple(piece.shape if piece.size else (1, 1))
            if piece.size:
                rank = len(where.shape)  # no axis of replicas where there is one
                where.select_hyperslab((replica + at, beable)[-rank:], piece.shape[-rank:])
            else:
                where.select_none()
                memory.select_none()
                piece = np.zeros((1, 1), values.dtype)
            try:
                data.write(memory, where, np.ascontiguousarray(piece), dxpl=transfer)
            except FAILURES as error:
                problem = problem or reason(error)
    close_together(comm, file, partial, problem)


def _pieces(values: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Rows in pieces of about PIECE bytes."""
    step = max(1, PIECE // max(1, values[:1].nbytes))
    for at in range(0, len(values), step):
        yield at, values[at : at + step]
