"""Random circuits of n qubits, hbar = 1; beables are the strings of n bits, P = 2^n of them.

A cycle turns each qubit by ANGLE about an axis of its own, drawn from the sphere, and then makes controlled-Z gates
between random pairs. Those are diagonal in the beables: they turn phases, and nobody copies. At the start all strings
have the same weight: with all members in one string there would be nothing to copy for ever (63).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.exact import paths
from copympi.engine.leaps import leap
from copympi.engine.lots import uniforms
from copympi.engine.purposes import Purpose
from copympi.model.circuits import BARRIER, Circuit, circuit
from copympi.model.system import System
from copympi.theory.near_field import kappa

CYCLES = 8
ANGLE = np.pi / 2
EXACT_TO = 1 << 16
"""Members up to which copies are made event by event; beyond, in leaps."""
SAMPLES = 60_000
"""Random drives of which theory takes an average, those of each state counted one by one."""

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def drawn(qubits: int, seed: int, number: int) -> Circuit:
    """Circuit `number` of so many qubits: a function of the seed and its number."""
    gates: list[Any] = []
    for cycle in range(CYCLES):
        lots = uniforms(seed, Purpose.CIRCUITS, number, 0, cycle, 3 * qubits).reshape(3, qubits)
        z, angle = 2 * lots[0] - 1, 2 * np.pi * lots[1]
        x, y = np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle)
        for q in range(qubits):
            axis = np.array([[z[q], x[q] - 1j * y[q]], [x[q] + 1j * y[q], -z[q]]])
            gates.append((np.cos(ANGLE / 2) * np.eye(2) - 1j * np.sin(ANGLE / 2) * axis, q))
        gates.append(BARRIER)
        pairs = np.argsort(lots[2])[: 2 * (qubits // 2)].reshape(-1, 2)
        gates += [*(("cz", (int(a), int(b))) for a, b in pairs), BARRIER]
    return circuit(qubits, gates)


def even(P: int) -> Complex:
    """Psi (P,) at the start."""
    return np.full(P, P**-0.5, complex)


def starts(P: int, members: int, seed: int, who: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts (R, P) of N members on P strings of one weight: as even as can be, who has one more is drawn."""
    n = np.full((len(who), P), members // P, np.int64)
    for row, replica in zip(n, who, strict=True):
        row[np.argsort(uniforms(seed, Purpose.CIRCUITS, int(replica), 1, 0, P))[: members % P]] += 1
    return n


@dataclass(frozen=True)
class Ensembles:
    """R ensembles at the end of a circuit: n (R, P), phase (R, P) rad, of no meaning where n is 0."""

    n: NDArray[np.int64]
    phase: Floats

    @property
    def amplitudes(self) -> Complex:
        """c = sqrt(n) exp(-i phi), (R, P)."""
        return np.asarray(np.sqrt(self.n) * np.exp(-1j * np.where(self.n > 0, self.phase, 0.0)))


def through(made: Circuit, n: NDArray[np.int64], seed: int, who: NDArray[np.int64], spectators: int = 0) -> Ensembles:
    """Ensembles n (R, P), phases 0, through all layers. Draws are functions of the seed and `who` (R,), which ascends
    by one from row to row. Spectators only up to EXACT_TO members."""
    phase = np.zeros(n.shape)
    systems: list[System] = [made.system, *(system for _, system in made.schedule)]
    for layer, system in enumerate(systems):
        if n[:1].sum() <= EXACT_TO:
            done = paths(system, n, phase, made.gate_time, seed, who + (layer << 32), spectators=spectators)
            n, phase = done.n, done.phase
        else:
            n, phase = leap(system, n, phase, made.gate_time, (seed + (layer << 40)) % 2**63, int(who[0]))
    return Ensembles(n, phase)


@cache
def deaths(qubits: int) -> float:
    """How fast strings lose their last member, a cycle and a string, in units of sqrt(2^n/N); random states, large N.

    lambda = sqrt(pi/N) <sqrt(kappa) |K|> p(0) (theory/lifetimes.py) with P |Psi_a|^2 exponential (Porter and Thomas),
    p(0) = P/pi, and drives from the n strings one flip away, independent complex normal numbers; see docs/unique.md.
    """
    states = max(300, SAMPLES // qubits)
    random = np.random.Generator(np.random.Philox(1))
    lots = random.normal(scale=np.sqrt(0.5), size=(2, states, qubits))
    across = np.sqrt(1 - random.uniform(-1, 1, size=(states, qubits)) ** 2)  # of each axis, to the beables'
    drives = (lots[0] + 1j * lots[1]) * across * (ANGLE / 2)
    K = np.abs(drives.sum(axis=1))
    return float(np.mean(np.sqrt(kappa(drives)) * K) / np.sqrt(np.pi))


def most(p: Floats, members: int) -> float:
    """The largest fidelity that N members can have with a state of densities p (P,): n_a by the best choice.

    F = (sum_a sqrt(p_a n_a/N))^2; the k-th member of a adds sqrt(p_a) (sqrt(k) - sqrt(k - 1)), so that the N largest
    of these are taken: a level is looked for above which there are N.
    """
    size = np.sqrt(p)

    def above(level: float) -> Floats:
        x = size / level
        return np.where(x >= 1, np.floor(((x**2 + 1) / (2 * np.maximum(x, 1))) ** 2), 0.0)

    low, high = 0.0, 2.0 * float(np.max(size))
    for _ in range(200):
        level = 0.5 * (low + high)
        low, high = (low, level) if above(level).sum() <= members else (level, high)
    n = above(high)
    left = members - int(n.sum())  # several at the very level
    n[np.argsort(size * (np.sqrt(n) - np.sqrt(n + 1)), kind="stable")[:left]] += 1
    return min(1.0, float(size @ np.sqrt(n)) ** 2 / members)
