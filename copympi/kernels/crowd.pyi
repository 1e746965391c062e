import numpy as np
from numpy.typing import NDArray

from copympi.kernels.marks import Marks

class Crowd:
    def __init__(
        self,
        *,
        replicas: int,
        ids: NDArray[np.uint32],
        offset: NDArray[np.int64],
        unit: NDArray[np.int64],
        counts: NDArray[np.int32],
        values: NDArray[np.float64] | None = None,
        spectators: NDArray[np.int32] | None = None,
    ) -> None: ...
    def mark(self, marks: Marks | None) -> None: ...
