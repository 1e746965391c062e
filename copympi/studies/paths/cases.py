"""What the study of paths runs, hbar = 1.

law   three levels that stay away from nodes: every member of ensembles of 10 to 2,000 is followed
node  two levels, 400 members, past a node at rho_min = x/N
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System
from copympi.studies.nodes.ensembles import nearest
from copympi.theory import passes

Complex = NDArray[np.complex128]

H = np.array([[-0.1, -0.1 - 0.5j, 1.9 - 0.7j], [-0.1 + 0.5j, 0.0, 0.1 - 0.2j], [1.9 + 0.7j, 0.1 + 0.2j, 0.2]])
PSI = np.sqrt([0.5, 0.3, 0.2]) * np.exp(-1j * np.array([0.0, -1.3, -0.8]))
"""N |Psi_a|^2 is whole for N = 10, 20, ..; |Psi_a|^2 stays above 0.159 until DURATION; a member copies 2.4 times."""
DURATION, STOPS = 4.0, 16
FROM, TARGET = 0, 1
"""First passages are those of members that begin in FROM, into TARGET."""
SIZES = (10, 20, 40, 100, 200, 400, 1000, 2000)
MEMBERS, MOST = 2_000_000, 20_000
"""Followed in all replicas together, and the most replicas."""
LOOKS = np.linspace(0, DURATION, 41)[1:]
"""When first passages are counted."""
RABI = np.pi * np.array([[0.0, 1.0], [1.0, 0.0]])
BEFORE, AFTER = 0.25, 0.25
"""A pass begins and ends with |Psi_0|^2 = 1/2; the period is 1."""
NEAR, NODE_MEMBERS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0), 400


@dataclass(frozen=True)
class Case:
    """One N, or one x = N rho_min."""

    part: str
    members: int
    replicas: int
    x: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.part}: N = {self.members}" + (f", N rho_min = {self.x:g}" if self.x else "")

    @property
    def place(self) -> str:
        return f"cases/{self.part}, N = {self.members}" + (f", N rho_min = {self.x:g}" if self.x else "")

    @property
    def settings(self) -> dict[str, Any]:
        return {**vars(self), "duration": self.duration}

    @property
    def duration(self) -> float:
        return BEFORE + AFTER if self.part == "node" else DURATION

    @property
    def system(self) -> System:
        return System(RABI if self.part == "node" else H)

    @property
    def start(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Counts and phases, (P,) each."""
        if self.part == "node":
            return nearest(passes.near(self.system, [0, 1], 0, BEFORE, self.x / self.members), self.members)
        return nearest(PSI, self.members)


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order."""
    followed = MEMBERS // (20 if quick else 1)
    sizes = SIZES[1:-1:2] if quick else SIZES
    out = [Case("law", N, replicas or min(MOST, followed // N)) for N in sizes]
    for x in NEAR[::2] if quick else NEAR:
        out.append(Case("node", NODE_MEMBERS, replicas or (500 if quick else 4000), x))
    return out
