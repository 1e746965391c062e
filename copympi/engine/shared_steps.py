"""A lattice's step on the ranks that share its tiles, as cython_src/lattice.pyx has it on one: the same bits.

Between the parts of the step ranks exchange halos with their neighbours, and sums of tiles with all, which everyone
adds up in the order of tiles. Nobody waits for what another rank draws: who leaves a beable is drawn where it lies.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.ensemble import REQUESTS
from copympi.engine.halos import Halos
from copympi.engine.shared_clusters import Crossing
from copympi.engine.tiles import SharedTiles
from copympi.kernels.bonds import CALM_ROLE
from copympi.kernels.lattice_tiles import FIRST_DRAW, SECOND_DRAW, SharedStep
from copympi.kernels.step_control import StepControl

KICKS = (3, 4)
"""Rows of the sums of tiles: copies in the kicks at both Gauss points."""


def said_to_all(layout: SharedTiles, fixed: bool, large_n: bool) -> tuple[int, int]:
    """Collective calls of a step, and bytes of a rank's rows in them, the most of any: where no cluster is stiff, the
    step is not shortened, and whole numbers are drawn for all or for none.

    fixed : whether the step's length is. Rows of sums of groups of tiles, and numbers of the rank: as `Steps.make` has
    them, one after the other, and the ensemble at the end.
    """
    end = (3 + len(KICKS), 4) if large_n else (1 + len(KICKS), 1)
    calls = [(2, 3), end, (0, 2 + REQUESTS)]
    calls = calls if fixed else [(2, 0), *calls]
    groups = -(-layout.groups // layout.place[1])
    return len(calls), sum(8 * (rows * groups + numbers) for rows, numbers in calls)


class Steps:
    """Steps of the one replica that this rank has a part of.

    n (P,): its whole numbers, or UNCOUNTED, as they are between steps; now (P,): within one.
    """

    def __init__(
        self, kernel: SharedStep, halos: Halos, layout: SharedTiles, crossing: Crossing, n: NDArray[np.int64],
        large_n: bool,
    ) -> None:  # fmt: skip
        self.kernel, self.halos, self.comm, self.n, self.large_n = kernel, halos, halos.comm, n, large_n
        self.crossing, self.now = crossing, n
        self.groups = -(-np.array([layout.run(place) for place in range(halos.comm.size)]) // layout.group)
        self.shapes: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.bool_]]] = {}
        self.a: dict[str, NDArray[Any]] = kernel.arrays

    def make(
        self, control: StepControl, seed: int, purpose: int, substep_turn: float, fixed: bool
    ) -> Generator[None, None, bool]:
        """One step, in which to do something else now and then; False where it is too short to be made.

        Collective among the ranks of the replica. Its arrays show the step's start until it is done.
        """
        k = self.kernel
        k.begin(control, seed=seed, purpose=purpose, substep_turn=substep_turn)
        self._expand()
        found = self._choose(fixed)
        if found is None:
            return False
        noisy, stiff, matter = found
        counted = bool(noisy or matter)
        self._begin(noisy, stiff, counted, control.spectators)
        if stiff:
            yield from self.crossing.run()
        self._swap("D2")
        if counted:
            k.lead_on_area()
            self._draw_second(noisy)
            k.lead_on_noise(counted)
        else:
            k.lead_on_calmly(False)
            self._swap("E")
            k.lead_on_calmly(True)
        copies = self._settle_large_n() if self.large_n else self._settle(counted)
        k.end(self.crossing.events() if stiff else np.zeros(0), copies)
        return True

    def _swap(self, *names: str) -> None:
        self.halos.beables.swap(*(self.a[name] for name in names))

    def _gather(self, rows: tuple[int, ...], own: tuple[int, ...] = ()) -> NDArray[np.int64]:
        """Rows of sums of groups of tiles, from those who have them; and each rank's own numbers, (ranks, K)."""
        parts, (begin, end) = self.a["parts"], self.groups[self.comm.rank]
        counts, numbers = self._shape(len(rows), len(own))
        sent = np.append(parts[rows, begin:end].T.reshape(-1).view(np.int64), np.array(own, np.int64))
        found = np.empty(numbers.size, np.int64)
        mpi.SAID.note_call(sent.nbytes)
        mpi.wait(self.comm.Iallgatherv(sent, [found, counts]))
        parts[rows, : self.groups[-1, 1]] = found[~numbers].view(np.float64).reshape(-1, len(rows)).T
        return found[numbers].reshape(self.comm.size, len(own))

    def _shape(self, rows: int, own: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Of what is gathered: how many numbers each rank has, and which of all are none of tiles."""
        if (rows, own) not in self.shapes:
            counts = rows * (self.groups[:, 1] - self.groups[:, 0]) + own
            numbers = np.zeros(counts.sum(), bool)
            numbers[(np.cumsum(counts)[:, None] - 1 - np.arange(own)).reshape(-1)] = True
            self.shapes[rows, own] = counts, numbers
        return self.shapes[rows, own]

    def _expand(self) -> None:
        """The path's coefficients, each from the one before and what neighbours have of that."""
        names = ("mean", "deviation") if self.large_n else ("v",)
        there = self.halos.ghosts
        for order in range(4):
            self.halos.beables.swap(*(self.a[name][order] for name in names))
            if self.large_n and order == 0:
                self.a["v"][0][:, there] = self.a["mean"][0][:, there] + self.a["deviation"][0][:, there]
            self.kernel.expand(order + 1)

    def _choose(self, fixed: bool) -> tuple[int, int, int] | None:
        """How long the step is, and what beables are in it. None where it is too short; else how many anywhere are not
        calm, how many are stiff, and on how many ranks noise changes what spectators keep back."""
        k = self.kernel
        if not fixed:
            k.sum_up((0, 1))
            self._gather((0, 1))
        fine = k.choose()
        while fine:
            k.follow()
            self._swap("early", "late")
            some = k.look()
            k.sum_up((1, 2))
            found = self._gather((1, 2), (*some, k.share_spectators()))
            if not k.shorten():
                noisy, stiff, matter = found.sum(axis=0).tolist()
                return noisy, stiff, matter
            fine = k.fine()
        return None

    def _begin(self, noisy: int, stiff: int, counted: bool, spectators: int) -> None:
        """Noise between calm beables and first draws."""
        k, a, ghosts = self.kernel, self.a, self.halos.ghosts
        self._swap("role")
        a["calm"][ghosts] = a["role"][ghosts] == CALM_ROLE
        self.now = self.n
        if stiff:
            k.hold_counts()
            self.now = a["n"]
            if self.large_n:
                k.add_mean()
        k.set_out(not counted)
        for point in range(2):
            if spectators:
                k.share_others_spectators(point, ghosts)
            k.kick(point)
            self.halos.bonds.swap(a["kick"])
            k.deal(point)
        if noisy:
            k.forget_noise()
            self._draw(FIRST_DRAW)
            k.insert_first()

    def _draw(self, which: int) -> None:
        """Who leaves this rank's beables; those who go to others' are told, and who comes from there is added."""
        self.kernel.forget_draws(which)
        self.a["moved"][self.halos.ghosts] = 0
        self.kernel.draw(which)
        self.halos.beables.add(self.a["moved"])

    def _draw_second(self, noisy: int) -> None:
        if not noisy:
            self.kernel.forget_noise()
        self.halos.beables.swap(self.now, self.a["E"])
        self._draw(SECOND_DRAW)
        self.kernel.count_second()

    def _settle(self, counted: bool) -> tuple[int, int]:
        """Amplitudes at the step's end, so that members are N. Returns the step's copies in whole numbers."""
        k, most, whole, copies = self.kernel, -1, 0, (0, 0)
        rows: tuple[int, ...] = (0, *KICKS)
        smallest = k.smallest
        k.sum_up(rows)
        if not counted:
            found = self._gather(rows, (int(np.float64(smallest).view(np.int64)),))
            smallest = float(np.ascontiguousarray(found).view(np.float64).min())
            rows = (0,)
        few = k.are_few(counted, smallest)
        if few:
            whole, most, number = k.settle_few(counted)
            found = self._gather(rows, (whole, number, *k.copies))
            whole, first = int(found[:, 0].sum()), int(np.argmax(found[:, 1]))
            most = most if first == self.comm.rank else -1
            copies = tuple(found[:, 2:].sum(axis=0).tolist())
        k.keep_members(few, whole, most)
        return copies

    def _settle_large_n(self) -> tuple[int, int]:
        """The same beyond N = 2^63."""
        k = self.kernel
        k.sum_up((0, 1, 2, *KICKS))
        found = self._gather((0, 1, 2, *KICKS), (*k.count_whole(), *k.copies))
        beables, movable, *copies = found.sum(axis=0).tolist()
        k.settle_both(k.without_whole(beables, movable))
        return tuple(copies)
