"""Who carries which run: small runs whole, one rank each; large ones all ranks together, one after another.

A run is large where it is expected to take more than LARGE_SECONDS of computing, or more than LARGE_BYTES of memory, or
where its profiles have files of their own. The rule knows nothing of the ranks, and neither do the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from copympi.engine import methods
from copympi.errors import InputError
from copympi.records.plan import MOST_PROFILE
from copympi.run.plan import Job

LARGE_SECONDS, LARGE_BYTES = 10.0, 256 << 20
AUTO, ONE, ALL = RANKS = ("auto", "one", "all")
"""How many ranks a run gets: as the rule says, or one, or all of them whatever it is."""
RUN, RECORD, PAIR, CLASS, COPY, TURN, MOMENTUM, EVENT = 3e-4, 5e-5, 2e-7, 7e-7, 4e-9, 6e-9, 1.2e-7, 6e-8
"""Seconds, as measured on one core: a run; a record; in each step a pair of coupled beables, such a pair and a class of
phases, a member with a phase of its own, and one with a momentum; COPY: a copy of a member that is known by itself;
EVENT: a copy and a pair where copies are made one by one (docs/exact.md)."""
ANGLE = 0.01
"""Radians that the fastest phase turns in a step, about, where members have phases of their own."""
NUMBERS = 4
"""Doubles that a record keeps of each beable."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take, roughly: seconds of one core, bytes, and whether its profiles need files of their own."""

    seconds: float
    bytes: float
    split: bool

    @property
    def large(self) -> bool:
        return self.split or self.seconds > LARGE_SECONDS or self.bytes > LARGE_BYTES


def estimate(job: Job) -> Estimate:
    """What a run will take. Right to a factor of five or so, but for passes near nodes, where steps are short."""
    row, d, system, N = methods.named(job.method[0]), job.config.dynamics, job.system, job.start.members
    R, records = d.replicas, job.config.records
    pairs = system.elements / 2 + system.P
    model = job.config.alignment is not None
    own = model or not job.start.aligned
    steps = d.duration * system.spread / (min(d.leaving_chance, ANGLE) if own else d.leaving_chance)
    steps = d.duration / d.step if d.step else max(records, steps)
    classes = job.config.preparation.phase_kinds
    of_beables = pairs * (CLASS * classes if own and not row.bytes_a_member else PAIR)
    of_members = (MOMENTUM if model else TURN) * float(N) if own and row.bytes_a_member else 0.0
    seconds = RUN + RECORD * records + R * steps * (of_beables + of_members)
    if d.method == "exact":
        return _sized(job, RUN + RECORD * records + R * float(N) * d.duration * system.spread * pairs * EVENT)
    if row.bytes_a_member:
        seconds += R * float(N) * COPY * d.duration * system.spread
    return _sized(job, seconds)


def _sized(job: Job, seconds: float) -> Estimate:
    """With the memory that it takes, ensemble and records."""
    row, R, P, records = methods.named(job.method[0]), job.config.dynamics.replicas, job.system.P, job.config.records
    held = row.bytes_a_beable(job.config.preparation.phase_kinds) * P + row.bytes_a_member * float(job.start.members)
    profiles = records + 1 if job.config.profile_every is None else records / job.config.profile_every + 1
    return Estimate(seconds, R * (held + 8 * NUMBERS * P * profiles), P > MOST_PROFILE)


def is_large(job: Job, found: Estimate, ranks: str) -> bool:
    """Whether all ranks are to carry a run together. InputError where one alone cannot and must."""
    if ranks == ONE and found.split:
        why = f'must be "{AUTO}" or "{ALL}": profiles of {job.system.P:,} beables need files of their own'
        raise InputError("ranks", ranks, why)
    return {AUTO: found.large, ONE: False, ALL: True}[ranks]


def slices(costs: NDArray[np.int64], size: int) -> list[tuple[int, int]]:
    """First and one past last of the runs of each of `size` ranks: runs of neighbours, as even in cost as can be.

    costs : (n,) of each run, positive. Neighbours stay together, because they share much, in memory and in files.
    """
    ends = np.concatenate([[0], np.cumsum(costs.astype(float))])
    middle = 0.5 * (ends[:-1] + ends[1:])
    owner = np.minimum((middle * (size / max(float(ends[-1]), 1e-300))).astype(np.int64), size - 1)
    cuts = np.searchsorted(owner, np.arange(size + 1))
    return [(int(cuts[rank]), int(cuts[rank + 1])) for rank in range(size)]
