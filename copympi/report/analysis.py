"""A run against Schroedinger's equation, with the noise that a finite number of members must show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.observables import lattice_of
from copympi.report import expected, motion
from copympi.report.motion import Motion
from copympi.storage.reading import Results

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """All (K, P), at `time` (K,), the records looked at.

    density : n/N, the mean over replicas; quantum : |Psi|^2; mean : rho of the mean field, which is quantum but for
    spectators; expected : standard deviation of the difference of both by the linear noise approximation, NaN where it
    does not hold, 0 where there is no noise; extinct : share of replicas in which the beable is empty; noise : n/N
    less the mean field's, where N is so large that rounding and the step's error would hide it in the difference;
    else None. lost (K,) : replicas that have lost a beable by then. `expected` is for the others, and so are
    living and living_noise, density and noise of their own. words : what is to be said besides. spread : standard
    deviation of n/N among replicas, NaN of one. independent : see Theory. frozen : nothing can ever move."""

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
    dead = np.maximum.accumulate(np.any((n == 0) & (n[:, :1] > 0), axis=2), axis=1)
    alive = np.count_nonzero(~dead, axis=0)
    sigma = np.full(theory.variance.shape, np.nan)
    np.divide(theory.variance, N * alive[:, None], out=sigma, where=alive[:, None] > 0)
    known = np.all(np.isfinite(theory.variance), axis=1)
    xi = results.measured.get("fluctuation")
    noise = None if xi is None else np.asarray(xi[:, which]) / np.sqrt(N)
    return Comparison(
        results.profile_time[which],
        n.mean(axis=0) / N,
        theory.quantum,
        theory.mean,
        np.sqrt(sigma),
        (n == 0).mean(axis=0),
        None if noise is None else noise.mean(axis=0),
        R - alive,
        _over_living(n, dead) / N,
        None if noise is None else _over_living(noise, dead),
        (*theory.words, *_losses(dead, known, results.profile_time[which])),
        n.std(axis=0, ddof=1) / N if R > 1 else np.full(theory.quantum.shape, np.nan),
        theory.independent,
        all(system.frozen(n[0, 0]) for system in (results.system, *results.schedule.systems)),
    )


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
    out = values.mean(axis=0, dtype=float)
    for k in np.flatnonzero(dead.any(axis=0)):
        out[k] = values[~dead[:, k], k].mean(axis=0) if not dead[:, k].all() else np.nan
    return out
