"""Gates of quantum circuits, and the Hamiltonian that makes a gate in a unit of time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.kernels import portable
from copympi.model.tables import real, unknown

Unitary = NDArray[np.complex128]

UNITARY_TO, ROUNDING = 1e-9, 1e-14
"""Largest element of U^dagger U - 1 that counts as rounding, and of a generator that is a zero."""
_X, _Y, _Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])
FIXED: dict[str, NDArray[Any]] = {
    "h": (_X + _Z) / np.sqrt(2),
    "x": _X,
    "y": _Y,
    "z": _Z,
    "s": np.diag([1, 1j]),
    "t": np.diag([1, complex(portable.turns(0.25 * np.pi))]),
    "cx": np.eye(4)[[0, 1, 3, 2]],
    "cz": np.diag([1, 1, 1, -1]),
    "swap": np.eye(4)[[0, 2, 1, 3]],
}
"""Gates without an angle, beables in the order of numpy.kron; the first part of cx and cz is the control."""
TURNS: dict[str, NDArray[Any]] = {"rx": _X, "ry": _Y, "rz": _Z}
"""Rotations exp(-i angle/2 S), S Pauli's matrix."""


def unitary(gate: Any, angle: Any, D: int, key: str) -> Unitary:
    """The matrix (D, D) of a gate: a name of the lists above, or a matrix; InputError for what is no unitary."""
    if isinstance(gate, str):
        if gate not in FIXED and gate not in TURNS:
            raise InputError(key, gate, unknown("gate", gate, [*FIXED, *TURNS]) + "; or a unitary matrix")
        if (gate in TURNS) != (angle is not None):
            why = "must have its angle (rad) last" if gate in TURNS else "must have no angle"
            raise InputError(key, gate, why)
        half = 0.0 if angle is None else 0.5 * real(angle, key)
        U = FIXED[gate] if angle is None else portable.cos(half) * np.eye(2) - 1j * portable.sin(half) * TURNS[gate]
    else:
        if angle is not None:
            raise InputError(key, angle, "an angle must be left out with a matrix")
        try:
            U = np.asarray(gate.full() if hasattr(gate, "full") else gate, complex)
        except (TypeError, ValueError, OverflowError):
            U = np.zeros(0, complex)
        if U.ndim != 2:
            raise InputError(key, gate, "must be the name of a gate, or a unitary matrix")
    if U.shape != (D, D):
        what = gate if isinstance(gate, str) else "array of shape " + "x".join(map(str, U.shape))
        raise InputError(key, what, f"must be {D}x{D}, as the parts that it is on are")
    with np.errstate(over="ignore", invalid="ignore"):
        off = float(np.max(np.abs(U.conj().T @ U - np.eye(D))))
    if not off <= UNITARY_TO:
        raise InputError(key, gate, f"must be unitary; the largest element of U^dagger U - 1 is {off:.3g}")
    return np.asarray(U, complex)


def generator(U: Unitary) -> Unitary:
    """The Hermitian G of the smallest norm for which exp(-i G) is U, up to a phase of the whole.

    The eigenphases of U lie on an arc of the circle, the shortest that there is; G has them with its middle as zero,
    so that |G| is half that arc, at most pi (D - 1)/D.
    """
    from scipy.linalg import schur  # here, as most runs have no gates: it takes a while

    triangle, Z = schur(U, output="complex")  # U is normal: the triangle is diagonal
    angles = np.mod(np.angle(np.diag(triangle)), 2 * np.pi)
    angles[angles > 2 * np.pi - UNITARY_TO] = 0.0
    order = np.sort(angles)
    gaps = np.diff(order, append=order[0] + 2 * np.pi)
    widest = int(np.flatnonzero(gaps > gaps.max() - UNITARY_TO)[-1])  # the arc begins behind it
    begin = order[(widest + 1) % len(order)]
    along = np.mod(angles - begin + UNITARY_TO, 2 * np.pi) - UNITARY_TO
    G = (Z * (0.5 * (2 * np.pi - gaps[widest]) - along)) @ Z.conj().T
    G = 0.5 * (G + G.conj().T)
    for part in (G.real, G.imag):
        part[np.abs(part) < ROUNDING * np.abs(G).max()] = 0.0
    return np.asarray(G)
