"""What lets a run survive: its checkpoints on disk, the newest that can be trusted, and the right to write at all."""

from __future__ import annotations

import re
import sys
import time as clock
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from copympi import mpi
from copympi.config.sections import CheckpointSection
from copympi.engine.build import unlike
from copympi.engine.clock import Stop
from copympi.engine.ensemble import Ensemble, State
from copympi.engine.tracking import Jumps
from copympi.errors import FilesWarning, InputError, MachineError, OtherMachineWarning, StoppedEarly, Superseded, warn
from copympi.records.plan import Plan, Record
from copympi.run.settings import compare
from copympi.run.stopping import SAVE, STOP, Stopping
from copympi.storage import checkpoint, checkpoints, columns, layout, profiles, reading, restart
from copympi.text import one_line


class Checkpoints:
    """Writes, finds and fences the checkpoints of one run. Made on every rank; files are the root's business.

    meta : what is said of the run in every checkpoint (JSON); `meta["settings"]` must not change between attempts.
    writer : "mpio" or "root".
    """

    def __init__(
        self,
        comm: Any,
        folder: Path,
        control: Stopping,
        meta: dict[str, Any],
        section: CheckpointSection,
        writer: str,
        quiet: bool,
    ) -> None:
        self.comm, self.folder, self.control, self.meta = comm, folder, control, meta
        self.keep, self.final = section.keep, section.final
        self.root, self.quiet = comm.rank == mpi.ROOT, quiet
        self.writer = writer
        self.attempt = mpi.from_root(comm, lambda: checkpoints.take_attempt(folder))
        self.found: tuple[State, dict[str, Any]] | None = None
        self.recorders: list[Any] = []
        self.trouble: MachineError | None = None
        self.began = clock.monotonic()
        self.spent_before = 0.0
        self.rows: int | None = None

    def resume(self, ensemble: Ensemble) -> int:
        """Find the newest checkpoint that verifies and keep its state, which `ensemble` goes on from, for the loop.

        Returns how many records came before it, 0 where there is no checkpoint; `rows` says how many copies by members
        that are followed, None where only those up to its record are known.
        InputError where the config has changed in more than may; MachineError where all checkpoints are damaged.
        """
        paths, held = mpi.from_root(
            self.comm, lambda: (checkpoints.numbered(self.folder), reading.records_held(self.folder))
        )
        damaged = 0
        for path in reversed(paths):
            problem, meta = "", {}
            try:
                self.found = restart.read(path, self.comm.size, self.comm.rank, ensemble.owns)
                meta = self.found[1]
            except restart.DamagedError as damage:
                problem = str(damage)
            said = mpi.first_text(self.comm, problem)
            if not said:
                compare(meta["settings"], self.meta["settings"], path)
                if meta["record"] > held:
                    self.found = None
                    self.say(f"{path} is ahead of the {held} records in {layout.NAME}; trying the one before")
                    continue
                if not mpi.from_root(self.comm, partial(columns.rows_held, self.folder, meta)):
                    self.found = None
                    self.say(f"{path} is ahead of the histories in {layout.NAME}; trying the one before")
                    continue
                self.rows = meta.get("rows")
                self._warn_of_other_machine(meta)
                self.spent_before = float(meta["seconds"])
                self.control.saved_time = float(meta["time"])
                self.say(f"resuming from {path.name}: t = {meta['time']:g}")
                return int(meta["record"])
            self.found = None
            damaged += 1
            self.say(f"{path} is damaged ({said}); trying the one before")
        if paths:
            why = "are damaged" if damaged == len(paths) else f"are damaged or ahead of its {layout.NAME}"
            raise MachineError(f"all checkpoints of {self.folder} {why}; to start afresh, remove them")
        return 0

    def _warn_of_other_machine(self, meta: dict[str, Any]) -> None:
        for key in ("version", "libraries", "cpu"):
            if self.root and meta[key] != self.meta[key]:
                message = (
                    f"the checkpoint was written with {key} {meta[key]}, this is {self.meta[key]}: last bits may differ"
                )
                warn(message, OtherMachineWarning)
        differs = unlike(meta.get("build", self.meta["build"]), self.meta["build"])  # older versions did not say
        if self.root and differs:
            message = f"the checkpoint was written by kernels of another build, {differs}: bits should stay"
            warn(message, OtherMachineWarning)

    def serve(self, ensemble: Ensemble) -> None:
        """Do what the ranks asked for with the last Allreduce. StoppedEarly where it was to stop. Collective."""
        if not (ensemble.requested[STOP] or ensemble.requested[SAVE]):
            return
        time, *_ = ensemble.progress
        began = clock.monotonic()
        failure: MachineError | None = None
        try:
            self.save(ensemble, ensemble.stop.record, time)
        except Superseded:
            raise
        except MachineError as problem:
            mpi.from_root(self.comm, self.check_fence_if_seen)
            failure = problem
        self.control.saved(time, clock.monotonic() - began)
        if ensemble.requested[STOP]:
            trouble, reason = mpi.from_root(self.comm, self._why_stop)
            if failure is not None:
                raise MachineError(f"stopped ({trouble or reason}), but no checkpoint could be written: {failure}")
            if trouble is not None:
                raise MachineError(f"{trouble}; a checkpoint is written, go on with --resume")
            raise StoppedEarly(f"stopped at t = {time:g}: {reason}; a checkpoint is written, go on with --resume")
        if failure is not None and self.root:
            message = f"no checkpoint at t = {time:g}: {failure}; the one before stays, the run goes on"
            warn(message, FilesWarning)

    def _why_stop(self) -> tuple[MachineError | None, str]:
        """What made the run stop: trouble, or a reason. Root alone."""
        self.control.note_stop()
        return self.trouble, self.control.reason or "a signal"

    def save(self, ensemble: Ensemble, record: int, time: float, silent: bool = False, pending: bool = False) -> None:
        """Write the next checkpoint and delete those no longer kept. Collective.

        record : the next one to be taken. pending : what the schedule has for the stop before is still to come.

        Records come first, even where that failed before: a checkpoint ahead of them would be of no use.
        """
        began = clock.monotonic()

        def prepare() -> tuple[Path, dict[str, int]]:
            self.check_fence()
            told: dict[str, int] = {}
            for recorder in self.recorders:
                recorder.settle()
                told |= recorder.told()
            return checkpoints.next_place(self.folder), told

        path, told = mpi.from_root(self.comm, prepare)
        meta = {
            **self.meta, **told, "record": record, "stop": ensemble.stop.number, "pending": pending, "time": time,
            "attempt": self.attempt, "ranks": self.comm.size,
            "writer": self.writer, "saved": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "seconds": self.spent_before + clock.monotonic() - self.began,
        }  # fmt: skip
        checkpoint.write(self.comm, path, ensemble.state(), meta, self.writer, self.check_fence)
        if self.root:
            with suppress(OSError, MachineError):  # they can go next time
                for old in checkpoints.numbered(self.folder)[: -self.keep]:
                    old.unlink(missing_ok=True)
        if not silent:
            self.say(f"{path.name} written at t = {time:g} in {clock.monotonic() - began:.2f} s ({self.writer})")

    def last(self, ensemble: Ensemble, beyond: Stop) -> None:
        """Leave the state at the end of a finished run, on the way to the stop `beyond` it. Collective.

        A longer duration goes on from there. Where that fails the results are there all the same: a warning.
        """
        if not self.final or mpi.from_root(self.comm, self.control.no_time_left):
            return
        self.recorders = []
        ensemble.begin(beyond)
        try:
            self.save(ensemble, beyond.record, beyond.at(beyond.length), silent=True, pending=True)
        except Superseded:  # by a start that found a finished run
            return
        except MachineError as problem:
            if self.root:
                message = f"no checkpoint at the end, for a longer duration to go on from: {problem}"
                warn(f"{message}; the results are complete", FilesWarning)

    def profile(self, plan: Plan, ensemble: Ensemble, taken: Record | None, record: int) -> None:
        """Write what there is of each beable to a file of its own. Collective.

        Where that fails the run stops, after a checkpoint from which this record is the next to be written.
        """
        whole, time = taken.profile if taken is not None else None, record * plan.interval
        path = layout.place(self.folder, plan.number(record))
        part, shape = plan.slab(ensemble, record), plan.shape if plan.in_tiles(ensemble) else None
        try:
            profiles.write(self.comm, path, whole, part, time, self.writer, self.attempt, self.check_fence, shape)
        except Superseded:
            raise
        except MachineError as problem:
            mpi.from_root(self.comm, self.check_fence_if_seen)
            what = f"{path} cannot be written: {problem}"
            if record == 0:
                raise MachineError(what) from None
            try:
                self.save(ensemble, record, time)
            except MachineError as failure:
                raise MachineError(f"{what}; nor could a checkpoint: {failure}") from None
            raise MachineError(f"{what}; a checkpoint is written, go on with --resume") from None

    def tell(self, recorder: Any, time: float, snapshot: Any) -> None:
        """Give a recorder its record; where it cannot write, the run will stop after a last checkpoint. Root alone."""
        if self.trouble is None:
            self._give(lambda: recorder.take(time, snapshot))

    def tell_copies(self, recorder: Any, jumps: Jumps) -> None:
        """The same of copies by members that are followed; the ensemble has them no more, so a recorder keeps them."""
        self._give(lambda: recorder.follow(jumps))

    def _give(self, write: Callable[[], None]) -> None:
        try:
            write()
        except MachineError as problem:
            self.trouble = self.trouble or problem
            self.control.broken = True

    def close(self) -> None:
        """Raise on every rank what kept the root from writing results, if anything did."""

        def report() -> None:
            if self.trouble is not None:
                raise self.trouble

        mpi.from_root(self.comm, report)

    def check_fence(self) -> None:
        """Superseded where a later attempt has started on the same folder, Unseen where that is hidden. Root alone."""
        checkpoints.check_fence(self.folder, self.attempt)

    def check_fence_if_seen(self) -> None:
        """Superseded where a later attempt is known to have started. Root alone."""
        with suppress(checkpoints.Unseen):
            self.check_fence()

    def clear(self) -> None:
        """Forget the checkpoints of an earlier run that is being replaced, not those of a later start. Root alone."""
        for path in checkpoints.numbered(self.folder):
            try:
                checkpoints.remove(path, self.attempt, self.check_fence)
            except OSError as problem:
                raise MachineError(f"{path} cannot be removed: {problem.strerror}") from None

    def say(self, message: str) -> None:
        if self.root and not self.quiet:
            print(f"copympi: {one_line(message)}", file=sys.stderr, flush=True)


def choose_writer(comm: Any, wanted: str) -> str:
    """ "mpio" where h5py has it, MPI is there, and h5py's MPI library is the ranks' own; else "root"."""
    import h5py

    able = bool(h5py.get_config().mpi) and mpi.library() is not None
    if able and two_libraries():
        able = False
    if wanted == "mpio" and not able:
        raise InputError("--writer", wanted, "this h5py has no parallel HDF5 for this MPI library; allowed: root, auto")
    return ("mpio" if able and comm.size > 1 else "root") if wanted == "auto" else wanted


def newest_settings(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint that can be read, and the settings in it; None where there is none. Root alone."""
    for path in reversed(checkpoints.numbered(folder)):
        with suppress(restart.DamagedError):
            return path, dict(restart.read_meta(path)["settings"])
    return None


def refuse_changes(folder: Path, settings: dict[str, Any]) -> None:
    """InputError where the newest checkpoint that can be read is of a run with other settings. Root alone.

    Asked before the run is superseded: a start that is refused must not end one that is at work.
    """
    newest = newest_settings(folder)
    if newest is not None:
        compare(newest[1], settings, newest[0])


def two_libraries() -> bool:
    """Whether h5py brought another MPI library into this process than the one that runs it."""
    try:
        text = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return len(set(re.findall(r"libmpi\.so\.\d+", text))) > 1
