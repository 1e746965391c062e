"""One path of Schroedinger's equation, element by element: Psi_a(t), its derivatives, and the minima of |Psi_a|."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System

ANGLE = 0.5
"""Radians that the fastest part of Psi turns between two looks; in between, minima are found by Newton's method."""
ROUNDS = 4
"""Newton's steps: errors are squared by each, and start below a tenth of the distance of two looks."""
FEW = 4
"""Errors of Psi_a are taken for so many times the rounding of one operation."""
NUMBERS = 1 << 20
"""Complex numbers held at a time."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


class Path:
    """Psi(t) = sum_j e^{-i E_j t} v_j s_j and its first two derivatives; energies E (P,), vectors v (P, P), s (P,)."""

    def __init__(self, energy: Floats, vectors: Complex, start: Complex) -> None:
        self.energy, self.vectors, self.start = energy, vectors, start

    def psi(self, moments: Floats) -> Complex:
        """(M, P) at moments (M,)."""
        return (np.exp(-1j * np.outer(moments, self.energy)) * self.start) @ self.vectors.T

    def element(self, moments: Floats, a: NDArray[np.intp]) -> tuple[Complex, ...]:
        """Psi_a, dPsi_a/dt and the second derivative, each (M,), at moments (M,) for beables a (M,)."""
        parts = np.exp(-1j * np.outer(moments, self.energy)) * self.start * self.vectors[a]
        return parts.sum(axis=1), -1j * (parts @ self.energy), -(parts @ self.energy**2)

    def rounding(self, rho: Floats, moments: Floats, a: int) -> Floats:
        """How far off |Psi_a|^2 = rho (M,) may be by rounding: of the path's start, and of phases E t late in it."""
        v = np.abs(self.vectors[a])
        off = FEW * np.finfo(float).eps * (v.sum() + moments * float(v @ np.abs(self.start * self.energy)))
        return np.asarray(off * (2 * np.sqrt(rho) + off))

    @property
    def step(self) -> float:
        """Time from look to look."""
        return ANGLE / max(float(np.ptp(self.energy)), 1e-300)

    def slope(self, moments: Floats, a: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
        """|Psi_a|^2 and its first two derivatives, each (M,), at moments (M,) for beables a (M,)."""
        c, d, e = self.element(moments, a)
        return np.abs(c) ** 2, 2 * np.real(np.conj(c) * d), 2 * (np.abs(d) ** 2 + np.real(np.conj(c) * e))

    def lowest(self, now: Floats, low: Floats, high: Floats, a: NDArray[np.intp]) -> Floats:
        """Where |Psi_a|^2 is least near moments `now` (M,), within [low, high], for beables a (M,): Newton's steps."""
        for _ in range(ROUNDS):
            _, slope, bend = self.slope(now, a)
            now = np.clip(now - np.divide(slope, bend, out=np.zeros_like(slope), where=bend > 0), low, high)
        return now


def of(system: System, state: ArrayLike) -> Path:
    """The path from Psi(0) = state (P,), normalised, but for a phase that all beables share; H is diagonalised.

    Raises ValueError where the state has not P amplitudes, or vanishes.
    """
    energy, vectors = np.linalg.eigh(system.frequencies.toarray())
    energy -= 0.5 * (energy[0] + energy[-1])
    psi = np.asarray(state, dtype=complex)
    if psi.shape != (system.P,) or not (np.all(np.isfinite(psi)) and np.any(psi)):
        raise ValueError(f"a state of {system.P} beables is {system.P} finite amplitudes, not all of them zero")
    return Path(energy, vectors, vectors.conj().T @ (psi / np.linalg.norm(psi)))


def minima(path: Path, beable: int, duration: float) -> Iterator[tuple[Floats, Complex]]:
    """All local minima of |Psi_beable| inside (0, duration), some at a time: times (M,) and Psi there (M, P).

    A dip in |Psi_beable|^2 between three looks that rounding alone may make is none.
    """
    looks = max(3, int(np.ceil(duration / path.step)) + 1)
    step = duration / (looks - 1)
    many = max(8, NUMBERS // path.energy.size)
    for first in range(0, looks - 2, many):
        k = np.arange(first, min(first + many, looks - 2) + 2)
        moments = np.asarray(k * step, dtype=np.float64)
        rho = np.abs(path.element(moments, np.full(k.size, beable))[0]) ** 2
        at = np.flatnonzero((rho[1:-1] <= rho[:-2]) & (rho[1:-1] < rho[2:])) + 1
        if at.size:
            now = path.lowest(moments[at], moments[at - 1], moments[at + 1], np.full(at.size, beable))
            psi = path.psi(now)
            side = np.minimum(rho[at - 1], rho[at + 1])
            dip = side - np.minimum(rho[at], np.abs(psi[:, beable]) ** 2)
            real = dip > path.rounding(side, moments[at], beable)
            if np.any(real):
                yield now[real], psi[real]
