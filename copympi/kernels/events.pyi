import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

class Events:
    def __init__(self, couplings: Couplings, angle: float) -> None: ...

def run(
    couplings: Couplings,
    *,
    seed: int,
    purpose: int,
    first_replica: int,
    duration: float,
    n: NDArray[np.int64],
    phase: NDArray[np.float64],
    angle: float,
    spectators: int = ...,
) -> NDArray[np.int64]: ...
