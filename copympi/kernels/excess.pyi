from typing import Final

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

FINE: Final[int]
UNRESOLVED: Final[int]

class Forms:
    def __init__(
        self,
        *,
        energy: NDArray[np.float64],
        vr: NDArray[np.float64],
        vi: NDArray[np.float64],
        mr: NDArray[np.float64],
        mi: NDArray[np.float64],
        end: NDArray[np.float64],
    ) -> None: ...

class Paths:
    def __init__(
        self,
        couplings: Couplings,
        forms: Forms,
        *,
        n: NDArray[np.int64],
        phase: NDArray[np.float64],
        time_left: NDArray[np.float64],
        step: NDArray[np.int64],
        events: NDArray[np.float64],
        death: NDArray[np.float64],
        jumps: NDArray[np.float64],
        held: NDArray[np.float64],
        keys: NDArray[np.uint64],
        spectators: int = 0,
    ) -> None: ...
    def advance(self, *, seed: int, purpose: int, smallest: float, max_steps: int) -> tuple[int, int, int]: ...
