"""Systems and the paths on which laws are compared: with a node passed at a given distance, or with none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.sparse as sp

import copympi
from tests.laws.reference import Complex, Linear, Moments

NODE_AT = 0.75
"""Where in the duration a path passes its node."""
FAR = {False: 0.25, True: 0.1}
"""Beables that pass no node keep so much of 1/P, where no other passes one, and where one does."""


@dataclass(frozen=True)
class Case:
    """A system by name, its duration, and how many replicas are cheap there."""

    name: str
    duration: float
    replicas: int

    def system(self, many: bool) -> copympi.System:
        """`many`: as the sites of a lattice, also where H is none's, so that the step of many beables takes it."""
        H = hamiltonian(self.name)
        P = H.shape[0]
        return copympi.System(H, lattice=copympi.lattice(P, boundary="open").lattice if many else None)


CASES = {
    case.name: case
    for case in (
        Case("two sites", 1.5, 5_000),
        Case("four beables", 1.0, 5_000),
        Case("ring of 6", 2.0, 4_000),
        Case("ring of 128", 2.0, 1_500),
        Case("sparse 70", 0.5, 1_000),
        Case("dense 70", 0.4, 300),
    )
}


@cache
def hamiltonian(name: str) -> sp.csr_array:
    """H of a case, hbar = 1."""
    rng = np.random.default_rng(5)
    if name == "two sites":
        return copympi.lattice(2, boundary="open").hamiltonian
    if name.startswith("ring of"):
        sites = int(name.split()[-1])
        return copympi.lattice(sites, potential={"kind": "cosine", "depth": 0.3, "period": float(sites)}).hamiltonian
    P = {"four beables": 4, "sparse 70": 70, "dense 70": 70}[name]
    kept = np.triu(rng.random((P, P)) < (0.1 if name == "sparse 70" else 1.0))
    A = np.where(kept, rng.standard_normal((P, P)) + 1j * rng.standard_normal((P, P)), 0.0)
    return sp.csr_array((A + A.conj().T) / (2.0 * np.sqrt(kept.sum() / P)))


@cache
def path(name: str, low: float | None) -> Complex:
    """Psi(0) of a path on which a beable passes a node with rho_min = `low`, at NODE_AT of the duration; or none does.

    The node is made where it is: Psi_a = i K/|K| sqrt(low), K the drive of its partners, is nearest to 0 at that
    moment, and passes it straight. Of random states the first is taken on which no other beable comes below FAR of 1/P.
    """
    H = hamiltonian(name).toarray()
    P, duration = len(H), CASES[name].duration
    a, at = P // 2, NODE_AT * duration
    t = np.linspace(0, duration, 201)
    for seed in range(2_000):
        psi = _random(name, P, seed)
        if low is not None:
            psi[a] = 0.0
            drive = -1j * (H @ psi)[a]
            psi *= np.sqrt(1 - low) / np.linalg.norm(psi)
            psi[a] = 1j * drive / np.abs(drive) * np.sqrt(low)
        line = Linear(H, psi)
        rho = np.abs([line.psi(s - at) for s in t]) ** 2
        straight = low is None or np.all(rho[:, a] > 0.05 * np.abs(drive * (t - at)) ** 2)
        if straight and (rho if low is None else np.delete(rho, a, axis=1)).min() > FAR[low is not None] / P:
            return line.psi(-at)
    raise ValueError(f"no such path: {name}, {low}")


def _random(name: str, P: int, seed: int) -> Complex:
    """Normalised, no beable nearly empty; smooth on a large ring."""
    rng = np.random.default_rng(seed)
    if name == "ring of 128":
        x = 2 * np.pi * np.arange(P) / P
        shift, size = 2 * np.pi * rng.random(3), rng.random(3)
        wave = [np.cos(k * x + p) * s for k, p, s in zip((1, 2, 3), shift, size, strict=True)]
        other = 2 * np.cos(2 * x + 2 * np.pi * rng.random()) + 0.5 * np.sin(7 * x)
        psi = np.exp(0.15 * np.sum(wave, axis=0) + 1j * other)
    else:
        psi = (0.7 + 0.6 * rng.random(P)) * np.exp(2j * np.pi * rng.random(P))
    return psi / np.linalg.norm(psi)


@cache
def moments(name: str, low: float | None, parts: int, members: float = np.inf) -> list[Moments]:
    """The reference at the ends of `parts` equal parts of the duration; members : N, where it is small."""
    times = CASES[name].duration * np.arange(1, parts + 1) / parts
    return Linear(hamiltonian(name).toarray(), path(name, low), members).moments(list(times))
