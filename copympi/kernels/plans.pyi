import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

class Plans:
    rows: NDArray[np.float64]
    step: NDArray[np.float64]
    time_left: NDArray[np.float64]
    largest: NDArray[np.float64]
    limiting: NDArray[np.float64]
    def first_failure(self, active: NDArray[np.uint8]) -> tuple[int, int, int]: ...

class StepPlans(Plans):
    chance: NDArray[np.float64]
    phase: NDArray[np.float64]
    def __init__(self, couplings: Couplings, replicas: int) -> None: ...

class FieldPlans(Plans):
    maps: NDArray[np.float64]
    def __init__(self, couplings: Couplings, replicas: int) -> None: ...
