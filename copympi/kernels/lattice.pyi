import numpy as np
from numpy.typing import NDArray

from copympi.kernels.bonds import Bonds
from copympi.kernels.flow_tracks import LatticeTracks
from copympi.kernels.step_control import StepControl

UNCOUNTED: int
COUNTED_TO: int

class Replicas:
    @property
    def in_mid_step(self) -> bool: ...
    def __init__(
        self,
        bonds: Bonds,
        *,
        first: int,
        total: NDArray[np.int64],
        members: NDArray[np.float64],
        n: NDArray[np.int64],
        c: NDArray[np.float64],
        mean: NDArray[np.float64] | None,
        time_left: NDArray[np.float64],
        step: NDArray[np.int64],
        events: NDArray[np.float64],
        largest_chance: NDArray[np.float64],
        substeps: NDArray[np.int64],
    ) -> None: ...
    def follow(self, bonds: Bonds) -> None: ...
    def track(self, tracks: LatticeTracks) -> None: ...
    def forget(self) -> None: ...

def advance(
    replicas: Replicas,
    control: StepControl,
    *,
    seed: int,
    purpose: int,
    substep_turn: float,
    effort: int,
    pause: float = 0.0,
) -> tuple[int, int, int]: ...
