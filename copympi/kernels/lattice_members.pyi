import numpy as np
from numpy.typing import NDArray

from copympi.kernels.bonds import Bonds
from copympi.kernels.step_control import StepControl
from copympi.kernels.ways import Ways

class LatticeStep:
    length: float
    def __init__(
        self,
        bonds: Bonds,
        ways: Ways,
        *,
        chance: NDArray[np.float64],
        profile: NDArray[np.float64] | None = None,
    ) -> None: ...
    def follow(self, bonds: Bonds) -> None: ...
    @property
    def largest_chance(self) -> float: ...
    @property
    def substeps(self) -> int: ...
    def begin(
        self,
        control: StepControl,
        n: NDArray[np.int64],
        c: NDArray[np.float64],
        *,
        time_left: float,
        largest_chance: float,
        substeps: int,
        keys: tuple[int, int, int, int],
        substep_turn: float,
    ) -> int: ...
    def moved(self, n: NDArray[np.int64], out: NDArray[np.int64]) -> None: ...
    def run_clusters(self, effort: int) -> bool: ...
    def moves(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
    def second(self) -> None: ...
    def finish(self, n: NDArray[np.int64]) -> None: ...
