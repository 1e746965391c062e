"""What single systems did, in memory: the copies that each made, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from copympi.errors import InputError
from copympi.model.schedule import NOTHING, Schedule, passing
from copympi.records.quantity import RECORD_TIME, TRACKED
from copympi.records.view import Arrays

MOST_DENSE = 4096
"""Beables up to which numbers of transitions are an array; beyond, a sparse one."""


class Sojourns(NamedTuple):
    """Stays of members in beables, (S,) each, ordered by replica, member and time.

    began, ended : whether it began, and ended, with a copy of the member's own. Else it began at t = 0, and lasted to
    the end of what is recorded or to a filter: then the stay was longer than `length` says, as far as anyone knows.
    """

    replica: NDArray[np.int64]
    member: NDArray[np.int64]
    beable: NDArray[np.int32]
    start: NDArray[np.float64]
    length: NDArray[np.float64]
    began: NDArray[np.bool_]
    ended: NDArray[np.bool_]

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether both ends were seen, (S,)."""
        return self.began & self.ended

    def of(self, beable: int) -> NDArray[np.float64]:
        """Lengths of the complete stays in one beable."""
        return self.length[self.complete & (self.beable == beable)]


class Paths:
    """Copies by the members that were followed, a row each, in order of time; and their beables at the records.

    time, replica, member, source, target (K,): when, in which replica, who by id, from and to which beable; phase (K,)
    rad, after it, None where the members of a beable share one phase. ids (M,): who was followed. record_time (T,).
    tracked (T, M), with replicas (R, T, M): their beables at the records, -1 of who had left by a filter.

    Arrays that lie in a file are read when they are asked for.
    """

    def __init__(
        self, source: Callable[[], Arrays] | Arrays, rows: int, replicas: int, system: Any,
        schedule: Schedule = NOTHING, unit: str = "",
    ) -> None:  # fmt: skip
        self.source_of_arrays, self.rows, self.replicas = source, rows, replicas
        self.system, self.schedule, self.unit = system, schedule, unit

    @cached_property
    def _arrays(self) -> Arrays:
        return self.source_of_arrays() if callable(self.source_of_arrays) else self.source_of_arrays

    @property
    def made_of(self) -> tuple[Any, ...]:
        """The arguments that make the same anew, arrays in a file as a way to read them."""
        return self.source_of_arrays, self.rows, self.replicas, self.system, self.schedule, self.unit

    def __getstate__(self) -> dict[str, Any]:
        """As other processes get it, which may not see the file: with all arrays."""
        return {**self.__dict__, "source_of_arrays": self._arrays}

    @property
    def time(self) -> NDArray[np.float64]:
        return self._arrays["time"]

    @property
    def replica(self) -> NDArray[Any]:
        return self._arrays["replica"]

    @property
    def member(self) -> NDArray[np.int64]:
        return self._arrays["member"]

    @property
    def source(self) -> NDArray[np.int32]:
        return self._arrays["source"]

    @property
    def target(self) -> NDArray[np.int32]:
        return self._arrays["target"]

    @property
    def phase(self) -> NDArray[np.float64] | None:
        return self._arrays.get("phase")

    @property
    def ids(self) -> NDArray[np.int64]:
        return self._arrays["tracked_member"]

    @property
    def tracked(self) -> NDArray[np.int32]:
        return self._arrays[TRACKED]

    @property
    def record_time(self) -> NDArray[np.float64]:
        return self._arrays[RECORD_TIME]

    @property
    def end(self) -> float:
        """The time up to which it is known what they did."""
        return float(self.record_time[-1])

    def __len__(self) -> int:
        return self.rows

    @property
    def initial(self) -> NDArray[np.int32]:
        """Their beables at t = 0, (R, M)."""
        return np.atleast_2d(self.tracked[..., 0, :])

    @cached_property
    def _who(self) -> NDArray[np.int64]:
        """Whose each row is: replica M + place of the id among ids, (K,)."""
        return np.asarray(self.replica * np.int64(self.ids.size) + np.searchsorted(self.ids, self.member))

    @cached_property
    def _by_member(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows in order of replica, member and time, (K,), and where each member's begin, (R M + 1,)."""
        order = np.argsort(self._who, kind="stable")
        counts = np.bincount(self._who, minlength=self.replicas * self.ids.size)
        return order, np.concatenate([[0], np.cumsum(counts)])

    def of(self, member: int, replica: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """The path of one member: times (k,), the first of them 0, and the beables it has from then on, (k,).

        -1 from the filter on by which it left. InputError where nobody of that id, or no such replica, is followed.
        """
        place = int(self._places(_whole_numbers("member", [member]), replica)[0])
        replica, (order, begins) = int(replica), self._by_member
        who = replica * self.ids.size + place
        mine = order[begins[who] : begins[who + 1]]
        times = np.concatenate([[0.0], self.time[mine]])
        beables = np.concatenate([self.initial[replica, place : place + 1], self.target[mine]])
        left = self._left[who]
        return (times, beables) if np.isinf(left) else (np.append(times, left), np.append(beables, np.int32(-1)))

    def _places(self, members: NDArray[np.int64], replica: int) -> NDArray[np.int64]:
        """Places of members among ids; InputError where somebody, or the replica, is not followed."""
        if not 0 <= _whole_numbers("replica", [replica])[0] < self.replicas:
            raise InputError("replica", replica, f"must be from 0 to {self.replicas - 1}")
        places = np.searchsorted(self.ids, members).clip(max=self.ids.size - 1)
        wrong = members[self.ids[places] != members]
        if wrong.size:
            raise InputError("member", int(wrong[0]), f"must be one of the {self.ids.size:,} ids that are followed")
        return np.asarray(places)

    def some(self, members: Any, replica: int = 0) -> Paths:
        """What some of the members did, by their ids, in one of the replicas: without the rows of the others."""
        ids = np.unique(_whole_numbers("member", members))
        places, replica = self._places(ids, replica), int(replica)
        rows = np.flatnonzero((self.replica == replica) & np.isin(self.member, ids))
        names = ("time", "replica", "member", "source", "target", "phase")
        columns = {name: self._arrays[name][rows] for name in names if name in self._arrays}
        columns["replica"] = np.zeros_like(columns["replica"])
        tracked = self.tracked if self.replicas == 1 else self.tracked[replica]
        columns |= {"tracked_member": ids, RECORD_TIME: self.record_time, TRACKED: tracked[:, places]}
        return Paths(columns, rows.size, 1, self.system, self.schedule, self.unit)

    def beables(self, times: Any) -> NDArray[np.int32]:
        """Their beables at any times (k,) in ascending order: (k, M), with replicas (R, k, M); -1 of who has left.

        At the very time of a copy it has been made; at that of a filter nobody has left yet, as in records.
        """
        wanted = np.atleast_1d(np.asarray(times, float))
        if wanted.size and not (wanted[0] >= 0 and np.all(np.diff(wanted) >= 0) and wanted[-1] <= self.end):
            raise InputError("times", times, f"must ascend, from 0 to {self.end:g}")
        out = np.empty((wanted.size, self.replicas * self.ids.size), np.int32)
        now, done = self.initial.reshape(-1).copy(), 0
        for k, ready in enumerate(np.searchsorted(self.time, wanted, side="right")):
            now[self._who[done:ready]] = self.target[done:ready]  # of several by one the last one counts
            done = ready
            out[k] = np.where(self._left < wanted[k], -1, now)
        rows = out.reshape(wanted.size, self.replicas, self.ids.size)
        return rows[:, 0] if self.replicas == 1 else np.moveaxis(rows, 1, 0)

    @cached_property
    def _left(self) -> NDArray[np.float64]:
        """When each has left by a filter, inf for who has not, (R M,)."""
        left = np.full(self.replicas * self.ids.size, np.inf)
        now, done = self.initial.reshape(-1).copy(), 0
        for entry in self.schedule.filters:
            if entry.at >= self.end:
                break
            ready = int(np.searchsorted(self.time, entry.at, side="right"))
            now[self._who[done:ready]] = self.target[done:ready]
            done = ready
            left[np.isinf(left) & ~passing(entry, self.system.P)[now]] = entry.at
        return left

    def sojourns(self) -> Sojourns:
        """All stays of all members in beables, the first and the last of each member too."""
        order, begins = self._by_member
        stays = np.diff(begins) + 1
        first = np.cumsum(stays) - stays
        began, ended = np.ones(stays.sum(), bool), np.ones(stays.sum(), bool)
        began[first], ended[first + stays - 1] = False, False
        start, beable = np.zeros(began.size), np.empty(began.size, np.int32)
        start[began], beable[began] = self.time[order], self.target[order]
        beable[first] = self.initial.reshape(-1)
        stop = np.empty(began.size)
        stop[ended], stop[~ended] = self.time[order], np.minimum(self._left, self.end)
        replica, place = np.divmod(np.repeat(np.arange(stays.size), stays), self.ids.size)
        return Sojourns(replica, self.ids[place], beable, start, stop - start, began, ended)

    def transitions(self) -> Any:
        """How often anyone went from one beable to another, (P, P) int64 [from, to]; sparse beyond 4,096 beables."""
        P, ones = self.system.P, np.ones(len(self), np.int64)
        counts = coo_array((ones, (self.source, self.target)), shape=(P, P)).tocsr()
        return counts.toarray() if P <= MOST_DENSE else counts


def _whole_numbers(key: str, given: Any) -> NDArray[np.int64]:
    """Numbers, also such as 2.0, as int64; InputError for anything else."""
    told = given[0] if isinstance(given, list) and len(given) == 1 else given
    wrong = InputError(key, told, "must be a whole number below 2^63")
    try:
        values = np.atleast_1d(np.asarray(given))
        if not values.size:
            return np.zeros(0, np.int64)
        if values.ndim > 1 or values.dtype.kind not in "iuf" or not np.all(np.abs(values.astype(float)) < 2.0**63):
            raise wrong
        whole = values.astype(np.int64)
    except (TypeError, ValueError, OverflowError):
        raise wrong from None
    if np.any(whole != values):
        raise wrong
    return whole
