"""Read results.h5, also while a run writes it or after one was killed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from copympi.errors import InputError
from copympi.model.system import System

SCHEMA = 1
NAME = "results.h5"
FORMAT = ("v110", "v110")
"""Files are written so that HDF5 1.10 and all later ones can read them, whichever wrote them."""
FAILURES = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py makes of a disk that fails."""
DESCRIPTIONS = {
    "time": ("time", "times of the records"),
    "occupation": ("1", "n_a, members with each beable"),
    "phase": ("rad", "circular mean of the phases of a beable's members, in (-pi, pi]; NaN at n = 0"),
    "coherence": ("1", "|sum e^{i phi}|/n of a beable's members; NaN at n = 0"),
    "events": ("1", "copies since t = 0"),
    "coherence2": ("1", "|sum e^{2 i phi}|/n of a beable's members; NaN at n = 0"),
    "lineages": ("1", "distinct phases left among the members of a beable"),
    "energy": ("1/time", "H/hbar of the alignment model (42)"),
}

NARROW = ("time", "events", "energy")
"""Datasets without an axis of beables; time alone has none of replicas either."""


@dataclass(frozen=True)
class Results:
    """A results.h5 in memory. Arrays always carry the replica axis: occupation, phase (R, T, P), events (R, T).

    measured : coherence, and where phases are not aligned coherence2, lineages (R, T, P) and energy (R, T).
    """

    path: Path
    attributes: dict[str, Any]
    system: System
    state: NDArray[np.complex128]
    time: NDArray[np.float64]
    time_unit: str
    occupation: NDArray[Any]
    phase: NDArray[np.float64]
    events: NDArray[Any]
    measured: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def members(self) -> int:
        """N; 0 where there is no record yet."""
        return int(self.occupation[0, :1].sum())


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
    parts = tuple(group[part][()] for part in ("data", "indices", "indptr"))
    hbar, P = float(group.attrs["hbar"]), int(group.attrs["P"])
    system = System(csr_array(parts, shape=(P, P)) * hbar, hbar, [x.decode() for x in group["labels"][()]])
    arrays = {name: file[name][()] for name in DESCRIPTIONS if name in file and name != "time"}
    if arrays["occupation"].ndim == 2:
        arrays = {name: values[None] for name, values in arrays.items()}
    # beside a writer one dataset may be longer than another
    records = min(file["time"].shape[0], *(values.shape[1] for values in arrays.values()))
    if records == 0:
        raise InputError("DIR", path, "holds no record yet")
    arrays = {name: values[:, :records] for name, values in arrays.items()}
    unit = str(file["time"].attrs.get("units", "1"))
    time, state = file["time"][:records], group["state"][()]
    n, phase, events = (arrays.pop(name) for name in ("occupation", "phase", "events"))
    unit = "" if unit == "1" else unit
    return Results(path, dict(file.attrs), system, state, time, unit, n, phase, events, arrays)


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
            there = [name for name in DESCRIPTIONS if name in file]
            return int(min(file[name].shape[-1 if name in NARROW else -2] for name in there))
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
    """The first `keep` records of every dataset in the file. OSError where it holds fewer."""
    with opened(path) as file:
        if min(file["time"].shape[0], file["events"].shape[-1]) < keep:
            raise OSError(f"{path} holds fewer than the {keep} records that came before the checkpoint")
        replicated = file["events"].ndim == 2
        there = [name for name in DESCRIPTIONS if name in file]
        along = {name: (slice(None),) * (replicated and name != "time") + (slice(keep),) for name in there}
        return {name: file[name][along[name]] for name in there}


def reason(problem: BaseException) -> str:
    """What the system says of a failure, in one line."""
    text = " ".join(str(problem).split())
    system = re.search(r"error message = '([^']+)'", text)  # how HDF5 quotes it
    return system[1] if system else getattr(problem, "strerror", None) or text
