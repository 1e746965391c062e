from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.kernels.class_tracks import ClassTracks

class Classes:
    def __init__(self, *, n: Any, z: NDArray[np.float64], count: Any, spectators: NDArray[np.int64]) -> None: ...
    def follow(self, tracks: ClassTracks) -> None: ...
