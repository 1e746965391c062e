"""The mean over ensembles of any size, from paths of theirs, without the noise that has mean 0.

c_a = sqrt(n_a) exp(-i phi_a). Schroedinger's equation moves c linearly, and copying moves it on average the same way
but for the bend of the root. Where members move b -> a at the rate r_ab = 2 R_ab sqrt(n_a n_b) sin+(phi_a - phi_b +
delta_ab), of which one direction is open at a time,

    d E[c c^+]/dt + i [H/hbar, E[c c^+]] = E[X],   X_jk = c_j conj(c_k) (E_j + E_k + (r_jk + r_kj) D_jk),   X_jj = 0,

E_j the sum over the moves that concern j of their rate times what c_j gains, relative to itself, beyond the linear
part: sqrt(1 + 1/n) - 1 - 1/(2n) for one who comes, sqrt(1 - 1/n) - 1 + 1/(2n) for one who goes; D_jk the product of
both gains sqrt(1 +- 1/n) - 1. An empty beable a stays empty, though Schroedinger's equation drives it by K_a: X_ak =
-K_a conj(c_k). That is exact for every n (Dynkin's formula), so with U(t) = exp(-i H t/hbar)

    E[c c^+](T) - U(T) c_0 c_0^+ U(T)^+ = E int_0^T U(T - t) X(t) U(T - t)^+ dt.

The left side, averaged over paths, scatters by sqrt(n); what is taken off it on the right is a martingale, noise of
mean 0. At large n it becomes the dephasing equation (theory/dephasing.py); without simulated paths it says nothing.
(Derived for this project; not in the paper.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
AT_A_TIME = 1 << 19
"""Complex numbers that the rates of many moments take at a time."""


def rate(system: System, n: ArrayLike, phase: ArrayLike) -> Complex:
    """X, (..., P, P) members a unit of time, at n (..., P) and phases (..., P) in rad, of no account where n = 0."""
    members = np.asarray(n, dtype=float)
    c = np.where(members > 0, np.sqrt(members) * np.exp(-1j * np.asarray(phase)), 0.0)
    W = system.frequencies.toarray()
    W[np.diag_indices(system.P)] = 0.0
    into = np.maximum(2.0 * np.imag(np.conj(c)[..., :, None] * W * c[..., None, :]), 0.0)  # [a, b]: from b to a
    over = np.divide(1.0, members, out=np.zeros_like(members), where=members > 0)
    up, down = 1 + np.sqrt(1 + over), 1 + np.sqrt(np.maximum(1 - over, 0))
    come, go = over / up, -over / down  # sqrt(1 +- 1/n) - 1, and without its linear part, nothing subtracted:
    own = -0.5 * (into.sum(axis=-1) * come**2 + into.sum(axis=-2) * go**2)
    both = into * come[..., :, None] * go[..., None, :]
    X = c[..., :, None] * np.conj(c)[..., None, :]
    X *= own[..., :, None] + own[..., None, :] + both + both.swapaxes(-1, -2)
    if np.any(members <= 0):
        K = np.where(members > 0, 0.0, -1j * np.einsum("ab,...b->...a", W, c))
        X -= K[..., :, None] * np.conj(c)[..., None, :] + c[..., :, None] * np.conj(K)[..., None, :]
    each = np.arange(system.P)
    X[..., each, each] = 0.0
    return np.asarray(X)


def shift(system: System, n: ArrayLike, phase: ArrayLike, times: ArrayLike) -> Complex:
    """N (sigma - Psi Psi^+) at `times`, (R, T, P, P), one of each path: their mean over R is the ensembles' own.

    n, phase : (R, T, P) at `times` (T,), three or more, which ascend evenly from 0 and lie dense: the integral is taken
    by a rule of fourth order. Psi is that of the path's own n and phase at times[0]. To be compared with
    dephasing.shift. Raises ValueError where shapes do not fit, or times are not even.
    """
    n, phase, when = np.asarray(n), np.asarray(phase, dtype=float), np.asarray(times, dtype=float)
    if n.ndim != 3 or n.shape != phase.shape or n.shape[1:] != (when.size, system.P):
        raise ValueError(f"n and phase must be (R, {when.size}, {system.P}), not {n.shape} and {phase.shape}")
    step = np.diff(when)
    if step.size < 2 or step[0] <= 0 or np.ptp(step) > 1e-9 * when[-1]:
        raise ValueError("times must be three or more and ascend evenly")
    energy, vectors = np.linalg.eigh(system.frequencies.toarray())
    turn = vectors * np.exp(-1j * np.outer(when, energy - 0.5 * (energy[0] + energy[-1])))[:, None, :]
    back = turn.conj().swapaxes(-1, -2)
    out = np.zeros((*n.shape, system.P), complex)
    many = max(1, AT_A_TIME // (when.size * system.P**2))
    for k in range(0, n.shape[0], many):
        X = back @ rate(system, n[k : k + many], phase[k : k + many]) @ turn
        parts = (13 / 24) * (X[:, 1:] + X[:, :-1])  # cubics through four neighbours, parabolas at both ends
        parts[:, 1:-1] -= (X[:, 3:] + X[:, :-3]) / 24
        parts[:, 0] = (5 * X[:, 0] + 8 * X[:, 1] - X[:, 2]) / 12
        parts[:, -1] = (5 * X[:, -1] + 8 * X[:, -2] - X[:, -3]) / 12
        out[k : k + many, 1:] = np.cumsum(step[0] * parts, axis=1)
        out[k : k + many] = turn @ out[k : k + many] @ back
    return out
