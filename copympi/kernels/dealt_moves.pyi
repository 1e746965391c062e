import numpy as np
from numpy.typing import NDArray

from copympi.kernels.crowd import Crowd
from copympi.kernels.ways import Ways

def move_half(
    ways: Ways,
    crowd: Crowd,
    *,
    chance: NDArray[np.float64],
    profile: NDArray[np.float64] | None,
    window: NDArray[np.float64],
    last: NDArray[np.float64],
    row: NDArray[np.int64],
    keys: tuple[int, int, NDArray[np.int64]],
    half: int,
    n: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None: ...
def carry_out(
    crowd: Crowd,
    own: NDArray[np.int64],
    moves: NDArray[np.int64],
    course: NDArray[np.float64],
    *,
    unit: int,
    keys: tuple[int, int, int],
    left: float,
    length: float,
    last: NDArray[np.float64],
    n: NDArray[np.int64],
) -> None: ...
