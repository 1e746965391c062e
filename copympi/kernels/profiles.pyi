import numpy as np
from numpy.typing import NDArray

def moments(start: float, middle: float, end: float, luck: NDArray[np.float64]) -> NDArray[np.float64]: ...
