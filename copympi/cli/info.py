"""`copympi info` and `copympi plot`: what a results folder, or a checkpoint, holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from copympi.cli import study, sweep
from copympi.errors import InputError, MachineError
from copympi.report import checkpoint_info, plots, raster, run_info
from copympi.storage import guard, reading, restart
from copympi.text import one_line


def info(options: Any) -> int:
    """Say what a run, a study or a checkpoint holds."""
    place = options.place
    if sweep.is_sweep(place):
        sweep.info(place)
        return 0
    if study.described(place):
        return 0
    guard.check(place / reading.NAME if place.is_dir() else place, thorough=True)
    if checkpoint_info.is_checkpoint(place):
        try:
            lines = checkpoint_info.describe(place)
        except restart.DamagedError as damage:
            raise MachineError(f"{place} is damaged: {damage}") from None
    else:
        lines = run_info.describe(reading.read(place, thorough=True))
    print("\n".join(map(one_line, lines)))
    return 0


def plot(options: Any) -> int:
    """Draw the figures of a run or a study."""
    _writable(options.folder)
    if sweep.is_sweep(options.folder):
        sweep.plot(options.folder)
        return 0
    if study.plotted(options.folder):
        return 0
    guard.check(options.folder / reading.NAME)
    data = reading.read(options.folder)
    for path in [*plots.draw(data), *raster.draw(data)]:
        print(one_line(str(path)))
    return 0


def _writable(folder: Path) -> None:
    if folder.is_dir() and not os.access(folder, os.W_OK):
        raise InputError("DIR", folder, "cannot be written")
