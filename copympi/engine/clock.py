"""Where steps must end: a run's stops, the time left to the next one, and each stop's share of the tolerance.

Steps depend on the stops that lie ahead of them and on nothing beyond, so never on the duration: a run that is made
longer has the same steps as one that was so long from the start.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import floor, log
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Times = TypeVar("Times", float, NDArray[np.float64])


class StopKind(Enum):
    """What happens at a stop."""

    START = "start"
    RECORD = "record"
    """And what the schedule has for that time, after the record."""
    SWITCH = "switch"
    """No record: something of the schedule alone, a switch of H or a filter."""


@dataclass(frozen=True)
class Stop:
    """A time at which a step must end.

    number : 1, 2, ... in order of time. length : from the stop before to this one, > 0. record : number of the record
    that is taken here, or of the next one after. entries : which entries of the schedule are carried out here, after
    the record if there is one.
    """

    number: int
    time: float
    length: float
    kind: StopKind = StopKind.RECORD
    record: int = 0
    entries: tuple[int, ...] = ()

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
    return Stop(number, number * interval, interval, StopKind.RECORD, number)


def records(interval: float, first: int, last: int) -> Iterator[Stop]:
    """The stops of the records from number `first` to number `last`."""
    return (record(number, interval) for number in range(first, last + 1))


class Timetable:
    """The stops of a run: records `interval` apart, and the times of a schedule's entries, which ascend.

    Where there is no schedule stop k is that of record k. A time that is not that of a record, bit for bit, is a stop
    of its own (`Schedule.on_records` of model/schedule.py has brought together what is one but for rounding).
    """

    def __init__(self, interval: float, times: Sequence[float] = ()) -> None:
        self.interval = interval
        self._at_records: dict[int, tuple[int, ...]] = {}
        self._times: list[float] = []  # of stops between records,
        self._entries: list[tuple[int, ...]] = []  # what happens there,
        self._next: list[int] = []  # the record after,
        self._numbers: list[int] = []  # and their numbers among all stops
        for k, time in enumerate(times):
            record = max(floor(time / interval) - 1, 0)
            while record * interval < time:
                record += 1
            if record * interval == time:
                self._at_records[record] = (*self._at_records.get(record, ()), k)
            elif self._times and self._times[-1] == time:
                self._entries[-1] += (k,)
            else:
                self._numbers.append(record + len(self._times))
                self._times.append(time)
                self._entries.append((k,))
                self._next.append(record)

    def number(self, record: int) -> int:
        """The number of the stop of a record."""
        return record + bisect_right(self._next, record)

    def stop(self, number: int) -> Stop:
        """The stop of that number, from 1 on."""
        before = bisect_left(self._numbers, number)  # so many stops between records come before
        if before < len(self._numbers) and self._numbers[before] == number:
            time, after = self._times[before], self._next[before]
            length = time - self._time_before(before, after)
            return Stop(number, time, length, StopKind.SWITCH, after, self._entries[before])
        one = number - before
        time, length = one * self.interval, self.interval
        if before and self._next[before - 1] == one:
            length = time - self._times[before - 1]
        return Stop(number, time, length, StopKind.RECORD, one, self._at_records.get(one, ()))

    def _time_before(self, k: int, after: int) -> float:
        """The time of the stop before the k-th of those between records, which comes before record `after`."""
        return self._times[k - 1] if k and self._next[k - 1] == after else (after - 1) * self.interval

    def eventful(self, before: int) -> Iterator[Stop]:
        """The stops with entries whose numbers are below `before`, in order of time."""
        numbers = {self.number(record) for record in self._at_records} | set(self._numbers)
        return (self.stop(number) for number in sorted(numbers) if number < before)
