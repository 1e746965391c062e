"""`copympi run`: what it says, and what it draws in the end."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

from copympi import __version__, interrupt, mpi
from copympi.cli.dry_run import dry_run
from copympi.config.reading import seconds
from copympi.errors import InputError
from copympi.report import analysis, plots, raster, summary
from copympi.report.numbers import humane
from copympi.run.carry import Manner, carry_out
from copympi.run.plan import Job, from_file
from copympi.run.watchdog import Watchdog, patience_of, within
from copympi.storage import reading
from copympi.text import one_line

MOST_RANKS = 10**7
"""For which one may ask what they would say."""


def execute(options: Any) -> int:
    """Carry out `copympi run` with parsed options; the same on every rank. Returns the exit code."""
    patience = patience_of(options.patience)
    if options.ranks is not None and not (options.dry_run and 1 <= options.ranks <= MOST_RANKS):
        why = f"goes with --dry-run, and is the number of ranks to foretell for, 1 to {MOST_RANKS:,}"
        raise InputError("--ranks", options.ranks, why)
    with within(patience):
        comm = mpi.world()
    with Watchdog(patience, comm.rank) as watchdog:
        return _execute(comm, options, watchdog)


def _execute(comm: Any, options: Any, watchdog: Watchdog) -> int:
    warnings.showwarning = _show_warning
    on_node = mpi.part_on_node(comm)
    job = mpi.from_root(comm, lambda: from_file(options.config, options.set, options.output, on_node))
    if options.dry_run:
        dry_run(comm, job, _headline(job, comm.size), options.resume or options.overwrite, options.ranks)
        return 0
    manner = Manner(
        resume=options.resume,
        overwrite=options.overwrite,
        budget=None if options.time_budget is None else seconds(options.time_budget, "--time-budget"),
        writer=options.writer,
        quiet=options.quiet,
        progress="none" if options.quiet else options.progress,
        headline="" if options.quiet else _headline(job, comm.size),
        command=True,
    )
    taken = carry_out(comm, job, manner, watchdog).seconds
    if taken is None:
        if comm.rank == mpi.ROOT and not options.quiet:
            print(one_line(f"copympi: {job.folder} holds this run, finished: nothing to do"), file=sys.stderr)
        return 0
    interrupt.says(f"interrupted while reporting: the run is complete; `copympi plot {job.folder}` draws its figures")
    watchdog.beat()
    mpi.from_root(comm, lambda: _report(job.folder or Path(), options, taken))
    return 0


def _headline(job: Job, ranks: int) -> str:
    d, replicas = job.config.dynamics, ""
    if d.replicas > 1:
        replicas = f" x {d.replicas:,} replicas"
    unit = f" {job.config.output.time_unit}" if job.config.output.time_unit else ""
    kept = "one by one" if d.representation == "members" else "as counts"
    of = f"{job.system.P:,} beables, {humane(job.start.number)} members{replicas} {kept}"
    why = f" ({d.why})" if d.why else ""
    return (
        f"copympi {__version__}: {of}{why}, method {job.method[0]}, "
        f"t = {d.duration:g}{unit}, {ranks} rank{'s' if ranks > 1 else ''}"
    )


def _report(folder: Path, options: Any, taken: float) -> None:
    """Table and figure; the root alone."""
    if options.quiet and options.no_figure:
        return
    data = reading.read(folder)
    comparison = analysis.compare(data)
    paths = [] if options.no_figure else [*plots.draw(data, comparison), *raster.draw(data)]
    if options.quiet:
        return
    print("\n".join(summary.lines(data, comparison)))
    copies, steps = float(data.events[:, -1].sum()), int(data.attributes["steps"])
    print(f"  {steps:,} steps, {copies:.4g} copies{' a member' if data.infinite else ''} in {taken:.2f} s of wall time")
    print("  " + one_line(", ".join(str(path) for path in [data.path, *paths])), flush=True)


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"copympi: warning: {one_line(str(message))}", file=sys.stderr, flush=True)
