"""Naive twin of systems that Psi guides: each by itself, event by event, nothing shared with the package.

In a short time in which Psi is taken at two ends only, the hazard of leaving b is the integral of sum_a W_ab by the
trapezoid; who leaves goes to a in proportion to W_ab at the time, found by linear interpolation. Steps are of one
length: laws are right to second order in it, far from nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rates(H: NDArray[np.complex128], psi: NDArray[np.complex128], mixing: float) -> NDArray[np.float64]:
    """(P, P), [a, b] from b to a: written out pair by pair; H/hbar."""
    P = len(H)
    out = np.zeros((P, P))
    for b in range(P):
        for a in range(P):
            if a != b:
                size, angle = np.abs(H[a, b]), np.angle(H[a, b])
                sine = np.sin(np.angle(psi[b]) - np.angle(psi[a]) + angle)  # phi = -arg Psi
                ratio = np.abs(psi[a]) / np.abs(psi[b])
                out[a, b] = 2 * size * ratio * (max(0.0, sine) + mixing)
    return out


def histories(
    H: NDArray[np.complex128], psi: NDArray[np.complex128], start: NDArray[np.int64], duration: float, pieces: int,
    rng: np.random.Generator, mixing: float = 0.0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:  # fmt: skip
    """Where systems (K,) that begin in `start` are in the end, how often each has jumped, and all times of jumps."""
    energy, vectors = np.linalg.eigh(H)
    h = duration / pieces
    at, jumps, times = start.copy(), np.zeros(len(start), np.int64), []
    left = rng.exponential(size=len(start))  # hazard until the next jump
    for k in range(pieces):
        both = [vectors @ (np.exp(-1j * energy * t) * (vectors.conj().T @ psi)) for t in (k * h, (k + 1) * h)]
        early, late = (rates(H, one, mixing) for one in both)
        first, slope = early.sum(axis=0), (late - early).sum(axis=0)
        hazard = h * (first + 0.5 * slope)[at]
        some = np.flatnonzero(hazard >= left)
        left[hazard < left] -= hazard[hazard < left]
        for i in some:
            now = 0.0  # the part of this piece that has passed
            while True:
                a, b, rest = first[at[i]] + slope[at[i]] * now, slope[at[i]], 1.0 - now
                if left[i] > h * (a * rest + 0.5 * b * rest**2):
                    left[i] -= h * (a * rest + 0.5 * b * rest**2)
                    break
                x = left[i] / h  # = a y + b y^2/2
                now += 2 * x / (a + np.sqrt(max(0.0, a * a + 2 * b * x)))
                chance = np.maximum(0.0, early[:, at[i]] + (late - early)[:, at[i]] * now)
                at[i] = rng.choice(len(H), p=chance / chance.sum())
                jumps[i] += 1
                times.append((k + now) * h)
                left[i] = rng.exponential()
    return at, jumps, np.array(times)
