import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings

TILE_SIZE: int
EMPTY_ROLE: int
CALM_ROLE: int
STIFF_ROLE: int
FINISHED_ROLE: int

def check(
    P: int,
    runs: NDArray[np.int64],
    run_at: NDArray[np.int64],
    sides: NDArray[np.int64],
    side_at: NDArray[np.int64],
    bonds: int,
) -> None: ...

class Bonds:
    @property
    def shift(self) -> float: ...
    @property
    def norm(self) -> float: ...
    @property
    def re(self) -> NDArray[np.float64]: ...
    @property
    def im(self) -> NDArray[np.float64]: ...
    @property
    def omega(self) -> NDArray[np.float64]: ...
    @property
    def most_bonds(self) -> int: ...
    def __init__(
        self,
        couplings: Couplings | None,
        runs: NDArray[np.int64],
        run_at: NDArray[np.int64],
        sides: NDArray[np.int64],
        side_at: NDArray[np.int64],
        re: NDArray[np.float64],
        im: NDArray[np.float64],
        omega: NDArray[np.float64],
        shift: float,
        norm: float,
        passed: tuple[int, int, int] = (0, -1, 1),
    ) -> None: ...
    def learn(
        self,
        beable: NDArray[np.int64],
        level: NDArray[np.float64],
        bond: NDArray[np.int64],
        re: NDArray[np.float64],
        im: NDArray[np.float64],
    ) -> None: ...

class Workspace:
    @property
    def large_n(self) -> bool: ...
    def __init__(self, bonds: Bonds, large_n: bool) -> None: ...
