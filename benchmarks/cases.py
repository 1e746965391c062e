"""The systems that are timed, and how accurate a plain leap is on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copympi import System
from copympi.kernels import flows
from copympi.theory import noise, schrodinger

Complex = NDArray[np.complex128]


def case(P: int) -> tuple[System, Complex, float]:
    """System, state, duration. P = 2: half a cycle of ammonia from (0.9, 0.1); else random, away from nodes."""
    if P == 2:
        return System([[0, -0.0747259], [-0.0747259, 0]]), np.sqrt([0.9, 0.1]).astype(complex), 21.0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P))
        psi = (0.5 + rng.random(P)) * np.exp(2j * np.pi * rng.random(P))
        system, state = System((A + A.conj().T) / 2), psi / np.linalg.norm(psi)
        if schrodinger.density(system, state, np.linspace(0, 0.5, 200)).min() > 0.02:
            return system, state, 0.5
    raise ValueError("no such path")


def plain_leap_error(system: System, state: Complex, duration: float, steps: int) -> float:
    """Largest |C_ij - C_ij(LNA)| / sqrt(C_ii C_jj) of N Cov n for leaps whose binomial noise comes at their end."""
    P, h, small = system.P, duration / steps, 1e-6
    x, C = np.concatenate([np.abs(state) ** 2, -np.angle(state)]), np.zeros((2 * P, 2 * P))

    def leap(y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate(flows.half_step(system.couplings, y[:P], y[P:], h)[:2])

    for _ in range(steps):
        A = np.array([(leap(x + d) - leap(x - d)) / (2 * small) for d in small * np.eye(2 * P)]).T
        flow = np.maximum(flows.half_step(system.couplings, x[:P], x[P:], h)[2], 0.0)
        C = A @ C @ A.T
        for b in range(P):
            taken = np.diag(flow[b]) - np.outer(flow[b], flow[b]) / x[b]
            moves = np.eye(P) - np.eye(P)[b][:, None]
            C[:P, :P] += moves @ taken @ moves.T
        x = leap(x)
    exact = noise.covariance(system, state, [duration])[0][:P, :P]
    size = np.sqrt(np.diag(exact))
    return float(np.abs((C[:P, :P] - exact) / np.outer(size, size)).max())
