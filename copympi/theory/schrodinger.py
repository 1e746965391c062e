"""Schroedinger's equation for the same H, i hbar dPsi/dt = H Psi (36), solved exactly to rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import jv

from copympi.model.system import System

DENSE_TO = 400
"""Largest P for which diagonalising H is cheaper than steps in time."""
LONGEST = 500.0
"""Half width of the spectrum times the longest step."""
TERMS = 24
"""Terms of an expansion beyond the step times that half width: what is left out is below rounding."""


def evolve(system: System, state: ArrayLike, times: ArrayLike) -> NDArray[np.complex128]:
    """Psi at `times`, (T, P) complex, from Psi(0) = `state`, (P,) complex; times ascend from any start."""
    psi = np.asarray(state, dtype=complex)
    t = np.asarray(times, dtype=float)
    if system.P <= DENSE_TO:
        energy, vectors = np.linalg.eigh(system.frequencies.toarray())
        return np.exp(-1j * np.outer(t, energy)) * (vectors.conj().T @ psi) @ vectors.T
    out = np.empty((t.size, system.P), complex)
    for k, now in enumerate(stepwise(system, psi, t)):
        out[k] = now
    return out


def stepwise(system: System, state: ArrayLike, times: ArrayLike) -> Iterator[NDArray[np.complex128]]:
    """Psi (P,) at one of `times` after the other, which ascend: what a million beables have memory for.

    Chebyshev's expansion of exp(-i t H/hbar) within Gershgorin's bounds on its spectrum, to rounding.
    """
    W = system.frequencies
    centre, radius = spectrum(system)
    psi, now = np.asarray(state, dtype=complex), 0.0
    for when in np.asarray(times, dtype=float):
        parts = max(1, math.ceil(radius * abs(when - now) / LONGEST))
        for _ in range(parts if when != now else 0):
            psi = _chebyshev(W, psi, (when - now) / parts, centre, radius)
        now = float(when)
        yield psi


def spectrum(system: System) -> tuple[float, float]:
    """Centre and half width of an interval that holds all eigenvalues of H/hbar (Gershgorin)."""
    W = system.frequencies
    diagonal = W.diagonal().real
    reach = abs(W).sum(axis=1) - np.abs(diagonal)
    low, high = float((diagonal - reach).min()), float((diagonal + reach).max())
    return 0.5 * (low + high), 0.5 * (high - low)


def levelled(system: System) -> NDArray[np.complex128]:
    """H/hbar, (P, P), with the energies of beables without couplings in the middle of the others', and that at zero.

    All |Psi_a|^2 and flows stay as they are, and so do phases but for turns by themselves: what takes the less time,
    the narrower the spectrum, does not wait for beables to which nothing happens.
    """
    W = system.frequencies.toarray()
    omega, each = np.diag(W).real.copy(), np.arange(system.P)
    W[each, each] = 0.0
    bound = np.any(W != 0, axis=1)
    if bound.any():
        omega -= 0.5 * (omega[bound].max() + omega[bound].min())
    W[each, each] = np.where(bound, omega, 0.0)
    return W


def cost(system: System, times: ArrayLike) -> float:
    """About how many multiplications `stepwise` takes."""
    t = np.asarray(times, dtype=float)
    _, radius = spectrum(system)
    return float(system.frequencies.nnz) * (radius * float(np.ptp(t)) + TERMS * t.size) if t.size else 0.0


def _chebyshev(W: Any, psi: NDArray[Any], t: float, centre: float, radius: float) -> NDArray[np.complex128]:
    z = radius * t
    turn = np.exp(-1j * centre * t)
    if z == 0:
        return turn * psi
    terms = math.ceil(abs(z) + 12 * abs(z) ** (1 / 3) + TERMS)
    weight = jv(np.arange(terms), z)
    last, this = psi, (W @ psi - centre * psi) / radius
    out = weight[0] * psi - 2j * weight[1] * this
    for k in range(2, terms):
        last, this = this, (W @ this - centre * this) * (2 / radius) - last
        out += 2 * weight[k] * (-1j) ** (k % 4) * this
    return turn * out


def density(system: System, state: ArrayLike, times: ArrayLike) -> NDArray[np.float64]:
    """rho_a = |Psi_a|^2 at `times`, (T, P)."""
    return np.abs(evolve(system, state, times)) ** 2
