"""The names of the axes that recorded quantities have, in results.h5 and in xarray alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.labels import Labels
from copympi.records.quantity import PROFILES, TABLE, TIMES

AXES = {row.name: row.axes for row in TABLE}


def dimensions(name: str, rank: int, several: bool, thinned: bool) -> tuple[str, ...]:
    """The names of the `rank` axes of a quantity: replica, time or profile_time, beable, axis, or NAME_component.

    several : whether there is an axis of replicas. thinned : whether profiles have times of their own. A quantity of a
    user's own has replica, time and, if there is one more, its components.
    """
    if name in TIMES:
        return (name,)
    axes = AXES.get(name, ("replica", "time", "component"))
    when = "profile_time" if thinned and name in PROFILES else "time"
    names = {"time": when, "component": f"{name}_component"}
    return tuple(names.get(axis, axis) for axis in axes if axis != "replica" or several)[:rank]


def beable_names(system: Any) -> NDArray[Any]:
    """What stands along an axis of beables, (P,): their names as str where a user named them, else their numbers."""
    labels = system.labels
    shape = (system.P,) if system.lattice is None else system.lattice.shape
    plain = isinstance(labels, Labels) or Labels(shape) == labels
    return np.arange(system.P) if plain else np.array([str(label) for label in labels])
