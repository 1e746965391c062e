"""Naive twin of the dynamics with unaligned phases: pair sums written out, nothing shared with the package.

H is (P, P) complex Hermitian, already divided by hbar: omega_a = H[a, a] and R_ab exp(i delta_ab) = H[a, b], a != b.
A member I has a beable a[I] in 0..P-1 and a phase phi[I]; n_I counts the members of I's beable, I too (so never 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]
Int = NDArray[np.int64]


@dataclass
class PairRuns:
    """R runs at T times: n, z1, z2, lineages are (R, T, P); copies, counted from the start, is (R, T)."""

    n: Int  # members
    z1: Complex  # sum of exp(i phi) over the members of a beable
    z2: Complex  # sum of exp(2 i phi)
    lineages: Int  # distinct initial members from which the members of a beable descend
    copies: Int


def solve(rates: Callable[[float, Real], Real], start: Real, times: Real) -> Real:
    """(T, len(start)): DOP853 from times[0], stopped at each time (no dense output, which is less exact)."""
    states = [np.array(start, dtype=float)]
    for begin, end in pairwise(times):
        solution = solve_ivp(rates, (begin, end), states[-1], method="DOP853", rtol=1e-12, atol=1e-13)
        if not solution.success:
            raise RuntimeError(solution.message)
        states.append(solution.y[:, -1])
    return np.array(states)


def couplings(H: Complex, a: Int) -> Complex:
    """(R, N, N): K[I, J] = R exp(i delta) [a_I, a_J] / sqrt(n_I n_J), and 0 where a_I = a_J."""
    n_I = np.sum(a[:, :, None] == a[:, None, :], axis=2)  # (R, N)
    off = H - np.diag(np.diag(H))
    return off[a[:, :, None], a[:, None, :]] / np.sqrt(n_I[:, :, None] * n_I[:, None, :])


def midpoint(omega: Real, K: Complex, phi: Real, dt: float) -> Real:
    """One midpoint step of (40): dphi_I/dt = omega_I + Re sum_J K[I, J] exp(i(phi_I - phi_J)); omega, phi (R, N)."""

    def rates(phases: Real) -> Real:
        u = np.exp(1j * phases)
        return omega + np.real(u * (K @ u.conj()[:, :, None])[:, :, 0])

    return phi + dt * rates(phi + dt / 2 * rates(phi))


def copy_rates(K: Complex, phi: Real) -> Real:
    """(R, N, N): I copies J at 2 R[a_J, a_I] / sqrt(n_I n_J) sin+(phi_J - phi_I + delta[a_J, a_I]): (39), corrected."""
    u, K_JI = np.exp(1j * phi), np.swapaxes(K, 1, 2)  # [I, J] of K_JI is K[J, I]
    return 2 * np.maximum(0.0, np.imag(K_JI * u[:, None, :] * u.conj()[:, :, None]))


def copy_for(
    H: Complex, a: Int, phi: Real, label: Int, dt: float, rng: np.random.Generator, still: NDArray[np.bool_]
) -> Int:
    """Copies during dt at phases that stand still, exactly (Gillespie): all rates anew after every copy.

    Members `still` (N,) never copy.

    Changes a, phi, label (R, N) in place; a copier takes all three of J as stored. Returns the number of copies (R,).
    """
    copies, left = np.zeros(len(a), dtype=np.int64), np.full(len(a), dt)
    run = np.arange(len(a))  # the runs whose dt is not over
    while len(run):
        rates = copy_rates(couplings(H, a[run]), phi[run])
        rates[:, still] = 0.0
        heap = np.cumsum(rates.sum(axis=2), axis=1)
        total, wait = heap[:, -1], rng.exponential(size=len(run))  # waiting time * total rate
        goes = wait < total * left[run]
        run, rates, heap, total = run[goes], rates[goes], heap[goes], total[goes]
        left[run] -= wait[goes] / total
        i = np.argmax(heap > total[:, None] * rng.random((len(run), 1)), axis=1)  # who copies
        heap = np.cumsum(rates[np.arange(len(run)), i], axis=1)
        j = np.argmax(heap > heap[:, -1:] * rng.random((len(run), 1)), axis=1)  # whom
        for stored in (a, phi, label):
            stored[run, i] = stored[run, j]
        copies[run] += 1
    return copies


def pairs_many(
    H: Complex,
    a: Int,
    phi: Real,
    times: Real,
    dt: float,
    rng: np.random.Generator,
    copying: bool = True,
    still: NDArray[np.bool_] | None = None,
) -> PairRuns:
    """R independent runs from a, phi (R, N); times (T,) start at 0 and are multiples of dt.

    Members `still` (N,), if any, are spectators.

    A step: half a step of the phases, copy_for dt, half a step of the phases: second order in dt.
    """
    runs, members = a.shape
    size = max(1, int(2e6) // members**2)  # runs at once: 32 MB for one complex (size, N, N) array, about five are live
    if runs > size:
        chunks = [slice(r, r + size) for r in range(0, runs, size)]
        parts = [pairs_many(H, a[c], phi[c], times, dt, rng, copying, still) for c in chunks]
        return PairRuns(*(np.concatenate([getattr(p, k) for p in parts]) for k in PairRuns.__dataclass_fields__))

    steps = np.rint(np.asarray(times) / dt).astype(int)
    if steps[0] != 0 or np.any(np.diff(steps) <= 0) or np.any(np.abs(steps * dt - times) > 1e-6 * dt):
        raise ValueError("times must start at 0 and increase by multiples of dt")
    n, lineages = np.zeros((2, runs, len(steps), len(H)), dtype=np.int64)
    z1, z2 = np.zeros((2, *n.shape), dtype=complex)
    out = PairRuns(n, z1, z2, lineages, copies=np.zeros(n.shape[:2], dtype=np.int64))
    a, phi, label = a.copy(), phi.copy(), np.tile(np.arange(members), (runs, 1))
    copies, nobody = np.zeros(runs, dtype=np.int64), np.zeros(members, dtype=bool)
    diagonal, K, t = np.real(np.diag(H)), couplings(H, a), 0
    for step in range(steps[-1] + 1):
        if step == steps[t]:
            for b in range(len(H)):
                out.n[:, t, b] = np.sum(a == b, axis=1)
                out.z1[:, t, b] = np.sum(np.where(a == b, np.exp(1j * phi), 0), axis=1)
                out.z2[:, t, b] = np.sum(np.where(a == b, np.exp(2j * phi), 0), axis=1)
                out.lineages[:, t, b] = [len(set(label[r, a[r] == b])) for r in range(runs)]
            out.copies[:, t] = copies
            t += 1
        if step == steps[-1]:
            break
        phi = midpoint(diagonal[a], K, phi, dt / 2)
        if copying:
            copies += copy_for(H, a, phi, label, dt, rng, nobody if still is None else still)
            K = couplings(H, a)
        phi = midpoint(diagonal[a], K, phi, dt / 2)
    return out


def pair_tables(H: Complex, a: Int) -> tuple[Real, Real, Real]:
    """omega_{a_I} (N,); R[a_I, a_J] / sqrt(n_I n_J) (N, N), 0 where a_I = a_J; delta[a_I, a_J] (N, N)."""
    n_I = np.array([np.sum(a == b) for b in a])
    strength = np.where(a[:, None] != a[None, :], np.abs(H)[np.ix_(a, a)], 0.0) / np.sqrt(np.outer(n_I, n_I))
    return np.real(np.diag(H))[a], strength, np.angle(H)[np.ix_(a, a)]


def phases_alone(H: Complex, a: Int, phi: Real, times: Real) -> Real:
    """(T, N): (40) without copies, dphi_I/dt = omega_I + sum_J R/sqrt(n_I n_J) cos(phi_I - phi_J + delta)."""
    omega, strength, delta = pair_tables(H, a)
    return solve(lambda _t, y: omega + np.sum(strength * np.cos(y[:, None] - y + delta), axis=1), phi, times)


def infinite(
    H: Complex, density: Real, phase: Real, spread: float | Real, times: Real, points: int = 200, even: bool = False
) -> tuple[Real, Complex, Complex]:
    """rho, z1, z2, each (T, P): sums over the kinds of beable a of w, w exp(i phi), w exp(2 i phi); density sums to 1.

    At times[0] the phases of beable a are uniform in phase[a] +- spread (a number, or one per beable). Then
    dphi/dt = omega_a + Re(h_a e^{i phi}), d ln w/dt = 2 Im(h_a e^{i phi}), h_a = sum_b R_ab e^{i delta_ab}
    conj(Z_b) / sqrt(rho_a rho_b), Z_b = sum_k w_k e^{i phi_k}. A beable of density 0 stays empty. `even`: not a
    continuum, but so many kinds a beable with evenly spaced phases and the same weights.
    """
    density, phase = np.asarray(density, dtype=float), np.asarray(phase, dtype=float)
    spread = np.broadcast_to(np.asarray(spread, dtype=float), density.shape)
    live = np.flatnonzero(density > 0)
    omega, off = np.real(np.diag(H))[live], (H - np.diag(np.diag(H)))[np.ix_(live, live)]
    nodes, weights = np.polynomial.legendre.leggauss(points)
    spaced = (np.arange(points) + 0.5) * 2 / points - 1
    whole = (even | np.isclose(spread[live], np.pi))[:, None]  # the whole circle: equally spaced, spectrally exact
    phi0 = phase[live, None] + spread[live, None] * np.where(whole, spaced, nodes)
    w0 = density[live, None] * np.where(whole, 1 / points, weights / 2)  # (live beables, points)

    def rates(_t: float, y: Real) -> Real:
        phi, log_w = y.reshape(2, len(live), points)
        w, u = np.exp(log_w), np.exp(1j * phi)
        rho, Z = w.sum(axis=1), (w * u).sum(axis=1)
        h = (off * Z.conj()[None, :] / np.sqrt(np.outer(rho, rho))).sum(axis=1)
        return np.concatenate([(omega[:, None] + np.real(h[:, None] * u)).ravel(), 2 * np.imag(h[:, None] * u).ravel()])

    y = solve(rates, np.concatenate([phi0.ravel(), np.log(w0).ravel()]), times).reshape(-1, 2, len(live), points)
    phi, w = y[:, 0], np.exp(y[:, 1])
    rho, z1, z2 = np.zeros((3, len(y), len(density)), dtype=complex)
    rho[:, live], z1[:, live], z2[:, live] = (np.sum(w * np.exp(1j * k * phi), axis=2) for k in range(3))
    if np.max(np.abs(rho.sum(axis=1) - density.sum())) > 1e-9:
        raise RuntimeError("the weights do not add up")
    return np.real(rho), z1, z2


def strengths(a: Int, f2: float, scaling: str) -> Real:
    """(N, N): f2 ("total") or f2 / n_a ("mean") where a_I = a_J = a, else 0."""
    n_I = np.array([np.sum(a == b) for b in a])
    return np.where(a[:, None] == a[None, :], {"total": f2 * np.ones(len(a)), "mean": f2 / n_I}[scaling][:, None], 0.0)


def alignment_energy(H: Complex, a: Int, phi: Real, pi: Real, f2: float, scaling: str, potential: str) -> float:
    """Sum over I of pi_I^2/2 + pi_I Omega_I + (f2/2) sum_{J in a_I} V, Omega_I the right-hand side of (40).

    V = sin^2(phi_I - phi_J) ("sin2") or 1 - cos(phi_I - phi_J) ("polar"): every unordered pair counts twice.
    """
    omega, strength, delta = pair_tables(H, a)
    D = phi[:, None] - phi[None, :]
    Omega = omega + np.sum(strength * np.cos(D + delta), axis=1)
    V = {"sin2": np.sin(D) ** 2, "polar": 1 - np.cos(D)}[potential]
    return float(np.sum(pi**2 / 2 + pi * Omega) + np.sum(strengths(a, f2, scaling) / 2 * V))


def alignment_rates(
    H: Complex, a: Int, phi: Real, pi: Real, f2: float, scaling: str, damping: float, potential: str
) -> tuple[Real, Real]:
    """dphi_I/dt = dH/dpi_I and dpi_I/dt = -dH/dphi_I - damping pi_I, both (N,), H as in alignment_energy."""
    omega, strength, delta = pair_tables(H, a)
    D = phi[:, None] - phi[None, :]
    slope = -strength * np.sin(D + delta)  # [K, L]: dOmega_K/dphi_K has the sum over L; dOmega_K/dphi_L = -slope[K, L]
    force = -pi * np.sum(slope, axis=1) + np.sum(pi[:, None] * slope, axis=0)
    V_prime = {"sin2": np.sin(2 * D), "polar": np.sin(D)}[potential]  # I is first and second of a pair: 2 * f2/2
    force -= np.sum(strengths(a, f2, scaling) * V_prime, axis=1)
    return pi + omega + np.sum(strength * np.cos(D + delta), axis=1), force - damping * pi


def alignment(
    H: Complex, a: Int, phi: Real, pi: Real, times: Real, f2: float, scaling: str, damping: float, potential: str
) -> tuple[Real, Real]:
    """phi and pi, each (T, N), by DOP853 on alignment_rates."""

    def rates(_t: float, y: Real) -> Real:
        return np.concatenate(alignment_rates(H, a, y[: len(a)], y[len(a) :], f2, scaling, damping, potential))

    y = solve(rates, np.concatenate([phi, pi]), times)
    return y[:, : len(a)], y[:, len(a) :]
