import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd
from copympi.kernels.general_phases import PhaseRule
from copympi.kernels.plans import FieldPlans
from copympi.kernels.step_control import StepControl

PARTS: int

def choose(
    rule: PhaseRule,
    plans: FieldPlans,
    control: StepControl,
    angle: float,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    sums: NDArray[np.float64],
    since: NDArray[np.float64],
    time_left: NDArray[np.float64],
) -> None: ...
def part(
    rule: PhaseRule, crowd: Crowd, *, active: NDArray[np.uint8], scale: float, parts: NDArray[np.int64]
) -> None: ...
def chances(
    rule: PhaseRule,
    plans: FieldPlans,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    parts: NDArray[np.int64],
    growth: NDArray[np.float64],
) -> None: ...
