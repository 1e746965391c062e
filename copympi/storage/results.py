"""DIR/results.h5: written by the root, record by record; the same bytes in every dataset for any number of ranks."""

from __future__ import annotations

import os
import platform
import time as clock
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from copympi import __version__
from copympi.engine.tracking import Jumps
from copympi.errors import InputError, MachineError, Superseded
from copympi.records.plan import Record, stacked
from copympi.records.quantity import ROWS_SO_FAR
from copympi.storage import datasets, digests, image, profiles, scales, systems
from copympi.storage.checkpoint import sync
from copympi.storage.checkpoints import Unseen
from copympi.storage.folder import open_folder as open_folder
from copympi.storage.hdf5 import FAILURES, FORMAT, close, let_go, reason
from copympi.storage.histories import histories_of
from copympi.storage.layout import MARGINALS, NAME, OBSERVED, SCHEMA, axis, is_sparse
from copympi.storage.output import Output as Output
from copympi.storage.reading import first_records

FLUSH_EVERY, FLUSH_AT = 1.0, 1 << 20
"""Seconds between writes of the records that have come in, or bytes of them."""


class ResultsFile:
    """A recorder that writes results.h5. Use on the root alone, as a context manager.

    HDF5's single-writer-multiple-reader mode keeps the file readable while the run is alive and after a kill. A run
    that goes on writes a file of its own, with the records it keeps, and puts it in the place of the old one; so a
    process that still has the old one open cannot harm it.
    """

    def __init__(self, output: Output) -> None:
        self.output, self.plan, self.rows = output, output.plan, output.plan.rows
        self.path = output.folder / NAME
        self.pending: list[tuple[float, Record]] = []
        self.marks: list[float] = []  # times of those that have profiles, where these have times of their own
        self.flushed, self.waiting = 0.0, 0  # the first record is there at once
        self.replicas = self.plan.config.dynamics.replicas
        self.may_append = output.may_append
        self.written, self.profiles = output.keep, 0
        self.new = output.folder / f".new-{output.attempt}-{NAME}"  # a superseded attempt has another
        self.file: Any = None
        self.data: dict[str, Any] = {}
        self.histories = histories_of(output.plan)
        self.failed, self.started = False, clock.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._make(output.keep)

    def _make(self, keep: int, again: bool = False) -> None:
        """A new file with the first `keep` records of the one that is there, and in its place."""
        try:
            with image.drafted(self.new) as file:
                self._write_header(file)
                named = self.plan.config.system.labels is not None
                systems.write(file.create_group("system"), self.plan.system, self.plan.start, named)
                systems.write_schedule(file, self.plan.schedule, self.plan.system)
                self.data = datasets.create(file, self.plan, self.rows)
                if self.histories is not None:
                    self.histories.create(file)
                scales.attach(file, self.plan.system, self.replicas)
                digests.create(file, self.plan.thinned)
                digests.seal(file)
            self.file = h5py.File(self.new, "r+", libver=FORMAT, locking=False)
            self.data = {name: self.file[name] for name in self.data}  # see hdf5.writing
            self.digests = dict(self.file[digests.GROUP])
            if self.plan.split_files:
                scales.attach(self.file, self.plan.system, self.replicas, virtual=True)
            self._take_over(keep, again)
            self.file.swmr_mode = True
            self.file.flush()
            sync(self.new)
            self.may_append()
            os.replace(self.new, self.path)
            sync(self.path.parent)
            if self.plan.split_files and not again:  # only now: the file before may have had to stay
                self.may_append()
                profiles.forget(self.path.parent, self.profiles, self.output.attempt, self.may_append)
        except (MachineError, InputError):
            self._give_up()
            raise
        except FAILURES as problem:
            self._give_up()
            self._blame_a_later_attempt()
            if again:
                raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None
            raise InputError("output folder", self.path.parent, f"cannot be written: {reason(problem)}") from None

    def _renew(self) -> None:
        """Go on in a new file after a failure: what HDF5 or a sync could not write they forget, and do not say so."""
        try:
            if self.file:
                self.file.flush()
        except FAILURES as problem:  # HDF5 1.10 cannot close it either: then not a step further
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None
        self._give_up()
        self._make(self.written, again=True)
        self.failed = False

    def _write_header(self, file: Any) -> None:
        output, own = self.output, {OBSERVED: " ".join(self.plan.observers)} if self.plan.observers else {}
        if self.plan.marginals:
            own[MARGINALS] = " ".join(row.name for row in self.plan.marginals)
        file.attrs.update(
            {
                "schema": SCHEMA,
                "config": output.text,
                "version": __version__, "seed": np.uint64(self.plan.config.dynamics.seed),
                "ranks": output.ranks,
                "complete": False,
                "mpi": output.mpi,
                "libraries": libraries(),
                "started": self.started,
                "hostname": platform.node(),
                **output.said,
                **own,
            }
        )

    def _take_over(self, keep: int, again: bool) -> None:
        """The first records of an earlier attempt, and only their profiles."""
        kept = first_records(self.path, keep, self.plan.number(keep)) if keep else {}
        if kept:
            datasets.refuse_others(kept, self.data, self.plan, self.path)
        for name, rows in kept.items():
            self._put(name, rows, 0)
        self._put_digests(kept, 0, 0)
        self.profiles = len(kept["profile_time"]) if "profile_time" in kept else keep
        if self.histories is not None:
            marked = int(kept[ROWS_SO_FAR][-1]) if kept else 0
            up_to = self.output.rows if kept and self.output.rows is not None else marked
            self.histories.take_over(self.file, self.path, None if again else up_to, marked)
            self.histories.write(self.file, everything=True)  # what checkpoints count on is there before it is in place

    def told(self) -> dict[str, int]:
        """What a checkpoint has to know of copies by members that are followed."""
        return {} if self.histories is None else self.histories.told()

    def follow(self, jumps: Jumps) -> None:
        """Copies of members that are followed since the last record, in order; the record comes after them."""
        if self.histories is not None and self.histories.follow(jumps):
            try:
                self.flush()
            except MachineError as problem:  # the record after them tries again, and says so: it must not be lost
                self.waiting = FLUSH_AT
                if self.histories.overfull or isinstance(problem, Superseded):
                    raise

    def take(self, time: float, record: Record) -> None:
        if record.profiled and self.plan.thinned:
            self.marks.append(time)
        if self.histories is not None:
            self.histories.mark(time)
        kept = {name: values for name, values in record.values.items() if name in self.data}
        self.pending.append((time, replace(record, values=kept)))
        self.waiting += sum(values.nbytes for values in kept.values())
        if self.waiting >= FLUSH_AT or not 0.0 <= clock.monotonic() - self.flushed <= FLUSH_EVERY:
            self.flushed = clock.monotonic()
            with suppress(Unseen):  # whether this run was superseded cannot be told just now: records wait
                self.flush()

    def flush(self, everything: bool = False) -> None:
        """Write the records that have come in. What fails can be tried again: each has its place.

        All else is in the file before the times and the digests of records are (reading.lengths relies on it), but for
        the last copies of who is followed, unless `everything` is to be there.
        """
        if self.failed:
            self._renew()
        histories = self.histories
        if histories is not None:
            self._guarded(lambda: histories.write(self.file, everything))
        if not self.pending:
            return
        values = stacked([record for _, record in self.pending])
        values = {name: rows if self.replicas > 1 else rows[0] for name, rows in values.items()}
        values["time"] = np.array([time for time, _ in self.pending])
        if self.marks:
            values["profile_time"] = np.array(self.marks)
        if histories is not None:
            values |= histories.marked()
        values = {name: np.asarray(rows, self.data[name].dtype) for name, rows in values.items()}
        self._guarded(lambda: self._write(values))
        self.written += len(self.pending)
        self.profiles += len(self.marks)
        self.pending, self.marks = [], []
        if histories is not None:
            histories.marks = []
        self.flushed, self.waiting = clock.monotonic(), 0

    def _write(self, values: dict[str, NDArray[Any]]) -> None:
        for name in sorted(values.keys() - {"time"}, key=lambda name: (not self._is_profile(name), name)):
            self._put(name, values[name], self.profiles if self._is_profile(name) else self.written)
        self.file.flush()
        self._put_digests(values, self.written, self.profiles)
        self._put("time", values["time"], self.written)
        self.file.flush()

    def _guarded(self, write: Callable[[], None]) -> None:
        """Write to the file, which this attempt still may; what fails is a MachineError, and goes into a new file."""
        self.may_append()
        try:
            write()
        except FAILURES as problem:
            self.failed = True
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None

    def _is_profile(self, name: str) -> bool:
        """Whether a dataset has the times of profiles."""
        return self.plan.thinned and is_sparse(name)

    def settle(self) -> None:
        """Have every record so far on the disk, whatever happens to the machine."""
        self.flush(everything=True)
        try:
            sync(self.path)
        except OSError as problem:
            self.failed = True
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None

    def _put_digests(self, values: dict[str, NDArray[Any]], record: int, profile: int) -> None:
        """Digests of records, and of profiles where these have times of their own; first ones `record`, `profile`."""
        lead = self.replicas > 1
        sparse = {name: rows for name, rows in values.items() if self._is_profile(name)}
        dense = {name: rows for name, rows in values.items() if name not in sparse}
        for kind, some, first in ((digests.RECORDS, dense, record), (digests.PROFILE_ROWS, sparse, profile)):
            if some:
                made, data = digests.of_rows(some, lead), self.digests[kind]
                data.resize(first + len(made), axis=0)
                data[first:] = made

    def _put(self, name: str, rows: NDArray[Any], first: int) -> None:
        data, of_times = self.data[name], axis(name, self.replicas > 1)
        data.resize(first + rows.shape[of_times], axis=of_times)
        data[(slice(None),) * of_times + (slice(first, None),)] = rows

    def finish(self, seconds: float, last: Record) -> None:
        """Mark the run complete, in a copy that then takes the file's place: a kill leaves one of the two."""
        self.flush(everything=True)
        self.may_append()
        try:
            close(self.file)
            with image.drafted(self.new, self.path) as file:
                file.attrs["seconds"] = seconds
                file.attrs["steps"] = last.steps
                file.attrs["largest_chance"] = last.largest_chance
                file.attrs["ended"] = clock.strftime("%Y-%m-%dT%H:%M:%S%z")
                file.attrs["complete"] = True
                digests.seal_end(file)
            sync(self.new)
            self.may_append()
            os.replace(self.new, self.path)
            sync(self.path.parent)
        except MachineError:
            self._give_up()
            raise
        except FAILURES as problem:
            self._give_up()
            self._blame_a_later_attempt()
            raise MachineError(f"{self.path} cannot be written: {reason(problem)}") from None

    def _blame_a_later_attempt(self) -> None:
        """Superseded where a later attempt has started: its clean-up took the file that this one was making."""
        with suppress(Unseen):
            self.may_append()

    def _give_up(self) -> None:
        """Close, write nothing more, and leave nothing half-made behind."""
        let_go(self.file or None, self.new, self.path)
        with suppress(OSError):
            self.new.unlink(missing_ok=True)

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self.file:
            return
        try:
            self.settle()
            close(self.file)
        except MachineError:
            self._give_up()
            if kind is None:  # else what is under way says more
                raise


def libraries() -> str:
    """Versions of what takes part in a run's numbers and files."""
    return f"python {platform.python_version()}, numpy {np.__version__}, h5py {h5py.__version__}"
