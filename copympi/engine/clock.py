"""Where steps must end: a run's stops, the time left to the next one, and each stop's share of the tolerance.

Steps depend on the stops that lie ahead of them and on nothing beyond, so never on the duration: a run that is made
longer has the same steps as one that was so long from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Times = TypeVar("Times", float, NDArray[np.float64])


class StopKind(Enum):
    """What happens at a stop."""

    START = "start"
    RECORD = "record"


@dataclass(frozen=True)
class Stop:
    """A time at which a step must end.

    number : 1, 2, ... in order of time. length : from the stop before to this one, > 0.
    """

    number: int
    time: float
    length: float
    kind: StopKind = StopKind.RECORD

    @property
    def share(self) -> float:
        """Which part of a run's tolerance the steps to this stop may use up.

        The tolerance is shared out over endlessly many stops: stop k gets ln 2 (1/ln(k+1) - 1/ln(k+2)) of it, which
        sums to 1 and falls little faster than 1/k.
        """
        return log(2.0) * (1.0 / log(self.number + 1) - 1.0 / log(self.number + 2))

    def at(self, time_left: Times) -> Times:
        """The time of who has `time_left` to go to this stop."""
        return self.time - time_left


START = Stop(0, 0.0, 0.0, StopKind.START)
"""Where every run begins."""


def record(number: int, interval: float) -> Stop:
    """The stop of record `number`, counted from 1, where records lie `interval` apart."""
    return Stop(number, number * interval, interval)


def records(interval: float, first: int, last: int) -> Iterator[Stop]:
    """The stops of the records from number `first` to number `last`."""
    return (record(number, interval) for number in range(first, last + 1))
