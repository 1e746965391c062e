import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd

SUMS: int
NUMBERS: int

def felt(
    couplings: Couplings, *, n: NDArray[np.int64], sums: NDArray[np.float64], strength: float, mean: bool, twice: bool
) -> NDArray[np.float64]: ...
def midpoints(
    crowd: Crowd,
    *,
    mid: NDArray[np.float64],
    numbers: NDArray[np.float64],
    half: NDArray[np.float64],
    twice: int,
    active: NDArray[np.uint8],
) -> None: ...
def sum_up(
    crowd: Crowd, *, values: NDArray[np.float64], active: NDArray[np.uint8], scale: float, p_scale: NDArray[np.float64]
) -> NDArray[np.int64]: ...
def end(crowd: Crowd, *, mid: NDArray[np.float64], keep: NDArray[np.float64], active: NDArray[np.uint8]) -> None: ...
