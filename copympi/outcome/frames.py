"""A Run as an xarray.Dataset or a pandas.DataFrame. Both libraries are optional: pip install 'copympi[frames]'."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from copympi.records.axes import beable_names, dimensions, names_along
from copympi.records.quantity import HISTORIES, TABLE, TRACKED, marginals, sizes_of
from copympi.records.view import Arrays

ROWS = {row.name: row for row in TABLE}


def needed(library: str, method: str) -> Any:
    """An optional library; ImportError says in one line what to install."""
    try:
        return importlib.import_module(library)
    except ImportError:
        raise ImportError(f"Run.{method}() needs {library}: pip install {library}") from None


def dataset(run: Any) -> Any:
    """An xarray.Dataset: each array with its dimensions, units and description."""
    xarray = needed("xarray", "to_xarray")
    unit = str(run.config.get("output", {}).get("time_unit") or "1")
    thinned, sizes = run.profile_time is not None, sizes_of(run.system)
    variables, coordinates = {}, {"time": ("time", run.time, {"units": unit}), "beable": beable_names(run.system)}
    if thinned:
        coordinates["profile_time"] = ("profile_time", run.profile_time, {"units": unit})
    if run.replicas > 1:
        coordinates["replica"] = np.arange(run.replicas)
    rows = ROWS | {row.name: row for row in marginals(run.system.parts)}
    for name, values in run.arrays().items():
        row = rows.get(name)
        said = {} if row is None else {"units": row.units.replace("time", unit), "description": row.description}
        dims = dimensions(name, values.ndim, run.replicas > 1, thinned)
        variables[name] = (dims, values, said)
        if dims[-1] in sizes and dims[-1] not in ("beable", "axis"):
            coordinates[dims[-1]] = names_along(dims[-1], run.system, sizes[dims[-1]])
    if run.histories is not None:
        _add_tracked(run, variables, coordinates, unit)
    about = {"members": str(run.members), "complete": int(run.complete)}
    return xarray.Dataset(variables, coordinates, about)


def _add_tracked(run: Any, variables: dict[str, Any], coordinates: dict[str, Any], unit: str) -> None:
    """Beables of the members that were followed, and their ids; at record_time where that is not yet all of time."""
    paths, when = run.histories, "time"
    if paths.record_time.size < run.time.size:
        when = "record_time"
        coordinates[when] = (when, paths.record_time, {"units": unit})
    row = next(row for row in HISTORIES if row.name == TRACKED)
    dims = ("replica",) * (run.replicas > 1) + (when, "tracked_member")
    variables["tracked"] = (dims, paths.tracked, {"units": row.units, "description": row.description})
    coordinates["tracked_member"] = paths.ids


def table(run: Any) -> Any:
    """A pandas.DataFrame, indexed by (replica,) time and beable. What has no axis of beables is repeated for each.

    Of a run whose profiles have times of their own: what there is of each beable, at those.
    """
    pandas = needed("pandas", "to_pandas")
    several, thinned = run.replicas > 1, run.profile_time is not None
    sizes: dict[str, Any] = {"replica": np.arange(run.replicas)} if several else {}
    sizes |= {"time": run.profile_time if thinned else run.time, "beable": beable_names(run.system)}
    whole = tuple(len(values) for values in sizes.values())
    columns: Arrays = {}
    for name, values in run.arrays().items():
        dims = dimensions(name, values.ndim, several, thinned)
        if "beable" in dims:
            columns[name] = values.reshape(-1)
        elif not thinned:
            parts = [values] if dims[-1] == "time" else list(np.moveaxis(values, -1, 0))
            for k, part in enumerate(parts):
                label = name if len(parts) == 1 else f"{name}_{k}"
                columns[label] = np.broadcast_to(part[..., None], whole).reshape(-1)
    return pandas.DataFrame(columns, index=pandas.MultiIndex.from_product(sizes.values(), names=list(sizes)))
