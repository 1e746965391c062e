from typing import Final

class StepControl:
    members: Final[float]
    step: Final[float]
    leaving_chance: Final[float]
    error_rate: Final[float]
    smallest: Final[float]
    spectators: Final[int]
    tolerance: Final[float]
    def __init__(
        self,
        *,
        members: float,
        step: float,
        leaving_chance: float,
        error_rate: float,
        smallest: float,
        spectators: int,
        tolerance: float = ...,
    ) -> None: ...
