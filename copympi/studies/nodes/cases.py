"""What the study of nodes runs. hbar = 1 throughout; the beable that passes a node is number 0. Parts:

curve   passes near nodes, one a case, from long before ("from afar") and from right before it: how often 0 dies
rare    the same pass of two levels ever farther from the node, by splitting: chances down to 1e-12
paper   a beable with 0, 1, 4 members just behind its node: what (63) and (64) say of it
remedy  an exact node with the paper's three remedies and without, through one period
life    ensembles until a beable dies, for a state that wanders and one whose weights must diffuse first
bell    members who jump guided by Schroedinger's wavefunction (Bell's process) from the same state
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.model.system import System


@dataclass(frozen=True)
class Setting:
    """H, Psi at the node (any norm), and how long before it a pass "from afar" starts."""

    H: tuple[tuple[complex, ...], ...]
    node: tuple[complex, ...]
    before: float

    @property
    def system(self) -> System:
        return System(np.array(self.H))


def _pair(detuning: float, coupling: complex) -> tuple[tuple[complex, ...], ...]:
    return (detuning, coupling), (complex(coupling).conjugate(), -detuning)


def _upper(omega: tuple[float, ...], *rows: tuple[complex, ...]) -> tuple[tuple[complex, ...], ...]:
    """A Hermitian matrix of its diagonal and what stands right of it, row by row."""
    H = np.diag(np.array(omega, dtype=complex))
    for a, row in enumerate(rows):
        H[a, a + 1 :] = row
        H[a + 1 :, a] = np.conj(row)
    return tuple(tuple(row) for row in H.tolist())


THREE = _upper((0.2, -0.3, 0.4), (0.6, 0.5), (0.2 - 0.2j,))
FOUR = _upper((0.1, -0.3, 0.3, -0.1), (0.4, 0.3j, 0.3), (0.2, 0.1), (0.3,))
SETTINGS = {
    "2 levels, resonant": Setting(_pair(0.0, 0.5), (0, 1), 1.5),
    "2 levels, detuned": Setting(_pair(0.5, 0.5), (0, 1), 2.0),
    "2 levels, fast": Setting(_pair(-0.6, 0.9 - 0.5j), (0, 1), 1.2),
    "3 levels, a": Setting(THREE, (0, 0.75, 0.66), 1.0),
    "3 levels, b": Setting(
        _upper((0, 0.2, -0.2), (0.7 - 0.5j, 0.1 + 0.5j), (-0.1 - 0.3j,)), (0, -0.5j, -0.3 - 0.7j), 1.74
    ),
    "3 levels, c": Setting(
        _upper((-0.2, -0.2, -0.9), (-0.5 + 0.4j, -0.6j), (-0.1 - 0.4j,)), (0, 0.9 + 2.1j, -1 + 0.1j), 2.5
    ),
    "4 levels, a": Setting(FOUR, (0, 0.6, -0.6j, 0.53 * np.exp(-1j)), 1.0),
    "4 levels, b": Setting(
        _upper(
            (0.6, -0.1, 0.1, 0.4), (0.6 + 0.4j, -0.2 + 0.9j, -0.1 - 0.6j), (0.2 + 0.5j, 0.3 - 0.4j), (0.5 + 0.2j,)
        ),
        (0, 0.3 + 1.4j, -0.1 - 1j, -1.3 + 0.6j),
        1.07,
    ),
    "4 levels, c": Setting(
        _upper(
            (0.7, 0.8, -0.6, 0.3), (0.3 - 0.4j, -0.5 + 0.1j, -0.5 - 0.9j), (-0.1 - 0.7j, 0.1 + 0.5j), (0.6 - 0.2j,)
        ),
        (0, -1.3 + 0.9j, 1.2 - 1.6j, 1.4 - 0.3j),
        1.24,
    ),
}  # fmt: skip
"""Passes with unlike speeds |K|, and directions of the drives (kappa from 1 to 3)."""
RARE = "2 levels, detuned"
RARE_MEMBERS = 100_000_000
AFAR = ((10, 0.4), (30, 0.7), (100, 0.8), (1000, 1.2), (10_000, 2.4))
"""N, and the scaled distance x/(kappa + 2 s^2) that the start is made for, before counts are rounded."""
NEAR = ((1000, 0.5), (10_000, 1.6), (100_000, 3.2))
CLOSE = 400
"""Members of beable 0 at the start of a pass from right before it, at most a fifth of all."""
REMEDIES = {
    "none": "no remedy",
    "spectator": "1 spectator a beable",
    "admixture": "1% ground state admixed",
    "basis": "beables without nodes",
}
ADMIXED = 0.01
BEHIND = (0, 1, 4)
"""Members with which the part `paper` starts just behind the node."""
WANDERS = _upper((0.1, -0.3, -0.2), (0.5, 0.2 - 0.1j), (0.4j,))
"""Its two gaps are as 0.39 to 0.61: far from any ratio of small numbers, near which passes come in bursts."""
WEIGHTS = {"wanders": (0.40, 0.35, 0.25), "must diffuse": (0.90, 0.05, 0.05)}
"""|amplitude|^2 in the eigenstates of WANDERS, in order of energy: for the second no phases make a Psi_a vanish."""
EXACT_TO = {"wanders": 10_000, "must diffuse": 1000}
"""Members up to which lifetimes are taken event by event; above, by leaps."""


@dataclass(frozen=True)
class Case:
    """One run: part, what of it, N, replicas (walkers times repeats in `rare`), and a number that the part explains."""

    part: str
    what: str
    members: int
    replicas: int
    number: float = 0.0
    afar: bool = False

    @property
    def name(self) -> str:
        more = {"curve": f", {self.start}, x/w = {self.number:g}", "rare": f", x = {self.number:g}"}
        return f"{self.part} {self.what}, N = {self.members}{more.get(self.part, '')}"

    @property
    def start(self) -> str:
        return "from afar" if self.afar else "right before"

    @property
    def place(self) -> str:
        return f"cases/{self.name}".replace("x/w", "X")

    @property
    def settings(self) -> dict[str, Any]:
        return dict(vars(self))


def wandering(which: str) -> tuple[System, NDArray[np.complex128]]:
    """The system of the parts `life` and `bell`, and Psi(0) of one of its two states."""
    system = System(np.array(WANDERS))
    _, vectors = np.linalg.eigh(system.frequencies.toarray())
    return system, np.asarray(vectors @ np.sqrt(np.array(WEIGHTS[which])))


def cases(quick: bool, replicas: int | None) -> list[Case]:
    """What the study runs, in order. `replicas`: of every case, in place of its own number."""

    def many(full: int, small: int) -> int:
        return replicas if replicas is not None else small if quick else full

    return [*_curve(quick, many), *_rare(quick, many), *_others(quick, many), *_lives(quick, many)]


def _curve(quick: bool, many: Any) -> list[Case]:
    """Both sides of a node have half of the replicas each. Distances differ a little, so that points lie apart."""
    shown = [*SETTINGS][1::3] if quick else [*SETTINGS]
    out = []
    for k, what in enumerate(shown):
        apart = 1 + 0.06 * (k - 4)
        for N, X in AFAR:
            full = 1600 if N > 1000 else 6000
            if (N == 10 and SETTINGS[what].system.P > 2) or (quick and N > 1000):
                continue  # of ten members in three and four beables others die first
            out += [Case("curve", what, N, many(full, 1000), round(X * apart, 2), True)]
        for N, X in NEAR:
            out += [Case("curve", what, N, many(4000, 600), round(X * apart, 2))] if not quick or N == 10_000 else []
    return out


def _rare(quick: bool, many: Any) -> list[Case]:
    at = (9.0, 27.0) if quick else (3.0, 9.0, 15.0, 21.0, 27.0)
    return [
        Case("rare", start, RARE_MEMBERS, many(32, 8), x, start == "from afar")
        for start in ("right before", "from afar")
        for x in at
    ]


def _others(quick: bool, many: Any) -> list[Case]:
    sizes = (30, 300) if quick else (30, 100, 300, 1000, 3000, 10_000)
    return [
        *(Case("paper", f"{n} members", 10_000, many(2000, 400), n) for n in BEHIND),
        *(Case("remedy", which, N, many(400, 100)) for which in REMEDIES for N in sizes),
    ]


def _lives(quick: bool, many: Any) -> list[Case]:
    wanders = (100, 1000, 100_000) if quick else (30, 100, 300, 1000, 3000, 10_000, 100_000, 1_000_000)
    diffuses = (30, 100) if quick else (30, 100, 300, 1000, 3000, 10_000, 30_000)
    return [
        *(Case("life", "wanders", N, many(480, 100)) for N in wanders),
        *(Case("life", "must diffuse", N, many(60 if N > 1000 else 240, 80)) for N in diffuses),
        Case("bell", "wanders", 100, many(200, 60)),
    ]
