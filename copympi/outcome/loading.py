"""A Run from a results folder: of a run that is finished, that was stopped, or that still goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from copympi.errors import InputError, MachineError
from copympi.outcome.histories import Histories
from copympi.outcome.run import Run
from copympi.storage import guard, reading
from copympi.text import shorten


def load(place: Any) -> Run:
    """The Run in a results folder, or in its results.h5, with the arrays that copympi.simulate returned.

    place : str or path. The folder, or its results.h5.

    Its `complete` says whether it has come to its end. Else it still goes on, or was stopped: the records that are
    there are given, and steps, largest_chance and seconds are those of no record (0, NaN, NaN). Any number of
    processes may read at the same time, beside the run too.

    Raises InputError where there are no results, or no record yet, and MachineError where they are damaged; one line.
    """
    try:
        path = Path(place)
    except TypeError:
        raise InputError("DIR", place, "must be a path") from None
    guard.check(path / reading.NAME if path.is_dir() else path)
    return from_results(path)


def from_results(path: Path) -> Run:
    """The Run in a folder or file that is known to do HDF5 no harm. Raises what `load` raises."""
    data = reading.read(path)
    said = data.attributes
    arrays = {"occupation": data.occupation, "phase": data.phase, "events": data.events, **data.measured}
    one = len(data.events) == 1
    arrays = {name: np.asarray(values)[0] if one else np.asarray(values) for name, values in arrays.items()}
    try:
        config = tomlkit.parse(str(said["config"])).unwrap()
    except Exception as problem:  # of a file without digests
        raise MachineError(f"{data.path} is damaged: {shorten(str(problem))}") from None
    arrays["time"] = data.time
    if data.sparse is not None:
        arrays["profile_time"] = data.sparse
    steps, largest = int(said.get("steps", 0)), float(said.get("largest_chance", np.nan))
    return Run.of(
        arrays, steps, largest, float(said.get("seconds", np.nan)),
        complete=bool(said["complete"]), config=config, system=data.system, path=data.path.parent, state=data.state,
        schedule=data.schedule, histories=None if data.histories is None else Histories.of_paths(data.histories),
    )  # fmt: skip
