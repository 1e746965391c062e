"""Naive, slow, obvious forms of the whole class of copy rules: the oracle for what the fast code makes of a rule.

Independent of the package: NumPy and SciPy only, nothing imported from it. Equation numbers are those of L. Smolin,
Found. Phys. 42 (2012) 1239, with the errata of docs/theory.md. Nothing here is clever; verify it by eye.

A rule has powers q, r and harmonics k, each with R'^k, delta^k (copying) and R^k, delta'^k (phases), (P, P) arrays. With
D = phi_a - phi_b, one member of b moves to a at the rate (n_a/n_b)^q sum_k R'^k_ab sin+(k D + delta^k_ab) (18), and
dphi_a/dt = omega_a + sum_b (n_a/n_b)^r sum_k R^k_ab cos(k D + delta'^k_ab) (19). Where n_a or n_b is 0 there is nothing.
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
    """omega (P,), powers, harmonics."""

    omega: Floats
    q: float
    r: float
    harmonics: list[Harmonic]


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
    return power(n[..., None, :], n[..., :, None], law.q) * total


def turn_rates(n: Floats, phi: Floats, law: Law) -> Floats:
    """(19): dphi/dt (..., P); n, phi (..., P)."""
    D = phi[..., :, None] - phi[..., None, :]  # phi_a - phi_b at [a, b]
    total = sum(h.turning * np.cos(h.k * D + h.turning_shift) for h in law.harmonics)
    return law.omega + np.sum(power(n[..., :, None], n[..., None, :], law.r) * total, axis=-1)


def power(above: Floats, below: Floats, exponent: float) -> Floats:
    """(above/below)^exponent, 0 where either is 0."""
    there = (above > 0) & (below > 0)
    return np.where(there, (np.where(there, above, 1.0) / np.where(there, below, 1.0)) ** exponent, 0.0)


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


def jumps(
    law: Law, counts: ArrayLike, phase: ArrayLike, time: float, step: float, runs: int, seed: int
) -> tuple[Ints, Floats]:
    """Independent runs: n (runs, P), phi (runs, P) at `time`, every member by himself in steps so short that he copies
    once at most; phases take a midpoint step with the numbers of the start. Bias: first order in `step`."""
    P, rng = len(law.omega), np.random.default_rng(seed)
    a = np.tile(np.repeat(np.arange(P), np.asarray(counts)), (runs, 1))  # (runs, N)
    phi = np.tile(np.asarray(phase, dtype=float), (runs, 1))
    n = np.tile(np.asarray(counts, dtype=float), (runs, 1))
    steps = int(np.ceil(time / step))
    h = time / steps
    for _ in range(steps):
        # The rates of the middle of the step: phases move through it while nobody has copied yet.
        middle = phi + 0.5 * h * turn_rates(n, phi, law)
        rate = copy_rates(n, middle, law)
        total = rate.sum(axis=2, keepdims=True)
        chance = -np.expm1(-h * total) * rate / np.where(total > 0.0, total, 1.0)
        bound = np.cumsum(chance, axis=2)[np.arange(runs)[:, None], a]  # (runs, N, P)
        target = np.sum(rng.random(a.shape)[:, :, None] >= bound, axis=2)
        a = np.where(target < P, target, a)  # target = P: past all the chances, so he stays
        phi = phi + h * turn_rates(n, middle, law)
        n = np.stack([np.sum(a == b, axis=1) for b in range(P)], axis=1).astype(float)
    return n.astype(np.int64), phi
