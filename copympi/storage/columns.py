"""The columns of group `histories` of results.h5, a row a copy, and what of them is there and undamaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from copympi.errors import InputError, MachineError
from copympi.model.schedule import Schedule
from copympi.model.system import System
from copympi.records.paths import Paths
from copympi.records.quantity import RECORD_TIME, ROWS_DIGEST, ROWS_SO_FAR, TRACKED
from copympi.records.view import Arrays
from copympi.storage.hdf5 import opened, reason
from copympi.storage.layout import NAME

GROUP = "histories"
FOLLOWED = f"{GROUP}/tracked_member"
PIECE = 1 << 20
"""Rows that are read at a time."""


@dataclass(frozen=True)
class Column:
    """name : of the dataset. field : of Jumps, in memory. units : "time" stands for the run's unit of time."""

    name: str
    field: str
    dtype: Any
    units: str
    description: str


COLUMNS = (
    Column("time", "time", np.float64, "time", "when a member that is followed copied another, in order"),
    Column("replica", "replica", np.int32, "1", "in which replica"),
    Column("member", "member", np.int64, "1", "its id"),
    Column("from", "source", np.int32, "1", "its beable before"),
    Column("to", "target", np.int32, "1", "and after"),
    Column("phase", "phase", np.float64, "rad", "and its phase after, the value of the one that it copied"),
)
"""`phase` is there where members have phases of their own."""


def columns_in(file: Any) -> list[Column]:
    """The columns that a results file has; none where nobody is followed."""
    return [column for column in COLUMNS if f"{GROUP}/{column.name}" in file]


@cache
def _heads(columns: tuple[Column, ...]) -> list[bytes]:
    """What the digest of each column begins with."""
    return [f"{column.name} {np.dtype(column.dtype).str} ".encode() for column in columns]


class Digest:
    """A digest of rows that come piece by piece: the same however they are cut."""

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.hashers = [xxhash.xxh3_64(head) for head in _heads(tuple(self.columns))]

    def update(self, rows: list[NDArray[Any]]) -> None:
        """Rows of the columns, whatever types they have in memory."""
        for hasher, column, values in zip(self.hashers, self.columns, rows, strict=True):
            hasher.update(np.ascontiguousarray(values, column.dtype).view(np.uint8).data)

    def close(self) -> int:
        """The value, after which it begins anew."""
        value = self.value()
        self.clear()
        return value

    def value(self) -> int:
        return xxhash.xxh3_64(b"".join(hasher.digest() for hasher in self.hashers)).intdigest()


def there(file: Any) -> bool:
    """Whether the run of a results file follows anybody."""
    return GROUP in file


def followed(file: Any) -> NDArray[np.int64]:
    """The ids (M,) of those that are followed, ascending."""
    return np.asarray(file[FOLLOWED][()])


def held(file: Any, records: int) -> tuple[int, int]:
    """How many of the first `records` records have all their copies in the columns, and how many rows these are."""
    if not records:
        return 0, 0
    rows = file[ROWS_SO_FAR][:records]
    least = min(file[f"{GROUP}/{column.name}"].shape[0] for column in columns_in(file))
    count = int(np.searchsorted(rows, least, side="right"))
    return count, int(rows[count - 1]) if count else 0


def matching(file: Any, records: int) -> int:
    """How many of the first `records` records have all their copies in the columns, and such as match their digests.

    One after the other, from the first record on.
    """
    count, rows = held(file, records)
    ends, noted = file[ROWS_SO_FAR][:count], file[ROWS_DIGEST][:count]
    return _alike(columns_in(file), _pieces(file, columns_in(file), 0, rows), ends, noted)


def rows_held(folder: Path, meta: dict[str, Any]) -> bool:
    """Whether the results in a folder hold all copies that were told before a checkpoint (`meta`), undamaged."""
    if "rows" not in meta:
        return True
    try:
        with opened(folder / NAME) as file:
            return _whole_up_to(file, int(meta["record"]), int(meta["rows"]), int(meta["rows_digest"]))
    except Exception:  # whatever HDF5 makes of damage
        return False


def _whole_up_to(file: Any, records: int, rows: int, noted: int) -> bool:
    """Whether the columns have so many rows, and those after the first `records` records have this digest."""
    columns, first = columns_in(file), int(file[ROWS_SO_FAR][records - 1]) if records else 0
    if not first <= rows <= min(file[f"{GROUP}/{column.name}"].shape[0] for column in columns):
        return False
    return digest_of(file, first, rows).value() == noted


def digest_of(file: Any, first: int, last: int) -> Digest:
    """The digest of rows first .. last - 1."""
    columns = columns_in(file)
    digest = Digest(columns)
    for _, rows in _pieces(file, columns, first, last):
        digest.update(rows)
    return digest


def _newest_matching(file: Any, records: int) -> int:
    """The same, from the last record backwards to the first one that has copies and matches: those before are trusted.

    Reads the rows of a record or two, not all.
    """
    count, _ = held(file, records)
    ends, noted, columns = file[ROWS_SO_FAR][:count], file[ROWS_DIGEST][:count], columns_in(file)
    known = count
    for k in reversed(range(count)):
        first, last = int(ends[k - 1]) if k else 0, int(ends[k])
        pieces = _pieces(file, columns, first, last)
        if not _alike(columns, pieces, np.array([last - first]), noted[k : k + 1]):
            known = k
        elif last > first:
            break
    return known


def _alike(
    columns: list[Column], pieces: Iterable[tuple[int, list[NDArray[Any]]]], ends: Any, noted: NDArray[np.uint64]
) -> int:
    """How many records' rows match their digests, one after the other. ends : the first row past each record."""
    digest, record, count = Digest(columns), 0, len(noted)
    for at, rows in pieces:
        size, done = len(rows[0]), 0
        while record < count and ends[record] < at + size:
            place = int(ends[record]) - at
            digest.update([values[done:place] for values in rows])
            if digest.value() != noted[record]:
                return record
            digest, record, done = Digest(columns), record + 1, place
        digest.update([values[done:] for values in rows])
    while record < count:  # those that end with the last row
        if digest.value() != noted[record]:
            return record
        digest, record = Digest(columns), record + 1
    return record


def _pieces(file: Any, columns: list[Column], first: int, last: int) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """Rows of the columns piece by piece, each with the number of its first row, counted from `first`."""
    for at in range(first, last, PIECE):
        some = slice(at, min(at + PIECE, last))
        yield at - first, [file[f"{GROUP}/{column.name}"][some] for column in columns]


@dataclass(frozen=True)
class Stored:
    """The columns of a results file up to a record, which are read, and checked, when they are asked for.

    Pickled it is but the path and that number, so that each rank reads for itself.
    """

    path: Path
    records: int

    def __call__(self) -> Arrays:
        """InputError where this process cannot read the file, MachineError where rows do not match their digests."""
        try:
            with opened(self.path) as file:
                return self._read(file)
        except (MachineError, MemoryError):
            raise
        except Exception as problem:  # whatever HDF5 makes of a file that is not there, or damaged
            why = f"cannot be read by this process ({reason(problem)}): ask on one that sees it, or copympi.load a copy"
            raise InputError("histories", self.path, why) from None

    def _read(self, file: Any) -> Arrays:
        columns, (count, rows) = columns_in(file), held(file, self.records)
        found = {column.field: file[f"{GROUP}/{column.name}"][:rows] for column in columns}
        whole = [(0, [found[column.field] for column in columns])] if rows else []
        known = _alike(columns, whole, file[ROWS_SO_FAR][:count], file[ROWS_DIGEST][:count])
        if known < self.records:
            raise MachineError(f"{self.path} {_damaged(known)}")
        found |= {"tracked_member": followed(file), RECORD_TIME: file[RECORD_TIME][: self.records]}
        return found | {TRACKED: file[TRACKED][..., : self.records, :]}


def _damaged(known: int) -> str:
    return f"is damaged: the histories from record {known} on do not match their digest"


def found(
    path: Path, file: Any, records: int, system: System, schedule: Schedule, unit: str, thorough: bool
) -> Paths | None:
    """What members that were followed did up to a record; None where nobody was. MachineError where it is damaged.

    Of a run that goes on, or was killed, copies up to the last records may be missing: they are on the disk up to a
    checkpoint. Then it is known what they did up to an earlier record. thorough : all rows are checked now; else the
    last ones, and all when they are asked for.
    """
    if not there(file):
        return None
    known = matching(file, records) if thorough else _newest_matching(file, records)
    if file.attrs["complete"] and known < records:
        raise MachineError(f"{path} {_damaged(known)}")
    data = file[TRACKED]
    replicas = data.shape[0] if data.ndim == 3 else 1
    rows = held(file, known)[1]
    return Paths(Stored(path.absolute(), known), rows, replicas, system, schedule, unit) if known else None
