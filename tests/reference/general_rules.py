"""The mean field of any copy rule, written straight from (18), (19) with (27), (28): pair by pair, slow and obvious.

    drho_a/dt = sum_b [ rho_b (rho_a/rho_b)^q S_ab - rho_a (rho_b/rho_a)^q S_ba ]
    dphi_a/dt = omega_a + sum_b (rho_a/rho_b)^r sum_k R^k_ab cos(k D_ab + delta'^k_ab)

with D_ab = phi_a - phi_b and S_ab = sum_k R'^k_ab sin+(k D_ab + delta^k_ab).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

Floats = NDArray[np.float64]


def rates(H: ArrayLike, q: float, r: float, harmonics: list[dict[str, Any]], y: Floats) -> Floats:
    """d(rho, phi)/dt (2P,) at y = (rho, phi) (2P,), hbar = 1; harmonics as in [dynamics.rule], numbers alone."""
    G = np.asarray(H, complex)
    P = len(G)
    rho, phi = y[:P], y[P:]
    out = np.zeros(2 * P)
    out[P:] = np.diag(G).real
    for a in range(P):
        for b in range(P):
            if a == b or G[a, b] == 0:
                continue
            into = back = turn = 0.0
            for one in harmonics:
                k = one["k"]
                for first, second, sign in ((a, b, 1), (b, a, -1)):
                    side = 1.0 if first < second else -1.0
                    angle = k * (phi[first] - phi[second] + math.atan2(G[first, second].imag, G[first, second].real))
                    strength = one["copying"] * abs(G[first, second])
                    flow = strength * max(0.0, math.sin(angle + side * one.get("copying_shift", 0.0)))
                    if sign > 0:
                        into += flow
                        cosine = math.cos(angle + side * one.get("turning_shift", 0.0))
                        turn += one["turning"] * abs(G[first, second]) * cosine
                    else:
                        back += flow
            out[a] += rho[b] * (rho[a] / rho[b]) ** q * into - rho[a] * (rho[b] / rho[a]) ** q * back
            out[P + a] += (rho[a] / rho[b]) ** r * turn
    return out


def evolve(
    H: ArrayLike, q: float, r: float, harmonics: list[dict[str, Any]], rho: ArrayLike, phi: ArrayLike, times: Floats
) -> Floats:
    """rho at the ascending times (T,), (T, P), no beable ever near empty."""
    start = np.concatenate([np.asarray(rho, float), np.asarray(phi, float)])
    found = solve_ivp(
        lambda _, y: rates(H, q, r, harmonics, y), (0.0, times[-1]), start, "DOP853", times, rtol=1e-11, atol=1e-12
    )
    return found.y[: len(np.asarray(rho))].T
