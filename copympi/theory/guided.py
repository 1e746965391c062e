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
FAINT = 1e-24
"""Of |Psi_b|^2: from there on Psi_b is rounding, and nobody who is there is said to leave."""


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
    psi = path.psi(moments)
    return np.asarray(rates(H, psi, mixing) * (np.abs(psi) ** 2 >= FAINT)[:, None, :])


def _weights(path: paths.Path, crowding: float, moments: Floats) -> Floats:
    """The most that there can be in each beable, (K, P), as a share of all, at moments (K,)."""
    return np.asarray(np.minimum(crowding * np.abs(path.psi(moments)) ** 2, 1.0))


def transitions(
    system: System,
    state: ArrayLike,
    times: ArrayLike,
    mixing: float = 0.0,
    schedule: Schedule = NOTHING,
    accuracy: float = ACCURACY,
    *,
    shares: ArrayLike | None = None,
    most: float = np.inf,
) -> Floats:
    """M from time 0 to each of the ascending `times` (T,) >= 0, (T, P, P); columns: where from.

    state : (P,) Psi at time 0. schedule : of switches alone; ValueError where it has filters. shares : (P,) of systems
    that begin in each beable, None for |Psi|^2: of all of them together M is right to about `accuracy`, since there
    are never more in b than max_c (shares_c/|Psi_c(0)|^2) |Psi_b|^2. Raises ordered.TooManyPanels where it would take
    more than `most` panels between two switches.
    """
    if schedule.filters:
        raise ValueError("schedule: must have no filters, by which members leave")
    t, psi = np.asarray(times, dtype=float), np.asarray(state, dtype=complex)
    crowding = _crowding(psi, np.abs(psi) ** 2 if shares is None else np.asarray(shares, dtype=float))
    M, out = np.eye(system.P), [np.empty((0, system.P, system.P))]
    for begin, end, part, one in schrodinger.stretches(system, t, schedule):
        path, H = paths.of(one, psi), one.frequencies.toarray()
        edges = np.unique(np.concatenate([[0.0], t[part] - begin, [end - begin]]))
        found = [M]
        if edges.size > 1:
            longest = memory.ANGLE / max(float(np.ptp(path.energy)), 1e-300)
            generator, weights = partial(_generator, path, H, mixing), partial(_weights, path, crowding)
            for step in ordered.between(generator, edges, longest, accuracy, weights=weights, most=most):
                found.append(step @ found[-1])
        out.append(np.array(found)[np.searchsorted(edges, t[part] - begin)])
        M, psi = found[-1], path.psi(edges[-1:])[0]
    return np.concatenate(out)


def _crowding(psi: NDArray[np.complex128], shares: Floats) -> float:
    """The largest ratio of `shares` (P,) to |Psi|^2 (P,), both made to sum to 1: it never grows. 1 in equilibrium."""
    rho = np.abs(psi) ** 2 / np.sum(np.abs(psi) ** 2)
    some = shares > 0
    return float(np.max(shares[some] / np.maximum(rho[some], FAINT)) / shares.sum())


def panels_for(system: System, work: float) -> float:
    """How many panels so many multiplications are."""
    return work / (40 * (system.P**3 + 200.0))


def cost(system: System, times: ArrayLike, schedule: Schedule = NOTHING) -> float:
    """About how many multiplications `transitions` takes, where no rates of leaving grow without bound for long."""
    t = np.asarray(times, dtype=float)
    panels = float(t.size)
    for begin, end, _, one in schrodinger.stretches(system, t, schedule):
        panels += 1 + (end - begin) * 2 * schrodinger.spectrum(one)[1] / memory.ANGLE
    return REFINED * panels / panels_for(system, 1.0)


def spread(M: Floats, shares: Floats) -> Floats:
    """N Var(n_a/N), (T, P), of N systems, `shares` (P,) of whom begin in each beable, after M (T, P, P)."""
    return np.asarray((M * (1 - M)) @ shares)
