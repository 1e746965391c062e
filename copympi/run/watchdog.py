"""Whoever waits for a rank that hangs would wait for ever: a thread that ends this process, and so the job."""

from __future__ import annotations

import faulthandler
import os
import threading
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager

from copympi import last_words
from copympi.config.reading import seconds
from copympi.errors import InputError
from copympi.kernels.watch import Watch

LAST_WORDS_WITHIN = 5.0
"""Seconds that the last line may take: standard error may itself be what hangs."""
LONGER = 10.0
"""Seconds that the watch in C waits longer: this one's words are heard where Python's threads have a turn."""
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

    It runs in a thread, as the others wait inside MPI, where no signal handler of Python's gets a turn. Within HDF5,
    which opens files collectively, no thread of Python's does: there a thread of C ends the process. Both add up their
    own looks, so that time in which this process was suspended (SIGSTOP, SLURM's suspend) does not count.
    """

    def __init__(self, patience: float, rank: int) -> None:
        self.patience, self.rank = patience, rank
        self.beats = 0
        self.done = threading.Event()
        self.in_c: Watch | None = None
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def beat(self) -> None:
        """Something has gone on."""
        self.beats += 1
        if self.in_c is not None:
            self.in_c.beat()

    def _watch(self) -> None:
        pause, idle, seen, before = min(1.0, self.patience / 4), 0.0, -1, clock.monotonic()
        while not self.done.wait(pause):
            now = clock.monotonic()
            idle += min(max(now - before, 0.0), 2 * pause)
            before = now
            if self.beats != seen:
                seen, idle = self.beats, 0.0
            if idle > self.patience:
                self._end(idle)

    def _end(self, idle: float) -> None:
        line = f"copympi: rank {self.rank}: nothing has gone on for {idle:.0f} s; the job ends"
        words = threading.Thread(target=last_words.say, args=(line,), daemon=True)
        words.start()
        words.join(LAST_WORDS_WITHIN)
        os._exit(1)

    def __enter__(self) -> Watchdog:
        self.thread.start()
        self.in_c = Watch(self.patience + LONGER, self.rank)
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        if self.in_c is not None:
            self.in_c.stop()


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
