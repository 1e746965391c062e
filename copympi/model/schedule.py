"""What happens to the ensemble at given times: another Hamiltonian, or a filter."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.labels import Labels
from copympi.model.system import System

KEY = "schedule"
CLOSE, RESOLVED = 1e-9, 1e-12
"""Times closer than this part of the time between records, or of the time itself, are one."""


@dataclass(frozen=True)
class Switch:
    """From the time `at` on, members follow the H of `system`. What is recorded at that time comes before.

    number : its place in the list that a user gave; None of pieces of drives.
    """

    at: float
    system: System
    number: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Filter:
    """At the time `at` members whose beable is not among `beables` (numbers, ascending) leave the ensemble.

    number : its place in the list that a user gave.
    """

    at: float
    beables: tuple[int, ...]
    number: int | None = field(default=None, compare=False)


Entry = Switch | Filter


@dataclass(frozen=True)
class Schedule:
    """Switches and filters in order of time; `checked` makes one that fits a system. Empty: nothing ever happens."""

    entries: tuple[Entry, ...] = ()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def switches(self) -> tuple[Switch, ...]:
        """Those entries that are switches."""
        return tuple(entry for entry in self.entries if isinstance(entry, Switch))

    @cached_property
    def filters(self) -> tuple[Filter, ...]:
        """Those entries that are filters."""
        return tuple(entry for entry in self.entries if isinstance(entry, Filter))

    def stays(self, time: float, P: int) -> NDArray[np.bool_] | None:
        """Of each beable whether its members pass the filter at `time`, (P,); None where there is no filter then."""
        found = [entry for entry in self.filters if entry.at == time]
        return passing(found[0], P) if found else None

    def still_open(self, times: NDArray[np.float64], P: int) -> NDArray[np.bool_]:
        """Which beables no filter has emptied, (T, P), at `times`: a filter at such a time comes after."""
        out = np.ones((len(times), P), bool)
        for entry in self.filters:
            out[np.asarray(times) > entry.at] &= passing(entry, P)
        return out

    def closed(self, first: System) -> Schedule:
        """The schedule as copies have it: from a filter on no H couples to beables that it has emptied.

        The very same where none does anyway, in a run that begins with `first`.
        """
        H, stays, other = first, np.ones(first.P, bool), False
        out: list[Entry] = []
        made: dict[tuple[int, bytes], System] = {}
        for k, entry in enumerate(self.entries):
            if isinstance(entry, Switch):
                H = entry.system
            else:
                out.append(entry)
                stays = stays & passing(entry, first.P)
            if k + 1 < len(self.entries) and self.entries[k + 1].at == entry.at:
                continue  # what holds from here on is not known yet
            key = (id(H), stays.tobytes())
            if key not in made:
                made[key] = confined(H, stays)
            other = other or made[key] is not H
            out.append(Switch(entry.at, made[key]))
        return Schedule(tuple(out)) if other else self

    @cached_property
    def systems(self) -> tuple[System, ...]:
        """The Systems that are switched to, each once."""
        return tuple({id(switch.system): switch.system for switch in self.switches}.values())

    @cached_property
    def _times(self) -> list[float]:
        return [switch.at for switch in self.switches]

    def system_at(self, first: System, time: float) -> System:
        """The System in force up to `time`, where the run began with `first`: a switch at `time` itself comes after."""
        before = bisect_left(self._times, time)
        return self.switches[before - 1].system if before else first

    def on_records(self, interval: float) -> Schedule:
        """The same with times that are those of records, `interval` apart, but for rounding, made these bit for bit.

        InputError, naming schedule[k].at, where two times are too close to be told apart.
        """
        out: list[Entry] = []
        for k, entry in enumerate(self.entries):
            close = max(CLOSE * interval, RESOLVED * entry.at)
            record = round(entry.at / interval)
            at = record * interval if abs(record * interval - entry.at) <= close else entry.at
            last = out[-1].at if out else 0.0
            if (at != last and at - last <= close) or at == 0.0:
                raise InputError(f"{KEY}[{k}].at", entry.at, f"must be more than {close:.3g} after {last:g}")
            out.append(replace(entry, at=at))
        return Schedule(tuple(out))

    def mapped(self, turn: Callable[[System], System]) -> Schedule:
        """The same with other Systems: `turn` of each, called once for each."""
        made = {id(system): turn(system) for system in self.systems}
        entries = (replace(e, system=made[id(e.system)]) if isinstance(e, Switch) else e for e in self.entries)
        return Schedule(tuple(entries))

    def segments(self, first: System) -> list[tuple[float, System]]:
        """(begin, System) of every stretch of time in which neither H changes nor members leave; `first` from 0 on."""
        out = [(0.0, first)]
        for entry in self.entries:
            H = entry.system if isinstance(entry, Switch) else out[-1][1]
            if entry.at == out[-1][0]:
                out.pop()
            out.append((entry.at, H))
        return out


NOTHING = Schedule()
"""The schedule of a run whose H never changes."""


def called(entry: Entry) -> str:
    """What to call an entry in messages: schedule[2] by its place in a user's list, schedule where it has none."""
    return KEY if entry.number is None else f"{KEY}[{entry.number}]"


def passing(entry: Filter, P: int) -> NDArray[np.bool_]:
    """Of each beable whether its members pass a filter, (P,)."""
    stays = np.zeros(P, bool)
    stays[list(entry.beables)] = True
    return stays


def confined(system: System, stays: NDArray[np.bool_]) -> System:
    """The H/hbar of a system without couplings of beables that stay (P,) to those that do not; the system itself where
    there are none."""
    W = system.frequencies.tocoo()
    row, column = W.coords
    apart = stays[row] != stays[column]
    if not np.any(W.data[apart]):
        return system
    keep = ~apart
    return System(sp.csr_array((W.data[keep], (row[keep], column[keep])), shape=(system.P, system.P)))


def checked(first: System, entries: Sequence[Entry]) -> Schedule:
    """A Schedule for a run that begins with `first`; its Systems have the names of the beables of `first`.

    Raises InputError, naming schedule[k], where times are not positive or do not ascend (a filter and a switch may have
    one time), where a System has another number of beables, other labels, another hbar or, on a lattice, other sites,
    or where a filter names beables that there are not.
    """
    out: list[Entry] = []
    fitting: dict[int, System] = {}  # each System once
    for k, entry in enumerate(entries):
        _check_time(k, entry, out)
        if isinstance(entry, Filter):
            _check_beables(k, entry, first.P)
            out.append(entry)
            continue
        if id(entry.system) not in fitting:
            fitting[id(entry.system)] = _fitting(k, entry.system, first)
        out.append(Switch(float(entry.at), fitting[id(entry.system)], entry.number))
    return Schedule(tuple(out))


def time_of(at: Any, k: int) -> float:
    """A time of the schedule, positive and finite; InputError names schedule[k].at."""
    number = isinstance(at, (int, float, np.integer, np.floating)) and not isinstance(at, bool)
    if not (number and 0 < at < float("inf")):
        raise InputError(f"{KEY}[{k}].at", at, "must be a positive number, a time after the start")
    return float(at)


def _check_time(k: int, entry: Entry, before: list[Entry]) -> None:
    at = time_of(entry.at, k)
    if before and at < before[-1].at:
        why = f"must not be before schedule[{k - 1}].at = {before[-1].at:g}: entries stand in order of time"
        raise InputError(f"{KEY}[{k}].at", entry.at, why)
    for other in reversed(before):
        if other.at != at:
            break
        if type(entry) is type(other):
            why = "must have a time of its own: one switch and one filter may have the same time, no two alike"
            raise InputError(f"{KEY}[{k}].at", entry.at, why)


def _check_beables(k: int, entry: Filter, P: int) -> None:
    fits = all(0 <= a < P for a in entry.beables) and list(entry.beables) == sorted(set(entry.beables))
    if not (fits and entry.beables):
        raise InputError(f"{KEY}[{k}].filter", entry.beables, f"must be beables among 0 .. {P - 1}, each once")


def _fitting(k: int, system: System, first: System) -> System:
    """The later System with the labels of the first, and its parts if it has some."""
    key = f"{KEY}[{k}].hamiltonian"
    if system.P != first.P:
        raise InputError(key, f"{system.P} beables", f"must have as many as the system at the start: {first.P}")
    if system.hbar != first.hbar:
        raise InputError(key, f"hbar = {system.hbar:g}", f"must have the hbar of the start: {first.hbar:g}")
    if (first.lattice is None) != (system.lattice is None):
        why = "must be none, as the system at the start"
        if first.lattice is not None:
            why = "must be one of the same sites, as the system at the start: give another potential in its place"
        raise InputError(key, "no lattice" if system.lattice is None else "a lattice", why)
    if first.lattice is not None and system.lattice is not None and not first.lattice.same_sites(system.lattice):
        raise InputError(key, "another lattice", "must have the sites, spacing, mass and boundary of the start")
    if system is first:
        return system
    if system.parts is not None and (first.parts is None or first.parts.dims != system.parts.dims):
        had = "no parts" if first.parts is None else f"parts of dimensions {list(first.parts.dims)}"
        raise InputError(key, f"parts of dimensions {list(system.parts.dims)}", f"the system at the start has {had}")
    given = not isinstance(system.labels, Labels) and system.parts is None
    if given and list(system.labels) != list(first.labels):
        raise InputError(key, list(system.labels), "must have the labels of the system at the start, or none")
    named = copy.copy(system)
    named.labels, named.parts = first.labels, first.parts
    return named
