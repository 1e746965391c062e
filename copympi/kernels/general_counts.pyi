import numpy as np
from numpy.typing import NDArray

from copympi.kernels.general import CopyRule
from copympi.kernels.plans import StepPlans
from copympi.kernels.step_control import StepControl
from copympi.kernels.tracker import Tracker

class Work:
    def __init__(self, rule: CopyRule) -> None: ...

def plan_half(
    work: Work,
    plans: StepPlans,
    control: StepControl,
    half: int,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.int64],
    out: NDArray[np.int64],
    phase: NDArray[np.float64],
    time_left: NDArray[np.float64],
) -> tuple[int, int, int]: ...
def advance(
    work: Work,
    control: StepControl,
    *,
    keys: tuple[int, int, int],
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
