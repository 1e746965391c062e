"""What a run will take, from a second of its real steps in memory: nothing is written."""

from __future__ import annotations

import resource
import sys
import time as clock
from dataclasses import dataclass
from typing import Any

import numpy as np

from copympi import mpi
from copympi.engine.clock import StopKind
from copympi.engine.ensemble import Ensemble, State
from copympi.engine.tracking import Jumps
from copympi.records.plan import Plan
from copympi.run.carry import ensemble_of, plan_of
from copympi.run.exchanged import Exchanged, counted, foretold
from copympi.run.loop import carry_out
from copympi.run.plan import Job
from copympi.storage import folder as places

TRIED, LEAST = 1.0, 3
"""Seconds of real steps, and moments of them (see Ensemble.advance) at least."""


@dataclass(frozen=True)
class Forecast:
    """memory : bytes, the most that any rank has taken. results, checkpoint : bytes on disk, of the whole run's records
    and of one checkpoint. steps : of all replicas together, in `seconds` of wall time, the first moment left out where
    there were more. reached : simulated time. hours : of wall time for the whole run, if it goes on like that.
    rows, row_bytes : copies of members that are followed in the whole run, if it goes on like that, NaN where that is
    not known, and bytes of each in memory. layout : who has what of a lattice, in words; empty where there is
    nothing to say. exchanged : what ranks say to each other in a step; None where one rank is alone and others were
    not asked for."""

    memory: int
    results: int
    checkpoint: int
    steps: int
    seconds: float
    reached: float
    hours: float
    rows: float = 0.0
    row_bytes: int = 0
    layout: str = ""
    exchanged: Exchanged | None = None


def rehearse(comm: Any, job: Job, replace: bool, ranks: int | None = None) -> Forecast:
    """Check all that a run checks, take steps for a second or up to its end, and measure. Collective.

    replace : whether results in the folder may be replaced, or gone on with. ranks : for how many to foretell what
    they exchange; None: for those there are. Raises what a run raises.
    """
    if job.folder is not None:
        folder = job.folder
        mpi.from_root(comm, lambda: places.refuse_results(folder, replace))
    plan, ensemble = plan_of(job), ensemble_of(comm, job)
    plan.try_observers(ensemble)
    looks = [(0.0, 0, 0.0)]  # wall time, steps, simulated time after each moment
    began, table, number, said = clock.perf_counter(), plan.timetable, 1, mpi.Traffic()

    def look() -> tuple[float, int, float]:
        reached, steps, _ = ensemble.progress
        return clock.perf_counter() - began, steps, reached

    while number <= table.number(plan.records) and not (looks[-1][0] > TRIED and len(looks) > LEAST):
        stop = table.stop(number)
        ensemble.begin(stop)
        more = True
        while more and not (looks[-1][0] > TRIED and len(looks) > LEAST):
            before = mpi.so_far()
            more = ensemble.advance()
            said += mpi.so_far() - before
            looks.append(mpi.from_root(comm, look))
        if not more:
            if stop.kind is StopKind.RECORD:
                if plan.track is not None:
                    ensemble.take_jumps()  # as a run takes them: they fill no memory for long
                plan.take(ensemble, stop.record, filed=job.folder is not None)
            carry_out(ensemble, plan.schedule, stop)
        number += 1
    start = looks[1] if looks[-1][2] < job.config.dynamics.duration and looks[-1][2] > looks[1][2] else looks[0]
    seconds, steps, passed = (float(end - begin) for begin, end in zip(start, looks[-1], strict=True))
    whole = seconds * job.config.dynamics.duration / passed if passed > 0 else float("nan")
    most = np.array([resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform != "darwin" else 1)])
    mpi.largest(comm, most)
    reached = looks[-1][2]
    copies = mpi.from_root(comm, lambda: ensemble.progress[2])
    copies *= job.config.dynamics.duration / reached if reached > 0 else float("nan")
    return Forecast(
        int(most[0]), _of_records(plan), _of_state(comm, ensemble), int(steps), seconds, reached, whole / 3600,
        *_of_histories(job, plan, copies), getattr(ensemble.layout, "said", ""),
        _of_ranks(comm, ensemble, said, ranks),
    )  # fmt: skip


def _of_ranks(comm: Any, ensemble: Ensemble, said: mpi.Traffic, ranks: int | None) -> Exchanged | None:
    """What is said in a step of a replica."""
    steps = np.array([ensemble.step.max(initial=0)], np.int64)
    mpi.largest(comm, steps)
    if ranks is not None and ranks != comm.size:
        return foretold(comm, said, int(steps[0]), ensemble, ranks)
    return counted(comm, said, int(steps[0])) if comm.size > 1 else None


def _of_histories(job: Job, plan: Plan, copies: float) -> tuple[float, int]:
    """Of so many copies those by members that are followed, and bytes of each in memory."""
    if job.track is None:
        return 0.0, 0
    row = Jumps.none("unaligned" in plan.traits).columns.values()
    movable = job.start.members - job.system.P * job.start.spectators
    return copies * (job.track.size / movable), sum(values.itemsize for values in row)


def _of_records(plan: Plan) -> int:
    """Bytes of all records; small runs take some tens of thousands more for what HDF5 notes besides."""
    profiles, total = plan.number(plan.records) + 1, 0
    for row in plan.rows:
        each = plan.dtype(row).itemsize * int(np.prod(plan.width(row), dtype=object))
        each *= plan.config.dynamics.replicas if "replica" in row.axes else 1
        total += each * (profiles if row.profile and plan.thinned else plan.records + 1)
    return total


def _of_state(comm: Any, ensemble: Ensemble) -> int:
    """Bytes of a checkpoint: what is split among ranks, and once what stands alike on each."""
    state: State = ensemble.state()
    parts = [*state.columns.values(), *(values for values, _ in state.ragged.values())]
    split = np.array([sum(values.nbytes for values in parts)], np.int64)
    mpi.total(comm, split)
    return int(split[0]) + sum(values.nbytes for values in state.common.values())
