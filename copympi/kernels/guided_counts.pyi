from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.guide import Guide
from copympi.kernels.tracker import Tracker

class Steps:
    def __init__(self, guide: Guide, *, seed: int, purpose: int, first_replica: int, chance: float) -> None: ...
    def advance(
        self,
        n: NDArray[Any],
        *,
        time_left: NDArray[np.float64],
        step: NDArray[np.int64],
        events: NDArray[np.float64],
        largest: NDArray[np.float64],
        end: float,
        smallest: float,
        max_steps: int,
        tracker: Tracker | None,
    ) -> int: ...
