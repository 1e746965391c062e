"""Members with an identity in blocks, whose number depends on N and P alone: who has which, and what they share."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.accuracy import Accuracy
from copympi.engine.arithmetic import cpus_alike
from copympi.engine.clock import Stop
from copympi.engine.dealing import blocks_for as blocks_for
from copympi.engine.dealing import cards as cards
from copympi.engine.dealing import deal as deal
from copympi.engine.ensemble import Ensemble, State
from copympi.engine.marked import MarkedMembers
from copympi.kernels.plans import Plans
from copympi.model.preparation import Start
from copympi.model.system import System

Int = NDArray[np.int64]


class Blocks:
    """The layout: a unit is a block of a replica, and a rank owns a run of them; every rank knows all replicas' n.

    blocks : of each replica, which share out its `members` among themselves. Of this rank's units: unit (., 2), replica
    and block of each; sizes (.,), members at t = 0; offset (. + 1,), where each one's then begin among this rank's.
    """

    def __init__(self, replicas: int, blocks: int, members: int, size: int, rank: int) -> None:
        self.replicas, self.blocks = replicas, blocks
        self.size, self.rank = size, rank
        self.units = replicas * blocks
        self.first, self.last = mpi.share(self.units, size, rank)
        self.unit = np.column_stack(np.divmod(np.arange(self.first, self.last), blocks)).astype(np.int64)
        self.sizes = deal(np.array([members]), blocks, self.unit[:, 1])[:, 0].astype(np.int64)
        self.offset = np.concatenate([[0], np.cumsum(self.sizes)]).astype(np.int64)

    @property
    def here(self) -> int:
        return self.replicas

    def to_root(self, _: Any, rows: NDArray[Any]) -> NDArray[Any] | None:
        return rows.copy() if self.rank == mpi.ROOT else None

    def slab(self, P: int) -> tuple[int, int, int]:
        return 0, *mpi.share(P, self.size, self.rank)


class InBlocks(Ensemble):
    """What methods share whose members have an identity.

    `ids` holds the members of each unit, four bytes each, bucketed by beable, and `counts` (units, P) the sizes of the
    buckets; offset (units + 1,) says where units begin. Member I of a replica has id I - (first of its block) for good,
    whoever leaves by a filter. What is global, n (R, P) for one, stands alike on every rank; own_n (R, P) is this
    rank's part of it. n counts spectators too, of whom `blockless` (R, P) are in no block, as they are all alike.
    active (R,): 1 for a replica that is not yet at the stop.
    """

    layout: Blocks
    marked: MarkedMembers | None = None

    def __init__(
        self, comm: Any, system: System, start: Start, accuracy: Accuracy, seed: int, replicas: int, blockless: int
    ) -> None:
        P = system.P
        self.blockless = np.zeros((replicas, P), np.int64)  # memory that is never touched is never there
        if blockless:
            self.blockless[:] = blockless
        members = start.members - P * blockless
        layout = Blocks(replicas, blocks_for(members, P), members, comm.size, comm.rank)
        super().__init__(comm, system, start, accuracy, seed, layout)
        self.unit, self.offset = layout.unit, layout.offset
        self.counts = deal(start.counts - blockless, layout.blocks, self.unit[:, 1])
        self.ids = np.empty(int(self.offset[-1]), np.uint32)
        for begin, end in zip(self.offset[:-1], self.offset[1:], strict=True):
            self.ids[begin:end] = np.arange(end - begin, dtype=np.uint32)
        self.n = np.tile(start.counts, (replicas, 1))
        self.own_n = np.zeros((replicas, P), np.int64)
        self.active = np.zeros(replicas, np.uint8)
        self.count()
        self._digest = 0
        self.alike = comm.size == 1 or cpus_alike(comm)

    def begin(self, stop: Stop) -> None:
        """Set out for the next stop."""
        super().begin(stop)
        self.active[:] = ~self.deserted
        if self.marked is not None:
            self.marked.set_out()

    def accept(self, plans: Plans, status: int, replica: int) -> None:
        """Take plans for good, or raise what is wrong with one. The next `over_ranks` proves that all have the root's.

        Every rank works a plan out from the same n; where ranks do not compute alike (not `alike`: unlike CPUs, or
        kernels built against the rules of setup.py), the root's plan is to be sent instead, before this.
        """
        if status:
            beable = self.system.labels[int(plans.limiting[replica])]
            raise self.accuracy.failure(status, float(self.times[replica]), replica, beable, self.n[replica])
        self._digest = zlib.crc32(plans.rows.data) if self.comm.size > 1 else 0

    def over_ranks(self, *parts: Int) -> list[Int]:
        """Sums over ranks of integer arrays: one Allreduce, on which the plan's digest and the requests ride.

        On one rank they are these arrays themselves.
        """
        if self.comm.size == 1:
            self.requested[:] = self.requests
            mpi.SAID.note_call(8 * (sum(part.size for part in parts) + self.requests.size + 1))
            return list(parts)
        digest = self._digest if self.comm.rank == mpi.ROOT else 0
        row = np.concatenate([*(part.ravel() for part in parts), self.requests, [digest]])
        mpi.total(self.comm, row)
        if row[-1] != self._digest:
            raise RuntimeError(f"rank {self.comm.rank} planned another step than the root: unlike CPUs or libraries")
        self.requested[:] = row[-1 - self.requests.size : -1]
        ends = np.cumsum([part.size for part in parts])
        return [row[end - part.size : end].reshape(part.shape) for part, end in zip(parts, ends, strict=True)]

    def count(self) -> None:
        """This rank's own n (R, P), from its blocks."""
        self.own_n[:] = 0
        for replica, some in zip(self.unit[:, 0], self.counts, strict=True):  # at once it would be a copy in int64
            self.own_n[replica] += some

    def per_unit(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds of each block: the sizes of its buckets."""
        return {"counts": self.counts}

    def per_member(self) -> dict[str, NDArray[Any]]:
        """What it holds of every member of this rank, block after block: the order of the ids is part of the state."""
        return {"ids": self.ids}

    def restore(self, state: State, stop: Stop) -> None:
        """Go on from `state`, on the way to `stop`."""
        ids, sizes = state.ragged.get("ids", (self.ids, self.sizes))
        if not np.array_equal(sizes, self.sizes) and "counts" in state.columns:  # some have left by a filter
            self.counts[:] = state.columns["counts"]
            self.regroup(np.empty(ids.size, np.uint32), sizes)
        super().restore(state, stop)
        if self.spectators:
            self.blockless[self.n == 0] = 0
        self.active[:] = self.time_left > 0.0
        self.count()

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Empty the beables of `gone` (P,): blocks close their ranks."""
        stays = np.repeat(np.tile(~gone, len(self.unit)), self.counts.ravel())
        self.empty(gone)
        self.regroup(self.ids[stays], self.counts.sum(axis=1, dtype=np.int64), stays)

    def empty(self, gone: NDArray[np.bool_]) -> None:
        """Nobody is counted in the beables of `gone` (P,) any longer."""
        self.counts[:, gone] = 0
        self.n[:, gone] = 0
        self.blockless[:, gone] = 0
        self.count()

    def regroup(self, ids: NDArray[np.uint32], sizes: Int, which: NDArray[np.bool_] | None = None) -> None:
        """Take `ids` for those of this rank's members, so many in each unit; `which` of those that were there they are.

        None : what there is besides of each member is yet to be filled in.
        """
        self.ids = ids
        self.offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    def follow(self, ids: Int, *, spectators_too: bool = False, phases: bool = False) -> MarkedMembers:
        """What the ensemble knows of members of these ids; a method adds its crowd."""
        self.marked = MarkedMembers(
            self, ids, blocks=self.layout.blocks, spectators_too=spectators_too, phases=phases
        )  # fmt: skip
        return self.marked

    @property
    def buckets(self) -> NDArray[np.int32]:
        """Members of each beable in each of this rank's units, (units, P)."""
        return self.counts

    @property
    def sizes(self) -> Int:
        """Members in each of this rank's units as they are now, (units,)."""
        return np.diff(self.offset)

    def beables(self, unit: int) -> Int:
        """a_I of every member of one of this rank's units, by id within the block; -1 of those who have left."""
        begin, end = self.offset[unit], self.offset[unit + 1]
        out = np.full(self.layout.sizes[unit], -1)
        out[self.ids[begin:end]] = np.repeat(np.arange(self.system.P), self.counts[unit])
        return out
