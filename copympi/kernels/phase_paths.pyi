import numpy as np
from numpy.typing import NDArray

NUMBERS: int

def sums_of(n: NDArray[np.int64], *, paths: NDArray[np.float64]) -> NDArray[np.complex128]: ...
