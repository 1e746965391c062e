import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.plans import FieldPlans

def drift(
    couplings: Couplings,
    plans: FieldPlans,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    sums: NDArray[np.float64],
    since: NDArray[np.float64],
) -> None: ...
