import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

TERMS: int

class Guide:
    state: NDArray[np.complex128]
    mixing: float
    step: float
    astray: float
    crossing: float
    def __init__(self, couplings: Couplings, mixing: float) -> None: ...
    def planned(
        self, left: float, chance: float, smallest: float = 0.0
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]: ...
