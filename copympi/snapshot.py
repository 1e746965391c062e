"""What a recorder is shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Snapshot:
    """All replicas at a record: n, phase (R, P); events (R,) copies since t = 0; steps of all together;
    largest_chance of any member to leave in one step so far."""

    n: NDArray[np.int64]
    phase: NDArray[np.float64]
    events: NDArray[np.float64]
    steps: int
    largest_chance: float
