import numpy as np
from numpy.typing import NDArray

def first_of_each(group: NDArray[np.int32], x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]: ...
