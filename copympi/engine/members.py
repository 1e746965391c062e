"""Members with an identity, sharded in blocks over ranks."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

import copympi.kernels.members as kernel
from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.arithmetic import cpus_alike
from copympi.engine.ensemble import Snapshot, State
from copympi.engine.purposes import Purpose
from copympi.kernels.crowd import Crowd
from copympi.kernels.flows import Scratch
from copympi.kernels.plans import Plans, StepPlans
from copympi.model.preparation import Start
from copympi.model.system import System

ROOM = 1 << 20
"""Numbers that set-up works on at a time."""


class Members:
    """Every member of every replica, in blocks whose number depends on N and P alone.

    A unit is a block of a replica; a rank owns a run of whole units. `ids` holds the members of each unit, four bytes
    each, bucketed by beable, and `counts` (units, P) the sizes of the buckets. Member I of a replica has id
    I - (first of its block). What is global, n (R, P) and phase (R, P), stands alike on every rank.

    Spectators never move and are all alike: n counts them, no block does.

    `wishes` (2,), small integers that each rank may set, ride on the step's Allreduce; `heard` is their sum.
    """

    common: tuple[str, ...] = ("n", "phase", "left", "step", "events", "largest_chance")
    """What stands alike on every rank."""
    spectators_in_blocks = False

    def __init__(self, comm: Any, system: System, start: Start, leap: Accuracy, replicas: int, seed: int) -> None:
        self.comm, self.system, self.leap, self.seed = comm, system, leap, seed
        R, P = replicas, system.P
        self.spectators = start.spectators
        self.outside = 0 if self.spectators_in_blocks else start.spectators
        """Spectators of each beable that no block has."""
        self.blocks = blocks_for(start.members - P * self.outside, P)
        self.first, self.last = mpi.share(R * self.blocks, comm.size, comm.rank)
        units = np.arange(self.first, self.last)
        self.unit = np.column_stack(np.divmod(units, self.blocks)).astype(np.int64)
        self.counts = deal(start.counts - self.outside, self.blocks, self.unit[:, 1])
        self.offset = np.concatenate([[0], np.cumsum(self.counts.sum(axis=1, dtype=np.int64))]).astype(np.int64)
        self.ids = np.empty(int(self.offset[-1]), np.uint32)
        for begin, end in zip(self.offset[:-1], self.offset[1:], strict=True):
            self.ids[begin:end] = np.arange(end - begin, dtype=np.uint32)

        self.n = np.tile(start.counts, (R, 1))
        self.phase = np.tile(start.phase, (R, 1))
        self.out = np.zeros((R, P), np.int64)
        self.left = np.zeros(R)
        self.step = np.zeros(R, np.int64)
        self.events = np.zeros(R)
        self.largest_chance = np.zeros(R)
        self.active = np.zeros(R, np.uint8)
        self.record = 0
        self._control = leap.control(1, self.spectators)

        self.own_n = np.zeros((R, P), np.int64)
        self._runs = np.unique(self.unit[:, 0], return_index=True)
        self._count()
        self._own_out = np.zeros((R, P), np.int64)
        self.wishes = np.zeros(2, np.int64)
        self.heard = np.zeros(2, np.int64)
        self.crowd = Crowd(replicas=R, ids=self.ids, offset=self.offset, unit=self.unit, counts=self.counts)
        self._plans = StepPlans(system.couplings, R)
        self._scratch = Scratch(system.couplings)
        self._digest = 0
        self.alike = comm.size == 1 or cpus_alike(comm)

    def begin(self, record: int) -> None:
        """Set out for the record of that number."""
        self.record = record
        self.left[:] = self.leap.interval
        self.active[:] = 1
        self._control = self.leap.control(record, self.spectators)

    def advance(self) -> bool:
        """One step of every replica that is not yet at the record; False when all are."""
        for half in (0, 1):
            self._plan(half)
            self._move(half)
        kernel.finish_step(
            self.system.couplings, self._plans, active=self.active, phase=self.phase, time_left=self.left,
            step=self.step, largest=self.largest_chance,
        )  # fmt: skip
        return bool(self.active.any())

    def _plan(self, half: int) -> None:
        """The plan of a half step, the same bytes on every rank.

        Every rank works it out from the same n and proves with the next Allreduce that it got the root's bytes;
        where ranks run on unlike CPUs, whose libm differs in last bits, the root's plan is sent instead.
        """
        status = 0
        if self.alike or self.comm.rank == mpi.ROOT:
            status, replica, _ = kernel.plan_half(
                self.system.couplings, self._plans, self._control, self._scratch, half, active=self.active, n=self.n,
                out=self.out, phase=self.phase, time_left=self.left,
            )  # fmt: skip
        if not self.alike:
            self.comm.Bcast(self._plans.rows, root=mpi.ROOT)
            status, replica, _ = self._plans.first_failure(self.active)
        self._accept(self._plans, status, replica)

    def _accept(self, plans: Plans, status: int, replica: int) -> None:
        """Take the plans for good, or raise what is wrong with one."""
        if status:
            time = self.record * self.leap.interval - self.left[replica]
            beable = self.system.labels[int(plans.limiting[replica])]
            raise self.leap.failure(status, time, replica, beable, self.n[replica])
        self._digest = zlib.crc32(plans.rows.data) if self.comm.size > 1 else 0

    def _move(self, half: int) -> None:
        """Draw this rank's copies and learn everyone's: the step's Allreduce of n_a and of what left each a."""
        kernel.move(
            self.system.couplings, self._plans, self.crowd, active=self.active, seed=self.seed, purpose=Purpose.LEAP,
            step=self.step, half=half, n=self.own_n, out=self._own_out,
        )  # fmt: skip
        self.n[:], self.out[:] = self._over_ranks(self.own_n, self._own_out)
        self.n += self.outside
        self.events += self.out.sum(axis=1)

    def _count(self) -> None:
        """This rank's own n (R, P), from its blocks, which stand in order of replicas."""
        self.own_n[:] = 0
        replicas, begin = self._runs
        if replicas.size:
            self.own_n[replicas] = np.add.reduceat(self.counts, begin, axis=0, dtype=np.int64)

    def _over_ranks(self, *parts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Sums over ranks of integer arrays: one Allreduce, on which the plan's digest and the wishes ride."""
        digest = self._digest if self.comm.rank == mpi.ROOT else 0
        row = np.concatenate([*(part.ravel() for part in parts), self.wishes, [digest]])
        mpi.total(self.comm, row)
        if row[-1] != self._digest:
            raise RuntimeError(f"rank {self.comm.rank} planned another step than the root: unlike CPUs or libraries")
        self.heard[:] = row[-3:-1]
        ends = np.cumsum([part.size for part in parts])
        return [row[end - part.size : end].reshape(part.shape) for part, end in zip(parts, ends, strict=True)]

    @property
    def progress(self) -> tuple[float, int, float]:
        """Simulated time, steps and copies so far."""
        time = self.record * self.leap.interval - float(self.left.mean())
        return time, int(self.step.sum()), float(self.events.sum())

    def profile_rows(self) -> dict[str, NDArray[Any]]:
        """What there is of each beable of all replicas, each (R, P), by the names of datasets: alike on every rank."""
        return {"occupation": self.n.copy(), "phase": self.phase.copy()}

    def snapshot(self) -> Snapshot | None:
        """The state of all replicas on the root, None elsewhere. Collective."""
        rows = self.profile_rows()
        if self.comm.rank != mpi.ROOT:
            return None
        n, phase, coherence = rows.pop("occupation"), rows.pop("phase"), rows.pop("coherence", None)
        steps, largest = int(self.step.sum()), float(self.largest_chance.max())
        return Snapshot(n, phase, self.events.copy(), steps, largest, coherence, rows)

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What there is of every member of this rank, block after block."""
        return {"ids": self.ids}

    def state(self) -> State:
        """All there is to go on from here: the order of the ids is part of it."""
        sizes = self.counts.sum(axis=1, dtype=np.int64)
        return State(
            units=len(self.n) * self.blocks,
            first=self.first,
            last=self.last,
            columns={"counts": self.counts},
            ragged={name: (values, sizes) for name, values in self.per_member().items()},
            common={name: getattr(self, name) for name in self.common},
        )

    def restore(self, state: State, record: int) -> None:
        """Go on from `state`, on the way to `record`."""
        self.begin(record)
        self.counts[:] = state.columns["counts"]
        for name, values in self.per_member().items():
            values[:] = state.ragged[name][0]
        for name in self.common:
            getattr(self, name)[:] = state.common[name]
        self.active[:] = self.left > 0.0
        self._count()

    def beables(self, unit: int) -> NDArray[np.int64]:
        """a_I of every member of one of this rank's units, by id within the block."""
        begin, end = self.offset[unit], self.offset[unit + 1]
        out = np.empty(end - begin, np.int64)
        out[self.ids[begin:end]] = np.repeat(np.arange(self.system.P), self.counts[unit])
        return out


def blocks_for(members: int, P: int = 1) -> int:
    """How many blocks N members make: as large as the cache allows, but enough for a few tens of ranks.

    Beyond 65,536 beables blocks grow with P: bucket sizes take one byte a member, or four where members are few.
    """
    size = max(kernel.BLOCK, 4 * P)
    blocks = max(1, -(-members // size), min(32, -(-members // 16_384)))
    return blocks if size == kernel.BLOCK else max(1, min(blocks, members // P))


def deal(counts: NDArray[np.int64], blocks: int, which: NDArray[np.int64]) -> NDArray[np.int32]:
    """Members in order of their beables dealt like cards to `blocks` blocks: sizes of the buckets of blocks `which`.

    So blocks differ by one member at most, in size and in every bucket, and ranks have the same work from the start.
    Returns (len(which), P).
    """
    end = np.cumsum(counts)
    return cards(end - counts, end, blocks, which)


def cards(start: NDArray[np.int64], end: NDArray[np.int64], blocks: int, which: NDArray[np.int64]) -> NDArray[np.int32]:
    """How many of the cards start[a] .. end[a] - 1 each of the blocks `which` gets, (len(which), P)."""
    out = np.empty((len(which), len(start)), np.int32)
    rows = max(1, ROOM // len(start))
    for k in range(0, len(which), rows):
        c = np.asarray(which[k : k + rows])[:, None]
        # cards p with p % blocks == c and p < x: (x - c + blocks - 1) // blocks
        out[k : k + rows] = (end - c + blocks - 1) // blocks - (start - c + blocks - 1) // blocks
    return out
