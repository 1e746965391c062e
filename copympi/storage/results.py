"""DIR/results.h5: written by the root, record by record; the same bytes in every dataset for any number of ranks."""

from __future__ import annotations

import os
import platform
import shutil
import time as clock
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import __version__
from copympi.config import Config
from copympi.errors import InputError, MachineError
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.record import events_dtype, stacked
from copympi.snapshot import Snapshot
from copympi.storage import checkpoints
from copympi.storage.checkpoint import sync
from copympi.storage.reading import (
    DESCRIPTIONS,
    FAILURES,
    FORMAT,
    NAME,
    SCHEMA,
    first_records,
    is_complete,
    is_foreign,
    reason,
)

FLUSH_EVERY = 1.0
"""Seconds between writes of the records that have come in."""


class ResultsFile:
    """A recorder that writes results.h5. Use on the root alone, as a context manager.

    HDF5's single-writer-multiple-reader mode keeps the file readable while the run is alive and after a kill. A run
    that goes on writes a file of its own, with the records it keeps, and puts it in the place of the old one; so a
    process that still has the old one open cannot harm it. `may_append` raises where this run was taken over.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        text: str,
        system: System,
        start: Start,
        ranks: int,
        mpi: str,
        keep: int = 0,
        may_append: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = folder / NAME
        self.pending: list[tuple[float, Snapshot]] = []
        self.flushed = 0.0  # the first record is there at once
        self.replicas = config.dynamics.replicas
        self.may_append = may_append
        self.written = keep
        self.new = folder / f".new-{platform.node()}-{os.getpid()}-{NAME}"  # a taken-over attempt has another
        self.file: Any = None
        self.data: dict[str, Any] = {}
        try:
            kept = first_records(self.path, keep) if keep else {}
            self.file = h5py.File(self.new, "w", libver=FORMAT, locking=False)
            self._write_header(config, text, ranks, mpi)
            self._write_system(system, start)
            self._create_datasets(config, start, system.P)
            for name, rows in kept.items():
                self._put(name, rows, 0)
            self.file.swmr_mode = True
            self.file.flush()
            sync(self.new)
            self.may_append()
            os.replace(self.new, self.path)
            sync(folder)
        except MachineError:
            self._give_up()
            raise
        except FAILURES as problem:
            self._give_up()
            raise InputError("output folder", folder, f"cannot be written: {reason(problem)}") from None

    def _write_header(self, config: Config, text: str, ranks: int, mpi: str) -> None:
        self.file.attrs.update(
            {
                "schema": SCHEMA,
                "config": text,
                "version": __version__,
                "seed": np.uint64(config.dynamics.seed),
                "ranks": ranks,
                "complete": False,
                "mpi": mpi,
                "libraries": libraries(),
                "started": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "hostname": platform.node(),
            }
        )

    def _write_system(self, system: System, start: Start) -> None:
        """What a reader needs to compare with Schroedinger's equation, whatever became of the user's files."""
        group = self.file.create_group("system")
        group.attrs.update({"hbar": system.hbar, "P": system.P})
        group["labels"] = np.array([label.encode() for label in system.labels], "S")
        for part in ("data", "indices", "indptr"):
            group[part] = getattr(system.frequencies, part)
        group["state"] = start.state
        group["data"].attrs["description"] = "H/hbar as a CSR matrix: data, indices, indptr"
        group["state"].attrs["description"] = "Psi_a at t = 0, normalised"

    def _create_datasets(self, config: Config, start: Start, P: int) -> None:
        R = (self.replicas,) if self.replicas > 1 else ()
        kinds = {
            "time": ((), np.float64),
            "occupation": ((P,), np.int64),
            "phase": ((P,), np.float64),
            "coherence": ((P,), np.float64),
            "events": ((), events_dtype(start.members)),
        }
        if config.alignment is not None or not start.aligned:
            kinds |= {"coherence2": ((P,), np.float64), "lineages": ((P,), np.int64)}
        if config.alignment is not None:
            kinds |= {"energy": ((), np.float64)}
        records = config.records + 1
        for name, (width, dtype) in kinds.items():
            lead = () if name == "time" else R
            row = int(np.prod(lead + width, dtype=np.int64)) * 8
            chunk = max(1, min(records, (1 << 18) // max(row, 1)))
            data = self.file.create_dataset(
                name,
                shape=(*lead, 0, *width),
                maxshape=(*lead, None, *width),
                chunks=(*(min(n, 4096) for n in lead), chunk, *(min(n, 4096) for n in width)),
                dtype=dtype,
            )
            units, description = DESCRIPTIONS[name]
            data.attrs["units"] = (config.output.time_unit or "1") if units == "time" else units
            data.attrs["description"] = description
            self.data[name] = data  # open to the end: a failure to write may not hide in the closing of a dataset

    def take(self, time: float, snapshot: Snapshot) -> None:
        self.pending.append((time, snapshot))
        if clock.monotonic() - self.flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the records that have come in. What fails can be tried again: each has its place."""
        if not self.pending:
            return
        values = stacked([snapshot for _, snapshot in self.pending])
        self.may_append()
        try:
            for name, rows in values.items():
                self._put(name, rows if self.replicas > 1 else rows[0], self.written)
            self._put("time", np.array([time for time, _ in self.pending]), self.written)
            self.file.flush()
        except FAILURES as problem:
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None
        self.written += len(self.pending)
        self.pending.clear()
        self.flushed = clock.monotonic()

    def settle(self) -> None:
        """Have every record so far on the disk, whatever happens to the machine."""
        self.flush()
        try:
            sync(self.path)
        except OSError as problem:
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None

    def _put(self, name: str, rows: NDArray[Any], first: int) -> None:
        data = self.data[name]
        axis = 0 if name == "time" or self.replicas == 1 else 1
        data.resize(first + rows.shape[axis], axis=axis)
        data[(slice(None),) * axis + (slice(first, None),)] = rows

    def finish(self, seconds: float, last: Snapshot) -> None:
        """Mark the run complete, in a copy that then takes the file's place: a kill leaves one of the two."""
        self.flush()
        self.may_append()
        try:
            self.file.close()
            shutil.copyfile(self.path, self.new)
            with h5py.File(self.new, "r+", libver=FORMAT, locking=False) as file:
                file.attrs["seconds"] = seconds
                file.attrs["steps"] = last.steps
                file.attrs["largest_chance"] = last.largest_chance
                file.attrs["ended"] = clock.strftime("%Y-%m-%dT%H:%M:%S%z")
                file.attrs["complete"] = True
            sync(self.new)
            self.may_append()
            os.replace(self.new, self.path)
            sync(self.path.parent)
        except MachineError:
            self._give_up()
            raise
        except FAILURES as problem:
            self._give_up()
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None

    def _give_up(self) -> None:
        """Close, write nothing more, and leave nothing half-made behind.

        HDF5 tries once more to write what it could not, and crashes where it fails again; it may do so in memory.
        """
        with suppress(*FAILURES):
            if self.file:
                handle = self.file.id.get_vfd_handle()
                memory = getattr(os, "memfd_create", None)  # Linux
                elsewhere = memory("results") if memory else os.open(os.devnull, os.O_RDWR)
                if memory:
                    os.truncate(elsewhere, os.fstat(handle).st_size)
                os.dup2(elsewhere, handle)
                os.close(elsewhere)
                self.file.close()
        with suppress(OSError):
            self.new.unlink(missing_ok=True)

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self.file:
            return
        try:
            self.settle()
            self.file.close()
        except MachineError:
            self._give_up()
            if kind is None:  # else what is under way says more
                raise


def libraries() -> str:
    """Versions of what takes part in a run's numbers and files."""
    return f"python {platform.python_version()}, numpy {np.__version__}, h5py {h5py.__version__}"


def open_folder(folder: Path, overwrite: bool) -> None:
    """Make the results folder; InputError where it cannot be written or holds a finished run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".copympi-can-write"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise InputError("output folder", folder, f"cannot be written: {problem.strerror}") from None
    if is_foreign(folder):
        why = f"holds a {NAME} that is not copympi's; choose another with -o"
        raise InputError("output folder", folder, why)
    if not overwrite and is_complete(folder):
        why = "holds a finished run; choose another with -o, or --overwrite"
        raise InputError("output folder", folder, why)
    if not overwrite and checkpoints.numbered(folder):
        why = "holds checkpoints of an unfinished run; go on with --resume, choose another with -o, or --overwrite"
        raise InputError("output folder", folder, why)
