import numpy as np
from numpy.typing import NDArray

class Couplings:
    @property
    def shift(self) -> float: ...
    @property
    def entries(self) -> int: ...
    def __init__(
        self,
        *,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int64],
        re: NDArray[np.float64],
        im: NDArray[np.float64],
        omega: NDArray[np.float64],
        level: NDArray[np.float64],
        pair: NDArray[np.int64],
        shift: float,
        norm: float,
    ) -> None: ...
