"""What all points of a sweep share: the config they change, and what of a run is made once for many of them."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tomlkit
from tomlkit.exceptions import TOMLKitError

from copympi.config import reading as configuration
from copympi.config import writing
from copympi.engine import assembly
from copympi.errors import InputError
from copympi.model import build, evolving, rule_tables
from copympi.model.labels import Labels
from copympi.model.rule_functions import RuleFunction
from copympi.model.system import System
from copympi.run import plan
from copympi.run.plan import Job
from copympi.simulate import DYNAMICS, OUTPUT, PREPARATION
from copympi.sweep.points import Point, placed

T = TypeVar("T")
KEPT = 2
"""Systems, and ensembles at t = 0, that are held at a time: the larger ones take gigabytes."""
TABLES = ("alignment", "checkpoint", "schedule")
"""Keywords of copympi.simulate that are sections by themselves."""


@dataclass(frozen=True)
class Base:
    """The config that points change. values : section -> key -> value, unchecked. system : a System from Python in
    place of [system], or None. files : the folder that paths in it are relative to. source : the
    config file, for messages; None from Python. arrays : whether values has arrays that no TOML holds."""

    values: dict[str, Any]
    system: System | None = None
    files: Path = field(default_factory=Path)
    source: Path | None = None
    arrays: bool = False

    def text(self, values: dict[str, Any]) -> str:
        """Values as TOML; from Python, arrays too large to be written down are named by a digest."""
        return writing.toml(values) if self.source is None or self.arrays else tomlkit.dumps(values)


def from_file(path: Path, overrides: list[str]) -> Base:
    """The base of a TOML file, with section.key=value on top. It may lack what is swept."""
    found = configuration.document(path, overrides)
    try:
        return Base(found.unwrap(), None, path.parent, path)
    except TOMLKitError as problem:
        raise InputError("CONFIG", path, f"is not TOML: {problem}") from None


def from_python(config: Any) -> Base:
    """The base of a path, of sections of keys like those of a config file, or of keywords of copympi.simulate."""
    if not isinstance(config, Mapping):
        try:
            return from_file(Path(config), [])
        except TypeError:
            why = "must be the path of a config file, sections of keys, or keywords of copympi.simulate"
            raise InputError("config", config, why) from None
    given = dict(config)
    if isinstance(given.get("system"), Mapping):
        if isinstance(given.get("dynamics"), Mapping) and "rule" in given["dynamics"]:
            given["dynamics"] = {**given["dynamics"], "rule": _rule(given["dynamics"]["rule"])}
        return Base(_tidy(given))
    if "system" not in given:
        raise InputError("system", "(left out)", "must be given")
    system = given.pop("system")
    if evolving.evolves(system):
        raise InputError("system", "H(t)", "cannot be swept as functions; give a config with tables [[system.drive]]")
    system = system if isinstance(system, System) else System(system)
    labels = None if isinstance(system.labels, Labels) else list(system.labels)
    values: dict[str, Any] = {"system": plan.written(system) | {"labels": labels}}
    homes = {key: name for name, keys in (("preparation", PREPARATION), ("dynamics", DYNAMICS), ("output", OUTPUT))
             for key in keys}  # fmt: skip
    for key, value in given.items():
        if key == "schedule":
            values[key] = _schedule(plan.noted(plan.tables(value), system))
        elif key in TABLES:
            values[key] = value
        elif key == "rule":
            values.setdefault("dynamics", {})[key] = _rule(value)
        elif key in homes:
            values.setdefault(homes[key], {})[key] = value
        else:
            known = ", ".join(["system", *homes, *TABLES])
            raise InputError(key, value, f"no such keyword in a sweep; known here: {known}")
    return Base(_tidy(values), system)


def _schedule(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tables of a schedule; InputError where an array in one is too large to be written down."""
    for k, table in enumerate(tables):
        for key, value in table.items():
            if "with digest" in str(writing.plain(value)):
                raise InputError(f"schedule[{k}].{key}", value, "is too large for a sweep: give the path of a file")
    return [{key: writing.plain(value) for key, value in table.items()} for table in tables]


def _rule(given: Any) -> Any:
    """A copy rule as a table of what TOML has; InputError where no file can hold it."""
    if isinstance(given, RuleFunction):
        why = "cannot stand in a sweep's files, as functions cannot: call copympi.simulate for each run"
        raise InputError(rule_tables.KEY, given, why)
    table = writing.plain(rule_tables.as_table(given))
    if " with digest " in str(table):
        raise InputError(rule_tables.KEY, given, "has matrices too large for a sweep: give the paths of files")
    return table


def _tidy(values: dict[str, Any]) -> dict[str, Any]:
    """Sections with numpy's numbers as Python's; keys that are None are left out, as they stand for defaults."""

    def scalar(value: Any) -> Any:
        return value.item() if isinstance(value, np.generic) else value

    tables = {name: keys for name, keys in values.items() if keys is not None}
    return {
        name: {k: scalar(v) for k, v in keys.items() if v is not None} if isinstance(keys, Mapping) else keys
        for name, keys in tables.items()
    }


class Jobs:
    """Makes the runs of points. What neighbours share, the System and the ensemble at t = 0, is made once.

    on_node : which part of all ranks shares this one's memory.
    """

    def __init__(self, base: Base, on_node: float = 1.0) -> None:
        self.base, self.on_node = base, on_node
        self._systems: OrderedDict[str, Any] = OrderedDict()
        self._starts: OrderedDict[str, Any] = OrderedDict()

    def job(self, point: Point, folder: Path | None = None) -> Job:
        """The run of a point, into memory or into a folder; InputErrors name the config file, key and value."""
        base = self.base
        try:
            values = self.values(point)
            config = configuration.check(values)
            if config.output.track is not None:
                why = "must be left out in a sweep: histories are kept by single runs (copympi run, or simulate)"
                raise InputError("output.track", config.output.track, why)
            of_system = _key(point, ("system.",))
            before = _once(self._systems, of_system, lambda: self._system(config, of_system))
            ways = ["system.", "preparation."]
            if config.schedule or config.system.drive is not None:
                ways += ["dynamics.duration", "output.interval", "dynamics.tolerance", "dynamics.leaving_chance"]
            of_start = _key(point, tuple(ways))
            made = _once(self._starts, of_start, lambda: plan.prepared(config, before, base.files))
            system, start, schedule = made
            config.dynamics.take_rule(rule_tables.of(config.dynamics.rule, base.files))
            method = assembly.planned(system, start, config, self.on_node, schedule)
        except InputError as problem:
            raise self._told(problem, point) from None
        text = "" if folder is None else self.base.text(values)
        return Job(
            config, text, system, start, (method.name, method.why), folder, base.source, schedule=schedule
        )  # fmt: skip

    def values(self, point: Point) -> dict[str, Any]:
        """Section -> key -> value of a point's config, unchecked."""
        return placed(self.base.values, point.values)

    def _system(self, config: Any, swept: str) -> System:
        if self.base.system is not None and swept == _NOTHING:
            return self.base.system
        said = self.base.values.get("system", {}).get("hamiltonian")
        if self.base.system is not None and isinstance(said, str) and " with digest " in said:
            (key, value), *_ = json.loads(swept).items()
            why = "cannot be swept where system is a System from Python that is too large to be written down"
            raise InputError(key, value, f"{why}; sweep over the path of a file, or call sweep for each System")
        return build.system(config.system, self.base.files)

    def _told(self, problem: InputError, point: Point) -> InputError:
        """The error, with the point where another key than a swept one is to blame."""
        known = any(problem.key == key or problem.key.startswith((f"{key}.", f"{key}[")) for key in point.values)
        why = problem.why if known else f"{problem.why} (in the run with {point})"
        return InputError(problem.key, problem.value, why, problem.file).inside(self.base.source)


def _key(point: Point, sections: tuple[str, ...]) -> str:
    return json.dumps({key: value for key, value in point.values.items() if key.startswith(sections)})


_NOTHING = _key(Point({}), ())


def _once(made: OrderedDict[str, T], key: str, make: Callable[[], T]) -> T:
    """What stands under a key, made where it does not; the KEPT last ones are held."""
    if key not in made:
        while len(made) >= KEPT:
            made.popitem(last=False)
        made[key] = make()
    made.move_to_end(key)
    return made[key]
