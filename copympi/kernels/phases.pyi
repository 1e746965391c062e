import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd

NUMBERS: int

def unit_circle(angle: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def map_members(crowd: Crowd, *, maps: NDArray[np.float64], due: NDArray[np.uint8]) -> None: ...
def sum_powers(crowd: Crowd, *, scale: float, due: NDArray[np.uint8], powers: NDArray[np.int64]) -> None: ...
def sums_of_mapped(
    *,
    active: NDArray[np.uint8],
    n: NDArray[np.int64],
    powers: NDArray[np.int64],
    scale: float,
    maps: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None: ...
