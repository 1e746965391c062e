"""Newton's equation m x'' = -dV/dx for a particle that starts at <x> and <p> of a Psi on a lattice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model import observables

Floats = NDArray[np.float64]
MOST = 40_000
"""Evaluations of the force after which a path is given up: about two seconds."""


def path(
    lattice: Any, state: ArrayLike, time: Floats, dispersion: bool = False, later: Sequence[tuple[float, Any]] = ()
) -> Floats:
    """x(t) (T, axes) from Psi = `state` (P,) at t = 0, V between the sites by cubic splines.

    NaN from where a path has left an open chain, or would take more than MOST evaluations of the force: where the
    potential is that steep, or the duration so long.

    dispersion : kinetic energy (hbar^2/m abar^2) (1 - cos(abar p/hbar)) in place of p^2/2m: the limit hbar -> 0 where
        abar p/hbar stays as it is, so that waves go on to feel the sites.
    later : (time, lattice) from when on there is another potential, in order of time.
    """
    start_state = observables.motion(np.asarray(state, complex)[None], lattice)
    A = len(lattice.shape)
    lengths = np.array(lattice.shape) * np.array(lattice.spacing)
    per_site = np.array(lattice.spacing) * lattice.mass / lattice.hbar  # rad a site, of a wave of unit velocity
    v = start_state["momentum"][0] / lattice.mass
    if dispersion:
        v = np.arcsin(np.clip(per_site * v, -1, 1)) / per_site
    start = np.concatenate([start_state["position"][0], v])
    low = np.array([observables.coordinates(lattice, k)[0] for k in range(A)])
    high = np.array([observables.coordinates(lattice, k)[-1] for k in range(A)])

    def seen(x: Any) -> Any:
        return low + np.mod(x - low, lengths) if lattice.boundary == "ring" else np.clip(x, low, high)

    def rate_by(force: Any) -> Any:
        def rate(_: float, y: Any) -> Any:
            velocity = np.sin(per_site * y[A:]) / per_site if dispersion else y[A:]
            return np.concatenate([velocity, force(seen(y[:A])) / lattice.mass])

        return rate

    span = float(time[-1])
    if span == 0:
        return np.tile(start[:A], (time.size, 1))
    x = np.full((time.size, A), np.nan)
    done = int(np.searchsorted(time, 0.0, side="right"))
    x[:done] = start[:A]
    from scipy.integrate import RK45  # here: it takes a tenth of a second

    parts, spent = [(0.0, lattice), *((at, other) for at, other in later if at < span)], 0
    for (begin, one), end in zip(parts, [*(at for at, _ in parts[1:]), span], strict=True):
        solver = RK45(rate_by(_force(one)), begin, start, end, rtol=1e-8, atol=1e-9, max_step=span / 50)
        while solver.status == "running" and spent + solver.nfev < MOST:
            solver.step()
            passed = time[done:][time[done:] <= solver.t]
            if passed.size:
                x[done : done + passed.size] = solver.dense_output()(passed)[:A].T
                done += passed.size
        start, spent = solver.y, spent + solver.nfev
        if solver.status != "finished":
            break
    if lattice.boundary != "ring":  # beyond the ends of a chain there is no potential
        x[np.maximum.accumulate(np.any((x < low) | (x > high), axis=1))] = np.nan
    return x


def _force(lattice: Any) -> Any:
    """-dV/dx as a function of x (axes,)."""
    from scipy.interpolate import CubicSpline, RectBivariateSpline

    V = np.asarray(lattice.potential).reshape(lattice.shape)
    axes = [observables.coordinates(lattice, k) for k in range(len(lattice.shape))]
    if min(lattice.shape) < 4 or np.ptp(V) == 0:
        return np.zeros_like
    if lattice.boundary == "ring":  # closed, so that the force is known between the last site and the first
        V = np.pad(V, [(0, 1)] * V.ndim, mode="wrap")
        axes = [np.append(x, x[-1] + abar) for x, abar in zip(axes, lattice.spacing, strict=True)]
    if len(axes) == 1:
        slope = CubicSpline(axes[0], V).derivative()
        return lambda x: -slope(x)
    if len(axes) == 3:
        return _force_in_a_box(axes, V)
    spline = RectBivariateSpline(*axes, V, s=0)
    return lambda x: -np.array([spline(*x, dx=1, dy=0)[0, 0], spline(*x, dx=0, dy=1)[0, 0]])


def _force_in_a_box(axes: list[Floats], V: Floats) -> Any:
    """-dV/dx as a function of x (3,): slopes at the sites by splines along each axis, and splines between them."""
    from scipy.interpolate import CubicSpline
    from scipy.ndimage import map_coordinates, spline_filter

    slopes = [spline_filter(CubicSpline(x, V, axis=k).derivative()(x), mode="nearest") for k, x in enumerate(axes)]
    first, spacing = np.array([x[0] for x in axes]), np.array([x[1] - x[0] for x in axes])

    def force(x: Any) -> Any:
        at = ((x - first) / spacing)[:, None]
        return -np.array([map_coordinates(slope, at, mode="nearest", prefilter=False)[0] for slope in slopes])

    return force
