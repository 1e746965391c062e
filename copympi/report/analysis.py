"""A run against Schroedinger's equation, with the noise that a finite number of members must show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.observables import lattice_of
from copympi.model.system import stuck
from copympi.report import expected, motion
from copympi.report.motion import Motion
from copympi.report.numbers import significant, whole
from copympi.storage.reading import Results

NAMED = 5
"""Beables of a filter that are named one by one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """All (K, P), at `time` (K,), the records looked at.

    density : n/N, the mean over replicas; quantum : |Psi|^2; mean : rho of the mean field, which is quantum but for
    spectators and filters; expected : standard deviation of the difference of both by the linear noise approximation,
    NaN where it does not hold, 0 where there is no noise; extinct : share of replicas in which the beable is empty, by
    no filter; noise : n/N less the mean field's, where N is so large that rounding and the step's error would hide it
    in the difference; else None. lost (K,) : replicas that have lost a beable by then, to no filter. `expected` is for
    the others, and so are living and living_noise, density and noise of their own. words : what is to be said besides.
    spread : standard deviation of n/N among replicas, NaN of one. independent : see Theory. frozen : nothing can ever
    move. members (K,) : N, its mean over replicas."""

    time: Floats
    density: Floats
    quantum: Floats
    mean: Floats
    expected: Floats
    extinct: Floats
    noise: Floats | None
    lost: NDArray[np.int64]
    living: Floats
    living_noise: Floats | None
    words: tuple[str, ...]
    spread: Floats
    independent: float
    frozen: bool
    members: Floats

    @property
    def reference(self) -> Floats:
        """The mean field, or where that is not known |Psi|^2."""
        return np.where(np.isnan(self.mean), self.quantum, self.mean)

    @property
    def difference(self) -> Floats:
        """What the copies' number makes of the mean field: the noise where it is known by itself."""
        return self.density - self.reference if self.noise is None else self.noise

    @property
    def mean_error(self) -> float:
        """Largest distance of the mean field from |Psi|^2, where it is known by itself."""
        return 0.0 if self.noise is None else float(np.abs(self.density - self.quantum).max())

    @property
    def sigmas(self) -> Floats:
        """Difference / expected of the replicas that have all their beables, NaN where it is not known."""
        out = np.full(self.expected.shape, np.nan)
        off = self.living - self.mean if self.living_noise is None else self.living_noise
        np.divide(off, self.expected, out=out, where=self.expected > 0)
        return out

    @property
    def liveliest(self) -> int:
        """The beable whose density moves most: the one to show when there is room for one."""
        curve = self.density if np.isnan(self.quantum).any() else self.quantum
        return int(np.argmax(np.round(np.ptp(curve, axis=0), 9)))


def compare(results: Results) -> Comparison | Motion:
    """Work out the comparison: on a lattice the motion, else beable by beable."""
    return beables(results) if lattice_of(results.system) is None else motion.follow(results)


def beables(results: Results) -> Comparison:
    """Every beable against Schroedinger's equation and the mean field, with the expected noise."""
    if results.profile_time.size == 0:
        raise InputError("DIR", str(results.path), "must hold a record; its run has only begun")
    which = expected.kept(results)
    every = which.size == results.profile_time.size
    n = np.asarray(results.occupation if every else results.occupation[:, which])
    R, N = n.shape[0], float(results.members)
    theory = expected.work_out(results, which, n[:, 0])
    still = expected.still_open(results, which)
    copies = expected.mixing_of(results) is None  # who is guided by Psi comes back to an empty beable
    dead = np.maximum.accumulate(np.any((n == 0) & (n[:, :1] > 0) & still, axis=2), axis=1) & copies
    alive = np.count_nonzero(~dead, axis=0)
    sigma = np.full(theory.variance.shape, np.nan)
    np.divide(theory.variance, N * alive[:, None], out=sigma, where=alive[:, None] > 0)
    known = np.all(np.isfinite(theory.variance), axis=1)
    xi = results.measured.get("fluctuation")
    noise, members = None, np.full(which.size, N)
    values, unit = (results.shares(n), 1.0) if results.filtered else (n, N)
    if results.filtered:
        members = n.sum(axis=2, dtype=float).mean(axis=0)
    if xi is not None:
        noise = np.asarray(xi[:, which]) / np.sqrt(n.sum(axis=2, dtype=float)[:, :, None] if results.filtered else N)
    return Comparison(
        results.profile_time[which],
        _mean(values) / unit,
        theory.quantum,
        theory.mean,
        np.sqrt(sigma),
        ((n == 0) & still).mean(axis=0),
        None if noise is None else _mean(noise),
        R - alive,
        _over_living(values, dead) / unit,
        None if noise is None else _over_living(noise, dead),
        (
            *(f"filter at {said}" for said in filters(results)),
            *theory.words,
            *_losses(dead, known, results.profile_time[which]),
        ),
        _spread(values) / unit,
        theory.independent,
        copies and stuck(n[0, 0], (results.system, *results.schedule.systems)),
        members,
    )


def filters(results: Results, to_come: bool = False) -> list[str]:
    """Of each filter that has come its time, its beables and what is left, in words; of those to come too, if asked."""
    out = []
    for entry in results.schedule.filters:
        after = np.flatnonzero(results.time > entry.at)
        who = [str(results.system.labels[a]) for a in entry.beables]
        who = [*who[:NAMED], f"{len(who) - NAMED} more"] if len(who) > NAMED + 1 else who
        said = f"t = {entry.at:g}: of {', '.join(who)}"
        if after.size and results.filtered:
            N = np.asarray(results.measured["members"][:, after[0]], float)
            spread = f" ± {significant(N.std(ddof=1))}" if N.size > 1 else ""
            left = f"of the members {significant(N.mean())}" if results.infinite else f"N = {whole(N.mean())}"
            out.append(f"{said}; {left}{spread} from there on")
        elif to_come:
            out.append(f"{said}; no record after it")
    return out


def _mean(values: NDArray[Any]) -> Floats:
    """Means (K, P) over replicas; those in which nobody is left have NaN, and are left out."""
    there = np.isfinite(values)
    if there.all():
        return np.asarray(values.mean(axis=0))
    total, many = np.where(there, values, 0.0).sum(axis=0), there.sum(axis=0)
    return np.divide(total, many, out=np.full(total.shape, np.nan), where=many > 0)


def _spread(values: NDArray[Any]) -> Floats:
    """Standard deviations (K, P) among replicas that have members; NaN of one."""
    if np.isfinite(values).all():
        return values.std(axis=0, ddof=1) if len(values) > 1 else np.full(values.shape[1:], np.nan)
    there = np.isfinite(values)
    square, many = np.where(there, values - _mean(values), 0.0) ** 2, there.sum(axis=0)
    total = square.sum(axis=0)
    return np.sqrt(np.divide(total, many - 1, out=np.full(total.shape, np.nan), where=many > 1))


def _losses(dead: NDArray[np.bool_], known: Any, time: Floats) -> list[str]:
    """What to say of replicas that have lost a beable (R, K), where noise would be expected of them (K,)."""
    lost = np.count_nonzero(dead, axis=0) * known
    if not lost.any():
        return []
    first = f"{time[int(np.argmax(lost > 0))]:.6g}"
    if len(dead) == 1:
        return [f"-: no expected noise from t = {first} on: a beable is lost"]
    some = f"{lost.max():,} of {len(dead):,} ensembles have lost a beable"
    return [f"-: from t = {first} on {some}; the ratio leaves them out"]


def _over_living(values: NDArray[Any], dead: NDArray[np.bool_]) -> Floats:
    """Means over the replicas that are not dead (R, K) of values (R, K, P); NaN where all are."""
    out = np.array(_mean(values), float)
    for k in np.flatnonzero(dead.any(axis=0)):
        out[k] = values[~dead[:, k], k].mean(axis=0) if not dead[:, k].all() else np.nan
    return out
