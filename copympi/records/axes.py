"""The names of the axes that recorded quantities have, in results.h5 and in xarray alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.labels import Labels
from copympi.records.quantity import HISTORIES, MARGINAL, PROFILES, RECORD, TABLE, TIMES

AXES = {row.name: row.axes for row in (*TABLE, *HISTORIES)}


def dimensions(name: str, rank: int, several: bool, thinned: bool) -> tuple[str, ...]:
    """The names of the `rank` axes of a quantity: replica, time or profile_time, beable, ..., NAME_component.

    several : whether there is an axis of replicas. thinned : whether profiles have times of their own. A quantity of a
    user's own has replica, time and, if there is one more, its components.
    """
    if name in TIMES:
        return (name,)
    own = f"beable_{name.removeprefix(MARGINAL)}" if name.startswith(MARGINAL) else "component"
    axes = AXES.get(name, (*RECORD, own))
    when = "profile_time" if thinned and name in PROFILES else "time"
    names = {"time": when, "component": f"{name}_component"}
    return tuple(names.get(axis, axis) for axis in axes if axis != "replica" or several)[:rank]


def names_along(axis: str, system: Any, size: int) -> NDArray[Any]:
    """What stands along an axis of that size: names of beables, of pairs of parts ("A,B"), or numbers."""
    parts = system.parts
    if axis == "beable":
        return beable_names(system)
    if parts is not None and axis.startswith("beable_"):
        return np.array(parts[parts.number(axis.removeprefix("beable_"), axis)].labels)
    if parts is not None and axis in ("pair_of_parts", "pair_of_qubits"):
        return np.array(parts.pair_names(parts.pairs if axis == "pair_of_parts" else parts.qubit_pairs))
    return np.arange(size)


def beable_names(system: Any) -> NDArray[Any]:
    """What stands along an axis of beables, (P,): their names as str where a user named them, else their numbers."""
    labels = system.labels
    shape = (system.P,) if system.lattice is None else system.lattice.shape
    plain = system.parts is None and (isinstance(labels, Labels) or Labels(shape) == labels)
    return np.arange(system.P) if plain else np.array([str(label) for label in labels])
