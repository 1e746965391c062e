"""What a setting of a sweep is compared with: |Psi|^2, and how far off it N members are expected to be.

The deviation of an ensemble is the root of the mean of (n_a/N - |Psi_a|^2)^2 over beables a and records after t = 0.
In the mean of ensembles its square is that of the variances N Var(n_a/N)/N of the linear noise approximation
(theory/noise.py; nothing is fitted), and with spectators also of the mean field's own distance from |Psi|^2.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.schedule import Schedule
from copympi.report.expected import ACCURACY, GAUSSIAN_FROM, PINNED_WORK, WORK, WORST
from copympi.run.plan import Job
from copympi.run.settings import happening, system_digest
from copympi.theory import lows, noise, pinned, schrodinger

Floats = NDArray[np.float64]
KEPT = 64
"""Results of the linear noise approximation that are held; settings that differ in N alone share one."""


@dataclass(frozen=True)
class Expected:
    """quantum (T, P): |Psi_a|^2 from the rounded counts at t = 0, NaN where it would take minutes. square (T,): the
    mean over beables of the expected (n_a/N - |Psi_a|^2)^2, NaN where some beable has fewer than about 20 members in
    the mean at some time, or phases are the members' own, the copy rule is another, or it would take minutes."""

    quantum: Floats
    square: Floats

    @property
    def deviation(self) -> float:
        """The expected deviation over all records after t = 0."""
        return float(np.sqrt(self.square[1:].mean())) if self.square.size > 1 else float("nan")


class Theory:
    """Works out what is expected of runs, and keeps what several of them share."""

    def __init__(self) -> None:
        self._known: OrderedDict[Any, tuple[Floats, float] | None] = OrderedDict()

    def of(self, job: Job, times: Floats) -> Expected:
        """For a run at times (T,), those of its profiles."""
        system, start, N = job.system, job.start, float(job.start.members)
        state = np.sqrt(np.asarray(start.counts, float) / N) * np.exp(-1j * start.phase)
        quantum = np.full((times.size, system.P), np.nan)
        if schrodinger.affordable(system, times, WORK, job.schedule):
            quantum = schrodinger.density(system, state, times, job.schedule)
        unknown, rule = np.full(times.size, np.nan), job.config.dynamics.rule_read
        if rule is not None and not rule.quantum:  # its noise is not known, nor is its mean field Schroedinger's
            return Expected(quantum, unknown)
        if not start.aligned or job.config.alignment is not None or np.any(start.counts == 0):
            return Expected(quantum, unknown)
        if (start.spectators and job.schedule) or job.schedule.closed(system) is not job.schedule:
            return Expected(quantum, unknown)
        if start.spectators:
            return Expected(quantum, self._pinned(job, state, quantum, times))
        found = self._noise(job, times)
        if found is None or N * found[1] < GAUSSIAN_FROM:
            return Expected(quantum, unknown)
        return Expected(quantum, found[0] / N)

    def _noise(self, job: Job, times: Floats) -> tuple[Floats, float] | None:
        """N times the mean variance (T,) and the smallest |Psi_a|^2 at any time; None where it would take minutes."""
        digests = system_digest(job.system), repr(happening(job.schedule))
        key = (*digests, job.start.state.tobytes(), times.tobytes())
        if key not in self._known:
            while len(self._known) >= KEPT:
                self._known.popitem(last=False)
            self._known[key] = _noise(job.system, job.start.state, times, job.schedule)
        self._known.move_to_end(key)
        return self._known[key]

    def _pinned(self, job: Job, state: NDArray[np.complex128], quantum: Floats, times: Floats) -> Floats:
        """With spectators, whose mean field is not Schroedinger's: bias and noise (T,)."""
        system, N = job.system, float(job.start.members)
        sigma, most = job.start.spectators / N, int(PINNED_WORK / (16 * system.P**3 + 40 * system.P**2 + 6e4))
        try:
            mean, low = pinned.mean(system, state, times, sigma, most)
            if N * min(float(low.min(initial=1.0)), float(mean.min())) < GAUSSIAN_FROM:
                return np.full(times.size, np.nan)
            variance = pinned.variance(system, state, times, sigma, most)
        except pinned.TooLong:
            return np.full(times.size, np.nan)
        return ((mean - quantum) ** 2 + variance / N).mean(axis=1)


def _noise(
    system: Any, state: NDArray[np.complex128], times: Floats, schedule: Schedule
) -> tuple[Floats, float] | None:
    P = system.P
    most = WORK / (P**3 + 2000)
    if noise.SMALL < P or not lows.affordable(system, times, WORK / 4, schedule):
        return None
    if 7 * noise.panels_for(system, times, schedule) > most:
        return None
    variance, error, _ = noise.variance(system, state, times, ACCURACY, most, schedule)
    if error > WORST:
        return None
    return variance.mean(axis=1), float(lows.lowest(system, state, times, schedule).min(initial=1.0))
