"""Which beables' members pass a filter, as a user names them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from copympi.errors import InputError
from copympi.model.parts import Parts
from copympi.model.tables import unknown

MOST_NAMES = 200
"""Beables up to which all their names are looked at for the nearest one."""


def beables(given: Any, key: str, labels: Sequence[str], parts: Parts | None = None) -> tuple[int, ...]:
    """Numbers of the beables whose members stay, ascending.

    given : a list of beables, by their names, `labels` (P,), or their numbers; or of a composite a table with such a
    list for some of its parts: then those stay whose parts all are among these.
    Raises InputError, naming `key`, for what is no beable, none at all, or one given twice.
    """
    if not isinstance(given, dict):
        return tuple(sorted(_listed(given, key, labels)))
    if parts is None:
        raise InputError(key, given, "must be a list of beables; a table with parts goes with a composite system")
    if not given:
        raise InputError(key, given, f"must name one part at least, of {', '.join(parts.names)}")
    stays = np.ones(parts.dims, bool)
    for name, some in given.items():
        k = parts.number(name, f"{key}.{name}")
        own = np.zeros(parts.dims[k], bool)
        own[_listed(some, f"{key}.{name}", parts[k].labels)] = True
        stays &= own.reshape([-1 if j == k else 1 for j in range(len(parts))])
    return tuple(_numbers(np.flatnonzero(stays)))


def _numbers(found: NDArray[np.intp]) -> list[int]:
    return [int(a) for a in found]


def _listed(given: Any, key: str, labels: Sequence[str]) -> list[int]:
    """Numbers of the beables of a list, in its order."""
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(key, given, "must be a list of beables whose members stay: their names or numbers")
    out: dict[int, None] = {}
    for i, one in enumerate(given):
        a = _number(one, f"{key}[{i}]", labels)
        if a in out:
            raise InputError(f"{key}[{i}]", one, "is there twice")
        out[a] = None
    return list(out)


def _number(one: Any, key: str, labels: Sequence[str]) -> int:
    P = len(labels)
    if isinstance(one, (int, np.integer)) and not isinstance(one, bool):
        if 0 <= one < P:
            return int(one)
        raise InputError(key, int(one), f"must be the number of a beable, 0 to {P - 1}, or its name")
    if not isinstance(one, str):
        raise InputError(key, one, f"must be the name of a beable, or its number, 0 to {P - 1}")
    found = next((a for a, label in enumerate(labels) if label == one), None)
    if found is not None:
        return found
    if P > MOST_NAMES:
        raise InputError(key, one, f"no beable has this name; names are like {labels[0]!r}, numbers go to {P - 1}")
    raise InputError(key, one, unknown("beable", one, list(labels)))
