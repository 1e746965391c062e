"""The short table a run ends with, and what there is to say about it in words."""

from __future__ import annotations

import numpy as np

from copympi.report import motion_table
from copympi.report.analysis import Comparison
from copympi.report.motion import Motion
from copympi.report.numbers import humane, significant, whole
from copympi.storage.reading import Results

RARE, NEVER = 0.01, 1e-4
"""Shares of runs whose rms is further off one: fewer than these are called unlikely, and wrong."""
SHARE = 6
"""Digits of a share of infinitely many members."""
FROZEN = (
    "nothing moved, and nothing can: no beable with members has a neighbour with members, and a copy needs somebody to "
    "copy",
    "  (preparation.spectators, admixture or basis help)",
)


def lines(results: Results, comparison: Comparison | Motion, rows: int = 11) -> list[str]:
    """The table, and below it what a dash in it means, a verdict, and what became of phases and of empty beables."""
    if isinstance(comparison, Motion):
        return motion_table.lines(results, comparison, rows) + _phases(results)
    R = results.occupation.shape[0]
    many = f"mean ± spread of {R:,} replicas of " if R > 1 else ""
    label = results.system.labels[comparison.liveliest]
    out = [f"  beable {label}, {many}{humane(results.number)} members", _head(results, comparison)]
    for k in np.unique(np.linspace(0, comparison.time.size - 1, rows).round().astype(int)):
        out.append(_row(results, comparison, int(k)))
    if comparison.frozen:
        out += [f"  {word}" for word in FROZEN]
    out += _ratio(comparison)
    if comparison.noise is not None:
        most = significant(comparison.mean_error)
        out.append(f"  difference: from the mean field, which is within {most} N of Schrödinger's (the step's error)")
    out += [f"  {word}" for word in comparison.words]
    return out + _phases(results) + _emptied(results, comparison)


def _pinned(c: Comparison) -> bool:
    """Whether the mean field is another than Schroedinger's."""
    return bool(np.nanmax(np.abs(c.mean - c.quantum), initial=0.0) > 0)


def _head(results: Results, c: Comparison) -> str:
    time = f"time [{results.time_unit}]" if results.time_unit else "time"
    mean = f" {'mean field':>22}" if _pinned(c) else ""
    return f"  {time:>12} {'occupation':>20} {'N |Psi|^2':>22}{mean} {'difference':>14} {'expected':>12}"


def _row(results: Results, c: Comparison, k: int) -> str:
    N, R, a = float(c.members[k]), results.occupation.shape[0], c.liveliest
    sigma, spread = N * c.expected[k, a], N * c.spread[k, a]
    said = "-" if np.isnan(sigma) or c.lost[k] else f"± {significant(sigma)}" if sigma > 0 else "0"
    off = N * c.difference[k, a]
    off = 0.0 if c.noise is None and abs(off) < 1e-9 * N else off
    digits = SHARE if results.infinite else 0 if R == 1 else 1
    n = N * c.density[k, a] if N > 0 else 0.0
    held = whole(n, digits) + (f" ± {significant(spread)}" if R > 1 else "")
    mean = f"{_mean(N * c.mean[k, a], digits):>22} " if _pinned(c) else ""
    difference = "-" if np.isnan(off) else significant(off, sign=True)
    return f"  {c.time[k]:>12.6g} {held:>20} {_mean(N * c.quantum[k, a], digits):>22} {mean}{difference:>14} {said:>12}"


def _emptied(results: Results, c: Comparison) -> list[str]:
    """Beables that became empty."""
    R, dead = results.occupation.shape[0], np.flatnonzero(c.extinct[-1] > c.extinct[0])
    out = []
    for b in dead[:5]:
        share = f" in {c.extinct[-1, b]:.1%} of replicas" if R > 1 else ""
        out.append(f"  beable {results.system.labels[b]} is empty at the end{share}")
    return [*out, f"  and {dead.size - 5} beables more"] if dead.size > 5 else out


def _mean(x: float, digits: int) -> str:
    return "-" if np.isnan(x) else whole(x, max(digits, 1))


def _ratio(c: Comparison) -> list[str]:
    """Difference over expected in all, and whether that is as it should be."""
    z = c.sigmas[1:]
    z = z[np.isfinite(z)]
    if not z.size:
        return []
    ratio = float(np.sqrt(np.mean(z**2)))
    known = c.independent > 0  # else the fewest that there can be
    return [
        f"  all beables and times: rms difference / expected = {ratio:.2f}: "
        + verdict(ratio, c.independent if known else max(1, c.density.shape[1] - 1))
    ]


def verdict(ratio: float, independent: float) -> str:
    """Whether an rms of so many independent Gaussian numbers, each in units of its sigma, is as it should be."""
    from scipy.special import chdtri, gammaincinv  # here: it takes a tenth of a second

    half = 0.5 * independent
    low, high = (np.sqrt(q) for q in (gammaincinv(half, RARE / 2) / half, chdtri(independent, RARE / 2) / independent))
    between = f"{low:.2f} to {high:.2f} in 99 of 100 runs"
    if low <= ratio <= high:
        return f"as it should be ({between})"
    least, most = gammaincinv(half, NEVER / 2) / half, chdtri(independent, NEVER / 2) / independent
    if least <= ratio**2 <= most:
        return f"unlikely, but possible ({between})"
    return f"NOT as it should be ({between})"


def _phases(results: Results) -> list[str]:
    """What became of phases that members have of their own, at the start and at the end; means over replicas."""
    m = results.measured
    if "lineages" not in m:
        return []
    share = results.shares(results.occupation)
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
