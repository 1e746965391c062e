"""Stiff clusters on a lattice that ranks share: those on several ranks are carried over the step by one of them.

Clusters that share a beable around them feel each other, so they go together, one after the other in the order of
their first beables, to the rank that has the first of all. What is theirs is sent there and comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.diagonals import Known
from copympi.engine.halos import Halos, gather_everywhere
from copympi.kernels.bonds import EMPTY_ROLE, FINISHED_ROLE, STIFF_ROLE
from copympi.kernels.lattice_tiles import SharedStep

Int = NDArray[np.int64]
FLOATS = (
    ("start", 4), ("high", 6), ("share0", 1), ("share1", 1), ("share2", 1), ("D0", 2), ("D1", 2), ("D2", 2),
)  # fmt: skip
"""What a cluster needs of a beable, its own or one around it, and how many numbers that is."""
BACK = (("D0", 2), ("D1", 2), ("D2", 2))
"""What it changes there."""
EFFORT = 2_000_000
"""Beables and couplings of clusters that are moved at a time: some tenths of a second."""


class Crossing:
    """Clusters of the replica whose step is made. begin, end : this rank's beables."""

    def __init__(self, kernel: SharedStep, halos: Halos, H: Known, own: tuple[int, int]) -> None:
        self.kernel, self.halos, self.comm = kernel, halos, halos.comm
        self.begin, self.end = own
        self.a: dict[str, NDArray[Any]] = kernel.arrays
        self.n = self.a["n"]
        self.H = H
        self.ends = mpi.all_gather(self.comm, np.array([self.end], np.int64))[:, 0]
        self.clusters = 0

    def run(self) -> Iterator[None]:
        """Carry all stiff beables over the step. Collective, and so is what is done between: a moment's work each."""
        one, other = self._links()
        label, crosses, apart = self._labels(one, other)
        if not apart:
            yield from self._carry([(self.begin, self.end)])
            _, self.clusters = self.kernel.ended
            return
        beables = np.unique(np.concatenate([one, other])) if one.size else np.zeros(0, np.int64)
        beables = beables[crosses[beables]] if one.size else beables
        mine = beables[(beables >= self.begin) & (beables < self.end)]
        owner = np.searchsorted(self.ends, label[mine], side="right")
        sent = mine[np.argsort(owner, kind="stable")]
        counts = np.bincount(owner, minlength=self.comm.size).astype(np.int64)
        rows, coming = mpi.exchange(self.comm, self._packed(sent), counts)
        come = self._unpack(rows)
        self.H.learn(come[(come < self.begin) | (come >= self.end)])
        away = beables[np.searchsorted(self.ends, label[beables], side="right") != self.comm.rank]
        self.a["role"][away] = np.where(self.a["role"][away] == STIFF_ROLE, FINISHED_ROLE, self.a["role"][away])
        foreign = np.sort(come[(come < self.begin) | (come >= self.end)])
        starts = foreign[self.a["role"][foreign] == STIFF_ROLE].tolist()
        yield from self._carry([(self.begin, self.end), *((beable, beable + 1) for beable in starts)])
        stiffs, self.clusters = self.kernel.ended
        back, _ = mpi.exchange(self.comm, self._changed(come, stiffs), coming)
        self._take_back(sent, back, stiffs)
        # whoever is next to a cluster and has not come is empty: nobody may be left from this step
        self.a["role"][np.setdiff1d(foreign, self.halos.ghosts)] = EMPTY_ROLE

    def _carry(self, runs: list[tuple[int, int]]) -> Iterator[None]:
        """Clusters that begin in runs of beables, one run after the other, until those of all ranks are done."""
        left, begun = runs[::-1], False
        while True:
            effort = EFFORT
            while left and effort > 0:
                if not begun:
                    self.kernel.begin_clusters(*left[-1])
                effort = self.kernel.run_clusters(effort)
                begun = effort == 0
                if not begun:
                    left.pop()
            undone = np.array([bool(left)], np.int64)
            mpi.total(self.comm, undone)
            if not undone[0]:
                return
            yield

    def events(self) -> NDArray[np.float64]:
        """Copies in each of the step's clusters, in the order of their first beables. Collective."""
        own = np.column_stack(
            [self.a["cluster_start"][: self.clusters], self.a["cluster_events"][: self.clusters].view(np.int64)]
        )
        counts = mpi.all_gather(self.comm, np.array([self.clusters], np.int64))[:, 0].tolist()
        every = gather_everywhere(self.comm, own, counts)
        return np.ascontiguousarray(every[np.argsort(every[:, 0]), 1]).view(np.float64)

    def _links(self) -> tuple[Int, Int]:
        """Couplings (one, other) of a stiff beable and one that is not empty, of which this rank has one at least."""
        role = self.a["role"]
        stiff = self.begin + np.flatnonzero(role[self.begin : self.end] == STIFF_ROLE)
        border = self.halos.border[role[self.halos.border] != EMPTY_ROLE]
        rows = np.union1d(stiff, border)
        some = self.H.rows(rows).tocoo()
        one, other = rows[some.coords[0]], some.coords[1].astype(np.int64)
        linked = (some.data != 0) & (one != other) & (role[other] != EMPTY_ROLE)
        linked &= (role[one] == STIFF_ROLE) | (role[other] == STIFF_ROLE)
        alone = stiff[~np.isin(stiff, one[linked])]
        return np.concatenate([one[linked], alone]), np.concatenate([other[linked], alone])

    def _labels(self, one: Int, other: Int) -> tuple[Int, NDArray[np.bool_], bool]:
        """Of each beable the first stiff one of all that are linked to it, (P,), and whether these have several ranks;
        and whether any have.

        Only beables that are linked to a stiff one have a label that means something. Collective.
        """
        from scipy.sparse.csgraph import connected_components  # here: it takes a while, and most runs have no clusters

        P = self.n.size
        label, crosses = np.zeros(P, np.int64), np.zeros(P, bool)
        nodes, place = np.unique(np.concatenate([one, other]), return_inverse=True)
        label[self.halos.border] = P
        for at in self.halos.beables.into.values():
            label[at] = P
        label[nodes] = np.where(self.a["role"][nodes] == STIFF_ROLE, nodes, P)
        left, right = place[: one.size], place[one.size :]
        links = sp.coo_array((np.ones(one.size, bool), (left, right)), shape=(nodes.size, nodes.size))
        count, part = connected_components(links, directed=False) if nodes.size else (0, np.zeros(0, np.int64))
        away = (nodes < self.begin) | (nodes >= self.end)
        crosses[nodes] = np.isin(part, part[away])
        while True:
            smallest = np.full(count, P)
            np.minimum.at(smallest, part, label[nodes])
            label[nodes] = smallest[part]
            self.halos.beables.swap(label)
            found = np.array([np.any(label[nodes] != smallest[part]), crosses[nodes].any()], np.int64)
            mpi.total(self.comm, found)
            if not found.all():
                return label, crosses, bool(found[1])

    def _packed(self, at: Int) -> NDArray[np.int64]:
        """What clusters elsewhere need of these beables, a row each."""
        columns = [at, self.n[at], self.a["role"][at].astype(np.int64)]
        for name, width in FLOATS:
            columns += list(self.a[name].reshape(width, -1)[:, at].view(np.int64))
        return np.ascontiguousarray(np.column_stack(columns))

    def _unpack(self, rows: NDArray[np.int64]) -> Int:
        """Put what has come in its places; which beables these are."""
        at, k = rows[:, 0].copy(), 3
        self.n[at], self.a["role"][at] = rows[:, 1], rows[:, 2].astype(np.uint8)
        for name, width in FLOATS:
            values = self.a[name].reshape(width, -1)
            values[:, at] = np.ascontiguousarray(rows[:, k : k + width].T).view(np.float64)
            k += width
        return at

    def _changed(self, at: Int, stiffs: int) -> NDArray[np.int64]:
        """What has become of beables that came: number, whether they were stiff, and how they ended."""
        which, place = self._among(at, stiffs)
        ends = np.where(which, self.a["stiff_end"][:, place], 0.0)
        columns = [self.n[at], which.astype(np.int64), *np.ascontiguousarray(ends).view(np.int64)]
        for name, width in BACK:
            columns += list(self.a[name].reshape(width, -1)[:, at].view(np.int64))
        return np.ascontiguousarray(np.column_stack(columns))

    def _among(self, at: Int, stiffs: int) -> tuple[NDArray[np.bool_], Int]:
        """Whether beables are among the first so many of the stiff ones that came to the step's end, and where."""
        stiff: Any = self.a["stiff"][:stiffs]
        if not stiffs:
            return np.zeros(at.size, bool), np.zeros(at.size, np.int64)
        order = np.argsort(stiff)
        place = order[np.minimum(np.searchsorted(stiff, at, sorter=order), stiffs - 1)]
        return stiff[place] == at, place

    def _take_back(self, at: Int, rows: NDArray[np.int64], stiffs: int) -> None:
        """Put what has become of these beables elsewhere in its places."""
        known, _ = self._among(at, stiffs)  # those that this rank has carried itself are there
        at, rows = at[~known], rows[~known]
        was, k = rows[:, 1] != 0, 6
        self.n[at] = rows[:, 0]
        for name, width in BACK:
            values = self.a[name].reshape(width, -1)
            values[:, at] = np.ascontiguousarray(rows[:, k : k + width].T).view(np.float64)
            k += width
        stop = stiffs + int(was.sum())
        self.a["stiff"][stiffs:stop] = at[was]
        self.a["stiff_end"][:, stiffs:stop] = np.ascontiguousarray(rows[was, 2:6].T).view(np.float64)
        self.kernel.set_ends(stop)
