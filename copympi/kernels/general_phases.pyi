import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd
from copympi.kernels.general import CopyRule

class PhaseRule:
    @property
    def rule(self) -> CopyRule: ...
    @property
    def sums(self) -> int: ...
    @property
    def terms(self) -> int: ...
    def __init__(self, rule: CopyRule, *, degree: int) -> None: ...

def fields(
    rule: PhaseRule,
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.float64],
    sums: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None: ...
def move(
    rule: PhaseRule,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    fields: NDArray[np.float64],
    since: NDArray[np.float64],
    time: NDArray[np.float64],
) -> None: ...
def sum_up(
    rule: PhaseRule, crowd: Crowd, *, active: NDArray[np.uint8], scale: float, sums: NDArray[np.int64]
) -> None: ...
