from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.guide import Guide
from copympi.kernels.tracker import Tracker

def advance(
    guide: Guide,
    n: NDArray[Any],
    *,
    seed: int,
    purpose: int,
    first_replica: int,
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    largest: NDArray[np.float64],
    chance: float,
    smallest: float,
    max_steps: int,
    tracker: Tracker | None = None,
    end: float = 0.0,
) -> int: ...
