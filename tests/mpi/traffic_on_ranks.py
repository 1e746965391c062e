"""What ranks say in a few steps, by copympi's own count and by a communicator that looks at every buffer it is given.

Prints for each case: the count of `mpi.SAID` summed over ranks, that of the communicators, what a dry run says, and a
digest of the state; for phases also with answers in several batches.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, astuple, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.engine import proposals
from copympi.run.carry import ensemble_of, plan_of
from copympi.run.plan import from_file
from copympi.run.rehearsal import rehearse

SINGLE = ("Isend", "Ialltoall", "Ialltoallv")
SHARED = ("Ibcast", "Igatherv", "Iallgather", "Iallgatherv", "Iallreduce")


class Listening:
    """MPI's communicator, which it passes all on to, and what it was given: calls, bytes, messages and their bytes."""

    def __init__(self, comm: Any) -> None:
        self.comm, self.heard = comm, np.zeros(4, np.int64)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.comm, name)
        if name in SHARED:
            return lambda *given, **more: (self._shared(name, *given), real(*given, **more))[1]
        if name in SINGLE:
            return lambda *given, **more: (getattr(self, f"_{name}")(*given), real(*given, **more))[1]
        return real

    def _shared(self, name: str, *given: Any) -> None:
        row = given[1] if name == "Iallreduce" else given[0][0] if isinstance(given[0], list) else given[0]
        self.heard += [1, row.nbytes, 0, 0]

    def _Isend(self, buffer: Any) -> None:
        self.heard += [0, 0, 1, buffer.nbytes]

    def _Ialltoall(self, numbers: Any, _: Any) -> None:
        others = self.comm.size - 1
        self.heard += [0, 0, others, numbers.nbytes // self.comm.size * others]

    def _Ialltoallv(self, sent: Any, _: Any) -> None:
        (counts, _), row = sent[1], sent[2]
        others = np.delete(counts, self.comm.rank)
        self.heard += [0, 0, int(np.count_nonzero(others)), int(others.sum()) * row.Get_size()]


def carried(comm: Any, config: Path) -> tuple[mpi.Traffic, int, str]:
    """What a rank says on the way to the end of a run, steps, and a digest of the end."""
    job = from_file(config, [], None, 1.0)
    ensemble, plan = ensemble_of(comm, job), plan_of(job)
    said, more = mpi.Traffic(), True
    ensemble.begin(plan.timetable.stop(1))
    if isinstance(comm, Listening):
        comm.heard[:] = 0
    while more:
        before = mpi.so_far()
        more = ensemble.advance()
        said += mpi.so_far() - before
    heard = comm.heard.copy() if isinstance(comm, Listening) else None
    snapshot = ensemble.snapshot()
    digest = "" if snapshot is None else blake2b(snapshot.n.tobytes() + snapshot.phase.tobytes()).hexdigest()
    if heard is not None:
        comm.heard[:] = heard
    return said, int(ensemble.step.max()), digest


def main(folder: Path) -> None:
    comm = Listening(mpi.world())
    found = {}
    for config in sorted(folder.glob("*.toml")):
        said, steps, digest = carried(comm, config)
        own, heard = np.array(astuple(said), np.int64), comm.heard.copy()
        differ = np.array([not np.array_equal(own[:4], heard)], np.int64)
        most = heard.copy()
        for values, reduce in ((own, mpi.total), (differ, mpi.total), (most, mpi.largest)):
            reduce(comm, values)
        forecast = rehearse(comm, replace(from_file(config, [], None, 1.0), folder=None), False).exchanged
        proposals.LEAST_MESSAGE = 1
        real, proposals.Proposals.__init__ = proposals.Proposals.__init__, _far_apart
        _, _, batched = carried(comm, config)
        proposals.Proposals.__init__ = real
        found[config.stem] = {
            "said": own.tolist(), "differ": int(differ[0]), "most": (most / steps).tolist(), "steps": steps,
            "forecast": None if forecast is None else asdict(forecast), "digest": digest, "batched": batched,
        }  # fmt: skip
    if comm.rank == 0:
        print(json.dumps(found))


def _far_apart(self: Any, comm: Any) -> None:
    """As on several nodes."""
    self.comm, self.several_nodes = comm, True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
