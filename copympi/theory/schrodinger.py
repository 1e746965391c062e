"""Schroedinger's equation for the same H, i hbar dPsi/dt = H Psi (36), solved exactly to rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import expm_multiply

from copympi.model.system import System

DENSE_TO = 400
"""Largest P for which diagonalising H is cheaper than Krylov steps."""


def evolve(system: System, state: ArrayLike, times: ArrayLike) -> NDArray[np.complex128]:
    """Psi at `times`, (T, P) complex, from Psi(0) = `state`, (P,) complex; times ascend from any start."""
    psi = np.asarray(state, dtype=complex)
    t = np.asarray(times, dtype=float)
    if system.P <= DENSE_TO:
        energy, vectors = np.linalg.eigh(system.frequencies.toarray())
        return np.exp(-1j * np.outer(t, energy)) * (vectors.conj().T @ psi) @ vectors.T
    out = np.empty((t.size, system.P), complex)
    generator = (-1j * system.frequencies).tocsr()
    now = 0.0
    for k, when in enumerate(t):
        if when != now:
            psi = expm_multiply(generator * (when - now), psi)
        out[k], now = psi, when
    return out


def density(system: System, state: ArrayLike, times: ArrayLike) -> NDArray[np.float64]:
    """rho_a = |Psi_a|^2 at `times`, (T, P)."""
    return np.abs(evolve(system, state, times)) ** 2
