"""Tables that a user gives, and the numbers in them: every complaint names its key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from copympi.errors import InputError


def table(value: Any, key: str, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Any]:
    """`value` as a table that has all `needed` keys and else only `optional` ones; InputError otherwise."""
    known = [*needed, *optional]
    if not isinstance(value, dict):
        raise InputError(key, value, f"must be a table with {', '.join(known)}")
    for name, content in value.items():
        if name not in known:
            raise InputError(f"{key}.{name}", content, unknown("key", str(name), known))
    for name in needed:
        if name not in value:
            raise InputError(f"{key}.{name}", "(left out)", "must be given")
    return value


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """That there is no such `what`, and which one may have been meant."""
    if not known:
        return f"no such {what}; none is known here"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0) or known
    return f"no such {what}; the nearest is {near[0]!r}; known here: {', '.join(known)}"


def real(value: Any, key: str) -> float:
    """A finite real number."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    try:
        found = float(value) if number else np.nan
    except OverflowError:
        found = np.inf
    if not np.isfinite(found):
        raise InputError(key, value, "must be a finite number")
    return found


def positive(value: Any, key: str) -> float:
    """A finite number above zero."""
    if isinstance(value, bool) or real(value, key) <= 0:
        raise InputError(key, value, "must be a positive number")
    return float(value)


def per_axis(value: Any, key: str, axes: int, kind: Callable[[Any, str], float] = real) -> tuple[float, ...]:
    """A number for each axis: a list of them, or one that stands for all."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return (kind(value, key),) * axes
    if (isinstance(value, np.ndarray) and value.ndim != 1) or len(value) != axes:
        raise InputError(key, value, f"must be a number, or a list of one for each of the {axes} axes")
    return tuple(kind(x, f"{key}[{i}]") for i, x in enumerate(value))
