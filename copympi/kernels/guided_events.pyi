import numpy as np
from numpy.typing import NDArray

from copympi.kernels.guide import Guide
from copympi.kernels.tracker import Tracker

def advance(
    guide: Guide,
    n: NDArray[np.int64],
    psi: NDArray[np.float64],
    draws: tuple[int, int, int],
    *,
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    end: float,
    smallest: float,
    max_steps: int,
    tracker: Tracker | None,
    pause: float = 0.0,
) -> tuple[int, int, int]: ...
