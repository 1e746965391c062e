from typing import Final

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.marks import Marks
from copympi.kernels.tracker import Tracker

FINE: Final[int]
UNRESOLVED: Final[int]

class Paths:
    def __init__(
        self,
        couplings: Couplings,
        *,
        n: NDArray[np.int64],
        phase: NDArray[np.float64],
        time_left: NDArray[np.float64],
        step: NDArray[np.int64],
        events: NDArray[np.float64],
        keys: NDArray[np.uint64],
        spectators: int = 0,
    ) -> None: ...
    def watch(self, death: NDArray[np.float64], smallest: NDArray[np.int64], floor: NDArray[np.int64]) -> None: ...
    def name(self, ids: NDArray[np.uint32], offset: NDArray[np.int64]) -> None: ...
    def mark(self, marks: Marks | None) -> None: ...
    def advance(
        self,
        *,
        seed: int,
        purpose: int,
        names: int,
        smallest: float,
        max_steps: int,
        tracker: Tracker | None = None,
        stop: float = 0.0,
        pause: float = 0.0,
    ) -> tuple[int, int, int]: ...
