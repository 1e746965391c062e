"""Individual systems: members that are followed from copy to copy, by their ids, in any representation.

An id says who a member is at t = 0, the same in every representation: see `initial_beables`. What an ensemble knows of
the members it follows stands in its `tracks`, a `Tracks`; who follows them and how is its method's affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.dealing import blocks_for
from copympi.errors import InputError
from copympi.model.preparation import LARGEST, Start

Int = NDArray[np.int64]

NAMES = {
    "time": np.float64, "replica": np.int64, "member": np.int64, "source": np.int32, "target": np.int32,
    "phase": np.float64,
}  # fmt: skip
"""Columns of Jumps, and their types."""
HELD = 64 << 20
"""Bytes of copies that may wait on a rank before they are asked for between two records."""
BYTES_WAITING = 32
"""Of a copy that waits."""
BYTES_TRACKED = 32
"""Of a member that is followed: where it is, its place in a list, and room in which lists grow."""


@dataclass(frozen=True)
class Jumps:
    """Copies by members that are followed, (K,) each: when, in which replica, who, from and to which beable.

    time : since t = 0. member : the id. source, target : beables. phase : of the member after the copy, rad, the value
    of the one copied as it is at that time; None where members have no phases of their own.
    """

    time: NDArray[np.float64]
    replica: Int
    member: Int
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    phase: NDArray[np.float64] | None = None

    @staticmethod
    @cache
    def none(phases: bool = False) -> Jumps:
        """No jump at all; phases : whether there is a column of them."""
        return Jumps(**{name: np.empty(0, kind) for name, kind in NAMES.items() if phases or name != "phase"})

    @staticmethod
    def joined(parts: Sequence[Jumps]) -> Jumps:
        """One after the other; at least one part, and all with phases or all without."""
        some = [part for part in parts if len(part)] or [parts[0]]
        if len(some) == 1:
            return some[0]
        return Jumps(**{name: np.concatenate([part.columns[name] for part in some]) for name in some[0].columns})

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns that there are, by name."""
        found: dict[str, NDArray[Any]] = {
            "time": self.time, "replica": self.replica, "member": self.member, "source": self.source,
            "target": self.target,
        }  # fmt: skip
        if self.phase is not None:
            found["phase"] = self.phase
        return found

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: Any) -> Jumps:
        """Some of the rows: a slice, a mask or indices."""
        return Jumps(**{name: values[rows] for name, values in self.columns.items()})

    def ordered(self) -> Jumps:
        """The same in order of time, then replica, then member; jumps that agree in all of these keep their order."""
        if len(self) < 2 or (self.time[1:] > self.time[:-1]).all():
            return self
        return self[np.lexsort((self.member, self.replica, self.time))]


def spread_out(N: int, M: int, P: int = 1) -> Int:
    """The M ids that a number M stands for, (M,), ascending: members spread evenly over all in order of their beables.

    So every beable has its share of them at t = 0, to one. N : members with an identity, spectators left out; beyond
    2^63 - 1 ids are those of so many. P : beables. Raises InputError where there are fewer members.
    """
    if not 0 < M <= N:
        raise InputError("output.track", M, f"must be from 1 to {N}, the number of members that can copy")
    members = min(N, LARGEST)
    whole, rest = divmod(members, 2 * M)
    odd = 2 * np.arange(M, dtype=np.int64) + 1
    return np.sort(ids_of(members, P, odd * whole + odd * rest // (2 * M)))


def ids_of(members: int, P: int, cards: Int) -> Int:
    """Ids of those in these places of the row of all members: the inverse of `cards_of`."""
    blocks = blocks_for(members, P)
    size, larger = divmod(members, blocks)
    block = cards % blocks
    return np.asarray(block * size + np.minimum(block, larger) + cards // blocks)


def named(start: Start, P: int) -> int:
    """How many members of a replica have an id, spectators left out: at most 2^63 - 1, of more each stands for many."""
    return min(start.members - P * start.spectators, LARGEST)


def cards_of(start: Start, P: int, ids: Int) -> Int:
    """The place of each id, (M,), in the row of all members, spectators left out, in order of their beables at t = 0.

    They are dealt like cards to blocks_for(members, P) blocks, and id I = first member of its block + number in it: as
    representation "members" has them (blocks.py). Beyond 2^63 - 1 members so many ids stand for all, each for the same
    number of members.
    """
    members = named(start, P)
    blocks = blocks_for(members, P)
    size, larger = divmod(members, blocks)  # the first `larger` blocks have a member more
    block = np.where(ids < larger * (size + 1), ids // (size + 1), larger + (ids - larger * (size + 1)) // max(size, 1))
    return np.asarray(block + (ids - block * size - np.minimum(block, larger)) * blocks)


def initial_beables(start: Start, P: int, ids: Int) -> NDArray[np.int32]:
    """The beable at t = 0 of each id, (M,), the same in every representation; of no others anything is worked out."""
    members, card = named(start, P), cards_of(start, P, ids)
    ends = np.cumsum(np.asarray(start.counts - start.spectators))
    if ends.dtype.kind == "f":
        ends = np.floor(ends / ends[-1] * members)
    return np.searchsorted(ends, card, side="right").clip(max=P - 1).astype(np.int32)


class Tracks(ABC):
    """What an ensemble knows of the members it follows in each of this rank's replicas: who, where, and their jumps.

    ids (M,): ascending. phases : whether jumps have phases. Jumps that nobody has taken yet are part of a checkpoint.
    kernel : what is given to kernels that know numbers of members alone; None where members have an identity. most : so
    many jumps may wait on this rank. taken : so many have been taken.
    """

    kernel: Any = None

    def __init__(self, ids: Int, phases: bool = False) -> None:
        self.ids = ids
        self.pending = Jumps.none(phases)
        self.most, self.taken = HELD // BYTES_WAITING, 0

    @abstractmethod
    def beables(self) -> NDArray[np.int32]:
        """Of every member that is followed, (here, M), in order of ids; -1 of who has left by a filter. Collective."""

    @abstractmethod
    def drain(self) -> Jumps:
        """This rank's jumps since the last call, which are then forgotten; replicas as numbered over all ranks."""

    @property
    @abstractmethod
    def new(self) -> int:
        """How many jumps there are that `drain` would give."""

    @property
    def held(self) -> int:
        """How many jumps wait on this rank."""
        return len(self.pending) + self.new

    @abstractmethod
    def unit_of(self, jumps: Jumps) -> Int:
        """Which of this rank's units each jump belongs to, counted from its first."""

    def send_away(self, gone: NDArray[np.bool_]) -> None:  # noqa: B027
        """Who has a beable of `gone` (P,) has left."""

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each unit, where it does not follow from what it holds anyway."""
        return {}

    def restored(self) -> None:  # noqa: B027
        """What `per_unit` gave out has been read from a checkpoint."""

    def collect(self) -> Jumps:
        """Jumps not yet taken, ordered; they stay."""
        found = self.pending
        if self.new:
            found = Jumps.joined([self.pending, self.drain()]) if len(self.pending) else self.drain()
        self.pending = found.ordered()
        return self.pending

    def take(self, before: float = np.inf) -> Jumps:
        """The same, and forgets them; or those alone that come before a time."""
        found = self.collect()
        end = len(found) if before == np.inf else int(np.searchsorted(found.time, before))
        self.taken += end
        if end == len(found):
            self.pending = Jumps.none(found.phase is not None)
            return found
        rest = {name: values[end:].copy() for name, values in found.columns.items()}  # the others' memory is not kept
        self.pending = Jumps(**rest)
        return found[:end]

    def waiting(self, units: int) -> dict[str, tuple[NDArray[Any], Int]]:
        """Jumps not yet taken as a checkpoint holds them: name -> (values, unit after unit; how many of each unit)."""
        jumps = self.collect()
        unit = self.unit_of(jumps)
        order = np.argsort(unit, kind="stable")
        lengths = np.bincount(unit, minlength=units).astype(np.int64)
        return {f"jump_{name}": (values[order], lengths) for name, values in jumps.columns.items()}

    def await_again(self, found: dict[str, tuple[NDArray[Any], Int]]) -> dict[str, NDArray[Any]]:
        """Where what `waiting` gave out goes when it is read again: as many jumps as `found` has, by the same names."""
        self.drain()
        K = len(found["jump_time"][0]) if "jump_time" in found else 0
        self.pending = Jumps(**{name: np.empty(K, kind.dtype) for name, kind in self.pending.columns.items()})
        return {f"jump_{name}": values for name, values in self.pending.columns.items()}


def refuse_more(track: int, room: float, here: str) -> None:
    """InputError where so many members do not fit into `room` bytes, if it is any; here : what memory there is."""
    most = int(room // BYTES_TRACKED)
    if 0 <= most < track:
        why = f"must be at most {most:,}: at {BYTES_TRACKED} bytes each, in every replica, {here} hold no more"
        raise InputError("output.track", track, why)


def checked(ids: Int, start: Start, P: int) -> Int:
    """The ids as an array (M,) int64; InputError where they are not ascending, or no member has one of them."""
    found = np.array(ids, np.int64)
    last = named(start, P) - 1
    if found.ndim != 1 or not found.size or np.any(np.diff(found) <= 0):
        raise InputError("output.track", ids, "must be ids of members, in ascending order, each once")
    if found[0] < 0 or found[-1] > last:
        wrong = int(found[0] if found[0] < 0 else found[-1])
        raise InputError("output.track", wrong, f"must be from 0 to {last}, the ids of members that can copy")
    return found
