import numpy as np
from numpy.typing import NDArray

from copympi.kernels.couplings import Couplings
from copympi.kernels.crowd import Crowd
from copympi.kernels.plans import FieldPlans

def draw_numbers(
    couplings: Couplings,
    plans: FieldPlans,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    step: NDArray[np.int64],
    proposals: NDArray[np.int64],
) -> int: ...
def draw_proposals(
    couplings: Couplings,
    crowd: Crowd,
    *,
    active: NDArray[np.uint8],
    seed: int,
    purpose: int,
    step: NDArray[np.int64],
    n: NDArray[np.int64],
    proposals: NDArray[np.int64],
    partner: NDArray[np.int64],
    group: NDArray[np.int32],
    luck: NDArray[np.float64],
) -> None: ...
def route(
    *,
    first: NDArray[np.int64],
    base: NDArray[np.int64],
    partner: NDArray[np.int64],
    group: NDArray[np.int32],
    cuts: NDArray[np.int64],
    place: NDArray[np.int64],
    at: NDArray[np.int64],
    asked: NDArray[np.int64],
) -> None: ...
def in_stream_order(*, at: NDArray[np.int64], answers: NDArray[np.float64], value: NDArray[np.float64]) -> None: ...
def answer(
    *,
    begin: NDArray[np.int64],
    where: NDArray[np.int64],
    place: NDArray[np.int64],
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    values: NDArray[np.float64],
    value: NDArray[np.float64],
) -> None: ...
