"""Large runs: one after another, each on all ranks, into a folder of its own with checkpoints, like any run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import mpi
from copympi.errors import DynamicsError, InputError, MachineError, StoppedEarly, Superseded
from copympi.run.carry import Manner, carry_out
from copympi.run.watchdog import Unwatched, Watchdog
from copympi.sweep import batches, folder
from copympi.sweep.base import Jobs
from copympi.sweep.batches import Batch
from copympi.sweep.points import Point
from copympi.sweep.progress import Progress
from copympi.sweep.small import DONE, FAILED
from copympi.sweep.stopping import Stopping


class Large:
    """Carries large runs out. `first_failure` : why the first run that failed did, and which; empty if none did."""

    def __init__(
        self,
        comm: Any,
        jobs: Jobs,
        place: Path,
        asked: Sequence[Point],
        stopping: Stopping,
        watchdog: Watchdog | Unwatched,
    ) -> None:
        self.comm, self.jobs, self.place, self.asked = comm, jobs, place, asked
        self.stopping, self.watchdog, self.first_failure = stopping, watchdog, ""

    def run(self, state: NDArray[np.int64], shows: Progress) -> bool:
        """Make all that is left; `state` learns of it. Collective. Whether it was stopped early."""
        for k in np.flatnonzero(state == 0).tolist():
            if self.stopping.agreed():
                return True
            point = self.asked[k]
            try:
                self._one(point, shows.lines)
                state[k] = DONE
            except StoppedEarly as stop:
                self.stopping.reason = str(stop)
                return True
            except Superseded:
                raise
            except (DynamicsError, InputError, MachineError) as problem:  # on every rank alike
                state[k] = FAILED
                self.first_failure = self.first_failure or f"{point}: {problem}"
                failed = Batch(failures={point.name: str(problem)})
                mpi.from_root(self.comm, lambda failed=failed: batches.write(self.place, failed))  # type: ignore[misc]
            shows.show(int(np.count_nonzero(state)), int(np.count_nonzero(state == FAILED)))
        return False

    def _one(self, point: Point, lines: bool) -> None:
        job = self.jobs.job(point, self.place / folder.WORKSPACE / point.name)
        manner = Manner(resume=True, budget=self.stopping.left, progress="lines" if lines else "none")
        carry_out(self.comm, job, manner, self.watchdog)
        if self.comm.rank == mpi.ROOT:
            folder.mark(self.place, point.name)
