"""A run on a lattice: where its members go, beside Schroedinger's equation on the lattice and Newton's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model import observables
from copympi.report.expected import preparation_of
from copympi.storage.reading import Results
from copympi.theory import newton as paths
from copympi.theory import schrodinger
from copympi.theory.noise import scatter

MOST_COST = 1e9
"""Multiplications for Schroedinger's equation beyond which a report goes without: a few seconds."""
CURVES, PICTURES = 5, 4
"""Most profiles shown on a chain, and on a plane."""
AXES = ("x", "y", "z")
SMOOTH, MOMENTS = 400, 10
"""Times between which curves of Schroedinger's <x> are straight; times at which the noise of <x> is worked out."""
FEW_MOST = 1e-3
"""Share of the members in beables of few above which that noise means nothing."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Means over replicas. time (T,); position, width, momentum (T, axes), momentum None where it was not recorded;
    smallest (T,) n_a of all beables and replicas; empty (T,) beables. quantum, newton (T, axes): <x> of the two
    equations, NaN where not worked out; newton NaN too where the start is no single packet. spread, sigma (T, axes):
    standard deviations of <x> among replicas, NaN of one, and of the mean over replicas by the linear noise
    approximation, NaN where not known. smooth_time (S,), smooth (S, axes): quantum at more times. shown (K,):
    profiles to be looked at, at times profile_time (K,), with density (K, P), n/N, and quantum_density (K, P) |Psi|^2
    or None."""

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
    spread: Floats
    sigma: Floats
    smooth_time: Floats
    smooth: Floats

    @property
    def difference(self) -> Floats:
        return self.position - self.quantum


def follow(results: Results) -> Motion:
    """Work all that out; Schroedinger's equation at all records, at the profiles shown alone, or not at all: as far
    as it takes seconds."""
    if results.time.size == 0:
        raise InputError("DIR", str(results.path), "must hold a record; its run has only begun")
    lattice: Any = results.system.lattice
    times, spread = results.profile_time, None
    most = CURVES if len(lattice.shape) == 1 else PICTURES
    shown = np.unique(np.linspace(0, times.size - 1, most).round().astype(int))
    if results.filtered:
        density = np.stack([results.shares(results.occupation[:, k]).mean(axis=0) for k in shown])
    else:
        density = np.stack([np.asarray(results.occupation[:, k]).mean(axis=0) for k in shown]) / float(results.members)
    if "position" in results.measured:
        time, m = results.time, results.measured
        position, width, momentum = (m[name].mean(axis=0) for name in ("position", "width", "momentum"))
        if len(m["position"]) > 1:
            spread = m["position"].std(axis=0, ddof=1)
        smallest, empty = m["smallest"].min(axis=0), m["empty"].mean(axis=0)
    else:
        time, momentum = times, None
        position, width, smallest, empty = _of_profiles(results, lattice)
    quantum, quantum_density, smooth_time, smooth = _quantum(results, lattice, time, times[shown])
    unknown = np.full(position.shape, np.nan)
    later = [(switch.at, switch.system.lattice) for switch in results.schedule.switches]
    newton = paths.path(lattice, results.state, time, later=later) if is_packet(results) else unknown
    return Motion(
        time, position, width, momentum, smallest, empty, quantum, newton, shown, times[shown], density,
        quantum_density, unknown if spread is None else spread, _sigma(results, lattice, time), smooth_time, smooth,
    )  # fmt: skip


def is_packet(results: Results) -> bool:
    """Whether the start is one packet, whose <x> and <p> Newton's equation can begin with; so where it is not said."""
    config = preparation_of(results)
    packet = config.get("packet")
    return not config or (isinstance(packet, dict) and "eigenstate" not in packet)


def _sigma(results: Results, lattice: Any, time: Floats) -> Floats:
    """Standard deviation (T, axes) of the replicas' mean <x>, at some times and between them by a straight line.

    NaN where more than FEW_MOST of the members are ever in beables of few, with phases of their own, where H is
    switched, or where it would take long.
    """
    out = np.full((time.size, len(lattice.shape)), np.nan)
    few = results.measured.get("validity_occupation")
    one_h = results.system.P <= schrodinger.DENSE_TO and not results.schedule
    if few is None or not one_h or few.max() > FEW_MOST or time[-1] <= 0:
        return out
    some = np.unique(np.linspace(0, time.size - 1, MOMENTS).round().astype(int))
    grid = np.meshgrid(*(observables.coordinates(lattice, k) for k in range(len(lattice.shape))), indexing="ij")
    for k, x in enumerate(grid):
        at = [scatter(results.system, results.state, time[i], x.ravel(), 100) if i else 0.0 for i in some]
        out[:, k] = np.sqrt(np.interp(time, time[some], at) / (float(results.members) * len(results.events)))
    return out


def _of_profiles(results: Results, lattice: Any) -> tuple[Floats, Floats, Floats, Floats]:
    """position, width, smallest and empty of runs that recorded none of them (T', ...)."""
    out: list[tuple[Any, ...]] = []
    for k in range(results.profile_time.size):
        n = np.asarray(results.occupation[:, k])
        x, width = _place(results.shares(n).mean(axis=0), lattice)
        out.append((x, width, n.min(), np.count_nonzero(n == 0, axis=1).mean()))
    return tuple(np.array(column) for column in zip(*out, strict=True))  # type: ignore[return-value]


def _place(rho: Floats, lattice: Any) -> tuple[Floats, Floats]:
    """<x> and width (axes,) of a density (P,)."""
    grid = rho.reshape(1, *lattice.shape)
    ways = [observables.position(grid, observables.coordinates(lattice, k), k + 1) for k in range(len(lattice.shape))]
    return np.array([mean[0] for mean, _ in ways]), np.array([width[0] for _, width in ways])


def _quantum(
    results: Results, lattice: Any, time: Floats, looked_at: Floats
) -> tuple[Floats, Floats | None, Floats, Floats]:
    """<x> (T, axes), |Psi|^2 at the times looked at, and more times with <x> at them, if that takes no longer."""
    system, axes = results.system, len(lattice.shape)
    x, none = np.full((time.size, axes), np.nan), (np.empty(0), np.empty((0, axes)))
    every, between = np.union1d(time, looked_at), np.linspace(time[0], time[-1], SMOOTH)
    ways = (np.union1d(every, between), every, looked_at)
    when = next((t for t in ways if schrodinger.cost(system, t, results.schedule) <= MOST_COST), None)
    if when is None:
        return x, None, *none
    density, places = np.empty((looked_at.size, system.P)), np.empty((when.size, axes))
    for k, psi in enumerate(schrodinger.stepwise(system, results.state, when, results.schedule)):
        rho = psi.real**2 + psi.imag**2
        places[k] = _place(rho, lattice)[0]
        x[time == when[k]] = places[k]
        density[looked_at == when[k]] = rho
    return x, density, *(none if when.size <= every.size else (when, places))
