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
from copympi.report.numbers import humane, significant, whole
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
    living and living_noise, density and noise of their own. words : what is to be said besides."""

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
    )


def _losses(dead: NDArray[np.bool_], known: Any, time: Floats) -> list[str]:
    """What to say of replicas that have lost a beable (R, K), where noise would be expected of them (K,)."""
    lost = np.count_nonzero(dead, axis=0) * known
    if not lost.any():
        return []
    first = f"{time[int(np.argmax(lost > 0))]:.6g}"
    if len(dead) == 1:
        return [f"no expected noise from t = {first} on: a beable is lost"]
    return [
        f"from t = {first} on the ratio leaves out ensembles that have lost a beable, {lost.max():,} of {len(dead):,}"
    ]


def _over_living(values: NDArray[Any], dead: NDArray[np.bool_]) -> Floats:
    """Means over the replicas that are not dead (R, K) of values (R, K, P); NaN where all are."""
    out = values.mean(axis=0, dtype=float)
    for k in np.flatnonzero(dead.any(axis=0)):
        out[k] = values[~dead[:, k], k].mean(axis=0) if not dead[:, k].all() else np.nan
    return out


def lines(results: Results, comparison: Comparison | Motion, rows: int = 11) -> list[str]:
    """The short table a run ends with."""
    if isinstance(comparison, Motion):
        return motion.lines(results, comparison, rows) + _phases(results)
    a = comparison.liveliest
    N, R = float(results.members), results.occupation.shape[0]
    unit = results.time_unit
    label = results.system.labels[a]
    of = (
        f"mean of {R:,} replicas of {humane(results.members)} members"
        if R > 1
        else f"{humane(results.members)} members"
    )
    time = f"time [{unit}]" if unit else "time"
    pinned = bool(np.nanmax(np.abs(comparison.mean - comparison.quantum), initial=0.0) > 0)
    head = f"  {time:>12} {'occupation':>20} {'N |Psi|^2':>22}"
    head += (f" {'mean field':>22}" if pinned else "") + f" {'difference':>14} {'expected':>12}"
    out = [f"  beable {label}, {of}", head]
    for k in np.unique(np.linspace(0, comparison.time.size - 1, rows).round().astype(int)):
        sigma = N * comparison.expected[k, a]
        said = "-" if np.isnan(sigma) or sigma == 0 or comparison.lost[k] else f"± {significant(sigma)}"
        off = N * comparison.difference[k, a]
        off = 0.0 if comparison.noise is None and abs(off) < 1e-9 * N else off
        out.append(
            f"  {comparison.time[k]:>12.6g} {whole(N * comparison.density[k, a], 0 if R == 1 else 1):>20} "
            f"{_mean(N * comparison.quantum[k, a]):>22} "
            + (f"{_mean(N * comparison.mean[k, a]):>22} " if pinned else "")
            + f"{'-' if np.isnan(off) else significant(off, sign=True):>14} {said:>12}"
        )
    out += _ratio(comparison)
    if comparison.noise is not None:
        most = significant(comparison.mean_error)
        out.append(f"  difference: from the mean field, which is within {most} N of Schrödinger's (the step's error)")
    out += [f"  {word}" for word in comparison.words]
    out += _phases(results)
    dead = np.flatnonzero(comparison.extinct[-1] > comparison.extinct[0])
    for b in dead[:5]:
        share = f" in {comparison.extinct[-1, b]:.1%} of replicas" if R > 1 else ""
        out.append(f"  beable {results.system.labels[b]} is empty at the end{share}")
    if dead.size > 5:
        out.append(f"  and {dead.size - 5} beables more")
    return out


def _mean(x: float) -> str:
    return "-" if np.isnan(x) else whole(x, 1)


def _ratio(c: Comparison) -> list[str]:
    """Difference over expected in all."""
    z = c.sigmas[1:]
    z = z[np.isfinite(z)]
    return [f"  all beables and times: rms difference / expected = {np.sqrt(np.mean(z**2)):.2f}"] if z.size else []


def _phases(results: Results) -> list[str]:
    """What became of phases that members have of their own, at the start and at the end; means over replicas."""
    m = results.measured
    if "lineages" not in m:
        return []
    share = np.asarray(results.occupation) / float(results.members)
    order = [
        np.nansum(share * np.asarray(m[name]), axis=2).mean(axis=0)[[0, -1]] for name in ("coherence", "coherence2")
    ]
    left = np.asarray(m["lineages"]).sum(axis=2).mean(axis=0)[[0, -1]]
    out = [
        f"  phases: |<e^i phi>| {order[0][0]:.4f} -> {order[0][1]:.4f}, |<e^2i phi>| {order[1][0]:.4f} -> "
        f"{order[1][1]:.4f}, {left[0]:,.6g} -> {left[1]:,.6g} distinct; Schrödinger's is for aligned ones"
    ]
    if "energy" in m:
        first, last = m["energy"].mean(axis=0)[[0, -1]]
        out.append(f"  H/hbar of the alignment model: {first:.6g} -> {last:.6g}, drift {last - first:+.3g}")
    return out
