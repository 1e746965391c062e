"""How every member of small ensembles is followed, event by event, and what is kept of their paths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine import clock
from copympi.engine.accuracy import Accuracy
from copympi.engine.methods import choose
from copympi.engine.support import EXACT
from copympi.engine.support import Case as Asked
from copympi.engine.tracking import initial_beables
from copympi.model.preparation import Start
from copympi.studies.frame import Arrays
from copympi.studies.paths.cases import BEFORE, FROM, LOOKS, STOPS, TARGET, Case

GROUPS = 20
"""Of replicas: the scatter of what groups give is the error."""
MOST = 24
"""Jumps of a member that are told apart; more count as MOST - 1."""


class Paths:
    """Members of this rank's replicas, (here, N): where they are, how often they jumped, when they first came where."""

    def __init__(self, start: NDArray[np.int32], here: int) -> None:
        self.began = np.tile(start, (here, 1))
        self.at = self.began.copy()
        self.jumps = np.zeros(self.at.shape, np.int32)
        self.late = np.zeros(self.at.shape, np.int32)
        self.passage = np.where(self.at == TARGET, 0.0, np.inf)

    def go_on(self, jumps: Any, first: int) -> None:
        """Take jumps in order of time."""
        which = (jumps.replica - first) * self.at.shape[1] + jumps.member
        self.jumps += np.bincount(which, minlength=self.at.size).reshape(self.at.shape).astype(np.int32)
        late = which[jumps.time > BEFORE]
        self.late += np.bincount(late, minlength=self.at.size).reshape(self.at.shape).astype(np.int32)
        self.at.ravel()[which] = jumps.target  # the last one stays
        there = np.flatnonzero(jumps.target == TARGET)[::-1]
        first_time = np.full(self.at.size, np.inf)
        first_time[which[there]] = jumps.time[there]
        np.minimum(self.passage, first_time.reshape(self.at.shape), out=self.passage)


def followed(comm: Any, case: Case, seed: int) -> Arrays:
    """See study.DATASETS. On the root; nothing elsewhere."""
    counts, phase = case.start
    P, N, R = counts.size, case.members, case.replicas
    start = Start(np.sqrt(counts / N) * np.exp(-1j * phase), counts, phase)
    asked = Asked(case.system, start, Accuracy(N), "occupation", R, seed, method=EXACT, track=N)
    ensemble: Any = choose(asked).make(comm, asked)
    ids = np.arange(N)
    ensemble.track(ids)
    first, here = ensemble.layout.first, ensemble.layout.here
    paths = Paths(initial_beables(start, P, ids), here)
    interval = case.duration / STOPS
    for stop in clock.records(interval, 1, STOPS):
        ensemble.begin(stop)
        while ensemble.advance():
            pass
        paths.go_on(ensemble.take_jumps(), first)
    rows = _rows(case, paths, P)
    shares = [b - a for a, b in (mpi.share(R, comm.size, rank) for rank in range(comm.size))]
    whole = {name: mpi.gather_rows(comm, values, shares) for name, values in rows.items()}
    return {name: _grouped(values) for name, values in whole.items() if values is not None}


def _rows(case: Case, paths: Paths, P: int) -> Arrays:
    """What is kept of each replica, (here, ...)."""
    here, N = paths.at.shape
    row = np.arange(here)[:, None]
    moved = np.bincount((row * P * P + paths.at * P + paths.began).ravel(), minlength=here * P * P)
    moved = moved.reshape(here, P, P)
    if case.part == "node":
        dead = np.all(paths.at != 0, axis=1)
        return {"died": dead.astype(np.float64), "again": (paths.late > 0).sum(axis=1) / N}
    number = np.bincount((row * MOST + np.minimum(paths.jumps, MOST - 1)).ravel(), minlength=here * MOST)
    starters = paths.passage[:, paths.began[0] == FROM]
    passed = np.array([(starters <= t).sum(axis=1) for t in LOOKS]).T if here else np.zeros((0, LOOKS.size), np.int64)
    return {
        "number": number.reshape(here, MOST).astype(np.float64),
        "passed": passed.astype(np.float64),
        "moved": moved.astype(np.float64),
        "pairs": (moved * (moved - 1)).astype(np.float64),
        "squares": moved.sum(axis=2).astype(np.float64) ** 2,
    }


def _grouped(values: NDArray[Any]) -> NDArray[Any]:
    """Means over the replicas of at most GROUPS groups of neighbours."""
    G = min(GROUPS, len(values))
    edges = np.arange(G + 1) * len(values) // G
    total = np.add.reduceat(values, edges[:-1], axis=0)
    return np.asarray(total / np.diff(edges).reshape(-1, *[1] * (values.ndim - 1)))
