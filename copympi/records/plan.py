"""What a run records and when, and how a record is taken: measured where replicas lie if there is much of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.config.reading import Config
from copympi.engine.clock import Timetable
from copympi.engine.ensemble import Ensemble, Snapshot
from copympi.engine.lattice import LatticeCounts
from copympi.engine.replicas import IndependentReplicas
from copympi.engine.shared_lattice import SharedLattice
from copympi.engine.tracking import Jumps
from copympi.model import observables
from copympi.model.preparation import LARGEST, Start
from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.records import in_tiles
from copympi.records import observe as own
from copympi.records.quantity import (
    HISTORIES,
    PROFILES,
    TABLE,
    TIMES,
    TRACKED,
    WAVE,
    Quantity,
    marginals,
    sizes_of,
)
from copympi.records.view import Arrays, View

MOST_PROFILE = 4096
"""Beables up to which a record keeps what it has of each; beyond, profiles are rare and have files of their own."""


@dataclass(frozen=True)
class Record:
    """What is kept of a record, by the names of quantities: (R, ...) each; with `profiled` what has beables too, unless
    ranks file it themselves.

    steps of all replicas together, and the largest chance of any member to leave in one step, both so far.
    """

    values: Arrays
    profiled: bool
    steps: int
    largest_chance: float

    @property
    def profile(self) -> Arrays:
        """What there is of each beable, (R, P) each."""
        return {name: values for name, values in self.values.items() if name in PROFILES}


class Recorder(Protocol):
    """Takes one record after the other; lives on the root. Recorders read the state and never change it.

    follow : before a record the copies since the one before by members that are followed, in order, in parts. told : of
    these, what a checkpoint has to know.
    """

    def follow(self, jumps: Jumps) -> None: ...
    def take(self, time: float, record: Record) -> None: ...
    def settle(self) -> None: ...
    def told(self) -> dict[str, int]: ...


class Plan:
    """What the records of a run hold.

    thinned : profiles, that is what there is of each beable, have times of their own: t = 0, multiples of
        output.profile_interval, and the end. split_files : and files of their own. traits : those of the run (TRAITS
        of quantity.py). rows : the quantities it records, those of `observe` last.
    track : ids (M,) of the members that are followed, or None.
    observe : name -> function of a View that gives (R,) or (R, k) real numbers; called on the root alone, at every
        record. Then everyone's numbers of members and phases travel to the root at every record.

    Raises InputError for names or functions in `observe` that cannot be.
    """

    def __init__(
        self,
        config: Config,
        system: System,
        start: Start,
        observe: own.Observers | None = None,
        schedule: Schedule = NOTHING,
        track: NDArray[np.int64] | None = None,
    ) -> None:
        self.config, self.system, self.start, self.schedule, self.track = config, system, start, schedule, track
        self.timetable = Timetable(config.interval, [entry.at for entry in schedule])
        self.records, self.interval = config.records, config.interval
        self.split_files = system.P > MOST_PROFILE
        self.thinned = self.split_files or config.profile_every is not None
        self.every = config.profile_every or self.records
        self.sizes = sizes_of(system) | {"tracked_member": 0 if track is None else track.size}
        self.traits = traits_of(config, system, start) | ({"thinned"} if self.thinned else set())
        self.observers = own.checked(observe, axes=self.sizes)
        self.marginals = marginals(system.parts)
        self._table = tuple(row for row in TABLE if self.traits.issuperset(row.runs)) + self.marginals
        self._observed: tuple[Quantity, ...] = ()
        self._energy_in_tiles = False  # whether <H> at t = 0 has been measured where tiles lie

    @property
    def rows(self) -> tuple[Quantity, ...]:
        """The quantities of this run; those of `observe` once `try_observers` has seen what they give."""
        if len(self._observed) < len(self.observers):
            raise RuntimeError("what observe gives is not known before Plan.try_observers")
        return self._table + self._observed + (() if self.track is None else HISTORIES)

    def dtype(self, row: Quantity) -> np.dtype[Any]:
        return row.dtype_for(self.start.number)

    def width(self, row: Quantity) -> tuple[int, ...]:
        """The shape of a quantity beside replicas and times."""
        return row.width(self.sizes)

    def profiled(self, record: int) -> bool:
        return not self.thinned or record % self.every == 0 or record == self.records

    def number(self, record: int) -> int:
        """How many profiles come before that of a record."""
        return -(-record // self.every) if self.thinned else record

    def try_observers(self, ensemble: Ensemble) -> None:
        """Learn from an ensemble at t = 0 what the functions of `observe` give. Collective.

        InputError on every rank where one gives no real, finite numbers of shape (R,) or (R, k).
        """
        if self.in_tiles(ensemble):
            self._take_energy_at_start(ensemble)
        if self.observers and not self._observed:
            snapshot = ensemble.snapshot()
            self._observed = mpi.from_root(ensemble.comm, lambda: self._tried(self._view(0, snapshot)))

    def _tried(self, view: View) -> tuple[Quantity, ...]:
        return tuple(own.tried(name, function, view) for name, function in self.observers.items())

    def in_tiles(self, ensemble: Ensemble) -> bool:
        """Whether there is so much of a lattice that it is measured where its tiles lie."""
        return self.split_files and isinstance(ensemble, LatticeCounts)

    @property
    def shape(self) -> tuple[int, int]:
        """(R, P)."""
        return self.config.dynamics.replicas, self.system.P

    def take(self, ensemble: Ensemble, record: int, filed: bool = False) -> Record | None:
        """The record of that number, on the root; None elsewhere. Collective.

        Of very many beables each replica's numbers are worked out on the rank that has it, replica by replica, or where
        its tiles lie, so that their bits do not depend on who has which; what there is of each beable travels for
        profiles, and for what cannot be worked out in tiles.

        filed : profiles of their own files are written from where they are (`slab`): in tiles they are left out here.
        """
        if record == 0:
            self.try_observers(ensemble)
        if self.split_files and isinstance(ensemble, IndependentReplicas):
            snapshot = ensemble.snapshot(self._rows(ensemble, record, filed))
        else:
            snapshot = ensemble.snapshot()
        observed: Arrays = {}
        if self.observers:  # what is wrong with what they give is raised on every rank
            mpi.from_root(ensemble.comm, lambda: observed.update(self._measured(self._view(record, snapshot))))
        tracked = None if self.track is None else ensemble.tracked_beables()
        if tracked is not None:
            observed[TRACKED] = tracked
        return None if snapshot is None else self.measure(record, snapshot, observed)

    def measure(self, record: int, snapshot: Snapshot, observed: Arrays | None = None) -> Record:
        """A record from what all replicas are like, in the types that files have, and what was `observed`."""
        view, profiled = self._view(record, snapshot), self.profiled(record)
        view.held.setdefault("events", snapshot.events if self.start.infinite else np.rint(snapshot.events))
        there = profiled and snapshot.n.size > 0
        wanted = [row for row in self._table if row.name not in TIMES and (there or not row.profile)]
        values = {row.name: np.asarray(row.of(view), self.dtype(row)) for row in wanted}
        return Record(values | (observed or {}), profiled, snapshot.steps, snapshot.largest_chance)

    def _view(self, record: int, snapshot: Snapshot | None) -> View:
        if snapshot is None:
            raise RuntimeError("only the root has a snapshot")
        held = dict(snapshot.more)
        if snapshot.coherence is not None:
            held["coherence"] = snapshot.coherence
        known = self._known(held, snapshot.n)
        return View(self.system_at(record), record * self.interval, snapshot.n, snapshot.phase, *known)

    def system_at(self, record: int) -> System:
        """The System in force up to a record."""
        return self.schedule.system_at(self.system, record * self.interval)

    def _measured(self, view: View) -> Arrays:
        functions = zip(self._observed, self.observers.values(), strict=True)
        return {row.name: own.measured(row, function, view) for row, function in functions}

    def _rows(self, ensemble: IndependentReplicas, record: int, filed: bool) -> Arrays:
        """What goes to the root of this rank's replicas, by the names of quantities. Collective."""
        wanted = [row for row in self._table if row.function is not None and not row.profile]
        made: Arrays = {}
        if isinstance(ensemble, LatticeCounts):
            self._take_energy_at_start(ensemble)
            names = {row.name for row in wanted}
            found = in_tiles.measured(ensemble, self.system_at(record), names, self._energy_at_start)
            made = {row.name: np.asarray(found[row.name], self.dtype(row)) for row in wanted if row.name in found}
        left = [row for row in wanted if row.name not in made]
        shown = self.observers or (self.profiled(record) and not (filed and self.in_tiles(ensemble)))
        if not left and not shown:
            return made
        rows = ensemble.profile_rows()
        made |= self._by_replica(rows, record, left)
        return made | {name: values for name, values in rows.items() if shown or name not in PROFILES}

    def _by_replica(self, rows: Arrays, record: int, wanted: list[Quantity]) -> Arrays:
        """What is not of each beable and not held, of so many replicas as there are `rows`, each on its own."""
        wanted = [row for row in wanted if row.name not in rows]
        view = self._seen(rows, record)
        made = {row.name: np.empty((len(view.n), *self.width(row)), self.dtype(row)) for row in wanted}
        for replica in range(len(view.n)):
            one = view.one(replica)
            for row in wanted:
                made[row.name][replica] = row.of(one)[0]
        return made

    def _seen(self, rows: Arrays, record: int) -> View:
        held = {name: values for name, values in rows.items() if name not in ("occupation", "phase")}
        n = rows["occupation"]
        return View(self.system_at(record), record * self.interval, n, rows["phase"], *self._known(held, n))

    def _known(self, held: Arrays, n: NDArray[Any]) -> tuple[Arrays, float]:
        """What is held, and what is known beforehand: <H> at t = 0, and that no share of infinitely many is few."""
        if self.start.infinite:
            held = held | {"validity_occupation": np.zeros(len(n))}
        return held, self._energy_at_start

    def _take_energy_at_start(self, ensemble: Any) -> None:
        """<H> at t = 0, from where the tiles of a lattice lie. Collective, once."""
        if not self._energy_in_tiles and self.traits.issuperset(WAVE):
            self._energy_in_tiles = True
            self._energy_at_start = in_tiles.energy_at_start(ensemble, self.system, self.start)

    @cached_property
    def _energy_at_start(self) -> float:
        """<H> of the counts and phases at t = 0."""
        if not self.traits.issuperset(WAVE):
            return np.nan
        psi = observables.amplitudes(self.start.counts[None], self.start.phase[None])
        return float(observables.mean_energy(psi, self.system)[0])

    def slab(self, ensemble: Ensemble, record: int) -> tuple[int, int, Arrays]:
        """This rank's part of a profile: (its first replica, its first beable, arrays by the names of quantities).

        Collective.
        """
        replica, first, last = ensemble.layout.slab(self.system.P)
        if isinstance(ensemble, SharedLattice):
            rows = ensemble.slab_rows()
        else:
            rows = {name: values[:, first:last] for name, values in ensemble.profile_rows().items()}
        view = self._seen(rows, record)
        wanted = [row for row in self._table if row.profile]
        return replica, first, {row.name: np.asarray(row.of(view), self.dtype(row)) for row in wanted}


def traits_of(config: Config, system: System, start: Start) -> frozenset[str]:
    """What of a run decides which quantities it records, but for the times of profiles."""
    aligned, lattice = start.aligned and config.alignment is None, observables.lattice_of(system) is not None
    wanted, parts = config.output.summaries, system.parts
    there = {
        "aligned": aligned,
        "unaligned": not aligned,
        "alignment": config.alignment is not None,
        "large_n": start.members > LARGEST and config.dynamics.guide == "ensemble",
        "composite": parts is not None and len(parts) > 1,
        "filters": any(section.filter is not None for section in config.schedule),
        "lattice": lattice,
        "qubits": parts is not None and len(parts.qubit_pairs) > 0 and system.P <= MOST_PROFILE,
        "spectators": start.spectators > 0,
        "summaries": (aligned and lattice) or parts is not None if wanted is None else wanted,
    }
    return frozenset(trait for trait, has in there.items() if has)


def stacked(records: list[Record]) -> dict[str, NDArray[Any]]:
    """What records hold, by the names of quantities: arrays (R, T, ...), or (R, T', ...) of profiles if any has one."""
    names = {name: None for record in records for name in record.values}
    return {name: np.stack([r.values[name] for r in records if name in r.values], axis=1) for name in names}
