"""The short table that a run on a lattice ends with."""

from __future__ import annotations

from typing import Any

import numpy as np

from copympi.model import observables
from copympi.report.expected import spectators_of
from copympi.report.motion import AXES, Motion, is_packet
from copympi.report.numbers import humane, significant, whole
from copympi.storage.reading import Results

NOISY = 2.5
"""Above it one number with a Gaussian deviation is in a run of eighty."""
SPREAD = 22
"""Width of a column of <x> with its spread among replicas."""


def lines(results: Results, m: Motion, rows: int = 11) -> list[str]:
    """The short table a run ends with."""
    lattice: Any = results.system.lattice
    R, unit = len(results.events), results.time_unit
    of = (
        f"mean ± spread of {R:,} replicas of {humane(results.number)} members"
        if R > 1
        else f"{humane(results.number)} members"
    )
    sites = " x ".join(f"{n:,}" for n in lattice.shape)
    kind = {"ring": "ring" if len(lattice.shape) == 1 else "torus"}.get(lattice.boundary, "open lattice")
    out = [f"  {kind} of {sites} sites, {of}", _head(unit, len(lattice.shape), SPREAD if R > 1 else 12)]
    for k in np.unique(np.linspace(0, m.time.size - 1, rows).round().astype(int)):
        out.append(_row(m, k))
    off = m.difference[np.isfinite(m.difference)]
    if not off.size:
        out.append("  -: no comparison with Schrödinger's equation: it would take minutes on so many sites")
    else:
        out.append(f"  largest |<x> - Schrödinger's| = {significant(float(np.abs(off).max()))}{_of_noise(m)}")
    if 0 < off.size < m.difference.size:
        out.append("  -: Schrödinger's equation was solved for some records: all of them would take minutes")
    if m.momentum is None:
        out.append("  -: <p> was not recorded (output.summaries = true does it)")
    followed = np.isfinite(m.newton).all(axis=1)
    if is_packet(results) and not followed.all():
        last = f"ends at t = {m.time[followed][-1]:.6g}" if followed.any() else "is not known"
        out.append(
            f"  Newton's path {last}: then it leaves the chain, or would take minutes, so steep is the potential"
        )
    s = spectators_of(results)
    if s:
        many = f"{s:,} spectator" + "s" * (s > 1)
        out.append(f"  with {many} a site the mean field leaves Schrödinger's equation by some {s:,}/n of each flow")
    return out + _validity(results) + _regimes(results)


def _of_noise(m: Motion) -> str:
    """In units of the noise, where that is known."""
    known = m.sigma > 0
    if not known.any():
        return ""
    z = np.abs(m.difference[known]) / m.sigma[known]
    ratio = float(np.sqrt(np.mean(z**2)))
    return f"; rms difference / expected = {ratio:.2f}: {'as noise makes it' if ratio < NOISY else 'more than noise'}"


def _head(unit: str, axes: int, wide: int) -> str:
    time = f"time [{unit}]" if unit else "time"
    each = "".join(
        f" {f'<{x}> copies':>{wide}} {'Schrödinger':>12} {'difference':>11} {f'<p_{x}>':>9}" for x in AXES[:axes]
    )
    if axes == 1:
        each = each.replace("  <p_x>", "    <p>") + f" {'width':>9}"
    return f"  {time:>10}{each} {'smallest n':>11} {'empty':>9}"


def _row(m: Motion, k: int) -> str:
    out, wide = f"  {m.time[k]:>10.6g}", 12 if np.isnan(m.spread).any() else SPREAD
    for a in range(m.position.shape[1]):
        off = m.difference[k, a]
        p = None if m.momentum is None else m.momentum[k, a]
        held = _number(m.position[k, a]) + ("" if np.isnan(m.spread[k, a]) else f" ± {significant(m.spread[k, a])}")
        out += f" {held:>{wide}} {_number(m.quantum[k, a]):>12}"
        out += f" {'-' if np.isnan(off) else significant(_clean(off), sign=True):>11} {_number(p, 4):>9}"
    if m.position.shape[1] == 1:
        out += f" {_number(m.width[k, 0], 4):>9}"
    least = m.smallest[k]
    return out + f" {whole(least) if least < 1e9 else f'{least:.3g}'.replace('e+', 'e'):>11} {m.empty[k]:>9,.6g}"


def _clean(x: float) -> float:
    """Nothing in place of rounding."""
    return 0.0 if abs(x) < 1e-12 else float(x)


def _number(x: Any, digits: int = 6) -> str:
    return "-" if x is None or np.isnan(x) else f"{_clean(x):.{digits}g}"


def _validity(results: Results) -> list[str]:
    """How well (62) is obeyed, at its worst."""
    if "validity_phase" not in results.measured:
        return []
    few = float(results.measured["validity_occupation"].max())
    step = float(results.measured["validity_phase"].max())
    return [
        f"  (62), at the worst: {significant(100 * few)}% of the members in beables with n < {observables.FEW}, "
        f"abar |dS/dx|/hbar = {step:.3g}"
    ]


def _regimes(results: Results) -> list[str]:
    """How the beables' numbers are held at the end; means over replicas."""
    if "regime" not in results.measured:
        return []
    regime = np.asarray(results.measured["regime"][:, -1])
    empty, few, many = (np.count_nonzero(regime == code) / len(regime) for code in range(3))
    return [f"  at the end {many:,.6g} sites are Gaussian, {few:,.6g} hold whole numbers, {empty:,.6g} are empty"]
