"""Naive, slow, obvious forms of the whole class of copy rules: the oracle for what the fast code makes of a rule.

Independent of the package: NumPy and SciPy only, nothing imported from it. Equation numbers are those of L. Smolin,
Found. Phys. 42 (2012) 1239, with the errata of docs/physics.md. Nothing here is clever; verify it by eye.

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


def member_turns(law: Law, a: Ints, phi: Floats) -> Floats:
    """dphi_I/dt (runs, N) of members of beables a with phases phi of their own, (runs, N) each: pair by pair.

    omega + sum over J elsewhere of n_I^r n_J^(-r-1) sum_k R^k cos(k (phi_I - phi_J) + delta'^k), of (a_I, a_J).
    """
    first, second = a[:, :, None], a[:, None, :]
    D = phi[:, :, None] - phi[:, None, :]
    n = numbers(a)
    weight = n[:, :, None] ** law.r * n[:, None, :] ** (-law.r - 1.0)
    total = sum(h.turning[first, second] * np.cos(h.k * D + h.turning_shift[first, second]) for h in law.harmonics)
    return law.omega[a] + np.sum(np.where(first == second, 0.0, weight * total), axis=2)


def member_copies(law: Law, a: Ints, phi: Floats) -> Floats:
    """Rates (runs, N, N) at which I copies J, at [I, J].

    n_J^(q-1) n_I^(-q) sum_k R'^k sin+(k (phi_J - phi_I) + delta^k), of (a_J, a_I); none within a beable.
    """
    first, second = a[:, :, None], a[:, None, :]
    D = phi[:, None, :] - phi[:, :, None]
    n = numbers(a)
    weight = n[:, None, :] ** (law.q - 1.0) * n[:, :, None] ** -law.q
    total = sum(
        h.copying[second, first] * np.maximum(0.0, np.sin(h.k * D + h.copying_shift[second, first]))
        for h in law.harmonics
    )
    return np.where(first == second, 0.0, weight * total)


def numbers(a: Ints) -> Floats:
    """n_I (runs, N): how many members have the beable of member I, I too."""
    return np.sum(a[:, :, None] == a[:, None, :], axis=2).astype(float)


def members(
    law: Law, a: Ints, phi: Floats, times: ArrayLike, step: float, rng: np.random.Generator, still: Ints | None = None
) -> tuple[Ints, NDArray[np.complex128], Ints]:
    """Members with phases of their own, independent runs from a, phi (runs, N): n (runs, T, P), the sums of e^{i phi}
    (runs, T, P), and copies since the start (runs, T).

    times are multiples of the step, in which phases move for half of it (midpoint rule), copies go one by one, all
    rates anew after each (Gillespie), and phases move again: second order. Members `still` are spectators. Who copies
    takes over beable and phase.
    """
    a, phi, P = a.copy(), phi.copy(), len(law.omega)
    runs = len(a)
    n, z, copied = [], [], []
    done, copies = 0, np.zeros(runs, dtype=np.int64)
    for time in np.asarray(times, dtype=float):
        for _ in range(round(time / step) - done):
            phi = phi + 0.5 * step * member_turns(law, a, phi + 0.25 * step * member_turns(law, a, phi))
            copies += copy_for(law, a, phi, step, rng, still)
            phi = phi + 0.5 * step * member_turns(law, a, phi + 0.25 * step * member_turns(law, a, phi))
        done = round(time / step)
        held = a[:, :, None] == np.arange(P)
        n.append(held.sum(axis=1))
        z.append(np.sum(held * np.exp(1j * phi)[:, :, None], axis=1))
        copied.append(copies.copy())
    return np.stack(n, axis=1), np.stack(z, axis=1), np.stack(copied, axis=1)


def copy_for(law: Law, a: Ints, phi: Floats, time: float, rng: np.random.Generator, still: Ints | None) -> Ints:
    """Copies within a time at phases that stand still; changes a and phi in place. How many of each run."""
    copies, left, run = np.zeros(len(a), dtype=np.int64), np.full(len(a), time), np.arange(len(a))
    while run.size:
        rates = member_copies(law, a[run], phi[run])
        if still is not None:
            rates[:, still] = 0.0
        heap = np.cumsum(rates.reshape(run.size, -1), axis=1)
        wait = rng.exponential(size=run.size) / np.where(heap[:, -1] > 0.0, heap[:, -1], 1e-300)
        goes = wait < left[run]
        run, heap = run[goes], heap[goes]
        left[run] -= wait[goes]
        chosen = np.argmax(heap > heap[:, -1:] * rng.random((run.size, 1)), axis=1)
        i, j = np.divmod(chosen, a.shape[1])
        a[run, i], phi[run, i] = a[run, j], phi[run, j]
        copies[run] += 1
    return copies


def many_members(
    law: Law, weight: Floats, phi: Floats, times: ArrayLike, steps: int = 400
) -> tuple[Floats, NDArray[np.complex128]]:
    """The infinite ensemble: weights and phases (P, K) of K kinds a beable, weights that sum to 1 in all; rho and the
    sums of w e^{i phi}, (T, P) each.

    A kind grows by copies of its members and falls as they copy others: both pair by pair, kinds in the place of
    members. Runge and Kutta's rule, so many steps.
    """
    P, K = weight.shape
    a = np.repeat(np.arange(P), K)

    def velocity(y: Floats) -> Floats:
        w, angle = y[: P * K], y[P * K :]
        rho = np.bincount(a, w, P)[a]
        D = angle[:, None] - angle[None, :]  # phi_I - phi_J at [I, J]
        away = a[:, None] != a[None, :]
        copying, turning = np.zeros((2, P * K, P * K))
        for h in law.harmonics:
            R, shift = h.copying[np.ix_(a, a)].T, h.copying_shift[np.ix_(a, a)].T
            copying += R * np.maximum(0.0, np.sin(-h.k * D + shift))
            turning += h.turning[np.ix_(a, a)] * np.cos(h.k * D + h.turning_shift[np.ix_(a, a)])
        flow = w[:, None] * w[None, :] * rho[None, :] ** (law.q - 1.0) * rho[:, None] ** -law.q * copying * away
        push = rho[:, None] ** law.r * rho[None, :] ** (-law.r - 1.0) * w[None, :] * turning * away
        return np.concatenate([flow.sum(axis=0) - flow.sum(axis=1), law.omega[a] + push.sum(axis=1)])

    y, rho, z, now = np.concatenate([weight.ravel(), phi.ravel()]), [], [], 0.0
    times = np.asarray(times, dtype=float)
    for time in times:
        count = max(1, round(steps * (time - now) / times[-1]))
        h = (time - now) / count
        for _ in range(count if time > now else 0):
            k1 = velocity(y)
            k2 = velocity(y + 0.5 * h * k1)
            k3 = velocity(y + 0.5 * h * k2)
            k4 = velocity(y + h * k3)
            y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        now = time
        w, angle = y.reshape(2, P, K)
        rho.append(w.sum(axis=1))
        z.append((w * np.exp(1j * angle)).sum(axis=1))
    return np.array(rho), np.array(z)
