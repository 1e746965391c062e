"""What a run is: the sections of CONFIG.toml, checked; the same for keywords from Python."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, get_args

import tomlkit
from pydantic import Field, ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from copympi import files
from copympi.config.choices import representation
from copympi.config.sections import (
    INTERVAL,
    AlignmentSection,
    CheckpointSection,
    DynamicsSection,
    OutputSection,
    PreparationSection,
    ScheduleSection,
    Section,
    SystemSection,
)
from copympi.config.sections import seconds as seconds
from copympi.errors import InputError
from copympi.model import builders

MOST_RECORDS = 10**8
SHORTEST, LONGEST = 1e-100, 1e100
"""Durations, whose powers must be numbers."""
MOST_STEPS = 10**12
"""Fixed steps between two records."""


APART = {"hamiltonian", "labels", "drive", "phases", "normalise"}
"""Keys that stand for themselves, or only help to say what the ensemble is."""


class Config(Section):
    """A checked config."""

    system: SystemSection
    preparation: PreparationSection
    dynamics: DynamicsSection
    alignment: AlignmentSection | None = None
    schedule: list[ScheduleSection] = Field(default_factory=list)
    output: OutputSection = Field(default_factory=lambda: OutputSection.model_construct())
    checkpoint: CheckpointSection = Field(default_factory=lambda: CheckpointSection.model_construct())

    @property
    def interval(self) -> float:
        """Time between records; a hundredth of the duration where none is given."""
        return self.output.interval if self.output.interval is not None else self.dynamics.duration / 100

    @property
    def records(self) -> int:
        """Records after the one at t = 0."""
        return round(self.dynamics.duration / self.interval)

    @property
    def profile_every(self) -> int | None:
        """Records from one with whole profiles to the next; None where that is left to the code."""
        given = self.output.profile_interval
        return None if given is None else round(given / self.interval)

    @property
    def save_every(self) -> float | tuple[float]:
        """Time between checkpoints: seconds of wall time, or (simulated time,)."""
        interval = self.checkpoint.interval
        return seconds(interval, "checkpoint.interval") if isinstance(interval, str) else (float(interval),)

    def settings(self) -> dict[str, Any]:
        """Every key that a resumed run must share with its first attempt, flat; the Hamiltonian stands for itself."""
        flat = {}
        for section in ("system", "preparation", "dynamics"):
            for key, value in getattr(self, section).model_dump(exclude=APART).items():
                flat[f"{section}.{key}"] = value
        for key in ("dynamics.rule", "preparation.guided"):
            if flat[key] is None:
                del flat[key]
        if self.dynamics.guide == "ensemble":
            del flat["dynamics.guide"], flat["dynamics.guide_mixing"]
        if self.alignment is not None:
            flat |= {f"alignment.{key}": value for key, value in self.alignment.model_dump().items()}
        flat["output.interval"] = self.interval
        flat["output.profile_interval"], flat["output.summaries"] = self.output.profile_interval, self.output.summaries
        if self.output.track is not None:
            flat["output.track"] = self.output.track
        return flat


def check(values: dict[str, Any]) -> Config:
    """A config from nested dictionaries; InputError for the first thing wrong with it."""
    try:
        config = Config.model_validate(values)
    except ValidationError as problem:
        errors = problem.errors()  # a misspelt key says more than that the right one is missing
        raise _one_line(min(errors, key=lambda error: error["type"] != "extra_forbidden")) from None
    s = config.system
    builders.check(s.builder, s.hamiltonian, s.keys_of_builder, list(SystemSection.model_fields))
    _check_times(config)
    _check_phases(config)
    _check_guide(config)
    _check_schedule(config)
    if config.dynamics.representation == "auto":
        config.dynamics.settle(*representation(config))
    return config


def _check_phases(config: Config) -> None:
    p = config.preparation
    if p.phases is not None and p.phase_spread > 0:
        raise InputError("preparation.phase_spread", p.phase_spread, "must be left out where phases are given")


def _check_guide(config: Config) -> None:
    p, d = config.preparation, config.dynamics
    if d.guide == "ensemble":
        for key, value in (("dynamics.guide_mixing", d.guide_mixing or None), ("preparation.guided", p.guided)):
            if value is not None:
                raise InputError(key, value, 'must be left out but where dynamics.guide = "schroedinger"')


def _check_schedule(config: Config) -> None:
    for k, section in enumerate(config.schedule):
        if len(section.given) != 1:
            given = " and ".join(section.given) or "(nothing)"
            raise InputError(f"schedule[{k}]", given, "must have one of hamiltonian, potential, terms, filter")


def _check_times(config: Config) -> None:
    duration, interval, step = config.dynamics.duration, config.interval, config.dynamics.step
    if not (interval > 0 and duration / interval < MOST_RECORDS + 0.5):
        raise InputError(
            "dynamics.duration", duration, f"must be at most {MOST_RECORDS:,} times output.interval = {interval:g}"
        )
    if config.records < 1 or abs(config.records * interval - duration) > 1e-9 * duration:
        raise InputError("dynamics.duration", duration, f"must be a multiple of output.interval = {interval:g}")
    if not SHORTEST <= duration <= LONGEST:
        raise InputError("dynamics.duration", duration, f"must be from {SHORTEST:g} to {LONGEST:g}; choose other units")
    if step is not None and interval / MOST_STEPS > step:
        raise InputError("dynamics.step", step, f"must be at least {interval / MOST_STEPS:g}, 10^-12 output.interval")
    if step is not None and (step > interval or abs(round(interval / step) * step - interval) > 1e-9 * interval):
        raise InputError("dynamics.step", step, f"must divide output.interval = {interval:g}")
    profiles = config.output.profile_interval
    if profiles is not None and not (
        0.5 * interval < profiles < 2 * duration and _multiple(profiles, interval) and _multiple(duration, profiles)
    ):
        why = f"must be a multiple of output.interval = {interval:g} that divides dynamics.duration = {duration:g}"
        raise InputError("output.profile_interval", profiles, why)


def _multiple(whole: float, part: float) -> bool:
    """Whether `whole` is so many times `part`, but for rounding."""
    return abs(round(whole / part) * part - whole) <= 1e-9 * whole


def _one_line(error: Any) -> InputError:
    """pydantic's first complaint in our words."""
    if isinstance(error.get("ctx", {}).get("error"), InputError):
        return error["ctx"]["error"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).removeprefix(".")
    if error["loc"][:2] == ("checkpoint", "interval"):  # pydantic speaks of one of its two types
        return InputError("checkpoint.interval", error["input"], f"must be {INTERVAL}")
    if error["type"] == "extra_forbidden":
        *path, last = error["loc"]
        section: Any = Config
        for part in (part for part in path if isinstance(part, str)):
            kind = section.model_fields[part].annotation
            section = next((each for each in get_args(kind) if each is not type(None)), kind)
        known = list(section.model_fields)
        near = difflib.get_close_matches(str(last), known, n=1, cutoff=0.0)
        why = f"no such key; the nearest is {near[0]!r}; known here: {', '.join(known)}"
        return InputError(key, error["input"], why)
    if error["type"] == "missing":
        return InputError(key, "(left out)", "must be given")
    if error["type"] == "list_type" and error["loc"] == ("schedule",):
        return InputError(key, error["input"], "must be tables, each under [[schedule]]")
    if error["type"] == "model_type":
        return InputError(key, error["input"], "must be a section")
    if error["type"] == "greater_than" and error["ctx"]["gt"] == 0:
        return InputError(key, error["input"], "must be a positive number")
    why = error["msg"].replace("Input should be", "must be").replace("Field required", "must be given")
    return InputError(key, error["input"], why)


def document(path: Path, overrides: list[str] | None = None) -> tomlkit.TOMLDocument:
    """A TOML file with `section.key=value` overrides, its values unchecked. InputError where it cannot be read."""
    try:
        files.check(path, pipes=True)
        found = tomlkit.parse(path.read_text(encoding="utf-8-sig"))  # some editors put a mark before the text
    except OSError as problem:
        raise InputError("CONFIG", path, f"cannot be read: {problem.strerror}") from None
    except (TOMLKitError, ValueError, RecursionError) as problem:
        raise InputError("CONFIG", path, f"is not TOML: {' '.join(str(problem).split())}") from None
    for item in overrides or []:
        _override(found, item)
    return found


def read(path: Path, overrides: list[str] | None = None) -> tuple[Config, str]:
    """The config in a TOML file with `section.key=value` overrides, and its text as run. InputErrors name the file."""
    found = document(path, overrides)
    try:
        return check(found.unwrap()), tomlkit.dumps(found)
    except TOMLKitError as problem:
        raise InputError("CONFIG", path, f"is not TOML: {problem}") from None
    except InputError as problem:
        raise problem.inside(path) from None


def _override(document: tomlkit.TOMLDocument, item: str) -> None:
    name, equals, text = item.partition("=")
    section, dot, key = name.strip().partition(".")
    if not (equals and dot and section and key):
        raise InputError("--set", item, "must read section.key=value")
    if any("\ud800" <= c <= "\udfff" for c in item):  # bytes of the command line that are no text
        raise InputError("--set", item, "must be text in UTF-8")
    try:
        value = tomlkit.value(text.strip())
    except (TOMLKitError, ValueError, RecursionError):
        value = tomlkit.string(text.strip())
    *path, last = steps(name.strip())  # as dynamics.rule.q, of a table in a section, or system.terms[0].strength
    table, said = document, ""
    for step, then in zip(path, [*path[1:], last], strict=True):
        if isinstance(step, str) and isinstance(then, str) and isinstance(table, dict) and step not in table:
            table[step] = tomlkit.inline_table() if said else tomlkit.table()
        table, said = table[_place(table, step, said, item)], told(said, step)
    table[_place(table, last, said, item, new=True)] = value


def steps(key: str) -> list[str | int]:
    """The names in a dotted key, behind those of lists the numbers of elements: system, terms, 0, strength."""
    out: list[str | int] = []
    for name in key.split("."):
        found = re.fullmatch(r"(\w+)((?:\[\d+\])+)", name)
        out += [found[1], *map(int, re.findall(r"\d+", found[2]))] if found else [name]
    return out


def told(said: str, step: str | int) -> str:
    """A dotted key and what comes behind it, as one key."""
    return f"{said}[{step}]" if isinstance(step, int) else f"{said}.{step}".removeprefix(".")


def _place(table: Any, step: str | int, said: str, item: str, new: bool = False) -> Any:
    """The step itself, into what `said` names; InputError where there is none. new : whether it may be made."""
    if isinstance(step, int):
        if not isinstance(table, list):
            raise InputError("--set", item, f"{said} is not a list")
        if step >= len(table):
            of = f"{len(table)} tables [[{said}]]" if isinstance(table, AoT) else f"{len(table)} elements of {said}"
            raise InputError("--set", item, f"there are {of}, counted from 0")
    elif isinstance(table, list):
        raise InputError("--set", item, f"{said} has several tables: name one of them, as {said}[0]")
    elif not isinstance(table, dict):
        raise InputError("--set", item, f"{said} is not a section")
    elif step not in table and not new:
        raise InputError("--set", item, f"there is no list {told(said, step)}")
    return step
