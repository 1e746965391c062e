"""The sections of CONFIG.toml, key by key: types, defaults and bounds."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, field_validator

from copympi.errors import InputError, plain_text

MOST_CHANCE = 0.3
"""Above it laws of few members are off by several standard errors of a thousand replicas."""
MOST_REPLICAS, MOST_KINDS, MOST_SPECTATORS = 2**31, 4096, 10**15
MOST_MIXING = 1e6
MOST_ALIGNED = 1e100
"""Sums of squares of momenta, and energies of 2^63 members, are still numbers."""

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


TRACKED = "must be a number of members from 1 on, or a list of different ids from 0 on"


def tracked(value: Any) -> int | list[int]:
    """output.track: how many members are followed, or their ids, ascending. InputError for anything else."""
    given = value.item() if getattr(value, "shape", None) == () else value  # numpy's arrays of no axis
    several = hasattr(given, "__iter__") and not isinstance(given, (str, bytes, dict))
    made = [_whole(each) for each in (given if several else [given])]
    if -1 in made or not made or len(set(made)) < len(made) or (made == [0] and not several):
        raise InputError("output.track", value, TRACKED)
    return sorted(made) if several else made[0]


def _whole(value: Any) -> int:
    """A whole number from 0 on below 2^63, also one that is written as 1e6; -1 for anything else."""
    try:
        value = value.item() if hasattr(value, "item") else value
        whole = isinstance(value, (int, float)) and not isinstance(value, bool) and int(value) == value
        return int(value) if whole and 0 <= value < 2**63 else -1
    except (TypeError, ValueError, OverflowError):
        return -1


class Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


class SystemSection(Section):
    """Either hamiltonian, or builder with the keys of its own, whose values it checks itself (model/builders).

    drive : tables, which model/drives.py reads; from Python what model/evolving.py makes of functions.
    """

    model_config = ConfigDict(extra="allow")
    hamiltonian: Any = None
    hbar: float = Field(1.0, gt=0)
    labels: list[str] | None = None
    builder: Any = None
    drive: Any = None

    @property
    def keys_of_builder(self) -> dict[str, Any]:
        """Keys that are not known whatever the builder."""
        return dict(self.model_extra or {})


class PreparationSection(Section):
    members: Any
    state: Any = None
    density: Any = None
    phase: Any = None
    normalise: bool = False
    phase_spread: float = Field(0.0, ge=0, le=3.1416)
    phases: Any = None
    phase_kinds: int = Field(64, ge=1, le=MOST_KINDS)
    spectators: int = Field(0, ge=0, le=MOST_SPECTATORS)
    packet: Any = None
    parts: Any = None
    admixture: Any = None
    basis: Any = None
    guided: Any = None


class DynamicsSection(Section):
    duration: float = Field(gt=0)
    step: float | None = Field(None, gt=0)
    tolerance: float = Field(1e-4, gt=0, lt=1)
    leaving_chance: float = Field(0.03, gt=0, le=MOST_CHANCE)
    method: Literal["auto", "leap", "exact"] = "auto"
    representation: Literal["auto", "members", "occupation"] = "auto"
    replicas: int = Field(1, ge=1, le=MOST_REPLICAS)
    seed: int = Field(1, ge=0, lt=2**64)
    rule: Any = None
    guide: Literal["ensemble", "schroedinger"] = "ensemble"
    guide_mixing: float = Field(0.0, ge=0, le=MOST_MIXING)
    _why: str = PrivateAttr("")
    _rule: Any = PrivateAttr(None)

    @property
    def why(self) -> str:
        """Why the representation that "auto" stands for was taken; empty where a config names one."""
        return self._why

    def settle(self, representation: Literal["members", "occupation"], why: str) -> None:
        """Put in the place of "auto" what it stands for."""
        self.representation, self._why = representation, why

    @property
    def rule_read(self) -> Any:
        """The Rule that `rule` stands for, once whoever knows where its files lie has read it; None before."""
        return self._rule

    def take_rule(self, rule: Any) -> None:
        """Keep the Rule that `rule` stands for."""
        self._rule = rule


class ScheduleSection(Section):
    """What happens at a time: one of its keys says what; those that make another H are read by model/build.py."""

    at: float = Field(gt=0)
    hamiltonian: Any = None
    potential: Any = None
    terms: Any = None
    filter: Any = None

    @property
    def given(self) -> dict[str, Any]:
        """What happens, by the keys that are there."""
        keys = ("hamiltonian", "potential", "terms", "filter")
        return {key: getattr(self, key) for key in keys if getattr(self, key) is not None}


class AlignmentSection(Section):
    """The model (42) to (53) that aligns phases; there is none where the section is left out."""

    strength: float = Field(ge=0)
    scaling: Literal["total", "mean"] = "total"
    damping: float = Field(0.0, ge=0)
    potential: Literal["sin2", "polar"] = "sin2"
    momenta: float = Field(0.0, ge=0)
    on_copy: Literal["inherit", "reset"] = "inherit"

    @field_validator("strength", "damping", "momenta")
    @classmethod
    def _bounded(cls, value: float, info: ValidationInfo) -> float:
        if value > MOST_ALIGNED:
            raise InputError(f"alignment.{info.field_name}", value, f"must be at most {MOST_ALIGNED:g}")
        return value


class OutputSection(Section):
    interval: float | None = Field(None, gt=0)
    time_unit: str = ""
    profile_interval: float | None = Field(None, gt=0)
    summaries: bool | None = None
    track: Any = None

    @field_validator("track")
    @classmethod
    def _members(cls, value: Any) -> int | list[int] | None:
        return None if value is None else tracked(value)

    @field_validator("time_unit")
    @classmethod
    def _text(cls, value: str) -> str:
        return plain_text("output.time_unit", value)


INTERVAL = WALL_TIME + ", or a positive number: simulated time"


class CheckpointSection(Section):
    interval: str | float = "10min"
    keep: int = Field(2, ge=1)
    final: bool = True

    @field_validator("interval")
    @classmethod
    def _positive(cls, value: str | float) -> str | float:
        if isinstance(value, str):
            seconds(value, "checkpoint.interval", INTERVAL)
        elif value <= 0:
            raise InputError("checkpoint.interval", value, f"must be {INTERVAL}")
        return value
