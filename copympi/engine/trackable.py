"""What every ensemble says of the members that it follows one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.engine.clock import Stop
from copympi.engine.tracking import Int, Jumps, Tracks, checked
from copympi.errors import InputError
from copympi.model.preparation import Start
from copympi.model.system import System

ROWS = 2
"""The request that copies which wait be taken."""


class Nobody(Tracks):
    """Where nobody is followed."""

    def beables(self) -> NDArray[np.int32]:
        raise ValueError("tracked_beables: nobody is followed: call track first")

    def drain(self) -> Jumps:
        return Jumps.none()

    @property
    def new(self) -> int:
        return 0

    def unit_of(self, jumps: Jumps) -> Int:
        return jumps.replica

    def waiting(self, units: int) -> dict[str, tuple[NDArray[Any], Int]]:
        return {}

    def await_again(self, found: dict[str, tuple[NDArray[Any], Int]]) -> dict[str, NDArray[Any]]:
        return {}


NOBODY = Nobody(np.empty(0, np.int64))


class Trackable:
    """What an ensemble says of individual systems. Nothing here changes a bit of anything else that it does."""

    comm: Any
    layout: Any
    start: Start
    system: System
    tracks: Tracks
    stop: Stop
    time_left: NDArray[np.float64]
    requests: Int

    def track(self, ids: Int) -> None:
        """Follow members of these ids, (M,), ascending, in every replica: once, before anything moves. Collective.

        InputError where no member that can copy has some id.
        """
        self.tracks = self.follow(checked(ids, self.start, self.system.P))

    def follow(self, ids: Int) -> Tracks:
        """What a method that can follow members (`tracking` in its row of the table) knows of these at t = 0."""
        raise InputError("output.track", len(ids), "must be left out: the method follows no individual systems")

    @property
    def tracked_ids(self) -> Int | None:
        """Ids of the members that are followed, (M,), ascending; None: of nobody."""
        return self.tracks.ids if self.tracks.ids.size else None

    def tracked_beables(self) -> NDArray[np.int32] | None:
        """Their beables, (replicas, M), on the root, None elsewhere; -1 of who has left by a filter. Collective."""
        rows: NDArray[np.int32] | None = self.layout.to_root(self.comm, self.tracks.beables())
        return rows

    def take_jumps(self) -> Jumps:
        """Copies by tracked members that this rank has to tell, since the last call, ordered. Not collective."""
        return self.tracks.take()

    def ask_for_room(self) -> None:
        """Have this rank's requests say whether more copies wait here than should. Not collective."""
        self.requests[ROWS] = self.tracks.held > self.tracks.most

    def take_final(self) -> Jumps:
        """As `take_jumps`, of those alone that come before anything that any rank may still tell. Collective."""
        return self.tracks.take(before=self.stop.at(self.farthest_back()))

    def farthest_back(self) -> float:
        """The time to the stop that the last of all ranks' replicas has left. Collective."""
        left = np.array([self.time_left.max(initial=0.0)])
        mpi.largest(self.comm, left)
        return float(left[0])
