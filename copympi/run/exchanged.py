"""What ranks say to each other in a step: as it was counted, and foretold for another number of ranks."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from copympi import mpi
from copympi.engine.ensemble import Ensemble
from copympi.engine.foretold import foretold_halo, foretold_layout
from copympi.engine.lattice import LatticeCounts
from copympi.engine.own_phases import OwnPhases
from copympi.engine.proposals import batches
from copympi.engine.shared_steps import said_to_all


@dataclass(frozen=True)
class Exchanged:
    """A step's, the most that any of so many ranks says: collective calls and the bytes of a rank's rows in them;
    messages to single ranks and their bytes. counted : as it was, else as it would be on these ranks. whole : whether
    replicas of a lattice would lie whole on ranks. idle : ranks that would have nothing of it.
    roughly : whether messages are at the border of a lattice, about so many; else at most."""

    ranks: int
    calls: float
    shared: float
    messages: float
    sent: float
    counted: bool = True
    whole: bool = False
    idle: int = 0
    roughly: bool = False


def counted(comm: Any, said: mpi.Traffic, steps: int) -> Exchanged:
    """What was said in so many steps. Collective."""
    most = np.array([said.calls, said.shared, said.messages, said.sent], np.int64)
    mpi.largest(comm, most)
    return Exchanged(comm.size, *(most / max(1, steps)).tolist())


def foretold(comm: Any, said: mpi.Traffic, steps: int, ensemble: Ensemble, ranks: int) -> Exchanged:
    """What would be said on `ranks` ranks, from what was said in so many steps on those there are. Collective.

    Rows that every rank has for every other are taken to be spread evenly: bytes are means, and messages at most about
    so many, answers coming in as many batches as between nodes and in a step of the mean number of proposals. Of a
    lattice halos are foretold to some twenty percent, and sums without those of stiff clusters.
    """
    if isinstance(ensemble, LatticeCounts):
        layout = foretold_layout(ensemble, ranks)
        if layout is None:
            return Exchanged(ranks, 0, 0, 0, 0, False, True, max(0, ranks - ensemble.layout.replicas))
        to_all = said_to_all(layout, ensemble.accuracy.step is not None, ensemble.large_n)
        idle = ranks - layout.size
        return Exchanged(ranks, *to_all, *foretold_halo(ensemble, layout), False, idle=idle, roughly=True)
    all_said = np.array(astuple(said), np.int64)
    mpi.total(comm, all_said)
    total = mpi.Traffic(*(int(number) for number in all_said))
    rows = total.sent + total.own - (comm.size - 1) * total.each
    n = max(1, steps)
    more = _more_batches(comm, ensemble, rows / n, ranks)
    shared = (said.shared - said.divided + total.divided / ranks) / n
    passages = said.passages / n + more
    sent = rows / n * (ranks - 1) / ranks**2 + (said.each / n + 8 * more) * (ranks - 1)
    return Exchanged(ranks, said.calls / n, shared, passages * (ranks - 1), sent, counted=False)


def _more_batches(comm: Any, ensemble: Ensemble, rows: float, ranks: int) -> int:
    """In how many more batches answers come on `ranks` ranks of several nodes than on those there are.

    rows : bytes of a step's proposals and their answers, of all ranks.
    """
    if not isinstance(ensemble, OwnPhases):
        return 0
    answer = 8 * len(ensemble.values)
    proposals = int(rows / (4 + answer))
    now = batches(proposals, comm.size, answer) if ensemble.proposals.several_nodes else 1
    return batches(proposals, ranks, answer) - now
