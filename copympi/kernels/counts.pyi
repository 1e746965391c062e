import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.step_control import StepControl
from copympi.kernels.tracker import Tracker

def advance(
    couplings: Couplings,
    control: StepControl,
    *,
    keys: tuple[int, int, int, int],
    n: NDArray[np.int64],
    phase: NDArray[np.float64],
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    largest: NDArray[np.float64],
    max_steps: int,
    tracker: Tracker | None = None,
    times: tuple[float, float] = (0.0, 0.0),
) -> tuple[int, int, int, int]: ...
