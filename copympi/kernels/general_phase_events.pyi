import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd
from copympi.kernels.general_phases import PhaseRule

class Law:
    def __init__(
        self,
        rule: PhaseRule,
        *,
        scale: float,
        smallest: float,
        seed: int,
        purpose: int,
        first_replica: int,
        work: int = 256,
    ) -> None: ...

def sums_of(law: Law, crowd: Crowd, replicas: int) -> NDArray[np.complex128]: ...
def advance(
    law: Law,
    crowd: Crowd,
    *,
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    max_steps: int,
) -> tuple[int, int, int, int]: ...
