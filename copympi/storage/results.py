"""DIR/results.h5: written by the root, record by record; the same bytes in every dataset for any number of ranks."""

from __future__ import annotations

import platform
import time as clock
from dataclasses import dataclass
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
from copympi.record import coherence, events_dtype, wrapped
from copympi.snapshot import Snapshot

SCHEMA = 1
NAME = "results.h5"
FLUSH_EVERY = 1.0
"""Seconds between writes of the records that have come in."""

DESCRIPTIONS = {
    "time": ("time", "times of the records"),
    "occupation": ("1", "n_a, members with each beable"),
    "phase": ("rad", "circular mean of the phases of a beable's members, in (-pi, pi]; NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n of a beable's members; NaN at n = 0"),
    "events": ("1", "copies since t = 0"),
}


class ResultsFile:
    """A recorder that writes results.h5. Use on the root alone, as a context manager."""

    def __init__(
        self, folder: Path, config: Config, text: str, system: System, start: Start, ranks: int, mpi: str
    ) -> None:
        self.path = folder / NAME
        self.pending: list[tuple[float, Snapshot]] = []
        self.flushed = clock.monotonic()
        self.replicas = config.dynamics.replicas
        try:
            self.file = h5py.File(self.path, "w")
        except OSError as problem:
            raise InputError("output folder", folder, f"cannot be written: {_reason(problem)}") from None
        self._write_header(config, text, ranks, mpi)
        self._write_system(system, start)
        self._create_datasets(config, start, system.P)
        self.file.flush()

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
                "libraries": ", ".join(
                    [f"python {platform.python_version()}", f"numpy {np.__version__}", f"h5py {h5py.__version__}"]
                ),
                "started": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "hostname": platform.node(),
            }
        )

    def _write_system(self, system: System, start: Start) -> None:
        """What a reader needs to compare with Schroedinger's equation, whatever became of the user's files."""
        group = self.file.create_group("system")
        group.attrs.update({"hbar": system.hbar, "labels": system.labels, "P": system.P})
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

    def take(self, time: float, snapshot: Snapshot) -> None:
        self.pending.append((time, snapshot))
        if clock.monotonic() - self.flushed > FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Write the records that have come in."""
        if not self.pending:
            return
        n = np.stack([s.n for _, s in self.pending], axis=1)
        phase = np.stack([s.phase for _, s in self.pending], axis=1)
        values: dict[str, NDArray[Any]] = {
            "occupation": n,
            "phase": wrapped(phase, n),
            "coherence": coherence(n),
            "events": np.rint(np.stack([s.events for _, s in self.pending], axis=1)),
        }
        try:
            for name, rows in values.items():
                self._append(name, rows if self.replicas > 1 else rows[0])
            self._append("time", np.array([time for time, _ in self.pending]))
            self.file.flush()
        except OSError as problem:
            raise MachineError(f"{self.path} cannot be written: {_reason(problem)}") from None
        self.pending.clear()
        self.flushed = clock.monotonic()

    def _append(self, name: str, rows: NDArray[Any]) -> None:
        data = self.file[name]
        axis = 0 if name == "time" or self.replicas == 1 else 1
        old = data.shape[axis]
        data.resize(old + rows.shape[axis], axis=axis)
        data[(slice(None),) * axis + (slice(old, None),)] = rows

    def finish(self, seconds: float, last: Snapshot) -> None:
        """Mark the run complete."""
        self.flush()
        self.file.attrs.update(
            {
                "seconds": seconds,
                "steps": last.steps,
                "largest_chance": last.largest_chance,
                "ended": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "complete": True,
            }
        )

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            self.file.close()


def open_folder(folder: Path, overwrite: bool) -> None:
    """Make the results folder; InputError where it cannot be written or holds a finished run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".copympi-can-write"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise InputError("output folder", folder, f"cannot be written: {problem.strerror}") from None
    old = folder / NAME
    if old.exists() and not overwrite:
        try:
            with h5py.File(old, "r") as file:
                complete = bool(file.attrs.get("complete", False))
        except OSError:
            complete = False  # killed while writing: nothing a reader could use
        if complete:
            why = "holds a finished run; choose another with -o, or --overwrite"
            raise InputError("output folder", folder, why)


def _reason(problem: OSError) -> str:
    return problem.strerror or " ".join(str(problem).split())


@dataclass(frozen=True)
class Results:
    """A results.h5 in memory. Arrays always carry the replica axis: occupation, phase (R, T, P), events (R, T)."""

    path: Path
    attributes: dict[str, Any]
    system: System
    state: NDArray[np.complex128]
    time: NDArray[np.float64]
    occupation: NDArray[Any]
    phase: NDArray[np.float64]
    events: NDArray[Any]

    @property
    def members(self) -> int:
        return int(self.occupation[0, 0].sum())


def read(place: Path) -> Results:
    """The results in a folder, or in a file. InputError where there are none."""
    from scipy.sparse import csr_array

    path = place / NAME if place.is_dir() else place
    if not path.is_file():
        raise InputError("DIR", place, f"holds no {NAME}")
    try:
        with h5py.File(path, "r") as file:
            if "schema" not in file.attrs:
                raise InputError("DIR", path, "is not a results file of copympi")
            if int(file.attrs["schema"]) > SCHEMA:
                newer = f"has schema {int(file.attrs['schema'])}; this version of copympi reads up to {SCHEMA}"
                raise InputError("DIR", path, newer)
            group = file["system"]
            parts = tuple(group[part][()] for part in ("data", "indices", "indptr"))
            hbar = float(group.attrs["hbar"])
            P = int(group.attrs["P"])
            system = System(csr_array(parts, shape=(P, P)) * hbar, hbar, [str(x) for x in group.attrs["labels"]])
            arrays = {name: file[name][()] for name in ("occupation", "phase", "events")}
            if file["time"].size == 0:
                raise InputError("DIR", path, "holds no record yet: its run has just begun, or was stopped at once")
            if arrays["occupation"].ndim == 2:
                arrays = {name: values[None] for name, values in arrays.items()}
            return Results(path, dict(file.attrs), system, group["state"][()], file["time"][()], **arrays)
    except BlockingIOError:
        raise InputError("DIR", path, "is being written by a run that still goes on") from None
    except (OSError, KeyError) as problem:
        raise InputError("DIR", path, f"cannot be read: {' '.join(str(problem).split())}") from None
