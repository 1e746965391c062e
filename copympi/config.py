"""What a run is: the sections of CONFIG.toml, checked; the same for keywords from Python."""

from __future__ import annotations

import difflib
import math
import re
from pathlib import Path
from typing import Any, Literal, get_args

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from tomlkit.exceptions import TOMLKitError

from copympi.errors import InputError, NotBuiltYet, plain_text

MOST_RECORDS, MOST_REPLICAS = 10**8, 2**31
MOST_KINDS = 4096
MOST_STEPS = 10**12
"""Fixed steps between two records."""


WALL_TIME = 'a length of wall time like "30s", "10min" or "2h"'


def seconds(text: Any, key: str, allowed: str = WALL_TIME) -> float:
    """A length of wall time such as "10min", "90 s", "1.5h" in seconds."""
    units = {"s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]*)\s*", text) if isinstance(text, str) else None
    if match and match[2] in units:
        try:
            value = float(match[1]) * units[match[2]]
        except ValueError:
            value = 0.0
        if 0 < value < math.inf:
            return value
    raise InputError(key, text, f"must be {allowed}")


class Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


class SystemSection(Section):
    hamiltonian: Any
    hbar: float = Field(1.0, gt=0)
    labels: list[str] | None = None


class PreparationSection(Section):
    members: Any
    state: Any = None
    density: Any = None
    phase: Any = None
    phase_spread: float = Field(0.0, ge=0, le=3.1416)
    phases: Any = None
    phase_kinds: int = Field(64, ge=1, le=MOST_KINDS)
    spectators: int = Field(0, ge=0)


class DynamicsSection(Section):
    duration: float = Field(gt=0)
    step: float | None = Field(None, gt=0)
    tolerance: float = Field(1e-4, gt=0, lt=1)
    leaving_chance: float = Field(0.03, gt=0, le=1)
    method: Literal["leap", "exact"] = "leap"
    representation: Literal["members", "occupation"] = "members"
    replicas: int = Field(1, ge=1, le=MOST_REPLICAS)
    seed: int = Field(1, ge=0, lt=2**64)


class AlignmentSection(Section):
    """The model (42) to (53) that aligns phases; there is none where the section is left out."""

    strength: float = Field(ge=0)
    scaling: Literal["total", "mean"] = "total"
    damping: float = Field(0.0, ge=0)
    potential: Literal["sin2", "polar"] = "sin2"
    momenta: float = Field(0.0, ge=0)
    on_copy: Literal["inherit", "reset"] = "inherit"


class OutputSection(Section):
    interval: float | None = Field(None, gt=0)
    time_unit: str = ""

    @field_validator("time_unit")
    @classmethod
    def _text(cls, value: str) -> str:
        return plain_text("output.time_unit", value)


INTERVAL = WALL_TIME + ", or a positive number: simulated time"


class CheckpointSection(Section):
    interval: str | float = "10min"
    keep: int = Field(2, ge=1)

    @field_validator("interval")
    @classmethod
    def _positive(cls, value: str | float) -> str | float:
        if isinstance(value, str):
            seconds(value, "checkpoint.interval", INTERVAL)
        elif value <= 0:
            raise InputError("checkpoint.interval", value, f"must be {INTERVAL}")
        return value


class Config(Section):
    """A checked config."""

    system: SystemSection
    preparation: PreparationSection
    dynamics: DynamicsSection
    alignment: AlignmentSection | None = None
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
    def save_every(self) -> float | tuple[float]:
        """Time between checkpoints: seconds of wall time, or (simulated time,)."""
        interval = self.checkpoint.interval
        return seconds(interval, "checkpoint.interval") if isinstance(interval, str) else (float(interval),)

    def settings(self) -> dict[str, Any]:
        """Every key that a resumed run must share with its first life, flat; the Hamiltonian stands for itself."""
        flat = {}
        for section in ("system", "preparation", "dynamics"):
            for key, value in getattr(self, section).model_dump(exclude={"hamiltonian", "labels", "phases"}).items():
                flat[f"{section}.{key}"] = value
        if self.alignment is not None:
            flat |= {f"alignment.{key}": value for key, value in self.alignment.model_dump().items()}
        flat["output.interval"] = self.interval
        return flat


LATER = {
    "system.builder", "system.sites", "system.spacing", "system.mass", "system.boundary", "system.potential",
    "preparation.packet", "preparation.admixture", "preparation.basis",
    "dynamics.rule",
}  # fmt: skip
"""Keys of the contract that have no rooms yet."""


def check(values: dict[str, Any]) -> Config:
    """A config from nested dictionaries; InputError for the first thing wrong with it."""
    for section, content in values.items():
        for key in [section, *(f"{section}.{k}" for k in content)] if isinstance(content, dict) else [section]:
            if key in LATER:
                raise NotBuiltYet(key, content if key == section else content[key.split(".")[1]], "leave it out")
    try:
        config = Config.model_validate(values)
    except ValidationError as problem:
        errors = problem.errors()  # a misspelt key says more than that the right one is missing
        raise _one_line(min(errors, key=lambda error: error["type"] != "extra_forbidden")) from None
    _check_times(config)
    for key, value, offered in (
        ("dynamics.method", config.dynamics.method, "leap"),
        ("preparation.spectators", config.preparation.spectators, 0),
    ):
        if value != offered:
            raise NotBuiltYet(key, value, f"allowed: {offered!r}")
    _check_phases(config)
    return config


def _check_phases(config: Config) -> None:
    p, counts = config.preparation, config.dynamics.representation == "occupation"
    if p.phases is not None and p.phase_spread > 0:
        raise InputError("preparation.phase_spread", p.phase_spread, "must be left out where phases are given")
    if p.phases is not None and counts:
        why = 'must be left out: members are known one by one only with dynamics.representation = "members"'
        raise InputError("preparation.phases", p.phases, why)
    if config.alignment is not None and counts:
        why = 'must be "members" with [alignment]: momenta are each member\'s own'
        raise InputError("dynamics.representation", "occupation", why)


def _check_times(config: Config) -> None:
    duration, interval, step = config.dynamics.duration, config.interval, config.dynamics.step
    if not (interval > 0 and duration / interval < MOST_RECORDS + 0.5):
        raise InputError(
            "dynamics.duration", duration, f"must be at most {MOST_RECORDS:,} times output.interval = {interval:g}"
        )
    if config.records < 1 or abs(config.records * interval - duration) > 1e-9 * duration:
        raise InputError("dynamics.duration", duration, f"must be a multiple of output.interval = {interval:g}")
    if step is not None and interval / MOST_STEPS > step:
        raise InputError("dynamics.step", step, f"must be at least {interval / MOST_STEPS:g}, 10^-12 output.interval")
    if step is not None and (step > interval or abs(round(interval / step) * step - interval) > 1e-9 * interval):
        raise InputError("dynamics.step", step, f"must divide output.interval = {interval:g}")


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
        for part in path:
            kind = section.model_fields[part].annotation
            section = next((each for each in get_args(kind) if each is not type(None)), kind)
        known = list(section.model_fields)
        near = difflib.get_close_matches(str(last), known, n=1, cutoff=0.0)
        why = f"no such key; the nearest is {near[0]!r}; known here: {', '.join(known)}"
        return InputError(key, error["input"], why)
    if error["type"] == "missing":
        return InputError(key, "(left out)", "must be given")
    if error["type"] == "model_type":
        return InputError(key, error["input"], "must be a section")
    if error["type"] == "greater_than" and error["ctx"]["gt"] == 0:
        return InputError(key, error["input"], "must be a positive number")
    why = error["msg"].replace("Input should be", "must be").replace("Field required", "must be given")
    return InputError(key, error["input"], why)


def read(path: Path, overrides: list[str] | None = None) -> tuple[Config, str]:
    """The config in a TOML file with `section.key=value` overrides, and its text as run. InputErrors name the file."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError("CONFIG", path, f"cannot be read: {problem.strerror}") from None
    except (TOMLKitError, ValueError, RecursionError) as problem:
        raise InputError("CONFIG", path, f"is not TOML: {' '.join(str(problem).split())}") from None
    for item in overrides or []:
        _override(document, item)
    try:
        return check(document.unwrap()), tomlkit.dumps(document)
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
    if section not in document:
        document[section] = tomlkit.table()
    table = document[section]
    if not isinstance(table, dict):
        raise InputError("--set", item, f"{section} is not a section")
    table[key] = value
