"""A run on a lattice: where its members go, beside Schroedinger's equation on the lattice and Newton's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import observables
from copympi.report.expected import spectators_of
from copympi.report.numbers import humane, significant, whole
from copympi.storage.reading import Results
from copympi.theory import newton as paths
from copympi.theory import schrodinger

MOST_COST = 1e9
"""Multiplications for Schroedinger's equation beyond which a report goes without: a few seconds."""
CURVES, PICTURES = 5, 4
"""Most profiles shown on a chain, and on a plane."""
AXES = ("x", "y", "z")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Means over replicas. time (T,); position, width, momentum (T, axes), momentum None where it was not recorded;
    smallest (T,) n_a of all beables and replicas; empty (T,) beables. quantum, newton (T, axes): <x> of the two
    equations, NaN where not worked out. shown (K,): profiles to be looked at, at times profile_time (K,), with density
    (K, P), n/N, and quantum_density (K, P) |Psi|^2 or None."""

    time: Floats
    position: Floats
    width: Floats
    momentum: Floats | None
    smallest: Floats
    empty: Floats
    quantum: Floats
    newton: Floats
    shown: NDArray[np.intp]
    profile_time: Floats
    density: Floats
    quantum_density: Floats | None

    @property
    def difference(self) -> Floats:
        return self.position - self.quantum


def follow(results: Results) -> Motion:
    """Work all that out; Schroedinger's equation at all records, at the profiles shown alone, or not at all: as far
    as it takes seconds."""
    if results.time.size == 0:
        raise InputError("DIR", str(results.path), "must hold a record; its run has only begun")
    lattice: Any = results.system.lattice
    times = results.profile_time
    most = CURVES if len(lattice.shape) == 1 else PICTURES
    shown = np.unique(np.linspace(0, times.size - 1, most).round().astype(int))
    density = np.stack([np.asarray(results.occupation[:, k]).mean(axis=0) for k in shown]) / float(results.members)
    if "position" in results.measured:
        time, m = results.time, results.measured
        position, width, momentum = (m[name].mean(axis=0) for name in ("position", "width", "momentum"))
        smallest, empty = m["smallest"].min(axis=0), m["empty"].mean(axis=0)
    else:
        time, momentum = times, None
        position, width, smallest, empty = _of_profiles(results, lattice)
    quantum, quantum_density = _quantum(results, lattice, time, times[shown])
    newton = paths.path(lattice, results.state, time)
    return Motion(
        time, position, width, momentum, smallest, empty, quantum, newton, shown, times[shown], density, quantum_density
    )


def _of_profiles(results: Results, lattice: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """position, width, smallest and empty of runs that recorded none of them (T', ...)."""
    out: list[tuple[Any, ...]] = []
    for k in range(results.profile_time.size):
        n = np.asarray(results.occupation[:, k])
        x, width = _place((n / float(results.members)).mean(axis=0), lattice)
        out.append((x, width, n.min(), np.count_nonzero(n == 0, axis=1).mean()))
    return tuple(np.array(column) for column in zip(*out, strict=True))  # type: ignore[return-value]


def _place(rho: Floats, lattice: Any) -> tuple[Floats, Floats]:
    """<x> and width (axes,) of a density (P,)."""
    grid = rho.reshape(1, *lattice.shape)
    ways = [observables.position(grid, observables.coordinates(lattice, k), k + 1) for k in range(len(lattice.shape))]
    return np.array([mean[0] for mean, _ in ways]), np.array([width[0] for _, width in ways])


def _quantum(results: Results, lattice: Any, time: Floats, looked_at: Floats) -> tuple[Floats, Floats | None]:
    """<x> (T, axes) and |Psi|^2 at the times looked at."""
    system = results.system
    x = np.full((time.size, len(lattice.shape)), np.nan)
    every = np.union1d(time, looked_at)
    when = next((t for t in (every, looked_at) if schrodinger.cost(system, t) <= MOST_COST), None)
    if when is None:
        return x, None
    density = np.empty((looked_at.size, system.P))
    for t, psi in zip(when, schrodinger.stepwise(system, results.state, when), strict=True):
        rho = psi.real**2 + psi.imag**2
        x[time == t] = _place(rho, lattice)[0]
        density[looked_at == t] = rho
    return x, density


def lines(results: Results, m: Motion, rows: int = 11) -> list[str]:
    """The short table a run ends with."""
    lattice: Any = results.system.lattice
    R, unit = len(results.events), results.time_unit
    of = (
        f"mean of {R:,} replicas of {humane(results.members)} members"
        if R > 1
        else f"{humane(results.members)} members"
    )
    sites = " x ".join(f"{n:,}" for n in lattice.shape)
    kind = {"ring": "ring" if len(lattice.shape) == 1 else "torus"}.get(lattice.boundary, "open lattice")
    out = [f"  {kind} of {sites} sites, {of}", _head(unit, len(lattice.shape))]
    for k in np.unique(np.linspace(0, m.time.size - 1, rows).round().astype(int)):
        out.append(_row(m, k))
    off = m.difference[np.isfinite(m.difference)]
    if not off.size:
        out.append("  no comparison with Schrödinger's equation: it would take minutes on so many sites")
    else:
        out.append(f"  largest |<x> - Schrödinger's| = {significant(float(np.abs(off).max()))}")
    followed = np.isfinite(m.newton).all(axis=1)
    if not followed.all():
        last = f"ends at t = {m.time[followed][-1]:.6g}" if followed.any() else "is not known"
        out.append(
            f"  Newton's path {last}: then it leaves the chain, or would take minutes, so steep is the potential"
        )
    s = spectators_of(results)
    if s:
        many = f"{s:,} spectator" + "s" * (s > 1)
        out.append(f"  with {many} a site the mean field leaves Schrödinger's equation by some {s:,}/n of each flow")
    return out + _validity(results) + _regimes(results)


def _head(unit: str, axes: int) -> str:
    time = f"time [{unit}]" if unit else "time"
    each = "".join(
        f" {f'<{x}> copies':>12} {'Schrödinger':>12} {'difference':>11} {f'<p_{x}>':>9}" for x in AXES[:axes]
    )
    if axes == 1:
        each = each.replace("  <p_x>", "    <p>") + f" {'width':>9}"
    return f"  {time:>10}{each} {'smallest n':>11} {'empty':>9}"


def _row(m: Motion, k: int) -> str:
    out = f"  {m.time[k]:>10.6g}"
    for a in range(m.position.shape[1]):
        off = m.difference[k, a]
        p = None if m.momentum is None else m.momentum[k, a]
        out += f" {_number(m.position[k, a]):>12} {_number(m.quantum[k, a]):>12}"
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
