"""Read results.h5, also while a run writes it or after one was killed."""

from __future__ import annotations

import time as clock
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError, MachineError
from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.records.paths import Paths
from copympi.records.quantity import PROFILES, TIMES
from copympi.storage import columns, digests, systems
from copympi.storage.hdf5 import opened as opened
from copympi.storage.hdf5 import reason as reason
from copympi.storage.layout import CODES as CODES
from copympi.storage.layout import NAME as NAME
from copympi.storage.layout import SCHEMA as SCHEMA
from copympi.storage.layout import axis, has_beables, is_sparse, recorded
from copympi.storage.layout import place as place

NEEDED = ("time", "occupation", "phase", "events")
LOOKS = 3
"""How often records that do not match their digests are read again, beside a run that may be writing them."""


class OnDisk:
    """A dataset (R, T', P) in profile files, read when it is asked for: [replicas, times, beables], or all of it."""

    ndim = 3

    def __init__(self, folder: Path, name: str, shape: tuple[int, int, int], dtype: Any) -> None:
        self.folder, self.name, self.shape, self.dtype = folder, name, shape, dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        replica, when, beable = (*(key if isinstance(key, tuple) else (key,)), slice(None), slice(None))[:3]
        R, times, P = self.shape
        numbers = np.arange(times)[when]
        rows = np.empty((R, np.size(numbers), P), self.dtype)
        for k, number in enumerate(np.atleast_1d(numbers)):
            with opened(place(self.folder, int(number))) as file:
                rows[:, k] = file[self.name][()].reshape(R, P)
        return rows[replica, slice(None) if np.ndim(numbers) else 0, beable]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


def profiles_there(folder: Path, most: int, verified: bool = False) -> int:
    """How many of the first `most` profile files are there and in order, one after the other.

    verified : and match their digests, where they have one.
    """
    for number in range(most):
        try:
            with opened(place(folder, number)) as file:
                if not file.attrs["complete"]:
                    return number
                if verified and "digest" in file.attrs:
                    values = {name: data[()] for name, data in file.items()}
                    if digests.of_arrays(values) != file.attrs["digest"]:
                        return number
        except Exception:  # whatever HDF5 makes of damage
            return number
    return most


@dataclass(frozen=True)
class Results:
    """A results.h5 in memory. Arrays always carry the replica axis: occupation, phase (R, T', P), events (R, T).

    measured : all else that was recorded, by name: coherence and other profiles (R, T', P), energy (R, T), summaries
    (R, T) or (R, T, axes), what a user observed (R, T) or (R, T, k). sparse : times (T',) of the profiles where they
    are not those of the records. Profiles in files of their own stay there, as OnDisk, until they are asked for.

    verified : whether there are digests, and all that is here matches them. torn : records at the end of a run that is
    not finished which do not: they were being written, or are damaged; they are left out. schedule : the systems that
    come after `system`, and when. histories : what members that were followed did; None where nobody was.
    """

    path: Path
    attributes: dict[str, Any]
    system: System
    state: NDArray[np.complex128]
    time: NDArray[np.float64]
    time_unit: str
    occupation: Any
    phase: Any
    events: NDArray[Any]
    measured: dict[str, Any] = field(default_factory=dict)
    sparse: NDArray[np.float64] | None = None
    verified: bool = False
    torn: int = 0
    schedule: Schedule = NOTHING
    histories: Paths | None = None

    @property
    def members(self) -> int:
        """N, exactly where the file says it; 0 where there is no record yet; 1, the sum of shares, where N = inf."""
        said = self.attributes.get("members")
        if self.infinite:
            return 1
        return int(said) if said is not None else int(self.occupation[0, :1].sum())

    @property
    def infinite(self) -> bool:
        """Whether it is the infinite ensemble, whose occupations are shares of the members."""
        return str(self.attributes.get("members")) == "inf"

    @property
    def number(self) -> float:
        """N, for people."""
        return float("inf") if self.infinite else self.members

    @property
    def profile_time(self) -> NDArray[np.float64]:
        """Times (T',) of the profiles."""
        return self.time if self.sparse is None else self.sparse

    @property
    def filtered(self) -> bool:
        """Whether members leave by filters: then N is another at other times, and in other replicas."""
        return "members" in self.measured

    def shares(self, n: Any) -> NDArray[np.float64]:
        """n (..., P) as parts of N, which is that of the time and the replica; NaN where nobody is left."""
        counts = np.asarray(n)
        if not self.filtered:
            return np.asarray(counts / float(self.members))
        with np.errstate(invalid="ignore"):
            return np.asarray(counts / counts.sum(axis=-1, keepdims=True, dtype=float))

    def profile(self, k: int) -> dict[str, NDArray[Any]]:
        """What there is of each beable at profile_time[k], by the names of datasets, (R, P) each."""
        there = {"occupation": self.occupation, "phase": self.phase, **self.measured}
        return {name: there[name][:, k] for name in PROFILES if name in there}


def read(place: Path, thorough: bool = False) -> Results:
    """The results in a folder, or in a file, verified. InputError where there are none, MachineError where damaged.

    thorough : histories too; else these are when they are asked for.
    """
    path = place / NAME if place.is_dir() else place
    if not path.exists():
        raise InputError("DIR", place, f"holds no {NAME}")
    for _ in range(LOOKS):  # a run may be writing just these records
        try:
            found = _read(path, thorough)
            if not found.torn:
                return found
        except InputError as problem:
            if "truncated file" not in str(problem):
                raise
        clock.sleep(0.05)
    return _read(path, thorough)


def _read(path: Path, thorough: bool) -> Results:
    try:
        with opened(path) as file:
            if "schema" not in file.attrs:
                raise InputError("DIR", path, "is not a results file of copympi")
            if int(file.attrs["schema"]) > SCHEMA:
                newer = f"has schema {int(file.attrs['schema'])}; this version of copympi reads up to {SCHEMA}"
                raise InputError("DIR", path, newer)
            return _results(path, file, thorough)
    except (InputError, MachineError):
        raise
    except Exception as problem:  # whatever HDF5 makes of damage
        raise InputError("DIR", path, f"cannot be read: {reason(problem)}") from None


def _results(path: Path, file: Any, thorough: bool) -> Results:
    group = file["system"]
    for name in NEEDED:
        _ = file[name]  # KeyError that names what is missing
    there = [name for name in recorded(file) if name not in TIMES and not name.startswith(f"{columns.GROUP}/")]
    # beside a writer one dataset may be longer than another
    records, profiles = lengths(file)
    if records == 0:
        raise InputError("DIR", path, "holds no record yet")
    whole, profiles = trusted(file)
    records, torn = whole, records - whole
    if digests.there(file):
        problem = digests.wrong_parts(file)
        if torn and (file.attrs["complete"] or not whole):
            problem = problem or f"record {whole} does not match its digest"
        if problem:
            raise MachineError(f"{path} is damaged: {problem}")
    replicated = file["events"].ndim == 2
    arrays: dict[str, Any] = {}
    for name in there:
        if file[name].is_virtual:
            shape = (file["events"].shape[0] if replicated else 1, profiles, int(group.attrs["P"]))
            arrays[name] = OnDisk(path.parent, name, shape, file[name].dtype)
            continue
        keep = slice(profiles if has_beables(name) else records)
        arrays[name] = file[name][:, keep] if replicated else file[name][keep][None]
    unit = str(file["time"].attrs.get("units", "1"))
    time, state = file["time"][:records], group["state"][()]
    n, phase, events = (arrays.pop(name) for name in ("occupation", "phase", "events"))
    unit = "" if unit == "1" else unit
    attributes = dict(file.attrs)
    if "members" in group.attrs:
        attributes["members"] = group.attrs["members"]
    sparse = file["profile_time"][:profiles] if "profile_time" in file else None
    try:
        system = systems.read(group)
        schedule = systems.read_schedule(file, system)
    except InputError as bad:
        raise InputError("DIR", path, f"cannot be read: {bad}") from None
    verified = digests.there(file)
    return Results(
        path, attributes, system, state, time, unit, n, phase, events, arrays, sparse, verified, torn, schedule,
        columns.found(path, file, records, system, schedule, unit, thorough),
    )  # fmt: skip


def trusted(file: Any) -> tuple[int, int]:
    """How many records of a file are whole and match their digests, and how many profiles among them.

    Records are counted from the first one on, up to the first that does not. Without digests all whole ones count.
    """
    records, profiles = lengths(file)
    if not digests.there(file):
        return records, profiles
    records = digests.matching(file, digests.RECORDS, records)
    if "profile_time" not in file:
        return records, records
    fine = digests.matching(file, digests.PROFILE_ROWS, profiles)
    if file["occupation"].is_virtual:
        fine = profiles_there(Path(file.filename).parent, fine, verified=True)
    times, marks = file["time"][:records], file["profile_time"][:profiles]
    if fine < profiles:  # the record that this profile belongs to is not whole
        times = times[: int(np.searchsorted(times, marks[fine]))]
    return times.size, int(np.searchsorted(marks[:fine], times.max(initial=-1.0), side="right"))


def lengths(file: Any) -> tuple[int, int]:
    """How many whole records a file holds, and how many profiles among them.

    Profiles reach the file before the times of their records.
    """
    lead, thinned = file["events"].ndim == 2, "profile_time" in file
    there = [name for name in recorded(file) if name not in TIMES and not file[name].is_virtual]
    count = {name: file[name].shape[axis(name, lead)] for name in there}
    records = [file["time"].shape[0], *(k for name, k in count.items() if not (thinned and has_beables(name)))]
    if not thinned:
        return min(records), min(records)
    times, marks = file["time"][: min(records)], file["profile_time"][()]
    profiles = min([marks.size, *(k for name, k in count.items() if has_beables(name))])
    if "occupation" not in count:
        profiles = profiles_there(Path(file.filename).parent, profiles)
    whole = times.size if profiles == marks.size else int(np.searchsorted(times, marks[profiles]))
    return whole, int(np.searchsorted(marks[:profiles], times[:whole].max(initial=-1.0), side="right"))


def records_held(folder: Path) -> int:
    """How many records the results in a folder hold that are whole and undamaged; 0 where none can be read."""
    try:
        with opened(folder / NAME) as file:
            records = trusted(file)[0]
            return columns.matching(file, records) if columns.there(file) else records
    except Exception:  # whatever HDF5 makes of damage
        return 0


def first_records(path: Path, keep: int, most: int | None = None) -> dict[str, NDArray[Any]]:
    """The first `keep` records of every dataset, with their profiles. OSError where the file holds fewer.

    most : profiles that these records have in the run that goes on. There may be one more: that of the end of a run
    that has become longer. Profiles in files of their own stay where they are; profile_time says how many count.
    """
    with opened(path) as file:
        if trusted(file)[0] < keep:
            raise OSError(f"{path} holds fewer than the {keep} records that came before the checkpoint")
        replicated = file["events"].ndim == 2
        profiles = keep
        if "profile_time" in file:
            there = int(np.searchsorted(file["profile_time"][()], file["time"][keep - 1], side="right"))
            profiles = there if most is None else min(there, most)
        out = {}
        for name in recorded(file):
            if not file[name].is_virtual:
                some = slice(profiles if is_sparse(name) else keep)
                out[name] = file[name][(slice(None), some) if axis(name, replicated) else some]
        return out
