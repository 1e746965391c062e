"""When to write a checkpoint, and when to stop: what each rank asks for, which all ranks hear with the next Allreduce.

No rank acts alone. A rank that got a signal asks for a stop; the root also looks at the clock and for a file DIR/STOP.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time as clock
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from copympi.engine.ensemble import Ensemble
from copympi.errors import FilesWarning, InputError, warn
from copympi.run.watchdog import Unwatched, Watchdog

STOP, SAVE = 0, 1
"""Places of the two requests."""
Self = TypeVar("Self", bound="Catching")
LOOK_EVERY = 0.5
"""Seconds between the root's looks for a STOP file."""
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU)
"""Each asks for a stop; SIGHUP only where it is not ignored, as under nohup."""
JOB_END = "COPYMPI_JOB_END"
"""Variable with the end of the batch job, in seconds since 1970: for PBS, LSF, Flux and others (jobs/README.md)."""
STOP_FILE, STOPPED = "STOP", "stopped"
"""What a user puts into DIR to stop a run, and what it becomes: job scripts see there that nobody wants to go on."""


class Catching:
    """A context in which signals ask to stop: `caught` is the number of the last one. A second SIGINT ends the process.

    For many runs, one after another (studies, sweeps): where a signal is ignored it stays so, as SIGHUP under nohup.
    """

    def __init__(self) -> None:
        self.caught = 0
        self.old: dict[int, Any] = {}

    def __enter__(self: Self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                old = signal.getsignal(number)
                if old is not signal.SIG_IGN:  # as SIGHUP under nohup, SIGINT in a shell's background
                    self.old[number] = old
                    signal.signal(number, self.catch)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler)

    def catch(self, number: int, _: Any) -> None:
        """The handler."""
        if number == signal.SIGINT:  # a second one ends the process
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.caught = number


class Stopping:
    """What one rank asks for. `interval`: seconds of wall time, or (simulated time,) between checkpoints.

    `deadline` (root): monotonic time by which the run must have left, or None. `watchdog` learns that things go on.
    `command` : the process ends with the run. Then a second SIGINT ends it at once, and signals that come late are
    ignored; else all handlers are again those of the user's program, from the second SIGINT on, or the end of the run.
    """

    def __init__(
        self,
        root: bool,
        folder: Path,
        interval: float | tuple[float],
        deadline: float | None,
        watchdog: Watchdog | Unwatched,
        command: bool = True,
    ) -> None:
        self.root, self.stop_file, self.stopped = root, folder / STOP_FILE, folder / STOPPED
        self.interval, self.deadline, self.watchdog, self.command = interval, deadline, watchdog, command
        self.caught: int | None = None
        self.reason = ""
        self.last_cost = 0.0
        self.saved_at, self.saved_time, self.looked = clock.monotonic(), 0.0, 0.0
        self.broken = False
        caught = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) is not signal.SIG_IGN]
        if threading.current_thread() is not threading.main_thread():  # only the main one may set handlers
            caught = []
        self.old: dict[int, Any] = {number: signal.signal(number, self._catch) for number in caught}
        if root:  # whoever starts wants to go on
            with suppress(OSError):
                self.stopped.unlink(missing_ok=True)

    def _catch(self, number: int, _: Any) -> None:
        if number == signal.SIGINT:  # a second one stops at once
            signal.signal(signal.SIGINT, signal.SIG_DFL if self.command else self.old[number] or signal.SIG_DFL)
        self.caught = number

    def release(self) -> None:
        """Give signals back; but who is leaving anyway is not to be killed by one that comes late, or twice."""
        for number, handler in self.old.items():
            ignored = self.command and number != signal.SIGINT
            signal.signal(number, signal.SIG_IGN if ignored else handler or signal.SIG_DFL)

    def look(self, ensemble: Ensemble) -> None:
        """Set this rank's requests. Costs a fraction of a microsecond."""
        self.watchdog.beat()
        requests = ensemble.requests
        requests[STOP] = self.caught is not None
        if self.root:
            now = clock.monotonic()
            requests[STOP] = self._asks_stop(now) or requests[STOP]
            requests[SAVE] = self._asks_save(now, ensemble)

    def _asks_stop(self, now: float) -> bool:
        if self.caught is not None:
            self.reason = signal.Signals(self.caught).name
        elif self.no_time_left():
            self.reason = "the time budget is used up"
        elif self.broken:
            self.reason = "results cannot be written"
        elif not 0.0 <= now - self.looked <= LOOK_EVERY:  # a clock may go back where a process moves to another machine
            self.looked = now
            if os.path.lexists(self.stop_file):
                self.reason = f"found {self.stop_file}"
        return bool(self.reason)

    def note_stop(self) -> None:
        """A stop that the user's file asked for leaves its trace: the file, under another name. Root alone.

        Under its own name the next attempt would stop at once.
        """
        if self.reason != f"found {self.stop_file}":
            return
        try:
            os.replace(self.stop_file, self.stopped)
        except FileNotFoundError:
            self.stopped.touch()  # somebody took the file back: too late
        except OSError as problem:
            message = f"remove {self.stop_file}, which copympi cannot: {problem.strerror}"
            warn(message, FilesWarning)

    def _asks_save(self, now: float, ensemble: Ensemble) -> bool:
        if isinstance(self.interval, tuple):
            step = self.interval[0]
            return ensemble.progress[0] // step > self.saved_time // step
        return not 0.0 <= now - self.saved_at <= self.interval

    def no_time_left(self) -> bool:
        """Whether another checkpoint may take longer than this process has. Root alone."""
        return self.deadline is not None and clock.monotonic() > self.deadline - 2 * self.last_cost

    def saved(self, time: float, seconds: float) -> None:
        """A checkpoint was tried at simulated `time` and took `seconds`."""
        self.saved_at, self.saved_time, self.last_cost = clock.monotonic(), time, seconds


def job_deadline() -> float | None:
    """Monotonic time at which the batch job this process belongs to ends, less what leaving takes; None outside one.

    COPYMPI_JOB_END says when, in seconds since 1970, for schedulers that do not; SLURM does. InputError where it is no
    such number.
    """
    end = os.environ.get(JOB_END, "").strip()
    if end:
        if not end.replace(".", "", 1).isdigit() or len(end) > 15:
            raise InputError(JOB_END, end, "must be the job's end in seconds since 1970, as `date +%s` writes them")
    elif "SLURM_JOB_ID" in os.environ:
        end = os.environ.get("SLURM_JOB_END_TIME") or _ask_slurm(os.environ["SLURM_JOB_ID"]) or ""
        if not end.isdigit():
            return None
    else:
        return None
    left = float(end) - clock.time()
    return clock.monotonic() + left - max(5.0, 0.02 * left)


def _ask_slurm(job: str) -> str | None:
    command = ["squeue", "--noheader", "--jobs", job, "--Format", "EndTime"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
        return str(int(clock.mktime(clock.strptime(told, "%Y-%m-%dT%H:%M:%S"))))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
