"""`copympi run --dry-run`: what a run will take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from copympi import mpi
from copympi.report.numbers import significant
from copympi.run.exchanged import Exchanged
from copympi.run.plan import Job
from copympi.run.progress import span
from copympi.run.rehearsal import Forecast, rehearse
from copympi.run.starting import warn_about
from copympi.text import one_line

NAMED = 8
ROW_ON_DISK = 11
"""Bytes that a copy by a member that is followed takes in results.h5, compressed; with phases some 8 more."""


def dry_run(comm: Any, job: Job, headline: str, replace: bool, ranks: int | None = None) -> None:
    """Check everything, take real steps for a second, and say what the whole run takes. Writes nothing. Collective.

    ranks : for how many to say what they would exchange; None: for those there are.
    """
    if comm.rank == mpi.ROOT:
        print(headline, flush=True)
        warn_about(*job.cautions)
    found = rehearse(comm, job, replace, ranks)
    if comm.rank == mpi.ROOT:
        print("\n".join(map(one_line, described(job, found))), flush=True)


def described(job: Job, found: Forecast) -> list[str]:
    """Lines about what a run will take."""
    keep, unit = job.config.checkpoint.keep, job.config.output.time_unit
    rate = found.steps / found.seconds if found.seconds > 0 else 0.0
    whole = found.reached >= job.config.dynamics.duration * (1 - 1e-9)
    took = "the whole run" if whole else f"t = {found.reached:.4g}{' ' + unit if unit else ''}"
    empty = np.flatnonzero(job.start.counts == 0)
    named = ", ".join(str(job.system.labels[a]) for a in empty[:NAMED]) + (", ..." if empty.size > NAMED else "")
    return [
        f"  memory    {size(found.memory)} a rank, the most that any took",
        f"  disk      {size(found.results)} of records, and {keep} checkpoints of {size(found.checkpoint)} each, in "
        f"{job.folder}",
        *_histories(job, found),
        *([f"  lattice   {found.layout}"] if found.layout else []),
        *([] if found.exchanged is None else [exchanged(found.exchanged)]),
        f"  speed     {found.steps:,} steps in {found.seconds:.2f} s ({significant(rate)}/s), {took}",
        f"  duration  {span(found.hours * 3600)} of wall time{'' if whole else ', if it goes on like that'}",
        f"  empty     {f'{empty.size:,} of {job.system.P:,} beables, for good: {named}' if named else 'no beable'}",
        "  nothing was written",
    ]


def exchanged(found: Exchanged) -> str:
    """What ranks say to each other."""
    if found.whole:
        idle = f"; {found.idle:,} ranks have nothing to do" if found.idle else ""
        return f"  exchange  nothing but who is done: replicas lie whole on ranks{idle}"
    parts, most = [], "at most " if found.counted else ""
    if found.calls:
        parts.append(f"hands {most}{size(found.shared)} to {few(found.calls)} collective calls")
    if found.messages:
        many = most or ("about " if found.roughly else "up to about ")
        parts.append(f"sends {most}{size(found.sent)} in {many}{few(found.messages)} messages to single ranks")
    if not parts:
        return "  exchange  nothing but who is done"
    idle = f"; {found.idle:,} of them have nothing to do: more ranks than tiles are of no use" if found.idle else ""
    return f"  exchange  each of {found.ranks:,} ranks {' and '.join(parts)} a step{idle}"


def _histories(job: Job, found: Forecast) -> list[str]:
    """Who is followed, and what their copies take."""
    if job.track is None:
        return []
    of = f" in each of {job.config.dynamics.replicas:,} replicas" if job.config.dynamics.replicas > 1 else ""
    said = f"  tracked   {job.track.size:,} members{of}"
    if math.isnan(found.rows):
        return [said]
    between = found.rows * found.row_bytes / job.config.records
    return [
        f"{said}, about {significant(found.rows)} copies if it goes on like that: {size(ROW_ON_DISK * found.rows)} on "
        f"disk, {size(between)} in memory between records"
    ]


def few(count: float) -> str:
    """A mean number of calls or messages."""
    return f"{count:,.0f}" if count >= 100 else f"{count:.3g}"


def size(count: float) -> str:
    """Bytes as one reads them."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
