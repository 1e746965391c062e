"""Rare deaths in a pass near a node, by splitting: the stages, and the score that tells who is on the way to dying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.engine.exact import paths
from copympi.engine.leaps import leap
from copympi.engine.splitting import split
from copympi.model.system import System
from copympi.studies.frame import Arrays
from copympi.studies.nodes.cases import RARE, SETTINGS, Case
from copympi.studies.nodes.ensembles import nearest, shared, wavefunction
from copympi.theory import near_field, passes
from copympi.theory.schrodinger import evolve

WALKERS = 1000
"""Replicas of one repeat."""
MANY = 10.0
"""While beable 0 has more than so many times x + 10 members the pass is far, and leaps do."""
CLOSE = 50.0
"""A pass from right before it starts with so many times (x + 2)^2 members, which lowers ln P by 1/(2 CLOSE)."""
FAR = 12
"""Stages before that."""
LEAST = 1e-5
"""Of a chance that a member's line dies out, so that nobody counts as safe."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pass:
    """A start next to a node, N members, and the times at which walkers are split (stages,), from 0.

    far : how many of them lie before the near pass; s2 : variance still to be collected at those, of a pass from afar.
    drives : (stages, P - 1) of the path through the node; path : what theory says of the pass.
    """

    system: System
    members: int
    n: NDArray[np.int64]
    phase: Floats
    times: Floats
    far: int
    s2: Floats | None
    drives: NDArray[np.complex128]
    path: passes.Pass

    @classmethod
    def of(cls, case: Case, side: int) -> Pass:
        """The pass of a case of `rare` on one side; it starts where the near pass does unless it is one from afar."""
        setting, N, x = SETTINGS[RARE], case.members, case.number
        system, rho = setting.system, x / N
        drives = passes.at(system, passes.near(system, setting.node, 0, setting.before), 0, setting.before)
        unit = 1 / (np.sqrt(N) * abs(drives.K))
        near = np.sqrt(MANY * (x + 10)) * unit
        before = setting.before if case.afar else np.sqrt(CLOSE * (x + 2) ** 2) * unit
        psi = passes.near(system, setting.node, 0, before, rho, side)
        n, phase = nearest(psi, N)
        there = passes.at(system, wavefunction(n, phase), 0, before)
        far = np.linspace(0, before - near, FAR + 1) if case.afar else before - np.geomspace(before, near, FAR + 1)
        far, last = far[1:], there.time - _before_node(x) * unit
        times = np.concatenate([far, last])
        node_path = evolve(system, there.start, times)
        later = [passes.impact_variance(system, *each) for each in _ahead(node_path, far, there.time)]
        row = -1j * system.frequencies[[0], 1:].toarray()[0]
        s2 = np.array(later) if case.afar else None
        return cls(system, N, n, phase, times, len(far), s2, row * node_path[:, 1:], there)

    def advance(self, n: Any, phase: Any, keys: Any, stage: int, seed: int) -> tuple[NDArray[np.int64], Floats]:
        """The walkers after a stage: by leaps while the pass is far, then event by event; the dead stay as they are."""
        floor = [0] + [-1] * (self.system.P - 1)
        length = self.times[stage] - (self.times[stage - 1] if stage else 0.0)
        if stage < self.far:
            return leap(self.system, n, phase, length, int(keys[0]))
        done = paths(self.system, n, phase, length, seed, keys, floor=floor)
        return done.n, done.phase

    def score(self, n: NDArray[np.int64], phase: Floats, stage: int) -> Floats:
        """Logarithm of the chance to die in this pass, from where each walker is after the stage, (M,)."""
        c = np.sqrt(n) * np.exp(-1j * np.where(n > 0, phase, 0.0))
        if self.s2 is not None and stage < self.far:
            return self._gaussian(c, stage, float(self.s2[stage]))
        K = (-1j * self.system.frequencies[[0], 1:].toarray()[0] * c[:, 1:]).sum(axis=1)
        line = near_field.kendall(self.drives[stage], np.angle(c[:, 0] / K))
        return np.asarray(n[:, 0] * np.log(np.maximum(line, LEAST)))

    def _gaussian(self, c: NDArray[np.complex128], stage: int, s2: float) -> Floats:
        """From the signed distance at which each walker's own path would pass, and the noise still to come."""
        energy, vectors = np.linalg.eigh(self.system.frequencies.toarray())
        left = self.path.time - self.times[stage]
        at_node = (c @ vectors.conj()) * np.exp(-1j * energy * left) @ vectors.T
        K = (-1j * self.system.frequencies[[0], 1:].toarray()[0] * at_node[:, 1:]).sum(axis=1)
        b = (at_node[:, 0] / K).imag * np.abs(K)
        return np.log(near_field.death(b**2, self.path.kappa, s2))


def _ahead(node_path: NDArray[np.complex128], far: Floats, at: float) -> list[tuple[Any, int, float]]:
    """Psi, the beable and the time left, of each far stage."""
    return [(psi, 0, at - t) for psi, t in zip(node_path, far, strict=False)]


def _before_node(x: float) -> Floats:
    """How long before the node stages of the near pass end, in units of 1/(sqrt(N) |K|); negative: behind it.

    Those who die have n = x cot^2(alpha) members on their way there (the birth-death process of theory/near_field.py,
    given that it dies out), and do so about sqrt(x) before the node, losing 2 sqrt(x) members a unit: there stages are
    short.
    """
    begin, end = np.sqrt(x) + 2.5, np.sqrt(x) - 2.0
    down = np.geomspace(np.sqrt(MANY * (x + 10)), begin, 13)[1:]
    return np.concatenate([down, np.linspace(begin, end, 61)[1:], np.linspace(end, -4.0, 7)[1:]])


def chance(passing: Pass, seed: int, repeat: int) -> float:
    """One repeat's estimate of the chance that beable 0 dies in the pass."""
    start = (np.tile(passing.n, (WALKERS, 1)), np.tile(passing.phase, (WALKERS, 1)))

    def advance(n: Any, phase: Any, keys: Any, stage: int) -> tuple[NDArray[np.int64], Floats]:
        return passing.advance(n, phase, keys, stage, seed)

    done = split(*start, passing.times.size, advance, passing.score, seed, repeat)
    return float(done.weight[done.n[:, 0] == 0].sum())


def run(case: Case, seed: int, comm: Any) -> Arrays:
    """Estimates of independent repeats, half of them on each side of the node."""
    half = -(-case.replicas // 2)
    sides = [Pass.of(case, side) for side in (1, -1)]

    def some(who: NDArray[np.int64]) -> Arrays:
        return {"chance": np.array([chance(sides[r // half], seed, int(r)) for r in who])}

    exact = [[each.members * p.rho_min, p.s2] for each, p in ((each, each.path) for each in sides)]
    return {**shared(comm, 2 * half, some), "distance": np.array(exact)}
