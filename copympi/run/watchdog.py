"""Whoever waits for a rank that hangs would wait for ever: a watch that ends this process, and so the job."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager

from copympi.config.reading import seconds
from copympi.errors import InputError
from copympi.kernels.watch import Watch

LONGEST = 1e9
"""Seconds of patience."""


def patience_of(text: str) -> float:
    """The option --patience in seconds. InputError where it is no time, or one that no clock counts to."""
    patience = seconds(text, "--patience")
    if patience > LONGEST:
        raise InputError("--patience", text, f"must be at most {LONGEST:.0f} s")
    return patience


class Watchdog:
    """Ends this process, and so the job, where nothing has gone on for `patience` seconds: some rank hangs.

    A thread of C watches (cython_src/watch.h), as the others wait inside MPI, where no signal handler of Python's gets
    a turn, or inside HDF5, which opens files collectively and keeps Python's lock. It adds up its own looks, so that
    time in which this process was suspended (SIGSTOP, SLURM's suspend) does not count.
    """

    def __init__(self, patience: float, rank: int) -> None:
        self.patience, self.rank = patience, rank
        self.watch: Watch | None = None

    def beat(self) -> None:
        """Something has gone on."""
        if self.watch is not None:
            self.watch.beat()

    def __enter__(self) -> Watchdog:
        self.watch = Watch(self.patience, self.rank)
        return self

    def __exit__(self, *_: object) -> None:
        if self.watch is not None:
            self.watch.stop()


class Unwatched:
    """Where nobody watches: a run from Python, whose process is the user's."""

    def beat(self) -> None: ...


@contextmanager
def within(patience: float) -> Iterator[None]:
    """End this process, and say where it hangs, if what stands inside takes longer than `patience` seconds.

    For MPI_Init, which waits for all ranks and does not let Python's threads have a turn: C keeps this watch.
    """
    faulthandler.dump_traceback_later(patience, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
