"""A sweep's folder: sweep.json says what is swept, and signac and row find their own files in it.

    DIR/sweep.json            base config, keys and values; what is too large for it, in files of arrays.py
    DIR/.signac/config        DIR is a signac project (schema 2)
    DIR/workflow.toml         and what row needs to send groups of points to a cluster
    DIR/workspace/NAME/       a folder for each point, with signac_statepoint.json, and `done` where the point is done;
                              a large run has its results.h5 and checkpoints/ here
    DIR/batches/*.h5          results of small runs, many in a file
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from copympi import __version__
from copympi.config.reading import steps
from copympi.errors import InputError, MachineError
from copympi.storage import checkpoints, layout, sealed
from copympi.storage.folder import KEY, make
from copympi.storage.hdf5 import reason
from copympi.storage.results import libraries
from copympi.sweep import arrays
from copympi.sweep.base import Base
from copympi.sweep.points import Over, Point, Points

SPEC, WORKSPACE, BATCHES, DONE = "sweep.json", "workspace", "batches", "done"
STATE_POINT = "signac_statepoint.json"
SCHEMA = 1
WORKFLOW = """\
# For row (https://row.readthedocs.io): `row submit` sends groups of points that are not done to the cluster.
[workspace]
value_file = "signac_statepoint.json"

[[action]]
name = "sweep"
command = "copympi sweep . --points {directories}"
launchers = ["mpi"]
products = ["done"]
[action.group]
maximum_size = 500
[action.resources]
processes.per_submission = 4
walltime.per_submission = "01:00:00"
"""


@dataclass(frozen=True)
class Spec:
    """What sweep.json says: the base config as TOML, keys with their values, the folder that paths in the config are
    relative to, `source`, sweep.json itself, and digests of what the first point is made of."""

    text: str
    over: Over
    files: Path
    source: Path
    made: dict[str, Any]
    version: str = __version__
    libraries: str = ""

    @property
    def base(self) -> Base:
        """The base config, to go on with."""
        said = tomlkit.parse(self.text).unwrap()
        values = arrays.put_back(self.source.parent, said)
        system = arrays.system(self.source.parent, values)
        return Base(values, system, self.files, self.source, values is not said)

    @property
    def points(self) -> Points:
        """All points, in order."""
        return Points(self.over)


def read(folder: Path) -> Spec | None:
    """What a folder says it sweeps; None where it holds no sweep. MachineError where that is damaged."""
    path = folder / SPEC
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["schema"] > SCHEMA:
            raise MachineError(f"{path} has schema {said['schema']}; this version of copympi reads up to {SCHEMA}")
        files = Path(os.path.normpath(folder / said["files"]))
        return Spec(said["config"], said["over"], files, path, said["made"], said["version"], said["libraries"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise MachineError(f"{path} is damaged, or no file of copympi's: {reason(problem)}") from None


def as_before(folder: Path, over: Over) -> Over:
    """The same values as a folder's sweep.json spells them, where they stand there: 1000 as 1e3, say."""
    before = read(folder)
    known = before.over if before is not None else {}
    return {key: [next((v for v in known.get(key, []) if v == value), value) for value in values]
            for key, values in over.items()}  # fmt: skip


def take(folder: Path, base: Base, over: Over, made: dict[str, Any]) -> Spec | None:
    """Make a folder ready for a sweep; what it said before, if it held this very one. InputError where it must not.

    What was swept may be extended by more values; all else must be as it was.
    """
    make(folder)
    if (folder / layout.NAME).exists() or checkpoints.numbered(folder):
        raise InputError(KEY, folder, "holds a run; choose another with -o")
    shared = _without(base.values, over)
    text, apart = base.text(shared), arrays.large(shared)
    before = read(folder)
    if before is not None:
        _refuse(folder, before, text, over, made)
        over = {key: [*before.over[key], *(v for v in values if v not in before.over[key])]
                for key, values in over.items()}  # fmt: skip
    spec = {
        "schema": SCHEMA,
        "version": before.version if before else __version__,
        "libraries": before.libraries if before else libraries(),
        "config": text,
        "over": over,
        "files": os.path.relpath(base.files, folder),
        "made": made if before is None else before.made,
    }
    try:
        (folder / WORKSPACE).mkdir(exist_ok=True)
        (folder / BATCHES).mkdir(exist_ok=True)
        (folder / ".signac").mkdir(exist_ok=True)
        _put(folder / ".signac/config", "schema_version = 2\n")
        _put(folder / "workflow.toml", WORKFLOW)
        if before is None:
            arrays.save(folder, base, apart)
        if before is None or (before.over, before.text) != (over, text):
            sealed.put(folder / SPEC, json.dumps(spec, indent=1).encode())
    except OSError as problem:
        raise InputError(KEY, folder, f"cannot be written: {reason(problem)}") from None
    return before


def _put(path: Path, text: str) -> None:
    if not path.exists():  # a user may have edited it
        sealed.put(path, text.encode())


def _without(values: dict[str, Any], over: Over) -> dict[str, Any]:
    """The base config without what is swept."""
    out: Any = dict(values)
    for key in over:
        out = _taken(out, steps(key))
    return dict(out)


def _taken(of: Any, path: list[str | int]) -> Any:
    """A copy without what is at the end of a path; elements of lists stay, so that all keep their numbers."""
    step, *rest = path
    if isinstance(step, int):
        there = isinstance(of, (list, tuple)) and step < len(of) and bool(rest)
        return [*of[:step], _taken(of[step], rest), *of[step + 1 :]] if there else of
    if not isinstance(of, dict):
        return of
    if not rest:
        return {name: value for name, value in of.items() if name != step}
    below = of.get(step)
    if isinstance(rest[0], str) and not isinstance(below, dict):
        below = {}
    return of if below is None else of | {step: _taken(below, rest)}


def _refuse(folder: Path, before: Spec, text: str, over: Over, made: dict[str, Any]) -> None:
    """InputError where the folder holds another sweep."""
    instead = f"when {folder / SPEC} was written; choose another folder with -o"
    if set(before.over) != set(over):
        raise InputError("over", ", ".join(over), f"was {', '.join(before.over)} {instead}")
    was, now = flat(tomlkit.parse(before.text).unwrap()), flat(tomlkit.parse(text).unwrap())
    for key in sorted(was.keys() | now.keys()):
        if was.get(key) != now.get(key) and not key.startswith("checkpoint."):  # that changes no number
            raise InputError(key, now.get(key, "(left out)"), f"was {was.get(key, '(left out)')} {instead}")
    for key, value in before.made.items():
        if made["point"] == before.made["point"] and made[key] != value:
            raise InputError(key, made[key], f"was {value} {instead}")


def flat(values: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, by dotted keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        out |= flat(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}": value}
    return out


def make_room(folder: Path, point: Point, there: set[str]) -> None:
    """A point's folder with its state point, there as a whole or not at all. `there`: names of those that are there."""
    if point.name in there:
        return
    part = folder / f".part-{point.name}-{os.getpid()}"
    part.mkdir(exist_ok=True)
    (part / STATE_POINT).write_text(json.dumps(point.state_point), encoding="utf-8")
    try:
        part.rename(folder / WORKSPACE / point.name)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        if not (folder / WORKSPACE / point.name / STATE_POINT).exists():
            raise


def rooms(folder: Path) -> set[str]:
    """Names of the points that have a folder."""
    with suppress(OSError):
        return {entry.name for entry in os.scandir(folder / WORKSPACE)}
    return set()


def clean(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote."""
    for part in folder.glob(".part-*"):
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)
    if (folder / BATCHES).is_dir():
        sealed.sweep(folder / BATCHES)


def mark(folder: Path, name: str) -> None:
    """Note in a point's folder that its results stand on the disk; row looks for that."""
    with suppress(OSError):
        (folder / WORKSPACE / name / DONE).touch()


def unmark(folder: Path, name: str) -> None:
    """Take that note away."""
    (folder / WORKSPACE / name / DONE).unlink(missing_ok=True)
