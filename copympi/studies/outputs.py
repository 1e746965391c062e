"""What a study leaves in its folder: NAME.h5 with all numbers, NAME.txt and .csv with the tables, and the figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from copympi import __version__
from copympi.errors import MachineError
from copympi.report import style, tables
from copympi.report.tables import Row
from copympi.storage import sealed
from copympi.studies import casefiles
from copympi.studies.casefiles import Done

ONCE = ("libraries", "cpu", "mpi", "ranks", "hostname", "machine")
"""What is said of a whole study where all its cases agree on it; else of each of them."""
WITHOUT_AXES = "without axes"
"""Attribute: which of a case's arrays stand as attributes, as JSON."""


def write(study: Any, folder: Path, request: dict[str, Any], done: list[Done], answers: Any) -> list[Path]:
    """All files; returns their paths. MachineError or OSError where the disk does not take them."""
    path = folder / f"{study.name}.h5"
    sealed.write(path, lambda file: _fill(file, study, request, done, answers))
    text = folder / f"{study.name}.txt"
    sealed.put(text, (study.text(answers) + "\n").encode())
    paths = [path, text]
    for name, rows in study.rows(answers).items():
        paths.append(folder / f"{study.name}-{name}.csv")
        sealed.put(paths[-1], tables.csv(rows).encode())
    return paths + draw(study, folder, answers)


def draw(study: Any, folder: Path, answers: Any) -> list[Path]:
    """The figure as PNG and PDF; returns their paths."""
    with style.drawing(style.SMALL):
        return style.save(study.figure(answers), folder, study.name)


def _fill(file: Any, study: Any, request: dict[str, Any], done: list[Done], answers: Any) -> None:
    first = done[0].made
    same = [name for name in ONCE if all(each.made[name] == first[name] for each in done)]
    file.attrs.update({"study": study.name, "asks": study.asks, "seed": request["seed"], **study.attributes})
    file.attrs.update({"request": json.dumps(request), "version": __version__, **{n: first[n] for n in same}})
    file.attrs["seconds"] = sum(each.made["seconds"] for each in done)
    for each in done:
        group = file.require_group(each.case.place)
        _put(group, each.arrays, study.datasets)
        group.attrs.update({name: value for name, value in each.case.settings.items() if value is not None})
        group.attrs.update({"seed": each.seed, **{n: value for n, value in each.made.items() if n not in same}})
        group.attrs[casefiles.IDENTITY] = json.dumps(casefiles.identity(study, each.case, each.seed))
    study.more(file, answers)


def _put(group: Any, arrays: Any, told: Any) -> None:
    """Arrays as datasets, those without axes as attributes."""
    alone: list[str] = []
    for name, values in arrays.items():
        if np.ndim(values) == 0:
            group.attrs[name] = np.asarray(values)[()]
            alone.append(name)
            continue
        data = group.create_dataset(name, data=values, compression="gzip" if np.ndim(values) > 1 else None)
        data.attrs["units"], data.attrs["description"] = told[name]
    group.attrs[WITHOUT_AXES] = json.dumps(alone)


def read(study: Any, path: Path) -> list[Done]:
    """The cases in a study's file. MachineError where it is damaged, or by a version with other cases."""
    if not sealed.is_sealed(path):
        raise MachineError(f"{path} is by a version that did not save what the figure needs; run the study again")
    with sealed.opened(path) as file:
        request = json.loads(file.attrs["request"])
        cases = study.cases(request["quick"], request["replicas"])
        try:
            return [_read(file, study, case, request["seed"] + k) for k, case in enumerate(cases)]
        except KeyError:
            said = file.attrs["version"]
            raise MachineError(f"{path} has other cases than this version's; it was written by {said}") from None


def _read(file: Any, study: Any, case: Any, seed: int) -> Done:
    """One case; KeyError where the file has it not, or with other settings."""
    group = file[case.place]
    there, wanted = json.loads(group.attrs[casefiles.IDENTITY]), casefiles.identity(study, case, seed)
    if any(there[name] != wanted[name] for name in ("case", "seed", "settings")):
        raise KeyError(case.place)
    arrays = {name: group[name][()] for name in study.datasets if name in group}
    arrays |= {name: np.asarray(group.attrs[name]) for name in json.loads(group.attrs[WITHOUT_AXES])}
    return Done(case, seed, arrays, {})


def note_numbers(file: Any, outcomes: list[Any], before: str = "") -> None:
    """Numbers (value, error) of each outcome as attributes of its case's group; `before` begins their names."""
    for outcome in outcomes:
        for name, (value, error) in outcome.numbers.items():
            at = file[outcome.case.place].attrs
            at[f"{before}{name}"], at[f"{before}{name} error"] = value, error


def put_tables(file: Any, found: Mapping[str, list[Row]], columns: Mapping[str, tuple[str, str]]) -> None:
    """The rows of a study's tables, as groups of columns. columns : name -> (units, description) of those to be put."""
    for name, rows in found.items():
        for column, (units, told) in columns.items():
            if rows and column in rows[0]:
                made = file.create_dataset(f"tables/{name}/{column}", data=[row[column] for row in rows])
                made.attrs["units"], made.attrs["description"] = units, told
