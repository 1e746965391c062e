"""Read results.h5, also while a run writes it or after one was killed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.system import System
from copympi.storage import systems

SCHEMA = 1
NAME = "results.h5"
FORMAT = ("v110", "v110")
"""Files are written so that HDF5 1.10 and all later ones can read them, whichever wrote them."""
FAILURES = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py makes of a disk that fails."""
DESCRIPTIONS = {
    "time": ("time", "times of the records"),
    "profile_time": ("time", "times of occupation, phase and all else that has an axis of beables"),
    "occupation": ("1", "n_a, members with each beable"),
    "phase": ("rad", "circular mean of the phases of a beable's members, in (-pi, pi]; NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n of a beable's members; NaN at n = 0"),
    "events": ("1", "copies since t = 0"),
    "coherence2": ("1", "|sum e^{2 i phi}|/n of a beable's members; NaN at n = 0"),
    "lineages": ("1", "distinct phases left among the members of a beable"),
    "fluctuation": ("1", "xi of n = N rho + sqrt(N) xi"),
    "phase_fluctuation": ("rad", "eta of phi = phi_0 + eta/sqrt(N), phi_0 the mean field's phase"),
    "regime": ("1", "how a beable's number is held: 0 empty, 1 whole number, 2 Gaussian about its mean"),
    "energy": ("1/time", "H/hbar of the alignment model (42)"),
    "mean_energy": ("energy", "<H> of Psi_a = sqrt(n_a/N) exp(-i phi_a) (34)"),
    "smallest": ("1", "smallest n_a of all beables"),
    "empty": ("1", "beables with n_a = 0"),
    "position": ("length", "<x> along each axis of the lattice"),
    "width": ("length", "sqrt(<x^2> - <x>^2) along each axis"),
    "momentum": ("momentum", "<p> along each axis: m d<x>/dt of Schroedinger's equation on the lattice, seam left out"),
    "quantum_potential": ("energy", "<V_Q> along each axis (60); their sum is that of the lattice"),
    "validity_occupation": ("1", "share of the members in beables with n_a < 20; n_a >> 1 (62) wants it small"),
    "validity_phase": ("1", "abar |dS/dx|/hbar along each axis, rms over members; (62) wants it small"),
}
PROFILES = (
    "occupation", "phase", "coherence", "coherence2", "lineages", "fluctuation", "phase_fluctuation", "regime",
)  # fmt: skip
"""Datasets with an axis of beables: where there is profile_time, these are their times."""
CODES = "0 empty, 1 whole number, 2 Gaussian"
"""What the numbers in `regime` mean."""


FOLDER = "profiles"


def place(folder: Path, number: int) -> Path:
    """Where a profile with a file of its own belongs."""
    return folder / FOLDER / f"{number}.h5"


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
            with h5py.File(place(self.folder, int(number)), "r", locking=False) as file:
                rows[:, k] = file[self.name][()].reshape(R, P)
        return rows[replica, slice(None) if np.ndim(numbers) else 0, beable]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)


def profiles_there(folder: Path, most: int) -> int:
    """How many of the first `most` profile files are there and in order, one after the other."""
    for number in range(most):
        try:
            with h5py.File(place(folder, number), "r", locking=False) as file:
                if not file.attrs["complete"]:
                    return number
        except FAILURES:
            return number
    return most


@dataclass(frozen=True)
class Results:
    """A results.h5 in memory. Arrays always carry the replica axis: occupation, phase (R, T', P), events (R, T).

    measured : all else that was recorded, by name: coherence and other profiles (R, T', P), energy (R, T), summaries
    (R, T) or (R, T, axes). sparse : times (T',) of the profiles where they are not those of the records. Profiles in
    files of their own stay there, as OnDisk, until they are asked for.
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

    @property
    def members(self) -> int:
        """N, exactly where the file says it; 0 where there is no record yet."""
        said = self.attributes.get("members")
        return int(said) if said is not None else int(self.occupation[0, :1].sum())

    @property
    def profile_time(self) -> NDArray[np.float64]:
        """Times (T',) of the profiles."""
        return self.time if self.sparse is None else self.sparse

    def profile(self, k: int) -> dict[str, NDArray[Any]]:
        """What there is of each beable at profile_time[k], by the names of datasets, (R, P) each."""
        there = {"occupation": self.occupation, "phase": self.phase, **self.measured}
        return {name: there[name][:, k] for name in PROFILES if name in there}


def read(place: Path) -> Results:
    """The results in a folder, or in a file. InputError where there are none."""
    path = place / NAME if place.is_dir() else place
    if not path.is_file():
        raise InputError("DIR", place, f"holds no {NAME}")
    try:
        with opened(path) as file:
            if "schema" not in file.attrs:
                raise InputError("DIR", path, "is not a results file of copympi")
            if int(file.attrs["schema"]) > SCHEMA:
                newer = f"has schema {int(file.attrs['schema'])}; this version of copympi reads up to {SCHEMA}"
                raise InputError("DIR", path, newer)
            return _results(path, file)
    except (OSError, KeyError) as problem:
        raise InputError("DIR", path, f"cannot be read: {' '.join(str(problem).split())}") from None


def _results(path: Path, file: Any) -> Results:
    group = file["system"]
    there = [name for name in DESCRIPTIONS if name in file and not name.endswith("time")]
    # beside a writer one dataset may be longer than another
    records, profiles = _lengths(file)
    if records == 0:
        raise InputError("DIR", path, "holds no record yet")
    replicated = file["events"].ndim == 2
    arrays: dict[str, Any] = {}
    for name in there:
        if file[name].is_virtual:
            shape = (file["events"].shape[0] if replicated else 1, profiles, int(group.attrs["P"]))
            arrays[name] = OnDisk(path.parent, name, shape, file[name].dtype)
            continue
        keep = slice(profiles if name in PROFILES else records)
        arrays[name] = file[name][:, keep] if replicated else file[name][keep][None]
    unit = str(file["time"].attrs.get("units", "1"))
    time, state = file["time"][:records], group["state"][()]
    n, phase, events = (arrays.pop(name) for name in ("occupation", "phase", "events"))
    unit = "" if unit == "1" else unit
    attributes = dict(file.attrs)
    if "members" in group.attrs:
        attributes["members"] = group.attrs["members"]
    sparse = file["profile_time"][:profiles] if "profile_time" in file else None
    return Results(path, attributes, systems.read(group), state, time, unit, n, phase, events, arrays, sparse)


def _lengths(file: Any) -> tuple[int, int]:
    """How many whole records a file holds, and how many profiles among them.

    Profiles reach the file before the times of their records.
    """
    axis = 1 if file["events"].ndim == 2 else 0
    there = [name for name in DESCRIPTIONS if name in file and not name.endswith("time")]
    thinned = "profile_time" in file
    count = {name: file[name].shape[axis] for name in there if not file[name].is_virtual}
    records = [file["time"].shape[0], *(k for name, k in count.items() if not (thinned and name in PROFILES))]
    if not thinned:
        return min(records), min(records)
    times, marks = file["time"][: min(records)], file["profile_time"][()]
    profiles = min([marks.size, *(k for name, k in count.items() if name in PROFILES)])
    if "occupation" not in count:
        profiles = profiles_there(Path(file.filename).parent, profiles)
    whole = times.size if profiles == marks.size else int(np.searchsorted(times, marks[profiles]))
    return whole, int(np.searchsorted(marks[:profiles], times[:whole].max(initial=-1.0), side="right"))


def is_complete(folder: Path) -> bool:
    """Whether the folder holds the results of a finished run."""
    try:
        with opened(folder / NAME) as file:
            return bool(file.attrs.get("complete", False))
    except OSError:
        return False


def records_held(folder: Path) -> int:
    """How many whole records the results in a folder hold; 0 where none can be read."""
    try:
        with opened(folder / NAME) as file:
            return _lengths(file)[0]
    except FAILURES:
        return 0


def is_foreign(folder: Path) -> bool:
    """Whether the folder holds a results file, in good order, that no run of copympi wrote."""
    try:
        with opened(folder / NAME) as file:
            return "schema" not in file.attrs and "complete" not in file.attrs
    except OSError:
        return False


def opened(path: Path) -> Any:
    """A results file to read, also one that a run is writing, or was when it was killed."""
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as problem:
        # a reader beside a writer tries again and again what it cannot make sense of: only where there was a writer
        if "h5clear" not in str(problem):
            raise
        return h5py.File(path, "r", libver="latest", swmr=True, locking=False)


def first_records(path: Path, keep: int) -> dict[str, NDArray[Any]]:
    """The first `keep` records of every dataset, with their profiles. OSError where the file holds fewer.

    Profiles in files of their own stay where they are; profile_time says how many of them there are.
    """
    with opened(path) as file:
        if _lengths(file)[0] < keep:
            raise OSError(f"{path} holds fewer than the {keep} records that came before the checkpoint")
        replicated = file["events"].ndim == 2
        profiles = keep
        if "profile_time" in file:
            profiles = int(np.searchsorted(file["profile_time"][()], file["time"][keep - 1], side="right"))
        out = {}
        for name in DESCRIPTIONS:
            if name in file and not file[name].is_virtual:
                some = slice(profiles if name in PROFILES or name == "profile_time" else keep)
                out[name] = file[name][(slice(None), some) if replicated and not name.endswith("time") else some]
        return out


def reason(problem: BaseException) -> str:
    """What the system says of a failure, in one line."""
    text = " ".join(str(problem).split())
    system = re.search(r"error message = '([^']+)'", text)  # how HDF5 quotes it
    return system[1] if system else getattr(problem, "strerror", None) or text
