"""What came out of a run, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.observables import amplitudes
from copympi.model.preparation import count, infinite, turns
from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.outcome import frames, shown
from copympi.outcome.histories import Histories
from copympi.records.quantity import MARGINAL
from copympi.records.view import Arrays
from copympi.report import expected, plots
from copympi.storage.reading import Results
from copympi.text import humane
from copympi.theory import schrodinger


@dataclass(frozen=True, repr=False)
class Run:
    """What came out. Arrays stand alike on every rank; replicas > 1 put an axis of that size in front.

    time (T,); occupation (T, P) members; phase (T, P) radians in (-pi, pi], NaN at n = 0;
    coherence (T, P) |sum e^{i phi}|/n; with phases of their own also coherence2 (T, P) |sum e^{2 i phi}|/n and
    lineages (T, P) distinct phases left; with [alignment] energy (T,) H/hbar (42); events (T,) copies since t = 0;
    steps and largest leaving chance of a step, of all replicas together; seconds of wall time in the loop.
    Where profiles are thinned, arrays with P have profile_time (T',) in place of time. measured : by name, all else
    that was recorded, what `observe` gave too: (T,), (T, axes), (T', P) as docs/results.md says.

    complete : whether the run has come to its end. config : section -> key -> value, as the run was asked for; system :
    as it began, in the basis of its beables; schedule : which systems came after it, and when; path : the results
    folder, None of a run in memory alone. state : (P,) complex Psi at t = 0 as asked for, normalised. histories : what
    the members did that were followed (track), a Histories; None where nobody was.

    What theory says of the same run: schrodinger (T, P), sigma (T, P). To look at it and to take it elsewhere: plot(),
    to_xarray(), to_pandas(); a notebook shows a small figure.
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
    config: dict[str, Any] = field(default_factory=dict, compare=False)
    system: System | None = field(default=None, compare=False)
    path: Path | None = field(default=None, compare=False)
    state: NDArray[np.complex128] | None = field(default=None, compare=False)
    schedule: Schedule = field(default=NOTHING, compare=False)
    histories: Histories | None = field(default=None, compare=False)

    @classmethod
    def of(cls, arrays: Arrays, steps: int, largest_chance: float, seconds: float, **said: Any) -> Run:
        """A Run of recorded `arrays` by name, as Memory has them. said : the fields from `complete` on."""
        known: Any = {name: values for name, values in arrays.items() if name in cls.__dataclass_fields__}
        rest = {name: values for name, values in arrays.items() if name not in known}
        return cls(**known, steps=steps, largest_chance=largest_chance, seconds=seconds, measured=rest, **said)

    @property
    def replicas(self) -> int:
        """How many independent ensembles there are; 1: arrays have no axis of them."""
        return 1 if self.events.ndim == 1 else len(self.events)

    @property
    def members(self) -> int | float:
        """N at t = 0, exactly; measured["members"] has what filters leave of it. inf of the infinite ensemble, whose
        occupations are shares."""
        given = self.config.get("preparation", {}).get("members")
        if infinite(given):
            return float("inf")
        return int(np.reshape(self.occupation, (-1, self._system.P))[0].sum()) if given is None else count(given)

    @cached_property
    def schrodinger(self) -> NDArray[np.float64]:
        """|Psi_a|^2 of Schroedinger's equation for the same H, (T, P), in units of one: to be compared with n_a/N.

        It follows the schedule where there is one, projected and normalised anew at filters, and starts from the counts
        at t = 0, which are rounded to whole members, and from their beables' phases. (T', P) at profile_time where
        profiles are thinned.
        """
        start = self._start
        if self.config.get("preparation", {}).get("guided") is not None and self.state is not None:
            start = self.state  # Psi guides members who do not stand as it has them
        return schrodinger.density(self._system, start, self._profile_time, self.schedule)

    @cached_property
    def sigma(self) -> NDArray[np.float64]:
        """Standard deviation of n_a/N of one ensemble about its mean field, (T, P), in units of one.

        By the linear noise approximation. NaN where that means nothing (from where a beable has fewer than about 20
        members on, phases of their own, an empty beable) or would take minutes. (T', P) where profiles are thinned.
        """
        results = self.results()
        which = np.arange(self._profile_time.size)
        theory = expected.work_out(results, which, np.asarray(results.occupation[:, 0]))
        return np.sqrt(theory.variance / float(results.members))

    def marginal(self, *names: str) -> NDArray[Any]:
        """Of a composite, members with each beable of a part, (T, d), or with each of several parts, (T', d, d', ...).

        names : of parts, or their numbers. InputError for an unknown one, ValueError for none or no composite.
        """
        parts = self._system.parts
        if parts is None:
            raise ValueError("this system has no parts: marginal() wants a composite (copympi.composite, or a Qobj)")
        if not names:
            raise ValueError(f"marginal() wants the name of a part, or of several: {', '.join(parts.names)}")
        on = [parts.number(name, "part") for name in names]
        if len(set(on)) < len(on):
            raise InputError("part", names, "must each be named once")
        recorded = self.measured.get(f"{MARGINAL}{parts[on[0]].name}")
        if len(on) == 1 and recorded is not None:
            return recorded
        n = np.asarray(self.occupation)
        whole = n.reshape(*n.shape[:-1], *parts.dims)
        first = n.ndim - 1
        left = whole.sum(axis=tuple(first + k for k in range(len(parts)) if k not in on))
        order = [sorted(on).index(k) for k in on]
        return np.asarray(left.transpose(*range(first), *(first + k for k in order)))

    def plot(self, path: Any = None) -> Any:
        """The figure that `copympi plot` draws, a matplotlib Figure; a notebook shows it.

        path : str or path, default None. Where to write it too; its ending (.png, .pdf, .svg) says as what.
        """
        figure = plots.figure(self.results())
        if path is not None:
            figure.savefig(path)
        return figure

    def to_xarray(self) -> Any:
        """An xarray.Dataset of all arrays with dimensions replica (if there are several), time, beable.

        Of histories `tracked` is in it, (time, tracked_member); rows of copies are in histories.to_pandas().

        ImportError where xarray is not installed.
        """
        return frames.dataset(self)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with a row for each (replica,) time and beable, and a column for each recorded quantity.

        ImportError where pandas is not installed.
        """
        return frames.table(self)

    def __repr__(self) -> str:
        of = f"{self.replicas:,} x " if self.replicas > 1 else ""
        end = "" if self.complete else ", not complete"
        records = f"t = 0 .. {self.time[-1]:g} in {self.time.size:,} records"
        return f"Run({self._system.P:,} beables, {of}{humane(self.members)} members, {records}{end})"

    def _repr_html_(self) -> str:
        return shown.html(self)

    def arrays(self) -> Arrays:
        """Everything recorded, by the names of docs/results.md, but for time and profile_time."""
        own = ("occupation", "phase", "coherence", "events", "coherence2", "lineages", "energy")
        there = {name: getattr(self, name) for name in own}
        return {name: values for name, values in (there | self.measured).items() if values is not None}

    def results(self) -> Results:
        """The same as reports see it, with an axis of replicas in any case."""
        arrays = {name: values if self.replicas > 1 else values[None] for name, values in self.arrays().items()}
        n, phase, events = (arrays.pop(name) for name in ("occupation", "phase", "events"))
        given = self.config.get("preparation", {})
        packet, one = given.get("packet"), "packet = {}" if isinstance(given.get("packet"), dict) else ""
        if one and "eigenstate" in packet:
            one = "packet = {eigenstate = 0}"
        one += "\nguided = true" if given.get("guided") is not None else ""
        said = {
            "config": f"[preparation]\nspectators = {int(given.get('spectators') or 0)}\n{one}\n",
            "members": str(self.members),
            "complete": self.complete,
            "rule": self.config.get("dynamics", {}).get("rule"),
            "guide": self.config.get("dynamics", {}),
        }
        unit = str(self.config.get("output", {}).get("time_unit") or "")
        path = (self.path or Path()) / "results.h5"
        state = self._start if self.state is None else self.state
        return Results(
            path, said, self._system, state, self.time, unit, n, phase, events, arrays, self.profile_time,
            schedule=self.schedule,
        )  # fmt: skip

    @property
    def _system(self) -> System:
        if self.system is None:
            raise ValueError("a Run without its system: make it with copympi.simulate or copympi.load")
        return self.system

    @property
    def _profile_time(self) -> NDArray[np.float64]:
        return self.time if self.profile_time is None else self.profile_time

    @property
    def _start(self) -> NDArray[np.complex128]:
        """Psi (P,) of the counts at t = 0."""
        n, phase = (np.asarray(values) for values in (self.occupation, self.phase))
        if self.replicas > 1:
            n, phase = n[0], phase[0]
        angle = phase[0] if self.lineages is None or self.state is None else turns(self.state)
        return amplitudes(n[:1], np.nan_to_num(angle)[None])[0]
