"""What members on lattices take of a machine's memory: told before a run makes them, as each rank plans all beables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi import mpi
from copympi.engine.case import Case
from copympi.engine.dealing import blocks_for
from copympi.errors import InputError
from copympi.kernels.lattice import COUNTED_TO
from copympi.memory import there

AT_A_TIME = 4
"""Replicas that are planned together, at least, if there are so many,"""
ROOM = 1 << 20
"""and beables of all of them at most, but for one replica."""
OF_START, OF_WAYS = 130, 60
"""Bytes for each beable, and for each pair that H couples: the start, ways from beable to beable, work space;"""
OF_ROWS = 270
"""and for each pair where H is kept row by row, at the peak, while it is made."""
OF_REPLICA = 100
"""For each beable of a replica: its numbers, those of this rank, and what they are added up in."""
OF_PLAN, OF_PLANNED_PAIRS = 300, 40
"""For each beable and pair of a replica whose step is being planned: paths, chances, flows;"""
OF_STIFF, OF_STIFF_PAIRS = 420, 240
"""and where beables have few members and many of them go over a step in clusters,"""
OF_PROFILE = 48
"""and for each pair where members are followed."""


def slots_for(P: int, replicas: int, ranks: int) -> int:
    """Replicas that are planned together."""
    return max(1, min(replicas, max(AT_A_TIME, 2 * ranks), ROOM // P))


@dataclass(frozen=True)
class Needs:
    """Bytes. P beables, `pairs` of them coupled, by rows of H that are `kept` or not; members N of each replica who
    have an identity; tracked: whether some of them are followed; ranks : of the whole job."""

    P: int
    pairs: int
    kept: bool
    members: int
    tracked: bool
    ranks: int

    def of_rank(self, replicas: int) -> int:
        """What every rank takes for itself, however many members there are."""
        few = self.members <= COUNTED_TO * self.P
        beable = OF_PLAN + OF_STIFF * few
        pair = OF_PLANNED_PAIRS + OF_STIFF_PAIRS * few + OF_PROFILE * self.tracked
        plans = slots_for(self.P, replicas, self.ranks) * (beable * self.P + pair * self.pairs)
        block = 8 * (self.members // blocks_for(self.members, self.P))  # who leaves the one that is moved
        held = OF_START * self.P + (OF_WAYS + OF_ROWS * self.kept) * self.pairs + replicas * OF_REPLICA * self.P
        return held + plans + block

    @property
    def of_members(self) -> int:
        """What the members of a replica take, on all ranks together: names, and how many each beable has in a block."""
        return 4 * self.members + 4 * blocks_for(self.members, self.P) * self.P


def check_memory(comm: Any, case: Case) -> None:
    """InputError, on all ranks, where the memory of a node cannot hold the ranks that it has. Collective."""
    room, ranks = there(), 1
    if comm.size > 1:
        with mpi.on_node(comm) as node:
            found = np.array([node.size / room, node.size])
        mpi.largest(comm, found)
        room, ranks = int(1.0 / found[0]), int(found[1])
    P, N, replicas = case.system.P, case.start.members, case.replicas
    held = case.start.spectators * P
    needs = Needs(P, case.pairs, not case.system.unkept, N - held, case.track > 0, comm.size)
    shared = f" for each of {ranks} ranks on a node" if ranks > 1 else ""
    here = f"there are {room / 2**30:,.1f} GiB of memory{shared}"

    def left(some: int) -> int:
        """Room for members, on all ranks together, beside the plans of so many replicas."""
        return (room - needs.of_rank(some)) * comm.size

    if replicas * needs.of_members <= left(replicas):
        return
    if replicas > 1 and needs.of_members <= left(1):
        most = max(k for k in range(1, replicas) if k * needs.of_members <= left(k))
        raise InputError("dynamics.replicas", replicas, f"must be at most {most:,}: {here}")
    if left(1) > 0:
        most = held + int(0.999 * left(1) * (needs.members / needs.of_members))  # as blocks are whole
        why = f"must be at most {most:,}: {here}, of which {needs.of_rank(1) / 2**30:,.2f} go to plans of steps"
        raise InputError("preparation.members", N, f'{why}; or take dynamics.representation = "occupation"')
    each = needs.of_rank(1) / P
    why = f"{P:,} beables do not fit: each rank plans steps of all of them, at {each:,.0f} bytes each, and {here}"
    raise InputError("dynamics.representation", "members", f'{why}; take fewer ranks a node, or "occupation"')
