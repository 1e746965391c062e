"""Digests in results.h5: a 64-bit XXH3 for each record, each profile, the system, and all attributes.

They are functions of the values alone, so they are the same for any ranks, MPI library and writer. Group `digests`:
`records` (T,), each over the record's row of every dataset of the records' times; `profiles` (T',), the same over
what has times of its own, where profiles have; attributes `system`, over all in group `system`, `attributes`, over
those of the file and its datasets, and `end`, over those that the end of the run adds. A profile in a file of its own
has its digest as an attribute there; copies of members that are followed have theirs beside them (columns.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import h5py
import numpy as np
import xxhash
from numpy.typing import NDArray

from copympi.storage import columns
from copympi.storage.layout import MARGINALS, OBSERVED, SETTINGS, axis, is_sparse, recorded

GROUP = "digests"
RECORDS, PROFILE_ROWS = "records", "profiles"
BEGINNING = (
    "schema", "config", "version", "seed", "ranks", "mpi", "libraries", "build", "started", "hostname", OBSERVED,
    MARGINALS, "method", "method_why", SETTINGS,
)  # fmt: skip
END = ("complete", "seconds", "steps", "largest_chance", "ended")
"""Attributes that a results file has from the beginning, if it has them, and those that its end adds."""
PIECE = 16 << 20
"""Bytes that are read at a time."""


def create(file: Any, thinned: bool) -> None:
    """Room for digests in a new results file."""
    group = file.create_group(GROUP)
    told = {RECORDS: "XXH3 of a record's row of every dataset, by name"}
    if thinned:
        told[PROFILE_ROWS] = "XXH3 of a profile's row of every dataset that has the times of profiles, by name"
    for name, description in told.items():
        data = group.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(4096,), dtype=np.uint64)
        data.attrs["units"], data.attrs["description"] = "1", description


def seal(file: Any) -> None:
    """Note the digests of the system and of the attributes that a run begins with."""
    noted = file[GROUP].attrs
    noted["system"] = of_group(file["system"])
    noted["attributes"] = of_attributes(file, BEGINNING)


def seal_end(file: Any) -> None:
    """Note the digest of the attributes that a run ends with."""
    file[GROUP].attrs["end"] = of_attributes(file, END)


def of_rows(values: dict[str, NDArray[Any]], lead: bool) -> NDArray[np.uint64]:
    """One digest for each row: over name, type and row of every array, as they stand in the file."""
    parts = []
    for name, array in sorted(values.items()):
        rows = np.ascontiguousarray(np.moveaxis(array, axis(name, lead), 0))
        parts.append((f"{name} {array.dtype.str} ".encode(), rows.reshape(len(rows), -1).view(np.uint8)))
    out = np.zeros(len(parts[0][1]), np.uint64)
    for k in range(len(out)):
        hasher = xxhash.xxh3_64()
        for head, rows in parts:
            hasher.update(head)
            hasher.update(rows[k].data)
        out[k] = hasher.intdigest()
    return out


def of_arrays(values: dict[str, NDArray[Any]]) -> np.uint64:
    """One digest for arrays by name: over name, type, shape and values."""
    whole = {name: np.ascontiguousarray(array) for name, array in sorted(values.items())}
    return of_pieces((name, array.dtype, array.shape, [array]) for name, array in whole.items())


def of_pieces(arrays: Iterable[tuple[str, np.dtype[Any], tuple[int, ...], Iterable[NDArray[Any]]]]) -> np.uint64:
    """The same of arrays that come piece by piece: (name, type, shape, pieces in order), by name."""
    hasher = xxhash.xxh3_64()
    for name, dtype, shape, pieces in arrays:
        hasher.update(f"{name} {dtype.str} {shape} ".encode())
        for piece in pieces:
            hasher.update(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
    return np.uint64(hasher.intdigest())


def of_group(group: Any) -> np.uint64:
    """One digest for all datasets and attributes in a group and the groups in it."""
    hasher = xxhash.xxh3_64()

    def take(name: str, item: Any) -> None:
        hasher.update(f"{name} ".encode() + _attributes(item))
        if isinstance(item, h5py.Dataset):
            hasher.update(of_arrays({name: item[()]}).tobytes())

    take("", group)
    for name in sorted(_names(group)):
        take(name, group[name])
    return np.uint64(hasher.intdigest())


def of_attributes(file: Any, names: tuple[str, ...]) -> np.uint64:
    """One digest for such attributes of a results file, for units and descriptions of datasets, and who is followed.

    Attributes that users add are no damage.
    """
    hasher = xxhash.xxh3_64(_attributes(file, names))
    rows = [f"{columns.GROUP}/{column.name}" for column in columns.columns_in(file)]
    for name in (*recorded(file), *rows):
        hasher.update(f"{name} ".encode() + _attributes(file[name], ("units", "description", "codes")))
    if rows:
        hasher.update(of_arrays({columns.FOLLOWED: file[columns.FOLLOWED][()]}).tobytes())
    return np.uint64(hasher.intdigest())


def _names(group: Any) -> list[str]:
    found: list[str] = []
    group.visit(found.append)
    return found


def _attributes(item: Any, names: tuple[str, ...] | None = None) -> bytes:
    """Attributes in one row of bytes: those of such `names`, or all."""
    parts = []
    for name in sorted(item.attrs if names is None else (name for name in names if name in item.attrs)):
        value = item.attrs[name]
        text = isinstance(value, str)
        array = np.asarray(value)
        told = value.encode("utf-8", "surrogateescape") if text else array.tobytes()
        parts.append(f"{name} {'text' if text else array.dtype.str} {len(told)} ".encode() + told)
    return b"".join(parts)


def there(file: Any) -> bool:
    """Whether a results file has digests; version 0.1 wrote none."""
    return GROUP in file


def datasets(file: Any, kind: str) -> list[str]:
    """The datasets that the digests of `kind` cover."""
    thinned = "profile_time" in file
    own = [name for name in recorded(file) if not file[name].is_virtual]
    sparse = [name for name in own if thinned and is_sparse(name)]
    return sparse if kind == PROFILE_ROWS else [name for name in own if name not in sparse]


def matching(file: Any, kind: str, most: int) -> int:
    """How many of the first `most` rows of a kind match their digests, one after the other."""
    noted = file[GROUP][kind]
    most = min(most, noted.shape[0])
    names = datasets(file, kind)
    lead = file["events"].ndim == 2
    for start, stop in _pieces(file, names, lead, most):
        values = {}
        for name in names:
            some = slice(start, stop)
            values[name] = file[name][(slice(None), some) if axis(name, lead) else some]
        wrong = np.flatnonzero(of_rows(values, lead) != noted[start:stop])
        if wrong.size:
            return start + int(wrong[0])
    return most


def _pieces(file: Any, names: list[str], lead: bool, most: int) -> Iterator[tuple[int, int]]:
    """Rows (first, one past last) of about PIECE bytes each, whole chunks at a time where these are small."""
    row = 1
    for name in names:
        shape, at = file[name].shape, axis(name, lead)
        row += file[name].dtype.itemsize * int(np.prod([n for k, n in enumerate(shape) if k != at], dtype=object))
    step = max(1, PIECE // row)
    for start in range(0, most, step):
        yield start, min(most, start + step)


def wrong_parts(file: Any) -> str:
    """Which of the system and the attributes does not match its digest, if either does not."""
    noted = file[GROUP].attrs
    if of_attributes(file, BEGINNING) != noted["attributes"]:
        return "its attributes do not match their digest"
    if file.attrs["complete"] and of_attributes(file, END) != noted["end"]:
        return "its last attributes do not match their digest"
    if of_group(file["system"]) != noted["system"]:
        return "its group system does not match its digest"
    return ""
