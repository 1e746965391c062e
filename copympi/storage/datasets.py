"""The datasets of results.h5 for what a plan records, and whether those of an earlier attempt are the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.records.plan import Plan
from copympi.records.quantity import NAMES, TRACKED, Quantity
from copympi.storage import profiles
from copympi.storage.columns import GROUP
from copympi.storage.layout import axis
from copympi.storage.packing import FILTERS


def create(file: Any, plan: Plan, rows: tuple[Quantity, ...]) -> dict[str, Any]:
    """Room for every quantity of `rows` in a new file; by name those that are written here.

    What has files of its own is shown as it grows there.
    """
    replicas, made = plan.config.dynamics.replicas, {}
    R = (replicas,) if replicas > 1 else ()
    for row in rows:
        lead, width = R if "replica" in row.axes else (), plan.width(row)
        if row.profile and plan.split_files:
            data = profiles.show(file, row.name, R, plan.system.P, plan.dtype(row))
        else:
            size = int(np.prod(lead + width, dtype=np.int64)) * 8
            chunk = max(1, min(plan.records + 1, (1 << 18) // max(size, 1)))
            data = made[row.name] = file.create_dataset(
                row.name,
                shape=(*lead, 0, *width),
                maxshape=(*lead, None, *width),
                chunks=(*(min(n, 4096) for n in lead), chunk, *(min(n, 4096) for n in width)),
                dtype=plan.dtype(row),
                **(FILTERS if row.name == TRACKED and chunk == 1 else {}),  # then no chunk is written twice
            )
        data.attrs["units"] = (plan.config.output.time_unit or "1") if row.units == "time" else row.units
        data.attrs["description"] = row.description
        if row.codes:
            data.attrs["codes"] = row.codes
    return made


def refuse_others(kept: dict[str, NDArray[Any]], data: dict[str, Any], plan: Plan, path: Path) -> None:
    """InputError where an earlier attempt recorded something else than this one. kept : what it recorded."""
    several = plan.config.dynamics.replicas > 1
    if ("profile_time" in kept) != plan.thinned:
        was = "thinned" if "profile_time" in kept else "at every record"
        raise InputError("output.profile_interval", "changed", f"must stay: profiles in {path} are {was}")
    of_plan = set(NAMES) | {row.name for row in plan.marginals}
    own = {name for name in set(kept) - of_plan if not name.startswith(f"{GROUP}/")}
    for name in sorted(own ^ set(plan.observers)):
        was, now = ("recorded", "left out") if name in own else ("not recorded", "new")
        raise InputError(f"observe[{name!r}]", now, f"was {was} in {path}; must stay as it was there")
    for name in sorted(own):
        before, here = (rows.shape[axis(name, several) + 1 :] for rows in (kept[name], data[name]))
        if before != here:
            raise InputError(f"observe[{name!r}]", here, f"gave {before} in {path}; must stay as it was there")
