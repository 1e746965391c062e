"""Bell's process: members who jump at minimal rates guided by Schroedinger's wavefunction, and copy nobody.

A member in b jumps to a at the rate 2 [Im(conj(Psi_a) (H_ab/hbar) Psi_b)]+ / |Psi_b|^2 (Bell 1984), Psi the solution of
Schroedinger's equation, whoever is where. Members are independent, and one drawn from |Psi|^2 stays distributed so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from copympi.engine.lots import uniforms
from copympi.engine.purposes import Purpose
from copympi.model.system import System
from copympi.theory.schrodinger import evolve

TIMES = np.linspace(0.0, 40.0, 201)
"""When one looks."""
PARTS = 24
"""Of an interval between two looks, with constant rates, those of its middle, in each."""


@dataclass(frozen=True)
class Guide:
    """Psi's densities (T, P) at TIMES, and the chances (T - 1, P, P) of a member in b (last axis) to be in a next."""

    density: NDArray[np.float64]
    chances: NDArray[np.float64]

    @classmethod
    def of(cls, system: System, state: ArrayLike) -> Guide:
        """The guide from Psi(0) = state (P,)."""
        step = (TIMES[1] - TIMES[0]) / PARTS
        middles = (np.arange((TIMES.size - 1) * PARTS) + 0.5) * step
        moves = expm(step * rates(system, evolve(system, state, middles)))
        moves = moves.reshape(TIMES.size - 1, PARTS, system.P, system.P)
        whole = moves[:, 0]
        for k in range(1, PARTS):
            whole = moves[:, k] @ whole
        return cls(np.abs(evolve(system, state, TIMES)) ** 2, whole)

    def chance(self, members: int) -> NDArray[np.float64]:
        """P(some beable is empty) of N members drawn from |Psi|^2, (T,); three beables."""
        rho = self.density
        return np.asarray((1 - rho) ** members).sum(axis=1) - np.asarray(rho**members).sum(axis=1)


def rates(system: System, psi: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Rates b -> a, (..., P, P), at Psi (..., P), off the diagonal; columns sum to 0."""
    H = system.frequencies.toarray()
    flow = 2 * np.imag(np.conj(psi)[..., :, None] * H * psi[..., None, :])
    out = np.maximum(flow, 0.0) / (np.abs(psi) ** 2)[..., None, :]
    each = np.arange(system.P)
    out[..., each, each] = 0.0
    out[..., each, each] = -out.sum(axis=-2)
    return np.asarray(out)


def empty(guide: Guide, members: int, seed: int, replica: int) -> NDArray[np.bool_]:
    """Whether some beable has nobody, at TIMES (T,), in one ensemble of N independent members."""
    lots = uniforms(seed, Purpose.GUIDED, replica, 0, 0, members)
    P = guide.density.shape[1]
    member = np.searchsorted(np.cumsum(guide.density[0])[:-1], lots)
    out = np.zeros(TIMES.size, bool)
    for k in range(TIMES.size):
        out[k] = np.bincount(member, minlength=P).min() == 0
        if k < len(guide.chances):
            lots = uniforms(seed, Purpose.GUIDED, replica, 0, k + 1, members)
            upto = np.cumsum(guide.chances[k], axis=0)[:-1]
            member = (lots > upto[:, member]).sum(axis=0)
    return out
