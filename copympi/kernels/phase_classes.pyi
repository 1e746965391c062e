import numpy as np
from numpy.typing import NDArray

from copympi.kernels.classes import Classes
from copympi.kernels.couplings import Couplings
from copympi.kernels.plans import FieldPlans

def map_classes(
    classes: Classes, *, active: NDArray[np.uint8], maps: NDArray[np.float64], sums: NDArray[np.float64]
) -> None: ...
def copy(
    couplings: Couplings,
    plans: FieldPlans,
    classes: Classes,
    *,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    first_replica: int,
    step: NDArray[np.int64],
    events: NDArray[np.float64],
) -> None: ...
