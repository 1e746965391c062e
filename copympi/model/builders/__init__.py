"""THE TABLE of what `[system] builder = "NAME"` can name: each module here is one of them.

A builder is a module with KEYS, the names of the keys of [system] that are its own, and
`build(values, hbar, folder)`, which makes a System of their values (None for what is left out; paths relative to
`folder`) or raises InputError naming the key. Its name is the module's, with "-" for "_".
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

from copympi.errors import InputError, NotBuiltYet
from copympi.model.system import System

PROMISED = ("two-level",)
"""Names of the contract that have no module yet."""


class Builder(Protocol):
    """What a module of this package has."""

    KEYS: tuple[str, ...]

    def build(self, values: dict[str, Any], hbar: float, folder: Path) -> System: ...


@cache
def builders() -> dict[str, Builder]:
    """name -> builder, in alphabetical order."""
    names = sorted(module.name for module in iter_modules(__path__))
    return {name.replace("_", "-"): import_module(f"{__name__}.{name}") for name in names}  # type: ignore[misc]


def check(builder: Any, hamiltonian: Any, keys: dict[str, Any], general: list[str]) -> None:
    """InputError where the keys of [system] do not go together.

    keys : those that are not `general`, that is known whatever the builder.
    """
    known = builders()
    if builder is None:
        for key, value in keys.items():
            owner = next((name for name, made in known.items() if key in made.KEYS), None)
            if owner is None:
                raise _unknown(key, value, [*general, *(key for made in known.values() for key in made.KEYS)])
            raise InputError(f"system.{key}", value, f'must go with builder = "{owner}"')
        if hamiltonian is None:
            raise InputError("system.hamiltonian", "(left out)", "must be given")
        return
    allowed = " or ".join(f'"{name}"' for name in known)
    if isinstance(builder, str) and builder in PROMISED and builder not in known:
        raise NotBuiltYet("system.builder", builder, f"allowed: {allowed}, or a hamiltonian in its place")
    if not isinstance(builder, str) or builder not in known:
        raise InputError("system.builder", builder, f"must be {allowed}, or left out where hamiltonian is given")
    if hamiltonian is not None:
        raise InputError("system.builder", builder, "must be left out where hamiltonian is given")
    for key, value in keys.items():
        if key not in known[builder].KEYS:
            raise _unknown(key, value, [*general, *known[builder].KEYS])


def _unknown(key: str, value: Any, known: list[str]) -> InputError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return InputError(
        f"system.{key}", value, f"no such key; the nearest is {near[0]!r}; known here: {', '.join(known)}"
    )


def build(name: str, keys: dict[str, Any], hbar: float, folder: Path) -> System:
    """The System of checked keys."""
    builder = builders()[name]
    return builder.build({key: keys.get(key) for key in builder.KEYS}, hbar, folder)
