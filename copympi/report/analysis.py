"""A run against Schroedinger's equation, with the noise that a finite number of members must show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.observables import lattice_of
from copympi.report import motion
from copympi.report.motion import Motion
from copympi.report.numbers import humane, significant, whole
from copympi.storage.reading import Results
from copympi.theory import noise, schrodinger

GAUSSIAN_FROM = 20
"""Occupations below which the linear noise approximation means nothing."""
FLOOR = 1e-10
"""Variances of sqrt(N) rho below which there is nothing but rounding: no noise is expected."""


@dataclass(frozen=True)
class Comparison:
    """All (T, P). density : n/N, the mean over replicas; quantum : |Psi|^2; expected : standard deviation of the
    difference by the linear noise approximation, NaN where it does not hold, 0 where there is no noise; extinct :
    share of replicas in which the beable is empty; noise : n/N less the mean field's, where N is so large that
    rounding and the step's error would hide it in the difference from |Psi|^2; else None."""

    time: NDArray[np.float64]
    density: NDArray[np.float64]
    quantum: NDArray[np.float64]
    expected: NDArray[np.float64]
    extinct: NDArray[np.float64]
    noise: NDArray[np.float64] | None = None

    @property
    def difference(self) -> NDArray[np.float64]:
        """What the copies' number makes of |Psi|^2: the noise where it is known by itself."""
        return self.density - self.quantum if self.noise is None else self.noise

    @property
    def mean_error(self) -> float:
        """Largest distance of the mean field from |Psi|^2, where it is known by itself."""
        return 0.0 if self.noise is None else float(np.abs(self.density - self.quantum).max())

    @property
    def sigmas(self) -> NDArray[np.float64]:
        """Difference / expected, NaN where no noise is expected or it is not known."""
        out = np.full(self.expected.shape, np.nan)
        np.divide(self.difference, self.expected, out=out, where=self.expected > 0)
        return out

    @property
    def liveliest(self) -> int:
        """The beable whose density moves most: the one to show when there is room for one."""
        return int(np.argmax(np.round(np.ptp(self.quantum, axis=0), 9)))


def compare(results: Results) -> Comparison | Motion:
    """Work out the comparison: on a lattice the motion, else beable by beable."""
    return beables(results) if lattice_of(results.system) is None else motion.follow(results)


def beables(results: Results) -> Comparison:
    """Every beable against Schroedinger's equation; the expected noise only where P is small enough for it."""
    system, n, time = results.system, np.asarray(results.occupation), results.profile_time
    R, T, P = n.shape
    if T == 0:
        raise InputError("DIR", str(results.path), "must hold a record; its run has only begun")
    quantum = schrodinger.density(system, results.state, time)
    expected = np.full((T, P), np.nan)
    N = float(results.members)
    # valid up to the first time that some beable with members runs low
    manned = n[0, 0] > 0
    low = np.any(N * quantum[:, manned] < GAUSSIAN_FROM, axis=1)
    valid = int(np.argmax(low)) if low.any() else T
    aligned = "lineages" not in results.measured  # else Schroedinger's equation is not theirs, nor is its noise
    if (
        aligned
        and P <= noise.SMALL
        and np.all(manned | (np.abs(results.state) == 0))
        and not np.any(results.state == 0)
    ):
        C = noise.covariance(system, results.state, time[:valid], accuracy=1e-4)
        variance = np.diagonal(C, axis1=1, axis2=2)[:, :P]
        expected[:valid] = np.sqrt(np.where(variance > FLOOR, variance, 0.0) / (N * R))
    xi = results.measured.get("fluctuation")
    return Comparison(
        time,
        n.mean(axis=0) / N,
        quantum,
        expected,
        (n == 0).mean(axis=0),
        None if xi is None else np.asarray(xi).mean(axis=0) / np.sqrt(N),
    )


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
    head = f"  {time:>12} {'occupation':>20} {'N |Psi|^2':>22} {'difference':>14} {'expected':>12}"
    out = [f"  beable {label}, {of}", head]
    for k in np.unique(np.linspace(0, comparison.time.size - 1, rows).round().astype(int)):
        sigma = N * comparison.expected[k, a]
        expected = "-" if np.isnan(sigma) or sigma == 0 else f"± {significant(sigma)}"
        off = N * comparison.difference[k, a]
        off = 0.0 if comparison.noise is None and abs(off) < 1e-9 * N else off
        out.append(
            f"  {comparison.time[k]:>12.6g} {whole(N * comparison.density[k, a], 0 if R == 1 else 1):>20} "
            f"{whole(N * comparison.quantum[k, a], 1):>22} {significant(off, sign=True):>14} "
            f"{expected:>12}"
        )
    z = comparison.sigmas[1:]
    z = z[np.isfinite(z)]
    if z.size:
        out.append(f"  all beables and times: rms difference / expected = {np.sqrt(np.mean(z**2)):.2f}")
    if comparison.noise is not None:
        most = significant(comparison.mean_error)
        out.append(f"  difference: from the mean field, which is within {most} N of Schrödinger's (the step's error)")
    out += _phases(results)
    dead = np.flatnonzero(comparison.extinct[-1] > comparison.extinct[0])
    for b in dead[:5]:
        share = f" in {comparison.extinct[-1, b]:.1%} of replicas" if R > 1 else ""
        out.append(f"  beable {results.system.labels[b]} is empty at the end{share}")
    if dead.size > 5:
        out.append(f"  and {dead.size - 5} beables more")
    return out


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
