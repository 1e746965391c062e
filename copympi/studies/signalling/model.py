"""The systems of the study of signalling, hbar = 1: parts that do not interact, A first; beables are all combinations.

Each has a start Psi(0), a duration, and observables of the end. None passes nearer to a node than some rho = 0.03.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from copympi.model.preparation import largest_remainder
from copympi.model.system import System
from copympi.theory import dephasing, schrodinger

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
SX, SY, SZ = (np.array(rows, complex) for rows in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))
ONE, UP = np.eye(2, dtype=complex), np.diag([1, 0]).astype(complex)
H_A, H_B, H_C = 0.7 * SX + 0.3 * SZ, 0.5 * SX + 0.2 * SZ, 0.4 * SX - 0.1 * SZ
POINTER_TURN = np.pi / 3
"""Rad by which a pointer turns to either side of its start: by pi/2 it would end on a node."""
SETTINGS = ("a, b", "a, b'", "a', b", "a', b'")
"""Of the two parties in CHSH's inequality."""
SIGNS = (1, 1, 1, -1)
TSIRELSON = 2 * np.sqrt(2)


@dataclass(frozen=True)
class Setup:
    """H (P, P), where ensembles start, Psi (P,), how long they go, and what is asked for: name -> observable (P, P)."""

    H: Complex
    psi: Complex
    duration: float
    observables: dict[str, Complex]

    @property
    def system(self) -> System:
        return System(self.H)

    @property
    def matrices(self) -> Complex:
        """The observables, (K, P, P)."""
        return np.array(list(self.observables.values()))

    def start(self, members: int) -> tuple[NDArray[np.int64], Floats]:
        """Counts and phases, (P,) each, of N members nearest to Psi."""
        rho = np.abs(self.psi) ** 2
        return np.asarray(largest_remainder(rho / rho.sum(), members), np.int64), -np.angle(self.psi)

    def rounded(self, members: int) -> Complex:
        """Psi of those, normalised."""
        n, phase = self.start(members)
        return np.asarray(np.sqrt(n / members) * np.exp(-1j * phase))

    def expected(self, members: int) -> Floats:
        """The observables' means by Schroedinger's equation from that start, (K,)."""
        psi = schrodinger.evolve(self.system, self.rounded(members), [self.duration])[0]
        return np.asarray(means(psi, self.matrices))

    def coefficients(self, spectators: int = 0) -> Floats:
        """N (E[Q] - QM) without end of N, (K,), by the dephasing equation."""
        shift = dephasing.shift(self.system, self.psi, [self.duration], spectators)[0]
        return np.asarray(np.einsum("kab,ba->k", self.matrices, shift).real)

    @property
    def least(self) -> float:
        """The least |Psi_a|^2 on the path."""
        return float(schrodinger.density(self.system, self.psi, np.linspace(0, self.duration, 500)).min())


def means(c: ArrayLike, observables: Complex) -> Floats:
    """c^+ Q_k c of amplitudes c (..., P) and observables (K, P, P): (..., K). Each row's bits are its own."""
    c = np.asarray(c)
    parts = c.conj()[..., None, :, None] * observables * c[..., None, None, :]
    return np.asarray(parts.reshape(*parts.shape[:-2], -1).sum(axis=-1).real)


def kron(*parts: Any) -> Complex:
    """Tensor product of operators, or of states."""
    return np.asarray(reduce(np.kron, parts), complex)


def qubit(up: float, angle: float) -> Complex:
    """State of a qubit: weight of the beable `up`, and the other's phase (rad)."""
    return np.array([np.sqrt(up), np.sqrt(1 - up) * np.exp(1j * angle)])


def two_qubits(moves: bool) -> Setup:
    """A and B, entangled, each with an H of its own, A's on or off; is B up at the end?"""
    angle = np.array([-0.58210509, 1.39811077, 1.82690729, 1.50538962])
    psi = np.sqrt([0.265, 0.375, 0.225, 0.135]) * np.exp(1j * angle)
    return Setup(kron(moves * H_A, ONE) + kron(ONE, H_B), psi, 3.0, {"B is up": kron(ONE, UP)})


def bell(k: int) -> Setup:
    """A state of most entanglement, rotated by both parties to setting k of CHSH's inequality, then read.

    <XZ> = <ZX> = <YY> = 1 at the start, so that no beable is empty. A turns z into y or x, B by an eighth to each side.
    """
    turn_a = -SY if k < 2 else SX
    turn_b = SX if k % 2 == 0 else -SX
    H = kron(np.pi / 4 * turn_a, ONE) + kron(ONE, np.pi / 8 * turn_b)
    return Setup(H, kron([0.5, 0.5, 0.5, -0.5]), 1.0, {f"ZZ at {SETTINGS[k]}": kron(SZ, SZ)})


MEASURED = qubit(0.5, 0.8)
"""The qubit whose sigma_x is measured."""


def rotated() -> Setup:
    """sigma_x of a qubit, by a rotation that makes it the beable."""
    return Setup(kron(-np.pi / 4 * SY), MEASURED, 1.0, {"sigma_x": SZ})


def pointer() -> Setup:
    """sigma_x of the same qubit, by a second one that sigma_x turns to one side or the other: its sigma_z tells."""
    H = kron(-0.5 * POINTER_TURN * SX, SY)
    psi = kron(MEASURED, [np.sqrt(0.5), np.sqrt(0.5)])
    return Setup(H, psi, 1.0, {"sigma_x": kron(ONE, SZ) / np.sin(POINTER_TURN)})


def three_qubits(moves: bool) -> Setup:
    """A, B and C, entangled, each with an H of its own; A's on or off."""
    size = np.sqrt([0.086, 0.152, 0.114, 0.146, 0.157, 0.126, 0.120, 0.099])
    psi = kron(size * np.exp(1j * np.array([3.04, 0.91, -2.23, 0.35, 2.54, -0.23, 0.11, -0.26])))
    H = kron(moves * H_A, ONE, ONE) + kron(ONE, H_B, ONE) + kron(ONE, ONE, H_C)
    seen = {"B is up": kron(ONE, UP, ONE), "C is up": kron(ONE, ONE, UP), "ZZ of B, C": kron(ONE, SZ, SZ)}
    return Setup(H, psi, 1.5, seen)


ALONE, BESIDE = qubit(0.46, 2.56), qubit(0.57, 0.31)
"""States of a B and an A that are not entangled."""


def alone() -> Setup:
    """B in an ensemble of its own."""
    return Setup(kron(H_B), ALONE, 3.0, {"B is up": UP})


def beside(moves: bool) -> Setup:
    """The same B, of which each member has an A too, not entangled with it, at rest or moving."""
    H = kron(moves * H_A, ONE) + kron(ONE, H_B)
    return Setup(H, kron(BESIDE, ALONE), 3.0, {"B is up": kron(ONE, UP)})


SETUPS: dict[str, Callable[[], Setup]] = {
    "A moves": partial(two_qubits, True),
    "A rests": partial(two_qubits, False),
    **{f"setting {name}": partial(bell, k) for k, name in enumerate(SETTINGS)},
    "rotated": rotated,
    "pointer": pointer,
    "three, A moves": partial(three_qubits, True),
    "three, A rests": partial(three_qubits, False),
    "B alone": alone,
    "beside A at rest": partial(beside, False),
    "beside A moving": partial(beside, True),
}
"""By the names that cases have."""
