import numpy as np
from numpy.typing import NDArray

from copympi.kernels.classes import Classes
from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd
from copympi.kernels.plans import FieldPlans

def copy_members(
    couplings: Couplings,
    plans: FieldPlans,
    crowd: Crowd,
    *,
    copying: float,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    step: NDArray[np.int64],
    inherit: bool,
    scale: float,
    powers: NDArray[np.int64],
    copies: NDArray[np.int64],
) -> None: ...
def copy_classes(
    couplings: Couplings,
    plans: FieldPlans,
    classes: Classes,
    *,
    copying: float,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    first_replica: int,
    step: NDArray[np.int64],
    events: NDArray[np.float64],
) -> None: ...
