"""`copympi collect`: DIR/collected.csv and collected.h5, one row for each setting, and the figure.

collected.h5: group `table` has a column of the CSV in each dataset (S,). Groups `records`, `records-1`, ... have what
is there by record, of settings with the same times and beables: `setting` (K,) rows of the table, `time` (T,),
`profile_time` (T',) where profiles have times of their own, NAME (K, T, ...) the mean of a recorded quantity over
ensembles and NAME_error its standard error, `schrodinger` (K, T, P) |Psi_a|^2, `deviation` (K, T) the root mean square
of n_a/N - |Psi_a|^2 over beables and ensembles, and `expected` (K, T).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import __version__
from copympi.records.quantity import PROFILES
from copympi.report import style, tables
from copympi.report.tables import Row
from copympi.storage import hdf5, sealed
from copympi.storage.checkpoint import sync
from copympi.sweep import figure
from copympi.sweep.folder import SCHEMA
from copympi.sweep.held import Held
from copympi.sweep.rows import DESCRIBED, Setting, settings

CSV, H5, FIGURE = "collected.csv", "collected.h5", "deviation"
AT_A_TIME = 64
"""Settings that are written at a time."""
MEANING = {
    "deviation": "root mean square of n_a/N - |Psi_a|^2 over beables, records after t = 0 and ensembles",
    "deviation error": "its standard error, from the scatter of ensembles",
    "expected": "deviation that the linear noise approximation expects; NaN where that means nothing",
    "ensembles": "runs, or replicas of runs, that the means are over",
    "lost": "share of the ensembles that lost a beable",
    "failed": "runs that failed", "missing": "runs that are not done",
}  # fmt: skip


def collect(sweep: Held) -> tuple[list[Row], list[Path]]:
    """Write the table of what is done, and the figure; the rows, and the paths. OSError where the disk fails."""
    part = sweep.path / f".part-{os.getpid()}-{H5}"
    try:
        with hdf5.writing(part, "w") as file:
            file.attrs.update({
                "schema": SCHEMA, "version": __version__, "made": sweep.spec.version, "config": sweep.spec.text,
                "over": json.dumps(sweep.spec.over),
            })  # fmt: skip
            rows = _by_record(file, settings(sweep))
            _table(file, rows)
        sync(part)
        os.replace(part, sweep.path / H5)
    finally:
        part.unlink(missing_ok=True)
    sealed.put(sweep.path / CSV, tables.csv(rows).encode())
    return rows, [sweep.path / CSV, sweep.path / H5, *draw(sweep, rows)]


def draw(sweep: Held, rows: list[Row]) -> list[Path]:
    """The figure as PNG and PDF; no path where no run is done."""
    made = figure.drawn(rows, sweep.spec.over)
    return [] if made is None else style.save(made, sweep.path, FIGURE)


def _by_record(file: Any, found: Iterable[Setting]) -> list[Row]:
    """Write what there is by record; the rows of the table."""
    rows: list[Row] = []
    groups: dict[Any, _Group] = {}
    for setting in found:
        if setting.squares:
            arrays = _arrays(setting)
            key = (setting.time.tobytes(), setting.profile_time.tobytes(),
                   *((name, values.shape) for name, values in arrays.items()))  # fmt: skip
            if key not in groups:
                groups[key] = _Group(file.create_group(f"records-{len(groups)}" if groups else "records"), setting)
            groups[key].add(len(rows), arrays)
        rows.append(setting.row())
    for group in groups.values():
        group.write()
    return rows


def _arrays(setting: Setting) -> dict[str, NDArray[Any]]:
    """What is written of a setting by record: name -> (T, ...)."""
    out: dict[str, NDArray[Any]] = {}
    for name, moments in setting.quantities.items():
        out[name], out[f"{name}_error"] = moments.mean, moments.error
    out["deviation"] = np.sqrt(setting.square.mean)
    if setting.expected is not None:
        out["schrodinger"], out["expected"] = setting.expected.quantum, np.sqrt(setting.expected.square)
    return out


class _Group:
    """Settings with arrays of the same shapes, written some at a time."""

    def __init__(self, group: Any, setting: Setting) -> None:
        self.group = group
        self.held: list[tuple[int, dict[str, NDArray[Any]]]] = []
        group["time"] = setting.time
        if setting.profile_time is not setting.time:
            group["profile_time"] = setting.profile_time
        group.create_dataset("setting", (0,), "i8", maxshape=(None,), chunks=(1024,))

    def add(self, row: int, arrays: dict[str, NDArray[Any]]) -> None:
        self.held.append((row, arrays))
        if len(self.held) >= AT_A_TIME:
            self.write()

    def write(self) -> None:
        """Put what is held below what stands there."""
        if not self.held:
            return
        first, more = self.group["setting"].shape[0], len(self.held)
        columns: dict[str, Any] = {"setting": np.array([row for row, _ in self.held])}
        columns |= {name: np.stack([arrays[name] for _, arrays in self.held]) for name in self.held[0][1]}
        for name, values in columns.items():
            data = self.group[name] if name in self.group else self._made(name, values)
            data.resize(first + more, axis=0)
            data[first:] = values
        self.held.clear()

    def _made(self, name: str, values: NDArray[Any]) -> Any:
        shape = values.shape[1:]
        rows = max(1, min(AT_A_TIME, (1 << 20) // max(1, 8 * int(np.prod(shape)))))
        sizes = {"maxshape": (None, *shape), "chunks": (rows, *shape)}
        data = self.group.create_dataset(name, (0, *shape), values.dtype, **sizes)
        told = DESCRIBED.get(name.removesuffix("_error"))
        if told is not None:
            what = "standard error of the mean over ensembles" if name.endswith("_error") else "mean over ensembles"
            data.attrs["units"], data.attrs["description"] = told.units, f"{told.description}: {what}"
            data.attrs["times"] = "profile_time" if told.name in PROFILES and "profile_time" in self.group else "time"
        return data


def _table(file: Any, rows: list[Row]) -> None:
    """The columns of the CSV."""
    group = file.create_group("table")
    flat = tables.flat(rows)
    for name in dict.fromkeys(name for row in flat for name in row):
        values = [row.get(name, float("nan")) for row in flat]
        texts = any(isinstance(value, str) for value in values)
        whole = all(isinstance(value, int) and abs(value) < 2**63 for value in values)
        kind = h5py.string_dtype() if texts else np.int64 if whole else np.float64
        values = [str(value) for value in values] if texts else values
        data = group.create_dataset(name.replace("/", "over"), data=values, dtype=kind)
        other = "value of a swept key" if "." in name else "at the end of the runs"
        data.attrs["description"] = MEANING.get(name, other)
