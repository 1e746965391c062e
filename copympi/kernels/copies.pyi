import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd
from copympi.kernels.plans import FieldPlans

def copy(
    couplings: Couplings,
    plans: FieldPlans,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    proposals: NDArray[np.int64],
    value: NDArray[np.float64],
    luck: NDArray[np.float64],
    scale: float,
    powers: NDArray[np.int64],
    copies: NDArray[np.int64],
) -> None: ...
