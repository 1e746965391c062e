"""What a recorder is shown, and what a checkpoint holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Snapshot:
    """All replicas at a record: n, phase (R, P); events (R,) copies since t = 0; steps of all together;
    largest_chance of any member to leave in one step so far; coherence (R, P) |sum e^{i phi}|/n where members have
    phases of their own, and `more` that such runs record, by the names of quantities, (R, ...). n is float64 for N
    beyond 2^63. Where n and phase were not gathered they are (R, 0)."""

    n: NDArray[Any]
    phase: NDArray[np.float64]
    events: NDArray[np.float64]
    steps: int
    largest_chance: float
    coherence: NDArray[np.float64] | None = None
    more: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """All that an ensemble needs to go on, as this rank holds it. What belongs to units is split among ranks.

    units : how many there are on all ranks (blocks of members, or replicas); this rank has first .. last - 1.
    columns : per unit, (last - first, ...). ragged : name -> (all values of this rank's units in one row, how many
    each unit has). common : alike on every rank.
    """

    units: int
    first: int
    last: int
    columns: dict[str, NDArray[Any]]
    ragged: dict[str, tuple[NDArray[Any], NDArray[np.int64]]]
    common: dict[str, NDArray[Any]]
