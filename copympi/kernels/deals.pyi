import numpy as np
from numpy.typing import NDArray

def deal(
    moves: NDArray[np.int64],
    sources: NDArray[np.int64],
    there: NDArray[np.int64],
    *,
    blocks: int,
    first: int,
    last: int,
    keys: tuple[int, int, int, int, int],
) -> NDArray[np.int64]: ...
