import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.plans import FieldPlans
from copympi.kernels.step_control import StepControl

def choose(
    couplings: Couplings,
    plans: FieldPlans,
    control: StepControl,
    angle: float,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    sums: NDArray[np.float64],
    since: NDArray[np.float64],
    besides: NDArray[np.float64],
    time_left: NDArray[np.float64],
) -> None: ...
def chances(
    couplings: Couplings,
    plans: FieldPlans,
    *,
    copying: float,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    sums: NDArray[np.float64],
    since: NDArray[np.float64],
) -> None: ...
def finish(
    plans: FieldPlans,
    *,
    active: NDArray[np.uint8],
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    largest: NDArray[np.float64],
) -> None: ...
