from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

class Scratch:
    def __init__(self, couplings: Couplings) -> None: ...

def half_step(
    couplings: Couplings, n: Any, phase: Any, t: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
