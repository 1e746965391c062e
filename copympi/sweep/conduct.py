"""How a sweep is carried out: all is checked, small runs are shared out among ranks, large ones follow one by one."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi import __version__, mpi
from copympi.engine.arithmetic import arithmetic, cpus_alike
from copympi.errors import InputError, OtherMachineWarning, StoppedEarly, warn
from copympi.run.settings import MADE
from copympi.run.watchdog import Unwatched, Watchdog
from copympi.storage import layout
from copympi.storage.folder import is_complete
from copympi.storage.results import libraries
from copympi.sweep import batches, folder, sharing
from copympi.sweep.base import Base, Jobs
from copympi.sweep.held import Held
from copympi.sweep.large import Large
from copympi.sweep.points import Over, Point, Points
from copympi.sweep.progress import Progress
from copympi.sweep.small import DONE, FAILED, Small
from copympi.sweep.stopping import Stopping
from copympi.sweep.warned import Warned


@dataclass(frozen=True)
class Manner:
    """How a sweep is carried out; nothing here changes its numbers.

    names : of the points to run; None for all. budget : seconds; None for the end of the SLURM job, if there is one.
    ranks : "auto", "one" or "all", how many carry a run. progress : "auto", "bar", "lines" or "none". headline : a
    line on standard output before it begins.
    """

    names: list[str] | None = None
    budget: float | None = None
    ranks: str = sharing.AUTO
    progress: str = "none"
    headline: str = ""
    watchdog: Watchdog | Unwatched = field(default_factory=Unwatched)


@dataclass(frozen=True)
class Outcome:
    """What came of a sweep: runs asked for, made now, failed; why the first one failed."""

    total: int
    made: int
    failed: int
    said: str


def conduct(comm: Any, base: Base, over: Over, place: Path, manner: Manner) -> Outcome:
    """Run the points of a sweep that are not done yet. Collective; `base`, `over` and `manner` alike on all ranks.

    Raises InputError for the first point that is refused, before anything runs or is written, MachineError where
    files fail, and StoppedEarly after a signal, DIR/STOP, or where the time is used up. A run that fails takes no
    other with it; the Outcome says so.
    """
    over = mpi.from_root(comm, lambda: folder.as_before(place, over))
    asked = _chosen(Points(over), manner.names)
    with mpi.together(comm):
        jobs = Jobs(base, mpi.part_on_node(comm))
        costs, large = _looked_at(comm, jobs, asked, manner)
        made = _made(jobs, asked[0])
        mpi.from_root(comm, lambda: _opened(place, base, over, made, manner))
        arithmetic()  # what it costs, once in a process, is no part of the first run's time
        with Stopping(comm, place, manner.budget) as stopping, Warned() as warned:
            state = _done_before(comm, place, asked)
            before = int(np.count_nonzero(state))
            if manner.headline and comm.rank == mpi.ROOT:
                print(manner.headline, flush=True)
            _make_rooms(comm, place, asked)
            shows = Progress(len(asked), before, manner.progress if comm.rank == mpi.ROOT else "none")
            rest = Large(comm, jobs, place, asked, stopping, manner.watchdog)
            small = Small(comm, jobs, place, asked, costs, stopping, manner.watchdog)
            try:
                stopped = small.run(state, ~large, shows) or rest.run(state, shows)
            finally:
                shows.close()
        warned.tell(comm)
        done, failed = (int(np.count_nonzero(state == what)) for what in (DONE, FAILED))
        if stopped:
            raise StoppedEarly(f"{stopping.reason}: {done:,} of {len(asked):,} runs are done and stand in {place}")
        said = mpi.first_text(comm, small.first_failure or rest.first_failure)
        return Outcome(len(asked), done - before, failed, said)


def _chosen(every: Points, names: list[str] | None) -> Sequence[Point]:
    if names is None:
        return every
    known = {point.name: point for point in every}
    for name in names:
        if name not in known:
            raise InputError("--points", name, "is no point of this sweep (they are the folders in workspace/)")
    return [known[name] for name in dict.fromkeys(names)]


def _looked_at(
    comm: Any, jobs: Jobs, asked: Sequence[Point], manner: Manner
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """What each run will cost (n,), in microseconds, and whether it is large (n,). InputError for what is refused.

    Ranks share the points out.
    """
    found = np.zeros((len(asked), 2), np.int64)
    first, last = mpi.share(len(asked), comm.size, comm.rank)
    problem: InputError | None = None
    try:
        for k in range(first, last):
            job = jobs.job(asked[k])
            about = sharing.estimate(job)
            found[k] = 1 + min(1e15, 1e6 * about.seconds), sharing.is_large(job, about, manner.ranks)
            manner.watchdog.beat()
    except InputError as refused:
        problem = refused
    # shares follow one another, so the lowest rank that has a problem has the first point
    text = mpi.first_text(comm, "" if problem is None else base64.b64encode(pickle.dumps(problem)).decode())
    if text:
        raise pickle.loads(base64.b64decode(text))
    flat = found.ravel()
    mpi.total(comm, flat)
    return found[:, 0], found[:, 1] > 0


def _made(jobs: Jobs, point: Point) -> dict[str, Any]:
    """What the first point is made of, in digests: a file that the config names may change between two starts."""
    noted = jobs.job(point).settings
    return {"point": point.name, **{key: noted[key] for key in MADE}}


def _opened(place: Path, base: Base, over: Over, made: dict[str, Any], manner: Manner) -> None:
    if manner.names is not None:  # another job may be at work on other points
        if folder.read(place) is None:
            raise InputError("DIR", place, f"holds no {folder.SPEC}")
        return
    before = folder.take(place, base, over, made)
    folder.clean(place)
    (place / "stopped").unlink(missing_ok=True)
    if before is not None and (before.version, before.libraries) != (__version__, libraries()):
        was = f"{before.version} with {before.libraries}"
        warn(f"{place} was begun by copympi {was}: last bits of further runs may differ", OtherMachineWarning)


def _done_before(comm: Any, place: Path, asked: Sequence[Point]) -> NDArray[np.int64]:
    """What has become of each point (n,) in earlier starts: DONE, or 0. Ranks share the files out."""
    number = {point.name: k for k, point in enumerate(asked)}
    state, damaged, problem = np.zeros(len(asked), np.int64), np.zeros(1, np.int64), ""
    try:
        found, damaged[0] = batches.names(place, comm.rank, comm.size)
        for name in found & number.keys():
            state[number[name]] = DONE
    except OSError as failure:
        problem = str(failure)
    batches.fail_together(comm, problem)
    mpi.total(comm, damaged)
    if damaged[0]:
        mpi.from_root(comm, lambda: _unmark(place))
    first, last = mpi.share(len(asked), comm.size, comm.rank)
    rooms = folder.rooms(place)
    for k in range(first, last):
        own = place / folder.WORKSPACE / asked[k].name
        if own.name in rooms and (own / layout.NAME).exists():
            with suppress(InputError):  # what cannot be read is said by all ranks, when they come to the run
                state[k] = DONE if is_complete(own) else state[k]
    mpi.total(comm, state)
    if comm.size > 1 and not cpus_alike(comm) and comm.rank == mpi.ROOT:
        warn("ranks have unlike CPUs: last bits of a run depend on the rank that has it", OtherMachineWarning)
    return np.minimum(state, DONE)


def _unmark(place: Path) -> None:
    """Take the mark `done` from all points whose results are gone with a damaged file, for row to send them again."""
    held = Held(place)
    for point in held.points:
        if not held.there(point):
            folder.unmark(place, point.name)


def _make_rooms(comm: Any, place: Path, asked: Sequence[Point]) -> None:
    """Folders of all points; MachineError on every rank where one cannot be made."""
    first, last = mpi.share(len(asked), comm.size, comm.rank)
    there, problem = folder.rooms(place), ""
    try:
        for point in asked[first:last]:
            folder.make_room(place, point, there)
    except OSError as failure:
        problem = str(failure)
    batches.fail_together(comm, problem)
