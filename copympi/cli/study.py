"""`copympi study`, and what `copympi plot` and `copympi info` do in a study's folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from copympi import mpi, studies
from copympi.config.reading import seconds
from copympi.errors import InputError
from copympi.launcher import launched
from copympi.storage.layout import NAME
from copympi.studies import looking
from copympi.studies.folders import Held
from copympi.studies.frame import Request, conduct
from copympi.text import one_line


def study(options: Any) -> int:
    """Run a study, or list them; returns the exit code, the same on every rank."""
    if options.list:
        if launched()[1] == 0:
            print("\n".join(f"{name:16} {asks}" for name, asks in studies.STUDIES.items()))
        return 0
    if options.name is None:
        raise InputError("NAME", "", "which study? see `copympi study --list`")
    found, budget = studies.find(options.name), options.time_budget
    budget = None if budget is None else seconds(budget, "--time-budget")
    request = Request(options.quick, options.replicas, options.seed, options.resume, options.overwrite, budget)
    return conduct(mpi.world(), found, options.output or Path(f"study-{options.name}"), request)


def plotted(folder: Path) -> bool:
    """Draw a study's figures again; False where the folder holds none."""
    held = _held(folder)
    if held is None:
        return False
    if not os.access(folder, os.W_OK):
        raise InputError("DIR", folder, "cannot be written")
    print("\n".join(one_line(str(path)) for path in looking.plot(folder, held)))
    return True


def described(place: Path) -> bool:
    """Say what a study's folder, or its file, holds; False where there is none."""
    held = _held(place)
    if held is None:
        return False
    print("\n".join(map(one_line, looking.describe(place, held))))
    return True


def _held(place: Path) -> Held | None:
    """What a place holds of a study; None where it holds a run, or nothing."""
    return None if (place / NAME).exists() or place.name == NAME else looking.study_in(place)
