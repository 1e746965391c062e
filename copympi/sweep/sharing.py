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
RUN, RECORD, PAIR, COPY, TURN = 3e-4, 5e-5, 1.5e-7, 2e-8, 5e-8
"""Seconds, as measured on one core: a run; a record; a pair of coupled beables in a step; a copy of a member that is
known by itself; a step of a member with a phase of its own."""
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
    """What a run will take. Right to a factor of a few, but for passes near nodes, where steps are short."""
    row, d, system, N = methods.named(job.method[0]), job.config.dynamics, job.system, job.start.members
    P, R, records = system.P, d.replicas, job.config.records
    pairs = system.frequencies.nnz / 2 + P
    steps = d.duration / d.step if d.step else max(records, d.duration * system.spread / d.leaving_chance)
    seconds = RUN + RECORD * records + R * steps * pairs * PAIR
    if row.bytes_a_member:
        own = TURN * steps if not job.start.aligned or job.config.alignment is not None else 0.0
        seconds += R * float(N) * (COPY * d.duration * system.spread + own)
    profiles = records + 1 if job.config.profile_every is None else records / job.config.profile_every + 1
    held = row.bytes_a_beable(job.config.preparation.phase_kinds) * P + row.bytes_a_member * float(N)
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
