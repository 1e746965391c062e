from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

MOST_POWER: float

class CopyRule:
    def __init__(
        self,
        couplings: Couplings,
        *,
        powers: NDArray[np.float64],
        order: NDArray[np.int64],
        copying: NDArray[np.float64],
        copying_shift: NDArray[np.float64],
        turning: NDArray[np.float64],
        turning_shift: NDArray[np.float64],
        function: Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]] | None = None,
    ) -> None: ...

class Room:
    def __init__(self, rule: CopyRule) -> None: ...

def velocity(
    rule: CopyRule,
    n: NDArray[np.float64],
    phase: NDArray[np.float64],
    omega: NDArray[np.float64],
    spectators: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
