"""copympi.sweep: many runs from Python, and what came out of them, one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from copympi import mpi
from copympi.config.reading import seconds
from copympi.errors import CopyWarning, InputError, warn
from copympi.records.memory import Run
from copympi.run.loading import from_results
from copympi.storage import layout
from copympi.sweep import folder
from copympi.sweep.base import Base, Jobs, from_python
from copympi.sweep.batches import Reader
from copympi.sweep.conduct import Manner, conduct
from copympi.sweep.points import Point, checked
from copympi.sweep.sharing import RANKS


def sweep(
    config: Any,
    *,
    over: dict[str, Any],
    output: str | os.PathLike[str],
    ranks: str = "auto",
    time_budget: str | float | None = None,
    comm: Any = None,
    progress: bool = False,
) -> Sweep:
    """Runs at all combinations of the values in `over`, shared out over ranks, into a folder; what came out of them.

    config : the path of a config file; or sections of keys like those of one, {"system": {...}, "preparation": ...};
        or a dictionary of keywords of copympi.simulate, {"system": H, "members": 1000, "duration": 10.0, ...}.
    over : "section.key" -> the values it takes, {"preparation.members": [100, 1000], "dynamics.seed": range(20)}.
        Errors are estimated from runs that differ in dynamics.seed alone.
    output : a folder. A second call goes on with what is missing there, also with more values; what is finished is
        not made again.
    ranks : who carries a run, "one" rank, "all" together, or "auto": small runs one, large runs all (docs/sweeps.md).
    time_budget : "55min", or seconds, after which no other run begins; left out, the end of the SLURM job, if any.
    comm : an mpi4py communicator; MPI.COMM_WORLD by default. Every rank of it must call.
    progress : whether to say on standard error how far it is.

    Raises InputError for the first point that is refused, before anything runs; MachineError where files fail, and
    StoppedEarly where it stopped before the end: its time was up, there was a file STOP in the folder, or a signal
    came. Each on every rank alike. A run that fails takes no other with it: it is warned of, and stands in `failed`.
    """
    comm = mpi.world() if comm is None else comm
    problem: InputError | None = None
    try:
        if ranks not in RANKS:
            raise InputError("ranks", ranks, 'must be "auto", "one" or "all"')
        base, points_of, place = from_python(config), checked(over), _folder(output)
        manner = Manner(None, _budget(time_budget), ranks, "auto" if progress else "none")
    except InputError as bad:
        problem = bad
    said = mpi.first_text(comm, str(problem) if problem is not None else "")
    if problem is not None:
        raise problem
    if said:
        raise InputError("arguments", "unlike", f"another rank refuses its own: {said}")
    outcome = conduct(comm, base, points_of, place, manner)
    if outcome.failed and comm.rank == mpi.ROOT:
        warn(f"{outcome.failed:,} of {outcome.total:,} runs failed; the first with {outcome.said}", CopyWarning)
    return Sweep(place, base)


def _folder(output: Any) -> Path:
    try:
        return Path(output)
    except TypeError:
        raise InputError("output", output, "must be the path of a folder") from None


def _budget(given: Any) -> float | None:
    given = given.item() if isinstance(given, np.generic) else given
    number = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < float("inf")
    return float(given) if number else None if given is None else seconds(given, "time_budget")


class Sweep:
    """What stands in a sweep's folder: iterate over it for (values, Run), in order, or ask for its `table`.

    Results are read when they are asked for, a few megabytes at a time. values : "section.key" -> value. failed :
    those of runs that failed, with why. missing : those of runs that are not done, or failed.
    """

    def __init__(self, path: Path, base: Base | None = None) -> None:
        spec = folder.read(path)
        if spec is None:
            raise InputError("DIR", path, f"holds no sweep ({folder.SPEC})")
        self.path, self.spec = path, spec
        self.base = spec.base if base is None else base
        self.points = spec.points

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.base)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.path)

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[tuple[dict[str, Any], Run]]:
        for point in self.points:
            run = self.run(point)
            if run is not None:
                yield point.values, run

    def run(self, point: Point) -> Run | None:
        """The Run of a point; None where it is not done."""
        found = self.reader.get(point.name)
        if found is not None:
            job = self.jobs.job(point)
            config = {name: dict(keys) for name, keys in self.jobs.values(point).items()}
            return Run.of(found.arrays, found.steps, found.largest_chance, found.seconds, config=config,
                          system=job.system)  # fmt: skip
        own = self.path / folder.WORKSPACE / point.name
        if not (own / layout.NAME).exists():
            return None
        run = from_results(own)
        return run if run.complete else None

    @property
    def failed(self) -> list[tuple[dict[str, Any], str]]:
        return [(point.values, self.reader.failures[point.name]) for point in self.points
                if point.name in self.reader.failures]  # fmt: skip

    @property
    def missing(self) -> list[dict[str, Any]]:
        return [point.values for point in self.points if not self._there(point)]

    def _there(self, point: Point) -> bool:
        return point.name in self.reader.place or (self.path / folder.WORKSPACE / point.name / folder.DONE).exists()

    def __repr__(self) -> str:
        keys = ", ".join(f"{key} ({len(values)})" for key, values in self.spec.over.items())
        return f"Sweep({str(self.path)!r}: {len(self):,} runs over {keys})"
