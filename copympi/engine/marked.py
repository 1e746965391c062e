"""Individual systems among members that have an identity: they are marked, and their copies noted as they happen."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.clock import Stop
from copympi.engine.purposes import Purpose
from copympi.engine.tracking import Int, Jumps, Tracks, cards_of, initial_beables
from copympi.kernels.marks import Marks
from copympi.model.preparation import Start
from copympi.model.system import System


class WithMembers(Protocol):
    """What is asked of an ensemble: its members stand in units of this rank, bucketed by beable.

    ids : unit after unit, from offset (units + 1,) on. buckets (units, P) : members of each beable among them.
    """

    comm: Any
    start: Start
    system: System
    seed: int
    step: Int
    stop: Stop
    turned: float
    switched: float
    ids: NDArray[np.uint32]
    offset: Int

    @property
    def layout(self) -> Any: ...
    @property
    def shift(self) -> float: ...
    @property
    def buckets(self) -> NDArray[Any]: ...


class MarkedMembers(Tracks):
    """Members that are followed: a bit each of this rank's says so, and whoever copies is looked up there.

    blocks : units of a replica, over all ranks; None where a replica is one rank's whole, and a unit. spectators_too :
    whether spectators have ids in the units, too; they come first of their beables there. Of the K members followed on
    this rank, in order of unit and id there: who, number among `ids`; own, id there; unit, replica; (K,) each.
    """

    def __init__(
        self, ensemble: WithMembers, ids: Int, *, blocks: int | None, spectators_too: bool, phases: bool
    ) -> None:
        super().__init__(ids, phases)
        self.ensemble, self.phases, self.blocks = ensemble, phases, blocks
        layout, start, P = ensemble.layout, ensemble.start, ensemble.system.P
        card = cards_of(start, P, ids)
        if spectators_too:
            card = card + start.spectators * (initial_beables(start, P, ids) + np.int64(1))
        number, self.block = np.divmod(card, blocks or 1)
        replica, block = np.divmod(np.arange(layout.first, layout.last), blocks or 1)
        order = np.lexsort((number, self.block))
        begin, end = (np.searchsorted(self.block[order], block, side=side) for side in ("left", "right"))
        self.who = np.concatenate([np.empty(0, np.int64), *(order[i:j] for i, j in zip(begin, end, strict=True))])
        self.unit = np.repeat(np.arange(len(block)), end - begin)
        self.replica, self.own = replica[self.unit], number[self.who]
        self.marks = Marks(
            sizes=layout.sizes, unit=self.unit, ids=self.own, step=ensemble.step, seed=ensemble.seed,
            purpose=Purpose.TRACKED_TIMES,
        )  # fmt: skip
        self.restored()

    def set_out(self) -> None:
        """The ensemble has set out for a stop."""
        e = self.ensemble
        self.marks.at(e.stop.time, shift=e.shift, turn=e.turned, since=e.switched)

    def restored(self) -> None:
        """Look up where everybody is: one pass over this rank's members."""
        e = self.ensemble
        self.marks.look_up(e.ids, e.offset, np.ascontiguousarray(e.buckets, np.int64))

    def send_away(self, gone: NDArray[np.bool_]) -> None:
        """Who has a beable of `gone` (P,) has left."""
        beable = self.marks.beable
        beable[(beable >= 0) & gone[beable]] = -1

    def beables(self) -> NDArray[np.int32]:
        """Of every member that is followed, (here, M), in order of ids; -1 of who has left by a filter. Collective."""
        layout = self.ensemble.layout
        first = 0 if self.blocks else layout.first
        out = np.zeros((layout.here, len(self.ids)), np.int64)
        out[self.replica - first, self.who] = self.marks.beable + 2  # 0 where the member is another rank's
        if self.blocks:
            mpi.total(self.ensemble.comm, out)
        return (out - 2).astype(np.int32)

    def drain(self) -> Jumps:
        """This rank's jumps since the last call, which are then forgotten."""
        time, k, source, target, phase = self.marks.copies()
        self.marks.forget()
        member = self.ids[self.who[k]]
        return Jumps(time, self.replica[k], member, source, target, phase if self.phases else None)

    @property
    def new(self) -> int:
        """How many jumps there are that `drain` would give."""
        return self.marks.waiting

    def unit_of(self, jumps: Jumps) -> Int:
        """Which of this rank's units each jump belongs to, counted from its first."""
        block = self.block[np.searchsorted(self.ids, jumps.member)]
        return np.asarray(jumps.replica * (self.blocks or 1) + block - self.ensemble.layout.first)
