"""A lattice's step on the ranks that share its tiles, as cython_src/lattice.pyx has it on one: the same bits.

Between the parts of the step ranks exchange halos with their neighbours, and sums of tiles with all, which everyone
adds up in the order of tiles.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.halos import Halos, gather_everywhere
from copympi.engine.shared_clusters import Crossing
from copympi.engine.tiles import SharedTiles
from copympi.kernels.lattice_tiles import FIRST_DRAW, SECOND_DRAW, SharedStep
from copympi.kernels.step_control import StepControl


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
        self.tiles = [layout.run(place) for place in range(halos.comm.size)]
        self.a: dict[str, NDArray[Any]] = kernel.arrays

    def make(
        self, control: StepControl, seed: int, purpose: int, substep_turn: float, members: float, fixed: bool
    ) -> Generator[None, None, bool]:
        """One step, in which to do something else now and then; False where it is too short to be made.

        Collective among the ranks of the replica. Its arrays show the step's start until it is done.
        """
        k = self.kernel
        k.begin(control, seed=seed, purpose=purpose, substep_turn=substep_turn)
        self._expand()
        if not self._choose(fixed):
            return False
        noisy, stiff = self._begin(control.spectators)
        if stiff:
            if self.large_n:
                k.add_mean(2, 5)
            yield from self.crossing.run()
        self.halos.beables.swap(self.a["D2"])
        k.lead_on_area()
        counted = bool(noisy) or (control.spectators > 0 and self._anywhere(k.spectators_matter()))
        if counted:
            self._draw_second(noisy)
        else:
            self.halos.beables.swap(self.a["E"])
        k.lead_on_noise()
        self._settle(counted, members)
        self._end(stiff)
        return True

    def _swap(self, *names: str) -> None:
        self.halos.beables.swap(*(self.a[name] for name in names))

    def _gather(self, first: int, last: int) -> None:
        """Rows first .. last - 1 of what was added up in tiles, from those who have them."""
        parts, (begin, end) = self.a["parts"], self.tiles[self.comm.rank]
        own = np.ascontiguousarray(parts[first:last, begin:end].T)
        counts = [stop - start for start, stop in self.tiles]
        parts[first:last] = gather_everywhere(self.comm, own, counts).T

    def _anywhere(self, is_so: bool) -> bool:
        found = np.array([is_so], np.int64)
        mpi.total(self.comm, found)
        return bool(found[0])

    def _expand(self) -> None:
        """The path's coefficients, each from the one before and what neighbours have of that."""
        names = ("mean", "deviation") if self.large_n else ("v",)
        for order in range(5):
            if order:
                self.kernel.expand(order)
            if order < 4:
                own = [self.n] if order == 0 else []
                self.halos.beables.swap(*own, *(self.a[name][order] for name in names))
        if self.large_n:
            self.kernel.add_mean(0, 2)
            self.halos.beables.swap(self.a["v"][0])

    def _choose(self, fixed: bool) -> bool:
        """How long the step is, and rates along its path. False where it is too short."""
        k = self.kernel
        if not fixed:
            k.measure_start()
            self._gather(0, 2)
        fine = k.choose()
        while fine:
            k.follow()
            self._swap("early", "late")
            k.measure_flows()
            self._gather(1, 3)
            if not k.shorten():
                break
            fine = k.fine()
        return bool(fine)

    def _begin(self, spectators: int) -> tuple[int, int]:
        """Noise between calm beables and first draws. Beables anywhere that are not calm, and that are stiff."""
        k, a = self.kernel, self.a
        self.halos.bonds.swap(a["early_rate"], a["late_rate"])
        found = np.array(k.classify(), np.int64)
        mpi.total(self.comm, found)
        self._swap("role", "calm")
        self.now = self.n
        if found[1]:
            k.hold_counts()
            self.now = a["n"]
            self.halos.beables.swap(self.now)
        for point in range(2):
            if spectators:
                k.share_spectators(point)
                self._swap("spectator_share")
            k.kick(point)
            self.halos.bonds.swap(a["kick"])
            k.deal(point)
        if found[0]:
            k.forget_noise()
            self._draw(FIRST_DRAW, "change", "lead")
            k.insert_first()
        return int(found[0]), int(found[1])

    def _draw(self, which: int, *changes: str) -> None:
        """Draws tile by tile in order: ranks go on with what those before them have drawn of their beables."""
        names = ("moved", "gone", "taken", *changes)
        self.kernel.forget_draws(which)
        for name in names:
            self.a[name][self.halos.ends] = 0
        arrays = tuple(self.a[name] for name in names)
        self.halos.take_over(*arrays)
        self.kernel.draw(which)
        self.halos.hand_on(*arrays)

    def _draw_second(self, noisy: int) -> None:
        if not noisy:
            self.kernel.forget_noise()
        self.halos.beables.swap(self.now, self.a["E"], self.a["lead"])
        self._draw(SECOND_DRAW, "last")
        self.kernel.count_second()

    def _settle(self, counted: bool, members: float) -> None:
        """Amplitudes at the step's end, so that members are N."""
        k = self.kernel
        if self.large_n:
            k.measure_end(counted)
            self._gather(0, 3)
            k.settle_both(members if k.is_faint() else self._rest(members))
            return
        smallest = np.array([-k.finish()])
        mpi.largest(self.comm, smallest)
        few, most, whole = k.are_few(counted, -float(smallest[0])), -1, 0
        if few:
            whole, most, number = k.settle_few(counted)
            found = mpi.all_gather(self.comm, np.array([whole, number], np.int64))
            whole, first = int(found[:, 0].sum()), int(np.argmax(found[:, 1]))
            most = most if first == self.comm.rank else -1
        self._gather(0, 1)
        k.keep_members(few, whole, most)

    def _rest(self, members: float) -> float:
        """N less the members in whole numbers, which are taken off beable by beable, one rank after the other."""
        for rank in range(self.comm.size):
            rest = np.array([self.kernel.without_counted(members) if rank == self.comm.rank else 0.0])
            mpi.broadcast(self.comm, rest, rank)
            members = float(rest[0])
        return members

    def _end(self, stiff: int) -> None:
        """Count the step's copies, those of clusters in the order of their first beables."""
        self._gather(3, 7)
        events = self.crossing.events() if stiff else np.zeros(0)
        self.kernel.end(events)
