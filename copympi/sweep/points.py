"""The points of a sweep: what values its keys take, and the name that signac gives to each combination of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import tomlkit
from tomlkit.exceptions import TOMLKitError

from copympi.config import writing
from copympi.config.reading import steps
from copympi.errors import InputError
from copympi.model.rule_tables import as_table
from copympi.model.rules import Rule

SEED = "dynamics.seed"
SECTIONS = ("system", "preparation", "dynamics", "alignment", "output")
"""Sections whose keys may be swept; those of [checkpoint] change no number."""
MOST_POINTS = 10**6

Over = dict[str, list[Any]]
"""Key, as section.key -> the values it takes, in types that JSON has."""


@dataclass(frozen=True)
class Point:
    """One run of a sweep: `values` of the swept keys, by section.key, in types that JSON has."""

    values: dict[str, Any]

    @property
    def state_point(self) -> dict[str, Any]:
        """The values as signac has them: one dictionary in another, where a key has dots."""
        out: dict[str, Any] = {}
        for key, value in self.values.items():
            *path, last = key.split(".")
            table = out
            for part in path:
                table = table.setdefault(part, {})
            table[last] = value
        return out

    @cached_property
    def name(self) -> str:
        """The name of its folder: MD5 of the state point as JSON with sorted keys, as signac's calc_id has it."""
        return hashlib.md5(json.dumps(self.state_point, sort_keys=True).encode(), usedforsecurity=False).hexdigest()

    @property
    def setting(self) -> dict[str, Any]:
        """The values but for the seed: what all runs of a row of the table share."""
        return {key: value for key, value in self.values.items() if key != SEED}

    def __str__(self) -> str:
        return ", ".join(f"{key} = {told(value)}" for key, value in self.values.items())


def told(value: Any) -> str:
    """A value as TOML has it, or nearly."""
    return json.dumps(value)


def placed(values: Mapping[str, Any], flat: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dictionaries with the values of `flat` put in by their dotted keys; `values` stays as it is.

    A key may go through a list that there is, as system.terms[0].strength.
    """
    out: Any = dict(values)
    for key, value in flat.items():
        out = _put(out, steps(key), value, key, "")
    return dict(out)


def _put(into: Any, path: list[str | int], value: Any, key: str, said: str) -> Any:
    """A copy of what `said` names, with the value at the end of a path in it."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        if not isinstance(into, (list, tuple)):
            what = "is left out" if into is None else f"is {told(writing.plain(into))}"
            raise InputError(key, value, f"{said} is not a list: it {what}")
        if step >= len(into):
            raise InputError(key, value, f"there are {len(into)} elements of {said}, counted from 0")
        return [*into[:step], _put(into[step], rest, value, key, f"{said}[{step}]"), *into[step + 1 :]]
    if not isinstance(into, Mapping):
        raise InputError(key, value, f"{said} is not a section, but {told(writing.plain(into))}")
    below = into.get(step, None if rest and isinstance(rest[0], int) else {})
    return {**into, step: _put(below, rest, value, key, step)}


def checked(over: Any) -> Over:
    """What is swept, in types that JSON has and with the seed last; InputError for what cannot be."""
    if not isinstance(over, Mapping) or not over:
        raise InputError("over", over, 'must be a dictionary {"section.key": values} with a key at least')
    out: Over = {}
    for key, values in over.items():
        section, dot, rest = key.partition(".") if isinstance(key, str) else ("", "", "")
        if section not in SECTIONS or not dot or not all(rest.split(".")):
            raise InputError("over", key, f"must read section.key, with one of the sections {', '.join(SECTIONS)}")
        out[key] = _listed(key, values)
    if any(other.startswith((f"{key}.", f"{key}[")) for key in out for other in out):
        raise InputError("over", ", ".join(out), "must not sweep a key and what stands in it too")
    if SEED in out:
        out[SEED] = out.pop(SEED)
    if prod(map(len, out.values())) > MOST_POINTS:
        raise InputError("over", f"{prod(map(len, out.values())):,} points", f"must be at most {MOST_POINTS:,}")
    return out


def _listed(key: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise InputError(f"over {key}", values, "must be a list of values")
    try:
        listed = [writing.plain(_known(key, as_table(v) if isinstance(v, Rule) else v)) for v in values]
    except TypeError:  # an array of no dimension has __iter__ too
        raise InputError(f"over {key}", values, "must be a list of values") from None
    if not listed:
        raise InputError(f"over {key}", "no value", "must be at least one")
    seen = set()
    for value in listed:
        if " with digest " in str(value):
            most = f"at most {writing.MOST_NUMBERS} numbers"
            raise InputError(f"over {key}", value, f"must have {most}; give larger arrays as paths of files")
        same = repr(float(value)) if _exact(value) else json.dumps(value)
        if same in seen:
            raise InputError(f"over {key}", value, "must not stand there twice")
        seen.add(same)
    return listed


def _known(key: str, value: Any) -> Any:
    """A value as it is; InputError for what no config has, a date of TOML's, say."""
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for each in inside:
        _known(key, each)
    array = isinstance(value, (np.ndarray, np.number, np.bool_)) or hasattr(value, "toarray") or hasattr(value, "full")
    if not array and not isinstance(value, (bool, int, float, complex, str, list, tuple, dict)):
        raise InputError(f"over {key}", str(value), "must be a number, true or false, text, a list or a table")
    return value


def _exact(value: Any) -> bool:
    """Whether a value is a number that a double holds, so that 1000 and 1e3 are one."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and (isinstance(value, float) or abs(value) < 2**53)


def read(texts: list[str]) -> dict[str, list[Any]]:
    """Keys and values from KEY=V1,V2,... of the command line; InputError for what does not read so."""
    out: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = (part.strip() for part in text.partition("="))
        if not (key and equals and values):
            raise InputError("--over", text, "must read section.key=value,value,...")
        if key in out:
            raise InputError("--over", text, f"{key} must not stand there twice")
        if any("\ud800" <= c <= "\udfff" for c in text):  # bytes of the command line that are no text
            raise InputError("--over", text, "must be text in UTF-8")
        try:
            out[key] = list(tomlkit.value(f"[{values}]").unwrap())
        except (TOMLKitError, ValueError, RecursionError):
            out[key] = [part.strip() for part in values.split(",")]
    return out


def seeds(first: Any, number: int) -> list[int]:
    """So many seeds, from the config's own on."""
    if not 1 <= number <= MOST_POINTS:
        raise InputError("--seeds", number, f"must be from 1 to {MOST_POINTS:,}")
    if not isinstance(first, (int, np.integer)) or isinstance(first, bool):
        raise InputError(SEED, first, "must be a whole number")
    return list(range(int(first), int(first) + number))


class Points(Sequence[Point]):
    """All combinations of values, in order, the last key changing fastest; each is made when it is asked for."""

    def __init__(self, over: Over) -> None:
        self.over = over
        self._size = prod(map(len, over.values()))

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return [self[j] for j in range(*k.indices(self._size))]
        if not 0 <= k < self._size:
            raise IndexError(k)
        at = []
        for values in reversed(self.over.values()):
            k, place = divmod(k, len(values))
            at.append(values[place])
        return Point(dict(zip(self.over, reversed(at), strict=True)))
