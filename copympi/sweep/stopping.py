"""When a sweep stops early: a signal, DIR/STOP, or its time is used up. Ranks agree where they meet, between runs."""

from __future__ import annotations

import os
import signal
import time as clock
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.run.stopping import STOP_FILE, STOPPED, Catching, job_deadline

TIME, FILE = 1000, 1001
"""Stand among the numbers of signals for the end of the time, and for a user's file."""


class Stopping(Catching):
    """A context in which signals ask to stop. `budget`: seconds; None for the end of the SLURM job, if any.

    reason : why it stopped, in words.
    """

    def __init__(self, comm: Any, folder: Path, budget: float | None) -> None:
        super().__init__()
        self.comm, self.folder = comm, folder
        self.longest, self.reason = 0.0, ""
        self.deadline: float | None = None
        if comm.rank == mpi.ROOT:
            self.deadline = job_deadline() if budget is None else clock.monotonic() + budget
        left = -1 if self.deadline is None else max(0, int(min(2.0**62, 1e3 * (self.deadline - clock.monotonic()))))
        told = np.array([left], np.int64)
        mpi.largest(comm, told)
        if told[0] >= 0:
            self.deadline = clock.monotonic() + 1e-3 * int(told[0])

    @property
    def left(self) -> float | None:
        """Seconds until the time is used up; None where it has no end."""
        return None if self.deadline is None else max(1e-3, self.deadline - clock.monotonic())

    def ran(self, seconds: float) -> None:
        """A run took so long: as long as the longest one is what the next is taken to last."""
        self.longest = max(self.longest, seconds)

    @property
    def wanted(self) -> bool:
        """Whether this rank is to begin no other run."""
        return bool(self.caught or self._late())

    def _late(self) -> bool:
        return self.deadline is not None and clock.monotonic() + self.longest > self.deadline

    def agreed(self) -> bool:
        """Collective. Whether all ranks are to stop here."""
        why = TIME if self._late() else 0
        if self.comm.rank == mpi.ROOT and os.path.lexists(self.folder / STOP_FILE):
            why = FILE
        told = np.array([self.caught or why], np.int64)
        mpi.largest(self.comm, told)
        why = int(told[0])
        if why == FILE and self.comm.rank == mpi.ROOT:  # under its own name it would stop the next start at once
            with suppress(OSError):
                os.replace(self.folder / STOP_FILE, self.folder / STOPPED)
        if why:
            told_of = {TIME: "the time is used up", FILE: f"found {self.folder / STOP_FILE}"}
            self.reason = told_of[why] if why in told_of else f"stopped by {signal.Signals(why).name}"
        return bool(why)
