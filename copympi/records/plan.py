"""Recorders read the state and never change it; a plan says what they keep of it, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi.config.reading import Config
from copympi.engine.ensemble import Snapshot
from copympi.model import observables
from copympi.model.preparation import Start
from copympi.model.system import System

MOST_PROFILE = 4096
"""Beables up to which a record keeps what it has of each; beyond, profiles are rare and have files of their own."""
LARGEST = 2**63 - 1
"""Most members that integer counts can hold."""
NARROW = ("energy",)
"""What a snapshot has more, but not of each beable."""


class Recorder(Protocol):
    """Takes one snapshot a record; lives on the root."""

    def take(self, time: float, snapshot: Snapshot) -> None: ...
    def settle(self) -> None: ...


class Plan:
    """What the records of a run hold.

    thinned : profiles, that is what there is of each beable, have times of their own: t = 0, multiples of
        output.profile_interval, and the end. apart : and files of their own. summaries : their names and widths, (R,)
        or (R, axes), at every record. more : what profiles hold beside n, phase and coherence, name -> type.
    """

    def __init__(self, config: Config, system: System, start: Start) -> None:
        self.system, self.aligned = system, start.aligned and config.alignment is None
        self.records, self.interval = config.records, config.interval
        self.apart = system.P > MOST_PROFILE
        self.thinned = self.apart or config.profile_every is not None
        self.every = config.profile_every or self.records
        wanted = config.output.summaries
        lattice = observables.lattice_of(system)
        self.summarised = bool(self.aligned and lattice is not None) if wanted is None else bool(wanted)
        self.float_counts = start.members > LARGEST
        self.more: dict[str, Any] = {}
        if not self.aligned:
            self.more |= {"coherence2": np.float64, "lineages": np.int64}
        elif self.float_counts:
            self.more |= {"fluctuation": np.float64, "phase_fluctuation": np.float64, "regime": np.int8}

    @property
    def counts_dtype(self) -> Any:
        return np.float64 if self.float_counts else np.int64

    @property
    def summaries(self) -> dict[str, tuple[tuple[int, ...], Any]]:
        """name -> (width beside the replicas, type)."""
        if not self.summarised:
            return {}
        one = np.ones((1, self.system.P))
        made = observables.summaries(one, np.zeros_like(one), self.system, self.aligned)
        kinds = {"smallest": self.counts_dtype, "empty": np.int64}
        return {name: (values.shape[1:], kinds.get(name, np.float64)) for name, values in made.items()}

    def profiled(self, record: int) -> bool:
        return not self.thinned or record % self.every == 0 or record == self.records

    def number(self, record: int) -> int:
        """How many profiles come before that of a record."""
        return -(-record // self.every) if self.thinned else record

    def measure(self, record: int, snapshot: Snapshot) -> Snapshot:
        """A snapshot with its summaries."""
        profiled, made = self.profiled(record), {}
        if self.summarised:
            made = observables.summaries(snapshot.n, snapshot.phase, self.system, self.aligned)
        return replace(snapshot, summaries=made, profiled=profiled)


def slim(snapshot: Snapshot) -> Snapshot:
    """A snapshot without what it has of each beable."""
    none = snapshot.n[:, :0]
    more = {name: values for name, values in snapshot.more.items() if name in NARROW}
    return replace(snapshot, n=none, phase=none.astype(float), coherence=None, more=more, profiled=False)


def profile(snapshot: Snapshot) -> dict[str, NDArray[Any]]:
    """What a snapshot has of each beable, by the names of datasets: arrays (R, P).

    Where members share a beable's phase, coherence is 1, or NaN where there is no member.
    """
    more = {name: values for name, values in snapshot.more.items() if name not in NARROW}
    return spelt_out(snapshot.n, snapshot.phase, snapshot.coherence) | more


def spelt_out(n: NDArray[Any], phase: NDArray[np.float64], coherence: Any = None) -> dict[str, NDArray[Any]]:
    """n, phases and coherence (if None, of aligned phases) as datasets have them."""
    one = np.where(n > 0, 1.0, np.nan) if coherence is None else coherence
    return {"occupation": n, "phase": wrapped(phase, n), "coherence": one}


def slab(ensemble: Any, share: Callable[[int], tuple[int, int]]) -> tuple[int, int, dict[str, NDArray[Any]]]:
    """This rank's part of a profile: (its first replica, its first beable, arrays by the names of datasets).

    An ensemble whose replicas are shared out over ranks (`shares`) has rows of its own; of one that has all of them
    on every rank the part is a `share` of the beables, (first, one past last) of so many. Rows are those of n,
    phase, and what there is more.
    """
    rows = ensemble.profile_rows()
    own = hasattr(ensemble, "shares")
    first, last = (0, None) if own else share(rows["occupation"].shape[1])
    rows = {name: values[:, first:last] for name, values in rows.items()}
    n, phase, coherence = rows["occupation"], rows["phase"], rows.get("coherence")
    return ensemble.first if own else 0, first, rows | spelt_out(n, phase, coherence)


def stacked(snapshots: list[Snapshot]) -> dict[str, NDArray[Any]]:
    """What records hold, by the names of datasets: arrays (R, T, ...). Copies are whole numbers, as float.

    What there is of each beable, (R, T', P), only of those that are profiled, and only if any is.
    """
    profiles = [profile(s) for s in snapshots if s.profiled]
    out = {name: np.stack([p[name] for p in profiles], axis=1) for name in (profiles[0] if profiles else ())}
    out["events"] = np.rint(np.stack([s.events for s in snapshots], axis=1))
    for name in NARROW:
        if name in snapshots[0].more:
            out[name] = np.stack([s.more[name] for s in snapshots], axis=1)
    return out | {name: np.stack([s.summaries[name] for s in snapshots], axis=1) for name in snapshots[0].summaries}


def wrapped(phase: NDArray[np.float64], n: NDArray[Any]) -> NDArray[np.float64]:
    """Phases in (-pi, pi], NaN where there is no member."""
    return np.where(n > 0, np.pi - np.mod(np.pi - phase, 2 * np.pi), np.nan)


@dataclass(frozen=True)
class Run:
    """What came out. Arrays stand alike on every rank; replicas > 1 put an axis of that size in front.

    time (T,); occupation (T, P) members; phase (T, P) radians in (-pi, pi], NaN at n = 0;
    coherence (T, P) |sum e^{i phi}|/n; with phases of their own also coherence2 (T, P) |sum e^{2 i phi}|/n and
    lineages (T, P) distinct phases left; with [alignment] energy (T,) H/hbar (42); events (T,) copies since t = 0;
    steps and largest leaving chance of a step, of all replicas together; seconds of wall time in the loop.
    Where profiles are thinned, arrays with P have profile_time (T',) in place of time. measured : by name, summaries
    (T,) or (T, axes) (model/observables.py) and what the largest ensembles have of each beable beside n and phase.

    complete : whether the run has come to its end. config : section -> key -> value, as the run was asked for; system :
    as it ran, in the basis of its beables; path : the results folder, None of a run in memory alone.
    """

    time: NDArray[np.float64]
    occupation: NDArray[Any]
    phase: NDArray[np.float64]
    coherence: NDArray[np.float64]
    events: NDArray[Any]
    steps: int
    largest_chance: float
    seconds: float = field(compare=False)
    coherence2: NDArray[np.float64] | None = None
    lineages: NDArray[np.int64] | None = None
    energy: NDArray[np.float64] | None = None
    profile_time: NDArray[np.float64] | None = None
    measured: dict[str, NDArray[Any]] = field(default_factory=dict)
    complete: bool = True
    config: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    system: System | None = field(default=None, compare=False)
    path: Path | None = field(default=None, compare=False)


class Memory:
    """Keeps every record in arrays. thinned : profiles have times of their own."""

    def __init__(self, thinned: bool = False) -> None:
        self.thinned = thinned
        self.times: list[float] = []
        self.profile_times: list[float] = []
        self.snapshots: list[Snapshot] = []

    def take(self, time: float, snapshot: Snapshot) -> None:
        self.times.append(time)
        self.snapshots.append(snapshot if snapshot.profiled else slim(snapshot))
        if snapshot.profiled:
            self.profile_times.append(time)

    def settle(self) -> None:
        """Nothing to do: memory does not outlive the process."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """time (T,) and all that `stacked` has; no leading axis for one replica. profile_time (T',) where thinned."""
        out: dict[str, NDArray[np.generic]] = stacked(self.snapshots)
        n = out["occupation"]
        out["events"] = out["events"].astype(events_dtype(int(n[0, 0].sum())))  # type: ignore[call-overload]
        if n.shape[0] == 1:
            out = {name: values[0] for name, values in out.items()}
        if self.thinned:
            out["profile_time"] = np.array(self.profile_times)
        return {"time": np.array(self.times), **out}


def events_dtype(members: int) -> type:
    """Copies since t = 0 fit int64 for a million copies a member up to here; beyond, float64."""
    return np.int64 if members < 2**43 else np.float64
