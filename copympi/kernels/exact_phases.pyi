import numpy as np
from numpy.typing import NDArray

from copympi.kernels.classes import Classes
from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd

class Law:
    def __init__(
        self,
        couplings: Couplings,
        *,
        copying: float,
        smallest: float,
        seed: int,
        purpose: int,
        first_replica: int,
        work: int = 256,
    ) -> None: ...

def begin_members(law: Law, crowd: Crowd, *, paths: NDArray[np.float64]) -> None: ...
def advance_members(
    law: Law,
    crowd: Crowd,
    *,
    paths: NDArray[np.float64],
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    most: int,
    pause: float = 0.0,
) -> tuple[int, int, int, int]: ...
def begin_classes(law: Law, classes: Classes, *, paths: NDArray[np.float64]) -> None: ...
def advance_classes(
    law: Law,
    classes: Classes,
    *,
    paths: NDArray[np.float64],
    time_left: NDArray[np.float64],
    step: NDArray[np.int64],
    events: NDArray[np.float64],
    most: int,
    pause: float = 0.0,
) -> tuple[int, int, int, int]: ...
