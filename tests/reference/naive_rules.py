"""Naive, slow, obvious forms of the whole class of copy rules: the oracle for what the fast code makes of a rule.

Independent of the package: NumPy and SciPy only, nothing imported from it. Equation numbers are those of L. Smolin,
Found. Phys. 42 (2012) 1239, with the errata of docs/theory.md. Nothing here is clever; verify it by eye.

A rule has powers q, r and harmonics k, each with R'^k, delta^k (copying) and R^k, delta'^k (phases), (P, P) arrays.
With D = phi_a - phi_b, one member of b moves to a at the rate (n_a/n_b)^q sum_k R'^k_ab sin+(k D + delta^k_ab) (18),
and dphi_a/dt = omega_a + sum_b (n_a/n_b)^r sum_k R^k_ab cos(k D + delta'^k_ab) (19). Where n_a or n_b is 0 all is 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Harmonic(NamedTuple):
    """k; R'^k, delta^k, R^k, delta'^k, each (P, P): at [a, b] for D = phi_a - phi_b."""

    k: int
    copying: Floats
    copying_shift: Floats
    turning: Floats
    turning_shift: Floats


class Law(NamedTuple):
    """omega (P,), powers, harmonics; n_a + more in place of n_a, and of n_b, where powers are taken."""

    omega: Floats
    q: float
    r: float
    harmonics: list[Harmonic]
    more: float = 0.0


def law(
    H: ArrayLike, q: float, r: float, harmonics: list[tuple[int, float, float, float, float]], hbar: float = 1.0
) -> Law:
    """Harmonics as (k, copying, turning, copying_shift, turning_shift): multiples of R_ab, and shifts that are added to
    k delta_ab for a < b, taken off for a > b (38)."""
    G = np.asarray(H, dtype=complex) / hbar
    R, delta = np.abs(G), np.angle(G)
    np.fill_diagonal(R, 0.0)
    odd = np.sign(np.arange(len(G))[None, :] - np.arange(len(G))[:, None])  # +1 at [a, b] for a < b
    rows = [
        Harmonic(k, copying * R, k * delta + c * odd, turning * R, k * delta + t * odd)
        for k, copying, turning, c, t in harmonics
    ]
    return Law(np.diag(G).real.copy(), q, r, rows)


def copy_rates(n: Floats, phi: Floats, law: Law) -> Floats:
    """(18): rates (..., P, P) of ONE member in b to move to a, at [..., b, a]; n, phi (..., P)."""
    D = phi[..., None, :] - phi[..., :, None]  # phi_a - phi_b at [b, a]
    total = sum(h.copying.T * np.maximum(0.0, np.sin(h.k * D + h.copying_shift.T)) for h in law.harmonics)
    return power(n[..., None, :], n[..., :, None], law.q, law.more) * total


def turn_rates(n: Floats, phi: Floats, law: Law) -> Floats:
    """(19): dphi/dt (..., P); n, phi (..., P)."""
    D = phi[..., :, None] - phi[..., None, :]  # phi_a - phi_b at [a, b]
    total = sum(h.turning * np.cos(h.k * D + h.turning_shift) for h in law.harmonics)
    return law.omega + np.sum(power(n[..., :, None], n[..., None, :], law.r, law.more) * total, axis=-1)


def power(above: Floats, below: Floats, exponent: float, more: float = 0.0) -> Floats:
    """((above + more)/(below + more))^exponent, 0 where either is 0."""
    there = (above > 0) & (below > 0)
    ratio = (np.where(there, above, 1.0) + more) / (np.where(there, below, 1.0) + more)
    return np.where(there, ratio**exponent, 0.0)


def mean_field(law: Law, rho: ArrayLike, phi: ArrayLike, times: ArrayLike, spectators: float = 0.0) -> Floats:
    """(rho, phi) (T, 2P) at ascending times from the start, by DOP853; spectators: their part of N, of each beable."""
    P = len(law.omega)

    def velocity(_: float, y: Floats) -> Floats:
        movable = np.where(y[:P] > spectators, y[:P] - spectators, 0.0)
        flow = movable[:, None] * copy_rates(y[:P], y[P:], law)  # b -> a at [b, a]
        return np.concatenate([flow.sum(axis=0) - flow.sum(axis=1), turn_rates(y[:P], y[P:], law)])

    start, times = np.concatenate([rho, phi]).astype(float), np.asarray(times, dtype=float)
    found = solve_ivp(velocity, (0.0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-12, max_step=0.01)
    return np.asarray(found.y.T)


def covariance(law: Law, rho: ArrayLike, phi: ArrayLike, time: float) -> Floats:
    """van Kampen's N Cov of (rho, phi) at `time`, (2P, 2P), 0 at the start: dC/dt = J C + C J^T + D.

    J is the Jacobian of the mean field, by differences; D has the sum of both directions' flows, on rho alone.
    """
    P = len(law.omega)

    def flows(y: Floats) -> Floats:
        return y[:P, None] * copy_rates(y[:P], y[P:], law)

    def drift(y: Floats) -> Floats:
        flow = flows(y)
        return np.concatenate([flow.sum(axis=0) - flow.sum(axis=1), turn_rates(y[:P], y[P:], law)])

    def velocity(_: float, z: Floats) -> Floats:
        y, C = z[: 2 * P], z[2 * P :].reshape(2 * P, 2 * P)
        small = 1e-6 * np.eye(2 * P)
        J = np.column_stack([(drift(y + d) - drift(y - d)) / 2e-6 for d in small])
        both, D = flows(y) + flows(y).T, np.zeros((2 * P, 2 * P))
        D[:P, :P] = np.diag(both.sum(axis=0)) - both
        return np.concatenate([drift(y), (J @ C + C @ J.T + D).ravel()])

    start = np.concatenate([rho, phi, np.zeros(4 * P * P)])
    end = solve_ivp(velocity, (0.0, time), start, "DOP853", rtol=1e-5, atol=1e-7, max_step=0.05).y[:, -1]
    return np.asarray(end[2 * P :].reshape(2 * P, 2 * P))


def events(
    law: Law, counts: ArrayLike, phase: ArrayLike, times: ArrayLike, step: float, runs: int, seed: int,
    spectators: int = 0,
) -> Ints:  # fmt: skip
    """The exact process, event by event, of independent runs: n (runs, T, P) at ascending times.

    Thinning: between events n is constant, and no hazard of a jump b -> a exceeds (n_b - s) (n_a/n_b)^q sum_k R'^k.
    Candidates come at the sum of these bounds; one is taken with the ratio of the hazards to it. Phases follow (19) by
    Runge and Kutta's rule in steps of at most `step`. Each run has its own clock and moves to whatever comes first.
    """
    P, rng, times = len(law.omega), np.random.default_rng(seed), np.asarray(times, dtype=float)
    most = sum(h.copying.T for h in law.harmonics)
    n = np.tile(np.asarray(counts, dtype=float), (runs, 1))
    phi = np.tile(np.asarray(phase, dtype=float), (runs, 1))
    out = np.zeros((runs, len(times), P), dtype=np.int64)
    clock, done = np.zeros(runs), np.zeros(runs, dtype=np.int64)
    while np.any(done < len(times)):
        live = np.flatnonzero(done < len(times))
        bound = (n[live, :, None] - spectators) * power(n[live, None, :], n[live, :, None], law.q, law.more) * most
        total = bound.sum(axis=(1, 2))
        wait = rng.exponential(size=live.size) / np.where(total > 0.0, total, 1e-300)  # memoryless: drawn anew
        goal = np.minimum(clock[live] + np.minimum(wait, step), times[done[live]])
        phi[live] = turned(n[live], phi[live], (goal - clock[live])[:, None], law)
        candidate = goal == clock[live] + wait
        clock[live] = goal
        now = live[candidate]
        hazard = (n[now, :, None] - spectators) * copy_rates(n[now], phi[now], law)
        cumulative = np.cumsum(hazard.reshape(-1, P * P), axis=1)
        jump = np.sum(rng.random(now.size)[:, None] * total[candidate, None] >= cumulative, axis=1)
        b, a = np.divmod(jump[jump < P * P], P)
        n[now[jump < P * P], b] -= 1
        n[now[jump < P * P], a] += 1
        due = live[clock[live] == times[done[live]]]
        out[due, done[due]] = n[due]
        done[due] += 1
    return out


def turned(n: Floats, phi: Floats, h: Floats, law: Law) -> Floats:
    """Phases (runs, P) after a time h (runs, 1) of (19) with n (runs, P) constant: the classical Runge-Kutta step."""
    k1 = turn_rates(n, phi, law)
    k2 = turn_rates(n, phi + 0.5 * h * k1, law)
    k3 = turn_rates(n, phi + 0.5 * h * k2, law)
    k4 = turn_rates(n, phi + h * k3, law)
    return phi + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
