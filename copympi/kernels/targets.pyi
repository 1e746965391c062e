from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

class Targets:
    def __init__(self, couplings: Couplings, most: int) -> None: ...

def picks(seed: int, weight: Any, count: int) -> NDArray[np.int64]: ...
