"""Carry out a Job: begin or go on, run, finish. Alike from Python and from the command line, and on every rank."""

from __future__ import annotations

import json
import os
import platform
import time as clock
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from copympi import __version__, mpi
from copympi.config import reading as configuration
from copympi.engine.arithmetic import arithmetic
from copympi.engine.build import build
from copympi.engine.ensemble import Ensemble
from copympi.errors import InputError, MachineError
from copympi.records.memory import Memory
from copympi.records.plan import Plan, Record
from copympi.run import settings
from copympi.run.checkpoints import Checkpoints, choose_writer, newest_settings, refuse_changes
from copympi.run.loop import built, run
from copympi.run.plan import Job
from copympi.run.progress import Progress, Silent
from copympi.run.starting import warn_about
from copympi.run.stopping import Stopping, job_deadline
from copympi.run.watchdog import Unwatched, Watchdog
from copympi.storage import columns, given, guard, layout, reading, results
from copympi.storage.checkpoints import numbered, tidy
from copympi.storage.folder import is_complete, refuse_results

THEN = ", then "
"""Between the builds that a run went on with."""


@dataclass(frozen=True)
class Manner:
    """How a job is carried out: nothing here changes its numbers.

    budget : seconds after which it stops, after a checkpoint; None: where the batch job ends, if there is one.
    writer : of checkpoints, "mpio", "root" or "auto". progress : "auto", "bar", "lines" or "none". headline : a line
    on standard output before it begins. command : this process ends with the run, so signals that come late are
    ignored, and a second SIGINT ends it at once.
    """

    resume: bool = False
    overwrite: bool = False
    budget: float | None = None
    writer: str = "auto"
    quiet: bool = True
    progress: Any = "none"
    headline: str = ""
    command: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a job. seconds : of wall time in the loop, of all attempts; None where it was finished before.

    last : the last record, on the root. memory : the records of a job without a folder, on the root.
    """

    seconds: float | None
    last: Record | None = None
    memory: Memory | None = None


def carry_out(comm: Any, job: Job, manner: Manner, watchdog: Watchdog | Unwatched) -> Outcome:
    """Collective. All that can be refused is refused before the first file is written, or deleted.

    Raises InputError, DynamicsError and MachineError, and StoppedEarly where the run stopped on purpose after a
    checkpoint; each on every rank.
    """
    given.check(comm, job.start.phases)
    folder = job.folder
    if folder is None:
        return _in_memory(comm, job, manner)
    if manner.resume and mpi.from_root(comm, lambda: _already_done(job)):
        mpi.from_root(comm, lambda: tidy(folder))
        return Outcome(None)
    writer = mpi.from_root(comm, lambda: choose_writer(comm, manner.writer))
    return _in_folder(comm, job, manner, folder, writer, watchdog)


def _in_folder(
    comm: Any, job: Job, manner: Manner, folder: Path, writer: str, watchdog: Watchdog | Unwatched
) -> Outcome:
    """Build the ensemble, take the folder, and run."""
    root, old = comm.rank == mpi.ROOT, manner.overwrite or manner.resume
    deadline, meta = mpi.from_root(comm, lambda: (_deadline(manner.budget), _meta(job)))
    if mpi.from_root(comm, lambda: os.path.isdir(folder)):
        mpi.from_root(comm, lambda: results.open_folder(folder, old))
    if manner.resume:
        mpi.from_root(comm, lambda: _refuse_to_go_on(job, folder, manner.overwrite))
    watchdog.beat()
    plan, ensemble = plan_of(job), ensemble_of(comm, job)
    plan.try_observers(ensemble)
    watchdog.beat()
    mpi.from_root(comm, lambda: results.open_folder(folder, old))
    control = Stopping(root, folder, job.config.save_every, deadline, watchdog, manner.command)
    try:
        checkpoints = Checkpoints(comm, folder, control, meta, job.config.checkpoint, writer, manner.quiet)
        mpi.from_root(comm, lambda: refuse_results(folder, old))
        return _on_disk(job, plan, manner, ensemble, checkpoints)
    finally:
        control.release()


def _in_memory(comm: Any, job: Job, manner: Manner) -> Outcome:
    root = comm.rank == mpi.ROOT
    if root:
        warn_about(*job.cautions)
    plan, ensemble = plan_of(job), ensemble_of(comm, job)
    memory = Memory(plan)
    last, seconds = run(ensemble, plan, [memory], _progress(job, manner, root))
    return Outcome(seconds, last, memory if root else None)


def _on_disk(job: Job, plan: Plan, manner: Manner, ensemble: Ensemble, checkpoints: Checkpoints) -> Outcome:
    comm, root, keep = checkpoints.comm, checkpoints.root, 0
    if manner.resume:
        keep = checkpoints.resume(ensemble)
        if not keep:
            checkpoints.say(f"no checkpoint in {job.folder}: starting afresh")
    else:
        mpi.from_root(comm, checkpoints.clear)
    if root and not keep:
        warn_about(*job.cautions)
    with _results_on_root(job, plan, keep, checkpoints) as recorder:
        checkpoints.recorders = [recorder] if root else []
        if root and manner.headline:
            print(manner.headline, flush=True)
        progress = _progress(job, manner, root)  # its bar comes after that line
        last, seconds = run(ensemble, plan, checkpoints.recorders, progress, checkpoints)
        seconds += checkpoints.spent_before
        mpi.from_root(comm, lambda: recorder.finish(seconds, last))
    checkpoints.last(ensemble, plan.timetable.stop(plan.timetable.number(plan.records) + 1))
    return Outcome(seconds, last)


def plan_of(job: Job) -> Plan:
    """What its records hold."""
    return Plan(job.config, job.system, job.start, job.observe, job.schedule, job.track)


def ensemble_of(comm: Any, job: Job) -> Ensemble:
    """Its ensemble at t = 0; InputError for what only the engine can refuse. Collective."""
    try:
        with mpi.together(comm):
            ensemble = built(job.system, job.start, job.config, comm, job.schedule)
            if job.track is not None:
                ensemble.track(job.track)
            return ensemble
    except InputError as problem:
        raise problem if job.source is None else problem.inside(job.source) from None


def _progress(job: Job, manner: Manner, root: bool) -> Silent:
    return Progress(job.config, manner.progress) if root and manner.progress != "none" else Silent()


def _already_done(job: Job) -> bool:
    """Whether the folder holds this very run, finished; InputError where it holds another, or a longer one."""
    if job.folder is None:
        return False
    path = job.folder / layout.NAME
    guard.check(path, thorough=True)
    if not is_complete(job.folder):
        return False
    data = reading.read(job.folder, thorough=True)
    try:
        noted = tomlkit.parse(str(data.attributes["config"])).unwrap()
        with reading.opened(path) as file:
            matrix = [file["system"][part][()] for part in ("data", "indices", "indptr")]
            if isinstance(noted.get("output", {}).get("track"), str):  # the digest of many ids
                noted["output"]["track"] = columns.followed(file)
        config = configuration.check(noted)
    except Exception as problem:  # of a file without digests
        raise MachineError(f"{path} is damaged: {reading.reason(problem)}") from None
    old, newest = settings.given(config), newest_settings(job.folder)
    duration = {"dynamics.duration": old["dynamics.duration"]}
    # a checkpoint knows what the keys came to, so that the same run may be asked for by others
    if newest is not None:
        old = newest[1] | duration
    elif layout.SETTINGS in data.attributes:
        old = json.loads(data.attributes[layout.SETTINGS])
    else:  # of version 0.1
        old = old | {settings.MATRIX: settings.matrix_digest(*matrix)}
        if config.dynamics.why:  # the default was another
            old["dynamics.representation"] = "members"
    settings.compare(old, job.settings, path)
    return bool(data.time[-1] >= job.config.dynamics.duration * (1 - 1e-9))


def _refuse_to_go_on(job: Job, folder: Path, overwrite: bool) -> None:
    """InputError where the run in a folder is another one, was to be longer, or is finished and cannot go on."""
    refuse_changes(folder, job.settings)
    if is_complete(folder):
        if not (overwrite or numbered(folder)):
            why = "holds a finished run and no checkpoint from which it could go on; use --overwrite to start afresh"
            raise InputError("output folder", folder, why)
        return
    path = folder / layout.NAME
    try:
        with reading.opened(path) as file:
            noted = json.loads(file.attrs[layout.SETTINGS])
    except Exception:  # none, by version 0.1, or damaged: others say so
        return
    if numbered(folder):  # else it starts afresh
        settings.compare(noted, job.settings, path)


def _deadline(budget: float | None) -> float | None:
    return job_deadline() if budget is None else clock.monotonic() + budget


def _meta(job: Job) -> dict[str, Any]:
    """What is said of the run in every checkpoint."""
    return {
        "settings": job.settings,
        "config": job.text,
        "members": job.start.number,
        "version": __version__,
        "libraries": results.libraries(),
        "cpu": arithmetic(),
        "build": build(),
        "mpi": mpi.name(),
        "hostname": platform.node(),
        "started": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _results_on_root(job: Job, plan: Plan, keep: int, checkpoints: Checkpoints) -> Any:
    """The results file, open on the root, with the first `keep` records of the old one; failures are every rank's."""
    made: list[results.ResultsFile] = []

    def open_it() -> None:
        said = dict(zip(("method", "method_why"), job.method, strict=True)) | {
            "build": _builds(checkpoints.folder) if keep else build(),
            layout.SETTINGS: json.dumps(job.settings),
        }
        output = results.Output(
            checkpoints.folder, plan, job.text, checkpoints.comm.size, mpi.name(), said, keep,
            checkpoints.attempt, checkpoints.rows if keep else None, checkpoints.check_fence,
        )  # fmt: skip
        made.append(results.ResultsFile(output))

    mpi.from_root(checkpoints.comm, open_it)
    return made[0] if made else nullcontext()


def _builds(folder: Path) -> str:
    """The builds of all attempts on a run that goes on, in their order, each once. Root alone."""
    before = build()
    with suppress(Exception), reading.opened(folder / layout.NAME) as file:  # whoever takes its records says so
        before = str(file.attrs.get("build", before))  # older versions did not say
    return before if build() in before.split(THEN) else f"{before}{THEN}{build()}"
