"""`copympi sweep` and `copympi collect`, and what `copympi plot` and `copympi info` do in a sweep's folder."""

from __future__ import annotations

import os
import sys
import time as clock
import warnings
from pathlib import Path
from typing import Any

from copympi import __version__, mpi
from copympi.cli.run import _show_warning
from copympi.config.reading import seconds
from copympi.errors import DynamicsError, InputError
from copympi.run.watchdog import Watchdog, patience_of, within
from copympi.sweep import base, folder, points
from copympi.sweep.base import Base
from copympi.sweep.conduct import Manner, conduct
from copympi.sweep.held import Held
from copympi.text import one_line

AT_MOST = 8
"""Runs that failed, or are missing, that are named one by one."""


def sweep(options: Any) -> int:
    """Carry out `copympi sweep` with parsed options; the same on every rank. Returns the exit code."""
    patience = patience_of(options.patience)
    with within(patience):
        comm = mpi.world()
    warnings.showwarning = _show_warning
    budget = None if options.time_budget is None else seconds(options.time_budget, "--time-budget")
    with Watchdog(patience, comm.rank) as watchdog:
        asked, over, place = mpi.from_root(comm, lambda: _asked(options))
        swept = ", ".join(f"{key} ({len(values)})" for key, values in over.items())
        headline = f"copympi {__version__}: sweep over {swept}, {comm.size} rank{'s' if comm.size > 1 else ''}"
        manner = Manner(
            options.points, budget, options.ranks, "none" if options.quiet else options.progress,
            "" if options.quiet else one_line(headline), watchdog,
        )  # fmt: skip
        began = clock.perf_counter()
        outcome = conduct(comm, asked, over, place, manner)
    if comm.rank == mpi.ROOT and not options.quiet:
        there = outcome.total - outcome.made - outcome.failed
        before = f", {there:,} were done before" if there else ""
        taken = f"{outcome.made:,} runs in {clock.perf_counter() - began:.2f} s of wall time{before}"
        print(one_line(f"  {taken}; `copympi collect {place}` makes the table"), flush=True)
    if outcome.failed:
        raise DynamicsError(f"{outcome.failed:,} of {outcome.total:,} runs failed; the first with {outcome.said}")
    return 0


def _asked(options: Any) -> tuple[Base, points.Over, Path]:
    """The base config, what is swept, and the folder; root alone."""
    place = options.config
    if place.is_dir():  # a sweep that was begun
        spec = folder.read(place)
        if spec is None:
            raise InputError("CONFIG", place, f"is a folder that holds no sweep ({folder.SPEC})")
        for key, value in (("--over", options.over), ("--seeds", options.seeds), ("--set", options.set)):
            if value:
                raise InputError(key, value, f"must be left out where a sweep goes on in {place}")
        return spec.base, spec.over, options.output or place
    if options.points is not None:
        raise InputError("--points", " ".join(options.points), "must go with the folder of a sweep in place of CONFIG")
    found = base.from_file(place, options.set)
    over = points.read(options.over)
    if options.seeds is not None:
        if points.SEED in over:
            raise InputError("--seeds", options.seeds, f"must be left out where {points.SEED} is swept with --over")
        first = found.values.get("dynamics", {}).get("seed", 1)
        over[points.SEED] = points.seeds(first, options.seeds)
    if not over:
        raise InputError("--over", "(left out)", "must be given, or --seeds: what is to be swept?")
    return found, points.checked(over), options.output or Path(f"{place.stem}-sweep")


def collect(options: Any) -> int:
    """Make the table of a sweep, and its figure; the root alone."""
    comm = mpi.world()
    mpi.from_root(comm, lambda: _collect(options.folder))
    return 0


def _collect(place: Path) -> None:
    from copympi.sweep import collected, screen  # the theory that it is compared with takes a while to import

    warnings.showwarning = _show_warning
    if place.is_dir() and not os.access(place, os.W_OK):
        raise InputError("DIR", place, "cannot be written")
    held = Held(place)
    rows, paths = collected.collect(held)
    print(screen.text(rows, held.keys))
    print("  " + one_line(", ".join(map(str, paths))), flush=True)
    for values, why in held.failed[:AT_MOST]:
        print(one_line(f"copympi: failed: {points.Point(values)}: {why}"), file=sys.stderr, flush=True)


def is_sweep(place: Path) -> bool:
    """Whether a folder holds a sweep."""
    return (place / folder.SPEC).is_file()


def plot(place: Path) -> None:
    """Make the table and the figure anew; their paths are printed."""
    from copympi.sweep import collected

    for path in collected.collect(Held(place))[1]:
        print(one_line(str(path)))


def info(place: Path) -> None:
    """Say what a sweep's folder holds."""
    held = Held(place)
    total, missing, failed = len(held.points), len(held.missing), len(held.failed)
    state = "not complete: the sweep still goes on, or was stopped" if missing else "complete"
    lines = [f"{place}: {state}", f"  sweep     {total - missing:,} of {total:,} runs are done, {failed:,} failed"]
    for key, values in held.spec.over.items():
        said = ", ".join(map(points.told, values[:AT_MOST])) + (", ..." if len(values) > AT_MOST else "")
        lines.append(f"  over      {key}: {said}" + (f" ({len(values):,})" if len(values) > AT_MOST else ""))
    lines += [f"  failed    {points.Point(values)}: {why}" for values, why in held.failed[:AT_MOST]]
    lines += [f"  version   {held.spec.version}", f"  libraries {held.spec.libraries}"]
    print("\n".join(map(one_line, lines)))
