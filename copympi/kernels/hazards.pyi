import numpy as np
from numpy.typing import NDArray

from copympi.kernels.general import CopyRule
from copympi.kernels.marks import Marks
from copympi.kernels.tracker import Tracker

class Paths:
    def __init__(
        self,
        rule: CopyRule,
        *,
        n: NDArray[np.int64],
        phase: NDArray[np.float64],
        time_left: NDArray[np.float64],
        step: NDArray[np.int64],
        events: NDArray[np.float64],
        keys: NDArray[np.uint64],
        spectators: int = 0,
    ) -> None: ...
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
