import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd
from copympi.kernels.general_phases import PhaseRule
from copympi.kernels.plans import FieldPlans

def copy(
    rule: PhaseRule,
    plans: FieldPlans,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    proposals: NDArray[np.int64],
    value: NDArray[np.float64],
    luck: NDArray[np.float64],
    growth: NDArray[np.float64],
    copies: NDArray[np.int64],
    n: NDArray[np.float64] | None = None,
    sums: NDArray[np.float64] | None = None,
    since: NDArray[np.float64] | None = None,
) -> None: ...
def copy_members(
    rule: PhaseRule,
    plans: FieldPlans,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    step: NDArray[np.int64],
    copies: NDArray[np.int64],
    n: NDArray[np.float64] | None = None,
    sums: NDArray[np.float64] | None = None,
    since: NDArray[np.float64] | None = None,
) -> None: ...
