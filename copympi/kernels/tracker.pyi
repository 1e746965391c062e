from typing import Any

import numpy as np
from numpy.typing import NDArray

class Tracker:
    place: NDArray[np.int32]
    def __init__(
        self,
        start: NDArray[np.int32],
        *,
        replicas: int,
        places: int,
        first_replica: int,
        seed: int,
        purposes: tuple[int, int],
    ) -> None: ...
    def order(self, out: NDArray[np.int32]) -> None: ...
    def restore(self, order: NDArray[np.int32]) -> None: ...
    def empty(self, gone: NDArray[np.bool_]) -> None: ...
    @property
    def waiting(self) -> int: ...
    def take(self, ids: NDArray[np.int64], finer: int, phases: bool) -> dict[str, NDArray[Any]]: ...

def shares(u: NDArray[np.float64], first: float, last: float) -> NDArray[np.float64]: ...
