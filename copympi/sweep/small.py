"""Small runs: each on one rank, with a communicator of its own, into memory; many of them into one file.

Ranks work in rounds. In a round each has a slice of neighbours among the runs that are left, and works at it for about
a second; then all meet, see what is done, whether to stop, and what to share out next. Who is slow, or has runs that
take longer than was thought, so gets fewer in the next round.
"""

from __future__ import annotations

import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.config.reading import seconds
from copympi.errors import InputError, Spoken
from copympi.run.carry import Manner, carry_out
from copympi.run.watchdog import Unwatched, Watchdog
from copympi.sweep import batches, folder, sharing
from copympi.sweep.base import Jobs
from copympi.sweep.batches import Batch, Result
from copympi.sweep.points import Point
from copympi.sweep.progress import Progress
from copympi.sweep.stopping import Stopping
from copympi.text import one_line

DONE, FAILED = 1, 2
"""What has become of a point, in an array (n,) that ranks add up; 0 where it is still to be made."""
ROUND, RUNS = 1.0, 5
"""A round lasts so many seconds, or so many of the longest run until now, whatever is more."""
SOONEST, LATEST, PART = 2.0, 60.0, 0.05
"""Seconds after which results go to the disk: at least, at most, and as a part of the time since the start. With a
checkpoint.interval of wall time that is shorter, after that."""
QUIET = Manner()


class Small:
    """Carries small runs out. `first_failure` : why the first run of this rank failed, and which; empty if none did."""

    def __init__(
        self,
        comm: Any,
        jobs: Jobs,
        place: Path,
        asked: Sequence[Point],
        costs: NDArray[np.int64],
        stopping: Stopping,
        watchdog: Watchdog | Unwatched,
    ) -> None:
        self.comm, self.jobs, self.place, self.asked, self.costs = comm, jobs, place, asked, costs
        self.stopping, self.watchdog = stopping, watchdog
        self.alone, self.batch, self.first_failure = mpi.Alone(), Batch(), ""
        self.began = self.written = clock.monotonic()
        interval = jobs.base.values.get("checkpoint", {}).get("interval")  # checked with the first point
        self.most = seconds(interval, "checkpoint.interval") if isinstance(interval, str) else LATEST

    def run(self, state: NDArray[np.int64], small: NDArray[np.bool_], shows: Progress) -> bool:
        """Make what is left of the `small` points; `state` learns of it. Collective. Whether it was stopped early."""
        stopped = self.stopping.agreed()
        left = np.flatnonzero((state == 0) & small)
        while left.size and not stopped:
            first, last = sharing.slices(self.costs[left], self.comm.size)[self.comm.rank]
            news, problem = np.zeros(len(state), np.int64), ""
            try:
                self._round(left[first:last], news)
            except OSError as failure:
                problem = str(failure)
            batches.fail_together(self.comm, problem)
            mpi.total(self.comm, news)
            state += news
            shows.show(int(np.count_nonzero(state)), int(np.count_nonzero(state == FAILED)))
            stopped = self.stopping.agreed()
            left = np.flatnonzero((state == 0) & small)
        problem = ""
        try:
            self._write()
        except OSError as failure:
            problem = str(failure)
        batches.fail_together(self.comm, problem)
        return stopped

    def _round(self, mine: NDArray[np.intp], news: NDArray[np.int64]) -> None:
        """Runs of this rank, one after the other, until its time is up; `news` learns what has become of them."""
        until = clock.monotonic() + max(ROUND, RUNS * self.stopping.longest)
        for k in mine.tolist():
            began = clock.monotonic()
            if began > until or self.stopping.wanted:
                return
            news[k] = DONE if self._one(self.asked[k]) else FAILED
            now = clock.monotonic()
            self.stopping.ran(now - began)
            self.watchdog.beat()
            due = min(self.most, LATEST, max(SOONEST, PART * (now - self.began)))
            if self.batch.bytes > batches.FULL or now - self.written > due:
                self._write()

    def _one(self, point: Point) -> bool:
        """One run; whether it came to its end."""
        began = clock.perf_counter()
        try:
            outcome = carry_out(self.alone, self.jobs.job(point), QUIET, Unwatched())
        except Exception as problem:  # whatever it is, it takes no other run with it
            told = isinstance(problem, (Spoken, InputError))
            why = one_line(str(problem) if told else f"{type(problem).__name__}: {problem}")
            self.batch.failures[point.name] = why
            self.first_failure = self.first_failure or f"{point}: {why}"
            return False
        memory, last = outcome.memory, outcome.last
        if memory is None or last is None:
            raise RuntimeError("a run into memory has records")
        seconds = clock.perf_counter() - began
        self.batch.add(Result(point.name, memory.arrays(), last.steps, last.largest_chance, seconds))
        return True

    def _write(self) -> None:
        """Put what is in hand on the disk, and note in each point's folder that it is there."""
        self.written = clock.monotonic()
        if self.batch:
            batches.write(self.place, self.batch)
            for result in self.batch.results:
                folder.mark(self.place, result.name)
            self.batch = Batch()
