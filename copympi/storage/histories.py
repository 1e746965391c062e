"""Group `histories` of results.h5: what single systems did, a row a copy, in columns that grow while a run goes on.

Columns are compressed chunk by chunk. Beside readers (SWMR) a chunk that is written again takes new room in the file,
so whole chunks are written, once; the rest of the rows waits in memory until a checkpoint, the end, or as long as what
was written twice is little. `rows` says how many rows belong to the records so far, `digest` what they are: one for
the rows of each record, however they came. A run that goes on keeps the chunks of the file before as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.tracking import Jumps
from copympi.records.plan import Plan
from copympi.records.quantity import RECORD_TIME, ROWS_DIGEST, ROWS_SO_FAR, TRACKED
from copympi.records.view import Arrays
from copympi.storage.columns import COLUMNS, FOLLOWED, GROUP, Digest, columns_in, digest_of, matching
from copympi.storage.hdf5 import opened
from copympi.storage.packing import DEEP, FILTERS, Aside, Columns, Packer

CHUNK = 1 << 15
"""Rows of a chunk of every column."""
MANY = 4
"""A run stops where rows cannot be written and so many times as many wait as may."""
KEPT = 8
"""Rows that wait are copied where so many times as many came with them, whose memory they would keep."""
SHARE, LEAST = 8, 4 << 20
"""Chunks may be written again while that took at most so many bytes, and one of so many parts of all."""


def create(file: Any, ids: NDArray[np.int64], phases: bool, unit: str) -> None:
    """Empty columns in a new results file, and who is followed, (M,)."""
    for column in COLUMNS:
        if column.name == "phase" and not phases:
            continue
        data = file.create_dataset(
            f"{GROUP}/{column.name}", shape=(0,), maxshape=(None,), chunks=(CHUNK,), dtype=column.dtype, **FILTERS
        )
        data.attrs["units"] = unit if column.units == "time" else column.units
        data.attrs["description"] = column.description
    packed = FILTERS if len(ids) > CHUNK else {}
    data = file.create_dataset(FOLLOWED, data=ids, **packed)
    data.attrs["units"], data.attrs["description"] = "1", "ids of the members that are followed"


def attach_scales(file: Any, replicas: int) -> None:
    """Name the axes: rows by `time`, records by `record_time`, members by `tracked_member`."""
    group = file[GROUP]
    for name in ("time", "record_time", "tracked_member"):
        group[name].make_scale(name)
    for column in columns_in(file)[1:]:
        group[column.name].dims[0].attach_scale(group["time"])
    for name in (ROWS_SO_FAR, ROWS_DIGEST):
        file[name].dims[0].attach_scale(file[RECORD_TIME])
    data = file[TRACKED]
    if replicas > 1:
        group["tracked_replica"] = np.arange(replicas)
        group["tracked_replica"].make_scale("tracked_replica")
        data.dims[0].attach_scale(group["tracked_replica"])
    data.dims[data.ndim - 2].attach_scale(file[RECORD_TIME])
    data.dims[data.ndim - 1].attach_scale(group["tracked_member"])


class Histories:
    """What ResultsFile has to write besides where members are followed. Use on the root alone.

    phases : whether copies come with phases. In the file, in whole chunks, are rows up to `base`, and perhaps some of
    those that follow, up to `written`; what comes after `base` is in memory: chunks, and `rest`, less than a chunk.
    """

    def __init__(self, ids: NDArray[np.int64], phases: bool, unit: str, replicas: int) -> None:
        self.ids, self.phases, self.unit, self.replicas = ids, phases, unit, replicas
        self.columns = [column for column in COLUMNS if phases or column.name != "phase"]
        self.row = sum(column.dtype().itemsize for column in self.columns)
        self.digest, self.aside = Digest(self.columns), Aside()
        self.chunks, self.rest, self.resting = Packer([c.dtype for c in self.columns]), self._no_rows(), 0
        self.marks: list[tuple[float, int, Callable[[], int]]] = []
        self.data: list[Any] = []
        self.base, self.written, self.wasted = 0, 0, 0

    def _no_rows(self) -> Columns:
        return [[] for _ in self.columns]

    def create(self, file: Any) -> None:
        """All datasets of a new file but those of records, which are there."""
        create(file, self.ids, self.phases, self.unit)
        attach_scales(file, self.replicas)

    def take_over(self, file: Any, path: Path, rows: int | None, marked: int = 0) -> None:
        """The first `rows` rows of the file before, into a new one, which is then the one to write to.

        None : this attempt wrote the file before, and all that was taken out of memory. marked : so many belong to
        records; those that follow, to the next one.
        """
        self.data = [file[f"{GROUP}/{column.name}"] for column in self.columns]  # see hdf5.writing
        self.wasted = 0
        if rows is not None:
            self.base, self.resting = rows - rows % CHUNK, rows % CHUNK
        self.written = self.base
        if not (self.base or rows):
            return
        with opened(path) as old:
            if rows is None:
                whole = int(np.searchsorted(old[ROWS_SO_FAR][()], self.base, side="right"))
                if matching(old, whole) < whole:
                    raise OSError(f"histories in {path} are no longer what was written")
            for column, data, rest in zip(self.columns, self.data, self.rest, strict=True):
                before = old[f"{GROUP}/{column.name}"]
                _copy_chunks(before, data, self.base)
                if rows is not None:
                    rest.append(before[self.base : rows])
            if rows is not None:
                self.digest = digest_of(old, marked, rows)

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self.base + CHUNK * len(self.chunks) + self.resting

    @property
    def overfull(self) -> bool:
        """Whether far more rows wait to be written than should."""
        return len(self.chunks) > MANY * DEEP

    def follow(self, jumps: Jumps) -> bool:
        """Copies since the last ones, in order. Returns whether many rows wait to be written."""
        if (jumps.phase is None) == self.phases:
            raise RuntimeError(f"copies of tracked members come {'without' if self.phases else 'with'} phases")
        rows = [getattr(jumps, column.field) for column in self.columns]
        self.aside.do(lambda: self.digest.update(rows), len(jumps))
        for rest, values in zip(self.rest, rows, strict=True):
            rest.append(values)
        self.resting += len(jumps)
        while self.resting >= CHUNK:  # what the last part has beyond the chunk begins the next one
            self.resting -= CHUNK
            over = len(self.rest[0][-1]) - self.resting
            self.chunks.put([[*rest[:-1], rest[-1][:over]] for rest in self.rest])
            self.rest = [[rest[-1][over:]] for rest in self.rest]
        if len(self.rest[0]) == 1:  # a few rows do not keep all that they came with
            self.rest = [[rows.copy() if KEPT * len(rows) < len(jumps) else rows] for (rows,) in self.rest]
        return len(self.chunks) > DEEP

    def mark(self, time: float) -> None:
        """A record: the copies up to it have come."""
        self.marks.append((time, self.rows, self.aside.do(self.digest.close, 0)))

    def told(self) -> dict[str, int]:
        """How many rows there are, and the digest of those since the last record."""
        return {"rows": self.rows, "rows_digest": self.aside.do(self.digest.value, 0)()}

    def marked(self) -> Arrays:
        """What goes into the file with the records that wait there."""
        time, rows, digest = zip(*self.marks, strict=True)
        return {
            RECORD_TIME: np.array(time), ROWS_SO_FAR: np.array(rows, np.int64),
            ROWS_DIGEST: np.array([value() for value in digest], np.uint64),
        }  # fmt: skip

    def write(self, file: Any, everything: bool = False) -> None:
        """Write the chunks that are ready, and the rest where that costs little, or `everything` has to be there."""
        ready = self.chunks.ready(everything)
        end = self.base + CHUNK * len(ready)
        for data, *chunks in zip(self.data, *ready, strict=True) if ready else ():
            if data.shape[0] < end:
                data.id.set_extent((end,))
            for k, values in enumerate(chunks):
                data.id.write_direct_chunk((self.base + k * CHUNK,), values)
        cheap = self.wasted + self.resting * self.row <= LEAST + self.rows * self.row // SHARE
        rest = len(ready) == len(self.chunks) and self.rows > max(self.written, end) and (everything or cheap)
        if rest:
            self.rest = [[np.concatenate(rows)] for rows in self.rest]
            for data, (rows,) in zip(self.data, self.rest, strict=True):
                data.resize(end + self.resting, axis=0)
                data[end:] = rows
            self.wasted += self.resting * self.row
        if not (ready or rest):
            return
        file.flush()  # only what has left HDF5 may leave memory
        self.written = self.rows if rest else max(end, self.written)
        self.base = end
        self.chunks.drop(len(ready))


def histories_of(plan: Plan) -> Histories | None:
    """What writes the histories of a run's tracked members; None where nobody is followed."""
    if plan.track is None:
        return None
    unit, replicas = plan.config.output.time_unit or "1", plan.config.dynamics.replicas
    return Histories(plan.track, "unaligned" in plan.traits, unit, replicas)


def _copy_chunks(before: Any, data: Any, rows: int) -> None:
    """The first rows of a column, a multiple of CHUNK, as they lie in another file."""
    data.resize(rows, axis=0)
    same = before.chunks == data.chunks and before.dtype == data.dtype
    for at in range(0, rows, CHUNK):
        if same:
            mask, packed = before.id.read_direct_chunk((at,))
            data.id.write_direct_chunk((at,), packed, mask)
        else:
            data[at : at + CHUNK] = before[at : at + CHUNK]
