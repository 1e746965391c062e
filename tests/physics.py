"""Systems and states that several tests share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.theory import schrodinger


def random_system(P: int, seed: int, scale: float = 1.0) -> System:
    """A random Hermitian H with complex couplings between all beables."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P))
    return System(scale * (A + A.conj().T) / 2)


def random_state(P: int, seed: int) -> NDArray[np.complex128]:
    """A random normalised state in which no beable is nearly empty."""
    rng = np.random.default_rng(seed)
    psi = (0.5 + rng.random(P)) * np.exp(2j * np.pi * rng.random(P))
    return psi / np.linalg.norm(psi)


def lowest_density(system: System, state: NDArray[np.complex128], duration: float) -> float:
    """Smallest rho_a anywhere on the path."""
    return float(schrodinger.density(system, state, np.linspace(0, duration, 500)).min())


def calm(P: int, duration: float, least: float) -> tuple[System, NDArray[np.complex128]]:
    """The first random system and state (by seed) whose path stays away from nodes: rho_a >= `least`."""
    for seed in range(1000):
        system, state = random_system(P, seed), random_state(P, seed + 1)
        if lowest_density(system, state, duration) >= least:
            return system, state
    raise ValueError("no such path")
