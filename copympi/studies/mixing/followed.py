"""Members that one follows by their numbers: which of those that began in one beable are in another one later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine import clock
from copympi.engine.accuracy import Accuracy
from copympi.engine.methods import choose
from copympi.engine.support import AUTO, EXACT, Case
from copympi.model.preparation import Start, largest_remainder
from copympi.model.system import System
from copympi.studies.frame import Arrays

Floats = NDArray[np.float64]
Int = NDArray[np.int64]
GROUPS = 20
"""Of replicas: the scatter of what groups give is the error."""
EXACT_TO = 1 << 16
"""Members up to which copies are made event by event; beyond, in leaps."""


@dataclass(frozen=True)
class Ensembles:
    """Replicas of N members nearest to Psi (P,), looked at `records` times, `interval` apart.

    spectators : of each beable. spread : half width (rad) of a uniform spread of members' phases about their beable's.
    counts : n (P,) at the start, if they are not those nearest to N |Psi|^2.
    """

    system: System
    psi: NDArray[np.complex128]
    members: int
    replicas: int
    interval: float
    records: int
    spectators: int = 0
    spread: float = 0.0
    counts: tuple[int, ...] | None = None

    @property
    def start(self) -> Start:
        rho = np.abs(self.psi) ** 2
        counts = largest_remainder(rho / rho.sum(), self.members) if self.counts is None else np.array(self.counts)
        return Start(self.psi, counts, -np.angle(self.psi), self.spread, None, self.spectators, self.members)

    def case(self, seed: int) -> Case:
        method = EXACT if self.members <= EXACT_TO and self.spread == 0 else AUTO
        accuracy = Accuracy(self.members, tolerance=min(1e-4, 0.01 / np.sqrt(self.members)))
        return Case(
            self.system, self.start, accuracy, "members", self.replicas, seed, phases=self.spread or None, method=method
        )


def looks(comm: Any, those: Ensembles, seed: int) -> Iterator[tuple[Any, list[Int]]]:
    """The ensemble at the start and at each record, with the beables of the members of each of this rank's units."""
    case = those.case(seed)
    ensemble: Any = choose(case).make(comm, case)
    units = range(ensemble.layout.last - ensemble.layout.first)
    yield ensemble, [ensemble.beables(u) for u in units]
    for stop in clock.records(those.interval, 1, those.records):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        yield ensemble, [ensemble.beables(u) for u in units]


def rows(comm: Any, ensemble: Any, values: NDArray[Any]) -> NDArray[Any] | None:
    """Rows of all units on the root, summed over those of each replica: (replicas, ...); None elsewhere."""
    layout = ensemble.layout
    counts = [b - a for a, b in (mpi.share(layout.units, comm.size, rank) for rank in range(comm.size))]
    whole = mpi.gather_rows(comm, values.reshape(len(values), -1), counts)
    if whole is None:
        return None
    each = layout.units // layout.replicas
    return np.asarray(whole.reshape(layout.replicas, each, *values.shape[1:]).sum(axis=1))


def moved(comm: Any, those: Ensembles, seed: int) -> Arrays:
    """moved (groups, records + 1, P, P): members in a (first) of those who began in b; copies (groups, records + 1).

    Sums, and means, over the replicas of at most GROUPS groups. On the root; nothing elsewhere.
    """
    P, first = those.system.P, None
    found, copies, ensemble = [], [], None
    for ensemble, beables in looks(comm, those, seed):
        first = beables if first is None else first
        now = [np.bincount(P * a + b, minlength=P * P).reshape(P, P) for a, b in zip(beables, first, strict=True)]
        found.append(np.array(now, np.int64).reshape(len(beables), P, P))
        copies.append(ensemble.layout.to_root(comm, np.rint(ensemble.events)[:, None]))
    whole = rows(comm, ensemble, np.stack(found, axis=1))
    if whole is None:
        return {}
    return {"moved": grouped(whole), "copies": grouped(np.concatenate(copies, axis=1), mean=True)}


def grouped(values: NDArray[Any], mean: bool = False) -> NDArray[Any]:
    """Sums, or means, of rows (R, ...) over at most GROUPS groups of neighbours, (groups, ...)."""
    edges = np.arange(min(GROUPS, len(values)) + 1) * len(values) // min(GROUPS, len(values))
    total = np.add.reduceat(values, edges[:-1], axis=0)
    return np.asarray(total / np.diff(edges).reshape(-1, *[1] * (values.ndim - 1)) if mean else total)


def averages(comm: Any, those: Ensembles, seed: int, shown: int) -> Arrays:
    """Share of the looks so far at which each member was in beable 0, records 1 to K.

    scatter (replicas, K): its variance over members; mean (replicas, K); some (shown, K): of the first ones of replica
    0. On the root; nothing elsewhere.
    """
    sums: list[Floats] = []
    squares, firsts, means, ensemble = [], [], [], None
    for k, look in enumerate(looks(comm, those, seed)):
        ensemble, beables = look
        if k == 0:
            sums = [np.zeros(len(each)) for each in beables]
            continue
        for total, each in zip(sums, beables, strict=True):
            total += each == 0
        means.append([total.sum() / k for total in sums])
        squares.append([(total**2).sum() / k**2 for total in sums])
        firsts.append(sums[0][:: max(1, len(sums[0]) // shown)][:shown] / k if sums else np.zeros(shown))
    N = those.members - those.system.P * those.spectators
    one, two = (rows(comm, ensemble, np.array(part).T / N) for part in (means, squares))
    if one is None or two is None:
        return {}
    return {"mean": one, "scatter": two - one**2, "some": np.array(firsts).T}
