"""What `copympi run` does: read, resume or begin, run, report."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import time as clock
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit

from copympi import __version__, interrupt, mpi
from copympi.config import reading as configuration
from copympi.config.reading import Config
from copympi.engine import methods
from copympi.engine.arithmetic import arithmetic_digest
from copympi.engine.ensemble import Ensemble
from copympi.engine.support import Method
from copympi.errors import InputError, MachineError
from copympi.model import build
from copympi.model.preparation import Start
from copympi.model.system import System
from copympi.records.plan import Plan
from copympi.report import analysis, plots
from copympi.report.numbers import humane
from copympi.run.checkpoints import Checkpoints, choose_writer, compare_settings, refuse_changes
from copympi.run.loop import built, run, warn_about
from copympi.run.progress import Progress, Silent
from copympi.run.stopping import Stopping, job_deadline
from copympi.run.watchdog import Watchdog, within
from copympi.storage import given, guard, layout, reading, results
from copympi.storage.folder import is_complete, refuse_results
from copympi.text import one_line


@dataclass(frozen=True)
class Job:
    """A run as asked for: its config, and what it is made of."""

    config: Config
    text: str
    system: System
    start: Start
    method: Method
    folder: Path


def execute(options: Any) -> int:
    """Carry out `copympi run` with parsed options; the same on every rank. Returns the exit code."""
    patience = configuration.seconds(options.patience, "--patience")
    with within(patience):
        comm = mpi.world()
    with Watchdog(patience, comm.rank) as watchdog:
        return _execute(comm, options, watchdog)


def _execute(comm: Any, options: Any, watchdog: Watchdog) -> int:
    """All that can be refused is refused before the first file is written, or deleted."""
    root = comm.rank == mpi.ROOT
    warnings.showwarning = _show_warning
    on_node = mpi.part_on_node(comm)
    job = mpi.from_root(comm, lambda: _read(options, on_node))
    given.check(comm, job.start.phases)
    if options.resume and mpi.from_root(comm, lambda: _already_done(job)):
        if root and not options.quiet:
            print(one_line(f"copympi: {job.folder} holds this run, finished: nothing to do"), file=sys.stderr)
        return 0
    writer = mpi.from_root(comm, lambda: choose_writer(comm, options.writer))
    seconds = _attempt(comm, job, options, writer, watchdog)
    interrupt.says(f"interrupted while reporting: the run is complete; `copympi plot {job.folder}` draws its figures")
    watchdog.beat()
    mpi.from_root(comm, lambda: _report(job.folder, options, seconds))
    return 0


def _attempt(comm: Any, job: Job, options: Any, writer: str, watchdog: Watchdog) -> float:
    """Build the ensemble, take the folder, and run; seconds of wall time of all lives."""
    root, old = comm.rank == mpi.ROOT, options.overwrite or options.resume
    deadline, meta = _deadline(options.time_budget, root), _meta(job)
    if mpi.from_root(comm, lambda: os.path.isdir(job.folder)):
        mpi.from_root(comm, lambda: results.open_folder(job.folder, old))
    if options.resume:
        mpi.from_root(comm, lambda: refuse_changes(job.folder, meta["settings"]))
    watchdog.beat()
    try:
        with mpi.together(comm):
            ensemble = built(job.system, job.start, job.config, comm)
    except InputError as problem:
        raise problem.inside(options.config) from None
    watchdog.beat()
    mpi.from_root(comm, lambda: results.open_folder(job.folder, old))
    control = Stopping(root, job.folder, job.config.save_every, deadline, watchdog)
    try:
        keeper = Checkpoints(comm, job.folder, control, meta, job.config.checkpoint.keep, writer, options.quiet)
        mpi.from_root(comm, lambda: refuse_results(job.folder, old))
        return _run(comm, job, options, ensemble, keeper)
    finally:
        control.leaving = True
        control.release()


def _run(comm: Any, job: Job, options: Any, ensemble: Ensemble, keeper: Checkpoints) -> float:
    root, keep = comm.rank == mpi.ROOT, 0
    if options.resume:
        keep = keeper.resume()
        if not keep:
            keeper.say(f"no checkpoint in {job.folder}: starting afresh")
    else:
        mpi.from_root(comm, keeper.clear)
    if root and not keep:
        warn_about(job.start, job.system)
    progress = Silent() if options.quiet or not root else Progress(job.config, options.progress)
    with _results_on_root(comm, job, keep, keeper) as recorder:
        keeper.recorders = [recorder] if root else []
        if root and not options.quiet:
            print(_headline(job, comm.size), flush=True)
        last, seconds = run(job.system, job.start, job.config, comm, keeper.recorders, progress, keeper, ensemble)
        seconds += keeper.spent_before
        mpi.from_root(comm, lambda: recorder.finish(seconds, last))
    return seconds


def _read(options: Any, on_node: float) -> Job:
    config, text = configuration.read(options.config, options.set)
    try:
        folder, p = options.config.parent, config.preparation
        own = given.phases(p.phases, folder)
        system, start = build.prepared(build.system(config.system, folder), p, own, folder)
        method = methods.planned(system, start, config, on_node)
    except InputError as problem:
        raise problem.inside(options.config) from None
    return Job(config, text, system, start, method, options.output or Path(options.config.stem))


def _already_done(job: Job) -> bool:
    """Whether the folder holds this very run, finished; InputError where it holds another, or a longer one."""
    path = job.folder / layout.NAME
    guard.check(path)
    if not is_complete(job.folder):
        return False
    data = reading.read(job.folder)
    try:
        config = configuration.check(tomlkit.parse(str(data.attributes["config"])).unwrap())
        with reading.opened(path) as file:
            matrix = [file["system"][part][()] for part in ("data", "indices", "indptr")]
    except Exception as problem:  # of a file without digests
        raise MachineError(f"{path} is damaged: {reading.reason(problem)}") from None
    compare_settings(_settings(config, matrix), _settings(job.config, _matrix(job.system)), path)
    return bool(data.time[-1] >= job.config.dynamics.duration * (1 - 1e-9))


def _deadline(budget: str | None, root: bool) -> float | None:
    if budget is not None:
        return clock.monotonic() + configuration.seconds(budget, "--time-budget")
    return job_deadline() if root else None


def _meta(job: Job) -> dict[str, Any]:
    """What is said of the run in every checkpoint."""
    return {
        "settings": _settings(job.config, _matrix(job.system)),
        "config": job.text,
        "members": job.start.members,
        "version": __version__,
        "libraries": results.libraries(),
        "cpu": f"arithmetic digest {arithmetic_digest():08x}",
        "mpi": mpi.name(),
        "hostname": platform.node(),
        "started": clock.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _matrix(system: System) -> list[Any]:
    W = system.frequencies
    return [W.data, W.indices, W.indptr]


def _settings(config: Config, matrix: list[Any]) -> dict[str, Any]:
    """What must not change between the lives of a run, flat; `matrix` is H/hbar as data, indices, indptr."""
    same = hashlib.blake2b(b"".join(np.ascontiguousarray(part).tobytes() for part in matrix), digest_size=8)
    settings = {**config.settings(), "system.hamiltonian": f"matrix with digest {same.hexdigest()}"}
    settings["preparation.phases"] = config.preparation.phases
    return dict(_as_json(settings))


def _as_json(value: Any) -> Any:
    """A value as it comes back from JSON, so that both can be compared."""
    if isinstance(value, dict):
        return {key: _as_json(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(x) for x in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)


def _results_on_root(comm: Any, job: Job, keep: int, keeper: Checkpoints) -> Any:
    """The results file, open on the root, with the first `keep` records of the old one; failures are every rank's."""
    made: list[results.ResultsFile] = []

    def open_it() -> None:
        plan = Plan(job.config, job.system, job.start)
        output = results.Output(
            job.folder, plan, job.text, comm.size, mpi.name(), keep=keep, attempt=keeper.attempt,
            may_append=keeper.check_fence, said={"method": job.method.name, "method_why": job.method.why},
        )  # fmt: skip
        made.append(results.ResultsFile(output))

    mpi.from_root(comm, open_it)
    return made[0] if made else nullcontext()


def _headline(job: Job, ranks: int) -> str:
    d, replicas = job.config.dynamics, ""
    if d.replicas > 1:
        replicas = f" x {d.replicas:,} replicas"
    unit = f" {job.config.output.time_unit}" if job.config.output.time_unit else ""
    of = f"{job.system.P:,} beables, {humane(job.start.members)} members{replicas}"
    return (
        f"copympi {__version__}: {of} (method {job.method.name}), "
        f"{d.duration:g}{unit}, {ranks} rank{'s' if ranks > 1 else ''}"
    )


def _report(folder: Path, options: Any, seconds: float) -> None:
    """Table and figure; the root alone."""
    if options.quiet and options.no_figure:
        return
    data = reading.read(folder)
    comparison = analysis.compare(data)
    paths = [] if options.no_figure else plots.draw(data, comparison)
    if options.quiet:
        return
    print("\n".join(analysis.lines(data, comparison)))
    copies, steps = float(data.events[:, -1].sum()), int(data.attributes["steps"])
    print(f"  {steps:,} steps, {copies:.4g} copies in {seconds:.2f} s of wall time")
    print("  " + one_line(", ".join(str(path) for path in [data.path, *paths])), flush=True)


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"copympi: warning: {one_line(str(message))}", file=sys.stderr, flush=True)
