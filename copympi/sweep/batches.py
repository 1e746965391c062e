"""DIR/batches/*.h5: results of many small runs in a file, there as a whole or not at all.

A file of its own costs a run 1.7 ms. Here runs with arrays of the same names, types and shapes stand one below the
other, in a group for each such sort: `name` (K,) the point's folder, `steps`, `largest_chance`, `seconds` (K,), and the
arrays of a Run in the group `arrays`, (K, ...). Attribute `failures`: name -> why a run failed, as JSON.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time as clock
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from copympi import __version__, mpi
from copympi.engine.arithmetic import arithmetic
from copympi.errors import MachineError
from copympi.records.quantity import TABLE
from copympi.storage import sealed
from copympi.storage.results import libraries
from copympi.sweep.folder import BATCHES
from copympi.text import one_line

FULL = 8 << 20
"""Bytes that a batch holds at most, but for its last run."""
DAMAGED = ".damaged"


@dataclass(frozen=True)
class Result:
    """What came out of a run: arrays by name, as Run has them; steps, largest_chance and seconds too."""

    name: str
    arrays: dict[str, NDArray[Any]]
    steps: int
    largest_chance: float
    seconds: float


@dataclass
class Batch:
    """Results that wait to be written, or were read; `failures`: name of a point -> why its run failed."""

    results: list[Result] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    bytes: int = 0

    def add(self, result: Result) -> None:
        self.results.append(result)
        self.bytes += sum(values.nbytes for values in result.arrays.values())

    def __bool__(self) -> bool:
        return bool(self.results or self.failures)


def write(folder: Path, batch: Batch) -> None:
    """Put a batch on the disk, under a name that follows from what it holds. OSError where the disk fails."""
    held = "".join([*(result.name for result in batch.results), "failed", *batch.failures])
    path = folder / BATCHES / f"{xxhash.xxh3_64_hexdigest(held.encode())}.h5"
    sealed.write(path, lambda file: _fill(file, batch), sealed.SWEEP)


def _fill(file: Any, batch: Batch) -> None:
    file.attrs.update({
        "version": __version__, "libraries": libraries(), "cpu": arithmetic(), "mpi": mpi.name(),
        "hostname": platform.node(), "ended": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "failures": json.dumps(batch.failures),
    })  # fmt: skip
    sorts: dict[Any, list[Result]] = {}
    for result in batch.results:
        sorts.setdefault(tuple((n, v.dtype.str, v.shape) for n, v in result.arrays.items()), []).append(result)
    told = {row.name: row for row in TABLE}
    for k, results in enumerate(sorts.values()):
        group = file.create_group(str(k))
        group["name"] = np.array([result.name for result in results], "S32")
        for column in ("steps", "largest_chance", "seconds"):
            group[column] = np.array([getattr(result, column) for result in results])
        for name in results[0].arrays:
            data = group.create_dataset(f"arrays/{name}", data=np.stack([result.arrays[name] for result in results]))
            if name in told:
                data.attrs["units"], data.attrs["description"] = told[name].units, told[name].description


def paths(folder: Path) -> list[Path]:
    """The batches in a sweep's folder."""
    return sorted((folder / BATCHES).glob("[0-9a-f]*.h5"))


def read(path: Path) -> Batch:
    """A batch from the disk. MachineError where it is damaged."""
    batch = Batch()
    try:
        with sealed.opened(path, sealed.SWEEP) as file:
            batch.failures = json.loads(file.attrs["failures"])
            for group in file.values():
                arrays = {name: data[()] for name, data in group["arrays"].items()}
                columns = (group[c][()].tolist() for c in ("name", "steps", "largest_chance", "seconds"))
                for k, (name, *numbers) in enumerate(zip(*columns, strict=True)):
                    batch.add(Result(name.decode(), {n: values[k] for n, values in arrays.items()}, *numbers))
    except (OSError, KeyError, ValueError) as problem:
        raise MachineError(f"{path} cannot be read: {problem}") from None
    return batch


def fail_together(comm: Any, problem: str) -> None:
    """MachineError on every rank where the disk failed on one. Collective."""
    text = mpi.first_text(comm, problem)
    if text:
        raise MachineError(text)


def names(folder: Path, rank: int, size: int) -> tuple[set[str], int]:
    """Names of the points whose results stand in this rank's share of the batches, and how many files were damaged:
    these are put aside. OSError where the disk fails."""
    found: set[str] = set()
    damaged = 0
    for path in paths(folder)[rank::size]:
        try:
            found |= {result.name for result in read(path).results}
        except MachineError as problem:
            print(f"copympi: {one_line(str(problem))}; its runs are made again", file=sys.stderr, flush=True)
            damaged += 1
            with suppress(FileNotFoundError):  # another job on this folder was first
                os.replace(path, path.with_suffix(DAMAGED))
    return found, damaged


class Reader:
    """Results of points by their names, with a few batches in memory at a time: ask for neighbours one by one."""

    KEPT = 8

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place: dict[str, Path] = {}
        self.failures: dict[str, str] = {}
        self._open: OrderedDict[Path, dict[str, Result]] = OrderedDict()
        for path in paths(folder):
            batch = self._read(path)
            if batch is not None:
                self.place |= {result.name: path for result in batch.results}
                self.failures |= batch.failures
        for name in self.place.keys() & self.failures.keys():  # a later start made it
            del self.failures[name]

    def _read(self, path: Path) -> Batch | None:
        try:
            return read(path)
        except MachineError as problem:
            again = "go on with `copympi sweep` to make its runs again"
            print(f"copympi: warning: {one_line(str(problem))}; {again}", file=sys.stderr, flush=True)
            return None

    def get(self, name: str) -> Result | None:
        """The result of a point; None where no batch has it."""
        path = self.place.get(name)
        if path is None:
            return None
        if path not in self._open:
            while len(self._open) >= self.KEPT:
                self._open.popitem(last=False)
            batch = self._read(path)
            self._open[path] = {} if batch is None else {result.name: result for result in batch.results}
        self._open.move_to_end(path)
        return self._open[path].get(name)
