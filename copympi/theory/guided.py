"""Systems that Psi guides, whom nobody copies: where they go, with Vink's symmetric part and an H that is switched.

To those of `memory.rates` comes 2 m R_ab |Psi_a|/|Psi_b|: the same flow both ways, by which |Psi|^2 does not change.
Systems are independent, so that of n_b that begin in b, M_ab n_b of them are in a at t in the mean, and

    N Var(n_a/N) = sum_b (n_b/N) M_ab (1 - M_ab).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.schedule import NOTHING, Schedule
from copympi.model.system import System
from copympi.theory import memory, ordered, paths, schrodinger

Floats = NDArray[np.float64]
ACCURACY = 1e-6
REFINED = 8
"""About so many panels stand for one that nodes and turning flows do not halve."""


def rates(H: NDArray[np.complex128], psi: NDArray[np.complex128], mixing: float) -> Floats:
    """W (..., P, P) at Psi (..., P), 1/time, H/hbar (P, P); [..., a, b] from b to a."""
    out = memory.rates(H, psi)
    if mixing:
        size = np.abs(psi)
        each = np.arange(psi.shape[-1])
        more = 2 * mixing * np.abs(H) * size[..., :, None] / np.where(size > 0, size, np.inf)[..., None, :]
        more[..., each, each] = 0.0
        out += more
        out[..., each, each] -= more.sum(axis=-2)
    return out


def _generator(path: paths.Path, H: NDArray[np.complex128], mixing: float, moments: Floats) -> Floats:
    """W (K, P, P) at moments (K,)."""
    return rates(H, path.psi(moments), mixing)


def transitions(
    system: System,
    state: ArrayLike,
    times: ArrayLike,
    mixing: float = 0.0,
    schedule: Schedule = NOTHING,
    accuracy: float = ACCURACY,
) -> Floats:
    """M from time 0 to each of the ascending `times` (T,) >= 0, (T, P, P); columns: where from.

    state : (P,) Psi at time 0. schedule : of switches alone; ValueError where it has filters.
    """
    if schedule.filters:
        raise ValueError("schedule: must have no filters, by which members leave")
    t, psi = np.asarray(times, dtype=float), np.asarray(state, dtype=complex)
    M, out = np.eye(system.P), [np.empty((0, system.P, system.P))]
    for begin, end, part, one in schrodinger.stretches(system, t, schedule):
        path, H = paths.of(one, psi), one.frequencies.toarray()
        edges = np.unique(np.concatenate([[0.0], t[part] - begin, [end - begin]]))
        found = [M]
        if edges.size > 1:
            longest = memory.ANGLE / max(float(np.ptp(path.energy)), 1e-300)
            generator = partial(_generator, path, H, mixing)
            for step in ordered.between(generator, edges, longest, accuracy):
                found.append(step @ found[-1])
        out.append(np.array(found)[np.searchsorted(edges, t[part] - begin)])
        M, psi = found[-1], path.psi(edges[-1:])[0]
    return np.concatenate(out)


def cost(system: System, times: ArrayLike, schedule: Schedule = NOTHING) -> float:
    """About how many multiplications `transitions` takes."""
    t = np.asarray(times, dtype=float)
    panels = float(t.size)
    for begin, end, _, one in schrodinger.stretches(system, t, schedule):
        panels += 1 + (end - begin) * 2 * schrodinger.spectrum(one)[1] / memory.ANGLE
    return REFINED * panels * 40 * (system.P**3 + 200.0)


def spread(M: Floats, shares: Floats) -> Floats:
    """N Var(n_a/N), (T, P), of N systems, `shares` (P,) of whom begin in each beable, after M (T, P, P)."""
    return np.asarray((M * (1 - M)) @ shares)
