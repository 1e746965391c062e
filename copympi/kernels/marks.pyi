import numpy as np
from numpy.typing import NDArray

class Marks:
    def __init__(
        self,
        *,
        sizes: NDArray[np.int64],
        unit: NDArray[np.int64],
        ids: NDArray[np.int64],
        step: NDArray[np.int64],
        seed: int,
        purpose: int,
    ) -> None: ...
    @property
    def units(self) -> int: ...
    @property
    def beable(self) -> NDArray[np.int32]: ...
    def at(self, stop: float, *, shift: float = 0.0, turn: float = 0.0, since: float = 0.0) -> None: ...
    def look_up(self, ids: NDArray[np.uint32], offset: NDArray[np.int64], counts: NDArray[np.int64]) -> None: ...
    def copies(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]: ...
    def forget(self) -> None: ...
