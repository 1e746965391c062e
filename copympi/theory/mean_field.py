"""The mean field of any copy rule at given times, and the linear map of small deviations along it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.mean_field import MeanField
from copympi.model.rules import QUANTUM, Rule
from copympi.model.system import System

RELATIVE = 2.5e-14
"""Relative error asked for, about as small as doubles allow: errors are bounded in absolute terms."""
MOST_STEPS = 20_000
"""From one time to the next."""
SHORTEST = 1e-12
"""A step, relative to the time it goes to, that is not halved again."""

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]


class TooStiff(Exception):
    """The mean field turns over too fast to be followed: a node."""


def evolve(
    system: System,
    state: ArrayLike,
    times: ArrayLike,
    rule: Rule = QUANTUM,
    error: float = 1e-10,
    most: int = MOST_STEPS,
) -> Complex:
    """Amplitudes sqrt(rho) exp(-i phi) at ascending `times` (T,), (T, ..., P), of the aligned infinite ensemble.

    state : (..., P) complex amplitudes at t = 0, of many ensembles at once. error : of amplitudes, in each step. most :
    steps from one time to the next.
    Raises TooStiff where it cannot be followed.
    """
    c = np.asarray(state, dtype=complex)
    return _carried(MeanField(system, rule), c, np.asarray(times, float), error, most)


def _carried(field: MeanField, c: Complex, times: Floats, error: float, most: int) -> Complex:
    shape = c.shape

    def slope(_: float, y: Floats) -> Floats:
        moved, _flow = field.moved(y.view(complex).reshape(shape))
        return np.ascontiguousarray(moved).reshape(-1).view(float)

    def bury(y: Floats, before: Floats, most: float) -> tuple[bool, bool]:
        return field.bury(y.view(complex).reshape(shape), before.view(complex).reshape(shape), most)

    out = np.empty((times.size, *shape), complex)
    start = np.array(c, order="C").reshape(-1).view(float)
    _follow(slope, start, times, error, out.reshape(times.size, -1).view(float), most, bury)
    return out


def _follow(
    slope: Any, y: Floats, times: Floats, error: float, out: Floats, most: int = MOST_STEPS, bury: Any = None
) -> None:
    """Fill out[k] with y at times[k], by steps of DOP853 that end on the times. bury : may change y after a step, or
    have it made again, half as long."""
    from scipy.integrate import DOP853  # here: it takes a tenth of a second

    now, h = 0.0, np.inf
    for k, when in enumerate(times.tolist()):
        steps = 0
        while now < when:
            first = None if np.isinf(h) else min(h, when - now)
            solver = DOP853(slope, now, y, when, rtol=RELATIVE, atol=error, first_step=first)
            changed = over = False
            while solver.status == "running" and not (changed or over):
                tried = solver.h_abs
                solver.step()
                steps += 1
                if solver.status == "failed" or steps > most:
                    raise TooStiff(f"at t = {solver.t:g}")
                if bury is not None:
                    length = solver.t - solver.t_old
                    changed, over = bury(solver.y, solver.y_old, error if length > SHORTEST * when else 1.0)
            if over:
                h, y, now = 0.5 * length, solver.y_old, float(solver.t_old)
            else:
                h, y, now = max(tried, solver.h_abs), solver.y, float(solver.t)
        out[k] = y


def linear_map(
    system: System, rho: ArrayLike, phi: ArrayLike, time: float, rule: Rule = QUANTUM, error: float = 1e-12
) -> tuple[Floats, Floats, Floats]:
    """rho and phi (P,) at `time`, and d(rho, phi)(time)/d(rho, phi)(0), (2P, 2P), by the variational equations.

    rho, phi : (P,) at t = 0, no beable empty; not through nodes.
    """
    field, P = MeanField(system, rule), system.P
    start = np.concatenate([np.asarray(rho, float), np.asarray(phi, float), np.eye(2 * P).ravel()])

    def slope(_: float, y: Floats) -> Floats:
        rho, phi, J = y[:P], y[P : 2 * P], y[2 * P :].reshape(2 * P, 2 * P)
        return np.concatenate([*field.rates(rho, phi), (field.jacobian(rho, phi) @ J).ravel()])

    out = np.empty((1, start.size))
    _follow(slope, start, np.array([time]), error, out)
    y = out[0]
    return y[:P], y[P : 2 * P], y[2 * P :].reshape(2 * P, 2 * P)


def symplectic_defect(J: Floats) -> float:
    """Largest element of J^T Omega J - Omega in size, Omega the form of conjugate rho and phi; J (2P, 2P)."""
    P = len(J) // 2
    form = np.block([[np.zeros((P, P)), np.eye(P)], [-np.eye(P), np.zeros((P, P))]])
    return float(np.abs(J.T @ form @ J - form).max())
