"""The systems of the study of finite copies, hbar = 1, and what is known of them in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.system import System

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Model:
    """H, (P, P), and where the ensemble starts, Psi (P,), normalised."""

    H: Complex
    psi: Complex

    @property
    def system(self) -> System:
        return System(self.H)


def two() -> Model:
    """Two levels with a detuning, away from nodes."""
    return Model(_array([[0.3, 0.5], [0.5, -0.3]]), np.sqrt([0.6, 0.4]) * np.exp(-1j * np.array([0.0, 1.0])))


def four() -> Model:
    """Four levels on a ring with complex couplings, and a current round it."""
    H = _array([[0.3, 0.4, 0, 0.3j], [0.4, -0.2, 0.5j, 0], [0, -0.5j, 0.1, 0.4], [-0.3j, 0, 0.4, -0.1]])
    return Model(H, np.sqrt([0.3, 0.25, 0.2, 0.25]) * np.exp(-1j * np.array([0.0, 0.8, 1.9, 2.6])))


def chain(pitch: float, spins: int = 4, exchange: float = 0.5) -> Model:
    """Spins with H = exchange sum_j (s+_j s-_{j+1} + h.c.); beables: all of their ups and downs.

    All spins lie in the plane, each turned by `pitch` rad against the one before: that carries a spin current.
    <H> = exchange (spins - 1) cos(pitch)/2; the middle of the band is 0.
    """
    H = np.zeros((2**spins, 2**spins), complex)
    for state in range(2**spins):
        for j in range(spins - 1):
            if (state >> j & 1) != (state >> (j + 1) & 1):
                H[state ^ (3 << j), state] += exchange
    psi = np.ones(1, complex)
    for j in range(spins):
        psi = np.kron(np.array([1, np.exp(1j * pitch * j)]) / np.sqrt(2), psi)
    return Model(H, psi)


def qubit(tilt: float, omega: float = 2 * np.pi) -> Model:
    """A qubit of angular frequency omega in an even superposition of its two energies; beables tilted by `tilt` rad.

    The beables are up and down along an axis that stands at that angle to the one on which the energies lie. At 0 they
    are the eigenstates; at pi/2 each is an even superposition of both, and the state passes through either in turn.
    It starts where both have the same weight.
    """
    H = 0.5 * omega * _array([[np.cos(tilt), np.sin(tilt)], [np.sin(tilt), -np.cos(tilt)]])
    _, vectors = np.linalg.eigh(H)
    return Model(H, (vectors[:, 0] + 1j * vectors[:, 1]) / np.sqrt(2))


def pair() -> Model:
    """Two beables that Omega = 1 couples, in the state of the even weights: stationary, and real."""
    return Model(_array([[0, 0.5], [0.5, 0]]), np.ones(2, complex) / np.sqrt(2))


def coherence_per_member(tilt: ArrayLike, omega: float = 2 * np.pi) -> Floats:
    """T/N of `qubit`, its coherence time for each member: pi/(2 omega atanh(sin(tilt))), in the time of 1/omega.

    With q = sin(tilt) sin(omega t), rho = (1 +- q)/2: the flow is F = |dq/dt|/2, gamma = F/(8N) (1/rho_0 + 1/rho_1)^2 =
    2 F/(N (1 - q^2)^2), and takes of the Bloch vector gamma (1 - q^2) along itself; averaged over a turn that is 1/T.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.pi / (2 * omega * np.arctanh(np.sin(np.asarray(tilt, dtype=float)))))


def rounding(time: Floats, amplitude: float = 0.5, omega: float = 1.0) -> tuple[Floats, Floats]:
    """Copies by `time`, and the mean square of n_0 - N/2, of `pair` that starts `amplitude` members off; whatever N.

    x = n_0 - N/2 and y, N/4 times the phases' difference, make an oscillator of frequency Omega = 2R: dy/dt = -Omega x,
    and x moves by 1, in the direction of y, at the rate Omega |y|. So d E[A^2]/dt = Omega E|y|, the rate of copies,
    A^2 = x^2 + y^2; where A is not small, y = A sin with even phases and E|y| = (2/pi) E[A]. A itself has the drift of
    A^2 over 2A, Omega/pi, less the noise of A^2, 4 A^3 Omega <cos^2|sin|>, over 8 A^3: Omega/(3 pi). So E[A] = A_0 +
    2 Omega t/(3 pi). While A is about 1 that is rough: t is right up to some 1/Omega.
    """
    copies = (2 * omega / np.pi) * (amplitude * time + omega * time**2 / (3 * np.pi))
    return copies, 0.5 * (amplitude**2 + copies)


def _array(rows: Any) -> Complex:
    return np.array(rows, dtype=complex)
