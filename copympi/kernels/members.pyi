import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd
from copympi.kernels.flows import Scratch
from copympi.kernels.plans import StepPlans
from copympi.kernels.step_control import StepControl

BLOCK: int

def plan_half(
    couplings: Couplings,
    plans: StepPlans,
    control: StepControl,
    scratch: Scratch,
    half: int,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.int64],
    out: NDArray[np.int64],
    phase: NDArray[np.float64],
    time_left: NDArray[np.float64],
) -> tuple[int, int, int]: ...
def finish_step(
    couplings: Couplings,
    plans: StepPlans,
    *,
    active: NDArray[np.uint8],
    phase: NDArray[np.float64],
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    largest: NDArray[np.float64],
) -> None: ...
def move(
    couplings: Couplings,
    plans: StepPlans,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    step: NDArray[np.int64],
    half: int,
    n: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None: ...
