"""What every ensemble can do, however it draws and moves: the contract between methods and all who use them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi.engine.accuracy import Accuracy
from copympi.engine.clock import START, Stop
from copympi.engine.trackable import NOBODY, Trackable
from copympi.engine.tracking import Tracks
from copympi.errors import InputError
from copympi.model.preparation import Start
from copympi.model.system import System

REQUESTS = 3
"""Small integers that each rank may set for all ranks to hear."""


@dataclass(frozen=True)
class Snapshot:
    """All replicas at a record: n, phase (R, P); events (R,) copies since t = 0; steps of all together;
    largest_chance of any member to leave in one step so far; coherence (R, P) |sum e^{i phi}|/n where members have
    phases of their own, and `more` that such runs record, by the names of quantities, (R, ...). n is float64 for N
    beyond 2^63. Where n and phase were not gathered they are (R, 0)."""

    n: NDArray[Any]
    phase: NDArray[np.float64]
    events: NDArray[np.float64]
    steps: int
    largest_chance: float
    coherence: NDArray[np.float64] | None = None
    more: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """All that an ensemble needs to go on, as this rank holds it. What belongs to units is split among ranks.

    units : how many there are on all ranks (blocks of members, or replicas); this rank has first .. last - 1.
    columns : per unit, (last - first, ...). ragged : name -> (all values of this rank's units in one row, how many
    each unit has). common : alike on every rank.
    """

    units: int
    first: int
    last: int
    columns: dict[str, NDArray[Any]]
    ragged: dict[str, tuple[NDArray[Any], NDArray[np.int64]]]
    common: dict[str, NDArray[Any]]


class Layout(Protocol):
    """What an ensemble consists of, piece by piece, and which rank owns which: no data, and no draws.

    replicas : on all ranks together; this rank has rows of `here` of them. units : pieces on all ranks, as a checkpoint
    numbers them; this rank owns first .. last - 1.
    """

    @property
    def replicas(self) -> int: ...
    @property
    def here(self) -> int: ...
    @property
    def units(self) -> int: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def sizes(self) -> NDArray[np.int64]:
        """Members with an identity in each of this rank's units at t = 0, (last - first,)."""
        ...

    def to_root(self, comm: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        """Rows (here, ...) of all replicas, (replicas, ...), on the root, which owns them; None elsewhere."""
        ...

    def slab(self, P: int) -> tuple[int, int, int]:
        """Which part of an array (replicas, P) this rank writes: its first replica, its first beable, one past last."""
        ...


class Ensemble(Trackable, ABC):
    """Copies of one system on all ranks of `comm`, on the way from one stop to the next. Every call is collective.

    The system's H may be another from some stop on (`switch`); its beables stay.

    A method says how steps are drawn (`advance`), and what it holds: `profile_rows`, and what a checkpoint must keep
    (`per_unit`, `per_member`, `common`), and how members leave by a filter (`send_away`). All else is written here,
    once.

    start : the ensemble at t = 0. layout : who has what. tracks : who is followed one by one. spectators : members of
    each beable that are copied and never copy; a beable that a filter has emptied has none. time_left (here,): time to
    the stop; step, events, largest_chance (here,): steps and copies since t = 0, and the largest chance of any member
    to leave in one step so far. deserted (here,): replicas that filters have left without a member; they are at every
    stop at once. requests (REQUESTS,): what this rank asks all ranks for; requested (REQUESTS,): the sum over ranks, as
    of the last `advance`.
    """

    n: NDArray[Any]
    whole_copies = True
    """Whether `events` counts copies; else they are a share of the members."""

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, seed: int, layout: Layout) -> None:
        self.comm, self.system, self.accuracy, self.seed, self.layout = comm, system, accuracy, seed, layout
        self.start, self.spectators = start, start.spectators
        self.tracks: Tracks = NOBODY
        self.stop = START
        self.switched, self.turned = 0.0, 0.0
        self.time_left = np.zeros(layout.here)
        self.step = np.zeros(layout.here, np.int64)
        self.events = np.zeros(layout.here)
        self.largest_chance = np.zeros(layout.here)
        self.deserted = np.zeros(layout.here, bool)
        self.requests = np.zeros(REQUESTS, np.int64)
        self.requested = np.zeros(REQUESTS, np.int64)

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        self.stop = stop
        self.time_left[:] = stop.length
        self.time_left[self.deserted] = 0.0

    def switch(self, system: System) -> None:
        """From the stop that was reached, or was last set out for, follow the H of another system. Collective.

        Nothing that members are changes. A method adds what it has made of the H before.
        """
        self.turned += self.shift * (self.stop.time - self.switched)
        self.switched = self.stop.time
        self.system = system

    def check(self, system: System) -> None:
        """InputError where the method cannot go on with the H of a later system, as is known from the start."""

    @property
    def shift(self) -> float:
        """A turn, radians in unit time, that all phases make and the method leaves out of what it holds of them."""
        return self.system.couplings.shift

    @property
    def turn(self) -> NDArray[np.float64]:
        """What these turns have come to since t = 0, radians, (here,)."""
        if self.switched == 0.0:
            return self.shift * self.times
        return self.turned + self.shift * (self.times - self.switched)

    @abstractmethod
    def advance(self) -> bool:
        """Go on for a step, or for a moment; False when all replicas on all ranks have reached the stop.

        DynamicsError on every rank where the dynamics cannot go on from the state they reached.
        """

    def keep(self, beables: Sequence[int]) -> None:
        """A filter: members of other beables leave, spectators too; the rest go on as a new ensemble. Collective.

        To be called at a stop, before `begin`. Who stays keeps identity, beable, phase and momentum; no copy is made
        and no random number is drawn. From here on N, and what of the accuracy refers to it, is the number of those
        that stayed, of each replica by itself.

        beables : (k,) int. Those whose members stay.
        """
        gone = np.ones(self.system.P, bool)
        gone[np.asarray(beables, np.int64)] = False
        self.tracks.send_away(gone)
        self.send_away(gone)
        self.take_stock()

    @abstractmethod
    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,), of all replicas."""

    @property
    def present(self) -> NDArray[Any]:
        """N of each of this rank's replicas as it is now, (here,)."""
        return np.asarray(self.n.sum(axis=1))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Members with an identity in each of this rank's units as they are now, (last - first,)."""
        return self.layout.sizes

    def take_stock(self) -> None:
        """Who is there, after a filter or a restart: it follows from what a checkpoint holds."""
        present = self.present
        self.deserted = present == 0
        if np.any(present != self.accuracy.members):
            self.accuracy = replace(self.accuracy, members=0)

    @abstractmethod
    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable, (here, P), by the names of datasets; not to be written to."""

    @abstractmethod
    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each of this rank's units, (last - first, ...): the arrays themselves."""

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What it holds of every member of this rank, unit after unit: the arrays themselves."""
        return {}

    def common(self) -> dict[str, NDArray[Any]]:
        """What it holds that stands alike on every rank: the arrays themselves."""
        return {}

    def replica_rows(self) -> dict[str, NDArray[np.float64]]:
        """What is recorded of each replica besides, (here,), by the names of datasets."""
        return {}

    @property
    def counters(self) -> dict[str, NDArray[Any]]:
        """How far each replica has come, (here,) each."""
        return {
            "time_left": self.time_left, "step": self.step, "events": self.events,
            "largest_chance": self.largest_chance,
        }  # fmt: skip

    @property
    def times(self) -> NDArray[np.float64]:
        """The time that each replica has reached, (here,)."""
        return self.stop.at(self.time_left)

    @property
    def progress(self) -> tuple[float, int, float]:
        """Simulated time, steps and copies of all replicas so far, judged by this rank's. Not collective."""
        here = self.layout.here
        if not here:
            return self.stop.time, 0, 0.0
        time, scale = self.stop.at(float(self.time_left.mean())), self.layout.replicas / here
        return time, round(scale * int(self.step.sum())), scale * float(self.events.sum())

    def snapshot(self, rows: dict[str, NDArray[Any]] | None = None) -> Snapshot | None:
        """The state of all replicas on the root, None elsewhere.

        rows : what goes there of this rank's replicas, (here, ...) by name, in place of `profile_rows`.
        """
        events = np.rint(self.events) if self.whole_copies else self.events
        columns = np.column_stack([events, self.step.astype(float), self.largest_chance])
        counters = self.layout.to_root(self.comm, columns)
        whole, own = {}, self.profile_rows() if rows is None else rows
        for name, values in {**own, **self.replica_rows()}.items():
            gathered = self.layout.to_root(self.comm, values)
            if gathered is not None:
                whole[name] = gathered
        if counters is None:
            return None
        none = np.zeros((len(counters), 0))
        n, phase, coherence = whole.pop("occupation", none), whole.pop("phase", none), whole.pop("coherence", None)
        steps, largest = int(counters[:, 1].sum()), float(counters[:, 2].max(initial=0.0))
        return Snapshot(n, phase, counters[:, 0], steps, largest, coherence, whole)

    def state(self) -> State:
        """All there is to go on from here: the arrays themselves, to be written before the next step."""
        layout, sizes = self.layout, self.sizes
        ragged = {name: (values, sizes) for name, values in self.per_member().items()}
        ragged |= self.tracks.waiting(layout.last - layout.first)
        columns = {**self.per_unit(), **self.tracks.per_unit()}
        return State(layout.units, layout.first, layout.last, columns, ragged, self.common())

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`. InputError where it is not one of this method's."""
        self.begin(stop)
        ragged = {name: values for name, (values, _) in state.ragged.items()}
        columns = {**self.per_unit(), **self.tracks.per_unit()}
        members = {**self.per_member(), **self.tracks.await_again(state.ragged)}
        pairs = ((columns, state.columns), (members, ragged), (self.common(), state.common))
        for own, found in pairs:
            if own.keys() != found.keys():
                why = f"is not of this version: the method needs {_named(own)}"
                raise InputError("checkpoint", _named(found), why)
        for own, found in pairs:
            for name, values in own.items():
                values[:] = found[name]
        self.tracks.restored()
        self.take_stock()


def _named(arrays: dict[str, NDArray[Any]]) -> str:
    return ", ".join(sorted(arrays)) or "nothing"
