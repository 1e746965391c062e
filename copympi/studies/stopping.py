"""When a study stops early: a signal, or its time is used up. What is done stands on the disk, so little is lost.

A process alone stops at once. Many ranks stop together before the next case, as none may leave the others in a run.
"""

from __future__ import annotations

import signal
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from copympi import mpi
from copympi.errors import StoppedEarly
from copympi.run.stopping import Catching, job_deadline

TIME = 1000
"""Stands for the end of the time among the numbers of signals."""


class _AtOnceError(BaseException):
    """Breaks off a case. Not an Exception: a run tells its ranks of those."""


class Stopping(Catching):
    """A context in which a signal asks to stop. `budget`: seconds; None for the end of the batch job, if any."""

    def __init__(self, comm: Any, budget: float | None) -> None:
        super().__init__()
        self.comm = comm
        self.may_break = False
        ends = mpi.from_root(comm, lambda: job_deadline() if budget is None else clock.monotonic() + budget)
        self.deadline: float | None = ends if comm.rank == mpi.ROOT else None
        self.longest, self.since = 0.0, clock.monotonic()

    def catch(self, number: int, frame: Any) -> None:
        super().catch(number, frame)
        if self.may_break:
            raise _AtOnceError

    def before_case(self) -> None:
        """Collective. StoppedEarly on every rank where one of them is to stop, or a case may not end in time.

        A case is taken to last as long as the longest until now.
        """
        now = clock.monotonic()
        self.longest, self.since = max(self.longest, now - self.since), now
        why = np.array([self.caught], np.int64)
        if not self.caught and self.deadline is not None and now + self.longest > self.deadline:
            why[0] = TIME
        mpi.largest(self.comm, why)
        if why[0]:
            raise StoppedEarly(_told(int(why[0])))

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """In here a process alone stops at once, with StoppedEarly."""
        self.may_break = self.comm.size == 1
        try:
            yield
        except _AtOnceError:
            raise StoppedEarly(_told(self.caught)) from None
        finally:
            self.may_break = False


def _told(why: int) -> str:
    return "the time is used up" if why == TIME else f"stopped by {signal.Signals(why).name}"
