"""Members with an identity on lattices, whose steps are those of a lattice's counts."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.dealt_moves as kernel
from copympi import mpi
from copympi.engine import deals
from copympi.engine.accuracy import Accuracy
from copympi.engine.aligned import AlignedMembers
from copympi.engine.clock import Stop
from copympi.engine.diagonals import Places, alone, bonds, places
from copympi.engine.ensemble import State
from copympi.engine.lattice import need_stable, substep_turn, too_short
from copympi.engine.lattice_memory import slots_for
from copympi.engine.marked import MarkedMembers
from copympi.engine.purposes import Purpose
from copympi.engine.replicas import Replicas
from copympi.engine.tiles import Tiles
from copympi.engine.waves import turn_all
from copympi.kernels import portable
from copympi.kernels.deals import deal
from copympi.kernels.lattice_members import LatticeStep
from copympi.kernels.ways import Ways
from copympi.model.preparation import Start
from copympi.model.system import System

EFFORT = 2_000_000
"""Beables and couplings of stiff clusters that are moved in one call: some hundredths of a second."""
AT_A_TIME = 1 << 16
"""Beables whose phases are recorded at a time."""
DEALING = 1 << 32
"""In place of a block's number: the stream that deals to all of them."""
Moves = tuple[NDArray[np.int64], NDArray[np.float64]]


class LatticeMembers(AlignedMembers):
    """Members of all replicas; those of a beable share the phase of its amplitude c (R, 2, P), alike on all ranks.

    All ranks plan the same steps from all n. In each half of a step every block draws who of its own goes; what stiff
    clusters move between the halves is drawn with the plan, and dealt to blocks. Spectators are in no block.
    substeps (R,) : of stiff beables so far.
    """

    def __init__(self, comm: Any, system: System, start: Start, accuracy: Accuracy, replicas: int, seed: int) -> None:
        super().__init__(comm, system, start, accuracy, replicas, seed)
        c = np.sqrt(np.asarray(start.counts, float)) * portable.turns(-start.phase)
        self.c = np.tile(np.array([c.real, c.imag]), (replicas, 1, 1))
        self.substeps = np.zeros(replicas, np.int64)
        self._window = np.zeros((replicas, 2))
        self._length = np.zeros(replicas)
        self._row = np.full(replicas, -1, np.int64)
        self._last = np.empty(1)
        self._places: Places | None = None
        self._steps: list[LatticeStep] = []
        self._profile: NDArray[np.float64] | None = None
        self.check(system)
        self._make_plans()

    def _make_plans(self) -> None:
        """What steps want of H, and what turns phases of beables without couplings, radians in unit time."""
        system, followed = self.system, self.marked is not None
        moved = self._places is None or not self._places.of(system)
        if self._places is None or moved:
            self._places = places(system, Tiles(Replicas(1, 1, 0), system.P))
        self.bonds = bonds(system, self.start.state, self._places, rows=False)
        self.alone = alone(system, self.bonds.shift)
        if not moved and followed == (self._profile is not None):
            for step in self._steps:
                step.follow(self.bonds)
            return
        self._steps, self._profile = [], None  # their memory is free before there are others
        slots = slots_for(system.P, len(self.n), self.comm.size)
        self._ways = Ways(self.bonds)
        self._chance = np.zeros((slots, self._ways.number))
        self._profile = np.zeros((slots, 3 * self._ways.number)) if followed else None
        profiles = [None] * slots if self._profile is None else list(self._profile)
        self._steps = [
            LatticeStep(self.bonds, self._ways, chance=chance, profile=profile)
            for chance, profile in zip(self._chance, profiles, strict=True)
        ]

    def check(self, system: System) -> None:
        """InputError where a fixed step is too long for the fastest waves of an H."""
        need_stable(self.accuracy.step, system, self.start.state)

    def switch(self, system: System) -> None:
        """Follow another H from the stop that was reached. Beables without couplings get their turn so far."""
        if np.any(self.alone):
            turn_all(self.c, self.alone * (self.stop.time - self.switched))
        super().switch(system)

    @property
    def shift(self) -> float:
        """The energy that is taken off H/hbar."""
        return self.bonds.shift

    def follow(self, ids: NDArray[np.int64], **_: bool) -> MarkedMembers:
        """Times of their copies are drawn from how flows go, so plans have profiles from here on."""
        marked = super().follow(ids)
        self._last = np.empty(max(1, len(marked.who)))
        return marked

    def advance(self) -> bool:
        """One step of every replica that is not yet at the stop; False when all are."""
        going = np.flatnonzero(self.active)
        self._last[:] = np.inf
        rounds = -(-len(going) // len(self._steps))
        for k in range(rounds):  # replicas of all ranks in each
            self._advance_some(going[k::rounds])
        self.active[going] = self.time_left[going] > 0.0
        return bool(self.active.any())

    def _advance_some(self, some: NDArray[np.intp]) -> None:
        """A step of some replicas, as many as there is room for."""
        self._row[:] = -1
        self._row[some] = np.arange(len(some))
        self._plan_first(some)
        self._move(some, 0)
        self._move_clusters(some, [self._first_moved(int(r)) for r in some])
        if self._planning:
            for step in self._steps[: len(some)]:
                step.second()
        self._share()
        self._move(some, 1)
        for r in some:
            self._finish(int(r))

    @property
    def _planning(self) -> bool:
        """Whether this rank plans; where CPUs are unlike the root does, and tells."""
        return self.alike or self.comm.rank == mpi.ROOT

    def _plan_first(self, some: NDArray[np.intp]) -> None:
        """Their steps, as far as the first draws."""
        turn = substep_turn(self.accuracy)
        failed = np.full(1, -1, np.int64)
        for r, step in zip(some, self._steps, strict=False) if self._planning else ():
            status = step.begin(
                self._control, self.n[r], self.c[r], time_left=float(self.time_left[r]),
                largest_chance=float(self.largest_chance[r]), substeps=int(self.substeps[r]),
                keys=(self.seed, Purpose.SITES, int(r), int(self.step[r])), substep_turn=turn,
            )  # fmt: skip
            self._length[r] = step.length
            if status:
                failed[0] = r
                break
        if not self.alike:
            mpi.broadcast(self.comm, failed)
            mpi.broadcast(self.comm, self._length)
        if failed[0] >= 0:
            r = int(failed[0])
            raise too_short(float(self.times[r]), r, self.bonds.norm, self.stop.length)
        self._left = self.time_left - self._length
        self._left[self._left < 0.5 * self._length] = 0.0
        self._share()

    def _share(self) -> None:
        """Plans of the next draws, the same bytes on every rank: the next Allreduce proves it (see `InBlocks`)."""
        if not self.alike:
            mpi.broadcast(self.comm, self._chance)
            if self._profile is not None:
                mpi.broadcast(self.comm, self._profile)
        self._digest = zlib.crc32(self._chance.data) if self.comm.size > 1 else 0

    def _move(self, some: NDArray[np.intp], half: int) -> None:
        """Draw this rank's copies and learn everyone's: the step's Allreduce of n_a and of what left each a."""
        self._window[:, 0] = 0.5 * self._length
        self._window[:, 1] = self._left + (0.0 if half else 0.5) * self._length
        kernel.move_half(
            self._ways, self.crowd, chance=self._chance, profile=self._profile, window=self._window,
            last=self._last, row=self._row, keys=(self.seed, Purpose.LEAP, self.step), half=half, n=self.own_n,
            out=self._own_out,
        )  # fmt: skip
        these = some if len(some) < len(self.n) else slice(None)  # which makes no copies
        self.n[these], self.out[these] = self.over_ranks(self.own_n[these], self._own_out[these])
        if self.spectators:
            self.n[these] += self.blockless[these]
        self.events[these] += self.out[these].sum(axis=1)

    def _first_moved(self, r: int) -> Moves:
        """What the stiff clusters of a replica move after its first draws."""
        moves = np.zeros((0, 4), np.int64), np.zeros((0, 5))
        if self._planning:
            step = self._steps[self._row[r]]
            step.moved(self.n[r], self.out[r])
            while not step.run_clusters(EFFORT):
                pass  # Python sees to signals
            moves = step.moves()
        if self.alike:
            return moves
        count = np.array([len(moves[0])])
        mpi.broadcast(self.comm, count)
        if self.comm.rank != mpi.ROOT:
            moves = np.zeros((count[0], 4), np.int64), np.zeros((count[0], 5))
        for part in moves:
            mpi.broadcast(self.comm, part)
        return moves

    def _move_clusters(self, some: NDArray[np.intp], moves: list[Moves]) -> None:
        """Deal to blocks what stiff clusters move, and have this rank's blocks carry it out."""
        blocks, first, last = self.layout.blocks, self.layout.first, self.layout.last
        busy = [(int(r), whole, course) for r, (whole, course) in zip(some, moves, strict=True) if len(whole)]
        if not busy:
            return
        sources = [np.unique(whole[:, 0]) for _, whole, _ in busy]
        own = [deals.holders(left, *self._blocks_of(r)) for (r, _, _), left in zip(busy, sources, strict=True)]
        there = deals.everyones(self.comm, own)
        for (r, whole, course), left, held in zip(busy, sources, there, strict=True):
            begin, step = r * blocks, int(self.step[r])
            shares = deal(
                whole, left, np.ascontiguousarray(held), blocks=blocks, first=max(0, first - begin),
                last=min(blocks, last - begin), keys=(self.seed, Purpose.DEALT, r, DEALING, step),
            )  # fmt: skip
            kernel.carry_out(
                self.crowd, shares, whole, course, unit=begin - first, keys=(self.seed, Purpose.DEALT, step),
                left=float(self.time_left[r]), length=float(self._length[r]), last=self._last, n=self.own_n[r],
            )  # fmt: skip
            np.subtract.at(self.n[r], whole[:, 0], whole[:, 2])
            np.add.at(self.n[r], whole[:, 1], whole[:, 2])
            self.events[r] += whole[:, 2].sum()

    def _blocks_of(self, r: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Which blocks of a replica this rank has (U,), and their buckets (U, P)."""
        mine = slice(*np.searchsorted(self.unit[:, 0], [r, r + 1]))
        return self.unit[mine, 1], self.counts[mine]

    def _finish(self, r: int) -> None:
        """A replica's step is done."""
        done = np.zeros(2)
        if self._planning:
            step = self._steps[self._row[r]]
            step.finish(self.n[r])
            done[:] = step.largest_chance, step.substeps
        if not self.alike:
            mpi.broadcast(self.comm, done)
            mpi.broadcast(self.comm, self.c[r])
        self.largest_chance[r], self.substeps[r] = done
        self.time_left[r] = self._left[r]
        self.step[r] += 1

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,)."""
        super().send_away(gone)
        self.c[:, :, gone] = 0.0

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        super().restore(state, stop)
        self._last[:] = np.inf

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of all replicas, each (R, P), by the names of datasets: alike on every rank."""
        phase = np.empty_like(self.c[:, 0])
        for begin in range(0, phase.shape[1], AT_A_TIME):
            part = slice(begin, begin + AT_A_TIME)
            alone, c = self.alone[part], self.c[:, 0, part] + 1j * self.c[:, 1, part]
            if self.switched == 0.0:
                turn = (self.bonds.shift + alone) * self.times[:, None]
            else:
                turn = self.turn[:, None] + alone * (self.times - self.switched)[:, None]
            phase[:, part] = turn - portable.angles(c)
        return {"occupation": self.n, "phase": phase}

    def common(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds that stands alike on every rank."""
        return {"n": self.n, "c": self.c, "substeps": self.substeps, **self.counters}
