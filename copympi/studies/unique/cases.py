"""What the study of unique states runs: n qubits, N copies, and how many circuits, a case.

copies      random circuits of 1 to 16 qubits, N from 1 to 2^20
spectators  the same with one spectator a string
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from copympi.studies.unique.circuits import ANGLE, CYCLES

EACH = 2
"""Ensembles that go through each circuit."""
CIRCUITS, FEW = 24, 8
"""How many circuits; of more than MANY qubits."""
MANY = 10
N_MAIN = 1024
SIZES: dict[int, tuple[int, ...]] = {
    1: (1, 2, 3, 4, 6, 8),
    2: (1, 2, 3, 4, 6, 8),
    64: (1, 2, 3, 4, 5, 6, 7, 8, 10),
    N_MAIN: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16),
    1 << 14: (1, 2, 3, 4, 5, 6),
    1 << 20: (1, 2, 3, 4, 5, 6),
}
"""N -> numbers of qubits."""
QUICK: dict[int, tuple[int, ...]] = {1: (1, 2, 4), N_MAIN: (1, 2, 4, 6, 8), 1 << 20: (1, 2, 4)}
HELD: dict[int, tuple[int, ...]] = {N_MAIN: (1, 2, 3, 4, 5, 6, 7, 8)}


@dataclass(frozen=True)
class Case:
    """One number of qubits and of copies; `replicas` ensembles, EACH of them through the same circuit."""

    part: str
    qubits: int
    members: int
    replicas: int
    spectators: int = 0

    @property
    def name(self) -> str:
        return f"{self.part}: {self.qubits} qubits, N = {self.members}"

    @property
    def place(self) -> str:
        return f"cases/{self.part}, {self.qubits} qubits, N = {self.members}"

    @property
    def settings(self) -> dict[str, Any]:
        return {**vars(self), "cycles": CYCLES, "angle": ANGLE, "each": EACH}


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    parts = [("copies", QUICK if quick else SIZES, 0), ("spectators", {N_MAIN: (4, 6)} if quick else HELD, 1)]
    out = []
    for part, sizes, spectators in parts:
        for N, numbers in sizes.items():
            for n in numbers:
                circuits = FEW if quick or n > MANY else CIRCUITS
                out.append(Case(part, n, N, replicas or EACH * circuits, spectators))
    return out
